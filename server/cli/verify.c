/* server/cli/verify.c — hm-collector verify: does the log of events hold together?
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "common/base/str.h"
#include "server/cli/collector.h"

static const struct hm_cli_option options[] = {
    {"since", "ID:HASH", "the last event as an earlier run printed it: it must still be there"},
    {"json",  NULL,      "print JSON"                                                         },
};

struct look {
    struct hm_event_mark known;
    struct hm_event_mark last;
};

static enum hm_status read_mark(const char *text, struct hm_event_mark *out, struct hm_err *err)
{
    const char *colon = text == NULL ? NULL : strchr(text, ':');
    uint64_t id = 0;

    if (text == NULL) {
        return HM_OK;
    }
    if (colon == NULL || !hm_str_parse_u64(text, (size_t)(colon - text), INT64_MAX, &id) ||
        id == 0 || strlen(colon + 1) != sizeof(out->hash) - 1 ||
        strspn(colon + 1, "0123456789abcdef") != sizeof(out->hash) - 1) {
        return hm_fail(err, HM_EINVAL,
                       "--since is ID:HASH, as \"hm-collector verify\" prints the last event");
    }
    out->id = (int64_t)id;
    memcpy(out->hash, colon + 1, sizeof(out->hash));
    return HM_OK;
}

static enum hm_status walk(struct hm_session *session, void *arg, struct hm_err *err)
{
    struct look *look = arg;

    return hm_events_verify_since(session, &look->known, &look->last, err);
}

static void print(const struct hm_event_mark *last, bool json)
{
    if (json) {
        (void)printf("{\"events\":%" PRId64 ",\"last\":\"%" PRId64 ":%s\"}\n", last->id, last->id,
                     last->hash);
    } else if (last->id == 0) {
        (void)printf("There are no events yet.\n");
    } else {
        (void)printf("All %" PRId64 " events fit the chain. Keep the last one elsewhere, and give "
                     "it to the next run with --since:\n%" PRId64 ":%s\n",
                     last->id, last->id, last->hash);
    }
}

static int run(const struct hm_cli *cli)
{
    struct hm_err err = {.status = HM_OK};
    struct hm_store *store = NULL;
    struct look look = {0};
    struct hm_desk desk;
    int result = 0;
    enum hm_status st = hm_desk_open_store(cli, &desk, &store, &err);

    if (st == HM_OK) {
        st = read_mark(hm_cli_value(cli, "since"), &look.known, &err);
    }
    if (st == HM_OK) {
        st = hm_store_read(store, walk, &look, &err);
    }
    if (st == HM_OK) {
        print(&look.last, hm_cli_value(cli, "json") != NULL);
    } else {
        result = hm_desk_fail(cli, &err);
    }
    hm_store_close(store);
    hm_desk_close(&desk);
    return result;
}

const struct hm_cli_verb hm_verb_verify = {
    .name = "verify",
    .arguments = "",
    .options = options,
    .option_count = HM_COUNT(options),
    .help = "check that no event was changed or removed behind the collector's back",
    .run = run,
};
