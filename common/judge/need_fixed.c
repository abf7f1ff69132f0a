/* common/judge/need_fixed.c — Linux: is a listener's port surely one that somebody chose?
 * SPDX-License-Identifier: Apache-2.0
 *
 * A server of the catalogue has the port of its configuration, and process 1 the one that a socket
 * unit names (systemd.socket(5)). No kernel gives two sockets of one service the same number, one
 * for each family. But some programs ask the kernel for a port by nature, and a runtime such as
 * java does whatever its program asks for. */
#include "common/judge/need.h"

#include <string.h>

#include "common/base/str.h"

/* Programs that also ask for ports outside of their configuration, at least in some set-ups, and
 * runtimes, whose name says nothing. */
static const char *const askers[] = {
    "beam",       "beam.smp",       "chrome",        "containerd",  "cri-dockerd",  "crio",
    "crond",      "db2sysc",        "dbus-daemon",   "dnsmasq",     "dockerd",      "dotnet",
    "erl",        "fb_inet_server", "fb_smp_server", "fbserver",    "firebird",     "glusterfs",
    "glusterfsd", "inotifywait",    "java",          "k3s",         "k3s-agent",    "k3s-server",
    "kube-proxy", "kubelet",        "kubelite",      "mono",        "named",        "netbird",
    "node",       "nodejs",         "perl",          "php",         "python",       "python2",
    "python3",    "rke2",           "rke2-agent",    "rke2-server", "rpcbind",      "ruby",
    "samba",      "smbd",           "ssh",           "sshd",        "syncthing",    "tailscaled",
    "unbound",    "varnishd",       "ypbind",        "ypserv",      "zerotier-one",
};

/* Likewise, by the beginning of the name: "rpc.mountd", "python3.11", "containerd-shim". */
static const char *const asker_families[] = {"containerd-", "python", "rpc.", "samba-", "sshd-"};

static bool asks(const char *program)
{
    for (size_t i = 0; i < HM_COUNT(askers); i++) {
        if (hm_str_equal_nocase(askers[i], program)) {
            return true;
        }
    }
    for (size_t i = 0; i < HM_COUNT(asker_families); i++) {
        if (strncmp(program, asker_families[i], strlen(asker_families[i])) == 0) {
            return true;
        }
    }
    return false;
}

static bool has(const struct hm_detect *detect, const struct hm_companions *companions,
                const struct hm_listener *listener)
{
    return hm_detect_owns(detect, listener->program, listener->service) ||
           hm_companions_own(companions, listener->program, listener->service) ||
           hm_companions_share(companions, listener->program);
}

/* Is it a program of a product that the host has? */
static bool is_known(const struct hm_facts *facts, const struct hm_listener *listener)
{
    for (size_t i = 0; i < facts->present_count; i++) {
        const struct hm_product *product = facts->present[i];

        if (has(&product->detect, &product->companions, listener)) {
            return true;
        }
        for (size_t k = 0; k < product->requirements.count; k++) {
            const struct hm_requirement *requirement = &product->requirements.at[k];

            if (has(&requirement->detect, &requirement->companions, listener)) {
                return true;
            }
        }
    }
    return false;
}

/* The odds that chance alone makes a port look fixed: one in so many. */
#define FIXED_BY_CHANCE_ONE_IN 1000u

uint32_t hm_need_boots_of_fixed(const struct hm_facts *facts, enum hm_protocol protocol,
                                enum hm_family family)
{
    const struct hm_ports given = hm_stack_facts_may_give(hm_facts_stack(facts, protocol, family));
    const uint32_t ports = hm_ports_count(given);
    uint32_t boots = 1;

    if (ports == 1) {
        return UINT32_MAX; /* every program that asks gets that one */
    }
    for (uint32_t chance = 1;
         ports > 1 && chance < FIXED_BY_CHANCE_ONE_IN && boots < HM_PORT_BOOK_BOOTS; boots++) {
        chance *= ports;
    }
    return boots < HM_PORT_BOOK_FIXED ? HM_PORT_BOOK_FIXED : boots;
}

static bool is_wildcard(const struct hm_listener *listener)
{
    return hm_str_equal(listener->address, "") || hm_str_equal(listener->address, "0.0.0.0") ||
           hm_str_equal(listener->address, "::");
}

/* Does the same service listen on this number in the other family, too, with another socket? One
 * socket of "::" shows in both families. */
static bool has_twin(const struct hm_facts *facts, const struct hm_listener *listener)
{
    const struct hm_range range = {listener->port, listener->port};
    struct hm_port_cursor cursor = {0, 0, 0};
    const struct hm_listener *other;

    if (is_wildcard(listener)) {
        return false;
    }
    while ((other = hm_facts_next_listener(facts, listener->protocol, (struct hm_ports){&range, 1},
                                           &cursor)) != NULL) {
        if (other->family != listener->family && !is_wildcard(other) &&
            hm_str_equal(other->program, listener->program) &&
            hm_str_equal(other->service, listener->service)) {
            return true;
        }
    }
    return false;
}

bool hm_need_is_fixed(const struct hm_facts *facts, const struct hm_listener *listener)
{
    if (!facts->linux_host || listener->kind == HM_KIND_RPC) {
        return false;
    }
    if (hm_need_is_activator(facts, listener->program)) {
        return !hm_str_equal(listener->program, "init") || !hm_str_equal(listener->service, "");
    }
    if (listener->protocol == HM_UDP || hm_str_equal(listener->program, "") ||
        listener->kind == HM_KIND_CONTAINER ||
        hm_need_stands_in(HM_KIND_CONTAINER, listener->program) || asks(listener->program)) {
        return false;
    }
    return is_known(facts, listener) || has_twin(facts, listener);
}
