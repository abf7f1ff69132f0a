/* agent/cycle.c — observe, judge, report, hold.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/cycle.h"

#include <string.h>

#include "agent/guarding.h"
#include "agent/judge.h"
#include "agent/obey.h"
#include "agent/reloads.h"
#include "agent/report.h"
#include "agent/timetable.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/str.h"
#include "common/ports/listener_ranges.h"

#define HOLD_LEAST_MS 100 /* less than that to the next look: sleep */
#define PAUSE_LEAST_MS HM_TIMETABLE_PAUSE_MS

/* ---- look ---------------------------------------------------------------------------------- */

/* What stands in the registry now, for the next observation and the next boot. */
static enum hm_status note_tcpip(struct hm_agent *agent, struct hm_err *err)
{
    const struct hm_observation *seen = &agent->observation;

    return hm_agent_tcpip_note(agent->tcpip, seen->boot_id, &seen->inventory, seen->highest_given,
                               err);
}

enum hm_status hm_cycle_observe(struct hm_agent *agent, struct hm_err *err)
{
    const char *name = agent->config.name;
    enum hm_status st;

    hm_arena_reset(&agent->cycle_arena);
    memset(&agent->observation, 0, sizeof(agent->observation));
    agent->observed_ms = agent->clock->now_ms();
    if (agent->platform_ops->remember != NULL) {
        agent->platform_ops->remember(agent->platform, hm_agent_tcpip_get(agent->tcpip));
    }
    st = agent->platform_ops->observe(agent->platform, &agent->cycle_arena, &agent->observation,
                                      err);
    if (st == HM_OK) {
        st = note_tcpip(agent, err);
    }
    if (st == HM_OK) {
        agent->observation.has_services_now = agent->observation.inventory.has_service_details;
        agent->observation.services_now = agent->observation.inventory.service_details;
        st = hm_agent_runs_note(agent->runs, &agent->cycle_arena, &agent->observation, err);
    }
    if (st != HM_OK) {
        return st;
    }
    if (name[0] == '\0') {
        name = agent->observation.name;
    }
    (void)hm_str_copy(agent->name, sizeof(agent->name), name);
    return HM_OK;
}

/* The last inventory of the boot before; NULL when there is none. */
static const struct hm_inventory *previous_boot(struct hm_agent *agent)
{
    struct hm_inventory *inventory = hm_arena_alloc(&agent->cycle_arena, 1, sizeof(*inventory));
    char *text;
    size_t len;

    if (inventory == NULL ||
        hm_spool_get(agent->spool, HM_SPOOL_PREVIOUS_BOOT, &agent->cycle_arena, &text, &len,
                     NULL) != HM_OK ||
        hm_record_decode(&hm_record_inventory, text, len, false, &agent->cycle_arena, inventory,
                         NULL, NULL) != HM_OK ||
        hm_listeners_from_rows(&inventory->listeners, &agent->cycle_arena, &inventory->listeners,
                               NULL) != HM_OK) {
        return NULL;
    }
    return inventory;
}

/* Encodes the judgement; where it differs from the last report, what did not really change stays as
 * it was reported. */
static enum hm_status encode_findings(struct hm_agent *agent, const char *note, int64_t now_ms,
                                      struct hm_err *err)
{
    struct hm_buf *json = &agent->findings_json;
    struct hm_judgement last = {
        .unknown = {NULL, 0}
    };
    char digest[HM_DIGEST_TEXT_BYTES];
    enum hm_status st;
    char *text;
    size_t len;

    st = hm_report_findings(&agent->judgement, note, &agent->cycle_arena, json, err);
    if (st != HM_OK) {
        return st;
    }
    hm_digest_text(json->data, json->len, digest);
    if (strcmp(digest, hm_spool_digest(agent->spool, HM_SPOOL_FINDINGS)) == 0 ||
        hm_spool_get(agent->spool, HM_SPOOL_FINDINGS, &agent->cycle_arena, &text, &len, NULL) !=
            HM_OK ||
        hm_record_decode(&hm_record_findings, text, len, false, &agent->cycle_arena, &last, NULL,
                         NULL) != HM_OK) {
        return HM_OK;
    }
    hm_judge_settle(&agent->judgement, &last,
                    now_ms - hm_spool_changed_ms(agent->spool, HM_SPOOL_FINDINGS));
    return hm_report_findings(&agent->judgement, "", &agent->cycle_arena, json, err);
}

