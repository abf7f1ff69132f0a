/* server/cli/init.c — hm-collector init: data folder, private CA, certificate, first token.
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/os/os.h"
#include "server/cli/collector.h"
#include "server/http/privileges.h"

#define FOLDER_MODE 0700

#define SINGLE_OPERATOR                                                                            \
    "Single operator: this key alone approves policies, also those that its owner wrote. "         \
    "Whoever\n"                                                                                    \
    "has the file and its passphrase can change every host of this fleet. The collector does "     \
    "not\n"                                                                                        \
    "keep it: move it to your own machine, and keep a copy where you keep such things.\n"

static const struct hm_cli_option options[] = {
    {"name",            "NAME…",
     "name or address that agents use for this collector; default: host name, "
     "localhost, 127.0.0.1, ::1"                                                     },
    {"operator-key",    "FILE",
     "single operator: make the one key that approves policies, sealed with a passphrase, in this "
     "file"                                                                          },
    {"operator-name",   "NAME",    "whose key that is; default: operator"            },
    {"passphrase-file", "FILE",
     "first line is the key's passphrase; else HM_PASSPHRASE, else it is asked for"  },
    {"json",            NULL,      "print the token and the CA's fingerprint as JSON"},
};

/* "a,b" as a list. */
static enum hm_status split_names(const char *text, struct hm_arena *arena,
                                  struct hm_strings *out_names, struct hm_err *err)
{
    size_t room = 0;

    *out_names = (struct hm_strings){NULL, 0};
    while (*text != '\0') {
        const size_t len = strcspn(text, ",");
        const char *name = hm_arena_strndup(arena, text, len);

        if (name == NULL || hm_arena_grow(arena, (void **)&out_names->at, out_names->count, &room,
                                          sizeof(*out_names->at)) != 0) {
            return hm_fail(err, HM_ENOMEM, "no memory for the names");
        }
        out_names->at[out_names->count++] = name;
        text += len + (text[len] == ',' ? 1 : 0);
    }
    return HM_OK;
}

static enum hm_status choose_names(const char *given, struct hm_arena *arena,
                                   struct hm_strings *out_names, struct hm_err *err)
{
    const char *host = hm_os_host_name(arena);
    const char *standard = hm_arena_printf(arena, "%s,localhost,127.0.0.1,::1", host);

    if (standard == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the names");
    }
    if (given == NULL && strcmp(host, "localhost") == 0) {
        standard += strlen("localhost,");
    }
    return split_names(given == NULL ? standard : given, arena, out_names, err);
}

static enum hm_status put(const char *path, const char *text, bool private_file, struct hm_err *err)
{
    return hm_os_replace_file(path, text, strlen(text), private_file, err);
}

static enum hm_status make_certificates(struct hm_desk *desk, const char *given, struct hm_err *err)
{
    struct hm_arena *arena = &desk->arena;
    const int64_t now_ms = hm_clock_now_ms();
    const char *ca_name = hm_arena_printf(arena, "Havenmaster CA %s", hm_os_host_name(arena));
    struct hm_keypair server;
    struct hm_strings names;
    struct hm_keypair ca;
    enum hm_status st = choose_names(given, arena, &names, err);

    if (st == HM_OK && ca_name == NULL) {
        st = hm_fail(err, HM_ENOMEM, "no memory for the CA's name");
    }
    if (st == HM_OK) {
        st = hm_certificates_make_ca(ca_name, now_ms, arena, &ca, err);
    }
    if (st == HM_OK) {
        st = hm_certificates_make_server(&ca, &names, now_ms, arena, &server, err);
    }
    if (st == HM_OK) {
        st = put(desk->paths.ca_key, ca.key_pem, true, err);
    }
    if (st == HM_OK) {
        st = put(desk->paths.server_key, server.key_pem, true, err);
    }
    if (st == HM_OK) {
        st = put(desk->paths.server, server.certificate_pem, false, err);
    }
    return st == HM_OK ? put(desk->paths.ca, ca.certificate_pem, false, err) : st;
}

