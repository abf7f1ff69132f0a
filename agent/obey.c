/* agent/obey.c — one pass of enforcement for an agent: what it is given, what is told of it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/obey.h"

#include <string.h>

#include "agent/cycle.h"
#include "common/base/log.h"
#include "common/plan/marks.h"
#include "common/ports/settled.h"
#include "common/wire/records.h"

/* Configured, of the recorded host, and given by the collector. */
static enum hm_status all_labels(struct hm_agent *agent, struct hm_strings *out, struct hm_err *err)
{
    const struct hm_strings *parts[] = {&agent->config.labels, &agent->observation.labels,
                                        hm_agent_policies_labels(agent->policies)};
    size_t count = 0;
    const char **all;

    for (size_t i = 0; i < HM_COUNT(parts); i++) {
        count += parts[i]->count;
    }
    all = hm_arena_alloc(&agent->cycle_arena, count, sizeof(*all));
    if (all == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for labels");
    }
    count = 0;
    for (size_t i = 0; i < HM_COUNT(parts); i++) {
        for (size_t k = 0; k < parts[i]->count; k++) {
            all[count++] = parts[i]->at[k];
        }
    }
    *out = (struct hm_strings){all, count};
    return HM_OK;
}

static bool has_news(const struct hm_outcome_report *report)
{
    return report->policies.count > 0 || report->refused[0] != '\0' || report->trust_version != 0 ||
           !hm_ledger_is_empty(&report->ledger);
}

enum hm_status hm_obey_encode(struct hm_outcome_report *report, struct hm_buf *out,
                              struct hm_err *err)
{
    enum hm_status st = hm_record_encode(&hm_record_outcome, report, out, err);

    if (st == HM_ETOOBIG) {
        for (size_t i = 0; i < report->policies.count; i++) {
            report->policies.at[i].notes.count = 0;
        }
        hm_buf_reset(out);
        st = hm_record_encode(&hm_record_outcome, report, out, err);
    }
    if (st == HM_ETOOBIG) {
        report->ledger = (struct hm_ledger){.has_sysctl = false};
        report->refused = "What the agent added to this host is too much to be reported in full; "
                          "see ledger.json there, and reserve fewer single ports.";
        hm_buf_reset(out);
        st = hm_record_encode(&hm_record_outcome, report, out, err);
    }
    return st;
}

/* Once, until it is over or becomes another. */
static void note_failure(struct hm_agent *agent, const struct hm_err *err)
{
    if (strcmp(agent->obey_error.text, err->text) != 0) {
        hm_log_failure(HM_LOG_ERROR, "enforcement_failed", err);
    }
    agent->obey_error = *err;
}

/* When the clock was last sure, by the status that an agent saves; another agent's says nothing of
 * this host. */
static int64_t last_sure_ms(struct hm_agent *agent)
{
    struct hm_agent_status status = {.has_sure = false};

    if (hm_agent_status_load(agent->config.state_dir, &agent->arena, &status, NULL) == HM_OK &&
        status.has_sure && status.sure > 0 &&
        strcmp(status.agent_id, agent->identity.agent_id) == 0) {
        return status.sure;
    }
    return agent->has_run ? HM_EXPIRY_CLOCK_LOST : 0;
}

int64_t hm_agent_expiry_ms(struct hm_agent *agent, int64_t now_ms)
{
    const int64_t monotonic_ms = agent->clock->monotonic_ms();
    const bool doubted =
        agent->has_expiry_clock && agent->expiry_clock.state == HM_EXPIRY_CLOCK_DOUBTED;

    if (!agent->has_expiry_clock) {
        hm_expiry_clock_begin(&agent->expiry_clock, last_sure_ms(agent), now_ms, monotonic_ms);
        agent->has_expiry_clock = true;
    }
    agent->status.has_sure = true;
    agent->status.sure = hm_expiry_clock_ms(&agent->expiry_clock, now_ms, monotonic_ms);
    if (!doubted && agent->expiry_clock.state == HM_EXPIRY_CLOCK_DOUBTED) {
        hm_log_event(HM_LOG_WARNING, "clock_doubted");
    }
    return agent->status.sure;
}

void hm_agent_confirm_expiry(struct hm_agent *agent)
{
    hm_expiry_clock_confirm(&agent->expiry_clock, agent->uplink.date_ms, agent->clock->now_ms(),
                            agent->clock->monotonic_ms());
}

