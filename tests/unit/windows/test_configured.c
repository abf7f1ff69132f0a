/* tests/unit/windows/test_configured.c — what HTTP.sys is set up to serve, asked of netsh, and
 * when. SPDX-License-Identifier: Apache-2.0
 *
 * Needs the netsh double in the system directory (tests/windows/prefix.sh). */
#include "agent/platform/windows/windows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "tests/support/windows_registry.h"

#define DOUBLE "SOFTWARE\\NetshDouble"
#define HTTP "SYSTEM\\CurrentControlSet\\Services\\HTTP\\Parameters"

struct netsh_fixture {
    struct hm_netsh *netsh;
    struct hm_arena arena;
    struct hm_notes notes;
    struct hm_netsh_facts facts;
    struct hm_netsh_need need;
    struct hm_err err;
};

static const struct hm_os os_2019 = {.family = HM_OS_WINDOWS, .version = "10.0.17763"};

static void read_stacks(struct netsh_fixture *fixture, const struct hm_os *os)
{
    hm_arena_reset(&fixture->arena);
    hm_notes_init(&fixture->notes, &fixture->arena);
    assert_int_equal(hm_netsh_stacks(fixture->netsh, os, &fixture->need, &fixture->arena,
                                     &fixture->facts, &fixture->notes, &fixture->err),
                     HM_OK);
}

static int set_up(void **state)
{
    static struct netsh_fixture fixture;

    (void)RegDeleteKeyA(HKEY_LOCAL_MACHINE, DOUBLE);
    hm_test_reg_text(DOUBLE, "http", "5985");
    memset(&fixture, 0, sizeof(fixture));
    hm_arena_init(&fixture.arena, HM_LIMIT_CYCLE_ARENA_BYTES);
    *state = &fixture;
    return hm_netsh_open(&fixture.netsh, &fixture.err) == HM_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    struct netsh_fixture *fixture = *state;

    hm_netsh_close(fixture->netsh);
    hm_arena_fini(&fixture->arena);
    (void)RegDeleteKeyA(HKEY_LOCAL_MACHINE, DOUBLE);
    return 0;
}

/* What HTTP.sys is set up to serve; where netsh does not tell, a sentence does. */
static void test_configured(void **state)
{
    static const struct {
        const char *urlacl;
        const char *sslcert;
        bool known;
        bool partial;
        size_t rows;
        size_t notes;
    } cases[] = {
        {"http://+:80/x/ https://+:50443/", "0.0.0.0:50443", true,  false, 3, 0},
        {"http://+:80/x/",                  "none",          true,  true,  1, 1},
        {"none",                            "none",          false, false, 0, 2},
    };
    struct netsh_fixture *fixture = *state;

    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_inventory inventory = {.os = os_2019};
        struct hm_ports httpsys;

        print_message("case %zu\n", i);
        hm_netsh_close(fixture->netsh);
        assert_int_equal(hm_netsh_open(&fixture->netsh, &fixture->err), HM_OK);
        hm_test_reg_text(DOUBLE, "urlacl", cases[i].urlacl);
        hm_test_reg_text(DOUBLE, "sslcert", cases[i].sslcert);
        read_stacks(fixture, &os_2019);
        assert_int_equal(hm_windows_configured(fixture->facts.http, &inventory, &fixture->notes,
                                               &httpsys, &fixture->err),
                         HM_OK);
        assert_int_equal(inventory.has_configured, cases[i].known);
        assert_int_equal(inventory.configured_partial, cases[i].partial);
        assert_int_equal(inventory.configured.count, cases[i].rows);
        assert_int_equal(fixture->notes.list.count, cases[i].notes);
        assert_true(hm_ports_contains(httpsys, 5985));
    }
}

/* A list that is too long, or none at all, is never "no ports of HTTP.sys". */
static void test_service_state_unread(void **state)
{
    struct netsh_fixture *fixture = *state;
    struct hm_netsh_http http[HM_NETSH_HTTP_LISTS] = {
        [HM_NETSH_SERVICE_STATE] = {.fault = "printed more than 1048576 bytes", .text = ""},
        [HM_NETSH_URLACL] = {.text = "http://+:80/",                                          .len = 12},
        [HM_NETSH_SSLCERT] = {.text = ""},
    };
    struct hm_inventory inventory = {.os = os_2019};
    struct hm_ports httpsys;

    hm_notes_init(&fixture->notes, &fixture->arena);
    assert_int_equal(
        hm_windows_configured(http, &inventory, &fixture->notes, &httpsys, &fixture->err), HM_OK);
    assert_true(inventory.has_configured && inventory.configured_partial);
    assert_int_equal(fixture->notes.list.count, 1);
    assert_non_null(strstr(fixture->notes.list.at[0], "servicestate"));
}

/* Early in a boot: what waiting actions need, then the rest and nothing twice. */
static void test_reading_what_is_urgent(void **state)
{
    struct netsh_fixture *fixture = *state;

    hm_test_reg_text(DOUBLE, "excluded-tcp-ipv4", "9955-9955*");
    fixture->need = (struct hm_netsh_need){.waits_with_wmi = true, .only = HM_LIST_EXCLUDED(0)};
    read_stacks(fixture, &os_2019);
    assert_int_equal(hm_netsh_started(fixture->netsh), 1);
    assert_int_equal(fixture->notes.list.count, 0);
    assert_true(hm_ports_contains(fixture->facts.stacks.at[0].administered, 9955));
    assert_false(fixture->facts.stacks.at[0].has_dynamic);
    for (size_t i = 1; i < HM_STACK_COUNT; i++) {
        assert_false(fixture->facts.stacks.at[i].has_administered);
        assert_false(fixture->facts.stacks.at[i].has_runtime);
    }
    fixture->need.only = 0;
    read_stacks(fixture, &os_2019);
    assert_int_equal(hm_netsh_started(fixture->netsh), 11);
    assert_true(fixture->facts.stacks.at[3].has_administered);
    assert_non_null(strstr(fixture->facts.http[HM_NETSH_SERVICE_STATE].text, ":5985/"));
    fixture->need.waits_with_wmi = false;
    read_stacks(fixture, &os_2019);
    assert_int_equal(hm_netsh_started(fixture->netsh), 11);
}

/* A reservation or a binding that is made: no exclusion may be added before it is read. */
static void test_a_new_reservation_is_read(void **state)
{
    struct netsh_fixture *fixture = *state;
    unsigned once;

    hm_test_reg_u32(HTTP, "MaxConnections", 1);
    read_stacks(fixture, &os_2019);
    once = hm_netsh_started(fixture->netsh);
    hm_test_reg_text(DOUBLE, "urlacl", "http://+:50443/");
    hm_test_reg_u32(HTTP "\\UrlAclInfo", "http://+:50443/", 1);
    read_stacks(fixture, &os_2019);
    assert_int_equal(hm_netsh_started(fixture->netsh), once + HM_NETSH_HTTP_LISTS);
    assert_non_null(strstr(fixture->facts.http[HM_NETSH_URLACL].text, ":50443/"));
    (void)RegDeleteKeyA(HKEY_LOCAL_MACHINE, HTTP "\\UrlAclInfo");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_configured, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_service_state_unread, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_reading_what_is_urgent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_new_reservation_is_read, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
