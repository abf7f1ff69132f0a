/* tests/unit/plan/test_plan_holder.c — wanted ports that somebody has: taken by another program, or
 * busy with their own service. SPDX-License-Identifier: Apache-2.0 */
#include "common/plan/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/plan_model.h"

/* A socket on the port: "tcp4 listen pop3.exe POP3BE". */
struct holder {
    enum hm_family family;
    enum hm_socket_state state;
    const char *program;
    const char *service;
};

#define HOLDERS_MAX 3

struct holding {
    const char *what;
    bool by_product; /* the policy names the product; otherwise the port */
    bool catalogued; /* the catalogue knows whose it is */
    struct holder holders[HOLDERS_MAX];
    const char *notes; /* kind, family and who is named, of each note */
};

#define V4 HM_IPV4
#define V6 HM_IPV6
#define LISTENS HM_SOCKET_LISTEN
#define CONNECTED HM_SOCKET_ESTABLISHED

/* clang-format off */
static const struct holding holdings[] = {
    {"its own service", true, true, {{V4, LISTENS, "pop3.exe", "POP3BE"}},
     "busy ipv4 pop3.exe"},
    {"… by port", false, true, {{V4, LISTENS, "pop3.exe", "POP3BE"}},
     "busy ipv4 pop3.exe"},
    {"… with a client, who is not named", true, true,
     {{V4, CONNECTED, "worker.exe", ""}, {V4, LISTENS, "pop3.exe", "POP3BE"}},
     "busy ipv4 pop3.exe"},
    {"somebody's connection", true, true, {{V4, CONNECTED, "lsass.exe", "NTDS"}},
     "taken ipv4 lsass.exe"},
    {"… by port", false, true, {{V4, CONNECTED, "lsass.exe", "NTDS"}},
     "taken ipv4 lsass.exe"},
    {"another service", true, true, {{V4, LISTENS, "other.exe", "Other"}},
     "taken ipv4 other.exe"},
    {"an unknown one beside it: it may be a part of the product", true, true,
     {{V4, LISTENS, "pop3.exe", "POP3BE"}, {V6, LISTENS, "other.exe", "Other"}},
     "busy ipv4 pop3.exe; busy ipv6 other.exe"},
    {"a process without a name", true, true, {{V4, LISTENS, "", ""}},
     "busy ipv4 "},
    {"a process of many services", true, true, {{V4, LISTENS, "svchost.exe", ""}},
     "busy ipv4 svchost.exe"},
    {"nobody knows whose it is: a listener", false, false, {{V4, LISTENS, "x.exe", "X"}},
     "busy ipv4 x.exe"},
    {"… with a client", false, false,
     {{V4, CONNECTED, "y.exe", ""}, {V4, LISTENS, "x.exe", "X"}},
     "busy ipv4 x.exe"},
    {"… a connection, where nobody listens", false, false, {{V4, CONNECTED, "x.exe", "X"}},
     "taken ipv4 x.exe"},
    {"over since", true, true, {{V4, HM_SOCKET_TIME_WAIT, "", ""}}, ""},
};
/* clang-format on */

static const char *notes_of(struct hm_model *model)
{
    const char *text = "";

    for (size_t i = 0; i < model->plan.notes.count; i++) {
        const struct hm_plan_note *note = &model->plan.notes.at[i];

        if (note->kind == HM_NOTE_TAKEN || note->kind == HM_NOTE_BUSY) {
            text = hm_arena_printf(&model->host.arena, "%s%s%s %s %s", text,
                                   text[0] == '\0' ? "" : "; ", hm_plan_note_kind_names[note->kind],
                                   hm_family_names[note->family],
                                   note->has_holder ? note->holder.program : "-");
            assert_non_null(text);
        }
    }
    return text;
}

static void set_up(struct hm_model *model, const struct holding *row)
{
    hm_model_init(model, SERVER_2012R2);
    if (row->catalogued) {
        struct hm_product *product = hm_build_product(&model->host, "pop", "POP3BE", NULL);

        (void)hm_build_require(&model->host, product, "back-end", HM_TCP, "9950-9959",
                               HM_KIND_SOCKET);
        hm_build_service(&model->host, "POP3BE");
    }
    if (row->by_product) {
        (void)hm_model_policy(model, "p", "\"reservations\":[{\"product\":\"pop\"}]");
    } else {
        (void)hm_model_reserve(model, "p", "tcp", "9955");
    }
}

