/* common/os/read_text.c — a file that people hand in, as UTF-8 text.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/encoding.h"
#include "common/os/os.h"

enum hm_status hm_os_read_text(const char *path, size_t cap_bytes, struct hm_arena *arena,
                               const char **out_text, size_t *out_len, struct hm_err *err)
{
    struct hm_span text;
    char *bytes;
    size_t len;
    enum hm_status st = hm_os_read_file(path, cap_bytes, arena, &bytes, &len, err);

    if (st != HM_OK) {
        return st;
    }
    st = hm_text_decode_utf8(bytes, len, arena, &text, err);
    if (st != HM_OK) {
        hm_err_prefix(err, "%s", path);
        return st;
    }
    if (text.at[text.len] != '\0') { /* a Ctrl-Z was taken off */
        text.at = hm_arena_strndup(arena, text.at, text.len);
    }
    if (text.at == NULL) {
        return hm_fail(err, HM_ENOMEM, "%s: no memory to read it", path);
    }
    *out_text = text.at;
    *out_len = text.len;
    return HM_OK;
}
