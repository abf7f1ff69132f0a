/* common/judge/finding_kind.h — what a kind of finding is made of, and the tools to make one.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Private to judging. A kind looks at one host and puts its findings into the list. The tools
 * never fail: no memory is remembered by the list and answered once at the end. */
#pragma once

#include "common/judge/need.h"
#include "common/ports/line.h"

struct hm_finding_kind;
struct hm_service_graph;
struct hm_remedy_made;

struct hm_finding_ctx {
    const struct hm_judge_input *input;
    const struct hm_facts *facts;
    const struct hm_need *needs;
    size_t count;
    const struct hm_service_graph *services; /* who depends on whom; see remedy_services.h */
    const size_t *groups;    /* by need: the first of those that one remedy cures; SIZE_MAX none */
    struct hm_ports pool;    /* what the DNS Server's pool may take of ports at risk, or has */
    struct hm_ports reserve; /* Linux, legacy: what to reserve so that nothing is at risk */
    struct hm_ports keep_off[2];    /* by protocol: must not or cannot be excluded, nor be in the
                                       dynamic range, so that every remedy sets the same range */
    struct hm_ports excludable[2];  /* by protocol: what all remedies together exclude; 2008 and
                                       later */
    struct hm_ports untouchable[2]; /* by protocol: hm_remedy_untouchable */
    const char *boot_warning;       /* what a restart of the host interrupts */
    struct hm_arena *arena;
};

struct hm_finding_list {
    struct hm_finding *at;
    size_t count;
    size_t cap;
    const struct hm_finding_kind *kind; /* that looks now */
    struct hm_arena *arena;
    enum hm_status status;   /* the first failure */
    struct hm_finding spare; /* written to after a failure */
    struct hm_remedy_step spare_step;
    struct hm_remedy_made **made; /* remedies of groups, by the place of their first need */
    const char *boot_warning;     /* of the context */
    bool has_default_harm;        /* default_harm is known: see remedy_range.c */
    const char *default_harm;
    bool open; /* the last finding is in the making */
    bool cut;  /* a command of the finding in the making was too long, or one too many */
};

struct hm_finding_kind {
    const char *name;
    enum hm_severity severity; /* the usual one; look may set another */
    void (*look)(const struct hm_finding_ctx *ctx, struct hm_finding_list *out);
    bool of_ports; /* the subject is required ports: two products may require the same ones, and
                      the finding names both */
    const char *help;
};

/* Every kind, sorted by name. */
extern const struct hm_finding_kind *const hm_finding_kinds[];
extern const size_t hm_finding_kinds_count;

/* Lets all kinds look, then sorts; of equal kind and subject the first one stays. */
enum hm_status hm_findings_look(const struct hm_finding_ctx *ctx, struct hm_findings *out_findings,
                                struct hm_err *err) HM_MUST_CHECK;

/* A new finding of the kind that looks, valid until the next put; never NULL. */
struct hm_finding *hm_finding_put(struct hm_finding_list *list, const char *subject);

/* Fills what follows from the steps of the finding put last: no step is added to it any more. */
void hm_finding_finish_last(struct hm_finding_list *list);

/* Texts in the arena; "" after a failure. hm_finding_ports: "tcp 9955". */
const char *hm_finding_print(struct hm_finding_list *list, const char *fmt, ...) HM_PRINTF(2, 3);
const char *hm_finding_line(struct hm_finding_list *list, struct hm_line *line);
const char *hm_finding_ports(struct hm_finding_list *list, enum hm_protocol protocol,
                             struct hm_ports ports);
const char *hm_finding_list_ports(struct hm_finding_list *list, struct hm_ports ports);

/* Appends; past the cap of limits.h nothing is added. An empty value adds nothing. */
void hm_finding_evidence(struct hm_finding_list *list, struct hm_finding *finding, const char *name,
                         const char *value);

/* Many lists of ports on their way to one set, without a set for each step. */
struct hm_port_bag {
    struct hm_range *at;
    size_t count;
    size_t cap;
};
void hm_port_bag_put(struct hm_finding_list *list, struct hm_port_bag *bag, struct hm_ports ports);
struct hm_ports hm_port_bag_set(struct hm_finding_list *list, const struct hm_port_bag *bag);

/* Who holds the ports of a dynamic range, as evidence "holder", most first. Returns a sentence that
 * names the first one of in_use ports, "" when nobody is known; TIME_WAIT sockets have no owner. */
const char *hm_finding_holders(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                               struct hm_finding *finding, enum hm_protocol protocol,
                               uint32_t in_use);

/* Set operations whose failure the list remembers; {NULL, 0} then. */
struct hm_ports hm_finding_union(struct hm_finding_list *list, struct hm_ports a,
                                 struct hm_ports b);
struct hm_ports hm_finding_without(struct hm_finding_list *list, struct hm_ports a,
                                   struct hm_ports b);
struct hm_ports hm_finding_common(struct hm_finding_list *list, struct hm_ports a,
                                  struct hm_ports b);

/* Questions that several kinds ask of a need. */
bool hm_need_is_own(const struct hm_need *need); /* of Havenmaster itself */
/* A named instance of SQL Server whose port was observed: a sentence that says what it does with a
 * dynamic one; "" for all others. */
const char *hm_need_dynamic_port_note(const struct hm_need *need);
bool hm_need_is_family_gap(const struct hm_finding_ctx *ctx, const struct hm_need *need);
bool hm_need_is_protocol_gap(const struct hm_finding_ctx *ctx, const struct hm_need *need);

/* Evidence about who has a port. */
void hm_finding_describe_holder(struct hm_finding_list *list, struct hm_finding *finding,
                                const struct hm_holder *holder);

/* Evidence "event"; nothing for an event that nobody asks for (service_events.h). */
void hm_finding_describe_event(struct hm_finding_list *list, struct hm_finding *finding,
                               const struct hm_event_count *event);

/* Evidence that every finding about a requirement has: product, ranges, odds, holder. */
void hm_finding_describe(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                         struct hm_finding *finding, const struct hm_need *need);
