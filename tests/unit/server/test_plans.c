/* tests/unit/server/test_plans.c — plans and what-ifs over a small fleet.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/plans/plans.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "common/os/os.h"
#include "server/store/entities_policy.h"
#include "tests/support/agent_double.h"

#define NOW_MS 1795000000000 /* 2026-11-18 */
#define WAIT_MS 10
#define WAITS_MAX 3000
#define EXPOSED "6005-65534"
#define ELSEWHERE "49152-65535"

struct fleet {
    struct collector_double collector;
    struct hm_plans *plans;
    struct hm_arena arena;
};

/* A ledger that says: this policy's exclusion of 9955 is ours. */
static const char outcome[] =
    "{\"policies\":[],\"ledger\":{\"exclusions\":[{\"policy\":\"old\",\"revision\":1,\"protocol\":"
    "\"tcp\",\"family\":\"ipv4\",\"range\":\"9955\",\"at\":\"2026-11-01T00:00:00Z\"}],"
    "\"ranges\":[]}}";

/* lsass has 9955 for IPv4, as a client: no listener of the inventory tells that. */
static const char blocked[] =
    "{\"verdicts\":[{\"product\":\"exchange-2013-back-end\",\"requirement\":\"pop3-back-end\","
    "\"title\":\"POP3\",\"protocol\":\"tcp\",\"ports\":\"9955\",\"kind\":\"socket\",\"origin\":"
    "\"catalogue\",\"state\":\"blocked\",\"reason\":\"held\",\"families\":[\"ipv4\"],\"at_risk\":"
    "\"9955\",\"holder\":{\"program\":\"lsass.exe\",\"service\":\"NTDS\",\"pid\":712,\"state\":"
    "\"established\",\"port\":9955,\"remote\":\"10.0.0.5:3268\"},\"text\":\"held\"}],"
    "\"findings\":[],\"unknown\":[]}";

static void enrol_with(struct fleet *fleet, const char *name, const char *inventory,
                       const char *outcome_text, const char *findings)
{
    struct agent_double agent = {.name = name};
    struct agent_report report = {.boot_id = "boot-1",
                                  .seq = 1,
                                  .inventory = inventory,
                                  .findings = findings,
                                  .findings_digest = findings == NULL ? "" : NULL,
                                  .outcome = outcome_text,
                                  .outcome_digest = outcome_text == NULL ? "" : NULL};
    char token[200];

    collector_double_token(&fleet->collector, NOW_MS, 1, token);
    assert_int_equal(agent_double_enroll(&agent, &fleet->collector.app, name, token, NOW_MS), 200);
    if (inventory != NULL) {
        assert_int_equal(agent_double_checkin(&agent, &report, NOW_MS), 200);
    }
}

static void enrol(struct fleet *fleet, const char *name, const char *inventory,
                  const char *outcome_text)
{
    enrol_with(fleet, name, inventory, outcome_text, NULL);
}

/* 9955 is reserved for IPv4 on this host. */
static const char *reserved(struct hm_arena *arena)
{
    const char *text = agent_double_inventory(arena, EXPOSED);
    char *copy = hm_arena_alloc(arena, strlen(text) + 10, 1);
    const char *at = strstr(text, "\"administered\":\"\"");

    assert_non_null(copy);
    assert_non_null(at);
    at += strlen("\"administered\":\"");
    (void)snprintf(copy, strlen(text) + 10, "%.*s9955%s", (int)(at - text), text, at);
    return copy;
}

static int set_up(void **state)
{
    struct fleet *fleet = calloc(1, sizeof(*fleet));

    assert_non_null(fleet);
    collector_double_open(&fleet->collector, "sqlite::memory:");
    hm_arena_init(&fleet->arena, HM_LIMIT_REQUEST_ARENA_BYTES);
    enrol(fleet, "mail2", agent_double_inventory(&fleet->arena, EXPOSED), NULL);
    enrol(fleet, "mail1", agent_double_inventory(&fleet->arena, EXPOSED), NULL);
    enrol(fleet, "done1", agent_double_inventory(&fleet->arena, ELSEWHERE), NULL);
    enrol(fleet, "old1", reserved(&fleet->arena), outcome);
    enrol(fleet, "mute1", NULL, NULL);
    assert_int_equal(hm_plans_open(fleet->collector.app.store, fleet->collector.app.shelf, 2,
                                   &fleet->plans, NULL),
                     HM_OK);
    *state = fleet;
    return 0;
}

