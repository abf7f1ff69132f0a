/* common/os/linux.c — os.h on Linux: files and folders.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/os/os.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_READ_BYTES 4096u
#define PATH_BYTES 4096u

static enum hm_status status_of(int number)
{
    switch (number) {
    case ENOENT:
    case ENOTDIR:
        return HM_ENOENT;
    case EACCES:
    case EPERM:
    case EROFS:
        return HM_EDENIED;
    case EEXIST:
        return HM_ECONFLICT;
    case ENOMEM:
        return HM_ENOMEM;
    default:
        return HM_EIO;
    }
}

static enum hm_status fail_path(struct hm_err *err, const char *path, int number)
{
    return hm_fail(err, status_of(number), "%s: %s", path, strerror(number));
}

/* As much as asked for, or to the end of the file; -1 with errno. */
static ssize_t read_full(int fd, char *out, size_t len)
{
    size_t done = 0;

    while (done < len) {
        ssize_t got = read(fd, out + done, len - done);

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return -1;
        }
        if (got == 0) {
            break;
        }
        done += (size_t)got;
    }
    return (ssize_t)done;
}

/* Reads to the end; sizes of files below /proc are not known before. */
static enum hm_status read_all(int fd, size_t room, size_t cap_bytes, const char *path,
                               struct hm_arena *arena, char **out_text, size_t *out_len,
                               struct hm_err *err)
{
    char *text = NULL;
    size_t len = 0;

    for (;;) {
        char *larger = hm_arena_alloc(arena, room + 1, 1);
        ssize_t got;

        if (larger == NULL) {
            return hm_fail(err, HM_ENOMEM, "%s: no memory to read it", path);
        }
        if (len > 0) {
            memcpy(larger, text, len);
        }
        text = larger;
        got = read_full(fd, text + len, room - len);
        if (got < 0) {
            return fail_path(err, path, errno);
        }
        len += (size_t)got;
        if (len < room) {
            break;
        }
        if (room > cap_bytes) {
            return hm_fail(err, HM_ETOOBIG, "%s: longer than %zu bytes", path, cap_bytes);
        }
        room = room * 2 > cap_bytes ? cap_bytes + 1 : room * 2;
    }
    text[len] = '\0';
    *out_text = text;
    *out_len = len;
    return HM_OK;
}

enum hm_status hm_os_read_file(const char *path, size_t cap_bytes, struct hm_arena *arena,
                               char **out_text, size_t *out_len, struct hm_err *err)
{
    struct stat info;
    enum hm_status st;
    size_t room;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        return fail_path(err, path, errno);
    }
    if (fstat(fd, &info) != 0) {
        st = fail_path(err, path, errno);
        goto done;
    }
    if (S_ISREG(info.st_mode) && (uint64_t)info.st_size > cap_bytes) {
        st = hm_fail(err, HM_ETOOBIG, "%s: longer than %zu bytes", path, cap_bytes);
        goto done;
    }
    /* One byte more than the file: the read that comes short proves the end. */
    room = info.st_size > 0 && S_ISREG(info.st_mode) ? (size_t)info.st_size + 1 : FIRST_READ_BYTES;
    st = read_all(fd, room > cap_bytes ? cap_bytes + 1 : room, cap_bytes, path, arena, out_text,
                  out_len, err);
done:
    (void)close(fd);
    return st;
}

static bool write_full(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t put = write(fd, bytes, len);

        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put < 0) {
            return false;
        }
        bytes += put;
        len -= (size_t)put;
    }
    return true;
}

/* The folder's entry must be on disk too, else a crash may bring the old name back. */
static bool sync_folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char folder[PATH_BYTES];
    bool ok;
    int fd;

    if (slash == NULL) {
        (void)snprintf(folder, sizeof(folder), ".");
    } else {
        (void)snprintf(folder, sizeof(folder), "%.*s", slash == path ? 1 : (int)(slash - path),
                       path);
    }
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    ok = fsync(fd) == 0;
    (void)close(fd);
    return ok;
}

static bool write_temporary(const char *temporary, const void *bytes, size_t len, mode_t mode)
{
    int saved;
    bool ok;
    int fd;

    (void)unlink(temporary); /* left by a crash, or put there by someone else */
    fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        return false;
    }
    ok = write_full(fd, bytes, len) && fchmod(fd, mode) == 0 && fsync(fd) == 0;
    saved = errno;
    if (close(fd) != 0 && ok) {
        saved = errno;
        ok = false;
    }
    errno = saved;
    return ok;
}

