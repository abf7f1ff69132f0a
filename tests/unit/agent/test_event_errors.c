/* tests/unit/agent/test_event_errors.c — errors that events say services ended with, and when they
 * are over; texts of one event that belong together.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/platform/windows_events.h"
#include "common/base/str.h"

#define ARENA_BYTES (1024u * 1024u)
#define SCM "Service Control Manager"
#define SYSTEM(source, number, place, when, text)                                                  \
    {                                                                                              \
        .log = "System", .provider = source, .id = number, .record = place, .has_time = true,      \
        .time_ms = when, .texts = {text, "second"}, .text_count = 2                                \
    }
#define APPLICATION(source, number, when)                                                          \
    {                                                                                              \
        .log = "Application", .provider = source, .id = number, .record = 7, .has_time = true,     \
        .time_ms = when                                                                            \
    }

static struct hm_arena arena;
static struct hm_event_tally tally;

static int begin(void **state)
{
    (void)state;
    hm_arena_init(&arena, ARENA_BYTES);
    hm_event_tally_init(&tally, &arena);
    return 0;
}

static int end(void **state)
{
    (void)state;
    hm_arena_fini(&arena);
    return 0;
}

static void add(const struct hm_logged_event *event)
{
    struct hm_err err;

    assert_int_equal(hm_event_tally_add(&tally, event, &err), HM_OK);
}

struct over_case {
    uint64_t record;     /* of the event that the service runs; the error's is 5 */
    const char *service; /* that it names; NULL none */
    bool runs;
    bool over;
};

/* An event that the service was started again ends what the error says. */
static void test_error_before_a_later_start(void **state)
{
    static const struct over_case cases[] = {
        {6, "ServerA", true,  true },
        {4, "ServerA", true,  false},
        {6, "ServerA", false, false}, /* it stopped */
        {6, "ServerB", true,  false},
        {6, NULL,      false, false},
    };

    for (size_t named = 0; named < 2; named++) {
        for (size_t i = 0; i < HM_COUNT(cases); i++) {
            struct hm_logged_event at[] = {
                SYSTEM("EventLog", 6005, 1, 1, ""),
                SYSTEM(SCM, 7024, 5, 5, "Server A"),
                SYSTEM(SCM, 7036, cases[i].record, (int64_t)cases[i].record, "Server B"),
            };
            const struct hm_logged_events events = {at, HM_COUNT(at), false};
            struct hm_err err;

            print_message("%zu\n", i);
            at[1].texts[0] = named ? "Server A" : "ServerA";
            at[1].texts[1] = "%%10048";
            at[1].service = named ? "ServerA" : NULL;
            at[2].service = cases[i].service;
            at[2].runs = cases[i].runs;
            hm_event_tally_init(&tally, &arena);
            assert_int_equal(hm_event_tally_add_since_boot(&tally, &events, false, 0, &err), HM_OK);
            assert_int_equal(tally.counts.count, 1);
            assert_int_equal(tally.counts.at[0].error, cases[i].over ? 0 : 10048);
        }
    }
    (void)state;
}

/* A live service that runs was started since; a new event counts again. */
static void test_error_of_a_service_that_runs(void **state)
{
    struct hm_service_row row = {.name = "ServerA", .display = "Server A", .has_runs = true};
    struct hm_service_rows rows = {&row, 1};
    struct hm_event_count copy;
    struct hm_event_counts named = {&copy, 1};
    struct hm_logged_event event = SYSTEM(SCM, 7024, 5, 5, "Server A");

    (void)state;
    event.texts[1] = "%%10048";
    add(&event);
    copy = tally.counts.at[0];
    copy.about = "ServerA";
    hm_event_tally_forget_errors(&tally, &named, &rows);
    assert_int_equal(tally.counts.at[0].error, 10048);
    row.runs = true;
    hm_event_tally_forget_errors(&tally, &named, &rows);
    assert_int_equal(tally.counts.at[0].error, 0);
    assert_int_equal(copy.error, 0);
    add(&event);
    assert_int_equal(tally.counts.at[0].error, 10048);
}

/* SQL Server's event names address, family and port in texts of its own, or in one. */
static void test_texts_that_belong_together(void **state)
{
    struct hm_logged_event event = APPLICATION("MSSQLSERVER", 26023, 1);

    (void)state;
    event.texts[0] = "10.1.1.5 <ipv4>";
    event.texts[1] = "1433";
    event.text_count = 2;
    add(&event);
    assert_string_equal(tally.counts.at[0].about, "10.1.1.5 <ipv4> 1433");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_error_before_a_later_start, begin, end),
        cmocka_unit_test_setup_teardown(test_error_of_a_service_that_runs, begin, end),
        cmocka_unit_test_setup_teardown(test_texts_that_belong_together, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
