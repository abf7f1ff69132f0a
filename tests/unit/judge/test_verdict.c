/* tests/unit/judge/test_verdict.c — kind of listener x exclusion x range x holder.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/inventory_builder.h"

#define PORT 9955
#define W2008R2 "6.1.7601"
#define W2012R2 "6.3.9600"
#define W2019 "10.0.17763"

enum holder {
    NOBODY,
    FOREIGN_LISTEN,
    FOREIGN_CONNECTION,
    FOREIGN_BOUND,
    FOREIGN_TIME_WAIT,
    FOREIGN_CLOSING,
    ACCEPTED_TIME_WAIT,
    UNSURE_TIME_WAIT,
    LOCAL_TIME_WAIT,
    FTP_TIME_WAIT,
    OWNER,
    OWNER_CONNECTION,
    SYSTEM,
    UNREAD
};

struct row {
    const char *version; /* NULL = Linux */
    enum hm_listener_kind kind;
    bool inside; /* of the dynamic range */
    const char *administered;
    const char *runtime;
    enum holder holder;
    enum hm_verdict_state state;
    enum hm_verdict_reason reason;
};

static const struct row rows[] = {
  /* socket, rpc, kernel: an administered exclusion protects */
    {W2019,      HM_KIND_SOCKET,    false, "",          "",          NOBODY,             HM_SAFE,    HM_REASON_OUTSIDE_DYNAMIC  },
    {W2019,      HM_KIND_SOCKET,    true,  "",          "",          NOBODY,             HM_EXPOSED, HM_REASON_IN_DYNAMIC       },
    {W2019,      HM_KIND_SOCKET,    true,  "9955",      "",          NOBODY,             HM_SAFE,    HM_REASON_EXCLUDED         },
    {W2019,      HM_KIND_SOCKET,    false, "9955",      "",          NOBODY,             HM_SAFE,    HM_REASON_EXCLUDED         },
    {W2019,      HM_KIND_RPC,       true,  "9950-9960", "",          NOBODY,             HM_SAFE,    HM_REASON_EXCLUDED         },
    {W2019,      HM_KIND_RPC,       true,  "9950-9954", "",          NOBODY,             HM_EXPOSED, HM_REASON_IN_DYNAMIC       },
    {W2019,      HM_KIND_KERNEL,    true,  "9955",      "",          SYSTEM,             HM_SAFE,    HM_REASON_EXCLUDED         },
    {W2019,      HM_KIND_KERNEL,    true,  "",          "",          SYSTEM,             HM_EXPOSED, HM_REASON_IN_DYNAMIC       },
    {W2019,      HM_KIND_SOCKET,    true,  "",          "9900-9999", NOBODY,             HM_BLOCKED, HM_REASON_RUNTIME_EXCLUSION},
    {W2019,      HM_KIND_SOCKET,    false, "",          "9955",      NOBODY,             HM_BLOCKED, HM_REASON_RUNTIME_EXCLUSION},
    {W2019,      HM_KIND_SOCKET,    true,  "",          "9900-9999", OWNER,              HM_EXPOSED, HM_REASON_IN_DYNAMIC       },
    {W2019,      HM_KIND_SOCKET,    false, "",          "9900-9999", OWNER,              HM_SAFE,    HM_REASON_OWN_RESERVATION  },
    {W2019,      HM_KIND_SOCKET,    true,  "",          "9900-9954", NOBODY,             HM_EXPOSED, HM_REASON_IN_DYNAMIC       },
 /* whoever has it */
    {W2019,      HM_KIND_SOCKET,    true,  "",          "",          FOREIGN_LISTEN,     HM_BLOCKED, HM_REASON_HELD             },
    {W2019,      HM_KIND_SOCKET,    true,  "",          "",          FOREIGN_CONNECTION, HM_BLOCKED, HM_REASON_HELD             },
    {W2019,      HM_KIND_SOCKET,    true,  "",          "",          FOREIGN_BOUND,      HM_BLOCKED, HM_REASON_HELD             },
    {W2019,      HM_KIND_SOCKET,    true,  "",          "",          FOREIGN_TIME_WAIT,  HM_EXPOSED, HM_REASON_IN_DYNAMIC       },
    {W2019,      HM_KIND_SOCKET,    true,  "9955",      "",          FOREIGN_CONNECTION, HM_BLOCKED, HM_REASON_HELD             },
    {W2019,      HM_KIND_SOCKET,    false, "",          "",          FOREIGN_LISTEN,     HM_BLOCKED, HM_REASON_HELD             },
    {W2019,      HM_KIND_SOCKET,    true,  "",          "9900-9999", FOREIGN_LISTEN,     HM_BLOCKED, HM_REASON_HELD             },
    {W2019,      HM_KIND_SOCKET,    true,  "",          "",          OWNER,              HM_EXPOSED, HM_REASON_IN_DYNAMIC       },
    {W2019,      HM_KIND_SOCKET,    false, "",          "",          OWNER_CONNECTION,   HM_SAFE,    HM_REASON_OUTSIDE_DYNAMIC  },
    {W2019,      HM_KIND_SOCKET,    false, "",          "",          UNREAD,             HM_UNKNOWN, HM_REASON_FACTS_MISSING    },
    {W2019,      HM_KIND_SOCKET,    true,  "9955",      "",          UNREAD,             HM_UNKNOWN, HM_REASON_FACTS_MISSING    },
    {W2019,      HM_KIND_SOCKET,    true,  "",          "",          UNREAD,             HM_EXPOSED, HM_REASON_IN_DYNAMIC       },
    {W2019,      HM_KIND_KERNEL,    false, "",          "",          UNREAD,             HM_SAFE,    HM_REASON_OUTSIDE_DYNAMIC  },
    {NULL,       HM_KIND_SOCKET,    false, "",          "",          UNREAD,             HM_UNKNOWN, HM_REASON_FACTS_MISSING    },
    {W2019,      HM_KIND_SOCKET,    false, "",          "",          SYSTEM,             HM_SAFE,    HM_REASON_OUTSIDE_DYNAMIC  },
 /* httpsys, quic, container: an administered exclusion breaks */
    {W2019,      HM_KIND_HTTPSYS,   false, "",          "",          NOBODY,             HM_SAFE,    HM_REASON_OUTSIDE_DYNAMIC  },
    {W2019,      HM_KIND_HTTPSYS,   true,  "",          "",          NOBODY,             HM_EXPOSED, HM_REASON_IN_DYNAMIC       },
    {W2019,      HM_KIND_HTTPSYS,   true,  "9955",      "",          NOBODY,             HM_BLOCKED, HM_REASON_RESERVER_EXCLUDED},
    {W2019,      HM_KIND_HTTPSYS,   false, "9955",      "",          NOBODY,             HM_BLOCKED, HM_REASON_RESERVER_EXCLUDED},
    {W2019,      HM_KIND_HTTPSYS,   true,  "",          "9955",      SYSTEM,             HM_EXPOSED, HM_REASON_IN_DYNAMIC       },
    {W2019,      HM_KIND_HTTPSYS,   false, "",          "9955",      SYSTEM,             HM_SAFE,    HM_REASON_OWN_RESERVATION  },
    {W2019,      HM_KIND_HTTPSYS,   true,  "",          "9900-9999", NOBODY,             HM_BLOCKED,
     HM_REASON_RUNTIME_EXCLUSION                                                                                                },
    {W2019,      HM_KIND_HTTPSYS,   false, "",          "",          SYSTEM,             HM_SAFE,    HM_REASON_OUTSIDE_DYNAMIC  },
    {W2019,      HM_KIND_HTTPSYS,   true,  "",          "",          FOREIGN_CONNECTION, HM_BLOCKED, HM_REASON_HELD             },
    {W2019,      HM_KIND_QUIC,      true,  "9955",      "",          NOBODY,             HM_BLOCKED, HM_REASON_RESERVER_EXCLUDED},
    {W2019,      HM_KIND_QUIC,      true,  "",          "9955",      OWNER,              HM_EXPOSED, HM_REASON_IN_DYNAMIC       },
    {W2019,      HM_KIND_QUIC,      false, "",          "9955",      OWNER,              HM_SAFE,    HM_REASON_OWN_RESERVATION  },
    {W2019,      HM_KIND_CONTAINER, true,  "9955",      "",          NOBODY,             HM_BLOCKED, HM_REASON_RESERVER_EXCLUDED},
    {W2019,      HM_KIND_CONTAINER, true,  "",          "",          NOBODY,             HM_EXPOSED, HM_REASON_IN_DYNAMIC       },
 /* shared: KB3039044 */
    {W2008R2,    HM_KIND_SHARED,    true,  "9955",      "",          NOBODY,             HM_BLOCKED, HM_REASON_SHARED_EXCLUDED  },
    {W2012R2,    HM_KIND_SHARED,    false, "9955",      "",          NOBODY,             HM_BLOCKED, HM_REASON_SHARED_EXCLUDED  },
    {"6.0.6002", HM_KIND_SHARED,    true,  "9955",      "",          NOBODY,             HM_SAFE,    HM_REASON_EXCLUDED         },
    {W2019,      HM_KIND_SHARED,    true,  "9955",      "",          NOBODY,             HM_SAFE,    HM_REASON_EXCLUDED         },
    {W2019,      HM_KIND_SHARED,    true,  "",          "",          FOREIGN_LISTEN,     HM_EXPOSED, HM_REASON_IN_DYNAMIC       },
    {W2019,      HM_KIND_SHARED,    false, "",          "",          FOREIGN_LISTEN,     HM_SAFE,    HM_REASON_OUTSIDE_DYNAMIC  },
 /* Linux: reserved ports hinder nobody who asks for one */
    {NULL,       HM_KIND_SOCKET,    true,  "",          "",          NOBODY,             HM_EXPOSED, HM_REASON_IN_DYNAMIC       },
    {NULL,       HM_KIND_SOCKET,    true,  "9955",      "",          NOBODY,             HM_SAFE,    HM_REASON_EXCLUDED         },
    {NULL,       HM_KIND_QUIC,      true,  "9955",      "",          NOBODY,             HM_SAFE,    HM_REASON_EXCLUDED         },
    {NULL,       HM_KIND_CONTAINER, true,  "9955",      "",          NOBODY,             HM_SAFE,    HM_REASON_EXCLUDED         },
    {NULL,       HM_KIND_SOCKET,    true,  "9955",      "",          FOREIGN_LISTEN,     HM_BLOCKED, HM_REASON_HELD             },
 /* Linux: a closed connection of a client blocks a bind; outside the range it was the server's
  own, unless the other end has a server's port */
    {NULL,       HM_KIND_SOCKET,    true,  "",          "",          FOREIGN_TIME_WAIT,  HM_BLOCKED, HM_REASON_HELD             },
    {NULL,       HM_KIND_SOCKET,    true,  "9955",      "",          FOREIGN_CLOSING,    HM_BLOCKED, HM_REASON_HELD             },
    {NULL,       HM_KIND_SOCKET,    false, "",          "",          FOREIGN_CLOSING,    HM_UNKNOWN, HM_REASON_FACTS_MISSING    },
    {NULL,       HM_KIND_SOCKET,    true,  "",          "",          ACCEPTED_TIME_WAIT, HM_EXPOSED, HM_REASON_IN_DYNAMIC       },
    {NULL,       HM_KIND_SOCKET,    true,  "",          "",          UNSURE_TIME_WAIT,   HM_EXPOSED, HM_REASON_IN_DYNAMIC       },
    {NULL,       HM_KIND_SOCKET,    true,  "9955",      "",          UNSURE_TIME_WAIT,   HM_UNKNOWN, HM_REASON_FACTS_MISSING    },
    {NULL,       HM_KIND_SOCKET,    true,  "9955",      "",          FTP_TIME_WAIT,      HM_UNKNOWN, HM_REASON_FACTS_MISSING    },
    {NULL,       HM_KIND_SOCKET,    true,  "9955",      "",          LOCAL_TIME_WAIT,    HM_BLOCKED, HM_REASON_HELD             },
    {NULL,       HM_KIND_SOCKET,    false, "",          "",          ACCEPTED_TIME_WAIT, HM_SAFE,    HM_REASON_OUTSIDE_DYNAMIC  },
 /* reserved, but it may have been a client's before: then it blocks every server */
    {NULL,       HM_KIND_SOCKET,    true,  "9955",      "",          ACCEPTED_TIME_WAIT, HM_UNKNOWN,
     HM_REASON_FACTS_MISSING                                                                                                    },
};

