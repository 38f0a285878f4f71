# A room is a top-level folder and a static library of the same name. It sees only what it DEPENDS on; a link test holds
# it to that.

# hearth_add_room(name [SOURCES files] [DEPENDS targets] [PRECOMPILE headers])
function(hearth_add_room name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;PRECOMPILE" ${ARGN})
  if(NOT ARG_SOURCES)
    file(GLOB_RECURSE ARG_SOURCES CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/${name}/*.cpp")
  endif()
  if(NOT ARG_SOURCES)
    return()
  endif()
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE hearth_options PUBLIC ${ARG_DEPENDS})
  if(ARG_PRECOMPILE)
    target_precompile_headers(${name} PRIVATE ${ARG_PRECOMPILE})
  endif()
  if(HEARTH_TESTS)
    # The whole archive and an empty main: an arrow that was not declared is an undefined symbol.
    file(WRITE "${CMAKE_BINARY_DIR}/link_test/main.cpp" "int main() {}\n")
    add_executable(${name}_links "${CMAKE_BINARY_DIR}/link_test/main.cpp")
    target_link_libraries(${name}_links PRIVATE -Wl,--whole-archive $<TARGET_FILE:${name}> -Wl,--no-whole-archive
                                                ${ARG_DEPENDS})
    add_dependencies(${name}_links ${name})
  endif()
endfunction()

# hearth_add_tests(name SOURCES files DEPENDS targets LABELS labels [PRECOMPILE headers])
# One Boost.Test program; `name` is also the ctest name.
function(hearth_add_tests name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;LABELS;PRECOMPILE" ${ARGN})
  if(NOT ARG_SOURCES)
    return()
  endif()
  file(WRITE "${CMAKE_BINARY_DIR}/test_main/${name}.cpp"
       "#define BOOST_TEST_MODULE ${name}\n#include <boost/test/unit_test.hpp>\n")
  add_executable(${name} ${ARG_SOURCES} "${CMAKE_BINARY_DIR}/test_main/${name}.cpp")
  target_link_libraries(${name} PRIVATE hearth_options ${ARG_DEPENDS} Boost::unit_test_framework)
  target_compile_definitions(${name} PRIVATE BOOST_TEST_DYN_LINK
                                             HEARTH_SOURCE_DIR="${CMAKE_SOURCE_DIR}" HEARTH_BINARY_DIR="${CMAKE_BINARY_DIR}")
  if(ARG_PRECOMPILE)
    target_precompile_headers(${name} PRIVATE ${ARG_PRECOMPILE})
  endif()
  add_test(NAME ${name} COMMAND ${name} --logger=HRF,warning,stdout --logger=JUNIT,all,${CMAKE_BINARY_DIR}/reports/${name}.xml
           WORKING_DIRECTORY "${CMAKE_BINARY_DIR}")
  file(MAKE_DIRECTORY "${CMAKE_BINARY_DIR}/reports")
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT 300)
endfunction()
