/* server/policy/approval.h — statements and signatures of a revision, measured by the trust root.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Envelopes are kept as JSON, as they travel. All texts live in the caller's arena. */
#pragma once

#include "common/wire/signed.h"
#include "server/store/entities_policy.h"

/* The fleet, and whose signatures count now. */
struct hm_trust_now {
    const char *fleet;
    bool has_root;
    struct hm_trust_root root; /* the newest */
    struct hm_trust_rows rows; /* oldest first */
};
enum hm_status hm_trust_now(struct hm_session *s, int64_t now_ms, struct hm_arena *arena,
                            struct hm_trust_now *out_trust, struct hm_err *err) HM_MUST_CHECK;

/* What the store holds; HM_EIO when it is damaged. */
enum hm_status hm_revision_document(const struct hm_revision_row *row, struct hm_arena *arena,
                                    struct hm_policy *out_policy, struct hm_err *err) HM_MUST_CHECK;
enum hm_status hm_envelope_read(const char *text, struct hm_arena *arena,
                                struct hm_envelope *out_envelope, struct hm_err *err) HM_MUST_CHECK;

enum hm_status hm_envelope_text(const struct hm_envelope *envelope, struct hm_arena *arena,
                                const char **out_text, struct hm_err *err) HM_MUST_CHECK;

/* The statement about a revision, without signatures: envelope and expires_ms are set. valid_s 0 =
 * HM_LIMIT_STATEMENT_VALID_S; never longer than the policy's own expiry. */
enum hm_status hm_revision_state_it(struct hm_revision_row *row, const struct hm_policy *policy,
                                    const char *fleet, uint32_t valid_s, int64_t now_ms,
                                    struct hm_arena *arena, struct hm_err *err) HM_MUST_CHECK;

/* What became of an approver's envelope. */
struct hm_approval_taken {
    size_t count;                   /* signatures that are new, all good */
    size_t by[HM_LIMIT_SIGNATURES]; /* whose: index in root.approvers */
    size_t signed_by;               /* approvers of now who have signed it, with these */
    bool enough;                    /* hosts would take it */
};

/* Adds the signatures of given to the revision's envelope (row->envelope is replaced). Refused with
 * HM_EDENIED: no_trust_root; altered (other bytes than were submitted, or a signature that does
 * not fit); unknown_key; expired; author_only. HM_ECONFLICT "signed_already": nothing new. */
enum hm_status hm_revision_sign(struct hm_revision_row *row, const struct hm_envelope *given,
                                const struct hm_trust_now *trust, int64_t now_ms,
                                struct hm_arena *arena, struct hm_approval_taken *out_taken,
                                struct hm_err *err) HM_MUST_CHECK;

/* Would a host that trusts the newest root take it now? HM_ECONFLICT with the code of the refusal
 * (crypto/refusal.h). */
enum hm_status hm_revision_check(const struct hm_revision_row *row,
                                 const struct hm_trust_now *trust, int64_t now_ms,
                                 struct hm_arena *arena, struct hm_err *err) HM_MUST_CHECK;
