/* common/judge/need.c — which requirements count on a host: the catalogue's and the observed.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/need.h"

#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"

struct list {
    struct hm_needs needs;
    size_t cap;
    size_t observed;
    struct hm_arena *arena;
    struct hm_err *err;
};

/* Windows' own RPC servers: their port in the dynamic range is given, not required. */
static const char *const rpc_programs[] = {
    "certsrv.exe", "dfsrs.exe",    "dns.exe",     "ismserv.exe", "lsass.exe",   "msdtc.exe",
    "ntfrs.exe",   "services.exe", "spoolsv.exe", "svchost.exe", "wininit.exe",
};

static bool has_names(const struct hm_detect *detect)
{
    return detect->always || detect->services.count > 0 || detect->programs.count > 0;
}

static struct hm_need *put(struct list *list)
{
    struct hm_need *need;

    if (hm_arena_grow(list->arena, (void **)&list->needs.at, list->needs.count, &list->cap,
                      sizeof(*list->needs.at)) != 0) {
        return NULL;
    }
    need = &list->needs.at[list->needs.count++];
    memset(need, 0, sizeof(*need));
    return need;
}

static bool fits_os(const struct hm_facts *facts, const struct hm_strings *os)
{
    const char *family = hm_os_family_names[facts->inventory->os.family];

    for (size_t i = 0; i < os->count; i++) {
        if (hm_str_equal_nocase(os->at[i], family)) {
            return true;
        }
    }
    return os->count == 0;
}

/* An optional requirement counts once its owner shows on one of the ports. */
static bool owner_listens(const struct hm_facts *facts, const struct hm_need *need)
{
    const struct hm_requirement *requirement = need->requirement;
    struct hm_port_cursor cursor = {0, 0, 0};
    const struct hm_listener *listener;

    while ((listener = hm_facts_next_listener(facts, requirement->protocol, requirement->ports,
                                              &cursor)) != NULL) {
        if (hm_need_owner(facts, need, listener->program, listener->service, HM_SOCKET_LISTEN) ==
            HM_OWNER_SELF) {
            return true;
        }
    }
    return false;
}

static bool applies(const struct hm_facts *facts, const struct hm_need *need)
{
    const struct hm_requirement *requirement = need->requirement;
    bool named = has_names(&requirement->detect);

    if (named && hm_facts_detect(facts, &requirement->detect)) {
        return true;
    }
    return requirement->optional ? owner_listens(facts, need) : !named;
}

static enum hm_status put_product(struct hm_facts *facts, const struct hm_product *product,
                                  struct list *list)
{
    for (size_t i = 0; i < product->requirements.count; i++) {
        const struct hm_requirement *requirement = &product->requirements.at[i];
        struct hm_need need = {.product = product, .requirement = requirement};
        struct hm_need *kept;

        if (!applies(facts, &need)) {
            continue;
        }
        if (list->needs.count >= HM_LIMIT_VERDICTS - HM_NEEDS_OBSERVED_MAX) {
            return hm_fail(list->err, HM_ETOOBIG,
                           "more than %u requirements of the catalogue fit one host",
                           HM_LIMIT_VERDICTS - HM_NEEDS_OBSERVED_MAX);
        }
        kept = put(list);
        if (kept == NULL) {
            return hm_fail(list->err, HM_ENOMEM, "no memory for the requirements of a host");
        }
        kept->product = product;
        kept->requirement = requirement;
        kept->families = requirement->families;
        hm_portbits_put_ports(facts->required[requirement->protocol], requirement->ports);
    }
    return HM_OK;
}

/* Is this listener a port that its program was given, rather than one that it needs? */
static bool is_given(const struct hm_facts *facts, const struct hm_listener *listener)
{
    if (listener->kind == HM_KIND_RPC) {
        return true;
    }
    if (listener->protocol == HM_UDP) {
        return hm_str_equal(listener->service, ""); /* a client's socket */
    }
    for (size_t i = 0; !facts->linux_host && i < HM_COUNT(rpc_programs); i++) {
        if (hm_str_equal_nocase(listener->program, rpc_programs[i])) {
            return true;
        }
    }
    return false;
}

static const char *name_of(const struct hm_listener *listener)
{
    if (!hm_str_equal(listener->service, "")) {
        return listener->service;
    }
    return hm_str_equal(listener->program, "") ? "" : listener->program;
}

static struct hm_strings one_name(const char *name, struct hm_arena *arena)
{
    struct hm_strings names = {NULL, 0};

    if (!hm_str_equal(name, "")) {
        names.at = hm_arena_alloc(arena, 1, sizeof(*names.at));
    }
    if (names.at != NULL) {
        names.at[names.count++] = name;
    }
    return names;
}

static enum hm_families only(enum hm_family family)
{
    return family == HM_IPV4 ? HM_FAMILIES_IPV4 : HM_FAMILIES_IPV6;
}

