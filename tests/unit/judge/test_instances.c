/* tests/unit/judge/test_instances.c — a requirement for each instance of a product: by the number
 * of its service, and by its settings. SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "tests/support/inventory_builder.h"

static struct hm_product *put_sap(struct hm_build *build)
{
    struct hm_product *product = hm_build_product(build, "sap", "SAP???_??", NULL);
    struct hm_requirement *row =
        hm_build_require(build, product, "start-http", HM_TCP, "", HM_KIND_SOCKET);

    row->title = "start service";
    row->has_numbered = true;
    row->numbered = (struct hm_numbered){"SAP???_##", "5##13"};
    return product;
}

static void assert_verdict(struct hm_build *build, const char *product, const char *id,
                           const char *ports, enum hm_verdict_state state)
{
    const struct hm_verdict *verdict = hm_build_verdict(build, product, id);

    assert_non_null(verdict);
    assert_true(hm_ports_equal(verdict->ports, hm_build_ports(build, ports)));
    assert_int_equal(verdict->state, state);
}

/* Each service is an instance: its own ports, and its name in the title. */
static void test_numbers(void **state)
{
    struct hm_build build;

    (void)state;
    hm_build_init(&build, "10.0.17763");
    (void)put_sap(&build);
    hm_build_service(&build, "SAPQAS_01");
    hm_build_service(&build, "SAPPRD_00");
    hm_build_service(&build, "SAPHostControl");
    (void)hm_build_judge(&build);
    assert_int_equal(build.judgement.verdicts.count, 2);
    assert_verdict(&build, "sap", "start-http-sapprd-00", "50013", HM_EXPOSED);
    assert_verdict(&build, "sap", "start-http-sapqas-01", "50113", HM_EXPOSED);
    assert_non_null(strstr(hm_build_verdict(&build, "sap", "start-http-sapqas-01")->title,
                           "start service, SAPQAS_01"));
    hm_build_fini(&build);
}

/* Another range, another number, an exclusion: none of them is at risk. */
static void test_out_of_range(void **state)
{
    struct hm_build build;

    (void)state;
    hm_build_init(&build, "10.0.17763");
    (void)put_sap(&build);
    hm_build_service(&build, "SAPPRD_00");
    for (unsigned family = 0; family < 2; family++) {
        hm_build_exclude(&build, HM_TCP, (enum hm_family)family, "50013");
    }
    (void)hm_build_judge(&build);
    assert_verdict(&build, "sap", "start-http-sapprd-00", "50013", HM_SAFE);
    hm_build_fini(&build);
}

/* An instance is no single service: no command stops or starts one that runs, and the text says
 * which tool does. */
static void test_instance_is_stopped_by_its_own_tool(void **state)
{
    const struct hm_finding *finding;
    struct hm_build build;

    (void)state;
    hm_build_init(&build, "10.0.17763");
    (void)put_sap(&build);
    hm_build_service_runs(&build, "SAPPRD_00", true)->has_depends_on = true; /* and it may stop */
    hm_build_socket(&build, HM_TCP, HM_IPV4, HM_SOCKET_LISTEN, 50013, "sapstartsrv.exe",
                    "SAPPRD_00");
    hm_build_listener(&build, HM_TCP, HM_IPV4, 50013, "sapstartsrv.exe", "SAPPRD_00",
                      HM_KIND_SOCKET);
    (void)hm_build_judge(&build);
    finding = hm_build_finding(&build, "required_in_dynamic", "tcp 50013");
    assert_non_null(finding);
    assert_true(finding->commands.count > 0);
    for (size_t i = 0; i < finding->commands.count; i++) {
        assert_null(strstr(finding->commands.at[i], "net st"));
    }
    assert_true(finding->steps.count > 0);
    assert_non_null(strstr(finding->steps.at[0].text, "sapcontrol -nr NN -function Stop"));
    hm_build_fini(&build);
}

/* Linux: the list has all ports that the number makes, those of parts that are not seen, too. */
static void test_reserved_with_options(void **state)
{
    struct hm_requirement *row;
    struct hm_product *product;
    struct hm_build build;

    (void)state;
    hm_build_init(&build, NULL);
    product = put_sap(&build);
    row = hm_build_require(&build, product, "start-https", HM_TCP, "", HM_KIND_SOCKET);
    row->optional = true;
    row->has_numbered = true;
    row->numbered = (struct hm_numbered){"SAP???_##", "5##14"};
    hm_build_service(&build, "SAPPRD_00");
    (void)hm_build_judge(&build);
    assert_string_equal(hm_build_finding(&build, "required_in_dynamic", NULL)->commands.at[0],
                        "echo 'net.ipv4.ip_local_reserved_ports = 50013-50014' > "
                        "/etc/sysctl.d/zzzzzzzz-reserved-ports.conf");
    hm_build_fini(&build);
}

