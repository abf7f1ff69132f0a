/* server/api/records.c — rows of the store as records of the API.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/api/records.h"

#include <string.h>

#include "common/base/limits.h"
#include "server/fleet/fleet.h"

static int64_t last_seen(const struct hm_app *app, const char *host_id)
{
    return app->fleet == NULL ? 0 : hm_fleet_last_seen(app->fleet, host_id);
}

/* A host that never reported cannot be relied on either. Before our start only the wall clock
 * knows how long ago the last report was; since then the fleet does, whatever clock is set. */
static bool is_silent(const struct hm_app *app, const char *host_id, int64_t seen_ms,
                      int64_t now_ms)
{
    const int64_t after_ms = (int64_t)app->silent_after_s * 1000;

    return app->fleet != NULL && ((seen_ms < app->started_ms && now_ms - seen_ms > after_ms) ||
                                  hm_fleet_is_silent(app->fleet, host_id, after_ms));
}

struct hm_api_host hm_api_host_of(const struct hm_app *app, const struct hm_host_row *row,
                                  int64_t now_ms, bool is_past)
{
    int64_t seen = is_past ? 0 : last_seen(app, row->id);
    /* The store may not know it yet, or cannot be told: its disk is full. */
    bool silent = row->silent_since_ms != 0 || (!is_past && is_silent(app, row->id, seen, now_ms));

    return (struct hm_api_host){
        .id = row->id,
        .name = row->name,
        .labels = row->labels,
        .os_family = row->os_family,
        .os_name = row->os_name,
        .os_version = row->os_version,
        .agent_version = row->agent_version,
        .verdict = silent ? hm_verdict_state_names[HM_UNKNOWN] : row->verdict,
        .safe = row->safe,
        .unknown = row->unknown,
        .exposed = row->exposed,
        .blocked = row->blocked,
        .findings_high = row->findings_high,
        .findings_medium = row->findings_medium,
        .findings_low = row->findings_low,
        .first_seen = row->first_seen_ms,
        .last_seen = seen > row->last_seen_ms ? seen : row->last_seen_ms,
        .silent_since = row->silent_since_ms,
        .silent = silent,
        .cloned = row->cloned,
        .incomplete = row->incomplete,
    };
}

struct hm_api_verdict hm_api_verdict_of(const struct hm_app *app, const struct hm_verdict_row *row,
                                        int64_t now_ms, bool is_past)
{
    int64_t seen = is_past ? 0 : last_seen(app, row->host_id);

    return (struct hm_api_verdict){
        .id = (uint64_t)row->id,
        .host_id = row->host_id,
        .host = row->host_name,
        .silent = row->host_silent || (!is_past && is_silent(app, row->host_id, seen, now_ms)),
        .as_of = seen,
        .since = row->valid_from_ms,
        .until = row->valid_to_ms,
        .judged_by = row->judged_by,
        .verdict = row->verdict,
    };
}

struct hm_api_finding hm_api_finding_of(const struct hm_app *app, const struct hm_finding_row *row,
                                        int64_t now_ms, bool is_past)
{
    int64_t seen = is_past ? 0 : last_seen(app, row->host_id);

    return (struct hm_api_finding){
        .id = (uint64_t)row->id,
        .host_id = row->host_id,
        .host = row->host_name,
        .silent = row->host_silent || (!is_past && is_silent(app, row->host_id, seen, now_ms)),
        .as_of = seen,
        .since = row->valid_from_ms,
        .until = row->valid_to_ms,
        .finding = row->finding,
    };
}

struct hm_api_document hm_api_document_of(const struct hm_document_row *row)
{
    return (struct hm_api_document){
        .kind = row->kind,
        .digest = row->digest,
        .since = row->valid_from_ms,
        .until = row->valid_to_ms,
        .size_bytes = row->size_bytes,
    };
}

