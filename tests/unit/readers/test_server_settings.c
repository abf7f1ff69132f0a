/* tests/unit/readers/test_server_settings.c — ports in the settings files of servers.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/readers/server_settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/err.h"

/* Include lines name files by their places in this list, and are read in turn. */
struct files {
    const char *const *texts;
    struct hm_server_settings *settings;
    unsigned depth;
};

static bool include(void *with, enum hm_server_include how, struct hm_span path)
{
    struct files *files = with;
    const size_t at = (size_t)(path.at[0] - '0');
    bool ok;

    (void)how;
    if (++files->depth > 20) {
        files->settings->doubt = "loop";
        return true;
    }
    assert_int_equal(path.len, 1);
    ok = hm_server_settings_take(files->settings,
                                 (struct hm_span){files->texts[at], strlen(files->texts[at])});
    return ok;
}

static void write_ports(const struct hm_server_settings *settings, char out[128])
{
    static const char *const families[] = {
        [HM_FAMILIES_BOTH] = "", [HM_FAMILIES_IPV4] = " v4", [HM_FAMILIES_IPV6] = " v6"};
    struct hm_server_ports ports;

    if (settings->doubt != NULL) {
        (void)snprintf(out, 128, "?");
        return;
    }
    hm_server_settings_finish(settings, &ports);
    out[0] = '\0';
    for (size_t i = 0; i < ports.count; i++) {
        (void)snprintf(out + strlen(out), 128 - strlen(out), "%s%u", i == 0 ? "" : ",",
                       (unsigned)ports.at[i]);
    }
    (void)snprintf(out + strlen(out), 128 - strlen(out), "%s",
                   ports.count == 0 ? "none" : families[ports.families]);
}

static void take(enum hm_server_kind kind, const char *instance, const char *const *texts,
                 char out[128])
{
    struct hm_server_settings settings;
    struct files files = {texts, &settings, 0};

    hm_server_settings_init(&settings, kind);
    settings.instance = instance;
    settings.include = include;
    settings.with = &files;
    assert_true(hm_server_settings_take(&settings, (struct hm_span){texts[0], strlen(texts[0])}));
    write_ports(&settings, out);
}

