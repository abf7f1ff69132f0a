/* tests/unit/wire/test_signed.c — policy statements and trust roots under attack, one test each.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/crypto/base64.h"
#include "common/crypto/digest.h"
#include "common/wire/records.h"
#include "tests/support/signers.h"

#define OTHER_FLEET "01jz0000000000000000000001"

/* A host of the fleet, and a statement that it takes. */
struct fixture {
    struct hm_signers people;
    struct hm_trust_root root; /* anna, boris, chloe; two must sign */
    struct hm_statement statement;
    struct hm_policy_seen seen[2];
    struct hm_statement_ctx ctx;
    struct hm_envelope envelope;
    struct hm_statement out;
    struct hm_envelope_signers signers;
    struct hm_err err;
};

static int start(void **state)
{
    (void)state;
    return hm_crypto_init(NULL) == HM_OK ? 0 : -1;
}

static void init(struct fixture *f)
{
    memset(f, 0, sizeof(*f));
    hm_signers_init(&f->people);
    f->root = hm_signers_root(&f->people, 3, 2);
    f->statement = hm_signers_statement(&f->people);
    f->seen[0] = (struct hm_policy_seen){"another", 99, f->statement.digest};
    f->seen[1] = (struct hm_policy_seen){"exchange", 2, "blake2b-256:of revision 2"};
    f->ctx = (struct hm_statement_ctx){&f->root, HM_SIGNERS_FLEET, f->seen, 2, HM_SIGNERS_NOW_MS};
}

static void fini(struct fixture *f)
{
    hm_signers_fini(&f->people);
}

static void enclose(struct fixture *f)
{
    assert_int_equal(hm_statement_encode(&f->statement, &f->people.arena, &f->envelope, &f->err),
                     HM_OK);
}

static void sign(struct fixture *f, enum hm_signer who)
{
    assert_true(hm_signers_sign(&f->people, who, &f->envelope));
}

static void enclose_and_sign(struct fixture *f)
{
    enclose(f);
    sign(f, HM_ANNA);
    sign(f, HM_BORIS);
}

static enum hm_status check(struct fixture *f)
{
    f->err = (struct hm_err){.text = ""};
    f->out = (struct hm_statement){.policy = "untouched"};
    return hm_statement_check(&f->envelope, &f->ctx, &f->people.arena, &f->out, &f->signers,
                              &f->err);
}

static void expect_refused(struct fixture *f, const char *code)
{
    assert_int_equal(check(f), strcmp(code, HM_REFUSED_MALFORMED) == 0 ? HM_EINVAL : HM_EDENIED);
    assert_string_equal(hm_err_code(&f->err), code);
    assert_true(f->err.text[0] != '\0');
    assert_string_equal(f->out.policy, "untouched");
}

/* The envelope's body with one piece of text replaced by one of the same length. */
static void alter(struct fixture *f, const char *from, const char *to)
{
    struct hm_span body;
    char *text;
    char *at;

    assert_int_equal(strlen(from), strlen(to));
    assert_int_equal(hm_envelope_body(&f->envelope, &f->people.arena, &body, &f->err), HM_OK);
    text = hm_arena_strndup(&f->people.arena, body.at, body.len);
    at = strstr(text, from);
    assert_non_null(at);
    memcpy(at, to, strlen(to));
    f->envelope.payload = hm_base64_encode(text, body.len, &f->people.arena);
}

/* A body that hm_statement_encode would not make, signed by two approvers all the same. */
static void sign_text(struct fixture *f, const char *text)
{
    assert_int_equal(hm_envelope_new(HM_SIGNED_STATEMENT, text, strlen(text), &f->people.arena,
                                     &f->envelope, &f->err),
                     HM_OK);
    sign(f, HM_ANNA);
    sign(f, HM_BORIS);
}

static void test_a_good_statement_through_json(void **state)
{
    struct fixture f;
    struct hm_buf json;
    struct hm_envelope read;

    (void)state;
    init(&f);
    enclose_and_sign(&f);
    hm_buf_init(&json, HM_LIMIT_SIGNED_BYTES);
    assert_int_equal(hm_record_encode(&hm_record_envelope, &f.envelope, &json, &f.err), HM_OK);
    assert_int_equal(hm_record_decode(&hm_record_envelope, json.data, json.len, false,
                                      &f.people.arena, &read, NULL, &f.err),
                     HM_OK);
    f.envelope = read;
    assert_int_equal(check(&f), HM_OK);
    assert_string_equal(f.out.policy, "exchange");
    assert_int_equal(f.out.revision, 3);
    assert_string_equal(f.out.content, f.statement.content);
    assert_string_equal(f.out.match, f.statement.match);
    assert_string_equal(f.out.author, "david");
    assert_int_equal(f.out.expires, f.statement.expires);
    assert_int_equal(f.signers.count, 2);
    hm_buf_fini(&json);
    fini(&f);
}

