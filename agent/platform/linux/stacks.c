/* agent/platform/linux/stacks.c — dynamic range and reserved ports of this network namespace.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/linux/linux.h"

#include "common/readers/sysctl_ports.h"

static enum hm_status note(struct hm_notes *notes, enum hm_status st, const char *what,
                           const struct hm_err *why, struct hm_err *err)
{
    if (st == HM_ENOMEM) {
        return hm_fail(err, HM_ENOMEM, "%s", why->text);
    }
    return hm_notes_add(notes, err, "%s: %s", what, why->text);
}

enum hm_status hm_linux_stacks(const char *root, struct hm_notes *notes,
                               struct hm_stacks *out_stacks, struct hm_err *err)
{
    struct hm_stack *stacks = hm_arena_alloc(notes->arena, HM_STACK_COUNT, sizeof(*stacks));
    struct hm_stack common = {.has_runtime = true}; /* Linux has no runtime exclusions */
    struct hm_err why;
    enum hm_status st;
    char *text;
    size_t len;

    if (stacks == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the port ranges");
    }
    st = hm_linux_sysctl_read(root, HM_LINUX_RANGE, notes->arena, &text, &len, &why);
    if (st == HM_OK) {
        st = hm_sysctl_parse_range(text, len, &common.dynamic, &why);
    }
    common.has_dynamic = st == HM_OK;
    if (st != HM_OK && note(notes, st, "dynamic range", &why, err) != HM_OK) {
        return HM_ENOMEM;
    }
    st = hm_linux_sysctl_read(root, HM_LINUX_RESERVED, notes->arena, &text, &len, &why);
    if (st == HM_OK) {
        st = hm_sysctl_parse_reserved(text, len, notes->arena, &common.administered, &why);
    }
    common.has_administered = st == HM_OK;
    if (st != HM_OK && note(notes, st, "reserved ports", &why, err) != HM_OK) {
        return HM_ENOMEM;
    }
    st = hm_linux_sysctl_next(root, notes->arena, &common, err);
    if (st != HM_OK) {
        return st;
    }
    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        stacks[i] = common;
        stacks[i].protocol = i < 2 ? HM_TCP : HM_UDP;
        stacks[i].family = i % 2 == 0 ? HM_IPV4 : HM_IPV6;
    }
    *out_stacks = (struct hm_stacks){stacks, HM_STACK_COUNT};
    return HM_OK;
}
