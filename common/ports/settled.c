/* common/ports/settled.c — has a host settled since its boot?
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/ports/settled.h"

#include <string.h>

#include "common/base/str.h"

#define NEVER_STARTED 1077u          /* ERROR_SERVICE_NEVER_STARTED */
#define FACTS_MASK 0x1fffffffffffffu /* a number that JSON keeps */

static const int64_t marks_s[] = {60, 180, HM_SETTLED_MOST_S};

struct hm_settled_memo hm_settled_note(const struct hm_settled_memo *memo,
                                       const struct hm_settled_look *look)
{
    struct hm_settled_memo now = {.boot_id = look->boot_id};
    const bool same_boot = strcmp(memo->boot_id, look->boot_id) == 0;
    const bool same_facts = same_boot && memo->has_facts && look->services_started &&
                            memo->facts == look->facts && memo->since_s <= look->uptime_s;

    if (!look->has_uptime || look->uptime_s >= HM_SETTLED_MOST_S ||
        (same_boot && memo->settled && memo->since_s <= look->uptime_s)) {
        now.settled = true;
        now.since_s = same_boot && memo->settled ? memo->since_s : look->uptime_s;
        return now;
    }
    now.has_facts = look->services_started;
    now.facts = look->services_started ? look->facts : 0;
    now.since_s = same_facts ? memo->since_s : look->uptime_s;
    now.settled = same_facts && look->uptime_s - memo->since_s >= HM_SETTLED_APART_S;
    return now;
}

/* They take ports for web sites and containers, which nothing shows before. */
static const char *const reservers[] = {"W3SVC", "WAS", "winnat", "hns", "vmcompute", "docker"};

static bool is_reserver(const struct hm_service *service)
{
    for (size_t i = 0; i < HM_COUNT(reservers); i++) {
        if (hm_str_equal_nocase(reservers[i], service->name)) {
            return true;
        }
    }
    return false;
}

/* Must it have started? A trigger may never come, so of others those do not count. */
static bool must_start(const struct hm_service *service)
{
    return service->start == HM_START_AUTOMATIC || service->start == HM_START_DELAYED ||
           ((service->start == HM_START_TRIGGERED || service->start == HM_START_DEPENDENCY) &&
            is_reserver(service));
}

static bool has_started(const struct hm_service *service)
{
    if (!must_start(service)) {
        return true;
    }
    return service->has_runs && (service->runs || service->exit_code != NEVER_STARTED);
}

bool hm_services_have_started(const struct hm_services *services)
{
    for (size_t i = 0; i < services->count; i++) {
        if (!has_started(&services->at[i])) {
            return false;
        }
    }
    return true;
}

static uint64_t put_number(uint64_t hash, uint32_t number)
{
    return hm_str_hash(hash, &number, sizeof(number));
}

static uint64_t put_text(uint64_t hash, const char *text)
{
    text = text == NULL ? "" : text;
    return hm_str_hash(hash, text, strlen(text) + 1);
}

static uint64_t put_ports(uint64_t hash, bool known, struct hm_ports ports)
{
    hash = put_number(put_number(hash, known), (uint32_t)ports.count);
    for (size_t i = 0; known && i < ports.count; i++) {
        hash = put_number(put_number(hash, ports.at[i].first), ports.at[i].last);
    }
    return hash;
}

uint64_t hm_settled_facts(const struct hm_inventory *inventory)
{
    uint64_t hash = HM_HASH_START;

    for (size_t i = 0; i < inventory->stacks.count; i++) {
        const struct hm_stack *stack = &inventory->stacks.at[i];

        hash = put_number(hash, hm_stack_index(stack->protocol, stack->family));
        hash = put_ports(hash, stack->has_dynamic,
                         (struct hm_ports){(struct hm_range *)&stack->dynamic, 1});
        hash = put_ports(hash, stack->has_administered, stack->administered);
        hash = put_ports(hash, stack->has_runtime, stack->runtime);
    }
    for (size_t i = 0; i < inventory->listeners.count; i++) {
        const struct hm_listener *listener = &inventory->listeners.at[i];

        hash = put_number(hash, hm_stack_index(listener->protocol, listener->family));
        hash = put_number(put_number(hash, listener->port), (uint32_t)listener->kind);
        hash = put_text(put_text(hash, listener->program), listener->service);
    }
    return hash & FACTS_MASK;
}

int64_t hm_settled_again_s(const struct hm_settled_memo *memo, int64_t uptime_s)
{
    int64_t at_s = 0;

    for (size_t i = 0; at_s == 0 && i < HM_COUNT(marks_s); i++) {
        at_s = marks_s[i] > uptime_s ? marks_s[i] : 0;
    }
    if (!memo->settled && memo->has_facts && memo->since_s + HM_SETTLED_APART_S > uptime_s &&
        (at_s == 0 || memo->since_s + HM_SETTLED_APART_S < at_s)) {
        at_s = memo->since_s + HM_SETTLED_APART_S;
    }
    return at_s == 0 ? 0 : at_s - uptime_s;
}
