/* common/judge/judge.c — facts in, verdicts and findings out.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/judge.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/judge/finding_kind.h"
#include "common/judge/need.h"
#include "common/judge/remedy.h"
#include "common/ports/reserved_ports.h"
#include "common/ports/timed_wait.h"

#define UNKNOWN_MAX 32u /* there are fewer facts than that to miss */

static int compare_verdicts(const void *a, const void *b)
{
    const struct hm_verdict *x = a;
    const struct hm_verdict *y = b;
    int by;

    if (x->state != y->state) {
        return x->state > y->state ? -1 : 1;
    }
    by = strcmp(x->product, y->product);
    return by != 0 ? by : strcmp(x->requirement, y->requirement);
}

static bool is_judged(const struct hm_need *need)
{
    return need->stacks[0].judged || need->stacks[1].judged;
}

/* Has something an optional port of a service that is down, or may it be given one? Nobody knows of
 * what is written already and certain after the next boot: that is no reason to look at it now. */
static bool is_at_risk(const struct hm_need *need)
{
    const struct hm_verdict *verdict = &need->verdict;

    switch (verdict->state) {
    case HM_BLOCKED:
        return true;
    case HM_SAFE:
        return false;
    default:
        return !need->requirement->reserve_only &&
               !(verdict->reason == HM_REASON_FACTS_MISSING && verdict->has_after_boot &&
                 verdict->after_boot == HM_SAFE);
    }
}

/* Does it count? Not when the host does not have its families. */
static bool counts(const struct hm_need *need)
{
    return is_judged(need) && !(need->only_blocked && need->verdict.state != HM_BLOCKED) &&
           !(need->only_at_risk && !is_at_risk(need));
}

/* Weighs each need; those that do not count are dropped. */
static enum hm_status weigh_all(const struct hm_facts *facts, struct hm_needs *needs,
                                struct hm_arena *arena, struct hm_err *err)
{
    enum hm_status st = HM_OK;
    size_t left = 0;

    for (size_t i = 0; i < needs->count && st == HM_OK; i++) {
        st = hm_need_weigh(facts, &needs->at[i], arena, err);
        if (st == HM_OK && counts(&needs->at[i])) {
            if (left != i) {
                needs->at[left] = needs->at[i];
            }
            left++;
        } else if (st == HM_OK && is_judged(&needs->at[i]) && needs->at[i].product != NULL) {
            st = hm_needs_put_optional(needs, &needs->at[i], arena, err);
        }
    }
    if (st == HM_OK) {
        needs->count = left;
        st = hm_needs_doubt(facts, needs, arena, err);
    }
    for (size_t i = 0; i < needs->count && st == HM_OK; i++) {
        st = hm_need_write(facts, &needs->at[i], arena, err);
    }
    return st;
}

static enum hm_status list_verdicts(const struct hm_needs *needs, struct hm_arena *arena,
                                    struct hm_verdicts *out_verdicts, struct hm_err *err)
{
    struct hm_verdict *at = hm_arena_alloc(arena, needs->count, sizeof(*at));
    bool sorted = true;

    if (at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the verdicts of a host");
    }
    for (size_t i = 0; i < needs->count; i++) {
        at[i] = needs->at[i].verdict;
        sorted = sorted && (i == 0 || compare_verdicts(&at[i - 1], &at[i]) <= 0);
    }
    if (!sorted) {
        qsort(at, needs->count, sizeof(*at), compare_verdicts);
    }
    *out_verdicts = (struct hm_verdicts){at, needs->count};
    return HM_OK;
}

/* Sentences about missing facts; a failure is remembered in err. */
struct unknown {
    struct hm_strings texts;
    struct hm_arena *arena;
    bool failed;
};

static void put(struct unknown *unknown, const char *text)
{
    if (text == NULL) {
        unknown->failed = true;
    } else if (unknown->texts.count < UNKNOWN_MAX) {
        unknown->texts.at[unknown->texts.count++] = text;
    }
}

static const char *why_unknown(const struct hm_stack_facts *stack)
{
    if (stack->contradicted) {
        return "is not known: sockets contradict the one that the host reports";
    }
    return stack->has_most ? "is not known: several are possible, and no socket shows which"
                           : "was not read";
}

