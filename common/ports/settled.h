/* common/ports/settled.h — has a host settled since its boot?
 * SPDX-License-Identifier: Apache-2.0
 *
 * Early in a boot the picture of a host is incomplete: a port of HTTP.sys looks free until the
 * service that uses it has started. A host has settled once its automatic services have started or
 * ended and two observations in a row, at least HM_SETTLED_APART_S apart, showed equal facts; after
 * HM_SETTLED_MOST_S in any case. Once settled it stays so until the next boot.
 *
 * Pure: no clock, no file. Times are seconds since the boot, which no change of the clock moves.
 * Threads: safe. */
#pragma once

#include "common/base/arena.h"
#include "common/ports/inventory.h"

#define HM_SETTLED_MOST_S 600
#define HM_SETTLED_APART_S 30

/* What is remembered of the boot at hand; on disk it survives a restart of the agent. */
struct hm_settled_memo {
    const char *boot_id; /* "" nothing was noted yet */
    bool settled;
    bool has_facts;
    uint64_t facts;  /* of the newest observation */
    int64_t since_s; /* second of the boot since which it is shown; the memo of a later one is of
                        another boot */
};

struct hm_settled_look {
    const char *boot_id;
    bool has_uptime; /* false: a host that is described, not observed; it has settled */
    int64_t uptime_s;
    bool services_started; /* hm_services_have_started of the states of this moment */
    uint64_t facts;        /* hm_settled_facts */
};

/* The memo after one more observation; borrows boot_id from the look. */
struct hm_settled_memo hm_settled_note(const struct hm_settled_memo *memo,
                                       const struct hm_settled_look *look);

/* Does each service that starts automatically, at once or delayed, run, or has it ended? One that
 * nobody has started since the boot (exit code 1077) has done neither. Services that a trigger or
 * a cluster starts do not count, but for those that take ports for web sites and containers: where
 * such a one never starts, the host has settled after HM_SETTLED_MOST_S. */
bool hm_services_have_started(const struct hm_services *services);

/* A number for dynamic ranges, exclusions and listeners: equal facts, equal number. */
uint64_t hm_settled_facts(const struct hm_inventory *inventory);

/* In how many seconds to observe again, so that the host is known to have settled, and its lists
 * are read, when they should be: HM_SETTLED_APART_S after the first facts, and at 1, 3 and 10
 * minutes after the boot. 0: no such time is left. */
int64_t hm_settled_again_s(const struct hm_settled_memo *memo, int64_t uptime_s);
