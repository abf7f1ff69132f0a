/* tests/unit/plan/test_plan_refused.c — what is refused, put off, or too much for a host.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/plan/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/plan_model.h"

/* Each refusal: what makes it on an otherwise good host that wants tcp 9955. */
typedef void make_fn(struct hm_model *model);

static void make_httpsys(struct hm_model *model)
{
    hm_build_listener(&model->host, HM_TCP, HM_IPV6, 9955, "System", "", HM_KIND_HTTPSYS);
}

static void make_quic(struct hm_model *model)
{
    struct hm_product *product = hm_build_product(&model->host, "q", "qsvc", NULL);

    hm_build_service(&model->host, "qsvc");
    (void)hm_build_require(&model->host, product, "r", HM_TCP, "9950-9960", HM_KIND_QUIC);
}

static void make_shared(struct hm_model *model)
{
    hm_build_listener(&model->host, HM_TCP, HM_IPV4, 9955, "a.exe", "", HM_KIND_SHARED);
}

static void make_container(struct hm_model *model)
{
    hm_build_listener(&model->host, HM_TCP, HM_IPV4, 9955, "dockerd.exe", "", HM_KIND_CONTAINER);
}

static void make_unsafe(struct hm_model *model)
{
    struct hm_product *product = hm_build_product(&model->host, "u", NULL, NULL);

    hm_build_require(&model->host, product, "r", HM_TCP, "9955", HM_KIND_SOCKET)->safe_to_exclude =
        HM_EXCLUDE_NO;
}

/* The service of the port is stopped, disabled or gone: its listener comes back some day. */
static void make_remembered(struct hm_model *model)
{
    hm_build_remember(&model->host, HM_TCP, 9955, "System", "W3SVC", HM_KIND_HTTPSYS, 1)
        ->service_state = HM_ENTRY_SERVICE_GONE;
}

static void make_remembered_container(struct hm_model *model)
{
    hm_build_listener(&model->host, HM_TCP, HM_IPV4, 135, "svchost.exe", "RpcSs", HM_KIND_SOCKET);
    (void)hm_build_remember(&model->host, HM_TCP, 9955, "dockerd.exe", "", HM_KIND_CONTAINER, 2);
}

/* Settings count without a listener: the service may be stopped, or start later in the boot. */
static void make_configured(struct hm_model *model)
{
    hm_build_configured(&model->host, HM_TCP, 9955, HM_KIND_HTTPSYS, HM_BY_IIS_BINDING,
                        "https *:9955: (site Intranet)");
}

static void make_published(struct hm_model *model)
{
    hm_build_configured(&model->host, HM_TCP, 9955, HM_KIND_CONTAINER, HM_BY_PUBLISHED_PORT,
                        "to port 80 of a container");
}

/* Nobody knows what HTTP.sys is set up to serve. */
static void make_system(struct hm_model *model)
{
    hm_build_listener(&model->host, HM_TCP, HM_IPV4, 9955, "System", "", HM_KIND_KERNEL);
}

/* Likewise: one of the sources could not be read. */
static void make_partial(struct hm_model *model)
{
    make_system(model);
    hm_build_configured(&model->host, HM_TCP, 80, HM_KIND_HTTPSYS, HM_BY_URL_RESERVATION,
                        "http://+:80/");
    model->host.inventory.configured_partial = true;
}

static void make_never(struct hm_model *model)
{
    model->limits.never = hm_build_ports(&model->host, "9900-9999");
}

static void make_enforce_off(struct hm_model *model)
{
    model->limits.enforce_off = true;
}

static void make_most(struct hm_model *model)
{
    (void)hm_model_reserve(model, "p", "tcp", "9954-9955");
    model->policies[0] = model->policies[1];
    model->count = 1;
    model->limits.policy_ports_max = 1;
}

static void make_unsupported(struct hm_model *model)
{
    for (size_t i = 0; i < HM_STACK_COUNT; i++) {
        model->host.stacks[i].exclusions_unsupported = true;
    }
}

static void make_no_rows(struct hm_model *model)
{
    for (size_t i = 0; i < HM_STACK_COUNT; i++) {
        model->host.stacks[i].has_runtime = false;
    }
}

static void make_no_listeners(struct hm_model *model)
{
    model->host.inventory.has_listeners = false;
}

