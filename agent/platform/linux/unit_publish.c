/* agent/platform/linux/unit_publish.c — the outer ports of a container that a unit starts.
 * SPDX-License-Identifier: Apache-2.0
 *
 * "podman run … --publish 127.0.0.1:8080:80/tcp …", as Quadlet's generator and "podman generate
 * systemd --new" write it, and as people do with docker (podman-run(1), "--publish"). A unit that
 * starts a container by its name, or those of a project of compose, says nothing of their ports:
 * Docker's records do (docker.c), those of Podman and containerd (nerdctl) do not. Nor does a
 * variable ("$OPTIONS"). systemd-nspawn(1) forwards the ports of its option "--port". */
#include "agent/platform/linux/units.h"

#include <ctype.h>
#include <string.h>

#include "common/base/str.h"

#define PORTS_MAX 1024u /* of one unit */
#define COMPOSE_FILES_MAX 8u

static bool word_is(struct hm_span word, const char *text)
{
    return word.len == strlen(text) && memcmp(word.at, text, word.len) == 0;
}

/* Length of the first word: spaces in quotes belong to it, where these end. */
static size_t word_length(struct hm_span text)
{
    size_t at = 0;

    while (at < text.len && text.at[at] != ' ' && text.at[at] != '\t') {
        const char quote = strchr("\"'", text.at[at]) == NULL ? '\0' : text.at[at];
        size_t end = at + 1;

        while (quote != '\0' && end < text.len && text.at[end] != quote) {
            end += text.at[end] == '\\' ? 2 : 1;
        }
        at = quote != '\0' && end < text.len ? end + 1 : at + 1;
    }
    return at;
}

static bool take_word(struct hm_span *rest, struct hm_span *out_word)
{
    const struct hm_span left = hm_str_trim(rest->at, rest->len);
    const size_t len = word_length(left);

    *out_word = (struct hm_span){left.at, len};
    *rest = (struct hm_span){left.at + len, left.len - len};
    if (len > 1 && strchr("\"'", out_word->at[0]) != NULL) {
        *out_word = (struct hm_span){out_word->at + 1, len - 2};
    }
    return len > 0;
}

static bool has_any(struct hm_span word, const char *letters)
{
    for (size_t i = 0; i < word.len; i++) {
        if (strchr(letters, word.at[i]) != NULL) {
            return true;
        }
    }
    return false;
}

/* A value without the quotes around it: --publish="8080:80". */
static struct hm_span unquote(struct hm_span value)
{
    const bool quoted = value.len > 1 && strchr("\"'", value.at[0]) != NULL &&
                        value.at[value.len - 1] == value.at[0];

    return quoted ? (struct hm_span){value.at + 1, value.len - 2} : value;
}

/* "-p", "--publish", and "-itp", where short options without a value come before it: the value is
 * the next word. "-p8080:80", "--publish=8080:80": behind it. */
static bool is_publish(struct hm_span word, struct hm_span *out_value)
{
    static const char long_option[] = "--publish";
    const size_t len = sizeof(long_option) - 1;
    size_t at = 1;

    *out_value = (struct hm_span){NULL, 0};
    if (word.len >= len && memcmp(word.at, long_option, len) == 0) {
        if (word.len > len && word.at[len] == '=') {
            *out_value = unquote((struct hm_span){word.at + len + 1, word.len - len - 1});
        }
        return word.len == len || word.at[len] == '=';
    }
    if (word.len < 2 || word.at[0] != '-') {
        return false;
    }
    while (at < word.len && strchr("ditPq", word.at[at]) != NULL) {
        at++;
    }
    if (at == word.len || word.at[at] != 'p') {
        return false;
    }
    at++;
    at += at < word.len && word.at[at] == '=';
    *out_value = unquote((struct hm_span){word.at + at, word.len - at});
    return true;
}

static size_t last_of(struct hm_span text, char c)
{
    for (size_t i = text.len; i > 0; i--) {
        if (text.at[i - 1] == c) {
            return i - 1;
        }
    }
    return text.len;
}

enum hm_families hm_linux_address_families(struct hm_span address)
{
    static const char mapped[] = "[::ffff:";
    const size_t len = sizeof(mapped) - 1;
    bool digits = address.len > 0;

