# The libraries that we use, each as one imported target; versions in ARCHITECTURE.md.
# SPDX-License-Identifier: Apache-2.0
if(WIN32)
  # Static, from deploy/toolchain/windows-deps.sh; the collector is not built for Windows.
  if(NOT EXISTS "${HM_WINDOWS_DEPS}/${HM_WINDOWS_ARCH}/lib/libcurl.a")
    message(FATAL_ERROR "No Windows libraries in HM_WINDOWS_DEPS=${HM_WINDOWS_DEPS}: run "
                        "deploy/toolchain/windows-deps.sh FOLDER ${HM_WINDOWS_ARCH}")
  endif()
  set(deps ${HM_WINDOWS_DEPS}/${HM_WINDOWS_ARCH})
  foreach(name jansson sodium curl cmocka)
    add_library(PkgConfig::${name} STATIC IMPORTED GLOBAL)
    set_target_properties(PkgConfig::${name} PROPERTIES
      IMPORTED_LOCATION ${deps}/lib/lib${name}.a INTERFACE_INCLUDE_DIRECTORIES ${deps}/include)
  endforeach()
  set_target_properties(PkgConfig::sodium PROPERTIES INTERFACE_COMPILE_DEFINITIONS SODIUM_STATIC=1)
  set_target_properties(PkgConfig::curl PROPERTIES INTERFACE_COMPILE_DEFINITIONS CURL_STATICLIB)
  if(HM_WINDOWS_ARCH STREQUAL "x86_64")
    set_property(TARGET PkgConfig::curl PROPERTY INTERFACE_LINK_LIBRARIES ws2_32 crypt32 bcrypt advapi32)
  else()
    set_property(TARGET PkgConfig::curl PROPERTY INTERFACE_LINK_LIBRARIES ${deps}/lib/libmbedtls.a
                 ws2_32 advapi32)
  endif()
  set_property(TARGET PkgConfig::sodium PROPERTY INTERFACE_LINK_LIBRARIES advapi32)
  return()
endif()

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(ZLIB REQUIRED)
pkg_check_modules(jansson REQUIRED IMPORTED_TARGET jansson>=2.14)
pkg_check_modules(sodium REQUIRED IMPORTED_TARGET libsodium>=1.0.18)
pkg_check_modules(curl REQUIRED IMPORTED_TARGET libcurl>=7.88)
pkg_check_modules(microhttpd REQUIRED IMPORTED_TARGET libmicrohttpd>=0.9.75)
pkg_check_modules(gnutls REQUIRED IMPORTED_TARGET gnutls>=3.7)
pkg_check_modules(sqlite3 REQUIRED IMPORTED_TARGET sqlite3>=3.40)
if(HM_TESTS)
  pkg_check_modules(cmocka REQUIRED IMPORTED_TARGET cmocka>=1.1.5)
endif()