static int tear_down(void **state)
{
    struct fleet *fleet = *state;

    hm_plans_close(fleet->plans);
    collector_double_close(&fleet->collector);
    hm_arena_fini(&fleet->arena);
    free(fleet);
    return 0;
}

#define DOCUMENT(name, match)                                                                      \
    "{\"name\":\"" name                                                                            \
    "\",\"owner\":\"o\",\"reason\":\"r\",\"review\":\"2036-01-31T00:00:00Z\",\"mode\":"            \
    "\"enforce\",\"match\":" match                                                                 \
    ",\"reservations\":[{\"protocol\":\"tcp\",\"ports\":\"9955\"}]}"
#define EVERYONE DOCUMENT("mail", "{\"hosts\":[\"*\"]}")
#define AWAY                                                                                       \
    "{\"name\":\"away\",\"owner\":\"o\",\"reason\":\"r\",\"review\":\"2036-01-31T00:00:00Z\","     \
    "\"mode\":"                                                                                    \
    "\"enforce\",\"match\":{\"hosts\":[\"*\"]},\"ranges\":[{\"protocol\":\"tcp\",\"range\":"       \
    "\"49152-65535\"}]}"

static const struct hm_plan_wish plain = {
    .document = EVERYONE, .host = "", .filter = "", .now_ms = NOW_MS};

static struct hm_api_plan run(struct fleet *fleet, const struct hm_plan_wish *wish,
                              char id[HM_ID_TEXT_BYTES])
{
    struct hm_err err = {0};
    struct hm_api_plan plan = {.state = "running"};

    if (hm_plans_start(fleet->plans, wish, id, &err) != HM_OK) {
        fail_msg("%s", err.text);
    }
    for (unsigned i = 0; i < WAITS_MAX && strcmp(plan.state, "running") == 0; i++) {
        assert_int_equal(hm_plans_get(fleet->plans, id, &fleet->arena, &plan, &err), HM_OK);
        (void)hm_os_sleep_ms(strcmp(plan.state, "running") == 0 ? WAIT_MS : 0);
    }
    assert_string_equal(plan.state, "done");
    return plan;
}

static struct hm_api_plan_host_list hosts(struct fleet *fleet, const char *id, unsigned only)
{
    struct hm_api_plan_host_list list;
    size_t next = 0;

    assert_int_equal(
        hm_plans_hosts(fleet->plans, id, 0, 100, only, &fleet->arena, &list, &next, NULL), HM_OK);
    assert_int_equal(next, 0);
    return list;
}

static void test_counts_and_hosts(void **state)
{
    struct fleet *fleet = *state;
    char id[HM_ID_TEXT_BYTES];
    struct hm_api_plan plan = run(fleet, &plain, id);
    struct hm_api_plan_host_list list;

    assert_int_equal(plan.counts.hosts, 5);
    assert_int_equal(plan.counts.facts_missing, 1);
    assert_int_equal(plan.counts.matched, 4);
    assert_int_equal(plan.counts.changed, 4);
    assert_int_equal(plan.counts.removals, 0); /* old1's is wanted by somebody else now */
    list = hosts(fleet, id, 0);
    assert_int_equal(list.count, 4);
    assert_string_equal(list.at[0].host, "done1"); /* by name */
    assert_string_equal(list.at[1].host, "mail1");
    assert_string_equal(list.at[2].host, "mail2");
    assert_int_equal(list.at[1].plan.actions.count, 2); /* both families */
    assert_int_equal(hosts(fleet, id, HM_PLAN_BUSY).count, 0);
    assert_int_equal(hosts(fleet, id, HM_PLAN_CHANGED).count, 4);
}

/* Page by page it is the same list. */
static void test_pages(void **state)
{
    struct fleet *fleet = *state;
    struct hm_api_plan_host_list list;
    char id[HM_ID_TEXT_BYTES];
    char names[100] = "";
    size_t next = 0;

    (void)run(fleet, &plain, id);
    do {
        assert_int_equal(
            hm_plans_hosts(fleet->plans, id, next, 1, 0, &fleet->arena, &list, &next, NULL), HM_OK);
        assert_int_equal(list.count, 1);
        (void)snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s ",
                       list.at[0].host);
    } while (next != 0);
    assert_string_equal(names, "done1 mail1 mail2 old1 ");
}

