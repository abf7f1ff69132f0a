/* agent/platform/linux/unit_file.c — the text of one unit file or drop-in.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/linux/units.h"

#include <stdio.h>
#include <string.h>

#include "agent/platform/linux/linux.h"
#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/os/os.h"

#define WORD_BYTES HM_LINUX_WORD_BYTES

/* These start something else, which the file name says nothing about. */
static const char *const wrappers[] = {
    "bash", "busybox", "chroot",  "chrt",   "dash", "env",  "flock",   "ionice",
    "nice", "runuser", "setpriv", "setsid", "sh",   "sudo", "su-exec", "start-stop-daemon",
    "true",
};

/* One setting, and the file it is in. */
struct setting {
    struct hm_linux_unit *unit;
    const struct hm_linux_unit_source *source;
    struct hm_arena *arena;
    const char *key;
    struct hm_span value;
    bool failed;
};

static bool is_value(const struct setting *setting, const char *text)
{
    return setting->value.len == strlen(text) &&
           memcmp(setting->value.at, text, setting->value.len) == 0;
}

static bool is_yes(const struct setting *setting)
{
    return is_value(setting, "yes") || is_value(setting, "true") || is_value(setting, "on") ||
           is_value(setting, "1");
}

static bool append(char *out, size_t *len, const char *text, size_t count)
{
    if (*len + count >= WORD_BYTES) {
        return false;
    }
    memcpy(out + *len, text, count);
    *len += count;
    return true;
}

/* What a specifier stands for in this unit; at NULL: not known here. */
static struct hm_span specifier(const char *name, char letter)
{
    static const struct hm_span none = {NULL, 0};
    const char *dot = strrchr(name, '.');
    const size_t whole = dot == NULL ? strlen(name) : (size_t)(dot - name);
    const char *at = memchr(name, '@', whole);
    const size_t prefix = at == NULL ? whole : (size_t)(at - name);
    const struct hm_span instance =
        at == NULL ? none : (struct hm_span){at + 1, whole - prefix - 1};

    switch (letter) {
    case '%':
        return (struct hm_span){"%", 1};
    case 'i':
        return instance;
    case 'I': /* the caller unescapes it */
        return at != NULL && memchr(instance.at, '\\', instance.len) == NULL ? instance : none;
    case 'n':
        return (struct hm_span){name, strlen(name)};
    case 'N':
        return (struct hm_span){name, whole};
    case 'p':
        return (struct hm_span){name, prefix};
    default:
        return none;
    }
}

bool hm_linux_unit_expand(const char *name, struct hm_span word, char out[HM_LINUX_WORD_BYTES])
{
    size_t len = 0;

    for (size_t i = 0; i < word.len; i++) {
        struct hm_span text = {word.at + i, 1};
        const size_t before = len;
        bool slashes = false;

        if (word.at[i] == '%') {
            i++;
            slashes = i < word.len && word.at[i] == 'I';
            text = i < word.len ? specifier(name, word.at[i]) : (struct hm_span){NULL, 0};
            if (text.at == NULL) {
                return false;
            }
        }
        if (!append(out, &len, text.at, text.len)) {
            return false;
        }
        for (size_t k = before; slashes && k < len; k++) {
            out[k] = out[k] == '-' ? '/' : out[k];
        }
    }
    out[len] = '\0';
    return true;
}

static bool next_word(struct hm_span *rest, struct hm_span *out_word)
{
    struct hm_span left = hm_str_trim(rest->at, rest->len);
    size_t len = 0;

    while (len < left.len && left.at[len] != ' ' && left.at[len] != '\t') {
        len++;
    }
    *out_word = (struct hm_span){left.at, len};
    *rest = (struct hm_span){left.at + len, left.len - len};
    return len > 0;
}

