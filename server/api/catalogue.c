/* server/api/catalogue.c — the catalogue's products, and who is asking.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/api/api.h"

#include <string.h>

#include "server/api/listing.h"
#include "server/api/records.h"
#include "server/catalogue/shelf.h"

static const struct hm_listing listing = {.name = "catalogue"};

enum hm_status hm_api_catalogue_list(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    const struct hm_app *app = req->app;
    const struct hm_catalogue *all = hm_shelf_catalogue(app->shelf);
    struct hm_api_products out = {.next = "", .release = *hm_shelf_release(app->shelf)};
    struct hm_page page;
    size_t first = 0;
    enum hm_status st = hm_listing_page(req, &listing, &page, err);

    if (st != HM_OK) {
        return st;
    }
    while (first < all->count && strcmp(all->at[first].id, page.after) <= 0) {
        first++;
    }
    out.items.at = all->at + first;
    out.items.count = all->count - first;
    if (out.items.count > page.limit) {
        out.items.count = page.limit;
        out.next = hm_listing_next(req, &listing, out.items.at[page.limit - 1].id);
    }
    if (out.next == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the list");
    }
    return hm_reply_record(reply, &hm_record_api_products, &out, err);
}

enum hm_status hm_api_catalogue_get(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    const struct hm_app *app = req->app;
    const struct hm_catalogue *all = hm_shelf_catalogue(app->shelf);
    enum hm_status st = hm_params_only(req, NULL, 0, err);
    size_t i;

    if (st != HM_OK) {
        return st;
    }
    for (i = 0; i < all->count; i++) {
        if (strcmp(all->at[i].id, req->path_arg[0]) == 0) {
            return hm_reply_record(reply, &hm_record_product, &all->at[i], err);
        }
    }
    return hm_fail_code(err, HM_ENOENT, "unknown_product",
                        "the catalogue has no product \"%.80s\"; GET /v1/catalogue lists them",
                        req->path_arg[0]);
}

enum hm_status hm_api_whoami_get(struct hm_req *req, struct hm_reply *reply, struct hm_err *err)
{
    const struct hm_api_whoami out = {hm_role_names[req->who.role], req->who.id, req->who.name};
    enum hm_status st = hm_params_only(req, NULL, 0, err);

    return st == HM_OK ? hm_reply_record(reply, &hm_record_api_whoami, &out, err) : st;
}
