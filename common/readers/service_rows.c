/* common/readers/service_rows.c — services from the registry's key Services.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/readers/service_rows.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/map.h"
#include "common/base/str.h"

#define SERVICES_KEY "Services"
#define TRIGGER_KEY "TriggerInfo"
#define TRIGGER_ACTION_START 1u /* SERVICE_TRIGGER_ACTION_SERVICE_START; 2 stops it */
#define GROUP_MARK '+'          /* SC_GROUP_IDENTIFIER */

static enum hm_status no_memory(struct hm_err *err)
{
    return hm_fail(err, HM_ENOMEM, "no memory for the list of services");
}

static int compare(const void *a, const void *b)
{
    return hm_str_compare_nocase(((const struct hm_service_row *)a)->name,
                                 ((const struct hm_service_row *)b)->name);
}

void hm_service_rows_settle(struct hm_service_rows *rows)
{
    size_t left = 0;

    if (rows->count > 1) {
        qsort(rows->at, rows->count, sizeof(*rows->at), compare);
    }
    for (size_t i = 0; i < rows->count; i++) {
        if (left == 0 || compare(&rows->at[left - 1], &rows->at[i]) != 0) {
            rows->at[left++] = rows->at[i];
        }
    }
    rows->count = left;
}

struct hm_service_row *hm_service_rows_find(const struct hm_service_rows *rows, const char *name)
{
    const struct hm_service_row key = {.name = name};

    return rows->count == 0 ? NULL
                            : bsearch(&key, rows->at, rows->count, sizeof(*rows->at), compare);
}

void hm_service_row_set_state(struct hm_service_row *row, uint32_t state, uint32_t exit_code)
{
    row->pending = state == HM_SERVICE_START_PENDING || state == HM_SERVICE_STOP_PENDING;
    row->has_runs = !row->pending;
    row->runs = row->has_runs && state != HM_SERVICE_STOPPED;
    row->exit_code = exit_code;
}

/* ---- the key Services ------------------------------------------------------------------------ */

/* A key below Services: the service, and what stands behind it ("TriggerInfo\\0"; "" nothing). */
struct place {
    struct hm_span service;
    const char *rest;
};

static bool is_nocase(struct hm_span span, const char *text)
{
    bool same = span.len == strlen(text);

    for (size_t i = 0; same && i < span.len; i++) {
        const char a = span.at[i];
        const char b = text[i];

        same = a == b || ((a ^ b) == 0x20 && (a | 0x20) >= 'a' && (a | 0x20) <= 'z');
    }
    return same;
}

/* HKEY_LOCAL_MACHINE\SYSTEM\<control set>\Services\<service>[\rest]. */
static bool find_place(const char *key, struct place *out)
{
    struct hm_span part;
    unsigned depth = 0;

    for (const char *at = key; depth < 5; depth++) {
        part = (struct hm_span){at, strcspn(at, "\\")};
        if (depth == 3 && !is_nocase(part, SERVICES_KEY)) {
            return false;
        }
        if (depth == 4) {
            out->service = part;
            out->rest = part.at[part.len] == '\\' ? part.at + part.len + 1 : "";
            return part.len > 0;
        }
        if (part.at[part.len] == '\0') {
            return false;
        }
        at = part.at + part.len + 1;
    }
    return false;
}

static bool is_trigger(const char *rest)
{
    struct hm_span part = {rest, strcspn(rest, "\\")};

    return is_nocase(part, TRIGGER_KEY) && rest[part.len] == '\\';
}

/* A row in the making; a key that is no service has no start type. */
struct draft {
    struct hm_service_row row;
    bool has_type;
    bool has_start;
};

struct drafts {
    struct draft **at;
    size_t count;
    size_t room;
    struct hm_map by_name;
    struct hm_arena *arena;
};

static struct draft *add_draft(struct drafts *drafts, const char *name)
{
    void *grown = (void *)drafts->at;
    struct draft *draft = hm_arena_alloc(drafts->arena, 1, sizeof(*draft));

