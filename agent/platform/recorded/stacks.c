/* agent/platform/recorded/stacks.c — dynamic ranges and exclusions of a recorded host.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/recorded/recorded.h"

#include <string.h>

#include "common/base/str.h"
#include "common/ports/netsh_text.h"
#include "common/ports/sysctl_ports.h"

/* Windows 2000, XP, 2003: documented as 1025, seen to start at 1024 (KB929851); values of
 * MaxUserPort outside 5000 to 65534 are ignored. */
#define LEGACY_FIRST 1024u
#define LEGACY_LAST 5000u
#define MAX_USER_PORT_MIN 5000u
#define MAX_USER_PORT_MAX 65534u

#define SYSCTL_FILE "sysctl.txt"

static struct hm_stack *stack_add(struct hm_recorded *recorded, unsigned index)
{
    struct hm_stacks *stacks = &recorded->seen.inventory.stacks;
    struct hm_stack *stack = &stacks->at[stacks->count++];

    stack->protocol = index < 2 ? HM_TCP : HM_UDP;
    stack->family = index % 2 == 0 ? HM_IPV4 : HM_IPV6;
    return stack;
}

/* Did netsh refuse? Then the file holds the one line that collect.cmd writes. */
static bool netsh_failed(const struct hm_recorded_file *file, struct hm_span *out_line)
{
    const size_t len = strlen(HM_RECORDED_NETSH_FAILED);
    struct hm_span line = hm_str_trim(file->text, file->len);

    if (line.len <= len || memcmp(line.at, HM_RECORDED_NETSH_FAILED, len) != 0 ||
        memchr(line.at, '\n', line.len) != NULL) {
        return false;
    }
    *out_line = line;
    return true;
}

static enum hm_status read_dynamic(struct hm_recorded *recorded, struct hm_stack *stack,
                                   const struct hm_recorded_file *file, struct hm_err *err)
{
    struct hm_span line;
    enum hm_status st;

    if (!file->there) {
        return hm_recorded_missing(recorded, file->name, "its dynamic range is unknown", err);
    }
    if (netsh_failed(file, &line)) {
        return hm_notes_add(&recorded->notes, err, "%s: %.*s: its dynamic range is unknown",
                            file->name, (int)line.len, line.at);
    }
    st = hm_netsh_parse_dynamic(file->text, file->len, &stack->dynamic, err);
    stack->has_dynamic = st == HM_OK;
    return st == HM_OK ? HM_OK : hm_recorded_broken(recorded, file->name, err);
}

static enum hm_status read_excluded(struct hm_recorded *recorded, struct hm_stack *stack,
                                    const struct hm_recorded_file *file, struct hm_err *err)
{
    const struct hm_os *os = &recorded->seen.inventory.os;
    struct hm_span line;
    enum hm_status st;

    if (!file->there) {
        return hm_recorded_missing(recorded, file->name, "its exclusions are unknown", err);
    }
    if (netsh_failed(file, &line)) {
        if (!hm_os_needs_kb2665809(os)) {
            return hm_notes_add(&recorded->notes, err, "%s: %.*s: its exclusions are unknown",
                                file->name, (int)line.len, line.at);
        }
        /* Without the hotfix there is no such thing as an exclusion: none is a fact. */
        stack->exclusions_unsupported = true;
        stack->has_administered = true;
        stack->has_runtime = true;
        return HM_OK;
    }
    st = hm_netsh_parse_excluded(file->text, file->len, recorded->arena, &stack->administered,
                                 &stack->runtime, err);
    stack->has_administered = st == HM_OK;
    stack->has_runtime = st == HM_OK;
    return st == HM_OK ? HM_OK : hm_recorded_broken(recorded, file->name, err);
}

static enum hm_status read_netsh(struct hm_recorded *recorded, unsigned index, struct hm_err *err)
{
    const char *protocol = hm_protocol_names[index < 2 ? HM_TCP : HM_UDP];
    const char *family = hm_family_names[index % 2 == 0 ? HM_IPV4 : HM_IPV6];
    const char *names[2] = {
        hm_arena_printf(recorded->arena, "%s-%s-dynamicport.txt", family, protocol),
        hm_arena_printf(recorded->arena, "%s-%s-excludedportrange.txt", family, protocol)};
    struct hm_recorded_file files[2];
    struct hm_stack *stack;
    enum hm_status st = HM_OK;

