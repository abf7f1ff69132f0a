/* tests/unit/agent/test_windows_lists.c — which lists of a Windows host are due to be read again.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/windows_lists.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ALL HM_LISTS_ALL
#define BLOCKS HM_LISTS_BLOCKS
#define IPV6 (HM_LIST_DYNAMIC(1) | HM_LIST_EXCLUDED(1) | HM_LIST_DYNAMIC(3) | HM_LIST_EXCLUDED(3))
#define MINUTE 60000
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

static const struct {
    const char *what;
    struct hm_lists_memo memo; /* known, whole_ms, blocks_ms, signature, http_ms, http, refused,
                                  absent, refused_ms, pause_ms */
    struct hm_lists_now now;   /* now_ms, changed, absent, signature, asks_wmi */
    unsigned due;
} rows[] = {
    {"nothing was read",                                {0},                       {5000, 0, 0, 7, true},  ALL               },
    {"nothing was read, and WMI must wait",             {0},                       {5000, 0, 0, 7, false}, ALL & ~HM_LIST_WMI},
    {"only what waiting actions need was read",
     {HM_LIST_EXCLUDED(0), 0, 0, 0, 0, HM_LISTS_HTTP_READ, 0, 0, 0, 0},
     {5000, 0, 0, 7, false},
     ALL & ~HM_LIST_WMI & ~HM_LIST_EXCLUDED(0)                                                                               },
    {"all was read",
     {ALL, DAY, DAY, 7, 0, HM_LISTS_HTTP_READ, 0, 0, 0, 0},
     {DAY + MINUTE, 0, 0, 7, true},
     0                                                                                                                       },
    {"WMI still owes an answer",
     {ALL & ~HM_LIST_WMI, DAY, DAY, 7, 0, HM_LISTS_HTTP_READ, 0, 0, 0, 0},
     {DAY + MINUTE, 0, 0, 7, true},
     HM_LIST_WMI                                                                                                             },
    {"an hour has passed",
     {ALL, DAY, DAY, 7, 0, HM_LISTS_HTTP_READ, 0, 0, 0, 0},
     {DAY + HOUR, 0, 0, 7, true},
     ALL                                                                                                                     },
    {"an hour has passed, blocks were read in between",
     {ALL, DAY, DAY + 50 * MINUTE, 7, 0, HM_LISTS_HTTP_READ, 0, 0, 0, 0},
     {DAY + HOUR, 0, 0, 7, true},
     ALL                                                                                                                     },
    {"a list was refused",
     {ALL, DAY, DAY, 7, 0, HM_LISTS_HTTP_READ, HM_LIST_EXCLUDED(2), 0, DAY, 3000},
     {DAY + 3000, 0, 0, 7, true},
     HM_LIST_EXCLUDED(2)                                                                                                     },
    {"a list was refused just now",
     {ALL, DAY, DAY, 7, 0, HM_LISTS_HTTP_READ, HM_LIST_EXCLUDED(2), 0, DAY, 3000},
     {DAY + 2999, 0, 0, 7, true},
     0                                                                                                                       },
    {"a family that is not installed",
     {ALL, DAY, DAY, 7, 0, HM_LISTS_HTTP_READ, IPV6, IPV6, DAY, HOUR / 2},
     {DAY + MINUTE, 0, IPV6, 7, true},
     0                                                                                                                       },
    {"the family is there now",
     {ALL, DAY, DAY, 7, 0, HM_LISTS_HTTP_READ, IPV6, IPV6, DAY, HOUR / 2},
     {DAY + MINUTE, 0, 0, 7, true},
     IPV6                                                                                                                    },
    {"the registry's store of TCP",
     {ALL, DAY, DAY, 7, 0, HM_LISTS_HTTP_READ, 0, 0, 0, 0},
     {DAY + 1, HM_LISTS_TCP, 0, 7, true},
     HM_LISTS_TCP                                                                                                            },
    {"listeners of the system, or a key service",
     {ALL, DAY, DAY, 7, 0, HM_LISTS_HTTP_READ, 0, 0, 0, 0},
     {DAY + 1, 0, 0, 8, true},
     BLOCKS                                                                                                                  },
    {"one minute after the boot",
     {ALL, 9000, 9000, 7, 0, HM_LISTS_HTTP_READ, 0, 0, 0, 0},
     {MINUTE, 0, 0, 7, true},
     BLOCKS                                                                                                                  },
    {"one minute is done",
     {ALL, 9000, MINUTE, 7, 0, HM_LISTS_HTTP_READ, 0, 0, 0, 0},
     {3 * MINUTE - 1, 0, 0, 7, true},
     0                                                                                                                       },
    {"three minutes",
     {ALL, 9000, MINUTE, 7, 0, HM_LISTS_HTTP_READ, 0, 0, 0, 0},
     {3 * MINUTE, 0, 0, 7, true},
     BLOCKS                                                                                                                  },
    {"two marks at once",
     {ALL, 9000, 9000, 7, 0, HM_LISTS_HTTP_READ, 0, 0, 0, 0},
     {4 * MINUTE, 0, 0, 7, true},
     BLOCKS                                                                                                                  },
    {"ten minutes",
     {ALL, 9000, 9 * MINUTE, 7, 0, HM_LISTS_HTTP_READ, 0, 0, 0, 0},
     {11 * MINUTE, 0, 0, 7, true},
     BLOCKS                                                                                                                  },
    {"the marks are done",
     {ALL, 9000, 10 * MINUTE, 7, 0, HM_LISTS_HTTP_READ, 0, 0, 0, 0},
     {50 * MINUTE, 0, 0, 7, true},
     0                                                                                                                       },
    {"an agent that is started later",
     {ALL, 20 * MINUTE, 20 * MINUTE, 7, 0, HM_LISTS_HTTP_READ, 0, 0, 0, 0},
     {30 * MINUTE, 0, 0, 7, true},
     0                                                                                                                       },
    {"a list of HTTP.sys was refused ten seconds ago",
     {ALL, DAY, DAY, 7, DAY, HM_LISTS_HTTP_REFUSED, 0, 0, 0, 0},
     {DAY + 10000, 0, 0, 7, true},
     HM_LIST_HTTPSYS                                                                                                         },
    {"a list of HTTP.sys was refused just now",
     {ALL, DAY, DAY, 7, DAY, HM_LISTS_HTTP_REFUSED, 0, 0, 0, 0},
     {DAY + 9999, 0, 0, 7, true},
     0                                                                                                                       },
    {"netsh http did not answer",
     {ALL, DAY, DAY, 7, DAY, HM_LISTS_HTTP_HANGS, 0, 0, 0, 0},
     {DAY + MINUTE - 1, 0, 0, 7, true},
     0                                                                                                                       },
    {"netsh http did not answer a minute ago",
     {ALL, DAY, DAY, 7, DAY, HM_LISTS_HTTP_HANGS, 0, 0, 0, 0},
     {DAY + MINUTE, 0, 0, 7, true},
     HM_LIST_HTTPSYS                                                                                                         },
};

