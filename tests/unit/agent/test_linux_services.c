/* tests/unit/agent/test_linux_services.c — services of systemd from files alone: a host below a
 * folder, with the unit files of Debian's packages.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/linux/linux.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/platform/platform.h"
#include "agent/run_memory.h"
#include "common/wire/records.h"
#include "tests/support/inventory_builder.h"
#include "tests/support/linux_files.h"

#define ROOT HM_BINARY_DIR "/linux_services"
#define SLICE "/sys/fs/cgroup/system.slice/"
#define UP "populated 1\nfrozen 0\n"

static const struct linux_file files[] = {
    {LIB "default.target",                                                         "-> graphical.target"                                                  },
    {LIB "graphical.target",                                                       "[Unit]\nRequires=multi-user.target\nWants=display-manager.service\n"  },
    {LIB "multi-user.target",                                                      "[Unit]\nRequires=basic.target\n"                                      },
    {LIB "basic.target",                                                           "[Unit]\nRequires=sysinit.target\nWants=sockets.target timers.target\n"},
    {LIB "sysinit.target",                                                         "[Unit]\n"                                                             },
    {LIB "sockets.target",                                                         "[Unit]\n"                                                             },
    {LIB "timers.target",                                                          "[Unit]\n"                                                             },
    {"/run/systemd/system/.keep",                                                  ""                                                                     },
    {SLICE "cgroup.events",                                                        UP                                                                     },

 /* A plain daemon, down; its name is bind9, too. */
    {LIB "named.service",
     "[Unit]\nWants=nss-lookup.target\n[Service]\nType=notify\nEnvironmentFile=-/etc/default/"
     "named\n"
     "ExecStart=/usr/sbin/named -f $OPTIONS\n[Install]\nWantedBy=multi-user.target\n"                                                                     },
    {ETC "bind9.service",                                                          "-> ../../../usr/lib/systemd/system/named.service"                     },
    {MULTI "named.service",                                                        "-> ../../../../usr/lib/systemd/system/named.service"                  },
    {LIB "named-resolvconf.service",
     "[Unit]\nRequisite=bind9.service\nPartOf=bind9.service\n[Service]\nType=simple\n"
     "ExecStart=/bin/sh -c 'sleep 9'\n"                                                                                                                   },
    {SLICE "named-resolvconf.service/cgroup.events",                               UP                                                                     },

 /* Forking, and up. */
    {LIB "nginx.service",                                                          "[Service]\nType=forking\nExecStartPre=/usr/sbin/nginx -t\n"
                          "ExecStart=/usr/sbin/nginx -g 'daemon on; master_process on;'\n"                                       },
    {MULTI "nginx.service",                                                        "-> /lib/systemd/system/nginx.service"                                 },
    {SLICE "nginx.service/cgroup.events",                                          UP                                                                     },
    {"/run/systemd/units/invocation:nginx.service",                                "-> 0123456789abcdef0123456789abcdef"                                  },

 /* A shell starts it; up without processes of its own level. */
    {LIB "mariadb.service",                                                        "[Service]\nType=notify\nExecStart=/bin/sh -c \"set -f; \\\n"
                            "  exec /usr/sbin/mariadbd\"\n"                                                                    },
    {ETC "mysql.service",                                                          "-> /lib/systemd/system/mariadb.service"                               },
    {MULTI "mariadb.service",                                                      "-> /lib/systemd/system/mariadb.service"                               },
    {SLICE "mariadb.service/cgroup.events",                                        UP                                                                     },

 /* A wrapper that is done at once, and its instances by a generator. */
    {LIB "postgresql.service",
     "[Service]\nType=oneshot\nExecStart=/bin/true\nRemainAfterExit=on\n"                                                                                 },
    {MULTI "postgresql.service",                                                   "-> /lib/systemd/system/postgresql.service"                            },
    {LIB "postgresql@.service",
     "[Unit]\nAssertPathExists=/etc/postgresql/%I/postgresql.conf\nPartOf=postgresql.service\n"
     "[Service]\nType=forking\nExecStart=-/usr/bin/pg_ctlcluster --skip-systemctl-redirect %i "
     "start\n"                                                                                                                                            },
    {"/run/systemd/generator/postgresql.service.wants/postgresql@15-main.service",
     "-> /lib/systemd/system/postgresql@.service"                                                                                                         },
    {"/run/systemd/generator/postgresql.service.wants/postgresql@15-gone.service",
     "-> /lib/systemd/system/postgresql@.service"                                                                                                         },
    {"/run/systemd/generator/postgresql.service.wants/postgresql@15-up.service",
     "-> /lib/systemd/system/postgresql@.service"                                                                                                         },
    {"/etc/postgresql/15/main/postgresql.conf",                                    "port = 5432\n"                                                        },
    {SLICE "system-postgresql.slice/postgresql@15-up.service/cgroup.events",       UP                                                                     },

 /* Requires a socket that activates it; both are enabled. */
    {LIB "docker.service",
     "[Unit]\nWants=containerd.service\nRequires=docker.socket\n[Service]\nType=notify\n"
     "ExecStart=/usr/sbin/dockerd -H fd://\nStartLimitBurst=3\n"                                                                                          },
    {LIB "docker.socket",                                                          "[Socket]\nListenStream=/run/docker.sock\n"                            },
    {MULTI "docker.service",                                                       "-> /lib/systemd/system/docker.service"                                },
    {ETC "sockets.target.wants/docker.socket",                                     "-> /lib/systemd/system/docker.socket"                                 },
    {LIB "containerd.service",                                                     "[Service]\nType=notify\nExecStart=/usr/bin/containerd\n"              },

 /* By its socket alone; and one that starts an instance for each connection. */
    {LIB "ssh.service",
     "[Unit]\nConditionPathExists=!/etc/ssh/sshd_not_to_be_run\n[Service]\nType=notify\n"
     "ExecStart=/usr/sbin/sshd -D $SSHD_OPTS\n"                                                                                                           },
    {LIB "ssh.socket",                                                             "[Socket]\nListenStream=22\nAccept=no\n"                               },
    {ETC "sockets.target.wants/ssh.socket",                                        "-> /lib/systemd/system/ssh.socket"                                    },
    {LIB "telnet@.service",                                                        "[Service]\nExecStart=-/usr/sbin/telnetd\n"                            },
    {LIB "telnet.socket",                                                          "[Socket]\nListenStream=23\nAccept=yes\n"                              },
    {ETC "sockets.target.wants/telnet.socket",                                     "-> /lib/systemd/system/telnet.socket"                                 },

 /* Another name for one that a package's link starts. */
    {LIB "systemd-resolved.service",                                               "[Service]\nType=notify\nExecStart=!!/usr/lib/systemd/"
                                     "systemd-resolved\n"                                                             },
    {ETC "dbus-org.freedesktop.resolve1.service",
     "-> /usr/lib/systemd/system/systemd-resolved.service"                                                                                                },
    {ETC "sysinit.target.wants/systemd-resolved.service",
     "-> /usr/lib/systemd/system/systemd-resolved.service"                                                                                                },
    {SLICE "systemd-resolved.service/cgroup.events",                               UP                                                                     },

 /* Dependencies, in a drop-in and by a link. */
    {LIB "rabbitmq-server.service",
     "[Unit]\nWants=network.target epmd.socket\n[Service]\nType=notify\n"
     "ExecStart=/usr/lib/rabbitmq/bin/rabbitmq-server\n"                                                                                                  },
    {MULTI "rabbitmq-server.service",                                              "-> /lib/systemd/system/rabbitmq-server.service"                       },
    {ETC "rabbitmq-server.service.d/50-local.conf",
     "[Unit]\nBindsTo=named.service\n[Service]\nExecStart=\nExecStart=/opt/mq/bin/mq-server %n\n"                                                         },
    {ETC "rabbitmq-server.service.requires/nginx.service",                         "-> /lib/systemd/system/nginx.service"                                 },

 /* Conditions, a terminal, a mask, an empty file, a device, a session. */
    {LIB "conditioned.service",
     "[Unit]\nConditionVirtualization=!container\n[Service]\nExecStart=/usr/sbin/conditioned\n"                                                           },
    {MULTI "conditioned.service",                                                  "-> /lib/systemd/system/conditioned.service"                           },
    {LIB "devised.service",
     "[Unit]\nConditionPathExists=!/dev/no-such-device\n[Service]\nExecStart=/bin/devised\n"                                                              },
    {MULTI "devised.service",                                                      "-> /lib/systemd/system/devised.service"                               },
    {LIB "freed.service",
     "[Unit]\nConditionVirtualization=!container\n[Service]\nExecStart=/usr/sbin/freed\n"                                                                 },
    {MULTI "freed.service",                                                        "-> /lib/systemd/system/freed.service"                                 },
    {ETC "freed.service.d/free.conf",                                              "[Unit]\nConditionVirtualization=\n"                                   },
    {LIB "getty@.service",                                                         "[Service]\nExecStart=-/sbin/agetty $TERM\nTTYPath=/dev/%I\n"          },
    {ETC "getty.target.wants/getty@tty1.service",                                  "-> /lib/systemd/system/getty@.service"                                },
    {LIB "getty.target",                                                           "[Unit]\n"                                                             },
    {LIB "multi-user.target.wants/getty.target",                                   "-> ../getty.target"                                                   },
    {MULTI "masked.service",                                                       "-> /lib/systemd/system/masked.service"                                },
    {LIB "masked.service",                                                         "[Service]\nExecStart=/usr/sbin/masked\n"                              },
    {ETC "masked.service",                                                         "-> /dev/null"                                                         },
    {SLICE "masked.service/cgroup.events",                                         UP                                                                     },
    {MULTI "emptied.service",                                                      "-> /lib/systemd/system/emptied.service"                               },
    {LIB "emptied.service",                                                        "[Service]\nExecStart=/usr/sbin/emptied\n"                             },
    {ETC "emptied.service",                                                        ""                                                                     },
    {LIB "modem.service",
     "[Unit]\nBindsTo=dev-modem.device\n[Service]\nExecStart=/usr/sbin/modem\n"                                                                           },
    {MULTI "modem.service",                                                        "-> /lib/systemd/system/modem.service"                                 },
    {MULTI "gone.service",                                                         "-> /lib/systemd/system/gone.service"                                  },

 /* Not started at boot; jobs of timers; basic services of packages; of moments and of users. */
    {LIB "sleep.target",                                                           "[Unit]\n"                                                             },
    {ETC "sleep.target.wants/grub-common.service",                                 "-> /lib/systemd/system/grub-common.service"                           },
    {LIB "grub-common.service",                                                    "[Service]\nExecStart=/bin/grub\n"                                     },
    {LIB "byhand.service",                                                         "[Service]\nExecStart=/usr/bin/python3 /opt/byhand.py\n"               },
    {SLICE "byhand.service/cgroup.events",                                         UP                                                                     },
    {LIB "logrotate.timer",                                                        "[Timer]\nOnCalendar=daily\n"                                          },
    {LIB "logrotate.service",                                                      "[Service]\nType=oneshot\nExecStart=/usr/sbin/logrotate\n"             },
    {ETC "timers.target.wants/logrotate.timer",                                    "-> /lib/systemd/system/logrotate.timer"                               },
    {SLICE "logrotate.service/cgroup.events",                                      UP                                                                     },
    {LIB "sysinit.target.wants/basic.service",                                     "-> ../basic.service"                                                  },
    {LIB "basic.service",                                                          "[Service]\nExecStart=/bin/basic\n"                                    },
    {SLICE "run-u12.service/cgroup.events",                                        UP                                                                     },
    {"/run/systemd/transient/backup.service",                                      "[Service]\nExecStart=\"/usr/bin/rsync\" -a\n"                         },
    {SLICE "backup.service/cgroup.events",                                         UP                                                                     },
    {SLICE "user@0.service/cgroup.events",                                         UP                                                                     },
    {"/sys/fs/cgroup/user.slice/user-0.slice/sync.service/cgroup.events",          UP                                                                     },
 /* A slice of its own; a group without processes is no service that runs. */
    {LIB "sliced.service",                                                         "[Service]\nSlice=own.slice\nExecStart=\"/opt/s l/sliced\" -x\n"       },
    {MULTI "sliced.service",                                                       "-> /lib/systemd/system/sliced.service"                                },
    {"/sys/fs/cgroup/own.slice/sliced.service/cgroup.events",                      UP                                                                     },
    {LIB "idle.service",                                                           "[Service]\nExecStart=/usr/sbin/idle\n"                                },
    {MULTI "idle.service",                                                         "-> /lib/systemd/system/idle.service"                                  },
    {SLICE "idle.service/cgroup.events",                                           "populated 0\nfrozen 0\n"                                              },

    {"/proc/sys/net/ipv4/ip_local_port_range",                                     "32768\t60999\n"                                                       },
    {"/proc/sys/net/ipv4/ip_local_reserved_ports",                                 "\n"                                                                   },
    {"/proc/sys/kernel/random/boot_id",                                            "b7b7b7b7-0000-4000-8000-000000000001\n"                               },
    {"/proc/uptime",                                                               "86400.12 100000.00\n"                                                 },
    {"/proc/net/tcp",                                                              "  sl  local_address\n"                                                },
    {"/proc/net/udp",                                                              "  sl  local_address\n"                                                },
};

