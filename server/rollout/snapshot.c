/* server/rollout/snapshot.c — the live revisions and trust roots at one moment, ready to be matched
 * and sent.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/rollout/snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/log.h"

#define SNAPSHOT_BYTES (256u * 1024u * 1024u) /* documents and envelopes of all live revisions */
#define LIVE_STATES                                                                                \
    (1u << HM_REVISION_ACTIVE | 1u << HM_REVISION_PAUSED | 1u << HM_REVISION_RETIRED)

/* A key and what it stands for; the key lives behind it. */
struct entry {
    void *value;
    char key[];
};

struct load {
    struct hm_snapshot *snapshot;
    struct hm_revision_rows revisions;
    struct hm_trust_rows roots;
};

static enum hm_status read_rows(struct hm_session *s, void *arg, struct hm_err *err)
{
    struct load *load = arg;
    struct hm_arena *arena = &load->snapshot->arena;
    enum hm_status st = hm_revisions_in(s, LIVE_STATES, arena, &load->revisions, err);

    return st == HM_OK ? hm_trust_list(s, arena, &load->roots, err) : st;
}

static void tell(const char *event, const char *policy, uint32_t revision, const struct hm_err *err)
{
    struct hm_log_line line;

    hm_log_begin(&line, HM_LOG_ERROR, event);
    hm_log_str(&line, "policy", policy);
    hm_log_u64(&line, "revision", revision);
    hm_log_err(&line, err);
    hm_log_end(&line);
}

/* ---- loading ------------------------------------------------------------------------------ */

static enum hm_status read_live(struct hm_snapshot *snapshot, const struct hm_revision_row *row,
                                struct hm_live *out_live, struct hm_err *err)
{
    struct hm_arena *arena = &snapshot->arena;
    struct hm_live live = {
        .policy = row->policy,
        .revision = row->revision,
        .mode = row->mode,
        .for_matching = row->state == HM_REVISION_ACTIVE,
        .for_earlier = row->state != HM_REVISION_PAUSED,
        .bytes = strlen(row->envelope),
    };
    enum hm_status st = hm_record_decode(&hm_record_policy, row->document, strlen(row->document),
                                         false, arena, &live.document, NULL, err);

    if (st == HM_OK) {
        st = hm_record_decode(&hm_record_envelope, row->envelope, live.bytes, false, arena,
                              &live.envelope, NULL, err);
    }
    if (st == HM_OK) {
        *out_live = live;
    }
    return st;
}

static enum hm_status read_revisions(struct hm_snapshot *snapshot, struct hm_known *known,
                                     const struct hm_revision_rows *rows, int64_t now_ms,
                                     struct hm_err *err)
{
    snapshot->live = hm_arena_alloc(&snapshot->arena, rows->count, sizeof(*snapshot->live));
    if (snapshot->live == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the live policies");
    }
    for (size_t i = 0; i < rows->count; i++) {
        const struct hm_revision_row *row = &rows->at[i];
        struct hm_live *live = &snapshot->live[snapshot->count];
        struct hm_err bad = {0};
        enum hm_status st;

        if (row->state != HM_REVISION_RETIRED && row->expires_ms != 0 &&
            (snapshot->soonest_end_ms == 0 || row->expires_ms < snapshot->soonest_end_ms)) {
            snapshot->soonest_end_ms = row->expires_ms;
        }
        if (row->expires_ms != 0 && row->expires_ms <= now_ms) {
            continue;
        }
        st = read_live(snapshot, row, live, &bad);
        if (st == HM_ENOMEM) {
            return hm_fail(err, st, "%s", bad.text);
        }
        if (st != HM_OK) {
            tell("policy_not_offered", row->policy, row->revision, &bad);
            continue;
        }
        st = hm_known_policy(known, row->policy, &live->number, err);
        if (st != HM_OK) {
            return st;
        }
        if (row->expires_ms != 0 && row->expires_ms < snapshot->next_expiry_ms) {
            snapshot->next_expiry_ms = row->expires_ms;
        }
        /* Ascending revisions: of two live ones the newer counts. */
        if (snapshot->count > 0 && live[-1].number == live->number) {
            live[-1] = *live;
        } else {
            snapshot->count++;
        }
    }
    return HM_OK;
}