static void make_tight(struct hm_model *model)
{
    hm_build_dynamic(&model->host, 9900, 10154);
    for (unsigned i = 0; i < 2; i++) {
        hm_build_exclude(&model->host, HM_TCP, i == 0 ? HM_IPV4 : HM_IPV6, "9956-10147");
    }
}

static void make_expired(struct hm_model *model)
{
    struct hm_policy *policy = hm_model_reserve(model, "p", "tcp", "9955");

    policy->has_expires = true;
    policy->expires = model->now_ms;
    model->policies[0] = policy;
    model->count = 1;
}

static void make_invalid(struct hm_model *model)
{
    struct hm_policy *policy = hm_model_reserve(model, "p", "tcp", "9955");

    policy->owner = " ";
    model->policies[0] = policy;
    model->count = 1;
}

static void make_twice(struct hm_model *model)
{
    hm_model_reserve(model, "p", "tcp", "9955")->revision = 0;
    hm_build_exclude(&model->host, HM_TCP, HM_IPV4, "9955");
    hm_build_exclude(&model->host, HM_TCP, HM_IPV6, "9955");
}

static void make_no_product(struct hm_model *model)
{
    model->count = 0;
    (void)hm_model_policy(model, "p", "\"reservations\":[{\"product\":\"nobody\"}]");
}

struct refusal {
    make_fn *make;
    enum hm_refusal_code code;
    size_t notes;
};

static const struct refusal refusals[] = {
    {make_httpsys,              HM_REFUSE_HTTPSYS,              2},
    {make_quic,                 HM_REFUSE_QUIC,                 2},
    {make_shared,               HM_REFUSE_SHARED,               2},
    {make_container,            HM_REFUSE_CONTAINER,            2},
    {make_unsafe,               HM_REFUSE_UNSAFE,               2},
    {make_remembered,           HM_REFUSE_HTTPSYS,              2},
    {make_remembered_container, HM_REFUSE_CONTAINER,            2},
    {make_configured,           HM_REFUSE_HTTPSYS,              2},
    {make_published,            HM_REFUSE_CONTAINER,            2},
    {make_system,               HM_REFUSE_HTTPSYS,              2},
    {make_partial,              HM_REFUSE_HTTPSYS,              2},
    {make_never,                HM_REFUSE_LOCAL_LIMIT,          2},
    {make_enforce_off,          HM_REFUSE_LOCAL_LIMIT,          2},
    {make_most,                 HM_REFUSE_LOCAL_LIMIT,          1},
    {make_unsupported,          HM_REFUSE_UNSUPPORTED_SYSTEM,   2},
    {make_no_rows,              HM_REFUSE_FACTS_MISSING,        2},
    {make_no_listeners,         HM_REFUSE_FACTS_MISSING,        2},
    {make_no_product,           HM_REFUSE_FACTS_MISSING,        1},
    {make_tight,                HM_REFUSE_WOULD_BREAK_HEADROOM, 2},
    {make_expired,              HM_REFUSE_EXPIRED,              1},
    {make_invalid,              HM_REFUSE_INVALID,              1},
    {make_twice,                HM_REFUSE_CONTRADICTION,        1},
};

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(refusals); i++) {
        struct hm_model model;
        const struct hm_plan_note *note;

        hm_model_init(&model, SERVER_2019);
        (void)hm_model_reserve(&model, "p", "tcp", "9955");
        refusals[i].make(&model);
        HM_MODEL_EXPECT(&model, "");
        assert_int_equal(hm_model_count_notes(&model, HM_NOTE_REFUSED), refusals[i].notes);
        note = hm_model_note(&model, HM_NOTE_REFUSED, "p", 0);
        assert_non_null(note);
        assert_int_equal(note->code, refusals[i].code);
        assert_true(note->text[0] != '\0');
        hm_model_fini(&model);
    }
}

