/* server/cli/token.c — hm-collector token: tokens made on the data folder itself, for whoever has
 * none left. Works while the collector runs; it notices within seconds.
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/wire/records_api.h"
#include "server/cli/collector.h"
#include "server/http/http.h"
#include "server/http/privileges.h"

/* What the options of "token new" become. */
struct wish_options {
    const char *kind;
    const char *name;
    const char *role;
    uint32_t uses;
    uint32_t ttl_s;
    struct hm_strings labels;
};

static const char *const kinds[] = {"join", "operator"};

static const struct hm_config_row wish_rows[] = {
    {"name",  HM_CONFIG_STRING,   offsetof(struct wish_options, name),   1, 255,             NULL, NULL, 0, ""},
    {"uses",  HM_CONFIG_U32,      offsetof(struct wish_options, uses),   1, 1000000,         "1",  NULL, 0, ""},
    {"ttl",   HM_CONFIG_DURATION, offsetof(struct wish_options, ttl_s),  0, 315360000,       "0",  NULL, 0,
     ""                                                                                                       },
    {"label", HM_CONFIG_LIST,     offsetof(struct wish_options, labels), 0, HM_LIMIT_LABELS, "",   NULL,
     0,                                                                                                     ""},
};

#define JOIN_VALID_S 3600u

static const struct hm_cli_option new_options[] = {
    {"kind",  "KIND",         "operator (for people and scripts, the default) or join (for agents)"},
    {"name",  "NAME",         "who it is for: laptop-anna, first-agents"                           },
    {"role",  "ROLE",         "operator: viewer, author, approver, operator or admin (the default)"},
    {"uses",  "N",            "join: how many agents may enrol with it; default 1"                 },
    {"ttl",   "DURATION",     "how long it is valid: 1h, 7d; default: join 1h, operator for ever"  },
    {"label", "KEY=VALUE…", "join: every host that enrols with it gets the label"                },
    {"json",  NULL,           "print JSON"                                                         },
};
static const struct hm_cli_option list_options[] = {
    {"json", NULL, "print JSON"},
};

static bool is_one_of(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static enum hm_status read_options(const struct hm_cli *cli, struct hm_arena *arena,
                                   struct wish_options *out, struct hm_err *err)
{
    enum hm_status st = hm_config_defaults(wish_rows, HM_COUNT(wish_rows), arena, out, err);

    out->kind = hm_cli_value(cli, "kind") == NULL ? kinds[1] : hm_cli_value(cli, "kind");
    out->role = hm_cli_value(cli, "role") == NULL ? "admin" : hm_cli_value(cli, "role");
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
    if (!is_one_of(out->kind, kinds, HM_COUNT(kinds))) {
        return hm_fail(err, HM_EINVAL, "--kind is join or operator");
    }
    if (!is_one_of(out->role, hm_role_names + HM_ROLE_VIEWER, HM_ROLE_COUNT - HM_ROLE_VIEWER)) {
        return hm_fail(err, HM_EINVAL,
                       "--role is one of viewer, author, approver, operator, admin");
    }
    if (out->name[0] == '\0') {
        return hm_fail(err, HM_EINVAL, "give the token a --name: who is it for?");
    }
    return HM_OK;
}

static enum hm_status open_desk(const struct hm_cli *cli, struct hm_desk *desk,
                                struct hm_store **out_store, struct hm_err *err)
{
    enum hm_status st = hm_desk_open(cli, desk, err);

    if (st == HM_OK) {
        st = hm_privileges_drop(desk->config.user, NULL, err); /* so that files stay the server's */
    }
    return st == HM_OK ? hm_data_open_store(&desk->paths, &desk->arena, out_store, err) : st;
}

static enum hm_status make(const struct hm_cli *cli, struct hm_desk *desk, struct hm_store *store,
                           struct hm_err *err)
{
    char ca_sha256[HM_SHA256_HEX_BYTES] = "";
    char text[HM_TOKEN_TEXT_BYTES];
    struct wish_options given = {.kind = ""};
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
    join = strcmp(given.kind, "join") == 0;
    wish = (struct hm_token_wish){
        .kind = given.kind,
        .name = given.name,
        .role = join ? "" : given.role,
        .uses = join ? given.uses : 0,
        .valid_s = given.ttl_s == 0 && join ? JOIN_VALID_S : given.ttl_s,
        .labels = join ? given.labels : (struct hm_strings){NULL, 0},
        .ca_sha256 = ca_sha256[0] == '\0' ? NULL : ca_sha256,
    };
    st = hm_desk_make_token(store, &wish, &desk->arena, &token, err);
    if (st != HM_OK) {
        return st;
    }
    hm_token_format(&token, text);
    (void)printf(hm_cli_value(cli, "json") != NULL ? "{\"id\": \"%s\", \"secret\": \"%s\"}\n"
                                                   : "Token %s, shown this once:\n%s\n",
                 token.id, text);
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
    enum hm_status st = open_desk(cli, &desk, &store, &err);

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
    .arguments = "",
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
