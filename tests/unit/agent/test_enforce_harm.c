/* tests/unit/agent/test_enforce_harm.c — enforcement when something goes wrong: harm done by a
 * change, restore, damaged files, a full disk. SPDX-License-Identifier: Apache-2.0 */
#include "agent/enforce/enforce.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/os/os.h"
#include "tests/support/enforce_double.h"

#define MODERN "10.0.17763"

static int set_up(void **state)
{
    *state = calloc(1, sizeof(struct hm_enforce_double));
    return *state == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    struct hm_enforce_double *host = *state;

    enforce_double_fini(host);
    free(host);
    return 0;
}

static void expect_pass(struct hm_enforce_double *host, const char *states)
{
    assert_int_equal(enforce_double_pass(host), HM_OK);
    assert_string_equal(enforce_double_states(host), states);
}

/* ---- dead-man ------------------------------------------------------------------------------ */

static void begin_watch(struct hm_enforce_double *host)
{
    enforce_double_init(host, NULL);
    hm_build_listener(&host->model.host, HM_TCP, HM_IPV4, 40000, "db", "db", HM_KIND_SOCKET);
    (void)hm_model_reserve(&host->model, "one", "tcp", "40000");
    expect_pass(host, "one/1 verified");
    assert_int_equal(host->pass.again_in_ms, 30000);
}

static void test_lost_listener_takes_it_back(void **state)
{
    struct hm_enforce_double *host = *state;

    begin_watch(host);
    host->model.host.inventory.listeners.count = 0;
    enforce_double_wait(host, 30);
    expect_pass(host, "one/1 verified"); /* once may be a restart of it */
    enforce_double_wait(host, 1);
    expect_pass(host, "one/1 verified"); /* too close to count */
    enforce_double_restart(host);
    enforce_double_wait(host, 30);
    expect_pass(host, "one/1 failed");
    assert_non_null(strstr(enforce_double_outcome(host, "one")->text, "tcp/ipv4 40000 of db"));
    assert_string_equal(enforce_double_rows(host, HM_IPV4), "");
    enforce_double_restart(host);
    enforce_double_wait(host, 3600);
    expect_pass(host, "one/1 failed"); /* this revision stays off */
    assert_int_equal(host->changes, 0);
    enforce_double_revise(host, HM_POLICY_ENFORCE);
    expect_pass(host, "one/2 verified");
}

/* ---- services, and HTTP.sys ---------------------------------------------------------------- */

static struct hm_service *begin_windows_watch(struct hm_enforce_double *host)
{
    struct hm_service *service;

    enforce_double_init(host, "10.0.17763");
    service = hm_build_service_runs(&host->model.host, "db", true);
    hm_build_exclude(&host->model.host, HM_TCP, HM_IPV4, "40000"); /* by somebody else */
    hm_build_exclude(&host->model.host, HM_TCP, HM_IPV6, "40000");
    hm_build_listener(&host->model.host, HM_TCP, HM_IPV4, 40000, "db.exe", "db", HM_KIND_SOCKET);
    (void)hm_model_reserve(&host->model, "one", "tcp", "40000,40002");
    expect_pass(host, "one/1 verified");
    assert_string_equal(enforce_double_rows(host, HM_IPV4), "40000,40002");
    return service;
}

/* Two looks without the listener. */
static void lose_listener(struct hm_enforce_double *host, const char *states)
{
    host->model.host.inventory.listeners.count = 0;
    for (unsigned i = 0; i < 2; i++) {
        enforce_double_wait(host, 30);
        assert_int_equal(enforce_double_pass(host), HM_OK);
    }
    assert_string_equal(enforce_double_states(host), states);
}

static void test_a_stopped_service_has_lost_nothing(void **state)
{
    static const struct {
        const char *what;
        bool has_runs;
        uint32_t exit_code;
        bool lost;
    } rows[] = {
        {"stopped in order",    true,  0,     false},
        {"on its way",          false, 0,     false},
        {"ended with an error", true,  10048, true },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        struct hm_enforce_double host;
        struct hm_service *service = begin_windows_watch(&host);

        service->has_runs = rows[i].has_runs;
        service->runs = false;
        service->exit_code = rows[i].exit_code;
        print_message("%s\n", rows[i].what);
        lose_listener(&host, rows[i].lost ? "one/1 failed" : "one/1 verified");
        enforce_double_fini(&host);
    }
}

