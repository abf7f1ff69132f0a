/* agent/identity.h — who this agent is to the collector, and how it came to be that.
 * SPDX-License-Identifier: Apache-2.0
 *
 * identity.json (readable by its owner only) and ca.pem in the state folder. Both are stored
 * before they are used. */
#pragma once

#include <stdbool.h>

#include "agent/config.h"
#include "agent/policies.h"
#include "agent/transport.h"
#include "common/crypto/secret.h"

struct hm_identity {
    bool present;
    char agent_id[HM_ID_TEXT_BYTES];
    char secret[HM_TOKEN_TEXT_BYTES]; /* "hma_…", wiped by hm_identity_fini */
    uint32_t interval_s;              /* as told at enrolment */
};

/* present is false when there is no identity.json; HM_EINVAL when it is broken. */
enum hm_status hm_identity_load(const char *state_dir, struct hm_identity *out_identity,
                                struct hm_err *err) HM_MUST_CHECK;
void hm_identity_fini(struct hm_identity *identity);

/* The CA file that vouches for the collector now: ca_file, or ca.pem once it is there, else NULL
 * (the system's store). */
enum hm_status hm_identity_ca_path(const struct hm_agent_config *config, struct hm_arena *arena,
                                   const char **out_path, struct hm_err *err) HM_MUST_CHECK;

struct hm_enrolment {
    const struct hm_agent_config *config;
    const char *token; /* join token */
    const char *name;
    struct hm_strings labels;
    struct hm_agent_policies *policies; /* pins the fleet's trust root */
};

/* Makes sure of the collector (ca_file, or the CA certificate that the token's fingerprint
 * vouches for), enrols, pins the fleet's trust root, and stores the new identity. HM_EINVAL: no
 * join token; HM_EDENIED: the collector is not the token's, or does not take the token, or its
 * trust root is not ours; HM_EBUSY: later (out_retry_after_s, -1 unknown, is written in any case).
 */
enum hm_status hm_identity_enroll(const struct hm_transport *transport,
                                  const struct hm_enrolment *enrolment,
                                  struct hm_identity *out_identity, int64_t *out_retry_after_s,
                                  struct hm_err *err) HM_MUST_CHECK;
