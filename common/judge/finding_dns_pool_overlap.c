/* common/judge/finding_dns_pool_overlap.c — the DNS Server's random sockets reach required ports.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/finding_kinds.h"

#include "common/judge/remedy.h"

#define POOL_LIST_SINCE 601u /* SocketPoolExcludedPortRanges: 2008 R2 and later */

/* What the pool may take of the UDP ports that others need. */
static struct hm_ports reach(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                             struct hm_finding *finding)
{
    struct hm_ports all = {NULL, 0};

    for (size_t i = 0; i < ctx->count; i++) {
        const struct hm_need *need = &ctx->needs[i];
        struct hm_ports part;

        if (need->verdict.protocol != HM_UDP || need->product == NULL ||
            need->verdict.reason != HM_REASON_IN_DYNAMIC) {
            continue;
        }
        part = hm_finding_without(out, need->verdict.at_risk, ctx->facts->dns.excluded);
        if (part.count > 0 && finding != NULL) {
            hm_finding_evidence(out, finding, "requirement",
                                hm_finding_print(out, "%s: %s", need->verdict.title,
                                                 hm_finding_list_ports(out, part)));
        }
        all = hm_finding_union(out, all, part);
    }
    return all;
}

static void cure_by_list(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                         struct hm_finding *finding, struct hm_ports ports)
{
    struct hm_ports all = hm_finding_union(out, ctx->facts->dns.excluded, ports);
    struct hm_line line;

    hm_line_init(&line);
    for (size_t i = 0; i < all.count; i++) { /* a single port is written as a range too */
        hm_line_put(&line, " ");
        hm_line_put_u32(&line, all.at[i].first);
        hm_line_put(&line, "-");
        hm_line_put_u32(&line, all.at[i].last);
    }
    finding->remedy = "Tell the DNS Server to leave these ports out of its pool (the list below "
                      "keeps what it leaves out now), and exclude them for everybody else too.";
    if (line.cut) {
        return;
    }
    hm_finding_command(out, finding, "dnscmd /Config /SocketPoolExcludedPortRanges%.*s",
                       (int)line.len, line.text);
    hm_finding_command(out, finding, "net stop DNS");
    hm_finding_command(out, finding, "net start DNS");
}

static void cure_by_exclusion(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                              struct hm_finding *finding, struct hm_ports ports)
{
    struct hm_ports missing[2] = {
        {NULL, 0},
        {NULL, 0}
    };
    bool stop = !ctx->facts->legacy;

    for (unsigned i = 0; i < 2; i++) {
        const struct hm_stack_facts *stack =
            hm_facts_stack(ctx->facts, HM_UDP, i == 0 ? HM_IPV4 : HM_IPV6);

        if (stack->present) {
            missing[i] = hm_finding_without(out, ports, stack->administered);
        }
    }
    if (stop) {
        hm_finding_command(out, finding, "net stop DNS");
    }
    hm_remedy_exclude(ctx, out, finding, HM_UDP, missing,
                      "This DNS Server has no list of its own to leave ports out.");
    if (stop) {
        hm_finding_command(out, finding, "net start DNS");
    }
}

static void look(const struct hm_finding_ctx *ctx, struct hm_finding_list *out)
{
    const struct hm_dns_pool *dns = &ctx->facts->dns;
    struct hm_ports ports;
    struct hm_finding *finding;

    if (!ctx->facts->has_dns || dns->size == 0) {
        return;
    }
    ports = reach(ctx, out, NULL);
    if (ports.count == 0) {
        return;
    }
    finding = hm_finding_put(out, "dns socket pool");
    finding->text = hm_finding_print(
        out,
        "The DNS Server takes %u random UDP ports of each family when it starts, and udp %s is "
        "among those it may get: the service that needs it then fails until the next boot.",
        (unsigned)dns->size, hm_finding_list_ports(out, ports));
    hm_finding_evidence(out, finding, "pool_size",
                        hm_finding_print(out, "%u", (unsigned)dns->size));
    hm_finding_evidence(out, finding, "pool_excluded", hm_finding_list_ports(out, dns->excluded));
    (void)reach(ctx, out, finding);
    if (ctx->facts->windows >= POOL_LIST_SINCE) {
        cure_by_list(ctx, out, finding, ports);
    } else {
        cure_by_exclusion(ctx, out, finding, ports);
    }
}

const struct hm_finding_kind hm_finding_dns_pool_overlap = {
    .name = "dns_pool_overlap",
    .severity = HM_SEVERITY_HIGH,
    .look = look,
    .help = "the DNS Server's socket pool may take a required UDP port",
};
