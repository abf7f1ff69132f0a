/* tests/support/fixture.c — a file of tests/fixtures, whole, for tests of readers.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define PATH_BYTES 4096

char *hm_fixture_read(const char *name, size_t *out_len)
{
    char path[PATH_BYTES];
    FILE *file;
    char *bytes;
    long size;

    (void)snprintf(path, sizeof(path), "%s/tests/fixtures/%s", HM_SOURCE_DIR, name);
    file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (size = ftell(file)) < 0) {
        fail_msg("cannot read %s", path);
        return NULL;
    }
    rewind(file);
    bytes = malloc(size == 0 ? 1 : (size_t)size);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, (size_t)size, file), (size_t)size);
    (void)fclose(file);
    *out_len = (size_t)size;
    return bytes;
}
