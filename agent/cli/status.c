/* agent/cli/status.c — hm-agent status: is the agent of this host well?
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include "agent/agent.h"
#include "agent/cli/verbs.h"
#include "agent/enforce/enforce_state.h"
#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/wire/records.h"

#define STATUS_ARENA_BYTES (32u * 1024u * 1024u)
#define JSON_BYTES (4u * 1024u * 1024u)

struct health {
    bool healthy;
    bool running;
    const char *why;
    bool held; /* hm-agent restore */
    bool has_boot;
    struct hm_enforce_boot boot;
    struct hm_agent_status status;
    struct hm_outcome_report policies; /* as last reported */
};

static const struct hm_field health_fields[] = {
    HM_F(health, healthy, HM_TYPE_BOOL, HM_FIELD_REQUIRED, 0, 0, "exit status 0"),
    HM_F(health, running, HM_TYPE_BOOL, HM_FIELD_REQUIRED, 0, 0, "an agent has this state now"),
    HM_F(health, why, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, 0, "why it is not healthy"),
    HM_F(health, held, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0,
         "nothing is enforced: hm-agent restore was run"),
    HM_F_RECORD_OPT(health, boot, &hm_record_enforce_boot,
                    "what enforcement did since the boot, and when"),
    HM_F_RECORD(health, status, HM_FIELD_REQUIRED, &hm_record_agent_status, "as last written"),
    HM_F_RECORD(health, policies, HM_FIELD_REQUIRED, &hm_record_outcome,
                "how far each policy has come, as last reported"),
};
static const struct hm_record record_health = {"agent_health", sizeof(struct health), health_fields,
                                               HM_COUNT(health_fields)};

static const struct hm_cli_option options[] = {
    {"json", NULL, "for programs"},
};

static void print_time(const char *label, bool has, int64_t time_ms, const char *otherwise)
{
    char text[HM_TIME_TEXT_BYTES];

    (void)printf("%-14s%s\n", label, has ? hm_clock_format(time_ms, text) : otherwise);
}

static const char *or_dash(const char *text)
{
    return text[0] != '\0' ? text : "-";
}

static void print_policies(const struct hm_outcome_report *report)
{
    char text[HM_TIME_TEXT_BYTES];

    for (size_t i = 0; i < report->policies.count; i++) {
        const struct hm_outcome *row = &report->policies.at[i];

        (void)printf("%-14s%s revision %u: %s%s%s%s since %s\n%-14s  %s\n",
                     i == 0 ? "policies" : "", row->policy, row->revision,
                     hm_outcome_state_names[row->state], row->why != HM_WHY_NONE ? " (" : "",
                     row->why != HM_WHY_NONE ? hm_outcome_why_names[row->why] : "",
                     row->why != HM_WHY_NONE ? ")" : "", hm_clock_format(row->since, text), "",
                     row->text);
    }
    if (report->refused[0] != '\0') {
        (void)printf("%-14s%s\n", "refused", report->refused);
    }
}

static void print_boot(const struct hm_enforce_boot *boot)
{
    if (boot->has_first_change_s) {
        (void)printf("%-14sfirst change %" PRIu64 " s after the boot\n", "enforcement",
                     boot->first_change_s);
    }
    if (boot->has_complete_s) {
        (void)printf("%-14scomplete %" PRIu64 " s after the boot\n",
                     boot->has_first_change_s ? "" : "enforcement", boot->complete_s);
    } else if (!boot->settled) {
        (void)printf("%-14swaits until the host has settled since its boot\n",
                     boot->has_first_change_s ? "" : "enforcement");
    }
}

static void print_reserved(const struct hm_enforce_boot *boot)
{
    if (boot->reserved_late) {
        (void)printf("%-14s%s\n", "late",
                     "Reserved ports of policies were missing after the boot until the agent's "
                     "first observation: see \"systemctl status havenmaster-reserve\".");
    }
    if (boot->kept_by[0] != '\0') {
        (void)printf("%-14s%s\n", "next boot", boot->kept_by);
    }
}

static void print_human(const struct health *health)
{
    const struct hm_agent_status *status = &health->status;

    (void)printf("%s%s%s\n", health->healthy ? "healthy" : "NOT healthy",
                 health->healthy ? "" : ": ", health->why);
    (void)printf("%-14s%s\n", "agent", health->running ? "running" : "not running");
    (void)printf("%-14s%s\n", "host", or_dash(status->name));
    (void)printf("%-14s%s\n", "enrolled as", or_dash(status->agent_id));
    (void)printf("%-14s%s, every %u s\n", "collector", or_dash(status->collector),
                 status->interval_s);
    print_time("last contact", status->has_last_contact, status->last_contact, "never");
    if (status->has_last_error) {
        print_time("last error", true, status->last_error, "");
        (void)printf("%-14s%s (%s)\n", "", status->error, status->error_code);
    }
    if (health->running && status->has_next && status->next > hm_clock_now_ms()) {
        print_time("next contact", true, status->next, "");
    }
    print_time("last look", status->has_last_look, status->last_look, "never");
    if (status->look_error[0] != '\0') {
        (void)printf("%-14s%s\n", "look failed", status->look_error);
    }
    (void)printf("%-14s%u safe, %u unknown, %u exposed, %u blocked\n", "verdicts", status->safe,
                 status->unknown, status->exposed, status->blocked);
    (void)printf("%-14s%s\n", "catalogue", or_dash(status->catalogue));
    (void)printf("%-14sinventory %s\n%-14sfindings  %s\n", "acknowledged",
                 or_dash(status->inventory), "", or_dash(status->findings));
    if (health->held) {
        (void)printf("%-14s%s\n", "held",
                     "nothing is enforced until \"hm-agent restore --resume\"");
    }
    if (health->has_boot && health->policies.policies.count > 0) {
        print_boot(&health->boot);
        print_reserved(&health->boot);
    }
    if (health->held && !health->running && health->policies.policies.count > 0) {
        (void)printf("%-14s%s\n", "policies",
                     "as they stood before \"hm-agent restore\", which removed what they added:");
    }
    print_policies(&health->policies);
}

