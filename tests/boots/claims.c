/* tests/boots/claims.c — services that lost a port in a boot, and what the report before it said.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/boots/boots.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define EVENTS_MS INT64_C(300000) /* by then the event log can be read */
#define CLAIM_PORTS_MAX 4096u     /* a verdict about more is about none of them alone */

/* Or an exclusion that stood there before the agent did anything. */
static bool is_ours(const struct boots_sequence *sequence, const struct hm_boot_item *item)
{
    return boots_has(&sequence->ever, hm_stack_index(item->protocol, HM_IPV4), item->port) ||
           boots_has(&sequence->ever, hm_stack_index(item->protocol, HM_IPV6), item->port);
}

/* In a family that it asks for: another program may have the same port in the other one. */
static bool was_called_safe(const struct boots_sequence *sequence, const struct hm_boot_item *item)
{
    bool called = false;

    for (unsigned family = 0; family < 2; family++) {
        called = called ||
                 (item->in[family] &&
                  boots_has(&sequence->safe, hm_stack_index(item->protocol, (enum hm_family)family),
                            item->port));
    }
    return called;
}

/* Services that did not get a port in this boot: not by us, and nobody had called the port safe. */
static void check_failed(struct boots_sequence *sequence)
{
    size_t count;
    const struct hm_boot_item *items = hm_boot_items(sequence->boot, &count);

    for (size_t i = 0; i < count; i++) {
        const struct hm_boot_item *item = &items[i];

        if (!item->is_listener || item->state != HM_BOOT_FAILED) {
            continue;
        }
        sequence->counts->failed++;
        if (sequence->options->is_verbose) {
            printf("%s --seed %" PRIu64 ", boot %u: %s lost %s port %u to a %s, which was %s\n",
                   sequence->host->name, sequence->seed, sequence->number, item->service,
                   hm_protocol_names[item->protocol], item->port,
                   item->cause == HM_BOOT_BLOCK ? "block" : "socket",
                   was_called_safe(sequence, item) ? "called safe" : "not called safe");
        }
        if (item->cause == HM_BOOT_EXCLUDED &&
            boots_has(&sequence->limit, item->protocol, item->port)) {
            if (sequence->looked_ms < item->at_ms + EVENTS_MS || sequence->is_denied) {
                continue; /* no agent could know, or undo it */
            }
            sequence->limit.at[item->protocol][item->port / 64] &=
                ~((uint64_t)1 << item->port % 64);
        } else if (item->cause == HM_BOOT_EXCLUDED && is_ours(sequence, item)) {
            sequence->counts->broken++;
            boots_breach(sequence, "%s does not serve %s port %u: it is excluded", item->service,
                         hm_protocol_names[item->protocol], item->port);
        }
        if (was_called_safe(sequence, item)) {
            boots_breach(sequence,
                         "%s (%s) lost %s port %u to a %s, and the report before the "
                         "boot called it safe",
                         item->service, item->program, hm_protocol_names[item->protocol],
                         item->port, item->cause == HM_BOOT_BLOCK ? "block" : "socket");
        } else {
            sequence->counts->claims++;
        }
    }
}

static void claim(struct boots_sequence *sequence, const struct hm_verdict *verdict)
{
    for (size_t i = 0; i < verdict->families.count; i++) {
        const enum hm_family family =
            strcmp(verdict->families.at[i], hm_family_names[HM_IPV6]) == 0 ? HM_IPV6 : HM_IPV4;

        boots_put(&sequence->claims, hm_stack_index(verdict->protocol, family), verdict->ports);
    }
}

void boots_take_claims(struct boots_sequence *sequence)
{
    const struct hm_verdicts *verdicts = &sequence->agent->judgement.verdicts;

    memset(&sequence->claims, 0, sizeof(sequence->claims));
    for (size_t i = 0; i < verdicts->count; i++) {
        const struct hm_verdict *verdict = &verdicts->at[i];

        if (verdict->state == HM_SAFE && !verdict->has_after_boot &&
            hm_ports_count(verdict->ports) <= CLAIM_PORTS_MAX) {
            claim(sequence, verdict);
        }
    }
    for (size_t i = 0; i < verdicts->count; i++) { /* what another says of the port counts, too */
        const struct hm_verdict *verdict = &verdicts->at[i];

        for (size_t k = 0; verdict->state != HM_SAFE && k < verdict->ports.count; k++) {
            for (uint32_t port = verdict->ports.at[k].first; port <= verdict->ports.at[k].last;
                 port++) {
                for (unsigned family = 0; family < 2; family++) {
                    sequence->claims
                        .at[hm_stack_index(verdict->protocol, (enum hm_family)family)][port / 64] &=
                        ~((uint64_t)1 << port % 64);
                }
            }
        }
    }
}

void boots_check_end(struct boots_sequence *sequence)
{
    hm_boot_advance(sequence->boot, boots_uptime_ms(sequence));
    check_failed(sequence);
    sequence->counts->early += sequence->was_early ? 1u : 0u;
    sequence->safe = sequence->claims;
}