/* SAPPRD_00 runs, its HTTPS part on 50014, and listens on port, 0 nowhere else, while a browser has
 * the port of its number. */
static void build_profile(struct hm_build *build, uint16_t port)
{
    struct hm_requirement *row;
    struct hm_product *product;
    static const char *starters[] = {"sapstartsrv.exe"};

    hm_build_init(build, "10.0.17763");
    product = put_sap(build);
    product->companions.programs = (struct hm_strings){starters, 1};
    row = hm_build_require(build, product, "start-https", HM_TCP, "", HM_KIND_SOCKET);
    row->optional = true;
    row->has_numbered = true;
    row->numbered = (struct hm_numbered){"SAP???_##", "5##14"};
    (void)hm_build_service_runs(build, "SAPPRD_00", true);
    hm_build_listener(build, HM_TCP, HM_IPV4, 50014, "sapstartsrv.exe", "SAPPRD_00",
                      HM_KIND_SOCKET);
    if (port != 0) {
        hm_build_listener(build, HM_TCP, HM_IPV4, port, "sapstartsrv.exe", "SAPPRD_00",
                          HM_KIND_SOCKET);
    }
    hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_ESTABLISHED, 50013, "chrome.exe", "");
}

/* A profile sets other ports than the number: neither the port of the number alone is judged, nor
 * is it blocked while the instance runs without it. */
static void test_other_ports_by_profile(void **state)
{
    static const char id[] = "start-http-sapprd-00";
    struct hm_build build;

    (void)state;
    build_profile(&build, 40013); /* nobody is given that one */
    (void)hm_build_judge(&build);
    assert_verdict(&build, "sap", id, "40013", HM_SAFE);
    hm_build_fini(&build);

    build_profile(&build, 55013); /* perhaps chosen, perhaps given */
    (void)hm_build_judge(&build);
    assert_verdict(&build, "sap", id, "50013", HM_UNKNOWN);
    assert_non_null(strstr(hm_build_verdict(&build, "sap", id)->text, "55013"));
    hm_build_fini(&build);

    build_profile(&build, 55013); /* chosen: reserved, and so safe */
    for (unsigned family = 0; family < 2; family++) {
        hm_build_exclude(&build, HM_TCP, (enum hm_family)family, "55013");
    }
    (void)hm_build_judge(&build);
    assert_verdict(&build, "sap", id, "55013", HM_SAFE);
    hm_build_fini(&build);

    build_profile(&build, 0); /* HTTP is switched off, as far as it shows */
    (void)hm_build_judge(&build);
    assert_verdict(&build, "sap", id, "50013", HM_UNKNOWN);
    assert_null(hm_build_finding(&build, "required_port_held", NULL));
    hm_build_fini(&build);

    build_profile(&build, 50013); /* as the number says; the browser's is another address */
    (void)hm_build_judge(&build);
    assert_true(hm_ports_equal(hm_build_verdict(&build, "sap", id)->ports,
                               hm_build_ports(&build, "50013")));
    assert_int_not_equal(hm_build_verdict(&build, "sap", id)->state, HM_UNKNOWN);
    hm_build_fini(&build);
}

/* Down, and somebody has the port of one instance: the other one is not blocked by it. */
static void test_held(void **state)
{
    struct hm_build build;

    (void)state;
    hm_build_init(&build, "10.0.17763");
    (void)put_sap(&build);
    (void)hm_build_service_runs(&build, "SAPPRD_00", false);
    (void)hm_build_service_runs(&build, "SAPPRD_01", true);
    for (unsigned family = 0; family < 2; family++) {
        hm_build_listener(&build, HM_TCP, (enum hm_family)family, 50013, "java.exe", "Agent",
                          HM_KIND_SOCKET);
        hm_build_listener(&build, HM_TCP, (enum hm_family)family, 50113, "sapstartsrv.exe",
                          "SAPPRD_01", HM_KIND_SOCKET);
    }
    (void)hm_build_judge(&build);
    assert_verdict(&build, "sap", "start-http-sapprd-00", "50013", HM_BLOCKED);
    assert_verdict(&build, "sap", "start-http-sapprd-01", "50113", HM_EXPOSED);
    hm_build_fini(&build);
}

