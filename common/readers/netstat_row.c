/* common/readers/netstat_row.c — one row of netstat: its words, its two ends, its process id.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/readers/netstat_row.h"

#include <string.h>

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct hm_netstat_words hm_netstat_split(struct hm_span line)
{
    struct hm_netstat_words words = {0};
    size_t at = 0;

    while (at < line.len) {
        size_t end = at;

        while (end < line.len && !is_space(line.at[end])) {
            end++;
        }
        if (end > at && words.count < HM_NETSTAT_WORDS) {
            words.at[words.count] = (struct hm_span){line.at + at, end - at};
        }
        words.count += end > at && words.count <= HM_NETSTAT_WORDS ? 1 : 0;
        at = end + 1;
    }
    return words;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool hm_netstat_is_word(struct hm_span word, const char *text)
{
    return word.len == strlen(text) && memcmp(word.at, text, word.len) == 0;
}

/* Four decimal parts. */
static bool is_ipv4(struct hm_span text)
{
    size_t start = 0;
    unsigned parts = 0;

    for (size_t i = 0; i <= text.len; i++) {
        uint32_t part;

        if (i < text.len && text.at[i] != '.') {
            continue;
        }
        if (i - start > 3 || !hm_str_parse_u32(text.at + start, i - start, 255, &part)) {
            return false;
        }
        parts++;
        start = i + 1;
    }
    return parts == 4;
}

/* Digits of an IPv6 address and at most a zone behind '%'; netstat made it, so no more. */
static bool is_ipv6(struct hm_span text)
{
    const char *zone = text.len == 0 ? NULL : memchr(text.at, '%', text.len);
    size_t len = zone == NULL ? text.len : (size_t)(zone - text.at);
    size_t colons = 0;
    uint32_t number;

    for (size_t i = 0; i < len; i++) {
        if (text.at[i] == '\0' || strchr("0123456789abcdefABCDEF:.", text.at[i]) == NULL) {
            return false;
        }
        colons += text.at[i] == ':' ? 1 : 0;
    }
    return colons >= 2 &&
           (zone == NULL || hm_str_parse_u32(zone + 1, text.len - len - 1, UINT32_MAX, &number));
}

static bool parse_end_point(struct hm_span word, struct hm_netstat_end *out)
{
    size_t colon = word.len;
    uint32_t port;

    *out = (struct hm_netstat_end){.any = hm_netstat_is_word(word, "*:*")};
    if (out->any) {
        return true;
    }
    while (colon > 0 && word.at[colon - 1] != ':') {
        colon--;
    }
    if (colon < 2 ||
        !hm_str_parse_u32(word.at + colon, word.len - colon, HM_PORT_COUNT - 1, &port)) {
        return false;
    }
    out->port = (uint16_t)port;
    out->address = (struct hm_span){word.at, colon - 1};
    if (word.at[0] == '[' && word.at[colon - 2] == ']' && colon >= 3) {
        out->family = HM_IPV6;
        out->address = (struct hm_span){word.at + 1, colon - 3};
        return is_ipv6(out->address);
    }
    out->family = HM_IPV4;
    return is_ipv4(out->address);
}

bool hm_netstat_row_is_quiet(const struct hm_netstat_row *row)
{
    const struct hm_netstat_end *remote = &row->remote;

    return remote->any || remote->port == 0 || hm_netstat_is_word(remote->address, "0.0.0.0") ||
           hm_netstat_is_word(remote->address, "::");
}

const char *hm_netstat_row_read(const struct hm_netstat_words *words, struct hm_netstat_row *row)
{
    size_t last = words->count - 1;
    uint32_t number;

    if (words->count > HM_NETSTAT_WORDS) {
        return "too many words for a row of netstat -ano";
    }
    if (words->count < 3 || (row->protocol == HM_UDP && words->count > 4)) {
        return "a row needs local address, remote address, state (TCP) and process id; run "
               "netstat -ano";
    }
    if (!parse_end_point(words->at[1], &row->local) || row->local.any) {
        return "the local address is no 'address:port'; run netstat with -n";
    }
    if (!parse_end_point(words->at[2], &row->remote)) {
        return "the remote address is no 'address:port'; run netstat with -n";
    }
    if (!row->remote.any && row->remote.family != row->local.family) {
        return "local and remote address are of different families";
    }
    row->remote_text = words->at[2];
    row->state = (struct hm_span){"", 0};
    row->has_pid = last > 2 && is_digit(words->at[last].at[0]);
    if (row->has_pid &&
        !hm_str_parse_u32(words->at[last].at, words->at[last].len, UINT32_MAX, &row->pid)) {
        return "the row does not end in a process id; run netstat with -o";
    }
    if (row->protocol == HM_UDP && words->count == 4 && !row->has_pid) {
        return "a word where the process id should be";
    }
    last -= row->has_pid ? 1 : 0;
    for (size_t i = 3; i <= last; i++) {
        if (hm_str_parse_u32(words->at[i].at, words->at[i].len, UINT32_MAX, &number)) {
            return "a number where the state should be";
        }
    }
    if (last >= 3) {
        const char *end = words->at[last].at + words->at[last].len;

        row->state = (struct hm_span){words->at[3].at, (size_t)(end - words->at[3].at)};
    }
    return NULL;
}
