/* tests/parity/policy_tool.c — what policies in YAML do to recorded hosts, as text.
 * SPDX-License-Identifier: Apache-2.0
 *
 * policy_tool PRODUCTS POLICY.yaml… -- HOST… : each policy is read strictly, checked and linted
 * beside the others; then for each host the plan of those that match, and the verdicts that it
 * changes. Exit status 1 when a policy could not be submitted as it is. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "agent/catalogue.h"
#include "agent/platform/platform.h"
#include "common/base/limits.h"
#include "common/os/os.h"
#include "common/plan/plan_apply.h"
#include "common/plan/policy_lint.h"
#include "common/ports/in_force.h"
#include "common/ports/timed_wait.h"
#include "common/wire/records.h"
#include "server/hmctl/yaml.h"

#define ARENA_BYTES ((size_t)64 * 1024 * 1024)
#define POLICIES_MAX 32
#define NOW_MS INT64_C(1800000000000) /* 2027-01-15: the text must not depend on the day */

struct tool {
    struct hm_arena arena;
    struct hm_catalogue catalogue;
    struct hm_policy policies[POLICIES_MAX];
    const struct hm_policy *rows[POLICIES_MAX];
    size_t count;
    bool bad;
};

static const char *ports_text(struct tool *tool, struct hm_ports ports)
{
    struct hm_buf buf;
    const char *text;

    hm_buf_init(&buf, HM_LIMIT_DOCUMENT_BYTES);
    (void)hm_ports_format(ports, &buf);
    text = hm_arena_strndup(&tool->arena, buf.data == NULL ? "" : buf.data, buf.len);
    hm_buf_fini(&buf);
    return text == NULL ? "" : text;
}

static enum hm_status read_policy(struct tool *tool, const char *path, struct hm_err *err)
{
    struct hm_policy *policy = &tool->policies[tool->count];
    char *text;
    size_t len;
    enum hm_status st;

    if (tool->count == POLICIES_MAX) {
        return hm_fail(err, HM_ETOOBIG, "more than %u policies", POLICIES_MAX);
    }
    st = hm_os_read_file(path, HM_LIMIT_DOCUMENT_BYTES, &tool->arena, &text, &len, err);
    if (st == HM_OK) {
        st = hm_yaml_decode(&hm_record_policy, text, len, &tool->arena, policy, err);
    }
    if (st == HM_OK) {
        st = hm_policy_check(policy, err);
    }
    if (st != HM_OK) {
        hm_err_prefix(err, "%s", path);
        return st;
    }
    tool->rows[tool->count++] = policy;
    return HM_OK;
}

static enum hm_status lint(struct tool *tool, const struct hm_policy *policy, struct hm_err *err)
{
    const struct hm_lint_input input = {
        .policy = policy,
        .catalogue = &tool->catalogue,
        .others = {tool->rows, tool->count},
        .now_ms = NOW_MS,
    };
    struct hm_lint_problems problems;
    enum hm_status st = hm_policy_lint(&input, &tool->arena, &problems, err);

    if (st != HM_OK) {
        return st;
    }
    if (policy->has_tcp_timed_wait_delay_s &&
        policy->tcp_timed_wait_delay_s != HM_TIMED_WAIT_DELAY_ADVISED_S) {
        (void)printf("policy %s sets TcpTimedWaitDelay to %u; findings advise %u\n", policy->name,
                     policy->tcp_timed_wait_delay_s, HM_TIMED_WAIT_DELAY_ADVISED_S);
        tool->bad = true;
    }
    (void)printf("policy %s: %s\n", policy->name,
                 problems.count == 0 ? "nothing wrong" : "problems");
    for (size_t i = 0; i < problems.count; i++) {
        (void)printf("  %s %s: %s\n", hm_lint_severity_names[problems.at[i].severity],
                     problems.at[i].code, problems.at[i].text);
    }
    tool->bad = tool->bad || (problems.count > 0 && hm_lint_worst(&problems) == HM_LINT_ERROR);
    return HM_OK;
}

static void print_stack(bool has_protocol, enum hm_protocol protocol, bool has_family,
                        enum hm_family family)
{
    (void)printf("%s%s%s%s", has_protocol ? " " : "",
                 has_protocol ? hm_protocol_names[protocol] : "", has_family ? "/" : "",
                 has_family ? hm_family_names[family] : "");
}

static void print_plan(struct tool *tool, const struct hm_plan *plan)
{
    for (size_t i = 0; i < plan->actions.count; i++) {
        const struct hm_action *action = &plan->actions.at[i];

        (void)printf("  %s", hm_action_kind_names[action->kind]);
        print_stack(action->has_protocol, action->protocol, action->has_family, action->family);
        if (action->has_range) {
            (void)printf(" %u-%u", action->range.first, action->range.last);
        } else if (action->has_timed_wait_delay_s) {
            (void)printf(" %u", action->timed_wait_delay_s);
        } else if (action->kind != HM_ACTION_SET_RESERVED_PORTS) {
            (void)printf(" %s", ports_text(tool, action->ports));
        }
        for (size_t k = 0; k < action->lines.count; k++) {
            (void)printf(" %s", action->lines.at[k]);
        }
        (void)printf("%s\n", action->needs_reboot ? ", after a reboot" : "");
    }
    for (size_t i = 0; i < plan->notes.count; i++) {
        const struct hm_plan_note *note = &plan->notes.at[i];

        (void)printf("  note %s", hm_plan_note_kind_names[note->kind]);
        print_stack(note->has_protocol, note->protocol, note->has_family, note->family);
        (void)printf(" %s: %s\n", ports_text(tool, note->ports), note->text);
    }
}

