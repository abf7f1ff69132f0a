/* tests/boots/boots.h — a whole agent with signed policies on recorded hosts that boot again and
 * again.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A sequence is several boots of one host with one state folder: the host's ports, times and
 * exclusions persist or vanish as on a real one, the agent starts some seconds after the boot and
 * decides itself when to look. After every look, and at the end of every boot, truth.c compares
 * what the agent did and said with what the simulated host knows of itself (boot.h). What is there
 * at first comes from the files by the product's own readers: which listeners are those of HTTP.sys
 * and, by the verdicts of the settled host, which UDP ports somebody asks for by number. What they
 * may read wrong is written down by people for the hosts of tests/fixtures/boots (boots.txt).
 *
 * Clocks that are wrong early in a boot, or jump by hours or years while the agent runs, are part
 * of it. What this does not show: a service that restarts, or a block that moves, within a boot;
 * clients that close their sockets; what an operator does meanwhile; settings that change; a real
 * HTTP.sys. A port that no setting and no boot has shown ten minutes after a boot may be excluded
 * once (policies.md, "What the agent does", 8): such ports are counted, and a second time is a
 * breach.
 */
#pragma once

#include "agent/agent.h"
#include "agent/platform/recorded/boot.h"
#include "tests/support/signers.h"

#define BOOTS_PORTS 65536u
#define BOOTS_POLICIES 12u
#define BOOTS_EXTRAS 12u
#define BOOTS_PATH 512u

/* Ports of each stack, or with two of each protocol. */
struct boots_set {
    uint64_t at[HM_STACK_COUNT][BOOTS_PORTS / 64];
};
bool boots_has(const struct boots_set *set, unsigned row, uint32_t port);
void boots_put(struct boots_set *set, unsigned row, struct hm_ports ports);

/* ---- host.c: a recorded host, and what tempts an agent there --------------------------------- */

struct boots_policy {
    const char *name;
    const char *product; /* or ports: */
    struct hm_ports ports[2];
};

struct boots_host {
    const char *name;
    char folder[BOOTS_PATH];
    struct hm_arena arena;
    struct hm_boot_host *files;
    const struct hm_observation *settled;
    const struct hm_catalogue *catalogue;
    struct hm_ports asked[2]; /* ports of requirements */
    bool is_modern;           /* exclusions of Windows */
    struct hm_boot_extra extras[BOOTS_EXTRAS];
    size_t extras_count;
    struct boots_policy policies[BOOTS_POLICIES];
    size_t policies_count;
    struct boots_set hazards; /* by protocol: ports that must never be excluded */
    struct boots_set listed;  /* by protocol: the catalogue says so of some product */
};

/* What a sequence varies. */
struct boots_variant {
    bool hides_settings; /* nobody can read what HTTP.sys is set up to serve */
    bool hides_some;     /* … in some boots, and late in others */
    bool is_configured;  /* the URLs beside those of the files can be read, otherwise */
    bool only_judges;    /* no policy is ever delivered: what is at risk stays so */
    bool only_a1;        /* one URL that nobody can read and a policy on its port, nothing else */
    bool comes_late;     /* a service that no setting shows is first started in the third boot */
    bool loses_book;     /* before some boots the port book and its copy are damaged or deleted */
};

void boots_host_open(struct boots_host *host, const char *folder, const char *name,
                     const struct hm_catalogue *catalogue);
void boots_host_close(struct boots_host *host);
/* Before each sequence. */
void boots_host_vary(struct boots_host *host, const struct boots_variant *variant);
/* One signed statement for each policy, in the signers' arena. */
struct hm_envelope *boots_statements(struct boots_host *host, struct hm_signers *people);

/* ---- sequence.c ------------------------------------------------------------------------------ */

struct boots_counts {
    uint64_t boots;
    uint64_t looks;
    uint64_t changes; /* exclusions and list entries that were added */
    uint64_t ends;    /* policies that were judged at the end of a boot */
    uint64_t verified;
    uint64_t waiting;
    uint64_t refused;
    uint64_t early;  /* boots in which something was added before the host had settled */
    uint64_t failed; /* services that did not get a port */
    uint64_t broken; /* of these, because it was excluded */
    uint64_t claims; /* of these, ports that were never called safe */
    uint64_t limits; /* ports excluded that nothing had shown ten minutes after the boot */
    uint64_t
        suspected; /* policies off at the end of a boot by suspicion, where nobody names a port */
    uint64_t breaches;
};

