/* server/store/filter.h — the one filter language: text in, SQL with bound values out.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     verdict=exposed os~"Windows Server 2012*" label.site=paris not silent=true
 *     (exposed>0 or blocked>0) last_seen<-2h
 *
 *   filter = [ either ]
 *   either = all { "or" all }
 *   all    = one { [ "and" ] one }           two terms side by side mean "and"
 *   one    = "not" one | "(" either ")" | field op value
 *   op     = "=" | "!=" | "~" | "!~" | "<" | "<=" | ">" | ">="
 *   value  = word | '"' text '"'             inside quotes \" and \\ stand for " and \
 *   word   = anything without spaces, quotes, parentheses, = ! ~ < >
 *
 * What a value may be depends on the field: text is compared exactly by = and as a pattern by ~
 * ('*' any run, '?' any one character, ASCII case folded; texts know no < and >); names of a set
 * ("exposed") are ordered as the set is, so verdict>=exposed means exposed or blocked; numbers;
 * true and false; times are RFC 3339 ("2026-11-22T11:05:00Z"), a date (midnight UTC), or how long
 * ago: last_seen<-2h is "last seen earlier than two hours ago" (s, m, h, d, w). A term about
 * something that is not known is false, and "not" of it is true.
 *
 * Values are always bound, never pasted. The SQL speaks of the columns that entities.h and
 * entities_policy.h list.
 * Threads: pure. */
#pragma once

#include "common/base/arena.h"
#include "common/wire/fields.h"
#include "server/store/page.h"

#define HM_LIMIT_FILTER_DEPTH 16u /* parentheses and "not" */
#define HM_LIMIT_FILTER_TERMS 64u
#define HM_LIMIT_FILTER_VALUES 100u

enum hm_filter_type {
    HM_FILTER_TEXT,
    HM_FILTER_NAME,   /* one of names; kept as text */
    HM_FILTER_NUMBER, /* a decimal number; the column is an integer or a real */
    HM_FILTER_BOOL,   /* sql is a condition */
    HM_FILTER_TIME,   /* the column holds milliseconds, 0 or NULL = never */
    HM_FILTER_LABEL,  /* label.NAME; sql gives the labels, ["site=paris"] */
};

struct hm_filter_field {
    const char *name;
    enum hm_filter_type type;
    const char *sql; /* column or expression over the list's columns */
    const struct hm_enum *names;
    const char *help;
};

struct hm_filter_list {
    const char *name; /* "hosts" */
    const struct hm_filter_field *fields;
    size_t count;
};

/* filter_lists.c */
extern const struct hm_filter_list hm_filter_hosts;
extern const struct hm_filter_list hm_filter_verdicts;
extern const struct hm_filter_list hm_filter_findings;
extern const struct hm_filter_list hm_filter_events;
extern const struct hm_filter_list hm_filter_tokens;
extern const struct hm_filter_list hm_filter_policies;
extern const struct hm_filter_list hm_filter_host_policies;
extern const struct hm_filter_list hm_filter_exceptions;
extern const struct hm_filter_list *const hm_filter_lists[];
extern const size_t hm_filter_lists_count;

/* Compiles; everything returned lives in the arena. NULL or blank text gives "everything".
 * HM_EINVAL, code "bad_filter", names the position (in characters, from 1), what was wrong and
 * the fields that there are; HM_ETOOBIG past HM_LIMIT_FILTER_BYTES. */
enum hm_status hm_filter_compile(const struct hm_filter_list *list, const char *text,
                                 int64_t now_ms, struct hm_arena *arena, struct hm_where *out_where,
                                 struct hm_err *err) HM_MUST_CHECK;
