/* server/store/tokens.c — table "tokens": join tokens and operator tokens.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/store/entities.h"

#include <string.h>

#include "common/base/limits.h"
#include "server/store/row.h"

#define TOKEN_COLUMNS                                                                              \
    "id, kind, name, role, labels, secret_hash, created_ms, expires_ms, uses_left, revoked"

enum hm_status hm_tokens_put(struct hm_session *s, const struct hm_token_row *row,
                             struct hm_err *err)
{
    struct hm_arena arena;
    const char *labels;
    enum hm_status st;

    hm_arena_init(&arena, HM_LIMIT_API_BODY_BYTES);
    labels = hm_strings_text(&row->labels, &arena);
    if (labels == NULL) {
        st = hm_fail(err, HM_ENOMEM, "no memory for a token's labels");
    } else {
        const struct hm_value values[] = {
            hm_value_text(row->id),
            hm_value_text(row->kind),
            hm_value_text(row->name),
            hm_value_text(row->role),
            hm_value_text(labels),
            hm_value_blob(row->secret_hash, sizeof(row->secret_hash)),
            hm_value_int(row->created_ms),
            hm_value_int(row->expires_ms),
            hm_value_int(row->uses_left),
            hm_value_int(row->revoked),
        };

        st = hm_session_exec(s,
                             "INSERT INTO tokens (" TOKEN_COLUMNS ") "
                             "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
                             values, HM_COUNT(values), err);
    }
    hm_arena_fini(&arena);
    return st;
}

struct token_reader {
    struct hm_arena *arena;
    struct hm_token_row *at;
    size_t count;
    size_t room;
};

static enum hm_status read_token(struct hm_stmt *row, void *arg, struct hm_err *err)
{
    struct token_reader *reader = arg;
    struct hm_arena *arena = reader->arena;
    const char *labels = hm_row_text(row, 4, arena);
    struct hm_token_row *token;
    enum hm_status st;

    if (labels == NULL || hm_arena_grow(arena, (void **)&reader->at, reader->count, &reader->room,
                                        sizeof(*reader->at)) != 0) {
        return hm_fail(err, HM_ENOMEM, "no memory for a list of tokens");
    }
    token = &reader->at[reader->count++];
    *token = (struct hm_token_row){
        .id = hm_row_text(row, 0, arena),
        .kind = hm_row_text(row, 1, arena),
        .name = hm_row_text(row, 2, arena),
        .role = hm_row_text(row, 3, arena),
        .created_ms = hm_row_int(row, 6),
        .expires_ms = hm_row_int(row, 7),
        .uses_left = (uint32_t)hm_row_int(row, 8),
        .revoked = hm_row_int(row, 9) != 0,
    };
    if (token->id == NULL || token->kind == NULL || token->name == NULL || token->role == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for a list of tokens");
    }
    st = hm_row_bytes(row, 5, token->secret_hash, sizeof(token->secret_hash), err);
    return st == HM_OK ? hm_strings_read(labels, arena, &token->labels, err) : st;
}

enum hm_status hm_tokens_get(struct hm_session *s, const char *id, struct hm_arena *arena,
                             struct hm_token_row *out_row, struct hm_err *err)
{
    const struct hm_value values[] = {hm_value_text(id)};
    struct token_reader reader = {.arena = arena};
    enum hm_status st = hm_session_query(s, "SELECT " TOKEN_COLUMNS " FROM tokens WHERE id = $1",
                                         values, HM_COUNT(values), read_token, &reader, NULL, err);

    if (st != HM_OK) {
        return st;
    }
    if (reader.count == 0) {
        return hm_fail_code(err, HM_ENOENT, "unknown_token", "there is no token with the id %s",
                            id);
    }
    *out_row = reader.at[0];
    return HM_OK;
}

static const struct hm_list token_list = {
    .columns = TOKEN_COLUMNS,
    .inner_now = "SELECT * FROM tokens",
    .key = "id",
};

enum hm_status hm_tokens_list(struct hm_session *s, const struct hm_page *page,
                              struct hm_arena *arena, struct hm_token_rows *out_rows,
                              struct hm_err *err)
{
    struct token_reader reader = {.arena = arena};
    enum hm_status st = hm_list_query(s, &token_list, page, read_token, &reader, err);

    if (st == HM_OK) {
        *out_rows = (struct hm_token_rows){reader.at, reader.count};
    }
    return st;
}

enum hm_status hm_tokens_revoke(struct hm_session *s, const char *id, struct hm_err *err)
{
    const struct hm_value values[] = {hm_value_text(id)};
    size_t rows = 0;
    enum hm_status st =
        hm_session_query(s, "UPDATE tokens SET revoked = 1 WHERE id = $1 RETURNING 1", values,
                         HM_COUNT(values), NULL, NULL, &rows, err);

    if (st == HM_OK && rows == 0) {
        st = hm_fail_code(err, HM_ENOENT, "unknown_token", "there is no token with the id %s", id);
    }
    return st;
}

enum hm_status hm_tokens_purge(struct hm_session *s, int64_t before_ms, struct hm_err *err)
{
    const struct hm_value values[] = {hm_value_int(before_ms)};

    return hm_session_exec(
        s, "DELETE FROM tokens WHERE kind = 'join' AND expires_ms <> 0 AND expires_ms < $1", values,
        HM_COUNT(values), err);
}

/* Why a token may not be used; the first that is true. */
static enum hm_status check_use(const struct hm_token_row *token, const unsigned char *secret_hash,
                                int64_t now_ms, struct hm_err *err)
{
    const struct {
        bool is;
        const char *code;
        const char *text;
    } rules[] = {
  /* First: who does not have the secret learns nothing of the token. */
        {!hm_crypto_equal(token->secret_hash, secret_hash,                                      HM_DIGEST_BYTES) ||
             strcmp(token->kind,            "join") != 0,
         "unknown_token", "the join token is not one of this collector: ask for a new one"},
        {token->revoked,                     "revoked_token",     "the join token was revoked: ask for a new one"        },
        {token->expires_ms != 0 && token->expires_ms <= now_ms,"expired_token",
         "the join token has expired: ask for a new one"},
        {token->uses_left == 0,                     "used_token",
         "the join token has been used as often as it may: ask for a new one"                                                  },
    };

    for (size_t i = 0; i < HM_COUNT(rules); i++) {
        if (rules[i].is) {
            return hm_fail_code(err, HM_EDENIED, rules[i].code, "%s", rules[i].text);
        }
    }
    return HM_OK;
}

