/* tests/unit/plan/test_plan.c — what policies would do to one host.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/plan/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/plan_model.h"

/* One reservation on an untouched system. */
struct cure {
    const char *windows; /* version, or Linux */
    const char *protocol;
    const char *ports;
    const char *standing; /* administered rows, or ReservedPorts lines parted by '|' */
    const char *actions;
};

static const struct cure cures[] = {
  /* I2: both families, small blocks */
    {SERVER_2012R2, "tcp", "9933,9955",                          "",
     "add_exclusion tcp ipv4 9933; add_exclusion tcp ipv4 9955; add_exclusion tcp ipv6 9933; "
     "add_exclusion tcp ipv6 9955"                                                                                                },
    {SERVER_2012R2, "tcp", "9933,9955",                          "9933",
     "add_exclusion tcp ipv4 9955; add_exclusion tcp ipv6 9955"                                                                   },
    {SERVER_2012R2, "tcp", "9933",                               "9930-9940",           ""                                        },
    {SERVER_2012R2, "tcp", "9930-9940",                          "9933,9935-9936",
     "add_exclusion tcp ipv4 9930-9932; add_exclusion tcp ipv4 9934; add_exclusion tcp ipv4 "
     "9937-9940; add_exclusion tcp ipv6 9930-9932; add_exclusion tcp ipv6 9934; add_exclusion tcp "
     "ipv6 9937-9940"                                                                                                             },
    {SERVER_2019,   "tcp", "50050-50070",                        "50000-50059",
     "add_exclusion tcp ipv4 50060-50070; add_exclusion tcp ipv6 50060-50070"                                                     },
 /* I1 */
    {SERVER_2003,   "udp", "9469,9506-9507",                     "",                    "set_reserved_ports 9469-9469|9506-9507"  },
    {SERVER_2003,   "udp", "9506-9507",                          "1433-1434|9469-9469",
     "set_reserved_ports 1433-1434|9469-9469|9506-9507"                                                                           },
    {SERVER_2003,   "udp", "9507",                               "9506-9506|1433-1434", "set_reserved_ports 9506-9507|1433-1434"  },
    {SERVER_2003,   "udp", "9507",                               "9506-9506|9507-9507", "set_reserved_ports 9506-9507"            },
    {SERVER_2003,   "udp", "9506",                               "9506-9507|77|junk",   ""                                        },
    {SERVER_2003,   "udp", "9508",                               "77|9506-9507|junk",   "set_reserved_ports 77|9506-9508|junk"    },
 /* I3 */
    {SERVER_2003,   "udp", "1645-1646,1701,1812-1813,2883,4500", "3500-3619",
     "set_reserved_ports 3500-3619|1645-1646|1701-1701|1812-1813|2883-2883|4500-4500"                                             },
    {LINUX,         "tcp", "33060",                              "",                    "set_sysctl_reserved 33060"               },
    {LINUX,         "tcp", "33060",                              "8080,9000-9010",      "set_sysctl_reserved 8080,9000-9010,33060"},
    {LINUX,         "tcp", "9011",                               "8080,9000-9010",      "set_sysctl_reserved 8080,9000-9011"      },
    {LINUX,         "udp", "9005",                               "8080,9000-9010",      ""                                        },
};

static void put_standing(struct hm_model *model, const char *standing)
{
    char *text = hm_arena_strdup(&model->host.arena, standing);

    if (standing[0] == '\0') {
        return;
    }
    if (hm_os_is_legacy(&model->host.inventory.os)) {
        for (char *line = strtok(text, "|"); line != NULL; line = strtok(NULL, "|")) {
            hm_build_reserved(&model->host, line);
        }
        return;
    }
    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        hm_build_exclude(&model->host, i < 2 ? HM_TCP : HM_UDP, i % 2 == 0 ? HM_IPV4 : HM_IPV6,
                         standing);
    }
}

