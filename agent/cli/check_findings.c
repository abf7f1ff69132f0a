/* agent/cli/check_findings.c — findings and their remedies, as "hm-agent check" prints them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/check_findings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/cli/check_rows.h"
#include "common/base/limits.h"
#include "common/base/str.h"

const char *const hm_check_severity_colours[HM_SEVERITY_HIGH + 1] = {"\033[36m", "\033[36m",
                                                                     "\033[33m", "\033[1;31m"};

/* What to call a finding above: its subject, and its kind where another one has that subject. */
static void label(const struct hm_findings *findings, const struct hm_finding *finding, char *out,
                  size_t size)
{
    bool is_alone = true;

    for (size_t i = 0; i < findings->count; i++) {
        const struct hm_finding *other = &findings->at[i];

        is_alone =
            is_alone && (other == finding || !hm_str_equal(other->subject, finding->subject));
    }
    if (is_alone) {
        (void)hm_str_copy(out, size, finding->subject);
    } else {
        (void)snprintf(out, size, "%s (%s)", finding->subject, finding->kind);
    }
}

/* "2. free: Stop DNS, …": what must be so before it and what it costs come before the commands. */
static void put_step(struct hm_buf *out, const struct hm_check_look *look, size_t number,
                     const struct hm_remedy_step *step)
{
    char text[3 * HM_LIMIT_TEXT_BYTES];

    (void)snprintf(text, sizeof(text), "%zu. %s: %s", number, hm_step_kind_names[step->kind],
                   step->text);
    hm_check_put_wrapped(out, look, 8, text);
    if (step->precondition[0] != '\0') {
        (void)snprintf(text, sizeof(text), "Only when: %s", step->precondition);
        hm_check_put_wrapped(out, look, 11, text);
    }
    if (step->warning[0] != '\0') {
        (void)snprintf(text, sizeof(text), "Warning: %s", step->warning);
        hm_check_put_wrapped(out, look, 11, text);
    }
    for (size_t i = 0; i < step->commands.count; i++) {
        (void)hm_buf_printf(out, "%8s> ", "");
        hm_check_put_line(out, step->commands.at[i]);
    }
}

/* May the step be named by its place in another remedy? Not a stop and its start: the person who
 * pastes them has to see both. */
static bool may_refer(enum hm_step_kind kind)
{
    return kind == HM_STEP_RESERVE || kind == HM_STEP_SET || kind == HM_STEP_BOOT;
}

/* Of a step that a finding above has, too, only the place: a person who follows both remedies must
 * not take it for two things to do. */
static void put_steps(struct hm_buf *out, const struct hm_check_look *look,
                      const struct hm_findings *findings, const bool *is_hidden, size_t at)
{
    const struct hm_remedy_steps *steps = &findings->at[at].steps;
    char text[2 * HM_LIMIT_TEXT_BYTES];
    char name[HM_LIMIT_TEXT_BYTES];
    size_t place = 0;

    for (size_t i = 0; i < steps->count; i++) {
        const struct hm_remedy_step *step = &steps->at[i];
        const struct hm_finding *same =
            may_refer(step->kind) ? hm_findings_same_step(findings, is_hidden, at, step, &place)
                                  : NULL;

        if (same == NULL) {
            put_step(out, look, i + 1, step);
            continue;
        }
        label(findings, same, name, sizeof(name));
        (void)snprintf(text, sizeof(text), "%zu. %s: As step %zu of %s above.", i + 1,
                       hm_step_kind_names[step->kind], place + 1, name);
        hm_check_put_wrapped(out, look, 8, text);
    }
}

/* A single step that only says the remedy again. */
static bool is_whole_remedy(const struct hm_finding *finding)
{
    return finding->steps.count == 1 && strcmp(finding->steps.at[0].text, finding->remedy) == 0;
}

static void put_evidence(const struct hm_evidence_list *list, const struct hm_check_look *look,
                         struct hm_buf *out)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct hm_evidence *evidence = &list->at[i];

        (void)hm_buf_printf(out, "%8s- %s:", "", evidence->name);
        if (strlen(evidence->name) + 12 +
                hm_check_columns(evidence->value, strlen(evidence->value)) <=
            look->columns) {
            (void)hm_buf_putc(out, ' ');
            hm_check_put_line(out, evidence->value);
        } else {
            (void)hm_buf_putc(out, '\n');
            hm_check_put_wrapped(out, look, 12, evidence->value);
        }
    }
}

/* Does a remedy above do all of this one? Then it is named instead of being printed again. */
static bool put_reference(const struct hm_findings *findings, size_t at,
                          const struct hm_check_look *look, struct hm_buf *out)
{
    const struct hm_finding *finding = &findings->at[at];
    const struct hm_finding *same = hm_findings_same_remedy(findings, at);
    const struct hm_finding *wider = hm_findings_wider_remedy(findings, at);
    char name[HM_LIMIT_TEXT_BYTES];
    char text[2 * HM_LIMIT_TEXT_BYTES];

    if (wider != NULL && (same == NULL || wider < same)) {
        label(findings, wider, name, sizeof(name));
        (void)snprintf(text, sizeof(text),
                       "Its remedy is a part of the one of %s above: nothing more is to be done.",
                       name);
    } else if (same != NULL) {
        if (!hm_str_equal(same->remedy, finding->remedy)) {
            hm_check_put_wrapped(out, look, 8, finding->remedy);
        }
        label(findings, same, name, sizeof(name));
        (void)snprintf(text, sizeof(text), "Its remedy is the one of %s above.", name);
    } else {
        return false;
    }
    hm_check_put_wrapped(out, look, 8, text);
    return true;
}

static void put_finding(const struct hm_findings *findings, bool *is_hidden, size_t at,
                        const struct hm_check_look *look, struct hm_buf *out)
{
    const struct hm_finding *finding = &findings->at[at];
    const char *severity = hm_severity_names[finding->severity];

    hm_check_put_coloured(out, look, hm_check_severity_colours[finding->severity], severity,
                          strlen(severity));
    hm_check_put_spaces(out, 8 - strlen(severity));
    hm_check_put_text(out, finding->subject, strlen(finding->subject));
    (void)hm_buf_printf(out, ": %s\n", finding->kind);
    hm_check_put_wrapped(out, look, 8, finding->text);
    put_evidence(&finding->evidence, look, out);
    is_hidden[at] = put_reference(findings, at, look, out);
    if (is_hidden[at]) {
        return;
    }
    if (finding->remedy[0] != '\0' && !is_whole_remedy(finding)) {
        hm_check_put_wrapped(out, look, 8, finding->remedy);
    }
    put_steps(out, look, findings, is_hidden, at);
    for (size_t i = 0; finding->steps.count == 0 && i < finding->commands.count; i++) {
        (void)hm_buf_printf(out, "%8s> ", "");
        hm_check_put_line(out, finding->commands.at[i]);
    }
}

enum hm_status hm_check_put_findings(const struct hm_findings *findings,
                                     const struct hm_check_look *look, struct hm_buf *out,
                                     struct hm_err *err)
{
    bool *is_hidden = NULL;

    if (findings->count == 0) {
        return HM_OK;
    }
    is_hidden = calloc(findings->count, sizeof(*is_hidden));
    if (is_hidden == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory to print the findings");
    }
    (void)hm_buf_putc(out, '\n');
    hm_check_put_heading(out, look, "FINDINGS");
    for (size_t i = 0; i < findings->count; i++) {
        put_finding(findings, is_hidden, i, look, out);
    }
    free(is_hidden);
    return HM_OK;
}
