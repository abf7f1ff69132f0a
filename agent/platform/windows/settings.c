/* agent/platform/windows/settings.c — the registry values that decide about ports.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/windows/windows.h"

#include "agent/platform/windows_rules.h"
#include "common/base/limits.h"

#define SERVICES L"SYSTEM\\CurrentControlSet\\Services\\"
#define NSI L"SYSTEM\\CurrentControlSet\\Control\\Nsi\\"
#define TCPIP_KEY HM_WINDOWS_TCPIP_KEY
#define DNS_KEY SERVICES L"DNS\\Parameters"
#define HNS_KEY SERVICES L"hns\\State"

static const struct {
    enum hm_protocol protocol;
    const wchar_t *key;
} stores[] = {
    {HM_TCP, NSI L"{eb004a03-9b1a-11d4-9123-0050047759bc}\\29"},
    {HM_UDP, NSI L"{eb004a02-9b1a-11d4-9123-0050047759bc}\\5" },
};

/* In the order in which the recorded platform reads them. */
static const struct {
    const wchar_t *name;
    enum hm_reg_type must_be;
} typed[] = {
    {L"MaxUserPort",       HM_REG_DWORD},
    {L"TcpTimedWaitDelay", HM_REG_DWORD},
    {L"ReservedPorts",     HM_REG_LINES},
};

static enum hm_status read_tcpip(struct hm_arena *arena, struct hm_registry *registry,
                                 struct hm_err *err)
{
    enum hm_status st = hm_registry_u32(TCPIP_KEY, L"MaxUserPort", &registry->has_max_user_port,
                                        &registry->max_user_port, err);

    if (st == HM_OK) {
        st = hm_registry_u32(TCPIP_KEY, L"TcpTimedWaitDelay", &registry->has_tcp_timed_wait_delay_s,
                             &registry->tcp_timed_wait_delay_s, err);
    }
    if (st == HM_OK) {
        st = hm_registry_lines(TCPIP_KEY, L"ReservedPorts", arena, &registry->has_reserved_ports,
                               &registry->reserved_ports, err);
    }
    for (size_t i = 0; st == HM_OK && i < HM_COUNT(typed); i++) {
        st = hm_registry_check_type(TCPIP_KEY, typed[i].name, typed[i].must_be, arena, registry,
                                    err);
    }
    return st;
}

static enum hm_status read_dns(struct hm_arena *arena, struct hm_registry *registry,
                               struct hm_err *err)
{
    struct hm_windows_dns_values values = {0};
    bool has_excluded = false;
    enum hm_status st =
        hm_registry_u32(DNS_KEY, L"SocketPoolSize", &values.has_size, &values.size, err);

    if (st == HM_OK) {
        st = hm_registry_lines(DNS_KEY, L"SocketPoolExcludedPortRanges", arena, &has_excluded,
                               &values.excluded, err);
    }
    return st == HM_OK ? hm_windows_take_dns(&values, arena, registry, err) : st;
}

static enum hm_status read_hns(struct hm_registry *registry, struct hm_err *err)
{
    struct hm_windows_hns_values values = {0};
    enum hm_status st = hm_registry_u32(HNS_KEY, L"EnableExcludedPortRange", &values.has_enabled,
                                        &values.enabled, err);

    if (st == HM_OK) {
        st = hm_registry_u32(HNS_KEY, L"ExcludedPortRangeStartPort", &values.has_start,
                             &values.start, err);
    }
    if (st == HM_OK) {
        st = hm_registry_u32(HNS_KEY, L"ExcludedPortRangePortCount", &values.has_count,
                             &values.count, err);
    }
    if (st == HM_OK) {
        hm_windows_take_hns(&values, registry);
    }
    return st;
}

/* A failed reading is a sentence, lack of memory is an error. */
static enum hm_status note(enum hm_status st, const struct hm_err *why, const char *unknown,
                           struct hm_notes *notes, struct hm_err *err)
{
    if (st == HM_ENOMEM) {
        return hm_fail(err, st, "%s", why->text);
    }
    return st == HM_OK ? HM_OK : hm_notes_add(notes, err, "registry: %s: %s", why->text, unknown);
}

