/* tests/windows/netsh_store.h — what the netsh double keeps: values of HKLM\SOFTWARE\NetshDouble.
 * SPDX-License-Identifier: Apache-2.0
 *
 * netsh_double.c lists the values. Each run of the double is a process of its own. */
#pragma once

#include <windows.h>

#include <stdbool.h>
#include <stddef.h>
#include <wchar.h>

#define TEXT_CHARS 4096
#define ROWS_MAX 512

struct row {
    unsigned first;
    unsigned last;
    bool administered;
};

struct rows {
    struct row at[ROWS_MAX];
    size_t count;
};

/* Opens it and counts this run. */
bool store_open(void);

void store_read(const wchar_t *name, const wchar_t *otherwise, wchar_t out[TEXT_CHARS]);
void store_write(const wchar_t *name, const wchar_t *text);
unsigned long store_number(const wchar_t *name); /* 0 when it is not there */

/* "5357-5357,50000-50059*" */
void store_load(const wchar_t *name, struct rows *out);
void store_save(const wchar_t *name, struct rows *rows);
/* The index of the row with exactly these bounds; count when there is none. */
size_t rows_find(const struct rows *rows, unsigned first, unsigned last);
/* Of the first row with a port of these; count when there is none. */
size_t rows_overlap(const struct rows *rows, unsigned first, unsigned last);
bool rows_put(struct rows *rows, struct row row); /* false: there is no room */
void rows_drop(struct rows *rows, size_t index);

/* One process at a time changes rows. */
void store_lock(void);
void store_unlock(void);
