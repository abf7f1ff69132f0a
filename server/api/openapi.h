/* server/api/openapi.h — the OpenAPI document, built in.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Made by openapi.py from schema/api/openapi.yaml and schema/wire when the collector is built. */
#pragma once

#include <stddef.h>

extern const unsigned char hm_openapi_json[];
extern const size_t hm_openapi_json_len;