static enum hm_status print_json(const struct health *health, struct hm_err *err)
{
    struct hm_buf json;
    enum hm_status st;

    hm_buf_init(&json, JSON_BYTES);
    st = hm_record_encode_pretty(&record_health, health, &json, err);
    if (st == HM_OK) {
        (void)fwrite(json.data, 1, json.len, stdout);
    }
    hm_buf_fini(&json);
    return st;
}

/* The agent holds the lock of its state folder for as long as it runs. */
static bool is_running(const char *state_dir, struct hm_arena *arena)
{
    const char *path = hm_arena_printf(arena, "%s/lock", state_dir);
    struct hm_os_lock *lock = NULL;
    enum hm_status st;

    if (path == NULL || !hm_os_exists(path)) {
        return false;
    }
    st = hm_os_lock(path, &lock, NULL);
    hm_os_unlock(lock);
    return st == HM_EBUSY;
}

/* Not there, or not readable: nothing is told of policies. */
static void read_policies(const char *state_dir, struct hm_arena *arena, struct health *health)
{
    const char *path = hm_arena_printf(arena, "%s/outcome.json", state_dir);
    struct hm_enforce_state state;
    char *text;
    size_t len;

    health->policies = (struct hm_outcome_report){.refused = ""};
    if (path != NULL &&
        hm_os_read_file(path, HM_LIMIT_DOCUMENT_BYTES, arena, &text, &len, NULL) == HM_OK &&
        hm_record_decode(&hm_record_outcome, text, len, false, arena, &health->policies, NULL,
                         NULL) != HM_OK) {
        health->policies = (struct hm_outcome_report){.refused = ""};
    }
    if (hm_enforce_state_load(state_dir, arena, &state, NULL) == HM_OK) {
        health->held = state.held;
        health->has_boot = state.has_boot;
        health->boot = state.boot;
    }
}

static enum hm_status gather(const struct hm_cli *cli, struct hm_arena *arena,
                             struct health *health, struct hm_err *err)
{
    struct hm_agent_config config;
    enum hm_status st;

    st = hm_agent_config_load(cli, arena, &config, err);
    if (st != HM_OK) {
        return st;
    }
    st = hm_agent_status_load(config.state_dir, arena, &health->status, err);
    if (st == HM_ENOENT) {
        return hm_fail(err, HM_ENOENT,
                       "%s: no agent has run with this state; start \"hm-agent run\", or name the "
                       "right folder with --set state_dir=FOLDER",
                       config.state_dir);
    }
    if (st != HM_OK) {
        return st;
    }
    read_policies(config.state_dir, arena, health);
    health->running = is_running(config.state_dir, arena);
    health->healthy = hm_agent_status_is_healthy(&health->status, health->running,
                                                 hm_clock_now_ms(), &health->why);
    if (health->healthy && health->held) {
        health->healthy = false;
        health->why = "nothing is enforced since \"hm-agent restore\"";
    }
    return HM_OK;
}

static int run(const struct hm_cli *cli)
{
    struct health health = {.why = ""};
    struct hm_arena arena;
    struct hm_err err;
    enum hm_status st;
    int status = HM_EXIT_FAILED;

    hm_arena_init(&arena, STATUS_ARENA_BYTES);
    st = gather(cli, &arena, &health, &err);
    if (st == HM_OK && hm_cli_value(cli, "json") != NULL) {
        st = print_json(&health, &err);
    } else if (st == HM_OK) {
        print_human(&health);
    }
    if (st == HM_OK) {
        status = health.healthy ? HM_EXIT_OK : HM_EXIT_FAILED;
    } else {
        status = hm_cli_fail(cli, st == HM_EINVAL ? HM_EXIT_USAGE : HM_EXIT_FAILED, &err);
    }
    hm_arena_fini(&arena);
    return status;
}

const struct hm_cli_verb hm_verb_status = {
    .name = "status",
    .arguments = "",
    .options = options,
    .option_count = HM_COUNT(options),
    .help = "is this host's agent well? exit 0 yes, 1 no",
    .run = run,
};
