/* tests/unit/ports/test_port_book.c — listeners over boots: what is noted, kept and forgotten.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "common/ports/port_book.h"

#define MOST 8

struct host {
    struct hm_arena arena;
    struct hm_port_memo memo;
    struct hm_listener listeners[MOST];
    struct hm_inventory inventory;
    unsigned boot;
};

static void start(struct host *host)
{
    memset(host, 0, sizeof(*host));
    hm_arena_init(&host->arena, 64u * 1024u * 1024u);
    host->memo.boot_id = "";
    host->inventory.has_listeners = true;
    host->inventory.listeners.at = host->listeners;
    host->boot = 1;
}

static void listens(struct host *host, uint16_t port, const char *program, enum hm_family family)
{
    struct hm_listeners *list = &host->inventory.listeners;

    assert_true(list->count < MOST);
    list->at[list->count++] = (struct hm_listener){.protocol = HM_TCP,
                                                   .family = family,
                                                   .address = "",
                                                   .port = port,
                                                   .program = program,
                                                   .service = ""};
}

static bool look(struct host *host)
{
    char id[16];
    bool changed;

    (void)snprintf(id, sizeof(id), "boot-%u", host->boot);
    assert_int_equal(
        hm_port_memo_note(&host->memo, &host->inventory, id, &host->arena, &changed, NULL), HM_OK);
    return changed;
}

static struct hm_port_book book_of(struct host *host)
{
    struct hm_port_book book;

    assert_int_equal(hm_port_memo_list(&host->memo, &host->arena, &book, NULL), HM_OK);
    return book;
}

/* 0: not in the book. */
static uint32_t boots_of(struct host *host, uint16_t port)
{
    struct hm_port_book book = book_of(host);

    for (size_t i = 0; i < book.count; i++) {
        if (book.at[i].port == port) {
            return book.at[i].boots;
        }
    }
    return 0;
}

static void test_two_observations(void **state)
{
    struct host host;

    (void)state;
    start(&host);
    listens(&host, 50000, "app", HM_IPV4);
    assert_true(look(&host));
    assert_int_equal(boots_of(&host, 50000), 0); /* of one moment, perhaps */
    assert_true(look(&host));
    assert_int_equal(boots_of(&host, 50000), 1);
    assert_false(look(&host)); /* an unchanged host writes nothing */
    assert_int_equal(boots_of(&host, 50000), 1);
    host.inventory.listeners.count = 0;
    listens(&host, 50001, "client", HM_IPV4);
    assert_true(look(&host));
    host.inventory.listeners.count = 0;
    assert_true(look(&host)); /* gone before it counted */
    assert_false(look(&host));
    assert_int_equal(boots_of(&host, 50001), 0);
    assert_int_equal(boots_of(&host, 50000), 1); /* it is down, and remembered */
    hm_arena_fini(&host.arena);
}

static void test_boots_are_counted(void **state)
{
    struct host host;

    (void)state;
    start(&host);
    listens(&host, 50000, "app", HM_IPV4);
    listens(&host, 50000, "app", HM_IPV6);
    for (host.boot = 1; host.boot <= 15; host.boot++) {
        (void)look(&host);
        assert_int_equal(boots_of(&host, 50000),
                         host.boot - 1 > HM_PORT_BOOK_BOOTS ? HM_PORT_BOOK_BOOTS : host.boot - 1);
        (void)look(&host);
        (void)look(&host); /* the same boot counts once */
    }
    assert_int_equal(boots_of(&host, 50000), HM_PORT_BOOK_BOOTS);
    assert_int_equal(book_of(&host).count, 1);
    assert_int_equal(book_of(&host).at[0].families, HM_FAMILIES_BOTH);
    hm_arena_fini(&host.arena);
}

