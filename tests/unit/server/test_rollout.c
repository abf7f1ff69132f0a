/* tests/unit/server/test_rollout.c — who is offered what, which ETag says so, and who is woken.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/str.h"
#include "common/os/os.h"
#include "server/api/api.h"
#include "server/catalogue/shelf.h"
#include "server/fleet/fleet.h"
#include "server/rollout/rollout.h"
#include "tests/support/rollout_double.h"

#define MANY 5000
#define WAIT_MS 20000
#define PAST_MS INT64_C(1600000000000)

static const char exchange[] = "{\"all\":[{\"os_family\":\"windows\"},{\"services\":[\"MSEx*\"]}]}";
static const char everybody[] = "{\"hosts\":[\"*\"]}";

static int begin(void **state)
{
    struct rollout_double *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    rollout_double_open(f);
    *state = f;
    return 0;
}

static int end(void **state)
{
    rollout_double_close(*state);
    free(*state);
    return 0;
}

static const struct rollout_host some[] = {
    {"a1", "site=paris", "windows", "DNS\nMSExchangePOP3BE"},
    {"a2", "site=paris", "windows", "MSExchangePOP3BE"     },
    {"a3", "site=rome",  "windows", "MSExchangePOP3BE"     },
    {"b1", "site=rome",  "windows", "DNS"                  },
    {"c1", NULL,         "linux",   "sshd"                 },
};

static void add_some(struct rollout_double *f)
{
    for (size_t i = 0; i < HM_COUNT(some); i++) {
        rollout_double_add(f, &some[i]);
    }
}

/* ---- what a host sees ----------------------------------------------------------------------- */

static void expect(struct rollout_double *f, const char *const expected[HM_COUNT(some)])
{
    for (size_t i = 0; i < HM_COUNT(some); i++) {
        char out[200];

        if (strcmp(rollout_double_offers(f, some[i].id, out), expected[i]) != 0) {
            fail_msg("%s has \"%s\", not \"%s\"", some[i].id, out, expected[i]);
        }
    }
}
#define EXPECT(f, ...) expect(f, (const char *const[HM_COUNT(some)]){__VA_ARGS__})

static void test_who_is_meant(void **state)
{
    struct rollout_double *f = *state;
    char a1[HM_DIGEST_TEXT_BYTES + 2];
    char other[HM_DIGEST_TEXT_BYTES + 2];

    add_some(f);
    rollout_double_put(f, "exchange", 3, HM_REVISION_ACTIVE, exchange);
    rollout_double_put(f, "paris", 1, HM_REVISION_ACTIVE, "{\"labels\":[\"site=paris\"]}");
    rollout_double_put(f, "draft", 1, HM_REVISION_APPROVED, everybody);
    rollout_double_refresh(f);
    EXPECT(f, "exchange/3 paris/1", "exchange/3 paris/1", "exchange/3", "", "");
    hm_rollout_etag(f->collector.app.rollout, "a1", a1);
    hm_rollout_etag(f->collector.app.rollout, "a2", other);
    assert_string_equal(a1, other);
    hm_rollout_etag(f->collector.app.rollout, "a3", other);
    assert_string_not_equal(a1, other);
}

/* Labels are part of the answer, so they are part of its ETag. */
static void test_labels_and_catalogue(void **state)
{
    struct rollout_double *f = *state;
    struct hm_rollout *rollout = f->collector.app.rollout;
    const char *tag = hm_shelf_tag(f->collector.app.shelf);
    struct hm_desired_answer answer;
    char etag[2][HM_DIGEST_TEXT_BYTES + 2];
    size_t catalogue;

    add_some(f);
    rollout_double_refresh(f);
    hm_rollout_etag(rollout, "a1", etag[0]);
    hm_rollout_etag(rollout, "a3", etag[1]);
    assert_string_not_equal(etag[0], etag[1]);
    assert_int_equal(hm_rollout_desired(rollout, "a1", tag, &answer, NULL), HM_OK);
    assert_non_null(strstr(answer.body, "\"labels\":[\"site=paris\"]"));
    assert_null(strstr(answer.body, "\"catalogue\":"));
    assert_non_null(strstr(answer.body, tag));
    catalogue = answer.len;
    hm_desired_release(&answer);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(hm_rollout_desired(rollout, "a1", i == 0 ? NULL : "old", &answer, NULL),
                         HM_OK);
        assert_non_null(strstr(answer.body, "\"catalogue\":["));
        assert_string_equal(answer.etag, etag[0]);
        assert_true(answer.len > catalogue + 10000);
        hm_desired_release(&answer);
    }
    assert_int_equal(hm_rollout_desired(rollout, "nobody", NULL, &answer, NULL), HM_OK);
    assert_null(strstr(answer.body, "\"labels\""));
    hm_desired_release(&answer);
}

