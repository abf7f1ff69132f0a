/* agent/platform/windows/guard.c — guards added, removed, listed.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/windows/guard.h"

#include "agent/guard/depends.h"
#include "agent/guard/guard_name.h"
#include "common/base/str.h"
#include "common/crypto/digest.h"
#include "common/os/os.h"
#include "common/os/windows_text.h"

#define LINK_TRIES 3
#define LOCK_TRIES 25
#define LOCK_PAUSE_MS 200
#define DENIED_TRIES 5
#define KEY_CHARS 512 /* of a service's name, or of how it is shown */

/* ---- one at a time -------------------------------------------------------------------------- */

/* None where the folder is a link: nothing is put into what may be others'. */
static enum hm_status try_lock(const struct hm_guard_paths *paths, struct hm_os_lock **out_lock,
                               struct hm_err *err)
{
    wchar_t lock[HM_WINDOWS_PATH_CHARS];
    enum hm_status st = hm_os_make_folder(paths->folder, 0755, err);

    if (st != HM_OK) {
        hm_err_prefix(err, "the folder of the guard cannot be made; a file in its place must be "
                           "removed or renamed first");
        return st;
    }
    st = hm_windows_path(paths->lock, lock, err);
    if (st != HM_OK || hm_guard_is_link(paths)) {
        return st;
    }
    hm_guard_make_writable(lock);
    st = hm_os_lock(paths->lock, out_lock, err);
    if (st == HM_EBUSY || st == HM_ENOENT) { /* ENOENT: the folder was removed since */
        hm_err_prefix(err, "guards are added or removed by another command at this moment; try "
                           "again when it has ended");
    } else if (st != HM_OK) {
        hm_err_prefix(err, "nothing was changed; the file \"lock\" must be writable for "
                           "administrators: remove it, or the folder in its place, then try again");
    }
    return st;
}

/* The agent holds it for a moment; what another command removes just now is denied for a moment. */
static enum hm_status begin(struct hm_arena *arena, struct hm_guard_paths *out_paths,
                            struct hm_os_lock **out_lock, struct hm_err *err)
{
    enum hm_status st = hm_crypto_init(err);

    if (st == HM_OK) {
        st = hm_guard_find_paths(arena, out_paths, err);
    }
    if (st != HM_OK) {
        return st;
    }
    st = try_lock(out_paths, out_lock, err);
    for (int i = 0; (st == HM_EBUSY || st == HM_ENOENT || (st == HM_EDENIED && i < DENIED_TRIES)) &&
                    i < LOCK_TRIES;
         i++) {
        Sleep(LOCK_PAUSE_MS);
        st = try_lock(out_paths, out_lock, err);
    }
    return st;
}

/* A file, a link or read-only media in the place of the folder hold no lock, nor one of another
 * command: what no service needs any more can go all the same, and what stays is named. */
static enum hm_status begin_removal(struct hm_arena *arena, struct hm_guard_paths *out_paths,
                                    struct hm_os_lock **out_lock, struct hm_err *err)
{
    enum hm_status st = begin(arena, out_paths, out_lock, err);

    return st == HM_EBUSY || st == HM_ENOMEM || out_paths->folder == NULL ? st : HM_OK;
}

/* The folder goes with the last thing in it. */
static void end(const struct hm_guard_paths *paths, struct hm_os_lock *lock)
{
    hm_os_unlock(lock);
    if (!hm_guard_record_exists() && !hm_guard_is_link(paths)) {
        const bool gone = hm_os_remove_file(paths->lock, NULL) == HM_OK &&
                          hm_os_remove_folder(paths->folder, NULL) == HM_OK;

        (void)gone; /* an empty folder of ours may stay */
    }
}

/* Windows would refuse each part anyway; this says so before the first, and in better words. */
static enum hm_status check_elevated(struct hm_err *err)
{
    SC_HANDLE manager = NULL;
    enum hm_status st =
        hm_windows_open_manager(SC_MANAGER_CONNECT | SC_MANAGER_CREATE_SERVICE, &manager, err);

