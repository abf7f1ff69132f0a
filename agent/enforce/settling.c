/* agent/enforce/settling.c — what enforcement may change before its host has settled since the
 * boot, and how long after the boot it was done. SPDX-License-Identifier: Apache-2.0 */
#include "agent/enforce/settling.h"

#include <string.h>

#include "common/base/log.h"
#include "common/base/str.h"
#include "common/ports/settled.h"

/* When to look again whether settings can be read: a port that they show may be excluded. */
#define UNREAD_EARLY_MS 20000
#define UNREAD_MS 120000

static const struct hm_ports no_ports = {NULL, 0};

/* ---- the boot ------------------------------------------------------------------------------ */

/* Only Windows reports for every service whether it was started since the boot. */
static bool services_have_started(const struct hm_observation *seen)
{
    const struct hm_services *now =
        seen->has_services_now ? &seen->services_now : &seen->inventory.service_details;

    if (seen->inventory.os.family != HM_OS_WINDOWS) {
        return true;
    }
    return (seen->has_services_now || seen->inventory.has_service_details) &&
           hm_services_have_started(now);
}

/* Has one that starts by itself failed? It may be the one that serves a port which looks free. */
static bool services_have_failed(const struct hm_observation *seen)
{
    const struct hm_services *now =
        seen->has_services_now ? &seen->services_now : &seen->inventory.service_details;

    for (size_t i = 0; i < now->count && seen->inventory.os.family == HM_OS_WINDOWS; i++) {
        if (hm_service_starts_itself(&now->at[i]) && hm_service_has_failed(&now->at[i])) {
            return true;
        }
    }
    return false;
}

static struct hm_enforce_boot begin_boot(const struct hm_enforce_run *run)
{
    const struct hm_enforce_boot none = {
        .boot_id = run->boot_id,
        .number = run->state.has_boot ? run->state.boot.number + 1 : 1,
        .kept_by = "",
    };

    return run->state.has_boot && strcmp(run->state.boot.boot_id, run->boot_id) == 0
               ? run->state.boot
               : none;
}

void hm_settling_begin(struct hm_enforce_run *run)
{
    const struct hm_observation *seen = run->pass->observation;
    const struct hm_settled_look look = {
        .boot_id = run->boot_id,
        .has_uptime = seen->has_uptime,
        .uptime_s = seen->uptime_s,
        .services_started = services_have_started(seen),
        .facts = hm_settled_facts(&seen->inventory),
    };
    const bool is_known = run->state.has_boot && strcmp(run->state.boot.boot_id, run->boot_id) == 0;
    struct hm_enforce_boot boot = begin_boot(run);
    const struct hm_settled_memo before = {boot.boot_id, boot.settled, boot.has_facts, boot.facts,
                                           (int64_t)boot.since_s};
    const struct hm_settled_memo now = hm_settled_note(&before, &look);
    const bool is_early =
        seen->has_uptime && seen->uptime_s < HM_SETTLED_MOST_S && !run->options->skips_settling;
    int64_t again_s;

    /* Settings that cannot be read yet are so minutes later, as a rule. */
    run->settled =
        (now.settled && !(is_early && seen->settings_unread)) || run->options->skips_settling;
    run->services_failed = is_early && services_have_failed(seen);
    run->state.has_boot = seen->has_uptime;
    if (!seen->has_uptime) {
        return;
    }
    run->first_of_boot = !is_known;
    if (seen->settings_unread && run->state.policies.count > 0) {
        hm_run_again(run, seen->uptime_s < HM_SETTLED_MOST_S ? UNREAD_EARLY_MS : UNREAD_MS);
    }
    boot.settled = now.settled;
    boot.has_facts = now.has_facts;
    boot.facts = now.facts;
    boot.since_s = (uint64_t)now.since_s;
    run->state.boot = boot;
    again_s = hm_settled_again_s(&now, seen->uptime_s);
    if (again_s > 0) {
        hm_run_again(run, again_s * 1000);
    }
}

void hm_settling_begin_urgent(struct hm_enforce_run *run)
{
    run->state.boot = begin_boot(run);
    run->state.has_boot = true;
}

