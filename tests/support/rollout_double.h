/* tests/support/rollout_double.h — a collector with hosts and signed policies put into its store.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/store/entities_policy.h"
#include "tests/support/agent_double.h"
#include "tests/support/signers.h"

struct rollout_double {
    struct collector_double collector;
    struct hm_signers signers;
};

void rollout_double_open(struct rollout_double *f);
void rollout_double_close(struct rollout_double *f);

struct rollout_host {
    const char *id;    /* and name */
    const char *label; /* NULL none */
    const char *family;
    const char *services; /* NULL not known */
};
/* arg: struct rollout_host; the row alone, the fleet is not told. */
hm_session_fn rollout_put_host;
void rollout_double_add(struct rollout_double *f, const struct rollout_host *host);

struct rollout_revision {
    const char *policy;
    uint32_t revision;
    enum hm_revision_state state;
    const char *match;
    int64_t expires_ms; /* 0 = in a day */
    bool broken;        /* the document is not even JSON */
    struct rollout_double *f;
};
/* arg: struct rollout_revision; signed by Anna. */
hm_session_fn rollout_put_revision;
void rollout_double_put(struct rollout_double *f, const char *policy, uint32_t revision,
                        enum hm_revision_state state, const char *match);
/* What is signed stays as it is. */
void rollout_double_turn(struct rollout_double *f, const char *policy, uint32_t revision,
                         enum hm_revision_state state);

/* Until the rollout has nothing to do any more; refresh tells it to look first. */
void rollout_double_settle(struct rollout_double *f);
void rollout_double_refresh(struct rollout_double *f);

/* What a host sees: "exchange/3 pops/1", by name; decoded as an agent does. */
const char *rollout_double_offers(struct rollout_double *f, const char *id, char out[200]);
