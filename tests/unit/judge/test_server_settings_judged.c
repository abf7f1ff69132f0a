/* tests/unit/judge/test_server_settings_judged.c — ports that settings files of servers say, in
 * place of the catalogue's. SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/inventory_builder.h"

#define MOST 3
#define NONE 1 /* the files say that it opens none */
#define LOST 2 /* they could not be read */

struct server {
    const char *service;
    uint16_t setting; /* 0: no row */
    bool runs;
    uint16_t listens; /* 0: nowhere */
};

/* "5433 safe", "41000 exposed" and so on, of all requirements of the product. */
static void write_verdicts(const struct hm_build *build, char *out, size_t size)
{
    const struct hm_verdicts *verdicts = &build->judgement.verdicts;

    out[0] = '\0';
    for (size_t i = 0; i < verdicts->count; i++) {
        const struct hm_verdict *verdict = &verdicts->at[i];
        struct hm_arena arena;

        hm_arena_init(&arena, 65536);
        if (strcmp(verdict->product, "db") == 0) {
            (void)snprintf(out + strlen(out), size - strlen(out), "%s%s %s",
                           out[0] == '\0' ? "" : ", ", hm_ports_text(verdict->ports, &arena),
                           hm_verdict_state_names[verdict->state]);
        }
        hm_arena_fini(&arena);
    }
}

