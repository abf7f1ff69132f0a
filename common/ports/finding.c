/* common/ports/finding.c — the registry of finding kinds, and how their findings become a list.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/ports/finding_kind.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/ports/finding_kinds.h"

const char *const hm_severity_names[4] = {"info", "low", "medium", "high"};

const struct hm_finding_kind *const hm_finding_kinds[] = {
    &hm_finding_dns_pool_overlap,
    &hm_finding_dynamic_range_moved,
    &hm_finding_exclusions_shifted,
    &hm_finding_exclusions_unsupported,
    &hm_finding_exhaustion_events,
    &hm_finding_family_gap,
    &hm_finding_few_free_blocks,
    &hm_finding_low_headroom,
    &hm_finding_max_user_port_set,
    &hm_finding_own_port_at_risk,
    &hm_finding_protocol_gap,
    &hm_finding_required_in_dynamic,
    &hm_finding_required_in_runtime_exclusion,
    &hm_finding_required_port_held,
    &hm_finding_reserved_ports_ignored,
    &hm_finding_reserved_ports_neighbours,
    &hm_finding_reserver_excluded,
};
const size_t hm_finding_kinds_count = HM_COUNT(hm_finding_kinds);

static int compare(const void *a, const void *b)
{
    const struct hm_finding *x = a;
    const struct hm_finding *y = b;
    int by;

    if (x->severity != y->severity) {
        return x->severity > y->severity ? -1 : 1;
    }
    by = strcmp(x->kind, y->kind);
    return by != 0 ? by : strcmp(x->subject, y->subject);
}

/* Two products may require one port; the requirement named first speaks for both. */
static bool is_there(const struct hm_finding_list *list, size_t from, const char *subject)
{
    for (size_t i = from; i < list->count; i++) {
        if (strcmp(list->at[i].subject, subject) == 0) {
            return true;
        }
    }
    return false;
}

/* Drops what the kind that just looked has put twice. */
static void drop_doubles(struct hm_finding_list *list, size_t from)
{
    size_t left = from;
    size_t end = list->count;

    for (size_t i = from; i < end; i++) {
        list->count = left;
        if (!is_there(list, from, list->at[i].subject)) {
            list->at[left++] = list->at[i];
        }
    }
    list->count = left;
}

static bool add_fingerprints(struct hm_finding_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        struct hm_finding *finding = &list->at[i];
        uint64_t hash = hm_str_hash(HM_HASH_START, finding->kind, strlen(finding->kind) + 1);

        hash = hm_str_hash(hash, finding->subject, strlen(finding->subject));
        finding->fingerprint = hm_arena_printf(list->arena, "%016llx", (unsigned long long)hash);
        if (finding->fingerprint == NULL) {
            return false;
        }
    }
    return true;
}

enum hm_status hm_findings_look(const struct hm_finding_ctx *ctx, struct hm_findings *out_findings,
                                struct hm_err *err)
{
    struct hm_finding_list list = {.arena = ctx->arena, .status = HM_OK};

    for (size_t i = 0; i < hm_finding_kinds_count; i++) {
        size_t from = list.count;

        list.kind = hm_finding_kinds[i];
        list.kind->look(ctx, &list);
        drop_doubles(&list, from);
    }
    if (list.status == HM_OK && !add_fingerprints(&list)) {
        list.status = HM_ENOMEM;
    }
    if (list.status == HM_ETOOBIG) {
        return hm_fail(err, HM_ETOOBIG, "more than %u findings on one host", HM_LIMIT_FINDINGS);
    }
    if (list.status != HM_OK) {
        return hm_fail(err, list.status, "no memory for the findings of a host");
    }
    if (list.count > 1) {
        qsort(list.at, list.count, sizeof(*list.at), compare);
    }
    *out_findings = (struct hm_findings){list.at, list.count};
    return HM_OK;
}
