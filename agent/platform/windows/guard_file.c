/* agent/platform/windows/guard_file.c — the guard's program: proven, put there, checked.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/windows/guard.h"

#include <string.h>

#include "agent/guard/guard_name.h"
#include "common/base/str.h"
#include "common/crypto/digest.h"
#include "common/os/os.h"
#include "common/os/windows_text.h"

#define PROGRAM_BYTES (4u * 1024u * 1024u)
#define PROGRAMS_KEY L"SOFTWARE\\Microsoft\\Windows\\CurrentVersion"
#define PROOF_MS 15000
#define NUMBER_CHARS 16
#define BUSY_TRIES 10
#define BUSY_MS 200
#define GOES                                                                                       \
    "Windows deletes, renames or replaces %s, or its folder, with the next restart, because a "    \
    "program asked for "                                                                           \
    "that "                                                                                        \
    "(PendingFileRenameOperations in HKLM\\SYSTEM\\CurrentControlSet\\Control\\Session "           \
    "Manager): restart this host first"

enum hm_status hm_guard_find_paths(struct hm_arena *arena, struct hm_guard_paths *out_paths,
                                   struct hm_err *err)
{
    wchar_t own[HM_WINDOWS_PATH_CHARS];
    const DWORD len = GetModuleFileNameW(NULL, own, HM_WINDOWS_PATH_CHARS);
    wchar_t *name = len == 0 || len == HM_WINDOWS_PATH_CHARS ? NULL : wcsrchr(own, L'\\');
    struct hm_guard_paths paths;
    const char *programs = NULL;
    const char *beside;
    bool found = false;
    enum hm_status st;

    if (name == NULL) {
        return hm_windows_fail(err, "the path of this program", GetLastError());
    }
    *name = L'\0';
    beside = hm_windows_utf8(arena, own);
    /* Not the environment: that is anybody's to set. */
    st = hm_registry_text(PROGRAMS_KEY, L"ProgramFilesDir", arena, &found, &programs, err);
    if (st == HM_OK && !found) {
        st = hm_fail(err, HM_EUNSUPPORTED, "the registry names no folder of programs");
    }
    if (st != HM_OK) {
        return st;
    }
    paths.source = beside == NULL ? NULL : hm_arena_printf(arena, "%s\\hm-guard.exe", beside);
    paths.folder = hm_arena_printf(arena, "%s\\Havenmaster Guard", programs);
    paths.program = hm_arena_printf(arena, "%s\\Havenmaster Guard\\hm-guard.exe", programs);
    paths.candidate = hm_arena_printf(arena, "%s\\Havenmaster Guard\\hm-guard-new.exe", programs);
    paths.lock = hm_arena_printf(arena, "%s\\Havenmaster Guard\\lock", programs);
    if (paths.source == NULL || paths.folder == NULL || paths.program == NULL ||
        paths.candidate == NULL || paths.lock == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the guard");
    }
    *out_paths = paths;
    return HM_OK;
}

/* ---- proof ---------------------------------------------------------------------------------- */

#define NOT_USED                                                                                   \
    "nothing was changed; install the agent again, or copy the right hm-guard.exe there"

/* Does it load here, and answer as the guard does? Another program, one that the system refuses and
 * one that was cut short do not know the answer. */
static enum hm_status prove(const char *program, struct hm_arena *arena, struct hm_err *err)
{
    const DWORD number = GetTickCount() & HM_GUARD_PROOF_MOST;
    wchar_t path[HM_WINDOWS_PATH_CHARS];
    wchar_t digits[NUMBER_CHARS] = L"";
    const wchar_t *arguments[] = {HM_GUARD_PROOF_WORD, digits};
    struct hm_child_result result = {.exit_status = 1};
    enum hm_status st = hm_windows_path(program, path, err);
    DWORD rest = number;

    if (st != HM_OK) {
        return st;
    }
    for (size_t i = HM_GUARD_PROOF_DIGITS; i > 0; i--, rest /= 10) {
        digits[i - 1] = (wchar_t)(L'0' + rest % 10);
    }
    st = hm_child_run(path, arguments, HM_COUNT(arguments), PROOF_MS, arena, &result, err);
    if (st == HM_OK && result.exit_status != HM_GUARD_PROOF_ANSWER(number)) {
        st = hm_fail(err, HM_ECONFLICT, "it does not answer as the guard does (exit status %lu)",
                     result.exit_status);
    }
    return st;
}