/* An envelope of the first version is still taken. */
static void test_an_envelope_of_version_one(void **state)
{
    char text[8192];
    FILE *file = fopen(HM_SOURCE_DIR "/schema/examples/valid/envelope-full.json", "rb");
    struct fixture f;
    size_t len;

    (void)state;
    assert_non_null(file);
    len = fread(text, 1, sizeof(text), file);
    assert_int_equal(fclose(file), 0);
    init(&f);
    assert_int_equal(hm_record_decode(&hm_record_envelope, text, len, false, &f.people.arena,
                                      &f.envelope, NULL, &f.err),
                     HM_OK);
    assert_int_equal(check(&f), HM_OK);
    assert_int_equal(f.signers.count, 2);
    fini(&f);
}

static void test_strangers_beside_enough_approvers_are_ignored(void **state)
{
    struct fixture f;

    (void)state;
    init(&f);
    enclose_and_sign(&f);
    sign(&f, HM_DAVID);
    assert_int_equal(check(&f), HM_OK);
    assert_int_equal(f.signers.unknown, 1);
    assert_string_equal(f.signers.unknown_ids[0], f.people.key_ids[HM_DAVID]);
    fini(&f);
}

static void test_attack_unsigned(void **state)
{
    struct fixture f;

    (void)state;
    init(&f);
    enclose(&f);
    expect_refused(&f, HM_REFUSED_UNSIGNED);
    fini(&f);
}

static void test_attack_wrong_key(void **state)
{
    struct fixture f;

    (void)state;
    init(&f);
    enclose(&f);
    sign(&f, HM_DAVID);
    expect_refused(&f, HM_REFUSED_UNKNOWN_KEY);
    f.envelope.signatures.at[0].key_id = f.people.key_ids[HM_ANNA]; /* a borrowed name */
    expect_refused(&f, HM_REFUSED_ALTERED);
    fini(&f);
}

static void test_attack_one_signature_short(void **state)
{
    struct fixture f;
    struct hm_signature twice[3];

    (void)state;
    init(&f);
    enclose(&f);
    sign(&f, HM_ANNA);
    expect_refused(&f, HM_REFUSED_THRESHOLD);
    twice[0] = f.envelope.signatures.at[0]; /* the same one again, and under no name */
    twice[1] = twice[0];
    twice[2] = twice[0];
    twice[2].key_id = "";
    f.envelope.signatures = (struct hm_signatures){twice, 3};
    expect_refused(&f, HM_REFUSED_THRESHOLD);
    sign(&f, HM_DAVID);
    expect_refused(&f, HM_REFUSED_THRESHOLD);
    sign(&f, HM_CHLOE);
    assert_int_equal(check(&f), HM_OK);
    fini(&f);
}

static void test_attack_author_as_only_approver(void **state)
{
    struct fixture f;

    (void)state;
    init(&f);
    f.root.threshold = 1;
    f.statement.author = "anna";
    enclose(&f);
    sign(&f, HM_ANNA);
    expect_refused(&f, HM_REFUSED_AUTHOR_ONLY);
    sign(&f, HM_DAVID); /* no approver: does not help */
    expect_refused(&f, HM_REFUSED_AUTHOR_ONLY);
    sign(&f, HM_BORIS);
    assert_int_equal(check(&f), HM_OK);

    f.statement.author = "somebody else";
    f.statement.author_key_id = f.people.key_ids[HM_ANNA];
    enclose(&f);
    sign(&f, HM_ANNA);
    expect_refused(&f, HM_REFUSED_AUTHOR_ONLY);

    f.root = hm_signers_root(&f.people, 1, 1);
    f.root.single_operator = true;
    assert_int_equal(check(&f), HM_OK);
    fini(&f);
}

static void test_attack_replayed_older_revision(void **state)
{
    struct fixture f;

    (void)state;
    init(&f);
    enclose_and_sign(&f);
    f.seen[1].revision = 4;
    expect_refused(&f, HM_REFUSED_REPLAYED);
    f.seen[1].revision = 3; /* the same revision, with another content */
    expect_refused(&f, HM_REFUSED_REPLAYED);
    f.seen[1].digest = f.statement.digest; /* the same once more */
    assert_int_equal(check(&f), HM_OK);
    f.ctx.seen_count = 0;
    assert_int_equal(check(&f), HM_OK);
    fini(&f);
}

