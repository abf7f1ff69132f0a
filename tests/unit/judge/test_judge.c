/* tests/unit/judge/test_judge.c — whole hosts: the Exchange story, the payroll story, the order of
 * what comes out, and what an observed listener becomes.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/judge/finding_kind.h"
#include "tests/support/inventory_builder.h"

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

static void put_exchange(struct hm_build *build)
{
    static const char *const services[2] = {"MSExchangePOP3BE", "MSExchangeIMAP4BE"};
    static const char *const ports[2] = {"9955", "9933"};
    static const char *const ids[2] = {"pop3-back-end", "imap4-back-end"};
    struct hm_product *product = hm_build_product(build, "exchange-2013-back-end",
                                                  "MSExchange????*BE", "Microsoft.Exchange.*.exe");

    for (unsigned i = 0; i < 2; i++) {
        struct hm_requirement *requirement =
            hm_build_require(build, product, ids[i], HM_TCP, ports[i], HM_KIND_SOCKET);
        const char **names = hm_arena_alloc(&build->arena, 1, sizeof(*names));

        assert_non_null(names);
        names[0] = services[i];
        requirement->detect.services = (struct hm_strings){names, 1};
        hm_build_service(build, services[i]);
    }
    hm_build_dynamic(build, 6005, 65534);
}

/* I2: moved range, a global catalog connection on 9955, a cure on IPv4 only, the whole cure. */
static void test_exchange(void **state)
{
    struct hm_build *build = new_build("6.3.9600");
    const struct hm_verdict *pop3;
    struct hm_socket *taken;

    (void)state;
    put_exchange(build);
    taken = hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_ESTABLISHED, 9955, "lsass.exe", "");
    taken->remote = "10.0.0.5:3268";
    taken->pid = 580;
    hm_build_judge(build);
    assert_int_equal(hm_judgement_worst(&build->judgement), HM_BLOCKED);
    pop3 = &build->judgement.verdicts.at[0]; /* the worst comes first */
    assert_string_equal(pop3->requirement, "pop3-back-end");
    assert_int_equal(pop3->reason, HM_REASON_HELD);
    assert_string_equal(pop3->holder.program, "lsass.exe");
    assert_string_equal(pop3->holder.remote, "10.0.0.5:3268");
    assert_int_equal(pop3->holder.pid, 580);
    assert_string_equal(pop3->families.at[0], "ipv4");
    assert_int_equal(pop3->families.count, 1);
    assert_string_equal(pop3->text, "TCP 9955 is held on ipv4 by lsass.exe, which uses it for a "
                                    "connection to 10.0.0.5:3268: the service cannot start until "
                                    "it is free.");
    assert_non_null(hm_build_finding(build, "required_port_held", "tcp 9955"));
    assert_non_null(hm_build_finding(build, "required_in_dynamic", "tcp 9933"));
    assert_non_null(hm_build_finding(build, "dynamic_range_moved", NULL));
    assert_int_equal(hm_build_verdict(build, "exchange-2013-back-end", "imap4-back-end")->state,
                     HM_EXPOSED);

    build->sockets.count = 0; /* restarted, cured on IPv4 only */
    hm_build_exclude(build, HM_TCP, HM_IPV4, "9933,9955");
    hm_build_judge(build);
    pop3 = hm_build_verdict(build, "exchange-2013-back-end", "pop3-back-end");
    assert_int_equal(pop3->state, HM_EXPOSED);
    assert_int_equal(pop3->families.count, 1);
    assert_string_equal(pop3->families.at[0], "ipv6");
    assert_non_null(hm_build_finding(build, "family_gap", "tcp 9955"));
    assert_non_null(hm_build_finding(build, "family_gap", "tcp 9933"));

    hm_build_exclude(build, HM_TCP, HM_IPV6, "9933,9955");
    hm_build_judge(build);
    assert_int_equal(hm_judgement_worst(&build->judgement), HM_SAFE);
    assert_int_equal(build->judgement.verdicts.count, 2);
    assert_null(hm_build_finding(build, "family_gap", NULL));
    free_build(build);
}