struct boots_options {
    unsigned boots; /* of a sequence */
    bool rule_off;  /* waiting until the host has settled */
    bool is_quiet;  /* breaches are counted, not printed */
    bool is_verbose;
};

struct boots_sequence {
    struct boots_host *host;
    const struct boots_options *options;
    struct boots_counts *counts;
    struct boots_variant variant;
    uint64_t seed;
    unsigned number; /* of the boot at hand, from 1 */
    struct hm_boot *boot;
    struct hm_agent *agent;
    struct hm_platform *eyes; /* of the one who checks */
    int64_t booted_ms;
    const char *boot_id;
    bool is_denied;
    bool is_unread;          /* what HTTP.sys is set up to serve, at the end of the boot */
    bool was_unread;         /* and when the agent last slept after a scan */
    bool was_exhausted;      /* a range had no port left when an outcome was told */
    bool is_delivered;       /* the policies */
    bool has_seen;           /* the agent, all that must not be excluded, in some boot */
    bool was_early;          /* something was added early in this boot */
    struct boots_set before; /* excluded by the agent, by stack, after the last check */
    struct boots_set ever;   /* … at any time */
    struct boots_set held;   /* wanted, and held by a plain socket at the end of a boot */
    struct boots_set shown;  /* by protocol: hazards that somebody has served in some boot */
    struct boots_set limit;  /* by protocol: excluded, and nothing had shown them */
    struct boots_set harmed; /* by protocol: excluded when its service wanted it, in any boot */
    bool is_unnamed;         /* … for one of these HTTP.sys names no address */
    unsigned lost_boots;     /* that the agent must see whole before its memory counts again */
    unsigned whole_boot;     /* the newest of them */
    bool has_looked;         /* the agent, right now */
    int64_t looked_ms;       /* since the boot: the last look of an agent */
    uint64_t outcome;        /* hash of the last one that was looked at */
    struct boots_set safe;   /* by stack: called safe in the last report of the boot before */
    struct boots_set claims; /* in the last report of this one */
    char folder[BOOTS_PATH];
    char state[BOOTS_PATH];
    char files[BOOTS_PATH];
};

/* Runs one; its breaches are printed with the seed, so that it can be run again alone. */
void boots_run(struct boots_host *host, uint64_t seed, const struct boots_variant *variant,
               const struct boots_options *options, struct boots_counts *counts);
/* What a host is set up to serve can be read and is in the files or the extras. */
bool boots_is_set_up(const struct boots_host *host, enum hm_protocol protocol, uint16_t port);
int64_t boots_uptime_ms(const struct boots_sequence *sequence);

/* ---- lost_book.c ----------------------------------------------------------------------------- */

/* Between two boots: nobody can read the port book any more. how: any number. */
void boots_lose_book(struct boots_sequence *sequence, uint64_t how);
/* Before each check of a look. */
void boots_note_whole(struct boots_sequence *sequence);

/* ---- truth.c --------------------------------------------------------------------------------- */

void boots_breach(struct boots_sequence *sequence, const char *fmt, ...) HM_PRINTF(2, 3);
/* A boot has begun: nothing was excluded yet in it. */
void boots_check_begin(struct boots_sequence *sequence);
/* After a look of the agent, or while none runs. */
void boots_check_look(struct boots_sequence *sequence);

enum hm_protocol boots_protocol(unsigned stack);
enum hm_family boots_family(unsigned stack);
bool boots_is_windows(const struct boots_sequence *sequence);
/* The host as the one who checks sees it; it lives in the arena. */
void boots_look(struct boots_sequence *sequence, struct hm_arena *arena,
                struct hm_observation *out);
/* Administered exclusions, ReservedPorts as written, or the list of Linux. filed: of a settled
 * host, whose next boot has what is only written now. */
void boots_collect(const struct boots_sequence *sequence, const struct hm_inventory *inventory,
                   bool filed, struct boots_set *out);

/* ---- report.c -------------------------------------------------------------------------------- */

/* After each look, where it is not the last one: verified is what is there, and nobody undoes or
 * retires anything here. */
void boots_check_outcome(struct boots_sequence *sequence);
/* The host has settled, and the agent has looked since. */
void boots_check_settled(struct boots_sequence *sequence);

/* ---- claims.c -------------------------------------------------------------------------------- */

/* The agent stops: what its last report claims of the next boot. */
void boots_take_claims(struct boots_sequence *sequence);
/* The boot ends. */
void boots_check_end(struct boots_sequence *sequence);
