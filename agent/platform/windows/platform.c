/* agent/platform/windows/platform.c — this Windows host, as an agent sees it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/platform.h"

#include <stdlib.h>
#include <string.h>

#include "agent/platform/windows/windows.h"
#include "agent/platform/windows_rules.h"
#include "agent/platform/windows_services.h"
#include "common/base/str.h"
#include "common/judge/headroom.h"
#include "common/os/os.h"
#include "common/ports/settled.h"

struct hm_platform {
    struct hm_netsh *netsh;
    struct hm_sites sites;
    const struct hm_tcpip_memory *memory;
    struct hm_reading reading;
    struct hm_event_memory events;
};

/* One observation in the making. */
struct look {
    struct hm_platform *platform;
    struct hm_notes notes;
    struct hm_observation seen;
    struct hm_windows_services services;
    struct hm_windows_processes processes;
};

static enum hm_status windows_open(const char *where, struct hm_platform **out_platform,
                                   struct hm_err *err)
{
    struct hm_platform *platform = calloc(1, sizeof(*platform));
    enum hm_status st;

    (void)where;
    if (platform == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory to look at this host");
    }
    platform->reading.patient = true;
    st = hm_netsh_open(&platform->netsh, err);
    if (st != HM_OK) {
        free(platform);
        return st;
    }
    hm_sites_init(&platform->sites);
    hm_event_memory_init(&platform->events);
    *out_platform = platform;
    return HM_OK;
}

static void windows_close(struct hm_platform *platform)
{
    if (platform != NULL) {
        hm_netsh_close(platform->netsh);
        hm_sites_fini(&platform->sites);
        hm_event_memory_fini(&platform->events);
        free(platform);
    }
}

/* A failed reading is a sentence; lack of memory is an error. */
static enum hm_status note(struct look *look, enum hm_status st, const struct hm_err *why,
                           const char *unknown, struct hm_err *err)
{
    if (st == HM_ENOMEM) {
        return hm_fail(err, st, "%s", why->text);
    }
    return st == HM_OK ? HM_OK : hm_notes_add(&look->notes, err, "%s: %s", why->text, unknown);
}

/* Process ids: another one after every start, but of a shared host. */
static enum hm_status take_instances(const struct hm_windows_services *services,
                                     struct hm_arena *arena, struct hm_run_instances *out,
                                     struct hm_err *err)
{
    out->at = hm_arena_alloc(arena, services->count, sizeof(*out->at));
    if (out->at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the list of services");
    }
    for (size_t i = 0; i < services->count; i++) {
        out->at[out->count++] = (struct hm_run_instance){services->at[i].name, services->at[i].pid};
    }
    return HM_OK;
}

static enum hm_status look_at_services(struct look *look, struct hm_err *err)
{
    struct hm_observation *seen = &look->seen;
    struct hm_arena *arena = look->notes.arena;
    struct hm_err why;
    enum hm_status st = hm_windows_services(arena, &look->services, &why);

    if (st != HM_OK) {
        return note(look, st, &why, "services are unknown", err);
    }
    st = hm_windows_settle_services(&look->services, HM_WINDOWS_CLUSTER_KEY, &seen->inventory,
                                    &look->notes, err);
    if (st == HM_OK) {
        st = hm_windows_idle_services(&look->services.rows, arena, &seen->idle_services, err);
    }
    seen->knows_all_services = st == HM_OK && !seen->inventory.services_partial;
    return st == HM_OK ? take_instances(&look->services, arena, &seen->instances, err) : st;
}

static enum hm_status look_at_sockets(struct look *look, struct hm_err *err)
{
    struct hm_arena *arena = look->notes.arena;
    struct hm_err why;
    enum hm_status st = hm_windows_processes(&look->services, arena, &look->processes, &why);

    st = note(look, st, &why, "the programs behind sockets are unknown", err);
    if (st != HM_OK) {
        return st;
    }
    st = hm_windows_sockets(&look->processes, arena, &look->seen.sockets, &why);
    look->seen.has_sockets = st == HM_OK;
    return note(look, st, &why,
                "listeners, who holds a port now, and how full the dynamic ranges are, is unknown",
                err);
}

static enum hm_status legacy_stacks(struct hm_observation *seen,
                                    const struct hm_tcpip_memory *memory, bool has_tcpip,
                                    struct hm_arena *arena, struct hm_err *err)
{
    static const struct hm_listeners none;
    struct hm_inventory *inventory = &seen->inventory;
    struct hm_windows_legacy legacy = {
        .boot_id = seen->boot_id,
        .memory = memory,
        .has_tcpip = has_tcpip,
        .ipv6 = hm_windows_shows_ipv6(&seen->sockets, &none),
        .has_dns = hm_windows_has_dns(&inventory->services, &seen->sockets),
        .sockets = seen->has_sockets ? &seen->sockets : NULL,
    };

