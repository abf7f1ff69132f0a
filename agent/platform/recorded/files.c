/* agent/platform/recorded/files.c — the files of a recorded host, and what their lack means.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/recorded/recorded.h"

#include <string.h>

#include "common/base/encoding.h"
#include "common/base/limits.h"
#include "common/os/os.h"

#define JSON_SUFFIX ".json"

/* The folder's listing is taken once: every file that is not there is looked for in it. */
static enum hm_status list_names(struct hm_recorded *recorded, struct hm_err *err)
{
    enum hm_status st = HM_OK;

    if (!recorded->has_names) {
        st = hm_os_list_folder(recorded->folder, recorded->arena, &recorded->names, err);
        recorded->has_names = st == HM_OK;
    }
    return st;
}

enum hm_status hm_recorded_find(struct hm_recorded *recorded, const char *name,
                                const char **out_name, struct hm_err *err)
{
    const char *found = NULL;
    enum hm_status st = list_names(recorded, err);

    for (size_t i = 0; st == HM_OK && i < recorded->names.count; i++) {
        const char *other = recorded->names.at[i];

        if (strcmp(other, name) == 0) {
            found = other;
            break;
        }
        if (!hm_str_equal_nocase(other, name)) {
            continue;
        }
        if (found != NULL) {
            return hm_fail(err, HM_EINVAL, "%s: both %s and %s are there; keep the right one",
                           recorded->folder, found, other);
        }
        found = other;
    }
    if (st == HM_OK) {
        *out_name = found;
    }
    return st;
}

static bool is_json(const char *name)
{
    size_t len = strlen(name);

    return len > strlen(JSON_SUFFIX) &&
           hm_str_equal_nocase(name + len - strlen(JSON_SUFFIX), JSON_SUFFIX);
}

static bool is_blank(struct hm_span text)
{
    return hm_str_trim(text.at, text.len).len == 0;
}

/* collect.cmd writes the name of the product in the code page of the console. What is no ASCII in
 * it becomes '?', and so does a '\\' behind such a byte: there it is the second half of a
 * character. In place. */
static struct hm_span as_ascii(char *bytes, size_t len)
{
    bool high = false;

    for (size_t i = 0; i < len; i++) {
        bool second = high && bytes[i] == '\\';

        high = (unsigned char)bytes[i] > 0x7f;
        bytes[i] = high || second ? '?' : bytes[i];
    }
    return (struct hm_span){bytes, len};
}

enum hm_status hm_recorded_read(struct hm_recorded *recorded, const char *name,
                                struct hm_recorded_file *out_file, struct hm_err *err)
{
    const size_t limit =
        strcmp(name, "netstat.txt") == 0 ? HM_LIMIT_NETSTAT_FILE_BYTES : HM_LIMIT_INPUT_FILE_BYTES;
    struct hm_recorded_file file = {.name = name, .text = ""};
    struct hm_span text;
    enum hm_status st = hm_recorded_find(recorded, name, &file.found, err);
    char *bytes;
    char *path;
    size_t len;

    if (st != HM_OK) {
        return st;
    }
    if (file.found == NULL) {
        *out_file = file;
        return HM_OK;
    }
    path = hm_arena_printf(recorded->arena, "%s/%s", recorded->folder, file.found);
    if (path == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory to read %s", name);
    }
    st = hm_os_read_file(path, limit, recorded->arena, &bytes, &len, err);
    if (st == HM_EDENIED) {
        hm_err_prefix(err, "a file may not be read (copy the folder, or run hm-agent as a user who "
                           "may)");
    }
    if (st != HM_OK) {
        return st;
    }
    st = is_json(name) ? hm_text_decode_utf8(bytes, len, recorded->arena, &text, err)
                       : hm_text_decode(bytes, len, recorded->arena, &text, err);
    if (st == HM_EINVAL && is_json(name) && memchr(bytes, 0, len) == NULL) {
        text = as_ascii(bytes, len);
        st = HM_OK;
    }
    if (st != HM_OK) {
        return hm_recorded_broken(recorded, name, err);
    }
    recorded->files++;
    file.there = !is_blank(text);
    if (file.there) {
        file.text = text.at;
        file.len = text.len;
    }
    *out_file = file;
    return HM_OK;
}

/* As the folder has it: "NETSTAT.TXT" for "netstat.txt". */
static const char *name_there(const struct hm_recorded *recorded, const char *name)
{
    for (size_t i = 0; i < recorded->names.count; i++) {
        if (hm_str_equal_nocase(recorded->names.at[i], name)) {
            return recorded->names.at[i];
        }
    }
    return NULL;
}

enum hm_status hm_recorded_broken(const struct hm_recorded *recorded, const char *name,
                                  struct hm_err *err)
{
    const char *there = name_there(recorded, name);

    if (err == NULL) {
        return HM_EINVAL;
    }
    if (err->line > 0) {
        hm_err_prefix(err, "%s/%s:%u", recorded->folder, there == NULL ? name : there, err->line);
    } else {
        hm_err_prefix(err, "%s/%s", recorded->folder, there == NULL ? name : there);
    }
    return err->status;
}

enum hm_status hm_recorded_note(struct hm_recorded *recorded, struct hm_recorded_file *file,
                                const char *holds, const char *unknown, struct hm_err *err)
{
    file->there = false;
    file->noted = true;
    return hm_notes_add(&recorded->notes, err, "%s holds %s: %s", file->found, holds, unknown);
}

enum hm_status hm_recorded_refused(struct hm_recorded *recorded, struct hm_recorded_file *file,
                                   enum hm_text_kind wanted, const char *unknown,
                                   struct hm_err *err)
{
    enum hm_text_kind kind = HM_TEXT_UNKNOWN;

    if (err == NULL || err->status == HM_EINVAL) {
        kind = hm_text_kind((struct hm_span){file->text, file->len});
    }
    if (kind == HM_TEXT_UNKNOWN || kind == wanted) {
        return hm_recorded_broken(recorded, file->name, err);
    }
    return hm_recorded_note(recorded, file, hm_text_kind_names[kind], unknown, err);
}

enum hm_status hm_recorded_missing(struct hm_recorded *recorded, const char *name,
                                   const char *unknown, struct hm_err *err)
{
    const char *there = name_there(recorded, name);

    return hm_notes_add(&recorded->notes, err, "%s is %s: %s", there == NULL ? name : there,
                        there == NULL ? "missing" : "empty", unknown);
}

bool hm_recorded_netsh_failed(const struct hm_recorded_file *file)
{
    const size_t len = strlen(HM_RECORDED_NETSH_FAILED);
    struct hm_span line = hm_str_trim(file->text, file->len);

    return line.len > len && memcmp(line.at, HM_RECORDED_NETSH_FAILED, len) == 0 &&
           memchr(line.at, '\n', line.len) == NULL;
}
