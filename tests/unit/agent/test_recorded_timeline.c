/* tests/unit/agent/test_recorded_timeline.c — a recorded host that boots: what is there when, and
 * who gets which port. SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/recorded/boot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "tests/support/recorded_folder.h"
#include "tests/support/temp_folder.h"

#define DYNAMIC "\r\nStart Port : 50000\r\nNumber of Ports : 300\r\n"
#define ROWS(rows)                                                                                 \
    "\r\nStart Port    End Port\r\n----------    --------\r\n" rows                                \
    "\r\n* - Administered port exclusions.\r\n"
#define BLOCKS                                                                                     \
    ROWS("      8080      8080\r\n     50100     50129\r\n     50200     50209     *\r\n")
#define CLIENTS 60
#define SETTLED_MS 600000

static const char host_json[] =
    "{\"os\":{\"family\":\"windows\",\"name\":\"Windows Server 2019\",\"version\":\"10.0.17763\"},"
    "\"service_details\":["
    "{\"name\":\"Base\",\"start\":\"automatic\",\"runs\":true},"
    "{\"name\":\"W3SVC\",\"program\":\"svchost.exe\",\"start\":\"automatic\",\"runs\":true,"
    "\"depends_on\":[\"Base\"]},"
    "{\"name\":\"Mail\",\"program\":\"mail.exe\",\"start\":\"delayed\",\"runs\":true},"
    "{\"name\":\"winnat\",\"program\":\"\",\"start\":\"triggered\",\"runs\":true},"
    "{\"name\":\"Broken\",\"program\":\"\",\"start\":\"automatic\",\"runs\":false,"
    "\"exit_code\":1067},"
    "{\"name\":\"Idle\",\"program\":\"\",\"start\":\"automatic\",\"runs\":false}]}";

struct world {
    struct recorded_folder folder;
    struct hm_boot_host *host;
    struct hm_boot *boot;
    struct hm_platform *platform;
    struct hm_arena arena;
    struct hm_observation seen;
    int64_t uptime_ms;
    int64_t passed_ms;
};

static int64_t world_uptime(void *arg)
{
    const struct world *world = arg;

    return world->uptime_ms;
}

static void world_pass(void *arg, int64_t ms)
{
    struct world *world = arg;

    world->passed_ms += ms;
}

static void put_netstat(struct world *world)
{
    char text[16384];
    int len =
        snprintf(text, sizeof(text),
                 "\r\nActive Connections\r\n\r\n"
                 "  Proto  Local Address          Foreign Address        State       PID\r\n"
                 "  TCP    0.0.0.0:135            0.0.0.0:0              LISTENING   700\r\n"
                 "  TCP    0.0.0.0:445            0.0.0.0:0              LISTENING   4\r\n"
                 "  TCP    0.0.0.0:8080           0.0.0.0:0              LISTENING   4\r\n"
                 "  TCP    0.0.0.0:50010          0.0.0.0:0              LISTENING   800\r\n"
                 "  TCP    [::]:8080              [::]:0                 LISTENING   4\r\n"
                 "  TCP    [::]:50010             [::]:0                 LISTENING   800\r\n");

    for (int i = 0; i < CLIENTS; i++) {
        len += snprintf(text + len, sizeof(text) - (size_t)len,
                        "  TCP    10.0.0.1:%d         10.0.0.2:389           ESTABLISHED   900\r\n",
                        50020 + i);
    }
    (void)snprintf(text + len, sizeof(text) - (size_t)len,
                   "  UDP    0.0.0.0:123            *:*                                700\r\n");
    recorded_folder_puts(&world->folder, "netstat.txt", text);
}

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    static const char *const stacks[] = {"ipv4-tcp", "ipv6-tcp", "ipv4-udp", "ipv6-udp"};

    recorded_folder_init(&world->folder);
    recorded_folder_puts(&world->folder, "host.json", host_json);
    recorded_folder_puts(&world->folder, "tasklist.csv",
                         "\"Image Name\",\"PID\",\"Services\"\r\n"
                         "\"System\",\"4\",\"N/A\"\r\n\"svchost.exe\",\"700\",\"RpcSs\"\r\n"
                         "\"mail.exe\",\"800\",\"Mail\"\r\n\"client.exe\",\"900\",\"N/A\"\r\n");
    put_netstat(world);
    for (size_t i = 0; i < HM_COUNT(stacks); i++) {
        char name[64];

        (void)snprintf(name, sizeof(name), "%s-dynamicport.txt", stacks[i]);
        recorded_folder_puts(&world->folder, name, DYNAMIC);
        (void)snprintf(name, sizeof(name), "%s-excludedportrange.txt", stacks[i]);
        recorded_folder_puts(&world->folder, name, i < 2 ? BLOCKS : ROWS(""));
    }
    hm_arena_init(&world->arena, 1u << 24);
    assert_int_equal(hm_boot_host_open(world->folder.path, &world->host, NULL), HM_OK);
    assert_int_equal(hm_platform_recorded.open(world->folder.path, &world->platform, NULL), HM_OK);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;

    hm_platform_recorded.close(world->platform);
    hm_boot_end(world->boot);
    hm_boot_host_close(world->host);
    hm_arena_fini(&world->arena);
    recorded_folder_fini(&world->folder);
    free(world);
    return 0;
}

static void boot_with(struct world *world, const struct hm_boot_options *options)
{
    const struct hm_boot_clock clock = {world_uptime, world_pass, world};

    hm_boot_end(world->boot);
    world->boot = NULL;
    world->uptime_ms = 0;
    assert_int_equal(hm_boot_begin(world->host, options, &world->boot, NULL), HM_OK);
    hm_boot_attach(world->platform, world->boot, &clock);
}

static void boot(struct world *world, uint64_t seed)
{
    const struct hm_boot_options options = {.seed = seed, .boot_id = "b1"};

    boot_with(world, &options);
}

static void look_at(struct world *world, int64_t uptime_ms)
{
    world->uptime_ms = uptime_ms;
    hm_arena_reset(&world->arena);
    assert_int_equal(
        hm_platform_recorded.observe(world->platform, &world->arena, &world->seen, NULL), HM_OK);
    assert_true(world->seen.has_uptime);
    assert_int_equal(world->seen.uptime_s, uptime_ms / 1000);
}

static const struct hm_service *service(const struct world *world, const char *name)
{
    return hm_inventory_service(&world->seen.inventory, name);
}

static bool runs(const struct world *world, const char *name)
{
    return service(world, name)->has_runs && service(world, name)->runs;
}

static bool listens(const struct world *world, uint16_t port)
{
    const struct hm_listeners *all = &world->seen.inventory.listeners;

    for (size_t i = 0; i < all->count; i++) {
        if (all->at[i].port == port) {
            return true;
        }
    }
    return false;
}

static struct hm_ports rows(const struct world *world, enum hm_family family)
{
    return hm_inventory_stack(&world->seen.inventory, HM_TCP, family)->runtime;
}

/* The row of the block of 30 ports; {0, 0} none. */
static struct hm_range block(const struct world *world, enum hm_family family)
{
    const struct hm_ports all = rows(world, family);

