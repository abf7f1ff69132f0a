/* agent/port_book_file.h — portbook.json and its copy: read, checked, written.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Private to the port book (port_book.h says what the files are for). Texts of a memo live in the
 * arena that it was read into. Threads: one. */
#pragma once

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/ports/port_book.h"

#define HM_PORT_BOOK_PATH_BYTES 4096

extern const struct hm_port_memo hm_port_book_none;

/* Of portbook.json. HM_EINVAL: the path is too long. */
enum hm_status hm_port_book_path(const char *state_dir, char out[HM_PORT_BOOK_PATH_BYTES],
                                 struct hm_err *err) HM_MUST_CHECK;

/* The book, or where it is missing or damaged its copy. What is damaged is kept as .broken. id:
 * that it must have; "" any. HM_ENOENT: neither is there. HM_EINVAL: what is there is damaged, or
 * has another id. */
enum hm_status hm_port_book_file_load(const char *path, const char *id, struct hm_arena *arena,
                                      struct hm_port_memo *out_memo,
                                      struct hm_err *err) HM_MUST_CHECK;

/* Likewise with any id, and writes nothing; the error is that of the book itself. */
enum hm_status hm_port_book_file_peek(const char *path, struct hm_arena *arena,
                                      struct hm_port_memo *out_memo,
                                      struct hm_err *err) HM_MUST_CHECK;

/* Both, the copy after the book. */
enum hm_status hm_port_book_file_save(const char *path, const struct hm_port_memo *memo,
                                      struct hm_err *err) HM_MUST_CHECK;
