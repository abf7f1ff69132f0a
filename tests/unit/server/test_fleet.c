/* tests/unit/server/test_fleet.c — who may speak, held requests, waking them in measure, silence.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/os/os.h"
#include "server/api/api.h"
#include "server/fleet/fleet.h"
#include "server/janitor/janitor.h"
#include "server/rollout/rollout.h"
#include "server/store/entities.h"
#include "tests/support/agent_double.h"

#define NOW_MS 1700000000000
#define HOSTS 900

struct fixture {
    struct collector_double collector;
    char etag[HM_DIGEST_TEXT_BYTES + 2];
};

static int begin(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    collector_double_open(&f->collector, "sqlite::memory:");
    *state = f;
    return 0;
}

static int end(void **state)
{
    struct fixture *f = *state;

    collector_double_close(&f->collector);
    free(f);
    return 0;
}

static struct hm_fleet_host *add(struct hm_fleet *fleet, const char *id)
{
    const struct hm_agent_row agent = {.id = id, .secret_hash = {5}, .join_token_id = ""};
    struct hm_fleet_host *host = NULL;

    assert_int_equal(hm_fleet_put(fleet, &agent, "mail01", NULL), HM_OK);
    assert_int_equal(hm_fleet_authenticate(fleet, id, agent.secret_hash, &host, NULL), HM_OK);
    return host;
}

static void test_only_the_right_secret(void **state)
{
    static const unsigned char wrong[HM_DIGEST_BYTES] = {6};
    static const unsigned char right[HM_DIGEST_BYTES] = {5};
    struct fixture *f = *state;
    struct hm_fleet *fleet = f->collector.app.fleet;
    const struct hm_agent_row again = {.id = "a1", .join_token_id = ""};
    struct hm_fleet_host *host = NULL;
    struct hm_err err = {0};
    char name[20];

    host = add(fleet, "a1");
    hm_fleet_name(fleet, host, name, sizeof(name));
    assert_string_equal(name, "mail01");
    assert_int_equal(hm_fleet_put(fleet, &again, "mail01", NULL), HM_ECONFLICT);
    assert_int_equal(hm_fleet_authenticate(fleet, "a1", wrong, &host, &err), HM_EDENIED);
    assert_string_equal(hm_err_code(&err), "unauthenticated");
    assert_int_equal(hm_fleet_authenticate(fleet, "a2", right, &host, &err), HM_EDENIED);
    hm_fleet_set_state(fleet, "a1", HM_AGENT_REVOKED);
    assert_int_equal(hm_fleet_authenticate(fleet, "a1", right, &host, &err), HM_EDENIED);
}

/* ---- GET /v1/desired ---------------------------------------------------------------------- */

struct desired {
    struct hm_http_double call;
};

/* Of hosts that have not reported yet. */
static const char *the_etag(struct fixture *f)
{
    hm_rollout_etag(f->collector.app.rollout, "a1", f->etag);
    return f->etag;
}

static void ask(struct desired *desired, struct fixture *f, struct hm_fleet_host *host,
                const char *etag, const char *prefer)
{
    hm_http_double_init(&desired->call, "GET", "/v1/desired", &f->collector.app, NOW_MS);
    desired->call.req.who.role = HM_ROLE_AGENT;
    desired->call.req.who.agent = host;
    if (etag != NULL) {
        hm_http_double_header(&desired->call, "If-None-Match", etag);
    }
    if (prefer != NULL) {
        hm_http_double_header(&desired->call, "Prefer", prefer);
    }
    assert_int_equal(hm_http_double_call(&desired->call, hm_api_desired_get), HM_OK);
}

