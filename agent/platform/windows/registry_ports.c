/* agent/platform/windows/registry_ports.c — the registry as registry_ports.h of common reads it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/windows/configured.h"

#include "agent/platform/windows/guard.h"
#include "common/ports/registry_ports.h"

static enum hm_status no_memory(struct hm_err *err)
{
    return hm_fail(err, HM_ENOMEM, "no memory for the ports that are set up");
}

/* A value that is there and cannot be read: of another type, as nobody knows what it says. */
static enum hm_status unread(struct hm_gathering *gathering, const char *key, enum hm_status st,
                             const struct hm_err *why, struct hm_setting *out)
{
    out->type = HM_SETTING_OTHER;
    return hm_gathering_fault(gathering, st, key, why->text);
}

static enum hm_status get(void *self, const char *key, const char *name, struct hm_setting *out,
                          struct hm_err *err)
{
    struct hm_gathering *gathering = self;
    struct hm_arena *arena = gathering->make.arena;
    const wchar_t *wide_key = hm_guard_wide(arena, key);
    const wchar_t *wide_name = hm_guard_wide(arena, name);
    enum hm_reg_type type = HM_REG_BYTES;
    struct hm_err why = {.text = ""};
    bool found = false;
    enum hm_status st;

    *out = (struct hm_setting){.type = HM_SETTING_ABSENT, .text = ""};
    if (wide_key == NULL || wide_name == NULL) {
        return no_memory(err);
    }
    st = hm_registry_type(wide_key, wide_name, &found, &type, &why);
    if (st != HM_OK) {
        return unread(gathering, key, st, &why, out);
    }
    if (!found) {
        return HM_OK;
    }
    found = false;
    if (type == HM_REG_DWORD) {
        st = hm_registry_u32(wide_key, wide_name, &found, &out->number, &why);
        out->type = HM_SETTING_NUMBER;
    } else if (type == HM_REG_TEXT) {
        st = hm_registry_text(wide_key, wide_name, arena, &found, &out->text, &why);
        out->type = HM_SETTING_TEXT;
    } else if (type == HM_REG_LINES) {
        st = hm_registry_lines(wide_key, wide_name, arena, &found, &out->lines, &why);
        out->type = HM_SETTING_LINES;
    }
    if (st != HM_OK) {
        return unread(gathering, key, st, &why, out);
    }
    if (!found) { /* REG_EXPAND_SZ, or none of these */
        *out = (struct hm_setting){.type = HM_SETTING_OTHER, .text = ""};
    }
    return HM_OK;
}

static enum hm_status list(struct hm_gathering *gathering, const char *key,
                           enum hm_status (*read)(const wchar_t *key, struct hm_arena *arena,
                                                  struct hm_strings *out_names, struct hm_err *err),
                           struct hm_strings *out_names, struct hm_err *err)
{
    const wchar_t *wide = hm_guard_wide(gathering->make.arena, key);
    struct hm_err why = {.text = ""};
    enum hm_status st;

    *out_names = (struct hm_strings){NULL, 0};
    if (wide == NULL) {
        return no_memory(err);
    }
    if (!hm_registry_has_key(wide)) {
        return HM_OK;
    }
    st = read(wide, gathering->make.arena, out_names, &why);
    return st == HM_OK ? HM_OK : hm_gathering_fault(gathering, st, key, why.text);
}

static enum hm_status list_values(void *self, const char *key, struct hm_strings *out_names,
                                  struct hm_err *err)
{
    return list(self, key, hm_registry_names, out_names, err);
}

static enum hm_status list_keys(void *self, const char *key, struct hm_strings *out_names,
                                struct hm_err *err)
{
    return list(self, key, hm_registry_keys, out_names, err);
}

static enum hm_status image(void *self, const char *service, const char **out_path,
                            struct hm_err *err)
{
    struct hm_gathering *gathering = self;
    struct hm_arena *arena = gathering->make.arena;
    const char *key = hm_arena_printf(arena, "SYSTEM\\CurrentControlSet\\Services\\%s", service);
    const wchar_t *wide = key == NULL ? NULL : hm_guard_wide(arena, key);
    struct hm_err why = {.text = ""};
    bool found = false;
    enum hm_status st;

    *out_path = "";
    if (wide == NULL) {
        return no_memory(err);
    }
    st = hm_registry_path(wide, L"ImagePath", arena, &found, out_path, &why);
    return st == HM_OK ? HM_OK : hm_gathering_fault(gathering, st, key, why.text);
}

static enum hm_status note(void *self, const char *key, const char *name, const char *what,
                           struct hm_err *err)
{
    struct hm_gathering *gathering = self;

    return hm_notes_add(gathering->notes, err,
                        "%s: %s is %s: the port of the next start is not known", key, name, what);
}

enum hm_status hm_gathering_take_registry(struct hm_gathering *gathering)
{
    const struct hm_registry_view view = {.self = gathering,
                                          .get = get,
                                          .list_values = list_values,
                                          .list_keys = list_keys,
                                          .image = image,
                                          .note = note};
    bool any = false;
    enum hm_status st = hm_registry_ports_put(&gathering->make, &view, &any, gathering->err);

    gathering->any = gathering->any || any;
    return st;
}