static void test_forgotten(void **state)
{
    struct host host;

    (void)state;
    start(&host);
    listens(&host, 50000, "fixed", HM_IPV4);
    for (host.boot = 1; host.boot <= 2; host.boot++) {
        host.inventory.listeners.count = 1;
        listens(&host, (uint16_t)(51000 + host.boot), "random", HM_IPV4);
        (void)look(&host);
        (void)look(&host);
    }
    host.inventory.listeners.count = 0;
    for (host.boot = 3; host.boot <= 2 + HM_PORT_BOOK_FORGET_FIXED + 1; host.boot++) {
        (void)look(&host);
        assert_int_equal(boots_of(&host, 51002), host.boot <= 2 + HM_PORT_BOOK_FORGET_ONCE ? 1 : 0);
        assert_int_equal(boots_of(&host, 50000),
                         host.boot <= 2 + HM_PORT_BOOK_FORGET_FIXED ? 2 : 0);
    }
    hm_arena_fini(&host.arena);
}

/* Another program on the same port is another memory; the same port of another protocol too. */
static void test_saw(void **state)
{
    struct hm_port_entry entries[] = {
        {.protocol = HM_TCP, .port = 50000, .program = "a.exe", .service = "A", .boots = 2},
        {.protocol = HM_TCP, .port = 50000, .program = "b.exe", .service = "",  .boots = 5},
        {.protocol = HM_TCP, .port = 50002, .program = "",      .service = "C", .boots = 1},
        {.protocol = HM_UDP, .port = 50000, .program = "d.exe", .service = "",  .boots = 3},
    };
    const struct hm_port_book book = {entries, HM_COUNT(entries)};
    static const struct {
        enum hm_protocol protocol;
        uint16_t port;
        const char *program, *service;
        uint32_t boots;
        bool saw;
    } cases[] = {
        {HM_TCP, 50000, "a.exe",     "A",     2, true },
        {HM_TCP, 50000, "A.EXE",     "",      2, true },
        {HM_TCP, 50000, "other.exe", "a",     2, true }, /* the service decides where both have one */
        {HM_TCP, 50000, "a.exe",     "Other", 1, false},
        {HM_TCP, 50000, "a.exe",     "A",     3, false},
        {HM_TCP, 50000, "b.exe",     "",      5, true },
        {HM_TCP, 50001, "a.exe",     "A",     1, false},
        {HM_TCP, 50002, "",          "C",     1, true },
        {HM_TCP, 50002, "",          "",      1, false},
        {HM_UDP, 50000, "a.exe",     "A",     1, false},
        {HM_UDP, 50000, "d.exe",     "",      3, true },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        assert_int_equal(hm_port_book_saw(&book, cases[i].protocol, cases[i].port, cases[i].program,
                                          cases[i].service, cases[i].boots),
                         cases[i].saw);
    }
}

/* However many listeners there are: the ports of several boots stay, those of one go. */
static void test_bounded(void **state)
{
    static struct hm_listener many[HM_LIMIT_LISTENERS];
    struct host host;

    (void)state;
    start(&host);
    for (size_t i = 0; i < HM_LIMIT_LISTENERS; i++) {
        many[i] = (struct hm_listener){.protocol = HM_TCP,
                                       .address = "",
                                       .port = (uint16_t)(1024 + i),
                                       .program = "p",
                                       .service = ""};
    }
    host.inventory.listeners = (struct hm_listeners){many + HM_LIMIT_LISTENERS - 100, 100};
    (void)look(&host);
    (void)look(&host);
    host.boot = 2;
    host.inventory.listeners = (struct hm_listeners){many, HM_LIMIT_LISTENERS};
    (void)look(&host);
    (void)look(&host);
    assert_int_equal(host.memo.rows.count, HM_LIMIT_PORT_BOOK);
    assert_int_equal(book_of(&host).count, HM_PORT_BOOK_REPORTED);
    for (size_t i = HM_LIMIT_LISTENERS - 100; i < HM_LIMIT_LISTENERS; i++) {
        assert_int_equal(boots_of(&host, many[i].port), 2);
    }
    hm_arena_fini(&host.arena);
}

