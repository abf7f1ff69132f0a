/* common/readers/http_config_text.c — URL reservations and SSL bindings of HTTP.sys.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/readers/http_config_text.h"

#include "common/base/limits.h"
#include "common/readers/httpsys_text.h"

#define DIGITS_MAX 5u

static const char letters[] = "https";

/* The length of "http" or "https" in any case in front of text[at]; 0 when neither stands there. */
static size_t scheme_before(const char *text, size_t at)
{
    for (size_t len = 5; len >= 4; len--) {
        const struct hm_span word = {text + at - (at >= len ? len : 0), at >= len ? len : 0};
        size_t same = 0;

        while (same < word.len && (word.at[same] | 0x20) == letters[same]) {
            same++;
        }
        if (word.len > 0 && same == len) {
            return len;
        }
    }
    return 0;
}

enum hm_status hm_urlacl_parse(const char *text, size_t len, struct hm_configured_make *make,
                               struct hm_err *err)
{
    enum hm_status st = HM_OK;

    for (size_t at = 0; at + 3 < len && st == HM_OK; at++) {
        size_t scheme;
        size_t end = at;
        uint16_t port;

        if (text[at] != ':' || text[at + 1] != '/' || text[at + 2] != '/') {
            continue;
        }
        scheme = scheme_before(text, at);
        port = scheme == 0 ? 0 : hm_http_url_port(text, len, at + 3);
        if (port == 0) {
            continue;
        }
        while (end < len && end - at < HM_LIMIT_SUBJECT_BYTES && (unsigned char)text[end] > ' ') {
            end++;
        }
        st = hm_configured_put_http(make, HM_BY_URL_RESERVATION, port, scheme == 5, false,
                                    (struct hm_span){text + at - scheme, end - (at - scheme)}, err);
    }
    return st;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_host_letter(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
           c == '-' || c == '_' || c == '*';
}

/* "1.2.3.4", "www", "*.example.com"; no time of day: a number is no host. */
static bool is_host(struct hm_span text)
{
    size_t dots = 0;
    bool letter = false;

    for (size_t i = 0; i < text.len; i++) {
        if (!is_host_letter(text.at[i])) {
            return false;
        }
        dots += text.at[i] == '.' ? 1 : 0;
        letter = letter || (!is_digit(text.at[i]) && text.at[i] != '.');
    }
    return text.len > 0 && (letter || dots == 3);
}

static bool is_ipv6(struct hm_span text)
{
    if (text.len < 4 || text.at[0] != '[' || text.at[text.len - 1] != ']') {
        return false;
    }
    for (size_t i = 1; i + 1 < text.len; i++) {
        const char c = (char)(text.at[i] | 0x20);

        if (!is_digit(text.at[i]) && !(c >= 'a' && c <= 'f') && text.at[i] != ':' &&
            text.at[i] != '.' && text.at[i] != '%') {
            return false;
        }
    }
    return true;
}

/* The port of a word that is an address or a host with a port; 0 when it is not. */
static uint16_t port_of_word(struct hm_span word)
{
    size_t digits = 0;
    uint32_t port = 0;
    struct hm_span host;

    while (digits < word.len && digits <= DIGITS_MAX && is_digit(word.at[word.len - 1 - digits])) {
        digits++;
    }
    if (digits == 0 || digits + 1 >= word.len || word.at[word.len - 1 - digits] != ':' ||
        !hm_str_parse_u32(word.at + word.len - digits, digits, 65535, &port)) {
        return 0;
    }
    host = (struct hm_span){word.at, word.len - digits - 1};
    return is_ipv6(host) || is_host(host) ? (uint16_t)port : 0;
}

/* "Central Certificate Store : 443", the first line of a binding for all addresses: a port alone,
 * as no other line of this place has one. 0 when it is not. */
static uint16_t port_of_store(struct hm_span line, struct hm_span word)
{
    const struct hm_span label = hm_str_trim(line.at, (size_t)(word.at - line.at));
    uint32_t port = 0;

    return label.len > 1 && label.at[label.len - 1] == ':' &&
                   hm_str_parse_u32(word.at, word.len, 65535, &port)
               ? (uint16_t)port
               : 0;
}

enum hm_status hm_sslcert_parse(const char *text, size_t len, struct hm_configured_make *make,
                                struct hm_err *err)
{
    static const char store[] = "central certificate store";
    struct hm_span rest = {text, len};
    struct hm_span line;
    bool is_first = true; /* of a binding: an empty line is before each */
    enum hm_status st = HM_OK;

    while (st == HM_OK && hm_str_next_line(&rest, &line)) {
        const struct hm_span shown = hm_str_trim(line.at, line.len);
        const bool first = is_first;
        struct hm_span word;
        uint16_t port;
        size_t at = shown.len;

        is_first = shown.len == 0;
        while (at > 0 && shown.at[at - 1] != ' ' && shown.at[at - 1] != '\t') {
            at--;
        }
        if (at == 0) {
            continue; /* a label and no value */
        }
        word = (struct hm_span){shown.at + at, shown.len - at};
        port = port_of_word(word);
        if (port == 0 && first) {
            port = port_of_store(shown, word);
            word = (struct hm_span){store, sizeof(store) - 1};
        }
        st = hm_configured_put_http(make, HM_BY_SSL_BINDING, port, true, false, word, err);
    }
    return st;
}
