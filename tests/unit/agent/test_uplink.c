/* tests/unit/agent/test_uplink.c — check-in and the held request, without a collector.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/uplink.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "common/os/os.h"
#include "tests/support/fake_transport.h"
#include "tests/support/temp_folder.h"

#define ID "01hzzzzzzzzzzzzzzzzzzzzzzz"
#define SECRET "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define AGENT_SECRET "hma_" ID "_" SECRET
#define SHA "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
#define JOIN_TOKEN "hmj_" ID "_" SECRET "_" SHA

#define TAKEN "{\"interval_s\":60,\"etag\":\"\\\"e1\\\"\"}"
#define NEEDS(what) "{\"interval_s\":60,\"etag\":\"\\\"e1\\\"\",\"need\":[" what "]}"
#define PROBLEM(number, code, more)                                                                \
    "{\"type\":\"urn:havenmaster:problem:" code "\",\"title\":\"t\",\"status\":" number            \
    ",\"code\":\"" code "\",\"detail\":\"why\"" more "}"
#define DESIRED "{\"settings\":{\"interval_s\":90},\"catalogue\":[]}"

struct fixture {
    char folder[64];
    struct hm_arena arena;
    struct hm_spool *spool;
    struct hm_identity identity;
    struct fake_transport fake;
    struct hm_uplink uplink;
    struct hm_report report;
};

static uint32_t random_zero(void)
{
    return 0;
}

static void set_document(struct hm_uplink_document *document, const char *text)
{
    document->text = text;
    document->len = strlen(text);
    hm_digest_text(text, document->len, document->digest);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    temp_folder_make(fixture->folder, sizeof(fixture->folder));
    hm_arena_init(&fixture->arena, 64u << 20);
    if (hm_spool_open(fixture->folder, &fixture->spool, NULL) != HM_OK ||
        hm_spool_begin_boot(fixture->spool, "boot-1", NULL) != HM_OK) {
        return -1;
    }
    fixture->identity = (struct hm_identity){true, ID, AGENT_SECRET, 0};
    fixture->uplink = (struct hm_uplink){.transport = fake_transport_of(&fixture->fake),
                                         .identity = &fixture->identity,
                                         .spool = fixture->spool,
                                         .random = random_zero};
    fixture->report.boot_id = "boot-1";
    fixture->report.name = "host-1";
    set_document(&fixture->report.inventory, "{\"i\":1}");
    set_document(&fixture->report.findings, "{\"f\":1}");
    *state = fixture;
    return hm_spool_next_seq(fixture->spool, &fixture->report.seq, NULL) == HM_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    fake_transport_fini(&fixture->fake);
    hm_spool_close(fixture->spool);
    temp_folder_remove(fixture->folder);
    hm_arena_fini(&fixture->arena);
    free(fixture);
    return 0;
}

static void script(struct fixture *fixture, const struct fake_reply *replies, unsigned count)
{
    fake_transport_fini(&fixture->fake);
    fake_transport_init(&fixture->fake, replies, count);
}

static enum hm_status check_in(struct fixture *fixture, struct hm_uplink_sent *sent,
                               struct hm_err *err)
{
    return hm_uplink_check_in(&fixture->uplink, &fixture->report, sent, err);
}

/* First line of a request, decoded; what stands behind it comes out as bodies. */
static struct hm_checkin envelope(struct fixture *fixture, unsigned call, const char **out_bodies)
{
    const char *body = fixture->fake.calls[call].body;
    const char *end = strchr(body, '\n');
    struct hm_checkin checkin;

    assert_non_null(end);
    assert_int_equal(hm_record_decode(&hm_record_checkin, body, (size_t)(end - body), true,
                                      &fixture->arena, &checkin, NULL, NULL),
                     HM_OK);
    *out_bodies = end + 1;
    return checkin;
}

