/* server/api/hosts.c — hosts: list, detail, inventory, history, removal.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/api/api.h"

#include <stdio.h>
#include <string.h>

#include "common/base/limits.h"
#include "server/api/change.h"
#include "server/api/listing.h"
#include "server/api/records.h"
#include "server/fleet/fleet.h"
#include "server/rollout/rollout.h"

static const struct hm_listing listing = {
    .name = "hosts", .filter = &hm_filter_hosts, .has_history = true};
static const struct hm_listing history = {.name = "history"};

/* ---- list ---------------------------------------------------------------------------------- */

struct ask_list {
    struct hm_req *req;
    struct hm_page page;
    struct hm_host_rows rows;
};

static enum hm_status read_list(struct hm_session *session, void *arg, struct hm_err *err)
{
    struct ask_list *ask = arg;

    return hm_hosts_list(session, &ask->page, ask->req->arena, &ask->rows, err);
}

enum hm_status hm_api_hosts_list(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    struct hm_app *app = req->app;
    struct ask_list ask = {.req = req};
    struct hm_api_hosts out = {.next = ""};
    enum hm_status st;
    size_t i;

    st = hm_listing_page(req, &listing, &ask.page, err);
    if (st == HM_OK) {
        st = hm_store_read(app->store, read_list, &ask, err);
    }
    if (st != HM_OK) {
        return st;
    }
    out.items.count = ask.rows.count < ask.page.limit ? ask.rows.count : ask.page.limit;
    out.items.at = hm_arena_alloc(req->arena, out.items.count, sizeof(*out.items.at));
    if (ask.rows.count > ask.page.limit) {
        out.next = hm_listing_next(req, &listing, ask.rows.at[ask.page.limit - 1].id);
    }
    if (out.items.at == NULL || out.next == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the list");
    }
    for (i = 0; i < out.items.count; i++) {
        out.items.at[i] = hm_api_host_of(app, &ask.rows.at[i], req->now_ms, ask.page.has_at);
    }
    return hm_reply_record(reply, &hm_record_api_hosts, &out, err);
}

/* ---- one host ------------------------------------------------------------------------------ */

struct ask_host {
    struct hm_req *req;
    int64_t at_ms; /* 0 = now */
    struct hm_host_row row;
    struct hm_verdict_rows verdicts;
    struct hm_finding_rows findings;
    bool has_inventory;
    struct hm_document_row document;
    const char *inventory;
    size_t inventory_len;
    bool has_judgement;
    const char *judgement; /* the findings document */
    size_t judgement_len;
    struct hm_document_rows documents;
    struct hm_page page;
};

static struct hm_page page_of_host(const struct ask_host *ask, const struct hm_value *id,
                                   const char *sql)
{
    return (struct hm_page){
        .where = {sql, id, 1},
        .has_at = ask->at_ms != 0,
        .at_ms = ask->at_ms,
        .after = "",
        .limit = HM_LIMIT_PAGE_ROWS,
    };
}

/* The host by id or name, as it was; one that was removed since is found by its id. */
static enum hm_status read_row(struct hm_session *session, struct ask_host *ask, struct hm_err *err)
{
    const char *key = ask->req->path_arg[0];
    struct hm_value values[1] = {hm_value_text(key)};
    struct hm_page page = page_of_host(ask, values, "id=$1");
    struct hm_host_rows rows;
    enum hm_status st;

    if (ask->at_ms == 0) {
        return hm_hosts_get(session, key, ask->req->arena, &ask->row, err);
    }
    st = hm_hosts_list(session, &page, ask->req->arena, &rows, err);
    if (st == HM_OK && rows.count == 0) {
        page.where.sql = "name=$1";
        st = hm_hosts_list(session, &page, ask->req->arena, &rows, err);
    }
    if (st != HM_OK) {
        return st;
    }
    if (rows.count == 0) {
        return hm_fail_code(err, HM_ENOENT, "unknown_host", "there was no host \"%.80s\" then",
                            key);
    }
    if (rows.count > 1) {
        return hm_fail_code(err, HM_ECONFLICT, "ambiguous_host",
                            "several hosts were called \"%.80s\" then: name one by its id", key);
    }
    ask->row = rows.at[0];
    return HM_OK;
}

static enum hm_status read_inventory(struct hm_session *session, struct ask_host *ask,
                                     struct hm_err *err)
{
    enum hm_status st = hm_documents_at(session, ask->row.id, "inventory", ask->at_ms,
                                        ask->req->arena, &ask->document, err);

    if (st == HM_OK) {
        st = hm_documents_get(session, ask->document.digest, ask->req->arena, &ask->inventory,
                              &ask->inventory_len, err);
    }
    ask->has_inventory = st == HM_OK;
    return st;
}

