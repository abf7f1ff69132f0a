/* tests/unit/judge/test_rivals.c — a service is down, and another part of its own product has the
 * port: another instance, another edition, or its program without the service.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/str.h"
#include "tests/support/inventory_builder.h"

static struct hm_build *new_build(void)
{
    struct hm_build *build = calloc(1, sizeof(*build));

    assert_non_null(build);
    hm_build_init(build, "10.0.17763");
    return build;
}

static void free_build(struct hm_build *build)
{
    hm_build_fini(build);
    free(build);
}

static const struct hm_verdict *judge(struct hm_build *build)
{
    hm_build_judge(build);
    return hm_build_verdict(build, "db", "engine");
}

/* "Db*" on tcp 5000, whatever instance; its second port is another matter. */
static struct hm_product *put_product(struct hm_build *build)
{
    struct hm_product *product = hm_build_product(build, "db", "Db*", "db.exe");

    hm_build_require(build, product, "engine", HM_TCP, "5000", HM_KIND_SOCKET);
    return product;
}

static struct hm_service *put_service(struct hm_build *build, const char *name, bool runs,
                                      const char *program)
{
    struct hm_service *service = hm_build_service_runs(build, name, runs);

    service->start = HM_START_AUTOMATIC;
    service->program = program;
    return service;
}

/* Judging sorts the services. */
static struct hm_service *get_service(struct hm_build *build, const char *name)
{
    for (size_t i = 0; i < build->inventory.service_details.count; i++) {
        if (strcmp(build->inventory.service_details.at[i].name, name) == 0) {
            return &build->inventory.service_details.at[i];
        }
    }
    fail_msg("no service %s", name);
    return NULL;
}

static void put_listener(struct hm_build *build, const char *program, const char *service)
{
    hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_LISTEN, 5000, program, service)->pid = 3000;
}

struct code_case {
    const char *name;
    enum hm_service_start start;
    uint32_t exit_code;
    enum hm_verdict_state instance; /* another instance has the port */
    enum hm_verdict_state by_hand;  /* the program has it, and no service runs */
};

/* One that stopped in order may be the instance that is not needed; but a program that runs without
 * the service keeps the port from it, whatever it ended with. */
static void test_exit_codes(void **state)
{
    static const struct code_case cases[] = {
        {"in use",              HM_START_AUTOMATIC, 10048, HM_BLOCKED, HM_BLOCKED},
        {"reserved",            HM_START_AUTOMATIC, 10013, HM_BLOCKED, HM_BLOCKED},
        {"in use, or a file",   HM_START_DELAYED,   32,    HM_BLOCKED, HM_BLOCKED},
        {"another error",       HM_START_AUTOMATIC, 1067,  HM_UNKNOWN, HM_BLOCKED},
        {"in order",            HM_START_AUTOMATIC, 0,     HM_SAFE,    HM_BLOCKED},
        {"not started yet",     HM_START_AUTOMATIC, 1077,  HM_SAFE,    HM_BLOCKED},
        {"manual, in use",      HM_START_MANUAL,    10048, HM_BLOCKED, HM_BLOCKED},
        {"manual, in order",    HM_START_MANUAL,    0,     HM_SAFE,    HM_SAFE   },
        {"triggered, in use",   HM_START_TRIGGERED, 10048, HM_BLOCKED, HM_BLOCKED},
        {"triggered, no error", HM_START_TRIGGERED, 0,     HM_SAFE,    HM_SAFE   },
        {"passive node",        HM_START_CLUSTER,   0,     HM_SAFE,    HM_SAFE   },
        {"disabled",            HM_START_DISABLED,  10048, HM_SAFE,    HM_SAFE   },
    };

    (void)state;
    for (size_t i = 0; i < 2 * HM_COUNT(cases); i++) {
        const struct code_case *one = &cases[i / 2];
        const bool by_hand = i % 2 == 1;
        struct hm_build *build = new_build();
        struct hm_service *down;
        const struct hm_verdict *verdict;

        print_message("%s%s\n", one->name, by_hand ? ", by hand" : "");
        put_product(build);
        down = put_service(build, "Db15", false, "db.exe");
        down->start = one->start;
        down->exit_code = one->exit_code;
        if (!by_hand) {
            put_service(build, "Db12", true, "db.exe");
        }
        put_listener(build, "db.exe", by_hand ? "" : "Db12");
        verdict = judge(build);
        assert_int_equal(verdict->state, by_hand ? one->by_hand : one->instance);
        assert_int_equal(hm_judgement_is_safe(&build->judgement), verdict->state == HM_SAFE);
        assert_int_equal(hm_build_count_kind(build, "service_not_running"),
                         verdict->state != HM_SAFE);
        free_build(build);
    }
}

