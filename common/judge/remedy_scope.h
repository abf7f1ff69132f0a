/* common/judge/remedy_scope.h — what one remedy covers: which ports it keeps free, what has them
 * now, and which services that concerns.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Private to the remedies. A scope is the same for every finding of a product: all its requirements
 * that are at risk on the host. Ports of reservers (HTTP.sys, QUIC, containers, shared ports) and
 * ports outside the dynamic range are never to be reserved (windows-ports 2.1). */
#pragma once

#include "common/judge/remedy.h"
#include "common/judge/remedy_services.h"

#define HM_REMEDY_POOL_LIST_SINCE 601u /* SocketPoolExcludedPortRanges: 2008 R2 and later */
#define HM_REMEDY_ASK_SINCE 601u       /* UdpPortPolicy of Deployment Services: 2008 R2 and later */
#define HM_REMEDY_REG_SINCE 501u       /* reg.exe is a part of the system: XP and later */

/* netstat lists ports that are only bound: 10, 2016 and later (8.1, 2012 R2: with KB3123245). */
#define HM_REMEDY_NETSTAT_Q_SINCE 1000u

/* What has a port, by what can be done about it. Of several the last one here counts. */
enum hm_block {
    HM_BLOCK_NONE,     /* a connection that nobody answers, or a closed one: it ends by itself */
    HM_BLOCK_STOP,     /* a service that may be stopped */
    HM_BLOCK_LAST,     /* likewise, but that ends the connection of the person who types */
    HM_BLOCK_OWN,      /* the product itself, and no command may stop it; or what a cluster runs */
    HM_BLOCK_DISABLED, /* likewise, as it is disabled and would not start again */
    HM_BLOCK_BOOT,     /* somebody who was given the port by chance and may not be stopped */
    HM_BLOCK_FIXED,    /* somebody who listens there by choice: two products want one port */
};
#define HM_BLOCK_COUNT 7

/* The name of a blocker that is the published port of a container. */
#define HM_REMEDY_CONTAINER "a container's published port"

/* The name of a blocker that is a connection which the kernel alone still has. */
#define HM_REMEDY_CLOSED "a connection that its program has closed"

struct hm_blocker {
    enum hm_protocol protocol;
    struct hm_range range;
    enum hm_block block;
    enum hm_stop stop;
    const char *service; /* "" unknown */
    const char *name;    /* for people: the service, or else the program */
    uint32_t pid;        /* 0 unknown */
    bool own;            /* the product itself */
    const char *program; /* of a foreign one; "" unknown */
    const char *remote;  /* that it is connected to; "" none */
    bool stray;          /* by its name its program, without a service */
    bool apart;          /* on an address that the product does not use */
    bool unsure;         /* it may be set up for the port, or have been given it */
    const struct hm_need *need;
};

struct hm_blockers {
    struct hm_blocker *at;
    size_t count;
    size_t cap;
};

struct hm_remedy_scope {
    const struct hm_finding_ctx *ctx;
    struct hm_finding_list *list;
    const struct hm_need **needs;
    size_t count;
    size_t cap;
    struct hm_stack_ports wanted;               /* to be reserved */
    struct hm_ports unwanted[2];                /* by protocol: in the dynamic range, and must not
                                                   be excluded */
    struct hm_ports blocked[2][HM_BLOCK_COUNT]; /* by protocol and block, each port once */
    struct hm_blockers blockers;
    /* Services to be stopped, of blocks HM_BLOCK_STOP: */
    struct hm_service_list holders; /* that have a port which is not theirs */
    struct hm_service_list owners;  /* of the product, that have their ports */
    struct hm_service_list again;   /* of the product, that run without a port */
    struct hm_service_list last;    /* of HM_BLOCK_LAST */
    struct hm_service_list own;     /* all of the product: after a boot they have their ports */
    struct hm_service_list stuck;   /* of the product, or processes; no command may stop them */
    struct hm_service_list down;    /* of the product, to be started */
    struct hm_service_list late;    /* likewise, once a person has freed the port */
    struct hm_service_list later;   /* likewise, after a boot, as nothing else starts it then */
    bool asks;                      /* Windows Deployment Services can ask for free ports instead */
    bool passive;                   /* a cluster starts the product, and it is down on this node */
    bool own_is_stuck;              /* one of own is among them, or the product has no service */
    bool restart;      /* something of the product runs without its port and may not be stopped */
    bool restart_last; /* likewise, one of last: it may, in one line */
    bool booted;       /* the steps to come are those after a boot */
    bool repools;      /* the DNS Server has none of the ports, and takes another pool when it
                          starts again */
    struct hm_ports pool; /* UDP ports that the DNS Server's list has to leave out */
};

