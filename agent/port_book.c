/* agent/port_book.c — the port book on disk.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/port_book.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/port_book_file.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/str.h"
#include "common/crypto/digest.h"
#include "common/judge/service_events.h"

#define ARENA_BYTES (16u * 1024u * 1024u)
#define ID_RANDOM 16
#define ID_BYTES (HM_LIMIT_ID_BYTES + 1u)

struct hm_agent_port_book {
    char path[HM_PORT_BOOK_PATH_BYTES];
    /* Noting makes a new memo beside the old one: the two arenas take turns. */
    struct hm_arena arenas[2];
    unsigned now;
    struct hm_port_memo memo;     /* in arenas[now] */
    bool expected;                /* there has been a book: where it is gone, it was lost */
    char wanted_id[ID_BYTES];     /* that the file must have; "" any */
    char given_id[ID_BYTES];      /* for a book that has none; "" a random one */
    char id[ID_BYTES];            /* of the memo */
    bool kept;                    /* it is on disk, with that id */
    struct hm_err unread;         /* why the file could not be read; HM_OK: it was */
    char failed[HM_ERR_TEXT_MAX]; /* why the last save failed; "" it did not */
};

static void say_lost(struct hm_agent_port_book *book, enum hm_status st, struct hm_err *why)
{
    if (st == HM_OK) {
        (void)hm_fail(why, HM_EINVAL, "%s: an earlier one was lost, and %u boots were seen since",
                      book->path, book->memo.whole_boots);
    }
    book->memo.lost = true;
    hm_err_prefix(why,
                  "policies add no new exclusions until %u boots have been seen whole, or "
                  "\"hm-agent forget --lost\"",
                  HM_PORT_BOOK_WHOLE_BOOTS);
    hm_log_failure(HM_LOG_ERROR, "port_book_lost", why);
}

/* The book of a state folder keeps its id, also where it is begun again: then no moment in between
 * makes it another's. */
static void take_id(struct hm_agent_port_book *book)
{
    unsigned char bytes[ID_RANDOM];

    if (book->wanted_id[0] != '\0') {
        memcpy(book->id, book->wanted_id, sizeof(book->id));
    } else if (book->memo.id[0] != '\0') {
        (void)hm_str_copy(book->id, sizeof(book->id), book->memo.id);
    } else if (book->given_id[0] != '\0') {
        (void)hm_str_copy(book->id, sizeof(book->id), book->given_id);
    } else if (book->id[0] == '\0') {
        hm_crypto_random(bytes, sizeof(bytes));
        hm_crypto_hex(bytes, sizeof(bytes), book->id);
    }
    book->memo.id = book->id;
}

/* What cannot be read now may be read later, and must not be overwritten until then. */
static void load(struct hm_agent_port_book *book)
{
    struct hm_err why;
    enum hm_status st;

    hm_arena_reset(&book->arenas[book->now]);
    book->memo = hm_port_book_none;
    st = hm_port_book_file_load(book->path, book->wanted_id, &book->arenas[book->now], &book->memo,
                                &why);
    if (st == HM_ENOENT && book->expected) {
        st = hm_fail(&why, HM_EINVAL, "%s and its copy are gone", book->path);
    }
    if (st == HM_EINVAL || (st == HM_OK && book->memo.lost)) {
        say_lost(book, st, &why);
    } else if (st != HM_OK && st != HM_ENOENT && strcmp(why.text, book->unread.text) != 0) {
        hm_log_failure(HM_LOG_ERROR, "port_book_not_read", &why);
    }
    book->kept = st == HM_OK && book->memo.id[0] != '\0';
    take_id(book);
    book->unread = (struct hm_err){.status = HM_OK};
    if (st != HM_OK && st != HM_ENOENT && st != HM_EINVAL) {
        book->unread = why;
    }
}

enum hm_status hm_agent_port_book_open(const char *state_dir, const struct hm_port_book_past *past,
                                       struct hm_agent_port_book **out_book, struct hm_err *err)
{
    struct hm_agent_port_book *book = calloc(1, sizeof(*book));
    enum hm_status st;

