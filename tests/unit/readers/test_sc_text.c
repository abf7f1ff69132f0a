/* tests/unit/readers/test_sc_text.c — sc in several languages, of old and new systems.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/readers/sc_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/fixture.h"

#define ARENA_BYTES (16u * 1024u * 1024u)

static char *read_fixture(const char *file, size_t *out_len)
{
    char name[128];

    (void)snprintf(name, sizeof(name), "services/%s", file);
    return hm_fixture_read(name, out_len);
}

struct state_case {
    const char *name;
    uint32_t type;
    uint32_t state;
    uint32_t exit_code;
    uint32_t pid;
};

static const struct state_case states_of_all[] = {
    {"Dnscache",      0x20,  HM_SERVICE_RUNNING, 0,     1260},
    {"IAS",           0x20,  HM_SERVICE_STOPPED, 10048, 0   },
    {"MSSQL$ERP",     0x10,  2,                  0,     4512},
    {"Spooler",       0x110, HM_SERVICE_STOPPED, 1077,  0   },
    {"cbdhsvc_3f2a1", 0xe0,  HM_SERVICE_RUNNING, 0,     6120},
};

static void test_queryex(void **state)
{
    static const char *const files[] = {"sc-queryex-en.txt", "sc-queryex-es-cp850.txt",
                                        "sc-queryex-ru-cp866.txt", "sc-queryex-ja-cp932.txt",
                                        "sc-queryex-2003.txt"};

    (void)state;
    for (size_t i = 0; i < HM_COUNT(files); i++) {
        struct hm_sc_states states;
        struct hm_arena arena;
        struct hm_err err;
        size_t len;
        char *text = read_fixture(files[i], &len);

        print_message("%s\n", files[i]);
        hm_arena_init(&arena, ARENA_BYTES);
        if (hm_sc_query_parse(text, len, &arena, &states, &err) != HM_OK) {
            fail_msg("%s: %s", files[i], err.text);
        }
        free(text);
        assert_int_equal(states.count, HM_COUNT(states_of_all));
        assert_false(states.cut);
        for (size_t k = 0; k < HM_COUNT(states_of_all); k++) {
            const struct state_case *wanted = &states_of_all[k];
            const struct hm_sc_state *row = hm_sc_states_find(&states, wanted->name);

            assert_non_null(row);
            assert_int_equal(row->type, wanted->type);
            assert_int_equal(row->state, wanted->state);
            assert_int_equal(row->exit_code, wanted->exit_code);
            assert_int_equal(row->pid, wanted->pid);
        }
        assert_string_equal(hm_sc_states_find(&states, "mssql$erp")->display, "SQL Server (ERP)");
        hm_arena_fini(&arena);
    }
}

/* Over its buffer sc says so, and lists the rest nowhere. */
static void test_cut_listing(void **state)
{
    struct hm_sc_states states;
    struct hm_arena arena;
    size_t len;
    char *text = read_fixture("sc-query-cut.txt", &len);

    (void)state;
    hm_arena_init(&arena, ARENA_BYTES);
    assert_int_equal(hm_sc_query_parse(text, len, &arena, &states, NULL), HM_OK);
    assert_int_equal(states.count, 3);
    assert_true(states.cut);
    assert_null(hm_sc_states_find(&states, "Spooler"));
    free(text);
    hm_arena_fini(&arena);
}

/* Newer ones begin such a line otherwise. */
static void test_line_of_the_tool(void **state)
{
    static const char text[] =
        "\r\nSERVICE_NAME: a\r\nDISPLAY_NAME: A\r\n        TYPE : 10\r\n        STATE : 4\r\n\r\n"
        "[SC] EnumServicesStatus: more data, need 99 bytes start resume at index 1\r\n";
    struct hm_sc_states states;
    struct hm_arena arena;

    (void)state;
    hm_arena_init(&arena, ARENA_BYTES);
    assert_int_equal(hm_sc_query_parse(text, strlen(text), &arena, &states, NULL), HM_OK);
    assert_int_equal(states.count, 1);
    assert_true(states.cut);
    hm_arena_fini(&arena);
}

