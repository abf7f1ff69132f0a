/* agent/kept_policies.h — policies.json: what stands in it, and how much of that is to be believed.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The file is foreign text: whoever can write the state folder can write it. Each trust root must
 * follow the one before it, each policy must be signed under one of them. Threads: one. */
#pragma once

#include "agent/policies.h"
#include "common/base/limits.h"

/* The newest of a policy that was taken here, for ever. */
struct hm_kept_policy {
    const char *policy;
    uint32_t revision;
    const char *digest; /* of the policy document */
    bool has_envelope;  /* false: it was damaged; all that is left is what a replay is known by */
    struct hm_envelope envelope;
};
struct hm_kept_rows {
    struct hm_kept_policy *at; /* by name */
    size_t count;
};
struct hm_kept_refusals {
    struct hm_policy_refused *at;
    size_t count;
};

/* As it is written. */
struct hm_kept_file {
    struct hm_envelopes trust; /* oldest first; the last one counts */
    struct hm_strings labels;
    struct hm_kept_rows policies;
    struct hm_kept_refusals refused;
};
extern const struct hm_record hm_record_kept_file;

struct hm_kept_held {
    const struct hm_policy *policy; /* NULL = not obeyed */
    int64_t expires;                /* of the statement */
    bool over;                      /* by the clock of the last hm_kept_policies_expire */
};

struct hm_kept_policies {
    struct hm_arena arena;
    struct hm_kept_file file;                         /* what of it is believed */
    struct hm_trust_root roots[HM_LIMIT_TRUST_ROOTS]; /* of file.trust */
    struct hm_kept_held *held;                        /* of file.policies */
    struct hm_policies all;
    struct hm_kept_refusals refused; /* the file's, and what has expired since */
};

/* Believes what of the text can be believed, logs what cannot. pin: the trust root that has been
 * given by an administrator; it and what follows it count, or NULL. HM_EINVAL when the text is no
 * such file. text "" is an empty one. */
enum hm_status hm_kept_policies_decode(const char *text, size_t len, const struct hm_envelope *pin,
                                       struct hm_kept_policies *out_kept,
                                       struct hm_err *err) HM_MUST_CHECK;
void hm_kept_policies_fini(struct hm_kept_policies *kept);

/* What has expired by now is not in all, but among the refused; once a clock that was wrong is set
 * back, it is as if that had never been. True when something changed. */
bool hm_kept_policies_expire(struct hm_kept_policies *kept, int64_t now_ms);

/* Is this very envelope, to the last byte, obeyed? */
bool hm_kept_policies_obey(const struct hm_kept_policies *kept, const struct hm_envelope *envelope,
                           int64_t now_ms);

/* The trust root that counts; NULL = none. */
const struct hm_trust_root *hm_kept_policies_root(const struct hm_kept_policies *kept);

/* Statement, policy document and what both say: HM_OK only where all of it is to be obeyed.
 * HM_ENOMEM, else a refusal; its code is one of hm_refusal_code_names. */
enum hm_status hm_kept_policy_verify(const struct hm_envelope *envelope,
                                     const struct hm_statement_ctx *ctx, struct hm_arena *arena,
                                     struct hm_statement *out_statement,
                                     struct hm_policy *out_policy,
                                     struct hm_err *err) HM_MUST_CHECK;