/* Every verdict of the host that is not safe before or afterwards. */
static enum hm_status print_verdicts(struct tool *tool, const struct hm_observation *seen,
                                     const struct hm_plan *plan, struct hm_err *err)
{
    struct hm_inventory after;
    struct hm_judge_input input = {
        .inventory = &seen->inventory,
        .catalogue = &tool->catalogue,
        .sockets = seen->has_sockets ? &seen->sockets : NULL,
    };
    struct hm_judgement was;
    struct hm_judgement will;
    enum hm_status st = hm_judge(&input, &tool->arena, &was, err);

    if (st == HM_OK) {
        st = hm_plan_apply(&seen->inventory, &plan->actions, &tool->arena, &after, err);
    }
    if (st == HM_OK) { /* a later start comes after a boot: what is written is in force then */
        struct hm_inventory done = after;
        bool differs;

        st = hm_inventory_next(&done, &tool->arena, &differs, &after, err);
    }
    if (st == HM_OK) {
        input.inventory = &after;
        input.foretells = true;
        input.sockets = NULL; /* of a later start, nobody knows them */
        st = hm_judge(&input, &tool->arena, &will, err);
    }
    for (size_t i = 0; st == HM_OK && i < will.verdicts.count; i++) {
        const struct hm_verdict *new = &will.verdicts.at[i];
        const char *old = "none";

        for (size_t k = 0; k < was.verdicts.count; k++) {
            const struct hm_verdict *row = &was.verdicts.at[k];

            if (row->protocol == new->protocol && strcmp(row->product, new->product) == 0 &&
                strcmp(row->requirement, new->requirement) == 0) {
                old = hm_verdict_state_names[row->state];
            }
        }
        if (new->state != HM_SAFE || strcmp(old, hm_verdict_state_names[HM_SAFE]) != 0) {
            (void)printf("  verdict %s %s: %s -> %s\n", new->product, new->requirement, old,
                         hm_verdict_state_names[new->state]);
        }
    }
    return st;
}

static enum hm_status plan_host(struct tool *tool, const char *folder, struct hm_err *err)
{
    struct hm_platform *platform = NULL;
    struct hm_observation seen;
    const struct hm_policy *met[POLICIES_MAX];
    struct hm_plan_input input = {.catalogue = &tool->catalogue, .now_ms = NOW_MS};
    struct hm_plan plan;
    enum hm_status st = hm_platform_recorded.open(folder, &platform, err);

    if (st == HM_OK) {
        st = hm_platform_recorded.observe(platform, &tool->arena, &seen, err);
    }
    if (st != HM_OK) {
        goto done;
    }
    (void)printf("\nhost %s:", seen.name);
    for (size_t i = 0; i < tool->count; i++) {
        if (hm_policy_matches(tool->rows[i], &seen.inventory, &seen.labels, seen.name)) {
            (void)printf(" %s", tool->rows[i]->name);
            met[input.policies.count++] = tool->rows[i];
        }
    }
    (void)printf("%s\n", input.policies.count == 0 ? " no policy" : "");
    if (input.policies.count == 0) {
        goto done;
    }
    input.inventory = &seen.inventory;
    input.sockets = seen.has_sockets ? &seen.sockets : NULL;
    input.policies.at = met;
    input.boot_id = seen.boot_id;
    st = hm_plan(&input, &tool->arena, &plan, err);
    if (st == HM_OK) {
        print_plan(tool, &plan);
        st = print_verdicts(tool, &seen, &plan, err);
    }
done:
    hm_platform_recorded.close(platform);
    return st;
}

int main(int argc, char **argv)
{
    static struct tool tool;
    struct hm_err err = {0};
    enum hm_status st;
    int at = 2;

    if (argc < 5) {
        (void)fprintf(stderr, "usage: policy_tool PRODUCTS POLICY.yaml… -- HOST…\n");
        return 2;
    }
    hm_arena_init(&tool.arena, ARENA_BYTES);
    st = hm_catalogue_load(argv[1], &tool.arena, &tool.catalogue, &err);
    for (; st == HM_OK && at < argc && strcmp(argv[at], "--") != 0; at++) {
        st = read_policy(&tool, argv[at], &err);
    }
    for (size_t i = 0; st == HM_OK && i < tool.count; i++) {
        st = lint(&tool, tool.rows[i], &err);
    }
    for (at++; st == HM_OK && at < argc; at++) {
        st = plan_host(&tool, argv[at], &err);
    }
    if (st != HM_OK) {
        (void)fprintf(stderr, "policy_tool: %s\n", err.text);
    }
    hm_arena_fini(&tool.arena);
    return st == HM_OK && !tool.bad ? 0 : 1;
}