static void put_holder(struct hm_build *build, enum holder holder)
{
    static const struct {
        enum hm_socket_state state;
        const char *program;
        const char *service;
        const char *remote;
    } holders[] = {
        [FOREIGN_LISTEN] = {HM_SOCKET_LISTEN,      "other.exe", "",    ""              },
        [FOREIGN_CONNECTION] = {HM_SOCKET_ESTABLISHED, "lsass.exe", "",    "10.0.0.5:3268" },
        [FOREIGN_BOUND] = {HM_SOCKET_BOUND,       "other.exe", "",    ""              },
        [FOREIGN_TIME_WAIT] = {HM_SOCKET_TIME_WAIT,   "",          "",    "10.0.0.5:443"  },
        [FOREIGN_CLOSING] = {HM_SOCKET_CLOSING,     "",          "",    "10.0.0.5:389"  },
        [ACCEPTED_TIME_WAIT] = {HM_SOCKET_TIME_WAIT,   "",          "",    "10.0.0.5:50123"},
        [UNSURE_TIME_WAIT] = {HM_SOCKET_TIME_WAIT,   "",          "",    "10.0.0.5:3268" },
        [FTP_TIME_WAIT] = {HM_SOCKET_TIME_WAIT,   "",          "",    "10.0.0.5:20"   },
        [LOCAL_TIME_WAIT] = {HM_SOCKET_TIME_WAIT,   "",          "",    "127.0.0.1:8443"},
        [OWNER] = {HM_SOCKET_LISTEN,      "own.exe",   "Own", ""              },
        [OWNER_CONNECTION] = {HM_SOCKET_ESTABLISHED, "own.exe",   "Own", "10.0.0.5:80"   },
        [SYSTEM] = {HM_SOCKET_LISTEN,      "System",    "",    ""              },
        [UNREAD] = {HM_SOCKET_LISTEN,      "",          "",    ""              },
    };

    struct hm_socket *socket;

    build->has_sockets = true;
    if (holder == NOBODY) {
        return;
    }
    socket = hm_build_socket(build, HM_TCP, HM_IPV4, holders[holder].state, PORT,
                             holders[holder].program, holders[holder].service);
    socket->remote = holders[holder].remote;
    if (holder == LOCAL_TIME_WAIT) {
        socket->address = "127.0.0.1";
        hm_build_listener(build, HM_TCP, HM_IPV4, 8443, "nginx", "", HM_KIND_SOCKET);
    }
    if (holders[holder].state == HM_SOCKET_LISTEN) {
        hm_build_listener(build, HM_TCP, HM_IPV4, PORT, holders[holder].program,
                          holders[holder].service,
                          holder == SYSTEM ? HM_KIND_HTTPSYS : HM_KIND_SOCKET);
    }
}

