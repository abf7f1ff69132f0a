/* tests/unit/readers/test_configured_texts.c — what HTTP.sys, IIS and containers are set up to
 * serve, in the texts of several languages. SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/readers/hns_endpoints_text.h"
#include "common/readers/http_config_text.h"
#include "common/readers/iis_bindings_text.h"

typedef enum hm_status parse_fn(const char *text, size_t len, struct hm_configured_make *make,
                                struct hm_err *err);

struct text_case {
    parse_fn *parse;
    const char *text;
    const char *rows; /* "protocol port kind subject[ manual]; …"; NULL: refused */
};

static const struct text_case cases[] = {
  /* netsh http show urlacl */
    {hm_urlacl_parse,        "",                                                                      ""                                                         },
    {hm_urlacl_parse,
     "\r\nURL Reservations:\r\n-----------------\r\n\r\n"
     "    Reserved URL            : http://+:80/Temporary_Listen_Addresses/\r\n"
     "        User: \\Everyone\r\n            Listen: Yes\r\n            Delegate: No\r\n"
     "            SDDL: D:(A;;GX;;;WD)\r\n\r\n"
     "    Reserved URL            : https://+:5986/wsman/\r\n",                                       "tcp 80 httpsys http://+:80/Temporary_Listen_Addresses/; "
     "tcp 5986 httpsys https://+:5986/wsman/"                                                     },
    {hm_urlacl_parse,
     "    URL r\x82serv\x82"
     "e : HTTPS://*:8443:10.0.0.5/app/\n",                                                            "tcp 8443 httpsys HTTPS://*:8443:10.0.0.5/app/"            },
    {hm_urlacl_parse,        "ftp://+:21/ xhttp://+:81/ ://+:82/ http://+:0/ http://+/",
     "tcp 81 httpsys http://+:81/"                                                                                                                               },
    {hm_urlacl_parse,        "The following command was not found: http show urlacl.\r\n",            ""                                                         },
 /* netsh http show sslcert */
    {hm_sslcert_parse,
     "\r\nSSL Certificate bindings:\r\n-------------------------\r\n\r\n"
     "    IP:port                      : 0.0.0.0:443\r\n"
     "    Certificate Hash             : 6d2b8a9f\r\n"
     "    Application ID               : {4dc3e181-e14b-4a21-b022-59fc669b0914}\r\n"
     "    Certificate Store Name       : My\r\n"
     "    Verify Revocation Freshness Time : 0\r\n"
     "    Ctl Identifier               : (null)\r\n\r\n"
     "    Hostname:port                : www.example.com:8443\r\n"
     "    IP:port                      : [::]:444\r\n"
     "    Certificate Hash             : 0a1b\r\n"
     "    PropertyId                   : 1\r\n\r\n"
     "    Central Certificate Store    : 445\r\n"
     "    Certificate Hash             : (null)\r\n"
     "    Verify Revocation Freshness Time : 0\r\n",                                                  "tcp 443 httpsys 0.0.0.0:443; tcp 444 httpsys [::]:444; "
     "tcp 445 httpsys central certificate store; "
     "tcp 8443 httpsys www.example.com:8443"                                                                 },
    {hm_sslcert_parse,
     "    IP:Anschluss : 10.1.2.3:9443\n IP\x81"
     "F 127.0.0.1:1\n",                                                                               "tcp 1 httpsys 127.0.0.1:1; tcp 9443 httpsys 10.1.2.3:9443"},
    {hm_sslcert_parse,       "\n x : 70000\n\n x 443\n\n : 443\n\n Zertifikatspeicher:  444\n 445\n",
     "tcp 444 httpsys central certificate store"                                                                                                                 },
    {hm_sslcert_parse,
     "0.0.0.0:443\n Time : 12:30\n a :b:1\n x : [::]:65536\n x : :443\n x : a:0\n",                   ""                                                         },
 /* applicationHost.config */
    {hm_iis_bindings_parse,
     "<sites>\r\n <site name=\"Default Web Site\" id=\"1\" serverAutoStart=\"true\">\r\n"
     "  <bindings>\r\n   <binding protocol=\"http\" bindingInformation=\"*:80:\" />\r\n"
     "   <binding protocol=\"https\" bindingInformation=\"*:8443:www.example.com\" sslFlags=\"1\" "
     "/>"
     "\r\n   <binding protocol=\"net.tcp\" bindingInformation=\"808:*\" />\r\n"
     "   <!-- <binding protocol=\"http\" bindingInformation=\"*:81:\" /> -->\r\n"
     "  </bindings>\r\n </site>\r\n",                                                                 "tcp 80 httpsys http *:80: (site Default Web Site); "
     "tcp 808 socket net.tcp 808:* (site Default Web Site); "
     "tcp 8443 httpsys https *:8443:www.example.com (site Default Web Site)"                                                },
    {hm_iis_bindings_parse,
     "<SITE id='2' name='Old' serverAutoStart='false'>\n"
     "<binding bindingInformation='[fe80::1]:8080:' protocol='http'/>\n"
     "<site name=\"New\" id=\"3\">\n<binding protocol=\"http\" bindingInformation=\":8081:h\" />",    "tcp 8080 httpsys http [fe80::1]:8080: (site Old) manual; "
     "tcp 8081 httpsys http :8081:h (site New)"                },
    {hm_iis_bindings_parse,
     "<binding protocol=\"http\" bindingInformation=\"*:80\" /><binding protocol=\"http\" "
     "bindingInformation=\"*:99999:\" /><binding protocol=\"http\" bindingInformation=\"*:82:",       ""                                                         },
 /* lines that findstr took: the one with the end of the comment is not among them */
    {hm_iis_bindings_parse,
     "<site name=\"a\" id=\"1\">\r\n<!-- <binding protocol=\"http\" bindingInformation=\"*:80:\" "
     "/>\r\n"
     "<site name=\"b\" id=\"2\">\r\n<binding protocol=\"https\" bindingInformation=\"*:50443:\" "
     "/>\r\n",                                                                                        "tcp 50443 httpsys https *:50443: (site b)"                },
    {hm_iis_bindings_parse,
     "<?xml version=\"1.0\"?>\n<!-- <a> -->\n<configuration>\n<!-- \n<binding protocol=\"http\" "
     "bindingInformation=\"*:80:\" />\n-->\n<binding protocol=\"http\" "
     "bindingInformation=\"*:81:\" />\n",                                                             "tcp 81 httpsys http *:81:"                                },
    {hm_iis_bindings_parse,
     "<site name=\"a\" id=\"1\">\n<binding protocol=\"ftp\" bindingInformation=\"*:21:\" />\n"
     "<binding protocol=\"http\" bindingInformation=\"*:81:\" />\n"
     "<ftpServer serverAutoStart=\"false\">\n"
     "<site name=\"b\" id=\"2\">\n<binding protocol=\"ftp\" bindingInformation=\"[::1]:2121:h\" "
     "/>\n"
     "<ftpServer>\n"
     "<siteDefaults>\n<ftpServer serverAutoStart=\"false\" />\n",                                     "tcp 21 socket ftp *:21: (site a) manual; tcp 81 httpsys http *:81: (site a); "
     "tcp 2121 socket ftp [::1]:2121:h (site b)"                                                },
    {hm_iis_bindings_parse,
     "<binding protocol=\"net.tcp\" bindingInformation=\"809:h.example.com\" />"
     "<binding protocol=\"net.tcp\" bindingInformation=\"*:810:\" />"
     "<binding protocol=\"net.tcp\" bindingInformation=\"811\" />"
     "<binding protocol=\"net.pipe\" bindingInformation=\"*\" />"
     "<binding protocol=\"net.msmq\" bindingInformation=\"localhost\" />",                            "tcp 809 socket net.tcp 809:h.example.com"                 },
    {hm_iis_bindings_parse,
     "<site name=\"A &amp; B&#228;&quot;\" serverAutoStart=\"&#102;alse\">"
     "<binding protocol=\"&#104;tt&#x70;\" bindingInformation=\"*&#58;51203&#x3A;\" />",              "tcp 51203 httpsys http *:51203: (site A & B?\") manual"   },
    {hm_iis_bindings_parse,  "<binding",                                                              ""                                                         },
    {hm_iis_bindings_parse,  "<!-- <binding protocol=\"http\" bindingInformation=\"*:80:\" />",       ""                                                         },
 /* Get-HnsEndpoint | ConvertTo-Json, HcnQueryEndpointProperties */
    {hm_hns_endpoints_parse,
     "[{\"ID\":\"a\",\"Name\":\"Ethernet\",\"Policies\":[{\"ExternalPort\":8080,"
     "\"InternalPort\":80,\"Protocol\":\"TCP\",\"Type\":\"NAT\"},{\"Type\":\"L2Driver\"}]}]",         "tcp 8080 container to port 80 of a container"             },
    {hm_hns_endpoints_parse,
     "{\"Policies\":[{\"Type\":\"PortMapping\",\"Settings\":{\"Protocol\":17,\"InternalPort\":53,"
     "\"ExternalPort\":5353}},{\"Settings\":{\"ExternalPort\":30000}}],\"x\":\"}\\\"{\"}",            "tcp 30000 container of a container; udp 5353 container to port 53 of a container; "
     "udp 30000 container of a container"                              },
 /* Linux: Docker's hostconfig.json, and a file of CNI */
    {hm_hns_endpoints_parse,
     "{\"Binds\":null,\"NetworkMode\":\"default\",\"PortBindings\":{\"53/udp\":[{\"HostIp\":\"\","
     "\"HostPort\":\"5300\"}],\"80/tcp\":[{\"HostIp\":\"\",\"HostPort\":\"8080\"},"
     "{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"8081\"}],\"90/tcp\":[{\"HostIp\":\"\",\"HostPort\":"
     "\"\"}],\"91/sctp\":[]},\"Memory\":0}{\"PortBindings\":{}}",                                     "tcp 8080 container to port 80 of a container; tcp 8081 container to port 80 of a container "
     "on 127.0.0.1; "
     "udp 5300 container to port 53 of a container"                                             },
    {hm_hns_endpoints_parse,
     "{\"kind\":\"cniCacheV1\",\"containerId\":\"4f\",\"config\":\"ewog\",\"ifName\":\"eth0\","
     "\"capabilityArgs\":{\"portMappings\":[{\"hostPort\":8443,\"containerPort\":443,\"protocol\":"
     "\"tcp\",\"hostIP\":\"10.0.0.5\"},{\"hostPort\":0,\"containerPort\":1,\"protocol\":\"udp\"}]},"
     "\"result\":{\"ips\":[{\"address\":\"10.88.0.4/16\"}]}}",                                        "tcp 8443 container to port 443 of a container on 10.0.0.5"},
    {hm_hns_endpoints_parse, "[]",                                                                    ""                                                         },
    {hm_hns_endpoints_parse, "",                                                                      NULL                                                       },
    {hm_hns_endpoints_parse, "Get-HnsEndpoint : The term",                                            NULL                                                       },
    {hm_hns_endpoints_parse, "[{\"ExternalPort\":8080",                                               NULL                                                       },
    {hm_hns_endpoints_parse, "[}",                                                                    NULL                                                       },
    {hm_hns_endpoints_parse, "{\"a",                                                                  NULL                                                       },
};

