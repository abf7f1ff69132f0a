/* tests/support/finding_checks.h — what every test of a finding kind asks for.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "tests/support/inventory_builder.h"

#define W2000 "5.0.2195"
#define W2003 "5.2.3790"
#define W2008 "6.0.6002"
#define W2008R2 "6.1.7601"
#define W2012R2 "6.3.9600"
#define W2019 "10.0.17763"

/* A NULL-terminated list of commands, in place. */
#define COMMANDS(...) ((const char *const[]){__VA_ARGS__})

struct hm_build *new_build(const char *windows_version);
void free_build(struct hm_build *build);

/* The finding is there, and its commands are exactly these, in this order. */
const struct hm_finding *must_find(struct hm_build *build, const char *kind, const char *subject,
                                   const char *const *commands);

/* There is none of this kind. */
void must_miss(struct hm_build *build, const char *kind);

/* A product "product" (service "Own", program "own.exe") of the host that needs these ports. */
struct hm_requirement *require(struct hm_build *build, enum hm_protocol protocol, const char *ports,
                               enum hm_listener_kind kind);

/* A service with its dependency recorded; depends_on NULL: none. It starts automatically. */
struct hm_service *service_row(struct hm_build *build, const char *name, bool runs,
                               const char *depends_on);

/* The kinds of the finding's steps, "free reserve start"; valid until the next call. */
const char *kinds_of(const struct hm_finding *finding);