    if (draft == NULL || hm_arena_grow(drafts->arena, &grown, drafts->count, &drafts->room,
                                       sizeof(*drafts->at)) != 0) {
        return NULL;
    }
    drafts->at = grown;
    *draft = (struct draft){
        .row = {.name = name, .display = "", .image = "", .has_depends_on = true}
    };
    if (hm_map_put(&drafts->by_name, name, draft, NULL) != HM_OK) {
        return NULL;
    }
    drafts->at[drafts->count++] = draft;
    return draft;
}

/* Values of one key follow each other; a further listing begins with the first key again. */
static struct draft *find_draft(struct drafts *drafts, struct hm_span name, struct draft *last)
{
    struct draft *draft;
    const char *copy;

    if (last != NULL && strlen(last->row.name) == name.len &&
        memcmp(last->row.name, name.at, name.len) == 0) {
        return last;
    }
    copy = hm_arena_strndup(drafts->arena, name.at, name.len);
    if (copy == NULL) {
        return NULL;
    }
    draft = hm_map_get(&drafts->by_name, copy);
    return draft != NULL ? draft : add_draft(drafts, copy);
}

static void take_depends(struct draft *draft, const struct hm_strings *lines)
{
    struct hm_strings *out = &draft->row.depends_on;

    *out = (struct hm_strings){lines->at, 0};
    for (size_t i = 0; i < lines->count; i++) { /* in place: the list is the reader's own */
        if (lines->at[i][0] != '\0' && lines->at[i][0] != GROUP_MARK) {
            out->at[out->count++] = lines->at[i];
        }
    }
}

static void take_value(struct draft *draft, const struct hm_reg_value *value)
{
    const bool number = value->type == HM_REG_DWORD;

    if (number && hm_str_equal_nocase(value->name, "Type")) {
        draft->has_type = true;
        draft->row.type = value->dword;
    } else if (number && hm_str_equal_nocase(value->name, "Start")) {
        draft->has_start = true;
        draft->row.start = value->dword;
    } else if (number && hm_str_equal_nocase(value->name, "DelayedAutostart")) {
        draft->row.delayed = value->dword != 0;
    } else if (value->type == HM_REG_TEXT && hm_str_equal_nocase(value->name, "ImagePath")) {
        draft->row.image = value->text;
    } else if (value->type == HM_REG_TEXT && hm_str_equal_nocase(value->name, "DisplayName")) {
        draft->row.display = value->text[0] == '@' ? "" : value->text;
    } else if (value->type == HM_REG_LINES && hm_str_equal_nocase(value->name, "DependOnService")) {
        take_depends(draft, &value->lines);
    }
}

static enum hm_status read_values(const struct hm_reg *reg, struct drafts *drafts,
                                  struct hm_err *err)
{
    struct draft *draft = NULL;

    for (size_t i = 0; i < reg->count; i++) {
        const struct hm_reg_value *value = &reg->at[i];
        struct place place;
        bool trigger;

        if (!find_place(value->key, &place) || place.service.len > HM_LIMIT_NAME_BYTES) {
            continue;
        }
        trigger = is_trigger(place.rest);
        if (place.rest[0] != '\0' && !trigger) {
            continue;
        }
        draft = find_draft(drafts, place.service, draft);
        if (draft == NULL) {
            return no_memory(err);
        }
        if (!trigger) {
            take_value(draft, value);
        } else if (value->type == HM_REG_DWORD && value->dword == TRIGGER_ACTION_START &&
                   hm_str_equal_nocase(value->name, "Action")) {
            draft->row.triggered = true;
        }
    }
    return HM_OK;
}

static enum hm_status make_rows(const struct drafts *drafts, struct hm_service_rows *out_rows,
                                struct hm_err *err)
{
    struct hm_service_rows rows = {hm_arena_alloc(drafts->arena, drafts->count, sizeof(*rows.at)),
                                   0};

