/* tests/unit/agent/test_linux_server_settings.c — ports of servers, from their settings files.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "agent/platform/linux/linux.h"
#include "tests/support/linux_files.h"

#define ROOT HM_BINARY_DIR "/linux_server_settings"

static int set_up(void **state)
{
    return linux_files_start_booted(ROOT, state);
}

static void put_service(const char *name, const char *settings)
{
    char path[256];
    char link[256];
    char text[1024];

    (void)snprintf(path, sizeof(path), LIB "%s.service", name);
    (void)snprintf(link, sizeof(link), MULTI "%s.service", name);
    (void)snprintf(text, sizeof(text), "[Service]\n%s\n", settings);
    linux_files_put(ROOT, path, text);
    (void)snprintf(text, sizeof(text), "-> %s", path);
    linux_files_put(ROOT, link, text);
}

/* "ssh:22,2222 redis-server:none mariadb:? /etc/x could not be read" */
static void write_rows(struct hm_arena *arena, char *out, size_t size)
{
    struct hm_observation seen;
    const char *last = "";

    linux_files_observe(ROOT, arena, &seen);
    out[0] = '\0';
    for (size_t i = 0; i < seen.inventory.service_details.count; i++) {
        const char *service = seen.inventory.service_details.at[i].name;

        for (size_t k = 0; k < seen.inventory.configured.count; k++) {
            const struct hm_configured *row = &seen.inventory.configured.at[k];
            const size_t len = strlen(out);

            if (strcmp(row->service, service) != 0 ||
                (row->by != HM_BY_SETTINGS_PORT && row->by != HM_BY_SETTINGS_NO_PORT)) {
                continue;
            }
            (void)snprintf(out + len, size - len, "%s%s%s",
                           len == 0          ? ""
                           : last == service ? ","
                                             : " ",
                           last == service ? "" : service, last == service ? "" : ":");
            if (row->by == HM_BY_SETTINGS_NO_PORT) {
                (void)snprintf(out + strlen(out), size - strlen(out), "none");
            } else if (row->port == 0) {
                (void)snprintf(out + strlen(out), size - strlen(out), "? %s", row->subject);
            } else {
                (void)snprintf(out + strlen(out), size - strlen(out), "%u", (unsigned)row->port);
            }
            last = service;
        }
    }
}

struct file {
    const char *path;
    const char *text;
};

#define REDIS "ExecStart=/usr/bin/redis-server /etc/redis/redis.conf --supervised systemd"
#define MARIADB "ExecStart=/usr/sbin/mariadbd $MYSQLD_OPTS $_WSREP_NEW_CLUSTER"
#define SSH "EnvironmentFile=-/etc/default/ssh\nExecStart=/usr/sbin/sshd -D $SSHD_OPTS"
#define MEMCACHED                                                                                  \
    "ExecStart=/usr/share/memcached/scripts/systemd-memcached-wrapper /etc/memcached.conf"
#define POSTGRESQL                                                                                 \
    "Type=forking\nExecStart=-/usr/bin/pg_ctlcluster --skip-systemctl-redirect %i start"
#define MAIN "/etc/postgresql/15/main/"