/* Who had the policy learns that it is meant no longer; who never had it hears nothing. */
static void test_narrowed_then_retired(void **state)
{
    struct rollout_double *f = *state;

    add_some(f);
    rollout_double_put(f, "exchange", 1, HM_REVISION_ACTIVE, exchange);
    rollout_double_refresh(f);
    EXPECT(f, "exchange/1", "exchange/1", "exchange/1", "", "");
    rollout_double_turn(f, "exchange", 1, HM_REVISION_SUPERSEDED);
    rollout_double_put(f, "exchange", 2, HM_REVISION_ACTIVE, "{\"hosts\":[\"a1\",\"b1\"]}");
    rollout_double_refresh(f);
    EXPECT(f, "exchange/2", "exchange/2", "exchange/2", "exchange/2", "");
    rollout_double_turn(f, "exchange", 2, HM_REVISION_SUPERSEDED);
    rollout_double_put(f, "exchange", 3, HM_REVISION_RETIRED, everybody);
    rollout_double_refresh(f);
    EXPECT(f, "exchange/3", "exchange/3", "exchange/3", "exchange/3", "");
}

static void test_paused(void **state)
{
    struct rollout_double *f = *state;
    const struct rollout_host late = {"a0", NULL, "windows", "MSExchangePOP3BE"};
    char out[200];

    add_some(f);
    rollout_double_put(f, "exchange", 1, HM_REVISION_ACTIVE, exchange);
    rollout_double_refresh(f);
    rollout_double_turn(f, "exchange", 1, HM_REVISION_PAUSED);
    rollout_double_add(f, &late);
    rollout_double_refresh(f);
    EXPECT(f, "exchange/1", "exchange/1", "exchange/1", "", "");
    assert_string_equal(rollout_double_offers(f, "a0", out), "");
    rollout_double_turn(f, "exchange", 1, HM_REVISION_ACTIVE);
    rollout_double_refresh(f);
    assert_string_equal(rollout_double_offers(f, "a0", out), "exchange/1");
    /* A paused revision that nobody has yet takes the place of none. */
    rollout_double_turn(f, "exchange", 1, HM_REVISION_SUPERSEDED);
    rollout_double_put(f, "exchange", 2, HM_REVISION_PAUSED, exchange);
    rollout_double_refresh(f);
    EXPECT(f, "", "", "", "", "");
}

static void test_one_bad_document_stops_no_other(void **state)
{
    struct rollout_double *f = *state;
    struct rollout_revision bad = {.policy = "bad",
                                   .revision = 1,
                                   .state = HM_REVISION_ACTIVE,
                                   .match = everybody,
                                   .broken = true,
                                   .f = f};
    struct rollout_revision old = {.policy = "expired",
                                   .revision = 1,
                                   .state = HM_REVISION_ACTIVE,
                                   .match = everybody,
                                   .expires_ms = PAST_MS,
                                   .f = f};

    add_some(f);
    assert_int_equal(hm_store_write(f->collector.app.store, rollout_put_revision, &bad, NULL),
                     HM_OK);
    assert_int_equal(hm_store_write(f->collector.app.store, rollout_put_revision, &old, NULL),
                     HM_OK);
    rollout_double_put(f, "exchange", 1, HM_REVISION_ACTIVE, exchange);
    rollout_double_refresh(f);
    EXPECT(f, "exchange/1", "exchange/1", "exchange/1", "", "");
}

static enum hm_status damage_labels(struct hm_session *s, void *arg, struct hm_err *err)
{
    (void)arg;
    return hm_session_exec(s, "UPDATE hosts SET labels = '[\"site=' WHERE id = 'a2'", NULL, 0, err);
}

