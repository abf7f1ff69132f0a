/* tests/support/recorded_folder.c — a recorded host made of a test's own files, and observed.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/recorded_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "common/os/os.h"
#include "tests/support/temp_folder.h"

void recorded_folder_init(struct recorded_folder *host)
{
    memset(host, 0, sizeof(*host));
    hm_arena_init(&host->arena, HM_LIMIT_CYCLE_ARENA_BYTES);
    temp_folder_make(host->path, sizeof(host->path));
}

void recorded_folder_fini(struct recorded_folder *host)
{
    temp_folder_remove(host->path);
    hm_arena_fini(&host->arena);
}

void recorded_folder_put(struct recorded_folder *host, const char *name, const char *bytes,
                         size_t len)
{
    char path[1024];

    (void)snprintf(path, sizeof(path), "%s/%s", host->path, name);
    if (hm_os_replace_file(path, bytes, len, false, &host->err) != HM_OK) {
        fail_msg("%s", host->err.text);
    }
}

void recorded_folder_puts(struct recorded_folder *host, const char *name, const char *text)
{
    recorded_folder_put(host, name, text, strlen(text));
}

void recorded_folder_observe(struct recorded_folder *host)
{
    struct hm_platform *platform;

    if (hm_platform_recorded.open(host->path, &platform, &host->err) != HM_OK) {
        fail_msg("%s", host->err.text);
    }
    memset(&host->seen, 0, sizeof(host->seen));
    host->st = hm_platform_recorded.observe(platform, &host->arena, &host->seen, &host->err);
    hm_platform_recorded.close(platform);
}

void recorded_folder_must_observe(struct recorded_folder *host)
{
    recorded_folder_observe(host);
    if (host->st != HM_OK) {
        fail_msg("%s", host->err.text);
    }
}

bool recorded_folder_is_unknown(const struct recorded_folder *host, const char *const *pieces)
{
    for (size_t i = 0; i < host->seen.unknown.count; i++) {
        size_t found = 0;

        while (pieces[found] != NULL && strstr(host->seen.unknown.at[i], pieces[found]) != NULL) {
            found++;
        }
        if (pieces[found] == NULL) {
            return true;
        }
    }
    return false;
}
