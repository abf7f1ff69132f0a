/* common/ports/run_state.h — which services run, settled: what single observations show, made into
 * a state that an unchanged host keeps.
 * SPDX-License-Identifier: Apache-2.0
 *
 * One observation of a live host is a moment: a service may be restarting just now, or have stopped
 * by itself because there is nothing to do. A state counts once observations at least
 * HM_RUN_SETTLE_S apart saw it, without another one between them. Until then the last settled state
 * counts, or "unknown" (has_runs false) when there is none. Every boot starts from nothing.
 *
 * Two things would flap all the same. A service that is restarted again and again runs in one
 * observation and not in the next: a run counts as held only while it is the same run (its
 * instance, where the system tells one), and a service that never holds a state becomes down, or
 * unknown when it was hardly seen down, and stays so. A service that starts and stops by itself,
 * each time for long: every change makes the next one wait twice as long; of services that must
 * always run up to HM_RUN_WAITS_ALWAYS times, so that one that is down is known within the hour.
 *
 * A service that does not start by itself is in the inventory only while its settled state is that
 * it runs, or that its last start failed, and stays for as long with the details that were last
 * seen.
 *
 * Pure: no clock, no file; all memory comes from the caller's arena. Times are seconds since the
 * boot, which no change of the clock moves. */
#pragma once

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/ports/inventory.h"

/* More than service managers give a start by default (systemd 90 s) or wait before they restart
 * (the recovery actions of Windows 60 s), and less than the shortest pause between two observations
 * by default (270 s): two of them in a row are enough. */
#define HM_RUN_SETTLE_S 240
/* So long after a boot nothing is noted: delayed services of Windows start two minutes after the
 * automatic ones, and those may take their time. */
#define HM_RUN_BOOT_S 300
/* Of a host that has been up for less it is not known which services run. */
#define HM_RUN_KNOWN_S (HM_RUN_BOOT_S + HM_RUN_SETTLE_S)
/* A service that is restarted again and again: for half an hour, and at least so many observations,
 * no state held. When enough of them saw it down it counts as down, otherwise as unknown. */
#define HM_RUN_DOUBT_S 1800
#define HM_RUN_DOUBT_SEEN 4u
#define HM_RUN_DOUBT_DOWNS 2u
/* How often the wait doubles: of a service that must always run to 32 minutes, of others to more
 * than a day, so that a nightly job stops to count. */
#define HM_RUN_WAITS_ALWAYS 3u
#define HM_RUN_WAITS_OTHERS 9u

enum hm_run { HM_RUN_UNKNOWN, HM_RUN_DOWN, HM_RUN_UP };
#define HM_RUN_COUNT 3
extern const char *const hm_run_names[HM_RUN_COUNT]; /* "unknown", "down", "up" */

/* Which run of a service this is: another number after every start. */
struct hm_run_instance {
    const char *service;
    uint64_t number; /* 1 to INT64_MAX */
};

struct hm_run_instances {
    struct hm_run_instance *at; /* in any order; a service that is not there has none */
    size_t count;
};

/* What is remembered of one service. */
struct hm_run_row {
    struct hm_service service; /* as last seen; its run state is the settled one */
    enum hm_run seen;          /* by the newest observation */
    uint32_t seen_exit_code;
    uint64_t instance; /* of that run; 0 none, or unknown */
    int64_t since_s;   /* seen so ever since */
    uint32_t changes;  /* of the settled state in this boot */
    /* Not kept on disk: */
    bool has_held;     /* the next three are valid */
    int64_t held_s;    /* when the settled state was last seen to hold */
    uint32_t doubtful; /* observations since then ... */
    uint32_t downs;    /* ... that saw it down */
};

struct hm_run_rows {
    struct hm_run_row *at; /* sorted by name */
    size_t count;
};

struct hm_run_memo {
    const char *boot_id; /* "" nothing was noted yet */
    int64_t uptime_s;    /* of the newest observation */
    struct hm_run_rows rows;
};

struct hm_run_look {
    const char *boot_id;
    int64_t uptime_s;
    const struct hm_run_instances *instances;
};

/* Notes one observation and gives its inventory the settled run states; an inventory without
 * details of services stays as it is. inventory: settled (hm_inventory_settle), and so again
 * afterwards. The new memo is in arena and borrows from the old one and from the inventory.
 * *out_changed: it says something else than before and is worth keeping. */
enum hm_status hm_run_memo_note(const struct hm_run_memo *memo, const struct hm_run_look *look,
                                struct hm_arena *arena, struct hm_inventory *inventory,
                                struct hm_run_memo *out_memo, bool *out_changed,
                                struct hm_err *err) HM_MUST_CHECK;

/* Makes every run state unknown. */
void hm_run_forget(struct hm_services *services);

/* Sorts a memo's rows, and drops a second one of a name. */
void hm_run_rows_settle(struct hm_run_rows *rows);
