/* agent/platform/recorded/platform.c — a host described by the files of a folder.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/platform.h"

#include <stdlib.h>
#include <string.h>

#include "agent/platform/recorded/boot_parts.h"
#include "agent/platform/recorded/recorded.h"
#include "common/base/limits.h"
#include "common/judge/headroom.h"
#include "common/os/os.h"
#include "common/ports/listener_ranges.h"

#define FOLDER_BYTES 4096u
#define HOST_FILE "host.json"

static const char *const usual_files[] = {HOST_FILE, "netstat.txt", "ipv4-tcp-dynamicport.txt",
                                          "tcpip-parameters.reg", "sysctl.txt"};

struct hm_platform {
    char folder[FOLDER_BYTES];
    const struct hm_tcpip_memory *memory;
    struct hm_boot *boot; /* NULL: the host is as its files describe it */
    struct hm_boot_clock clock;
    struct hm_reading reading;
};

/* How long a call takes on a host that boots. */
#define OBSERVE_MS 2500
#define REREAD_MS 400
#define CHANGE_MS 250

/* Says so when it is a file, or may not be read. */
static enum hm_status check_folder(const char *where, struct hm_err *err)
{
    struct hm_strings names;
    struct hm_arena arena;
    enum hm_status st;

    if (!hm_os_exists(where)) {
        return hm_fail(err, HM_ENOENT,
                       "%s: there is no such folder; give the one that collect.cmd made", where);
    }
    hm_arena_init(&arena, HM_LIMIT_INPUT_FILE_BYTES);
    st = hm_os_list_folder(where, &arena, &names, err);
    hm_arena_fini(&arena);
    if (st == HM_EDENIED) {
        hm_err_prefix(err, "the folder may not be read (copy it, or run hm-agent as a user who "
                           "may)");
    } else if (st != HM_OK && st != HM_ENOMEM) {
        st = hm_fail(err, HM_EINVAL,
                     "%s is a file, not a folder; give the folder that collect.cmd made, unpacked "
                     "if this is an archive",
                     where);
    }
    return st;
}

static enum hm_status recorded_open(const char *where, struct hm_platform **out_platform,
                                    struct hm_err *err)
{
    size_t len = strlen(where);
    struct hm_platform *platform;
    enum hm_status st;

    while (len > 1 && (where[len - 1] == '/' || where[len - 1] == '\\')) {
        len--;
    }
    if (len == 0 || len >= FOLDER_BYTES) {
        return hm_fail(err, HM_EINVAL, "\"%s\" is no folder; give the one that collect.cmd made",
                       where);
    }
    platform = calloc(1, sizeof(*platform));
    if (platform == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory to look at %s", where);
    }
    memcpy(platform->folder, where, len);
    st = check_folder(platform->folder, err);
    if (st == HM_OK) {
        *out_platform = platform;
    } else {
        free(platform);
    }
    return st;
}

static void recorded_close(struct hm_platform *platform)
{
    free(platform);
}

static const char *folder_name(const char *folder)
{
    const char *name = folder;

    for (const char *at = folder; *at != '\0'; at++) {
        if ((*at == '/' || *at == '\\') && at[1] != '\0') {
            name = at + 1;
        }
    }
    return name;
}

static enum hm_status read_host_file(struct hm_recorded *recorded, struct hm_err *err)
{
    struct hm_observation *seen = &recorded->seen;
    struct hm_host_file *host = &recorded->host;
    struct hm_recorded_file file;
    enum hm_status st = hm_recorded_read(recorded, HOST_FILE, &file, err);

    if (st == HM_OK && file.there) {
        st = hm_record_decode(&hm_record_host_file, file.text, file.len, true, recorded->arena,
                              host, NULL, err);
        if (st != HM_OK) {
            st = hm_recorded_refused(recorded, &file, HM_TEXT_JSON,
                                     "its facts (the system, its version) are unknown", err);
        }
    }
    if (st == HM_OK) {
        st = hm_recorded_unit_names(recorded, err);
    }
    if (st == HM_OK && host->has_listeners) {
        st = hm_listeners_from_rows(&host->listeners, recorded->arena, &host->listeners, err);
    }
    if (st != HM_OK) {
        return st;
    }
    seen->name = host->name != NULL && host->name[0] != '\0'
                     ? host->name
                     : hm_arena_strdup(recorded->arena, folder_name(recorded->folder));
    if (seen->name == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the name of %s", recorded->folder);
    }
    seen->boot_id = host->has_boot_id ? host->boot_id : "recorded";
    seen->has_uptime = host->has_uptime_s;
    seen->uptime_s = host->uptime_s;
    seen->labels = host->labels;
    seen->has_previous_boot = host->has_previous_boot;
    seen->previous_boot = host->previous_boot;
    hm_inventory_settle(&seen->previous_boot);
    seen->inventory.has_service_details = host->has_service_details;
    seen->inventory.service_details = host->service_details;
    seen->inventory.has_port_book = host->has_port_book;
    seen->inventory.port_book = host->port_book;
    return HM_OK;
}

