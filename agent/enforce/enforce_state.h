/* agent/enforce/enforce_state.h — what enforcement keeps in the state folder: ledger.json,
 * enforce.json. SPDX-License-Identifier: Apache-2.0
 *
 * Private to enforcement. Read again in each pass, written when something changed; each write is
 * atomic and durable. Threads: one.
 *
 * enforce.json is there before ledger.json is, always has "policies", and carries the id of the
 * state folder (port_book.h), so that one that was lost, cut, or another agent's does not look like
 * an empty state: that would forget what the dead-man turned off, and "hm-agent restore". Nothing
 * is enforced or removed then until it is put back, or a person begins again without it
 * (hm_enforcer_resume). A file without an id is an older version's, and counts.
 *
 * A file of an older version lacks fields, and what is absent is empty. The state of a host before
 * a change is an exception (knows_before): empty would blame a policy for a service that failed
 * long before it. What the file does have of it counts; beside that, what fails in the boot of the
 * change at the first pass of this version is taken for older, as the older version watched until
 * then; a service that fails in the boot after it is not, as it may fail because of the change. */
#pragma once

#include "common/plan/outcome.h"
#include "common/wire/fields.h"

/* A listener that a change was to protect. */
struct hm_watched {
    enum hm_protocol protocol;
    enum hm_family family;
    uint16_t port;
    const char *program;
    const char *service; /* "" unknown */
    uint32_t misses;     /* looks in a row that did not see it */
};

struct hm_watched_list {
    struct hm_watched *at;
    size_t count;
};

/* Events of the boot in which HTTP.sys could not serve an address, before the change. */
struct hm_watched_error {
    const char *provider;
    const char *address; /* "" unknown */
    uint32_t count;
};

struct hm_watched_errors {
    struct hm_watched_error *at;
    size_t count;
};

/* Its seconds are those of its boot (hm_run_boot_s), which ends it: no clock that is set does. */
struct hm_watch {
    int64_t until;    /* by the clock: for older versions, nothing asks for it */
    uint64_t until_s; /* 0: written by an older version */
    uint32_t seconds; /* its length */
    const char *boot_id;
    bool ephemeral; /* ports were handed out before the change */
    uint32_t ephemeral_misses;
    uint64_t paused_s;     /* a service of its listeners is stopped since then; 0 = none is */
    uint64_t host_until_s; /* as until_s, without pauses: for harm to others; 0 = it is over */
    struct hm_watched_errors errors;
    struct hm_watched_list listeners;
};

/* A service because of which a revision is off, although the port book knows the port as that of a
 * plain socket: what happens without the policy may show that it is innocent. */
struct hm_blame {
    const char *service;
    enum hm_protocol protocol;
    uint16_t port;
    const char *gone_boot_id; /* boot in which nothing of the policy was left; "" something is */
    uint32_t failures;        /* events of it in that boot until then; UINT32_MAX unread */
};

/* Ports that waited only for a plain socket to go away, when the host had settled. */
struct hm_enforce_wait {
    enum hm_protocol protocol;
    enum hm_family family;
    struct hm_ports ports;
};

struct hm_enforce_waits {
    struct hm_enforce_wait *at; /* one a stack at most */
    size_t count;
};

/* The boot at hand; times are seconds since it began. */
struct hm_enforce_boot {
    const char *boot_id;
    uint64_t number; /* of the boots that this agent has seen */
    bool settled;
    bool has_facts; /* as in struct hm_settled_memo */
    uint64_t facts;
    uint64_t since_s;
    bool has_first_change_s;
    uint64_t first_change_s;
    bool has_complete_s;
    uint64_t complete_s; /* nothing was left that could be done */
    bool reserved_late;  /* reserved ports were missing until the first pass */
    const char *kept_by; /* what reserves them at a boot, for people; "" unknown, or nothing does */
};

/* One policy on this host, at the newest revision that met it. */
struct hm_enforce_row {
    const char *policy;
    uint32_t revision;
    enum hm_policy_mode mode;
    enum hm_outcome_state state;
    enum hm_outcome_why why;
    enum hm_refusal_code code;
    int64_t since;
    bool has_failing_since;
    int64_t failing_since;
    uint32_t repairs;
    uint32_t streak;      /* of them, one soon after the other */
    int64_t repaired_at;  /* the last one; 0 = none */
    const char *verified; /* what it wanted when it was last verified; "" it never was */
    bool disturbed;       /* somebody undid it since */
    const char *off;      /* why this revision stays off here (dead-man); "" it does not */
    bool has_blame;
    struct hm_blame blame; /* of off */
    /* Nothing but suspicion led to off: the boot, and its second; "" something did, or nobody may
     * name another port any more. */
    const char *guessed_boot_id;
    uint64_t guessed_s;
    const char *guessed_of;      /* the service */
    const char *innocent_of;     /* service because of which this revision was off; "" none */
    bool named_another;          /* … HTTP.sys has shown it: the port is not one of this policy */
    bool was_verified;           /* some revision of it was, since it was last retired */
    const char *removed_boot_id; /* boot in which something of it was removed that stays in force
                                    until the next one; "" nothing was */
    struct hm_enforce_waits waits;
    const char *changed_boot_id; /* boot of its last change; "" it is over */
    int64_t changed_at;          /* time of that change; 0 unknown */
    uint64_t changed_s;          /* … second of that boot; 0 unknown */
    uint64_t changed_number;     /* of that boot */
    /* Of that time: services that had ended with error 32, those that had not run since they did
     * (of earlier boots, too), and addresses that HTTP.sys could not serve. */
    bool knows_before; /* false: written by an older version */
    struct hm_strings failed_before;
    struct hm_strings failing_before;
    struct hm_watched_errors errors_before;
    bool has_watch;
    struct hm_watch watch;

