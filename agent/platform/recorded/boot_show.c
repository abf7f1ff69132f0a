/* agent/platform/recorded/boot_show.c — what a platform shows of a host at one moment of a boot.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/recorded/boot_parts.h"

#include <string.h>

#include "common/base/str.h"
#include "common/ports/configured.h"

#define NEVER_STARTED 1077u
#define SYSTEM_PID 4u
#define EXTRA_PID 9000u

static enum hm_status no_memory(struct hm_err *err)
{
    return hm_fail(err, HM_ENOMEM, "no memory to look at a host that boots");
}

static bool is_there(const struct hm_boot *boot, size_t item)
{
    return item != HM_BOOT_NOBODY && boot->items[item].state == HM_BOOT_THERE;
}

/* ---- services -------------------------------------------------------------------------------- */

static bool has_started(const struct hm_boot *boot, const struct hm_boot_service *service)
{
    return boot->now_ms >= service->start_ms;
}

static struct hm_service service_now(const struct hm_boot *boot,
                                     const struct hm_boot_service *service,
                                     const struct hm_service *filed)
{
    struct hm_service now = *filed;

    if (!service->is_known) {
        return now;
    }
    if (service->is_idle || !has_started(boot, service)) {
        now.runs = false;
        now.exit_code = NEVER_STARTED;
    } else if (boot->now_ms < service->run_ms) {
        now.has_runs = false; /* it is being started */
        now.runs = false;
        now.exit_code = 0;
    } else if (service->has_failed) {
        now.runs = false;
        now.exit_code = service->failed_code;
    }
    return now;
}

static bool shows_name(const struct hm_boot *boot, const char *name)
{
    const struct hm_services *details = &boot->host->base.seen.inventory.service_details;

    for (size_t i = 0; i < details->count; i++) {
        if (hm_str_equal_nocase(details->at[i].name, name)) {
            const struct hm_service now = service_now(boot, &boot->services[i], &details->at[i]);

            return hm_service_is_wanted(&now) || (now.has_runs && now.runs);
        }
    }
    return true;
}

static enum hm_status show_services(const struct hm_boot *boot, struct hm_recorded *recorded,
                                    struct hm_err *err)
{
    struct hm_inventory *inventory = &recorded->seen.inventory;
    const struct hm_services filed = inventory->service_details;
    const struct hm_strings names = inventory->services;
    const size_t extra = boot->services_count - boot->host->services_count;
    struct hm_services now = {
        hm_arena_alloc(recorded->arena, boot->services_count, sizeof(*now.at)), 0};
    struct hm_strings shown = {
        hm_arena_alloc(recorded->arena, names.count + extra, sizeof(*shown.at)), 0};

    if (now.at == NULL || shown.at == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < filed.count; i++) {
        now.at[now.count++] = service_now(boot, &boot->services[i], &filed.at[i]);
    }
    for (size_t i = 0; i < names.count; i++) {
        if (shows_name(boot, names.at[i])) {
            shown.at[shown.count++] = names.at[i];
        }
    }
    for (size_t i = filed.count; i < boot->services_count; i++) {
        const struct hm_service one = {.name = boot->services[i].name,
                                       .program = "",
                                       .start = boot->services[i].start,
                                       .has_runs = true,
                                       .runs = true};

        now.at[now.count++] = service_now(boot, &boot->services[i], &one);
        shown.at[shown.count++] = boot->services[i].name;
    }
    inventory->service_details = now;
    inventory->has_service_details = inventory->has_service_details || extra > 0;
    inventory->services = shown;
    return HM_OK;
}

/* ---- sockets --------------------------------------------------------------------------------- */

static void add_extra_sockets(const struct hm_boot *boot, struct hm_sockets *now)
{
    for (size_t i = boot->host->items_count; i < boot->items_count; i++) {
        const struct hm_boot_item *item = &boot->items[i];
        const bool system = hm_str_equal(item->program, "System");

        for (unsigned family = 0;
             is_there(boot, i) && !item->is_block && item->kind != HM_KIND_CONTAINER && family < 2;
             family++) {
            now->at[now->count++] = (struct hm_socket){
                .protocol = item->protocol,
                .family = family == 0 ? HM_IPV4 : HM_IPV6,
                .state = HM_SOCKET_LISTEN,
                .address = family == 0 ? "0.0.0.0" : "::",
                .port = item->port,
                .remote = "",
                .pid = system ? SYSTEM_PID : EXTRA_PID + (uint32_t)i,
                .program = item->program,
                .service = system ? "" : item->service,
            };
        }
    }
}

