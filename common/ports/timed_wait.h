/* common/ports/timed_wait.h — TcpTimedWaitDelay: how long a closed connection keeps its port.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A registry value of Tcpip\Parameters, in seconds. Windows 2000, XP and 2003 read it when they
 * start. Documented are 30 to 300 with a default of 240 for 2000 (TechNet cc938217), and 0 to 300
 * with a default of 120 for 2003 (cc757512), whose text speaks of 4 minutes, too: where the value
 * is absent, no number is assumed. For Vista, 2008 and later the documents disagree about the
 * default, and it is not established that the value has an effect: there it is read and shown,
 * and never set. */
#pragma once

#include "common/ports/inventory.h"

/* What both documents allow. */
#define HM_TIMED_WAIT_DELAY_MIN_S 30u
#define HM_TIMED_WAIT_DELAY_MAX_S 300u

/* The one value that findings advise and the policies that come with this program set. It is the
 * value that Exchange sets and that Microsoft's Exchange Server Analyzer expects (bb397379): half
 * of the shorter default or less, and twice the minimum, under which segments of an old connection
 * can reach a new one. */
#define HM_TIMED_WAIT_DELAY_ADVISED_S 60u

/* Does the system read the value? */
bool hm_os_has_timed_wait_delay(const struct hm_os *os);

/* The value as it is written in the registry; false: the registry was not read. Whether a system
 * that reads it at its start knows it already is another question. *out_s is 0 where the value is
 * not set. */
bool hm_timed_wait_delay_written(const struct hm_inventory *inventory, bool *out_is_set,
                                 uint32_t *out_s);
