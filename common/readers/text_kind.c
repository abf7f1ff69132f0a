/* common/readers/text_kind.c — what a text is that its reader refuses: perhaps another file's.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/readers/text_kind.h"

#include <string.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/limits.h"
#include "common/readers/netsh_text.h"
#include "common/readers/netstat_text.h"
#include "common/readers/reg_text.h"
#include "common/readers/sysctl_ports.h"
#include "common/readers/tasklist_text.h"

#define ARENA_BYTES (32u * HM_LIMIT_INPUT_FILE_BYTES)
#define FIELDS_MIN 4     /* tasklist /fo csv without /svc has five, with /v nine */
#define COLUMNS_MIN 3    /* groups of '=' under the heading of a table */
#define LIST_LINES_MIN 3 /* "label: value" lines of one process in /fo list */

const char *const hm_text_kind_names[HM_TEXT_KIND_COUNT] = {
    "something that this program does not know",
    "JSON",
    "a registry export",
    "a dynamic port range (netsh show dynamicport)",
    "a list of excluded ports (netsh show excludedportrange)",
    "a list of sockets (netstat)",
    "a list of processes (tasklist /svc /fo csv)",
    "a list of processes that is not of tasklist /svc /fo csv",
    "settings of Linux (sysctl)",
    "a value of Linux without its name (sysctl -n)",
    "a message that access was denied when it was gathered (run collect.cmd as an administrator)",
    "properties as PowerShell lists them, which is not what the command of that name prints",
};

static bool is_json(struct hm_span text, struct hm_arena *arena)
{
    struct hm_span shown = hm_str_trim(text.at, text.len);

    (void)arena;
    return shown.len > 1 && ((shown.at[0] == '{' && shown.at[shown.len - 1] == '}') ||
                             (shown.at[0] == '[' && shown.at[shown.len - 1] == ']' &&
                              strchr("{\"]", shown.at[1]) != NULL));
}

static bool is_registry(struct hm_span text, struct hm_arena *arena)
{
    struct hm_reg reg;

    return hm_reg_parse(text.at, text.len, arena, &reg, NULL) == HM_OK;
}

static bool is_dynamic(struct hm_span text, struct hm_arena *arena)
{
    struct hm_range range;

    (void)arena;
    return hm_netsh_parse_dynamic(text.at, text.len, &range, NULL) == HM_OK;
}

static bool is_one_line(struct hm_span shown)
{
    return memchr(shown.at, '\n', shown.len) == NULL && memchr(shown.at, '\r', shown.len) == NULL;
}

/* A row alone is not: two numbers are a range as "sysctl -n" prints it. */
static bool is_excluded(struct hm_span text, struct hm_arena *arena)
{
    const struct hm_span shown = hm_str_trim(text.at, text.len);
    struct hm_ports administered;
    struct hm_ports runtime;

    return shown.len > 0 && !is_one_line(shown) &&
           hm_netsh_parse_excluded(text.at, text.len, arena, &administered, &runtime, NULL) ==
               HM_OK;
}

static bool is_sysctl_value(struct hm_span text, struct hm_arena *arena)
{
    const struct hm_span shown = hm_str_trim(text.at, text.len);

    (void)arena;
    if (shown.len == 0 || !is_one_line(shown)) {
        return false;
    }
    for (size_t i = 0; i < shown.len; i++) {
        if ((shown.at[i] < '0' || shown.at[i] > '9') && shown.at[i] != '\t') {
            return false;
        }
    }
    return memchr(shown.at, '\t', shown.len) != NULL;
}

static bool is_netstat(struct hm_span text, struct hm_arena *arena)
{
    struct hm_netstat netstat;

    return hm_netstat_parse(text.at, text.len, arena, &netstat, NULL) == HM_OK;
}

static bool is_tasklist(struct hm_span text, struct hm_arena *arena)
{
    struct hm_tasks tasks;

    return hm_tasklist_parse(text.at, text.len, arena, &tasks, NULL) == HM_OK;
}

static bool is_sysctl(struct hm_span text, struct hm_arena *arena)
{
    struct hm_sysctl_ports ports;

    return hm_sysctl_parse(text.at, text.len, arena, &ports, NULL) == HM_OK &&
           (ports.has_range || ports.has_reserved);
}

