/* agent/platform/recorded/stacks.c — dynamic ranges and exclusions of a recorded host.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/recorded/recorded.h"

#include <string.h>

#include "agent/platform/windows_rules.h"
#include "common/base/str.h"
#include "common/readers/netsh_text.h"
#include "common/readers/netsh_title.h"
#include "common/readers/sysctl_ports.h"
#include "common/readers/sysctl_remedy.h"

#define SYSCTL_FILE "sysctl.txt"
#define SETTINGS_FILE "sysctl-files.txt"
#define UNIT_FILE "havenmaster-reserve.ports" /* as agent/platform/linux writes it */

/* netsh refused when the host was recorded: its facts are unknown, and that is a finding. */
static enum hm_status note_refused(struct hm_recorded *recorded, const char *command,
                                   const struct hm_recorded_file *file, const char *unknown,
                                   struct hm_err *err)
{
    struct hm_refusal refusal = {.command = command, .bytes = file->text, .len = file->len};
    struct hm_span line = hm_str_trim(file->text, file->len);
    enum hm_status st = hm_notes_add(&recorded->notes, err, "%s: %.*s: %s", file->name,
                                     (int)line.len, line.at, unknown);

    if (st == HM_OK) {
        refusal.reason = hm_arena_strndup(recorded->arena, line.at, line.len);
        st = refusal.reason != NULL ? hm_notes_add_refusal(&recorded->notes, &refusal, err)
                                    : hm_fail(err, HM_ENOMEM, "no memory for %s", file->name);
    }
    return st;
}

/* A listing that was cut under its heading, or of another protocol, or of the other family, copied
 * to this name: judging with its rows would be worse than without. false: it is right, or does not
 * tell. */
static bool is_foreign(const struct hm_recorded_file *file, const struct hm_stack *stack,
                       const char **out_holds)
{
    struct hm_netsh_title title = hm_netsh_read_title((struct hm_span){file->text, file->len});

    if (title.has_protocol && title.protocol != stack->protocol) {
        *out_holds = title.protocol == HM_TCP ? "the listing of tcp" : "the listing of udp";
        return true;
    }
    if (title.has_family && title.family != stack->family) {
        *out_holds = title.family == HM_IPV4 ? "the listing of ipv4" : "the listing of ipv6";
        return true;
    }
    *out_holds = "the heading of a list and nothing behind it (it was cut)";
    return title.heading_only;
}

static enum hm_status read_dynamic(struct hm_recorded *recorded, unsigned index,
                                   struct hm_stack *stack, struct hm_recorded_file *file,
                                   struct hm_err *err)
{
    const struct hm_windows_listing listing = {hm_recorded_netsh_failed(file), file->text,
                                               file->len};
    const char *unknown = "its dynamic range is unknown";
    const char *holds;
    enum hm_status st;

    if (!file->there) {
        return hm_recorded_missing(recorded, file->name, unknown, err);
    }
    if (!listing.failed && is_foreign(file, stack, &holds)) {
        return hm_recorded_note(recorded, file, holds, unknown, err);
    }
    st = hm_windows_take_dynamic(&listing, stack, err);
    if (st == HM_EUNSUPPORTED) {
        return note_refused(recorded, hm_windows_dynamic_commands[index], file, unknown, err);
    }
    return st == HM_OK ? HM_OK : hm_recorded_refused(recorded, file, HM_TEXT_DYNAMIC, unknown, err);
}

static enum hm_status read_excluded(struct hm_recorded *recorded, unsigned index,
                                    struct hm_stack *stack, struct hm_recorded_file *file,
                                    struct hm_err *err)
{
    const struct hm_windows_listing listing = {hm_recorded_netsh_failed(file), file->text,
                                               file->len};
    const char *unknown = "its exclusions are unknown";
    struct hm_stack taken = *stack;
    bool ends = false;
    const char *holds;
    enum hm_status st;