static void check(const struct row *row, size_t at)
{
    struct hm_build *build = malloc(sizeof(*build));
    struct hm_product *product;
    const struct hm_verdict *verdict;

    assert_non_null(build);
    hm_build_init(build, row->version);
    hm_build_dynamic(build, row->inside ? 6005 : 49152, row->inside ? 65534 : 65535);
    hm_build_exclude(build, HM_TCP, HM_IPV4, row->administered);
    hm_build_exclude(build, HM_TCP, HM_IPV6, row->administered);
    hm_build_runtime(build, HM_TCP, HM_IPV4, row->runtime);
    hm_build_runtime(build, HM_TCP, HM_IPV6, row->runtime);
    product = hm_build_product(build, "product", "Own", "own.exe");
    hm_build_require(build, product, "port", HM_TCP, "9955", row->kind);
    hm_build_service(build, "Own");
    put_holder(build, row->holder);
    if (row->holder == SYSTEM && row->kind != HM_KIND_HTTPSYS) {
        build->listeners[0].kind = row->kind;
    }
    hm_build_judge(build);
    verdict = hm_build_verdict(build, "product", "port");
    assert_non_null(verdict);
    if (verdict->state != row->state || verdict->reason != row->reason) {
        print_error("row %zu: %s\n", at, verdict->text);
    }
    assert_string_equal(hm_verdict_state_names[verdict->state], hm_verdict_state_names[row->state]);
    assert_string_equal(hm_verdict_reason_names[verdict->reason],
                        hm_verdict_reason_names[row->reason]);
    assert_int_equal(strstr(verdict->text, "could not be read") != NULL,
                     row->holder == UNREAD ||
                         (row->holder == SYSTEM && row->kind == HM_KIND_SOCKET));
    assert_int_equal(verdict->has_holder,
                     row->reason == HM_REASON_HELD ||
                         ((row->holder == ACCEPTED_TIME_WAIT || row->holder == UNSURE_TIME_WAIT ||
                           row->holder == FOREIGN_CLOSING || row->holder == FTP_TIME_WAIT) &&
                          row->state == HM_UNKNOWN));
    assert_int_equal(verdict->at_risk.count > 0, row->state != HM_SAFE);
    hm_build_fini(build);
    free(build);
}