static void put_file(const char *path, const char *text)
{
    linux_files_put(ROOT, path, text);
}

static void remove_file(const char *path)
{
    char full[1024];

    (void)snprintf(full, sizeof(full), "%s%s", ROOT, path);
    assert_int_equal(unlink(full), 0);
}

static int set_up(void **state)
{
    return linux_files_start(ROOT, files, HM_COUNT(files), state);
}

static void observe(struct hm_arena *arena, struct hm_observation *out)
{
    linux_files_observe(ROOT, arena, out);
}

struct expected {
    const char *name;
    enum hm_service_start start;
    int runs; /* 1 yes, 0 no, -1 unknown */
    const char *program;
    const char *depends_on; /* NULL unknown */
};

static const struct expected services[] = {
    {"backup",             HM_START_DISABLED,  1,  "rsync",            ""           },
    {"byhand",             HM_START_MANUAL,    1,  "python3",          ""           },
    {"conditioned",        HM_START_AUTOMATIC, -1, "conditioned",      ""           },
    {"containerd",         HM_START_AUTOMATIC, 0,  "containerd",       ""           },
    {"devised",            HM_START_AUTOMATIC, -1, "devised",          ""           },
    {"docker",             HM_START_TRIGGERED, 0,  "dockerd",          ""           },
    {"freed",              HM_START_AUTOMATIC, 0,  "freed",            ""           },
    {"getty@tty1",         HM_START_AUTOMATIC, -1, "agetty",           ""           },
    {"idle",               HM_START_AUTOMATIC, 0,  "idle",             ""           },
    {"mariadb",            HM_START_AUTOMATIC, 1,  "",                 ""           },
    {"masked",             HM_START_DISABLED,  1,  "",                 NULL         },
    {"modem",              HM_START_AUTOMATIC, -1, "modem",            ""           },
    {"named",              HM_START_AUTOMATIC, 0,  "named",            ""           },
    {"named-resolvconf",   HM_START_MANUAL,    1,  "",                 "named"      },
    {"nginx",              HM_START_AUTOMATIC, 1,  "nginx",            ""           },
    {"postgresql",         HM_START_AUTOMATIC, -1, "",                 ""           },
    {"postgresql@15-gone", HM_START_AUTOMATIC, -1, "pg_ctlcluster",    "postgresql" },
    {"postgresql@15-main", HM_START_AUTOMATIC, 0,  "pg_ctlcluster",    "postgresql" },
    {"postgresql@15-up",   HM_START_AUTOMATIC, 1,  "pg_ctlcluster",    "postgresql" },
    {"rabbitmq-server",    HM_START_AUTOMATIC, 0,  "mq-server",        "named,nginx"},
    {"sliced",             HM_START_AUTOMATIC, 1,  "sliced",           ""           },
    {"ssh",                HM_START_TRIGGERED, 0,  "sshd",             ""           },
    {"systemd-resolved",   HM_START_AUTOMATIC, 1,  "systemd-resolved", ""           },
};

