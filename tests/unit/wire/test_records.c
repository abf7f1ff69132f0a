/* tests/unit/wire/test_records.c — documents as they travel: members, order, what is left out.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/wire/records.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/limits.h"

#define ARENA_BYTES (4u * 1024u * 1024u)

/* The form that people read in the manual. */
static const char inventory_text[] =
    "{\"os\":{\"family\":\"windows\",\"name\":\"Windows Server 2019 Standard\","
    "\"version\":\"10.0.17763\",\"revision\":5329,\"arch\":\"x86_64\",\"locale\":\"fr-FR\"},"
    "\"stacks\":[{\"protocol\":\"tcp\",\"family\":\"ipv4\",\"dynamic\":\"6005-65534\","
    "\"administered\":\"50000-50059\",\"runtime\":\"5357,5985,47001\"},"
    "{\"protocol\":\"udp\",\"family\":\"ipv6\",\"exclusions_unsupported\":true}],"
    "\"registry\":{\"reserved_ports\":[\"9469-9469\",\"9506-9507\"],\"max_user_port\":60000,"
    "\"tcp_timed_wait_delay_s\":60,\"dns_socket_pool\":{\"size\":2500,\"excluded\":\"\"}},"
    "\"listeners\":[{\"protocol\":\"tcp\",\"family\":\"ipv4\",\"address\":\"0.0.0.0\","
    "\"port\":9955,\"program\":\"Microsoft.Exchange.Pop3.exe\",\"service\":\"MSExchangePOP3BE\","
    "\"kind\":\"socket\"}],"
    "\"services\":[\"DNS\",\"MSExchangePOP3BE\"]}";

static void test_inventory(void **state)
{
    struct hm_arena arena;
    struct hm_inventory inventory;
    struct hm_decode_notes notes;
    struct hm_buf out;
    struct hm_err err = {.text = ""};

    (void)state;
    hm_arena_init(&arena, ARENA_BYTES);
    hm_buf_init(&out, ARENA_BYTES);
    assert_int_equal(hm_record_decode(&hm_record_inventory, inventory_text,
                                      sizeof(inventory_text) - 1, true, &arena, &inventory, &notes,
                                      &err),
                     HM_OK);
    assert_int_equal(inventory.os.revision, 5329);
    assert_int_equal(inventory.stacks.count, 2);
    assert_int_equal(inventory.stacks.at[0].has_runtime, true);
    assert_int_equal(inventory.stacks.at[0].runtime.count, 3);
    assert_int_equal(inventory.stacks.at[0].runtime.at[2].first, 47001);
    assert_int_equal(inventory.stacks.at[1].has_dynamic, false);
    assert_int_equal(inventory.stacks.at[1].has_administered, false);
    assert_int_equal(inventory.stacks.at[1].exclusions_unsupported, true);
    assert_int_equal(inventory.has_registry, true);
    assert_string_equal(inventory.registry.reserved_ports.at[1], "9506-9507");
    assert_int_equal(inventory.registry.has_hns, false);
    assert_int_equal(inventory.listeners.at[0].port, 9955);
    assert_string_equal(inventory.services.at[0], "DNS");
    assert_int_equal(hm_record_encode(&hm_record_inventory, &inventory, &out, &err), HM_OK);
    assert_string_equal(hm_buf_text(&out), inventory_text);
    hm_buf_fini(&out);
    hm_arena_fini(&arena);
}

/* Unknown and none are two things, on the wire too. */
static void test_unknown_is_not_none(void **state)
{
    struct hm_inventory inventory = {.os = {.family = HM_OS_LINUX}};
    struct hm_buf out;
    struct hm_err err;

    (void)state;
    hm_buf_init(&out, 4096);
    assert_int_equal(hm_record_encode(&hm_record_inventory, &inventory, &out, &err), HM_OK);
    assert_string_equal(hm_buf_text(&out), "{\"os\":{\"family\":\"linux\"},\"stacks\":[]}");
    hm_buf_reset(&out);
    inventory.has_services = true;
    inventory.has_listeners = true;
    inventory.has_registry = true;
    assert_int_equal(hm_record_encode(&hm_record_inventory, &inventory, &out, &err), HM_OK);
    assert_string_equal(hm_buf_text(&out), "{\"os\":{\"family\":\"linux\"},\"stacks\":[],"
                                           "\"registry\":{},\"listeners\":[],\"services\":[]}");
    hm_buf_fini(&out);
}