static void test_due(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        const unsigned due = hm_lists_due(&rows[i].memo, &rows[i].now);

        if (due != rows[i].due) {
            fail_msg("%s: %#x, not %#x", rows[i].what, due, rows[i].due);
        }
    }
}

/* One failure costs seconds; a list that is never answered is asked for every five minutes. */
static void test_pauses(void **state)
{
    static const int64_t pauses_ms[] = {3000,  6000,   12000,  24000, 48000,
                                        96000, 192000, 300000, 300000};
    const unsigned ipv6 = HM_LIST_DYNAMIC(1) | HM_LIST_EXCLUDED(1);
    struct hm_lists_memo memo = {.known = ALL, .blocks_ms = DAY};
    int64_t now_ms = DAY;

    (void)state;
    assert_int_equal(hm_lists_again_ms(&memo, now_ms), 0);
    for (size_t i = 0; i < HM_COUNT(pauses_ms); i++) {
        struct hm_lists_now now = {.asks_wmi = true};

        memo.whole_ms = now_ms; /* the hour is another matter */
        hm_lists_note_refused(&memo, ipv6, ipv6, 0, now_ms - 100, now_ms);
        assert_int_equal(hm_lists_again_ms(&memo, now_ms), pauses_ms[i]);
        hm_lists_note_refused(&memo, 0, ipv6, 0, now_ms + 1,
                              now_ms + 2); /* shown again, not read */
        assert_int_equal(hm_lists_again_ms(&memo, now_ms + 500), pauses_ms[i] - 500);
        now.now_ms = now_ms + pauses_ms[i] - 1;
        assert_int_equal(hm_lists_due(&memo, &now), 0);
        now_ms += pauses_ms[i];
        now.now_ms = now_ms;
        assert_int_equal(hm_lists_due(&memo, &now), ipv6);
        assert_int_equal(hm_lists_again_ms(&memo, now_ms + 60000), 1);
    }
    /* The next one that fails is asked for again soon all the same. */
    hm_lists_note_refused(&memo, HM_LISTS_TCP, ipv6 | HM_LIST_EXCLUDED(0), 0, now_ms, now_ms);
    assert_int_equal(hm_lists_again_ms(&memo, now_ms), 3000);
    hm_lists_note_refused(&memo, HM_LISTS_TCP, 0, 0, now_ms, now_ms);
    assert_int_equal(hm_lists_again_ms(&memo, now_ms), 0);
    /* It gave no answer within twenty seconds. */
    hm_lists_note_refused(&memo, HM_LISTS_TCP, HM_LISTS_TCP, 0, now_ms, now_ms + 20000);
    assert_int_equal(hm_lists_again_ms(&memo, now_ms + 20000), 20000);
}

