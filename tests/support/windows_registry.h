/* tests/support/windows_registry.h — values of HKEY_LOCAL_MACHINE for a test; a failure ends it.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "common/ports/inventory.h"

/* Make the key where there is none. type: REG_BINARY, ... */
void hm_test_reg_set(const char *key, const char *name, unsigned long type, const void *bytes,
                     unsigned long len);
void hm_test_reg_text(const char *key, const char *name, const char *text);
void hm_test_reg_u32(const char *key, const char *name, uint32_t value);
void hm_test_reg_lines(const char *key, const char *name, const struct hm_strings *lines);
void hm_test_reg_remove(const char *key, const char *name);

/* The bytes of a value of any type; *out_len 0 and *out_type 0 when it is not there. */
void hm_test_reg_get(const char *key, const char *name, unsigned long *out_type, void *out_bytes,
                     unsigned long room, unsigned long *out_len);