struct scope {
    const char *host;
    const char *filter;
    const char *document;
    bool retire;
    uint64_t looked;
    uint64_t matched;
    uint64_t removals;
};

static const struct scope scopes[] = {
    {"mail1", "",               EVERYONE,        false,                      1,                                      1,                       0                                                                                  },
    {"",      "name~\"mail*\"", EVERYONE,        false,                      2,                                      2,                       0                                                                                  },
    {"",      "",               DOCUMENT("mail", "{\"hosts\":[\"mail1\"]}"), false,                                  5,                       1,                                                                                   0},
    {"",       "",                      DOCUMENT("mail",                             "{\"os_family\":\"linux\"}"),                   false, 5, 0,                                                                                   0},
    {"",      "",                      DOCUMENT("mail",                                    "{\"services\":[\"MSExchange*\"]}"),                                                       false,                                                         5,          4,0},
 /* Nobody is meant any more, but one host has something of it. */
    {"",      "",                     DOCUMENT("old",                                    "{\"os_family\":\"linux\"}"),                                                             false,                                                                                            5,                                                                        1,                                                                                                                                             1},
    {"",      "",                     DOCUMENT("old",                                   "{\"hosts\":[\"*\"]}"),                                                             true,       5,4,1},
    {"",   "",                  "",                                false,5,                             1,                                                                                                    1                                                                                                                                                                                                                                                                                                                              },
};

static void test_scopes(void **state)
{
    struct fleet *fleet = *state;

    for (size_t i = 0; i < HM_COUNT(scopes); i++) {
        const struct scope *scope = &scopes[i];
        const struct hm_plan_wish wish = {.document = scope->document,
                                          .host = scope->host,
                                          .filter = scope->filter,
                                          .retire = scope->retire,
                                          .now_ms = NOW_MS};
        char id[HM_ID_TEXT_BYTES];
        struct hm_api_plan plan = run(fleet, &wish, id);

        if (plan.counts.hosts != scope->looked || plan.counts.matched != scope->matched ||
            plan.counts.removals != scope->removals) {
            fail_msg("row %zu: %u looked at, %u matched, %u removals", i,
                     (unsigned)plan.counts.hosts, (unsigned)plan.counts.matched,
                     (unsigned)plan.counts.removals);
        }
    }
}

static void test_whatif(void **state)
{
    struct fleet *fleet = *state;
    const struct hm_plan_wish wish = {
        .whatif = true, .document = EVERYONE, .host = "", .filter = "", .now_ms = NOW_MS};
    char id[HM_ID_TEXT_BYTES];
    struct hm_api_plan plan = run(fleet, &wish, id);
    struct hm_api_plan_host_list better = hosts(fleet, id, HM_PLAN_BETTER);

    assert_string_equal(plan.kind, "whatif");
    assert_int_equal(plan.counts.better, 3); /* 9955 was handed out on all but done1 */
    assert_int_equal(plan.counts.worse, 0);
    assert_int_equal(better.count, 3);
    assert_true(better.at[0].verdicts.count > 0);
    assert_string_equal(better.at[0].verdicts.at[0].before, "exposed");
}

/* The same facts, the same digest; another fact, another one. */
static void test_digest(void **state)
{
    struct fleet *fleet = *state;
    char first[HM_ID_TEXT_BYTES];
    char again[HM_ID_TEXT_BYTES];
    const char *digest = run(fleet, &plain, first).digest;

    assert_string_equal(run(fleet, &plain, again).digest, digest);
    enrol(fleet, "mail3", agent_double_inventory(&fleet->arena, EXPOSED), NULL);
    assert_string_not_equal(run(fleet, &plain, again).digest, digest);
}

