/* tests/unit/readers/test_tasklist_text.c — tasklist in many languages; whose "N/A" is whose.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/readers/tasklist_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/fixture.h"

#define ARENA_BYTES (16u * 1024u * 1024u)
#define NAME_BYTES 128

static const char *const files[] = {
    "tasklist-en.csv",       "tasklist-de-cp850.csv", "tasklist-zhcn-cp936.csv",
    "tasklist-ja-cp932.csv", "tasklist-ru-cp866.csv", "tasklist-ko-utf16le.csv",
};

struct task_row {
    uint32_t pid;
    const char *program;
    size_t services;
    const char *first_service;
};

/* What each of the files holds, by process id. */
static const struct task_row rows[] = {
    {0,    "System Idle Process",         0, NULL              },
    {4,    "System",                      0, NULL              },
    {300,  "smss.exe",                    0, NULL              },
    {892,  "svchost.exe",                 2, "RpcEptMapper"    },
    {2040, "dns.exe",                     1, "DNS"             },
    {3488, "Microsoft.Exchange.Pop3.exe", 1, "MSExchangePOP3BE"},
    {6540, "java, 64 bit.exe",            0, NULL              },
};

static void test_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(files); i++) {
        char name[NAME_BYTES] = "netstat/";
        struct hm_tasks tasks;
        struct hm_arena arena;
        struct hm_err err;
        size_t len;
        char *text = hm_fixture_read(strcat(name, files[i]), &len);

        print_message("%s\n", files[i]);
        hm_arena_init(&arena, ARENA_BYTES);
        if (hm_tasklist_parse(text, len, &arena, &tasks, &err) != HM_OK) {
            fail_msg("%s: %s", files[i], err.text);
        }
        free(text); /* nothing may be borrowed from the input */
        assert_int_equal(tasks.count, HM_COUNT(rows));
        for (size_t k = 0; k < HM_COUNT(rows); k++) {
            assert_int_equal(tasks.at[k].pid, rows[k].pid);
            assert_string_equal(tasks.at[k].program, rows[k].program);
            assert_int_equal(tasks.at[k].services.count, rows[k].services);
            if (rows[k].services > 0) {
                assert_string_equal(tasks.at[k].services.at[0], rows[k].first_service);
            }
        }
        hm_arena_fini(&arena);
    }
}

struct text_case {
    const char *text;
    enum hm_status status;
    unsigned line;
    size_t services; /* of the first process */
};

/* clang-format off */
static const struct text_case texts[] = {
    {"\"a.exe\",\"8\",\"DNS\"", HM_OK, 0, 1}, /* no heading, no line end */
    {"\"a.exe\",\"8\",\"DNS, Dhcp,\"", HM_OK, 0, 2},
    {"\"a.exe\",\"8\",\"\"", HM_OK, 0, 0},
    {"\"a.exe\",\"8\",\"N/A\"", HM_OK, 0, 0},
    {"\"a.exe\",\"8\",\"none\"\n\"b.exe\",\"9\",\"none\"", HM_OK, 0, 0}, /* carried by two */
    {"\"Idle\",\"0\",\"none\"", HM_OK, 0, 0},
    {"\"System\",\"4\",\"none\"", HM_OK, 0, 0},
    {"\"p\xe4.exe\",\"8\",\"DNS\"", HM_OK, 0, 1},
    {"", HM_EINVAL, 0, 0},
    {"\"Image Name\",\"PID\",\"Services\"\n", HM_EINVAL, 1, 0},
    {"\"Image Name\",\"PID\",\"Services\"\n\"a.exe\",\"x\",\"DNS\"\n", HM_EINVAL, 2, 0},
    {"\"a.exe\",\"8\",\"DNS\"\n\"b.exe\",\"8\",\"Dhcp\"\n", HM_EINVAL, 2, 0},
    {"\"a.exe\",\"8\"\n", HM_EINVAL, 1, 0},
    {"\"a.exe\",\"8\",\"DNS\",\"x\"\n", HM_EINVAL, 1, 0},
    {"\"a.exe\",\"8\",\"DNS\n", HM_EINVAL, 1, 0},
    {"a.exe,8,DNS\n", HM_EINVAL, 1, 0},
    {"\"a.exe\",\"8\",\"ntdll.dll,KERNEL32.DLL\"\n", HM_EINVAL, 1, 0}, /* tasklist /m */
    {"Image Name    PID Services\n", HM_EINVAL, 1, 0},
    {"\"a.exe\",\"4294967296\",\"DNS\"\n\"a.exe\",\"4294967296\",\"DNS\"\n", HM_EINVAL, 2, 0},
    {"\"\",\"8\",\"DNS\"\n", HM_EINVAL, 1, 0},
};
/* clang-format on */

