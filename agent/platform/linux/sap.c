/* agent/platform/linux/sap.c — the instances of SAP that sapinit starts.
 * SPDX-License-Identifier: Apache-2.0
 *
 * sapinit, a service or an init script, starts sapstartsrv of each instance in
 * /usr/sap/sapservices, a script with a line for each: "…/sapstartsrv
 * pf=/usr/sap/PRD/SYS/profile/PRD_D00_host -D -u prdadm"; older releases have START_D00_host. Such
 * an instance has no unit; it gets the name that its unit would have, SAPPRD_00, which newer
 * releases install. Lines of those call systemctl, with the profile in a comment behind it.
 * Source: learntips.net, "SAP HANA under the hood: sapinit and sapstartsrv". */
#include "agent/platform/linux/units.h"

#include <stdio.h>
#include <string.h>

#include "agent/platform/linux/linux.h"
#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/os/os.h"

#define FILE_NAME "/usr/sap/sapservices"
#define PROFILE "pf="
#define HOME "/usr/sap/"
#define OLD_START "START_"
#define SID_LEN 3u

static bool is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Three letters or digits, the first a letter, and then the end. */
static bool is_sid(const char *at, size_t len, char end)
{
    return len > SID_LEN && is_letter(at[0]) && (is_letter(at[1]) || is_digit(at[1])) &&
           (is_letter(at[2]) || is_digit(at[2])) && at[SID_LEN] == end;
}

/* The value of the last "pf=" of the line, up to white space or a quotation mark. */
static struct hm_span profile_of(struct hm_span line)
{
    const size_t sign = strlen(PROFILE);
    struct hm_span found = {NULL, 0};

    for (size_t i = 0; i + sign <= line.len; i++) {
        size_t at = i + sign;
        size_t len = 0;

        if (memcmp(line.at + i, PROFILE, sign) != 0) {
            continue;
        }
        at += at < line.len && strchr("\"'", line.at[at]) != NULL ? 1 : 0;
        while (at + len < line.len && strchr(" \t\"';", line.at[at + len]) == NULL) {
            len++;
        }
        found = (struct hm_span){line.at + at, len};
    }
    return found;
}

/* The SID and the number of "/usr/sap/PRD/SYS/profile/PRD_DVEBMGS00_host". */
static bool read_profile(struct hm_span path, const char **out_sid, const char **out_number)
{
    const size_t home = strlen(HOME);
    const size_t old = strlen(OLD_START);
    const char *name = path.at;
    size_t len = path.len;

    for (size_t i = 0; i < path.len; i++) {
        if (path.at[i] == '/') {
            name = path.at + i + 1;
            len = path.len - i - 1;
        }
    }
    if (is_sid(name, len, '_')) {
        *out_sid = name;
        name += SID_LEN + 1;
        len -= SID_LEN + 1;
    } else if (len > old && memcmp(name, OLD_START, old) == 0 && path.len > home &&
               memcmp(path.at, HOME, home) == 0 && is_sid(path.at + home, path.len - home, '/')) {
        *out_sid = path.at + home;
        name += old;
        len -= old;
    } else {
        return false;
    }
    for (size_t i = 0; i < len && name[i] != '_'; i++) {
        if (i > 1 && is_digit(name[i - 1]) && is_digit(name[i]) &&
            (i + 1 == len || name[i + 1] == '_')) {
            *out_number = name + i - 1;
            return true;
        }
    }
    return false;
}

static enum hm_status put_instance_name(struct hm_strings *names, size_t *room, const char *sid,
                                        const char *number, struct hm_arena *arena)
{
    void *items = (void *)names->at;
    const char *name = hm_arena_printf(arena, "SAP%.*s_%.2s.service", (int)SID_LEN, sid, number);

    if (name == NULL || hm_arena_grow(arena, &items, names->count, room, sizeof(*names->at)) != 0) {
        return HM_ENOMEM;
    }
    names->at = (const char **)items;
    names->at[names->count++] = name;
    return HM_OK;
}

enum hm_status hm_linux_sap_instances(const char *root, struct hm_arena *arena,
                                      struct hm_strings *out_names, bool *out_known,
                                      struct hm_err *err)
{
    const char *path = hm_arena_printf(arena, "%s" FILE_NAME, root);
    struct hm_strings names = {NULL, 0};
    size_t room = 0;
    char *text = NULL;
    size_t len = 0;
    struct hm_span rest;
    struct hm_span line;
    enum hm_status st =
        path == NULL ? HM_ENOMEM
                     : hm_os_read_file(path, HM_LIMIT_CONFIG_BYTES, arena, &text, &len, NULL);

    *out_known = st == HM_OK || st == HM_ENOENT;
    rest = (struct hm_span){text, st == HM_OK ? len : 0};
    while (st == HM_OK && hm_str_next_line(&rest, &line)) {
        const struct hm_span profile = profile_of(line);
        const char *sid;
        const char *number;

        line = hm_str_trim(line.at, line.len);
        if (line.len > 0 && line.at[0] != '#' && profile.len > 0) {
            if (!read_profile(profile, &sid, &number) || names.count >= HM_LIMIT_INSTANCES) {
                *out_known = false;
                continue;
            }
            st = put_instance_name(&names, &room, sid, number, arena);
        }
    }
    *out_names = names;
    return st == HM_ENOMEM ? hm_fail(err, st, "no memory for the instances of SAP") : HM_OK;
}
