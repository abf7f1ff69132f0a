/* tests/support/api_double.h — an operator who calls handlers of a collector without a socket.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "tests/support/agent_double.h"

#define API_DOUBLE_BODY_BYTES 524288

struct api_double {
    struct hm_app *app;
    enum hm_role role;
    int64_t now_ms;
    const char *operator_name; /* whose token it is; NULL = "tester" */
    const char *arg2;          /* the path's second argument, or NULL */
    /* Of the last answer. */
    unsigned status;
    char code[48]; /* of a failure; "" for a success */
    char text[HM_ERR_TEXT_MAX];
    char etag[100];
    char body[API_DOUBLE_BODY_BYTES];
};

/* query: "a=b&c=d", taken as it stands (no escapes), or NULL. Waits for held answers. */
unsigned api_double_call(struct api_double *api, hm_handler *handler, const char *arg,
                         const char *query, const char *body);

/* Text of a string member, as in "\"next\":\"…\"", from the last body; "" when there is none. */
void api_double_member(const struct api_double *api, const char *name, char *out, size_t size);
