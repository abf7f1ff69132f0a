/* tests/unit/agent/test_run_memory.c — which services run, settled: in time, over restarts of the
 * agent, kept, damaged. SPDX-License-Identifier: Apache-2.0 */
#include "agent/run_memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/os/os.h"
#include "tests/support/temp_folder.h"

#define DAY 86400

struct fixture {
    char folder[64];
    char path[128];
    struct hm_arena arena; /* of one observation */
    struct hm_agent_runs *runs;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    temp_folder_make(fixture->folder, sizeof(fixture->folder));
    (void)snprintf(fixture->path, sizeof(fixture->path), "%s/runs.json", fixture->folder);
    hm_arena_init(&fixture->arena, 16u << 20);
    *state = fixture;
    return hm_agent_runs_open(fixture->folder, &fixture->runs, NULL) == HM_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    hm_agent_runs_close(fixture->runs);
    temp_folder_remove(fixture->folder);
    hm_arena_fini(&fixture->arena);
    free(fixture);
    return 0;
}

static void reopen(struct fixture *fixture)
{
    hm_agent_runs_close(fixture->runs);
    fixture->runs = NULL;
    assert_int_equal(hm_agent_runs_open(fixture->folder, &fixture->runs, NULL), HM_OK);
}

/* One observation at that second of the boot: 1 the service runs, 0 it does not, -1 unknown. */
static int look(struct fixture *fixture, bool up, const char *boot_id, int64_t now_s)
{
    char name[] = "Own"; /* gone with the observation */
    const char *names[] = {name};
    struct hm_service row = {.name = name, .program = "own", .has_runs = true, .runs = up};
    struct hm_run_instance instance = {name, 7};
    struct hm_observation seen = {
        .boot_id = boot_id,
        .has_uptime = true,
        .uptime_s = now_s,
        .instances = {&instance,                   up},
        .inventory = { .has_services = true,
                      .services = {names, 1},
                      .has_service_details = true,
                      .service_details = {&row, 1}},
    };
    const struct hm_service *service;
    int runs;

    row.exit_code = up ? 0 : 98;
    assert_int_equal(hm_agent_runs_note(fixture->runs, &fixture->arena, &seen, NULL), HM_OK);
    service = hm_inventory_service(&seen.inventory, "Own");
    assert_non_null(service);
    runs = service->has_runs ? service->runs : -1;
    assert_int_equal(service->exit_code, runs == 0 ? 98 : 0);
    hm_arena_reset(&fixture->arena);
    memset(name, 0, sizeof(name));
    return runs;
}

static void test_time(void **state)
{
    struct fixture *fixture = *state;

    /* Right after the boot nothing is noted, however often it is seen. */
    assert_int_equal(look(fixture, false, "one", 10), -1);
    assert_int_equal(look(fixture, false, "one", HM_RUN_BOOT_S - 1), -1);
    assert_int_equal(look(fixture, false, "one", HM_RUN_BOOT_S), -1);
    assert_int_equal(look(fixture, false, "one", HM_RUN_KNOWN_S - 1), -1);
    assert_int_equal(look(fixture, false, "one", HM_RUN_KNOWN_S), 0);
    /* Seen otherwise once, and however often in a short time: that changes nothing. */
    assert_int_equal(look(fixture, true, "one", 1000), 0);
    assert_int_equal(look(fixture, true, "one", 1000 + HM_RUN_SETTLE_S - 1), 0);
    assert_int_equal(look(fixture, false, "one", 1000 + HM_RUN_SETTLE_S), 0);
    assert_int_equal(look(fixture, true, "one", 1000 + 2 * HM_RUN_SETTLE_S), 0);
    assert_int_equal(look(fixture, true, "one", 1000 + 3 * HM_RUN_SETTLE_S), 1);
    /* The second change takes twice as long. */
    assert_int_equal(look(fixture, false, "one", 5000), 1);
    assert_int_equal(look(fixture, false, "one", 5000 + HM_RUN_SETTLE_S), 1);
    assert_int_equal(look(fixture, false, "one", 5000 + 2 * HM_RUN_SETTLE_S), 0);
    /* A boot starts from nothing; so does a host that has been up for less than before. */
    assert_int_equal(look(fixture, false, "two", 6000), -1);
    assert_int_equal(look(fixture, false, "two", 6000 + HM_RUN_SETTLE_S), 0);
    assert_int_equal(look(fixture, false, "two", 5999), -1);
    assert_int_equal(look(fixture, false, "two", 5999 + HM_RUN_SETTLE_S), 0);
}

