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
#include "common/os/windows_text.h"

/* ---- guard_host.c: what the registry says of this host's services --------------------------- */

enum hm_status hm_guard_host_read(struct hm_arena *arena, struct hm_guard_host *out_host,
                                  struct hm_err *err) HM_MUST_CHECK;

/* The services that depend on a service of the guard's name now, by whom ever. Those whose key
 * cannot be read are left out: nobody could change them either. */
enum hm_status hm_guard_dependent_services(struct hm_arena *arena, struct hm_strings *out_services,
                                           struct hm_err *err) HM_MUST_CHECK;

/* UTF-8 to the system's text; NULL: no memory, or not UTF-8. */
wchar_t *hm_guard_wide(struct hm_arena *arena, const char *text);

/* ---- guard_record.c: what hm_guard_add added ------------------------------------------------ */

/* Each is on disk before it returns. before: the dependencies as they stood. */
enum hm_status hm_guard_record_put(const wchar_t *service, const wchar_t *before,
                                   struct hm_err *err) HM_MUST_CHECK;
enum hm_status hm_guard_record_drop(const wchar_t *service, struct hm_err *err) HM_MUST_CHECK;
bool hm_guard_record_has(const wchar_t *service);
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

/* ---- guard_file.c: the guard's program ------------------------------------------------------ */

struct hm_guard_paths {
    const char *source;    /* hm-guard.exe beside this program */
    const char *folder;    /* C:\Program Files\Havenmaster Guard */
    const char *program;   /* in it */
    const char *candidate; /* likewise: a new one until it was proven */
    const char *lock;      /* likewise: held by who adds or removes */
};
enum hm_status hm_guard_find_paths(struct hm_arena *arena, struct hm_guard_paths *out_paths,
                                   struct hm_err *err) HM_MUST_CHECK;

/* source to program, once it has shown that it runs here and is the guard; on a failure the one
 * that stands there stays. The folder is there. */
enum hm_status hm_guard_put_program(const struct hm_guard_paths *paths, struct hm_arena *arena,
                                    struct hm_err *err) HM_MUST_CHECK;

/* A replacement that was cut short while no program stood there: the new one goes in its place.
 * Nothing happens otherwise. */
void hm_guard_complete_program(const struct hm_guard_paths *paths, struct hm_arena *arena);

/* Why the program that stands there cannot be the right one; "" it can. Fails only without memory.
 */
enum hm_status hm_guard_program_fault(const struct hm_guard_paths *paths, struct hm_arena *arena,
                                      const char **out_fault, struct hm_err *err) HM_MUST_CHECK;

/* ---- guard_remove.c: files that may be in use ------------------------------------------------ */

/* A file that somebody made read-only can be neither deleted nor replaced, by Windows' own list for
 * the next boot no more than by us. No folder is changed. */
void hm_guard_make_writable(const wchar_t *path);

/* Is the guard's folder a link? What is behind it may be others'. */
bool hm_guard_is_link(const struct hm_guard_paths *paths);

/* Now; one in use is renamed first and goes with the next boot, so that a file that is put there
 * until then stays. One that cannot be renamed either stays; hm_guard_left names it. */
void hm_guard_remove_file(const char *path);

/* Gives it a name of its own beside the one it has: hm-guard-….old. */
bool hm_guard_move_away(const wchar_t *path, wchar_t out_old[HM_WINDOWS_PATH_CHARS]);

/* Removes what hm_guard_move_away left and nobody uses any longer. */
void hm_guard_remove_old(const struct hm_guard_paths *paths, struct hm_arena *arena);

/* What Windows was asked to do with files at the next boot. Texts are in the arena. */
#define HM_GUARD_PENDING_LISTS 2
struct hm_guard_pending {
    const wchar_t *texts[HM_GUARD_PENDING_LISTS]; /* NULL: no such list */
    size_t chars[HM_GUARD_PENDING_LISTS];
};
enum hm_status hm_guard_read_pending(struct hm_arena *arena, struct hm_guard_pending *out_pending,
                                     struct hm_err *err) HM_MUST_CHECK;

/* Is it, or a folder that it is in, to be deleted, renamed or replaced then? */
bool hm_guard_goes(const struct hm_guard_pending *pending, const char *path);

/* ---- guard_safe_mode.c: the guard among what Windows starts in safe mode ----------------------
 */

/* HM_ECONFLICT: another program has a key of the guard's name there. */
enum hm_status hm_guard_check_safe_modes(struct hm_err *err) HM_MUST_CHECK;
enum hm_status hm_guard_put_safe_modes(struct hm_err *err) HM_MUST_CHECK;

/* Is it missing in a mode that this system has? */
bool hm_guard_lacks_safe_mode(void);

/* What others wrote there stays. */
void hm_guard_remove_safe_modes(void);

/* ---- guard_program.c: the guard's service ---------------------------------------------------- */

/* Program and service put there, and seen to run. The folder is there. */
enum hm_status hm_guard_install(const struct hm_guard_paths *paths, struct hm_arena *arena,
                                struct hm_err *err) HM_MUST_CHECK;

/* Nothing may depend on it. While it starts, it runs first, for who waits for it. HM_EBUSY: it does
 * not end; what is still in use goes with the next boot. */
enum hm_status hm_guard_uninstall(const struct hm_guard_paths *paths, struct hm_arena *arena,
                                  struct hm_err *err) HM_MUST_CHECK;

/* Is there a service of the guard's name that is not the guard? */
bool hm_guard_is_foreign(const struct hm_guard_paths *paths, struct hm_arena *arena);

/* Why the guard cannot work as it stands there; "" it can. Fails only without memory. */
enum hm_status hm_guard_fault(const struct hm_guard_paths *paths, struct hm_arena *arena,
                              const char **out_fault, struct hm_err *err) HM_MUST_CHECK;

/* Starts it where it does not run, and waits until it runs, for wait_ms at most. HM_EBUSY: it was
 * still starting then. Other failures: it does not start. */
enum hm_status hm_guard_start(DWORD wait_ms, struct hm_err *err) HM_MUST_CHECK;

/* ---- guard_rows.c: what there is ------------------------------------------------------------ */

/* Only the rows: the rest says nothing is wrong. */
enum hm_status hm_guard_read_rows(struct hm_arena *arena, struct hm_guarded_list *out,
                                  struct hm_err *err) HM_MUST_CHECK;

/* The rest of it, where a service has a guard. */
enum hm_status hm_guard_assess(const struct hm_guard_paths *paths, struct hm_arena *arena,
                               struct hm_guarded_list *rows, struct hm_err *err) HM_MUST_CHECK;

/* No other row is left in it. */
void hm_guard_only(const char *service, struct hm_guarded_list *rows);

/* guard.c: no service has a guard, but its service or record is there? */
bool hm_guard_is_unused(const struct hm_guard_paths *paths, const struct hm_guarded_list *rows,
                        struct hm_arena *arena);

/* Will there be a first pass at the next boot? HM_ECONFLICT: no, and what to do. */
enum hm_status hm_guard_check_agent(const struct hm_guard_host *host,
                                    struct hm_err *err) HM_MUST_CHECK;
