/* tests/unit/plan/test_plan_doubt.c — ports that look free while nobody knows who serves them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/plan/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/plan_model.h"

#define BOTH "add_exclusion tcp ipv4 9955; add_exclusion tcp ipv6 9955"

static void make_nothing(struct hm_model *model)
{
    (void)model;
}

static void make_plain_product(struct hm_model *model)
{
    struct hm_product *product = hm_build_product(&model->host, "product", "app", NULL);

    hm_build_service(&model->host, "app");
    (void)hm_build_require(&model->host, product, "r", HM_TCP, "9955", HM_KIND_SOCKET);
}

static void make_absent_product(struct hm_model *model)
{
    struct hm_product *product = hm_build_product(&model->host, "product", "app", NULL);

    (void)hm_build_require(&model->host, product, "r", HM_TCP, "9955", HM_KIND_SOCKET);
}

/* That every Windows has it says nothing. */
static void make_common_product(struct hm_model *model)
{
    struct hm_product *product = hm_build_product(&model->host, "product", NULL, NULL);

    (void)hm_build_require(&model->host, product, "r", HM_TCP, "9955", HM_KIND_SOCKET);
}

static void make_fixed_entry(struct hm_model *model)
{
    (void)hm_build_remember(&model->host, HM_TCP, 9955, "app.exe", "app", HM_KIND_SOCKET, 2);
}

/* Its service is not there, its program has been. */
static void make_fixed_entry_of_product(struct hm_model *model)
{
    struct hm_product *product = hm_build_product(&model->host, "product", NULL, "app.exe");

    (void)hm_build_require(&model->host, product, "r", HM_TCP, "9955", HM_KIND_SOCKET);
    make_fixed_entry(model);
}

static void make_guest_entry(struct hm_model *model)
{
    (void)hm_build_remember(&model->host, HM_TCP, 9955, "guest.exe", "", HM_KIND_SOCKET, 1);
}

static void make_system_entry(struct hm_model *model)
{
    model->host.inventory.has_configured = true; /* otherwise it is refused as HTTP.sys' */
    (void)hm_build_remember(&model->host, HM_TCP, 9955, "System", "", HM_KIND_SOCKET, 9);
}

static void make_other_protocol(struct hm_model *model)
{
    (void)hm_build_remember(&model->host, HM_UDP, 9955, "app.exe", "app", HM_KIND_SOCKET, 9);
}

static const struct {
    void (*make)(struct hm_model *model);
    bool added[2]; /* while settings are unread, while a service has failed */
} rows[] = {
    {make_nothing,                {false, false}},
    {make_plain_product,          {true, true}  },
    {make_absent_product,         {false, false}},
    {make_common_product,         {false, false}},
    {make_fixed_entry,            {false, true} },
    {make_fixed_entry_of_product, {true, true}  },
    {make_guest_entry,            {false, false}},
    {make_system_entry,           {false, false}},
    {make_other_protocol,         {false, false}},
};

/* Unread settings, or a service that failed: only what a plain socket surely serves. */
static void test_what_is_added(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * HM_COUNT(rows); i++) {
        const bool unread = i < HM_COUNT(rows);
        const size_t at = i % HM_COUNT(rows);
        const struct hm_plan_note *note;
        struct hm_model model;

        hm_model_init(&model, SERVER_2019);
        (void)hm_model_reserve(&model, "p", "tcp", "9955");
        rows[at].make(&model);
        model.settings_unread = unread;
        model.services_failed = !unread;
        HM_MODEL_EXPECT(&model, rows[at].added[unread ? 0 : 1] ? BOTH : "");
        note = hm_model_note(&model, unread ? HM_NOTE_REFUSED : HM_NOTE_WAITING_SETTLING, "p", 0);
        assert_true((note != NULL) == !rows[at].added[unread ? 0 : 1]);
        if (note != NULL && unread) {
            assert_int_equal(note->code, HM_REFUSE_FACTS_MISSING);
            assert_non_null(strstr(note->text, "cannot be read"));
        }
        model.settings_unread = false;
        model.services_failed = false;
        HM_MODEL_EXPECT(&model, BOTH);
        hm_model_fini(&model);
    }
}

/* Before the host has settled: what waited for a plain socket did so while settings were read. What
 * they showed since counts all the same. */
static void test_early(void **state)
{
    static struct hm_range port = {9955, 9955};
    static const struct hm_plan_ready wait = {
        .policy = "p", .protocol = HM_TCP, .family = HM_IPV4, .ports = {&port, 1}
    };
    static const struct hm_plan_readies ready = {&wait, 1};
    static struct hm_port_hazard at[] = {
        {HM_TCP, 9955, HM_KIND_HTTPSYS, "IIS binding http *:9955:", false, 1},
    };
    static const struct hm_port_hazards hazards = {at, 1};
    struct hm_model model;

    (void)state;
    hm_model_init(&model, SERVER_2019);
    (void)hm_model_reserve(&model, "p", "tcp", "9955");
    model.settings_unread = true;
    model.settling = &ready;
    HM_MODEL_EXPECT(&model, "add_exclusion tcp ipv4 9955");
    assert_int_equal(hm_model_count_notes(&model, HM_NOTE_WAITING_SETTLING), 1);
    model.remembered = &hazards;
    HM_MODEL_EXPECT(&model, "");
    hm_model_fini(&model);
}