static void test_files(void **state)
{
    static const struct {
        enum hm_server_kind kind;
        const char *texts[3];
        const char *expected; /* "?": a doubt */
    } cases[] = {
        {HM_SERVER_POSTGRESQL, {""},                                                         "5432"          },
        {HM_SERVER_POSTGRESQL,
         {"#port = 5444\nport = 5433\t\t# (change requires restart)\n"},
         "5433"                                                                                              },
        {HM_SERVER_POSTGRESQL, {"port = 5433\r\nPort 41000\r\n"},                            "41000"         },
        {HM_SERVER_POSTGRESQL, {"\xEF\xBB\xBFport='5434'"},                                  "5434"          },
        {HM_SERVER_POSTGRESQL, {"import = 5433\nport_x=9\n"},                                "5432"          },
        {HM_SERVER_POSTGRESQL, {"listen_addresses = ''\nport = 5433\n"},                     "none"          },
        {HM_SERVER_POSTGRESQL, {"listen_addresses = ''\nlisten_addresses = '*'\n"},          "5432"          },
        {HM_SERVER_POSTGRESQL, {"listen_addresses = 'localhost'"},                           "5432"          },
        {HM_SERVER_POSTGRESQL, {"listen_addresses = '127.0.0.1, 10.0.0.5' # two"},           "5432 v4"       },
        {HM_SERVER_POSTGRESQL, {"listen_addresses = '::1'"},                                 "5432 v6"       },
        {HM_SERVER_POSTGRESQL, {"listen_addresses = '::1,127.0.0.1'"},                       "5432"          },
        {HM_SERVER_POSTGRESQL, {"port = 5433\ninclude '1'\n", "port=41000\n"},               "41000"         },
        {HM_SERVER_POSTGRESQL, {"include_dir = '1'\nport = 5433\n", "port=41000\n"},         "5433"          },
        {HM_SERVER_POSTGRESQL, {"include_if_exists '0'\nport = 5433\n"},                     "?"             },
        {HM_SERVER_POSTGRESQL, {"port = 99999\n"},                                           "?"             },
        {HM_SERVER_POSTGRESQL, {"port = 0\n"},                                               "?"             },
        {HM_SERVER_POSTGRESQL, {"port = 0x1538\n"},                                          "?"             },

        {HM_SERVER_MYSQL,      {"[mysqld]\nextra_port = 41101\n"},                           "3306,41101"    },
        {HM_SERVER_MYSQL,      {"[mariadb]\nport=3307\nextra-port=0\n"},                     "3307"          },
        {HM_SERVER_MYSQL,      {"[mariadb]\nextra-port=x\n"},                                "?"             },
        {HM_SERVER_MYSQL,      {"[client]\nport=3307\n"},                                    "3306"          },
        {HM_SERVER_MYSQL,      {"[mysqld]\nport = 3307 # moved\n"},                          "3307"          },
        {HM_SERVER_MYSQL,      {"port=1\n[mysqld]\nPORT=\"3307\"\n[mysqldump]\nport=9\n"},   "3307"          },
        {HM_SERVER_MYSQL,      {"[mariadb]\nloose_port=41000\n"},                            "41000"         },
        {HM_SERVER_MYSQL,      {"[mysqld]\nport=3307\n[server]\nport=3308\n"},               "3308"          },
        {HM_SERVER_MYSQL,      {"[mysqld]\nport=0\n"},                                       "3306"          },
        {HM_SERVER_MYSQL,      {"[mysqld]\nskip-networking\n"},                              "none"          },
        {HM_SERVER_MYSQL,      {"[mysqld]\nskip_networking=1\n"},                            "none"          },
        {HM_SERVER_MYSQL,      {"[mysqld]\nskip-networking=OFF\n"},                          "3306"          },
        {HM_SERVER_MYSQL,      {"[mysqld]\n#skip-networking\nbind-address = 127.0.0.1\n"},   "3306 v4"       },
        {HM_SERVER_MYSQL,      {"[mysqld]\nbind_address = ::\n"},                            "3306"          },
        {HM_SERVER_MYSQL,      {"[mysqld]\nbind-address = 127.0.0.1,::1\n"},                 "3306"          },
        {HM_SERVER_MYSQL,      {"[mysqld-8.0]\nport=3307\n"},                                "?"             },
        {HM_SERVER_MYSQL,      {"[mysqld_safe]\ndatadir=/srv/a\n"},                          "?"             },
        {HM_SERVER_MYSQL,      {"[mysqld_safe]\nport=3307\n"},                               "?"             },
        {HM_SERVER_MYSQL,      {"[mysqld_safe]\nnice = 0\n[mysqld.other]\nport=3307\n"},     "3306"          },
        {HM_SERVER_MYSQL,      {"!includedir 1\n", "[mysqld]\nport=41000\n"},                "41000"         },
        {HM_SERVER_MYSQL,      {"!include 0\n"},                                             "?"             },

        {HM_SERVER_REDIS,      {"port 6380\n"},                                              "6380"          },
        {HM_SERVER_REDIS,      {"# port 6380\nPORT 6381\nport 6382\n"},                      "6382"          },
        {HM_SERVER_REDIS,      {"port 0\nunixsocket /run/redis.sock\n"},                     "none"          },
        {HM_SERVER_REDIS,      {"port 0\ntls-port 6390\n"},                                  "6390"          },
        {HM_SERVER_REDIS,      {"bind 127.0.0.1 -::1\n"},                                    "6379"          },
        {HM_SERVER_REDIS,      {"bind 127.0.0.1\nport \"41000\"\n"},                         "41000 v4"      },
        {HM_SERVER_REDIS,      {"bind * -::*\n"},                                            "6379"          },
        {HM_SERVER_REDIS,      {"bind \"\"\n"},                                              "?"             },
        {HM_SERVER_REDIS,      {"cluster-enabled yes\nport 6380\n"},                         "6380,16380"    },
        {HM_SERVER_REDIS,
         {"cluster-enabled yes\ntls-port 6390\ntls-cluster yes\n"},
         "6379,6390,16390"                                                                                   },
        {HM_SERVER_REDIS,
         {"cluster-enabled yes\ntls-port 6390\ntls-cluster no\n"},
         "6379,6390,16379"                                                                                   },
        {HM_SERVER_REDIS,
         {"cluster-enabled yes\ntls-port 6390\ntls-cluster yes\ncluster-port 7\n"},
         "6379,6390,7"                                                                                       },
        {HM_SERVER_REDIS,      {"include 1\nport 6380\n", "port 41000\n"},                   "6380"          },
        {HM_SERVER_REDIS,      {"port $PORT\n"},                                             "?"             },

        {HM_SERVER_SSH,        {"#Port 2222\n"},                                             "22"            },
        {HM_SERVER_SSH,        {"Port 2222\nport=2223\n"},                                   "2222,2223"     },
        {HM_SERVER_SSH,        {"Port 2222\nMatch User x\nPort 2223\n"},                     "?"             },
        {HM_SERVER_SSH,        {"Port 2222\nMatch User x\nX11Forwarding no\n"},              "2222"          },
        {HM_SERVER_SSH,        {"Match User x\nMatch all\nPort 2223\n"},                     "2223"          },
        {HM_SERVER_SSH,        {"Match User x\nInclude 1\nPort 1\n", "Match all\nPort 2\n"}, "?"             },
        {HM_SERVER_SSH,
         {"Include 1\nPort 23\n", "Match User x\nPasswordAuthentication no\n"},
         "23"                                                                                                },
        {HM_SERVER_SSH,
         {"Include 1\nPort 2222\n", "Port 41000\nMatch all\nPort 7\n"},
         "41000,7,2222"                                                                                      },
        {HM_SERVER_SSH,        {"Match all\nInclude 1\n", "Port 41000\n"},                   "41000"         },
        {HM_SERVER_SSH,        {"Port 2222\nListenAddress 10.0.0.5:41000\n"},                "41000 v4"      },
        {HM_SERVER_SSH,
         {"Port 2222\nListenAddress 10.0.0.5:41000\nListenAddress ::\n"},
         "41000,2222"                                                                                        },
        {HM_SERVER_SSH,        {"ListenAddress [::1]:2200\n"},                               "2200 v6"       },
        {HM_SERVER_SSH,        {"ListenAddress [::1\n"},                                     "?"             },
        {HM_SERVER_SSH,        {"AddressFamily inet\n"},                                     "22 v4"         },
        {HM_SERVER_SSH,        {"Port ssh\n"},                                               "?"             },
        {HM_SERVER_SSH,        {"Include 0\n"},                                              "?"             },

        {HM_SERVER_MEMCACHED,
         {"-d\n-m 64\n-p 11212\n-u memcache\n-l 127.0.0.1\n-l ::1\n"},
         "11212"                                                                                             },
        {HM_SERVER_MEMCACHED,  {"-p41000\n-l 127.0.0.1\n"},                                  "41000 v4"      },
        {HM_SERVER_MEMCACHED,  {"--port=11300\n"},                                           "11300"         },
        {HM_SERVER_MEMCACHED,  {"-l 127.0.0.1:11300,127.0.0.2\n"},                           "11300,11211 v4"},
        {HM_SERVER_MEMCACHED,  {"-s /run/memcached.sock\n"},                                 "none"          },
        {HM_SERVER_MEMCACHED,  {"-vp 41000\n"},                                              "41000"         },
        {HM_SERVER_MEMCACHED,  {"-dvvp41000\n-vl 127.0.0.1\n"},                              "41000 v4"      },
        {HM_SERVER_MEMCACHED,  {"-vs /run/x\n"},                                             "none"          },
        {HM_SERVER_MEMCACHED,  {"-um\n-P/run/lps\n-vup\n"},                                  "11211"         },
        {HM_SERVER_MEMCACHED,  {"-jp 41000\n"},                                              "?"             },
        {HM_SERVER_MEMCACHED,  {"-p 0\n"},                                                   "none"          },
        {HM_SERVER_MEMCACHED,  {"#-p 9\n-P /run/memcached.pid\n"},                           "11211"         },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        char out[128];

        print_message("case %zu: %s\n", i, cases[i].texts[0]);
        take(cases[i].kind, "", cases[i].texts, out);
        assert_string_equal(out, cases[i].expected);
    }
}

