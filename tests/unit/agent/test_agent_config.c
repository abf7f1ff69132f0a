/* tests/unit/agent/test_agent_config.c — agent.conf: sample, defaults, what outranks what.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/log.h"
#include "common/os/os.h"
#include "tests/support/temp_folder.h"

struct fixture {
    char folder[64];
    struct hm_arena arena;
    struct hm_agent_config config;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    temp_folder_make(fixture->folder, sizeof(fixture->folder));
    hm_arena_init(&fixture->arena, 4u << 20);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    temp_folder_remove(fixture->folder);
    hm_arena_fini(&fixture->arena);
    free(fixture);
    return 0;
}

static const struct hm_cli_option options[] = {
    {"config", "FILE",      ""},
    {"set",    "KEY=VALUE", ""},
};
static const struct hm_cli_verb verb = {.name = "v"};
static const struct hm_cli_program program = {.options = options, .option_count = 2};

/* As the command line gives them; NULL = not given. */
static enum hm_status load(struct fixture *fixture, const char *config, const char *set,
                           struct hm_err *err)
{
    const char *const values[] = {config, set};
    const struct hm_cli cli = {.program = "p", .verb = &verb, .values = values, .about = &program};

    return hm_agent_config_load(&cli, &fixture->arena, &fixture->config, err);
}

static const char *write_file(struct fixture *fixture, const char *name, const char *text)
{
    const char *path = hm_arena_printf(&fixture->arena, "%s/%s", fixture->folder, name);

    assert_int_equal(hm_os_replace_file(path, text, strlen(text), false, NULL), HM_OK);
    return path;
}

#ifdef _WIN32
#define DATA "C:\\ProgramData\\Havenmaster\\"
#define STATE_DIR DATA "state"
#define CATALOGUE_DIR DATA "catalogue.d"
#define PRODUCT_DIR "C:\\Program Files\\Havenmaster\\products"
#define SAMPLE "agent-windows.conf"
#else
#define STATE_DIR "/var/lib/havenmaster-agent"
#define CATALOGUE_DIR "/etc/havenmaster/catalogue.d"
#define PRODUCT_DIR "/"
#define SAMPLE "agent.conf"
#endif

/* deploy/config/agent.conf is what the table prints; HM_UPDATE=1 writes it. */
static void test_sample_is_the_table(void **state)
{
    static const char path[] = HM_SOURCE_DIR "/deploy/config/" SAMPLE;
    struct fixture *fixture = *state;
    struct hm_buf sample;
    char *text;
    size_t len;

    hm_buf_init(&sample, 1u << 20);
    hm_config_sample(hm_agent_config_rows, hm_agent_config_count, &sample);
    if (getenv("HM_UPDATE") != NULL) {
        assert_int_equal(hm_os_replace_file(path, sample.data, sample.len, false, NULL), HM_OK);
    }
    assert_int_equal(hm_os_read_file(path, 1u << 20, &fixture->arena, &text, &len, NULL), HM_OK);
    assert_string_equal(text, hm_buf_text(&sample));
    hm_buf_fini(&sample);
    /* And it is a configuration: the one without any. */
    assert_int_equal(load(fixture, path, NULL, NULL), HM_OK);
    assert_string_equal(fixture->config.collector, "");
}

static void test_defaults(void **state)
{
    struct fixture *fixture = *state;
    const struct hm_agent_config *config = &fixture->config;

    assert_int_equal(hm_agent_config_load(NULL, &fixture->arena, &fixture->config, NULL), HM_OK);
    assert_string_equal(config->state_dir, STATE_DIR);
    assert_string_equal(config->catalogue_dir, CATALOGUE_DIR);
    assert_int_equal(strncmp(config->product_dir, PRODUCT_DIR, strlen(PRODUCT_DIR)), 0);
    assert_int_equal(config->interval_s, 0);
    assert_int_equal(config->log_level, HM_LOG_INFO);
    assert_int_equal(config->labels.count, 0);
}

