# hm_add_windows_resources(TARGET): version, manifest and event messages, compiled into the program.
# SPDX-License-Identifier: Apache-2.0
find_program(HM_WINDMC NAMES ${HM_WINDOWS_ARCH}-w64-mingw32-windmc REQUIRED)

function(hm_add_windows_resources target)
  set(from ${PROJECT_SOURCE_DIR}/agent/platform/windows)
  set(to ${PROJECT_BINARY_DIR}/resources)
  configure_file(${from}/hm-agent.rc.in ${to}/hm-agent.rc @ONLY)
  configure_file(${from}/hm-agent.manifest ${to}/hm-agent.manifest COPYONLY)
  add_custom_command(OUTPUT ${to}/messages.rc ${to}/MSG00409.bin
    COMMAND ${HM_WINDMC} -r ${to} -h ${to} ${from}/messages.mc
    DEPENDS ${from}/messages.mc VERBATIM)
  set_source_files_properties(${to}/hm-agent.rc PROPERTIES
    OBJECT_DEPENDS "${to}/messages.rc;${to}/MSG00409.bin;${to}/hm-agent.manifest"
    INCLUDE_DIRECTORIES ${to})
  target_sources(${target} PRIVATE ${to}/hm-agent.rc)
endfunction()
