/* agent/platform/platform.h — what an agent needs of a host, as one contract.
 * SPDX-License-Identifier: Apache-2.0
 *
 * hm_platform_native is the system this program was built for (folder linux/ or windows/, chosen
 * at link time); hm_platform_recorded is a host described by files (folder recorded/), always
 * linked: the test double, the demonstration fleet and "hm-agent check --from FOLDER".
 *
 * Promises of every platform:
 * - observe reads and never changes the host; it may take seconds, so callers ask once a cycle;
 * - a fact that cannot be read is left unknown (has_… false) and named in unknown, in a sentence
 *   that says which and why; only what makes all facts worthless is an error;
 * - the inventory is settled (hm_inventory_settle) and stable;
 * - everything returned lives in the arena;
 * - reread and change are for whoever carries out a plan (agent/enforce/enforce.h). Success is what
 * reread shows afterwards, never what change answers; no text of a system tool is matched. Threads:
 * one platform object, one thread. */
#pragma once

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/judge/judge.h"
#include "common/plan/plan.h"
#include "common/ports/in_force.h"
#include "common/ports/run_state.h"

struct hm_observation {
    const char *name;         /* host name */
    const char *boot_id;      /* changes with every boot */
    struct hm_strings labels; /* only recorded hosts bring some */
    struct hm_inventory inventory;
    struct hm_services idle_services; /* installed ones that neither run nor start by themselves;
                                         others may be among them: inventory outranks it */
    bool knows_all_services;          /* with them and those of inventory */
    bool has_sockets;
    struct hm_sockets sockets;
    bool has_sample;
    struct hm_sample sample;
    bool has_previous_boot; /* only recorded hosts; the agent keeps its own */
    struct hm_inventory previous_boot;
    /* Modern Windows: what HTTP.sys, IIS and containers are set up to serve is not known whole. A
     * recorded host without any file about it is as one of which nothing is set up. */
    bool settings_unread;
    /* Recorded hosts only: port-values.txt was cut, so that nobody knows what it lacks. */
    bool port_values_cut;
    /* Linux: as hm_judge_input has it; NULL unknown. */
    const char *reserved_behind;
    const char *range_behind;
    struct hm_hidden_ports hidden; /* live hosts only */
    bool settings_mixed;
    struct hm_strings unknown;
    int64_t again_in_ms;         /* part of unknown can be read again then; 0 = whenever */
    struct hm_refusals refusals; /* each is in unknown, too */
    struct hm_range_opinions opinions;
    bool has_events;
    struct hm_event_counts events; /* of services and products, since the boot */
    /* Live hosts only: seconds since the boot. Their services' run states are those of this moment,
     * not settled yet (agent/run_memory.h). */
    bool has_uptime;
    int64_t uptime_s;
    /* What service_details of inventory said before they were settled (agent/cycle.c). */
    bool has_services_now;
    struct hm_services services_now;
    struct hm_run_instances instances; /* of services that run, where the system tells */
    uint32_t highest_given; /* 2000 to 2003: highest port that a socket was given in this boot */
};

/* What the next observations are for. */
struct hm_reading {
    unsigned urgent; /* stacks, 1 << hm_stack_index: of lists only their exclusions are read, and
                        what HTTP.sys is set up to serve, at once; 0 = everything */
    bool patient;    /* a source may be asked that may keep the caller waiting, early in a boot */
};

/* What keep found. */
struct hm_kept {
    bool lacked;     /* something of ours would not have outlived a boot */
    const char *how; /* what reserves our ports at a boot, for people; "" nothing does */
};

struct hm_platform;

