/* server/rollout/pass.c — hosts looked at, some at a time: decided, stored, remembered, woken.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/rollout/pass.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/str.h"
#include "server/store/row.h"

struct seen {
    const char *id;
    const char *labels; /* JSON */
    uint64_t facts;
    uint32_t *offers; /* places in snapshot->live */
    size_t offer_count;
};

struct batch {
    const struct hm_pass *pass;
    struct hm_arena arena;   /* of the batch */
    struct hm_arena scratch; /* of one host */
    struct seen *seen;
    size_t count;
    size_t room;
    size_t offers;
    size_t left_out; /* offers that the host has no room for */
    /* What to read. */
    const char *after;
    char (*ids)[HM_ID_TEXT_BYTES];
    size_t id_count;
};

uint64_t hm_pass_facts(const char *name, const char *os_family, const char *os_version,
                       const char *services)
{
    const char *const texts[] = {name, os_family, os_version, services != NULL ? services : ""};
    uint64_t hash = HM_HASH_START;

    for (size_t i = 0; i < HM_COUNT(texts); i++) {
        hash = hm_str_hash(hash, texts[i], strlen(texts[i]) + 1);
    }
    return hash;
}

/* ---- deciding ----------------------------------------------------------------------------- */

static enum hm_status split_services(const char *text, struct hm_arena *arena,
                                     struct hm_inventory *inventory, struct hm_err *err)
{
    struct hm_span rest = {text, strlen(text)};
    struct hm_strings *services = &inventory->services;
    struct hm_span line;
    size_t room = 0;

    inventory->has_services = true;
    while (hm_str_next_line(&rest, &line)) {
        if (hm_arena_grow(arena, (void **)&services->at, services->count, &room,
                          sizeof(*services->at)) != 0 ||
            (services->at[services->count] = hm_arena_strndup(arena, line.at, line.len)) == NULL) {
            return hm_fail(err, HM_ENOMEM, "no memory for a host's services");
        }
        services->count++;
    }
    return HM_OK;
}

/* A report of before services were a column: they are in the document. */
static enum hm_status read_services(struct hm_session *s, const struct hm_match_facts *facts,
                                    struct hm_arena *arena, struct hm_inventory *inventory,
                                    struct hm_err *err)
{
    struct hm_inventory whole;
    const char *text;
    size_t len;
    enum hm_status st = facts->inventory_digest[0] == '\0'
                            ? HM_ENOENT
                            : hm_documents_get(s, facts->inventory_digest, arena, &text, &len, err);

    if (st == HM_ENOENT) {
        return HM_OK; /* it tells nothing, so it matches nothing that asks for services */
    }
    if (st == HM_OK) {
        st = hm_record_decode(&hm_record_inventory, text, len, false, arena, &whole, NULL, err);
    }
    if (st == HM_OK) {
        inventory->has_services = whole.has_services;
        inventory->services = whole.services;
    }
    return st == HM_EINVAL ? HM_OK : st;
}

static bool find_family(const char *name, enum hm_os_family *out_family)
{
    for (size_t i = 0; i < HM_COUNT(hm_os_family_names); i++) {
        if (strcmp(hm_os_family_names[i], name) == 0) {
            *out_family = (enum hm_os_family)i;
            return true;
        }
    }
    return false;
}

struct subject {
    bool ready;
    bool tells; /* it has reported which system it is */
    struct hm_inventory inventory;
    struct hm_strings labels;
};

static enum hm_status make_subject(struct batch *batch, struct hm_session *s,
                                   const struct hm_match_facts *facts, struct subject *subject,
                                   struct hm_err *err)
{
    struct hm_inventory *inventory = &subject->inventory;

    subject->ready = true;
    subject->tells = find_family(facts->os_family, &inventory->os.family);
    inventory->os.name = "";
    inventory->os.version = facts->os_version;
    inventory->os.arch = "";
    inventory->os.locale = "";
    return facts->services != NULL
               ? split_services(facts->services, &batch->scratch, inventory, err)
               : read_services(s, facts, &batch->scratch, inventory, err);
}

/* Does this revision go to the host that does not have it yet? */
static enum hm_status is_for(struct batch *batch, struct hm_session *s, const struct hm_live *live,
                             uint32_t had, const struct hm_match_facts *facts,
                             struct subject *subject, bool *out_is, struct hm_err *err)
{
    enum hm_status st = HM_OK;

    *out_is = false;
    if (had >= live->revision) {
        return HM_OK;
    }
    if (had > 0 && live->for_earlier) {
        *out_is = true;
        return HM_OK;
    }
    if (!live->for_matching) {
        return HM_OK;
    }
    if (!subject->ready) {
        st = make_subject(batch, s, facts, subject, err);
    }
    if (st == HM_OK) {
        *out_is = subject->tells && hm_policy_matches(&live->document, &subject->inventory,
                                                      &subject->labels, facts->name);
    }
    return st;
}

