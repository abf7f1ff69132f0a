/* server/hmctl/keys.c — hmctl key new, key show: an approver's key, sealed with a passphrase.
 * SPDX-License-Identifier: Apache-2.0
 *
 * No collector is asked, and none ever gets the private key. */
#include "server/hmctl/verbs.h"

#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/crypto/digest.h"
#include "common/crypto/key.h"
#include "common/os/os.h"
#include "common/os/passphrase.h"
#include "common/wire/records.h"
#include "server/hmctl/policy.h"
#include "server/hmctl/show.h"

static const struct hm_cli_option new_options[] = {
    {"out", "FILE", "where the sealed key goes; default NAME.key"},
    HM_CTL_PASSPHRASE,
};

static enum hm_status write_key(const struct hm_signing_key *key, const char *path,
                                struct hm_err *err)
{
    struct hm_buf json;
    enum hm_status st;

    if (hm_os_exists(path)) {
        return hm_fail(err, HM_ECONFLICT, "%s is there already; nothing was changed", path);
    }
    hm_buf_init(&json, HM_LIMIT_KEY_FILE_BYTES);
    st = hm_record_encode_pretty(&hm_record_signing_key, key, &json, err);
    if (st == HM_OK) {
        st = hm_os_replace_file(path, json.data, json.len, true, err);
    }
    hm_buf_fini(&json);
    return st;
}

static enum hm_status make_key(const struct hm_cli *cli, struct hm_arena *arena,
                               struct hm_signing_key *out_key, const char **out_path,
                               struct hm_err *err)
{
    const char *given = hm_cli_value(cli, "out");
    char passphrase[HM_PASSPHRASE_ROOM];
    struct hm_key_pair pair;
    enum hm_status st = hm_crypto_init(err);

    *out_path = given != NULL ? given : hm_arena_printf(arena, "%s.key", cli->arguments[0]);
    if (st == HM_OK && *out_path == NULL) {
        st = hm_fail(err, HM_ENOMEM, "no memory for a key");
    }
    if (st == HM_OK) {
        st = hm_passphrase_read(hm_cli_value(cli, "passphrase-file"),
                                "Passphrase for the new key: ", true, passphrase, err);
        if (st == HM_OK) {
            hm_key_pair_new(&pair);
            st = hm_key_seal(&pair, cli->arguments[0], hm_clock_now_ms(), passphrase,
                             &hm_key_cost_default, arena, out_key, err);
            hm_key_pair_fini(&pair);
        }
        hm_crypto_wipe(passphrase, sizeof(passphrase));
    }
    return st == HM_OK ? write_key(out_key, *out_path, err) : st;
}

static void print_json(const struct hm_signing_key *key)
{
    struct hm_buf json;

    hm_buf_init(&json, HM_LIMIT_KEY_FILE_BYTES);
    (void)hm_buf_puts(&json, "{\"name\":");
    (void)hm_json_put_string(&json, key->name);
    (void)hm_buf_printf(&json, ",\"key_id\":\"%s\",\"public_key\":\"%s\"}", key->key_id,
                        key->public_key);
    hm_output_body(hm_buf_text(&json), json.len);
    hm_buf_fini(&json);
}

static int run_new(const struct hm_cli *cli)
{
    struct hm_signing_key key;
    struct hm_arena arena;
    struct hm_err err;
    const char *path;
    enum hm_status st;

    hm_arena_init(&arena, HM_LIMIT_API_BODY_BYTES);
    st = make_key(cli, &arena, &key, &path, &err);
    if (st == HM_OK && hm_cli_value(cli, "json") != NULL) {
        print_json(&key);
    } else if (st == HM_OK) {
        (void)printf("key file    %s (sealed; whoever has it and the passphrase signs as %s)\n"
                     "key id      %s\n"
                     "public key  %s\n"
                     "An admin takes it in: hmctl trust new --add %s=%s\n",
                     path, key.name, key.key_id, key.public_key, key.name, key.public_key);
    }
    hm_arena_fini(&arena);
    return st == HM_OK ? HM_CTL_OK : hm_ctl_fail(cli, &err);
}

const struct hm_cli_verb hm_ctl_verb_key_new = {
    .name = "key new",
    .arguments = "NAME",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = new_options,
    .option_count = HM_COUNT(new_options),
    .help = "makes an approver's key; the private part stays in a file, sealed with a passphrase",
    .run = run_new,
};

static int run_show(const struct hm_cli *cli)
{
    struct hm_signing_key key;
    struct hm_arena arena;
    struct hm_err err;
    const char *text;
    size_t len;
    enum hm_status st;

    hm_arena_init(&arena, HM_LIMIT_API_BODY_BYTES);
    st = hm_os_read_text(cli->arguments[0], HM_LIMIT_KEY_FILE_BYTES, &arena, &text, &len, &err);
    if (st == HM_OK) {
        st = hm_record_decode(&hm_record_signing_key, text, len, true, &arena, &key, NULL, &err);
        if (st != HM_OK) {
            hm_err_prefix(&err, "%s", cli->arguments[0]);
        }
    }
    if (st == HM_OK && hm_cli_value(cli, "json") != NULL) {
        hm_output_body(text, len);
    } else if (st == HM_OK) {
        (void)printf("name        %s\nkey id      %s\npublic key  %s\ncreated     %s\n", key.name,
                     key.key_id, key.public_key, hm_show_time(&arena, key.created));
    }
    hm_arena_fini(&arena);
    return st == HM_OK ? HM_CTL_OK : hm_ctl_fail(cli, &err);
}

const struct hm_cli_verb hm_ctl_verb_key_show = {
    .name = "key show",
    .arguments = "FILE",
    .min_arguments = 1,
    .max_arguments = 1,
    .help = "name and public key of a key file; no passphrase is needed",
    .run = run_show,
};
