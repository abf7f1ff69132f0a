/* tests/unit/judge/test_strays.c — servers of the catalogue that run without their usual port and
 * listen inside the dynamic range. SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/inventory_builder.h"

static struct hm_requirement *start(struct hm_build *build, const char *version)
{
    struct hm_product *product;

    hm_build_init(build, version);
    product = hm_build_product(build, "mysql", "MySQL80", "mysqld.exe");
    hm_build_service_runs(build, "MySQL80", true);
    return hm_build_require(build, product, "server", HM_TCP, "3306", HM_KIND_SOCKET);
}

static struct hm_listener *listen(struct hm_build *build, uint16_t port)
{
    hm_build_listener(build, HM_TCP, HM_IPV4, port, "mysqld.exe", "MySQL80", HM_KIND_SOCKET);
    return &build->inventory.listeners.at[build->inventory.listeners.count - 1];
}

static const struct hm_verdict *verdict(struct hm_build *build)
{
    hm_build_judge(build);
    for (size_t i = 0; i < build->judgement.verdicts.count; i++) {
        if (strcmp(build->judgement.verdicts.at[i].requirement, "server") == 0) {
            return &build->judgement.verdicts.at[i];
        }
    }
    return NULL;
}

static enum hm_verdict_state judge(struct hm_build *build)
{
    const struct hm_verdict *found = verdict(build);

    assert_true(found != NULL);
    return found == NULL ? HM_SAFE : found->state;
}

/* It may have been moved there: 3306 is then nobody's. */
static void test_moved_into_range(void **state)
{
    struct hm_build build;
    const struct hm_verdict *found;

    (void)state;
    start(&build, "10.0.20348");
    listen(&build, 53306);
    found = verdict(&build);
    assert_true(found != NULL && found->state == HM_UNKNOWN);
    assert_true(found != NULL &&
                strstr(found->text, "MySQL80 listens on TCP 53306 instead") != NULL);
    hm_build_fini(&build);
}

/* Excluded in one family alone, it is as open in the other one. */
static void test_excluded_in_one_family(void **state)
{
    struct hm_build build;

    (void)state;
    for (unsigned both = 0; both < 2; both++) {
        start(&build, "10.0.20348");
        listen(&build, 53306);
        hm_build_listener(&build, HM_TCP, HM_IPV6, 53306, "mysqld.exe", "MySQL80", HM_KIND_SOCKET);
        hm_build_exclude(&build, HM_TCP, HM_IPV4, "53306");
        if (both == 1) {
            hm_build_exclude(&build, HM_TCP, HM_IPV6, "53306");
        }
        assert_int_equal(both == 1 ? HM_SAFE : HM_UNKNOWN, judge(&build));
        hm_build_fini(&build);
    }
}

/* Many servers have one address alone, as 127.0.0.1. */
static void test_moved_on_one_address(void **state)
{
    static const char *const addresses[] = {"127.0.0.1", "10.1.1.5", "::1"};

    (void)state;
    for (size_t i = 0; i < HM_COUNT(addresses); i++) {
        struct hm_build build;

        start(&build, "10.0.20348");
        listen(&build, 53306)->address = addresses[i];
        assert_int_equal(HM_UNKNOWN, judge(&build));
        hm_build_fini(&build);
    }
}

/* One that always takes a port, although its row is optional. */
static void test_optional_by_default(void **state)
{
    struct hm_build build;
    struct hm_requirement *row = start(&build, "10.0.20348");

    (void)state;
    row->optional = true;
    row->when_down = true;
    assert_true(verdict(&build) == NULL);
    listen(&build, 53306);
    assert_int_equal(HM_UNKNOWN, judge(&build));
    hm_build_fini(&build);
}

static void test_nothing_in_doubt(void **state)
{
    struct hm_build build;

    (void)state;
    start(&build, "10.0.20348"); /* its usual port, and one that it was given */
    listen(&build, 3306);
    listen(&build, 53306);
    assert_int_equal(HM_SAFE, judge(&build));
    hm_build_fini(&build);

    start(&build, "10.0.20348"); /* a chosen one outside the range */
    listen(&build, 3307);
    listen(&build, 53306);
    assert_int_equal(HM_SAFE, judge(&build));
    hm_build_fini(&build);

    start(&build, "10.0.20348"); /* the same, for programs of the host itself */
    listen(&build, 3307)->address = "127.0.0.1";
    listen(&build, 53306)->address = "127.0.0.1";
    assert_int_equal(HM_SAFE, judge(&build));
    hm_build_fini(&build);

    start(&build, "10.0.20348"); /* an end point of RPC */
    listen(&build, 53306)->kind = HM_KIND_RPC;
    assert_int_equal(HM_SAFE, judge(&build));
    hm_build_fini(&build);

    start(&build, "10.0.20348")->falls_back = true;
    listen(&build, 53306);
    assert_int_equal(HM_SAFE, judge(&build));
    hm_build_fini(&build);

    start(&build, "10.0.20348"); /* known to be fixed, and judged as that */
    listen(&build, 53306);
    hm_build_remember(&build, HM_TCP, 53306, "mysqld.exe", "MySQL80", HM_KIND_SOCKET, 2);
    assert_int_equal(HM_SAFE, judge(&build));
    hm_build_fini(&build);

    start(&build, "10.0.20348"); /* excluded: nobody is handed it */
    listen(&build, 53306);
    hm_build_exclude(&build, HM_TCP, HM_IPV4, "53306");
    assert_int_equal(HM_SAFE, judge(&build));
    hm_build_fini(&build);
}

