/* common/readers/iis_bindings_text.c — web sites of IIS and their ports.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/readers/iis_bindings_text.h"

#include <stdio.h>
#include <string.h>

#include "common/base/limits.h"

#define SUBJECT_ROOM (HM_LIMIT_SUBJECT_BYTES + 1)
#define VALUE_ROOM 1024 /* of one with entities; longer ones are not understood */
#define ENTITY_MOST 10  /* "&#x10FFFF;" */

struct site {
    struct hm_span name;
    char name_room[VALUE_ROOM];
    bool manual;
    size_t first_row; /* of its bindings, in the list in the making */
};

/* Protocols of bindings that have a port, and who serves it. */
struct protocol {
    const char *name;
    enum hm_configured_by by;
    enum hm_listener_kind kind;
    bool secure;
    bool port_first; /* "port:host", not "address:port:host" */
};

static const struct protocol protocols[] = {
    {"http",    HM_BY_IIS_BINDING,     HM_KIND_HTTPSYS, false, false},
    {"https",   HM_BY_IIS_BINDING,     HM_KIND_HTTPSYS, true,  false},
    {"ftp",     HM_BY_FTP_BINDING,     HM_KIND_SOCKET,  false, false},
    {"net.tcp", HM_BY_NET_TCP_BINDING, HM_KIND_SOCKET,  false, true },
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool starts(struct hm_span text, const char *word)
{
    const size_t len = strlen(word);

    if (text.len < len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        const char c =
            text.at[i] >= 'A' && text.at[i] <= 'Z' ? (char)(text.at[i] + 32) : text.at[i];

        if (c != word[i]) {
            return false;
        }
    }
    return true;
}

static bool same(struct hm_span text, const char *word)
{
    return text.len == strlen(word) && starts(text, word);
}

static void skip(struct hm_span *text, size_t count)
{
    *text = (struct hm_span){text->at + count, text->len - count};
}

static void skip_spaces(struct hm_span *text)
{
    while (text->len > 0 && is_space(text->at[0])) {
        skip(text, 1);
    }
}

/* Takes the next name="value" off a tag; false at its end. */
static bool next_attribute(struct hm_span *tag, struct hm_span *out_name, struct hm_span *out_value)
{
    size_t len = 0;
    char quote;

    skip_spaces(tag);
    while (len < tag->len && !is_space(tag->at[len]) && tag->at[len] != '=' &&
           tag->at[len] != '>' && tag->at[len] != '/') {
        len++;
    }
    *out_name = (struct hm_span){tag->at, len};
    skip(tag, len);
    skip_spaces(tag);
    if (len == 0 || tag->len == 0 || tag->at[0] != '=') {
        return false;
    }
    skip(tag, 1);
    skip_spaces(tag);
    if (tag->len == 0 || (tag->at[0] != '"' && tag->at[0] != '\'')) {
        return false;
    }
    quote = tag->at[0];
    skip(tag, 1);
    for (len = 0; len < tag->len && tag->at[len] != quote && tag->at[len] != '<';) {
        len++;
    }
    if (len == tag->len || tag->at[len] != quote) {
        return false; /* it was cut */
    }
    *out_value = (struct hm_span){tag->at, len};
    skip(tag, len + 1);
    return true;
}

/* ---- entities ------------------------------------------------------------------------------- */

/* The digits behind "&#", or behind "&#x"; false: they are none, or mean no character. */
static bool read_number(struct hm_span digits, uint32_t *out)
{
    const bool hex = digits.len > 0 && digits.at[0] == 'x';
    const uint32_t base = hex ? 16 : 10;

    skip(&digits, hex ? 1 : 0);
    *out = 0;
    for (size_t i = 0; i < digits.len; i++) {
        const char c = digits.at[i];
        uint32_t digit = base;

        if (c >= '0' && c <= '9') {
            digit = (uint32_t)(c - '0');
        } else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')) {
            digit = (uint32_t)((c | 0x20) - 'a' + 10);
        }
        if (digit >= base) {
            return false;
        }
        *out = *out * base + digit;
    }
    return digits.len > 0 && *out > 0 && *out <= 0x10FFFF;
}

