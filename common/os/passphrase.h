/* common/os/passphrase.h — a passphrase from a file, the environment or a person.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "common/base/err.h"
#include "common/base/limits.h"

#define HM_PASSPHRASE_VARIABLE "HM_PASSPHRASE"
#define HM_PASSPHRASE_ROOM (HM_LIMIT_PASSPHRASE_BYTES + 1u)

/* The first line of file ("-": of standard input); file NULL: the variable HM_PASSPHRASE; without
 * it a person at the terminal is asked, nothing shown, with repeat twice. HM_EINVAL says how to
 * give one, HM_ETOOBIG past the cap; how short it may be is for hm_key_seal to say. The caller
 * wipes out (hm_crypto_wipe), also after a failure. */
enum hm_status hm_passphrase_read(const char *file, const char *prompt, bool repeat,
                                  char out[HM_PASSPHRASE_ROOM], struct hm_err *err) HM_MUST_CHECK;
