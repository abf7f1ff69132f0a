/* agent/platform/linux/units.c — where units are, and what a boot starts.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/linux/units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/platform/linux/linux.h"
#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/os/os.h"

#define SLOTS 16384u /* of names; twice HM_LINUX_UNITS_MAX */
#define CACHE_BYTES (32u * 1024u * 1024u)
#define ALIASES_MAX 8 /* of a name; more is a circle */
#define NAME_BYTES HM_LINUX_UNIT_NAME_BYTES

#define TRANSIENT_FOLDER "/run/systemd/transient"

/* The load path of the system manager, first one first: systemd.unit(5). */
static const struct {
    const char *path;
    enum hm_linux_maker maker;
} load_path[] = {
    {"/etc/systemd/system.control",   HM_LINUX_BY_PERSON   },
    {"/run/systemd/system.control",   HM_LINUX_BY_PERSON   },
    {TRANSIENT_FOLDER,                HM_LINUX_BY_PERSON   },
    {"/run/systemd/generator.early",  HM_LINUX_BY_GENERATOR},
    {"/etc/systemd/system",           HM_LINUX_BY_PERSON   },
    {"/etc/systemd/system.attached",  HM_LINUX_BY_PERSON   },
    {"/run/systemd/system",           HM_LINUX_BY_PERSON   },
    {"/run/systemd/system.attached",  HM_LINUX_BY_PERSON   },
    {"/run/systemd/generator",        HM_LINUX_BY_GENERATOR},
    {"/usr/local/lib/systemd/system", HM_LINUX_BY_PERSON   },
    {"/usr/lib/systemd/system",       HM_LINUX_BY_PACKAGE  },
    {"/lib/systemd/system",           HM_LINUX_BY_PACKAGE  },
    {"/run/systemd/generator.late",   HM_LINUX_BY_GENERATOR},
};
#define FOLDERS HM_LINUX_UNIT_FOLDERS
_Static_assert(HM_COUNT(load_path) == FOLDERS, "one list of names a folder");

struct slot {
    const char *name; /* NULL free; aliases have slots of their own */
    struct hm_linux_unit *unit;
};

struct hm_linux_units {
    const char *root;
    struct hm_arena *arena;   /* the cache's */
    struct hm_arena *scratch; /* of this look */
    struct hm_linux_watches watches;
    bool merged;    /* /lib is /usr/lib */
    bool ipv6_only; /* net.ipv6.bindv6only: of sockets that do not say it */
    bool any;
    struct hm_strings folders[FOLDERS]; /* names in each, sorted */
    struct slot *slots;
    struct hm_linux_unit **at; /* in the order in which they were read */
    size_t count;
    size_t room;
    size_t names;
};

size_t hm_linux_unit_stem(const char *name, const char *suffix)
{
    const size_t len = strlen(name);
    const size_t suffix_len = strlen(suffix);

    return len > suffix_len && memcmp(name + len - suffix_len, suffix, suffix_len) == 0
               ? len - suffix_len
               : 0;
}

size_t hm_linux_units_count(const struct hm_linux_units *units)
{
    return units->count;
}

struct hm_linux_unit *hm_linux_units_at(const struct hm_linux_units *units, size_t i)
{
    return units->at[i];
}

/* /lib is a link to /usr/lib nearly everywhere: its units are not read twice. */
static bool is_lib_merged(const char *root)
{
    char path[HM_LINUX_PATH_BYTES];
    struct stat usr;
    struct stat lib;

    (void)snprintf(path, sizeof(path), "%s/usr/lib/systemd/system", root);
    if (stat(path, &usr) != 0) {
        return false;
    }
    (void)snprintf(path, sizeof(path), "%s/lib/systemd/system", root);
    return stat(path, &lib) == 0 && usr.st_dev == lib.st_dev && usr.st_ino == lib.st_ino;
}

static bool list_folder(struct hm_linux_units *units, size_t i)
{
    struct hm_strings *names = &units->folders[i];
    char path[HM_LINUX_PATH_BYTES];
    enum hm_status st = HM_ENOENT;

    (void)snprintf(path, sizeof(path), "%s%s", units->root, load_path[i].path);
    if (!hm_linux_watch(&units->watches, path, units->arena)) {
        return false;
    }
    if (!units->merged || strcmp(load_path[i].path, "/lib/systemd/system") != 0) {
        st = hm_os_list_folder(path, units->arena, names, NULL);
    }
    if (st != HM_OK) {
        *names = (struct hm_strings){NULL, 0};
    } else if (strcmp(load_path[i].path, "/etc/systemd/system") == 0) {
        units->any = true;
    }
    return st != HM_ENOMEM;
}

