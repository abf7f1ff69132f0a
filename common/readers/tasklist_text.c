/* common/readers/tasklist_text.c — "tasklist /svc /fo csv" in any language.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/readers/tasklist_text.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/map.h"
#include "common/readers/input_text.h"

#define INPUT_ARENA_BYTES (4u * HM_LIMIT_INPUT_FILE_BYTES)
#define FIELDS 3
#define KERNEL_PID_IDLE 0
#define KERNEL_PID_SYSTEM 4

/* A row, its services not yet told from "N/A". */
struct row {
    const char *program;
    uint32_t pid;
    const char *services;
    unsigned line;
};

struct rows {
    struct row *at;
    size_t count;
    size_t room;
};

static enum hm_status refuse(struct hm_err *err, unsigned line, const char *why)
{
    return hm_fail_line(err, HM_EINVAL, line, "line %u: %s", line, why);
}

static enum hm_status no_memory(struct hm_err *err, size_t count)
{
    return hm_fail(err, HM_ENOMEM, "no memory for %zu rows of tasklist", count);
}

/* "a","b","c" and nothing else; tasklist writes no quotation mark inside a field. */
static bool split(struct hm_span line, struct hm_span out_fields[FIELDS])
{
    size_t at = 0;

    for (size_t i = 0; i < FIELDS; i++) {
        size_t end;

        if (i > 0 && (at >= line.len || line.at[at++] != ',')) {
            return false;
        }
        if (at >= line.len || line.at[at++] != '"') {
            return false;
        }
        end = at;
        while (end < line.len && line.at[end] != '"') {
            end++;
        }
        if (end == line.len) {
            return false;
        }
        out_fields[i] = (struct hm_span){line.at + at, end - at};
        at = end + 1;
    }
    return at == line.len;
}

static enum hm_status add_row(struct rows *rows, const struct hm_span fields[FIELDS], uint32_t pid,
                              unsigned line, struct hm_arena *arena, struct hm_err *err)
{
    struct hm_span program = hm_str_trim(fields[0].at, fields[0].len);
    struct hm_span services = hm_str_trim(fields[2].at, fields[2].len);
    struct row row = {.pid = pid, .line = line};
    void *grown = rows->at;

    if (program.len == 0 || program.len > HM_LIMIT_NAME_BYTES) {
        return refuse(err, line, "the image name is empty or too long");
    }
    if (rows->count >= HM_LIMIT_TASKS) {
        return hm_fail_line(err, HM_ETOOBIG, line, "line %u: more than %u rows", line,
                            HM_LIMIT_TASKS);
    }
    row.program = hm_input_clean(program.at, program.len, arena);
    row.services = hm_input_clean(services.at, services.len, arena);
    if (row.program == NULL || row.services == NULL ||
        hm_arena_grow(arena, &grown, rows->count, &rows->room, sizeof(*rows->at)) != 0) {
        return no_memory(err, rows->count + 1);
    }
    if (hm_str_glob_nocase("*.dll", row.services)) {
        return refuse(err, line, "libraries where services should be; run tasklist /svc, not /m");
    }
    rows->at = grown;
    rows->at[rows->count++] = row;
    return HM_OK;
}

static enum hm_status take_line(struct rows *rows, struct hm_span text, bool *heading_may_come,
                                unsigned line, struct hm_arena *arena, struct hm_err *err)
{
    struct hm_span fields[FIELDS];
    struct hm_span trimmed = hm_str_trim(text.at, text.len);
    bool first = *heading_may_come;
    uint32_t pid;

    if (trimmed.len == 0) {
        return HM_OK;
    }
    *heading_may_come = false;
    if (!split(trimmed, fields)) {
        return refuse(err, line,
                      "not three quoted fields; run tasklist with /svc /fo csv and nothing else");
    }
    if (!hm_str_parse_u32(fields[1].at, fields[1].len, UINT32_MAX, &pid)) {
        return first ? HM_OK : refuse(err, line, "the second field is no process id");
    }
    return add_row(rows, fields, pid, line, arena, err);
}

static int compare_rows(const void *a, const void *b)
{
    const struct row *x = a;
    const struct row *y = b;

    return (x->pid > y->pid) - (x->pid < y->pid);
}

/* Maps each services text to the one row that carries it, or to shared when several do or the
 * kernel does. */
static enum hm_status map_texts(const struct rows *rows, struct row *shared, struct hm_map *seen,
                                struct hm_err *err)
{
    enum hm_status st = HM_OK;

    for (size_t i = 0; st == HM_OK && i < rows->count; i++) {
        struct row *row = &rows->at[i];
        bool kernel = row->pid == KERNEL_PID_IDLE || row->pid == KERNEL_PID_SYSTEM;
        bool again = hm_map_get(seen, row->services) != NULL;

        st = hm_map_put(seen, row->services, kernel || again ? shared : row, err);
    }
    return st;
}

static bool has_services(const struct row *row, const struct hm_map *seen)
{
    return row->services[0] != '\0' && strpbrk(row->services, "/\\") == NULL &&
           hm_map_get(seen, row->services) == row;
}

/* "Dhcp,EventLog" into names. */
static enum hm_status split_services(const char *text, struct hm_arena *arena,
                                     struct hm_strings *out, struct hm_err *err)
{
    size_t pieces = 1;
    size_t start = 0;
    size_t len = strlen(text);