static const char *join(const struct hm_strings *names, struct hm_arena *arena)
{
    const char *text = "";

    for (size_t i = 0; i < names->count; i++) {
        text = hm_arena_printf(arena, "%s%s%s", text, i == 0 ? "" : ",", names->at[i]);
        assert_non_null(text);
    }
    return text;
}

static int runs_of(const struct hm_service *service)
{
    return !service->has_runs ? -1 : service->runs;
}

static void test_each_kind(void **state)
{
    struct hm_arena *arena = *state;
    struct hm_observation seen;

    observe(arena, &seen);
    assert_true(seen.has_uptime && seen.uptime_s == 86400);
    for (size_t i = 0; i < seen.inventory.service_details.count; i++) {
        const struct hm_service *service = &seen.inventory.service_details.at[i];
        const struct expected *row = &services[i];

        print_message("%s %s %d %s\n", service->name, hm_service_start_names[service->start],
                      runs_of(service), service->program);
        assert_true(i < HM_COUNT(services));
        assert_string_equal(service->name, row->name);
        assert_int_equal(service->start, row->start);
        assert_int_equal(runs_of(service), row->runs);
        assert_string_equal(service->program, row->program);
        assert_int_equal(service->has_depends_on, row->depends_on != NULL);
        if (row->depends_on != NULL) {
            assert_string_equal(join(&service->depends_on, arena), row->depends_on);
        }
        assert_string_equal(seen.inventory.services.at[i], row->name);
    }
    assert_int_equal(seen.inventory.service_details.count, HM_COUNT(services));
    assert_int_equal(seen.inventory.services.count, HM_COUNT(services));
    assert_int_equal(seen.instances.count, 1);
    assert_string_equal(seen.instances.at[0].service, "nginx");
    assert_true(seen.instances.at[0].number == 0x0123456789abc);
    for (size_t i = 0; i < seen.unknown.count; i++) {
        assert_null(strstr(seen.unknown.at[i], "services"));
    }
}

