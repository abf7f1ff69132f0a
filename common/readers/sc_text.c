/* common/readers/sc_text.c — what "sc queryex" and "sc qc" print.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/readers/sc_text.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/readers/input_text.h"

#define INPUT_ARENA_BYTES (4u * HM_LIMIT_INPUT_FILE_BYTES)
#define TOOL_MARK "[SC]" /* lines of sc about itself */
#define VALUES_MAX 16u
#define LAST_STATE 7u /* paused */
#define LAST_START 4u
#define GROUP_MARK '+'

/* Places of the values of "sc queryex", and of "sc qc" up to its list. */
enum { QUERY_TYPE, QUERY_STATE, QUERY_EXIT, QUERY_OWN_EXIT, QUERY_PID = 6 };
#define ERROR_SERVICE_SPECIFIC 1066u
enum { CONFIG_TYPE, CONFIG_START, CONFIG_PATH = 3, CONFIG_DISPLAY = 6, CONFIG_DEPENDS = 7 };

/* One service: its head lines and the values below them. */
struct block {
    struct hm_span name;
    struct hm_span display; /* the second head line; of "sc qc" there is none */
    struct hm_span values[VALUES_MAX];
    size_t count;
    struct hm_strings depends_on; /* of "sc qc" */
    size_t depends_room;
    unsigned heads;
    unsigned line; /* of the name */
};

struct reader {
    struct block block;
    bool gap; /* the line before was empty, or the first one is next */
    unsigned line;
    bool cut;
    struct hm_arena *arena;
    struct hm_sc_states states;
    size_t room;
    struct hm_service_rows rows;
    enum hm_status (*finish)(struct reader *, struct hm_err *);
};

static enum hm_status refuse(unsigned line, const char *why, struct hm_err *err)
{
    return hm_fail_line(err, HM_EINVAL, line, "line %u: %s", line, why);
}

static enum hm_status no_memory(struct hm_err *err)
{
    return hm_fail(err, HM_ENOMEM, "no memory for a list of services");
}

/* What is behind the first colon; false when there is none. */
static bool behind_colon(struct hm_span line, struct hm_span *out)
{
    const char *colon = line.len == 0 ? NULL : memchr(line.at, ':', line.len);

    if (colon == NULL) {
        return false;
    }
    *out = hm_str_trim(colon + 1, (size_t)(line.at + line.len - colon) - 1);
    return true;
}

/* The number that a value begins with: "4  RUNNING", "1077\t(0x435)", "20  WIN32_SHARE_PROCESS". */
static bool number_of(const struct block *block, size_t place, unsigned base, uint32_t *out)
{
    struct hm_span value = block->values[place];
    uint64_t number = 0;
    size_t i = 0;

    for (; i < value.len && number <= UINT32_MAX; i++) {
        const char c = value.at[i];
        const char low = (char)(c | 0x20);
        unsigned digit = c >= '0' && c <= '9'       ? (unsigned)(c - '0')
                         : low >= 'a' && low <= 'f' ? (unsigned)(low - 'a') + 10
                                                    : 16;

        if (digit >= base) {
            break;
        }
        number = number * base + digit;
    }
    if (i == 0 || number > UINT32_MAX ||
        (i < value.len && value.at[i] != ' ' && value.at[i] != '\t')) {
        return false;
    }
    *out = (uint32_t)number;
    return true;
}

static const char *text_of(const struct reader *reader, struct hm_span span)
{
    return span.len > HM_LIMIT_NAME_BYTES ? "" : hm_input_clean(span.at, span.len, reader->arena);
}

static enum hm_status finish_state(struct reader *reader, struct hm_err *err)
{
    const struct block *block = &reader->block;
    struct hm_sc_state row = {.name = text_of(reader, block->name),
                              .display = text_of(reader, block->display)};
    void *grown = reader->states.at;

