/* server/app.h — what the collector's parts share: made by main's steps, borrowed by handlers.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

struct hm_store;
struct hm_fleet;
struct hm_http;
struct hm_operators; /* server/api/access.h: operator tokens in memory */
struct hm_shelf;     /* server/catalogue/shelf.h: the catalogue as an immutable snapshot */
struct hm_rollout;   /* server/rollout/rollout.h: which host is offered which policies */
struct hm_plans;     /* server/plans/plans.h: plans and what-ifs over the fleet */

struct hm_app {
    struct hm_store *store;
    struct hm_fleet *fleet;
    struct hm_shelf *shelf;
    struct hm_rollout *rollout;
    struct hm_plans *plans;
    struct hm_http *http;
    struct hm_operators *operators;
    uint32_t interval_s;     /* what agents are told */
    uint32_t silent_after_s; /* a host that has not reported for this long is silent */
    char ca_sha256[65];      /* of the CA's DER bytes, for join tokens */
    const char *ca_pem;      /* GET /v1/ca */
    int64_t started_ms;
};
