/* agent/platform/windows/guard_keep.c — the agent's part: the first pass is done; a guard that
 * cannot work keeps no service from starting.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/windows/guard.h"

#include "agent/guard/depends.h"
#include "agent/guard/guard_name.h"
#include "common/base/str.h"
#include "common/crypto/digest.h"
#include "common/os/os.h"
#include "common/os/windows_text.h"

#define START_MS 3000   /* the guard runs at once where the first pass is done */
#define STARTS_A_BOOT 3 /* of one service: it may fail for another reason */
#define NAME_CHARS 512

enum hm_status hm_guard_passed(struct hm_err *err)
{
    const DWORD one = 1;
    HKEY key;
    LONG number = hm_windows_open_boot_key(&key);

    if (number == ERROR_SUCCESS) {
        number =
            RegSetValueExW(key, HM_GUARD_BOOT_VALUE, 0, REG_DWORD, (const BYTE *)&one, sizeof(one));
        (void)RegCloseKey(key);
    }
    return number == ERROR_SUCCESS
               ? HM_OK
               : hm_windows_fail(err, "HKLM\\SOFTWARE\\HavenmasterBoot", (unsigned long)number);
}

/* ---- released ------------------------------------------------------------------------------- */

struct releasing {
    struct hm_arena *arena;
    struct hm_strings released;
    struct hm_strings left;
    size_t released_cap;
    size_t left_cap;
};

static void note_release(void *ctx, const wchar_t *service, unsigned long number)
{
    struct releasing *to = ctx;
    struct hm_strings *list = number == ERROR_SUCCESS ? &to->released : &to->left;
    size_t *cap = number == ERROR_SUCCESS ? &to->released_cap : &to->left_cap;
    const char *name = hm_windows_utf8(to->arena, service);
    void *items = (void *)list->at;

    if (name != NULL &&
        hm_arena_grow(to->arena, &items, list->count, cap, sizeof(*list->at)) == 0) {
        list->at = (const char **)items;
        list->at[list->count++] = name;
    }
}

/* A service of somebody's that has our guard's name: only what was added here is taken away. */
static void release_recorded(const struct hm_strings *record, struct releasing *to)
{
    for (size_t i = 0; i < record->count; i++) {
        const wchar_t *name = hm_guard_wide(to->arena, record->at[i]);
        bool had_it = false;
        const unsigned long number =
            name == NULL ? ERROR_OUTOFMEMORY : hm_depends_release(name, &had_it);

        if (had_it) {
            note_release(to, name, number);
        }
    }
}

/* While somebody adds or removes guards, what looks like a fault may be half of their work: it is
 * looked for again here, unless the fault is known already. */
static enum hm_status release(const struct hm_guard_paths *paths, const struct hm_strings *record,
                              struct hm_arena *arena, struct hm_guard_kept *kept,
                              struct hm_err *err)
{
    struct releasing to = {.arena = arena};
    struct hm_os_lock *lock = NULL;
    enum hm_status st = HM_OK;

    if (hm_os_exists(paths->folder) && !hm_guard_is_link(paths)) {
        st = hm_os_lock(paths->lock, &lock, err);
    }
    if (st == HM_EBUSY) {
        return st;
    }
    if (lock != NULL) {
        hm_guard_complete_program(paths, arena);
    }
    st = kept->fault[0] != '\0' ? HM_OK : hm_guard_fault(paths, arena, &kept->fault, err);
    if (st == HM_OK && kept->fault[0] != '\0') {
        if (hm_guard_is_foreign(paths, arena)) {
            release_recorded(record, &to);
        } else {
            (void)hm_depends_release_all(note_release, &to);
        }
        kept->released = to.released;
        kept->left = to.left;
    }
    hm_os_unlock(lock);
    return st;
}

/* ---- started -------------------------------------------------------------------------------- */

/* Did its start in this boot fail because a service that it depends on did not start? Where the
 * guard is known to be broken, one that was never started counts, too: Windows may not have noted
 * why. */