struct hm_platform_ops {
    const char *name; /* "linux", "windows", "recorded" */
    /* where: "" for native; the folder for recorded. */
    enum hm_status (*open)(const char *where, struct hm_platform **out_platform,
                           struct hm_err *err);
    /* What the agent remembers of this host's Tcpip\Parameters, for observe: it says which values
     * are in force (common/ports/in_force.h). Borrowed until the next call; NULL: nobody remembers.
     * The op is NULL where that does not matter. */
    void (*remember)(struct hm_platform *platform, const struct hm_tcpip_memory *memory);
    /* From now on; without it everything is read. NULL where every source answers at once. */
    void (*prepare)(struct hm_platform *platform, struct hm_reading reading);
    enum hm_status (*observe)(struct hm_platform *platform, struct hm_arena *arena,
                              struct hm_observation *out_observation, struct hm_err *err);
    /* The stacks (dynamic ranges, exclusions) and the registry of inventory as they are now, read
     * again without any cache, at least as far as they show these actions (NULL: all of them); its
     * other facts stay. A fact that cannot be read becomes unknown. */
    enum hm_status (*reread)(struct hm_platform *platform, const struct hm_actions *actions,
                             struct hm_arena *arena, struct hm_inventory *inventory,
                             struct hm_err *err);
    /* Carries out one action and nothing else, at run time and so that it outlives a boot. The
     * caller has the ledger on disk and has seen the precondition hold. HM_OK: the system took it.
     * HM_EBUSY: the system refuses it now (a port is in use, another change runs). HM_ECONFLICT:
     * what the precondition speaks of is not so (a row to remove is not there). HM_EDENIED: this
     * account may not. HM_EUNSUPPORTED: this system has no such thing. Killed at any moment, the
     * system shows the state before or after, or for lists the one or the other, never less. */
    enum hm_status (*change)(struct hm_platform *platform, const struct hm_action *action,
                             struct hm_arena *arena, struct hm_err *err);
    /* Makes what outlives a boot agree with the ledger, and with what others say by now where
     * one value is shared with them. Of the running system it only completes that value by what
     * others' files say and ours, read after them, hid. For once a look, after the actions; never
     * where nothing may be changed. HM_EDENIED as with change. NULL: what outlives a boot is the
     * very thing that reread shows. */
    enum hm_status (*keep)(struct hm_platform *platform, const struct hm_ledger *ledger,
                           struct hm_arena *arena, struct hm_kept *out_kept, struct hm_err *err);
    /* Makes what keep left outlive boots without this program, which leaves the host for good.
     * NULL: it does anyway. */
    enum hm_status (*leave)(struct hm_platform *platform, struct hm_arena *arena,
                            struct hm_err *err);
    /* Adds to the running system what the ledger names and others took out without meaning it: they
     * loaded their own settings again, which is no harm to count. What is missing for another
     * reason stays missing: that is an action's affair. always: for whatever reason; for the first
     * look of a boot. NULL: no reload takes anything out. */
    enum hm_status (*reapply)(struct hm_platform *platform, const struct hm_ledger *ledger,
                              bool always, struct hm_arena *arena, bool *out_added,
                              struct hm_err *err);
    /* A descriptor that is readable once others may have loaded their settings again; -1: nobody
     * tells. To be called once before it is waited for and after each look, as files come and go.
     * reloaded reads it empty; true: there was something. Both NULL where reapply is. */
    int (*watch_reloads)(struct hm_platform *platform);
    bool (*reloaded)(struct hm_platform *platform);
    /* Where nobody tells of a setting that observe reads, the descriptor is readable every few
     * seconds as well, and this says whether one is another than when it was watched last. Cheap.
     * NULL: the next look finds out. */
    bool (*has_moved)(struct hm_platform *platform);
    /* Makes the running system have what keep left for the boot; for a program that runs before the
     * services do, without a ledger. out_text: what was changed, "" nothing. NULL: the system does
     * that itself. */
    enum hm_status (*at_boot)(struct hm_platform *platform, struct hm_arena *arena,
                              const char **out_text, struct hm_err *err);
    /* Does a program that asks for any port still get one, in each stack? Found out by asking
     * (bind to port 0, closed at once); recorded hosts answer from their files. out_why: the stacks
     * that give none, in a sentence; "" when all do. */
    enum hm_status (*try_ephemeral)(struct hm_platform *platform, struct hm_arena *arena,
                                    const char **out_why, struct hm_err *err);
    void (*close)(struct hm_platform *platform);
};

extern const struct hm_platform_ops hm_platform_native;
extern const struct hm_platform_ops hm_platform_recorded;