/* A kind that becomes known later is no second listener. */
static void test_one_row_whatever_the_kind(void **state)
{
    struct host host;
    struct hm_port_book book;

    (void)state;
    start(&host);
    listens(&host, 49152, "wininit.exe", HM_IPV4);
    (void)look(&host);
    (void)look(&host);
    host.boot = 2;
    host.listeners[0].kind = HM_KIND_RPC;
    listens(&host, 49152, "wininit.exe", HM_IPV6); /* of which the kind is not known */
    assert_true(look(&host));
    assert_true(look(&host));
    book = book_of(&host);
    assert_int_equal(book.count, 1);
    assert_int_equal(book.at[0].kind, HM_KIND_RPC);
    assert_int_equal(book.at[0].families, HM_FAMILIES_BOTH);
    assert_int_equal(book.at[0].boots, 2);
    host.boot = 3;
    host.listeners[0].kind = HM_KIND_SOCKET;
    (void)look(&host);
    (void)look(&host);
    assert_false(look(&host));
    assert_int_equal(book_of(&host).count, 1);
    assert_int_equal(book_of(&host).at[0].kind, HM_KIND_RPC);
    hm_arena_fini(&host.arena);
}

/* Books of agents that kept a row for each kind. */
static void test_rows_of_two_kinds_are_merged(void **state)
{
    struct hm_port_memory rows[] = {
        {.entry = {.port = 49153, .program = "b", .service = "", .boots = 1}, .last_boot = 4},
        {.entry = {.port = 49152, .program = "a", .service = "", .boots = 5}, .last_boot = 3},
        {.entry = {.port = 49152,
                   .program = "a",
                   .service = "",
                   .families = HM_FAMILIES_IPV4,
                   .kind = HM_KIND_RPC,
                   .boots = 2},
         .last_boot = 4                                                                     },
    };
    struct hm_port_memo memo = {
        .boot_id = "boot", .boot = 4, .rows = {rows, HM_COUNT(rows)}
    };
    struct hm_port_entry entries[] = {rows[2].entry, rows[0].entry, rows[1].entry};
    struct hm_port_book book = {entries, HM_COUNT(entries)};

    (void)state;
    hm_port_memo_settle(&memo);
    assert_int_equal(memo.rows.count, 2);
    assert_int_equal(rows[0].entry.kind, HM_KIND_RPC);
    assert_int_equal(rows[0].entry.boots, 5);
    assert_int_equal(rows[0].last_boot, 4);
    assert_int_equal(rows[1].entry.port, 49153);
    hm_port_book_settle(&book);
    assert_int_equal(book.count, 2);
    assert_int_equal(entries[0].kind, HM_KIND_RPC);
    assert_int_equal(entries[0].boots, 5);
}

struct mark_case {
    const char *service;
    enum hm_entry_service whole;   /* every installed service is known */
    enum hm_entry_service partial; /* or not */
};