    for (size_t i = 0; i < all.count; i++) {
        if (hm_range_count(all.at[i]) > 1) {
            return all.at[i];
        }
    }
    return (struct hm_range){0, 0};
}

static const struct hm_boot_item *item_of(const struct world *world, uint16_t port)
{
    size_t count;
    const struct hm_boot_item *items = hm_boot_items(world->boot, &count);

    for (size_t i = 0; i < count; i++) {
        if (items[i].is_listener && items[i].port == port) {
            return &items[i];
        }
    }
    return NULL;
}

static void add_row(struct world *world, uint16_t port, enum hm_status answer)
{
    struct hm_range range = {port, port};
    const struct hm_action action = {
        .kind = HM_ACTION_ADD_EXCLUSION,
        .has_protocol = true,
        .protocol = HM_TCP,
        .has_family = true,
        .family = HM_IPV4,
        .ports = {&range, 1},
    };

    assert_int_equal(hm_platform_recorded.change(world->platform, &action, &world->arena, NULL),
                     answer);
}

/* At first nothing runs; services come in their order, and stopped ones stay so. */
static void test_services_start(void **state)
{
    struct world *world = *state;
    bool starting = false;

    boot(world, 1);
    look_at(world, 0);
    assert_false(runs(world, "Base"));
    assert_int_equal(service(world, "Base")->exit_code, 1077);
    assert_int_equal(service(world, "Broken")->exit_code, 1077);
    for (int64_t ms = 0; ms < SETTLED_MS; ms += 100) {
        look_at(world, ms);
        starting = starting || !service(world, "W3SVC")->has_runs;
        assert_true(runs(world, "Base") || !runs(world, "W3SVC"));
        assert_true(runs(world, "W3SVC") || !listens(world, 8080));
        assert_true(runs(world, "Mail") || !listens(world, 50010));
        assert_true(ms >= 120000 || !runs(world, "Mail")); /* delayed */
        assert_int_equal(listens(world, 8080),
                         hm_ports_contains(rows(world, HM_IPV4), 8080)); /* the URL's row */
    }
    assert_true(starting);
    assert_true(runs(world, "Mail") && listens(world, 8080) && listens(world, 50010));
    assert_int_equal(service(world, "Broken")->exit_code, 1067);
    assert_false(runs(world, "Idle"));
    assert_true(hm_boot_started_ms(world->boot) < SETTLED_MS);
    assert_true(hm_boot_complete_ms(world->boot) < SETTLED_MS);
}