static enum hm_status show_sockets(const struct hm_boot *boot, struct hm_recorded *recorded,
                                   struct hm_err *err)
{
    const struct hm_boot_host *host = boot->host;
    const struct hm_sockets filed = host->base.seen.sockets;
    const size_t extras = boot->items_count - host->items_count;
    struct hm_sockets now = {
        hm_arena_alloc(recorded->arena, filed.count + 2 * extras, sizeof(*now.at)), 0};

    if (now.at == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < filed.count; i++) {
        if (is_there(boot, host->socket_items[i])) {
            now.at[now.count] = filed.at[i];
            now.at[now.count++].port = boot->items[host->socket_items[i]].port;
        }
    }
    if (recorded->seen.has_sockets) {
        add_extra_sockets(boot, &now);
        recorded->seen.sockets = now;
    }
    return HM_OK;
}

/* Listeners that host.json lists. */
static enum hm_status show_filed(const struct hm_boot *boot, struct hm_recorded *recorded,
                                 struct hm_err *err)
{
    const struct hm_boot_host *host = boot->host;
    const struct hm_listeners filed = host->base.host.listeners;
    struct hm_listeners now = {hm_arena_alloc(recorded->arena, filed.count, sizeof(*now.at)), 0};

    if (now.at == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < filed.count; i++) {
        if (is_there(boot, host->filed_items[i])) {
            now.at[now.count] = filed.at[i];
            now.at[now.count++].port = boot->items[host->filed_items[i]].port;
        }
    }
    recorded->host.listeners = now;
    return HM_OK;
}

/* ---- exclusions of components ---------------------------------------------------------------- */

static bool has_row(const struct hm_boot_item *item)
{
    return item->state == HM_BOOT_THERE &&
           (item->is_block || item->kind == HM_KIND_HTTPSYS || item->kind == HM_KIND_QUIC ||
            item->kind == HM_KIND_CONTAINER) &&
           (item->is_block || item->is_listener);
}

static void insert_row(struct hm_range *rows, size_t count, struct hm_range row)
{
    size_t at = count;

    for (; at > 0 && rows[at - 1].first > row.first; at--) {
        rows[at] = rows[at - 1];
    }
    rows[at] = row;
}

/* The rows of one stack, in their order. */
static enum hm_status take_rows(const struct hm_boot *boot, struct hm_arena *arena,
                                struct hm_stack *stack, struct hm_err *err)
{
    struct hm_range *rows = hm_arena_alloc(arena, boot->items_count, sizeof(*rows));
    size_t count = 0;

    if (rows == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < boot->items_count; i++) {
        const struct hm_boot_item *item = &boot->items[i];

        if (has_row(item) && item->protocol == stack->protocol &&
            item->in[stack->family == HM_IPV6 ? 1 : 0]) {
            insert_row(rows, count++,
                       (struct hm_range){item->port, (uint16_t)(item->port + item->count - 1)});
        }
    }
    stack->runtime = (struct hm_ports){rows, count};
    return HM_OK;
}

/* What was written for the next boot is in force in it. */
static void take_written(struct hm_stack *stack)
{
    if (stack->has_next_administered) {
        stack->administered = stack->next_administered;
    }
    if (stack->has_next_dynamic) {
        stack->dynamic = stack->next_dynamic;
    }
    stack->has_next_administered = false;
    stack->has_next_dynamic = false;
}

static enum hm_status show_rows(const struct hm_boot *boot, struct hm_recorded *recorded,
                                struct hm_err *err)
{
    struct hm_stacks *stacks = &recorded->seen.inventory.stacks;
    struct hm_stack *at = hm_arena_alloc(recorded->arena, HM_STACK_COUNT, sizeof(*at));
    enum hm_status st = HM_OK;

    if (at == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; st == HM_OK && i < stacks->count; i++) {
        struct hm_stack *stack = &at[i];

        *stack = stacks->at[i];
        take_written(stack);
        if (!stack->has_runtime || recorded->seen.inventory.os.family != HM_OS_WINDOWS) {
            continue;
        }
        st = take_rows(boot, recorded->arena, stack, err);
    }
    stacks->at = at;
    return st;
}

