/* tests/unit/agent/test_linux_platform.c — the texts that the Linux platform reads, a host below
 * a folder of its own, and this machine with sockets that the test makes.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/linux/linux.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/platform/platform.h"
#include "common/base/limits.h"
#include "common/os/os.h"

#define ROOT HM_BINARY_DIR "/linux_root"
#define CONTAINERS HM_BINARY_DIR "/linux_root"

struct text_case {
    const char *name;
    const char *text;
    const char *expected;
};

static const struct text_case cgroup_cases[] = {
    {"v2 service",             "0::/system.slice/nginx.service\n",                                      "nginx"     },
    {"v2 below a service",     "0::/system.slice/containerd.service/init\n",                            "containerd"},
    {"template",               "0::/system.slice/system-postgresql.slice/postgresql@15-main.service\n",
     "postgresql@15-main"                                                                                           },
    {"of a user",              "0::/user.slice/user-0.slice/user@0.service/app.slice/sync.service\n",   "sync"      },
    {"session",                "0::/user.slice/user-0.slice/session-3.scope\n",                         ""          },
    {"container",              "0::/system.slice/docker-0123abcd.scope\n",                              ""          },
    {"v1 takes systemd's",     "4:cpu:/x.service\n1:name=systemd:/system.slice/cron.service\n",         "cron"      },
    {"v1 other trees only",    "4:cpu:/x.service\n",                                                    ""          },
    {"nothing but a suffix",   "0::/.service\n",                                                        ""          },
    {"no colon",               "nonsense\n",                                                            ""          },
    {"empty",                  "",                                                                      ""          },
    {"no new line at the end", "0::/system.slice/ssh.service",                                          "ssh"       },
};

static void test_cgroup_service(void **state)
{
    struct hm_arena arena;

    (void)state;
    hm_arena_init(&arena, 65536);
    for (size_t i = 0; i < HM_COUNT(cgroup_cases); i++) {
        const struct text_case *row = &cgroup_cases[i];
        const char *got = hm_linux_cgroup_service(row->text, strlen(row->text), &arena);

        if (strcmp(got, row->expected) != 0) {
            fail_msg("%s: \"%s\", not \"%s\"", row->name, got, row->expected);
        }
    }
    hm_arena_fini(&arena);
}

struct link_case {
    const char *link;
    bool good;
    uint32_t inode;
};

static void test_socket_link(void **state)
{
    static const struct link_case cases[] = {
        {"socket:[12345]",      true,  12345     },
        {"socket:[4294967295]", true,  4294967295},
        {"socket:[4294967296]", false, 0         },
        {"socket:[]",           false, 0         },
        {"socket:[12",          false, 0         },
        {"socket:[12x]",        false, 0         },
        {"pipe:[12345]",        false, 0         },
        {"/dev/null",           false, 0         },
        {"",                    false, 0         },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        uint32_t inode = 0;

        assert_int_equal(hm_linux_socket_inode(cases[i].link, strlen(cases[i].link), &inode),
                         cases[i].good);
        assert_int_equal(inode, cases[i].inode);
    }
}

struct line_case {
    const char *line;
    bool ipv6;
    bool good;
    const char *address;
    uint16_t port;
    const char *remote;
    enum hm_socket_state state;
    enum hm_family family;
    bool dual_stack;
};

/* Addresses as a little-endian machine prints them, which is every one that is tested. */
static const struct line_case line_cases[] = {
    {"   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 "
     "9001 1 0000000000000000 100 0 0 10 0",                                            false, true,  "127.0.0.1", 8080,  "",                HM_SOCKET_LISTEN,      HM_IPV4, false},
    {"  13: 0500000A:C350 0900000A:0CC4 01 00000000:00000000 00:00000000 00000000     0        0 "
     "9002 1",                                                                          false, true,  "10.0.0.5",  50000, "10.0.0.9:3268",   HM_SOCKET_ESTABLISHED, HM_IPV4, false},
    {"   1: 0500000A:C351 0900000A:0CC4 06 00000000:00000000 03:00000EB8 00000000     0        0 0 "
     "3",                                                                               false, true,  "10.0.0.5",  50001, "10.0.0.9:3268",   HM_SOCKET_TIME_WAIT,   HM_IPV4, false},
    {"   1: 0500000A:C351 0900000A:0CC4 09 00000000:00000001 01:00000EB8 00000003     0        0 0 "
     "3",                                                                               false, true,  "10.0.0.5",  50001, "10.0.0.9:3268",   HM_SOCKET_CLOSING,     HM_IPV4, false},
    {"   1: 0500000A:C351 0900000A:0CC4 05 00000000:00000000 00:00000000 00000000     0        0 "
     "9005 1",                                                                          false, true,  "10.0.0.5",  50001, "10.0.0.9:3268",   HM_SOCKET_ESTABLISHED, HM_IPV4, false},
    {"   0: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A "
     "00000000:00000000 00:00000000 00000000     0        0 9003 1",                    true,  true,  "::",        22,    "",                HM_SOCKET_LISTEN,      HM_IPV6, true },
    {"   0: 0000000000000000FFFF00000500000A:0050 0000000000000000FFFF0000090000C0:8001 01 "
     "00000000:00000000 00:00000000 00000000     0        0 9004 1",                    true,  true,  "10.0.0.5",  80,    "192.0.0.9:32769", HM_SOCKET_ESTABLISHED, HM_IPV4, false},
    {"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
     "inode",                                                                           false, false, "",          0,     "",                HM_SOCKET_LISTEN,      HM_IPV4, false},
    {"   0: 0100007F:1F90 00000000:0000 0A",                                                 false, false, "",          0,     "",                HM_SOCKET_LISTEN,      HM_IPV4,
     false                                                                                                                                                                             },
    {"   0: 0100007G:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 9001", false,
     false,                                                                                                "",          0,     "",                HM_SOCKET_LISTEN,      HM_IPV4, false},
    {"",                                                                                     false, false, "",          0,     "",                HM_SOCKET_LISTEN,      HM_IPV4, false},
};

