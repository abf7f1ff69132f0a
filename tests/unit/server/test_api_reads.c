/* tests/unit/server/test_api_reads.c — lists, cursors, filters, past times, one host.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/str.h"
#include "server/api/api.h"
#include "server/fleet/fleet.h"
#include "tests/support/api_double.h"

#define NOW_MS INT64_C(1790000000000)
#define HOSTS 5
#define NO_FINDINGS "{\"verdicts\":[],\"findings\":[],\"unknown\":[]}"

struct fixture {
    struct collector_double collector;
    struct agent_double agents[HOSTS];
    struct api_double api;
};

/* mail00, mail02, mail04 are exposed, the others safe. */
static int begin(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    static char names[HOSTS][16];
    char token[200];
    unsigned i;

    assert_non_null(f);
    collector_double_open(&f->collector, "sqlite::memory:");
    collector_double_token(&f->collector, NOW_MS, HOSTS, token);
    for (i = 0; i < HOSTS; i++) {
        struct agent_report report = {.boot_id = "boot-1", .seq = 1, .findings = NO_FINDINGS};

        (void)snprintf(names[i], sizeof(names[i]), "mail%02u", i);
        report.inventory =
            agent_double_inventory(&f->collector.arena, i % 2 == 0 ? "6005-65534" : "49152-65535");
        assert_int_equal(
            agent_double_enroll(&f->agents[i], &f->collector.app, names[i], token, NOW_MS + i * 10),
            200);
        assert_int_equal(agent_double_checkin(&f->agents[i], &report, NOW_MS + 1000), 200);
    }
    f->api = (struct api_double){
        .app = &f->collector.app, .role = HM_ROLE_VIEWER, .now_ms = NOW_MS + 5000};
    *state = f;
    return 0;
}

static int end(void **state)
{
    struct fixture *f = *state;

    collector_double_close(&f->collector);
    free(f);
    return 0;
}

static unsigned count_of(const struct api_double *api, const char *text)
{
    const char *at = api->body;
    unsigned count = 0;

    while ((at = strstr(at, text)) != NULL) {
        count++;
        at += strlen(text);
    }
    return count;
}

/* ---- every list refuses what it does not know ----------------------------------------------- */

static const struct {
    hm_handler *handler;
    const char *query;
    const char *code;
} refused[] = {
    {hm_api_hosts_list,     "colour=red",              "unknown_parameter"},
    {hm_api_hosts_list,     "Limit=1",                 "unknown_parameter"},
    {hm_api_hosts_list,     "limit=0",                 "bad_limit"        },
    {hm_api_hosts_list,     "limit=1001",              "bad_limit"        },
    {hm_api_hosts_list,     "limit=ten",               "bad_limit"        },
    {hm_api_hosts_list,     "limit=",                  "bad_limit"        },
    {hm_api_hosts_list,     "cursor=",                 "bad_cursor"       },
    {hm_api_hosts_list,     "cursor=!!!!",             "bad_cursor"       },
    {hm_api_hosts_list,     "cursor=aG9zdHM",          "bad_cursor"       },
    {hm_api_hosts_list,     "cursor=dmVyZGljdHMKMQ",   "bad_cursor"       }, /* verdicts\n1 */
    {hm_api_hosts_list,     "cursor=aG9zdHMK",         "bad_cursor"       }, /* hosts\n */
    {hm_api_verdicts_list,  "cursor=dmVyZGljdHMKb25l", "bad_cursor"       }, /* verdicts\none */
    {hm_api_hosts_list,     "at=yesterday",            "bad_time"         },
    {hm_api_hosts_list,     "filter=colour=red",       "bad_filter"       },
    {hm_api_verdicts_list,  "filter=verdict=exposed",  "bad_filter"       },
    {hm_api_findings_list,  "filter=severity=grave",   "bad_filter"       },
    {hm_api_events_list,    "at=2026-11-22T11:05:00Z", "unknown_parameter"},
    {hm_api_events_list,    "order=random",            "bad_order"        },
    {hm_api_events_list,    "after=x",                 "bad_after"        },
    {hm_api_events_list,    "after=1&order=newest",    "bad_after"        },
    {hm_api_tokens_list,    "order=newest",            "unknown_parameter"},
    {hm_api_catalogue_list, "filter=id=x",             "unknown_parameter"},
    {hm_api_plans_post,     "x=1",                     "unknown_parameter"},
    {hm_api_whatif_post,    "x=1",                     "unknown_parameter"},
    {hm_api_whoami_get,     "x=1",                     "unknown_parameter"},
    {hm_api_openapi_get,    "x=1",                     "unknown_parameter"},
};