/* ---- what is set up -------------------------------------------------------------------------- */

static enum hm_configured_by source_of(const struct hm_boot_item *item)
{
    return item->kind == HM_KIND_CONTAINER ? HM_BY_HNS_ENDPOINT : HM_BY_IIS_BINDING;
}

/* Endpoints are there once HNS runs; the others are always written, and can be read later. */
static bool is_set_up(const struct hm_boot *boot, size_t index)
{
    const struct hm_boot_item *item = &boot->items[index];
    const size_t owner = boot->owners[index];

    return item->is_configured && (item->kind != HM_KIND_CONTAINER || owner == HM_BOOT_NOBODY ||
                                   boot->now_ms >= boot->services[owner].run_ms);
}

static enum hm_status show_configured(const struct hm_boot *boot, struct hm_recorded *recorded,
                                      struct hm_err *err)
{
    struct hm_inventory *inventory = &recorded->seen.inventory;
    const struct hm_configured_list filed = inventory->configured;
    struct hm_configured_list now = {
        hm_arena_alloc(recorded->arena, filed.count + boot->items_count, sizeof(*now.at)), 0};
    bool any = false;

    if (now.at == NULL) {
        return no_memory(err);
    }
    if (boot->options.hides_settings || boot->now_ms < boot->settings_ms) {
        inventory->has_configured = false;
        inventory->configured = now;
        recorded->seen.settings_unread =
            inventory->os.family == HM_OS_WINDOWS && !hm_os_is_legacy(&inventory->os);
        return HM_OK;
    }
    for (size_t i = 0; i < filed.count; i++) {
        now.at[now.count++] = filed.at[i];
    }
    for (size_t i = boot->host->items_count; i < boot->items_count; i++) {
        const struct hm_boot_item *item = &boot->items[i];

        any = any || item->is_configured;
        if (is_set_up(boot, i)) {
            now.at[now.count++] = (struct hm_configured){
                .protocol = item->protocol,
                .port = item->port,
                .kind = item->kind,
                .by = source_of(item),
                .subject = "of this boot",
            };
        }
    }
    inventory->configured_partial =
        inventory->configured_partial || (!inventory->has_configured && any);
    inventory->has_configured = inventory->has_configured || any;
    inventory->configured = now;
    return HM_OK;
}

/* ---- events ---------------------------------------------------------------------------------- */

static enum hm_status add_events(const struct hm_boot *boot, struct hm_recorded *recorded,
                                 struct hm_err *err)
{
    struct hm_event_counts *events = &recorded->seen.events;

    for (size_t i = 0; i < boot->services_count; i++) {
        if (boot->services[i].has_failed) {
            events->at[events->count++] =
                (struct hm_event_count){.provider = "Service Control Manager",
                                        .id = 7024,
                                        .count = 1,
                                        .about = boot->services[i].name,
                                        .error = boot->services[i].failed_code};
        }
    }
    for (size_t i = 0; i < boot->items_count; i++) {
        const struct hm_boot_item *item = &boot->items[i];

        if (item->state == HM_BOOT_FAILED && item->cause == HM_BOOT_EXCLUDED &&
            item->kind == HM_KIND_HTTPSYS) {
            const char *about =
                hm_arena_printf(recorded->arena, "0.0.0.0:%u", (unsigned)item->port);

            if (about == NULL) {
                return no_memory(err);
            }
            events->at[events->count++] = (struct hm_event_count){
                .provider = "Microsoft-Windows-HttpEvent", .id = 15005, .count = 1, .about = about};
        }
    }
    return HM_OK;
}

/* Of this boot alone. */
static enum hm_status show_events(const struct hm_boot *boot, struct hm_recorded *recorded,
                                  struct hm_err *err)
{
    struct hm_event_counts *events = &recorded->seen.events;

    if (recorded->seen.inventory.os.family != HM_OS_WINDOWS) {
        return HM_OK;
    }
    recorded->seen.has_events = boot->now_ms >= boot->events_ms;
    *events = (struct hm_event_counts){hm_arena_alloc(recorded->arena,
                                                      boot->services_count + boot->items_count,
                                                      sizeof(*events->at)),
                                       0};
    if (events->at == NULL) {
        return no_memory(err);
    }
    return recorded->seen.has_events ? add_events(boot, recorded, err) : HM_OK;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static enum hm_status copy_notes(const struct hm_notes *from, struct hm_recorded *recorded,
                                 struct hm_err *err)
{
    enum hm_status st = HM_OK;

