/* tests/unit/judge/test_companions.c — programs of a product that it is not recognised by.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/inventory_builder.h"

#define W2019 "10.0.17763"

static int set_up(void **state)
{
    struct hm_build *build = malloc(sizeof(*build));

    assert_non_null(build);
    hm_build_init(build, W2019);
    *state = build;
    return 0;
}

static int tear_down(void **state)
{
    hm_build_fini(*state);
    free(*state);
    return 0;
}

/* A product "app" of the service App, on tcp 8080 in the dynamic range or not. */
static struct hm_requirement *put_app(struct hm_build *build)
{
    struct hm_product *product = hm_build_product(build, "app", "App", NULL);

    product->companions.programs = hm_build_names(build, "mapper.exe");
    product->companions.services = hm_build_names(build, "AppWeb");
    product->companions.shared_programs = hm_build_names(build, "java*.exe|httpd.exe");
    return hm_build_require(build, product, "web", HM_TCP, "8080", HM_KIND_SOCKET);
}

static void listen(struct hm_build *build, uint16_t port, const char *program, const char *service)
{
    hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_LISTEN, port, program, service);
    hm_build_listener(build, HM_TCP, HM_IPV4, port, program, service, HM_KIND_SOCKET);
}

static const struct hm_verdict *judge(struct hm_build *build, const char *product)
{
    hm_build_judge(build);
    return hm_build_verdict(build, product, NULL);
}

static void test_a_companion_alone_is_no_product(void **state)
{
    struct hm_build *build = *state;

    put_app(build);
    listen(build, 8080, "mapper.exe", "AppWeb");
    assert_null(judge(build, "app"));
}

/* A database that the product brings does not make a host one that has the database product. */
static void test_embedded_program_is_no_sign(void **state)
{
    struct hm_build *build = *state;
    struct hm_product *database;

    put_app(build)->companions.programs = hm_build_names(build, "mongod*");
    database = hm_build_product(build, "mongodb", "MongoDB", "mongod.exe");
    hm_build_require(build, database, "server", HM_TCP, "27017", HM_KIND_SOCKET);
    hm_build_service(build, "App");
    listen(build, 8080, "mongod.exe", "");
    assert_null(judge(build, "mongodb"));
    assert_int_equal(hm_build_verdict(build, "app", NULL)->state, HM_SAFE);
    listen(build, 27018, "mongod.exe", ""); /* one of its own beside it */
    assert_non_null(judge(build, "mongodb"));
}

struct row {
    const char *program;
    const char *service;
    enum hm_socket_state state;
    enum hm_verdict_state want;
};

static void test_companions_own_the_port(void **state)
{
    static const struct row rows[] = {
        {"mapper.exe", "",       HM_SOCKET_LISTEN,      HM_SAFE   },
        {"mapper.exe", "Other",  HM_SOCKET_LISTEN,      HM_SAFE   },
        {"httpd.exe",  "AppWeb", HM_SOCKET_LISTEN,      HM_SAFE   },
        {"httpd.exe",  "",       HM_SOCKET_LISTEN,      HM_SAFE   },
        {"javaw.exe",  "",       HM_SOCKET_LISTEN,      HM_SAFE   },
        {"httpd.exe",  "Apache", HM_SOCKET_LISTEN,      HM_BLOCKED},
        {"nginx.exe",  "",       HM_SOCKET_LISTEN,      HM_BLOCKED},
        {"java.exe",   "",       HM_SOCKET_ESTABLISHED, HM_BLOCKED},
        {"mapper.exe", "",       HM_SOCKET_ESTABLISHED, HM_BLOCKED},
    };

    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        struct hm_build *build;
        void *own = NULL;

        (void)state;
        assert_int_equal(set_up(&own), 0);
        build = own;
        put_app(build);
        hm_build_service(build, "App");
        if (rows[i].state == HM_SOCKET_LISTEN) {
            listen(build, 8080, rows[i].program, rows[i].service);
        } else {
            hm_build_socket(build, HM_TCP, HM_IPV4, rows[i].state, 8080, rows[i].program,
                            rows[i].service)
                ->remote = "10.0.0.5:443";
        }
        if (judge(build, "app")->state != rows[i].want) {
            fail_msg("row %zu: %s", i, hm_build_verdict(build, "app", NULL)->text);
        }
        (void)tear_down(&own);
    }
}

