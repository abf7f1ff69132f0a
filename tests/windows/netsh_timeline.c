/* tests/windows/netsh_timeline.c — a boot for the netsh double: what appears and goes away over
 * time. SPDX-License-Identifier: Apache-2.0 */
#include "tests/windows/netsh_timeline.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/windows/netsh_store.h"

#define LINE_CHARS 1024
#define STEP 1000 /* how far a block moves that is in the way */

static const wchar_t *const families[] = {L"ipv4", L"ipv6"};
static const wchar_t *const protocols[] = {L"tcp", L"udp"};

/* ---- clock and log ------------------------------------------------------------------------- */

static int64_t now_unix_ms(void)
{
    FILETIME now; /* 100 ns since 1601-01-01 */

    GetSystemTimeAsFileTime(&now);
    return (int64_t)(((uint64_t)now.dwHighDateTime << 32 | now.dwLowDateTime) / 10000) -
           INT64_C(11644473600000);
}

/* Since the boot; 0 when none was told. */
static int64_t now_ms(void)
{
    wchar_t text[TEXT_CHARS];

    store_read(L"booted", L"", text);
    return text[0] == L'\0' ? 0 : now_unix_ms() - _wcstoi64(text, NULL, 10);
}

static FILE *open_log(void)
{
    wchar_t path[TEXT_CHARS];

    store_read(L"log", L"", path);
    return path[0] == L'\0' ? NULL : _wfopen(path, L"ab");
}

static void log_event(int64_t ms, const char *format, ...)
{
    FILE *log = open_log();
    va_list arguments;

    if (log != NULL) {
        va_start(arguments, format);
        (void)fprintf(log, "%lld ! ", (long long)ms);
        (void)vfprintf(log, format, arguments);
        (void)fputc('\n', log);
        va_end(arguments);
        (void)fclose(log);
    }
}

void timeline_log_call(int argc, wchar_t **argv, int status)
{
    FILE *log = open_log();

    if (log != NULL) {
        (void)fprintf(log, "%lld", (long long)now_ms());
        for (int i = 1; i < argc; i++) {
            (void)fprintf(log, " %ls", argv[i]);
        }
        (void)fprintf(log, " = %d\n", status);
        (void)fclose(log);
    }
}

/* ---- the boot ------------------------------------------------------------------------------ */

static void name_rows(const wchar_t *what, const wchar_t *protocol, const wchar_t *family,
                      wchar_t out[64])
{
    (void)swprintf(out, 64, L"%ls-%ls-%ls", what, protocol, family);
}

/* What is in memory only does not outlive it. */
static void boot_stack(const wchar_t *protocol, const wchar_t *family)
{
    static struct rows rows;
    static struct rows active;
    wchar_t name[64];

    name_rows(L"active", protocol, family, name);
    store_load(name, &active);
    store_write(name, L"");
    name_rows(L"excluded", protocol, family, name);
    store_load(name, &rows);
    for (size_t i = rows.count; i > 0; i--) {
        const struct row *row = &rows.at[i - 1];

        if (!row->administered || rows_find(&active, row->first, row->last) < active.count) {
            rows_drop(&rows, i - 1);
        }
    }
    store_save(name, &rows);
}

static void boot_once(void)
{
    wchar_t booted[TEXT_CHARS];
    wchar_t before[TEXT_CHARS];

    store_read(L"booted", L"", booted);
    store_read(L"booted-done", L"", before);
    if (wcscmp(booted, before) == 0) {
        return;
    }
    for (size_t i = 0; i < 4; i++) {
        boot_stack(protocols[i / 2], families[i % 2]);
    }
    store_write(L"http", L"");
    store_write(L"timeline-done", L"0");
    store_write(L"booted-done", booted);
}

/* ---- verbs --------------------------------------------------------------------------------- */

static bool is_excluded(unsigned port)
{
    static struct rows rows;
    bool excluded = false;

    for (size_t i = 0; i < 2; i++) {
        wchar_t name[64];

        name_rows(L"excluded", L"tcp", families[i], name);
        store_load(name, &rows);
        for (size_t k = 0; k < rows.count; k++) {
            excluded = excluded || (rows.at[k].administered && rows.at[k].first <= port &&
                                    rows.at[k].last >= port);
        }
    }
    return excluded;
}

static bool is_in_the_way(const wchar_t *protocol, unsigned first, unsigned last)
{
    static struct rows rows;
    bool found = false;

    for (size_t i = 0; i < 2; i++) {
        wchar_t name[64];

        name_rows(L"excluded", protocol, families[i], name);
        store_load(name, &rows);
        found = found || rows_overlap(&rows, first, last) < rows.count;
    }
    return found;
}