/* Without host.json the files themselves tell which family of systems made them. */
static enum hm_status choose_os(struct hm_recorded *recorded, struct hm_err *err)
{
    struct hm_os *os = &recorded->seen.inventory.os;
    const char *sysctl = NULL;
    enum hm_status st;

    if (recorded->host.has_os) {
        *os = recorded->host.os;
        return HM_OK;
    }
    st = hm_recorded_find(recorded, "sysctl.txt", &sysctl, err);
    if (st != HM_OK) {
        return st;
    }
    *os = (struct hm_os){.family = sysctl != NULL ? HM_OS_LINUX : HM_OS_WINDOWS,
                         .name = "",
                         .version = "",
                         .arch = "",
                         .locale = ""};
    return hm_notes_add(&recorded->notes, err,
                        HOST_FILE " does not tell the system and its version: what depends on "
                                  "them (ReservedPorts, the default range) is not judged");
}

static enum hm_status take_sample(struct hm_recorded *recorded, struct hm_err *err)
{
    struct hm_observation *seen = &recorded->seen;
    const struct hm_host_file *host = &recorded->host;
    enum hm_status st = HM_OK;

    if (seen->has_sockets) {
        st = hm_headroom_sample(&seen->inventory, &seen->sockets, recorded->arena, &seen->sample,
                                err);
    }
    if (st != HM_OK) {
        return st;
    }
    seen->sample.has_events = host->has_exhaustion_events;
    seen->sample.event_4227 = host->event_4227;
    seen->sample.event_4231 = host->event_4231;
    seen->sample.event_4266 = host->event_4266;
    seen->has_sample = seen->has_sockets || host->has_exhaustion_events;
    return HM_OK;
}

static enum hm_status read_facts(struct hm_recorded *recorded, struct hm_err *err)
{
    struct hm_tasks tasks;
    enum hm_status st = hm_recorded_tasks(recorded, &tasks, err);

    if (st == HM_OK) {
        st = hm_recorded_events(recorded, err);
    }
    if (st == HM_OK) {
        st = hm_recorded_services(recorded, &tasks, err);
    }
    if (st == HM_OK) {
        st = hm_recorded_sockets(recorded, &tasks, err);
    }
    if (st == HM_OK && recorded->seen.inventory.os.family == HM_OS_WINDOWS) {
        st = hm_recorded_registry(recorded, err);
    }
    return st;
}

static enum hm_status read_head(struct hm_recorded *recorded, struct hm_err *err)
{
    enum hm_status st = read_host_file(recorded, err);

    return st == HM_OK ? choose_os(recorded, err) : st;
}

static enum hm_status read_configured(struct hm_recorded *recorded, struct hm_err *err)
{
    return recorded->seen.inventory.os.family == HM_OS_WINDOWS
               ? hm_recorded_configured(recorded, err)
               : hm_recorded_published(recorded, err);
}

enum hm_status hm_recorded_conclude(struct hm_recorded *recorded, struct hm_err *err)
{
    enum hm_status st = hm_recorded_listeners(recorded, err);

    if (st == HM_OK) {
        hm_inventory_settle(&recorded->seen.inventory);
        st = take_sample(recorded, err);
    }
    return st == HM_OK ? hm_recorded_events_missing(recorded, err) : st;
}

enum hm_status hm_recorded_read_files(struct hm_recorded *recorded, struct hm_err *err)
{
    enum hm_status st = read_head(recorded, err);

    if (st == HM_OK) {
        st = read_facts(recorded, err);
    }
    if (st == HM_OK && !hm_os_is_legacy(&recorded->seen.inventory.os)) {
        st = hm_recorded_stacks(recorded, err);
    }
    return st == HM_OK ? read_configured(recorded, err) : st;
}

static enum hm_status read_all(struct hm_recorded *recorded, struct hm_err *err)
{
    enum hm_status st = read_head(recorded, err);

    if (st == HM_OK) {
        st = hm_recorded_read_changes(recorded, err);
    }
    if (st == HM_OK) {
        st = read_facts(recorded, err);
    }
    if (st == HM_OK && recorded->seen.inventory.os.family == HM_OS_WINDOWS) {
        hm_recorded_apply_registry(recorded);
    }
    if (st == HM_OK) {
        st = hm_recorded_stacks(recorded, err);
    }
    if (st == HM_OK) {
        st = hm_recorded_apply_stacks(recorded, err);
    }
    if (st == HM_OK) {
        st = read_configured(recorded, err);
    }
    return st == HM_OK ? hm_recorded_conclude(recorded, err) : st;
}

/* Everything again: the files are small, and any of them may have changed. most_ms: how long it
 * takes at most on a host that boots, the first minute twice as long. */
