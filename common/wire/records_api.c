/* common/wire/records_api.c — field tables of the operator API.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/wire/records_api.h"

#include "common/wire/records_policies.h"
#include "common/wire/records_shared.h"

static const struct hm_field host_fields[] = {
    HM_F_TEXT(hm_api_host, id, REQUIRED, HM_LIMIT_NAME_BYTES, "agent id"),
    HM_F_TEXT(hm_api_host, name, REQUIRED, HM_LIMIT_NAME_BYTES, "host name"),
    HM_F(hm_api_host, labels, HM_TYPE_STRINGS, HM_FIELD_WRITTEN, 0, HM_LIMIT_LABELS, "name=value"),
    HM_F_TEXT(hm_api_host, os_family, DEFAULT, HM_LIMIT_NAME_BYTES, "windows or linux"),
    HM_F_TEXT(hm_api_host, os_name, DEFAULT, HM_LIMIT_NAME_BYTES, "system"),
    HM_F_TEXT(hm_api_host, os_version, DEFAULT, HM_LIMIT_NAME_BYTES, "build or kernel"),
    HM_F_TEXT(hm_api_host, agent_version, DEFAULT, HM_LIMIT_NAME_BYTES, "of hm-agent"),
    HM_F_TEXT(hm_api_host, verdict, REQUIRED, HM_LIMIT_NAME_BYTES,
              "the worst of all: safe, unknown, exposed, blocked"),
    HM_F(hm_api_host, safe, HM_TYPE_U32, HM_FIELD_WRITTEN, 0, 0,
         "requirements that are safe, as last judged"),
    HM_F(hm_api_host, unknown, HM_TYPE_U32, HM_FIELD_WRITTEN, 0, 0, "unknown ones"),
    HM_F(hm_api_host, exposed, HM_TYPE_U32, HM_FIELD_WRITTEN, 0, 0, "exposed ones"),
    HM_F(hm_api_host, blocked, HM_TYPE_U32, HM_FIELD_WRITTEN, 0, 0, "blocked ones"),
    HM_F(hm_api_host, findings_high, HM_TYPE_U32, HM_FIELD_WRITTEN, 0, 0,
         "open findings of high severity"),
    HM_F(hm_api_host, findings_medium, HM_TYPE_U32, HM_FIELD_WRITTEN, 0, 0, "of medium severity"),
    HM_F(hm_api_host, findings_low, HM_TYPE_U32, HM_FIELD_WRITTEN, 0, 0, "of low severity"),
    HM_F(hm_api_host, first_seen, HM_TYPE_TIME, HM_FIELD_DEFAULT, 0, 0, "first report"),
    HM_F(hm_api_host, last_seen, HM_TYPE_TIME, HM_FIELD_DEFAULT, 0, 0, "newest report"),
    HM_F(hm_api_host, silent_since, HM_TYPE_TIME, HM_FIELD_DEFAULT, 0, 0,
         "since when it no longer reports"),
    HM_F(hm_api_host, silent, HM_TYPE_BOOL, HM_FIELD_WRITTEN, 0, 0,
         "no longer reports: what is known of it is old"),
    HM_F(hm_api_host, cloned, HM_TYPE_BOOL, HM_FIELD_WRITTEN, 0, 0,
         "two machines use its identity"),
    HM_F(hm_api_host, incomplete, HM_TYPE_BOOL, HM_FIELD_WRITTEN, 0, 0,
         "facts are missing without which nothing is called safe: the services that do not run, "
         "the listeners"),
};
const struct hm_record hm_record_api_host = HM_RECORD("host", hm_api_host, host_fields);

static const struct hm_field hosts_fields[] = {
    HM_F_RECORDS(hm_api_hosts, items, HM_FIELD_REQUIRED, HM_LIMIT_PAGE_ROWS, &hm_record_api_host,
                 "by id"),
    HM_F_NEXT(hm_api_hosts),
};
const struct hm_record hm_record_api_hosts = HM_RECORD("hosts", hm_api_hosts, hosts_fields);

static const struct hm_field verdict_fields[] = {
    HM_F(hm_api_verdict, id, HM_TYPE_U64, HM_FIELD_REQUIRED, 0, 0, "key of the row"),
    HM_F_TEXT(hm_api_verdict, host_id, REQUIRED, HM_LIMIT_NAME_BYTES, "agent id"),
    HM_F_TEXT(hm_api_verdict, host, REQUIRED, HM_LIMIT_NAME_BYTES, "host name"),
    HM_F(hm_api_verdict, silent, HM_TYPE_BOOL, HM_FIELD_WRITTEN, 0, 0,
         "the host no longer reports"),
    HM_F(hm_api_verdict, as_of, HM_TYPE_TIME, HM_FIELD_DEFAULT, 0, 0, "newest report of the host"),
    HM_F(hm_api_verdict, since, HM_TYPE_TIME, HM_FIELD_REQUIRED, 0, 0, "start of this state"),
    HM_F(hm_api_verdict, until, HM_TYPE_TIME, HM_FIELD_DEFAULT, 0, 0, "end of it; absent: still"),
    HM_F_TEXT(hm_api_verdict, judged_by, REQUIRED, HM_LIMIT_NAME_BYTES, "agent or collector"),
    HM_F_RECORD(hm_api_verdict, verdict, HM_FIELD_REQUIRED, &hm_record_verdict, "what was judged"),
};
const struct hm_record hm_record_api_verdict =
    HM_RECORD("host_verdict", hm_api_verdict, verdict_fields);

static const struct hm_field verdicts_fields[] = {
    HM_F_RECORDS(hm_api_verdicts, items, HM_FIELD_REQUIRED, HM_LIMIT_PAGE_ROWS,
                 &hm_record_api_verdict, "in the order of their keys"),
    HM_F_NEXT(hm_api_verdicts),
};
const struct hm_record hm_record_api_verdicts =
    HM_RECORD("verdicts", hm_api_verdicts, verdicts_fields);

static const struct hm_field finding_fields[] = {
    HM_F(hm_api_finding, id, HM_TYPE_U64, HM_FIELD_REQUIRED, 0, 0, "key of the row"),
    HM_F_TEXT(hm_api_finding, host_id, REQUIRED, HM_LIMIT_NAME_BYTES, "agent id"),
    HM_F_TEXT(hm_api_finding, host, REQUIRED, HM_LIMIT_NAME_BYTES, "host name"),
    HM_F(hm_api_finding, silent, HM_TYPE_BOOL, HM_FIELD_WRITTEN, 0, 0,
         "the host no longer reports"),
    HM_F(hm_api_finding, as_of, HM_TYPE_TIME, HM_FIELD_DEFAULT, 0, 0, "newest report of the host"),
    HM_F(hm_api_finding, since, HM_TYPE_TIME, HM_FIELD_REQUIRED, 0, 0, "when it was first found"),
    HM_F(hm_api_finding, until, HM_TYPE_TIME, HM_FIELD_DEFAULT, 0, 0,
         "when it was gone; absent: still there"),
    HM_F_RECORD(hm_api_finding, finding, HM_FIELD_REQUIRED, &hm_record_finding, "what was found"),
};
const struct hm_record hm_record_api_finding =
    HM_RECORD("host_finding", hm_api_finding, finding_fields);

static const struct hm_field findings_fields[] = {
    HM_F_RECORDS(hm_api_findings, items, HM_FIELD_REQUIRED, HM_LIMIT_PAGE_ROWS,
                 &hm_record_api_finding, "in the order of their keys"),
    HM_F_NEXT(hm_api_findings),
};
const struct hm_record hm_record_api_findings =
    HM_RECORD("host_findings", hm_api_findings, findings_fields);

static const struct hm_field host_detail_fields[] = {
    HM_F_RECORD(hm_api_host_detail, host, HM_FIELD_REQUIRED, &hm_record_api_host, "as in the list"),
    HM_F_RECORDS(hm_api_host_detail, verdicts, HM_FIELD_REQUIRED, HM_LIMIT_PAGE_ROWS,
                 &hm_record_api_verdict, "in the order of their keys"),
    HM_F_RECORDS(hm_api_host_detail, findings, HM_FIELD_REQUIRED, HM_LIMIT_PAGE_ROWS,
                 &hm_record_api_finding, "in the order of their keys"),
    HM_F(hm_api_host_detail, truncated, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0,
         "there are more verdicts or findings; ask their lists"),
    HM_F(hm_api_host_detail, not_known, HM_TYPE_STRINGS, HM_FIELD_DEFAULT, 0, HM_LIMIT_FINDINGS,
         "what the agent could not read, or left out of its report"),
    HM_F_RECORD_OPT(hm_api_host_detail, inventory, &hm_record_inventory, "what the host shows"),
    HM_F_RECORD_OPT(hm_api_host_detail, sample, &hm_record_sample,
                    "counters that came with the last change"),
};
const struct hm_record hm_record_api_host_detail =
    HM_RECORD("host_detail", hm_api_host_detail, host_detail_fields);

static const struct hm_field document_fields[] = {
    HM_F_TEXT(hm_api_document, kind, REQUIRED, HM_LIMIT_NAME_BYTES,
              "inventory, findings or outcome"),
    HM_F_TEXT(hm_api_document, digest, REQUIRED, HM_LIMIT_NAME_BYTES, "blake2b-256:…"),
    HM_F(hm_api_document, since, HM_TYPE_TIME, HM_FIELD_REQUIRED, 0, 0, "first reported"),
    HM_F(hm_api_document, until, HM_TYPE_TIME, HM_FIELD_DEFAULT, 0, 0,
         "replaced; absent: still valid"),
    HM_F(hm_api_document, size_bytes, HM_TYPE_U64, HM_FIELD_REQUIRED, 0, 0, "of the body"),
};
static const struct hm_record record_document =
    HM_RECORD("document", hm_api_document, document_fields);

static const struct hm_field history_fields[] = {
    HM_F_RECORDS(hm_api_history, items, HM_FIELD_REQUIRED, HM_LIMIT_PAGE_ROWS, &record_document,
                 "newest first"),
    HM_F_NEXT(hm_api_history),
};
const struct hm_record hm_record_api_history = HM_RECORD("history", hm_api_history, history_fields);

static const struct hm_field event_fields[] = {
    HM_F(hm_api_event, id, HM_TYPE_U64, HM_FIELD_REQUIRED, 0, 0, "1, 2, 3 … without gaps"),
    HM_F(hm_api_event, at, HM_TYPE_TIME, HM_FIELD_REQUIRED, 0, 0, "when"),
    HM_F_TEXT(hm_api_event, kind, REQUIRED, HM_LIMIT_NAME_BYTES, "what happened"),
    HM_F_TEXT(hm_api_event, host_id, DEFAULT, HM_LIMIT_NAME_BYTES, "agent id"),
    HM_F_TEXT(hm_api_event, host, DEFAULT, HM_LIMIT_NAME_BYTES, "host name"),
    HM_F_TEXT(hm_api_event, actor, WRITTEN, HM_LIMIT_NAME_BYTES,
              "who: token NAME, agent NAME, collector"),
    HM_F_TEXT(hm_api_event, peer, DEFAULT, HM_LIMIT_NAME_BYTES, "address it came from"),
    HM_F_TEXT(hm_api_event, before, DEFAULT, HM_LIMIT_API_BODY_BYTES, "state before"),
    HM_F_TEXT(hm_api_event, after, DEFAULT, HM_LIMIT_API_BODY_BYTES, "state after"),
    HM_F_TEXT(hm_api_event, why, DEFAULT, HM_LIMIT_TEXT_BYTES, "reason given"),
    HM_F_TEXT(hm_api_event, hash, REQUIRED, HM_LIMIT_NAME_BYTES,
              "chains the row to the one before it"),
};
const struct hm_record hm_record_api_event = HM_RECORD("event", hm_api_event, event_fields);

static const struct hm_field events_fields[] = {
    HM_F_RECORDS(hm_api_events, items, HM_FIELD_REQUIRED, HM_LIMIT_PAGE_ROWS, &hm_record_api_event,
                 "in the order of their ids"),
    HM_F_NEXT(hm_api_events),
};
const struct hm_record hm_record_api_events = HM_RECORD("events", hm_api_events, events_fields);

static const struct hm_field token_fields[] = {
    HM_F_TEXT(hm_api_token, id, REQUIRED, HM_LIMIT_NAME_BYTES, "token id"),
    HM_F_TEXT(hm_api_token, kind, REQUIRED, HM_LIMIT_NAME_BYTES, "join or operator"),
    HM_F_TEXT(hm_api_token, name, WRITTEN, HM_LIMIT_NAME_BYTES, "for people and events"),
    HM_F_TEXT(hm_api_token, role, DEFAULT, HM_LIMIT_NAME_BYTES,
              "operator: viewer, author, approver, operator, admin"),
    HM_F(hm_api_token, labels, HM_TYPE_STRINGS, HM_FIELD_DEFAULT, 0, HM_LIMIT_LABELS,
         "join: given to every host that enrols with it"),
    HM_F(hm_api_token, created, HM_TYPE_TIME, HM_FIELD_REQUIRED, 0, 0, "when it was made"),
    HM_F(hm_api_token, expires, HM_TYPE_TIME, HM_FIELD_DEFAULT, 0, 0, "absent: never"),
    HM_F(hm_api_token, uses_left, HM_TYPE_U32, HM_FIELD_DEFAULT, 0, 0, "join: enrolments left"),
    HM_F(hm_api_token, revoked, HM_TYPE_BOOL, HM_FIELD_WRITTEN, 0, 0, "no longer taken"),
};
const struct hm_record hm_record_api_token = HM_RECORD("token", hm_api_token, token_fields);

static const struct hm_field tokens_fields[] = {
    HM_F_RECORDS(hm_api_tokens, items, HM_FIELD_REQUIRED, HM_LIMIT_PAGE_ROWS, &hm_record_api_token,
                 "by id"),
    HM_F_NEXT(hm_api_tokens),
};
const struct hm_record hm_record_api_tokens = HM_RECORD("tokens", hm_api_tokens, tokens_fields);

static const struct hm_field token_new_fields[] = {
    HM_F(hm_api_token_new, kind, HM_TYPE_STRING, HM_FIELD_REQUIRED, 1, 16, "join or operator"),
    HM_F(hm_api_token_new, name, HM_TYPE_STRING, HM_FIELD_REQUIRED, 1, 100,
         "for people and events"),
    HM_F_TEXT(hm_api_token_new, role, DEFAULT, 16,
              "operator: viewer, author, approver, operator, admin"),
    HM_F(hm_api_token_new, labels, HM_TYPE_STRINGS, HM_FIELD_DEFAULT, 0, HM_LIMIT_LABELS,
         "join: given to every host that enrols with it"),
    HM_F(hm_api_token_new, valid_s, HM_TYPE_U32, HM_FIELD_DEFAULT, 0, HM_LIMIT_TOKEN_VALID_S,
         "absent: an hour for join, for ever for operator"),
    HM_F(hm_api_token_new, uses, HM_TYPE_U32, HM_FIELD_DEFAULT, 0, HM_LIMIT_TOKEN_USES,
         "join: enrolments, absent: 1"),
    HM_F_TEXT(hm_api_token_new, why, DEFAULT, HM_LIMIT_TEXT_BYTES, "reason, kept in the event"),
};
const struct hm_record hm_record_api_token_new =
    HM_RECORD("token_new", hm_api_token_new, token_new_fields);

static const struct hm_field token_made_fields[] = {
    HM_F_RECORD(hm_api_token_made, token, HM_FIELD_REQUIRED, &hm_record_api_token,
                "as in the list"),
    HM_F_TEXT(hm_api_token_made, secret, REQUIRED, HM_LIMIT_NAME_BYTES,
              "the whole token; shown this once"),
};
const struct hm_record hm_record_api_token_made =
    HM_RECORD("token_made", hm_api_token_made, token_made_fields);

static const struct hm_field products_fields[] = {
    HM_F_RECORDS(hm_api_products, items, HM_FIELD_REQUIRED, HM_LIMIT_PRODUCTS, &hm_record_product,
                 "by id"),
    HM_F_NEXT(hm_api_products),
    HM_F_RECORD(hm_api_products, release, HM_FIELD_DEFAULT, &hm_record_catalogue,
                "the shipped catalogue as a whole"),
};
const struct hm_record hm_record_api_products =
    HM_RECORD("products", hm_api_products, products_fields);

static const struct hm_field whoami_fields[] = {
    HM_F_TEXT(hm_api_whoami, role, REQUIRED, HM_LIMIT_NAME_BYTES,
              "viewer, author, approver, operator, admin"),
    HM_F_TEXT(hm_api_whoami, id, REQUIRED, HM_LIMIT_NAME_BYTES, "token id"),
    HM_F_TEXT(hm_api_whoami, name, REQUIRED, HM_LIMIT_NAME_BYTES, "for events"),
};
const struct hm_record hm_record_api_whoami = HM_RECORD("whoami", hm_api_whoami, whoami_fields);

static const struct hm_field health_fields[] = {
    HM_F_TEXT(hm_api_health, status, REQUIRED, HM_LIMIT_NAME_BYTES, "ok or ready"),
    HM_F_TEXT(hm_api_health, version, REQUIRED, HM_LIMIT_NAME_BYTES, "of hm-collector"),
};
const struct hm_record hm_record_api_health = HM_RECORD("health", hm_api_health, health_fields);

const struct hm_record_row hm_records_api[] = {
    {"Event",           &hm_record_api_event        },
    {"Events",          &hm_record_api_events       },
    {"HostFinding",     &hm_record_api_finding      },
    {"HostFindings",    &hm_record_api_findings     },
    {"Health",          &hm_record_api_health       },
    {"History",         &hm_record_api_history      },
    {"Host",            &hm_record_api_host         },
    {"HostDetail",      &hm_record_api_host_detail  },
    {"Hosts",           &hm_record_api_hosts        },
    {"Products",        &hm_record_api_products     },
    {"Token",           &hm_record_api_token        },
    {"TokenMade",       &hm_record_api_token_made   },
    {"TokenNew",        &hm_record_api_token_new    },
    {"Tokens",          &hm_record_api_tokens       },
    {"HostVerdict",     &hm_record_api_verdict      },
    {"HostVerdicts",    &hm_record_api_verdicts     },
    {"Whoami",          &hm_record_api_whoami       },
    {"Lint",            &hm_record_api_lint         },
    {"PolicySummary",   &hm_record_api_policy       },
    {"Policies",        &hm_record_api_policies     },
    {"PolicyRevision",  &hm_record_api_revision     },
    {"PolicyRevisions", &hm_record_api_revisions    },
    {"PolicyDetail",    &hm_record_api_policy_detail},
    {"PolicyAct",       &hm_record_api_policy_act   },
    {"Trust",           &hm_record_api_trust        },
    {"HostPolicies",    &hm_record_api_host_policies},
    {"Compliance",      &hm_record_api_compliance   },
    {"Exception",       &hm_record_api_exception    },
    {"Exceptions",      &hm_record_api_exceptions   },
    {"ExceptionNew",    &hm_record_api_exception_new},
    {"PlanNew",         &hm_record_api_plan_new     },
    {"WhatifNew",       &hm_record_api_whatif_new   },
    {"FleetPlan",       &hm_record_api_plan         },
    {"PlanHost",        &hm_record_api_plan_host    },
    {"PlanHosts",       &hm_record_api_plan_hosts   },
};
const size_t hm_records_api_count = HM_COUNT(hm_records_api);
