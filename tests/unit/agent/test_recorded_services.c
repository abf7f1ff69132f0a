/* tests/unit/agent/test_recorded_services.c — services of a recorded host, from every file that may
 * tell of them; and whether that is all of them.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/str.h"
#include "common/judge/judge.h"
#include "tests/support/fixture.h"
#include "tests/support/recorded_folder.h"

#define KEY "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\"
#define DWORD(service, name, value)                                                                \
    "\r\n" KEY service "\r\n    " name "    REG_DWORD    " value "\r\n"
#define SERVICE(name, start) DWORD(name, "Type", "0x10") DWORD(name, "Start", start)
#define STATE(name, state, code)                                                                   \
    "\r\nSERVICE_NAME: " name "\r\nDISPLAY_NAME: " name " service\r\n        TYPE : 10\r\n"        \
    "        STATE : " state "\r\n        WIN32_EXIT_CODE : " code "\r\n"
#define LISTING                                                                                    \
    SERVICE("ClusSvc", "0x4")                                                                      \
    SERVICE("MSSQLSERVER", "0x3")                                                                  \
    SERVICE("IAS", "0x2")                                                                          \
    SERVICE("TermService", "0x3")                                                                  \
    SERVICE("Off", "0x4")                                                                          \
    "\r\n" KEY "IAS\r\n    ImagePath    REG_EXPAND_SZ    "                                         \
    "%SystemRoot%\\system32\\svchost.exe -k x\r\n"                                                 \
    "\r\n" KEY "IAS\r\n    DependOnService    REG_MULTI_SZ    RPCSS\\0http\r\n"
#define NEEDS_RPC(name) "\r\n" KEY name "\r\n    DependOnService    REG_MULTI_SZ    RPCSS\r\n"
#define STATES                                                                                     \
    STATE("ClusSvc", "1  STOPPED", "1077")                                                         \
    STATE("MSSQLSERVER", "1  STOPPED", "0")                                                        \
    STATE("IAS", "1  STOPPED", "10048  (0x2740)")                                                  \
    STATE("TermService", "4  RUNNING", "0") STATE("Off", "1  STOPPED", "1077")
#define TASKS                                                                                      \
    "\"Image Name\",\"PID\",\"Services\"\r\n\"System\",\"4\",\"N/A\"\r\n"                          \
    "\"svchost.exe\",\"900\",\"TermService\"\r\n"
#define TASKS_OF(services)                                                                         \
    "\"Image Name\",\"PID\",\"Services\"\r\n\"System\",\"4\",\"N/A\"\r\n"                          \
    "\"svchost.exe\",\"900\",\"" services "\"\r\n"
#define HOST(version) "{\"os\": {\"family\": \"windows\", \"version\": \"" version "\"}}"
#define HOST_WITH(version, rest)                                                                   \
    "{\"os\": {\"family\": \"windows\", \"version\": \"" version "\"}, " rest "}"
#define CLUSTER                                                                                    \
    "Windows Registry Editor Version 5.00\r\n\r\n"                                                 \
    "[HKEY_LOCAL_MACHINE\\Cluster\\Resources\\1]\r\n\"Type\"=\"SQL Server\"\r\n\r\n"               \
    "[HKEY_LOCAL_MACHINE\\Cluster\\Resources\\1\\Parameters]\r\n"                                  \
    "\"InstanceName\"=\"MSSQLSERVER\"\r\n"

struct file {
    const char *name;
    const char *text;
};

static int begin(void **state)
{
    *state = calloc(1, sizeof(struct recorded_folder));
    assert_non_null(*state);
    recorded_folder_init(*state);
    return 0;
}

static int end(void **state)
{
    recorded_folder_fini(*state);
    free(*state);
    return 0;
}

static void observe(struct recorded_folder *host, const struct file *files, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        recorded_folder_puts(host, files[i].name, files[i].text);
    }
    recorded_folder_must_observe(host);
}
#define OBSERVE(host, ...)                                                                         \
    observe((host), (const struct file[]){__VA_ARGS__},                                            \
            sizeof((const struct file[]){__VA_ARGS__}) / sizeof(struct file))

static bool has_service(const struct recorded_folder *host, const char *name)
{
    const struct hm_strings *services = &host->seen.inventory.services;

    for (size_t i = 0; i < services->count; i++) {
        if (hm_str_equal(services->at[i], name)) {
            return true;
        }
    }
    return false;
}

static const struct hm_service *details_of(const struct recorded_folder *host, const char *name)
{
    return hm_inventory_service(&host->seen.inventory, name);
}

static bool says(const struct recorded_folder *host, const char *piece)
{
    const char *const pieces[] = {piece, NULL};

    return recorded_folder_is_unknown(host, pieces);
}

#define ONE_KEY "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\IAS\r\n"
#define TYPES ONE_KEY "    Type    REG_DWORD    0x20\r\n\r\n"
#define STARTS ONE_KEY "    Start    REG_DWORD    0x2\r\n\r\n"
#define DEPENDS ONE_KEY "    DependOnService    REG_MULTI_SZ    RpcSs\r\n\r\n"
#define END "Fin de la recherche : 1 correspondance(s).\r\n\r\n"
#define NONE "Fin de la recherche : 0 correspondance(s).\r\n"

/* A services.txt that ends before its last queries: no Windows is without dependencies. */
static void test_listing_that_was_cut(void **state)
{
    static const struct {
        const char *text;
        bool cut;
        bool rows;
    } cases[] = {
        {TYPES END,                                       true,  false},
        {TYPES END ONE_KEY "    Sta",                     true,  false},
        {TYPES END STARTS END,                            true,  true },
        {TYPES END STARTS,                                true,  true },
        {TYPES END STARTS END NONE NONE DEPENDS,          true,  true }, /* in the middle of this query */
        {TYPES END STARTS END NONE NONE NONE NONE,        false, true },
        {TYPES END STARTS END NONE NONE DEPENDS END NONE, false, true },
        {TYPES STARTS DEPENDS,                            false, true }, /* reg.exe without such lines */
    };

    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct recorded_folder *host = *state;

        OBSERVE(host, {"host.json", HOST("10.0.17763")}, {"tasklist.csv", TASKS_OF("IAS")},
                {"services.txt", cases[i].text});
        print_message("case %zu\n", i);
        assert_int_equal(says(host, "services.txt was cut"), cases[i].cut);
        assert_int_equal(host->seen.inventory.services_partial, cases[i].cut);
        assert_false(says(host, "services.txt is missing"));
        assert_int_equal(details_of(host, "IAS") != NULL, cases[i].rows);
        if (cases[i].rows) {
            assert_int_equal(details_of(host, "IAS")->has_depends_on, !cases[i].cut);
        }
    }
}