static const struct hm_service *find(const struct hm_observation *seen, const char *name)
{
    const struct hm_service *service = hm_inventory_service(&seen->inventory, name);

    assert_non_null(service);
    return service;
}

static bool is_unknown(const struct hm_observation *seen, const char *part)
{
    for (size_t i = 0; i < seen->unknown.count; i++) {
        if (strstr(seen->unknown.at[i], part) != NULL) {
            return true;
        }
    }
    return false;
}

/* Where systemd does not run, an enabled service that has no process is not down. */
static void test_without_systemd(void **state)
{
    struct hm_observation seen;

    remove_file("/run/systemd/system/.keep");
    assert_int_equal(rmdir(ROOT "/run/systemd/system"), 0);
    observe(*state, &seen);
    assert_int_equal(find(&seen, "named")->start, HM_START_AUTOMATIC);
    assert_int_equal(runs_of(find(&seen, "named")), -1);
    assert_int_equal(runs_of(find(&seen, "nginx")), -1);
    assert_true(is_unknown(&seen, "which services run: systemd does not run this system"));
    assert_true(seen.inventory.services_partial);
}

/* The control groups of version 1: of a unit with processes of its own, with some below, without.
 */
static void test_groups_of_version_1(void **state)
{
    static const char *const groups[][2] = {
        {"named.service/cgroup.procs",          "812\n"},
        {"freed.service/cgroup.procs",          ""     },
        {"freed.service/init/cgroup.procs",     "900\n"},
        {"idle.service/cgroup.procs",           ""     },
        {"idle.service/sub.scope/cgroup.procs", ""     },
    };
    struct hm_observation seen;

    for (size_t i = 0; i < HM_COUNT(groups); i++) {
        char path[256];

        (void)snprintf(path, sizeof(path), "/sys/fs/cgroup/systemd/system.slice/%s", groups[i][0]);
        put_file(path, groups[i][1]);
    }
    observe(*state, &seen);
    assert_int_equal(runs_of(find(&seen, "named")), 1);
    assert_int_equal(runs_of(find(&seen, "freed")), 1);
    assert_int_equal(runs_of(find(&seen, "idle")), 0);
}

