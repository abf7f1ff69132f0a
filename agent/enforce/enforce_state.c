/* agent/enforce/enforce_state.c — what enforcement keeps in the state folder: ledger.json,
 * enforce.json. SPDX-License-Identifier: Apache-2.0 */
#include "agent/enforce/enforce_state.h"

#include <stdio.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/os/os.h"
#include "common/wire/records.h"

#define PATH_BYTES 4096
#define STATE_BYTES (8u * 1024u * 1024u)
#define LEDGER_BYTES (16u * 1024u * 1024u)

static const struct hm_enum protocol = {hm_protocol_names, 2};
static const struct hm_enum family = {hm_family_names, 2};
static const struct hm_enum mode = {hm_policy_mode_names, HM_POLICY_MODE_COUNT};
static const struct hm_enum outcome_state = {hm_outcome_state_names, HM_OUTCOME_STATE_COUNT};
static const struct hm_enum outcome_why = {hm_outcome_why_names, HM_OUTCOME_WHY_COUNT};
static const struct hm_enum refusal_code = {hm_refusal_code_names, HM_REFUSAL_CODE_COUNT};

static const struct hm_field watched_fields[] = {
    HM_F_ENUM(hm_watched, protocol, HM_FIELD_REQUIRED, &protocol, "tcp or udp"),
    HM_F_ENUM(hm_watched, family, HM_FIELD_REQUIRED, &family, "ipv4 or ipv6"),
    HM_F(hm_watched, port, HM_TYPE_U16, HM_FIELD_REQUIRED, 0, 0, "of the listener"),
    HM_F(hm_watched, program, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_NAME_BYTES,
         "absent: unknown"),
    HM_F(hm_watched, service, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_NAME_BYTES,
         "absent: unknown"),
    HM_F(hm_watched, misses, HM_TYPE_U32, HM_FIELD_DEFAULT, 0, 0, "looks that did not see it"),
};
static const struct hm_record record_watched = {"watched", sizeof(struct hm_watched),
                                                watched_fields, HM_COUNT(watched_fields)};

static const struct hm_field error_fields[] = {
    HM_F(hm_watched_error, provider, HM_TYPE_STRING, HM_FIELD_REQUIRED, 1, HM_LIMIT_NAME_BYTES,
         "of the event"),
    HM_F(hm_watched_error, address, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_NAME_BYTES,
         "absent: unknown"),
    HM_F(hm_watched_error, count, HM_TYPE_U32, HM_FIELD_REQUIRED, 0, 0, "events before the change"),
};
static const struct hm_record record_error = {"error", sizeof(struct hm_watched_error),
                                              error_fields, HM_COUNT(error_fields)};

static const struct hm_field watch_fields[] = {
    HM_F(hm_watch, until, HM_TYPE_TIME, HM_FIELD_REQUIRED, 0, 0,
         "end of the watch, for older versions"),
    HM_F(hm_watch, until_s, HM_TYPE_U64, HM_FIELD_DEFAULT, 0, 0, "end, in seconds of the boot"),
    HM_F(hm_watch, seconds, HM_TYPE_U32, HM_FIELD_DEFAULT, 0, 0, "length of the watch"),
    HM_F(hm_watch, boot_id, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_ID_BYTES, "of its start"),
    HM_F(hm_watch, ephemeral, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0, "ports were handed out before"),
    HM_F(hm_watch, ephemeral_misses, HM_TYPE_U32, HM_FIELD_DEFAULT, 0, 0, "looks without a port"),
    HM_F(hm_watch, paused_s, HM_TYPE_U64, HM_FIELD_DEFAULT, 0, 0, "start of the pause"),
    HM_F(hm_watch, host_until_s, HM_TYPE_U64, HM_FIELD_DEFAULT, 0, 0, "end for harm to others"),
    HM_F_RECORDS(hm_watch, errors, HM_FIELD_DEFAULT, HM_LIMIT_EVENT_COUNTS, &record_error,
                 "of HTTP.sys before the change"),
    HM_F_RECORDS(hm_watch, listeners, HM_FIELD_DEFAULT, HM_LIMIT_LISTENERS, &record_watched,
                 "that were there before"),
};
static const struct hm_record record_watch = {"watch", sizeof(struct hm_watch), watch_fields,
                                              HM_COUNT(watch_fields)};