static void test_one_bad_row_stops_no_other(void **state)
{
    struct rollout_double *f = *state;

    add_some(f);
    assert_int_equal(hm_store_write(f->collector.app.store, damage_labels, NULL, NULL), HM_OK);
    rollout_double_put(f, "exchange", 1, HM_REVISION_ACTIVE, exchange);
    rollout_double_put(f, "paris", 1, HM_REVISION_ACTIVE, "{\"labels\":[\"site=paris\"]}");
    rollout_double_refresh(f);
    EXPECT(f, "exchange/1 paris/1", "exchange/1", "exchange/1", "", "");
}

static void test_a_removed_host(void **state)
{
    struct rollout_double *f = *state;
    char out[200];

    add_some(f);
    rollout_double_put(f, "exchange", 1, HM_REVISION_ACTIVE, exchange);
    rollout_double_refresh(f);
    hm_rollout_host_removed(f->collector.app.rollout, "a1");
    hm_rollout_host_removed(f->collector.app.rollout, "nobody");
    assert_string_equal(rollout_double_offers(f, "a1", out), "");
    assert_string_equal(rollout_double_offers(f, "a2", out), "exchange/1");
}

/* Nobody refreshes: the rollout sees by itself that a statement's time is over. */
static void test_a_statement_expires(void **state)
{
    struct rollout_double *f = *state;
    struct rollout_revision soon = {.policy = "soon",
                                    .revision = 1,
                                    .state = HM_REVISION_ACTIVE,
                                    .match = everybody,
                                    .expires_ms = hm_clock_now_ms() + 4000,
                                    .f = f};
    int64_t until_ms = hm_os_monotonic_ms() + WAIT_MS;
    char out[200];

    add_some(f);
    assert_int_equal(hm_store_write(f->collector.app.store, rollout_put_revision, &soon, NULL),
                     HM_OK);
    rollout_double_refresh(f);
    EXPECT(f, "soon/1", "soon/1", "soon/1", "soon/1", "soon/1");
    while (strcmp(rollout_double_offers(f, "c1", out), "") != 0 &&
           hm_os_monotonic_ms() < until_ms) {
        (void)hm_os_sleep_ms(20);
    }
    assert_string_equal(out, "");
    assert_true(hm_clock_now_ms() >= soon.expires_ms);
}

/* For an alert in time: the first end of what reserves something, also when it is over. */
static void test_soonest_end(void **state)
{
    struct rollout_double *f = *state;
    struct hm_rollout_stats stats;
    struct rollout_revision rows[] = {
        {.policy = "late",
         .revision = 1,
         .state = HM_REVISION_ACTIVE,
         .match = everybody,
         .expires_ms = INT64_C(4000000000000),
         .f = f},
        {.policy = "over",
         .revision = 1,
         .state = HM_REVISION_RETIRED,
         .match = everybody,
         .expires_ms = PAST_MS,
         .f = f},
        {.policy = "past",
         .revision = 1,
         .state = HM_REVISION_PAUSED,
         .match = everybody,
         .expires_ms = PAST_MS + 1,
         .f = f},
    };
    const int64_t ends[] = {INT64_C(4000000000000), INT64_C(4000000000000), PAST_MS + 1};

    hm_rollout_stats(f->collector.app.rollout, &stats);
    assert_int_equal(stats.soonest_end_ms, 0);
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        assert_int_equal(
            hm_store_write(f->collector.app.store, rollout_put_revision, &rows[i], NULL), HM_OK);
        rollout_double_refresh(f);
        hm_rollout_stats(f->collector.app.rollout, &stats);
        assert_int_equal(stats.soonest_end_ms, ends[i]);
    }
}

/* ---- hosts that change ---------------------------------------------------------------------- */

static enum hm_status change_services(struct hm_session *s, void *arg, struct hm_err *err)
{
    const struct rollout_host *host = arg;

    return hm_hosts_set_services(s, host->id, host->services, err);
}