/* The watch continues where it stood when the service runs again. */
static void test_the_watch_pauses(void **state)
{
    struct hm_enforce_double *host = *state;
    struct hm_service *service = begin_windows_watch(host);

    service->runs = false;
    host->model.host.inventory.listeners.count = 0;
    enforce_double_wait(host, 300);
    expect_pass(host, "one/1 verified");
    enforce_double_wait(host, 86400);
    expect_pass(host, "one/1 verified");
    service->runs = true; /* and does not listen */
    lose_listener(host, "one/1 failed");
    assert_string_equal(enforce_double_rows(host, HM_IPV4), "40000");
}

/* While it pauses for weeks, what happens to others is not because of the change. */
static void test_a_long_pause_blames_nobody_else(void **state)
{
    static const struct {
        int64_t wait_s;
        const char *states;
    } rows[] = {
        {300,     "one/1 failed"  },
        {1209600, "one/1 verified"},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        struct hm_enforce_double host;
        struct hm_service *service = begin_windows_watch(&host);
        struct hm_service *site = hm_build_service_runs(&host.model.host, "W3SVC", true);

        service->runs = false;
        host.model.host.inventory.listeners.count = 0;
        enforce_double_wait(&host, rows[i].wait_s);
        expect_pass(&host, "one/1 verified");
        site->runs = false;
        site->exit_code = 32;
        enforce_double_wait(&host, 60);
        expect_pass(&host, rows[i].states);
        enforce_double_fini(&host);
    }
}

static void test_httpsys_that_fails_takes_it_back(void **state)
{
    static const struct {
        const char *address; /* NULL: no event */
        uint32_t exit_code;
        bool before;
        bool harm;
        bool idle; /* a service that is started by hand */
    } rows[] = {
        {"http://+:40000/", 0,           false, true,  false},
        {"[::]:40000",      0,           false, true,  false},
        {"an address",      0,           false, true,  false},
        {"http://+:8080/",  0,           false, false, false}, /* another port */
        {"http://+:40000/", 0,           true,  false, false}, /* it was so before */
        {NULL,              32,          false, true,  false},
        {NULL,              0x80070020u, false, true,  false},
        {NULL,              32,          false, true,  true },
        {NULL,              32,          true,  false, true },
        {NULL,              32,          true,  false, false},
        {NULL,              2,           false, false, false},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        struct hm_enforce_double host;
        struct hm_service by_hand = {.name = "WMSVC", .has_runs = true, .runs = true};
        struct hm_service *site;

        enforce_double_init(&host, "10.0.17763");
        site = hm_build_service_runs(&host.model.host, "W3SVC", true);
        host.idle = (struct hm_services){&by_hand, 1};
        site = rows[i].idle ? &by_hand : site;
        for (unsigned k = 0; k < 2; k++) {
            if (k == (rows[i].before ? 0u : 1u) && rows[i].address != NULL) {
                hm_build_event(&host.model.host, "Microsoft-Windows-HttpEvent", 15005,
                               rows[i].address);
            } else if (k == (rows[i].before ? 0u : 1u)) {
                site->runs = false;
                site->exit_code = rows[i].exit_code;
            }
            if (k == 0) {
                (void)hm_model_reserve(&host.model, "one", "tcp", "40000");
            }
            assert_int_equal(enforce_double_pass(&host), HM_OK);
            enforce_double_wait(&host, 30);
        }
        if (strcmp(enforce_double_states(&host),
                   rows[i].harm ? "one/1 failed" : "one/1 verified") != 0 ||
            strcmp(enforce_double_rows(&host, HM_IPV4), rows[i].harm ? "" : "40000") != 0) {
            fail_msg("row %u: %s", (unsigned)i, enforce_double_states(&host));
        }
        enforce_double_fini(&host);
    }
}

