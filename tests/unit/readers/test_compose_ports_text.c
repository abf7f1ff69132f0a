/* tests/unit/readers/test_compose_ports_text.c — published ports in files of compose.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/readers/compose_ports_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* "web: 8080:80; db?: ; x~:" with '?' for a doubt and '~' for a profile; "+" at the end: more. */
static void write_all(const struct hm_compose *compose, char *out, size_t size)
{
    out[0] = '\0';
    for (size_t i = 0; i < compose->services_count; i++) {
        const struct hm_compose_service *service = &compose->services[i];

        (void)snprintf(out + strlen(out), size - strlen(out), "%s%.*s%s%s:", i == 0 ? "" : "; ",
                       (int)service->name.len, service->name.at, service->unknown ? "?" : "",
                       service->has_profile ? "~" : "");
        for (size_t k = 0; k < compose->ports_count; k++) {
            if (compose->ports[k].service == i) {
                (void)snprintf(out + strlen(out), size - strlen(out), " %s",
                               compose->ports[k].value);
            }
        }
    }
    (void)snprintf(out + strlen(out), size - strlen(out), "%s", compose->more ? "+" : "");
}

#define WEB "services:\n  web:\n    image: nginx\n"

static void test_files(void **state)
{
    static const struct {
        const char *text;
        const char *expected;
    } cases[] = {
        {"",                                                                                         ""                                    },
        {WEB,                                                                                        "web:"                                },
        {WEB "    ports:\n      - \"8080:80\"\n      - 127.0.0.1:8081:81/udp # two\n      - '82'\n",
         "web: 8080:80 127.0.0.1:8081:81/udp"                                                                                              },
        {WEB "    ports:\n    - 8080:80\n    environment:\n    - A=1:2\n",                           "web: 8080:80"                        },
        {WEB "    ports: [\"8080:80\", '8081:81']\n",                                                "web: 8080:80 8081:81"                },
        {WEB "    ports: []\n",                                                                      "web:"                                },
        {WEB "    expose:\n      - \"80\"\n    volumes:\n      - /a:/b\n",                           "web:"                                },
        {WEB
         "    ports:\n      - target: 80\n        published: \"8080\"\n        protocol: udp\n"
         "        mode: host\n      - published: 8443\n        target: 443\n        host_ip: ::1\n"
         "  db:\n    image: x\n",                                                           "web: 8080:80/udp [::1]:8443:443; db:"},
        {WEB "    ports:\n      -\n        published: 8080\n        target: 80\n",                   "web: 8080:80"                        },
        {WEB "    ports:\r\n      - 8080:80\r\nvolumes:\r\n  data:\r\n",                             "web: 8080:80"                        },
        {"version: '3'\n\nservices:\n\n    a:\n        ports:\n            - 1:1\n\n    b:\n"
         "        ports:\n            - 2:2\n",                                             "a: 1:1; b: 2:2"                      },
 /* not by themselves, or not understood */
        {WEB "    profiles: [debug]\n    ports:\n      - 8080:80\n",                                 "web~: 8080:80"                       },
        {WEB "    ports:\n      - \"${PORT:-8080}:80\"\n",                                           "web?:"                               },
        {WEB "    ports:\n      - published: $PORT\n        target: 80\n",                           "web?:"                               },
        {WEB "    ports: *ports\n",                                                                  "web?:"                               },
        {WEB "    ports: !override\n      - 8080:80\n",                                              "web?:"                               },
        {WEB "    ports:\n      - {target: 80, published: 8080}\n",                                  "web?:"                               },
        {WEB "    ports:\n      - target: 80\n        how: x\n",                                     "web?:"                               },
        {WEB "    extends: other\n",                                                                 "web?:"                               },
        {WEB "    <<: *base\n    ports:\n      - 8080:80\n",                                         "web?: 8080:80"                       },
        {"services:\n  web: *other\n",                                                               "web?:"                               },
        {"services: {}\n",                                                                           ""                                    },
        {"services: {web: {ports: [\"8080:80\"]}}\n",                                                "+"                                   },
        {"include:\n  - b.yaml\n" WEB,                                                               "web:+"                               },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_compose compose;
        struct hm_arena arena;
        char out[256];

        print_message("case %zu\n", i);
        hm_arena_init(&arena, 1u << 20);
        assert_int_equal(
            hm_compose_ports_parse((struct hm_span){cases[i].text, strlen(cases[i].text)}, &arena,
                                   &compose, NULL),
            HM_OK);
        write_all(&compose, out, sizeof(out));
        assert_string_equal(out, cases[i].expected);
        hm_arena_fini(&arena);
    }
}

/* Very many services and ports are cut, and that is told; no text. */
static void test_odd(void **state)
{
    static char many[200000];
    struct hm_compose compose;
    struct hm_arena arena;

    (void)state;
    hm_arena_init(&arena, 8u << 20);
    (void)snprintf(many, sizeof(many), "services:\n");
    for (unsigned i = 0; i < 1000; i++) {
        const size_t len = strlen(many);

        (void)snprintf(many + len, sizeof(many) - len, " s%u:\n  ports:\n  - %u:1\n", i, i + 1);
    }
    assert_int_equal(
        hm_compose_ports_parse((struct hm_span){many, strlen(many)}, &arena, &compose, NULL),
        HM_OK);
    assert_true(compose.more);
    assert_int_equal(
        hm_compose_ports_parse((struct hm_span){"services:\0 a", 12}, &arena, &compose, NULL),
        HM_OK);
    assert_true(compose.more);
    hm_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_odd),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
