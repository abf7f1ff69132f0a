/* tests/unit/agent/test_recorded.c — hosts described by files: each file's facts, what a missing
 * one leaves unknown, and where a broken one is said to be broken.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/platform.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "common/os/os.h"

#define FOLDER HM_BINARY_DIR "/recorded_host"
#define FILES_MAX 14

#define HOST(version) "{\"os\": {\"family\": \"windows\", \"version\": \"" version "\"}}"
#define HOST_LINUX "{\"os\": {\"family\": \"linux\", \"version\": \"6.1.0\"}}"
#define REG(key, values)                                                                           \
    "Windows Registry Editor Version 5.00\r\n\r\n"                                                 \
    "[HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\" key "]\r\n" values "\r\n"
#define DYNAMIC                                                                                    \
    "\r\nProtocol tcp Dynamic Port Range\r\n---------------------------------\r\n"                 \
    "Start Port      : 49152\r\nNumber of Ports : 16384\r\n\r\n"
#define EXCLUDED                                                                                   \
    "\r\nProtocol tcp Port Exclusion Ranges\r\n\r\nStart Port    End Port      \r\n"               \
    "----------    --------      \r\n        80          80      \r\n"                             \
    "      9955        9955     *\r\n     50000       50059     *\r\n\r\n"                         \
    "* - Administered port exclusions.\r\n\r\n"
#define NETSTAT                                                                                    \
    "\r\nActive Connections\r\n\r\n"                                                               \
    "  Proto  Local Address          Foreign Address        State           PID\r\n"               \
    "  TCP    0.0.0.0:80             0.0.0.0:0              LISTENING       4\r\n"                 \
    "  TCP    0.0.0.0:445            0.0.0.0:0              LISTENING       4\r\n"                 \
    "  TCP    0.0.0.0:9500           0.0.0.0:0              LISTENING       4\r\n"                 \
    "  TCP    0.0.0.0:1433           0.0.0.0:0              LISTENING       2280\r\n"              \
    "  TCP    0.0.0.0:49664          0.0.0.0:0              LISTENING       700\r\n"               \
    "  TCP    10.0.0.5:49800         10.0.0.9:3268          ESTABLISHED     700\r\n"               \
    "  TCP    10.0.0.5:49801         10.0.0.9:3268          TIME_WAIT       0\r\n"                 \
    "  TCP    [::]:1433              [::]:0                 LISTENING       2280\r\n"              \
    "  UDP    0.0.0.0:1434           *:*                                    2344\r\n"
#define TASKS                                                                                      \
    "\"Image Name\",\"PID\",\"Services\"\r\n\"System\",\"4\",\"N/A\"\r\n"                          \
    "\"lsass.exe\",\"700\",\"Netlogon,SamSs\"\r\n\"sqlservr.exe\",\"2280\",\"MSSQLSERVER\"\r\n"    \
    "\"sqlbrowser.exe\",\"2344\",\"SQLBrowser\"\r\n\"csrss.exe\",\"400\",\"N/A\"\r\n"
#define TASKS_DNS TASKS "\"dns.exe\",\"1400\",\"DNS\"\r\n"

struct file {
    const char *name;
    const char *text;
};

struct host {
    struct hm_arena arena;
    struct hm_observation seen;
    struct hm_err err;
    enum hm_status st;
};

/* The folder again with exactly these files, observed. */
static void observe(struct host *host, const struct file *files)
{
    struct hm_strings old;
    struct hm_platform *platform;

    memset(host, 0, sizeof(*host));
    hm_arena_init(&host->arena, HM_LIMIT_CYCLE_ARENA_BYTES);
    assert_int_equal(hm_os_make_folder(FOLDER, 0755, &host->err), HM_OK);
    assert_int_equal(hm_os_list_folder(FOLDER, &host->arena, &old, &host->err), HM_OK);
    for (size_t i = 0; i < old.count; i++) {
        char path[1024];

        (void)snprintf(path, sizeof(path), FOLDER "/%s", old.at[i]);
        assert_int_equal(hm_os_remove_file(path, &host->err), HM_OK);
    }
    for (size_t i = 0; i < FILES_MAX && files[i].name != NULL; i++) {
        char path[1024];

        (void)snprintf(path, sizeof(path), FOLDER "/%s", files[i].name);
        assert_int_equal(
            hm_os_replace_file(path, files[i].text, strlen(files[i].text), false, &host->err),
            HM_OK);
    }
    assert_int_equal(hm_platform_recorded.open(FOLDER "/", &platform, &host->err), HM_OK);
    host->st = hm_platform_recorded.observe(platform, &host->arena, &host->seen, &host->err);
    hm_platform_recorded.close(platform);
}

