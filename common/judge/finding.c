/* common/judge/finding.c — the registry of finding kinds, and how their findings become a list.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/finding_kind.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/judge/finding_kinds.h"
#include "common/judge/remedy.h"

#define FINGERPRINT_DIGITS 16u

const char *const hm_step_kind_names[HM_STEP_KIND_COUNT] = {
    "free", "reserve", "set", "start", "boot", "decide",
};

const char *const hm_severity_names[4] = {"info", "low", "medium", "high"};

const struct hm_finding_kind *const hm_finding_kinds[] = {
    &hm_finding_dns_pool_overlap,
    &hm_finding_dynamic_range_moved,
    &hm_finding_exclusions_shifted,
    &hm_finding_exclusions_unsupported,
    &hm_finding_exhaustion_events,
    &hm_finding_family_gap,
    &hm_finding_few_free_blocks,
    &hm_finding_listing_refused,
    &hm_finding_lost_at_boot,
    &hm_finding_low_headroom,
    &hm_finding_max_user_port_set,
    &hm_finding_max_user_port_undocumented,
    &hm_finding_own_port_at_risk,
    &hm_finding_protocol_gap,
    &hm_finding_range_contradicted,
    &hm_finding_range_sources_differ,
    &hm_finding_required_in_dynamic,
    &hm_finding_required_in_runtime_exclusion,
    &hm_finding_required_port_held,
    &hm_finding_required_port_not_served,
    &hm_finding_reservation_excluded,
    &hm_finding_reserved_ports_ignored,
    &hm_finding_reserved_ports_neighbours,
    &hm_finding_reserver_excluded,
    &hm_finding_service_not_running,
    &hm_finding_unknown_listener_on_required_port,
    &hm_finding_value_type_wrong,
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

/* Over kind and subject: what the fingerprint shows. */
static uint64_t hash_of(const struct hm_finding *finding)
{
    uint64_t hash = hm_str_hash(HM_HASH_START, finding->kind, strlen(finding->kind) + 1);

    return hm_str_hash(hash, finding->subject, strlen(finding->subject));
}

static const char *hex(uint64_t hash, struct hm_arena *arena)
{
    char *text = hm_arena_alloc(arena, FINGERPRINT_DIGITS + 1, 1);

    for (size_t i = 0; text != NULL && i < FINGERPRINT_DIGITS; i++) {
        text[i] = "0123456789abcdef"[hash >> (60 - 4 * i) & 15];
    }
    return text;
}

/* The place of the hash; count when it is not there. */
static size_t find_hash(const uint64_t *hashes, size_t count, uint64_t hash)
{
    size_t at = 0;

    while (at < count && hashes[at] != hash) {
        at++;
    }
    return at;
}

static const char *requirement_of(const struct hm_finding *finding)
{
    for (size_t i = 0; i < finding->evidence.count; i++) {
        if (hm_str_equal(finding->evidence.at[i].name, "requirement")) {
            return finding->evidence.at[i].value;
        }
    }
    return "";
}

static bool has_evidence(const struct hm_finding *finding, const struct hm_evidence *evidence)
{
    bool has = false;

    for (size_t i = 0; i < finding->evidence.count && !has; i++) {
        has = hm_str_equal(finding->evidence.at[i].name, evidence->name) &&
              hm_str_equal(finding->evidence.at[i].value, evidence->value);
    }
    return has;
}

/* Evidence that is about a product, and not about the port. */
static bool is_of_product(const char *name)
{
    return hm_str_equal(name, "requirement") || hm_str_equal(name, "event") ||
           hm_str_equal(name, "source");
}

/* Does it say no more than that the host restarts? */
static bool is_only_boot(const struct hm_finding *finding)
{
    return finding->steps.count == 1 && finding->needs_reboot;
}

/* Two products require the same ports: the finding that stays names the other one, too, and what
 * cures both. One remedy is the other's (hm_remedy_protect), or is a restart that cures one of
 * them, as what it needs is written already. */
static void take_in(struct hm_finding_list *list, struct hm_finding *finding,
                    const struct hm_finding *other)
{
    const char *title = requirement_of(other);
    const struct hm_evidence name = {"requirement", title};

    if (title[0] != '\0' && !has_evidence(finding, &name)) {
        finding->text = hm_finding_print(list, "%s %s requires %s, too.", finding->text, title,
                                         finding->subject);
    }
    for (size_t i = 0; i < other->evidence.count; i++) {
        if (is_of_product(other->evidence.at[i].name) &&
            !has_evidence(finding, &other->evidence.at[i])) {
            hm_finding_evidence(list, finding, other->evidence.at[i].name,
                                other->evidence.at[i].value);
        }
    }
    finding->severity = other->severity > finding->severity ? other->severity : finding->severity;
    finding->counts = finding->counts || other->counts;
    if (is_only_boot(finding) && !is_only_boot(other)) {
        const struct hm_remedy_step boot = finding->steps.at[0];

        finding->remedy = other->remedy;
        finding->steps = other->steps;
        finding->commands = other->commands;
        finding->needs_reboot = true;
        if (!other->needs_reboot) {
            hm_remedy_own_steps(list, finding);
            hm_remedy_restart(list, finding, boot.text);
        }
    } else if (is_only_boot(other) && !finding->needs_reboot) {
        hm_remedy_own_steps(list, finding);
        hm_remedy_restart(list, finding, other->steps.at[0].text);
        finding->needs_reboot = true;
    }
}