static void test_proc_net_line(void **state)
{
    struct hm_arena arena;

    (void)state;
    hm_arena_init(&arena, 1024u * 1024u);
    for (size_t i = 0; i < HM_COUNT(line_cases); i++) {
        const struct line_case *row = &line_cases[i];
        struct hm_linux_sockets sockets = {0};
        struct hm_linux_raw raw;
        struct hm_err err;

        assert_int_equal(
            hm_linux_proc_net_line(row->line, strlen(row->line), HM_TCP, row->ipv6, &raw),
            row->good);
        if (!row->good) {
            continue;
        }
        assert_int_equal(hm_linux_sockets_add_raw(&sockets, &arena, &raw, &err), HM_OK);
        assert_int_equal(sockets.count, 1);
        assert_string_equal(sockets.at[0].socket.address, row->address);
        assert_int_equal(sockets.at[0].socket.port, row->port);
        assert_string_equal(sockets.at[0].socket.remote, row->remote);
        assert_int_equal(sockets.at[0].socket.state, row->state);
        assert_int_equal(sockets.at[0].socket.family, row->family);
        assert_int_equal(sockets.at[0].dual_stack, row->dual_stack);
    }
    hm_arena_fini(&arena);
}

static void test_small_texts(void **state)
{
    static const char release[] = "ID=debian\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n";
    struct hm_arena arena;

    (void)state;
    hm_arena_init(&arena, 65536);
    assert_string_equal(hm_linux_shell_value(release, strlen(release), "PRETTY_NAME", &arena),
                        "Debian GNU/Linux 12 (bookworm)");
    assert_string_equal(hm_linux_shell_value(release, strlen(release), "ID", &arena), "debian");
    assert_null(hm_linux_shell_value(release, strlen(release), "NAME", &arena));
    assert_string_equal(hm_linux_locale("fr_FR.UTF-8", &arena), "fr-FR");
    assert_string_equal(hm_linux_locale("C.UTF-8", &arena), "C");
    assert_string_equal(hm_linux_locale("", &arena), "");
    assert_true(hm_linux_is_container("docker-proxy"));
    assert_false(hm_linux_is_container("nginx"));
    hm_arena_fini(&arena);
}

