/* common/judge/finding_reserver_excluded.c — an exclusion that breaks the listener it was meant
 * for. SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/finding_kinds.h"

#include "common/base/str.h"
#include "common/judge/need_served.h"
#include "common/judge/remedy.h"

#define HNS_SINCE 1000u /* Windows 10.0: 2016 */

static bool is_broken(const struct hm_need *need)
{
    return need->verdict.reason == HM_REASON_RESERVER_EXCLUDED ||
           need->verdict.reason == HM_REASON_SHARED_EXCLUDED;
}

/* The needs that the same rows break: one remedy deletes the rows, and starts all of them. */
struct broken {
    const struct hm_need **needs;
    size_t count;
    struct hm_ports at_risk;
    struct hm_ports ports; /* all that they require */
    bool families[2];      /* in which one of them binds */
};

/* The first row that ends at the port or behind it; rows ascend and do not overlap. */
static size_t first_row(struct hm_ports rows, uint16_t port)
{
    size_t low = 0;
    size_t high = rows.count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (rows.at[middle].last < port) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The administered rows that the ports meet, as they stand: few of thousands. */
static struct hm_ports rows_over(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                                 enum hm_protocol protocol, enum hm_family family,
                                 struct hm_ports ports)
{
    const struct hm_ports all = hm_facts_stack(ctx->facts, protocol, family)->administered;
    struct hm_range *hit = NULL;
    size_t count = 0;
    size_t cap = 0;
    size_t next = 0; /* a row that two ranges meet counts once */

    for (size_t i = 0; i < ports.count; i++) {
        size_t at = first_row(all, ports.at[i].first);

        for (at = at > next ? at : next; at < all.count && all.at[at].first <= ports.at[i].last;
             at++) {
            if (hm_arena_grow(out->arena, (void **)&hit, count, &cap, sizeof(*hit)) != 0) {
                out->status = out->status == HM_OK ? HM_ENOMEM : out->status;
                return (struct hm_ports){NULL, 0};
            }
            hit[count++] = all.at[at];
            next = at + 1;
        }
    }
    return (struct hm_ports){hit, count};
}

/* Does a row meet ports of the need and of those found so far? rows: by family, of the latter. */
static bool shares_row(const struct hm_need *need, const struct hm_ports rows[2])
{
    return (need->stacks[0].judged && hm_ports_overlap(rows[0], need->verdict.at_risk)) ||
           (need->stacks[1].judged && hm_ports_overlap(rows[1], need->verdict.at_risk));
}

static void add_broken(struct hm_finding_list *out, struct broken *broken,
                       const struct hm_need *need)
{
    broken->needs[broken->count++] = need;
    broken->ports = hm_finding_union(out, broken->ports, need->verdict.ports);
    for (unsigned i = 0; i < 2; i++) {
        broken->families[i] = broken->families[i] || need->stacks[i].judged;
    }
}

static void find_broken(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                        const struct hm_need *need, struct broken *broken)
{
    const enum hm_protocol protocol = need->verdict.protocol;
    size_t count = 1;
    size_t before;
    bool *taken = hm_arena_alloc(out->arena, ctx->count, sizeof(*taken));

    *broken = (struct broken){.at_risk = need->verdict.at_risk};
    if (taken == NULL) {
        out->status = out->status == HM_OK ? HM_ENOMEM : out->status;
        return;
    }
    taken[need - ctx->needs] = true;
    do {
        struct hm_ports rows[2];

        before = count;
        for (unsigned i = 0; i < 2; i++) {
            rows[i] = rows_over(ctx, out, protocol, i == 0 ? HM_IPV4 : HM_IPV6, broken->at_risk);
        }
        for (size_t i = 0; i < ctx->count; i++) {
            const struct hm_need *other = &ctx->needs[i];

            if (!taken[i] && is_broken(other) && !hm_need_is_own(other) &&
                other->verdict.protocol == protocol && shares_row(other, rows)) {
                taken[i] = true;
                count++;
                broken->at_risk = hm_finding_union(out, broken->at_risk, other->verdict.at_risk);
            }
        }
    } while (count > before);
    broken->needs = hm_arena_alloc(out->arena, count, sizeof(const struct hm_need *));
    for (size_t i = 0; i < ctx->count && broken->needs != NULL; i++) { /* in their order */
        if (taken[i]) {
            add_broken(out, broken, &ctx->needs[i]);
        }
    }
    if (broken->needs == NULL) {
        out->status = out->status == HM_OK ? HM_ENOMEM : out->status;
    }
}

/* What was meant to be protected by the row, and may be: it is added back. */
static struct hm_ports keep_of(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                               const struct broken *broken, enum hm_protocol protocol,
                               enum hm_family family, struct hm_range row)
{
    const struct hm_stack_facts *stack = hm_facts_stack(ctx->facts, protocol, family);
    struct hm_ports left = hm_finding_without(out, (struct hm_ports){&row, 1}, broken->ports);

    left = hm_finding_without(out, left, hm_remedy_untouchable(ctx, out, protocol));
    return hm_finding_common(out, left,
                             (struct hm_ports){&stack->dynamic, stack->has_dynamic ? 1 : 0});
}

/* The rows over the ports: those that netsh may delete, exactly as they stand. */
struct rows {
    struct hm_ports of[2]; /* kept lists, by family */
    bool hns;              /* one is that of HNS */
    bool kept;             /* likewise, and it is turned off: it goes with the next boot */
    const struct hm_range *doubtful; /* that of HNS, if the host has it */
};

static void find_rows(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                      struct hm_finding *finding, const struct broken *broken,
                      enum hm_protocol protocol, struct rows *rows)
{
    for (unsigned i = 0; i < 2; i++) {
        enum hm_family family = i == 0 ? HM_IPV4 : HM_IPV6;
        struct hm_ports hit = {NULL, 0};
        struct hm_range *kept;

        if (broken->families[i]) {
            hit = rows_over(ctx, out, protocol, family, broken->at_risk);
        }
        kept = hm_arena_alloc(out->arena, hit.count, sizeof(*kept));
        rows->of[i] = (struct hm_ports){kept, 0};
        for (size_t at = 0; kept != NULL && at < hit.count; at++) {
            hm_finding_evidence(out, finding, "exclusion",
                                hm_finding_print(out, "%s/%s %u-%u", hm_protocol_names[protocol],
                                                 hm_family_names[family],
                                                 (unsigned)hit.at[at].first,
                                                 (unsigned)hit.at[at].last));
            if (hm_hns_keeps(ctx->input->inventory, hit.at[at])) {
                rows->hns = true;
            } else if (hm_hns_kept(ctx->input->inventory, hit.at[at])) {
                rows->kept = true;
            } else if (hm_hns_may_keep(ctx->input->inventory, hit.at[at])) {
                rows->doubtful = &hit.at[at];
            } else {
                kept[rows->of[i].count++] = hit.at[at];
            }
        }
    }
}

static void turn_off_hns(struct hm_finding_list *out, struct hm_finding *finding)
{
    struct hm_remedy_step *step =
        hm_remedy_step(out, finding, HM_STEP_SET, "Turn the exclusion of HNS off in the registry.");

    step->precondition = "The service cannot be given a port outside the exclusion.";
    hm_remedy_command(out, step,
                      "reg add HKLM\\SYSTEM\\CurrentControlSet\\Services\\hns\\State /v "
                      "EnableExcludedPortRange /t REG_DWORD /d 0 /f");
    hm_remedy_restart(out, finding, "Restart the host: HNS reads the value when it starts.");
}

static void wait_for_hns(struct hm_finding_list *out, struct hm_finding *finding)
{
    finding->remedy = "The exclusion is that of HNS, which is turned off in the registry: it goes "
                      "with the next restart of the host. Nothing has to be deleted.";
    hm_remedy_restart(out, finding,
                      "Restart the host: HNS reads the registry when it starts, and no longer "
                      "makes the exclusion. Only one that is still there afterwards is somebody "
                      "else's, and may be deleted.");
}

/* The list of services is not complete: a wrong order would delete what HNS makes, or turn off what
 * is not there. */
static void find_out(struct hm_finding_list *out, struct hm_finding *finding,
                     enum hm_protocol protocol, const struct hm_range *row)
{
    hm_remedy_decide(
        out, finding,
        hm_finding_print(
            out,
            "Find out whether this host has the service hns (\"sc query hns\"): the list of "
            "services is not complete. If it has, HNS makes the exclusion %u-%u itself: give the "
            "service a port outside, or set EnableExcludedPortRange to 0 below "
            "HKLM\\SYSTEM\\CurrentControlSet\\Services\\hns\\State and restart the host. If it has "
            "not, a person made it: delete it with \"netsh int ipv4 delete excludedportrange "
            "protocol=%s startport=%u numberofports=%u\", likewise for ipv6.",
            (unsigned)row->first, (unsigned)row->last, hm_protocol_names[protocol],
            (unsigned)row->first, (unsigned)hm_range_count(*row)));
}

static const struct hm_policy_mark *mark_of(const struct hm_finding_ctx *ctx,
                                            const struct broken *broken, enum hm_protocol protocol)
{
    for (unsigned i = 0; i < 2; i++) {
        const struct hm_policy_mark *mark =
            hm_policy_mark_find(ctx->input->marks, HM_MARK_PORTS, false, protocol,
                                i == 0 ? HM_IPV4 : HM_IPV6, broken->at_risk);

        if (mark != NULL && broken->families[i]) {
            return mark;
        }
    }
    return NULL;
}

/* A site that could not have its port stays stopped; a restart of the host starts it. */
static void start_sites(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                        struct hm_finding *finding, const struct broken *broken)
{
    for (size_t i = 0; i < broken->count; i++) {
        if (hm_need_site_is_stopped(ctx->facts, broken->needs[i])) {
            (void)hm_remedy_step(
                out, finding, HM_STEP_DECIDE,
                "Start the web site at the end, unless the host was restarted: it "
                "stays stopped otherwise (IIS Manager, or \"appcmd start site\").");
            return;
        }
    }
}

void hm_remedy_unexclude(const struct hm_finding_ctx *ctx, struct hm_finding_list *out,
                         struct hm_finding *finding, const struct hm_need *need)
{
    enum hm_protocol protocol = need->verdict.protocol;
    struct rows rows = {.hns = false};
    const struct hm_policy_mark *mark;
    struct broken broken;
    struct hm_stack_ports keep = {{{NULL, 0}}};

    find_broken(ctx, out, need, &broken);
    find_rows(ctx, out, finding, &broken, protocol, &rows);
    mark = mark_of(ctx, &broken, protocol);
    if (mark != NULL) {
        hm_remedy_decide(out, finding,
                         hm_finding_print(out,
                                          "Set by policy %s, which would add the exclusion again: "
                                          "take the port out of the policy.",
                                          mark->policy));
        return;
    }
    finding->remedy = "Delete the exclusion, with exactly its start and count, before the service "
                      "starts again. Never exclude this port: its listener fails at its next "
                      "start.";
    if (rows.of[0].count + rows.of[1].count > 0) {
        struct hm_remedy_step *step = hm_remedy_step(
            out, finding, HM_STEP_FREE, "Delete the exclusion, with exactly its start and count.");

        for (unsigned i = 0; i < 2; i++) {
            enum hm_family family = i == 0 ? HM_IPV4 : HM_IPV6;

            for (size_t at = 0; at < rows.of[i].count; at++) {
                struct hm_range row = rows.of[i].at[at];
                struct hm_ports *of = &keep.of[hm_stack_index(protocol, family)];

                hm_remedy_command(out, step,
                                  "netsh int %s delete excludedportrange protocol=%s startport=%u "
                                  "numberofports=%u store=persistent",
                                  hm_family_names[family], hm_protocol_names[protocol],
                                  (unsigned)row.first, (unsigned)hm_range_count(row));
                if (ctx->facts->windows >= HNS_SINCE && row.first == HM_HNS_START &&
                    hm_range_count(row) == HM_HNS_COUNT) {
                    step->warning = "HNS makes an exclusion just like this one where containers "
                                    "run. It does not run here; if it has, it makes the exclusion "
                                    "again when it starts: give the service a port outside then.";
                }
                *of = hm_finding_union(out, *of, keep_of(ctx, out, &broken, protocol, family, row));
            }
        }
    }
    if (rows.hns) {
        finding->remedy = "HNS makes this exclusion itself, so netsh must not delete it: give the "
                          "service a port outside, or turn the exclusion off in the registry and "
                          "reboot.";
        turn_off_hns(out, finding);
    }
    if (rows.doubtful != NULL) {
        find_out(out, finding, protocol, rows.doubtful);
        return;
    }
    if (rows.kept) {
        wait_for_hns(out, finding);
    }
    hm_remedy_exclude(ctx, out, finding, &keep);
    (void)hm_remedy_move(ctx, out, finding, protocol, broken.at_risk);
    hm_remedy_start(ctx, out, finding, broken.needs, broken.count);
    start_sites(ctx, out, finding, &broken);
}

static void look(const struct hm_finding_ctx *ctx, struct hm_finding_list *out)
{
    for (size_t i = 0; i < ctx->count; i++) {
        const struct hm_need *need = &ctx->needs[i];
        struct hm_finding *finding;

        if (hm_need_is_own(need) || !is_broken(need)) {
            continue;
        }
        finding = hm_finding_put(
            out, hm_finding_ports(out, need->verdict.protocol, need->verdict.at_risk));
        finding->text = hm_finding_print(out, "%s: %s", need->verdict.title, need->text);
        hm_finding_describe(ctx, out, finding, need);
        hm_finding_evidence(out, finding, "listener_kind",
                            hm_listener_kind_names[need->verdict.kind]);
        hm_remedy_unexclude(ctx, out, finding, need);
    }
}

const struct hm_finding_kind hm_finding_reserver_excluded = {
    .name = "reserver_excluded",
    .severity = HM_SEVERITY_HIGH,
    .look = look,
    .of_ports = true,
    .help = "a port of HTTP.sys, QUIC, a container or several sharing programs is excluded",
};
