/* server/hmctl/diff.c — two texts, line by line: the longest common subsequence.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/hmctl/diff.h"

#include <string.h>

struct lines {
    const char **at;
    size_t count;
};

static enum hm_status split(const char *text, struct hm_arena *arena, struct lines *out,
                            struct hm_err *err)
{
    size_t room = 0;

    *out = (struct lines){NULL, 0};
    while (*text != '\0') {
        const size_t len = strcspn(text, "\n");
        const char *line = hm_arena_strndup(arena, text, len);

        if (out->count == HM_DIFF_LINES) {
            return hm_fail(err, HM_ETOOBIG, "more than %u lines", HM_DIFF_LINES);
        }
        if (line == NULL ||
            hm_arena_grow(arena, (void **)&out->at, out->count, &room, sizeof(*out->at)) != 0) {
            return hm_fail(err, HM_ENOMEM, "no memory to compare");
        }
        out->at[out->count++] = line;
        text += len + (text[len] == '\n' ? 1 : 0);
    }
    return HM_OK;
}

static void print_line(const struct hm_output *output, const char *mark, const char *line)
{
    (void)fputs(mark, output->out);
    hm_output_plain(output, line);
}

enum hm_status hm_diff_print(const struct hm_output *output, const char *before, const char *after,
                             struct hm_arena *arena, bool *out_differ, struct hm_err *err)
{
    struct lines a;
    struct lines b;
    uint16_t *common; /* [i][k]: longest common rest of a from i and b from k */
    size_t width;
    size_t i = 0;
    size_t k = 0;
    enum hm_status st = split(before, arena, &a, err);

    if (st == HM_OK) {
        st = split(after, arena, &b, err);
    }
    if (st != HM_OK) {
        return st;
    }
    *out_differ = strcmp(before, after) != 0;
    if (!*out_differ) {
        return HM_OK;
    }
    width = b.count + 1;
    common = hm_arena_alloc(arena, (a.count + 1) * width, sizeof(*common));
    if (common == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory to compare");
    }
    for (size_t x = a.count; x-- > 0;) {
        for (size_t y = b.count; y-- > 0;) {
            const uint16_t down = common[(x + 1) * width + y];
            const uint16_t right = common[x * width + y + 1];

            common[x * width + y] = strcmp(a.at[x], b.at[y]) == 0
                                        ? (uint16_t)(common[(x + 1) * width + y + 1] + 1)
                                        : (down > right ? down : right);
        }
    }
    while (i < a.count || k < b.count) {
        if (i < a.count && k < b.count && strcmp(a.at[i], b.at[k]) == 0) {
            print_line(output, "  ", a.at[i++]);
            k++;
        } else if (k == b.count ||
                   (i < a.count && common[(i + 1) * width + k] >= common[i * width + k + 1])) {
            print_line(output, "- ", a.at[i++]);
        } else {
            print_line(output, "+ ", b.at[k++]);
        }
    }
    return HM_OK;
}
