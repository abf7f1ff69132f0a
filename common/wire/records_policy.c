/* common/wire/records_policy.c — what shall be reserved where, and how far it has come.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/ports/timed_wait.h"
#include "common/wire/records_shared.h"

const struct hm_enum hm_enum_policy_mode = {hm_policy_mode_names, HM_POLICY_MODE_COUNT};
static const struct hm_enum families = {hm_families_names, 3};
static const struct hm_enum outcome_state = {hm_outcome_state_names, HM_OUTCOME_STATE_COUNT};
static const struct hm_enum outcome_why = {hm_outcome_why_names, HM_OUTCOME_WHY_COUNT};

/* The conditions of one node of the match tree. */
#define MATCH_CONDITIONS                                                                           \
    HM_F(hm_match, labels, HM_TYPE_STRINGS, HM_FIELD_DEFAULT, 0, HM_LIMIT_LABELS,                  \
         "the host has each of these labels; * and ? match as in file names"),                     \
        HM_F_ENUM_OPT(hm_match, os_family, &hm_enum_os_family, "kind of operating system"),        \
        HM_F(hm_match, version_min, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_NAME_BYTES,      \
             "lowest version of the system, as many numbers as matter"),                           \
        HM_F(hm_match, version_max, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_NAME_BYTES,      \
             "highest version of the system, as many numbers as matter"),                          \
        HM_F(hm_match, services, HM_TYPE_STRINGS, HM_FIELD_DEFAULT, 0, HM_LIMIT_MATCHES,           \
             "each of these services is there; * and ? match as in file names"),                   \
        HM_F(hm_match, hosts, HM_TYPE_STRINGS, HM_FIELD_DEFAULT, 0, HM_LIMIT_PAGE_ROWS,            \
             "the host's name is one of these patterns")

/* The nodes below a node; a C member cannot be named like the operator. */
#define MATCH_NODES(below)                                                                         \
    HM_F_RECORDS(hm_match, all, HM_FIELD_DEFAULT, HM_LIMIT_MATCHES, below, "each of these holds"), \
        HM_F_RECORDS(hm_match, any, HM_FIELD_DEFAULT, HM_LIMIT_MATCHES, below,                     \
                     "at least one of these holds"),                                               \
    {                                                                                              \
        "not", HM_TYPE_RECORDS, HM_FIELD_DEFAULT, offsetof(struct hm_match, none), 0, 0,           \
            HM_LIMIT_MATCHES, NULL, below, "none of these holds"                                   \
    }

static const struct hm_field match_leaf_fields[] = {MATCH_CONDITIONS};
static const struct hm_record record_match_leaf =
    HM_RECORD("match_leaf", hm_match, match_leaf_fields);

static const struct hm_field match_group_fields[] = {MATCH_NODES(&record_match_leaf),
                                                     MATCH_CONDITIONS};
static const struct hm_record record_match_group =
    HM_RECORD("match_group", hm_match, match_group_fields);

static const struct hm_field match_fields[] = {MATCH_NODES(&record_match_group), MATCH_CONDITIONS};
const struct hm_record hm_record_match = HM_RECORD("match", hm_match, match_fields);

static const struct hm_field reservation_fields[] = {
    HM_F_ENUM_OPT(hm_reservation, protocol, &hm_enum_protocol,
                  "required with ports; with a product: only its requirements of this one"),
    HM_F_ENUM(hm_reservation, families, HM_FIELD_DEFAULT, &families, "absent is both"),
    HM_F(hm_reservation, ports, HM_TYPE_PORTS, HM_FIELD_DEFAULT, 0, 0,
         "ports to keep out of the dynamic range; or give a product"),
    HM_F(hm_reservation, product, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_NAME_BYTES,
         "id in the catalogue: its ports that are safe to exclude"),
    HM_F(hm_reservation, requirement, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_NAME_BYTES,
         "only this requirement of the product"),
};
const struct hm_record hm_record_reservation =
    HM_RECORD("reservation", hm_reservation, reservation_fields);

static const struct hm_field range_fields[] = {
    HM_F_ENUM(hm_policy_range, protocol, HM_FIELD_REQUIRED, &hm_enum_protocol,
              "one range a protocol; both families get it"),
    HM_F(hm_policy_range, range, HM_TYPE_RANGE, HM_FIELD_REQUIRED, 0, 0,
         "where a port is taken when a program asks for any"),
    HM_F(hm_policy_range, headroom_min, HM_TYPE_U32, HM_FIELD_DEFAULT, 0, 65536,
         "ports that must stay usable in it"),
};
const struct hm_record hm_record_policy_range = HM_RECORD("range", hm_policy_range, range_fields);

static const struct hm_field window_fields[] = {
    HM_F(hm_window, weekdays, HM_TYPE_STRINGS, HM_FIELD_REQUIRED, 1, 7,
         "mon to sun, UTC: the days on which it starts"),
    HM_F(hm_window, start_minute, HM_TYPE_U32, HM_FIELD_REQUIRED, 0, 1439,
         "minute of the day, UTC"),
    HM_F(hm_window, minutes, HM_TYPE_U32, HM_FIELD_REQUIRED, 1, 1440,
         "how long it is open; it may run past midnight"),
};
static const struct hm_record record_window = HM_RECORD("window", hm_window, window_fields);