/* An address that failed before the change is not blamed for another one that fails later. */
static void test_another_address_is_not_blamed(void **state)
{
    struct hm_enforce_double *host = *state;

    enforce_double_init(host, MODERN);
    (void)hm_build_service_runs(&host->model.host, "W3SVC", true);
    hm_build_event(&host->model.host, "Microsoft-Windows-HttpEvent", 15005, "0.0.0.0:40000");
    (void)hm_model_reserve(&host->model, "one", "tcp", "40000");
    expect_pass(host, "one/1 verified");
    hm_build_event(&host->model.host, "Microsoft-Windows-HttpEvent", 15005, "0.0.0.0:8080");
    enforce_double_wait(host, 30);
    expect_pass(host, "one/1 verified");
    hm_build_event(&host->model.host, "Microsoft-Windows-HttpEvent", 15005, "[::]:40000");
    enforce_double_wait(host, 30);
    expect_pass(host, "one/1 failed");
}

/* A port that is refused is not changed: who stops its service does not undo the rest. */
static void test_a_refused_port_is_not_watched(void **state)
{
    struct hm_enforce_double *host = *state;

    enforce_double_init(host, MODERN);
    hm_build_listener(&host->model.host, HM_TCP, HM_IPV4, 443, "System", "", HM_KIND_HTTPSYS);
    (void)hm_model_reserve(&host->model, "one", "tcp", "443,40000");
    expect_pass(host, "one/1 refused httpsys");
    assert_string_equal(enforce_double_rows(host, HM_IPV4), "40000");
    lose_listener(host, "one/1 verified");
}

/* A watch of the boot before does not stand for the change that is made early in this one. */
static void test_a_change_early_in_a_boot_is_watched(void **state)
{
    struct hm_enforce_double *host = *state;

    (void)begin_windows_watch(host);
    hm_build_listener(&host->model.host, HM_TCP, HM_IPV4, 40004, "a.exe", "", HM_KIND_SOCKET);
    host->model.count = 0;
    hm_model_reserve(&host->model, "one", "tcp", "40000,40002,40004")->revision = 2;
    expect_pass(host, "one/2 waiting busy");
    hm_build_stack(&host->model.host, HM_TCP, HM_IPV6)->administered.count = 0;
    expect_pass(host, "one/2 waiting busy"); /* a change, so there is a watch */

    enforce_double_boot(host, "boot-2");
    host->model.host.inventory.listeners.count = 1;
    enforce_double_wait(host, 3);
    host->urgent = true;
    assert_int_equal(enforce_double_pass(host), HM_OK);
    assert_string_equal(enforce_double_rows(host, HM_IPV4), "40000,40002,40004");
    host->urgent = false;
    lose_listener(host, "one/2 failed");
}

/* A new revision within the watch time: what the one before did is in force all the same. */
static void test_a_new_revision_is_watched(void **state)
{
    struct hm_enforce_double *host = *state;

    (void)begin_windows_watch(host);
    enforce_double_revise(host, HM_POLICY_ENFORCE);
    enforce_double_wait(host, 30);
    expect_pass(host, "one/2 verified");
    assert_int_equal(host->changes, 0);
    lose_listener(host, "one/2 failed");
    assert_string_equal(enforce_double_rows(host, HM_IPV4), "40000");
}

/* … unless it does not want the port any more. */
static void test_a_revision_without_the_port_is_not_blamed(void **state)
{
    struct hm_enforce_double *host = *state;

    (void)begin_windows_watch(host);
    host->model.count = 0;
    hm_model_reserve(&host->model, "one", "tcp", "40002")->revision = 2;
    enforce_double_wait(host, 30);
    expect_pass(host, "one/2 verified");
    lose_listener(host, "one/2 verified");
}

static void test_no_ephemeral_ports_take_it_back(void **state)
{
    struct hm_enforce_double *host = *state;

    begin_watch(host);
    host->no_ephemeral = true;
    enforce_double_wait(host, 30);
    expect_pass(host, "one/1 verified");
    enforce_double_wait(host, 30);
    expect_pass(host, "one/1 failed");
    assert_string_equal(enforce_double_rows(host, HM_IPV4), "");
}

