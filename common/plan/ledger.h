/* common/plan/ledger.h — what the agent itself added, for which policy, and what stood there
 * before. SPDX-License-Identifier: Apache-2.0
 *
 * Plain records. Written to disk before a change is made, so an entry may tell of a change that
 * was never made: hm_plan compares it with the system and needs no other truth. Only what is in
 * the ledger, with the very same bounds, is ever removed. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/ports/inventory.h"

struct hm_action;
struct hm_plan_note;

/* One exclusion of a modern Windows. */
struct hm_ledger_exclusion {
    const char *policy;
    uint32_t revision;
    enum hm_protocol protocol;
    enum hm_family family;
    struct hm_range range;
    int64_t at;
    bool pending; /* an addition was begun, and the system has not shown it yet */
};

struct hm_ledger_exclusions {
    struct hm_ledger_exclusion *at;
    size_t count;
};

/* A dynamic range that was set; without protocol and family it is the system's only one. */
struct hm_ledger_range {
    const char *policy;
    uint32_t revision;
    bool has_protocol;
    enum hm_protocol protocol;
    bool has_family;
    enum hm_family family;
    struct hm_range range; /* as we set it */
    bool has_pending;      /* a change was begun and not finished: either may stand there */
    struct hm_range pending;
    struct hm_range before; /* before our first change */
    bool before_unset;      /* 2000 to 2003: MaxUserPort was not there */
    const char *boot_id;    /* of the change; it counts after the next boot there */
    int64_t at;
};

struct hm_ledger_ranges {
    struct hm_ledger_range *at;
    size_t count;
};

/* Our part of a list that is one value for the whole system. */
struct hm_owned {
    const char *policy;
    uint32_t revision;
    struct hm_ports ports;
    const char *boot_id; /* when they were written; "" where that does not matter */
};

struct hm_owned_list {
    struct hm_owned *at;
    size_t count;
};

/* ReservedPorts of 2000, XP and 2003. */
struct hm_ledger_lines {
    struct hm_strings before; /* lines of others at our last change */
    bool before_unset;        /* there was no such value without us */
    struct hm_strings after;  /* lines as we wrote them last */
    bool has_pending;         /* a change was begun and not finished: either may stand there */
    struct hm_strings pending;
    struct hm_owned_list owned;
    int64_t at;
};

/* net.ipv4.ip_local_reserved_ports. */
struct hm_ledger_sysctl {
    struct hm_ports before; /* ports of others at our last change */
    struct hm_owned_list owned;
    int64_t at;
};

/* TcpTimedWaitDelay of 2000, XP and 2003, in seconds. */
struct hm_ledger_delay {
    const char *policy;
    uint32_t revision;
    uint32_t delay_s;   /* as we set it */
    bool has_pending_s; /* a change was begun and not finished: either may stand there */
    uint32_t pending_s;
    uint32_t before_s;   /* before our first change */
    bool before_unset;   /* likewise: the value was not there */
    const char *boot_id; /* of the change; it counts after the next boot */
    int64_t at;
};

struct hm_ledger {
    struct hm_ledger_exclusions exclusions;
    struct hm_ledger_ranges ranges;
    bool has_timed_wait_delay;
    struct hm_ledger_delay timed_wait_delay;
    bool has_reserved_ports;
    struct hm_ledger_lines reserved_ports;
    bool has_sysctl;
    struct hm_ledger_sysctl sysctl;
};

enum hm_ledger_stage {
    HM_LEDGER_BEFORE, /* the action is about to be carried out, and may not be */
    HM_LEDGER_AFTER,  /* the system shows it */
};

/* The ledger to have on disk at that stage of the action. Between the two it says that both what
 * was ours and what will be ours is ours, so a crash anywhere loses nothing. Shares texts and
 * port lists with both. */
enum hm_status hm_ledger_put(const struct hm_ledger *ledger, const struct hm_action *action,
                             enum hm_ledger_stage stage, int64_t now_ms, const char *boot_id,
                             struct hm_arena *arena, struct hm_ledger *out_ledger,
                             struct hm_err *err) HM_MUST_CHECK;

/* Without what a note "gone" or "foreign_left_alone" is about: it is no longer ours. Any other
 * note changes nothing. */
enum hm_status hm_ledger_remove(const struct hm_ledger *ledger, const struct hm_plan_note *note,
                                struct hm_arena *arena, struct hm_ledger *out_ledger,
                                struct hm_err *err) HM_MUST_CHECK;

/* Without the row of an addition that the system refused; one that the system has shown before
 * stays. Any other action changes nothing. */
enum hm_status hm_ledger_refused(const struct hm_ledger *ledger, const struct hm_action *action,
                                 struct hm_arena *arena, struct hm_ledger *out_ledger,
                                 struct hm_err *err) HM_MUST_CHECK;

bool hm_ledger_is_empty(const struct hm_ledger *ledger);
