/* server/api/access.c — who may call: agents by the fleet, operators by their tokens.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/api/access.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/map.h"
#include "common/base/str.h"
#include "common/crypto/secret.h"
#include "server/api/api.h"
#include "server/fleet/fleet.h"
#include "server/store/entities.h"

/* ---- operator tokens in memory -------------------------------------------------------------- */

struct login {
    char id[HM_ID_TEXT_BYTES];
    char name[100];
    unsigned char secret_hash[HM_DIGEST_BYTES];
    int64_t expires_ms;
    enum hm_role role;
};

struct hm_operators {
    struct hm_store *store;
    atomic_uint version; /* of the table in the store, as far as we were told */
    pthread_mutex_t lock;
    unsigned loaded; /* version that by_id shows */
    struct hm_map by_id;
};

struct load {
    struct hm_arena arena;
    struct hm_map by_id;
};

static void free_table(struct hm_map *by_id)
{
    size_t at = 0;
    void *login;

    while ((login = hm_map_next(by_id, &at)) != NULL) {
        hm_crypto_wipe(login, sizeof(struct login));
        free(login);
    }
    hm_map_fini(by_id);
}

static bool find_role(const char *name, enum hm_role *out_role)
{
    for (int i = HM_ROLE_VIEWER; i < HM_ROLE_COUNT; i++) {
        if (strcmp(hm_role_names[i], name) == 0) {
            *out_role = (enum hm_role)i;
            return true;
        }
    }
    return false;
}

static enum hm_status add_operator(struct hm_map *by_id, const struct hm_token_row *row,
                                   struct hm_err *err)
{
    struct login *login;
    enum hm_role role;
    enum hm_status st;

    if (strcmp(row->kind, "operator") != 0 || row->revoked || !find_role(row->role, &role)) {
        return HM_OK;
    }
    login = calloc(1, sizeof(*login));
    if (login == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for operator tokens");
    }
    (void)hm_str_copy(login->id, sizeof(login->id), row->id);
    (void)hm_str_copy(login->name, sizeof(login->name), row->name);
    memcpy(login->secret_hash, row->secret_hash, sizeof(login->secret_hash));
    login->expires_ms = row->expires_ms;
    login->role = role;
    st = hm_map_put(by_id, login->id, login, err);
    if (st != HM_OK) {
        free(login);
    }
    return st;
}

static enum hm_status load_all(struct hm_session *s, void *arg, struct hm_err *err)
{
    struct load *load = arg;
    struct hm_page page = {.where = {.sql = "kind = 'operator' AND revoked = 0"},
                           .after = "",
                           .limit = HM_LIMIT_PAGE_ROWS};
    enum hm_status st = HM_OK;
    bool more = true;

    while (st == HM_OK && more) {
        struct hm_token_rows rows;

        st = hm_tokens_list(s, &page, &load->arena, &rows, err);
        more = st == HM_OK && rows.count > page.limit;
        for (size_t i = 0; st == HM_OK && i < rows.count; i++) {
            if (!more || i < page.limit) {
                page.after = rows.at[i].id;
                st = add_operator(&load->by_id, &rows.at[i], err);
            }
        }
    }
    return st;
}

/* Under the lock. A failure leaves the table as it was. */
static enum hm_status load_table(struct hm_operators *operators, struct hm_err *err)
{
    unsigned version = atomic_load(&operators->version);
    struct load load;
    enum hm_status st;

    hm_arena_init(&load.arena, HM_LIMIT_REQUEST_ARENA_BYTES);
    hm_map_init(&load.by_id);
    st = hm_store_read(operators->store, load_all, &load, err);
    if (st == HM_OK) {
        free_table(&operators->by_id);
        operators->by_id = load.by_id;
        operators->loaded = version;
    } else {
        free_table(&load.by_id);
    }
    hm_arena_fini(&load.arena);
    return st;
}

enum hm_status hm_operators_open(struct hm_store *store, struct hm_operators **out_operators,
                                 struct hm_err *err)
{
    struct hm_operators *operators = calloc(1, sizeof(*operators));
    enum hm_status st;

    if (operators == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for operator tokens");
    }
    operators->store = store;
    pthread_mutex_init(&operators->lock, NULL);
    hm_map_init(&operators->by_id);
    st = load_table(operators, err);
    if (st != HM_OK) {
        hm_operators_close(operators);
        return st;
    }
    *out_operators = operators;
    return HM_OK;
}