/* A plan says from where it knows, and what to do. What only a plain socket had hinders nothing. */
static void test_text_of_remembered(void **state)
{
    struct hm_model model;
    const struct hm_plan_note *note;

    (void)state;
    hm_model_init(&model, SERVER_2019);
    (void)hm_model_reserve(&model, "p", "tcp", "9955,9960");
    make_remembered(&model);
    (void)hm_build_remember(&model.host, HM_TCP, 9960, "app.exe", "app", HM_KIND_SOCKET, 5);
    HM_MODEL_EXPECT(&model, "add_exclusion tcp ipv4 9960; add_exclusion tcp ipv6 9960");
    note = hm_model_note(&model, HM_NOTE_REFUSED, "p", 0);
    assert_non_null(note);
    assert_non_null(strstr(note->text, "for HTTP.sys as far as could be told"));
    assert_non_null(strstr(note->text, "hm-agent forget"));
    hm_model_fini(&model);
}

/* Where the settings of HTTP.sys are known, a driver's port is no port of HTTP.sys. */
static void test_driver_where_settings_are_known(void **state)
{
    struct hm_model model;

    (void)state;
    hm_model_init(&model, SERVER_2019);
    (void)hm_model_reserve(&model, "p", "tcp", "9955,9960");
    make_partial(&model);
    model.host.inventory.configured_partial = false;
    (void)hm_model_plan(&model);
    assert_int_equal(hm_model_count_notes(&model, HM_NOTE_REFUSED), 0);
    hm_model_fini(&model);
}

/* Nor is a port that only a driver has, where they are not known; the text says what to do. */
static void test_driver_port_where_settings_are_unknown(void **state)
{
    struct hm_model model;
    const struct hm_plan_note *note;

    (void)state;
    hm_model_init(&model, SERVER_2019);
    (void)hm_model_reserve(&model, "p", "tcp", "1723,9955");
    make_partial(&model);
    hm_build_listener(&model.host, HM_TCP, HM_IPV4, 1723, "System", "", HM_KIND_KERNEL);
    (void)hm_model_plan(&model);
    for (size_t i = 0; i < model.plan.notes.count; i++) {
        note = &model.plan.notes.at[i];
        assert_false(note->kind == HM_NOTE_REFUSED && hm_ports_contains(note->ports, 1723));
    }
    note = hm_model_note(&model, HM_NOTE_REFUSED, "p", 0);
    assert_non_null(note);
    assert_true(hm_ports_contains(note->ports, 9955));
    assert_non_null(strstr(note->text, "NOT KNOWN: \"netsh http show urlacl\""));
    hm_model_fini(&model);
}

/* The text names the setting. */
static void test_text_of_configured(void **state)
{
    struct hm_model model;
    const struct hm_plan_note *note;

    (void)state;
    hm_model_init(&model, SERVER_2019);
    (void)hm_model_reserve(&model, "p", "tcp", "9955");
    make_configured(&model);
    (void)hm_model_plan(&model);
    note = hm_model_note(&model, HM_NOTE_REFUSED, "p", 0);
    assert_non_null(note);
    assert_non_null(strstr(note->text, "IIS binding https *:9955: (site Intranet)"));
    hm_model_fini(&model);
}

/* A web server in maintenance: its service is there, nothing listens, and its port is refused. */
static void test_stopped_web_server(void **state)
{
    struct hm_model model;
    struct hm_product *product;
    struct hm_requirement *row;

    (void)state;
    hm_model_init(&model, SERVER_2019);
    product = hm_build_product(&model.host, "iis", "W3SVC", NULL);
    row = hm_build_require(&model.host, product, "https", HM_TCP, "443", HM_KIND_HTTPSYS);
    row->safe_to_exclude = HM_EXCLUDE_NO;
    row->optional = true;
    row->by_iis_bindings = true;
    hm_build_service(&model.host, "W3SVC");
    (void)hm_build_service_runs(&model.host, "W3SVC", false);
    (void)hm_model_reserve(&model, "p", "tcp", "443,9955");
    HM_MODEL_EXPECT(&model, "add_exclusion tcp ipv4 9955; add_exclusion tcp ipv6 9955");
    assert_int_equal(hm_model_note(&model, HM_NOTE_REFUSED, "p", 0)->code, HM_REFUSE_HTTPSYS);
    hm_model_fini(&model);
}

/* A product that this host does not have hinders nothing. */
static void test_hazard_of_absent_product(void **state)
{
    struct hm_model model;
    struct hm_product *product;

    (void)state;
    hm_model_init(&model, SERVER_2019);
    product = hm_build_product(&model.host, "wsus", "WsusService", NULL);
    (void)hm_build_require(&model.host, product, "http", HM_TCP, "8530", HM_KIND_HTTPSYS);
    (void)hm_model_reserve(&model, "p", "tcp", "8530");
    HM_MODEL_EXPECT(&model, "add_exclusion tcp ipv4 8530; add_exclusion tcp ipv6 8530");
    hm_model_fini(&model);
}

