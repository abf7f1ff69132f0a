/* tests/windows/netsh_double.c — netsh for Wine, which has only a silent stub.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Understands what the agent calls, in the grammar of netsh-interface (abbreviations too):
 *   interface {ipv4|ipv6} show {dynamicport|excludedportrange} [protocol=]{tcp|udp} [store=…]
 *   interface {ipv4|ipv6} set dynamicport {tcp|udp} start=N num=N
 *   interface {ipv4|ipv6} {add|delete} excludedportrange [protocol=]{tcp|udp} start=N num=N
 *   http show {servicestate|urlacl|sslcert}
 * State and scripted behaviour are values of HKLM\SOFTWARE\NetshDouble, so that a test sets them
 * with "reg add" and later processes see them; calls counts the runs:
 *   dynamic-<protocol>-<family>   "49152 16384" (start, count)
 *   excluded-<protocol>-<family>  "5357-5357,50000-50059*" (star = administered)
 *   busy-<protocol>               "9955,9933": ports some socket has: add answers as Windows does
 *   http                          "80,5985": ports of HTTP.sys
 *   urlacl, sslcert               "http://+:80/ https://+:443/", "0.0.0.0:443": what they list;
 * "none": the command fails; not set: http://+:5985/wsman/, nothing language en de fr ru zh ja ko
 *   listings                      folder of recorded listings; show prints their bytes as they are:
 *                                 ipv4-tcp-dynamicport.txt, ipv6-udp-excludedportrange.txt, ...
 *   mode                          empty | garbage | hang | fail:<exit> | unknown; "" = behave
 *   change-mode, change-mode-ipv6 the same, of add, delete and set only; of one family only
 *   refusals                      so many of the next changes are answered as busy
 *   mirror                        "1": a change of one family is one of both, as is reported of
 *                                 Windows; the same add in the second one is answered as busy
 *   changes                       what add, delete and set were asked: "ipv4 add tcp 9955 1 ok;"
 *   delay                         milliseconds that each run takes, as of a system that starts
 *   http-fails                    "1": no list of HTTP.sys can be read
 *   active-<protocol>-<family>    rows that were made with store=active
 *   timeline, booted, log         netsh_timeline.h: a boot
 * What is added or deleted is also in the Nsi keys, where Windows keeps it, unless store=active.
 * Only who is elevated may change something (not_elevated.c); everybody is shown everything. */
#include <windows.h>

#include <fcntl.h>
#include <io.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "tests/windows/netsh_store.h"
#include "tests/windows/netsh_texts.h"
#include "tests/windows/netsh_timeline.h"

struct call {
    const struct language *language;
    const wchar_t *family;
    const wchar_t *verb;
    const wchar_t *object;
    const wchar_t *protocol;
    unsigned start;
    unsigned count;
    bool active;      /* store=active: gone after a boot */
    bool unknown_tag; /* a word that is none of this command */
    wchar_t name[64]; /* registry value: excluded-tcp-ipv4 */
    wchar_t twin[64]; /* that of the other family */
};

/* In the code page of the language; the C library makes CR LF of line ends. */
static void print(const struct language *language, const wchar_t *text)
{
    char bytes[TEXT_CHARS];
    int len =
        WideCharToMultiByte(language->code_page, 0, text, -1, bytes, sizeof(bytes), NULL, NULL);

    for (int i = 0; i < len - 1; i++) {
        (void)putchar(bytes[i]);
    }
}

static bool mirrors(void)
{
    wchar_t text[TEXT_CHARS];

    store_read(L"mirror", L"", text);
    return text[0] == L'1';
}

static int say(const struct call *call, const wchar_t *text, int status)
{
    print(call->language, text);
    print(call->language, L"\n\n");
    return status;
}