static void test_rows(void **state)
{
    static const struct {
        const char *service;
        const char *unit;
        struct file files[4];
        const char *expected;
    } cases[] = {
        {"redis-server",       REDIS,                                                {{"/etc/redis/redis.conf", "port 41000\n"}},                                                "redis-server:41000"},
        {"redis-server",
         REDIS " --port 7000",
         {{"/etc/redis/redis.conf", "port 41000\n"}},
         "redis-server:7000"                                                                                                                                                                         },
        {"redis-server",       REDIS " --port $PORT",                                {{"/etc/redis/redis.conf", "port 41000\n"}},                                                ""                  },
        {"redis-server",       REDIS " $MORE",                                       {{"/etc/redis/redis.conf", "port 41000\n"}},                                                ""                  },
        {"redis-server",       REDIS,                                                {{"/etc/redis/redis.conf", "port 0\n"}},                                                    "redis-server:none" },
        {"redis-server",
         REDIS,                                                                      {{"/etc/redis/other.conf", "port 0\n"}},
         "redis-server:? /etc/redis/redis.conf is not there"                                                                                                                                         },
        {"redis-server",
         REDIS,                                                                      {{"/etc/redis/redis.conf", "include /etc/redis/a.conf\nport 1\n"},
          {"/etc/redis/a.conf", "include /etc/redis/redis.conf\n"}},
         "redis-server:? /etc/redis/redis.conf is one file too many, or included in a loop"                                                                                                          },
        {"redis-server",
         REDIS,                                                                      {{"/etc/redis/redis.conf/x", "port 0\n"}},
         "redis-server:? /etc/redis/redis.conf is not a file"                                                                                                                                        },
        {"redis-server",
         REDIS,                                                                      {{"/etc/redis/redis.conf", "-> redis.conf"}},
         "redis-server:? /etc/redis/redis.conf could not be read"                                                                                                                                    },
        {"redis-server",
         REDIS,                                                                      {{"/etc/redis/redis.conf", "include a.conf\nport 1\n"}},
         "redis-server:? /etc/redis/redis.conf includes a file by a path that is not read"                                                                                                           },
        {"redis-server",       "ExecStart=/opt/start-redis",                         {{"/etc/redis/redis.conf", "port 0\n"}},                                                    ""                  },
        {"redis-server@blue",
         "ExecStart=/usr/bin/redis-server /etc/redis/redis-%i.conf",                 {{"/etc/redis/redis-blue.conf", "port 41001\n"}},
         "redis-server@blue:41001"                                                                                                                                                                   },

        {"mariadb",
         MARIADB,                                                                    {{"/etc/mysql/my.cnf", "!includedir /etc/mysql/mariadb.conf.d/\n"},
          {"/etc/mysql/mariadb.conf.d/50-server.cnf", "[mysqld]\nport = 3307\n"},
          {"/etc/mysql/mariadb.conf.d/60-mine.cnf", "[mariadbd]\nport = 41000\n"},
          {"/etc/mysql/mariadb.conf.d/70-old.cnf.bak", "[mariadbd]\nport = 9\n"}},
         "mariadb:41000"                                                                                                                                                                             },
        {"mariadb",
         MARIADB,                                                                    {{"/etc/mysql/my.cnf", "[mysqld]\nskip-networking\n"}},
         "mariadb:none"                                                                                                                                                                              },
        {"mariadb",
         MARIADB,                                                                    {{"/etc/mysql/my.cnf", "!include /etc/mysql/no.cnf\n"}},
         "mariadb:? /etc/mysql/no.cnf is included and is not there"                                                                                                                                  },
        {"mariadb",            MARIADB,                                              {{"/etc/other", ""}},                                                                       ""                  },
        {"mariadb",
         "Environment=MYSQLD_OPTS=--port=5\n" MARIADB,
         {{"/etc/mysql/my.cnf", "[mysqld]\nport = 3307\n"}},
         ""                                                                                                                                                                                          },
        {"mariadb",
         "Environment=MYSQL_TCP_PORT=41107\n" MARIADB,
         {{"/etc/mysql/my.cnf", "[mysqld]\n"}},
         "mariadb:41107"                                                                                                                                                                             },
        {"mariadb",
         "Environment=LANG=C \"MYSQL_TCP_PORT=41107\"\n" MARIADB,
         {{"/etc/mysql/my.cnf", "[mysqld]\nport = 3307\n"}},
         "mariadb:3307"                                                                                                                                                                              },
        {"mariadb",
         "Environment=MYSQL_TCP_PORT=41107\nEnvironment=\n" MARIADB,
         {{"/etc/mysql/my.cnf", "[mysqld]\n"}},
         "mariadb:3306"                                                                                                                                                                              },
        {"mariadb",
         "EnvironmentFile=-/etc/default/%p\n" MARIADB,
         {{"/etc/mysql/my.cnf", "[mysqld]\n"},
          {"/etc/default/mariadb", "#x\nMYSQL_TCP_PORT = '41107'\n"}},
         "mariadb:41107"                                                                                                                                                                             },
        {"mariadb",
         "EnvironmentFile=-/etc/default/mariadb\n" MARIADB,
         {{"/etc/mysql/my.cnf", "[mysqld]\n"}},
         "mariadb:3306"                                                                                                                                                                              },
        {"mariadb",
         "EnvironmentFile=/etc/default/maria*\n" MARIADB,
         {{"/etc/mysql/my.cnf", "[mysqld]\n"}},
         ""                                                                                                                                                                                          },
        {"mariadb",
         "PassEnvironment=MYSQL_TCP_PORT\n" MARIADB,
         {{"/etc/mysql/my.cnf", "[mysqld]\n"}},
         "mariadb:? mariadb.service has a variable for the port, or a file with variables, that is "
         "not read"                                                                                                                                                                                  },
        {"mariadb",
         "EnvironmentFile=-/etc/default/mariadb\n" MARIADB,
         {{"/etc/mysql/my.cnf", "[mysqld]\n"}, {"/etc/default/mariadb", "MYSQLD_OPTS=--port=5\n"}},
         ""                                                                                                                                                                                          },
        {"mariadb@blue",
         MARIADB,                                                                    {{"/etc/my.cnf", "[mysqld.blue]\nport = 41000\n"}},
         "mariadb@blue:41000"                                                                                                                                                                        },
        {"mysql",
         "ExecStart=/usr/sbin/mysqld --port=3310",                                   {{"/etc/my.cnf", "[mysqld]\nport = 41000\n"}},
         "mysql:3310"                                                                                                                                                                                },
        {"mysql",
         "Environment=MYSQL_TCP_PORT=3306\nExecStart=/usr/sbin/mysqld --port=41000", {{"/etc/my.cnf", "[mysqld]\n"}},
         "mysql:41000"                                                                                                                                                                               },
        {"mysql",
         "ExecStart=/usr/sbin/mysqld",                                               {{"/etc/mysql/my.cnf", "[mysqld]\nport = 41000\n"},
          {"/var/lib/mysql/mysqld-auto.cnf", "{\"mysql_server\": {\"port\": 1}}"}},
         "mysql:? /var/lib/mysql/mysqld-auto.cnf has settings that are not read"                                                                                                                     },

        {"mysql",
         "ExecStart=/usr/sbin/mysqld --defaults-file=/etc/my.cnf",                   {{"/etc/my.cnf", "[mysqld]\n"},
          {"/var/lib/mysql/mysqld-auto.cnf", "{\"mysql_server\": {\"port\": 1}}"}},
         "mysql:? /var/lib/mysql/mysqld-auto.cnf has settings that are not read"                                                                                                                     },
        {"mysql",
         "ExecStart=/usr/sbin/mysqld",                                               {{"/etc/my.cnf", "[mysqld]\ndatadir=/srv/mysql/\n"},
          {"/srv/mysql/mysqld-auto.cnf", "{\"mysql_server\": {\"port\": 1}}"}},
         "mysql:? /srv/mysql/mysqld-auto.cnf has settings that are not read"                                                                                                                         },
        {"mysql",
         "ExecStart=/usr/sbin/mysqld --datadir=/srv/b",                              {{"/etc/my.cnf", "[mysqld]\ndatadir=/srv/a\n"},
          {"/srv/b/mysqld-auto.cnf", "{\"mysql_server\": {\"port\": 1}}"}},
         "mysql:? /srv/b/mysqld-auto.cnf has settings that are not read"                                                                                                                             },
        {"mysql",
         "ExecStart=/usr/sbin/mysqld -h /srv/b",                                     {{"/etc/my.cnf", "[mysqld]\ndatadir=/srv/a\n"},
          {"/srv/a/mysqld-auto.cnf", "{\"mysql_server\": {\"port\": 1}}"}},
         "mysql:3306"                                                                                                                                                                                },
        {"mysql",
         "ExecStart=/usr/sbin/mysqld",                                               {{"/etc/my.cnf", "[mysqld]\ndatadir=data\n"}},
         "mysql:? /etc/my.cnf has a datadir that is not a full path"                                                                                                                                 },
        {"ssh",
         SSH,                                                                        {{"/etc/ssh/sshd_config", "Include /etc/ssh/sshd_config.d/*.conf\n#Port 22\n"},
          {"/etc/ssh/sshd_config.d/a.conf", "Port 41000\nMatch all\nPort 1\n"},
          {"/etc/ssh/sshd_config.d/b.conf", "Port 2222\n"},
          {"/etc/ssh/sshd_config.d/b.conf.old", "Port 2223\n"}},
         "ssh:1,2222,41000"                                                                                                                                                                          },
        {"ssh",
         SSH,                                                                        {{"/etc/ssh/sshd_config", "Include more\n"}, {"/etc/ssh/more", "Port 2222\n"}},
         "ssh:2222"                                                                                                                                                                                  },
        {"ssh",
         SSH,                                                                        {{"/etc/ssh/sshd_config", "\n"}, {"/etc/default/ssh", "SSHD_OPTS=\n"}},
         "ssh:22"                                                                                                                                                                                    },
        {"ssh",
         SSH,                                                                        {{"/etc/ssh/sshd_config", "\n"}, {"/etc/default/ssh", "SSHD_OPTS=\"-p 23\"\n"}},
         "ssh:? /etc/default/ssh has options for the server that are not read"                                                                                                                       },
        {"ssh",
         "ExecStart=/usr/sbin/sshd -D -p 2200 -p2201",                               {{"/etc/ssh/sshd_config", "Port 1\n"}},
         "ssh:2200,2201"                                                                                                                                                                             },
        {"ssh",
         "ExecStart=/usr/sbin/sshd -Dp 41000 -4ep2201",                              {{"/etc/ssh/sshd_config", "Port 1\n"}},
         "ssh:2201,41000"                                                                                                                                                                            },
        {"ssh",
         "ExecStart=/usr/sbin/sshd -Df /etc/ssh/other",                              {{"/etc/ssh/other", "Port 24\n"}},
         "ssh:24"                                                                                                                                                                                    },
        {"ssh",                "ExecStart=/usr/sbin/sshd -DoPort=24",                {{"/etc/ssh/sshd_config", "Port 1\n"}},                                                     ""                  },
        {"ssh",                "ExecStart=/usr/sbin/sshd -DZp 24",                   {{"/etc/ssh/sshd_config", "Port 1\n"}},                                                     ""                  },
        {"mysql",
         "ExecStart=/usr/sbin/mysqld -vP 41000",                                     {{"/etc/my.cnf", "[mysqld]\n"}},
         "mysql:41000"                                                                                                                                                                               },
        {"ssh",
         "ExecStart=/usr/sbin/sshd -D -f /etc/ssh/other",                            {{"/etc/ssh/other", "Port 24\n"}},
         "ssh:24"                                                                                                                                                                                    },
        {"ssh",
         "ExecStart=/usr/sbin/sshd -D -oPort=24",                                    {{"/etc/ssh/sshd_config", "Port 1\n"}},
         ""                                                                                                                                                                                          },
        {"ssh",
         SSH,                                                                        {{"/etc/ssh/sshd_config", "Port 41000\n"},
          {LIB "ssh.socket", "[Socket]\nListenStream=2222\n"},
          {ETC "sockets.target.wants/ssh.socket", "-> " LIB "ssh.socket"},
          {LIB "default.target", "[Unit]\nRequires=multi-user.target sockets.target\n"}},
         "ssh:2222"                                                                                                                                                                                  },
        {"ssh",
         SSH,                                                                        {{"/etc/ssh/sshd_config", "Port 41000\n"},
          {LIB "ssh.socket", "[Socket]\nListenStream=2222\n"}},
         "ssh:41000"                                                                                                                                                                                 },

        {"memcached",
         MEMCACHED,                                                                  {{"/etc/memcached.conf", "-d\n-p 41000\n-l 127.0.0.1\n"}},
         "memcached:41000"                                                                                                                                                                           },
        {"memcached",
         "ExecStart=/usr/bin/memcached -p 11212",                                    {{"/etc/memcached.conf", "-p 1\n"}},
         ""                                                                                                                                                                                          },

        {"postgresql",
         "Type=oneshot\nRemainAfterExit=on\nExecStart=/bin/true",                    {{"/etc/x", ""}},
         "postgresql:none"                                                                                                                                                                           },
        {"postgresql@15-main",
         POSTGRESQL,                                                                 {{MAIN "postgresql.conf", "port = 41000\n"}},
         "postgresql@15-main:41000"                                                                                                                                                                  },
        {"postgresql@15-main",
         POSTGRESQL,                                                                 {{MAIN "postgresql.conf", "data_directory = '/srv/pg'\nport = 5433\n"},
          {"/srv/pg/postgresql.auto.conf", "port = '41000'\n"}},
         "postgresql@15-main:41000"                                                                                                                                                                  },
        {"postgresql@15-main",
         POSTGRESQL,                                                                 {{MAIN "postgresql.conf", "port = 5433\ninclude_dir = 'conf.d'\n"},
          {MAIN "conf.d/a.conf", "port = 41000\n"}},
         "postgresql@15-main:41000"                                                                                                                                                                  },
        {"postgresql@15-main",
         POSTGRESQL,                                                                 {{MAIN "postgresql.conf", "port = 5433\n"},
          {MAIN "pg_ctl.conf", "pg_ctl_options = '-o \"-p 1\"'\n"}},
         "postgresql@15-main:? " MAIN "pg_ctl.conf has options for the server that are not read"                                                                                                     },
        {"postgresql@15-main",
         POSTGRESQL,                                                                 {{MAIN "postgresql.conf", "port = 5433\n"}, {MAIN "pg_ctl.conf", "pg_ctl_options = ''\n"}},
         "postgresql@15-main:5433"                                                                                                                                                                   },
        {"postgresql@15-main",
         POSTGRESQL,                                                                 {{"/etc/x", ""}},
         "postgresql@15-main:? " MAIN "postgresql.conf is not there"                                                                                                                                 },
        {"postgresql@15-main",
         POSTGRESQL,                                                                 {{MAIN "postgresql.conf", "listen_addresses = ''\nport = 5433\n"}},
         "postgresql@15-main:none"                                                                                                                                                                   },
        {"postgresql@15-main",
         POSTGRESQL,                                                                 {{MAIN "postgresql.conf", "#port = 5432\n"},
          {MAIN "environment", "# PGPORT = '1'\nPGPORT = '41009'\n"}},
         "postgresql@15-main:41009"                                                                                                                                                                  },
        {"postgresql@15-main",
         POSTGRESQL,                                                                 {{MAIN "postgresql.conf", "port = 5433\n"}, {MAIN "environment", "PGPORT = '41009'\n"}},
         "postgresql@15-main:5433"                                                                                                                                                                   },
        {"postgresql@15-main",
         POSTGRESQL,                                                                 {{MAIN "postgresql.conf", "\n"}, {MAIN "environment", "PGPORT = 'x'\n"}},
         "postgresql@15-main:? " MAIN "environment has a PGPORT that is not a port"                                                                                                                  },
        {"postgresql@15-main",
         POSTGRESQL " -- -o \"-p 41007\"",
         {{MAIN "postgresql.conf", "port = 5433\n"}},
         ""                                                                                                                                                                                          },
        {"postgresql@15-main",
         POSTGRESQL " -o -p41007",
         {{MAIN "postgresql.conf", "port = 5433\n"}},
         ""                                                                                                                                                                                          },
        {"postgresql@15-main",
         "ExecStart=/usr/lib/postgresql/15/bin/postgres -D /srv/pg -p 41007",        {{MAIN "postgresql.conf", "port = 5433\n"}},
         ""                                                                                                                                                                                          },
        {"nginx",              "ExecStart=/usr/sbin/nginx",                          {{"/etc/x", ""}},                                                                           ""                  },
    };

    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        char rows[512];

        print_message("case %zu: %s\n", i, cases[i].files[0].text);
        (void)linux_files_stop(state);
        (void)set_up(state);
        put_service(cases[i].service, cases[i].unit);
        for (size_t k = 0; k < HM_COUNT(cases[i].files) && cases[i].files[k].path != NULL; k++) {
            linux_files_put(ROOT, cases[i].files[k].path, cases[i].files[k].text);
        }
        write_rows(*state, rows, sizeof(rows));
        assert_string_equal(rows, cases[i].expected);
    }
}