/* What collect.cmd of earlier versions gathered, and any list of tasks. */
static void test_tasks_alone_are_not_all(void **state)
{
    struct recorded_folder *host = *state;

    OBSERVE(host, {"host.json", HOST("10.0.17763")}, {"tasklist.csv", TASKS});
    assert_true(host->seen.inventory.has_services);
    assert_true(host->seen.inventory.services_partial);
    assert_false(host->seen.inventory.has_service_details);
    assert_true(says(host, "services.txt is missing"));
}

static void test_listing_and_states(void **state)
{
    struct recorded_folder *host = *state;
    const struct hm_service *service;

    OBSERVE(host, {"host.json", HOST("10.0.17763")}, {"tasklist.csv", TASKS},
            {"services.txt", LISTING}, {"services-state.txt", STATES});
    assert_false(host->seen.inventory.services_partial);
    assert_int_equal(host->seen.inventory.services.count, 2); /* manual and disabled: who knows */
    service = details_of(host, "ias");
    assert_int_equal(service->start, HM_START_AUTOMATIC);
    assert_string_equal(service->program, "svchost.exe");
    assert_true(service->has_runs && !service->runs);
    assert_int_equal(service->exit_code, 10048);
    assert_true(service->has_depends_on);
    assert_int_equal(service->depends_on.count, 2);
    service = details_of(host, "TermService");
    assert_int_equal(service->start, HM_START_MANUAL);
    assert_true(service->has_runs && service->runs);
    assert_null(details_of(host, "MSSQLSERVER"));

    /* somebody started it, so it must run */
    OBSERVE(host, {"services-state.txt",
                   STATE("ClusSvc", "1  STOPPED", "1077") STATE(
                       "MSSQLSERVER", "1  STOPPED", "10048") STATE("IAS", "1  STOPPED", "0")
                       STATE("TermService", "4  RUNNING", "0") STATE("Off", "1  STOPPED", "1077")});
    assert_int_equal(details_of(host, "MSSQLSERVER")->start, HM_START_MANUAL);
    assert_int_equal(details_of(host, "MSSQLSERVER")->exit_code, 10048);
    assert_true(has_service(host, "MSSQLSERVER"));
}

