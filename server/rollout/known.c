/* server/rollout/known.c — who was offered what, and each host's set, in memory.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/rollout/known.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/map.h"
#include "common/base/str.h"

#define SHARDS 64
#define FIRST_ROOM 4

struct had {
    uint32_t policy;
    uint32_t revision;
};

/* Under its shard's lock, but for id and shard. */
struct hm_known_host {
    char id[HM_ID_TEXT_BYTES];
    struct shard *shard;
    struct hm_desired_set *set;
    uint64_t facts;
    struct had *had;
    uint32_t count;
    uint32_t room;
};

struct shard {
    pthread_mutex_t lock;
    struct hm_map by_id;
};

struct policy {
    uint32_t number;
    char name[];
};

struct hm_known {
    struct shard shards[SHARDS];
    pthread_mutex_t lock; /* of the two below */
    struct hm_map policies;
    struct hm_desired_set *base;
};

enum hm_status hm_known_open(struct hm_known **out_known, struct hm_err *err)
{
    struct hm_known *known = calloc(1, sizeof(*known));

    if (known == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for what hosts are offered");
    }
    pthread_mutex_init(&known->lock, NULL);
    hm_map_init(&known->policies);
    for (size_t i = 0; i < SHARDS; i++) {
        pthread_mutex_init(&known->shards[i].lock, NULL);
        hm_map_init(&known->shards[i].by_id);
    }
    *out_known = known;
    return HM_OK;
}

static void close_shard(struct shard *shard)
{
    struct hm_known_host *host;
    size_t at = 0;

    while ((host = hm_map_next(&shard->by_id, &at)) != NULL) {
        hm_desired_set_drop(host->set);
        free(host->had);
        free(host);
    }
    hm_map_fini(&shard->by_id);
    pthread_mutex_destroy(&shard->lock);
}

void hm_known_close(struct hm_known *known)
{
    struct policy *policy;
    size_t at = 0;

    if (known == NULL) {
        return;
    }
    for (size_t i = 0; i < SHARDS; i++) {
        close_shard(&known->shards[i]);
    }
    while ((policy = hm_map_next(&known->policies, &at)) != NULL) {
        free(policy);
    }
    hm_map_fini(&known->policies);
    hm_desired_set_drop(known->base);
    pthread_mutex_destroy(&known->lock);
    free(known);
}

/* ---- policies ----------------------------------------------------------------------------- */

static struct policy *add_policy(struct hm_known *known, const char *name, struct hm_err *err)
{
    size_t size = strlen(name) + 1;
    struct policy *policy = malloc(sizeof(*policy) + size);

    if (policy == NULL) {
        (void)hm_fail(err, HM_ENOMEM, "no memory for the name of a policy");
        return NULL;
    }
    policy->number = (uint32_t)known->policies.count;
    memcpy(policy->name, name, size);
    if (hm_map_put(&known->policies, policy->name, policy, err) != HM_OK) {
        free(policy);
        return NULL;
    }
    return policy;
}

enum hm_status hm_known_policy(struct hm_known *known, const char *name, uint32_t *out_policy,
                               struct hm_err *err)
{
    struct policy *policy;

    pthread_mutex_lock(&known->lock);
    policy = hm_map_get(&known->policies, name);
    if (policy == NULL) {
        policy = add_policy(known, name, err);
    }
    pthread_mutex_unlock(&known->lock);
    if (policy == NULL) {
        return HM_ENOMEM;
    }
    *out_policy = policy->number;
    return HM_OK;
}

/* ---- hosts -------------------------------------------------------------------------------- */

static struct shard *shard_of(struct hm_known *known, const char *host_id)
{
    uint64_t hash = hm_str_hash(HM_HASH_START, host_id, strlen(host_id));

    return &known->shards[(hash >> 32) % SHARDS];
}

static struct hm_known_host *add_host(struct shard *shard, const char *host_id)
{
    struct hm_known_host *host = calloc(1, sizeof(*host));

    if (host == NULL) {
        return NULL;
    }
    (void)hm_str_copy(host->id, sizeof(host->id), host_id);
    host->shard = shard;
    if (hm_map_put(&shard->by_id, host->id, host, NULL) != HM_OK) {
        free(host);
        return NULL;
    }
    return host;
}

struct hm_known_host *hm_known_host(struct hm_known *known, const char *host_id, bool add)
{
    struct shard *shard = shard_of(known, host_id);
    struct hm_known_host *host;

    pthread_mutex_lock(&shard->lock);
    host = hm_map_get(&shard->by_id, host_id);
    if (host == NULL && add) {
        host = add_host(shard, host_id);
    }
    pthread_mutex_unlock(&shard->lock);
    return host;
}

uint32_t hm_known_revision(const struct hm_known_host *host, uint32_t policy)
{
    for (uint32_t i = 0; i < host->count; i++) {
        if (host->had[i].policy == policy) {
            return host->had[i].revision;
        }
    }
    return 0;
}

