# SPDX-License-Identifier: MIT
# The board's companion: audit, fleet manifests, overlays, the kernel module and patches.
find_package(nlohmann_json REQUIRED)
rosenblatt_test(cli_audit LABEL cli SOURCES audit_test.cpp fleet_test.cpp DEPENDS cli
                LIBRARIES nlohmann_json::nlohmann_json)
add_test(NAME cli_audit.FixtureHostsAreWhatTheirScriptMakes
         COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/tests/data/hosts/make_hosts.py --check)
set_tests_properties(cli_audit.FixtureHostsAreWhatTheirScriptMakes PROPERTIES LABELS cli)
set(hosts ${PROJECT_SOURCE_DIR}/tests/data/hosts)
rosenblatt_cli_test(audit_of_a_ready_host ARGS audit --root ${hosts}/itx-7.3 OUT "^ready  Radxa ROCK 5 ITX, kernel 7.3.4")
rosenblatt_cli_test(audit_of_a_disabled_host_fails ARGS audit --root ${hosts}/itx-6.18-disabled EXIT 1
                    OUT "npu-node-disabled")
rosenblatt_cli_test(audit_prints_json ARGS audit --json --root ${hosts}/rk3576 EXIT 1
                    OUT "^{\n  \"verdict\": \"unsupported\"")
rosenblatt_cli_test(audit_names_a_root_that_is_none ARGS audit --root /nonexistent EXIT 2
                    ERR "--root /nonexistent is not a directory")

rosenblatt_test(cli_overlay LABEL cli SOURCES overlay_test.cpp enabled_tree.cpp DEPENDS cli LIBRARIES fdt)
add_executable(check_enabled_tree check_enabled_tree.cpp enabled_tree.cpp)
target_link_libraries(check_enabled_tree PRIVATE rosenblatt_flags fdt)
add_test(NAME cli.overlay_on_debian_boards
         COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/overlay_on_debian_boards.sh $<TARGET_FILE:rosenblatt>
                 $<TARGET_FILE:check_enabled_tree>
                 ${PROJECT_SOURCE_DIR}/kernel/dt-overlays/rk3588-rosenblatt-npu-enable.dtso)
set_tests_properties(cli.overlay_on_debian_boards PROPERTIES LABELS "cli" SKIP_RETURN_CODE 77 TIMEOUT 600)
add_test(NAME cli.build_rocket_makes_a_module_for_debians_kernel
         COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/build_rocket_test.sh ${PROJECT_SOURCE_DIR}/scripts/build-rocket.sh)
set_tests_properties(cli.build_rocket_makes_a_module_for_debians_kernel
                     PROPERTIES LABELS "cli" SKIP_RETURN_CODE 77 TIMEOUT 900)
foreach(series 7.2 7.3)
    add_test(NAME cli.kernel_patches_apply_and_compile_on_linux_${series}
             COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/kernel_patches_test.sh ${series})
    set_tests_properties(cli.kernel_patches_apply_and_compile_on_linux_${series}
                         PROPERTIES LABELS "cli;slow" SKIP_RETURN_CODE 77 TIMEOUT 900)
endforeach()
