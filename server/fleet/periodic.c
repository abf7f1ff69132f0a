/* server/fleet/periodic.c — what is asked of the fleet from time to time: silence, last seen,
 * rates. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/str.h"
#include "common/os/os.h"
#include "server/fleet/shard.h"

size_t hm_fleet_take_silent(struct hm_fleet *fleet, int64_t before_ms, size_t max,
                            char (*out_ids)[HM_ID_TEXT_BYTES])
{
    size_t count = 0;

    for (size_t i = 0; i < HM_FLEET_SHARDS && count < max; i++) {
        struct hm_fleet_shard *shard = &fleet->shards[i];
        struct hm_fleet_host *host;
        size_t at = 0;

        pthread_mutex_lock(&shard->lock);
        while (count < max && (host = hm_map_next(&shard->by_id, &at)) != NULL) {
            if (!host->silent && !host->busy && host->state != HM_AGENT_REVOKED &&
                host->heard_ms < before_ms) {
                host->silent = true;
                (void)hm_str_copy(out_ids[count++], HM_ID_TEXT_BYTES, host->id);
            }
        }
        pthread_mutex_unlock(&shard->lock);
    }
    return count;
}

void hm_fleet_unmark_silent(struct hm_fleet *fleet, const char *agent_id)
{
    struct hm_fleet_shard *shard = hm_fleet_shard_of(fleet, agent_id);
    struct hm_fleet_host *host;

    pthread_mutex_lock(&shard->lock);
    host = hm_fleet_find(shard, agent_id);
    if (host != NULL) {
        host->silent = false;
    }
    pthread_mutex_unlock(&shard->lock);
}

bool hm_fleet_confirm_silent(struct hm_fleet *fleet, const char *agent_id)
{
    struct hm_fleet_shard *shard = hm_fleet_shard_of(fleet, agent_id);
    struct hm_fleet_host *host;
    bool silent;

    pthread_mutex_lock(&shard->lock);
    host = hm_fleet_find(shard, agent_id);
    if (host != NULL && host->busy) {
        host->silent = false; /* should its report not be stored, it is taken again */
    }
    silent = host != NULL && host->silent;
    pthread_mutex_unlock(&shard->lock);
    return silent;
}

bool hm_fleet_is_silent(struct hm_fleet *fleet, const char *agent_id, int64_t for_ms)
{
    struct hm_fleet_shard *shard = hm_fleet_shard_of(fleet, agent_id);
    const struct hm_fleet_host *host;
    bool silent;

    pthread_mutex_lock(&shard->lock);
    host = hm_fleet_find(shard, agent_id);
    silent = host == NULL || host->silent || hm_os_monotonic_ms() - host->heard_ms > for_ms;
    pthread_mutex_unlock(&shard->lock);
    return silent;
}

size_t hm_fleet_take_seen(struct hm_fleet *fleet, size_t max, struct hm_fleet_seen *out_seen)
{
    size_t count = 0;

    for (size_t i = 0; i < HM_FLEET_SHARDS && count < max; i++) {
        struct hm_fleet_shard *shard = &fleet->shards[i];
        struct hm_fleet_host *host;
        size_t at = 0;

        pthread_mutex_lock(&shard->lock);
        while (count < max && (host = hm_map_next(&shard->by_id, &at)) != NULL) {
            if (host->last_seen_ms > host->flushed_ms && host->state != HM_AGENT_REVOKED) {
                struct hm_fleet_seen *seen = &out_seen[count++];

                (void)hm_str_copy(seen->id, sizeof(seen->id), host->id);
                seen->last_seen_ms = host->last_seen_ms;
                seen->seq = host->seq;
                host->flushed_ms = host->last_seen_ms;
            }
        }
        pthread_mutex_unlock(&shard->lock);
    }
    return count;
}

bool hm_fleet_may_enroll(struct hm_fleet *fleet, int64_t monotonic_ms)
{
    static const struct hm_bucket_rule rule = {HM_FLEET_ENROLMENTS_BURST,
                                               HM_FLEET_ENROLMENTS_A_SECOND};
    bool may;

    pthread_mutex_lock(&fleet->enroll_lock);
    may = hm_bucket_take(&fleet->enrolments, &rule, 1, monotonic_ms);
    pthread_mutex_unlock(&fleet->enroll_lock);
    return may;
}