/* A boot into another target starts other services. */
static void test_other_target(void **state)
{
    struct hm_observation seen;

    put_file("/proc/cmdline", "root=/dev/vda1 rescue quiet\n");
    observe(*state, &seen);
    assert_null(hm_inventory_service(&seen.inventory, "named"));
    assert_int_equal(find(&seen, "nginx")->start, HM_START_MANUAL); /* somebody started it */
    put_file("/proc/cmdline", "root=/dev/vda1 systemd.unit=multi-user.target\n");
    observe(*state, &seen);
    assert_int_equal(runs_of(find(&seen, "named")), 0);
}

static void look_again(struct hm_platform *platform, struct hm_arena *arena,
                       struct hm_observation *out)
{
    hm_arena_reset(arena); /* what was returned is gone: what is kept must not be in there */
    assert_int_equal(hm_platform_native.observe(platform, arena, out, NULL), HM_OK);
}

/* Units are read once as long as nothing changes; every change is seen by the next look. */
static void test_later_looks(void **state)
{
    struct hm_arena *arena = *state;
    struct hm_platform *platform;
    struct hm_observation seen;

    assert_int_equal(hm_platform_native.open(ROOT, &platform, NULL), HM_OK);
    for (int i = 0; i < 3; i++) {
        look_again(platform, arena, &seen);
        assert_int_equal(seen.inventory.service_details.count, HM_COUNT(services));
        assert_int_equal(runs_of(find(&seen, "named")), 0);
        assert_string_equal(find(&seen, "rabbitmq-server")->program, "mq-server");
        assert_string_equal(join(&find(&seen, "rabbitmq-server")->depends_on, arena),
                            "named,nginx");
    }
    put_file(SLICE "named.service/cgroup.events", UP); /* started */
    put_file(MULTI "late.service", "-> /lib/systemd/system/late.service");
    put_file(LIB "late.service", "[Service]\nExecStart=/bin/late\n");
    put_file(ETC "rabbitmq-server.service.d/50-local.conf", "[Service]\n");
    put_file("/etc/postgresql/15/gone/postgresql.conf", "\n");
    look_again(platform, arena, &seen);
    assert_int_equal(runs_of(find(&seen, "named")), 1);
    assert_int_equal(runs_of(find(&seen, "late")), 0);
    assert_string_equal(find(&seen, "rabbitmq-server")->program, "rabbitmq-server");
    assert_int_equal(runs_of(find(&seen, "postgresql@15-gone")), 0); /* its assertion holds now */
    put_file(ETC "late.service", "-> /dev/null");                    /* masked */
    put_file("/run/systemd/generator.late/multi-user.target.wants/legacy.service",
             "-> ../legacy.service"); /* a folder that was not there */
    put_file("/run/systemd/generator.late/legacy.service",
             "[Service]\nType=forking\nRemainAfterExit=no\nExecStart=/etc/init.d/legacy start\n");
    look_again(platform, arena, &seen);
    assert_null(hm_inventory_service(&seen.inventory, "late"));
    assert_int_equal(runs_of(find(&seen, "legacy")), 0);
    hm_platform_native.close(platform);
}