/* I1: the DNS Server's sockets over three UDP ports of a payroll product on 2003. */
static void test_payroll(void **state)
{
    static const char *const programs[] = {"EvDRClient.exe", "EvDeployMgr.exe"};
    static const char *const ports[] = {"9469", "9506"};
    struct hm_build *build = new_build("5.2.3790");

    (void)state;
    hm_build_dynamic(build, 1024, 60000);
    hm_build_service(build, "DNS");
    for (unsigned i = 0; i < 2; i++) {
        struct hm_product *product = hm_build_product(build, programs[i], NULL, programs[i]);

        hm_build_require(build, product, "port", HM_UDP, ports[i], HM_KIND_SOCKET);
        hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_ESTABLISHED, 1100, programs[i], "");
    }
    hm_build_socket(build, HM_UDP, HM_IPV4, HM_SOCKET_LISTEN, 9469, "dns.exe", "DNS");
    hm_build_judge(build);
    assert_int_equal(hm_build_verdict(build, programs[0], NULL)->state, HM_BLOCKED);
    assert_string_equal(hm_build_verdict(build, programs[0], NULL)->holder.service, "DNS");
    assert_int_equal(hm_build_verdict(build, programs[1], NULL)->state, HM_EXPOSED);
    assert_non_null(
        strstr(hm_build_verdict(build, programs[1], NULL)->text, "the DNS Server's socket pool"));
    assert_non_null(hm_build_finding(build, "dns_pool_overlap", NULL));
    hm_build_reserved(build, "9469-9469");
    hm_build_reserved(build, "9506-9507");
    build->sockets.count--;
    hm_build_judge(build);
    assert_int_equal(hm_judgement_worst(&build->judgement), HM_SAFE);
    assert_null(hm_build_finding(build, "dns_pool_overlap", NULL));
    free_build(build);
}

static void test_observed(void **state)
{
    static const struct {
        const char *version;
        enum hm_protocol protocol;
        uint16_t port;
        const char *program, *service;
        enum hm_listener_kind kind;
        const char *product; /* NULL = none */
    } cases[] = {
        {NULL,         HM_TCP, 33060, "mysqld",      "mysql", HM_KIND_SOCKET, "mysql"      },
        {NULL,         HM_TCP, 33060, "mysqld",      "",      HM_KIND_SOCKET, "mysqld"     },
        {NULL,         HM_TCP, 33060, "",            "",      HM_KIND_SOCKET, NULL         },
        {NULL,         HM_TCP, 3306,  "mysqld",      "mysql", HM_KIND_SOCKET, NULL         },
        {NULL,         HM_UDP, 33060, "chrome",      "",      HM_KIND_SOCKET, NULL         },
        {NULL,         HM_UDP, 33060, "openvpn",     "vpn",   HM_KIND_SOCKET, "vpn"        },
        {"10.0.17763", HM_TCP, 50000, "java.exe",    "",      HM_KIND_SOCKET, "java.exe"   },
        {"10.0.17763", HM_TCP, 49664, "LSASS.exe",   "",      HM_KIND_SOCKET, NULL         },
        {"10.0.17763", HM_TCP, 49665, "svchost.exe", "Event", HM_KIND_SOCKET, NULL         },
        {"10.0.17763", HM_TCP, 50000, "app.exe",     "App",   HM_KIND_RPC,    NULL         },
        {"10.0.17763", HM_UDP, 50000, "app.exe",     "",      HM_KIND_SOCKET, NULL         },
        {"10.0.17763", HM_UDP, 50000, "app.exe",     "App",   HM_KIND_SOCKET, "App"        },
        {"10.0.17763", HM_UDP, 51820, "System",      "",      HM_KIND_KERNEL, "System"     },
        {"10.0.17763", HM_UDP, 50400, "svchost.exe", "",      HM_KIND_SOCKET, "svchost.exe"},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build *build = new_build(cases[i].version);
        const struct hm_verdicts *verdicts;

        hm_build_listener(build, cases[i].protocol, HM_IPV4, cases[i].port, cases[i].program,
                          cases[i].service, cases[i].kind);
        hm_build_listener(build, cases[i].protocol, HM_IPV6, cases[i].port, cases[i].program,
                          cases[i].service, cases[i].kind);
        hm_build_remember(build, cases[i].protocol, cases[i].port, cases[i].program,
                          cases[i].service, cases[i].kind, HM_PORT_BOOK_FIXED);
        verdicts = &hm_build_judge(build)->verdicts;
        assert_int_equal(verdicts->count, cases[i].product != NULL); /* once, not per family */
        if (cases[i].product != NULL) {
            assert_string_equal(verdicts->at[0].product, cases[i].product);
            assert_int_equal(verdicts->at[0].origin, HM_ORIGIN_OBSERVED);
            assert_int_equal(verdicts->at[0].state, HM_EXPOSED);
            assert_int_equal(verdicts->at[0].families.count, 2);
        }
        free_build(build);
    }
}