/* Merges what the kind that just looked has put twice. */
static void finish_kind(struct hm_finding_list *list, size_t from)
{
    size_t count = list->count - from;
    uint64_t *hashes = hm_arena_alloc(list->arena, count, sizeof(*hashes));
    size_t left = 0;

    if (hashes == NULL) {
        list->status = list->status == HM_OK ? HM_ENOMEM : list->status;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t hash = hash_of(&list->at[from + i]);
        struct hm_finding *finding = &list->at[from + left];
        size_t same;

        same = find_hash(hashes, left, hash);
        if (same < left) {
            if (list->kind->of_ports) {
                take_in(list, &list->at[from + same], &list->at[from + i]);
            }
            continue;
        }
        if (left != i) {
            *finding = list->at[from + i];
        }
        hashes[left++] = hash;
        finding->fingerprint = hex(hash, list->arena);
        if (finding->fingerprint == NULL) {
            list->status = list->status == HM_OK ? HM_ENOMEM : list->status;
            return;
        }
    }
    list->count = from + left;
}

enum hm_status hm_findings_look(const struct hm_finding_ctx *ctx, struct hm_findings *out_findings,
                                struct hm_err *err)
{
    struct hm_finding_list list = {
        .arena = ctx->arena, .status = HM_OK, .boot_warning = ctx->boot_warning};

    for (size_t i = 0; i < hm_finding_kinds_count; i++) {
        size_t from = list.count;

        list.kind = hm_finding_kinds[i];
        list.kind->look(ctx, &list);
        hm_finding_finish_last(&list);
        if (list.count > from) {
            finish_kind(&list, from);
        }
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

/* The same steps: the sentence above them may differ. */
static bool is_same_remedy(const struct hm_finding *a, const struct hm_finding *b)
{
    bool same = (a->commands.count > 0 || a->needs_reboot) &&
                a->commands.count == b->commands.count && a->steps.count == b->steps.count;

    for (size_t i = 0; same && i < a->commands.count; i++) {
        same = hm_str_equal(a->commands.at[i], b->commands.at[i]);
    }
    for (size_t i = 0; same && i < a->steps.count; i++) {
        same = a->steps.at[i].kind == b->steps.at[i].kind &&
               hm_str_equal(a->steps.at[i].text, b->steps.at[i].text);
    }
    return same;
}

const struct hm_finding *hm_findings_same_remedy(const struct hm_findings *findings, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (is_same_remedy(&findings->at[i], &findings->at[at])) {
            return &findings->at[i];
        }
    }
    return NULL;
}

static bool has_command(const struct hm_finding *finding, const char *command)
{
    for (size_t i = 0; i < finding->commands.count; i++) {
        if (hm_str_equal(finding->commands.at[i], command)) {
            return true;
        }
    }
    return false;
}

/* Does the remedy have this step, or all that it does? A person's decision is its words. */
static bool does_step(const struct hm_finding *finding, const struct hm_remedy_step *step)
{
    bool does = step->commands.count > 0;

    for (size_t i = 0; i < step->commands.count && does; i++) {
        does = has_command(finding, step->commands.at[i]);
    }
    for (size_t i = 0; i < finding->steps.count && !does && step->commands.count == 0; i++) {
        does = finding->steps.at[i].kind == step->kind &&
               (step->kind == HM_STEP_BOOT || hm_str_equal(finding->steps.at[i].text, step->text));
    }
    return does;
}

/* Does the wider remedy depend on nothing that the other one does not depend on? */
static bool is_as_certain(const struct hm_finding *wider, const struct hm_finding *finding)
{
    for (size_t i = 0; i < wider->steps.count; i++) {
        const char *precondition = wider->steps.at[i].precondition;
        bool found = precondition[0] == '\0';

        for (size_t k = 0; k < finding->steps.count && !found; k++) {
            found = hm_str_equal(finding->steps.at[k].precondition, precondition);
        }
        if (!found) {
            return false;
        }
    }
    return true;
}

const struct hm_finding *hm_findings_wider_remedy(const struct hm_findings *findings, size_t at)
{
    const struct hm_finding *finding = &findings->at[at];

    for (size_t i = 0; i < at && finding->commands.count > 0; i++) {
        bool does = is_as_certain(&findings->at[i], finding);

        for (size_t k = 0; k < finding->steps.count && does; k++) {
            does = does_step(&findings->at[i], &finding->steps.at[k]);
        }
        if (does) {
            return &findings->at[i];
        }
    }
    return NULL;
}

static bool is_same_step(const struct hm_remedy_step *a, const struct hm_remedy_step *b)
{
    bool same = a->kind == b->kind && a->commands.count == b->commands.count &&
                hm_str_equal(a->text, b->text) && hm_str_equal(a->precondition, b->precondition) &&
                hm_str_equal(a->warning, b->warning);

    for (size_t i = 0; same && i < a->commands.count; i++) {
        same = hm_str_equal(a->commands.at[i], b->commands.at[i]);
    }
    return same;
}

const struct hm_finding *hm_findings_same_step(const struct hm_findings *findings,
                                               const bool *is_hidden, size_t at,
                                               const struct hm_remedy_step *step, size_t *out_place)
{
    for (size_t i = 0; i < at; i++) {
        const struct hm_remedy_steps *steps = &findings->at[i].steps;

        for (size_t k = 0; k < steps->count && !is_hidden[i]; k++) {
            if (is_same_step(&steps->at[k], step)) {
                *out_place = k;
                return &findings->at[i];
            }
        }
    }
    return NULL;
}
