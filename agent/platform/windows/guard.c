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
#define KEY_CHARS 512 /* of a service's name, or of how it is shown */

/* ---- one at a time -------------------------------------------------------------------------- */

static enum hm_status begin(struct hm_arena *arena, struct hm_guard_paths *out_paths,
                            struct hm_os_lock **out_lock, struct hm_err *err)
{
    enum hm_status st = hm_crypto_init(err);

    if (st == HM_OK) {
        st = hm_guard_find_paths(arena, out_paths, err);
    }
    if (st == HM_OK) {
        st = hm_os_make_folder(out_paths->folder, 0755, err);
    }
    if (st == HM_OK) {
        st = hm_os_lock(out_paths->lock, out_lock, err);
    }
    if (st == HM_EBUSY) {
        hm_err_prefix(err, "guards are added or removed by another command at this moment; try "
                           "again when it has ended");
    }
    return st;
}

/* The folder goes with the last thing in it. */
static void end(const struct hm_guard_paths *paths, struct hm_os_lock *lock)
{
    hm_os_unlock(lock);
    if (!hm_guard_record_exists()) {
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

/* ---- what there is -------------------------------------------------------------------------- */

static bool is_in(const struct hm_strings *names, const char *name)
{
    size_t i = 0;

    while (i < names->count && !hm_str_equal_nocase(names->at[i], name)) {
        i++;
    }
    return i < names->count;
}

/* needs without the guard, as a command. */
static enum hm_status make_cure(const struct hm_guard_service *service, struct hm_arena *arena,
                                const char **out_cure, struct hm_err *err)
{
    struct hm_strings others = {NULL, 0};
    const char **at = (const char **)hm_arena_alloc(arena, service->needs.count + 1, sizeof(*at));

    for (size_t i = 0; at != NULL && i < service->needs.count; i++) {
        if (!hm_str_equal_nocase(service->needs.at[i], HM_GUARD_NAME)) {
            at[others.count++] = service->needs.at[i];
        }
    }
    others.at = at;
    *out_cure = at == NULL ? NULL : hm_guard_command(service->name, &others, arena);
    return *out_cure != NULL ? HM_OK : hm_fail(err, HM_ENOMEM, "no memory for the guard");
}

static enum hm_status list_rows(const struct hm_guard_host *host, const struct hm_strings *record,
                                struct hm_arena *arena, struct hm_guarded_list *out,
                                struct hm_err *err)
{
    struct hm_guarded_list rows = {NULL, 0, ""};
    enum hm_status st = HM_OK;

    rows.at = hm_arena_alloc(arena, host->count + record->count + 1, sizeof(*rows.at));
    if (rows.at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the guard");
    }
    for (size_t i = 0; st == HM_OK && i < host->count; i++) {
        const struct hm_guard_service *service = &host->at[i];
        struct hm_guarded row = {.service = service->name,
                                 .added = is_in(record, service->name),
                                 .in_force = is_in(&service->needs, HM_GUARD_NAME),
                                 .cure = ""};

        if (row.added || row.in_force) {
            st = make_cure(service, arena, &row.cure, err);
            rows.at[rows.count++] = row;
        }
    }
    for (size_t i = 0; i < record->count; i++) {
        if (hm_guard_find(host, record->at[i]) == NULL) {
            rows.at[rows.count++] =
                (struct hm_guarded){.service = record->at[i], .added = true, .cure = ""};
        }
    }
    if (st == HM_OK) {
        *out = rows;
    }
    return st;
}

static enum hm_status read_rows(struct hm_arena *arena, struct hm_guarded_list *out,
                                struct hm_err *err)
{
    struct hm_guard_host host;
    struct hm_strings record;
    enum hm_status st = hm_guard_host_read(arena, &host, err);

    if (st == HM_OK) {
        st = hm_guard_record_services(arena, &record, err);
    }
    return st == HM_OK ? list_rows(&host, &record, arena, out, err) : st;
}

enum hm_status hm_guard_list(struct hm_arena *arena, struct hm_guarded_list *out_rows,
                             struct hm_err *err)
{
    struct hm_guard_paths paths;
    struct hm_guarded_list rows;
    enum hm_status st = hm_crypto_init(err);

    if (st == HM_OK) {
        st = hm_guard_find_paths(arena, &paths, err);
    }
    if (st == HM_OK) {
        st = read_rows(arena, &rows, err);
    }
    if (st == HM_OK && rows.count > 0) {
        st = hm_guard_fault(&paths, arena, &rows.fault, err);
    }
    if (st == HM_OK) {
        *out_rows = rows;
    }
    return st;
}

/* With the last service the guard goes, too. */
static enum hm_status remove_unused(const struct hm_guard_paths *paths, struct hm_arena *arena,
                                    struct hm_err *err)
{
    struct hm_guarded_list rows;
    enum hm_status st = read_rows(arena, &rows, err);

    return st == HM_OK && rows.count == 0 ? hm_guard_uninstall(paths, err) : st;
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
    const struct hm_guard_service *agent = hm_guard_find(host, HM_GUARDED_BY_NAME);
    uint32_t delayed = 0;
    bool has_delayed = false;
    enum hm_status st;

    if (agent == NULL) {
        return hm_fail(err, HM_ECONFLICT,
                       "the agent is not installed as a service, so there is no first pass to "
                       "wait for: hm-agent service install");
    }
    st = hm_registry_u32(HM_GUARDED_BY_KEY, L"DelayedAutostart", &has_delayed, &delayed, err);
    if (st != HM_OK) {
        return st;
    }
    if (agent->start != SERVICE_AUTO_START || delayed != 0) {
        return hm_fail(err, HM_ECONFLICT,
                       "the agent does not start at boot, or minutes later, so there is no first "
                       "pass to wait for: sc config %s start= auto",
                       HM_GUARDED_BY_NAME);
    }
    st = find_name(host, service, arena, err);
    forget_needs_of_guard(host);
    return st == HM_OK ? hm_guard_check(host, service, arena, err) : st;
}

static enum hm_status fail_service(struct hm_err *err, const char *service, unsigned long number)
{
    return hm_windows_fail(err, service, number);
}

/* One that stays without a dependency does no harm; "guard list" shows it. */
static void drop_record(const wchar_t *name)
{
    const bool dropped = hm_guard_record_drop(name, NULL) == HM_OK;

    (void)dropped;
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
        return HM_OK;
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
        drop_record(name);
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
        drop_record(name);
        st = hm_fail(err, HM_ECONFLICT,
                     "%s: another program changes its dependencies again and again; nothing was "
                     "added",
                     service);
    }
    return st;
}

/* What was true when it was put there must still be true once a service depends on it. */
static enum hm_status check_works(const struct hm_guard_paths *paths, const wchar_t *name,
                                  struct hm_arena *arena, struct hm_err *err)
{
    const char *fault = "";
    bool had_it = false;
    enum hm_status st = hm_guard_fault(paths, arena, &fault, err);

    if (st == HM_OK && fault[0] == '\0') {
        return HM_OK;
    }
    if (hm_depends_release(name, &had_it) == ERROR_SUCCESS) {
        drop_record(name);
    }
    return st != HM_OK
               ? st
               : hm_fail(err, HM_ECONFLICT, "the guard cannot work: %s; nothing was added", fault);
}

static enum hm_status add(const struct hm_guard_paths *paths, const struct hm_guard_host *host,
                          const char *service, struct hm_arena *arena, struct hm_err *err)
{
    const wchar_t *name = hm_guard_wide(arena, hm_guard_find(host, service)->name);
    enum hm_status st;

    if (name == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the guard");
    }
    st = hm_guard_install(paths, arena, err);
    if (st == HM_OK) {
        st = link_service(service, name, err);
    }
    return st == HM_OK ? check_works(paths, name, arena, err) : st;
}

static void only(const char *service, struct hm_guarded_list *rows)
{
    size_t count = 0;

    for (size_t i = 0; i < rows->count; i++) {
        if (hm_str_equal_nocase(rows->at[i].service, service)) {
            rows->at[count++] = rows->at[i];
        }
    }
    rows->count = count;
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
        st = read_rows(arena, &rows, err);
    } else {
        struct hm_err also;
        const bool gone = remove_unused(&paths, arena, &also) == HM_OK;

        (void)gone; /* a guard that nobody uses does no harm */
    }
    end(&paths, lock);
    if (st == HM_OK) {
        only(service, &rows);
        *out_rows = rows;
    }
    return st;
}

