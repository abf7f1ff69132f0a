/* tests/support/linux_host.c — a Linux system below a folder of its own, and its platform.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/linux_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "common/os/os.h"

const char *linux_host_at(struct linux_host *host, const char *path)
{
    const char *full = hm_arena_printf(&host->arena, "%s%s", host->root, path);

    assert_non_null(full);
    return full;
}

void linux_host_put(struct linux_host *host, const char *path, const char *text)
{
    char *folder = hm_arena_strdup(&host->arena, linux_host_at(host, path));

    *strrchr(folder, '/') = '\0';
    assert_int_equal(hm_os_make_folder(folder, 0755, &host->err), HM_OK);
    assert_int_equal(
        hm_os_replace_file(linux_host_at(host, path), text, strlen(text), false, &host->err),
        HM_OK);
}

/* NULL = there is none. */
const char *linux_host_get(struct linux_host *host, const char *path)
{
    char *text;
    size_t len;
    enum hm_status st = hm_os_read_file(linux_host_at(host, path), HM_LIMIT_INPUT_FILE_BYTES,
                                        &host->arena, &text, &len, &host->err);

    return st == HM_OK ? text : NULL;
}

static void remove_tree(const char *path)
{
    struct hm_arena arena;
    struct hm_strings names = {NULL, 0};

    hm_arena_init(&arena, HM_LIMIT_CYCLE_ARENA_BYTES);
    if (hm_os_list_folder(path, &arena, &names, NULL) == HM_OK) {
        for (size_t i = 0; i < names.count; i++) {
            remove_tree(hm_arena_printf(&arena, "%s/%s", path, names.at[i]));
        }
        (void)rmdir(path);
    } else {
        (void)unlink(path);
    }
    hm_arena_fini(&arena);
}

int linux_host_start(void **state)
{
    struct linux_host *host = calloc(1, sizeof(*host));
    char root[] = "/tmp/hm-linux-change-XXXXXX";

    assert_non_null(host);
    assert_non_null(mkdtemp(root));
    (void)snprintf(host->root, sizeof(host->root), "%s", root);
    hm_arena_init(&host->arena, HM_LIMIT_CYCLE_ARENA_BYTES);
    linux_host_put(host, RESERVED, "\n");
    linux_host_put(host, RANGE, "32768\t60999\n");
    assert_int_equal(hm_os_make_folder(linux_host_at(host, "/etc/sysctl.d"), 0755, &host->err),
                     HM_OK);
    assert_int_equal(hm_platform_native.open(root, &host->platform, &host->err), HM_OK);
    *state = host;
    return 0;
}

int linux_host_stop(void **state)
{
    struct linux_host *host = *state;

    hm_platform_native.close(host->platform);
    remove_tree(host->root);
    hm_arena_fini(&host->arena);
    free(host);
    return 0;
}

struct hm_ports linux_host_ports(struct linux_host *host, const char *text)
{
    struct hm_ports list;

    assert_int_equal(hm_ports_parse(text, strlen(text), &host->arena, &list, &host->err), HM_OK);
    return list;
}

struct hm_owned_list linux_host_owned(struct linux_host *host, const char *text)
{
    struct hm_owned *row = hm_arena_alloc(&host->arena, 1, sizeof(*row));

    *row = (struct hm_owned){"payroll", 1, linux_host_ports(host, text), ""};
    return (struct hm_owned_list){row, text[0] == '\0' ? 0 : 1};
}

enum hm_status linux_host_reserve(struct linux_host *host, const char *list, const char *ours)
{
    const struct hm_action action = {.kind = HM_ACTION_SET_SYSCTL_RESERVED,
                                     .ports = linux_host_ports(host, list),
                                     .owned = linux_host_owned(host, ours),
                                     .restores = ours[0] == '\0'};

    return hm_platform_native.change(host->platform, &action, &host->arena, &host->err);
}

enum hm_status linux_host_set_range(struct linux_host *host, uint16_t first, uint16_t last,
                                    bool restores)
{
    const struct hm_action action = {
        .kind = HM_ACTION_SET_RANGE,
        .has_range = true,
        .range = {first, last},
        .restores = restores
    };

    return hm_platform_native.change(host->platform, &action, &host->arena, &host->err);
}

struct hm_ledger linux_host_ledger(struct linux_host *host, const char *ours)
{
    return (struct hm_ledger){.has_sysctl = ours[0] != '\0',
                              .sysctl = {.owned = linux_host_owned(host, ours)}};
}

bool linux_host_keep(struct linux_host *host, const char *ours)
{
    const struct hm_ledger ledger = linux_host_ledger(host, ours);
    struct hm_kept kept = {.lacked = false};

    assert_int_equal(
        hm_platform_native.keep(host->platform, &ledger, &host->arena, &kept, &host->err), HM_OK);
    return kept.lacked;
}

const char *linux_host_kept_in(struct linux_host *host, const char *path)
{
    const char *text = linux_host_get(host, path);
    const char *line = text;

    while (line != NULL && line[0] == '#') {
        line = strchr(line, '\n') + 1;
    }
    return line == NULL ? "" : line;
}

const char *linux_host_kept(struct linux_host *host)
{
    return linux_host_kept_in(host, HM_LINUX_SYSCTL_FILE);
}

void linux_host_install_unit(struct linux_host *host)
{
    const char *link =
        linux_host_at(host, "/usr/lib/systemd/system/sysinit.target.wants/" HM_LINUX_BOOT_UNIT);
    char *folder = hm_arena_strdup(&host->arena, link);

    *strrchr(folder, '/') = '\0';
    assert_int_equal(
        hm_os_make_folder(linux_host_at(host, "/run/systemd/system"), 0755, &host->err), HM_OK);
    assert_int_equal(hm_os_make_folder(folder, 0755, &host->err), HM_OK);
    linux_host_put(host, "/usr/lib/systemd/system/" HM_LINUX_BOOT_UNIT, "[Service]\n");
    assert_int_equal(symlink("../" HM_LINUX_BOOT_UNIT, link), 0);
}
