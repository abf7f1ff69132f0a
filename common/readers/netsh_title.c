/* common/readers/netsh_title.c — what a port listing of netsh says that it is about.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/readers/netsh_title.h"

#include <string.h>

#include "common/readers/input_text.h"

#define LINE_OF_DASHES "---"

static bool is_alphanumeric(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Is the word there, between other characters than ASCII letters and digits? */
static bool names(struct hm_span line, const char *word)
{
    size_t len = strlen(word);

    for (size_t i = 0; i + len <= line.len; i++) {
        bool same = (i == 0 || !is_alphanumeric(line.at[i - 1])) &&
                    (i + len == line.len || !is_alphanumeric(line.at[i + len]));

        for (size_t k = 0; same && k < len; k++) {
            char c = line.at[i + k];

            same = (c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c) == word[k];
        }
        if (same) {
            return true;
        }
    }
    return false;
}

/* Which of two words the line names; -1 when none or both. */
static int which(struct hm_span line, const char *const words[2])
{
    bool first = names(line, words[0]);
    bool second = names(line, words[1]);

    return first == second ? -1 : second ? 1 : 0;
}

struct hm_netsh_title hm_netsh_read_title(struct hm_span text)
{
    struct hm_netsh_title title = {0};
    struct hm_span rest = text;
    struct hm_span line;

    while (hm_str_next_line(&rest, &line)) {
        struct hm_span shown = hm_input_unquote(line);
        int protocol = which(shown, hm_protocol_names);
        int family = which(shown, hm_family_names);

        if (shown.len > 0 && shown.at[0] >= '0' && shown.at[0] <= '9') {
            break;
        }
        if (shown.len >= strlen(LINE_OF_DASHES) &&
            memcmp(shown.at, LINE_OF_DASHES, strlen(LINE_OF_DASHES)) == 0) {
            title.heading_only = hm_str_trim(rest.at, rest.len).len == 0;
            break;
        }
        if (protocol >= 0) {
            title.has_protocol = true;
            title.protocol = (enum hm_protocol)protocol;
        }
        if (family >= 0) {
            title.has_family = true;
            title.family = (enum hm_family)family;
        }
    }
    return title;
}
