/* server/ingest/checkin_store.c — what a check-in changes in the store, in one transaction.
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "server/ingest/checkin.h"
#include "server/store/entities_policy.h"
#include "server/store/own_findings.h"

static enum hm_status tell(struct hm_session *s, const struct hm_ingest *ingest, const char *kind,
                           const char *before, const char *after, const char *why,
                           struct hm_err *err)
{
    const char *actor = hm_arena_printf(ingest->arena, "agent %s", ingest->report.name);
    const struct hm_event event = {
        .at_ms = ingest->now_ms,
        .kind = kind,
        .host_id = ingest->host_id,
        .host_name = ingest->report.name,
        .actor = actor,
        .peer = ingest->peer,
        .before = before,
        .after = after,
        .why = why,
    };

    return hm_events_append(s, &event, err);
}

/* Bodies that came, and which of them the host has from now on. */
static enum hm_status put_documents(struct hm_session *s, const struct hm_ingest *ingest,
                                    struct hm_err *err)
{
    for (size_t i = 0; i < HM_FLEET_DOCUMENTS; i++) {
        const struct hm_ingest_piece *piece = &ingest->pieces[i];
        const char *kind = hm_ingest_kinds[i];
        enum hm_status st = HM_OK;

        if (piece->digest == NULL || ingest->report.missing[i] ||
            strcmp(piece->digest, ingest->known.digests[i]) == 0) {
            continue;
        }
        if (piece->body != NULL) {
            st = hm_documents_put(s, piece->digest, kind, piece->body, piece->len, ingest->now_ms,
                                  err);
        }
        if (st == HM_OK) {
            st = hm_documents_assign(s, ingest->host_id, kind, piece->digest, ingest->now_ms, err);
        }
        if (st != HM_OK) {
            return st;
        }
    }
    return HM_OK;
}

static enum hm_status put_judgement(struct hm_session *s, const struct hm_ingest *ingest,
                                    bool first, struct hm_host_row *row, struct hm_err *err)
{
    const struct hm_verdict_part parts[] = {
        {&ingest->findings.verdicts, "agent"    }, /* it has seen the sockets: it wins */
        {&ingest->own.verdicts,      "collector"},
    };
    const struct hm_findings *findings =
        ingest->has_findings ? &ingest->findings.findings : &ingest->own.findings;
    uint32_t counts[4];
    enum hm_status st = hm_verdicts_replace_parts(s, ingest->host_id, parts, HM_COUNT(parts), first,
                                                  ingest->now_ms, counts, err);

    if (st == HM_OK) {
        st = hm_findings_replace(s, ingest->host_id, findings, first, ingest->now_ms, err);
    }
    if (st == HM_OK) {
        row->safe = counts[HM_SAFE];
        row->unknown = counts[HM_UNKNOWN];
        row->exposed = counts[HM_EXPOSED];
        row->blocked = counts[HM_BLOCKED];
        row->incomplete = (ingest->has_findings && ingest->findings.incomplete) ||
                          (ingest->has_inventory && ingest->own.incomplete);
    }
    return st;
}

/* Facts of the report that the row repeats, so that lists can be filtered by them. */
static void fill_row(const struct hm_ingest *ingest, struct hm_host_row *row)
{
    const char **digests[HM_FLEET_DOCUMENTS] = {&row->inventory_digest, &row->findings_digest,
                                                &row->outcome_digest};

    row->name = ingest->report.name;
    row->agent_version = ingest->report.version;
    row->boot_id = ingest->report.boot_id;
    row->seq = ingest->report.seq;
    row->last_seen_ms = ingest->now_ms;
    row->silent_since_ms = 0;
    if (row->first_seen_ms == 0) {
        row->first_seen_ms = ingest->now_ms;
    }
    if (ingest->has_inventory) {
        row->os_family = hm_os_family_names[ingest->inventory.os.family];
        row->os_name = ingest->inventory.os.name;
        row->os_version = ingest->inventory.os.version;
    }
    if (ingest->sample_json[0] != '\0') {
        row->sample_json = ingest->sample_json;
    }
    for (size_t i = 0; i < HM_FLEET_DOCUMENTS; i++) {
        if (ingest->pieces[i].digest != NULL && !ingest->report.missing[i]) {
            *digests[i] = ingest->pieces[i].digest;
        }
    }
}

