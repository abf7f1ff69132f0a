/* common/plan/policy.c — whom a policy means, and when it counts.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/plan/policy.h"

#include <string.h>

#include "common/base/str.h"
#include "common/ports/os_version.h"
#include "common/ports/timed_wait.h"

#define MINUTE_MS 60000
#define DAY_MINUTES 1440
#define WEEK_DAYS 7
#define EPOCH_WEEKDAY 3 /* 1970-01-01 was a Thursday */

const char *const hm_policy_mode_names[HM_POLICY_MODE_COUNT] = {"audit", "enforce", "retire"};

static const char *const weekday_names[WEEK_DAYS] = {"mon", "tue", "wed", "thu",
                                                     "fri", "sat", "sun"};

/* In this order "and" is the least of its parts, and "or" the greatest. */
enum answer { ANSWER_NO, ANSWER_UNKNOWN, ANSWER_YES };

struct host {
    const struct hm_inventory *inventory;
    const struct hm_strings *labels;
    const char *name;
    bool is_any; /* only the system is given: labels, services and name can be any */
};

static enum answer least(enum answer a, enum answer b)
{
    return a < b ? a : b;
}

static enum answer greatest(enum answer a, enum answer b)
{
    return a > b ? a : b;
}

static bool any_fits(const struct hm_strings *patterns, const char *text)
{
    for (size_t i = 0; i < patterns->count; i++) {
        if (hm_str_glob_nocase(patterns->at[i], text)) {
            return true;
        }
    }
    return false;
}

static enum answer match_labels(const struct hm_match *match, const struct host *host)
{
    if (host->is_any && match->labels.count > 0) {
        return ANSWER_UNKNOWN;
    }
    for (size_t i = 0; i < match->labels.count; i++) {
        bool found = false;

        for (size_t k = 0; host->labels != NULL && !found && k < host->labels->count; k++) {
            found = hm_str_glob_nocase(match->labels.at[i], host->labels->at[k]);
        }
        if (!found) {
            return ANSWER_NO;
        }
    }
    return ANSWER_YES;
}

static enum answer match_services(const struct hm_match *match, const struct host *host)
{
    const struct hm_strings *services = &host->inventory->services;

    if (match->services.count > 0 && !host->inventory->has_services) {
        return ANSWER_UNKNOWN;
    }
    for (size_t i = 0; i < match->services.count; i++) {
        bool found = false;

        for (size_t k = 0; !found && k < services->count; k++) {
            found = hm_str_glob_nocase(match->services.at[i], services->at[k]);
        }
        if (!found) {
            return ANSWER_NO;
        }
    }
    return ANSWER_YES;
}

static enum answer match_hosts(const struct hm_match *match, const struct host *host)
{
    if (host->is_any && match->hosts.count > 0) {
        return ANSWER_UNKNOWN;
    }
    return match->hosts.count == 0 || any_fits(&match->hosts, host->name) ? ANSWER_YES : ANSWER_NO;
}

static enum answer match_os(const struct hm_match *match, const struct host *host)
{
    const struct hm_os *os = &host->inventory->os;

    if (match->has_os_family && match->os_family != os->family) {
        return ANSWER_NO;
    }
    switch (hm_os_within(os, match->version_min, match->version_max)) {
    case HM_WITHIN_YES:
        return ANSWER_YES;
    case HM_WITHIN_NO:
        return ANSWER_NO;
    case HM_WITHIN_UNKNOWN:
        break;
    }
    return ANSWER_UNKNOWN;
}

static bool is_empty(const struct hm_match *match)
{
    return match->all.count == 0 && match->any.count == 0 && match->none.count == 0 &&
           match->labels.count == 0 && !match->has_os_family &&
           hm_str_equal(match->version_min, "") && hm_str_equal(match->version_max, "") &&
           match->services.count == 0 && match->hosts.count == 0;
}

/* The decoder's tables end the tree after three levels. */
static enum answer match_node(const struct hm_match *match, const struct host *host)
{
    enum answer answer = least(least(match_labels(match, host), match_os(match, host)),
                               least(match_services(match, host), match_hosts(match, host)));
    enum answer any = match->any.count == 0 ? ANSWER_YES : ANSWER_NO;

    if (is_empty(match)) {
        return ANSWER_UNKNOWN;
    }
    for (size_t i = 0; i < match->all.count; i++) {
        answer = least(answer, match_node(&match->all.at[i], host));
    }
    for (size_t i = 0; i < match->any.count; i++) {
        any = greatest(any, match_node(&match->any.at[i], host));
    }
    answer = least(answer, any);
    for (size_t i = 0; i < match->none.count; i++) {
        enum answer one = match_node(&match->none.at[i], host);

        answer = least(answer, (enum answer)(ANSWER_YES - one));
    }
    return answer;
}