static void test_bodies_travel_once(void **state)
{
    static const struct fake_reply replies[] = {
        {200, TAKEN, "", 0},
        {200, TAKEN, "", 0},
        {200, TAKEN, "", 0},
    };
    struct fixture *fixture = *state;
    struct hm_uplink_sent sent;
    struct hm_checkin checkin;
    const char *bodies;

    script(fixture, replies, 3);
    assert_int_equal(check_in(fixture, &sent, NULL), HM_OK);
    assert_true(sent.with_inventory && sent.with_findings && sent.desired_is_new);
    assert_string_equal(fixture->fake.calls[0].method, "POST");
    assert_string_equal(fixture->fake.calls[0].path, "/v1/checkin");
    assert_string_equal(fixture->fake.calls[0].bearer, AGENT_SECRET);
    checkin = envelope(fixture, 0, &bodies);
    assert_string_equal(bodies, "{\"i\":1}\n{\"f\":1}\n");
    assert_string_equal(checkin.boot_id, "boot-1");
    assert_string_equal(checkin.name, "host-1");
    assert_int_equal(checkin.seq, 1);
    assert_int_equal(checkin.documents.inventory.bytes, 7);
    assert_int_equal(fixture->uplink.interval_s, 60);
    /* Nothing new: digests only. */
    assert_int_equal(hm_spool_next_seq(fixture->spool, &fixture->report.seq, NULL), HM_OK);
    assert_int_equal(check_in(fixture, &sent, NULL), HM_OK);
    checkin = envelope(fixture, 1, &bodies);
    assert_string_equal(bodies, "");
    assert_int_equal(checkin.seq, 2);
    assert_true(checkin.documents.has_inventory && !checkin.documents.inventory.has_bytes);
    assert_string_equal(checkin.documents.inventory.digest, fixture->report.inventory.digest);
    assert_false(sent.with_inventory || sent.with_findings);
    /* One is new: that one's body. */
    set_document(&fixture->report.findings, "{\"f\":2}");
    assert_int_equal(check_in(fixture, &sent, NULL), HM_OK);
    (void)envelope(fixture, 2, &bodies);
    assert_string_equal(bodies, "{\"f\":2}\n");
}

static void test_what_is_needed_is_sent_again(void **state)
{
    static const struct fake_reply replies[] = {
        {200, TAKEN,                  "", 0},
        {200, NEEDS("\"inventory\""), "", 0},
        {200, TAKEN,                  "", 0},
        {200, NEEDS("\"inventory\""), "", 0},
        {200, NEEDS("\"inventory\""), "", 0},
        {200, NEEDS("\"weather\""),   "", 0},
    };
    struct fixture *fixture = *state;
    struct hm_uplink_sent sent;
    struct hm_checkin first;
    struct hm_checkin second;
    struct hm_err err;
    const char *bodies;

    script(fixture, replies, HM_COUNT(replies));
    assert_int_equal(check_in(fixture, &sent, NULL), HM_OK);
    assert_int_equal(check_in(fixture, &sent, NULL), HM_OK);
    assert_int_equal(sent.requests, 2);
    first = envelope(fixture, 1, &bodies);
    assert_string_equal(bodies, "");
    second = envelope(fixture, 2, &bodies);
    assert_string_equal(bodies, "{\"i\":1}\n");
    assert_true(second.seq > first.seq); /* other bytes: another number */
    /* A collector that never has enough is left alone for a while. */
    assert_int_equal(check_in(fixture, &sent, &err), HM_EIO);
    assert_int_equal(fixture->fake.call_count, 5);
    assert_int_equal(fixture->uplink.retry_ms, HM_BACKOFF_FIRST_MS);
    assert_int_equal(check_in(fixture, &sent, &err), HM_OK);
    assert_int_equal(fixture->fake.call_count, 6);
}

static void test_outcome_is_the_third_document(void **state)
{
    static const struct fake_reply replies[] = {
        {200, TAKEN,                "", 0},
        {200, TAKEN,                "", 0},
        {200, NEEDS("\"outcome\""), "", 0},
        {200, TAKEN,                "", 0},
    };
    struct fixture *fixture = *state;
    struct hm_uplink_sent sent;
    struct hm_checkin checkin;
    const char *bodies;

    script(fixture, replies, HM_COUNT(replies));
    assert_int_equal(check_in(fixture, &sent, NULL), HM_OK); /* an agent that enforces nothing */
    checkin = envelope(fixture, 0, &bodies);
    assert_false(checkin.documents.has_outcome || sent.with_outcome);
    set_document(&fixture->report.inventory, "{\"i\":2}");
    set_document(&fixture->report.outcome, "{\"o\":1}");
    assert_int_equal(check_in(fixture, &sent, NULL), HM_OK);
    checkin = envelope(fixture, 1, &bodies);
    assert_string_equal(bodies, "{\"i\":2}\n{\"o\":1}\n");
    assert_string_equal(checkin.documents.outcome.digest, fixture->report.outcome.digest);
    assert_true(sent.with_outcome && !sent.with_findings);
    assert_string_equal(hm_spool_acknowledged(fixture->spool, HM_SPOOL_OUTCOME),
                        fixture->report.outcome.digest);
    /* Lost over there: sent again, alone. */
    assert_int_equal(check_in(fixture, &sent, NULL), HM_OK);
    assert_int_equal(sent.requests, 2);
    (void)envelope(fixture, 2, &bodies);
    assert_string_equal(bodies, "");
    (void)envelope(fixture, 3, &bodies);
    assert_string_equal(bodies, "{\"o\":1}\n");
}