static const char *print(const struct hm_inventory *inventory, struct hm_arena *arena)
{
    const char *text = "";

    for (size_t i = 0; i < inventory->configured.count; i++) {
        const struct hm_configured *row = &inventory->configured.at[i];

        text =
            hm_arena_printf(arena, "%s%s%s %u %s %s%s%s%s", text, i == 0 ? "" : "; ",
                            hm_protocol_names[row->protocol], (unsigned)row->port,
                            hm_listener_kind_names[row->kind], row->subject,
                            row->address == NULL || row->address[0] == '\0' ? "" : " on ",
                            row->address == NULL ? "" : row->address, row->manual ? " manual" : "");
        assert_non_null(text);
    }
    return text;
}

static void test_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        const struct hm_os os = {.family = HM_OS_WINDOWS, .version = "10.0.17763"};
        struct hm_inventory inventory = {.os = os};
        struct hm_configured_make make;
        struct hm_arena arena;
        struct hm_err err = {.text = ""};
        enum hm_status st;

        print_message("case %zu\n", i);
        hm_arena_init(&arena, 1u << 20);
        hm_configured_begin(&make, &os, &arena);
        st = cases[i].parse(cases[i].text, strlen(cases[i].text), &make, &err);
        assert_int_equal(st, cases[i].rows == NULL ? HM_EINVAL : HM_OK);
        hm_configured_finish(&make, false, &inventory);
        if (cases[i].rows != NULL) {
            assert_string_equal(print(&inventory, &arena), cases[i].rows);
        } else {
            assert_true(err.text[0] != '\0');
        }
        hm_arena_fini(&arena);
    }
}

