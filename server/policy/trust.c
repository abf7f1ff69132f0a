/* server/policy/trust.c — the next trust root of the fleet.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/policy/trust.h"

#include <inttypes.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/wire/records.h"

/* For the event. */
static const char *describe(const struct hm_trust_root *root, struct hm_arena *arena)
{
    struct hm_buf out;
    const char *text = NULL;

    hm_buf_init(&out, HM_LIMIT_API_BODY_BYTES);
    (void)hm_buf_printf(&out, "{\"version\":%" PRIu64 ",\"threshold\":%u,\"single_operator\":%s",
                        root->version, root->threshold, root->single_operator ? "true" : "false");
    for (size_t i = 0; i < root->approvers.count; i++) {
        (void)hm_buf_puts(&out, i == 0 ? ",\"approvers\":{" : ",");
        (void)hm_json_put_string(&out, root->approvers.at[i].name);
        (void)hm_buf_putc(&out, ':');
        (void)hm_json_put_string(&out, root->approvers.at[i].public_key);
    }
    (void)hm_buf_puts(&out, "}}");
    if (hm_buf_status(&out, NULL) == HM_OK) {
        text = hm_arena_strdup(arena, hm_buf_text(&out));
    }
    hm_buf_fini(&out);
    return text;
}

static enum hm_status check_next(const struct hm_trust_now *trust,
                                 const struct hm_envelope *envelope, struct hm_arena *arena,
                                 struct hm_trust_root *out_next, struct hm_err *err)
{
    enum hm_status st =
        hm_trust_root_accept(trust->has_root ? &trust->root : NULL, envelope, arena, out_next, err);

    if (st == HM_OK && strcmp(out_next->fleet, trust->fleet) != 0) {
        st = hm_fail_code(err, HM_EDENIED, HM_REFUSED_WRONG_FLEET,
                          "this trust root is of fleet %s, and this fleet is %s", out_next->fleet,
                          trust->fleet);
    }
    if (st == HM_OK && !trust->has_root && out_next->version != 1) {
        st = hm_fail_code(err, HM_EDENIED, HM_REFUSED_VERSION_GAP,
                          "the first trust root of a fleet has version 1, not %" PRIu64,
                          out_next->version);
    }
    return st;
}

enum hm_status hm_trust_turn(struct hm_session *s, const struct hm_envelope *envelope,
                             const struct hm_event *event, struct hm_arena *arena,
                             struct hm_err *err)
{
    struct hm_trust_row row = {.actor = event->actor, .created_ms = event->at_ms};
    struct hm_event copy = *event;
    struct hm_trust_root next;
    struct hm_trust_now trust;
    enum hm_status st = hm_trust_now(s, event->at_ms, arena, &trust, err);

    if (st == HM_OK) {
        st = check_next(&trust, envelope, arena, &next, err);
    }
    if (st == HM_OK) {
        row.version = next.version;
        st = hm_envelope_text(envelope, arena, &row.envelope, err);
    }
    if (st == HM_OK) {
        st = hm_trust_put(s, &row, err);
    }
    if (st != HM_OK) {
        return st;
    }
    copy.before = trust.has_root ? describe(&trust.root, arena) : "";
    copy.after = describe(&next, arena);
    return copy.before == NULL || copy.after == NULL
               ? hm_fail(err, HM_ENOMEM, "no memory for the event")
               : hm_events_append(s, &copy, err);
}