/* Which program it was about, and that the host is as it was. */
static enum hm_status refuse(const struct hm_guard_paths *paths, struct hm_arena *arena,
                             enum hm_status st, struct hm_err *err)
{
    const char *what =
        hm_arena_printf(arena, "%s cannot be the guard's program (" NOT_USED ")", paths->source);

    hm_err_prefix(err, what != NULL ? what : NOT_USED);
    return st;
}

static enum hm_status prove_bytes(const struct hm_guard_paths *paths, const char *bytes, size_t len,
                                  struct hm_arena *arena, struct hm_err *err)
{
    const char *fault = hm_guard_image_fault(bytes, len);

    return fault[0] == '\0' ? HM_OK
                            : refuse(paths, arena, hm_fail(err, HM_ECONFLICT, "%s", fault), err);
}

/* ---- read ----------------------------------------------------------------------------------- */

/* A scanner keeps a file for a moment. HM_EBUSY: for longer. */
static enum hm_status read_program(const char *path, struct hm_arena *arena, char **out_bytes,
                                   size_t *out_len, struct hm_err *err)
{
    enum hm_status st = hm_os_read_file(path, PROGRAM_BYTES, arena, out_bytes, out_len, err);

    for (int i = 0; st == HM_EBUSY && i < BUSY_TRIES; i++) {
        Sleep(BUSY_MS);
        st = hm_os_read_file(path, PROGRAM_BYTES, arena, out_bytes, out_len, err);
    }
    return st;
}

static enum hm_status read_source(const struct hm_guard_paths *paths, struct hm_arena *arena,
                                  char **out_bytes, size_t *out_len, struct hm_err *err)
{
    enum hm_status st = read_program(paths->source, arena, out_bytes, out_len, err);

    if (st == HM_ENOENT) {
        hm_err_prefix(err, "the guard's program must be beside hm-agent.exe: install the agent "
                           "again, or copy hm-guard.exe there");
    } else if (st == HM_EBUSY) {
        hm_err_prefix(err, "nothing was changed; a program keeps hm-guard.exe beside hm-agent.exe "
                           "open: end it, or try again when it has ended");
    } else if (st != HM_OK) {
        hm_err_prefix(err, "nothing was changed; hm-guard.exe beside hm-agent.exe cannot be read");
    }
    return st;
}

/* NULL: there is none, or something that is not the guard's. One that is kept open may be the right
 * one: it is not replaced. */
static enum hm_status read_standing(const struct hm_guard_paths *paths, struct hm_arena *arena,
                                    char **out_bytes, size_t *out_len, struct hm_err *err)
{
    enum hm_status st = read_program(paths->program, arena, out_bytes, out_len, err);

    if (st == HM_EBUSY) {
        hm_err_prefix(err, "nothing was changed; a program keeps the guard's program open: end it, "
                           "or try again when it has ended");
        return st;
    }
    if (st != HM_OK) {
        *out_bytes = NULL;
    }
    return HM_OK;
}

/* ---- put there ------------------------------------------------------------------------------ */

/* 0, or the system's error. One that runs can be renamed, not replaced, so that for a moment there
 * is none: what a kill leaves then, hm_guard_complete_program puts right. */
static DWORD try_replace(const wchar_t *candidate, const wchar_t *program)
{
    wchar_t old[HM_WINDOWS_PATH_CHARS];
    DWORD number;

    if (MoveFileExW(candidate, program, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH)) {
        return ERROR_SUCCESS;
    }
    number = GetLastError();
    if (hm_guard_move_away(program, old)) {
        if (MoveFileExW(candidate, program, MOVEFILE_WRITE_THROUGH)) {
            return ERROR_SUCCESS;
        }
        number = GetLastError();
        (void)MoveFileExW(old, program, MOVEFILE_WRITE_THROUGH);
    }
    return number;
}

