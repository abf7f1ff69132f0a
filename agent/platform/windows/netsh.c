/* agent/platform/windows/netsh.c — the lists that netsh and WMI show, each read only when it can
 * have changed. SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/windows/windows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/platform/windows_rules.h"
#include "common/base/limits.h"
#include "common/os/os.h"
#include "common/os/windows_text.h"

#define ARGUMENTS_MAX 5
#define LISTINGS (2 * HM_STACK_COUNT)
#define MEMORY_BYTES (2 * HM_CHILD_OUTPUT_BYTES)

/* What one run of netsh came to. */
struct answer {
    bool ran;           /* false = it could not be started, or was ended */
    const char *reason; /* why not */
    struct hm_windows_listing listing;
    unsigned long exit_status;
};

/* One listing as it was last shown; its memory holds the answer until it is asked again. */
struct shown {
    struct hm_arena memory;
    struct answer answer;
    bool there; /* it was asked */
};

struct hm_netsh {
    wchar_t program[MAX_PATH];
    struct hm_watch *watch;
    struct shown listings[LISTINGS];
    struct hm_arena http_memory;
    struct answer http[HM_NETSH_HTTP_LISTS];
    struct hm_arena opinions_memory;
    struct hm_range_opinions opinions;
    struct hm_lists_memo memo;
    unsigned started;
};

/* Even numbers: dynamic ranges; odd ones: exclusions. */
static const wchar_t *const arguments[LISTINGS][ARGUMENTS_MAX] = {
    {L"interface", L"ipv4", L"show", L"dynamicport",       L"tcp"         },
    {L"interface", L"ipv4", L"show", L"excludedportrange", L"protocol=tcp"},
    {L"interface", L"ipv6", L"show", L"dynamicport",       L"tcp"         },
    {L"interface", L"ipv6", L"show", L"excludedportrange", L"protocol=tcp"},
    {L"interface", L"ipv4", L"show", L"dynamicport",       L"udp"         },
    {L"interface", L"ipv4", L"show", L"excludedportrange", L"protocol=udp"},
    {L"interface", L"ipv6", L"show", L"dynamicport",       L"udp"         },
    {L"interface", L"ipv6", L"show", L"excludedportrange", L"protocol=udp"},
};

static const wchar_t *const http_lists[HM_NETSH_HTTP_LISTS] = {L"servicestate", L"urlacl",
                                                               L"sslcert"};

static const struct answer not_asked = {.reason = "not asked, as netsh gave no answer before",
                                        .listing = {.text = ""}};
static const struct answer not_yet = {.reason = "not asked yet", .listing = {.text = ""}};

enum hm_status hm_netsh_open(struct hm_netsh **out_netsh, struct hm_err *err)
{
    static const wchar_t name[] = L"\\netsh.exe";
    struct hm_netsh *netsh = calloc(1, sizeof(*netsh));
    enum hm_status st;
    UINT len;

    if (netsh == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory to run netsh");
    }
    for (size_t i = 0; i < LISTINGS; i++) {
        hm_arena_init(&netsh->listings[i].memory, MEMORY_BYTES);
    }
    hm_arena_init(&netsh->http_memory, HM_NETSH_HTTP_LISTS * MEMORY_BYTES);
    for (size_t i = 0; i < HM_NETSH_HTTP_LISTS; i++) {
        netsh->http[i] = not_yet;
    }
    hm_arena_init(&netsh->opinions_memory, MEMORY_BYTES);
    len = GetSystemDirectoryW(netsh->program, MAX_PATH);
    if (len == 0 || len + HM_COUNT(name) > MAX_PATH) {
        st = hm_windows_fail(err, "the system directory is unknown", GetLastError());
    } else {
        memcpy(netsh->program + len, name, sizeof(name));
        st = hm_watch_open(&netsh->watch, err);
    }
    if (st != HM_OK) {
        hm_netsh_close(netsh);
        return st;
    }
    *out_netsh = netsh;
    return HM_OK;
}

void hm_netsh_close(struct hm_netsh *netsh)
{
    if (netsh != NULL) {
        hm_watch_close(netsh->watch);
        for (size_t i = 0; i < LISTINGS; i++) {
            hm_arena_fini(&netsh->listings[i].memory);
        }
        hm_arena_fini(&netsh->http_memory);
        hm_arena_fini(&netsh->opinions_memory);
        free(netsh);
    }
}

unsigned hm_netsh_started(const struct hm_netsh *netsh)
{
    return netsh->started;
}

/* ---- running ------------------------------------------------------------------------------- */

static enum hm_status ask(struct hm_netsh *netsh, const wchar_t *const *words, size_t count,
                          struct hm_arena *memory, struct answer *out, struct hm_err *err)
{
    struct answer answer = {.reason = "", .listing = {.text = ""}};
    struct hm_child_result result;
    struct hm_err why;
    enum hm_status st;

