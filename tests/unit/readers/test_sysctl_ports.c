/* tests/unit/readers/test_sysctl_ports.c — Linux port range and reserved ports.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/readers/sysctl_ports.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARENA_BYTES (1024u * 1024u)
#define RANGE "net.ipv4.ip_local_port_range"
#define RESERVED "net.ipv4.ip_local_reserved_ports"

struct range_case {
    const char *text;
    enum hm_status status;
    struct hm_range range;
};

static const struct range_case ranges[] = {
    {"32768\t60999\n", HM_OK,     {32768, 60999}},
    {"1024 65535",     HM_OK,     {1024, 65535} },
    {"  1   1  \n",    HM_OK,     {1, 1}        },
    {"",               HM_EINVAL, {0, 0}        },
    {"32768",          HM_EINVAL, {0, 0}        },
    {"32768 60999 1",  HM_EINVAL, {0, 0}        },
    {"60999 32768",    HM_EINVAL, {0, 0}        },
    {"0 65535",        HM_EINVAL, {0, 0}        },
    {"1 65536",        HM_EINVAL, {0, 0}        },
    {"32768-60999",    HM_EINVAL, {0, 0}        },
    {"032768 60999",   HM_EINVAL, {0, 0}        },
    {"a b",            HM_EINVAL, {0, 0}        },
};

static void test_range(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(ranges); i++) {
        struct hm_range range = {7, 8};
        struct hm_err err;

        print_message("'%s'\n", ranges[i].text);
        assert_int_equal(
            hm_sysctl_parse_range(ranges[i].text, strlen(ranges[i].text), &range, &err),
            ranges[i].status);
        assert_int_equal(range.first, ranges[i].status == HM_OK ? ranges[i].range.first : 7);
        assert_int_equal(range.last, ranges[i].status == HM_OK ? ranges[i].range.last : 8);
    }
}

struct whole_case {
    const char *text;
    enum hm_status status;
    unsigned line;
    const char *range;    /* NULL = not there */
    const char *reserved; /* NULL = not there */
};

/* clang-format off */
static const struct whole_case wholes[] = {
    {"", HM_OK, 0, NULL, NULL},
    {RESERVED " = 5050,5258,5288,6666,6268\n", HM_OK, 0, NULL, "5050,5258,5288,6268,6666"},
    {"net.ipv4.ip_forward = 1\nnet.bridge.bridge-nf-call-iptables = 1\n" RESERVED
     " = 30000-32767\n", HM_OK, 0, NULL, "30000-32767"},
    {RANGE " = 32768\t60999\n" RESERVED " = \n", HM_OK, 0, "32768-60999", ""},
    {"# c\n; c\n\n " RANGE "=1024 65535\r\n", HM_OK, 0, "1024-65535", NULL},
    {RESERVED " = 1\n" RESERVED " = 2-3,3-4,5\n", HM_OK, 0, NULL, "2-5"}, /* the last wins */
    {"net/ipv4/ip_local_reserved_ports = 9\n", HM_OK, 0, NULL, "9"},
    {"-" RESERVED " = 9\n-net.ipv4.conf.eth0.rp_filter\n", HM_OK, 0, NULL, "9"},
    {RESERVED "x = bad\n", HM_OK, 0, NULL, NULL},
    {"kernel.core_pattern = |/bin/x = y\n", HM_OK, 0, NULL, NULL},
    {"sysctl: permission denied on key 'fs.protected_fifos'\n" RANGE " = 1024 65535\n"
     "sysctl: reading key \"net.ipv6.conf.all.stable_secret\"\n", HM_OK, 0, "1024-65535", NULL},
    {"a = 1\n" RESERVED " = 1, 2\n", HM_EINVAL, 2, NULL, NULL},
    {RESERVED " = 010\n", HM_EINVAL, 1, NULL, NULL},
    {"\n\n" RANGE " = 1\n", HM_EINVAL, 3, NULL, NULL},
    {"what is this\n", HM_EINVAL, 1, NULL, NULL},
    {"a = 1\n-\n", HM_EINVAL, 2, NULL, NULL},
    /* a range above does not make a damaged line good; a pattern needs to fit one of the two */
    {RANGE " = 32768\t60999\n" RESERVED " = 5050,x\n", HM_EINVAL, 2, NULL, NULL},
    {RANGE " = 32768\t60999\nx\n", HM_EINVAL, 2, NULL, NULL},
    {RANGE " = 1024 65535\nnet.ipv4.ip_local_* = 9000\n", HM_OK, 0, "1024-65535", "9000"},
    {RESERVED " = 9000\nnet.ipv4.ip_local_* = 1024 65535\n", HM_OK, 0, "1024-65535", "9000"},
    {"net.ipv4.ip_local_* = x\n", HM_EINVAL, 1, NULL, NULL},
};
/* clang-format on */