/* What is between "&" and ";"; 0: it is not understood. Beyond ASCII '?', as in a subject. */
static char entity_of(struct hm_span name)
{
    static const struct {
        const char *name;
        char is;
    } known[] = {
        {"amp",  '&' },
        {"lt",   '<' },
        {"gt",   '>' },
        {"quot", '"' },
        {"apos", '\''},
    };
    uint32_t number;

    for (size_t i = 0; i < HM_COUNT(known); i++) {
        if (name.len == strlen(known[i].name) && memcmp(name.at, known[i].name, name.len) == 0) {
            return known[i].is;
        }
    }
    if (name.len < 2 || name.at[0] != '#') {
        return 0;
    }
    skip(&name, 1);
    if (!read_number(name, &number)) {
        return 0;
    }
    return number < 0x80 ? (char)number : '?';
}

/* The value without its entities, in room where it has some. One that is not understood makes
 * *in_out_doubt, and the value is empty. */
static struct hm_span plain(struct hm_span value, char room[VALUE_ROOM], const char **in_out_doubt)
{
    size_t len = 0;

    if (value.len == 0 || memchr(value.at, '&', value.len) == NULL) {
        return value;
    }
    while (value.len > 0 && len < VALUE_ROOM) {
        size_t end = 1;
        char c = value.at[0];

        if (c == '&') {
            while (end < value.len && end < ENTITY_MOST && value.at[end] != ';') {
                end++;
            }
            c = end < value.len && value.at[end] == ';'
                    ? entity_of((struct hm_span){value.at + 1, end - 1})
                    : '\0';
            end++;
        }
        if (c == '\0') {
            break;
        }
        room[len++] = c;
        skip(&value, end);
    }
    if (value.len > 0) {
        *in_out_doubt = "a web site has a name or binding with an entity that is not understood";
        len = 0;
    }
    return (struct hm_span){room, len};
}

/* ---- sites and bindings --------------------------------------------------------------------- */

/* "address:port:host"; the address may be "*", empty, IPv4 or "[::]". Or "port:host". 0 when it is
 * not. */
static uint16_t port_of(struct hm_span text, bool port_first)
{
    uint32_t port = 0;
    size_t len = 0;

    if (!port_first && text.len > 0 && text.at[0] == '[') {
        while (text.len > 0 && text.at[0] != ']') {
            skip(&text, 1);
        }
    }
    while (!port_first && text.len > 0 && text.at[0] != ':') {
        skip(&text, 1);
    }
    if (text.len == 0) {
        return 0;
    }
    skip(&text, port_first ? 0 : 1);
    while (len < text.len && text.at[len] != ':') {
        len++;
    }
    return len < text.len && hm_str_parse_u32(text.at, len, 65535, &port) ? (uint16_t)port : 0;
}

static void read_site(struct hm_span tag, struct site *out_site, const char **in_out_doubt)
{
    char room[VALUE_ROOM];
    struct hm_span name;
    struct hm_span value;

    out_site->name = (struct hm_span){"", 0};
    out_site->manual = false;
    while (next_attribute(&tag, &name, &value)) {
        if (same(name, "name")) {
            out_site->name = plain(value, out_site->name_room, in_out_doubt);
        } else if (same(name, "serverautostart")) {
            out_site->manual = same(plain(value, room, in_out_doubt), "false");
        }
    }
}

/* <ftpServer serverAutoStart="false"> stops the FTP part of a site alone. */
static void read_ftp_server(struct hm_span tag, const struct site *site,
                            struct hm_configured_make *make)
{
    char room[VALUE_ROOM];
    struct hm_span name;
    struct hm_span value;