static void test_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(texts); i++) {
        struct hm_tasks tasks = {NULL, 77};
        struct hm_arena arena;
        struct hm_err err = {0};

        print_message("%s\n", texts[i].text);
        hm_arena_init(&arena, ARENA_BYTES);
        assert_int_equal(
            hm_tasklist_parse(texts[i].text, strlen(texts[i].text), &arena, &tasks, &err),
            texts[i].status);
        if (texts[i].status == HM_OK) {
            assert_int_equal(tasks.at[0].services.count, texts[i].services);
        } else {
            assert_int_equal(tasks.count, 77);
            assert_int_equal(err.line, texts[i].line);
        }
        hm_arena_fini(&arena);
    }
}

static void test_foreign_bytes_become_utf8(void **state)
{
    const char text[] = "\"p\xe4.exe\",\"8\",\"DNS\"";
    struct hm_tasks tasks;
    struct hm_arena arena;

    (void)state;
    hm_arena_init(&arena, ARENA_BYTES);
    assert_int_equal(hm_tasklist_parse(text, strlen(text), &arena, &tasks, NULL), HM_OK);
    assert_string_equal(tasks.at[0].program, "p?.exe");
    hm_arena_fini(&arena);
}

static void test_naming(void **state)
{
    const char *one[] = {"DNS"};
    const char *two[] = {"RpcEptMapper", "RpcSs"};
    struct hm_task at[] = {
        {"System Idle Process", 0, {NULL, 0}},
        {"dns.exe",             8, {one, 1} },
        {"svchost.exe",         9, {two, 2} },
    };
    const struct hm_tasks tasks = {at, HM_COUNT(at)};
    const struct hm_tasks none = {NULL, 0};
    struct hm_socket sockets_at[] = {
        {.pid = 0,  .program = "",            .service = ""     },
        {.pid = 8,  .program = "",            .service = ""     },
        {.pid = 9,  .program = "",            .service = ""     },
        {.pid = 10, .program = "old",         .service = "old"  },
        {.pid = 9,  .program = "svchost.exe", .service = "rpcss"}, /* from netstat -b on */
        {.pid = 9,  .program = "svchost.exe", .service = "Gone" },
        {.pid = 0,  .program = "DNS.exe",     .service = ""     },
        {.pid = 0,  .program = "svchost.exe", .service = "Dhcp" },
        {.pid = 0,  .program = "svchost.exe", .service = ""     },
    };
    struct hm_sockets sockets = {sockets_at, HM_COUNT(sockets_at)};

    (void)state;
    hm_tasks_name_sockets(&none, &sockets);
    assert_string_equal(sockets.at[1].program, "");
    hm_tasks_name_sockets(&tasks, &sockets);
    assert_string_equal(sockets.at[0].program, ""); /* TIME_WAIT has no process */
    assert_string_equal(sockets.at[1].program, "dns.exe");
    assert_string_equal(sockets.at[1].service, "DNS");
    assert_string_equal(sockets.at[2].program, "svchost.exe");
    assert_string_equal(sockets.at[2].service, ""); /* one of two: not known which */
    assert_int_equal(sockets.at[2].hosted.count, 2);
    assert_int_equal(sockets.at[1].hosted.count, 0);
    assert_string_equal(sockets.at[3].program, "old");
    assert_string_equal(sockets.at[4].service, "rpcss"); /* one of the two, as netstat -b says */
    assert_int_equal(sockets.at[4].hosted.count, 0);
    assert_string_equal(sockets.at[5].service, ""); /* none of the two */
    assert_int_equal(sockets.at[5].hosted.count, 2);
    assert_string_equal(sockets.at[6].service, "DNS"); /* the only process of its program */
    assert_string_equal(sockets.at[7].service, "Dhcp");
    assert_string_equal(sockets.at[8].service, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_foreign_bytes_become_utf8),
        cmocka_unit_test(test_naming),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
