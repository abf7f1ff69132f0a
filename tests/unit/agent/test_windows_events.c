/* tests/unit/agent/test_windows_events.c — which events of a Windows host count, and since when.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/windows_events.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/judge/service_events.h"
#include "tests/support/event_record.h"
#include "tests/support/fixture.h"

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

static void test_which_count(void **state)
{
    static const struct hm_logged_event known[] = {
        SYSTEM(SCM, 7023, 1, 1, "Server A"),
        SYSTEM("service control manager", 7023, 2, 2, "server a"),
        SYSTEM(SCM, 7009, 3, 3, "30000"),
        SYSTEM(SCM, 7023, 4, 4, "Server B"),
        APPLICATION("MSSQL$ERP", 17182, 5),
    };
    static const struct hm_logged_event others[] = {
        SYSTEM(SCM, 7036, 1, 1, "Server A"),        /* started and stopped */
        SYSTEM("Another", 7023, 1, 1, "Server A"),  /* its own number */
        APPLICATION(SCM, 7023, 1),                  /* in a log where it does not write */
        SYSTEM("MSSQLSERVER", 17182, 1, 1, "text"), /* likewise */
        SYSTEM("EventLog", 6005, 1, 1, ""),
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(known); i++) {
        add(&known[i]);
    }
    for (size_t i = 0; i < HM_COUNT(others); i++) {
        add(&others[i]);
    }
    assert_int_equal(tally.counts.count, 4);
    assert_int_equal(tally.counts.at[0].count, 2);
    assert_string_equal(tally.counts.at[0].about, "Server A");
    assert_string_equal(tally.counts.at[1].about, "second"); /* the first text is the time */
    assert_string_equal(tally.counts.at[2].about, "Server B");
    assert_string_equal(tally.counts.at[3].provider, "MSSQL$ERP");
    assert_string_equal(tally.counts.at[3].about, "");
}

static void test_bounded(void **state)
{
    struct hm_event_counts copy;
    struct hm_notes notes;
    struct hm_err err;
    char name[32];

    (void)state;
    for (unsigned i = 0; i < HM_LIMIT_EVENT_COUNTS + 3; i++) {
        const struct hm_logged_event event = SYSTEM(SCM, 7034, 1, 1, name);

        (void)snprintf(name, sizeof(name), "Service %u", i);
        add(&event);
    }
    assert_int_equal(tally.counts.count, HM_LIMIT_EVENT_COUNTS);
    assert_true(tally.full);
    hm_notes_init(&notes, &arena);
    assert_int_equal(hm_event_tally_note(&tally, &notes, &err), HM_OK);
    assert_int_equal(notes.list.count, 1);
    assert_non_null(strstr(notes.list.at[0], "more than 256 kinds"));
    assert_int_equal(hm_event_counts_copy(&tally.counts, &arena, &copy, &err), HM_OK);
    assert_int_equal(copy.count, HM_LIMIT_EVENT_COUNTS);
    assert_string_equal(copy.at[255].about, "Service 255");
}

static void test_merge(void **state)
{
    static const struct hm_logged_event a = SYSTEM(SCM, 7023, 1, 1, "A");
    static const struct hm_logged_event b = SYSTEM(SCM, 7024, 1, 1, "A");
    struct hm_event_tally other;
    struct hm_err err;

    (void)state;
    add(&a);
    hm_event_tally_init(&other, &arena);
    assert_int_equal(hm_event_tally_add(&other, &b, &err), HM_OK);
    assert_int_equal(hm_event_tally_add(&other, &a, &err), HM_OK);
    assert_int_equal(hm_event_tally_add(&other, &a, &err), HM_OK);
    assert_int_equal(hm_event_tally_merge(&tally, &other, &err), HM_OK);
    assert_int_equal(tally.counts.count, 2);
    assert_int_equal(tally.counts.at[0].count, 3);
    assert_int_equal(tally.counts.at[1].count, 1);
}

struct since_case {
    const char *label;
    struct hm_logged_event at[4];
    size_t count;
    bool has_boot;
    int64_t boot_ms;
    size_t found;
};