static void test_a_host_changes(void **state)
{
    struct rollout_double *f = *state;
    struct hm_rollout *rollout = f->collector.app.rollout;
    struct rollout_host host = {"d1", NULL, "windows", "DNS"};
    char out[200];

    add_some(f);
    rollout_double_put(f, "exchange", 1, HM_REVISION_ACTIVE, exchange);
    rollout_double_refresh(f);
    rollout_double_add(f, &host);
    hm_rollout_host_changed(rollout, "d1", hm_rollout_facts("d1", "windows", "10.0.17763", "DNS"));
    hm_rollout_host_changed(rollout, "nobody", 1);
    rollout_double_settle(f);
    assert_string_equal(rollout_double_offers(f, "d1", out), "");
    host.services = "DNS\nMSExchangePOP3BE";
    assert_int_equal(hm_store_write(f->collector.app.store, change_services, &host, NULL), HM_OK);
    /* Told of the facts that it knows, it does not look. */
    hm_rollout_host_changed(rollout, "d1", hm_rollout_facts("d1", "windows", "10.0.17763", "DNS"));
    rollout_double_settle(f);
    assert_string_equal(rollout_double_offers(f, "d1", out), "");
    hm_rollout_host_changed(rollout, "d1",
                            hm_rollout_facts("d1", "windows", "10.0.17763", host.services));
    rollout_double_settle(f);
    assert_string_equal(rollout_double_offers(f, "d1", out), "exchange/1");
    host.services = "DNS"; /* it keeps what it has: a revision, not absence, takes it back */
    assert_int_equal(hm_store_write(f->collector.app.store, change_services, &host, NULL), HM_OK);
    hm_rollout_host_changed(rollout, "d1", 0);
    rollout_double_settle(f);
    assert_string_equal(rollout_double_offers(f, "d1", out), "exchange/1");
}

/* Enrolled again, a host has what its other self was offered; the retirement must reach it. */
static void test_a_host_brings_a_policy(void **state)
{
    struct rollout_double *f = *state;
    struct hm_rollout *rollout = f->collector.app.rollout;
    struct hm_outcome rows[] = {
        {.policy = "exchange",   .revision = 1},
        {.policy = "unheard-of", .revision = 1}
    };
    const struct hm_outcomes outcomes = {rows, HM_COUNT(rows)};

    add_some(f);
    rollout_double_put(f, "exchange", 2, HM_REVISION_RETIRED, exchange);
    rollout_double_refresh(f);
    EXPECT(f, "", "", "", "", "");
    hm_rollout_host_reported(rollout, "a2", &outcomes);
    rollout_double_settle(f);
    EXPECT(f, "", "exchange/2", "", "", "");
}

static enum hm_status count_offer(const char *host_id, const char *policy, uint32_t revision,
                                  const char *state, void *arg, struct hm_err *err)
{
    unsigned *count = arg;

    (void)err;
    assert_string_equal(state, "offered");
    assert_string_equal(policy, "exchange");
    assert_int_equal(revision, 1);
    assert_int_equal(host_id[0], 'a');
    (*count)++;
    return HM_OK;
}

static enum hm_status count_offers(struct hm_session *s, void *arg, struct hm_err *err)
{
    return hm_host_policies_each(s, count_offer, arg, err);
}

static void reopen(struct rollout_double *f)
{
    struct hm_app *app = &f->collector.app;

    hm_rollout_close(app->rollout);
    assert_int_equal(
        hm_rollout_open(app->store, app->fleet, app->shelf, app->interval_s, &app->rollout, NULL),
        HM_OK);
}

/* From the first request on: nobody is sent anything for a restart alone. */
static void test_a_restart_changes_nothing(void **state)
{
    struct rollout_double *f = *state;
    char before[HM_COUNT(some)][HM_DIGEST_TEXT_BYTES + 2];
    unsigned count = 0;

    add_some(f);
    rollout_double_put(f, "exchange", 1, HM_REVISION_ACTIVE, exchange);
    rollout_double_refresh(f);
    for (size_t i = 0; i < HM_COUNT(some); i++) {
        hm_rollout_etag(f->collector.app.rollout, some[i].id, before[i]);
    }
    for (unsigned round = 0; round < 3; round++) {
        reopen(f);
        for (size_t i = 0; i < HM_COUNT(some); i++) {
            char now[HM_DIGEST_TEXT_BYTES + 2];

            hm_rollout_etag(f->collector.app.rollout, some[i].id, now);
            assert_string_equal(now, before[i]);
        }
    }
    rollout_double_settle(f);
    assert_int_equal(hm_store_read(f->collector.app.store, count_offers, &count, NULL), HM_OK);
    assert_int_equal(count, 3);
    /* What became live while nobody looked is found. */
    rollout_double_put(f, "late", 1, HM_REVISION_ACTIVE, everybody);
    reopen(f);
    rollout_double_settle(f);
    EXPECT(f, "exchange/1 late/1", "exchange/1 late/1", "exchange/1 late/1", "late/1", "late/1");
}

