/* server/fleet/shard.h — the fleet's memory; private to server/fleet.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "common/base/map.h"
#include "server/fleet/bucket.h"
#include "server/fleet/fleet.h"

#define HM_FLEET_SHARDS 64
#define HM_FLEET_WANTED 0 /* as held_at: woken whatever the round is */
#define HM_FLEET_BOOTS 4  /* boots that ended: one of them coming back is a clone */

/* Under its shard's lock, but for id, secret_hash and shard, which never change. */
struct hm_fleet_host {
    char id[HM_ID_TEXT_BYTES];
    unsigned char secret_hash[HM_DIGEST_BYTES];
    struct hm_fleet_shard *shard;
    enum hm_agent_state state;
    bool busy; /* a report is on its way to the store */
    bool silent;
    char *name;
    uint64_t name_hash; /* of name and version */
    uint64_t boot;      /* hash of the boot id; 0 = never reported */
    uint64_t boots[HM_FLEET_BOOTS];
    uint64_t seq;
    uint64_t content; /* hash of what the report with this seq said; 0 = before our start */
    char digests[HM_FLEET_DOCUMENTS][HM_DIGEST_TEXT_BYTES];
    int64_t last_seen_ms;
    int64_t flushed_ms; /* last_seen as the store has it */
    int64_t heard_ms;   /* as last_seen by the monotonic clock; not before the fleet was opened */
    struct hm_bucket changes;
    struct hm_bucket clones;
    struct hm_ticket *ticket;
    uint64_t held_at; /* wake-up round in which the ticket came; HM_FLEET_WANTED */
    struct hm_fleet_host *held_next;
    struct hm_fleet_host *held_previous;
};

struct hm_fleet_shard {
    pthread_mutex_t lock;
    struct hm_map by_id;
    struct hm_fleet_host *held_first; /* wanted ones, then the oldest ticket first */
    struct hm_fleet_host *held_last;
    uint64_t held_count;
    uint64_t unchanged;
    uint64_t changed;
};

struct hm_fleet {
    struct hm_fleet_shard shards[HM_FLEET_SHARDS];
    int64_t opened_ms; /* monotonic */
    atomic_uint_least64_t refused;
    atomic_uint_least64_t round;  /* of wake-ups; from 1 */
    atomic_uint_least64_t wanted; /* single wake-ups asked for so far */

    pthread_mutex_t pace_lock;
    uint64_t paced_round;  /* every ticket older than this was woken */
    uint64_t paced_wanted; /* as are all that were wanted up to this count */
    double wakes;          /* token bucket */
    int64_t paced_ms;

    pthread_mutex_t enroll_lock;
    struct hm_bucket enrolments;
};

struct hm_fleet_shard *hm_fleet_shard_of(struct hm_fleet *fleet, const char *agent_id);

/* Under the shard's lock; NULL when there is none. */
struct hm_fleet_host *hm_fleet_find(const struct hm_fleet_shard *shard, const char *agent_id);

/* Takes the host's ticket off the held list, under the shard's lock; NULL when it has none. */
struct hm_ticket *hm_fleet_unlink(struct hm_fleet_host *host);
