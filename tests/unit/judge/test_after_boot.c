/* tests/unit/judge/test_after_boot.c — verdicts of now, and what the next boot makes of them.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/str.h"
#include "tests/support/inventory_builder.h"

#define W2003 "5.2.3790"
#define NO_CHANGE ((enum hm_verdict_state)(-1))

enum holder { NOBODY, POOL, CLIENT, FIXED };

/* One requirement, UDP 1812 (TCP 9955 on Linux), and what is written. */
struct row {
    const char *version;
    enum hm_in_force in_force;
    const char *written; /* ReservedPorts, or the list of the settings files */
    const char *earlier; /* what is in force; Linux: the list now */
    enum holder holder;
    enum hm_verdict_state state;
    enum hm_verdict_state after_boot;
    const char *text; /* the end of the sentence */
};

#define WRITTEN_TEXT                                                                               \
    "A reservation is written that counts after the next boot: safe after the next boot."
#define NOT_KEPT_TEXT "No setting keeps this reservation over a boot: exposed after the next boot."
#define FREED_TEXT "It is reserved, and a boot ends what holds it: safe after the next boot."

static const struct row rows[] = {
    {W2003, HM_IN_FORCE_ASSUMED, "1812-1812", "",          NOBODY, HM_SAFE,    NO_CHANGE,  ""           },
    {W2003, HM_IN_FORCE_WRITTEN, "1812-1812", "",          NOBODY, HM_SAFE,    NO_CHANGE,  ""           },
    {W2003, HM_IN_FORCE_EARLIER, "1812-1812", "",          NOBODY, HM_EXPOSED, HM_SAFE,    WRITTEN_TEXT },
    {W2003, HM_IN_FORCE_UNKNOWN, "1812-1812", "",          NOBODY, HM_EXPOSED, HM_SAFE,    WRITTEN_TEXT },
    {W2003, HM_IN_FORCE_EARLIER, "4500-4500", "",          NOBODY, HM_EXPOSED, NO_CHANGE,  ""           },
    {W2003, HM_IN_FORCE_EARLIER, "4500-4500", "1812-1812", NOBODY, HM_SAFE,    HM_EXPOSED,
     NOT_KEPT_TEXT                                                                                      },
 /* who holds it: a boot ends what was given a port, not a listener of its own */
    {W2003, HM_IN_FORCE_EARLIER, "1812-1812", "",          POOL,   HM_BLOCKED, HM_SAFE,    WRITTEN_TEXT },
    {W2003, HM_IN_FORCE_EARLIER, "1812-1812", "",          CLIENT, HM_BLOCKED, HM_SAFE,    WRITTEN_TEXT },
    {W2003, HM_IN_FORCE_EARLIER, "1812-1812", "",          FIXED,  HM_BLOCKED, NO_CHANGE,  ""           },
    {W2003, HM_IN_FORCE_ASSUMED, "1812-1812", "",          CLIENT, HM_BLOCKED, HM_SAFE,    FREED_TEXT   },
 /* reserved before the boot, and somebody has it all the same: the next boot may bring the same
  */
    {W2003, HM_IN_FORCE_WRITTEN, "1812-1812", "",          CLIENT, HM_BLOCKED, NO_CHANGE,  ""           },
    {W2003, HM_IN_FORCE_WRITTEN, "4500-4500", "",          CLIENT, HM_BLOCKED, NO_CHANGE,  ""           },
    {W2003, HM_IN_FORCE_EARLIER, "4500-4500", "",          POOL,   HM_BLOCKED, NO_CHANGE,  ""           },
 /* Linux: the running list, and what the files leave of it */
    {NULL,  HM_IN_FORCE_ASSUMED, NULL,        "49955",     NOBODY, HM_SAFE,    NO_CHANGE,  ""           },
    {NULL,  HM_IN_FORCE_ASSUMED, "",          "49955",     NOBODY, HM_SAFE,    HM_EXPOSED, NOT_KEPT_TEXT},
    {NULL,  HM_IN_FORCE_ASSUMED, "49955",     "",          NOBODY, HM_EXPOSED, HM_SAFE,    WRITTEN_TEXT },
    {NULL,  HM_IN_FORCE_ASSUMED, "49955",     "",          CLIENT, HM_BLOCKED, HM_SAFE,    WRITTEN_TEXT },
    {NULL,  HM_IN_FORCE_ASSUMED, "49955",     "",          FIXED,  HM_BLOCKED, NO_CHANGE,  ""           },
};

