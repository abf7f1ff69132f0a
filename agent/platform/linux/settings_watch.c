/* agent/platform/linux/settings_watch.c — notices that settings files are loaded, and that values
 * are written. SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/linux/linux.h"

#include <stdio.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "common/base/str.h"

#define CONF_FILE "/etc/sysctl.conf"
#define EVENTS_BYTES 4096
#define ARENA_BYTES (4u * 1024u * 1024u)
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

static uint64_t hash_values(const char *root)
{
    static const char *const names[] = {HM_LINUX_RANGE, HM_LINUX_RESERVED};
    uint64_t hash = HM_HASH_START;
    struct hm_arena arena;
    bool known = true;

    hm_arena_init(&arena, ARENA_BYTES);
    for (size_t i = 0; i < HM_COUNT(names) && known; i++) {
        char *text = NULL;
        size_t len = 0;

        known = hm_linux_sysctl_read(root, names[i], &arena, &text, &len, NULL) == HM_OK;
        hash = known ? hm_str_hash(hash, text, len) : hash;
        hash = hm_str_hash(hash, &len, sizeof(len));
    }
    hm_arena_fini(&arena);
    return known ? hash : 0;
}

void hm_linux_settings_init(struct hm_linux_settings *settings)
{
    *settings = (struct hm_linux_settings){.fd = -1, .files_fd = -1, .timer_fd = -1};
}

static void close_one(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
}

void hm_linux_settings_fini(struct hm_linux_settings *settings)
{
    close_one(&settings->fd);
    close_one(&settings->files_fd);
    close_one(&settings->timer_fd);
}

static void put_into(const struct hm_linux_settings *settings, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

    if (settings->fd >= 0 && fd >= 0) {
        (void)epoll_ctl(settings->fd, EPOLL_CTL_ADD, fd, &event);
    }
}

/* What cannot be had is noticed by the next look, too. */
static void open_all(struct hm_linux_settings *settings)
{
    const struct timespec every = {HM_LINUX_SETTINGS_MS / 1000, 0};
    const struct itimerspec timer = {every, every};

    settings->fd = epoll_create1(EPOLL_CLOEXEC);
    settings->files_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    settings->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (settings->timer_fd >= 0) {
        (void)timerfd_settime(settings->timer_fd, 0, &timer, NULL);
    }
    put_into(settings, settings->files_fd);
    put_into(settings, settings->timer_fd);
}

int hm_linux_settings_watch(const char *root, struct hm_linux_settings *settings)
{
    if (settings->fd < 0) {
        hm_linux_settings_fini(settings);
        open_all(settings);
    }
    for (size_t i = 0; settings->files_fd >= 0 && i < HM_LINUX_SYSCTL_FOLDERS; i++) {
        add(settings->files_fd, root, hm_linux_sysctl_folders[i]);
    }
    if (settings->files_fd >= 0) {
        add(settings->files_fd, root, CONF_FILE);
    }
    settings->values = hash_values(root);
    return settings->fd;
}

bool hm_linux_settings_loaded(const struct hm_linux_settings *settings)
{
    char events[EVENTS_BYTES];
    bool any = false;

    while (settings->timer_fd >= 0 && read(settings->timer_fd, events, sizeof(events)) > 0) {
    }
    while (settings->files_fd >= 0 && read(settings->files_fd, events, sizeof(events)) > 0) {
        any = true;
    }
    return any;
}

bool hm_linux_settings_have_moved(const char *root, const struct hm_linux_settings *settings)
{
    return hash_values(root) != settings->values;
}