static void put_stacks(const struct hm_facts *facts, struct unknown *unknown)
{
    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        const struct hm_stack_facts *stack = &facts->stacks[i];
        const char *protocol = hm_protocol_names[i / 2];
        const char *family = hm_family_names[i % 2];

        if (stack->present && !stack->has_dynamic) {
            put(unknown, hm_arena_printf(unknown->arena, "The dynamic range of %s/%s %s.", protocol,
                                         family, why_unknown(stack)));
        }
        if (stack->present && (!stack->has_administered || !stack->has_runtime)) {
            put(unknown,
                hm_arena_printf(unknown->arena, "The %s of %s/%s were not read.",
                                facts->linux_host ? "reserved ports (ip_local_reserved_ports)"
                                                  : "exclusions",
                                protocol, family));
        }
    }
}

/* Are there values that count after a boot only? */
static bool has_boot_values(const struct hm_inventory *inventory)
{
    const struct hm_registry *registry = &inventory->registry;

    return hm_os_is_legacy(&inventory->os) && inventory->has_registry &&
           (registry->has_reserved_ports || registry->has_max_user_port ||
            registry->has_tcp_timed_wait_delay_s);
}

bool hm_judge_is_assumed(const struct hm_inventory *inventory)
{
    return has_boot_values(inventory) && inventory->registry.in_force == HM_IN_FORCE_ASSUMED;
}

bool hm_judgement_is_until_boot(const struct hm_judgement *judgement,
                                const struct hm_inventory *inventory)
{
    struct hm_range usual;

    for (size_t i = 0; i < judgement->verdicts.count; i++) {
        const struct hm_verdict *verdict = &judgement->verdicts.at[i];
        const struct hm_stack *stack = hm_inventory_stack(inventory, verdict->protocol, HM_IPV4);

        if (stack != NULL && stack->next_unknown && verdict->state == HM_SAFE &&
            (verdict->reason == HM_REASON_EXCLUDED ||
             (stack->has_dynamic && hm_os_default_dynamic(&inventory->os, &usual) &&
              hm_ports_overlap(verdict->ports, (struct hm_ports){&usual, 1})))) {
            return true;
        }
    }
    return false;
}

bool hm_judge_is_doubted(const struct hm_inventory *inventory)
{
    return hm_os_is_legacy(&inventory->os) && inventory->has_registry &&
           inventory->registry.in_force == HM_IN_FORCE_UNKNOWN;
}

/* 2000 to 2003: are the values that are written those in force? */
static void put_in_force(const struct hm_facts *facts, struct unknown *unknown)
{
    const struct hm_registry *registry = &facts->inventory->registry;

    if (!facts->legacy || !facts->inventory->has_registry) {
        return;
    }
    if (hm_judge_is_assumed(facts->inventory)) {
        put(unknown, "Whether ReservedPorts, MaxUserPort and TcpTimedWaitDelay were written before "
                     "the host started is not known: they count as in force. What was written "
                     "since then only counts after the next boot.");
    } else if (hm_judge_is_doubted(facts->inventory) && registry->contradicted) {
        put(unknown, "Whether ReservedPorts helps on this host is not known: by the times of the "
                     "host it was written before the host started, and yet the DNS Server was "
                     "given a port of it. It counts as not in force, also after the next boot.");
    } else if (hm_judge_is_doubted(facts->inventory)) {
        put(unknown, "Which values of ReservedPorts, MaxUserPort and TcpTimedWaitDelay are in "
                     "force is not known: their key was written since the host started (it may "
                     "have been another value of it, as DHCP writes them), or a socket contradicts "
                     "them. ReservedPorts counts as not in force until the next boot.");
    }
}

/* Outside of the documented values nobody knows how long a closed connection keeps its port. */
static void put_timed_wait(const struct hm_facts *facts, struct unknown *unknown)
{
    const struct hm_registry *registry = &facts->inventory->registry;
    const uint32_t s = registry->tcp_timed_wait_delay_s;

    if (facts->inventory->has_registry && registry->has_tcp_timed_wait_delay_s &&
        (s < HM_TIMED_WAIT_DELAY_MIN_S || s > HM_TIMED_WAIT_DELAY_MAX_S)) {
        put(unknown,
            hm_arena_printf(unknown->arena,
                            "TcpTimedWaitDelay is %u; documented are %u to %u seconds: how long a "
                            "closed connection keeps its port is not known.",
                            (unsigned)s, HM_TIMED_WAIT_DELAY_MIN_S, HM_TIMED_WAIT_DELAY_MAX_S));
    }
}