/* ---- tasklist as it should not be ------------------------------------------------------------ */

static bool is_number(struct hm_span text)
{
    uint32_t number;

    return hm_str_parse_u32(text.at, text.len, UINT32_MAX, &number);
}

/* "a","1","b","c"[,...], or three fields with libraries in the last (/m). */
static bool is_other_csv_row(struct hm_span line)
{
    struct hm_span second = {"", 0};
    struct hm_span last = {"", 0};
    size_t fields = 0;
    size_t at = 0;

    while (at < line.len && line.at[at] == '"') {
        size_t end = at + 1;

        while (end < line.len && line.at[end] != '"') {
            end++;
        }
        if (end == line.len) {
            return false;
        }
        last = (struct hm_span){line.at + at + 1, end - at - 1};
        fields++;
        second = fields == 2 ? last : second;
        at = end + 1;
        if (at < line.len && line.at[at++] != ',') {
            return false;
        }
    }
    return at >= line.len && is_number(second) &&
           (fields >= FIELDS_MIN || (fields == FIELDS_MIN - 1 && last.len > 4 &&
                                     memcmp(last.at + last.len - 4, ".dll", 4) == 0));
}

/* "========= ======== ====". */
static bool is_table_rule(struct hm_span line)
{
    size_t groups = 0;

    for (size_t i = 0; i < line.len; i++) {
        if (line.at[i] != '=' && line.at[i] != ' ') {
            return false;
        }
        groups += line.at[i] == '=' && (i == 0 || line.at[i - 1] == ' ') ? 1 : 0;
    }
    return groups >= COLUMNS_MIN;
}

/* The first lines are "label: value", and the second value is a process id. */
static bool is_list_format(struct hm_span rest)
{
    struct hm_span line;
    unsigned lines = 0;

    while (hm_str_next_line(&rest, &line)) {
        struct hm_span shown = hm_str_trim(line.at, line.len);
        const char *colon = shown.len == 0 ? NULL : memchr(shown.at, ':', shown.len);

        if (shown.len == 0 && lines == 0) {
            continue;
        }
        if (colon == NULL || colon == shown.at) {
            break;
        }
        lines++;
        if (lines == 2) {
            size_t behind = (size_t)(colon - shown.at) + 1;

            if (!is_number(hm_str_trim(shown.at + behind, shown.len - behind))) {
                return false;
            }
        }
    }
    return lines >= LIST_LINES_MIN;
}

static bool is_tasklist_other(struct hm_span text, struct hm_arena *arena)
{
    struct hm_span rest = text;
    struct hm_span line;
    unsigned rows = 0;

    (void)arena;
    while (hm_str_next_line(&rest, &line)) {
        struct hm_span shown = hm_str_trim(line.at, line.len);

        if (shown.len == 0) {
            continue;
        }
        if (is_table_rule(shown)) {
            return true;
        }
        rows++;
        if (is_other_csv_row(shown)) {
            return true; /* a heading at most stood before */
        }
        if (rows == 2) {
            break;
        }
    }
    return is_list_format(text);
}

/* ---- messages in place of a listing -----------------------------------------------------------
 */

#define MESSAGE_BYTES 400u /* a message is short; a listing that ends with one is none */

/* The text of error 5 in the languages of the tools, and what asks for more rights. */
static const char *const denials[] = {
    "ccess is denied",
    "ccess denied",
    "equires elevation",
    "erweigert",
    "erfordert erh",
    "cceso denegado",
    "equiere elevaci",
    "cc\xc3\xa8s refus",
    "cc\xc3\xa8s est refus",
    "ccesso negato",
    "cesso negado",
    "oegang geweigerd",
    "dmowa dost",
    "\xc5\x99\xc3\xadstup byl odep",
    "tkaz\xc3\xa1no v p",
    "\xd1\x82\xd0\xba\xd0\xb0\xd0\xb7\xd0\xb0\xd0\xbd\xd0\xbe \xd0\xb2 "
    "\xd0\xb4\xd0\xbe\xd1\x81\xd1\x82\xd1\x83\xd0\xbf\xd0\xb5", /* Russian */
    "\xe3\x82\xa2\xe3\x82\xaf\xe3\x82\xbb\xe3\x82\xb9\xe3\x81\x8c\xe6\x8b\x92\xe5\x90"
    "\xa6",                                             /* Japanese
                                                         */
    "\xe6\x8b\x92\xe7\xbb\x9d\xe8\xae\xbf\xe9\x97\xae", /* simplified Chinese */
    "\xe5\xad\x98\xe5\x8f\x96\xe8\xa2\xab\xe6\x8b\x92", /* traditional Chinese */
    "\xec\x95\xa1\xec\x84\xb8\xec\x8a\xa4\xea\xb0\x80 \xea\xb1\xb0\xeb\xb6\x80", /* Korean
                                                                                  */
};

