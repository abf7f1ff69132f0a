/* common/ports/in_force.h — what the running system uses, and what it uses after the next boot.
 * SPDX-License-Identifier: Apache-2.0
 *
 * 2000, XP and 2003 read ReservedPorts, MaxUserPort and TcpTimedWaitDelay when they boot
 * (KB956189); settings files of Linux are read at boot, too. Everything else in the domain works
 * on what is in force, which is what the stacks of an inventory and hm_inventory_excluded tell.
 * Pure. Threads: safe. */
#pragma once

#include "common/ports/given.h"
#include "common/ports/inventory.h"

/* MaxUserPort: documented from 5000 to 65534, 5000 where it is not set (TechNet cc938196). The
 * range begins at 1025; allocations were seen from 1024 (KB929851). */
#define HM_LEGACY_FIRST 1024u
#define HM_LEGACY_LAST 5000u
#define HM_LEGACY_LAST_MAX 65534u

/* The values as they are written. Borrows from registry. */
struct hm_tcpip_values hm_registry_written(const struct hm_registry *registry);

/* The values that the running system uses. false: nobody knows them (HM_IN_FORCE_UNKNOWN), and
 * *out_values has none. Borrows from registry. */
bool hm_registry_in_force(const struct hm_registry *registry, struct hm_tcpip_values *out_values);

/* Lines as text, in their order. */
bool hm_tcpip_values_equal(const struct hm_tcpip_values *a, const struct hm_tcpip_values *b);

/* The dynamic range that the values give 2000 to 2003; false: MaxUserPort is outside the
 * documented values, and what the system does with it is not documented. */
bool hm_legacy_dynamic(const struct hm_tcpip_values *values, struct hm_range *out_range);

/* When the host started, and when Tcpip\\Parameters was last written; milliseconds, UTC. */
struct hm_tcpip_times {
    bool has_boot;
    int64_t boot_ms;
    bool has_written;
    int64_t written_ms;
};

/* The system itself writes other values of the key while it starts (the host's name, addresses by
 * DHCP): a write in this time after the start tells nothing, and the values are assumed to be in
 * force. The length is ours. */
#define HM_TCPIP_BOOT_WRITES_MS 120000

/* What an agent remembers of one boot, over its own restarts. A zeroed one remembers nothing. */
struct hm_tcpip_memory {
    const char *boot_id;
    enum hm_in_force in_force;    /* of first: assumed, written or unknown */
    struct hm_tcpip_values first; /* when the boot was first observed */
    struct hm_tcpip_values last;  /* when it was last observed */
    uint32_t highest;             /* port that a socket was given in this boot; 0 none */
    bool contradicted;            /* registry->contradicted at some observation of this boot */
};

/* Sets registry->in_force and earlier from what is known, memory first: values that stand as they
 * stood before the boot are in force, and so are those that stood there when this boot was first
 * observed, whoever wrote another value of the key since (DHCP does). memory NULL: nobody
 * remembers. Borrows from memory. */
void hm_tcpip_decide(struct hm_registry *registry, const struct hm_tcpip_times *times,
                     const char *boot_id, const struct hm_tcpip_memory *memory);

/* The memory after an observation of this boot; false when it is the same as before. Borrows from
 * both. What was once doubted or contradicted in a boot stays so until the next one. */
bool hm_tcpip_remember(const struct hm_registry *registry, const char *boot_id, uint32_t highest,
                       const struct hm_tcpip_memory *memory, struct hm_tcpip_memory *out_memory);

/* Sockets against the values: the range in force, as far as they tell.
 * - Documented values give their range. A socket that was given a port outside of it contradicts
 *   them: values that were only assumed are then not in force, and the range is not known. The same
 *   goes for a larger range that is only assumed, when the sockets fill the default one.
 * - A socket of the DNS Server's pool on a reserved port says that the lines are not in force.
 * - Where several ranges are possible (values that nobody knows; MaxUserPort outside of 5000 to
 *   65534, which is ignored or cut), the smallest that holds every given port is used once the
 *   sockets rule out a smaller one, or fill it so that a larger one is out of the question.
 * - Values that nobody knows may have been any: MaxUserPort may have been deleted or lowered since
 *   the boot. Ports are given in ascending order before Vista, so that low sockets do not prove a
 *   small range; the written range is then known only when no larger one is possible.
 * sockets NULL: none are known. remembered: highest port given earlier in this boot. registry
 * may become HM_IN_FORCE_UNKNOWN, contradicted or range_contradicted. *out_highest: with those of
 * now. */
struct hm_legacy_range {
    bool known;
    struct hm_range range;
    uint32_t highest;
};
enum hm_status hm_legacy_range(struct hm_registry *registry, const struct hm_sockets *sockets,
                               bool has_dns, uint32_t remembered, struct hm_arena *arena,
                               struct hm_legacy_range *out, struct hm_err *err) HM_MUST_CHECK;

/* Of a range that is not known: the ports that are surely in it, and those that may be. */
void hm_legacy_bounds(const struct hm_registry *registry, struct hm_range *out_least,
                      struct hm_range *out_most);

/* The highest port given in this boot, as remembered; 0 none. memory may be NULL. */
uint32_t hm_tcpip_highest(const struct hm_tcpip_memory *memory, const char *boot_id);

/* The inventory with the written values counted as in force, for hm_inventory_excluded: what the
 * system reserves once it has booted. A copy that shares everything; its ranges are those of now.
 * Plans work on what is written, verdicts on what is in force. */
struct hm_inventory hm_inventory_as_written(const struct hm_inventory *inventory);

/* Is the value TcpTimedWaitDelay that is written in force, as far as is known? */
bool hm_timed_wait_delay_in_force(const struct hm_registry *registry);

/* The inventory as it is after the next boot, as far as it is written by now. *out_differs is
 * false when the boot changes nothing; the result then equals the inventory. Shares everything but
 * the stacks with it. */
enum hm_status hm_inventory_next(const struct hm_inventory *inventory, struct hm_arena *arena,
                                 bool *out_differs, struct hm_inventory *out_next,
                                 struct hm_err *err) HM_MUST_CHECK;
