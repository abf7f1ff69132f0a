/* tests/fuzz/configured.h — what every reader of configured ports must keep, whatever it is given.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/ports/configured.h"

typedef enum hm_status configured_reader(const char *text, size_t len,
                                         struct hm_configured_make *make, struct hm_err *err);

/* One reader over the bytes, on a host of its own: it accepts them, or says why not; each row has a
 * port that must not be excluded unless its setting is for a plain socket, and a printable
 * subject. */
void configured_check(configured_reader *reader, const uint8_t *data, size_t size);
