/* tests/windows/netsh_double.c — netsh for Wine, which has only a silent stub.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Understands what the agent calls, in the grammar of netsh-interface (abbreviations too):
 *   interface {ipv4|ipv6} show {dynamicport|excludedportrange} [protocol=]{tcp|udp} [store=…]
 *   interface {ipv4|ipv6} set dynamicport {tcp|udp} start=N num=N
 *   interface {ipv4|ipv6} {add|delete} excludedportrange [protocol=]{tcp|udp} start=N num=N
 *   http show servicestate
 * State and scripted behaviour are values of HKLM\SOFTWARE\NetshDouble, so that a test sets them
 * with "reg add" and later processes see them; calls counts the runs:
 *   dynamic-<protocol>-<family>   "49152 16384" (start, count)
 *   excluded-<protocol>-<family>  "5357-5357,50000-50059*" (star = administered)
 *   busy-<protocol>               "9955,9933": ports some socket has: add answers as Windows does
 *   http                          "80,5985": ports of HTTP.sys
 *   language                      en de fr ru zh ja ko
 *   listings                      folder of recorded listings; show prints their bytes as they are:
 *                                 ipv4-tcp-dynamicport.txt, ipv6-udp-excludedportrange.txt, ...
 *   mode                          empty | garbage | hang | fail:<exit> | unknown; "" = behave
 * What is added or deleted is also in the Nsi keys, where Windows keeps it.
 * The texts are those of real systems where captures exist; nobody may match them. */
#include <windows.h>

#include <fcntl.h>
#include <io.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#define KEY L"SOFTWARE\\NetshDouble"
#define TEXT_CHARS 4096
#define ROWS_MAX 512

struct language {
    const wchar_t *name;
    UINT code_page;
    const wchar_t *excluded; /* title, labels, dashes */
    const wchar_t *footer;
    const wchar_t *dynamic;
    const wchar_t *start;
    const wchar_t *count;
    const wchar_t *done;
    const wchar_t *busy;
    const wchar_t *denied;
    const wchar_t *missing;
};

static const struct language english = {
    .name = L"en",
    .code_page = 437,
    .excluded = L"\nProtocol %ls Port Exclusion Ranges\n\nStart Port    End Port      \n",
    .footer = L"* - Administered port exclusions.",
    .dynamic = L"\nProtocol %ls Dynamic Port Range\n",
    .start = L"Start Port      : ",
    .count = L"Number of Ports : ",
    .done = L"Ok.",
    .busy = L"The process cannot access the file because it is being used by another process.",
    .denied = L"Access is denied.",
    .missing = L"Element not found.",
};

static const struct language german = {
    .name = L"de",
    .code_page = 850,
    .excluded = L"\nPortausschlussbereiche f\u00fcr das Protokoll \"%ls\"\n\nStartport      "
                L"Endport       \n",
    .footer = L"* - Verwaltete Portausschl\u00fcsse.",
    .dynamic = L"\nDynamischer Portbereich f\u00fcr das Protokoll \"%ls\"\n",
    .start = L"Startport       : ",
    .count = L"Anzahl von Ports: ",
    .done = L"OK.",
    .busy = L"Der Prozess kann nicht auf die Datei zugreifen, da sie von einem anderen Prozess "
            L"verwendet wird.",
    .denied = L"Zugriff verweigert",
    .missing = L"Element nicht gefunden.",
};

static const struct language french = {
    .name = L"fr",
    .code_page = 850,
    .excluded =
        L"\nProtocole %ls Plages d\u2019exclusion de ports\n\nPort de d\u00e9but    Port de fin\n",
    .footer = L"* - Exclusions de ports administr\u00e9s.",
    .dynamic = L"\nPlage de ports dynamique du protocole %ls\n",
    .start = L"Port de d\u00e9marrage   : ",
    .count = L"Nombre de ports     : ",
    .done = L"Ok.",
    .busy = L"Le processus ne peut pas acc\u00e9der au fichier car ce fichier est utilis\u00e9 par "
            L"un autre processus.",
    .denied = L"Acc\u00e8s refus\u00e9.",
    .missing = L"\u00c9l\u00e9ment introuvable.",
};

