# SPDX-License-Identifier: MIT
# What every room of the house is compiled with, and how a room and a test are declared.

add_library(rosenblatt_flags INTERFACE)
target_compile_options(rosenblatt_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion
                       -Wno-sign-conversion -ffp-contract=off)
target_include_directories(rosenblatt_flags INTERFACE ${PROJECT_SOURCE_DIR}/src
                           ${PROJECT_SOURCE_DIR}/uapi)
if(ROSENBLATT_SANITIZE)
    # The three null checks make g++ 12 refuse "&object != nullptr" in constant expressions, as the register table's
    # check has it; a null access crashes under AddressSanitizer anyway.
    target_compile_options(rosenblatt_flags INTERFACE -fsanitize=address,undefined
                           -fno-sanitize=null,nonnull-attribute,returns-nonnull-attribute
                           -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
    target_link_options(rosenblatt_flags INTERFACE -fsanitize=address,undefined)
endif()

if(ROSENBLATT_TSAN)
    target_compile_options(rosenblatt_flags INTERFACE -fsanitize=thread -fno-omit-frame-pointer)
    target_link_options(rosenblatt_flags INTERFACE -fsanitize=thread)
endif()
if(ROSENBLATT_FUZZ)
    target_compile_options(rosenblatt_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(ROSENBLATT_COVERAGE)
    target_compile_options(rosenblatt_flags INTERFACE -fprofile-instr-generate -fcoverage-mapping)
    target_link_options(rosenblatt_flags INTERFACE -fprofile-instr-generate)
endif()

# rosenblatt_rooms(NAME...): adds src/NAME for each room that exists.
macro(rosenblatt_rooms)
    foreach(room ${ARGN})
        if(EXISTS ${PROJECT_SOURCE_DIR}/src/${room}/CMakeLists.txt)
            add_subdirectory(src/${room})
        endif()
    endforeach()
endmacro()

# rosenblatt_room(NAME [SOURCES ...] [DEPENDS rooms-below ...] [LIBRARIES external ...]):
# a static library rosenblatt_NAME; header-only rooms become INTERFACE libraries.
function(rosenblatt_room name)
    cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;LIBRARIES" ${ARGN})
    set(below)
    foreach(room ${ARG_DEPENDS})
        list(APPEND below rosenblatt_${room})
    endforeach()
    if(ARG_SOURCES)
        add_library(rosenblatt_${name} STATIC ${ARG_SOURCES})
        target_link_libraries(rosenblatt_${name} PUBLIC rosenblatt_flags ${below}
                              PRIVATE ${ARG_LIBRARIES})
    else()
        add_library(rosenblatt_${name} INTERFACE)
        target_link_libraries(rosenblatt_${name} INTERFACE rosenblatt_flags ${below}
                              ${ARG_LIBRARIES})
    endif()
endfunction()

# rosenblatt_test(NAME LABEL label SOURCES ... [DEPENDS rooms ...] [LIBRARIES ...] [TIMEOUT seconds]): one GoogleTest
# program; every TEST in it becomes a ctest of that label (unit golden diff port host cli fuzz).
function(rosenblatt_test name)
    cmake_parse_arguments(ARG "" "LABEL;TIMEOUT" "SOURCES;DEPENDS;LIBRARIES" ${ARGN})
    if(NOT ARG_TIMEOUT)
        set(ARG_TIMEOUT 300)
    endif()
    set(rooms)
    foreach(room ${ARG_DEPENDS})
        list(APPEND rooms rosenblatt_${room})
    endforeach()
    add_executable(${name} ${ARG_SOURCES})
    target_link_libraries(${name} PRIVATE ${rooms} ${ARG_LIBRARIES} rosenblatt_flags GTest::gtest
                          GTest::gtest_main Threads::Threads)
    if(CMAKE_CROSSCOMPILING)  # the lab's guest has no libraries
        target_link_options(${name} PRIVATE -static)
    endif()
    target_compile_definitions(${name} PRIVATE
                               ROSENBLATT_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
    gtest_discover_tests(${name} TEST_PREFIX "${name}." DISCOVERY_TIMEOUT 60
                         PROPERTIES LABELS ${ARG_LABEL} TIMEOUT ${ARG_TIMEOUT})
endfunction()

# rosenblatt_command_test(NAME LABEL label COMMAND words ... [TIMEOUT seconds]): any program as a ctest; exit code 77 means
# that it could not be run here (a package that vanished, no such device) and shows as skipped.
function(rosenblatt_command_test name)
    cmake_parse_arguments(ARG "" "LABEL;TIMEOUT" "COMMAND" ${ARGN})
    if(NOT ARG_TIMEOUT)
        set(ARG_TIMEOUT 300)
    endif()
    add_test(NAME ${name} COMMAND ${ARG_COMMAND} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    set_tests_properties(${name} PROPERTIES LABELS ${ARG_LABEL} TIMEOUT ${ARG_TIMEOUT} SKIP_RETURN_CODE 77)
endfunction()