bool hm_policy_matches(const struct hm_policy *policy, const struct hm_inventory *inventory,
                       const struct hm_strings *labels, const char *host)
{
    const struct host facts = {inventory, labels, host == NULL ? "" : host, false};

    return match_node(&policy->match, &facts) == ANSWER_YES;
}

bool hm_policy_excludes(const struct hm_policy *policy, const struct hm_inventory *inventory,
                        const struct hm_strings *labels, const char *host)
{
    const struct host facts = {inventory, labels, host == NULL ? "" : host, false};

    return match_node(&policy->match, &facts) == ANSWER_NO;
}

bool hm_policy_may_match_os(const struct hm_policy *policy, const struct hm_os *os)
{
    const struct hm_inventory inventory = {.os = *os}; /* no services: not known */
    const struct host any = {&inventory, NULL, "", true};

    return match_node(&policy->match, &any) != ANSWER_NO;
}

/* "site=paris" and "site=rome", neither a pattern: no host has both. */
static bool labels_part(const char *a, const char *b)
{
    const char *equals = strchr(a, '=');
    size_t key = equals == NULL ? 0 : (size_t)(equals - a) + 1;

    return key > 0 && strpbrk(a, "*?") == NULL && strpbrk(b, "*?") == NULL &&
           strncmp(a, b, key) == 0 && !hm_str_equal_nocase(a + key, b + key);
}

/* No version is both this high and this low. */
static bool versions_part(const struct hm_match *a, const struct hm_match *b)
{
    return !hm_str_equal(a->version_min, "") && !hm_str_equal(b->version_max, "") &&
           hm_version_compare(a->version_min, b->version_max) > 0;
}

bool hm_policies_may_meet(const struct hm_policy *a, const struct hm_policy *b)
{
    if (a->match.has_os_family && b->match.has_os_family &&
        a->match.os_family != b->match.os_family) {
        return false;
    }
    if (versions_part(&a->match, &b->match) || versions_part(&b->match, &a->match)) {
        return false;
    }
    for (size_t i = 0; i < a->match.labels.count; i++) {
        for (size_t k = 0; k < b->match.labels.count; k++) {
            if (labels_part(a->match.labels.at[i], b->match.labels.at[k])) {
                return false;
            }
        }
    }
    return true;
}

static bool has_weekday(const struct hm_window *window, int64_t day)
{
    const char *name = weekday_names[(day + EPOCH_WEEKDAY) % WEEK_DAYS];

    for (size_t i = 0; i < window->weekdays.count; i++) {
        if (hm_str_equal(window->weekdays.at[i], name)) {
            return true;
        }
    }
    return false;
}

bool hm_window_is_open(const struct hm_window *window, int64_t now_ms)
{
    int64_t minute = (now_ms < 0 ? 0 : now_ms) / MINUTE_MS;
    int64_t day = minute / DAY_MINUTES;
    int64_t at = minute % DAY_MINUTES;
    int64_t end = (int64_t)window->start_minute + window->minutes;

    if (has_weekday(window, day) && at >= window->start_minute && at < end) {
        return true;
    }
    return has_weekday(window, day + WEEK_DAYS - 1) && at + DAY_MINUTES < end;
}

bool hm_policy_is_expired(const struct hm_policy *policy, int64_t now_ms)
{
    return policy->has_expires && now_ms >= policy->expires;
}

uint32_t hm_policy_watch_s(const struct hm_policy *policy)
{
    return policy->has_watch_s ? policy->watch_s : HM_POLICY_WATCH_S;
}

/* Lower case, digits, single dashes inside: a name is also a file name and part of a URL. */
static bool is_name(const char *name)
{
    size_t len = name == NULL ? 0 : strlen(name);

    if (len == 0 || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != len) {
        return false;
    }
    return name[0] != '-' && name[len - 1] != '-' && strstr(name, "--") == NULL;
}

static bool has_empty_node(const struct hm_match *match)
{
    const struct hm_matches *lists[] = {&match->all, &match->any, &match->none};

    if (is_empty(match)) {
        return true;
    }
    for (size_t i = 0; i < HM_COUNT(lists); i++) {
        for (size_t k = 0; k < lists[i]->count; k++) {
            if (has_empty_node(&lists[i]->at[k])) {
                return true;
            }
        }
    }
    return false;
}

static bool is_blank(const char *text)
{
    return text == NULL || hm_str_trim(text, strlen(text)).len == 0;
}

static enum hm_status check_reservation(const struct hm_reservation *reservation, size_t at,
                                        struct hm_err *err)
{
    bool has_product = !is_blank(reservation->product);

