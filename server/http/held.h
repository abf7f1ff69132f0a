/* server/http/held.h — tickets of held requests: woken once, by whoever comes first.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A ticket has two holders: the owner, who ends with hm_ticket_wake or hm_ticket_drop, and the
 * server side that made it, which ends with hm_ticket_unref. State: FRESH while the handler
 * still runs, HELD once the connection sleeps, WOKEN for good after that. Only the step from
 * HELD to WOKEN calls rouse, so it is called once, and only while the request lives.
 * Threads: all functions may be called from any thread. */
#pragma once

#include <stdatomic.h>

#include "server/http/http.h"
#include "server/http/timers.h"

enum hm_ticket_state { HM_TICKET_FRESH, HM_TICKET_HELD, HM_TICKET_WOKEN };

struct hm_ticket {
    atomic_uint refs;
    atomic_int state;
    void (*rouse)(void *holder); /* brings the sleeping request back to its worker */
    void *holder;
    hm_handler *resume;
    int64_t timeout_ms;
    struct hm_timer timer;
};

/* Two references: the owner's and the caller's. NULL when there is no memory. */
struct hm_ticket *hm_ticket_new(void (*rouse)(void *holder), void *holder, hm_handler *resume,
                                int64_t timeout_ms);

void hm_ticket_ref(struct hm_ticket *ticket);
void hm_ticket_unref(struct hm_ticket *ticket);

/* FRESH becomes HELD; false when it was woken already: the caller goes on at once. */
bool hm_ticket_settle(struct hm_ticket *ticket);

/* As hm_ticket_wake, but keeps the reference: for time-out and stop. */
void hm_ticket_rouse(struct hm_ticket *ticket);

bool hm_ticket_is_woken(const struct hm_ticket *ticket);