static bool failed_by_dependency(SC_HANDLE service, bool broken)
{
    SERVICE_STATUS status;

    return QueryServiceStatus(service, &status) && status.dwCurrentState == SERVICE_STOPPED &&
           (status.dwWin32ExitCode == ERROR_SERVICE_DEPENDENCY_FAIL ||
            status.dwWin32ExitCode == ERROR_SERVICE_DEPENDENCY_DELETED ||
            (broken && status.dwWin32ExitCode == ERROR_SERVICE_NEVER_STARTED));
}

static bool has_failed(SC_HANDLE manager, const wchar_t *name, bool broken)
{
    SC_HANDLE service = OpenServiceW(manager, name, SERVICE_QUERY_STATUS);
    const bool failed = service != NULL && failed_by_dependency(service, broken);

    if (service != NULL) {
        (void)CloseServiceHandle(service);
    }
    return failed;
}

/* Counted in the registry, for this boot: an agent that is restarted goes on counting. */
static bool may_start(const wchar_t *service)
{
    wchar_t value[NAME_CHARS] = L"Start ";
    DWORD bytes = sizeof(DWORD);
    DWORD type = 0;
    DWORD count = 0;
    HKEY key;

    if (wcslen(value) + wcslen(service) >= NAME_CHARS ||
        hm_windows_open_boot_key(&key) != ERROR_SUCCESS) {
        return false;
    }
    (void)wcscat(value, service);
    if (RegQueryValueExW(key, value, NULL, &type, (BYTE *)&count, &bytes) != ERROR_SUCCESS ||
        type != REG_DWORD) {
        count = 0;
    }
    count++;
    (void)RegSetValueExW(key, value, 0, REG_DWORD, (const BYTE *)&count, sizeof(count));
    (void)RegCloseKey(key);
    return count <= STARTS_A_BOOT;
}

static bool start(SC_HANDLE manager, const wchar_t *name, bool broken)
{
    SC_HANDLE service = OpenServiceW(manager, name, SERVICE_START | SERVICE_QUERY_STATUS);
    const bool started = service != NULL && failed_by_dependency(service, broken) &&
                         may_start(name) && StartServiceW(service, 0, NULL);

    if (service != NULL) {
        (void)CloseServiceHandle(service);
    }
    return started;
}

/* The automatic ones of these that failed, and what failed because they did. */
static enum hm_status start_failed(SC_HANDLE manager, const struct hm_strings *services,
                                   bool broken, struct hm_arena *arena,
                                   struct hm_strings *out_started, struct hm_err *err)
{
    struct hm_strings candidates;
    struct hm_guard_host host;
    const char **names;
    size_t count = 0;
    enum hm_status st = hm_guard_host_read(arena, &host, err);

    if (st == HM_OK) {
        st = hm_guard_dependents(&host, services, arena, &candidates, err);
    }
    if (st != HM_OK) {
        return st;
    }
    names = (const char **)hm_arena_alloc(arena, candidates.count + 1, sizeof(*names));
    for (size_t i = 0; names != NULL && i < candidates.count; i++) {
        const wchar_t *name = hm_guard_wide(arena, candidates.at[i]);

        if (name != NULL && start(manager, name, broken)) {
            names[count++] = candidates.at[i];
        }
    }
    *out_started = (struct hm_strings){names, count};
    return names != NULL ? HM_OK : hm_fail(err, HM_ENOMEM, "no memory for the guard");
}

static bool any_failed(SC_HANDLE manager, const struct hm_strings *services, bool broken,
                       struct hm_arena *arena)
{
    for (size_t i = 0; i < services->count; i++) {
        const wchar_t *name = hm_guard_wide(arena, services->at[i]);

        if (name != NULL && has_failed(manager, name, broken)) {
            return true;
        }
    }
    return false;
}

/* ---- who waits ------------------------------------------------------------------------------ */

static bool is_in(const struct hm_strings *names, const char *name)
{
    size_t i = 0;

    while (i < names->count && !hm_str_equal_nocase(names->at[i], name)) {
        i++;
    }
    return i < names->count;
}

/* The services that were recorded, and those that depend on the guard without that: a record can be
 * lost (an older copy of the registry, a cleaner), and a dependency may be somebody's. */
static enum hm_status read_waiting(struct hm_arena *arena, struct hm_strings *out,
                                   struct hm_err *err)
{
    struct hm_strings record;
    struct hm_strings dependent;
    enum hm_status st = hm_guard_record_services(arena, &record, err);

