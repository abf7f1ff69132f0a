/* common/ports/stack.h — the four (protocol, family) pairs and what each does with its ports.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "common/base/err.h"
#include "common/ports/portset.h"

enum hm_protocol { HM_TCP, HM_UDP };
enum hm_family { HM_IPV4, HM_IPV6 };

#define HM_STACK_COUNT 4

/* In which of the two something binds. */
enum hm_families { HM_FAMILIES_BOTH, HM_FAMILIES_IPV4, HM_FAMILIES_IPV6 };
extern const char *const hm_families_names[3]; /* "both", "ipv4", "ipv6" */

extern const char *const hm_protocol_names[2]; /* "tcp", "udp" */
extern const char *const hm_family_names[2];   /* "ipv4", "ipv6" */

/* Linux: ports that a settings file of sysctl.d reserves in vain, as the list of a file that is
 * read later replaces its own. */
struct hm_hidden_file {
    const char *file;
    struct hm_ports ports; /* that the last file does not have */
};
struct hm_hidden_ports {
    struct hm_hidden_file *at; /* in the order in which they are read */
    size_t count;
    const char *by; /* the last file, whose list is in force; NULL: nothing is hidden */
};

/* One stack as a system shows it. has_… false = unknown, which is never "none". */
struct hm_stack {
    enum hm_protocol protocol;
    enum hm_family family;
    bool has_dynamic;
    struct hm_range dynamic; /* where a port is taken when a program asks for any */
    bool has_administered;
    struct hm_ports administered; /* kept; rows with '*': a plain bind still works */
    bool has_runtime;
    struct hm_ports runtime;     /* kept; rows without '*': held by a component, others get 10013 */
    bool exclusions_unsupported; /* the system has no exclusion command (2008 without KB2665809) */
    /* What is written for the next boot, where it differs from what is in force now (the members
     * above). Absent: the boot changes nothing. Sources: MaxUserPort of 2000 to 2003, rows of
     * store=active, settings files of Linux. ReservedPorts is in struct hm_registry. */
    bool has_next_dynamic;
    struct hm_range next_dynamic;
    bool has_next_administered;
    struct hm_ports next_administered;
    bool next_unknown; /* Linux: what sets these values at boot could not be read, and they are not
                          the kernel's own */
};

/* 0 to 3: tcp/ipv4, tcp/ipv6, udp/ipv4, udp/ipv6. */
unsigned hm_stack_index(enum hm_protocol protocol, enum hm_family family);
