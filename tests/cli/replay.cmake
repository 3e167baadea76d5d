# SPDX-License-Identifier: MIT
# `rosenblatt replay`, in the process and as a process of its own.
rosenblatt_test(cli_replay LABEL cli SOURCES replay_test.cpp ${PROJECT_SOURCE_DIR}/tests/diff/matmul/engine.cpp
                DEPENDS cli matmul emukernel LIBRARIES nlohmann_json::nlohmann_json)
target_include_directories(cli_replay PRIVATE ${PROJECT_SOURCE_DIR}/tests/diff)
target_compile_definitions(cli_replay PRIVATE ROSENBLATT_PROGRAM="$<TARGET_FILE:rosenblatt>")
add_dependencies(cli_replay rosenblatt)

rosenblatt_cli_test(replay_of_a_recording_is_equal
                    ARGS replay ${PROJECT_SOURCE_DIR}/tests/data/mesa-conv/dw_8x8x32_k3_oc32_s1_same
                    OUT "output_cpu0.bin: [0-9]+ of 2048 bytes exact .*: equal\n$")
rosenblatt_cli_test(replay_of_no_folder_is_a_usage_error ARGS replay /nonexistent EXIT 2
                    ERR "/nonexistent is not a replay folder: cannot read /nonexistent/manifest.json")
