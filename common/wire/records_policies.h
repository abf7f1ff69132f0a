/* common/wire/records_policies.h — what the operator API takes and answers about policies.
 * SPDX-License-Identifier: Apache-2.0
 *
 * As records_api.h: each has a component schema in schema/api/openapi.yaml; times are
 * milliseconds, 0 = never, and left out then; next is a cursor, "" at the end. All are in
 * hm_records_api. */
#pragma once

#include "common/crypto/trust.h"
#include "common/plan/outcome.h"
#include "common/plan/policy_lint.h"
#include "common/wire/records_api.h"

/* ---- policies -------------------------------------------------------------------------------- */

struct hm_api_lint_problem {
    const char *code;
    const char *severity; /* "note", "warning", "error" */
    const char *other;    /* policy that it is about too; "" none */
    const char *text;
};
struct hm_api_lint_list {
    struct hm_api_lint_problem *at;
    size_t count;
};
/* POST /v1/lint with a policy: what is wrong with it beside those that are on their way. */
struct hm_api_lint {
    struct hm_api_lint_list problems;
};

struct hm_api_policy {
    const char *name;
    const char *owner;
    const char *reason;
    const char *mode;
    int64_t review;
    uint32_t newest;
    const char *state; /* of the newest: "draft", "submitted", "rejected", "approved", "active",
                          "paused", "retired", "superseded", "withdrawn" */
    uint32_t live;     /* 0 = none */
    const char *live_state; /* "" none */
    int64_t created;
    int64_t changed;
    int64_t ends; /* the live revision's approval; hosts then take it back */
};
struct hm_api_policy_list {
    struct hm_api_policy *at;
    size_t count;
};
struct hm_api_policies { /* GET /v1/policies */
    struct hm_api_policy_list items;
    const char *next;
};

struct hm_api_approval {
    const char *approver;
    const char *key_id;
    const char *actor;
    const char *comment;
    int64_t at;
};
struct hm_api_approval_list {
    struct hm_api_approval *at;
    size_t count;
};

struct hm_api_revision { /* GET /v1/policies/{name}/revisions/{revision} */
    const char *policy;
    uint32_t revision;
    const char *state;
    const char *mode;
    const char *author;
    const char *digest;
    const char *why;
    int64_t created;
    int64_t changed;
    int64_t submitted;
    int64_t approved;
    int64_t activated;
    int64_t expires;
    uint32_t threshold; /* signatures that are needed, by the trust root of now */
    struct hm_api_approval_list approvals;
    const char *document; /* the policy's JSON as text: these exact bytes are what is signed */
    bool has_envelope;    /* from submission on: what approvers sign */
    struct hm_envelope envelope;
};
struct hm_api_revision_list {
    struct hm_api_revision *at;
    size_t count;
};
/* GET /v1/policies/{name}/revisions: newest first, without documents and envelopes. */
struct hm_api_revisions {
    struct hm_api_revision_list items;
    const char *next;
};
/* GET /v1/policies/{name}, and the answer of every POST and PUT about one. */
struct hm_api_policy_detail {
    struct hm_api_policy policy;
    struct hm_api_revision newest; /* with document and envelope */
    bool has_live;
    struct hm_api_revision live;      /* likewise; when it is another one than the newest */
    struct hm_api_lint_list problems; /* of the newest, as things stand now */
};

/* PUT /v1/policies/{name}: the policy document itself (hm_record_policy, strict); its revision is
 * ignored and given by the collector. A document equal to the newest changes nothing.
 * POST /v1/policies/{name}/{submit,approve,reject,activate,pause,resume,retire,withdraw}: */
struct hm_api_policy_act {
    uint32_t revision;   /* that the caller has looked at; another one is newest: 409 "changed" */
    const char *comment; /* into the event; reject and retire need one */
    bool has_envelope;   /* approve: with the approver's signature added */
    struct hm_envelope envelope;
    uint32_t valid_s; /* submit: until when the statement counts; 0 = 400 days; never longer than
                         the policy's own expiry */
};

/* GET and POST /v1/trust. POST takes the envelope of the next root (of the first: by an admin). */
struct hm_api_trust {
    const char *fleet;
    uint64_t version; /* 0 = there is no trust root yet */
    uint32_t threshold;
    bool single_operator;
    struct hm_approvers approvers;
    struct hm_envelopes roots; /* oldest first */
};

/* ---- how far hosts are -------------------------------------------------------------------------
 */

struct hm_api_host_policy {
    uint64_t id;
    const char *host_id;
    const char *host;
    bool silent;
    const char *policy;
    uint32_t revision;
    const char *mode;
    const char *state;
    const char *why;
    const char *code;
    const char *text;
    bool excepted;
    uint32_t repairs;
    int64_t offered;
    int64_t received;
    int64_t applied;
    int64_t verified;
    int64_t repaired;
    int64_t retired;
    int64_t failing_since;
    int64_t changed;
    struct hm_plan_notes notes; /* taken, busy: with the holder */
};
struct hm_api_host_policy_list {
    struct hm_api_host_policy *at;
    size_t count;
};
struct hm_api_host_policies { /* GET /v1/host-policies */
    struct hm_api_host_policy_list items;
    const char *next;
};

