/* common/judge/finding_reservation_excluded.c — a port that something may serve through HTTP.sys
 * some day is excluded. SPDX-License-Identifier: Apache-2.0
 *
 * A URL reservation and an SSL binding are permissions: often nobody uses them, and a web site may
 * be left stopped for good. So it is no verdict, and a person decides. */
#include "common/judge/finding_kinds.h"

#include "common/base/str.h"
#include "common/judge/default_urls.h"
#include "common/judge/need.h"
#include "common/judge/remedy.h"

/* What happens to a listener of this kind, and what a person decides. */
static const char *const outcomes[HM_KIND_COUNT] = {
    [HM_KIND_HTTPSYS] = "whatever starts to serve it through HTTP.sys fails with error 32",
    [HM_KIND_CONTAINER] = "a container that is to publish it does not start",
};

#define TEXT_DELETE                                                                                \
    "Find out whether anything uses it. If so, delete the exclusion, with exactly its start and "  \
    "count, before that starts."
#define TEXT_HNS                                                                                   \
    "Find out whether anything uses it. If so, give it a port outside: HNS makes this exclusion "  \
    "itself, so netsh must not delete it."
#define TEXT_HNS_DOUBTFUL                                                                          \
    "Find out whether anything uses it, and whether this host has the service hns (\"sc query "    \
    "hns\"), which makes this exclusion itself: then give it a port outside. Otherwise delete "    \
    "the exclusion, with exactly its start and count, before that starts."
#define TEXT_HNS_OFF                                                                               \
    "Find out whether anything uses it. If so, restart the host before that starts: the "          \
    "exclusion "                                                                                   \
    "is that of HNS, which is turned off in the registry, and goes with the restart. Do not "      \
    "delete it."

/* A row of HNS is not for netsh; otherwise what is known already. */
static const char *hns_text(const struct hm_inventory *inventory, struct hm_range range,
                            const char *known)
{
    if (hm_hns_keeps(inventory, range)) {
        return TEXT_HNS;
    }
    if (hm_hns_may_keep(inventory, range)) {
        return TEXT_HNS_DOUBTFUL;
    }
    return hm_hns_kept(inventory, range) ? TEXT_HNS_OFF : known;
}

static void describe(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                     struct hm_finding *finding, const struct hm_configured *row,
                     const char **out_hns)
{
    for (unsigned i = 0; i < 2; i++) {
        const enum hm_family family = i == 0 ? HM_IPV4 : HM_IPV6;
        const struct hm_range *range = hm_ports_find(
            hm_facts_stack(ctx->facts, row->protocol, family)->administered, row->port);

        if (range != NULL) {
            *out_hns = hns_text(ctx->input->inventory, *range, *out_hns);
            hm_finding_evidence(out, finding, "exclusion",
                                hm_finding_print(out, "%s/%s %u-%u",
                                                 hm_protocol_names[row->protocol],
                                                 hm_family_names[family], (unsigned)range->first,
                                                 (unsigned)range->last));
        }
    }
    hm_finding_evidence(
        out, finding, "configured",
        hm_finding_print(out, "%s %s", hm_configured_by_names[row->by], row->subject));
}

/* A service that should run and does not, and of which nobody knows what it serves: it may be the
 * one that the URL is reserved for, but for a default of Windows, which is one service's. Those
 * that start later or by an event often stop in order. */
static const struct hm_service *find_down(const struct hm_finding_ctx *ctx,
                                          const struct hm_configured *row)
{
    const struct hm_services *details = &ctx->input->inventory->service_details;

    for (size_t i = 0; ctx->input->inventory->has_service_details && i < details->count; i++) {
        const struct hm_service *service = &details->at[i];
        bool known = false;

        if (service->start != HM_START_AUTOMATIC || !service->has_runs || service->runs ||
            !hm_default_url_may_serve(row, service, details)) {
            continue;
        }
        for (size_t k = 0; k < ctx->facts->present_count && !known; k++) {
            known = hm_detect_owns(&ctx->facts->present[k]->detect, "", service->name) &&
                    !hm_product_has_chosen_urls(ctx->facts->present[k]);
        }
        if (!known) {
            return service;
        }
    }
    return NULL;
}

static void look(const struct hm_finding_ctx *ctx, struct hm_finding_list *out)
{
    const struct hm_inventory *inventory = ctx->input->inventory;
    const struct hm_configured *last = NULL;

    if (ctx->facts->linux_host || ctx->facts->legacy || !inventory->has_configured) {
        return;
    }
    for (size_t i = 0; i < inventory->configured.count; i++) {
        const struct hm_configured *row = &inventory->configured.at[i];
        struct hm_range range = {row->port, row->port};
        const struct hm_service *down = NULL;
        const char *hns = NULL;
        struct hm_finding *finding;

        if ((last != NULL && last->protocol == row->protocol && last->port == row->port) ||
            outcomes[row->kind] == NULL ||
            hm_portbits_has(ctx->facts->required[row->protocol], row->port) ||
            !hm_facts_is_excluded(ctx->facts, row->protocol, row->port)) {
            continue;
        }
        last = row;
        finding =
            hm_finding_put(out, hm_finding_ports(out, row->protocol, (struct hm_ports){&range, 1}));
        if (row->by == HM_BY_URL_RESERVATION) {
            down = find_down(ctx, row);
        }
        finding->severity = down != NULL ? HM_SEVERITY_HIGH : finding->severity;
        finding->text = hm_finding_print(
            out, "The %s %s is for a port inside an administered exclusion: %s. %s%s",
            hm_configured_by_labels[row->by], row->subject, outcomes[row->kind],
            down == NULL ? "Nothing is known to start." : down->name,
            down == NULL ? "" : " starts by itself and is down: it may be the one.");
        describe(ctx, out, finding, row, &hns);
        hm_remedy_decide(out, finding, hns == NULL ? TEXT_DELETE : hns);
    }
}

const struct hm_finding_kind hm_finding_reservation_excluded = {
    .name = "reservation_excluded",
    .severity = HM_SEVERITY_MEDIUM,
    .look = look,
    .help = "a port that HTTP.sys or a container is only permitted to serve is excluded",
};