/* net.ipv6.bindv6only, "1" or "0" */
static bool is_ipv6_only(const char *root, struct hm_arena *scratch)
{
    char path[HM_LINUX_PATH_BYTES];
    char *text;
    size_t len;

    (void)snprintf(path, sizeof(path), "%s/proc/sys/net/ipv6/bindv6only", root);
    return hm_os_read_file(path, 64, scratch, &text, &len, NULL) == HM_OK && text[0] == '1';
}

static enum hm_status open_anew(const char *root, struct hm_arena *arena, struct hm_arena *scratch,
                                struct hm_linux_units **out_units, struct hm_err *err)
{
    struct hm_linux_units *units = hm_arena_alloc(arena, 1, sizeof(*units));
    bool ok = units != NULL;

    if (ok) {
        units->root = root;
        units->arena = arena;
        units->scratch = scratch;
        units->merged = is_lib_merged(root);
        units->ipv6_only = is_ipv6_only(root, scratch);
        units->slots = hm_arena_alloc(arena, SLOTS, sizeof(*units->slots));
        ok = units->slots != NULL;
    }
    for (size_t i = 0; ok && i < FOLDERS; i++) {
        ok = list_folder(units, i);
    }
    if (!ok) {
        return hm_fail(err, HM_ENOMEM, "no memory for the units of this host");
    }
    *out_units = units;
    return hm_linux_units_boot(units, err);
}

void hm_linux_unit_cache_fini(struct hm_linux_unit_cache *cache)
{
    if (cache->units != NULL) {
        hm_arena_fini(&cache->arena);
        cache->units = NULL;
    }
}

/* Names of units that came and went fill it, too: then it is built again. */
static bool is_fresh(const struct hm_linux_units *units, const char *root)
{
    return units != NULL && units->root == root && units->names < HM_LINUX_UNITS_MAX / 2 &&
           !hm_linux_watches_changed(&units->watches);
}

enum hm_status hm_linux_units_open(const char *root, struct hm_linux_unit_cache *cache,
                                   struct hm_arena *scratch, struct hm_linux_units **out_units,
                                   struct hm_err *err)
{
    struct hm_linux_units *units = NULL;
    enum hm_status st;

    if (is_fresh(cache->units, root)) {
        cache->units->scratch = scratch;
        *out_units = cache->units;
        return HM_OK;
    }
    hm_linux_unit_cache_fini(cache);
    hm_arena_init(&cache->arena, CACHE_BYTES);
    st = open_anew(root, &cache->arena, scratch, &units, err);
    if (st != HM_OK) {
        hm_arena_fini(&cache->arena);
        return st;
    }
    cache->units = units;
    *out_units = units;
    return HM_OK;
}

bool hm_linux_units_any(const struct hm_linux_units *units)
{
    return units->any;
}

/* ---- finding a unit's files ---------------------------------------------------------------- */

static int compare_names(const void *name, const void *row)
{
    return strcmp(name, *(const char *const *)row);
}

static bool has(const struct hm_linux_units *units, size_t folder, const char *name)
{
    const struct hm_strings *names = &units->folders[folder];

    return names->count > 0 &&
           bsearch(name, names->at, names->count, sizeof(*names->at), compare_names) != NULL;
}

/* The folder that counts; FOLDERS when there is none. */
static size_t find(const struct hm_linux_units *units, const char *name)
{
    size_t folder = 0;

    while (folder < FOLDERS && !has(units, folder, name)) {
        folder++;
    }
    return folder;
}

bool hm_linux_unit_template(const char *name, char out[NAME_BYTES])
{
    const char *at = strchr(name, '@');
    const char *dot = strrchr(name, '.');
    int put;

    if (at == NULL || dot == NULL || dot <= at + 1) {
        return false;
    }
    put = snprintf(out, NAME_BYTES, "%.*s@%s", (int)(at - name), name, dot);
    return put > 0 && put < NAME_BYTES;
}

/* The instance of name as one of template: "foo@x.service" of "foo@.service" and "bar@x.service".
 */
