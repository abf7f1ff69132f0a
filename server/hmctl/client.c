/* server/hmctl/client.c — a session of hmctl with the collector: who, where, calls.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/hmctl/client.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/base/version.h"
#include "common/os/os.h"

#define FILE_NAME "hmctl.json"
#define CALL_TIMEOUT_MS 60000
#define CONNECT_TIMEOUT_MS 10000

static const struct hm_field login_fields[] = {
    HM_F(hm_ctl_login, collector, HM_TYPE_STRING, HM_FIELD_REQUIRED, 1, HM_LIMIT_TEXT_BYTES,
         "base URL"),
    HM_F(hm_ctl_login, token, HM_TYPE_STRING, HM_FIELD_REQUIRED, 1, HM_LIMIT_NAME_BYTES,
         "operator token"),
    HM_F(hm_ctl_login, ca, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_TEXT_BYTES,
         "PEM file of the CA; absent: the system's store"),
};
static const struct hm_record login_record = {"hmctl", sizeof(struct hm_ctl_login), login_fields,
                                              HM_COUNT(login_fields)};

static const struct {
    const char *variable;
    size_t offset;
} environment[] = {
    {"HMCTL_COLLECTOR", offsetof(struct hm_ctl_login, collector)},
    {"HMCTL_TOKEN",     offsetof(struct hm_ctl_login, token)    },
    {"HMCTL_CA",        offsetof(struct hm_ctl_login, ca)       },
};

const char *hm_ctl_folder(struct hm_arena *arena)
{
    const char *base = getenv("XDG_CONFIG_HOME");

    if (base != NULL && base[0] == '/') {
        return hm_arena_printf(arena, "%s/havenmaster", base);
    }
    base = getenv("HOME");
    return base == NULL || base[0] == '\0' ? NULL
                                           : hm_arena_printf(arena, "%s/.config/havenmaster", base);
}

enum hm_status hm_ctl_save(const struct hm_ctl_login *login, struct hm_arena *arena,
                           struct hm_err *err)
{
    const char *folder = hm_ctl_folder(arena);
    const char *path = folder == NULL ? NULL : hm_arena_printf(arena, "%s/" FILE_NAME, folder);
    struct hm_buf text;
    enum hm_status st;

    if (path == NULL) {
        return hm_fail(err, HM_EIO, "HOME is not set: there is no place to keep the login");
    }
    hm_buf_init(&text, HM_LIMIT_CONFIG_BYTES);
    st = hm_os_make_folder(folder, 0700, err);
    if (st == HM_OK) {
        st = hm_record_encode_pretty(&login_record, login, &text, err);
    }
    if (st == HM_OK) {
        st = hm_os_replace_file(path, hm_buf_text(&text), text.len, true, err);
    }
    hm_buf_fini(&text);
    return st;
}

/* No file is no failure: the environment may say all. */
static enum hm_status load(struct hm_ctl_login *login, struct hm_arena *arena, struct hm_err *err)
{
    const char *folder = hm_ctl_folder(arena);
    const char *path = folder == NULL ? NULL : hm_arena_printf(arena, "%s/" FILE_NAME, folder);
    const char *text;
    size_t len;
    size_t i;
    enum hm_status st = HM_ENOENT;

    *login = (struct hm_ctl_login){"", "", ""};
    if (path != NULL) {
        st = hm_os_read_text(path, HM_LIMIT_CONFIG_BYTES, arena, &text, &len, err);
    }
    if (st == HM_OK) {
        st = hm_record_decode(&login_record, text, len, true, arena, login, NULL, err);
        if (st != HM_OK) {
            hm_err_prefix(err, "%s", path);
        }
    }
    if (st != HM_OK && st != HM_ENOENT) {
        return st;
    }
    for (i = 0; i < HM_COUNT(environment); i++) {
        const char *value = getenv(environment[i].variable);

        if (value != NULL && value[0] != '\0') {
            *(const char **)(void *)((char *)login + environment[i].offset) = value;
        }
    }
    return HM_OK;
}

static enum hm_status connect_to(struct hm_ctl *ctl, struct hm_err *err)
{
    struct hm_http_options options = {
        .base_url = ctl->login.collector,
        .ca_path = ctl->login.ca[0] == '\0' ? NULL : ctl->login.ca,
        .user_agent = hm_arena_printf(&ctl->arena, "hmctl/%s", hm_version),
        .stop_fd = -1,
        .reply_cap_bytes = HM_LIMIT_REPLY_BYTES,
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
    };

    return options.user_agent == NULL ? hm_fail(err, HM_ENOMEM, "no memory")
                                      : hm_http_open(&options, &ctl->http, err);
}

static void begin(const struct hm_cli *cli, struct hm_ctl *ctl)
{
    memset(ctl, 0, sizeof(*ctl));
    ctl->cli = cli;
    ctl->json = hm_cli_value(cli, "json") != NULL;
    hm_arena_init(&ctl->arena, HM_LIMIT_REQUEST_ARENA_BYTES);
    hm_arena_init(&ctl->page, 4 * (size_t)HM_LIMIT_REQUEST_ARENA_BYTES);
    hm_output_init(&ctl->output, hm_clock_now_ms());
}

