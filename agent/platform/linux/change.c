/* agent/platform/linux/change.c — reserved ports and range of this host: changed, and kept.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/linux/linux.h"

#include <stdio.h>

#include "common/readers/sysctl_ports.h"

static enum hm_status owned_ports(const struct hm_owned_list *rows, struct hm_arena *arena,
                                  struct hm_ports *out_ports, struct hm_err *err)
{
    struct hm_ports all = {NULL, 0};
    enum hm_status st = HM_OK;

    for (size_t i = 0; st == HM_OK && i < rows->count; i++) {
        st = hm_ports_union(all, rows->at[i].ports, arena, &all, err);
    }
    if (st == HM_OK) {
        *out_ports = all;
    }
    return st;
}

/* The new value of the list: added where nothing goes, so that nothing is lost that somebody else
 * puts there at the same moment. */
static enum hm_status write_list(const char *root, struct hm_ports list, struct hm_ports owned,
                                 struct hm_arena *arena, struct hm_err *err)
{
    struct hm_ports now;
    struct hm_ports gone;
    struct hm_ports added;
    enum hm_status st = hm_linux_running(root, arena, &now, err);

    if (st == HM_ENOMEM) {
        return st;
    }
    if (st != HM_OK) { /* the write says why */
        return hm_linux_reserved_set(root, list, owned, arena, err);
    }
    st = hm_ports_subtract(now, list, arena, &gone, err);
    if (st == HM_OK) {
        st = hm_ports_subtract(list, now, arena, &added, err);
    }
    if (st != HM_OK) {
        return st;
    }
    return gone.count == 0 && added.count > 0
               ? hm_linux_reserved_add(root, added, arena, err)
               : hm_linux_reserved_set(root, list, owned, arena, err);
}

static enum hm_status write_range(const char *root, struct hm_range range, struct hm_err *err)
{
    char text[32];
    const int len =
        snprintf(text, sizeof(text), "%u %u\n", (unsigned)range.first, (unsigned)range.last);

    return hm_linux_sysctl_write(root, HM_LINUX_RANGE, text, (size_t)len, err);
}

/* The settings to keep after the action. */
static enum hm_status prepare(const char *root, const struct hm_action *action,
                              struct hm_arena *arena, struct hm_linux_kept *kept,
                              struct hm_err *err)
{
    enum hm_status st = hm_linux_kept_get(root, arena, kept, err);

    if (st == HM_OK && action->kind == HM_ACTION_SET_RANGE) {
        kept->has_range = !action->restores && !action->unset;
        kept->range = action->range;
    } else if (st == HM_OK) {
        st = owned_ports(&action->owned, arena, &kept->owned, err);
    }
    return st;
}

/* The kernel refused; its reason stays the one that is told. */
static void put_back(const char *root, const struct hm_linux_kept_bytes *before, struct hm_err *err)
{
    struct hm_err why;

    if (hm_linux_kept_set(root, before, &why) != HM_OK) {
        hm_err_prefix(err, "%s (and it was not put back) after", why.text);
    }
}

enum hm_status hm_linux_change(const char *root, const struct hm_action *action,
                               struct hm_arena *arena, struct hm_err *err)
{
    bool is_range = action->kind == HM_ACTION_SET_RANGE;
    struct hm_linux_kept_bytes before;
    struct hm_linux_kept kept;
    struct hm_linux_put put;
    enum hm_status st;

    if ((!is_range && action->kind != HM_ACTION_SET_SYSCTL_RESERVED) ||
        (is_range && (!action->has_range || action->has_protocol || action->has_family))) {
        return hm_fail(err, HM_EUNSUPPORTED,
                       "%s of one stack: Linux has one list and one range for all of them",
                       hm_action_kind_names[action->kind]);
    }
    st = hm_linux_kept_save(root, arena, &before, err);
    if (st == HM_OK) {
        st = prepare(root, action, arena, &kept, err);
    }
    if (st == HM_OK) {
        st = hm_linux_kept_put(root, &kept, arena, &put, err);
    }
    if (st != HM_OK) {
        return st;
    }
    st = is_range ? write_range(root, action->range, err)
                  : write_list(root, action->ports, kept.owned, arena, err);
    if (st != HM_OK && put.changed) {
        put_back(root, &before, err);
    }
    return st;
}

/* ---- kept ---------------------------------------------------------------------------------- */

static enum hm_status read_ledger(const struct hm_ledger *ledger, struct hm_arena *arena,
                                  struct hm_linux_kept *out_kept, struct hm_err *err)
{
    struct hm_linux_kept kept = {.has_range = false};
    enum hm_status st = HM_OK;

    if (ledger->has_sysctl) {
        st = owned_ports(&ledger->sysctl.owned, arena, &kept.owned, err);
    }
    for (size_t i = 0; i < ledger->ranges.count; i++) {
        const struct hm_ledger_range *row = &ledger->ranges.at[i];

        if (!row->has_protocol) {
            kept.has_range = true;
            kept.range = row->has_pending ? row->pending : row->range;
        }
    }
    *out_kept = kept;
    return st;
}

/* Adds what the running list lacks of them. */
static enum hm_status add_missing(const char *root, struct hm_ports wanted, struct hm_arena *arena,
                                  struct hm_ports *out_added, struct hm_err *err)
{
    struct hm_ports now;
    struct hm_ports missing = {NULL, 0};
    enum hm_status st = hm_linux_running(root, arena, &now, err);