/* ---- trust ---------------------------------------------------------------------------------- */

static enum hm_status put_root(struct hm_session *s, void *arg, struct hm_err *err)
{
    struct rollout_double *f = arg;
    const struct hm_trust_root root = hm_signers_root(&f->signers, 2, 2);
    struct hm_trust_row row = {.version = 1, .actor = "test"};
    struct hm_envelope envelope;
    struct hm_buf text;
    enum hm_status st = hm_trust_root_encode(&root, &f->signers.arena, &envelope, err);

    hm_buf_init(&text, HM_LIMIT_SIGNED_BYTES);
    if (st == HM_OK) {
        st = hm_record_encode(&hm_record_envelope, &envelope, &text, err);
        row.envelope = hm_buf_text(&text);
    }
    if (st == HM_OK) {
        st = hm_trust_put(s, &row, err);
    }
    hm_buf_fini(&text);
    return st;
}

static void test_trust_root(void **state)
{
    struct rollout_double *f = *state;
    struct hm_rollout *rollout = f->collector.app.rollout;
    struct agent_double agent;
    struct hm_desired_answer answer;
    struct hm_trust_root root;
    struct hm_envelope envelope;
    struct hm_arena *arena = &f->collector.arena;
    char before[HM_DIGEST_TEXT_BYTES + 2];
    char token[200];

    add_some(f);
    rollout_double_refresh(f);
    assert_false(hm_rollout_trust(rollout, arena, &envelope));
    hm_rollout_etag(rollout, "nobody", before);
    assert_int_equal(hm_store_write(f->collector.app.store, put_root, f, NULL), HM_OK);
    rollout_double_refresh(f);
    assert_true(hm_rollout_trust(rollout, arena, &envelope));
    assert_int_equal(hm_trust_root_decode(&envelope, arena, &root, NULL), HM_OK);
    assert_int_equal(root.threshold, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(hm_rollout_desired(rollout, i == 0 ? "nobody" : "a1", NULL, &answer, NULL),
                         HM_OK);
        assert_non_null(strstr(answer.body, "\"trust\":["));
        assert_string_not_equal(answer.etag, before);
        hm_desired_release(&answer);
    }
    collector_double_token(&f->collector, PAST_MS, 1, token);
    assert_int_equal(agent_double_enroll(&agent, &f->collector.app, "mail01", token, PAST_MS), 200);
    assert_non_null(strstr(agent.body, "\"trust_root\":{"));
}

/* ---- waking --------------------------------------------------------------------------------- */

struct waiting {
    struct hm_http_double call;
};

static void hold(struct rollout_double *f, struct waiting *waiting, const char *id)
{
    static const unsigned char secret[HM_DIGEST_BYTES] = {5};
    struct hm_app *app = &f->collector.app;
    struct hm_fleet_host *host = NULL;
    char etag[HM_DIGEST_TEXT_BYTES + 2];

    assert_int_equal(hm_fleet_authenticate(app->fleet, id, secret, &host, NULL), HM_OK);
    hm_rollout_etag(app->rollout, id, etag);
    hm_http_double_init(&waiting->call, "GET", "/v1/desired", app, PAST_MS);
    waiting->call.req.who.role = HM_ROLE_AGENT;
    waiting->call.req.who.agent = host;
    (void)hm_str_copy(waiting->call.req.who.id, sizeof(waiting->call.req.who.id), id);
    hm_http_double_header(&waiting->call, "If-None-Match",
                          hm_arena_strdup(&f->collector.arena, etag));
    hm_http_double_header(&waiting->call, "Prefer", "wait=300");
    hm_http_double_query(&waiting->call, "catalogue", hm_shelf_tag(app->shelf));
    assert_int_equal(hm_http_double_call(&waiting->call, hm_api_desired_get), HM_OK);
    assert_true(hm_http_double_held(&waiting->call));
}

