/* agent/uplink.c — one agent's side of the protocol: check in, then hold the desired state.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/uplink.h"

#include <stdio.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/version.h"

#define CHECK_IN_TIMEOUT_MS 60000
#define HOLD_GRACE_MS 30000 /* past the wait: the answer's own way */
#define CHECK_IN_ROUNDS 2   /* the report, and what the collector lacks of it */
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
        hm_uplink_failed(uplink, -1);
        return st;
    }
    if (out_reply->status / 100 != 2 && out_reply->status != 304) {
        hm_uplink_failed(uplink, out_reply->retry_after_s);
        return hm_problem_fail(what, out_reply, arena, uplink->reenroll_token, err);
    }
    return HM_OK;
}

static void refer(const struct hm_uplink_document *document, bool with_body, bool *out_has,
                  struct hm_document_ref *out)
{
    *out_has = document->text != NULL;
    out->digest = document->digest;
    out->has_bytes = with_body;
    out->bytes = (uint32_t)document->len;
}

static bool must_travel(const struct hm_spool *spool, enum hm_spool_document which,
                        const struct hm_uplink_document *document)
{
    return document->text != NULL &&
           strcmp(hm_spool_acknowledged(spool, which), document->digest) != 0;
}

/* Envelope, then the bodies that are due. When both do not fit in one request, the findings wait
 * for the second: the collector asks for them. */
static enum hm_status compose(const struct hm_uplink *uplink, const struct hm_report *report,
                              struct hm_buf *out, struct hm_uplink_sent *sent, struct hm_err *err)
{
    struct hm_checkin checkin = {.boot_id = report->boot_id,
                                 .seq = report->seq,
                                 .version = hm_version,
                                 .name = report->name,
                                 .has_sample = report->has_sample,
                                 .sample = report->sample,
                                 .unsent_dropped = report->unsent_dropped};
    bool inventory = must_travel(uplink->spool, HM_SPOOL_INVENTORY, &report->inventory);
    bool findings = must_travel(uplink->spool, HM_SPOOL_FINDINGS, &report->findings);
    enum hm_status st;

    if (inventory && findings &&
        report->inventory.len + report->findings.len + HM_LIMIT_ENVELOPE_BYTES >
            HM_LIMIT_CHECKIN_BYTES) {
        findings = false;
    }
    refer(&report->inventory, inventory, &checkin.documents.has_inventory,
          &checkin.documents.inventory);
    refer(&report->findings, findings, &checkin.documents.has_findings,
          &checkin.documents.findings);
    st = hm_record_encode(&hm_record_checkin, &checkin, out, err);
    if (st != HM_OK) {
        return st;
    }
    (void)hm_buf_putc(out, '\n');
    if (inventory) {
        (void)hm_buf_put(out, report->inventory.text, report->inventory.len);
        (void)hm_buf_putc(out, '\n');
    }
    if (findings) {
        (void)hm_buf_put(out, report->findings.text, report->findings.len);
        (void)hm_buf_putc(out, '\n');
    }
    sent->with_inventory = sent->with_inventory || inventory;
    sent->with_findings = sent->with_findings || findings;
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
    bool need_inventory = is_needed(answer, "inventory");
    bool need_findings = is_needed(answer, "findings");
    const char *inventory = report->inventory.text != NULL ? report->inventory.digest : NULL;
    const char *findings = report->findings.text != NULL ? report->findings.digest : NULL;

    *out_again = (need_inventory && inventory != NULL) || (need_findings && findings != NULL);
    uplink->interval_s = answer->interval_s;
    return hm_spool_acknowledge(uplink->spool, need_inventory ? "" : inventory,
                                need_findings ? "" : findings, err);
}

static enum hm_status one_round(struct hm_uplink *uplink, const struct hm_report *report,
                                struct hm_arena *arena, struct hm_uplink_sent *sent,
                                bool *out_again, struct hm_err *err)
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
    st = compose(uplink, report, &body, sent, err);
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
    bool again = true;
    enum hm_status st = HM_OK;

    hm_arena_init(&arena, REPLY_ARENA_BYTES);
    for (unsigned round = 0; again && round < CHECK_IN_ROUNDS; round++) {
        if (round > 0) {
            st = hm_spool_next_seq(uplink->spool, &report->seq, err);
            if (st != HM_OK) {
                hm_uplink_failed(uplink, -1);
                goto done;
            }
        }
        st = one_round(uplink, report, &arena, &sent, &again, err);
        if (st != HM_OK) {
            goto done;
        }
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

static enum hm_status take_desired(struct hm_uplink *uplink, const struct hm_http_reply *reply,
                                   int64_t now_ms, struct hm_arena *arena, bool *out_changed,
                                   struct hm_err *err)
{
    char digest[HM_DIGEST_TEXT_BYTES];
    struct hm_desired desired;
    enum hm_status st;

    st = hm_record_decode(&hm_record_desired, reply->body, reply->body_len, false, arena, &desired,
                          NULL, err);
    if (st != HM_OK) {
        hm_err_prefix(err, "the collector's desired state, the last one stays");
        return st;
    }
    hm_digest_text(reply->body, reply->body_len, digest);
    *out_changed = strcmp(digest, hm_spool_digest(uplink->spool, HM_SPOOL_DESIRED)) != 0;
    st = hm_spool_put(uplink->spool, HM_SPOOL_DESIRED, reply->body, reply->body_len, reply->etag,
                      now_ms, err);
    if (st == HM_OK) {
        uplink->interval_s = desired.settings.interval_s;
    }
    return st;
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
                                      .path = "/v1/desired",
                                      .headers = headers,
                                      .header_count = etag[0] != '\0' ? 2 : 1,
                                      .timeout_ms = (int64_t)wait_s * 1000 + HOLD_GRACE_MS};
    struct hm_http_reply reply;
    struct hm_arena arena;
    bool changed = false;
    enum hm_status st;

    hm_arena_init(&arena, REPLY_ARENA_BYTES);
    (void)snprintf(prefer, sizeof(prefer), "wait=%u", wait_s);
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
    hm_arena_fini(&arena);
    return st;
}
