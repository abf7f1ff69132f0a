/* agent/platform/recorded/changes.c — changes.json and model.json: read, laid over, written.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/recorded/changes.h"

#include <string.h>

#include "agent/platform/recorded/recorded.h"
#include "common/base/buf.h"
#include "common/base/limits.h"
#include "common/os/os.h"

/* ---- the files ----------------------------------------------------------------------------- */

#define RECORD(name, tag, rows)                                                                    \
    {                                                                                              \
        name, sizeof(struct tag), rows, HM_COUNT(rows)                                             \
    }
#define ENUM_OPT(s, m, en, h)                                                                      \
    HM_FIELD_(s, m, HM_TYPE_ENUM, HM_FIELD_OPTIONAL, offsetof(struct s, has_##m), 0, 0, en, NULL, h)

static const char *const status_names[] = {
#define STATUS_NAME(id, name) name,
    HM_STATUS_LIST(STATUS_NAME)
#undef STATUS_NAME
};
static const struct hm_enum statuses = {status_names, HM_COUNT(status_names)};
static const struct hm_enum protocols = {hm_protocol_names, 2};
static const struct hm_enum families = {hm_family_names, 2};
static const struct hm_enum actions = {hm_action_kind_names, HM_ACTION_KIND_COUNT};

static const struct hm_field row_fields[] = {
    HM_F_ENUM(hm_recorded_row, protocol, HM_FIELD_REQUIRED, &protocols, "tcp or udp"),
    HM_F_ENUM(hm_recorded_row, family, HM_FIELD_REQUIRED, &families, "ipv4 or ipv6"),
    HM_F(hm_recorded_row, range, HM_TYPE_RANGE, HM_FIELD_REQUIRED, 0, 0, "the ports"),
    HM_F(hm_recorded_row, over, HM_TYPE_RANGE, HM_FIELD_DEFAULT, 0, 0, "what the file said"),
};
static const struct hm_record record_row = RECORD("row", hm_recorded_row, row_fields);

static const struct hm_field list_fields[] = {
    HM_F(hm_recorded_list, ports, HM_TYPE_PORTS, HM_FIELD_WRITTEN, 0, 0, "the list"),
    HM_F(hm_recorded_list, over, HM_TYPE_PORTS, HM_FIELD_WRITTEN, 0, 0, "what the file said"),
};
static const struct hm_record record_list = RECORD("list", hm_recorded_list, list_fields);

static const struct hm_field values_fields[] = {
    HM_F_OPT(hm_recorded_values, reserved_ports, HM_TYPE_STRINGS, 0, HM_LIMIT_RESERVED_LINES,
             "lines of ReservedPorts; absent: no such value"),
    HM_F_OPT(hm_recorded_values, max_user_port, HM_TYPE_U32, 0, 0,
             "MaxUserPort; absent: no such value"),
    HM_F_OPT(hm_recorded_values, tcp_timed_wait_delay_s, HM_TYPE_U32, 0, 0,
             "TcpTimedWaitDelay; absent: no such value"),
};
static const struct hm_record record_values = RECORD("values", hm_recorded_values, values_fields);

static const struct hm_field registry_fields[] = {
    HM_F_RECORD(hm_recorded_registry, values, HM_FIELD_REQUIRED, &record_values, "as written"),
    HM_F_RECORD(hm_recorded_registry, over, HM_FIELD_REQUIRED, &record_values,
                "what the file said"),
    HM_F_RECORD(hm_recorded_registry, in_force, HM_FIELD_REQUIRED, &record_values,
                "what counts until the next boot"),
    HM_F(hm_recorded_registry, boot_id, HM_TYPE_STRING, HM_FIELD_WRITTEN, 0, HM_LIMIT_ID_BYTES,
         "the boot in which they were written"),
};
static const struct hm_record record_registry =
    RECORD("registry", hm_recorded_registry, registry_fields);

static const struct hm_field changes_fields[] = {
    HM_F_RECORDS(hm_recorded_changes, added, HM_FIELD_DEFAULT, HM_LIMIT_PLAN_ROWS, &record_row,
                 "exclusions that were added"),
    HM_F_RECORDS(hm_recorded_changes, removed, HM_FIELD_DEFAULT, HM_LIMIT_PLAN_ROWS, &record_row,
                 "exclusions of the files that were deleted"),
    HM_F_RECORDS(hm_recorded_changes, ranges, HM_FIELD_DEFAULT, HM_STACK_COUNT, &record_row,
                 "dynamic ranges that were set"),
    HM_F_RECORD_OPT(hm_recorded_changes, reserved, &record_list, "ip_local_reserved_ports"),
    HM_F_RECORD_OPT(hm_recorded_changes, registry, &record_registry, "Tcpip\\Parameters"),
    HM_F(hm_recorded_changes, faults_taken, HM_TYPE_U32, HM_FIELD_DEFAULT, 0, 0,
         "how many faults of model.json were answered"),
};
static const struct hm_record record_changes =
    RECORD("changes", hm_recorded_changes, changes_fields);

static const struct hm_field fault_fields[] = {
    HM_F_ENUM(hm_recorded_fault, action, HM_FIELD_REQUIRED, &actions, "which action it is about"),
    ENUM_OPT(hm_recorded_fault, protocol, &protocols, "of that protocol only"),
    ENUM_OPT(hm_recorded_fault, family, &families, "of that family only"),
    HM_F_ENUM(hm_recorded_fault, answer, HM_FIELD_REQUIRED, &statuses, "what the system answers"),
    HM_F(hm_recorded_fault, done, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0,
         "the action is carried out all the same"),
};
static const struct hm_record record_fault = RECORD("fault", hm_recorded_fault, fault_fields);

static const struct hm_field model_fields[] = {
    HM_F(hm_recorded_model, families_shared, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0,
         "an exclusion or a range is that of both families"),
    HM_F_RECORDS(hm_recorded_model, faults, HM_FIELD_DEFAULT, HM_LIMIT_PAGE_ROWS, &record_fault,
                 "answers that are not the model's, each given once, in their order"),
};
static const struct hm_record record_model = RECORD("model", hm_recorded_model, model_fields);

static enum hm_status read_record(struct hm_recorded *recorded, const char *name,
                                  const struct hm_record *record, void *out, struct hm_err *err)
{
    unsigned files = recorded->files; /* neither file describes a host */
    struct hm_recorded_file file;
    enum hm_status st = hm_recorded_read(recorded, name, &file, err);

    recorded->files = files;
    if (st == HM_OK && file.there) {
        st = hm_record_decode(record, file.text, file.len, true, recorded->arena, out, NULL, err);
        if (st != HM_OK) {
            return hm_recorded_broken(recorded, name, err);
        }
    }
    return st;
}

enum hm_status hm_recorded_read_changes(struct hm_recorded *recorded, struct hm_err *err)
{
    enum hm_status st =
        read_record(recorded, HM_RECORDED_CHANGES_FILE, &record_changes, &recorded->changes, err);

    return st == HM_OK
               ? read_record(recorded, HM_RECORDED_MODEL_FILE, &record_model, &recorded->model, err)
               : st;
}

static bool says_nothing(const struct hm_recorded_changes *changes)
{
    return changes->added.count == 0 && changes->removed.count == 0 && changes->ranges.count == 0 &&
           !changes->has_reserved && !changes->has_registry && changes->faults_taken == 0;
}

enum hm_status hm_recorded_write_changes(const struct hm_recorded *recorded, struct hm_err *err)
{
    const char *path =
        hm_arena_printf(recorded->arena, "%s/" HM_RECORDED_CHANGES_FILE, recorded->folder);
    struct hm_buf text;
    enum hm_status st = HM_OK;

    if (path == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for what changed in %s", recorded->folder);
    }
    hm_buf_init(&text, HM_LIMIT_INPUT_FILE_BYTES);
    if (says_nothing(&recorded->changes)) {
        st = hm_os_remove_file(path, err);
    } else {
        st = hm_record_encode_pretty(&record_changes, &recorded->changes, &text, err);
        if (st == HM_OK) {
            st = hm_os_replace_file(path, hm_buf_text(&text), text.len, false, err);
        }
    }
    hm_buf_fini(&text);
    if (st != HM_OK) {
        hm_err_prefix(err, "changes of a recorded host are kept in its folder, which must be "
                           "writable (work on a copy of it)");
    }
    return st;
}

/* ---- laid over the facts ------------------------------------------------------------------- */

static bool same_strings(const struct hm_strings *a, const struct hm_strings *b)
{
    bool same = a->count == b->count;

    for (size_t i = 0; same && i < a->count; i++) {
        same = strcmp(a->at[i], b->at[i]) == 0;
    }
    return same;
}

bool hm_recorded_same_values(const struct hm_recorded_values *a, const struct hm_recorded_values *b)
{
    return a->has_reserved_ports == b->has_reserved_ports &&
           a->has_max_user_port == b->has_max_user_port &&
           a->has_tcp_timed_wait_delay_s == b->has_tcp_timed_wait_delay_s &&
           (!a->has_reserved_ports || same_strings(&a->reserved_ports, &b->reserved_ports)) &&
           (!a->has_max_user_port || a->max_user_port == b->max_user_port) &&
           (!a->has_tcp_timed_wait_delay_s ||
            a->tcp_timed_wait_delay_s == b->tcp_timed_wait_delay_s);
}

void hm_recorded_put_values(const struct hm_recorded_values *values, struct hm_registry *registry)
{
    registry->has_reserved_ports = values->has_reserved_ports;
    registry->reserved_ports = values->reserved_ports;
    registry->has_max_user_port = values->has_max_user_port;
    registry->max_user_port = values->max_user_port;
    registry->has_tcp_timed_wait_delay_s = values->has_tcp_timed_wait_delay_s;
    registry->tcp_timed_wait_delay_s = values->tcp_timed_wait_delay_s;
}

void hm_recorded_apply_registry(struct hm_recorded *recorded)
{
    struct hm_registry *registry = &recorded->seen.inventory.registry;
    struct hm_recorded_changes *changes = &recorded->changes;

    recorded->filed_values = (struct hm_recorded_values){
        .has_reserved_ports = registry->has_reserved_ports,
        .reserved_ports = registry->reserved_ports,
        .has_max_user_port = registry->has_max_user_port,
        .max_user_port = registry->max_user_port,
        .has_tcp_timed_wait_delay_s = registry->has_tcp_timed_wait_delay_s,
        .tcp_timed_wait_delay_s = registry->tcp_timed_wait_delay_s,
    };
    changes->has_registry =
        changes->has_registry &&
        hm_recorded_same_values(&changes->registry.over, &recorded->filed_values);
    if (changes->has_registry) {
        hm_recorded_put_values(&changes->registry.values, registry);
    }
}

static bool is_of(const struct hm_recorded_row *row, const struct hm_stack *stack)
{
    return row->protocol == stack->protocol && row->family == stack->family;
}

static bool has_row(const struct hm_recorded_rows *rows, const struct hm_stack *stack,
                    struct hm_range range)
{
    for (size_t i = 0; i < rows->count; i++) {
        const struct hm_recorded_row *row = &rows->at[i];

        if (is_of(row, stack) && row->range.first == range.first && row->range.last == range.last) {
            return true;
        }
    }
    return false;
}

/* In its place; a row that meets another one now is left out: the file has changed since. */
static void insert_row(struct hm_range *rows, size_t *count, struct hm_range range)
{
    size_t at = *count;

    if (hm_ports_overlap((struct hm_ports){rows, *count}, (struct hm_ports){&range, 1})) {
        return;
    }
    while (at > 0 && rows[at - 1].first > range.first) {
        rows[at] = rows[at - 1];
        at--;
    }
    rows[at] = range;
    *count += 1;
}

static enum hm_status apply_exclusions(const struct hm_recorded *recorded, struct hm_stack *stack,
                                       struct hm_err *err)
{
    const struct hm_recorded_changes *changes = &recorded->changes;
    size_t most = stack->administered.count + changes->added.count;
    struct hm_range *rows = hm_arena_alloc(recorded->arena, most, sizeof(*rows));
    size_t count = 0;

    if (rows == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the exclusions of %s", recorded->folder);
    }
    for (size_t i = 0; i < stack->administered.count; i++) {
        if (!has_row(&changes->removed, stack, stack->administered.at[i])) {
            rows[count++] = stack->administered.at[i];
        }
    }
    for (size_t i = 0; i < changes->added.count; i++) {
        if (is_of(&changes->added.at[i], stack)) {
            insert_row(rows, &count, changes->added.at[i].range);
        }
    }
    stack->administered = (struct hm_ports){rows, count};
    return HM_OK;
}

static void apply_range(const struct hm_recorded *recorded, struct hm_stack *stack)
{
    for (size_t i = 0; i < recorded->changes.ranges.count; i++) {
        const struct hm_recorded_row *row = &recorded->changes.ranges.at[i];

        if (is_of(row, stack) && stack->has_dynamic && row->over.first == stack->dynamic.first &&
            row->over.last == stack->dynamic.last) {
            stack->dynamic = row->range;
            stack->has_next_dynamic = false;
            return;
        }
    }
}

/* What we reserve is kept over boots, as the live platform does; what we take away is not. */
static enum hm_status apply_list(const struct hm_recorded *recorded, struct hm_stack *stack,
                                 struct hm_err *err)
{
    const struct hm_recorded_list *list = &recorded->changes.reserved;
    struct hm_ports *next = &stack->next_administered;
    struct hm_ports added;
    enum hm_status st = HM_OK;

    stack->administered = list->ports;
    if (!stack->has_next_administered) {
        return HM_OK;
    }
    st = hm_ports_subtract(list->ports, list->over, recorded->arena, &added, err);
    if (st == HM_OK) {
        st = hm_ports_intersect(*next, list->ports, recorded->arena, next, err);
    }
    if (st == HM_OK) {
        st = hm_ports_union(*next, added, recorded->arena, next, err);
    }
    stack->has_next_administered = st == HM_OK && !hm_ports_equal(*next, stack->administered);
    return st;
}

enum hm_status hm_recorded_apply_stacks(struct hm_recorded *recorded, struct hm_err *err)
{
    struct hm_stacks *stacks = &recorded->seen.inventory.stacks;
    const struct hm_recorded_list *list = &recorded->changes.reserved;
    enum hm_status st = HM_OK;

    for (size_t i = 0; st == HM_OK && i < stacks->count; i++) {
        struct hm_stack *stack = &stacks->at[i];

        recorded->filed_stacks[i] = *stack;
        apply_range(recorded, stack);
        if (recorded->seen.inventory.os.family == HM_OS_WINDOWS) {
            st = stack->has_administered ? apply_exclusions(recorded, stack, err) : HM_OK;
        } else if (recorded->changes.has_reserved && stack->has_administered &&
                   hm_ports_equal(list->over, stack->administered)) {
            st = apply_list(recorded, stack, err);
        }
    }
    return st;
}