static bool instance_of(const char *template, const char *name, char out[NAME_BYTES])
{
    const char *at = strchr(template, '@');
    const char *instance = strchr(name, '@');
    int put;

    if (at == NULL || at[1] != '.' || instance == NULL) {
        put = snprintf(out, NAME_BYTES, "%s", template);
    } else {
        put = snprintf(out, NAME_BYTES, "%.*s%s", (int)(at - template), template, instance);
    }
    return put > 0 && put < NAME_BYTES;
}

/* The file of a unit: path, and the unit's own name when it has another than the one asked for. */
struct place {
    char path[HM_LINUX_PATH_BYTES]; /* "" there is none */
    char name[NAME_BYTES];
    bool masked;
    bool transient;
};

static bool is_same_unit(const char *base, const char *name)
{
    char template[NAME_BYTES];

    return strcmp(base, name) == 0 ||
           (hm_linux_unit_template(name, template) && strcmp(base, template) == 0);
}

static void locate(const struct hm_linux_units *units, const char *name, struct place *out)
{
    out->masked = false;
    out->transient = false;
    (void)snprintf(out->name, sizeof(out->name), "%s", name);
    for (int i = 0; i < ALIASES_MAX; i++) {
        char file[NAME_BYTES];
        char target[HM_LINUX_PATH_BYTES];
        const char *base;
        size_t folder = find(units, out->name);
        ssize_t len;

        out->path[0] = '\0';
        (void)snprintf(file, sizeof(file), "%s", out->name);
        if (folder == FOLDERS && hm_linux_unit_template(out->name, file)) {
            folder = find(units, file);
        }
        if (folder == FOLDERS) {
            return;
        }
        out->transient = strcmp(load_path[folder].path, TRANSIENT_FOLDER) == 0;
        (void)snprintf(out->path, sizeof(out->path), "%s%s/%s", units->root, load_path[folder].path,
                       file);
        len = readlink(out->path, target, sizeof(target) - 1);
        if (len <= 0) {
            return;
        }
        target[len] = '\0';
        out->masked = strcmp(target, "/dev/null") == 0;
        base = strrchr(target, '/') == NULL ? target : strrchr(target, '/') + 1;
        if (out->masked || is_same_unit(base, out->name) || !instance_of(base, out->name, file)) {
            return;
        }
        (void)snprintf(out->name, sizeof(out->name), "%s", file);
    }
}

/* Is it below a folder of the load path that is a person's? */
static bool is_by_person(const struct hm_linux_units *units, const char *path)
{
    const char *below = path + strlen(units->root);

    for (size_t i = 0; i < FOLDERS; i++) {
        const size_t len = strlen(load_path[i].path);

        if (strncmp(below, load_path[i].path, len) == 0 && below[len] == '/') {
            return load_path[i].maker == HM_LINUX_BY_PERSON;
        }
    }
    return false;
}

static enum hm_status read_file(struct hm_linux_units *units, const char *path,
                                struct hm_linux_unit *unit, bool *out_empty)
{
    const struct hm_linux_unit_source source = {units->root, units->arena, &units->watches,
                                                is_by_person(units, path)};
    char *text;
    size_t len;
    enum hm_status st = HM_ENOMEM;

    if (hm_linux_watch(&units->watches, path, units->arena)) {
        st = hm_os_read_file(path, HM_LINUX_UNIT_FILE_BYTES, units->scratch, &text, &len, NULL);
    }
    *out_empty = st == HM_OK && len == 0;
    if (st == HM_OK && !hm_linux_unit_parse(unit, &source, text, len)) {
        st = HM_ENOMEM;
    }
    return st;
}

bool hm_linux_units_links(struct hm_linux_units *units, const char *name, size_t folder,
                          struct hm_strings *out_names, enum hm_linux_maker *out_maker)
{
    char path[HM_LINUX_PATH_BYTES];

    if (!has(units, folder, name)) {
        return false;
    }
    (void)snprintf(path, sizeof(path), "%s%s/%s", units->root, load_path[folder].path, name);
    *out_maker = load_path[folder].maker;
    return hm_linux_watch(&units->watches, path, units->arena) &&
           hm_os_list_folder(path, units->scratch, out_names, NULL) == HM_OK;
}

