/* tests/support/temp_folder.c — a folder of its own for one test.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/temp_folder.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/crypto/digest.h"
#include "common/os/os.h"

void temp_folder_make(char *out, size_t size)
{
    uint64_t random = 0;

    if (hm_crypto_init(NULL) == HM_OK) {
        hm_crypto_random(&random, sizeof(random));
    }
    /* Wine finds /tmp as well. */
    (void)snprintf(out, size, "/tmp/hm-test-%016" PRIx64, random);
    if (random == 0 || hm_os_exists(out) || hm_os_make_folder(out, 0700, NULL) != HM_OK) {
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
