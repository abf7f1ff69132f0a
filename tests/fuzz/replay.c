/* tests/fuzz/replay.c — feeds every file of the folders given to a fuzz target, once.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Files go in the order of their names, each in memory of exactly its size, so that a read past
 * the end is seen by the sanitizer. An empty or missing folder is a failure: nothing was tested. */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <string.h>

#define PATH_BYTES 4096
#define FILE_BYTES_MAX (1024 * 1024)

/* False when the file cannot be read. */
static int replay_file(const char *path)
{
    static uint8_t whole[FILE_BYTES_MAX];
    FILE *file = fopen(path, "rb");
    uint8_t *exact;
    size_t size;

    if (file == NULL) {
        (void)fprintf(stderr, "cannot open %s\n", path);
        return 0;
    }
    size = fread(whole, 1, sizeof(whole), file);
    (void)fclose(file);
    exact = malloc(size == 0 ? 1 : size);
    if (exact == NULL) {
        return 0;
    }
    memcpy(exact, whole, size);
    (void)fprintf(stderr, "%s (%zu bytes)\n", path, size); /* names the input of a crash */
    (void)LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    return 1;
}

static int skip_hidden(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* How many files were fed; -1 on failure. */
static int replay_folder(const char *folder)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, skip_hidden, alphasort);
    int fed = 0;

    for (int i = 0; i < count; i++) {
        char path[PATH_BYTES];

        (void)snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
        fed = fed >= 0 && replay_file(path) ? fed + 1 : -1;
        free(entries[i]);
    }
    free(entries);
    return count <= 0 ? -1 : fed;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        int fed = replay_folder(argv[i]);

        if (fed < 0) {
            (void)fprintf(stderr, "%s: no corpus there, or a file cannot be read\n", argv[i]);
            return 1;
        }
        (void)fprintf(stderr, "%s: %d inputs\n", argv[i], fed);
    }
    return argc > 1 ? 0 : 2;
}
