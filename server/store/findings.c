/* server/store/findings.c — table "findings": what is worth attention, as intervals.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/store/entities.h"

#include <string.h>

#include "common/base/limits.h"
#include "common/base/map.h"
#include "server/store/own_findings.h"
#include "server/store/row.h"

#define BODY_BYTES (512u * 1024u)
#define REPLACE_BYTES (32u * 1024u * 1024u)

struct open_row {
    int64_t id;
    const char *kind;
    const char *severity;
    const char *subject;
    const char *fingerprint;
    const char *body;
    bool seen;
};

/* One call of hm_findings_replace or hm_findings_set. */
struct replace {
    struct hm_session *s;
    const char *host_id;
    int64_t now_ms;
    bool first;
    struct hm_arena arena;
    struct hm_map by_fingerprint;
    struct open_row *rows;
    size_t count;
    size_t room;
    struct hm_buf body;
    const char *host_name; /* NULL until an event needs it */
};

static void begin(struct replace *r)
{
    hm_arena_init(&r->arena, REPLACE_BYTES);
    hm_map_init(&r->by_fingerprint);
    hm_buf_init(&r->body, BODY_BYTES);
}

static void end(struct replace *r)
{
    hm_buf_fini(&r->body);
    hm_map_fini(&r->by_fingerprint);
    hm_arena_fini(&r->arena);
}

static enum hm_status no_memory(struct hm_err *err)
{
    return hm_fail(err, HM_ENOMEM, "no memory for a host's findings");
}

static enum hm_status read_open(struct hm_stmt *stmt, void *arg, struct hm_err *err)
{
    struct replace *r = arg;
    struct open_row *row;

    if (hm_arena_grow(&r->arena, (void **)&r->rows, r->count, &r->room, sizeof(*r->rows)) != 0) {
        return no_memory(err);
    }
    row = &r->rows[r->count++];
    *row = (struct open_row){
        .id = hm_row_int(stmt, 0),
        .kind = hm_row_text(stmt, 1, &r->arena),
        .severity = hm_row_text(stmt, 2, &r->arena),
        .subject = hm_row_text(stmt, 3, &r->arena),
        .fingerprint = hm_row_text(stmt, 4, &r->arena),
        .body = hm_row_text(stmt, 5, &r->arena),
    };
    return row->body != NULL && row->fingerprint != NULL ? HM_OK : no_memory(err);
}

static enum hm_status read_rows(struct replace *r, struct hm_err *err)
{
    const struct hm_value values[] = {hm_value_text(r->host_id)};
    enum hm_status st = hm_session_query(r->s,
                                         "SELECT id, kind, severity, subject, fingerprint, body "
                                         "FROM findings WHERE host_id = $1 AND valid_to_ms IS NULL",
                                         values, HM_COUNT(values), read_open, r, NULL, err);

    for (size_t i = 0; st == HM_OK && i < r->count; i++) { /* now: rows no longer move */
        st = hm_map_put(&r->by_fingerprint, r->rows[i].fingerprint, &r->rows[i], err);
    }
    return st;
}

static enum hm_status read_name(struct hm_stmt *stmt, void *arg, struct hm_err *err)
{
    struct replace *r = arg;

    (void)err;
    r->host_name = hm_row_text(stmt, 0, &r->arena);
    return HM_OK;
}

/* {"kind":…,"severity":…,"subject":…} */
static const char *event_side(struct replace *r, const char *kind, const char *severity,
                              const char *subject)
{
    struct hm_buf text;
    const char *copy;

    hm_buf_init(&text, BODY_BYTES);
    hm_buf_puts(&text, "{\"kind\":");
    (void)hm_json_put_string(&text, kind);
    hm_buf_puts(&text, ",\"severity\":");
    (void)hm_json_put_string(&text, severity);
    hm_buf_puts(&text, ",\"subject\":");
    (void)hm_json_put_string(&text, subject);
    hm_buf_putc(&text, '}');
    copy = hm_arena_strdup(&r->arena, hm_buf_text(&text));
    hm_buf_fini(&text);
    return copy;
}

static enum hm_status tell(struct replace *r, const char *event_kind, const char *before,
                           const char *after, const char *why, struct hm_err *err)
{
    const struct hm_value values[] = {hm_value_text(r->host_id)};
    enum hm_status st = HM_OK;

    if (r->first) {
        return HM_OK;
    }
    if (r->host_name == NULL) {
        st = hm_session_query(r->s, "SELECT name FROM hosts WHERE id = $1", values, 1, read_name, r,
                              NULL, err);
    }
    if (st == HM_OK) {
        const struct hm_event event = {
            .at_ms = r->now_ms,
            .kind = event_kind,
            .host_id = r->host_id,
            .host_name = r->host_name,
            .actor = "collector",
            .before = before,
            .after = after,
            .why = why,
        };

        st = hm_events_append(r->s, &event, err);
    }
    return st;
}