/* Planned, carried out, planned again (nothing left), retired (all as before). */
static void test_cures(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(cures); i++) {
        struct hm_model model;
        const char *before;

        hm_model_init(&model, cures[i].windows);
        put_standing(&model, cures[i].standing);
        before = hm_model_inventory(&model);
        (void)hm_model_reserve(&model, "p", cures[i].protocol, cures[i].ports);
        HM_MODEL_EXPECT(&model, cures[i].actions);
        hm_model_apply(&model);
        HM_MODEL_EXPECT(&model, "");
        assert_int_equal(hm_ledger_is_empty(&model.ledger), cures[i].actions[0] == '\0');
        model.boot_id = "boot-2";
        (void)hm_model_plan(&model);
        assert_int_equal(model.plan.notes.count,
                         hm_model_count_notes(&model, HM_NOTE_ALREADY_THERE));
        assert_true(model.plan.notes.count > 0);
        model.count = 0;
        hm_model_enforce(&model);
        assert_string_equal(hm_model_inventory(&model), before);
        assert_true(hm_ledger_is_empty(&model.ledger));
        hm_model_fini(&model);
    }
}

static void test_reboot_is_waited_for_on_2003(void **state)
{
    struct hm_model model;

    (void)state;
    hm_model_init(&model, SERVER_2003);
    (void)hm_model_reserve(&model, "p", "udp", "9469");
    assert_true(hm_model_plan(&model)->needs_reboot);
    hm_model_apply(&model);
    (void)hm_model_plan(&model);
    assert_int_equal(hm_model_count_notes(&model, HM_NOTE_WAITING_REBOOT), 1);
    (void)hm_model_reserve(&model, "q", "udp", "9506");
    model.boot_id = "boot-2";
    (void)hm_model_plan(&model);
    assert_int_equal(hm_model_count_notes(&model, HM_NOTE_ALREADY_THERE), 1);
    hm_model_apply(&model);
    (void)hm_model_plan(&model);
    assert_string_equal(hm_model_note(&model, HM_NOTE_ALREADY_THERE, NULL, 0)->policy, "p");
    assert_string_equal(hm_model_note(&model, HM_NOTE_WAITING_REBOOT, NULL, 0)->policy, "q");
    hm_model_fini(&model);
}

/* I4, and ranges that were moved by a set-up. */
struct range_case {
    const char *windows;
    uint16_t first;
    uint16_t last;
    const char *ranges;
    const char *actions;
    const char *back; /* after retirement */
};

static const struct range_case range_cases[] = {
    {SERVER_2012R2, 6005,  65534, "{\"protocol\":\"tcp\",\"range\":\"49152-65535\"}",
     "set_range tcp ipv4 49152-65535; set_range tcp ipv6 49152-65535",                                        "set_range tcp ipv4 6005-65534; set_range tcp ipv6 6005-65534"},
    {SERVER_2012R2, 49152, 65535, "{\"protocol\":\"tcp\",\"range\":\"49152-65535\"}", "",                     ""                                                            },
    {SERVER_2003,   0,     0,     "{\"protocol\":\"tcp\",\"range\":\"1025-60000\"}",  "set_range 1025-60000",
     "set_range 1025-5000unset"                                                                                                                                             },
    {SERVER_2003,   0,     0,     "{\"protocol\":\"tcp\",\"range\":\"49152-65535\"}", "",                     ""                                                            },
    {LINUX,         32768, 60999, "{\"protocol\":\"udp\",\"range\":\"20000-60999\"}",
     "set_range 20000-60999",                                                                                 "set_range 32768-60999"                                       },
};

static void test_ranges(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(range_cases); i++) {
        const struct range_case *row = &range_cases[i];
        struct hm_model model;
        const char *before;

        hm_model_init(&model, row->windows);
        if (row->first > 0) {
            hm_build_dynamic(&model.host, row->first, row->last);
        }
        before = hm_model_inventory(&model);
        (void)hm_model_policy(&model, "p",
                              hm_arena_printf(&model.host.arena, "\"ranges\":[%s]", row->ranges));
        HM_MODEL_EXPECT(&model, row->actions);
        hm_model_apply(&model);
        HM_MODEL_EXPECT(&model, "");
        model.count = 0;
        HM_MODEL_EXPECT(&model, row->back);
        hm_model_apply(&model);
        assert_string_equal(hm_model_inventory(&model), before);
        assert_true(hm_ledger_is_empty(&model.ledger));
        hm_model_fini(&model);
    }
}

