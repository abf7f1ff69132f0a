/* tests/unit/agent/test_recorded_boot.c — policies on a recorded host that boots: what is seen in
 * the first minutes must not be taken for the truth. SPDX-License-Identifier: Apache-2.0 */
#include "agent/enforce/enforce.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "common/wire/records.h"
#include "tests/support/recorded_folder.h"
#include "tests/support/temp_folder.h"

#define DYNAMIC "\r\nStart Port : 49152\r\nNumber of Ports : 16384\r\n"
#define ROWS(rows)                                                                                 \
    "\r\nStart Port    End Port\r\n----------    --------\r\n" rows                                \
    "\r\n* - Administered port exclusions.\r\n"
#define SOCKETS(more)                                                                              \
    "\r\nActive Connections\r\n\r\n"                                                               \
    "  Proto  Local Address          Foreign Address        State           PID\r\n"               \
    "  TCP    0.0.0.0:135            0.0.0.0:0              LISTENING       700\r\n" more          \
    "  TCP    [::]:135               [::]:0                 LISTENING       700\r\n"               \
    "  UDP    0.0.0.0:123            *:*                                    700\r\n"               \
    "  UDP    [::]:123               *:*                                    700\r\n"
#define SITE "  TCP    0.0.0.0:50443          0.0.0.0:0              LISTENING       4\r\n"
#define W3SVC(runs, exit_code)                                                                     \
    "\"service_details\":[{\"name\":\"W3SVC\",\"program\":\"svchost.exe\",\"start\":"              \
    "\"automatic\",\"runs\":" runs ",\"exit_code\":" exit_code "}]"

static int64_t clock_ms;

static int64_t now_ms(void)
{
    return clock_ms;
}

#define POLICY                                                                                     \
    "{\"name\":\"site\",\"revision\":1,\"owner\":\"o\",\"reason\":\"r\",\"review\":"               \
    "\"2040-01-01T00:00:00Z\",\"match\":{\"hosts\":[\"*\"]},\"mode\":\"enforce\","                 \
    "\"reservations\":[{\"protocol\":\"tcp\",\"ports\":\"50443\"}]}"

struct host {
    struct recorded_folder folder;
    char state[64];
    struct hm_platform *platform;
    struct hm_enforcer *enforcer;
    struct hm_policy policy;
    struct hm_enforce_pass pass;
};

/* The host as it is at that second of the boot, with the site up or not yet. */
static void describe(struct host *host, const char *boot_id, unsigned uptime_s, bool site,
                     const char *service)
{
    struct recorded_folder *folder = &host->folder;
    char text[1024];

    (void)snprintf(text, sizeof(text),
                   "{\"os\":{\"family\":\"windows\",\"version\":\"10.0.17763\"},\"boot_id\":\"%s\","
                   "\"uptime_s\":%u,%s}",
                   boot_id, uptime_s, service);
    recorded_folder_puts(folder, "host.json", text);
    recorded_folder_puts(folder, "netstat.txt", site ? SOCKETS(SITE) : SOCKETS(""));
    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        (void)snprintf(text, sizeof(text), "%s-%s-dynamicport.txt", hm_family_names[i % 2],
                       hm_protocol_names[i / 2]);
        recorded_folder_puts(folder, text, DYNAMIC);
        (void)snprintf(text, sizeof(text), "%s-%s-excludedportrange.txt", hm_family_names[i % 2],
                       hm_protocol_names[i / 2]);
        recorded_folder_puts(folder, text,
                             site && i < 2 ? ROWS("     50443       50443\r\n") : ROWS(""));
    }
}

static void open_agent(struct host *host)
{
    const struct hm_enforcer_options options = {.state_dir = host->state,
                                                .ops = &hm_platform_recorded,
                                                .platform = host->platform,
                                                .now_ms = now_ms};

    hm_enforcer_close(host->enforcer);
    assert_int_equal(hm_enforcer_open(&options, &host->enforcer, &host->folder.err), HM_OK);
}

/* One pass at that second of the boot; the outcome as "waiting settling", and the changes. */
static void expect_pass(struct host *host, const char *boot_id, unsigned uptime_s, bool site,
                        const char *service, const char *expected)
{
    static const struct hm_catalogue catalogue = {NULL, 0};
    static const struct hm_policy *policies[1];
    const struct hm_outcome *row;
    char text[64];

    clock_ms += 30000;
    describe(host, boot_id, uptime_s, site, service);
    recorded_folder_must_observe(&host->folder);
    policies[0] = &host->policy;
    host->pass = (struct hm_enforce_pass){
        .policies = {policies, 1},
        .desired_error = "",
        .host = "web-1",
        .catalogue = &catalogue,
        .observation = &host->folder.seen,
        .arena = &host->folder.arena,
    };
    assert_int_equal(hm_enforce(host->enforcer, &host->pass, &host->folder.err), HM_OK);
    assert_int_equal(host->pass.report.policies.count, 1);
    row = &host->pass.report.policies.at[0];
    (void)snprintf(text, sizeof(text), "%s %s", hm_outcome_state_names[row->state],
                   row->state == HM_OUTCOME_REFUSED ? hm_refusal_code_names[row->code]
                                                    : hm_outcome_why_names[row->why]);
    if (strcmp(text, expected) != 0) {
        fail_msg("%s at %u s: %s", boot_id, uptime_s, row->text);
    }
}

static int set_up(void **state)
{
    struct host *host = calloc(1, sizeof(*host));

    assert_non_null(host);
    *state = host;
    clock_ms = 1800000000000;
    recorded_folder_init(&host->folder);
    temp_folder_make(host->state, sizeof(host->state));
    describe(host, "boot-1", 86400, true, W3SVC("true", "0"));
    assert_int_equal(
        hm_platform_recorded.open(host->folder.path, &host->platform, &host->folder.err), HM_OK);
    assert_int_equal(hm_record_decode(&hm_record_policy, POLICY, strlen(POLICY), true,
                                      &host->folder.arena, &host->policy, NULL, &host->folder.err),
                     HM_OK);
    open_agent(host);
    return 0;
}

static int tear_down(void **state)
{
    struct host *host = *state;

    hm_enforcer_close(host->enforcer);
    hm_platform_recorded.close(host->platform);
    temp_folder_remove(host->state);
    recorded_folder_fini(&host->folder);
    free(host);
    return 0;
}

/* A site on a port of its own: no catalogue names it, and no port book is kept here. */
static void test_a_site_that_starts_after_the_agent(void **state)
{
    struct host *host = *state;

    expect_pass(host, "boot-1", 86400, true, W3SVC("true", "0"), "refused httpsys");
    open_agent(host);
    expect_pass(host, "boot-2", 8, false, W3SVC("false", "1077"), "waiting settling");
    assert_false(host->pass.changed);
    assert_true(host->pass.again_in_ms > 0);
    expect_pass(host, "boot-2", 60, false, W3SVC("false", "1077"), "waiting settling");
    expect_pass(host, "boot-2", 120, true, W3SVC("true", "0"), "refused httpsys");
    expect_pass(host, "boot-2", 180, true, W3SVC("true", "0"), "refused httpsys");
    assert_int_equal(host->pass.report.ledger.exclusions.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_site_that_starts_after_the_agent, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
