/* common/judge/need_doubt.c — a service ended with the error of a bind, and nothing shows why.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Whatever kept it from its port may do so again: a reservation that no list shows (error 10013;
 * windows-ports.md 2.9), a holder that comes and goes, or a port that its configuration says and
 * the catalogue does not. Nobody may call that safe. Nor a port that a product which runs did not
 * get since the boot, and on which it is not seen, or on another address only: it is not served.
 * Nor a port that is an assumption, as a setting of the host says it, which was not gathered, or
 * one that another instance is set up for, too. */
#include "common/judge/need_served.h"

#include <string.h>

#include "common/base/str.h"
#include "common/judge/port_errors.h"
#include "common/judge/service_events.h"

/* The need's service that is down by such an error; NULL when there is none. */
static const struct hm_service *find_failed(const struct hm_facts *facts,
                                            const struct hm_need *need)
{
    const struct hm_service *service;
    struct hm_port_failure failure;
    size_t at = 0;
    uint16_t port;

    while (!need->requirement->starts_without &&
           (service = hm_need_next_down(facts, need, false, &at)) != NULL) {
        if (hm_port_failure_of(facts, service, &failure) &&
            (failure.event == NULL || failure.error != NULL ||
             !hm_service_event_port(failure.event, &port) ||
             hm_ports_contains(need->verdict.ports, port))) {
            return service;
        }
    }
    return NULL;
}

static bool is_of(const struct hm_facts *facts, const struct hm_need *need,
                  const struct hm_service *wanted)
{
    const struct hm_service *service;
    size_t at = 0;

    while ((service = hm_need_next_down(facts, need, false, &at)) != NULL) {
        if (service == wanted) {
            return true;
        }
    }
    return false;
}

/* What the other requirements of the service say. */
struct others {
    bool explain; /* one is at risk: that was its port */
    bool need_it; /* one is not optional */
};

static struct others look_at_others(const struct hm_facts *facts, const struct hm_needs *needs,
                                    const struct hm_service *service)
{
    struct others others = {false, false};

    for (size_t i = 0; i < needs->count; i++) {
        const struct hm_need *need = &needs->at[i];

        if (!need->requirement->starts_without && is_of(facts, need, service)) {
            others.explain =
                others.explain || (need->verdict.state != HM_SAFE && need->unexplained == NULL &&
                                   need->unserved == NULL);
            others.need_it = others.need_it || !need->requirement->optional;
        }
    }
    return others;
}

/* An event of SQL Server that names no port: a named instance may mean one of its own; another
 * event may name the port; and where the product listens on another port, this one may be unused.
 */
static bool may_mean(const struct hm_facts *facts, const struct hm_needs *needs,
                     const struct hm_need *need, const struct hm_event_count *event)
{
    const struct hm_event_counts *events = facts->input->events;
    const struct hm_event_place anywhere = {.has_port = false};
    bool may = strchr(event->provider, '$') == NULL;
    uint16_t port;

    for (size_t i = 0; i < events->count; i++) {
        may = may && !(hm_str_equal_nocase(events->at[i].provider, event->provider) &&
                       hm_service_event_port(&events->at[i], &port));
    }
    for (size_t i = 0; i < needs->count; i++) {
        may = may && (needs->at[i].product != need->product ||
                      needs->at[i].verdict.protocol != need->verdict.protocol ||
                      !hm_need_serves(facts, &needs->at[i], &anywhere));
    }
    return may;
}

/* Does the event say that the need's product did not get one of its ports? */
static bool is_refused(const struct hm_facts *facts, const struct hm_needs *needs,
                       const struct hm_need *need, const struct hm_event_count *event)
{
    const struct hm_service_event *row = hm_service_event_find(event->provider, event->id);
    const struct hm_event_place place = hm_service_event_place(event);

    if (row == NULL || !(need->verdict.protocol == HM_TCP ? row->no_tcp : row->no_udp) ||
        (place.has_port && !hm_ports_contains(need->verdict.ports, place.port)) ||
        hm_need_serves(facts, need, &place)) {
        return false;
    }
    if (row->kind == HM_KIND_HTTPSYS) {
        return place.has_port && need->verdict.kind == HM_KIND_HTTPSYS &&
               !hm_httpsys_lost_address(facts, &place);
    }
    if ((need->requirement->optional && !place.has_port) ||
        !hm_str_equal(row->product, need->product->id)) {
        return false;
    }
    return !row->by_port || place.has_port || may_mean(facts, needs, need, event);
}

/* An event since the boot by which the product does not serve the need's ports, or not on all of
 * its addresses; NULL when it is seen there, or the service is down: that has other findings. */