    if (st == HM_OK) {
        st = hm_ports_subtract(wanted, now, arena, &missing, err);
    }
    if (st == HM_OK && missing.count > 0) {
        st = hm_linux_reserved_add(root, missing, arena, err);
    }
    *out_added = missing;
    return st;
}

enum hm_status hm_linux_keep(const char *root, const struct hm_ledger *ledger,
                             struct hm_arena *arena, struct hm_kept *out_kept, struct hm_err *err)
{
    struct hm_linux_kept kept;
    struct hm_linux_put put;
    struct hm_ports added;
    enum hm_status st = read_ledger(ledger, arena, &kept, err);

    if (st == HM_OK) {
        st = hm_linux_kept_put(root, &kept, arena, &put, err);
    }
    if (st == HM_OK && put.hidden.count > 0) {
        st = add_missing(root, put.hidden, arena, &added, err);
    }
    if (st == HM_OK) {
        *out_kept = (struct hm_kept){put.lacked, kept.owned.count > 0 ? put.how : ""};
    }
    return st;
}

enum hm_status hm_linux_leave(const char *root, struct hm_arena *arena, struct hm_err *err)
{
    struct hm_linux_kept kept;
    struct hm_linux_put put;
    enum hm_status st = hm_linux_boot_file_get(root, arena, &kept, err);

    if (st != HM_OK || (kept.owned.count == 0 && !kept.has_range)) {
        return st; /* what the other file keeps needs nobody */
    }
    kept.stays = true;
    return hm_linux_kept_put(root, &kept, arena, &put, err);
}

enum hm_status hm_linux_reapply(const char *root, const struct hm_ledger *ledger, bool always,
                                struct hm_arena *arena, bool *out_added, struct hm_err *err)
{
    struct hm_linux_kept kept;
    struct hm_ports now;
    struct hm_ports missing = {NULL, 0};
    const char *how = "";
    bool by_unit = false;
    bool loaded = always;
    enum hm_status st = hm_linux_boot_unit(root, arena, &by_unit, &how, err);

    *out_added = false;
    if (st != HM_OK || !by_unit) {
        return st; /* our file is read after all others of sysctl.d then; what takes our ports out
                      all the same (/etc/sysctl.conf, sysctl -p) is for the next plan */
    }
    st = read_ledger(ledger, arena, &kept, err);
    if (st == HM_OK) {
        st = hm_linux_running(root, arena, &now, err);
    }
    if (st == HM_OK) {
        st = hm_ports_subtract(kept.owned, now, arena, &missing, err);
    }
    if (st == HM_OK && missing.count > 0 && !loaded) {
        st = hm_linux_sysctl_is_loaded(root, now, arena, &loaded, err);
    }
    if (st == HM_OK && missing.count > 0 && loaded) {
        st = hm_linux_reserved_add(root, missing, arena, err);
        *out_added = st == HM_OK;
    }
    return st;
}

/* ---- at boot ------------------------------------------------------------------------------- */

static enum hm_status set_boot_range(const char *root, struct hm_range range,
                                     struct hm_arena *arena, bool *out_set, struct hm_err *err)
{
    struct hm_range now;
    char *text;
    size_t len;
    enum hm_status st = hm_linux_sysctl_read(root, HM_LINUX_RANGE, arena, &text, &len, err);

    if (st == HM_OK) {
        st = hm_sysctl_parse_range(text, len, &now, err);
    }
    *out_set = st == HM_OK && (now.first != range.first || now.last != range.last);
    return *out_set ? write_range(root, range, err) : st;
}

enum hm_status hm_linux_at_boot(const char *root, struct hm_arena *arena, const char **out_text,
                                struct hm_err *err)
{
    struct hm_linux_kept kept = {.has_range = false};
    struct hm_ports added = {NULL, 0};
    bool set = false;
    struct hm_err why;
    enum hm_status st = hm_linux_boot_file_get(root, arena, &kept, err);
    enum hm_status range_st = HM_OK;

    if (st == HM_OK && kept.owned.count > 0) {
        st = add_missing(root, kept.owned, arena, &added, err);
    }
    if (st != HM_ENOMEM && kept.has_range) {
        range_st = set_boot_range(root, kept.range, arena, &set, &why);
    }
    if (st == HM_OK && range_st != HM_OK) {
        return hm_fail(err, range_st, "%s", why.text);
    }
    if (st == HM_OK && kept.damaged != NULL) {
        return hm_fail(err, HM_EINVAL, HM_LINUX_BOOT_FILE ": this line cannot be used: %s",
                       kept.damaged);
    }
    if (st == HM_OK) {
        const char *ports = hm_ports_text(added, arena);
        const char *range =
            hm_arena_printf(arena, "%s%u-%u", added.count > 0 ? "; range " : "range ",
                            (unsigned)kept.range.first, (unsigned)kept.range.last);

        *out_text = ports == NULL || range == NULL
                        ? NULL
                        : hm_arena_printf(arena, "%s%s%s", added.count > 0 ? "reserved " : "",
                                          ports, set ? range : "");
        st = *out_text == NULL ? hm_fail(err, HM_ENOMEM, "no memory to reserve ports") : HM_OK;
    }
    return st;
}