/* Windows says "access denied" to a file that cannot be replaced. */
static void test_own_disk_is_no_refusal(void **state)
{
    static const struct fake_reply replies[] = {
        {200, TAKEN, "", 0},
        {200, TAKEN, "", 0},
    };
    struct fixture *fixture = *state;
    struct hm_uplink_sent sent;
    struct hm_err err = {.status = HM_OK};
    const char *path = hm_arena_printf(&fixture->arena, "%s/state.json", fixture->folder);

    script(fixture, replies, HM_COUNT(replies));
    assert_int_equal(hm_os_remove_file(path, NULL), HM_OK);
    assert_int_equal(hm_os_make_folder(path, 0700, NULL), HM_OK);
    assert_int_equal(check_in(fixture, &sent, &err), HM_EIO);
    assert_int_equal(err.status, HM_EIO);
    assert_true(fixture->uplink.retry_ms > 0);
    assert_int_equal(hm_os_remove_folder(path, NULL), HM_OK);
    assert_int_equal(check_in(fixture, &sent, &err), HM_OK);
}

static void test_unanswered_report_is_repeated_as_it_was(void **state)
{
    static const struct fake_reply replies[] = {
        {0,   NULL,  "", 0},
        {200, TAKEN, "", 0},
    };
    struct fixture *fixture = *state;
    struct hm_uplink_sent sent;

    script(fixture, replies, 2);
    assert_int_equal(check_in(fixture, &sent, NULL), HM_EIO);
    assert_string_equal(hm_spool_acknowledged(fixture->spool, HM_SPOOL_INVENTORY), "");
    assert_int_equal(check_in(fixture, &sent, NULL), HM_OK);
    assert_string_equal(fixture->fake.calls[0].body, fixture->fake.calls[1].body);
    assert_string_equal(hm_spool_acknowledged(fixture->spool, HM_SPOOL_INVENTORY),
                        fixture->report.inventory.digest);
}

static void test_answers_that_are_no_success(void **state)
{
    static const struct {
        struct fake_reply reply;
        enum hm_status st;
        const char *code;
        int64_t retry_ms;
    } rows[] = {
        {{429, PROBLEM("429", "slow_down", ""), "", 7},       HM_EBUSY,     "slow_down",       7000                               },
        {{503, "<html>proxy</html>", "", 0},                  HM_EBUSY,     "busy",            HM_BACKOFF_FIRST_MS                },
        {{503, "", "", 999999},                               HM_EBUSY,     "busy",            HM_UPLINK_RETRY_AFTER_MOST_S * 1000},
        {{401, PROBLEM("401", "unauthenticated", ""), "", 0},
         HM_EDENIED,                                                        "unauthenticated",
         HM_BACKOFF_FIRST_MS                                                                                                      },
        {{409, PROBLEM("409", "seq", ""), "", 0},             HM_ECONFLICT, "seq",             HM_BACKOFF_FIRST_MS                },
        {{413, PROBLEM("413", "too_big", ""), "", 0},         HM_EINVAL,    "too_big",         HM_BACKOFF_FIRST_MS                },
        {{500, "", "", 0},                                    HM_EIO,       "io_error",        HM_BACKOFF_FIRST_MS                },
        {{302, "", "", 0},                                    HM_EIO,       "io_error",        HM_BACKOFF_FIRST_MS                },
        {{200, "{}", "", 0},                                  HM_EINVAL,    "invalid",         HM_BACKOFF_FIRST_MS                },
        {{200, "no json", "", 0},                             HM_EINVAL,    "invalid",         HM_BACKOFF_FIRST_MS                },
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        struct hm_uplink_sent sent;
        struct hm_err err;

        hm_backoff_reset(&fixture->uplink.backoff);
        script(fixture, &rows[i].reply, 1);
        assert_int_equal(check_in(fixture, &sent, &err), rows[i].st);
        assert_string_equal(hm_err_code(&err), rows[i].code);
        assert_int_equal(fixture->uplink.retry_ms, rows[i].retry_ms);
        assert_string_equal(fixture->uplink.reenroll_token, "");
        assert_string_equal(hm_spool_acknowledged(fixture->spool, HM_SPOOL_INVENTORY), "");
    }
}