static enum hm_status put_events(struct hm_session *s, const struct hm_ingest *ingest,
                                 const struct hm_host_row *before, struct hm_err *err)
{
    const struct hm_fleet_report *report = &ingest->report;
    const struct {
        bool is;
        const char *kind;
        const char *before;
        const char *after;
    } rows[] = {
        {before->first_seen_ms == 0,                           "host_first_report",   "",              ""                                                                  },
        {before->silent_since_ms != 0,                         "host_returned",       "",              ""                                                                  },
        {before->boot_id[0] != '\0' && strcmp(before->boot_id, report->boot_id) != 0,
         "host_rebooted",                                                                              before->boot_id,                                                      report->boot_id},
        {strcmp(before->name,                                                    report->name) != 0,                                                       "host_renamed", before->name, report->name},
        {ingest->checkin.unsent_dropped > 0,                                        "reports_dropped",                                                             "",                                           ""                                                      },
    };

    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        if (rows[i].is) {
            enum hm_status st =
                tell(s, ingest, rows[i].kind, rows[i].before, rows[i].after, "", err);

            if (st != HM_OK) {
                return st;
            }
        }
    }
    return HM_OK;
}

/* What policies match by, and how far the host is with those that it has. */
static enum hm_status put_policies(struct hm_session *s, struct hm_ingest *ingest,
                                   const struct hm_host_row *row, bool renamed, struct hm_err *err)
{
    enum hm_status st = HM_OK;

    ingest->matched_anew = ingest->new_inventory || renamed;
    ingest->os_family = row->os_family;
    ingest->os_version = row->os_version;
    if (ingest->new_inventory) {
        st = hm_hosts_set_services(s, ingest->host_id, ingest->services, err);
    }
    if (st == HM_OK && ingest->has_outcome) {
        st = hm_host_policies_report(s, row, &ingest->outcome, ingest->peer, ingest->now_ms,
                                     ingest->arena, err);
    }
    return st;
}

/* What the agent refused as a whole has no policy's row that could tell of it. */
static enum hm_status put_refused(struct hm_session *s, const struct hm_ingest *ingest,
                                  struct hm_err *err)
{
    struct hm_finding finding = hm_own_finding(HM_OWN_DELIVERY_REFUSED);
    const char *refused = ingest->outcome.refused;

    if (refused[0] != '\0') {
        finding.text = hm_arena_printf(ingest->arena, "%s %s", finding.text, refused);
        if (finding.text == NULL) {
            return hm_fail(err, HM_ENOMEM, "no memory for a host's findings");
        }
    }
    return hm_findings_set(s, ingest->host_id, &finding, refused[0] != '\0', ingest->now_ms, err);
}

enum hm_status hm_ingest_store(struct hm_session *s, struct hm_ingest *ingest, struct hm_err *err)
{
    struct hm_host_row row;
    bool first;
    bool was_silent;
    bool renamed;
    enum hm_status st = hm_hosts_get_by_id(s, ingest->host_id, ingest->arena, &row, err);

    if (st == HM_ENOENT) {
        return hm_fail_code(err, HM_EDENIED, "unauthenticated",
                            "this host was removed meanwhile: enrol it again");
    }
    if (st != HM_OK) {
        return st;
    }
    first = row.first_seen_ms == 0;
    was_silent = row.silent_since_ms != 0;
    renamed = strcmp(row.name, ingest->report.name) != 0;
    st = put_events(s, ingest, &row, err);
    if (st == HM_OK) {
        st = put_documents(s, ingest, err);
    }
    if (st == HM_OK && ingest->judged) {
        st = put_judgement(s, ingest, first, &row, err);
    }
    if (st == HM_OK && was_silent) {
        struct hm_finding finding = hm_own_finding(HM_OWN_SILENT_HOST);

        st = hm_findings_set(s, ingest->host_id, &finding, false, ingest->now_ms, err);
    }
    if (st == HM_OK && ingest->has_outcome) {
        st = put_refused(s, ingest, err);
    }
    fill_row(ingest, &row);
    if (st == HM_OK && (ingest->judged || was_silent || ingest->has_outcome)) {
        st = hm_hosts_count_findings(s, &row, err);
    }
    if (st == HM_OK) {
        st = hm_hosts_put(s, &row, ingest->now_ms, err);
    }
    return st == HM_OK ? put_policies(s, ingest, &row, renamed, err) : st;
}