/* An optional part counts for the instance that shows it, and for one that is down and at risk. */
static void test_optional_part(void **state)
{
    struct hm_requirement *row;
    struct hm_build build;

    (void)state;
    hm_build_init(&build, "10.0.17763");
    row = hm_build_require(&build, put_sap(&build), "start-https", HM_TCP, "", HM_KIND_SOCKET);
    row->has_numbered = true;
    row->numbered = (struct hm_numbered){"SAP???_##", "5##14"};
    row->optional = true;
    (void)hm_build_service_runs(&build, "SAPPRD_00", true);
    (void)hm_build_service_runs(&build, "SAPPRD_01", true);
    (void)hm_build_service_runs(&build, "SAPPRD_02", false);
    hm_build_listener(&build, HM_TCP, HM_IPV4, 50114, "sapstartsrv.exe", "SAPPRD_01",
                      HM_KIND_SOCKET);
    (void)hm_build_judge(&build);
    assert_int_equal(build.judgement.verdicts.count, 5);
    assert_null(hm_build_verdict(&build, "sap", "start-https-sapprd-00"));
    assert_verdict(&build, "sap", "start-https-sapprd-01", "50114", HM_EXPOSED);
    assert_verdict(&build, "sap", "start-https-sapprd-02", "50214", HM_EXPOSED);
    hm_build_fini(&build);
}

/* Names that give one id: each instance has a verdict of its own all the same. */
static void test_names_that_are_alike(void **state)
{
    static char longest[2][HM_LIMIT_NAME_BYTES + 1];
    struct hm_requirement *row;
    struct hm_build build;

    (void)state;
    hm_build_init(&build, "10.0.17763");
    row = &put_sap(&build)->requirements.at[0];
    row->numbered.service = "SAP*_##";
    for (unsigned i = 0; i < 2; i++) {
        memset(longest[i], 'X', HM_LIMIT_NAME_BYTES);
        memcpy(longest[i], "SAP", 3);
        (void)snprintf(longest[i] + HM_LIMIT_NAME_BYTES - 3, 4, "_%02u", i);
        hm_build_service(&build, longest[i]);
    }
    hm_build_service(&build, "SAPP$D_00");
    hm_build_service(&build, "SAPP+D_00");
    (void)hm_build_judge(&build);
    assert_verdict(&build, "sap", "start-http-sapp-d-00", "50013", HM_EXPOSED);
    assert_verdict(&build, "sap", "start-http-sapp-d-00-2", "50013", HM_EXPOSED);
    assert_int_equal(build.judgement.verdicts.count, 4);
    for (size_t i = 1; i < 4; i++) {
        assert_int_equal(strlen(build.judgement.verdicts.at[i].requirement) <= HM_LIMIT_NAME_BYTES,
                         true);
        assert_string_not_equal(build.judgement.verdicts.at[i].requirement,
                                build.judgement.verdicts.at[i - 1].requirement);
    }
    hm_build_fini(&build);
}

/* More instances than the limit are counted, not judged. */
static void test_limit(void **state)
{
    static char names[100][16];
    struct hm_build build;

    (void)state;
    hm_build_init(&build, "10.0.17763");
    (void)put_sap(&build);
    for (unsigned i = 0; i < HM_COUNT(names); i++) {
        (void)snprintf(names[i], sizeof(names[i]), "SAPPRD_%02u", i % 100);
        hm_build_service(&build, names[i]);
    }
    (void)hm_build_judge(&build);
    assert_int_equal(build.judgement.verdicts.count, HM_LIMIT_INSTANCES);
    assert_non_null(strstr(build.judgement.unknown.at[build.judgement.unknown.count - 1],
                           "36 more instances of products were not judged"));
    hm_build_fini(&build);
}

static void put_sql(struct hm_build *build)
{
    struct hm_product *product = hm_build_product(build, "sql", "MSSQLSERVER", NULL);
    struct hm_requirement *row =
        hm_build_require(build, product, "engine", HM_TCP, "1433", HM_KIND_SOCKET);

    product->detect.services = hm_build_names(build, "MSSQLSERVER|MSSQL$*");
    row->detect.services = hm_build_names(build, "MSSQLSERVER");
    row->has_port_from = true;
    row->port_from = HM_BY_SQL_PORT;
    row = hm_build_require(build, product, "named", HM_TCP, "", HM_KIND_SOCKET);
    row->title = "Database engine";
    row->detect.services = hm_build_names(build, "MSSQL$*");
    row->has_port_from = true;
    row->port_from = HM_BY_SQL_PORT;
}