#define IGNORED_LINES_SHOWN 8u /* that many are named; of the others the number is */

/* Lines that Windows ignores are no error of ours, but somebody counts on them. */
static void put_reserved_lines(const struct hm_facts *facts, struct unknown *unknown)
{
    const struct hm_inventory *inventory = facts->inventory;
    const struct hm_strings *lines = &inventory->registry.reserved_ports;
    const bool asked =
        facts->legacy && inventory->has_registry && inventory->registry.has_reserved_ports;
    size_t ignored = 0;

    for (size_t i = 0; asked && i < lines->count; i++) {
        struct hm_err why;

        if (hm_reserved_ports_check_line(lines->at[i], (unsigned)i + 1, &why) == HM_OK) {
            continue;
        }
        ignored++;
        if (ignored <= IGNORED_LINES_SHOWN) {
            put(unknown, hm_arena_printf(unknown->arena, "A line does not count: %s.", why.text));
        }
    }
    if (ignored > IGNORED_LINES_SHOWN) {
        put(unknown,
            hm_arena_printf(unknown->arena, "%zu more lines of ReservedPorts do not count either.",
                            ignored - IGNORED_LINES_SHOWN));
    }
}

size_t hm_judge_incomplete(const struct hm_inventory *inventory, const bool lacks_rows[2],
                           const char *out_texts[HM_INCOMPLETE_MAX])
{
    size_t count = 0;

    if (!inventory->has_services) {
        out_texts[count++] =
            "The services were not read: products known by a service are not seen.";
    } else if (inventory->services_partial) {
        out_texts[count++] = "The list of services is not complete: a service that does not run, "
                             "and the ports that it needs, may be missing.";
    }
    if (!inventory->has_listeners) {
        out_texts[count++] =
            "The listeners were not read: products known by a program are not seen.";
    } else if (inventory->owners_partial) {
        out_texts[count++] = "The programs of other users' listeners could not be read: products "
                             "known by a program are not seen. Run it as root.";
    }
    if (inventory->os.family == HM_OS_LINUX && inventory->has_configured &&
        inventory->configured_partial) {
        out_texts[count++] =
            "Some ports that this host is set up to open are not known: one of a container, "
            "a tunnel or a socket unit that does not run may be missing.";
    }
    if (inventory->has_listeners && inventory->listeners_partial) {
        out_texts[count++] = "The list of listeners is not complete: who has a port, and products "
                             "known by a program, may be missing.";
    }
    if (lacks_rows[HM_TCP]) {
        out_texts[count++] = "No TCP socket of this host was read, and every Windows has some: who "
                             "has the TCP ports is not known.";
    }
    if (lacks_rows[HM_UDP]) {
        out_texts[count++] = "No UDP socket of this host was read, and every Windows has some: who "
                             "has the UDP ports is not known.";
    }
    return count;
}

static void put_socket_units(const struct hm_needs *needs, struct unknown *unknown)
{
    for (size_t i = 0; i < needs->count; i++) {
        if (needs->at[i].unread_unit && needs->at[i].nameless_owner) {
            put(unknown, "A socket unit of systemd has a required port, and which service it "
                         "starts is not known: \"systemctl list-sockets\" shows it.");
            return;
        }
    }
}

/* Why the ports of the next start are not known; of a closed connection, and until when. */
static void put_open_questions(const struct hm_needs *needs, struct unknown *unknown)
{
    for (size_t i = 0; i < needs->count; i++) {
        const struct hm_need *need = &needs->at[i];

        if ((need->may_linger || need->unread_port || need->unset.service != NULL ||
             need->clash != NULL) &&
            need->verdict.state == HM_UNKNOWN) {
            put(unknown,
                hm_arena_printf(unknown->arena, "%s: %s", need->verdict.title, need->verdict.text));
        }
    }
}

/* Only where it matters: a service that runs has its ports, as far as anybody can know, and a
 * protocol that no requirement of the others uses is not missed. */
static void find_lacks(const struct hm_facts *facts, const struct hm_needs *needs,
                       bool out_lacks_rows[2])
{
    for (size_t i = 0; i < needs->count; i++) {
        const struct hm_need *need = &needs->at[i];
        const enum hm_protocol protocol = need->requirement->protocol;

        if (!need->requirement->reserve_only && facts->lacks_rows[protocol] &&
            hm_need_runs(facts, need) != HM_RUNS_YES) {
            out_lacks_rows[protocol] = true;
        }
    }
}

