/* common/os/os.h — files, folders, time, sleep: what differs between systems, as one contract.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Implemented by linux.c and windows.c, chosen at link time. Paths are UTF-8. Errors carry the
 * path and the system's reason ("/var/lib/havenmaster/ledger.json: Permission denied"). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/ports/inventory.h"

/* Never goes back, whatever happens to the clock of the system. Counts from the boot. */
int64_t hm_os_monotonic_ms(void);

/* Gives freed memory back to the system, where the C library keeps it else. For programs that
 * work a moment and then wait for minutes. */
void hm_os_trim_memory(void);

/* Does a person look at the stream? Colours and progress are for those. */
bool hm_os_is_terminal(FILE *stream);

/* Width of the terminal behind standard output; 0 when it is none. */
unsigned hm_os_terminal_columns(void);

/* Whether what is typed shows; for asking a secret. Nothing happens without a terminal. */
void hm_os_terminal_echo(bool on);

/* The whole file. HM_ENOENT when there is none, HM_ETOOBIG past cap_bytes. The text ends with
 * NUL, not counted in *out_len. */
enum hm_status hm_os_read_file(const char *path, size_t cap_bytes, struct hm_arena *arena,
                               char **out_text, size_t *out_len, struct hm_err *err) HM_MUST_CHECK;

/* As hm_os_read_file, for a file that people write: UTF-8 and UTF-16 with and without byte order
 * mark become UTF-8 (common/base/encoding.h), HM_EINVAL with "path: reason" when it is neither. */
enum hm_status hm_os_read_text(const char *path, size_t cap_bytes, struct hm_arena *arena,
                               const char **out_text, size_t *out_len,
                               struct hm_err *err) HM_MUST_CHECK;

/* Durable and atomic: a crash leaves the old file or the new one, never a mixture (temporary
 * file in the same folder, flush, rename, flush of the folder). private_file: only the owner
 * may read it (0600; else 0644). */
enum hm_status hm_os_replace_file(const char *path, const void *bytes, size_t len,
                                  bool private_file, struct hm_err *err) HM_MUST_CHECK;

/* HM_OK also when there was none. */
enum hm_status hm_os_remove_file(const char *path, struct hm_err *err) HM_MUST_CHECK;

/* Makes the folder and its parents; HM_OK when it is there. mode as in mkdir(2). */
enum hm_status hm_os_make_folder(const char *path, unsigned mode, struct hm_err *err) HM_MUST_CHECK;

/* Removes an empty folder; HM_OK also when there was none, HM_ECONFLICT when it is not empty. */
enum hm_status hm_os_remove_folder(const char *path, struct hm_err *err) HM_MUST_CHECK;

bool hm_os_exists(const char *path);

/* Names in a folder, sorted, without "." and "..". */
enum hm_status hm_os_list_folder(const char *path, struct hm_arena *arena,
                                 struct hm_strings *out_names, struct hm_err *err) HM_MUST_CHECK;

/* Takes an exclusive lock on a file that it makes when needed; HM_EBUSY when another process has
 * it. Only the owner of the file may read it (Windows: the system and administrators), so that no
 * other user can keep it. Lasts until hm_os_unlock or the end of the process. */
struct hm_os_lock;
enum hm_status hm_os_lock(const char *path, struct hm_os_lock **out_lock,
                          struct hm_err *err) HM_MUST_CHECK;
void hm_os_unlock(struct hm_os_lock *lock);

/* Host name without domain; "localhost" when the system does not tell. */
const char *hm_os_host_name(struct hm_arena *arena);

/* What main was given, as UTF-8 and for as long as the process lives; the very same where that is
 * what the system hands over, or when there is no memory for it. */
void hm_os_arguments(int *argc, char ***argv);

/* Stop requests (SIGINT, SIGTERM; service stop). After hm_os_stop_init hm_os_stop_requested
 * turns true once one came; hm_os_stop_fd is readable from then on (-1 where there is none).
 * hm_os_sleep_ms returns early, with true, when stop was or is requested. */
enum hm_status hm_os_stop_init(struct hm_err *err) HM_MUST_CHECK;
bool hm_os_stop_requested(void);
int hm_os_stop_fd(void);
void hm_os_stop_request(void);
bool hm_os_sleep_ms(int64_t ms);

/* What else a thread that waits attends to (hm_os_sleep_ms, the exchanges of http_client.h): while
 * fd is readable run is called, which reads it empty, and the wait continues, or ends where run has
 * called meanwhile_end: hm_os_sleep_ms returns false early, an exchange fails with HM_EBUSY and the
 * code "woken". fd -1: nothing, as at the start. For programs of one thread; Windows has no such
 * thing. meanwhile_fd: -1 also while run is called, so that it may wait itself. */
void hm_os_meanwhile(int fd, void (*run)(void *arg), void *arg);
int hm_os_meanwhile_fd(void);
/* For who waits: true: the wait shall end. */
bool hm_os_meanwhile_run(void);
void hm_os_meanwhile_end(void);
