/* agent/platform/linux/boot_unit.c — is the unit that reserves our ports at each boot in place?
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/linux/linux.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/os/os.h"

#define SYSTEMD_FOLDER "/run/systemd/system"
#define WANTS "sysinit.target.wants/" HM_LINUX_BOOT_UNIT
#define NOWHERE "/dev/null"

/* In this order: systemd.unit(5). */
static const char *const folders[] = {
    "/etc/systemd/system",     "/run/systemd/system", "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system", "/lib/systemd/system",
};

enum found { NOT_THERE, THERE, MASKED };

/* A link to /dev/null, and for a unit an empty file too, says that there is none. */
static enum found look_at(const char *path, bool is_unit)
{
    char target[sizeof(NOWHERE) + 1];
    struct stat found;
    ssize_t len;

    if (lstat(path, &found) != 0) {
        return NOT_THERE;
    }
    len = readlink(path, target, sizeof(target));
    if (len == (ssize_t)strlen(NOWHERE) && memcmp(target, NOWHERE, (size_t)len) == 0) {
        return MASKED;
    }
    if (!is_unit) {
        return THERE;
    }
    if (stat(path, &found) != 0 || !S_ISREG(found.st_mode)) {
        return NOT_THERE;
    }
    return found.st_size == 0 ? MASKED : THERE;
}

/* The first folder that has it decides. */
static enum found find(const char *root, const char *name, bool is_unit)
{
    char path[HM_LINUX_PATH_BYTES];
    enum found found = NOT_THERE;

    for (size_t i = 0; found == NOT_THERE && i < HM_COUNT(folders); i++) {
        int put = snprintf(path, sizeof(path), "%s%s/%s", root, folders[i], name);

        if (put > 0 && (size_t)put < sizeof(path)) {
            found = look_at(path, is_unit);
        }
    }
    return found;
}

enum hm_status hm_linux_boot_unit(const char *root, struct hm_arena *arena, bool *out_is,
                                  const char **out_how, struct hm_err *err)
{
    const char *systemd = hm_arena_printf(arena, "%s" SYSTEMD_FOLDER, root);
    const char *why;

    if (systemd == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory to find a unit");
    }
    if (!hm_os_exists(systemd)) {
        why = "systemd does not run this system";
    } else {
        const enum found unit = find(root, HM_LINUX_BOOT_UNIT, true);
        const enum found wants = find(root, WANTS, false);

        why = unit == MASKED      ? HM_LINUX_BOOT_UNIT " is masked"
              : unit == NOT_THERE ? HM_LINUX_BOOT_UNIT " is not installed"
              : wants != THERE    ? "sysinit.target does not start " HM_LINUX_BOOT_UNIT
                                  : NULL;
    }
    *out_is = why == NULL;
    *out_how = why == NULL
                   ? "The ports of policies are reserved by " HM_LINUX_BOOT_UNIT "."
                   : hm_arena_printf(arena,
                                     "The ports of policies are reserved by " HM_LINUX_SYSCTL_FILE
                                     ". What other files reserve later is in force only after the "
                                     "agent's next observation, as %s.",
                                     why);
    return *out_how != NULL ? HM_OK : hm_fail(err, HM_ENOMEM, "no memory to find a unit");
}