static void test_observed_names(void **state)
{
    struct hm_build *build = new_build(NULL);
    struct hm_product *product;

    (void)state;
    hm_build_listener(build, HM_TCP, HM_IPV6, 33060, "mysqld", "", HM_KIND_SOCKET);
    hm_build_listener(build, HM_TCP, HM_IPV6, 33061, "", "", HM_KIND_SOCKET);
    hm_build_remember(build, HM_TCP, 33060, "mysqld", "", HM_KIND_SOCKET, HM_PORT_BOOK_FIXED);
    hm_build_judge(build);
    assert_int_equal(build->judgement.verdicts.count, 1);
    assert_string_equal(hm_build_verdict(build, "mysqld", "tcp-33060")->title, "mysqld (observed)");
    assert_int_equal(build->judgement.observed.count, 1);
    assert_string_equal(build->judgement.observed.at[0].name, "unknown program");
    assert_int_equal(hm_build_verdict(build, "mysqld", NULL)->families.count, 1);
    /* what the catalogue covers is not told twice */
    product = hm_build_product(build, "mysql", NULL, "MYSQLD");
    hm_build_require(build, product, "x", HM_TCP, "33060-33061", HM_KIND_SOCKET);
    hm_build_judge(build);
    assert_int_equal(build->judgement.verdicts.count, 1);
    free_build(build);
}

/* A port in the dynamic range is required only when the port book has seen the same program on it
 * over boots; otherwise it is listed, with what would settle it, and changes no verdict. */