static void test_refused(void **state)
{
    struct fixture *f = *state;
    size_t i;

    for (i = 0; i < HM_COUNT(refused); i++) {
        if (api_double_call(&f->api, refused[i].handler, NULL, refused[i].query, NULL) != 400 ||
            strcmp(f->api.code, refused[i].code) != 0) {
            fail_msg("%s: %u %s", refused[i].query, f->api.status, f->api.code);
        }
    }
}

/* ---- filters reach the database ---------------------------------------------------------------
 */

static const struct {
    hm_handler *handler;
    const char *query;
    unsigned items;
} filtered[] = {
    {hm_api_hosts_list,    "",                                                   5},
    {hm_api_hosts_list,    "filter=verdict=exposed",                             3},
    {hm_api_hosts_list,    "filter=verdict>=unknown",                            3},
    {hm_api_hosts_list,    "filter=exposed>0 or safe>0",                         5},
    {hm_api_hosts_list,    "filter=name~MAIL0?",                                 5},
    {hm_api_hosts_list,    "filter=name=mail03 or name=mail04",                  2},
    {hm_api_hosts_list,    "filter=not name=mail03",                             4},
    {hm_api_hosts_list,    "filter=label.site=paris",                            5},
    {hm_api_hosts_list,    "filter=label.site=rome",                             0},
    {hm_api_hosts_list,    "filter=label.site~P?RIS",                            5},
    {hm_api_hosts_list,    "filter=label.site!~p*",                              0},
    {hm_api_hosts_list,    "filter=silent=true",                                 0},
    {hm_api_hosts_list,    "filter=os_family=windows cloned=false",              5},
    {hm_api_hosts_list,    "filter=first_seen<2026-01-01",                       0},
    {hm_api_hosts_list,    "filter=first_seen>-1h",                              5},
    {hm_api_hosts_list,    "at=2020-01-01T00:00:00Z",                            0},
    {hm_api_verdicts_list, "filter=state=exposed",                               3},
    {hm_api_verdicts_list, "filter=state=exposed host=mail02",                   1},
    {hm_api_verdicts_list, "filter=state=exposed label.site=paris silent=false", 3},
    {hm_api_verdicts_list, "filter=holder=nobody",                               0},
    {hm_api_verdicts_list, "filter=not holder=nobody state=exposed",             3},
    {hm_api_verdicts_list, "filter=state=exposed since<-1h",                     0},
    {hm_api_verdicts_list, "filter=state=exposed&at=2020-01-01T00:00:00Z",       0},
    {hm_api_findings_list, "filter=severity>=high kind=no_such_kind",            0},
    {hm_api_events_list,   "filter=kind=host_enrolled",                          5},
    {hm_api_events_list,   "filter=kind=host_enrolled host=mail01&order=newest", 1},
    {hm_api_events_list,   "after=1000000",                                      0},
    {hm_api_tokens_list,   "filter=kind=join revoked=false",                     1},
    {hm_api_tokens_list,   "filter=expires>-1h uses_left=0",                     1},
};

