/* tests/unit/crypto/test_trust.c — trust roots: which make sense, who follows, who may approve.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/crypto/digest.h"
#include "tests/support/signers.h"

static struct hm_signers people; /* keys, the same for every test */

static int start(void **state)
{
    (void)state;
    if (hm_crypto_init(NULL) != HM_OK) {
        return -1;
    }
    hm_signers_init(&people);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    hm_signers_fini(&people);
    return 0;
}

static void test_roots_that_make_sense(void **state)
{
    struct hm_trust_root root;

    (void)state;
    for (size_t count = 1; count <= HM_SIGNERS; count++) {
        for (uint32_t threshold = 0; threshold <= HM_SIGNERS + 1; threshold++) {
            root = hm_signers_root(&people, count, threshold);
            assert_int_equal(hm_trust_root_check(&root, NULL),
                             threshold >= 1 && threshold <= count ? HM_OK : HM_EINVAL);
            root.single_operator = true;
            assert_int_equal(hm_trust_root_check(&root, NULL),
                             threshold == 1 && count == 1 ? HM_OK : HM_EINVAL);
        }
    }
    root = hm_signers_root(&people, 0, 1);
    assert_int_equal(hm_trust_root_check(&root, NULL), HM_EINVAL);
    root = hm_signers_root(&people, HM_LIMIT_APPROVERS + 1, 1);
    assert_int_equal(hm_trust_root_check(&root, NULL), HM_EINVAL);
}

static void test_roots_that_do_not(void **state)
{
    struct hm_approver twice[2] = {people.approvers[HM_ANNA], people.approvers[HM_BORIS]};
    struct hm_trust_root root = hm_signers_root(&people, 2, 1);
    struct hm_err err;

    (void)state;
    root.approvers.at = twice;
    assert_int_equal(hm_trust_root_check(&root, &err), HM_OK);
    twice[1].public_key = twice[0].public_key; /* one key, two names: a threshold of 2 by one */
    assert_int_equal(hm_trust_root_check(&root, &err), HM_EINVAL);
    assert_string_equal(hm_err_code(&err), HM_REFUSED_MALFORMED);
    twice[1] = people.approvers[HM_BORIS];
    twice[1].name = "ANNA";
    assert_int_equal(hm_trust_root_check(&root, &err), HM_EINVAL);
    twice[1].name = "";
    assert_int_equal(hm_trust_root_check(&root, &err), HM_EINVAL);
    twice[1] = (struct hm_approver){"boris", "ed25519:AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
    assert_int_equal(hm_trust_root_check(&root, &err), HM_EINVAL);
    root = hm_signers_root(&people, 2, 1);
    root.version = 0;
    assert_int_equal(hm_trust_root_check(&root, &err), HM_EINVAL);
    root.version = 1;
    root.fleet = "mine";
    assert_int_equal(hm_trust_root_check(&root, &err), HM_EINVAL);
}

static void test_who_follows(void **state)
{
    static const struct {
        uint64_t old_version;
        uint64_t new_version;
        const char *fleet;
        const char *code; /* NULL: may follow */
    } rows[] = {
        {1,          2,          HM_SIGNERS_FLEET,             NULL                  },
        {7,          8,          HM_SIGNERS_FLEET,             NULL                  },
        {7,          7,          HM_SIGNERS_FLEET,             HM_REFUSED_REPLAYED   },
        {7,          6,          HM_SIGNERS_FLEET,             HM_REFUSED_REPLAYED   },
        {7,          1,          HM_SIGNERS_FLEET,             HM_REFUSED_REPLAYED   },
        {7,          9,          HM_SIGNERS_FLEET,             HM_REFUSED_VERSION_GAP},
        {1,          UINT64_MAX, HM_SIGNERS_FLEET,             HM_REFUSED_VERSION_GAP},
        {UINT64_MAX, 0,          HM_SIGNERS_FLEET,             HM_REFUSED_REPLAYED   },
        {1,          2,          "01jz0000000000000000000001", HM_REFUSED_WRONG_FLEET},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        struct hm_trust_root old_root = hm_signers_root(&people, 2, 1);
        struct hm_trust_root new_root = hm_signers_root(&people, 3, 2);
        struct hm_err err = {.text = ""};

        old_root.version = rows[i].old_version;
        new_root.version = rows[i].new_version;
        new_root.fleet = rows[i].fleet;
        assert_int_equal(hm_trust_root_follows(&old_root, &new_root, &err),
                         rows[i].code == NULL ? HM_OK : HM_EDENIED);
        assert_string_equal(rows[i].code == NULL ? "" : rows[i].code, err.code);
    }
}

static void test_an_author_is_not_the_only_approver(void **state)
{
    static const struct {
        bool by[HM_SIGNERS];
        const char *author;
        int author_key; /* -1: not told */
        enum hm_status status;
    } rows[] = {
        {{true},             "boris",  -1,       HM_OK     },
        {{true},             "anna",   -1,       HM_EDENIED},
        {{true},             "ANNA",   -1,       HM_EDENIED},
        {{true},             "annika", -1,       HM_OK     },
        {{true, true},       "anna",   -1,       HM_OK     },
        {{true},             "other",  HM_ANNA,  HM_EDENIED},
        {{true},             "other",  HM_BORIS, HM_OK     },
        {{true, true},       "anna",   HM_BORIS, HM_EDENIED},
        {{true, true, true}, "anna",   HM_BORIS, HM_OK     },
        {{false},            "other",  -1,       HM_EDENIED},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        struct hm_trust_root root = hm_signers_root(&people, 3, 1);
        struct hm_envelope_signers signers = {.count = 0};
        struct hm_err err = {.text = ""};

        memcpy(signers.by, rows[i].by, sizeof(rows[i].by));
        assert_int_equal(hm_trust_root_check_author(
                             &root, &signers, rows[i].author,
                             rows[i].author_key < 0 ? "" : people.key_ids[rows[i].author_key],
                             &err),
                         rows[i].status);
        assert_string_equal(err.code, rows[i].status == HM_OK ? "" : HM_REFUSED_AUTHOR_ONLY);
    }
}

static void test_a_single_operator_may(void **state)
{
    struct hm_trust_root root = hm_signers_root(&people, 1, 1);
    struct hm_envelope_signers signers = {.by = {true}, .count = 1};

    (void)state;
    assert_int_equal(hm_trust_root_check_author(&root, &signers, "anna", "", NULL), HM_EDENIED);
    root.single_operator = true;
    assert_int_equal(hm_trust_root_check_author(&root, &signers, "anna", "", NULL), HM_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_roots_that_make_sense),
        cmocka_unit_test(test_roots_that_do_not),
        cmocka_unit_test(test_who_follows),
        cmocka_unit_test(test_an_author_is_not_the_only_approver),
        cmocka_unit_test(test_a_single_operator_may),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