/* Whom the agent saw in the way is in the way of a plan, too. */
static void test_holder(void **state)
{
    struct fleet *fleet = *state;
    const struct hm_plan_wish wish = {
        .document = EVERYONE, .host = "held1", .filter = "", .now_ms = NOW_MS};
    char id[HM_ID_TEXT_BYTES];
    struct hm_api_plan plan;
    struct hm_api_plan_host_list list;

    enrol_with(fleet, "held1", agent_double_inventory(&fleet->arena, EXPOSED), NULL, blocked);
    plan = run(fleet, &wish, id);
    assert_int_equal(plan.counts.taken, 1);
    assert_int_equal(plan.counts.busy, 0);
    assert_int_equal(plan.counts.actions, 1); /* IPv6 is free */
    list = hosts(fleet, id, HM_PLAN_TAKEN);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.at[0].plan.notes.count, 1);
    assert_string_equal(list.at[0].plan.notes.at[0].holder.program, "lsass.exe");
}

/* A range that moves away frees nobody's port: what is blocked stays blocked. */
static void test_held_is_blocked(void **state)
{
    static const char *const names[] = {"open1", "held1"};
    struct fleet *fleet = *state;
    char id[HM_ID_TEXT_BYTES];

    enrol(fleet, "open1", agent_double_inventory(&fleet->arena, EXPOSED), NULL);
    enrol_with(fleet, "held1", agent_double_inventory(&fleet->arena, EXPOSED), NULL, blocked);
    for (size_t i = 0; i < HM_COUNT(names); i++) {
        const struct hm_plan_wish wish = {
            .document = AWAY, .host = names[i], .filter = "", .now_ms = NOW_MS};
        const struct hm_api_plan plan = run(fleet, &wish, id);
        const struct hm_api_plan_host_list list = hosts(fleet, id, 0);
        bool told = false;

        assert_int_equal(plan.counts.actions, 2);
        assert_int_equal(list.count, 1);
        for (size_t k = 0; k < list.at[0].verdicts.count; k++) {
            told = told || strcmp(list.at[0].verdicts.at[k].requirement, "pop3-back-end") == 0;
        }
        assert_int_equal(told, i == 0);
        assert_int_equal(plan.counts.better, i == 0);
    }
}

struct refused {
    const char *document;
    const char *host;
    const char *filter;
    enum hm_status st;
};

static const struct refused refusals[] = {
    {"{\"name\":\"x\"}", "",     "",      HM_EINVAL},
    {"junk",             "",     "",      HM_EINVAL},
    {EVERYONE,           "nix1", "",      HM_ENOENT},
    {EVERYONE,           "",     "nix=1", HM_EINVAL},
};

static void test_refused(void **state)
{
    struct fleet *fleet = *state;
    struct hm_api_plan_host_list list;
    struct hm_api_plan plan;
    char id[HM_ID_TEXT_BYTES];
    size_t next;

    for (size_t i = 0; i < HM_COUNT(refusals); i++) {
        const struct hm_plan_wish wish = {.document = refusals[i].document,
                                          .host = refusals[i].host,
                                          .filter = refusals[i].filter,
                                          .now_ms = NOW_MS};

        assert_int_equal(hm_plans_start(fleet->plans, &wish, id, NULL), refusals[i].st);
    }
    assert_int_equal(hm_plans_get(fleet->plans, "nix", &fleet->arena, &plan, NULL), HM_ENOENT);
    assert_int_equal(
        hm_plans_hosts(fleet->plans, "nix", 0, 1, 0, &fleet->arena, &list, &next, NULL), HM_ENOENT);
}

/* The newest are kept, the oldest go. */
static void test_many(void **state)
{
    struct fleet *fleet = *state;
    struct hm_api_plan plan;
    char first[HM_ID_TEXT_BYTES];
    char id[HM_ID_TEXT_BYTES];

    (void)run(fleet, &plain, first);
    for (unsigned i = 0; i < 16; i++) {
        (void)run(fleet, &plain, id);
    }
    assert_int_equal(hm_plans_get(fleet->plans, first, &fleet->arena, &plan, NULL), HM_ENOENT);
    assert_int_equal(hm_plans_get(fleet->plans, id, &fleet->arena, &plan, NULL), HM_OK);
}

/* ---- what one host, or one damaged row, must not do to all others ---------------------------- */

struct live {
    const char *name;
    const char *document;
};