static void test_desired_at_once(void **state)
{
    struct fixture *f = *state;
    struct hm_fleet_host *host = add(f->collector.app.fleet, "a1");
    const char *etag = the_etag(f);
    const struct {
        const char *etag;
        const char *prefer;
        unsigned status;
    } cases[] = {
        {NULL,        NULL,       200},
        {NULL,        "wait=300", 200},
        {"\"other\"", "wait=300", 200},
        {etag,        NULL,       304},
        {etag,        "wait=0",   304},
        {etag,        "wait=x",   304},
        {"*",         "",         304},
    };

    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct desired desired;

        ask(&desired, f, host, cases[i].etag, cases[i].prefer);
        assert_false(hm_http_double_held(&desired.call));
        assert_int_equal(hm_http_double_status(&desired.call), cases[i].status);
        assert_string_equal(desired.call.reply.etag, etag);
        hm_http_double_fini(&desired.call);
    }
}

static void test_desired_waits_and_times_out(void **state)
{
    struct fixture *f = *state;
    struct hm_fleet *fleet = f->collector.app.fleet;
    struct hm_fleet_host *host = add(fleet, "a1");
    const char *etag = the_etag(f);
    struct hm_fleet_stats stats;
    struct desired desired;

    ask(&desired, f, host, etag, "respond-async, wait=9000");
    assert_true(hm_http_double_held(&desired.call));
    assert_in_range(desired.call.hold_timeout_ms, 600000 - 600000 / 16, 600000);
    hm_fleet_stats(fleet, &stats);
    assert_int_equal(stats.held, 1);
    assert_int_equal(hm_http_double_resume(&desired.call, false), HM_OK); /* the time is over */
    assert_int_equal(hm_http_double_status(&desired.call), 304);
    hm_fleet_stats(fleet, &stats);
    assert_int_equal(stats.held, 0);
    hm_http_double_fini(&desired.call);
}

static void test_second_wait_ends_the_first(void **state)
{
    struct fixture *f = *state;
    struct hm_fleet_host *host = add(f->collector.app.fleet, "a1");
    const char *etag = the_etag(f);
    struct desired first;
    struct desired second;
    bool woken = false;

    ask(&first, f, host, etag, "wait=60");
    ask(&second, f, host, etag, "wait=60");
    assert_int_equal(hm_http_double_wait(&first.call, 1000, &woken), HM_OK);
    assert_true(woken);
    hm_fleet_set_state(f->collector.app.fleet, "a1", HM_AGENT_REVOKED); /* wakes the second */
    assert_int_equal(hm_http_double_wait(&second.call, 1000, &woken), HM_OK);
    assert_true(woken);
    hm_http_double_fini(&first.call);
    hm_http_double_fini(&second.call);
}

static void test_wakes_are_paced(void **state)
{
    struct fixture *f = *state;
    struct hm_fleet *fleet = f->collector.app.fleet;
    const char *etag = the_etag(f);
    struct desired *all = calloc(HOSTS, sizeof(*all));
    struct hm_fleet_stats stats;
    struct hm_fleet_host *hosts[HOSTS];

    assert_non_null(all);
    hm_fleet_pace(fleet, 1000);
    for (size_t i = 0; i < HOSTS; i++) {
        char id[27];

        (void)snprintf(id, sizeof(id), "a%zu", i);
        hosts[i] = add(fleet, id);
        ask(&all[i], f, hosts[i], etag, "wait=60");
    }
    hm_fleet_pace(fleet, 2000);
    hm_fleet_stats(fleet, &stats);
    assert_int_equal(stats.held, HOSTS); /* nobody asked for it */
    hm_fleet_wake_all(fleet);
    hm_fleet_pace(fleet, 2000);
    hm_fleet_stats(fleet, &stats);
    assert_int_equal(stats.held, HOSTS - 500); /* one burst */
    hm_fleet_pace(fleet, 2010);
    hm_fleet_stats(fleet, &stats);
    assert_int_equal(stats.held, HOSTS - 550); /* 5,000 a second */
    hm_fleet_pace(fleet, 3000);
    hm_fleet_stats(fleet, &stats);
    assert_int_equal(stats.held, 0);
    for (size_t i = 0; i < HOSTS; i++) {
        (void)hm_http_double_resume(&all[i].call, false);
        hm_http_double_fini(&all[i].call);
    }
    free(all);
}