/* Spool before send. A full disk must not silence the host: it is logged, and sent all the same. */
static void spool(struct hm_agent *agent, enum hm_spool_document which, const struct hm_buf *json,
                  int64_t now_ms)
{
    struct hm_err err;

    if (hm_spool_put(agent->spool, which, json->data, json->len, "", now_ms, &err) != HM_OK) {
        hm_log_failure(HM_LOG_ERROR, "spool_failed", &err);
    }
}

static void refer(struct hm_uplink_document *document, const struct hm_buf *json)
{
    document->text = json->data;
    document->len = json->len;
    hm_digest_text(json->data, json->len, document->digest);
}

static enum hm_status make_report(struct hm_agent *agent, struct hm_err *err)
{
    struct hm_report *report = &agent->report;
    const struct hm_report old = *report;
    const bool has_outcome = agent->outcome_json.len > 0;
    enum hm_status st;

    report->boot_id = hm_spool_boot_id(agent->spool);
    report->name = agent->name;
    refer(&report->inventory, &agent->inventory_json);
    refer(&report->findings, &agent->findings_json);
    report->outcome = (struct hm_uplink_document){.text = NULL};
    if (has_outcome) {
        spool(agent, HM_SPOOL_OUTCOME, &agent->outcome_json, agent->clock->now_ms());
        refer(&report->outcome, &agent->outcome_json);
    }
    report->has_sample = agent->observation.has_sample;
    report->sample = agent->observation.sample;
    if (agent->has_report && (strcmp(old.inventory.digest, report->inventory.digest) != 0 ||
                              strcmp(old.findings.digest, report->findings.digest) != 0 ||
                              strcmp(old.outcome.digest, report->outcome.digest) != 0)) {
        report->unsent_dropped++;
    }
    st = hm_spool_next_seq(agent->spool, &report->seq, err);
    agent->has_report = st == HM_OK;
    return st;
}

static enum hm_status look(struct hm_agent *agent, int64_t now_ms, struct hm_err *err)
{
    const char *note = "";
    enum hm_status st;

    hm_agent_guard_begin(agent);
    hm_agent_hurry(agent, now_ms);
    st = hm_cycle_observe(agent, err);
    if (st == HM_OK) {
        st = hm_spool_begin_boot(agent->spool, agent->observation.boot_id, err);
    }
    if (st == HM_OK) {
        st = hm_agent_port_book_note(agent->port_book, agent->observation.boot_id,
                                     &agent->cycle_arena, &agent->observation.inventory, err);
    }
    if (st == HM_OK) {
        hm_agent_port_book_mark(&agent->observation);
        hm_agent_obey(agent, now_ms);
        hm_agent_guard_passed(agent);
        hm_timetable_look_again(agent, agent->observation.again_in_ms);
        st = note_tcpip(agent, err);
    }
    if (st == HM_OK) {
        st = hm_judge_observation(&agent->observation, &agent->catalogue, previous_boot(agent),
                                  &agent->marks, hm_agent_port_book_hazards(agent->port_book),
                                  &agent->cycle_arena, &agent->judgement, err);
    }
    if (st == HM_OK) {
        st = hm_report_inventory(&agent->observation.inventory, &agent->cycle_arena,
                                 &agent->inventory_json, &note, err);
    }
    if (st == HM_OK) {
        st = encode_findings(agent, note, now_ms, err);
    }
    if (st != HM_OK) {
        return st;
    }
    spool(agent, HM_SPOOL_INVENTORY, &agent->inventory_json, now_ms);
    spool(agent, HM_SPOOL_FINDINGS, &agent->findings_json, now_ms);
    return make_report(agent, err);
}

