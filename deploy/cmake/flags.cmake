# hm_flags: what every file of ours is compiled with; nothing else sets flags.
# SPDX-License-Identifier: Apache-2.0
# A target with HM_NO_STACK_PROTECTOR has none: on Windows its start-up code loads the system's
# cryptography for a random number.
set(stack_protector
    $<$<NOT:$<BOOL:$<TARGET_PROPERTY:HM_NO_STACK_PROTECTOR>>>:-fstack-protector-strong>)
add_library(hm_flags INTERFACE)
target_include_directories(hm_flags INTERFACE ${PROJECT_SOURCE_DIR})
if(MSVC)
  target_compile_options(hm_flags INTERFACE /W4 $<$<BOOL:${HM_WERROR}>:/WX>)
else()
  target_compile_options(hm_flags INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes
    $<$<BOOL:${HM_WERROR}>:-Werror> ${stack_protector})
  if(NOT HM_SANITIZE AND NOT CMAKE_BUILD_TYPE STREQUAL "Debug" AND NOT MINGW)
    target_compile_options(hm_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
  endif()
endif()
if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
  # POSIX and Linux calls; C itself stays without extensions.
  target_compile_definitions(hm_flags INTERFACE _GNU_SOURCE)
  target_link_options(hm_flags INTERFACE -Wl,-z,relro,-z,now)
endif()
if(MINGW)
  target_compile_definitions(hm_flags INTERFACE UNICODE _UNICODE __USE_MINGW_ANSI_STDIO=1
    _WIN32_WINNT=$<IF:$<BOOL:${HM_WINDOWS_2003}>,0x0502,0x0601>)
  # Its isfinite() tests a float, too.
  target_compile_options(hm_flags INTERFACE -ffunction-sections -fdata-sections -Wno-float-conversion)
  target_link_options(hm_flags INTERFACE -static ${stack_protector}
                      -Wl,--gc-sections,--dynamicbase,--nxcompat)
endif()
if(HM_SANITIZE)
  target_compile_options(hm_flags INTERFACE -fsanitize=${HM_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(hm_flags INTERFACE -fsanitize=${HM_SANITIZE})
  if(HM_SANITIZE MATCHES "undefined")
    target_compile_options(hm_flags INTERFACE -fno-sanitize-recover=undefined)
  endif()
endif()
if(HM_FUZZ)
  target_compile_options(hm_flags INTERFACE -fsanitize=fuzzer-no-link)
  target_link_options(hm_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(HM_COVERAGE)
  target_compile_options(hm_flags INTERFACE --coverage)
  target_link_options(hm_flags INTERFACE --coverage)
endif()
