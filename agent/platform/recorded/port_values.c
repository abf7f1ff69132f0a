/* agent/platform/recorded/port_values.c — ports that the registry of a recorded host sets.
 * SPDX-License-Identifier: Apache-2.0
 *
 * What "reg query" printed; Windows 2000 has no reg.exe, and regedit exports what is there. Folders
 * that an older collect.cmd made have neither: then the listeners speak, as far as they can. */
#include "agent/platform/recorded/recorded.h"

#include <stdio.h>
#include <string.h>

#include "common/ports/port_values.h"
#include "common/readers/reg_query_text.h"

#define QUERY_FILE "port-values.txt"
#define EXPORT_FILE "port-values.reg"
#define END "end of port values" /* the last line that collect.cmd writes */
#define UNKNOWN "ports that the registry sets for services are known by their listeners only"

/* A value that is no port: named, and in the list with port 0. */
static enum hm_status take_value(struct hm_recorded *recorded, const char *file,
                                 const struct hm_port_value *value,
                                 const struct hm_reg_value *found, struct hm_configured_make *make,
                                 struct hm_err *err)
{
    const bool number = found->type == HM_REG_DWORD;
    enum hm_status st = HM_OK;
    char text[16];

    if (number && found->dword > 0 && found->dword <= UINT16_MAX) {
        return hm_port_value_put(make, value, found->dword, err);
    }
    (void)snprintf(text, sizeof(text), "0x%x", (unsigned)found->dword);
    st = hm_notes_add(&recorded->notes, err,
                      "%s: %s of %s is %s%s, which is no port (REG_DWORD, 1 to 65535): the port of "
                      "the next start is not known",
                      file, value->name, found->key, number ? "" : "of another type: ",
                      number                                              ? text
                      : found->type == HM_REG_TEXT && found->text != NULL ? found->text
                                                                          : "not a text");
    if (st != HM_OK) {
        return st;
    }
    return number ? hm_port_value_put(make, value, found->dword, err)
                  : hm_port_value_put_invalid(make, value, "of another type than REG_DWORD", err);
}

/* More listeners of the same service, each with a key of its own. */
static enum hm_status take_others(struct hm_recorded *recorded, const char *file,
                                  const struct hm_reg *reg, const struct hm_port_value *value,
                                  struct hm_configured_make *make, struct hm_err *err)
{
    enum hm_status st = HM_OK;
    size_t count = 0;

    for (size_t k = 0; k < reg->count && count < HM_PORT_VALUE_OTHERS && st == HM_OK; k++) {
        const char *slash = strrchr(reg->at[k].key, '\\');
        const struct hm_port_value *other;

        if (slash == NULL || !hm_str_equal_nocase(reg->at[k].name, value->name) ||
            !hm_port_value_is_other(value, slash + 1)) {
            continue;
        }
        other = hm_port_value_other(value, slash + 1, recorded->arena);
        if (other == NULL) {
            return hm_fail(err, HM_ENOMEM, "no memory for the ports that are set up");
        }
        if (hm_reg_find(reg, other->key, other->name) == &reg->at[k]) {
            count++;
            st = take_value(recorded, file, other, &reg->at[k], make, err);
        }
    }
    return st;
}

static enum hm_status take_keys(struct hm_recorded *recorded, const char *file,
                                const struct hm_reg *reg, struct hm_configured_make *make,
                                struct hm_err *err)
{
    enum hm_status st = HM_OK;

    for (size_t i = 0; i < HM_PORT_VALUE_COUNT && st == HM_OK; i++) {
        const struct hm_reg_value *value =
            hm_reg_find(reg, hm_port_values[i].key, hm_port_values[i].name);

        if (value != NULL) {
            st = take_value(recorded, file, &hm_port_values[i], value, make, err);
        }
    }
    for (size_t i = 0; i < HM_PORT_VALUE_COUNT && st == HM_OK; i++) {
        st = take_others(recorded, file, reg, &hm_port_values[i], make, err);
    }
    for (size_t i = 0; i < HM_PORT_KEY_COUNT; i++) {
        for (size_t k = 0; k < reg->count && st == HM_OK; k++) {
            const char *name = reg->at[k].name;
            bool port = true;

            if (hm_reg_find(reg, hm_port_keys[i].key, name) == &reg->at[k]) {
                st = hm_port_key_put(make, &hm_port_keys[i], name, &port, err);
            }
            if (st == HM_OK && !port && !hm_str_equal(name, "")) {
                st = hm_notes_add(&recorded->notes, err,
                                  "%s: the entry \"%s\" of %s has no port from 1 to 65535 "
                                  "(address/port): whether its service listens is not known",
                                  file, name, hm_port_keys[i].key);
            }
        }
    }
    return st;
}

/* The file is whole with its last line. Without it an older collect.cmd made the file, or it was
 * cut: for sure in the midst of a line, as every output of reg.exe ends with a line feed. */
static enum hm_status check_end(struct hm_recorded *recorded, const struct hm_recorded_file *file,
                                struct hm_err *err)
{
    const struct hm_span text = hm_str_trim(file->text, file->len);
    const size_t len = strlen(END);

    if (text.len > len && memcmp(text.at + text.len - len, END, len) == 0) {
        return HM_OK;
    }
    if (file->len > 0 && file->text[file->len - 1] == '\n') {
        return hm_notes_add(&recorded->notes, err,
                            "%s does not end with \"" END "\": an older collect.cmd made it, or it "
                            "was cut, and settings that it lacks are not known",
                            file->name);
    }
    recorded->seen.port_values_cut = true;
    return hm_notes_add(&recorded->notes, err,
                        "%s ends in the midst of a line: it was cut, and settings that it lacks "
                        "are not known",
                        file->name);
}

enum hm_status hm_recorded_port_values(struct hm_recorded *recorded,
                                       struct hm_configured_make *make, bool *out_there,
                                       struct hm_err *err)
{
    struct hm_recorded_file file;
    struct hm_reg reg;
    enum hm_status st = hm_recorded_read(recorded, QUERY_FILE, &file, err);
    const bool query = st == HM_OK && file.there;

    *out_there = false;
    if (st == HM_OK && !query) {
        st = hm_recorded_read(recorded, EXPORT_FILE, &file, err);
    }
    if (st == HM_OK && !file.there) {
        return hm_notes_add(&recorded->notes, err, QUERY_FILE " is missing: " UNKNOWN);
    }
    if (st == HM_OK && query) {
        st = check_end(recorded, &file, err);
    }
    if (st != HM_OK) {
        return st;
    }
    st = query ? hm_reg_query_parse(file.text, file.len, recorded->arena, &reg, err)
               : hm_reg_parse(file.text, file.len, recorded->arena, &reg, err);
    if (st != HM_OK) {
        return hm_recorded_refused(recorded, &file, query ? HM_TEXT_UNKNOWN : HM_TEXT_REGISTRY,
                                   UNKNOWN, err);
    }
    *out_there = true;
    st = take_keys(recorded, file.name, &reg, make, err);
    return st == HM_OK ? hm_recorded_registry_ports(recorded, file.name, &reg, make, err) : st;
}
