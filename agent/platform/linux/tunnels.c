/* agent/platform/linux/tunnels.c — ports that the command line of a forwarder names.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A unit that runs ssh -L, autossh or socat and is down has no listener; its command line has the
 * port (ssh(1), -L and -D; autossh(1), -M; socat(1), the LISTEN addresses). What has a variable is
 * not known. */
#include "agent/platform/linux/units.h"

#include <stdio.h>
#include <string.h>

#include "common/base/str.h"

#define FIELDS_MAX 4u

/* The command line of one unit in the reading. */
struct line {
    const struct hm_linux_unit *unit;
    const char *service;
    const char *rest;
    struct hm_configured_make *make;
    bool *any;
    struct hm_err *err;
    enum hm_status status;
};

static void put_port(struct line *line, enum hm_protocol protocol, const char *port,
                     enum hm_families families)
{
    const struct hm_configured row = {.protocol = protocol,
                                      .kind = HM_KIND_SOCKET,
                                      .by = HM_BY_COMMAND_PORT,
                                      .families = families,
                                      .service = line->service};
    struct hm_configured one = row;
    uint32_t number;

    if (line->status == HM_OK && hm_str_parse_u32(port, strlen(port), UINT16_MAX, &number) &&
        number != 0) {
        one.port = (uint16_t)number;
        *line->any = true;
        line->status = hm_configured_put(
            line->make, &one, (struct hm_span){line->service, strlen(line->service)}, line->err);
    }
}

/* The next word; quotes around it are not a part of it. One with a variable is "". */
static bool next_word(struct line *line, char out[HM_LINUX_WORD_BYTES])
{
    const char *at = line->rest + strspn(line->rest, " \t\"'");
    const size_t len = strcspn(at, " \t\"'");

    line->rest = at + len;
    out[0] = '\0';
    if (!hm_linux_unit_expand(line->unit->name, (struct hm_span){at, len}, out) ||
        strchr(out, '$') != NULL) {
        out[0] = '\0';
    }
    return len > 0;
}

/* Splits at ':' outside of brackets, in place. */
static size_t split(char *text, char *fields[FIELDS_MAX])
{
    bool inside = false;
    size_t count = 1;

    fields[0] = text;
    for (char *at = text; *at != '\0'; at++) {
        inside = *at == '[' || (inside && *at != ']');
        if (*at == ':' && !inside) {
            *at = '\0';
            if (count == FIELDS_MAX) {
                return 0;
            }
            fields[count++] = at + 1;
        }
    }
    return count;
}

/* ---- ssh --------------------------------------------------------------------------------------
 */

/* "-L [address:]port:host:port", "-D [address:]port"; a path in place of a port is a socket file.
 */
static void take_forward(struct line *line, char option, char *value)
{
    char *fields[FIELDS_MAX];
    const size_t count = split(value, fields);
    const size_t least = option == 'D' ? 1 : 3;

    if (count == least || (option == 'L' && count == 2)) {
        put_port(line, HM_TCP, fields[0], HM_FAMILIES_BOTH);
    } else if (count == least + 1) {
        put_port(line, HM_TCP, fields[1], HM_FAMILIES_BOTH);
    }
}

/* autossh: "-M port[:echo]" has the port and the one behind it. */
static void take_monitor(struct line *line, char *value)
{
    char *fields[FIELDS_MAX];
    const size_t count = split(value, fields);
    uint32_t port;
    char next[8];

    if (count == 0 || !hm_str_parse_u32(fields[0], strlen(fields[0]), UINT16_MAX - 1, &port) ||
        port == 0) {
        return;
    }
    put_port(line, HM_TCP, fields[0], HM_FAMILIES_BOTH);
    (void)snprintf(next, sizeof(next), "%u", (unsigned)port + 1);
    if (count == 1) {
        put_port(line, HM_TCP, next, HM_FAMILIES_BOTH);
    }
}

/* "-o 'LocalForward=[address:]port host:port'", "-o DynamicForward=[address:]port", in any letters,
 * with '=' or a blank behind the name (ssh_config(5)). */
static void take_option(struct line *line, char *value)
{
    char *equals = strchr(value, '=');
    char word[HM_LINUX_WORD_BYTES];
    char *fields[FIELDS_MAX];
    size_t count;
    bool local;

    if (equals != NULL) {
        *equals = '\0';
    }
    local = hm_str_equal_nocase(value, "LocalForward");
    if (!local && !hm_str_equal_nocase(value, "DynamicForward")) {
        return;
    }
    if (equals != NULL && equals[1] != '\0') {
        (void)snprintf(word, sizeof(word), "%s", equals + 1);
    } else if (!next_word(line, word)) {
        return;
    }
    count = split(word, fields);
    if (count == 1 || count == 2) {
        put_port(line, HM_TCP, fields[count - 1], HM_FAMILIES_BOTH);
    }
    if (local) {
        (void)next_word(line, word); /* the destination */
    }
}

