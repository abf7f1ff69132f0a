/* server/datafolder.h — what lies in the data folder, and how a verb gets at it.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "server/config.h"
#include "server/http/certificates.h"
#include "server/store/store.h"

/* Texts are in the arena that was given. */
struct hm_data_paths {
    const char *folder;
    const char *ca;         /* ca.pem: everyone may have it */
    const char *ca_key;     /* ca-key.pem */
    const char *server;     /* server.pem */
    const char *server_key; /* server-key.pem */
    const char *database;   /* collector.db */
    const char *lock;       /* collector.lock: held by serve */
};

enum hm_status hm_data_paths(const struct hm_server_config *config, struct hm_arena *arena,
                             struct hm_data_paths *out_paths, struct hm_err *err) HM_MUST_CHECK;

/* "init" has been here. */
bool hm_data_is_made(const struct hm_data_paths *paths);

/* HM_ENOENT, with what to do, when "init" has not been here. */
enum hm_status hm_data_open_store(const struct hm_data_paths *paths, struct hm_arena *arena,
                                  struct hm_store **out_store, struct hm_err *err) HM_MUST_CHECK;

/* Certificate and key to serve with: the administrator's own or those of the data folder; they
 * are checked to be a pair. */
enum hm_status hm_data_keypair(const struct hm_server_config *config,
                               const struct hm_data_paths *paths, struct hm_arena *arena,
                               struct hm_keypair *out_pair, struct hm_err *err) HM_MUST_CHECK;

/* The CA that made the collector's certificate, and its fingerprint; both "" when the
 * administrator's own certificate is used and init made no CA. */
enum hm_status hm_data_ca(const struct hm_data_paths *paths, struct hm_arena *arena,
                          const char **out_pem, char out_sha256[HM_SHA256_HEX_BYTES],
                          struct hm_err *err) HM_MUST_CHECK;
