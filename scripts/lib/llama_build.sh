# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: MIT
# How the pinned llama.cpp is built, for this machine or for another one. Source it after common.sh.

# llama_options TESTS OPTION...: prints the CMake options, one a line; TESTS is ON or OFF. Programs find their libraries
# beside them, backends are modules, and nothing says when or where it was built.
llama_options() {
    local tests=$1
    shift
    printf '%s\n' -DCMAKE_BUILD_TYPE=Release -DCMAKE_BUILD_WITH_INSTALL_RPATH=ON "-DCMAKE_INSTALL_RPATH=\$ORIGIN" \
        -DGGML_BACKEND_DL=ON "$@" \
        -DLLAMA_BUILD_IS_DEV=OFF -DLLAMA_BUILD_NUMBER=0 "-DLLAMA_BUILD_COMMIT=$llama_tag" \
        "-DLLAMA_BUILD_TESTS=$tests" -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_APP=OFF \
        -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_UI=OFF -DLLAMA_USE_PREBUILT_UI=OFF
}

# llama_build SOURCE PREFIX CMAKE-OPTION... -- TARGET...: PREFIX gets bin/, include/ and a link to the source, whole or
# not at all.
llama_build() {
    local source=$1 prefix=$2 build=$2.build options=()
    shift 2
    while [ "$1" != -- ]; do options+=("$1"); shift; done
    shift
    run_quietly "$build.log" cmake -S "$source" -B "$build" -G Ninja "${options[@]}"
    run_quietly "$build.log" cmake --build "$build" -j "$cores" --target "$@"
    rm -rf "$prefix.tmp"
    mkdir -p "$prefix.tmp/bin" "$prefix.tmp/include"
    cp -a "$build"/bin/* "$prefix.tmp/bin/"
    cp "$source"/include/*.h "$source"/ggml/include/*.h "$prefix.tmp/include/"
    ln -s "../$(basename "$source")" "$prefix.tmp/src"
    mv "$prefix.tmp" "$prefix"
    rm -rf "$build" "$build.log"
}