/* Three members share one "known": any of them means that the log was read. */
static void test_sample_events(void **state)
{
    static const struct {
        const char *text;
        bool has_events;
        uint32_t event_4231;
    } rows[] = {
        {"{\"stacks\":[]}",                                                    false, 0},
        {"{\"stacks\":[],\"event_4231\":7}",                                   true,  7},
        {"{\"stacks\":[],\"event_4227\":0,\"event_4231\":0,\"event_4266\":0}", true,  0},
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        struct hm_arena arena;
        struct hm_sample sample;
        struct hm_err err = {.text = ""};

        hm_arena_init(&arena, ARENA_BYTES);
        assert_int_equal(hm_record_decode(&hm_record_sample, rows[i].text, strlen(rows[i].text),
                                          true, &arena, &sample, NULL, &err),
                         HM_OK);
        assert_int_equal(sample.has_events, rows[i].has_events);
        assert_int_equal(sample.event_4231, rows[i].event_4231);
        hm_arena_fini(&arena);
    }
}

/* An unchanged host costs one small request. */
static void test_unchanged_checkin_is_small(void **state)
{
    const char *digest =
        "blake2b-256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    struct hm_checkin checkin = {
        .boot_id = "5f1c9c1e-6f0c-4d3a-9d7b-0f6f6f4f1a2b",
        .seq = 4242,
        .version = "0.1.0",
        .name = "PAR-EX-01",
        .documents = {true, {digest, false, 0}, true, {digest, false, 0}, false, {NULL, false, 0}},
    };
    struct hm_arena arena;
    struct hm_checkin again;
    struct hm_buf out;
    struct hm_err err = {.text = ""};

    (void)state;
    hm_arena_init(&arena, ARENA_BYTES);
    hm_buf_init(&out, HM_LIMIT_ENVELOPE_BYTES);
    assert_int_equal(hm_record_encode(&hm_record_checkin, &checkin, &out, &err), HM_OK);
    assert_in_range(out.len, 1, 400);
    assert_null(strchr(hm_buf_text(&out), '\n'));
    assert_int_equal(hm_record_decode(&hm_record_checkin, hm_buf_text(&out), out.len, true, &arena,
                                      &again, NULL, &err),
                     HM_OK);
    assert_int_equal(again.seq, 4242);
    assert_string_equal(again.documents.findings.digest, digest);
    assert_int_equal(again.documents.has_outcome, false);
    assert_int_equal(again.documents.inventory.has_bytes, false);
    assert_int_equal(again.has_sample, false);
    hm_buf_fini(&out);
    hm_arena_fini(&arena);
}

/* What hm_records says about itself: sorted, unique, each record of that name, rows that a
 * decoder can follow. */
static void test_list_of_records(void **state)
{
    (void)state;
    assert_int_equal(hm_records_count, 23);
    for (size_t i = 0; i < hm_records_count; i++) {
        const struct hm_record *record = hm_records[i].record;

        assert_string_equal(hm_records[i].name, record->name);
        assert_in_range(record->count, 1, 64);
        if (i > 0) {
            assert_true(strcmp(hm_records[i - 1].name, hm_records[i].name) < 0);
        }
        for (size_t row = 0; row < record->count; row++) {
            assert_true(record->fields[row].offset < record->size);
            assert_true(record->fields[row].help[0] != '\0');
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inventory),       cmocka_unit_test(test_unknown_is_not_none),
        cmocka_unit_test(test_sample_events),   cmocka_unit_test(test_unchanged_checkin_is_small),
        cmocka_unit_test(test_list_of_records),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
