/* agent/uplink.c — one agent's side of the protocol: check in, then hold the desired state.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/uplink.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/version.h"

#define CHECK_IN_TIMEOUT_MS 60000
#define HOLD_GRACE_MS 30000 /* past the wait: the answer's own way */
#define CHECK_IN_ROUNDS 2   /* the report, and what the collector lacks of it */
#define CHECK_IN_MOST 3     /* one more where documents had to wait for room */
#define DESIRED_PATH "/v1/desired"
#define REPLY_ARENA_BYTES (64u * 1024u * 1024u)

void hm_uplink_failed(struct hm_uplink *uplink, int64_t retry_after_s)
{
    uplink->retry_ms = hm_backoff_next_ms(&uplink->backoff, uplink->random());
    if (retry_after_s > HM_UPLINK_RETRY_AFTER_MOST_S) {
        retry_after_s = HM_UPLINK_RETRY_AFTER_MOST_S;
    }
    if (retry_after_s >= 0) {
        /* A part of a second on top: those told the same do not come at the same moment. */
        uplink->retry_ms = retry_after_s * 1000 + (int64_t)(uplink->random() % 1000);
    }
}

enum hm_status hm_uplink_stored(enum hm_status st, struct hm_err *err)
{
    if (st == HM_EDENIED || st == HM_ECONFLICT) {
        st = HM_EIO;
        if (err != NULL) {
            err->status = st;
        }
    }
    return st;
}

static void note_success(struct hm_uplink *uplink)
{
    hm_backoff_reset(&uplink->backoff);
    uplink->retry_ms = 0;
}

/* One exchange with our bearer token; an answer that is no success becomes a status. */
static enum hm_status exchange(struct hm_uplink *uplink, struct hm_http_request *request,
                               const char *what, struct hm_arena *arena,
                               struct hm_http_reply *out_reply, struct hm_err *err)
{
    enum hm_status st;

    uplink->reenroll_token[0] = '\0';
    request->bearer = uplink->identity->secret;
    st = uplink->transport.ops->call(uplink->transport.self, request, arena, out_reply, err);
    if (st != HM_OK) {
        if (st != HM_EBUSY) { /* given up by ourselves: it says nothing of the collector */
            hm_uplink_failed(uplink, -1);
        }
        return st;
    }
    if (out_reply->status / 100 != 2 && out_reply->status != 304) {
        hm_uplink_failed(uplink, out_reply->retry_after_s);
        return hm_problem_fail(what, out_reply, arena, uplink->reenroll_token, err);
    }
    uplink->date_ms = out_reply->date_ms;
    return HM_OK;
}

/* The documents of a report, in the order in which they travel. */
static const struct {
    const char *name;
    enum hm_spool_document which;
    size_t in_report; /* struct hm_uplink_document */
    size_t has;       /* of struct hm_documents */
    size_t ref;
    size_t sent; /* of struct hm_uplink_sent */
} rows[] = {
    {"inventory", HM_SPOOL_INVENTORY, offsetof(struct hm_report, inventory),
     offsetof(struct hm_documents, has_inventory), offsetof(struct hm_documents, inventory),
     offsetof(struct hm_uplink_sent, with_inventory)},
    {"findings",  HM_SPOOL_FINDINGS,  offsetof(struct hm_report, findings),
     offsetof(struct hm_documents, has_findings),  offsetof(struct hm_documents, findings),
     offsetof(struct hm_uplink_sent, with_findings) },
    {"outcome",   HM_SPOOL_OUTCOME,   offsetof(struct hm_report, outcome),
     offsetof(struct hm_documents, has_outcome),   offsetof(struct hm_documents, outcome),
     offsetof(struct hm_uplink_sent, with_outcome)  },
};

static const struct hm_uplink_document *document_of(const struct hm_report *report, size_t row)
{
    return (const void *)((const char *)report + rows[row].in_report);
}

