/* common/readers/netsh_title.h — what a port listing of netsh says that it is about.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The title is translated, but in every language that is known it carries the lower-case ASCII word
 * "tcp" or "udp" ("Protocol udp Port Exclusion Ranges", "Portausschlussbereiche für das Protokoll
 * \"tcp\""); the family stands in no title. A command that was copied with its output ("netsh int
 * ipv6 show ...") names both. Threads: pure. */
#pragma once

#include "common/base/str.h"
#include "common/ports/inventory.h"

struct hm_netsh_title {
    bool has_protocol;
    enum hm_protocol protocol;
    bool has_family;
    enum hm_family family;
    bool heading_only; /* the line of dashes is the last: the listing was cut there. netsh writes a
                          footer behind a list without rows */
};

/* Looks at the lines above the numbers; the last line that names exactly one protocol (family)
 * counts, as the title stands right above them. text is decoded. */
struct hm_netsh_title hm_netsh_read_title(struct hm_span text);