/* The address of a published port of Docker, and of CNI, says the family. */
static void test_families(void **state)
{
    static const char text[] =
        "{\"PortBindings\":{\"80/tcp\":[{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"1001\"},"
        "{\"HostIp\":\"\",\"HostPort\":\"1002\"},{\"HostIp\":\"::1\",\"HostPort\":\"1003\"},"
        "{\"HostPort\":\"1004\",\"HostIp\":\"0.0.0.0\"},{\"HostIp\":\"::\","
        "\"HostPort\":\"1005\"}]}}{\"portMappings\":[{\"hostPort\":1006,\"containerPort\":1,"
        "\"protocol\":\"tcp\",\"hostIP\":\"10.0.0.1\"},{\"hostPort\":1007,\"containerPort\":1,"
        "\"protocol\":\"tcp\"}]}";
    static const enum hm_families expected[] = {
        HM_FAMILIES_IPV4, HM_FAMILIES_BOTH, HM_FAMILIES_IPV6, HM_FAMILIES_IPV4,
        HM_FAMILIES_BOTH, HM_FAMILIES_IPV4, HM_FAMILIES_BOTH};
    const struct hm_os os = {.family = HM_OS_LINUX, .version = "6.1"};
    struct hm_configured_make make;
    struct hm_arena arena;
    struct hm_err err;

    (void)state;
    hm_arena_init(&arena, 1u << 20);
    hm_configured_begin(&make, &os, &arena);
    assert_int_equal(hm_hns_endpoints_parse(text, sizeof(text) - 1, &make, &err), HM_OK);
    assert_int_equal(make.list.count, HM_COUNT(expected));
    for (size_t i = 0; i < HM_COUNT(expected); i++) {
        assert_int_equal(make.list.at[i].port, 1001 + i);
        assert_int_equal(make.list.at[i].families, expected[i]);
    }
    hm_arena_fini(&arena);
}

