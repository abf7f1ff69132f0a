/* common/readers/server_settings_files.c — the languages of servers' settings files, as far as
 * ports need them. SPDX-License-Identifier: Apache-2.0 */
#include "common/readers/server_settings.h"

#include <string.h>

#define NAME_BYTES 64

/* ---- words ---------------------------------------------------------------------------------- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct hm_span skip_blanks(struct hm_span text)
{
    while (text.len > 0 && is_blank(text.at[0])) {
        text = (struct hm_span){text.at + 1, text.len - 1};
    }
    return text;
}

/* The next word, without quotes around it; false at the end, and where a comment begins. */
static bool next_word(struct hm_span *rest, char comment, struct hm_span *out_word)
{
    struct hm_span text = skip_blanks(*rest);
    size_t len = 0;

    *rest = text;
    if (text.len == 0 || text.at[0] == comment) {
        return false;
    }
    if (text.at[0] == '"' || text.at[0] == '\'') {
        const char *end = memchr(text.at + 1, text.at[0], text.len - 1);

        if (end != NULL) {
            len = (size_t)(end - text.at) + 1;
            *out_word = (struct hm_span){text.at + 1, len - 2};
            *rest = (struct hm_span){text.at + len, text.len - len};
            return true;
        }
    }
    while (len < text.len && !is_blank(text.at[len]) && text.at[len] != comment) {
        len++;
    }
    *out_word = (struct hm_span){text.at, len};
    *rest = (struct hm_span){text.at + len, text.len - len};
    return true;
}

static bool include(struct hm_server_settings *settings, enum hm_server_include how,
                    struct hm_span path)
{
    if (path.len == 0 || settings->include == NULL) {
        settings->doubt = "includes files that are not read";
        return true;
    }
    return settings->include(settings->with, how, path);
}

static bool read_number(struct hm_server_settings *settings, struct hm_span value, uint16_t *out)
{
    uint32_t number;

    if (!hm_str_parse_u32(value.at, value.len, UINT16_MAX, &number)) {
        settings->doubt = "has a port that is not a number from 0 to 65535";
        return false;
    }
    *out = (uint16_t)number;
    return true;
}

/* ---- PostgreSQL ----------------------------------------------------------------------------- */

/* '*', 'localhost, 10.0.0.1', '' none */
static void take_addresses(struct hm_server_settings *settings, struct hm_span value,
                           char separator)
{
    hm_server_clear_addresses(settings);
    while (value.len > 0) {
        const char *comma = memchr(value.at, separator, value.len);
        const size_t len = comma == NULL ? value.len : (size_t)(comma - value.at);
        const struct hm_span one = hm_str_trim(value.at, len);

        if (one.len > 0) {
            hm_server_add_address(settings, one);
        }
        value =
            (struct hm_span){value.at + len + (comma != NULL), value.len - len - (comma != NULL)};
    }
    settings->no_address = settings->addresses == 0;
}

static void take_port_of_postgresql(struct hm_server_settings *settings, struct hm_span value)
{
    hm_server_set_port(settings, value);
    if (settings->ports_count == 1 && settings->ports[0] == 0) {
        settings->doubt = "has a port that is not a number from 1 to 65535";
    }
}

/* "name = 'value' # why", "name value more"; false: the line sets nothing. */
static bool split_setting(struct hm_span line, struct hm_span *out_name, struct hm_span *out_value,
                          struct hm_span *out_more)
{
    struct hm_span rest = hm_str_trim(line.at, line.len);
    bool sets;

    *out_name = (struct hm_span){rest.at, 0};
    *out_value = (struct hm_span){"", 0};
    while (out_name->len < rest.len && !is_blank(rest.at[out_name->len]) &&
           rest.at[out_name->len] != '=' && rest.at[out_name->len] != '#') {
        out_name->len++;
    }
    rest = skip_blanks((struct hm_span){rest.at + out_name->len, rest.len - out_name->len});
    if (rest.len > 0 && rest.at[0] == '=') {
        rest = (struct hm_span){rest.at + 1, rest.len - 1};
    }
    sets = out_name->len > 0 && next_word(&rest, '#', out_value);
    *out_more = rest;
    return sets;
}