static enum hm_status read_roots(struct hm_snapshot *snapshot, const struct hm_trust_rows *rows,
                                 struct hm_err *err)
{
    struct hm_envelopes *trust = &snapshot->trust;

    trust->at = hm_arena_alloc(&snapshot->arena, rows->count, sizeof(*trust->at));
    if (trust->at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the trust roots");
    }
    for (size_t i = 0; i < rows->count; i++) {
        const char *text = rows->at[i].envelope;
        struct hm_err bad = {0};
        enum hm_status st =
            hm_record_decode(&hm_record_envelope, text, strlen(text), false, &snapshot->arena,
                             &trust->at[trust->count], NULL, &bad);

        if (st == HM_ENOMEM) {
            return hm_fail(err, st, "%s", bad.text);
        }
        if (st != HM_OK) {
            tell("trust_root_not_offered", "", (uint32_t)rows->at[i].version, &bad);
            continue;
        }
        trust->count++;
        free(snapshot->trust_newest);
        snapshot->trust_newest = strdup(text);
        if (snapshot->trust_newest == NULL) {
            return hm_fail(err, HM_ENOMEM, "no memory for the trust roots");
        }
    }
    return HM_OK;
}

/* How much room envelopes have beside everything else that an answer may hold. */
static enum hm_status measure(struct hm_snapshot *snapshot, struct hm_err *err)
{
    const size_t labels = HM_LIMIT_LABELS * (HM_LIMIT_NAME_BYTES + 8);
    struct hm_desired_set *empty;
    size_t catalogue;
    size_t taken;
    enum hm_status st = hm_snapshot_set(snapshot, NULL, 0, "[]", &empty, err);

    if (st == HM_OK) {
        (void)hm_shelf_json(snapshot->shelf, &catalogue);
        taken = empty->offer->body.len + catalogue + labels;
        snapshot->room_bytes = taken < HM_LIMIT_DESIRED_BYTES ? HM_LIMIT_DESIRED_BYTES - taken : 0;
    }
    return st;
}

enum hm_status hm_snapshot_load(struct hm_store *store, struct hm_known *known,
                                const struct hm_shelf *shelf, uint32_t interval_s, int64_t now_ms,
                                struct hm_snapshot **out_snapshot, struct hm_err *err)
{
    struct hm_snapshot *snapshot = calloc(1, sizeof(*snapshot));
    struct load load = {.snapshot = snapshot};
    enum hm_status st;

    if (snapshot == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the live policies");
    }
    hm_arena_init(&snapshot->arena, SNAPSHOT_BYTES);
    hm_map_init(&snapshot->offers);
    hm_map_init(&snapshot->sets);
    snapshot->next_expiry_ms = INT64_MAX;
    snapshot->shelf = shelf;
    snapshot->interval_s = interval_s;
    st = hm_store_read(store, read_rows, &load, err);
    if (st == HM_OK) {
        st = read_revisions(snapshot, known, &load.revisions, now_ms, err);
    }
    if (st == HM_OK) {
        st = read_roots(snapshot, &load.roots, err);
    }
    if (st == HM_OK) {
        st = measure(snapshot, err);
    }
    if (st != HM_OK) {
        hm_snapshot_free(snapshot);
        return st;
    }
    *out_snapshot = snapshot;
    return HM_OK;
}

void hm_snapshot_free(struct hm_snapshot *snapshot)
{
    struct entry *entry;
    size_t at = 0;

    if (snapshot == NULL) {
        return;
    }
    while ((entry = hm_map_next(&snapshot->sets, &at)) != NULL) {
        hm_desired_set_drop(entry->value);
        free(entry);
    }
    at = 0;
    while ((entry = hm_map_next(&snapshot->offers, &at)) != NULL) {
        hm_offer_drop(entry->value);
        free(entry);
    }
    hm_map_fini(&snapshot->sets);
    hm_map_fini(&snapshot->offers);
    free(snapshot->trust_newest);
    hm_arena_fini(&snapshot->arena);
    free(snapshot);
}

