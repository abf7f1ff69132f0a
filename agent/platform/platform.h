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
 * - everything returned lives in the arena.
 * Threads: one platform object, one thread. */
#pragma once

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/ports/judge.h"

struct hm_observation {
    const char *name;         /* host name */
    const char *boot_id;      /* changes with every boot */
    struct hm_strings labels; /* only recorded hosts bring some */
    struct hm_inventory inventory;
    bool has_sockets;
    struct hm_sockets sockets;
    bool has_sample;
    struct hm_sample sample;
    bool has_previous_boot; /* only recorded hosts; the agent keeps its own */
    struct hm_inventory previous_boot;
    struct hm_strings unknown;
    struct hm_refusals refusals; /* each is in unknown, too */
    struct hm_range_opinions opinions;
};

struct hm_platform;

struct hm_platform_ops {
    const char *name; /* "linux", "windows", "recorded" */
    /* where: "" for native; the folder for recorded. */
    enum hm_status (*open)(const char *where, struct hm_platform **out_platform,
                           struct hm_err *err);
    enum hm_status (*observe)(struct hm_platform *platform, struct hm_arena *arena,
                              struct hm_observation *out_observation, struct hm_err *err);
    void (*close)(struct hm_platform *platform);
};

extern const struct hm_platform_ops hm_platform_native;
extern const struct hm_platform_ops hm_platform_recorded;