static void test_range_of_others_stays(void **state)
{
    struct hm_model model;

    (void)state;
    hm_model_init(&model, SERVER_2019);
    (void)hm_model_policy(&model, "p",
                          "\"ranges\":[{\"protocol\":\"tcp\",\"range\":\"20000-65535\"}]");
    hm_model_enforce(&model);
    hm_build_stack(&model.host, HM_TCP, HM_IPV4)->dynamic = (struct hm_range){10000, 65535};
    hm_build_stack(&model.host, HM_TCP, HM_IPV6)->dynamic = (struct hm_range){49152, 65535};
    model.count = 0;
    HM_MODEL_EXPECT(&model, "");
    assert_int_equal(hm_model_count_notes(&model, HM_NOTE_FOREIGN_LEFT_ALONE), 1);
    assert_int_equal(hm_model_count_notes(&model, HM_NOTE_GONE), 1);
    hm_model_apply(&model);
    assert_true(hm_ledger_is_empty(&model.ledger));
    hm_model_fini(&model);
}

/* One busy port does not veto its neighbours, nor one family the other. */
static void test_busy_is_split_around(void **state)
{
    struct hm_model model;
    const struct hm_plan_note *note;
    struct hm_socket *socket;

    (void)state;
    hm_model_init(&model, SERVER_2012R2);
    (void)hm_model_reserve(&model, "p", "tcp", "9950-9959");
    socket = hm_build_socket(&model.host, HM_TCP, HM_IPV4, HM_SOCKET_ESTABLISHED, 9955, "lsass.exe",
                             "Netlogon");
    socket->remote = "10.0.0.5:3268";
    socket->pid = 620;
    (void)hm_build_socket(&model.host, HM_TCP, HM_IPV4, HM_SOCKET_TIME_WAIT, 9957, "", "");
    (void)hm_build_socket(&model.host, HM_UDP, HM_IPV4, HM_SOCKET_LISTEN, 9958, "x.exe", "");
    hm_build_runtime(&model.host, HM_TCP, HM_IPV4, "9959-10058");
    HM_MODEL_EXPECT(&model, "add_exclusion tcp ipv4 9950-9954; add_exclusion tcp ipv4 9956-9958; "
                            "add_exclusion tcp ipv6 9950-9959");
    assert_int_equal(hm_model_count_notes(&model, HM_NOTE_TAKEN), 2);
    assert_string_equal(
        hm_ports_text(hm_model_note(&model, HM_NOTE_TAKEN, "p", 0)->ports, &model.host.arena),
        "9959");
    note = hm_model_note(&model, HM_NOTE_TAKEN, "p", 1);
    assert_true(note->has_holder);
    assert_string_equal(note->holder.program, "lsass.exe");
    assert_string_equal(note->holder.remote, "10.0.0.5:3268");
    assert_int_equal(note->holder.pid, 620);
    assert_int_equal(note->holder.port, 9955);
    hm_model_apply(&model);
    model.host.sockets.count = 0;
    hm_build_runtime(&model.host, HM_TCP, HM_IPV4, "");
    HM_MODEL_EXPECT(&model, "add_exclusion tcp ipv4 9955; add_exclusion tcp ipv4 9959");
    hm_model_fini(&model);
}

/* Without sockets the inventory's listeners tell: the collector plans so. */
static void test_busy_by_listener(void **state)
{
    struct hm_model model;

    (void)state;
    hm_model_init(&model, SERVER_2012R2);
    (void)hm_model_reserve(&model, "p", "tcp", "9955");
    hm_build_listener(&model.host, HM_TCP, HM_IPV4, 9955, "pop3.exe", "POP3BE", HM_KIND_SOCKET);
    HM_MODEL_EXPECT(&model, "add_exclusion tcp ipv6 9955");
    assert_string_equal(hm_model_note(&model, HM_NOTE_BUSY, "p", 0)->holder.service, "POP3BE");
    hm_model_fini(&model);
}

static void test_foreign_rows_stay(void **state)
{
    struct hm_model model;

    (void)state;
    hm_model_init(&model, SERVER_2019);
    hm_build_exclude(&model.host, HM_TCP, HM_IPV4, "50000-50059");
    hm_build_exclude(&model.host, HM_TCP, HM_IPV6, "50000-50059");
    (void)hm_model_reserve(&model, "p", "tcp", "50010,50070");
    hm_model_enforce(&model);
    hm_build_exclude(&model.host, HM_TCP, HM_IPV4, "50000-50059,50065-50075");
    hm_build_exclude(&model.host, HM_TCP, HM_IPV6, "50000-50059");
    model.count = 0;
    HM_MODEL_EXPECT(&model, "");
    assert_int_equal(hm_model_count_notes(&model, HM_NOTE_FOREIGN_LEFT_ALONE), 1);
    assert_int_equal(hm_model_count_notes(&model, HM_NOTE_GONE), 1);
    hm_model_apply(&model);
    assert_true(hm_ledger_is_empty(&model.ledger));
    hm_model_fini(&model);
}

