/* server/store/entities_policy.h — what the store keeps of policies, and of how far hosts are.
 * SPDX-License-Identifier: Apache-2.0
 *
 * As in entities.h: inside a session, rows in the caller's arena, milliseconds, 0 = never.
 * Columns that struct hm_page.where may name, by list (page.at is HM_EINVAL, code "no_history"):
 *   policies        name owner mode state live_state newest live review_ms changed_ms
 *   host_policies   id host_id host_name host_labels host_silent host_os_family policy revision
 *                   mode state why code excepted repairs offered_ms verified_ms failing_since_ms
 *   exceptions      id policy host_id host_name host_labels approver expires_ms revoked
 * host_labels as in entities.h. A forgotten host's rows of host_policies go with it (events keep
 * its past), its exceptions are revoked and stay.
 */
#pragma once

#include "common/plan/outcome.h"
#include "server/store/entities.h"

/* ---- policies.c: names, and their immutable revisions ---------------------------------------- */

/* Of one revision. server/policy/life.h has the transitions. */
enum hm_revision_state {
    HM_REVISION_DRAFT,
    HM_REVISION_SUBMITTED,
    HM_REVISION_REJECTED,
    HM_REVISION_APPROVED,
    HM_REVISION_ACTIVE,     /* offered to hosts */
    HM_REVISION_PAUSED,     /* offered to no further host; who has it keeps it */
    HM_REVISION_RETIRED,    /* live, of mode retire: offered to hosts that had an earlier one */
    HM_REVISION_SUPERSEDED, /* a later one took its place */
    HM_REVISION_WITHDRAWN,
};
#define HM_REVISION_STATE_COUNT 9
extern const char *const hm_revision_state_names[HM_REVISION_STATE_COUNT];

struct hm_policy_row {
    const char *name;
    const char *owner; /* of the newest revision, as are reason, mode, review_ms */
    const char *reason;
    const char *mode;
    int64_t review_ms;
    uint32_t newest;
    enum hm_revision_state state; /* of the newest */
    uint32_t live;                /* the revision that is active, paused or retired; 0 = none */
    enum hm_revision_state live_state;
    int64_t created_ms;
    int64_t changed_ms;
    int64_t ends_ms; /* of the live revision's statement; 0 = none. Read, never put */
};
struct hm_policy_rows {
    struct hm_policy_row *at;
    size_t count;
};
/* Insert, or update of everything but created_ms. Put before the policy's first revision. */
enum hm_status hm_policies_put(struct hm_session *s, const struct hm_policy_row *row,
                               struct hm_err *err) HM_MUST_CHECK;
enum hm_status hm_policies_get(struct hm_session *s, const char *name, struct hm_arena *arena,
                               struct hm_policy_row *out_row,
                               struct hm_err *err) HM_MUST_CHECK; /* HM_ENOENT "unknown_policy" */
enum hm_status hm_policies_list(struct hm_session *s, const struct hm_page *page,
                                struct hm_arena *arena, struct hm_policy_rows *out_rows,
                                struct hm_err *err) HM_MUST_CHECK; /* by name */

struct hm_revision_row {
    const char *policy;
    uint32_t revision;
    enum hm_revision_state state;
    const char *mode;
    const char *document; /* JSON, exactly as it is signed */
    const char *digest;   /* of these bytes */
    const char *author;   /* operator's name */
    const char
        *envelope;   /* JSON (hm_record_envelope) with the signatures so far; "" not submitted */
    const char *why; /* the last comment */
    int64_t created_ms;
    int64_t changed_ms;
    int64_t submitted_ms;
    int64_t approved_ms;
    int64_t activated_ms;
    int64_t expires_ms; /* of the statement */
};
struct hm_revision_rows {
    struct hm_revision_row *at;
    size_t count;
};
/* Insert, or update of everything but policy, revision, mode, document, digest, author and
 * created_ms: those of a revision never change (HM_ECONFLICT, code "revision_fixed"; the database
 * itself refuses too). */
enum hm_status hm_revisions_put(struct hm_session *s, const struct hm_revision_row *row,
                                struct hm_err *err) HM_MUST_CHECK;
enum hm_status hm_revisions_get(struct hm_session *s, const char *policy, uint32_t revision,
                                struct hm_arena *arena, struct hm_revision_row *out_row,
                                struct hm_err *err) HM_MUST_CHECK; /* "unknown_revision" */
/* Of one policy, newest first; page.after is a revision; page.where is not asked. */
enum hm_status hm_revisions_list(struct hm_session *s, const char *policy,
                                 const struct hm_page *page, struct hm_arena *arena,
                                 struct hm_revision_rows *out_rows,
                                 struct hm_err *err) HM_MUST_CHECK;
/* Those in one of the states of the bit mask (1u << state), of all policies, by policy, revision.
 */
