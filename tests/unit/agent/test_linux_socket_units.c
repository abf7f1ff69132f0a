/* tests/unit/agent/test_linux_socket_units.c — which socket unit has a port that process 1 keeps: a
 * host below a folder.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/platform/platform.h"
#include "common/base/str.h"
#include "tests/support/linux_files.h"

#define ROOT HM_BINARY_DIR "/linux_socket_units"

static void put_file(const char *path, const char *text)
{
    linux_files_put(ROOT, path, text);
}

/* What process 1 listens for: the socket unit of the port says it; enabled ones come first, and of
 * two services none is named. */
static void test_listeners_of_process_1(void **state)
{
    static const struct linux_file files[] = {
        {LIB "default.target",                         "[Unit]\nRequires=sockets.target\n"                },
        {LIB "sockets.target",                         "[Unit]\n"                                         },
        {"/run/systemd/system/.keep",                  ""                                                 },
        {"/sys/fs/cgroup/system.slice/cgroup.events",  "populated 1\n"                                    },
        {"/proc/sys/net/ipv4/ip_local_port_range",     "32768\t60999\n"                                   },
        {"/proc/sys/net/ipv4/ip_local_reserved_ports", "\n"                                               },
        {"/proc/sys/kernel/random/boot_id",            "b7b7b7b7-0000-4000-8000-000000000001\n"           },
        {"/proc/uptime",                               "86400.12 100000.00\n"                             },
        {LIB "ssh.service",                            "[Service]\nExecStart=/usr/sbin/sshd\n"            },
        {LIB "ssh.socket",                             "[Socket]\nListenStream=22\nAccept=no\n"           },
        {ETC "sockets.target.wants/ssh.socket",        "-> /lib/systemd/system/ssh.socket"                },
        {LIB "telnet.socket",                          "[Socket]\nListenStream=23\nAccept=yes\n"          },
        {ETC "sockets.target.wants/telnet.socket",     "-> /lib/systemd/system/telnet.socket"             },
        {"/proc/1/comm",                               "systemd\n"                                        },
        {"/proc/1/cgroup",                             "0::/init.scope\n"                                 },
        {LIB "cockpit.socket",                         "[Socket]\nListenStream=9090\n"                    },
        {ETC "sockets.target.wants/cockpit.socket",    "-> /lib/systemd/system/cockpit.socket"            },
        {ETC "cockpit.socket.d/listen.conf",           "[Socket]\nListenStream=\nListenStream=[::]:9091\n"},
        {LIB "unused.socket",                          "[Socket]\nListenStream=22\n"                      },
        {LIB "proxy-to-pg.socket",
         "[Socket]\nListenStream=0.0.0.0:5432\nService=pgproxy.service\n"                                 },
        {LIB "one.socket",                             "[Socket]\nListenDatagram=6969\n"                  },
        {LIB "two.socket",                             "[Socket]\nListenDatagram=6969\n"                  },
        {LIB "path.socket",                            "[Socket]\nListenStream=/run/a:7777\n"             },
    };
    static const struct {
        enum hm_protocol protocol;
        uint16_t port;
        const char *service;
    } wanted[] = {
        {HM_TCP, 22,   "ssh"    },
        {HM_TCP, 23,   "telnet" },
        {HM_TCP, 5432, "pgproxy"},
        {HM_TCP, 7777, ""       },
        {HM_TCP, 9090, ""       },
        {HM_TCP, 9091, "cockpit"},
        {HM_UDP, 6969, ""       },
    };
    char tables[2][2048] = {"  sl  local_address\n", "  sl  local_address\n"};
    struct hm_observation seen;

    (void)linux_files_start(ROOT, files, HM_COUNT(files), state);
    for (size_t i = 0; i < HM_COUNT(wanted); i++) {
        char *table = tables[wanted[i].protocol];
        const size_t len = strlen(table);
        char path[64];
        char link[64];

        (void)snprintf(table + len, sizeof(tables[0]) - len,
                       "%4zu: 00000000:%04X 00000000:0000 %s 00000000:00000000 00:00000000 "
                       "00000000     0        0 %zu 1 0000000000000000 100 0 0 10 0\n",
                       i, (unsigned)wanted[i].port, wanted[i].protocol == HM_TCP ? "0A" : "07",
                       700 + i);
        (void)snprintf(path, sizeof(path), "/proc/1/fd/%zu", 30 + i);
        (void)snprintf(link, sizeof(link), "-> socket:[%zu]", 700 + i);
        put_file(path, link);
    }
    put_file("/proc/net/tcp", tables[HM_TCP]);
    put_file("/proc/net/udp", tables[HM_UDP]);
    linux_files_observe(ROOT, *state, &seen);
    assert_int_equal(seen.inventory.listeners.count, HM_COUNT(wanted));
    for (size_t i = 0; i < HM_COUNT(wanted); i++) {
        const struct hm_listener *one = &seen.inventory.listeners.at[i];

        assert_int_equal(one->port, wanted[i].port);
        assert_string_equal(one->program, "systemd");
        assert_string_equal(one->service, wanted[i].service);
        assert_string_equal(seen.sockets.at[i].service, wanted[i].service);
    }
    (void)linux_files_stop(state);
}

