/* common/readers/sysctl_ports.h — Linux ip_local_port_range and ip_local_reserved_ports.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Source: kernel Documentation/networking/ip-sysctl.rst. */
#pragma once

#include "common/base/str.h"
#include "common/ports/stack.h"

/* "32768\t60999\n". */
enum hm_status hm_sysctl_parse_range(const char *text, size_t len, struct hm_range *out_range,
                                     struct hm_err *err) HM_MUST_CHECK;

/* "8080,9000-9010\n"; empty = none. The kernel keeps a bitmap: a set comes back. */
enum hm_status hm_sysctl_parse_reserved(const char *text, size_t len, struct hm_arena *arena,
                                        struct hm_ports *out_ports,
                                        struct hm_err *err) HM_MUST_CHECK;

/* Output of "sysctl net.ipv4.ip_local_port_range net.ipv4.ip_local_reserved_ports" or a
 * sysctl.conf: "name = value" lines, comments '#' and ';'; the last of a name wins, other names
 * are skipped, and so is what "sysctl -a" complains of ("sysctl: permission denied on key ...").
 * HM_EINVAL with the line: a value that the kernel would not take, or no "name = value".
 * out_has_… false = the name was not there. */
struct hm_sysctl_setting;
struct hm_sysctl_ports {
    bool has_range;
    struct hm_range range;
    bool has_reserved;
    struct hm_ports reserved;
    /* Of settings (hm_sysctl_take_settings): */
    const char *refused; /* the last line that the kernel would not take; NULL none */
    const char *damaged; /* the last one that is no setting; NULL none */
    struct hm_sysctl_setting *settings; /* in the order in which they are written */
    size_t settings_count;
    size_t settings_room;
};
enum hm_status hm_sysctl_parse(const char *text, size_t len, struct hm_arena *arena,
                               struct hm_sysctl_ports *out_ports, struct hm_err *err) HM_MUST_CHECK;

/* Settings files of a system, one or several in the order in which it loads them (the text of
 * "systemd-analyze cat-config sysctl.d"): added to *ports, whose first four members then say what
 * all files so far set. As systemd-sysctl does it (sysctl.d(5), systemd's sysctl.c):
 * - of lines with the same name only the last one is written, after all files are read; when the
 *   kernel does not take it, nothing is in force, and the line is in refused;
 * - a name may be a pattern of glob(7). It does not set what some line sets by its own name, or
 *   names alone with a "-" in front, which also cancels the line of the same name before it;
 * - the first separator of a name, '.' or '/', is the separator; the other one is a character;
 * - the kernel takes a comma at the end of the list, a range that has its first port alone, and no
 *   range that begins below ip_unprivileged_port_start.
 * Fails for want of memory only. More than HM_LIMIT_SYSCTL_SETTINGS different names, and a name of
 * more than HM_LIMIT_SYSCTL_NAME_BYTES, count as refused. */
enum hm_status hm_sysctl_take_settings(struct hm_span text, struct hm_arena *arena,
                                       struct hm_sysctl_ports *ports,
                                       struct hm_err *err) HM_MUST_CHECK;

/* The files are not known: next_unknown where one of the values is not the kernel's default. */
void hm_sysctl_doubt_next(struct hm_stack *stack);

/* What the settings files make of the stack's running values at the next boot: its next_… members.
 * A name that no file sets has the kernel's default then: 32768 60999, and an empty list. */
enum hm_status hm_sysctl_set_next(const struct hm_sysctl_ports *settings, struct hm_arena *arena,
                                  struct hm_stack *stack, struct hm_err *err) HM_MUST_CHECK;