    if (rows.at == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < drafts->count; i++) {
        const struct draft *draft = drafts->at[i];

        if (!draft->has_type || !draft->has_start || (draft->row.type & HM_SERVICE_WIN32) == 0) {
            continue;
        }
        if (rows.count >= HM_LIMIT_SERVICES) {
            return hm_fail(err, HM_ETOOBIG, "more than %u services", HM_LIMIT_SERVICES);
        }
        rows.at[rows.count++] = draft->row;
    }
    hm_service_rows_settle(&rows);
    *out_rows = rows;
    return HM_OK;
}

enum hm_status hm_service_rows_from_reg(const struct hm_reg *reg, struct hm_arena *arena,
                                        struct hm_service_rows *out_rows, struct hm_err *err)
{
    struct drafts drafts = {.arena = arena};
    enum hm_status st;

    hm_map_init(&drafts.by_name);
    st = read_values(reg, &drafts, err);
    if (st == HM_OK) {
        st = make_rows(&drafts, out_rows, err);
    }
    hm_map_fini(&drafts.by_name);
    return st;
}

/* ---- what a row means ------------------------------------------------------------------------ */

/* Where the path ends and arguments begin. Without quotes Windows tries each space; a name that
 * ends in .exe is what it finds. */
static struct hm_span path_of(const char *image)
{
    const char *at = image + strspn(image, " \t");
    size_t len = strlen(at);

    if (*at == '"') {
        return (struct hm_span){at + 1, strcspn(at + 1, "\"")};
    }
    for (size_t i = 0; i + 4 <= len; i++) {
        const char next = at[i + 4];

        if (is_nocase((struct hm_span){at + i, 4}, ".exe") &&
            (next == '\0' || next == ' ' || next == '\t')) {
            return (struct hm_span){at, i + 4};
        }
    }
    return (struct hm_span){at, strcspn(at, " \t")};
}

const char *hm_service_program(const char *image, struct hm_arena *arena)
{
    struct hm_span path = path_of(image == NULL ? "" : image);
    size_t start = path.len;
    bool dot = false;

    while (start > 0 && path.at[start - 1] != '\\' && path.at[start - 1] != '/') {
        start--;
        dot = dot || path.at[start] == '.';
    }
    path = (struct hm_span){path.at + start, path.len - start};
    if (path.len == 0 || path.len > HM_LIMIT_NAME_BYTES - 4) {
        return "";
    }
    return hm_arena_printf(arena, "%.*s%s", (int)path.len, path.at, dot ? "" : ".exe");
}

enum hm_service_start hm_service_start_of(const struct hm_service_row *row)
{
    if (row->start == HM_SERVICE_AUTO_START && !row->triggered) {
        return row->delayed ? HM_START_DELAYED : HM_START_AUTOMATIC;
    }
    if (row->start != HM_SERVICE_DEMAND_START && row->start != HM_SERVICE_AUTO_START) {
        return HM_START_DISABLED;
    }
    return row->clustered   ? HM_START_CLUSTER
           : row->triggered ? HM_START_TRIGGERED
           : row->needed    ? HM_START_DEPENDENCY
                            : HM_START_MANUAL;
}

static bool starts_at_boot(const struct hm_service_row *row)
{
    const enum hm_service_start start = hm_service_start_of(row);

    return start == HM_START_AUTOMATIC || start == HM_START_DELAYED || start == HM_START_DEPENDENCY;
}

void hm_service_rows_mark_needed(struct hm_service_rows *rows)
{
    bool again = true;

    while (again) { /* each round marks one row at least */
        again = false;
        for (size_t i = 0; i < rows->count; i++) {
            const struct hm_service_row *row = &rows->at[i];

            for (size_t k = 0;
                 row->has_depends_on && starts_at_boot(row) && k < row->depends_on.count; k++) {
                struct hm_service_row *first = hm_service_rows_find(rows, row->depends_on.at[k]);

                if (first != NULL && hm_service_start_of(first) == HM_START_MANUAL) {
                    first->needed = true;
                    again = true;
                }
            }
        }
    }
}