static const struct language russian = {
    .name = L"ru",
    .code_page = 866,
    .excluded =
        L"\n\u0414\u0438\u0430\u043f\u0430\u0437\u043e\u043d\u044b "
        L"\u0438\u0441\u043a\u043b\u044e\u0447\u0435\u043d\u0438\u044f "
        L"\u043f\u043e\u0440\u0442\u043e\u0432 "
        L"\u043f\u0440\u043e\u0442\u043e\u043a\u043e\u043b\u0430 "
        L"%ls\n\n\u041d\u0430\u0447\u0430\u043b\u044c\u043d\u044b\u0439 \u043f\u043e\u0440\u0442   "
        L" \u041a\u043e\u043d\u0435\u0447\u043d\u044b\u0439 \u043f\u043e\u0440\u0442\n",
    .footer = L"* \u2014 \u0443\u043f\u0440\u0430\u0432\u043b\u044f\u0435\u043c\u044b\u0435 "
              L"\u0438\u0441\u043a\u043b\u044e\u0447\u0435\u043d\u0438\u044f.",
    .dynamic = L"\n\u0414\u0438\u0430\u043f\u0430\u0437\u043e\u043d "
               L"\u0434\u0438\u043d\u0430\u043c\u0438\u0447\u0435\u0441\u043a\u0438\u0445 "
               L"\u043f\u043e\u0440\u0442\u043e\u0432 %ls\n",
    .start = L"\u041d\u0430\u0447\u0430\u043b\u044c\u043d\u044b\u0439 \u043f\u043e\u0440\u0442  : ",
    .count = L"\u0427\u0438\u0441\u043b\u043e \u043f\u043e\u0440\u0442\u043e\u0432    : ",
    .done = L"\u041e\u041a.",
    .busy = L"\u041f\u0440\u043e\u0446\u0435\u0441\u0441 \u043d\u0435 "
            L"\u043c\u043e\u0436\u0435\u0442 \u043f\u043e\u043b\u0443\u0447\u0438\u0442\u044c "
            L"\u0434\u043e\u0441\u0442\u0443\u043f \u043a \u0444\u0430\u0439\u043b\u0443.",
    .denied = L"\u041e\u0442\u043a\u0430\u0437\u0430\u043d\u043e \u0432 "
              L"\u0434\u043e\u0441\u0442\u0443\u043f\u0435.",
    .missing = L"\u042d\u043b\u0435\u043c\u0435\u043d\u0442 \u043d\u0435 "
               L"\u043d\u0430\u0439\u0434\u0435\u043d.",
};

static const struct language chinese = {
    .name = L"zh",
    .code_page = 936,
    .excluded =
        L"\n\u534f\u8bae %ls \u7aef\u53e3\u6392\u9664\u8303\u56f4\n\n\u5f00\u59cb\u7aef\u53e3    "
        L"\u7ed3\u675f\u7aef\u53e3\n",
    .footer = L"* - \u7ba1\u7406\u7684\u7aef\u53e3\u6392\u9664\u3002",
    .dynamic = L"\n\u534f\u8bae %ls \u52a8\u6001\u7aef\u53e3\u8303\u56f4\n",
    .start = L"\u542f\u52a8\u7aef\u53e3        : ",
    .count = L"\u7aef\u53e3\u6570          : ",
    .done = L"\u786e\u5b9a\u3002",
    .busy = L"\u53e6\u4e00\u4e2a\u7a0b\u5e8f\u6b63\u5728\u4f7f\u7528\u6b64\u6587\u4ef6\uff0c\u8fdb"
            L"\u7a0b\u65e0\u6cd5\u8bbf\u95ee\u3002",
    .denied = L"\u62d2\u7edd\u8bbf\u95ee\u3002",
    .missing = L"\u627e\u4e0d\u5230\u5143\u7d20\u3002",
};

