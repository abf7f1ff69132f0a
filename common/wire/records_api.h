/* common/wire/records_api.h — what the operator API takes and answers, for collector and hmctl.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each has a component schema in schema/api/openapi.yaml; the parity test holds them together.
 * Times are milliseconds, 0 = never, and left out then. A list's next is the cursor of the page
 * after it, "" (left out) at the end. */
#pragma once

#include "common/wire/records.h"

struct hm_api_host {
    const char *id;
    const char *name;
    struct hm_strings labels; /* "site=paris" */
    const char *os_family;
    const char *os_name;
    const char *os_version;
    const char *agent_version;
    const char *verdict; /* the worst of all; "unknown" for a silent or never judged host, and for
                            an incomplete one of which nothing worse is known */
    uint32_t safe;       /* requirements by state, as last judged */
    uint32_t unknown;
    uint32_t exposed;
    uint32_t blocked;
    uint32_t findings_high;
    uint32_t findings_medium;
    uint32_t findings_low;
    int64_t first_seen;
    int64_t last_seen;
    int64_t silent_since;
    bool silent;
    bool cloned;
    bool incomplete; /* facts are missing without which nothing is called safe */
};
struct hm_api_host_list {
    struct hm_api_host *at;
    size_t count;
};
struct hm_api_hosts {
    struct hm_api_host_list items;
    const char *next;
};

/* A verdict or finding of one host. as_of says how old the facts are: the host's last report,
 * left out in answers about the past. */
struct hm_api_verdict {
    uint64_t id;
    const char *host_id;
    const char *host;
    bool silent;
    int64_t as_of;
    int64_t since;
    int64_t until;
    const char *judged_by; /* "agent", "collector" */
    struct hm_verdict verdict;
};
struct hm_api_verdict_list {
    struct hm_api_verdict *at;
    size_t count;
};
struct hm_api_verdicts {
    struct hm_api_verdict_list items;
    const char *next;
};

struct hm_api_finding {
    uint64_t id;
    const char *host_id;
    const char *host;
    bool silent;
    int64_t as_of;
    int64_t since;
    int64_t until;
    struct hm_finding finding;
};
struct hm_api_finding_list {
    struct hm_api_finding *at;
    size_t count;
};
struct hm_api_findings {
    struct hm_api_finding_list items;
    const char *next;
};

struct hm_api_host_detail {
    struct hm_api_host host;
    struct hm_api_verdict_list verdicts;
    struct hm_api_finding_list findings;
    bool truncated;              /* there are more verdicts or findings; ask their lists */
    struct hm_strings not_known; /* sentences of the agent: what it could not read or left out */
    bool has_inventory;
    struct hm_inventory inventory;
    bool has_sample;
    struct hm_sample sample;
};

struct hm_api_document {
    const char *kind; /* "inventory", "findings", "outcome" */
    const char *digest;
    int64_t since;
    int64_t until;
    uint64_t size_bytes;
};
struct hm_api_document_list {
    struct hm_api_document *at;
    size_t count;
};
struct hm_api_history {
    struct hm_api_document_list items;
    const char *next;
};

struct hm_api_event {
    uint64_t id;
    int64_t at;
    const char *kind;
    const char *host_id;
    const char *host;
    const char *actor;
    const char *peer;
    const char *before;
    const char *after;
    const char *why;
    const char *hash;
};
struct hm_api_event_list {
    struct hm_api_event *at;
    size_t count;
};
struct hm_api_events {
    struct hm_api_event_list items;
    const char *next;
};

struct hm_api_token {
    const char *id;
    const char *kind; /* "join", "operator" */
    const char *name;
    const char *role; /* operator */
    struct hm_strings labels;
    int64_t created;
    int64_t expires;
    uint32_t uses_left; /* join */
    bool revoked;
};
struct hm_api_token_list {
    struct hm_api_token *at;
    size_t count;
};
struct hm_api_tokens {
    struct hm_api_token_list items;
    const char *next;
};

/* POST /v1/tokens. */
struct hm_api_token_new {
    const char *kind;
    const char *name;
    const char *role;         /* operator: must be given */
    struct hm_strings labels; /* join: every host that enrols with it gets them */
    uint32_t valid_s;         /* 0 = the kind's own: an hour for join, for ever for operator */
    uint32_t uses;            /* join; 0 = 1 */
    const char *why;          /* into the event */
};
struct hm_api_token_made {
    struct hm_api_token token;
    const char *secret; /* the whole token; shown this once */
};

struct hm_api_products {
    struct hm_catalogue items;
    const char *next;
    struct hm_catalogue_release release;
};

struct hm_api_whoami {
    const char *role;
    const char *id;
    const char *name;
};

struct hm_api_health {
    const char *status; /* "ok", "ready" */
    const char *version;
};

extern const struct hm_record hm_record_api_host;
extern const struct hm_record hm_record_api_hosts;
extern const struct hm_record hm_record_api_host_detail;
extern const struct hm_record hm_record_api_verdict;
extern const struct hm_record hm_record_api_verdicts;
extern const struct hm_record hm_record_api_finding;
extern const struct hm_record hm_record_api_findings;
extern const struct hm_record hm_record_api_history;
extern const struct hm_record hm_record_api_event;
extern const struct hm_record hm_record_api_events;
extern const struct hm_record hm_record_api_token;
extern const struct hm_record hm_record_api_tokens;
extern const struct hm_record hm_record_api_token_new;
extern const struct hm_record hm_record_api_token_made;
extern const struct hm_record hm_record_api_products;
extern const struct hm_record hm_record_api_whoami;
extern const struct hm_record hm_record_api_health;

/* Every record above, by the name of its component schema. */
extern const struct hm_record_row hm_records_api[];
extern const size_t hm_records_api_count;
