# SPDX-License-Identifier: MIT
# What is installed: the Debian package in a throw-away root, the library for other programs, llama.cpp of Debian's newer
# suite, and the Arch package. The package is made once for all of them.
set(packages ${CMAKE_CURRENT_BINARY_DIR}/packages)
set(llama_tool)
if(TARGET ggml-rocket)
    set(llama_tool ${ROSENBLATT_LLAMA_BIN}/llama-completion)
endif()
add_test(NAME cli.a_debian_package_is_made
         COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/make_package.sh ${PROJECT_BINARY_DIR} ${CMAKE_CPACK_COMMAND} ${packages})
set_tests_properties(cli.a_debian_package_is_made PROPERTIES LABELS "cli" FIXTURES_SETUP debian_package TIMEOUT 300)

# rosenblatt_package_test(NAME WORDS...): a script that gets the folder of the package, then WORDS.
function(rosenblatt_package_test name script)
    add_test(NAME cli.${name} COMMAND ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/${script} ${packages} ${ARGN})
    set_tests_properties(cli.${name} PROPERTIES LABELS "cli" FIXTURES_REQUIRED debian_package
                         SKIP_RETURN_CODE 77 TIMEOUT 600)
endfunction()

rosenblatt_package_test(the_debian_package_holds_what_people_use install_test.sh ${llama_tool})
rosenblatt_package_test(a_program_of_its_own_builds_against_the_installed_library library_test.sh ${CMAKE_COMMAND}
                        ${CMAKE_CXX_COMPILER})
if(TARGET ggml-rocket)
    rosenblatt_package_test(debians_own_llama_loads_the_installed_backend debian_llama_test.sh
                            ${PROJECT_SOURCE_DIR}/models/rosenblatt-kjv-f16.gguf)
endif()
add_test(NAME cli.the_arch_package_holds_the_same
         COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/pkgbuild_test.sh ${PROJECT_BINARY_DIR})
set_tests_properties(cli.the_arch_package_holds_the_same PROPERTIES LABELS "cli" SKIP_RETURN_CODE 77 TIMEOUT 300)
