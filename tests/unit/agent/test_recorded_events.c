/* tests/unit/agent/test_recorded_events.c — events.xml of a recorded host: services by their names,
 * host.json beside it, and files that are cut, refused or something else.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "tests/support/fixture.h"
#include "tests/support/recorded_folder.h"

#define HOST "{\"os\": {\"family\": \"windows\", \"version\": \"6.3.9600\"}}"
#define HOST_WITH(rest) "{\"os\": {\"family\": \"windows\", \"version\": \"6.3.9600\"}, " rest "}"
#define KEY "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\"
#define SERVICES                                                                                   \
    "\r\n" KEY "RAS\r\n    Type    REG_DWORD    0x10\r\n"                                          \
    "\r\n" KEY "RAS\r\n    Start    REG_DWORD    0x2\r\n"
#define STATE(code)                                                                                \
    "\r\nSERVICE_NAME: RAS\r\nDISPLAY_NAME: Remote Access\r\n        TYPE : 10\r\n"                \
    "        STATE : 1  STOPPED\r\n        WIN32_EXIT_CODE : " code "\r\n"
#define EVENT(id, text)                                                                            \
    "<Event><System><Provider Name='Service Control Manager'/><EventID>" id "</EventID>"           \
    "<Channel>System</Channel></System><EventData><Data>" text "</Data></EventData></Event>"
#define MISSING "events.xml is missing"

static int begin(void **state)
{
    *state = calloc(1, sizeof(struct recorded_folder));
    assert_non_null(*state);
    recorded_folder_init(*state);
    recorded_folder_puts(*state, "host.json", HOST);
    recorded_folder_puts(*state, "services.txt", SERVICES);
    recorded_folder_puts(*state, "services-state.txt", STATE("0"));
    return 0;
}

static int end(void **state)
{
    recorded_folder_fini(*state);
    free(*state);
    return 0;
}

static bool is_noted(const struct recorded_folder *host, const char *part)
{
    for (size_t i = 0; i < host->seen.unknown.count; i++) {
        if (strstr(host->seen.unknown.at[i], part) != NULL) {
            return true;
        }
    }
    return false;
}

static void test_named(void **state)
{
    struct recorded_folder *host = *state;

    recorded_folder_puts(host, "events.xml",
                         "<Events>" EVENT("7023", "remote access") EVENT("7023", "Somebody")
                             EVENT("7036", "Remote Access") "</Events>");
    recorded_folder_must_observe(host);
    assert_true(host->seen.has_events);
    assert_int_equal(host->seen.events.count, 2);
    assert_string_equal(host->seen.events.at[0].about, "RAS");
    assert_string_equal(host->seen.events.at[1].about, "Somebody");
    assert_false(is_noted(host, "events"));
}

/* A person's counts stay; the file adds the others. */
static void test_beside_host_file(void **state)
{
    struct recorded_folder *host = *state;

    recorded_folder_puts(host, "host.json",
                         HOST_WITH("\"events\": [{\"provider\": \"Service Control Manager\", "
                                   "\"id\": 7023, \"count\": 5, \"about\": \"RAS\"}]"));
    recorded_folder_puts(host, "events.xml",
                         EVENT("7023", "Remote Access") EVENT("7024", "Remote Access"));
    recorded_folder_must_observe(host);
    assert_int_equal(host->seen.events.count, 2);
    assert_int_equal(host->seen.events.at[0].count, 5);
    assert_int_equal(host->seen.events.at[1].id, 7024);
    assert_string_equal(host->seen.events.at[1].about, "RAS");
}

#define TASKS                                                                                      \
    "\"Image Name\",\"PID\",\"Services\"\r\n\"System\",\"4\",\"N/A\"\r\n"                          \
    "\"lsass.exe\",\"700\",\"SamSs\"\r\n"
#define ENDED(id, text, error, binary)                                                             \
    "<Event><System><Provider Name='Service Control Manager'/><EventID>" id "</EventID>"           \
    "<Channel>System</Channel></System><EventData><Data>" text "</Data><Data>" error "</Data>"     \
    "<Binary>" binary "</Binary></EventData></Event>"
#define RAS_UTF16 "520041005300"

static int begin_without_states(void **state)
{
    *state = calloc(1, sizeof(struct recorded_folder));
    assert_non_null(*state);
    recorded_folder_init(*state);
    recorded_folder_puts(*state, "host.json", HOST);
    recorded_folder_puts(*state, "services.txt", SERVICES);
    recorded_folder_puts(*state, "tasklist.csv", TASKS);
    return 0;
}

struct ended_case {
    const char *text;
    const char *about;
    uint32_t exit_code;
    bool noted;
};