/* The port book was lost: also what a plain socket is known to serve is not added, and what waited
 * for one. */
static void test_lost_memory(void **state)
{
    static struct hm_range port = {9955, 9955};
    static const struct hm_plan_ready wait = {
        .policy = "p", .protocol = HM_TCP, .family = HM_IPV4, .ports = {&port, 1}
    };
    static const struct hm_plan_readies ready = {&wait, 1};
    const struct hm_plan_note *note;
    struct hm_model model;

    (void)state;
    hm_model_init(&model, SERVER_2019);
    (void)hm_model_reserve(&model, "p", "tcp", "9955");
    make_plain_product(&model);
    model.memory_lost = true;
    HM_MODEL_EXPECT(&model, "");
    note = hm_model_note(&model, HM_NOTE_REFUSED, "p", 0);
    assert_non_null(note);
    assert_int_equal(note->code, HM_REFUSE_FACTS_MISSING);
    assert_non_null(strstr(note->text, "forget --lost"));
    model.settling = &ready;
    HM_MODEL_EXPECT(&model, "");
    model.settling = NULL;
    model.memory_lost = false;
    hm_model_enforce(&model);
    model.memory_lost = true;
    HM_MODEL_EXPECT(&model, "");
    model.host.stacks[0].administered.count = 0; /* somebody removed it */
    HM_MODEL_EXPECT(&model, "add_exclusion tcp ipv4 9955");
    model.count = 0; /* it is no longer wanted */
    HM_MODEL_EXPECT(&model, "remove_exclusion tcp ipv6 9955");
    hm_model_fini(&model);
}

/* What the ledger names was added while settings could be read. */
static void test_the_ledger(void **state)
{
    struct hm_model model;

    (void)state;
    hm_model_start(&model, SERVER_2019,
                   "\"reservations\":[{\"protocol\":\"tcp\",\"ports\":\"9955\"}]");
    model.settings_unread = true;
    HM_MODEL_EXPECT(&model, "");
    model.host.stacks[0].administered.count = 0; /* somebody removed it */
    HM_MODEL_EXPECT(&model, "add_exclusion tcp ipv4 9955");
    hm_model_fini(&model);
}

/* Remembered settings count while they cannot be read; what the host itself showed always does. */
static void test_memory(void **state)
{
    static struct hm_port_hazard at[] = {
        {HM_TCP, 9955, HM_KIND_HTTPSYS, "IIS binding http *:9955:", false, 1},
    };
    static const struct hm_port_hazards hazards = {at, 1};
    const struct hm_plan_note *note;
    struct hm_model model;

    (void)state;
    hm_model_init(&model, SERVER_2019);
    (void)hm_model_reserve(&model, "p", "tcp", "9955");
    make_plain_product(&model);
    model.remembered = &hazards;
    HM_MODEL_EXPECT(&model, BOTH);
    model.settings_unread = true;
    HM_MODEL_EXPECT(&model, "");
    note = hm_model_note(&model, HM_NOTE_REFUSED, "p", 0);
    assert_int_equal(note->code, HM_REFUSE_HTTPSYS);
    assert_non_null(strstr(note->text, "IIS binding http *:9955:"));

    at[0].lasts = true;
    model.settings_unread = false;
    HM_MODEL_EXPECT(&model, "");
    assert_int_equal(hm_model_note(&model, HM_NOTE_REFUSED, "p", 0)->code, HM_REFUSE_HTTPSYS);
    at[0].kind = HM_KIND_KERNEL;
    HM_MODEL_EXPECT(&model, "");
    assert_int_equal(hm_model_note(&model, HM_NOTE_REFUSED, "p", 0)->code, HM_REFUSE_UNSAFE);
    hm_model_fini(&model);
}

/* A block of one port is a reservation of whoever serves it; a wide one moves at the next start. */
static void test_block_of_one_port(void **state)
{
    struct hm_model model;

    (void)state;
    hm_model_init(&model, SERVER_2019);
    (void)hm_model_reserve(&model, "p", "tcp", "9955");
    hm_build_runtime(&model.host, HM_TCP, HM_IPV4, "9955");
    HM_MODEL_EXPECT(&model, "");
    assert_int_equal(hm_model_count_notes(&model, HM_NOTE_REFUSED), 2);
    assert_int_equal(hm_model_note(&model, HM_NOTE_REFUSED, "p", 0)->code, HM_REFUSE_UNSAFE);
    hm_build_runtime(&model.host, HM_TCP, HM_IPV4, "9950-9959");
    HM_MODEL_EXPECT(&model, "add_exclusion tcp ipv6 9955");
    hm_model_fini(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_added), cmocka_unit_test(test_early),
        cmocka_unit_test(test_lost_memory),   cmocka_unit_test(test_the_ledger),
        cmocka_unit_test(test_memory),        cmocka_unit_test(test_block_of_one_port),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