/* Tasks tell what runs, too; nothing else is missing then. */
static void test_listing_and_tasks(void **state)
{
    struct recorded_folder *host = *state;

    OBSERVE(host, {"host.json", HOST("10.0.17763")}, {"tasklist.csv", TASKS},
            {"services.txt", LISTING});
    assert_false(host->seen.inventory.services_partial);
    assert_true(details_of(host, "TermService")->runs);
    assert_true(details_of(host, "IAS")->has_runs);
    assert_false(details_of(host, "IAS")->runs);
}

/* One that is being started or stopped neither runs nor is it down, and stays in the list. */
static void test_states_that_pass(void **state)
{
    struct recorded_folder *host = *state;

    OBSERVE(host, {"host.json", HOST("10.0.17763")}, {"services.txt", LISTING},
            {"services-state.txt",
             STATE("IAS", "2  START_PENDING", "0") STATE("TermService", "3  STOP_PENDING", "0")
                 STATE("MSSQLSERVER", "7  PAUSED", "0")});
    assert_int_equal(host->seen.inventory.services.count, 3);
    assert_false(details_of(host, "IAS")->has_runs);
    assert_false(details_of(host, "TermService")->has_runs);
    assert_true(details_of(host, "MSSQLSERVER")->has_runs);
    assert_true(details_of(host, "MSSQLSERVER")->runs);
}

/* A running manual service would be missing, and a list of services that lacks one is not whole. */
static void test_lists_that_are_not_whole(void **state)
{
    struct recorded_folder *host = *state;

    OBSERVE(host, {"host.json", HOST("10.0.17763")}, {"services.txt", LISTING});
    assert_true(host->seen.inventory.services_partial);
    assert_false(details_of(host, "IAS")->has_runs);
    assert_true(says(host, "which services run is not known"));

    OBSERVE(host, {"tasklist.csv", TASKS_OF("TermService,Nowhere")});
    assert_true(host->seen.inventory.services_partial);
    assert_true(has_service(host, "Nowhere"));
    assert_true(says(host, "of which it is not known how they start"));

    OBSERVE(host, {"tasklist.csv", TASKS},
            {"services-state.txt", STATES STATE("Late", "1  STOPPED", "0")});
    assert_true(host->seen.inventory.services_partial);
    assert_true(has_service(host, "Late"));
}

/* Services of a log-on carry a new name each time: they would make a change of every log-on. */
static void test_services_of_a_logon(void **state)
{
    struct recorded_folder *host = *state;

    OBSERVE(host, {"host.json", HOST("10.0.17763")},
            {"tasklist.csv", TASKS_OF("TermService,Clip_3f2a1")},
            {"services.txt",
             LISTING DWORD("Clip", "Type", "0x60") DWORD("Clip", "Start", "0x2")
                 DWORD("Clip_3f2a1", "Type", "0xe0") DWORD("Clip_3f2a1", "Start", "0x2")});
    assert_false(host->seen.inventory.services_partial);
    assert_false(has_service(host, "Clip"));
    assert_false(has_service(host, "Clip_3f2a1"));
}

