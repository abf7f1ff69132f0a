/* tests/support/signers.h — people with keys, and a fleet whose trust root they make.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The keys are the same in every run. */
#pragma once

#include "common/wire/signed.h"

enum hm_signer { HM_ANNA, HM_BORIS, HM_CHLOE, HM_DAVID, HM_SIGNERS };

#define HM_SIGNERS_FLEET "01jz0000000000000000000000"
#define HM_SIGNERS_NOW_MS INT64_C(1790000000000)

extern const char *const hm_signer_names[HM_SIGNERS]; /* "anna", "boris", … */

struct hm_signers {
    struct hm_arena arena;
    struct hm_key_pair pairs[HM_SIGNERS];
    char key_ids[HM_SIGNERS][HM_KEY_ID_TEXT_BYTES];
    struct hm_approver approvers[HM_SIGNERS];
};

void hm_signers_init(struct hm_signers *signers);
void hm_signers_fini(struct hm_signers *signers);

/* Version 1 with the first count people and this threshold. */
struct hm_trust_root hm_signers_root(struct hm_signers *signers, size_t count, uint32_t threshold);

/* Revision 3 of policy "exchange" by David, valid for a day; its content is a JSON text. */
struct hm_statement hm_signers_statement(struct hm_signers *signers);

/* Adds that person's signature; false when it cannot be. */
bool hm_signers_sign(struct hm_signers *signers, enum hm_signer who, struct hm_envelope *envelope);
