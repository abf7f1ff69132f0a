/* server/api/routes.c — the whole HTTP surface on one screen; no row, no access.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/api/api.h"

#include "common/base/limits.h"

#define NDJSON "application/x-ndjson"
#define API_BODY HM_LIMIT_API_BODY_BYTES

/* clang-format off */
const struct hm_route hm_routes[] = {
    {"GET",    "/v1/ca",                   HM_ROLE_ANYONE,   0, hm_api_ca_get, NULL},
    {"POST",   "/v1/enroll",               HM_ROLE_ANYONE,   HM_LIMIT_ENROLL_BYTES, hm_api_enroll_post, NULL},
    {"POST",   "/v1/checkin",              HM_ROLE_AGENT,    HM_LIMIT_CHECKIN_BYTES, hm_api_checkin_post, NDJSON},
    {"GET",    "/v1/desired",              HM_ROLE_AGENT,    0, hm_api_desired_get, NULL},

    {"GET",    "/v1/hosts",                HM_ROLE_VIEWER,   0, hm_api_hosts_list, NULL},
    {"GET",    "/v1/hosts/{id}",           HM_ROLE_VIEWER,   0, hm_api_hosts_get, NULL},
    {"DELETE", "/v1/hosts/{id}",           HM_ROLE_OPERATOR, 0, hm_api_hosts_delete, NULL},
    {"GET",    "/v1/hosts/{id}/inventory", HM_ROLE_VIEWER,   0, hm_api_hosts_inventory_get, NULL},
    {"GET",    "/v1/hosts/{id}/history",   HM_ROLE_VIEWER,   0, hm_api_hosts_history_get, NULL},
    {"GET",    "/v1/verdicts",             HM_ROLE_VIEWER,   0, hm_api_verdicts_list, NULL},
    {"GET",    "/v1/findings",             HM_ROLE_VIEWER,   0, hm_api_findings_list, NULL},
    {"GET",    "/v1/events",               HM_ROLE_VIEWER,   0, hm_api_events_list, NULL},
    {"GET",    "/v1/policies",             HM_ROLE_VIEWER,   0, hm_api_policies_list, NULL},
    {"GET",    "/v1/policies/{name}",      HM_ROLE_VIEWER,   0, hm_api_policies_get, NULL},
    {"PUT",    "/v1/policies/{name}",      HM_ROLE_AUTHOR,   API_BODY, hm_api_policies_put, NULL},
    {"GET",    "/v1/policies/{name}/revisions", HM_ROLE_VIEWER, 0, hm_api_revisions_list, NULL},
    {"GET",    "/v1/policies/{name}/revisions/{revision}", HM_ROLE_VIEWER, 0, hm_api_revisions_get, NULL},
    {"POST",   "/v1/policies/{name}/submit",   HM_ROLE_AUTHOR,   API_BODY, hm_api_policy_submit, NULL},
    {"POST",   "/v1/policies/{name}/approve",  HM_ROLE_APPROVER, API_BODY, hm_api_policy_approve, NULL},
    {"POST",   "/v1/policies/{name}/reject",   HM_ROLE_APPROVER, API_BODY, hm_api_policy_reject, NULL},
    {"POST",   "/v1/policies/{name}/activate", HM_ROLE_OPERATOR, API_BODY, hm_api_policy_activate, NULL},
    {"POST",   "/v1/policies/{name}/pause",    HM_ROLE_OPERATOR, API_BODY, hm_api_policy_pause, NULL},
    {"POST",   "/v1/policies/{name}/resume",   HM_ROLE_OPERATOR, API_BODY, hm_api_policy_resume, NULL},
    {"POST",   "/v1/policies/{name}/retire",   HM_ROLE_AUTHOR,   API_BODY, hm_api_policy_retire, NULL},
    {"POST",   "/v1/policies/{name}/withdraw", HM_ROLE_AUTHOR,   API_BODY, hm_api_policy_withdraw, NULL},
    {"POST",   "/v1/lint",                 HM_ROLE_AUTHOR,   API_BODY, hm_api_lint_post, NULL},
    {"GET",    "/v1/trust",                HM_ROLE_VIEWER,   0, hm_api_trust_get, NULL},
    {"POST",   "/v1/trust",                HM_ROLE_ADMIN,    API_BODY, hm_api_trust_post, NULL},
    {"POST",   "/v1/plans",                HM_ROLE_VIEWER,   API_BODY, hm_api_plans_post, NULL},
    {"POST",   "/v1/whatif",               HM_ROLE_VIEWER,   API_BODY, hm_api_whatif_post, NULL},
    {"GET",    "/v1/plans/{id}",           HM_ROLE_VIEWER,   0, hm_api_plans_get, NULL},
    {"GET",    "/v1/plans/{id}/hosts",     HM_ROLE_VIEWER,   0, hm_api_plan_hosts_list, NULL},
    {"GET",    "/v1/host-policies",        HM_ROLE_VIEWER,   0, hm_api_host_policies_list, NULL},
    {"GET",    "/v1/compliance",           HM_ROLE_VIEWER,   0, hm_api_compliance_get, NULL},
    {"GET",    "/v1/exceptions",           HM_ROLE_VIEWER,   0, hm_api_exceptions_list, NULL},
    {"POST",   "/v1/exceptions",           HM_ROLE_APPROVER, API_BODY, hm_api_exceptions_post, NULL},
    {"DELETE", "/v1/exceptions/{id}",      HM_ROLE_APPROVER, 0, hm_api_exceptions_delete, NULL},
    {"GET",    "/v1/tokens",               HM_ROLE_OPERATOR, 0, hm_api_tokens_list, NULL},
    {"POST",   "/v1/tokens",               HM_ROLE_OPERATOR, API_BODY, hm_api_tokens_post, NULL},
    {"DELETE", "/v1/tokens/{id}",          HM_ROLE_OPERATOR, 0, hm_api_tokens_delete, NULL},
    {"GET",    "/v1/catalogue",            HM_ROLE_VIEWER,   0, hm_api_catalogue_list, NULL},
    {"GET",    "/v1/catalogue/{id}",       HM_ROLE_VIEWER,   0, hm_api_catalogue_get, NULL},
    {"GET",    "/v1/whoami",               HM_ROLE_VIEWER,   0, hm_api_whoami_get, NULL},

    {"GET",    "/healthz",                 HM_ROLE_ANYONE,   0, hm_api_healthz_get, NULL},
    {"GET",    "/readyz",                  HM_ROLE_ANYONE,   0, hm_api_readyz_get, NULL},
    {"GET",    "/metrics",                 HM_ROLE_VIEWER,   0, hm_api_metrics_get, NULL},
    {"GET",    "/v1/openapi.json",         HM_ROLE_ANYONE,   0, hm_api_openapi_get, NULL},
};
/* clang-format on */
const size_t hm_routes_count = HM_COUNT(hm_routes);