    netsh->started++;
    st = hm_child_run(netsh->program, words, count, HM_NETSH_TIMEOUT_MS, memory, &result, &why);
    if (st == HM_OK) {
        answer.ran = true;
        answer.exit_status = result.exit_status;
        answer.listing.failed = result.exit_status != 0;
        answer.listing.text = result.output;
        answer.listing.len = result.len;
    } else {
        answer.reason = hm_arena_strdup(memory, why.text);
        if (st == HM_ENOMEM || answer.reason == NULL) {
            return hm_fail(err, HM_ENOMEM, "no memory to run netsh");
        }
    }
    *out = answer;
    return HM_OK;
}

/* What HTTP.sys serves, and is set up to. */
static enum hm_status ask_http(struct hm_netsh *netsh, bool hangs, struct hm_err *err)
{
    enum hm_status st = HM_OK;

    hm_arena_reset(&netsh->http_memory);
    for (size_t i = 0; i < HM_NETSH_HTTP_LISTS; i++) {
        netsh->http[i] = not_asked;
    }
    for (size_t i = 0; st == HM_OK && !hangs && i < HM_NETSH_HTTP_LISTS; i++) {
        const wchar_t *const words[] = {L"http", L"show", http_lists[i]};

        st = ask(netsh, words, HM_COUNT(words), &netsh->http_memory, &netsh->http[i], err);
        hangs = st == HM_OK && !netsh->http[i].ran;
    }
    return st;
}

/* A netsh that hangs is given its time once, not eight times a look. */
static enum hm_status ask_listings(struct hm_netsh *netsh, unsigned lists, bool *out_hangs,
                                   struct hm_err *err)
{
    enum hm_status st = HM_OK;
    bool hangs = false;

    for (size_t i = 0; st == HM_OK && i < LISTINGS; i++) {
        struct shown *shown = &netsh->listings[i];

        if ((lists & 1u << i) == 0) {
            continue;
        }
        hm_arena_reset(&shown->memory);
        shown->there = true;
        if (hangs) {
            shown->answer = not_asked;
            continue;
        }
        shown->answer = not_yet;
        st = ask(netsh, arguments[i], ARGUMENTS_MAX, &shown->memory, &shown->answer, err);
        hangs = st == HM_OK && !shown->answer.ran;
    }
    *out_hangs = hangs;
    return st;
}

static enum hm_status ask_wmi(struct hm_netsh *netsh, const struct hm_os *os, struct hm_err *err)
{
    hm_arena_reset(&netsh->opinions_memory);
    netsh->opinions = (struct hm_range_opinions){NULL, 0};
    return hm_os_needs_kb2665809(os)
               ? HM_OK
               : hm_windows_ask_ranges(&netsh->opinions_memory, &netsh->opinions, err);
}

/* began_ms: what comes up while the lists are read, one after another, may be in none of them. */
static void note_reading(struct hm_netsh *netsh, unsigned lists, uint64_t signature,
                         int64_t began_ms)
{
    const unsigned whole = HM_LISTS_STACKS | HM_LIST_HTTPSYS;
    struct hm_lists_memo *memo = &netsh->memo;

    memo->known |= lists;
    memo->http_ms = (lists & HM_LIST_HTTPSYS) != 0 ? began_ms : memo->http_ms;
    if ((lists & HM_LIST_HTTPSYS) != 0 && (memo->known & HM_LISTS_BLOCKS) == HM_LISTS_BLOCKS) {
        memo->blocks_ms = began_ms;
        memo->signature = signature;
    }
    if ((memo->known & whole) == whole && (memo->whole_ms == 0 || (lists & whole) == whole)) {
        memo->whole_ms = began_ms;
    }
}

/* WMI last: it can take its time. */
static enum hm_status ask_lists(struct hm_netsh *netsh, const struct hm_os *os, unsigned lists,
                                uint64_t signature, struct hm_err *err)
{
    const int64_t began_ms = hm_os_monotonic_ms();
    bool hangs = false;
    enum hm_status st;

    netsh->memo.known &= ~lists;
    st = ask_listings(netsh, lists, &hangs, err);
    if (st == HM_OK && (lists & HM_LIST_HTTPSYS) != 0) {
        st = ask_http(netsh, hangs, err);
    }
    if (st == HM_OK && (lists & HM_LIST_WMI) != 0) {
        st = ask_wmi(netsh, os, err);
    }
    if (st == HM_OK) {
        note_reading(netsh, lists, signature, began_ms);
    }
    return st;
}

/* ---- reading ------------------------------------------------------------------------------- */