    /* Of this pass, never on disk. */
    const struct hm_policy *chosen;   /* NULL = nothing of it is wanted here */
    const struct hm_policy *stand_in; /* counts in its place; NULL = it counts itself */
    bool lost;                        /* its document is not there any more */
    struct hm_wants wants;
    char wanted[17];     /* what it wants now, as a hash */
    bool wants_unknown;  /* its product is not in the catalogue here */
    bool tried;          /* a change of it was begun */
    bool made;           /* … and may have been made */
    bool marked;         /* the action at hand concerns it */
    bool watch_is_new;   /* the watch began in this pass */
    bool recent;         /* its last change may still be why a service fails */
    bool unread;         /* changed, and the system could not be read again */
    bool busy;           /* … and the system says that it is so just now */
    const char *failure; /* why a change failed; NULL = none did */
    const char *text;    /* for the report */
};

struct hm_enforce_rows {
    struct hm_enforce_row *at;
    size_t count;
};

/* A service that ended with error 32 and has not been seen running since. */
struct hm_failing {
    const char *service;
    int64_t since;
    /* The dead-man attributed the failure to a policy. Once the service has failed again, this
     * failure excuses no later change. The next fields describe the attributed failure. */
    bool by_us;
    const char *boot_id;
    bool stopped; /* seen in another state since, in that boot */
    bool has_failures;
    uint32_t failures; /* events of that boot until then */
};

struct hm_failing_list {
    struct hm_failing *at;
    size_t count;
};

/* A service that was started in a boot after a change. */
struct hm_start {
    const char *service;
    uint64_t boot;   /* number of the newest one */
    uint64_t before; /* … and of the one before; 0 none */
};

struct hm_starts {
    struct hm_start *at;
    size_t count;
};

struct hm_enforce_state {
    const char *id; /* of the state folder that it belongs to; "" an older version wrote it */
    bool held;      /* hm-agent restore */
    bool ledger;    /* there is a ledger.json: where it is gone, it was lost */
    bool has_boot;
    struct hm_enforce_boot boot;
    struct hm_failing_list failing;
    struct hm_starts starts;
    struct hm_enforce_rows policies;
};

extern const struct hm_record hm_record_enforce_boot;

/* HM_EINVAL: the file is damaged, or it is gone and there is a ledger.json. Without both it is an
 * empty state. */
enum hm_status hm_enforce_state_load(const char *state_dir, struct hm_arena *arena,
                                     struct hm_enforce_state *out_state,
                                     struct hm_err *err) HM_MUST_CHECK;
/* As above, and with this id; "" any. HM_ECONFLICT: it has another one. */
enum hm_status hm_enforce_state_load_own(const char *state_dir, const char *id,
                                         struct hm_arena *arena, struct hm_enforce_state *out_state,
                                         struct hm_err *err) HM_MUST_CHECK;
/* A person goes on without what is damaged or gone: an empty state takes its place, and what there
 * was stays as enforce.json.broken. *out_renewed: it was so; otherwise nothing is done.
 * HM_ECONFLICT as above. */
enum hm_status hm_enforce_state_renew(const char *state_dir, const char *id, struct hm_arena *arena,
                                      bool *out_renewed, struct hm_err *err) HM_MUST_CHECK;
/* No write when the file says so already. */
enum hm_status hm_enforce_state_save(const char *state_dir, const struct hm_enforce_state *state,
                                     struct hm_err *err) HM_MUST_CHECK;

/* As above; expected: it has been written once, so that no file is HM_EINVAL too. */
enum hm_status hm_ledger_load(const char *state_dir, bool expected, struct hm_arena *arena,
                              struct hm_ledger *out_ledger, struct hm_err *err) HM_MUST_CHECK;
enum hm_status hm_ledger_save(const char *state_dir, const struct hm_ledger *ledger,
                              struct hm_err *err) HM_MUST_CHECK;