    if (!file->there) {
        return hm_recorded_missing(recorded, file->name, unknown, err);
    }
    if (!listing.failed && is_foreign(file, stack, &holds)) {
        return hm_recorded_note(recorded, file, holds, unknown, err);
    }
    st = hm_windows_take_excluded(&listing, &recorded->seen.inventory.os, recorded->arena, &taken,
                                  err);
    if (st == HM_OK && !listing.failed) {
        st = hm_netsh_ends_with_row((struct hm_span){file->text, file->len}, &ends, err);
    }
    if (st == HM_OK && ends) {
        return hm_recorded_note(recorded, file,
                                "a list that ends with a row, without the line that netsh prints "
                                "below (\"* - ...\"; it was cut, or copied without it)",
                                unknown, err);
    }
    if (st == HM_OK) {
        *stack = taken;
    }
    if (st == HM_EUNSUPPORTED) {
        return note_refused(recorded, hm_windows_excluded_commands[index], file, unknown, err);
    }
    return st == HM_OK ? HM_OK
                       : hm_recorded_refused(recorded, file, HM_TEXT_EXCLUDED, unknown, err);
}

static enum hm_status read_netsh(struct hm_recorded *recorded, unsigned index, struct hm_err *err)
{
    const char *protocol = hm_protocol_names[index < 2 ? HM_TCP : HM_UDP];
    const char *family = hm_family_names[index % 2 == 0 ? HM_IPV4 : HM_IPV6];
    const char *names[2] = {
        hm_arena_printf(recorded->arena, "%s-%s-dynamicport.txt", family, protocol),
        hm_arena_printf(recorded->arena, "%s-%s-excludedportrange.txt", family, protocol)};
    struct hm_recorded_file files[2];
    struct hm_stack *stack;
    enum hm_status st = HM_OK;

    if (names[0] == NULL || names[1] == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the netsh files");
    }
    for (size_t i = 0; st == HM_OK && i < 2; i++) {
        st = hm_recorded_read(recorded, names[i], &files[i], err);
    }
    if (st != HM_OK) {
        return st;
    }
    if (files[0].found == NULL && files[1].found == NULL) {
        return hm_notes_add(&recorded->notes, err,
                            "%s and %s are missing: range and exclusions of %s over %s are unknown",
                            names[0], names[1], protocol, family);
    }
    stack = hm_windows_add_stack(&recorded->seen.inventory.stacks, index);
    st = read_dynamic(recorded, index, stack, &files[0], err);
    return st == HM_OK ? read_excluded(recorded, index, stack, &files[1], err) : st;
}

/* What the host loads at boot, optional. */
static enum hm_status read_settings(struct hm_recorded *recorded,
                                    struct hm_sysctl_ports *out_settings, bool *out_has,
                                    struct hm_err *err)
{
    struct hm_recorded_file file;
    enum hm_status st = hm_recorded_read(recorded, SETTINGS_FILE, &file, err);

    *out_has = st == HM_OK && file.found != NULL;
    if (st == HM_OK && file.there) {
        struct hm_sysctl_files files = {NULL, NULL, false};

        st = hm_sysctl_see_files((struct hm_span){file.text, file.len}, recorded->arena, &files,
                                 err);
        recorded->seen.reserved_behind = files.reserved_behind;
        recorded->seen.range_behind = files.range_behind;
        recorded->seen.settings_mixed = files.mixed;
    }
    return st == HM_OK && file.there
               ? hm_sysctl_take_settings((struct hm_span){file.text, file.len}, recorded->arena,
                                         out_settings, err)
               : st;
}

/* What havenmaster-reserve.service adds to that, optional. */
static enum hm_status add_unit(struct hm_recorded *recorded, struct hm_sysctl_ports *settings,
                               struct hm_err *err)
{
    struct hm_sysctl_ports added = {0};
    struct hm_recorded_file file;
    enum hm_status st = hm_recorded_read(recorded, UNIT_FILE, &file, err);

