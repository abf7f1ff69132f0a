/* agent/platform/linux/platform.c — this Linux host, as an agent sees it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A dual-stack wildcard (address "::" without the IPv6-only flag) takes its port for IPv4 too: a
 * second program's IPv4 bind fails, and its own IPv4 clients are served. So it appears twice, as
 * "::" of ipv6 and as "0.0.0.0" of ipv4, the way Windows' netstat shows such a socket; verdicts
 * of either family then see their holder. Ports, not rows, are counted in samples. */
#include "agent/platform/platform.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/platform/linux/linux.h"
#include "common/judge/headroom.h"
#include "common/os/os.h"

struct hm_platform {
    char root[HM_LINUX_PATH_BYTES];
    struct hm_linux_owner_cache owners;
    struct hm_linux_unit_cache units;
    struct hm_linux_settings settings;
};

static enum hm_status linux_open(const char *where, struct hm_platform **out_platform,
                                 struct hm_err *err)
{
    struct hm_platform *platform;

    if (strlen(where) >= sizeof(platform->root)) {
        return hm_fail(err, HM_EINVAL, "%s: the path is too long", where);
    }
    platform = calloc(1, sizeof(*platform));
    if (platform == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory to look at this host");
    }
    memcpy(platform->root, where, strlen(where));
    hm_linux_settings_init(&platform->settings);
    *out_platform = platform;
    return HM_OK;
}

static void linux_close(struct hm_platform *platform)
{
    if (platform != NULL) {
        hm_linux_unit_cache_fini(&platform->units);
        hm_linux_settings_fini(&platform->settings);
        free(platform);
    }
}

/* The kernel's list as ours: dual-stack wildcards get their second row. */
static enum hm_status flatten(const struct hm_linux_sockets *from, struct hm_arena *arena,
                              struct hm_sockets *out, struct hm_err *err)
{
    struct hm_sockets sockets = {.at = hm_arena_alloc(arena, from->count * 2, sizeof(*out->at))};

    if (sockets.at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the list of sockets");
    }
    for (size_t i = 0; i < from->count; i++) {
        sockets.at[sockets.count++] = from->at[i].socket;
        if (from->at[i].dual_stack) {
            sockets.at[sockets.count] = from->at[i].socket;
            sockets.at[sockets.count].family = HM_IPV4;
            sockets.at[sockets.count].address = "0.0.0.0";
            sockets.count++;
        }
    }
    *out = sockets;
    return HM_OK;
}

static enum hm_status read_sockets(const char *root, struct hm_notes *notes,
                                   struct hm_linux_sockets *out, struct hm_err *err)
{
    struct hm_err why;
    enum hm_status st = HM_EUNSUPPORTED;

    if (root[0] == '\0') {
        st = hm_linux_sockets_netlink(notes->arena, out, &why);
    }
    if (st != HM_OK && st != HM_ENOMEM && st != HM_ETOOBIG) {
        st = hm_linux_sockets_proc(root, notes->arena, out, &why);
        if (st == HM_OK && root[0] == '\0') {
            return hm_notes_add(notes, err,
                                "sockets that are bound and not used yet: sock_diag is not there, "
                                "and /proc/net does not list them");
        }
    }
    if (st != HM_OK) {
        return hm_fail(err, st, "%s", why.text);
    }
    return HM_OK;
}

static void mark_containers(struct hm_listeners *listeners)
{
    for (size_t i = 0; i < listeners->count; i++) {
        if (hm_linux_is_container(listeners->at[i].program)) {
            listeners->at[i].kind = HM_KIND_CONTAINER;
        }
    }
}

static enum hm_status observe_sockets(struct hm_platform *platform, struct hm_notes *notes,
                                      struct hm_observation *out, struct hm_err *err)
{
    const char *root = platform->root;
    struct hm_linux_sockets found;
    struct hm_err why;
    enum hm_status st = read_sockets(root, notes, &found, &why);
    bool complete;

    if (st == HM_ENOMEM) {
        return hm_fail(err, st, "%s", why.text);
    }
    if (st != HM_OK) {
        return hm_notes_add(notes, err, "sockets and listeners: %s", why.text);
    }
    st = hm_linux_owners(root, notes->arena, &platform->owners, &found, &complete, err);
    if (st == HM_OK && !complete) {
        out->inventory.owners_partial = true;
        st = hm_notes_add(notes, err,
                          "owners of other users' sockets: this program may not look into their "
                          "processes; run it as root to have them named");
    }
    if (st == HM_OK) {
        st = flatten(&found, notes->arena, &out->sockets, err);
    }
    if (st == HM_OK) {
        st = hm_sockets_to_listeners(&out->sockets, &out->inventory.stacks, notes->arena,
                                     &out->inventory.listeners, err);
    }
    if (st == HM_OK) {
        mark_containers(&out->inventory.listeners);
        out->has_sockets = true;
        out->inventory.has_listeners = true;
    }
    return st;
}