    if (st == HM_OK) {
        st = hm_guard_dependent_services(arena, &dependent, err);
    }
    if (st != HM_OK) {
        return st;
    }
    out->at =
        (const char **)hm_arena_alloc(arena, record.count + dependent.count + 1, sizeof(*out->at));
    if (out->at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the guard");
    }
    for (out->count = 0; out->count < record.count; out->count++) {
        out->at[out->count] = record.at[out->count];
    }
    for (size_t i = 0; i < dependent.count; i++) {
        if (!is_in(&record, dependent.at[i])) {
            out->at[out->count++] = dependent.at[i];
        }
    }
    return HM_OK;
}

/* ---- safe mode ------------------------------------------------------------------------------ */

/* Somebody removed it from there: a "guard remove" that runs just now holds the lock. */
static bool list_again(const struct hm_guard_paths *paths, struct hm_arena *arena)
{
    struct hm_os_lock *lock = NULL;
    struct hm_strings waiting = {NULL, 0};
    bool listed;

    if (!hm_guard_lacks_safe_mode() || hm_guard_is_link(paths) ||
        hm_os_lock(paths->lock, &lock, NULL) != HM_OK) {
        return false;
    }
    listed = read_waiting(arena, &waiting, NULL) == HM_OK && waiting.count > 0 &&
             hm_guard_check_safe_modes(NULL) == HM_OK && hm_guard_put_safe_modes(NULL) == HM_OK;
    hm_os_unlock(lock);
    return listed;
}

/* ---- once a pass ---------------------------------------------------------------------------- */

/* waiting: who has a guard, and there is one; of a service of somebody's that has our guard's name
 * only what was recorded. */
static enum hm_status keep(SC_HANDLE manager, const struct hm_guard_paths *paths,
                           const struct hm_strings *waiting, struct hm_arena *arena,
                           struct hm_guard_kept *kept, struct hm_err *err)
{
    struct hm_err why;
    bool failed;
    bool stands; /* the fault can be seen without starting the guard */
    enum hm_status st = hm_guard_fault(paths, arena, &kept->fault, err);

    if (st != HM_OK) {
        return st;
    }
    stands = kept->fault[0] != '\0';
    failed = any_failed(manager, waiting, stands, arena);
    if (!stands && failed) {
        st = hm_guard_start(START_MS, &why);
        if (st != HM_OK && st != HM_EBUSY) {
            kept->fault = hm_arena_printf(arena, "%s", why.text);
        }
    }
    st = HM_OK;
    if (kept->fault == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the guard");
    }
    if (kept->fault[0] != '\0') {
        kept->fault = stands ? "" : kept->fault;
        st = release(paths, waiting, arena, kept, err);
    } else {
        kept->listed = list_again(paths, arena);
    }
    if (st == HM_OK && failed) {
        st = start_failed(manager, waiting, stands, arena, &kept->started, err);
    }
    return st;
}

enum hm_status hm_guard_keep(struct hm_arena *arena, struct hm_guard_kept *out_kept,
                             struct hm_err *err)
{
    struct hm_guard_kept kept = {.fault = ""};
    struct hm_strings waiting = {NULL, 0};
    struct hm_guard_paths paths;
    SC_HANDLE manager = NULL;
    enum hm_status st;

    st = read_waiting(arena, &waiting, err);
    if (st == HM_OK && waiting.count == 0) {
        *out_kept = kept;
        return HM_OK;
    }
    if (st == HM_OK) {
        st = hm_crypto_init(err);
    }
    if (st == HM_OK) {
        st = hm_guard_find_paths(arena, &paths, err);
    }
    if (st == HM_OK && hm_guard_is_foreign(&paths, arena)) {
        st = hm_guard_record_services(arena, &waiting, err);
    }
    if (st == HM_OK && waiting.count > 0) {
        st = hm_windows_open_manager(SC_MANAGER_CONNECT, &manager, err);
    }
    if (manager != NULL) {
        st = keep(manager, &paths, &waiting, arena, &kept, err);
        (void)CloseServiceHandle(manager);
    }
    if (st == HM_OK) {
        *out_kept = kept;
    }
    return st;
}
