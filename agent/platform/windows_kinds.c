/* agent/platform/windows_kinds.c — how a listener of a Windows host holds its port.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/windows_kinds.h"

#include "common/base/str.h"

/* Ports that HTTP.sys serves wherever System listens on them (windows-ports 2.1, 6.1). */
static const uint16_t httpsys_ports[] = {80,   443,  2869, 5357,  5358,  5985,  5986,
                                         8005, 8530, 8531, 32843, 32844, 47001, 49443};

/* Programs whose TCP ports in the dynamic range are RPC endpoints: they ask for any port and
 * tell the endpoint mapper, so nothing has to be kept free for them. */
static const char *const rpc_programs[] = {
    "certsrv.exe", "clussvc.exe",
    "dfsrs.exe",   "dfssvc.exe",
    "dns.exe",     "edgetransport.exe",
    "exmgmt.exe",  "inetinfo.exe",
    "ismserv.exe", "llssrv.exe",
    "lsass.exe",   "lserver.exe",
    "mad.exe",     "microsoft.exchange.*",
    "msdtc.exe",   "msexchange*",
    "mstask.exe",  "ntfrs.exe",
    "rhs.exe",     "services.exe",
    "spoolsv.exe", "store.exe",
    "svchost.exe", "tcpsvcs.exe",
    "vmms.exe",    "wininit.exe",
    "wins.exe",
};

/* But these they ask for by number (windows-ports 6.1). */
static const uint16_t fixed_ports[] = {1270, 1723, 1801, 1993, 1995, 2101, 2103, 2105, 2107,
                                       2179, 3268, 3269, 3343, 3389, 3391, 5504, 5722, 6001,
                                       6002, 6004, 6600, 7680, 9389, 9933, 9955, 64327};

static bool in_list(const uint16_t *list, size_t count, uint16_t port)
{
    for (size_t i = 0; i < count; i++) {
        if (list[i] == port) {
            return true;
        }
    }
    return false;
}

static bool is_rpc_program(const char *program)
{
    for (size_t i = 0; i < HM_COUNT(rpc_programs); i++) {
        if (hm_str_glob_nocase(rpc_programs[i], program)) {
            return true;
        }
    }
    return false;
}

/* HTTP.sys takes its ports as a runtime reservation of exactly one port; a port of System without
 * such a row belongs to a driver. Inside an administered exclusion, and where no row shows at all,
 * nothing can be told by that: then all but the ports of known drivers count as HTTP.sys'. */
static enum hm_listener_kind system_kind(const struct hm_listener *listener,
                                         const struct hm_stack *stack)
{
    const bool known = stack != NULL && stack->has_runtime && stack->runtime.count > 0;
    const struct hm_range *row = known ? hm_ports_find(stack->runtime, listener->port) : NULL;

    if (in_list(httpsys_ports, HM_COUNT(httpsys_ports), listener->port)) {
        return HM_KIND_HTTPSYS;
    }
    if (row != NULL && hm_range_count(*row) == 1) {
        return HM_KIND_HTTPSYS;
    }
    if (hm_port_is_of_driver(listener->port)) {
        return HM_KIND_KERNEL;
    }
    return known && !hm_ports_contains(stack->administered, listener->port) ? HM_KIND_KERNEL
                                                                            : HM_KIND_HTTPSYS;
}

enum hm_listener_kind hm_windows_kind(const struct hm_listener *listener,
                                      const struct hm_stack *stack, bool system)
{
    if (listener->protocol != HM_TCP) { /* msquic reserves its port as a block of one */
        const struct hm_range *row = stack != NULL && stack->has_runtime
                                         ? hm_ports_find(stack->runtime, listener->port)
                                         : NULL;

        return row != NULL && hm_range_count(*row) == 1 ? HM_KIND_QUIC : listener->kind;
    }
    if (system) {
        return system_kind(listener, stack);
    }
    if (listener->kind == HM_KIND_SOCKET && stack != NULL && stack->has_dynamic &&
        hm_range_contains(stack->dynamic, listener->port) && is_rpc_program(listener->program) &&
        !in_list(fixed_ports, HM_COUNT(fixed_ports), listener->port)) {
        return HM_KIND_RPC;
    }
    return listener->kind;
}