static void test_watch_that_ends_well(void **state)
{
    static const struct {
        const char *boot_id;
        bool back;
        int64_t wait_s;
    } cases[] = {
        {"boot-1", true,  30 }, /* it came back before the second look */
        {"boot-2", false, 30 }, /* a boot */
        {"boot-1", false, 601}, /* see below: its time is over at the first miss */
    };

    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_enforce_double *host = *state;

        begin_watch(host);
        if (cases[i].wait_s > 600) {
            enforce_double_wait(host, cases[i].wait_s);
            expect_pass(host, "one/1 verified"); /* well to the end */
        }
        host->model.host.inventory.listeners.count = 0;
        enforce_double_wait(host, 30);
        expect_pass(host, "one/1 verified");
        host->model.boot_id = cases[i].boot_id;
        host->model.host.inventory.listeners.count = cases[i].back ? 1 : 0;
        for (unsigned k = 0; k < 2; k++) {
            enforce_double_wait(host, 30);
            expect_pass(host, "one/1 verified");
            if (cases[i].back) {
                host->model.host.inventory.listeners.count = 0;
            }
        }
        if (i + 1 < HM_COUNT(cases)) {
            enforce_double_fini(host);
        }
    }
}

/* ---- held, damaged, full ------------------------------------------------------------------- */

static void test_restore_and_resume(void **state)
{
    struct hm_enforce_double *host = *state;
    const char *before;
    struct hm_err err;
    bool began;

    enforce_double_init(host, MODERN);
    before = hm_model_inventory(&host->model);
    (void)hm_model_reserve(&host->model, "one", "tcp", "9955");
    expect_pass(host, "one/1 verified");
    assert_int_equal(enforce_double_restore(host, &err), HM_OK);
    assert_string_equal(hm_model_inventory(&host->model), before);
    assert_true(hm_enforcer_is_held(host->enforcer));
    enforce_double_restart(host);
    assert_true(hm_enforcer_is_held(host->enforcer));
    expect_pass(host, "one/1 refused local_limit");
    assert_int_equal(host->changes, 0);
    assert_int_equal(hm_enforcer_resume(host->enforcer, &began, &err), HM_OK);
    assert_false(hm_enforcer_is_held(host->enforcer));
    expect_pass(host, "one/1 verified");
    assert_int_equal(enforce_double_outcome(host, "one")->repairs, 0);
}

static void test_restore_of_timed_wait_delay(void **state)
{
    struct hm_enforce_double *host = *state;
    const char *before;
    struct hm_err err;

    enforce_double_init(host, "5.2.3790");
    before = hm_model_inventory(&host->model);
    (void)hm_model_policy(&host->model, "one", "\"tcp_timed_wait_delay_s\":60");
    expect_pass(host, "one/1 waiting reboot");
    assert_int_equal(enforce_double_restore(host, &err), HM_OK);
    assert_string_equal(hm_model_inventory(&host->model), before);
    assert_true(hm_ledger_is_empty(&host->pass.report.ledger));
}

static void test_restore_that_cannot(void **state)
{
    struct hm_enforce_double *host = *state;
    struct hm_err err;

    enforce_double_init(host, MODERN);
    (void)hm_model_reserve(&host->model, "one", "tcp", "9955");
    expect_pass(host, "one/1 verified");
    host->refuse = HM_EDENIED;
    host->refuse_family = HM_IPV6;
    assert_int_equal(enforce_double_restore(host, &err), HM_ECONFLICT);
    host->refuse = HM_OK;
    assert_int_equal(enforce_double_restore(host, &err), HM_OK);
    assert_string_equal(enforce_double_rows(host, HM_IPV6), "");
}

static void put_file(const struct hm_enforce_double *host, const char *name, const char *text)
{
    char path[128];

    (void)snprintf(path, sizeof(path), "%s/%s", host->folder, name);
    assert_int_equal(hm_os_replace_file(path, text, strlen(text), true, NULL), HM_OK);
}

