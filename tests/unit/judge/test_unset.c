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
    start(&build, true); /* it runs, and is seen there */
    hm_build_listener(&build, HM_TCP, HM_IPV4, 3306, "mysqld.exe", "MySQL80", HM_KIND_SOCKET);
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

/* A service of another name, whose program is the product's. */
static void test_known_by_its_program(void **state)
{
    struct hm_build build;
    struct hm_product *other;
    struct hm_service *service;

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        hm_build_init(&build, "10.0.20348");
        hm_build_require(&build, hm_build_product(&build, "mysql", "MySQL80", "mysqld.exe"),
                         "server", HM_TCP, "3306", HM_KIND_SOCKET)
            ->set_in = "port in my.ini";
        service = hm_build_service_runs(&build, "shop", false);
        service->program = "mysqld.exe";
        service->start = i == 2 ? HM_START_MANUAL : HM_START_AUTOMATIC;
        if (i == 1) { /* beside one of the product's own name */
            hm_build_service_runs(&build, "MySQL80", true)->start = HM_START_AUTOMATIC;
            hm_build_listener(&build, HM_TCP, HM_IPV4, 3306, "mysqld.exe", "MySQL80",
                              HM_KIND_SOCKET);
        } else if (i == 2) {
            hm_build_listener(&build, HM_TCP, HM_IPV4, 3306, "mysqld.exe", "", HM_KIND_SOCKET);
        } else if (i == 3) { /* it is another product's, which brings the database */
            other = hm_build_product(&build, "shop", "shop", "shop.exe");
            hm_build_require(&build, other, "web", HM_TCP, "81", HM_KIND_SOCKET);
            hm_build_listener(&build, HM_TCP, HM_IPV4, 3306, "mysqld.exe", "", HM_KIND_SOCKET);
        }
        assert_int_equal(i < 2 ? HM_UNKNOWN : HM_SAFE, judge(&build));
        if (i < 2) {
            assert_non_null(strstr(hm_build_verdict(&build, "mysql", "server")->text,
                                   "next start: shop does not run, and nothing"));
        }
        hm_build_fini(&build);
    }
}

/* Apache was stopped, and HTTP.sys has 80: nothing tells what Apache is set up for. Not where a
 * start failed, where it was seen there, or where another program has the port. */
static void test_beside_http_sys(void **state)
{
    struct hm_build build;
    struct hm_requirement *row;
    struct hm_service *service;

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        hm_build_init(&build, "10.0.20348");
        row = hm_build_require(&build, hm_build_product(&build, "apache", "Apache2.4", "httpd.exe"),
                               "http", HM_TCP, "80", HM_KIND_SOCKET);
        row->set_in = i == 4 ? "" : "Listen in httpd.conf";
        row->optional = true;
        row->when_down = true;
        service = hm_build_service_runs(&build, "Apache2.4", false);
        service->start = HM_START_AUTOMATIC;
        service->exit_code = i == 1 ? 1066 : 0;
        hm_build_listener(&build, HM_TCP, HM_IPV4, 80, i == 2 ? "nginx.exe" : "System", "",
                          HM_KIND_SOCKET);
        if (i == 3) {
            hm_build_remember(&build, HM_TCP, 80, "httpd.exe", "Apache2.4", HM_KIND_SOCKET, 1);
        }
        hm_build_judge(&build);
        assert_int_equal(i == 0 ? HM_UNKNOWN : HM_BLOCKED,
                         hm_build_verdict(&build, "apache", "http")->state);
        if (i == 0) {
            assert_string_equal(
                "TCP 80 is not known to be the port of the next start: Apache2.4 does not run, "
                "HTTP.sys serves web sites on its usual port, and nothing that was read says which "
                "port it is set to (Listen in httpd.conf). With that port it could not start. Look "
                "there: a port inside the dynamic range must be reserved.",
                hm_build_verdict(&build, "apache", "http")->text);
        }
        hm_build_fini(&build);
    }
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

/* The list of sockets is complete, and has none of the service. */
static struct hm_requirement *start_silent(struct hm_build *build)
{
    struct hm_requirement *row = start(build, true);

    hm_build_listener(build, HM_TCP, HM_IPV4, 445, "System", "", HM_KIND_KERNEL);
    return row;
}

/* It is said to run, and nothing of it listens: one of the two is wrong. */
static void test_runs_without_a_socket(void **state)
{
    const struct hm_finding *finding;
    struct hm_build build;

    (void)state;
    start_silent(&build);
    assert_int_equal(HM_UNKNOWN, judge(&build));
    assert_string_equal(
        "TCP 3306 is not known to be the port of the next start: MySQL80 is said to run, but no "
        "listener of this host is known to be its own, and nothing that was read says which port "
        "it is set to (port in my.ini). Its usual port is safe. Look there, and whether it "
        "answers: a port inside the dynamic range must be reserved.",
        hm_build_verdict(&build, "mysql", "server")->text);
    assert_false(hm_judgement_is_safe(&build.judgement));
    finding = hm_build_finding(&build, "required_port_not_served", "tcp 3306");
    assert_non_null(finding);
    assert_int_equal(HM_SEVERITY_LOW, finding->severity);
    hm_build_fini(&build);

    start_silent(&build); /* nobody knows whose it is: it may be the port that counts */
    hm_build_listener(&build, HM_TCP, HM_IPV4, 50000, "", "", HM_KIND_SOCKET);
    assert_int_equal(HM_UNKNOWN, judge(&build));
    hm_build_fini(&build);

    start_silent(&build); /* another instance has sockets */
    build.products[0].detect.services = hm_build_names(&build, "MySQL57|MySQL80");
    build.service_details[0].program = "mysqld.exe";
    hm_build_service_runs(&build, "MySQL57", true)->program = "mysqld.exe";
    hm_build_listener(&build, HM_TCP, HM_IPV4, 3306, "mysqld.exe", "MySQL57", HM_KIND_SOCKET);
    assert_int_equal(HM_UNKNOWN, judge(&build));
    assert_non_null(strstr(hm_build_verdict(&build, "mysql", "server")->text,
                           "Another instance says nothing of its port. Look there"));
    hm_build_fini(&build);
}