static void test_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(wholes); i++) {
        const struct whole_case *row = &wholes[i];
        struct hm_sysctl_ports ports = {
            .range = {7, 7}
        };
        struct hm_arena arena;
        struct hm_err err = {0};

        print_message("case %zu\n", i);
        hm_arena_init(&arena, ARENA_BYTES);
        assert_int_equal(hm_sysctl_parse(row->text, strlen(row->text), &arena, &ports, &err),
                         row->status);
        assert_int_equal(err.line, row->line);
        if (row->status == HM_OK) {
            const struct hm_ports range = {&ports.range, 1};

            assert_int_equal(ports.has_range, row->range != NULL);
            assert_int_equal(ports.has_reserved, row->reserved != NULL);
            assert_string_equal(ports.has_range ? hm_ports_text(range, &arena) : "-",
                                row->range == NULL ? "-" : row->range);
            assert_string_equal(ports.has_reserved ? hm_ports_text(ports.reserved, &arena) : "-",
                                row->reserved == NULL ? "-" : row->reserved);
        } else {
            assert_int_equal(ports.range.first, 7);
        }
        hm_arena_fini(&arena);
    }
}

/* A line of a settings file that the kernel does not take is named: somebody counts on it. */
static void test_refused_settings(void **state)
{
    static const struct {
        const char *text;
        const char *refused; /* a piece of it */
    } cases[] = {
        {RANGE " = 1024 65535\n",                      NULL        },
        {RANGE " = 65535 1024\n" RESERVED " = 9000\n", "65535 1024"},
        {RANGE " = 1024,65535\n",                      "1024,65535"},
        {RESERVED " = 10250,abc,30000-32767\n",        "abc"       },
        {RESERVED " = 1,\n",                           NULL        },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        const struct hm_span text = {cases[i].text, strlen(cases[i].text)};
        struct hm_sysctl_ports ports = {.refused = NULL};
        struct hm_arena arena;

        print_message("case %zu\n", i);
        hm_arena_init(&arena, ARENA_BYTES);
        assert_int_equal(hm_sysctl_take_settings(text, &arena, &ports, NULL), HM_OK);
        assert_int_equal(ports.refused != NULL, cases[i].refused != NULL);
        if (ports.refused != NULL) {
            assert_non_null(strstr(ports.refused, cases[i].refused));
        }
        hm_arena_fini(&arena);
    }
}

/* What systemd-sysctl of version 252 made of these files, one after another. */
static void test_settings(void **state)
{
#define WIDE RANGE " = 1024 65535\n"
    static const struct {
        const char *files[2];
        const char *range;    /* NULL: not set */
        const char *reserved; /* NULL: not set */
    } cases[] = {
        {{WIDE RESERVED " = 5432\n-" RESERVED "\n"},                                              "1024-65535",  NULL  },
        {{"-" RESERVED "\n", WIDE RESERVED " = 5432\n"},                                          "1024-65535",  "5432"},
        {{"-" RESERVED "\nnet.ipv4.ip_local_res* = 5432\n"},                                      NULL,          NULL  },
        {{"-net.ipv4.ip_local_r*\n" RESERVED " = 5432\n"},                                        NULL,          "5432"},
        {{RESERVED " = 5432\n", RESERVED " = 99999\n"},                                           NULL,          NULL  },
        {{RESERVED " = 5432\n", "net.ipv4.ip_local_reserved_* = 8080\n"},                         NULL,          "5432"},
        {{"net.ipv4.ip_local_res* = 5432\n", "net.ipv4.ip_local_reserved_* = 8080\n"},
         NULL,                                                                                                   "8080"},
        {{"net.ipv4.ip_local_res* = 5432\n", "net.ipv4.ip_local_reserved_* = 99999\n"},
         NULL,                                                                                                   "5432"},
        {{WIDE, RANGE " = 1000 30000\n"},                                                         NULL,          NULL  },
        {{WIDE, RANGE " = 65535 1024\n"},                                                         NULL,          NULL  },
        {{WIDE, RANGE " = 40000\n"},                                                              "40000-60999", NULL  },
        {{RANGE " = 61000\n"},                                                                    NULL,          NULL  },
        {{"net/ipv4/ip_local_reserved_ports = 5432\n"},                                           NULL,          "5432"},
        {{"/net//ipv4/ip_local_reserved_ports = 5432\n"},                                         NULL,          "5432"},
        {{"net/ipv4.ip_local_reserved_ports = 5432\n"},                                           NULL,          NULL  },
        {{"net.ipv4/ip_local_reserved_ports = 5432\n"},                                           NULL,          NULL  },
        {{RESERVED " = 8080\nnet/ipv4/ip_local_reserved_ports = 5432\n"},                         NULL,          "5432"},
        {{"- " RESERVED " = 5432\n"},                                                             NULL,          "5432"},
        {{"net.ipv4.ip_unprivileged_port_start = 2000\n" WIDE RESERVED " = 1\n"},                 NULL,          "1"   },
        {{WIDE "net.ipv4.ip_unprivileged_port_start = 2000\n"},                                   "1024-65535",  NULL  },
        {{WIDE, "net.ipv4.ip_unprivileged_port_start = 80\n" RANGE " = 100 65535\n"},
         "100-65535",                                                                                            NULL  },
 /* the same value leaves the line in its place */
        {{"net.ipv4.ip_l*_ports = 1\nnet.ipv4.ip_lo*_ports = 2\n", "net.ipv4.ip_l*_ports = 1\n"},
         NULL,                                                                                                   "2"   },
        {{"net.ipv4.ip_l*_ports = 1\nnet.ipv4.ip_lo*_ports = 2\n", "net.ipv4.ip_l*_ports = 3\n"},
         NULL,                                                                                                   "3"   },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_sysctl_ports ports = {.refused = NULL};
        const struct hm_ports range = {&ports.range, 1};
        struct hm_arena arena;

        print_message("case %zu\n", i);
        hm_arena_init(&arena, ARENA_BYTES);
        for (size_t k = 0; k < HM_COUNT(cases[i].files) && cases[i].files[k] != NULL; k++) {
            const struct hm_span text = {cases[i].files[k], strlen(cases[i].files[k])};

            assert_int_equal(hm_sysctl_take_settings(text, &arena, &ports, NULL), HM_OK);
        }
        assert_string_equal(ports.has_range ? hm_ports_text(range, &arena) : "-",
                            cases[i].range == NULL ? "-" : cases[i].range);
        assert_string_equal(ports.has_reserved ? hm_ports_text(ports.reserved, &arena) : "-",
                            cases[i].reserved == NULL ? "-" : cases[i].reserved);
        hm_arena_fini(&arena);
    }
}

