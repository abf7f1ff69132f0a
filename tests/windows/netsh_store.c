/* tests/windows/netsh_store.c — what the netsh double keeps: values of HKLM\SOFTWARE\NetshDouble.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/windows/netsh_store.h"

#include <stdio.h>
#include <stdlib.h>

#define KEY L"SOFTWARE\\NetshDouble"

static HKEY key;
static HANDLE mutex;

bool store_open(void)
{
    DWORD count = 0;
    DWORD len = sizeof(count);

    if (RegCreateKeyExW(HKEY_LOCAL_MACHINE, KEY, 0, NULL, 0, KEY_QUERY_VALUE | KEY_SET_VALUE, NULL,
                        &key, NULL) != ERROR_SUCCESS) {
        return false;
    }
    mutex = CreateMutexW(NULL, FALSE, L"NetshDouble");
    (void)RegQueryValueExW(key, L"calls", NULL, NULL, (unsigned char *)&count, &len);
    count++;
    (void)RegSetValueExW(key, L"calls", 0, REG_DWORD, (const unsigned char *)&count, sizeof(count));
    return mutex != NULL;
}

void store_lock(void)
{
    (void)WaitForSingleObject(mutex, INFINITE);
}

void store_unlock(void)
{
    (void)ReleaseMutex(mutex);
}

void store_read(const wchar_t *name, const wchar_t *otherwise, wchar_t out[TEXT_CHARS])
{
    DWORD len = (TEXT_CHARS - 1) * sizeof(wchar_t);
    DWORD type = 0;

    (void)wcscpy(out, otherwise);
    if (RegQueryValueExW(key, name, NULL, &type, (unsigned char *)out, &len) == ERROR_SUCCESS &&
        type == REG_SZ) {
        out[len / sizeof(wchar_t)] = L'\0';
    }
}

void store_write(const wchar_t *name, const wchar_t *text)
{
    (void)RegSetValueExW(key, name, 0, REG_SZ, (const unsigned char *)text,
                         (DWORD)((wcslen(text) + 1) * sizeof(wchar_t)));
}

unsigned long store_number(const wchar_t *name)
{
    wchar_t text[TEXT_CHARS];

    store_read(name, L"", text);
    return wcstoul(text, NULL, 10);
}

/* ---- rows ---------------------------------------------------------------------------------- */

void store_load(const wchar_t *name, struct rows *out)
{
    wchar_t text[TEXT_CHARS];

    out->count = 0;
    store_read(name, L"", text);
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

void store_save(const wchar_t *name, struct rows *rows)
{
    wchar_t text[TEXT_CHARS] = L"";
    size_t len = 0;

    qsort(rows->at, rows->count, sizeof(rows->at[0]), by_first);
    for (size_t i = 0; i < rows->count && len < TEXT_CHARS - 32; i++) {
        len += (size_t)swprintf(text + len, TEXT_CHARS - len, L"%ls%u-%u%ls", i > 0 ? L"," : L"",
                                rows->at[i].first, rows->at[i].last,
                                rows->at[i].administered ? L"*" : L"");
    }
    store_write(name, text);
}

size_t rows_find(const struct rows *rows, unsigned first, unsigned last)
{
    size_t i = 0;

    while (i < rows->count && (rows->at[i].first != first || rows->at[i].last != last)) {
        i++;
    }
    return i;
}

size_t rows_overlap(const struct rows *rows, unsigned first, unsigned last)
{
    size_t i = 0;

    while (i < rows->count && (rows->at[i].first > last || rows->at[i].last < first)) {
        i++;
    }
    return i;
}

bool rows_put(struct rows *rows, struct row row)
{
    if (rows->count == ROWS_MAX) {
        return false;
    }
    rows->at[rows->count++] = row;
    return true;
}

void rows_drop(struct rows *rows, size_t index)
{
    rows->at[index] = rows->at[--rows->count];
}