static void put(struct setting *setting, struct hm_strings *list, size_t *room, const char *name)
{
    void *items = (void *)list->at;
    char *copy = hm_arena_strdup(setting->arena, name);

    if (copy == NULL ||
        hm_arena_grow(setting->arena, &items, list->count, room, sizeof(*list->at)) != 0) {
        setting->failed = true;
        return;
    }
    list->at = (const char **)items;
    list->at[list->count++] = copy;
}

/* Names of units; an empty line does not remove earlier dependencies. */
static void each_unit(struct setting *setting, bool pulls, bool stops, bool binds)
{
    struct hm_linux_unit *unit = setting->unit;
    struct hm_span rest = setting->value;
    struct hm_span word;
    char name[WORD_BYTES];

    while (!setting->failed && next_word(&rest, &word)) {
        const bool known = hm_linux_unit_expand(unit->name, word, name);
        const bool service = known && hm_linux_unit_stem(name, ".service") > 0;

        unit->deps_unknown = unit->deps_unknown || !known;
        unit->bound = unit->bound || (binds && !service);
        if (known && pulls) {
            put(setting, &unit->pulls, &unit->pulls_room, name);
        }
        if (known && pulls && setting->source->by_person) {
            put(setting, &unit->chosen_pulls, &unit->chosen_room, name);
        }
        if (service && stops) {
            put(setting, &unit->stops_with, &unit->stops_room, name);
        }
    }
}

static void set_wants(struct setting *setting)
{
    each_unit(setting, true, false, false);
}

static void set_requires(struct setting *setting)
{
    each_unit(setting, true, true, false);
}

static void set_binds_to(struct setting *setting)
{
    each_unit(setting, true, true, true);
}

static void set_part_of(struct setting *setting)
{
    each_unit(setting, false, true, false);
}

static void set_type(struct setting *setting)
{
    setting->unit->oneshot = is_value(setting, "oneshot");
}

static void set_remains(struct setting *setting)
{
    setting->unit->remains = is_yes(setting);
}

static bool is_wrapper(const char *program)
{
    for (size_t i = 0; i < HM_COUNT(wrappers); i++) {
        if (strcmp(wrappers[i], program) == 0) {
            return true;
        }
    }
    return false;
}

/* The file name of a command's program, without the path; false: not known. *out_rest: its
 * arguments. */
static bool take_program(const struct setting *setting, char path[WORD_BYTES],
                         const char **out_name, struct hm_span *out_rest)
{
    struct hm_span word;
    const char *name;

    *out_rest = setting->value;
    if (!next_word(out_rest, &word)) {
        return false;
    }
    while (word.len > 0 && strchr("@-:+!|", word.at[0]) != NULL) {
        word.at++;
        word.len--;
    }
    if (word.len > 0 && (word.at[0] == '"' || word.at[0] == '\'')) {
        const char *end = setting->value.at + setting->value.len;
        const char *closing = memchr(word.at + 1, word.at[0], (size_t)(end - word.at - 1));

        if (closing == NULL) {
            return false;
        }
        word = (struct hm_span){word.at + 1, (size_t)(closing - word.at - 1)};
        *out_rest = (struct hm_span){closing + 1, (size_t)(end - closing - 1)};
    }
    if (!hm_linux_unit_expand(setting->unit->name, word, path) || strchr(path, '$') != NULL) {
        return false;
    }
    name = strrchr(path, '/') == NULL ? path : strrchr(path, '/') + 1;
    *out_name = name;
    return strlen(name) <= HM_LIMIT_NAME_BYTES && hm_str_is_utf8(name, strlen(name));
}

/* Each command may start a container. */
static void put_containers(struct setting *setting, enum hm_linux_command command, const char *name,
                           struct hm_span arguments)
{
    struct hm_linux_unit *unit = setting->unit;
    const size_t listens = unit->listens_count;
    const size_t starts = unit->starts_count;
    const bool hides = unit->hides_ports;

