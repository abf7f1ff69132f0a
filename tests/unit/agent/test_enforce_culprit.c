/* tests/unit/agent/test_enforce_culprit.c — whose exclusion a failure is because of.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/enforce/enforce.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/os/os.h"
#include "tests/support/enforce_double.h"

#define MODERN "10.0.17763"
#define SETTLED_S 700

static void expect_pass(struct hm_enforce_double *host, const char *states)
{
    assert_int_equal(enforce_double_pass(host), HM_OK);
    assert_string_equal(enforce_double_states(host), states);
}

/* A host that runs one service, which is to fail later. */
static struct hm_service *begin(struct hm_enforce_double *host, const char *service)
{
    enforce_double_init(host, MODERN);
    return hm_build_service_runs(&host->model.host, service, true);
}

static void boot_and_settle(struct hm_enforce_double *host, const char *boot_id)
{
    enforce_double_boot(host, boot_id);
    enforce_double_wait(host, SETTLED_S);
}

/* As one whose port of HTTP.sys is excluded. */
static void fail_service(struct hm_service *service)
{
    service->runs = false;
    service->exit_code = 32;
}

/* Error 32 of a service whose port nobody knows: a policy for ports of plain sockets is innocent.
 */
static void test_innocents_are_not_blamed(void **state)
{
    struct hm_enforce_double one;
    struct hm_enforce_double *host = &one;
    struct hm_service *site;

    (void)state;
    site = begin(host, "Portal");
    (void)hm_build_remember(&host->model.host, HM_TCP, 40001, "app.exe", "app", HM_KIND_SOCKET, 3);
    (void)hm_model_reserve(&host->model, "plain", "tcp", "40001");
    (void)hm_model_reserve(&host->model, "raw", "tcp", "40000");
    expect_pass(host, "plain/1 verified; raw/1 verified");
    fail_service(site);
    enforce_double_wait(host, 30);
    expect_pass(host, "plain/1 verified; raw/1 failed");
    enforce_double_fini(host);
}

/* HTTP.sys says which port it is: nobody else is guessed at. */
static void test_a_named_port_decides(void **state)
{
    struct hm_enforce_double one;
    struct hm_enforce_double *host = &one;
    struct hm_service *site;

    (void)state;
    site = begin(host, "Portal");
    (void)hm_model_reserve(&host->model, "raw", "tcp", "40000");
    (void)hm_model_reserve(&host->model, "site", "tcp", "50443");
    expect_pass(host, "raw/1 verified; site/1 verified");
    fail_service(site);
    hm_build_event(&host->model.host, "Microsoft-Windows-HttpEvent", 15005, "0.0.0.0:50443");
    enforce_double_wait(host, 30);
    expect_pass(host, "raw/1 verified; site/1 failed");
    enforce_double_fini(host);
}

/* An address that HTTP.sys could not serve before the change explains nothing after it. */
static void test_a_port_named_before_decides_nothing(void **state)
{
    struct hm_enforce_double one;
    struct hm_enforce_double *host = &one;
    struct hm_service *site;

    (void)state;
    site = begin(host, "Trio");
    hm_build_event(&host->model.host, "Microsoft-Windows-HttpEvent", 15005, "0.0.0.0:50420");
    (void)hm_model_reserve(&host->model, "raw", "udp", "40000");
    expect_pass(host, "raw/1 verified");
    fail_service(site);
    enforce_double_wait(host, 30);
    expect_pass(host, "raw/1 failed");
    enforce_double_fini(host);
}

/* … unless it could not serve it again since, while a policy excludes that port. Then nobody else
 * is guessed at, also once that exclusion is removed. (After the watch it is the port book that
 * has it removed; there is none here.) */