static void finish(struct host *host)
{
    hm_arena_fini(&host->arena);
}

static bool is_unknown(const struct host *host, const char *piece)
{
    for (size_t i = 0; i < host->seen.unknown.count; i++) {
        if (strstr(host->seen.unknown.at[i], piece) != NULL) {
            return true;
        }
    }
    return false;
}

static const struct hm_listener *find_listener(const struct host *host, uint16_t port)
{
    const struct hm_listeners *listeners = &host->seen.inventory.listeners;

    for (size_t i = 0; i < listeners->count; i++) {
        if (listeners->at[i].port == port) {
            return &listeners->at[i];
        }
    }
    return NULL;
}

static const struct hm_stack *stack(const struct host *host, enum hm_protocol protocol,
                                    enum hm_family family)
{
    return hm_inventory_stack(&host->seen.inventory, protocol, family);
}

static void ports_are(struct host *host, struct hm_ports ports, const char *text)
{
    assert_string_equal(hm_ports_text(ports, &host->arena), text);
}

struct broken_case {
    const char *name;
    struct file files[3];
    const char *where; /* start of the error */
};

static const struct broken_case broken_cases[] = {
    {"host.json cut off",                    {{"host.json", "{\n\"name\": \"x\"\n"}},            FOLDER "/host.json:"          },
    {"host.json with a wrong type",          {{"host.json", "{\"name\": 5}"}},                   FOLDER "/host.json"           },
    {"host.json with a misspelt member",     {{"host.json", "{\"nmae\": \"x\"}"}},               FOLDER "/host.json"           },
    {"dynamic range without numbers",
     {{"ipv4-tcp-dynamicport.txt", "\r\nnothing\r\n"}},
     FOLDER "/ipv4-tcp-dynamicport.txt"                                                                                        },
    {"exclusion that ends before it starts",
     {{"ipv6-udp-excludedportrange.txt", "a b\r\n----\r\n 9 8\r\n"}},
     FOLDER "/ipv6-udp-excludedportrange.txt:3: "                                                                              },
    {"no registry export",                   {{"tcpip-parameters.reg", "hello\r\n"}},            FOLDER "/tcpip-parameters.reg"},
    {"netstat row without its end",
     {{"netstat.txt", "x\r\n  TCP    0.0.0.0:80\r\n"}},
     FOLDER "/netstat.txt:2: "                                                                                                 },
    {"tasklist row cut off",
     {{"tasklist.csv", "\"a\",\"b\",\"c\"\r\n\"x\",\"4\r\n"}},
     FOLDER "/tasklist.csv:2: "                                                                                                },
    {"Linux range of one number",
     {{"host.json", HOST_LINUX}, {"sysctl.txt", "# x\nnet.ipv4.ip_local_port_range = 32768\n"}},
     FOLDER "/sysctl.txt:2: "                                                                                                  },
};

static void test_broken_files_are_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(broken_cases); i++) {
        struct host host;

        observe(&host, broken_cases[i].files);
        if (host.st != HM_EINVAL ||
            strncmp(host.err.text, broken_cases[i].where, strlen(broken_cases[i].where)) != 0) {
            fail_msg("%s: status %s, \"%s\"", broken_cases[i].name, hm_status_name(host.st),
                     host.err.text);
        }
        finish(&host);
    }
}

static void test_no_folder_and_no_files(void **state)
{
    static const struct file none[] = {
        {NULL, NULL}
    };
    static const struct file foreign[] = {
        {"readme.txt", "x" },
        {NULL,         NULL}
    };
    struct hm_platform *platform;
    struct hm_err err;
    struct host host;

    (void)state;
    assert_int_equal(hm_platform_recorded.open(FOLDER "-is-not-there", &platform, &err), HM_ENOENT);
    assert_int_equal(hm_platform_recorded.open("", &platform, &err), HM_EINVAL);
    observe(&host, none);
    assert_int_equal(host.st, HM_EINVAL);
    finish(&host);
    observe(&host, foreign);
    assert_int_equal(host.st, HM_EINVAL);
    finish(&host);
}

