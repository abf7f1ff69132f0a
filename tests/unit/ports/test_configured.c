/* tests/unit/ports/test_configured.c — ports that are set up to be served: order and caps.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/ports/configured.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/limits.h"

static void begin(struct hm_configured_make *make, struct hm_arena *arena, const char *version)
{
    const struct hm_os os = {.family = HM_OS_WINDOWS, .version = version};

    hm_arena_init(arena, 64u << 20);
    hm_configured_begin(make, &os, arena);
}

static void put(struct hm_configured_make *make, uint16_t port, const char *subject, bool secure)
{
    assert_int_equal(hm_configured_put_http(make, HM_BY_URL_RESERVATION, port, secure, false,
                                            (struct hm_span){subject, strlen(subject)}, NULL),
                     HM_OK);
}

static void test_order(void **state)
{
    struct hm_inventory inventory = {.os = {.family = HM_OS_WINDOWS}};
    struct hm_configured_make make;
    struct hm_arena arena;

    (void)state;
    begin(&make, &arena, "10.0.17763");
    put(&make, 8443, "https://+:8443/b\t\xff", true);
    put(&make, 80, "http://+:80/", false);
    put(&make, 80, "http://+:80/", false);
    put(&make, 0, "http://+/", false);
    hm_configured_finish(&make, false, &inventory);
    assert_true(inventory.has_configured && !inventory.configured_partial);
    assert_int_equal(inventory.configured.count, 2);
    assert_int_equal(inventory.configured.at[0].port, 80);
    assert_string_equal(inventory.configured.at[1].subject, "https://+:8443/b??");
    assert_true(hm_configured_has(&inventory, HM_BY_URL_RESERVATION));
    assert_false(hm_configured_has(&inventory, HM_BY_IIS_BINDING));
    hm_arena_fini(&arena);
}

/* Server 2022 and later: HTTPS may be served over QUIC, too. */
static void test_http3(void **state)
{
    static const struct {
        const char *version;
        size_t rows;
    } cases[] = {
        {"10.0.17763", 1},
        {"10.0.20348", 2},
        {"10.0.26100", 2},
        {"6.3.9600",   1},
        {"",           1},
        {"10.0",       1},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_inventory inventory = {.os = {.family = HM_OS_WINDOWS}};
        struct hm_configured_make make;
        struct hm_arena arena;
        struct hm_ports udp;

        begin(&make, &arena, cases[i].version);
        put(&make, 443, "https://+:443/", true);
        put(&make, 80, "http://+:80/", false);
        hm_configured_finish(&make, false, &inventory);
        assert_int_equal(inventory.configured.count, cases[i].rows + 1);
        assert_int_equal(hm_configured_ports(&inventory, HM_UDP, HM_KIND_QUIC, &arena, &udp, NULL),
                         HM_OK);
        assert_int_equal(hm_ports_count(udp), cases[i].rows - 1);
        hm_arena_fini(&arena);
    }
}

/* A thousand sites on 443 leave room for the one on 8443; a list that is too long is partial. */
static void test_caps(void **state)
{
    struct hm_inventory inventory = {.os = {.family = HM_OS_WINDOWS}};
    struct hm_configured_make make;
    struct hm_arena arena;
    char text[32];

    (void)state;
    begin(&make, &arena, "10.0.17763");
    for (unsigned i = 0; i < 2 * HM_LIMIT_CONFIGURED; i++) {
        (void)snprintf(text, sizeof(text), "http://site%u:80/", i);
        put(&make, 80, text, false);
    }
    put(&make, 8443, "https://+:8443/", true);
    hm_configured_finish(&make, false, &inventory);
    assert_false(inventory.configured_partial);
    assert_int_equal(inventory.configured.count, HM_CONFIGURED_SUBJECTS + 1);
    for (unsigned i = 0; i < HM_LIMIT_CONFIGURED; i++) {
        put(&make, (uint16_t)(20000 + i), "http://x/", false);
    }
    hm_configured_finish(&make, false, &inventory);
    assert_true(inventory.configured_partial);
    assert_int_equal(inventory.configured.count, HM_LIMIT_CONFIGURED);
    hm_arena_fini(&arena);
}

/* Of too many, those stay that a dynamic range can take, and of them the settings of servers. */
static void test_cut(void **state)
{
    struct hm_stack stacks[] = {
        {.protocol = HM_TCP, .has_dynamic = true, .dynamic = {49152, 65535}},
        {.protocol = HM_UDP, .has_dynamic = true, .dynamic = {1024, 65535} },
    };
    const struct hm_configured site = {
        .protocol = HM_TCP, .port = 50443, .kind = HM_KIND_HTTPSYS, .by = HM_BY_IIS_BINDING};
    struct hm_inventory inventory = {
        .os = {.family = HM_OS_WINDOWS},
        .stacks = { stacks,       HM_COUNT(stacks)},
    };
    const struct hm_configured *rows;
    struct hm_configured_make make;
    struct hm_arena arena;

    (void)state;
    begin(&make, &arena, "10.0.17763");
    for (unsigned i = 0; i < HM_LIMIT_CONFIGURED; i++) {
        put(&make, (uint16_t)(1000 + i), "http://x/", false);
    }
    put(&make, 60000, "http://x/", false);
    assert_int_equal(hm_configured_put(&make, &site, (struct hm_span){"x", 1}, NULL), HM_OK);
    hm_configured_finish(&make, false, &inventory);
    rows = inventory.configured.at;
    assert_true(inventory.configured_partial);
    assert_int_equal(inventory.configured.count, HM_LIMIT_CONFIGURED);
    assert_int_equal(rows[HM_LIMIT_CONFIGURED - 1].port, 60000);
    assert_int_equal(rows[HM_LIMIT_CONFIGURED - 2].port, 50443);
    assert_int_equal(rows[HM_LIMIT_CONFIGURED - 3].port, 1000 + HM_LIMIT_CONFIGURED - 3);

    /* all of them in the range, now or after the next boot: reservations go first */
    stacks[0].has_next_dynamic = true;
    stacks[0].next_dynamic = (struct hm_range){1000, 9999};
    for (unsigned i = 0; i < 3; i++) {
        put(&make, (uint16_t)(9000 + i), "http://x/", false);
    }
    hm_configured_finish(&make, false, &inventory);
    assert_int_equal(inventory.configured.count, HM_LIMIT_CONFIGURED);
    assert_int_equal(inventory.configured.at[HM_LIMIT_CONFIGURED - 1].port, 50443);
    hm_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_http3),
        cmocka_unit_test(test_caps),
        cmocka_unit_test(test_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