/* A pipe in the place of a file would block whoever opens it, a large file fill the memory, and
 * very many files the time. */
static void test_odd_files(void **state)
{
    static char large[300000];
    char rows[512];
    char path[128];

    put_service("redis-server", REDIS);
    linux_files_put(ROOT, "/etc/redis/x", "");
    assert_int_equal(mkfifo(ROOT "/etc/redis/redis.conf", 0600), 0);
    write_rows(*state, rows, sizeof(rows));
    assert_string_equal(rows, "redis-server:? /etc/redis/redis.conf is not a file");
    memset(large, '#', sizeof(large) - 1);
    linux_files_put(ROOT, "/etc/redis/redis.conf", large);
    write_rows(*state, rows, sizeof(rows));
    assert_string_equal(rows, "redis-server:? /etc/redis/redis.conf is too large");
    linux_files_put(ROOT, "/etc/redis/redis.conf", "include /etc/redis/many/*.conf\n");
    for (unsigned i = 0; i < 100; i++) {
        (void)snprintf(path, sizeof(path), "/etc/redis/many/%03u.conf", i);
        linux_files_put(ROOT, path, "port 1\n");
    }
    write_rows(*state, rows, sizeof(rows));
    assert_string_equal(rows, "redis-server:? /etc/redis/many/063.conf is one file too many, or "
                              "included in a loop");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rows, set_up, linux_files_stop),
        cmocka_unit_test_setup_teardown(test_odd_files, set_up, linux_files_stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