/* A row whose labels are damaged has none: the fleet does not wait for it. */
static enum hm_status read_labels(struct batch *batch, const struct hm_match_facts *facts,
                                  struct hm_strings *out_labels, const char **out_text,
                                  struct hm_err *err)
{
    struct hm_err bad = {.status = HM_OK};
    enum hm_status st = hm_strings_read(facts->labels, &batch->scratch, out_labels, &bad);
    struct hm_log_line line;

    if (st == HM_ENOMEM) {
        return hm_fail(err, st, "%s", bad.text);
    }
    *out_text = facts->labels;
    if (st != HM_OK) {
        *out_labels = (struct hm_strings){NULL, 0};
        *out_text = "[]";
        hm_log_begin(&line, HM_LOG_ERROR, "labels_damaged");
        hm_log_str(&line, "host", facts->host_id);
        hm_log_err(&line, &bad);
        hm_log_end(&line);
    }
    return HM_OK;
}

static enum hm_status decide(struct batch *batch, struct hm_session *s,
                             const struct hm_match_facts *facts, const struct hm_strings *labels,
                             struct seen *seen, struct hm_err *err)
{
    const struct hm_snapshot *snapshot = batch->pass->snapshot;
    const struct hm_known_host *host = hm_known_host(batch->pass->known, facts->host_id, true);
    struct subject subject = {.ready = false, .labels = *labels};
    size_t bytes = 0;
    size_t count = 0;
    enum hm_status st = HM_OK;

    if (host == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for what hosts are offered");
    }
    for (size_t i = 0; st == HM_OK && i < snapshot->count; i++) {
        const struct hm_live *live = &snapshot->live[i];
        uint32_t had = hm_known_revision(host, live->number);
        bool is = false;

        st = is_for(batch, s, live, had, facts, &subject, &is, err);
        if (st != HM_OK || (!is && had != live->revision)) {
            continue;
        }
        if (count == HM_LIMIT_POLICIES || bytes + live->bytes > snapshot->room_bytes) {
            batch->left_out++;
            continue;
        }
        count++;
        bytes += live->bytes;
        if (is) {
            seen->offers[seen->offer_count++] = (uint32_t)i;
        }
    }
    return st;
}

static enum hm_status look(const struct hm_match_facts *facts, struct batch *batch,
                           struct hm_session *s, struct hm_err *err)
{
    const struct hm_snapshot *snapshot = batch->pass->snapshot;
    struct seen seen = {
        .id = hm_arena_strdup(&batch->arena, facts->host_id),
        .facts = hm_pass_facts(facts->name, facts->os_family, facts->os_version, facts->services),
    };
    struct hm_strings labels;
    const char *text;
    enum hm_status st;

    hm_arena_reset(&batch->scratch);
    st = read_labels(batch, facts, &labels, &text, err);
    if (st != HM_OK) {
        return st;
    }
    seen.labels = hm_arena_strdup(&batch->arena, text);
    if (seen.id == NULL || seen.labels == NULL ||
        hm_arena_grow(&batch->arena, (void **)&batch->seen, batch->count, &batch->room,
                      sizeof(seen)) != 0) {
        return hm_fail(err, HM_ENOMEM, "no memory to look at the fleet");
    }
    if (!batch->pass->quiet) {
        uint32_t *offers;

        seen.offers = hm_arena_alloc(&batch->scratch, snapshot->count, sizeof(*seen.offers));
        if (seen.offers == NULL) {
            return hm_fail(err, HM_ENOMEM, "no memory to look at the fleet");
        }
        st = decide(batch, s, facts, &labels, &seen, err);
        if (st != HM_OK) {
            return st;
        }
        offers = hm_arena_alloc(&batch->arena, seen.offer_count, sizeof(*offers));
        if (offers == NULL) {
            return hm_fail(err, HM_ENOMEM, "no memory to look at the fleet");
        }
        memcpy(offers, seen.offers, seen.offer_count * sizeof(*offers));
        seen.offers = offers;
        batch->offers += seen.offer_count;
    }
    batch->seen[batch->count++] = seen;
    return st;
}

struct look {
    struct batch *batch;
    struct hm_session *session;
};

static enum hm_status look_at_row(const struct hm_match_facts *facts, void *arg, struct hm_err *err)
{
    const struct look *one = arg;

    return look(facts, one->batch, one->session, err);
}

static enum hm_status read_page(struct hm_session *s, void *arg, struct hm_err *err)
{
    struct batch *batch = arg;
    struct look one = {batch, s};

    return hm_hosts_each_match_facts(s, batch->after, HM_PASS_PAGE, look_at_row, &one, err);
}

/* One host by its id: the first one behind the greatest text that is less than it. */
static enum hm_status read_hosts(struct hm_session *s, void *arg, struct hm_err *err)
{
    struct batch *batch = arg;
    struct look one = {batch, s};
    enum hm_status st = HM_OK;

    for (size_t i = 0; st == HM_OK && i < batch->id_count; i++) {
        char before[HM_ID_TEXT_BYTES + 1];
        size_t len = strlen(batch->ids[i]);
        size_t count = batch->count;

        if (len == 0) {
            continue;
        }
        (void)hm_str_copy(before, sizeof(before), batch->ids[i]);
        before[len - 1]--;
        before[len] = '~';
        before[len + 1] = '\0';
        st = hm_hosts_each_match_facts(s, before, 1, look_at_row, &one, err);
        if (st == HM_OK && batch->count > count &&
            strcmp(batch->seen[count].id, batch->ids[i]) != 0) {
            batch->count = count; /* it has not reported, and another one follows */
        }
    }
    return st;
}