/* The address of a socket unit says where its port is: in the families, or on one address of each.
 */
static void test_families(void **state)
{
    static const struct {
        const char *listens;
        enum hm_families families;
        const char *address; /* of all rows, with spaces between */
    } rows[] = {
        {"ListenStream=7001\n",                                                   HM_FAMILIES_BOTH, ""         },
        {"ListenStream=[::]:7001\n",                                              HM_FAMILIES_BOTH, ""         },
        {"ListenStream=7001\nBindIPv6Only=both\n",                                HM_FAMILIES_BOTH, ""         },
        {"ListenStream=7001\nBindIPv6Only=ipv6-only\n",                           HM_FAMILIES_IPV6, ""         },
        {"BindIPv6Only=ipv6-only\nListenStream=[::]:7001\n",                      HM_FAMILIES_IPV6, ""         },
        {"ListenStream=[::1]:7001\nFreeBind=yes\n",                               HM_FAMILIES_IPV6, "::1"      },
        {"ListenStream=[fe80::1]:7001%%eth0\n",                                   HM_FAMILIES_IPV6, "fe80::1"  },
        {"ListenStream=[::ffff:10.0.0.1]:7001\n",                                 HM_FAMILIES_IPV4, ""         },
        {"ListenStream=127.0.0.1:7001\n",                                         HM_FAMILIES_IPV4, "127.0.0.1"},
        {"ListenStream=0.0.0.0:7001\nBindIPv6Only=ipv6-only\n",                   HM_FAMILIES_IPV4, ""         },
        {"ListenStream=127.0.0.1:7001\nListenStream=[::1]:7001\n",                HM_FAMILIES_BOTH,
         "127.0.0.1 ::1"                                                                                       },
        {"ListenStream=127.0.0.1:7001\nListenStream=\nListenStream=[::1]:7001\n", HM_FAMILIES_IPV6,
         "::1"                                                                                                 },
        {"ListenStream=127.0.0.1:7001\nListenStream=[::1]:7002\n",                HM_FAMILIES_IPV4, "127.0.0.1"},
        {"ListenStream=127.0.0.1:7001\nListenDatagram=[::1]:7001\n",              HM_FAMILIES_IPV4, "127.0.0.1"},
    };

    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        enum hm_families families = HM_FAMILIES_BOTH;
        struct hm_observation seen;
        char addresses[64] = "";
        size_t found = 0;
        char text[256];

        print_message("%s", rows[i].listens);
        (void)linux_files_start_booted(ROOT, state);
        (void)snprintf(text, sizeof(text), "[Socket]\n%s", rows[i].listens);
        put_file(LIB "app.socket", text);
        put_file(MULTI "app.socket", "-> /usr/lib/systemd/system/app.socket");
        linux_files_observe(ROOT, *state, &seen);
        for (size_t k = 0; k < seen.inventory.configured.count; k++) {
            const struct hm_configured *row = &seen.inventory.configured.at[k];
            const size_t used = strlen(addresses);

            if (row->port == 7001 && row->protocol == HM_TCP) {
                families =
                    found++ == 0 || row->families == families ? row->families : HM_FAMILIES_BOTH;
                (void)snprintf(addresses + used, sizeof(addresses) - used, "%s%s",
                               used == 0 ? "" : " ", row->address);
            }
        }
        assert_in_range(found, 1, 2);
        assert_int_equal(families, rows[i].families);
        assert_string_equal(addresses, rows[i].address);
        (void)linux_files_stop(state);
    }
}

