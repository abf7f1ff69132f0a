/* common/plan/plan_hazard.c — ports of this host that must not be excluded (windows-ports 2.1).
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/plan/plan_build.h"

#include "common/base/str.h"
#include "common/ports/configured.h"

/* Of the kinds that forbid an exclusion (hm_kind_forbids_exclusion). */
static const enum hm_refusal_code codes[HM_KIND_COUNT] = {
    [HM_KIND_HTTPSYS] = HM_REFUSE_HTTPSYS,
    [HM_KIND_QUIC] = HM_REFUSE_QUIC,
    [HM_KIND_CONTAINER] = HM_REFUSE_CONTAINER,
    [HM_KIND_SHARED] = HM_REFUSE_SHARED,
};

/* By what listens now, or by the catalogue. */
static const char *const texts[HM_KIND_COUNT] = {
    [HM_KIND_HTTPSYS] =
        "It is served through HTTP.sys, which fails with error 32 at its next start when its port "
        "is excluded. Move the dynamic range off it instead.",
    [HM_KIND_QUIC] = "It is served through msquic, which cannot reserve its port inside an "
                     "exclusion. Move the dynamic range off it instead.",
    [HM_KIND_CONTAINER] =
        "A container engine publishes it and cannot reserve it inside an exclusion.",
    [HM_KIND_SHARED] =
        "Several processes share it; after an exclusion the second one fails with error 10013.",
};
#define TEXT_UNSAFE "The catalogue says that its product does not start with the port excluded."

/* By the port book. */
#define FORGET                                                                                     \
    " If it never will again, run \"hm-agent forget\" with this port on the host, and it may be "  \
    "excluded."
static const char *const remembered[HM_KIND_COUNT] = {
    [HM_KIND_HTTPSYS] =
        "System listened on it in an earlier boot, for HTTP.sys as far as could be told, which "
        "fails with error 32 at its next start when its port is excluded." FORGET,
    [HM_KIND_QUIC] = "msquic served it in an earlier boot, and cannot reserve its port inside an "
                     "exclusion." FORGET,
    [HM_KIND_CONTAINER] = "A container engine published it in an earlier boot, and cannot reserve "
                          "it inside an exclusion." FORGET,
    [HM_KIND_SHARED] = "Several processes shared it in an earlier boot; after an exclusion the "
                       "second one fails with error 10013." FORGET,
};

/* Shown by no listener. */
#define TEXT_RESERVER                                                                              \
    "A component has reserved exactly this port, as HTTP.sys, msquic and container engines do, "   \
    "and could not reserve it inside an exclusion. Move the dynamic range off it instead."
#define TEXT_RESERVED_BEFORE                                                                       \
    "A component had reserved exactly this port before, as HTTP.sys, msquic and container "        \
    "engines do, and could not reserve it inside an exclusion." FORGET
#define TEXT_SHOWN_BEFORE                                                                          \
    "HTTP.sys is to serve it (%s), and fails with error 32 when its port is excluded." FORGET
#define TEXT_SET_UP_BEFORE                                                                         \
    "It was set up to be served (%s) when that could last be read, and its server fails "          \
    "when its port is excluded. Whether it still is cannot be read now."

/* Texts that are the same are one hazard: then a note names all of its ports. */
static void put(struct hm_plan_build *b, enum hm_refusal_code code, enum hm_protocol protocol,
                struct hm_ports ports, const char *text)
{
    struct hm_plan_hazards *list = &b->hazards[protocol];

    for (size_t i = 0; i < list->count; i++) {
        if (list->at[i].code == code && hm_str_equal(list->at[i].text, text)) {
            list->at[i].ports = hm_plan_union(b, list->at[i].ports, ports);
            return;
        }
    }
    if (b->status != HM_OK || hm_arena_grow(b->arena, (void **)&list->at, list->count, &list->cap,
                                            sizeof(*list->at)) != 0) {
        hm_plan_no_memory(b);
        return;
    }
    list->at[list->count++] = (struct hm_plan_hazard){code, ports, text};
}

static void put_port(struct hm_plan_build *b, enum hm_listener_kind kind, enum hm_protocol protocol,
                     uint16_t port, const char *text)
{
    if (hm_kind_forbids_exclusion(kind) && hm_ports_contains(b->wanted[protocol], port)) {
        put(b, codes[kind], protocol, hm_plan_one(b, (struct hm_range){port, port}), text);
    }
}

