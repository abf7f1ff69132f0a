/* tests/unit/server/test_ctl_parts.c — what hmctl reads from its command line, and how texts
 * differ. SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "server/hmctl/diff.h"
#include "server/hmctl/plan_read.h"
#include "server/hmctl/plan_text.h"

struct reservation {
    const char *text;
    const char *ports; /* NULL = refused */
    enum hm_protocol protocol;
    enum hm_families families;
};

static const struct reservation reservations[] = {
    {"tcp:9955",      "9955",      HM_TCP, HM_FAMILIES_BOTH},
    {"tcp:9955,9933", "9933,9955", HM_TCP, HM_FAMILIES_BOTH},
    {"udp:4500-4501", "4500-4501", HM_UDP, HM_FAMILIES_BOTH},
    {"udp/ipv6:4500", "4500",      HM_UDP, HM_FAMILIES_IPV6},
    {"tcp/ipv4:1-2",  "1-2",       HM_TCP, HM_FAMILIES_IPV4},
    {"tcp",           NULL,        HM_TCP, HM_FAMILIES_BOTH},
    {"tcp:",          "",          HM_TCP, HM_FAMILIES_BOTH},
    {"9955",          NULL,        HM_TCP, HM_FAMILIES_BOTH},
    {"sctp:9955",     NULL,        HM_TCP, HM_FAMILIES_BOTH},
    {"tcp/ipv5:9955", NULL,        HM_TCP, HM_FAMILIES_BOTH},
    {"tcp/:9955",     NULL,        HM_TCP, HM_FAMILIES_BOTH},
    {"tcp:70000",     NULL,        HM_TCP, HM_FAMILIES_BOTH},
    {":9955",         NULL,        HM_TCP, HM_FAMILIES_BOTH},
};

static void test_reservations(void **state)
{
    struct hm_arena arena;

    (void)state;
    hm_arena_init(&arena, HM_LIMIT_API_BODY_BYTES);
    for (size_t i = 0; i < HM_COUNT(reservations); i++) {
        const struct reservation *row = &reservations[i];
        struct hm_reservation got;
        struct hm_err err = {0};
        enum hm_status st =
            hm_ctl_read_reservation(row->text, strlen(row->text), &arena, &got, &err);

        if ((st == HM_OK) != (row->ports != NULL && row->ports[0] != '\0')) {
            fail_msg("%s: %d %s", row->text, (int)st, err.text);
        }
        if (st == HM_OK) {
            assert_string_equal(hm_ports_text(got.ports, &arena), row->ports);
            assert_int_equal(got.protocol, row->protocol);
            assert_int_equal(got.families, row->families);
        }
    }
    hm_arena_fini(&arena);
}

struct range {
    const char *text;
    bool good;
};

static const struct range ranges[] = {
    {"tcp:49152-65535",      true },
    {"udp:1025-5000",        true },
    {"tcp:49152",            true },
    {"tcp/ipv4:49152-65535", false},
    {"tcp",                  false},
    {"49152-65535",          false},
    {"tcp:65535-49152",      false},
};

static void test_ranges(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(ranges); i++) {
        struct hm_policy_range got;
        struct hm_err err = {0};

        if ((hm_ctl_read_range(ranges[i].text, strlen(ranges[i].text), &got, &err) == HM_OK) !=
            ranges[i].good) {
            fail_msg("%s: %s", ranges[i].text, err.text);
        }
    }
}

struct duration {
    const char *text;
    uint32_t seconds; /* 0 = refused */
};

static const struct duration durations[] = {
    {"30s", 30     },
    {"30m", 1800   },
    {"12h", 43200  },
    {"90d", 7776000},
    {"0d",  0      },
    {"d",   0      },
    {"90",  0      },
    {"-1d", 0      },
    {"9w",  0      },
};

static void test_durations(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(durations); i++) {
        struct hm_err err = {0};
        uint32_t seconds = 0;
        enum hm_status st = hm_ctl_read_duration("ttl", durations[i].text, &seconds, &err);

        assert_int_equal(st, durations[i].seconds > 0 ? HM_OK : HM_EINVAL);
        assert_int_equal(seconds, durations[i].seconds);
    }
}

static void test_files(void **state)
{
    (void)state;
    assert_true(hm_ctl_is_file("-"));
    assert_true(hm_ctl_is_file("a.yaml"));
    assert_true(hm_ctl_is_file("./a"));
    assert_false(hm_ctl_is_file("exchange-back-end"));
}

struct change {
    const char *before;
    const char *after;
    const char *printed;
};

static const struct change changes[] = {
    {"",          "",          ""                    },
    {"a\nb\n",    "a\nb\n",    ""                    },
    {"a\nb\nc\n", "a\nc\n",    "  a\n- b\n  c\n"     },
    {"a\nc\n",    "a\nb\nc\n", "  a\n+ b\n  c\n"     },
    {"a\nb\nc\n", "a\nx\nc\n", "  a\n- b\n+ x\n  c\n"},
    {"",          "a\n",       "+ a\n"               },
    {"a\n",       "",          "- a\n"               },
    {"a\nb\na\n", "b\na\nb\n", "- a\n  b\n  a\n+ b\n"},
};

