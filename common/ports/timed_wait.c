/* common/ports/timed_wait.c — TcpTimedWaitDelay: how long a closed connection keeps its port.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/ports/timed_wait.h"

bool hm_os_has_timed_wait_delay(const struct hm_os *os)
{
    return hm_os_is_legacy(os);
}

bool hm_timed_wait_delay_written(const struct hm_inventory *inventory, bool *out_is_set,
                                 uint32_t *out_s)
{
    const struct hm_registry *registry = &inventory->registry;

    if (!inventory->has_registry) {
        return false;
    }
    *out_is_set = registry->has_tcp_timed_wait_delay_s;
    *out_s = *out_is_set ? registry->tcp_timed_wait_delay_s : 0;
    return true;
}
