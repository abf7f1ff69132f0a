/* agent/platform/windows/guard_host.c — this host's services and drivers as the registry has them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/windows/guard.h"

#include <string.h>

#include "agent/guard/depends.h"
#include "agent/guard/guard_name.h"
#include "common/os/windows_text.h"

#define KEY_CHARS 512
#define ORDER_KEY L"SYSTEM\\CurrentControlSet\\Control\\ServiceGroupOrder"

wchar_t *hm_guard_wide(struct hm_arena *arena, const char *text)
{
    const int chars = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1, NULL, 0);
    wchar_t *wide = chars > 0 ? hm_arena_alloc(arena, (size_t)chars, sizeof(*wide)) : NULL;

    if (wide != NULL && MultiByteToWideChar(CP_UTF8, 0, text, -1, wide, chars) == 0) {
        return NULL;
    }
    return wide;
}

static enum hm_status no_memory(struct hm_err *err)
{
    return hm_fail(err, HM_ENOMEM, "no memory for the list of services");
}

static enum hm_status take_needs(const wchar_t *names, struct hm_arena *arena,
                                 struct hm_strings *out, struct hm_err *err)
{
    struct hm_strings needs = {NULL, 0};
    size_t cap = 0;

    for (const wchar_t *at = names; *at != L'\0'; at += wcslen(at) + 1) {
        void *items = (void *)needs.at;

        if (hm_arena_grow(arena, &items, needs.count, &cap, sizeof(*needs.at)) != 0) {
            return no_memory(err);
        }
        needs.at = (const char **)items;
        needs.at[needs.count] = hm_windows_utf8(arena, at);
        if (needs.at[needs.count++] == NULL) {
            return no_memory(err);
        }
    }
    *out = needs;
    return HM_OK;
}

/* A key that is no service (it has no type) is left out. */
static enum hm_status read_one(const char *name, struct hm_arena *arena, bool *out_found,
                               struct hm_guard_service *out, struct hm_err *err)
{
    struct hm_guard_service service = {.name = name, .group = ""};
    wchar_t key[KEY_CHARS] = HM_GUARD_SERVICES_KEY L"\\";
    wchar_t names[HM_NAMES_CHARS];
    const wchar_t *wide = hm_guard_wide(arena, name);
    bool found = false;
    bool has_start = false;
    bool has_group = false;
    enum hm_status st;

    *out_found = false;
    if (wide == NULL || wcslen(key) + wcslen(wide) >= KEY_CHARS) {
        return HM_OK; /* the service manager takes no such name */
    }
    (void)wcscat(key, wide);
    st = hm_registry_u32(key, L"Type", &found, &service.type, err);
    if (st == HM_OK) {
        st = hm_registry_u32(key, L"Start", &has_start, &service.start, err);
    }
    if (st == HM_OK) {
        st = hm_registry_text(key, L"Group", arena, &has_group, &service.group, err);
    }
    if (st == HM_EDENIED) {
        return HM_OK; /* protected from administrators, too: nobody can change it either */
    }
    if (st != HM_OK || !found || !has_start) {
        return st;
    }
    if (hm_depends_read(wide, names) == 0) {
        st = take_needs(names, arena, &service.needs, err);
    }
    *out = service;
    *out_found = st == HM_OK;
    return st;
}

enum hm_status hm_guard_host_read(struct hm_arena *arena, struct hm_guard_host *out_host,
                                  struct hm_err *err)
{
    struct hm_guard_host host = {
        NULL, 0, {NULL, 0}
    };
    struct hm_strings names;
    bool found;
    enum hm_status st = hm_registry_keys(HM_GUARD_SERVICES_KEY, arena, &names, err);

    if (st == HM_OK) {
        host.at = hm_arena_alloc(arena, names.count + 1, sizeof(*host.at));
        st = host.at == NULL
                 ? no_memory(err)
                 : hm_registry_lines(ORDER_KEY, L"List", arena, &found, &host.group_order, err);
    }
    for (size_t i = 0; st == HM_OK && i < names.count; i++) {
        st = read_one(names.at[i], arena, &found, &host.at[host.count], err);
        host.count += st == HM_OK && found;
    }
    if (st == HM_OK) {
        *out_host = host;
    }
    return st;
}

enum hm_status hm_guard_dependent_services(struct hm_arena *arena, struct hm_strings *out_services,
                                           struct hm_err *err)
{
    wchar_t needs[HM_NAMES_CHARS];
    struct hm_strings names;
    size_t count = 0;
    enum hm_status st = hm_registry_keys(HM_GUARD_SERVICES_KEY, arena, &names, err);

    for (size_t i = 0; st == HM_OK && i < names.count; i++) {
        const wchar_t *wide = hm_guard_wide(arena, names.at[i]);

        if (wide != NULL && hm_depends_read(wide, needs) == 0 &&
            hm_names_have(needs, HM_GUARD_WIDE_NAME)) {
            names.at[count++] = names.at[i];
        }
    }
    if (st == HM_OK) {
        *out_services = (struct hm_strings){names.at, count};
    }
    return st;
}