/* Patterns as glob(7) has them. */
static void test_patterns(void **state)
{
    static const struct {
        const char *pattern;
        bool range;
        bool reserved;
    } cases[] = {
        {"net.ipv4.ip_local_*",                                 true,  true },
        {"net.*.ip_local_reserved*",                            false, true },
        {"net*ip_local_reserved_ports",                         false, false},
        {"*",                                                   false, false},
        {"*.*.*",                                               true,  true },
        {"*.*.*.*",                                             false, false},
        {"net/ipv?/*_*_*_range",                                true,  false},
        {"net.ipv4.*local*ports*",                              false, true },
        {"net.ipv4.ip_local_reserved_por*ts*s",                 false, false},
        {"net.ipv4.ip_local_[r]eserved_ports",                  false, true },
        {"net.ipv4.ip_local_[op-r]*",                           true,  true },
        {"net.ipv4.ip_local_[!p]*",                             false, true },
        {"net.ipv4.ip_local_[^r]*",                             true,  false},
        {"net.ipv[[:digit:]].ip[[:punct:]]local_p*",            true,  false},
        {"net.ipv4.ip_local_[]p]*",                             true,  false},
        {"net.ipv4.ip_local_[[:digit:][:upper:][:nonsense:]]*", false, false},
        {"net[.]ipv4.ip_local_port_range",                      false, false},
        {"net[!a]ipv4.ip_local_port_range",                     false, false},
        {"net.ipv4.ip_local_port_rang[",                        false, false},
        {"net.ipv4.ip_local_port_rang[e",                       false, false},
        {"net.ipv4.ip_local_port_rang\\e*",                     true,  false},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_sysctl_ports ports = {.refused = NULL};
        struct hm_arena arena;
        char text[128];
        int len;

        print_message("%s\n", cases[i].pattern);
        hm_arena_init(&arena, ARENA_BYTES);
        len = snprintf(text, sizeof(text), "%s = 1024 65535\n%s = 9000\n", cases[i].pattern,
                       cases[i].pattern);
        assert_int_equal(
            hm_sysctl_take_settings((struct hm_span){text, (size_t)len}, &arena, &ports, NULL),
            HM_OK);
        assert_int_equal(ports.has_range, cases[i].range);
        assert_int_equal(ports.has_reserved, cases[i].reserved);
        hm_arena_fini(&arena);
    }
}

/* As many stars as a file holds: neither depth nor time grows with them. */
static void test_stars(void **state)
{
    static const size_t counts[] = {22, 200, 300000};

    (void)state;
    for (size_t i = 0; i < HM_COUNT(counts); i++) {
        static const char start[] = "net.ipv4.";
        static const char end[] = "x = 1\n" RANGE " = 1024 65535\n";
        const size_t len = sizeof(start) - 1 + counts[i] + sizeof(end) - 1;
        struct hm_sysctl_ports ports = {.refused = NULL};
        struct hm_arena arena;
        char *text = malloc(len);

        assert_non_null(text);
        memcpy(text, start, sizeof(start) - 1);
        memset(text + sizeof(start) - 1, '*', counts[i]);
        memcpy(text + len - (sizeof(end) - 1), end, sizeof(end) - 1);
        hm_arena_init(&arena, ARENA_BYTES);
        assert_int_equal(hm_sysctl_take_settings((struct hm_span){text, len}, &arena, &ports, NULL),
                         HM_OK);
        assert_true(ports.has_range && ports.range.first == 1024);
        assert_null(ports.refused);
        hm_arena_fini(&arena);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused_settings),
        cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_range),
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_stars),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