static enum hm_status read_host(const struct hm_platform *platform, int64_t most_ms,
                                struct hm_arena *arena, struct hm_recorded *out_recorded,
                                struct hm_err *err)
{
    struct hm_boot *boot = platform->boot;

    *out_recorded = (struct hm_recorded){
        .folder = platform->folder, .arena = arena, .memory = platform->memory};
    hm_notes_init(&out_recorded->notes, arena);
    if (boot == NULL) {
        return read_all(out_recorded, err);
    }
    if (platform->clock.pass != NULL) {
        most_ms = boot->now_ms < 60000 ? 2 * most_ms : most_ms;
        platform->clock.pass(platform->clock.arg, hm_boot_draw_ms(boot, most_ms / 10, most_ms));
    }
    return hm_boot_read(boot, platform->clock.uptime_ms(platform->clock.arg),
                        platform->reading.urgent, out_recorded, err);
}

/* The folder that was unpacked or copied is often one level deeper. */
static enum hm_status nothing_there(const struct hm_recorded *recorded, struct hm_err *err)
{
    for (size_t i = 0; i < recorded->names.count; i++) {
        const char *inner = recorded->names.at[i];

        for (size_t j = 0; j < HM_COUNT(usual_files); j++) {
            const char *path = hm_arena_printf(recorded->arena, "%s/%s/%s", recorded->folder, inner,
                                               usual_files[j]);

            if (path != NULL && hm_os_exists(path)) {
                return hm_fail(err, HM_EINVAL,
                               "%s holds none of the files that collect.cmd gathers, but its "
                               "folder %s does: give that one",
                               recorded->folder, inner);
            }
        }
    }
    return hm_fail(err, HM_EINVAL,
                   "%s: none of the files that collect.cmd gathers is there (host.json, "
                   "netstat.txt, ipv4-tcp-dynamicport.txt …)",
                   recorded->folder);
}

static void recorded_remember(struct hm_platform *platform, const struct hm_tcpip_memory *memory)
{
    platform->memory = memory;
}

static void recorded_prepare(struct hm_platform *platform, struct hm_reading reading)
{
    platform->reading = reading;
}

void hm_boot_attach(struct hm_platform *platform, struct hm_boot *boot,
                    const struct hm_boot_clock *clock)
{
    platform->boot = boot;
    platform->clock = *clock;
}

static enum hm_status recorded_observe(struct hm_platform *platform, struct hm_arena *arena,
                                       struct hm_observation *out_observation, struct hm_err *err)
{
    struct hm_recorded recorded;
    enum hm_status st = read_host(platform, OBSERVE_MS, arena, &recorded, err);

    if (st == HM_OK && recorded.files == 0) {
        st = nothing_there(&recorded, err);
    }
    if (st == HM_OK) {
        recorded.seen.unknown = recorded.notes.list;
        recorded.seen.refusals = recorded.notes.refusals;
        *out_observation = recorded.seen;
    }
    return st;
}

static enum hm_status recorded_reread(struct hm_platform *platform,
                                      const struct hm_actions *actions, struct hm_arena *arena,
                                      struct hm_inventory *inventory, struct hm_err *err)
{
    struct hm_recorded recorded;
    enum hm_status st = read_host(platform, REREAD_MS, arena, &recorded, err);

    (void)actions; /* the files are small */
    if (st == HM_OK) {
        inventory->stacks = recorded.seen.inventory.stacks;
        inventory->has_registry = recorded.seen.inventory.has_registry;
        inventory->registry = recorded.seen.inventory.registry;
    }
    return st;
}

static enum hm_status recorded_change(struct hm_platform *platform, const struct hm_action *action,
                                      struct hm_arena *arena, struct hm_err *err)
{
    struct hm_recorded recorded;
    enum hm_status st = read_host(platform, CHANGE_MS, arena, &recorded, err);

    if (st == HM_OK && platform->boot != NULL && platform->boot->options.is_denied) {
        return hm_fail(err, HM_EDENIED, "error 5: the account may not change anything");
    }
    return st == HM_OK ? hm_recorded_act(&recorded, action, err) : st;
}

static enum hm_status recorded_try_ephemeral(struct hm_platform *platform, struct hm_arena *arena,
                                             const char **out_why, struct hm_err *err)
{
    struct hm_recorded recorded;
    enum hm_status st = read_host(platform, CHANGE_MS, arena, &recorded, err);

    return st == HM_OK ? hm_recorded_try_ephemeral(&recorded, out_why, err) : st;
}

const struct hm_platform_ops hm_platform_recorded = {
    .name = "recorded",
    .open = recorded_open,
    .remember = recorded_remember,
    .prepare = recorded_prepare,
    .observe = recorded_observe,
    .reread = recorded_reread,
    .change = recorded_change,
    .try_ephemeral = recorded_try_ephemeral,
    .close = recorded_close,
};