/* Who is named, before all that wait for longer, and nobody else. */
static void test_one_is_woken(void **state)
{
    struct fixture *f = *state;
    struct hm_fleet *fleet = f->collector.app.fleet;
    const char *etag = the_etag(f);
    static const char *const ids[] = {"a1", "a2", "a3"};
    struct hm_fleet_host *hosts[3];
    struct desired all[3];
    struct hm_fleet_stats stats;
    bool woken = false;

    for (size_t i = 0; i < HM_COUNT(ids); i++) {
        hosts[i] = add(fleet, ids[i]);
        ask(&all[i], f, hosts[i], etag, "wait=60");
    }
    hm_fleet_wake(fleet, "nobody");
    hm_fleet_wake(fleet, "a2");
    hm_fleet_wake(fleet, "a2"); /* it is one wish */
    hm_fleet_stats(fleet, &stats);
    assert_int_equal(stats.held, 3); /* paced: not yet */
    hm_fleet_pace(fleet, 1000);
    hm_fleet_stats(fleet, &stats);
    assert_int_equal(stats.held, 2);
    assert_int_equal(hm_http_double_wait(&all[1].call, 1000, &woken), HM_OK);
    assert_true(woken);
    hm_fleet_wake(fleet, "a2"); /* holds nothing now */
    hm_fleet_pace(fleet, 2000);
    hm_fleet_stats(fleet, &stats);
    assert_int_equal(stats.held, 2);
    hm_fleet_wake_all(fleet);
    hm_fleet_pace(fleet, 3000);
    hm_fleet_stats(fleet, &stats);
    assert_int_equal(stats.held, 0);
    for (size_t i = 0; i < HM_COUNT(ids); i++) {
        if (hm_http_double_held(&all[i].call)) {
            (void)hm_http_double_resume(&all[i].call, false);
        }
        hm_http_double_fini(&all[i].call);
    }
}

/* ---- the rest ----------------------------------------------------------------------------- */

static void test_enrolments_have_a_rate(void **state)
{
    struct fixture *f = *state;
    struct hm_fleet *fleet = f->collector.app.fleet;
    unsigned taken = 0;

    while (hm_fleet_may_enroll(fleet, NOW_MS)) {
        taken++;
    }
    assert_int_equal(taken, HM_FLEET_ENROLMENTS_BURST);
    assert_true(hm_fleet_may_enroll(fleet, NOW_MS + 1000 / HM_FLEET_ENROLMENTS_A_SECOND));
    assert_false(hm_fleet_may_enroll(fleet, NOW_MS + 1000 / HM_FLEET_ENROLMENTS_A_SECOND));
}

static void test_silent_hosts_are_told_once(void **state)
{
    struct fixture *f = *state;
    struct hm_fleet *fleet = f->collector.app.fleet;
    char ids[4][HM_ID_TEXT_BYTES];
    int64_t before_ms = hm_os_monotonic_ms();
    int64_t after_ms;

    (void)add(fleet, "a1");
    after_ms = hm_os_monotonic_ms() + 1;
    assert_int_equal(hm_fleet_take_silent(fleet, before_ms, 4, ids), 0);
    assert_false(hm_fleet_is_silent(fleet, "a1", 600000));
    assert_int_equal(hm_fleet_take_silent(fleet, after_ms, 4, ids), 1);
    assert_string_equal(ids[0], "a1");
    assert_true(hm_fleet_is_silent(fleet, "a1", 600000));
    assert_true(hm_fleet_is_silent(fleet, "nobody", 600000));
    assert_int_equal(hm_fleet_take_silent(fleet, after_ms, 4, ids), 0);
    hm_fleet_unmark_silent(fleet, "a1");
    assert_int_equal(hm_fleet_take_silent(fleet, after_ms, 4, ids), 1);
}