/* Without a registry sc tells the start types, but of what triggers a service; those came with
 * Windows 7. */
static void test_configurations_of_sc(void **state)
{
    struct recorded_folder *host = *state;
    size_t len;
    char *text = hm_fixture_read("services/sc-qc-en.txt", &len);

    recorded_folder_put(host, "services-config.txt", text, len);
    free(text);
    OBSERVE(host, {"host.json", HOST("10.0.17763")}, {"tasklist.csv", TASKS_OF("Dnscache")});
    assert_true(host->seen.inventory.services_partial);
    assert_int_equal(details_of(host, "MSSQL$ERP")->start, HM_START_DELAYED);
    assert_false(details_of(host, "MSSQL$ERP")->runs);
    assert_true(details_of(host, "Dnscache")->runs);
    OBSERVE(host, {"host.json", HOST("5.2.3790")});
    assert_false(host->seen.inventory.services_partial);
}

/* Windows 2000 has neither sc, tasklist, reg nor "netstat -o": an export and "net start". */
static void test_windows_2000(void **state)
{
    static const char netstat[] =
        "\r\nAktive Verbindungen\r\n\r\n  Proto  Lokale Adresse         Remoteadresse          "
        "Status\r\n"
        "  TCP    0.0.0.0:135            0.0.0.0:0              ABH\xd6REN\r\n"
        "  UDP    0.0.0.0:1812           *:*                                   \r\n";
    struct recorded_folder *host = *state;
    size_t len;
    char *text = hm_fixture_read("services/services-2000-de.reg", &len);

    recorded_folder_put(host, "services.reg", text, len);
    free(text);
    text = hm_fixture_read("services/net-start-de-cp850.txt", &len);
    recorded_folder_put(host, "services-running.txt", text, len);
    free(text);
    OBSERVE(host, {"host.json", HOST("5.0.2195")}, {"netstat.txt", netstat});
    assert_false(host->seen.inventory.services_partial);
    assert_true(details_of(host, "DNS")->runs);
    assert_true(details_of(host, "ProtectedStorage")->runs); /* "Geschützter Speicher" */
    assert_true(details_of(host, "IAS")->has_runs && !details_of(host, "IAS")->runs);
    assert_null(details_of(host, "RemoteAccess"));
    assert_true(says(host, "the programs behind sockets are unknown"));
    assert_string_equal(host->seen.sockets.at[0].program, "");
}

/* The passive node: SQL Server is manual there, and the cluster starts it. */
static void test_failover_cluster(void **state)
{
    struct recorded_folder *host = *state;

    OBSERVE(host, {"host.json", HOST("10.0.17763")},
            {"tasklist.csv", TASKS_OF("ClusSvc,TermService")},
            {"services.txt", SERVICE("ClusSvc", "0x2") SERVICE("MSSQLSERVER", "0x3")
                                 SERVICE("TermService", "0x3") NEEDS_RPC("ClusSvc")});
    assert_true(host->seen.inventory.services_partial);
    assert_true(says(host, "cluster-resources.reg is missing"));
    OBSERVE(host, {"cluster-resources.reg", CLUSTER});
    assert_false(host->seen.inventory.services_partial);
    assert_true(has_service(host, "MSSQLSERVER"));
    assert_int_equal(details_of(host, "MSSQLSERVER")->start, HM_START_CLUSTER);
    assert_false(details_of(host, "MSSQLSERVER")->runs);
}