/* The block keeps its width and comes down elsewhere, outside of exclusions and sockets. */
static void test_random_ports(void **state)
{
    struct world *world = *state;
    unsigned moved = 0;

    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct hm_range range;
        unsigned clients = 0;

        boot(world, seed);
        look_at(world, 1000);
        look_at(world, SETTLED_MS);
        range = block(world, HM_IPV4);
        assert_int_equal(hm_range_count(range), 30);
        assert_int_equal(block(world, HM_IPV6).first, range.first); /* one block, both families */
        assert_true(range.first >= 50000 && range.last < 50300);
        assert_true(range.last < 50200 || range.first > 50209);
        moved += range.first != 50100 ? 1u : 0u;
        for (size_t i = 0; i < world->seen.sockets.count; i++) {
            const struct hm_socket *row = &world->seen.sockets.at[i];

            if (row->state == HM_SOCKET_ESTABLISHED) {
                assert_in_range(row->port, 50000, 50299);
                assert_false(hm_range_contains(range, row->port));
                assert_false(row->port >= 50200 && row->port <= 50209);
                clients++;
            }
        }
        assert_int_equal(clients, CLIENTS);
    }
    assert_true(moved >= 45);
}

/* What is seen, in a number. */
static uint64_t fingerprint(struct world *world, uint64_t seed)
{
    uint64_t hash = HM_HASH_START;

    boot(world, seed);
    for (int64_t ms = 500; ms < SETTLED_MS; ms += 7000) {
        look_at(world, ms);
        for (size_t i = 0; i < world->seen.sockets.count; i++) {
            hash = hm_str_hash(hash, &world->seen.sockets.at[i].port, sizeof(uint16_t));
        }
    }
    return hash;
}

static void test_seed_decides(void **state)
{
    struct world *world = *state;
    const uint64_t first = fingerprint(world, 7);

    assert_true(first == fingerprint(world, 7));
    assert_true(first != fingerprint(world, 8));
}