static void test_only_who_is_meant_is_woken(void **state)
{
    struct rollout_double *f = *state;
    struct hm_fleet *fleet = f->collector.app.fleet;
    struct waiting all[HM_COUNT(some)];
    struct hm_fleet_stats stats;

    add_some(f);
    rollout_double_refresh(f);
    for (size_t i = 0; i < HM_COUNT(some); i++) {
        hold(f, &all[i], some[i].id);
    }
    rollout_double_refresh(f);
    hm_fleet_pace(fleet, 1000);
    hm_fleet_stats(fleet, &stats);
    assert_int_equal(stats.held, HM_COUNT(some)); /* nothing is new */
    rollout_double_put(f, "exchange", 1, HM_REVISION_ACTIVE, exchange);
    rollout_double_refresh(f);
    hm_fleet_pace(fleet, 2000);
    hm_fleet_stats(fleet, &stats);
    assert_int_equal(stats.held, 2);
    for (size_t i = 0; i < HM_COUNT(some); i++) {
        bool meant = some[i].id[0] == 'a';
        bool woken = false;

        if (meant) {
            assert_int_equal(hm_http_double_wait(&all[i].call, 1000, &woken), HM_OK);
            assert_true(woken);
            assert_non_null(strstr(hm_buf_text(&all[i].call.reply.body), "\"policies\":["));
        } else {
            assert_int_equal(hm_http_double_resume(&all[i].call, false), HM_OK);
        }
        assert_int_equal(hm_http_double_status(&all[i].call), meant ? 200 : 304);
        hm_http_double_fini(&all[i].call);
    }
}

/* ---- many ----------------------------------------------------------------------------------- */

static enum hm_status put_many(struct hm_session *s, void *arg, struct hm_err *err)
{
    enum hm_status st = HM_OK;

    (void)arg;
    for (unsigned i = 0; st == HM_OK && i < MANY; i++) {
        char id[HM_ID_TEXT_BYTES];
        char label[20];
        const struct rollout_host host = {id, label, "windows",
                                          i % 2 == 0 ? "MSExchangePOP3BE" : "DNS"};

        (void)snprintf(id, sizeof(id), "h%05u", i);
        (void)snprintf(label, sizeof(label), "rack=%u", i % 100);
        st = rollout_put_host(s, (void *)(uintptr_t)&host, err);
    }
    return st;
}

static void test_thousands(void **state)
{
    struct rollout_double *f = *state;
    int64_t began_ms;
    char out[200];

    assert_int_equal(hm_store_write(f->collector.app.store, put_many, NULL, NULL), HM_OK);
    rollout_double_put(f, "exchange", 1, HM_REVISION_ACTIVE, exchange);
    rollout_double_put(f, "other", 1, HM_REVISION_ACTIVE, "{\"labels\":[\"rack=7\"]}");
    began_ms = hm_os_monotonic_ms();
    rollout_double_refresh(f);
    print_message("%u hosts in %lld ms\n", MANY, (long long)(hm_os_monotonic_ms() - began_ms));
    for (unsigned i = 0; i < MANY; i++) {
        char id[HM_ID_TEXT_BYTES];

        (void)snprintf(id, sizeof(id), "h%05u", i);
        assert_string_equal(rollout_double_offers(f, id, out), i % 2 == 0     ? "exchange/1"
                                                               : i % 100 == 7 ? "other/1"
                                                                              : "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_who_is_meant, begin, end),
        cmocka_unit_test_setup_teardown(test_labels_and_catalogue, begin, end),
        cmocka_unit_test_setup_teardown(test_narrowed_then_retired, begin, end),
        cmocka_unit_test_setup_teardown(test_paused, begin, end),
        cmocka_unit_test_setup_teardown(test_one_bad_document_stops_no_other, begin, end),
        cmocka_unit_test_setup_teardown(test_one_bad_row_stops_no_other, begin, end),
        cmocka_unit_test_setup_teardown(test_a_removed_host, begin, end),
        cmocka_unit_test_setup_teardown(test_a_statement_expires, begin, end),
        cmocka_unit_test_setup_teardown(test_soonest_end, begin, end),
        cmocka_unit_test_setup_teardown(test_a_host_changes, begin, end),
        cmocka_unit_test_setup_teardown(test_a_host_brings_a_policy, begin, end),
        cmocka_unit_test_setup_teardown(test_a_restart_changes_nothing, begin, end),
        cmocka_unit_test_setup_teardown(test_trust_root, begin, end),
        cmocka_unit_test_setup_teardown(test_only_who_is_meant_is_woken, begin, end),
        cmocka_unit_test_setup_teardown(test_thousands, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