/* The same host, recorded: what host.json tells of services are the same facts. */
static void test_recorded(void **state)
{
    struct hm_arena *arena = *state;
    struct hm_observation seen;
    struct hm_observation recorded;
    struct hm_platform *platform;
    struct hm_host_file file = {.name = "", .boot_id = ""};
    struct hm_buf json;

    observe(arena, &seen);
    file.has_os = true;
    file.os = seen.inventory.os;
    file.has_services = true;
    file.services = seen.inventory.services;
    file.has_service_details = true;
    file.service_details = seen.inventory.service_details;
    hm_buf_init(&json, 1u << 20);
    assert_int_equal(hm_record_encode(&hm_record_host_file, &file, &json, NULL), HM_OK);
    put_file("/recorded/host.json", hm_buf_text(&json));
    assert_int_equal(hm_platform_recorded.open(ROOT "/recorded", &platform, NULL), HM_OK);
    assert_int_equal(hm_platform_recorded.observe(platform, arena, &recorded, NULL), HM_OK);
    hm_platform_recorded.close(platform);
    assert_false(recorded.has_uptime);
    assert_int_equal(recorded.inventory.services.count, seen.inventory.services.count);
    assert_int_equal(recorded.inventory.service_details.count, HM_COUNT(services));
    for (size_t i = 0; i < HM_COUNT(services); i++) {
        const struct hm_service *service = &recorded.inventory.service_details.at[i];
        const struct hm_service *live = &seen.inventory.service_details.at[i];

        assert_string_equal(service->name, live->name);
        assert_string_equal(service->program, live->program);
        assert_int_equal(service->start, live->start);
        assert_int_equal(runs_of(service), runs_of(live));
        assert_int_equal(service->has_depends_on, live->has_depends_on);
        assert_string_equal(join(&service->depends_on, arena), join(&live->depends_on, arena));
    }
    hm_buf_fini(&json);
}

