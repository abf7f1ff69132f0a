/* tests/support/handle_count.h — how many handles this Windows process has open.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

unsigned hm_handle_count(void);