/* The connections of a companion that is the owner of just this port are its own. */
static void test_requirement_companion(void **state)
{
    struct hm_build *build = *state;
    struct hm_requirement *web = put_app(build);

    web->companions.programs = hm_build_names(build, "worker.exe");
    hm_build_service(build, "App");
    hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_ESTABLISHED, 8080, "worker.exe", "")->remote =
        "10.0.0.5:443";
    assert_int_equal(judge(build, "app")->state, HM_SAFE);
}

static void test_shared_program_of_a_service_that_is_down(void **state)
{
    struct hm_build *build = *state;

    put_app(build);
    hm_build_service_runs(build, "App", false);
    listen(build, 8080, "java.exe", "");
    assert_int_equal(judge(build, "app")->reason, HM_REASON_HELD);
}

static void test_companion_of_a_service_that_is_down(void **state)
{
    struct hm_build *build = *state;

    put_app(build); /* a port mapper often outlives the product */
    hm_build_service_runs(build, "App", false);
    listen(build, 8080, "mapper.exe", "");
    assert_int_equal(judge(build, "app")->state, HM_SAFE);
}

static void test_shared_program_of_two_products(void **state)
{
    struct hm_build *build = *state;
    struct hm_product *other = hm_build_product(build, "other", "Other", NULL);

    other->companions.shared_programs = hm_build_names(build, "java.exe");
    hm_build_require(build, other, "web", HM_TCP, "8080", HM_KIND_SOCKET);
    put_app(build);
    hm_build_service_runs(build, "App", true);
    hm_build_service_runs(build, "Other", true);
    listen(build, 8080, "java.exe", "");
    assert_int_equal(judge(build, "app")->state, HM_SAFE);
    assert_non_null(strstr(judge(build, "app")->text, "could not be read"));
    assert_non_null(strstr(judge(build, "other")->text, "could not be read"));
}

/* The port is named after the product, not "java.exe (observed)". */
static void test_optional_requirement_of_a_child(void **state)
{
    struct hm_build *build = *state;
    struct hm_requirement *agents;

    put_app(build)->optional = true;
    agents =
        hm_build_require(build, &build->products[0], "agents", HM_TCP, "50000", HM_KIND_SOCKET);
    agents->optional = true;
    hm_build_service(build, "App");
    listen(build, 50000, "java.exe", "");
    hm_build_judge(build);
    assert_int_equal(build->judgement.verdicts.count, 1);
    assert_string_equal(build->judgement.verdicts.at[0].requirement, "agents");
    assert_int_equal(build->judgement.verdicts.at[0].state, HM_EXPOSED);
}

/* The product is down, and a stranger has the port of a part that a companion serves. */
static void test_companions_part_of_a_service_that_is_down(void **state)
{
    static const struct {
        const char *installed; /* beside the product */
        const char *ports;
        bool held;
        bool want; /* a verdict */
    } rows[] = {
        {"Front", "808",   true,  true },
        {"Other", "808",   true,  true },
        {"Front", "808",   false, false},
        {"Front", "50808", false, true },
        {"Other", "50808", false, false}, /* nobody knows whether that part is set up */
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        struct hm_build *build;
        struct hm_requirement *part;
        void *own = NULL;

        assert_int_equal(set_up(&own), 0);
        build = own;
        put_app(build);
        part = hm_build_require(build, &build->products[0], "part", HM_TCP, rows[i].ports,
                                HM_KIND_SOCKET);
        part->optional = true;
        part->companions.services = hm_build_names(build, "Front");
        part->companions.programs = hm_build_names(build, "front.exe");
        hm_build_service_runs(build, "App", false)->start = HM_START_AUTOMATIC;
        hm_build_service_runs(build, rows[i].installed, false)->start = HM_START_MANUAL;
        if (rows[i].held) {
            listen(build, 808, "java.exe", "Stranger");
        }
        hm_build_judge(build);
        if ((hm_build_verdict(build, "app", "part") != NULL) != rows[i].want) {
            fail_msg("row %zu", i);
        }
        if (rows[i].held) {
            assert_int_equal(hm_build_verdict(build, "app", "part")->reason, HM_REASON_HELD);
        }
        (void)tear_down(&own);
    }
}