/* Seconds since the boot, now; the time between is that of the pass. */
static uint64_t uptime_s(const struct hm_enforce_run *run)
{
    const struct hm_enforce_pass *pass = run->pass;
    const int64_t from_ms = pass->observed_ms != 0 ? pass->observed_ms : run->now_ms;
    const int64_t since_ms = run->options->now_ms() - from_ms;

    return (uint64_t)pass->observation->uptime_s + (uint64_t)(since_ms > 0 ? since_ms / 1000 : 0);
}

void hm_settling_changed(struct hm_enforce_run *run)
{
    struct hm_enforce_boot *boot = &run->state.boot;

    if (run->state.has_boot && !boot->has_first_change_s) {
        boot->has_first_change_s = true;
        boot->first_change_s = uptime_s(run);
    }
}

/* ---- what may be added --------------------------------------------------------------------- */

const struct hm_plan_readies *hm_settling_ready(struct hm_enforce_run *run, enum hm_status *out_st,
                                                struct hm_err *err)
{
    const struct hm_enforce_rows *rows = &run->state.policies;
    struct hm_plan_readies *readies;
    struct hm_plan_ready *at;
    size_t count = 0;

    *out_st = HM_OK;
    if (run->settled || run->restoring) {
        return NULL;
    }
    readies = hm_arena_alloc(run->arena, 1, sizeof(*readies));
    at = hm_arena_alloc(run->arena, rows->count * (1 + HM_STACK_COUNT), sizeof(*at));
    if (readies == NULL || at == NULL) {
        *out_st = hm_fail(err, HM_ENOMEM, "no memory to enforce policies");
        return NULL;
    }
    for (size_t i = 0; i < rows->count; i++) {
        const struct hm_enforce_row *row = &rows->at[i];

        /* A stand-in is made from the ledger: it wants nothing new. */
        at[count++] = (struct hm_plan_ready){
            .policy = row->policy,
            .verified = row->stand_in != NULL || (row->chosen != NULL && row->verified[0] != '\0' &&
                                                  strcmp(row->verified, row->wanted) == 0),
        };
        for (size_t k = 0; k < row->waits.count && k < HM_STACK_COUNT; k++) {
            const struct hm_enforce_wait *wait = &row->waits.at[k];

            at[count++] = (struct hm_plan_ready){
                .policy = row->policy,
                .protocol = wait->protocol,
                .family = wait->family,
                .ports = wait->ports,
            };
        }
    }
    *readies = (struct hm_plan_readies){at, count};
    return readies;
}

/* ---- what waits for a plain socket --------------------------------------------------------- */

static bool is_plain(const struct hm_stack *stack, const struct hm_plan_note *note)
{
    return note->has_holder && !hm_str_equal(note->holder.program, "") &&
           !hm_str_equal_nocase(note->holder.program, "System") && stack->has_runtime &&
           !hm_ports_overlap(stack->runtime, note->ports);
}

/* Where a service has failed, the port that somebody has may be the one it failed for, which it
 * serves through HTTP.sys: only those that a plain socket had in several boots are left of it. */
static enum hm_status keep_known(struct hm_enforce_run *run, enum hm_protocol protocol,
                                 struct hm_ports *ports, struct hm_err *err)
{
    const struct hm_inventory *inventory = &run->pass->observation->inventory;
    const size_t most = inventory->has_port_book ? inventory->port_book.count : 0;
    struct hm_range *at = hm_arena_alloc(run->arena, most, sizeof(*at));
    size_t count = 0;

    if (at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory to enforce policies");
    }
    for (size_t i = 0; i < most; i++) {
        const struct hm_port_entry *row = &inventory->port_book.at[i];

        if (row->protocol == protocol && row->kind == HM_KIND_SOCKET &&
            row->boots >= HM_PORT_BOOK_FIXED && !hm_str_equal_nocase(row->program, "System") &&
            hm_ports_contains(*ports, row->port)) {
            at[count++] = (struct hm_range){row->port, row->port};
        }
    }
    return hm_ports_from_ranges(at, count, run->arena, ports, err);
}

/* Those of one stack, made at once: there is a note for each port. */
static enum hm_status gather_waits(struct hm_enforce_run *run, const struct hm_enforce_row *row,
                                   const struct hm_stack *stack, struct hm_range *room,
                                   struct hm_ports *out_ports, struct hm_err *err)
{
    const bool failed = services_have_failed(run->pass->observation);
    size_t count = 0;
    enum hm_status st;