static void test_may_be_random(void **state)
{
    static const struct {
        const char *version;
        enum hm_protocol protocol;
        uint16_t port;
        const char *program, *service;
        uint32_t boots; /* 0: no port book */
        const char *remembered_as;
        enum hm_observed_why why; /* HM_OBSERVED_WHY_COUNT: a requirement */
    } cases[] = {
        {NULL,       HM_TCP, 51446, "beam",        "rabbit", 0, "rabbit", HM_OBSERVED_NO_PORT_BOOK },
        {NULL,       HM_TCP, 51446, "beam",        "rabbit", 1, "rabbit", HM_OBSERVED_ONE_BOOT     },
        {NULL,       HM_TCP, 51446, "beam",        "rabbit", 2, "rabbit", HM_OBSERVED_WHY_COUNT    },
        {NULL,       HM_TCP, 51446, "beam",        "rabbit", 9, "RABBIT", HM_OBSERVED_WHY_COUNT    },
        {NULL,       HM_TCP, 51446, "beam",        "rabbit", 1, "other",  HM_OBSERVED_ONE_BOOT     },
        {NULL,       HM_UDP, 51446, "dig",         "",       1, "",       HM_OBSERVED_CLIENT_SOCKET},
        {"6.3.9600", HM_UDP, 50400, "svchost.exe", "",       0, "",       HM_OBSERVED_NO_PORT_BOOK },
        {"6.3.9600", HM_UDP, 50400, "System",      "",       1, "",       HM_OBSERVED_ONE_BOOT     },
        {"6.3.9600", HM_UDP, 50400, "firefox.exe", "",       9, "",       HM_OBSERVED_CLIENT_SOCKET},
        {"6.3.9600", HM_TCP, 49664, "lsass.exe",   "",       9, "",       HM_OBSERVED_RPC_ENDPOINT },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build *build = new_build(cases[i].version);
        const bool required = cases[i].why == HM_OBSERVED_WHY_COUNT;

        hm_build_listener(build, cases[i].protocol, HM_IPV4, cases[i].port, cases[i].program,
                          cases[i].service, HM_KIND_SOCKET);
        if (cases[i].boots > 0) {
            hm_build_remember(build, cases[i].protocol, cases[i].port, cases[i].program,
                              cases[i].remembered_as, HM_KIND_SOCKET, cases[i].boots);
        }
        hm_build_judge(build);
        assert_int_equal(build->judgement.verdicts.count, required);
        assert_int_equal(build->judgement.observed.count, !required);
        assert_int_equal(hm_judgement_is_safe(&build->judgement), !required);
        if (!required) {
            assert_int_equal(build->judgement.observed.at[0].why, cases[i].why);
            assert_int_equal(build->judgement.observed.at[0].ports.at[0].first, cases[i].port);
        }
        free_build(build);
    }
}

/* The port of a URL was chosen, whatever the port book says; a row without "*" shows that HTTP.sys
 * has reserved it. Before Vista, and for UDP, System has random ports of its own. */
static void test_url_is_no_random_port(void **state)
{
    static const struct {
        const char *version;
        enum hm_protocol protocol;
        uint16_t first; /* of the dynamic range */
        bool reserved;
        enum hm_listener_kind kind;
        size_t verdicts;
    } cases[] = {
        {"10.0.20348", HM_TCP, 49152, false, HM_KIND_HTTPSYS, 1},
        {"6.1.7601",   HM_TCP, 1025,  false, HM_KIND_HTTPSYS, 1},
        {"10.0.20348", HM_TCP, 49152, true,  HM_KIND_HTTPSYS, 0},
        {"10.0.20348", HM_TCP, 50081, false, HM_KIND_HTTPSYS, 0}, /* outside */
        {"10.0.20348", HM_UDP, 49152, false, HM_KIND_KERNEL,  0},
        {"5.2.3790",   HM_TCP, 49152, false, HM_KIND_HTTPSYS, 0},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build *build = new_build(cases[i].version);

        hm_build_dynamic(build, cases[i].first, 65534);
        hm_build_listener(build, cases[i].protocol, HM_IPV4, 50080, "System", "", cases[i].kind);
        if (cases[i].reserved) {
            hm_build_runtime(build, HM_TCP, HM_IPV4, "50080");
        }
        hm_build_judge(build);
        assert_int_equal(build->judgement.verdicts.count, cases[i].verdicts);
        assert_int_equal(hm_judgement_is_safe(&build->judgement), cases[i].verdicts == 0);
        if (cases[i].verdicts > 0) {
            const struct hm_finding *finding =
                hm_build_finding(build, "required_in_dynamic", "tcp 50080");

            assert_int_equal(build->judgement.verdicts.at[0].state, HM_EXPOSED);
            assert_non_null(strstr(finding->remedy, "Never exclude it"));
        }
        free_build(build);
    }
}