static void test_missing_files_are_listed(void **state)
{
    static const struct file files[] = {
        {"host.json", HOST("10.0.17763")},
        {NULL,        NULL              }
    };
    static const char *const pieces[] = {
        "ipv4-tcp-dynamicport.txt",
        "ipv6-udp-excludedportrange.txt",
        "tcpip-parameters.reg",
        "netstat.txt",
        "tasklist.csv",
    };
    struct host host;

    (void)state;
    observe(&host, files);
    assert_int_equal(host.st, HM_OK);
    for (size_t i = 0; i < HM_COUNT(pieces); i++) {
        assert_true(is_unknown(&host, pieces[i]));
    }
    assert_false(is_unknown(&host, "hns-state.reg"));
    assert_false(host.seen.has_sockets);
    assert_false(host.seen.has_sample);
    assert_false(host.seen.inventory.has_listeners);
    assert_false(host.seen.inventory.has_services);
    assert_false(host.seen.inventory.has_registry);
    assert_int_equal(host.seen.inventory.stacks.count, 0);
    assert_string_equal(host.seen.name, "recorded_host");
    assert_string_equal(host.seen.boot_id, "recorded");
    finish(&host);
}

static void test_netsh_files(void **state)
{
    static const struct file files[] = {
        {"host.json",                      HOST("10.0.17763")},
        {"ipv4-tcp-dynamicport.txt",       DYNAMIC           },
        {"ipv4-tcp-excludedportrange.txt", EXCLUDED          },
        {"ipv6-tcp-excludedportrange.txt", EXCLUDED          },
        {NULL,                             NULL              },
    };
    struct host host;

    (void)state;
    observe(&host, files);
    assert_int_equal(host.st, HM_OK);
    assert_int_equal(host.seen.inventory.stacks.count, 2);
    assert_true(stack(&host, HM_TCP, HM_IPV4)->has_dynamic);
    assert_int_equal(stack(&host, HM_TCP, HM_IPV4)->dynamic.first, 49152);
    assert_int_equal(stack(&host, HM_TCP, HM_IPV4)->dynamic.last, 65535);
    ports_are(&host, stack(&host, HM_TCP, HM_IPV4)->administered, "9955,50000-50059");
    ports_are(&host, stack(&host, HM_TCP, HM_IPV4)->runtime, "80");
    assert_false(stack(&host, HM_TCP, HM_IPV6)->has_dynamic);
    assert_true(is_unknown(&host, "ipv6-tcp-dynamicport.txt"));
    assert_null(stack(&host, HM_UDP, HM_IPV4));
    finish(&host);
}

static void test_netsh_refused(void **state)
{
    static const struct file old[] = {
        {"host.json",                      HOST("6.1.7601")          },
        {"ipv4-tcp-dynamicport.txt",       DYNAMIC                   },
        {"ipv4-tcp-excludedportrange.txt", "netsh failed: exit 1\r\n"},
        {NULL,                             NULL                      },
    };
    static const struct file modern[] = {
        {"host.json",                      HOST("10.0.17763")        },
        {"ipv4-tcp-dynamicport.txt",       "netsh failed: exit 1\r\n"},
        {"ipv4-tcp-excludedportrange.txt", "netsh failed: exit 1\r\n"},
        {NULL,                             NULL                      },
    };
    struct host host;

    (void)state;
    observe(&host, old);
    assert_int_equal(host.st, HM_OK);
    assert_true(stack(&host, HM_TCP, HM_IPV4)->exclusions_unsupported);
    assert_true(stack(&host, HM_TCP, HM_IPV4)->has_administered);
    finish(&host);
    observe(&host, modern);
    assert_int_equal(host.st, HM_OK);
    assert_false(stack(&host, HM_TCP, HM_IPV4)->exclusions_unsupported);
    assert_false(stack(&host, HM_TCP, HM_IPV4)->has_administered);
    assert_false(stack(&host, HM_TCP, HM_IPV4)->has_dynamic);
    assert_true(is_unknown(&host, "netsh failed: exit 1"));
    finish(&host);
}

/* Both families, and no port that the system picked. */
#define LISTENERS                                                                                  \
    "  TCP    0.0.0.0:135            0.0.0.0:0              LISTENING       700\r\n"               \
    "  TCP    [::]:135               [::]:0                 LISTENING       700\r\n"

