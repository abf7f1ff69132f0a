/* server/fleet/fleet.c — every agent in memory: who it is, what it last said.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/fleet/fleet.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/str.h"
#include "common/os/os.h"
#include "server/fleet/shard.h"

struct hm_fleet_shard *hm_fleet_shard_of(struct hm_fleet *fleet, const char *agent_id)
{
    uint64_t hash = hm_str_hash(HM_HASH_START, agent_id, strlen(agent_id));

    return &fleet->shards[(hash >> 32) % HM_FLEET_SHARDS];
}

static uint64_t hash_text(uint64_t seed, const char *text)
{
    return hm_str_hash(seed, text, strlen(text) + 1);
}

static uint64_t hash_name(const struct hm_fleet_report *report)
{
    return hash_text(hash_text(HM_HASH_START, report->name), report->version);
}

/* ---- entries ------------------------------------------------------------------------------ */

static void free_host(struct hm_fleet_host *host)
{
    if (host != NULL) {
        free(host->name);
        free(host);
    }
}

/* host is taken over on success. */
static enum hm_status add_host(struct hm_fleet *fleet, struct hm_fleet_host *host,
                               struct hm_err *err)
{
    struct hm_fleet_shard *shard = hm_fleet_shard_of(fleet, host->id);
    enum hm_status st;

    host->shard = shard;
    pthread_mutex_lock(&shard->lock);
    if (hm_map_get(&shard->by_id, host->id) != NULL) {
        st = hm_fail(err, HM_ECONFLICT, "agent %s is there already", host->id);
    } else {
        st = hm_map_put(&shard->by_id, host->id, host, err);
    }
    pthread_mutex_unlock(&shard->lock);
    return st;
}

static enum hm_status new_host(const struct hm_agent_row *agent, const char *name,
                               struct hm_fleet_host **out_host, struct hm_err *err)
{
    struct hm_fleet_host *host = calloc(1, sizeof(*host));

    if (host == NULL || (host->name = strdup(name)) == NULL) {
        free_host(host);
        return hm_fail(err, HM_ENOMEM, "no memory for one more host");
    }
    (void)hm_str_copy(host->id, sizeof(host->id), agent->id);
    memcpy(host->secret_hash, agent->secret_hash, sizeof(host->secret_hash));
    host->state = agent->state;
    *out_host = host;
    return HM_OK;
}

static enum hm_status load_row(const struct hm_agent_row *agent, const struct hm_host_row *row,
                               void *arg, struct hm_err *err)
{
    struct hm_fleet *fleet = arg;
    const char *digests[HM_FLEET_DOCUMENTS] = {row->inventory_digest, row->findings_digest,
                                               row->outcome_digest};
    const struct hm_fleet_report last = {.name = row->name, .version = row->agent_version};
    struct hm_fleet_host *host = NULL;
    enum hm_status st;

    if (row->id[0] == '\0') {
        return HM_OK;
    }
    st = new_host(agent, row->name, &host, err);
    if (st != HM_OK) {
        return st;
    }
    host->boot = row->boot_id[0] != '\0' ? hash_text(HM_HASH_START, row->boot_id) : 0;
    host->seq = row->seq;
    host->name_hash = hash_name(&last);
    for (size_t i = 0; i < HM_FLEET_DOCUMENTS; i++) {
        (void)hm_str_copy(host->digests[i], sizeof(host->digests[i]), digests[i]);
    }
    host->last_seen_ms = row->last_seen_ms;
    host->flushed_ms = row->last_seen_ms;
    host->heard_ms = fleet->opened_ms; /* nobody is silent because we were not there */
    host->silent = row->silent_since_ms != 0;
    st = add_host(fleet, host, err);
    if (st != HM_OK) {
        free_host(host);
    }
    return st;
}

static enum hm_status load_all(struct hm_session *s, void *arg, struct hm_err *err)
{
    return hm_agents_each(s, load_row, arg, err);
}