/* What had a port in earlier boots and does not listen now is judged by who has the port. */
static void test_remembered(void **state)
{
    static const struct {
        uint32_t boots;
        const char *other; /* who listens on its port now; "" nobody */
        bool moved;        /* it listens elsewhere */
        int count;
        enum hm_verdict_state state;
    } cases[] = {
        {1, "",      false, 0, HM_SAFE   },
        {2, "",      false, 1, HM_EXPOSED},
        {2, "thief", false, 1, HM_BLOCKED},
        {2, "thief", true,  1, HM_BLOCKED},
        {1, "thief", false, 0, HM_SAFE   },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build *build = new_build(NULL);

        hm_build_remember(build, HM_TCP, 50100, "app", "app-server", HM_KIND_SOCKET,
                          cases[i].boots);
        if (cases[i].other[0] != '\0') {
            hm_build_listener(build, HM_TCP, HM_IPV4, 50100, cases[i].other, "", HM_KIND_SOCKET);
        }
        if (cases[i].moved) {
            hm_build_listener(build, HM_TCP, HM_IPV4, 50200, "app", "app-server", HM_KIND_SOCKET);
        }
        hm_build_judge(build);
        assert_int_equal(build->judgement.verdicts.count, cases[i].count);
        if (cases[i].count == 1) {
            assert_string_equal(build->judgement.verdicts.at[0].product, "app-server");
            assert_int_equal(build->judgement.verdicts.at[0].state, cases[i].state);
        }
        free_build(build);
    }
}

/* An optional requirement counts once its owner was seen there, also while it is down. */
static void test_optional_is_remembered(void **state)
{
    struct hm_build *build = new_build("10.0.17763");
    struct hm_product *product = hm_build_product(build, "sync", "sync", NULL);

    (void)state;
    hm_build_require(build, product, "api", HM_TCP, "54338", HM_KIND_SOCKET)->optional = true;
    hm_build_service(build, "sync");
    hm_build_judge(build);
    assert_int_equal(build->judgement.verdicts.count, 0);
    hm_build_remember(build, HM_TCP, 54338, "sync.exe", "sync", HM_KIND_SOCKET, 1);
    hm_build_judge(build);
    assert_int_equal(build->judgement.verdicts.count, 1);
    assert_int_equal(build->judgement.verdicts.at[0].state, HM_EXPOSED);
    free_build(build);
}

static void test_which_requirements_count(void **state)
{
    struct hm_build *build = new_build("10.0.17763");
    struct hm_product *product = hm_build_product(build, "product", "OWN", NULL);
    struct hm_requirement *requirement =
        hm_build_require(build, product, "port", HM_TCP, "50000", HM_KIND_SOCKET);
    const char *linux_only[] = {"linux"};
    const char *other[] = {"Other*"};

    (void)state;
    assert_int_equal(hm_build_judge(build)->verdicts.count, 0);
    hm_build_service(build, "own");
    assert_int_equal(hm_build_judge(build)->verdicts.count, 1);
    requirement->optional = true;
    assert_int_equal(hm_build_judge(build)->verdicts.count, 0);
    hm_build_listener(build, HM_TCP, HM_IPV4, 50000, "x.exe", "Own", HM_KIND_SOCKET);
    assert_int_equal(hm_build_judge(build)->verdicts.count, 1);
    assert_int_equal(build->judgement.verdicts.at[0].origin, HM_ORIGIN_CATALOGUE);
    build->inventory.listeners.count = 0;
    requirement->optional = false;
    requirement->detect.services = (struct hm_strings){other, 1};
    assert_int_equal(hm_build_judge(build)->verdicts.count, 0);
    hm_build_service(build, "othername");
    assert_int_equal(hm_build_judge(build)->verdicts.count, 1);
    product->os = (struct hm_strings){linux_only, 1};
    assert_int_equal(hm_build_judge(build)->verdicts.count, 0);
    product->os.count = 0;
    build->inventory.has_services = false;
    assert_int_equal(hm_build_judge(build)->verdicts.count, 0); /* unknown matches nothing */
    assert_int_equal(build->judgement.unknown.count, 1);
    free_build(build);
}

