/* tests/support/plan_model.c — a host made by hand that plans are made for and carried out on.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/plan_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/wire/records.h"

#define WEDNESDAY_NOON_MS 1795608000000

static void must(bool ok, const char *what)
{
    if (!ok) {
        (void)fprintf(stderr, "plan model: %s\n", what);
        abort();
    }
}

void hm_model_init(struct hm_model *model, const char *windows_version)
{
    memset(model, 0, sizeof(*model));
    hm_build_init(&model->host, windows_version);
    model->now_ms = WEDNESDAY_NOON_MS;
    model->boot_id = "boot-1";
}

void hm_model_fini(struct hm_model *model)
{
    hm_build_fini(&model->host);
}

struct hm_policy *hm_model_document(struct hm_model *model, const char *json)
{
    struct hm_policy *policy = hm_arena_alloc(&model->host.arena, 1, sizeof(*policy));
    struct hm_err err = {0};

    must(policy != NULL && model->count < HM_MODEL_POLICIES_MAX, "no room for a policy");
    must(hm_record_decode(&hm_record_policy, json, strlen(json), true, &model->host.arena, policy,
                          NULL, &err) == HM_OK,
         err.text);
    model->policies[model->count++] = policy;
    return policy;
}

struct hm_policy *hm_model_policy(struct hm_model *model, const char *name, const char *members)
{
    const char *json = hm_arena_printf(
        &model->host.arena,
        "{\"name\":\"%s\",\"revision\":1,\"owner\":\"o\",\"reason\":\"r\",\"review\":"
        "\"2030-01-01T00:00:00Z\",\"match\":{\"hosts\":[\"*\"]},\"mode\":\"enforce\",%s}",
        name, members);

    must(json != NULL, "no memory");
    return hm_model_document(model, json);
}

struct hm_policy *hm_model_reserve(struct hm_model *model, const char *name, const char *protocol,
                                   const char *ports)
{
    return hm_model_policy(
        model, name,
        hm_arena_printf(&model->host.arena,
                        "\"reservations\":[{\"protocol\":\"%s\",\"ports\":\"%s\"}]", protocol,
                        ports));
}

const struct hm_plan *hm_model_plan(struct hm_model *model)
{
    const struct hm_plan_input input = {
        .inventory = &model->host.inventory,
        .sockets = model->host.has_sockets ? &model->host.sockets : NULL,
        .policies = {model->policies, model->count},
        .catalogue = &model->host.catalogue,
        .ledger = &model->ledger,
        .limits = &model->limits,
        .now_ms = model->now_ms,
        .clock_doubted = model->clock_doubted,
        .boot_id = model->boot_id,
        .settling = model->settling,
        .remembered = model->remembered,
        .settings_unread = model->settings_unread,
        .memory_lost = model->memory_lost,
        .services_failed = model->services_failed,
    };
    struct hm_err err = {0};

    must(hm_plan(&input, &model->host.arena, &model->plan, &err) == HM_OK, err.text);
    return &model->plan;
}

/* The stack's rows with one more or one less, ends kept. */
static void change_rows(struct hm_model *model, struct hm_stack *stack, struct hm_range range,
                        bool add)
{
    size_t count = stack->administered.count;
    struct hm_range *rows = hm_arena_alloc(&model->host.arena, count + 1, sizeof(*rows));
    size_t left = 0;
    bool found = false;

    if (rows == NULL) {
        abort();
    }
    for (size_t i = 0; i < count; i++) {
        struct hm_range row = stack->administered.at[i];
        bool same = row.first == range.first && row.last == range.last;

        if (add && !found && row.first > range.first) {
            rows[left++] = range;
            found = true;
        }
        if (add || !same) {
            rows[left++] = row;
        } else {
            found = true;
        }
    }
    if (add && !found) {
        rows[left++] = range;
    }
    must(add || found, "a removal without its row");
    stack->administered = (struct hm_ports){rows, left};
}