enum hm_status hm_revisions_in(struct hm_session *s, unsigned states, struct hm_arena *arena,
                               struct hm_revision_rows *out_rows, struct hm_err *err) HM_MUST_CHECK;

struct hm_approval_row {
    const char *policy;
    uint32_t revision;
    const char *approver; /* name in the trust root */
    const char *key_id;
    const char *actor; /* whose token brought it: "token laptop-anna" */
    const char *comment;
    int64_t at_ms;
};
struct hm_approval_rows {
    struct hm_approval_row *at;
    size_t count;
};
/* Append-only. HM_ECONFLICT, code "approved_already", when that key has approved this revision. */
enum hm_status hm_approvals_put(struct hm_session *s, const struct hm_approval_row *row,
                                struct hm_err *err) HM_MUST_CHECK;
/* By time. */
enum hm_status hm_approvals_list(struct hm_session *s, const char *policy, uint32_t revision,
                                 struct hm_arena *arena, struct hm_approval_rows *out_rows,
                                 struct hm_err *err) HM_MUST_CHECK;

/* ---- trust.c: the fleet's id and its trust roots ----------------------------------------------
 */
/* Makes the fleet's id when there is none yet; once there is one, a read session will do. */
enum hm_status hm_fleet_id_ensure(struct hm_session *s, int64_t now_ms, struct hm_arena *arena,
                                  const char **out_id, struct hm_err *err) HM_MUST_CHECK;
struct hm_trust_row {
    uint64_t version;
    const char *envelope; /* JSON */
    const char *actor;
    int64_t created_ms;
};
struct hm_trust_rows {
    struct hm_trust_row *at;
    size_t count;
};
/* HM_ECONFLICT, code "version_taken", when the version is there. */
enum hm_status hm_trust_put(struct hm_session *s, const struct hm_trust_row *row,
                            struct hm_err *err) HM_MUST_CHECK;
/* Oldest first, at most the newest HM_LIMIT_TRUST_ROOTS. */
enum hm_status hm_trust_list(struct hm_session *s, struct hm_arena *arena,
                             struct hm_trust_rows *out_rows, struct hm_err *err) HM_MUST_CHECK;

/* ---- host_policies.c: how far each host is with each policy ------------------------------------
 */
/* state: "offered", then the names of enum hm_outcome_state. One row a host and policy: the newest
 * revision that was offered or reported. */
#define HM_HOST_POLICY_STATE_COUNT (1 + HM_OUTCOME_STATE_COUNT)
extern const char *const hm_host_policy_state_names[HM_HOST_POLICY_STATE_COUNT];
struct hm_host_policy_row {
    int64_t id;
    const char *host_id;
    const char *host_name;
    bool host_silent;
    const char *policy;
    uint32_t revision;
    const char *mode;
    const char *state;
    const char *why;   /* "none", "busy", … */
    const char *code;  /* "none", "httpsys", … */
    const char *text;  /* one sentence of the agent's */
    const char *notes; /* JSON list of plan notes; "" none */
    bool excepted;     /* an exception counts now (computed when read) */
    uint32_t repairs;
    int64_t offered_ms;  /* of this revision, as all below; 0: not by this collector */
    int64_t received_ms; /* first report of it, by the collector's clock */
    int64_t applied_ms;  /* these by the host's own clock, never before offered nor after now */
    int64_t verified_ms;
    int64_t repaired_ms; /* the newest repair */
    int64_t retired_ms;
    int64_t failing_since_ms;
    int64_t changed_ms;
};
struct hm_host_policy_rows {
    struct hm_host_policy_row *at;
    size_t count;
};
/* A new revision begins with state "offered"; the same or an older one leaves the row alone. No
 * event: the activation is one. */
enum hm_status hm_host_policies_offer(struct hm_session *s, const char *host_id, const char *policy,
                                      uint32_t revision, const char *mode, int64_t now_ms,
                                      struct hm_err *err) HM_MUST_CHECK;
/* What the host's outcome document says: rows follow it, times are set when a state is first
 * reached, each change of state is an event ("policy_verified", "policy_repaired",
 * "policy_failed", "policy_refused" …, with policy and revision in after), and each further repair
 * is one. Rows of policies that it does not mention stay, and so do rows of a newer revision than
 * it speaks of. Unknown policies get a row too: what a host does is never hidden. */
enum hm_status hm_host_policies_report(struct hm_session *s, const struct hm_host_row *host,
                                       const struct hm_outcome_report *report, const char *peer,
                                       int64_t now_ms, struct hm_arena *arena,
                                       struct hm_err *err) HM_MUST_CHECK;
/* By id. now_ms: for excepted. */
enum hm_status hm_host_policies_list(struct hm_session *s, const struct hm_page *page,
                                     int64_t now_ms, struct hm_arena *arena,
                                     struct hm_host_policy_rows *out_rows,
                                     struct hm_err *err) HM_MUST_CHECK;
