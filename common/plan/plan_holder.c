/* common/plan/plan_holder.c — ports that somebody has now: who, and is it their own service?
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/plan/plan_build.h"

#include <string.h>

#include "common/base/str.h"

static const struct hm_ports no_ports = {NULL, 0};

/* ---- which ports --------------------------------------------------------------------------- */

static size_t count_sockets(const struct hm_plan_build *b)
{
    const struct hm_plan_input *input = b->input;

    if (input->sockets != NULL) {
        return input->sockets->count;
    }
    return input->inventory->has_listeners ? input->inventory->listeners.count : 0;
}

/* The port of the at-th socket, or without sockets listener; false where it holds no port of this
 * stack. TIME_WAIT holds nothing. */
static bool read_socket(const struct hm_plan_build *b, enum hm_protocol protocol,
                        enum hm_family family, size_t at, uint16_t *out_port, bool *out_listens)
{
    const struct hm_plan_input *input = b->input;
    const struct hm_listener *listener;

    if (input->sockets != NULL) {
        const struct hm_socket *row = &input->sockets->at[at];

        *out_port = row->port;
        *out_listens = row->state == HM_SOCKET_LISTEN;
        return row->protocol == protocol && row->family == family &&
               row->state != HM_SOCKET_TIME_WAIT;
    }
    listener = &input->inventory->listeners.at[at];
    *out_port = listener->port;
    *out_listens = true;
    return listener->protocol == protocol && listener->family == family;
}

/* Those of the ports on which a socket of this stack is; listening: one that listens. */
static struct hm_ports find_used(struct hm_plan_build *b, enum hm_protocol protocol,
                                 enum hm_family family, struct hm_ports ports, bool listening)
{
    const size_t count = count_sockets(b);
    struct hm_ports used = no_ports;
    struct hm_range *ranges = NULL;
    size_t cap = 0;
    size_t found = 0;

    for (size_t i = 0; i < count; i++) {
        bool listens = false;
        uint16_t port;

        if (!read_socket(b, protocol, family, i, &port, &listens) || (listening && !listens) ||
            !hm_ports_contains(ports, port)) {
            continue;
        }
        if (hm_arena_grow(b->arena, (void **)&ranges, found, &cap, sizeof(*ranges)) != 0) {
            hm_plan_no_memory(b);
            return no_ports;
        }
        ranges[found++] = (struct hm_range){port, port};
    }
    hm_plan_fail(b, hm_ports_from_ranges(ranges, found, b->arena, &used, b->err));
    return used;
}

/* Does the verdict say that another program has ports of this stack? */
static bool is_held_there(const struct hm_verdict *verdict, enum hm_protocol protocol,
                          enum hm_family family)
{
    bool there = false;

    if (verdict->state != HM_BLOCKED || verdict->reason != HM_REASON_HELD ||
        verdict->protocol != protocol) {
        return false;
    }
    for (size_t i = 0; i < verdict->families.count; i++) {
        there = there || strcmp(verdict->families.at[i], hm_family_names[family]) == 0;
    }
    return there;
}

struct hm_ports hm_plan_busy(struct hm_plan_build *b, enum hm_protocol protocol,
                             enum hm_family family, struct hm_ports ports)
{
    const struct hm_verdicts *verdicts = b->input->verdicts;
    struct hm_ports busy = find_used(b, protocol, family, ports, false);

    for (size_t i = 0; verdicts != NULL && i < verdicts->count; i++) {
        if (is_held_there(&verdicts->at[i], protocol, family)) {
            busy = hm_plan_union(b, busy, hm_plan_common(b, verdicts->at[i].at_risk, ports));
        }
    }
    return busy;
}

/* ---- who ----------------------------------------------------------------------------------- */

struct answer {
    enum hm_whose whose;
    bool has_holder;
    struct hm_holder holder;
};

/* Made with sockets that are not known here, so it outranks the listeners. */
static bool ask_verdicts(const struct hm_plan_build *b, enum hm_protocol protocol,
                         enum hm_family family, uint16_t port, struct answer *out)
{
    const struct hm_verdicts *verdicts = b->input->verdicts;
    bool held = false;

    for (size_t i = 0; verdicts != NULL && i < verdicts->count; i++) {
        const struct hm_verdict *verdict = &verdicts->at[i];

        if (!is_held_there(verdict, protocol, family) ||
            !hm_ports_contains(verdict->at_risk, port)) {
            continue;
        }
        held = true;
        if (verdict->has_holder && verdict->holder.port == port) {
            *out = (struct answer){HM_WHOSE_FOREIGN, true, verdict->holder};
            return true;
        }
    }
    if (held) {
        *out = (struct answer){.whose = HM_WHOSE_FOREIGN};
    }
    return held;
}

