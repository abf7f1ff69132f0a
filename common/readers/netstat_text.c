/* common/readers/netstat_text.c — netstat of Windows: which rows there are, and what their state
 * words say.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/readers/netstat_text.h"

#include <string.h>

#include "common/base/limits.h"
#include "common/readers/input_text.h"
#include "common/readers/netstat_row.h"

/* The decoded text, and what a row keeps until all are read. */
#define INPUT_ARENA_BYTES (32u * HM_LIMIT_INPUT_FILE_BYTES)
#define SYSTEM_PID 4 /* the kernel; netstat -b may name a service that uses its socket */

static bool starts_with_nocase(struct hm_span word, const char *text)
{
    for (size_t i = 0; text[i] != '\0'; i++) {
        if (i >= word.len || (word.at[i] | 0x20) != text[i]) {
            return false;
        }
    }
    return true;
}

static enum hm_status refuse(struct hm_err *err, unsigned line, const char *why)
{
    return hm_fail_line(err, HM_EINVAL, line, "line %u: %s", line, why);
}

/* ---- the listing in the making --------------------------------------------------------------- */

struct listing {
    struct hm_netstat_row *at;
    size_t count;
    size_t room;
    bool has_heading;
    struct hm_span component; /* last line of text since the row */
    unsigned components;      /* how many there were */
    struct hm_arena *input;   /* freed when the listing is read */
    struct hm_arena *arena;   /* the caller's */
};

static enum hm_status no_memory(const struct listing *list, struct hm_err *err)
{
    return hm_fail(err, HM_ENOMEM, "no memory for %zu rows of netstat", list->count + 1);
}

static enum hm_status add_row(struct listing *list, const struct hm_netstat_words *words,
                              enum hm_protocol protocol, unsigned line, struct hm_err *err)
{
    struct hm_netstat_row row = {.protocol = protocol, .line = line, .program = "", .service = ""};
    const char *fault = hm_netstat_row_read(words, &row);
    void *grown = list->at;

    if (fault != NULL) {
        return refuse(err, line, fault);
    }
    if (list->count >= HM_LIMIT_SOCKETS) {
        return hm_fail_line(err, HM_ETOOBIG, line, "line %u: more than %u rows", line,
                            HM_LIMIT_SOCKETS);
    }
    if (hm_arena_grow(list->input, &grown, list->count, &list->room, sizeof(*list->at)) != 0) {
        return no_memory(list, err);
    }
    list->at = grown;
    list->at[list->count++] = row;
    list->components = 0;
    return HM_OK;
}

/* ---- netstat -b ------------------------------------------------------------------------------ */

/* Lines below a row: components, then "[program]". Windows 7 and later have one component at
 * most, the service's name ("RpcSs"); XP and 2003 the libraries on the way, and
 * "-- unknown component(s) --". When no program follows, the text is the translated "Can not
 * obtain ownership information". */
static bool is_program(struct hm_span line)
{
    return line.len > 2 && line.at[0] == '[' && line.at[line.len - 1] == ']';
}

static bool is_service_name(struct hm_span text)
{
    return text.len <= HM_LIMIT_NAME_BYTES && memchr(text.at, '\\', text.len) == NULL &&
           memchr(text.at, '/', text.len) == NULL && text.at[0] != '-';
}

static enum hm_status take_program(struct listing *list, struct hm_span line, unsigned number,
                                   struct hm_err *err)
{
    struct hm_span name = hm_str_trim(line.at + 1, line.len - 2);
    struct hm_netstat_row *row = list->count > 0 ? &list->at[list->count - 1] : NULL;

    if (name.len == 0 || name.len > HM_LIMIT_NAME_BYTES) {
        return refuse(err, number, "the program's name is empty or too long");
    }
    if (row == NULL || row->program[0] != '\0') {
        return refuse(err, number, "a [program] without a row of its own: rows are missing");
    }
    row->program = hm_input_clean(name.at, name.len, list->arena);
    if (list->components == 1 && is_service_name(list->component)) {
        row->service = hm_input_clean(list->component.at, list->component.len, list->arena);
    }
    return row->program != NULL && row->service != NULL ? HM_OK : no_memory(list, err);
}

/* Titles, of three words at least in any language; no command line that somebody copied with it. */
static bool is_heading(struct hm_span line, const struct hm_netstat_words *words)
{
    return words->count >= 3 && memchr(line.at, '|', line.len) == NULL &&
           memchr(line.at, '>', line.len) == NULL;
}

