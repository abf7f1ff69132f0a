/* server/ingest/clone.h — two live streams with one identity: neither is believed.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The host is marked, a finding and an event say so, and every stream that reports gets a fresh
 * one-use join token, so that each machine enrols again by itself. */
#pragma once

#include "common/crypto/secret.h"
#include "server/ingest/checkin.h"

#define HM_CLONE_TOKEN_S 900 /* how long the join token is good for */

struct hm_clone {
    const struct hm_app *app;
    const char *host_id;
    const char *peer;
    const char *boot_id;
    int64_t now_ms;
    struct hm_token token; /* made by hm_clone_prepare */
    struct hm_arena *arena;
};

/* Copies the texts into arena and makes the token. */
enum hm_status hm_clone_prepare(struct hm_clone *clone, struct hm_arena *arena,
                                struct hm_err *err) HM_MUST_CHECK;

/* On the writer. */
enum hm_status hm_clone_store(struct hm_session *s, struct hm_clone *clone,
                              struct hm_err *err) HM_MUST_CHECK;

/* After the commit. */
void hm_clone_end(struct hm_clone *clone);