static void add_row(struct hm_model *model, const struct hm_action *action)
{
    struct hm_stack *stack = hm_build_stack(&model->host, action->protocol, action->family);

    must(!hm_ports_overlap(stack->administered, action->ports), "an exclusion over a row");
    must(!hm_ports_overlap(stack->runtime, action->ports), "an exclusion over a runtime row");
    for (size_t i = 0; model->host.has_sockets && i < model->host.sockets.count; i++) {
        const struct hm_socket *row = &model->host.sockets.at[i];

        must(row->protocol != action->protocol || row->family != action->family ||
                 row->state == HM_SOCKET_TIME_WAIT || !hm_ports_contains(action->ports, row->port),
             "an exclusion over a socket");
    }
    change_rows(model, stack, action->ports.at[0], true);
}

static void set_range(struct hm_model *model, const struct hm_action *action)
{
    struct hm_registry *registry = &model->host.inventory.registry;

    for (size_t i = 0; i < model->host.inventory.stacks.count; i++) {
        struct hm_stack *stack = &model->host.stacks[i];

        if (!action->has_protocol ||
            (stack->protocol == action->protocol && stack->family == action->family)) {
            stack->dynamic = action->range;
        }
    }
    if (hm_os_is_legacy(&model->host.inventory.os)) {
        registry->has_max_user_port = !action->unset;
        registry->max_user_port = action->unset ? 0 : action->range.last;
    }
}

static void carry_out(struct hm_model *model, const struct hm_action *action)
{
    struct hm_registry *registry = &model->host.inventory.registry;

    switch (action->kind) {
    case HM_ACTION_REMOVE_EXCLUSION:
        change_rows(model, hm_build_stack(&model->host, action->protocol, action->family),
                    action->ports.at[0], false);
        break;
    case HM_ACTION_ADD_EXCLUSION:
        add_row(model, action);
        break;
    case HM_ACTION_SET_RESERVED_PORTS:
        registry->has_reserved_ports = !action->unset;
        registry->reserved_ports = action->lines;
        break;
    case HM_ACTION_SET_SYSCTL_RESERVED:
        for (size_t i = 0; i < model->host.inventory.stacks.count; i++) {
            model->host.stacks[i].administered = action->ports;
        }
        break;
    case HM_ACTION_SET_RANGE:
        set_range(model, action);
        break;
    case HM_ACTION_SET_TIMED_WAIT_DELAY:
        registry->has_tcp_timed_wait_delay_s = action->has_timed_wait_delay_s;
        registry->tcp_timed_wait_delay_s = action->timed_wait_delay_s;
        break;
    }
}

/* The ledger goes through its document each time, as the agent's does. */
static void store_ledger(struct hm_model *model)
{
    struct hm_buf json;
    struct hm_err err = {0};

    hm_buf_init(&json, HM_LIMIT_REPLY_BYTES);
    must(hm_record_encode(&hm_record_ledger, &model->ledger, &json, &err) == HM_OK, err.text);
    must(hm_record_decode(&hm_record_ledger, json.data, json.len, true, &model->host.arena,
                          &model->ledger, NULL, &err) == HM_OK,
         err.text);
    hm_buf_fini(&json);
}

static void put_ledger(struct hm_model *model, const struct hm_action *action,
                       enum hm_ledger_stage stage)
{
    struct hm_err err = {0};

    must(hm_ledger_put(&model->ledger, action, stage, model->now_ms, model->boot_id,
                       &model->host.arena, &model->ledger, &err) == HM_OK,
         err.text);
}

/* False when it was killed. */
static bool carry_out_some(struct hm_model *model, size_t steps)
{
    for (size_t i = 0; i < model->plan.actions.count; i++) {
        const struct hm_action *action = &model->plan.actions.at[i];

        if (steps-- == 0) {
            return false;
        }
        put_ledger(model, action, HM_LEDGER_BEFORE);
        if (steps-- == 0) {
            return false;
        }
        carry_out(model, action);
        if (steps-- == 0) {
            return false;
        }
        put_ledger(model, action, HM_LEDGER_AFTER);
    }
    return true;
}

