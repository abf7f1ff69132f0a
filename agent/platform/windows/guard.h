/* agent/platform/windows/guard.h — the parts of guard.h on Windows; private to this folder.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Where things are: the program in a folder of its own below the system's folder of programs, so
 * that no upgrade, repair or removal of the agent's folder meets it; the record in
 * HKLM\SOFTWARE\HavenmasterGuard, so that it can be read when the state folder cannot. */
#pragma once

#include "agent/platform/windows/windows.h"

#include "agent/guard/names.h"
#include "agent/platform/guard.h"
#include "agent/platform/windows_guard.h"

/* ---- guard_host.c: what the registry says of this host's services --------------------------- */

enum hm_status hm_guard_host_read(struct hm_arena *arena, struct hm_guard_host *out_host,
                                  struct hm_err *err) HM_MUST_CHECK;

/* UTF-8 to the system's text; NULL: no memory, or not UTF-8. */
wchar_t *hm_guard_wide(struct hm_arena *arena, const char *text);

/* ---- guard_record.c: what hm_guard_add added ------------------------------------------------ */

/* Each is on disk before it returns. before: the dependencies as they stood. */
enum hm_status hm_guard_record_put(const wchar_t *service, const wchar_t *before,
                                   struct hm_err *err) HM_MUST_CHECK;
enum hm_status hm_guard_record_drop(const wchar_t *service, struct hm_err *err) HM_MUST_CHECK;
/* Empty when there is no record. */
enum hm_status hm_guard_record_services(struct hm_arena *arena, struct hm_strings *out_services,
                                        struct hm_err *err) HM_MUST_CHECK;

/* The digest of the program that was put there, or two with a space between; "" unknown. */
enum hm_status hm_guard_record_put_digest(const char *digest, struct hm_err *err) HM_MUST_CHECK;
enum hm_status hm_guard_record_digest(struct hm_arena *arena, const char **out_digest,
                                      struct hm_err *err) HM_MUST_CHECK;

/* Is there a record, though it may be empty? */
bool hm_guard_record_exists(void);
void hm_guard_record_remove(void);

/* ---- guard_program.c: the guard's program and service --------------------------------------- */

struct hm_guard_paths {
    const char *source;  /* hm-guard.exe beside this program */
    const char *folder;  /* C:\Program Files\Havenmaster Guard */
    const char *program; /* in it */
    const char *old;     /* likewise: an older one that still ran when it was replaced */
    const char *lock;    /* likewise: held by who adds or removes */
};
enum hm_status hm_guard_find_paths(struct hm_arena *arena, struct hm_guard_paths *out_paths,
                                   struct hm_err *err) HM_MUST_CHECK;

/* Program and service put there, and seen to run. The folder is there. */
enum hm_status hm_guard_install(const struct hm_guard_paths *paths, struct hm_arena *arena,
                                struct hm_err *err) HM_MUST_CHECK;

/* Nothing may depend on it. What is still in use goes with the next boot. */
enum hm_status hm_guard_uninstall(const struct hm_guard_paths *paths,
                                  struct hm_err *err) HM_MUST_CHECK;

/* Why the guard cannot work as it stands there; "" it can. Fails only without memory. */
enum hm_status hm_guard_fault(const struct hm_guard_paths *paths, struct hm_arena *arena,
                              const char **out_fault, struct hm_err *err) HM_MUST_CHECK;

/* Starts it where it does not run, and waits until it runs, for wait_ms at most. HM_EBUSY: it was
 * still starting then. Other failures: it does not start. */
enum hm_status hm_guard_start(DWORD wait_ms, struct hm_err *err) HM_MUST_CHECK;