static void put_holder(struct hm_build *build, enum holder holder, enum hm_protocol protocol,
                       uint16_t port)
{
    build->has_sockets = true;
    switch (holder) {
    case NOBODY:
        break;
    case POOL:
        hm_build_service(build, "DNS");
        hm_build_socket(build, protocol, HM_IPV4, HM_SOCKET_LISTEN, port, "dns.exe", "DNS");
        break;
    case CLIENT:
        hm_build_socket(build, protocol, HM_IPV4, HM_SOCKET_ESTABLISHED, port, "other", "")
            ->remote = "10.0.0.5:3268";
        break;
    case FIXED:
        hm_build_socket(build, protocol, HM_IPV4, HM_SOCKET_LISTEN, port, "other", "");
        hm_build_listener(build, protocol, HM_IPV4, port, "other", "", HM_KIND_SOCKET);
        break;
    }
}

static void set_linux(struct hm_build *build, const struct row *row)
{
    for (size_t i = 0; i < build->inventory.stacks.count; i++) {
        struct hm_stack *stack = &build->inventory.stacks.at[i];

        stack->administered = hm_build_ports(build, row->earlier);
        stack->has_next_administered = row->written != NULL;
        if (row->written != NULL) {
            stack->next_administered = hm_build_ports(build, row->written);
        }
    }
}

static void set_legacy(struct hm_build *build, const struct row *row)
{
    struct hm_registry *registry = &build->inventory.registry;
    const char **earlier = hm_arena_alloc(&build->arena, 1, sizeof(*earlier));

    hm_build_reserved(build, row->written);
    earlier[0] = row->earlier;
    registry->in_force = row->in_force;
    registry->has_earlier = row->in_force == HM_IN_FORCE_EARLIER;
    registry->earlier.has_reserved_ports = row->earlier[0] != '\0';
    registry->earlier.reserved_ports = (struct hm_strings){earlier, 1};
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text);
    size_t end_len = strlen(end);

    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static void check(const struct row *row, size_t at)
{
    struct hm_build *build = malloc(sizeof(*build));
    enum hm_protocol protocol = row->version == NULL ? HM_TCP : HM_UDP;
    uint16_t port = row->version == NULL ? 49955 : 1812;
    const struct hm_finding *finding;
    const struct hm_verdict *verdict;
    struct hm_product *product;

    assert_non_null(build);
    hm_build_init(build, row->version);
    if (row->version == NULL) {
        set_linux(build, row);
    } else {
        set_legacy(build, row);
    }
    product = hm_build_product(build, "product", "Own", "own.exe");
    hm_build_require(build, product, "port", protocol, port == 1812 ? "1812" : "49955",
                     HM_KIND_SOCKET);
    hm_build_service(build, "Own");
    put_holder(build, row->holder, protocol, port);
    hm_build_judge(build);
    verdict = hm_build_verdict(build, "product", "port");
    assert_non_null(verdict);
    if (verdict->state != row->state || verdict->has_after_boot != (row->after_boot != NO_CHANGE) ||
        (verdict->has_after_boot && verdict->after_boot != row->after_boot) ||
        !ends_with(verdict->text, row->text)) {
        print_error("row %zu: %s\n", at, verdict->text);
    }
    assert_int_equal(verdict->state, row->state);
    assert_int_equal(verdict->has_after_boot, row->after_boot != NO_CHANGE);
    if (verdict->has_after_boot) {
        assert_int_equal(verdict->after_boot, row->after_boot);
    }
    assert_true(ends_with(verdict->text, row->text));
    assert_int_equal(strstr(verdict->text, "after the next boot") != NULL, row->text[0] != '\0');

    /* What is lost at the next boot is a finding while everything is safe. */
    finding = hm_build_finding(build, "lost_at_boot", NULL);
    assert_int_equal(finding != NULL, row->state == HM_SAFE && row->after_boot == HM_EXPOSED);
    if (finding != NULL) {
        assert_true(finding->commands.count > 0);
        assert_int_equal(finding->steps.at[0].kind, HM_STEP_RESERVE);
        assert_non_null(strstr(finding->commands.at[0], row->version == NULL ? "49955" : "1812"));
        assert_null(strstr(finding->remedy, "another dynamic range"));
    }

    /* What is written is not advised again. */
    finding = hm_build_finding(build, "required_in_dynamic", NULL);
    finding = finding != NULL ? finding : hm_build_finding(build, "required_port_held", NULL);
    assert_int_equal(finding != NULL, row->state != HM_SAFE);
    if (finding != NULL && strcmp(row->text, WRITTEN_TEXT) == 0) {
        bool load = row->version == NULL && row->state == HM_EXPOSED;

        assert_int_equal(finding->steps.count, 1);
        assert_int_equal(finding->steps.at[0].kind, load ? HM_STEP_SET : HM_STEP_BOOT);
        assert_int_equal(finding->commands.count, load);
        if (load) { /* nobody has the port: no boot is needed to read a file */
            assert_string_equal(finding->commands.at[0],
                                "sysctl -w net.ipv4.ip_local_reserved_ports=49955");
        }
        assert_int_equal(finding->needs_reboot, !load);
    }
    hm_build_fini(build);
    free(build);
}