    if (address.len > 0 && address.at[0] == '[') {
        return word_is(address, "[::]")                                    ? HM_FAMILIES_BOTH
               : address.len > len && memcmp(address.at, mapped, len) == 0 ? HM_FAMILIES_IPV4
                                                                           : HM_FAMILIES_IPV6;
    }
    for (size_t i = 0; i < address.len; i++) {
        digits = digits && memchr("0123456789.", address.at[i], 11) != NULL;
    }
    return digits ? HM_FAMILIES_IPV4 : HM_FAMILIES_BOTH;
}

/* [[address:][outer]:]inner[/protocol]; a range of ports is "8000-8005". False: no fixed port. */
static bool read_outer(struct hm_span value, enum hm_protocol *out_protocol,
                       struct hm_range *out_range, struct hm_span *out_address)
{
    const size_t slash = last_of(value, '/');
    const struct hm_span protocol =
        slash < value.len ? (struct hm_span){value.at + slash + 1, value.len - slash - 1}
                          : (struct hm_span){"tcp", 3};
    struct hm_span outer = {value.at, slash};
    size_t at = last_of(outer, ':');
    uint32_t first;
    uint32_t last;

    if (at == outer.len || (!word_is(protocol, "tcp") && !word_is(protocol, "udp"))) {
        return false;
    }
    outer.len = at;
    at = last_of(outer, ':');
    *out_address = (struct hm_span){outer.at, at < outer.len ? at : 0};
    if (at < outer.len) {
        outer = (struct hm_span){outer.at + at + 1, outer.len - at - 1};
    }
    at = last_of(outer, '-');
    if (!hm_str_parse_u32(outer.at, at, UINT16_MAX, &first) || first == 0) {
        return false;
    }
    last = first;
    if (at < outer.len &&
        (!hm_str_parse_u32(outer.at + at + 1, outer.len - at - 1, UINT16_MAX, &last) ||
         last < first)) {
        return false;
    }
    *out_protocol = word_is(protocol, "udp") ? HM_UDP : HM_TCP;
    *out_range = (struct hm_range){(uint16_t)first, (uint16_t)last};
    return true;
}

static bool put_ports(struct hm_linux_unit *unit, struct hm_span value, struct hm_arena *arena)
{
    enum hm_protocol protocol;
    struct hm_span outer;
    struct hm_range range;
    const char *address;

    if (!read_outer(value, &protocol, &range, &outer)) {
        return true;
    }
    address = hm_linux_listen_address(outer, arena);
    if (address == NULL) {
        return false;
    }
    for (uint32_t port = range.first; port <= range.last; port++) {
        void *items = unit->listens;

        if (unit->listens_count >= PORTS_MAX) {
            unit->hides_ports = true;
            return true;
        }
        if (hm_arena_grow(arena, &items, unit->listens_count, &unit->listens_room,
                          sizeof(*unit->listens)) != 0) {
            return false;
        }
        unit->listens = items;
        unit->listens[unit->listens_count++] =
            (struct hm_linux_listen){protocol, (uint16_t)port, hm_linux_address_families(outer),
                                     HM_LINUX_EXEC_START, address};
    }
    return true;
}

/* ---- containers that are there already ------------------------------------------------------ */

static bool put_start(struct hm_linux_unit *unit, enum hm_linux_start_by by, struct hm_span text,
                      struct hm_arena *arena)
{
    char expanded[HM_LINUX_WORD_BYTES];
    void *items = unit->starts;
    const char *copy;

    text = unquote(text);
    if (has_any(text, "$\"'") || !hm_linux_unit_expand(unit->name, text, expanded)) {
        unit->hides_ports = true;
        return true;
    }
    copy = hm_arena_strdup(arena, expanded);
    if (copy == NULL || hm_arena_grow(arena, &items, unit->starts_count, &unit->starts_room,
                                      sizeof(*unit->starts)) != 0) {
        return false;
    }
    unit->starts = items;
    unit->starts[unit->starts_count++] =
        (struct hm_linux_start){.by = by, .text = copy, .command = HM_LINUX_EXEC_START};
    return true;
}

static bool is_one_of(struct hm_span word, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (word_is(word, names[i])) {
            return true;
        }
    }
    return false;
}