/* Settings of two instances: each has its own port, and a moved one is not on 1433. */
static void test_settings(void **state)
{
    struct hm_build build;

    (void)state;
    hm_build_init(&build, "10.0.17763");
    put_sql(&build);
    hm_build_service(&build, "MSSQLSERVER");
    hm_build_service(&build, "MSSQL$PAYROLL");
    hm_build_service(&build, "MSSQL$HR");
    hm_build_set_up(&build, 14330, HM_BY_SQL_PORT, "MSSQLSERVER");
    hm_build_set_up(&build, 50433, HM_BY_SQL_PORT, "MSSQL$PAYROLL");
    hm_build_set_up(&build, 51433, HM_BY_SQL_PORT, "MSSQL$PAYROLL");
    (void)hm_build_judge(&build);
    assert_int_equal(build.judgement.verdicts.count, 2);
    assert_verdict(&build, "sql", "engine", "14330", HM_SAFE);
    assert_verdict(&build, "sql", "named-mssql-payroll", "50433,51433", HM_EXPOSED);
    assert_non_null(strstr(hm_build_verdict(&build, "sql", "named-mssql-payroll")->title,
                           "Database engine, MSSQL$PAYROLL"));
    hm_build_fini(&build);
}

/* Without settings the default counts; with a port that is given there is none. */
static void test_default_port(void **state)
{
    static const struct {
        const char *service; /* of the setting; NULL: none is known */
        enum hm_configured_by by;
        uint16_t port;
        const char *ports; /* NULL: no verdict */
        enum hm_verdict_state state;
    } cases[] = {
        {NULL,          HM_BY_SQL_PORT,         0,     "1433",  HM_SAFE   },
        {"MSSQLSERVER", HM_BY_SQL_PORT,         1433,  "1433",  HM_SAFE   },
        {"MSSQLSERVER", HM_BY_SQL_PORT,         50000, "50000", HM_EXPOSED},
        {"MSSQLSERVER", HM_BY_SQL_PORT,         0,     "1433",  HM_UNKNOWN},
        {"MSSQLSERVER", HM_BY_SQL_DYNAMIC_PORT, 50000, NULL,    HM_SAFE   },
        {"MSSQLSERVER", HM_BY_SQL_DYNAMIC_PORT, 0,     NULL,    HM_SAFE   },
        {"MSSQL$HR",    HM_BY_SQL_DYNAMIC_PORT, 50000, "1433",  HM_SAFE   },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build build;

        print_message("case %zu\n", i);
        hm_build_init(&build, "10.0.17763");
        put_sql(&build);
        hm_build_service(&build, "MSSQLSERVER");
        hm_build_service(&build, "MSSQL$HR");
        hm_build_listener(&build, HM_TCP, HM_IPV4, 49700, "sqlservr.exe", "MSSQL$HR",
                          HM_KIND_SOCKET);
        if (cases[i].service != NULL) {
            hm_build_set_up(&build, cases[i].port, cases[i].by, cases[i].service);
        }
        (void)hm_build_judge(&build);
        assert_int_equal(build.judgement.verdicts.count, cases[i].ports == NULL ? 0 : 1);
        if (cases[i].ports != NULL) {
            assert_verdict(&build, "sql", "engine", cases[i].ports, cases[i].state);
        }
        hm_build_fini(&build);
    }
}

/* The fixed port of an RPC server: its other listeners are given, and no requirement. */
static void test_rpc(void **state)
{
    (void)state;
    for (unsigned set = 0; set < 2; set++) {
        struct hm_requirement *row;
        struct hm_build build;

        hm_build_init(&build, "10.0.17763");
        row = hm_build_require(&build, hm_build_product(&build, "dc", "NTDS", NULL), "ntds", HM_TCP,
                               "", HM_KIND_RPC);
        row->has_port_from = true;
        row->port_from = HM_BY_NTDS_PORT;
        hm_build_service(&build, "NTDS");
        hm_build_listener(&build, HM_TCP, HM_IPV4, 389, "lsass.exe", "NTDS", HM_KIND_SOCKET);
        hm_build_listener(&build, HM_TCP, HM_IPV4, 49670, "lsass.exe", "NTDS", HM_KIND_SOCKET);
        if (set != 0) {
            hm_build_set_up(&build, 50243, HM_BY_NTDS_PORT, "");
        }
        (void)hm_build_judge(&build);
        assert_int_equal(build.judgement.verdicts.count, set);
        if (set != 0) {
            assert_verdict(&build, "dc", "ntds", "50243", HM_EXPOSED);
        }
        hm_build_fini(&build);
    }
}