    legacy.times.has_boot = hm_windows_boot_time(&legacy.times.boot_ms);
    legacy.times.has_written =
        hm_registry_last_write(HM_WINDOWS_TCPIP_KEY, &legacy.times.written_ms);
    inventory->stacks.at = hm_arena_alloc(arena, HM_STACK_COUNT, sizeof(*inventory->stacks.at));
    if (inventory->stacks.at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the port ranges");
    }
    return hm_windows_legacy_stacks(&legacy, arena, &inventory->registry, &inventory->stacks,
                                    &seen->highest_given, err);
}

enum hm_status hm_windows_compose(struct hm_netsh *netsh, struct hm_sites *sites,
                                  const struct hm_tcpip_memory *memory,
                                  const struct hm_netsh_need *need, struct hm_observation *seen,
                                  struct hm_notes *notes, struct hm_err *err)
{
    struct hm_inventory *inventory = &seen->inventory;
    struct hm_netsh_facts facts = {
        .stacks = {NULL, 0}
    };
    struct hm_ports httpsys = {NULL, 0};
    struct hm_netsh_need asks = *need;
    bool has_tcpip = false;
    enum hm_status st = hm_windows_settings(inventory, &has_tcpip, notes, err);

    if (st == HM_OK && hm_os_is_legacy(&inventory->os)) {
        st = legacy_stacks(seen, memory, has_tcpip, notes->arena, err);
        if (st == HM_OK) {
            st = hm_windows_port_values(inventory, notes, err);
        }
    } else if (st == HM_OK) {
        asks.signature = hm_lists_signature(&inventory->service_details, &seen->sockets);
        st = hm_netsh_stacks(netsh, &inventory->os, &asks, notes->arena, &facts, notes, err);
        inventory->stacks = facts.stacks;
        seen->opinions = facts.opinions;
        seen->again_in_ms = facts.again_in_ms;
        if (st == HM_OK) {
            st = hm_windows_stored_exclusions(&inventory->stacks, notes, err);
        }
        if (st == HM_OK) {
            sites->hurried = need->only != 0;
            st = hm_windows_configured(facts.http, sites, inventory, notes, &httpsys, err);
            seen->settings_unread = !inventory->has_configured || inventory->configured_partial;
        }
    }
    if (st == HM_OK && seen->has_sockets) {
        st = hm_windows_take_listeners(&seen->sockets, httpsys, notes->arena, inventory, err);
    }
    if (st == HM_OK) {
        hm_inventory_settle(inventory);
    }
    return st;
}

static enum hm_status take_sample(struct look *look, struct hm_err *err)
{
    struct hm_observation *seen = &look->seen;
    enum hm_status st = HM_OK;

    if (seen->has_sockets) {
        st = hm_headroom_sample(&seen->inventory, &seen->sockets, look->notes.arena, &seen->sample,
                                err);
    }
    if (st == HM_OK) {
        st = hm_windows_events(&look->platform->events, seen, &look->notes, err);
    }
    if (st == HM_OK) {
        hm_windows_name_events(&look->services.rows, &seen->events);
        hm_event_tally_forget_errors(&look->platform->events.tally, &seen->events,
                                     &look->services.rows);
    }
    seen->has_sample = st == HM_OK && (seen->has_sockets || seen->sample.has_events);
    return st;
}

static bool runs(const struct hm_services *services, const char *name)
{
    for (size_t i = 0; i < services->count; i++) {
        const struct hm_service *service = &services->at[i];

        if (hm_str_equal_nocase(service->name, name)) {
            return service->has_runs && service->runs;
        }
    }
    return false;
}

/* WMI's service starts with many others; who asks before is kept waiting until it runs. */
static struct hm_netsh_need find_need(const struct hm_reading *reading,
                                      const struct hm_observation *seen)
{
    struct hm_netsh_need need = {
        .waits_with_wmi = seen->uptime_s < HM_SETTLED_MOST_S &&
                          !(reading->patient && runs(&seen->inventory.service_details, "Winmgmt")),
    };

    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        need.only |= (reading->urgent & 1u << i) != 0 ? HM_LIST_EXCLUDED(i) : 0;
    }
    if (need.only != 0) {
        need.only |= HM_LIST_HTTPSYS; /* what it is set up to serve must never be excluded */
    }
    return need;
}

static enum hm_status look_at_all(struct look *look, struct hm_err *err)
{
    struct hm_observation *seen = &look->seen;
    struct hm_arena *arena = look->notes.arena;
    enum hm_status st = hm_windows_os(arena, &seen->inventory.os, err);

