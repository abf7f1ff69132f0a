/* tests/unit/server/test_filter.c — the filter language: what it compiles to, what it refuses.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/store/filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/limits.h"

#define NOW_MS INT64_C(1795345200000) /* 2026-11-22T11:00:00Z */

static const struct {
    const struct hm_filter_list *list;
    const char *text;
    const char *sql;
    const char *values; /* joined with '|' */
} good[] = {
    {&hm_filter_hosts,    NULL,                          "",                                                         ""             },
    {&hm_filter_hosts,    "  \t ",                       "",                                                         ""             },
    {&hm_filter_hosts,    "name=mail01",                 "(coalesce(name=$1,false))",                                "mail01"       },
    {&hm_filter_hosts,    "name=\"a b\\\"c\\\\\"",       "(coalesce(name=$1,false))",                                "a b\"c\\"     },
    {&hm_filter_hosts,    "name != é",                  "(NOT coalesce(name=$1,false))",                            "é"           },
    {&hm_filter_hosts,    "os~\"Windows 20?2*\"",
     "(coalesce(lower(os_name) LIKE $1 ESCAPE '\\',false))",                                                         "windows 20_2%"},
    {&hm_filter_hosts,    "os!~50%_\\",                  "(NOT coalesce(lower(os_name) LIKE $1 ESCAPE '\\',false))",
     "50\\%\\_\\\\"                                                                                                                 },
    {&hm_filter_hosts,    "verdict=exposed",             "(coalesce(verdict IN ($1),false))",                        "exposed"      },
    {&hm_filter_hosts,    "verdict>=exposed",            "(coalesce(verdict IN ($1,$2),false))",
     "exposed|blocked"                                                                                                              },
    {&hm_filter_hosts,    "verdict<exposed",             "(coalesce(verdict IN ($1,$2),false))",                     "safe|unknown" },
    {&hm_filter_hosts,    "verdict>blocked",             "(coalesce(verdict IN (NULL),false))",                      ""             },
    {&hm_filter_hosts,    "verdict!=safe",               "(NOT coalesce(verdict IN ($1),false))",                    "safe"         },
    {&hm_filter_hosts,    "exposed>0",                   "(coalesce(exposed>$1,false))",                             "0"            },
    {&hm_filter_verdicts, "odds>=0.25",                  "(coalesce(odds>=$1,false))",                               "0.25"         },
    {&hm_filter_hosts,    "silent=true",                 "(coalesce(silent_since_ms<>0,false))",                     ""             },
    {&hm_filter_hosts,    "cloned=false",                "(NOT coalesce(cloned<>0,false))",                          ""             },
    {&hm_filter_hosts,    "last_seen<-2h",               "((coalesce(last_seen_ms,0)<>0 AND last_seen_ms<$1))",
     "1795338000000"                                                                                                                },
    {&hm_filter_hosts,    "first_seen>=2026-11-22",
     "((coalesce(first_seen_ms,0)<>0 AND first_seen_ms>=$1))",                                                       "1795305600000"},
    {&hm_filter_events,   "at>2026-11-22T11:00:00Z",     "((coalesce(at_ms,0)<>0 AND at_ms>$1))",
     "1795345200000"                                                                                                                },
    {&hm_filter_hosts,    "label.site=paris",
     "(EXISTS (SELECT 1 FROM json_each(labels) AS label WHERE label.value=$1))",                                     "site=paris"   },
    {&hm_filter_verdicts, "label.site!~p*",
     "(NOT EXISTS (SELECT 1 FROM json_each(host_labels) AS label WHERE "
     "substr(label.value,1,5)=$1 AND lower(substr(label.value,6)) LIKE $2 ESCAPE '\\'))",                            "site=|p%"     },
    {&hm_filter_hosts,    "name=a or name=b and id=c",
     "(coalesce(name=$1,false) OR coalesce(name=$2,false) AND coalesce(id=$3,false))",                               "a|b|c"        },
    {&hm_filter_hosts,    "(name=a or name=b) not id=c",
     "((coalesce(name=$1,false) OR coalesce(name=$2,false)) AND NOT (coalesce(id=$3,false)))",                       "a|b|c"        },
    {&hm_filter_hosts,    "name=';drop",                 "(coalesce(name=$1,false))",                                "';drop"       },
};

static void join_values(const struct hm_where *where, char *out, size_t size)
{
    size_t i;
    size_t len = 0;

    out[0] = '\0';
    for (i = 0; i < where->count; i++) {
        const struct hm_value *value = &where->values[i];
        const char *bar = i > 0 ? "|" : "";
        int put = 0;

        if (value->type == HM_VALUE_INT) {
            put = snprintf(out + len, size - len, "%s%lld", bar, (long long)value->i);
        } else if (value->type == HM_VALUE_REAL) {
            put = snprintf(out + len, size - len, "%s%g", bar, value->real);
        } else {
            put = snprintf(out + len, size - len, "%s%s", bar, (const char *)value->bytes);
        }
        assert_true(put >= 0 && (size_t)put < size - len);
        len += (size_t)put;
    }
}

