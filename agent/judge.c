/* agent/judge.c — an observation judged, and kept still where nothing has really changed.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/judge.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/str.h"

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Both lists as one, sorted, without doubles. */
static enum hm_status join_unknown(const struct hm_strings *a, const struct hm_strings *b,
                                   struct hm_arena *arena, struct hm_strings *out,
                                   struct hm_err *err)
{
    const char **all = hm_arena_alloc(arena, a->count + b->count, sizeof(*all));
    size_t count = a->count + b->count;
    size_t kept = 0;

    if (all == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for a judgement");
    }
    for (size_t i = 0; i < count; i++) {
        all[i] = i < a->count ? a->at[i] : b->at[i - a->count];
    }
    if (count > 1) {
        qsort((void *)all, count, sizeof(*all), compare_texts);
    }
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || strcmp(all[kept - 1], all[i]) != 0) {
            all[kept++] = all[i];
        }
    }
    out->at = all;
    out->count = kept;
    return HM_OK;
}

enum hm_status hm_judge_observation(const struct hm_observation *observation,
                                    const struct hm_catalogue *catalogue,
                                    const struct hm_inventory *previous_boot,
                                    const struct hm_policy_marks *marks,
                                    const struct hm_port_hazards *hazards, struct hm_arena *arena,
                                    struct hm_judgement *out_judgement, struct hm_err *err)
{
    const struct hm_judge_input input = {
        .inventory = &observation->inventory,
        .catalogue = catalogue,
        .sockets = observation->has_sockets ? &observation->sockets : NULL,
        .sample = observation->has_sample ? &observation->sample : NULL,
        .previous_boot =
            observation->has_previous_boot ? &observation->previous_boot : previous_boot,
        .refusals = &observation->refusals,
        .marks = marks,
        .hazards = hazards,
        .reserved_behind = observation->reserved_behind,
        .range_behind = observation->range_behind,
        .hidden = observation->hidden,
        .settings_mixed = observation->settings_mixed,
        .settings_unread = observation->settings_unread,
        .opinions = &observation->opinions,
        .events = observation->has_events ? &observation->events : NULL,
    };
    struct hm_judgement judgement = {
        .unknown = {NULL, 0}
    };
    enum hm_status st;

    st = hm_judge(&input, arena, &judgement, err);
    if (st == HM_OK) {
        judgement.incomplete = judgement.incomplete || observation->port_values_cut;
        st =
            join_unknown(&observation->unknown, &judgement.unknown, arena, &judgement.unknown, err);
    }
    if (st == HM_OK) {
        *out_judgement = judgement;
    }
    return st;
}

static bool odds_are_near(double a, double b)
{
    return a == b ||
           (a > 0 && b > 0 && a <= b * HM_SETTLE_ODDS_FACTOR && b <= a * HM_SETTLE_ODDS_FACTOR);
}

/* The odds and their sentence only: all else of the two verdicts must be equal. */
static void settle_verdict(struct hm_verdict *verdict, const struct hm_verdicts *last)
{
    for (size_t i = 0; i < last->count; i++) {
        const struct hm_verdict *old = &last->at[i];

        if (hm_str_equal(old->product, verdict->product) &&
            hm_str_equal(old->requirement, verdict->requirement)) {
            if (old->state == verdict->state && old->reason == verdict->reason && old->has_odds &&
                verdict->has_odds && old->odds_at_least == verdict->odds_at_least &&
                old->has_after_boot == verdict->has_after_boot &&
                old->after_boot == verdict->after_boot &&
                hm_ports_equal(old->at_risk, verdict->at_risk) &&
                odds_are_near(old->odds, verdict->odds)) {
                verdict->odds = old->odds;
                verdict->text = old->text;
            }
            return;
        }
    }
}

static void settle_finding(struct hm_finding *finding, const struct hm_findings *last)
{
    for (size_t i = 0; i < last->count; i++) {
        const struct hm_finding *old = &last->at[i];

        if (hm_str_equal(old->fingerprint, finding->fingerprint)) {
            if (old->severity == finding->severity) {
                finding->evidence = old->evidence;
                finding->text = old->text;
            }
            return;
        }
    }
}

void hm_judge_settle(struct hm_judgement *judgement, const struct hm_judgement *last,
                     int64_t age_ms)
{
    for (size_t i = 0; i < judgement->verdicts.count; i++) {
        settle_verdict(&judgement->verdicts.at[i], &last->verdicts);
    }
    if (age_ms < 0 || age_ms >= HM_SETTLE_COUNTS_MS) {
        return;
    }
    for (size_t i = 0; i < judgement->findings.count; i++) {
        if (judgement->findings.at[i].counts) {
            settle_finding(&judgement->findings.at[i], &last->findings);
        }
    }
}