    hm_notes_init(&recorded->notes, recorded->arena);
    for (size_t i = 0; st == HM_OK && i < from->list.count; i++) {
        st = hm_notes_add(&recorded->notes, err, "%s", from->list.at[i]);
    }
    for (size_t i = 0; st == HM_OK && i < from->refusals.count; i++) {
        st = hm_notes_add_refusal(&recorded->notes, &from->refusals.at[i], err);
    }
    return st;
}

static enum hm_status begin_read(const struct hm_boot *boot, struct hm_recorded *recorded,
                                 struct hm_err *err)
{
    const struct hm_recorded asked = *recorded;

    *recorded = boot->host->base;
    recorded->folder = asked.folder;
    recorded->arena = asked.arena;
    recorded->memory = asked.memory;
    recorded->has_names = false; /* changes.json comes and goes */
    recorded->names = (struct hm_strings){NULL, 0};
    recorded->is_booting = true;
    recorded->seen.boot_id = boot->options.boot_id;
    recorded->host.has_boot_time = true;
    recorded->host.boot_time = boot->options.booted_ms;
    return copy_notes(&boot->host->base.notes, recorded, err);
}

/* As agent/platform/windows reads for a pass that cannot wait. */
static void hide_rest(unsigned urgent, struct hm_inventory *inventory)
{
    for (size_t i = 0; urgent != 0 && i < inventory->stacks.count; i++) {
        struct hm_stack *stack = &inventory->stacks.at[i];

        stack->has_dynamic = false;
        if ((urgent >> hm_stack_index(stack->protocol, stack->family) & 1u) == 0) {
            stack->has_administered = false;
            stack->has_runtime = false;
        }
    }
}

static enum hm_status lay_changes(struct hm_recorded *recorded, struct hm_err *err)
{
    enum hm_status st = HM_OK;

    if (recorded->seen.inventory.os.family == HM_OS_WINDOWS) {
        hm_recorded_apply_registry(recorded);
    }
    if (hm_os_is_legacy(&recorded->seen.inventory.os)) {
        st = hm_recorded_stacks(recorded, err);
    }
    return st == HM_OK ? hm_recorded_apply_stacks(recorded, err) : st;
}

/* Changes first: those of now were made before the time that has passed since. */
static enum hm_status bring_forward(struct hm_boot *boot, int64_t uptime_ms,
                                    struct hm_recorded recorded, struct hm_err *err)
{
    enum hm_status st = HM_OK;

    if (hm_os_is_legacy(&recorded.seen.inventory.os)) {
        hm_recorded_apply_registry(&recorded);
    } else {
        st = show_rows(boot, &recorded, err);
        st = st == HM_OK ? hm_recorded_apply_stacks(&recorded, err) : st;
    }
    if (st == HM_OK) {
        hm_boot_take_stacks(boot, &recorded);
        hm_boot_advance(boot, uptime_ms);
    }
    return st;
}

enum hm_status hm_boot_read(struct hm_boot *boot, int64_t uptime_ms, unsigned urgent,
                            struct hm_recorded *recorded, struct hm_err *err)
{
    enum hm_status (*const steps[])(const struct hm_boot *, struct hm_recorded *,
                                    struct hm_err *) = {show_services, show_sockets, show_filed,
                                                        show_rows};
    enum hm_status st = begin_read(boot, recorded, err);

    if (st == HM_OK) {
        st = hm_recorded_read_changes(recorded, err);
    }
    if (st == HM_OK) {
        st = bring_forward(boot, uptime_ms, *recorded, err);
    }
    recorded->seen.has_uptime = true;
    recorded->seen.uptime_s = boot->now_ms / 1000;
    for (size_t i = 0; st == HM_OK && i < HM_COUNT(steps); i++) {
        st = steps[i](boot, recorded, err);
    }
    if (st == HM_OK) {
        st = lay_changes(recorded, err);
    }
    if (st == HM_OK) {
        st = show_configured(boot, recorded, err);
    }
    if (st == HM_OK) {
        st = show_events(boot, recorded, err);
    }
    if (st == HM_OK) {
        st = hm_recorded_conclude(recorded, err);
    }
    if (st == HM_OK) {
        hide_rest(urgent, &recorded->seen.inventory);
    }
    return st;
}
