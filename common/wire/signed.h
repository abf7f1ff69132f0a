/* common/wire/signed.h — policy statements and trust roots: from an envelope to a trusted struct.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The way of a policy: its author's tool encodes a statement into an envelope; each approver's
 * tool shows hm_statement_decode of it and adds a signature (hm_envelope_sign); the collector
 * keeps and hands on the envelope as it came; the agent asks hm_statement_check. Codes of refusals:
 * common/crypto/refusal.h. All texts live in the caller's arena. Threads: all are pure. */
#pragma once

#include "common/crypto/key.h"
#include "common/crypto/trust.h"
#include "common/wire/fields.h"

#define HM_SIGNED_STATEMENT "application/vnd.havenmaster.statement+json"
#define HM_SIGNED_TRUST_ROOT "application/vnd.havenmaster.trust-root+json"

/* What approvers sign: this policy, in this revision, for these hosts, until then. */
struct hm_statement {
    const char *fleet;
    const char *policy;  /* name, the same in every revision */
    uint64_t revision;   /* 1, 2, 3 …; never used twice */
    const char *digest;  /* over exactly the bytes of the policy document */
    const char *content; /* these bytes; "" = they travel beside, hm_statement_check_content */
    const char *match;   /* whom it is for, as the policy module writes it; opaque here */
    const char *author;  /* who wrote it: operator's name */
    const char *author_key_id; /* the author's own key; "" = has none, or not told */
    int64_t expires;           /* milliseconds; nobody takes it from then on */
};

/* An envelope around it, without signatures yet. HM_EINVAL "malformed" when hm_statement_check
 * would say so. */
enum hm_status hm_statement_encode(const struct hm_statement *statement, struct hm_arena *arena,
                                   struct hm_envelope *out_envelope,
                                   struct hm_err *err) HM_MUST_CHECK;
enum hm_status hm_trust_root_encode(const struct hm_trust_root *root, struct hm_arena *arena,
                                    struct hm_envelope *out_envelope,
                                    struct hm_err *err) HM_MUST_CHECK;

/* What stands in an envelope, whoever signed it: to show it, never to act on it. HM_EDENIED
 * "wrong_type", HM_EINVAL "malformed". */
enum hm_status hm_statement_decode(const struct hm_envelope *envelope, struct hm_arena *arena,
                                   struct hm_statement *out_statement,
                                   struct hm_err *err) HM_MUST_CHECK;
enum hm_status hm_trust_root_decode(const struct hm_envelope *envelope, struct hm_arena *arena,
                                    struct hm_trust_root *out_root,
                                    struct hm_err *err) HM_MUST_CHECK;

/* The newest statement of one policy that was accepted here. Kept on disk, for ever, also when
 * the policy is retired: it is what a replay is known by. */
struct hm_policy_seen {
    const char *policy;
    uint64_t revision;
    const char *digest; /* of the policy document of that revision */
};

/* What a statement is measured by. Nothing of it comes from whoever delivers the envelope. */
struct hm_statement_ctx {
    const struct hm_trust_root *root; /* the pinned one */
    const char *fleet;                /* the fleet this host belongs to */
    const struct hm_policy_seen *seen;
    size_t seen_count;
    int64_t now_ms;
};

/* Is this a policy to obey? Refused with HM_EDENIED, in this order: wrong_type, unsigned, altered,
 * unknown_key, threshold (see hm_trust_root_verify); author_only; wrong_fleet; replayed (a lower
 * revision than the one seen, or the same one with another content); expired; altered (content
 * whose digest is another). HM_EINVAL "malformed": cannot be read, unknown members among it.
 * The revision seen, delivered again, is accepted. out_signers may be NULL. Schema, ranges and
 * local limits of the content come after this, and are the caller's. */
enum hm_status hm_statement_check(const struct hm_envelope *envelope,
                                  const struct hm_statement_ctx *ctx, struct hm_arena *arena,
                                  struct hm_statement *out_statement,
                                  struct hm_envelope_signers *out_signers,
                                  struct hm_err *err) HM_MUST_CHECK;

/* A policy document that came beside its accepted statement: HM_EDENIED "altered" when its digest
 * is another. */
enum hm_status hm_statement_check_content(const struct hm_statement *statement, const void *content,
                                          size_t len, struct hm_err *err) HM_MUST_CHECK;

/* The next trust root: signed by the threshold of root and by its own, same fleet, version
 * exactly one higher. root NULL: the first one ever, which only has to be signed by its own
 * threshold; the caller has pinned its digest or was told it face to face. */
enum hm_status hm_trust_root_accept(const struct hm_trust_root *root,
                                    const struct hm_envelope *envelope, struct hm_arena *arena,
                                    struct hm_trust_root *out_root,
                                    struct hm_err *err) HM_MUST_CHECK;
