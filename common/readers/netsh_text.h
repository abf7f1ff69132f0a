/* common/readers/netsh_text.h — reads netsh's port listings in any language and code page.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Digits and a trailing '*' after the second number are all that is looked at: titles, labels
 * and footers are translated, may hold any bytes, and are never matched. Accepts CR, LF, CRLF,
 * tabs, UTF-16 with a byte order mark, right-to-left marks, indentation, and the marks that
 * quoting and commenting put before a line ("> ", "# ", " * ").
 * Refuses with HM_EINVAL, line and reason rather than guess: a number that stands alone and is
 * neither part of a row nor the value of a label, text behind or between rows, "..." (a cut
 * list), rows that overlap or do not ascend, two lists in one text. */
#pragma once

#include "common/base/str.h"
#include "common/ports/portset.h"

/* netsh interface {ipv4|ipv6} show dynamicport {tcp|udp}: start and count on two lines, the
 * second number is a count (49152 + 16384 = 65536). */
enum hm_status hm_netsh_parse_dynamic(const char *text, size_t len, struct hm_range *out_range,
                                      struct hm_err *err) HM_MUST_CHECK;

/* netsh interface {ipv4|ipv6} show excludedportrange protocol={tcp|udp}: rows "start end" and
 * "start end *". Both results are kept lists. No row and no dash row = not such a listing. */
enum hm_status hm_netsh_parse_excluded(const char *text, size_t len, struct hm_arena *arena,
                                       struct hm_ports *out_administered,
                                       struct hm_ports *out_runtime,
                                       struct hm_err *err) HM_MUST_CHECK;

/* Does such a listing end with a row? netsh prints a line below the rows ("* - Administered port
 * exclusions.") in every language, so rows may be missing. *out_ends false for any other text.
 * HM_ENOMEM, or HM_EINVAL and HM_ETOOBIG for what is no text (encoding.h): then nobody knows. */
enum hm_status hm_netsh_ends_with_row(struct hm_span text, bool *out_ends,
                                      struct hm_err *err) HM_MUST_CHECK;
