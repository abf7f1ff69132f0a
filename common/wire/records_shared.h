/* common/wire/records_shared.h — the rows that several documents use.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Private to common/wire. */
#pragma once

#include "common/base/limits.h"
#include "common/wire/records.h"

/* Ends a file's table: name as in the schema, struct tag, array of rows. */
#define HM_RECORD(name, tag, rows)                                                                 \
    {                                                                                              \
        name, sizeof(struct tag), rows, HM_COUNT(rows)                                             \
    }

/* A number that is present when a flag of another name says so. */
#define HM_F_OPT_AS(s, m, has, t, h)                                                               \
    HM_FIELD_(s, m, t, HM_FIELD_OPTIONAL, offsetof(struct s, has), 0, 0, NULL, NULL, h)

/* An enum that may be absent: has_… says so. */
#define HM_F_ENUM_OPT(s, m, en, h)                                                                 \
    HM_FIELD_(s, m, HM_TYPE_ENUM, HM_FIELD_OPTIONAL, offsetof(struct s, has_##m), 0, 0, en, NULL, h)

/* A text, and the cursor of a list of the operator API. */
#define HM_F_TEXT(s, m, flags, most, h) HM_F(s, m, HM_TYPE_STRING, HM_FIELD_##flags, 0, most, h)
#define HM_F_NEXT(s)                                                                               \
    HM_F_TEXT(s, next, DEFAULT, HM_LIMIT_CURSOR_BYTES, "cursor of the page after this one")

extern const struct hm_enum hm_enum_protocol;
extern const struct hm_enum hm_enum_family;
extern const struct hm_enum hm_enum_os_family;
extern const struct hm_enum hm_enum_listener_kind;
extern const struct hm_enum hm_enum_socket_state;
extern const struct hm_enum hm_enum_policy_mode;
extern const struct hm_enum hm_enum_refusal_code;

extern const struct hm_record hm_record_os;
extern const struct hm_record hm_record_listener;
extern const struct hm_record hm_record_holder;
extern const struct hm_record hm_record_owned;
extern const struct hm_record hm_record_reservation;
extern const struct hm_record hm_record_policy_range;
extern const struct hm_record hm_record_approver;
