/* server/store/events.c — table "events": append-only, each row chained to the one before.
 * SPDX-License-Identifier: Apache-2.0
 *
 * hash = hex(BLAKE2b-256(text)); text is, each followed by a newline: the previous hash ("" for
 * the first), id, at_ms, and "<length>:<bytes>" of kind, host_id, host_name, actor, peer, before,
 * after, why. */
#include "server/store/entities.h"

#include <inttypes.h>
#include <string.h>

#include "common/base/limits.h"
#include "server/store/row.h"

#define HASH_TEXT_BYTES (2 * HM_DIGEST_BYTES + 1)
#define EVENT_BYTES HM_LIMIT_CHECKIN_BYTES

#define EVENT_COLUMNS                                                                              \
    "id, at_ms, kind, host_id, host_name, actor, peer, \"before\", \"after\", why, hash"

static const char *or_empty(const char *text)
{
    return text != NULL ? text : "";
}

static enum hm_status hash_event(const char *previous, const struct hm_event *event,
                                 char out[HASH_TEXT_BYTES], struct hm_err *err)
{
    const char *texts[] = {event->kind, event->host_id, event->host_name, event->actor,
                           event->peer, event->before,  event->after,     event->why};
    unsigned char hash[HM_DIGEST_BYTES];
    struct hm_buf text;
    enum hm_status st;

    hm_buf_init(&text, EVENT_BYTES);
    hm_buf_printf(&text, "%s\n%" PRId64 "\n%" PRId64 "\n", previous, event->id, event->at_ms);
    for (size_t i = 0; i < HM_COUNT(texts); i++) {
        hm_buf_printf(&text, "%zu:", strlen(or_empty(texts[i])));
        hm_buf_puts(&text, or_empty(texts[i]));
        hm_buf_putc(&text, '\n');
    }
    st = hm_buf_status(&text, err);
    if (st == HM_OK) {
        hm_digest(hm_buf_text(&text), text.len, hash);
        hm_crypto_hex(hash, sizeof(hash), out);
    }
    hm_buf_fini(&text);
    return st;
}

static enum hm_status read_hash(struct hm_stmt *row, int at, char out[HASH_TEXT_BYTES],
                                struct hm_err *err)
{
    struct hm_arena arena;
    const char *text;
    enum hm_status st = HM_OK;

    hm_arena_init(&arena, HM_LIMIT_CHECKIN_BYTES);
    text = hm_row_text(row, at, &arena);
    if (text == NULL || strlen(text) != HASH_TEXT_BYTES - 1) {
        st = hm_fail(err, HM_EIO, "the last event has no hash: the database is damaged");
    } else {
        memcpy(out, text, HASH_TEXT_BYTES);
    }
    hm_arena_fini(&arena);
    return st;
}

static enum hm_status read_tail(struct hm_stmt *row, void *arg, struct hm_err *err)
{
    struct hm_event_mark *tail = arg;

    tail->id = hm_row_int(row, 0);
    return read_hash(row, 1, tail->hash, err);
}

enum hm_status hm_events_append(struct hm_session *s, const struct hm_event *event,
                                struct hm_err *err)
{
    struct hm_event_mark tail = {0};
    struct hm_event full = *event;
    char hash[HASH_TEXT_BYTES];
    enum hm_status st = hm_session_query(s, "SELECT id, hash FROM events ORDER BY id DESC LIMIT 1",
                                         NULL, 0, read_tail, &tail, NULL, err);

    if (st != HM_OK) {
        return st;
    }
    full.id = tail.id + 1;
    st = hash_event(tail.hash, &full, hash, err);
    if (st == HM_OK) {
        const struct hm_value values[] = {
            hm_value_int(full.id),
            hm_value_int(full.at_ms),
            hm_value_text(or_empty(full.kind)),
            hm_value_text(or_empty(full.host_id)),
            hm_value_text(or_empty(full.host_name)),
            hm_value_text(or_empty(full.actor)),
            hm_value_text(or_empty(full.peer)),
            hm_value_text(or_empty(full.before)),
            hm_value_text(or_empty(full.after)),
            hm_value_text(or_empty(full.why)),
            hm_value_text(hash),
        };

        st = hm_session_exec(s,
                             "INSERT INTO events (" EVENT_COLUMNS ") "
                             "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
                             values, HM_COUNT(values), err);
    }
    return st;
}

struct event_reader {
    struct hm_arena *arena;
    struct hm_event *at;
    size_t count;
    size_t room;
};

