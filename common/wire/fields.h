/* common/wire/fields.h — records described by field tables: JSON in, JSON out, from one row.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A table row says name, type, place in the struct, range and help; decoder, encoder and the
 * parity test with schema/wire all work from it. Strings decoded live in the caller's arena.
 * Threads: all functions are pure besides their arguments. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/err.h"

enum hm_field_type {
    HM_TYPE_BOOL,    /* bool */
    HM_TYPE_U16,     /* uint16_t */
    HM_TYPE_U32,     /* uint32_t */
    HM_TYPE_U64,     /* uint64_t */
    HM_TYPE_REAL,    /* double; written with six significant digits */
    HM_TYPE_STRING,  /* const char *; UTF-8, at most max bytes */
    HM_TYPE_ENUM,    /* an enum of int size; written as its name */
    HM_TYPE_TIME,    /* int64_t milliseconds; RFC 3339 text */
    HM_TYPE_RANGE,   /* struct hm_range; "6005-65534" */
    HM_TYPE_PORTS,   /* struct hm_ports, kept list; "9933,9955" */
    HM_TYPE_RECORD,  /* a nested struct */
    HM_TYPE_RECORDS, /* {T *at; size_t count;}; at most max rows */
    HM_TYPE_STRINGS, /* struct hm_strings: {const char **at; size_t count;}; at most max rows */
};

#define HM_FIELD_REQUIRED 1u /* decoding without it is HM_EINVAL */
#define HM_FIELD_OPTIONAL 2u /* has_offset names the bool that says "present" */
#define HM_FIELD_DEFAULT 4u  /* absent = zero, "" or empty list; left out when writing that */
#define HM_FIELD_WRITTEN 8u  /* absent = as above; always written */

struct hm_enum {
    const char *const *names;
    unsigned count;
};

struct hm_record;

struct hm_field {
    const char *name;
    enum hm_field_type type;
    unsigned flags; /* one of HM_FIELD_… */
    size_t offset;
    size_t has_offset;
    double min; /* numbers: allowed range; strings and lists: shortest and longest, bytes or rows */
    double max; /* 0 = the type's own: 65535, 2^32-1, 2^53, any real; HM_LIMIT_TEXT_BYTES (each
                   string of a list too); HM_LIMIT_PAGE_ROWS */
    const struct hm_enum *names;
    const struct hm_record *record;
    const char *help;
};

/* The cap of a row with its max 0 made plain; 0 where there is none. */
double hm_field_max(const struct hm_field *field);

struct hm_record {
    const char *name; /* of the schema file: "inventory" */
    size_t size;      /* sizeof the struct */
    const struct hm_field *fields;
    size_t count;
};

/* What a decoder met besides the known. */
struct hm_decode_notes {
    uint32_t unknown_members; /* ignored (reports); with strict they are HM_EINVAL (policies) */
};

/* Row makers: HM_F_…(struct tag, member, …). The member's name is the JSON name. */
#define HM_FIELD_(s, m, t, fl, has, lo, hi, en, rec, h)                                            \
    {                                                                                              \
#m, t, fl, offsetof(struct s, m), has, lo, hi, en, rec, h                                  \
    }
#define HM_F(s, m, t, fl, lo, hi, h) HM_FIELD_(s, m, t, fl, 0, lo, hi, NULL, NULL, h)
#define HM_F_OPT(s, m, t, lo, hi, h)                                                               \
    HM_FIELD_(s, m, t, HM_FIELD_OPTIONAL, offsetof(struct s, has_##m), lo, hi, NULL, NULL, h)
#define HM_F_ENUM(s, m, fl, en, h) HM_FIELD_(s, m, HM_TYPE_ENUM, fl, 0, 0, 0, en, NULL, h)
#define HM_F_ENUM_OPT(s, m, en, h)                                                                 \
    HM_FIELD_(s, m, HM_TYPE_ENUM, HM_FIELD_OPTIONAL, offsetof(struct s, has_##m), 0, 0, en, NULL, h)
#define HM_F_RECORD(s, m, fl, rec, h) HM_FIELD_(s, m, HM_TYPE_RECORD, fl, 0, 0, 0, NULL, rec, h)
#define HM_F_RECORD_OPT(s, m, rec, h)                                                              \
    HM_FIELD_(s, m, HM_TYPE_RECORD, HM_FIELD_OPTIONAL, offsetof(struct s, has_##m), 0, 0, NULL,    \
              rec, h)
#define HM_F_RECORDS(s, m, fl, hi, rec, h)                                                         \
    HM_FIELD_(s, m, HM_TYPE_RECORDS, fl, 0, 0, hi, NULL, rec, h)
#define HM_F_RECORDS_OPT(s, m, hi, rec, h)                                                         \
    HM_FIELD_(s, m, HM_TYPE_RECORDS, HM_FIELD_OPTIONAL, offsetof(struct s, has_##m), 0, hi, NULL,  \
              rec, h)

/* Reads one JSON object. The whole of text must be it (white space around allowed). strict:
 * unknown members are HM_EINVAL. Refused with HM_EINVAL, the member's path in the text and, for
 * broken JSON, the line: duplicate members, wrong types, out of range, not UTF-8, deeper than
 * HM_LIMIT_JSON_DEPTH. HM_ETOOBIG for caps. notes may be NULL. A large document is read row by
 * row, so that its tree is never whole in memory. */
enum hm_status hm_record_decode(const struct hm_record *record, const char *text, size_t len,
                                bool strict, struct hm_arena *arena, void *out,
                                struct hm_decode_notes *notes, struct hm_err *err) HM_MUST_CHECK;

/* Appends compact JSON, members in table order: equal records give equal bytes. */
enum hm_status hm_record_encode(const struct hm_record *record, const void *in, struct hm_buf *out,
                                struct hm_err *err) HM_MUST_CHECK;

/* As above, indented by two spaces, for people and golden files; ends with a newline. */
enum hm_status hm_record_encode_pretty(const struct hm_record *record, const void *in,
                                       struct hm_buf *out, struct hm_err *err) HM_MUST_CHECK;

/* Appends a JSON string literal with quotes, for the few places that build JSON by hand. */
bool hm_json_put_string(struct hm_buf *out, const char *text);