static void take_text(struct listing *list, struct hm_span line,
                      const struct hm_netstat_words *words)
{
    list->has_heading = list->has_heading || (list->count == 0 && is_heading(line, words));
    if (list->count > 0) {
        list->component = line;
        list->components++;
    }
}

static bool is_cut_mark(struct hm_span line)
{
    static const char *const marks[] = {"...", "[...]", "\xe2\x80\xa6", "[\xe2\x80\xa6]",
                                        "-- More --"};

    for (size_t i = 0; i < HM_COUNT(marks); i++) {
        if (hm_netstat_is_word(line, marks[i])) {
            return true;
        }
    }
    return false;
}

static enum hm_status take_line(struct listing *list, struct hm_span text, unsigned line,
                                struct hm_err *err)
{
    struct hm_netstat_words words = hm_netstat_split(text);

    if (words.count == 0) {
        return HM_OK;
    }
    if (hm_netstat_is_word(words.at[0], "TCP")) {
        return add_row(list, &words, HM_TCP, line, err);
    }
    if (hm_netstat_is_word(words.at[0], "UDP")) {
        return add_row(list, &words, HM_UDP, line, err);
    }
    if (words.count > 2 && words.at[0].len <= 4 &&
        (starts_with_nocase(words.at[0], "tcp") || starts_with_nocase(words.at[0], "udp"))) {
        return refuse(err, line, "a row of another system's netstat; this reads Windows' -ano");
    }
    if (is_cut_mark(text)) {
        return refuse(err, line, "something was left out here");
    }
    if (is_program(text)) {
        return take_program(list, text, line, err);
    }
    take_text(list, text, &words);
    return HM_OK;
}

/* ---- what the state words say ---------------------------------------------------------------- */

#define STATES_MAX 8 /* different words of rows without a peer; there are two or three */