static void test_a_port_named_again_decides(void **state)
{
    static const struct {
        const char *what;
        int64_t wait_s; /* after the change */
        const char *boot_id;
        uint32_t count; /* events of that boot */
        const char *states;
    } rows[] = {
        {"within the watch",     30,   NULL,     3, "raw/1 verified; site/1 failed"  },
        {"after the watch",      3600, NULL,     3, "raw/1 verified; site/1 verified"},
        {"in the next boot",     3600, "boot-2", 1, "raw/1 verified; site/1 verified"},
        {"not named again",      30,   NULL,     2, "raw/1 failed; site/1 failed"    },
        {"not in the next boot", 30,   "boot-2", 0, "raw/1 failed; site/1 failed"    },
        {"the log was cleared",  30,   NULL,     0, "raw/1 failed; site/1 failed"    },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        struct hm_enforce_double one;
        struct hm_enforce_double *host = &one;
        struct hm_service *site;

        print_message("%s\n", rows[i].what);
        site = begin(host, "Portal");
        hm_build_event(&host->model.host, "Microsoft-Windows-HttpEvent", 15005, "0.0.0.0:50443");
        (void)hm_model_reserve(&host->model, "raw", "udp", "40000");
        (void)hm_model_reserve(&host->model, "site", "tcp", "50443");
        boot_and_settle(host, "boot-1");
        expect_pass(host, "raw/1 verified; site/1 verified");
        enforce_double_wait(host, rows[i].wait_s);
        expect_pass(host, "raw/1 verified; site/1 verified");
        if (rows[i].boot_id != NULL) {
            boot_and_settle(host, rows[i].boot_id);
        }
        host->model.host.events.at[0].count = rows[i].count;
        host->model.host.events.at[0].id = rows[i].count > 0 ? 15005 : 15007;
        fail_service(site);
        for (unsigned k = 0; k < 3; k++) {
            expect_pass(host, rows[i].states);
            enforce_double_wait(host, 30);
        }
        enforce_double_fini(host);
    }
}

/* … or had excluded it by then: a policy that comes later is innocent. */
static void test_an_excluded_port_named_before_decides(void **state)
{
    struct hm_enforce_double one;
    struct hm_enforce_double *host = &one;
    struct hm_service *site = begin(host, "Portal");

    (void)state;
    (void)hm_model_reserve(&host->model, "site", "tcp", "50443");
    boot_and_settle(host, "boot-1");
    expect_pass(host, "site/1 verified");
    enforce_double_wait(host, 3600);
    expect_pass(host, "site/1 verified");
    hm_build_event(&host->model.host, "Microsoft-Windows-HttpEvent", 15005, "0.0.0.0:50443");
    (void)hm_model_reserve(&host->model, "raw", "udp", "40000");
    expect_pass(host, "raw/1 verified; site/1 verified");
    fail_service(site);
    expect_pass(host, "raw/1 verified; site/1 verified");
    enforce_double_fini(host);
}

/* The log was cleared since the change: what is in it now is new. */
static void test_a_port_named_again_in_a_cleared_log(void **state)
{
    struct hm_enforce_double one;
    struct hm_enforce_double *host = &one;
    struct hm_service *site = begin(host, "Portal");

    (void)state;
    hm_build_event(&host->model.host, "Microsoft-Windows-HttpEvent", 15005, "0.0.0.0:50443");
    (void)hm_model_reserve(&host->model, "raw", "udp", "40000");
    (void)hm_model_reserve(&host->model, "site", "tcp", "50443");
    boot_and_settle(host, "boot-1");
    expect_pass(host, "raw/1 verified; site/1 verified");
    enforce_double_wait(host, 3600);
    host->model.host.events.at[0].id = 15007;
    expect_pass(host, "raw/1 verified; site/1 verified");
    host->model.host.events.at[0].id = 15005;
    host->model.host.events.at[0].count = 1;
    fail_service(site);
    expect_pass(host, "raw/1 verified; site/1 verified");
    enforce_double_fini(host);
}

/* An address that failed before and fails again, and that no policy touches, explains nothing. */
static void test_a_foreign_port_named_again_decides_nothing(void **state)
{
    struct hm_enforce_double one;
    struct hm_enforce_double *host = &one;
    struct hm_service *site;

    (void)state;
    site = begin(host, "Trio");
    hm_build_event(&host->model.host, "Microsoft-Windows-HttpEvent", 15005, "0.0.0.0:50420");
    (void)hm_model_reserve(&host->model, "raw", "udp", "40000");
    boot_and_settle(host, "boot-1");
    expect_pass(host, "raw/1 verified");
    host->model.host.events.at[0].count++;
    fail_service(site);
    enforce_double_wait(host, 30);
    expect_pass(host, "raw/1 failed");
    enforce_double_fini(host);
}

