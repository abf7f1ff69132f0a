/* agent/report.c — the documents of a report, as large as a collector takes them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/report.h"

#include <string.h>

#include "common/base/limits.h"
#include "common/ports/listener_ranges.h"
#include "common/wire/records.h"

static enum hm_status encode(const struct hm_record *record, const void *from, struct hm_buf *json,
                             struct hm_err *err)
{
    hm_buf_reset(json);
    return hm_record_encode(record, from, json, err);
}

enum hm_status hm_report_inventory(const struct hm_inventory *inventory, struct hm_arena *arena,
                                   struct hm_buf *json, const char **out_note, struct hm_err *err)
{
    struct hm_inventory part = *inventory;
    struct hm_listeners rows;
    enum hm_status st = hm_listeners_to_rows(&inventory->listeners, arena, &rows, err);
    size_t count;

    *out_note = "";
    if (st != HM_OK) {
        return st;
    }
    count = rows.count < HM_LIMIT_LISTENERS ? rows.count : HM_LIMIT_LISTENERS;
    part.listeners = rows;
    st = count == rows.count ? encode(&hm_record_inventory, &part, json, err) : HM_ETOOBIG;
    if (st != HM_ETOOBIG) {
        return st;
    }
    part.listeners.at = hm_arena_alloc(arena, rows.count, sizeof(*rows.at));
    if (part.listeners.at == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for %zu listeners", rows.count);
    }
    part.listeners_partial = true;
    while (st == HM_ETOOBIG && part.listeners.count + part.port_book.count > 0) {
        memcpy(part.listeners.at, rows.at, rows.count * sizeof(*rows.at));
        part.listeners.count = rows.count;
        hm_listeners_cut(&part.listeners, count);
        st = encode(&hm_record_inventory, &part, json, err);
        part.port_book.count /= count == 0 ? 2 : 1;
        count /= 2;
    }
    if (st == HM_OK) {
        *out_note = hm_arena_printf(
            arena,
            "The inventory of this report has %zu of %zu rows of listeners and %zu of %zu rows of "
            "the port book: all of them are more than its %u bytes. On the host itself, hm-agent "
            "check judges them all.",
            part.listeners.count, rows.count, part.port_book.count, inventory->port_book.count,
            HM_LIMIT_DOCUMENT_BYTES);
        st = *out_note == NULL ? hm_fail(err, HM_ENOMEM, "no memory for a note") : HM_OK;
    }
    return st;
}

static enum hm_status add_note(struct hm_judgement *judgement, const char *note,
                               struct hm_arena *arena, struct hm_err *err)
{
    const struct hm_strings old = judgement->unknown;
    const char **at = hm_arena_alloc(arena, old.count + 1, sizeof(*at));

    if (at == NULL || note == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for a note");
    }
    at[0] = note;
    for (size_t i = 0; i < old.count; i++) {
        at[i + 1] = old.at[i];
    }
    judgement->unknown = (struct hm_strings){at, old.count + 1};
    return HM_OK;
}

enum hm_status hm_report_findings(struct hm_judgement *judgement, const char *note,
                                  struct hm_arena *arena, struct hm_buf *json, struct hm_err *err)
{
    const struct hm_judgement all = *judgement;
    struct hm_judgement *part = judgement;
    enum hm_status st = note[0] == '\0' ? HM_OK : add_note(judgement, note, arena, err);

    if (st == HM_OK) {
        st = encode(&hm_record_findings, judgement, json, err);
    }
    if (st != HM_ETOOBIG) {
        return st;
    }
    st = add_note(judgement,
                  "This report leaves out findings, verdicts or observed ports of the host, the "
                  "least severe ones first, as it would be too large. On the host itself, hm-agent "
                  "check lists them all.",
                  arena, err);
    if (st == HM_OK) {
        st = HM_ETOOBIG;
    }
    for (; st == HM_ETOOBIG; st = encode(&hm_record_findings, part, json, err)) {
        if (part->observed.count > 0) {
            part->observed.count /= 2;
        } else if (part->findings.count > all.findings.count / 64) {
            part->findings.count /= 2; /* they come by severity */
        } else if (part->verdicts.count > 0) {
            part->verdicts.count /= 2;
        } else {
            return encode(&hm_record_findings, part, json, err);
        }
    }
    return st;
}
