/* agent/platform/recorded/files.c — the files of a recorded host, and what their lack means.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/recorded/recorded.h"

#include "common/base/limits.h"
#include "common/os/os.h"

enum hm_status hm_recorded_read(struct hm_recorded *recorded, const char *name,
                                struct hm_recorded_file *out_file, struct hm_err *err)
{
    struct hm_recorded_file file = {.name = name, .text = ""};
    char *path = hm_arena_printf(recorded->arena, "%s/%s", recorded->folder, name);
    enum hm_status st;
    char *text;

    if (path == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory to read %s", name);
    }
    st = hm_os_read_file(path, HM_LIMIT_INPUT_FILE_BYTES, recorded->arena, &text, &file.len, err);
    if (st == HM_OK) {
        file.there = true;
        file.text = text;
        recorded->files++;
    } else if (st != HM_ENOENT) {
        return st;
    }
    *out_file = file;
    return HM_OK;
}

enum hm_status hm_recorded_broken(const struct hm_recorded *recorded, const char *name,
                                  struct hm_err *err)
{
    if (err == NULL) {
        return HM_EINVAL;
    }
    if (err->line > 0) {
        hm_err_prefix(err, "%s/%s:%u", recorded->folder, name, err->line);
    } else {
        hm_err_prefix(err, "%s/%s", recorded->folder, name);
    }
    return err->status;
}

enum hm_status hm_recorded_missing(struct hm_recorded *recorded, const char *name,
                                   const char *unknown, struct hm_err *err)
{
    return hm_notes_add(&recorded->notes, err, "%s is missing: %s", name, unknown);
}