/* The exclusion breaks the service at its next start: the watch of the change is long over. */
static void test_the_next_boot_counts(void **state)
{
    struct hm_enforce_double one;
    struct hm_enforce_double *host = &one;
    struct hm_service *site;

    (void)state;
    site = begin(host, "Portal");
    site->start = HM_START_AUTOMATIC;
    (void)hm_model_reserve(&host->model, "raw", "tcp", "40000");
    boot_and_settle(host, "boot-1");
    expect_pass(host, "raw/1 verified");
    enforce_double_wait(host, 3600);
    expect_pass(host, "raw/1 verified");
    boot_and_settle(host, "boot-2");
    fail_service(site);
    expect_pass(host, "raw/1 failed");
    assert_string_equal(enforce_double_rows(host, HM_IPV4), "");
    enforce_double_fini(host);
}

/* In a later boot it has another reason. */
static void test_a_later_boot_does_not_count(void **state)
{
    struct hm_enforce_double one;
    struct hm_enforce_double *host = &one;
    struct hm_service *site;

    (void)state;
    site = begin(host, "Portal");
    (void)hm_model_reserve(&host->model, "raw", "tcp", "40000");
    boot_and_settle(host, "boot-1");
    expect_pass(host, "raw/1 verified");
    boot_and_settle(host, "boot-2");
    expect_pass(host, "raw/1 verified");
    boot_and_settle(host, "boot-3");
    fail_service(site);
    expect_pass(host, "raw/1 verified");
    enforce_double_fini(host);
}

/* Two policies require the port of the service, one of them added it; a third one is innocent. */
static void test_all_that_hold_the_port(void **state)
{
    struct hm_enforce_double one;
    struct hm_enforce_double *host = &one;
    struct hm_service *site;

    (void)state;
    site = begin(host, "Caddy");
    boot_and_settle(host, "boot-1");
    (void)hm_model_reserve(&host->model, "adds", "tcp", "40000");
    expect_pass(host, "adds/1 verified");
    (void)hm_model_reserve(&host->model, "custom", "udp", "40000");
    (void)hm_model_reserve(&host->model, "holds", "tcp", "39999-40000");
    expect_pass(host, "adds/1 verified; custom/1 verified; holds/1 verified");
    (void)hm_build_remember(&host->model.host, HM_TCP, 40000, "System", "Caddy", HM_KIND_HTTPSYS,
                            2);
    boot_and_settle(host, "boot-2");
    fail_service(site);
    expect_pass(host, "adds/1 failed; custom/1 verified; holds/1 failed");
    assert_string_equal(enforce_double_rows(host, HM_IPV4), "");
    enforce_double_fini(host);
}

/* What the book takes for a plain socket is suspected last. */
static void test_a_plain_port_is_suspected_last(void **state)
{
    struct hm_enforce_double one;
    struct hm_enforce_double *host = &one;
    struct hm_service *site;

    (void)state;
    site = begin(host, "Caddy");
    (void)hm_build_remember(&host->model.host, HM_TCP, 40000, "caddy.exe", "Caddy", HM_KIND_SOCKET,
                            2);
    (void)hm_model_reserve(&host->model, "adds", "tcp", "40000");
    (void)hm_model_reserve(&host->model, "holds", "tcp", "40000");
    expect_pass(host, "adds/1 verified; holds/1 verified");
    fail_service(site);
    enforce_double_wait(host, 30);
    expect_pass(host, "adds/1 failed; holds/1 failed");
    enforce_double_fini(host);
}

