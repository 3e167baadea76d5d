# SPDX-License-Identifier: MIT
# The pinned llama.cpp as targets: llama::ggml-base, llama::ggml, llama::llama, and llama::ggml-impl for ggml's own
# headers. Sets ROSENBLATT_LLAMA_FOUND, ROSENBLATT_LLAMA_BIN (its programs) and ROSENBLATT_LLAMA_SOURCE.
# ROSENBLATT_LLAMA_DIR empty: what scripts/get_llama.sh made last on this machine, if it ever ran; none when cross-compiling.

set(ROSENBLATT_LLAMA_FOUND OFF)
set(llama_dir "${ROSENBLATT_LLAMA_DIR}")
if(NOT llama_dir AND NOT CMAKE_CROSSCOMPILING)
    if(DEFINED ENV{XDG_CACHE_HOME} AND NOT "$ENV{XDG_CACHE_HOME}" STREQUAL "")
        set(llama_dir "$ENV{XDG_CACHE_HOME}/rosenblatt/llama")
    else()
        set(llama_dir "$ENV{HOME}/.cache/rosenblatt/llama")
    endif()
endif()

if(llama_dir AND EXISTS "${llama_dir}/bin/libggml-base.so")
    file(REAL_PATH "${llama_dir}" llama_dir)
    set(ROSENBLATT_LLAMA_FOUND ON)
    set(ROSENBLATT_LLAMA_BIN "${llama_dir}/bin")
    file(REAL_PATH "${llama_dir}/src" ROSENBLATT_LLAMA_SOURCE)

    foreach(library ggml-base ggml llama)
        add_library(llama::${library} SHARED IMPORTED)
        set_target_properties(llama::${library} PROPERTIES
            IMPORTED_LOCATION "${ROSENBLATT_LLAMA_BIN}/lib${library}.so"
            INTERFACE_INCLUDE_DIRECTORIES "${llama_dir}/include"
            INTERFACE_COMPILE_DEFINITIONS "GGML_BACKEND_DL;GGML_SHARED")
    endforeach()
    target_link_libraries(llama::ggml INTERFACE llama::ggml-base)
    target_link_libraries(llama::llama INTERFACE llama::ggml)
    # The generated ggml-version.h is not among these headers; a backend does not need it.
    add_library(llama::ggml-impl INTERFACE IMPORTED)
    target_include_directories(llama::ggml-impl INTERFACE "${ROSENBLATT_LLAMA_SOURCE}/ggml/src")
    target_link_libraries(llama::ggml-impl INTERFACE llama::ggml-base)
    message(STATUS "llama.cpp: ${llama_dir}")
elseif(ROSENBLATT_LLAMA_DIR)
    message(FATAL_ERROR "ROSENBLATT_LLAMA_DIR=${ROSENBLATT_LLAMA_DIR} holds no bin/libggml-base.so; "
                        "use the folder scripts/get_llama.sh prints, or leave it empty")
else()
    message(STATUS "llama.cpp: none yet (scripts/get_llama.sh makes it); the ggml backend is left out")
endif()