static bool same_text(struct hm_span a, struct hm_span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

static bool is_quiet(const struct hm_netstat_row *row)
{
    return row->protocol == HM_TCP && hm_netstat_row_is_quiet(row);
}

/* The words of rows without a peer, each once; STATES_MAX + 1 = more than fit. */
static size_t collect_states(const struct listing *list, struct hm_span out_states[STATES_MAX])
{
    size_t count = 0;

    for (size_t i = 0; i < list->count && count <= STATES_MAX; i++) {
        size_t k = 0;

        if (!is_quiet(&list->at[i])) {
            continue;
        }
        while (k < count && !same_text(out_states[k], list->at[i].state)) {
            k++;
        }
        if (k == count && count < STATES_MAX) {
            out_states[k] = list->at[i].state;
        }
        count += k == count ? 1 : 0;
    }
    return count;
}

/* Ports on which every Windows listens: the endpoint mapper and SMB. */
static bool is_sure_listener(const struct hm_netstat_row *row)
{
    return is_quiet(row) &&
           (row->local.port == 135 || row->local.port == 445 || row->local.port == 139);
}

/* "netstat -q" also lists ports that are bound and not listening, with a word of their own,
 * translated ("BOUND", "GEBUNDEN"). Without it all rows without a peer have one word. Which one
 * means listening is known by the English word, or by ports on which every Windows listens. */
static enum hm_status find_listening(const struct listing *list, struct hm_span *out_state,
                                     struct hm_err *err)
{
    struct hm_span states[STATES_MAX];
    size_t count = collect_states(list, states);
    const struct hm_netstat_row *sure = NULL;

    if (count <= 1) {
        *out_state = count == 1 && !hm_netstat_is_word(states[0], "BOUND")
                         ? states[0]
                         : (struct hm_span){"LISTENING", 9};
        return HM_OK;
    }
    for (size_t i = 0; i < count && i < STATES_MAX; i++) {
        if (hm_netstat_is_word(states[i], "LISTENING")) {
            *out_state = states[i];
            return HM_OK;
        }
    }
    for (size_t i = 0; i < list->count; i++) {
        const struct hm_netstat_row *row = &list->at[i];

        if (!is_sure_listener(row) || row->state.len == 0) {
            continue;
        }
        if (sure != NULL && !same_text(sure->state, row->state)) {
            sure = NULL;
            break;
        }
        sure = row;
    }
    if (sure == NULL) {
        return hm_fail(err, HM_EINVAL,
                       "rows without a remote end have different states, and nothing shows which "
                       "of them is \"listening\"; give the whole output of netstat -ano");
    }
    *out_state = sure->state;
    return HM_OK;
}

/* Its owner is gone: process id 0, or, where ids are not told, the word (German is the language
 * that is known to translate it). What is not known to be so counts as a live connection. */
static bool is_time_wait(const struct hm_netstat_row *row, bool has_pids)
{
    return has_pids ? row->pid == 0
                    : hm_netstat_is_word(row->state, "TIME_WAIT") ||
                          hm_netstat_is_word(row->state, "WARTEND");
}

static enum hm_socket_state state_of(const struct hm_netstat_row *row, struct hm_span listening,
                                     bool has_pids)
{
    if (row->protocol == HM_UDP && hm_netstat_row_is_quiet(row)) {
        return HM_SOCKET_LISTEN;
    }
    if (hm_netstat_row_is_quiet(row)) {
        return same_text(row->state, listening) ? HM_SOCKET_LISTEN : HM_SOCKET_BOUND;
    }
    return is_time_wait(row, has_pids) ? HM_SOCKET_TIME_WAIT : HM_SOCKET_ESTABLISHED;
}

/* ---- the whole ------------------------------------------------------------------------------- */

/* Either all rows have process ids or none. */
static enum hm_status check_pids(const struct listing *list, struct hm_netstat *about,
                                 struct hm_err *err)
{
    for (size_t i = 0; i < list->count; i++) {
        about->has_pids = about->has_pids || list->at[i].has_pid;
        about->has_programs = about->has_programs || list->at[i].program[0] != '\0';
    }
    for (size_t i = 0; about->has_pids && i < list->count; i++) {
        if (!list->at[i].has_pid) {
            return refuse(err, list->at[i].line,
                          "the row does not end in a process id, as others do: it was cut");
        }
    }
    return HM_OK;
}

static enum hm_status make_sockets(const struct listing *list, struct hm_netstat *about,
                                   struct hm_err *err)
{
    struct hm_socket *sockets = hm_arena_alloc(list->arena, list->count, sizeof(*sockets));
    struct hm_span listening = {"", 0};
    enum hm_status st = find_listening(list, &listening, err);

    if (st != HM_OK) {
        return st;
    }
    for (size_t i = 0; sockets != NULL && i < list->count; i++) {
        const struct hm_netstat_row *row = &list->at[i];
        struct hm_socket *socket = &sockets[i];

        *socket = (struct hm_socket){
            .protocol = row->protocol,
            .family = row->local.family,
            .state = state_of(row, listening, about->has_pids),
            .address = hm_arena_strndup(list->arena, row->local.address.at, row->local.address.len),
            .port = row->local.port,
            .remote = "",
            .pid = row->pid,
            .program = row->pid == SYSTEM_PID ? "" : row->program,
            .service = row->pid == SYSTEM_PID ? "" : row->service,
            .connecting =
                row->protocol == HM_TCP && (hm_netstat_is_word(row->state, "SYN_SENT") ||
                                            hm_netstat_is_word(row->state, "SYN_GESENDET")),
        };
        if (!hm_netstat_row_is_quiet(row)) {
            socket->remote =
                hm_arena_strndup(list->arena, row->remote_text.at, row->remote_text.len);
        }
        if (socket->address == NULL || socket->remote == NULL) {
            return no_memory(list, err);
        }
    }
    if (sockets == NULL) {
        return no_memory(list, err);
    }
    about->sockets = (struct hm_sockets){sockets, list->count};
    return HM_OK;
}

enum hm_status hm_netstat_parse(const char *text, size_t len, struct hm_arena *arena,
                                struct hm_netstat *out_netstat, struct hm_err *err)
{
    struct hm_netstat about = {0};
    struct hm_arena input;
    struct listing list = {.input = &input, .arena = arena};
    struct hm_span rest;
    struct hm_span line_text;
    unsigned line = 0;
    enum hm_status st;

    hm_arena_init(&input, INPUT_ARENA_BYTES);
    st = hm_input_text_up_to(text, len, HM_LIMIT_NETSTAT_FILE_BYTES, &input, &rest, err);
    while (st == HM_OK && hm_str_next_line(&rest, &line_text)) {
        line++;
        st = take_line(&list, hm_input_unquote(line_text), line, err);
    }
    if (st == HM_OK && list.count == 0) {
        st = refuse(err, line, "no TCP or UDP row up to here: this is no output of netstat -ano");
    }
    if (st == HM_OK) {
        st = check_pids(&list, &about, err);
    }
    if (st == HM_OK) {
        st = make_sockets(&list, &about, err);
    }
    about.has_heading = list.has_heading;
    if (st == HM_OK) {
        *out_netstat = about;
    }
    hm_arena_fini(&input);
    return st;
}