    while (next_attribute(&tag, &name, &value)) {
        if (!same(name, "serverautostart") || !same(plain(value, room, &make->doubt), "false")) {
            continue;
        }
        for (size_t i = site->first_row; i < make->list.count; i++) {
            struct hm_configured *row = &make->list.at[i];

            row->manual = row->manual || row->by == HM_BY_FTP_BINDING;
        }
    }
}

static const struct protocol *find_protocol(struct hm_span name)
{
    for (size_t i = 0; i < HM_COUNT(protocols); i++) {
        if (same(name, protocols[i].name)) {
            return &protocols[i];
        }
    }
    return NULL;
}

static enum hm_status put_binding(const struct protocol *protocol, uint16_t port, bool manual,
                                  struct hm_span subject, struct hm_configured_make *make,
                                  struct hm_err *err)
{
    const struct hm_configured row = {.protocol = HM_TCP,
                                      .port = port,
                                      .kind = protocol->kind,
                                      .by = protocol->by,
                                      .manual = manual,
                                      .subject = ""};

    if (protocol->kind == HM_KIND_HTTPSYS) {
        return hm_configured_put_http(make, protocol->by, port, protocol->secure, manual, subject,
                                      err);
    }
    return port == 0 ? HM_OK : hm_configured_put(make, &row, subject, err);
}

static enum hm_status read_binding(struct hm_span tag, const struct site *site,
                                   struct hm_configured_make *make, struct hm_err *err)
{
    char protocol_room[VALUE_ROOM];
    char information_room[VALUE_ROOM];
    struct hm_span protocol = {"", 0};
    struct hm_span information = {"", 0};
    struct hm_span name;
    struct hm_span value;
    const struct protocol *known;
    char subject[SUBJECT_ROOM];
    int put;

    while (next_attribute(&tag, &name, &value)) {
        if (same(name, "protocol")) {
            protocol = plain(value, protocol_room, &make->doubt);
        } else if (same(name, "bindinginformation")) {
            information = plain(value, information_room, &make->doubt);
        }
    }
    known = find_protocol(protocol);
    if (known == NULL) {
        return HM_OK;
    }
    put = snprintf(subject, sizeof(subject), "%.*s %.*s", (int)protocol.len, protocol.at,
                   information.len < SUBJECT_ROOM ? (int)information.len : (int)SUBJECT_ROOM,
                   information.at);
    if (put > 0 && (size_t)put < sizeof(subject) && site->name.len > 0) {
        (void)snprintf(subject + put, sizeof(subject) - (size_t)put, " (site %.*s)",
                       site->name.len < SUBJECT_ROOM ? (int)site->name.len : (int)SUBJECT_ROOM,
                       site->name.at);
    }
    return put_binding(known, port_of(information, known->port_first), site->manual,
                       (struct hm_span){subject, strlen(subject)}, make, err);
}

/* Of a section: is what it holds kept in another file, or encrypted? */
static bool is_elsewhere(struct hm_span tag)
{
    struct hm_span name;
    struct hm_span value;
    bool elsewhere = false;

    while (next_attribute(&tag, &name, &value)) {
        elsewhere =
            elsewhere || same(name, "configsource") || same(name, "configprotectionprovider");
    }
    return elsewhere;
}

/* Past "-->", or of an extract at the latest past the line: the line with "-->" need not be in it.
 * False at the end of a whole file that lacks it. */
static bool skip_comment(struct hm_span *text, bool whole)
{
    while (text->len > 0) {
        if (starts(*text, "-->") || (!whole && text->at[0] == '\n')) {
            return true;
        }
        skip(text, 1);
    }
    return !whole;
}

/* A whole file begins with its root element; an extract has only sites and bindings. */
static bool is_whole(struct hm_span text)
{
    while (text.len > 0 && !starts(text, "<configuration")) {
        if (starts(text, "<!--")) {
            (void)skip_comment(&text, true);
        } else if (text.at[0] == '<' && !starts(text, "<?")) {
            return false;
        } else {
            skip(&text, 1);
        }
    }
    return text.len > 0;
}

