/* tests/fuzz/fuzz.h — the one function that every fuzz target is.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Called with any bytes, many times in one process: returns 0, leaks nothing, and aborts when
 * something that must always hold does not (HM_MUST). */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define HM_MUST(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);   \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