static enum hm_status write_row(struct replace *r, const char *sql, struct hm_value key,
                                const struct hm_finding *finding, struct hm_err *err)
{
    const struct hm_value values[] = {
        key,
        hm_value_int(r->now_ms),
        hm_value_text(finding->kind),
        hm_value_text(hm_severity_names[finding->severity]),
        hm_value_text(finding->subject),
        hm_value_text(finding->fingerprint),
        hm_value_int(finding->needs_reboot),
        hm_value_text(hm_buf_text(&r->body)),
    };

    return hm_session_exec(r->s, sql, values, HM_COUNT(values), err);
}

static const char insert_sql[] =
    "INSERT INTO findings (host_id, valid_from_ms, kind, severity, subject, fingerprint, "
    "needs_reboot, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
/* New evidence of the same thing: the interval goes on. */
static const char update_sql[] =
    "UPDATE findings SET valid_from_ms = MIN(valid_from_ms, $2), kind = $3, severity = $4, "
    "subject = $5, fingerprint = $6, needs_reboot = $7, body = $8 WHERE id = $1";

static enum hm_status close_row(struct replace *r, const struct open_row *row, bool news,
                                struct hm_err *err)
{
    const struct hm_value values[] = {hm_value_int(row->id), hm_value_int(r->now_ms)};
    enum hm_status st = hm_session_exec(r->s, "UPDATE findings SET valid_to_ms = $2 WHERE id = $1",
                                        values, HM_COUNT(values), err);

    if (st == HM_OK && news) {
        st = tell(r, "finding_closed", event_side(r, row->kind, row->severity, row->subject), "",
                  "", err);
    }
    return st;
}

static enum hm_status open_row(struct replace *r, const struct hm_finding *finding,
                               const struct open_row *before, struct hm_err *err)
{
    enum hm_status st = write_row(r, insert_sql, hm_value_text(r->host_id), finding, err);

    if (st == HM_OK) {
        st = tell(
            r, "finding_opened",
            before != NULL ? event_side(r, before->kind, before->severity, before->subject) : "",
            event_side(r, finding->kind, hm_severity_names[finding->severity], finding->subject),
            finding->text, err);
    }
    return st;
}

static enum hm_status put_finding(struct replace *r, const struct hm_finding *finding,
                                  struct hm_err *err)
{
    struct open_row *row = hm_map_get(&r->by_fingerprint, finding->fingerprint);
    enum hm_status st;

    if (row != NULL && row->seen) {
        return HM_OK; /* the same finding twice in one report */
    }
    hm_buf_reset(&r->body);
    st = hm_record_encode(&hm_record_finding, finding, &r->body, err);
    if (st != HM_OK) {
        return st;
    }
    if (row == NULL) {
        row = hm_arena_alloc(&r->arena, 1, sizeof(*row));
        if (row == NULL) {
            return no_memory(err);
        }
        row->seen = true;
        st = hm_map_put(&r->by_fingerprint, finding->fingerprint, row, err);
        return st == HM_OK ? open_row(r, finding, NULL, err) : st;
    }
    row->seen = true;
    if (strcmp(row->body, hm_buf_text(&r->body)) == 0) {
        return HM_OK;
    }
    if (strcmp(row->severity, hm_severity_names[finding->severity]) == 0) {
        return write_row(r, update_sql, hm_value_int(row->id), finding, err);
    }
    st = close_row(r, row, false, err);
    return st == HM_OK ? open_row(r, finding, row, err) : st;
}

enum hm_status hm_findings_replace(struct hm_session *s, const char *host_id,
                                   const struct hm_findings *findings, bool first, int64_t now_ms,
                                   struct hm_err *err)
{
    struct replace r = {.s = s, .host_id = host_id, .now_ms = now_ms, .first = first};
    enum hm_status st;

    begin(&r);
    st = read_rows(&r, err);
    for (size_t i = 0; st == HM_OK && i < findings->count; i++) {
        if (!hm_own_finding_is(findings->at[i].kind)) {
            st = put_finding(&r, &findings->at[i], err);
        }
    }
    for (size_t i = 0; st == HM_OK && i < r.count; i++) {
        if (!r.rows[i].seen && !hm_own_finding_is(r.rows[i].kind)) {
            st = close_row(&r, &r.rows[i], true, err);
        }
    }
    end(&r);
    return st;
}

enum hm_status hm_findings_set(struct hm_session *s, const char *host_id,
                               const struct hm_finding *finding, bool present, int64_t now_ms,
                               struct hm_err *err)
{
    struct replace r = {.s = s, .host_id = host_id, .now_ms = now_ms};
    enum hm_status st;