static enum hm_status replace_program(const struct hm_guard_paths *paths, struct hm_err *err)
{
    wchar_t candidate[HM_WINDOWS_PATH_CHARS];
    wchar_t program[HM_WINDOWS_PATH_CHARS];
    enum hm_status st = hm_windows_path(paths->candidate, candidate, err);
    DWORD number;

    if (st == HM_OK) {
        st = hm_windows_path(paths->program, program, err);
    }
    if (st != HM_OK) {
        return st;
    }
    hm_guard_make_writable(program);
    number = try_replace(candidate, program);
    for (int i = 0; number != ERROR_SUCCESS && i < BUSY_TRIES; i++) {
        Sleep(BUSY_MS);
        number = try_replace(candidate, program);
    }
    if (number != ERROR_SUCCESS) {
        st = hm_windows_fail(err, paths->program, number);
        hm_err_prefix(err, hm_os_exists(paths->program)
                               ? "nothing was changed; the new program cannot take the place of "
                                 "the one that stands there: a program may keep that one open; end "
                                 "it, or try again when it has ended"
                               : "the guard's program cannot be put in its place");
    }
    return st;
}

/* What the record says is the right program. Until the new one is there, that is also the one that
 * stands there, if the record had it, so that a kill or a full disk in between makes no fault of
 * it; a stranger in its place stays a fault. */
static enum hm_status record_program(const char *stands, size_t stands_len, const char *recorded,
                                     const char *digest, struct hm_arena *arena, struct hm_err *err)
{
    char old[HM_DIGEST_TEXT_BYTES];
    const char *both = digest;

    if (stands != NULL) {
        hm_digest_text(stands, stands_len, old);
        both = recorded[0] == '\0' || strstr(recorded, old) != NULL
                   ? hm_arena_printf(arena, "%s %s", old, digest)
                   : digest;
    }
    return both == NULL ? hm_fail(err, HM_ENOMEM, "no memory for the guard")
                        : hm_guard_record_put_digest(both, err);
}

/* The record is as it was, so that the program that stands there is what it was before. Where none
 * could be left there, hm_guard_complete_program puts the new one there. */
static void restore_record(const struct hm_guard_paths *paths, const char *recorded)
{
    if (hm_os_exists(paths->program)) {
        const bool kept = hm_guard_record_put_digest(recorded, NULL) == HM_OK;

        (void)kept; /* otherwise both are in it */
        hm_guard_remove_file(paths->candidate);
    }
}

/* The new program beside the one that stands there; that stays until the new one was proven. */
static enum hm_status put_new(const struct hm_guard_paths *paths, const char *bytes, size_t len,
                              struct hm_arena *arena, struct hm_err *err)
{
    wchar_t candidate[HM_WINDOWS_PATH_CHARS];
    enum hm_status st = hm_windows_path(paths->candidate, candidate, err);

    if (st != HM_OK) {
        return st;
    }
    hm_guard_make_writable(candidate);
    st = hm_os_replace_file(paths->candidate, bytes, len, false, err);
    if (st != HM_OK) {
        hm_err_prefix(err, "nothing was changed");
    } else {
        st = prove(paths->candidate, arena, err);
        st = st == HM_OK ? HM_OK : refuse(paths, arena, st, err);
    }
    return st;
}

static enum hm_status put_other(const struct hm_guard_paths *paths, const char *bytes, size_t len,
                                const char *stands, size_t stands_len, struct hm_arena *arena,
                                struct hm_err *err)
{
    char digest[HM_DIGEST_TEXT_BYTES];
    const char *recorded = "";
    enum hm_status st = put_new(paths, bytes, len, arena, err);

    hm_digest_text(bytes, len, digest);
    if (st == HM_OK) {
        st = hm_guard_record_digest(arena, &recorded, err);
    }
    if (st != HM_OK) {
        hm_guard_remove_file(paths->candidate);
        return st;
    }
    st = record_program(stands, stands_len, recorded, digest, arena, err);
    if (st == HM_OK) {
        st = replace_program(paths, err);
    }
    if (st != HM_OK) {
        restore_record(paths, recorded);
        return st;
    }
    return hm_guard_record_put_digest(digest, err);
}