/* ---- HKLM\Cluster\Resources ------------------------------------------------------------------ */

/* Resource types whose service has one name. */
static const char *const fixed_types[][2] = {
    {"DHCP Service", "DHCPServer"},
    {"WINS Service", "WINS"      },
    {"MSMQ",         "MSMQ"      },
};

const char *hm_service_of_resource(const char *type, const char *service_name, const char *instance,
                                   struct hm_arena *arena)
{
    const bool has_instance = instance != NULL && instance[0] != '\0';
    const bool is_default = has_instance && hm_str_equal_nocase(instance, "MSSQLSERVER");

    if (hm_str_equal_nocase(type, "Generic Service")) {
        return service_name == NULL ? "" : service_name;
    }
    if (hm_str_equal_nocase(type, "SQL Server") && has_instance) {
        return is_default ? "MSSQLSERVER" : hm_arena_printf(arena, "MSSQL$%s", instance);
    }
    if (hm_str_equal_nocase(type, "SQL Server Agent") && has_instance) {
        return is_default ? "SQLSERVERAGENT" : hm_arena_printf(arena, "SQLAgent$%s", instance);
    }
    for (size_t i = 0; i < HM_COUNT(fixed_types); i++) {
        if (hm_str_equal_nocase(type, fixed_types[i][0])) {
            return fixed_types[i][1];
        }
    }
    return "";
}

#define CLUSTER_KEY "HKEY_LOCAL_MACHINE\\Cluster\\Resources\\"

static bool is_resource(const char *key)
{
    size_t len = strlen(CLUSTER_KEY);

    return strlen(key) > len && is_nocase((struct hm_span){key, len}, CLUSTER_KEY) &&
           strchr(key + len, '\\') == NULL;
}

/* A text of the key "Parameters" below that of value at: keys below follow in an export. */
static const char *parameter(const struct hm_reg *reg, size_t at, const char *name)
{
    const char *parent = reg->at[at].key;
    size_t len = strlen(parent);

    for (; at < reg->count && strncmp(reg->at[at].key, parent, len) == 0; at++) {
        const struct hm_reg_value *value = &reg->at[at];

        if (value->type == HM_REG_TEXT && hm_str_equal_nocase(value->name, name) &&
            hm_str_equal_nocase(value->key + len, "\\Parameters")) {
            return value->text;
        }
    }
    return NULL;
}

enum hm_status hm_service_names_from_cluster(const struct hm_reg *reg, struct hm_arena *arena,
                                             struct hm_strings *out_names, struct hm_err *err)
{
    void *grown = NULL;
    size_t room = 0;
    size_t count = 0;

    for (size_t i = 0; i < reg->count; i++) {
        const struct hm_reg_value *type = &reg->at[i];
        const char *name;

        if (type->type != HM_REG_TEXT || !hm_str_equal_nocase(type->name, "Type") ||
            !is_resource(type->key)) {
            continue;
        }
        name = hm_service_of_resource(type->text, parameter(reg, i, "ServiceName"),
                                      parameter(reg, i, "InstanceName"), arena);
        if (name == NULL) {
            return no_memory(err);
        }
        if (name[0] == '\0') {
            continue;
        }
        if (count >= HM_LIMIT_SERVICES) {
            return hm_fail(err, HM_ETOOBIG, "more than %u resources", HM_LIMIT_SERVICES);
        }
        if (hm_arena_grow(arena, &grown, count, &room, sizeof(const char *)) != 0) {
            return no_memory(err);
        }
        ((const char **)grown)[count++] = name;
    }
    *out_names = (struct hm_strings){grown, count};
    return HM_OK;
}