/* Worst first, then by name; findings severest first; fingerprints differ and are stable. */
static void test_order(void **state)
{
    struct hm_build *build = new_build("10.0.17763");
    const char *fingerprint;

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        static const char *const ids[] = {"zeta", "beta", "alpha"};
        static const char *const ports[] = {"50000", "25", "50001"};
        struct hm_product *product = hm_build_product(build, ids[i], NULL, NULL);

        hm_build_require(build, product, "port", HM_TCP, ports[i], HM_KIND_SOCKET);
    }
    hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_LISTEN, 50000, "x.exe", "");
    hm_build_judge(build);
    assert_string_equal(build->judgement.verdicts.at[0].product, "zeta");
    assert_string_equal(build->judgement.verdicts.at[1].product, "alpha");
    assert_string_equal(build->judgement.verdicts.at[2].product, "beta");
    assert_int_equal(build->judgement.findings.count, 2);
    assert_int_equal(build->judgement.findings.at[0].severity, HM_SEVERITY_HIGH);
    assert_int_equal(build->judgement.findings.at[1].severity, HM_SEVERITY_MEDIUM);
    fingerprint = build->judgement.findings.at[1].fingerprint;
    assert_string_not_equal(build->judgement.findings.at[0].fingerprint, fingerprint);
    hm_build_socket(build, HM_TCP, HM_IPV4, HM_SOCKET_ESTABLISHED, 50999, "y.exe", "");
    hm_build_judge(build);
    assert_string_equal(build->judgement.findings.at[1].fingerprint, fingerprint);
    free_build(build);
}

static void test_nothing_known(void **state)
{
    struct hm_inventory inventory = {
        .os = {.family = HM_OS_WINDOWS, .version = ""}
    };
    const struct hm_judge_input input = {.inventory = &inventory};
    struct hm_judgement judgement;
    struct hm_arena arena;

    (void)state;
    hm_arena_init(&arena, 1024 * 1024);
    assert_int_equal(hm_judge(&input, &arena, &judgement, NULL), HM_OK);
    assert_int_equal(judgement.verdicts.count, 0);
    assert_int_equal(judgement.findings.count, 0);
    assert_true(judgement.unknown.count >= 11);
    assert_int_equal(hm_judgement_worst(&judgement), HM_SAFE);
    assert_true(judgement.incomplete);
    assert_false(hm_judgement_is_safe(&judgement));
    hm_arena_fini(&arena);
}

/* Only what runs was listed: the judgement says so and is not safe. */
static void test_partial_services(void **state)
{
    struct hm_build *build = new_build("10.0.17763");
    const char *texts[HM_INCOMPLETE_MAX];

    (void)state;
    hm_build_service(build, "TermService");
    assert_true(hm_judgement_is_safe(hm_build_judge(build)));
    build->inventory.services_partial = true;
    assert_false(hm_judgement_is_safe(hm_build_judge(build)));
    assert_true(build->judgement.incomplete);
    assert_int_equal(hm_judge_incomplete(&build->inventory, build->judgement.lacks_rows, texts), 1);
    assert_int_equal(build->judgement.unknown.count, 1);
    assert_string_equal(build->judgement.unknown.at[0], texts[0]);
    free_build(build);
}

/* A user who may not look into other processes sees no product by its program. */
static void test_partial_owners(void **state)
{
    struct hm_build *build = new_build("10.0.17763");
    const char *texts[HM_INCOMPLETE_MAX];

    (void)state;
    hm_build_service(build, "TermService");
    build->inventory.owners_partial = true;
    assert_false(hm_judgement_is_safe(hm_build_judge(build)));
    assert_int_equal(hm_judge_incomplete(&build->inventory, build->judgement.lacks_rows, texts), 1);
    assert_non_null(strstr(texts[0], "Run it as root"));
    free_build(build);
}

static size_t count_unknown(const struct hm_build *build, const char *part)
{
    size_t count = 0;

    for (size_t i = 0; i < build->judgement.unknown.count; i++) {
        count += strstr(build->judgement.unknown.at[i], part) != NULL;
    }
    return count;
}

