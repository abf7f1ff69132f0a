/* tests/support/linux_files.c — files of a Linux system below a folder.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/linux_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <ftw.h>

#include "agent/platform/linux/linux.h"
#include "common/base/limits.h"
#include "common/os/os.h"

void linux_files_put(const char *root, const char *path, const char *text)
{
    char full[1024];
    char folder[1024];

    (void)snprintf(full, sizeof(full), "%s%s", root, path);
    (void)snprintf(folder, sizeof(folder), "%s", full);
    *strrchr(folder, '/') = '\0';
    assert_int_equal(hm_os_make_folder(folder, 0755, NULL), HM_OK);
    (void)unlink(full);
    if (strncmp(text, "-> ", 3) == 0) {
        assert_int_equal(symlink(text + 3, full), 0);
    } else {
        assert_int_equal(hm_os_replace_file(full, text, strlen(text), false, NULL), HM_OK);
    }
}

static int remove_one(const char *path, const struct stat *found, int type, struct FTW *where)
{
    (void)found;
    (void)type;
    (void)where;
    return remove(path);
}

int linux_files_start(const char *root, const struct linux_file *files, size_t count, void **state)
{
    struct hm_arena *arena = calloc(1, sizeof(*arena));

    (void)nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    for (size_t i = 0; i < count; i++) {
        linux_files_put(root, files[i].path, files[i].text);
    }
    hm_arena_init(arena, HM_LIMIT_CYCLE_ARENA_BYTES);
    *state = arena;
    return 0;
}

int linux_files_start_booted(const char *root, void **state)
{
    static const struct linux_file files[] = {
        {LIB "default.target",                         "-> multi-user.target"                         },
        {LIB "multi-user.target",                      "[Unit]\nRequires=timers.target paths.target\n"},
        {LIB "timers.target",                          "[Unit]\n"                                     },
        {LIB "paths.target",                           "[Unit]\n"                                     },
        {ETC ".keep",                                  ""                                             },
        {"/run/systemd/system/.keep",                  ""                                             },
        {"/sys/fs/cgroup/system.slice/cgroup.events",  "populated 1\n"                                },
        {"/proc/sys/net/ipv4/ip_local_port_range",     "32768\t60999\n"                               },
        {"/proc/sys/net/ipv4/ip_local_reserved_ports", "\n"                                           },
        {"/proc/sys/kernel/random/boot_id",            "b7b7b7b7-0000-4000-8000-000000000001\n"       },
        {"/proc/uptime",                               "86400.12 100000.00\n"                         },
        {"/proc/net/tcp",                              "  sl  local_address\n"                        },
        {"/proc/net/udp",                              "  sl  local_address\n"                        },
    };

    return linux_files_start(root, files, HM_COUNT(files), state);
}

int linux_files_stop(void **state)
{
    hm_arena_fini(*state);
    free(*state);
    return 0;
}

void linux_files_observe(const char *root, struct hm_arena *arena, struct hm_observation *out)
{
    struct hm_platform *platform;
    struct hm_err err;

    assert_int_equal(hm_platform_native.open(root, &platform, &err), HM_OK);
    assert_int_equal(hm_platform_native.observe(platform, arena, out, &err), HM_OK);
    hm_platform_native.close(platform);
}
