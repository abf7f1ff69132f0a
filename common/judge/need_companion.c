/* common/judge/need_companion.c — companions of a product, and whether the product runs.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/need.h"

#include "common/base/str.h"

static bool has_copy(const struct hm_product *product, const struct hm_requirement *row,
                     const char *program)
{
    return hm_companions_share(&product->companions, program) ||
           hm_companions_share(&row->companions, program) ||
           hm_detect_owns(&product->detect, program, "") ||
           hm_detect_owns(&row->detect, program, "");
}

/* Does another product of this host have the program, too, and requires the same port? */
static bool is_claimed(const struct hm_facts *facts, const struct hm_need *need,
                       const char *program)
{
    for (size_t i = 0; i < facts->present_count; i++) {
        const struct hm_product *product = facts->present[i];

        for (size_t j = 0; product != need->product && j < product->requirements.count; j++) {
            const struct hm_requirement *row = &product->requirements.at[j];

            if (row->protocol == need->requirement->protocol &&
                hm_ports_overlap(row->ports, need->requirement->ports) &&
                has_copy(product, row, program)) {
                return true;
            }
        }
    }
    return false;
}

bool hm_need_has_copy(const struct hm_need *need, const char *program, const char *service)
{
    return hm_str_equal(service, "") && need->product != NULL &&
           (hm_companions_share(&need->requirement->companions, program) ||
            hm_companions_share(&need->product->companions, program));
}

/* Is this service one of another product that the host has? */
static bool is_of_other_product(const struct hm_facts *facts, const struct hm_need *need,
                                const char *service)
{
    for (size_t i = 0; i < facts->present_count; i++) {
        if (facts->present[i] != need->product &&
            hm_detect_owns(&facts->present[i]->detect, "", service)) {
            return true;
        }
    }
    return false;
}

bool hm_need_is_run_by_other(const struct hm_facts *facts, const struct hm_need *need,
                             const char *program, const char *service)
{
    const struct hm_companions *row = &need->requirement->companions;
    const struct hm_companions *all = need->product == NULL ? NULL : &need->product->companions;

    if (hm_str_equal(service, "")) {
        return need->requirement->of_instance && all != NULL &&
               hm_companions_own(all, program, "") && !hm_companions_own(row, program, "");
    }
    if (hm_companions_own(row, "", service)) {
        return false;
    }
    if (all != NULL && hm_companions_own(all, "", service)) {
        return is_of_other_product(facts, need, service);
    }
    return true;
}

enum hm_owner hm_need_companion(const struct hm_facts *facts, const struct hm_need *need,
                                const char *program, const char *service,
                                enum hm_socket_state state)
{
    const struct hm_requirement *requirement = need->requirement;

    if (hm_companions_own(&requirement->companions, program, service)) {
        return HM_OWNER_SELF;
    }
    if (need->product == NULL || state != HM_SOCKET_LISTEN) {
        return HM_OWNER_FOREIGN;
    }
    if (hm_companions_own(&need->product->companions, program, service)) {
        return HM_OWNER_SELF;
    }
    if (!hm_need_has_copy(need, program, service) || hm_need_runs(facts, need) == HM_RUNS_NO) {
        return HM_OWNER_FOREIGN; /* another product's copy; children carry no service */
    }
    return is_claimed(facts, need, program) ? HM_OWNER_UNREAD : HM_OWNER_SELF;
}

enum hm_runs hm_need_runs(const struct hm_facts *facts, const struct hm_need *need)
{
    const struct hm_detect *names = hm_need_names(need);

    if (hm_names_match(&facts->running, &names->services)) {
        return HM_RUNS_YES;
    }
    for (size_t i = 0; i < names->programs.count; i++) {
        const struct hm_strings one = {&names->programs.at[i], 1};

        if (!hm_need_is_shared_host(names->programs.at[i]) &&
            hm_programs_match(&facts->programs, &one)) {
            return HM_RUNS_YES;
        }
    }
    return hm_names_match(&facts->stopped, &names->services) ? HM_RUNS_NO : HM_RUNS_UNKNOWN;
}

/* Nobody's companions: what the system itself listens with. */
static const char *const system_programs[] = {
    "dfsrs.exe",    "dns.exe",     "inetinfo.exe", "lsass.exe", "msdtc.exe",   "ntfrs.exe",
    "services.exe", "spoolsv.exe", "svchost.exe",  "System",    "wininit.exe", "winlogon.exe",
};

bool hm_need_is_system_program(const char *program)
{
    for (size_t i = 0; i < HM_COUNT(system_programs); i++) {
        if (hm_str_equal_nocase(system_programs[i], program)) {
            return true;
        }
    }
    return false;
}

/* Linux: whose control group a process is in says which service it is of, where that was read. A
 * service of the need runs, has none of its ports, and this process is none of it. */
static bool is_of_other_unit(const struct hm_facts *facts, const struct hm_need *need,
                             const struct hm_holder *holder)
{
    const struct hm_listeners *listeners = &facts->inventory->listeners;
    struct hm_port_cursor cursor = {0, 0, 0};
    const struct hm_listener *own;
    bool shows_units = false;

    if (!facts->linux_host || holder->state != HM_SOCKET_LISTEN || holder->program[0] == '\0' ||
        !hm_names_match(&facts->running, &hm_need_names(need)->services) ||
        hm_need_is_activator(facts, holder->program)) {
        return false;
    }
    for (size_t i = 0; i < listeners->count && !shows_units; i++) {
        shows_units = listeners->at[i].service[0] != '\0';
    }
    while (shows_units &&
           (own = hm_facts_next_listener(facts, need->requirement->protocol,
                                         need->requirement->ports, &cursor)) != NULL) {
        shows_units = hm_need_owner_of_listener(facts, need, own) != HM_OWNER_SELF;
    }
    return shows_units && !hm_need_has_service(need, holder->service);
}