static struct hm_holders *holders_of(struct hm_plan_build *b)
{
    const struct hm_judge_input input = {
        .inventory = b->input->inventory,
        .catalogue = b->input->catalogue,
        .sockets = b->input->sockets,
    };

    if (b->holders == NULL && b->status == HM_OK) {
        hm_plan_fail(b, hm_holders_open(&input, b->wanted, b->arena, &b->holders, b->err));
    }
    return b->status == HM_OK ? b->holders : NULL;
}

static struct answer ask(struct hm_plan_build *b, const struct hm_want *want, enum hm_family family,
                         uint16_t port)
{
    struct answer out = {.whose = HM_WHOSE_UNKNOWN};
    const struct hm_holders *holders;

    if (ask_verdicts(b, want->protocol, family, port, &out)) {
        return out;
    }
    holders = holders_of(b);
    if (holders != NULL) {
        hm_plan_fail(b, hm_holders_find(holders, want->product, want->protocol, family, port,
                                        b->arena, &out.whose, &out.holder, b->err));
        out.has_holder = out.whose != HM_WHOSE_NOBODY;
    }
    return out;
}

static void say_port(struct hm_plan_build *b, const struct hm_want *want, enum hm_family family,
                     struct hm_range one)
{
    const struct answer answer = ask(b, want, family, one.first);
    const bool foreign = answer.whose == HM_WHOSE_FOREIGN;
    const struct hm_holder *holder = &answer.holder;
    const char *who = "";
    struct hm_plan_note *note = hm_plan_put_want_note(b, foreign ? HM_NOTE_TAKEN : HM_NOTE_BUSY,
                                                      want, &family, hm_plan_one(b, one));

    if (answer.has_holder) {
        note->has_holder = true;
        note->holder = *holder;
        who = hm_str_equal(holder->service, "") ? holder->program : holder->service;
    }
    who = hm_str_equal(who, "") ? "A process without a name" : who;
    note->text = hm_plan_print(
        b,
        foreign ? "%s has it now and is another program: the service that the port is for cannot "
                  "start until it is free. The agent tries again until then."
        : answer.whose == HM_WHOSE_OWN
            ? "%s has it now and belongs to the service that the port is for: Windows excludes no "
              "port that is in use. The agent tries again until the service stops."
            : "%s has it now: Windows excludes no port that is in use. The agent tries again until "
              "it is free.",
        who);
}

void hm_plan_say_busy(struct hm_plan_build *b, const struct hm_want *want, enum hm_family family,
                      struct hm_ports busy)
{
    for (size_t i = 0; i < busy.count; i++) {
        for (uint32_t port = busy.at[i].first; b->status == HM_OK && port <= busy.at[i].last;
             port++) {
            say_port(b, want, family, (struct hm_range){(uint16_t)port, (uint16_t)port});
        }
    }
}

/* ---- blocks of components ------------------------------------------------------------------ */

void hm_plan_say_block(struct hm_plan_build *b, const struct hm_want *want, enum hm_family family,
                       struct hm_ports held)
{
    const struct hm_stack *stack = hm_inventory_stack(b->input->inventory, want->protocol, family);
    struct hm_ports own = find_used(b, want->protocol, family, held, true);
    struct hm_ports taken = hm_plan_without(b, held, own);

    if (own.count > 0) {
        hm_plan_put_want_note(b, HM_NOTE_BUSY, want, &family, own)->text =
            "A component (HTTP.sys, WinNAT, HNS) holds it in a block of its own, and a program "
            "listens there. The agent tries again until the block is gone.";
    }
    for (size_t i = 0; stack != NULL && i < stack->runtime.count; i++) {
        const struct hm_range block = stack->runtime.at[i];
        struct hm_ports part = hm_plan_common(b, taken, (struct hm_ports){&block, 1});

        if (part.count > 0) {
            hm_plan_put_want_note(b, HM_NOTE_TAKEN, want, &family, part)->text = hm_plan_print(
                b,
                "A component (HTTP.sys, WinNAT, HNS) holds the block %u-%u: no other program can "
                "listen there (error 10013). The agent tries again; blocks change with a restart.",
                (unsigned)block.first, (unsigned)block.last);
        }
    }
}
