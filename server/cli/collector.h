/* server/cli/collector.h — the verbs of hm-collector, and what they share.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "common/config/cli.h"
#include "common/crypto/secret.h"
#include "common/crypto/sign.h"
#include "server/datafolder.h"
#include "server/store/entities_policy.h"

#define HM_EXIT_FAILED 1
#define HM_EXIT_USAGE 2

/* One file a verb. */
extern const struct hm_cli_verb hm_verb_serve;
extern const struct hm_cli_verb hm_verb_init;
extern const struct hm_cli_verb hm_verb_token_new;
extern const struct hm_cli_verb hm_verb_token_list;
extern const struct hm_cli_verb hm_verb_token_revoke;
extern const struct hm_cli_verb hm_verb_verify;
extern const struct hm_cli_verb hm_verb_version;

extern const struct hm_cli_program hm_collector_program;

/* Configuration and paths of a verb that works on the data folder. */
struct hm_desk {
    struct hm_arena arena;
    struct hm_server_config config;
    struct hm_data_paths paths;
};

/* hm_desk_close is fine whatever this answered. */
enum hm_status hm_desk_open(const struct hm_cli *cli, struct hm_desk *desk,
                            struct hm_err *err) HM_MUST_CHECK;
/* As hm_desk_open, as the server's account, with the store that is there. */
enum hm_status hm_desk_open_store(const struct hm_cli *cli, struct hm_desk *desk,
                                  struct hm_store **out_store, struct hm_err *err) HM_MUST_CHECK;
void hm_desk_close(struct hm_desk *desk);

/* What a new token shall be. */
struct hm_token_wish {
    const char *kind; /* "join", "operator" */
    const char *name;
    const char *role; /* operator; "" else */
    uint32_t uses;    /* join */
    uint32_t valid_s; /* 0 = for ever (operator only) */
    struct hm_strings labels;
    const char *ca_sha256; /* join; "" else */
};

/* Stores the token, and the event that it was made. */
enum hm_status hm_desk_make_token(struct hm_store *store, const struct hm_token_wish *wish,
                                  struct hm_arena *arena, struct hm_token *out_token,
                                  struct hm_err *err) HM_MUST_CHECK;

/* The key of a single operator; hm_key_pair_fini when done. Texts are in the desk's arena. */
struct hm_operator_key {
    const char *path;
    const char *name;
    const char *key_id;
    const char *public_key;
    struct hm_key_pair pair;
};

/* --operator-key, --operator-name, --passphrase-file: writes the sealed key as whoever runs this,
 * before the privileges are dropped. Refused inside the data folder, and where a file is. The pair
 * may be set after a failure, too. */
enum hm_status hm_desk_make_operator_key(const struct hm_cli *cli, struct hm_desk *desk,
                                         struct hm_operator_key *out_key,
                                         struct hm_err *err) HM_MUST_CHECK;
/* Stores the first trust root: this key alone, which may approve what its owner wrote. */
enum hm_status hm_desk_trust_operator(struct hm_store *store, const struct hm_operator_key *key,
                                      struct hm_arena *arena, struct hm_err *err) HM_MUST_CHECK;

/* 1, or 2 where the configuration or an argument is wrong. */
int hm_desk_fail(const struct hm_cli *cli, const struct hm_err *err);