static const struct hm_field blame_fields[] = {
    HM_F(hm_blame, service, HM_TYPE_STRING, HM_FIELD_REQUIRED, 1, HM_LIMIT_NAME_BYTES,
         "that ended with error 32"),
    HM_F_ENUM(hm_blame, protocol, HM_FIELD_REQUIRED, &protocol, "tcp or udp"),
    HM_F(hm_blame, port, HM_TYPE_U16, HM_FIELD_REQUIRED, 0, 0, "of the service"),
    HM_F(hm_blame, gone_boot_id, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_ID_BYTES,
         "boot in which nothing of the policy was left"),
    HM_F(hm_blame, failures, HM_TYPE_U32, HM_FIELD_DEFAULT, 0, 0, "events of it until then"),
};
static const struct hm_record record_blame = {"blame", sizeof(struct hm_blame), blame_fields,
                                              HM_COUNT(blame_fields)};

static const struct hm_field wait_fields[] = {
    HM_F_ENUM(hm_enforce_wait, protocol, HM_FIELD_REQUIRED, &protocol, "tcp or udp"),
    HM_F_ENUM(hm_enforce_wait, family, HM_FIELD_REQUIRED, &family, "ipv4 or ipv6"),
    HM_F(hm_enforce_wait, ports, HM_TYPE_PORTS, HM_FIELD_REQUIRED, 0, 0, "that a socket had"),
};
static const struct hm_record record_wait = {"wait", sizeof(struct hm_enforce_wait), wait_fields,
                                             HM_COUNT(wait_fields)};

static const struct hm_field row_fields[] = {
    HM_F(hm_enforce_row, policy, HM_TYPE_STRING, HM_FIELD_REQUIRED, 1, HM_LIMIT_NAME_BYTES,
         "name of the policy"),
    HM_F(hm_enforce_row, revision, HM_TYPE_U32, HM_FIELD_DEFAULT, 0, 0, "of the policy"),
    HM_F_ENUM(hm_enforce_row, mode, HM_FIELD_REQUIRED, &mode, "of the policy"),
    HM_F_ENUM(hm_enforce_row, state, HM_FIELD_REQUIRED, &outcome_state, "as last reported"),
    HM_F_ENUM(hm_enforce_row, why, HM_FIELD_DEFAULT, &outcome_why, "of waiting"),
    HM_F_ENUM(hm_enforce_row, code, HM_FIELD_DEFAULT, &refusal_code, "of refused"),
    HM_F(hm_enforce_row, since, HM_TYPE_TIME, HM_FIELD_REQUIRED, 0, 0, "start of the state"),
    HM_F_OPT(hm_enforce_row, failing_since, HM_TYPE_TIME, 0, 0, "start of the trouble"),
    HM_F(hm_enforce_row, repairs, HM_TYPE_U32, HM_FIELD_DEFAULT, 0, 0, "times it was undone"),
    HM_F(hm_enforce_row, streak, HM_TYPE_U32, HM_FIELD_DEFAULT, 0, 0, "repairs without quiet"),
    HM_F(hm_enforce_row, repaired_at, HM_TYPE_TIME, HM_FIELD_DEFAULT, 0, 0, "of the last repair"),
    HM_F(hm_enforce_row, verified, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_ID_BYTES,
         "hash of what it wanted when verified"),
    HM_F(hm_enforce_row, disturbed, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0, "undone since"),
    HM_F(hm_enforce_row, off, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_TEXT_BYTES,
         "why this revision stays off"),
    HM_F_RECORD_OPT(hm_enforce_row, blame, &record_blame, "the service that it is off for"),
    HM_F(hm_enforce_row, guessed_boot_id, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_ID_BYTES,
         "boot in which suspicion alone turned it off"),
    HM_F(hm_enforce_row, guessed_s, HM_TYPE_U64, HM_FIELD_DEFAULT, 0, 0, "second of that boot"),
    HM_F(hm_enforce_row, guessed_of, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_NAME_BYTES,
         "service that it was suspected of"),
    HM_F(hm_enforce_row, named_another, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0,
         "HTTP.sys has named another port"),
    HM_F(hm_enforce_row, innocent_of, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_NAME_BYTES,
         "service that it was off for"),
    HM_F(hm_enforce_row, was_verified, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0,
         "some revision of it was, since it was last retired"),
    HM_F(hm_enforce_row, removed_boot_id, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_ID_BYTES,
         "boot in which something was removed that stays in force until the next one"),
    HM_F_RECORDS(hm_enforce_row, waits, HM_FIELD_DEFAULT, HM_STACK_COUNT, &record_wait,
                 "what waited only for a plain socket"),
    HM_F(hm_enforce_row, changed_boot_id, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_ID_BYTES,
         "boot of its last change"),
    HM_F(hm_enforce_row, changed_at, HM_TYPE_TIME, HM_FIELD_DEFAULT, 0, 0, "time of that change"),
    HM_F(hm_enforce_row, changed_s, HM_TYPE_U64, HM_FIELD_DEFAULT, 0, 0, "second of that boot"),
    HM_F(hm_enforce_row, changed_number, HM_TYPE_U64, HM_FIELD_DEFAULT, 0, 0, "of that boot"),
    HM_F(hm_enforce_row, knows_before, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0,
         "the following is the state before it"),
    HM_F(hm_enforce_row, failed_before, HM_TYPE_STRINGS, HM_FIELD_DEFAULT, 0, HM_LIMIT_SERVICES,
         "services with error 32 before it"),
    HM_F(hm_enforce_row, failing_before, HM_TYPE_STRINGS, HM_FIELD_DEFAULT, 0, HM_LIMIT_SERVICES,
         "services that kept failing before it"),
    HM_F_RECORDS(hm_enforce_row, errors_before, HM_FIELD_DEFAULT, HM_LIMIT_EVENT_COUNTS,
                 &record_error, "of HTTP.sys before it"),
    HM_F_RECORD_OPT(hm_enforce_row, watch, &record_watch, "what is watched after a change"),
};
static const struct hm_record record_row = {"enforce_row", sizeof(struct hm_enforce_row),
                                            row_fields, HM_COUNT(row_fields)};

