/* tests/parity/route_tool.c — shows routes and filter fields to openapi_parity.py, as JSON.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "server/api/api.h"
#include "server/store/filter.h"

int main(void)
{
    size_t i;
    size_t k;

    (void)printf("{\"routes\":[");
    for (i = 0; i < hm_routes_count; i++) {
        const struct hm_route *route = &hm_routes[i];

        (void)printf("%s{\"method\":\"%s\",\"path\":\"%s\",\"role\":\"%s\",\"body\":\"%s\"}",
                     i > 0 ? ",\n" : "", route->method, route->path, hm_role_names[route->role],
                     route->body_cap == 0       ? ""
                     : route->body_type == NULL ? "application/json"
                                                : route->body_type);
    }
    (void)printf("],\n\"filters\":{");
    for (i = 0; i < hm_filter_lists_count; i++) {
        const struct hm_filter_list *list = hm_filter_lists[i];

        (void)printf("%s\"%s\":[", i > 0 ? ",\n" : "", list->name);
        for (k = 0; k < list->count; k++) {
            (void)printf("%s\"%s\"", k > 0 ? "," : "", list->fields[k].name);
        }
        (void)printf("]");
    }
    (void)printf("}}\n");
    return 0;
}
