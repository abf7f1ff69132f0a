/* common/judge/finding_dns_pool_overlap.c — the DNS Server's random sockets reach required ports.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/finding_kinds.h"

#include "common/judge/remedy.h"

/* What the pool may take, or has, of the UDP ports that others need. */
static struct hm_ports reach(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                             struct hm_finding *finding)
{
    struct hm_ports all = {NULL, 0};

    for (size_t i = 0; i < ctx->count; i++) {
        const struct hm_need *need = &ctx->needs[i];
        struct hm_ports part = {NULL, 0};

        if (need->product != NULL) {
            part = hm_remedy_pool_reach(ctx, need, out);
        }
        if (part.count > 0 && finding != NULL) {
            hm_finding_evidence(out, finding, "requirement",
                                hm_finding_print(out, "%s: %s", need->verdict.title,
                                                 hm_finding_list_ports(out, part)));
        }
        all = hm_finding_union(out, all, part);
    }
    return all;
}

static bool is_reached(const struct hm_finding_ctx *ctx, const struct hm_need *need,
                       struct hm_finding_list *list, const void *unused)
{
    (void)unused;
    return need->product != NULL && hm_remedy_pool_reach(ctx, need, list).count > 0;
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
        "among those that it may get, or has: the service that needs it then fails until the next "
        "boot.",
        (unsigned)dns->size, hm_finding_list_ports(out, ports));
    hm_finding_evidence(out, finding, "pool_size",
                        hm_finding_print(out, "%u", (unsigned)dns->size));
    hm_finding_evidence(out, finding, "pool_excluded", hm_finding_list_ports(out, dns->excluded));
    (void)reach(ctx, out, finding);
    hm_remedy_protect_all(ctx, out, finding, is_reached, NULL);
}

const struct hm_finding_kind hm_finding_dns_pool_overlap = {
    .name = "dns_pool_overlap",
    .severity = HM_SEVERITY_HIGH,
    .look = look,
    .help = "the DNS Server's socket pool may take a required UDP port",
};
