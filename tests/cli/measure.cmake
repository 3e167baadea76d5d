# SPDX-License-Identifier: MIT
# The verbs that run llama.cpp programs, and the page made of what they record.
rosenblatt_cli_test(run_sets_the_backend_of_its_own_build
                    ARGS run -- env OUT "GGML_BACKEND_PATH=[^\n]*/libggml-rocket.so\n")
rosenblatt_cli_test(run_gives_the_exit_code_and_arguments_of_the_program
                    ARGS run -- sh -c "echo $1 $2 && exit 7" sh --json plan EXIT 7 OUT "^--json plan\n$")
rosenblatt_cli_test(run_keeps_a_backend_that_is_named ARGS run --backend ${data}/matmul.hex -- env
                    OUT "GGML_BACKEND_PATH=${data}/matmul.hex\n")
rosenblatt_cli_test(run_names_a_missing_backend ARGS run --backend /nonexistent.so -- true EXIT 1
                    ERR "^rosenblatt run: the backend /nonexistent.so is not there\n$")
rosenblatt_cli_test(run_names_a_missing_program ARGS run -- llama-nonesuch EXIT 1
                    ERR "^rosenblatt run: there is no program llama-nonesuch on PATH")
rosenblatt_cli_test(run_wants_a_program ARGS run EXIT 2 ERR "no program given; try rosenblatt run -- llama-cli")
if(NOT TARGET ggml-rocket)
    set_tests_properties(cli.run_sets_the_backend_of_its_own_build
                         cli.run_gives_the_exit_code_and_arguments_of_the_program PROPERTIES DISABLED ON)
endif()
