/* server/catalogue/shelf.c — the catalogue as an immutable snapshot.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/catalogue/shelf.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/crypto/digest.h"
#include "common/os/os.h"

static const char suffix[] = ".json";

struct hm_shelf {
    struct hm_arena arena;
    struct hm_catalogue catalogue;
    struct hm_catalogue_release release;
    size_t room;
    struct hm_buf json; /* {"catalogue":[…]} */
    char tag[HM_DIGEST_TEXT_BYTES];
};

/* Sorted by id; a product that is there already is replaced. */
static enum hm_status place(struct hm_shelf *shelf, const struct hm_product *product,
                            struct hm_err *err)
{
    struct hm_catalogue *catalogue = &shelf->catalogue;
    size_t at = 0;

    while (at < catalogue->count && strcmp(catalogue->at[at].id, product->id) < 0) {
        at++;
    }
    if (at < catalogue->count && strcmp(catalogue->at[at].id, product->id) == 0) {
        catalogue->at[at] = *product;
        return HM_OK;
    }
    if (catalogue->count == HM_LIMIT_PRODUCTS) {
        return hm_fail(err, HM_ETOOBIG, "the catalogue has more than %u products",
                       HM_LIMIT_PRODUCTS);
    }
    if (hm_arena_grow(&shelf->arena, (void **)&catalogue->at, catalogue->count, &shelf->room,
                      sizeof(*product)) != 0) {
        return hm_fail(err, HM_ENOMEM, "no memory for the catalogue");
    }
    memmove(catalogue->at + at + 1, catalogue->at + at, (catalogue->count - at) * sizeof(*product));
    catalogue->at[at] = *product;
    catalogue->count++;
    return HM_OK;
}

static enum hm_status read_product(struct hm_shelf *shelf, const char *folder, const char *name,
                                   size_t id_len, struct hm_err *err)
{
    const char *path = hm_arena_printf(&shelf->arena, "%s/%s", folder, name);
    struct hm_product product;
    enum hm_status st;
    const char *text;
    size_t len;

    if (path == NULL) {
        return hm_fail(err, HM_ENOMEM, "%s: no memory for the catalogue", folder);
    }
    st = hm_os_read_text(path, HM_LIMIT_DOCUMENT_BYTES, &shelf->arena, &text, &len, err);
    if (st != HM_OK) {
        return st;
    }
    st = hm_record_decode(&hm_record_product, text, len, true, &shelf->arena, &product, NULL, err);
    if (st == HM_OK) {
        st = hm_product_check(&product, err);
    }
    if (st != HM_OK) {
        hm_err_prefix(err, "%s", path);
        return st;
    }
    if (strlen(product.id) != id_len || memcmp(product.id, name, id_len) != 0) {
        return hm_fail(err, HM_EINVAL, "%s: its id is \"%s\"; name file and id alike", path,
                       product.id);
    }
    return place(shelf, &product, err);
}

static enum hm_status read_folder(struct hm_shelf *shelf, const char *folder, struct hm_err *err)
{
    struct hm_strings names;
    enum hm_status st = hm_os_list_folder(folder, &shelf->arena, &names, err);

    for (size_t i = 0; st == HM_OK && i < names.count; i++) {
        const size_t len = strlen(names.at[i]);

        if (names.at[i][0] != '.' && len > sizeof(suffix) - 1 &&
            strcmp(names.at[i] + len - (sizeof(suffix) - 1), suffix) == 0) {
            st = read_product(shelf, folder, names.at[i], len - (sizeof(suffix) - 1), err);
        }
    }
    return st;
}

/* It only tells people what they have: without the file the products count all the same. */
static enum hm_status read_release(struct hm_shelf *shelf, const char *product_dir,
                                   struct hm_err *err)
{
    const char *path = hm_record_catalogue_path(product_dir, &shelf->arena);
    enum hm_status st;
    const char *text;
    size_t len;

    shelf->release = (struct hm_catalogue_release){0, "", ""};
    if (path == NULL) {
        return hm_fail(err, HM_ENOMEM, "%s: no memory for the catalogue", product_dir);
    }
    if (!hm_os_exists(path)) {
        return HM_OK;
    }
    st = hm_os_read_text(path, HM_LIMIT_DOCUMENT_BYTES, &shelf->arena, &text, &len, err);
    if (st == HM_OK) {
        st = hm_record_decode(&hm_record_catalogue, text, len, false, &shelf->arena,
                              &shelf->release, NULL, err);
        if (st != HM_OK) {
            hm_err_prefix(err, "%s", path);
        }
    }
    return st;
}

struct part {
    struct hm_catalogue catalogue;
};
static const struct hm_field part_fields[] = {
    HM_F_RECORDS(part, catalogue, HM_FIELD_WRITTEN, HM_LIMIT_PRODUCTS, &hm_record_product, ""),
};
static const struct hm_record part_record = {"catalogue", sizeof(struct part), part_fields,
                                             HM_COUNT(part_fields)};

static enum hm_status write_json(struct hm_shelf *shelf, struct hm_err *err)
{
    const struct part part = {shelf->catalogue};
    enum hm_status st = hm_record_encode(&part_record, &part, &shelf->json, err);

    if (st == HM_OK) {
        hm_digest_text(shelf->json.data, shelf->json.len, shelf->tag);
    }
    return st;
}

enum hm_status hm_shelf_open(const char *const *folders, size_t folder_count,
                             struct hm_shelf **out_shelf, struct hm_err *err)
{
    struct hm_shelf *shelf = calloc(1, sizeof(*shelf));
    enum hm_status st = HM_OK;

    if (shelf == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the catalogue");
    }
    hm_arena_init(&shelf->arena, HM_LIMIT_CYCLE_ARENA_BYTES);
    hm_buf_init(&shelf->json, HM_LIMIT_DESIRED_BYTES);
    for (size_t i = 0; st == HM_OK && i < folder_count; i++) {
        st = read_folder(shelf, folders[i], err);
    }
    if (st == HM_OK) {
        st = read_release(shelf, folders[0], err);
    }
    if (st == HM_OK) {
        st = write_json(shelf, err);
    }
    if (st != HM_OK) {
        hm_shelf_close(shelf);
        return st;
    }
    *out_shelf = shelf;
    return HM_OK;
}

void hm_shelf_close(struct hm_shelf *shelf)
{
    if (shelf != NULL) {
        hm_buf_fini(&shelf->json);
        hm_arena_fini(&shelf->arena);
        free(shelf);
    }
}

const struct hm_catalogue *hm_shelf_catalogue(const struct hm_shelf *shelf)
{
    return &shelf->catalogue;
}

const struct hm_catalogue_release *hm_shelf_release(const struct hm_shelf *shelf)
{
    return &shelf->release;
}

const char *hm_shelf_tag(const struct hm_shelf *shelf)
{
    return shelf->tag;
}

const char *hm_shelf_json(const struct hm_shelf *shelf, size_t *out_len)
{
    *out_len = shelf->json.len - 2; /* without the braces */
    return hm_buf_text(&shelf->json) + 1;
}