/* A report that came between "it is silent" and the note of it in the store must win. */
static void test_silence_is_confirmed(void **state)
{
    struct fixture *f = *state;
    struct hm_fleet *fleet = f->collector.app.fleet;
    struct hm_fleet_host *host = add(fleet, "a1");
    const struct hm_fleet_report report = {
        .boot_id = "b1", .seq = 1, .name = "mail01", .version = "1"};
    const int64_t after_ms = hm_os_monotonic_ms() + 1;
    char ids[4][HM_ID_TEXT_BYTES];
    struct hm_fleet_known known;

    assert_false(hm_fleet_confirm_silent(fleet, "nobody"));
    assert_int_equal(hm_fleet_take_silent(fleet, after_ms, 4, ids), 1);
    assert_true(hm_fleet_confirm_silent(fleet, "a1"));
    assert_int_equal(hm_fleet_report_begin(fleet, host, &report, NOW_MS, &known), HM_FLEET_CHANGED);
    assert_false(hm_fleet_confirm_silent(fleet, "a1")); /* it waits to be stored */
    hm_fleet_report_end(fleet, host, NULL, NOW_MS);     /* and was not: taken again */
    assert_int_equal(hm_fleet_take_silent(fleet, after_ms, 4, ids), 1);
    assert_int_equal(hm_fleet_report_begin(fleet, host, &report, NOW_MS, &known), HM_FLEET_CHANGED);
    hm_fleet_report_end(fleet, host, &report, NOW_MS);
    assert_false(hm_fleet_confirm_silent(fleet, "a1"));
}

/* One agent with a good secret must not be able to fill the disk with history. */
static void test_changes_have_a_budget(void **state)
{
    struct fixture *f = *state;
    struct hm_fleet *fleet = f->collector.app.fleet;
    struct hm_fleet_host *host = add(fleet, "a1");
    struct hm_fleet_host *other = add(fleet, "a2");
    struct hm_fleet_report report = {.boot_id = "b1", .version = "1", .bytes = 1000000};
    struct hm_fleet_known known;
    enum hm_fleet_answer answer = HM_FLEET_CHANGED;

    while (answer == HM_FLEET_CHANGED && report.seq < 1000) {
        report.name = report.seq++ % 2 == 0 ? "mail01" : "mail02";
        answer = hm_fleet_report_begin(fleet, host, &report, NOW_MS, &known);
        if (answer == HM_FLEET_CHANGED) {
            hm_fleet_report_end(fleet, host, &report, NOW_MS);
        }
    }
    assert_int_equal(answer, HM_FLEET_OVER);
    assert_in_range(report.seq, HM_FLEET_CHANGE_BYTES / 1100000, HM_FLEET_CHANGE_BYTES / 1000000);
    report.name = report.seq % 2 == 0 ? "mail01" : "mail02";
    report.seq--; /* as it was acknowledged: that costs nothing */
    assert_int_equal(hm_fleet_report_begin(fleet, host, &report, NOW_MS, &known),
                     HM_FLEET_UNCHANGED);
    assert_int_equal(hm_fleet_report_begin(fleet, other, &report, NOW_MS, &known),
                     HM_FLEET_CHANGED);
    hm_fleet_report_end(fleet, other, NULL, NOW_MS);
}

struct look {
    const char *id;
    struct hm_arena *arena;
    struct hm_host_row row;
    struct hm_finding_rows findings;
    struct hm_events events;
};

static enum hm_status look_inside(struct hm_session *s, void *arg, struct hm_err *err)
{
    const struct hm_page page = {.where = {.sql = "kind LIKE '%silent%' OR kind = 'host_returned'"},
                                 .after = "",
                                 .limit = 100};
    struct look *look = arg;

    assert_int_equal(hm_hosts_get(s, look->id, look->arena, &look->row, err), HM_OK);
    assert_int_equal(hm_findings_list(s, &page, look->arena, &look->findings, err), HM_OK);
    return hm_events_list(s, &page, false, look->arena, &look->events, err);
}

