/* server/cli/operator_key.c — the key of a single operator: one person writes, approves, activates.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Made by init for shops of one; the collector keeps the public half only. */
#include <string.h>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/crypto/key.h"
#include "common/os/os.h"
#include "common/os/passphrase.h"
#include "server/cli/collector.h"
#include "server/policy/trust.h"

#define MARK ".init"

/* Is the data folder on the way to the file? Asked of the system by a mark that is put there, so
 * that "..", links and relative paths are seen through. */
static enum hm_status check_place(const struct hm_desk *desk, const char *path, struct hm_err *err)
{
    struct hm_arena arena;
    const char *mark;
    bool inside = false;
    size_t at;
    enum hm_status st;

    hm_arena_init(&arena, HM_LIMIT_API_BODY_BYTES);
    mark = hm_arena_printf(&arena, "%s/" MARK, desk->paths.folder);
    st = mark == NULL ? hm_fail(err, HM_ENOMEM, "no memory for a path")
                      : hm_os_replace_file(mark, "", 0, true, err);
    if (st == HM_OK) {
        inside = strpbrk(path, "/\\") == NULL && hm_os_exists(MARK);
        for (at = 0; !inside && path[at] != '\0'; at++) {
            if (path[at] == '/' || path[at] == '\\') {
                const char *one = hm_arena_printf(&arena, "%.*s/" MARK, (int)at, path);

                inside = one != NULL && hm_os_exists(one);
            }
        }
        st = hm_os_remove_file(mark, err);
    }
    hm_arena_fini(&arena);
    return st == HM_OK && inside
               ? hm_fail(err, HM_EINVAL,
                         "%s is inside the data folder: whoever takes the collector would have "
                         "the key, too. Name a file elsewhere, best on your own machine",
                         path)
               : st;
}

static enum hm_status seal(const struct hm_cli *cli, struct hm_operator_key *key,
                           struct hm_arena *arena, struct hm_signing_key *out_sealed,
                           struct hm_err *err)
{
    char passphrase[HM_PASSPHRASE_ROOM];
    enum hm_status st =
        hm_passphrase_read(hm_cli_value(cli, "passphrase-file"),
                           "Passphrase for the new operator key: ", true, passphrase, err);

    if (st == HM_OK) {
        st = hm_key_seal(&key->pair, key->name, hm_clock_now_ms(), passphrase, &hm_key_cost_default,
                         arena, out_sealed, err);
    }
    hm_crypto_wipe(passphrase, sizeof(passphrase));
    return st;
}

static enum hm_status write_key(const char *path, const struct hm_signing_key *sealed,
                                struct hm_err *err)
{
    struct hm_buf json;
    enum hm_status st;

    hm_buf_init(&json, HM_LIMIT_KEY_FILE_BYTES);
    st = hm_record_encode_pretty(&hm_record_signing_key, sealed, &json, err);
    if (st == HM_OK) {
        st = hm_os_replace_file(path, json.data, json.len, true, err);
    }
    hm_buf_fini(&json);
    return st;
}

enum hm_status hm_desk_make_operator_key(const struct hm_cli *cli, struct hm_desk *desk,
                                         struct hm_operator_key *out_key, struct hm_err *err)
{
    const char *name = hm_cli_value(cli, "operator-name");
    struct hm_signing_key sealed;
    enum hm_status st;

    out_key->path = hm_cli_value(cli, "operator-key");
    out_key->name = name != NULL ? name : "operator";
    if (hm_os_exists(out_key->path)) {
        return hm_fail(err, HM_ECONFLICT,
                       "%s is there already, and may be somebody's key; name another file",
                       out_key->path);
    }
    st = check_place(desk, out_key->path, err);
    if (st != HM_OK) {
        return st;
    }
    hm_key_pair_new(&out_key->pair);
    st = seal(cli, out_key, &desk->arena, &sealed, err);
    if (st == HM_OK) {
        out_key->key_id = sealed.key_id;
        out_key->public_key = sealed.public_key;
        st = write_key(out_key->path, &sealed, err);
    }
    return st;
}

/* ---- the first trust root -------------------------------------------------------------------- */

struct turning {
    const struct hm_operator_key *key;
    struct hm_arena *arena;
};

static enum hm_status run_turning(struct hm_session *session, void *arg, struct hm_err *err)
{
    const struct turning *turning = arg;
    struct hm_approver approver = {turning->key->name, turning->key->public_key};
    struct hm_trust_root root = {
        .version = 1, .threshold = 1, .single_operator = true, .approvers = {&approver, 1}
    };
    const struct hm_event event = {
        .at_ms = hm_clock_now_ms(),
        .kind = "trust_changed",
        .host_id = "",
        .host_name = "",
        .actor = "collector",
        .peer = "",
        .before = "",
        .after = "",
        .why = "made on the collector itself, for a single operator",
    };
    struct hm_envelope envelope;
    enum hm_status st = hm_fleet_id_ensure(session, event.at_ms, turning->arena, &root.fleet, err);

    if (st == HM_OK) {
        st = hm_trust_root_encode(&root, turning->arena, &envelope, err);
    }
    if (st == HM_OK) {
        st = hm_envelope_sign(&envelope, &turning->key->pair, turning->arena, err);
    }
    return st == HM_OK ? hm_trust_turn(session, &envelope, &event, turning->arena, err) : st;
}

enum hm_status hm_desk_trust_operator(struct hm_store *store, const struct hm_operator_key *key,
                                      struct hm_arena *arena, struct hm_err *err)
{
    struct turning turning = {key, arena};

    return hm_store_write(store, run_turning, &turning, err);
}