static void test_filtered(void **state)
{
    struct fixture *f = *state;
    size_t i;

    for (i = 0; i < HM_COUNT(filtered); i++) {
        const char *mark = filtered[i].handler == hm_api_verdicts_list   ? "\"judged_by\":"
                           : filtered[i].handler == hm_api_findings_list ? "\"fingerprint\":"
                           : filtered[i].handler == hm_api_events_list   ? "\"hash\":"
                           : filtered[i].handler == hm_api_tokens_list   ? "\"revoked\":"
                                                                         : "\"cloned\":";

        if (api_double_call(&f->api, filtered[i].handler, NULL, filtered[i].query, NULL) != 200) {
            fail_msg("%s: %u %s", filtered[i].query, f->api.status, f->api.text);
        }
        if (count_of(&f->api, mark) != filtered[i].items) {
            fail_msg("%s: %u items\n%s", filtered[i].query, count_of(&f->api, mark), f->api.body);
        }
    }
}

/* ---- cursors -----------------------------------------------------------------------------------
 */

static void walk(struct fixture *f, hm_handler *handler, const char *arg, const char *extra,
                 const char *mark)
{
    char query[2048];
    char next[1100] = "";
    unsigned whole;
    unsigned seen = 0;
    unsigned pages = 0;

    (void)snprintf(query, sizeof(query), "limit=1000%s%s", extra == NULL ? "" : "&",
                   extra == NULL ? "" : extra);
    assert_int_equal(api_double_call(&f->api, handler, arg, query, NULL), 200);
    whole = count_of(&f->api, mark);
    assert_true(whole >= 2);
    do {
        (void)snprintf(query, sizeof(query), "limit=1%s%s%s%s", extra == NULL ? "" : "&",
                       extra == NULL ? "" : extra, next[0] == '\0' ? "" : "&cursor=", next);
        assert_int_equal(api_double_call(&f->api, handler, arg, query, NULL), 200);
        assert_int_equal(count_of(&f->api, mark), 1);
        api_double_member(&f->api, "next", next, sizeof(next));
        seen++;
        assert_true(++pages <= whole);
    } while (next[0] != '\0');
    assert_int_equal(seen, whole);
}

static void test_cursors(void **state)
{
    struct fixture *f = *state;

    walk(f, hm_api_hosts_list, NULL, NULL, "\"cloned\":");
    walk(f, hm_api_hosts_list, NULL, "filter=verdict=exposed", "\"cloned\":");
    walk(f, hm_api_hosts_list, NULL, "at=2026-09-21T14:13:25Z", "\"cloned\":");
    walk(f, hm_api_verdicts_list, NULL, "filter=state=exposed", "\"judged_by\":");
    walk(f, hm_api_events_list, NULL, NULL, "\"hash\":");
    walk(f, hm_api_events_list, NULL, "order=newest", "\"hash\":");
    walk(f, hm_api_hosts_history_get, "mail00", NULL, "\"digest\":");
    walk(f, hm_api_catalogue_list, NULL, NULL, "\"vendor\":");
}

/* ---- one host ----------------------------------------------------------------------------------
 */

static void test_host(void **state)
{
    struct fixture *f = *state;
    char digest[100];

    assert_int_equal(api_double_call(&f->api, hm_api_hosts_get, "mail00", NULL, NULL), 200);
    assert_non_null(strstr(f->api.body, "\"verdict\":\"exposed\""));
    assert_non_null(strstr(f->api.body, "\"inventory\":{\"os\":{"));
    assert_non_null(strstr(f->api.body, "\"as_of\":\""));
    assert_int_equal(api_double_call(&f->api, hm_api_hosts_get, f->agents[0].id, NULL, NULL), 200);
    assert_int_equal(api_double_call(&f->api, hm_api_hosts_get, "nobody", NULL, NULL), 404);
    assert_int_equal(
        api_double_call(&f->api, hm_api_hosts_get, "mail00", "at=2020-01-01T00:00:00Z", NULL), 404);
    assert_int_equal(
        api_double_call(&f->api, hm_api_hosts_get, "mail00", "at=2026-09-21T14:13:25Z", NULL), 200);
    assert_null(strstr(f->api.body, "\"as_of\""));
    assert_non_null(strstr(f->api.body, "\"verdict\":\"exposed\""));

    assert_int_equal(api_double_call(&f->api, hm_api_hosts_inventory_get, "mail00", NULL, NULL),
                     200);
    assert_string_equal(f->api.body, agent_double_inventory(&f->collector.arena, "6005-65534"));
    hm_digest_text(f->api.body, strlen(f->api.body), digest + 1);
    digest[0] = '"';
    (void)snprintf(digest + strlen(digest), 2, "\"");
    assert_string_equal(f->api.etag, digest);
    assert_int_equal(api_double_call(&f->api, hm_api_hosts_history_get, "nobody", NULL, NULL), 404);
}