    if (book == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the port book");
    }
    st = hm_port_book_path(state_dir, book->path, err);
    if (st != HM_OK) {
        free(book);
        return st;
    }
    book->expected = past->has_been;
    (void)hm_str_copy(book->wanted_id, sizeof(book->wanted_id), past->id);
    (void)hm_str_copy(book->given_id, sizeof(book->given_id), past->enforce_id);
    for (unsigned i = 0; i < HM_COUNT(book->arenas); i++) {
        hm_arena_init(&book->arenas[i], ARENA_BYTES);
    }
    load(book);
    *out_book = book;
    return HM_OK;
}

void hm_agent_port_book_close(struct hm_agent_port_book *book)
{
    if (book == NULL) {
        return;
    }
    for (unsigned i = 0; i < HM_COUNT(book->arenas); i++) {
        hm_arena_fini(&book->arenas[i]);
    }
    free(book);
}

/* The texts of an entry belong to the cycle's arena or to the old memo: the book needs its own. */
static enum hm_status own_texts(struct hm_port_memo *memo, struct hm_arena *arena,
                                struct hm_err *err)
{
    for (size_t i = 0; i < memo->rows.count; i++) {
        struct hm_port_entry *entry = &memo->rows.at[i].entry;

        entry->program = hm_arena_strdup(arena, entry->program);
        entry->service = hm_arena_strdup(arena, entry->service);
        if (entry->program == NULL || entry->service == NULL) {
            return hm_fail(err, HM_ENOMEM, "no memory for the port book");
        }
    }
    return HM_OK;
}

/* All of it, into another arena. */
static enum hm_status own_rows(struct hm_port_memo *memo, struct hm_arena *arena,
                               struct hm_err *err)
{
    const struct hm_port_memories from = memo->rows;

    memo->boot_id = hm_arena_strdup(arena, memo->boot_id);
    memo->rows.at = hm_arena_alloc(arena, from.count, sizeof(*memo->rows.at));
    if (memo->boot_id == NULL || memo->rows.at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the port book");
    }
    if (from.count > 0) {
        memcpy(memo->rows.at, from.at, from.count * sizeof(*from.at));
    }
    return own_texts(memo, arena, err);
}

/* Likewise, with a list of its own: that of the old memo goes with its arena. */
static enum hm_status own_hazards(struct hm_port_memo *memo, struct hm_arena *arena,
                                  struct hm_err *err)
{
    const struct hm_port_hazards from = memo->hazards;
    struct hm_port_hazard *at = hm_arena_alloc(arena, from.count, sizeof(*at));

    for (size_t i = 0; at != NULL && i < from.count; i++) {
        at[i] = from.at[i];
        at[i].how = hm_arena_strdup(arena, from.at[i].how);
        if (at[i].how == NULL) {
            at = NULL;
        }
    }
    if (at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the port book");
    }
    memo->hazards.at = at;
    return HM_OK;
}

static void save(struct hm_agent_port_book *book)
{
    struct hm_err why;
    enum hm_status st = hm_port_book_file_save(book->path, &book->memo, &why);

    if (st == HM_OK) {
        book->failed[0] = '\0';
        book->kept = true;
    } else if (strcmp(book->failed, why.text) != 0) {
        (void)hm_str_copy(book->failed, sizeof(book->failed), why.text);
        hm_log_failure(HM_LOG_WARNING, "port_book_not_saved", &why);
    }
}

enum hm_status hm_agent_port_book_check(struct hm_agent_port_book *book, struct hm_err *err)
{
    if (book->unread.status != HM_OK) {
        load(book);
    }
    if (book->unread.status != HM_OK && err != NULL) {
        *err = book->unread;
    }
    return book->unread.status;
}

enum hm_status hm_agent_port_book_note(struct hm_agent_port_book *book, const char *boot_id,
                                       struct hm_arena *arena, struct hm_inventory *inventory,
                                       struct hm_err *err)
{
    struct hm_arena *other = &book->arenas[1 - book->now];
    struct hm_port_memo memo;
    bool changed = false;
    enum hm_status st;