enum hm_status hm_iis_bindings_parse(const char *text, size_t len, struct hm_configured_make *make,
                                     struct hm_err *err)
{
    static const char site_tag[] = "<site";
    static const char binding_tag[] = "<binding";
    static const char sites_tag[] = "<sites";
    static const char ftp_tag[] = "<ftpserver";
    static const char defaults_tag[] = "<sitedefaults"; /* its <ftpServer> is no site's */
    struct hm_span rest = {text, len};
    const bool whole = is_whole(rest);
    struct site site = {
        .name = {"", 0}
    };
    enum hm_status st = HM_OK;

    while (rest.len > 0 && st == HM_OK) {
        if (rest.at[0] != '<') {
            skip(&rest, 1);
        } else if (starts(rest, "<!--")) {
            if (!skip_comment(&rest, whole)) {
                make->doubt = "a comment does not end";
            }
        } else if (starts(rest, site_tag) && rest.len > strlen(site_tag) &&
                   is_space(rest.at[strlen(site_tag)])) {
            skip(&rest, strlen(site_tag));
            read_site(rest, &site, &make->doubt);
            site.first_row = make->list.count;
        } else if (starts(rest, binding_tag) && rest.len > strlen(binding_tag) &&
                   is_space(rest.at[strlen(binding_tag)])) {
            skip(&rest, strlen(binding_tag));
            st = read_binding(rest, &site, make, err);
        } else if (starts(rest, ftp_tag) && rest.len > strlen(ftp_tag) &&
                   is_space(rest.at[strlen(ftp_tag)])) {
            skip(&rest, strlen(ftp_tag));
            read_ftp_server(rest, &site, make);
        } else if (starts(rest, defaults_tag)) {
            skip(&rest, strlen(defaults_tag));
            site.first_row = make->list.count;
        } else if (starts(rest, sites_tag) && rest.len > strlen(sites_tag) &&
                   is_space(rest.at[strlen(sites_tag)])) {
            skip(&rest, strlen(sites_tag));
            if (is_elsewhere(rest)) {
                make->doubt = "the web sites are encrypted, or in another file";
            }
        } else {
            skip(&rest, 1);
        }
    }
    return st;
}

/* ---- redirection.config -------------------------------------------------------------------- */

static void read_redirection(struct hm_span tag, struct hm_iis_redirection *out)
{
    struct hm_span path = {"", 0};
    struct hm_span name;
    struct hm_span value;
    bool enabled = false;

    while (next_attribute(&tag, &name, &value)) {
        if (same(name, "enabled")) {
            enabled = !same(value, "false");
        } else if (same(name, "path")) {
            path = value;
        } else if (same(name, "configprotectionprovider")) {
            out->doubt = "the element configurationRedirection is encrypted";
        }
    }
    if (tag.len == 0 || (tag.at[0] != '>' && tag.at[0] != '/')) {
        out->doubt = "the element configurationRedirection is not complete";
    }
    if (enabled) {
        const bool plain = path.len > 0 && memchr(path.at, '&', path.len) == NULL;

        out->enabled = true;
        out->path = plain ? path : (struct hm_span){"", 0};
    }
}

void hm_iis_redirection_parse(const char *text, size_t len,
                              struct hm_iis_redirection *out_redirection)
{
    static const char element[] = "<configurationredirection";
    const size_t element_len = strlen(element);
    struct hm_span rest = {text, len};
    struct hm_iis_redirection found = {
        .path = {"", 0}
    };

    if (!is_whole(rest)) {
        found.doubt = "it is no configuration file in UTF-8";
    }
    while (rest.len > 0) {
        if (starts(rest, "<!--")) {
            if (!skip_comment(&rest, true)) {
                found.doubt = "a comment does not end";
            }
        } else if (starts(rest, element) && rest.len > element_len &&
                   (is_space(rest.at[element_len]) || rest.at[element_len] == '/' ||
                    rest.at[element_len] == '>')) {
            skip(&rest, element_len);
            read_redirection(rest, &found);
        } else {
            skip(&rest, 1);
        }
    }
    *out_redirection = found;
}
