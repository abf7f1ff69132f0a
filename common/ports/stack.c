/* common/ports/stack.c — the four (protocol, family) pairs: names and order.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/ports/stack.h"

const char *const hm_protocol_names[2] = {"tcp", "udp"};
const char *const hm_family_names[2] = {"ipv4", "ipv6"};
const char *const hm_families_names[3] = {"both", "ipv4", "ipv6"};

unsigned hm_stack_index(enum hm_protocol protocol, enum hm_family family)
{
    return (unsigned)protocol * 2 + (unsigned)family;
}
