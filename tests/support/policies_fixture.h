/* tests/support/policies_fixture.h — an agent's policies in a folder of their own, and people who
 * write and sign what is delivered.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Whatever ought to work and does not ends the test. */
#pragma once

#include "agent/policies.h"
#include "common/base/limits.h"
#include "tests/support/signers.h"

#define NOW HM_SIGNERS_NOW_MS
#define DAY INT64_C(86400000)
#define OTHER_FLEET "01jzzzzzzzzzzzzzzzzzzzzzzz"
#define MATCH "{\"hosts\":[\"mail*\"]}"
#define EVERYBODY "{\"hosts\":[\"*\"]}"
#define ANNA (1u << HM_ANNA)
#define BORIS (1u << HM_BORIS)
#define CHLOE (1u << HM_CHLOE)
#define DAVID (1u << HM_DAVID)

struct policies_fixture {
    char folder[64];
    struct hm_signers people;
    struct hm_agent_policies *policies;
    const char *trust_file; /* "" none */
    struct hm_trust_root root;
    struct hm_envelope pinned;
};

/* What somebody writes and has signed; members left out are as a good one has them. */
struct policy_draft {
    const char *policy;
    uint64_t revision;
    uint64_t document_revision; /* 0 = the same */
    const char *document_name;
    const char *document_match;
    const char *document_more; /* members */
    const char *match;
    const char *fleet;
    const char *author;
    const char *digest;
    bool without_content;
    const char *ports;
    int64_t expires;
    unsigned signers;
};

/* As drafted, signed by whom it says; whole or not. */
struct hm_envelope policies_statement(struct policies_fixture *fixture,
                                      const struct policy_draft *draft);
struct hm_envelope policies_root(struct policies_fixture *fixture, const struct hm_trust_root *root,
                                 unsigned signers);

/* The agent stops and starts. */
void policies_reopen(struct policies_fixture *fixture);

/* A delivery of these statements; true when it changed anything. */
bool policies_take(struct policies_fixture *fixture, struct hm_envelope *policies, size_t count,
                   int64_t now_ms);
void policies_take_trust(struct policies_fixture *fixture, struct hm_envelope *trust, size_t count);

/* Revision that is obeyed; 0 = none. */
uint32_t policies_obeyed(const struct policies_fixture *fixture, const char *name);

/* The refused one; there must be just one. */
const struct hm_policy_refused *policies_only_refused(const struct policies_fixture *fixture);
size_t policies_refused_count(const struct policies_fixture *fixture);

/* Version 1, pinned as an enrolment does. */
void policies_use_root(struct policies_fixture *fixture, size_t approvers, uint32_t threshold,
                       unsigned signers);

/* "exchange" in revision 3 and "dns" in revision 1, both taken. */
void policies_take_good(struct policies_fixture *fixture);
int policies_set_up(void **state);
int policies_tear_down(void **state);
const char *policies_path(struct policies_fixture *fixture, const char *name);
char *policies_read_file(struct policies_fixture *fixture);
const char *policies_write_file(struct policies_fixture *fixture, const char *name,
                                const char *text);
