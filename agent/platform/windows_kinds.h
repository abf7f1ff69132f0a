/* agent/platform/windows_kinds.h — how a listener of a Windows host holds its port.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Windows does not tell it; program, port and the runtime exclusions do. Used for live hosts and
 * for recorded ones. Pure. */
#pragma once

#include "common/ports/inventory.h"

/* listener->kind is what hm_sockets_to_listeners answered. stack: of the listener, NULL unknown.
 * system: the socket belongs to process 4, so to HTTP.sys or a driver. */
enum hm_listener_kind hm_windows_kind(const struct hm_listener *listener,
                                      const struct hm_stack *stack, bool system);
