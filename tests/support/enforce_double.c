/* tests/support/enforce_double.c — a made-up host that policies are enforced on.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/enforce_double.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/plan/plan_apply.h"
#include "common/wire/records.h"
#include "tests/support/temp_folder.h"

#define PASS_ARENA_BYTES (64u * 1024u * 1024u)

struct hm_platform {
    struct hm_enforce_double *host;
};

static struct hm_platform platform; /* one host a test */

static void must(bool ok, const char *what)
{
    if (!ok) {
        (void)fprintf(stderr, "enforce double: %s\n", what);
        abort();
    }
}

/* ---- the host ------------------------------------------------------------------------------ */

static struct hm_inventory copy(const struct hm_inventory *from, struct hm_arena *arena)
{
    struct hm_inventory out;
    struct hm_buf json;
    struct hm_err err;

    hm_buf_init(&json, HM_LIMIT_REPLY_BYTES);
    must(hm_record_encode(&hm_record_inventory, from, &json, &err) == HM_OK, err.text);
    must(hm_record_decode(&hm_record_inventory, json.data, json.len, true, arena, &out, NULL,
                          &err) == HM_OK,
         err.text);
    hm_buf_fini(&json);
    return out;
}

static enum hm_status reread(struct hm_platform *at, const struct hm_actions *actions,
                             struct hm_arena *arena, struct hm_inventory *inventory,
                             struct hm_err *err)
{
    const struct hm_inventory now = copy(&at->host->model.host.inventory, arena);

    (void)actions;
    if (at->host->blind) {
        return hm_fail(err, HM_EIO, "the host cannot be read");
    }
    inventory->stacks = now.stacks;
    inventory->has_registry = now.has_registry;
    inventory->registry = now.registry;
    return HM_OK;
}

static bool is_held(const struct hm_enforce_double *host, const struct hm_action *action)
{
    const struct hm_build *build = &host->model.host;

    for (size_t i = 0; i < build->sockets.count; i++) {
        const struct hm_socket *row = &build->sockets.at[i];

        if (row->protocol == action->protocol && row->family == action->family &&
            hm_ports_contains(action->ports, row->port)) {
            return true;
        }
    }
    return false;
}

static void make(struct hm_enforce_double *host, const struct hm_action *action)
{
    struct hm_build *build = &host->model.host;
    const struct hm_actions actions = {(struct hm_action *)action, 1};
    struct hm_inventory after;

    must(hm_plan_apply(&build->inventory, &actions, &build->arena, &after, NULL) == HM_OK,
         "no memory");
    after = copy(&after, &build->arena);
    memcpy(build->stacks, after.stacks.at, after.stacks.count * sizeof(*build->stacks));
    build->inventory.stacks.at = build->stacks;
    build->inventory.registry = after.registry;
}

static enum hm_status change(struct hm_platform *at, const struct hm_action *action,
                             struct hm_arena *arena, struct hm_err *err)
{
    struct hm_enforce_double *host = at->host;
    const bool adds = action->kind == HM_ACTION_ADD_EXCLUSION;
    const bool excludes = adds || action->kind == HM_ACTION_REMOVE_EXCLUSION;
    struct hm_stack *stack =
        excludes ? hm_build_stack(&host->model.host, action->protocol, action->family) : NULL;

    (void)arena;
    host->changes++;
    if (host->refuse != HM_OK && action->family == host->refuse_family &&
        (host->refuse_policy == NULL || strcmp(host->refuse_policy, action->policy) == 0)) {
        return hm_fail(err, host->refuse, "the system does not want to");
    }
    if (host->pretends) {
        return HM_OK;
    }
    if (host->outrun && adds) {
        make(host, action);
        return hm_fail(err, HM_ECONFLICT, "it is there already");
    }
    if (adds && (is_held(host, action) || hm_ports_overlap(stack->administered, action->ports))) {
        return hm_fail(err, HM_EBUSY, "the system refuses it");
    }
    if (excludes && !adds && !hm_ports_overlap(stack->administered, action->ports)) {
        return hm_fail(err, HM_ECONFLICT, "there is no such row");
    }
    make(host, action);
    if (excludes && host->both_families) {
        struct hm_action other = *action;

        other.family = action->family == HM_IPV4 ? HM_IPV6 : HM_IPV4;
        make(host, &other);
    }
    return HM_OK;
}

