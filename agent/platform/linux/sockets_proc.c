/* agent/platform/linux/sockets_proc.c — every socket of this network namespace, from /proc/net.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For kernels and containers where sock_diag is not there. Line format: kernel
 * Documentation/networking/proc_net_tcp.rst. */
#include "agent/platform/linux/linux.h"

#include <stdio.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/os/os.h"

#define TABLE_BYTES (48u * 1024u * 1024u) /* HM_LIMIT_SOCKETS lines of IPv6 */

struct table {
    const char *path;
    enum hm_protocol protocol;
    bool ipv6;
};

static const struct table tables[] = {
    {"/proc/net/tcp",  HM_TCP, false},
    {"/proc/net/tcp6", HM_TCP, true },
    {"/proc/net/udp",  HM_UDP, false},
    {"/proc/net/udp6", HM_UDP, true },
};

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Exactly so many hexadecimal digits. */
static bool parse_hex(const char *at, size_t len, size_t digits, uint32_t *out_value)
{
    uint32_t value = 0;

    if (len < digits) {
        return false;
    }
    for (size_t i = 0; i < digits; i++) {
        int digit = hex_digit(at[i]);

        if (digit < 0) {
            return false;
        }
        value = value << 4 | (uint32_t)digit;
    }
    *out_value = value;
    return true;
}

static bool next_word(struct hm_span *rest, struct hm_span *out_word)
{
    size_t start = 0;
    size_t end;

    while (start < rest->len && rest->at[start] == ' ') {
        start++;
    }
    end = start;
    while (end < rest->len && rest->at[end] != ' ') {
        end++;
    }
    *out_word = (struct hm_span){rest->at + start, end - start};
    rest->at += end;
    rest->len -= end;
    return out_word->len > 0;
}

/* "0100007F:1F90": the kernel prints each 32-bit word of the address as the processor reads it. */
static bool parse_endpoint(struct hm_span word, bool ipv6, unsigned char address[16],
                           uint16_t *out_port)
{
    size_t words = ipv6 ? 4 : 1;
    uint32_t value;

    if (word.len != words * 8 + 5 || word.at[words * 8] != ':') {
        return false;
    }
    for (size_t i = 0; i < words; i++) {
        if (!parse_hex(word.at + i * 8, 8, 8, &value)) {
            return false;
        }
        memcpy(address + i * 4, &value, sizeof(value));
    }
    if (!parse_hex(word.at + words * 8 + 1, 4, 4, &value)) {
        return false;
    }
    *out_port = (uint16_t)value;
    return true;
}

bool hm_linux_proc_net_line(const char *line, size_t len, enum hm_protocol protocol, bool ipv6,
                            struct hm_linux_raw *out_raw)
{
    struct hm_linux_raw raw = {.protocol = protocol, .ipv6 = ipv6};
    struct hm_span rest = {line, len};
    struct hm_span words[10]; /* number, local, remote, state, queues, timer, retransmits, user,
                                 timeout, inode */
    uint32_t state;

    for (size_t i = 0; i < HM_COUNT(words); i++) {
        if (!next_word(&rest, &words[i])) {
            return false;
        }
    }
    if (!parse_endpoint(words[1], ipv6, raw.local, &raw.local_port) ||
        !parse_endpoint(words[2], ipv6, raw.remote, &raw.remote_port) || words[3].len != 2 ||
        !parse_hex(words[3].at, words[3].len, 2, &state) ||
        !hm_str_parse_u32(words[9].at, words[9].len, UINT32_MAX, &raw.inode)) {
        return false;
    }
    raw.state = state;
    *out_raw = raw;
    return true;
}

static enum hm_status take_table(const struct table *table, const char *text, size_t len,
                                 struct hm_arena *arena, struct hm_linux_sockets *out,
                                 struct hm_err *err)
{
    struct hm_span rest = {text, len};
    struct hm_span line;
    enum hm_status st = HM_OK;

    while (st == HM_OK && hm_str_next_line(&rest, &line)) {
        struct hm_linux_raw raw;

        if (hm_linux_proc_net_line(line.at, line.len, table->protocol, table->ipv6, &raw)) {
            st = hm_linux_sockets_add_raw(out, arena, &raw, err);
        }
    }
    return st;
}

enum hm_status hm_linux_sockets_proc(const char *root, struct hm_arena *arena,
                                     struct hm_linux_sockets *out_sockets, struct hm_err *err)
{
    struct hm_linux_sockets sockets = {0};

    for (size_t i = 0; i < HM_COUNT(tables); i++) {
        char path[HM_LINUX_PATH_BYTES];
        enum hm_status st;
        char *text;
        size_t len;

        (void)snprintf(path, sizeof(path), "%s%s", root, tables[i].path);
        st = hm_os_read_file(path, TABLE_BYTES, arena, &text, &len, err);
        if (st == HM_ENOENT && tables[i].ipv6) {
            continue; /* a kernel without IPv6 */
        }
        if (st == HM_OK) {
            st = take_table(&tables[i], text, len, arena, &sockets, err);
        }
        if (st != HM_OK) {
            return st;
        }
    }
    *out_sockets = sockets;
    return HM_OK;
}