static void test_clone_is_given_a_token(void **state)
{
    static const struct fake_reply replies[] = {
        {409, PROBLEM("409", "clone_detected", ",\"reenroll_token\":\"" JOIN_TOKEN "\""), "", 0},
        {503,  "",               "",                             0                                                                  },
    };
    struct fixture *fixture = *state;
    struct hm_uplink_sent sent;
    struct hm_err err;

    script(fixture, replies, 2);
    assert_int_equal(check_in(fixture, &sent, &err), HM_ECONFLICT);
    assert_string_equal(hm_err_code(&err), "clone_detected");
    assert_string_equal(fixture->uplink.reenroll_token, JOIN_TOKEN);
    assert_int_equal(check_in(fixture, &sent, &err), HM_EBUSY);
    assert_string_equal(fixture->uplink.reenroll_token, "");
}

static void test_three_large_documents_take_three_requests(void **state)
{
    static const struct fake_reply replies[] = {
        {200, NEEDS("\"findings\",\"outcome\""), "", 0},
        {200, NEEDS("\"outcome\""),              "", 0},
        {200, TAKEN,                             "", 0},
    };
    struct fixture *fixture = *state;
    struct hm_uplink_sent sent;
    char *big = malloc(HM_LIMIT_DOCUMENT_BYTES + 1);

    memset(big, 'x', HM_LIMIT_DOCUMENT_BYTES);
    big[HM_LIMIT_DOCUMENT_BYTES] = '\0';
    set_document(&fixture->report.inventory, big);
    set_document(&fixture->report.findings, big);
    set_document(&fixture->report.outcome, big);
    script(fixture, replies, HM_COUNT(replies));
    assert_int_equal(check_in(fixture, &sent, NULL), HM_OK);
    assert_int_equal(sent.requests, 3);
    assert_true(sent.with_inventory && sent.with_findings && sent.with_outcome);
    for (unsigned i = 0; i < 3; i++) {
        assert_true(fixture->fake.calls[i].body_len <= HM_LIMIT_CHECKIN_BYTES);
    }
    free(big);
}

static void test_hold(void **state)
{
    static const struct fake_reply replies[] = {
        {200, DESIRED,             "\"e1\"", 0},
        {304, "",                  "",       0},
        {200, "{\"settings\":{}}", "\"e2\"", 0},
        {200, DESIRED,             "\"e3\"", 0},
        {1,   NULL,                "",       0},
        {0,   NULL,                "",       0},
        {401, "",                  "",       0},
        {503, "",                  "",       3},
    };
    struct fixture *fixture = *state;
    struct hm_uplink *uplink = &fixture->uplink;
    bool changed = false;

    script(fixture, replies, HM_COUNT(replies));
    assert_int_equal(hm_uplink_hold(uplink, 30, 5, &changed, NULL), HM_OK);
    assert_true(changed);
    assert_string_equal(fixture->fake.calls[0].path, "/v1/desired");
    assert_string_equal(fixture->fake.calls[0].prefer, "wait=30");
    assert_string_equal(fixture->fake.calls[0].if_none_match, "");
    assert_int_equal(uplink->interval_s, 90);
    assert_int_equal(hm_uplink_hold(uplink, 30, 5, &changed, NULL), HM_OK);
    assert_false(changed);
    assert_string_equal(fixture->fake.calls[1].if_none_match, "\"e1\"");
    /* A broken one does not replace the good one. */
    assert_int_equal(hm_uplink_hold(uplink, 30, 5, &changed, NULL), HM_EINVAL);
    assert_string_equal(hm_spool_etag(fixture->spool), "\"e1\"");
    assert_true(uplink->retry_ms > 0);
    /* The same under another tag is no news. */
    assert_int_equal(hm_uplink_hold(uplink, 30, 5, &changed, NULL), HM_OK);
    assert_false(changed);
    assert_int_equal(uplink->retry_ms, 0);
    assert_string_equal(hm_spool_etag(fixture->spool), "\"e3\"");
    assert_int_equal(hm_uplink_hold(uplink, 30, 5, &changed, NULL), HM_EBUSY);
    assert_int_equal(uplink->retry_ms, 0);
    assert_int_equal(hm_uplink_hold(uplink, 30, 5, &changed, NULL), HM_EIO);
    assert_int_equal(hm_uplink_hold(uplink, 30, 5, &changed, NULL), HM_EDENIED);
    assert_int_equal(hm_uplink_hold(uplink, 30, 5, &changed, NULL), HM_EBUSY);
    assert_int_equal(uplink->retry_ms, 3000);
}