/* What is known of a host that no longer reports is shown, and marked as old. */
static void test_silent(void **state)
{
    struct fixture *f = *state;

    f->api.now_ms = NOW_MS + 3600000;
    assert_int_equal(
        api_double_call(&f->api, hm_api_verdicts_list, NULL, "filter=state=exposed", NULL), 200);
    assert_int_equal(count_of(&f->api, "\"silent\":true"), 0); /* a clock that was set */
    f->collector.app.started_ms = NOW_MS + 1800000;            /* heard before our start only */
    assert_int_equal(
        api_double_call(&f->api, hm_api_verdicts_list, NULL, "filter=state=exposed", NULL), 200);
    assert_int_equal(count_of(&f->api, "\"silent\":true"), 3);
    assert_int_equal(count_of(&f->api, "\"as_of\":\""), 3);
    /* Though the store was not told, or could not be: no host is green on old news. */
    assert_int_equal(api_double_call(&f->api, hm_api_hosts_list, NULL, NULL, NULL), 200);
    assert_int_equal(count_of(&f->api, "\"silent\":true"), HOSTS);
    assert_int_equal(count_of(&f->api, "\"verdict\":\"unknown\""), HOSTS);
}

/* ---- the server itself -------------------------------------------------------------------------
 */

static void test_server(void **state)
{
    static const char *const lines[] = {
        "havenmaster_hosts{verdict=\"exposed\"} 3\n",
        "havenmaster_hosts{verdict=\"safe\"} 2\n",
        "havenmaster_checkins_total{result=\"changed\"} 5\n",
        "havenmaster_silent_hosts 0\n",
        "# TYPE havenmaster_checkins counter\n",
        "# TYPE havenmaster_build info\n",
        "havenmaster_build_info{version=\"",
        ("# TYPE havenmaster_process_cpu_seconds counter\n"
         "# UNIT havenmaster_process_cpu_seconds seconds\n"),
        "havenmaster_process_cpu_seconds_total ",
    };
    struct fixture *f = *state;
    struct hm_app empty = {.store = NULL};
    size_t i;

    assert_int_equal(api_double_call(&f->api, hm_api_healthz_get, NULL, NULL, NULL), 200);
    assert_int_equal(api_double_call(&f->api, hm_api_readyz_get, NULL, NULL, NULL), 200);
    assert_int_equal(api_double_call(&f->api, hm_api_metrics_get, NULL, NULL, NULL), 200);
    for (i = 0; i < HM_COUNT(lines); i++) {
        if (strstr(f->api.body, lines[i]) == NULL) {
            fail_msg("no line %s in\n%s", lines[i], f->api.body);
        }
    }
    assert_string_equal(f->api.body + strlen(f->api.body) - 6, "# EOF\n");
    assert_null(strstr(f->api.body, "mail00"));
    assert_int_equal(api_double_call(&f->api, hm_api_openapi_get, NULL, NULL, NULL), 200);
    assert_memory_equal(f->api.body, "{\"openapi\":\"3.1.0\"", 18);
    assert_int_equal(api_double_call(&f->api, hm_api_whoami_get, NULL, NULL, NULL), 200);
    assert_non_null(strstr(f->api.body, "\"role\":\"viewer\""));
    assert_int_equal(
        api_double_call(&f->api, hm_api_catalogue_get, "exchange-2013-back-end", NULL, NULL), 200);
    assert_int_equal(api_double_call(&f->api, hm_api_catalogue_get, "nothing", NULL, NULL), 404);

    f->api.app = &empty;
    assert_int_equal(api_double_call(&f->api, hm_api_healthz_get, NULL, NULL, NULL), 200);
    assert_int_equal(api_double_call(&f->api, hm_api_readyz_get, NULL, NULL, NULL), 503);
}