/* The child is gone with its service, and the port book remembers it. */
static void test_remembered_child_of_a_service_that_is_down(void **state)
{
    static struct hm_port_entry entries[] = {
        {.protocol = HM_TCP, .port = 8080, .program = "java.exe", .service = "", .boots = 2},
    };
    struct hm_build *build = *state;

    put_app(build)->optional = true;
    hm_build_service_runs(build, "App", false)->start = HM_START_TRIGGERED; /* may stop in order */
    build->inventory.has_port_book = true;
    build->inventory.port_book = (struct hm_port_book){entries, 1};
    assert_non_null(judge(build, "app"));
    entries[0].service = "Tomcat9";
    assert_null(judge(build, "app"));
}

/* svchost.exe is named for the case that it hosts many services and names none. */
static void test_shared_host_with_another_service(void **state)
{
    struct hm_build *build = *state;
    struct hm_product *ias = hm_build_product(build, "ias", "IAS", NULL);
    struct hm_requirement *radius =
        hm_build_require(build, ias, "radius", HM_TCP, "1812", HM_KIND_SOCKET);

    radius->detect.services = hm_build_names(build, "IAS");
    radius->detect.programs = hm_build_names(build, "svchost.exe");
    hm_build_service(build, "IAS");
    listen(build, 1812, "svchost.exe", "");
    assert_int_equal(judge(build, "ias")->state, HM_SAFE);
    build->listeners[0].service = build->socket_rows[0].service = "Dnscache";
    assert_int_equal(judge(build, "ias")->reason, HM_REASON_HELD);
}

#define KIND "unknown_listener_on_required_port"

/* Beside a product that runs, an unknown program is a question and no alarm. */
static void test_unknown_program_beside_the_owner(void **state)
{
    struct hm_build *build = *state;
    struct hm_requirement *web = put_app(build);
    const struct hm_finding *finding;
    const struct hm_verdict *verdict;

    hm_build_require(build, &build->products[0], "console", HM_TCP, "8443", HM_KIND_SOCKET);
    hm_build_service(build, "App");
    listen(build, 8443, "app.exe", "App");
    listen(build, 8080, "nginx.exe", "AppFront");
    hm_build_judge(build);
    verdict = hm_build_verdict(build, "app", web->id);
    assert_int_equal(verdict->state, HM_UNKNOWN);
    assert_int_equal(verdict->reason, HM_REASON_UNKNOWN_LISTENER);
    assert_string_equal(verdict->holder.program, "nginx.exe");
    assert_string_equal(verdict->text,
                        "TCP 8080 is held on ipv4 by nginx.exe (service AppFront), and the product "
                        "runs: whether the program is a part of it, or keeps the port from it, is "
                        "not known.");
    assert_int_equal(build->judgement.findings.count, 1);
    finding = hm_build_finding(build, KIND, "tcp 8080");
    assert_non_null(finding);
    assert_int_equal(finding->severity, HM_SEVERITY_LOW);
    assert_int_equal(finding->commands.count, 0);
    assert_string_equal(hm_build_evidence(finding, "holder"), "nginx.exe");
    assert_string_equal(hm_build_evidence(finding, "holder_service"), "AppFront");
    assert_int_equal(hm_build_verdict(build, "app", "console")->state, HM_SAFE);
}

