# SPDX-License-Identifier: MIT
# rosenblatt make-model: what it writes, what it says to wrong usage, and that llama.cpp takes every shape.
rosenblatt_test(cli_make_model LABEL cli SOURCES make_model_test.cpp DEPENDS cli)
set(kjv ${PROJECT_SOURCE_DIR}/models/rosenblatt-kjv-f16.gguf)
set(made ${CMAKE_CURRENT_BINARY_DIR}/made.gguf)
rosenblatt_cli_test(make_model_writes_a_model_with_the_given_vocabulary
                    ARGS make-model --shape tiny --layers 1 --vocab ${kjv} -o ${made}
                    OUT "made.gguf: tiny, [0-9]+ tokens, 0.00[0-9] G parameters, 0.0[0-9]+ GB, F16, seed 1")
rosenblatt_cli_test(make_model_lists_its_shapes ARGS make-model --shape huge --vocab ${kjv} -o ${made} EXIT 2
                    ERR "no shape named 'huge' is known; there are qwen2.5-1.5b, small, tiny, moe, embed")
rosenblatt_cli_test(make_model_needs_a_vocabulary ARGS make-model --shape tiny -o ${made} EXIT 2 ERR "--vocab is required")
rosenblatt_cli_test(make_model_names_a_missing_vocabulary ARGS make-model --shape tiny --vocab /nonexistent -o ${made}
                    EXIT 1 ERR "^rosenblatt make-model: cannot read /nonexistent: No such file")
rosenblatt_cli_test(make_model_refuses_a_file_that_is_no_gguf ARGS make-model --shape tiny --vocab ${data}/matmul.hex -o ${made}
                    EXIT 1 ERR "matmul.hex is not a GGUF file")
rosenblatt_cli_test(make_model_refuses_a_vocabulary_of_another_kind
                    ARGS make-model --shape embed --vocab ${kjv} -o ${made}
                    EXIT 1 ERR "shape embed needs a 'bert' vocabulary, but [^\n]* has one of kind 'gpt2'")
rosenblatt_cli_test(make_model_names_a_place_it_cannot_write
                    ARGS make-model --shape tiny --vocab ${kjv} -o /nonexistent/x
                    EXIT 1 ERR "cannot write /nonexistent/x[^\n]*: No such file")
rosenblatt_cli_test(make_model_does_not_take_the_place_of_a_folder
                    ARGS make-model --shape tiny --layers 1 --vocab ${kjv} -o ${data} EXIT 1 ERR "cannot write [^\n]*: Is a directory")
rosenblatt_cli_test(make_model_refuses_absurd_layers ARGS make-model --shape tiny --layers 100000 --vocab ${kjv} -o ${made}
                    EXIT 2 ERR "--layers is 1 to 512")
foreach(option layers threads)
    rosenblatt_cli_test(make_model_refuses_no_${option} ARGS make-model --shape tiny --${option} 0 --vocab ${kjv} -o ${made}
                        EXIT 2 ERR "--${option} is 1 to ")
endforeach()
add_test(NAME cli.make_model_that_is_killed_while_it_writes_leaves_nothing
         COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/make_model_killed.py $<TARGET_FILE:rosenblatt> ${kjv}
                 ${CMAKE_CURRENT_BINARY_DIR}/killed)
set_tests_properties(cli.make_model_that_is_killed_while_it_writes_leaves_nothing
                     PROPERTIES LABELS cli SKIP_RETURN_CODE 77 TIMEOUT 60)

if(ROSENBLATT_LLAMA_FOUND)
    add_test(NAME cli.make_model_shapes_load_and_quantize
             COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/make_model_check.py $<TARGET_FILE:rosenblatt>
                     ${ROSENBLATT_LLAMA_BIN} ${CMAKE_CURRENT_BINARY_DIR}/shapes)
    set_tests_properties(cli.make_model_shapes_load_and_quantize PROPERTIES LABELS host TIMEOUT 600)
endif()