struct legacy_case {
    const char *values;
    uint16_t last;
};

static void test_legacy_range(void **state)
{
    static const struct legacy_case cases[] = {
        {"\"Hostname\"=\"x\"",             5000 },
        {"\"MaxUserPort\"=dword:0000ea60", 60000},
        {"\"MaxUserPort\"=dword:0000fffe", 65534},
        {"\"MaxUserPort\"=dword:0000ffff", 0    }, /* not documented: no socket shows it */
        {"\"MaxUserPort\"=dword:000003e8", 5000 }, /* ignored or obeyed, it ends there at most */
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        char reg[512];
        const struct file files[] = {
            {"host.json",            HOST("5.2.3790")},
            {"tcpip-parameters.reg", reg             },
            {"netstat.txt",          LISTENERS       },
            {NULL,                   NULL            },
        };
        struct host host;

        (void)snprintf(reg, sizeof(reg), REG("Tcpip\\Parameters", "%s"), cases[i].values);
        observe(&host, files);
        assert_int_equal(host.st, HM_OK);
        assert_int_equal(host.seen.inventory.stacks.count, 4); /* netstat shows [::] */
        for (size_t j = 0; j < 4; j++) {
            assert_int_equal(host.seen.inventory.stacks.at[j].has_dynamic, cases[i].last > 0);
            assert_int_equal(host.seen.inventory.stacks.at[j].dynamic.last, cases[i].last);
            assert_int_equal(host.seen.inventory.stacks.at[j].dynamic.first,
                             cases[i].last > 0 ? 1024 : 0);
            assert_true(host.seen.inventory.stacks.at[j].has_administered);
        }
        assert_false(is_unknown(&host, "dynamicport"));
        finish(&host);
    }
}

static void test_legacy_without_registry(void **state)
{
    static const struct file files[] = {
        {"host.json", HOST("5.2.3790")},
        {NULL,        NULL            }
    };
    struct host host;

    (void)state;
    observe(&host, files);
    assert_int_equal(host.st, HM_OK);
    assert_int_equal(host.seen.inventory.stacks.count, 2); /* nothing shows IPv6 */
    assert_false(host.seen.inventory.stacks.at[0].has_dynamic);
    assert_true(is_unknown(&host, "tcpip-parameters.reg"));
    finish(&host);
}

static void test_registry(void **state)
{
    static const struct file files[] = {
        {"host.json",                              HOST("10.0.17763")    },
        {"tasklist.csv",                           TASKS_DNS             },
        {"tcpip-parameters.reg",
         REG("Tcpip\\Parameters",
         "\"TcpTimedWaitDelay\"=dword:0000003c\r\n\"ReservedPorts\"=hex(7):"
             "31,00,2d,00,31,00,00,00,00,00")},
        {"dns-parameters.reg",
         REG("DNS\\Parameters",                                           "\"SocketPoolExcludedPortRanges\"=hex(7):31,00,2d,00,39,00,00,00,"
                                "00,00")},
        {"hns-state.reg", REG("hns\\State",                       "\"EnableExcludedPortRange\"=dword:00000000")},
        {NULL,                        NULL},
    };
    const struct hm_registry *registry;
    struct host host;

    (void)state;
    observe(&host, files);
    assert_int_equal(host.st, HM_OK);
    assert_true(host.seen.inventory.has_registry);
    registry = &host.seen.inventory.registry;
    assert_true(registry->has_tcp_timed_wait_delay_s);
    assert_int_equal(registry->tcp_timed_wait_delay_s, 60);
    assert_false(registry->has_max_user_port);
    assert_int_equal(registry->reserved_ports.count, 1);
    assert_string_equal(registry->reserved_ports.at[0], "1-1");
    assert_true(registry->has_dns_socket_pool);
    assert_int_equal(registry->dns_socket_pool.size, 2500);
    ports_are(&host, registry->dns_socket_pool.excluded, "1-9");
    assert_true(registry->has_hns);
    assert_false(registry->hns.enabled);
    assert_int_equal(registry->hns.start, 50000);
    assert_int_equal(registry->hns.count, 60);
    finish(&host);
}

