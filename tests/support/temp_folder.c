/* tests/support/temp_folder.c — a folder of its own for one test.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/temp_folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/os/os.h"

void temp_folder_make(char *out, size_t size)
{
    (void)snprintf(out, size, "/tmp/hm-test-XXXXXX");
    if (mkdtemp(out) == NULL) {
        (void)fprintf(stderr, "no folder below /tmp\n");
        abort();
    }
}

void temp_folder_remove(const char *folder)
{
    struct hm_strings names;
    struct hm_arena arena;

    hm_arena_init(&arena, 1u << 20);
    if (hm_os_list_folder(folder, &arena, &names, NULL) == HM_OK) {
        for (size_t i = 0; i < names.count; i++) {
            const char *path = hm_arena_printf(&arena, "%s/%s", folder, names.at[i]);

            if (path != NULL && hm_os_remove_file(path, NULL) != HM_OK) {
                (void)rmdir(path);
            }
        }
    }
    hm_arena_fini(&arena);
    (void)rmdir(folder);
}
