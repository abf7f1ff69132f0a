/* tests/unit/ports/test_port_hazards.c — ports that must not be excluded, over boots.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/ports/port_book.h"

static struct hm_configured set_up[] = {
    {.protocol = HM_TCP,
     .port = 50443,
     .kind = HM_KIND_HTTPSYS,
     .by = HM_BY_IIS_BINDING,
     .subject = "https *:50443:"                                                                  },
    {.protocol = HM_TCP, .port = 3390, .kind = HM_KIND_SOCKET, .by = HM_BY_RDP_PORT, .subject = ""},
};
static struct hm_range block[] = {
    {51000, 51000},
    {51100, 51199},
};
static struct hm_range dynamic = {49152, 65535};

struct host {
    struct hm_arena arena;
    struct hm_port_memo memo;
    struct hm_stack stack;
    struct hm_inventory inventory;
    unsigned boot;
};

static void start(struct host *host)
{
    *host = (struct host){.boot = 1, .memo = {.boot_id = ""}};
    hm_arena_init(&host->arena, 16u << 20);
    host->stack = (struct hm_stack){.protocol = HM_TCP, .has_runtime = true};
    host->inventory = (struct hm_inventory){
        .os = {.family = HM_OS_WINDOWS, .version = "10.0.17763"},
        .stacks = {&host->stack,            1                      },
        .has_listeners = true,
        .has_configured = true,
        .configured = {set_up,                  HM_COUNT(set_up)       },
    };
}

static bool look(struct host *host, bool unread, struct hm_ports failed)
{
    char id[16];
    bool changed;

    (void)snprintf(id, sizeof(id), "boot-%u", host->boot);
    assert_int_equal(
        hm_port_memo_note(&host->memo, &host->inventory, id, &host->arena, &changed, NULL), HM_OK);
    assert_int_equal(hm_port_memo_note_hazards(&host->memo, &host->inventory, unread, failed,
                                               &host->arena, &changed, NULL),
                     HM_OK);
    return changed;
}

static const struct hm_ports none = {NULL, 0};

/* Settings are remembered until all of them are read again without it. */
static void test_settings(void **state)
{
    struct host host;

    (void)state;
    start(&host);
    assert_true(look(&host, false, none));
    assert_int_equal(host.memo.hazards.count, 1);
    assert_int_equal(host.memo.hazards.at[0].port, 50443);
    assert_string_equal(host.memo.hazards.at[0].how, "IIS binding https *:50443:");
    assert_false(look(&host, false, none));

    host.boot = 2;
    host.inventory.has_configured = false;
    assert_false(look(&host, true, none));
    host.inventory.has_configured = true;
    host.inventory.configured.count = 0;
    assert_false(look(&host, true, none)); /* only a part could be read */
    assert_int_equal(host.memo.hazards.count, 1);
    assert_true(look(&host, false, none));
    assert_int_equal(host.memo.hazards.count, 0);
    hm_arena_fini(&host.arena);
}

/* A block of one port is somebody's reservation; inside the dynamic range it may be a random one.
 */
static void test_blocks(void **state)
{
    struct host host;

    (void)state;
    start(&host);
    host.inventory.has_configured = false;
    host.stack.runtime = (struct hm_ports){block, HM_COUNT(block)};
    assert_true(look(&host, false, none));
    assert_int_equal(host.memo.hazards.count, 1);
    assert_int_equal(host.memo.hazards.at[0].port, 51000);
    assert_int_equal(host.memo.hazards.at[0].kind, HM_KIND_KERNEL);
    host.stack.runtime = none;
    host.boot = 12;
    host.memo.boot = 11;
    (void)look(&host, false, none);
    assert_int_equal(host.memo.hazards.count, 1);

    host.stack.has_dynamic = true;
    host.stack.dynamic = dynamic;
    (void)look(&host, false, none);
    assert_int_equal(host.memo.hazards.count, 0);
    hm_arena_fini(&host.arena);
}

/* HTTP.sys could not have it: it is its port, whatever the settings say. */
static void test_events(void **state)
{
    struct hm_range one = {51088, 51088};
    struct hm_port_book forgotten;
    struct host host;

    (void)state;
    start(&host);
    host.inventory.configured.count = 0;
    assert_true(look(&host, false, (struct hm_ports){&one, 1}));
    host.boot = 40;
    host.memo.boot = 39;
    (void)look(&host, false, none);
    assert_int_equal(host.memo.hazards.count, 1);
    assert_int_equal(host.memo.hazards.at[0].kind, HM_KIND_HTTPSYS);
    assert_int_equal(
        hm_port_memo_forget(&host.memo, (struct hm_ports){&one, 1}, &host.arena, &forgotten, NULL),
        HM_OK);
    assert_int_equal(forgotten.count, 1);
    assert_int_equal(forgotten.at[0].port, 51088);
    assert_int_equal(host.memo.hazards.count, 0);
    hm_arena_fini(&host.arena);
}

/* Other systems have no such ports. */
static void test_other_systems(void **state)
{
    struct host host;

    (void)state;
    start(&host);
    host.inventory.os.version = "5.2.3790";
    assert_false(look(&host, false, none));
    assert_int_equal(host.memo.hazards.count, 0);
    hm_arena_fini(&host.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_other_systems),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
