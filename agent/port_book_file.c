/* agent/port_book_file.c — portbook.json and its copy: what stands in them, read and written.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/port_book_file.h"

#include <stdio.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/str.h"
#include "common/os/os.h"
#include "common/wire/records.h"

/* Behind the path: the same once more, as what is lost cannot be seen again. */
#define COPY ".copy"
#define FILE_BYTES (4u * 1024u * 1024u)

const struct hm_port_memo hm_port_book_none = {.id = "", .boot_id = ""};

static const struct hm_field memory_fields[] = {
    HM_F_RECORD(hm_port_memory, entry, HM_FIELD_REQUIRED, &hm_record_port_entry, "the listener"),
    HM_F(hm_port_memory, last_boot, HM_TYPE_U32, HM_FIELD_DEFAULT, 0, 0,
         "number of the boot that last confirmed it; 0: none yet"),
    HM_F(hm_port_memory, pending, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0,
         "the newest observation showed it for the first time in its boot"),
};
static const struct hm_record record_memory = {"port_memory", sizeof(struct hm_port_memory),
                                               memory_fields, HM_COUNT(memory_fields)};

static const struct hm_enum protocol = {hm_protocol_names, 2};
static const struct hm_enum kind = {hm_listener_kind_names, HM_KIND_COUNT};

static const struct hm_field hazard_fields[] = {
    HM_F_ENUM(hm_port_hazard, protocol, HM_FIELD_REQUIRED, &protocol, "tcp or udp"),
    HM_F(hm_port_hazard, port, HM_TYPE_U16, HM_FIELD_REQUIRED, 0, 0, "that must not be excluded"),
    HM_F_ENUM(hm_port_hazard, kind, HM_FIELD_REQUIRED, &kind, "who serves it"),
    HM_F(hm_port_hazard, how, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_NAME_BYTES,
         "how it is known"),
    HM_F(hm_port_hazard, lasts, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0,
         "by what the host showed; otherwise by its settings"),
    HM_F(hm_port_hazard, last_boot, HM_TYPE_U32, HM_FIELD_DEFAULT, 0, 0,
         "number of the boot that last showed it"),
};
static const struct hm_record record_hazard = {"port_hazard", sizeof(struct hm_port_hazard),
                                               hazard_fields, HM_COUNT(hazard_fields)};

static const struct hm_field memo_fields[] = {
    HM_F(hm_port_memo, id, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_ID_BYTES,
         "of the state folder that it belongs to"),
    HM_F(hm_port_memo, boot_id, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_ID_BYTES,
         "the newest boot"),
    HM_F(hm_port_memo, boot, HM_TYPE_U32, HM_FIELD_DEFAULT, 0, 0, "its number"),
    HM_F_RECORDS(hm_port_memo, rows, HM_FIELD_REQUIRED, HM_LIMIT_PORT_BOOK, &record_memory,
                 "listeners, by protocol and port"),
    HM_F_RECORDS(hm_port_memo, hazards, HM_FIELD_DEFAULT, HM_LIMIT_HAZARDS, &record_hazard,
                 "ports that must not be excluded, by protocol and port"),
    HM_F(hm_port_memo, lost, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0,
         "an earlier book was lost, and too few boots have been seen since"),
    HM_F(hm_port_memo, whole_boots, HM_TYPE_U32, HM_FIELD_DEFAULT, 0, 0, "boots seen since"),
    HM_F(hm_port_memo, whole_boot, HM_TYPE_U32, HM_FIELD_DEFAULT, 0, 0,
         "number of the newest of them"),
};
static const struct hm_record record_memo = {"port_memo", sizeof(struct hm_port_memo), memo_fields,
                                             HM_COUNT(memo_fields)};

enum hm_status hm_port_book_path(const char *state_dir, char out[HM_PORT_BOOK_PATH_BYTES],
                                 struct hm_err *err)
{
    int put = snprintf(out, HM_PORT_BOOK_PATH_BYTES, "%s/portbook.json", state_dir);