enum hm_status hm_ctl_open(const struct hm_cli *cli, struct hm_ctl *ctl, struct hm_err *err)
{
    enum hm_status st;

    begin(cli, ctl);
    st = load(&ctl->login, &ctl->arena, err);
    if (st == HM_OK && (ctl->login.collector[0] == '\0' || ctl->login.token[0] == '\0')) {
        st = hm_fail_code(err, HM_EDENIED, "not_logged_in",
                          "not logged in: run \"hmctl login --collector URL --ca FILE\", or set "
                          "HMCTL_COLLECTOR, HMCTL_TOKEN and HMCTL_CA");
    }
    if (st == HM_OK) {
        st = connect_to(ctl, err);
    }
    if (st != HM_OK) {
        hm_ctl_close(ctl);
    }
    return st;
}

enum hm_status hm_ctl_open_as(const struct hm_cli *cli, const struct hm_ctl_login *login,
                              struct hm_ctl *ctl, struct hm_err *err)
{
    enum hm_status st;

    begin(cli, ctl);
    ctl->login = *login;
    st = connect_to(ctl, err);
    if (st != HM_OK) {
        hm_ctl_close(ctl);
    }
    return st;
}

void hm_ctl_close(struct hm_ctl *ctl)
{
    hm_http_close(ctl->http);
    ctl->http = NULL;
    hm_arena_fini(&ctl->page);
    hm_arena_fini(&ctl->arena);
}

static enum hm_status status_of(unsigned http)
{
    static const struct {
        unsigned http;
        enum hm_status st;
    } rows[] = {
        {400, HM_EINVAL   },
        {401, HM_EDENIED  },
        {403, HM_EDENIED  },
        {404, HM_ENOENT   },
        {409, HM_ECONFLICT},
        {413, HM_ETOOBIG  },
        {429, HM_EBUSY    },
        {503, HM_EBUSY    },
    };
    size_t i;

    for (i = 0; i < HM_COUNT(rows); i++) {
        if (rows[i].http == http) {
            return rows[i].st;
        }
    }
    return HM_EIO;
}

static enum hm_status problem_of(struct hm_ctl *ctl, const struct hm_http_reply *reply,
                                 struct hm_err *err)
{
    enum hm_status st = status_of(reply->status);
    struct hm_problem problem;

    if (hm_record_decode(&hm_record_problem, reply->body, reply->body_len, false, &ctl->page,
                         &problem, NULL, NULL) != HM_OK) {
        return hm_fail(err, st, "%s answered %u without saying why: is it a Havenmaster collector?",
                       ctl->login.collector, reply->status);
    }
    (void)hm_fail_code(err, st, problem.code, "%s",
                       problem.detail[0] != '\0' ? problem.detail : problem.title);
    if (reply->status == 401) {
        return hm_fail_code(err, st, problem.code,
                            "%s does not know this token (%s): run \"hmctl login\" again",
                            ctl->login.collector, problem.code);
    }
    if (reply->retry_after_s > 0) {
        hm_err_prefix(err, "busy, try again in %lld s", (long long)reply->retry_after_s);
    }
    return st;
}

enum hm_status hm_ctl_call(struct hm_ctl *ctl, const char *method, const char *path,
                           const struct hm_buf *body, struct hm_http_reply *out_reply,
                           struct hm_err *err)
{
    struct hm_http_request request = {
        .method = method,
        .path = path,
        .bearer = ctl->login.token[0] == '\0' ? NULL : ctl->login.token,
        .content_type = body == NULL ? NULL : "application/json",
        .body = body == NULL ? NULL : hm_buf_text(body),
        .body_len = body == NULL ? 0 : body->len,
        .timeout_ms = CALL_TIMEOUT_MS,
    };
    enum hm_status st;

    if (path == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the address");
    }
    hm_arena_reset(&ctl->page);
    st = hm_http_call(ctl->http, &request, &ctl->page, out_reply, err);
    if (st != HM_OK) {
        return st;
    }
    return out_reply->status < 300 ? HM_OK : problem_of(ctl, out_reply, err);
}

const char *hm_ctl_url(struct hm_arena *arena, const char *path, const struct hm_ctl_param *params,
                       size_t count)
{
    const char *url = path;
    char mark = '?';
    size_t i;

    for (i = 0; url != NULL && i < count; i++) {
        const char *value = params[i].value == NULL ? NULL : hm_http_escape(arena, params[i].value);

        if (params[i].value != NULL) {
            url = value == NULL
                      ? NULL
                      : hm_arena_printf(arena, "%s%c%s=%s", url, mark, params[i].name, value);
            mark = '&';
        }
    }
    return url;
}

const char *hm_ctl_path(struct hm_arena *arena, const char *before, const char *segment,
                        const char *after)
{
    const char *escaped = hm_http_escape(arena, segment);

    return escaped == NULL ? NULL : hm_arena_printf(arena, "%s%s%s", before, escaped, after);
}

int hm_ctl_fail(const struct hm_cli *cli, const struct hm_err *err)
{
    int status = err->status == HM_EDENIED  ? HM_CTL_DENIED
                 : err->status == HM_EINVAL ? HM_CTL_USAGE
                                            : HM_CTL_FAILED;

    return hm_cli_fail(cli, status, err);
}