    if (block->count <= QUERY_STATE) {
        reader->cut = true; /* a head alone: sc says that there is more, or the file was cut */
        return HM_OK;
    }
    if (!number_of(block, QUERY_TYPE, 16, &row.type) ||
        !number_of(block, QUERY_STATE, 10, &row.state) || row.state == 0 ||
        row.state > LAST_STATE) {
        return refuse(block->line, "below it must stand a type and a state, as sc prints them",
                      err);
    }
    (void)(block->count > QUERY_EXIT && number_of(block, QUERY_EXIT, 10, &row.exit_code));
    if (row.exit_code == ERROR_SERVICE_SPECIFIC) {
        (void)(block->count > QUERY_OWN_EXIT &&
               number_of(block, QUERY_OWN_EXIT, 10, &row.exit_code));
    }
    (void)(block->count > QUERY_PID && number_of(block, QUERY_PID, 10, &row.pid));
    if (row.name == NULL || row.display == NULL ||
        hm_arena_grow(reader->arena, &grown, reader->states.count, &reader->room,
                      sizeof(*reader->states.at)) != 0) {
        return no_memory(err);
    }
    reader->states.at = grown;
    if (row.name[0] != '\0') {
        reader->states.at[reader->states.count++] = row;
    }
    return HM_OK;
}

static enum hm_status finish_config(struct reader *reader, struct hm_err *err)
{
    const struct block *block = &reader->block;
    struct hm_service_row row = {.name = text_of(reader, block->name), .display = ""};
    void *grown = reader->rows.at;
    struct hm_span start;

    if (block->count <= CONFIG_DISPLAY || !number_of(block, CONFIG_TYPE, 16, &row.type) ||
        !number_of(block, CONFIG_START, 10, &row.start) || row.start > LAST_START) {
        return refuse(block->line, "below it must stand what \"sc qc\" prints", err);
    }
    start = block->values[CONFIG_START];
    row.delayed = row.start == HM_SERVICE_AUTO_START && memchr(start.at, '(', start.len) != NULL;
    row.image = hm_input_clean(block->values[CONFIG_PATH].at, block->values[CONFIG_PATH].len,
                               reader->arena);
    row.display = text_of(reader, block->values[CONFIG_DISPLAY]);
    row.has_depends_on = true;
    row.depends_on = block->depends_on;
    if (row.name == NULL || row.display == NULL || row.image == NULL ||
        hm_arena_grow(reader->arena, &grown, reader->rows.count, &reader->room,
                      sizeof(*reader->rows.at)) != 0) {
        return no_memory(err);
    }
    reader->rows.at = grown;
    if (row.name[0] != '\0' && (row.type & HM_SERVICE_WIN32) != 0) {
        reader->rows.at[reader->rows.count++] = row;
    }
    return HM_OK;
}

static enum hm_status finish_block(struct reader *reader, struct hm_err *err)
{
    enum hm_status st = HM_OK;

    if (reader->block.heads > 0) {
        if (reader->states.count + reader->rows.count >= HM_LIMIT_SERVICES) {
            return hm_fail_line(err, HM_ETOOBIG, reader->line, "line %u: more than %u services",
                                reader->line, HM_LIMIT_SERVICES);
        }
        st = reader->finish(reader, err);
    }
    reader->block = (struct block){0};
    return st;
}

/* A line that is not indented: the name after an empty line, the display name behind it. */
static enum hm_status take_head(struct reader *reader, struct hm_span line, struct hm_err *err)
{
    struct block *block = &reader->block;
    struct hm_span value;
    enum hm_status st = HM_OK;

    if (line.len >= strlen(TOOL_MARK) && memcmp(line.at, TOOL_MARK, strlen(TOOL_MARK)) == 0) {
        reader->cut = true; /* of "sc query": it failed, or there is more; "sc qc" always has one */
        return HM_OK;
    }
    if (!behind_colon(line, &value)) {
        return refuse(reader->line, "neither a service nor a value of one, as sc prints them", err);
    }
    if (block->heads == 1 && block->count == 0 && !reader->gap) {
        block->display = value;
        block->heads = 2;
        return HM_OK;
    }
    st = finish_block(reader, err);
    block->name = value;
    block->heads = 1;
    block->line = reader->line;
    return st;
}