enum hm_status hm_cycle_look(struct hm_agent *agent, struct hm_err *err)
{
    const int64_t now_ms = agent->clock->now_ms();
    const struct hm_agent_status before = agent->status;
    enum hm_status st = look(agent, now_ms, err);

    hm_agent_guard_keep(agent);
    if (st != HM_OK) {
        /* Its memory is gone with the arena: an older report is not sent as if it were new. */
        agent->has_report = false;
        agent->again_in_ms = hm_backoff_next_ms(&agent->look_backoff, agent->clock->random());
        agent->status_changed =
            agent->status_changed || strcmp(agent->look_error.text, err->text) != 0;
        agent->look_error = *err;
        return st;
    }
    hm_backoff_reset(&agent->look_backoff);
    agent->status_changed = agent->status_changed || agent->look_error.text[0] != '\0';
    agent->look_error.text[0] = '\0';
    hm_agent_status_count(&agent->status, &agent->judgement.verdicts);
    hm_agent_status_log(&before, &agent->status);
    agent->status.has_last_look = true;
    agent->status.last_look = now_ms;
    return HM_OK;
}

/* ---- report -------------------------------------------------------------------------------- */

static enum hm_status join_labels(struct hm_agent *agent, struct hm_strings *out,
                                  struct hm_err *err)
{
    const struct hm_strings *own = &agent->config.labels;
    const struct hm_strings *observed = &agent->observation.labels;
    const char **all =
        hm_arena_alloc(&agent->cycle_arena, own->count + observed->count, sizeof(*all));

    if (all == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory to enrol");
    }
    for (size_t i = 0; i < own->count + observed->count; i++) {
        all[i] = i < own->count ? own->at[i] : observed->at[i - own->count];
    }
    out->at = all;
    out->count = own->count + observed->count;
    return HM_OK;
}

enum hm_status hm_cycle_enroll(struct hm_agent *agent, const char *token, struct hm_err *err)
{
    struct hm_enrolment enrolment = {
        .config = &agent->config, .token = token, .name = agent->name, .policies = agent->policies};
    struct hm_log_line line;
    int64_t retry_after_s = -1;
    enum hm_status st;

    st = join_labels(agent, &enrolment.labels, err);
    if (st == HM_OK) {
        st = hm_identity_enroll(&agent->uplink.transport, &enrolment, &agent->identity,
                                &retry_after_s, err);
    }
    if (st != HM_OK) {
        hm_uplink_failed(&agent->uplink, retry_after_s);
        return st;
    }
    agent->status_changed = true;
    hm_log_begin(&line, HM_LOG_INFO, "enrolled");
    hm_log_str(&line, "agent_id", agent->identity.agent_id);
    hm_log_str(&line, "collector", agent->config.collector);
    hm_log_end(&line);
    /* A new agent has said nothing yet. */
    return hm_spool_acknowledge(agent->spool, "", "", "", err);
}

/* With the configured token; HM_ENOENT when there is none. */
static enum hm_status enroll_as_configured(struct hm_agent *agent, struct hm_err *err)
{
    const char *token;
    enum hm_status st;

    st = hm_agent_config_token(&agent->config, &agent->cycle_arena, &token, err);
    if (st == HM_OK && token[0] == '\0') {
        st = HM_ENOENT;
    }
    if (st == HM_OK) {
        st = hm_cycle_enroll(agent, token, err);
    }
    return st;
}

static enum hm_status first_enrolment(struct hm_agent *agent, struct hm_err *err)
{
    enum hm_status st = enroll_as_configured(agent, err);

    if (st == HM_ENOENT) {
        st = hm_fail_code(err, HM_EDENIED, "not_enrolled",
                          "this host is not enrolled: run \"hm-agent enroll\", or set token or "
                          "token_file");
    }
    if (st == HM_EDENIED || st == HM_EINVAL) {
        hm_timetable_slow_down(agent);
    }
    return st;
}