/* Kinds come over the wire: an agent must not be able to make series without end. */
static void test_foreign_kinds_make_no_series(void **state)
{
    static const char findings[] =
        "{\"verdicts\":[],\"unknown\":[],\"findings\":["
        "{\"kind\":\"made_up_1\",\"severity\":\"low\",\"fingerprint\":\"1\",\"subject\":\"a\","
        "\"text\":\"t\"},"
        "{\"kind\":\"made_up_2\",\"severity\":\"low\",\"fingerprint\":\"2\",\"subject\":\"a\","
        "\"text\":\"t\"},"
        "{\"kind\":\"family_gap\",\"severity\":\"low\",\"fingerprint\":\"3\",\"subject\":\"a\","
        "\"text\":\"t\"}]}";
    struct fixture *f = *state;
    const struct agent_report report = {.boot_id = "boot-1", .seq = 2, .findings = findings};

    assert_int_equal(agent_double_checkin(&f->agents[0], &report, NOW_MS + 2000), 200);
    assert_int_equal(api_double_call(&f->api, hm_api_metrics_get, NULL, NULL, NULL), 200);
    assert_non_null(
        strstr(f->api.body, "havenmaster_findings{kind=\"other\",severity=\"low\"} 2\n"));
    assert_non_null(
        strstr(f->api.body, "havenmaster_findings{kind=\"family_gap\",severity=\"low\"} 1\n"));
    assert_null(strstr(f->api.body, "made_up"));
}

/* As of now, so then: of two hosts with one name none is taken by chance. */
static void test_name_of_two(void **state)
{
    struct fixture *f = *state;
    struct agent_report report = {.boot_id = "boot-9", .seq = 1, .findings = NO_FINDINGS};
    struct agent_double twin;
    char query[60];
    char time[HM_TIME_TEXT_BYTES];
    char token[200];

    collector_double_token(&f->collector, NOW_MS, 1, token);
    assert_int_equal(agent_double_enroll(&twin, &f->collector.app, "mail00", token, NOW_MS + 20000),
                     200);
    report.inventory = agent_double_inventory(&f->collector.arena, "49152-65535");
    assert_int_equal(agent_double_checkin(&twin, &report, NOW_MS + 20000), 200);
    (void)snprintf(query, sizeof(query), "at=%s", hm_clock_format(NOW_MS + 10000, time));
    assert_int_equal(api_double_call(&f->api, hm_api_hosts_get, "mail00", query, NULL), 200);
    (void)snprintf(query, sizeof(query), "at=%s", hm_clock_format(NOW_MS + 30000, time));
    assert_int_equal(api_double_call(&f->api, hm_api_hosts_get, "mail00", query, NULL), 409);
    assert_string_equal(f->api.code, "ambiguous_host");
    assert_int_equal(api_double_call(&f->api, hm_api_hosts_get, twin.id, query, NULL), 200);
    assert_int_equal(api_double_call(&f->api, hm_api_hosts_get, "mail00", NULL, NULL), 409);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_refused, begin, end),
        cmocka_unit_test_setup_teardown(test_filtered, begin, end),
        cmocka_unit_test_setup_teardown(test_cursors, begin, end),
        cmocka_unit_test_setup_teardown(test_host, begin, end),
        cmocka_unit_test_setup_teardown(test_silent, begin, end),
        cmocka_unit_test_setup_teardown(test_server, begin, end),
        cmocka_unit_test_setup_teardown(test_name_of_two, begin, end),
        cmocka_unit_test_setup_teardown(test_foreign_kinds_make_no_series, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