static void test_damaged_files(void **state)
{
    static const struct {
        const char *name;
        const char *text; /* NULL = gone */
    } cases[] = {
        {"ledger.json",  "{\"exclusions\":"},
        {"ledger.json",  NULL              },
        {"enforce.json", "[]"              },
        {"enforce.json", ""                },
        {"enforce.json", "{}"              },
        {"enforce.json", "{\"version\":99}"},
        {"enforce.json", NULL              },
    };

    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_enforce_double *host = *state;
        char path[128];
        const char *report;
        struct hm_err err;

        enforce_double_init(host, MODERN);
        (void)hm_model_reserve(&host->model, "one", "tcp", "9955");
        expect_pass(host, "one/1 verified");
        (void)snprintf(path, sizeof(path), "%s/%s", host->folder, cases[i].name);
        if (cases[i].text != NULL) {
            put_file(host, cases[i].name, cases[i].text);
        } else {
            assert_int_equal(hm_os_remove_file(path, NULL), HM_OK);
        }
        (void)hm_model_reserve(&host->model, "two", "tcp", "9966");
        expect_pass(host, "one/1 failed; two/1 failed");
        assert_int_equal(host->changes, 0);
        assert_non_null(strstr(host->pass.report.refused, cases[i].name));
        report = enforce_double_report(host);
        enforce_double_wait(host, 60);
        assert_int_equal(enforce_double_pass(host), HM_OK);
        assert_string_equal(enforce_double_report(host), report);
        assert_int_equal(enforce_double_restore(host, &err),
                         strcmp(cases[i].name, "enforce.json") == 0 ? HM_OK : HM_EINVAL);
        assert_string_equal(enforce_double_rows(host, HM_IPV4),
                            strcmp(cases[i].name, "enforce.json") == 0 ? "" : "9955");
        if (i + 1 < HM_COUNT(cases)) {
            enforce_double_fini(host);
        }
    }
}

/* What must not be excluded is not known: nothing is changed, early or later, and it is said. */
static void test_hazards_unknown(void **state)
{
    struct hm_enforce_double *host = *state;

    enforce_double_init(host, MODERN);
    (void)hm_model_reserve(&host->model, "one", "tcp", "9955");
    host->hazards_unknown = "portbook.json cannot be read";
    expect_pass(host, "one/1 failed");
    assert_int_equal(host->changes, 0);
    assert_non_null(strstr(enforce_double_outcome(host, "one")->text, "portbook.json"));
    host->hazards_unknown = NULL;
    expect_pass(host, "one/1 verified");
}

/* A folder where the ledger should go: it cannot be written, as on a full disk. */
static void block_ledger(const char *name, void *arg)
{
    const struct hm_enforce_double *host = arg;
    char path[128];

    if (strcmp(name, "ledger_begin") == 0) {
        (void)snprintf(path, sizeof(path), "%s/ledger.json", host->folder);
        assert_int_equal(hm_os_make_folder(path, 0700, NULL), HM_OK);
    }
}

static void test_full_disk(void **state)
{
    struct hm_enforce_double *host = *state;
    char path[128];

    enforce_double_init(host, MODERN);
    host->step = block_ledger;
    host->step_arg = host;
    (void)hm_model_reserve(&host->model, "one", "tcp", "9955");
    expect_pass(host, "one/1 failed");
    assert_int_equal(host->changes, 0);
    assert_non_null(strstr(enforce_double_outcome(host, "one")->text, "ledger.json"));
    host->step = NULL;
    (void)snprintf(path, sizeof(path), "%s/ledger.json", host->folder);
    assert_int_equal(hm_os_remove_folder(path, NULL), HM_OK);
    put_file(host, "ledger.json", "{\"exclusions\":[],\"ranges\":[]}");
    expect_pass(host, "one/1 verified");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_lost_listener_takes_it_back),
        cmocka_unit_test(test_a_stopped_service_has_lost_nothing),
        TEST(test_the_watch_pauses),
        cmocka_unit_test(test_a_long_pause_blames_nobody_else),
        cmocka_unit_test(test_httpsys_that_fails_takes_it_back),
        TEST(test_another_address_is_not_blamed),
        TEST(test_a_refused_port_is_not_watched),
        TEST(test_a_change_early_in_a_boot_is_watched),
        TEST(test_a_new_revision_is_watched),
        TEST(test_a_revision_without_the_port_is_not_blamed),
        TEST(test_no_ephemeral_ports_take_it_back),
        TEST(test_watch_that_ends_well),
        TEST(test_restore_and_resume),
        TEST(test_restore_of_timed_wait_delay),
        TEST(test_restore_that_cannot),
        TEST(test_damaged_files),
        TEST(test_hazards_unknown),
        TEST(test_full_disk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
