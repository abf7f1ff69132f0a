/* tests/unit/agent/test_check_text.c — what "hm-agent check" prints for people: the words of a
 * verdict, lines that fit, colours only when asked for, and no byte that a terminal obeys.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/check_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define LONG_WORD                                                                                  \
    "a-very-long-program-name-without-any-place-to-break-it-that-goes-on-and-on-past-the-end-of-"  \
    "every-terminal-line.exe"

static struct hm_range one_port[] = {
    {9955, 9955}
};
static struct hm_range two_ports[] = {
    {1645, 1645},
    {1812, 1812}
};
static const char *ipv6_only[] = {"ipv6"};
static const char *both_families[] = {"ipv4", "ipv6"};
static struct hm_stack both_stacks[] = {
    {.protocol = HM_TCP,        .family = HM_IPV4, .has_dynamic = true, .dynamic = {6005, 65534}},
    {.protocol = HM_TCP, .family = HM_IPV6,                  .has_dynamic = true, .dynamic = {6005, 65534}},
    {.protocol = HM_UDP,        .family = HM_IPV4},
};

static struct hm_observation host(void)
{
    return (struct hm_observation){
        .name = "mail",
        .boot_id = "b",
        .inventory = {.os = {.name = "Windows", .version = "6.3.9600", .arch = "", .locale = ""},
                      .stacks = {both_stacks, HM_COUNT(both_stacks)}},
    };
}

static struct hm_verdict verdict(enum hm_verdict_state state)
{
    return (struct hm_verdict){
        .product = "exchange",
        .requirement = "pop3",
        .title = "Exchange: POP3 back end",
        .protocol = HM_TCP,
        .ports = {one_port,      1},
        .state = state,
        .reason = state == HM_SAFE ? HM_REASON_EXCLUDED : HM_REASON_IN_DYNAMIC,
        .families = {both_families, 2},
        .text = "",
    };
}

static const struct hm_check_look plain_look = {.columns = 72};

/* Prints one verdict; the caller frees. */
static void print(const struct hm_verdict *row, bool colour, struct hm_buf *out)
{
    struct hm_verdict copy = *row;
    struct hm_judgement judgement = {
        .verdicts = {&copy, 1}
    };
    struct hm_observation observation = host();
    struct hm_check_look look = {.colour = colour, .columns = HM_CHECK_TEXT_COLUMNS};
    struct hm_err err;

    hm_buf_init(out, 1024u * 1024u);
    assert_int_equal(hm_check_text(&observation, &judgement, &look, out, &err), HM_OK);
}

struct word_case {
    const char *name;
    enum hm_verdict_state state;
    bool has_odds;
    double odds;
    bool at_least;
    const char *expected;
};

static void test_words_of_a_verdict(void **state)
{
    static const struct word_case cases[] = {
        {"percent",       HM_EXPOSED, true,  0.039,  false, "taken in 3.9 % of starts"  },
        {"whole percent", HM_EXPOSED, true,  0.914,  false, "taken in 91 % of starts"   },
        {"rare",          HM_EXPOSED, true,  0.0025, false, "taken in 1 of 400 starts"  },
        {"part is known", HM_EXPOSED, true,  0.05,   true,  "taken in at least 5.0 % of"},
        {"unknown",       HM_EXPOSED, false, 0,      false, "in the dynamic range, odds"},
        {"nothing taken", HM_EXPOSED, true,  0,      false, "in the dynamic range\n"    },
        {"safe",          HM_SAFE,    false, 0,      false, "excluded\n"                },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_verdict row = verdict(cases[i].state);
        struct hm_buf out;

        row.has_odds = cases[i].has_odds;
        row.odds = cases[i].odds;
        row.odds_at_least = cases[i].at_least;
        print(&row, false, &out);
        if (strstr(hm_buf_text(&out), cases[i].expected) == NULL) {
            fail_msg("%s: no \"%s\" in\n%s", cases[i].name, cases[i].expected, hm_buf_text(&out));
        }
        hm_buf_fini(&out);
    }
}