/* Last: a folder with a database counts as made. */
static enum hm_status make_database(struct hm_desk *desk, const struct hm_operator_key *key,
                                    struct hm_token *out_token, struct hm_err *err)
{
    static const struct hm_token_wish admin = {
        .kind = "operator", .name = "admin", .role = "admin", .ca_sha256 = ""};
    const struct hm_store_options store_options = {
        .uri = hm_arena_printf(&desk->arena, "sqlite:%s", desk->paths.database),
        .readers = 1,
        .queue_bytes_max = HM_LIMIT_API_BODY_BYTES,
    };
    struct hm_store *store = NULL;
    enum hm_status st;

    if (store_options.uri == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the path of the database");
    }
    st = hm_store_open(&store_options, &store, err);
    if (st == HM_OK) {
        st = hm_desk_make_token(store, &admin, &desk->arena, out_token, err);
    }
    if (st == HM_OK && key->path != NULL) {
        st = hm_desk_trust_operator(store, key, &desk->arena, err);
    }
    hm_store_close(store);
    return st;
}

static enum hm_status init_folder(const struct hm_cli *cli, struct hm_desk *desk,
                                  struct hm_operator_key *out_key, struct hm_token *out_token,
                                  struct hm_err *err)
{
    const bool single = hm_cli_value(cli, "operator-key") != NULL;
    enum hm_status st;

    if (!single && hm_cli_value(cli, "operator-name") != NULL) {
        return hm_fail(err, HM_EINVAL, "--operator-name goes with --operator-key FILE");
    }
    if (hm_data_is_made(&desk->paths)) {
        return hm_fail(err, HM_ECONFLICT,
                       "%s holds a collector's data already; nothing was changed. "
                       "\"hm-collector serve --data %s\" starts it, \"hm-collector token new\" "
                       "makes a token",
                       desk->paths.folder, desk->paths.folder);
    }
    st = hm_os_make_folder(desk->paths.folder, FOLDER_MODE, err);
    if (st == HM_OK && single) {
        st = hm_desk_make_operator_key(cli, desk, out_key, err);
    }
    if (st == HM_OK) {
        st = hm_privileges_drop(desk->config.user, desk->paths.folder, err);
    }
    if (st == HM_OK) {
        st = make_certificates(desk, hm_cli_value(cli, "name"), err);
    }
    return st == HM_OK ? make_database(desk, out_key, out_token, err) : st;
}

static enum hm_status print_json(const struct hm_desk *desk, const struct hm_operator_key *key,
                                 const char *token, const char *ca_sha256, struct hm_err *err)
{
    struct hm_buf out;
    enum hm_status st;

    hm_buf_init(&out, HM_LIMIT_API_BODY_BYTES);
    (void)hm_buf_puts(&out, "{\"admin_token\": ");
    (void)hm_json_put_string(&out, token);
    (void)hm_buf_puts(&out, ", \"ca_sha256\": ");
    (void)hm_json_put_string(&out, ca_sha256);
    (void)hm_buf_puts(&out, ", \"ca_file\": ");
    (void)hm_json_put_string(&out, desk->paths.ca);
    (void)hm_buf_puts(&out, ", \"url\": ");
    (void)hm_json_put_string(&out, desk->config.public_url);
    if (key->path != NULL) {
        (void)hm_buf_puts(&out, ", \"operator_key\": ");
        (void)hm_json_put_string(&out, key->path);
        (void)hm_buf_puts(&out, ", \"operator_name\": ");
        (void)hm_json_put_string(&out, key->name);
        (void)hm_buf_puts(&out, ", \"key_id\": ");
        (void)hm_json_put_string(&out, key->key_id);
    }
    st = hm_buf_status(&out, err);
    if (st == HM_OK) {
        (void)printf("%s}\n", hm_buf_text(&out));
        hm_crypto_wipe(out.data, out.len);
    }
    hm_buf_fini(&out);
    return st;
}