static enum hm_status keep(struct hm_platform *at, const struct hm_ledger *ledger,
                           struct hm_arena *arena, struct hm_kept *out_kept, struct hm_err *err)
{
    (void)ledger;
    (void)arena;
    (void)err;
    *out_kept = (struct hm_kept){at->host->lost, "somehow"};
    at->host->lost = false;
    return HM_OK;
}

/* The first owner of the list is enough here. */
static enum hm_status reapply(struct hm_platform *at, const struct hm_ledger *ledger, bool always,
                              struct hm_arena *arena, bool *out_added, struct hm_err *err)
{
    struct hm_build *build = &at->host->model.host;
    enum hm_status st = HM_OK;

    (void)arena;
    *out_added = false;
    if ((!always && !at->host->reloaded) || !ledger->has_sysctl) {
        return HM_OK;
    }
    for (unsigned i = 0; st == HM_OK && i < HM_STACK_COUNT; i++) {
        struct hm_ports *list = &build->stacks[i].administered;
        const struct hm_ports ours = ledger->sysctl.owned.at[0].ports;

        *out_added = *out_added || !hm_ports_overlap(*list, ours);
        st = hm_ports_union(*list, ours, &build->arena, list, err);
    }
    return st;
}

static enum hm_status try_ephemeral(struct hm_platform *at, struct hm_arena *arena,
                                    const char **out_why, struct hm_err *err)
{
    (void)arena;
    (void)err;
    *out_why = at->host->no_ephemeral ? "tcp/ipv4 gives none" : "";
    return HM_OK;
}

static const struct hm_platform_ops ops = {
    .name = "made up",
    .reread = reread,
    .change = change,
    .try_ephemeral = try_ephemeral,
};
static const struct hm_platform_ops keeping_ops = {
    .name = "made up",
    .reread = reread,
    .change = change,
    .keep = keep,
    .reapply = reapply,
    .try_ephemeral = try_ephemeral,
};

/* ---- the enforcer -------------------------------------------------------------------------- */

static int64_t now_ms(void)
{
    return platform.host->model.now_ms;
}

static void note_step(const char *name, void *arg)
{
    struct hm_enforce_double *host = arg;
    const size_t len = strlen(host->order);

    (void)snprintf(host->order + len, sizeof(host->order) - len, "%s%s", len > 0 ? " " : "", name);
    if (host->step != NULL) {
        host->step(name, host->step_arg);
    }
}

void enforce_double_init(struct hm_enforce_double *host, const char *windows_version)
{
    memset(host, 0, sizeof(*host));
    hm_model_init(&host->model, windows_version);
    temp_folder_make(host->folder, sizeof(host->folder));
    platform.host = host;
    enforce_double_restart(host);
}

void enforce_double_fini(struct hm_enforce_double *host)
{
    hm_enforcer_close(host->enforcer);
    hm_arena_fini(&host->arena);
    hm_model_fini(&host->model);
    temp_folder_remove(host->folder);
}

void enforce_double_restart(struct hm_enforce_double *host)
{
    const struct hm_enforcer_options options = {
        .state_dir = host->folder,
        .state_id = host->state_id,
        .ops = host->keeps ? &keeping_ops : &ops,
        .platform = &platform,
        .limits = host->model.limits,
        .now_ms = now_ms,
        .step = note_step,
        .step_arg = host,
    };

    hm_enforcer_close(host->enforcer);
    must(hm_enforcer_open(&options, &host->enforcer, NULL) == HM_OK, "no enforcer");
}

void enforce_double_wait(struct hm_enforce_double *host, int64_t seconds)
{
    host->model.now_ms += seconds * 1000;
}

void enforce_double_set_clock(struct hm_enforce_double *host, int64_t by_seconds)
{
    host->model.now_ms += by_seconds * 1000;
    host->boot_ms += by_seconds * 1000;
}

void enforce_double_boot(struct hm_enforce_double *host, const char *boot_id)
{
    host->has_uptime = true;
    host->boot_ms = host->model.now_ms;
    host->model.boot_id = boot_id;
    enforce_double_restart(host);
}

void enforce_double_revise(struct hm_enforce_double *host, enum hm_policy_mode mode)
{
    struct hm_policy *copy = hm_arena_alloc(&host->model.host.arena, 1, sizeof(*copy));

    must(copy != NULL, "no memory");
    *copy = *host->model.policies[host->model.count - 1];
    copy->revision++;
    copy->mode = mode;
    host->model.policies[host->model.count - 1] = copy;
}

