# SPDX-License-Identifier: MIT
#
# Finds libuv: LibUV_ROOT when that is set, else what pkg-config knows of the target, else the compiler's own paths. Defines
# LibUV::LibUV and LibUV_VERSION.
set(LibUV_ROOT "" CACHE PATH "Where libuv is installed, when not where the system looks")

find_package(PkgConfig QUIET)
if(LibUV_ROOT)
  set(ENV{PKG_CONFIG_LIBDIR} "${LibUV_ROOT}/lib/pkgconfig:${LibUV_ROOT}/lib/${CMAKE_LIBRARY_ARCHITECTURE}/pkgconfig")
endif()
# When cross-compiling, pkg-config speaks of the build machine unless it was told otherwise.
if(PKG_CONFIG_FOUND AND (NOT CMAKE_CROSSCOMPILING OR DEFINED ENV{PKG_CONFIG_LIBDIR}))
  if(WIN32)
    pkg_check_modules(LibUV_PC QUIET libuv-static)
  endif()
  if(NOT LibUV_PC_FOUND)
    pkg_check_modules(LibUV_PC QUIET libuv)
  endif()
endif()

if(LibUV_PC_FOUND)
  set(LibUV_VERSION ${LibUV_PC_VERSION})
  set(LibUV_LIBRARY ${LibUV_PC_LDFLAGS})
  set(LibUV_INCLUDE_DIR ${LibUV_PC_INCLUDE_DIRS})
else()
  find_path(LibUV_INCLUDE_DIR uv.h HINTS "${LibUV_ROOT}/include" NO_CMAKE_FIND_ROOT_PATH)
  find_library(LibUV_LIBRARY NAMES uv uv_a libuv HINTS "${LibUV_ROOT}/lib" NO_CMAKE_FIND_ROOT_PATH)
  if(LibUV_INCLUDE_DIR AND EXISTS "${LibUV_INCLUDE_DIR}/uv/version.h")
    file(STRINGS "${LibUV_INCLUDE_DIR}/uv/version.h" lines REGEX "#define UV_VERSION_(MAJOR|MINOR|PATCH) ")
    string(REGEX REPLACE "[^0-9]+([0-9]+)" ".\\1" LibUV_VERSION "${lines}")
    string(REGEX REPLACE "^\\.|;" "" LibUV_VERSION "${LibUV_VERSION}")
  endif()
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibUV
  REQUIRED_VARS LibUV_LIBRARY
  VERSION_VAR LibUV_VERSION
  REASON_FAILURE_MESSAGE "install libuv 1.44 or newer for the target (./ci/setup), or pass -DLibUV_ROOT=<prefix>")

if(LibUV_FOUND AND NOT TARGET LibUV::LibUV)
  # Not an imported library: with pkg-config there is a list of flags, and CMake would look each -l up again.
  add_library(LibUV::LibUV INTERFACE IMPORTED)
  set_property(TARGET LibUV::LibUV PROPERTY INTERFACE_LINK_LIBRARIES "${LibUV_LIBRARY}")
  if(LibUV_INCLUDE_DIR)
    set_property(TARGET LibUV::LibUV PROPERTY INTERFACE_INCLUDE_DIRECTORIES "${LibUV_INCLUDE_DIR}")
  endif()
  if(WIN32 AND NOT LibUV_PC_FOUND)
    set_property(TARGET LibUV::LibUV APPEND PROPERTY INTERFACE_LINK_LIBRARIES
      psapi user32 advapi32 iphlpapi userenv ws2_32 dbghelp ole32 shell32)
  elseif(NOT LibUV_PC_FOUND)
    find_package(Threads REQUIRED)
    set_property(TARGET LibUV::LibUV APPEND PROPERTY INTERFACE_LINK_LIBRARIES Threads::Threads ${CMAKE_DL_LIBS})
  endif()
endif()
