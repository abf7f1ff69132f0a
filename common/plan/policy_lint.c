/* common/plan/policy_lint.c — what is wrong with a policy before anybody approves it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/plan/policy_lint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/ports/line.h"
#include "common/ports/timed_wait.h"

#define SHARE_WARN 4u  /* a quarter of a dynamic range */
#define SHARE_ERROR 2u /* half of it */
#define OWN_PRODUCTS "havenmaster-"

const char *const hm_lint_severity_names[3] = {"note", "warning", "error"};

const struct hm_lint_code hm_lint_codes[] = {
    {"contradiction",    "another policy wants what this one makes impossible"              },
    {"everybody",        "it meets every host"                                              },
    {"expired",          "its expiry or review date has passed"                             },
    {"invalid",          "the document is not whole"                                        },
    {"must_not_exclude", "a port whose listener fails at its next start once excluded"      },
    {"neighbours",       "ranges that touch and should be one"                              },
    {"no_effect",        "a setting that systems which it matches do not have"              },
    {"overlap",          "the same ports are reserved twice"                                },
    {"own_port",         "a port of Havenmaster itself"                                     },
    {"product",          "the catalogue lacks the product, or nothing of it may be excluded"},
    {"range_floor",      "a dynamic range that starts or ends where it should not"          },
    {"too_large",        "a large share of a dynamic range is reserved"                     },
};
const size_t hm_lint_codes_count = HM_COUNT(hm_lint_codes);

struct lint {
    const struct hm_lint_input *input;
    const struct hm_policy *policy;
    struct hm_arena *arena;
    struct hm_wants wants;
    struct hm_ports wanted[2]; /* by protocol */
    bool windows;              /* a host of Windows may match; Linux breaks no explicit bind */
    struct hm_lint_problems problems;
    size_t cap;
    enum hm_status status;
    struct hm_err *err;
};

static void fail(struct lint *lint, enum hm_status st)
{
    if (lint->status == HM_OK) {
        lint->status = st;
    }
}

static void put(struct lint *lint, const char *code, enum hm_lint_severity severity,
                const char *other, const char *fmt, ...) HM_PRINTF(5, 6);

static void put(struct lint *lint, const char *code, enum hm_lint_severity severity,
                const char *other, const char *fmt, ...)
{
    char text[HM_LINE_BYTES];
    const char *copy;
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    for (size_t i = 0; i < lint->problems.count; i++) { /* of TCP already, and UDP is alike */
        if (hm_str_equal(lint->problems.at[i].text, text) &&
            hm_str_equal(lint->problems.at[i].other, other)) {
            return;
        }
    }
    copy = hm_arena_strdup(lint->arena, text);
    if (copy == NULL ||
        hm_arena_grow(lint->arena, (void **)&lint->problems.at, lint->problems.count, &lint->cap,
                      sizeof(*lint->problems.at)) != 0) {
        fail(lint, hm_fail(lint->err, HM_ENOMEM, "no memory for what is wrong with a policy"));
        return;
    }
    lint->problems.at[lint->problems.count++] =
        (struct hm_lint_problem){code, severity, other, copy};
}

/* Cut when it is long. */
static const char *ports_text(struct lint *lint, struct hm_ports ports)
{
    struct hm_line line;
    const char *text;

    hm_line_init(&line);
    hm_line_put_ports(&line, ports);
    text = hm_line_text(&line, lint->arena);
    if (text == NULL) {
        fail(lint, hm_fail(lint->err, HM_ENOMEM, "no memory for what is wrong with a policy"));
    }
    return text == NULL ? "" : text;
}

static struct hm_ports common(struct lint *lint, struct hm_ports a, struct hm_ports b)
{
    struct hm_ports out = {NULL, 0};

    fail(lint, hm_ports_intersect(a, b, lint->arena, &out, lint->err));
    return out;
}

static struct hm_ports without(struct lint *lint, struct hm_ports a, struct hm_ports b)
{
    struct hm_ports out = {NULL, 0};

    fail(lint, hm_ports_subtract(a, b, lint->arena, &out, lint->err));
    return out;
}

