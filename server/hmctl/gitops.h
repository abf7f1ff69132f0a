/* server/hmctl/gitops.h — a folder of policy files against the collector.
 * SPDX-License-Identifier: Apache-2.0
 *
 * FOLDER/NAME.yaml (.yml, .json) is policy NAME. Policies are told apart by name, never by id.
 * Everything lives in ctl->arena. */
#pragma once

#include "common/crypto/digest.h"
#include "server/hmctl/policy.h"

enum hm_gitops_step_kind {
    HM_GITOPS_SAME,
    HM_GITOPS_CREATE,
    HM_GITOPS_CHANGE,
    HM_GITOPS_DELETE, /* there is no file: retired when it is live, else withdrawn */
    HM_GITOPS_LEFT,   /* likewise, without --prune */
};

struct hm_gitops_step {
    enum hm_gitops_step_kind kind;
    const char *name;
    struct hm_policy policy; /* of create and change */
    uint32_t revision;       /* newest on the collector; 0 = none */
    bool live;
    struct hm_api_lint_list problems;
    bool has_counts;
    struct hm_api_plan_counts counts;
    const char *plan_digest;
};

struct hm_gitops {
    struct hm_gitops_step *at; /* by name */
    size_t count;
    size_t changes;
    size_t errors;                     /* steps that lint refuses */
    char digest[HM_DIGEST_TEXT_BYTES]; /* over all of it: what apply is told */
};

/* Reads the folder and the collector, lints and plans what differs. */
enum hm_status hm_gitops_plan(struct hm_ctl *ctl, const char *folder, bool prune,
                              struct hm_gitops *out_gitops, struct hm_err *err) HM_MUST_CHECK;
void hm_gitops_print(struct hm_ctl *ctl, const struct hm_gitops *gitops);

/* All policies of the collector, by name. */
enum hm_status hm_gitops_policies(struct hm_ctl *ctl, struct hm_api_policy_list *out_list,
                                  struct hm_err *err) HM_MUST_CHECK;

/* Is there nothing of it that a file could stand for: retired, being retired, or withdrawn before
 * hosts had any of it? */
bool hm_gitops_is_over(const struct hm_api_policy *policy);

/* The newest document without its revision, or the live one's when the newest was withdrawn: what a
 * file would say. */
enum hm_status hm_gitops_document(struct hm_ctl *ctl, const char *name,
                                  struct hm_api_policy_detail *out_detail,
                                  struct hm_policy *out_policy, struct hm_err *err) HM_MUST_CHECK;