/* Whatever the order in which the system tells of its sockets. */
static void test_whose_it_is(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(holdings) / sizeof(holdings[0]); i++) {
        const struct holding *row = &holdings[i];

        for (unsigned backwards = 0; backwards < 2; backwards++) {
            struct hm_model model;

            set_up(&model, row);
            for (unsigned k = 0; k < HOLDERS_MAX; k++) {
                const struct holder *holder = &row->holders[backwards ? HOLDERS_MAX - 1 - k : k];

                if (holder->program != NULL) {
                    (void)hm_build_socket(&model.host, HM_TCP, holder->family, holder->state, 9955,
                                          holder->program, holder->service);
                }
            }
            (void)hm_model_plan(&model);
            if (strcmp(notes_of(&model), row->notes) != 0) {
                print_error("%s: %s\n", row->what, notes_of(&model));
            }
            assert_string_equal(notes_of(&model), row->notes);
            hm_model_fini(&model);
        }
    }
}

/* The product need not be there yet: the policy says whose the port is. */
static void test_product_that_is_not_there(void **state)
{
    const struct holding row = {.by_product = true, .catalogued = true};
    struct hm_model model;

    (void)state;
    set_up(&model, &row);
    model.host.inventory.services.count = 0;
    (void)hm_build_socket(&model.host, HM_TCP, HM_IPV4, LISTENS, 9955, "other.exe", "Other");
    (void)hm_model_plan(&model);
    assert_string_equal(notes_of(&model), "taken ipv4 other.exe");
    hm_model_fini(&model);
}

/* The random sockets of the DNS Server look like listeners. */
static void test_dns_pool(void **state)
{
    struct hm_model model;

    (void)state;
    hm_model_init(&model, SERVER_2012R2);
    hm_build_service(&model.host, "DNS");
    (void)hm_model_reserve(&model, "p", "udp", "53,50123");
    (void)hm_build_socket(&model.host, HM_UDP, HM_IPV4, LISTENS, 53, "dns.exe", "DNS");
    (void)hm_build_socket(&model.host, HM_UDP, HM_IPV4, LISTENS, 50123, "dns.exe", "DNS");
    (void)hm_model_plan(&model);
    assert_string_equal(notes_of(&model), "busy ipv4 dns.exe; taken ipv4 dns.exe");
    hm_model_fini(&model);
}

/* A block of WinNAT is no service's own, unless something listens in it. */
static void test_block_of_a_component(void **state)
{
    struct hm_model model;

    (void)state;
    hm_model_init(&model, SERVER_2012R2);
    (void)hm_model_reserve(&model, "p", "tcp", "50010,50020");
    hm_build_runtime(&model.host, HM_TCP, HM_IPV4, "50000-50099");
    (void)hm_build_socket(&model.host, HM_TCP, HM_IPV4, LISTENS, 50020, "System", "");
    (void)hm_model_plan(&model);
    assert_string_equal(notes_of(&model), "taken ipv4 -; busy ipv4 -");
    assert_non_null(
        strstr(hm_model_note(&model, HM_NOTE_TAKEN, "p", 0)->text, "the block 50000-50099"));
    hm_model_fini(&model);
}

/* The collector has no sockets, and the verdicts that were made with them. */
static void test_holder_of_a_verdict(void **state)
{
    struct hm_verdict verdict = {
        .product = "pop",
        .requirement = "back-end",
        .protocol = HM_TCP,
        .state = HM_BLOCKED,
        .reason = HM_REASON_HELD,
        .families = {(const char *[]){"ipv4"}, 1},
        .has_holder = true,
        .holder = { .program = "lsass.exe",
                     .service = "NTDS",
                     .pid = 712,
                     .state = CONNECTED,
                     .port = 9955,
                     .remote = "10.0.0.5:3268"},
    };
    const struct hm_verdicts verdicts = {&verdict, 1};
    const struct holding row = {.by_product = true, .catalogued = true};
    const struct hm_policy *policies[1];
    struct hm_model model;
    struct hm_err err = {0};

    (void)state;
    set_up(&model, &row);
    model.host.has_sockets = false;
    verdict.at_risk = hm_build_ports(&model.host, "9955,9957");
    policies[0] = model.policies[0];
    assert_int_equal(hm_plan(
                         &(struct hm_plan_input){
                             .inventory = &model.host.inventory,
                             .verdicts = &verdicts,
                             .policies = {policies, 1},
                             .catalogue = &model.host.catalogue,
                             .ledger = &model.ledger,
                             .limits = &model.limits,
                             .now_ms = model.now_ms,
                             .boot_id = "",
    },
                         &model.host.arena, &model.plan, &err),
                     HM_OK);
    assert_string_equal(notes_of(&model), "taken ipv4 lsass.exe; taken ipv4 -");
    assert_string_equal(hm_model_actions(&model),
                        "add_exclusion tcp ipv4 9950-9954; add_exclusion tcp ipv4 9956; "
                        "add_exclusion tcp ipv4 9958-9959; add_exclusion tcp ipv6 9950-9959");
    hm_model_fini(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whose_it_is),
        cmocka_unit_test(test_product_that_is_not_there),
        cmocka_unit_test(test_dns_pool),
        cmocka_unit_test(test_block_of_a_component),
        cmocka_unit_test(test_holder_of_a_verdict),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