static int show_excluded(const struct call *call)
{
    static struct rows rows;
    wchar_t line[TEXT_CHARS];

    store_load(call->name, &rows);
    (void)swprintf(line, TEXT_CHARS, call->language->excluded, call->protocol);
    print(call->language, line);
    print(call->language, L"----------    --------      \n");
    for (size_t i = 0; i < rows.count; i++) {
        (void)swprintf(line, TEXT_CHARS, L"%10u  %10u%ls\n", rows.at[i].first, rows.at[i].last,
                       rows.at[i].administered ? L"     *" : L"      ");
        print(call->language, line);
    }
    print(call->language, L"\n");
    return say(call, call->language->footer, 0);
}

static int show_dynamic(const struct call *call)
{
    wchar_t line[TEXT_CHARS];
    wchar_t value[TEXT_CHARS];
    unsigned start;
    unsigned count;
    wchar_t *end;

    store_read(call->name, L"49152 16384", value);
    start = (unsigned)wcstoul(value, &end, 10);
    count = (unsigned)wcstoul(end, NULL, 10);
    (void)swprintf(line, TEXT_CHARS, call->language->dynamic, call->protocol);
    print(call->language, line);
    (void)swprintf(line, TEXT_CHARS, L"---------------------------------\n%ls%u\n%ls%u\n\n",
                   call->language->start, start, call->language->count, count);
    print(call->language, line);
    return 0;
}

static int set_dynamic(const struct call *call)
{
    wchar_t value[64];

    if (call->start < 1024 || call->count < 255 || call->start + call->count > 65536) {
        return say(call, L"The parameter is incorrect.", 1);
    }
    (void)swprintf(value, 64, L"%u %u", call->start, call->count);
    store_write(call->name, value);
    if (mirrors()) {
        store_write(call->twin, value);
    }
    return say(call, call->language->done, 0);
}

static bool is_busy(const struct call *call)
{
    wchar_t name[32];
    wchar_t text[TEXT_CHARS];

    (void)swprintf(name, 32, L"busy-%ls", call->protocol);
    store_read(name, L"", text);
    for (wchar_t *at = text; *at != L'\0';) {
        unsigned port = (unsigned)wcstoul(at, &at, 10);

        if (port >= call->start && port < call->start + call->count) {
            return true;
        }
        at += *at == L',' ? 1 : 0;
    }
    return false;
}

/* As Windows keeps a persistent row: "26e30100" is port 9955, count 1 with its bytes swapped. */
static void keep_in_registry(const struct call *call, bool keep)
{
    static const unsigned char data[] = {0x12, 0x00, 0xff, 0xff};
    const bool tcp = wcscmp(call->protocol, L"tcp") == 0;
    wchar_t path[128];
    wchar_t name[16];
    HKEY nsi;

    if (call->active) {
        return;
    }
    (void)swprintf(path, 128, L"SYSTEM\\CurrentControlSet\\Control\\Nsi\\%ls",
                   tcp ? L"{eb004a03-9b1a-11d4-9123-0050047759bc}\\29"
                       : L"{eb004a02-9b1a-11d4-9123-0050047759bc}\\5");
    (void)swprintf(name, 16, L"%04x%02x%02x", call->start, call->count & 255u, call->count >> 8);
    if (RegCreateKeyExW(HKEY_LOCAL_MACHINE, path, 0, NULL, 0, KEY_SET_VALUE, NULL, &nsi, NULL) !=
        ERROR_SUCCESS) {
        return;
    }
    if (keep) {
        /* Both families share the value, and Wine raises no notification for equal data. */
        (void)RegDeleteValueW(nsi, name);
        (void)RegSetValueExW(nsi, name, 0, REG_BINARY, data, sizeof(data));
    } else {
        (void)RegDeleteValueW(nsi, name);
    }
    (void)RegCloseKey(nsi);
}

/* Rows that no boot outlives. */
static void note_active(const struct call *call, unsigned last, bool active)
{
    static struct rows rows;
    wchar_t name[64];
    size_t at;

    (void)swprintf(name, 64, L"active-%ls-%ls", call->protocol, call->family);
    store_load(name, &rows);
    at = rows_find(&rows, call->start, last);
    if (active && at == rows.count) {
        (void)rows_put(&rows, (struct row){call->start, last, true});
    } else if (!active && at < rows.count) {
        rows_drop(&rows, at);
    } else {
        return;
    }
    store_save(name, &rows);
}

