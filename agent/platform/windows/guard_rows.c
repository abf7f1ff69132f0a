/* agent/platform/windows/guard_rows.c — which services have a guard, and whether it helps them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/windows/guard.h"

#include "agent/guard/guard_name.h"
#include "agent/guard/own.h"
#include "common/base/str.h"
#include "common/crypto/digest.h"
#include "common/os/os.h"

static enum hm_status no_memory(struct hm_err *err)
{
    return hm_fail(err, HM_ENOMEM, "no memory for the guard");
}

/* ---- does it help? -------------------------------------------------------------------------- */

enum hm_status hm_guard_check_agent(const struct hm_guard_host *host, struct hm_err *err)
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
    return HM_OK;
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
    return *out_cure != NULL ? HM_OK : no_memory(err);
}

/* What "guard add" would refuse today: the service still starts, but the guard helps it no more. */
static enum hm_status fill(const struct hm_guard_host *host, const struct hm_guard_service *service,
                           struct hm_arena *arena, struct hm_guarded *row, struct hm_err *err)
{
    struct hm_err why;
    enum hm_status st = make_cure(service, arena, &row->cure, err);

    row->quoted = st == HM_OK ? hm_guard_quote(service->name, arena) : NULL;
    if (st != HM_OK || row->quoted == NULL) {
        return st != HM_OK ? st : no_memory(err);
    }
    st = hm_guard_check_agent(host, &why);
    if (st == HM_OK) {
        st = hm_guard_check(host, service->name, arena, &why);
    }
    if (st != HM_OK) {
        row->useless = hm_arena_printf(arena, "%s", why.text);
    }
    return row->useless != NULL ? HM_OK : no_memory(err);
}

/* foreign: what depends on a service of this name by itself depends on somebody's. */
static enum hm_status list_rows(const struct hm_guard_host *host, const struct hm_strings *record,
                                bool foreign, struct hm_arena *arena, struct hm_guarded_list *out,
                                struct hm_err *err)
{
    struct hm_guarded_list rows = {NULL, 0, "", "", false};
    enum hm_status st = HM_OK;

    rows.at = hm_arena_alloc(arena, host->count + record->count + 1, sizeof(*rows.at));
    if (rows.at == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; st == HM_OK && i < host->count; i++) {
        const struct hm_guard_service *service = &host->at[i];
        struct hm_guarded row = {.service = service->name,
                                 .added = is_in(record, service->name),
                                 .in_force = is_in(&service->needs, HM_GUARD_NAME),
                                 .cure = "",
                                 .useless = ""};

        if (row.added || (row.in_force && !foreign)) {
            st = fill(host, service, arena, &row, err);
            rows.at[rows.count++] = row;
        }
    }
    for (size_t i = 0; i < record->count; i++) {
        if (hm_guard_find(host, record->at[i]) == NULL) {
            struct hm_guarded row = {
                .service = record->at[i], .added = true, .cure = "", .useless = ""};

            row.quoted = hm_guard_quote(row.service, arena);
            st = row.quoted != NULL ? st : no_memory(err);
            rows.at[rows.count++] = row;
        }
    }
    if (st == HM_OK) {
        *out = rows;
    }
    return st;
}

enum hm_status hm_guard_read_rows(struct hm_arena *arena, struct hm_guarded_list *out,
                                  struct hm_err *err)
{
    struct hm_guard_paths paths;
    struct hm_guard_host host;
    struct hm_strings record;
    enum hm_status st = hm_guard_find_paths(arena, &paths, err);

    if (st == HM_OK) {
        st = hm_guard_host_read(arena, &host, err);
    }
    if (st == HM_OK) {
        st = hm_guard_record_services(arena, &record, err);
    }
    return st == HM_OK
               ? list_rows(&host, &record, hm_guard_is_foreign(&paths, arena), arena, out, err)
               : st;
}

/* ---- this boot ------------------------------------------------------------------------------ */

/* 0: it cannot be said. */
static DWORD state_of(SC_HANDLE manager, const wchar_t *name)
{
    SC_HANDLE service = OpenServiceW(manager, name, SERVICE_QUERY_STATUS);
    SERVICE_STATUS status = {0};

    if (service != NULL) {
        if (!QueryServiceStatus(service, &status)) {
            status.dwCurrentState = 0;
        }
        (void)CloseServiceHandle(service);
    }
    return status.dwCurrentState;
}

/* Also as it looks without the rights to say whether it outlived a restart. */
static bool has_passed(void)
{
    uint32_t passed = 0;
    bool found = false;

    return hm_registry_u32(HM_GUARD_BOOT_KEY, HM_GUARD_BOOT_VALUE, &found, &passed, NULL) ==
               HM_OK &&
           found && passed == 1 && !hm_own_boot_is_stale();
}