static enum hm_status begin_pass(struct hm_agent *agent, int64_t now_ms,
                                 struct hm_enforce_pass *out_pass, struct hm_err *err)
{
    struct hm_enforce_pass pass = {
        .desired_error = agent->desired_error.text,
        .host = agent->name,
        .catalogue = &agent->catalogue,
        .observation = &agent->observation,
        .observed_ms = agent->observed_ms,
        .remembered = hm_agent_port_book_hazards(agent->port_book),
        .memory_lost = hm_agent_port_book_is_lost(agent->port_book),
        .arena = &agent->cycle_arena,
    };
    struct hm_err why;
    enum hm_status st;

    if (hm_agent_port_book_check(agent->port_book, &why) != HM_OK) {
        pass.hazards_unknown = hm_arena_printf(
            &agent->cycle_arena,
            "the ports that must not be excluded are remembered in a file that cannot be read: %s",
            why.text);
        if (pass.hazards_unknown == NULL) {
            return hm_fail(err, HM_ENOMEM, "no memory to enforce policies");
        }
    }
    pass.expiry_ms = hm_agent_expiry_ms(agent, now_ms);
    pass.clock_doubted = agent->expiry_clock.state == HM_EXPIRY_CLOCK_DOUBTED;
    (void)hm_agent_policies_expire(agent->policies, pass.expiry_ms);
    pass.policies = *hm_agent_policies_all(agent->policies);
    pass.refused = hm_agent_policies_refused(agent->policies, &pass.refused_count);
    pass.trust_version = hm_agent_policies_trust_version(agent->policies);
    st = all_labels(agent, &pass.labels, err);
    *out_pass = pass;
    return st;
}

/* ---- early in a boot ----------------------------------------------------------------------- */

static void prepare(const struct hm_agent *agent, struct hm_reading reading)
{
    if (agent->platform_ops->prepare != NULL) {
        agent->platform_ops->prepare(agent->platform, reading);
    }
}

static enum hm_status obey_urgent(struct hm_agent *agent, int64_t now_ms, struct hm_err *err)
{
    struct hm_observation *seen = &agent->observation;
    struct hm_enforce_pass pass;
    enum hm_status st = hm_cycle_observe(agent, err);

    if (st != HM_OK || !seen->has_uptime || seen->uptime_s >= HM_SETTLED_MOST_S) {
        return st;
    }
    st = hm_agent_port_book_give(agent->port_book, &agent->cycle_arena, &seen->inventory, err);
    if (st == HM_OK) {
        st = begin_pass(agent, now_ms, &pass, err);
    }
    if (st == HM_OK) {
        pass.urgent = true;
        st = hm_enforce(agent->enforcer, &pass, err);
    }
    return st;
}

void hm_agent_hurry(struct hm_agent *agent, int64_t now_ms)
{
    const unsigned stacks = agent->looked || agent->platform_ops->prepare == NULL
                                ? 0
                                : hm_enforcer_urgent(agent->enforcer);
    struct hm_err err;

    if (stacks != 0) {
        prepare(agent, (struct hm_reading){.urgent = stacks});
        if (obey_urgent(agent, now_ms, &err) != HM_OK) {
            note_failure(agent, &err);
        }
    }
    prepare(agent, (struct hm_reading){.patient = agent->looked});
    agent->looked = true;
}

/* ---- a pass -------------------------------------------------------------------------------- */

/* Without it a book that is deleted is taken for one that there never was. */
static void note_port_book(struct hm_agent *agent)
{
    struct hm_err err;

    if (hm_agent_port_book_is_kept(agent->port_book) &&
        hm_spool_note_port_book(agent->spool, hm_agent_port_book_id(agent->port_book), &err) !=
            HM_OK) {
        hm_log_failure(HM_LOG_WARNING, "state_not_saved", &err);
    }
}

void hm_agent_obey(struct hm_agent *agent, int64_t now_ms)
{
    struct hm_enforce_pass pass;
    struct hm_err err;
    enum hm_status st = hm_agent_port_book_note_hazards(agent->port_book, &agent->observation,
                                                        &agent->cycle_arena, &err);

    if (st == HM_OK) {
        st = begin_pass(agent, now_ms, &pass, &err);
    }
    note_port_book(agent);
    hm_buf_reset(&agent->outcome_json);
    agent->again_in_ms = 0;
    agent->marks = (struct hm_policy_marks){NULL, 0};
    if (st == HM_OK) {
        st = hm_enforce(agent->enforcer, &pass, &err);
    }
    if (st == HM_OK) {
        st = hm_plan_marks(&pass.report, &agent->cycle_arena, &agent->marks, &err);
    }
    if (st == HM_OK && has_news(&pass.report)) {
        st = hm_obey_encode(&pass.report, &agent->outcome_json, &err);
    }
    if (st != HM_OK) {
        note_failure(agent, &err);
        hm_buf_reset(&agent->outcome_json);
        return;
    }
    agent->obey_error.text[0] = '\0';
    agent->again_in_ms = pass.again_in_ms;
}
