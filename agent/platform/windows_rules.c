/* agent/platform/windows_rules.c — what the raw facts of a Windows host mean.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/windows_rules.h"

#include <stdio.h>
#include <string.h>

#include "agent/platform/windows_kinds.h"
#include "common/base/buf.h"
#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/ports/configured.h"
#include "common/readers/netsh_text.h"

#define SYSTEM_PID 4 /* HTTP.sys and drivers */
#define IPV6_GROUPS 8
#define ADDRESS_BYTES 48

const char *const hm_windows_dynamic_commands[HM_STACK_COUNT] = {
    "netsh interface ipv4 show dynamicport tcp",
    "netsh interface ipv6 show dynamicport tcp",
    "netsh interface ipv4 show dynamicport udp",
    "netsh interface ipv6 show dynamicport udp",
};

const char *const hm_windows_excluded_commands[HM_STACK_COUNT] = {
    "netsh interface ipv4 show excludedportrange protocol=tcp",
    "netsh interface ipv6 show excludedportrange protocol=tcp",
    "netsh interface ipv4 show excludedportrange protocol=udp",
    "netsh interface ipv6 show excludedportrange protocol=udp",
};

/* ---- ranges and exclusions ----------------------------------------------------------------- */

enum hm_status hm_windows_take_dynamic(const struct hm_windows_listing *listing,
                                       struct hm_stack *stack, struct hm_err *err)
{
    enum hm_status st = HM_OK;

    if (listing->failed) {
        return hm_fail(err, HM_EUNSUPPORTED, "netsh refused");
    }
    st = hm_netsh_parse_dynamic(listing->text, listing->len, &stack->dynamic, err);
    stack->has_dynamic = st == HM_OK;
    return st;
}

enum hm_status hm_windows_take_excluded(const struct hm_windows_listing *listing,
                                        const struct hm_os *os, struct hm_arena *arena,
                                        struct hm_stack *stack, struct hm_err *err)
{
    enum hm_status st = HM_OK;

    if (listing->failed && !hm_os_needs_kb2665809(os)) {
        return hm_fail(err, HM_EUNSUPPORTED, "netsh refused");
    }
    if (listing->failed) {
        /* Without the hotfix there is no such thing as an exclusion: none is a fact. */
        stack->exclusions_unsupported = true;
    } else {
        st = hm_netsh_parse_excluded(listing->text, listing->len, arena, &stack->administered,
                                     &stack->runtime, err);
    }
    stack->has_administered = st == HM_OK;
    stack->has_runtime = st == HM_OK;
    return st;
}

struct hm_stack *hm_windows_add_stack(struct hm_stacks *stacks, unsigned index)
{
    struct hm_stack *stack = &stacks->at[stacks->count++];

    stack->protocol = index < 2 ? HM_TCP : HM_UDP;
    stack->family = index % 2 == 0 ? HM_IPV4 : HM_IPV6;
    return stack;
}

/* What MaxUserPort says for the next boot, where that is another range. */
static void set_next(const struct hm_registry *registry, struct hm_stack *stack)
{
    const struct hm_tcpip_values written = hm_registry_written(registry);
    struct hm_range range;

    stack->has_next_dynamic =
        (registry->in_force == HM_IN_FORCE_EARLIER || registry->in_force == HM_IN_FORCE_UNKNOWN) &&
        hm_legacy_dynamic(&written, &range) &&
        (!stack->has_dynamic || stack->dynamic.last != range.last);
    stack->next_dynamic = stack->has_next_dynamic ? range : (struct hm_range){0, 0};
}

/* What was remembered lives shorter than the observation. */
static enum hm_status own_earlier(struct hm_registry *registry, struct hm_arena *arena,
                                  struct hm_err *err)
{
    const struct hm_strings lines = registry->earlier.reserved_ports;
    const char **own = hm_arena_alloc(arena, lines.count, sizeof(*own));

    if (own == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the values in force");
    }
    for (size_t i = 0; i < lines.count; i++) {
        own[i] = hm_arena_strdup(arena, lines.at[i]);
        if (own[i] == NULL) {
            return hm_fail(err, HM_ENOMEM, "no memory for the values in force");
        }
    }
    registry->earlier.reserved_ports = (struct hm_strings){own, lines.count};
    return HM_OK;
}

enum hm_status hm_windows_legacy_stacks(const struct hm_windows_legacy *legacy,
                                        struct hm_arena *arena, struct hm_registry *registry,
                                        struct hm_stacks *stacks, uint32_t *out_highest,
                                        struct hm_err *err)
{
    struct hm_legacy_range range = {.known = false};
    enum hm_status st = HM_OK;

