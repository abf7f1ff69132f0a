/* tests/unit/windows/test_services.c — services as the service manager answers, into rows and into
 * an inventory; those that a failover cluster starts.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/windows/windows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "tests/support/windows_registry.h"

#define ARENA_BYTES HM_LIMIT_CYCLE_ARENA_BYTES
#define CLUSTER "SOFTWARE\\HavenmasterTestCluster"
#define CLUSTER_KEY L"SOFTWARE\\HavenmasterTestCluster"
#define STOPS 2u /* SERVICE_TRIGGER_ACTION_SERVICE_STOP */

/* ---- answers ------------------------------------------------------------------------------- */

struct answer_case {
    DWORD state;
    DWORD exit_code;
    DWORD own_exit_code;
    DWORD start;
    bool delayed;
    DWORD actions[2]; /* of triggers; 0 none */
    enum hm_service_start expect_start;
    bool has_runs;
    bool runs;
    uint32_t expect_exit_code;
};

static const struct answer_case answer_cases[] = {
    {SERVICE_RUNNING,          0, 0,     SERVICE_AUTO_START,   false, {0, 0}, HM_START_AUTOMATIC, true,  true,  0    },
    {SERVICE_STOPPED,
     1077,                        0,
     SERVICE_AUTO_START,                                       true,
     {0, 0},
     HM_START_DELAYED,                                                                            true,
     false,                                                                                                     1077 },
    {SERVICE_STOPPED,
     1066,                        10048,
     SERVICE_AUTO_START,                                       false,
     {0, 0},
     HM_START_AUTOMATIC,                                                                          true,
     false,                                                                                                     10048},
    {SERVICE_STOPPED,
     10013,                       7,
     SERVICE_DEMAND_START,                                     false,
     {STOPS, 1},
     HM_START_TRIGGERED,                                                                          true,
     false,                                                                                                     10013},
    {SERVICE_STOPPED,          0, 0,     SERVICE_AUTO_START,   false, {1, 0}, HM_START_TRIGGERED, true,  false, 0    },
    {SERVICE_STOPPED,
     0,                           0,
     SERVICE_DEMAND_START,                                     false,
     {STOPS, 0},
     HM_START_MANUAL,                                                                             true,
     false,                                                                                                     0    },
    {SERVICE_STOPPED,          0, 0,     SERVICE_DISABLED,     false, {1, 0}, HM_START_DISABLED,  true,  false, 0    },
    {SERVICE_START_PENDING,
     0,                           0,
     SERVICE_AUTO_START,                                       false,
     {0, 0},
     HM_START_AUTOMATIC,                                                                          false,
     false,                                                                                                     0    },
    {SERVICE_STOP_PENDING,
     0,                           0,
     SERVICE_AUTO_START,                                       false,
     {0, 0},
     HM_START_AUTOMATIC,                                                                          false,
     false,                                                                                                     0    },
    {SERVICE_PAUSED,           0, 0,     SERVICE_DEMAND_START, false, {0, 0}, HM_START_MANUAL,    true,  true,  0    },
    {SERVICE_PAUSE_PENDING,
     0,                           0,
     SERVICE_DEMAND_START,                                     false,
     {0, 0},
     HM_START_MANUAL,                                                                             true,
     true,                                                                                                      0    },
    {SERVICE_CONTINUE_PENDING,
     0,                           0,
     SERVICE_DEMAND_START,                                     false,
     {0, 0},
     HM_START_MANUAL,                                                                             true,
     true,                                                                                                      0    },
};