/* Each line of ReservedPorts that Windows ignores is named, up to a number. */
static void test_ignored_lines(void **state)
{
    static const char *const lines[] = {"1433", "9506-9507", "x", "", "5000-4000", "1434"};
    struct hm_build *build = new_build("5.2.3790");

    (void)state;
    for (size_t i = 0; i < HM_COUNT(lines); i++) {
        hm_build_reserved(build, lines[i]);
    }
    hm_build_judge(build);
    assert_int_equal(count_unknown(build, "A line does not count"), 4);
    assert_int_equal(count_unknown(build, "line 1 is a lone port"), 1);
    assert_int_equal(count_unknown(build, "line 3, \"x\", is no range"), 1);
    assert_int_equal(count_unknown(build, "line 5: range 5000-4000 ends below"), 1);
    assert_int_equal(count_unknown(build, "line 6 is a lone port"), 1);
    for (size_t i = 0; i < 20; i++) {
        hm_build_reserved(build, "80");
    }
    hm_build_judge(build);
    assert_int_equal(count_unknown(build, "A line does not count"), 8);
    assert_int_equal(count_unknown(build, "16 more lines of ReservedPorts do not count"), 1);
    free_build(build);
}

/* Documented are 30 to 300 seconds; what the system makes of another value is not. */
static void test_timed_wait_delay_outside(void **state)
{
    static const struct {
        uint32_t s;
        bool named;
    } cases[] = {
        {29,  true },
        {30,  false},
        {300, false},
        {301, true }
    };
    struct hm_build *build = new_build("10.0.17763");

    (void)state;
    hm_build_service(build, "TermService");
    build->inventory.registry.has_tcp_timed_wait_delay_s = true;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        build->inventory.registry.tcp_timed_wait_delay_s = cases[i].s;
        hm_build_judge(build);
        assert_int_equal(build->judgement.unknown.count, cases[i].named);
        if (cases[i].named) {
            assert_non_null(strstr(build->judgement.unknown.at[0], "30 to 300"));
        }
    }
    free_build(build);
}

static void test_no_memory_is_told(void **state)
{
    struct hm_build *build = new_build("6.3.9600");
    struct hm_judge_input input = {.inventory = &build->inventory, .catalogue = &build->catalogue};
    bool ok = false;

    (void)state;
    put_exchange(build);
    for (size_t cap = 0; !ok; cap += 512) {
        struct hm_judgement judgement = {
            .findings = {NULL, 77}
        };
        struct hm_arena arena;
        struct hm_err err;
        enum hm_status st;

        hm_arena_init(&arena, cap);
        st = hm_judge(&input, &arena, &judgement, &err);
        ok = st == HM_OK;
        if (!ok) {
            assert_int_equal(st, HM_ENOMEM);
            assert_int_equal(judgement.findings.count, 77); /* outputs only on success */
        }
        hm_arena_fini(&arena);
    }
    free_build(build);
}

static void test_registry(void **state)
{
    (void)state;
    assert_true(hm_finding_kinds_count >= 17);
    for (size_t i = 0; i < hm_finding_kinds_count; i++) {
        assert_true(hm_finding_kinds[i]->help[0] != '\0');
        assert_non_null(hm_finding_kinds[i]->look);
        assert_true(i == 0 || strcmp(hm_finding_kinds[i - 1]->name, hm_finding_kinds[i]->name) < 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exchange),
        cmocka_unit_test(test_payroll),
        cmocka_unit_test(test_observed),
        cmocka_unit_test(test_observed_names),
        cmocka_unit_test(test_may_be_random),
        cmocka_unit_test(test_url_is_no_random_port),
        cmocka_unit_test(test_remembered),
        cmocka_unit_test(test_optional_is_remembered),
        cmocka_unit_test(test_which_requirements_count),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_nothing_known),
        cmocka_unit_test(test_partial_services),
        cmocka_unit_test(test_partial_owners),
        cmocka_unit_test(test_ignored_lines),
        cmocka_unit_test(test_timed_wait_delay_outside),
        cmocka_unit_test(test_no_memory_is_told),
        cmocka_unit_test(test_registry),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