static void test_instances(void **state)
{
    static const char *const texts[] = {
        "[mysqld]\nport=3307\n[mariadbd.blue]\nport=3308\n[mysqld@green]\nport=3309\n"};
    static const struct {
        const char *instance;
        const char *expected;
    } cases[] = {
        {"blue",  "3308"},
        {"green", "3309"},
        {"other", "3307"},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        char out[128];

        take(HM_SERVER_MYSQL, cases[i].instance, texts, out);
        assert_string_equal(out, cases[i].expected);
    }
}

/* The command line outranks what files say; of SSH there may be several. */
static void test_command_line(void **state)
{
    static const char text[] = "port 6380\n";
    struct hm_server_settings settings;
    char out[128];

    (void)state;
    hm_server_settings_init(&settings, HM_SERVER_REDIS);
    assert_true(hm_server_settings_fix(&settings, (struct hm_span){"7000", 4}));
    assert_false(hm_server_settings_fix(&settings, (struct hm_span){"x", 1}));
    assert_true(hm_server_settings_default(&settings, (struct hm_span){"7001", 4}));
    assert_true(hm_server_settings_take(&settings, (struct hm_span){text, sizeof(text) - 1}));
    write_ports(&settings, out);
    assert_string_equal(out, "7000");
    hm_server_settings_init(&settings, HM_SERVER_SSH);
    assert_true(hm_server_settings_fix(&settings, (struct hm_span){"2222", 4}));
    assert_true(hm_server_settings_fix(&settings, (struct hm_span){"2223", 4}));
    write_ports(&settings, out);
    assert_string_equal(out, "2222,2223");
}