    if (names[0] == NULL || names[1] == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the netsh files");
    }
    for (size_t i = 0; st == HM_OK && i < 2; i++) {
        st = hm_recorded_read(recorded, names[i], &files[i], err);
    }
    if (st != HM_OK) {
        return st;
    }
    if (!files[0].there && !files[1].there) {
        return hm_notes_add(&recorded->notes, err,
                            "%s and %s are missing: range and exclusions of %s over %s are unknown",
                            names[0], names[1], protocol, family);
    }
    stack = stack_add(recorded, index);
    st = read_dynamic(recorded, stack, &files[0], err);
    return st == HM_OK ? read_excluded(recorded, stack, &files[1], err) : st;
}

static bool shows_ipv6(const struct hm_recorded *recorded)
{
    const struct hm_sockets *sockets = &recorded->seen.sockets;
    const struct hm_listeners *listeners = &recorded->host.listeners;

    for (size_t i = 0; i < sockets->count; i++) {
        if (sockets->at[i].family == HM_IPV6) {
            return true;
        }
    }
    for (size_t i = 0; i < listeners->count; i++) {
        if (listeners->at[i].family == HM_IPV6) {
            return true;
        }
    }
    return false;
}

/* No netsh listing exists there: one range for all, and ReservedPorts in the registry. */
static enum hm_status read_legacy(struct hm_recorded *recorded)
{
    const struct hm_registry *registry = &recorded->seen.inventory.registry;
    bool ipv6 = shows_ipv6(recorded);
    struct hm_range range = {LEGACY_FIRST, LEGACY_LAST};

    if (registry->has_max_user_port && registry->max_user_port >= MAX_USER_PORT_MIN &&
        registry->max_user_port <= MAX_USER_PORT_MAX) {
        range.last = (uint16_t)registry->max_user_port;
    }
    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        if (i % 2 == 0 || ipv6) {
            struct hm_stack *stack = stack_add(recorded, i);

            stack->has_dynamic = recorded->has_tcpip;
            stack->dynamic = recorded->has_tcpip ? range : (struct hm_range){0, 0};
            stack->has_administered = true;
            stack->has_runtime = true;
        }
    }
    return HM_OK;
}

static enum hm_status read_sysctl(struct hm_recorded *recorded, struct hm_err *err)
{
    struct hm_sysctl_ports ports = {0};
    struct hm_recorded_file file;
    enum hm_status st = hm_recorded_read(recorded, SYSCTL_FILE, &file, err);

    if (st == HM_OK && !file.there) {
        st = hm_recorded_missing(recorded, SYSCTL_FILE,
                                 "dynamic range and reserved ports are unknown", err);
    } else if (st == HM_OK) {
        st = hm_sysctl_parse(file.text, file.len, recorded->arena, &ports, err);
        if (st != HM_OK) {
            return hm_recorded_broken(recorded, SYSCTL_FILE, err);
        }
        if (!ports.has_range) {
            st = hm_notes_add(&recorded->notes, err,
                              SYSCTL_FILE " has no net.ipv4.ip_local_port_range: the dynamic range "
                                          "is unknown");
        }
        if (st == HM_OK && !ports.has_reserved) {
            st = hm_notes_add(&recorded->notes, err,
                              SYSCTL_FILE " has no net.ipv4.ip_local_reserved_ports: reserved "
                                          "ports are unknown");
        }
    }
    for (unsigned i = 0; st == HM_OK && i < HM_STACK_COUNT; i++) {
        struct hm_stack *stack = stack_add(recorded, i);

        stack->has_dynamic = ports.has_range;
        stack->dynamic = ports.range;
        stack->has_administered = ports.has_reserved;
        stack->administered = ports.reserved;
        stack->has_runtime = true; /* Linux has no such thing */
    }
    return st;
}

enum hm_status hm_recorded_stacks(struct hm_recorded *recorded, struct hm_err *err)
{
    struct hm_inventory *inventory = &recorded->seen.inventory;
    enum hm_status st = HM_OK;

    inventory->stacks.at =
        hm_arena_alloc(recorded->arena, HM_STACK_COUNT, sizeof(*inventory->stacks.at));
    if (inventory->stacks.at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the port ranges");
    }
    if (inventory->os.family == HM_OS_LINUX) {
        return read_sysctl(recorded, err);
    }
    if (hm_os_is_legacy(&inventory->os)) {
        return read_legacy(recorded);
    }
    for (unsigned i = 0; st == HM_OK && i < HM_STACK_COUNT; i++) {
        st = read_netsh(recorded, i, err);
    }
    return st;
}
