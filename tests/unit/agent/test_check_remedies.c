/* tests/unit/agent/test_check_remedies.c — remedies of several findings of one host, as "hm-agent
 * check" prints them: nothing is to be done twice. SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/check_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct hm_check_look plain_look = {.columns = 72};

static struct hm_observation host(void)
{
    return (struct hm_observation){
        .name = "mail",
        .boot_id = "b",
        .inventory = {.os = {.name = "Windows", .version = "6.3.9600", .arch = "", .locale = ""}},
    };
}

/* Two findings of one product have one remedy: it is printed once. */
static void test_one_remedy_of_two_findings(void **state)
{
    static const char *commands[] = {"net start MSExchangePOP3BE"};
    struct hm_remedy_step step = {
        .kind = HM_STEP_START, .text = "Start it.", .precondition = "", .warning = ""};
    struct hm_finding findings[2];
    struct hm_judgement judgement = {
        .findings = {findings, 2}
    };
    struct hm_observation observation = host();
    const char *first;
    struct hm_buf out;
    struct hm_err err;

    (void)state;
    step.commands = (struct hm_strings){commands, 1};
    findings[0] = (struct hm_finding){
        .kind = "required_port_held",
        .subject = "tcp 9955",
        .text = "",
        .remedy = "Do it.",
        .steps = {&step,    1},
        .commands = {commands, 1},
    };
    findings[1] = findings[0];
    findings[1].subject = "service POP3";
    hm_buf_init(&out, 1024u * 1024u);
    assert_int_equal(hm_check_text(&observation, &judgement, &plain_look, &out, &err), HM_OK);
    first = strstr(hm_buf_text(&out), commands[0]);
    assert_non_null(first);
    assert_null(strstr(first + 1, commands[0]));
    assert_non_null(strstr(hm_buf_text(&out), "Its remedy is the one of tcp 9955 above.\n"));
    hm_buf_fini(&out);
}

/* Two remedies that share a step: it is printed once, and the second names its place. A stop and a
 * start are printed in both. */
static void test_one_step_of_two_remedies(void **state)
{
    static const char *reserve[] = {"reg add ReservedPorts"};
    static const char *start[] = {"net start IAS"};
    static const char *other[] = {"net start DNS"};
    struct hm_remedy_step steps[2][2] = {
        {{.kind = HM_STEP_START, .text = "Start it.", .commands = {start, 1}},
         {.kind = HM_STEP_RESERVE, .text = "Write it.", .commands = {reserve, 1}}},
        {{.kind = HM_STEP_RESERVE, .text = "Write it.", .commands = {reserve, 1}},
         {.kind = HM_STEP_START, .text = "Start it.", .commands = {start, 1}}    },
    };
    struct hm_finding findings[3];
    struct hm_judgement judgement = {
        .findings = {findings, 3}
    };
    struct hm_observation observation = host();
    const char *subjects[] = {"udp 1812", "udp 2883", "udp 4500"};
    const char *first;
    const char *again;
    struct hm_buf out;
    struct hm_err err;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        for (size_t k = 0; i < 2 && k < 2; k++) {
            steps[i][k].precondition = "";
            steps[i][k].warning = "";
        }
        findings[i] = (struct hm_finding){
            .kind = "required_port_held",
            .subject = subjects[i],
            .text = "",
            .remedy = "Do it.",
            .steps = {steps[i > 0],           2},
            .commands = {i == 0 ? start : other, 1},
        };
    }
    hm_buf_init(&out, 1024u * 1024u);
    assert_int_equal(hm_check_text(&observation, &judgement, &plain_look, &out, &err), HM_OK);
    first = strstr(hm_buf_text(&out), reserve[0]);
    assert_non_null(first);
    assert_null(strstr(first + 1, reserve[0]));
    again = strstr(hm_buf_text(&out), "1. reserve: As step 2 of udp 1812 above.\n");
    assert_non_null(again);
    assert_non_null(strstr(again, start[0]));
    assert_non_null(strstr(again, "Its remedy is the one of udp 2883 above.\n"));
    hm_buf_fini(&out);
}

/* The remedy of several products has that of one of them in it: it is not printed again, unless it
 * depends on what the one does not depend on. */