bool hm_linux_units_masks(const struct hm_linux_units *units, size_t folder, const char *name)
{
    static const char null[] = "/dev/null";
    char path[HM_LINUX_PATH_BYTES];
    char target[sizeof(null)];

    if (load_path[folder].maker != HM_LINUX_BY_PERSON) {
        return false;
    }
    (void)snprintf(path, sizeof(path), "%s%s/%s", units->root, load_path[folder].path, name);
    return readlink(path, target, sizeof(target)) == (ssize_t)sizeof(null) - 1 &&
           memcmp(target, null, sizeof(null) - 1) == 0;
}

const struct hm_strings *hm_linux_units_names(const struct hm_linux_units *units, size_t folder)
{
    return &units->folders[folder];
}

const char *hm_linux_units_root(const struct hm_linux_units *units)
{
    return units->root;
}

struct hm_arena *hm_linux_units_scratch(const struct hm_linux_units *units)
{
    return units->scratch;
}

/* ---- drop-ins ------------------------------------------------------------------------------ */

/* Names of the folders of drop-ins, the least special first: of the type, of every prefix that
 * ends with '-', of the template, of the unit. */
#define DROP_IN_FOLDERS 12

static size_t drop_in_folders(const char *name, char out[DROP_IN_FOLDERS][NAME_BYTES + 4])
{
    const char *dot = strrchr(name, '.');
    char template[NAME_BYTES];
    size_t count = 0;

    (void)snprintf(out[count++], NAME_BYTES + 4, "%s.d", dot + 1);
    for (const char *dash = strchr(name, '-');
         dash != NULL && dash < dot && count + 2 < DROP_IN_FOLDERS; dash = strchr(dash + 1, '-')) {
        (void)snprintf(out[count++], NAME_BYTES + 4, "%.*s-%s.d", (int)(dash - name), name, dot);
    }
    if (hm_linux_unit_template(name, template)) {
        (void)snprintf(out[count++], NAME_BYTES + 4, "%s.d", template);
    }
    (void)snprintf(out[count++], NAME_BYTES + 4, "%s.d", name);
    return count;
}

static bool is_first(const struct hm_strings *paths, const char *name)
{
    for (size_t i = 0; i < paths->count; i++) {
        if (strcmp(strrchr(paths->at[i], '/') + 1, name) == 0) {
            return false;
        }
    }
    return true;
}

static int compare_bases(const void *a, const void *b)
{
    const char *x = *(const char *const *)a;
    const char *y = *(const char *const *)b;

    return strcmp(strrchr(x, '/') + 1, strrchr(y, '/') + 1);
}

/* Drop-ins of a folder's name, from every folder of the load path; the first of a name counts. */
static bool list_drop_ins(struct hm_linux_units *units, const char *folder_name,
                          struct hm_strings *paths, size_t *room)
{
    for (size_t i = 0; i < FOLDERS; i++) {
        enum hm_linux_maker maker;
        struct hm_strings names;

        if (!hm_linux_units_links(units, folder_name, i, &names, &maker)) {
            continue;
        }
        for (size_t k = 0; k < names.count; k++) {
            void *items = (void *)paths->at;
            const char *file;

            if (hm_linux_unit_stem(names.at[k], ".conf") == 0 || !is_first(paths, names.at[k])) {
                continue;
            }
            file = hm_arena_printf(units->scratch, "%s%s/%s/%s", units->root, load_path[i].path,
                                   folder_name, names.at[k]);
            if (file == NULL || hm_arena_grow(units->scratch, &items, paths->count, room,
                                              sizeof(*paths->at)) != 0) {
                return false;
            }
            paths->at = (const char **)items;
            paths->at[paths->count++] = file;
        }
    }
    return true;
}

/* More special folders outrank others for a file of one name; all are read in the order of the
 * files' names. */
static bool read_drop_ins(struct hm_linux_units *units, struct hm_linux_unit *unit)
{
    char folders[DROP_IN_FOLDERS][NAME_BYTES + 4];
    struct hm_strings paths = {NULL, 0};
    size_t room = 0;
    bool ok = true;

    for (size_t i = drop_in_folders(unit->name, folders); ok && i > 0; i--) {
        ok = list_drop_ins(units, folders[i - 1], &paths, &room);
    }
    if (ok && paths.count > 1) {
        qsort((void *)paths.at, paths.count, sizeof(*paths.at), compare_bases);
    }
    for (size_t i = 0; ok && i < paths.count; i++) {
        bool empty;
        enum hm_status st = read_file(units, paths.at[i], unit, &empty);

        ok = st != HM_ENOMEM;
        unit->deps_unknown = unit->deps_unknown || (st != HM_OK && st != HM_ENOENT);
        unit->conditions = unit->conditions || (st != HM_OK && st != HM_ENOENT);
    }
    return ok;
}

