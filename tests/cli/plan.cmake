# SPDX-License-Identifier: MIT
# rosenblatt plan: its figures recomputed from its tiles, and what it says to wrong usage.
foreach(part shapes prefill)
    add_test(NAME cli.plan_of_${part}_agrees_with_its_tiles
             COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/plan_check.py $<TARGET_FILE:rosenblatt>
                     ${part} ${PROJECT_SOURCE_DIR}/docs/tile-size.md)
    set_tests_properties(cli.plan_of_${part}_agrees_with_its_tiles PROPERTIES LABELS cli TIMEOUT 300)
endforeach()
rosenblatt_test(cli_input LABEL cli SOURCES input_test.cpp DEPENDS cli LIBRARIES nlohmann_json::nlohmann_json)
rosenblatt_test(cli_gguf LABEL cli SOURCES gguf_test.cpp DEPENDS cli)
rosenblatt_cli_test(plan_draws_its_tiles ARGS plan --m 512 --k 1536 --n 8960
                    OUT "W, lane by lane.*0000.*1111.*2222.*rows of each task: 0..175 176..351 352..511")
rosenblatt_cli_test(plan_sums_a_model ARGS plan --model qwen2.5-1.5b OUT "expected: [0-9]+ tokens/s")
rosenblatt_cli_test(plan_needs_a_shape ARGS plan EXIT 2 ERR "give either --m, --k and --n, or --model")
rosenblatt_cli_test(plan_refuses_a_zero ARGS plan --m 0 --k 32 --n 32 EXIT 2 ERR "must all be 1 or more")
rosenblatt_cli_test(plan_refuses_no_lanes ARGS plan --m 1 --k 32 --n 32 --lanes 0 EXIT 2
                    ERR "^rosenblatt plan: --lanes is 1 to 16\n")
rosenblatt_cli_test(plan_refuses_raw_on_two_lanes ARGS plan --m 1 --k 32 --n 32 --raw --lanes 2
                    EXIT 2 ERR "--lanes 1")
rosenblatt_cli_test(plan_refuses_an_unknown_board ARGS plan --m 1 --k 32 --n 32 --board ddr4
                    EXIT 2 ERR "lpddr5 or lpddr4x")
rosenblatt_cli_test(plan_refuses_what_is_too_large ARGS plan --m 1000000 --k 1000000 --n 1000000
                    EXIT 1 ERR "too large to plan")
rosenblatt_cli_test(plan_lists_the_known_models ARGS plan --model gpt EXIT 1 ERR "there is qwen2.5-1.5b")
rosenblatt_cli_test(plan_names_a_missing_gguf ARGS plan --gguf /nonexistent EXIT 1
                    ERR "cannot read /nonexistent: No such")
rosenblatt_cli_test(plan_refuses_a_file_that_is_no_gguf ARGS plan --gguf ${data}/matmul.hex EXIT 1
                    ERR "is not a GGUF file")