static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        check(&rows[i], i);
    }
}

static struct hm_build *new_build(const char *version)
{
    struct hm_build *build = malloc(sizeof(*build));

    assert_non_null(build);
    hm_build_init(build, version);
    return build;
}

static void free_build(struct hm_build *build)
{
    hm_build_fini(build);
    free(build);
}

static struct hm_requirement *require(struct hm_build *build, enum hm_protocol protocol,
                                      const char *ports)
{
    struct hm_product *product = hm_build_product(build, "product", "Own", NULL);

    hm_build_service(build, "Own");
    return hm_build_require(build, product, "port", protocol, ports, HM_KIND_SOCKET);
}

/* Unknown is never none, and never hides what is worse. */
static void test_missing_facts(void **state)
{
    struct hm_build *build = new_build(W2019);
    const struct hm_verdict *verdict;

    (void)state;
    require(build, HM_TCP, "9955");
    hm_build_dynamic(build, 6005, 65534);
    hm_build_stack(build, HM_TCP, HM_IPV4)->has_administered = false;
    hm_build_stack(build, HM_TCP, HM_IPV4)->has_runtime = false;
    hm_build_exclude(build, HM_TCP, HM_IPV6, "9955");
    verdict = &hm_build_judge(build)->verdicts.at[0];
    assert_int_equal(verdict->state, HM_UNKNOWN);
    assert_int_equal(verdict->families.count, 1);
    assert_string_equal(verdict->families.at[0], "ipv4");
    assert_true(build->judgement.unknown.count > 0);
    assert_string_equal(build->judgement.unknown.at[0],
                        "The exclusions of tcp/ipv4 were not read.");

    hm_build_exclude(build, HM_TCP, HM_IPV6, "");
    verdict = &hm_build_judge(build)->verdicts.at[0];
    assert_int_equal(verdict->state, HM_EXPOSED);
    assert_string_equal(verdict->families.at[0], "ipv6");

    hm_build_dynamic(build, 49152, 65535); /* a runtime exclusion blocks outside of it too */
    verdict = &hm_build_judge(build)->verdicts.at[0];
    assert_int_equal(verdict->state, HM_UNKNOWN);
    assert_string_equal(verdict->families.at[0], "ipv4");

    build->inventory.stacks.count = 0;
    verdict = &hm_build_judge(build)->verdicts.at[0];
    assert_int_equal(verdict->state, HM_UNKNOWN);
    assert_int_equal(verdict->families.count, 2);
    free_build(build);
}