/* Before HTTP/3 HTTP.sys has no UDP port: a policy for the same number of UDP is innocent. */
static void test_a_udp_port_of_the_same_number(void **state)
{
    static const struct {
        const char *version;
        const char *address;
        const char *states;
    } rows[] = {
        {"10.0.17763", "0.0.0.0:50443", "tcp/1 failed; udp/1 verified"},
        {"10.0.17763", "an address",    "tcp/1 failed; udp/1 verified"},
        {"10.0.20348", "0.0.0.0:50443", "tcp/1 failed; udp/1 failed"  },
        {"10.0.20348", "an address",    "tcp/1 failed; udp/1 failed"  },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        struct hm_enforce_double one;
        struct hm_enforce_double *host = &one;

        print_message("%s, %s\n", rows[i].version, rows[i].address);
        enforce_double_init(host, rows[i].version);
        (void)hm_model_reserve(&host->model, "tcp", "tcp", "50443");
        (void)hm_model_reserve(&host->model, "udp", "udp", "50443");
        expect_pass(host, "tcp/1 verified; udp/1 verified");
        hm_build_event(&host->model.host, "Microsoft-Windows-HttpEvent", 15005, rows[i].address);
        enforce_double_wait(host, 30);
        expect_pass(host, rows[i].states);
        enforce_double_fini(host);
    }
}

/* Likewise where HTTP.sys names the port. */
static void test_all_that_hold_a_named_port(void **state)
{
    struct hm_enforce_double one;
    struct hm_enforce_double *host = &one;

    (void)state;
    enforce_double_init(host, MODERN);
    (void)hm_model_reserve(&host->model, "site", "tcp", "50443");
    expect_pass(host, "site/1 verified");
    (void)hm_model_reserve(&host->model, "tempting", "tcp", "50443");
    expect_pass(host, "site/1 verified; tempting/1 verified");
    hm_build_event(&host->model.host, "Microsoft-Windows-HttpEvent", 15005, "0.0.0.0:50443");
    enforce_double_wait(host, 30);
    expect_pass(host, "site/1 failed; tempting/1 failed");
    assert_string_equal(enforce_double_rows(host, HM_IPV4), "");
    enforce_double_fini(host);
}

/* A service with a plain port serves another one through HTTP.sys or QUIC, too, which no book has:
 * the exclusion of the plain one breaks nobody. */
static void test_a_plain_port_is_innocent(void **state)
{
    struct hm_enforce_double one;
    struct hm_enforce_double *host = &one;
    struct hm_service *site;

    (void)state;
    site = begin(host, "Duo");
    (void)hm_build_remember(&host->model.host, HM_TCP, 52010, "duo.exe", "Duo", HM_KIND_SOCKET, 2);
    (void)hm_model_reserve(&host->model, "plain", "tcp", "52010");
    (void)hm_model_reserve(&host->model, "quic", "udp", "52011");
    boot_and_settle(host, "boot-1");
    expect_pass(host, "plain/1 verified; quic/1 verified");
    boot_and_settle(host, "boot-2");
    fail_service(site);
    expect_pass(host, "plain/1 verified; quic/1 failed");
    enforce_double_fini(host);
}

/* A change of weeks ago shields nobody. */
static void test_an_old_change_is_no_other_suspect(void **state)
{
    struct hm_enforce_double one;
    struct hm_enforce_double *host = &one;
    struct hm_service *site;

    (void)state;
    site = begin(host, "Duo");
    (void)hm_build_remember(&host->model.host, HM_TCP, 52010, "duo.exe", "Duo", HM_KIND_SOCKET, 2);
    (void)hm_model_reserve(&host->model, "old", "udp", "52011");
    boot_and_settle(host, "boot-1");
    expect_pass(host, "old/1 verified");
    enforce_double_wait(host, 8 * 86400);
    (void)hm_model_reserve(&host->model, "plain", "tcp", "52010");
    expect_pass(host, "old/1 verified; plain/1 verified");
    fail_service(site);
    enforce_double_wait(host, 30);
    expect_pass(host, "old/1 verified; plain/1 failed");
    enforce_double_fini(host);
}

/* The clock was ahead when the change was made, and is right again: the failure is no older. */
static void test_a_clock_that_jumps_hides_no_culprit(void **state)
{
    struct hm_enforce_double one;
    struct hm_enforce_double *host = &one;
    struct hm_service *site;

    (void)state;
    site = begin(host, "Portal");
    (void)hm_model_reserve(&host->model, "raw", "tcp", "40000");
    boot_and_settle(host, "boot-1");
    expect_pass(host, "raw/1 verified");
    enforce_double_wait(host, -3600);
    boot_and_settle(host, "boot-2");
    fail_service(site);
    expect_pass(host, "raw/1 failed");
    enforce_double_fini(host);
}