    unit->hides_ports = false;
    setting->failed = setting->failed || !hm_linux_unit_publish(unit, name, is_wrapper(name),
                                                                arguments, setting->arena);
    for (size_t i = listens; i < unit->listens_count; i++) {
        unit->listens[i].command = command;
    }
    for (size_t i = starts; i < unit->starts_count; i++) {
        unit->starts[i].command = command;
    }
    unit->hides_by[command] = unit->hides_by[command] || unit->hides_ports;
    unit->hides_ports = unit->hides_ports || hides;
}

/* The first command is the program. */
static void set_exec_start(struct setting *setting)
{
    struct hm_linux_unit *unit = setting->unit;
    const bool first = !unit->has_exec;
    struct hm_span rest;
    char path[WORD_BYTES];
    const char *name;

    if (setting->value.len == 0) {
        unit->has_exec = false;
        unit->program = "";
        unit->arguments = "";
        hm_linux_unit_unpublish(unit, HM_LINUX_EXEC_START);
        return;
    }
    unit->has_exec = true;
    if (first) {
        unit->program = "";
        unit->arguments = "";
    }
    if (!take_program(setting, path, &name, &rest)) {
        return;
    }
    if (first && !is_wrapper(name)) {
        unit->program = hm_arena_strdup(setting->arena, name);
        unit->arguments = hm_arena_strndup(setting->arena, rest.at, rest.len);
        setting->failed = unit->program == NULL || unit->arguments == NULL;
    }
    put_containers(setting, HM_LINUX_EXEC_START, name, rest);
}

static void set_exec_beside(struct setting *setting, enum hm_linux_command command)
{
    struct hm_span rest;
    char path[WORD_BYTES];
    const char *name;

    if (setting->value.len == 0) {
        hm_linux_unit_unpublish(setting->unit, command);
    } else if (take_program(setting, path, &name, &rest)) {
        put_containers(setting, command, name, rest);
    }
}

static void set_exec_pre(struct setting *setting)
{
    set_exec_beside(setting, HM_LINUX_EXEC_PRE);
}

static void set_exec_post(struct setting *setting)
{
    set_exec_beside(setting, HM_LINUX_EXEC_POST);
}

/* "-/srv/web": it need not be there. */
static void set_folder(struct setting *setting)
{
    const size_t mark = setting->value.len > 0 && setting->value.at[0] == '-' ? 1 : 0;
    const struct hm_span path = {setting->value.at + mark, setting->value.len - mark};
    char text[WORD_BYTES];

    if (!hm_linux_unit_expand(setting->unit->name, path, text) || text[0] != '/') {
        text[0] = '\0';
    }
    setting->unit->folder = hm_arena_strdup(setting->arena, text);
    setting->failed = setting->unit->folder == NULL;
}

static void put_environment(struct setting *setting, enum hm_linux_environment kind)
{
    setting->failed =
        !hm_linux_unit_put_environment(setting->unit, kind, setting->value, setting->arena);
}

static void set_environment(struct setting *setting)
{
    put_environment(setting, HM_LINUX_ENVIRONMENT);
}

static void set_environment_file(struct setting *setting)
{
    put_environment(setting, HM_LINUX_ENVIRONMENT_FILE);
}

static void set_environment_passed(struct setting *setting)
{
    put_environment(setting, HM_LINUX_ENVIRONMENT_PASSED);
}

static void set_session(struct setting *setting)
{
    setting->unit->session = setting->value.len > 0 || setting->unit->session;
}

static void set_standard_input(struct setting *setting)
{
    setting->unit->session = setting->unit->session ||
                             (setting->value.len >= 3 && memcmp(setting->value.at, "tty", 3) == 0);
}

static void set_accepts(struct setting *setting)
{
    setting->unit->accepts = is_yes(setting);
}

static void set_activates(struct setting *setting)
{
    char name[WORD_BYTES];

    if (hm_linux_unit_expand(setting->unit->name, setting->value, name)) {
        setting->unit->activates = hm_arena_strdup(setting->arena, name);
        setting->failed = setting->unit->activates == NULL;
    }
}

/* "22", "0.0.0.0:22", "[::]:22"; not a path, "@abstract", "vsock::22". An empty line removes all
 * that stands before it, of every kind. */
