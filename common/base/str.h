/* common/base/str.h — small text helpers the C library lacks or does unsafely.
 * SPDX-License-Identifier: Apache-2.0
 *
 * ASCII only and locale-blind. Threads: all are pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A borrowed piece of text, not NUL-terminated. */
struct hm_span {
    const char *at;
    size_t len;
};

/* Copies at most size - 1 bytes and always terminates; true when all of text fitted. */
bool hm_str_copy(char *out, size_t size, const char *text);

/* Decimal digits only, no sign, no space, no leading zeros beyond one digit's worth of harm
 * ("007" is 7); the whole of text; at most max. */
bool hm_str_parse_u64(const char *text, size_t len, uint64_t max, uint64_t *out_value);
bool hm_str_parse_u32(const char *text, size_t len, uint32_t max, uint32_t *out_value);

/* ASCII case folding only: service and program names on Windows. NULL counts as "". */
bool hm_str_equal(const char *a, const char *b);
bool hm_str_equal_nocase(const char *a, const char *b);
int hm_str_compare_nocase(const char *a, const char *b);

/* Shell-style match of the whole text: '*' any run, '?' any one byte; ASCII case folded. */
bool hm_str_glob_nocase(const char *pattern, const char *text);

/* Without the ASCII white space at both ends. */
struct hm_span hm_str_trim(const char *text, size_t len);

/* Takes the next line off *rest: out_line without its end ("\n", "\r\n" or a lone "\r").
 * false at the end of the text. */
bool hm_str_next_line(struct hm_span *rest, struct hm_span *out_line);

/* FNV-1a, 64 bits: for hash tables and fingerprints, not for security. Chain by passing the
 * previous value; start with HM_HASH_START. */
#define HM_HASH_START 0xcbf29ce484222325u
uint64_t hm_str_hash(uint64_t hash, const void *bytes, size_t len);
uint64_t hm_str_hash_nocase(uint64_t hash, const char *text);

/* True when the bytes are well-formed UTF-8 without NUL. */
bool hm_str_is_utf8(const char *text, size_t len);

/* How many bytes of the text, from its start, are such characters; len when all are. */
size_t hm_str_utf8_prefix(const char *text, size_t len);

/* Copies text for a message that people read: what shows nothing on a terminal, or acts on it,
 * is written out (control characters, zero-width and direction marks, white space of other
 * scripts, byte order marks as "<U+FEFF>"; bytes that are not UTF-8 as "<0xE4>"). Cut at whole
 * characters when out is too small; always terminated. text and out may not overlap. */
void hm_str_show(const char *text, char *out, size_t size);
