/* tests/unit/readers/test_events_text.c — events as wevtutil and collect.cmd's script print them,
 * and files that are cut, empty or something else.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/readers/events_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "tests/support/fixture.h"

#define ARENA_BYTES (64u * 1024u * 1024u)
#define EVENT(rest)                                                                                \
    "<Event><System><Provider Name='P'/><EventID>7</EventID></System>" rest "</Event>"
#define DATA(text) EVENT("<EventData><Data>" text "</Data></EventData>")

static struct hm_arena arena;

static int begin(void **state)
{
    (void)state;
    hm_arena_init(&arena, ARENA_BYTES);
    return 0;
}

static int end(void **state)
{
    (void)state;
    hm_arena_fini(&arena);
    return 0;
}

static struct hm_logged_events must_parse(const char *text, size_t len)
{
    struct hm_logged_events events;
    struct hm_err err;

    if (hm_events_parse(text, len, &arena, &events, &err) != HM_OK) {
        fail_msg("%s", err.text);
    }
    return events;
}

static struct hm_logged_events read_fixture(const char *name)
{
    struct hm_logged_events events;
    size_t len;
    char *text = hm_fixture_read(name, &len);

    events = must_parse(text, len);
    free(text);
    return events;
}

static void test_wevtutil(void **state)
{
    const struct hm_logged_events events = read_fixture("events/wevtutil-de-utf16.xml");

    (void)state;
    assert_int_equal(events.count, 3);
    assert_false(events.cut);
    assert_string_equal(events.at[0].provider, "Service Control Manager");
    assert_int_equal(events.at[0].id, 7024);
    assert_string_equal(events.at[0].log, "System");
    assert_int_equal(events.at[0].record, 90412);
    assert_true(events.at[0].has_time);
    assert_int_equal(events.at[0].time_ms, 1426655564123);
    assert_int_equal(events.at[0].text_count, 2);
    assert_string_equal(events.at[0].texts[0], "Gesch\xc3\xbctzter Speicher & Co");
    assert_string_equal(events.at[1].texts[1], "%%10013");
    assert_int_equal(events.at[1].text_count, 2); /* <Binary> is no text */
    assert_string_equal(events.at[2].provider, "EventLog");
    assert_int_equal(events.at[2].text_count, 0);
}

static void test_two_logs(void **state)
{
    const struct hm_logged_events events = read_fixture("events/wevtutil-two-logs.xml");

    (void)state;
    assert_int_equal(events.count, 4);
    assert_false(events.cut);
    assert_string_equal(events.at[3].log, "Application");
    assert_string_equal(events.at[3].texts[1], "<ipv4>");
    assert_int_equal(events.at[3].text_count, HM_EVENT_TEXTS);
}

static void test_script(void **state)
{
    const struct hm_logged_events events = read_fixture("events/script-2003.xml");

    (void)state;
    assert_int_equal(events.count, 2);
    assert_false(events.cut);
    assert_int_equal(events.at[0].id, 7009);
    assert_string_equal(events.at[0].texts[1], "Gesch\xc3\xbctzter Speicher");
    assert_int_equal(events.at[0].time_ms, 1215569553000); /* 02:12:33 UTC */
}

struct shape {
    const char *label;
    const char *text;
    size_t count; /* SIZE_MAX: refused */
    bool cut;
};

static const struct shape shapes[] = {
    {"nothing",               "",                                                               SIZE_MAX, false},
    {"words",                 "Access is denied.\r\n",                                          SIZE_MAX, false},
    {"an older page",         "Zugriff verweigert \xfc\r\n",                                    SIZE_MAX, false},
    {"another XML",           "<html><p>7</p></html>",                                          SIZE_MAX, false},
    {"a root only",           "<Events>\r\n</Events>\r\n",                                      0,        false},
    {"an empty root",         "<Events/>",                                                      0,        false},
    {"a root without an end", "<Events>\r\n",                                                   0,        true },
    {"no root",               EVENT("") "\r\n" EVENT(""),                                       2,        false},
    {"roots, one missing",    "<Events>" EVENT("") "</Events><Events>" EVENT(""),               2,        true },
    {"a declaration",         "<?xml version='1.0'?>\n<Events>" EVENT("") "</Events>",          1,        false},
    {"cut inside an event",   EVENT("") "<Event><System><Provider Name='P'/>",                  1,        true },
    {"cut inside a tag",      EVENT("") "<Event><System><Provi",                                1,        true },
    {"cut in its first tag",  EVENT("") "<Eve",                                                 1,        true },
    {"cut, and the next log", "<Event><System><Provider Name='P" EVENT(""),                     1,        true },
    {"no provider",           "<Event><System><EventID>7</EventID></System></Event>" EVENT(""), 1,        false},
    {"no number",
     "<Event><System><Provider Name='P'/><EventID>x</EventID></System></Event>" EVENT(""),      1,
     false                                                                                                     },
    {"a number too high",
     "<Event><System><Provider Name='P'/><EventID>65536</EventID></System>"
     "</Event>" EVENT(""),
     1,                                                                                                   false},
};