static enum hm_status put_live(struct hm_session *s, void *arg, struct hm_err *err)
{
    const struct live *live = arg;
    const struct hm_policy_row policy = {.name = live->name,
                                         .owner = "o",
                                         .reason = "r",
                                         .mode = "enforce",
                                         .newest = 1,
                                         .state = HM_REVISION_ACTIVE,
                                         .live = 1,
                                         .live_state = HM_REVISION_ACTIVE};
    const struct hm_revision_row row = {.policy = live->name,
                                        .revision = 1,
                                        .state = HM_REVISION_ACTIVE,
                                        .mode = "enforce",
                                        .document = live->document,
                                        .digest = "d",
                                        .author = "anna",
                                        .envelope = "",
                                        .why = ""};
    enum hm_status st = hm_policies_put(s, &policy, err);

    return st == HM_OK ? hm_revisions_put(s, &row, err) : st;
}

static void make_live(struct fleet *fleet, const char *name, const char *document)
{
    struct live live = {name, document};

    assert_int_equal(hm_store_write(fleet->collector.app.store, put_live, &live, NULL), HM_OK);
}

static void test_broken_policy(void **state)
{
    struct fleet *fleet = *state;
    char id[HM_ID_TEXT_BYTES];

    make_live(fleet, "broken", "{");
    assert_int_equal(run(fleet, &plain, id).counts.changed, 4);
}

/* A policy for "old1" with as many single ports as this. */
static const char *many_ports(struct fleet *fleet, const char *name, const char *host,
                              unsigned first, unsigned count)
{
    struct hm_buf text;
    const char *copy;

    hm_buf_init(&text, HM_LIMIT_POLICY_BYTES);
    hm_buf_printf(&text,
                  "{\"name\":\"%s\",\"owner\":\"o\",\"reason\":\"r\",\"review\":"
                  "\"2036-01-31T00:00:00Z\",\"mode\":\"enforce\",\"match\":{\"hosts\":[\"%s\"]},"
                  "\"reservations\":[",
                  name, host);
    for (unsigned i = 0; i < count; i++) {
        hm_buf_printf(&text, "%s{\"protocol\":\"tcp\",\"ports\":\"%u\"}", i > 0 ? "," : "",
                      first + 2 * i);
    }
    hm_buf_puts(&text, "]}");
    copy = hm_arena_strdup(&fleet->arena, hm_buf_text(&text));
    hm_buf_fini(&text);
    assert_non_null(copy);
    return copy;
}

static void test_too_much_for_one(void **state)
{
    static const char *const names[] = {"m0", "m1", "m2", "m3", "m4"};
    struct fleet *fleet = *state;
    struct hm_api_plan_host_list list;
    struct hm_api_plan plan;
    char id[HM_ID_TEXT_BYTES];

    for (unsigned i = 0; i < HM_COUNT(names); i++) {
        make_live(fleet, names[i], many_ports(fleet, names[i], "mail1", 10001 + 1000 * i, 250));
    }
    plan = run(fleet, &plain, id);
    assert_int_equal(plan.counts.matched, 4);
    assert_int_equal(plan.counts.changed, 3);
    assert_int_equal(plan.counts.refused, 1);
    list = hosts(fleet, id, HM_PLAN_REFUSED);
    assert_int_equal(list.count, 1);
    assert_string_equal(list.at[0].host, "mail1");
    assert_int_equal(list.at[0].plan.notes.count, 1);
    assert_string_equal(list.at[0].plan.notes.at[0].policy, "mail");
    assert_non_null(strstr(list.at[0].plan.notes.at[0].text, "more than 1024 ranges"));
}

static enum hm_status damage(struct hm_session *s, void *arg, struct hm_err *err)
{
    (void)arg;
    return hm_session_exec(s,
                           "UPDATE hosts SET inventory_digest = (SELECT digest FROM documents "
                           "WHERE kind = 'outcome' LIMIT 1) WHERE name = 'mail2'",
                           NULL, 0, err);
}

/* What cannot be read of one host is missing there, and nowhere else. */
static void test_damaged_host(void **state)
{
    struct fleet *fleet = *state;
    struct hm_api_plan plan;
    char id[HM_ID_TEXT_BYTES];

    assert_int_equal(hm_store_write(fleet->collector.app.store, damage, NULL, NULL), HM_OK);
    plan = run(fleet, &plain, id);
    assert_int_equal(plan.counts.facts_missing, 2);
    assert_int_equal(plan.counts.matched, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_counts_and_hosts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_pages, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_scopes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_whatif, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_digest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_holder, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_held_is_blocked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_broken_policy, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_too_much_for_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_damaged_host, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