enum hm_status hm_os_replace_file(const char *path, const void *bytes, size_t len,
                                  bool private_file, struct hm_err *err)
{
    char temporary[PATH_BYTES];
    int put = snprintf(temporary, sizeof(temporary), "%s.tmp", path);

    if (put < 0 || (size_t)put >= sizeof(temporary)) {
        return fail_path(err, path, ENAMETOOLONG);
    }
    if (!write_temporary(temporary, bytes, len, private_file ? 0600 : 0644)) {
        int number = errno;

        (void)unlink(temporary);
        return fail_path(err, temporary, number);
    }
    if (rename(temporary, path) != 0) {
        int number = errno;

        (void)unlink(temporary);
        return fail_path(err, path, number);
    }
    if (!sync_folder_of(path)) {
        return fail_path(err, path, errno);
    }
    return HM_OK;
}

enum hm_status hm_os_remove_file(const char *path, struct hm_err *err)
{
    if (unlink(path) != 0 && errno != ENOENT) {
        return fail_path(err, path, errno);
    }
    return HM_OK;
}

static enum hm_status make_one(const char *path, mode_t mode, struct hm_err *err)
{
    struct stat info;

    if (mkdir(path, mode) == 0) {
        return HM_OK;
    }
    if (errno != EEXIST) {
        int number = errno;

        /* A read-only parent answers EROFS for a folder that is there. */
        return stat(path, &info) == 0 && S_ISDIR(info.st_mode) ? HM_OK
                                                               : fail_path(err, path, number);
    }
    if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode)) {
        return hm_fail(err, HM_ECONFLICT, "%s: is there, but is not a folder", path);
    }
    return HM_OK;
}

enum hm_status hm_os_make_folder(const char *path, unsigned mode, struct hm_err *err)
{
    char part[PATH_BYTES];
    size_t len = strlen(path);

    if (len == 0 || len >= sizeof(part)) {
        return fail_path(err, path, len == 0 ? ENOENT : ENAMETOOLONG);
    }
    for (size_t i = 1; i <= len; i++) {
        if (path[i] == '/' || path[i] == '\0') {
            enum hm_status st;

            memcpy(part, path, i);
            part[i] = '\0';
            st = make_one(part, (mode_t)mode, err);
            if (st != HM_OK) {
                return st;
            }
        }
    }
    return HM_OK;
}

enum hm_status hm_os_remove_folder(const char *path, struct hm_err *err)
{
    if (rmdir(path) == 0 || errno == ENOENT) {
        return HM_OK;
    }
    if (errno == ENOTEMPTY || errno == EEXIST) {
        return hm_fail(err, HM_ECONFLICT, "%s: not empty", path);
    }
    return fail_path(err, path, errno);
}

bool hm_os_exists(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum hm_status take_names(DIR *folder, const char *path, struct hm_arena *arena,
                                 struct hm_strings *out, struct hm_err *err)
{
    struct hm_strings names = {NULL, 0};
    size_t cap = 0;
    struct dirent *entry;

    while ((errno = 0, entry = readdir(folder)) != NULL) {
        void *items = (void *)names.at;

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        if (hm_arena_grow(arena, &items, names.count, &cap, sizeof(*names.at)) != 0) {
            return hm_fail(err, HM_ENOMEM, "%s: no memory to list it", path);
        }
        names.at = items;
        names.at[names.count] = hm_arena_strdup(arena, entry->d_name);
        if (names.at[names.count] == NULL) {
            return hm_fail(err, HM_ENOMEM, "%s: no memory to list it", path);
        }
        names.count++;
    }
    if (errno != 0) {
        return fail_path(err, path, errno);
    }
    if (names.count > 1) {
        qsort((void *)names.at, names.count, sizeof(*names.at), compare_names);
    }
    *out = names;
    return HM_OK;
}

enum hm_status hm_os_list_folder(const char *path, struct hm_arena *arena,
                                 struct hm_strings *out_names, struct hm_err *err)
{
    DIR *folder = opendir(path);
    enum hm_status st;

    if (folder == NULL) {
        return fail_path(err, path, errno);
    }
    st = take_names(folder, path, arena, out_names, err);
    (void)closedir(folder);
    return st;
}