bool hm_model_apply_some(struct hm_model *model, size_t steps)
{
    bool done = carry_out_some(model, steps);
    struct hm_err err = {0};

    for (size_t i = 0; done && i < model->plan.notes.count; i++) {
        must(hm_ledger_remove(&model->ledger, &model->plan.notes.at[i], &model->host.arena,
                              &model->ledger, &err) == HM_OK,
             err.text);
    }
    store_ledger(model);
    return !done;
}

void hm_model_apply(struct hm_model *model)
{
    must(!hm_model_apply_some(model, SIZE_MAX), "a plan that never ends");
}

void hm_model_enforce(struct hm_model *model)
{
    (void)hm_model_plan(model);
    hm_model_apply(model);
}

void hm_model_start(struct hm_model *model, const char *windows_version, const char *members)
{
    hm_model_init(model, windows_version);
    (void)hm_model_policy(model, "p", members);
    hm_model_enforce(model);
}

const struct hm_plan_note *hm_model_note(const struct hm_model *model, enum hm_plan_note_kind kind,
                                         const char *policy, size_t n)
{
    for (size_t i = 0; i < model->plan.notes.count; i++) {
        const struct hm_plan_note *note = &model->plan.notes.at[i];

        if (note->kind == kind && (policy == NULL || strcmp(note->policy, policy) == 0) &&
            n-- == 0) {
            return note;
        }
    }
    return NULL;
}

size_t hm_model_count_notes(const struct hm_model *model, enum hm_plan_note_kind kind)
{
    size_t count = 0;

    while (hm_model_note(model, kind, NULL, count) != NULL) {
        count++;
    }
    return count;
}

static void put_action(struct hm_buf *out, const struct hm_action *action)
{
    (void)hm_buf_puts(out, hm_action_kind_names[action->kind]);
    if (action->has_protocol) {
        (void)hm_buf_printf(out, " %s %s", hm_protocol_names[action->protocol],
                            hm_family_names[action->family]);
    }
    (void)hm_buf_putc(out, ' ');
    if (action->kind == HM_ACTION_SET_RANGE) {
        (void)hm_buf_printf(out, "%u-%u", (unsigned)action->range.first,
                            (unsigned)action->range.last);
    } else if (action->has_timed_wait_delay_s) {
        (void)hm_buf_printf(out, "%u", action->timed_wait_delay_s);
    } else if (action->kind == HM_ACTION_SET_RESERVED_PORTS) {
        for (size_t i = 0; i < action->lines.count; i++) {
            (void)hm_buf_printf(out, "%s%s", i > 0 ? "|" : "", action->lines.at[i]);
        }
    } else {
        (void)hm_ports_format(action->ports, out);
    }
    (void)hm_buf_puts(out, action->unset ? "unset" : "");
}

const char *hm_model_actions(struct hm_model *model)
{
    struct hm_buf out;
    const char *copy;

    hm_buf_init(&out, HM_LIMIT_REPLY_BYTES);
    for (size_t i = 0; i < model->plan.actions.count; i++) {
        (void)hm_buf_puts(&out, i > 0 ? "; " : "");
        put_action(&out, &model->plan.actions.at[i]);
    }
    copy = hm_arena_strdup(&model->host.arena, hm_buf_text(&out));
    hm_buf_fini(&out);
    must(copy != NULL, "no memory");
    return copy;
}

const char *hm_model_inventory(struct hm_model *model)
{
    struct hm_buf out;
    const char *copy;

    hm_buf_init(&out, HM_LIMIT_REPLY_BYTES);
    must(hm_record_encode(&hm_record_inventory, &model->host.inventory, &out, NULL) == HM_OK,
         "the inventory cannot be written");
    copy = hm_arena_strdup(&model->host.arena, hm_buf_text(&out));
    hm_buf_fini(&out);
    must(copy != NULL, "no memory");
    return copy;
}
