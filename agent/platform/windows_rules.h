/* agent/platform/windows_rules.h — what the raw facts of a Windows host mean.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The live platform and the recorded one bring the facts, these rules make an inventory of them:
 * the same facts give the same inventory, byte for byte. Pure. */
#pragma once

#include "agent/platform/notes.h"
#include "common/judge/judge.h"
#include "common/ports/in_force.h"
#include "common/readers/reg_text.h"

/* DNS Server since MS08-037, where SocketPoolSize is not set (KB956188). */
#define HM_DNS_POOL_DEFAULT 2500u

/* What netsh answered when it was asked for one listing. */
struct hm_windows_listing {
    bool failed;      /* it ended with another status than 0 */
    const char *text; /* raw bytes */
    size_t len;
};

/* "netsh interface ipv4 show dynamicport tcp" and "netsh interface ipv4 show excludedportrange
 * protocol=tcp", by hm_stack_index. */
extern const char *const hm_windows_dynamic_commands[HM_STACK_COUNT];
extern const char *const hm_windows_excluded_commands[HM_STACK_COUNT];

/* Fills the dynamic range or the exclusions of a stack. HM_EUNSUPPORTED when netsh failed,
 * HM_EINVAL with line and reason when the text is no such listing; the facts stay unknown then.
 * A failed listing of exclusions on 2008 or 2008 R2 means that hotfix KB2665809 is not there. */
enum hm_status hm_windows_take_dynamic(const struct hm_windows_listing *listing,
                                       struct hm_stack *stack, struct hm_err *err) HM_MUST_CHECK;
enum hm_status hm_windows_take_excluded(const struct hm_windows_listing *listing,
                                        const struct hm_os *os, struct hm_arena *arena,
                                        struct hm_stack *stack, struct hm_err *err) HM_MUST_CHECK;

/* Appends the stack of this index, all unknown. stacks->at has room for HM_STACK_COUNT. */
struct hm_stack *hm_windows_add_stack(struct hm_stacks *stacks, unsigned index);

/* 2000, XP and 2003 have no such listings: one range for all. What decides about it: */
struct hm_windows_legacy {
    struct hm_tcpip_times times;
    const char *boot_id;
    const struct hm_tcpip_memory *memory; /* NULL: nobody remembers */
    bool has_tcpip;                       /* Tcpip\Parameters was read */
    bool ipv6;                            /* the host uses it */
    bool has_dns;                         /* the DNS Server is there */
    const struct hm_sockets *sockets;     /* of this boot; NULL = unknown */
};

/* Sets which of the registry's values are in force, and the stacks by those. *out_highest: the
 * highest port that a socket was given in this boot. */
enum hm_status hm_windows_legacy_stacks(const struct hm_windows_legacy *legacy,
                                        struct hm_arena *arena, struct hm_registry *registry,
                                        struct hm_stacks *stacks, uint32_t *out_highest,
                                        struct hm_err *err) HM_MUST_CHECK;

/* The same host read again in the same boot: what was in force is in force, and values that differ
 * from those of before were written since. stacks: those of before; what is written goes to their
 * next range. */
void hm_windows_legacy_reread(const struct hm_registry *before, struct hm_registry *registry,
                              struct hm_stacks *stacks);
bool hm_windows_has_dns(const struct hm_strings *services, const struct hm_sockets *sockets);
bool hm_windows_shows_ipv6(const struct hm_sockets *sockets, const struct hm_listeners *listeners);

/* Notes that a value has a type that the system does not read: it counts as not set. */
enum hm_status hm_windows_wrong_type(const char *name, enum hm_reg_type is,
                                     enum hm_reg_type must_be, struct hm_arena *arena,
                                     struct hm_registry *registry,
                                     struct hm_err *err) HM_MUST_CHECK;

/* Values of DNS\Parameters and hns\State as they stand; a has_… of false = not set. */
struct hm_windows_dns_values {
    bool has_size;
    uint32_t size;
    struct hm_strings excluded; /* lines of SocketPoolExcludedPortRanges */
};
struct hm_windows_hns_values {
    bool has_enabled;
    uint32_t enabled;
    bool has_start;
    uint32_t start;
    bool has_count;
    uint32_t count;
};

/* HM_EINVAL when a line of the excluded ranges is no port range. */
enum hm_status hm_windows_take_dns(const struct hm_windows_dns_values *values,
                                   struct hm_arena *arena, struct hm_registry *registry,
                                   struct hm_err *err) HM_MUST_CHECK;
void hm_windows_take_hns(const struct hm_windows_hns_values *values, struct hm_registry *registry);

/* Does the registry count as read? On 2003 one without Tcpip\Parameters says nothing about
 * ReservedPorts. */
bool hm_windows_has_registry(const struct hm_os *os, const struct hm_registry *registry,
                             bool has_tcpip);

/* ASCII case folded. */
bool hm_windows_has_service(const struct hm_strings *services, const char *service);

/* Which sockets are listeners, and of which kind. httpsys: ports that HTTP.sys is known to serve,
 * {NULL, 0} where nobody told. After services, stacks and what is configured. */
enum hm_status hm_windows_take_listeners(const struct hm_sockets *sockets, struct hm_ports httpsys,
                                         struct hm_arena *arena, struct hm_inventory *inventory,
                                         struct hm_err *err) HM_MUST_CHECK;

/* A value name of the store that netsh keeps exclusions in (windows-ports 2.8): "cc570100" is
 * port 0xcc57, count 1 with its bytes swapped. false when it is no such name. */
bool hm_windows_nsi_range(const char *name, struct hm_range *out_range);

/* 100 nanoseconds since 1601 (FILETIME) as milliseconds since 1970; 0 for a time before. */
int64_t hm_windows_unix_ms(int64_t filetime);

/* An address as text, the way every system of ours writes it (RFC 5952); in the arena, NULL on
 * no memory. bytes: 4 or 16, in network order. */
const char *hm_windows_address(const unsigned char *bytes, enum hm_family family,
                               struct hm_arena *arena);
