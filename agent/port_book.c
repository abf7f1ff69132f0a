/* agent/port_book.c — the port book on disk.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/port_book.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/str.h"
#include "common/os/os.h"
#include "common/wire/records.h"

#define PATH_BYTES 4096
/* Behind the path: the same once more, as what is lost cannot be seen again. */
#define COPY ".copy"
#define FILE_BYTES (4u * 1024u * 1024u)
#define ARENA_BYTES (16u * 1024u * 1024u)

static const struct hm_field memory_fields[] = {
    HM_F_RECORD(hm_port_memory, entry, HM_FIELD_REQUIRED, &hm_record_port_entry, "the listener"),
    HM_F(hm_port_memory, last_boot, HM_TYPE_U32, HM_FIELD_DEFAULT, 0, 0,
         "number of the boot that last confirmed it; 0: none yet"),
    HM_F(hm_port_memory, pending, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0,
         "the newest observation showed it for the first time in its boot"),
};
static const struct hm_record record_memory = {"port_memory", sizeof(struct hm_port_memory),
                                               memory_fields, HM_COUNT(memory_fields)};

static const struct hm_field memo_fields[] = {
    HM_F(hm_port_memo, boot_id, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_ID_BYTES,
         "the newest boot"),
    HM_F(hm_port_memo, boot, HM_TYPE_U32, HM_FIELD_DEFAULT, 0, 0, "its number"),
    HM_F_RECORDS(hm_port_memo, rows, HM_FIELD_REQUIRED, HM_LIMIT_PORT_BOOK, &record_memory,
                 "listeners, by protocol and port"),
};
static const struct hm_record record_memo = {"port_memo", sizeof(struct hm_port_memo), memo_fields,
                                             HM_COUNT(memo_fields)};

struct hm_agent_port_book {
    char path[PATH_BYTES];
    /* Noting makes a new memo beside the old one: the two arenas take turns. */
    struct hm_arena arenas[2];
    unsigned now;
    struct hm_port_memo memo;     /* in arenas[now] */
    struct hm_err unread;         /* why the file could not be read; HM_OK: it was */
    char failed[HM_ERR_TEXT_MAX]; /* why the last save failed; "" it did not */
};

static enum hm_status path_of(const char *state_dir, char out[PATH_BYTES], struct hm_err *err)
{
    int put = snprintf(out, PATH_BYTES, "%s/portbook.json", state_dir);

    if (put < 0 || put >= PATH_BYTES) {
        return hm_fail(err, HM_EINVAL, "%.200s: the path is too long", state_dir);
    }
    return HM_OK;
}

/* *out_text is what the file says, also when that is no book (HM_EINVAL). */
static enum hm_status read_memo(const char *path, struct hm_arena *arena,
                                struct hm_port_memo *out_memo, char **out_text, size_t *out_len,
                                struct hm_err *err)
{
    struct hm_port_memo memo = {.boot_id = ""};
    enum hm_status st = hm_os_read_file(path, FILE_BYTES, arena, out_text, out_len, err);

    if (st == HM_OK) {
        st = hm_record_decode(&record_memo, *out_text, *out_len, false, arena, &memo, NULL, err);
        if (st != HM_OK) {
            hm_err_prefix(err, "%s", path);
        }
    }
    if (st == HM_OK) {
        hm_port_memo_settle(&memo); /* whatever the file says: what reads it relies on the order */
        *out_memo = memo;
    }
    return st;
}

static void name_beside(const char *path, const char *end, char out[PATH_BYTES + 8])
{
    (void)snprintf(out, PATH_BYTES + 8, "%s%s", path, end);
}

/* A damaged book, for a person. */
static void keep_damaged(const char *path, const char *text, size_t len, const struct hm_err *err)
{
    char broken[PATH_BYTES + 8];
    struct hm_err why;

    hm_log_failure(HM_LOG_WARNING, "port_book_damaged", err);
    name_beside(path, ".broken", broken);
    if (hm_os_replace_file(broken, text, len, true, &why) != HM_OK) {
        hm_log_failure(HM_LOG_WARNING, "port_book_damaged", &why);
    }
}

/* The book, or where it is missing or damaged its copy. HM_ENOENT: neither is there. HM_EINVAL:
 * what is there is damaged. */
static enum hm_status read_either(const char *path, struct hm_arena *arena,
                                  struct hm_port_memo *out_memo, struct hm_err *err)
{
    char copy[PATH_BYTES + 8];
    struct hm_err first;
    struct hm_err second;
    char *text = NULL;
    size_t len = 0;
    enum hm_status st = read_memo(path, arena, out_memo, &text, &len, &first);
    enum hm_status other;