/* "docker start --attach web db" */
static bool read_names(struct hm_linux_unit *unit, struct hm_span arguments, struct hm_arena *arena)
{
    static const char *const with_value[] = {"--checkpoint",
                                             "--checkpoint-dir",
                                             "--detach-keys",
                                             "--signal",
                                             "--time",
                                             "--timeout",
                                             "-s",
                                             "-t"};
    const size_t before = unit->starts_count;
    struct hm_span word;
    struct hm_span value;

    while (take_word(&arguments, &word)) {
        if (word.at[0] == '-') {
            if (is_one_of(word, with_value, HM_COUNT(with_value))) {
                (void)take_word(&arguments, &value);
            }
        } else if (!put_start(unit, HM_LINUX_START_NAME, word, arena)) {
            return false;
        }
    }
    unit->hides_ports = unit->hides_ports || unit->starts_count == before;
    return true;
}

/* "-f FILE", "-fFILE", "--file FILE", "--file=FILE"; short_name 0: there is none. */
static bool is_option(struct hm_span word, char short_name, const char *long_name,
                      struct hm_span *rest, struct hm_span *out_value)
{
    const size_t len = strlen(long_name);

    if (word.len >= len && memcmp(word.at, long_name, len) == 0) {
        if (word.len > len) {
            *out_value = (struct hm_span){word.at + len + 1, word.len - len - 1};
            return word.at[len] == '=';
        }
    } else if (short_name == '\0' || word.len < 2 || word.at[1] != short_name) {
        return false;
    } else if (word.len > 2) {
        *out_value = (struct hm_span){word.at + 2, word.len - 2};
        return true;
    }
    return take_word(rest, out_value);
}

/* "docker compose --file web.yaml up --detach". Compose labels a container with the folder of its
 * first file where nothing else names one. */
static bool read_compose(struct hm_linux_unit *unit, struct hm_span arguments,
                         struct hm_span folder, struct hm_arena *arena)
{
    static const char *const starting[] = {"up", "start", "restart", "create", "run"};
    static const char *const others[] = {"build", "config", "down", "exec", "kill", "logs",
                                         "ps",    "pull",   "push", "rm",   "stop"};
    static const char *const with_value[] = {"--ansi",     "--context", "--host", "--parallel",
                                             "--progress", "-H",        "-c"};
    const size_t first = unit->starts_count;
    struct hm_span project = {NULL, 0};
    struct hm_span files[COMPOSE_FILES_MAX];
    size_t count = 0;
    bool profiles = false; /* or variables, which may say some */
    bool ok = true;
    struct hm_span word;
    struct hm_span value;

    while (take_word(&arguments, &word) && word.at[0] == '-') {
        if (is_option(word, 'p', "--project-name", &arguments, &value)) {
            project = value;
        } else if (is_option(word, 'f', "--file", &arguments, &value)) {
            unit->hides_ports = unit->hides_ports || count == COMPOSE_FILES_MAX;
            if (count < COMPOSE_FILES_MAX) {
                files[count++] = value;
            }
        } else if (is_option(word, '\0', "--project-directory", &arguments, &value)) {
            folder = value;
        } else if (is_option(word, '\0', "--profile", &arguments, &value) ||
                   is_option(word, '\0', "--env-file", &arguments, &value)) {
            profiles = true;
        } else if (is_one_of(word, with_value, HM_COUNT(with_value))) {
            (void)take_word(&arguments, &value);
        }
    }
    if (word.len == 0 || !is_one_of(word, starting, HM_COUNT(starting))) {
        unit->hides_ports = unit->hides_ports || !is_one_of(word, others, HM_COUNT(others));
        return true; /* or "$ARGS": any option, any command */
    }
    while (take_word(&arguments, &word)) { /* a service that is named needs no profile */
        profiles = profiles || word.at[0] != '-';
    }
    if (project.len > 0 || count == 0) {
        ok = put_start(unit, project.len > 0 ? HM_LINUX_START_PROJECT : HM_LINUX_START_FOLDER,
                       project.len > 0 ? project : folder, arena);
    }
    for (size_t i = 0; ok && project.len == 0 && i < count; i++) {
        ok = put_start(unit, HM_LINUX_START_FILE, files[i], arena);
    }
    for (size_t i = first; i < unit->starts_count; i++) {
        unit->starts[i].profiles = profiles;
    }
    return ok;
}

/* What a command of podman or docker does about the ports of containers. */
enum verb { VERB_OTHER, VERB_RUNS, VERB_STARTS, VERB_COMPOSES, VERB_HIDES };

/* The verb of "podman --log-level debug $LOGGING container run …"; *inout_rest is then behind it.
 * The word after an option without '=' may be its value. */