/* A row outlives the text that its address was read from. */
static void test_address_is_copied(void **state)
{
    const struct hm_os os = {.family = HM_OS_LINUX, .version = "6.1"};
    char address[] = "127.0.0.1";
    const struct hm_configured row = {
        .protocol = HM_TCP, .port = 7411, .by = HM_BY_SOCKET_UNIT, .address = address};
    struct hm_configured_make make;
    struct hm_arena arena;
    struct hm_err err;

    (void)state;
    hm_arena_init(&arena, 1u << 20);
    hm_configured_begin(&make, &os, &arena);
    assert_int_equal(hm_configured_put(&make, &row, (struct hm_span){"x", 1}, &err), HM_OK);
    memset(address, 'x', sizeof(address) - 1);
    assert_string_equal(make.list.at[0].address, "127.0.0.1");
    hm_arena_fini(&arena);
}

/* What is read, and still not all that there is. */
static void test_doubts(void **state)
{
    static const struct {
        parse_fn *parse;
        const char *text;
        const char *doubt; /* NULL: none */
        size_t rows;
    } doubts[] = {
        {hm_iis_bindings_parse,  "<configuration><!-- a -->",                                   NULL,              0},
        {hm_iis_bindings_parse,
         "<configuration>\n<!-- a\n<site name='b'>\n<binding protocol='http' "
         "bindingInformation='*:80:'/>",                                                        "does not end",    0},
        {hm_iis_bindings_parse,
         "<site name='b'>\n<!-- a\n<binding protocol='http' bindingInformation='*:80:'/>",      NULL,              1},
        {hm_iis_bindings_parse,  "<binding protocol='http' bindingInformation='*&colon;80:'/>",
         "an entity",                                                                                              0},
        {hm_iis_bindings_parse,  "<binding protocol='&#x;' bindingInformation='*:80:'/>",
         "an entity",                                                                                              0},
        {hm_iis_bindings_parse,  "<binding protocol='http&#104' bindingInformation='*:80:'/>",
         "an entity",                                                                                              0},
        {hm_iis_bindings_parse,
         "<site name='&amp'/><binding protocol='http' bindingInformation='*:80:'/>",            "an entity",
         1                                                                                                          },
        {hm_iis_bindings_parse,  "<sites configSource=\"sites.config\" />",                     "in another file", 0},
        {hm_iis_bindings_parse,  "<sites configProtectionProvider='x'>",                        "encrypted",       0},
        {hm_iis_bindings_parse,  "<sites >",                                                    NULL,              0},
        {hm_hns_endpoints_parse,
         "[{\"ExternalPort\":8080,\"Protocol\":\"TCP\"},{\"EndpointsCut\":true}]",              "more endpoints",
         1                                                                                                          },
        {hm_hns_endpoints_parse, "[{\"ExternalPort\":8080,\"Protocol\":\"TCP\"}]",              NULL,              1},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(doubts); i++) {
        const struct hm_os os = {.family = HM_OS_WINDOWS, .version = "10.0.17763"};
        struct hm_configured_make make;
        struct hm_arena arena;

        print_message("case %zu\n", i);
        hm_arena_init(&arena, 1u << 20);
        hm_configured_begin(&make, &os, &arena);
        assert_int_equal(doubts[i].parse(doubts[i].text, strlen(doubts[i].text), &make, NULL),
                         HM_OK);
        assert_int_equal(make.list.count, doubts[i].rows);
        assert_int_equal(make.doubt != NULL, doubts[i].doubt != NULL);
        assert_true(make.doubt == NULL || strstr(make.doubt, doubts[i].doubt) != NULL);
        hm_arena_fini(&arena);
    }
}