/* HTTP.sys cannot reserve a port inside an administered exclusion; the site's host runs on. */
static void test_httpsys_reacts(void **state)
{
    struct world *world = *state;
    const struct hm_boot_extra extras[] = {
        {HM_TCP, 50250, HM_KIND_HTTPSYS, "W3SVC",  "", false, 0},
        {HM_TCP, 50251, HM_KIND_HTTPSYS, "Custom", "", false, 0},
    };
    const struct hm_boot_options options = {
        .seed = 3, .boot_id = "b1", .extras = extras, .extras_count = 2};

    boot_with(world, &options);
    look_at(world, 0);
    add_row(world, 50250, HM_OK);
    add_row(world, 50251, HM_OK);
    look_at(world, SETTLED_MS);
    assert_false(listens(world, 50250) || listens(world, 50251));
    assert_int_equal(item_of(world, 50250)->cause, HM_BOOT_EXCLUDED);
    assert_true(runs(world, "W3SVC") && listens(world, 8080));
    assert_false(runs(world, "Custom"));
    assert_int_equal(service(world, "Custom")->exit_code, 32);
    assert_true(world->seen.has_events);
    assert_int_equal(world->seen.events.count, 3); /* two addresses, one service */
    boot_with(world, &options);                    /* the exclusion is persistent */
    look_at(world, SETTLED_MS);
    assert_int_equal(item_of(world, 50250)->cause, HM_BOOT_EXCLUDED);
}

/* A server of QUIC reserves its port with the socket, also outside the dynamic range. */
static void test_quic_has_its_row(void **state)
{
    static const char *const names[] = {"ipv4-udp-excludedportrange.txt",
                                        "ipv6-udp-excludedportrange.txt"};
    struct world *world = *state;

    for (size_t i = 0; i < HM_COUNT(names); i++) {
        recorded_folder_puts(&world->folder, names[i], ROWS("       123       123\r\n"));
    }
    hm_boot_host_close(world->host);
    world->host = NULL;
    assert_int_equal(hm_boot_host_open(world->folder.path, &world->host, NULL), HM_OK);
    for (uint64_t seed = 1; seed <= 5; seed++) {
        const struct hm_stack *stack;

        boot(world, seed);
        look_at(world, 0);
        stack = hm_inventory_stack(&world->seen.inventory, HM_UDP, HM_IPV4);
        assert_int_equal(stack->runtime.count, 0);
        look_at(world, SETTLED_MS);
        stack = hm_inventory_stack(&world->seen.inventory, HM_UDP, HM_IPV4);
        assert_int_equal(stack->runtime.count, 1);
        assert_true(hm_ports_contains(stack->runtime, 123) && listens(world, 123));
        assert_int_equal(item_of(world, 123)->kind, HM_KIND_QUIC);
    }
}

/* Without the exclusion it works, and then netsh refuses one. */
static void test_httpsys_first(void **state)
{
    struct world *world = *state;
    const struct hm_boot_extra extra = {HM_TCP, 50250, HM_KIND_HTTPSYS, "W3SVC", "", true, 0};
    struct hm_boot_options options = {
        .seed = 3, .boot_id = "b1", .extras = &extra, .extras_count = 1};

    for (uint64_t seed = 1;; seed++) { /* one in which nobody has its port first */
        options.seed = seed;
        boot_with(world, &options);
        look_at(world, SETTLED_MS);
        if (listens(world, 50250)) {
            break;
        }
    }
    assert_true(hm_ports_contains(rows(world, HM_IPV6), 50250));
    assert_true(world->seen.inventory.has_configured);
    assert_int_equal(world->seen.inventory.configured.at[0].port, 50250);
    add_row(world, 50250, HM_EBUSY);
    options.hides_settings = true;
    boot_with(world, &options);
    look_at(world, SETTLED_MS);
    assert_false(world->seen.inventory.has_configured);
}