static void print_approval(const struct hm_operator_key *key)
{
    if (key->path == NULL) {
        (void)printf("\nPolicies need approvers, none is enrolled yet. Each of them, on their own "
                     "machine:\n"
                     "  hmctl key new NAME\n"
                     "then an admin, with the public keys:\n"
                     "  hmctl trust new --help\n");
        return;
    }
    (void)printf("\nOperator key  %s (of %s, key id %s)\n\n" SINGLE_OPERATOR, key->path, key->name,
                 key->key_id);
}

static void print_steps(const struct hm_desk *desk, const char *token, const char *ca_sha256)
{
    const char *folder = desk->paths.folder;
    const char *url = desk->config.public_url;

    (void)printf("Data folder   %s\n"
                 "CA            %s (SHA-256 %s)\n"
                 "Admin token   %s\n"
                 "              It is shown this once. Keep it like a password.\n\n"
                 "Next:\n"
                 "  hm-collector serve --data %s\n"
                 "  hmctl login --ca %s %s\n"
                 "  hmctl token new first-agents --uses 100\n",
                 folder, desk->paths.ca, ca_sha256, token, folder, desk->paths.ca, url);
}

/* The address that is shown has to be one the certificate is for: the first name that was given. */
static enum hm_status name_url(struct hm_desk *desk, const char *names, struct hm_err *err)
{
    const int len = names == NULL ? 0 : (int)strcspn(names, ",");
    const bool is_ipv6 = len > 0 && memchr(names, ':', (size_t)len) != NULL;

    if (len > 0) {
        desk->config.public_url =
            hm_arena_printf(&desk->arena, "https://%s%.*s%s:%u", is_ipv6 ? "[" : "", len, names,
                            is_ipv6 ? "]" : "", desk->config.port);
    }
    return desk->config.public_url == NULL ? hm_fail(err, HM_ENOMEM, "no memory for the address")
                                           : HM_OK;
}

static int run(const struct hm_cli *cli)
{
    char text[HM_TOKEN_TEXT_BYTES] = "";
    char ca_sha256[HM_SHA256_HEX_BYTES] = "";
    struct hm_err err = {.status = HM_OK};
    struct hm_operator_key key = {.path = NULL};
    struct hm_token token;
    struct hm_desk desk;
    const char *ca_pem;
    int result = 0;
    enum hm_status st = hm_desk_open(cli, &desk, &err);

    if (st == HM_OK) {
        st = name_url(&desk, hm_cli_value(cli, "name"), &err);
    }
    if (st == HM_OK) {
        st = init_folder(cli, &desk, &key, &token, &err);
    }
    if (st == HM_OK) {
        hm_token_format(&token, text);
        hm_crypto_wipe(&token, sizeof(token));
        st = hm_data_ca(&desk.paths, &desk.arena, &ca_pem, ca_sha256, &err);
    }
    if (st == HM_OK && hm_cli_value(cli, "json") != NULL) {
        st = print_json(&desk, &key, text, ca_sha256, &err);
    } else if (st == HM_OK) {
        print_steps(&desk, text, ca_sha256);
        print_approval(&key);
    }
    if (st != HM_OK) {
        result = hm_desk_fail(cli, &err);
        if (key.key_id != NULL && hm_os_remove_file(key.path, &err) != HM_OK) {
            (void)hm_desk_fail(cli, &err); /* no fleet trusts it, and it is in the way */
        }
    }
    hm_crypto_wipe(text, sizeof(text));
    hm_key_pair_fini(&key.pair);
    hm_desk_close(&desk);
    return result;
}

const struct hm_cli_verb hm_verb_init = {
    .name = "init",
    .arguments = "",
    .options = options,
    .option_count = HM_COUNT(options),
    .help = "make the data folder: private CA, server certificate, database, admin token",
    .run = run,
};