static struct hm_ports gather(struct lint *lint, const struct hm_wants *wants,
                              enum hm_protocol protocol)
{
    struct hm_range *ranges = hm_arena_alloc(lint->arena, wants->count, sizeof(*ranges));
    struct hm_ports out = {NULL, 0};
    size_t count = 0;

    if (ranges == NULL) {
        fail(lint, hm_fail(lint->err, HM_ENOMEM, "no memory for a policy's ports"));
        return out;
    }
    for (size_t i = 0; i < wants->count; i++) {
        if (wants->at[i].protocol == protocol) {
            ranges[count++] = wants->at[i].range;
        }
    }
    fail(lint, hm_ports_from_ranges(ranges, count, lint->arena, &out, lint->err));
    return out;
}

static void look_at_document(struct lint *lint)
{
    const struct hm_policy *policy = lint->policy;
    struct hm_err why = {0};

    if (hm_policy_check(policy, &why) != HM_OK) {
        put(lint, "invalid", HM_LINT_ERROR, "", "%s.", why.text);
    }
    for (size_t i = 0; i < policy->match.hosts.count; i++) {
        if (hm_str_equal(policy->match.hosts.at[i], "*")) {
            put(lint, "everybody", HM_LINT_NOTE, "",
                "The host pattern \"*\" meets every host there is and every one to come.");
        }
    }
    if (hm_policy_is_expired(policy, lint->input->now_ms)) {
        put(lint, "expired", HM_LINT_ERROR, "",
            "Its expiry has passed: every agent would take it for retired. Give a later one.");
    }
    if (policy->review > 0 && policy->review <= lint->input->now_ms) {
        put(lint, "expired", HM_LINT_WARNING, "",
            "Its review date has passed. Look at it again and give a new date.");
    }
}

/* Does the number of each instance make ports of it? No policy names those by the product. */
static bool is_numbered(const struct hm_product *product)
{
    for (size_t i = 0; i < product->requirements.count; i++) {
        if (product->requirements.at[i].has_numbered) {
            return true;
        }
    }
    return false;
}

static void look_at_products(struct lint *lint)
{
    for (size_t i = 0; i < lint->policy->reservations.count; i++) {
        const struct hm_reservation *row = &lint->policy->reservations.at[i];
        struct hm_policy one = *lint->policy;
        struct hm_wants wants = {NULL, 0};
        const char *missing = "";

        if (hm_str_equal(row->product, "")) {
            continue;
        }
        one.reservations = (struct hm_reservations){&lint->policy->reservations.at[i], 1};
        fail(lint, hm_policy_wants(&one, lint->input->catalogue, lint->arena, &wants, &missing,
                                   lint->err));
        if (missing[0] != '\0') {
            put(lint, "product", HM_LINT_ERROR, "", "The catalogue has no product %.255s.",
                missing);
        } else if (wants.count == 0 &&
                   is_numbered(hm_catalogue_product(lint->input->catalogue, row->product))) {
            put(lint, "product", HM_LINT_ERROR, "",
                "The ports of product %.255s are made by the number of each instance, which only "
                "the host knows. Name them: protocol and ports.",
                row->product);
        } else if (wants.count == 0) {
            put(lint, "product", HM_LINT_ERROR, "",
                "Product %.255s has no requirement of that kind whose port may be excluded. Move "
                "the dynamic range off its ports instead.",
                row->product);
        }
    }
}

static bool share_family(enum hm_families a, enum hm_families b)
{
    return a == HM_FAMILIES_BOTH || b == HM_FAMILIES_BOTH || a == b;
}

static void look_at_pair(struct lint *lint, const struct hm_want *a, const struct hm_want *b)
{
    if (b->range.first <= a->range.last) {
        uint16_t last = a->range.last < b->range.last ? a->range.last : b->range.last;

        put(lint, "overlap", HM_LINT_WARNING, "",
            "%s %u-%u is reserved twice in this policy; name it once.",
            hm_protocol_names[a->protocol], (unsigned)b->range.first, (unsigned)last);
    } else if (b->range.first == a->range.last + 1u &&
               (a->product[0] == '\0' || b->product[0] == '\0')) { /* products are as they are */
        put(lint, "neighbours", HM_LINT_WARNING, "",
            "%s %u and %u are neighbours on their own: write one range.%s",
            hm_protocol_names[a->protocol], (unsigned)a->range.last, (unsigned)b->range.first,
            lint->windows ? " On 2003 the second of two would not be surely reserved (KB812873), "
                            "elsewhere it is one command more."
                          : "");
    }
}