static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        check(&rows[i], i);
    }
}

/* The DNS Server was given a reserved port: the boot that would have cured it was made. */
static void test_contradicted(void **state)
{
    static const struct row row = {
        .in_force = HM_IN_FORCE_UNKNOWN, .written = "1812-1812", .earlier = ""};
    static const enum hm_step_kind kinds[] = {HM_STEP_FREE, HM_STEP_START, HM_STEP_DECIDE};
    struct hm_build *build = malloc(sizeof(*build));
    const struct hm_finding *finding;
    struct hm_product *product;

    (void)state;
    assert_non_null(build);
    hm_build_init(build, W2003);
    set_legacy(build, &row);
    build->inventory.registry.contradicted = true;
    product = hm_build_product(build, "product", "Own", "own.exe");
    hm_build_require(build, product, "port", HM_UDP, "1812", HM_KIND_SOCKET);
    hm_build_service(build, "Own");
    put_holder(build, POOL, HM_UDP, 1812);
    hm_build_judge(build);
    assert_int_equal(hm_build_verdict(build, "product", "port")->state, HM_BLOCKED);
    assert_false(hm_build_verdict(build, "product", "port")->has_after_boot);
    finding = hm_build_finding(build, "required_port_held", NULL);
    assert_int_equal(finding->steps.count, HM_COUNT(kinds));
    for (size_t i = 0; i < HM_COUNT(kinds); i++) {
        assert_int_equal(finding->steps.at[i].kind, kinds[i]);
    }
    assert_false(finding->needs_reboot);
    hm_build_fini(build);
    free(build);
}

/* The socket outside the range is gone, or is not told: the finding stays. */
static void test_range_contradicted_earlier(void **state)
{
    static const struct row row = {
        .in_force = HM_IN_FORCE_WRITTEN, .written = "1812-1812", .earlier = ""};
    struct hm_build *build = malloc(sizeof(*build));
    const struct hm_finding *finding;

    (void)state;
    assert_non_null(build);
    hm_build_init(build, W2003);
    set_legacy(build, &row);
    for (size_t i = 0; i < build->inventory.stacks.count; i++) {
        build->inventory.stacks.at[i].has_dynamic = false;
    }
    build->inventory.registry.range_contradicted = true;
    hm_build_judge(build);
    finding = hm_build_finding(build, "range_contradicted", NULL);
    assert_non_null(finding);
    assert_string_equal(hm_build_evidence(finding, "sockets_outside"),
                        "none now; there was one since the host started");
    assert_null(strstr(finding->remedy, "named here"));
    hm_build_fini(build);
    free(build);
}