enum hm_status hm_fleet_open(struct hm_store *store, struct hm_fleet **out_fleet,
                             struct hm_err *err)
{
    struct hm_fleet *fleet = calloc(1, sizeof(*fleet));
    enum hm_status st;

    if (fleet == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the fleet");
    }
    pthread_mutex_init(&fleet->pace_lock, NULL);
    pthread_mutex_init(&fleet->enroll_lock, NULL);
    for (size_t i = 0; i < HM_FLEET_SHARDS; i++) {
        pthread_mutex_init(&fleet->shards[i].lock, NULL);
        hm_map_init(&fleet->shards[i].by_id);
    }
    fleet->opened_ms = hm_os_monotonic_ms();
    atomic_store(&fleet->round, HM_FLEET_WANTED + 1);
    fleet->paced_round = HM_FLEET_WANTED + 1;
    st = hm_store_read(store, load_all, fleet, err);
    if (st != HM_OK) {
        hm_fleet_close(fleet);
        return st;
    }
    *out_fleet = fleet;
    return HM_OK;
}

void hm_fleet_close(struct hm_fleet *fleet)
{
    if (fleet == NULL) {
        return;
    }
    for (size_t i = 0; i < HM_FLEET_SHARDS; i++) {
        struct hm_fleet_shard *shard = &fleet->shards[i];
        struct hm_fleet_host *host;
        size_t at = 0;

        assert(shard->held_first == NULL); /* the HTTP server has stopped before */
        while ((host = hm_map_next(&shard->by_id, &at)) != NULL) {
            free_host(host);
        }
        hm_map_fini(&shard->by_id);
        pthread_mutex_destroy(&shard->lock);
    }
    pthread_mutex_destroy(&fleet->enroll_lock);
    pthread_mutex_destroy(&fleet->pace_lock);
    free(fleet);
}

enum hm_status hm_fleet_put(struct hm_fleet *fleet, const struct hm_agent_row *agent,
                            const char *name, struct hm_err *err)
{
    struct hm_fleet_host *host = NULL;
    enum hm_status st = new_host(agent, name, &host, err);

    if (st != HM_OK) {
        return st;
    }
    host->heard_ms = hm_os_monotonic_ms();
    st = add_host(fleet, host, err);
    if (st != HM_OK) {
        free_host(host);
    }
    return st;
}

struct hm_fleet_host *hm_fleet_find(const struct hm_fleet_shard *shard, const char *agent_id)
{
    return hm_map_get(&shard->by_id, agent_id);
}

enum hm_status hm_fleet_authenticate(struct hm_fleet *fleet, const char *agent_id,
                                     const unsigned char secret_hash[HM_DIGEST_BYTES],
                                     struct hm_fleet_host **out_host, struct hm_err *err)
{
    struct hm_fleet_shard *shard = hm_fleet_shard_of(fleet, agent_id);
    struct hm_fleet_host *host;
    bool is_valid;

    pthread_mutex_lock(&shard->lock);
    host = hm_fleet_find(shard, agent_id);
    is_valid = host != NULL && host->state != HM_AGENT_REVOKED &&
               hm_crypto_equal(host->secret_hash, secret_hash, HM_DIGEST_BYTES);
    pthread_mutex_unlock(&shard->lock);
    if (!is_valid) {
        return hm_fail_code(err, HM_EDENIED, "unauthenticated",
                            "no such agent, or not its secret: enrol it again");
    }
    *out_host = host;
    return HM_OK;
}

void hm_fleet_set_state(struct hm_fleet *fleet, const char *agent_id, enum hm_agent_state state)
{
    struct hm_fleet_shard *shard = hm_fleet_shard_of(fleet, agent_id);
    struct hm_ticket *ticket = NULL;
    struct hm_fleet_host *host;

    pthread_mutex_lock(&shard->lock);
    host = hm_fleet_find(shard, agent_id);
    if (host != NULL) {
        host->state = state;
        ticket = hm_fleet_unlink(host);
    }
    pthread_mutex_unlock(&shard->lock);
    if (ticket != NULL) {
        hm_ticket_wake(ticket);
    }
}

