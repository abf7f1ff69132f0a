/* tests/fuzz/fuzz_yaml.c — YAML of people: what is taken is written as YAML and read again the
 * same. The first byte chooses the record.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "common/base/limits.h"
#include "common/wire/records.h"
#include "common/wire/records_policies.h"
#include "server/hmctl/yaml.h"

struct one {
    const struct hm_record *record;
    struct hm_arena arena;
    void *made;
};

static void encode(const struct one *one, struct hm_buf *out)
{
    struct hm_err err = {.text = ""};

    hm_buf_init(out, HM_LIMIT_REPLY_BYTES);
    HM_MUST(hm_record_encode(one->record, one->made, out, &err) == HM_OK);
}

static void check_again(struct one *one)
{
    struct hm_err err = {.text = ""};
    struct hm_buf first;
    struct hm_buf yaml;
    struct hm_buf second;
    enum hm_status st;

    encode(one, &first);
    hm_buf_init(&yaml, HM_LIMIT_REPLY_BYTES);
    HM_MUST(hm_json_to_yaml(first.data, first.len, &yaml, &err) == HM_OK);
    st = hm_yaml_decode(one->record, yaml.data, yaml.len, &one->arena, one->made, &err);
    if (st != HM_OK) {
        (void)fprintf(stderr, "%s\n", err.text);
    }
    HM_MUST(st == HM_OK);
    encode(one, &second);
    HM_MUST(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
    hm_buf_fini(&second);
    hm_buf_fini(&yaml);
    hm_buf_fini(&first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct hm_record *const records[] = {&hm_record_policy, &hm_record_inventory,
                                                      &hm_record_api_plan_new};
    struct one one = {.record = size > 0 ? records[data[0] % HM_COUNT(records)] : NULL};
    struct hm_err err = {.text = ""};

    if (size == 0) {
        return 0;
    }
    hm_arena_init(&one.arena, HM_LIMIT_REQUEST_ARENA_BYTES);
    one.made = hm_arena_alloc(&one.arena, 1, one.record->size);
    HM_MUST(one.made != NULL);
    if (hm_yaml_decode(one.record, (const char *)data + 1, size - 1, &one.arena, one.made, &err) ==
        HM_OK) {
        check_again(&one);
    } else {
        HM_MUST(err.text[0] != '\0');
    }
    hm_arena_fini(&one.arena);
    return 0;
}