static void compiles(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < HM_COUNT(good); i++) {
        struct hm_arena arena;
        struct hm_where where;
        struct hm_err err;
        char values[512];

        hm_arena_init(&arena, 1u << 20);
        if (hm_filter_compile(good[i].list, good[i].text, NOW_MS, &arena, &where, &err) != HM_OK) {
            fail_msg("%s: %s", good[i].text, err.text);
        }
        assert_string_equal(where.sql, good[i].sql);
        join_values(&where, values, sizeof(values));
        assert_string_equal(values, good[i].values);
        hm_arena_fini(&arena);
    }
}

static const struct {
    const char *text;
    const char *says;
} wrong[] = {
    {"colour=red",                   "position 1: \"colour\" is not a field"               },
    {"name=a nosuch=b",              "position 8: \"nosuch\""                              },
    {"name",                         "position 5: after a field comes one of"              },
    {"name=",                        "position 6: after the operator comes a value"        },
    {"name==a",                      "position 6: after the operator"                      },
    {"name=\"open",                  "position 6: the quote is not closed"                 },
    {"é=1",                         "position 1"                                          },
    {"name=é )",                    "position 8: a ')' without its '('"                   },
    {"(name=a",                      "a parenthesis is not closed"                         },
    {"()",                           "a term begins with the name"                         },
    {"not",                          "the filter ends where a term should be"              },
    {"name=a and",                   "the filter ends where"                               },
    {"name=a or or name=b",          "\"or\" is not a field"                               },
    {"name<b",                       "texts are compared by"                               },
    {"verdict=green",                "\"green\" is not one of safe unknown exposed blocked"},
    {"exposed=many",                 "\"many\" is not a number"                            },
    {"exposed=1e3",                  "is not a number"                                     },
    {"exposed=99999999999999999999", "is not a number"                                     },
    {"exposed~1",                    "numbers know no ~"                                   },
    {"silent=yes",                   "is not true or false"                                },
    {"silent>true",                  "are compared by = and != only"                       },
    {"last_seen<2h",                 "is not a time"                                       },
    {"last_seen<-2y",                "is not a time"                                       },
    {"last_seen~x",                  "times know no ~"                                     },
    {"label=x",                      "\"label\" is not a field"                            },
    {"label.=x",                     "is not a field"                                      },
    {"label.s'te=x",                 "is not a field"                                      },
    {"label.site>x",                 "labels are compared by"                              },
    {"label",                        "is not a field"                                      },
    {"name=a ! name=b",              "a lone '!'"                                          },
    {"name=\xff",                    "not UTF-8"                                           },
    {"((((((((((((((((((name=a",     "nested too deeply"                                   },
};

static void refuses(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < HM_COUNT(wrong); i++) {
        struct hm_arena arena;
        struct hm_where where = {.count = 77};
        struct hm_err err = {.text = ""};

        hm_arena_init(&arena, 1u << 20);
        assert_int_equal(
            hm_filter_compile(&hm_filter_hosts, wrong[i].text, NOW_MS, &arena, &where, &err),
            HM_EINVAL);
        assert_string_equal(hm_err_code(&err), "bad_filter");
        if (strstr(err.text, wrong[i].says) == NULL) {
            fail_msg("%s: \"%s\" lacks \"%s\"", wrong[i].text, err.text, wrong[i].says);
        }
        assert_int_equal(where.count, 77);
        hm_arena_fini(&arena);
    }
}

/* Terms, bytes and depth are capped, and the caps themselves still fit. */
static void caps(void **state)
{
    char text[HM_LIMIT_FILTER_BYTES + 8];
    struct hm_arena arena;
    struct hm_where where;
    struct hm_err err;
    size_t i;

    (void)state;
    hm_arena_init(&arena, 1u << 20);
    memset(text, ' ', sizeof(text));
    text[HM_LIMIT_FILTER_BYTES] = '\0';
    assert_int_equal(hm_filter_compile(&hm_filter_hosts, text, NOW_MS, &arena, &where, &err),
                     HM_OK);
    text[HM_LIMIT_FILTER_BYTES] = ' ';
    text[HM_LIMIT_FILTER_BYTES + 1] = '\0';
    assert_int_equal(hm_filter_compile(&hm_filter_hosts, text, NOW_MS, &arena, &where, &err),
                     HM_ETOOBIG);
    for (i = 0; i < HM_LIMIT_FILTER_TERMS; i++) {
        memcpy(text + i * 7, "low<=9 ", 7);
    }
    text[i * 7] = '\0';
    assert_int_equal(hm_filter_compile(&hm_filter_hosts, text, NOW_MS, &arena, &where, &err),
                     HM_OK);
    assert_int_equal(where.count, HM_LIMIT_FILTER_TERMS);
    memcpy(text + i * 7, "low<=9", 7);
    assert_int_equal(hm_filter_compile(&hm_filter_hosts, text, NOW_MS, &arena, &where, &err),
                     HM_EINVAL);
    for (i = 0; i < 11; i++) { /* ten values each */
        memcpy(text + i * 24, "reason>=outside_dynamic ", 24);
    }
    text[i * 24] = '\0';
    assert_int_equal(hm_filter_compile(&hm_filter_verdicts, text, NOW_MS, &arena, &where, &err),
                     HM_EINVAL);
    text[(i - 1) * 24] = '\0';
    assert_int_equal(hm_filter_compile(&hm_filter_verdicts, text, NOW_MS, &arena, &where, &err),
                     HM_OK);
    assert_int_equal(where.count, 100);
    hm_arena_fini(&arena);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(compiles),
        cmocka_unit_test(refuses),
        cmocka_unit_test(caps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