    if (st != HM_OK || !file.there) {
        return st;
    }
    st = hm_sysctl_take_settings((struct hm_span){file.text, file.len}, recorded->arena, &added,
                                 err);
    if (st == HM_OK && added.has_reserved) {
        settings->has_reserved = true;
        st = hm_ports_union(settings->reserved, added.reserved, recorded->arena,
                            &settings->reserved, err);
    }
    if (added.has_range) {
        settings->has_range = true;
        settings->range = added.range;
    }
    return st;
}

static enum hm_status read_sysctl(struct hm_recorded *recorded, struct hm_err *err)
{
    struct hm_sysctl_ports ports = {0};
    struct hm_sysctl_ports settings = {0};
    bool has_settings = false;
    struct hm_recorded_file file;
    enum hm_status st = hm_recorded_read(recorded, SYSCTL_FILE, &file, err);

    if (st == HM_OK && !file.there) {
        st = hm_recorded_missing(recorded, SYSCTL_FILE,
                                 "dynamic range and reserved ports are unknown", err);
    } else if (st == HM_OK) {
        st = hm_sysctl_parse(file.text, file.len, recorded->arena, &ports, err);
        if (st != HM_OK) {
            st = hm_recorded_refused(recorded, &file, HM_TEXT_SYSCTL,
                                     "dynamic range and reserved ports are unknown", err);
        }
        if (st == HM_OK && file.there && !ports.has_range) {
            st = hm_notes_add(&recorded->notes, err,
                              SYSCTL_FILE " has no net.ipv4.ip_local_port_range: the dynamic range "
                                          "is unknown");
        }
        if (st == HM_OK && file.there && !ports.has_reserved) {
            st = hm_notes_add(&recorded->notes, err,
                              SYSCTL_FILE " has no net.ipv4.ip_local_reserved_ports: reserved "
                                          "ports are unknown");
        }
    }
    if (st == HM_OK) {
        st = read_settings(recorded, &settings, &has_settings, err);
    }
    if (st == HM_OK && has_settings) {
        st = add_unit(recorded, &settings, err);
    }
    if (st == HM_OK && settings.refused != NULL) {
        st = hm_notes_add(&recorded->notes, err,
                          SETTINGS_FILE
                          ": a line does not count, as the kernel does not take it: %s",
                          settings.refused);
    }
    if (st == HM_OK && !has_settings && ports.reserved.count > 0) {
        st = hm_recorded_missing(recorded, SETTINGS_FILE,
                                 "whether the reserved ports outlive a boot is unknown; gather it "
                                 "with \"systemd-analyze cat-config sysctl.d > sysctl-files.txt\"",
                                 err);
    }
    for (unsigned i = 0; st == HM_OK && i < HM_STACK_COUNT; i++) {
        struct hm_stack *stack = hm_windows_add_stack(&recorded->seen.inventory.stacks, i);

        stack->has_dynamic = ports.has_range;
        stack->dynamic = ports.range;
        stack->has_administered = ports.has_reserved;
        stack->administered = ports.reserved;
        stack->has_runtime = true; /* Linux has no such thing */
        if (!has_settings) {
            hm_sysctl_doubt_next(stack);
        } else {
            st = hm_sysctl_set_next(&settings, recorded->arena, stack, err);
        }
    }
    return st;
}

enum hm_status hm_recorded_stacks(struct hm_recorded *recorded, struct hm_err *err)
{
    struct hm_inventory *inventory = &recorded->seen.inventory;
    enum hm_status st = HM_OK;

    inventory->stacks.at =
        hm_arena_alloc(recorded->arena, HM_STACK_COUNT, sizeof(*inventory->stacks.at));
    if (inventory->stacks.at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the port ranges");
    }
    if (inventory->os.family == HM_OS_LINUX) {
        return read_sysctl(recorded, err);
    }
    if (hm_os_is_legacy(&inventory->os)) {
        return hm_recorded_legacy_stacks(recorded, err);
    }
    for (unsigned i = 0; st == HM_OK && i < HM_STACK_COUNT; i++) {
        st = read_netsh(recorded, i, err);
    }
    return st;
}
