/* tests/unit/ports/test_address.c — addresses as text. SPDX-License-Identifier: Apache-2.0 */
#include "common/ports/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct hm_span span(const char *text)
{
    return (struct hm_span){text, strlen(text)};
}

static void test_collide(void **state)
{
    static const struct {
        const char *a;
        const char *b;
        bool collide;
    } cases[] = {
        {"10.0.0.5",      "10.0.0.5",             true },
        {"10.0.0.5",      "10.0.0.6",             false},
        {"10.0.0.5",      "127.0.0.1",            false},
        {"10.0.0.5",      "0.0.0.0",              true },
        {"10.0.0.5",      "",                     true },
        {"10.0.0.5",      NULL,                   true },
        {"10.0.0.5",      "localhost",            true },
        {"10.0.0.5",      "::",                   true },
        {"FE80:0::1",     "fe80::1%4",            true },
        {"[fe80::1]",     "fe80::2",              false},
        {"::1",           "0:0:0:0:0:0:0:1",      true },
        {"::1",           "::",                   true },
        {"::1",           "::2",                  false},
        {"2001:db8::1:2", "2001:db8:0:0:0:0:1:2", true },
        {"::192.0.2.1",   "::c000:201",           true },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        print_message("case %zu\n", i);
        assert_int_equal(cases[i].collide, hm_addresses_collide(cases[i].a, cases[i].b));
        assert_int_equal(cases[i].collide, hm_addresses_collide(cases[i].b, cases[i].a));
    }
}

static void test_invalid(void **state)
{
    static const char *const cases[] = {
        "",
        "1",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.256",
        "1.2.3.",
        "a.b.c.d",
        ":",
        ":::",
        "1::2::3",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:",
        "12345::",
        "g::",
        "1:",
        "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7:8::",
        ":1",
        "::1.2.3.4.5",
        "+1.2.3.4",
        "[::1",
    };
    struct hm_address address;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        print_message("\"%s\"\n", cases[i]);
        assert_false(hm_address_parse(span(cases[i]), &address));
    }
}

static void test_single(void **state)
{
    enum hm_families families = HM_FAMILIES_BOTH;

    (void)state;
    assert_false(hm_address_is_single(span("0.0.0.0"), &families));
    assert_false(hm_address_is_single(span("[::]"), &families));
    assert_false(hm_address_is_single(span("*"), &families));
    assert_int_equal(HM_FAMILIES_BOTH, families);
    assert_true(hm_address_is_single(span("[::1]"), &families));
    assert_int_equal(HM_FAMILIES_IPV6, families);
    assert_true(hm_address_is_single(span("127.0.0.1"), &families));
    assert_int_equal(HM_FAMILIES_IPV4, families);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_collide),
        cmocka_unit_test(test_invalid),
        cmocka_unit_test(test_single),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
