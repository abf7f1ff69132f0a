/* agent/enforce/acquittal.c — when a policy that was turned off is innocent after all.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/enforce/acquittal.h"

#include "agent/enforce/culprit.h"
#include "agent/enforce/failing.h"
#include "agent/enforce/stand_in.h"
#include "common/base/log.h"
#include "common/base/str.h"

#define GUESS_S 600u /* after that what HTTP.sys says is of something else */

static bool is_left(const struct hm_enforce_run *run, const struct hm_enforce_row *row)
{
    const struct hm_ledger_exclusions *ours = &run->ledger.exclusions;
    bool left =
        hm_ledger_names(&run->ledger, row->policy) || !hm_str_equal(row->removed_boot_id, "");

    for (size_t i = 0; i < ours->count; i++) {
        left = left || (ours->at[i].protocol == row->blame.protocol &&
                        hm_range_contains(ours->at[i].range, row->blame.port));
    }
    return left;
}

/* A thief's socket, a block, or somebody else's exclusion may be why the service fails now. */
static bool is_free(const struct hm_enforce_run *run, const struct hm_blame *blame)
{
    const struct hm_observation *seen = run->pass->observation;
    bool is_free = seen->has_sockets;

    for (size_t i = 0; i < seen->sockets.count; i++) {
        const struct hm_socket *socket = &seen->sockets.at[i];

        is_free = is_free && !(socket->protocol == blame->protocol && socket->port == blame->port);
    }
    for (unsigned family = 0; is_free && family < 2; family++) {
        struct hm_ports excluded = {NULL, 0};
        bool known = false;

        is_free = hm_inventory_excluded(&seen->inventory, blame->protocol, (enum hm_family)family,
                                        run->arena, &known, &excluded, NULL) == HM_OK &&
                  !hm_ports_contains(excluded, blame->port) &&
                  (known || hm_inventory_stack(&seen->inventory, blame->protocol,
                                               (enum hm_family)family) == NULL);
    }
    return is_free;
}

static void acquit(struct hm_enforce_row *row, const char *service, bool named_another)
{
    struct hm_log_line line;

    hm_log_begin(&line, HM_LOG_WARNING, "policy_counts_again");
    hm_log_str(&line, "policy", row->policy);
    hm_log_u64(&line, "revision", row->revision);
    hm_log_str(&line, "service", service);
    hm_log_end(&line);
    row->off = "";
    row->has_blame = false;
    row->guessed_boot_id = "";
    row->guessed_of = "";
    row->innocent_of = service;
    row->named_another = named_another;
}

void hm_acquittal_look(struct hm_enforce_run *run, struct hm_enforce_row *row,
                       const struct hm_service *service,
                       bool (*failed)(const struct hm_observation *seen,
                                      const struct hm_service *service))
{
    const struct hm_observation *seen = run->pass->observation;
    struct hm_blame *blame = &row->blame;
    const uint32_t failures = hm_failing_count(seen, blame->service);
    const bool same_boot = hm_str_equal(blame->gone_boot_id, run->boot_id);
    bool again;

    if (is_left(run, row)) {
        blame->gone_boot_id = "";
        return;
    }
    if (hm_str_equal(blame->gone_boot_id, "")) {
        blame->gone_boot_id = run->boot_id;
        blame->failures = seen->has_events ? failures : UINT32_MAX; /* nobody knows how many */
        return;
    }
    if (service != NULL && service->has_runs && service->runs) {
        row->has_blame = false; /* it works without the policy */
        return;
    }
    again = !same_boot || failures > blame->failures;
    if (service == NULL || !failed(seen, service) || !again) {
        if (same_boot && seen->has_events && failures < blame->failures) {
            blame->failures = failures; /* the log was cleared, or is read at last */
        }
        return;
    }
    if (is_free(run, blame)) {
        acquit(row, blame->service, false);
    } else {
        blame->gone_boot_id = run->boot_id;
        blame->failures = seen->has_events ? failures : UINT32_MAX;
    }
}

void hm_acquittal_look_at_guess(struct hm_enforce_run *run, struct hm_enforce_row *row)
{
    const struct hm_observation *seen = run->pass->observation;
    const uint64_t now_s = hm_run_boot_s(run);
    const bool same_boot = hm_str_equal(row->guessed_boot_id, run->boot_id);
    const enum hm_named named = same_boot ? hm_culprit_named(run, row) : HM_NAMED_NONE;

    if (named == HM_NAMED_ANOTHER) {
        acquit(row, row->guessed_of, true);
    } else if (!same_boot || named == HM_NAMED_ITS_OWN ||
               (seen->has_events && now_s > row->guessed_s + GUESS_S)) {
        row->guessed_boot_id = "";
    }
}

const char *hm_acquittal_text(struct hm_enforce_run *run, const struct hm_enforce_row *row,
                              const char *text)
{
    const char *more =
        hm_str_equal(row->innocent_of, "")
            ? NULL
            : hm_arena_printf(run->arena,
                              "%s It was off here because the service %.200s ended with error 32, "
                              "and counts again, as %s: the reason is another one.",
                              text, row->innocent_of,
                              row->named_another
                                  ? "HTTP.sys has named a port that it could not have, which is "
                                    "not one of this policy"
                                  : "that service ended so without it, too");

    return more != NULL ? more : text;
}
