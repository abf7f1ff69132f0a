/* tests/support/temp_folder.h — a folder of its own for one test.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/* Writes the path of a new, empty folder; fails the program when there can be none. */
void temp_folder_make(char *out, size_t size);

/* Removes it with the files in it (one level). */
void temp_folder_remove(const char *folder);