/* Disabled, or no longer there: only what the system lists says so. */
static void test_services_that_need_no_port(void **state)
{
    static const struct mark_case cases[] = {
        {"Runs",              HM_ENTRY_SERVICE_UNKNOWN,  HM_ENTRY_SERVICE_UNKNOWN },
        {"runs-masked",       HM_ENTRY_SERVICE_UNKNOWN,  HM_ENTRY_SERVICE_UNKNOWN },
        {"Automatic",         HM_ENTRY_SERVICE_UNKNOWN,  HM_ENTRY_SERVICE_UNKNOWN },
        {"Manual",            HM_ENTRY_SERVICE_UNKNOWN,  HM_ENTRY_SERVICE_UNKNOWN },
        {"DISABLED",          HM_ENTRY_SERVICE_DISABLED, HM_ENTRY_SERVICE_DISABLED},
        {"DetailDisabled",    HM_ENTRY_SERVICE_DISABLED, HM_ENTRY_SERVICE_DISABLED},
        {"Gone",              HM_ENTRY_SERVICE_GONE,     HM_ENTRY_SERVICE_UNKNOWN },
        {"postgresql@15",     HM_ENTRY_SERVICE_UNKNOWN,  HM_ENTRY_SERVICE_UNKNOWN },
        {"postgresql-old@15", HM_ENTRY_SERVICE_GONE,     HM_ENTRY_SERVICE_UNKNOWN },
        {"",                  HM_ENTRY_SERVICE_UNKNOWN,  HM_ENTRY_SERVICE_UNKNOWN },
    };
    const char *running[] = {"Runs", "runs-masked"};
    struct hm_service details[] = {
        {.name = "Automatic",      .start = HM_START_AUTOMATIC},
        {.name = "DetailDisabled", .start = HM_START_DISABLED }
    };
    struct hm_service idle[] = {
        {.name = "runs-masked", .start = HM_START_DISABLED},
        {.name = "Manual",      .start = HM_START_MANUAL  },
        {.name = "Disabled",    .start = HM_START_DISABLED},
        {.name = "postgresql@", .start = HM_START_MANUAL  },
    };
    const struct hm_services others = {idle, HM_COUNT(idle)};

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_port_entry entry = {.program = "p", .service = cases[i].service};
        struct hm_inventory inventory = {
            .has_services = true,
            .services = {running, HM_COUNT(running)},
            .has_service_details = true,
            .service_details = {details, HM_COUNT(details)},
            .has_port_book = true,
            .port_book = {&entry,  1                }
        };

        print_message("\"%s\"\n", cases[i].service);
        hm_port_book_mark(&inventory, &others, true);
        assert_int_equal(entry.service_state, cases[i].whole);
        entry.service_state = HM_ENTRY_SERVICE_UNKNOWN;
        hm_port_book_mark(&inventory, &others, false);
        assert_int_equal(entry.service_state, cases[i].partial);
        entry.service_state = HM_ENTRY_SERVICE_UNKNOWN;
        inventory.services_partial = true;
        hm_port_book_mark(&inventory, &others, true);
        assert_int_equal(entry.service_state, cases[i].partial);
    }
}

/* A port that must not be excluded is remembered whatever it looks like later: early in a boot
 * HTTP.sys looks like a driver. Only on Windows does an exclusion break anything. */
static void test_hazards_are_not_forgotten(void **state)
{
    static const enum hm_os_family families[] = {HM_OS_WINDOWS, HM_OS_LINUX};

    (void)state;
    for (size_t i = 0; i < HM_COUNT(families); i++) {
        struct hm_port_book forgotten;
        struct hm_range range = {8443, 8443};
        struct host host;

        start(&host);
        host.inventory.os.family = families[i];
        listens(&host, 8443, "System", HM_IPV4);
        host.listeners[0].kind = HM_KIND_HTTPSYS;
        (void)look(&host);
        (void)look(&host);
        host.boot++;
        host.listeners[0].kind = HM_KIND_KERNEL;
        (void)look(&host);
        (void)look(&host);
        assert_int_equal(book_of(&host).at[0].kind, HM_KIND_HTTPSYS);
        host.inventory.listeners.count = 0;
        for (unsigned boot = 0; boot < 2 * HM_PORT_BOOK_FORGET_FIXED; boot++) {
            host.boot++;
            (void)look(&host);
        }
        assert_int_equal(boots_of(&host, 8443), families[i] == HM_OS_WINDOWS ? 2 : 0);
        assert_int_equal(hm_port_memo_forget(&host.memo, (struct hm_ports){&range, 1}, &host.arena,
                                             &forgotten, NULL),
                         HM_OK);
        assert_int_equal(forgotten.count, families[i] == HM_OS_WINDOWS ? 1 : 0);
        assert_int_equal(boots_of(&host, 8443), 0);
        hm_arena_fini(&host.arena);
    }
}