/* ---- units --------------------------------------------------------------------------------- */

static struct slot *slot_of(const struct hm_linux_units *units, const char *name)
{
    size_t at = (size_t)(hm_str_hash(0, name, strlen(name)) % SLOTS);

    while (units->slots[at].name != NULL && strcmp(units->slots[at].name, name) != 0) {
        at = (at + 1) % SLOTS;
    }
    return &units->slots[at];
}

static bool take_slot(struct hm_linux_units *units, const char *name, struct hm_linux_unit *unit)
{
    struct slot *slot = slot_of(units, name);

    if (slot->name == NULL && units->names < HM_LINUX_UNITS_MAX) {
        units->names++;
        slot->name = hm_arena_strdup(units->arena, name);
        slot->unit = unit;
    }
    return slot->name != NULL;
}

/* Links in "NAME.requires": it stops when one of them does. */
static bool read_requires(struct hm_linux_units *units, struct hm_linux_unit *unit)
{
    char folder[NAME_BYTES + 16];

    (void)snprintf(folder, sizeof(folder), "%s.requires", unit->name);
    for (size_t i = 0; i < FOLDERS; i++) {
        enum hm_linux_maker maker;
        struct hm_strings names;

        if (!hm_linux_units_links(units, folder, i, &names, &maker)) {
            continue;
        }
        for (size_t k = 0; k < names.count; k++) {
            void *items = (void *)unit->stops_with.at;
            const char *copy;

            if (hm_linux_unit_stem(names.at[k], ".service") == 0) {
                continue;
            }
            copy = hm_arena_strdup(units->arena, names.at[k]);
            if (copy == NULL ||
                hm_arena_grow(units->arena, &items, unit->stops_with.count, &unit->stops_room,
                              sizeof(*unit->stops_with.at)) != 0) {
                return false;
            }
            unit->stops_with.at = (const char **)items;
            unit->stops_with.at[unit->stops_with.count++] = copy;
        }
    }
    return true;
}

static bool load(struct hm_linux_units *units, const struct place *place,
                 struct hm_linux_unit *unit)
{
    bool empty = false;
    enum hm_status st = HM_ENOENT;

    unit->masked = place->masked;
    unit->transient = place->transient;
    if (place->path[0] != '\0' && !place->masked) {
        st = read_file(units, place->path, unit, &empty);
        unit->unreadable = st != HM_OK && st != HM_ENOENT; /* a link to nothing is no unit */
        unit->masked = empty;
        unit->found = st == HM_OK && !empty;
    }
    return st != HM_ENOMEM &&
           (!unit->found || (read_drop_ins(units, unit) && read_requires(units, unit)));
}

struct hm_linux_unit *hm_linux_unit(struct hm_linux_units *units, const char *name)
{
    const struct slot *slot = slot_of(units, name);
    void *items = (void *)units->at;
    struct hm_linux_unit *unit;
    struct place place;

    if (slot->name != NULL) {
        return slot->unit;
    }
    if (strlen(name) >= NAME_BYTES || strrchr(name, '.') == NULL) {
        return NULL;
    }
    locate(units, name, &place);
    slot = slot_of(units, place.name);
    if (slot->name != NULL) {
        return take_slot(units, name, slot->unit) ? slot->unit : NULL;
    }
    unit = hm_arena_alloc(units->arena, 1, sizeof(*unit));
    if (unit == NULL ||
        hm_arena_grow(units->arena, &items, units->count, &units->room, sizeof(*units->at)) != 0) {
        return NULL;
    }
    units->at = (struct hm_linux_unit **)items;
    unit->program = "";
    unit->arguments = "";
    unit->activates = "";
    unit->folder = "";
    unit->ipv6_only = units->ipv6_only && hm_linux_unit_stem(place.name, ".socket") > 0;
    unit->name = hm_arena_strdup(units->arena, place.name);
    if (unit->name == NULL || !take_slot(units, place.name, unit) ||
        !take_slot(units, name, unit) || !load(units, &place, unit)) {
        return NULL;
    }
    units->at[units->count++] = unit;
    return unit;
}
