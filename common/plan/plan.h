/* common/plan/plan.h — what the policies of one host would do to it: each action, or the reason
 * for none.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The agent carries it out, the collector shows it beforehand: one function. Merge, never replace:
 * what others made stays as it stands, with its bounds; removed is only what the ledger says we
 * added, with the same bounds. Pure: everything returned lives in the arena or borrows from the
 * input. Threads: safe, each with its own arena. */
#pragma once

#include "common/judge/verdict.h"
#include "common/plan/ledger.h"
#include "common/plan/policy.h"
#include "common/ports/port_book.h"
#include "common/ports/sockets.h"

/* In the order in which they are carried out. */
enum hm_action_kind {
    HM_ACTION_REMOVE_EXCLUSION,
    HM_ACTION_ADD_EXCLUSION,
    HM_ACTION_SET_RESERVED_PORTS,  /* 2000, XP, 2003: the whole value, in lines */
    HM_ACTION_SET_SYSCTL_RESERVED, /* Linux: the whole list, in ports */
    HM_ACTION_SET_RANGE,           /* 2000 to 2003: MaxUserPort = range.last, or no value (unset) */
    HM_ACTION_SET_TIMED_WAIT_DELAY, /* 2000 to 2003: TcpTimedWaitDelay, or no value (unset) */
};
#define HM_ACTION_KIND_COUNT 6
extern const char *const hm_action_kind_names[HM_ACTION_KIND_COUNT];

struct hm_action {
    enum hm_action_kind kind;
    bool has_protocol; /* both or neither: lists and ranges that a system has only one of */
    enum hm_protocol protocol;
    bool has_family;
    enum hm_family family;
    const char *policy; /* whose: of a removal the one that had added it; lists: see owned */
    uint32_t revision;
    struct hm_ports ports;   /* exclusion: one range, exactly as netsh needs it; sysctl: the list */
    struct hm_strings lines; /* ReservedPorts */
    bool has_range;          /* of set_range */
    struct hm_range range;   /* as it shall be */
    bool has_timed_wait_delay_s;  /* of set_timed_wait_delay; false: unset */
    uint32_t timed_wait_delay_s;  /* as it shall be */
    bool unset;                   /* delete the registry value: it was not there before */
    struct hm_owned_list owned;   /* lists: our part of them afterwards; empty = nothing is ours */
    struct hm_ports before_ports; /* lists: the part of others, for the ledger */
    struct hm_strings before_lines; /* likewise */
    struct hm_range before_range;   /* as it stands now */
    bool has_before_timed_wait_delay_s;
    uint32_t before_timed_wait_delay_s; /* as it stands now */
    bool before_unset;                  /* without us there is no such registry value */
    bool restores;            /* it brings back what stood there before us: the ledger forgets */
    bool needs_reboot;        /* it counts after the next boot only */
    const char *precondition; /* what must be seen right before; otherwise: plan again */
    const char *reason;
};

struct hm_actions {
    struct hm_action *at;
    size_t count;
};

enum hm_plan_note_kind {
    HM_NOTE_ALREADY_THERE,
    HM_NOTE_FOREIGN_LEFT_ALONE, /* others changed what we once made: it is theirs now */
    HM_NOTE_GONE,               /* the ledger's entry is no longer there, and nobody wants it */
    HM_NOTE_REFUSED,            /* see code */
    HM_NOTE_TAKEN,              /* another program or component has it, see holder */
    HM_NOTE_BUSY, /* its own service has it, or nobody knows whose it is; see holder */
    HM_NOTE_WAITING_WINDOW,
    HM_NOTE_WAITING_REBOOT,
    HM_NOTE_WAITING_SETTLING, /* the host has not settled since its boot: nothing new is changed */
    HM_NOTE_AUDIT_ONLY,       /* would be done in mode enforce */
};
#define HM_PLAN_NOTE_KIND_COUNT 10
extern const char *const hm_plan_note_kind_names[HM_PLAN_NOTE_KIND_COUNT];

enum hm_refusal_code {
    HM_REFUSE_NONE,
    HM_REFUSE_HTTPSYS, /* an exclusion would break the listener at its next start */
    HM_REFUSE_QUIC,
    HM_REFUSE_SHARED,
    HM_REFUSE_CONTAINER,
    HM_REFUSE_UNSAFE, /* the catalogue says so for another reason */
    HM_REFUSE_LOCAL_LIMIT,
    HM_REFUSE_UNSUPPORTED_SYSTEM,
    HM_REFUSE_FACTS_MISSING,
    HM_REFUSE_WOULD_BREAK_HEADROOM,
    HM_REFUSE_CONTRADICTION, /* of two policies; both are named */
    HM_REFUSE_EXPIRED,
    HM_REFUSE_INVALID, /* hm_policy_check */