    if (put < 0 || put >= HM_PORT_BOOK_PATH_BYTES) {
        return hm_fail(err, HM_EINVAL, "%.200s: the path is too long", state_dir);
    }
    return HM_OK;
}

/* *out_text is what the file says, also when that is no book, or one with another id (HM_EINVAL).
 */
static enum hm_status read_memo(const char *path, const char *id, struct hm_arena *arena,
                                struct hm_port_memo *out_memo, char **out_text, size_t *out_len,
                                struct hm_err *err)
{
    struct hm_port_memo memo = hm_port_book_none;
    enum hm_status st = hm_os_read_file(path, FILE_BYTES, arena, out_text, out_len, err);

    if (st == HM_OK) {
        st = hm_record_decode(&record_memo, *out_text, *out_len, false, arena, &memo, NULL, err);
        if (st == HM_OK && id[0] != '\0' && strcmp(memo.id, id) != 0) {
            st = hm_fail(err, HM_EINVAL, "this is not the port book of this agent: its id is %s",
                         memo.id[0] != '\0' ? memo.id : "missing");
        }
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

static void name_beside(const char *path, const char *end, char out[HM_PORT_BOOK_PATH_BYTES + 8])
{
    (void)snprintf(out, HM_PORT_BOOK_PATH_BYTES + 8, "%s%s", path, end);
}

/* A damaged book, for a person. */
static void keep_damaged(const char *path, const char *text, size_t len, const struct hm_err *err)
{
    char broken[HM_PORT_BOOK_PATH_BYTES + 16];
    struct hm_err why;

    hm_log_failure(HM_LOG_WARNING, "port_book_damaged", err);
    (void)snprintf(broken, sizeof(broken), "%s.broken", path);
    if (hm_os_replace_file(broken, text, len, true, &why) != HM_OK) {
        hm_log_failure(HM_LOG_WARNING, "port_book_damaged", &why);
    }
}

/* The book, or where it is missing or damaged its copy. HM_ENOENT: neither is there. HM_EINVAL:
 * what is there is damaged, or has another id. */
enum hm_status hm_port_book_file_load(const char *path, const char *id, struct hm_arena *arena,
                                      struct hm_port_memo *out_memo, struct hm_err *err)
{
    char copy[HM_PORT_BOOK_PATH_BYTES + 8];
    struct hm_err first;
    struct hm_err second;
    char *text = NULL;
    size_t len = 0;
    enum hm_status st = read_memo(path, id, arena, out_memo, &text, &len, &first);
    enum hm_status other;

    if (st == HM_OK) {
        return HM_OK;
    }
    if (st == HM_EINVAL && text != NULL) {
        keep_damaged(path, text, len, &first);
    }
    name_beside(path, COPY, copy);
    other = read_memo(copy, id, arena, out_memo, &text, &len, &second);
    if (other == HM_OK) {
        return HM_OK;
    }
    if (other == HM_EINVAL && text != NULL) {
        keep_damaged(copy, text, len, &second);
    }
    if (other != HM_ENOENT && (st == HM_ENOENT || (st == HM_EINVAL && other != HM_EINVAL))) {
        first = second;
    }
    if (err != NULL) {
        *err = first;
    }
    return first.status;
}

enum hm_status hm_port_book_file_peek(const char *path, struct hm_arena *arena,
                                      struct hm_port_memo *out_memo, struct hm_err *err)
{
    char copy[HM_PORT_BOOK_PATH_BYTES + 8];
    char *text;
    size_t len;
    enum hm_status st = read_memo(path, "", arena, out_memo, &text, &len, err);

    name_beside(path, COPY, copy);
    if (st != HM_OK && read_memo(copy, "", arena, out_memo, &text, &len, NULL) == HM_OK) {
        st = HM_OK; /* the agent reads the copy, too */
    }
    return st;
}

enum hm_status hm_port_book_file_save(const char *path, const struct hm_port_memo *memo,
                                      struct hm_err *err)
{
    char copy[HM_PORT_BOOK_PATH_BYTES + 8];
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
