/* tests/unit/readers/test_httpsys_text.c — ports of the URLs that HTTP.sys serves.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/readers/httpsys_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ARENA_BYTES (1024u * 1024u)

struct text_case {
    const char *text;
    const char *ports;
};

static const struct text_case cases[] = {
    {"",                                                                    ""          },
    {"The system cannot find the file specified.\n",                        ""          },
    {"        Registered URLs:\r\n            HTTP://+:5985/WSMAN/\r\n"
     "            HTTP://+:47001/WSMAN/\r\n",                          "5985,47001"},
    {"URL enregistr\x82"
     "es\xff:\n HTTPS://*:443:10.0.0.5/X/\n HTTP://*:80/\n",           "80,443"    },
    {"HTTP://[::1]:8080/ HTTP://[FE80::1:2]:9090/",                         "8080,9090" },
    {"HTTP://HOST.EXAMPLE:8530/ HTTP://HOST.EXAMPLE:8530/B/",               "8530"      },
    {"HTTP://+:0/ HTTP://+:65536/ HTTP://+:123456/ HTTP://+:80 HTTP://+:/", ""          },
    {"HTTP://+/ HTTP:// HTTP://[::1 :80/",                                  ""          },
    {"://:1/",                                                              "1"         },
    {"HTTP://+:12",                                                         ""          },
};

static void test_ports(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_ports ports = {NULL, 0};
        struct hm_arena arena;
        struct hm_err err;

        hm_arena_init(&arena, ARENA_BYTES);
        assert_int_equal(
            hm_httpsys_parse(cases[i].text, strlen(cases[i].text), &arena, &ports, &err), HM_OK);
        assert_string_equal(hm_ports_text(ports, &arena), cases[i].ports);
        hm_arena_fini(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ports)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
