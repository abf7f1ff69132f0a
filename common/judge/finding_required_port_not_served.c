/* common/judge/finding_required_port_not_served.c — a port that is not served although its product
 * runs: it was refused since the boot, to the product or to a program that asked HTTP.sys for it,
 * or the service is said to run and has no socket. SPDX-License-Identifier: Apache-2.0
 *
 * Nobody is known by name who asked HTTP.sys for a port that no product explains. While another
 * program has it, or while the port is set up, the one who asked cannot work: that is high. Where
 * neither is so, it may have been a test that is over. */
#include "common/judge/finding_kinds.h"

#include "common/base/str.h"
#include "common/judge/default_urls.h"
#include "common/judge/need_served.h"
#include "common/judge/remedy.h"
#include "common/judge/remedy_services.h"

#define THAT_PRODUCT "the product's service or web site"

/* What is to be restarted, so that the product tries for its port again: its only service that
 * runs, where that is known. */
static const char *what_listens(const struct hm_finding_ctx *ctx, const struct hm_need *need)
{
    const struct hm_inventory *inventory = ctx->input->inventory;
    const char *found = NULL;

    for (size_t i = 0; inventory->has_service_details && i < inventory->service_details.count;
         i++) {
        const struct hm_service *service = &inventory->service_details.at[i];

        if (!service->has_runs || !service->runs ||
            !hm_detect_owns(hm_need_names(need), "", service->name) ||
            hm_service_may_stop(ctx->services, service->name) != HM_STOP_CAN) {
            continue;
        }
        if (found != NULL) {
            return THAT_PRODUCT;
        }
        found = service->name;
    }
    return found != NULL ? found : THAT_PRODUCT;
}

static void put_need(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                     const struct hm_need *need)
{
    struct hm_finding *finding =
        hm_finding_put(out, hm_finding_ports(out, need->verdict.protocol, need->verdict.ports));

    finding->text = hm_finding_print(out, "%s: %s", need->verdict.title, need->text);
    hm_finding_describe(ctx, out, finding, need);
    hm_remedy_decide(
        out, finding,
        need->missed_on[0] == '\0' || need->served_on[0] == '\0'
            ? hm_finding_print(out,
                               "Look with \"%s\" whether something has the port. When "
                               "it is free, restart %s, and look whether it listens.",
                               hm_remedy_list_sockets(ctx), what_listens(ctx, need))
            : hm_finding_print(out,
                               "Look with \"%s\" whether something has the port on that address. "
                               "When it is free there, restart %s, and look whether it listens "
                               "there. When this host does not have the address any more, remove "
                               "it from the settings of the product.",
                               hm_remedy_list_sockets(ctx), what_listens(ctx, need)));
}

/* A service that runs and has no socket: one of the two is wrong. */
static void put_silent(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                       const struct hm_need *need)
{
    struct hm_finding *finding =
        hm_finding_put(out, hm_finding_ports(out, need->verdict.protocol, need->verdict.ports));

    finding->severity = HM_SEVERITY_LOW;
    finding->text = hm_finding_print(out, "%s: %s", need->verdict.title, need->text);
    hm_finding_describe(ctx, out, finding, need);
    hm_remedy_decide(out, finding,
                     hm_finding_print(out,
                                      "Look which port %s is set to (%s), and with \"%s\" whether "
                                      "it listens there: it may still be starting, or hang. When "
                                      "it is set up to use no port, nothing is to be done.",
                                      need->unset.service, need->requirement->set_in,
                                      hm_remedy_list_sockets(ctx)));
}

/* ---- HTTP.sys ------------------------------------------------------------------------------ */

/* What the settings of HTTP.sys and IIS say of the port. */
struct set_up {
    const struct hm_configured *row; /* that makes somebody want it; NULL none */
    bool off;                        /* a web site has it that does not start */
};

static struct set_up find_set_up(const struct hm_finding_ctx *ctx, uint16_t port)
{
    const struct hm_configured_list *list = &ctx->input->inventory->configured;
    struct set_up found = {.row = NULL};

    for (size_t i = 0; ctx->input->inventory->has_configured && i < list->count; i++) {
        const struct hm_configured *row = &list->at[i];

        if (row->protocol != HM_TCP || row->port != port || row->kind != HM_KIND_HTTPSYS ||
            hm_default_url_find(row) != NULL) {
            continue;
        }
        if (row->by == HM_BY_IIS_BINDING && !hm_configured_starts(ctx->facts, row)) {
            found.off = true;
        } else if (found.row == NULL) {
            found.row = row;
        }
    }
    return found;
}

/* A requirement speaks for the port. */
static bool is_explained(const struct hm_finding_ctx *ctx, uint16_t port)
{
    for (size_t i = 0; i < ctx->count; i++) {
        const struct hm_need *need = &ctx->needs[i];

        if ((need->product != NULL || need->permission) && need->verdict.protocol == HM_TCP &&
            (need->requirement->kind == HM_KIND_HTTPSYS || need->verdict.kind == HM_KIND_HTTPSYS) &&
            hm_ports_contains(need->verdict.ports, port)) {
            return true;
        }
    }
    return false;
}

static const char *name_of(const struct hm_listener *listener)
{
    return listener->program[0] != '\0'   ? listener->program
           : listener->service[0] != '\0' ? listener->service
                                          : "another program";
}

