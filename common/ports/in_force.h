/* common/ports/in_force.h — what the running system uses, and what it uses after the next boot.
 * SPDX-License-Identifier: Apache-2.0
 *
 * 2000, XP and 2003 read ReservedPorts, MaxUserPort and TcpTimedWaitDelay when they boot
 * (KB956189); settings files of Linux are read at boot, too. Everything else in the domain works
 * on what is in force, which is what the stacks of an inventory and hm_inventory_excluded tell.
 * Pure. Threads: safe. */
#pragma once

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

/* The inventory as it is after the next boot, as far as it is written by now. *out_differs is
 * false when the boot changes nothing; the result then equals the inventory. Shares everything but
 * the stacks with it. */
enum hm_status hm_inventory_next(const struct hm_inventory *inventory, struct hm_arena *arena,
                                 bool *out_differs, struct hm_inventory *out_next,
                                 struct hm_err *err) HM_MUST_CHECK;