static int add_excluded(const struct call *call)
{
    static struct rows rows;
    unsigned last = call->start + call->count - 1;

    if (call->start == 0 || call->count == 0 || last > 65535) {
        return say(call, L"The parameter is incorrect.", 1);
    }
    store_load(call->name, &rows);
    if (rows_overlap(&rows, call->start, last) < rows.count || /* 32, for one's own row too */
        is_busy(call) || !rows_put(&rows, (struct row){call->start, last, true})) {
        return say(call, call->language->busy, 1);
    }
    store_save(call->name, &rows);
    if (mirrors()) {
        store_load(call->twin, &rows);
        if (rows_find(&rows, call->start, last) == rows.count &&
            rows_put(&rows, (struct row){call->start, last, true})) {
            store_save(call->twin, &rows);
        }
    }
    note_active(call, last, call->active);
    keep_in_registry(call, true);
    return say(call, call->language->done, 0);
}

static int delete_excluded(const struct call *call)
{
    static struct rows rows;
    unsigned last = call->start + call->count - 1;
    size_t at;

    store_load(call->name, &rows);
    at = rows_find(&rows, call->start, last);
    if (at == rows.count) {
        return say(call, call->language->missing, 1);
    }
    if (!rows.at[at].administered) {
        return say(call, call->language->denied, 1);
    }
    rows_drop(&rows, at);
    store_save(call->name, &rows);
    if (mirrors()) {
        store_load(call->twin, &rows);
        at = rows_find(&rows, call->start, last);
        if (at < rows.count) {
            rows_drop(&rows, at);
            store_save(call->twin, &rows);
        }
    }
    note_active(call, last, false);
    keep_in_registry(call, false);
    return say(call, call->language->done, 0);
}

static int show_service_state(const struct call *call)
{
    wchar_t text[TEXT_CHARS];
    wchar_t line[TEXT_CHARS];

    store_read(L"http", L"", text);
    print(call->language, L"\nSnapshot of HTTP service state (Server Session View): \n"
                          L"----------------------------------------------------- \n\n");
    for (wchar_t *at = text; *at != L'\0';) {
        unsigned port = (unsigned)wcstoul(at, &at, 10);

        (void)swprintf(line, TEXT_CHARS, L"    Registered URLs:\n        HTTP://+:%u/\n\n", port);
        print(call->language, line);
        if (*at == L'-') { /* as the time line keeps it: 80-80 */
            (void)wcstoul(at + 1, &at, 10);
        }
        at += *at == L',' ? 1 : 0;
    }
    return 0;
}

/* Scripted trouble; -1 = behave. */
static int trouble(const wchar_t *name)
{
    wchar_t mode[TEXT_CHARS];

    store_read(name, L"", mode);
    if (wcscmp(mode, L"empty") == 0) {
        return 0; /* what Wine's own netsh does */
    }
    if (wcscmp(mode, L"garbage") == 0) {
        (void)fwrite("\n 49152 what\x80\xff 70000 12 * 3\n  100   90\n", 1, 38, stdout);
        return 0;
    }
    if (wcscmp(mode, L"hang") == 0) {
        Sleep(INFINITE);
    }
    if (wcscmp(mode, L"unknown") == 0) {
        (void)printf("The following command was not found: int ipv4 show excludedportrange.\n");
        return 1;
    }
    return wcsncmp(mode, L"fail:", 5) == 0 ? (int)wcstoul(mode + 5, NULL, 10) : -1;
}

