/* agent/platform/linux/os_facts.c — what system this is: uname, os-release, locale, boot id.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/linux/linux.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/os/os.h"

#define FACT_FILE_BYTES (64u * 1024u)

static const char *const os_release_paths[] = {"/etc/os-release", "/usr/lib/os-release"};
static const char *const locale_paths[] = {"/etc/locale.conf", "/etc/default/locale"};

const char *hm_linux_shell_value(const char *text, size_t len, const char *name,
                                 struct hm_arena *arena)
{
    struct hm_span rest = {text, len};
    struct hm_span line;
    size_t name_len = strlen(name);

    while (hm_str_next_line(&rest, &line)) {
        struct hm_span value;

        if (line.len <= name_len || memcmp(line.at, name, name_len) != 0 ||
            line.at[name_len] != '=') {
            continue;
        }
        value = hm_str_trim(line.at + name_len + 1, line.len - name_len - 1);
        if (value.len >= 2 && (value.at[0] == '"' || value.at[0] == '\'') &&
            value.at[value.len - 1] == value.at[0]) {
            value.at++;
            value.len -= 2;
        }
        if (value.len > HM_LIMIT_NAME_BYTES || !hm_str_is_utf8(value.at, value.len)) {
            return NULL;
        }
        return hm_arena_strndup(arena, value.at, value.len);
    }
    return NULL;
}

const char *hm_linux_locale(const char *lang, struct hm_arena *arena)
{
    char *text = hm_arena_strndup(arena, lang, strcspn(lang, ".@"));
    char *at = text == NULL ? NULL : strchr(text, '_');

    if (at != NULL) {
        *at = '-';
    }
    return text == NULL ? "" : text;
}

/* The first of the files that has the name. */
static const char *first_value(const char *root, const char *const *paths, size_t count,
                               const char *name, struct hm_arena *arena)
{
    for (size_t i = 0; i < count; i++) {
        char path[HM_LINUX_PATH_BYTES];
        const char *value;
        char *text;
        size_t len;

        (void)snprintf(path, sizeof(path), "%s%s", root, paths[i]);
        if (hm_os_read_file(path, FACT_FILE_BYTES, arena, &text, &len, NULL) != HM_OK) {
            continue;
        }
        value = hm_linux_shell_value(text, len, name, arena);
        if (value != NULL) {
            return value;
        }
    }
    return NULL;
}

static enum hm_status read_boot_id(const char *root, struct hm_notes *notes,
                                   const char **out_boot_id, struct hm_err *err)
{
    struct hm_err why;
    char path[HM_LINUX_PATH_BYTES];
    struct hm_span trimmed;
    char *text;
    size_t len;

    (void)snprintf(path, sizeof(path), "%s/proc/sys/kernel/random/boot_id", root);
    if (hm_os_read_file(path, FACT_FILE_BYTES, notes->arena, &text, &len, &why) != HM_OK) {
        *out_boot_id = "unknown";
        return hm_notes_add(notes, err, "boot id: %s; restarts of this host are not noticed",
                            why.text);
    }
    trimmed = hm_str_trim(text, len);
    *out_boot_id = hm_arena_strndup(notes->arena, trimmed.at, trimmed.len);
    return *out_boot_id == NULL ? hm_fail(err, HM_ENOMEM, "no memory for the boot id") : HM_OK;
}

int64_t hm_linux_uptime_s(const char *root, struct hm_arena *arena)
{
    char path[HM_LINUX_PATH_BYTES];
    uint32_t seconds = 0;
    char *text;
    size_t len;

    (void)snprintf(path, sizeof(path), "%s/proc/uptime", root);
    if (hm_os_read_file(path, FACT_FILE_BYTES, arena, &text, &len, NULL) != HM_OK ||
        !hm_str_parse_u32(text, strcspn(text, ". \n"), UINT32_MAX, &seconds)) {
        return 0;
    }
    return (int64_t)seconds;
}

enum hm_status hm_linux_os_facts(const char *root, struct hm_notes *notes, struct hm_os *out_os,
                                 const char **out_boot_id, struct hm_err *err)
{
    struct hm_os os = {.family = HM_OS_LINUX, .version = "", .arch = "", .locale = ""};
    const char *lang =
        first_value(root, locale_paths, HM_COUNT(locale_paths), "LANG", notes->arena);
    struct utsname name;

    os.name = first_value(root, os_release_paths, HM_COUNT(os_release_paths), "PRETTY_NAME",
                          notes->arena);
    if (os.name == NULL) {
        os.name = "Linux";
    }
    if (lang != NULL) {
        os.locale = hm_linux_locale(lang, notes->arena);
    }
    if (uname(&name) == 0) {
        os.version = hm_arena_strdup(notes->arena, name.release);
        os.arch = hm_arena_strdup(notes->arena, name.machine);
        if (os.version == NULL || os.arch == NULL) {
            return hm_fail(err, HM_ENOMEM, "no memory for the name of the system");
        }
    }
    *out_os = os;
    return read_boot_id(root, notes, out_boot_id, err);
}