static void test_a_range_names_the_part_at_risk(void **state)
{
    struct hm_build *build = new_build(W2019);
    const struct hm_verdict *verdict;

    (void)state;
    require(build, HM_TCP, "6000-6010");
    hm_build_dynamic(build, 6005, 65534);
    hm_build_exclude(build, HM_TCP, HM_IPV4, "6005-6007");
    hm_build_exclude(build, HM_TCP, HM_IPV6, "6009-6010");
    verdict = &hm_build_judge(build)->verdicts.at[0];
    assert_int_equal(verdict->state, HM_EXPOSED);
    assert_string_equal(hm_ports_text(verdict->at_risk, &build->arena), "6005-6010");
    assert_int_equal(verdict->families.count, 2);
    free_build(build);
}

/* Of a pool any port will do: one that is taken blocks nothing, and the odds are those of one. */
static void test_reserve_only(void **state)
{
    struct hm_build *build = new_build(NULL);
    const struct hm_verdict *verdict;
    struct hm_requirement *ports;

    (void)state;
    ports = hm_build_require(build, hm_build_product(build, "p", NULL, NULL), "r", HM_TCP,
                             "30000-32767", HM_KIND_CONTAINER);
    ports->reserve_only = true;
    hm_build_dynamic(build, 10240, 65535);
    for (uint16_t i = 0; i < 100; i++) {
        hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_ESTABLISHED, (uint16_t)(30000 + i),
                        "client", "")
            ->remote = "10.0.0.5:443";
    }
    verdict = &hm_build_judge(build)->verdicts.at[0];
    assert_int_equal(verdict->reason, HM_REASON_IN_DYNAMIC);
    assert_false(verdict->has_holder);
    assert_true(verdict->odds > 99.9 / 55296 && verdict->odds < 100.1 / 55296);
    assert_true(verdict->odds_of_each);
    assert_non_null(strstr(verdict->text, "any outgoing connection can be given one of them"));
    assert_non_null(strstr(verdict->text, "(for each port ")); /* not: one of them */
    ports->reserve_only = false;
    assert_int_equal(hm_build_judge(build)->verdicts.at[0].reason, HM_REASON_HELD);
    assert_false(build->judgement.verdicts.at[0].odds_of_each);
    free_build(build);
}