/* The agent's own judgement of then, where it sent one. */
static enum hm_status read_findings(struct hm_session *session, struct ask_host *ask,
                                    struct hm_err *err)
{
    struct hm_document_row document;
    enum hm_status st = hm_documents_at(session, ask->row.id, "findings", ask->at_ms,
                                        ask->req->arena, &document, err);

    if (st == HM_OK) {
        st = hm_documents_get(session, document.digest, ask->req->arena, &ask->judgement,
                              &ask->judgement_len, err);
    }
    ask->has_judgement = st == HM_OK;
    return st == HM_ENOENT ? HM_OK : st;
}

static enum hm_status read_detail(struct hm_session *session, void *arg, struct hm_err *err)
{
    struct ask_host *ask = arg;
    struct hm_value id[1];
    struct hm_page page;
    enum hm_status st = read_row(session, ask, err);

    if (st != HM_OK) {
        return st;
    }
    id[0] = hm_value_text(ask->row.id);
    page = page_of_host(ask, id, "host_id=$1");
    st = hm_verdicts_list(session, &page, ask->req->arena, &ask->verdicts, err);
    if (st == HM_OK) {
        st = hm_findings_list(session, &page, ask->req->arena, &ask->findings, err);
    }
    if (st == HM_OK) {
        st = read_inventory(session, ask, err);
        st = st == HM_ENOENT ? HM_OK : st;
    }
    return st == HM_OK ? read_findings(session, ask, err) : st;
}

/* In place of what is not known of the host: an empty list would say that all of it is. */
static const char *unreadable[] = {
    "The last judgement of this host is kept in a form that this collector cannot read."};

static enum hm_status fill_documents(struct ask_host *ask, struct hm_api_host_detail *out,
                                     struct hm_err *err)
{
    struct hm_arena *arena = ask->req->arena;
    const char *sample = ask->row.sample_json;
    enum hm_status st = HM_OK;

    out->has_inventory = ask->has_inventory;
    if (ask->has_inventory) {
        st = hm_record_decode(&hm_record_inventory, ask->inventory, ask->inventory_len, false,
                              arena, &out->inventory, NULL, err);
    }
    if (st == HM_OK && ask->has_judgement) {
        struct hm_judgement judgement;

        if (hm_record_decode(&hm_record_findings, ask->judgement, ask->judgement_len, false, arena,
                             &judgement, NULL, NULL) == HM_OK) {
            out->not_known = judgement.unknown;
        } else {
            out->not_known = (struct hm_strings){unreadable, HM_COUNT(unreadable)};
        }
    }
    out->has_sample = ask->at_ms == 0 && sample != NULL && sample[0] != '\0';
    if (st == HM_OK && out->has_sample) {
        st = hm_record_decode(&hm_record_sample, sample, strlen(sample), false, arena, &out->sample,
                              NULL, err);
    }
    return st;
}

static size_t capped(size_t count, bool *out_truncated)
{
    if (count <= HM_LIMIT_PAGE_ROWS) {
        return count;
    }
    *out_truncated = true;
    return HM_LIMIT_PAGE_ROWS;
}

enum hm_status hm_api_hosts_get(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    static const char *const names[] = {"at"};
    struct hm_app *app = req->app;
    struct ask_host ask = {.req = req};
    struct hm_api_host_detail out = {.has_inventory = false};
    bool is_past;
    enum hm_status st;
    size_t i;

    st = hm_params_only(req, names, HM_COUNT(names), err);
    if (st == HM_OK) {
        st = hm_params_at(req, &ask.at_ms, err);
    }
    if (st == HM_OK) {
        st = hm_store_read(app->store, read_detail, &ask, err);
    }
    if (st == HM_OK) {
        st = fill_documents(&ask, &out, err);
    }
    if (st != HM_OK) {
        return st;
    }
    is_past = ask.at_ms != 0;
    out.host = hm_api_host_of(app, &ask.row, req->now_ms, is_past);
    out.verdicts.count = capped(ask.verdicts.count, &out.truncated);
    out.findings.count = capped(ask.findings.count, &out.truncated);
    out.verdicts.at = hm_arena_alloc(req->arena, out.verdicts.count, sizeof(*out.verdicts.at));
    out.findings.at = hm_arena_alloc(req->arena, out.findings.count, sizeof(*out.findings.at));
    if (out.verdicts.at == NULL || out.findings.at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the host");
    }
    for (i = 0; i < out.verdicts.count; i++) {
        out.verdicts.at[i] = hm_api_verdict_of(app, &ask.verdicts.at[i], req->now_ms, is_past);
    }
    for (i = 0; i < out.findings.count; i++) {
        out.findings.at[i] = hm_api_finding_of(app, &ask.findings.at[i], req->now_ms, is_past);
    }
    return hm_reply_record(reply, &hm_record_api_host_detail, &out, err);
}

static enum hm_status read_document(struct hm_session *session, void *arg, struct hm_err *err)
{
    struct ask_host *ask = arg;
    enum hm_status st = read_row(session, ask, err);

