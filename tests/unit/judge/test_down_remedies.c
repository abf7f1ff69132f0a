/* tests/unit/judge/test_down_remedies.c — a service that is down: what the finding says of it, and
 * what its remedy does and does not start. SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/inventory_builder.h"
#include "tests/support/pop3_host.h"

static bool find_command(const struct hm_finding *finding, const char *command)
{
    for (size_t i = 0; i < finding->commands.count; i++) {
        if (strcmp(finding->commands.at[i], command) == 0) {
            return true;
        }
    }
    print_message("no \"%s\" in: %s\n", command, finding->remedy);
    return false;
}

/* Somebody started it, and it did not get its port: nothing starts it at the next boot. */
static void test_manual_service_whose_start_failed(void **state)
{
    struct hm_build *build = pop3_host_new();
    const struct hm_finding *finding;

    (void)state;
    pop3_host_put_product(build);
    pop3_host_put_down(build, HM_START_MANUAL)->exit_code = 10048;
    pop3_host_put_holder(build);
    hm_build_judge(build);
    assert_int_equal(hm_build_verdict(build, "pop3", "back-end")->state, HM_BLOCKED);
    finding = hm_build_finding(build, "service_not_running", "service MSExchangePOP3BE");
    assert_non_null(finding);
    assert_non_null(strstr(finding->text, "was started by a person or another program and does"));
    assert_true(find_command(finding, "net start MSExchangePOP3BE"));
    for (size_t i = 0; i < finding->steps.count; i++) {
        assert_null(strstr(finding->steps.at[i].text, "starts by itself"));
    }
    build->inventory.service_details.at[0].exit_code = 1067;
    hm_build_judge(build);
    assert_int_equal(hm_build_count_kind(build, "service_not_running"), 1);
    build->inventory.service_details.at[0].exit_code = 1077;
    build->inventory.services.count = 0; /* it is in no list then */
    hm_build_judge(build);
    assert_null(hm_build_verdict(build, "pop3", "back-end"));
    pop3_host_free(build);
}

/* Only the cluster may start it, on the node where it belongs. */
static void test_passive_node_of_a_cluster(void **state)
{
    struct hm_build *build = pop3_host_new();
    const struct hm_finding *finding;

    (void)state;
    pop3_host_put_product(build);
    pop3_host_put_down(build, HM_START_CLUSTER);
    pop3_host_put_holder(build);
    hm_build_judge(build);
    finding = hm_build_finding(build, "required_port_held", NULL);
    assert_non_null(finding);
    assert_non_null(strstr(finding->steps.at[0].text, "Only the cluster may start the product"));
    for (size_t i = 0; i < finding->steps.count; i++) {
        assert_int_not_equal(finding->steps.at[i].kind, HM_STEP_START);
    }
    pop3_host_free(build);
}

/* The remedies of one fault are one remedy. */
static void test_excluded_port_of_http_sys(void **state)
{
    struct hm_build *build = pop3_host_new();
    struct hm_requirement *requirement = pop3_host_put_product(build);
    const struct hm_finding *finding;

    (void)state;
    requirement->kind = HM_KIND_HTTPSYS;
    pop3_host_put_down(build, HM_START_AUTOMATIC)->exit_code = 1067;
    hm_build_exclude(build, HM_TCP, HM_IPV4, "9955");
    hm_build_judge(build);
    finding = hm_build_finding(build, "service_not_running", NULL);
    assert_non_null(strstr(finding->text, "a start of the service fails with error 32"));
    assert_string_equal(finding->remedy,
                        hm_build_finding(build, "reserver_excluded", NULL)->remedy);
    assert_true(find_command(finding, "netsh int ipv4 delete excludedportrange protocol=tcp "
                                      "startport=9955 numberofports=1 store=persistent"));
    pop3_host_free(build);
}