static enum hm_status read_event(struct hm_stmt *row, struct hm_arena *arena,
                                 struct hm_event *out_event, struct hm_err *err)
{
    struct hm_event event = {
        .id = hm_row_int(row, 0),
        .at_ms = hm_row_int(row, 1),
        .kind = hm_row_text(row, 2, arena),
        .host_id = hm_row_text(row, 3, arena),
        .host_name = hm_row_text(row, 4, arena),
        .actor = hm_row_text(row, 5, arena),
        .peer = hm_row_text(row, 6, arena),
        .before = hm_row_text(row, 7, arena),
        .after = hm_row_text(row, 8, arena),
        .why = hm_row_text(row, 9, arena),
        .hash = hm_row_text(row, 10, arena),
    };

    if (event.hash == NULL || event.why == NULL || event.after == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for a list of events");
    }
    *out_event = event;
    return HM_OK;
}

static enum hm_status read_list(struct hm_stmt *row, void *arg, struct hm_err *err)
{
    struct event_reader *reader = arg;

    if (hm_arena_grow(reader->arena, (void **)&reader->at, reader->count, &reader->room,
                      sizeof(*reader->at)) != 0) {
        return hm_fail(err, HM_ENOMEM, "no memory for a list of events");
    }
    return read_event(row, reader->arena, &reader->at[reader->count++], err);
}

/* By newest_first. */
static const struct hm_list event_lists[2] = {
    {.columns = EVENT_COLUMNS,
     .inner_now = "SELECT * FROM events",
     .key = "id",
     .key_is_number = true},
    { .columns = EVENT_COLUMNS,
     .inner_now = "SELECT * FROM events",
     .key = "id",
     .key_is_number = true,
     .descending = true},
};

enum hm_status hm_events_list(struct hm_session *s, const struct hm_page *page, bool newest_first,
                              struct hm_arena *arena, struct hm_events *out_events,
                              struct hm_err *err)
{
    struct event_reader reader = {.arena = arena};
    enum hm_status st =
        hm_list_query(s, &event_lists[newest_first ? 1 : 0], page, read_list, &reader, err);

    if (st == HM_OK) {
        *out_events = (struct hm_events){reader.at, reader.count};
    }
    return st;
}

struct verifier {
    struct hm_arena arena; /* of one row */
    struct hm_event_mark tail;
    const struct hm_event_mark *known;
};

static enum hm_status verify_row(struct hm_stmt *row, void *arg, struct hm_err *err)
{
    struct verifier *verifier = arg;
    struct hm_event event;
    char hash[HASH_TEXT_BYTES];
    enum hm_status st;

    hm_arena_reset(&verifier->arena);
    st = read_event(row, &verifier->arena, &event, err);
    if (st != HM_OK) {
        return st;
    }
    st = hash_event(verifier->tail.hash, &event, hash, err);
    if (st != HM_OK) {
        return st;
    }
    if (event.id != verifier->tail.id + 1 || strcmp(hash, event.hash) != 0) {
        return hm_fail_code(err, HM_ECONFLICT, "broken_chain",
                            "event %" PRId64 " does not fit the chain: it, or what stood before "
                            "it, was changed or removed",
                            verifier->tail.id + 1);
    }
    verifier->tail.id = event.id;
    memcpy(verifier->tail.hash, hash, sizeof(hash));
    if (event.id == verifier->known->id && strcmp(hash, verifier->known->hash) != 0) {
        return hm_fail_code(err, HM_ECONFLICT, "broken_chain",
                            "event %" PRId64 " is not the one that was noted: the chain up to it "
                            "was made again",
                            event.id);
    }
    return HM_OK;
}

enum hm_status hm_events_verify_since(struct hm_session *s, const struct hm_event_mark *known,
                                      struct hm_event_mark *out_last, struct hm_err *err)
{
    static const struct hm_event_mark none;
    struct verifier verifier = {.known = known != NULL ? known : &none};
    enum hm_status st;

    hm_arena_init(&verifier.arena, 4 * EVENT_BYTES);
    st = hm_session_query(s, "SELECT " EVENT_COLUMNS " FROM events ORDER BY id", NULL, 0,
                          verify_row, &verifier, NULL, err);
    hm_arena_fini(&verifier.arena);
    if (st == HM_OK && verifier.tail.id < verifier.known->id) {
        st = hm_fail_code(err, HM_ECONFLICT, "broken_chain",
                          "event %" PRId64 " is not there, the last one is %" PRId64
                          ": the end was cut off, or an old copy was put in place",
                          verifier.known->id, verifier.tail.id);
    }
    if (st == HM_OK) {
        *out_last = verifier.tail;
    }
    return st;
}

enum hm_status hm_events_verify(struct hm_session *s, struct hm_err *err)
{
    struct hm_event_mark last;

    return hm_events_verify_since(s, NULL, &last, err);
}
