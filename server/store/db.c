/* server/store/db.c — values for bind lists.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/store/db.h"

#include <string.h>

struct hm_value hm_value_null(void)
{
    return (struct hm_value){.type = HM_VALUE_NULL};
}

struct hm_value hm_value_int(int64_t i)
{
    return (struct hm_value){.type = HM_VALUE_INT, .i = i};
}

struct hm_value hm_value_real(double real)
{
    return (struct hm_value){.type = HM_VALUE_REAL, .real = real};
}

struct hm_value hm_value_text(const char *text)
{
    if (text == NULL) {
        return hm_value_null();
    }
    return (struct hm_value){.type = HM_VALUE_TEXT, .bytes = text, .len = strlen(text)};
}

struct hm_value hm_value_blob(const void *bytes, size_t len)
{
    return (struct hm_value){.type = HM_VALUE_BLOB, .bytes = bytes, .len = len};
}