const char *enforce_double_rows(struct hm_enforce_double *host, enum hm_family family)
{
    return hm_ports_text(hm_build_stack(&host->model.host, HM_TCP, family)->administered,
                         &host->model.host.arena);
}

/* Without what borrows from an arena that is gone. */
static struct hm_observation *observe(struct hm_enforce_double *host)
{
    struct hm_observation *seen = hm_arena_alloc(&host->arena, 1, sizeof(*seen));

    must(seen != NULL, "no memory");
    seen->name = "host-1";
    seen->boot_id = host->model.boot_id;
    seen->has_events = host->model.host.events.count > 0;
    seen->events = host->model.host.events;
    seen->idle_services = host->idle;
    seen->has_uptime = host->has_uptime;
    seen->settings_unread = host->model.settings_unread;
    seen->uptime_s = (host->model.now_ms - host->boot_ms) / 1000;
    seen->inventory = copy(&host->model.host.inventory, &host->arena);
    seen->has_sockets = host->model.host.has_sockets;
    seen->sockets = host->model.host.sockets;
    return seen;
}

static void begin_pass(struct hm_enforce_double *host)
{
    hm_arena_fini(&host->arena);
    hm_arena_init(&host->arena, PASS_ARENA_BYTES);
    host->order[0] = '\0';
    host->changes = 0;
    host->pass = (struct hm_enforce_pass){
        .policies = host->more.count > 0
                        ? host->more
                        : (struct hm_policies){host->model.policies, host->model.count},
        .refused = host->refused,
        .refused_count = host->refused_count,
        .desired_error = "",
        .trust_version = 7,
        .host = "host-1",
        .catalogue = &host->model.host.catalogue,
        .observation = observe(host),
        .arena = &host->arena,
        .hazards_unknown = host->hazards_unknown,
        .remembered = host->model.remembered,
        .memory_lost = host->model.memory_lost,
        .urgent = host->urgent,
    };
}

enum hm_status enforce_double_pass(struct hm_enforce_double *host)
{
    struct hm_err err = {.text = ""};

    begin_pass(host);
    return hm_enforce(host->enforcer, &host->pass, &err);
}

enum hm_status enforce_double_restore(struct hm_enforce_double *host, struct hm_err *err)
{
    begin_pass(host);
    return hm_enforcer_restore(host->enforcer, &host->pass, err);
}

/* ---- what came of it ----------------------------------------------------------------------- */

const char *enforce_double_states(struct hm_enforce_double *host)
{
    const struct hm_outcomes *rows = &host->pass.report.policies;
    const char *text = "";

    for (size_t i = 0; i < rows->count; i++) {
        const struct hm_outcome *row = &rows->at[i];

        text = hm_arena_printf(&host->arena, "%s%s%s/%u %s%s%s", text, i > 0 ? "; " : "",
                               row->policy, row->revision, hm_outcome_state_names[row->state],
                               row->why != HM_WHY_NONE || row->code != HM_REFUSE_NONE ? " " : "",
                               row->why != HM_WHY_NONE       ? hm_outcome_why_names[row->why]
                               : row->code != HM_REFUSE_NONE ? hm_refusal_code_names[row->code]
                                                             : "");
        must(text != NULL, "no memory");
    }
    return text;
}

const struct hm_outcome *enforce_double_outcome(const struct hm_enforce_double *host,
                                                const char *policy)
{
    for (size_t i = 0; i < host->pass.report.policies.count; i++) {
        if (strcmp(host->pass.report.policies.at[i].policy, policy) == 0) {
            return &host->pass.report.policies.at[i];
        }
    }
    must(false, "no such outcome");
    return NULL;
}

const char *enforce_double_report(struct hm_enforce_double *host)
{
    struct hm_buf json;
    struct hm_err err;
    const char *text;

    hm_buf_init(&json, HM_LIMIT_REPLY_BYTES);
    must(hm_record_encode(&hm_record_outcome, &host->pass.report, &json, &err) == HM_OK, err.text);
    text = hm_arena_strdup(&host->model.host.arena, hm_buf_text(&json));
    hm_buf_fini(&json);
    must(text != NULL, "no memory");
    return text;
}