static const struct hm_field boot_fields[] = {
    HM_F(hm_enforce_boot, boot_id, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_ID_BYTES,
         "the boot that all of this is about"),
    HM_F(hm_enforce_boot, number, HM_TYPE_U64, HM_FIELD_DEFAULT, 0, 0, "of the boots seen"),
    HM_F(hm_enforce_boot, settled, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0, "the host has settled"),
    HM_F(hm_enforce_boot, has_facts, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0, "facts is a number"),
    HM_F(hm_enforce_boot, facts, HM_TYPE_U64, HM_FIELD_DEFAULT, 0, 0, "of the newest observation"),
    HM_F(hm_enforce_boot, since_s, HM_TYPE_U64, HM_FIELD_DEFAULT, 0, 0,
         "shown since that second of the boot"),
    HM_F_OPT(hm_enforce_boot, first_change_s, HM_TYPE_U64, 0, 0,
             "second of the boot of the first change"),
    HM_F_OPT(hm_enforce_boot, complete_s, HM_TYPE_U64, 0, 0,
             "second of the boot at which nothing was left that could be done"),
    HM_F(hm_enforce_boot, reserved_late, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0,
         "reserved ports were missing after the boot until the first observation"),
    HM_F(hm_enforce_boot, kept_by, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_TEXT_BYTES,
         "what reserves the ports at a boot"),
};
const struct hm_record hm_record_enforce_boot = {"enforce_boot", sizeof(struct hm_enforce_boot),
                                                 boot_fields, HM_COUNT(boot_fields)};

static const struct hm_field failing_fields[] = {
    HM_F(hm_failing, service, HM_TYPE_STRING, HM_FIELD_REQUIRED, 1, HM_LIMIT_NAME_BYTES,
         "that ended with error 32"),
    HM_F(hm_failing, since, HM_TYPE_TIME, HM_FIELD_REQUIRED, 0, 0, "not seen running since"),
    HM_F(hm_failing, by_us, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0, "a policy was to blame"),
    HM_F(hm_failing, boot_id, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_ID_BYTES,
         "boot of that failure"),
    HM_F(hm_failing, stopped, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0, "in another state since"),
    HM_F_OPT(hm_failing, failures, HM_TYPE_U32, 0, 0, "events of it until then"),
};
static const struct hm_record record_failing = {"failing", sizeof(struct hm_failing),
                                                failing_fields, HM_COUNT(failing_fields)};