/* Has the product a setting of its own by which it needs none of these ports (UdpPortPolicy of
 * Windows Deployment Services, 2008 R2 and later)? That is its cure, not a thousand exclusions. */
bool hm_remedy_may_ask(const struct hm_finding_ctx *ctx, const struct hm_need *need);

/* Fills ctx->groups. Needs at risk form a group when they are of one product, or of products that
 * require the same ports: whichever finding is read, one remedy cures all of them. */
void hm_remedy_group(struct hm_finding_ctx *ctx, struct hm_finding_list *list);

/* Everything at risk of the need's group. */
void hm_remedy_scope_of(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                        const struct hm_need *need, struct hm_remedy_scope *out_scope);

/* Everything at risk of the products of all needs that meet the condition. */
void hm_remedy_scope_of_all(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                            hm_remedy_meets *meets, const void *arg,
                            struct hm_remedy_scope *out_scope);

/* The first need of the need's group: all needs with the same answer have the same scope. NULL for
 * a need that is in none, as no reservation cures it. */
const struct hm_need *hm_remedy_group_of(const struct hm_finding_ctx *ctx,
                                         const struct hm_need *need);

/* Adds what has the watched ports of the need now; then sorts the ports, each under the worst that
 * is said of it. */
void hm_remedy_find_blockers(struct hm_remedy_scope *scope, const struct hm_need *need,
                             struct hm_ports watched);
void hm_remedy_sort_blockers(struct hm_remedy_scope *scope);

/* Is the need exposed or blocked in a way that reserving its ports cures? */
bool hm_remedy_is_at_risk(const struct hm_need *need);

/* A holder whom nobody could name: nothing can be stopped for it. */
#define HM_REMEDY_NAMELESS "the unknown program that has the port"

/* Somebody tries to connect from a port, and gives it back soon: a step that says so. */
void hm_remedy_wait(struct hm_remedy_scope *scope, struct hm_finding *finding);

/* Only programs without a service, or connections of System to shares, have the ports that a boot
 * would free: a step that says how they end. Answers whether there is one. */
bool hm_remedy_end_programs(struct hm_remedy_scope *scope, struct hm_finding *finding);

/* Two programs are set up for one port: a step that says so, where it is so. Of a program of the
 * product that its service did not start, and of one that nobody could name, other steps. */
/* " X may need tcp 8099, too, …": another port that the service is set up for, as far as is known,
 * and whose remedy is another one; "" none. */
const char *hm_remedy_also_blocked(const struct hm_remedy_scope *scope);

/* How the product starts once the host has restarted, behind a sentence; "" otherwise. */
const char *hm_remedy_starts_then(const struct hm_remedy_scope *scope);

void hm_remedy_decide_fixed(struct hm_remedy_scope *scope, struct hm_finding *finding);

/* Is a port at risk on a system that cannot exclude, whether or not an exclusion would help it? */
bool hm_remedy_cannot_exclude(const struct hm_remedy_scope *scope);

/* Does something keep one of the ports from its service now? */
bool hm_remedy_has_blocked(const struct hm_remedy_scope *scope);

/* Are there ports to exclude, and no command for it without hotfix KB2665809? */
bool hm_remedy_needs_hotfix(const struct hm_remedy_scope *scope);

/* Has somebody a port whom only a restart of the host takes it from, or does a hotfix need it? */
bool hm_remedy_needs_boot(const struct hm_remedy_scope *scope);

/* The names of blockers of one kind, "A and B"; the first few. */
const char *hm_remedy_names(const struct hm_remedy_scope *scope, enum hm_block block);

/* How each system does it; they add the steps and set finding->remedy. */
void hm_remedy_windows(struct hm_remedy_scope *scope, struct hm_finding *finding);
void hm_remedy_legacy(struct hm_remedy_scope *scope, struct hm_finding *finding);
void hm_remedy_linux(struct hm_remedy_scope *scope, struct hm_finding *finding);

/* How a person stops what no command may stop: services of a cluster otherwise than the rest. A
 * sentence that begins in lower case, with the reason why no command is given. */
const char *hm_remedy_how_to_stop(const struct hm_remedy_scope *scope,
                                  const struct hm_service_list *clustered,
                                  const struct hm_service_list *others);