static void test_attack_expired(void **state)
{
    struct fixture f;

    (void)state;
    init(&f);
    enclose_and_sign(&f);
    f.ctx.now_ms = f.statement.expires - 1;
    assert_int_equal(check(&f), HM_OK);
    f.ctx.now_ms = f.statement.expires;
    expect_refused(&f, HM_REFUSED_EXPIRED);
    f.ctx.now_ms = INT64_MAX;
    expect_refused(&f, HM_REFUSED_EXPIRED);
    fini(&f);
}

static void test_attack_altered(void **state)
{
    static const struct {
        const char *from;
        const char *to;
    } rows[] = {
        {"service:MSExchangePOP3BE", "service:*SExchangePOP3BE"},
        {"\"revision\":3",           "\"revision\":9"          },
        {"9933,9955",                "0-65535,1"               },
        {"\"policy\":\"exchange\"",  "\"policy\":\"excha2ge\"" },
        {"\"author\":\"david\"",     "\"author\":\"xavid\""    },
        {"\"expires\":\"2026",       "\"expires\":\"2096"      },
        {HM_SIGNERS_FLEET,           OTHER_FLEET               },
    };
    struct fixture f;

    (void)state;
    init(&f);
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        enclose_and_sign(&f);
        alter(&f, rows[i].from, rows[i].to);
        expect_refused(&f, HM_REFUSED_ALTERED);
    }
    fini(&f);
}

/* The collector's database edited by hand: payload and digest fit each other, nobody signed it. */
static void test_attack_database_edited(void **state)
{
    struct fixture f;
    struct hm_signatures kept;
    char digest[HM_DIGEST_TEXT_BYTES];

    (void)state;
    init(&f);
    enclose_and_sign(&f);
    kept = f.envelope.signatures;
    f.statement.content = "{\"name\": \"mine\"}";
    hm_digest_text(f.statement.content, strlen(f.statement.content), digest);
    f.statement.digest = digest;
    f.statement.revision = 4;
    enclose(&f);
    f.envelope.signatures = kept;
    expect_refused(&f, HM_REFUSED_ALTERED);
    fini(&f);
}

/* CVE-2022-35929: a signature over one kind of document, shown with another. */
static void test_attack_wrong_type(void **state)
{
    struct fixture f;
    struct hm_envelope root;

    (void)state;
    init(&f);
    enclose_and_sign(&f);
    f.envelope.type = HM_SIGNED_TRUST_ROOT;
    expect_refused(&f, HM_REFUSED_WRONG_TYPE);
    f.envelope.type = "";
    expect_refused(&f, HM_REFUSED_WRONG_TYPE);

    assert_int_equal(hm_trust_root_encode(&f.root, &f.people.arena, &root, &f.err), HM_OK);
    f.envelope = root;
    sign(&f, HM_ANNA);
    sign(&f, HM_BORIS);
    expect_refused(&f, HM_REFUSED_WRONG_TYPE);
    f.envelope.type = HM_SIGNED_STATEMENT; /* relabelled: the signature covers the old type */
    expect_refused(&f, HM_REFUSED_ALTERED);
    fini(&f);
}

static void test_attack_wrong_fleet(void **state)
{
    struct fixture f;

    (void)state;
    init(&f);
    f.statement.fleet = OTHER_FLEET;
    enclose_and_sign(&f);
    expect_refused(&f, HM_REFUSED_WRONG_FLEET);
    f.root.fleet = OTHER_FLEET; /* the root of that fleet, on a host of this one */
    expect_refused(&f, HM_REFUSED_WRONG_FLEET);
    f.ctx.fleet = OTHER_FLEET;
    assert_int_equal(check(&f), HM_OK);
    f.ctx.fleet = HM_SIGNERS_FLEET;
    f.statement.fleet = HM_SIGNERS_FLEET;
    enclose_and_sign(&f);
    expect_refused(&f, HM_REFUSED_WRONG_FLEET);
    f.root.fleet = HM_SIGNERS_FLEET;
    assert_int_equal(check(&f), HM_OK);
    fini(&f);
}

