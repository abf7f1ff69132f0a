/* server/http/router.h — from method and path to a route, by tables made once.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Paths are compared as sent (escaped); only what stands for {…} may be escaped. Threads: a
 * router does not change; all may ask it. */
#pragma once

#include "common/base/str.h"
#include "server/http/http.h"

#define HM_ROUTE_ARGS 2

struct hm_router;

enum hm_router_answer { HM_ROUTER_FOUND, HM_ROUTER_NO_PATH, HM_ROUTER_NO_METHOD };

struct hm_router_match {
    size_t route;                       /* FOUND: row of the table */
    struct hm_span args[HM_ROUTE_ARGS]; /* FOUND: parts of path; at is NULL past the last */
    const char *allow;                  /* NO_METHOD: "GET, HEAD", lives as long as the router */
};

/* The rows are borrowed until hm_router_free. HM_EINVAL for two rows with the same method and
 * path, and for a path with more than HM_ROUTE_ARGS of {…}. */
enum hm_status hm_router_new(const struct hm_route *routes, size_t count,
                             struct hm_router **out_router, struct hm_err *err) HM_MUST_CHECK;
void hm_router_free(struct hm_router *router);

/* HEAD finds the GET row. */
enum hm_router_answer hm_router_find(const struct hm_router *router, const char *method,
                                     const char *path, struct hm_router_match *out_match);