/* A port that an instance was given and asks for again is no requirement, in however many boots it
 * was seen; the same of another service may be one. */
static void test_given_port(void **state)
{
    (void)state;
    for (unsigned own = 0; own < 2; own++) {
        const char *service = own == 1 ? "MSSQL$HR" : "MSSQL$OTHER";
        struct hm_build build;

        hm_build_init(&build, "10.0.17763");
        put_sql(&build);
        hm_build_service(&build, service);
        hm_build_listener(&build, HM_TCP, HM_IPV4, 49720, "sqlservr.exe", service, HM_KIND_SOCKET);
        (void)hm_build_remember(&build, HM_TCP, 49720, "sqlservr.exe", service, HM_KIND_SOCKET, 5);
        hm_build_set_up(&build, 49720, HM_BY_SQL_DYNAMIC_PORT, "MSSQL$HR");
        (void)hm_build_judge(&build);
        assert_int_equal(build.judgement.verdicts.count, 1 - own);
        assert_int_equal(build.judgement.observed.count, own);
        assert_true(own == 0 || build.judgement.observed.at[0].why == HM_OBSERVED_FALLS_BACK);
        hm_build_fini(&build);
    }
}

/* A value that is no port, of an instance that has no default: nobody knows its port. */
static void test_no_port_at_all(void **state)
{
    const struct hm_verdict *verdict;
    struct hm_build build;

    (void)state;
    hm_build_init(&build, "10.0.17763");
    put_sql(&build);
    hm_build_service(&build, "MSSQL$HR");
    hm_build_set_up(&build, 0, HM_BY_SQL_PORT, "MSSQL$HR");
    (void)hm_build_judge(&build);
    verdict = hm_build_verdict(&build, "sql", "named-mssql-hr");
    assert_non_null(verdict);
    assert_int_equal(verdict->state, HM_UNKNOWN);
    assert_int_equal(verdict->ports.count, 0);
    assert_string_equal(verdict->text, "TCP port of the next start is not known: the registry says "
                                       "a value, which is no port. Set one from 1 to 65535.");
    hm_build_fini(&build);
}

/* The setting of an installed service was not gathered: what its state and listeners say. Nobody
 * calls a port safe that is an assumption. */
static void test_setting_not_gathered(void **state)
{
    static const struct {
        const char *service;
        bool runs;
        uint16_t listens; /* 0: nowhere */
        const char *id;
        const char *ports;
        enum hm_verdict_state state;
        const char *text; /* part of it; NULL: any */
    } cases[] = {
        {"MSSQLSERVER",          false, 0,     "engine",         "1433",  HM_UNKNOWN,
         "TCP 1433 is not known to be the port of the next start: the registry setting of "
         "MSSQLSERVER was not read."                                                              },
        {"MSSQLSERVER",          true,  52000, "engine",         "1433",  HM_UNKNOWN,
         "was not read, and where it listens (52000) may be fixed or given by the system."        },
        {"MSSQLSERVER",          true,  14330, "engine",         "14330", HM_SAFE,    NULL        },
        {"MSSQLSERVER",          true,  1433,  "engine",         "1433",  HM_SAFE,    NULL        },
        {"MSSQL$HR",             false, 0,     "named-mssql-hr", "",      HM_UNKNOWN,
         "TCP port of the next start is not known: the registry setting of MSSQL$HR was not read."},
        {"MSSQL$HR",             true,  51001, "named-mssql-hr", "",      HM_UNKNOWN, "(51001)"   },
        {"MSSQL$HR",             true,  14330, "named-mssql-hr", "14330", HM_SAFE,    NULL        },
        {"MSSQL$HR",             true,  0,     NULL,             "",      HM_SAFE,    NULL        }, /* TCP is off */
        {"MSSQL$MICROSOFT##WID", false, 0,     NULL,             "",      HM_SAFE,    NULL        }, /* never TCP */
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build build;

        print_message("case %zu\n", i);
        hm_build_init(&build, "10.0.17763");
        put_sql(&build);
        (void)hm_build_service_runs(&build, cases[i].service, cases[i].runs);
        if (cases[i].listens != 0) {
            hm_build_listener(&build, HM_TCP, HM_IPV4, cases[i].listens, "sqlservr.exe",
                              cases[i].service, HM_KIND_SOCKET);
        }
        hm_build_set_up(&build, 14999, HM_BY_SQL_PORT, "MSSQL$OTHER"); /* another was read */
        (void)hm_build_judge(&build);
        assert_int_equal(build.judgement.verdicts.count, cases[i].id == NULL ? 0 : 1);
        if (cases[i].id != NULL) {
            assert_verdict(&build, "sql", cases[i].id, cases[i].ports, cases[i].state);
        }
        if (cases[i].text != NULL) {
            assert_non_null(
                strstr(hm_build_verdict(&build, "sql", cases[i].id)->text, cases[i].text));
            assert_non_null(strstr(build.judgement.unknown.at[build.judgement.unknown.count - 1],
                                   cases[i].text));
        }
        hm_build_fini(&build);
    }
}