static void test_malformed(void **state)
{
    static const char *const rows[] = {
        "",
        "{}",
        "[1]",
        "{\"fleet\": \"" HM_SIGNERS_FLEET "\", \"policy\": \"p\", \"revision\": 0, \"digest\": "
        "\"blake2b-256:0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8\", "
        "\"match\": \"*\", \"author\": \"a\", \"expires\": \"2096-01-01T00:00:00Z\"}",
        "{\"fleet\": \"" HM_SIGNERS_FLEET "\", \"policy\": \"p\", \"revision\": 1, \"digest\": "
        "\"sha2b256---:0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8\", "
        "\"match\": \"*\", \"author\": \"a\", \"expires\": \"2096-01-01T00:00:00Z\"}",
        "{\"fleet\": \"" HM_SIGNERS_FLEET "\", \"policy\": \"p\", \"revision\": 1, \"digest\": "
        "\"blake2b-256:0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8\", "
        "\"match\": \"*\", \"author\": \"a\", \"expires\": \"2096-01-01T00:00:00Z\", \"run\": "
        "\"x\"}",
        "{\"fleet\": \"THE FLEET OF 26 CHARACTERS\", \"policy\": \"p\", \"revision\": 1, "
        "\"digest\": "
        "\"blake2b-256:0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8\", "
        "\"match\": \"*\", \"author\": \"a\", \"expires\": \"2096-01-01T00:00:00Z\"}",
    };
    static const char good[] =
        "{\"fleet\": \"" HM_SIGNERS_FLEET "\", \"policy\": \"p\", \"revision\": 1, \"digest\": "
        "\"blake2b-256:0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8\", "
        "\"match\": \"*\", \"author\": \"a\", \"expires\": \"2096-01-01T00:00:00Z\"}";
    struct fixture f;

    (void)state;
    init(&f);
    sign_text(&f, good);
    assert_int_equal(check(&f), HM_OK);
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        sign_text(&f, rows[i]);
        expect_refused(&f, HM_REFUSED_MALFORMED);
        assert_int_equal(hm_statement_decode(&f.envelope, &f.people.arena, &f.out, NULL),
                         HM_EINVAL);
    }
    fini(&f);
}

static void test_content_beside_the_statement(void **state)
{
    static const char document[] = "{\"name\": \"exchange\"}";
    struct fixture f;
    char digest[HM_DIGEST_TEXT_BYTES];

    (void)state;
    init(&f);
    f.statement.content = document; /* its digest is the other document's */
    assert_int_equal(hm_statement_encode(&f.statement, &f.people.arena, &f.envelope, &f.err),
                     HM_EDENIED);
    hm_digest_text(document, strlen(document), digest);
    f.statement.digest = digest;
    f.statement.content = "";
    enclose_and_sign(&f);
    assert_int_equal(check(&f), HM_OK);
    assert_int_equal(hm_statement_check_content(&f.out, document, strlen(document), &f.err), HM_OK);
    assert_int_equal(hm_statement_check_content(&f.out, document, strlen(document) - 1, &f.err),
                     HM_EDENIED);
    assert_string_equal(hm_err_code(&f.err), HM_REFUSED_ALTERED);
    fini(&f);
}

/* What was signed says one content and another digest: only broken tools make it, and signers. */
static void test_content_that_is_not_its_digest(void **state)
{
    struct fixture f;
    char text[1024];

    (void)state;
    init(&f);
    (void)snprintf(text, sizeof(text),
                   "{\"fleet\": \"" HM_SIGNERS_FLEET "\", \"policy\": \"p\", \"revision\": 1, "
                   "\"digest\": \"%s\", \"content\": \"other\", \"match\": \"*\", "
                   "\"author\": \"a\", \"expires\": \"2096-01-01T00:00:00Z\"}",
                   f.statement.digest);
    sign_text(&f, text);
    expect_refused(&f, HM_REFUSED_ALTERED);
    fini(&f);
}

/* A root of version, with count people and threshold, signed by whoever the mask says. */
static enum hm_status rotate(struct fixture *f, uint64_t version, size_t count, uint32_t threshold,
                             unsigned signers_mask)
{
    struct hm_trust_root next = hm_signers_root(&f->people, count, threshold);
    struct hm_trust_root out = {.version = 0};
    enum hm_status st;

    next.version = version;
    assert_int_equal(hm_trust_root_encode(&next, &f->people.arena, &f->envelope, &f->err), HM_OK);
    for (unsigned who = 0; who < HM_SIGNERS; who++) {
        if ((signers_mask >> who & 1u) != 0) {
            sign(f, (enum hm_signer)who);
        }
    }
    f->err = (struct hm_err){.text = ""};
    st = hm_trust_root_accept(&f->root, &f->envelope, &f->people.arena, &out, &f->err);
    assert_int_equal(out.version, st == HM_OK ? version : 0);
    return st;
}

