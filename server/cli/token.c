/* server/cli/token.c — hm-collector token: tokens made on the data folder itself, for whoever has
 * none left. Works while the collector runs; it notices within seconds.
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/wire/records_api.h"
#include "server/api/labels.h"
#include "server/cli/collector.h"
#include "server/http/http.h"

#define JOIN_VALID_S 3600u

/* What the options of "token new" become. */
struct wish_options {
    const char *name;
    const char *role; /* "" = a join token */
    uint32_t uses;
    uint32_t valid_s;
    struct hm_strings labels;
};

static const struct hm_config_row wish_rows[] = {
    {"role",  HM_CONFIG_STRING,   offsetof(struct wish_options, role),    1, 32,                     "",  NULL, 0, ""},
    {"uses",  HM_CONFIG_U32,      offsetof(struct wish_options, uses),    1, 1000000,                "1", NULL, 0, ""},
    {"valid", HM_CONFIG_DURATION, offsetof(struct wish_options, valid_s), 1, HM_LIMIT_TOKEN_VALID_S,
     "",                                                                                                  NULL, 0, ""},
    {"label", HM_CONFIG_LIST,     offsetof(struct wish_options, labels),  0, HM_LIMIT_LABELS,        "",  NULL,
     0,                                                                                                            ""},
};

/* As those of "hmctl token new". */
static const struct hm_cli_option new_options[] = {
    {"role",  "ROLE",         "an operator token: viewer, author, approver, operator or admin"},
    {"label", "KEY=VALUE…", "a join token: every host that enrols with it gets this label"  },
    {"uses",  "N",            "a join token: how many hosts may enrol with it; standard: 1"   },
    {"valid", "DURATION",
     "how long it may be used: 30m, 12h, 90d; standard: 1h for a join token, "
     "for ever for an operator token"                                                         },
    {"json",  NULL,           "print JSON"                                                    },
};
static const struct hm_cli_option list_options[] = {
    {"json", NULL, "print JSON"},
};

static bool is_role(const char *name)
{
    for (int role = HM_ROLE_VIEWER; role <= HM_ROLE_ADMIN; role++) {
        if (strcmp(hm_role_names[role], name) == 0) {
            return true;
        }
    }
    return false;
}

static enum hm_status read_options(const struct hm_cli *cli, struct hm_arena *arena,
                                   struct wish_options *out, struct hm_err *err)
{
    enum hm_status st = hm_config_defaults(wish_rows, HM_COUNT(wish_rows), arena, out, err);

    out->name = cli->arguments[0];
    for (size_t i = 0; st == HM_OK && i < HM_COUNT(wish_rows); i++) {
        const char *value = hm_cli_value(cli, wish_rows[i].key);

        if (value != NULL) {
            st = hm_config_set(wish_rows, HM_COUNT(wish_rows), wish_rows[i].key, value, "token new",
                               arena, out, err);
        }
    }
    if (st != HM_OK) {
        return st;
    }
    if (out->role[0] != '\0' && !is_role(out->role)) {
        return hm_fail(err, HM_EINVAL,
                       "--role is one of viewer, author, approver, operator, admin");
    }
    if (out->role[0] != '\0' && (out->labels.count > 0 || hm_cli_value(cli, "uses") != NULL)) {
        return hm_fail(err, HM_EINVAL, "--label and --uses are for join tokens: leave --role out");
    }
    if (out->name[0] == '\0' || strlen(out->name) > HM_LIMIT_NAME_BYTES ||
        !hm_str_is_utf8(out->name, strlen(out->name))) {
        return hm_fail(err, HM_EINVAL, "the name has 1 to %u bytes of UTF-8", HM_LIMIT_NAME_BYTES);
    }
    return hm_labels_check(&out->labels, err);
}

static enum hm_status make(const struct hm_cli *cli, struct hm_desk *desk, struct hm_store *store,
                           struct hm_err *err)
{
    char ca_sha256[HM_SHA256_HEX_BYTES] = "";
    char text[HM_TOKEN_TEXT_BYTES];
    struct wish_options given = {.name = ""};
    struct hm_token_wish wish;
    struct hm_token token;
    const char *ca_pem;
    bool join;
    enum hm_status st = read_options(cli, &desk->arena, &given, err);

    if (st == HM_OK) {
        st = hm_data_ca(&desk->paths, &desk->arena, &ca_pem, ca_sha256, err);
    }
    if (st != HM_OK) {
        return st;
    }
    join = given.role[0] == '\0';
    wish = (struct hm_token_wish){
        .kind = join ? "join" : "operator",
        .name = given.name,
        .role = given.role,
        .uses = join ? given.uses : 0,
        .valid_s = given.valid_s == 0 && join ? JOIN_VALID_S : given.valid_s,
        .labels = given.labels,
        .ca_sha256 = ca_sha256[0] == '\0' ? NULL : ca_sha256,
    };
    st = hm_desk_make_token(store, &wish, &desk->arena, &token, err);
    if (st != HM_OK) {
        return st;
    }
    hm_token_format(&token, text);
    (void)printf(hm_cli_value(cli, "json") != NULL
                     ? "{\"token\":{\"id\":\"%s\",\"kind\":\"%s\"},\"secret\":\"%s\"}\n"
                     : "Token %s (%s), shown this once:\n%s\n",
                 token.id, wish.kind, text);
    hm_crypto_wipe(text, sizeof(text));
    hm_crypto_wipe(&token, sizeof(token));
    return HM_OK;
}