static void test_remedy_that_is_a_part(void **state)
{
    static const char *all[] = {"net stop DNS", "netsh add 1645", "netsh add 4011",
                                "net start DNS"};
    static const char *part[] = {"net stop DNS", "netsh add 4011", "net start DNS"};
    static const char *more[] = {"net stop DNS", "netsh add 4500", "net start DNS"};
    static const struct {
        const char **commands;
        const char *condition; /* of the remedy of all */
        bool is_part;
    } rows[] = {
        {part, "",                 true },
        {part, "Nobody moved it.", false},
        {more, "",                 false},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        struct hm_remedy_step whole = {
            .kind = HM_STEP_RESERVE,
            .text = "All.",
            .precondition = rows[i].condition,
            .warning = "",
            .commands = {all, 4}
        };
        struct hm_remedy_step one = {
            .kind = HM_STEP_RESERVE,
            .text = "One.",
            .precondition = "",
            .warning = "",
            .commands = {rows[i].commands, 3}
        };
        struct hm_finding findings[] = {
            {.kind = "dns_pool_overlap",
             .subject = "dns socket pool",
             .text = "",
             .remedy = "Do it.",
             .steps = {&whole, 1},
             .commands = {all, 4}             },
            {.kind = "required_in_dynamic",
             .subject = "udp 4011",
             .text = "",
             .remedy = "Do it.",
             .steps = {&one, 1},
             .commands = {rows[i].commands, 3}},
        };
        struct hm_judgement judgement = {
            .findings = {findings, 2}
        };
        struct hm_observation observation = host();
        struct hm_buf out;
        struct hm_err err;

        hm_buf_init(&out, 1024u * 1024u);
        assert_int_equal(hm_check_text(&observation, &judgement, &plain_look, &out, &err), HM_OK);
        assert_int_equal(strstr(hm_buf_text(&out), "a part of the one of dns socket pool above") !=
                             NULL,
                         rows[i].is_part);
        assert_int_equal(strstr(hm_buf_text(&out), "One.") == NULL, rows[i].is_part);
        hm_buf_fini(&out);
    }
}

/* A place is named only where its steps are printed, and a name that two findings have is told
 * apart by its kind. */
static void test_reference_to_what_is_seen(void **state)
{
    static const char *all[] = {"reg add A", "reg add B"};
    static const char *one[] = {"reg add A"};
    static const char *other[] = {"reg add C"};
    struct hm_remedy_step steps[] = {
        {.kind = HM_STEP_RESERVE, .text = "Both.",             .commands = {all, 2}},
        {.kind = HM_STEP_BOOT,                       .text = "Restart."                              },
        {.kind = HM_STEP_RESERVE,                       .text = "One.",.commands = {one, 1}},
        {.kind = HM_STEP_BOOT,   .text = "Start again."                                },
        {.kind = HM_STEP_RESERVE,.text = "Other.",.commands = {other, 1}},
        {.kind = HM_STEP_BOOT,         .text = "Start again."                    },
        {.kind = HM_STEP_BOOT,    .text = "Restart."},
    };
    struct hm_finding findings[] = {
        {.kind = "first", .subject = "udp 1", .steps = {steps, 2},     .commands = {all, 2}  },
        {.kind = "part",  .subject = "udp 2", .steps = {steps + 2, 2}, .commands = {one, 1}  },
        {.kind = "third", .subject = "udp 1", .steps = {steps + 4, 3}, .commands = {other, 1}},
    };
    struct hm_judgement judgement = {
        .findings = {findings, 3}
    };
    struct hm_observation observation = host();
    struct hm_buf out;
    struct hm_err err;

    (void)state;
    for (size_t i = 0; i < HM_COUNT(steps); i++) {
        steps[i].precondition = "";
        steps[i].warning = "";
    }
    for (size_t i = 0; i < HM_COUNT(findings); i++) {
        findings[i].text = "";
        findings[i].remedy = "Do it.";
    }
    hm_buf_init(&out, 1024u * 1024u);
    assert_int_equal(hm_check_text(&observation, &judgement, &plain_look, &out, &err), HM_OK);
    assert_non_null(strstr(hm_buf_text(&out), "a part of the one of udp 1 (first) above"));
    assert_non_null(strstr(hm_buf_text(&out), "2. boot: Start again.\n"));
    assert_non_null(strstr(hm_buf_text(&out), "3. boot: As step 2 of udp 1 (first) above.\n"));
    hm_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_remedy_of_two_findings),
        cmocka_unit_test(test_one_step_of_two_remedies),
        cmocka_unit_test(test_remedy_that_is_a_part),
        cmocka_unit_test(test_reference_to_what_is_seen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