static struct since_case since_cases[] = {
    {"behind the event of the boot",
     {SYSTEM(SCM, 7023, 12, 900, "new"), SYSTEM("EventLog", 6005, 11, 1000, ""),
      SYSTEM(SCM, 7023, 10, 2000, "old, and the clock was set"),
      APPLICATION("MSSQLSERVER", 17182, 999)},
     4, false,
     0,    1},
    {"of another log by the time",
     {SYSTEM("EventLog", 6005, 11, 1000, ""), APPLICATION("MSSQLSERVER", 17182, 1000),
      APPLICATION("MSSQLSERVER", 26023, 999)},
     3, false,
     0,    1},
    {"the newest of several boots",
     {SYSTEM("EventLog", 6005, 11, 1000, ""), SYSTEM(SCM, 7023, 10, 900, "old"),
      SYSTEM("EventLog", 6005, 9, 500, ""), SYSTEM(SCM, 7023, 8, 400, "older")},
     4, false,
     0,    0},
    {"the boot is older than the log",
     {SYSTEM(SCM, 7023, 12, 1200, "a"), SYSTEM(SCM, 7023, 11, 1100, "b"),
      APPLICATION("MSSQLSERVER", 17182, 1150), APPLICATION("MSSQLSERVER", 26023, 1050)},
     4, false,
     0,    3},
    {"by the time of the boot",
     {SYSTEM(SCM, 7023, 12, 1200, "a"), SYSTEM(SCM, 7023, 11, 1100, "b"),
      APPLICATION("MSSQLSERVER", 17182, 1150), APPLICATION("MSSQLSERVER", 26023, 1050)},
     4, true,
     1150, 2},
    {"of Application only: nobody knows",
     {APPLICATION("MSSQLSERVER", 17182, 1150)},
     1, false,
     0,    0},
    {"the number of another provider is no boot",
     {SYSTEM("Other", 6005, 13, 1300, ""), SYSTEM(SCM, 7023, 12, 1200, "a")},
     2, false,
     0,    1},
};

static void test_since_boot(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(since_cases); i++) {
        struct since_case *one = &since_cases[i];
        const struct hm_logged_events events = {one->at, one->count, false};
        struct hm_err err;

        print_message("%s\n", one->label);
        hm_event_tally_init(&tally, &arena);
        assert_int_equal(
            hm_event_tally_add_since_boot(&tally, &events, one->has_boot, one->boot_ms, &err),
            HM_OK);
        assert_int_equal(tally.counts.count, one->found);
    }
}

/* ---- records of ReadEventLog -------------------------------------------------------------------
 */

#define SCM_7023 0xc0001b6fu
#define BOOT 0x80001775u
#define TCPIP_4231 0x80001087u

struct record_row {
    const char *source;
    uint32_t id;
    uint32_t record;
    uint32_t time_s;
    const char *text;
};

static void take(struct hm_event_reading *reading, const struct record_row *row)
{
    unsigned char bytes[EVENT_RECORD_ROOM];
    const size_t length =
        event_record_make(bytes, row->source, row->id, row->record, row->time_s, &row->text, 1);
    struct hm_err err;

    assert_int_equal(hm_event_reading_take(reading, bytes, length, &err), HM_OK);
}

/* At the first look back to the boot, whatever its clock said; nothing of Tcpip counts yet. */
static void test_first_look(void **state)
{
    static const struct record_row rows[] = {
        {"Tcpip",    TCPIP_4231, 12, 1200, ""   },
        {SCM,        SCM_7023,   11, 900,  "A"  },
        {"EventLog", BOOT,       10, 1000, ""   },
        {SCM,        SCM_7023,   9,  1300, "old"},
    };
    const struct hm_event_mark none = {.set = false};
    struct hm_event_reading reading;

    (void)state;
    hm_event_reading_init(&reading, "System", none, &arena);
    reading.has_started = true;
    reading.started_ms = 950000;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        assert_int_equal(reading.end, i > 2);
        take(&reading, &rows[i]);
    }
    assert_true(reading.end && reading.saw_boot);
    assert_int_equal(reading.boot_ms, 1000000);
    assert_int_equal(reading.tally.counts.count, 1);
    assert_string_equal(reading.tally.counts.at[0].about, "A");
    assert_int_equal(reading.counted.event_4231, 0);
    assert_true(reading.next.set);
    assert_int_equal(reading.next.record, 12);
}

