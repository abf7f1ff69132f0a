/* server/rollout/pass.h — hosts looked at, some at a time: decided, stored, remembered, woken.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Private to server/rollout, on its thread. */
#pragma once

#include "server/fleet/fleet.h"
#include "server/rollout/snapshot.h"

#define HM_PASS_PAGE 1000u

struct hm_pass {
    struct hm_store *store;
    struct hm_fleet *fleet; /* NULL: nobody is woken */
    struct hm_known *known;
    struct hm_snapshot *snapshot;
    bool quiet; /* at start: hosts get the sets of what they were offered, nothing is offered */
    int64_t now_ms;
};

/* The next page of hosts behind after (an id, "" the first ones). out_last gets the last one's id,
 * "" when there are no more. When it fails, nothing was offered to anybody. */
enum hm_status hm_pass_page(const struct hm_pass *pass, const char *after, size_t *out_count,
                            char out_last[HM_ID_TEXT_BYTES], struct hm_err *err) HM_MUST_CHECK;

/* These hosts; unknown ones are passed over. */
enum hm_status hm_pass_hosts(const struct hm_pass *pass, char (*ids)[HM_ID_TEXT_BYTES],
                             size_t count, struct hm_err *err) HM_MUST_CHECK;

/* Hash of what a match asks for; services: one a line, NULL as "". */
uint64_t hm_pass_facts(const char *name, const char *os_family, const char *os_version,
                       const char *services);