/* Wants are sorted by protocol and first port, so a range meets those after it until one starts
 * beyond its neighbour. */
static void look_at_ranges_of_ports(struct lint *lint)
{
    const struct hm_wants *wants = &lint->wants;

    for (size_t i = 0; i < wants->count; i++) {
        for (size_t k = i + 1; k < wants->count; k++) {
            const struct hm_want *a = &wants->at[i];
            const struct hm_want *b = &wants->at[k];

            if (a->protocol != b->protocol || b->range.first > a->range.last + 1u ||
                lint->problems.count >= HM_LIMIT_FINDINGS) {
                break;
            }
            if (share_family(a->families, b->families)) {
                look_at_pair(lint, a, b);
            }
        }
    }
}

/* The range that the policy sets, else the default of the systems that it may meet. */
static struct hm_range range_of(const struct lint *lint, enum hm_protocol protocol)
{
    const struct hm_os os = {.family = lint->windows ? HM_OS_WINDOWS : HM_OS_LINUX,
                             .version = "10.0.20348"};
    struct hm_range range = {49152, 65535};

    for (size_t i = 0; i < lint->policy->ranges.count; i++) {
        if (lint->policy->ranges.at[i].protocol == protocol) {
            return lint->policy->ranges.at[i].range;
        }
    }
    (void)hm_os_default_dynamic(&os, &range);
    return range;
}

static void look_at_size(struct lint *lint)
{
    for (unsigned i = 0; i < 2; i++) {
        enum hm_protocol protocol = i == 0 ? HM_TCP : HM_UDP;
        struct hm_range range = range_of(lint, protocol);
        uint32_t size = hm_range_count(range);
        uint32_t count = hm_ports_count(lint->wanted[protocol]);

        if (count <= size / SHARE_WARN) {
            continue;
        }
        put(lint, "too_large", count > size / SHARE_ERROR ? HM_LINT_ERROR : HM_LINT_WARNING, "",
            "It reserves %u %s ports; the dynamic range %u-%u has %u. Reserve what services need "
            "only.",
            count, hm_protocol_names[protocol], (unsigned)range.first, (unsigned)range.last, size);
    }
}

static void look_at_dynamic(struct lint *lint)
{
    for (size_t i = 0; i < lint->policy->ranges.count; i++) {
        const struct hm_policy_range *row = &lint->policy->ranges.at[i];
        struct hm_ports range = {&row->range, 1};
        uint32_t left = hm_ports_count(without(lint, range, lint->wanted[row->protocol]));

        if (lint->windows && row->range.first <= HM_POLICY_RANGE_FIRST_MIN) {
            put(lint, "range_floor", HM_LINT_WARNING, "",
                "The documented lowest start of a dynamic range is 1025; %u works on some systems "
                "only.",
                (unsigned)row->range.first);
        }
        if (row->headroom_min > 0 && left < row->headroom_min) {
            put(lint, "range_floor", HM_LINT_ERROR, "",
                "The range %u-%u keeps %u usable ports beside this policy's own reservations, "
                "under its headroom_min of %u.",
                (unsigned)row->range.first, (unsigned)row->range.last, left, row->headroom_min);
        }
        if (row->range.first < 5000) {
            put(lint, "range_floor", HM_LINT_NOTE, "",
                "A dynamic range that starts at %u runs over the ports of many services%s",
                (unsigned)row->range.first,
                lint->windows ? ", and RPC endpoints follow it: check firewall rules."
                              : ": reserve those that the hosts need.");
        }
    }
}