/* ---- remove --------------------------------------------------------------------------------- */

static enum hm_status remove_one(const char *service, struct hm_arena *arena, struct hm_err *err)
{
    const wchar_t *name = hm_guard_wide(arena, service);
    struct hm_guarded_list rows;
    bool had_it = false;
    unsigned long number;
    enum hm_status st = read_rows(arena, &rows, err);

    if (st != HM_OK) {
        return st;
    }
    only(service, &rows);
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

enum hm_status hm_guard_remove(const char *service, struct hm_arena *arena, struct hm_err *err)
{
    struct hm_guard_paths paths = {NULL, NULL, NULL, NULL, NULL};
    struct hm_os_lock *lock = NULL;
    enum hm_status st = check_elevated(err);

    if (st == HM_OK) {
        st = begin(arena, &paths, &lock, err);
    }
    if (st != HM_OK) {
        return st;
    }
    st = remove_one(service, arena, err);
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

/* A service that nobody recorded, without program or dependents, is ours too. */
static bool has_anything(const struct hm_guarded_list *rows)
{
    return rows->count > 0 || hm_guard_record_exists() || hm_registry_has_key(HM_GUARD_OWN_KEY);
}

enum hm_status hm_guard_remove_all(struct hm_arena *arena, struct hm_strings *out_names,
                                   struct hm_err *err)
{
    struct hm_guard_paths paths = {NULL, NULL, NULL, NULL, NULL};
    struct hm_strings names = {NULL, 0};
    struct hm_os_lock *lock = NULL;
    struct hm_guarded_list rows;
    enum hm_status st = read_rows(arena, &rows, err);

    if (st != HM_OK || !has_anything(&rows)) {
        if (st == HM_OK) {
            *out_names = names;
        }
        return st;
    }
    st = check_elevated(err);
    if (st == HM_OK) {
        st = begin(arena, &paths, &lock, err);
    }
    if (st != HM_OK) {
        return st;
    }
    st = read_rows(arena, &rows, err);
    if (st == HM_OK) {
        st = release_rows(&rows, arena, &names, err);
    }
    if (st == HM_OK) {
        st = hm_guard_uninstall(&paths, err);
    }
    end(&paths, lock);
    if (st == HM_OK) {
        *out_names = names;
    }
    return st;
}
