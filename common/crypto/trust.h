/* common/crypto/trust.h — the trust root: whose signatures count for a fleet, and how many.
 * SPDX-License-Identifier: Apache-2.0
 *
 * An agent keeps one, pinned at enrolment or by configuration, and replaces it only by the next
 * version, signed by the old threshold and the new one. Decisions only: documents are read and
 * written in common/wire/signed.h. Codes of refusals: refusal.h. Threads: all are pure. */
#pragma once

#include "common/crypto/envelope.h"
#include "common/crypto/refusal.h"

struct hm_approver {
    const char *name;       /* unique in the root, letter case aside */
    const char *public_key; /* text; unique too */
};
struct hm_approvers {
    struct hm_approver *at;
    size_t count;
};
struct hm_trust_root {
    uint64_t version;  /* 1, 2, 3 … */
    const char *fleet; /* 26 characters, see common/crypto/id.h */
    uint32_t threshold;
    bool single_operator; /* one person writes and approves: with one approver only */
    struct hm_approvers approvers;
};

/* Does the root make sense? HM_EINVAL "malformed" with the reason: a threshold out of reach,
 * names or keys that stand twice, keys that are none, a fleet id that is none. */
enum hm_status hm_trust_root_check(const struct hm_trust_root *root,
                                   struct hm_err *err) HM_MUST_CHECK;

/* Did enough approvers sign this envelope? On HM_OK out_signers->body is what they signed; unknown
 * keys, wrong and repeated signatures beside enough good ones are ignored and counted there, for
 * the log. Refusals: malformed (the root, or the payload), wrong_type; with too few good
 * signatures unsigned, altered, unknown_key or threshold, the first that is true. HM_ETOOBIG over
 * the caps. out_signers may be NULL. */
enum hm_status hm_trust_root_verify(const struct hm_trust_root *root,
                                    const struct hm_envelope *envelope, const char *type,
                                    struct hm_arena *arena, struct hm_envelope_signers *out_signers,
                                    struct hm_err *err) HM_MUST_CHECK;

/* May next follow root? Same fleet (wrong_fleet), version higher (replayed) by exactly one
 * (version_gap). The signatures are the caller's to verify, with both roots. */
enum hm_status hm_trust_root_follows(const struct hm_trust_root *root,
                                     const struct hm_trust_root *next,
                                     struct hm_err *err) HM_MUST_CHECK;

/* HM_EDENIED "author_only" when every approver who signed is the author, known by name (letter
 * case aside) or by key id ("" = not told). A single operator may. */
enum hm_status hm_trust_root_check_author(const struct hm_trust_root *root,
                                          const struct hm_envelope_signers *signers,
                                          const char *author, const char *author_key_id,
                                          struct hm_err *err) HM_MUST_CHECK;
