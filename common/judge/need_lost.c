/* common/judge/need_lost.c — a product that runs says that it did not get a port, and another
 * program is seen to have it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Then that program is no part of the product. An event that names an address is about that one:
 * the product may be seen on others. */
#include "common/judge/need_served.h"

#include <string.h>

#include "common/base/str.h"
#include "common/judge/port_errors.h"
#include "common/judge/service_events.h"
#include "common/ports/line.h"

#define ADDRESS_SHOWN_BYTES 64u

/* Did the service manager see a service of the need end with the error of a bind? Which of its
 * ports it was is not said: not one of a part that few set-ups use. */
static bool service_ended(const struct hm_facts *facts, const struct hm_need *need,
                          const struct hm_event_count *event)
{
    const struct hm_port_error *error = hm_port_error_find(facts, event->error);

    return error != NULL && error->certain && !need->requirement->optional &&
           !hm_str_equal(event->about, "") && hm_detect_owns(hm_need_names(need), "", event->about);
}

/* A named instance, and a part that few set-ups use, may mean another port when none is named. */
static bool means_need(const struct hm_need *need, const struct hm_event_count *event)
{
    return strchr(event->provider, '$') == NULL && !need->requirement->optional;
}

static bool says_lost(const struct hm_facts *facts, const struct hm_need *need,
                      enum hm_family family, const struct hm_holder *holder,
                      const struct hm_event_count *event)
{
    const struct hm_service_event *row = hm_service_event_find(event->provider, event->id);
    const bool is_tcp = need->requirement->protocol == HM_TCP;
    struct hm_event_place place;

    if (row == NULL || row->kind == HM_KIND_HTTPSYS) {
        return false;
    }
    if (row->failed) {
        return service_ended(facts, need, event);
    }
    if (!(is_tcp ? row->no_tcp : row->no_udp) || !hm_str_equal(row->product, need->product->id)) {
        return false;
    }
    place = hm_service_event_place(event);
    if (!place.has_port && !means_need(need, event)) {
        return false;
    }
    if (place.has_port && place.port != holder->port) {
        return false;
    }
    place.has_port = true;
    place.port = holder->port;
    return !hm_need_serves(facts, need, &place) && hm_holder_has_place(family, holder, &place);
}

const struct hm_event_count *hm_need_lost_to(const struct hm_facts *facts,
                                             const struct hm_need *need, enum hm_family family,
                                             const struct hm_holder *holder)
{
    const struct hm_event_counts *events = facts->input->events;

    if (events == NULL || facts->input->foretells || need->product == NULL ||
        holder->state != HM_SOCKET_LISTEN || !facts->inventory->has_listeners ||
        hm_need_runs(facts, need) == HM_RUNS_NO) {
        return NULL;
    }
    for (size_t i = 0; i < events->count; i++) {
        if (says_lost(facts, need, family, holder, &events->at[i])) {
            return &events->at[i];
        }
    }
    return NULL;
}

bool hm_event_names_address(const struct hm_event_count *event)
{
    const struct hm_service_event *row = hm_service_event_find(event->provider, event->id);

    return row != NULL && !row->failed && hm_service_event_place(event).has_address;
}

void hm_need_put_lost(const struct hm_event_count *event, struct hm_line *line)
{
    const struct hm_event_place place = hm_service_event_place(event);
    char address[ADDRESS_SHOWN_BYTES];

    hm_line_put(line, event->provider);
    hm_line_put(line, " ");
    hm_line_put_u32(line, event->id);
    hm_line_put(line, " says since the boot that ");
    hm_line_put(line, hm_service_event_find(event->provider, event->id)->says);
    if (event->error != 0) {
        hm_line_put(line, " (");
        hm_line_put_u32(line, event->error);
        hm_line_put(line, ")");
    }
    hm_line_put(line, ", and the product, which runs, does not serve it");
    if (hm_event_names_address(event) && place.address.len < sizeof(address)) {
        memcpy(address, place.address.at, place.address.len);
        address[place.address.len] = '\0';
        hm_line_put(line, " on ");
        hm_line_put(line, address);
    }
}

/* Is one of the need's own services a part of Windows, by the program that it runs in? */
static bool is_of_windows(const struct hm_facts *facts, const struct hm_need *need)
{
    const struct hm_services *details = &facts->inventory->service_details;
    const struct hm_detect *names = hm_need_names(need);

    for (size_t i = 0; i < details->count; i++) {
        if (hm_detect_owns(names, "", details->at[i].name) &&
            !hm_str_equal(details->at[i].program, "")) {
            return hm_need_is_system_program(details->at[i].program);
        }
    }
    return names->programs.count > 0 && hm_need_is_system_program(names->programs.at[0]);
}

bool hm_need_has_no_parts(const struct hm_facts *facts, const struct hm_need *need)
{
    return need->requirement->ports_by != NULL && !need->requirement->optional &&
           is_of_windows(facts, need);
}