    if (st == HM_OK) {
        return HM_OK;
    }
    if (st == HM_EINVAL && text != NULL) {
        keep_damaged(path, text, len, &first);
    }
    name_beside(path, COPY, copy);
    other = read_memo(copy, arena, out_memo, &text, &len, &second);
    if (other == HM_OK) {
        return HM_OK;
    }
    if (other != HM_ENOENT && (st == HM_ENOENT || (st == HM_EINVAL && other != HM_EINVAL))) {
        first = second;
    }
    if (err != NULL) {
        *err = first;
    }
    return first.status;
}

/* What cannot be read now may be read later, and must not be overwritten until then. */
static void load(struct hm_agent_port_book *book)
{
    struct hm_err why;
    enum hm_status st;

    hm_arena_reset(&book->arenas[book->now]);
    st = read_either(book->path, &book->arenas[book->now], &book->memo, &why);
    if (st == HM_EINVAL) {
        hm_log_failure(HM_LOG_ERROR, "port_book_lost", &why);
    } else if (st != HM_OK && st != HM_ENOENT && strcmp(why.text, book->unread.text) != 0) {
        hm_log_failure(HM_LOG_ERROR, "port_book_not_read", &why);
    }
    book->unread = (struct hm_err){.status = HM_OK};
    if (st != HM_OK && st != HM_ENOENT && st != HM_EINVAL) {
        book->unread = why;
    }
}

enum hm_status hm_agent_port_book_open(const char *state_dir, struct hm_agent_port_book **out_book,
                                       struct hm_err *err)
{
    struct hm_agent_port_book *book = calloc(1, sizeof(*book));
    enum hm_status st;

    if (book == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the port book");
    }
    st = path_of(state_dir, book->path, err);
    if (st != HM_OK) {
        free(book);
        return st;
    }
    book->memo.boot_id = "";
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

static enum hm_status write_memo(const char *path, const struct hm_port_memo *memo,
                                 struct hm_err *err)
{
    char copy[PATH_BYTES + 8];
    struct hm_buf json;
    enum hm_status st;

    hm_buf_init(&json, FILE_BYTES);
    st = hm_record_encode(&record_memo, memo, &json, err);
    if (st == HM_OK) {
        st = hm_os_replace_file(path, json.data, json.len, true, err);
    }
    if (st == HM_OK) {
        name_beside(path, COPY, copy);
        st = hm_os_replace_file(copy, json.data, json.len, true, err);
    }
    hm_buf_fini(&json);
    return st;
}

static void save(struct hm_agent_port_book *book)
{
    struct hm_err why;
    enum hm_status st = write_memo(book->path, &book->memo, &why);

    if (st == HM_OK) {
        book->failed[0] = '\0';
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
        book->memo = memo;
        book->now = 1 - book->now;
        save(book);
    } else if (st == HM_OK && book->failed[0] != '\0') {
        save(book);
    }
    return st == HM_OK ? hm_agent_port_book_give(book, arena, inventory, err) : st;
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
                                       struct hm_port_book *out_book, struct hm_err *err)
{
    struct hm_port_memo memo = {.boot_id = ""};
    char path[PATH_BYTES];
    char *text;
    size_t len;
    enum hm_status st = path_of(state_dir, path, err);

    if (st == HM_OK) {
        st = read_memo(path, arena, &memo, &text, &len, err);
    }
    return st == HM_OK ? hm_port_memo_list(&memo, arena, out_book, err) : st;
}

enum hm_status hm_agent_port_book_forget(const char *state_dir, struct hm_ports ports,
                                         struct hm_arena *arena, struct hm_port_book *out_forgotten,
                                         struct hm_err *err)
{
    struct hm_port_memo memo = {.boot_id = ""};
    struct hm_port_book forgotten = {NULL, 0};
    char path[PATH_BYTES];
    enum hm_status st = path_of(state_dir, path, err);

    if (st == HM_OK) {
        st = read_either(path, arena, &memo, err);
    }
    if (st == HM_OK) {
        st = hm_port_memo_forget(&memo, ports, arena, &forgotten, err);
    }
    if (st == HM_OK && forgotten.count > 0) {
        st = write_memo(path, &memo, err);
    }
    if (st == HM_OK || st == HM_ENOENT) {
        *out_forgotten = forgotten;
        st = HM_OK;
    }
    return st;
}