/* Odd files end without harm: nothing, no text, one huge line, words without an end, very many
 * ports. */
static void test_odd(void **state)
{
    static const char huge_word[] = "port listen_addresses bind Include -l [mysqld] ";
    char *huge = malloc(300000);
    char many[8192] = "";
    char out[128];

    (void)state;
    assert_non_null(huge);
    for (size_t i = 0; i < 300000; i++) {
        huge[i] = huge_word[i % (sizeof(huge_word) - 1)];
    }
    for (unsigned i = 0; i < 400; i++) {
        (void)snprintf(many + strlen(many), sizeof(many) - strlen(many), "Port %u\n", 2000 + i);
    }
    for (unsigned kind = 0; kind < HM_SERVER_KINDS; kind++) {
        static const char *const odd[] = {"",
                                          "\n\r\n\r",
                                          "=",
                                          "'",
                                          "port",
                                          "port=",
                                          "port='",
                                          "[",
                                          "[mysqld",
                                          "!",
                                          "!includedir",
                                          "-",
                                          "-p",
                                          "-l",
                                          "bind",
                                          "ListenAddress :",
                                          "Include",
                                          "\xff\xfe\xfd",
                                          "include",
                                          "listen_addresses="};

        for (size_t i = 0; i < HM_COUNT(odd); i++) {
            struct hm_server_settings settings;

            hm_server_settings_init(&settings, (enum hm_server_kind)kind);
            assert_true(
                hm_server_settings_take(&settings, (struct hm_span){odd[i], strlen(odd[i])}));
            write_ports(&settings, out);
        }
        for (size_t len = 0; len < 300000; len += 29989) {
            struct hm_server_settings settings;

            hm_server_settings_init(&settings, (enum hm_server_kind)kind);
            assert_true(hm_server_settings_take(&settings, (struct hm_span){huge, len}));
            write_ports(&settings, out);
        }
        {
            struct hm_server_settings settings;

            hm_server_settings_init(&settings, (enum hm_server_kind)kind);
            assert_true(hm_server_settings_take(&settings, (struct hm_span){"port\0 1", 7}));
            assert_non_null(settings.doubt);
        }
    }
    {
        struct hm_server_settings settings;

        hm_server_settings_init(&settings, HM_SERVER_SSH);
        assert_true(hm_server_settings_take(&settings, (struct hm_span){many, strlen(many)}));
        assert_non_null(settings.doubt);
    }
    free(huge);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_instances),
        cmocka_unit_test(test_command_line),
        cmocka_unit_test(test_odd),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
