/* server/api/api.h — every handler of the HTTP surface; routes.c has one row for each.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/app.h"
#include "server/http/http.h"

extern const struct hm_route hm_routes[];
extern const size_t hm_routes_count;

/* The access callback (access.c): agents by the fleet, operators by their tokens. */
hm_access hm_api_access;

/* Agents: agent_routes.c */
hm_handler hm_api_ca_get;
hm_handler hm_api_enroll_post;
hm_handler hm_api_checkin_post;
hm_handler hm_api_desired_get;

/* Operators: hosts.c verdicts.c findings.c events.c tokens.c catalogue.c */
hm_handler hm_api_hosts_list;
hm_handler hm_api_hosts_get;
hm_handler hm_api_hosts_inventory_get;
hm_handler hm_api_hosts_history_get;
hm_handler hm_api_hosts_delete;
hm_handler hm_api_verdicts_list;
hm_handler hm_api_findings_list;
hm_handler hm_api_events_list;
hm_handler hm_api_tokens_list;
hm_handler hm_api_tokens_post;
hm_handler hm_api_tokens_delete;
hm_handler hm_api_catalogue_list;
hm_handler hm_api_catalogue_get;
hm_handler hm_api_whoami_get;

/* Policies: policies.c policy_acts.c lint.c trust.c */
hm_handler hm_api_policies_list;
hm_handler hm_api_policies_get;
hm_handler hm_api_policies_put;
hm_handler hm_api_revisions_list;
hm_handler hm_api_revisions_get;
hm_handler hm_api_policy_submit;
hm_handler hm_api_policy_approve;
hm_handler hm_api_policy_reject;
hm_handler hm_api_policy_activate;
hm_handler hm_api_policy_pause;
hm_handler hm_api_policy_resume;
hm_handler hm_api_policy_retire;
hm_handler hm_api_policy_withdraw;
hm_handler hm_api_lint_post;
hm_handler hm_api_trust_get;
hm_handler hm_api_trust_post;

/* Plans: plans.c */
hm_handler hm_api_plans_post;
hm_handler hm_api_whatif_post;
hm_handler hm_api_plans_get;
hm_handler hm_api_plan_hosts_list;

/* How far hosts are: compliance.c exceptions.c */
hm_handler hm_api_host_policies_list;
hm_handler hm_api_compliance_get;
hm_handler hm_api_exceptions_list;
hm_handler hm_api_exceptions_post;
hm_handler hm_api_exceptions_delete;

/* The server itself: health.c openapi.c */
hm_handler hm_api_healthz_get;
hm_handler hm_api_readyz_get;
hm_handler hm_api_metrics_get;
hm_handler hm_api_openapi_get;
