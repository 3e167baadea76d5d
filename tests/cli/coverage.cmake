# SPDX-License-Identifier: MIT
# `rosenblatt coverage`: exit codes, and what coverage_check.py asks of the answers.
rosenblatt_cli_test(coverage_wants_one_model ARGS coverage --gguf a --model b EXIT 2 ERR "give either --gguf FILE or")
rosenblatt_cli_test(coverage_names_an_unknown_model ARGS coverage --model x EXIT 1 ERR "no model named 'x'.*bge-small")
rosenblatt_cli_test(coverage_names_a_missing_file ARGS coverage --gguf /nonexistent EXIT 1 ERR "/nonexistent")
rosenblatt_command_test(cli.coverage LABEL cli TIMEOUT 120
    COMMAND ${Python3_EXECUTABLE} -B tests/cli/coverage_check.py $<TARGET_FILE:rosenblatt>)