/* In the dynamic range the port is exposed all the same, and the question stays. */
static void test_unknown_program_in_the_dynamic_range(void **state)
{
    struct hm_build *build = *state;
    const struct hm_finding *finding;

    put_app(build);
    hm_build_dynamic(build, 6005, 65534);
    hm_build_service_runs(build, "App", true);
    listen(build, 8080, "nginx.exe", "");
    assert_int_equal(judge(build, "app")->state, HM_EXPOSED);
    assert_non_null(strstr(hm_build_verdict(build, "app", NULL)->text,
                           "nginx.exe listens there now; whether it is a part"));
    finding = hm_build_finding(build, KIND, "tcp 8080");
    assert_non_null(finding);
    assert_string_equal(hm_build_evidence(finding, "holder"), "nginx.exe");
}

struct beside {
    const char *program;
    const char *service;
    enum hm_protocol protocol;
    enum hm_socket_state state;
    bool runs;
    enum hm_verdict_reason want;
};

static void test_who_is_unknown(void **state)
{
    static const struct beside rows[] = {
        {"nginx.exe",    "",         HM_TCP, HM_SOCKET_LISTEN,      true,  HM_REASON_UNKNOWN_LISTENER},
        {"nginx.exe",    "",         HM_TCP, HM_SOCKET_LISTEN,      false, HM_REASON_HELD            },
        {"nginx.exe",    "",         HM_TCP, HM_SOCKET_ESTABLISHED, true,  HM_REASON_HELD            },
        {"nginx.exe",    "",         HM_TCP, HM_SOCKET_BOUND,       true,  HM_REASON_HELD            },
        {"sqlservr.exe", "",         HM_TCP, HM_SOCKET_LISTEN,      true,  HM_REASON_HELD            },
        {"agent.exe",    "SqlAgent", HM_TCP, HM_SOCKET_LISTEN,      true,  HM_REASON_HELD            },
        {"spoolsv.exe",  "",         HM_TCP, HM_SOCKET_LISTEN,      true,  HM_REASON_HELD            },
        {"svchost.exe",  "Dnscache", HM_TCP, HM_SOCKET_LISTEN,      true,  HM_REASON_HELD            },
        {"chrome.exe",   "",         HM_UDP, HM_SOCKET_LISTEN,      true,  HM_REASON_HELD            },
        {"front.exe",    "AppFront", HM_UDP, HM_SOCKET_LISTEN,      true,  HM_REASON_IN_DYNAMIC      },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        struct hm_build *build;
        void *own = NULL;

        assert_int_equal(set_up(&own), 0);
        build = own;
        put_app(build)->protocol = rows[i].protocol;
        hm_build_product(build, "sql", NULL, "sqlservr.exe")->companions.services =
            hm_build_names(build, "SqlAgent");
        hm_build_service_runs(build, "App", rows[i].runs);
        listen(build, 1433, "sqlservr.exe", "");
        if (rows[i].protocol == HM_UDP) {
            hm_build_dynamic(build, 6005, 65534);
        }
        hm_build_socket(build, rows[i].protocol, HM_IPV4, rows[i].state, 8080, rows[i].program,
                        rows[i].service);
        if (judge(build, "app")->reason != rows[i].want) {
            fail_msg("row %zu: %s", i, hm_build_verdict(build, "app", NULL)->text);
        }
        (void)tear_down(&own);
    }
}