/* net.ipv6.bindv6only: the default of sockets that do not say it; of the ports of a container it
 * says nothing. */
static void test_system_default(void **state)
{
    static const struct {
        const char *listens;
        enum hm_families families;
    } rows[] = {
        {"ListenStream=7001\n",                                         HM_FAMILIES_IPV6},
        {"ListenStream=7001\nBindIPv6Only=default\n",                   HM_FAMILIES_IPV6},
        {"ListenStream=7001\nBindIPv6Only=both\n",                      HM_FAMILIES_BOTH},
        {"ListenStream=0.0.0.0:7001\n",                                 HM_FAMILIES_IPV4},
        {"ListenStream=0.0.0.0:7001\nListenStream=[::]:7001\n",         HM_FAMILIES_BOTH},
        {"[Service]\nExecStart=/usr/bin/podman run -p 7001:80 image\n", HM_FAMILIES_BOTH},
    };

    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        const bool is_service = rows[i].listens[0] == '[';
        struct hm_observation seen;
        char text[256];

        print_message("%s", rows[i].listens);
        (void)linux_files_start_booted(ROOT, state);
        (void)snprintf(text, sizeof(text), "%s%s", is_service ? "" : "[Socket]\n", rows[i].listens);
        put_file("/proc/sys/net/ipv6/bindv6only", "1\n");
        put_file(is_service ? LIB "app.service" : LIB "app.socket", text);
        put_file(is_service ? MULTI "app.service" : MULTI "app.socket",
                 is_service ? "-> /usr/lib/systemd/system/app.service"
                            : "-> /usr/lib/systemd/system/app.socket");
        linux_files_observe(ROOT, *state, &seen);
        assert_int_equal(seen.inventory.configured.count, 1);
        assert_int_equal(seen.inventory.configured.at[0].families, rows[i].families);
        (void)linux_files_stop(state);
    }
}

/* Two socket units of one port: each listener of process 1 is that of its family. */
static void test_names_by_family(void **state)
{
    struct hm_observation seen;

    (void)linux_files_start_booted(ROOT, state);
    put_file(LIB "four.socket", "[Socket]\nListenStream=127.0.0.1:7001\n");
    put_file(LIB "six.socket", "[Socket]\nListenStream=[::1]:7001\n");
    put_file(MULTI "four.socket", "-> /usr/lib/systemd/system/four.socket");
    put_file(MULTI "six.socket", "-> /usr/lib/systemd/system/six.socket");
    put_file("/proc/1/comm", "systemd\n");
    put_file("/proc/1/cgroup", "0::/init.scope\n");
    put_file("/proc/net/tcp", "  sl  local_address\n"
                              "   0: 0100007F:1B59 00000000:0000 0A 00000000:00000000 00:00000000 "
                              "00000000     0        0 700 1 0000000000000000 100 0 0 10 0\n");
    put_file("/proc/net/tcp6",
             "  sl  local_address\n"
             "   0: 00000000000000000000000001000000:1B59 00000000000000000000000000000000:0000 0A "
             "00000000:00000000 00:00000000 00000000     0        0 701 1 0000000000000000 100 0 0 "
             "10 0\n");
    put_file("/proc/1/fd/30", "-> socket:[700]");
    put_file("/proc/1/fd/31", "-> socket:[701]");
    linux_files_observe(ROOT, *state, &seen);
    assert_int_equal(seen.inventory.listeners.count, 2);
    for (size_t i = 0; i < 2; i++) {
        const struct hm_listener *one = &seen.inventory.listeners.at[i];

        assert_string_equal(one->service, one->family == HM_IPV4 ? "four" : "six");
    }
    (void)linux_files_stop(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_listeners_of_process_1),
        cmocka_unit_test(test_families),
        cmocka_unit_test(test_system_default),
        cmocka_unit_test(test_names_by_family),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