enum hm_status hm_guard_put_program(const struct hm_guard_paths *paths, struct hm_arena *arena,
                                    struct hm_err *err)
{
    char digest[HM_DIGEST_TEXT_BYTES];
    char *stands = NULL;
    size_t stands_len = 0;
    char *bytes;
    size_t len;
    enum hm_status st = read_source(paths, arena, &bytes, &len, err);

    if (st == HM_OK) {
        st = prove_bytes(paths, bytes, len, arena, err);
    }
    if (st == HM_OK) {
        st = read_standing(paths, arena, &stands, &stands_len, err);
    }
    if (st != HM_OK) {
        return st;
    }
    hm_guard_remove_old(paths, arena);
    if (stands == NULL || stands_len != len || memcmp(stands, bytes, len) != 0) {
        return put_other(paths, bytes, len, stands, stands_len, arena, err);
    }
    st = prove(paths->program, arena, err);
    if (st != HM_OK) {
        return refuse(paths, arena, st, err);
    }
    hm_digest_text(bytes, len, digest);
    return hm_guard_record_put_digest(digest, err);
}

/* Only a program whose digest was recorded before the one that stood there was renamed. */
void hm_guard_complete_program(const struct hm_guard_paths *paths, struct hm_arena *arena)
{
    wchar_t candidate[HM_WINDOWS_PATH_CHARS];
    wchar_t program[HM_WINDOWS_PATH_CHARS];
    char digest[HM_DIGEST_TEXT_BYTES];
    const char *recorded = "";
    char *bytes;
    size_t len;

    if (hm_os_exists(paths->program) || hm_guard_record_digest(arena, &recorded, NULL) != HM_OK ||
        hm_os_read_file(paths->candidate, PROGRAM_BYTES, arena, &bytes, &len, NULL) != HM_OK ||
        hm_windows_path(paths->candidate, candidate, NULL) != HM_OK ||
        hm_windows_path(paths->program, program, NULL) != HM_OK) {
        return;
    }
    hm_digest_text(bytes, len, digest);
    if (strstr(recorded, digest) != NULL) {
        (void)MoveFileExW(candidate, program, MOVEFILE_WRITE_THROUGH);
    }
}

/* ---- checked -------------------------------------------------------------------------------- */

/* One that somebody reads at this very moment, so that we cannot, is no fault. */
enum hm_status hm_guard_program_fault(const struct hm_guard_paths *paths, struct hm_arena *arena,
                                      const char **out_fault, struct hm_err *err)
{
    char digest[HM_DIGEST_TEXT_BYTES];
    const char *wanted = "";
    struct hm_guard_pending pending;
    struct hm_err why;
    char *bytes;
    size_t len;
    enum hm_status st = hm_guard_record_digest(arena, &wanted, err);

    if (st == HM_OK) {
        st = hm_guard_read_pending(arena, &pending, err);
    }
    if (st != HM_OK) {
        return st;
    }
    st = hm_os_read_file(paths->program, PROGRAM_BYTES, arena, &bytes, &len, &why);
    if (st == HM_OK) {
        hm_digest_text(bytes, len, digest);
        if (wanted[0] != '\0' && strstr(wanted, digest) == NULL) {
            *out_fault =
                hm_arena_printf(arena, "%s is not the program that was put there", paths->program);
        } else if (hm_guard_image_fault(bytes, len)[0] != '\0') {
            *out_fault =
                hm_arena_printf(arena, "%s: %s", paths->program, hm_guard_image_fault(bytes, len));
        } else if (hm_guard_goes(&pending, paths->program)) {
            *out_fault = hm_arena_printf(arena, GOES, paths->program);
        }
    } else if (st == HM_ENOENT) {
        *out_fault = hm_arena_printf(arena, "%s is gone", paths->program);
    } else if (st != HM_EBUSY && st != HM_ENOMEM) {
        *out_fault = hm_arena_printf(arena, "%s", why.text);
    }
    return *out_fault != NULL ? HM_OK : hm_fail(err, HM_ENOMEM, "no memory for the guard");
}