/* ---- sets --------------------------------------------------------------------------------- */

static enum hm_status keep(struct hm_map *map, const struct hm_buf *key, void *value,
                           struct hm_err *err)
{
    struct entry *entry = malloc(sizeof(*entry) + key->len + 1);
    enum hm_status st;

    if (entry == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for a desired state");
    }
    entry->value = value;
    memcpy(entry->key, hm_buf_text(key), key->len + 1);
    st = hm_map_put(map, entry->key, entry, err);
    if (st != HM_OK) {
        free(entry);
    }
    return st;
}

static enum hm_status make_offer(struct hm_snapshot *snapshot, const uint32_t *places, size_t count,
                                 const struct hm_buf *key, struct hm_offer **out_offer,
                                 struct hm_err *err)
{
    struct hm_desired desired = {
        .settings = {.interval_s = snapshot->interval_s},
        .catalogue_tag = hm_shelf_tag(snapshot->shelf),
        .trust = snapshot->trust,
        .policies = { .at = calloc(count + 1, sizeof(*desired.policies.at)), .count = count},
    };
    struct hm_offer *offer = NULL;
    struct hm_buf body;
    enum hm_status st;

    if (desired.policies.at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for a desired state");
    }
    for (size_t i = 0; i < count; i++) {
        desired.policies.at[i] = snapshot->live[places[i]].envelope;
    }
    hm_buf_init(&body, HM_LIMIT_DESIRED_BYTES);
    st = hm_record_encode(&hm_record_desired, &desired, &body, err);
    if (st == HM_OK) {
        st = hm_offer_new(&body, &offer, err);
    }
    if (st == HM_OK) {
        st = keep(&snapshot->offers, key, offer, err);
    }
    if (st == HM_OK) {
        *out_offer = offer;
    } else {
        hm_offer_drop(offer);
    }
    hm_buf_fini(&body);
    free(desired.policies.at);
    return st;
}

/* key ends behind the places; the labels come behind it. */
static enum hm_status find_set(struct hm_snapshot *snapshot, const uint32_t *places, size_t count,
                               const char *labels, struct hm_buf *key,
                               struct hm_desired_set **out_set, struct hm_err *err)
{
    const struct entry *entry = hm_map_get(&snapshot->offers, hm_buf_text(key));
    struct hm_offer *offer = entry != NULL ? entry->value : NULL;
    struct hm_desired_set *set = NULL;
    enum hm_status st = HM_OK;

    if (offer == NULL) {
        st = make_offer(snapshot, places, count, key, &offer, err);
    }
    hm_buf_puts(key, labels);
    if (st == HM_OK) {
        st = hm_buf_status(key, err);
    }
    if (st != HM_OK) {
        return st;
    }
    entry = hm_map_get(&snapshot->sets, hm_buf_text(key));
    if (entry != NULL) {
        *out_set = entry->value;
        return HM_OK;
    }
    st = hm_desired_set_new(offer, labels, &set, err);
    if (st == HM_OK) {
        st = keep(&snapshot->sets, key, set, err);
    }
    if (st == HM_OK) {
        *out_set = set;
    } else {
        hm_desired_set_drop(set);
    }
    return st;
}

enum hm_status hm_snapshot_set(struct hm_snapshot *snapshot, const uint32_t *places, size_t count,
                               const char *labels, struct hm_desired_set **out_set,
                               struct hm_err *err)
{
    struct hm_buf key;
    enum hm_status st;

    hm_buf_init(&key, HM_LIMIT_DESIRED_BYTES);
    hm_buf_puts(&key, "policies");
    for (size_t i = 0; i < count; i++) {
        hm_buf_printf(&key, " %u", places[i]);
    }
    hm_buf_putc(&key, ' ');
    st = hm_buf_status(&key, err);
    if (st == HM_OK) {
        st = find_set(snapshot, places, count, labels, &key, out_set, err);
    }
    hm_buf_fini(&key);
    return st;
}