enum hm_status hm_windows_settings(struct hm_inventory *inventory, bool *out_has_tcpip,
                                   struct hm_notes *notes, struct hm_err *err)
{
    struct hm_registry *registry = &inventory->registry;
    struct hm_registry tcpip = {0};
    struct hm_err why;
    enum hm_status read = read_tcpip(notes->arena, &tcpip, &why);
    enum hm_status st = note(
        read, &why, "ReservedPorts, MaxUserPort and TcpTimedWaitDelay are unknown", notes, err);

    *out_has_tcpip = read == HM_OK;
    *registry = read == HM_OK ? tcpip : (struct hm_registry){0};
    /* The DNS Server's key is there where the service is; without a list of services the key is
     * the proof. */
    if (st == HM_OK && hm_registry_has_key(DNS_KEY) &&
        (!inventory->has_services || hm_windows_has_service(&inventory->services, "DNS"))) {
        read = read_dns(notes->arena, registry, &why);
        st = note(read, &why, "the size of the DNS Server's socket pool is unknown", notes, err);
    }
    if (st == HM_OK) {
        read = read_hns(registry, &why);
        st = note(read, &why, "the range that HNS keeps is unknown", notes, err);
    }
    inventory->has_registry = hm_windows_has_registry(&inventory->os, registry, *out_has_tcpip);
    return st;
}

/* ---- the store behind netsh ---------------------------------------------------------------- */

/* Ports that the store holds and no active list shows. */
static enum hm_status find_inactive(const struct hm_strings *names, enum hm_protocol protocol,
                                    const struct hm_stacks *stacks, struct hm_arena *arena,
                                    struct hm_ports *out_ports, struct hm_err *err)
{
    struct hm_range *ranges = hm_arena_alloc(arena, names->count, sizeof(*ranges));
    struct hm_ports ports = {NULL, 0};
    size_t count = 0;
    enum hm_status st;

    if (ranges == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the stored exclusions");
    }
    for (size_t i = 0; i < names->count; i++) {
        if (hm_windows_nsi_range(names->at[i], &ranges[count])) {
            count++;
        }
    }
    st = hm_ports_from_ranges(ranges, count, arena, &ports, err);
    for (size_t i = 0; st == HM_OK && i < stacks->count; i++) {
        const struct hm_stack *stack = &stacks->at[i];

        if (stack->protocol == protocol && !stack->has_administered) {
            ports = (struct hm_ports){NULL, 0}; /* nothing to compare with */
        } else if (stack->protocol == protocol) {
            st = hm_ports_subtract(ports, stack->administered, arena, &ports, err);
        }
    }
    if (st == HM_OK) {
        *out_ports = ports;
    }
    return st;
}

enum hm_status hm_windows_stored_exclusions(const struct hm_stacks *stacks, struct hm_notes *notes,
                                            struct hm_err *err)
{
    enum hm_status st = HM_OK;

    for (size_t i = 0; st == HM_OK && i < HM_COUNT(stores); i++) {
        struct hm_strings names;
        struct hm_ports inactive;
        const char *text;

        /* Undocumented: a system without this key, or with another one, is no news. */
        if (hm_registry_names(stores[i].key, notes->arena, &names, NULL) != HM_OK) {
            continue;
        }
        st = find_inactive(&names, stores[i].protocol, stacks, notes->arena, &inactive, err);
        if (st != HM_OK || inactive.count == 0) {
            continue;
        }
        text = hm_ports_text(inactive, notes->arena);
        st = text == NULL
                 ? hm_fail(err, HM_ENOMEM, "no memory for the stored exclusions")
                 : hm_notes_add(notes, err,
                                "%s %s: the registry keeps an exclusion that is not active; it "
                                "may come with the next boot",
                                hm_protocol_names[stores[i].protocol], text);
    }
    return st;
}