static void test_holder_and_family(void **state)
{
    struct hm_verdict row = verdict(HM_BLOCKED);
    struct hm_buf out;

    (void)state;
    row.reason = HM_REASON_HELD;
    row.has_holder = true;
    row.holder = (struct hm_holder){
        .program = "dns.exe", .service = "DNS", .pid = 7, .port = 1812, .remote = ""};
    row.families = (struct hm_strings){ipv6_only, 1};
    print(&row, false, &out);
    assert_non_null(strstr(hm_buf_text(&out), " held by dns.exe (pid 7)"));
    assert_non_null(strstr(hm_buf_text(&out), "(ipv6 only)"));
    assert_null(strstr(hm_buf_text(&out), "1812 held"));
    hm_buf_fini(&out);

    row.protocol = HM_UDP; /* of which the host has one family: nothing to tell apart */
    row.ports = (struct hm_ports){two_ports, 2};
    print(&row, false, &out);
    assert_non_null(strstr(hm_buf_text(&out), "1812 held by dns.exe"));
    assert_null(strstr(hm_buf_text(&out), "only)"));
    hm_buf_fini(&out);
}

static void test_ranges_and_summary(void **state)
{
    struct hm_verdict row = verdict(HM_EXPOSED);
    struct hm_buf out;

    (void)state;
    print(&row, false, &out);
    assert_non_null(strstr(hm_buf_text(&out), "dynamic range: tcp 6005-65534, udp/ipv4 unknown\n"));
    assert_non_null(strstr(hm_buf_text(&out), "Not all is safe. 0 blocked, 1 exposed,"));
    assert_null(strchr(hm_buf_text(&out), '\033'));
    hm_buf_fini(&out);
    print(&row, true, &out);
    assert_non_null(strstr(hm_buf_text(&out), "\033[33mexposed\033[0m"));
    hm_buf_fini(&out);
}

/* A state that the next boot changes says so in its row. */
static void test_after_the_next_boot(void **state)
{
    static const struct {
        enum hm_verdict_state state;
        enum hm_verdict_state after_boot;
        const char *expected;
    } cases[] = {
        {HM_EXPOSED, HM_SAFE,    " safe after the next boot\n"},
        {HM_SAFE,    HM_EXPOSED, "excluded; exposed after the"},
        {HM_SAFE,    HM_UNKNOWN, "excluded; unknown after the"},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_verdict row = verdict(cases[i].state);
        struct hm_buf out;

        row.has_odds = row.state == HM_EXPOSED;
        row.odds = 0.63;
        row.has_after_boot = true;
        row.after_boot = cases[i].after_boot;
        print(&row, false, &out);
        if (strstr(hm_buf_text(&out), cases[i].expected) == NULL) {
            fail_msg("no \"%s\" in\n%s", cases[i].expected, hm_buf_text(&out));
        }
        hm_buf_fini(&out);
    }
}

struct summary_case {
    const char *name;
    enum hm_verdict_state state;
    bool high;
    bool partial;
    const char *summary;
};

/* Nothing is called all safe that is not, and what is missing stands above the table. */
static void test_incomplete_and_high(void **state)
{
    static const struct summary_case cases[] = {
        {"safe",             HM_SAFE,    false, false, "\nAll safe. "                       },
        {"high finding",     HM_SAFE,    true,  false, "\nNot all is safe: 1 high finding. "},
        {"partial",          HM_SAFE,    false, true,  "\nNot all is known. "               },
        {"partial, high",    HM_SAFE,    true,  true,  "\nNot all is safe: 1 high finding. "},
        {"partial, at risk", HM_EXPOSED, false, true,  "\nNot all is safe. "                },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_verdict row = verdict(cases[i].state);
        struct hm_finding finding = {
            .kind = "low_headroom",
            .severity = cases[i].high ? HM_SEVERITY_HIGH : HM_SEVERITY_MEDIUM,
            .subject = "tcp",
            .text = "",
            .remedy = "",
        };
        struct hm_judgement judgement = {
            .verdicts = {&row,     1},
              .findings = {&finding, 1},
              .incomplete = cases[i].partial
        };
        struct hm_observation observation = host();
        struct hm_buf out;
        struct hm_err err;
        const char *said;
        const char *table;

        observation.inventory.has_services = true;
        observation.inventory.services_partial = cases[i].partial;
        observation.inventory.has_listeners = true;
        hm_buf_init(&out, 1024u * 1024u);
        assert_int_equal(hm_check_text(&observation, &judgement, &plain_look, &out, &err), HM_OK);
        if (strstr(hm_buf_text(&out), cases[i].summary) == NULL) {
            fail_msg("%s: no \"%s\" in\n%s", cases[i].name, cases[i].summary, hm_buf_text(&out));
        }
        said = strstr(hm_buf_text(&out), "INCOMPLETE\n  The list of services is not complete:");
        table = strstr(hm_buf_text(&out), "STATE ");
        assert_non_null(table);
        assert_int_equal(said != NULL, cases[i].partial);
        assert_true(said == NULL || said < table);
        assert_int_equal(hm_judgement_is_safe(&judgement), i == 0);
        hm_buf_fini(&out);
    }
}