/* Under the lock. */
static bool make_room(struct hm_known_host *host)
{
    if (host->count == host->room) {
        uint32_t room = host->room == 0 ? FIRST_ROOM : 2 * host->room;
        struct had *had = realloc(host->had, room * sizeof(*had));

        if (had == NULL) {
            return false;
        }
        host->had = had;
        host->room = room;
    }
    return true;
}

enum hm_status hm_known_set_revision(struct hm_known_host *host, uint32_t policy, uint32_t revision,
                                     struct hm_err *err)
{
    enum hm_status st = HM_OK;
    uint32_t at = 0;

    pthread_mutex_lock(&host->shard->lock);
    while (at < host->count && host->had[at].policy != policy) {
        at++;
    }
    if (at < host->count) {
        host->had[at].revision =
            host->had[at].revision > revision ? host->had[at].revision : revision;
    } else if (make_room(host)) {
        host->had[host->count++] = (struct had){policy, revision};
    } else {
        st = hm_fail(err, HM_ENOMEM, "no memory for what a host was offered");
    }
    pthread_mutex_unlock(&host->shard->lock);
    return st;
}

bool hm_known_set(struct hm_known_host *host, struct hm_desired_set *set, uint64_t facts)
{
    struct hm_desired_set *before;
    bool differs;

    pthread_mutex_lock(&host->shard->lock);
    before = host->set;
    host->facts = facts;
    differs = before == NULL || strcmp(before->etag, set->etag) != 0;
    if (before == set) {
        before = NULL;
    } else {
        host->set = hm_desired_set_keep(set);
    }
    pthread_mutex_unlock(&host->shard->lock);
    hm_desired_set_drop(before);
    return differs;
}

void hm_known_set_base(struct hm_known *known, struct hm_desired_set *base)
{
    struct hm_desired_set *before;

    pthread_mutex_lock(&known->lock);
    before = known->base;
    known->base = hm_desired_set_keep(base);
    pthread_mutex_unlock(&known->lock);
    hm_desired_set_drop(before);
}

/* ---- on any thread ------------------------------------------------------------------------ */

struct hm_desired_set *hm_known_take(struct hm_known *known, const char *host_id)
{
    struct shard *shard = shard_of(known, host_id);
    const struct hm_known_host *host;
    struct hm_desired_set *set = NULL;

    pthread_mutex_lock(&shard->lock);
    host = hm_map_get(&shard->by_id, host_id);
    if (host != NULL && host->set != NULL) {
        set = hm_desired_set_keep(host->set);
    }
    pthread_mutex_unlock(&shard->lock);
    if (set == NULL) {
        pthread_mutex_lock(&known->lock);
        set = known->base != NULL ? hm_desired_set_keep(known->base) : NULL;
        pthread_mutex_unlock(&known->lock);
    }
    return set;
}

void hm_known_drop_set(struct hm_known *known, const char *host_id)
{
    struct shard *shard = shard_of(known, host_id);
    struct hm_desired_set *set = NULL;
    struct hm_known_host *host;

    pthread_mutex_lock(&shard->lock);
    host = hm_map_get(&shard->by_id, host_id);
    if (host != NULL) {
        set = host->set;
        host->set = NULL;
    }
    pthread_mutex_unlock(&shard->lock);
    hm_desired_set_drop(set);
}

void hm_known_etag(struct hm_known *known, const char *host_id, char out[HM_DIGEST_TEXT_BYTES + 2])
{
    struct hm_desired_set *set = hm_known_take(known, host_id);

    (void)hm_str_copy(out, HM_DIGEST_TEXT_BYTES + 2, set != NULL ? set->etag : "");
    hm_desired_set_drop(set);
}

bool hm_known_has_facts(struct hm_known *known, const char *host_id, uint64_t facts)
{
    struct shard *shard = shard_of(known, host_id);
    const struct hm_known_host *host;
    bool has;

    pthread_mutex_lock(&shard->lock);
    host = hm_map_get(&shard->by_id, host_id);
    has = host != NULL && host->set != NULL && host->facts == facts;
    pthread_mutex_unlock(&shard->lock);
    return has;
}

uint32_t hm_known_lacks(struct hm_known *known, const char *host_id, const char *name)
{
    struct shard *shard = shard_of(known, host_id);
    const struct hm_known_host *host;
    const struct policy *policy;
    uint32_t number;
    bool has;

    pthread_mutex_lock(&known->lock);
    policy = hm_map_get(&known->policies, name);
    number = policy != NULL ? policy->number : HM_KNOWN_NOBODY;
    pthread_mutex_unlock(&known->lock);
    if (number == HM_KNOWN_NOBODY) {
        return HM_KNOWN_NOBODY;
    }
    pthread_mutex_lock(&shard->lock);
    host = hm_map_get(&shard->by_id, host_id);
    has = host != NULL && hm_known_revision(host, number) != 0;
    pthread_mutex_unlock(&shard->lock);
    return has ? HM_KNOWN_NOBODY : number;
}
