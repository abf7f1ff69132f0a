/* tests/support/agent_double.h — a collector without a socket, and agents that speak to it.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/app.h"
#include "tests/support/http_double.h"

struct agent_double {
    struct hm_app *app;
    char id[32];
    char secret[200]; /* bearer token */
    const char *name;
    /* Of the last answer. */
    unsigned status;
    char code[48];
    char need[64]; /* "inventory,findings" */
    char reenroll[200];
    char body[1024]; /* text of the answer, cut */
};

struct collector_double {
    struct hm_app app;
    struct hm_arena arena;
    char uri[300];
};

/* uri: "sqlite::memory:" or a file's. Starts store, shelf, fleet, rollout and operators. */
void collector_double_open(struct collector_double *collector, const char *uri);
void collector_double_close(struct collector_double *collector);

/* A join token with one use. */
void collector_double_token(struct collector_double *collector, int64_t now_ms, unsigned uses,
                            char out[200]);

/* Status of the answer; the agent has its identity when it is 200. */
unsigned agent_double_enroll(struct agent_double *agent, struct hm_app *app, const char *name,
                             const char *token, int64_t now_ms);

/* What goes into one check-in. A body of NULL is not sent; a digest of NULL is made of the body,
 * "" leaves the document out. */
struct agent_report {
    const char *boot_id;
    unsigned seq;
    const char *inventory;
    const char *findings;
    const char *inventory_digest;
    const char *findings_digest;
    const char *outcome;
    const char *outcome_digest;
};
unsigned agent_double_checkin(struct agent_double *agent, const struct agent_report *report,
                              int64_t now_ms);
/* Any body at all. */
unsigned agent_double_send(struct agent_double *agent, const char *body, size_t len,
                           int64_t now_ms);

/* A Windows host with Exchange's POP3 back end on 9955. dynamic: "6005-65534". */
const char *agent_double_inventory(struct hm_arena *arena, const char *dynamic);