/* A clock that is put right, or jumps, makes no change older: the week is one of the boot. */
static void test_a_clock_that_is_set_ages_no_change(void **state)
{
    static const int64_t days[] = {8, 30, 7300, -8, -7300};

    (void)state;
    for (size_t i = 0; i < HM_COUNT(days); i++) {
        struct hm_enforce_double one;
        struct hm_enforce_double *host = &one;
        struct hm_service *site;

        print_message("%lld days\n", (long long)days[i]);
        site = begin(host, "Portal");
        (void)hm_model_reserve(&host->model, "raw", "tcp", "40000");
        boot_and_settle(host, "boot-1");
        expect_pass(host, "raw/1 verified");
        enforce_double_wait(host, 30);
        enforce_double_set_clock(host, days[i] * 86400);
        expect_pass(host, "raw/1 verified");
        enforce_double_wait(host, 120);
        fail_service(site);
        expect_pass(host, "raw/1 failed");
        enforce_double_fini(host);
    }
}

/* … and ends no watch, nor makes two looks of one. */
static void test_a_clock_that_is_set_ends_no_watch(void **state)
{
    static const int64_t days[] = {1, 7300, -1, -7300};

    (void)state;
    for (size_t i = 0; i < HM_COUNT(days); i++) {
        struct hm_enforce_double one;
        struct hm_enforce_double *host = &one;

        (void)begin(host, "db");
        (void)hm_build_exclude(&host->model.host, HM_TCP, HM_IPV4, "41000");
        (void)hm_build_exclude(&host->model.host, HM_TCP, HM_IPV6, "41000");
        (void)hm_build_listener(&host->model.host, HM_TCP, HM_IPV4, 41000, "db.exe", "db",
                                HM_KIND_SOCKET);
        (void)hm_model_reserve(&host->model, "db", "tcp", "41000-41001");
        boot_and_settle(host, "boot-1");
        expect_pass(host, "db/1 verified");
        host->model.host.inventory.listeners.count = 0;
        enforce_double_wait(host, 30);
        expect_pass(host, "db/1 verified");
        enforce_double_set_clock(host, days[i] * 86400);
        enforce_double_wait(host, 5);
        expect_pass(host, "db/1 verified");
        enforce_double_wait(host, 25);
        expect_pass(host, "db/1 failed");
        enforce_double_fini(host);
    }
}

/* It fails in every boot, since before the change; its port is in no book any more. */
static void test_a_service_that_keeps_failing(void **state)
{
    struct hm_enforce_double one;
    struct hm_enforce_double *host = &one;
    struct hm_service *site;

    (void)state;
    site = begin(host, "Portal");
    boot_and_settle(host, "boot-1");
    fail_service(site);
    assert_int_equal(enforce_double_pass(host), HM_OK);
    enforce_double_boot(host, "boot-2");
    site->has_runs = false; /* it has not been started yet */
    enforce_double_wait(host, 700);
    (void)hm_model_reserve(&host->model, "raw", "tcp", "40000");
    expect_pass(host, "raw/1 verified");
    site->has_runs = true;
    enforce_double_wait(host, 30);
    expect_pass(host, "raw/1 verified");
    site->runs = true; /* and now it is known to work with the change */
    enforce_double_wait(host, 30);
    expect_pass(host, "raw/1 verified");
    site->runs = false;
    enforce_double_wait(host, 30);
    expect_pass(host, "raw/1 failed");
    enforce_double_fini(host);
}

/* ---- a file of an older version ------------------------------------------------------------ */

/* Of an agent that noted, with a change at 12:11:40, only what had failed in that boot. */
static void put_old_file(const struct hm_enforce_double *host, const char *failed_before,
                         const char *failing)
{
    char path[128];
    char text[1024];

    (void)snprintf(path, sizeof(path), "%s/enforce.json", host->folder);
    (void)snprintf(text, sizeof(text),
                   "{\"ledger\":true%s,\"policies\":[{\"policy\":\"raw\",\"revision\":1,"
                   "\"mode\":\"enforce\",\"state\":\"verified\","
                   "\"since\":\"2026-11-25T12:11:40Z\",\"was_verified\":true,"
                   "\"changed_boot_id\":\"boot-1\",\"changed_at\":\"2026-11-25T12:11:40Z\"%s}]}",
                   failing, failed_before);
    assert_int_equal(hm_os_replace_file(path, text, strlen(text), true, NULL), HM_OK);
}