/* The recorded answer of a real netsh, byte for byte; -1 = there are no recorded ones. */
static int replay(const struct call *call, bool excluded)
{
    wchar_t folder[TEXT_CHARS];
    wchar_t path[TEXT_CHARS];
    char bytes[TEXT_CHARS];
    size_t len;
    FILE *file;

    store_read(L"listings", L"", folder);
    if (folder[0] == L'\0') {
        return -1;
    }
    (void)swprintf(path, TEXT_CHARS, L"%ls/%ls-%ls-%ls.txt", folder, call->family, call->protocol,
                   excluded ? L"excludedportrange" : L"dynamicport");
    file = _wfopen(path, L"rb");
    if (file == NULL) {
        return say(call, L"The system cannot find the file specified.", 1);
    }
    (void)_setmode(_fileno(stdout), _O_BINARY);
    while ((len = fread(bytes, 1, sizeof(bytes), file)) > 0) {
        (void)fwrite(bytes, 1, len, stdout);
    }
    (void)fclose(file);
    return 0;
}

/* netsh takes any beginning of a word that is not ambiguous. */
static bool word(const wchar_t *given, const wchar_t *full, size_t least)
{
    size_t len = wcslen(given);

    return len >= least && len <= wcslen(full) && _wcsnicmp(given, full, len) == 0;
}

static void parse_tail(struct call *call, int argc, wchar_t **argv)
{
    for (int i = 0; i < argc; i++) {
        const wchar_t *value = wcschr(argv[i], L'=');

        value = value != NULL ? value + 1 : argv[i];
        if (_wcsicmp(value, L"tcp") == 0 || _wcsicmp(value, L"udp") == 0) {
            call->protocol = _wcsicmp(value, L"tcp") == 0 ? L"tcp" : L"udp";
        } else if (_wcsnicmp(argv[i], L"start", 5) == 0) {
            call->start = (unsigned)wcstoul(value, NULL, 10);
        } else if (_wcsnicmp(argv[i], L"num", 3) == 0) {
            call->count = (unsigned)wcstoul(value, NULL, 10);
        } else if (_wcsicmp(argv[i], L"store=active") == 0) {
            call->active = true;
        } else if (_wcsicmp(argv[i], L"store=persistent") != 0) {
            call->unknown_tag = true;
        }
    }
}

static int change_trouble(const struct call *call)
{
    wchar_t name[32];
    wchar_t text[TEXT_CHARS];
    unsigned refusals;
    int status = trouble(L"change-mode");

    (void)swprintf(name, 32, L"change-mode-%ls", call->family);
    status = status >= 0 ? status : trouble(name);
    store_read(L"refusals", L"", text);
    refusals = (unsigned)wcstoul(text, NULL, 10);
    if (status >= 0 || refusals == 0) {
        return status;
    }
    (void)swprintf(text, TEXT_CHARS, L"%u", refusals - 1);
    store_write(L"refusals", text);
    return say(call, call->language->busy, 1);
}

/* Tests look at what was tried, too. */
static int note_change(const struct call *call, int status)
{
    wchar_t text[TEXT_CHARS];
    size_t len;

    store_read(L"changes", L"", text);
    len = wcslen(text);
    if (len < TEXT_CHARS - 64) {
        (void)swprintf(text + len, TEXT_CHARS - len, L"%ls %ls %ls %u %u %ls;", call->family,
                       call->verb, call->protocol, call->start, call->count,
                       status == 0 ? L"ok" : L"refused");
        store_write(L"changes", text);
    }
    return status;
}

static int change_store(const struct call *call, bool excluded)
{
    if (word(call->verb, L"set", 3) && !excluded && !call->unknown_tag) {
        return note_change(call, set_dynamic(call));
    }
    if (word(call->verb, L"add", 3) && excluded && !call->unknown_tag) {
        return note_change(call, add_excluded(call));
    }
    if (word(call->verb, L"delete", 3) && excluded && !call->unknown_tag) {
        return note_change(call, delete_excluded(call));
    }
    return say(call, L"The syntax supplied for this command is not valid.", 1);
}

static bool is_elevated(void)
{
    BYTE group[SECURITY_MAX_SID_SIZE];
    DWORD len = sizeof(group);
    BOOL member = FALSE;

    return CreateWellKnownSid(WinBuiltinAdministratorsSid, NULL, group, &len) &&
           CheckTokenMembership(NULL, group, &member) && member;
}