    begin(&r);
    st = read_rows(&r, err);
    if (st == HM_OK && present) {
        st = put_finding(&r, finding, err);
    } else if (st == HM_OK) {
        const struct open_row *row = hm_map_get(&r.by_fingerprint, finding->fingerprint);

        st = row != NULL ? close_row(&r, row, true, err) : HM_OK;
    }
    end(&r);
    return st;
}

/* ---- lists -------------------------------------------------------------------------------- */

struct finding_reader {
    struct hm_arena *arena;
    struct hm_finding_row *at;
    size_t count;
    size_t room;
};

static enum hm_status read_finding(struct hm_stmt *stmt, void *arg, struct hm_err *err)
{
    struct finding_reader *reader = arg;
    struct hm_arena *arena = reader->arena;
    const char *body = hm_row_text(stmt, 6, arena);
    struct hm_finding_row *row;

    if (body == NULL || hm_arena_grow(arena, (void **)&reader->at, reader->count, &reader->room,
                                      sizeof(*reader->at)) != 0) {
        return hm_fail(err, HM_ENOMEM, "no memory for a list of findings");
    }
    row = &reader->at[reader->count++];
    *row = (struct hm_finding_row){
        .id = hm_row_int(stmt, 0),
        .host_id = hm_row_text(stmt, 1, arena),
        .host_name = hm_row_text(stmt, 2, arena),
        .host_silent = hm_row_int(stmt, 3) != 0,
        .valid_from_ms = hm_row_int(stmt, 4),
        .valid_to_ms = hm_row_int(stmt, 5),
    };
    if (row->host_id == NULL || row->host_name == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for a list of findings");
    }
    return hm_record_decode(&hm_record_finding, body, strlen(body), false, arena, &row->finding,
                            NULL, err);
}

#define FINDING_INNER(host_columns, host_join)                                                     \
    "SELECT list_of.id AS id, list_of.host_id AS host_id, " host_columns                           \
    ", list_of.valid_from_ms AS valid_from_ms, list_of.valid_to_ms AS valid_to_ms, "               \
    "list_of.body AS body, list_of.kind AS kind, list_of.severity AS severity, "                   \
    "list_of.subject AS subject, list_of.fingerprint AS fingerprint, "                             \
    "list_of.needs_reboot AS needs_reboot FROM findings list_of" host_join

static const struct hm_list finding_list = {
    .columns = "id, host_id, host_name, host_silent, valid_from_ms, valid_to_ms, body",
    .inner_now =
        FINDING_INNER(HM_LIST_HOST_COLUMNS, HM_LIST_HOST_JOIN) "WHERE list_of.valid_to_ms IS NULL",
    .inner_at = FINDING_INNER(HM_LIST_HOST_COLUMNS_AT,
                              HM_LIST_HOST_JOIN_AT) "WHERE list_of.valid_from_ms <= " HM_LIST_AT
                                                    " AND (list_of.valid_to_ms IS NULL OR "
                                                    "list_of.valid_to_ms > " HM_LIST_AT ")",
    .key = "id",
    .key_is_number = true,
};

enum hm_status hm_findings_list(struct hm_session *s, const struct hm_page *page,
                                struct hm_arena *arena, struct hm_finding_rows *out_rows,
                                struct hm_err *err)
{
    struct finding_reader reader = {.arena = arena};
    enum hm_status st = hm_list_query(s, &finding_list, page, read_finding, &reader, err);

    if (st == HM_OK) {
        *out_rows = (struct hm_finding_rows){reader.at, reader.count};
    }
    return st;
}

/* ---- the host's counts ---------------------------------------------------------------------- */

static enum hm_status read_counts(struct hm_stmt *stmt, void *arg, struct hm_err *err)
{
    struct hm_host_row *row = arg;

    (void)err;
    row->findings_high = (uint32_t)hm_row_int(stmt, 0);
    row->findings_medium = (uint32_t)hm_row_int(stmt, 1);
    row->findings_low = (uint32_t)hm_row_int(stmt, 2);
    return HM_OK;
}

enum hm_status hm_hosts_count_findings(struct hm_session *s, struct hm_host_row *row,
                                       struct hm_err *err)
{
    const struct hm_value values[] = {hm_value_text(row->id)};

    return hm_session_query(
        s,
        "SELECT COALESCE(SUM(severity = 'high'), 0), COALESCE(SUM(severity = 'medium'), 0), "
        "COALESCE(SUM(severity = 'low'), 0) FROM findings "
        "WHERE host_id = $1 AND valid_to_ms IS NULL",
        values, HM_COUNT(values), read_counts, row, NULL, err);
}