    if (manager != NULL) {
        (void)CloseServiceHandle(manager);
    }
    return st;
}

/* ---- what is unused ------------------------------------------------------------------------- */

/* With the last service the guard goes, too. */
static enum hm_status remove_unused(const struct hm_guard_paths *paths, struct hm_arena *arena,
                                    struct hm_err *err)
{
    struct hm_guarded_list rows;
    enum hm_status st = hm_guard_read_rows(arena, &rows, err);

    return st == HM_OK && rows.count == 0 ? hm_guard_uninstall(paths, arena, err) : st;
}

/* ---- add ------------------------------------------------------------------------------------ */

/* People know services by what services.msc shows. */
static enum hm_status find_name(struct hm_guard_host *host, const char *service,
                                struct hm_arena *arena, struct hm_err *err)
{
    const wchar_t *wide = hm_guard_wide(arena, service);
    SC_HANDLE manager = NULL;
    wchar_t name[KEY_CHARS];
    DWORD chars = KEY_CHARS;
    enum hm_status st = HM_OK;

    if (wide == NULL || hm_guard_find(host, service) != NULL ||
        hm_windows_open_manager(SC_MANAGER_CONNECT, &manager, NULL) != HM_OK) {
        return HM_OK;
    }
    if (GetServiceKeyNameW(manager, wide, name, &chars)) {
        const char *known = hm_windows_utf8(arena, name);

        st = hm_fail(err, HM_ENOENT,
                     "there is no service of this name; \"%s\" is how %s is shown: use that name",
                     service, known == NULL ? "another" : known);
    }
    (void)CloseServiceHandle(manager);
    return st;
}

/* What the guard itself was made to depend on goes when its service is put right. */
static void forget_needs_of_guard(struct hm_guard_host *host)
{
    for (size_t i = 0; i < host->count; i++) {
        if (hm_str_equal_nocase(host->at[i].name, HM_GUARD_NAME)) {
            host->at[i].needs.count = 0;
        }
    }
}

static enum hm_status check(struct hm_guard_host *host, const char *service, struct hm_arena *arena,
                            struct hm_err *err)
{
    enum hm_status st = hm_guard_check_agent(host, err);

    if (st == HM_OK) {
        st = find_name(host, service, arena, err);
    }
    forget_needs_of_guard(host);
    return st == HM_OK ? hm_guard_check(host, service, arena, err) : st;
}

static enum hm_status fail_service(struct hm_err *err, const char *service, unsigned long number)
{
    if (number == ERROR_MORE_DATA) {
        return hm_fail(err, HM_ETOOBIG,
                       "%s: its list of dependencies is longer than %u characters, which no guard "
                       "can be added to or removed from; nothing was changed",
                       service, HM_NAMES_CHARS);
    }
    return hm_windows_fail(err, service, number);
}

/* The service is as it was before. A record that stays without a dependency does no harm; "guard
 * list" shows it. Answers the system's error. */
static unsigned long undo_link(const wchar_t *name)
{
    bool had_it = false;
    const unsigned long number = hm_depends_release(name, &had_it);

    if (number == ERROR_SUCCESS) {
        const bool dropped = hm_guard_record_drop(name, NULL) == HM_OK;

        (void)dropped;
    }
    return number;
}

/* A list of odd form would not be the same after "guard remove". */
static enum hm_status check_form(const char *service, const wchar_t *name, struct hm_err *err)
{
    const unsigned long number = hm_depends_check(name);

    if (number == ERROR_INVALID_DATA) {
        return hm_fail(
            err, HM_ECONFLICT,
            "%s: DependOnService or DependOnGroup in its registry key is not a plain "
            "list of names, and could not be kept as it is; nothing was added. \"sc qc\" "
            "shows what Windows reads of it: set that with \"sc config\" (depend= A/B), "
            "then try again",
            service);
    }
    return number == ERROR_SUCCESS ? HM_OK : fail_service(err, service, number);
}