    if (hm_agent_port_book_check(book, NULL) != HM_OK) {
        return HM_OK;
    }
    memo = book->memo;
    hm_arena_reset(other);
    st = hm_port_memo_note(&memo, inventory, boot_id, other, &changed, err);
    if (st == HM_OK && changed) {
        st = own_texts(&memo, other, err);
    }
    if (st == HM_OK && changed) {
        st = own_hazards(&memo, other, err);
    }
    if (st == HM_OK && changed) {
        book->memo = memo;
        book->now = 1 - book->now;
        save(book);
    } else if (st == HM_OK && (book->failed[0] != '\0' || !book->kept)) {
        save(book);
    }
    return st == HM_OK ? hm_agent_port_book_give(book, arena, inventory, err) : st;
}

/* Ports of the addresses that HTTP.sys could not have in this boot. */
static enum hm_status failed_ports(const struct hm_observation *seen, struct hm_arena *arena,
                                   struct hm_ports *out_ports, struct hm_err *err)
{
    const size_t most = seen->has_events ? seen->events.count : 0;
    struct hm_range *ranges = hm_arena_alloc(arena, most, sizeof(*ranges));
    size_t count = 0;

    if (ranges == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the port book");
    }
    for (size_t i = 0; i < most; i++) {
        const struct hm_event_count *event = &seen->events.at[i];
        uint16_t port = 0;

        if (hm_service_event_is_httpsys(event) && hm_service_event_port(event, &port) &&
            port != 0) {
            ranges[count++] = (struct hm_range){port, port};
        }
    }
    return hm_ports_from_ranges(ranges, count, arena, out_ports, err);
}

enum hm_status hm_agent_port_book_note_hazards(struct hm_agent_port_book *book,
                                               const struct hm_observation *seen,
                                               struct hm_arena *arena, struct hm_err *err)
{
    struct hm_port_memo memo = book->memo;
    struct hm_ports failed = {NULL, 0};
    bool changed = false;
    bool seen_whole = false;
    enum hm_status st;

    if (hm_agent_port_book_check(book, NULL) != HM_OK) {
        return HM_OK;
    }
    memo = book->memo;
    st = failed_ports(seen, arena, &failed, err);
    if (st == HM_OK) {
        st = hm_port_memo_note_hazards(&memo, &seen->inventory, seen->settings_unread, failed,
                                       arena, &changed, err);
    }
    if (st == HM_OK && seen->has_uptime) {
        hm_port_memo_note_whole(&memo, &seen->inventory, (int64_t)seen->uptime_s,
                                seen->settings_unread, &seen_whole);
        changed = changed || seen_whole;
    }
    if (st == HM_OK && changed) {
        struct hm_arena *other = &book->arenas[1 - book->now];

        hm_arena_reset(other);
        st = own_rows(&memo, other, err);
        if (st == HM_OK) {
            st = own_hazards(&memo, other, err);
        }
    }
    if (st == HM_OK && changed) {
        book->memo = memo;
        book->now = 1 - book->now;
        save(book);
        if (seen_whole && !memo.lost) {
            hm_log_event(HM_LOG_INFO, "port_book_whole_again");
        }
    }
    return st;
}

bool hm_agent_port_book_is_lost(const struct hm_agent_port_book *book)
{
    return book->memo.lost;
}

bool hm_agent_port_book_is_kept(const struct hm_agent_port_book *book)
{
    return book->kept;
}

const char *hm_agent_port_book_id(const struct hm_agent_port_book *book)
{
    return book->id;
}

const struct hm_port_hazards *hm_agent_port_book_hazards(const struct hm_agent_port_book *book)
{
    return &book->memo.hazards;
}

enum hm_status hm_agent_port_book_give(const struct hm_agent_port_book *book,
                                       struct hm_arena *arena, struct hm_inventory *inventory,
                                       struct hm_err *err)
{
    enum hm_status st;