/* ": nsi" of "sc qc" continues the list of services that must run before. */
static enum hm_status take_dependency(struct reader *reader, struct hm_span value,
                                      struct hm_err *err)
{
    struct block *block = &reader->block;
    void *grown = (void *)block->depends_on.at;
    const char *name;

    if (value.len == 0 || value.at[0] == GROUP_MARK) {
        return HM_OK;
    }
    name = text_of(reader, value);
    if (name == NULL || hm_arena_grow(reader->arena, &grown, block->depends_on.count,
                                      &block->depends_room, sizeof(const char *)) != 0) {
        return no_memory(err);
    }
    block->depends_on.at = (const char **)grown;
    if (name[0] != '\0') {
        block->depends_on.at[block->depends_on.count++] = name;
    }
    return HM_OK;
}

static enum hm_status take_indented(struct reader *reader, struct hm_span text, struct hm_err *err)
{
    struct block *block = &reader->block;
    struct hm_span value;

    if (block->heads == 0 || text.at[0] == '(' || !behind_colon(text, &value)) {
        return block->heads == 0 && text.at[0] != '('
                   ? refuse(reader->line, "a value that belongs to no service", err)
                   : HM_OK; /* "(STOPPABLE, …)" of the state above */
    }
    if (text.at[0] == ':') {
        return take_dependency(reader, value, err);
    }
    if (block->count == CONFIG_DEPENDS && reader->finish == finish_config) {
        enum hm_status st = take_dependency(reader, value, err);

        if (st != HM_OK) {
            return st;
        }
    }
    if (block->count < VALUES_MAX) {
        block->values[block->count++] = value;
    }
    return HM_OK;
}

static enum hm_status read_all(struct reader *reader, struct hm_span rest, struct hm_err *err)
{
    enum hm_status st = HM_OK;
    struct hm_span line;

    reader->gap = true;
    while (st == HM_OK && hm_str_next_line(&rest, &line)) {
        struct hm_span text = hm_str_trim(line.at, line.len);

        reader->line++;
        if (text.len == 0) {
            reader->gap = true;
            continue;
        }
        st = line.at[0] == ' ' || line.at[0] == '\t' ? take_indented(reader, text, err)
                                                     : take_head(reader, line, err);
        reader->gap = false;
    }
    return st == HM_OK ? finish_block(reader, err) : st;
}

static enum hm_status parse(const char *text, size_t len, struct reader *reader, struct hm_err *err)
{
    struct hm_arena input;
    struct hm_span rest;
    enum hm_status st;

    hm_arena_init(&input, INPUT_ARENA_BYTES);
    st = hm_input_text(text, len, &input, &rest, err);
    if (st == HM_OK) {
        st = read_all(reader, rest, err);
    }
    if (st == HM_OK && reader->states.count + reader->rows.count == 0) {
        st = hm_fail(err, HM_EINVAL, "no service in it: this is not what sc prints");
    }
    hm_arena_fini(&input);
    return st;
}

static int compare_states(const void *a, const void *b)
{
    return hm_str_compare_nocase(((const struct hm_sc_state *)a)->name,
                                 ((const struct hm_sc_state *)b)->name);
}

enum hm_status hm_sc_query_parse(const char *text, size_t len, struct hm_arena *arena,
                                 struct hm_sc_states *out_states, struct hm_err *err)
{
    struct reader reader = {.arena = arena, .finish = finish_state};
    enum hm_status st = parse(text, len, &reader, err);
    size_t left = 0;

    if (st != HM_OK) {
        return st;
    }
    qsort(reader.states.at, reader.states.count, sizeof(*reader.states.at), compare_states);
    for (size_t i = 0; i < reader.states.count; i++) {
        if (left == 0 || compare_states(&reader.states.at[left - 1], &reader.states.at[i]) != 0) {
            reader.states.at[left++] = reader.states.at[i];
        }
    }
    reader.states.count = left;
    reader.states.cut = reader.cut;
    *out_states = reader.states;
    return HM_OK;
}