static void test_later_look(void **state)
{
    static const struct record_row rows[] = {
        {SCM,        SCM_7023,   16, 1500, "B"},
        {"Tcpip",    TCPIP_4231, 15, 1400, "" },
        {"EventLog", BOOT,       14, 1300, "" }, /* the event log was restarted, not the system */
        {"Other",    TCPIP_4231, 13, 1200, "" },
        {SCM,        SCM_7023,   12, 1100, "A"}, /* seen the last time */
    };
    const struct hm_event_mark mark = {true, 12, 1100000};
    struct hm_event_reading reading;

    (void)state;
    hm_event_reading_init(&reading, "System", mark, &arena);
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        assert_false(reading.end);
        take(&reading, &rows[i]);
    }
    assert_true(reading.end);
    assert_int_equal(reading.tally.counts.count, 1);
    assert_string_equal(reading.tally.counts.at[0].about, "B");
    assert_int_equal(reading.counted.event_4231, 1);
    assert_int_equal(reading.next.record, 16);
    assert_int_equal(reading.next.time_ms, 1500000);
}

static void test_mark_is_lost(void **state)
{
    static const struct {
        struct hm_event_mark mark;
        uint64_t oldest;
        uint64_t count;
        bool lost;
    } cases[] = {
        {{true, 12, 0},  1,  12, false}, /* nothing new */
        {{true, 12, 0},  12, 5,  false},
        {{true, 12, 0},  13, 5,  true }, /* wrapped past it */
        {{true, 12, 0},  1,  3,  true }, /* cleared */
        {{true, 12, 0},  0,  0,  true }, /* and empty */
        {{true, 0, 0},   1,  3,  false}, /* the log was empty: all of it is new */
        {{false, 12, 0}, 13, 5,  false},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        print_message("case %zu\n", i);
        assert_int_equal(hm_event_mark_is_lost(&cases[i].mark, cases[i].oldest, cases[i].count),
                         cases[i].lost);
    }
}

/* A log that was cleared and grew past the number of the mark: back to the boot, and all of it is
 * new. */
static void test_cleared_log(void **state)
{
    static const struct record_row rows[] = {
        {SCM,        SCM_7023,   13, 1500, "B"},
        {SCM,        SCM_7023,   12, 1450, "C"}, /* the number, but not the time */
        {"Tcpip",    TCPIP_4231, 11, 1400, "" },
        {"EventLog", BOOT,       10, 1300, "" },
        {SCM,        SCM_7023,   9,  1200, "D"},
    };
    const struct hm_event_mark mark = {true, 12, 1100000};
    struct hm_event_reading reading;

    (void)state;
    hm_event_reading_init(&reading, "System", mark, &arena);
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        assert_int_equal(reading.end, i > 3);
        take(&reading, &rows[i]);
    }
    assert_true(reading.end && reading.lost);
    assert_int_equal(reading.tally.counts.count, 2);
    assert_int_equal(reading.counted.event_4231, 1);
    assert_int_equal(reading.next.record, 13);
}

/* The record of the mark is damaged: what is older was counted, too. */
static void test_damaged_mark(void **state)
{
    static const struct record_row rows[] = {
        {SCM, SCM_7023, 13, 1500, "B"},
        {SCM, SCM_7023, 11, 1000, "A"},
    };
    const struct hm_event_mark mark = {true, 12, 1100000};
    struct hm_event_reading reading;

    (void)state;
    hm_event_reading_init(&reading, "System", mark, &arena);
    take(&reading, &rows[0]);
    assert_false(reading.end);
    take(&reading, &rows[1]);
    assert_true(reading.end && !reading.lost);
    assert_int_equal(reading.tally.counts.count, 1);
}

/* Another log has no event of the boot: by the time. */
static void test_other_log(void **state)
{
    static const struct record_row rows[] = {
        {"MSSQLSERVER", 0xc000431eu, 8, 1001, ""}, /* 17182 */
        {"MSSQLSERVER", 0xc000431eu, 7, 999,  ""},
    };
    const struct hm_event_mark none = {.set = false};
    struct hm_event_reading reading;

    (void)state;
    hm_event_reading_init(&reading, "Application", none, &arena);
    reading.has_started = true;
    reading.started_ms = 1000000;
    take(&reading, &rows[0]);
    assert_false(reading.end);
    take(&reading, &rows[1]);
    assert_true(reading.end);
    assert_int_equal(reading.tally.counts.count, 1);
    assert_int_equal(reading.tally.counts.at[0].count, 1);
}

