/* common/readers/boot_text.h — when a Windows host started, and when a registry key was written, as
 * collect.cmd gathers both.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A CIM date and time, as the property LastBootUpTime of Win32_OperatingSystem has it (the same in
 * every language): "20080709040000.500000+120", local time and its minutes from UTC. Blanks around
 * it are skipped. Answers milliseconds, UTC; false when it is no such text. */
bool hm_cim_time_parse(const char *text, size_t len, int64_t *out_ms);

/* A hive that "reg save KEY" made: when a value of KEY was last written, as FILETIME (100 ns since
 * 1601). The format is that of the public descriptions of "regf"; whether a saved key keeps its
 * time on every system is not documented, so one that is as young as the file itself tells
 * nothing. false: no such file, or it tells nothing. */
bool hm_hive_root_written(const char *bytes, size_t len, int64_t *out_filetime);