struct stranger_case {
    const char *name;
    uint32_t exit_code;
    enum hm_service_start start;
    const char *own_program; /* of the service that is down */
    enum hm_verdict_state state;
};

/* A service that the catalogue does not know runs a program of the product's name: an instance with
 * a name of its own, or a copy that another product brings. */
static void test_program_of_another_service(void **state)
{
    static const struct stranger_case cases[] = {
        {"another error",    1067,  HM_START_AUTOMATIC, "db.exe",    HM_UNKNOWN},
        {"delayed",          1067,  HM_START_DELAYED,   "",          HM_UNKNOWN},
        {"other program",    1067,  HM_START_AUTOMATIC, "agent.exe", HM_UNKNOWN},
        {"in use",           10048, HM_START_AUTOMATIC, "agent.exe", HM_BLOCKED},
        {"manual, in use",   10048, HM_START_MANUAL,    "db.exe",    HM_BLOCKED},
        {"in order",         0,     HM_START_AUTOMATIC, "db.exe",    HM_UNKNOWN},
        {"not started yet",  1077,  HM_START_AUTOMATIC, "db.exe",    HM_UNKNOWN},
        {"manual, in order", 0,     HM_START_MANUAL,    "db.exe",    HM_SAFE   },
        {"triggered",        0,     HM_START_TRIGGERED, "db.exe",    HM_SAFE   },
        {"disabled",         1067,  HM_START_DISABLED,  "db.exe",    HM_SAFE   },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build *build = new_build();
        struct hm_product *product = put_product(build);
        struct hm_service *down = put_service(build, "Db15", false, cases[i].own_program);
        const struct hm_verdict *verdict;

        print_message("%s\n", cases[i].name);
        hm_build_require(build, product, "second", HM_TCP, "5005", HM_KIND_SOCKET);
        down->start = cases[i].start;
        down->exit_code = cases[i].exit_code;
        put_service(build, "Acme", true, "wrapper.exe");
        put_listener(build, "db.exe", "Acme");
        verdict = judge(build);
        assert_int_equal(verdict->state, cases[i].state);
        assert_int_equal(hm_judgement_is_safe(&build->judgement), verdict->state == HM_SAFE);
        if (verdict->state == HM_BLOCKED) {
            const struct hm_finding *finding =
                hm_build_finding(build, "service_not_running", "service Db15");

            assert_string_equal(verdict->holder.service, "Acme");
            assert_non_null(strstr(finding->steps.at[0].text, "Acme listens on the port"));
        } else if (verdict->state == HM_UNKNOWN) {
            assert_non_null(
                strstr(verdict->text, "(service Acme), another service with a program"));
        }
        free_build(build);
    }
}

/* The service itself runs under the name that somebody gave it: nothing else is down. */
static void test_service_with_a_name_of_its_own(void **state)
{
    struct hm_build *build = new_build();

    (void)state;
    put_product(build);
    put_service(build, "Acme", true, "db.exe");
    put_listener(build, "db.exe", "Acme");
    assert_int_equal(judge(build)->state, HM_SAFE);
    put_service(build, "Db15", true, "db.exe"); /* runs on another port */
    assert_int_equal(judge(build)->state, HM_SAFE);
    free_build(build);
}

static void test_holder_is_named(void **state)
{
    struct hm_build *build = new_build();
    const struct hm_finding *finding;

    (void)state;
    put_product(build);
    put_service(build, "Db15", false, "db.exe")->exit_code = 10048;
    put_service(build, "Db12", true, "db.exe");
    put_listener(build, "db.exe", "Db12");
    hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_ESTABLISHED, 5000, "db.exe", "Db12")->remote =
        "10.0.0.7:50111"; /* accepted by the listener */
    assert_string_equal(judge(build)->holder.service, "Db12");
    assert_int_equal(judge(build)->holder.state, HM_SOCKET_LISTEN);
    finding = hm_build_finding(build, "service_not_running", "service Db15");
    assert_non_null(strstr(finding->text, "held on ipv4 by db.exe (service Db12)"));
    assert_int_equal(finding->commands.count, 0); /* stopping one only moves the fault */
    assert_non_null(strstr(finding->steps.at[0].text, "Give one of the two another port"));
    get_service(build, "Db15")->exit_code = 1067;
    assert_string_equal(judge(build)->holder.service, "Db12");
    finding = hm_build_finding(build, "service_not_running", "service Db15");
    assert_int_equal(finding->severity, HM_SEVERITY_MEDIUM);
    assert_non_null(strstr(finding->text, "whether Db15, which is down, needs this port, too"));
    assert_int_equal(hm_build_count_kind(build, "unknown_listener_on_required_port"), 0);
    free_build(build);
}