/* Of two revisions the newer one counts, in whatever order they come. */
static void test_newest_revision_counts(void **state)
{
    struct hm_model model;

    (void)state;
    hm_model_init(&model, LINUX);
    (void)hm_model_reserve(&model, "p", "tcp", "5");
    hm_model_reserve(&model, "p", "tcp", "6")->revision = 2;
    hm_model_reserve(&model, "p", "tcp", "7")->revision = 0;
    HM_MODEL_EXPECT(&model, "set_sysctl_reserved 6");
    assert_int_equal(hm_model_count_notes(&model, HM_NOTE_REFUSED), 2);
    hm_model_fini(&model);
}

/* What breaks on a modern Windows does no harm elsewhere. */
static void test_explicit_binds_elsewhere(void **state)
{
    struct hm_model model;

    (void)state;
    hm_model_init(&model, LINUX);
    (void)hm_model_reserve(&model, "p", "tcp", "9955");
    make_container(&model);
    make_shared(&model);
    HM_MODEL_EXPECT(&model, "set_sysctl_reserved 9955");
    hm_model_fini(&model);
}

static void test_gates(void **state)
{
    static const struct {
        const char *members;
        enum hm_plan_note_kind kind;
    } rows[] = {
        {"\"mode\":\"audit\"", HM_NOTE_AUDIT_ONLY    },
        {"\"mode\":\"enforce\",\"window\":{\"weekdays\":[\"sat\"],\"start_minute\":0,\"minutes\":"
         "1}",        HM_NOTE_WAITING_WINDOW},
    };
    static const char *const systems[] = {SERVER_2019, SERVER_2003, LINUX};

    (void)state;
    for (size_t i = 0; i < HM_COUNT(rows) * HM_COUNT(systems); i++) {
        struct hm_model model;

        hm_model_init(&model, systems[i / HM_COUNT(rows)]);
        (void)hm_model_document(
            &model, hm_arena_printf(&model.host.arena,
                                    "{\"name\":\"p\",\"owner\":\"o\",\"reason\":\"r\",\"review\":"
                                    "\"2030-01-01T00:00:00Z\",\"match\":{\"hosts\":[\"*\"]},"
                                    "\"reservations\":[{\"protocol\":\"tcp\",\"ports\":\"9955\"}],"
                                    "\"ranges\":[{\"protocol\":\"tcp\",\"range\":\"1025-60001\"}],"
                                    "%s}",
                                    rows[i % HM_COUNT(rows)].members));
        HM_MODEL_EXPECT(&model, "");
        assert_int_equal(model.plan.notes.count,
                         hm_model_count_notes(&model, rows[i % HM_COUNT(rows)].kind));
        assert_true(model.plan.notes.count >= 2);
        hm_model_fini(&model);
    }
}

#define RANGE(range) "\"ranges\":[{\"protocol\":\"tcp\",\"range\":\"" range "\"}]"

static void expect_of_both(struct hm_model *model, enum hm_plan_note_kind kind)
{
    HM_MODEL_EXPECT(model, "");
    assert_non_null(hm_model_note(model, kind, "a", 0));
    assert_non_null(hm_model_note(model, kind, "b", 0));
}

/* What holds up one of two policies that agree on a range holds up the other, and both say so. */
static void test_range_of_two_policies(void **state)
{
    struct hm_model model;
    struct hm_policy *first;

    (void)state;
    hm_model_init(&model, SERVER_2003);
    first = hm_model_policy(&model, "a", RANGE("1025-60000"));
    (void)hm_model_policy(&model, "b", RANGE("1025-60000"));
    (void)hm_model_policy(&model, "c", RANGE("1025-65534"));
    expect_of_both(&model, HM_NOTE_REFUSED);
    assert_int_equal(hm_model_count_notes(&model, HM_NOTE_REFUSED), 3);
    model.count = 2;
    model.host.inventory.has_registry = false;
    expect_of_both(&model, HM_NOTE_REFUSED);
    model.host.inventory.has_registry = true;
    model.limits.enforce_off = true;
    expect_of_both(&model, HM_NOTE_REFUSED);
    model.limits.enforce_off = false;
    first->has_window = true; /* Saturday; now is Wednesday */
    first->window = (struct hm_window){
        {(const char *[]){"sat"}, 1},
        0, 60
    };
    HM_MODEL_EXPECT(&model, "set_range 1025-60000"); /* by b */
    assert_string_equal(model.plan.actions.at[0].policy, "b");
    hm_model_apply(&model);
    expect_of_both(&model, HM_NOTE_WAITING_REBOOT);
    model.boot_id = "boot-2";
    expect_of_both(&model, HM_NOTE_ALREADY_THERE);
    hm_model_fini(&model);
}

