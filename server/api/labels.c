/* server/api/labels.c — labels of hosts: "site=paris".
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/api/labels.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"

#define NAME_LETTERS                                                                               \
    "abcdefghijklmnopqrstuvwxyz"                                                                   \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/"

static bool has_control(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f) {
            return true;
        }
    }
    return false;
}

enum hm_status hm_labels_check(const struct hm_strings *labels, struct hm_err *err)
{
    for (size_t i = 0; i < labels->count; i++) {
        size_t name = strspn(labels->at[i], NAME_LETTERS);

        if (name == 0 || labels->at[i][name] != '=' || labels->at[i][name + 1] == '\0' ||
            has_control(labels->at[i] + name)) {
            return hm_fail_code(err, HM_EINVAL, "bad_label",
                                "label %zu: write NAME=VALUE, the name in letters, digits and "
                                "._-/, the value without control characters",
                                i + 1);
        }
    }
    return HM_OK;
}

enum hm_status hm_labels_copy(const struct hm_strings *labels, struct hm_arena *arena,
                              struct hm_strings *out_labels, struct hm_err *err)
{
    const char **at = hm_arena_alloc(arena, labels->count, sizeof(*at));

    for (size_t i = 0; at != NULL && i < labels->count; i++) {
        at[i] = hm_arena_strdup(arena, labels->at[i]);
        if (at[i] == NULL) {
            at = NULL;
        }
    }
    if (at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for labels");
    }
    *out_labels = (struct hm_strings){at, labels->count};
    return HM_OK;
}

static bool has_name(const struct hm_strings *labels, const char *label)
{
    size_t len = strcspn(label, "=") + 1;

    for (size_t i = 0; i < labels->count; i++) {
        if (strncmp(labels->at[i], label, len) == 0) {
            return true;
        }
    }
    return false;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

enum hm_status hm_labels_merge(const struct hm_strings *first, const struct hm_strings *second,
                               struct hm_arena *arena, struct hm_strings *out_labels,
                               struct hm_err *err)
{
    struct hm_strings merged = {
        hm_arena_alloc(arena, first->count + second->count, sizeof(*merged.at)), 0};
    const struct hm_strings *const lists[] = {first, second};

    if (merged.at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for labels");
    }
    for (size_t l = 0; l < HM_COUNT(lists); l++) {
        for (size_t i = 0; i < lists[l]->count; i++) {
            if (!has_name(&merged, lists[l]->at[i])) {
                merged.at[merged.count++] = lists[l]->at[i];
            }
        }
    }
    if (merged.count > HM_LIMIT_LABELS) {
        return hm_fail_code(err, HM_ETOOBIG, "too_big", "a host has at most %u labels",
                            HM_LIMIT_LABELS);
    }
    qsort(merged.at, merged.count, sizeof(*merged.at), compare);
    *out_labels = merged;
    return HM_OK;
}