    for (size_t i = 0; i < len; i++) {
        pieces += text[i] == ',' ? 1 : 0;
    }
    out->count = 0;
    out->at = hm_arena_alloc(arena, pieces, sizeof(*out->at));
    if (out->at == NULL) {
        return no_memory(err, pieces);
    }
    for (size_t i = 0; i <= len; i++) {
        if (i == len || text[i] == ',') {
            struct hm_span name = hm_str_trim(text + start, i - start);

            start = i + 1;
            if (name.len == 0) {
                continue;
            }
            out->at[out->count] = hm_arena_strndup(arena, name.at, name.len);
            if (out->at[out->count++] == NULL) {
                return no_memory(err, pieces);
            }
        }
    }
    return HM_OK;
}

static enum hm_status make_tasks(const struct rows *rows, const struct hm_map *seen,
                                 struct hm_arena *arena, struct hm_tasks *out_tasks,
                                 struct hm_err *err)
{
    struct hm_task *tasks = hm_arena_alloc(arena, rows->count, sizeof(*tasks));

    if (tasks == NULL) {
        return no_memory(err, rows->count);
    }
    for (size_t i = 0; i < rows->count; i++) {
        const struct row *row = &rows->at[i];
        enum hm_status st;

        if (i > 0 && rows->at[i - 1].pid == row->pid) {
            unsigned other = rows->at[i - 1].line;

            return refuse(err, row->line > other ? row->line : other,
                          "a second row for the same process id");
        }
        tasks[i] = (struct hm_task){.program = row->program, .pid = row->pid};
        if (has_services(row, seen)) {
            st = split_services(row->services, arena, &tasks[i].services, err);
            if (st != HM_OK) {
                return st;
            }
        }
    }
    *out_tasks = (struct hm_tasks){tasks, rows->count};
    return HM_OK;
}

static enum hm_status read_rows(struct hm_span rest, struct hm_arena *arena, struct rows *rows,
                                struct hm_err *err)
{
    struct hm_span text;
    bool heading_may_come = true;
    unsigned line = 0;
    enum hm_status st = HM_OK;

    while (st == HM_OK && hm_str_next_line(&rest, &text)) {
        line++;
        st = take_line(rows, text, &heading_may_come, line, arena, err);
    }
    if (st == HM_OK && rows->count == 0) {
        st = refuse(err, line, "no row up to here: this is no output of tasklist /svc /fo csv");
    }
    return st;
}

enum hm_status hm_tasklist_parse(const char *text, size_t len, struct hm_arena *arena,
                                 struct hm_tasks *out_tasks, struct hm_err *err)
{
    struct rows rows = {0};
    struct row shared = {0};
    struct hm_arena input;
    struct hm_map seen;
    struct hm_span plain;
    enum hm_status st;

    hm_arena_init(&input, INPUT_ARENA_BYTES);
    hm_map_init(&seen);
    st = hm_input_text(text, len, &input, &plain, err);
    if (st == HM_OK) {
        st = read_rows(plain, arena, &rows, err);
    }
    if (st == HM_OK) {
        qsort(rows.at, rows.count, sizeof(*rows.at), compare_rows);
        st = map_texts(&rows, &shared, &seen, err);
    }
    if (st == HM_OK) {
        st = make_tasks(&rows, &seen, arena, out_tasks, err);
    }
    hm_map_fini(&seen);
    hm_arena_fini(&input);
    return st;
}

static int compare_pid(const void *key, const void *item)
{
    uint32_t pid = *(const uint32_t *)key;
    const struct hm_task *task = item;

    return (pid > task->pid) - (pid < task->pid);
}

static bool holds_service(const struct hm_task *task, const char *service)
{
    for (size_t i = 0; i < task->services.count; i++) {
        if (hm_str_equal_nocase(task->services.at[i], service)) {
            return true;
        }
    }
    return false;
}

/* The only process of a program; NULL when there are several, or none. */
static const struct hm_task *find_program(const struct hm_tasks *tasks, const char *program)
{
    const struct hm_task *found = NULL;

    for (size_t i = 0; i < tasks->count; i++) {
        if (hm_str_equal_nocase(tasks->at[i].program, program)) {
            if (found != NULL) {
                return NULL;
            }
            found = &tasks->at[i];
        }
    }
    return found;
}

/* netstat -b without process ids told the program, and for a shared process the service. */
static void name_by_program(const struct hm_tasks *tasks, struct hm_socket *socket)
{
    const struct hm_task *task = socket->program[0] == '\0' || socket->service[0] != '\0'
                                     ? NULL
                                     : find_program(tasks, socket->program);

    if (task != NULL && task->services.count == 1) {
        socket->service = task->services.at[0];
    }
}

void hm_tasks_name_sockets(const struct hm_tasks *tasks, struct hm_sockets *sockets)
{
    for (size_t i = 0; i < sockets->count && tasks->count > 0; i++) {
        struct hm_socket *socket = &sockets->at[i];
        const struct hm_task *task;

        if (socket->pid == 0) { /* TIME_WAIT: the process is gone; or ids are not told */
            name_by_program(tasks, socket);
            continue;
        }
        task = bsearch(&socket->pid, tasks->at, tasks->count, sizeof(*tasks->at), compare_pid);
        if (task == NULL) {
            continue;
        }
        socket->program = task->program;
        if (task->services.count == 1) {
            socket->service = task->services.at[0];
        } else if (!holds_service(task, socket->service)) {
            socket->service = "";
            socket->hosted = task->services;
        }
    }
}