static void put_listen(struct setting *setting, enum hm_protocol protocol)
{
    struct hm_linux_unit *unit = setting->unit;
    char text[WORD_BYTES];
    struct hm_span outer = {text, 0};
    const char *port = text;
    const char *address;
    void *items = unit->listens;
    uint32_t number;

    if (setting->value.len == 0) {
        unit->listens_count = 0;
        return;
    }
    if (!hm_linux_unit_expand(unit->name, setting->value, text) || text[0] == '/' ||
        text[0] == '@') {
        return;
    }
    if (strrchr(text, ':') != NULL && strncmp(text, "vsock:", 6) != 0) {
        port = strrchr(text, ':') + 1;
    }
    if (!hm_str_parse_u32(port, strcspn(port, " \t%"), UINT16_MAX, &number) || number == 0) {
        return;
    }
    outer.len = port == text ? 0 : (size_t)(port - text) - 1;
    address = hm_linux_listen_address(outer, setting->arena);
    if (address == NULL || hm_arena_grow(setting->arena, &items, unit->listens_count,
                                         &unit->listens_room, sizeof(*unit->listens)) != 0) {
        setting->failed = true;
        return;
    }
    unit->listens = items;
    unit->listens[unit->listens_count++] = (struct hm_linux_listen){
        protocol, (uint16_t)number, hm_linux_address_families(outer), HM_LINUX_EXEC_START, address};
}

static void set_ipv6_only(struct setting *setting)
{
    setting->unit->ipv6_only =
        is_value(setting, "ipv6-only") || (setting->unit->ipv6_only && !is_value(setting, "both"));
}

static void set_stream(struct setting *setting)
{
    put_listen(setting, HM_TCP);
}

static void set_datagram(struct setting *setting)
{
    put_listen(setting, HM_UDP);
}

struct known {
    const char *section;
    const char *key;
    void (*set)(struct setting *setting);
};

/* clang-format off */
static const struct known known[] = {
    {"Unit",    "Wants",              set_wants},
    {"Unit",    "Upholds",            set_wants},
    {"Unit",    "Requires",           set_requires},
    {"Unit",    "BindsTo",            set_binds_to},
    {"Unit",    "Requisite",          set_part_of},
    {"Unit",    "PartOf",             set_part_of},
    {"Unit",    "StopPropagatedFrom", set_part_of},
    {"Service", "Type",               set_type},
    {"Service", "RemainAfterExit",    set_remains},
    {"Service", "ExecStart",          set_exec_start},
    {"Service", "ExecStartPre",       set_exec_pre},
    {"Service", "ExecStartPost",      set_exec_post},
    {"Service", "Environment",        set_environment},
    {"Service", "EnvironmentFile",    set_environment_file},
    {"Service", "PassEnvironment",    set_environment_passed},
    {"Service", "WorkingDirectory",   set_folder},
    {"Service", "PAMName",            set_session},
    {"Service", "TTYPath",            set_session},
    {"Service", "StandardInput",      set_standard_input},
    {"Socket",  "Accept",             set_accepts},
    {"Socket",  "Service",            set_activates},
    {"Socket",  "BindIPv6Only",       set_ipv6_only},
    {"Socket",  "ListenStream",       set_stream},
    {"Socket",  "ListenDatagram",     set_datagram},
    {"Path",    "Unit",               set_activates},
    {"Timer",   "Unit",               set_activates},
};
/* clang-format on */