/* One system of each kind that hosts have. */
static const struct hm_os systems[] = {
    {.family = HM_OS_WINDOWS, .version = "5.0.2195"  },
    {.family = HM_OS_WINDOWS, .version = "5.1.2600"  },
    {.family = HM_OS_WINDOWS, .version = "5.2.3790"  },
    {.family = HM_OS_WINDOWS, .version = "6.0.6003"  },
    {.family = HM_OS_WINDOWS, .version = "6.1.7601"  },
    {.family = HM_OS_WINDOWS, .version = "6.2.9200"  },
    {.family = HM_OS_WINDOWS, .version = "6.3.9600"  },
    {.family = HM_OS_WINDOWS, .version = "10.0.14393"},
    {.family = HM_OS_WINDOWS, .version = "10.0.17763"},
    {.family = HM_OS_WINDOWS, .version = "10.0.20348"},
    {.family = HM_OS_WINDOWS, .version = "10.0.26100"},
    {.family = HM_OS_LINUX,   .version = "3.10.0"    },
    {.family = HM_OS_LINUX,   .version = "4.18.0"    },
    {.family = HM_OS_LINUX,   .version = "5.14.0"    },
    {.family = HM_OS_LINUX,   .version = "6.1.0"     },
};

static bool may_match_windows(const struct hm_policy *policy)
{
    for (size_t i = 0; i < HM_COUNT(systems); i++) {
        if (systems[i].family == HM_OS_WINDOWS && hm_policy_may_match_os(policy, &systems[i])) {
            return true;
        }
    }
    return false;
}

static void look_at_timed_wait_delay(struct lint *lint)
{
    bool has_it = false;
    bool others = false;

    if (!lint->policy->has_tcp_timed_wait_delay_s) {
        return;
    }
    for (size_t i = 0; i < HM_COUNT(systems); i++) {
        if (hm_policy_may_match_os(lint->policy, &systems[i])) {
            const bool has = hm_os_has_timed_wait_delay(&systems[i]);

            has_it = has_it || has;
            others = others || !has;
        }
    }
    if (!has_it) {
        put(lint, "no_effect", HM_LINT_ERROR, "",
            "tcp_timed_wait_delay_s is for Windows 2000, XP and 2003, and no such host can match. "
            "Take it out.");
    } else if (others) {
        put(lint, "no_effect", HM_LINT_WARNING, "",
            "tcp_timed_wait_delay_s is for Windows 2000, XP and 2003; every other host that "
            "matches refuses this part. Match os_family windows and version_max \"5.2\".");
    }
}

/* Ports that some product may have excluded: the host decides which of the two is there. */
static bool is_safe_elsewhere(const struct hm_catalogue *catalogue, enum hm_protocol protocol,
                              struct hm_ports ports)
{
    for (size_t i = 0; i < catalogue->count; i++) {
        const struct hm_requirements *rows = &catalogue->at[i].requirements;

        for (size_t k = 0; k < rows->count; k++) {
            if (rows->at[k].protocol == protocol && hm_requirement_may_exclude(&rows->at[k]) &&
                hm_ports_covers(rows->at[k].ports, ports)) {
                return true;
            }
        }
    }
    return false;
}

static void look_at_requirement(struct lint *lint, const struct hm_product *product,
                                const struct hm_requirement *row)
{
    struct hm_ports hit = common(lint, lint->wanted[row->protocol], row->ports);
    bool elsewhere;

    if (hit.count == 0) {
        return;
    }
    if (strncmp(product->id, OWN_PRODUCTS, strlen(OWN_PRODUCTS)) == 0) {
        put(lint, "own_port", HM_LINT_NOTE, "", "%s %s is the port of %.255s: it keeps working.",
            hm_protocol_names[row->protocol], ports_text(lint, hit), product->title);
    }
    if (!lint->windows || hm_requirement_may_exclude(row)) {
        return;
    }
    /* Web servers of many makers use 80 and 443: the host decides, too. */
    elsewhere = (row->by_iis_bindings && row->optional) ||
                is_safe_elsewhere(lint->input->catalogue, row->protocol, hit);
    put(lint, "must_not_exclude", elsewhere ? HM_LINT_WARNING : HM_LINT_ERROR, "",
        "%s %s is the %s port of %.255s (%s), which fails at its next start once the port is "
        "excluded%s",
        hm_protocol_names[row->protocol], ports_text(lint, hit), row->title, product->title,
        hm_listener_kind_names[row->kind],
        elsewhere ? "; hosts that run it refuse this part."
                  : ". Take it out, and move the dynamic range off it.");
}