/* The state before the change is not known: it neither hides harm of the change nor makes harm of
 * what was so before. */
static void test_an_old_file(void **state)
{
    static const struct {
        const char *what;
        const char *boot_id; /* of the first pass of this version; NULL: as the change */
        const char *failed_before;
        const char *failing;
        bool has_event; /* of an address that no policy touches */
        const char *states;
    } rows[] = {
        {"it fails, and the older version watched", NULL,     "",                                "", false, "raw/1 verified"},
        {"it fails after the next boot",            "boot-2", "",                                "", false, "raw/1 failed"  },
        {"it had failed in that boot",              "boot-2", ",\"failed_before\":[\"Portal\"]", "", false,
         "raw/1 verified"                                                                                                   },
        {"it had failed in an earlier boot",        "boot-2", "",
         ",\"failing\":[{\"service\":\"Portal\",\"since\":\"2026-11-25T11:00:00Z\"}]",               false,
         "raw/1 verified"                                                                                                   },
        {"it failed later",                         "boot-2", "",
         ",\"failing\":[{\"service\":\"Portal\",\"since\":\"2026-11-25T12:15:00Z\"}]",               false,
         "raw/1 failed"                                                                                                     },
        {"HTTP.sys names another port",             "boot-2", "",                                "", true,  "raw/1 failed"  },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        struct hm_enforce_double one;
        struct hm_enforce_double *host = &one;
        struct hm_service *site;

        print_message("%s\n", rows[i].what);
        site = begin(host, "Portal");
        (void)hm_model_reserve(&host->model, "raw", "udp", "40000");
        boot_and_settle(host, "boot-1");
        expect_pass(host, "raw/1 verified");
        put_old_file(host, rows[i].failed_before, rows[i].failing);
        enforce_double_wait(host, 3600);
        if (rows[i].boot_id != NULL) {
            boot_and_settle(host, rows[i].boot_id);
        }
        if (rows[i].has_event) {
            hm_build_event(&host->model.host, "Microsoft-Windows-HttpEvent", 15005,
                           "0.0.0.0:50420");
        }
        fail_service(site);
        expect_pass(host, rows[i].states);
        if (strcmp(rows[i].states, "raw/1 verified") == 0) {
            site->runs = true; /* and now it is known to work with the change */
            enforce_double_wait(host, 30);
            expect_pass(host, "raw/1 verified");
        }
        enforce_double_fini(host);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_innocents_are_not_blamed),
        cmocka_unit_test(test_a_named_port_decides),
        cmocka_unit_test(test_a_port_named_before_decides_nothing),
        cmocka_unit_test(test_a_port_named_again_decides),
        cmocka_unit_test(test_an_excluded_port_named_before_decides),
        cmocka_unit_test(test_a_port_named_again_in_a_cleared_log),
        cmocka_unit_test(test_a_foreign_port_named_again_decides_nothing),
        cmocka_unit_test(test_the_next_boot_counts),
        cmocka_unit_test(test_a_later_boot_does_not_count),
        cmocka_unit_test(test_all_that_hold_the_port),
        cmocka_unit_test(test_all_that_hold_a_named_port),
        cmocka_unit_test(test_a_udp_port_of_the_same_number),
        cmocka_unit_test(test_a_plain_port_is_suspected_last),
        cmocka_unit_test(test_a_plain_port_is_innocent),
        cmocka_unit_test(test_an_old_change_is_no_other_suspect),
        cmocka_unit_test(test_a_clock_that_jumps_hides_no_culprit),
        cmocka_unit_test(test_a_clock_that_is_set_ages_no_change),
        cmocka_unit_test(test_a_clock_that_is_set_ends_no_watch),
        cmocka_unit_test(test_a_service_that_keeps_failing),
        cmocka_unit_test(test_an_old_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