/* Of a name the last line counts. */
bool hm_server_take_postgresql(struct hm_server_settings *settings, struct hm_span text)
{
    struct hm_span line;

    while (hm_str_next_line(&text, &line)) {
        struct hm_span name;
        struct hm_span value;
        struct hm_span more;

        if (!split_setting(line, &name, &value, &more)) {
            continue;
        }
        if (hm_server_is(name, "port")) {
            take_port_of_postgresql(settings, value);
        } else if (hm_server_is(name, "listen_addresses")) {
            take_addresses(settings, value, ',');
        } else if (hm_server_is(name, "data_directory")) {
            hm_server_settings_data(settings, value);
        } else if ((hm_server_is(name, "include") && !include(settings, HM_INCLUDE_FILE, value)) ||
                   (hm_server_is(name, "include_if_exists") &&
                    !include(settings, HM_INCLUDE_IF_ANY, value)) ||
                   (hm_server_is(name, "include_dir") &&
                    !include(settings, HM_INCLUDE_FOLDER, value))) {
            return false;
        }
    }
    return true;
}

/* ---- MySQL, MariaDB ------------------------------------------------------------------------- */

enum group { GROUP_OTHER, GROUP_SERVER, GROUP_UNSURE };

/* "mysqld", "server"; of an instance "mariadbd.NAME" and "mysqld@NAME"; of one version
 * "mysqld-8.0", and "mysqld_safe", may be read or not. */
static enum group group_of(const struct hm_server_settings *settings, struct hm_span name)
{
    static const char *const groups[] = {"mysqld",  "server",        "mariadbd",
                                         "mariadb", "client-server", "galera"};
    static const char *const unsure[] = {"mysqld-",     "mariadb-",    "mariadbd-",
                                         "mysqld_safe", "safe_mysqld", "mariadbd_safe"};
    const size_t suffix = strlen(settings->instance);

    for (size_t i = 0; i < HM_COUNT(groups); i++) {
        const size_t len = strlen(groups[i]);

        if (name.len < len || !hm_server_is((struct hm_span){name.at, len}, groups[i])) {
            continue;
        }
        if (name.len == len || (suffix > 0 && name.len == len + 1 + suffix &&
                                (name.at[len] == '.' || name.at[len] == '@') &&
                                memcmp(name.at + len + 1, settings->instance, suffix) == 0)) {
            return GROUP_SERVER;
        }
    }
    for (size_t i = 0; i < HM_COUNT(unsure); i++) {
        const size_t len = strlen(unsure[i]);

        if (name.len >= len && hm_server_is((struct hm_span){name.at, len}, unsure[i])) {
            return GROUP_UNSURE;
        }
    }
    return GROUP_OTHER;
}

/* "skip_networking" as "skip-networking", without "loose-". */
static struct hm_span option_name(struct hm_span name, char out[NAME_BYTES])
{
    static const char loose[] = "loose-";
    const size_t len = sizeof(loose) - 1;

    if (name.len >= NAME_BYTES) {
        return (struct hm_span){"", 0};
    }
    for (size_t i = 0; i < name.len; i++) {
        out[i] = name.at[i] == '_' ? '-' : name.at[i];
    }
    return name.len > len && hm_server_is((struct hm_span){out, len}, loose)
               ? (struct hm_span){out + len, name.len - len}
               : (struct hm_span){out, name.len};
}

static void take_option(struct hm_server_settings *settings, enum group group, struct hm_span name,
                        bool has_value, struct hm_span value)
{
    char text[NAME_BYTES];
    const bool off = has_value && (hm_server_is(value, "0") || hm_server_is(value, "off") ||
                                   hm_server_is(value, "false"));
    const struct hm_span option = option_name(name, text);
    const bool is_port = hm_server_is(option, "port");
    const bool is_extra = hm_server_is(option, "extra-port");
    const bool is_address = hm_server_is(option, "bind-address");
    const bool is_data = hm_server_is(option, "datadir");
    const bool closes = hm_server_is(option, "skip-networking");
    const bool opens = hm_server_is(option, "disable-skip-networking") ||
                       hm_server_is(option, "skip-skip-networking");

    if (group == GROUP_OTHER ||
        !(is_port || is_extra || is_address || is_data || closes || opens)) {
        return;
    }
    if (group == GROUP_UNSURE) {
        settings->doubt = is_data ? "has the datadir in a group that not every version reads"
                                  : "has the port in a group that not every version reads";
    } else if (is_port) {
        hm_server_set_port(settings, value);
    } else if (is_extra) {
        (void)read_number(settings, value, &settings->second);
    } else if (is_address) {
        take_addresses(settings, value, ',');
        settings->no_address = false;
    } else if (is_data) {
        hm_server_settings_data(settings, value);
    } else {
        settings->closed = closes && !off;
    }
}