static bool must_travel(const struct hm_spool *spool, const struct hm_report *report, size_t row)
{
    const struct hm_uplink_document *document = document_of(report, row);

    return document->text != NULL &&
           strcmp(hm_spool_acknowledged(spool, rows[row].which), document->digest) != 0;
}

bool hm_uplink_is_known(const struct hm_uplink *uplink, const struct hm_report *report)
{
    bool known = true;

    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        known = known && !must_travel(uplink->spool, report, i);
    }
    return known;
}

/* Names every document; bodies[row]: its body follows. What does not fit into this request waits:
 * the collector asks for it. True when something has to wait. */
static bool refer(const struct hm_uplink *uplink, const struct hm_report *report,
                  struct hm_documents *out, bool bodies[HM_COUNT(rows)])
{
    size_t room = HM_LIMIT_CHECKIN_BYTES - HM_LIMIT_ENVELOPE_BYTES;
    bool deferred = false;

    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        const struct hm_uplink_document *document = document_of(report, i);
        struct hm_document_ref *ref = (void *)((char *)out + rows[i].ref);

        bodies[i] = must_travel(uplink->spool, report, i);
        if (bodies[i] && document->len >= room) {
            bodies[i] = false;
            deferred = true;
        }
        room -= bodies[i] ? document->len + 1 : 0;
        *(bool *)(void *)((char *)out + rows[i].has) = document->text != NULL;
        ref->digest = document->digest;
        ref->has_bytes = bodies[i];
        ref->bytes = (uint32_t)document->len;
    }
    return deferred;
}

/* Envelope, then the bodies that are due. */
static enum hm_status compose(const struct hm_uplink *uplink, const struct hm_report *report,
                              struct hm_buf *out, struct hm_uplink_sent *sent, bool *out_deferred,
                              struct hm_err *err)
{
    struct hm_checkin checkin = {.boot_id = report->boot_id,
                                 .seq = report->seq,
                                 .version = hm_version,
                                 .name = report->name,
                                 .has_sample = report->has_sample,
                                 .sample = report->sample,
                                 .unsent_dropped = report->unsent_dropped};
    bool bodies[HM_COUNT(rows)];
    enum hm_status st;

    *out_deferred = refer(uplink, report, &checkin.documents, bodies);
    st = hm_record_encode(&hm_record_checkin, &checkin, out, err);
    if (st != HM_OK) {
        return st;
    }
    (void)hm_buf_putc(out, '\n');
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        if (bodies[i]) {
            (void)hm_buf_put(out, document_of(report, i)->text, document_of(report, i)->len);
            (void)hm_buf_putc(out, '\n');
            *(bool *)(void *)((char *)sent + rows[i].sent) = true;
        }
    }
    return hm_buf_status(out, err);
}

