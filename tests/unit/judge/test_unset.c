/* tests/unit/judge/test_unset.c — servers that are down, and whose port administrators move.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/inventory_builder.h"

static struct hm_requirement *start(struct hm_build *build, bool runs)
{
    struct hm_product *product;
    struct hm_requirement *row;

    hm_build_init(build, "10.0.20348");
    product = hm_build_product(build, "mysql", "MySQL80", "mysqld.exe");
    hm_build_service_runs(build, "MySQL80", runs)->start = HM_START_AUTOMATIC;
    row = hm_build_require(build, product, "server", HM_TCP, "3306", HM_KIND_SOCKET);
    row->set_in = "port in my.ini";
    return row;
}

static enum hm_verdict_state judge(struct hm_build *build)
{
    hm_build_judge(build);
    return hm_build_verdict(build, "mysql", "server")->state;
}

/* It may be set to 53306: that 3306 is safe says nothing of its next start. */
static void test_down_and_never_seen(void **state)
{
    struct hm_build build;

    (void)state;
    start(&build, false);
    assert_int_equal(HM_UNKNOWN, judge(&build));
    assert_string_equal(
        "TCP 3306 is not known to be the port of the next start: MySQL80 does not run, and nothing "
        "that was read says which port it is set to (port in my.ini). Its usual port is safe. "
        "Start it, or look there: a port inside the dynamic range must be reserved.",
        hm_build_verdict(&build, "mysql", "server")->text);
    assert_false(hm_judgement_is_safe(&build.judgement));
    hm_build_fini(&build);
}

static void test_nothing_in_doubt(void **state)
{
    struct hm_build build;
    struct hm_service *service;

    (void)state;
    start(&build, true); /* it runs */
    assert_int_equal(HM_SAFE, judge(&build));
    hm_build_fini(&build);

    start(&build, false)->set_in = ""; /* nobody moves it */
    assert_int_equal(HM_SAFE, judge(&build));
    hm_build_fini(&build);

    start(&build, false); /* it was seen there */
    hm_build_remember(&build, HM_TCP, 3306, "mysqld.exe", "MySQL80", HM_KIND_SOCKET, 1);
    assert_int_equal(HM_SAFE, judge(&build));
    hm_build_fini(&build);

    start(&build, false); /* somebody reserved the port for it */
    hm_build_dynamic(&build, 1025, 65535);
    hm_build_exclude(&build, HM_TCP, HM_IPV4, "3306");
    hm_build_exclude(&build, HM_TCP, HM_IPV6, "3306");
    assert_int_equal(HM_SAFE, judge(&build));
    hm_build_fini(&build);

    hm_build_init(&build, "10.0.20348"); /* a person starts it */
    service = hm_build_service_runs(&build, "MySQL80", false);
    service->start = HM_START_MANUAL;
    service->exit_code = 1067;
    hm_build_require(&build, hm_build_product(&build, "mysql", "MySQL80", "mysqld.exe"), "server",
                     HM_TCP, "3306", HM_KIND_SOCKET)
        ->set_in = "port in my.ini";
    assert_int_equal(HM_SAFE, judge(&build));
    hm_build_fini(&build);
}

/* A port of the dynamic range that it had in one boot, while a client's port looks like it, is no
 * evidence: it is judged nowhere. */
static void test_seen_once_where_ports_are_given(void **state)
{
    struct hm_build build;

    (void)state;
    start(&build, false);
    hm_build_remember(&build, HM_TCP, 50000, "mysqld.exe", "MySQL80", HM_KIND_SOCKET, 1);
    assert_int_equal(HM_UNKNOWN, judge(&build));
    hm_build_fini(&build);

    start(&build, false);
    hm_build_remember(&build, HM_TCP, 3307, "mysqld.exe", "MySQL80", HM_KIND_SOCKET, 1);
    assert_int_equal(HM_SAFE, judge(&build));
    hm_build_fini(&build);
}