/* Megabytes of beginnings of URLs take the time of one reading: the old reader took minutes. */
static void test_long(void **state)
{
    static const char *const pieces[] = {"://", "http://[", "http://+:80/"};
    static const size_t len = 4u << 20;
    char *text = malloc(len);

    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < HM_COUNT(pieces); i++) {
        const struct hm_os os = {.family = HM_OS_WINDOWS, .version = "10.0.17763"};
        const size_t piece = strlen(pieces[i]);
        struct hm_configured_make make;
        struct hm_arena arena;

        print_message("%s\n", pieces[i]);
        for (size_t at = 0; at < len; at++) {
            text[at] = pieces[i][at % piece];
        }
        hm_arena_init(&arena, 64u << 20);
        hm_configured_begin(&make, &os, &arena);
        assert_int_equal(hm_urlacl_parse(text, len, &make, NULL), HM_OK);
        assert_int_equal(make.list.count > 0, i == 2);
        hm_arena_fini(&arena);
    }
    free(text);
}

/* Where IIS keeps its settings: never its own file when that cannot be told. */
static void test_redirection(void **state)
{
#define ROOT(element) "<?xml version=\"1.0\"?>\r\n<configuration>\r\n" element "</configuration>"
    static const struct {
        const char *text;
        bool enabled;
        const char *path;
        const char *doubt; /* a piece of it; NULL: none */
    } rows[] = {
        {ROOT("<configSections><section name=\"configurationRedirection\" /></configSections>"
              "<configurationRedirection />"),
         false,                                                                                    "",                    NULL                   },
        {ROOT("<configurationRedirection/>"),                                               false, "",                    NULL                   },
        {ROOT("<configurationRedirection enabled=\"false\" path=\"C:\\old\" />"),           false, "",                    NULL                   },
        {ROOT("<configurationRedirection enabled=\"true\" path=\"\\\\files\\iis farm\" "
              "userName=\"svc\" password=\"[enc:x:y:enc]\" />"),
         true,                                                                                     "\\\\files\\iis farm", NULL                   },
        {ROOT("<configurationredirection\r\n  Path='D:\\iis'\r\n  Enabled='True'>"),        true,
         "D:\\iis",                                                                                                       NULL                   },
        {ROOT("<configurationRedirection enabled=\"1\" path=\"D:\\iis\" />"),               true,  "D:\\iis",
         NULL                                                                                                                                    },
        {ROOT("<configurationRedirection enabled=\"true\" />"),                             true,  "",                    NULL                   },
        {ROOT("<configurationRedirection enabled=\"true\" path=\"\\\\f\\R&amp;D\" />"),     true,  "",
         NULL                                                                                                                                    },
        {ROOT("<!-- <configurationRedirection enabled=\"true\" path=\"D:\\iis\" /> -->"
              "<configurationRedirection />"),
         false,                                                                                    "",                    NULL                   },
        {ROOT("<!-- <configurationRedirection enabled=\"true\" />"),                        false, "",                    "does not end"         },
        {ROOT("<configurationRedirection configProtectionProvider=\"p\"><EncryptedData/>"), false,
         "",                                                                                                              "encrypted"            },
        {"<configuration><configurationRedirection enabled=\"true\" path=\"D:\\i",          true,  "",
         "not complete"                                                                                                                          },
        {"",                                                                                false, "",                    "no configuration file"},
        {"<\0c\0o\0n\0f\0",                                                                 false, "",                    "no configuration file"},
        {"Access is denied.",                                                               false, "",                    "no configuration file"},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        struct hm_iis_redirection found;

        print_message("case %zu\n", i);
        hm_iis_redirection_parse(rows[i].text, strlen(rows[i].text), &found);
        assert_int_equal(found.enabled, rows[i].enabled);
        assert_int_equal(found.path.len, strlen(rows[i].path));
        assert_memory_equal(found.path.at, rows[i].path, found.path.len);
        assert_int_equal(found.doubt != NULL, rows[i].doubt != NULL);
        assert_true(rows[i].doubt == NULL || strstr(found.doubt, rows[i].doubt) != NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_families),
        cmocka_unit_test(test_address_is_copied),
        cmocka_unit_test(test_doubts),
        cmocka_unit_test(test_redirection),
        cmocka_unit_test(test_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