static bool is_stranger(const struct hm_facts *facts, const struct hm_need *need,
                        const struct hm_holder *holder)
{
    bool hosts = hm_need_is_shared_host(holder->program);

    if (!facts->linux_host && hm_need_is_system_program(holder->program)) {
        return true;
    }
    if (is_of_other_unit(facts, need, holder)) {
        return true;
    }
    for (size_t i = 0; i < facts->present_count; i++) {
        const struct hm_product *product = facts->present[i];

        if (product != need->product &&
            (hm_detect_owns(&product->detect, hosts ? "" : holder->program, holder->service) ||
             hm_companions_own(&product->companions, holder->program, holder->service))) {
            return true;
        }
    }
    return false;
}

/* A child of the product's wrapper carries no service: it shows on the other ports. */
static bool child_listens(const struct hm_facts *facts, const struct hm_need *need)
{
    for (size_t i = 0; i < need->product->requirements.count; i++) {
        const struct hm_requirement *row = &need->product->requirements.at[i];
        const struct hm_need part = {.product = need->product, .requirement = row};
        struct hm_port_cursor cursor = {0, 0, 0};
        const struct hm_listener *listener;

        while (hm_need_names(&part) == hm_need_names(need) &&
               (listener = hm_facts_next_listener(facts, row->protocol, row->ports, &cursor)) !=
                   NULL) {
            if (hm_need_has_copy(&part, listener->program, listener->service) &&
                hm_need_owner_of_listener(facts, &part, listener) == HM_OWNER_SELF) {
                return true;
            }
        }
    }
    return false;
}

static bool is_client(const struct hm_facts *facts, const struct hm_need *need,
                      enum hm_family family, const struct hm_holder *holder)
{
    const struct hm_stack_facts *stack = hm_facts_stack(facts, HM_UDP, family);

    return holder->state != HM_SOCKET_LISTEN ||
           (need->requirement->protocol == HM_UDP &&
            (facts->linux_host || hm_str_equal(holder->service, "")) &&
            (!stack->has_dynamic || hm_range_contains(stack->dynamic, holder->port)));
}

bool hm_need_may_be_replaced(const struct hm_facts *facts, const struct hm_need *need)
{
    const char *wanted = need->requirement->alternative;

    for (size_t i = 0; need->product != NULL && !hm_str_equal(wanted, "") &&
                       i < need->product->requirements.count;
         i++) {
        const struct hm_requirement *row = &need->product->requirements.at[i];
        const struct hm_need other = {.product = need->product, .requirement = row};
        struct hm_port_cursor cursor = {0, 0, 0};
        const struct hm_listener *listener;

        while (hm_str_equal(row->id, wanted) &&
               (listener = hm_facts_next_listener(facts, row->protocol, row->ports, &cursor)) !=
                   NULL) {
            if (hm_need_owner_of_listener(facts, &other, listener) == HM_OWNER_SELF) {
                return true;
            }
        }
    }
    return false;
}

bool hm_need_is_unclear(const struct hm_facts *facts, const struct hm_need *need,
                        enum hm_family family, const struct hm_holder *holder)
{
    const char *service = hm_need_speaker(need, holder->service, &holder->hosted);
    const struct hm_service *down;
    enum hm_runs runs;

    if (hm_need_is_kin(facts, need, holder->program, service, holder->state)) {
        return hm_need_rival(facts, need, holder->program, service, &down) == HM_RIVAL_MAYBE;
    }
    if (need->published) { /* its endpoint may be a leftover */
        return holder->state == HM_SOCKET_LISTEN &&
               !(facts->linux_host && hm_need_runs(facts, need) == HM_RUNS_NO);
    }
    if (need->configured) {
        return false; /* it is the binding's: no other program is a part of that */
    }
    if (need->product == NULL || is_client(facts, need, family, holder) ||
        is_stranger(facts, need, holder)) {
        return false;
    }
    if (need->lost != NULL || hm_need_lost_to(facts, need, family, holder) != NULL ||
        hm_need_has_no_parts(facts, need)) {
        return false;
    }
    if (need->requirement->kind == HM_KIND_HTTPSYS) { /* System listens for it, nobody else */
        return hm_need_may_be_replaced(facts, need);
    }
    runs = hm_need_runs(facts, need);
    return runs == HM_RUNS_YES || (runs == HM_RUNS_UNKNOWN && child_listens(facts, need));
}

static bool is_wildcard(const char *address)
{
    return hm_str_equal(address, "0.0.0.0") || hm_str_equal(address, "::");
}

bool hm_need_shares_address(const struct hm_facts *facts, const struct hm_need *need,
                            enum hm_family family, const struct hm_holder *holder)
{
    const struct hm_range range = {holder->port, holder->port};
    struct hm_port_cursor cursor = {0, 0, 0};
    const struct hm_listener *listener;

    if (!facts->linux_host || need->requirement->protocol != HM_TCP || holder->address == NULL) {
        return false; /* many share a UDP port for multicast */
    }
    while ((listener = hm_facts_next_listener(facts, HM_TCP, (struct hm_ports){&range, 1},
                                              &cursor)) != NULL) {
        if (listener->family == family &&
            (hm_str_equal(listener->address, holder->address) || is_wildcard(listener->address) ||
             is_wildcard(holder->address)) &&
            hm_need_owner_of_listener(facts, need, listener) == HM_OWNER_SELF) {
            return true;
        }
    }
    return false;
}