static bool is_needed(const struct hm_checked_in *answer, const char *name)
{
    for (size_t i = 0; i < answer->need.count; i++) {
        if (strcmp(answer->need.at[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* Stores what the collector now holds; out_again: it lacks something that we have. */
static enum hm_status take_answer(struct hm_uplink *uplink, const struct hm_report *report,
                                  const struct hm_checked_in *answer, bool *out_again,
                                  struct hm_err *err)
{
    const char *digests[HM_COUNT(rows)];
    bool again = false;

    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        const struct hm_uplink_document *document = document_of(report, i);
        const bool needed = is_needed(answer, rows[i].name);

        again = again || (needed && document->text != NULL);
        digests[i] = document->text != NULL ? document->digest : NULL;
        digests[i] = needed ? "" : digests[i];
    }
    *out_again = again;
    uplink->interval_s = answer->interval_s;
    return hm_uplink_stored(
        hm_spool_acknowledge(uplink->spool, digests[0], digests[1], digests[2], err), err);
}

static enum hm_status one_round(struct hm_uplink *uplink, const struct hm_report *report,
                                struct hm_arena *arena, struct hm_uplink_sent *sent,
                                bool *out_again, bool *out_deferred, struct hm_err *err)
{
    struct hm_http_request request = {.method = "POST",
                                      .path = "/v1/checkin",
                                      .content_type = "application/x-ndjson",
                                      .timeout_ms = CHECK_IN_TIMEOUT_MS};
    struct hm_checked_in answer;
    struct hm_http_reply reply;
    struct hm_buf body;
    enum hm_status st;

    hm_buf_init(&body, HM_LIMIT_CHECKIN_BYTES);
    st = compose(uplink, report, &body, sent, out_deferred, err);
    if (st != HM_OK) {
        hm_uplink_failed(uplink, -1);
        goto done;
    }
    request.body = body.data;
    request.body_len = body.len;
    sent->requests++;
    sent->bytes += body.len;
    st = exchange(uplink, &request, "check-in", arena, &reply, err);
    if (st != HM_OK) {
        goto done;
    }
    st = hm_record_decode(&hm_record_checked_in, reply.body, reply.body_len, false, arena, &answer,
                          NULL, err);
    if (st == HM_OK) {
        sent->desired_is_new = strcmp(answer.etag, hm_spool_etag(uplink->spool)) != 0;
        st = take_answer(uplink, report, &answer, out_again, err);
    } else {
        hm_err_prefix(err, "the collector's answer to the check-in");
    }
    if (st != HM_OK) {
        hm_uplink_failed(uplink, -1);
    }
done:
    hm_buf_fini(&body);
    return st;
}

enum hm_status hm_uplink_check_in(struct hm_uplink *uplink, struct hm_report *report,
                                  struct hm_uplink_sent *out_sent, struct hm_err *err)
{
    struct hm_uplink_sent sent = {.requests = 0};
    struct hm_arena arena;
    unsigned rounds = CHECK_IN_ROUNDS;
    bool deferred = false;
    bool again = true;
    enum hm_status st = HM_OK;

    hm_arena_init(&arena, REPLY_ARENA_BYTES);
    for (unsigned round = 0; again && round < rounds; round++) {
        if (round > 0) {
            st = hm_uplink_stored(hm_spool_next_seq(uplink->spool, &report->seq, err), err);
            if (st != HM_OK) {
                hm_uplink_failed(uplink, -1);
                goto done;
            }
        }
        st = one_round(uplink, report, &arena, &sent, &again, &deferred, err);
        if (st != HM_OK) {
            goto done;
        }
        rounds += deferred && rounds < CHECK_IN_MOST ? 1 : 0;
        hm_arena_reset(&arena);
    }
    if (again) {
        hm_uplink_failed(uplink, -1);
        st = hm_fail(err, HM_EIO, "check-in: the collector asks again for what it was just sent");
        goto done;
    }
    note_success(uplink);
    *out_sent = sent;
done:
    hm_arena_fini(&arena);
    return st;
}

/* Encodes it, and keeps it under that tag; says whether it is another than before. */
static enum hm_status keep(struct hm_uplink *uplink, enum hm_spool_document which,
                           const struct hm_desired *desired, const char *tag, int64_t now_ms,
                           bool *out_changed, struct hm_err *err)
{
    char digest[HM_DIGEST_TEXT_BYTES];
    struct hm_buf json;
    enum hm_status st;

    hm_buf_init(&json, HM_LIMIT_DESIRED_BYTES);
    st = hm_record_encode(&hm_record_desired, desired, &json, err);
    if (st == HM_OK) {
        hm_digest_text(json.data, json.len, digest);
        *out_changed = strcmp(digest, hm_spool_digest(uplink->spool, which)) != 0;
        st = hm_spool_put(uplink->spool, which, json.data, json.len, tag, now_ms, err);
    }
    hm_buf_fini(&json);
    return hm_uplink_stored(st, err);
}

/* The catalogue first: killed in between, the old ETag fetches the rest again. */
static enum hm_status take_desired(struct hm_uplink *uplink, const struct hm_http_reply *reply,
                                   int64_t now_ms, struct hm_arena *arena, bool *out_changed,
                                   struct hm_err *err)
{
    struct hm_desired desired;
    struct hm_desired catalogue;
    bool catalogue_changed = false;
    bool changed = false;
    enum hm_status st;

    st = hm_record_decode(&hm_record_desired, reply->body, reply->body_len, false, arena, &desired,
                          NULL, err);
    if (st != HM_OK) {
        hm_err_prefix(err, "the collector's desired state, the last one stays");
        return st;
    }
    if (desired.has_catalogue) {
        catalogue = (struct hm_desired){.settings = desired.settings,
                                        .catalogue_tag = desired.catalogue_tag,
                                        .has_catalogue = true,
                                        .catalogue = desired.catalogue};
        st = keep(uplink, HM_SPOOL_CATALOGUE, &catalogue, desired.catalogue_tag, now_ms,
                  &catalogue_changed, err);
    }
    desired.has_catalogue = false;
    if (st == HM_OK) {
        st = keep(uplink, HM_SPOOL_DESIRED, &desired, reply->etag, now_ms, &changed, err);
    }
    if (st == HM_OK) {
        *out_changed = catalogue_changed || changed;
        uplink->interval_s = desired.settings.interval_s;
    }
    return st;
}

/* With the tag of the catalogue that we hold, escaped as a query asks for. */
static enum hm_status desired_path(const struct hm_spool *spool, struct hm_buf *out,
                                   struct hm_err *err)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:";
    const char *tag = hm_spool_catalogue_tag(spool);

    (void)hm_buf_puts(out, tag[0] != '\0' ? DESIRED_PATH "?catalogue=" : DESIRED_PATH);
    for (; *tag != '\0'; tag++) {
        if (strchr(plain, *tag) != NULL) {
            (void)hm_buf_putc(out, *tag);
        } else {
            (void)hm_buf_printf(out, "%%%02X", (unsigned)(unsigned char)*tag);
        }
    }
    return hm_buf_status(out, err);
}

enum hm_status hm_uplink_hold(struct hm_uplink *uplink, uint32_t wait_s, int64_t now_ms,
                              bool *out_changed, struct hm_err *err)
{
    const char *etag = hm_spool_etag(uplink->spool);
    char prefer[32];
    struct hm_http_header headers[2] = {
        {"Prefer",        prefer},
        {"If-None-Match", etag  },
    };
    struct hm_http_request request = {.method = "GET",
                                      .headers = headers,
                                      .header_count = etag[0] != '\0' ? 2 : 1,
                                      .timeout_ms = (int64_t)wait_s * 1000 + HOLD_GRACE_MS};
    struct hm_http_reply reply;
    struct hm_arena arena;
    struct hm_buf path;
    bool changed = false;
    enum hm_status st;

    hm_arena_init(&arena, REPLY_ARENA_BYTES);
    hm_buf_init(&path, HM_LIMIT_URL_BYTES);
    (void)snprintf(prefer, sizeof(prefer), "wait=%u", wait_s);
    st = desired_path(uplink->spool, &path, err);
    if (st != HM_OK) {
        hm_uplink_failed(uplink, -1);
        goto done;
    }
    request.path = hm_buf_text(&path);
    st = exchange(uplink, &request, "desired state", &arena, &reply, err);
    if (st != HM_OK) {
        goto done;
    }
    if (reply.status == 200) {
        st = take_desired(uplink, &reply, now_ms, &arena, &changed, err);
    }
    if (st != HM_OK) {
        hm_uplink_failed(uplink, -1);
        goto done;
    }
    note_success(uplink);
    *out_changed = changed;
done:
    hm_buf_fini(&path);
    hm_arena_fini(&arena);
    return st;
}
