/* tests/unit/server/test_server_config.c — collector.conf: sample, defaults, what outranks what.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "common/os/os.h"
#include "server/config.h"

#define CONFIG_FILE HM_BINARY_DIR "/test_server_config.conf"

static enum hm_status load(const char *file, const char *data, const char *set,
                           struct hm_arena *arena, struct hm_server_config *out, struct hm_err *err)
{
    const struct hm_cli_verb verb = {.name = "serve", .arguments = ""};
    const struct hm_cli_program program = {.options = hm_server_options,
                                           .option_count = hm_server_options_count};
    const char *const values[] = {file, data, set};
    const struct hm_cli cli = {.verb = &verb, .about = &program, .values = values};

    return hm_server_config_load(&cli, arena, out, err);
}

/* deploy/config/collector.conf is what the table prints. */
static void test_sample(void **state)
{
    struct hm_arena arena;
    struct hm_buf sample;
    char *text;
    size_t len;

    (void)state;
    hm_arena_init(&arena, HM_LIMIT_CONFIG_BYTES);
    hm_buf_init(&sample, HM_LIMIT_CONFIG_BYTES);
    hm_config_sample(hm_server_config_rows, hm_server_config_count, &sample);
    if (getenv("HM_UPDATE") != NULL) { /* after a change of the table */
        assert_int_equal(hm_os_replace_file(HM_SOURCE_DIR "/deploy/config/collector.conf",
                                            sample.data, sample.len, false, NULL),
                         HM_OK);
    }
    assert_int_equal(hm_os_read_file(HM_SOURCE_DIR "/deploy/config/collector.conf",
                                     HM_LIMIT_CONFIG_BYTES, &arena, &text, &len, NULL),
                     HM_OK);
    assert_string_equal(text, hm_buf_text(&sample));
    hm_buf_fini(&sample);
    hm_arena_fini(&arena);
}

static void test_order(void **state)
{
    static const char file[] = "port = 6000\nlisten = 192.0.2.1\ndata_dir = /from/file\n";
    struct hm_server_config config;
    struct hm_arena arena;
    struct hm_err err;

    (void)state;
    hm_arena_init(&arena, HM_LIMIT_CONFIG_BYTES);
    assert_int_equal(hm_os_replace_file(CONFIG_FILE, file, strlen(file), false, NULL), HM_OK);
    assert_int_equal(
        load(CONFIG_FILE, "/from/option", "listen=::1,interval=1m", &arena, &config, &err), HM_OK);
    assert_int_equal(config.port, 6000);
    assert_string_equal(config.listen, "::1");
    assert_string_equal(config.data_dir, "/from/option");
    assert_int_equal(config.interval_s, 60);
    assert_int_equal(config.silent_after_s, 180);
    assert_int_equal(config.connections_max, 100000);
    assert_true(strlen(config.product_dir) > 0);
    assert_memory_equal(config.public_url, "https://", 8);
    assert_string_equal(config.public_url + strlen(config.public_url) - 5, ":6000");
    hm_arena_fini(&arena);
}

static const struct wrong_case {
    const char *file;
    const char *set;
    const char *has;
} wrongs[] = {
    {"/nonexistent/collector.conf", NULL,               "cannot be read"        },
    {NULL,                          "port=70000",       "1 to 65535"            },
    {NULL,                          "port",             "KEY=VALUE"             },
    {NULL,                          "prot=5830",        "no key \"prot\""       },
    {NULL,                          "cert_file=/x.pem", "cert_file and key_file"},
    {NULL,                          "interval=0",       "1 to 86400"            },
};

static void test_wrong(void **state)
{
    struct hm_server_config config;
    struct hm_arena arena;

    (void)state;
    hm_arena_init(&arena, HM_LIMIT_CONFIG_BYTES);
    for (size_t i = 0; i < HM_COUNT(wrongs); i++) {
        struct hm_err err = {.status = HM_OK};

        assert_int_equal(load(wrongs[i].file, NULL, wrongs[i].set, &arena, &config, &err),
                         HM_EINVAL);
        if (err.status != HM_EINVAL || strstr(err.text, wrongs[i].has) == NULL) {
            fail_msg("row %zu: %s", i, err.text);
        }
    }
    hm_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sample),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_wrong),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