const struct hm_sc_state *hm_sc_states_find(const struct hm_sc_states *states, const char *name)
{
    const struct hm_sc_state key = {.name = name};

    return states->count == 0
               ? NULL
               : bsearch(&key, states->at, states->count, sizeof(*states->at), compare_states);
}

/* The services of one process. */
struct process {
    uint32_t pid;
    struct hm_strings services;
};

struct processes {
    struct process *at; /* by process id */
    size_t count;
};

static int compare_processes(const void *a, const void *b)
{
    const struct process *x = a;
    const struct process *y = b;

    return x->pid == y->pid ? 0 : x->pid < y->pid ? -1 : 1;
}

/* By process id, those of one process in the order of the list. */
static int compare_hosted(const void *a, const void *b)
{
    const struct hm_sc_state *x = *(const struct hm_sc_state *const *)a;
    const struct hm_sc_state *y = *(const struct hm_sc_state *const *)b;

    return x->pid != y->pid ? (x->pid < y->pid ? -1 : 1) : x < y ? -1 : x > y;
}

/* Services by process id, made once for all sockets, which share the lists. */
static enum hm_status list_processes(const struct hm_sc_states *states, struct hm_arena *arena,
                                     struct processes *out, struct hm_err *err)
{
    const struct hm_sc_state **hosted = hm_arena_alloc(arena, states->count, sizeof(*hosted));
    const char **names = hm_arena_alloc(arena, states->count, sizeof(*names));
    struct process *at = hm_arena_alloc(arena, states->count, sizeof(*at));
    size_t running = 0;
    size_t count = 0;

    if (hosted == NULL || names == NULL || at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the services of processes");
    }
    for (size_t i = 0; i < states->count; i++) {
        if (states->at[i].pid != 0) {
            hosted[running++] = &states->at[i];
        }
    }
    if (running > 1) {
        qsort(hosted, running, sizeof(*hosted), compare_hosted);
    }
    for (size_t i = 0; i < running; i++) {
        names[i] = hosted[i]->name;
        if (count == 0 || at[count - 1].pid != hosted[i]->pid) {
            at[count++] = (struct process){
                hosted[i]->pid, {&names[i], 0}
            };
        }
        at[count - 1].services.count++;
    }
    *out = (struct processes){at, count};
    return HM_OK;
}

enum hm_status hm_sc_states_name_sockets(const struct hm_sc_states *states,
                                         struct hm_sockets *sockets, struct hm_arena *arena,
                                         struct hm_err *err)
{
    struct processes processes = {NULL, 0};
    enum hm_status st = list_processes(states, arena, &processes, err);

    for (size_t i = 0; st == HM_OK && i < sockets->count && processes.count > 0; i++) {
        struct hm_socket *socket = &sockets->at[i];
        const struct process key = {.pid = socket->pid};
        const struct process *process;

        if (socket->pid == 0 || socket->hosted.count > 0 || !hm_str_equal(socket->service, "")) {
            continue;
        }
        process =
            bsearch(&key, processes.at, processes.count, sizeof(*processes.at), compare_processes);
        if (process != NULL && process->services.count == 1) {
            socket->service = process->services.at[0];
        } else if (process != NULL) {
            socket->hosted = process->services;
        }
    }
    return st;
}

enum hm_status hm_sc_config_parse(const char *text, size_t len, struct hm_arena *arena,
                                  struct hm_service_rows *out_rows, struct hm_err *err)
{
    struct reader reader = {.arena = arena, .finish = finish_config};
    enum hm_status st = parse(text, len, &reader, err);

    if (st == HM_OK) {
        hm_service_rows_settle(&reader.rows);
        *out_rows = reader.rows;
    }
    return st;
}