/* A block of WinNAT over a port that nobody binds keeps programs off it, until the block moves. */
static void test_reserve_only_in_a_block(void **state)
{
    struct hm_build *build = new_build("10.0.17763");
    const struct hm_verdict *verdict;
    struct hm_requirement *port;

    (void)state;
    port = hm_build_require(build, hm_build_product(build, "p", NULL, NULL), "r", HM_UDP, "65330",
                            HM_KIND_KERNEL);
    port->reserve_only = true;
    hm_build_runtime(build, HM_UDP, HM_IPV4, "65300-65399");
    hm_build_runtime(build, HM_UDP, HM_IPV6, "65300-65399");
    verdict = &hm_build_judge(build)->verdicts.at[0];
    assert_int_equal(verdict->state, HM_SAFE);
    assert_true(verdict->has_after_boot);
    assert_int_equal(verdict->after_boot, HM_EXPOSED);
    port->reserve_only = false;
    assert_int_equal(hm_build_judge(build)->verdicts.at[0].reason, HM_REASON_RUNTIME_EXCLUSION);
    free_build(build);
}

/* Message Queuing listens elsewhere when a port is taken, by a program or by a block: it starts. */
static void test_falls_back(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        const bool in_range = i % 2 == 1;
        struct hm_build *build = new_build("10.0.17763");
        const struct hm_verdict *verdict;
        struct hm_requirement *rpc;

        print_message("case %u\n", i);
        rpc = hm_build_require(build, hm_build_product(build, "p", "MSMQ", NULL), "r", HM_TCP,
                               "2101,2103", HM_KIND_RPC);
        rpc->falls_back = true;
        hm_build_service_runs(build, "MSMQ", false);
        hm_build_service(build, "MSMQ");
        if (in_range) {
            hm_build_dynamic(build, 1025, 65534);
        }
        if (i < 2) {
            hm_build_listener(build, HM_TCP, HM_IPV4, 2103, "acme.exe", "Acme", HM_KIND_SOCKET);
        } else {
            hm_build_runtime(build, HM_TCP, HM_IPV4, "2100-2199");
        }
        verdict = &hm_build_judge(build)->verdicts.at[0];
        assert_int_equal(verdict->state, in_range ? HM_EXPOSED : HM_SAFE);
        assert_int_equal(in_range, strstr(verdict->text, "then uses another port") != NULL);
        assert_null(hm_build_finding(build, "service_not_running", "service MSMQ"));
        rpc->falls_back = false;
        assert_int_equal(hm_build_judge(build)->verdicts.at[0].state, HM_BLOCKED);
        free_build(build);
    }
}

/* Linux: DNS servers beside each other, each on an address of its own. */
static void test_addresses_apart(void **state)
{
    static const struct {
        const char *version, *own, *other;
        enum hm_verdict_state state;
    } cases[] = {
        {NULL,  "127.0.0.3", "::1", HM_SAFE   },
        {NULL,  "0.0.0.0",   "::1", HM_UNKNOWN}, /* set up for every address, as far as is known */
        {NULL,  "127.0.0.3", "::",  HM_UNKNOWN},
        {W2019, "127.0.0.3", "::1", HM_UNKNOWN},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build *build = new_build(cases[i].version);

        hm_build_dynamic(build, 49152, 65535);
        require(build, HM_UDP, "53");
        hm_build_listener(build, HM_UDP, HM_IPV4, 53, "own", "Own", HM_KIND_SOCKET);
        build->listeners[0].address = cases[i].own;
        hm_build_listener(build, HM_UDP, HM_IPV6, 53, "named", "named", HM_KIND_SOCKET);
        build->listeners[1].address = cases[i].other;
        if (hm_build_judge(build)->verdicts.at[0].state != cases[i].state) {
            fail_msg("row %zu: %s", i, build->judgement.verdicts.at[0].text);
        }
        build->listeners[0] = build->listeners[1]; /* it is down */
        build->inventory.listeners.count = 1;
        assert_int_not_equal(hm_build_judge(build)->verdicts.at[0].state, HM_SAFE);
        free_build(build);
    }
}