static const struct hm_field start_fields[] = {
    HM_F(hm_start, service, HM_TYPE_STRING, HM_FIELD_REQUIRED, 1, HM_LIMIT_NAME_BYTES,
         "that was started"),
    HM_F(hm_start, boot, HM_TYPE_U64, HM_FIELD_REQUIRED, 0, 0, "in the newest boot"),
    HM_F(hm_start, before, HM_TYPE_U64, HM_FIELD_DEFAULT, 0, 0, "and in the one before"),
};
static const struct hm_record record_start = {"start", sizeof(struct hm_start), start_fields,
                                              HM_COUNT(start_fields)};

static const struct hm_field state_fields[] = {
    HM_F(hm_enforce_state, id, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_ID_BYTES,
         "of the state folder that it belongs to"),
    HM_F(hm_enforce_state, held, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0, "hm-agent restore was run"),
    HM_F(hm_enforce_state, ledger, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0, "a ledger was written"),
    HM_F_RECORD_OPT(hm_enforce_state, boot, &hm_record_enforce_boot, "the boot at hand"),
    HM_F_RECORDS(hm_enforce_state, failing, HM_FIELD_DEFAULT, HM_LIMIT_SERVICES, &record_failing,
                 "services that keep failing"),
    HM_F_RECORDS(hm_enforce_state, starts, HM_FIELD_DEFAULT, HM_LIMIT_SERVICES, &record_start,
                 "services started in boots after a change"),
    HM_F_RECORDS(hm_enforce_state, policies, HM_FIELD_REQUIRED, 2 * HM_LIMIT_POLICIES, &record_row,
                 "one row a policy"),
};
static const struct hm_record record_state = {"enforce_state", sizeof(struct hm_enforce_state),
                                              state_fields, HM_COUNT(state_fields)};

static enum hm_status path_of(const char *state_dir, const char *name, char out[PATH_BYTES],
                              struct hm_err *err)
{
    int put = snprintf(out, PATH_BYTES, "%s/%s", state_dir, name);

    if (put < 0 || put >= PATH_BYTES) {
        return hm_fail(err, HM_EINVAL, "%.200s…: the path is too long", state_dir);
    }
    return HM_OK;
}

/* HM_ENOENT: no file. */
static enum hm_status load(const char *state_dir, const char *name, const struct hm_record *record,
                           size_t cap_bytes, bool strict, struct hm_arena *arena, void *out,
                           struct hm_err *err)
{
    char path[PATH_BYTES];
    enum hm_status st = path_of(state_dir, name, path, err);
    char *text;
    size_t len;

    if (st == HM_OK) {
        st = hm_os_read_file(path, cap_bytes, arena, &text, &len, err);
    }
    if (st == HM_ENOENT || st == HM_ENOMEM) {
        return st;
    }
    if (st == HM_OK) {
        st = hm_record_decode(record, text, len, strict, arena, out, NULL, err);
        if (st != HM_OK) {
            hm_err_prefix(err, "%s", path);
        }
    }
    if (st != HM_OK && st != HM_ENOMEM && err != NULL) {
        err->status = HM_EINVAL;
        st = HM_EINVAL;
    }
    return st;
}

static bool is_on_disk(const char *path, const struct hm_buf *json, size_t cap_bytes)
{
    struct hm_arena arena;
    char *text;
    size_t len;
    bool same;

    hm_arena_init(&arena, cap_bytes + 4096);
    same = hm_os_read_file(path, cap_bytes, &arena, &text, &len, NULL) == HM_OK &&
           len == json->len && memcmp(text, json->data, len) == 0;
    hm_arena_fini(&arena);
    return same;
}

static enum hm_status save(const char *state_dir, const char *name, const struct hm_record *record,
                           size_t cap_bytes, const void *in, struct hm_err *err)
{
    char path[PATH_BYTES];
    struct hm_buf json;
    enum hm_status st = path_of(state_dir, name, path, err);

    hm_buf_init(&json, cap_bytes);
    if (st == HM_OK) {
        st = hm_record_encode_pretty(record, in, &json, err);
    }
    if (st == HM_OK && !is_on_disk(path, &json, cap_bytes)) {
        st = hm_os_replace_file(path, json.data, json.len, true, err);
    }
    hm_buf_fini(&json);
    return st;
}

static bool has_ledger(const char *state_dir)
{
    char path[PATH_BYTES];

    return path_of(state_dir, "ledger.json", path, NULL) == HM_OK && hm_os_exists(path);
}