/* A node without the service: it cannot be started here. */
static void test_failover_cluster_elsewhere(void **state)
{
    struct recorded_folder *host = *state;

    OBSERVE(host, {"host.json", HOST("10.0.17763")}, {"tasklist.csv", TASKS_OF("ClusSvc")},
            {"services.txt", SERVICE("ClusSvc", "0x2") NEEDS_RPC("ClusSvc")},
            {"cluster-resources.reg", CLUSTER});
    assert_false(host->seen.inventory.services_partial);
    assert_false(has_service(host, "MSSQLSERVER"));
    assert_null(details_of(host, "MSSQLSERVER"));
}

/* The resources alone are enough to know the service; and a person's list says nothing of them. */
static void test_failover_cluster_of_a_list(void **state)
{
    static const char list[] = "\"services\": [\"ClusSvc\", \"TermService\"]";
    struct recorded_folder *host = *state;
    char text[256];

    (void)snprintf(text, sizeof(text), HOST_WITH("10.0.17763", "%s"), list);
    OBSERVE(host, {"host.json", text}, {"tasklist.csv", TASKS_OF("ClusSvc,TermService")});
    assert_true(host->seen.inventory.services_partial);
    assert_true(says(host, "cluster-resources.reg is missing"));
    OBSERVE(host, {"cluster-resources.reg", CLUSTER});
    assert_false(host->seen.inventory.services_partial);
    assert_int_equal(details_of(host, "MSSQLSERVER")->start, HM_START_CLUSTER);
    assert_false(details_of(host, "MSSQLSERVER")->has_depends_on);
    assert_true(has_service(host, "MSSQLSERVER"));
}

/* Events name services as people see them; sc and the registry know those names. */
static void test_names_in_events(void **state)
{
    static const char events[] =
        "\"events\": ["
        "{\"provider\": \"Service Control Manager\", \"id\": 7023, \"count\": 1, \"about\": "
        "\"IAS Service\"}, "
        "{\"provider\": \"Service Control Manager\", \"id\": 7024, \"count\": 1, \"about\": "
        "\"Twin\"}, "
        "{\"provider\": \"MSSQLSERVER\", \"id\": 17826, \"count\": 1, \"about\": "
        "\"IAS service\"}]";
    struct recorded_folder *host = *state;
    char text[1024];

    (void)snprintf(text, sizeof(text), HOST_WITH("10.0.17763", "%s"), events);
    OBSERVE(host, {"host.json", text}, {"services-state.txt", STATES},
            {"services.txt", LISTING "\r\n" KEY "ClusSvc\r\n    DisplayName    REG_SZ    Twin\r\n"
                                     "\r\n" KEY "Off\r\n    DisplayName    REG_SZ    Twin\r\n"});
    assert_int_equal(host->seen.events.count, 3);
    assert_string_equal(host->seen.events.at[0].about, "IAS");
    assert_string_equal(host->seen.events.at[1].about, "Twin"); /* which of the two? */
    assert_string_equal(host->seen.events.at[2].about, "IAS service");
}

/* A person's list is all of them; the one that no process hosts starts by itself and is down. */
static void test_list_of_a_person(void **state)
{
    struct recorded_folder *host = *state;
    const struct hm_service *service;

    OBSERVE(host,
            {"host.json", HOST_WITH("10.0.17763", "\"services\": [\"TermService\", \"autosync\"]")},
            {"tasklist.csv", TASKS});
    assert_false(host->seen.inventory.services_partial);
    service = details_of(host, "autosync");
    assert_int_equal(service->start, HM_START_AUTOMATIC);
    assert_true(service->has_runs && !service->runs);
    assert_null(details_of(host, "TermService")); /* it runs: how it starts is not known */
}

static void test_details_of_a_person(void **state)
{
    struct recorded_folder *host = *state;

    OBSERVE(
        host,
        {"host.json", HOST_WITH("10.0.17763",
                                "\"service_details\": [{\"name\": \"IAS\", \"start\": \"cluster\", "
                                "\"runs\": true}, {\"name\": \"Off\", \"start\": \"disabled\"}]")},
        {"tasklist.csv", TASKS}, {"services.txt", LISTING}, {"services-state.txt", STATES});
    assert_int_equal(details_of(host, "IAS")->start, HM_START_CLUSTER); /* over the files */
    assert_true(details_of(host, "IAS")->runs);
    assert_true(has_service(host, "IAS"));
    assert_false(has_service(host, "Off"));
    assert_int_equal(details_of(host, "Off")->start, HM_START_DISABLED);
}

