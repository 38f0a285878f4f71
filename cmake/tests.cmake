# One Boost.Test program for the tests of a room. Each writes its cases to reports/<name>.xml, where tools/test counts
# them, and runs with what the sanitizers need to know.

set(TEST_ENVIRONMENT
  "ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1"
  "LSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/tests/support/lsan.supp:print_suppressions=0"
  "UBSAN_OPTIONS=print_stacktrace=1"
  "TSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/tests/support/tsan.supp:second_deadlock_stack=1")
set(TEST_TIMEOUT_S 600) # the machine may be busy with other things
add_custom_target(threads_tests COMMENT "All that the tests of several threads need")

# hearth_add_tests(name SOURCES files DEPENDS targets LABELS labels [PRECOMPILE headers] [RUNS runs])
# `name` is the program and the ctest name. With RUNS, each of them `<ctest name>=<cases>`, ctest runs the program once for
# each, side by side where there are cores. Nothing is made of no sources.
function(hearth_add_tests name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;LABELS;PRECOMPILE;RUNS" ${ARGN})
  if(NOT ARG_SOURCES)
    return()
  endif()
  set(main "${CMAKE_BINARY_DIR}/test_main/${name}.cpp")
  file(CONFIGURE OUTPUT "${main}" CONTENT "#define BOOST_TEST_MODULE ${name}\n#include <boost/test/unit_test.hpp>\n")
  set_source_files_properties("${main}" PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON) # its macro has to come first
  add_executable(${name} ${ARG_SOURCES} "${main}")
  target_link_libraries(${name} PRIVATE hearth_options ${ARG_DEPENDS} Boost::unit_test_framework)
  target_compile_definitions(${name} PRIVATE BOOST_TEST_DYN_LINK
                                             HEARTH_SOURCE_DIR="${CMAKE_SOURCE_DIR}" HEARTH_BINARY_DIR="${CMAKE_BINARY_DIR}")
  if(ARG_PRECOMPILE)
    target_precompile_headers(${name} PRIVATE ${ARG_PRECOMPILE})
  endif()
  if(NOT ARG_RUNS)
    hearth_add_test_run(${name} PROGRAM ${name} LABELS ${ARG_LABELS})
  endif()
  foreach(run IN LISTS ARG_RUNS)
    string(REGEX MATCH "^([^=]+)=(.+)$" run "${run}")
    hearth_add_test_run(${CMAKE_MATCH_1} PROGRAM ${name} ARGUMENTS "--run_test=${CMAKE_MATCH_2}" LABELS ${ARG_LABELS})
  endforeach()
endfunction()

# hearth_add_test_run(name PROGRAM target [ARGUMENTS arguments] LABELS labels)
# `name` is that of ctest and of the report.
function(hearth_add_test_run name)
  cmake_parse_arguments(ARG "" "PROGRAM" "ARGUMENTS;LABELS" ${ARGN})
  file(MAKE_DIRECTORY "${CMAKE_BINARY_DIR}/reports")
  add_test(NAME ${name}
           COMMAND ${ARG_PROGRAM} ${ARG_ARGUMENTS} --color_output=no
                   --logger=HRF,warning,stdout:JUNIT,test_suite,${CMAKE_BINARY_DIR}/reports/${name}.xml
           WORKING_DIRECTORY "${CMAKE_BINARY_DIR}")
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${TEST_TIMEOUT_S} ENVIRONMENT "${TEST_ENVIRONMENT}")
endfunction()

# hearth_add_room_tests(room DEPENDS targets LABELS labels [PRECOMPILE headers])
# The program test_<room> of every <unit>_test.cpp below tests/<room>, and test_<room>_threads, label `threads`, of every
# <unit>_threads_test.cpp: those use several threads and run under ThreadSanitizer too.
function(hearth_add_room_tests room)
  cmake_parse_arguments(ARG "" "" "DEPENDS;LABELS;PRECOMPILE" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/tests/${room}/*_test.cpp")
  set(threads ${sources})
  list(FILTER threads INCLUDE REGEX "_threads_test\\.cpp$")
  list(FILTER sources EXCLUDE REGEX "_threads_test\\.cpp$")
  hearth_add_tests(test_${room} SOURCES ${sources} DEPENDS ${ARG_DEPENDS} LABELS ${ARG_LABELS} PRECOMPILE ${ARG_PRECOMPILE})
  hearth_add_tests(test_${room}_threads SOURCES ${threads} DEPENDS ${ARG_DEPENDS} LABELS threads)
  if(TARGET test_${room}_threads)
    add_dependencies(threads_tests test_${room}_threads)
  endif()
endfunction()