    if (inventory->has_port_book || book->memo.boot == 0) {
        return HM_OK;
    }
    st = hm_port_memo_list(&book->memo, arena, &inventory->port_book, err);
    inventory->has_port_book = st == HM_OK;
    return st;
}

void hm_agent_port_book_mark(struct hm_observation *observation)
{
    hm_port_book_mark(&observation->inventory, &observation->idle_services,
                      observation->knows_all_services);
}

enum hm_status hm_agent_port_book_read(const char *state_dir, struct hm_arena *arena,
                                       struct hm_port_book *out_book,
                                       struct hm_port_hazards *out_hazards, struct hm_err *err)
{
    struct hm_port_memo memo = hm_port_book_none;
    char path[HM_PORT_BOOK_PATH_BYTES];
    enum hm_status st = hm_port_book_path(state_dir, path, err);

    if (st == HM_OK) {
        st = hm_port_book_file_peek(path, arena, &memo, err);
    }
    if (st == HM_OK) {
        st = hm_port_memo_list(&memo, arena, out_book, err);
    }
    if (st == HM_OK) {
        *out_hazards = memo.hazards;
    }
    return st;
}

static enum hm_status refuse_lost(struct hm_err *err)
{
    hm_err_prefix(err, "nothing was forgotten: the port book is lost, and what it knew of these "
                       "ports with it; \"hm-agent forget --lost\" lets policies add new exclusions "
                       "without it");
    if (err != NULL) {
        err->status = HM_ECONFLICT;
    }
    return HM_ECONFLICT;
}

enum hm_status hm_agent_port_book_forget(const char *state_dir,
                                         const struct hm_port_book_past *past,
                                         struct hm_ports ports, struct hm_arena *arena,
                                         struct hm_port_book *out_forgotten, struct hm_err *err)
{
    struct hm_port_memo memo = hm_port_book_none;
    struct hm_port_book forgotten = {NULL, 0};
    char path[HM_PORT_BOOK_PATH_BYTES];
    enum hm_status st = hm_port_book_path(state_dir, path, err);

    if (st == HM_OK) {
        st = hm_port_book_file_load(path, past->id, arena, &memo, err);
    }
    if (st == HM_ENOENT && past->has_been) {
        st = hm_fail(err, HM_EINVAL, "%s and its copy are gone", path);
    }
    if (st == HM_EINVAL) {
        st = refuse_lost(err);
    }
    if (st == HM_OK) {
        st = hm_port_memo_forget(&memo, ports, arena, &forgotten, err);
    }
    if (st == HM_OK && forgotten.count > 0) {
        st = hm_port_book_file_save(path, &memo, err);
    }
    if (st == HM_OK || st == HM_ENOENT) {
        *out_forgotten = forgotten;
        st = HM_OK;
    }
    return st;
}

enum hm_status hm_agent_port_book_accept_loss(const char *state_dir,
                                              const struct hm_port_book_past *past,
                                              struct hm_arena *arena, bool *out_was_lost,
                                              struct hm_err *err)
{
    struct hm_port_memo memo = hm_port_book_none;
    char path[HM_PORT_BOOK_PATH_BYTES];
    bool was_lost;
    enum hm_status st = hm_port_book_path(state_dir, path, err);

    if (st != HM_OK) {
        return st;
    }
    st = hm_port_book_file_load(path, past->id, arena, &memo, err);
    was_lost = st == HM_ENOENT ? past->has_been : st != HM_OK || memo.lost;
    if (st == HM_EINVAL || st == HM_ENOENT) {
        memo = hm_port_book_none;
        memo.id = past->id;
        st = HM_OK;
    }
    if (st == HM_OK && was_lost) {
        memo.lost = false;
        memo.whole_boots = 0;
        memo.whole_boot = 0;
        st = hm_port_book_file_save(path, &memo, err);
    }
    if (st == HM_OK) {
        *out_was_lost = was_lost;
    }
    return st;
}