static enum verb take_verb(struct hm_span *inout_rest)
{
    static const struct {
        const char *word;
        enum verb verb;
    } verbs[] = {
        {"run",     VERB_RUNS    },
        {"start",   VERB_STARTS  },
        {"restart", VERB_STARTS  },
        {"compose", VERB_COMPOSES},
        {"create",  VERB_RUNS    }, /* with the options of "run" */
        {"pod",     VERB_HIDES   },
        {"kube",    VERB_HIDES   },
        {"play",    VERB_HIDES   },
    };
    static const char *const swarm[] = {"create", "deploy", "scale", "up", "update"};
    struct hm_span word;
    bool may_be_value = false;

    while (take_word(inout_rest, &word)) {
        if (word_is(word, "stack") || word_is(word, "service")) { /* of a swarm */
            return take_word(inout_rest, &word) && is_one_of(word, swarm, HM_COUNT(swarm))
                       ? VERB_HIDES
                       : VERB_OTHER;
        }
        for (size_t i = 0; i < HM_COUNT(verbs); i++) {
            if (word_is(word, verbs[i].word)) {
                return verbs[i].verb;
            }
        }
        if (word.at[0] == '-') {
            may_be_value = memchr(word.at, '=', word.len) == NULL;
        } else if (word.at[0] != '$' && !word_is(word, "container") && !may_be_value) {
            return VERB_OTHER;
        } else {
            may_be_value = false;
        }
    }
    return VERB_OTHER;
}

/* Is the next word the option's value? Of those that are not known it is taken to be, unless it
 * looks like an option: the image's name is then found too late, never too early. */
static bool has_value_behind(struct hm_span word)
{
    static const char *const without[] = {"--detach",
                                          "--disable-content-trust",
                                          "--env-host",
                                          "--help",
                                          "--http-proxy",
                                          "--init",
                                          "--interactive",
                                          "--no-healthcheck",
                                          "--no-hostname",
                                          "--no-hosts",
                                          "--oom-kill-disable",
                                          "--passwd",
                                          "--privileged",
                                          "--publish-all",
                                          "--quiet",
                                          "--read-only",
                                          "--read-only-tmpfs",
                                          "--replace",
                                          "--rm",
                                          "--rmi",
                                          "--sig-proxy",
                                          "--tls-verify",
                                          "--tty",
                                          "--unsetenv-all"};
    size_t at = 1;

    if (memchr(word.at, '=', word.len) != NULL || is_one_of(word, without, HM_COUNT(without))) {
        return false;
    }
    if (word.len > 1 && word.at[1] == '-') {
        return true;
    }
    while (at < word.len && strchr("ditPq", word.at[at]) != NULL) {
        at++;
    }
    return at + 1 == word.len; /* "-e A=1", not "-eA=1" or "-it" */
}

static void skip_value(struct hm_span *arguments)
{
    struct hm_span rest = *arguments;
    struct hm_span value;

    if (take_word(&rest, &value) &&
        (value.len < 2 || value.at[0] != '-' || isdigit((unsigned char)value.at[1]))) {
        *arguments = rest;
    }
}

/* The options of "podman run", up to the image's name: what follows it are arguments of the
 * container's program. A word that begins with a variable may be any option. */
static bool read_options(struct hm_linux_unit *unit, struct hm_span arguments,
                         struct hm_arena *arena)
{
    struct hm_span word;

    while (take_word(&arguments, &word)) {
        struct hm_span value;

        if (word.len == 0 || word.at[0] == '$') {
            unit->hides_ports = unit->hides_ports || word.len > 0;
        } else if (word.at[0] != '-' || word_is(word, "--")) {
            break;
        } else if (is_publish(word, &value)) {
            if ((value.len == 0 && !take_word(&arguments, &value)) || has_any(value, "%$")) {
                unit->hides_ports = true;
            } else if (!put_ports(unit, value, arena)) {
                return false;
            }
        } else if (has_value_behind(word)) {
            skip_value(&arguments);
        }
    }
    return true;
}

static bool is_engine(struct hm_span name)
{
    return word_is(name, "podman") || word_is(name, "docker") || word_is(name, "podman-compose") ||
           word_is(name, "docker-compose") || word_is(name, "nerdctl");
}

/* "systemd-nspawn -D /srv/root --port=tcp:8080:80": [protocol:]outer[:inner], up to the command of
 * the container. The word after an option without '=' may be its value. */
static bool read_nspawn(struct hm_linux_unit *unit, struct hm_span arguments,
                        struct hm_arena *arena)
{
    struct hm_span word;
    bool may_be_value = false;