static const struct hm_event_count *
find_refused(const struct hm_facts *facts, const struct hm_needs *needs, const struct hm_need *need)
{
    const struct hm_event_counts *events = facts->input->events;

    if (events == NULL || need->product == NULL || !facts->inventory->has_listeners ||
        hm_need_runs(facts, need) == HM_RUNS_NO) {
        return NULL;
    }
    for (size_t i = 0; i < events->count; i++) {
        if (is_refused(facts, needs, need, &events->at[i])) {
            return &events->at[i];
        }
    }
    return NULL;
}

static enum hm_status doubt(const struct hm_facts *facts, struct hm_need *need,
                            const struct hm_service *service, const struct hm_event_count *event,
                            struct hm_arena *arena, struct hm_err *err)
{
    struct hm_verdict *verdict = &need->verdict;
    const enum hm_verdict_reason reason =
        need->requirement->port_doubt != NULL || need->unread_port || need->unset.service != NULL
            ? HM_REASON_PORT_UNKNOWN
            : HM_REASON_FACTS_MISSING;
    struct hm_strings families = {hm_arena_alloc(arena, 2, sizeof(*families.at)), 0};
    struct hm_event_place place;

    if (families.at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for a verdict");
    }
    for (unsigned i = 0; i < 2; i++) {
        struct hm_need_stack *stack = &need->stacks[i];

        if (stack->judged) {
            stack->state = HM_UNKNOWN;
            stack->reason = reason;
            stack->at_risk = need->requirement->ports;
            families.at[families.count++] = hm_family_names[i];
        }
    }
    verdict->families = families;
    verdict->state = HM_UNKNOWN;
    verdict->reason = reason;
    verdict->at_risk = need->requirement->ports;
    verdict->has_after_boot = false;
    need->unexplained = service;
    need->unserved = event;
    if (event == NULL) {
        return HM_OK;
    }
    place = hm_service_event_place(event);
    need->missed_on =
        place.has_address ? hm_arena_strndup(arena, place.address.at, place.address.len) : "";
    return need->missed_on == NULL
               ? hm_fail(err, HM_ENOMEM, "no memory for a verdict")
               : hm_need_serves_elsewhere(facts, need, arena, &need->served_on, err);
}

/* An instance that runs elsewhere is not blocked on the port of its number either. */
static bool has_unread_port(const struct hm_need *need)
{
    const struct hm_requirement *requirement = need->requirement;

    return requirement->port_unread != NULL &&
           (need->verdict.state == HM_SAFE
                ? !requirement->port_idle
                : need->verdict.state == HM_BLOCKED &&
                      (requirement->has_numbered || requirement->when_down));
}

/* Remote Desktop may be switched off: then its service runs and listens for nobody. */
static bool may_be_off(const struct hm_facts *facts, const struct hm_need *need)
{
    const struct hm_event_place anywhere = {.has_port = false};

    return need->product != NULL && need->requirement->port_from == HM_BY_RDP_PORT &&
           need->verdict.state == HM_BLOCKED && need->verdict.has_holder &&
           need->verdict.holder.state != HM_SOCKET_LISTEN &&
           hm_need_runs(facts, need) == HM_RUNS_YES && !hm_need_serves(facts, need, &anywhere);
}

enum hm_status hm_needs_doubt(const struct hm_facts *facts, struct hm_needs *needs,
                              struct hm_arena *arena, struct hm_err *err)
{
    enum hm_status st = HM_OK;

    for (size_t i = 0; !facts->input->foretells && i < needs->count && st == HM_OK; i++) {
        struct hm_need *need = &needs->at[i];
        const struct hm_service *service =
            need->verdict.state == HM_SAFE ? find_failed(facts, need) : NULL;
        const struct hm_event_count *event;
        struct others others;

        need->unread_port = has_unread_port(need);
        need->unsure = need->unsure || may_be_off(facts, need);
        need->clash = need->verdict.state == HM_SAFE ? hm_need_clash(facts, need, NULL) : NULL;
        event = service == NULL && need->verdict.state == HM_SAFE ? find_refused(facts, needs, need)
                                                                  : NULL;
        need->unset = service == NULL && event == NULL ? hm_need_unset(facts, need)
                                                       : (struct hm_unset){.service = NULL};
        if (need->requirement->port_doubt != NULL || need->unread_port ||
            need->unset.service != NULL || need->clash != NULL || need->unsure) {
            st = doubt(facts, need, NULL, NULL, arena, err);
            continue;
        }
        if (service == NULL) {
            st = event == NULL ? HM_OK : doubt(facts, need, NULL, event, arena, err);
            continue;
        }
        others = look_at_others(facts, needs, service);
        if (!others.explain && (!need->requirement->optional || !others.need_it)) {
            st = doubt(facts, need, service, NULL, arena, err);
        }
    }
    return st;
}
