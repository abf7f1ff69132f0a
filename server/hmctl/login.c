/* server/hmctl/login.c — hmctl login: verifies collector and token, then remembers them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/hmctl/verbs.h"

#include <stdio.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/base/version.h"
#include "common/os/os.h"
#include "server/hmctl/client.h"

#define CA_NAME "collector-ca.pem"

static const struct hm_cli_option options[] = {
    {"collector", "URL",    "the collector, as https://collector.example:5830; or as the argument"},
    {"token",     "TOKEN",  "operator token; standard: asked for, or read from the input"         },
    {"ca",        "FILE",   "PEM file of the CA that signed the collector's certificate"          },
    {"ca-sha256", "DIGEST",
     "fetch that CA from the collector and take it when its SHA-256 is "
     "this"                                                                                       },
};

/* One line of standard input, not shown while it is typed. */
static enum hm_status ask_token(struct hm_arena *arena, const char **out_token, struct hm_err *err)
{
    char line[HM_LIMIT_NAME_BYTES + 2];
    bool asked = hm_os_is_terminal(stdin);
    struct hm_span token;
    const char *got;

    if (asked) {
        (void)fputs("operator token: ", stderr);
        hm_os_terminal_echo(false);
    }
    got = fgets(line, (int)sizeof(line), stdin);
    if (asked) {
        hm_os_terminal_echo(true);
        (void)fputc('\n', stderr);
    }
    token = got == NULL ? (struct hm_span){"", 0} : hm_str_trim(line, strlen(line));
    if (token.len == 0) {
        return hm_fail(err, HM_EINVAL, "no token: give --token, or write it to standard input");
    }
    *out_token = hm_arena_strndup(arena, token.at, token.len);
    memset(line, 0, sizeof(line));
    return *out_token == NULL ? hm_fail(err, HM_ENOMEM, "no memory for the token") : HM_OK;
}

/* Keeps the CA beside the login, so that the login outlives the file that was given. */
static enum hm_status keep_ca(const struct hm_cli *cli, const char *collector,
                              struct hm_arena *arena, const char **out_path, struct hm_err *err)
{
    const char *file = hm_cli_value(cli, "ca");
    const char *digest = hm_cli_value(cli, "ca-sha256");
    const char *folder = hm_ctl_folder(arena);
    const char *path = folder == NULL ? NULL : hm_arena_printf(arena, "%s/" CA_NAME, folder);
    const char *agent = hm_arena_printf(arena, "hmctl/%s", hm_version);
    const char *pem = NULL;
    size_t len;
    enum hm_status st = HM_OK;

    *out_path = "";
    if (file == NULL && digest == NULL) {
        return HM_OK;
    }
    if (file != NULL && digest != NULL) {
        return hm_fail(err, HM_EINVAL, "give --ca or --ca-sha256, not both");
    }
    if (path == NULL || agent == NULL) {
        return hm_fail(err, HM_EIO, "HOME is not set: there is no place to keep the login");
    }
    if (file != NULL) {
        st = hm_os_read_text(file, HM_LIMIT_CONFIG_BYTES, arena, &pem, &len, err);
    } else {
        st = hm_http_fetch_ca(collector, digest, agent, arena, &pem, err);
    }
    if (st == HM_OK) {
        st = hm_os_make_folder(folder, 0700, err);
    }
    if (st == HM_OK) {
        st = hm_os_replace_file(path, pem, strlen(pem), false, err);
    }
    if (st == HM_OK) {
        *out_path = path;
    }
    return st;
}

static enum hm_status try_login(const struct hm_cli *cli, const struct hm_ctl_login *login,
                                struct hm_err *err)
{
    struct hm_ctl ctl;
    struct hm_http_reply reply;
    struct hm_api_whoami who;
    enum hm_status st = hm_ctl_open_as(cli, login, &ctl, err);

    if (st != HM_OK) {
        return st;
    }
    st = hm_ctl_call(&ctl, "GET", "/v1/whoami", NULL, &reply, err);
    if (st == HM_OK) {
        st = hm_record_decode(&hm_record_api_whoami, reply.body, reply.body_len, false, &ctl.page,
                              &who, NULL, err);
    }
    if (st == HM_OK) {
        st = hm_ctl_save(login, &ctl.arena, err);
    }
    if (st == HM_OK && ctl.json) {
        hm_output_body(reply.body, reply.body_len);
    } else if (st == HM_OK) {
        (void)printf("logged in at %s as %s, role %s\n", login->collector, who.name, who.role);
    }
    hm_ctl_close(&ctl);
    return st;
}

/* The base URL without a slash at its end. */
static enum hm_status read_collector(const struct hm_cli *cli, struct hm_arena *arena,
                                     const char **out_url, struct hm_err *err)
{
    const char *url = hm_cli_value(cli, "collector");
    size_t len;

    if (url == NULL && cli->argument_count == 1) {
        url = cli->arguments[0];
    }
    if (url == NULL || strncmp(url, "https://", 8) != 0) {
        return hm_fail(err, HM_EINVAL, "which collector? give --collector https://HOST:5830");
    }
    len = strlen(url);
    while (url[len - 1] == '/') {
        len--;
    }
    *out_url = hm_arena_strndup(arena, url, len);
    return *out_url == NULL ? hm_fail(err, HM_ENOMEM, "no memory") : HM_OK;
}

static int run(const struct hm_cli *cli)
{
    struct hm_ctl_login login = {.token = hm_cli_value(cli, "token")};
    struct hm_arena arena;
    struct hm_err err;
    enum hm_status st;

    hm_arena_init(&arena, HM_LIMIT_API_BODY_BYTES * 4u);
    st = read_collector(cli, &arena, &login.collector, &err);
    if (st == HM_OK) {
        st = keep_ca(cli, login.collector, &arena, &login.ca, &err);
    }
    if (st == HM_OK && login.token == NULL) {
        st = ask_token(&arena, &login.token, &err);
    }
    if (st == HM_OK) {
        st = try_login(cli, &login, &err);
    }
    hm_arena_fini(&arena);
    return st == HM_OK ? HM_CTL_OK : hm_ctl_fail(cli, &err);
}

const struct hm_cli_verb hm_ctl_verb_login = {
    .name = "login",
    .arguments = "[URL]",
    .max_arguments = 1,
    .options = options,
    .option_count = HM_COUNT(options),
    .help = "verifies collector and token, and remembers them for every other verb",
    .run = run,
};