static const struct language japanese = {
    .name = L"ja",
    .code_page = 932,
    .excluded = L"\n\u30d7\u30ed\u30c8\u30b3\u30eb %ls "
                L"\u30dd\u30fc\u30c8\u9664\u5916\u7bc4\u56f2\n\n\u958b\u59cb\u30dd\u30fc\u30c8    "
                L"\u7d42\u4e86\u30dd\u30fc\u30c8\n",
    .footer = L"* - \u7ba1\u7406\u3055\u308c\u305f\u30dd\u30fc\u30c8\u306e\u9664\u5916\u3002",
    .dynamic = L"\n\u30d7\u30ed\u30c8\u30b3\u30eb %ls "
               L"\u306e\u52d5\u7684\u30dd\u30fc\u30c8\u306e\u7bc4\u56f2\n",
    .start = L"\u958b\u59cb\u30dd\u30fc\u30c8      : ",
    .count = L"\u30dd\u30fc\u30c8\u6570        : ",
    .done = L"OK",
    .busy = L"\u30d7\u30ed\u30bb\u30b9\u306f\u30d5\u30a1\u30a4\u30eb\u306b\u30a2\u30af\u30bb\u30b9"
            L"\u3067\u304d\u307e\u305b\u3093\u3002",
    .denied = L"\u30a2\u30af\u30bb\u30b9\u304c\u62d2\u5426\u3055\u308c\u307e\u3057\u305f\u3002",
    .missing = L"\u8981\u7d20\u304c\u898b\u3064\u304b\u308a\u307e\u305b\u3093\u3002",
};

static const struct language korean = {
    .name = L"ko",
    .code_page = 949,
    .excluded = L"\n\ud504\ub85c\ud1a0\ucf5c %ls \ud3ec\ud2b8 \uc81c\uc678 "
                L"\ubc94\uc704\n\n\uc2dc\uc791 \ud3ec\ud2b8    \ub05d \ud3ec\ud2b8\n",
    .footer = L"* - \uad00\ub9ac \ud3ec\ud2b8 \uc81c\uc678\uc785\ub2c8\ub2e4.",
    .dynamic = L"\n\ud504\ub85c\ud1a0\ucf5c %ls \ub3d9\uc801 \ud3ec\ud2b8 \ubc94\uc704\n",
    .start = L"\uc2dc\uc791 \ud3ec\ud2b8       : ",
    .count = L"\ud3ec\ud2b8 \uc218         : ",
    .done = L"\ud655\uc778\ub428",
    .busy = L"\ub2e4\ub978 \ud504\ub85c\uc138\uc2a4\uac00 \ud30c\uc77c\uc744 \uc0ac\uc6a9 "
            L"\uc911\uc785\ub2c8\ub2e4.",
    .denied = L"\uc561\uc138\uc2a4\uac00 \uac70\ubd80\ub418\uc5c8\uc2b5\ub2c8\ub2e4.",
    .missing = L"\uc694\uc18c\ub97c \ucc3e\uc744 \uc218 \uc5c6\uc2b5\ub2c8\ub2e4.",
};

static const struct language *const languages[] = {&english, &german,   &french, &russian,
                                                   &chinese, &japanese, &korean};

struct row {
    unsigned first;
    unsigned last;
    bool administered;
};

struct rows {
    struct row at[ROWS_MAX];
    size_t count;
};

struct call {
    const struct language *language;
    const wchar_t *family;
    const wchar_t *verb;
    const wchar_t *object;
    const wchar_t *protocol;
    unsigned start;
    unsigned count;
    wchar_t name[64]; /* registry value: excluded-tcp-ipv4 */
};

static HKEY key;

static void read_text(const wchar_t *name, const wchar_t *otherwise, wchar_t out[TEXT_CHARS])
{
    DWORD len = (TEXT_CHARS - 1) * sizeof(wchar_t);
    DWORD type = 0;

    (void)wcscpy(out, otherwise);
    if (RegQueryValueExW(key, name, NULL, &type, (unsigned char *)out, &len) == ERROR_SUCCESS &&
        type == REG_SZ) {
        out[len / sizeof(wchar_t)] = L'\0';
    }
}