enum hm_status hm_enforce_state_load(const char *state_dir, struct hm_arena *arena,
                                     struct hm_enforce_state *out_state, struct hm_err *err)
{
    static const struct hm_enforce_state empty = {.id = "", .held = false};
    enum hm_status st =
        load(state_dir, "enforce.json", &record_state, STATE_BYTES, false, arena, out_state, err);

    if (st == HM_ENOENT) {
        *out_state = empty;
        st = has_ledger(state_dir) ? hm_fail(err, HM_EINVAL, "%s/enforce.json is gone", state_dir)
                                   : HM_OK;
    }
    if (st == HM_EINVAL) {
        hm_err_prefix(err, "nothing is enforced here, and nothing removed: what the agent did so "
                           "far cannot be read; put enforce.json back, or stop the agent and run "
                           "\"hm-agent restore --resume\" to go on without it: policies that were "
                           "turned off here then count again");
    }
    return st;
}

enum hm_status hm_enforce_state_load_own(const char *state_dir, const char *id,
                                         struct hm_arena *arena, struct hm_enforce_state *out_state,
                                         struct hm_err *err)
{
    const enum hm_status st = hm_enforce_state_load(state_dir, arena, out_state, err);

    if (st != HM_OK || id[0] == '\0') {
        return st;
    }
    if (out_state->id[0] != '\0' && strcmp(out_state->id, id) != 0) {
        return hm_fail(err, HM_ECONFLICT,
                       "nothing is enforced here, and nothing removed: %s/enforce.json is not this "
                       "agent's, its id is %s; put this agent's own enforce.json and ledger.json "
                       "back, or remove both: what was added is then treated as somebody else's",
                       state_dir, out_state->id);
    }
    out_state->id = id;
    return HM_OK;
}

static enum hm_status set_aside(const char *state_dir, struct hm_arena *arena, struct hm_err *err)
{
    char path[PATH_BYTES];
    char broken[PATH_BYTES];
    enum hm_status st = path_of(state_dir, "enforce.json", path, err);
    char *text;
    size_t len;

    if (st == HM_OK) {
        st = path_of(state_dir, "enforce.json.broken", broken, err);
    }
    if (st == HM_OK) {
        st = hm_os_read_file(path, STATE_BYTES, arena, &text, &len, err);
    }
    if (st == HM_OK) {
        st = hm_os_replace_file(broken, text, len, true, err);
    }
    return st == HM_ENOENT ? HM_OK : st;
}

enum hm_status hm_enforce_state_renew(const char *state_dir, const char *id, struct hm_arena *arena,
                                      bool *out_renewed, struct hm_err *err)
{
    const struct hm_enforce_state empty = {.id = id, .ledger = has_ledger(state_dir)};
    struct hm_enforce_state state;
    enum hm_status st = hm_enforce_state_load_own(state_dir, id, arena, &state, err);

    *out_renewed = st == HM_EINVAL;
    if (st == HM_EINVAL) {
        st = set_aside(state_dir, arena, err);
        st = st == HM_OK ? hm_enforce_state_save(state_dir, &empty, err) : st;
    }
    return st;
}

enum hm_status hm_enforce_state_save(const char *state_dir, const struct hm_enforce_state *state,
                                     struct hm_err *err)
{
    return save(state_dir, "enforce.json", &record_state, STATE_BYTES, state, err);
}

enum hm_status hm_ledger_load(const char *state_dir, bool expected, struct hm_arena *arena,
                              struct hm_ledger *out_ledger, struct hm_err *err)
{
    static const struct hm_ledger empty = {.has_sysctl = false};
    enum hm_status st = load(state_dir, "ledger.json", &hm_record_ledger, LEDGER_BYTES, true, arena,
                             out_ledger, err);

    if (st == HM_ENOENT && !expected) {
        *out_ledger = empty;
        return HM_OK;
    }
    if (st == HM_ENOENT || st == HM_EINVAL) {
        const char *what = "nothing is enforced here, and nothing removed: what this agent "
                           "added cannot be read; put ledger.json back, or remove it and "
                           "enforce.json: what was added is then treated as somebody else's";

        if (st == HM_ENOENT) {
            st = hm_fail(err, HM_EINVAL, "%s", what);
        } else {
            hm_err_prefix(err, "%s", what);
        }
    }
    return st;
}

enum hm_status hm_ledger_save(const char *state_dir, const struct hm_ledger *ledger,
                              struct hm_err *err)
{
    return save(state_dir, "ledger.json", &hm_record_ledger, LEDGER_BYTES, ledger, err);
}