static void test_silent_and_back(void **state)
{
    struct fixture *f = *state;
    struct hm_app *app = &f->collector.app;
    struct agent_report report = {.boot_id = "b1", .seq = 1};
    struct look look = {.arena = &f->collector.arena};
    struct hm_janitor *janitor = NULL;
    struct agent_double agent;
    struct hm_fleet_stats stats = {0};
    char token[200];

    collector_double_token(&f->collector, NOW_MS, 1, token);
    assert_int_equal(agent_double_enroll(&agent, app, "mail01", token, NOW_MS), 200);
    report.inventory = agent_double_inventory(look.arena, "49152-65535");
    assert_int_equal(agent_double_checkin(&agent, &report, NOW_MS), 200);
    look.id = agent.id;
    app->silent_after_s = 1;
    assert_int_equal(hm_janitor_start(app, &janitor, NULL), HM_OK);
    for (int i = 0; i < 100 && stats.silent == 0; i++) {
        (void)hm_os_sleep_ms(100);
        hm_fleet_stats(app->fleet, &stats);
    }
    hm_janitor_stop(janitor);
    assert_int_equal(stats.silent, 1);
    assert_int_equal(hm_store_read(app->store, look_inside, &look, NULL), HM_OK);
    assert_string_equal(look.row.verdict, "unknown"); /* it was safe, and is no longer green */
    assert_true(look.row.safe > 0);
    assert_int_equal(look.findings.count, 1);
    assert_int_equal(look.events.count, 1);

    report.seq = 2;
    assert_int_equal(agent_double_checkin(&agent, &report, NOW_MS + 1), 200);
    assert_int_equal(hm_store_read(app->store, look_inside, &look, NULL), HM_OK);
    assert_string_equal(look.row.verdict, "safe");
    assert_int_equal(look.findings.count, 0);
    assert_string_equal(look.events.at[look.events.count - 1].kind, "host_returned");
}

/* Silence is a matter of time that passed, not of what the wall clock says. */
static void test_silence_survives_clock_steps(void **state)
{
    const struct {
        int64_t checked_in_ms; /* by a wall clock that was set since */
        uint32_t silent_after_s;
        unsigned silent;
    } cases[] = {
        {4102444800000, 1,   1}, /* in 2100: the clock has been set back */
        {NOW_MS,        900, 0}, /* years ago: the clock has been set forward */
    };

    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct agent_report report = {.boot_id = "b1", .seq = 1};
        struct collector_double collector;
        struct hm_janitor *janitor = NULL;
        struct hm_fleet_stats stats = {0};
        struct agent_double agent;
        char token[200];

        (void)state;
        collector_double_open(&collector, "sqlite::memory:");
        collector_double_token(&collector, cases[i].checked_in_ms, 1, token);
        assert_int_equal(
            agent_double_enroll(&agent, &collector.app, "mail01", token, cases[i].checked_in_ms),
            200);
        report.inventory = agent_double_inventory(&collector.arena, "49152-65535");
        assert_int_equal(agent_double_checkin(&agent, &report, cases[i].checked_in_ms), 200);
        collector.app.silent_after_s = cases[i].silent_after_s;
        assert_int_equal(hm_janitor_start(&collector.app, &janitor, NULL), HM_OK);
        for (int wait = 0; wait < 50 && stats.silent == 0; wait++) {
            (void)hm_os_sleep_ms(100);
            hm_fleet_stats(collector.app.fleet, &stats);
        }
        hm_janitor_stop(janitor);
        assert_int_equal(stats.silent, cases[i].silent);
        collector_double_close(&collector);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_only_the_right_secret, begin, end),
        cmocka_unit_test_setup_teardown(test_desired_at_once, begin, end),
        cmocka_unit_test_setup_teardown(test_desired_waits_and_times_out, begin, end),
        cmocka_unit_test_setup_teardown(test_second_wait_ends_the_first, begin, end),
        cmocka_unit_test_setup_teardown(test_wakes_are_paced, begin, end),
        cmocka_unit_test_setup_teardown(test_one_is_woken, begin, end),
        cmocka_unit_test_setup_teardown(test_enrolments_have_a_rate, begin, end),
        cmocka_unit_test_setup_teardown(test_silent_hosts_are_told_once, begin, end),
        cmocka_unit_test_setup_teardown(test_changes_have_a_budget, begin, end),
        cmocka_unit_test_setup_teardown(test_silence_is_confirmed, begin, end),
        cmocka_unit_test_setup_teardown(test_silent_and_back, begin, end),
        cmocka_unit_test(test_silence_survives_clock_steps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
