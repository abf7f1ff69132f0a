/* server/fleet/bucket.h — a token bucket: so much at once, then so much a second.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Times are monotonic: a wall clock that is set must neither open nor close it. Threads: the
 * caller's lock. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct hm_bucket {
    double left;
    int64_t at_ms; /* 0: never used, and full */
};

struct hm_bucket_rule {
    double most;
    double a_second;
};

/* Takes cost out of the bucket; false, and nothing is taken, while there is not so much in it. */
bool hm_bucket_take(struct hm_bucket *bucket, const struct hm_bucket_rule *rule, double cost,
                    int64_t monotonic_ms);
