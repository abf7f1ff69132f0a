/* common/plan/plan_build.h — a plan in the making.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Private to planning. The first failure is kept in status; everything goes on with empty lists
 * until hm_plan looks. */
#pragma once

#include "common/judge/holder.h"
#include "common/plan/plan.h"

/* Wanted ports that must not be excluded on this host, and why: all that share one text. */
struct hm_plan_hazard {
    enum hm_refusal_code code;
    struct hm_ports ports;
    const char *text; /* what it is, how that is known, and what to do instead */
};

struct hm_plan_hazards {
    struct hm_plan_hazard *at; /* what is certain comes first: a port is refused once */
    size_t count;
    size_t cap;
};

struct hm_plan_build {
    const struct hm_plan_input *input;
    struct hm_arena *arena;
    struct hm_ledger ledger;
    struct hm_local_limits limits;
    struct hm_policies policies; /* those that count: whole, unexpired, newest; sorted by name */
    struct hm_strings over;      /* those that want more ports than the local limits allow */
    struct hm_wants wants;       /* of all the others */
    struct hm_ports wanted[2];   /* by protocol: all that is wanted, as a set */
    bool shared_range;           /* Linux, 2000 to 2003: one range and one list for all stacks */
    bool legacy;
    bool has_dynamic[HM_STACK_COUNT]; /* by hm_stack_index: as it will be after this plan */
    struct hm_range dynamic[HM_STACK_COUNT];
    uint32_t floor[HM_STACK_COUNT];    /* ports that must stay usable in it */
    struct hm_plan_hazards hazards[2]; /* by protocol */
    struct hm_ports plain[2];   /* by protocol: surely of plain sockets; made only when in doubt */
    struct hm_sample sample;    /* of the sockets; empty without them */
    struct hm_holders *holders; /* made when first asked for; see plan_holder.c */
    struct hm_actions actions;
    size_t actions_cap;
    struct hm_action spare_action; /* taken when there is no memory */
    struct hm_plan_notes notes;
    size_t notes_cap;
    struct hm_plan_note spare_note;
    enum hm_status status;
    struct hm_err *err;
};

/* What a change of the policy must wait for, if anything. */
enum hm_plan_gate {
    HM_GATE_OPEN,
    HM_GATE_AUDIT,
    HM_GATE_WINDOW,
    HM_GATE_LOCAL,
    HM_GATE_SETTLING, /* of exclusions some may pass: hm_plan_ready_ports */
};
enum hm_plan_gate hm_plan_gate(const struct hm_plan_build *b, const struct hm_policy *policy);

/* The note for a gate that is not open. */
void hm_plan_put_gate(struct hm_plan_build *b, struct hm_plan_note *note, enum hm_plan_gate gate);

/* Exclusions of one stack that may be added for the policy while its gate is HM_GATE_SETTLING;
 * those that the ledger names may be, too. */
struct hm_ports hm_plan_ready_ports(struct hm_plan_build *b, const struct hm_policy *policy,
                                    enum hm_protocol protocol, enum hm_family family);

/* Is it not known who serves a port that looks free? Then only those may be added that the ledger
 * names, or that b->plain has. */
bool hm_plan_is_in_doubt(const struct hm_plan_build *b);
void hm_plan_say_doubt(struct hm_plan_build *b, struct hm_plan_note *note);

/* Is the policy refused as a whole, as it is now? Then nothing is done for it, and what an earlier
 * revision of it has added stays. */
bool hm_plan_is_over(const struct hm_plan_build *b, const char *policy);

/* Never NULL. */
struct hm_action *hm_plan_put_action(struct hm_plan_build *b, enum hm_action_kind kind);
struct hm_plan_note *hm_plan_put_note(struct hm_plan_build *b, enum hm_plan_note_kind kind,
                                      const char *policy, uint32_t revision);

/* A note on ports of one stack, or of a list that all stacks share (family NULL). */
struct hm_plan_note *hm_plan_put_want_note(struct hm_plan_build *b, enum hm_plan_note_kind kind,
                                           const struct hm_want *want, const enum hm_family *family,
                                           struct hm_ports ports);
void hm_plan_refuse(struct hm_plan_build *b, struct hm_plan_note *note, enum hm_refusal_code code,
                    const char *text);

/* Sets, text: {NULL, 0} and "" after a failure. One range lives in the arena. */
struct hm_ports hm_plan_union(struct hm_plan_build *b, struct hm_ports a, struct hm_ports c);
struct hm_ports hm_plan_without(struct hm_plan_build *b, struct hm_ports a, struct hm_ports c);
struct hm_ports hm_plan_common(struct hm_plan_build *b, struct hm_ports a, struct hm_ports c);
struct hm_ports hm_plan_one(struct hm_plan_build *b, struct hm_range range);
const char *hm_plan_print(struct hm_plan_build *b, const char *fmt, ...) HM_PRINTF(2, 3);
const char *hm_plan_ports_text(struct hm_plan_build *b, struct hm_ports ports); /* cut when long */
void *hm_plan_alloc(struct hm_plan_build *b, size_t count, size_t size);        /* or NULL */
void hm_plan_fail(struct hm_plan_build *b, enum hm_status st);
void hm_plan_no_memory(struct hm_plan_build *b);

/* Would these usable ports be under the floor, or nearly all in use? index: hm_stack_index. */
bool hm_plan_is_too_few(const struct hm_plan_build *b, unsigned index, uint32_t left);
/* Usable ports of the stack as the plan leaves its range. */
uint32_t hm_plan_usable(struct hm_plan_build *b, unsigned index);
uint32_t hm_plan_default_floor(struct hm_range range);

enum hm_protocol hm_plan_protocol(unsigned index);
enum hm_family hm_plan_family(unsigned index);

/* Those of the ports that somebody has in this stack. */
struct hm_ports hm_plan_busy(struct hm_plan_build *b, enum hm_protocol protocol,
                             enum hm_family family, struct hm_ports ports);
/* Notes for a want's ports that somebody has: "taken" or "busy", each port with its holder. */
void hm_plan_say_busy(struct hm_plan_build *b, const struct hm_want *want, enum hm_family family,
                      struct hm_ports busy);
/* The same for ports in blocks that components hold. */
void hm_plan_say_block(struct hm_plan_build *b, const struct hm_want *want, enum hm_family family,
                       struct hm_ports held);

/* The parts, in their order. Ranges first: exclusions must leave headroom in the new one. */
void hm_plan_find_hazards(struct hm_plan_build *b);
void hm_plan_find_plain(struct hm_plan_build *b);
void hm_plan_ranges(struct hm_plan_build *b);
void hm_plan_timed_wait_delay(struct hm_plan_build *b);
void hm_plan_exclusions(struct hm_plan_build *b, unsigned index); /* modern Windows, one stack */
void hm_plan_list(struct hm_plan_build *b);                       /* Linux, 2000 to 2003 */
