/* common/wire/records_judgement.c — what is thought of a host: verdicts, findings, check.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/wire/records_shared.h"

static const struct hm_enum verdict_state = {hm_verdict_state_names, 4};
static const struct hm_enum verdict_reason = {hm_verdict_reason_names, HM_REASON_COUNT};
static const struct hm_enum verdict_origin = {hm_verdict_origin_names, 2};
static const struct hm_enum step_kind = {hm_step_kind_names, HM_STEP_KIND_COUNT};
static const struct hm_enum observed_why = {hm_observed_why_names, HM_OBSERVED_WHY_COUNT};
static const struct hm_enum severity = {hm_severity_names, 4};

static const struct hm_field holder_fields[] = {
    HM_F(hm_holder, program, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_NAME_BYTES,
         "file name without folder"),
    HM_F(hm_holder, service, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_NAME_BYTES,
         "Windows service or systemd unit"),
    HM_F(hm_holder, pid, HM_TYPE_U32, HM_FIELD_DEFAULT, 0, 0, "process id; absent: unknown"),
    HM_F_ENUM(hm_holder, state, HM_FIELD_REQUIRED, &hm_enum_socket_state, "of its socket"),
    HM_F(hm_holder, port, HM_TYPE_U16, HM_FIELD_REQUIRED, 0, 65535, "the port that it has"),
    HM_F(hm_holder, remote, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_ADDRESS_BYTES,
         "other end of its connection"),
};
const struct hm_record hm_record_holder = HM_RECORD("holder", hm_holder, holder_fields);

static const struct hm_field verdict_fields[] = {
    HM_F(hm_verdict, product, HM_TYPE_STRING, HM_FIELD_REQUIRED, 0, HM_LIMIT_NAME_BYTES,
         "product id; of an observed one the program or service"),
    HM_F(hm_verdict, requirement, HM_TYPE_STRING, HM_FIELD_REQUIRED, 0, HM_LIMIT_NAME_BYTES,
         "requirement id; of an observed one tcp-33060"),
    HM_F(hm_verdict, title, HM_TYPE_STRING, HM_FIELD_WRITTEN, 0, HM_LIMIT_TEXT_BYTES,
         "what needs the ports"),
    HM_F_ENUM(hm_verdict, protocol, HM_FIELD_REQUIRED, &hm_enum_protocol, "tcp or udp"),
    HM_F(hm_verdict, ports, HM_TYPE_PORTS, HM_FIELD_REQUIRED, 0, 0, "the ports it must get"),
    HM_F_ENUM(hm_verdict, kind, HM_FIELD_REQUIRED, &hm_enum_listener_kind, "how the port is held"),
    HM_F_ENUM(hm_verdict, origin, HM_FIELD_REQUIRED, &verdict_origin,
              "where the requirement comes from"),
    HM_F_ENUM(hm_verdict, state, HM_FIELD_REQUIRED, &verdict_state,
              "will it get its ports at its next start?"),
    HM_F_ENUM(hm_verdict, reason, HM_FIELD_REQUIRED, &verdict_reason, "why"),
    HM_F(hm_verdict, families, HM_TYPE_STRINGS, HM_FIELD_WRITTEN, 0, 2,
         "the families that have this state"),
    HM_F(hm_verdict, at_risk, HM_TYPE_PORTS, HM_FIELD_DEFAULT, 0, 0,
         "the part of ports that makes the state, with what is unknown beside it"),
    HM_F_OPT(hm_verdict, odds, HM_TYPE_REAL, 0, 1,
             "chance that at least one port is taken; absent: unknown"),
    HM_F(hm_verdict, odds_at_least, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0,
         "the odds are a lower bound"),
    HM_F(hm_verdict, odds_of_each, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0,
         "the odds are those of each single port, which its user alone loses"),
    HM_F_RECORD_OPT(hm_verdict, holder, &hm_record_holder, "who has the port now"),
    HM_F_ENUM_OPT(hm_verdict, after_boot, &verdict_state,
                  "the state after the next boot, where it differs"),
    HM_F(hm_verdict, text, HM_TYPE_STRING, HM_FIELD_REQUIRED, 0, HM_LIMIT_TEXT_BYTES,
         "one sentence for people"),
};
const struct hm_record hm_record_verdict = HM_RECORD("verdict", hm_verdict, verdict_fields);

static const struct hm_field evidence_fields[] = {
    HM_F(hm_evidence, name, HM_TYPE_STRING, HM_FIELD_REQUIRED, 0, HM_LIMIT_NAME_BYTES,
         "what was looked at"),
    HM_F(hm_evidence, value, HM_TYPE_STRING, HM_FIELD_REQUIRED, 0, HM_LIMIT_TEXT_BYTES,
         "what was seen"),
};
static const struct hm_record record_evidence = HM_RECORD("evidence", hm_evidence, evidence_fields);

static const struct hm_field step_fields[] = {
    HM_F_ENUM(hm_remedy_step, kind, HM_FIELD_REQUIRED, &step_kind, "what the step is for"),
    HM_F(hm_remedy_step, text, HM_TYPE_STRING, HM_FIELD_REQUIRED, 0, HM_LIMIT_TEXT_BYTES,
         "what it does and why"),
    HM_F(hm_remedy_step, precondition, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_TEXT_BYTES,
         "what must be so before it"),
    HM_F(hm_remedy_step, warning, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_TEXT_BYTES,
         "what it interrupts or costs"),
    HM_F(hm_remedy_step, commands, HM_TYPE_STRINGS, HM_FIELD_DEFAULT, 0, HM_LIMIT_COMMANDS,
         "the exact commands, in order"),
};
static const struct hm_record record_step = HM_RECORD("step", hm_remedy_step, step_fields);

static const struct hm_field finding_fields[] = {
    HM_F(hm_finding, kind, HM_TYPE_STRING, HM_FIELD_REQUIRED, 0, HM_LIMIT_NAME_BYTES,
         "kind of finding"),
    HM_F_ENUM(hm_finding, severity, HM_FIELD_REQUIRED, &severity, "how bad it is"),
    HM_F(hm_finding, fingerprint, HM_TYPE_STRING, HM_FIELD_REQUIRED, 1, HM_LIMIT_ID_BYTES,
         "stable while the finding lasts"),
    HM_F(hm_finding, subject, HM_TYPE_STRING, HM_FIELD_REQUIRED, 0, HM_LIMIT_TEXT_BYTES,
         "what it is about"),
    HM_F(hm_finding, text, HM_TYPE_STRING, HM_FIELD_REQUIRED, 0, HM_LIMIT_TEXT_BYTES,
         "what is wrong and what it leads to"),
    HM_F_RECORDS(hm_finding, evidence, HM_FIELD_WRITTEN, HM_LIMIT_EVIDENCE, &record_evidence,
                 "the facts behind it"),
    HM_F(hm_finding, counts, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0,
         "the evidence holds counters: a change of it alone is no news"),
    HM_F(hm_finding, remedy, HM_TYPE_STRING, HM_FIELD_WRITTEN, 0, HM_LIMIT_TEXT_BYTES,
         "what to do"),
    HM_F_RECORDS(hm_finding, steps, HM_FIELD_DEFAULT, HM_LIMIT_STEPS, &record_step,
                 "how to do it, in order"),
    HM_F(hm_finding, commands, HM_TYPE_STRINGS, HM_FIELD_DEFAULT, 0, HM_LIMIT_COMMANDS,
         "the commands of all steps, in order"),
    HM_F(hm_finding, needs_reboot, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0,
         "the remedy works after a reboot only"),
};
const struct hm_record hm_record_finding = HM_RECORD("finding", hm_finding, finding_fields);

static const struct hm_field observed_fields[] = {
    HM_F(hm_observed, name, HM_TYPE_STRING, HM_FIELD_REQUIRED, 0, HM_LIMIT_NAME_BYTES,
         "service or program"),
    HM_F_ENUM(hm_observed, protocol, HM_FIELD_REQUIRED, &hm_enum_protocol, "tcp or udp"),
    HM_F(hm_observed, ports, HM_TYPE_PORTS, HM_FIELD_REQUIRED, 0, 0, "where it listens"),
    HM_F_ENUM(hm_observed, why, HM_FIELD_REQUIRED, &observed_why, "why this is not a requirement"),
};
static const struct hm_record record_observed = HM_RECORD("observed", hm_observed, observed_fields);

static const struct hm_field findings_fields[] = {
    HM_F_RECORDS(hm_judgement, verdicts, HM_FIELD_REQUIRED, HM_LIMIT_VERDICTS, &hm_record_verdict,
                 "worst first"),
    HM_F_RECORDS(hm_judgement, findings, HM_FIELD_REQUIRED, HM_LIMIT_FINDINGS, &hm_record_finding,
                 "severest first"),
    HM_F_RECORDS(hm_judgement, observed, HM_FIELD_DEFAULT, HM_LIMIT_OBSERVED, &record_observed,
                 "listeners whose port may be random, or that nobody needs now"),
    HM_F(hm_judgement, incomplete, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0,
         "a fact is missing without which nothing may be called all safe"),
    HM_F(hm_judgement, unknown, HM_TYPE_STRINGS, HM_FIELD_REQUIRED, 0, HM_LIMIT_FINDINGS,
         "facts that were missing, one sentence each"),
};
const struct hm_record hm_record_findings = HM_RECORD("findings", hm_judgement, findings_fields);

static const struct hm_field check_fields[] = {
    HM_F_RECORD(hm_check, catalogue, HM_FIELD_DEFAULT, &hm_record_catalogue,
                "by which it was judged"),
    HM_F_RECORD(hm_check, inventory, HM_FIELD_REQUIRED, &hm_record_inventory,
                "what the host shows"),
    HM_F_RECORDS(hm_check, verdicts, HM_FIELD_REQUIRED, HM_LIMIT_VERDICTS, &hm_record_verdict,
                 "worst first"),
    HM_F_RECORDS(hm_check, findings, HM_FIELD_REQUIRED, HM_LIMIT_FINDINGS, &hm_record_finding,
                 "severest first"),
    HM_F_RECORDS(hm_check, observed, HM_FIELD_DEFAULT, HM_LIMIT_OBSERVED, &record_observed,
                 "listeners whose port may be random, or that nobody needs now"),
    HM_F(hm_check, incomplete, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0,
         "a fact is missing without which nothing may be called all safe"),
    HM_F(hm_check, unknown, HM_TYPE_STRINGS, HM_FIELD_REQUIRED, 0, HM_LIMIT_FINDINGS,
         "facts that were missing, one sentence each"),
};
const struct hm_record hm_record_check = HM_RECORD("check", hm_check, check_fields);