static enum hm_status list_unknown(const struct hm_facts *facts, const struct hm_needs *needs,
                                   const bool lacks_rows[2], struct hm_arena *arena,
                                   struct hm_strings *out_unknown, struct hm_err *err)
{
    const struct hm_inventory *inventory = facts->inventory;
    struct unknown unknown = {.arena = arena};
    const char *incomplete[HM_INCOMPLETE_MAX];
    size_t count;

    unknown.texts.at = hm_arena_alloc(arena, UNKNOWN_MAX, sizeof(*unknown.texts.at));
    if (unknown.texts.at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the judgement of a host");
    }
    put_stacks(facts, &unknown);
    count = hm_judge_incomplete(inventory, lacks_rows, incomplete);
    for (size_t i = 0; i < count; i++) {
        put(&unknown, incomplete[i]);
    }
    if (!facts->linux_host && !inventory->has_registry) {
        put(&unknown, "The registry values of TCP/IP were not read.");
    }
    put_in_force(facts, &unknown);
    put_timed_wait(facts, &unknown);
    put_reserved_lines(facts, &unknown);
    put_socket_units(needs, &unknown);
    put_open_questions(needs, &unknown);
    if (needs->unjudged > 0) {
        put(&unknown, hm_arena_printf(arena,
                                      "%zu more listeners in the dynamic range were not "
                                      "judged.",
                                      needs->unjudged));
    }
    if (needs->cut > 0) {
        put(&unknown,
            hm_arena_printf(arena, "%zu more instances of products were not judged.", needs->cut));
    }
    if (unknown.failed) {
        return hm_fail(err, HM_ENOMEM, "no memory for the judgement of a host");
    }
    *out_unknown = unknown.texts;
    return HM_OK;
}

enum hm_status hm_judge(const struct hm_judge_input *input, struct hm_arena *arena,
                        struct hm_judgement *out_judgement, struct hm_err *err)
{
    struct hm_judgement judgement = {
        .verdicts = {NULL, 0}
    };
    struct hm_needs needs = {.at = NULL};
    struct hm_facts facts;
    struct hm_finding_ctx ctx = {.input = input, .facts = &facts, .arena = arena};
    const char *incomplete[HM_INCOMPLETE_MAX];
    enum hm_status st = hm_facts_init(input, arena, &facts, err);

    if (st == HM_OK) {
        st = hm_needs_list(&facts, arena, &needs, err);
    }
    if (st == HM_OK) {
        st = hm_facts_index_sockets(&facts, arena, err);
    }
    if (st == HM_OK) {
        st = hm_facts_find_takers(&facts, arena, err);
    }
    if (st == HM_OK) {
        st = weigh_all(&facts, &needs, arena, err);
    }
    if (st == HM_OK) {
        st = list_verdicts(&needs, arena, &judgement.verdicts, err);
    }
    if (st == HM_OK) {
        ctx.needs = needs.at;
        ctx.count = needs.count;
        st = hm_remedy_prepare(&ctx, err);
    }
    if (st == HM_OK) {
        st = hm_findings_look(&ctx, &judgement.findings, err);
    }
    if (st == HM_OK) {
        find_lacks(&facts, &needs, judgement.lacks_rows);
        st = list_unknown(&facts, &needs, judgement.lacks_rows, arena, &judgement.unknown, err);
    }
    if (st == HM_OK) {
        judgement.observed = needs.observed;
        judgement.incomplete =
            hm_judge_incomplete(input->inventory, judgement.lacks_rows, incomplete) > 0 ||
            needs.unjudged > 0 || needs.cut > 0;
        *out_judgement = judgement;
    }
    return st;
}

bool hm_judgement_is_safe(const struct hm_judgement *judgement)
{
    for (size_t i = 0; i < judgement->findings.count; i++) {
        if (judgement->findings.at[i].severity == HM_SEVERITY_HIGH) {
            return false;
        }
    }
    return !judgement->incomplete && hm_judgement_worst(judgement) == HM_SAFE;
}

enum hm_verdict_state hm_judgement_worst(const struct hm_judgement *judgement)
{
    enum hm_verdict_state worst = HM_SAFE;

    for (size_t i = 0; i < judgement->verdicts.count; i++) {
        if (judgement->verdicts.at[i].state > worst) {
            worst = judgement->verdicts.at[i].state;
        }
    }
    return worst;
}