struct listing {
    struct hm_arena *arena;
    struct hm_page page;
    struct hm_token_rows rows;
};

static enum hm_status read_page(struct hm_session *session, void *arg, struct hm_err *err)
{
    struct listing *listing = arg;

    return hm_tokens_list(session, &listing->page, listing->arena, &listing->rows, err);
}

static void print_row(const struct hm_token_row *row)
{
    char expires[HM_TIME_TEXT_BYTES] = "never";

    if (row->expires_ms != 0) {
        (void)hm_clock_format(row->expires_ms, expires);
    }
    (void)printf("%-26s  %-8s  %-8s  %-20s  %s%s\n", row->id, row->kind, row->role, expires,
                 row->name, row->revoked ? "  (revoked)" : "");
}

static void print_row_json(const struct hm_token_row *row, struct hm_buf *out)
{
    const struct hm_api_token token = {
        .id = row->id,
        .kind = row->kind,
        .name = row->name,
        .role = row->role,
        .labels = row->labels,
        .created = row->created_ms,
        .expires = row->expires_ms,
        .uses_left = row->uses_left,
        .revoked = row->revoked,
    };

    hm_buf_reset(out);
    if (hm_record_encode(&hm_record_api_token, &token, out, NULL) == HM_OK) {
        (void)printf("%s\n", hm_buf_text(out));
    }
}

/* One line a token; with --json one object a line. */
static enum hm_status list(const struct hm_cli *cli, struct hm_desk *desk, struct hm_store *store,
                           struct hm_err *err)
{
    const bool json = hm_cli_value(cli, "json") != NULL;
    struct listing listing = {
        .arena = &desk->arena,
        .page = {.where = {.sql = ""}, .after = "", .limit = HM_LIMIT_PAGE_ROWS}
    };
    struct hm_buf out;
    enum hm_status st;
    bool more;

    hm_buf_init(&out, HM_LIMIT_API_BODY_BYTES);
    if (!json) {
        (void)printf("%-26s  %-8s  %-8s  %-20s  %s\n", "ID", "KIND", "ROLE", "EXPIRES", "NAME");
    }
    do {
        size_t count;

        st = hm_store_read(store, read_page, &listing, err);
        count = st == HM_OK ? listing.rows.count : 0;
        more = count > listing.page.limit;
        count = more ? listing.page.limit : count;
        for (size_t i = 0; i < count; i++) {
            if (json) {
                print_row_json(&listing.rows.at[i], &out);
            } else {
                print_row(&listing.rows.at[i]);
            }
        }
        if (more) {
            listing.page.after = listing.rows.at[count - 1].id;
        }
    } while (more);
    hm_buf_fini(&out);
    return st;
}

static enum hm_status run_revoking(struct hm_session *session, void *arg, struct hm_err *err)
{
    const char *id = arg;
    const struct hm_event event = {
        .at_ms = hm_clock_now_ms(),
        .kind = "token_revoked",
        .host_id = "",
        .host_name = "",
        .actor = "collector",
        .peer = "",
        .before = id,
        .after = "",
        .why = "revoked on the collector itself",
    };
    enum hm_status st = hm_tokens_revoke(session, id, err);

    return st == HM_OK ? hm_events_append(session, &event, err) : st;
}

static enum hm_status revoke(const struct hm_cli *cli, struct hm_desk *desk, struct hm_store *store,
                             struct hm_err *err)
{
    enum hm_status st = hm_store_write(store, run_revoking, cli->arguments[0], err);

    (void)desk;
    if (st == HM_OK) {
        (void)printf("Token %s is revoked.\n", cli->arguments[0]);
    }
    return st;
}

typedef enum hm_status verb_fn(const struct hm_cli *cli, struct hm_desk *desk,
                               struct hm_store *store, struct hm_err *err);

static int run(const struct hm_cli *cli, verb_fn *fn)
{
    struct hm_err err = {.status = HM_OK};
    struct hm_store *store = NULL;
    struct hm_desk desk;
    int result = 0;
    enum hm_status st = hm_desk_open_store(cli, &desk, &store, &err);

    if (st == HM_OK) {
        st = fn(cli, &desk, store, &err);
    }
    if (st != HM_OK) {
        result = hm_desk_fail(cli, &err);
    }
    hm_store_close(store);
    hm_desk_close(&desk);
    return result;
}

static int run_new(const struct hm_cli *cli)
{
    return run(cli, make);
}

static int run_list(const struct hm_cli *cli)
{
    return run(cli, list);
}

static int run_revoke(const struct hm_cli *cli)
{
    return run(cli, revoke);
}

const struct hm_cli_verb hm_verb_token_new = {
    .name = "token new",
    .arguments = "NAME",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = new_options,
    .option_count = HM_COUNT(new_options),
    .help = "make a token on the data folder itself",
    .run = run_new,
};

const struct hm_cli_verb hm_verb_token_list = {
    .name = "token list",
    .arguments = "",
    .options = list_options,
    .option_count = HM_COUNT(list_options),
    .help = "list all tokens; secrets are not kept",
    .run = run_list,
};

const struct hm_cli_verb hm_verb_token_revoke = {
    .name = "token revoke",
    .arguments = "ID",
    .min_arguments = 1,
    .max_arguments = 1,
    .help = "make a token worthless",
    .run = run_revoke,
};