static enum hm_status refuse(const char *command, const char *unknown, const struct answer *answer,
                             const char *reason, struct hm_notes *notes, struct hm_err *err)
{
    struct hm_refusal refusal = {.command = command,
                                 .reason = hm_arena_strdup(notes->arena, reason),
                                 .bytes = answer->listing.text,
                                 .len = answer->listing.len};
    enum hm_status st;

    if (refusal.reason == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the listings of netsh");
    }
    st = hm_notes_add(notes, err, "%s: %s: %s", command, reason, unknown);
    return st == HM_OK ? hm_notes_add_refusal(notes, &refusal, err) : st;
}

/* Why the answer cannot be used whatever it holds; NULL when it may be read. */
static const char *fault_of(const struct answer *answer)
{
    if (!answer->ran) {
        return answer->reason;
    }
    /* A netsh that does nothing must not pass for a host without exclusions. */
    return answer->exit_status == 0 && answer->listing.len == 0 ? "it printed nothing" : NULL;
}

/* refused: gets the bit of a list that could not be read. */
static enum hm_status take(const struct hm_netsh *netsh, size_t index, const struct hm_os *os,
                           struct hm_stack *stack, unsigned *refused, struct hm_notes *notes,
                           struct hm_err *err)
{
    const struct answer *answer = &netsh->listings[index].answer;
    const bool dynamic = index % 2 == 0;
    const char *command =
        dynamic ? hm_windows_dynamic_commands[index / 2] : hm_windows_excluded_commands[index / 2];
    const char *unknown = dynamic ? "its dynamic range is unknown" : "its exclusions are unknown";
    const char *fault = netsh->listings[index].there ? fault_of(answer) : "";
    struct hm_err why = {.text = ""};
    char reason[HM_ERR_TEXT_MAX + 32];
    enum hm_status st = HM_EINVAL;

    if (!netsh->listings[index].there) {
        return HM_OK; /* unknown: it will be asked for soon */
    }
    if (fault == NULL) {
        st = dynamic ? hm_windows_take_dynamic(&answer->listing, stack, &why)
                     : hm_windows_take_excluded(&answer->listing, os, notes->arena, stack, &why);
        if (st == HM_EUNSUPPORTED) {
            (void)snprintf(reason, sizeof(reason), "exit status %lu", answer->exit_status);
        } else if (st != HM_OK && why.line > 0) {
            (void)snprintf(reason, sizeof(reason), "line %u: %s", why.line, why.text);
        } else {
            (void)snprintf(reason, sizeof(reason), "%s", why.text);
        }
        fault = reason;
    }
    if (st == HM_ENOMEM) {
        return hm_fail(err, st, "%s", why.text);
    }
    if (st == HM_OK) {
        return HM_OK;
    }
    *refused |= 1u << index;
    return refuse(command, unknown, answer, fault, notes, err);
}

/* Lists of families that are not installed. */
static unsigned absent_lists(void)
{
    unsigned lists = 0;

    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        if (!hm_windows_has_family(i % 2 == 0 ? HM_IPV4 : HM_IPV6)) {
            lists |= HM_LIST_DYNAMIC(i) | HM_LIST_EXCLUDED(i);
        }
    }
    return lists;
}

/* asked: the lists that were read for this, from began_ms on. */
static enum hm_status take_stacks(struct hm_netsh *netsh, const struct hm_os *os, unsigned asked,
                                  int64_t began_ms, struct hm_stacks *out_stacks,
                                  struct hm_notes *notes, struct hm_err *err)
{
    struct hm_stacks stacks = {hm_arena_alloc(notes->arena, HM_STACK_COUNT, sizeof(*stacks.at)), 0};
    unsigned refused = 0;
    enum hm_status st = HM_OK;

    if (stacks.at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the port ranges");
    }
    for (unsigned i = 0; st == HM_OK && i < HM_STACK_COUNT; i++) {
        struct hm_stack *stack = hm_windows_add_stack(&stacks, i);

        st = take(netsh, 2 * i, os, stack, &refused, notes, err);
        if (st == HM_OK) {
            st = take(netsh, 2 * i + 1, os, stack, &refused, notes, err);
        }
    }
    if (st == HM_OK) {
        hm_lists_note_refused(&netsh->memo, asked, refused, refused != 0 ? absent_lists() : 0,
                              began_ms, hm_os_monotonic_ms());
        *out_stacks = stacks;
    }
    return st;
}

static unsigned find_due(struct hm_netsh *netsh, const struct hm_netsh_need *need)
{
    const struct hm_lists_now now = {
        .now_ms = hm_os_monotonic_ms(),
        .changed = hm_watch_changed(netsh->watch),
        .absent = netsh->memo.absent != 0 ? absent_lists() : 0,
        .signature = need->signature,
        .asks_wmi = !need->waits_with_wmi,
    };
    const unsigned due = hm_lists_due(&netsh->memo, &now);

    netsh->memo.known &= ~now.changed; /* also those that are not asked for now */
    return need->only != 0 ? due & need->only : due;
}

