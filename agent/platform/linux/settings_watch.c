/* agent/platform/linux/settings_watch.c — notices that settings files are loaded.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/linux/linux.h"

#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

#define CONF_FILE "/etc/sysctl.conf"
#define EVENTS_BYTES 4096
/* Loaders open, read and close them; a file that was written is about to be loaded. */
#define EVENTS (IN_CLOSE_NOWRITE | IN_CLOSE_WRITE | IN_MOVED_TO)

/* One that is watched already stays so; one that is not there has nothing to load. */
static void add(int fd, const char *root, const char *name)
{
    char path[HM_LINUX_PATH_BYTES];
    const int put = snprintf(path, sizeof(path), "%s%s", root, name);

    if (put > 0 && (size_t)put < sizeof(path)) {
        (void)inotify_add_watch(fd, path, EVENTS);
    }
}

int hm_linux_settings_watch(const char *root, int fd)
{
    if (fd < 0) {
        fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    }
    if (fd < 0) {
        return -1; /* each look notices it, too */
    }
    for (size_t i = 0; i < HM_LINUX_SYSCTL_FOLDERS; i++) {
        add(fd, root, hm_linux_sysctl_folders[i]);
    }
    add(fd, root, CONF_FILE);
    return fd;
}

bool hm_linux_settings_loaded(int fd)
{
    char events[EVENTS_BYTES];
    bool any = false;

    while (fd >= 0 && read(fd, events, sizeof(events)) > 0) {
        any = true;
    }
    return any;
}