/* After a check-in that failed: HM_OK when there is a new identity to try it with. */
static enum hm_status new_identity(struct hm_agent *agent, enum hm_status failed,
                                   struct hm_err *err)
{
    char token[HM_PROBLEM_TOKEN_BYTES];
    struct hm_err why;
    enum hm_status st = failed;

    if (failed == HM_ECONFLICT && agent->uplink.reenroll_token[0] != '\0') {
        (void)hm_str_copy(token, sizeof(token), agent->uplink.reenroll_token);
        hm_log_failure(HM_LOG_WARNING, "clone_detected", err);
        st = hm_cycle_enroll(agent, token, err);
        hm_crypto_wipe(token, sizeof(token));
    } else if (failed == HM_EDENIED) {
        hm_log_failure(HM_LOG_ERROR, "identity_refused", err);
        st = enroll_as_configured(agent, &why);
        if (st != HM_OK && st != HM_ENOENT) {
            hm_log_failure(HM_LOG_ERROR, "enrolment_failed", &why);
        }
        if (st != HM_OK) {
            hm_timetable_slow_down(agent);
            st = failed;
        }
    } else if (failed == HM_ECONFLICT) {
        hm_timetable_slow_down(agent);
    }
    return st;
}

static void note_contact(struct hm_agent *agent)
{
    agent->status_changed =
        agent->status_changed || agent->status.has_last_error || !agent->status.has_last_contact;
    agent->status.has_last_contact = true;
    agent->status.last_contact = agent->clock->now_ms();
    hm_agent_confirm_expiry(agent);
    agent->status.has_last_error = false;
}

static void note_failure(struct hm_agent *agent, const struct hm_err *err)
{
    agent->status_changed = agent->status_changed || !agent->status.has_last_error ||
                            strcmp(err->text, agent->last_error.text) != 0;
    agent->last_error = *err;
    agent->status.has_last_error = true;
    agent->status.last_error = agent->clock->now_ms();
}

static void note_report(struct hm_agent *agent, const struct hm_uplink_sent *sent)
{
    bool news = sent->with_inventory || sent->with_findings || sent->with_outcome;
    struct hm_log_line line;

    hm_log_begin(&line, news ? HM_LOG_INFO : HM_LOG_DEBUG, "reported");
    hm_log_u64(&line, "seq", agent->report.seq);
    hm_log_u64(&line, "bytes", sent->bytes);
    hm_log_str(&line, "inventory", sent->with_inventory ? "sent" : "unchanged");
    hm_log_str(&line, "findings", sent->with_findings ? "sent" : "unchanged");
    hm_log_str(&line, "outcome", sent->with_outcome ? "sent" : "unchanged");
    hm_log_end(&line);
    agent->status_changed = agent->status_changed || news;
    agent->report.unsent_dropped = 0;
    agent->has_report = false;
}

enum hm_status hm_cycle_report(struct hm_agent *agent, struct hm_uplink_sent *out_sent,
                               struct hm_err *err)
{
    enum hm_status st = HM_OK;

    if (!agent->identity.present) {
        st = first_enrolment(agent, err);
    }
    if (st == HM_OK) {
        st = hm_uplink_check_in(&agent->uplink, &agent->report, out_sent, err);
        if (st == HM_EDENIED || st == HM_ECONFLICT) {
            st = new_identity(agent, st, err);
            if (st == HM_OK) {
                st = hm_uplink_check_in(&agent->uplink, &agent->report, out_sent, err);
            }
        }
    }
    if (st == HM_OK) {
        note_contact(agent);
        note_report(agent, out_sent);
    } else if (!agent->clock->is_stopped()) {
        note_failure(agent, err);
    }
    return st;
}

/* A product of the administrator's that is broken must not undo the catalogue in use. */
static enum hm_status take_desired(struct hm_agent *agent, struct hm_err *err)
{
    struct hm_err why;
    bool changed;
    enum hm_status st = hm_agent_take_desired(agent, &changed, err);

