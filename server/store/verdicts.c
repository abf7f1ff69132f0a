/* server/store/verdicts.c — table "verdicts": what was judged, as intervals.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/store/entities.h"

#include <string.h>

#include "common/base/limits.h"
#include "common/base/map.h"
#include "common/base/str.h"
#include "server/store/row.h"

#define BODY_BYTES (256u * 1024u)
#define REPLACE_BYTES (32u * 1024u * 1024u)

/* An open row of the host, and whether what came still has it. */
struct open_row {
    int64_t id;
    const char *judged_by;
    const char *product;
    const char *requirement;
    const char *protocol;
    const char *state;
    const char *reason;
    const char *ports;
    const char *holder;
    const char *body;
    bool seen;
};

/* One call of hm_verdicts_replace_parts. */
struct replace {
    struct hm_session *s;
    const char *host_id;
    int64_t now_ms;
    bool first;
    struct hm_arena arena;
    struct hm_map by_key;
    struct open_row *rows;
    size_t count;
    size_t room;
    struct hm_buf body;
    uint32_t counts[4];
    const char *host_name; /* NULL until an event needs it */
};

static const char *make_key(struct hm_arena *arena, const char *product, const char *requirement,
                            const char *protocol)
{
    return hm_arena_printf(arena, "%s\n%s\n%s", product, requirement, protocol);
}

static enum hm_status no_memory(struct hm_err *err)
{
    return hm_fail(err, HM_ENOMEM, "no memory for a host's verdicts");
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
        .judged_by = hm_row_text(stmt, 1, &r->arena),
        .product = hm_row_text(stmt, 2, &r->arena),
        .requirement = hm_row_text(stmt, 3, &r->arena),
        .protocol = hm_row_text(stmt, 4, &r->arena),
        .state = hm_row_text(stmt, 5, &r->arena),
        .reason = hm_row_text(stmt, 6, &r->arena),
        .ports = hm_row_text(stmt, 7, &r->arena),
        .holder = hm_row_text(stmt, 8, &r->arena),
        .body = hm_row_text(stmt, 9, &r->arena),
    };
    return row->body != NULL && row->holder != NULL ? HM_OK : no_memory(err);
}

static enum hm_status read_rows(struct replace *r, struct hm_err *err)
{
    const struct hm_value values[] = {hm_value_text(r->host_id)};
    enum hm_status st = hm_session_query(
        r->s,
        "SELECT id, judged_by, product, requirement, protocol, state, reason, ports, holder, body "
        "FROM verdicts WHERE host_id = $1 AND valid_to_ms IS NULL",
        values, HM_COUNT(values), read_open, r, NULL, err);