/* The usual port is no better for it. */
static void test_usual_port_at_risk(void **state)
{
    struct hm_build build;

    (void)state;
    start(&build, false);
    hm_build_dynamic(&build, 1025, 65535);
    assert_int_equal(HM_EXPOSED, judge(&build));
    hm_build_fini(&build);

    start(&build, false);
    hm_build_listener(&build, HM_TCP, HM_IPV4, 3306, "other.exe", "Other", HM_KIND_SOCKET);
    assert_int_equal(HM_BLOCKED, judge(&build));
    hm_build_fini(&build);
}

/* Another instance's socket is no evidence for this one. */
static void test_other_instance_runs(void **state)
{
    static const char *const programs[] = {"mysqld.exe", "mysqld.exe", ""};
    static const uint16_t ports[] = {3306, 3307, 0};
    struct hm_build build;

    (void)state;
    for (size_t i = 0; i < HM_COUNT(ports); i++) {
        start(&build, false);
        build.products[0].detect.services = hm_build_names(&build, "MySQL57|MySQL80");
        hm_build_service_runs(&build, "MySQL57", true)->start = HM_START_AUTOMATIC;
        if (ports[i] != 0) {
            hm_build_listener(&build, HM_TCP, HM_IPV4, ports[i], programs[i], "MySQL57",
                              HM_KIND_SOCKET);
        }
        hm_build_remember(&build, HM_TCP, 3306, "mysqld.exe", "MySQL57", HM_KIND_SOCKET, 5);
        assert_int_equal(HM_UNKNOWN, judge(&build));
        assert_non_null(strstr(hm_build_verdict(&build, "mysql", "server")->text,
                               "Another instance says nothing of its port. Start it"));
        hm_build_fini(&build);
    }

    start(&build, false); /* by a service that the catalogue does not know */
    hm_build_listener(&build, HM_TCP, HM_IPV4, 3307, "mysqld.exe", "sales", HM_KIND_SOCKET);
    assert_int_equal(HM_UNKNOWN, judge(&build));
    hm_build_fini(&build);

    start(&build, false); /* this one was seen */
    build.products[0].detect.services = hm_build_names(&build, "MySQL57|MySQL80");
    hm_build_service_runs(&build, "MySQL57", true)->start = HM_START_AUTOMATIC;
    hm_build_listener(&build, HM_TCP, HM_IPV4, 3307, "mysqld.exe", "MySQL57", HM_KIND_SOCKET);
    hm_build_remember(&build, HM_TCP, 3306, "mysqld.exe", "MySQL80", HM_KIND_SOCKET, 5);
    assert_int_equal(HM_SAFE, judge(&build));
    hm_build_fini(&build);
}

static void exclude(struct hm_build *build, const char *ports)
{
    hm_build_dynamic(build, 1025, 65535);
    hm_build_exclude(build, HM_TCP, HM_IPV4, ports);
    hm_build_exclude(build, HM_TCP, HM_IPV6, ports);
}

/* A row is for one instance, and not for what happens to lie in a block. */
static void test_row_of_somebody_else(void **state)
{
    struct hm_build build;

    (void)state;
    start(&build, false);
    build.products[0].detect.services = hm_build_names(&build, "MySQL57|MySQL80");
    hm_build_service_runs(&build, "MySQL57", false)->start = HM_START_AUTOMATIC;
    exclude(&build, "3306");
    assert_int_equal(HM_UNKNOWN, judge(&build));
    hm_build_fini(&build);

    start(&build, false);
    exclude(&build, "3000-3500");
    assert_int_equal(HM_UNKNOWN, judge(&build));
    hm_build_fini(&build);

    start(&build, false);
    exclude(&build, "3306-3307");
    assert_int_equal(HM_SAFE, judge(&build));
    hm_build_fini(&build);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_down_and_never_seen),
        cmocka_unit_test(test_nothing_in_doubt),
        cmocka_unit_test(test_seen_once_where_ports_are_given),
        cmocka_unit_test(test_usual_port_at_risk),
        cmocka_unit_test(test_other_instance_runs),
        cmocka_unit_test(test_row_of_somebody_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
