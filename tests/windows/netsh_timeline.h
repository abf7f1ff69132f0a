/* tests/windows/netsh_timeline.h — a boot for the netsh double: what appears and goes away over
 * time, as HTTP.sys, WinNAT and HNS make it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Nothing runs between two runs of netsh, and nobody but netsh sees the store: a run first brings
 * the store up to date, in the order of the lines, so that it is as if it had changed by itself.
 * Values of the store (netsh_double.c):
 *   timeline   path of a file; each line "MS VERB …", MS milliseconds since the boot, ascending
 *   booted     when the system started, Unix time in milliseconds. When it is another one the
 *              runtime rows, the URLs of HTTP.sys and the rows made with store=active are gone
 *   log        path of a file: each run is a line of it, "MS ipv4 show … = STATUS", and so is
 *              what became of the time line: "MS ! …"
 * Verbs:
 *   http PORT             HTTP.sys serves a URL on the port and holds a runtime row for it in both
 *                         families. Inside an administered exclusion it cannot, as on Windows:
 *                         "! http PORT failed: excluded" is harm
 *   http-gone PORT        it no longer does
 *   block PROTOCOL A-B    a runtime row in both families, as of WinNAT and HNS; where a row is in
 *                         the way, elsewhere: "! block PROTOCOL C-D instead of A-B"
 *   block-gone PROTOCOL A-B
 *   set NAME VALUE        any value of the store: lists that cannot be read, a delay */
#pragma once

#include <wchar.h>

/* With the store locked. */
void timeline_advance(void);

/* argc, argv: as of main. */
void timeline_log_call(int argc, wchar_t **argv, int status);