/* "No known product" would be no truth about services that nobody read. */
static void test_nothing_read(void **state)
{
    struct hm_observation observation = host();
    struct hm_judgement judgement = {.incomplete = true};
    struct hm_buf out;
    struct hm_err err;

    (void)state;
    hm_buf_init(&out, 1024u * 1024u);
    assert_int_equal(hm_check_text(&observation, &judgement, &plain_look, &out, &err), HM_OK);
    assert_null(strstr(hm_buf_text(&out), "No known product"));
    assert_non_null(strstr(hm_buf_text(&out), "INCOMPLETE\n  The services were not read"));
    assert_non_null(strstr(hm_buf_text(&out), "Not all is known. 0 blocked"));
    hm_buf_fini(&out);
}

static size_t columns(const char *line, size_t len)
{
    size_t count = 0;

    for (size_t i = 0; i < len; i++) {
        count += ((unsigned char)line[i] & 0xc0) != 0x80;
    }
    return count;
}

/* Texts of any length and script: no line is too wide, none ends in a space. */
static void test_lines_fit(void **state)
{
    static const char *commands[] = {"netsh int ipv4 add excludedportrange " LONG_WORD};
    static const char *unknown[] = {LONG_WORD LONG_WORD " \xd0\xba\xd0\xbe\xd0\xb4", ""};
    struct hm_evidence evidence[] = {
        {"holder", LONG_WORD},
        {"odds",   "3 %"    }
    };
    struct hm_finding finding = {
        .kind = "required_port_held",
        .severity = HM_SEVERITY_HIGH,
        .fingerprint = "",
        .subject = "tcp 9955",
        .text = "\xe3\x83\x97\xe3\x83\xad\xe3\x83\x88 " LONG_WORD " is too long, and so it goes on",
        .evidence = {evidence, 2},
        .remedy = "Do this, then that, then that other thing, and so on until the line is full "
                  "and the next one begins.",
        .commands = {commands, 1},
        .needs_reboot = true,
    };
    struct hm_verdict row = verdict(HM_BLOCKED);
    struct hm_judgement judgement = {
        .verdicts = {&row,     1},
          .findings = {&finding, 1},
          .unknown = {unknown,  2}
    };
    struct hm_observation observation = host();
    struct hm_buf out;
    struct hm_err err;
    const char *line;

    (void)state;
    row.title = LONG_WORD " " LONG_WORD;
    row.has_holder = true;
    row.holder = (struct hm_holder){.program = LONG_WORD,
                                    .service = "",
                                    .pid = 4000000000u,
                                    .remote = "[2001:db8:1111:2222:3333:4444:5555:6666]:65535"};
    hm_buf_init(&out, 1024u * 1024u);
    assert_int_equal(hm_check_text(&observation, &judgement, &plain_look, &out, &err), HM_OK);
    line = hm_buf_text(&out);
    while (*line != '\0') {
        size_t len = strcspn(line, "\n");

        if (strncmp(line, "        > ", 10) != 0 && columns(line, len) > plain_look.columns) {
            fail_msg("%zu columns: %.*s", columns(line, len), (int)len, line);
        }
        if (len > 2) { /* but for an empty sentence's own indent */
            assert_int_not_equal(line[len - 1], ' ');
        }
        line += len + 1;
    }
    assert_non_null(strstr(hm_buf_text(&out), commands[0]));
    hm_buf_fini(&out);
}

static void test_terminal_obeys_nothing(void **state)
{
    struct hm_verdict row = verdict(HM_SAFE);
    struct hm_buf out;

    (void)state;
    row.title = "a\033[31mb\007c\xc2\x9b"
                "d\x7f"
                "\xc3\xa9";
    print(&row, false, &out);
    assert_non_null(strstr(hm_buf_text(&out), "a?[31mb?c?d?\xc3\xa9"));
    hm_buf_fini(&out);
}

static void test_over_the_cap(void **state)
{
    struct hm_verdict row = verdict(HM_SAFE);
    struct hm_judgement judgement = {
        .verdicts = {&row, 1}
    };
    struct hm_observation observation = host();
    struct hm_buf out;
    struct hm_err err;

    (void)state;
    hm_buf_init(&out, 64);
    assert_int_equal(hm_check_text(&observation, &judgement, &plain_look, &out, &err), HM_ETOOBIG);
    hm_buf_fini(&out);
}