/* The most that one of them asks for must stay usable. */
static void test_headroom_of_two_policies(void **state)
{
    struct hm_model model;
    struct hm_policy *second;

    (void)state;
    hm_model_init(&model, SERVER_2003);
    (void)hm_model_policy(&model, "a", RANGE("1025-5999"));
    second = hm_model_policy(&model, "b",
                             "\"ranges\":[{\"protocol\":\"tcp\",\"range\":\"1025-5999\","
                             "\"headroom_min\":4970}],\"reservations\":[{\"protocol\":\"udp\","
                             "\"ports\":\"2000-2009\"}]");
    (void)hm_model_plan(&model);
    assert_int_equal(hm_model_note(&model, HM_NOTE_REFUSED, "a", 0)->code,
                     HM_REFUSE_WOULD_BREAK_HEADROOM);
    assert_int_equal(hm_model_note(&model, HM_NOTE_REFUSED, "b", 0)->code,
                     HM_REFUSE_WOULD_BREAK_HEADROOM);
    second->mode = HM_POLICY_AUDIT; /* holds up nobody */
    HM_MODEL_EXPECT(&model, "set_range 1025-5999");
    hm_model_fini(&model);
}

/* A revision that is more than this host allows is not done in part, and what is there stays. */
static void test_too_many_takes_nothing_back(void **state)
{
    static const char *const systems[] = {SERVER_2019, SERVER_2003, LINUX};

    (void)state;
    for (size_t i = 0; i < HM_COUNT(systems); i++) {
        struct hm_model model;

        hm_model_init(&model, systems[i]);
        (void)hm_model_policy(&model, "p",
                              "\"reservations\":[{\"protocol\":\"tcp\",\"ports\":\"9955\"}],"
                              "\"ranges\":[{\"protocol\":\"tcp\",\"range\":\"1025-60001\"}]");
        model.limits.policy_ports_max = 3;
        (void)hm_model_plan(&model);
        assert_true(model.plan.actions.count >= 2);
        hm_model_apply(&model);
        hm_model_policy(&model, "p",
                        "\"reservations\":[{\"protocol\":\"tcp\",\"ports\":\"9933,9960-9962\"}],"
                        "\"ranges\":[{\"protocol\":\"tcp\",\"range\":\"1025-50001\"}]")
            ->revision = 2;
        model.policies[0] = model.policies[--model.count];
        HM_MODEL_EXPECT(&model, "");
        assert_int_equal(hm_model_note(&model, HM_NOTE_REFUSED, "p", 0)->code,
                         HM_REFUSE_LOCAL_LIMIT);
        model.limits.policy_ports_max = 4;
        (void)hm_model_plan(&model);
        assert_true(model.plan.actions.count >= 2);
        hm_model_fini(&model);
    }
}

/* A pause (audit) undoes nothing; an expiry does. */
static void test_audit_keeps_expiry_removes(void **state)
{
    struct hm_model model;
    struct hm_policy *policy;

    (void)state;
    hm_model_init(&model, SERVER_2019);
    policy = hm_model_reserve(&model, "p", "udp", "1812");
    hm_model_enforce(&model);
    policy->mode = HM_POLICY_AUDIT;
    HM_MODEL_EXPECT(&model, "");
    policy->has_expires = true;
    policy->expires = 1;
    HM_MODEL_EXPECT(&model, "remove_exclusion udp ipv4 1812; remove_exclusion udp ipv6 1812");
    hm_model_fini(&model);
}