/* It depends on the guard already. A record that was lost is written again, without the guard. */
static enum hm_status record_again(const wchar_t *name, wchar_t stands[HM_NAMES_CHARS],
                                   struct hm_err *err)
{
    if (hm_guard_record_has(name)) {
        return HM_OK;
    }
    hm_names_remove(stands, HM_GUARD_WIDE_NAME);
    return hm_guard_record_put(name, stands, err);
}

static enum hm_status try_link(const char *service, const wchar_t *name, bool *out_again,
                               struct hm_err *err)
{
    wchar_t before[HM_NAMES_CHARS];
    wchar_t wanted[HM_NAMES_CHARS];
    wchar_t now[HM_NAMES_CHARS];
    unsigned long number = hm_depends_read(name, before);
    enum hm_status st;

    *out_again = false;
    if (number != ERROR_SUCCESS) {
        return fail_service(err, service, number);
    }
    if (hm_names_have(before, HM_GUARD_WIDE_NAME)) {
        return record_again(name, before, err);
    }
    st = check_form(service, name, err);
    if (st != HM_OK) {
        return st;
    }
    if (!hm_names_add(before, HM_GUARD_WIDE_NAME, wanted, HM_NAMES_CHARS)) {
        return hm_fail(err, HM_ETOOBIG, "%s: its list of dependencies is too long", service);
    }
    st = hm_guard_record_put(name, before, err);
    if (st != HM_OK) {
        return st;
    }
    number = hm_depends_read(name, now);
    if (number == ERROR_SUCCESS && !hm_names_equal(before, now)) {
        *out_again = true; /* edited since */
        return HM_OK;
    }
    if (number == ERROR_SUCCESS) {
        number = hm_depends_write(name, wanted);
    }
    if (number == ERROR_SUCCESS) {
        number = hm_depends_read(name, now);
        *out_again = number == ERROR_SUCCESS && !hm_names_equal(wanted, now);
    }
    if (number != ERROR_SUCCESS) {
        (void)undo_link(name);
        return fail_service(err, service, number);
    }
    return HM_OK;
}

/* A service manager that writes the same names in another order satisfies, too. */
static enum hm_status link_service(const char *service, const wchar_t *name, struct hm_err *err)
{
    wchar_t now[HM_NAMES_CHARS];
    bool again = true;
    enum hm_status st = HM_OK;

    for (int i = 0; st == HM_OK && again && i < LINK_TRIES; i++) {
        st = try_link(service, name, &again, err);
    }
    if (st == HM_OK &&
        (hm_depends_read(name, now) != ERROR_SUCCESS || !hm_names_have(now, HM_GUARD_WIDE_NAME))) {
        (void)undo_link(name);
        st = hm_fail(err, HM_ECONFLICT,
                     "%s: another program changes its dependencies again and again; nothing was "
                     "added",
                     service);
    }
    return st;
}

/* What was true when it was put there must still be true once a service depends on it. */
static enum hm_status check_works(const struct hm_guard_paths *paths, const char *service,
                                  const wchar_t *name, struct hm_arena *arena, struct hm_err *err)
{
    const char *fault = "";
    unsigned long number;
    enum hm_status st = hm_guard_fault(paths, arena, &fault, err);

    if (st == HM_OK && fault[0] == '\0') {
        return HM_OK;
    }
    number = undo_link(name);
    if (st != HM_OK) {
        return st;
    }
    if (number != ERROR_SUCCESS) {
        st = fail_service(err, service, number);
        hm_err_prefix(err, fault);
        hm_err_prefix(err, "the guard cannot work, and a dependency on it could not be removed");
        return st;
    }
    return hm_fail(err, HM_ECONFLICT, "the guard cannot work: %s; %s does not depend on it", fault,
                   service);
}