    if (hm_agent_load_catalogue(agent, &why) == HM_OK) {
        hm_log_event(HM_LOG_INFO, "desired_state_changed");
    } else {
        hm_log_failure(HM_LOG_ERROR, "catalogue_not_loaded", &why);
    }
    if (st != HM_OK) {
        hm_uplink_failed(&agent->uplink, -1);
    }
    return st;
}

/* A whole delivery that cannot be read is reported: an operator sees what the agent refuses. */
static void note_desired(struct hm_agent *agent, enum hm_status st, const struct hm_err *err)
{
    if (st == HM_OK) {
        agent->desired_error.text[0] = '\0';
    } else if (st == HM_EINVAL || st == HM_ETOOBIG) {
        agent->desired_error = *err;
    }
}

enum hm_status hm_cycle_hold(struct hm_agent *agent, uint32_t wait_s, bool *out_changed,
                             struct hm_err *err)
{
    bool changed = false;
    enum hm_status st;

    st = hm_uplink_hold(&agent->uplink, wait_s, agent->clock->now_ms(), &changed, err);
    if (st == HM_OK && changed) {
        st = take_desired(agent, err);
    }
    note_desired(agent, st, err);
    if (st == HM_OK) {
        note_contact(agent);
        *out_changed = changed;
    } else if (!agent->clock->is_stopped() && !agent->woken) {
        note_failure(agent, err);
    }
    return st;
}

/* ---- the loop ------------------------------------------------------------------------------ */

void hm_cycle_save_status(struct hm_agent *agent, bool now)
{
    struct hm_agent_status *status = &agent->status;
    const int64_t monotonic_ms = agent->clock->monotonic_ms();
    struct hm_err err;

    if (!now && !agent->status_changed &&
        monotonic_ms - agent->status_saved_ms < HM_STATUS_REFRESH_MS) {
        return;
    }
    status->collector = agent->config.collector;
    status->agent_id = agent->identity.agent_id;
    status->name = agent->name;
    status->interval_s = hm_agent_interval_s(agent);
    status->error_code = status->has_last_error ? hm_err_code(&agent->last_error) : "";
    status->error = status->has_last_error ? agent->last_error.text : "";
    status->look_error = agent->look_error.text;
    status->inventory = hm_spool_acknowledged(agent->spool, HM_SPOOL_INVENTORY);
    status->findings = hm_spool_acknowledged(agent->spool, HM_SPOOL_FINDINGS);
    agent->status_saved_ms = monotonic_ms;
    agent->status_changed = false;
    if (hm_agent_status_save(agent->config.state_dir, status, &err) != HM_OK) {
        hm_log_failure(HM_LOG_ERROR, "status_not_saved", &err);
    }
}

static void turn_look(struct hm_agent *agent, struct hm_timetable *plan)
{
    const bool early = plan->early && agent->look_error.text[0] == '\0';
    const bool owed = agent->has_report; /* a regular one that could not be sent */
    struct hm_err err;

    plan->looked_ms = agent->clock->monotonic_ms();
    if (hm_cycle_look(agent, &err) != HM_OK) {
        hm_log_failure(HM_LOG_ERROR, "look_failed", &err);
        hm_cycle_save_status(agent, false);
    } else if (early && !owed && hm_uplink_is_known(&agent->uplink, &agent->report)) {
        agent->has_report = false;
        hm_arena_reset(&agent->cycle_arena);
    }
    hm_timetable_look(agent, plan);
    hm_agent_reloads_start(agent);
}

static void note_retry(struct hm_agent *agent, struct hm_timetable *plan)
{
    plan->contact_ms = agent->clock->monotonic_ms() + agent->uplink.retry_ms;
    agent->status.has_next = true;
    agent->status.next = agent->clock->now_ms() + agent->uplink.retry_ms;
}