static void test_range_contradiction(void **state)
{
    struct hm_model model;
    const struct hm_plan_note *note;

    (void)state;
    hm_model_init(&model, SERVER_2019);
    (void)hm_model_policy(&model, "b",
                          "\"ranges\":[{\"protocol\":\"tcp\",\"range\":\"20000-65535\"}]");
    (void)hm_model_policy(&model, "a",
                          "\"ranges\":[{\"protocol\":\"tcp\",\"range\":\"10000-65535\"}],"
                          "\"reservations\":[{\"protocol\":\"udp\",\"ports\":\"1812\"}]");
    HM_MODEL_EXPECT(&model, "add_exclusion udp ipv4 1812; add_exclusion udp ipv6 1812");
    assert_int_equal(hm_model_count_notes(&model, HM_NOTE_REFUSED), 2);
    note = hm_model_note(&model, HM_NOTE_REFUSED, "a", 0);
    assert_int_equal(note->code, HM_REFUSE_CONTRADICTION);
    assert_non_null(strstr(note->text, "a and b"));
    assert_non_null(hm_model_note(&model, HM_NOTE_REFUSED, "b", 0));
    hm_model_fini(&model);
}

/* Exclusions must leave headroom in the range as the same plan leaves it. */
static void test_headroom_in_new_range(void **state)
{
    struct hm_model model;

    (void)state;
    hm_model_init(&model, SERVER_2019);
    (void)hm_model_policy(&model, "p",
                          "\"ranges\":[{\"protocol\":\"tcp\",\"range\":\"64512-65535\","
                          "\"headroom_min\":1000}],"
                          "\"reservations\":[{\"protocol\":\"tcp\",\"ports\":\"65000-65020\"}]");
    (void)hm_model_policy(&model, "q",
                          "\"reservations\":[{\"protocol\":\"tcp\",\"ports\":\"65030-65040\"}]");
    (void)hm_model_plan(&model);
    assert_int_equal(hm_model_note(&model, HM_NOTE_REFUSED, "p", 0)->code,
                     HM_REFUSE_WOULD_BREAK_HEADROOM);
    model.count = 1;
    HM_MODEL_EXPECT(&model,
                    "add_exclusion tcp ipv4 65000-65020; add_exclusion tcp ipv6 65000-65020; "
                    "set_range tcp ipv4 64512-65535; set_range tcp ipv6 64512-65535");
    hm_model_fini(&model);
}

/* Each addition takes its part of the headroom: 200 to 255 ports of 255, 63 must stay. */
static void test_headroom_adds_up(void **state)
{
    struct hm_model model;

    (void)state;
    hm_model_init(&model, SERVER_2019);
    hm_build_dynamic(&model.host, 50000, 50254);
    (void)hm_model_reserve(&model, "p", "tcp", "50000-50099,50110-50199");
    (void)hm_model_reserve(&model, "q", "tcp", "50201-50203");
    HM_MODEL_EXPECT(&model,
                    "add_exclusion tcp ipv4 50000-50099; add_exclusion tcp ipv4 50110-50199; "
                    "add_exclusion tcp ipv6 50000-50099; add_exclusion tcp ipv6 50110-50199");
    assert_int_equal(hm_model_count_notes(&model, HM_NOTE_REFUSED), 2);
    assert_string_equal(hm_model_note(&model, HM_NOTE_REFUSED, NULL, 0)->policy, "q");
    hm_model_fini(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_text_of_remembered),
        cmocka_unit_test(test_driver_where_settings_are_known),
        cmocka_unit_test(test_driver_port_where_settings_are_unknown),
        cmocka_unit_test(test_text_of_configured),
        cmocka_unit_test(test_stopped_web_server),
        cmocka_unit_test(test_hazard_of_absent_product),
        cmocka_unit_test(test_newest_revision_counts),
        cmocka_unit_test(test_explicit_binds_elsewhere),
        cmocka_unit_test(test_gates),
        cmocka_unit_test(test_range_of_two_policies),
        cmocka_unit_test(test_headroom_of_two_policies),
        cmocka_unit_test(test_too_many_takes_nothing_back),
        cmocka_unit_test(test_audit_keeps_expiry_removes),
        cmocka_unit_test(test_range_contradiction),
        cmocka_unit_test(test_headroom_in_new_range),
        cmocka_unit_test(test_headroom_adds_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
