/* server/fleet/bucket.c — a token bucket: so much at once, then so much a second.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/fleet/bucket.h"

bool hm_bucket_take(struct hm_bucket *bucket, const struct hm_bucket_rule *rule, double cost,
                    int64_t monotonic_ms)
{
    if (bucket->at_ms == 0) {
        bucket->left = rule->most;
    } else if (monotonic_ms > bucket->at_ms) {
        bucket->left += (double)(monotonic_ms - bucket->at_ms) * rule->a_second / 1000.0;
        bucket->left = bucket->left < rule->most ? bucket->left : rule->most;
    }
    if (monotonic_ms > bucket->at_ms) {
        bucket->at_ms = monotonic_ms;
    }
    cost = cost < rule->most ? cost : rule->most;
    if (bucket->left < cost) {
        return false;
    }
    bucket->left -= cost;
    return true;
}