/* A service that serves its port for one observation only, now and then. */
static void test_a_hazard_counts_at_once(void **state)
{
    static const struct {
        enum hm_os_family family;
        enum hm_listener_kind kind;
        uint16_t port;
        uint32_t boots;
    } rows[] = {
        {HM_OS_WINDOWS, HM_KIND_HTTPSYS,   50443, 1},
        {HM_OS_WINDOWS, HM_KIND_SHARED,    50443, 1},
        {HM_OS_WINDOWS, HM_KIND_CONTAINER, 8080,  1},
        {HM_OS_WINDOWS, HM_KIND_CONTAINER, 50443, 0}, /* as a rule a random one */
        {HM_OS_WINDOWS, HM_KIND_KERNEL,    50443, 0},
        {HM_OS_LINUX,   HM_KIND_HTTPSYS,   50443, 0},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        struct hm_stack stack = {
            .protocol = HM_TCP, .has_dynamic = true, .dynamic = {49152, 65535}
        };
        struct host host;

        start(&host);
        host.inventory.os.family = rows[i].family;
        host.inventory.stacks = (struct hm_stacks){&stack, 1};
        listens(&host, rows[i].port, "System", HM_IPV4);
        host.listeners[0].kind = rows[i].kind;
        (void)look(&host);
        host.inventory.listeners.count = 0;
        (void)look(&host);
        if (boots_of(&host, rows[i].port) != rows[i].boots) {
            fail_msg("row %u", (unsigned)i);
        }
        host.boot++; /* and one observation of the next boot is a second boot */
        host.inventory.listeners.count = 1;
        (void)look(&host);
        assert_int_equal(boots_of(&host, rows[i].port), 2 * rows[i].boots);
        assert_true(look(&host) == (rows[i].boots == 0));
        hm_arena_fini(&host.arena);
    }
}

/* What keeps a port from being excluded is reported before what was seen in more boots. */
static void test_hazards_are_reported_first(void **state)
{
    const size_t count = HM_PORT_BOOK_REPORTED + 10;
    struct hm_port_memory *rows;
    struct host host;

    (void)state;
    start(&host);
    rows = hm_arena_alloc(&host.arena, count, sizeof(*rows));
    assert_non_null(rows);
    for (size_t i = 0; i < count; i++) {
        rows[i] = (struct hm_port_memory){
            .entry = {.port = (uint16_t)(1000 + i), .program = "a", .service = "", .boots = 9},
            .last_boot = 1
        };
    }
    rows[count - 1].entry.boots = 1;
    rows[count - 1].entry.kind = HM_KIND_CONTAINER;
    host.memo.rows = (struct hm_port_memories){rows, count};
    assert_int_equal(book_of(&host).count, HM_PORT_BOOK_REPORTED);
    assert_int_equal(boots_of(&host, (uint16_t)(1000 + count - 1)), 1);
    hm_arena_fini(&host.arena);
}

/* A host that publishes thousands of containers keeps the ports of its stopped services, and the
 * ones of HTTP.sys. */
static void test_containers_have_a_quota(void **state)
{
    const size_t count = HM_LIMIT_PORT_BOOK + 10;
    struct hm_port_memory *rows;
    struct host host;

    (void)state;
    start(&host);
    rows = hm_arena_alloc(&host.arena, count, sizeof(*rows));
    assert_non_null(rows);
    for (size_t i = 0; i < count; i++) {
        rows[i] = (struct hm_port_memory){
            .entry = {.port = (uint16_t)(1000 + i),
                      .program = "a",
                      .service = "",
                      .boots = 1,
                      .kind = HM_KIND_CONTAINER},
            .last_boot = 1
        };
    }
    rows[count - 1].entry.boots = HM_PORT_BOOK_FIXED;
    rows[count - 1].entry.kind = HM_KIND_SOCKET;
    rows[count - 2].entry.kind = HM_KIND_HTTPSYS;
    host.memo = (struct hm_port_memo){
        .boot_id = "boot-1", .boot = 1, .rows = {rows, count}
    };
    assert_int_equal(book_of(&host).count, HM_PORT_BOOK_REPORTED);
    assert_int_equal(boots_of(&host, rows[count - 1].entry.port), HM_PORT_BOOK_FIXED);
    assert_int_equal(boots_of(&host, rows[count - 2].entry.port), 1);
    host.inventory.os.family = HM_OS_WINDOWS;
    (void)look(&host);
    assert_int_equal(host.memo.rows.count, HM_LIMIT_PORT_BOOK);
    assert_int_equal(boots_of(&host, rows[count - 1].entry.port), HM_PORT_BOOK_FIXED);
    assert_int_equal(boots_of(&host, rows[count - 2].entry.port), 1);
    hm_arena_fini(&host.arena);
}