/* What is only assumed stands beside the result. */
static void test_assumed(void **state)
{
    static const struct {
        const char *version;
        enum hm_in_force in_force;
        bool has_value;
        const char *summary;
    } cases[] = {
        {"5.2.3790", HM_IN_FORCE_ASSUMED, true,  "\nAll safe, if the host was restarted since "},
        {"5.2.3790", HM_IN_FORCE_WRITTEN, true,  "\nAll safe. "                                },
        {"5.2.3790", HM_IN_FORCE_ASSUMED, false, "\nAll safe. "                                },
        {"6.3.9600", HM_IN_FORCE_ASSUMED, true,  "\nAll safe. "                                },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_verdict row = verdict(HM_SAFE);
        struct hm_judgement judgement = {
            .verdicts = {&row, 1}
        };
        struct hm_observation observation = host();
        const char *said;
        struct hm_buf out;
        struct hm_err err;

        observation.inventory.os.version = cases[i].version;
        observation.inventory.has_registry = true;
        observation.inventory.registry.has_max_user_port = cases[i].has_value;
        observation.inventory.registry.max_user_port = 60000;
        observation.inventory.registry.in_force = cases[i].in_force;
        hm_buf_init(&out, 1024u * 1024u);
        assert_int_equal(hm_check_text(&observation, &judgement, &plain_look, &out, &err), HM_OK);
        if (strstr(hm_buf_text(&out), cases[i].summary) == NULL) {
            fail_msg("row %zu: no \"%s\" in\n%s", i, cases[i].summary, hm_buf_text(&out));
        }
        said = strstr(hm_buf_text(&out), "NOT KNOWN: whether the host was restarted since");
        assert_int_equal(said != NULL, i == 0);
        assert_true(said == NULL || said < strstr(hm_buf_text(&out), "STATE")); /* first screen */
        hm_buf_fini(&out);
    }
}

/* Which values count is said above the table, in every case in which it is not known. */
static void test_in_force_above_the_table(void **state)
{
    static const struct {
        enum hm_in_force in_force;
        bool contradicted;
        const char *says; /* NULL nothing */
    } cases[] = {
        {HM_IN_FORCE_ASSUMED, false, "were written. They count as in force."            },
        {HM_IN_FORCE_UNKNOWN, false, "ReservedPorts counts as not in force until the"   },
        {HM_IN_FORCE_UNKNOWN, true,  "counts as not in force, also after the next boot."},
        {HM_IN_FORCE_WRITTEN, false, NULL                                               },
        {HM_IN_FORCE_EARLIER, false, NULL                                               },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_verdict safe = verdict(HM_SAFE);
        const struct hm_judgement judgement = {
            .verdicts = {&safe, 1}
        };
        struct hm_observation observation = host();
        const struct hm_check_look look = {.columns = 100};
        struct hm_err err;
        struct hm_buf out;
        const char *table;
        const char *said;

        observation.inventory.os.family = HM_OS_WINDOWS;
        observation.inventory.os.version = "5.2.3790";
        observation.inventory.has_registry = true;
        observation.inventory.registry.has_max_user_port = true;
        observation.inventory.registry.in_force = cases[i].in_force;
        observation.inventory.registry.contradicted = cases[i].contradicted;
        hm_buf_init(&out, 4096);
        assert_int_equal(hm_check_text(&observation, &judgement, &look, &out, &err), HM_OK);
        table = strstr(hm_buf_text(&out), "STATE");
        said = strstr(hm_buf_text(&out), "NOT KNOWN: ");
        assert_non_null(table);
        assert_int_equal(said != NULL, cases[i].says != NULL);
        if (cases[i].says != NULL) {
            assert_true(said < table);
            assert_non_null(strstr(said, cases[i].says));
        }
        hm_buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_of_a_verdict),
        cmocka_unit_test(test_holder_and_family),
        cmocka_unit_test(test_ranges_and_summary),
        cmocka_unit_test(test_incomplete_and_high),
        cmocka_unit_test(test_nothing_read),
        cmocka_unit_test(test_lines_fit),
        cmocka_unit_test(test_terminal_obeys_nothing),
        cmocka_unit_test(test_over_the_cap),
        cmocka_unit_test(test_assumed),
        cmocka_unit_test(test_in_force_above_the_table),
        cmocka_unit_test(test_after_the_next_boot),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
