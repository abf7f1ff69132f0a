/* tests/unit/agent/test_catalogue.c — product folders, and what outranks what.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/catalogue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/os/os.h"
#include "tests/support/temp_folder.h"

#define PRODUCT(id, title)                                                                         \
    "{\"id\":\"" id "\",\"title\":\"" title "\",\"vendor\":\"v\",\"detect\":{\"always\":true},"    \
    "\"requirements\":[{\"id\":\"r\",\"title\":\"t\",\"protocol\":\"tcp\",\"ports\":\"1433\","     \
    "\"kind\":\"socket\",\"safe_to_exclude\":\"yes\",\"source\":\"s\","                            \
    "\"confidence\":\"documented\"}]}"

struct fixture {
    char shipped[64];
    char local[64];
    struct hm_arena arena;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    temp_folder_make(fixture->shipped, sizeof(fixture->shipped));
    temp_folder_make(fixture->local, sizeof(fixture->local));
    hm_arena_init(&fixture->arena, 16u << 20);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    temp_folder_remove(fixture->shipped);
    temp_folder_remove(fixture->local);
    hm_arena_fini(&fixture->arena);
    free(fixture);
    return 0;
}

static void put(struct fixture *fixture, const char *folder, const char *name, const char *text)
{
    const char *path = hm_arena_printf(&fixture->arena, "%s/%s", folder, name);

    assert_int_equal(hm_os_replace_file(path, text, strlen(text), false, NULL), HM_OK);
}

/* "id=title id=title", in the catalogue's order. */
static const char *summary(struct fixture *fixture, const struct hm_catalogue *catalogue)
{
    struct hm_buf text;
    const char *copy;

    hm_buf_init(&text, 4096);
    for (size_t i = 0; i < catalogue->count; i++) {
        (void)hm_buf_printf(&text, "%s%s=%s", i == 0 ? "" : " ", catalogue->at[i].id,
                            catalogue->at[i].title);
    }
    copy = hm_arena_strdup(&fixture->arena, hm_buf_text(&text));
    hm_buf_fini(&text);
    return copy;
}

static void test_folder_is_read_in_order_of_ids(void **state)
{
    struct fixture *fixture = *state;
    struct hm_catalogue catalogue;

    put(fixture, fixture->shipped, "a.json", PRODUCT("a", "1"));
    put(fixture, fixture->shipped, "a-b.json", "\xef\xbb\xbf" PRODUCT("a-b", "2"));
    put(fixture, fixture->shipped, "README.md", "no product");
    put(fixture, fixture->shipped, ".hidden.json", "no product");
    put(fixture, fixture->shipped, "c.json.tmp", "no product");
    assert_int_equal(hm_catalogue_load(fixture->shipped, &fixture->arena, &catalogue, NULL), HM_OK);
    assert_string_equal(summary(fixture, &catalogue), "a=1 a-b=2");
}

static void test_broken_products_are_named(void **state)
{
    static const struct {
        const char *text;
        const char *said;
    } rows[] = {
        {PRODUCT("other", "x"),                      "name file and id alike"},
        {"{",               "p.json"                                     },
        {"{\"id\":\"p\",\"colour\":\"red\"}",               "p.json"},
        {"",               "p.json"                                                                      },
        {"{\"id\":\"p\",\n\"title\":\"M\xfcll\"}",               "p.json: line 2 holds the byte 0xFC"},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        struct hm_catalogue catalogue;
        struct hm_err err;

        put(fixture, fixture->local, "p.json", rows[i].text);
        assert_int_equal(hm_catalogue_load_local(fixture->shipped, fixture->local, &fixture->arena,
                                                 &catalogue, &err),
                         HM_EINVAL);
        assert_non_null(strstr(err.text, rows[i].said));
    }
}

static void test_local_products_outrank_shipped_ones(void **state)
{
    static const char none[] = "/no/such/folder";
    struct fixture *fixture = *state;
    struct hm_catalogue catalogue;
    struct hm_err err;

    put(fixture, fixture->shipped, "b.json", PRODUCT("b", "shipped"));
    put(fixture, fixture->shipped, "c.json", PRODUCT("c", "shipped"));
    put(fixture, fixture->local, "b.json", PRODUCT("b", "local"));
    put(fixture, fixture->local, "a.json", PRODUCT("a", "local"));
    assert_int_equal(hm_catalogue_load_local(fixture->shipped, fixture->local, &fixture->arena,
                                             &catalogue, &err),
                     HM_OK);
    assert_string_equal(summary(fixture, &catalogue), "a=local b=local c=shipped");
    assert_int_equal(
        hm_catalogue_load_local(fixture->shipped, none, &fixture->arena, &catalogue, &err), HM_OK);
    assert_string_equal(summary(fixture, &catalogue), "b=shipped c=shipped");
    assert_int_equal(
        hm_catalogue_load_local(none, fixture->local, &fixture->arena, &catalogue, &err), HM_OK);
    assert_string_equal(summary(fixture, &catalogue), "a=local b=local");
    assert_int_equal(hm_catalogue_load_local(none, none, &fixture->arena, &catalogue, &err),
                     HM_ENOENT);
    assert_non_null(strstr(err.text, "product_dir"));
}

/* Nothing to judge by would make every host safe. */
static void test_no_products_are_no_catalogue(void **state)
{
    struct fixture *fixture = *state;
    struct hm_catalogue catalogue;
    struct hm_err err;

    put(fixture, fixture->shipped, "README.md", "no product");
    assert_int_equal(hm_catalogue_load_local(fixture->shipped, fixture->local, &fixture->arena,
                                             &catalogue, &err),
                     HM_ENOENT);
    assert_non_null(strstr(err.text, fixture->shipped));
    assert_non_null(strstr(err.text, "no product files"));
    put(fixture, fixture->local, "a.json", PRODUCT("a", "local"));
    assert_int_equal(hm_catalogue_load_local(fixture->shipped, fixture->local, &fixture->arena,
                                             &catalogue, &err),
                     HM_OK);
}

/* catalogue.json is beside the folder of products, however that is written. */
static void test_release_is_beside_the_products(void **state)
{
    static const char *const endings[] = {"products", "products/", "no-such-folder"};
    struct fixture *fixture = *state;
    struct hm_catalogue_release release;

    release = hm_catalogue_release_of(
        hm_arena_printf(&fixture->arena, "%s/products", fixture->shipped), &fixture->arena);
    assert_int_equal(release.version, 0);
    assert_string_equal(release.date, "");
    put(fixture, fixture->shipped, "catalogue.json", "{\"version\":7,\"date\":\"2026-12-24\"}");
    for (size_t i = 0; i < HM_COUNT(endings); i++) {
        release = hm_catalogue_release_of(
            hm_arena_printf(&fixture->arena, "%s/%s", fixture->shipped, endings[i]),
            &fixture->arena);
        assert_int_equal(release.version, 7);
        assert_string_equal(release.date, "2026-12-24");
        assert_string_equal(release.note, "");
    }
    put(fixture, fixture->shipped, "catalogue.json", "{\"version\":\"seven\"}");
    release = hm_catalogue_release_of(
        hm_arena_printf(&fixture->arena, "%s/products", fixture->shipped), &fixture->arena);
    assert_int_equal(release.version, 0);
    assert_string_equal(release.date, "");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_folder_is_read_in_order_of_ids), CASE(test_broken_products_are_named),
        CASE(test_no_products_are_no_catalogue),   CASE(test_local_products_outrank_shipped_ones),
        CASE(test_release_is_beside_the_products),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