    for (size_t i = 0; i < run->plan.notes.count; i++) {
        const struct hm_plan_note *note = &run->plan.notes.at[i];

        if ((note->kind != HM_NOTE_BUSY && (note->kind != HM_NOTE_TAKEN || failed)) ||
            !note->has_protocol || !note->has_family || note->protocol != stack->protocol ||
            note->family != stack->family || !hm_str_equal(note->policy, row->policy) ||
            !is_plain(stack, note)) {
            continue;
        }
        for (size_t k = 0; k < note->ports.count; k++) {
            room[count++] = note->ports.at[k];
        }
    }
    st = hm_ports_from_ranges(room, count, run->arena, out_ports, err);
    return st == HM_OK && failed ? keep_known(run, stack->protocol, out_ports, err) : st;
}

static enum hm_status keep_waits(struct hm_enforce_run *run, struct hm_enforce_row *row,
                                 struct hm_err *err)
{
    const struct hm_stacks *stacks = &run->pass->observation->inventory.stacks;
    struct hm_range *room;
    enum hm_status st = HM_OK;
    size_t most = 0;

    for (size_t i = 0; i < run->plan.notes.count; i++) {
        most += run->plan.notes.at[i].ports.count;
    }
    room = hm_arena_alloc(run->arena, most, sizeof(*room));
    row->waits = (struct hm_enforce_waits){
        hm_arena_alloc(run->arena, HM_STACK_COUNT, sizeof(*row->waits.at)), 0};
    if (row->waits.at == NULL || room == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory to enforce policies");
    }
    for (size_t i = 0; st == HM_OK && i < stacks->count && row->waits.count < HM_STACK_COUNT; i++) {
        struct hm_enforce_wait *wait = &row->waits.at[row->waits.count];

        *wait = (struct hm_enforce_wait){stacks->at[i].protocol, stacks->at[i].family, no_ports};
        st = gather_waits(run, row, &stacks->at[i], room, &wait->ports, err);
        row->waits.count += st == HM_OK && wait->ports.count > 0 ? 1 : 0;
    }
    return st;
}

/* ---- the end of a pass --------------------------------------------------------------------- */

/* What waits for somebody else is done as far as it can be. */
static bool is_done(const struct hm_enforce_run *run)
{
    const struct hm_enforce_rows *rows = &run->state.policies;
    bool done = rows->count > 0 && !run->unfinished && run->stopped == NULL;

    for (size_t i = 0; done && i < rows->count; i++) {
        done = (rows->at[i].failure == NULL || rows->at[i].busy) && !rows->at[i].unread;
    }
    for (size_t i = 0; done && i < run->plan.notes.count; i++) {
        done = run->plan.notes.at[i].kind != HM_NOTE_WAITING_SETTLING;
    }
    return done;
}

static void tell_done(struct hm_enforce_run *run)
{
    struct hm_enforce_boot *boot = &run->state.boot;
    struct hm_log_line line;

    if (!run->state.has_boot || boot->has_complete_s || !is_done(run)) {
        return;
    }
    boot->has_complete_s = true;
    boot->complete_s = uptime_s(run);
    hm_log_begin(&line, HM_LOG_INFO, "enforcement_complete");
    if (boot->has_first_change_s) {
        hm_log_u64(&line, "first_change_s_after_boot", boot->first_change_s);
    }
    hm_log_u64(&line, "complete_s_after_boot", boot->complete_s);
    hm_log_u64(&line, "policies", run->state.policies.count);
    hm_log_end(&line);
}

enum hm_status hm_settling_end(struct hm_enforce_run *run, struct hm_err *err)
{
    enum hm_status st = HM_OK;

    if (run->broken != NULL || run->restoring) {
        return HM_OK;
    }
    for (size_t i = 0; st == HM_OK && run->settled && !run->pass->observation->settings_unread &&
                       i < run->state.policies.count;
         i++) {
        st = keep_waits(run, &run->state.policies.at[i], err);
    }
    if (st == HM_OK && !run->limits.enforce_off) {
        tell_done(run);
    }
    return st;
}