static void test_program_by_hand_is_ended_by_hand(void **state)
{
    struct hm_build *build = new_build();
    const struct hm_finding *finding;

    (void)state;
    put_product(build);
    put_service(build, "Db15", false, "db.exe")->exit_code = 1067;
    put_listener(build, "db.exe", "");
    assert_int_equal(judge(build)->state, HM_BLOCKED);
    finding = hm_build_finding(build, "service_not_running", "service Db15");
    assert_non_null(strstr(finding->steps.at[0].text, "its service did not start it"));
    assert_non_null(strstr(finding->steps.at[0].text, "may have, or a person"));
    put_service(build, "Acme", true, "db.exe");
    assert_int_equal(judge(build)->state, HM_BLOCKED);
    finding = hm_build_finding(build, "service_not_running", "service Db15");
    assert_non_null(strstr(finding->steps.at[0].text, "(such a program is started by Acme)"));
    free_build(build);
}

/* The port book knows which port an instance needs. */
static void test_port_book_tells_the_ports_of_instances(void **state)
{
    struct hm_build *build = new_build();

    (void)state;
    put_product(build);
    put_service(build, "Db15", false, "db.exe")->exit_code = 1067;
    put_service(build, "Db12", true, "db.exe");
    put_listener(build, "db.exe", "Db12");
    hm_build_remember(build, HM_TCP, 5001, "db.exe", "Db15", HM_KIND_SOCKET, 2);
    assert_int_equal(judge(build)->state, HM_SAFE);
    hm_build_remember(build, HM_TCP, 5000, "db.exe", "Db15", HM_KIND_SOCKET, 1);
    assert_int_equal(judge(build)->state, HM_UNKNOWN);
    free_build(build);
}

/* Services of one product that do different things have ports of their own. */
static void test_other_services_of_the_product_are_no_rivals(void **state)
{
    struct hm_build *build = new_build();
    struct hm_product *product = hm_build_product(build, "db", "DbServer", "db.exe");

    (void)state;
    product->detect.services = hm_build_names(build, "DbAgent|DbServer");
    product->detect.programs = hm_build_names(build, "agent.exe|db.exe");
    hm_build_require(build, product, "engine", HM_TCP, "5000", HM_KIND_SOCKET);
    hm_build_require(build, product, "agent", HM_TCP, "5005", HM_KIND_SOCKET);
    put_service(build, "DbAgent", false, "agent.exe")->exit_code = 1067;
    put_service(build, "DbServer", true, "db.exe");
    put_listener(build, "db.exe", "DbServer");
    assert_int_equal(judge(build)->state, HM_SAFE);
    get_service(build, "DbAgent")->program =
        "svchost.exe"; /* hosts many: no sign that they are alike */
    assert_int_equal(judge(build)->state, HM_SAFE);
    product->requirements.count = 1; /* a second edition, for the one port that there is */
    get_service(build, "DbAgent")->program = "agent.exe";
    assert_int_equal(judge(build)->state, HM_UNKNOWN);
    get_service(build, "DbAgent")->exit_code = 10048;
    assert_int_equal(judge(build)->state, HM_BLOCKED);
    free_build(build);
}

/* A requirement with names of its own: another instance of the product has its port. */
static void test_port_of_the_default_instance(void **state)
{
    struct hm_build *build = new_build();
    struct hm_product *product = put_product(build);

    (void)state;
    product->requirements.at[0].detect.services = hm_build_names(build, "DbServer");
    put_service(build, "DbServer", false, "db.exe")->exit_code = 1067;
    put_service(build, "Db$EXPRESS", true, "db.exe");
    put_listener(build, "db.exe", "Db$EXPRESS");
    assert_int_equal(judge(build)->state, HM_UNKNOWN);
    get_service(build, "DbServer")->exit_code = 10048;
    assert_int_equal(judge(build)->state, HM_BLOCKED);
    get_service(build, "DbServer")->runs = true; /* on another port, then */
    assert_int_equal(judge(build)->state, HM_SAFE);
    free_build(build);
}

/* Companions stay when a service ends, and its next start uses them; the service's own name on a
 * socket says that it runs after all. */
