/* tests/fuzz/fuzz_records.c — documents: what is taken is written, read and written again the
 * same. The first byte chooses the record and whether unknown members are refused.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/wire/records.h"

#define PAD_BYTES (64u * 1024u) /* documents from this size on are read value by value */

/* With white space behind it: the same outcome, and the same record. expected NULL: refused. */
static void check_padded(const struct hm_record *record, bool strict, const char *text, size_t len,
                         const struct hm_buf *expected)
{
    char *padded = malloc(len + PAD_BYTES);
    struct hm_err err = {.text = ""};
    struct hm_arena arena;
    struct hm_buf again;
    enum hm_status st;
    void *made;

    hm_arena_init(&arena, HM_LIMIT_REQUEST_ARENA_BYTES);
    hm_buf_init(&again, HM_LIMIT_REPLY_BYTES);
    made = hm_arena_alloc(&arena, 1, record->size);
    HM_MUST(padded != NULL && made != NULL);
    if (len > 0) {
        memcpy(padded, text, len);
    }
    memset(padded + len, ' ', PAD_BYTES);
    st = hm_record_decode(record, padded, len + PAD_BYTES, strict, &arena, made, NULL, &err);
    HM_MUST((st == HM_OK) == (expected != NULL));
    if (expected != NULL) {
        HM_MUST(hm_record_encode(record, made, &again, &err) == HM_OK);
        HM_MUST(again.len == expected->len && memcmp(again.data, expected->data, again.len) == 0);
    }
    hm_buf_fini(&again);
    hm_arena_fini(&arena);
    free(padded);
}

static void check_record(const struct hm_record *record, bool strict, const char *text, size_t len)
{
    struct hm_arena arena;
    struct hm_buf first;
    struct hm_buf second;
    struct hm_err err = {.text = ""};
    void *made;

    hm_arena_init(&arena, HM_LIMIT_REQUEST_ARENA_BYTES);
    hm_buf_init(&first, HM_LIMIT_REPLY_BYTES);
    hm_buf_init(&second, HM_LIMIT_REPLY_BYTES);
    made = hm_arena_alloc(&arena, 1, record->size);
    HM_MUST(made != NULL);
    if (hm_record_decode(record, text, len, strict, &arena, made, NULL, &err) != HM_OK) {
        HM_MUST(err.text[0] != '\0');
        check_padded(record, strict, text, len, NULL);
        goto done;
    }
    HM_MUST(hm_record_encode(record, made, &first, &err) == HM_OK);
    check_padded(record, strict, text, len, &first);
    HM_MUST(hm_record_decode(record, first.data, first.len, true, &arena, made, NULL, &err) ==
            HM_OK);
    HM_MUST(hm_record_encode(record, made, &second, &err) == HM_OK);
    HM_MUST(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
    hm_buf_reset(&second);
    HM_MUST(hm_record_encode_pretty(record, made, &second, &err) == HM_OK);
    HM_MUST(hm_record_decode(record, second.data, second.len, true, &arena, made, NULL, &err) ==
            HM_OK);
    hm_buf_reset(&second);
    HM_MUST(hm_record_encode(record, made, &second, &err) == HM_OK);
    HM_MUST(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
done:
    hm_buf_fini(&second);
    hm_buf_fini(&first);
    hm_arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0) {
        check_record(hm_records[data[0] % hm_records_count].record, data[0] >= 0x80,
                     (const char *)data + 1, size - 1);
    }
    return 0;
}
