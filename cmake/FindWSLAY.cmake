# Debian's libwslay-dev ships no package file.
find_path(WSLAY_INCLUDE_DIR wslay/wslay.h)
find_library(WSLAY_LIBRARY wslay)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(WSLAY REQUIRED_VARS WSLAY_LIBRARY WSLAY_INCLUDE_DIR)
if(WSLAY_FOUND AND NOT TARGET WSLAY::wslay)
  add_library(WSLAY::wslay SHARED IMPORTED)
  set_target_properties(WSLAY::wslay PROPERTIES
    IMPORTED_LOCATION "${WSLAY_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${WSLAY_INCLUDE_DIR}")
endif()