bool hm_server_take_mysql(struct hm_server_settings *settings, struct hm_span text)
{
    enum group group = GROUP_OTHER;
    struct hm_span line;

    while (hm_str_next_line(&text, &line)) {
        struct hm_span rest = hm_str_trim(line.at, line.len);
        const char *equals = rest.len == 0 ? NULL : memchr(rest.at, '=', rest.len);
        struct hm_span name = rest;
        struct hm_span value = {"", 0};
        struct hm_span word;

        if (rest.len == 0 || rest.at[0] == '#' || rest.at[0] == ';') {
            continue;
        }
        if (rest.at[0] == '[') {
            const char *end = memchr(rest.at, ']', rest.len);

            group = end == NULL ? GROUP_UNSURE
                                : group_of(settings, (struct hm_span){rest.at + 1,
                                                                      (size_t)(end - rest.at) - 1});
            continue;
        }
        if (rest.at[0] == '!') {
            (void)next_word(&rest, '#', &word);
            rest = hm_str_trim(rest.at, rest.len);
            if (!include(settings,
                         hm_server_is(word, "!includedir") ? HM_INCLUDE_FOLDER : HM_INCLUDE_FILE,
                         rest)) {
                return false;
            }
            continue;
        }
        if (equals != NULL) {
            name = hm_str_trim(rest.at, (size_t)(equals - rest.at));
            rest = (struct hm_span){equals + 1, rest.len - (size_t)(equals - rest.at) - 1};
            (void)next_word(&rest, '#', &value);
        } else {
            (void)next_word(&rest, '#', &name);
        }
        take_option(settings, group, name, equals != NULL, value);
    }
    return true;
}

/* ---- Redis, Valkey -------------------------------------------------------------------------- */

/* "bind 127.0.0.1 -::1": one with "-" need not be there. */
static void take_bind(struct hm_server_settings *settings, struct hm_span rest)
{
    struct hm_span word;

    hm_server_clear_addresses(settings);
    while (next_word(&rest, '\0', &word)) {
        if (word.len > 0 && word.at[0] == '-') {
            word = (struct hm_span){word.at + 1, word.len - 1};
        }
        if (word.len == 0) {
            settings->doubt = "has a bind line without an address";
        } else {
            hm_server_add_address(settings, word);
        }
    }
}

bool hm_server_take_redis(struct hm_server_settings *settings, struct hm_span text)
{
    struct hm_span line;

    while (hm_str_next_line(&text, &line)) {
        struct hm_span rest = hm_str_trim(line.at, line.len);
        struct hm_span name;
        struct hm_span value = {"", 0};
        struct hm_span arguments;

        if (!next_word(&rest, '#', &name)) {
            continue;
        }
        arguments = rest;
        (void)next_word(&rest, '\0', &value);
        if (hm_server_is(name, "port")) {
            hm_server_set_port(settings, value);
        } else if (hm_server_is(name, "tls-port")) {
            (void)read_number(settings, value, &settings->second);
        } else if (hm_server_is(name, "cluster-port")) {
            (void)read_number(settings, value, &settings->bus);
        } else if (hm_server_is(name, "cluster-enabled")) {
            settings->clusters = hm_server_is(value, "yes");
        } else if (hm_server_is(name, "tls-cluster")) {
            settings->tls_cluster = hm_server_is(value, "yes");
        } else if (hm_server_is(name, "bind")) {
            take_bind(settings, arguments);
        } else if (hm_server_is(name, "include") && !include(settings, HM_INCLUDE_PATTERN, value)) {
            return false;
        }
    }
    return true;
}

/* ---- SSH ------------------------------------------------------------------------------------ */

/* A port holds in the global part, and behind "Match all". The server does not start with one
 * behind another condition, nor in a file that is included there. */
