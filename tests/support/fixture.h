/* tests/support/fixture.h — a file of tests/fixtures, whole, for tests of readers.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/* Reads HM_SOURCE_DIR/tests/fixtures/name into memory of exactly its size (the sanitizer sees a
 * read past the end). Fails the running test when it cannot. Free with free(). */
char *hm_fixture_read(const char *name, size_t *out_len);