static void put_file(const char *path, const char *text)
{
    char folder[1024];
    struct hm_err err;

    (void)snprintf(folder, sizeof(folder), "%s", path);
    *strrchr(folder, '/') = '\0';
    assert_int_equal(hm_os_make_folder(folder, 0755, &err), HM_OK);
    assert_int_equal(hm_os_replace_file(path, text, strlen(text), false, &err), HM_OK);
}

static bool has_service(const struct hm_inventory *inventory, const char *name)
{
    for (size_t i = 0; i < inventory->services.count; i++) {
        if (strcmp(inventory->services.at[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* The first of the name, as a unit file of a folder further down does not count. */
static const struct hm_service *find_idle(const struct hm_observation *seen, const char *name)
{
    for (size_t i = 0; i < seen->idle_services.count; i++) {
        if (strcmp(seen->idle_services.at[i].name, name) == 0) {
            return &seen->idle_services.at[i];
        }
    }
    return NULL;
}

/* A whole host below a folder: no sock_diag there, so /proc/net is read. */
/* What containers are set up to publish, from the files of Docker and CNI. */
static void test_published_ports(void **state)
{
    const struct hm_configured *row;
    struct hm_inventory inventory = {
        .os = {.family = HM_OS_LINUX, .version = "6.1"}
    };
    struct hm_notes notes;
    struct hm_arena arena;
    struct hm_err err;

    (void)state;
    hm_arena_init(&arena, HM_LIMIT_CYCLE_ARENA_BYTES);
    hm_notes_init(&notes, &arena);
    assert_int_equal(hm_linux_published(CONTAINERS "-none", NULL, &notes, &inventory, &err), HM_OK);
    assert_false(inventory.has_configured);
    put_file(CONTAINERS "/var/lib/docker/containers/4f3c/hostconfig.json",
             "{\"PortBindings\":{\"80/tcp\":[{\"HostIp\":\"\",\"HostPort\":\"8080\"}]},"
             "\"RestartPolicy\":{\"Name\":\"always\",\"MaximumRetryCount\":0}}");
    put_file(CONTAINERS "/var/lib/docker/containers/5a/hostconfig.json",
             "{\"PortBindings\":{\"80/tcp\":[{\"HostIp\":\"\",\"HostPort\":\"8081\"}]},"
             "\"RestartPolicy\":{\"Name\":\"no\",\"MaximumRetryCount\":0}}");
    put_file(CONTAINERS "/var/lib/docker/containers/9a/config.v2.json", "{}");
    put_file(CONTAINERS "/var/lib/cni/results/cbr0-77-eth0",
             "{\"capabilityArgs\":{\"portMappings\":[{\"hostPort\":5300,\"containerPort\":53,"
             "\"protocol\":\"udp\"}]}}");
    assert_int_equal(hm_linux_published(CONTAINERS, NULL, &notes, &inventory, &err), HM_OK);
    assert_true(inventory.has_configured);
    assert_false(inventory.configured_partial);
    assert_int_equal(inventory.configured.count, 3);
    row = &inventory.configured.at[0];
    assert_int_equal(row->protocol, HM_TCP);
    assert_int_equal(row->port, 8080);
    assert_int_equal(row->by, HM_BY_PUBLISHED_PORT);
    assert_int_equal(row->kind, HM_KIND_CONTAINER);
    assert_false(row->manual);
    assert_int_equal(inventory.configured.at[1].port, 8081);
    assert_true(inventory.configured.at[1].manual); /* Docker does not start it */
    assert_int_equal(inventory.configured.at[2].port, 5300);
    assert_int_equal(notes.list.count, 0);
    put_file(CONTAINERS "/var/lib/cni/results/cbr0-78-eth0", "{\"capabilityArgs\":");
    assert_int_equal(hm_linux_published(CONTAINERS, NULL, &notes, &inventory, &err), HM_OK);
    assert_true(inventory.configured_partial);
    assert_int_equal(notes.list.count, 1);
    (void)unlink(CONTAINERS "/var/lib/cni/results/cbr0-78-eth0");
    hm_arena_fini(&arena);
}

/* Services of users that linger start containers without root. */
static void test_containers_of_users(void **state)
{
#define USERS CONTAINERS "-users"
#define HOME USERS "/var/people/anna/.config/"
    struct hm_inventory inventory = {
        .os = {.family = HM_OS_LINUX, .version = "6.1"}
    };
    struct hm_notes notes;
    struct hm_arena arena;
    struct hm_err err;

    (void)state;
    hm_arena_init(&arena, HM_LIMIT_CYCLE_ARENA_BYTES);
    hm_notes_init(&notes, &arena);
    put_file(USERS "/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"
                                  "anna:x:1000:1000:Anna:/var/people/anna:/bin/sh\n");
    put_file(HOME "containers/systemd/web.container",
             "[Container]\nImage=x\nPublishPort=127.0.0.1:8080:80\nPublishPort=5300:53/udp\n"
             "[Install]\nWantedBy=default.target\n");
    put_file(HOME "containers/systemd/by-hand.container", "[Container]\nPublishPort=8099:80\n");
    put_file(HOME "systemd/user/app.service",
             "[Unit]\nConditionPathExists=/etc/app\n"
             "[Service]\nExecStart=/usr/bin/podman run --name app -p 8443:443 image\n");
    put_file(HOME "systemd/user/idle.service",
             "[Service]\nExecStart=/usr/bin/podman run -p 8444:443 image\n");
    put_file(HOME "systemd/user/default.target.wants/app.service", "");
    assert_int_equal(hm_linux_published(USERS, NULL, &notes, &inventory, &err), HM_OK);
    assert_false(inventory.has_configured); /* nobody lingers */
    put_file(USERS "/var/lib/systemd/linger/anna", "");
    assert_int_equal(hm_linux_published(USERS, NULL, &notes, &inventory, &err), HM_OK);
    assert_true(inventory.has_configured);
    assert_false(inventory.configured_partial);
    assert_int_equal(inventory.configured.count, 3);
    assert_int_equal(inventory.configured.at[0].port, 8080);
    assert_int_equal(inventory.configured.at[0].by, HM_BY_PUBLISHED_PORT);
    assert_int_equal(inventory.configured.at[1].port, 8443);
    assert_int_equal(inventory.configured.at[2].port, 5300);
    assert_int_equal(inventory.configured.at[2].protocol, HM_UDP);
    assert_int_equal(notes.list.count, 0);
    put_file(HOME "systemd/user/default.target.wants/podman-restart.service", "");
    assert_int_equal(hm_linux_published(USERS, NULL, &notes, &inventory, &err), HM_OK);
    assert_true(inventory.configured_partial);
    assert_int_equal(notes.list.count, 1);
    (void)unlink(HOME "systemd/user/default.target.wants/podman-restart.service");
    (void)unlink(USERS "/var/lib/systemd/linger/anna");
    hm_arena_fini(&arena);
}

static void test_host_below_a_folder(void **state)
{
    static const char *const kept[] = {"nginx", "cron", "getty@tty1"};
    static const char *const left_out[] = {"logrotate", "run-u12", "user@0", "basic",
                                           "contoso" /* masked */};
    struct hm_platform *platform;
    struct hm_observation seen;
    struct hm_arena arena;
    struct hm_err err;

    (void)state;
    hm_arena_init(&arena, HM_LIMIT_CYCLE_ARENA_BYTES);
    put_file(ROOT "/proc/sys/net/ipv4/ip_local_port_range", "32768\t60999\n");
    put_file(ROOT "/proc/sys/net/ipv4/ip_local_reserved_ports", "33060,50051\n");
    put_file(ROOT "/proc/sys/kernel/random/boot_id", "b7b7b7b7-0000-4000-8000-000000000001\n");
    put_file(ROOT "/proc/net/tcp", "  sl  local_address\n   0: 00000000:1F90 00000000:0000 0A "
                                   "00000000:00000000 00:00000000 00000000 0 0 9001 1\n");
    put_file(ROOT "/proc/net/udp", "  sl  local_address\n");
    put_file(ROOT "/etc/os-release", "PRETTY_NAME=\"Test Linux 1\"\n");
    put_file(ROOT "/etc/locale.conf", "LANG=pl_PL.UTF-8\n");
    put_file(ROOT "/sys/fs/cgroup/system.slice/nginx.service/cgroup.procs", "7\n");
    put_file(ROOT "/sys/fs/cgroup/system.slice/logrotate.service/cgroup.procs", "7\n");
    put_file(ROOT "/sys/fs/cgroup/system.slice/run-u12.service/cgroup.procs", "7\n");
    put_file(ROOT "/sys/fs/cgroup/system.slice/user@0.service/cgroup.procs", "7\n");
    put_file(ROOT "/sys/fs/cgroup/system.slice/system-getty.slice/getty@tty1.service/cgroup.procs",
             "7\n");
    put_file(ROOT "/usr/lib/systemd/system/default.target", "[Unit]\nWants=multi-user.target\n");
    put_file(ROOT "/usr/lib/systemd/system/multi-user.target", "[Unit]\n");
    put_file(ROOT "/usr/lib/systemd/system/logrotate.timer", "[Timer]\n");
    put_file(ROOT "/usr/lib/systemd/system/cron.service", "[Service]\nExecStart=/usr/sbin/cron\n");
    put_file(ROOT "/etc/systemd/system/multi-user.target.wants/cron.service", "");
    put_file(ROOT "/etc/systemd/system/multi-user.target.wants/contoso.service", "");
    put_file(ROOT "/usr/lib/systemd/system/contoso.service", "");
    put_file(ROOT "/usr/lib/systemd/system/postgresql@.service", "");
    (void)unlink(ROOT "/etc/systemd/system/contoso.service");
    assert_int_equal(symlink("/dev/null", ROOT "/etc/systemd/system/contoso.service"), 0);
    put_file(ROOT "/usr/lib/systemd/system/timers.target.wants/logrotate.timer", "");
    put_file(ROOT "/usr/lib/systemd/system/basic.target.wants/basic.service", "");

    assert_int_equal(hm_platform_native.open(ROOT, &platform, &err), HM_OK);
    assert_int_equal(hm_platform_native.observe(platform, &arena, &seen, &err), HM_OK);
    hm_platform_native.close(platform);
    assert_string_equal(seen.boot_id, "b7b7b7b7-0000-4000-8000-000000000001");
    assert_string_equal(seen.inventory.os.name, "Test Linux 1");
    assert_string_equal(seen.inventory.os.locale, "pl-PL");
    assert_int_equal(seen.inventory.stacks.count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(hm_stack_index(seen.inventory.stacks.at[i].protocol,
                                        seen.inventory.stacks.at[i].family),
                         i);
        assert_int_equal(seen.inventory.stacks.at[i].dynamic.last, 60999);
        assert_string_equal(hm_ports_text(seen.inventory.stacks.at[i].administered, &arena),
                            "33060,50051");
    }
    assert_int_equal(seen.inventory.listeners.count, 1);
    assert_int_equal(seen.inventory.listeners.at[0].port, 8080);
    for (size_t i = 0; i < HM_COUNT(kept); i++) {
        assert_true(has_service(&seen.inventory, kept[i]));
    }
    for (size_t i = 0; i < HM_COUNT(left_out); i++) {
        assert_false(has_service(&seen.inventory, left_out[i]));
    }
    assert_true(seen.knows_all_services);
    assert_int_equal(find_idle(&seen, "contoso")->start, HM_START_DISABLED);
    assert_int_equal(find_idle(&seen, "postgresql@")->start, HM_START_MANUAL);
    assert_null(find_idle(&seen, "basic"));
    assert_false(seen.inventory.has_registry);
    hm_arena_fini(&arena);
}

static void test_nothing_readable(void **state)
{
    struct hm_platform *platform;
    struct hm_observation seen;
    struct hm_arena arena;
    struct hm_err err;

    (void)state;
    hm_arena_init(&arena, HM_LIMIT_CYCLE_ARENA_BYTES);
    assert_int_equal(hm_platform_native.open(ROOT "-is-not-there", &platform, &err), HM_OK);
    assert_int_equal(hm_platform_native.observe(platform, &arena, &seen, &err), HM_OK);
    hm_platform_native.close(platform);
    assert_false(seen.has_sockets);
    assert_false(seen.has_sample);
    assert_false(seen.inventory.has_listeners);
    assert_false(seen.inventory.has_services);
    assert_false(seen.inventory.stacks.at[0].has_dynamic);
    assert_false(seen.inventory.stacks.at[0].has_administered);
    assert_int_equal(seen.unknown.count, 5);
    hm_arena_fini(&arena);
}

/* A socket of this process on a port that the kernel chooses; -1 where there is no IPv6. */
static int make_socket(int type, bool v6only, bool listening, uint16_t *out_port)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6};
    socklen_t len = sizeof(address);
    int flag = v6only;
    int fd = socket(AF_INET6, type, 0);

    if (fd < 0) {
        return -1;
    }
    assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &flag, sizeof(flag)), 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    if (listening) {
        assert_int_equal(listen(fd, 1), 0);
    }
    *out_port = ntohs(address.sin6_port);
    return fd;
}

static const struct hm_socket *find_socket(const struct hm_sockets *sockets,
                                           enum hm_protocol protocol, enum hm_family family,
                                           uint16_t port)
{
    for (size_t i = 0; i < sockets->count; i++) {
        if (sockets->at[i].protocol == protocol && sockets->at[i].family == family &&
            sockets->at[i].port == port) {
            return &sockets->at[i];
        }
    }
    return NULL;
}

static void check_owner(const struct hm_socket *socket, enum hm_socket_state state)
{
    assert_non_null(socket);
    assert_int_equal(socket->state, state);
    assert_int_equal(socket->pid, (uint32_t)getpid());
    assert_string_equal(socket->program, "test_linux_platform");
}

/* This machine: sockets of this very process, with owner, in both families where dual-stack. */
static void test_live_sockets(void **state)
{
    uint16_t dual;
    uint16_t only;
    uint16_t datagram;
    uint16_t bound;
    int fds[4];
    struct hm_platform *platform;
    struct hm_observation seen;
    struct hm_arena arena;
    struct hm_err err;

    (void)state;
    fds[0] = make_socket(SOCK_STREAM, false, true, &dual);
    if (fds[0] < 0) {
        skip();
    }
    fds[1] = make_socket(SOCK_STREAM, true, true, &only);
    fds[2] = make_socket(SOCK_DGRAM, false, false, &datagram);
    fds[3] = make_socket(SOCK_STREAM, true, false, &bound);
    hm_arena_init(&arena, HM_LIMIT_CYCLE_ARENA_BYTES);
    assert_int_equal(hm_platform_native.open("", &platform, &err), HM_OK);
    assert_int_equal(hm_platform_native.observe(platform, &arena, &seen, &err), HM_OK);
    hm_platform_native.close(platform);
    assert_true(seen.has_sockets);
    check_owner(find_socket(&seen.sockets, HM_TCP, HM_IPV6, dual), HM_SOCKET_LISTEN);
    check_owner(find_socket(&seen.sockets, HM_TCP, HM_IPV4, dual), HM_SOCKET_LISTEN);
    assert_string_equal(find_socket(&seen.sockets, HM_TCP, HM_IPV4, dual)->address, "0.0.0.0");
    check_owner(find_socket(&seen.sockets, HM_TCP, HM_IPV6, only), HM_SOCKET_LISTEN);
    assert_null(find_socket(&seen.sockets, HM_TCP, HM_IPV4, only));
    check_owner(find_socket(&seen.sockets, HM_UDP, HM_IPV6, datagram), HM_SOCKET_LISTEN);
    if (find_socket(&seen.sockets, HM_TCP, HM_IPV6, bound) != NULL) { /* Linux 6.8 and later */
        check_owner(find_socket(&seen.sockets, HM_TCP, HM_IPV6, bound), HM_SOCKET_BOUND);
    }
    for (size_t i = 0; i < HM_COUNT(fds); i++) {
        (void)close(fds[i]);
    }
    hm_arena_fini(&arena);
}

/* Later looks ask the known owners first: old and new sockets are named all the same. */
static void test_later_looks(void **state)
{
    uint16_t first;
    uint16_t second;
    int fds[2];
    struct hm_platform *platform;
    struct hm_observation seen;
    struct hm_arena arena;
    struct hm_err err;

    (void)state;
    fds[0] = make_socket(SOCK_STREAM, true, true, &first);
    if (fds[0] < 0) {
        skip();
    }
    hm_arena_init(&arena, HM_LIMIT_CYCLE_ARENA_BYTES);
    assert_int_equal(hm_platform_native.open("", &platform, &err), HM_OK);
    assert_int_equal(hm_platform_native.observe(platform, &arena, &seen, &err), HM_OK);
    fds[1] = make_socket(SOCK_STREAM, true, true, &second);
    for (int look = 0; look < 14; look++) { /* past the look that searches all again */
        hm_arena_reset(&arena);
        assert_int_equal(hm_platform_native.observe(platform, &arena, &seen, &err), HM_OK);
        check_owner(find_socket(&seen.sockets, HM_TCP, HM_IPV6, first), HM_SOCKET_LISTEN);
        check_owner(find_socket(&seen.sockets, HM_TCP, HM_IPV6, second), HM_SOCKET_LISTEN);
    }
    hm_platform_native.close(platform);
    (void)close(fds[0]);
    (void)close(fds[1]);
    hm_arena_fini(&arena);
}

/* Between the opening of its folder and the reading: on a busy machine some process always ends. */
static void test_process_that_ended(void **state)
{
    const pid_t child = fork();
    struct hm_err err = {.text = ""};
    struct dirent *entry = NULL;
    DIR *files = NULL;
    char path[64];
    int fd;

    (void)state;
    if (child == 0) {
        (void)pause();
        _exit(0);
    }
    assert_true(child > 0);
    (void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)child);
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_true(fd >= 0);
    assert_int_equal(hm_linux_open_files(fd, &files, &err), HM_OK);
    if (files != NULL) { /* an older kernel */
        entry = readdir(files);
        assert_int_equal(closedir(files), 0);
    }
    assert_null(entry);
    assert_int_equal(fcntl(fd, F_GETFD), -1); /* nothing is left open */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cgroup_service),      cmocka_unit_test(test_socket_link),
        cmocka_unit_test(test_proc_net_line),       cmocka_unit_test(test_small_texts),
        cmocka_unit_test(test_published_ports),     cmocka_unit_test(test_host_below_a_folder),
        cmocka_unit_test(test_containers_of_users), cmocka_unit_test(test_nothing_readable),
        cmocka_unit_test(test_live_sockets),        cmocka_unit_test(test_later_looks),
        cmocka_unit_test(test_process_that_ended),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