/* Linux names nobody for the kernel's own sockets. */
static void test_kernel_socket_of_linux(void **state)
{
    struct hm_build *build = new_build(NULL);
    struct hm_port_entry remembered = {
        .protocol = HM_UDP, .port = 51820, .program = "", .service = "", .boots = 2};
    struct hm_requirement *tunnel;

    (void)state;
    tunnel = hm_build_require(build, hm_build_product(build, "wireguard", "wg-quick@wg0", NULL),
                              "tunnel", HM_UDP, "51820", HM_KIND_KERNEL);
    tunnel->optional = true;
    hm_build_service(build, "wg-quick@wg0");
    assert_int_equal(hm_build_judge(build)->verdicts.count, 0);
    hm_build_listener(build, HM_UDP, HM_IPV4, 51820, "", "", HM_KIND_SOCKET);
    hm_build_judge(build);
    assert_int_equal(build->judgement.verdicts.count, 1);
    assert_string_equal(build->judgement.verdicts.at[0].requirement, "tunnel");
    assert_int_equal(build->judgement.verdicts.at[0].state, HM_EXPOSED);
    build->inventory.listeners.count = 0; /* it is down, and the port book remembers it */
    assert_int_equal(hm_build_judge(build)->verdicts.count, 0);
    build->inventory.has_port_book = true;
    build->inventory.port_book = (struct hm_port_book){&remembered, 1};
    assert_int_equal(hm_build_judge(build)->verdicts.count, 1);
    build->inventory.has_port_book = false;
    hm_build_listener(build, HM_UDP, HM_IPV4, 51820, "", "", HM_KIND_SOCKET);
    tunnel->kind = HM_KIND_SOCKET; /* whose it is could not be read */
    hm_build_judge(build);
    assert_null(hm_build_verdict(build, "wireguard", NULL));
    free_build(build);
}

/* Legacy: ReservedPorts with its adjacency fault; IPv6 is not there and not missed. */
static void test_legacy(void **state)
{
    struct hm_build *build = new_build("5.2.3790");
    const struct hm_verdict *verdict;

    (void)state;
    require(build, HM_UDP, "1812-1813");
    verdict = &hm_build_judge(build)->verdicts.at[0];
    assert_int_equal(verdict->state, HM_EXPOSED);
    hm_build_reserved(build, "1812-1812");
    hm_build_reserved(build, "1813-1813");
    verdict = &hm_build_judge(build)->verdicts.at[0];
    assert_int_equal(verdict->state, HM_EXPOSED);
    assert_string_equal(hm_ports_text(verdict->at_risk, &build->arena), "1813");
    build->inventory.registry.reserved_ports.count = 0;
    hm_build_reserved(build, "1812-1813");
    verdict = &hm_build_judge(build)->verdicts.at[0];
    assert_int_equal(verdict->state, HM_SAFE);
    assert_int_equal(verdict->families.count, 1);
    free_build(build);
}

static void test_what_listens_outranks_the_catalogue(void **state)
{
    static const struct {
        enum hm_listener_kind catalogue, listener;
        const char *program;
        enum hm_listener_kind want;
    } cases[] = {
        {HM_KIND_SOCKET,  HM_KIND_QUIC,   "own.exe", HM_KIND_QUIC   },
        {HM_KIND_HTTPSYS, HM_KIND_SOCKET, "own.exe", HM_KIND_SOCKET },
        {HM_KIND_HTTPSYS, HM_KIND_SOCKET, "System",  HM_KIND_HTTPSYS},
        {HM_KIND_SHARED,  HM_KIND_SOCKET, "own.exe", HM_KIND_SHARED }, /* cannot be seen */
        {HM_KIND_QUIC,    HM_KIND_SOCKET, "own.exe", HM_KIND_QUIC   },
        {HM_KIND_SOCKET,  HM_KIND_QUIC,   "foe.exe", HM_KIND_SOCKET },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build *build = new_build(W2019);
        struct hm_product *product = hm_build_product(build, "product", "Own", "own.exe");

        hm_build_service(build, "Own");
        hm_build_require(build, product, "port", HM_TCP, "9955", cases[i].catalogue);
        hm_build_listener(build, HM_TCP, HM_IPV4, PORT, cases[i].program, "", cases[i].listener);
        assert_int_equal(hm_build_judge(build)->verdicts.at[0].kind, cases[i].want);
        free_build(build);
    }
}