/* "service remove" takes guards away before and after it removes the agent; it does not hold the
 * lock in between. */
static enum hm_status check_agent_stays(const wchar_t *name, struct hm_arena *arena,
                                        struct hm_err *err)
{
    struct hm_guard_host host;
    enum hm_status st = hm_guard_host_read(arena, &host, err);

    if (st == HM_OK) {
        st = hm_guard_check_agent(&host, err);
    }
    if (st != HM_OK) {
        (void)undo_link(name);
        hm_err_prefix(err, "the agent was changed meanwhile, and nothing was added");
    }
    return st;
}

static enum hm_status add(const struct hm_guard_paths *paths, const struct hm_guard_host *host,
                          const char *service, struct hm_arena *arena, struct hm_err *err)
{
    const wchar_t *name = hm_guard_wide(arena, hm_guard_find(host, service)->name);
    enum hm_status st;

    if (name == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the guard");
    }
    if (hm_guard_is_link(paths)) {
        return hm_fail(err, HM_ECONFLICT,
                       "%s is a link to another folder, and what is there is not ours; nothing was "
                       "changed. Remove the link (rmdir \"%s\", which keeps the other folder), "
                       "then try again",
                       paths->folder, paths->folder);
    }
    st = hm_guard_install(paths, arena, err);
    if (st == HM_OK) {
        st = link_service(service, name, err);
    }
    if (st == HM_OK) {
        st = check_works(paths, service, name, arena, err);
    }
    return st == HM_OK ? check_agent_stays(name, arena, err) : st;
}

enum hm_status hm_guard_add(const char *service, struct hm_arena *arena,
                            struct hm_guarded_list *out_rows, struct hm_err *err)
{
    struct hm_guard_paths paths = {NULL, NULL, NULL, NULL, NULL};
    struct hm_os_lock *lock = NULL;
    struct hm_guarded_list rows;
    struct hm_guard_host host;
    enum hm_status st = check_elevated(err);

    if (st == HM_OK) {
        st = hm_guard_host_read(arena, &host, err);
    }
    if (st == HM_OK) {
        st = check(&host, service, arena, err);
    }
    if (st == HM_OK) {
        st = begin(arena, &paths, &lock, err);
    }
    if (st != HM_OK) {
        return st;
    }
    st = add(&paths, &host, service, arena, err);
    if (st == HM_OK) {
        st = hm_guard_read_rows(arena, &rows, err);
        if (st == HM_OK) {
            st = hm_guard_assess(&paths, arena, &rows, err);
        }
    } else {
        struct hm_err also;
        const bool gone = remove_unused(&paths, arena, &also) == HM_OK;

        (void)gone; /* a guard that nobody uses does no harm */
    }
    end(&paths, lock);
    if (st == HM_OK) {
        hm_guard_only(service, &rows);
        *out_rows = rows;
    }
    return st;
}

/* ---- remove --------------------------------------------------------------------------------- */

/* A service that nobody recorded, without program or dependents, is ours too; not one that another
 * program made. */
static bool has_service(const struct hm_guard_paths *paths, struct hm_arena *arena)
{
    return hm_registry_has_key(HM_GUARD_OWN_KEY) && !hm_guard_is_foreign(paths, arena);
}

bool hm_guard_is_unused(const struct hm_guard_paths *paths, const struct hm_guarded_list *rows,
                        struct hm_arena *arena)
{
    return rows->count == 0 && (hm_guard_record_exists() || has_service(paths, arena));
}

static enum hm_status remove_one(const struct hm_guard_paths *paths, const char *service,
                                 struct hm_arena *arena, bool *out_had_it, struct hm_err *err)
{
    const wchar_t *name = hm_guard_wide(arena, service);
    struct hm_guarded_list rows;
    bool had_it = false;
    bool unused;
    unsigned long number;
    enum hm_status st = hm_guard_read_rows(arena, &rows, err);