/* A process that nobody could name has not chosen anything. */
static void test_nameless_holder(void **state)
{
    struct hm_build *build = pop3_host_new();
    const struct hm_finding *finding;

    (void)state;
    hm_build_dynamic(build, 49152, 65535);
    pop3_host_put_product(build);
    pop3_host_put_down(build, HM_START_AUTOMATIC);
    hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_LISTEN, 9955, "", "")->pid = 5555;
    hm_build_judge(build);
    finding = hm_build_finding(build, "service_not_running", NULL);
    assert_non_null(strstr(finding->remedy, "outside the dynamic range"));
    assert_null(strstr(finding->steps.at[0].text, "by choice"));
    assert_non_null(strstr(finding->steps.at[0].text, "Nothing is known of the process"));
    pop3_host_free(build);
}

/* Linux: a listener in the dynamic range may have been given its port, and a restart tells; one
 * outside, or of a server of the catalogue, was set up for it. */
static void test_given_listener(void **state)
{
    static const struct {
        uint16_t first; /* of the dynamic range */
        const char *program;
        bool unsure;
    } cases[] = {
        {1024,  "squat", true },
        {32768, "squat", false},
        {1024,  "nginx", false},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build *build = calloc(1, sizeof(*build));
        const struct hm_finding *finding;
        bool restart = false;
        bool chosen = false;

        assert_non_null(build);
        hm_build_init(build, NULL);
        hm_build_require(build, hm_build_product(build, "redis", "redis-server", NULL), "server",
                         HM_TCP, "6379", HM_KIND_SOCKET);
        (void)hm_build_product(build, "nginx", "nginx", "nginx");
        hm_build_dynamic(build, cases[i].first, 65535);
        hm_build_service(build, "redis-server");
        hm_build_service(build, "nginx");
        hm_build_service_runs(build, "redis-server", false);
        build->has_sockets = true;
        hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_LISTEN, 6379, cases[i].program,
                        cases[i].program)
            ->pid = 777;
        hm_build_listener(build, HM_TCP, HM_IPV4, 6379, cases[i].program, cases[i].program,
                          HM_KIND_SOCKET);
        hm_build_judge(build);
        finding = hm_build_finding(build, "required_port_held", "tcp 6379");
        assert_non_null(finding);
        for (size_t k = 0; k < finding->steps.count; k++) {
            restart = restart || strstr(finding->steps.at[k].text, "given it by chance") != NULL;
            chosen = chosen || strstr(finding->steps.at[k].text, "by choice") != NULL;
        }
        assert_int_equal(restart, cases[i].unsure);
        assert_int_equal(chosen, !cases[i].unsure);
        hm_build_fini(build);
        free(build);
    }
}

/* 2003: the server is dark until the IPsec service runs. */
static void test_block_mode_of_ipsec(void **state)
{
    struct hm_build *build = calloc(1, sizeof(*build));
    const struct hm_finding *finding;
    struct hm_product *product;

    (void)state;
    assert_non_null(build);
    hm_build_init(build, "5.2.3790");
    product = hm_build_product(build, "ipsec", "PolicyAgent", NULL);
    hm_build_require(build, product, "nat-t", HM_UDP, "4500", HM_KIND_SOCKET);
    hm_build_service_runs(build, "PolicyAgent", false)->exit_code = 10048;
    hm_build_socket(build, HM_UDP, HM_IPV4, HM_SOCKET_LISTEN, 4500, "dns.exe", "DNS");
    hm_build_judge(build);
    finding = hm_build_finding(build, "service_not_running", NULL);
    assert_non_null(strstr(finding->text, "block mode (event 4292, KB956189)"));
    assert_non_null(strstr(finding->text, "console"));
    pop3_host_free(build);
}

