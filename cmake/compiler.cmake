set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

option(HEARTH_TOGETHER "Compile several sources of a room as one: half the time for all of it, more for a change in one" ON)
set(TOGETHER 8) # sources; more would need more memory than a gigabyte or two for each compiler

# hearth_compile_together(target): what the headers of CAF instantiate is then made once for eight sources. What is in
# their unnamed namespaces has to have names of its own in the room.
function(hearth_compile_together target)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ${HEARTH_TOGETHER} UNITY_BUILD_BATCH_SIZE ${TOGETHER})
endfunction()

# hearth_compile_quickly(target): where sanitizers watch, what runs little is not optimized, which is two thirds of a compiler's
# time.
function(hearth_compile_quickly target)
  if(HEARTH_SANITIZE)
    target_compile_options(${target} PRIVATE -O0)
  endif()
endfunction()

find_program(CCACHE ccache)
if(CCACHE)
  # Precompiled headers and ccache agree only when defines and time stamps are taken loosely, and the compiler keeps the
  # inclusion of the precompiled header visible to the preprocessor.
  set(LAUNCHER ${CMAKE_COMMAND} -E env "CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime"
      "CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}" ${CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${LAUNCHER})
  set(CMAKE_C_COMPILER_LAUNCHER ${LAUNCHER})
  add_compile_options($<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fpch-preprocess>)
endif()
# What is built does not depend on where it is built: checkouts share the cache, and messages name files from the root.
add_compile_options("-ffile-prefix-map=${CMAKE_SOURCE_DIR}=.")

# What every source file of ours is compiled with; generated code is not.
add_library(hearth_options INTERFACE)
target_compile_options(hearth_options INTERFACE
  -Wall -Wextra -Wpedantic -Wcast-qual -Wdouble-promotion -Wformat=2 -Werror
  $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor -Woverloaded-virtual -Wsuggest-override>
  # When it optimizes, GCC 12 sees uninitialized members in moved-from std::variant alternatives and copies beyond the
  # end of short std::strings; there are none.
  $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CXX_COMPILER_ID:GNU>>:-Wno-maybe-uninitialized -Wno-array-bounds -Wno-restrict
     -Wno-stringop-overread -Wno-stringop-overflow>)
target_include_directories(hearth_options INTERFACE "${CMAKE_SOURCE_DIR}" "${CMAKE_BINARY_DIR}/generated")

if(HEARTH_SANITIZE)
  add_compile_options(-fsanitize=${HEARTH_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${HEARTH_SANITIZE})
  if(HEARTH_SANITIZE MATCHES "undefined")
    # CAF's headers bind references to empty tuples; vptr needs the RTTI of libraries that were built without it. The last
    # three cost a third of the build; of what they find AddressSanitizer finds most, but not misaligned addresses.
    add_compile_options(-fno-sanitize=null,vptr,alignment,object-size,pointer-overflow -fno-sanitize-recover=undefined)
  endif()
else()
  add_compile_options(-fstack-protector-strong $<$<CONFIG:Release>:-U_FORTIFY_SOURCE> $<$<CONFIG:Release>:-D_FORTIFY_SOURCE=2>)
  add_link_options(-Wl,-z,relro,-z,now)
endif()