static void log_failed_contact(const struct hm_agent *agent, const char *event,
                               const struct hm_err *err)
{
    struct hm_log_line line;

    hm_log_begin(&line, HM_LOG_WARNING, event);
    hm_log_err(&line, err);
    hm_log_i64(&line, "retry_in_ms", agent->uplink.retry_ms);
    hm_log_end(&line);
}

static void turn_report(struct hm_agent *agent, struct hm_timetable *plan)
{
    struct hm_uplink_sent sent;
    struct hm_err err;

    if (hm_cycle_report(agent, &sent, &err) == HM_OK) {
        hm_timetable_look(agent, plan); /* it may be another interval now */
        agent->status.has_next = true;
        agent->status.next = agent->clock->now_ms() + plan->look_ms - agent->clock->monotonic_ms();
        hm_arena_reset(&agent->cycle_arena); /* what is waited with for minutes should be little */
        hm_os_trim_memory();
    } else if (!agent->clock->is_stopped()) {
        note_retry(agent, plan);
        log_failed_contact(agent, "report_failed", &err);
    }
    hm_cycle_save_status(agent, false);
}

static void turn_hold(struct hm_agent *agent, struct hm_timetable *plan, int64_t left_ms)
{
    const int64_t began_ms = agent->clock->monotonic_ms();
    const int64_t wait_s = (left_ms + 999) / 1000; /* rounded up: else a second hold for the rest */
    struct hm_err err;
    bool changed = false;
    int64_t took_ms;
    enum hm_status st;

    agent->may_wake = true;
    st = hm_cycle_hold(agent, wait_s > HM_LIMIT_WAIT_S ? HM_LIMIT_WAIT_S : (uint32_t)wait_s,
                       &changed, &err);
    agent->may_wake = false;
    if (agent->clock->is_stopped() || agent->woken) {
        return;
    }
    if (st != HM_OK) {
        note_retry(agent, plan);
        log_failed_contact(agent, "hold_failed", &err);
        hm_cycle_save_status(agent, false);
        if (st == HM_EDENIED || st == HM_ECONFLICT) {
            plan->look_ms = plan->contact_ms; /* a check-in can mend that */
            plan->early = false;
        }
        return;
    }
    took_ms = agent->clock->monotonic_ms() - began_ms;
    if (changed) {
        hm_timetable_delivered(plan, agent->clock->monotonic_ms());
    } else if (took_ms < PAUSE_LEAST_MS) {
        plan->contact_ms =
            began_ms + PAUSE_LEAST_MS + (int64_t)(agent->clock->random() % PAUSE_LEAST_MS);
    }
}

void hm_cycle_run(struct hm_agent *agent)
{
    const bool has_collector = agent->uplink.transport.ops != NULL;
    struct hm_timetable plan = {.look_ms = 0};

    plan.look_ms = agent->clock->monotonic_ms();
    plan.contact_ms = plan.look_ms;
    while (!agent->clock->is_stopped()) {
        const int64_t now_ms = agent->clock->monotonic_ms();
        const bool may_contact = has_collector && now_ms >= plan.contact_ms;
        int64_t next_ms = plan.look_ms;

        if (now_ms >= plan.look_ms) {
            turn_look(agent, &plan);
        } else if (may_contact && agent->has_report) {
            turn_report(agent, &plan);
        } else if (may_contact && agent->identity.present &&
                   plan.look_ms - now_ms >= HOLD_LEAST_MS) {
            turn_hold(agent, &plan, plan.look_ms - now_ms);
        } else {
            if (has_collector && now_ms < plan.contact_ms && plan.contact_ms < next_ms) {
                next_ms = plan.contact_ms;
            }
            hm_cycle_save_status(agent, false);
            agent->may_wake = true;
            (void)agent->clock->sleep_ms(next_ms - now_ms);
            agent->may_wake = false;
        }
        if (agent->woken) { /* somebody wrote a setting: what changed is reported, no more */
            agent->woken = false;
            plan.look_ms = agent->clock->monotonic_ms();
            plan.early = true;
        }
    }
    hm_agent_reloads_stop(agent);
    hm_cycle_save_status(agent, true);
}