/* A client or the block has the port when the service starts: it fails, as Windows says it. */
static void test_lost_race(void **state)
{
    struct world *world = *state;
    unsigned codes[2] = {0, 0};

    for (uint64_t seed = 1; seed <= 200; seed++) {
        const struct hm_boot_time late = {"Mail", 590000};
        const struct hm_boot_options options = {
            .seed = seed, .boot_id = "b1", .times = &late, .times_count = 1};
        const struct hm_boot_item *item;

        boot_with(world, &options);
        look_at(world, 1000);
        look_at(world, 2 * SETTLED_MS);
        item = item_of(world, 50010);
        if (item->state == HM_BOOT_FAILED) {
            const bool is_block = item->cause == HM_BOOT_BLOCK;
            const struct hm_boot_item *holder = hm_boot_holder(world->boot, HM_TCP, HM_IPV4, 50010);

            codes[is_block ? 1 : 0]++;
            assert_false(runs(world, "Mail"));
            assert_int_equal(service(world, "Mail")->exit_code, is_block ? 10013 : 10048);
            assert_int_equal(holder->is_block, is_block);
            assert_false(holder->is_listener);
        } else {
            assert_true(runs(world, "Mail") && listens(world, 50010));
        }
    }
    assert_true(codes[0] > 10 && codes[1] > 1);
}

static void test_exclusion_protects(void **state)
{
    struct world *world = *state;

    for (uint64_t seed = 1; seed <= 30; seed++) {
        const struct hm_boot_time late = {"Mail", 590000};
        const struct hm_boot_options options = {
            .seed = seed, .boot_id = "b1", .times = &late, .times_count = 1};

        boot_with(world, &options);
        look_at(world, 0);
        if (seed == 1) {
            add_row(world, 50010, HM_OK);
        }
        look_at(world, 2 * SETTLED_MS);
        assert_true(listens(world, 50010)); /* of IPv4, of which the clients are, too */
    }
}

static void test_denied_and_slow(void **state)
{
    struct world *world = *state;
    const struct hm_boot_options options = {
        .seed = 1, .boot_id = "b1", .is_denied = true, .is_slow = true};

    boot_with(world, &options);
    look_at(world, 1000);
    assert_false(world->seen.has_events); /* the event log comes late */
    assert_false(world->seen.inventory.has_configured);
    assert_true(world->passed_ms > 0);
    add_row(world, 50260, HM_EDENIED);
    look_at(world, 2 * SETTLED_MS);
    assert_int_equal(
        hm_inventory_stack(&world->seen.inventory, HM_TCP, HM_IPV4)->administered.count, 1);
    assert_true(world->seen.has_events);
}

/* Somebody has stopped the service: it and its ports do not come. */
static void test_idle_service(void **state)
{
    struct world *world = *state;
    const struct hm_boot_options options = {.seed = 1, .boot_id = "b1", .idle = "W3SVC"};

    boot_with(world, &options);
    look_at(world, SETTLED_MS);
    assert_false(runs(world, "W3SVC") || listens(world, 8080));
    assert_int_equal(service(world, "W3SVC")->exit_code, 1077);
    assert_true(runs(world, "Mail"));
    assert_true(hm_boot_complete_ms(world->boot) < SETTLED_MS);
}

/* What cannot wait is asked for alone. */
static void test_urgent_reading(void **state)
{
    struct world *world = *state;
    const struct hm_stack *stack;

    boot(world, 1);
    hm_platform_recorded.prepare(world->platform, (struct hm_reading){.urgent = 1u << 1});
    look_at(world, 1000);
    stack = hm_inventory_stack(&world->seen.inventory, HM_TCP, HM_IPV6);
    assert_true(stack->has_administered && stack->has_runtime && !stack->has_dynamic);
    stack = hm_inventory_stack(&world->seen.inventory, HM_TCP, HM_IPV4);
    assert_false(stack->has_administered || stack->has_runtime);
    hm_platform_recorded.prepare(world->platform, (struct hm_reading){.urgent = 0});
    look_at(world, 1000);
    assert_true(hm_inventory_stack(&world->seen.inventory, HM_TCP, HM_IPV4)->has_dynamic);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_services_start),     TEST(test_random_ports),     TEST(test_seed_decides),
        TEST(test_httpsys_reacts),     TEST(test_httpsys_first),    TEST(test_lost_race),
        TEST(test_httpsys_reacts),     TEST(test_quic_has_its_row), TEST(test_lost_race),
        TEST(test_exclusion_protects), TEST(test_denied_and_slow),  TEST(test_urgent_reading),
        TEST(test_idle_service),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