/* A family that is not installed costs a reading an hour, and nothing of what is refused beside. */
static void test_absent(void **state)
{
    static const int64_t pauses_ms[] = {3000,   6000,   12000,  24000,   48000,   96000,
                                        192000, 384000, 768000, 1536000, 3072000, 3600000};
    struct hm_lists_memo memo = {.known = ALL, .blocks_ms = DAY, .whole_ms = DAY};
    int64_t now_ms = DAY;

    (void)state;
    for (size_t i = 0; i < HM_COUNT(pauses_ms); i++) {
        hm_lists_note_refused(&memo, IPV6, IPV6, IPV6, now_ms, now_ms);
        assert_int_equal(hm_lists_again_ms(&memo, now_ms), pauses_ms[i]);
        now_ms += pauses_ms[i];
    }
    /* One of IPv4 is refused beside. */
    hm_lists_note_refused(&memo, HM_LIST_EXCLUDED(0), IPV6 | HM_LIST_EXCLUDED(0), IPV6, now_ms,
                          now_ms);
    assert_int_equal(hm_lists_again_ms(&memo, now_ms), 3000);
    for (unsigned i = 0; i < 20; i++) {
        hm_lists_note_refused(&memo, IPV6 | HM_LIST_EXCLUDED(0), IPV6 | HM_LIST_EXCLUDED(0), IPV6,
                              now_ms, now_ms);
    }
    assert_int_equal(hm_lists_again_ms(&memo, now_ms), HM_LISTS_RETRY_MOST_MS);
    /* It is installed now: asked for at once, also when lists of IPv4 were read in between, and
     * what is refused then is so for another reason. */
    hm_lists_note_refused(&memo, HM_LIST_EXCLUDED(0), IPV6, 0, now_ms, now_ms);
    memo.whole_ms = now_ms;
    assert_int_equal(hm_lists_due(&memo, &(struct hm_lists_now){now_ms, 0, 0, 0, true}), IPV6);
    hm_lists_note_refused(&memo, IPV6, IPV6, 0, now_ms, now_ms);
    assert_int_equal(hm_lists_due(&memo, &(struct hm_lists_now){now_ms, 0, 0, 0, true}), 0);
    assert_in_range(hm_lists_again_ms(&memo, now_ms), 3000, HM_LISTS_RETRY_MOST_MS);
}

static void test_signature(void **state)
{
    struct hm_socket listen[] = {
        {.state = HM_SOCKET_LISTEN, .port = 80,  .pid = 4},
        {.state = HM_SOCKET_LISTEN, .port = 443, .pid = 4},
    };
    struct hm_service rows_of[] = {
        {.name = "w3svc",   .has_runs = true, .runs = true},
        {.name = "Spooler", .has_runs = true, .runs = true},
    };
    const struct hm_services services = {rows_of, 2};
    struct hm_sockets sockets = {listen, 2};
    const struct hm_socket first = listen[0];
    uint64_t was = hm_lists_signature(&services, &sockets);

    (void)state;
    listen[0] = listen[1];
    listen[1] = first;
    assert_true(hm_lists_signature(&services, &sockets) == was); /* another order */
    rows_of[1].runs = false;
    assert_true(hm_lists_signature(&services, &sockets) == was); /* no such service */
    listen[0].pid = 812;
    assert_true(hm_lists_signature(&services, &sockets) != was); /* it has gone */
    listen[0].pid = 4;
    sockets.count = 1;
    assert_true(hm_lists_signature(&services, &sockets) != was);
    sockets.count = 2;
    rows_of[0].runs = false;
    assert_true(hm_lists_signature(&services, &sockets) != was);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_due),
        cmocka_unit_test(test_pauses),
        cmocka_unit_test(test_absent),
        cmocka_unit_test(test_signature),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