static void test_shapes(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(shapes); i++) {
        const struct shape *shape = &shapes[i];
        struct hm_logged_events events = {NULL, 0, false};
        struct hm_err err = {0};
        const enum hm_status st =
            hm_events_parse(shape->text, strlen(shape->text), &arena, &events, &err);

        print_message("%s\n", shape->label);
        if (shape->count == SIZE_MAX) {
            assert_int_equal(st, HM_EINVAL);
            assert_non_null(strstr(err.text, "no list of events"));
            continue;
        }
        assert_int_equal(st, HM_OK);
        assert_int_equal(events.count, shape->count);
        assert_int_equal(events.cut, shape->cut);
    }
}

struct text_case {
    const char *written;
    const char *read;
};

static const struct text_case texts[] = {
    {DATA("a&amp;b&lt;c&gt;d&quot;e&apos;f"), "a&b<c>d\"e'f"                            },
    {DATA("&#65;&#x42;&#X43;"),               "ABC"                                     },
    {DATA("&#228;"),                          "\xc3\xa4"                                },
    {DATA("&#55357;&#56832;"),                "\xf0\x9f\x98\x80"                        },
    {DATA("&#55357;x"),                       "\xef\xbf\xbdx"                           },
    {DATA("a&#10;b&#0;c&#1114112;"),          "a b\xef\xbf\xbd"
                                     "c\xef\xbf\xbd"},
    {DATA("a&nothing;b&c"),                   "a&nothing;b&c"                           },
    {DATA("  a\r\n\tb  "),                    "a   b"                                   },
    {DATA("Gesch\x81tzt"),                    "Gesch?tzt"                               },
    {EVENT("<EventData><Data/></EventData>"), ""                                        },
};

static void test_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(texts); i++) {
        const struct hm_logged_events events =
            must_parse(texts[i].written, strlen(texts[i].written));

        print_message("%s\n", texts[i].written);
        assert_int_equal(events.count, 1);
        assert_int_equal(events.at[0].text_count, 1);
        assert_string_equal(events.at[0].texts[0], texts[i].read);
    }
}

/* Elements outside of EventData are no insertion strings. */
static void test_data_elsewhere(void **state)
{
    static const char text[] =
        EVENT("<UserData><Data>x</Data></UserData><EventData><Data>y</Data></EventData>");
    const struct hm_logged_events events = must_parse(text, strlen(text));

    (void)state;
    assert_int_equal(events.at[0].text_count, 1);
    assert_string_equal(events.at[0].texts[0], "y");
}

static void test_huge(void **state)
{
    static const char event[] = "<Event><Provider Name='P'/><EventID>1</EventID></Event>\n";
    const size_t step = strlen(event);
    const size_t count = HM_LIMIT_LOGGED_EVENTS + 2;
    const size_t long_len = 1024u * 1024u;
    char *text = malloc(count * step + long_len);
    struct hm_logged_events events;
    struct hm_err err;
    int head;

    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < count; i++) {
        memcpy(text + i * step, event, step);
    }
    events = must_parse(text, count * step);
    assert_int_equal(events.count, HM_LIMIT_LOGGED_EVENTS);
    assert_true(events.cut);
    head = snprintf(text, long_len,
                    "<Event><Provider Name='P'/><EventID>1</EventID><EventData>"
                    "<Data>");
    memset(text + head, 'x', long_len);
    memcpy(text + long_len, "</Data></EventData></Event>", 27);
    events = must_parse(text, long_len + 27);
    assert_int_equal(strlen(events.at[0].texts[0]), HM_LIMIT_NAME_BYTES);
    free(text);
    assert_int_equal(hm_events_parse(event, HM_LIMIT_INPUT_FILE_BYTES + 1, &arena, &events, &err),
                     HM_ETOOBIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_wevtutil, begin, end),
        cmocka_unit_test_setup_teardown(test_two_logs, begin, end),
        cmocka_unit_test_setup_teardown(test_script, begin, end),
        cmocka_unit_test_setup_teardown(test_shapes, begin, end),
        cmocka_unit_test_setup_teardown(test_texts, begin, end),
        cmocka_unit_test_setup_teardown(test_data_elsewhere, begin, end),
        cmocka_unit_test_setup_teardown(test_huge, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
