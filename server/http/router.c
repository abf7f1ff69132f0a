/* server/http/router.c — from method and path to a route, by tables made once.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/http/router.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/map.h"
#include "common/base/str.h"

#define METHODS_MAX 6
#define ALLOW_BYTES 96

/* One path with the rows for its methods. */
struct place {
    const char *path;
    bool has_args;
    size_t routes[METHODS_MAX];
    size_t route_count;
    char allow[ALLOW_BYTES];
};

struct hm_router {
    const struct hm_route *routes;
    struct place *places;
    size_t place_count;
    struct hm_map plain; /* places without {…}, by path */
};

static struct place *place_of(struct hm_router *router, const char *path)
{
    struct place *place;

    for (size_t i = 0; i < router->place_count; i++) {
        if (hm_str_equal(router->places[i].path, path)) {
            return &router->places[i];
        }
    }
    place = &router->places[router->place_count++];
    place->path = path;
    place->has_args = strchr(path, '{') != NULL;
    return place;
}

static const struct hm_route *route_of(const struct hm_router *router, const struct place *place,
                                       const char *method, size_t *out_at)
{
    for (size_t i = 0; i < place->route_count; i++) {
        if (strcmp(router->routes[place->routes[i]].method, method) == 0) {
            *out_at = place->routes[i];
            return &router->routes[place->routes[i]];
        }
    }
    return NULL;
}

static size_t count_args(const char *path)
{
    size_t count = 0;

    for (const char *at = strchr(path, '{'); at != NULL; at = strchr(at + 1, '{')) {
        count++;
    }
    return count;
}

static void allow_method(struct place *place, const char *method)
{
    if (place->allow[0] != '\0') {
        strncat(place->allow, ", ", ALLOW_BYTES - strlen(place->allow) - 1);
    }
    strncat(place->allow, method, ALLOW_BYTES - strlen(place->allow) - 1);
    if (strcmp(method, "GET") == 0) {
        allow_method(place, "HEAD");
    }
}

static enum hm_status add_row(struct hm_router *router, size_t row, struct hm_err *err)
{
    const struct hm_route *route = &router->routes[row];
    struct place *place = place_of(router, route->path);
    size_t twin;

    if (place->route_count == METHODS_MAX || count_args(route->path) > HM_ROUTE_ARGS ||
        route_of(router, place, route->method, &twin) != NULL) {
        return hm_fail(err, HM_EINVAL, "route %s %s is there twice or too rich", route->method,
                       route->path);
    }
    place->routes[place->route_count++] = row;
    allow_method(place, route->method);
    return HM_OK;
}

enum hm_status hm_router_new(const struct hm_route *routes, size_t count,
                             struct hm_router **out_router, struct hm_err *err)
{
    struct hm_router *router = calloc(1, sizeof(*router));
    enum hm_status st = HM_OK;

    if (router != NULL) {
        hm_map_init(&router->plain);
        router->routes = routes;
        router->places = calloc(count + 1, sizeof(*router->places));
    }
    if (router == NULL || router->places == NULL) {
        st = hm_fail(err, HM_ENOMEM, "no memory for %zu routes", count);
        goto done;
    }
    for (size_t row = 0; st == HM_OK && row < count; row++) {
        st = add_row(router, row, err);
    }
    for (size_t i = 0; st == HM_OK && i < router->place_count; i++) {
        if (!router->places[i].has_args) {
            st = hm_map_put(&router->plain, router->places[i].path, &router->places[i], err);
        }
    }
done:
    if (st != HM_OK) {
        hm_router_free(router);
    } else {
        *out_router = router;
    }
    return st;
}

void hm_router_free(struct hm_router *router)
{
    if (router == NULL) {
        return;
    }
    hm_map_fini(&router->plain);
    free(router->places);
    free(router);
}

/* Segment by segment; a {…} takes one segment that is not empty. */
static bool matches(const char *pattern, const char *path, struct hm_span args[HM_ROUTE_ARGS])
{
    size_t arg = 0;

    while (*pattern != '\0') {
        if (*pattern == '{') {
            const size_t len = strcspn(path, "/");

            if (len == 0) {
                return false;
            }
            args[arg++] = (struct hm_span){path, len};
            path += len;
            pattern += strcspn(pattern, "}") + 1;
        } else if (*pattern++ != *path++) {
            return false;
        }
    }
    return *path == '\0';
}

static const struct place *find_place(const struct hm_router *router, const char *path,
                                      struct hm_router_match *match)
{
    const struct place *place = hm_map_get(&router->plain, path);

    for (size_t i = 0; place == NULL && i < router->place_count; i++) {
        memset(match->args, 0, sizeof(match->args));
        if (router->places[i].has_args && matches(router->places[i].path, path, match->args)) {
            place = &router->places[i];
        }
    }
    return place;
}

enum hm_router_answer hm_router_find(const struct hm_router *router, const char *method,
                                     const char *path, struct hm_router_match *out_match)
{
    const struct place *place;

    memset(out_match, 0, sizeof(*out_match));
    place = find_place(router, path, out_match);
    if (place == NULL) {
        return HM_ROUTER_NO_PATH;
    }
    if (route_of(router, place, method, &out_match->route) == NULL &&
        (strcmp(method, "HEAD") != 0 ||
         route_of(router, place, "GET", &out_match->route) == NULL)) {
        out_match->allow = place->allow;
        return HM_ROUTER_NO_METHOD;
    }
    return HM_ROUTER_FOUND;
}
