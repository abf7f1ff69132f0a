/* server/hmctl/whatif.c — hmctl whatif: which hosts and verdicts would change, without any policy.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/hmctl/verbs.h"

#include <string.h>

#include "common/base/limits.h"
#include "server/hmctl/plan_read.h"
#include "server/hmctl/plan_show.h"

#define RANGES_MAX 2u /* one a protocol */

static const struct hm_cli_option options[] = {
    {"reserve", "STACK:PORTS",
     "if these ports were reserved: tcp:9955, \"tcp:9933,9955 udp:4500\""          },
    {"range",   "PROTOCOL:RANGE", "if this were the dynamic range: tcp:49152-65535"},
    HM_CTL_PLAN_HOST,
    HM_CTL_PLAN_WHERE,
    HM_CTL_PLAN_ONLY,
    HM_CTL_LIMIT,
};

/* Words parted by blanks; fn takes each. */
typedef enum hm_status word_fn(struct hm_ctl *ctl, const char *word, size_t len, void *arg,
                               struct hm_err *err);

static enum hm_status each_word(struct hm_ctl *ctl, const char *text, word_fn *fn, void *arg,
                                struct hm_err *err)
{
    enum hm_status st = HM_OK;

    while (st == HM_OK && text != NULL && *text != '\0') {
        const size_t len = strcspn(text, " ");

        if (len > 0) {
            st = fn(ctl, text, len, arg, err);
        }
        text += len + (text[len] == ' ' ? 1 : 0);
    }
    return st;
}

static enum hm_status put_reservation(struct hm_ctl *ctl, const char *word, size_t len, void *arg,
                                      struct hm_err *err)
{
    struct hm_reservations *list = arg;

    if (list->count == HM_LIMIT_RESERVATIONS) {
        return hm_fail(err, HM_ETOOBIG, "more than %u reservations", HM_LIMIT_RESERVATIONS);
    }
    return hm_ctl_read_reservation(word, len, &ctl->arena, &list->at[list->count++], err);
}

static enum hm_status put_range(struct hm_ctl *ctl, const char *word, size_t len, void *arg,
                                struct hm_err *err)
{
    struct hm_policy_ranges *list = arg;

    (void)ctl;
    if (list->count == RANGES_MAX) {
        return hm_fail(err, HM_EINVAL, "one range a protocol");
    }
    return hm_ctl_read_range(word, len, &list->at[list->count++], err);
}

static enum hm_status whatif(struct hm_ctl *ctl, const struct hm_cli *cli, struct hm_err *err)
{
    struct hm_policy_range ranges[RANGES_MAX];
    struct hm_api_whatif_new asked = {
        .reserve = {.at = hm_arena_alloc(&ctl->arena, HM_LIMIT_RESERVATIONS,
                                         sizeof(*asked.reserve.at))},
        .ranges = {.at = ranges},
    };
    struct hm_plan_view view = {
        .start = "/v1/whatif",
        .asks = &hm_record_api_whatif_new,
        .ask = &asked,
        .none = "no host matches",
    };
    enum hm_status st = hm_ctl_plan_scope(cli, &asked.host, &asked.filter, &view, err);

    if (st == HM_OK && asked.reserve.at == NULL) {
        st = hm_fail(err, HM_ENOMEM, "no memory");
    }
    if (st == HM_OK) {
        st = each_word(ctl, hm_cli_value(cli, "reserve"), put_reservation, &asked.reserve, err);
    }
    if (st == HM_OK) {
        st = each_word(ctl, hm_cli_value(cli, "range"), put_range, &asked.ranges, err);
    }
    if (st == HM_OK && asked.reserve.count + asked.ranges.count == 0) {
        st = hm_fail(err, HM_EINVAL,
                     "what if what? give --reserve tcp:9955 or --range "
                     "tcp:49152-65535");
    }
    return st == HM_OK ? hm_ctl_plan_show(ctl, &view, err) : st;
}

static int run(const struct hm_cli *cli)
{
    return hm_ctl_run(cli, whatif);
}

const struct hm_cli_verb hm_ctl_verb_whatif = {
    .name = "whatif",
    .arguments = "",
    .options = options,
    .option_count = HM_COUNT(options),
    .help = "which hosts would change and which verdicts get better or worse, if …",
    .run = run,
};