void hm_fleet_name(struct hm_fleet *fleet, const struct hm_fleet_host *host, char *out, size_t size)
{
    (void)fleet;
    pthread_mutex_lock(&host->shard->lock);
    (void)hm_str_copy(out, size, host->name);
    pthread_mutex_unlock(&host->shard->lock);
}

int64_t hm_fleet_last_seen(struct hm_fleet *fleet, const char *agent_id)
{
    struct hm_fleet_shard *shard = hm_fleet_shard_of(fleet, agent_id);
    const struct hm_fleet_host *host;
    int64_t last_seen_ms = 0;

    pthread_mutex_lock(&shard->lock);
    host = hm_fleet_find(shard, agent_id);
    if (host != NULL) {
        last_seen_ms = host->last_seen_ms;
    }
    pthread_mutex_unlock(&shard->lock);
    return last_seen_ms;
}

void hm_fleet_stats(struct hm_fleet *fleet, struct hm_fleet_stats *out_stats)
{
    struct hm_fleet_stats stats = {.refused = atomic_load(&fleet->refused)};

    for (size_t i = 0; i < HM_FLEET_SHARDS; i++) {
        struct hm_fleet_shard *shard = &fleet->shards[i];
        const struct hm_fleet_host *host;
        size_t at = 0;

        pthread_mutex_lock(&shard->lock);
        while ((host = hm_map_next(&shard->by_id, &at)) != NULL) {
            bool counts = host->state != HM_AGENT_REVOKED;

            stats.hosts += counts;
            stats.silent += counts && host->silent;
        }
        stats.held += shard->held_count;
        stats.unchanged += shard->unchanged;
        stats.changed += shard->changed;
        pthread_mutex_unlock(&shard->lock);
    }
    *out_stats = stats;
}

void hm_fleet_count_refused(struct hm_fleet *fleet)
{
    atomic_fetch_add(&fleet->refused, 1);
}

/* ---- check-ins ---------------------------------------------------------------------------- */

static bool names_the_same(const struct hm_fleet_host *host, const struct hm_fleet_report *report)
{
    for (size_t i = 0; i < HM_FLEET_DOCUMENTS; i++) {
        if (report->digests[i] != NULL && strcmp(report->digests[i], host->digests[i]) != 0) {
            return false;
        }
    }
    return hash_name(report) == host->name_hash;
}

static bool is_earlier_boot(const struct hm_fleet_host *host, uint64_t boot)
{
    for (size_t i = 0; i < HM_FLEET_BOOTS; i++) {
        if (host->boots[i] == boot) {
            return true;
        }
    }
    return false;
}

/* What the last answered report of this boot was; a replay repeats it. */
static uint64_t hash_content(const struct hm_fleet_report *report)
{
    uint64_t hash = hash_name(report);

    for (size_t i = 0; i < HM_FLEET_DOCUMENTS; i++) {
        hash = hash_text(hash, report->digests[i] != NULL ? report->digests[i] : "");
    }
    return hash;
}

/* Within a boot the sequence only goes up, and a boot that ended does not come back. */
static bool is_clone(const struct hm_fleet_host *host, const struct hm_fleet_report *report,
                     uint64_t boot, bool same)
{
    if (host->state == HM_AGENT_CLONED) {
        return true;
    }
    if (boot != host->boot) {
        return is_earlier_boot(host, boot);
    }
    if (report->seq > host->seq) {
        return false;
    }
    if (report->seq == host->seq) {
        return host->content != 0 && hash_content(report) != host->content;
    }
    return !same;
}

static bool may_get_token(struct hm_fleet_host *host)
{
    static const struct hm_bucket_rule rule = {HM_FLEET_CLONE_TOKENS, 1.0 / HM_FLEET_CLONE_TOKEN_S};

    return hm_bucket_take(&host->clones, &rule, 1, hm_os_monotonic_ms());
}

