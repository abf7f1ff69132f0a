/* tests/unit/agent/test_linux_compose_rows.c — a port that both Docker's record and a file of
 * compose have. SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/platform/linux/linux.h"
#include "tests/support/linux_files.h"

#define ROOT HM_BINARY_DIR "/linux_compose_rows"
#define CONTAINER "/var/lib/docker/containers/4f3c99aa0011/"

static int set_up(void **state)
{
    return linux_files_start_booted(ROOT, state);
}

static void put_project(const char *recorded, const char *port)
{
    char text[512];

    linux_files_put(ROOT, LIB "web.service",
                    "[Service]\nType=oneshot\nRemainAfterExit=yes\nWorkingDirectory=/srv/web\n"
                    "ExecStart=/usr/bin/docker compose up -d\n");
    linux_files_put(ROOT, MULTI "web.service", "-> " LIB "web.service");
    linux_files_put(
        ROOT, CONTAINER "config.v2.json",
        "{\"State\":{\"Running\":false},\"ID\":\"4f3c99aa0011\",\"Config\":{\"Labels\":{"
        "\"com.docker.compose.project\":\"web\",\"com.docker.compose.service\":\"nginx\","
        "\"com.docker.compose.project.config_files\":\"/srv/web/compose.yaml\","
        "\"com.docker.compose.project.working_dir\":\"/srv/web\"}},\"Name\":\"/web-nginx-1\"}");
    (void)snprintf(text, sizeof(text),
                   "{\"PortBindings\":{\"80/tcp\":[{\"HostIp\":\"%s\",\"HostPort\":\"40001\"}]},"
                   "\"RestartPolicy\":{\"Name\":\"no\"}}",
                   recorded);
    linux_files_put(ROOT, CONTAINER "hostconfig.json", text);
    (void)snprintf(text, sizeof(text), "services:\n  nginx:\n    ports:\n      - %s\n", port);
    linux_files_put(ROOT, "/srv/web/compose.yaml", text);
}

/* Where the file, changed since, gives it more addresses or families, it is served there, too. */
static void test_addresses(void **state)
{
    static const struct {
        const char *recorded;
        const char *port;
        bool on_all;
        size_t count;
    } rows[] = {
        {"127.0.0.1", "40001:80",           true,  2},
        {"127.0.0.1", "127.0.0.1:40001:80", false, 1},
        {"127.0.0.1", "127.0.0.2:40001:80", false, 2},
        {"0.0.0.0",   "40001:80",           true,  2},
        {"",          "127.0.0.1:40001:80", true,  1},
        {"",          "40001:80",           true,  1},
    };

    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        struct hm_observation seen;
        bool on_all = false;
        size_t count = 0;

        print_message("row %zu\n", i);
        (void)linux_files_stop(state);
        (void)set_up(state);
        put_project(rows[i].recorded, rows[i].port);
        linux_files_observe(ROOT, *state, &seen);
        for (size_t k = 0; k < seen.inventory.configured.count; k++) {
            const struct hm_configured *row = &seen.inventory.configured.at[k];

            if (row->port == 40001 && !row->manual) {
                count++;
                on_all = on_all || (row->families == HM_FAMILIES_BOTH && row->address[0] == '\0');
            }
        }
        assert_int_equal(count, rows[i].count);
        assert_int_equal(on_all, rows[i].on_all);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_addresses, set_up, linux_files_stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