    for (size_t i = 0; st == HM_OK && i < r->count; i++) { /* now: rows no longer move */
        struct open_row *row = &r->rows[i];
        const char *key = make_key(&r->arena, row->product, row->requirement, row->protocol);

        st = key != NULL ? hm_map_put(&r->by_key, key, row, err) : no_memory(err);
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

/* {"product":…,"requirement":…,"state":…}; "" for no state. */
static const char *event_side(struct replace *r, const char *product, const char *requirement,
                              const char *state)
{
    struct hm_buf text;
    const char *copy = "";

    if (state == NULL) {
        return copy;
    }
    hm_buf_init(&text, BODY_BYTES);
    hm_buf_puts(&text, "{\"product\":");
    (void)hm_json_put_string(&text, product);
    hm_buf_puts(&text, ",\"requirement\":");
    (void)hm_json_put_string(&text, requirement);
    hm_buf_puts(&text, ",\"state\":");
    (void)hm_json_put_string(&text, state);
    hm_buf_putc(&text, '}');
    copy = hm_arena_strdup(&r->arena, hm_buf_text(&text));
    hm_buf_fini(&text);
    return copy;
}

/* A requirement that came or went while safe is no news. */
static enum hm_status tell(struct replace *r, const char *product, const char *requirement,
                           const char *before, const char *after, const char *judged_by,
                           const char *why, struct hm_err *err)
{
    const struct hm_value values[] = {hm_value_text(r->host_id)};
    const char *safe = hm_verdict_state_names[HM_SAFE];
    enum hm_status st = HM_OK;

    if (r->first || (before != NULL && after != NULL && strcmp(before, after) == 0) ||
        (before == NULL && hm_str_equal(after, safe)) ||
        (after == NULL && hm_str_equal(before, safe))) {
        return HM_OK;
    }
    if (r->host_name == NULL) {
        st = hm_session_query(r->s, "SELECT name FROM hosts WHERE id = $1", values, 1, read_name, r,
                              NULL, err);
    }
    if (st == HM_OK) {
        const struct hm_event event = {
            .at_ms = r->now_ms,
            .kind = "verdict_changed",
            .host_id = r->host_id,
            .host_name = r->host_name,
            .actor = judged_by,
            .before = event_side(r, product, requirement, before),
            .after = event_side(r, product, requirement, after),
            .why = why,
        };

        st = hm_events_append(r->s, &event, err);
    }
    return st;
}

static enum hm_status close_row(struct replace *r, const struct open_row *row, struct hm_err *err)
{
    const struct hm_value values[] = {hm_value_int(row->id), hm_value_int(r->now_ms)};

    return hm_session_exec(r->s, "UPDATE verdicts SET valid_to_ms = $2 WHERE id = $1", values,
                           HM_COUNT(values), err);
}

/* The columns of a verdict; $1 is the row's id in an update, the host's in an insert. */
static enum hm_status write_row(struct replace *r, const char *sql, struct hm_value key,
                                const struct hm_verdict *verdict, const char *judged_by,
                                struct hm_err *err)
{
    const char *ports = hm_ports_text(verdict->ports, &r->arena);
    const struct hm_value values[] = {
        key,
        hm_value_int(r->now_ms),
        hm_value_text(judged_by),
        hm_value_text(verdict->product),
        hm_value_text(verdict->requirement),
        hm_value_text(verdict->title),
        hm_value_text(hm_protocol_names[verdict->protocol]),
        hm_value_text(ports),
        hm_value_text(hm_listener_kind_names[verdict->kind]),
        hm_value_text(hm_verdict_origin_names[verdict->origin]),
        hm_value_text(hm_verdict_state_names[verdict->state]),
        hm_value_text(hm_verdict_reason_names[verdict->reason]),
        verdict->has_odds ? hm_value_real(verdict->odds) : hm_value_null(),
        verdict->has_holder ? hm_value_text(verdict->holder.program) : hm_value_null(),
        hm_value_text(hm_buf_text(&r->body)),
    };

    return ports != NULL ? hm_session_exec(r->s, sql, values, HM_COUNT(values), err)
                         : no_memory(err);
}

static const char insert_sql[] =
    "INSERT INTO verdicts (host_id, valid_from_ms, judged_by, product, requirement, title, "
    "protocol, ports, kind, origin, state, reason, odds, holder, body) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
/* Says the same in other words: the interval goes on. */
static const char update_sql[] =
    "UPDATE verdicts SET valid_from_ms = MIN(valid_from_ms, $2), judged_by = $3, product = $4, "
    "requirement = $5, title = $6, protocol = $7, ports = $8, kind = $9, origin = $10, "
    "state = $11, reason = $12, odds = $13, holder = $14, body = $15 WHERE id = $1";

static bool says_the_same(const struct open_row *row, const struct hm_verdict *verdict)
{
    return strcmp(row->state, hm_verdict_state_names[verdict->state]) == 0 &&
           strcmp(row->reason, hm_verdict_reason_names[verdict->reason]) == 0 &&
           hm_str_equal(row->holder, verdict->has_holder ? verdict->holder.program : "");
}

static enum hm_status put_known(struct replace *r, struct open_row *row,
                                const struct hm_verdict *verdict, const char *judged_by,
                                struct hm_err *err)
{
    const char *state = hm_verdict_state_names[verdict->state];
    enum hm_status st;

    row->seen = true;
    r->counts[verdict->state]++;
    if (strcmp(row->body, hm_buf_text(&r->body)) == 0 && strcmp(row->judged_by, judged_by) == 0) {
        return HM_OK; /* the usual case touches nothing */
    }
    if (says_the_same(row, verdict)) {
        return write_row(r, update_sql, hm_value_int(row->id), verdict, judged_by, err);
    }
    st = close_row(r, row, err);
    if (st == HM_OK) {
        st = write_row(r, insert_sql, hm_value_text(r->host_id), verdict, judged_by, err);
    }
    return st == HM_OK ? tell(r, row->product, row->requirement, row->state, state, judged_by,
                              verdict->text, err)
                       : st;
}

static enum hm_status put_new(struct replace *r, const char *key, const struct hm_verdict *verdict,
                              const char *judged_by, struct hm_err *err)
{
    struct open_row *mark = hm_arena_alloc(&r->arena, 1, sizeof(*mark));
    enum hm_status st;

    if (mark == NULL) {
        return no_memory(err);
    }
    mark->seen = true; /* a later part must not say it again */
    r->counts[verdict->state]++;
    st = hm_map_put(&r->by_key, key, mark, err);
    if (st == HM_OK) {
        st = write_row(r, insert_sql, hm_value_text(r->host_id), verdict, judged_by, err);
    }
    return st == HM_OK ? tell(r, verdict->product, verdict->requirement, NULL,
                              hm_verdict_state_names[verdict->state], judged_by, verdict->text, err)
                       : st;
}

static enum hm_status put_verdict(struct replace *r, const struct hm_verdict *verdict,
                                  const char *judged_by, struct hm_err *err)
{
    const char *key = make_key(&r->arena, verdict->product, verdict->requirement,
                               hm_protocol_names[verdict->protocol]);
    struct open_row *row;
    enum hm_status st;

    if (key == NULL) {
        return no_memory(err);
    }
    row = hm_map_get(&r->by_key, key);
    if (row != NULL && row->seen) {
        return HM_OK; /* said by an earlier part */
    }
    hm_buf_reset(&r->body);
    st = hm_record_encode(&hm_record_verdict, verdict, &r->body, err);
    if (st != HM_OK) {
        return st;
    }
    return row != NULL ? put_known(r, row, verdict, judged_by, err)
                       : put_new(r, key, verdict, judged_by, err);
}

static enum hm_status close_unseen(struct replace *r, struct hm_err *err)
{
    enum hm_status st = HM_OK;

    for (size_t i = 0; st == HM_OK && i < r->count; i++) {
        const struct open_row *row = &r->rows[i];

        if (!row->seen) {
            st = close_row(r, row, err);
            if (st == HM_OK) {
                st = tell(r, row->product, row->requirement, row->state, NULL, row->judged_by,
                          "the host no longer has this requirement", err);
            }
        }
    }
    return st;
}

enum hm_status hm_verdicts_replace_parts(struct hm_session *s, const char *host_id,
                                         const struct hm_verdict_part *parts, size_t part_count,
                                         bool first, int64_t now_ms, uint32_t out_counts[4],
                                         struct hm_err *err)
{
    struct replace r = {.s = s, .host_id = host_id, .now_ms = now_ms, .first = first};
    enum hm_status st;

    hm_arena_init(&r.arena, REPLACE_BYTES);
    hm_map_init(&r.by_key);
    hm_buf_init(&r.body, BODY_BYTES);
    st = read_rows(&r, err);
    for (size_t p = 0; p < part_count; p++) {
        for (size_t i = 0; st == HM_OK && i < parts[p].verdicts->count; i++) {
            st = put_verdict(&r, &parts[p].verdicts->at[i], parts[p].judged_by, err);
        }
    }
    if (st == HM_OK) {
        st = close_unseen(&r, err);
    }
    if (st == HM_OK && out_counts != NULL) {
        memcpy(out_counts, r.counts, sizeof(r.counts));
    }
    hm_buf_fini(&r.body);
    hm_map_fini(&r.by_key);
    hm_arena_fini(&r.arena);
    return st;
}

enum hm_status hm_verdicts_replace(struct hm_session *s, const char *host_id,
                                   const struct hm_verdicts *verdicts, const char *judged_by,
                                   bool first, int64_t now_ms, struct hm_err *err)
{
    const struct hm_verdict_part part = {verdicts, judged_by};

    return hm_verdicts_replace_parts(s, host_id, &part, 1, first, now_ms, NULL, err);
}

/* ---- lists -------------------------------------------------------------------------------- */

struct verdict_reader {
    struct hm_arena *arena;
    struct hm_verdict_row *at;
    size_t count;
    size_t room;
};

static enum hm_status read_verdict(struct hm_stmt *stmt, void *arg, struct hm_err *err)
{
    struct verdict_reader *reader = arg;
    struct hm_arena *arena = reader->arena;
    const char *body = hm_row_text(stmt, 7, arena);
    struct hm_verdict_row *row;

    if (body == NULL || hm_arena_grow(arena, (void **)&reader->at, reader->count, &reader->room,
                                      sizeof(*reader->at)) != 0) {
        return hm_fail(err, HM_ENOMEM, "no memory for a list of verdicts");
    }
    row = &reader->at[reader->count++];
    *row = (struct hm_verdict_row){
        .id = hm_row_int(stmt, 0),
        .host_id = hm_row_text(stmt, 1, arena),
        .host_name = hm_row_text(stmt, 2, arena),
        .host_silent = hm_row_int(stmt, 3) != 0,
        .judged_by = hm_row_text(stmt, 4, arena),
        .valid_from_ms = hm_row_int(stmt, 5),
        .valid_to_ms = hm_row_int(stmt, 6),
    };
    if (row->host_id == NULL || row->host_name == NULL || row->judged_by == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for a list of verdicts");
    }
    return hm_record_decode(&hm_record_verdict, body, strlen(body), false, arena, &row->verdict,
                            NULL, err);
}

#define VERDICT_INNER(host_columns, host_join)                                                     \
    "SELECT list_of.id AS id, list_of.host_id AS host_id, " host_columns                           \
    ", list_of.judged_by AS judged_by, list_of.valid_from_ms AS valid_from_ms, "                   \
    "list_of.valid_to_ms AS valid_to_ms, list_of.body AS body, list_of.product AS product, "       \
    "list_of.requirement AS requirement, list_of.title AS title, list_of.protocol AS protocol, "   \
    "list_of.ports AS ports, list_of.kind AS kind, list_of.origin AS origin, "                     \
    "list_of.state AS state, list_of.reason AS reason, list_of.odds AS odds, "                     \
    "COALESCE(list_of.holder, '') AS holder FROM verdicts list_of" host_join

static const struct hm_list verdict_list = {
    .columns = "id, host_id, host_name, host_silent, judged_by, valid_from_ms, valid_to_ms, body",
    .inner_now =
        VERDICT_INNER(HM_LIST_HOST_COLUMNS, HM_LIST_HOST_JOIN) "WHERE list_of.valid_to_ms IS NULL",
    .inner_at = VERDICT_INNER(HM_LIST_HOST_COLUMNS_AT,
                              HM_LIST_HOST_JOIN_AT) "WHERE list_of.valid_from_ms <= " HM_LIST_AT
                                                    " AND (list_of.valid_to_ms IS NULL OR "
                                                    "list_of.valid_to_ms > " HM_LIST_AT ")",
    .key = "id",
    .key_is_number = true,
};

enum hm_status hm_verdicts_list(struct hm_session *s, const struct hm_page *page,
                                struct hm_arena *arena, struct hm_verdict_rows *out_rows,
                                struct hm_err *err)
{
    struct verdict_reader reader = {.arena = arena};
    enum hm_status st = hm_list_query(s, &verdict_list, page, read_verdict, &reader, err);

    if (st == HM_OK) {
        *out_rows = (struct hm_verdict_rows){reader.at, reader.count};
    }
    return st;
}
