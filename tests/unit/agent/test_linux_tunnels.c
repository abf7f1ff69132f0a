/* tests/unit/agent/test_linux_tunnels.c — ports that services forward by their command line.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/platform/linux/linux.h"
#include "tests/support/linux_files.h"

#define ROOT HM_BINARY_DIR "/linux_tunnels"

static void put_file(const char *path, const char *text)
{
    linux_files_put(ROOT, path, text);
}

static int set_up(void **state)
{
    return linux_files_start_booted(ROOT, state);
}

static void observe(struct hm_arena *arena, struct hm_observation *out)
{
    linux_files_observe(ROOT, arena, out);
}

static void put_service(const char *name, const char *settings, const char *exec_start)
{
    char path[128];
    char link[128];
    char text[1024];

    (void)snprintf(path, sizeof(path), LIB "%s.service", name);
    (void)snprintf(link, sizeof(link), MULTI "%s.service", name);
    (void)snprintf(text, sizeof(text), "[Service]\n%sExecStart=%s\n", settings, exec_start);
    put_file(path, text);
    (void)snprintf(text, sizeof(text), "-> %s", path);
    put_file(link, text);
}

/* Services that forward a port by their command line. */
static void test_forwarders(void **state)
{
    static const struct {
        const char *command;
        const char *ports;
    } rows[] = {
        {"/usr/bin/ssh -N -L 40001:db:5432 gw",                                             "40001"            },
        {"/usr/bin/ssh -NT -o ServerAliveInterval=60 -L127.0.0.1:40001:db:5432 -D 1080 gw",
         "1080 40001"                                                                                          },
        {"/usr/bin/ssh gw -NL [::1]:40001:[::2]:5432",                                      "40001"            },
        {"/usr/bin/ssh -L 40001:/run/db.sock gw",                                           "40001"            },
        {"/usr/bin/ssh -R 40001:localhost:22 gw",                                           ""                 },
        {"/usr/bin/ssh -i -L40001:a:1 gw",                                                  ""                 },
        {"/usr/bin/ssh -L /run/a.sock:db:5432 gw",                                          ""                 },
        {"/usr/bin/ssh gw run -L 40001:db:5432",                                            ""                 },
        {"/usr/bin/ssh -N -o 'LocalForward=40001 db:1' gw -L 40002:db:1",                   "40001 40002"      },
        {"/usr/bin/ssh -o \"localforward 127.0.0.1:40001 db:1\" gw",                        "40001"            },
        {"/usr/bin/ssh -oDynamicForward=[::1]:40001 -o ServerAliveInterval=60 gw",          "40001"            },
        {"/usr/bin/ssh -o 'RemoteForward=40001 db:1' gw",                                   ""                 },
        {"/usr/bin/ssh -L $PORT:db:5432 gw",                                                ""                 },
        {"/usr/bin/autossh -M 20000 -N -L 40001:db:5432 gw",                                "20000 20001 40001"},
        {"/usr/bin/autossh -M 0 -N -L 40001:db:5432 gw",                                    "40001"            },
        {"/usr/bin/socat TCP-LISTEN:40001,fork,reuseaddr TCP:db:5432",                      "40001"            },
        {"/usr/bin/socat -d udp4-l:40001 UDP:db:53",                                        "40001"            },
        {"/usr/bin/socat - TCP:db:5432",                                                    ""                 },
        {"/usr/bin/other -L 40001:db:5432",                                                 ""                 },
    };

    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        struct hm_observation seen;
        char ports[64] = "";

        print_message("%s\n", rows[i].command);
        (void)linux_files_stop(state);
        (void)set_up(state);
        put_service("tunnel", "", rows[i].command);
        observe(*state, &seen);
        assert_false(seen.inventory.configured_partial);
        for (size_t k = 0; k < seen.inventory.configured.count; k++) {
            const struct hm_configured *row = &seen.inventory.configured.at[k];

            assert_int_equal(row->by, HM_BY_COMMAND_PORT);
            assert_string_equal(row->service, "tunnel");
            (void)snprintf(ports + strlen(ports), sizeof(ports) - strlen(ports), "%s%u",
                           k == 0 ? "" : " ", (unsigned)row->port);
        }
        assert_string_equal(ports, rows[i].ports);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_forwarders, set_up, linux_files_stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