/* Every (host, policy, revision) that was offered or reported, in order of host; for the rollout's
 * memory at start. Strings are valid during the call. */
typedef enum hm_status hm_host_policy_fn(const char *host_id, const char *policy, uint32_t revision,
                                         const char *state, void *arg, struct hm_err *err);
enum hm_status hm_host_policies_each(struct hm_session *s, hm_host_policy_fn *fn, void *arg,
                                     struct hm_err *err) HM_MUST_CHECK;

/* Facts that a policy's match asks for, of every host that has an inventory, in order of id: the
 * next limit ones after after_id ("" = from the start); strings are valid during the call.
 * services: one a line; NULL = not known (a report of before this column was there: the caller
 * reads the inventory by digest). */
struct hm_match_facts {
    const char *host_id;
    const char *name;
    const char *labels; /* JSON list */
    const char *os_family;
    const char *os_version;
    const char *services;
    const char *inventory_digest;
};
typedef enum hm_status hm_match_facts_fn(const struct hm_match_facts *facts, void *arg,
                                         struct hm_err *err);
enum hm_status hm_hosts_each_match_facts(struct hm_session *s, const char *after_id, unsigned limit,
                                         hm_match_facts_fn *fn, void *arg,
                                         struct hm_err *err) HM_MUST_CHECK;
/* Set with every new inventory (server/ingest); NULL = not known. */
enum hm_status hm_hosts_set_services(struct hm_session *s, const char *host_id,
                                     const char *services, struct hm_err *err) HM_MUST_CHECK;

/* ---- compliance.c ------------------------------------------------------------------------------
 */
/* Compliance, as counts: of a policy's hosts, or by the values of a label. Each host counts in one
 * of the six; of all policies together it counts once by its worst, in the order unknown,
 * noncompliant, pending, excepted, audit, compliant. Rows that are retired count nowhere: the
 * policy is no longer on that host. */
struct hm_compliance_row {
    const char *policy; /* "" = all policies together: a host counts once, by its worst */
    const char *group;  /* value of the label, "" without grouping or where a host lacks it */
    uint64_t hosts;
    uint64_t compliant;       /* verified or repaired, heard of lately */
    uint64_t pending;         /* offered, waiting, applied */
    uint64_t noncompliant;    /* failed, refused */
    uint64_t unknown;         /* silent, cloned: never green */
    uint64_t excepted;        /* would be pending or noncompliant, and somebody answers for it */
    uint64_t audit;           /* mode audit and waiting: would be changed in mode enforce */
    int64_t failing_since_ms; /* the oldest of the noncompliant and pending; 0 none */
};
struct hm_compliance_rows {
    struct hm_compliance_row *at;
    size_t count;
};
/* policy NULL: a row each policy (and with fleet set: one row of all together). label NULL: no
 * grouping; else the key whose values make the groups. */
struct hm_compliance_question {
    const char *policy;
    const char *label;
    bool fleet;
    int64_t now_ms;
};
/* By policy, then group; all together ("") comes first. HM_ETOOBIG, code "too_many_groups", past
 * HM_LIMIT_COMPLIANCE_ROWS. */
#define HM_LIMIT_COMPLIANCE_ROWS 10000u
enum hm_status hm_compliance_count(struct hm_session *s,
                                   const struct hm_compliance_question *question,
                                   struct hm_arena *arena, struct hm_compliance_rows *out_rows,
                                   struct hm_err *err) HM_MUST_CHECK;

/* ---- exceptions.c ------------------------------------------------------------------------------
 */
struct hm_exception_row {
    const char *id;
    const char *policy; /* "" = every policy */
    const char *host_id;
    const char *host_name;
    const char *reason;
    const char *approver; /* who answers for it: the operator's name */
    int64_t created_ms;
    int64_t expires_ms; /* always set: HM_EINVAL, code "no_expiry", otherwise */
    bool revoked;
};
struct hm_exception_rows {
    struct hm_exception_row *at;
    size_t count;
};
/* Insert, or revoke: nothing else of an exception changes (HM_ECONFLICT, "exception_fixed").
 * host_name is not kept. */
enum hm_status hm_exceptions_put(struct hm_session *s, const struct hm_exception_row *row,
                                 struct hm_err *err) HM_MUST_CHECK;
enum hm_status hm_exceptions_get(struct hm_session *s, const char *id, struct hm_arena *arena,
                                 struct hm_exception_row *out_row,
                                 struct hm_err *err) HM_MUST_CHECK; /* "unknown_exception" */
enum hm_status hm_exceptions_list(struct hm_session *s, const struct hm_page *page,
                                  struct hm_arena *arena, struct hm_exception_rows *out_rows,
                                  struct hm_err *err) HM_MUST_CHECK; /* by id */
