/* common/ports/numbered.c — ports that the number in the name of a service makes.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/ports/numbered.h"

#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/ports/portset.h"

#define MARK '#'
#define DIGITS 2u
#define CHECK_ARENA_BYTES (1u << 16)

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The pattern in front of its mark; false: the mark is not there, or not at the end alone. */
static bool head_of(const char *pattern, char out_head[HM_LIMIT_NAME_BYTES + 1])
{
    const char *mark = strchr(pattern, MARK);
    const size_t len = mark == NULL ? 0 : (size_t)(mark - pattern);

    if (len == 0 || len > HM_LIMIT_NAME_BYTES || !hm_str_equal(mark, "##")) {
        return false;
    }
    memcpy(out_head, pattern, len);
    out_head[len] = '\0';
    return true;
}

bool hm_numbered_fits(const struct hm_numbered *rule, const char *service, char out_number[3])
{
    const size_t len = service == NULL ? 0 : strlen(service);
    char pattern[HM_LIMIT_NAME_BYTES + 1];
    char head[HM_LIMIT_NAME_BYTES + 1];

    if (len <= DIGITS || len > HM_LIMIT_NAME_BYTES || !is_digit(service[len - 2]) ||
        !is_digit(service[len - 1]) || !head_of(rule->service, pattern)) {
        return false;
    }
    memcpy(head, service, len - DIGITS);
    head[len - DIGITS] = '\0';
    if (!hm_str_glob_nocase(pattern, head)) {
        return false;
    }
    memcpy(out_number, service + len - DIGITS, DIGITS + 1);
    return true;
}

/* Each port of the list has the number once, and does not begin with it: "0013" is no port. */
static bool is_well_formed(const char *ports)
{
    size_t count = 1;

    for (const char *at = ports; *at != '\0'; count++) {
        const char *end = strchr(at, ',');
        const char *stop = end == NULL ? at + strlen(at) : end;
        const char *mark = memchr(at, MARK, (size_t)(stop - at));

        if (count > HM_LIMIT_NUMBERED_PORTS || mark == NULL || *at < '1' || *at > '9' ||
            stop - mark < (ptrdiff_t)DIGITS || mark[1] != MARK) {
            return false;
        }
        for (const char *c = at; c < stop; c++) {
            if (!is_digit(*c) && c != mark && c != mark + 1) {
                return false;
            }
        }
        if (end == NULL) {
            return true;
        }
        at = end + 1;
    }
    return false;
}

enum hm_status hm_numbered_ports(const struct hm_numbered *rule, const char number[3],
                                 struct hm_arena *arena, struct hm_ports *out_ports,
                                 struct hm_err *err)
{
    const size_t len = strlen(rule->ports);
    char text[HM_LIMIT_NAME_BYTES + 1];

    if (len > HM_LIMIT_NAME_BYTES || !is_well_formed(rule->ports)) {
        return hm_fail(err, HM_EINVAL,
                       "\"%.255s\" makes no ports: write at most %u with ## in each, as \"5##13\"",
                       rule->ports, HM_LIMIT_NUMBERED_PORTS);
    }
    for (size_t i = 0, digit = 0; i <= len; i++) {
        text[i] = rule->ports[i];
        if (text[i] == MARK) {
            text[i] = number[digit++ % DIGITS];
        }
    }
    return hm_ports_parse(text, len, arena, out_ports, err);
}

static enum hm_status check_rule(const struct hm_requirement *row, struct hm_err *err)
{
    static const char *const ends[] = {"00", "99"};
    char head[HM_LIMIT_NAME_BYTES + 1];
    struct hm_ports ports;
    struct hm_arena arena;
    enum hm_status st = HM_OK;

    if (!head_of(row->numbered.service, head)) {
        return hm_fail(err, HM_EINVAL, "the pattern \"%.255s\" does not end with ##",
                       row->numbered.service);
    }
    if (row->ports.count > 0 || row->has_port_from) {
        return hm_fail(err, HM_EINVAL, "numbered stands beside ports or port_from");
    }
    hm_arena_init(&arena, CHECK_ARENA_BYTES);
    for (size_t i = 0; i < HM_COUNT(ends) && st == HM_OK; i++) {
        st = hm_numbered_ports(&row->numbered, ends[i], &arena, &ports, err);
    }
    hm_arena_fini(&arena);
    return st;
}

enum hm_status hm_product_check(const struct hm_product *product, struct hm_err *err)
{
    for (size_t i = 0; i < product->requirements.count; i++) {
        const struct hm_requirement *row = &product->requirements.at[i];

        if (row->has_numbered && check_rule(row, err) != HM_OK) {
            hm_err_prefix(err, "requirement \"%.255s\"", row->id);
            return HM_EINVAL;
        }
    }
    return HM_OK;
}