static bool may_change(struct hm_fleet_host *host, size_t bytes)
{
    static const struct hm_bucket_rule rule = {HM_FLEET_CHANGE_BYTES,
                                               HM_FLEET_CHANGE_BYTES_A_SECOND};

    return hm_bucket_take(&host->changes, &rule, (double)(bytes + HM_FLEET_CHANGE_LEAST_BYTES),
                          hm_os_monotonic_ms());
}

static enum hm_fleet_answer decide(struct hm_fleet_host *host, const struct hm_fleet_report *report,
                                   uint64_t boot, int64_t now_ms)
{
    bool same = names_the_same(host, report);

    if (is_clone(host, report, boot, same)) {
        return may_get_token(host) ? HM_FLEET_CLONED : HM_FLEET_CLONED_OVER;
    }
    if (host->busy) {
        return HM_FLEET_BUSY;
    }
    if (same && boot == host->boot && !host->silent && host->last_seen_ms != 0) {
        if (report->seq > host->seq) {
            host->content = hash_content(report);
            host->seq = report->seq;
        }
        host->last_seen_ms = now_ms;
        host->heard_ms = hm_os_monotonic_ms();
        host->shard->unchanged++;
        return HM_FLEET_UNCHANGED;
    }
    if (!may_change(host, report->bytes)) {
        return HM_FLEET_OVER;
    }
    host->busy = true;
    host->shard->changed++;
    return HM_FLEET_CHANGED;
}

enum hm_fleet_answer hm_fleet_report_begin(struct hm_fleet *fleet, struct hm_fleet_host *host,
                                           const struct hm_fleet_report *report, int64_t now_ms,
                                           struct hm_fleet_known *out_known)
{
    uint64_t boot = hash_text(HM_HASH_START, report->boot_id);
    enum hm_fleet_answer answer;

    (void)fleet;
    pthread_mutex_lock(&host->shard->lock);
    answer = decide(host, report, boot, now_ms);
    if (answer == HM_FLEET_CHANGED) {
        memcpy(out_known->digests, host->digests, sizeof(out_known->digests));
        out_known->new_boot = boot != host->boot && host->boot != 0;
    }
    pthread_mutex_unlock(&host->shard->lock);
    return answer;
}

static void move_boot(struct hm_fleet_host *host, uint64_t boot)
{
    if (boot != host->boot) {
        memmove(&host->boots[1], &host->boots[0], sizeof(host->boots) - sizeof(host->boots[0]));
        host->boots[0] = host->boot;
        host->boot = boot;
    }
}

void hm_fleet_report_end(struct hm_fleet *fleet, struct hm_fleet_host *host,
                         const struct hm_fleet_report *committed, int64_t now_ms)
{
    char *name = committed != NULL ? strdup(committed->name) : NULL;
    char *unused = name;

    (void)fleet;
    pthread_mutex_lock(&host->shard->lock);
    host->busy = false;
    if (committed != NULL) {
        move_boot(host, hash_text(HM_HASH_START, committed->boot_id));
        host->seq = committed->seq;
        host->content = hash_content(committed);
        host->name_hash = hash_name(committed);
        for (size_t i = 0; i < HM_FLEET_DOCUMENTS; i++) {
            if (committed->digests[i] != NULL && !committed->missing[i]) {
                (void)hm_str_copy(host->digests[i], sizeof(host->digests[i]),
                                  committed->digests[i]);
            }
        }
        host->last_seen_ms = now_ms;
        host->heard_ms = hm_os_monotonic_ms();
        host->flushed_ms = now_ms;
        host->silent = false;
        if (name != NULL) { /* else the old name shows for a while */
            unused = host->name;
            host->name = name;
        }
    }
    pthread_mutex_unlock(&host->shard->lock);
    free(unused);
}