static void test_what_outranks_what(void **state)
{
    struct fixture *fixture = *state;
    const struct hm_agent_config *config = &fixture->config;
    const char *path = write_file(fixture, "agent.conf",
                                  "# comment\ncollector = https://file:1\ninterval = 5m\n"
                                  "labels = site=paris\nname = from-file\n");

    assert_int_equal(load(fixture, path, "collector=https://set:2,log_level=debug", NULL), HM_OK);
    assert_string_equal(config->collector, "https://set:2");
    assert_string_equal(config->name, "from-file");
    assert_int_equal(config->interval_s, 300);
    assert_int_equal(config->log_level, HM_LOG_DEBUG);
    assert_int_equal(config->labels.count, 1);
}

/* A comma parts settings only where a known key follows; labels have commas of their own. */
static void test_settings_and_commas(void **state)
{
    struct fixture *fixture = *state;
    const struct hm_agent_config *config = &fixture->config;
    const char *none = write_file(fixture, "none.conf", "");

    assert_int_equal(
        load(fixture, none, "labels=site=paris,role=dns,interval=7,state_dir=/a,b", NULL), HM_OK);
    assert_int_equal(config->labels.count, 2);
    assert_int_equal(config->interval_s, 7);
    assert_string_equal(config->state_dir, "/a,b");
}

static void test_wrong_ones(void **state)
{
    static const struct {
        const char *file;
        const char *set;
        const char *text; /* part of what is said */
    } rows[] = {
        {"colector = x\n",       NULL,          "agent.conf:1"},
        {"name = a\nname = b\n", NULL,          "agent.conf:2"},
        {"interval = never\n",   NULL,          "interval"    },
        {"",                     "nonsense",    "--set"       },
        {"",                     "colour=red",  "--set"       },
        {"",                     "interval=2d", "interval"    },
        {"",                     "log_level=9", "log_level"   },
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        const char *path = write_file(fixture, "agent.conf", rows[i].file);
        struct hm_err err;

        assert_int_equal(load(fixture, path, rows[i].set, &err), HM_EINVAL);
        assert_non_null(strstr(err.text, rows[i].text));
    }
    assert_int_equal(load(fixture, "/no/such/agent.conf", NULL, NULL), HM_EINVAL);
}

static void test_policy_outranks_all(void **state)
{
    static const struct hm_host_setting settings[] = {
        {"Collector", "https://policy:3"   },
        {"brand_new", "1"                  },
        {"labels",    "site=lyon,role=mail"},
        {"interval",  "60"                 },
        {"token",     "hmj_secret"         },
    };
    static const struct hm_host_settings policy = {settings, HM_COUNT(settings)};
    struct fixture *fixture = *state;
    struct hm_agent_config *config = &fixture->config;
    const char *path =
        write_file(fixture, "agent.conf", "collector = https://file:1\nlabels = site=paris\n");

    assert_int_equal(load(fixture, path, "interval=7", NULL), HM_OK);
    assert_int_equal(config->ignored.count, 0);
    assert_int_equal(hm_agent_config_enforce(&policy, "policy", &fixture->arena, config, NULL),
                     HM_OK);
    assert_string_equal(config->collector, "https://policy:3");
    assert_int_equal(config->interval_s, 60);
    assert_int_equal(config->labels.count, 2);
    assert_string_equal(config->token, "");
    assert_int_equal(config->ignored.count, 2);
    assert_non_null(strstr(config->ignored.at[0], "policy: brand_new"));
    assert_null(strstr(config->ignored.at[1], "hmj_secret"));
    assert_non_null(strstr(config->ignored.at[1], "token_file"));
}

static void test_wrong_policy(void **state)
{
    static const struct hm_host_setting setting = {"interval", "never"};
    static const struct hm_host_settings policy = {&setting, 1};
    struct fixture *fixture = *state;
    struct hm_err err;

    assert_int_equal(hm_agent_config_load(NULL, &fixture->arena, &fixture->config, NULL), HM_OK);
    assert_int_equal(
        hm_agent_config_enforce(&policy, "policy HKLM", &fixture->arena, &fixture->config, &err),
        HM_EINVAL);
    assert_non_null(strstr(err.text, "policy HKLM: interval"));
}

