/* common/net/backoff.c — how long to wait before the next try: decorrelated jitter.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/net/backoff.h"

int64_t hm_backoff_next_ms(struct hm_backoff *backoff, uint32_t random)
{
    int64_t last_ms =
        backoff->last_ms < HM_BACKOFF_FIRST_MS ? HM_BACKOFF_FIRST_MS : backoff->last_ms;
    int64_t span_ms = last_ms * 3 - HM_BACKOFF_FIRST_MS;
    int64_t next_ms = HM_BACKOFF_FIRST_MS + (int64_t)((uint64_t)span_ms * random / UINT32_MAX);

    backoff->last_ms = next_ms < HM_BACKOFF_MOST_MS ? next_ms : HM_BACKOFF_MOST_MS;
    return backoff->last_ms;
}

void hm_backoff_reset(struct hm_backoff *backoff)
{
    backoff->last_ms = 0;
}