    if (legacy->has_tcpip) {
        hm_tcpip_decide(registry, &legacy->times, legacy->boot_id, legacy->memory);
        st = registry->has_earlier ? own_earlier(registry, arena, err) : HM_OK;
    }
    if (legacy->has_tcpip && st == HM_OK) {
        st = hm_legacy_range(registry, legacy->sockets, legacy->has_dns,
                             hm_tcpip_highest(legacy->memory, legacy->boot_id), arena, &range, err);
    }
    for (unsigned i = 0; st == HM_OK && i < HM_STACK_COUNT; i++) {
        if (i % 2 == 0 || legacy->ipv6) {
            struct hm_stack *stack = hm_windows_add_stack(stacks, i);

            stack->has_dynamic = range.known;
            stack->dynamic = range.range;
            stack->has_administered = true;
            stack->has_runtime = true;
            if (legacy->has_tcpip) {
                set_next(registry, stack);
            }
        }
    }
    *out_highest = range.highest;
    return st;
}

void hm_windows_legacy_reread(const struct hm_registry *before, struct hm_registry *registry,
                              struct hm_stacks *stacks)
{
    static const struct hm_tcpip_times no_times;
    struct hm_tcpip_memory memory;

    (void)hm_tcpip_remember(before, "this boot", 0, NULL, &memory);
    hm_tcpip_decide(registry, &no_times, "this boot", &memory);
    registry->range_contradicted = before->range_contradicted;
    for (size_t i = 0; i < stacks->count; i++) {
        set_next(registry, &stacks->at[i]);
    }
}

bool hm_windows_has_dns(const struct hm_strings *services, const struct hm_sockets *sockets)
{
    bool has = hm_windows_has_service(services, "DNS");

    for (size_t i = 0; !has && i < sockets->count; i++) {
        has = hm_socket_is_pool(&sockets->at[i]);
    }
    return has;
}

