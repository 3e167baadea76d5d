# SPDX-License-Identifier: MIT
# What `cmake --install` and the packages hold: the program with its manual, the backend in a folder of its own (ggml's
# loader tries a fixed list of names, so GGML_BACKEND_PATH names it), overlays, udev rule, session environment.
if(NOT TARGET rosenblatt OR CMAKE_CROSSCOMPILING)
    return()
endif()
include(GNUInstallDirs)
set(ROSENBLATT_BACKEND_DIR ${CMAKE_INSTALL_LIBDIR}/rosenblatt)
set(packaging ${PROJECT_SOURCE_DIR}/packaging)
set(made ${PROJECT_BINARY_DIR}/packaging)

set(cli_docs ${made}/cli)
add_custom_command(OUTPUT ${cli_docs}/rosenblatt.bash
                   COMMAND Python3::Interpreter ${PROJECT_SOURCE_DIR}/scripts/gen_cli_docs.py
                           $<TARGET_FILE:rosenblatt> ${cli_docs}
                   DEPENDS rosenblatt ${PROJECT_SOURCE_DIR}/scripts/gen_cli_docs.py VERBATIM)
add_custom_target(cli_docs ALL DEPENDS ${cli_docs}/rosenblatt.bash)

install(TARGETS rosenblatt RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY ${cli_docs}/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 FILES_MATCHING PATTERN "*.1")
install(FILES ${cli_docs}/rosenblatt.bash RENAME rosenblatt
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${cli_docs}/_rosenblatt DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES ${packaging}/70-rosenblatt-accel.rules DESTINATION lib/udev/rules.d)
install(FILES ${PROJECT_SOURCE_DIR}/kernel/dt-overlays/rk3588-rosenblatt-npu-enable.dtso
        DESTINATION ${CMAKE_INSTALL_DATADIR}/rosenblatt/dt-overlays)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE RENAME copyright DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/rosenblatt)
if(TARGET rosenblatt-profile)
    install(TARGETS rosenblatt-profile rosenblatt-prefill rosenblatt-bench-ggml
            RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/rosenblatt)
endif()
if(TARGET ggml-rocket)
    install(TARGETS ggml-rocket LIBRARY DESTINATION ${ROSENBLATT_BACKEND_DIR})
    # The prefix is known when installing: CPack's is another than a plain install's.
    install(CODE "set(backend_dir \"${ROSENBLATT_BACKEND_DIR}\")\nset(packaging \"${packaging}\")")
    install(CODE [[
        set(ROSENBLATT_INSTALLED_BACKEND ${CMAKE_INSTALL_PREFIX}/${backend_dir}/libggml-rocket.so)
        # Straight to where they belong: the build folder may be another user's.
        foreach(file lib/environment.d/60-rosenblatt.conf share/doc/rosenblatt/examples/llama-server.service)
            get_filename_component(name ${file} NAME)
            set(target ${CMAKE_INSTALL_PREFIX}/${file})
            message(STATUS "Installing: $ENV{DESTDIR}${target}")
            configure_file(${packaging}/${name}.in $ENV{DESTDIR}${target} @ONLY)
        endforeach()
    ]])
endif()

install(TARGETS rosenblatt-emulator LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES src/library/emulator.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/rosenblatt)

# The library: headers keep the folders they include each other by.
install(TARGETS rosenblatt-library EXPORT rosenblattTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
        INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES src/library/npu.hpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/rosenblatt)
install(FILES src/base/result.hpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/rosenblatt/base)
install(FILES src/matmul/parallel.hpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/rosenblatt/matmul)
include(CMakePackageConfigHelpers)
set(cmake_folder ${CMAKE_INSTALL_LIBDIR}/cmake/rosenblatt)
configure_package_config_file(${packaging}/rosenblattConfig.cmake.in ${made}/rosenblattConfig.cmake
                              INSTALL_DESTINATION ${cmake_folder})
write_basic_package_version_file(${made}/rosenblattConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(EXPORT rosenblattTargets NAMESPACE rosenblatt:: DESTINATION ${cmake_folder})
install(FILES ${made}/rosenblattConfig.cmake ${made}/rosenblattConfigVersion.cmake DESTINATION ${cmake_folder})
file(RELATIVE_PATH PC_UP /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" PC_UP ${PC_UP})
configure_file(${packaging}/rosenblatt.pc.in ${made}/rosenblatt.pc @ONLY)
install(FILES ${made}/rosenblatt.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(DIRECTORY examples/matmul examples/emulator DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/rosenblatt/examples)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME rosenblatt)
set(CPACK_PACKAGE_VENDOR Rosenblatt)
set(CPACK_PACKAGE_CONTACT "the Rosenblatt project")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
# The program's libraries by name; llama.cpp's own are in the process that loads the backend, so no package is asked for.
set(CPACK_DEBIAN_PACKAGE_DEPENDS "libc6, libstdc++6, libfdt1, libfmt9 | libfmt10, libyaml-cpp0.7 | libyaml-cpp0.8, zlib1g")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "device-tree-compiler, dkms")
include(CPack)