static void test_diff(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(changes); i++) {
        struct hm_output output = {.out = tmpfile()};
        char printed[200] = "";
        struct hm_arena arena;
        bool differ = false;
        size_t len;

        assert_non_null(output.out);
        hm_arena_init(&arena, HM_LIMIT_API_BODY_BYTES);
        assert_int_equal(
            hm_diff_print(&output, changes[i].before, changes[i].after, &arena, &differ, NULL),
            HM_OK);
        rewind(output.out);
        len = fread(printed, 1, sizeof(printed) - 1, output.out);
        printed[len] = '\0';
        assert_string_equal(printed, changes[i].printed);
        assert_int_equal(differ, changes[i].printed[0] != '\0');
        (void)fclose(output.out);
        hm_arena_fini(&arena);
    }
}

static struct hm_range some_ports[] = {
    {9933, 9933},
    {9955, 9956},
};

static const struct {
    struct hm_action action;
    const char *text;
} actions[] = {
    {{.kind = HM_ACTION_ADD_EXCLUSION,
      .has_protocol = true,
      .protocol = HM_TCP,
      .has_family = true,
      .family = HM_IPV6,
      .ports = {some_ports + 1, 1}},
     "add_exclusion tcp/ipv6 9955-9956"                             },
    {{.kind = HM_ACTION_SET_RESERVED_PORTS,
      .lines = {(const char *[]){"1433-1433", "5-9"}, 2},
      .needs_reboot = true},
     "set_reserved_ports 1433-1433 5-9  (counts after a reboot)"    },
    {{.kind = HM_ACTION_SET_SYSCTL_RESERVED, .ports = {some_ports, 2}},
     "set_sysctl_reserved 9933,9955-9956"                           },
    {{.kind = HM_ACTION_SET_RANGE, .has_range = true, .range = {1025, 65534}, .needs_reboot = true},
     "set_range 1025-65534  (counts after a reboot)"                },
    {{.kind = HM_ACTION_SET_TIMED_WAIT_DELAY,
      .has_timed_wait_delay_s = true,
      .timed_wait_delay_s = 60,
      .has_before_timed_wait_delay_s = true,
      .before_timed_wait_delay_s = 240,
      .needs_reboot = true},
     "set_timed_wait_delay 60 s, now 240 s  (counts after a reboot)"},
    {{.kind = HM_ACTION_SET_TIMED_WAIT_DELAY,
      .has_timed_wait_delay_s = true,
      .timed_wait_delay_s = 60},
     "set_timed_wait_delay 60 s, now no value"                      },
    {{.kind = HM_ACTION_SET_TIMED_WAIT_DELAY,
      .unset = true,
      .has_before_timed_wait_delay_s = true,
      .before_timed_wait_delay_s = 60},
     "set_timed_wait_delay no value, now 60 s"                      },
};

static const struct {
    struct hm_plan_note note;
    const char *text;
} notes[] = {
    {{.kind = HM_NOTE_BUSY,
      .has_protocol = true,
      .protocol = HM_UDP,
      .has_family = true,
      .family = HM_IPV4,
      .ports = {some_ports, 1},
      .text = "x"},
     "busy udp/ipv4 9933: x"                                                                               },
    {{.kind = HM_NOTE_ALREADY_THERE,
      .has_protocol = true,
      .protocol = HM_UDP,
      .ports = {some_ports, 1},
      .text = "x"},
     "already_there udp 9933: x"                                                                           },
    {{.kind = HM_NOTE_WAITING_REBOOT, .has_range = true, .range = {1025, 65534}, .text = "x"},
     "waiting_reboot 1025-65534: x"                                                                        },
    {{.kind = HM_NOTE_REFUSED,
      .has_timed_wait_delay_s = true,
      .timed_wait_delay_s = 60,
      .text = "x"},
     "refused TcpTimedWaitDelay 60 s: x"                                                                   },
    {{.kind = HM_NOTE_REFUSED, .text = "x"},                                                   "refused: x"},
};

static void test_plan_texts(void **state)
{
    struct hm_arena arena;

    (void)state;
    hm_arena_init(&arena, HM_LIMIT_API_BODY_BYTES);
    for (size_t i = 0; i < HM_COUNT(actions); i++) {
        assert_string_equal(hm_plan_text_action(&actions[i].action, &arena), actions[i].text);
    }
    for (size_t i = 0; i < HM_COUNT(notes); i++) {
        assert_string_equal(hm_plan_text_note(&notes[i].note, &arena), notes[i].text);
    }
    hm_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reservations), cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_durations),    cmocka_unit_test(test_files),
        cmocka_unit_test(test_diff),         cmocka_unit_test(test_plan_texts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