static const char *spooled(struct fixture *fixture, enum hm_spool_document which)
{
    char *text = NULL;
    size_t len;

    assert_int_equal(hm_spool_get(fixture->spool, which, &fixture->arena, &text, &len, NULL),
                     HM_OK);
    return text;
}

static void test_catalogue_travels_when_it_is_another(void **state)
{
    static const struct fake_reply replies[] = {
        {200,
         "{\"settings\":{\"interval_s\":90},\"catalogue_tag\":\"b2:a/1\",\"catalogue\":[],"
         "\"labels\":[\"site=paris\"]}", "\"e1\"", 0},
        {200,
         "{\"settings\":{\"interval_s\":90},\"catalogue_tag\":\"b2:a/1\","
         "\"labels\":[\"site=rome\"]}",  "\"e2\"", 0},
        {200,
         "{\"settings\":{\"interval_s\":90},\"catalogue_tag\":\"b2:a/2\",\"catalogue\":[],"
         "\"labels\":[\"site=rome\"]}",  "\"e3\"", 0},
        {304, "",                        "",       0},
    };
    struct fixture *fixture = *state;
    struct hm_uplink *uplink = &fixture->uplink;
    bool changed = false;

    script(fixture, replies, HM_COUNT(replies));
    assert_int_equal(hm_uplink_hold(uplink, 30, 5, &changed, NULL), HM_OK);
    assert_true(changed);
    assert_string_equal(fixture->fake.calls[0].path, "/v1/desired");
    assert_non_null(strstr(spooled(fixture, HM_SPOOL_CATALOGUE), "\"catalogue\":["));
    assert_null(strstr(spooled(fixture, HM_SPOOL_DESIRED), "\"catalogue\":"));
    assert_non_null(strstr(spooled(fixture, HM_SPOOL_DESIRED), "site=paris"));
    /* What comes without keeps the old. */
    assert_int_equal(hm_uplink_hold(uplink, 30, 5, &changed, NULL), HM_OK);
    assert_true(changed);
    assert_string_equal(fixture->fake.calls[1].path, "/v1/desired?catalogue=b2:a%2F1");
    assert_non_null(strstr(spooled(fixture, HM_SPOOL_CATALOGUE), "b2:a/1"));
    assert_non_null(strstr(spooled(fixture, HM_SPOOL_DESIRED), "site=rome"));
    /* Only the catalogue is another. */
    changed = false;
    assert_int_equal(hm_uplink_hold(uplink, 30, 5, &changed, NULL), HM_OK);
    assert_true(changed);
    hm_spool_forget(fixture->spool, HM_SPOOL_CATALOGUE);
    assert_int_equal(hm_uplink_hold(uplink, 30, 5, &changed, NULL), HM_OK);
    assert_string_equal(fixture->fake.calls[3].path, "/v1/desired");
}

static int start(void **state)
{
    (void)state;
    return hm_crypto_init(NULL) == HM_OK ? 0 : -1;
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_bodies_travel_once),
        CASE(test_what_is_needed_is_sent_again),
        CASE(test_outcome_is_the_third_document),
        CASE(test_own_disk_is_no_refusal),
        CASE(test_unanswered_report_is_repeated_as_it_was),
        CASE(test_answers_that_are_no_success),
        CASE(test_clone_is_given_a_token),
        CASE(test_three_large_documents_take_three_requests),
        CASE(test_hold),
        CASE(test_catalogue_travels_when_it_is_another),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