static int change(const struct call *call, bool excluded)
{
    int status = change_trouble(call);

    if (status >= 0) {
        return note_change(call, status);
    }
    if (!is_elevated()) {
        return note_change(call, say(call, languages[0]->elevation, 1));
    }
    store_lock();
    status = change_store(call, excluded);
    store_unlock();
    return status;
}

static int run(struct call *call)
{
    bool excluded = word(call->object, L"excludedportrange", 2);
    int status = trouble(L"mode");

    if (status >= 0) {
        return status;
    }
    (void)swprintf(call->name, 64, L"%ls-%ls-%ls", excluded ? L"excluded" : L"dynamic",
                   call->protocol, call->family);
    (void)swprintf(call->twin, 64, L"%ls-%ls-%ls", excluded ? L"excluded" : L"dynamic",
                   call->protocol, wcscmp(call->family, L"ipv4") == 0 ? L"ipv6" : L"ipv4");
    if (word(call->verb, L"show", 2)) {
        status = replay(call, excluded);
        if (status >= 0) {
            return status;
        }
        return excluded ? show_excluded(call) : show_dynamic(call);
    }
    return change(call, excluded);
}

static int show_http_list(const struct call *call, const wchar_t *list)
{
    const bool urls = wcscmp(list, L"urlacl") == 0;
    wchar_t text[TEXT_CHARS];

    store_read(list, urls ? L"http://+:5985/wsman/" : L"", text);
    if (wcscmp(text, L"none") == 0) {
        return say(call, L"The following command was not found.", 1);
    }
    print(call->language, urls ? L"\nURL Reservations: \n----------------- \n\n"
                               : L"\nSSL Certificate bindings: \n------------------------- \n\n");
    for (wchar_t *at = text; *at != L'\0';) {
        const size_t len = wcscspn(at, L" ");
        const bool more = at[len] != L'\0';

        at[len] = L'\0';
        print(call->language,
              urls ? L"    Reserved URL            : " : L"    IP:port                      : ");
        print(call->language, at);
        print(call->language, L" \n");
        at += len + (more ? 1 : 0);
    }
    return say(call, L"", 0);
}

static int show_http(const struct call *call, const wchar_t *list)
{
    wchar_t fails[TEXT_CHARS];

    store_read(L"http-fails", L"", fails);
    if (fails[0] == L'1') {
        return say(call, L"The service has not been started.", 1);
    }
    return word(list, L"servicestate", 4) ? show_service_state(call) : show_http_list(call, list);
}

static int run_command(struct call *call, int argc, wchar_t **argv)
{
    if (argc >= 4 && word(argv[1], L"http", 4)) {
        return show_http(call, argv[3]);
    }
    if (argc < 6 || !word(argv[1], L"interface", 3)) {
        return say(call, L"The following command was not found.", 1);
    }
    call->family = word(argv[2], L"ipv6", 4) ? L"ipv6" : L"ipv4";
    call->verb = argv[3];
    call->object = argv[4];
    parse_tail(call, argc - 5, argv + 5);
    if (call->protocol[0] == L'\0') {
        return say(call, L"The syntax supplied for this command is not valid.", 1);
    }
    return run(call);
}

int wmain(int argc, wchar_t **argv);
int wmain(int argc, wchar_t **argv)
{
    struct call call = {.language = languages[0], .protocol = L""};
    wchar_t language[TEXT_CHARS];
    int status;

    if (!store_open()) {
        return 1;
    }
    store_read(L"language", L"en", language);
    for (size_t i = 0; languages[i] != NULL; i++) {
        if (wcscmp(languages[i]->name, language) == 0) {
            call.language = languages[i];
        }
    }
    Sleep(store_number(L"delay"));
    store_lock();
    timeline_advance();
    store_unlock();
    status = run_command(&call, argc, argv);
    timeline_log_call(argc, argv, status);
    return status;
}