    return st == HM_OK ? read_inventory(session, ask, err) : st;
}

/* The bytes that the agent sent, so that the digest can be checked. */
enum hm_status hm_api_hosts_inventory_get(struct hm_req *req, struct hm_reply *reply,
                                          struct hm_err *err)
{
    static const char *const names[] = {"at"};
    struct hm_app *app = req->app;
    struct ask_host ask = {.req = req};
    enum hm_status st;

    st = hm_params_only(req, names, HM_COUNT(names), err);
    if (st == HM_OK) {
        st = hm_params_at(req, &ask.at_ms, err);
    }
    if (st == HM_OK) {
        st = hm_store_read(app->store, read_document, &ask, err);
    }
    if (st != HM_OK) {
        return st;
    }
    (void)snprintf(reply->etag, sizeof(reply->etag), "\"%s\"", ask.document.digest);
    hm_buf_reset(&reply->body);
    (void)hm_buf_put(&reply->body, ask.inventory, ask.inventory_len);
    return hm_buf_status(&reply->body, err);
}

/* ---- history ------------------------------------------------------------------------------- */

static enum hm_status read_history(struct hm_session *session, void *arg, struct hm_err *err)
{
    struct ask_host *ask = arg;
    enum hm_status st = read_row(session, ask, err);

    return st == HM_OK ? hm_documents_history(session, ask->row.id, &ask->page, ask->req->arena,
                                              &ask->documents, err)
                       : st;
}

enum hm_status hm_api_hosts_history_get(struct hm_req *req, struct hm_reply *reply,
                                        struct hm_err *err)
{
    struct hm_app *app = req->app;
    struct ask_host ask = {.req = req};
    struct hm_api_history out = {.next = ""};
    enum hm_status st;
    size_t i;

    st = hm_listing_page(req, &history, &ask.page, err);
    if (st == HM_OK) {
        st = hm_store_read(app->store, read_history, &ask, err);
    }
    if (st != HM_OK) {
        return st;
    }
    out.items.count = ask.documents.count < ask.page.limit ? ask.documents.count : ask.page.limit;
    out.items.at = hm_arena_alloc(req->arena, out.items.count, sizeof(*out.items.at));
    if (ask.documents.count > ask.page.limit) {
        const struct hm_document_row *last = &ask.documents.at[ask.page.limit - 1];

        out.next = hm_listing_next(
            req, &history,
            hm_arena_printf(req->arena, "%lld:%s", (long long)last->valid_from_ms, last->kind));
    }
    if (out.items.at == NULL || out.next == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the history");
    }
    for (i = 0; i < out.items.count; i++) {
        out.items.at[i] = hm_api_document_of(&ask.documents.at[i]);
    }
    return hm_reply_record(reply, &hm_record_api_history, &out, err);
}

/* ---- removal ------------------------------------------------------------------------------- */

struct removal {
    struct hm_app *app;
    struct hm_arena *arena;
    const char *key;
    struct hm_host_row row;
    struct hm_event event;
};

static enum hm_status run_removal(struct hm_session *session, void *arg, struct hm_err *err)
{
    struct removal *removal = arg;
    enum hm_status st = hm_hosts_get(session, removal->key, removal->arena, &removal->row, err);

    if (st == HM_OK) {
        removal->event.host_id = removal->row.id;
        removal->event.host_name = removal->row.name;
        st = hm_hosts_remove(session, removal->row.id, removal->event.at_ms, err);
    }
    if (st == HM_OK) {
        st = hm_events_append(session, &removal->event, err);
    }
    return st;
}

static void removal_committed(void *data)
{
    struct removal *removal = data;

    hm_fleet_set_state(removal->app->fleet, removal->row.id, HM_AGENT_REVOKED);
    if (removal->app->rollout != NULL) {
        hm_rollout_host_removed(removal->app->rollout, removal->row.id);
    }
}

static enum hm_status answer_removal(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    (void)req;
    (void)err;
    reply->status = 204;
    return HM_OK;
}

enum hm_status hm_api_hosts_delete(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    static const char *const names[] = {"why"};
    struct hm_app *app = req->app;
    const char *why = hm_req_query(req, "why");
    struct hm_change *change;
    struct removal *removal;
    enum hm_status st = hm_params_only(req, names, HM_COUNT(names), err);

    (void)reply;
    if (st != HM_OK) {
        return st;
    }
    change = hm_change_new(sizeof(struct removal));
    if (change == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the removal");
    }
    removal = hm_change_data(change);
    removal->app = app;
    removal->arena = hm_change_arena(change);
    removal->key = hm_arena_strdup(removal->arena, req->path_arg[0]);
    removal->event = hm_api_event_by(req, removal->arena, "host_removed", why);
    return hm_change_submit(change, req, app->store, run_removal, removal_committed, answer_removal,
                            err);
}
