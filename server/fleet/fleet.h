/* server/fleet/fleet.h — every agent in memory: who it is, what it last said, whether it waits.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Answers unchanged check-ins without the store. Sharded locks; every function may be called
 * from any thread. Entries live until the fleet is closed. */
#pragma once

#include "server/http/http.h"
#include "server/store/entities.h"

struct hm_fleet;
struct hm_fleet_host;

/* Loads all agents and hosts from the store. */
enum hm_status hm_fleet_open(struct hm_store *store, struct hm_fleet **out_fleet,
                             struct hm_err *err) HM_MUST_CHECK;
void hm_fleet_close(struct hm_fleet *fleet);

/* For the access callback: the agent whose secret has this hash; HM_EDENIED "unauthenticated". */
enum hm_status hm_fleet_authenticate(struct hm_fleet *fleet, const char *agent_id,
                                     const unsigned char secret_hash[HM_DIGEST_BYTES],
                                     struct hm_fleet_host **out_host,
                                     struct hm_err *err) HM_MUST_CHECK;

/* Newest last_seen of a host, for replies; 0 when it never reported. */
int64_t hm_fleet_last_seen(struct hm_fleet *fleet, const char *agent_id);

/* Counts for metrics. */
struct hm_fleet_stats {
    uint64_t hosts;
    uint64_t held; /* GET /v1/desired waiting now */
    uint64_t silent;
    uint64_t unchanged; /* check-ins answered without the store, since start */
    uint64_t changed;
    uint64_t refused;
};
void hm_fleet_stats(struct hm_fleet *fleet, struct hm_fleet_stats *out_stats);