/* A container's port inside the dynamic range is a random one: it is forgotten some day, or every
 * such port would be refused forever. Not so outside, where the range is unknown, or HTTP.sys'. */
static void test_random_container_ports_are_forgotten(void **state)
{
    static const struct {
        uint16_t port;
        enum hm_listener_kind kind;
        bool known;
        bool forgotten;
    } cases[] = {
        {50001, HM_KIND_CONTAINER, true,  true },
        {50001, HM_KIND_CONTAINER, false, false},
        {8080,  HM_KIND_CONTAINER, true,  false},
        {50001, HM_KIND_HTTPSYS,   true,  false},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_stack stack = {
            .protocol = HM_TCP,
            .family = HM_IPV4,
            .has_dynamic = cases[i].known,
            .dynamic = {49152, 65535}
        };
        struct host host;

        print_message("case %zu\n", i);
        start(&host);
        host.inventory.os.family = HM_OS_WINDOWS;
        host.inventory.stacks = (struct hm_stacks){&stack, 1};
        listens(&host, cases[i].port, "System", HM_IPV4);
        host.listeners[0].kind = cases[i].kind;
        (void)look(&host);
        (void)look(&host);
        host.inventory.listeners.count = 0;
        for (host.boot = 2; host.boot <= 1 + HM_PORT_BOOK_FORGET_CONTAINER; host.boot++) {
            (void)look(&host);
            assert_int_equal(boots_of(&host, cases[i].port), 1);
        }
        (void)look(&host);
        assert_int_equal(boots_of(&host, cases[i].port), cases[i].forgotten ? 0 : 1);
        hm_arena_fini(&host.arena);
    }
}

/* Nothing listens for it, and after a boot HNS starts late or not at all. */
static void test_endpoints_of_containers_are_remembered(void **state)
{
    struct hm_configured rows[] = {
        {.protocol = HM_TCP,
         .port = 8080,
         .kind = HM_KIND_CONTAINER,
         .by = HM_BY_HNS_ENDPOINT,
         .subject = ""},
        {.protocol = HM_TCP,
         .port = 8081,
         .kind = HM_KIND_HTTPSYS,
         .by = HM_BY_URL_RESERVATION,
         .subject = ""},
    };
    struct host host;

    (void)state;
    start(&host);
    host.inventory.os.family = HM_OS_WINDOWS;
    host.inventory.has_configured = true;
    host.inventory.configured = (struct hm_configured_list){rows, HM_COUNT(rows)};
    listens(&host, 135, "svchost.exe", HM_IPV4);
    (void)look(&host);
    (void)look(&host);
    host.inventory.configured.count = 0; /* HNS has not started */
    host.boot = 2;
    (void)look(&host);
    assert_int_equal(boots_of(&host, 8080), 1);
    assert_int_equal(boots_of(&host, 8081), 0); /* the settings can always be read */
    hm_arena_fini(&host.arena);
}

static void test_without_listeners(void **state)
{
    struct host host;

    (void)state;
    start(&host);
    host.inventory.has_listeners = false;
    assert_false(look(&host));
    assert_int_equal(host.memo.boot, 0);
    hm_arena_fini(&host.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_observations),
        cmocka_unit_test(test_boots_are_counted),
        cmocka_unit_test(test_forgotten),
        cmocka_unit_test(test_saw),
        cmocka_unit_test(test_bounded),
        cmocka_unit_test(test_hazards_are_not_forgotten),
        cmocka_unit_test(test_a_hazard_counts_at_once),
        cmocka_unit_test(test_hazards_are_reported_first),
        cmocka_unit_test(test_containers_have_a_quota),
        cmocka_unit_test(test_random_container_ports_are_forgotten),
        cmocka_unit_test(test_endpoints_of_containers_are_remembered),
        cmocka_unit_test(test_without_listeners),
        cmocka_unit_test(test_services_that_need_no_port),
        cmocka_unit_test(test_one_row_whatever_the_kind),
        cmocka_unit_test(test_rows_of_two_kinds_are_merged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
