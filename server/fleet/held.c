/* server/fleet/held.c — requests that wait for a new desired state, and waking them in measure.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/fleet/shard.h"

#define WAKES_BURST 500 /* at most so many at once: what follows is as many requests */

struct hm_ticket *hm_fleet_unlink(struct hm_fleet_host *host)
{
    struct hm_fleet_shard *shard = host->shard;
    struct hm_ticket *ticket = host->ticket;

    if (ticket == NULL) {
        return NULL;
    }
    if (host->held_previous != NULL) {
        host->held_previous->held_next = host->held_next;
    } else {
        shard->held_first = host->held_next;
    }
    if (host->held_next != NULL) {
        host->held_next->held_previous = host->held_previous;
    } else {
        shard->held_last = host->held_previous;
    }
    host->held_next = NULL;
    host->held_previous = NULL;
    host->ticket = NULL;
    shard->held_count--;
    return ticket;
}

static void link_first(struct hm_fleet_host *host, struct hm_ticket *ticket)
{
    struct hm_fleet_shard *shard = host->shard;

    host->ticket = ticket;
    host->held_at = HM_FLEET_WANTED;
    host->held_next = shard->held_first;
    if (shard->held_first != NULL) {
        shard->held_first->held_previous = host;
    } else {
        shard->held_last = host;
    }
    shard->held_first = host;
    shard->held_count++;
}

static void link_last(struct hm_fleet_host *host, struct hm_ticket *ticket, uint64_t round)
{
    struct hm_fleet_shard *shard = host->shard;

    host->ticket = ticket;
    host->held_at = round;
    host->held_previous = shard->held_last;
    if (shard->held_last != NULL) {
        shard->held_last->held_next = host;
    } else {
        shard->held_first = host;
    }
    shard->held_last = host;
    shard->held_count++;
}

void hm_fleet_hold(struct hm_fleet *fleet, struct hm_fleet_host *host, struct hm_ticket *ticket)
{
    struct hm_fleet_shard *shard = host->shard;
    struct hm_ticket *before;

    pthread_mutex_lock(&shard->lock);
    before = hm_fleet_unlink(host);
    link_last(host, ticket, atomic_load(&fleet->round));
    pthread_mutex_unlock(&shard->lock);
    if (before != NULL) {
        hm_ticket_wake(before);
    }
}

bool hm_fleet_release(struct hm_fleet *fleet, struct hm_fleet_host *host, struct hm_ticket *ticket)
{
    bool mine;

    (void)fleet;
    pthread_mutex_lock(&host->shard->lock);
    mine = host->ticket == ticket && ticket != NULL;
    if (mine) {
        (void)hm_fleet_unlink(host);
    }
    pthread_mutex_unlock(&host->shard->lock);
    return mine;
}

void hm_fleet_wake_all(struct hm_fleet *fleet)
{
    atomic_fetch_add(&fleet->round, 1);
}

void hm_fleet_wake(struct hm_fleet *fleet, const char *agent_id)
{
    struct hm_fleet_shard *shard = hm_fleet_shard_of(fleet, agent_id);
    struct hm_fleet_host *host;
    bool held;

    pthread_mutex_lock(&shard->lock);
    host = hm_fleet_find(shard, agent_id);
    held = host != NULL && host->ticket != NULL;
    if (held && host->held_at != HM_FLEET_WANTED) {
        link_first(host, hm_fleet_unlink(host));
    }
    pthread_mutex_unlock(&shard->lock);
    if (held) {
        atomic_fetch_add(&fleet->wanted, 1);
    }
}

/* Wakes up to most tickets of this shard that are wanted or came before round. */
static unsigned wake_shard(struct hm_fleet_shard *shard, uint64_t round, unsigned most)
{
    unsigned count = 0;

    while (count < most) {
        struct hm_ticket *ticket = NULL;

        pthread_mutex_lock(&shard->lock);
        if (shard->held_first != NULL && shard->held_first->held_at < round) {
            ticket = hm_fleet_unlink(shard->held_first);
        }
        pthread_mutex_unlock(&shard->lock);
        if (ticket == NULL) {
            break;
        }
        hm_ticket_wake(ticket);
        count++;
    }
    return count;
}

void hm_fleet_pace(struct hm_fleet *fleet, int64_t monotonic_ms)
{
    uint64_t round = atomic_load(&fleet->round);
    uint64_t wanted = atomic_load(&fleet->wanted);

    pthread_mutex_lock(&fleet->pace_lock);
    if (monotonic_ms > fleet->paced_ms) {
        int64_t passed_ms = monotonic_ms - fleet->paced_ms;

        fleet->wakes += (double)passed_ms * HM_FLEET_WAKES_A_SECOND / 1000.0;
        fleet->wakes = fleet->wakes < WAKES_BURST ? fleet->wakes : WAKES_BURST;
        fleet->paced_ms = monotonic_ms;
    }
    if (fleet->paced_round != round || fleet->paced_wanted != wanted) {
        for (size_t i = 0; i < HM_FLEET_SHARDS && fleet->wakes >= 1; i++) {
            fleet->wakes -= wake_shard(&fleet->shards[i], round, (unsigned)fleet->wakes);
        }
        if (fleet->wakes >= 1) { /* none left that is older */
            fleet->paced_round = round;
            fleet->paced_wanted = wanted;
        }
    }
    pthread_mutex_unlock(&fleet->pace_lock);
}
