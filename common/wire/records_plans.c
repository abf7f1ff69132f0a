/* common/wire/records_plans.c — field tables of plans and what-ifs over the fleet.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/wire/records_policies.h"
#include "common/wire/records_shared.h"

#define COUNT(m, h) HM_F(hm_api_plan_counts, m, HM_TYPE_U64, HM_FIELD_WRITTEN, 0, 0, h)

static const struct hm_field plan_new_fields[] = {
    HM_F_TEXT(hm_api_plan_new, policy, DEFAULT, HM_LIMIT_NAME_BYTES,
              "name; absent with no document: what is live now"),
    HM_F(hm_api_plan_new, revision, HM_TYPE_U32, HM_FIELD_DEFAULT, 0, 0, "absent: the newest"),
    HM_F_RECORD_OPT(hm_api_plan_new, document, &hm_record_policy, "instead of a name"),
    HM_F(hm_api_plan_new, retire, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0,
         "as if the policy were retired"),
    HM_F_TEXT(hm_api_plan_new, host, DEFAULT, HM_LIMIT_NAME_BYTES,
              "agent id or host name; absent: the fleet"),
    HM_F_TEXT(hm_api_plan_new, filter, DEFAULT, HM_LIMIT_FILTER_BYTES, "as of hosts"),
};
const struct hm_record hm_record_api_plan_new =
    HM_RECORD("plan_new", hm_api_plan_new, plan_new_fields);

static const struct hm_field whatif_new_fields[] = {
    HM_F_RECORDS(hm_api_whatif_new, reserve, HM_FIELD_DEFAULT, HM_LIMIT_RESERVATIONS,
                 &hm_record_reservation, "if these ports were reserved"),
    HM_F_RECORDS(hm_api_whatif_new, ranges, HM_FIELD_DEFAULT, 2, &hm_record_policy_range,
                 "if these were the dynamic ranges"),
    HM_F_TEXT(hm_api_whatif_new, host, DEFAULT, HM_LIMIT_NAME_BYTES,
              "agent id or host name; absent: the fleet"),
    HM_F_TEXT(hm_api_whatif_new, filter, DEFAULT, HM_LIMIT_FILTER_BYTES, "as of hosts"),
};
const struct hm_record hm_record_api_whatif_new =
    HM_RECORD("whatif_new", hm_api_whatif_new, whatif_new_fields);

static const struct hm_field counts_fields[] = {
    COUNT(hosts, "looked at"),
    COUNT(matched, "meant by the policy"),
    COUNT(changed, "with at least one action"),
    COUNT(actions, "of all hosts"),
    COUNT(removals, "among the actions"),
    COUNT(already_there, "hosts that need nothing"),
    COUNT(taken, "hosts with a port that another program or component has"),
    COUNT(busy, "hosts with a port that its own service has, or nobody knows who"),
    COUNT(refused, "hosts with a refusal"),
    COUNT(waiting, "hosts that wait for a window"),
    COUNT(needs_reboot, "hosts on which it counts after the next boot only"),
    COUNT(facts_missing, "hosts that never told what would be needed to know"),
    COUNT(better, "hosts with a verdict that gets better"),
    COUNT(worse, "hosts with a verdict that gets worse"),
    COUNT(audit, "hosts with something that mode enforce would change"),
};
static const struct hm_record record_counts =
    HM_RECORD("plan_counts", hm_api_plan_counts, counts_fields);

static const struct hm_field plan_fields[] = {
    HM_F_TEXT(hm_api_plan, id, REQUIRED, HM_LIMIT_ID_BYTES, "of the plan"),
    HM_F_TEXT(hm_api_plan, kind, REQUIRED, HM_LIMIT_NAME_BYTES, "plan or whatif"),
    HM_F_TEXT(hm_api_plan, state, REQUIRED, HM_LIMIT_NAME_BYTES, "running, done or failed"),
    HM_F_TEXT(hm_api_plan, text, DEFAULT, HM_LIMIT_TEXT_BYTES, "why it failed"),
    HM_F_TEXT(hm_api_plan, digest, DEFAULT, HM_LIMIT_NAME_BYTES,
              "two plans with one digest say the same"),
    HM_F(hm_api_plan, created, HM_TYPE_TIME, HM_FIELD_REQUIRED, 0, 0, "when it was asked for"),
    HM_F_RECORD(hm_api_plan, counts, HM_FIELD_REQUIRED, &record_counts,
                "they grow while it is running"),
};
const struct hm_record hm_record_api_plan = HM_RECORD("fleet_plan", hm_api_plan, plan_fields);

static const struct hm_field verdict_change_fields[] = {
    HM_F_TEXT(hm_api_verdict_change, product, WRITTEN, HM_LIMIT_NAME_BYTES, "id in the catalogue"),
    HM_F_TEXT(hm_api_verdict_change, requirement, WRITTEN, HM_LIMIT_NAME_BYTES, "of the product"),
    HM_F_TEXT(hm_api_verdict_change, title, WRITTEN, HM_LIMIT_TEXT_BYTES, "for people"),
    HM_F_TEXT(hm_api_verdict_change, before, REQUIRED, HM_LIMIT_NAME_BYTES,
              "safe, unknown, exposed, blocked"),
    HM_F_TEXT(hm_api_verdict_change, after, REQUIRED, HM_LIMIT_NAME_BYTES, "likewise"),
};
static const struct hm_record record_verdict_change =
    HM_RECORD("verdict_change", hm_api_verdict_change, verdict_change_fields);

static const struct hm_field plan_host_fields[] = {
    HM_F_TEXT(hm_api_plan_host, host_id, REQUIRED, HM_LIMIT_NAME_BYTES, "agent id"),
    HM_F_TEXT(hm_api_plan_host, host, REQUIRED, HM_LIMIT_NAME_BYTES, "host name"),
    HM_F(hm_api_plan_host, silent, HM_TYPE_BOOL, HM_FIELD_WRITTEN, 0, 0,
         "the host no longer reports: what is known of it is old"),
    HM_F_RECORD(hm_api_plan_host, plan, HM_FIELD_REQUIRED, &hm_record_plan, "actions and notes"),
    HM_F_RECORDS(hm_api_plan_host, verdicts, HM_FIELD_DEFAULT, HM_LIMIT_VERDICTS,
                 &record_verdict_change, "what-if: those that change"),
};
const struct hm_record hm_record_api_plan_host =
    HM_RECORD("plan_host", hm_api_plan_host, plan_host_fields);

static const struct hm_field plan_hosts_fields[] = {
    HM_F_RECORDS(hm_api_plan_hosts, items, HM_FIELD_REQUIRED, HM_LIMIT_PAGE_ROWS,
                 &hm_record_api_plan_host, "by name, id"),
    HM_F_NEXT(hm_api_plan_hosts),
};
const struct hm_record hm_record_api_plan_hosts =
    HM_RECORD("plan_hosts", hm_api_plan_hosts, plan_hosts_fields);
