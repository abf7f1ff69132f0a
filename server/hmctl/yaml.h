/* server/hmctl/yaml.h — documents as people write them: YAML in, JSON out, and back.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The only user of libyaml. Which scalar is a text and which a number is decided by the record's
 * field table, not by YAML's guesses: "ports: 9955" is a text, as is "version_min: 10.0". A date
 * alone is taken as its first moment, UTC; ports may stand in any order. Anchors, aliases, tags,
 * texts with a NUL and a second document are refused. JSON is YAML, so both are taken. Threads:
 * pure. */
#pragma once

#include "common/wire/fields.h"

/* Appends JSON whose lines are those of the YAML text, so that a line in an error of
 * hm_record_decode is right. HM_EINVAL with the line. */
enum hm_status hm_yaml_to_json(const struct hm_record *record, const char *text, size_t len,
                               struct hm_buf *out, struct hm_err *err) HM_MUST_CHECK;

/* Appends the same document in block style. */
enum hm_status hm_json_to_yaml(const char *json, size_t len, struct hm_buf *out,
                               struct hm_err *err) HM_MUST_CHECK;

/* Reads a record from YAML, strictly; "file:line: reason" is the caller's to write. */
enum hm_status hm_yaml_decode(const struct hm_record *record, const char *text, size_t len,
                              struct hm_arena *arena, void *out, struct hm_err *err) HM_MUST_CHECK;
