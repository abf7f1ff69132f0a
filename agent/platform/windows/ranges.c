/* agent/platform/windows/ranges.c — the dynamic ranges as WMI tells them, asked in a child.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The documented interface of Windows 8, Server 2012 and later. Its values repeat for each
 * template, and it does not tell families apart. */
#include "agent/platform/windows/windows.h"

#include <string.h>

#include "agent/platform/host.h"
#include "common/base/str.h"

#define TIMEOUT_MS 20000
#define OPINIONS_MAX (2u * HM_WMI_PAIRS_MAX)

static const struct {
    const wchar_t *query;
    const char *source;
} classes[] = {
    [HM_TCP] = {L"SELECT * FROM MSFT_NetTCPSetting", "WMI class MSFT_NetTCPSetting"},
    [HM_UDP] = {L"SELECT * FROM MSFT_NetUDPSetting", "WMI class MSFT_NetUDPSetting"},
};

enum hm_status hm_host_ranges(struct hm_arena *arena, struct hm_range_opinions *out_opinions,
                              struct hm_err *err)
{
    struct hm_range_opinion *at = hm_arena_alloc(arena, OPINIONS_MAX, sizeof(*at));
    size_t count = 0;

    if (at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the port ranges");
    }
    for (unsigned i = 0; i < HM_COUNT(classes); i++) {
        struct hm_wmi_pairs pairs;
        enum hm_status st =
            hm_wmi_list(L"ROOT\\StandardCimv2", classes[i].query, L"DynamicPortRangeStartPort",
                        L"DynamicPortRangeNumberOfPorts", arena, &pairs, err);

        if (st != HM_OK) {
            return st;
        }
        for (size_t j = 0; j < pairs.count; j++) {
            const struct hm_wmi_pair pair = pairs.at[j];

            if (pair.first > 0 && pair.second > 0 && pair.first < HM_PORT_COUNT &&
                pair.second <= HM_PORT_COUNT - pair.first) {
                at[count++] = (struct hm_range_opinion){
                    (enum hm_protocol)i,
                    classes[i].source,
                    {(uint16_t)pair.first, (uint16_t)(pair.first + pair.second - 1)}
                };
            }
        }
    }
    *out_opinions = (struct hm_range_opinions){at, count};
    return HM_OK;
}

/* "tcp 49152-65535" */
static bool read_line(struct hm_span line, struct hm_range_opinion *out)
{
    const char *space = memchr(line.at, ' ', line.len);
    const char *dash = memchr(line.at, '-', line.len);
    const char *end = line.at + line.len;
    uint32_t first;
    uint32_t last;

    if (space == NULL || dash == NULL || dash < space ||
        !hm_str_parse_u32(space + 1, (size_t)(dash - space) - 1, HM_PORT_COUNT - 1, &first) ||
        !hm_str_parse_u32(dash + 1, (size_t)(end - dash) - 1, HM_PORT_COUNT - 1, &last) ||
        first == 0 || last < first) {
        return false;
    }
    for (unsigned i = 0; i < HM_COUNT(classes); i++) {
        const char *name = hm_protocol_names[i];

        if (strlen(name) == (size_t)(space - line.at) && memcmp(name, line.at, strlen(name)) == 0) {
            *out = (struct hm_range_opinion){
                (enum hm_protocol)i, classes[i].source, {(uint16_t)first, (uint16_t)last}
            };
            return true;
        }
    }
    return false;
}

enum hm_status hm_windows_read_ranges(const char *text, size_t len, struct hm_arena *arena,
                                      struct hm_range_opinions *out_opinions, struct hm_err *err)
{
    struct hm_range_opinion *at = hm_arena_alloc(arena, OPINIONS_MAX, sizeof(*at));
    struct hm_span rest = {text, len};
    struct hm_span line;
    size_t count = 0;

    if (at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the port ranges");
    }
    while (count < OPINIONS_MAX && hm_str_next_line(&rest, &line)) {
        if (read_line(line, &at[count])) {
            count++;
        }
    }
    *out_opinions = (struct hm_range_opinions){at, count};
    return HM_OK;
}

/* The agent next to this program: a test's own program has no verbs. */
static bool find_agent(wchar_t path[MAX_PATH])
{
    static const wchar_t name[] = L"hm-agent.exe";
    DWORD len = GetModuleFileNameW(NULL, path, MAX_PATH);
    wchar_t *slash = len > 0 && len < MAX_PATH ? wcsrchr(path, L'\\') : NULL;

    if (slash == NULL || (size_t)(slash + 1 - path) + HM_COUNT(name) > MAX_PATH) {
        return false;
    }
    memcpy(slash + 1, name, sizeof(name));
    return true;
}

enum hm_status hm_windows_ask_ranges(struct hm_arena *arena, struct hm_range_opinions *out_opinions,
                                     struct hm_err *err)
{
    static const wchar_t *const words[] = {L"ranges"};
    struct hm_child_result result = {.output = ""};
    wchar_t program[MAX_PATH];
    struct hm_err why;
    enum hm_status st;

    if (!find_agent(program)) {
        *out_opinions = (struct hm_range_opinions){NULL, 0};
        return HM_OK;
    }
    st = hm_child_run(program, words, HM_COUNT(words), TIMEOUT_MS, arena, &result, &why);
    if (st == HM_ENOMEM) {
        return hm_fail(err, st, "no memory for the port ranges");
    }
    if (st != HM_OK || result.exit_status != 0) {
        result = (struct hm_child_result){.output = ""};
    }
    return hm_windows_read_ranges(result.output, result.len, arena, out_opinions, err);
}