/* netstat of Windows 2000 shows no process ids: no remedy may count on them. */
static void test_nameless_holder_on_2000(void **state)
{
    static const struct {
        const char *version;
        bool ids;
    } cases[] = {
        {"5.0.2195", false},
        {"5.2.3790", true },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        const struct hm_finding *finding;
        struct hm_build build;
        bool found = false;

        hm_build_init(&build, cases[i].version);
        hm_build_require(&build, hm_build_product(&build, "sql", "MSSQLSERVER", NULL), "engine",
                         HM_TCP, "1433", HM_KIND_SOCKET);
        hm_build_service(&build, "MSSQLSERVER");
        hm_build_service_runs(&build, "MSSQLSERVER", false);
        hm_build_listener(&build, HM_TCP, HM_IPV4, 1433, "", "", HM_KIND_SOCKET);
        hm_build_judge(&build);
        finding = hm_build_finding(&build, "required_port_held", "tcp 1433");
        assert_non_null(finding);
        for (size_t k = 0; k < finding->steps.count; k++) {
            found = found || strstr(finding->steps.at[k].text, "has its process id") != NULL;
        }
        assert_int_equal(found, cases[i].ids);
        hm_build_fini(&build);
    }
}

/* A service that the catalogue does not know: its own event names its port. */
static void test_port_of_an_event(void **state)
{
    static const struct {
        const char *about;
        bool held;
        const char *text;
    } cases[] = {
        {"'any' <ipv4> 50555", true,  "names the port: TCP 50555, which acme.exe (service Acme)"},
        {"'any' <ipv4> 50555", false, "TCP 50555, which nobody is seen to have now"             },
        {"",                   true,  "Which port that is, is not known here"                   },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        const struct hm_finding *finding;
        struct hm_service *service;
        struct hm_build build;

        hm_build_init(&build, "10.0.17763");
        hm_build_service(&build, "MSSQL$ERP");
        service = hm_build_service_runs(&build, "MSSQL$ERP", false);
        service->start = HM_START_AUTOMATIC;
        service->exit_code = 10048;
        hm_build_event(&build, "MSSQL$ERP", 26023, cases[i].about);
        build.has_sockets = true;
        if (cases[i].held) {
            hm_build_socket(&build, HM_TCP, HM_IPV4, HM_SOCKET_ESTABLISHED, 50555, "acme.exe",
                            "Acme");
        }
        hm_build_judge(&build);
        finding = hm_build_finding(&build, "service_not_running", "service MSSQL$ERP");
        assert_non_null(finding);
        assert_non_null(strstr(finding->text, cases[i].text));
        hm_build_fini(&build);
    }
}

/* What nobody answers is over before a restart of the host would be. */
static void test_holder_that_tries_to_connect(void **state)
{
    struct hm_build *build = pop3_host_new();
    const struct hm_finding *finding;
    struct hm_socket *socket;

    (void)state;
    pop3_host_put_product(build);
    pop3_host_put_down(build, HM_START_AUTOMATIC);
    socket =
        hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_ESTABLISHED, 9955, "updater.exe", "");
    socket->remote = "192.0.2.7:443";
    socket->connecting = true;
    hm_build_judge(build);
    assert_int_equal(hm_build_verdict(build, "pop3", "back-end")->state, HM_BLOCKED);
    finding = hm_build_finding(build, "service_not_running", NULL);
    assert_non_null(strstr(finding->text, "which tries to connect to 192.0.2.7:443"));
    assert_non_null(strstr(finding->steps.at[0].text, "Wait half a minute: updater.exe"));
    assert_false(finding->needs_reboot);
    assert_true(find_command(finding, "net start MSExchangePOP3BE"));
    pop3_host_free(build);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_manual_service_whose_start_failed),
        cmocka_unit_test(test_passive_node_of_a_cluster),
        cmocka_unit_test(test_excluded_port_of_http_sys),
        cmocka_unit_test(test_nameless_holder),
        cmocka_unit_test(test_given_listener),
        cmocka_unit_test(test_block_mode_of_ipsec),
        cmocka_unit_test(test_holder_that_tries_to_connect),
        cmocka_unit_test(test_nameless_holder_on_2000),
        cmocka_unit_test(test_port_of_an_event),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