/* An empty log, and a damaged record between two. */
static void test_damaged(void **state)
{
    static const struct record_row row = {SCM, SCM_7023, 5, 100, "A"};
    const struct hm_event_mark mark = {true, 3, 1000};
    unsigned char bytes[3 * EVENT_RECORD_ROOM];
    struct hm_event_reading reading;
    struct hm_err err;
    size_t len = 0;

    (void)state;
    hm_event_reading_init(&reading, "System", mark, &arena);
    assert_int_equal(hm_event_reading_take(&reading, bytes, 0, &err), HM_OK);
    assert_int_equal(reading.next.record, 3);
    for (size_t i = 0; i < 3; i++) {
        const size_t length = event_record_make(bytes + len, row.source, row.id, row.record,
                                                row.time_s, &row.text, 1);

        if (i == 1) {
            event_record_put(bytes + len, EVENT_RECORD_STRING_OFFSET, 0xfffffff0u, 4);
        }
        len += length;
    }
    assert_int_equal(hm_event_reading_take(&reading, bytes, len, &err), HM_OK);
    assert_int_equal(reading.records, 3);
    assert_int_equal(reading.tally.counts.at[0].count, 2);
}

/* ---- collect.cmd and the manual ------------------------------------------------------------ */

struct gathered {
    const char *log;
    const char *list;
};

static const struct gathered lists[] = {
    {"System",      "set \"SYSTEM_EVENTS="     },
    {"Application", "set \"APPLICATION_EVENTS="},
    {"DNS Server",  "set \"DNS_EVENTS="        },
};

static bool is_gathered(const char *script, const struct hm_service_event *row)
{
    for (size_t i = 0; i < HM_COUNT(lists); i++) {
        const char *at = strstr(script, lists[i].list);

        assert_non_null(at);
        if (strcmp(lists[i].log, row->log) != 0) {
            continue;
        }
        for (at += strlen(lists[i].list); *at != '"' && *at != '\0';) {
            char *behind;

            if (strtoul(at, &behind, 10) == row->id) {
                return true;
            }
            at = behind > at ? behind : at + 1;
        }
    }
    return false;
}

static void test_collected(void **state)
{
    size_t len;
    char *bytes = hm_fixture_read("../../deploy/windows/collect.cmd", &len);
    char *script = calloc(len + 1, 1);

    (void)state;
    assert_non_null(script);
    memcpy(script, bytes, len);
    for (size_t i = 0; i < hm_service_events_count; i++) {
        if (!is_gathered(script, &hm_service_events[i])) {
            fail_msg("collect.cmd does not gather %u of %s", (unsigned)hm_service_events[i].id,
                     hm_service_events[i].log);
        }
    }
    free(script);
    free(bytes);
}

/* The manual lists each number that counts, and none that does not count. */
static void test_manual(void **state)
{
    bool listed[65536] = {false};
    size_t len;
    char *bytes = hm_fixture_read("../../deploy/man/hm-agent.1.md", &len);
    char *text = calloc(len + 1, 1);
    char *at;
    char *behind;

    (void)state;
    assert_non_null(text);
    memcpy(text, bytes, len);
    at = strstr(text, "On Windows the event logs say which services failed:");
    assert_non_null(at);
    behind = strstr(at, "provider and number, which");
    assert_non_null(behind);
    *behind = '\0';
    while ((at = strpbrk(at, "0123456789")) != NULL) {
        const unsigned long id = strtoul(at, &at, 10);

        assert_in_range(id, 1, 65535);
        listed[id] = true;
    }
    for (size_t i = 0; i < hm_service_events_count; i++) {
        if (!listed[hm_service_events[i].id]) {
            fail_msg("hm-agent.1.md does not list %u", (unsigned)hm_service_events[i].id);
        }
    }
    for (unsigned id = 0; id < HM_COUNT(listed); id++) {
        bool counts = !listed[id];

        for (size_t i = 0; i < hm_service_events_count; i++) {
            counts = counts || hm_service_events[i].id == id;
        }
        if (!counts) {
            fail_msg("hm-agent.1.md lists %u, which does not count", id);
        }
    }
    free(text);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_which_count, begin, end),
        cmocka_unit_test_setup_teardown(test_bounded, begin, end),
        cmocka_unit_test_setup_teardown(test_merge, begin, end),
        cmocka_unit_test_setup_teardown(test_since_boot, begin, end),
        cmocka_unit_test_setup_teardown(test_first_look, begin, end),
        cmocka_unit_test_setup_teardown(test_later_look, begin, end),
        cmocka_unit_test_setup_teardown(test_mark_is_lost, begin, end),
        cmocka_unit_test_setup_teardown(test_cleared_log, begin, end),
        cmocka_unit_test_setup_teardown(test_damaged_mark, begin, end),
        cmocka_unit_test_setup_teardown(test_other_log, begin, end),
        cmocka_unit_test_setup_teardown(test_damaged, begin, end),
        cmocka_unit_test(test_collected),
        cmocka_unit_test(test_manual),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