    while (take_word(&arguments, &word)) {
        struct hm_span value = {NULL, 0};

        if (word.len == 0 || (word.at[0] != '-' && !may_be_value)) {
            break;
        }
        may_be_value = word.at[0] == '-' && memchr(word.at, '=', word.len) == NULL;
        if (is_option(word, 'p', "--port", &arguments, &value)) {
            const char *protocol = "tcp";
            const char *text;

            value = unquote(value);
            may_be_value = false;
            if (value.len > 4 && (word_is((struct hm_span){value.at, 4}, "tcp:") ||
                                  word_is((struct hm_span){value.at, 4}, "udp:"))) {
                protocol = value.at[0] == 'u' ? "udp" : "tcp";
                value = (struct hm_span){value.at + 4, value.len - 4};
            }
            text = hm_arena_printf(arena, "%.*s%s/%s", (int)value.len, value.at,
                                   last_of(value, ':') == value.len ? ":1" : "", protocol);
            if (text == NULL) {
                return false;
            }
            if (has_any(value, "%$")) {
                unit->hides_ports = true;
            } else if (!put_ports(unit, (struct hm_span){text, strlen(text)}, arena)) {
                return false;
            }
        }
    }
    return true;
}

/* folder: where compose is called, "" that of the unit. */
static bool read_engine(struct hm_linux_unit *unit, struct hm_span engine, bool wrapped,
                        struct hm_span arguments, struct hm_span folder, struct hm_arena *arena)
{
    const bool composes = word_is(engine, "docker-compose");
    const bool docker = composes || word_is(engine, "docker");
    const enum verb verb = composes                            ? VERB_COMPOSES
                           : word_is(engine, "podman-compose") ? VERB_HIDES
                                                               : take_verb(&arguments);

    if (docker && verb == VERB_STARTS) {
        return read_names(unit, arguments, arena);
    }
    if (docker && verb == VERB_COMPOSES) {
        return read_compose(unit, arguments, folder, arena);
    }
    if (verb == VERB_RUNS && !wrapped) {
        return read_options(unit, arguments, arena);
    }
    unit->hides_ports = unit->hides_ports || verb != VERB_OTHER;
    return true;
}

/* Does a shell or another wrapper start a container? "-c \"cd /srv; /usr/bin/podman run …\"" */
static bool read_wrapped(struct hm_linux_unit *unit, struct hm_span text, struct hm_arena *arena)
{
    static const char ends[] = " \t\"';(){}&|";
    struct hm_span folder = {"", 0};
    bool changes = false; /* the word before was "cd" */

    while (text.len > 0) {
        struct hm_span name = {text.at, 0};

        while (name.len < text.len && strchr(ends, name.at[name.len]) == NULL) {
            name.len++;
        }
        text = (struct hm_span){text.at + name.len, text.len - name.len};
        folder = changes && name.len > 0 ? name : folder;
        changes = name.len > 0 ? word_is(name, "cd") : changes;
        for (size_t i = name.len; i > 0; i--) {
            if (name.at[i - 1] == '/') {
                name = (struct hm_span){name.at + i, name.len - i};
                break;
            }
        }
        if (is_engine(name)) {
            struct hm_span command = {text.at, 0};

            while (command.len < text.len && strchr("\"';(){}&|", text.at[command.len]) == NULL) {
                command.len++;
            }
            if (!read_engine(unit, name, true, command, folder, arena)) {
                return false;
            }
            /* a quoted word is not read, nor what follows it */
            unit->hides_ports =
                unit->hides_ports || (unit->starts_count > 0 && command.len + 1 < text.len &&
                                      strchr("\"'", text.at[command.len]) != NULL);
        }
        if (text.len > 0) {
            text = (struct hm_span){text.at + 1, text.len - 1};
        }
    }
    return true;
}

bool hm_linux_unit_publish(struct hm_linux_unit *unit, const char *program, bool wrapper,
                           struct hm_span arguments, struct hm_arena *arena)
{
    static const struct hm_span none = {"", 0};
    const struct hm_span name = {program, strlen(program)};

    if (wrapper) {
        return read_wrapped(unit, arguments, arena);
    }
    if (word_is(name, "systemd-nspawn")) {
        return read_nspawn(unit, arguments, arena);
    }
    return !is_engine(name) || read_engine(unit, name, false, arguments, none, arena);
}
