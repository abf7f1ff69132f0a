/* common/ports/reserved_ports.h — the ReservedPorts value of 2000, XP and 2003 (KB812873).
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "common/ports/inventory.h"

/* Lines "x-y", single ports as "x-x" (a lone "x" is refused as Windows ignores it: HM_EINVAL
 * with the line number). Empty lines are skipped. out_listed is the set of all lines;
 * out_effective leaves out what the adjacency fault makes unsure: of lines that touch each other
 * only the lowest one is surely reserved. */
enum hm_status hm_reserved_ports_parse(const struct hm_strings *lines, struct hm_arena *arena,
                                       struct hm_ports *out_listed, struct hm_ports *out_effective,
                                       struct hm_err *err) HM_MUST_CHECK;

/* Does Windows read this line? HM_EINVAL, with the number in the text, when not. */
enum hm_status hm_reserved_ports_check_line(const char *line, unsigned number,
                                            struct hm_err *err) HM_MUST_CHECK;

/* The lines to write so that all of ports is reserved: neighbours coalesced, "x-y". */
enum hm_status hm_reserved_ports_format(struct hm_ports ports, struct hm_arena *arena,
                                        struct hm_strings *out_lines,
                                        struct hm_err *err) HM_MUST_CHECK;