/* Linux: a settings file sets a wider range; the running one is the kernel's. */
static void test_range_of_a_settings_file(void **state)
{
    struct hm_build *build = calloc(1, sizeof(*build));

    (void)state;
    assert_non_null(build);
    hm_build_init(build, NULL);
    hm_build_dynamic(build, 32768, 60999);
    for (size_t i = 0; i < build->inventory.stacks.count; i++) {
        build->inventory.stacks.at[i].has_next_dynamic = true;
        build->inventory.stacks.at[i].next_dynamic = (struct hm_range){1024, 65535};
    }
    hm_build_require(build, hm_build_product(build, "redis", "redis", NULL), "server", HM_TCP,
                     "6379", HM_KIND_SOCKET);
    hm_build_service_runs(build, "redis", true);
    hm_build_judge(build);
    assert_non_null(strstr(hm_build_finding(build, "lost_at_boot", NULL)->remedy,
                           "A settings file sets another dynamic range"));
    hm_build_fini(build);
    free(build);
}

/* Linux: what is written and not in force. Only what cures is set, other ports stay reserved, and
 * the settings of others are left alone. */
static void test_set_now(void **state)
{
    static const struct {
        const char *now;
        const char *next; /* NULL the same */
        uint16_t next_first;
        const char *commands[2];
    } cases[] = {
        {"9999", "6379", 1024,  {"sysctl -w net.ipv4.ip_local_reserved_ports=6379,9999", NULL}  },
        {"9999", NULL,   32768, {"sysctl -w net.ipv4.ip_local_port_range=\"32768 60999\"", NULL}},
        {"9999", "6379", 32768, {"sysctl -w net.ipv4.ip_local_reserved_ports=6379,9999", NULL}  },
        {"9999",
         "7000",         32768,
         {"sysctl -w net.ipv4.ip_local_reserved_ports=7000,9999",
          "sysctl -w net.ipv4.ip_local_port_range=\"32768 60999\""}                             },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build *build = calloc(1, sizeof(*build));
        const struct hm_finding *finding;

        print_message("case %zu\n", i);
        assert_non_null(build);
        hm_build_init(build, NULL);
        hm_build_dynamic(build, 1024, 60999);
        for (size_t k = 0; k < build->inventory.stacks.count; k++) {
            struct hm_stack *stack = &build->inventory.stacks.at[k];

            stack->administered = hm_build_ports(build, cases[i].now);
            stack->has_next_administered = cases[i].next != NULL;
            stack->next_administered =
                hm_build_ports(build, cases[i].next == NULL ? "" : cases[i].next);
            stack->has_next_dynamic = cases[i].next_first != 1024;
            stack->next_dynamic = (struct hm_range){cases[i].next_first, 60999};
        }
        hm_build_require(build, hm_build_product(build, "redis", "redis", NULL), "server", HM_TCP,
                         "6379", HM_KIND_SOCKET);
        hm_build_service_runs(build, "redis", true);
        hm_build_judge(build);
        finding = hm_build_finding(build, "required_in_dynamic", NULL);
        assert_non_null(finding);
        for (size_t k = 0; k < 2 && cases[i].commands[k] != NULL; k++) {
            assert_true(k < finding->commands.count);
            assert_string_equal(finding->commands.at[k], cases[i].commands[k]);
        }
        assert_int_equal(finding->commands.count, cases[i].commands[1] == NULL ? 1 : 2);
        hm_build_fini(build);
        free(build);
    }
}

/* A row without "*" is gone at the next boot, and somebody else may get the port first: of an
 * optional part, too. Only one whose loss stops nothing (WinRM's port 47001 on an Exchange server,
 * whose range nobody can move for good) counts as safe until then. */