    if (st != HM_OK) {
        return st;
    }
    unused = hm_guard_is_unused(paths, &rows, arena);
    hm_guard_only(service, &rows);
    *out_had_it = rows.count > 0;
    if (unused) {
        return HM_OK;
    }
    if (rows.count == 0 || name == NULL) {
        return hm_fail(err, HM_ENOENT,
                       "%s has no guard; \"hm-agent guard list\" shows those that "
                       "have one",
                       service);
    }
    number = hm_depends_release(name, &had_it);
    return number != ERROR_SUCCESS ? fail_service(err, service, number)
                                   : hm_guard_record_drop(name, err);
}

enum hm_status hm_guard_remove(const char *service, struct hm_arena *arena, bool *out_had_it,
                               struct hm_err *err)
{
    struct hm_guard_paths paths = {NULL, NULL, NULL, NULL, NULL};
    struct hm_os_lock *lock = NULL;
    enum hm_status st = check_elevated(err);

    if (st == HM_OK) {
        st = begin_removal(arena, &paths, &lock, err);
    }
    if (st != HM_OK) {
        return st;
    }
    st = remove_one(&paths, service, arena, out_had_it, err);
    if (st == HM_OK) {
        st = remove_unused(&paths, arena, err);
    }
    end(&paths, lock);
    return st;
}

static enum hm_status release_rows(const struct hm_guarded_list *rows, struct hm_arena *arena,
                                   struct hm_strings *out_names, struct hm_err *err)
{
    const char **names = (const char **)hm_arena_alloc(arena, rows->count + 1, sizeof(*names));
    size_t count = 0;

    for (size_t i = 0; names != NULL && i < rows->count; i++) {
        const wchar_t *name = hm_guard_wide(arena, rows->at[i].service);
        bool had_it = false;
        const unsigned long number =
            name == NULL ? ERROR_OUTOFMEMORY : hm_depends_release(name, &had_it);
        enum hm_status st = number != ERROR_SUCCESS ? fail_service(err, rows->at[i].service, number)
                                                    : hm_guard_record_drop(name, err);

        if (st != HM_OK) {
            hm_err_prefix(err, "nothing else was removed, and the guard goes on working");
            return st;
        }
        if (had_it) {
            names[count++] = rows->at[i].service;
        }
    }
    if (names == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the guard");
    }
    *out_names = (struct hm_strings){names, count};
    return HM_OK;
}

static bool has_anything(const struct hm_guard_paths *paths, const struct hm_guarded_list *rows,
                         struct hm_arena *arena)
{
    return rows->count > 0 || hm_guard_record_exists() ||
           (hm_os_exists(paths->folder) && !hm_guard_is_link(paths)) || has_service(paths, arena);
}

enum hm_status hm_guard_remove_all(struct hm_arena *arena, struct hm_strings *out_names,
                                   struct hm_err *err)
{
    struct hm_guard_paths paths = {NULL, NULL, NULL, NULL, NULL};
    struct hm_strings names = {NULL, 0};
    struct hm_os_lock *lock = NULL;
    struct hm_guarded_list rows;
    enum hm_status st = hm_guard_find_paths(arena, &paths, err);

    if (st == HM_OK) {
        st = hm_guard_read_rows(arena, &rows, err);
    }
    if (st != HM_OK || !has_anything(&paths, &rows, arena)) {
        if (st == HM_OK) {
            *out_names = names;
        }
        return st;
    }
    st = check_elevated(err);
    if (st == HM_OK) {
        st = begin_removal(arena, &paths, &lock, err);
    }
    if (st != HM_OK) {
        return st;
    }
    st = hm_guard_read_rows(arena, &rows, err);
    if (st == HM_OK) {
        st = release_rows(&rows, arena, &names, err);
    }
    if (st == HM_OK) {
        st = hm_guard_uninstall(&paths, arena, err);
    }
    end(&paths, lock);
    if (st == HM_OK) {
        *out_names = names;
    }
    return st;
}
