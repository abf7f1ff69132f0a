/* server/http/held.c — tickets of held requests: woken once, by whoever comes first.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/http/held.h"

#include <stdlib.h>

struct hm_ticket *hm_ticket_new(void (*rouse)(void *holder), void *holder, hm_handler *resume,
                                int64_t timeout_ms)
{
    struct hm_ticket *ticket = calloc(1, sizeof(*ticket));

    if (ticket == NULL) {
        return NULL;
    }
    atomic_init(&ticket->refs, 2);
    atomic_init(&ticket->state, HM_TICKET_FRESH);
    ticket->rouse = rouse;
    ticket->holder = holder;
    ticket->resume = resume;
    ticket->timeout_ms = timeout_ms;
    return ticket;
}

void hm_ticket_ref(struct hm_ticket *ticket)
{
    (void)atomic_fetch_add_explicit(&ticket->refs, 1, memory_order_relaxed);
}

void hm_ticket_unref(struct hm_ticket *ticket)
{
    if (atomic_fetch_sub_explicit(&ticket->refs, 1, memory_order_acq_rel) == 1) {
        free(ticket);
    }
}

bool hm_ticket_settle(struct hm_ticket *ticket)
{
    int fresh = HM_TICKET_FRESH;

    return atomic_compare_exchange_strong(&ticket->state, &fresh, HM_TICKET_HELD);
}

void hm_ticket_rouse(struct hm_ticket *ticket)
{
    if (atomic_exchange(&ticket->state, HM_TICKET_WOKEN) == HM_TICKET_HELD) {
        ticket->rouse(ticket->holder);
    }
}

bool hm_ticket_is_woken(const struct hm_ticket *ticket)
{
    return atomic_load(&ticket->state) == HM_TICKET_WOKEN;
}

void hm_ticket_wake(struct hm_ticket *ticket)
{
    if (ticket != NULL) {
        hm_ticket_rouse(ticket);
        hm_ticket_unref(ticket);
    }
}

void hm_ticket_drop(struct hm_ticket *ticket)
{
    if (ticket != NULL) {
        hm_ticket_unref(ticket);
    }
}
