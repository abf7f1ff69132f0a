/* common/ports/address.c — addresses as text. SPDX-License-Identifier: Apache-2.0 */
#include "common/ports/address.h"

#include <string.h>

#include "common/base/limits.h"

#define GROUPS 8u /* of 16 bits, in an IPv6 address */

static bool parse_ipv4(struct hm_span text, uint8_t out[4])
{
    for (unsigned i = 0; i < 4; i++) {
        const char *dot = i == 3 || text.len == 0 ? NULL : memchr(text.at, '.', text.len);
        const size_t len = i == 3 ? text.len : dot == NULL ? 0 : (size_t)(dot - text.at);
        uint32_t number;

        if (len == 0 || len > 3 || !hm_str_parse_u32(text.at, len, 255, &number)) {
            return false;
        }
        out[i] = (uint8_t)number;
        if (i < 3) {
            text = (struct hm_span){text.at + len + 1, text.len - len - 1};
        }
    }
    return true;
}

static int digit_of(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* One to four digits; the rest of the text begins behind them. */
static bool take_group(struct hm_span *inout, unsigned *out_group)
{
    size_t len = 0;

    *out_group = 0;
    while (len < inout->len && digit_of(inout->at[len]) >= 0) {
        *out_group = *out_group * 16 + (unsigned)digit_of(inout->at[len]);
        if (++len > 4) {
            return false;
        }
    }
    *inout = (struct hm_span){inout->at + len, inout->len - len};
    return len > 0;
}

/* "::" stands for the groups that are missing; the last two may be an IPv4 address. */
static bool parse_ipv6(struct hm_span text, uint8_t out[16])
{
    uint8_t bytes[2 * GROUPS] = {0};
    size_t count = 0; /* of bytes */
    size_t gap = 2 * GROUPS + 1;

    while (text.len > 0) {
        const bool doubled = text.len > 1 && text.at[0] == ':' && text.at[1] == ':';
        unsigned group;

        if (doubled) {
            if (gap <= 2 * GROUPS) {
                return false;
            }
            gap = count;
            text = (struct hm_span){text.at + 2, text.len - 2};
        } else if (count > 0) {
            if (text.at[0] != ':') {
                return false;
            }
            text = (struct hm_span){text.at + 1, text.len - 1};
        }
        if (doubled && text.len == 0) {
            break;
        }
        if (count + 4 <= sizeof(bytes) && parse_ipv4(text, &bytes[count])) {
            count += 4;
            break;
        }
        if (count + 2 > sizeof(bytes) || !take_group(&text, &group)) {
            return false;
        }
        bytes[count++] = (uint8_t)(group >> 8);
        bytes[count++] = (uint8_t)(group & 0xff);
    }
    if (gap > 2 * GROUPS ? count != sizeof(bytes) : count >= sizeof(bytes)) {
        return false;
    }
    memset(out, 0, sizeof(bytes));
    if (gap > 2 * GROUPS) {
        gap = count;
    }
    memcpy(out, bytes, gap);
    memcpy(out + sizeof(bytes) - (count - gap), bytes + gap, count - gap);
    return true;
}

bool hm_address_parse(struct hm_span text, struct hm_address *out_address)
{
    struct hm_address address = {.family = HM_IPV4};
    const char *zone;

    if (text.len > 2 && text.at[0] == '[' && text.at[text.len - 1] == ']') {
        text = (struct hm_span){text.at + 1, text.len - 2};
    }
    zone = text.len == 0 ? NULL : memchr(text.at, '%', text.len);
    if (zone != NULL) {
        text.len = (size_t)(zone - text.at);
    }
    if (text.len == 0 || text.len > HM_LIMIT_ADDRESS_BYTES) {
        return false;
    }
    if (!parse_ipv4(text, address.bytes)) {
        address = (struct hm_address){.family = HM_IPV6};
        if (!parse_ipv6(text, address.bytes)) {
            return false;
        }
    }
    *out_address = address;
    return true;
}

bool hm_address_is_any(const struct hm_address *address)
{
    static const uint8_t none[16] = {0};

    return memcmp(address->bytes, none, sizeof(none)) == 0;
}

bool hm_address_is_single(struct hm_span text, enum hm_families *out_families)
{
    struct hm_address address;

    if (!hm_address_parse(text, &address) || hm_address_is_any(&address)) {
        return false;
    }
    *out_families = address.family == HM_IPV4 ? HM_FAMILIES_IPV4 : HM_FAMILIES_IPV6;
    return true;
}

bool hm_addresses_collide(const char *a, const char *b)
{
    struct hm_address x;
    struct hm_address y;

    return a == NULL || b == NULL || !hm_address_parse((struct hm_span){a, strlen(a)}, &x) ||
           !hm_address_parse((struct hm_span){b, strlen(b)}, &y) || x.family != y.family ||
           hm_address_is_any(&x) || hm_address_is_any(&y) ||
           memcmp(x.bytes, y.bytes, sizeof(x.bytes)) == 0;
}
