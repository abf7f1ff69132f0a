/* common/readers/sysctl_remedy.c — the settings files of Linux that a remedy writes.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/readers/sysctl_remedy.h"

#include <string.h>

#include "common/readers/sysctl_ports.h"

#define FOLDER "/etc/sysctl.d/"

/* A line that sets the name, as both loaders read it: "-net/ipv4/ip_local_port_range = 1 2". */
static bool sets_name(struct hm_span line, const char *name)
{
    const size_t len = strlen(name);
    struct hm_span rest;

    if (line.len > 0 && line.at[0] == '-') {
        line = hm_str_trim(line.at + 1, line.len - 1);
    }
    for (size_t i = 0; i < len; i++) {
        if (i >= line.len || (line.at[i] != name[i] && !(name[i] == '.' && line.at[i] == '/'))) {
            return false;
        }
    }
    rest = hm_str_trim(line.at + len, line.len - len);
    return rest.len > 0 && rest.at[0] == '=';
}

bool hm_sysctl_is_mixed(struct hm_span path, struct hm_span text)
{
    static const struct {
        const char *file;
        const char *name;
    } written[] = {
        {FOLDER HM_SYSCTL_REMEDY_NAME, "net.ipv4.ip_local_reserved_ports"},
        {FOLDER HM_SYSCTL_RANGE_NAME,  "net.ipv4.ip_local_port_range"    },
    };
    struct hm_span line;

    for (size_t i = 0; i < HM_COUNT(written); i++) {
        if (path.len != strlen(written[i].file) ||
            memcmp(path.at, written[i].file, path.len) != 0) {
            continue;
        }
        while (hm_str_next_line(&text, &line)) {
            line = hm_str_trim(line.at, line.len);
            if (line.len > 0 && !sets_name(line, written[i].name)) {
                return true;
            }
        }
    }
    return false;
}

/* As strcmp(3) of the names. */
static int compare(struct hm_span name, const char *other)
{
    const size_t len = strlen(other);
    const int order = memcmp(name.at, other, name.len < len ? name.len : len);

    return order != 0 ? order : (name.len > len) - (name.len < len);
}

bool hm_sysctl_comes_behind(struct hm_span name, const char *remedy)
{
    return compare(name, remedy) > 0 && compare(name, HM_SYSCTL_AGENT_NAME) != 0;
}

/* "# /etc/sysctl.d/50-site.conf" */
static bool is_heading(struct hm_span line, struct hm_span *out_path)
{
    static const char begin[] = "# /";
    static const char end[] = ".conf";
    const size_t len = sizeof(end) - 1;

    line = hm_str_trim(line.at, line.len);
    if (line.len < sizeof(begin) - 1 + len || memcmp(line.at, begin, sizeof(begin) - 1) != 0 ||
        memcmp(line.at + line.len - len, end, len) != 0) {
        return false;
    }
    *out_path = (struct hm_span){line.at + 2, line.len - 2};
    return true;
}

static struct hm_span name_of(struct hm_span path)
{
    for (size_t i = path.len; i > 0; i--) {
        if (path.at[i - 1] == '/') {
            return (struct hm_span){path.at + i, path.len - i};
        }
    }
    return path;
}

static enum hm_status see_file(struct hm_span path, struct hm_span text, struct hm_arena *arena,
                               struct hm_sysctl_files *files, struct hm_err *err)
{
    struct hm_sysctl_ports alone = {0};
    const struct hm_span name = name_of(path);
    const char *copy;
    enum hm_status st;

    files->mixed = files->mixed || hm_sysctl_is_mixed(path, text);
    if (!hm_sysctl_comes_behind(name, HM_SYSCTL_RANGE_NAME)) { /* the first of the two */
        return HM_OK;
    }
    st = hm_sysctl_take_settings(text, arena, &alone, err);
    copy = st == HM_OK ? hm_arena_strndup(arena, path.at, path.len) : NULL;
    if (copy == NULL) {
        return st == HM_OK ? hm_fail(err, HM_ENOMEM, "no memory for settings files") : st;
    }
    if (alone.has_range) {
        files->range_behind = copy;
    }
    if (alone.has_reserved && hm_sysctl_comes_behind(name, HM_SYSCTL_REMEDY_NAME)) {
        files->reserved_behind = copy;
    }
    return HM_OK;
}

enum hm_status hm_sysctl_see_files(struct hm_span text, struct hm_arena *arena,
                                   struct hm_sysctl_files *out_files, struct hm_err *err)
{
    struct hm_sysctl_files files = {NULL, NULL, false};
    struct hm_span rest = text;
    struct hm_span path = {NULL, 0};
    struct hm_span line;
    const char *begin = text.at; /* of the file at path */
    bool more = true;
    enum hm_status st = HM_OK;

    while (st == HM_OK && more) {
        const char *end = rest.at; /* of what was read so far */
        struct hm_span next = {NULL, 0};

        more = hm_str_next_line(&rest, &line);
        if (more && !is_heading(line, &next)) {
            continue;
        }
        if (path.len > 0) {
            end = more ? end : text.at + text.len;
            st = see_file(path, (struct hm_span){begin, (size_t)(end - begin)}, arena, &files, err);
        }
        path = next;
        begin = rest.at;
    }
    if (st == HM_OK) {
        *out_files = files;
    }
    return st;
}