struct hm_api_compliance_row {
    const char *policy;
    const char *group;
    uint64_t hosts;
    uint64_t compliant;
    uint64_t pending;
    uint64_t noncompliant;
    uint64_t unknown;
    uint64_t excepted;
    uint64_t audit;
    int64_t failing_since;
};
struct hm_api_compliance_list {
    struct hm_api_compliance_row *at;
    size_t count;
};
struct hm_api_compliance { /* GET /v1/compliance?policy=&label= */
    int64_t at;
    struct hm_api_compliance_row fleet; /* a host counts once, by its worst */
    struct hm_api_compliance_list items;
};

struct hm_api_exception {
    const char *id;
    const char *policy; /* "" = every policy */
    const char *host_id;
    const char *host;
    const char *reason;
    const char *approver;
    int64_t created;
    int64_t expires;
    bool revoked;
};
struct hm_api_exception_list {
    struct hm_api_exception *at;
    size_t count;
};
struct hm_api_exceptions { /* GET /v1/exceptions; DELETE /v1/exceptions/{id} */
    struct hm_api_exception_list items;
    const char *next;
};
struct hm_api_exception_new { /* POST /v1/exceptions (role approver) */
    const char *policy;
    const char *host; /* id or name */
    const char *reason;
    int64_t expires; /* mandatory */
};

/* ---- plans and what-if -------------------------------------------------------------------------
 */

/* POST /v1/plans. One of policy and document; neither: what is live now. With host: that one
 * alone, whole. Retire: as if the policy were retired. */
struct hm_api_plan_new {
    const char *policy;
    uint32_t revision; /* 0 = the newest */
    bool has_document;
    struct hm_policy document;
    bool retire;
    const char *host;   /* id or name; "" = the fleet */
    const char *filter; /* as in GET /v1/hosts; "" everyone */
};
/* POST /v1/whatif: if these ports were reserved, or this were the range. */
struct hm_api_whatif_new {
    struct hm_reservations reserve;
    struct hm_policy_ranges ranges;
    const char *host;
    const char *filter;
};

struct hm_api_plan_counts {
    uint64_t hosts;   /* looked at */
    uint64_t matched; /* meant by the policy */
    uint64_t changed; /* have at least one action */
    uint64_t actions;
    uint64_t removals;      /* among the actions */
    uint64_t already_there; /* hosts that need nothing */
    uint64_t taken;         /* hosts with a port that another program or component has */
    uint64_t busy;          /* hosts with a port that its own service has, or nobody knows who */
    uint64_t refused;       /* hosts with a refusal */
    uint64_t waiting;       /* for a window */
    uint64_t needs_reboot;
    uint64_t facts_missing; /* matched by no certain answer, or never reported */
    uint64_t better;        /* what-if: hosts with a verdict that gets better */
    uint64_t worse;
    uint64_t audit; /* hosts with something that mode enforce would change */
};
/* Answer of both, and GET /v1/plans/{id}: the counts; while state is "running" they grow. */
struct hm_api_plan {
    const char *id;
    const char *kind;   /* "plan", "whatif" */
    const char *state;  /* "running", "done", "failed" */
    const char *text;   /* why it failed */
    const char *digest; /* over what it says: two plans with one digest say the same */
    int64_t created;
    struct hm_api_plan_counts counts;
};

struct hm_api_verdict_change {
    const char *product;
    const char *requirement;
    const char *title;
    const char *before;
    const char *after;
};
struct hm_api_verdict_change_list {
    struct hm_api_verdict_change *at;
    size_t count;
};
struct hm_api_plan_host {
    const char *host_id;
    const char *host;
    bool silent;
    struct hm_plan plan;                        /* of a plan: actions and notes */
    struct hm_api_verdict_change_list verdicts; /* of a what-if: those that change */
};
struct hm_api_plan_host_list {
    struct hm_api_plan_host *at;
    size_t count;
};
/* GET /v1/plans/{id}/hosts: those that something is said about, by name, id. */
struct hm_api_plan_hosts {
    struct hm_api_plan_host_list items;
    const char *next;
};

extern const struct hm_record hm_record_api_lint;
extern const struct hm_record hm_record_api_policy;
extern const struct hm_record hm_record_api_policies;
extern const struct hm_record hm_record_api_revision;
extern const struct hm_record hm_record_api_revisions;
extern const struct hm_record hm_record_api_policy_detail;
extern const struct hm_record hm_record_api_policy_act;
extern const struct hm_record hm_record_api_trust;
extern const struct hm_record hm_record_api_host_policies;
extern const struct hm_record hm_record_api_compliance;
extern const struct hm_record hm_record_api_exception;
extern const struct hm_record hm_record_api_exceptions;
extern const struct hm_record hm_record_api_exception_new;
extern const struct hm_record hm_record_api_plan_new;
extern const struct hm_record hm_record_api_whatif_new;
extern const struct hm_record hm_record_api_plan;
extern const struct hm_record hm_record_api_plan_host;
extern const struct hm_record hm_record_api_plan_hosts;