    /* Of what was delivered, before any plan: the agent did not take it (crypto/refusal.h). */
    HM_REFUSE_WRONG_TYPE,
    HM_REFUSE_UNSIGNED,
    HM_REFUSE_ALTERED,
    HM_REFUSE_UNKNOWN_KEY,
    HM_REFUSE_THRESHOLD,
    HM_REFUSE_AUTHOR_ONLY,
    HM_REFUSE_WRONG_FLEET,
    HM_REFUSE_REPLAYED,
    HM_REFUSE_MALFORMED,
};
#define HM_REFUSAL_CODE_COUNT 22
extern const char *const hm_refusal_code_names[HM_REFUSAL_CODE_COUNT];

struct hm_plan_note {
    enum hm_plan_note_kind kind;
    enum hm_refusal_code code; /* of "refused" */
    const char *policy;
    uint32_t revision;
    bool has_protocol;
    enum hm_protocol protocol;
    bool has_family;
    enum hm_family family;
    struct hm_ports ports;
    bool has_range; /* the note is about a dynamic range */
    struct hm_range range;
    bool has_timed_wait_delay_s; /* the note is about TcpTimedWaitDelay */
    uint32_t timed_wait_delay_s;
    bool has_holder;
    struct hm_holder holder;
    const char *text; /* one sentence for people */
};

struct hm_plan_notes {
    struct hm_plan_note *at;
    size_t count;
};

struct hm_plan {
    struct hm_actions actions; /* in the order to carry them out */
    struct hm_plan_notes notes;
    bool needs_reboot; /* one of the actions does */
};

/* From the agent's own configuration: wins over every policy. */
struct hm_local_limits {
    bool enforce_off;          /* nothing is changed, nothing is removed */
    struct hm_ports never;     /* ports never to touch */
    uint32_t policy_ports_max; /* most ports of one policy and protocol; 0 = no limit */
};

/* What may be added for a policy although the host has not settled since its boot. */
struct hm_plan_ready {
    const char *policy;
    bool verified; /* all that it wants, as it was verified before; the rest does not count then */
    enum hm_protocol protocol;
    enum hm_family family;
    struct hm_ports ports; /* waited only for a plain socket to go away, when the host had settled
                              and what HTTP.sys is set up to serve was known */
};

struct hm_plan_readies {
    const struct hm_plan_ready *at;
    size_t count;
};

struct hm_plan_input {
    const struct hm_inventory *inventory;
    const struct hm_sockets *sockets;   /* NULL: the inventory's listeners say who is busy, */
    const struct hm_verdicts *verdicts; /* and these, made with the sockets; NULL = none */
    struct hm_policies policies;        /* those that match the host, in any order */
    const struct hm_catalogue *catalogue;
    const struct hm_ledger *ledger;       /* NULL = empty */
    const struct hm_local_limits *limits; /* NULL = none */
    int64_t now_ms;
    bool clock_doubted;  /* the time may be wrong: no window counts as open */
    const char *boot_id; /* "" unknown */
    /* NULL: the host has settled. Otherwise only these are added, and exclusions that the ledger
     * names and the system has shown (also below); the rest is noted as waiting_settling. What
     * nobody wants any more is removed all the same: that harms nobody, and a change that did harm
     * must be undone at once. */
    const struct hm_plan_readies *settling;
    /* Remembered ports that must not be excluded, in addition to those of the inventory's port
     * book; NULL = none. */
    const struct hm_port_hazards *remembered;
    /* What was remembered is lost, and boots seen since are too few: no exclusion is added but
     * those that the ledger names. */
    bool memory_lost;
    /* What HTTP.sys, IIS and containers are set up to serve is not known whole: nothing is added
     * but what the ledger names, and what a plain socket surely serves. */
    bool settings_unread;
    /* Early in a boot, and a service that starts by itself has failed: likewise, but it waits. */
    bool services_failed;
};

/* A stack keeps this many usable ports, or a quarter of its range where that is less. */
#define HM_PLAN_HEADROOM_MIN 1024u

/* Fails on lack of memory and past caps only; what is wrong with one policy or one port is a note
 * and stops nothing else. Same input, same plan, whatever the order of the policies. */
enum hm_status hm_plan(const struct hm_plan_input *input, struct hm_arena *arena,
                       struct hm_plan *out_plan, struct hm_err *err) HM_MUST_CHECK;