/* A dynamic range over the collector's port, which nobody reserves. It runs on Linux only. */
static void look_at_own(struct lint *lint, const struct hm_product *product,
                        const struct hm_requirement *row)
{
    const struct hm_match *match = &lint->policy->match;

    if (match->has_os_family && match->os_family != HM_OS_LINUX) {
        return;
    }
    for (size_t i = 0; i < lint->policy->ranges.count; i++) {
        const struct hm_policy_range *range = &lint->policy->ranges.at[i];
        struct hm_ports hit;

        if (range->protocol != row->protocol ||
            strncmp(product->id, OWN_PRODUCTS, strlen(OWN_PRODUCTS)) != 0) {
            continue;
        }
        hit = common(lint, (struct hm_ports){&range->range, 1}, row->ports);
        hit = without(lint, hit, lint->wanted[row->protocol]);
        if (hit.count > 0) {
            put(lint, "own_port", HM_LINT_WARNING, "",
                "The dynamic range takes in %s %s of %.255s. Reserve it, or start the range above: "
                "while it cannot start, no host can report.",
                hm_protocol_names[row->protocol], ports_text(lint, hit), product->title);
        }
    }
}

static void look_at_catalogue(struct lint *lint)
{
    const struct hm_catalogue *catalogue = lint->input->catalogue;

    for (size_t i = 0; catalogue != NULL && i < catalogue->count; i++) {
        const struct hm_product *product = &catalogue->at[i];
        const struct hm_strings *os = &product->os;
        bool linux_only = os->count == 1 && hm_str_equal(os->at[0], "linux");

        for (size_t k = 0; lint->status == HM_OK && k < product->requirements.count; k++) {
            const struct hm_requirement *row = &product->requirements.at[k];

            look_at_own(lint, product, row);
            if (!linux_only || hm_requirement_may_exclude(row)) {
                look_at_requirement(lint, product, row); /* Linux breaks no explicit bind */
            }
        }
    }
}

static void look_at_range_pair(struct lint *lint, const struct hm_policy *other,
                               const struct hm_policy_range *mine,
                               const struct hm_policy_range *theirs)
{
    if (mine->protocol == theirs->protocol &&
        (mine->range.first != theirs->range.first || mine->range.last != theirs->range.last)) {
        put(lint, "contradiction", HM_LINT_ERROR, other->name,
            "Policies %s and %s set different dynamic ranges for %s: %u-%u and %u-%u, and may "
            "meet on one host.",
            lint->policy->name, other->name, hm_protocol_names[mine->protocol],
            (unsigned)mine->range.first, (unsigned)mine->range.last, (unsigned)theirs->range.first,
            (unsigned)theirs->range.last);
    }
}

static void look_at_delay_pair(struct lint *lint, const struct hm_policy *other)
{
    const struct hm_policy *policy = lint->policy;

    if (policy->has_tcp_timed_wait_delay_s && other->has_tcp_timed_wait_delay_s &&
        policy->tcp_timed_wait_delay_s != other->tcp_timed_wait_delay_s) {
        put(lint, "contradiction", HM_LINT_ERROR, other->name,
            "Policies %s and %s set TcpTimedWaitDelay to different values, %u and %u, and may "
            "meet on one host.",
            policy->name, other->name, policy->tcp_timed_wait_delay_s,
            other->tcp_timed_wait_delay_s);
    }
}