static enum hm_status take_opinions(const struct hm_netsh *netsh, struct hm_arena *arena,
                                    struct hm_range_opinions *out, struct hm_err *err)
{
    const struct hm_range_opinions *told = &netsh->opinions;
    struct hm_range_opinion *at = hm_arena_alloc(arena, told->count, sizeof(*at));

    if (at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the port ranges");
    }
    if (told->count > 0) {
        memcpy(at, told->at, told->count * sizeof(*at));
    }
    *out = (struct hm_range_opinions){at, told->count};
    return HM_OK;
}

static void take_http(struct hm_netsh *netsh, struct hm_netsh_http out[HM_NETSH_HTTP_LISTS])
{
    netsh->memo.http = HM_LISTS_HTTP_READ;
    for (size_t i = 0; i < HM_NETSH_HTTP_LISTS; i++) {
        const struct answer *answer = &netsh->http[i];

        out[i] = (struct hm_netsh_http){
            .fault = answer->listing.failed ? "netsh refused" : fault_of(answer),
            .text = answer->listing.text,
            .len = answer->listing.len,
        };
        if (!answer->ran) {
            netsh->memo.http = HM_LISTS_HTTP_HANGS;
        } else if (out[i].fault != NULL && netsh->memo.http == HM_LISTS_HTTP_READ) {
            netsh->memo.http = HM_LISTS_HTTP_REFUSED;
        }
    }
}

enum hm_status hm_netsh_stacks(struct hm_netsh *netsh, const struct hm_os *os,
                               const struct hm_netsh_need *need, struct hm_arena *arena,
                               struct hm_netsh_facts *out_facts, struct hm_notes *notes,
                               struct hm_err *err)
{
    struct hm_netsh_facts facts = {
        .stacks = {NULL, 0}
    };
    const int64_t began_ms = hm_os_monotonic_ms();
    const unsigned due = find_due(netsh, need);
    enum hm_status st = ask_lists(netsh, os, due, need->signature, err);

    if (st == HM_OK) {
        st = take_stacks(netsh, os, due, began_ms, &facts.stacks, notes, err);
    }
    if (st == HM_OK) {
        st = take_opinions(netsh, arena, &facts.opinions, err);
    }
    if (st == HM_OK) {
        take_http(netsh, facts.http);
        facts.again_in_ms = hm_lists_again_ms(&netsh->memo, hm_os_monotonic_ms());
        *out_facts = facts;
    }
    return st;
}

/* ---- for whoever changes something --------------------------------------------------------- */

enum hm_status hm_netsh_reread(struct hm_netsh *netsh, const struct hm_os *os, unsigned lists,
                               struct hm_stacks *out_stacks, struct hm_notes *notes,
                               struct hm_err *err)
{
    const int64_t began_ms = hm_os_monotonic_ms();
    enum hm_status st;

    lists &= HM_LISTS_STACKS;
    st = ask_lists(netsh, os, lists, netsh->memo.signature, err);
    if (st == HM_OK) {
        st = take_stacks(netsh, os, lists, began_ms, out_stacks, notes, err);
    }
    if (st != HM_OK || (netsh->memo.refused & lists) != 0) {
        netsh->memo.known &= ~lists; /* the next observation asks again */
    }
    return st;
}

enum hm_status hm_netsh_list(struct hm_netsh *netsh, const struct hm_os *os, unsigned index,
                             struct hm_arena *arena, struct hm_stack *out_stack, struct hm_err *err)
{
    struct hm_stacks stacks = {out_stack, 0};
    struct answer answer;
    const char *fault;
    enum hm_status st = ask(netsh, arguments[2 * index + 1], ARGUMENTS_MAX, arena, &answer, err);

    if (st != HM_OK) {
        return st;
    }
    (void)hm_windows_add_stack(&stacks, index);
    fault = fault_of(&answer);
    return fault != NULL ? hm_fail(err, HM_EINVAL, "%s", fault)
                         : hm_windows_take_excluded(&answer.listing, os, arena, out_stack, err);
}

enum hm_status hm_netsh_change(struct hm_netsh *netsh, const wchar_t *const *words, size_t count,
                               unsigned lists, DWORD timeout_ms, struct hm_arena *arena,
                               unsigned long *out_exit_status, struct hm_err *err)
{
    struct hm_child_result result;
    enum hm_status st;

    netsh->memo.known &= ~lists; /* also when it fails: it may have done something */
    netsh->started++;
    st = hm_child_run(netsh->program, words, count, timeout_ms, arena, &result, err);
    if (st == HM_OK) {
        *out_exit_status = result.exit_status;
    }
    return st;
}