static void test_dns_pool_needs_the_service(void **state)
{
    static const struct file without[] = {
        {"tasklist.csv",       TASKS                },
        {"dns-parameters.reg", REG("DNS\\Parameters", "\"SocketPoolSize\"=dword:000001f4")},
        {NULL,                    NULL                                     },
    };
    static const struct file with[] = {
        {"tasklist.csv",       TASKS_DNS            },
        {"dns-parameters.reg", REG("DNS\\Parameters", "\"SocketPoolSize\"=dword:000001f4")},
        {NULL,                    NULL                                     },
    };
    static const struct file missing[] = {
        {"tasklist.csv", TASKS_DNS},
        {NULL,           NULL     }
    };
    struct host host;

    (void)state;
    observe(&host, without);
    assert_int_equal(host.st, HM_OK);
    assert_false(host.seen.inventory.registry.has_dns_socket_pool);
    finish(&host);
    observe(&host, with);
    assert_int_equal(host.seen.inventory.registry.dns_socket_pool.size, 500);
    finish(&host);
    observe(&host, missing);
    assert_true(is_unknown(&host, "dns-parameters.reg"));
    finish(&host);
}

static void test_sockets_and_kinds(void **state)
{
    static const struct file files[] = {
        {"host.json",                      HOST("10.0.17763")},
        {"ipv4-tcp-dynamicport.txt",       DYNAMIC           },
        {"ipv4-tcp-excludedportrange.txt", EXCLUDED          },
        {"netstat.txt",                    NETSTAT           },
        {"tasklist.csv",                   TASKS             },
        {NULL,                             NULL              },
    };
    struct host host;

    (void)state;
    observe(&host, files);
    assert_int_equal(host.st, HM_OK);
    assert_int_equal(host.seen.sockets.count, 9);
    assert_string_equal(find_listener(&host, 1433)->program, "sqlservr.exe");
    assert_string_equal(find_listener(&host, 1433)->service, "MSSQLSERVER");
    assert_int_equal(find_listener(&host, 1433)->kind, HM_KIND_SOCKET);
    assert_int_equal(find_listener(&host, 80)->kind, HM_KIND_HTTPSYS);
    assert_int_equal(find_listener(&host, 445)->kind, HM_KIND_KERNEL);
    assert_int_equal(find_listener(&host, 9500)->kind, HM_KIND_KERNEL); /* no row of its own */
    assert_int_equal(find_listener(&host, 49664)->kind, HM_KIND_RPC);
    assert_null(find_listener(&host, 49800));
    assert_int_equal(host.seen.inventory.services.count, 4);
    assert_true(host.seen.has_sample);
    assert_int_equal(host.seen.sample.stacks.count, 1);
    assert_int_equal(host.seen.sample.stacks.at[0].in_use, 3);
    assert_int_equal(host.seen.sample.stacks.at[0].time_wait, 1);
    finish(&host);
}

static void test_host_json_outranks(void **state)
{
    static const struct file files[] = {
        {"host.json",
         "{\"name\": \"mail\", \"boot_id\": \"b7\", \"labels\": [\"site=paris\"],\n"
         "\"event_4231\": 3, \"services\": [\"Auto\", \"Netlogon\"],\n"
         "\"os\": {\"family\": \"windows\", \"version\": \"10.0.17763\"},\n"
         "\"listeners\": [{\"protocol\": \"tcp\", \"family\": \"ipv4\", \"address\": \"0.0.0.0\",\n"
         "  \"port\": 25, \"program\": \"smtp.exe\", \"kind\": \"socket\"}],\n"
         "\"previous_boot\": {\"os\": {\"family\": \"windows\"}, \"stacks\": []}}"},
        {"netstat.txt",  NETSTAT                                                  },
        {"tasklist.csv", TASKS                                                    },
        {NULL,           NULL                                                     },
    };
    struct host host;

    (void)state;
    observe(&host, files);
    if (host.st != HM_OK) {
        fail_msg("%s", host.err.text);
    }
    assert_string_equal(host.seen.name, "mail");
    assert_string_equal(host.seen.boot_id, "b7");
    assert_int_equal(host.seen.labels.count, 1);
    assert_int_equal(host.seen.inventory.listeners.count, 1);
    assert_string_equal(host.seen.inventory.listeners.at[0].program, "smtp.exe");
    assert_int_equal(host.seen.inventory.services.count, 5); /* the union, without doubles */
    assert_true(host.seen.has_previous_boot);
    assert_true(host.seen.sample.has_events);
    assert_int_equal(host.seen.sample.event_4231, 3);
    assert_true(host.seen.has_sockets);
    finish(&host);
}