void hm_operators_close(struct hm_operators *operators)
{
    if (operators != NULL) {
        free_table(&operators->by_id);
        pthread_mutex_destroy(&operators->lock);
        free(operators);
    }
}

void hm_operators_changed(struct hm_operators *operators)
{
    atomic_fetch_add(&operators->version, 1);
}

/* ---- the callback --------------------------------------------------------------------------- */

static enum hm_status unknown(struct hm_err *err)
{
    return hm_fail_code(err, HM_EDENIED, "unauthenticated",
                        "the token is not valid here: it is unknown, revoked or expired");
}

static enum hm_status check_operator(struct hm_app *app, const struct hm_token *token,
                                     int64_t now_ms, struct hm_principal *out_who,
                                     struct hm_err *err)
{
    struct hm_operators *operators = app->operators;
    unsigned char hash[HM_DIGEST_BYTES];
    const struct login *login;
    enum hm_status st = HM_OK;

    hm_token_hash(token, hash);
    pthread_mutex_lock(&operators->lock);
    if (operators->loaded != atomic_load(&operators->version)) {
        st = load_table(operators, err);
    }
    if (st == HM_OK) {
        login = hm_map_get(&operators->by_id, token->id);
        if (login == NULL || !hm_crypto_equal(login->secret_hash, hash, sizeof(hash)) ||
            (login->expires_ms != 0 && login->expires_ms <= now_ms)) {
            st = unknown(err);
        } else {
            out_who->role = login->role;
            (void)hm_str_copy(out_who->id, sizeof(out_who->id), login->id);
            (void)snprintf(out_who->name, sizeof(out_who->name), "token %s", login->name);
        }
    }
    pthread_mutex_unlock(&operators->lock);
    return st;
}

static enum hm_status check_agent(struct hm_app *app, const struct hm_token *token, int64_t now_ms,
                                  struct hm_principal *out_who, struct hm_err *err)
{
    unsigned char hash[HM_DIGEST_BYTES];
    struct hm_fleet_host *host;
    char name[100];
    enum hm_status st;

    (void)now_ms;
    hm_token_hash(token, hash);
    st = hm_fleet_authenticate(app->fleet, token->id, hash, &host, err);
    if (st == HM_OK) {
        out_who->role = HM_ROLE_AGENT;
        out_who->agent = host;
        (void)hm_str_copy(out_who->id, sizeof(out_who->id), token->id);
        hm_fleet_name(app->fleet, host, name, sizeof(name));
        (void)snprintf(out_who->name, sizeof(out_who->name), "agent %s", name);
    }
    return st;
}

/* Whose tokens begin how. */
static const struct {
    const char *prefix;
    enum hm_status (*check)(struct hm_app *app, const struct hm_token *token, int64_t now_ms,
                            struct hm_principal *out_who, struct hm_err *err);
} kinds[] = {
    {"hma", check_agent   },
    {"hmo", check_operator},
};

enum hm_status hm_api_access(void *app, const char *bearer, enum hm_role needed, int64_t now_ms,
                             struct hm_principal *out_who, struct hm_err *err)
{
    struct hm_principal who = {.role = HM_ROLE_ANYONE};
    struct hm_token token;
    enum hm_status st;

    if (needed == HM_ROLE_ANYONE) {
        *out_who = who;
        return HM_OK;
    }
    if (bearer == NULL || hm_token_parse(bearer, &token, NULL) != HM_OK) {
        return hm_fail_code(err, HM_EDENIED, "unauthenticated",
                            "send \"Authorization: Bearer TOKEN\" with a token of this collector");
    }
    st = unknown(err);
    for (size_t i = 0; i < HM_COUNT(kinds); i++) {
        if (strcmp(kinds[i].prefix, token.prefix) == 0) {
            st = kinds[i].check(app, &token, now_ms, &who, err);
        }
    }
    hm_crypto_wipe(&token, sizeof(token));
    if (st != HM_OK) {
        return st;
    }
    /* Agents and operators do not stand in for each other. */
    if ((needed == HM_ROLE_AGENT) != (who.role == HM_ROLE_AGENT) || who.role < needed) {
        return hm_fail_code(err, HM_EDENIED, "forbidden",
                            "this needs the role %s, the token has %s", hm_role_names[needed],
                            hm_role_names[who.role]);
    }
    *out_who = who;
    return HM_OK;
}
