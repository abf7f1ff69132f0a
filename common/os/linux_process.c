/* common/os/linux_process.c — os.h on Linux: time, locks, host name, stop requests, sleep.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/os/os.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "common/base/clock.h"

#define HOST_NAME_BYTES 256
#define PID_TEXT_BYTES 24

struct hm_os_lock {
    int fd;
};

static atomic_bool stop_requested;
static int stop_fd = -1; /* set once, before signals are caught and threads start */

int64_t hm_os_monotonic_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t hm_clock_now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool hm_os_is_terminal(FILE *stream)
{
    return isatty(fileno(stream)) == 1;
}

unsigned hm_os_terminal_columns(void)
{
    struct winsize size;

    if (isatty(STDOUT_FILENO) != 1 || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) {
        return 0;
    }
    return size.ws_col;
}

void hm_os_terminal_echo(bool on)
{
    struct termios modes;

    if (tcgetattr(STDIN_FILENO, &modes) == 0) {
        modes.c_lflag = on ? modes.c_lflag | ECHO : modes.c_lflag & ~(tcflag_t)ECHO;
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &modes);
    }
}

void hm_os_trim_memory(void)
{
#if defined(__GLIBC__)
    (void)malloc_trim(0);
#endif
}

/* The process id that the owner of the lock wrote there; "" when it cannot be read. */
static void read_owner(int fd, char out[PID_TEXT_BYTES])
{
    ssize_t got = pread(fd, out, PID_TEXT_BYTES - 1, 0);

    out[got < 0 ? 0 : got] = '\0';
    out[strspn(out, "0123456789")] = '\0';
}

static void write_owner(int fd)
{
    char text[PID_TEXT_BYTES];
    int len = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

    /* Only for people; the lock holds without it. */
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)len, 0) != len) {
        return;
    }
}

enum hm_status hm_os_lock(const char *path, struct hm_os_lock **out_lock, struct hm_err *err)
{
    char owner[PID_TEXT_BYTES];
    struct hm_os_lock *lock;
    int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0) {
        return hm_fail(err, errno == EACCES ? HM_EDENIED : HM_EIO, "%s: %s", path, strerror(errno));
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int number = errno;

        read_owner(fd, owner);
        (void)close(fd);
        if (number != EWOULDBLOCK) {
            return hm_fail(err, HM_EIO, "%s: %s", path, strerror(number));
        }
        return hm_fail(err, HM_EBUSY, "%s: another process%s%s has it", path,
                       owner[0] != '\0' ? " with id " : "", owner);
    }
    lock = malloc(sizeof(*lock));
    if (lock == NULL) {
        (void)close(fd);
        return hm_fail(err, HM_ENOMEM, "%s: no memory to lock it", path);
    }
    write_owner(fd);
    lock->fd = fd;
    *out_lock = lock;
    return HM_OK;
}

void hm_os_unlock(struct hm_os_lock *lock)
{
    if (lock != NULL) {
        (void)close(lock->fd);
        free(lock);
    }
}

const char *hm_os_host_name(struct hm_arena *arena)
{
    char name[HOST_NAME_BYTES] = "";
    const char *copy;

    if (gethostname(name, sizeof(name) - 1) != 0) {
        name[0] = '\0';
    }
    name[strcspn(name, ".")] = '\0';
    copy = name[0] != '\0' ? hm_arena_strdup(arena, name) : NULL;
    return copy != NULL ? copy : "localhost";
}

static void catch_stop(int signal_number)
{
    int saved = errno;

    (void)signal_number;
    hm_os_stop_request();
    errno = saved;
}

void hm_os_arguments(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
}

enum hm_status hm_os_stop_init(struct hm_err *err)
{
    struct sigaction action = {.sa_handler = catch_stop};
    struct sigaction ignore = {.sa_handler = SIG_IGN};

    if (stop_fd >= 0) {
        return HM_OK;
    }
    stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (stop_fd < 0) {
        return hm_fail(err, HM_EIO, "no event descriptor: %s", strerror(errno));
    }
    (void)sigemptyset(&action.sa_mask);
    (void)sigemptyset(&ignore.sa_mask);
    if (sigaction(SIGINT, &action, NULL) != 0 || sigaction(SIGTERM, &action, NULL) != 0 ||
        sigaction(SIGPIPE, &ignore, NULL) != 0) {
        return hm_fail(err, HM_EIO, "signals cannot be caught: %s", strerror(errno));
    }
    return HM_OK;
}

bool hm_os_stop_requested(void)
{
    return atomic_load(&stop_requested);
}

int hm_os_stop_fd(void)
{
    return stop_fd;
}

/* Async-signal-safe. */
void hm_os_stop_request(void)
{
    const uint64_t one = 1;

    atomic_store(&stop_requested, true);
    if (stop_fd >= 0 && write(stop_fd, &one, sizeof(one)) < 0) {
        return; /* EAGAIN: it is readable already */
    }
}

static struct {
    bool set;
    bool runs;
    bool ends; /* the wait that it runs in */
    int fd;
    void (*run)(void *arg);
    void *arg;
} meanwhile;

void hm_os_meanwhile(int fd, void (*run)(void *arg), void *arg)
{
    meanwhile.set = fd >= 0;
    meanwhile.fd = fd;
    meanwhile.run = run;
    meanwhile.arg = arg;
}

int hm_os_meanwhile_fd(void)
{
    return meanwhile.set && !meanwhile.runs ? meanwhile.fd : -1;
}

bool hm_os_meanwhile_run(void)
{
    meanwhile.ends = false;
    if (hm_os_meanwhile_fd() >= 0) {
        meanwhile.runs = true;
        meanwhile.run(meanwhile.arg);
        meanwhile.runs = false;
    }
    return meanwhile.ends;
}

void hm_os_meanwhile_end(void)
{
    meanwhile.ends = true;
}

bool hm_os_sleep_ms(int64_t ms)
{
    const int64_t end_ms = hm_os_monotonic_ms() + ms;

    while (!hm_os_stop_requested()) {
        struct pollfd wait[] = {
            {.fd = stop_fd,              .events = POLLIN},
            {.fd = hm_os_meanwhile_fd(), .events = POLLIN}
        };
        int64_t left_ms = end_ms - hm_os_monotonic_ms();

        if (left_ms <= 0) {
            return false;
        }
        if (poll(wait, HM_COUNT(wait), left_ms > 3600000 ? 3600000 : (int)left_ms) > 0 &&
            wait[1].revents != 0 && hm_os_meanwhile_run()) {
            return false;
        }
    }
    return true;
}