    if ((reservation->ports.count > 0) == has_product) {
        return hm_fail(err, HM_EINVAL, "reservations[%zu]: give either ports or a product", at);
    }
    if (!has_product && !is_blank(reservation->requirement)) {
        return hm_fail(err, HM_EINVAL, "reservations[%zu]: a requirement needs its product", at);
    }
    if (!has_product && !reservation->has_protocol) {
        return hm_fail(err, HM_EINVAL, "reservations[%zu]: ports need a protocol, tcp or udp", at);
    }
    if (reservation->ports.count > 0 && reservation->ports.at[0].first == 0) {
        return hm_fail(err, HM_EINVAL, "reservations[%zu]: port 0 cannot be reserved", at);
    }
    return HM_OK;
}

static enum hm_status check_range(const struct hm_policy *policy, size_t at, struct hm_err *err)
{
    const struct hm_policy_range *row = &policy->ranges.at[at];

    for (size_t i = 0; i < at; i++) {
        if (policy->ranges.at[i].protocol == row->protocol) {
            return hm_fail(err, HM_EINVAL, "ranges[%zu]: a second range for %s", at,
                           hm_protocol_names[row->protocol]);
        }
    }
    if (row->range.first < HM_POLICY_RANGE_FIRST_MIN ||
        hm_range_count(row->range) < HM_POLICY_RANGE_COUNT_MIN) {
        return hm_fail(err, HM_EINVAL,
                       "ranges[%zu]: a dynamic range starts at %u or above and has %u ports or "
                       "more",
                       at, HM_POLICY_RANGE_FIRST_MIN, HM_POLICY_RANGE_COUNT_MIN);
    }
    if (row->headroom_min > hm_range_count(row->range)) {
        return hm_fail(err, HM_EINVAL, "ranges[%zu]: headroom_min %u is more than the whole range",
                       at, row->headroom_min);
    }
    return HM_OK;
}

static enum hm_status check_timed_wait_delay(const struct hm_policy *policy, struct hm_err *err)
{
    const uint32_t s = policy->tcp_timed_wait_delay_s;

    if (policy->has_tcp_timed_wait_delay_s &&
        (s < HM_TIMED_WAIT_DELAY_MIN_S || s > HM_TIMED_WAIT_DELAY_MAX_S)) {
        return hm_fail(err, HM_EINVAL, "tcp_timed_wait_delay_s: %u is not within %u to %u seconds",
                       s, HM_TIMED_WAIT_DELAY_MIN_S, HM_TIMED_WAIT_DELAY_MAX_S);
    }
    return HM_OK;
}

static enum hm_status check_window(const struct hm_window *window, struct hm_err *err)
{
    for (size_t i = 0; i < window->weekdays.count; i++) {
        bool found = false;

        for (size_t k = 0; k < WEEK_DAYS && !found; k++) {
            found = hm_str_equal(window->weekdays.at[i], weekday_names[k]);
        }
        if (!found) {
            return hm_fail(err, HM_EINVAL, "window: \"%.40s\" is no weekday; write mon to sun",
                           window->weekdays.at[i]);
        }
    }
    if (window->weekdays.count == 0 || window->minutes == 0 || window->minutes > DAY_MINUTES ||
        window->start_minute >= DAY_MINUTES) {
        return hm_fail(err, HM_EINVAL,
                       "window: it never opens; give weekdays, start_minute under 1440 and 1 to "
                       "1440 minutes");
    }
    return HM_OK;
}

enum hm_status hm_policy_check(const struct hm_policy *policy, struct hm_err *err)
{
    enum hm_status st = HM_OK;

    if (!is_name(policy->name)) {
        return hm_fail(err, HM_EINVAL,
                       "name: lower case letters, digits and single dashes, as in "
                       "exchange-back-end");
    }
    if (is_blank(policy->owner) || is_blank(policy->reason)) {
        return hm_fail(err, HM_EINVAL, "owner and reason must say who wants this and why");
    }
    if (policy->review <= 0) {
        return hm_fail(err, HM_EINVAL, "review: give the time by which somebody looks again");
    }
    if (has_empty_node(&policy->match)) {
        return hm_fail(err, HM_EINVAL,
                       "match: a node has no condition and so meets nobody; write hosts [\"*\"] "
                       "for every host");
    }
    if (policy->reservations.count == 0 && policy->ranges.count == 0 &&
        !policy->has_tcp_timed_wait_delay_s) {
        return hm_fail(err, HM_EINVAL,
                       "the policy reserves nothing and sets neither a dynamic range nor "
                       "tcp_timed_wait_delay_s");
    }
    for (size_t i = 0; st == HM_OK && i < policy->reservations.count; i++) {
        st = check_reservation(&policy->reservations.at[i], i, err);
    }
    for (size_t i = 0; st == HM_OK && i < policy->ranges.count; i++) {
        st = check_range(policy, i, err);
    }
    if (st == HM_OK) {
        st = check_timed_wait_delay(policy, err);
    }
    if (st == HM_OK && policy->has_window) {
        st = check_window(&policy->window, err);
    }
    return st;
}
