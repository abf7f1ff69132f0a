/* common/judge/finding_required_port_not_served.c — a product runs, its log says since the boot
 * that it did not get its port, and it is not seen there.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/finding_kinds.h"

#include "common/judge/remedy.h"

static void put_need(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                     const struct hm_need *need)
{
    struct hm_finding *finding =
        hm_finding_put(out, hm_finding_ports(out, need->verdict.protocol, need->verdict.ports));

    finding->text = hm_finding_print(out, "%s: %s", need->verdict.title, need->text);
    hm_finding_describe(ctx, out, finding, need);
    hm_remedy_decide(out, finding,
                     need->missed_on[0] == '\0' || need->served_on[0] == '\0'
                         ? "Read in the event log what had the port. When it is free, restart the "
                           "product's service or web site, and look whether it listens."
                         : "Read in the event log what had the port. When it is free on that "
                           "address, restart the product's service or web site, and look whether "
                           "it listens there. When this host does not have the address any more, "
                           "remove it from the settings of the product.");
}

static void look(const struct hm_finding_ctx *ctx, struct hm_finding_list *out)
{
    for (size_t i = 0; i < ctx->count; i++) {
        if (ctx->needs[i].unserved != NULL) {
            put_need(ctx, out, &ctx->needs[i]);
        }
    }
}

const struct hm_finding_kind hm_finding_required_port_not_served = {
    .name = "required_port_not_served",
    .severity = HM_SEVERITY_MEDIUM,
    .look = look,
    .of_ports = true,
    .help = "a port was refused to a program that runs since the boot, and is not served, or not "
            "on every address",
};