static void write_text(const wchar_t *name, const wchar_t *text)
{
    (void)RegSetValueExW(key, name, 0, REG_SZ, (const unsigned char *)text,
                         (DWORD)((wcslen(text) + 1) * sizeof(wchar_t)));
}

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

static void load_rows(const struct call *call, struct rows *out)
{
    wchar_t text[TEXT_CHARS];

    out->count = 0;
    read_text(call->name, L"", text);
    for (const wchar_t *at = text; *at != L'\0' && out->count < ROWS_MAX;) {
        struct row *row = &out->at[out->count++];
        wchar_t *end;

        row->first = (unsigned)wcstoul(at, &end, 10);
        row->last = *end == L'-' ? (unsigned)wcstoul(end + 1, &end, 10) : row->first;
        row->administered = *end == L'*';
        at = *end == L'*' ? end + 1 : end;
        at += *at == L',' ? 1 : 0;
    }
}

static int by_first(const void *a, const void *b)
{
    return (int)((const struct row *)a)->first - (int)((const struct row *)b)->first;
}

static void save_rows(const struct call *call, struct rows *rows)
{
    wchar_t text[TEXT_CHARS] = L"";
    size_t len = 0;

    qsort(rows->at, rows->count, sizeof(rows->at[0]), by_first);
    for (size_t i = 0; i < rows->count && len < TEXT_CHARS - 32; i++) {
        len += (size_t)swprintf(text + len, TEXT_CHARS - len, L"%ls%u-%u%ls", i > 0 ? L"," : L"",
                                rows->at[i].first, rows->at[i].last,
                                rows->at[i].administered ? L"*" : L"");
    }
    write_text(call->name, text);
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

    load_rows(call, &rows);
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

    read_text(call->name, L"49152 16384", value);
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
    write_text(call->name, value);
    return say(call, call->language->done, 0);
}

static bool is_busy(const struct call *call)
{
    wchar_t name[32];
    wchar_t text[TEXT_CHARS];

    (void)swprintf(name, 32, L"busy-%ls", call->protocol);
    read_text(name, L"", text);
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
static void store(const struct call *call, bool keep)
{
    static const unsigned char data[] = {0x12, 0x00, 0xff, 0xff};
    const bool tcp = wcscmp(call->protocol, L"tcp") == 0;
    wchar_t path[128];
    wchar_t name[16];
    HKEY nsi;

    (void)swprintf(path, 128, L"SYSTEM\\CurrentControlSet\\Control\\Nsi\\%ls",
                   tcp ? L"{eb004a03-9b1a-11d4-9123-0050047759bc}\\29"
                       : L"{eb004a02-9b1a-11d4-9123-0050047759bc}\\5");
    (void)swprintf(name, 16, L"%04x%02x%02x", call->start, call->count & 255u, call->count >> 8);
    if (RegCreateKeyExW(HKEY_LOCAL_MACHINE, path, 0, NULL, 0, KEY_SET_VALUE, NULL, &nsi, NULL) !=
        ERROR_SUCCESS) {
        return;
    }
    if (keep) {
        (void)RegSetValueExW(nsi, name, 0, REG_BINARY, data, sizeof(data));
    } else {
        (void)RegDeleteValueW(nsi, name);
    }
    (void)RegCloseKey(nsi);
}

static int add_excluded(const struct call *call)
{
    static struct rows rows;
    unsigned last = call->start + call->count - 1;

    if (call->start == 0 || call->count == 0 || last > 65535) {
        return say(call, L"The parameter is incorrect.", 1);
    }
    load_rows(call, &rows);
    for (size_t i = 0; i < rows.count; i++) {
        if (rows.at[i].first <= last && rows.at[i].last >= call->start) {
            return say(call, call->language->busy, 1); /* 32, for one's own row too */
        }
    }
    if (is_busy(call) || rows.count == ROWS_MAX) {
        return say(call, call->language->busy, 1);
    }
    rows.at[rows.count++] = (struct row){call->start, last, true};
    save_rows(call, &rows);
    store(call, true);
    return say(call, call->language->done, 0);
}

static int delete_excluded(const struct call *call)
{
    static struct rows rows;
    unsigned last = call->start + call->count - 1;

    load_rows(call, &rows);
    for (size_t i = 0; i < rows.count; i++) {
        if (rows.at[i].first == call->start && rows.at[i].last == last) {
            if (!rows.at[i].administered) {
                return say(call, call->language->denied, 1);
            }
            rows.at[i] = rows.at[--rows.count];
            save_rows(call, &rows);
            store(call, false);
            return say(call, call->language->done, 0);
        }
    }
    return say(call, call->language->missing, 1);
}

static int show_service_state(const struct call *call)
{
    wchar_t text[TEXT_CHARS];
    wchar_t line[TEXT_CHARS];

    read_text(L"http", L"", text);
    print(call->language, L"\nSnapshot of HTTP service state (Server Session View): \n"
                          L"----------------------------------------------------- \n\n");
    for (wchar_t *at = text; *at != L'\0';) {
        unsigned port = (unsigned)wcstoul(at, &at, 10);

        (void)swprintf(line, TEXT_CHARS, L"    Registered URLs:\n        HTTP://+:%u/\n\n", port);
        print(call->language, line);
        at += *at == L',' ? 1 : 0;
    }
    return 0;
}

/* Scripted trouble; -1 = behave. */
static int trouble(void)
{
    wchar_t mode[TEXT_CHARS];

    read_text(L"mode", L"", mode);
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

    read_text(L"listings", L"", folder);
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
        }
    }
}