static void test_linux_host(void **state)
{
    static const struct file files[] = {
        {"sysctl.txt", "net.ipv4.ip_local_port_range = 32768\t60999\n"
                       "net.ipv4.ip_local_reserved_ports = 33060,50051\n"},
        {NULL,         NULL                                                                    },
    };
    static const struct file half[] = {
        {"host.json",  HOST_LINUX                                 },
        {"sysctl.txt", "net.ipv4.ip_local_reserved_ports = 8080\n"},
        {NULL,         NULL                                       },
    };
    struct host host;

    (void)state;
    observe(&host, files);
    assert_int_equal(host.st, HM_OK);
    assert_int_equal(host.seen.inventory.os.family, HM_OS_LINUX);
    assert_int_equal(host.seen.inventory.stacks.count, 4);
    assert_int_equal(stack(&host, HM_UDP, HM_IPV6)->dynamic.last, 60999);
    ports_are(&host, stack(&host, HM_TCP, HM_IPV4)->administered, "33060,50051");
    assert_false(is_unknown(&host, "tasklist.csv"));
    finish(&host);
    observe(&host, half);
    assert_int_equal(host.st, HM_OK);
    assert_false(stack(&host, HM_TCP, HM_IPV4)->has_dynamic);
    assert_true(is_unknown(&host, "ip_local_port_range"));
    finish(&host);
}

/* Units by the names that systemctl prints. */
static void test_linux_unit_names(void **state)
{
    static const struct file files[] = {
        {"host.json",  "{\"os\": {\"family\": \"linux\", \"version\": \"6.1.0\"}, "
                      "\"services\": [\"SAPPRD_00.service\", \"kubelet.service\", \"ssh\"], "
                      "\"listeners\": [{\"protocol\": \"tcp\", \"family\": \"ipv4\", "
                      "\"address\": \"0.0.0.0\", \"port\": 22, \"service\": \"ssh.service\"}]}"},
        {"sysctl.txt", "net.ipv4.ip_local_port_range = 32768\t60999\n"                                              },
        {NULL,         NULL                                                                                         },
    };
    struct host host;

    (void)state;
    observe(&host, files);
    assert_int_equal(host.st, HM_OK);
    assert_int_equal(host.seen.inventory.services.count, 3);
    assert_string_equal(host.seen.inventory.services.at[0], "SAPPRD_00");
    assert_string_equal(host.seen.inventory.services.at[1], "kubelet");
    assert_string_equal(host.seen.inventory.listeners.at[0].service, "ssh");
    finish(&host);
}

/* netstat of Windows 2000 has no process ids. */
static void test_windows_2000(void **state)
{
    static const struct file files[] = {
        {"host.json",   HOST("5.0.2195")                                       },
        {"netstat.txt", "\r\n  TCP    0.0.0.0:135   0.0.0.0:0   LISTENING\r\n"
                        "  TCP    10.0.0.5:1030   10.0.0.9:139   ESTABLISHED\r\n"
                        "  UDP    0.0.0.0:500   *:*\r\n"},
        {NULL,          NULL                                                   },
    };
    struct host host;

    (void)state;
    observe(&host, files);
    if (host.st != HM_OK) {
        fail_msg("%s", host.err.text);
    }
    assert_int_equal(host.seen.sockets.count, 3);
    assert_int_equal(host.seen.sockets.at[0].pid, 0);
    assert_int_equal(host.seen.sockets.at[1].state, HM_SOCKET_ESTABLISHED);
    assert_non_null(find_listener(&host, 135));
    finish(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_broken_files_are_named),
        cmocka_unit_test(test_no_folder_and_no_files),
        cmocka_unit_test(test_missing_files_are_listed),
        cmocka_unit_test(test_netsh_files),
        cmocka_unit_test(test_netsh_refused),
        cmocka_unit_test(test_legacy_range),
        cmocka_unit_test(test_legacy_without_registry),
        cmocka_unit_test(test_registry),
        cmocka_unit_test(test_dns_pool_needs_the_service),
        cmocka_unit_test(test_sockets_and_kinds),
        cmocka_unit_test(test_host_json_outranks),
        cmocka_unit_test(test_linux_host),
        cmocka_unit_test(test_linux_unit_names),
        cmocka_unit_test(test_windows_2000),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