static void test_rotation(void **state)
{
    enum { ANNA = 1, BORIS = 2, CHLOE = 4, DAVID = 8 };
    static const struct {
        uint64_t version;
        size_t count; /* of the new root */
        uint32_t threshold;
        unsigned signers;
        const char *code; /* "": accepted */
    } rows[] = {
        {2, 4, 2, ANNA | BORIS,         ""                    }, /* both thresholds at once */
        {2, 4, 3, ANNA | BORIS,         HM_REFUSED_THRESHOLD  }, /* the new one is short */
        {2, 4, 3, ANNA | BORIS | DAVID, ""                    },
        {2, 4, 2, ANNA | DAVID,         HM_REFUSED_THRESHOLD  }, /* the old one is short */
        {2, 4, 1, DAVID,                HM_REFUSED_UNKNOWN_KEY}, /* a root of one's own */
        {2, 1, 1, BORIS | CHLOE,        HM_REFUSED_UNKNOWN_KEY}, /* new approvers are silent */
        {2, 1, 1, ANNA | CHLOE,         ""                    },
        {2, 4, 2, 0,                    HM_REFUSED_UNSIGNED   },
        {1, 3, 2, ANNA | BORIS,         HM_REFUSED_REPLAYED   },
        {3, 3, 2, ANNA | BORIS | CHLOE, HM_REFUSED_VERSION_GAP},
    };
    struct fixture f;

    (void)state;
    init(&f);
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        assert_int_equal(
            rotate(&f, rows[i].version, rows[i].count, rows[i].threshold, rows[i].signers),
            rows[i].code[0] == '\0' ? HM_OK : HM_EDENIED);
        assert_string_equal(f.err.code, rows[i].code);
    }
    fini(&f);
}

static void test_rotation_of_another_fleet_and_kind(void **state)
{
    struct fixture f;
    struct hm_trust_root next;
    struct hm_trust_root out;

    (void)state;
    init(&f);
    next = hm_signers_root(&f.people, 3, 2);
    next.version = 2;
    next.fleet = OTHER_FLEET;
    assert_int_equal(hm_trust_root_encode(&next, &f.people.arena, &f.envelope, &f.err), HM_OK);
    sign(&f, HM_ANNA);
    sign(&f, HM_BORIS);
    assert_int_equal(hm_trust_root_accept(&f.root, &f.envelope, &f.people.arena, &out, &f.err),
                     HM_EDENIED);
    assert_string_equal(hm_err_code(&f.err), HM_REFUSED_WRONG_FLEET);
    enclose_and_sign(&f);
    assert_int_equal(hm_trust_root_accept(&f.root, &f.envelope, &f.people.arena, &out, &f.err),
                     HM_EDENIED);
    assert_string_equal(hm_err_code(&f.err), HM_REFUSED_WRONG_TYPE);
    fini(&f);
}

static void test_the_first_root_signs_itself(void **state)
{
    struct fixture f;
    struct hm_trust_root out;

    (void)state;
    init(&f);
    assert_int_equal(hm_trust_root_encode(&f.root, &f.people.arena, &f.envelope, &f.err), HM_OK);
    sign(&f, HM_ANNA);
    assert_int_equal(hm_trust_root_accept(NULL, &f.envelope, &f.people.arena, &out, &f.err),
                     HM_EDENIED);
    assert_string_equal(hm_err_code(&f.err), HM_REFUSED_THRESHOLD);
    sign(&f, HM_CHLOE);
    assert_int_equal(hm_trust_root_accept(NULL, &f.envelope, &f.people.arena, &out, &f.err), HM_OK);
    assert_int_equal(out.approvers.count, 3);
    assert_string_equal(out.approvers.at[2].name, "chloe");
    fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_good_statement_through_json),
        cmocka_unit_test(test_an_envelope_of_version_one),
        cmocka_unit_test(test_strangers_beside_enough_approvers_are_ignored),
        cmocka_unit_test(test_attack_unsigned),
        cmocka_unit_test(test_attack_wrong_key),
        cmocka_unit_test(test_attack_one_signature_short),
        cmocka_unit_test(test_attack_author_as_only_approver),
        cmocka_unit_test(test_attack_replayed_older_revision),
        cmocka_unit_test(test_attack_expired),
        cmocka_unit_test(test_attack_altered),
        cmocka_unit_test(test_attack_database_edited),
        cmocka_unit_test(test_attack_wrong_type),
        cmocka_unit_test(test_attack_wrong_fleet),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_content_beside_the_statement),
        cmocka_unit_test(test_content_that_is_not_its_digest),
        cmocka_unit_test(test_rotation),
        cmocka_unit_test(test_rotation_of_another_fleet_and_kind),
        cmocka_unit_test(test_the_first_root_signs_itself),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
