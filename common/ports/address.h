/* common/ports/address.h — IPv4 and IPv6 addresses as text: are two of them the same one?
 * SPDX-License-Identifier: Apache-2.0
 *
 * Settings, sockets and listings write an address each in a way of its own ("fe80:0::1%4", "[::1]",
 * "FE80::1"). Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/str.h"
#include "common/ports/stack.h"

struct hm_address {
    enum hm_family family;
    uint8_t bytes[16]; /* IPv4: the first four */
};

/* RFC 4291 2.2, and four decimal numbers; brackets around it and a zone behind '%' are left out.
 * False: not an address (a name, an empty text). */
bool hm_address_parse(struct hm_span text, struct hm_address *out_address);

/* "0.0.0.0", "::" */
bool hm_address_is_any(const struct hm_address *address);

/* Is it one address, of one host? *out_families: its family, unchanged otherwise. */
bool hm_address_is_single(struct hm_span text, enum hm_families *out_families);

/* Must sockets with these local addresses have different ports? Not when both are known, are of one
 * family, and are two single addresses. A text that is not an address may be any. */
bool hm_addresses_collide(const char *a, const char *b);