static void test_runs_and_nothing_in_doubt(void **state)
{
    struct hm_build build;

    (void)state;
    start_silent(&build); /* it listens somewhere else, outside the dynamic range */
    hm_build_listener(&build, HM_TCP, HM_IPV4, 3307, "mysqld.exe", "MySQL80", HM_KIND_SOCKET);
    assert_int_equal(HM_SAFE, judge(&build));
    hm_build_fini(&build);

    start_silent(&build); /* by a child without its service's name */
    hm_build_listener(&build, HM_TCP, HM_IPV4, 3307, "mysqld.exe", "", HM_KIND_SOCKET);
    assert_int_equal(HM_SAFE, judge(&build));
    hm_build_fini(&build);

    start_silent(&build); /* somebody has the port, and nobody knows who */
    hm_build_listener(&build, HM_TCP, HM_IPV4, 3306, "", "", HM_KIND_SOCKET);
    assert_int_equal(HM_SAFE, judge(&build));
    hm_build_fini(&build);

    start_silent(&build); /* a helper beside the service that listens */
    build.products[0].detect.services = hm_build_names(&build, "MySQL57|MySQL80");
    build.service_details[0].program = "guardian.exe";
    hm_build_service_runs(&build, "MySQL57", true)->program = "mysqld.exe";
    hm_build_listener(&build, HM_TCP, HM_IPV4, 3306, "mysqld.exe", "MySQL57", HM_KIND_SOCKET);
    assert_int_equal(HM_SAFE, judge(&build));
    hm_build_fini(&build);

    start_silent(&build)->may_be_off = true;
    assert_int_equal(HM_SAFE, judge(&build));
    hm_build_fini(&build);

    start_silent(&build); /* some are missing */
    build.inventory.listeners_partial = true;
    assert_int_equal(HM_SAFE, judge(&build));
    hm_build_fini(&build);

    start_silent(&build); /* it was seen there */
    hm_build_remember(&build, HM_TCP, 3306, "mysqld.exe", "MySQL80", HM_KIND_SOCKET, 1);
    assert_int_equal(HM_SAFE, judge(&build));
    hm_build_fini(&build);

    start_silent(&build); /* its unit groups others, or starts a container */
    build.service_details[0].program = "true";
    assert_int_equal(HM_SAFE, judge(&build));
    hm_build_fini(&build);
}

/* Whether it runs is not known, and nothing shows its port. */
static void test_state_not_known(void **state)
{
    struct hm_build build;

    (void)state;
    start(&build, true);
    build.service_details[0].has_runs = false;
    assert_int_equal(HM_UNKNOWN, judge(&build));
    assert_string_equal(
        "TCP 3306 is not known to be the port of the next start: whether MySQL80 runs is not "
        "known, nobody is known to have used the port, and nothing that was read says which port "
        "it is set to (port in my.ini). Its usual port is safe. Look there: a port inside the "
        "dynamic range must be reserved.",
        hm_build_verdict(&build, "mysql", "server")->text);
    hm_build_fini(&build);

    hm_build_init(&build, "10.0.20348"); /* no more than its name was read */
    hm_build_service(&build, "MySQL80");
    hm_build_require(&build, hm_build_product(&build, "mysql", "MySQL80", "mysqld.exe"), "server",
                     HM_TCP, "3306", HM_KIND_SOCKET)
        ->set_in = "port in my.ini";
    assert_int_equal(HM_UNKNOWN, judge(&build));
    hm_build_fini(&build);

    start(&build, true);
    build.service_details[0].has_runs = false;
    hm_build_listener(&build, HM_TCP, HM_IPV4, 3307, "mysqld.exe", "", HM_KIND_SOCKET);
    assert_int_equal(HM_SAFE, judge(&build));
    hm_build_fini(&build);

    start(&build, true); /* an event starts it, or a failover cluster */
    build.service_details[0].has_runs = false;
    build.service_details[0].start = HM_START_TRIGGERED;
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
        cmocka_unit_test(test_known_by_its_program),
        cmocka_unit_test(test_beside_http_sys),
        cmocka_unit_test(test_row_of_somebody_else),
        cmocka_unit_test(test_runs_without_a_socket),
        cmocka_unit_test(test_runs_and_nothing_in_doubt),
        cmocka_unit_test(test_state_not_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