/* ---- storing ------------------------------------------------------------------------------ */

static enum hm_status write_offers(struct hm_session *s, void *arg, struct hm_err *err)
{
    const struct batch *batch = arg;
    const struct hm_pass *pass = batch->pass;
    enum hm_status st = HM_OK;

    for (size_t i = 0; st == HM_OK && i < batch->count; i++) {
        const struct seen *seen = &batch->seen[i];

        for (size_t k = 0; st == HM_OK && k < seen->offer_count; k++) {
            const struct hm_live *live = &pass->snapshot->live[seen->offers[k]];

            st = hm_host_policies_offer(s, seen->id, live->policy, live->revision, live->mode,
                                        pass->now_ms, err);
        }
    }
    return st;
}

/* ---- remembering -------------------------------------------------------------------------- */

/* What the host has is what it was offered, of what is live. */
static enum hm_status apply(const struct hm_pass *pass, const struct seen *seen, uint32_t *places,
                            struct hm_err *err)
{
    struct hm_snapshot *snapshot = pass->snapshot;
    struct hm_known_host *host = hm_known_host(pass->known, seen->id, true);
    struct hm_desired_set *set;
    size_t count = 0;
    size_t bytes = 0;
    enum hm_status st = HM_OK;

    if (host == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for what hosts are offered");
    }
    for (size_t i = 0; st == HM_OK && i < seen->offer_count; i++) {
        const struct hm_live *live = &snapshot->live[seen->offers[i]];

        st = hm_known_set_revision(host, live->number, live->revision, err);
    }
    for (size_t i = 0; i < snapshot->count && count < HM_LIMIT_POLICIES; i++) {
        const struct hm_live *live = &snapshot->live[i];

        if (hm_known_revision(host, live->number) == live->revision &&
            bytes + live->bytes <= snapshot->room_bytes) {
            places[count++] = (uint32_t)i;
            bytes += live->bytes;
        }
    }
    if (st == HM_OK) {
        st = hm_snapshot_set(snapshot, places, count, seen->labels, &set, err);
    }
    if (st == HM_OK && hm_known_set(host, set, seen->facts) && pass->fleet != NULL) {
        hm_fleet_wake(pass->fleet, seen->id);
    }
    return st;
}

static enum hm_status apply_all(struct batch *batch, struct hm_err *err)
{
    uint32_t places[HM_LIMIT_POLICIES];
    enum hm_status st = HM_OK;

    for (size_t i = 0; st == HM_OK && i < batch->count; i++) {
        st = apply(batch->pass, &batch->seen[i], places, err);
    }
    if (batch->left_out > 0) {
        struct hm_log_line line;

        hm_log_begin(&line, HM_LOG_WARNING, "policies_left_out");
        hm_log_u64(&line, "count", batch->left_out);
        hm_log_str(&line, "text", "hosts are meant by more policies than one answer holds");
        hm_log_end(&line);
    }
    return st;
}

static enum hm_status run(struct batch *batch, hm_session_fn *read, struct hm_err *err)
{
    const struct hm_pass *pass = batch->pass;
    enum hm_status st = hm_store_read(pass->store, read, batch, err);

    if (st == HM_OK && batch->offers > 0) {
        st = hm_store_write(pass->store, write_offers, batch, err);
    }
    return st == HM_OK ? apply_all(batch, err) : st;
}

static void open_batch(struct batch *batch, const struct hm_pass *pass)
{
    batch->pass = pass;
    hm_arena_init(&batch->arena, HM_LIMIT_REQUEST_ARENA_BYTES);
    hm_arena_init(&batch->scratch, HM_LIMIT_REQUEST_ARENA_BYTES);
}

static void close_batch(struct batch *batch)
{
    hm_arena_fini(&batch->scratch);
    hm_arena_fini(&batch->arena);
}

enum hm_status hm_pass_page(const struct hm_pass *pass, const char *after, size_t *out_count,
                            char out_last[HM_ID_TEXT_BYTES], struct hm_err *err)
{
    struct batch batch = {.after = after};
    enum hm_status st;

    open_batch(&batch, pass);
    st = run(&batch, read_page, err);
    if (st == HM_OK) {
        bool more = batch.count == HM_PASS_PAGE;

        *out_count = batch.count;
        (void)hm_str_copy(out_last, HM_ID_TEXT_BYTES, more ? batch.seen[batch.count - 1].id : "");
    }
    close_batch(&batch);
    return st;
}

enum hm_status hm_pass_hosts(const struct hm_pass *pass, char (*ids)[HM_ID_TEXT_BYTES],
                             size_t count, struct hm_err *err)
{
    struct batch batch = {.ids = ids, .id_count = count};
    enum hm_status st;

    open_batch(&batch, pass);
    st = run(&batch, read_hosts, err);
    close_batch(&batch);
    return st;
}
