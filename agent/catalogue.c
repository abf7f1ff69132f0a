/* agent/catalogue.c — the products an agent judges by.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/catalogue.h"

#include <stdbool.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/os/os.h"
#include "common/wire/records.h"

static const char suffix[] = ".json";

static bool is_product_file(const char *name)
{
    size_t len = strlen(name);

    return name[0] != '.' && len > sizeof(suffix) - 1 &&
           strcmp(name + len - (sizeof(suffix) - 1), suffix) == 0;
}

static enum hm_status read_product(const char *path, struct hm_arena *arena, struct hm_product *out,
                                   struct hm_err *err)
{
    struct hm_arena scratch; /* the file, which is larger than what is kept of it */
    enum hm_status st;
    const char *text;
    size_t len;

    hm_arena_init(&scratch, HM_LIMIT_CYCLE_ARENA_BYTES);
    st = hm_os_read_text(path, HM_LIMIT_DOCUMENT_BYTES, &scratch, &text, &len, err);
    if (st != HM_OK) {
        hm_arena_fini(&scratch);
        return st;
    }
    st = hm_record_decode(&hm_record_product, text, len, true, arena, out, NULL, err);
    hm_arena_fini(&scratch);
    if (st == HM_OK) {
        st = hm_product_check(out, err);
    }
    if (st != HM_OK) {
        hm_err_prefix(err, "%s", path);
    }
    return st;
}

static enum hm_status load_product(const char *folder, const char *name, struct hm_arena *arena,
                                   struct hm_product *out, struct hm_err *err)
{
    size_t id_len = strlen(name) - (sizeof(suffix) - 1);
    const char *path = hm_arena_printf(arena, "%s/%s", folder, name);
    enum hm_status st;

    if (path == NULL) {
        return hm_fail(err, HM_ENOMEM, "%s: no memory for the catalogue", folder);
    }
    st = read_product(path, arena, out, err);
    if (st != HM_OK) {
        return st;
    }
    if (strlen(out->id) != id_len || memcmp(out->id, name, id_len) != 0) {
        return hm_fail(err, HM_EINVAL, "%s: its id is \"%s\"; name file and id alike", path,
                       out->id);
    }
    return HM_OK;
}

enum hm_status hm_catalogue_load(const char *folder, struct hm_arena *arena,
                                 struct hm_catalogue *out_catalogue, struct hm_err *err)
{
    const struct hm_catalogue none = {NULL, 0};
    struct hm_catalogue catalogue = {NULL, 0};
    struct hm_strings names;
    enum hm_status st;

    st = hm_os_list_folder(folder, arena, &names, err);
    if (st != HM_OK) {
        return st;
    }
    if (names.count > HM_LIMIT_PRODUCTS) {
        return hm_fail(err, HM_ETOOBIG, "%s: more than %u products", folder, HM_LIMIT_PRODUCTS);
    }
    catalogue.at = hm_arena_alloc(arena, names.count, sizeof(*catalogue.at));
    if (catalogue.at == NULL) {
        return hm_fail(err, HM_ENOMEM, "%s: no memory for the catalogue", folder);
    }
    for (size_t i = 0; i < names.count; i++) {
        if (!is_product_file(names.at[i])) {
            continue;
        }
        st = load_product(folder, names.at[i], arena, &catalogue.at[catalogue.count], err);
        if (st != HM_OK) {
            return st;
        }
        catalogue.count++;
    }
    /* By id, which is not the order of the file names: '-' sorts before '.'. */
    return hm_catalogue_merge(&catalogue, &none, arena, out_catalogue, err);
}

struct hm_catalogue_release hm_catalogue_release_of(const char *product_dir, struct hm_arena *arena)
{
    struct hm_catalogue_release release = {0, "", ""};
    const char *path = hm_record_catalogue_path(product_dir, arena);
    const char *text;
    size_t len;

    if (path == NULL ||
        hm_os_read_text(path, HM_LIMIT_DOCUMENT_BYTES, arena, &text, &len, NULL) != HM_OK ||
        hm_record_decode(&hm_record_catalogue, text, len, false, arena, &release, NULL, NULL) !=
            HM_OK) {
        return (struct hm_catalogue_release){0, "", ""};
    }
    return release;
}

static void insert_sorted(struct hm_catalogue *catalogue, const struct hm_product *product)
{
    size_t at = catalogue->count;

    for (size_t i = 0; i < catalogue->count; i++) {
        if (strcmp(catalogue->at[i].id, product->id) == 0) {
            catalogue->at[i] = *product;
            return;
        }
    }
    while (at > 0 && strcmp(catalogue->at[at - 1].id, product->id) > 0) {
        catalogue->at[at] = catalogue->at[at - 1];
        at--;
    }
    catalogue->at[at] = *product;
    catalogue->count++;
}

enum hm_status hm_catalogue_merge(const struct hm_catalogue *first,
                                  const struct hm_catalogue *second, struct hm_arena *arena,
                                  struct hm_catalogue *out_catalogue, struct hm_err *err)
{
    struct hm_catalogue merged = {NULL, 0};

    merged.at = hm_arena_alloc(arena, first->count + second->count, sizeof(*merged.at));
    if (merged.at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for a catalogue of %zu products",
                       first->count + second->count);
    }
    for (size_t i = 0; i < first->count; i++) {
        insert_sorted(&merged, &first->at[i]);
    }
    for (size_t i = 0; i < second->count; i++) {
        insert_sorted(&merged, &second->at[i]);
    }
    *out_catalogue = merged;
    return HM_OK;
}

enum hm_status hm_catalogue_load_local(const char *product_dir, const char *local_dir,
                                       struct hm_arena *arena, struct hm_catalogue *out_catalogue,
                                       struct hm_err *err)
{
    struct hm_catalogue shipped = {NULL, 0};
    struct hm_catalogue local = {NULL, 0};
    enum hm_status shipped_st;
    enum hm_status st;

    shipped_st = hm_catalogue_load(product_dir, arena, &shipped, err);
    if (shipped_st != HM_OK && shipped_st != HM_ENOENT) {
        return shipped_st;
    }
    st = hm_catalogue_load(local_dir, arena, &local, shipped_st == HM_OK ? err : NULL);
    if (st == HM_ENOENT && shipped_st == HM_ENOENT) {
        hm_err_prefix(
            err, "there is no catalogue to judge by, set product_dir, or give check --product-dir");
        return HM_ENOENT;
    }
    if (st != HM_OK && st != HM_ENOENT) {
        return st;
    }
    st = hm_catalogue_merge(&shipped, &local, arena, out_catalogue, err);
    if (st == HM_OK && out_catalogue->count == 0) {
        return hm_fail(err, HM_ENOENT,
                       "%s: no product files (*.json): there is no catalogue to judge by; set "
                       "product_dir, or give check --product-dir, to the folder that holds them",
                       product_dir);
    }
    return st;
}