static void find_listeners(struct hm_plan_build *b)
{
    const struct hm_inventory *inventory = b->input->inventory;

    for (size_t i = 0; inventory->has_listeners && i < inventory->listeners.count; i++) {
        const struct hm_listener *row = &inventory->listeners.at[i];

        put_port(b, row->kind, row->protocol, row->port, texts[row->kind]);
    }
}

/* By the settings of HTTP.sys, of IIS and of containers. */
static const char *configured_text(struct hm_plan_build *b, const struct hm_configured *row)
{
    const char *source = hm_configured_by_labels[row->by];

    switch (row->kind) {
    case HM_KIND_HTTPSYS:
        return hm_plan_print(b,
                             "HTTP.sys is set up to serve it (%s %s), and fails with error 32 when "
                             "its port is excluded. Move the dynamic range off it instead.",
                             source, row->subject);
    case HM_KIND_QUIC:
        return hm_plan_print(b,
                             "HTTP.sys may serve HTTP/3 on it (%s %s), and cannot reserve its port "
                             "inside an exclusion. Move the dynamic range off it instead.",
                             source, row->subject);
    case HM_KIND_CONTAINER:
        return hm_plan_print(b,
                             "A container is set up to publish it (%s %s) and cannot reserve it "
                             "inside an exclusion.",
                             source, row->subject);
    default:
        return "";
    }
}

/* Of several settings for a port, the binding of a web site says most to people. */
static void find_configured(struct hm_plan_build *b, bool bindings)
{
    const struct hm_inventory *inventory = b->input->inventory;

    for (size_t i = 0; inventory->has_configured && i < inventory->configured.count; i++) {
        const struct hm_configured *row = &inventory->configured.at[i];

        if ((row->by == HM_BY_IIS_BINDING) == bindings &&
            hm_ports_contains(b->wanted[row->protocol], row->port)) {
            put_port(b, row->kind, row->protocol, row->port, configured_text(b, row));
        }
    }
}

/* What HTTP.sys is set up to serve is not known: a port that System has or had may be its port,
 * unless it is one that only a driver has. UDP only where HTTP.sys can serve HTTP/3. */
#define TEXT_UNKNOWN                                                                               \
    "System listens on it, and what HTTP.sys is set up to serve is not known%s, so it may be a "   \
    "port of HTTP.sys, which fails with error 32 at its next start when its port is excluded. "    \
    "Make readable for the agent whichever of these \"hm-agent check\" on the host lists under "   \
    "NOT KNOWN: \"netsh http show urlacl\", \"netsh http show sslcert\", \"netsh http show "       \
    "servicestate\", applicationHost.config of IIS, the ports of containers."

#define TEXT_UNKNOWN_REMEMBERED                                                                    \
    "System listened on it in an earlier boot, and what HTTP.sys is set up to serve is not "       \
    "known." FORGET

static bool may_be_httpsys(const struct hm_plan_build *b, enum hm_protocol protocol, uint16_t port,
                           const char *program)
{
    static const uint16_t udp_drivers[] = {137, 138, 445, 1701}; /* NetBIOS, SMB, L2TP */
    bool driver = protocol == HM_TCP ? hm_port_is_of_driver(port)
                                     : !hm_os_has_http3(&b->input->inventory->os);

    for (size_t i = 0; protocol == HM_UDP && i < HM_COUNT(udp_drivers); i++) {
        driver = driver || udp_drivers[i] == port;
    }
    return !driver && hm_str_equal_nocase(program, "System");
}

static void put_unknown(struct hm_plan_build *b, enum hm_protocol protocol, uint16_t port,
                        const char *text)
{
    put_port(b, protocol == HM_TCP ? HM_KIND_HTTPSYS : HM_KIND_QUIC, protocol, port, text);
}

static void find_unknown(struct hm_plan_build *b)
{
    const struct hm_inventory *inventory = b->input->inventory;

    if (inventory->has_configured && !inventory->configured_partial) {
        return;
    }
    for (size_t i = 0; inventory->has_listeners && i < inventory->listeners.count; i++) {
        const struct hm_listener *row = &inventory->listeners.at[i];

        if (may_be_httpsys(b, row->protocol, row->port, row->program) &&
            hm_ports_contains(b->wanted[row->protocol], row->port)) {
            put_unknown(b, row->protocol, row->port,
                        hm_plan_print(b, TEXT_UNKNOWN, inventory->has_configured ? " whole" : ""));
        }
    }
    for (size_t i = 0; inventory->has_port_book && i < inventory->port_book.count; i++) {
        const struct hm_port_entry *row = &inventory->port_book.at[i];

        if (may_be_httpsys(b, row->protocol, row->port, row->program)) {
            put_unknown(b, row->protocol, row->port, TEXT_UNKNOWN_REMEMBERED);
        }
    }
}