/* Of Linux, too, where the program also asks for ports by nature. */
static void test_linux(void **state)
{
    struct hm_build build;
    struct hm_product *product;

    (void)state;
    hm_build_init(&build, NULL);
    product = hm_build_product(&build, "openssh-server", "sshd", "sshd");
    hm_build_service_runs(&build, "sshd", true);
    hm_build_require(&build, product, "server", HM_TCP, "22", HM_KIND_SOCKET);
    hm_build_listener(&build, HM_TCP, HM_IPV4, 50022, "sshd", "sshd", HM_KIND_SOCKET);
    assert_int_equal(HM_UNKNOWN, judge(&build));
    hm_build_fini(&build);
}

/* Two instances: the usual port of one says nothing of the other. */
static void start_two(struct hm_build *build)
{
    start(build, "10.0.20348")->set_in = "port in my.ini";
    build->products[0].detect.services = hm_build_names(build, "MySQL57|MySQL80");
    hm_build_service_runs(build, "MySQL57", true);
    hm_build_listener(build, HM_TCP, HM_IPV4, 3306, "mysqld.exe", "MySQL57", HM_KIND_SOCKET);
}

static void test_second_instance(void **state)
{
    struct hm_build build;
    const struct hm_verdict *found;

    (void)state;
    start_two(&build);
    listen(&build, 53306);
    found = verdict(&build);
    assert_true(found != NULL && found->state == HM_UNKNOWN);
    assert_string_equal(
        "TCP 3306 is not known to be the port of each instance: MySQL80 listens on TCP 53306 "
        "instead, inside the dynamic range. Its configuration (port in my.ini) says whether that "
        "port was chosen: a chosen one is as much at risk as any port there, and must be kept out "
        "of the range. An installed agent can tell once it has seen two boots.",
        found == NULL ? "" : found->text);
    assert_false(hm_judgement_is_safe(&build.judgement));
    hm_build_fini(&build);

    start_two(&build); /* of a name that the catalogue does not know */
    hm_build_listener(&build, HM_TCP, HM_IPV4, 53306, "mysqld.exe", "shop", HM_KIND_SOCKET);
    listen(&build, 3307);
    assert_int_equal(HM_UNKNOWN, judge(&build));
    hm_build_fini(&build);

    start_two(&build); /* the other one was moved, too, and not into the range */
    build.inventory.listeners.at[0].port = 3307;
    listen(&build, 53306);
    assert_int_equal(HM_UNKNOWN, judge(&build));
    hm_build_fini(&build);
}

/* The processes that listen carry no service: there are two services, and one of the ports of both
 * is the usual one. */
static void test_second_without_its_service(void **state)
{
    struct hm_build build;

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        start_two(&build);
        build.inventory.listeners.at[0].service = "";
        if (i == 1) {
            hm_build_listener(&build, HM_TCP, HM_IPV4, 3307, "mysqld.exe", "", HM_KIND_SOCKET);
        } else if (i == 2) {
            build.service_details[0].runs = false;
            build.service_details[0].start = HM_START_MANUAL;
        }
        hm_build_listener(&build, HM_TCP, HM_IPV4, 53306, "mysqld.exe", "", HM_KIND_SOCKET);
        assert_int_equal(i == 0 ? HM_UNKNOWN : HM_SAFE, judge(&build));
        hm_build_fini(&build);
    }
}

static void test_second_instance_not_in_doubt(void **state)
{
    struct hm_build build;

    (void)state;
    start_two(&build); /* a second port of the one that has the usual one */
    hm_build_listener(&build, HM_TCP, HM_IPV4, 53306, "mysqld.exe", "MySQL57", HM_KIND_SOCKET);
    listen(&build, 3307);
    listen(&build, 53307);
    assert_int_equal(HM_SAFE, judge(&build));
    hm_build_fini(&build);

    start_two(&build); /* known to be fixed, and judged as that */
    listen(&build, 53306);
    hm_build_remember(&build, HM_TCP, 53306, "mysqld.exe", "MySQL80", HM_KIND_SOCKET, 2);
    assert_int_equal(HM_SAFE, judge(&build));
    hm_build_fini(&build);

    start_two(&build); /* a helper: another program */
    hm_build_listener(&build, HM_TCP, HM_IPV4, 53306, "agent.exe", "MySQL80", HM_KIND_SOCKET);
    assert_int_equal(HM_SAFE, judge(&build));
    hm_build_fini(&build);

    start_two(&build); /* for programs of the host itself */
    listen(&build, 53306)->address = "127.0.0.1";
    listen(&build, 3307);
    assert_int_equal(HM_SAFE, judge(&build));
    hm_build_fini(&build);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moved_into_range),
        cmocka_unit_test(test_excluded_in_one_family),
        cmocka_unit_test(test_moved_on_one_address),
        cmocka_unit_test(test_optional_by_default),
        cmocka_unit_test(test_nothing_in_doubt),
        cmocka_unit_test(test_linux),
        cmocka_unit_test(test_second_instance),
        cmocka_unit_test(test_second_without_its_service),
        cmocka_unit_test(test_second_instance_not_in_doubt),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