/* Without services-state.txt the event itself tells whose it is, and what that one ended with. */
static void test_named_by_itself(void **state)
{
    static const struct ended_case cases[] = {
        {ENDED("7023", "Remote Access", "%%10048",        RAS_UTF16 "0000"),         "RAS",           10048,       false},
        {ENDED("7024", "Remote Access", "10013 (0x271d)", RAS_UTF16),                "RAS",           10013,       false},
        {ENDED("7024", "Fernzugriff",   "%%-2147014848",  RAS_UTF16 "2F00"),         "RAS",           0x80072740u,
         false                                                                                                          },
        {ENDED("7024", "RAS",           "0x80072740",     ""),                       "RAS",           0x80072740u, false},
        {ENDED("7024", "RAS",           "%%none",         ""),                       "RAS",           0,           false},
        {ENDED("7034", "Remote Access", "1",              RAS_UTF16 "2F0034000000"), "RAS",           0,           false},
        {ENDED("7023", "Remote Access", "%%10048",        "40270000"),               "Remote Access", 0,           true },
        {ENDED("7023", "Remote Access", "%%10048",        "5200410"),                "Remote Access", 0,           true },
    };
    struct recorded_folder *host = *state;

    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        const struct hm_services *details = &host->seen.inventory.service_details;
        bool found = false;

        print_message("%s\n", cases[i].text);
        recorded_folder_puts(host, "events.xml", cases[i].text);
        recorded_folder_must_observe(host);
        assert_int_equal(host->seen.events.count, 1);
        assert_string_equal(host->seen.events.at[0].about, cases[i].about);
        for (size_t k = 0; k < details->count; k++) {
            if (hm_str_equal(details->at[k].name, "RAS")) {
                found = true;
                assert_int_equal(details->at[k].exit_code, cases[i].exit_code);
            }
        }
        assert_true(found);
        assert_int_equal(is_noted(host, "\"Remote Access\" failed (Service Control Manager 7023)"),
                         cases[i].noted);
    }
    /* The service manager knows better: it ended well after that. */
    recorded_folder_puts(host, "services-state.txt", STATE("0"));
    recorded_folder_puts(host, "events.xml", cases[0].text);
    recorded_folder_must_observe(host);
    for (size_t k = 0; k < host->seen.inventory.service_details.count; k++) {
        assert_int_equal(host->seen.inventory.service_details.at[k].exit_code, 0);
    }
}

struct file_case {
    const char *text;
    bool has_events;
    size_t count;
    const char *noted; /* "" nothing of events */
};

/* clang-format off */
static const struct file_case files[] = {
    {"<Events></Events>", true, 0, ""},
    {EVENT("7023", "Remote Access") "<Event><System>", true, 1, "events.xml is cut"},
    {"<Events>\r\n", false, 0, "events.xml is cut"},
    {"events failed: wevtutil exit 5\r\n", false, 0, "(wevtutil exit 5): what "},
    {"events failed: ", false, 0, "could not be read"},
    {"<Events>" EVENT("7023", "Remote Access") "</Events>\r\n"
     "events failed: Application log: wevtutil exit 5\r\n", true, 1,
     "(Application log: wevtutil exit 5): what it says of services"},
    {"<Events>\r\n</Events>\r\nevents failed: A\r\n"
     "events failed: DNS Server log: wevtutil exit 1\r\n", true, 0,
     "(DNS Server log: wevtutil exit 1)"},
    {"Acceso denegado.\r\n", false, 0,
     "events.xml holds a message that access was denied when it was gathered"},
    {"\"Image Name\",\"PID\",\"Services\"\r\n\"System\",\"4\",\"N/A\"\r\n", false, 0,
     "events.xml holds a list of processes"},
};
/* clang-format on */

static void test_files(void **state)
{
    struct recorded_folder *host = *state;

    for (size_t i = 0; i < HM_COUNT(files); i++) {
        print_message("%s\n", files[i].text);
        recorded_folder_puts(host, "events.xml", files[i].text);
        recorded_folder_must_observe(host);
        assert_int_equal(host->seen.has_events, files[i].has_events);
        assert_int_equal(host->seen.events.count, files[i].count);
        assert_int_equal(is_noted(host, "events.xml"), files[i].noted[0] != '\0');
        assert_true(files[i].noted[0] == '\0' || is_noted(host, files[i].noted));
    }
}

/* A whole log, as somebody may save it. */
static void test_too_large(void **state)
{
    struct recorded_folder *host = *state;
    const size_t len = HM_LIMIT_INPUT_FILE_BYTES + 1;
    char *text = malloc(len);

    assert_non_null(text);
    memset(text, ' ', len);
    recorded_folder_put(host, "events.xml", text, len);
    free(text);
    recorded_folder_must_observe(host);
    assert_false(host->seen.has_events);
    assert_true(is_noted(host, "events.xml is not read: "));
}

/* Only where a service is down and nothing says whether it failed. */
static void test_missing(void **state)
{
    struct recorded_folder *host = *state;

    recorded_folder_must_observe(host);
    assert_false(host->seen.has_events);
    assert_true(is_noted(host, MISSING));
    recorded_folder_puts(host, "services-state.txt", STATE("10048"));
    recorded_folder_must_observe(host);
    assert_false(is_noted(host, MISSING));
    recorded_folder_puts(host, "services-state.txt", STATE("0"));
    recorded_folder_puts(host, "host.json", HOST_WITH("\"events\": []"));
    recorded_folder_must_observe(host);
    assert_true(host->seen.has_events);
    assert_false(is_noted(host, MISSING));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_named, begin, end),
        cmocka_unit_test_setup_teardown(test_beside_host_file, begin, end),
        cmocka_unit_test_setup_teardown(test_named_by_itself, begin_without_states, end),
        cmocka_unit_test_setup_teardown(test_files, begin, end),
        cmocka_unit_test_setup_teardown(test_too_large, begin, end),
        cmocka_unit_test_setup_teardown(test_missing, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