/* The range's owner promised headroom that both policies' reservations together use up. */
static void look_at_headroom(struct lint *lint, const struct hm_policy *other,
                             const struct hm_policy *owner, struct hm_ports wanted[2])
{
    for (size_t i = 0; i < owner->ranges.count; i++) {
        const struct hm_policy_range *row = &owner->ranges.at[i];
        struct hm_ports range = {&row->range, 1};
        struct hm_ports rest = without(lint, range, lint->wanted[row->protocol]);
        uint32_t left = hm_ports_count(without(lint, rest, wanted[row->protocol]));

        if (row->headroom_min > 0 && left < row->headroom_min) {
            put(lint, "contradiction", HM_LINT_ERROR, other->name,
                "Policies %s and %s together leave %u usable ports in the range %u-%u of %s, under "
                "its headroom_min of %u.",
                lint->policy->name, other->name, left, (unsigned)row->range.first,
                (unsigned)row->range.last, owner->name, row->headroom_min);
        }
    }
}

static void look_at_other(struct lint *lint, const struct hm_policy *other)
{
    struct hm_wants wants = {NULL, 0};
    struct hm_ports wanted[2];
    const char *missing;

    fail(lint,
         hm_policy_wants(other, lint->input->catalogue, lint->arena, &wants, &missing, lint->err));
    for (size_t i = 0; i < lint->policy->ranges.count; i++) {
        for (size_t k = 0; k < other->ranges.count; k++) {
            look_at_range_pair(lint, other, &lint->policy->ranges.at[i], &other->ranges.at[k]);
        }
    }
    look_at_delay_pair(lint, other);
    wanted[HM_TCP] = gather(lint, &wants, HM_TCP);
    wanted[HM_UDP] = gather(lint, &wants, HM_UDP);
    look_at_headroom(lint, other, lint->policy, wanted);
    look_at_headroom(lint, other, other, wanted);
    for (unsigned i = 0; i < 2; i++) {
        struct hm_ports both = common(lint, lint->wanted[i], wanted[i]);

        if (both.count > 0) {
            put(lint, "overlap", HM_LINT_NOTE, other->name,
                "%s %s is reserved by policy %s too; it stays until both are retired.",
                hm_protocol_names[i], ports_text(lint, both), other->name);
        }
    }
}

static int compare_problems(const void *a, const void *b)
{
    const struct hm_lint_problem *x = a;
    const struct hm_lint_problem *y = b;
    const int by[] = {
        (int)y->severity - (int)x->severity,
        strcmp(x->code, y->code),
        strcmp(x->other, y->other),
        strcmp(x->text, y->text),
    };

    for (size_t i = 0; i < HM_COUNT(by); i++) {
        if (by[i] != 0) {
            return by[i];
        }
    }
    return 0;
}

enum hm_status hm_policy_lint(const struct hm_lint_input *input, struct hm_arena *arena,
                              struct hm_lint_problems *out_problems, struct hm_err *err)
{
    struct lint lint = {.input = input, .policy = input->policy, .arena = arena, .err = err};
    const char *missing;

    fail(&lint, hm_policy_wants(lint.policy, input->catalogue, arena, &lint.wants, &missing, err));
    lint.wanted[HM_TCP] = gather(&lint, &lint.wants, HM_TCP);
    lint.wanted[HM_UDP] = gather(&lint, &lint.wants, HM_UDP);
    lint.windows = may_match_windows(lint.policy);
    look_at_document(&lint);
    look_at_products(&lint);
    look_at_ranges_of_ports(&lint);
    look_at_size(&lint);
    look_at_dynamic(&lint);
    look_at_timed_wait_delay(&lint);
    look_at_catalogue(&lint);
    for (size_t i = 0; lint.status == HM_OK && i < input->others.count; i++) {
        const struct hm_policy *other = input->others.at[i];

        if (!hm_str_equal(other->name, lint.policy->name) &&
            hm_policies_may_meet(lint.policy, other)) {
            look_at_other(&lint, other);
        }
    }
    if (lint.status != HM_OK) {
        return lint.status;
    }
    if (lint.problems.count > 1) {
        qsort(lint.problems.at, lint.problems.count, sizeof(*lint.problems.at), compare_problems);
    }
    *out_problems = lint.problems;
    return HM_OK;
}

enum hm_lint_severity hm_lint_worst(const struct hm_lint_problems *problems)
{
    return problems->count > 0 ? problems->at[0].severity : HM_LINT_NOTE;
}