/* The agent's own service sees other ones there (PrivateTmp=, PrivateDevices=). */
static bool is_private(const char *path)
{
    static const char *const folders[] = {"/dev/", "/tmp/", "/var/tmp/"};

    for (size_t i = 0; i < HM_COUNT(folders); i++) {
        if (strncmp(path, folders[i], strlen(folders[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* "PathExists=/etc/postgresql/%I" or "!/etc/…", and so it is now? Then it starts the next time. */
static bool path_holds(struct setting *setting, const char *kind)
{
    struct hm_span value = setting->value;
    const bool wanted = value.len == 0 || value.at[0] != '!';
    char path[WORD_BYTES];
    char file[HM_LINUX_PATH_BYTES];

    if (strcmp(kind, "PathExists") != 0) {
        return false;
    }
    if (!wanted) {
        value = hm_str_trim(value.at + 1, value.len - 1);
    }
    if (!hm_linux_unit_expand(setting->unit->name, value, path) || path[0] != '/') {
        return false;
    }
    if (is_private(path)) {
        return false;
    }
    (void)snprintf(file, sizeof(file), "%s%s", setting->source->root, path);
    if (!hm_linux_watch(setting->source->watches, file, setting->arena)) {
        setting->failed = true;
        return false;
    }
    return hm_os_exists(file) == wanted;
}

/* Condition…= and Assert…=. They were asked when the unit started, and most cannot be asked here.
 * An empty line removes the ones before it. */
static bool set_condition(struct setting *setting)
{
    static const char condition[] = "Condition";
    static const char assertion[] = "Assert";
    const bool is_condition = strncmp(setting->key, condition, sizeof(condition) - 1) == 0;
    bool *open = is_condition ? &setting->unit->conditions : &setting->unit->asserts;

    if (!is_condition && strncmp(setting->key, assertion, sizeof(assertion) - 1) != 0) {
        return false;
    }
    *open = setting->value.len > 0 &&
            (*open ||
             !path_holds(setting, setting->key +
                                      (is_condition ? sizeof(condition) : sizeof(assertion)) - 1));
    return true;
}

static void set(struct setting *setting, const char *section)
{
    if (strcmp(section, "Unit") == 0 && set_condition(setting)) {
        return;
    }
    for (size_t i = 0; i < HM_COUNT(known); i++) {
        if (strcmp(known[i].key, setting->key) == 0 && strcmp(known[i].section, section) == 0) {
            known[i].set(setting);
            return;
        }
    }
}

/* A line that ends with a backslash continues on the next one. */
static void join_lines(char *text, size_t len)
{
    for (size_t i = 0; i + 1 < len; i++) {
        if (text[i] == '\\' && text[i + 1] == '\n') {
            text[i] = ' ';
            text[i + 1] = ' ';
        }
    }
}

static bool copy_span(char *out, size_t size, struct hm_span text)
{
    if (text.len >= size) {
        return false;
    }
    memcpy(out, text.at, text.len);
    out[text.len] = '\0';
    return true;
}

bool hm_linux_unit_parse(struct hm_linux_unit *unit, const struct hm_linux_unit_source *source,
                         char *text, size_t len)
{
    struct hm_span rest = {text, len};
    struct hm_span line;
    char section[32] = "";
    char key[64];

    join_lines(text, len);
    while (hm_str_next_line(&rest, &line)) {
        const struct hm_span trimmed = hm_str_trim(line.at, line.len);
        struct setting setting = {
            .unit = unit, .source = source, .arena = source->arena, .key = key};
        const char *equals;

        if (trimmed.len == 0 || trimmed.at[0] == '#' || trimmed.at[0] == ';') {
            continue;
        }
        if (trimmed.at[0] == '[') {
            if (!copy_span(section, sizeof(section),
                           (struct hm_span){trimmed.at + 1, trimmed.len - 1})) {
                section[0] = '\0';
            }
            section[strcspn(section, "]")] = '\0';
            continue;
        }
        equals = memchr(trimmed.at, '=', trimmed.len);
        if (equals == NULL ||
            !copy_span(key, sizeof(key), hm_str_trim(trimmed.at, (size_t)(equals - trimmed.at)))) {
            continue;
        }
        setting.value = hm_str_trim(equals + 1, trimmed.len - (size_t)(equals + 1 - trimmed.at));
        set(&setting, section);
        if (setting.failed) {
            return false;
        }
    }
    return true;
}