static int run(struct call *call)
{
    bool excluded = word(call->object, L"excludedportrange", 2);
    int status = trouble();

    if (status >= 0) {
        return status;
    }
    (void)swprintf(call->name, 64, L"%ls-%ls-%ls", excluded ? L"excluded" : L"dynamic",
                   call->protocol, call->family);
    if (word(call->verb, L"show", 2)) {
        status = replay(call, excluded);
        if (status >= 0) {
            return status;
        }
        return excluded ? show_excluded(call) : show_dynamic(call);
    }
    if (word(call->verb, L"set", 3) && !excluded) {
        return set_dynamic(call);
    }
    if (word(call->verb, L"add", 3) && excluded) {
        return add_excluded(call);
    }
    if (word(call->verb, L"delete", 3) && excluded) {
        return delete_excluded(call);
    }
    return say(call, L"The syntax supplied for this command is not valid.", 1);
}

int wmain(int argc, wchar_t **argv);
int wmain(int argc, wchar_t **argv)
{
    struct call call = {.language = &english, .protocol = L""};
    wchar_t language[TEXT_CHARS];
    DWORD count = 0;
    DWORD len = sizeof(count);

    if (RegCreateKeyExW(HKEY_LOCAL_MACHINE, KEY, 0, NULL, 0, KEY_QUERY_VALUE | KEY_SET_VALUE, NULL,
                        &key, NULL) != ERROR_SUCCESS) {
        return 1;
    }
    (void)RegQueryValueExW(key, L"calls", NULL, NULL, (unsigned char *)&count, &len);
    count++;
    (void)RegSetValueExW(key, L"calls", 0, REG_DWORD, (const unsigned char *)&count, sizeof(count));
    read_text(L"language", L"en", language);
    for (size_t i = 0; i < sizeof(languages) / sizeof(languages[0]); i++) {
        if (wcscmp(languages[i]->name, language) == 0) {
            call.language = languages[i];
        }
    }
    if (argc >= 4 && word(argv[1], L"http", 4)) {
        return show_service_state(&call);
    }
    if (argc < 6 || !word(argv[1], L"interface", 3)) {
        return say(&call, L"The following command was not found.", 1);
    }
    call.family = word(argv[2], L"ipv6", 4) ? L"ipv6" : L"ipv4";
    call.verb = argv[3];
    call.object = argv[4];
    parse_tail(&call, argc - 5, argv + 5);
    if (call.protocol[0] == L'\0') {
        return say(&call, L"The syntax supplied for this command is not valid.", 1);
    }
    return run(&call);
}