static void check_answer(const struct answer_case *row, struct hm_arena *arena)
{
    wchar_t name[] = L"MSExchangePOP3BE";
    wchar_t display[] = L"Microsoft Exchange POP3-Dienst f\u00fcr Postf\u00e4cher";
    wchar_t path[] = L"\"C:\\Program Files\\x y\\store.exe\" -a";
    wchar_t depends[] = L"RpcSs\0+TDI\0http\0";
    ENUM_SERVICE_STATUS_PROCESSW entry = {
        .lpServiceName = name,
        .lpDisplayName = display,
        .ServiceStatusProcess = {.dwServiceType = SERVICE_WIN32_OWN_PROCESS,
                                 .dwCurrentState = row->state,
                                 .dwWin32ExitCode = row->exit_code,
                                 .dwServiceSpecificExitCode = row->own_exit_code},
    };
    QUERY_SERVICE_CONFIGW config = {
        .dwStartType = row->start, .lpBinaryPathName = path, .lpDependencies = depends};
    struct hm_service_trigger triggers_at[] = {{.action = row->actions[0]},
                                               {.action = row->actions[1]}};
    struct hm_service_triggers triggers = {.count = 2, .at = triggers_at};
    struct hm_service_answers answers = {
        .entry = &entry,
        .config = &config,
        .delayed = row->delayed,
        .triggers = row->actions[0] == 0 ? NULL : &triggers,
    };
    struct hm_service_row out;
    struct hm_err err;

    assert_int_equal(hm_windows_service_row(&answers, arena, &out, &err), HM_OK);
    assert_string_equal(out.name, "MSExchangePOP3BE");
    assert_string_equal(out.display, "Microsoft Exchange POP3-Dienst f\xc3\xbcr Postf\xc3\xa4"
                                     "cher");
    assert_string_equal(hm_service_program(out.image, arena), "store.exe");
    assert_true(out.has_depends_on);
    assert_int_equal(out.depends_on.count, 2);
    assert_string_equal(out.depends_on.at[0], "RpcSs");
    assert_string_equal(out.depends_on.at[1], "http");
    assert_int_equal(hm_service_start_of(&out), row->expect_start);
    assert_int_equal(out.has_runs, row->has_runs);
    assert_int_equal(out.runs, row->runs);
    assert_int_equal(out.exit_code, row->expect_exit_code);
}

static void test_answers(void **state)
{
    struct hm_arena arena;

    (void)state;
    hm_arena_init(&arena, ARENA_BYTES);
    for (size_t i = 0; i < HM_COUNT(answer_cases); i++) {
        print_message("row %u\n", (unsigned)i);
        check_answer(&answer_cases[i], &arena);
    }
    hm_arena_fini(&arena);
}

/* The registry gives the start type of one that the manager does not open. */
static void test_refused(void **state)
{
    wchar_t name[] = L"Guarded";
    ENUM_SERVICE_STATUS_PROCESSW entry = {
        .lpServiceName = name,
        .ServiceStatusProcess = {.dwServiceType = SERVICE_WIN32_OWN_PROCESS,
                                 .dwCurrentState = SERVICE_STOPPED}
    };
    struct hm_service_answers answers = {.entry = &entry, .start = SERVICE_AUTO_START};
    struct hm_service_row out;
    struct hm_arena arena;
    struct hm_err err;

    (void)state;
    hm_arena_init(&arena, ARENA_BYTES);
    assert_int_equal(hm_windows_service_row(&answers, &arena, &out, &err), HM_OK);
    assert_string_equal(out.display, "");
    assert_string_equal(out.image, "");
    assert_false(out.has_depends_on);
    assert_int_equal(hm_service_start_of(&out), HM_START_AUTOMATIC);
    hm_arena_fini(&arena);
}

/* ---- the service manager ------------------------------------------------------------------- */

struct made {
    const wchar_t *name;
    DWORD start;
};

static const struct made made[] = {
    {L"HmTestAutomatic",    SERVICE_AUTO_START  },
    {L"HmTestManual",       SERVICE_DEMAND_START},
    {L"HmTestDisabled",     SERVICE_DISABLED    },
    {L"MSSQL$HMTEST",       SERVICE_DEMAND_START},
    {L"HmTestGenericOfOur", SERVICE_DEMAND_START},
};

static void remove_all(void)
{
    SC_HANDLE manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT);

    assert_non_null(manager);
    for (size_t i = 0; i < HM_COUNT(made); i++) {
        SC_HANDLE service = OpenServiceW(manager, made[i].name, DELETE);

        if (service != NULL) {
            (void)DeleteService(service);
            (void)CloseServiceHandle(service);
        }
    }
    (void)CloseServiceHandle(manager);
    for (const char *const *at = (const char *const[]){"1\\Parameters", "2\\Parameters",
                                                       "3\\Parameters", "1", "2", "3", NULL};
         *at != NULL; at++) {
        char key[128];

        (void)snprintf(key, sizeof(key), CLUSTER "\\%s", *at);
        (void)RegDeleteKeyA(HKEY_LOCAL_MACHINE, key);
    }
    (void)RegDeleteKeyA(HKEY_LOCAL_MACHINE, CLUSTER);
}