static void put_runtime(const wchar_t *protocol, unsigned first, unsigned last, bool there)
{
    static struct rows rows;

    for (size_t i = 0; i < 2; i++) {
        wchar_t name[64];
        size_t at;

        name_rows(L"excluded", protocol, families[i], name);
        store_load(name, &rows);
        at = rows_find(&rows, first, last);
        if (there && at == rows.count) {
            (void)rows_put(&rows, (struct row){first, last, false});
        } else if (!there && at < rows.count && !rows.at[at].administered) {
            rows_drop(&rows, at);
        }
        store_save(name, &rows);
    }
}

static void serve(int64_t ms, unsigned port, bool starts)
{
    static struct rows urls;

    if (starts && is_excluded(port)) {
        log_event(ms, "http %u failed: excluded", port);
        return;
    }
    store_load(L"http", &urls);
    if (starts) {
        (void)rows_put(&urls, (struct row){port, port, false});
    } else if (rows_find(&urls, port, port) < urls.count) {
        rows_drop(&urls, rows_find(&urls, port, port));
    }
    store_save(L"http", &urls);
    put_runtime(L"tcp", port, port, starts);
    log_event(ms, "http%s %u", starts ? "" : "-gone", port);
}

static void reserve(int64_t ms, const wchar_t *protocol, unsigned first, unsigned last)
{
    const unsigned wanted = first;

    while (is_in_the_way(protocol, first, last) && first > STEP) {
        first -= STEP;
        last -= STEP;
    }
    put_runtime(protocol, first, last, true);
    if (first == wanted) {
        log_event(ms, "block %ls %u-%u", protocol, first, last);
    } else {
        log_event(ms, "block %ls %u-%u instead of %u", protocol, first, last, wanted);
    }
}

static void play(int64_t ms, const wchar_t *verb, const wchar_t *word, const wchar_t *rest)
{
    const unsigned port = (unsigned)wcstoul(word, NULL, 10);
    wchar_t *end;
    const unsigned first = (unsigned)wcstoul(rest, &end, 10);
    const unsigned last = *end == L'-' ? (unsigned)wcstoul(end + 1, NULL, 10) : first;

    if (wcscmp(verb, L"http") == 0 || wcscmp(verb, L"http-gone") == 0) {
        serve(ms, port, wcscmp(verb, L"http") == 0);
    } else if (wcscmp(verb, L"block") == 0) {
        reserve(ms, word, first, last);
    } else if (wcscmp(verb, L"block-gone") == 0) {
        put_runtime(word, first, last, false);
        log_event(ms, "block-gone %ls %u-%u", word, first, last);
    } else if (wcscmp(verb, L"set") == 0) {
        store_write(word, rest);
        log_event(ms, "set %ls %ls", word, rest);
    } else {
        log_event(ms, "no such verb: %ls", verb);
    }
}

/* ---- lines --------------------------------------------------------------------------------- */

/* "MS VERB WORD REST". */
static void play_line(wchar_t *line, int64_t *io_ms, int64_t until_ms, bool *out_due)
{
    wchar_t *verb;
    wchar_t *word;
    wchar_t *rest;

    line[wcscspn(line, L"\r\n")] = L'\0';
    *io_ms = _wcstoi64(line, &verb, 10);
    *out_due = *io_ms <= until_ms;
    verb += wcsspn(verb, L" ");
    if (!*out_due || *verb == L'\0') {
        return;
    }
    word = verb + wcscspn(verb, L" ");
    word += *word != L'\0' ? 1 : 0;
    rest = word + wcscspn(word, L" ");
    rest += *rest != L'\0' ? 1 : 0;
    if (word > verb) {
        verb[wcscspn(verb, L" ")] = L'\0';
    }
    if (rest > word) {
        word[wcscspn(word, L" ")] = L'\0';
    }
    play(*io_ms, verb, word, rest);
}

void timeline_advance(void)
{
    wchar_t path[TEXT_CHARS];
    wchar_t line[LINE_CHARS];
    wchar_t count[16];
    const int64_t until_ms = now_ms();
    unsigned long done;
    unsigned long at = 0;
    bool due = true;
    FILE *file;

    boot_once();
    store_read(L"timeline", L"", path);
    file = path[0] == L'\0' ? NULL : _wfopen(path, L"r");
    if (file == NULL) {
        return;
    }
    done = store_number(L"timeline-done");
    while (due && fgetws(line, LINE_CHARS, file) != NULL) {
        int64_t ms = 0;

        if (at++ >= done) {
            play_line(line, &ms, until_ms, &due);
            done += due ? 1 : 0;
        }
    }
    (void)fclose(file);
    (void)swprintf(count, 16, L"%lu", done);
    store_write(L"timeline-done", count);
}