/* In safe mode the agent is not started, and nobody waits. */
static const char *why_no_pass(void)
{
    SC_HANDLE manager = NULL;
    DWORD agent;
    DWORD guard;

    if (has_passed() || hm_registry_has_key(HM_GUARD_SAFE_BOOT_KEY L"\\Option") ||
        hm_windows_open_manager(SC_MANAGER_CONNECT, &manager, NULL) != HM_OK) {
        return "";
    }
    agent = state_of(manager, HM_GUARDED_BY);
    guard = state_of(manager, HM_GUARD_WIDE_NAME);
    (void)CloseServiceHandle(manager);
    if (agent == SERVICE_STOPPED || agent == SERVICE_STOP_PENDING) {
        return "the agent does not run and has not enforced the policies since this host started: "
               "guarded services wait 20 seconds, and start without it. Its events in the "
               "application log say why; \"sc start " HM_GUARDED_BY_NAME "\" starts it";
    }
    return agent != 0 && guard == SERVICE_RUNNING
               ? "the agent's first pass since this host started is not done, and 20 seconds are "
                 "over: guarded services have started without it, or do so now. The agent's events "
                 "in the application log say more"
               : "";
}

enum hm_status hm_guard_assess(const struct hm_guard_paths *paths, struct hm_arena *arena,
                               struct hm_guarded_list *rows, struct hm_err *err)
{
    enum hm_status st = HM_OK;

    if (rows->count > 0) {
        rows->no_pass = why_no_pass();
        rows->unlisted = hm_guard_lacks_safe_mode();
        st = hm_guard_fault(paths, arena, &rows->fault, err);
    }
    return st;
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
        st = hm_guard_read_rows(arena, &rows, err);
    }
    if (st == HM_OK) {
        st = hm_guard_assess(&paths, arena, &rows, err);
    }
    if (st == HM_OK) {
        *out_rows = rows;
    }
    return st;
}

void hm_guard_only(const char *service, struct hm_guarded_list *rows)
{
    size_t count = 0;

    for (size_t i = 0; i < rows->count; i++) {
        if (hm_str_equal_nocase(rows->at[i].service, service)) {
            rows->at[count++] = rows->at[i];
        }
    }
    rows->count = count;
}

/* Such a file does not go with a restart. */
static bool is_read_only(const char *path)
{
    wchar_t wide[HM_WINDOWS_PATH_CHARS];
    DWORD attributes = 0;

    if (hm_windows_path(path, wide, NULL) == HM_OK) {
        attributes = GetFileAttributesW(wide);
    }
    return attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_READONLY) != 0;
}

/* The full path in the list where it belongs. */
static enum hm_status sort_left(const struct hm_guard_paths *paths, const struct hm_strings *names,
                                struct hm_arena *arena, struct hm_guard_leftovers *out,
                                struct hm_err *err)
{
    struct hm_guard_pending pending;
    enum hm_status st = hm_guard_read_pending(arena, &pending, err);

    if (st != HM_OK) {
        return st;
    }
    out->going.at = (const char **)hm_arena_alloc(arena, names->count, sizeof(*out->going.at));
    out->staying.at =
        (const char **)hm_arena_alloc(arena, names->count + 1, sizeof(*out->staying.at));
    if (out->going.at == NULL || out->staying.at == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < names->count; i++) {
        const char *path = hm_arena_printf(arena, "%s\\%s", paths->folder, names->at[i]);
        struct hm_strings *to;

        if (path == NULL) {
            return no_memory(err);
        }
        to = hm_guard_goes(&pending, path) && !is_read_only(path) ? &out->going : &out->staying;
        to->at[to->count++] = path;
    }
    if (names->count == 0) {
        out->staying.at[out->staying.count++] = paths->folder;
    }
    return HM_OK;
}

/* Another command, whose files these are. */
static bool is_at_work(const struct hm_guard_paths *paths)
{
    struct hm_os_lock *lock = NULL;
    const bool busy = hm_os_exists(paths->lock) && hm_os_lock(paths->lock, &lock, NULL) == HM_EBUSY;

    hm_os_unlock(lock);
    return busy;
}

enum hm_status hm_guard_left(struct hm_arena *arena, struct hm_guard_leftovers *out_left,
                             struct hm_err *err)
{
    struct hm_guard_leftovers left = {
        {NULL, 0},
        {NULL, 0},
        false
    };
    struct hm_strings names = {NULL, 0};
    struct hm_guarded_list rows;
    struct hm_guard_paths paths;
    enum hm_status st = hm_guard_find_paths(arena, &paths, err);

    if (st == HM_OK) {
        st = hm_guard_read_rows(arena, &rows, err);
    }
    if (st != HM_OK) {
        return st;
    }
    left.unused = hm_guard_is_unused(&paths, &rows, arena);
    if (!left.unused && !hm_guard_record_exists() && hm_os_exists(paths.folder) &&
        !is_at_work(&paths)) {
        if (hm_guard_is_link(&paths) ||
            hm_os_list_folder(paths.folder, arena, &names, NULL) != HM_OK) {
            names.count = 0; /* the folder is named, then */
        }
        st = sort_left(&paths, &names, arena, &left, err);
    }
    if (st == HM_OK) {
        *out_left = left;
    }
    return st;
}
