/* agent/port_book_past.c — what the rest of the state folder says of the port book.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "agent/enforce/enforce_state.h"
#include "agent/kept_policies.h"
#include "agent/port_book.h"
#include "common/base/str.h"
#include "common/os/os.h"

#define PATH_BYTES 4096
#define ARENA_BYTES HM_LIMIT_CYCLE_ARENA_BYTES

/* "" where the path is too long: no agent works there. */
static void path_of(const char *state_dir, const char *name, char out[PATH_BYTES])
{
    int put = snprintf(out, PATH_BYTES, "%s/%s", state_dir, name);

    if (put < 0 || put >= PATH_BYTES) {
        out[0] = '\0';
    }
}

/* What was added here was noted in the book before. */
static bool has_ledger(const char *state_dir)
{
    char path[PATH_BYTES];

    path_of(state_dir, "ledger.json", path);
    return hm_os_exists(path);
}

/* Not what "hm-agent restore" alone writes, which may come before the first look. */
static bool has_enforced(const char *state_dir, struct hm_arena *arena,
                         char out_id[HM_LIMIT_ID_BYTES + 1])
{
    struct hm_enforce_state state = {.id = "", .held = false};
    enum hm_status st = hm_enforce_state_load(state_dir, arena, &state, NULL);

    (void)hm_str_copy(out_id, HM_LIMIT_ID_BYTES + 1, st == HM_OK ? state.id : "");
    return st == HM_OK ? state.policies.count > 0 : st != HM_ENOMEM;
}

/* A trust root alone may come before the first look, too. */
static bool has_policies(const char *state_dir, struct hm_arena *arena)
{
    struct hm_kept_file file = {
        .refused = {NULL, 0}
    };
    char path[PATH_BYTES];
    enum hm_status st;
    char *text;
    size_t len;

    path_of(state_dir, "policies.json", path);
    st = hm_os_read_file(path, HM_LIMIT_POLICIES_FILE_BYTES, arena, &text, &len, NULL);
    if (st == HM_OK) {
        st = hm_record_decode(&hm_record_kept_file, text, len, false, arena, &file, NULL, NULL);
    }
    return st == HM_OK ? file.policies.count > 0 : st == HM_EINVAL;
}

void hm_agent_port_book_past(const char *state_dir, const struct hm_spool *spool,
                             struct hm_port_book_past *out)
{
    struct hm_arena arena;

    hm_arena_init(&arena, ARENA_BYTES);
    out->id = hm_spool_port_book_id(spool);
    out->has_been = has_enforced(state_dir, &arena, out->enforce_id);
    out->has_been = out->has_been || hm_spool_has_port_book(spool) || has_ledger(state_dir) ||
                    has_policies(state_dir, &arena);
    hm_arena_fini(&arena);
}