static void test_qc(void **state)
{
    static const char *const files[] = {"sc-qc-en.txt", "sc-qc-es-cp850.txt"};

    (void)state;
    for (size_t i = 0; i < HM_COUNT(files); i++) {
        struct hm_service_rows rows;
        struct hm_service_row *row;
        struct hm_arena arena;
        struct hm_err err;
        size_t len;
        char *text = read_fixture(files[i], &len);

        hm_arena_init(&arena, ARENA_BYTES);
        if (hm_sc_config_parse(text, len, &arena, &rows, &err) != HM_OK) {
            fail_msg("%s: %s", files[i], err.text);
        }
        free(text);
        assert_int_equal(rows.count, 3); /* Tcpip is a driver */
        row = hm_service_rows_find(&rows, "DNSCACHE");
        assert_int_equal(hm_service_start_of(row), HM_START_AUTOMATIC);
        assert_int_equal(row->depends_on.count, 2); /* the third is a group */
        assert_string_equal(row->depends_on.at[0], "Tdi");
        assert_string_equal(row->depends_on.at[1], "nsi");
        assert_string_equal(row->display, "DNS Client");
        row = hm_service_rows_find(&rows, "MSSQL$ERP");
        assert_int_equal(hm_service_start_of(row), HM_START_DELAYED);
        assert_string_equal(hm_service_program(row->image, &arena), "sqlservr.exe");
        assert_int_equal(row->depends_on.count, 0);
        row = hm_service_rows_find(&rows, "Spooler");
        assert_int_equal(hm_service_start_of(row), HM_START_DISABLED);
        assert_int_equal(row->depends_on.count, 2);
        hm_arena_fini(&arena);
    }
}

struct bad_case {
    const char *text;
    unsigned line;
};

static void test_refused(void **state)
{
    static const struct bad_case cases[] = {
        {"",                                                                    0},
        {"no colon here\r\n",                                                   1},
        {"\r\n        TYPE : 10\r\n",                                           2},
        {"SERVICE_NAME: a\r\n        TYPE : 10\r\n        STATE : RUNNING\r\n", 1},
        {"SERVICE_NAME: a\r\n        TYPE : 10\r\n        STATE : 9  X\r\n",    1},
        {"SERVICE_NAME: a\r\n        TYPE : no\r\n        STATE : 4  X\r\n",    1},
    };
    struct hm_sc_states states;
    struct hm_service_rows rows;
    struct hm_arena arena;
    struct hm_err err;

    (void)state;
    hm_arena_init(&arena, ARENA_BYTES);
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        const char *text = cases[i].text;

        assert_int_equal(hm_sc_query_parse(text, strlen(text), &arena, &states, &err), HM_EINVAL);
        assert_int_equal(err.line, cases[i].line);
        assert_int_equal(hm_sc_config_parse(text, strlen(text), &arena, &rows, &err), HM_EINVAL);
    }
    hm_arena_fini(&arena);
}

#define STATE(name, pid)                                                                           \
    "SERVICE_NAME: " name "\r\n        TYPE : 10  A\r\n        STATE : 4  RUNNING\r\n"             \
    "        WIN32_EXIT_CODE : 0  (0x0)\r\n        SERVICE_EXIT_CODE : 0  (0x0)\r\n"               \
    "        CHECKPOINT : 0x0\r\n        WAIT_HINT : 0x0\r\n        PID : " pid                    \
    "\r\n        FLAGS :\r\n\r\n"

static void test_process_ids_name_sockets(void **state)
{
    static const char text[] =
        STATE("Acme", "3100") STATE("Dhcp", "1500") STATE("Dnscache", "1500") STATE("None", "0");
    static const char *own[] = {"A", "B"};
    struct hm_socket at[] = {
        {.pid = 3100, .program = "lmgrd.exe",   .service = ""    },
        {.pid = 1500, .program = "",            .service = ""    },
        {.pid = 1500, .program = "svchost.exe", .service = "Dhcp"}, /* netstat -b */
        {.pid = 1500, .program = "svchost.exe", .service = "",     .hosted = {own, 2}},
        {.pid = 77,           .program = "client.exe",                           .service = ""          },
        {.pid = 0,           .program = "",                            .service = ""           }, /* TIME_WAIT */
        {.pid = 1500,           .program = "svchost.exe",                         .service = ""},
    };
    struct hm_sockets sockets = {at, HM_COUNT(at)};
    struct hm_sc_states states;
    struct hm_arena arena;

    (void)state;
    hm_arena_init(&arena, ARENA_BYTES);
    assert_int_equal(hm_sc_query_parse(text, strlen(text), &arena, &states, NULL), HM_OK);
    assert_int_equal(hm_sc_states_name_sockets(&states, &sockets, &arena, NULL), HM_OK);
    assert_string_equal(at[0].service, "Acme");
    assert_int_equal(at[0].hosted.count, 0);
    assert_string_equal(at[1].service, "");
    assert_int_equal(at[1].hosted.count, 2);
    assert_string_equal(at[1].hosted.at[1], "Dnscache");
    assert_string_equal(at[2].service, "Dhcp");
    assert_int_equal(at[2].hosted.count, 0);
    assert_string_equal(at[3].hosted.at[0], "A");
    assert_string_equal(at[4].service, "");
    assert_string_equal(at[5].service, "");
    assert_int_equal(at[6].hosted.count, 2);
    assert_ptr_equal(at[6].hosted.at, at[1].hosted.at); /* 4,096 sockets share one list */
    hm_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_queryex),          cmocka_unit_test(test_cut_listing),
        cmocka_unit_test(test_line_of_the_tool), cmocka_unit_test(test_qc),
        cmocka_unit_test(test_refused),          cmocka_unit_test(test_process_ids_name_sockets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