/* From the files to the finding: an agent that observes this host finds, within the hour, that
 * named is down and its port held, and says so in systemctl's words. */
static void test_found(void **state)
{
    struct hm_arena *arena = *state;
    struct hm_build *build = calloc(1, sizeof(*build));
    const struct hm_finding *finding = NULL;
    static const char *const commands[] = {
        ("echo 'net.ipv4.ip_local_reserved_ports = 40053,40080' > "
         "/etc/sysctl.d/zzzzzzzz-reserved-ports.conf"),
        "sysctl -p /etc/sysctl.d/zzzzzzzz-reserved-ports.conf",
        "systemctl stop byhand",
        "systemctl start named",
        "systemctl start rabbitmq-server",
        "systemctl start byhand",
    };
    struct hm_agent_runs *runs;
    int64_t found_s = 0;

    assert_non_null(build);
    remove_file(SLICE "masked.service/cgroup.events"); /* nobody knows what it depends on */
    assert_int_equal(rmdir(ROOT SLICE "masked.service"), 0);
    put_file("/state/.keep", "");
    assert_int_equal(hm_agent_runs_open(ROOT "/state", &runs, NULL), HM_OK);
    hm_build_init(build, NULL);
    (void)hm_build_require(build, hm_build_product(build, "dns", "named", NULL), "port", HM_TCP,
                           "40053", HM_KIND_SOCKET);
    (void)hm_build_require(build, hm_build_product(build, "web", "nginx", NULL), "port", HM_TCP,
                           "40080", HM_KIND_SOCKET);
    (void)hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_ESTABLISHED, 40053, "python3",
                          "byhand");
    (void)hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_ESTABLISHED, 40080, "python3",
                          "byhand");
    for (int64_t now_s = 100; found_s == 0 && now_s < 3600; now_s += 300) {
        struct hm_observation seen;
        char uptime[32];

        (void)snprintf(uptime, sizeof(uptime), "%d.50 1.00\n", (int)now_s);
        put_file("/proc/uptime", uptime);
        observe(arena, &seen);
        assert_int_equal(hm_agent_runs_note(runs, arena, &seen, NULL), HM_OK);
        build->inventory.has_services = true;
        build->inventory.services = seen.inventory.services;
        build->inventory.has_service_details = true;
        build->inventory.service_details = seen.inventory.service_details;
        hm_build_judge(build);
        finding = hm_build_finding(build, "service_not_running", "service named");
        found_s = finding == NULL ? 0 : now_s;
    }
    assert_in_range(found_s, HM_RUN_KNOWN_S, 3600);
    assert_null(hm_build_finding(build, "service_not_running", "service nginx"));
    assert_non_null(strstr(finding->text, "named starts by itself and does not run."));
    for (size_t i = 0; i < HM_COUNT(commands); i++) {
        assert_true(i < finding->commands.count);
        assert_string_equal(finding->commands.at[i], commands[i]);
    }
    hm_agent_runs_close(runs);
    hm_build_fini(build);
    free(build);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_each_kind, set_up, linux_files_stop),
        cmocka_unit_test_setup_teardown(test_without_systemd, set_up, linux_files_stop),
        cmocka_unit_test_setup_teardown(test_groups_of_version_1, set_up, linux_files_stop),
        cmocka_unit_test_setup_teardown(test_other_target, set_up, linux_files_stop),
        cmocka_unit_test_setup_teardown(test_later_looks, set_up, linux_files_stop),
        cmocka_unit_test_setup_teardown(test_recorded, set_up, linux_files_stop),
        cmocka_unit_test_setup_teardown(test_found, set_up, linux_files_stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