static void test_folder(void **state)
{
    static const struct {
        const char *path;
        const char *folder;
    } rows[] = {
        {"/etc/havenmaster/agent.conf", "/etc/havenmaster"},
        {"C:\\ProgramData\\agent.conf", "C:\\ProgramData" },
        {"C:/data\\agent.conf",         "C:/data"         },
        {"/agent.conf",                 "/"               },
        {"agent.conf",                  "."               },
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        const char *folder = NULL;

        assert_int_equal(hm_agent_config_folder(rows[i].path, &fixture->arena, &folder, NULL),
                         HM_OK);
        assert_string_equal(folder, rows[i].folder);
    }
}

static void test_token_from_a_file(void **state)
{
    struct fixture *fixture = *state;
    struct hm_agent_config *config = &fixture->config;
    const char *token = NULL;

    assert_int_equal(hm_agent_config_load(NULL, &fixture->arena, config, NULL), HM_OK);
    assert_int_equal(hm_agent_config_token(config, &fixture->arena, &token, NULL), HM_OK);
    assert_string_equal(token, "");
    config->token_file = write_file(fixture, "token", " hmj_abc \r\nsecond line\n");
    assert_int_equal(hm_agent_config_token(config, &fixture->arena, &token, NULL), HM_OK);
    assert_string_equal(token, "hmj_abc");
    config->token_file = write_file(fixture, "token", "\xef\xbb\xbfhmj_abc\r\n");
    assert_int_equal(hm_agent_config_token(config, &fixture->arena, &token, NULL), HM_OK);
    assert_string_equal(token, "hmj_abc");
    config->token = "hmj_given";
    assert_int_equal(hm_agent_config_token(config, &fixture->arena, &token, NULL), HM_OK);
    assert_string_equal(token, "hmj_given");
    config->token = "";
    config->token_file = "/no/such/token";
    assert_int_equal(hm_agent_config_token(config, &fixture->arena, &token, NULL), HM_OK);
    assert_string_equal(token, "");
}

/* never_ports takes ports in any order and piece by piece; a piece that is none is named. */
static void test_local_limits(void **state)
{
    static const char *ports[] = {"5985-5986", "3389", "5986-5990"};
    static const char *broken[] = {"3389", "rdp"};
    struct hm_agent_config config = {
        .enforce = false, .never_ports = {ports, 3},
             .policy_ports_max = 7
    };
    struct hm_local_limits limits;
    struct hm_arena arena;
    struct hm_err err;

    (void)state;
    hm_arena_init(&arena, 1u << 20);
    assert_int_equal(hm_agent_config_limits(&config, &arena, &limits, &err), HM_OK);
    assert_true(limits.enforce_off);
    assert_int_equal(limits.policy_ports_max, 7);
    assert_string_equal(hm_ports_text(limits.never, &arena), "3389,5985-5990");
    config.never_ports = (struct hm_strings){broken, 2};
    assert_int_equal(hm_agent_config_limits(&config, &arena, &limits, &err), HM_EINVAL);
    assert_non_null(strstr(err.text, "never_ports"));
    assert_non_null(strstr(err.text, "rdp"));
    assert_int_equal(hm_agent_config_load(NULL, &arena, &config, &err), HM_OK);
    assert_true(config.enforce); /* unless somebody says otherwise */
    hm_arena_fini(&arena);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_sample_is_the_table), CASE(test_defaults),
        CASE(test_what_outranks_what),  CASE(test_settings_and_commas),
        CASE(test_wrong_ones),          CASE(test_token_from_a_file),
        CASE(test_policy_outranks_all), CASE(test_wrong_policy),
        CASE(test_local_limits),        CASE(test_folder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