static void test_kept(void **state)
{
    struct fixture *fixture = *state;
    static const char *const texts[] = {"", "{", "[]", "{\"boot_id\":\"one\"}",
                                        "{\"boot_id\":\"one\",\"uptime_s\":1,\"rows\":[{}]}"};

    assert_int_equal(look(fixture, true, "one", 1000), -1);
    reopen(fixture);
    assert_int_equal(look(fixture, true, "one", 1000 + HM_RUN_SETTLE_S), 1);
    reopen(fixture);
    assert_int_equal(look(fixture, true, "one", 1300), 1);
    assert_int_equal(look(fixture, false, "one", 1600), 1);
    reopen(fixture); /* away for a day: it was down before, and is */
    assert_int_equal(look(fixture, false, "one", DAY), 0);
    for (size_t i = 0; i < HM_COUNT(texts); i++) {
        assert_int_equal(hm_os_replace_file(fixture->path, texts[i], strlen(texts[i]), true, NULL),
                         HM_OK);
        reopen(fixture);
        assert_int_equal(look(fixture, false, "one", 2 * DAY), -1);
        assert_int_equal(look(fixture, false, "one", 2 * DAY + HM_RUN_SETTLE_S), 0);
    }
}

/* The file is written when a service was seen otherwise, and not on each observation. */
static void test_written_when_changed(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(look(fixture, true, "one", 1000), -1);
    assert_int_equal(look(fixture, true, "one", 2000), 1);
    assert_int_equal(hm_os_remove_file(fixture->path, NULL), HM_OK);
    assert_int_equal(look(fixture, true, "one", 3000), 1);
    assert_false(hm_os_exists(fixture->path));
    assert_int_equal(look(fixture, false, "one", 4000), 1);
    assert_true(hm_os_exists(fixture->path));
}

/* One observation: taken as it is, but not right after a boot. A recorded host is settled. */
static void test_check(void **state)
{
    struct fixture *fixture = *state;
    struct hm_service row = {.name = "Own", .program = "", .has_runs = true, .exit_code = 98};
    const char *unknown[] = {"something else"};
    struct hm_observation seen = {
        .has_uptime = true,
        .uptime_s = HM_RUN_KNOWN_S,
        .unknown = {unknown,                     1                           },
        .inventory = {.has_service_details = true, .service_details = {&row, 1}},
    };

    assert_int_equal(hm_agent_runs_check(&fixture->arena, &seen, NULL), HM_OK);
    assert_true(row.has_runs && seen.unknown.count == 1);
    seen.uptime_s--;
    assert_int_equal(hm_agent_runs_check(&fixture->arena, &seen, NULL), HM_OK);
    assert_false(row.has_runs);
    assert_int_equal(row.exit_code, 0);
    assert_int_equal(seen.unknown.count, 2);
    row.has_runs = true;
    seen.has_uptime = false;
    assert_int_equal(hm_agent_runs_check(&fixture->arena, &seen, NULL), HM_OK);
    assert_int_equal(hm_agent_runs_note(fixture->runs, &fixture->arena, &seen, NULL), HM_OK);
    assert_true(row.has_runs && seen.unknown.count == 2);
    assert_false(hm_os_exists(fixture->path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_written_when_changed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_check, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
