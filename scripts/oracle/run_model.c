// SPDX-License-Identifier: MIT
// Runs a TFLite model on the CPU or through a delegate library:
//     run_model MODEL INPUT OUTPUT [DELEGATE.so]
// TFLite's C functions are declared here, so that no header package is needed.
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct TfLiteModel TfLiteModel;
typedef struct TfLiteInterpreterOptions Options;
typedef struct TfLiteInterpreter Interpreter;
typedef struct TfLiteTensor Tensor;
typedef struct TfLiteDelegate Delegate;

TfLiteModel* TfLiteModelCreateFromFile(const char* path);
Options* TfLiteInterpreterOptionsCreate(void);
void TfLiteInterpreterOptionsSetNumThreads(Options*, int);
void TfLiteInterpreterOptionsAddDelegate(Options*, Delegate*);
Interpreter* TfLiteInterpreterCreate(const TfLiteModel*, const Options*);
int TfLiteInterpreterAllocateTensors(Interpreter*);
int TfLiteInterpreterInvoke(Interpreter*);
Tensor* TfLiteInterpreterGetInputTensor(const Interpreter*, int);
const Tensor* TfLiteInterpreterGetOutputTensor(const Interpreter*, int);
void* TfLiteTensorData(const Tensor*);
size_t TfLiteTensorByteSize(const Tensor*);

typedef Delegate* (*CreateDelegate)(char** keys, char** values, size_t count,
                                    void (*report)(const char*));

static void fail(const char* what) {
    fprintf(stderr, "run_model: %s\n", what);
    exit(1);
}

static void report(const char* line) {
    fprintf(stderr, "delegate: %s\n", line);
}

static Delegate* load_delegate(const char* path) {
    void* const library = dlopen(path, RTLD_NOW);
    if (library == NULL) fail(dlerror());
    const CreateDelegate create = (CreateDelegate)dlsym(library, "tflite_plugin_create_delegate");
    Delegate* const delegate = create ? create(NULL, NULL, 0, report) : NULL;
    if (delegate == NULL) fail("the library gives no delegate");
    return delegate;
}

int main(int argc, char** argv) {
    if (argc < 4) fail("MODEL INPUT OUTPUT [DELEGATE.so]");
    TfLiteModel* const model = TfLiteModelCreateFromFile(argv[1]);
    if (model == NULL) fail("no model");
    Options* const options = TfLiteInterpreterOptionsCreate();
    TfLiteInterpreterOptionsSetNumThreads(options, 1);
    if (argc > 4) TfLiteInterpreterOptionsAddDelegate(options, load_delegate(argv[4]));
    Interpreter* const interpreter = TfLiteInterpreterCreate(model, options);
    if (interpreter == NULL || TfLiteInterpreterAllocateTensors(interpreter) != 0)
        fail("the model cannot be set up");
    Tensor* const input = TfLiteInterpreterGetInputTensor(interpreter, 0);
    FILE* file = fopen(argv[2], "rb");
    const size_t size = TfLiteTensorByteSize(input);
    if (file == NULL || fread(TfLiteTensorData(input), 1, size, file) != size) fail("no input");
    fclose(file);
    if (TfLiteInterpreterInvoke(interpreter) != 0) fail("the model does not run");
    const Tensor* const output = TfLiteInterpreterGetOutputTensor(interpreter, 0);
    file = fopen(argv[3], "wb");
    if (file == NULL) fail("no place for the output");
    fwrite(TfLiteTensorData(output), 1, TfLiteTensorByteSize(output), file);
    fclose(file);
    // Mesa frees some buffers twice when a delegate is torn down; there is nothing to tidy up.
    _exit(0);
}