static enum hm_status linux_observe(struct hm_platform *platform, struct hm_arena *arena,
                                    struct hm_observation *out_observation, struct hm_err *err)
{
    struct hm_observation seen = {0};
    struct hm_notes notes;
    enum hm_status st;

    hm_notes_init(&notes, arena);
    seen.name = hm_os_host_name(arena);
    seen.has_uptime = true;
    seen.uptime_s = hm_linux_uptime_s(platform->root, arena);
    st = hm_linux_os_facts(platform->root, &notes, &seen.inventory.os, &seen.boot_id, err);
    if (st == HM_OK) {
        st = hm_linux_stacks(platform->root, &notes, &seen.inventory.stacks, err);
    }
    if (st == HM_OK) {
        st = hm_linux_sysctl_behind(platform->root, arena, &seen.reserved_behind,
                                    &seen.range_behind, err);
    }
    if (st == HM_OK) {
        st = hm_linux_sysctl_hidden(platform->root, arena, &seen.hidden, err);
    }
    if (st == HM_OK) {
        st = hm_linux_sysctl_mixed(platform->root, arena, &seen.settings_mixed, err);
    }
    if (st == HM_OK) {
        st = observe_sockets(platform, &notes, &seen, err);
    }
    if (st == HM_OK) {
        st = hm_linux_services(platform->root, &platform->units, &notes, &seen, err);
    }
    if (st == HM_OK) {
        st =
            hm_linux_published(platform->root, platform->units.units, &notes, &seen.inventory, err);
    }
    if (st != HM_OK) {
        return st;
    }
    hm_inventory_settle(&seen.inventory);
    if (seen.has_sockets) {
        st = hm_headroom_sample(&seen.inventory, &seen.sockets, arena, &seen.sample, err);
        seen.has_sample = st == HM_OK;
    }
    seen.unknown = notes.list;
    if (st == HM_OK) {
        *out_observation = seen;
    }
    return st;
}

/* Why a fact cannot be read was told when the host was observed. */
static enum hm_status linux_reread(struct hm_platform *platform, const struct hm_actions *actions,
                                   struct hm_arena *arena, struct hm_inventory *inventory,
                                   struct hm_err *err)
{
    struct hm_notes notes;

    (void)actions; /* one small file shows all of it */
    hm_notes_init(&notes, arena);
    return hm_linux_stacks(platform->root, &notes, &inventory->stacks, err);
}

static enum hm_status linux_change(struct hm_platform *platform, const struct hm_action *action,
                                   struct hm_arena *arena, struct hm_err *err)
{
    return hm_linux_change(platform->root, action, arena, err);
}

static enum hm_status linux_keep(struct hm_platform *platform, const struct hm_ledger *ledger,
                                 struct hm_arena *arena, struct hm_kept *out_kept,
                                 struct hm_err *err)
{
    return hm_linux_keep(platform->root, ledger, arena, out_kept, err);
}

static enum hm_status linux_reapply(struct hm_platform *platform, const struct hm_ledger *ledger,
                                    bool always, struct hm_arena *arena, bool *out_added,
                                    struct hm_err *err)
{
    return hm_linux_reapply(platform->root, ledger, always, arena, out_added, err);
}

static enum hm_status linux_leave(struct hm_platform *platform, struct hm_arena *arena,
                                  struct hm_err *err)
{
    return hm_linux_leave(platform->root, arena, err);
}

static int linux_watch_reloads(struct hm_platform *platform)
{
    return hm_linux_settings_watch(platform->root, &platform->settings);
}

static bool linux_reloaded(struct hm_platform *platform)
{
    return hm_linux_settings_loaded(&platform->settings);
}

static bool linux_has_moved(struct hm_platform *platform)
{
    return hm_linux_settings_have_moved(platform->root, &platform->settings);
}

static enum hm_status linux_at_boot(struct hm_platform *platform, struct hm_arena *arena,
                                    const char **out_text, struct hm_err *err)
{
    return hm_linux_at_boot(platform->root, arena, out_text, err);
}

static enum hm_status linux_try_ephemeral(struct hm_platform *platform, struct hm_arena *arena,
                                          const char **out_why, struct hm_err *err)
{
    (void)platform;
    return hm_linux_try_ephemeral(arena, out_why, err);
}

const struct hm_platform_ops hm_platform_native = {
    .name = "linux",
    .open = linux_open,
    .observe = linux_observe,
    .reread = linux_reread,
    .change = linux_change,
    .keep = linux_keep,
    .leave = linux_leave,
    .reapply = linux_reapply,
    .watch_reloads = linux_watch_reloads,
    .reloaded = linux_reloaded,
    .has_moved = linux_has_moved,
    .at_boot = linux_at_boot,
    .try_ephemeral = linux_try_ephemeral,
    .close = linux_close,
};
