/* common/plan/policy.h — what shall be reserved where, and why; whom it meets, what is wrong with
 * it. SPDX-License-Identifier: Apache-2.0
 *
 * Plain records, decoded from schema/wire/policy.schema.json; a revision never changes. Pure: the
 * time is an argument. Threads: safe, each with its own arena. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/ports/requirement.h"

/* retire: the last revision of a policy. It wants nothing, so a plan takes back what earlier
 * revisions added; it is approved as any other, since absence alone never takes anything back. */
enum hm_policy_mode { HM_POLICY_AUDIT, HM_POLICY_ENFORCE, HM_POLICY_RETIRE };
#define HM_POLICY_MODE_COUNT 3
extern const char *const hm_policy_mode_names[HM_POLICY_MODE_COUNT];

struct hm_match;

struct hm_matches {
    struct hm_match *at;
    size_t count;
};

/* One node of the match tree: every condition that is given must hold. A node without any
 * condition meets nobody, so a lost member never widens a policy; "*" in hosts meets everybody.
 * What a host does not tell is neither true nor false, not even under "not". */
struct hm_match {
    struct hm_matches all;    /* each of them */
    struct hm_matches any;    /* at least one of them */
    struct hm_matches none;   /* JSON "not": none of them */
    struct hm_strings labels; /* each, exactly or as a pattern: "site=paris", "tier=db*" */
    bool has_os_family;
    enum hm_os_family os_family;
    const char *version_min;    /* "" none; compared number by number, as many as are given: */
    const char *version_max;    /* "10.0" as maximum takes in 10.0.17763 */
    struct hm_strings services; /* each is present; patterns */
    struct hm_strings hosts;    /* the host's name is one of these patterns */
};

/* Ports, or a product of the catalogue: the ports of its requirements that are safe to exclude. */
struct hm_reservation {
    bool has_protocol; /* must be, with ports; with a product: only its requirements of this one */
    enum hm_protocol protocol;
    enum hm_families families;
    struct hm_ports ports;
    const char *product;
    const char *requirement; /* of the product; "" all of them */
};

struct hm_reservations {
    struct hm_reservation *at;
    size_t count;
};

struct hm_policy_range {
    enum hm_protocol protocol; /* Linux and 2000 to 2003 have one range for both */
    struct hm_range range;
    uint32_t headroom_min; /* ports that must stay usable in it; 0 = hm_plan's own floor */
};

struct hm_policy_ranges {
    struct hm_policy_range *at; /* one a protocol */
    size_t count;
};

/* UTC. May run past midnight: it belongs to the day on which it starts. */
struct hm_window {
    struct hm_strings weekdays; /* "mon" to "sun" */
    uint32_t start_minute;      /* of the day, 0 to 1439 */
    uint32_t minutes;           /* 1 to 1440 */
};

struct hm_policy {
    const char *name;  /* "exchange-back-end": lower case, digits, single dashes */
    uint32_t revision; /* 0 = a draft */
    const char *owner;
    const char *reason;
    int64_t review; /* by when somebody looks at it again */
    struct hm_match match;
    enum hm_policy_mode mode;
    struct hm_reservations reservations;
    struct hm_policy_ranges ranges;
    bool has_tcp_timed_wait_delay_s;
    uint32_t tcp_timed_wait_delay_s; /* TcpTimedWaitDelay, see common/ports/timed_wait.h */
    bool has_watch_s;
    uint32_t watch_s; /* see hm_policy_watch_s */
    bool has_window;
    struct hm_window window; /* changes are made in it only */
    bool has_expires;
    int64_t expires; /* from then on it counts as retired */
};

struct hm_policies {
    const struct hm_policy **at;
    size_t count;
};

#define HM_POLICY_WATCH_S 600u /* where the policy does not say */
#define HM_POLICY_RANGE_FIRST_MIN 1024u
#define HM_POLICY_RANGE_COUNT_MIN 255u /* KB929851 */

/* Does the policy mean this host? labels may be NULL. Mode, expiry and window do not count. */
bool hm_policy_matches(const struct hm_policy *policy, const struct hm_inventory *inventory,
                       const struct hm_strings *labels, const char *host);

/* Is it certain that it does not? With facts left out (has_… false) of an inventory that is not
 * wholly known yet, this tells whether reading the rest can change anything. */
bool hm_policy_excludes(const struct hm_policy *policy, const struct hm_inventory *inventory,
                        const struct hm_strings *labels, const char *host);

/* Could it match a host of this system? Only what the match says about systems counts; false when
 * it is certain that no host of this system can match. */
bool hm_policy_may_match_os(const struct hm_policy *policy, const struct hm_os *os);

/* Could one host be meant by both? false only when that is certain: other families of systems,
 * versions apart, or other values of one label, at the root of the tree. */
bool hm_policies_may_meet(const struct hm_policy *a, const struct hm_policy *b);

bool hm_window_is_open(const struct hm_window *window, int64_t now_ms);
bool hm_policy_is_expired(const struct hm_policy *policy, int64_t now_ms);
uint32_t hm_policy_watch_s(const struct hm_policy *policy);

/* Is the document whole? HM_EINVAL says what is missing or impossible, whatever the fleet. The
 * agent checks it after the signature, the collector at every write. */
enum hm_status hm_policy_check(const struct hm_policy *policy, struct hm_err *err) HM_MUST_CHECK;

/* A range of ports that a policy wants: one a requirement or piece of a port list. */
struct hm_want {
    const struct hm_policy *policy;
    enum hm_protocol protocol;
    enum hm_families families;
    struct hm_range range;
    const char *product; /* "" where the policy names ports */
};

struct hm_wants {
    struct hm_want *at; /* sorted: protocol, range, families, enforce before audit, name */
    size_t count;
};

/* What one policy wants. missing_product: a product that the catalogue does not have, or ""; an
 * unknown one adds nothing. HM_ETOOBIG past HM_LIMIT_WANTS. */
enum hm_status hm_policy_wants(const struct hm_policy *policy, const struct hm_catalogue *catalogue,
                               struct hm_arena *arena, struct hm_wants *out_wants,
                               const char **out_missing_product, struct hm_err *err) HM_MUST_CHECK;
void hm_wants_sort(struct hm_wants *wants);

/* May this be excluded on a modern Windows, or would its listener fail at its next start? */
bool hm_requirement_may_exclude(const struct hm_requirement *requirement);

bool hm_families_has(enum hm_families families, enum hm_family family);

/* NULL when there is none. */
const struct hm_product *hm_catalogue_product(const struct hm_catalogue *catalogue, const char *id);