static const char *advice_of(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                             const struct hm_listener *holder)
{
    const char *find =
        ctx->facts->legacy
            ? "Find the program that asked HTTP.sys for the port, in the event log and in the "
              "settings of what is installed."
            : "Find the program that asked HTTP.sys for the port: \"netsh http show servicestate\" "
              "lists those that run, \"netsh http show urlacl\" who may ask for which URL.";

    return holder == NULL
               ? hm_finding_print(out,
                                  "%s Restart it, and look whether HTTP.sys (System) listens. When "
                                  "nothing needs the port any more, nothing is to be done.",
                                  find)
               : hm_finding_print(out,
                                  "%s Give it or %s another port, or end the one that nobody "
                                  "needs. Then restart the program that asked, and look whether "
                                  "HTTP.sys (System) listens.",
                                  find, name_of(holder));
}

/* HTTP.sys serves the port, but for an address that this host does not show. */
static void put_lost_address(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                             const struct hm_event_count *event, uint16_t port)
{
    const struct hm_range range = {port, port};
    struct hm_finding *finding =
        hm_finding_put(out, hm_finding_ports(out, HM_TCP, (struct hm_ports){&range, 1}));

    finding->severity = HM_SEVERITY_LOW;
    finding->text = hm_finding_print(
        out,
        "HTTP.sys could not take %s since the boot, and serves TCP %u on another address. "
        "Nobody has the port there, and no socket shows that this host still has the address.",
        event->about, (unsigned)port);
    hm_finding_describe_event(out, finding, event);
    hm_remedy_decide(
        out, finding,
        ctx->facts->legacy
            ? "Look with \"ipconfig\" whether this host has the address. If not, remove it from "
              "the list of HTTP.sys (httpcfg query iplisten). If so, restart what is to serve it "
              "there."
            : "Look with \"ipconfig\" whether this host has the address. If not, remove it from "
              "the list of HTTP.sys (\"netsh http show iplisten\" shows it). If so, restart what "
              "is to serve it there.");
}

static void put_httpsys(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                        const struct hm_event_count *event, uint16_t port)
{
    const struct hm_range range = {port, port};
    const struct hm_ports ports = {&range, 1};
    const struct set_up set_up = find_set_up(ctx, port);
    struct hm_port_cursor cursor = {0, 0, 0};
    const struct hm_listener *holder = hm_facts_next_listener(ctx->facts, HM_TCP, ports, &cursor);
    struct hm_finding *finding;

    while (holder != NULL && hm_str_equal_nocase(holder->program, "System")) {
        holder = hm_facts_next_listener(ctx->facts, HM_TCP, ports, &cursor);
    }
    finding = hm_finding_put(out, hm_finding_ports(out, HM_TCP, ports));
    if (set_up.row != NULL || (holder != NULL && !set_up.off)) {
        finding->severity = HM_SEVERITY_HIGH;
    }
    finding->text = hm_finding_print(
        out,
        "A program asked HTTP.sys for TCP %u since the boot and did not get it (%s), and HTTP.sys "
        "does not serve it now: %s. That program cannot be reached there, even when it runs.",
        (unsigned)port, event->about,
        holder != NULL ? hm_finding_print(out, "%s listens there", name_of(holder))
                       : "nobody is seen there");
    hm_finding_describe_event(out, finding, event);
    if (set_up.row != NULL) {
        hm_finding_evidence(out, finding, "configured",
                            hm_finding_print(out, "%s %s", hm_configured_by_labels[set_up.row->by],
                                             set_up.row->subject));
    }
    if (holder != NULL) {
        const struct hm_holder who = hm_holder_of_listener(holder);

        hm_finding_describe_holder(out, finding, &who);
    }
    hm_remedy_decide(out, finding, advice_of(ctx, out, holder));
}

static void look(const struct hm_finding_ctx *ctx, struct hm_finding_list *out)
{
    const struct hm_event_counts *events = ctx->input->events;

    for (size_t i = 0; i < ctx->count; i++) {
        if (ctx->needs[i].unserved != NULL) {
            put_need(ctx, out, &ctx->needs[i]);
        } else if (ctx->needs[i].unset.service != NULL &&
                   ctx->needs[i].unset.why == HM_UNSET_SILENT) {
            put_silent(ctx, out, &ctx->needs[i]);
        }
    }
    for (size_t i = 0; events != NULL && !ctx->input->foretells &&
                       ctx->input->inventory->has_listeners && i < events->count;
         i++) {
        const struct hm_event_count *event = &events->at[i];
        const struct hm_service_event *row = hm_service_event_find(event->provider, event->id);
        const struct hm_event_place place = hm_service_event_place(event);

        if (row == NULL || row->kind != HM_KIND_HTTPSYS || !place.has_port) {
            continue;
        }
        if (hm_httpsys_lost_address(ctx->facts, &place)) {
            put_lost_address(ctx, out, event, place.port);
        } else if (!is_explained(ctx, place.port) && !hm_httpsys_serves(ctx->facts, &place)) {
            put_httpsys(ctx, out, event, place.port);
        }
    }
}

const struct hm_finding_kind hm_finding_required_port_not_served = {
    .name = "required_port_not_served",
    .severity = HM_SEVERITY_MEDIUM,
    .look = look,
    .of_ports = true,
    .help = "a port was refused to a program that runs since the boot, and is not served, or not "
            "on every address; or a service is said to run and has no socket",
};