/* What is at risk on the catalogue's port stays so; and Remote Desktop that is down is no
 * exception. */
static void test_default_not_gathered(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct hm_requirement *row;
        struct hm_build build;

        hm_build_init(&build, "10.0.17763");
        row = hm_build_require(&build, hm_build_product(&build, "rdp", "TermService", NULL), "rdp",
                               HM_TCP, "3389", HM_KIND_SOCKET);
        row->has_port_from = true;
        row->port_from = HM_BY_RDP_PORT;
        (void)hm_build_service_runs(&build, "TermService", false);
        for (unsigned family = 0; i == 1 && family < 2; family++) {
            hm_build_listener(&build, HM_TCP, (enum hm_family)family, 3389, "java.exe", "Acme",
                              HM_KIND_SOCKET);
        }
        if (i == 2) {
            hm_build_set_up(&build, 3389, HM_BY_RDP_PORT, "");
        }
        (void)hm_build_judge(&build);
        assert_verdict(&build, "rdp", "rdp", "3389",
                       i == 0   ? HM_UNKNOWN
                       : i == 1 ? HM_BLOCKED
                                : HM_SAFE);
        hm_build_fini(&build);
    }
}

/* Settings give two instances one port: whichever starts first gets it. On an address each there is
 * room for both. */
static void test_two_for_one_port(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        const bool on_all = i < 3;
        const bool runs = i > 0;
        struct hm_build build;

        print_message("case %u\n", i);
        hm_build_init(&build, "10.0.17763");
        put_sql(&build);
        (void)hm_build_service_runs(&build, "MSSQLSERVER", false);
        if (i < 2 || !on_all) {
            (void)hm_build_service_runs(&build, "MSSQL$HR", runs);
        }
        hm_build_set_up(&build, 1433, HM_BY_SQL_PORT, "MSSQLSERVER");
        hm_build_set_up(&build, 1433, HM_BY_SQL_PORT, "MSSQL$HR");
        for (size_t k = 0; k < 2; k++) {
            build.inventory.configured.at[k].subject =
                on_all ? "TcpPort" : "TcpPort of one address";
        }
        for (unsigned family = 0; i == 1 && family < 2; family++) {
            hm_build_listener(&build, HM_TCP, (enum hm_family)family, 1433, "sqlservr.exe",
                              "MSSQL$HR", HM_KIND_SOCKET);
        }
        (void)hm_build_judge(&build);
        assert_verdict(&build, "sql", "engine", "1433",
                       i == 0   ? HM_UNKNOWN
                       : i == 1 ? HM_BLOCKED
                                : HM_SAFE); /* the other one is not installed */
        if (i == 0) {
            assert_non_null(strstr(hm_build_verdict(&build, "sql", "engine")->text,
                                   "TCP 1433 is set up for MSSQL$HR, too: only one of the two"));
        }
        if (i < 2) {
            assert_verdict(&build, "sql", "named-mssql-hr", "1433", HM_UNKNOWN);
        }
        hm_build_fini(&build);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_reserved_with_options),
        cmocka_unit_test(test_out_of_range),
        cmocka_unit_test(test_instance_is_stopped_by_its_own_tool),
        cmocka_unit_test(test_other_ports_by_profile),
        cmocka_unit_test(test_held),
        cmocka_unit_test(test_optional_part),
        cmocka_unit_test(test_names_that_are_alike),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_default_port),
        cmocka_unit_test(test_rpc),
        cmocka_unit_test(test_given_port),
        cmocka_unit_test(test_no_port_at_all),
        cmocka_unit_test(test_setting_not_gathered),
        cmocka_unit_test(test_default_not_gathered),
        cmocka_unit_test(test_two_for_one_port),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