static void test_part_that_its_component_holds(void **state)
{
    struct hm_build *build = calloc(1, sizeof(*build));
    struct hm_requirement *requirement;
    const struct hm_verdict *verdict;

    (void)state;
    assert_non_null(build);
    hm_build_init(build, "10.0.17763");
    hm_build_dynamic(build, 6005, 65534);
    requirement = hm_build_require(build, hm_build_product(build, "winrm", "WinRM", NULL), "local",
                                   HM_TCP, "47001", HM_KIND_HTTPSYS);
    hm_build_service_runs(build, "WinRM", true);
    for (unsigned i = 0; i < 2; i++) {
        hm_build_listener(build, HM_TCP, (enum hm_family)i, 47001, "System", "", HM_KIND_HTTPSYS);
        hm_build_runtime(build, HM_TCP, (enum hm_family)i, "47001");
    }
    hm_build_judge(build);
    verdict = hm_build_verdict(build, "winrm", "local");
    assert_int_equal(verdict->state, HM_EXPOSED);
    requirement->optional = true;
    hm_build_judge(build);
    assert_int_equal(hm_build_verdict(build, "winrm", "local")->state, HM_EXPOSED);
    assert_false(hm_judgement_is_safe(&build->judgement));
    requirement->reserve_only = true;
    hm_build_judge(build);
    verdict = hm_build_verdict(build, "winrm", "local");
    assert_int_equal(verdict->state, HM_SAFE);
    assert_int_equal(verdict->reason, HM_REASON_OWN_RESERVATION);
    assert_true(verdict->has_after_boot);
    assert_int_equal(verdict->after_boot, HM_EXPOSED);
    assert_true(hm_judgement_is_safe(&build->judgement));
    hm_build_dynamic(build, 49152, 65535);
    hm_build_judge(build);
    assert_false(hm_build_verdict(build, "winrm", "local")->has_after_boot);
    hm_build_fini(build);
    free(build);
}

/* MaxUserPort of ISA Server: the sockets show the range of now, and nobody knows the next one. What
 * is reserved is reserved whatever it is. */
static void test_whatever_the_range_is(void **state)
{
    struct hm_build *build = malloc(sizeof(*build));
    struct hm_registry *registry;
    const struct hm_verdict *verdict;

    (void)state;
    assert_non_null(build);
    hm_build_init(build, W2003);
    hm_build_dynamic(build, 1024, 65534);
    registry = &build->inventory.registry;
    hm_build_reserved(build, "9469-9469");
    registry->in_force = HM_IN_FORCE_UNKNOWN;
    registry->has_max_user_port = true;
    registry->max_user_port = 65535;
    hm_build_require(build, hm_build_product(build, "product", "Own", "own.exe"), "port", HM_UDP,
                     "9469", HM_KIND_SOCKET);
    hm_build_service(build, "Own");
    hm_build_judge(build);
    verdict = hm_build_verdict(build, "product", "port");
    assert_int_equal(verdict->state, HM_EXPOSED);
    assert_true(verdict->has_after_boot);
    assert_int_equal(verdict->after_boot, HM_SAFE);
    hm_build_fini(build);
    free(build);
}

/* Linux: what is reserved is safe until the boot of which nothing is known. */
static void test_until_the_next_boot(void **state)
{
    static const struct {
        const char *port;
        const char *reserved;
        uint16_t first; /* of the range */
        bool unknown;
        bool until_boot;
    } cases[] = {
        {"50000", "50000", 32768, true,  true },
        {"50000", "50000", 32768, false, false},
        {"8080",  "50000", 32768, true,  false}, /* counts on nothing */
        {"40000", "",      50000, true,  true }, /* on a narrow range */
        {"8080",  "",      50000, true,  false},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build *build = calloc(1, sizeof(*build));

        assert_non_null(build);
        hm_build_init(build, NULL);
        hm_build_dynamic(build, cases[i].first, 60999);
        hm_build_service(build, "Own");
        (void)hm_build_require(build, hm_build_product(build, "product", "Own", NULL), "port",
                               HM_TCP, cases[i].port, HM_KIND_SOCKET);
        for (unsigned k = 0; k < 2; k++) {
            hm_build_exclude(build, HM_TCP, k == 0 ? HM_IPV4 : HM_IPV6, cases[i].reserved);
            hm_build_stack(build, HM_TCP, k == 0 ? HM_IPV4 : HM_IPV6)->next_unknown =
                cases[i].unknown;
        }
        print_message("%zu\n", i);
        assert_int_equal(hm_build_judge(build)->verdicts.at[0].state, HM_SAFE);
        assert_int_equal(hm_judgement_is_until_boot(&build->judgement, &build->inventory),
                         cases[i].until_boot);
        hm_build_fini(build);
        free(build);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_part_that_its_component_holds),
        cmocka_unit_test(test_range_of_a_settings_file),
        cmocka_unit_test(test_set_now),
        cmocka_unit_test(test_contradicted),
        cmocka_unit_test(test_range_contradicted_earlier),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_whatever_the_range_is),
        cmocka_unit_test(test_until_the_next_boot),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
