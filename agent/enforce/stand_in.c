/* agent/enforce/stand_in.c — in place of a policy that cannot be read now: what it added stays.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/enforce/stand_in.h"

#include <string.h>

/* All of its texts but name are of no use here; hm_policy_check wants some. */
struct stand_in {
    struct hm_policy policy;
    struct hm_reservation reservations[HM_STACK_COUNT];
    struct hm_policy_range ranges[2]; /* by protocol */
    const char *hosts[1];
};

bool hm_ledger_names(const struct hm_ledger *ledger, const char *policy)
{
    const struct hm_owned_list *lists[] = {&ledger->reserved_ports.owned, &ledger->sysctl.owned};
    const bool there[] = {ledger->has_reserved_ports, ledger->has_sysctl};
    bool has = false;

    for (size_t i = 0; i < ledger->exclusions.count; i++) {
        has = has || strcmp(ledger->exclusions.at[i].policy, policy) == 0;
    }
    for (size_t i = 0; i < ledger->ranges.count; i++) {
        has = has || strcmp(ledger->ranges.at[i].policy, policy) == 0;
    }
    has = has ||
          (ledger->has_timed_wait_delay && strcmp(ledger->timed_wait_delay.policy, policy) == 0);
    for (size_t k = 0; k < HM_COUNT(lists); k++) {
        for (size_t i = 0; there[k] && i < lists[k]->count; i++) {
            has = has || strcmp(lists[k]->at[i].policy, policy) == 0;
        }
    }
    return has;
}

static enum hm_status reserve(struct stand_in *made, unsigned index, enum hm_families families,
                              struct hm_ports ports, struct hm_arena *arena, struct hm_err *err)
{
    struct hm_reservation *row = &made->reservations[index];

    row->has_protocol = true;
    row->protocol = index < 2 ? HM_TCP : HM_UDP;
    row->families = families;
    row->product = "";
    row->requirement = "";
    return hm_ports_union(row->ports, ports, arena, &row->ports, err);
}

static enum hm_status reserve_rows(struct stand_in *made, const struct hm_ledger *ledger,
                                   struct hm_arena *arena, struct hm_err *err)
{
    const struct hm_owned_list *lists[] = {&ledger->reserved_ports.owned, &ledger->sysctl.owned};
    const bool there[] = {ledger->has_reserved_ports, ledger->has_sysctl};
    enum hm_status st = HM_OK;

    for (size_t i = 0; st == HM_OK && i < ledger->exclusions.count; i++) {
        const struct hm_ledger_exclusion *entry = &ledger->exclusions.at[i];

        if (strcmp(entry->policy, made->policy.name) == 0) {
            st = reserve(made, hm_stack_index(entry->protocol, entry->family),
                         entry->family == HM_IPV4 ? HM_FAMILIES_IPV4 : HM_FAMILIES_IPV6,
                         (struct hm_ports){&entry->range, 1}, arena, err);
        }
    }
    for (size_t k = 0; k < HM_COUNT(lists); k++) {
        for (size_t i = 0; st == HM_OK && there[k] && i < lists[k]->count; i++) {
            const struct hm_owned *owned = &lists[k]->at[i];

            if (strcmp(owned->policy, made->policy.name) == 0) {
                st = reserve(made, 0, HM_FAMILIES_BOTH, owned->ports, arena, err);
            }
        }
    }
    return st;
}

static void set_ranges(struct stand_in *made, const struct hm_ledger *ledger)
{
    bool has[2] = {false, false};

    for (size_t i = 0; i < ledger->ranges.count; i++) {
        const struct hm_ledger_range *entry = &ledger->ranges.at[i];
        const enum hm_protocol protocol = entry->has_protocol ? entry->protocol : HM_TCP;

        if (strcmp(entry->policy, made->policy.name) == 0 && !has[protocol]) {
            has[protocol] = true;
            made->ranges[made->policy.ranges.count++] =
                (struct hm_policy_range){protocol, entry->range, 0};
        }
    }
}

static void set_delay(struct stand_in *made, const struct hm_ledger *ledger)
{
    if (ledger->has_timed_wait_delay &&
        strcmp(ledger->timed_wait_delay.policy, made->policy.name) == 0) {
        made->policy.has_tcp_timed_wait_delay_s = true;
        made->policy.tcp_timed_wait_delay_s = ledger->timed_wait_delay.delay_s;
    }
}

/* Rows without ports go. */
static void settle(struct stand_in *made)
{
    size_t left = 0;

    for (size_t i = 0; i < HM_COUNT(made->reservations); i++) {
        const struct hm_reservation row = made->reservations[i];

        if (row.ports.count > 0) {
            made->reservations[left++] = row;
        }
    }
    made->policy.reservations = (struct hm_reservations){made->reservations, left};
}

enum hm_status hm_stand_in(const char *policy, uint32_t revision, const struct hm_ledger *ledger,
                           struct hm_arena *arena, const struct hm_policy **out_policy,
                           struct hm_err *err)
{
    struct stand_in *made;
    enum hm_status st;

    if (!hm_ledger_names(ledger, policy)) {
        *out_policy = NULL;
        return HM_OK;
    }
    made = hm_arena_alloc(arena, 1, sizeof(*made));
    if (made == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory to enforce policies");
    }
    made->hosts[0] = "*";
    made->policy = (struct hm_policy){
        .name = policy,
        .revision = revision,
        .owner = "-",
        .reason = "-",
        .review = 1,
        .match = {.version_min = "", .version_max = "", .hosts = {made->hosts, 1}},
        .mode = HM_POLICY_AUDIT,
        .ranges = {made->ranges,                 0                      },
    };
    st = reserve_rows(made, ledger, arena, err);
    set_ranges(made, ledger);
    set_delay(made, ledger);
    settle(made);
    if (st == HM_OK) {
        *out_policy = &made->policy;
    }
    return st;
}