struct broken_case {
    const char *file;
    const char *text;
    const char *said;
};

static void test_broken_files(void **state)
{
    static const struct broken_case cases[] = {
        {"services.txt",          "no listing at all\r\n",                            "/services.txt: no listing of"},
        {"services.reg",          "[HKEY",                                            "/services.reg:1: "           },
        {"services-state.txt",    "SERVICE_NAME: a\r\n  TYPE : x\r\n  STATE : 1\r\n",
         "/services-state.txt:1: "                                                                                  },
        {"services-config.txt",   "nothing",                                          "/services-config.txt:1: "    },
        {"cluster-resources.reg", "x",                                                "/cluster-resources.reg:1: "  },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct recorded_folder host;

        recorded_folder_init(&host);
        recorded_folder_puts(&host, "host.json", HOST("10.0.17763"));
        recorded_folder_puts(&host, "tasklist.csv", TASKS);
        recorded_folder_puts(&host, cases[i].file, cases[i].text);
        recorded_folder_observe(&host);
        assert_int_equal(host.st, HM_EINVAL);
        if (strstr(host.err.text, cases[i].said) == NULL) {
            fail_msg("%s: \"%s\"", cases[i].file, host.err.text);
        }
        recorded_folder_fini(&host);
    }
}

/* Linux: sapinit starts instances that a list of units does not have. */
static void test_sapinit(void **state)
{
    static const struct {
        const char *list;
        bool partial;
    } rows[] = {
        {"\"sapinit\", \"ssh\"",       true },
        {"\"sapinit\", \"SAPPRD_00\"", false},
        {"\"ssh\"",                    false},
    };
    struct recorded_folder *host = *state;
    char text[512];

    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        (void)snprintf(text, sizeof(text),
                       "{\"os\": {\"family\": \"linux\", \"name\": \"SLES 15\", \"version\": "
                       "\"6.4.0\", \"arch\": \"x86_64\"}, \"services\": [%s]}",
                       rows[i].list);
        OBSERVE(host, {"host.json", text});
        assert_int_equal(host->seen.inventory.services_partial, rows[i].partial);
        assert_int_equal(says(host, "instances of SAP"), rows[i].partial);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_listing_that_was_cut, begin, end),
        cmocka_unit_test_setup_teardown(test_tasks_alone_are_not_all, begin, end),
        cmocka_unit_test_setup_teardown(test_listing_and_states, begin, end),
        cmocka_unit_test_setup_teardown(test_listing_and_tasks, begin, end),
        cmocka_unit_test_setup_teardown(test_states_that_pass, begin, end),
        cmocka_unit_test_setup_teardown(test_lists_that_are_not_whole, begin, end),
        cmocka_unit_test_setup_teardown(test_services_of_a_logon, begin, end),
        cmocka_unit_test_setup_teardown(test_configurations_of_sc, begin, end),
        cmocka_unit_test_setup_teardown(test_windows_2000, begin, end),
        cmocka_unit_test_setup_teardown(test_failover_cluster, begin, end),
        cmocka_unit_test_setup_teardown(test_failover_cluster_elsewhere, begin, end),
        cmocka_unit_test_setup_teardown(test_failover_cluster_of_a_list, begin, end),
        cmocka_unit_test_setup_teardown(test_sapinit, begin, end),
        cmocka_unit_test_setup_teardown(test_names_in_events, begin, end),
        cmocka_unit_test_setup_teardown(test_list_of_a_person, begin, end),
        cmocka_unit_test_setup_teardown(test_details_of_a_person, begin, end),
        cmocka_unit_test(test_broken_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