static enum hm_status put_observed(struct list *list, const struct hm_listener *listener)
{
    struct hm_arena *arena = list->arena;
    const char *name = name_of(listener);
    struct hm_requirement *made = hm_arena_alloc(arena, 1, sizeof(*made));
    struct hm_range *range = hm_arena_alloc(arena, 1, sizeof(*range));
    struct hm_need *need = put(list);

    if (made == NULL || range == NULL || need == NULL) {
        return hm_fail(list->err, HM_ENOMEM, "no memory for the listeners of a host");
    }
    *range = (struct hm_range){listener->port, listener->port};
    *made = (struct hm_requirement){
        .id = hm_arena_printf(arena, "%s-%u", hm_protocol_names[listener->protocol],
                              (unsigned)listener->port),
        .title =
            name[0] == '\0' ? "unknown program" : hm_arena_printf(arena, "%s (observed)", name),
        .protocol = listener->protocol,
        .families = only(listener->family),
        .ports = {range,                                  1     },
        .kind = listener->kind,
        .detect = { .services = one_name(listener->service, arena),
                  .programs = one_name(listener->program, arena)},
        .safe_to_exclude = HM_EXCLUDE_WHEN_STOPPED, /* it listens, so its port is busy */
        .source = "observed on the host",
        .confidence = HM_CONF_INFERRED,
    };
    if (made->id == NULL || made->title == NULL) {
        return hm_fail(list->err, HM_ENOMEM, "no memory for the listeners of a host");
    }
    need->requirement = made;
    need->families = made->families;
    list->observed++;
    return HM_OK;
}

/* The need already made of another listener of the same program on the same port. */
static struct hm_need *find_same(struct list *list, const struct hm_listener *listener)
{
    for (size_t i = list->needs.count; i > list->needs.count - list->observed; i--) {
        struct hm_need *need = &list->needs.at[i - 1];
        const struct hm_detect *detect = &need->requirement->detect;
        const char *program = detect->programs.count > 0 ? detect->programs.at[0] : "";
        const char *service = detect->services.count > 0 ? detect->services.at[0] : "";

        if (need->requirement->protocol != listener->protocol ||
            need->requirement->ports.at[0].first != listener->port) {
            return NULL; /* listeners come by port */
        }
        if (hm_str_equal(program, listener->program) && hm_str_equal(service, listener->service)) {
            return need;
        }
    }
    return NULL;
}

static enum hm_status observe(const struct hm_facts *facts, struct list *list)
{
    for (size_t i = 0; i < facts->listeners.count; i++) {
        const struct hm_listener *listener =
            &facts->inventory->listeners.at[facts->listeners.at[i].at];
        const struct hm_stack_facts *stack =
            hm_facts_stack(facts, listener->protocol, listener->family);
        struct hm_need *same;
        enum hm_status st = HM_OK;

        if (!stack->has_dynamic || !hm_range_contains(stack->dynamic, listener->port) ||
            hm_portbits_has(facts->required[listener->protocol], listener->port) ||
            is_given(facts, listener)) {
            continue;
        }
        same = find_same(list, listener);
        if (same != NULL) {
            if (same->families != only(listener->family)) {
                same->families = HM_FAMILIES_BOTH;
            }
        } else if (list->observed >= HM_NEEDS_OBSERVED_MAX) {
            list->needs.unjudged++;
        } else {
            st = put_observed(list, listener);
        }
        if (st != HM_OK) {
            return st;
        }
    }
    return HM_OK;
}

enum hm_status hm_needs_list(struct hm_facts *facts, struct hm_arena *arena,
                             struct hm_needs *out_needs, struct hm_err *err)
{
    const struct hm_catalogue *catalogue = facts->input->catalogue;
    struct list list = {.arena = arena, .err = err};
    size_t count = catalogue == NULL ? 0 : catalogue->count;
    enum hm_status st = HM_OK;

    facts->present = hm_arena_alloc(arena, count, sizeof(*facts->present));
    if (facts->present == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the products of a host");
    }
    for (size_t i = 0; i < count; i++) {
        const struct hm_product *product = &catalogue->at[i];

        if (fits_os(facts, &product->os) && hm_facts_detect(facts, &product->detect)) {
            facts->present[facts->present_count++] = product;
            list.cap += product->requirements.count;
        }
    }
    list.cap = list.cap > HM_LIMIT_VERDICTS ? HM_LIMIT_VERDICTS : list.cap;
    list.needs.at = hm_arena_alloc(arena, list.cap, sizeof(*list.needs.at));
    if (list.needs.at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the requirements of a host");
    }
    for (size_t i = 0; i < facts->present_count && st == HM_OK; i++) {
        st = put_product(facts, facts->present[i], &list);
    }
    if (st == HM_OK) {
        st = observe(facts, &list);
    }
    if (st == HM_OK) {
        *out_needs = list.needs;
    }
    return st;
}