/* Options may stand behind the host, too; what follows a second word is a command. */
static void read_ssh(struct line *line, bool autossh)
{
    static const char with_value[] = "BbcDEeFIiJLlmOoPpQRSWw";
    char word[HM_LINUX_WORD_BYTES];
    char value[HM_LINUX_WORD_BYTES];
    unsigned words = 0;

    while (words < 2 && next_word(line, word)) {
        if (word[0] != '-') {
            words++;
            continue;
        }
        for (const char *at = word + 1; *at != '\0'; at++) {
            if (strchr(with_value, *at) == NULL && !(autossh && *at == 'M')) {
                continue;
            }
            if (at[1] != '\0') {
                (void)snprintf(value, sizeof(value), "%s", at + 1);
            } else if (!next_word(line, value)) {
                return;
            }
            if (*at == 'L' || *at == 'D') {
                take_forward(line, *at, value);
            } else if (*at == 'M') {
                take_monitor(line, value);
            } else if (*at == 'o') {
                take_option(line, value);
            }
            break;
        }
    }
}

/* ---- socat ------------------------------------------------------------------------------------
 */

/* "TCP-LISTEN:8080,fork,reuseaddr", in any letters. */
static void read_socat(struct line *line)
{
    static const struct {
        const char *name;
        enum hm_protocol protocol;
        enum hm_families families;
    } kinds[] = {
        {"tcp-listen",     HM_TCP, HM_FAMILIES_BOTH},
        {"tcp-l",          HM_TCP, HM_FAMILIES_BOTH},
        {"tcp4-listen",    HM_TCP, HM_FAMILIES_IPV4},
        {"tcp4-l",         HM_TCP, HM_FAMILIES_IPV4},
        {"tcp6-listen",    HM_TCP, HM_FAMILIES_BOTH},
        {"tcp6-l",         HM_TCP, HM_FAMILIES_BOTH},
        {"openssl-listen", HM_TCP, HM_FAMILIES_BOTH},
        {"ssl-l",          HM_TCP, HM_FAMILIES_BOTH},
        {"udp-listen",     HM_UDP, HM_FAMILIES_BOTH},
        {"udp-l",          HM_UDP, HM_FAMILIES_BOTH},
        {"udp4-listen",    HM_UDP, HM_FAMILIES_IPV4},
        {"udp4-l",         HM_UDP, HM_FAMILIES_IPV4},
        {"udp6-listen",    HM_UDP, HM_FAMILIES_BOTH},
        {"udp6-l",         HM_UDP, HM_FAMILIES_BOTH},
        {"udp-recvfrom",   HM_UDP, HM_FAMILIES_BOTH},
        {"udp4-recvfrom",  HM_UDP, HM_FAMILIES_IPV4},
        {"udp-recv",       HM_UDP, HM_FAMILIES_BOTH},
        {"udp4-recv",      HM_UDP, HM_FAMILIES_IPV4},
    };
    char word[HM_LINUX_WORD_BYTES];

    while (next_word(line, word)) {
        char *colon = strchr(word, ':');

        if (colon == NULL || word[0] == '-') {
            continue;
        }
        *colon = '\0';
        colon[1 + strcspn(colon + 1, ",")] = '\0';
        for (size_t i = 0; i < HM_COUNT(kinds); i++) {
            if (hm_str_equal_nocase(word, kinds[i].name)) {
                put_port(line, kinds[i].protocol, colon + 1, kinds[i].families);
            }
        }
    }
}

enum hm_status hm_linux_tunnels(struct hm_linux_units *units, const struct hm_services *listed,
                                struct hm_configured_make *make, bool *inout_any,
                                struct hm_err *err)
{
    enum hm_status st = HM_OK;

    for (size_t i = 0; st == HM_OK && i < listed->count; i++) {
        struct line line = {.service = listed->at[i].name,
                            .make = make,
                            .any = inout_any,
                            .err = err,
                            .status = HM_OK};
        char name[HM_LINUX_UNIT_NAME_BYTES];

        (void)snprintf(name, sizeof(name), "%s.service", line.service);
        line.unit = hm_linux_unit(units, name);
        if (line.unit == NULL || !line.unit->found) {
            continue;
        }
        line.rest = line.unit->arguments;
        if (strcmp(line.unit->program, "socat") == 0) {
            read_socat(&line);
        } else if (strcmp(line.unit->program, "ssh") == 0 ||
                   strcmp(line.unit->program, "autossh") == 0) {
            read_ssh(&line, line.unit->program[0] == 'a');
        }
        st = line.status;
    }
    return st;
}
