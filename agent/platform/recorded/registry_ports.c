/* agent/platform/recorded/registry_ports.c — what "reg query" printed, as registry_ports.h of
 * common reads it. SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/recorded/recorded.h"

#include <string.h>

#include "common/ports/registry_ports.h"

/* The listing of one file. */
struct listing {
    struct hm_recorded *recorded;
    const char *file;
    const struct hm_reg *reg;
};

static enum hm_status get(void *self, const char *key, const char *name, struct hm_setting *out,
                          struct hm_err *err)
{
    const struct listing *listing = self;
    const struct hm_reg_value *value = hm_reg_find(listing->reg, key, name);

    (void)err;
    *out = (struct hm_setting){.type = HM_SETTING_ABSENT, .text = ""};
    if (value == NULL) {
        return HM_OK;
    }
    out->type = value->type == HM_REG_DWORD   ? HM_SETTING_NUMBER
                : value->type == HM_REG_TEXT  ? HM_SETTING_TEXT
                : value->type == HM_REG_LINES ? HM_SETTING_LINES
                                              : HM_SETTING_OTHER;
    out->number = value->dword;
    out->text = value->text == NULL ? "" : value->text;
    out->lines = value->lines;
    return HM_OK;
}

static enum hm_status put_name(const struct listing *listing, struct hm_strings *names, size_t *cap,
                               const char *name, struct hm_err *err)
{
    void *items = (void *)names->at;

    for (size_t i = 0; i < names->count; i++) {
        if (hm_str_equal_nocase(names->at[i], name)) {
            return HM_OK;
        }
    }
    if (hm_arena_grow(listing->recorded->arena, &items, names->count, cap, sizeof(*names->at)) !=
        0) {
        return hm_fail(err, HM_ENOMEM, "no memory for the ports that are set up");
    }
    names->at = items;
    names->at[names->count++] = name;
    return HM_OK;
}

static enum hm_status list_values(void *self, const char *key, struct hm_strings *out_names,
                                  struct hm_err *err)
{
    const struct listing *listing = self;
    const struct hm_reg *reg = listing->reg;
    enum hm_status st = HM_OK;
    size_t cap = 0;

    *out_names = (struct hm_strings){NULL, 0};
    for (size_t i = 0; i < reg->count && st == HM_OK; i++) {
        if (hm_reg_find(reg, key, reg->at[i].name) == &reg->at[i]) {
            st = put_name(listing, out_names, &cap, reg->at[i].name, err);
        }
    }
    return st;
}

static enum hm_status list_keys(void *self, const char *key, struct hm_strings *out_names,
                                struct hm_err *err)
{
    const struct listing *listing = self;
    const struct hm_reg *reg = listing->reg;
    enum hm_status st = HM_OK;
    size_t cap = 0;

    *out_names = (struct hm_strings){NULL, 0};
    for (size_t i = 0; i < reg->keys.count && st == HM_OK; i++) {
        const char *last = strrchr(reg->keys.at[i], '\\');
        const char *child =
            last == NULL ? NULL : hm_arena_printf(listing->recorded->arena, "%s%s", key, last);

        if (child != NULL && hm_reg_has_key(reg, child)) {
            st = put_name(listing, out_names, &cap, last + 1, err);
        }
    }
    return st;
}

/* Of services.txt, or of another file with them. */
static enum hm_status image(void *self, const char *service, const char **out_path,
                            struct hm_err *err)
{
    const struct listing *listing = self;
    const struct hm_service_rows *rows = &listing->recorded->service_rows;

    (void)err;
    *out_path = "";
    for (size_t i = 0; i < rows->count; i++) {
        if (hm_str_equal_nocase(rows->at[i].name, service) && rows->at[i].image != NULL) {
            *out_path = rows->at[i].image;
        }
    }
    return HM_OK;
}

static enum hm_status note(void *self, const char *key, const char *name, const char *what,
                           struct hm_err *err)
{
    const struct listing *listing = self;

    return hm_notes_add(&listing->recorded->notes, err,
                        "%s: %s of %s is %s: the port of the next start is not known",
                        listing->file, name, key, what);
}

enum hm_status hm_recorded_registry_ports(struct hm_recorded *recorded, const char *file,
                                          const struct hm_reg *reg, struct hm_configured_make *make,
                                          struct hm_err *err)
{
    struct listing listing = {recorded, file, reg};
    const struct hm_registry_view view = {.self = &listing,
                                          .get = get,
                                          .list_values = list_values,
                                          .list_keys = list_keys,
                                          .image = image,
                                          .note = note};
    bool any;

    return hm_registry_ports_put(make, &view, &any, err);
}