/* 32768 to 60999 is the dynamic range, 5432 the catalogue's port. */
static void test_ports(void **state)
{
    static const struct {
        struct server servers[MOST];
        const char *holder; /* of 5432; NULL nobody */
        const char *expected;
    } cases[] = {
  /* down: what the file says is judged, wherever it lies */
        {{{"db", 0, false, 0}},                                     NULL,   "5432 unknown"              },
        {{{"db", 5432, false, 0}},                                  NULL,   "5432 safe"                 },
        {{{"db", 5433, false, 0}},                                  NULL,   "5433 safe"                 },
        {{{"db", 41000, false, 0}},                                 NULL,   "41000 exposed"             },
        {{{"db", LOST, false, 0}},                                  NULL,   "5432 unknown"              },
        {{{"db", NONE, false, 0}},                                  NULL,   ""                          },
 /* who has the catalogue's port does not matter then */
        {{{"db", 5433, false, 0}},                                  "java", "5433 safe"                 },
        {{{"db", 5432, false, 0}},                                  "java", "5432 blocked"              },
        {{{"db", NONE, false, 0}},                                  "java", ""                          },
 /* runs */
        {{{"db", 5433, true, 5433}},                                NULL,   "5433 safe"                 },
        {{{"db", 41000, true, 41000}},                              NULL,   "41000 exposed"             },
        {{{"db", LOST, true, 5433}},                                NULL,   "5433 safe"                 },
        {{{"db", LOST, true, 5432}},                                NULL,   "5432 safe"                 },
        {{{"db", LOST, true, 0}},                                   NULL,   "5432 unknown"              },
        {{{"db", NONE, true, 0}},                                   NULL,   ""                          },
 /* it was changed since the start: the file counts at the next one */
        {{{"db", 5433, true, 5432}},                                NULL,   "5433 safe"                 },
        {{{"db", 41000, true, 5432}},                               NULL,   "41000 exposed"             },
 /* said to run, and no socket is its own */
        {{{"db", 5433, true, 0}},                                   NULL,   "5433 unknown"              },
        {{{"db", 41000, true, 0}},                                  NULL,   "41000 exposed"             },
        {{{"db@a", 5433, true, 0}, {"db@b", 5434, true, 5434}},     NULL,   "5433 unknown, 5434 safe"   },
        {{{"db", 5432, true, 5432}, {"cache", 5433, true, 0}},      NULL,   "5433 unknown, 5432 safe"   },
 /* several instances */
        {{{"db@a", 5433, false, 0}, {"db@b", 41000, false, 0}},     NULL,   "41000 exposed, 5433 safe"  },
        {{{"db@a", 5433, false, 0}, {"db@b", 0, false, 0}},         NULL,   "5432 unknown, 5433 safe"   },
        {{{"db@a", 5433, true, 5433}, {"db@b", NONE, false, 0}},    NULL,   "5433 safe"                 },
        {{{"db@a", NONE, false, 0}, {"db@b", 0, false, 0}},         NULL,   "5432 unknown"              },
 /* one port for two: one of them does not get it, or each has an address of its own */
        {{{"db@a", 5433, true, 5433}, {"db@b", 5433, false, 0}},
         NULL,                                                              "5433 blocked, 5433 unknown"},
        {{{"db@a", 5433, false, 0}, {"db@b", 5433, false, 0}},      NULL,   "5433 unknown, 5433 unknown"},
        {{{"db@a", 5433, true, 5433}, {"db@b", 5433, true, 5433}},  NULL,   "5433 safe, 5433 safe"      },
 /* one that its program alone makes known: nobody knows its port */
        {{{"db", 5433, false, 0}, {"cache", 0, false, 0}},          NULL,   "5432 unknown, 5433 safe"   },
        {{{"db", 5432, true, 5432}, {"cache", 0, false, 0}},        NULL,   "5432 unknown, 5432 safe"   },
        {{{"cache", 0, false, 0}},                                  NULL,   "5432 unknown"              },
        {{{"db", NONE, false, 0}, {"cache", 0, false, 0}},          NULL,   "5432 unknown"              },
 /* and a line of its own says it, down or not */
        {{{"cache", 41000, false, 0}},                              NULL,   "41000 exposed"             },
        {{{"cache", 5433, false, 0}},                               NULL,   "5433 safe"                 },
        {{{"cache", NONE, false, 0}},                               NULL,   ""                          },
        {{{"cache", 41000, true, 41000}},                           NULL,   "41000 exposed"             },
        {{{"db", 5432, true, 5432}, {"cache", 41000, false, 0}},    NULL,   "41000 exposed, 5432 safe"  },
        {{{"db", 5432, true, 5432}, {"cache", 41000, true, 41000}},
         NULL,                                                              "41000 exposed, 5432 safe"  },
        {{{"db", 5432, true, 5432}, {"cache", 5433, true, 5433}},   NULL,   "5433 safe, 5432 safe"      },
        {{{"db", 0, true, 5432}, {"cache", 41000, false, 0}},       NULL,   "41000 exposed, 5432 safe"  },
        {{{"db", 5432, true, 5432}, {"cache", LOST, false, 0}},     NULL,   "5432 unknown, 5432 safe"   },
        {{{"db", 5432, true, 5432}, {"cache", NONE, false, 0}},     NULL,   "5432 safe"                 },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        struct hm_build build;
        struct hm_product *product;
        struct hm_requirement *row;
        char verdicts[256];

        print_message("case %zu\n", i);
        hm_build_init(&build, NULL);
        product = hm_build_product(&build, "db", NULL, NULL);
        product->detect.services = hm_build_names(&build, "db|db@*");
        product->detect.programs = hm_build_names(&build, "dbd");
        row = hm_build_require(&build, product, "server", HM_TCP, "5432", HM_KIND_SOCKET);
        row->set_in = "port in db.conf";
        row->has_port_from = true;
        row->port_from = HM_BY_SETTINGS_PORT;
        for (size_t k = 0; k < MOST && cases[i].servers[k].service != NULL; k++) {
            const struct server *server = &cases[i].servers[k];

            hm_build_service_runs(&build, server->service, server->runs)->program = "dbd";
            if (server->setting != 0) {
                hm_build_set_up(&build, server->setting <= LOST ? 0 : server->setting,
                                server->setting == NONE ? HM_BY_SETTINGS_NO_PORT
                                                        : HM_BY_SETTINGS_PORT,
                                server->service);
            }
            if (server->listens != 0) {
                hm_build_listener(&build, HM_TCP, HM_IPV4, server->listens, "dbd", server->service,
                                  HM_KIND_SOCKET);
            }
        }
        if (cases[i].holder != NULL) {
            hm_build_listener(&build, HM_TCP, HM_IPV4, 5432, cases[i].holder, "", HM_KIND_SOCKET);
        }
        (void)hm_build_judge(&build);
        write_verdicts(&build, verdicts, sizeof(verdicts));
        assert_string_equal(verdicts, cases[i].expected);
        hm_build_fini(&build);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ports),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