/* Somebody clears it: it comes back, and is still ours. */
static void test_drift_is_repaired(void **state)
{
    static const char *const systems[] = {SERVER_2019, LINUX};

    (void)state;
    for (size_t i = 0; i < HM_COUNT(systems); i++) {
        struct hm_model model;
        const char *first;

        hm_model_init(&model, systems[i]);
        (void)hm_model_reserve(&model, "p", "tcp", "9955");
        (void)hm_model_plan(&model);
        first = hm_model_actions(&model);
        hm_model_apply(&model);
        hm_build_exclude(&model.host, HM_TCP, HM_IPV4, "");
        hm_build_exclude(&model.host, HM_TCP, HM_IPV6, "");
        hm_build_exclude(&model.host, HM_UDP, HM_IPV4, "");
        hm_build_exclude(&model.host, HM_UDP, HM_IPV6, "");
        HM_MODEL_EXPECT(&model, first);
        hm_model_apply(&model);
        model.count = 0;
        hm_model_enforce(&model);
        assert_int_equal(hm_build_stack(&model.host, HM_TCP, HM_IPV4)->administered.count, 0);
        assert_true(hm_ledger_is_empty(&model.ledger));
        hm_model_fini(&model);
    }
}

/* The same, where ours only made one line of two neighbours of others. */
static void test_joined_lines_of_others_stay(void **state)
{
    static const char *later[] = {"9506-9507", "20000-20001"};
    struct hm_model model;
    const struct hm_registry *registry;

    (void)state;
    hm_model_init(&model, SERVER_2003);
    registry = &model.host.inventory.registry;
    hm_build_reserved(&model.host, "9506-9506");
    hm_build_reserved(&model.host, "9507-9507");
    (void)hm_model_reserve(&model, "p", "udp", "9507");
    hm_model_enforce(&model);
    assert_int_equal(registry->reserved_ports.count, 1);
    model.host.inventory.registry.reserved_ports = (struct hm_strings){later, HM_COUNT(later)};
    model.count = 0;
    hm_model_enforce(&model);
    assert_int_equal(registry->reserved_ports.count, 2);
    assert_string_equal(registry->reserved_ports.at[0], "9506-9507");
    hm_model_fini(&model);
}

/* Another program adds lines of its own after ours: they stay when we go. */
static void test_lines_of_others_stay(void **state)
{
    static const char *later[] = {"1433-1433", "9505-9508", "20000-20001"};
    struct hm_model model;
    const struct hm_registry *registry;

    (void)state;
    hm_model_init(&model, SERVER_2003);
    hm_build_reserved(&model.host, "1433-1433");
    hm_build_reserved(&model.host, "9505-9505");
    (void)hm_model_reserve(&model, "p", "udp", "9506-9508");
    HM_MODEL_EXPECT(&model, "set_reserved_ports 1433-1433|9505-9508");
    hm_model_apply(&model);
    registry = &model.host.inventory.registry;
    model.host.inventory.registry.reserved_ports = (struct hm_strings){later, HM_COUNT(later)};
    HM_MODEL_EXPECT(&model, "");
    model.count = 0;
    hm_model_enforce(&model);
    assert_int_equal(registry->reserved_ports.count, 3);
    assert_string_equal(registry->reserved_ports.at[1], "9505-9505");
    assert_string_equal(registry->reserved_ports.at[2], "20000-20001");
    hm_model_fini(&model);
}

