/* common/wire/records_plan.c — what policies would do to one host, and what the agent did.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/wire/records_shared.h"

const struct hm_enum hm_enum_refusal_code = {hm_refusal_code_names, HM_REFUSAL_CODE_COUNT};
static const struct hm_enum action_kind = {hm_action_kind_names, HM_ACTION_KIND_COUNT};
static const struct hm_enum note_kind = {hm_plan_note_kind_names, HM_PLAN_NOTE_KIND_COUNT};

static const struct hm_field owned_fields[] = {
    HM_F(hm_owned, policy, HM_TYPE_STRING, HM_FIELD_REQUIRED, 0, HM_LIMIT_NAME_BYTES,
         "name of the policy"),
    HM_F(hm_owned, revision, HM_TYPE_U32, HM_FIELD_DEFAULT, 0, 0, "of the policy"),
    HM_F(hm_owned, ports, HM_TYPE_PORTS, HM_FIELD_REQUIRED, 0, 0, "that it added to the list"),
    HM_F(hm_owned, boot_id, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_ID_BYTES,
         "boot in which they were written, where the next one makes them count"),
};
const struct hm_record hm_record_owned = HM_RECORD("owned", hm_owned, owned_fields);

static const struct hm_field action_fields[] = {
    HM_F_ENUM(hm_action, kind, HM_FIELD_REQUIRED, &action_kind, "what is done"),
    HM_F_ENUM_OPT(hm_action, protocol, &hm_enum_protocol, "absent: all stacks share it"),
    HM_F_ENUM_OPT(hm_action, family, &hm_enum_family, "absent: all stacks share it"),
    HM_F(hm_action, policy, HM_TYPE_STRING, HM_FIELD_WRITTEN, 0, HM_LIMIT_NAME_BYTES,
         "whose it is; of a list see owned"),
    HM_F(hm_action, revision, HM_TYPE_U32, HM_FIELD_DEFAULT, 0, 0, "of the policy"),
    HM_F(hm_action, ports, HM_TYPE_PORTS, HM_FIELD_DEFAULT, 0, 0,
         "exclusion: one range; Linux: the whole list; ReservedPorts: what is added"),
    HM_F(hm_action, lines, HM_TYPE_STRINGS, HM_FIELD_DEFAULT, 0, HM_LIMIT_PLAN_ROWS,
         "ReservedPorts: the whole value"),
    HM_F_OPT(hm_action, range, HM_TYPE_RANGE, 0, 0, "dynamic range as it shall be"),
    HM_F_OPT(hm_action, timed_wait_delay_s, HM_TYPE_U32, 0, 0, "TcpTimedWaitDelay as it shall be"),
    HM_F(hm_action, unset, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0, "the registry value is deleted"),
    HM_F_RECORDS(hm_action, owned, HM_FIELD_DEFAULT, HM_LIMIT_PLAN_ROWS, &hm_record_owned,
                 "our part of a list afterwards"),
    HM_F(hm_action, before_ports, HM_TYPE_PORTS, HM_FIELD_DEFAULT, 0, 0,
         "the part of the list that others made"),
    HM_F(hm_action, before_lines, HM_TYPE_STRINGS, HM_FIELD_DEFAULT, 0, HM_LIMIT_PLAN_ROWS,
         "the lines that others made"),
    HM_F_OPT_AS(hm_action, before_range, has_range, HM_TYPE_RANGE, "dynamic range as it is"),
    HM_F_OPT(hm_action, before_timed_wait_delay_s, HM_TYPE_U32, 0, 0, "TcpTimedWaitDelay as it is"),
    HM_F(hm_action, before_unset, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0,
         "without us there is no such registry value"),
    HM_F(hm_action, restores, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0,
         "it brings back what stood there before"),
    HM_F(hm_action, needs_reboot, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0,
         "it counts after the next boot only"),
    HM_F(hm_action, precondition, HM_TYPE_STRING, HM_FIELD_WRITTEN, 0, HM_LIMIT_TEXT_BYTES,
         "what must be seen right before; otherwise it is planned again"),
    HM_F(hm_action, reason, HM_TYPE_STRING, HM_FIELD_WRITTEN, 0, HM_LIMIT_TEXT_BYTES,
         "why it is done"),
};
static const struct hm_record record_action = HM_RECORD("action", hm_action, action_fields);

static const struct hm_field note_fields[] = {
    HM_F_ENUM(hm_plan_note, kind, HM_FIELD_REQUIRED, &note_kind, "why nothing is done"),
    HM_F_ENUM(hm_plan_note, code, HM_FIELD_DEFAULT, &hm_enum_refusal_code, "why it is refused"),
    HM_F(hm_plan_note, policy, HM_TYPE_STRING, HM_FIELD_WRITTEN, 0, HM_LIMIT_NAME_BYTES,
         "name of the policy"),
    HM_F(hm_plan_note, revision, HM_TYPE_U32, HM_FIELD_DEFAULT, 0, 0, "of the policy"),
    HM_F_ENUM_OPT(hm_plan_note, protocol, &hm_enum_protocol, "absent: not of one protocol"),
    HM_F_ENUM_OPT(hm_plan_note, family, &hm_enum_family, "absent: not of one family"),
    HM_F(hm_plan_note, ports, HM_TYPE_PORTS, HM_FIELD_DEFAULT, 0, 0, "that it is about"),
    HM_F_OPT(hm_plan_note, range, HM_TYPE_RANGE, 0, 0, "dynamic range that it is about"),
    HM_F_OPT(hm_plan_note, timed_wait_delay_s, HM_TYPE_U32, 0, 0,
             "TcpTimedWaitDelay that it is about"),
    HM_F_RECORD_OPT(hm_plan_note, holder, &hm_record_holder, "who has the port now"),
    HM_F(hm_plan_note, text, HM_TYPE_STRING, HM_FIELD_WRITTEN, 0, HM_LIMIT_TEXT_BYTES,
         "one sentence for people"),
};
const struct hm_record hm_record_plan_note = HM_RECORD("note", hm_plan_note, note_fields);

static const struct hm_field plan_fields[] = {
    HM_F_RECORDS(hm_plan, actions, HM_FIELD_REQUIRED, HM_LIMIT_PLAN_ROWS, &record_action,
                 "in the order in which they are carried out"),
    HM_F_RECORDS(hm_plan, notes, HM_FIELD_REQUIRED, HM_LIMIT_PLAN_ROWS, &hm_record_plan_note,
                 "what is not done, and why"),
    HM_F(hm_plan, needs_reboot, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0,
         "one of the actions counts after the next boot only"),
};
const struct hm_record hm_record_plan = HM_RECORD("plan", hm_plan, plan_fields);

static const struct hm_field exclusion_fields[] = {
    HM_F(hm_ledger_exclusion, policy, HM_TYPE_STRING, HM_FIELD_REQUIRED, 0, HM_LIMIT_NAME_BYTES,
         "name of the policy"),
    HM_F(hm_ledger_exclusion, revision, HM_TYPE_U32, HM_FIELD_DEFAULT, 0, 0, "of the policy"),
    HM_F_ENUM(hm_ledger_exclusion, protocol, HM_FIELD_REQUIRED, &hm_enum_protocol, "tcp or udp"),
    HM_F_ENUM(hm_ledger_exclusion, family, HM_FIELD_REQUIRED, &hm_enum_family, "ipv4 or ipv6"),
    HM_F(hm_ledger_exclusion, range, HM_TYPE_RANGE, HM_FIELD_REQUIRED, 0, 0,
         "exactly as it was added"),
    HM_F(hm_ledger_exclusion, at, HM_TYPE_TIME, HM_FIELD_REQUIRED, 0, 0, "when it was added"),
    HM_F(hm_ledger_exclusion, pending, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0,
         "an addition was begun, and the system has not shown it yet"),
};
static const struct hm_record record_exclusion =
    HM_RECORD("exclusion", hm_ledger_exclusion, exclusion_fields);

static const struct hm_field range_fields[] = {
    HM_F(hm_ledger_range, policy, HM_TYPE_STRING, HM_FIELD_REQUIRED, 0, HM_LIMIT_NAME_BYTES,
         "name of the policy"),
    HM_F(hm_ledger_range, revision, HM_TYPE_U32, HM_FIELD_DEFAULT, 0, 0, "of the policy"),
    HM_F_ENUM_OPT(hm_ledger_range, protocol, &hm_enum_protocol, "absent: all stacks share it"),
    HM_F_ENUM_OPT(hm_ledger_range, family, &hm_enum_family, "absent: all stacks share it"),
    HM_F(hm_ledger_range, range, HM_TYPE_RANGE, HM_FIELD_REQUIRED, 0, 0, "as it was set"),
    HM_F_OPT(hm_ledger_range, pending, HM_TYPE_RANGE, 0, 0,
             "of a change that was begun and not finished"),
    HM_F(hm_ledger_range, before, HM_TYPE_RANGE, HM_FIELD_REQUIRED, 0, 0,
         "before the first change"),
    HM_F(hm_ledger_range, before_unset, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0,
         "the registry value was not there"),
    HM_F(hm_ledger_range, boot_id, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_ID_BYTES,
         "boot in which it was set"),
    HM_F(hm_ledger_range, at, HM_TYPE_TIME, HM_FIELD_REQUIRED, 0, 0, "when it was set"),
};
static const struct hm_record record_range = HM_RECORD("set_range", hm_ledger_range, range_fields);

static const struct hm_field delay_fields[] = {
    HM_F(hm_ledger_delay, policy, HM_TYPE_STRING, HM_FIELD_REQUIRED, 0, HM_LIMIT_NAME_BYTES,
         "name of the policy"),
    HM_F(hm_ledger_delay, revision, HM_TYPE_U32, HM_FIELD_DEFAULT, 0, 0, "of the policy"),
    HM_F(hm_ledger_delay, delay_s, HM_TYPE_U32, HM_FIELD_REQUIRED, 0, 0, "as it was set"),
    HM_F_OPT(hm_ledger_delay, pending_s, HM_TYPE_U32, 0, 0,
             "of a change that was begun and not finished"),
    HM_F(hm_ledger_delay, before_s, HM_TYPE_U32, HM_FIELD_DEFAULT, 0, 0, "before the first change"),
    HM_F(hm_ledger_delay, before_unset, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0,
         "the registry value was not there"),
    HM_F(hm_ledger_delay, boot_id, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_ID_BYTES,
         "boot in which it was set"),
    HM_F(hm_ledger_delay, at, HM_TYPE_TIME, HM_FIELD_REQUIRED, 0, 0, "when it was set"),
};
static const struct hm_record record_delay = HM_RECORD("set_delay", hm_ledger_delay, delay_fields);

static const struct hm_field lines_fields[] = {
    HM_F(hm_ledger_lines, before, HM_TYPE_STRINGS, HM_FIELD_WRITTEN, 0, HM_LIMIT_PLAN_ROWS,
         "the lines that others made"),
    HM_F(hm_ledger_lines, before_unset, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0,
         "without us there is no such registry value"),
    HM_F(hm_ledger_lines, after, HM_TYPE_STRINGS, HM_FIELD_REQUIRED, 0, HM_LIMIT_PLAN_ROWS,
         "the value as it was written"),
    HM_F_OPT(hm_ledger_lines, pending, HM_TYPE_STRINGS, 0, HM_LIMIT_PLAN_ROWS,
             "of a change that was begun and not finished"),
    HM_F_RECORDS(hm_ledger_lines, owned, HM_FIELD_REQUIRED, HM_LIMIT_PLAN_ROWS, &hm_record_owned,
                 "our part of it"),
    HM_F(hm_ledger_lines, at, HM_TYPE_TIME, HM_FIELD_REQUIRED, 0, 0, "when it was written"),
};
static const struct hm_record record_lines =
    HM_RECORD("reserved_lines", hm_ledger_lines, lines_fields);

static const struct hm_field sysctl_fields[] = {
    HM_F(hm_ledger_sysctl, before, HM_TYPE_PORTS, HM_FIELD_WRITTEN, 0, 0,
         "the ports that others reserved"),
    HM_F_RECORDS(hm_ledger_sysctl, owned, HM_FIELD_REQUIRED, HM_LIMIT_PLAN_ROWS, &hm_record_owned,
                 "our part of the list"),
    HM_F(hm_ledger_sysctl, at, HM_TYPE_TIME, HM_FIELD_REQUIRED, 0, 0, "when it was written"),
};
static const struct hm_record record_sysctl =
    HM_RECORD("reserved_list", hm_ledger_sysctl, sysctl_fields);

static const struct hm_field ledger_fields[] = {
    HM_F_RECORDS(hm_ledger, exclusions, HM_FIELD_WRITTEN, HM_LIMIT_PLAN_ROWS, &record_exclusion,
                 "exclusions that this agent added"),
    HM_F_RECORDS(hm_ledger, ranges, HM_FIELD_WRITTEN, HM_LIMIT_PLAN_ROWS, &record_range,
                 "dynamic ranges that this agent set"),
    HM_F_RECORD_OPT(hm_ledger, timed_wait_delay, &record_delay, "2000 to 2003: TcpTimedWaitDelay"),
    HM_F_RECORD_OPT(hm_ledger, reserved_ports, &record_lines, "2000 to 2003: ReservedPorts"),
    HM_F_RECORD_OPT(hm_ledger, sysctl, &record_sysctl, "Linux: net.ipv4.ip_local_reserved_ports"),
};
const struct hm_record hm_record_ledger = HM_RECORD("ledger", hm_ledger, ledger_fields);
