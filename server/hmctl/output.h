/* server/hmctl/output.h — what people read: tables that fit the terminal, ages, wrapped text.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Widths are in terminal cells, not bytes. Whatever came over the wire is printed without its
 * control characters, so that no host name can steer a terminal. Threads: pure but for the FILE. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "common/base/arena.h"
#include "common/base/err.h"

#define HM_TABLE_COLUMNS 12

struct hm_output {
    FILE *out;
    unsigned columns; /* 0 = no terminal: nothing is cut */
    bool colours;
    int64_t now_ms; /* for ages */
};

/* Standard output: width from COLUMNS or the terminal; colours only on a terminal and without
 * NO_COLOR. */
void hm_output_init(struct hm_output *output, int64_t now_ms);

struct hm_table_column {
    const char *title;
    unsigned keep;  /* cells that still read well; 0 = never cut */
    bool right;     /* aligned to the right */
    bool is_state;  /* coloured by its word: safe, exposed, blocked, high … */
    unsigned shed;  /* 1 goes first when the others would fall below keep; 0 = stays */
    bool both_ends; /* "Product: what of it" is cut before the colon */
};

struct hm_table {
    const struct hm_table_column *columns;
    size_t column_count;
    const char *(*rows)[HM_TABLE_COLUMNS];
    size_t count;
    size_t room;
    unsigned widths[HM_TABLE_COLUMNS]; /* set by the first print */
    bool gone[HM_TABLE_COLUMNS];       /* shed, for want of room */
    bool headed;
    struct hm_arena *arena;
};

void hm_table_init(struct hm_table *table, const struct hm_table_column *columns,
                   size_t column_count, struct hm_arena *arena);

/* Takes column_count cells; texts are borrowed. NULL is shown as "". */
enum hm_status hm_table_put(struct hm_table *table, const char *const *cells,
                            struct hm_err *err) HM_MUST_CHECK;

/* Rows put since the last print: the worst word of the first state column first, then by the cells
 * from the left. */
void hm_table_sort(struct hm_table *table);

/* Prints the rows put since the last print. The first print fits the columns to the terminal (cut
 * to keep, then shed, then cut further) and prints the head; later ones (more pages) keep both. */
void hm_table_print(struct hm_table *table, const struct hm_output *output);

/* "now", "42s ago", "3m ago", "5h ago", "12d ago"; "never" for 0; "in 5h" for what is to come. */
const char *hm_output_age(const struct hm_output *output, int64_t time_ms, struct hm_arena *arena);

/* Text wrapped at blanks to the terminal's width, each line after indent blanks. */
void hm_output_wrap(const struct hm_output *output, unsigned indent, const char *text);

/* A line as it is, never cut. */
void hm_output_plain(const struct hm_output *output, const char *text);

/* JSON to standard output, with one newline at its end. */
void hm_output_body(const char *body, size_t len);

/* {"member":"text"} and a newline, for verbs whose call is answered with nothing. */
void hm_output_member(const char *member, const char *text);

/* One word, coloured as a state. */
void hm_output_state(const struct hm_output *output, const char *word);

/* Cells that text takes; control characters take one ('?'). */
unsigned hm_output_width(const char *text);