bool hm_server_take_ssh(struct hm_server_settings *settings, struct hm_span text)
{
    const bool conditional = settings->conditional; /* the line that includes this file is */
    struct hm_span line;

    while (hm_str_next_line(&text, &line)) {
        struct hm_span name;
        struct hm_span value;
        struct hm_span more;

        if (!split_setting(line, &name, &value, &more)) {
            continue;
        }
        if (hm_server_is(name, "match")) {
            settings->conditional = conditional || !hm_server_is(value, "all");
        } else if (settings->conditional &&
                   (hm_server_is(name, "port") || hm_server_is(name, "listenaddress") ||
                    hm_server_is(name, "addressfamily"))) {
            settings->doubt = "has a port or an address behind Match, with which it does not start";
        } else if (hm_server_is(name, "port")) {
            hm_server_add_port(settings, value);
        } else if (hm_server_is(name, "listenaddress")) {
            hm_server_add_listen(settings, value);
        } else if (hm_server_is(name, "addressfamily")) {
            settings->one_family = hm_server_is(value, "inet")    ? 4
                                   : hm_server_is(value, "inet6") ? 6
                                                                  : 0;
        } else if (hm_server_is(name, "include")) {
            do {
                if (!include(settings, HM_INCLUDE_PATTERN, value)) {
                    return false;
                }
            } while (next_word(&more, '#', &value));
        }
    }
    settings->conditional = conditional; /* a Match ends with its file */
    return true;
}

/* ---- Memcached ------------------------------------------------------------------------------ */

/* "-vp": the letter with its value, behind those that have none. Of no length: no such word. */
static struct hm_span behind_flags(struct hm_span word)
{
    static const char flags[] = "ACFLMSVXZdhikrv";
    size_t i = 1;

    if (word.len < 2 || word.at[0] != '-' || word.at[1] == '-') {
        return (struct hm_span){"", 0};
    }
    while (i + 1 < word.len && memchr(flags, word.at[i], sizeof(flags) - 1) != NULL) {
        i++;
    }
    return (struct hm_span){word.at + i, word.len - i};
}

/* "-p 11211", "-p11211", "-vp11211", "--port=11211": one option a line, of Debian's wrapper. */
static bool is_option(struct hm_span word, char short_name, const char *long_name,
                      struct hm_span *rest, struct hm_span *out_value)
{
    const struct hm_span letters = behind_flags(word);
    const size_t len = strlen(long_name);

    if (word.len >= len && memcmp(word.at, long_name, len) == 0) {
        if (word.len > len && word.at[len] == '=') {
            *out_value = (struct hm_span){word.at + len + 1, word.len - len - 1};
            return true;
        }
        return word.len == len && next_word(rest, '#', out_value);
    }
    if (letters.len == 0 || letters.at[0] != short_name) {
        return false;
    }
    if (letters.len > 1) {
        *out_value = (struct hm_span){letters.at + 1, letters.len - 1};
        return true;
    }
    return next_word(rest, '#', out_value);
}

/* Letters behind one that is not known may be its value, or options. */
static bool may_hide_options(struct hm_span word)
{
    static const char known[] = "ABCDFILMNPRSUVXYZabcdefhiklmnoprstuv";
    const struct hm_span letters = behind_flags(word);

    return letters.len > 1 && memchr(known, letters.at[0], sizeof(known) - 1) == NULL;
}

bool hm_server_take_memcached(struct hm_server_settings *settings, struct hm_span text)
{
    struct hm_span line;

    while (hm_str_next_line(&text, &line)) {
        struct hm_span rest = hm_str_trim(line.at, line.len);
        struct hm_span word;
        struct hm_span value;

        while (next_word(&rest, '#', &word)) {
            if (is_option(word, 'p', "--port", &rest, &value)) {
                hm_server_set_port(settings, value);
            } else if (is_option(word, 's', "--unix-socket", &rest, &value)) {
                settings->closed = true;
            } else if (is_option(word, 'l', "--listen", &rest, &value)) {
                while (value.len > 0) {
                    const char *comma = memchr(value.at, ',', value.len);
                    const size_t len = comma == NULL ? value.len : (size_t)(comma - value.at);

                    hm_server_add_listen(settings, hm_str_trim(value.at, len));
                    value = (struct hm_span){value.at + len + (comma != NULL),
                                             value.len - len - (comma != NULL)};
                }
            } else if (may_hide_options(word)) {
                settings->doubt = "has an option that is not understood";
            }
        }
    }
    return true;
}
