/* tests/unit/server/test_certificates.c — the private CA and the certificates it makes.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "server/http/certificates.h"

#define NOW_MS 1795348800000 /* 2026-11-22 */
#define DAY_MS 86400000

/* A certificate from elsewhere; the digest is "openssl x509 -outform der | sha256sum". */
static const char foreign[] = "-----BEGIN CERTIFICATE-----\n"
                              "MIIBfTCCASOgAwIBAgIULuZGsCrT/AT/Xq50Vrr7KOdQxtgwCgYIKoZIzj0EAwIw\n"
                              "FDESMBAGA1UEAwwJZWxzZXdoZXJlMB4XDTI2MTEyMjEyMDc1NVoXDTM2MTExOTEy\n"
                              "MDc1NVowFDESMBAGA1UEAwwJZWxzZXdoZXJlMFkwEwYHKoZIzj0CAQYIKoZIzj0D\n"
                              "AQcDQgAEgfx3PlgtW/D3/BQ2UB4TL4up6SKRO4HoB/ulMrj/HCOjw47B5WN6qUje\n"
                              "SizF3t/l0zlRqj0c0Ssd1nceNdGXPKNTMFEwHQYDVR0OBBYEFCROtdfxPyLXzw+a\n"
                              "sDEDjf6Brod8MB8GA1UdIwQYMBaAFCROtdfxPyLXzw+asDEDjf6Brod8MA8GA1Ud\n"
                              "EwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIhAOw0ru+mwZrZoQhF5dSwCOkk\n"
                              "ys5i2dIHUW2j3lG83qshAiAczwN7/qoPkKOLaPrtA63P9XfACNrwiJpaAMu8OXDR\n"
                              "FA==\n"
                              "-----END CERTIFICATE-----\n";
static const char foreign_sha256[] =
    "001ae163600946a148b1ec996b4e87ff117a5377ee796de3b8f96d4d4f293e15";

static struct hm_arena arena;
static struct hm_keypair ca;

static int start(void **state)
{
    (void)state;
    hm_arena_init(&arena, 1024u * 1024u);
    return hm_certificates_make_ca("Havenmaster CA test", NOW_MS, &arena, &ca, NULL) == HM_OK ? 0
                                                                                              : -1;
}

static int stop(void **state)
{
    (void)state;
    hm_arena_fini(&arena);
    return 0;
}

static void test_ca(void **state)
{
    struct hm_certificate_facts facts;
    char hex[HM_SHA256_HEX_BYTES];

    (void)state;
    assert_int_equal(hm_certificates_facts(ca.certificate_pem, &arena, &facts, NULL), HM_OK);
    assert_string_equal(facts.subject, "CN=Havenmaster CA test");
    assert_int_equal(facts.names.count, 0);
    assert_true(facts.not_before_ms < NOW_MS);
    assert_true(facts.not_after_ms >= NOW_MS + (int64_t)3649 * DAY_MS);
    assert_int_equal(hm_certificates_sha256(ca.certificate_pem, hex, NULL), HM_OK);
    assert_int_equal(strspn(hex, "0123456789abcdef"), 64);
    assert_int_equal(hm_certificates_check_pair(&ca, NULL), HM_OK);
}

static void test_server(void **state)
{
    const char *names[] = {"collector.example", "192.0.2.7", "2001:db8::7"};
    const struct hm_strings all = {names, 3};
    struct hm_certificate_facts facts;
    struct hm_keypair server;

    (void)state;
    assert_int_equal(hm_certificates_make_server(&ca, &all, NOW_MS, &arena, &server, NULL), HM_OK);
    assert_int_equal(hm_certificates_facts(server.certificate_pem, &arena, &facts, NULL), HM_OK);
    assert_int_equal(facts.names.count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(facts.names.at[i], names[i]);
    }
    assert_true(facts.not_after_ms - facts.not_before_ms <=
                (int64_t)HM_SERVER_CERTIFICATE_DAYS * DAY_MS);
    assert_int_equal(hm_certificates_check_pair(&server, NULL), HM_OK);
    server.key_pem = ca.key_pem;
    assert_int_equal(hm_certificates_check_pair(&server, NULL), HM_EINVAL);
}

static void test_foreign(void **state)
{
    char hex[HM_SHA256_HEX_BYTES];

    (void)state;
    assert_int_equal(hm_certificates_sha256(foreign, hex, NULL), HM_OK);
    assert_string_equal(hex, foreign_sha256);
}

static void test_refused(void **state)
{
    static const char *const bad[] = {"", "a b", "-x", "name,other", "300.1.1.1/24", "höst"};
    const struct hm_strings none = {NULL, 0};
    const struct hm_keypair rubbish = {"rubbish", ca.key_pem};
    struct hm_certificate_facts facts;
    struct hm_keypair server = {NULL, NULL};

    (void)state;
    for (size_t i = 0; i < HM_COUNT(bad); i++) {
        const char *name = bad[i];
        const struct hm_strings names = {&name, 1};

        assert_int_equal(hm_certificates_make_server(&ca, &names, NOW_MS, &arena, &server, NULL),
                         HM_EINVAL);
    }
    assert_int_equal(hm_certificates_make_server(&ca, &none, NOW_MS, &arena, &server, NULL),
                     HM_EINVAL);
    assert_null(server.certificate_pem);
    assert_int_equal(hm_certificates_facts("rubbish", &arena, &facts, NULL), HM_EINVAL);
    assert_int_equal(hm_certificates_check_pair(&rubbish, NULL), HM_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ca),
        cmocka_unit_test(test_server),
        cmocka_unit_test(test_foreign),
        cmocka_unit_test(test_refused),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