static int make_all(void **state)
{
    SC_HANDLE manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_ALL_ACCESS);

    (void)state;
    assert_non_null(manager);
    remove_all();
    for (size_t i = 0; i < HM_COUNT(made); i++) {
        SC_HANDLE service =
            CreateServiceW(manager, made[i].name, NULL, SERVICE_ALL_ACCESS,
                           SERVICE_WIN32_OWN_PROCESS, made[i].start, SERVICE_ERROR_NORMAL,
                           L"C:\\windows\\system32\\absent.exe", NULL, NULL, NULL, NULL, NULL);

        if (service == NULL) {
            fail_msg("%ls: error %lu", made[i].name, GetLastError());
        }
        (void)CloseServiceHandle(service);
    }
    (void)CloseServiceHandle(manager);
    hm_test_reg_text(CLUSTER "\\1", "Type", "SQL Server");
    hm_test_reg_text(CLUSTER "\\1\\Parameters", "InstanceName", "HMTEST");
    hm_test_reg_text(CLUSTER "\\2", "Type", "Generic Service");
    hm_test_reg_text(CLUSTER "\\2\\Parameters", "ServiceName", "hmtestgenericofour");
    hm_test_reg_text(CLUSTER "\\3", "Type", "IP Address");
    return 0;
}

static int remove_made(void **state)
{
    (void)state;
    remove_all();
    return 0;
}

static bool lists(const struct hm_inventory *inventory, const char *name)
{
    for (size_t i = 0; i < inventory->services.count; i++) {
        if (strcmp(inventory->services.at[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static void test_manager(void **state)
{
    struct hm_inventory inventory = {0};
    struct hm_windows_services services;
    const struct hm_service *service;
    struct hm_notes notes;
    struct hm_arena arena;
    struct hm_err err;

    (void)state;
    hm_arena_init(&arena, ARENA_BYTES);
    hm_notes_init(&notes, &arena);
    assert_int_equal(hm_windows_services(&arena, &services, &err), HM_OK);
    assert_true(services.count > 0);
    assert_int_equal(services.unread.count, 0);
    assert_int_equal(hm_windows_settle_services(&services, CLUSTER_KEY, &inventory, &notes, &err),
                     HM_OK);
    hm_inventory_settle(&inventory);
    assert_int_equal(notes.list.count, 0);
    assert_true(inventory.has_services && inventory.has_service_details);
    assert_false(inventory.services_partial);

    service = hm_inventory_service(&inventory, "HmTestAutomatic");
    assert_non_null(service);
    assert_int_equal(service->start, HM_START_AUTOMATIC);
    assert_string_equal(service->program, "absent.exe");
    assert_true(service->has_runs && !service->runs);
    assert_true(service->has_depends_on); /* but Wine's manager names none */
    assert_true(lists(&inventory, "HmTestAutomatic"));
    assert_null(hm_inventory_service(&inventory, "HmTestManual"));
    assert_null(hm_inventory_service(&inventory, "HmTestDisabled"));
    assert_int_equal(hm_inventory_service(&inventory, "MSSQL$HMTEST")->start, HM_START_CLUSTER);
    assert_int_equal(hm_inventory_service(&inventory, "HmTestGenericOfOur")->start,
                     HM_START_CLUSTER);
    assert_true(hm_inventory_service(&inventory, "RpcSs")->runs); /* Wine's own */
    hm_arena_fini(&arena);
}

/* ---- what may not be read -------------------------------------------------------------------- */

static void test_not_all(void **state)
{
    struct hm_service_row rows_at[] = {
        {.name = "ClusSvc",
         .display = "",
         .image = "",
         .type = 0x10,
         .start = HM_SERVICE_AUTO_START},
    };
    struct hm_windows_service processes_at[] = {
        {"Guarded", 7}
    };
    const char *unread_at[] = {processes_at[0].name, "Hidden"};
    struct hm_windows_services services = {
        .at = processes_at, .count = 1, .rows = {rows_at,   1},
                .unread = {unread_at, 2}
    };
    struct hm_inventory inventory = {0};
    struct hm_notes notes;
    struct hm_arena arena;
    struct hm_err err;

    (void)state;
    hm_arena_init(&arena, ARENA_BYTES);
    hm_notes_init(&notes, &arena);
    assert_int_equal(
        hm_windows_settle_services(&services, L"SOFTWARE\\NoSuchCluster", &inventory, &notes, &err),
        HM_OK);
    assert_true(inventory.services_partial);
    assert_int_equal(notes.list.count, 3);
    assert_non_null(strstr(notes.list.at[0], "which services the failover cluster starts"));
    assert_non_null(strstr(notes.list.at[1], "Guarded"));
    assert_true(lists(&inventory, "Guarded"));
    assert_false(lists(&inventory, "Hidden"));
    hm_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_refused),
        cmocka_unit_test_setup_teardown(test_manager, make_all, remove_made),
        cmocka_unit_test(test_not_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
