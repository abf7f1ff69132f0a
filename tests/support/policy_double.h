/* tests/support/policy_double.h — people who write, sign and move policies of a collector double.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "common/wire/records_policies.h"
#include "tests/support/api_double.h"
#include "tests/support/signers.h"

#define POLICY_NOW_MS HM_SIGNERS_NOW_MS

struct policy_double {
    struct collector_double collector;
    struct api_double api;
    struct hm_signers people;
    struct hm_arena arena;
    const char *fleet;
    struct hm_api_policy_detail detail; /* of the last answer that was one */
};

/* Opens a collector without a trust root. */
struct policy_double *policy_double_new(void);
void policy_double_free(struct policy_double *d);

/* The first root: the first count people, this threshold. */
void policy_double_trust(struct policy_double *d, size_t count, uint32_t threshold);
struct hm_trust_root policy_double_root(struct policy_double *d, size_t count, uint32_t threshold);

/* POST /v1/trust; signers: "ab" = anna and boris. Status of the answer. */
unsigned policy_double_turn(struct policy_double *d, const struct hm_trust_root *root,
                            const char *signers);

/* A policy of this name; rest: further members, ",\"ranges\":…"; ports of TCP to keep, or NULL. */
const char *policy_double_document(struct policy_double *d, const char *name, const char *ports,
                                   const char *rest);

/* As an operator of this name. Status of the answer. */
unsigned policy_double_put(struct policy_double *d, const char *who, const char *document);
/* On d->detail's newest revision. */
unsigned policy_double_act(struct policy_double *d, hm_handler *handler, const char *comment);
unsigned policy_double_sign(struct policy_double *d, const char *signers);
unsigned policy_double_ask(struct policy_double *d, hm_handler *handler, const char *name,
                           const struct hm_api_policy_act *ask);

/* Fails the test with the last answer unless it was this ("" = success). */
void policy_double_expect(const struct policy_double *d, unsigned status, const char *code);
void policy_double_expect_state(const struct policy_double *d, uint32_t newest, const char *state,
                                uint32_t live, const char *live_state);
