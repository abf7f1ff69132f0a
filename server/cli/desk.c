/* server/cli/desk.c — what the verbs that work on the data folder share.
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "server/cli/collector.h"
#include "server/http/privileges.h"

enum hm_status hm_desk_open(const struct hm_cli *cli, struct hm_desk *desk, struct hm_err *err)
{
    enum hm_status st;

    memset(desk, 0, sizeof(*desk));
    hm_arena_init(&desk->arena, HM_LIMIT_CYCLE_ARENA_BYTES);
    st = hm_crypto_init(err);
    if (st == HM_OK) {
        st = hm_server_config_load(cli, &desk->arena, &desk->config, err);
    }
    if (st == HM_OK) {
        st = hm_data_paths(&desk->config, &desk->arena, &desk->paths, err);
    }
    return st;
}

enum hm_status hm_desk_open_store(const struct hm_cli *cli, struct hm_desk *desk,
                                  struct hm_store **out_store, struct hm_err *err)
{
    enum hm_status st = hm_desk_open(cli, desk, err);

    if (st == HM_OK) {
        st = hm_privileges_drop(desk->config.user, NULL, err); /* so that files stay the server's */
    }
    return st == HM_OK ? hm_data_open_store(&desk->paths, &desk->arena, out_store, err) : st;
}

void hm_desk_close(struct hm_desk *desk)
{
    hm_arena_fini(&desk->arena);
}

struct making {
    struct hm_token_row row;
    struct hm_event event;
};

static enum hm_status run_making(struct hm_session *session, void *arg, struct hm_err *err)
{
    struct making *making = arg;
    enum hm_status st = hm_tokens_put(session, &making->row, err);

    return st == HM_OK ? hm_events_append(session, &making->event, err) : st;
}

enum hm_status hm_desk_make_token(struct hm_store *store, const struct hm_token_wish *wish,
                                  struct hm_arena *arena, struct hm_token *out_token,
                                  struct hm_err *err)
{
    const int64_t now_ms = hm_clock_now_ms();
    const bool join = strcmp(wish->kind, "join") == 0;
    struct hm_token token;
    struct making making;
    enum hm_status st;

    hm_token_new(join ? "hmj" : "hmo", now_ms, join ? wish->ca_sha256 : NULL, &token);
    making.row = (struct hm_token_row){
        .id = token.id,
        .kind = wish->kind,
        .name = wish->name,
        .role = wish->role,
        .labels = wish->labels,
        .created_ms = now_ms,
        .expires_ms = wish->valid_s == 0 ? 0 : now_ms + (int64_t)wish->valid_s * 1000,
        .uses_left = wish->uses,
    };
    hm_token_hash(&token, making.row.secret_hash);
    making.event = (struct hm_event){
        .at_ms = now_ms,
        .kind = "token_created",
        .host_id = "",
        .host_name = "",
        .actor = "collector",
        .peer = "",
        .before = "",
        .after = hm_arena_printf(arena, "%s token %s \"%s\"%s%s", wish->kind, token.id, wish->name,
                                 join ? "" : ", role ", wish->role),
        .why = "made on the collector itself",
    };
    if (making.event.after == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the token");
    }
    st = hm_store_write(store, run_making, &making, err);
    if (st == HM_OK) {
        *out_token = token;
    }
    hm_crypto_wipe(&token, sizeof(token));
    return st;
}

int hm_desk_fail(const struct hm_cli *cli, const struct hm_err *err)
{
    return hm_cli_fail(cli, err->status == HM_EINVAL ? HM_EXIT_USAGE : HM_EXIT_FAILED, err);
}
