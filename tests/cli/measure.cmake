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

rosenblatt_cli_test(profile_names_a_missing_model ARGS profile --gguf /nonexistent.gguf EXIT 1
                    ERR "^rosenblatt profile: cannot read /nonexistent.gguf: No such file")
rosenblatt_cli_test(profile_bounds_its_threads ARGS profile --gguf ${PROJECT_SOURCE_DIR}/models/rosenblatt-kjv-f16.gguf
                    -t 100000 EXIT 2 ERR "--threads is 1 to 512")
rosenblatt_cli_test(profile_names_a_missing_backend
                    ARGS profile --gguf ${PROJECT_SOURCE_DIR}/models/rosenblatt-kjv-f16.gguf --backend /nonexistent.so
                    EXIT 1 ERR "rosenblatt profile: [^\n]*(/nonexistent.so is not there|only where llama.cpp is)")
add_test(NAME cli.a_full_disk_under_standard_output_is_no_success
         COMMAND sh -c "\"$1\" lint --rules >/dev/full; test $? = 1" sh $<TARGET_FILE:rosenblatt>)
set_tests_properties(cli.a_full_disk_under_standard_output_is_no_success PROPERTIES LABELS cli)
rosenblatt_cli_test(profile_names_a_folder_without_llama
                    ARGS profile --gguf ${PROJECT_SOURCE_DIR}/models/rosenblatt-kjv-f16.gguf -p 8 -n 8
                         --llama /nonexistent
                    EXIT 1 ERR "rosenblatt profile: [^\n]*(/nonexistent/bin is not there|only where llama.cpp is)")
if(TARGET rosenblatt-profile AND TARGET ggml-rocket)
    add_test(NAME cli.profile_of_the_bundled_model
             COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/profile_test.py $<TARGET_FILE:rosenblatt>
                     ${PROJECT_SOURCE_DIR}/models/rosenblatt-kjv-f16.gguf)
    set_tests_properties(cli.profile_of_the_bundled_model PROPERTIES LABELS cli TIMEOUT 300)
endif()

rosenblatt_test(cli_baseline LABEL cli SOURCES baseline_test.cpp DEPENDS cli
                LIBRARIES nlohmann_json::nlohmann_json)

set(report ${CMAKE_CURRENT_BINARY_DIR}/report.html)
rosenblatt_cli_test(report_of_the_committed_records ARGS report --records ${PROJECT_SOURCE_DIR} -o ${report}
                    OUT "report.html: [1-9][0-9]* audits, [1-9][0-9]* profiles, [1-9][0-9]* baselines, [1-9][0-9]* hosts")
rosenblatt_cli_test(report_without_records_is_a_page_too ARGS report --records ${CMAKE_CURRENT_SOURCE_DIR} -o ${report}.empty
                    OUT "0 audits, 0 profiles, 0 baselines, 0 hosts")
rosenblatt_cli_test(report_names_a_records_folder_that_is_not_there ARGS report --records /nonexistent -o ${report}.none
                    EXIT 1 ERR "^rosenblatt report: --records /nonexistent is not a folder that exists\n$")
rosenblatt_cli_test(report_of_the_bundled_model
                    ARGS report --records ${PROJECT_SOURCE_DIR} -o ${report}.bundled --prefill 256
                         --gguf ${PROJECT_SOURCE_DIR}/models/rosenblatt-kjv-f16.gguf
                    OUT "report.html.bundled")
rosenblatt_cli_test(report_names_a_page_it_cannot_write ARGS report --records ${PROJECT_SOURCE_DIR} -o /nonexistent/x
                    EXIT 1 ERR "cannot write /nonexistent/x")
add_test(NAME cli.report_opens_in_chromium
         COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/report_browser_test.py $<TARGET_FILE:rosenblatt> ${PROJECT_SOURCE_DIR})
set_tests_properties(cli.report_opens_in_chromium PROPERTIES LABELS "cli" SKIP_RETURN_CODE 77 TIMEOUT 600)

rosenblatt_cli_test(bench_names_what_it_measures ARGS bench EXIT 2 ERR "subcommand is required")
rosenblatt_cli_test(bench_wants_rounds ARGS bench emulator --rounds 0 EXIT 2 ERR "--rounds must be 1 or more")
rosenblatt_cli_test(bench_emulator_prints_the_contract
                    ARGS bench emulator --json --rounds 1 --only "int8 m512 k1536 n256"
                    OUT "^{\"name\":\"int8 m512 k1536 n256\",\"value\":[0-9.e+-]+,\"unit\":\"GMAC/s\",\"baseline\":[^,]+,\"ratio\":")
rosenblatt_cli_test(bench_emulator_rates_convolutions_per_core
                    ARGS bench emulator --rounds 1 --only "conv 14x14 k5"
                    OUT "^conv 14x14 k5 c64 n64 +[0-9.]+ GMAC/s per core\n$")

rosenblatt_cli_test(bench_prefill_names_a_missing_model ARGS bench prefill --gguf /nonexistent.gguf EXIT 1
                    ERR "rosenblatt bench prefill: cannot read /nonexistent.gguf: No such file")
rosenblatt_cli_test(bench_prefill_refuses_an_empty_prompt ARGS bench prefill --gguf x -p 0 EXIT 2 ERR "-p must be 1 or more")
if(TARGET rosenblatt-prefill AND TARGET ggml-rocket)
    rosenblatt_cli_test(bench_prefill_counts_behind_every_depth
                        ARGS bench prefill --gguf ${PROJECT_SOURCE_DIR}/models/rosenblatt-kjv-f16.gguf -p 64
                             --depths 0,96 --json
                        OUT "prefill64/depth0/macs\",\"value\":[1-9][0-9.]*,\"unit\":\"MAC\",\"baseline\":[0-9.]*,\"ratio\":1.0}.*prefill64/depth96/wrong_tiles\",\"value\":0.0")
    set_tests_properties(cli.bench_prefill_counts_behind_every_depth PROPERTIES LABELS host TIMEOUT 300)
endif()
