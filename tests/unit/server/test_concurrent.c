/* tests/unit/server/test_concurrent.c — many agents at once, while lists are read and the janitor
 * works: for the thread sanitizer, and for what must be true afterwards.
 * SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "server/api/access.h"
#include "server/fleet/fleet.h"
#include "server/janitor/janitor.h"
#include "server/store/entities.h"
#include "tests/support/agent_double.h"

#define THREADS 4
#define AGENTS 6 /* of each thread */
#define REPORTS 10

struct worker {
    struct collector_double *collector;
    pthread_t thread;
    unsigned number;
    char token[200];
    const char *inventories[2];
    unsigned answered; /* with 200 */
};

static void *report_for_all(void *arg)
{
    struct worker *worker = arg;
    struct agent_double agents[AGENTS];

    for (unsigned a = 0; a < AGENTS; a++) {
        (void)agent_double_enroll(&agents[a], &worker->collector->app, "mail01", worker->token,
                                  hm_clock_now_ms());
    }
    for (unsigned seq = 1; seq <= REPORTS; seq++) {
        for (unsigned a = 0; a < AGENTS; a++) {
            const struct agent_report report = {
                .boot_id = "b1", .seq = seq, .inventory = worker->inventories[seq / 3 % 2]};

            worker->answered += agent_double_checkin(&agents[a], &report, hm_clock_now_ms()) == 200;
        }
    }
    return NULL;
}

static enum hm_status read_lists(struct hm_session *s, void *arg, struct hm_err *err)
{
    const struct hm_page page = {.where = {.sql = ""}, .after = "", .limit = 1000};
    struct hm_arena *arena = arg;
    struct hm_host_rows hosts;
    struct hm_verdict_rows verdicts;
    enum hm_status st = hm_hosts_list(s, &page, arena, &hosts, err);

    if (st == HM_OK) {
        st = hm_verdicts_list(s, &page, arena, &verdicts, err);
    }
    return st == HM_OK ? hm_events_verify(s, err) : st;
}

static void watch(struct collector_double *collector)
{
    struct hm_app *app = &collector->app;

    for (int i = 0; i < 10; i++) {
        struct hm_fleet_stats stats;
        struct hm_arena arena;

        hm_arena_init(&arena, HM_LIMIT_REQUEST_ARENA_BYTES);
        assert_int_equal(hm_store_read(app->store, read_lists, &arena, NULL), HM_OK);
        hm_arena_fini(&arena);
        hm_fleet_wake_all(app->fleet);
        hm_operators_changed(app->operators);
        hm_fleet_stats(app->fleet, &stats);
        assert_int_equal(stats.refused, 0);
    }
}

static void test_many_at_once(void **state)
{
    char folder[] = "/tmp/hm_concurrent_XXXXXX";
    char uri[100];
    char command[120];
    struct collector_double collector;
    struct worker workers[THREADS];
    struct hm_janitor *janitor = NULL;
    struct hm_fleet_stats stats;

    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(uri, sizeof(uri), "sqlite:%s/collector.db", folder);
    collector_double_open(&collector, uri);
    assert_int_equal(hm_janitor_start(&collector.app, &janitor, NULL), HM_OK);
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.collector = &collector, .number = i};
        collector_double_token(&collector, hm_clock_now_ms(), AGENTS, workers[i].token);
        workers[i].inventories[0] = agent_double_inventory(&collector.arena, "6005-65534");
        workers[i].inventories[1] = agent_double_inventory(&collector.arena, "49152-65535");
        assert_int_equal(pthread_create(&workers[i].thread, NULL, report_for_all, &workers[i]), 0);
    }
    watch(&collector);
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
        assert_int_equal(workers[i].answered, AGENTS * REPORTS);
    }
    hm_janitor_stop(janitor);
    watch(&collector);
    hm_fleet_stats(collector.app.fleet, &stats);
    assert_int_equal(stats.hosts, THREADS * AGENTS);
    assert_int_equal(stats.changed + stats.unchanged, THREADS * AGENTS * REPORTS);
    collector_double_close(&collector);
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