/* A sister's listener on the port is the product's own, her outgoing connection is not; and a
 * connection on a port where the owner listens is one that it accepted. */
static void test_owner(void **state)
{
    struct hm_build *build = new_build(W2019);
    struct hm_product *product = hm_build_product(build, "product", "Own", "*.own.exe");
    struct hm_requirement *requirement =
        hm_build_require(build, product, "port", HM_TCP, "9955", HM_KIND_SOCKET);
    struct hm_socket *socket;

    (void)state;
    requirement->detect.services = product->detect.services;
    hm_build_service(build, "Own");
    socket = hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_LISTEN, PORT, "Sister.OWN.exe", "");
    assert_int_equal(hm_build_judge(build)->verdicts.at[0].state, HM_SAFE);
    socket->state = HM_SOCKET_ESTABLISHED;
    assert_int_equal(hm_build_judge(build)->verdicts.at[0].state, HM_BLOCKED);
    hm_build_socket(build, HM_TCP, HM_IPV6, HM_SOCKET_LISTEN, PORT, "first.own.exe", "Own");
    assert_int_equal(hm_build_judge(build)->verdicts.at[0].state, HM_SAFE);
    /* svchost.exe without a service name may well be the owner */
    build->sockets.count = 0;
    hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_LISTEN, PORT, "svchost.exe", "");
    assert_int_equal(hm_build_judge(build)->verdicts.at[0].state, HM_SAFE);
    assert_non_null(strstr(build->judgement.verdicts.at[0].text, "could not be read"));
    free_build(build);
}

/* Windows 2000 names nobody. Whoever has the port of a service that is down is not the service; one
 * that runs has its ports, as far as anybody can tell. */
static void test_nobody_is_named(void **state)
{
    static const struct {
        uint16_t first; /* of the dynamic range */
        bool known;
        bool runs;
        enum hm_verdict_state state;
        const char *program;
    } cases[] = {
        {49152, false, false, HM_UNKNOWN, ""           },
        {49152, true,  true,  HM_SAFE,    ""           },
        {6005,  true,  true,  HM_EXPOSED, ""           },
        {6005,  false, false, HM_EXPOSED, ""           },
        {49152, true,  false, HM_BLOCKED, ""           },
        {6005,  true,  false, HM_BLOCKED, ""           },
        {6005,  true,  false, HM_BLOCKED, "svchost.exe"},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build *build = new_build(W2019);
        const struct hm_verdict *verdict;

        hm_build_dynamic(build, cases[i].first, 65534);
        require(build, HM_TCP, "9955");
        hm_build_service(build, "Own");
        if (cases[i].known) {
            hm_build_service_runs(build, "Own", cases[i].runs);
        }
        hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_LISTEN, PORT, cases[i].program, "");
        hm_build_sample(build, HM_TCP, HM_IPV4, 50000, 0);
        hm_build_sample(build, HM_TCP, HM_IPV6, 50000, 0);
        verdict = &hm_build_judge(build)->verdicts.at[0];
        if (verdict->state != cases[i].state) {
            fail_msg("row %zu: %s", i, verdict->text);
        }
        if (cases[i].program[0] == '\0') {
            assert_non_null(strstr(verdict->text, "could not be read"));
            assert_null(strstr(verdict->text, "nothing has taken it yet"));
            assert_false(verdict->has_odds);
        }
        free_build(build);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_missing_facts),
        cmocka_unit_test(test_a_range_names_the_part_at_risk),
        cmocka_unit_test(test_reserve_only),
        cmocka_unit_test(test_reserve_only_in_a_block),
        cmocka_unit_test(test_falls_back),
        cmocka_unit_test(test_addresses_apart),
        cmocka_unit_test(test_kernel_socket_of_linux),
        cmocka_unit_test(test_legacy),
        cmocka_unit_test(test_what_listens_outranks_the_catalogue),
        cmocka_unit_test(test_owner),
        cmocka_unit_test(test_nobody_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