struct hm_api_event hm_api_event_of(const struct hm_event *row)
{
    return (struct hm_api_event){
        .id = (uint64_t)row->id,
        .at = row->at_ms,
        .kind = row->kind,
        .host_id = row->host_id,
        .host = row->host_name,
        .actor = row->actor,
        .peer = row->peer,
        .before = row->before,
        .after = row->after,
        .why = row->why,
        .hash = row->hash,
    };
}

struct hm_api_token hm_api_token_of(const struct hm_token_row *row)
{
    return (struct hm_api_token){
        .id = row->id,
        .kind = row->kind,
        .name = row->name,
        .role = row->role,
        .labels = row->labels,
        .created = row->created_ms,
        .expires = row->expires_ms,
        .uses_left = row->uses_left,
        .revoked = row->revoked,
    };
}

struct notes {
    struct hm_plan_notes notes;
};
static const struct hm_field notes_fields[] = {
    HM_F_RECORDS(notes, notes, HM_FIELD_REQUIRED, HM_LIMIT_PAGE_ROWS, &hm_record_plan_note, ""),
};
static const struct hm_record notes_record = {"notes", sizeof(struct notes), notes_fields,
                                              HM_COUNT(notes_fields)};

static enum hm_status read_notes(const char *text, struct hm_arena *arena,
                                 struct hm_plan_notes *out_notes, struct hm_err *err)
{
    struct notes notes = {
        .notes = {NULL, 0}
    };
    const char *whole;
    enum hm_status st;

    if (text[0] == '\0') {
        *out_notes = notes.notes;
        return HM_OK;
    }
    whole = hm_arena_printf(arena, "{\"notes\":%s}", text);
    if (whole == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for a policy's notes");
    }
    st = hm_record_decode(&notes_record, whole, strlen(whole), false, arena, &notes, NULL, err);
    if (st == HM_OK) {
        *out_notes = notes.notes;
    }
    return st;
}

/* "none" is what the store writes where nothing is to be said. */
static const char *unless_none(const char *name)
{
    return strcmp(name, "none") == 0 ? "" : name;
}

enum hm_status hm_api_host_policy_of(const struct hm_app *app, const struct hm_host_policy_row *row,
                                     int64_t now_ms, struct hm_arena *arena,
                                     struct hm_api_host_policy *out_policy, struct hm_err *err)
{
    int64_t seen = last_seen(app, row->host_id);
    struct hm_api_host_policy out = {
        .id = (uint64_t)row->id,
        .host_id = row->host_id,
        .host = row->host_name,
        .silent = row->host_silent || is_silent(app, row->host_id, seen, now_ms),
        .policy = row->policy,
        .revision = row->revision,
        .mode = row->mode,
        .state = row->state,
        .why = unless_none(row->why),
        .code = unless_none(row->code),
        .text = row->text,
        .excepted = row->excepted,
        .repairs = row->repairs,
        .offered = row->offered_ms,
        .received = row->received_ms,
        .applied = row->applied_ms,
        .verified = row->verified_ms,
        .repaired = row->repaired_ms,
        .retired = row->retired_ms,
        .failing_since = row->failing_since_ms,
        .changed = row->changed_ms,
    };
    enum hm_status st = read_notes(row->notes, arena, &out.notes, err);

    if (st == HM_OK) {
        *out_policy = out;
    }
    return st;
}

/* Out of memory leaves "": the event itself is never lost for it. */
static const char *copy(struct hm_arena *arena, const char *text)
{
    const char *out = text == NULL ? "" : hm_arena_strdup(arena, text);

    return out == NULL ? "" : out;
}

struct hm_event hm_api_event_by(const struct hm_req *req, struct hm_arena *arena, const char *kind,
                                const char *why)
{
    return (struct hm_event){
        .at_ms = req->now_ms,
        .kind = kind,
        .host_id = "",
        .host_name = "",
        .actor = copy(arena, req->who.name),
        .peer = copy(arena, req->peer),
        .before = "",
        .after = "",
        .why = copy(arena, why),
        .hash = "",
    };
}