/* Who is cut off by that; "" nobody in particular. */
const char *hm_remedy_maintenance_warning(const struct hm_remedy_scope *scope,
                                          const struct hm_service_list *clustered);

/* ---- steps that systems share -------------------------------------------------------------- */

/* "net stop A", "systemctl stop A": what depends on the targets first. Nothing when none runs. */
void hm_remedy_stop_services(struct hm_remedy_scope *scope, struct hm_finding *finding,
                             const struct hm_service_list *targets, const char *text);

/* Those of down, then the targets and what was stopped with them, in the reverse order. */
void hm_remedy_start_services(struct hm_remedy_scope *scope, struct hm_finding *finding,
                              const struct hm_service_list *down,
                              const struct hm_service_list *targets);

/* "net stop NAME" as one command of the step. */
void hm_remedy_service_command(const struct hm_remedy_scope *scope, struct hm_remedy_step *step,
                               const char *verb, const char *service);

/* "MSSQLSERVER and SQLSERVERAGENT" */
const char *hm_remedy_list_services(struct hm_finding_list *list,
                                    const struct hm_service_list *services);

/* Steps that say why the agent refuses to exclude what it remembers of the unwanted ports; the
 * first few. */
void hm_remedy_name_remembered(const struct hm_remedy_scope *scope, struct hm_finding *finding);

/* netsh add excludedportrange, one command a run of ports; NULL when there are none. */
struct hm_remedy_step *hm_remedy_reserve(struct hm_finding_list *list, struct hm_finding *finding,
                                         const struct hm_stack_ports *ports);

/* Linux: puts in force what the next boot sets, of the port range and the reserved ports alone, and
 * leaves reserved what is. */
void hm_remedy_set_next(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                        struct hm_finding *finding);

/* Linux: sets the dynamic range, now and in the file that is read last; fills the step. */
void hm_remedy_set_linux_range(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                               struct hm_remedy_step *step, struct hm_range range);

/* The list of Linux, with ports beside ctx->reserve. */
void hm_remedy_write_sysctl(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                            struct hm_finding *finding, struct hm_ports ports);

/* Do these ports, once kept free, leave enough of the dynamic range, now and after the next boot?
 * False: *out_left ports of it would be left. */
bool hm_remedy_leaves_room(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                           const struct hm_stack_ports *ports, uint32_t *out_left);

/* The ports of the protocol that the remedies of the host exclude, by netsh. */
struct hm_ports hm_remedy_all_excludable(const struct hm_finding_ctx *ctx,
                                         struct hm_finding_list *list, enum hm_protocol protocol);

#define HM_REMEDY_ROOM_TEXT                                                                        \
    "The dynamic range is too small to keep the ports free: hardly any would be left for "         \
    "outgoing connections. Make it larger first; then look again for what is still at risk."

/* They do not: the steps that set the range back to the system's default. False: nothing does so
 * here, and a step says why none of the ports may be kept free. */
bool hm_remedy_make_room(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                         struct hm_finding *finding, const struct hm_stack_ports *ports,
                         uint32_t left);

/* Is the product whose set-up makes a range on this host? MAY_BE: services may be missing from the
 * list. */
enum hm_maker_seen { HM_MAKER_SEEN, HM_MAKER_MAY_BE, HM_MAKER_NOT_SEEN };
struct hm_range_maker {
    const struct hm_effect *effect; /* of the catalogue */
    enum hm_maker_seen seen;
};

#define HM_RANGE_MAKERS 4u
struct hm_range_makers {
    struct hm_range_maker at[HM_RANGE_MAKERS];
    size_t count;
};

/* The effects of the catalogue that make this very range on this version of Windows; those whose
 * product is seen come first. Empty: none is known. */
struct hm_range_makers hm_remedy_range_makers(const struct hm_finding_ctx *ctx,
                                              enum hm_protocol protocol, struct hm_range range);

/* The title of one (a sentence without a dot) where its product expects the range and is, or may
 * be, there, or the range alone tells; NULL: nobody is known to count on the range. */
const char *hm_remedy_range_maker(const struct hm_finding_ctx *ctx, enum hm_protocol protocol,
                                  struct hm_range range);

/* Would the system's default range leave every wanted port of the scope out, and do no harm? Then
 * setting it back is a cure that needs no stop. */
bool hm_remedy_range_helps(const struct hm_remedy_scope *scope);
