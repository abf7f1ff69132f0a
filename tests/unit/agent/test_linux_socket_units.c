/* tests/unit/agent/test_linux_socket_units.c — which socket unit has a port that process 1 keeps: a
 * host below a folder.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <ftw.h>

#include "agent/platform/platform.h"
#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/os/os.h"

#define ROOT HM_BINARY_DIR "/linux_socket_units"
#define LIB "/usr/lib/systemd/system/"
#define ETC "/etc/systemd/system/"

static void put_file(const char *path, const char *text)
{
    char full[1024];
    char folder[1024];

    (void)snprintf(full, sizeof(full), "%s%s", ROOT, path);
    (void)snprintf(folder, sizeof(folder), "%s", full);
    *strrchr(folder, '/') = '\0';
    assert_int_equal(hm_os_make_folder(folder, 0755, NULL), HM_OK);
    (void)unlink(full);
    if (strncmp(text, "-> ", 3) == 0) {
        assert_int_equal(symlink(text + 3, full), 0);
    } else {
        assert_int_equal(hm_os_replace_file(full, text, strlen(text), false, NULL), HM_OK);
    }
}

static int remove_one(const char *path, const struct stat *found, int type, struct FTW *where)
{
    (void)found;
    (void)type;
    (void)where;
    return remove(path);
}

static void observe(struct hm_arena *arena, struct hm_observation *out)
{
    struct hm_platform *platform;
    struct hm_err err;

    assert_int_equal(hm_platform_native.open(ROOT, &platform, &err), HM_OK);
    assert_int_equal(hm_platform_native.observe(platform, arena, out, &err), HM_OK);
    hm_platform_native.close(platform);
}

/* What process 1 listens for: the socket unit of the port says it; enabled ones come first, and of
 * two services none is named. */
static void test_listeners_of_process_1(void **state)
{
    static const struct {
        const char *path;
        const char *text;
    } files[] = {
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
    struct hm_arena arena;

    (void)state;
    (void)nftw(ROOT, remove_one, 16, FTW_DEPTH | FTW_PHYS); /* of an earlier test */
    hm_arena_init(&arena, HM_LIMIT_CYCLE_ARENA_BYTES);
    for (size_t i = 0; i < HM_COUNT(files); i++) {
        put_file(files[i].path, files[i].text);
    }
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
    observe(&arena, &seen);
    assert_int_equal(seen.inventory.listeners.count, HM_COUNT(wanted));
    for (size_t i = 0; i < HM_COUNT(wanted); i++) {
        const struct hm_listener *one = &seen.inventory.listeners.at[i];

        assert_int_equal(one->port, wanted[i].port);
        assert_string_equal(one->program, "systemd");
        assert_string_equal(one->service, wanted[i].service);
        assert_string_equal(seen.sockets.at[i].service, wanted[i].service);
    }
    hm_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_listeners_of_process_1),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