/* A service that is disabled or no longer there may come back, and nobody would notice before it
 * does: what the book remembers counts until a person says otherwise. */
static void find_remembered(struct hm_plan_build *b)
{
    const struct hm_inventory *inventory = b->input->inventory;

    for (size_t i = 0; inventory->has_port_book && i < inventory->port_book.count; i++) {
        const struct hm_port_entry *row = &inventory->port_book.at[i];

        put_port(b, row->kind, row->protocol, row->port, remembered[row->kind]);
    }
}

static bool is_for(const struct hm_product *product, enum hm_os_family family)
{
    bool found = product->os.count == 0;

    for (size_t i = 0; i < product->os.count && !found; i++) {
        found = hm_str_equal(product->os.at[i], hm_os_family_names[family]);
    }
    return found;
}

static bool has_part(const struct hm_requirement *row, const struct hm_inventory *inventory)
{
    const struct hm_detect *detect = &row->detect;

    return (detect->services.count == 0 && detect->programs.count == 0) ||
           hm_detect_matches(detect, inventory);
}

/* Detection is dear, so it comes last: most products want none of these ports. */
static void find_in_product(struct hm_plan_build *b, const struct hm_product *product)
{
    const struct hm_inventory *inventory = b->input->inventory;
    bool asked = false;

    for (size_t i = 0; i < product->requirements.count; i++) {
        const struct hm_requirement *row = &product->requirements.at[i];

        if (hm_requirement_may_exclude(row) ||
            !hm_ports_overlap(b->wanted[row->protocol], row->ports)) {
            continue;
        }
        if (!asked && (!is_for(product, inventory->os.family) ||
                       !hm_detect_matches(&product->detect, inventory))) {
            return;
        }
        asked = true;
        if (has_part(row, inventory)) {
            const bool kind = hm_kind_forbids_exclusion(row->kind);

            put(b, kind ? codes[row->kind] : HM_REFUSE_UNSAFE, row->protocol, row->ports,
                kind ? texts[row->kind] : TEXT_UNSAFE);
        }
    }
}

static bool is_wanted(const struct hm_plan_build *b, enum hm_protocol protocol, uint16_t port)
{
    return hm_ports_contains(b->wanted[protocol], port);
}

/* HTTP.sys, msquic and container engines reserve a port as a block of one; ranges that are given at
 * random are wider. */
static void find_reservers(struct hm_plan_build *b)
{
    const struct hm_stacks *stacks = &b->input->inventory->stacks;

    for (size_t i = 0; i < stacks->count; i++) {
        const struct hm_stack *stack = &stacks->at[i];

        for (size_t k = 0; stack->has_runtime && k < stack->runtime.count; k++) {
            const struct hm_range row = stack->runtime.at[k];

            if (row.first == row.last && is_wanted(b, stack->protocol, row.first)) {
                put(b, HM_REFUSE_UNSAFE, stack->protocol, hm_plan_one(b, row), TEXT_RESERVER);
            }
        }
    }
}

/* What settings or the host itself showed before. */
static void find_hazards_of_memory(struct hm_plan_build *b)
{
    const struct hm_port_hazards *list = b->input->remembered;

    for (size_t i = 0; list != NULL && i < list->count; i++) {
        const struct hm_port_hazard *row = &list->at[i];
        const bool forbids = hm_kind_forbids_exclusion(row->kind);

        if (is_wanted(b, row->protocol, row->port) && (row->lasts || b->input->settings_unread)) {
            put(b, forbids ? codes[row->kind] : HM_REFUSE_UNSAFE, row->protocol,
                hm_plan_one(b, (struct hm_range){row->port, row->port}),
                !row->lasts ? hm_plan_print(b, TEXT_SET_UP_BEFORE, row->how)
                : forbids   ? hm_plan_print(b, TEXT_SHOWN_BEFORE, row->how)
                            : TEXT_RESERVED_BEFORE);
        }
    }
}

void hm_plan_find_hazards(struct hm_plan_build *b)
{
    const struct hm_catalogue *catalogue = b->input->catalogue;

    find_listeners(b);
    find_configured(b, true);
    find_configured(b, false);
    for (size_t i = 0; b->status == HM_OK && catalogue != NULL && i < catalogue->count; i++) {
        find_in_product(b, &catalogue->at[i]);
    }
    find_remembered(b);
    find_hazards_of_memory(b);
    find_reservers(b);
    find_unknown(b);
}