    seen->name = hm_os_host_name(arena);
    seen->has_uptime = true;
    seen->uptime_s = hm_os_monotonic_ms() / 1000;
    if (st == HM_OK) {
        st = hm_windows_boot_id(arena, &seen->boot_id, err);
    }
    if (st == HM_OK) {
        st = look_at_services(look, err);
    }
    if (st == HM_OK) {
        st = look_at_sockets(look, err);
    }
    if (st == HM_OK) {
        const struct hm_netsh_need need = find_need(&look->platform->reading, seen);

        st = hm_windows_compose(look->platform->netsh, &look->platform->sites,
                                look->platform->memory, &need, seen, &look->notes, err);
    }
    if (st == HM_OK && look->platform->reading.urgent == 0) {
        st = take_sample(look, err);
    }
    return st;
}

static void windows_remember(struct hm_platform *platform, const struct hm_tcpip_memory *memory)
{
    platform->memory = memory;
}

static void windows_prepare(struct hm_platform *platform, struct hm_reading reading)
{
    platform->reading = reading;
}

static enum hm_status windows_observe(struct hm_platform *platform, struct hm_arena *arena,
                                      struct hm_observation *out_observation, struct hm_err *err)
{
    struct look look = {.platform = platform};
    enum hm_status st;

    hm_notes_init(&look.notes, arena);
    st = look_at_all(&look, err);
    if (st == HM_OK) {
        look.seen.unknown = look.notes.list;
        look.seen.refusals = look.notes.refusals;
        *out_observation = look.seen;
    }
    return st;
}

/* ---- for whoever carries out a plan -------------------------------------------------------- */

/* What was in force stays so until the next boot; the sockets are not looked at again. */
static enum hm_status reread_legacy(const struct hm_inventory *before, struct hm_inventory *now,
                                    struct hm_arena *arena, struct hm_err *err)
{
    const size_t count = before->stacks.count;

    now->stacks = (struct hm_stacks){hm_arena_alloc(arena, count, sizeof(*now->stacks.at)), count};
    if (now->stacks.at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the port ranges");
    }
    if (count > 0) {
        memcpy(now->stacks.at, before->stacks.at, count * sizeof(*now->stacks.at));
    }
    if (before->has_registry && now->has_registry) {
        hm_windows_legacy_reread(&before->registry, &now->registry, &now->stacks);
    }
    return HM_OK;
}

static unsigned lists_of(const struct hm_actions *actions)
{
    unsigned lists = 0;

    for (size_t i = 0; actions != NULL && i < actions->count; i++) {
        lists |= hm_windows_action_lists(&actions->at[i]);
    }
    return actions != NULL ? lists : HM_LISTS_STACKS;
}

enum hm_status hm_windows_reread(struct hm_netsh *netsh, const struct hm_actions *actions,
                                 struct hm_arena *arena, struct hm_inventory *inventory,
                                 struct hm_err *err)
{
    struct hm_inventory now = *inventory;
    struct hm_notes notes; /* for nobody: what is unknown shows in the facts */
    bool has_tcpip = false;
    enum hm_status st;

    hm_notes_init(&notes, arena);
    st = hm_windows_settings(&now, &has_tcpip, &notes, err);
    if (st != HM_OK) {
        return st;
    }
    if (hm_os_is_legacy(&now.os)) {
        st = reread_legacy(inventory, &now, arena, err);
    } else {
        st = hm_netsh_reread(netsh, &now.os, lists_of(actions), &now.stacks, &notes, err);
    }
    if (st == HM_OK) {
        *inventory = now;
    }
    return st;
}

static enum hm_status windows_reread(struct hm_platform *platform, const struct hm_actions *actions,
                                     struct hm_arena *arena, struct hm_inventory *inventory,
                                     struct hm_err *err)
{
    return hm_windows_reread(platform->netsh, actions, arena, inventory, err);
}

static enum hm_status windows_change(struct hm_platform *platform, const struct hm_action *action,
                                     struct hm_arena *arena, struct hm_err *err)
{
    struct hm_os os;
    enum hm_status st = hm_windows_os(arena, &os, err);

    return st == HM_OK
               ? hm_windows_change(platform->netsh, &os, action, HM_NETSH_TIMEOUT_MS, arena, err)
               : st;
}

static enum hm_status windows_try_ephemeral(struct hm_platform *platform, struct hm_arena *arena,
                                            const char **out_why, struct hm_err *err)
{
    (void)platform;
    return hm_windows_try_ephemeral(arena, out_why, err);
}

const struct hm_platform_ops hm_platform_native = {
    .name = "windows",
    .open = windows_open,
    .remember = windows_remember,
    .prepare = windows_prepare,
    .observe = windows_observe,
    .reread = windows_reread,
    .change = windows_change,
    .try_ephemeral = windows_try_ephemeral,
    .close = windows_close,
};
