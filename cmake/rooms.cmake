# A room is a top-level folder and a static library of the same name. It sees only what it DEPENDS on; a link test holds
# it to that, and tests/lint/includes.py holds its #include lines to the same arrows.

# hearth_add_room(name [SOURCES files] [DEPENDS targets] [PRECOMPILE headers])
# Without SOURCES: every .cpp below the folder. A room that has no sources yet is left out.
function(hearth_add_room name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;PRECOMPILE" ${ARGN})
  if(NOT ARG_SOURCES)
    file(GLOB_RECURSE ARG_SOURCES CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/${name}/*.cpp")
  endif()
  if(NOT ARG_SOURCES)
    return()
  endif()
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE hearth_options ${ARG_DEPENDS})
  if(ARG_PRECOMPILE)
    target_precompile_headers(${name} PRIVATE ${ARG_PRECOMPILE})
  endif()
  if(HEARTH_TESTS)
    hearth_add_link_test(${name} ${ARG_DEPENDS})
  endif()
endfunction()

# hearth_add_link_test(room targets...)
# The whole archive and an empty main: an arrow that was not declared is an undefined symbol.
function(hearth_add_link_test room)
  set(empty "${CMAKE_BINARY_DIR}/link_test/main.cpp")
  if(NOT EXISTS "${empty}")
    file(WRITE "${empty}" "int main() {}\n")
  endif()
  add_executable(${room}_links "${empty}")
  target_link_libraries(${room}_links PRIVATE -Wl,--whole-archive $<TARGET_FILE:${room}> -Wl,--no-whole-archive ${ARGN})
  set_target_properties(${room}_links PROPERTIES LINK_DEPENDS $<TARGET_FILE:${room}>
                                                 RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/link_test")
  add_dependencies(${room}_links ${room})
endfunction()