static const struct hm_field policy_fields[] = {
    HM_F(hm_policy, name, HM_TYPE_STRING, HM_FIELD_REQUIRED, 1, HM_LIMIT_ID_BYTES,
         "lower case letters, digits, single dashes"),
    HM_F(hm_policy, revision, HM_TYPE_U32, HM_FIELD_DEFAULT, 0, 0, "absent: a draft"),
    HM_F(hm_policy, owner, HM_TYPE_STRING, HM_FIELD_REQUIRED, 1, HM_LIMIT_NAME_BYTES,
         "who answers for it"),
    HM_F(hm_policy, reason, HM_TYPE_STRING, HM_FIELD_REQUIRED, 1, HM_LIMIT_TEXT_BYTES,
         "why it is there"),
    HM_F(hm_policy, review, HM_TYPE_TIME, HM_FIELD_REQUIRED, 0, 0,
         "by when somebody looks at it again"),
    HM_F_RECORD(hm_policy, match, HM_FIELD_REQUIRED, &hm_record_match, "the hosts that it meets"),
    HM_F_ENUM(hm_policy, mode, HM_FIELD_REQUIRED, &hm_enum_policy_mode,
              "audit changes nothing and says what it would change"),
    HM_F_RECORDS(hm_policy, reservations, HM_FIELD_DEFAULT, HM_LIMIT_RESERVATIONS,
                 &hm_record_reservation, "ports to keep out of the dynamic range"),
    HM_F_RECORDS(hm_policy, ranges, HM_FIELD_DEFAULT, 2, &hm_record_policy_range,
                 "dynamic ranges to set"),
    HM_F_OPT(hm_policy, tcp_timed_wait_delay_s, HM_TYPE_U32, HM_TIMED_WAIT_DELAY_MIN_S,
             HM_TIMED_WAIT_DELAY_MAX_S, "TcpTimedWaitDelay to set: 2000, XP and 2003 only"),
    HM_F_OPT(hm_policy, watch_s, HM_TYPE_U32, 0, 86400,
             "seconds to watch for harm after a change; absent is 600"),
    HM_F_RECORD_OPT(hm_policy, window, &record_window, "changes are made in it only"),
    HM_F_OPT(hm_policy, expires, HM_TYPE_TIME, 0, 0, "from then on it counts as retired"),
};
const struct hm_record hm_record_policy = HM_RECORD("policy", hm_policy, policy_fields);

static const struct hm_field outcome_row_fields[] = {
    HM_F(hm_outcome, policy, HM_TYPE_STRING, HM_FIELD_REQUIRED, 1, HM_LIMIT_NAME_BYTES,
         "name of the policy"),
    HM_F(hm_outcome, revision, HM_TYPE_U32, HM_FIELD_REQUIRED, 0, 0, "of the policy"),
    HM_F_ENUM(hm_outcome, mode, HM_FIELD_REQUIRED, &hm_enum_policy_mode, "of the policy"),
    HM_F_ENUM(hm_outcome, state, HM_FIELD_REQUIRED, &outcome_state,
              "verified is what the system showed when it was read again"),
    HM_F_ENUM(hm_outcome, why, HM_FIELD_DEFAULT, &outcome_why, "what a waiting one waits for"),
    HM_F_ENUM(hm_outcome, code, HM_FIELD_DEFAULT, &hm_enum_refusal_code,
              "why a refused one was refused"),
    HM_F(hm_outcome, since, HM_TYPE_TIME, HM_FIELD_REQUIRED, 0, 0, "start of this state"),
    HM_F_OPT(hm_outcome, failing_since, HM_TYPE_TIME, 0, 0,
             "start of the unbroken run of failed and waiting states"),
    HM_F(hm_outcome, repairs, HM_TYPE_U32, HM_FIELD_DEFAULT, 0, 0,
         "times that somebody's change of it was undone"),
    HM_F_RECORDS(hm_outcome, notes, HM_FIELD_DEFAULT, HM_LIMIT_PAGE_ROWS, &hm_record_plan_note,
                 "what was not done, and why"),
    HM_F(hm_outcome, text, HM_TYPE_STRING, HM_FIELD_WRITTEN, 0, HM_LIMIT_TEXT_BYTES,
         "one sentence for people"),
};
static const struct hm_record record_outcome_row =
    HM_RECORD("policy_outcome", hm_outcome, outcome_row_fields);

static const struct hm_field outcome_fields[] = {
    HM_F_RECORDS(hm_outcome_report, policies, HM_FIELD_REQUIRED, HM_LIMIT_POLICIES,
                 &record_outcome_row, "one row a policy and revision, by name"),
    HM_F(hm_outcome_report, refused, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_TEXT_BYTES,
         "why the newest desired state as a whole was refused; absent: it was not"),
    HM_F_RECORD(hm_outcome_report, ledger, HM_FIELD_DEFAULT, &hm_record_ledger,
                "what the agent itself added on this host"),
    HM_F(hm_outcome_report, trust_version, HM_TYPE_U64, HM_FIELD_DEFAULT, 0, 0,
         "of the trust root that is pinned; absent: none is"),
};
const struct hm_record hm_record_outcome = HM_RECORD("outcome", hm_outcome_report, outcome_fields);