static void test_who_is_no_rival(void **state)
{
    struct hm_build *build = new_build();
    struct hm_product *product = put_product(build);

    (void)state;
    put_service(build, "Db15", false, "db.exe")->exit_code = 1067;
    product->companions.programs = hm_build_names(build, "mapper.exe");
    put_listener(build, "mapper.exe", "");
    assert_int_equal(judge(build)->state, HM_SAFE);
    free_build(build);
    build = new_build();
    put_product(build);
    put_service(build, "Db15", false, "db.exe")->exit_code = 1067;
    put_listener(build, "db.exe", "Db15");
    assert_int_equal(judge(build)->state, HM_SAFE);
    free_build(build);
    build = new_build();
    product = put_product(build); /* lsass.exe keeps UDP 500 when the IPsec service has failed */
    product->detect.programs = hm_build_names(build, "lsass.exe");
    put_service(build, "Db15", false, "lsass.exe")->exit_code = 1067;
    put_listener(build, "lsass.exe", "");
    assert_int_equal(judge(build)->state, HM_SAFE);
    free_build(build);
}

/* A companion program that a service which is not one of the product's runs. */
static void test_companion_of_another_service(void **state)
{
    static const struct {
        const char *program;
        const char *service;
        enum hm_verdict_state want;
    } rows[] = {
        {"agent.exe", "Other",  HM_UNKNOWN}, /* klnagent.exe on the server's port */
        {"agent.exe", "DbWeb",  HM_SAFE   }, /* the catalogue names this one as the product's */
        {"agent.exe", "",       HM_SAFE   },
        {"web.exe",   "DbWeb",  HM_SAFE   },
        {"other.exe", "Shared", HM_UNKNOWN}, /* a companion of two, with a port of its own */
        {"agent.exe", "RowWeb", HM_SAFE   },
    };

    (void)state;
    for (size_t i = 0; i < 2 * HM_COUNT(rows); i++) {
        struct hm_build *build = new_build();
        struct hm_product *product = hm_build_product(build, "db", "Db*", "db.exe");
        struct hm_requirement *engine =
            hm_build_require(build, product, "engine", HM_TCP, "5000", HM_KIND_SOCKET);
        const bool down = i % 2 == 1;
        struct hm_product *other;

        engine->companions.services = hm_build_names(build, "RowWeb");
        product->detect.services = hm_build_names(build, "DbServer");
        product->companions.programs = hm_build_names(build, "agent.exe");
        product->companions.services = hm_build_names(build, "DbWeb|Shared");
        other = hm_build_product(build, "other", "Shared", NULL);
        hm_build_require(build, other, "own", HM_TCP, "5009", HM_KIND_SOCKET);
        put_service(build, "DbServer", !down, "db.exe")->exit_code = down ? 1067 : 0;
        put_service(build, "Shared", true, "svchost.exe");
        put_listener(build, rows[i / 2].program, rows[i / 2].service);
        if (judge(build)->state != (down ? rows[i / 2].want : HM_SAFE)) {
            fail_msg("row %zu, %s: %s", i / 2, down ? "down" : "runs", judge(build)->text);
        }
        free_build(build);
    }
}

/* One requirement explains the error of the service; the others stay as they are. */
static void test_error_that_a_held_port_explains(void **state)
{
    struct hm_build *build = new_build();
    struct hm_product *product = put_product(build);

    (void)state;
    hm_build_require(build, product, "second", HM_TCP, "5005", HM_KIND_SOCKET);
    put_service(build, "Db15", false, "db.exe")->exit_code = 10048;
    assert_int_equal(judge(build)->state, HM_UNKNOWN);
    assert_int_equal(hm_build_verdict(build, "db", "second")->state, HM_UNKNOWN);
    put_listener(build, "other.exe", "Other");
    assert_int_equal(judge(build)->state, HM_BLOCKED);
    assert_int_equal(hm_build_verdict(build, "db", "second")->state, HM_SAFE);
    free_build(build);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exit_codes),
        cmocka_unit_test(test_program_of_another_service),
        cmocka_unit_test(test_service_with_a_name_of_its_own),
        cmocka_unit_test(test_holder_is_named),
        cmocka_unit_test(test_program_by_hand_is_ended_by_hand),
        cmocka_unit_test(test_port_book_tells_the_ports_of_instances),
        cmocka_unit_test(test_other_services_of_the_product_are_no_rivals),
        cmocka_unit_test(test_port_of_the_default_instance),
        cmocka_unit_test(test_who_is_no_rival),
        cmocka_unit_test(test_companion_of_another_service),
        cmocka_unit_test(test_error_that_a_held_port_explains),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