enum hm_status hm_tokens_check(struct hm_session *s, const char *id,
                               const unsigned char secret_hash[HM_DIGEST_BYTES], int64_t now_ms,
                               struct hm_arena *arena, struct hm_token_row *out_row,
                               struct hm_err *err)
{
    struct hm_token_row token;
    enum hm_status st = hm_tokens_get(s, id, arena, &token, err);

    if (st == HM_ENOENT) {
        return hm_fail_code(err, HM_EDENIED, "unknown_token",
                            "the join token is not one of this collector: ask for a new one");
    }
    if (st == HM_OK) {
        st = check_use(&token, secret_hash, now_ms, err);
    }
    if (st == HM_OK) {
        *out_row = token;
    }
    return st;
}

enum hm_status hm_tokens_use(struct hm_session *s, const char *id,
                             const unsigned char secret_hash[HM_DIGEST_BYTES], int64_t now_ms,
                             struct hm_arena *arena, struct hm_token_row *out_row,
                             struct hm_err *err)
{
    const struct hm_value values[] = {hm_value_text(id)};
    struct hm_token_row token;
    enum hm_status st = hm_tokens_check(s, id, secret_hash, now_ms, arena, &token, err);

    if (st == HM_OK) {
        st = hm_session_exec(s, "UPDATE tokens SET uses_left = uses_left - 1 WHERE id = $1", values,
                             HM_COUNT(values), err);
    }
    if (st == HM_OK) {
        token.uses_left--;
        *out_row = token;
    }
    return st;
}