bool hm_windows_shows_ipv6(const struct hm_sockets *sockets, const struct hm_listeners *listeners)
{
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

bool hm_windows_nsi_range(const char *name, struct hm_range *out_range)
{
    unsigned digits[8];
    unsigned start;
    unsigned count;

    for (size_t i = 0; i < HM_COUNT(digits); i++) {
        static const char hexadecimal[] = "0123456789abcdef";
        char c = name[i] >= 'A' && name[i] <= 'F' ? (char)(name[i] - 'A' + 'a') : name[i];
        const char *at = c == '\0' ? NULL : strchr(hexadecimal, c);

        if (at == NULL) {
            return false;
        }
        digits[i] = (unsigned)(at - hexadecimal);
    }
    start = digits[0] << 12 | digits[1] << 8 | digits[2] << 4 | digits[3];
    count = digits[6] << 12 | digits[7] << 8 | digits[4] << 4 | digits[5];
    if (name[8] != '\0' || start == 0 || count == 0 || start + count > HM_PORT_COUNT) {
        return false;
    }
    *out_range = (struct hm_range){(uint16_t)start, (uint16_t)(start + count - 1)};
    return true;
}

/* ---- registry ------------------------------------------------------------------------------ */

enum hm_status hm_windows_wrong_type(const char *name, enum hm_reg_type is,
                                     enum hm_reg_type must_be, struct hm_arena *arena,
                                     struct hm_registry *registry, struct hm_err *err)
{
    static const char *const names[] = {"text (REG_SZ)", "a number (REG_DWORD)",
                                        "a list of lines (REG_MULTI_SZ)", "bytes"};
    const char **at;

    if (registry->wrong_types.count == HM_LIMIT_WRONG_TYPES) {
        return HM_OK;
    }
    at = hm_arena_alloc(arena, registry->wrong_types.count + 1, sizeof(*at));
    if (at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the registry");
    }
    for (size_t i = 0; i < registry->wrong_types.count; i++) {
        at[i] = registry->wrong_types.at[i];
    }
    at[registry->wrong_types.count] =
        hm_arena_printf(arena, "%s is %s and must be %s", name, names[is], names[must_be]);
    if (at[registry->wrong_types.count] == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the registry");
    }
    registry->wrong_types = (struct hm_strings){at, registry->wrong_types.count + 1};
    return HM_OK;
}

enum hm_status hm_windows_take_dns(const struct hm_windows_dns_values *values,
                                   struct hm_arena *arena, struct hm_registry *registry,
                                   struct hm_err *err)
{
    struct hm_dns_pool pool = {.size = values->has_size ? values->size : HM_DNS_POOL_DEFAULT};
    struct hm_buf text;
    enum hm_status st;

    hm_buf_init(&text, HM_LIMIT_INPUT_FILE_BYTES);
    for (size_t i = 0; i < values->excluded.count; i++) {
        (void)hm_buf_printf(&text, "%s%s", i == 0 ? "" : ",", values->excluded.at[i]);
    }
    st = hm_buf_status(&text, err);
    if (st == HM_OK && text.len > 0) {
        st = hm_ports_parse(hm_buf_text(&text), text.len, arena, &pool.excluded, err);
        if (st != HM_OK) {
            hm_err_prefix(err, "SocketPoolExcludedPortRanges");
        }
    }
    hm_buf_fini(&text);
    if (st == HM_OK) {
        registry->dns_socket_pool = pool;
        registry->has_dns_socket_pool = true;
    }
    return st;
}

void hm_windows_take_hns(const struct hm_windows_hns_values *values, struct hm_registry *registry)
{
    if (!values->has_enabled && !values->has_start && !values->has_count) {
        return;
    }
    registry->has_hns = true;
    registry->hns = (struct hm_hns_state){
        .enabled = !values->has_enabled || values->enabled != 0,
        .start = values->has_start ? values->start : HM_HNS_START,
        .count = values->has_count ? values->count : HM_HNS_COUNT,
    };
}

bool hm_windows_has_registry(const struct hm_os *os, const struct hm_registry *registry,
                             bool has_tcpip)
{
    return has_tcpip ||
           (!hm_os_is_legacy(os) && (registry->has_dns_socket_pool || registry->has_hns));
}

bool hm_windows_has_service(const struct hm_strings *services, const char *service)
{
    for (size_t i = 0; i < services->count; i++) {
        if (hm_str_equal_nocase(services->at[i], service)) {
            return true;
        }
    }
    return false;
}

/* ---- listeners ----------------------------------------------------------------------------- */

static bool system_listens(const struct hm_sockets *sockets, const struct hm_listener *listener)
{
    for (size_t i = 0; i < sockets->count; i++) {
        const struct hm_socket *socket = &sockets->at[i];

        if (socket->pid == SYSTEM_PID && socket->port == listener->port &&
            socket->protocol == listener->protocol && socket->family == listener->family &&
            socket->state == HM_SOCKET_LISTEN) {
            return true;
        }
    }
    return false;
}

enum hm_status hm_windows_take_listeners(const struct hm_sockets *sockets, struct hm_ports httpsys,
                                         struct hm_arena *arena, struct hm_inventory *inventory,
                                         struct hm_err *err)
{
    struct hm_ports set_up;
    enum hm_status st =
        hm_sockets_to_listeners(sockets, &inventory->stacks, arena, &inventory->listeners, err);

    if (st == HM_OK) {
        st = hm_configured_ports(inventory, HM_TCP, HM_KIND_HTTPSYS, arena, &set_up, err);
    }
    if (st != HM_OK) {
        return st;
    }
    inventory->has_listeners = true;
    for (size_t i = 0; i < inventory->listeners.count; i++) {
        struct hm_listener *listener = &inventory->listeners.at[i];
        bool system = system_listens(sockets, listener);

        listener->kind = hm_windows_kind(
            listener, hm_inventory_stack(inventory, listener->protocol, listener->family), system);
        if (system && listener->protocol == HM_TCP &&
            (hm_ports_contains(httpsys, listener->port) ||
             hm_ports_contains(set_up, listener->port))) {
            listener->kind = HM_KIND_HTTPSYS;
        }
    }
    return HM_OK;
}

/* ---- times --------------------------------------------------------------------------------- */

#define FILETIME_OF_1970 116444736000000000
#define FILETIME_PER_MS 10000

int64_t hm_windows_unix_ms(int64_t filetime)
{
    return filetime < FILETIME_OF_1970 ? 0 : (filetime - FILETIME_OF_1970) / FILETIME_PER_MS;
}

/* ---- addresses ----------------------------------------------------------------------------- */

/* The longest run of at least two zero groups, the first of equals: where "::" stands. */
static void find_gap(const unsigned groups[IPV6_GROUPS], size_t *out_at, size_t *out_len)
{
    *out_at = IPV6_GROUPS;
    *out_len = 1;
    for (size_t i = 0; i < IPV6_GROUPS; i++) {
        size_t len = 0;

        while (i + len < IPV6_GROUPS && groups[i + len] == 0) {
            len++;
        }
        if (len > *out_len) {
            *out_at = i;
            *out_len = len;
        }
    }
}

const char *hm_windows_address(const unsigned char *bytes, enum hm_family family,
                               struct hm_arena *arena)
{
    static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    unsigned groups[IPV6_GROUPS];
    char text[ADDRESS_BYTES] = "";
    size_t gap;
    size_t gap_len;
    size_t len = 0;

    if (family == HM_IPV4) {
        return hm_arena_printf(arena, "%u.%u.%u.%u", bytes[0], bytes[1], bytes[2], bytes[3]);
    }
    if (memcmp(bytes, mapped, sizeof(mapped)) == 0) {
        return hm_arena_printf(arena, "::ffff:%u.%u.%u.%u", bytes[12], bytes[13], bytes[14],
                               bytes[15]);
    }
    for (size_t i = 0; i < IPV6_GROUPS; i++) {
        groups[i] = (unsigned)bytes[2 * i] << 8 | bytes[2 * i + 1];
    }
    find_gap(groups, &gap, &gap_len);
    for (size_t i = 0; i < IPV6_GROUPS; i++) {
        if (i == gap) {
            len += (size_t)snprintf(text + len, sizeof(text) - len, "::");
            i += gap_len - 1;
        } else {
            len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%x",
                                    len > 0 && text[len - 1] != ':' ? ":" : "", groups[i]);
        }
    }
    return hm_arena_strdup(arena, text);
}
