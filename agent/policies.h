/* agent/policies.h — the policies that this host obeys: delivered, verified, kept.
 * SPDX-License-Identifier: Apache-2.0
 *
 * policies.json in the state folder holds the pinned trust root, and for every policy ever taken
 * its newest revision, digest and envelope: what a replay is known by, and what is enforced while
 * no collector can be reached. What is delivered is verified (signature, threshold, fleet,
 * revision, expiry, schema, then the policy's own rules) before it replaces the last good one; one
 * bad document never stops the others, and a policy that is missing from a delivery stays. Threads:
 * one. */
#pragma once

#include "common/plan/plan.h"
#include "common/wire/records.h"
#include "common/wire/signed.h"

struct hm_agent_policies;

/* One statement that was not taken. The same one refused again keeps its since. */
struct hm_policy_refused {
    const char *policy; /* as the statement says, verified by nobody; "" it cannot be read */
    uint32_t revision;
    enum hm_policy_mode mode;
    enum hm_refusal_code code;
    const char *text; /* one sentence for people */
    int64_t since;
};

/* Reads policies.json and verifies it again, by the trust root that trust_file pins ("" = the one
 * that the state folder keeps): a damaged entry is dropped with a log line, never obeyed, and all
 * that is left of it is which revision was seen. A policy that was taken counts on when a later
 * trust root leaves out those who signed it. A file that is no JSON is set aside. */
enum hm_status hm_agent_policies_open(const char *state_dir, const char *trust_file,
                                      struct hm_agent_policies **out_policies,
                                      struct hm_err *err) HM_MUST_CHECK;
void hm_agent_policies_close(struct hm_agent_policies *policies);

/* The trust root of an enrolment; stored before it counts. One that is there is replaced only by
 * one that follows it (hm_trust_root_accept), or when enrolled again into another fleet, whose
 * policies then begin from nothing. With a trust_file nothing that is delivered replaces it but
 * what follows it: HM_EDENIED for another fleet, and for the same version with other approvers.
 * One further ahead of the same fleet changes nothing: deliveries bring what lies between. */
enum hm_status hm_agent_policies_pin(struct hm_agent_policies *policies,
                                     const struct hm_envelope *trust_root,
                                     struct hm_err *err) HM_MUST_CHECK;

/* A delivery: first the trust roots that follow ours (without one of ours the first that is whole
 * is pinned), then each statement. What was taken is on disk before it counts. Fails only when it
 * cannot be kept; what is refused is in hm_agent_policies_refused. *out_changed: what is obeyed, or
 * what is refused, is another. */
enum hm_status hm_agent_policies_take(struct hm_agent_policies *policies,
                                      const struct hm_desired *desired, int64_t now_ms,
                                      bool *out_changed, struct hm_err *err) HM_MUST_CHECK;

/* What was taken, by name, retire among them; borrowed until the next take or close. A statement
 * whose time is over is not among them any more: hm_agent_policies_expire tells of it. */
const struct hm_policies *hm_agent_policies_all(const struct hm_agent_policies *policies);
/* Drops from the above what has expired by now, and brings back what a clock that was wrong had
 * dropped; true when something changed. What has expired stays known as seen, and is among the
 * refused as "expired" since that time. */
bool hm_agent_policies_expire(struct hm_agent_policies *policies, int64_t now_ms);

const struct hm_policy_refused *hm_agent_policies_refused(const struct hm_agent_policies *policies,
                                                          size_t *out_count);
/* Labels that the collector gave this host with the newest delivery, kept over restarts. */
const struct hm_strings *hm_agent_policies_labels(const struct hm_agent_policies *policies);
uint64_t hm_agent_policies_trust_version(const struct hm_agent_policies *policies); /* 0 = none */