static bool has_text(struct hm_span text, const char *part)
{
    const size_t len = strlen(part);

    for (size_t i = 0; i + len <= text.len; i++) {
        if (memcmp(text.at + i, part, len) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_denied(struct hm_span text, struct hm_arena *arena)
{
    const struct hm_span shown = hm_str_trim(text.at, text.len);

    (void)arena;
    if (shown.len <= MESSAGE_BYTES && has_text(shown, "[SC]") && has_text(shown, " 5:")) {
        return true; /* sc, in every language */
    }
    for (size_t i = 0; shown.len <= MESSAGE_BYTES && i < HM_COUNT(denials); i++) {
        if (has_text(shown, denials[i])) {
            return true;
        }
    }
    return false;
}

/* ---- PowerShell ------------------------------------------------------------------------------ */

#define PROPERTIES_MIN 2

/* "DynamicPortRangeStartPort     : 1024": a name in ASCII without spaces, and " : ". */
static bool is_property(struct hm_span line)
{
    size_t len = 0;

    while (len < line.len && ((line.at[len] >= 'A' && line.at[len] <= 'Z') ||
                              (line.at[len] >= 'a' && line.at[len] <= 'z') ||
                              (len > 0 && line.at[len] >= '0' && line.at[len] <= '9'))) {
        len++;
    }
    if (len == 0 || len == line.len || line.at[len] != ' ') {
        return false;
    }
    while (len < line.len && line.at[len] == ' ') {
        len++;
    }
    return len < line.len && line.at[len] == ':' &&
           (len + 1 == line.len || line.at[len + 1] == ' ');
}

static bool is_powershell(struct hm_span text, struct hm_arena *arena)
{
    struct hm_span rest = text;
    struct hm_span line;
    size_t properties = 0;

    (void)arena;
    while (hm_str_next_line(&rest, &line)) {
        const struct hm_span shown = hm_str_trim(line.at, line.len);

        if (shown.len > 0 && !is_property(shown)) {
            return false;
        }
        properties += shown.len > 0;
    }
    return properties >= PROPERTIES_MIN;
}

/* ---- all ------------------------------------------------------------------------------------- */

struct kind_row {
    enum hm_text_kind kind;
    bool (*is)(struct hm_span text, struct hm_arena *arena);
};

static const struct kind_row kinds[] = {
    {HM_TEXT_JSON,           is_json          },
    {HM_TEXT_REGISTRY,       is_registry      },
    {HM_TEXT_DYNAMIC,        is_dynamic       },
    {HM_TEXT_NETSTAT,        is_netstat       },
    {HM_TEXT_TASKLIST,       is_tasklist      },
    {HM_TEXT_DENIED,         is_denied        },
    {HM_TEXT_POWERSHELL,     is_powershell    },
    {HM_TEXT_TASKLIST_OTHER, is_tasklist_other},
    {HM_TEXT_SYSCTL,         is_sysctl        },
    {HM_TEXT_SYSCTL_VALUE,   is_sysctl_value  },
    {HM_TEXT_EXCLUDED,       is_excluded      }, /* the least particular reader comes last */
};

enum hm_text_kind hm_text_kind(struct hm_span text)
{
    enum hm_text_kind found = HM_TEXT_UNKNOWN;

    for (size_t i = 0; found == HM_TEXT_UNKNOWN && i < HM_COUNT(kinds); i++) {
        struct hm_arena arena;

        hm_arena_init(&arena, ARENA_BYTES);
        if (kinds[i].is(text, &arena)) {
            found = kinds[i].kind;
        }
        hm_arena_fini(&arena);
    }
    return found;
}