/* Where nobody says whether the service runs, its child on another port shows that it does. */
static void test_child_on_another_port(void **state)
{
    struct hm_build *build = *state;

    put_app(build);
    hm_build_require(build, &build->products[0], "console", HM_TCP, "8443", HM_KIND_SOCKET);
    hm_build_service(build, "App");
    listen(build, 8080, "nginx.exe", "");
    hm_build_judge(build);
    assert_int_equal(hm_build_verdict(build, "app", "web")->reason, HM_REASON_HELD);
    listen(build, 8443, "java.exe", "");
    hm_build_judge(build);
    assert_int_equal(hm_build_verdict(build, "app", "web")->reason, HM_REASON_UNKNOWN_LISTENER);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

/* Linux cuts the names of programs: own, companion, and as what shows the product. */
static void test_names_cut_by_linux(void **state)
{
    static const struct {
        const char *program;
        enum hm_verdict_state state;
    } cases[] = {
        {"kube-controller",         HM_SAFE   },
        {"kube-controller-manager", HM_SAFE   },
        {"prometheus-node",         HM_SAFE   }, /* 15 characters of the companion's name */
        {"kube-controlle",          HM_BLOCKED},
        {"kube-scheduler",          HM_BLOCKED},
        {"own-product-wit",         HM_BLOCKED}, /* a pattern is no name */
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build *build = calloc(1, sizeof(*build));
        struct hm_product *product;

        assert_non_null(build);
        hm_build_init(build, NULL);
        product = hm_build_product(build, "product", "Own", NULL);
        product->detect.programs = hm_build_names(build, "kube-controller-manager");
        product->companions.programs =
            hm_build_names(build, "prometheus-node-exporter|own-product-with-a*");
        (void)hm_build_require(build, product, "port", HM_TCP, "10257", HM_KIND_SOCKET);
        hm_build_service(build, "Own");
        hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_LISTEN, 10257, cases[i].program, "");
        if (hm_build_judge(build)->verdicts.at[0].state != cases[i].state) {
            fail_msg("%s: %s", cases[i].program, build->judgement.verdicts.at[0].text);
        }
        hm_build_fini(build);
        free(build);
    }
}

/* Only by its program, as the list of services does not name it. */
static void test_product_by_a_cut_name(void **state)
{
    struct hm_build *build = calloc(1, sizeof(*build));
    struct hm_product *product;

    (void)state;
    assert_non_null(build);
    hm_build_init(build, NULL);
    product = hm_build_product(build, "product", "Own", NULL);
    product->detect.programs = hm_build_names(build, "kube-controller-manager");
    (void)hm_build_require(build, product, "port", HM_TCP, "10257", HM_KIND_SOCKET);
    hm_build_listener(build, HM_TCP, HM_IPV4, 10257, "kube-controller", "", HM_KIND_SOCKET);
    assert_int_equal(hm_build_judge(build)->verdicts.count, 1);
    hm_build_fini(build);
    free(build);
}

/* A part for hosts without another part has the same port as that one: it counts once. */
static void test_same_port_of_two_parts(void **state)
{
    struct hm_build build;
    struct hm_product *product;

    (void)state;
    hm_build_init(&build, "10.0.20348");
    product = hm_build_product(&build, "scom", "HealthService", "HealthService.exe");
    (void)hm_build_require(&build, product, "server", HM_TCP, "5723", HM_KIND_SOCKET);
    hm_build_require(&build, product, "gateway", HM_TCP, "5723", HM_KIND_SOCKET)->optional = true;
    hm_build_service_runs(&build, "HealthService", true);
    hm_build_listener(&build, HM_TCP, HM_IPV4, 5723, "HealthService.exe", "HealthService",
                      HM_KIND_SOCKET);
    hm_build_judge(&build);
    assert_int_equal(build.judgement.verdicts.count, 1);
    assert_string_equal(build.judgement.verdicts.at[0].requirement, "server");
    hm_build_fini(&build);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_companion_alone_is_no_product),
        CASE(test_embedded_program_is_no_sign),
        CASE(test_companions_own_the_port),
        CASE(test_requirement_companion),
        CASE(test_shared_program_of_a_service_that_is_down),
        CASE(test_companion_of_a_service_that_is_down),
        CASE(test_shared_program_of_two_products),
        CASE(test_optional_requirement_of_a_child),
        CASE(test_companions_part_of_a_service_that_is_down),
        CASE(test_remembered_child_of_a_service_that_is_down),
        CASE(test_shared_host_with_another_service),
        CASE(test_unknown_program_beside_the_owner),
        CASE(test_unknown_program_in_the_dynamic_range),
        CASE(test_who_is_unknown),
        CASE(test_child_on_another_port),
        cmocka_unit_test(test_names_cut_by_linux),
        cmocka_unit_test(test_product_by_a_cut_name),
        cmocka_unit_test(test_same_port_of_two_parts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
