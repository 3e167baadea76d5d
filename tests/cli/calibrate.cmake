# SPDX-License-Identifier: MIT
# rosenblatt calibrate: what it says of bad input, its choice, and (with llama.cpp) the whole way.
rosenblatt_test(cli_calibrate LABEL cli SOURCES calibrate_test.cpp DEPENDS cli)

set(model ${PROJECT_SOURCE_DIR}/models/rosenblatt-kjv-f16.gguf)
set(heldout ${PROJECT_SOURCE_DIR}/models/heldout.txt)
rosenblatt_cli_test(calibrate_wants_a_model ARGS calibrate EXIT 2 ERR "--gguf is required")
rosenblatt_cli_test(calibrate_wants_a_budget ARGS calibrate --gguf ${model} --text ${heldout} --budget 0 EXIT 2
                    ERR "rosenblatt calibrate: --budget must be more than 0")
rosenblatt_cli_test(calibrate_names_a_missing_model ARGS calibrate --gguf /nonexistent --text ${heldout} EXIT 1
                    ERR "rosenblatt calibrate: cannot read /nonexistent: No such file")
rosenblatt_cli_test(calibrate_names_a_missing_text ARGS calibrate --gguf ${model} --text /nonexistent EXIT 1
                    ERR "rosenblatt calibrate: cannot read /nonexistent")
rosenblatt_cli_test(calibrate_knows_a_file_that_is_no_model ARGS calibrate --gguf ${heldout} --text ${heldout} EXIT 1
                    ERR "is not a GGUF file")

if(TARGET ggml-rocket AND NOT ROSENBLATT_SANITIZE)
    rosenblatt_command_test(cli_calibrate_whole_way LABEL host TIMEOUT 900
        COMMAND ${Python3_EXECUTABLE} -B tests/cli/calibrate_check.py $<TARGET_FILE:rosenblatt>
                $<TARGET_FILE:ggml-rocket> ${ROSENBLATT_LLAMA_BIN})
endif()
