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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reservations), cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_durations),    cmocka_unit_test(test_files),
        cmocka_unit_test(test_diff),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
