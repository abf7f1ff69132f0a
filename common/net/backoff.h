/* common/net/backoff.h — how long to wait before the next try: decorrelated jitter.
 * SPDX-License-Identifier: Apache-2.0
 *
 * 1 s to 10 min: next = random between base and 3 * previous, capped. Random comes in as an
 * argument (0 to UINT32_MAX). */
#pragma once

#include <stdint.h>

#define HM_BACKOFF_FIRST_MS 1000
#define HM_BACKOFF_MOST_MS 600000

struct hm_backoff {
    int64_t last_ms; /* 0 = no failure yet */
};

int64_t hm_backoff_next_ms(struct hm_backoff *backoff, uint32_t random);
void hm_backoff_reset(struct hm_backoff *backoff);