/* A part of an entry is still wanted: replaced at once, or left whole while it is busy. */
static void test_entry_shrinks(void **state)
{
    struct hm_model model;

    (void)state;
    hm_model_init(&model, SERVER_2019);
    (void)hm_model_reserve(&model, "p", "udp", "3500-3619");
    hm_model_enforce(&model);
    model.count = 0;
    (void)hm_model_reserve(&model, "q", "udp", "3510");
    (void)hm_build_socket(&model.host, HM_UDP, HM_IPV4, HM_SOCKET_LISTEN, 3510, "isa.exe", "");
    HM_MODEL_EXPECT(&model, "remove_exclusion udp ipv6 3500-3619; "
                            "add_exclusion udp ipv6 3510");
    assert_int_equal(hm_model_count_notes(&model, HM_NOTE_BUSY), 1);
    hm_model_apply(&model);
    model.host.sockets.count = 0;
    HM_MODEL_EXPECT(&model, "remove_exclusion udp ipv4 3500-3619; "
                            "add_exclusion udp ipv4 3510");
    hm_model_fini(&model);
}

/* Killed between one range and the next, whether the change was made or not: it is ours. */
static void test_killed_between_ranges(void **state)
{
    (void)state;
    for (size_t steps = 1; steps <= 2; steps++) {
        struct hm_model model;

        hm_model_init(&model, SERVER_2019);
        (void)hm_model_policy(&model, "p",
                              "\"ranges\":[{\"protocol\":\"tcp\",\"range\":\"20000-65535\"}]");
        hm_model_enforce(&model);
        model.count = 0;
        (void)hm_model_policy(&model, "p",
                              "\"ranges\":[{\"protocol\":\"tcp\",\"range\":\"30000-65535\"}]");
        (void)hm_model_plan(&model);
        assert_true(hm_model_apply_some(&model, steps));
        model.count = 0;
        HM_MODEL_EXPECT(&model, "set_range tcp ipv4 49152-65535; set_range tcp ipv6 49152-65535");
        hm_model_fini(&model);
    }
}

/* The range before the first of several changes is what comes back. */
static void test_first_range_comes_back(void **state)
{
    static const char *const ranges[] = {
        "\"ranges\":[{\"protocol\":\"tcp\",\"range\":\"20000-65535\"}]",
        "\"ranges\":[{\"protocol\":\"tcp\",\"range\":\"30000-65535\"}]",
    };
    struct hm_model model;

    (void)state;
    hm_model_init(&model, SERVER_2019);
    for (size_t i = 0; i < HM_COUNT(ranges); i++) {
        model.count = 0;
        (void)hm_model_policy(&model, "p", ranges[i]);
        hm_model_enforce(&model);
    }
    model.count = 0;
    HM_MODEL_EXPECT(&model, "set_range tcp ipv4 49152-65535; set_range tcp ipv6 49152-65535");
    hm_model_fini(&model);
}

static void test_product(void **state)
{
    struct hm_model model;
    struct hm_product *product;

    (void)state;
    hm_model_init(&model, SERVER_2012R2);
    product = hm_build_product(&model.host, "mail", "nobody", NULL);
    (void)hm_build_require(&model.host, product, "pop", HM_TCP, "9955", HM_KIND_SOCKET);
    hm_build_require(&model.host, product, "imap", HM_TCP, "9933", HM_KIND_SOCKET)->families =
        HM_FAMILIES_IPV4;
    (void)hm_build_require(&model.host, product, "web", HM_TCP, "444", HM_KIND_HTTPSYS);
    (void)hm_build_require(&model.host, product, "sip", HM_UDP, "5060", HM_KIND_SOCKET);
    (void)hm_model_policy(&model, "p",
                          "\"reservations\":[{\"protocol\":\"tcp\",\"product\":\"mail\"}]");
    HM_MODEL_EXPECT(&model, "add_exclusion tcp ipv4 9933; add_exclusion tcp ipv4 9955; "
                            "add_exclusion tcp ipv6 9955");
    hm_model_fini(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cures),
        cmocka_unit_test(test_reboot_is_waited_for_on_2003),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_range_of_others_stays),
        cmocka_unit_test(test_joined_lines_of_others_stay),
        cmocka_unit_test(test_killed_between_ranges),
        cmocka_unit_test(test_first_range_comes_back),
        cmocka_unit_test(test_busy_is_split_around),
        cmocka_unit_test(test_busy_by_listener),
        cmocka_unit_test(test_foreign_rows_stay),
        cmocka_unit_test(test_drift_is_repaired),
        cmocka_unit_test(test_lines_of_others_stay),
        cmocka_unit_test(test_entry_shrinks),
        cmocka_unit_test(test_product),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
