/* agent/run_memory.c — which services run, settled, on disk.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/run_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/platform/notes.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/str.h"
#include "common/os/os.h"
#include "common/wire/records.h"

#define PATH_BYTES 4096
#define FILE_BYTES (4u * 1024u * 1024u)
#define ARENA_BYTES (16u * 1024u * 1024u)
#define ROWS_MAX                                                                                   \
    (2 * HM_LIMIT_SERVICES) /* those of one observation, and those that stay a while               \
                             */

static const struct hm_enum run_enum = {hm_run_names, HM_RUN_COUNT};

static const struct hm_field row_fields[] = {
    HM_F_RECORD(hm_run_row, service, HM_FIELD_REQUIRED, &hm_record_service,
                "as last seen, with the settled run state"),
    HM_F_ENUM(hm_run_row, seen, HM_FIELD_REQUIRED, &run_enum, "by the newest observation"),
    HM_F(hm_run_row, seen_exit_code, HM_TYPE_U32, HM_FIELD_DEFAULT, 0, 0, "likewise"),
    HM_F(hm_run_row, instance, HM_TYPE_U64, HM_FIELD_DEFAULT, 0, 0, "of the run; 0 unknown"),
    HM_F(hm_run_row, since_s, HM_TYPE_U64, HM_FIELD_REQUIRED, 0, 0,
         "seen so since that second of the boot"),
    HM_F(hm_run_row, changes, HM_TYPE_U32, HM_FIELD_DEFAULT, 0, 0, "of the settled state"),
};
static const struct hm_record record_row = {"run_row", sizeof(struct hm_run_row), row_fields,
                                            HM_COUNT(row_fields)};

static const struct hm_field memo_fields[] = {
    HM_F(hm_run_memo, boot_id, HM_TYPE_STRING, HM_FIELD_REQUIRED, 0, HM_LIMIT_ID_BYTES,
         "the boot that all of this is about"),
    HM_F(hm_run_memo, uptime_s, HM_TYPE_U64, HM_FIELD_REQUIRED, 0, 0, "when it was written"),
    HM_F_RECORDS(hm_run_memo, rows, HM_FIELD_REQUIRED, ROWS_MAX, &record_row, "services, by name"),
};
static const struct hm_record record_memo = {"run_memo", sizeof(struct hm_run_memo), memo_fields,
                                             HM_COUNT(memo_fields)};

struct hm_agent_runs {
    char path[PATH_BYTES];
    /* Noting makes a new memo beside the old one: the two arenas take turns. */
    struct hm_arena arenas[2];
    unsigned now;
    struct hm_run_memo memo;      /* in arenas[now] */
    char failed[HM_ERR_TEXT_MAX]; /* why the last save failed; "" it did not */
};

static void load(struct hm_agent_runs *runs)
{
    struct hm_run_memo memo = {.boot_id = ""};
    struct hm_err why;
    char *text;
    size_t len;
    enum hm_status st =
        hm_os_read_file(runs->path, FILE_BYTES, &runs->arenas[0], &text, &len, &why);

    if (st == HM_OK) {
        st = hm_record_decode(&record_memo, text, len, false, &runs->arenas[0], &memo, NULL, &why);
        if (st != HM_OK) {
            hm_err_prefix(&why, "%s", runs->path);
        }
    }
    if (st == HM_OK) {
        hm_run_rows_settle(&memo.rows);
        runs->memo = memo;
    } else if (st != HM_ENOENT) {
        hm_log_failure(HM_LOG_WARNING, "run_memory_lost", &why);
    }
}

enum hm_status hm_agent_runs_open(const char *state_dir, struct hm_agent_runs **out_runs,
                                  struct hm_err *err)
{
    struct hm_agent_runs *runs = calloc(1, sizeof(*runs));
    int put;

    if (runs == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for what services do");
    }
    put = snprintf(runs->path, sizeof(runs->path), "%s/runs.json", state_dir);
    if (put < 0 || put >= PATH_BYTES) {
        free(runs);
        return hm_fail(err, HM_EINVAL, "%.200s: the path is too long", state_dir);
    }
    runs->memo.boot_id = "";
    for (unsigned i = 0; i < HM_COUNT(runs->arenas); i++) {
        hm_arena_init(&runs->arenas[i], ARENA_BYTES);
    }
    load(runs);
    *out_runs = runs;
    return HM_OK;
}

void hm_agent_runs_close(struct hm_agent_runs *runs)
{
    if (runs == NULL) {
        return;
    }
    for (unsigned i = 0; i < HM_COUNT(runs->arenas); i++) {
        hm_arena_fini(&runs->arenas[i]);
    }
    free(runs);
}

/* A service with texts of its own. */
static bool copy_service(struct hm_service *service, struct hm_arena *arena)
{
    const struct hm_strings from = service->depends_on;
    const char **names = (const char **)hm_arena_alloc(arena, from.count, sizeof(*names));
    bool ok = names != NULL;

    service->name = hm_arena_strdup(arena, service->name);
    service->program = hm_arena_strdup(arena, service->program);
    ok = ok && service->name != NULL && service->program != NULL;
    for (size_t i = 0; ok && i < from.count; i++) {
        names[i] = hm_arena_strdup(arena, from.at[i]);
        ok = names[i] != NULL;
    }
    service->depends_on.at = names;
    return ok;
}

/* A memo borrows from the observation, which is gone before the next one. */
static enum hm_status copy_memo(const struct hm_run_memo *from, struct hm_arena *arena,
                                struct hm_run_memo *out_memo, struct hm_err *err)
{
    struct hm_run_memo memo = *from;
    bool ok;

    memo.boot_id = hm_arena_strdup(arena, from->boot_id);
    memo.rows.at = hm_arena_alloc(arena, from->rows.count, sizeof(*memo.rows.at));
    ok = memo.boot_id != NULL && memo.rows.at != NULL;
    for (size_t i = 0; ok && i < from->rows.count; i++) {
        memo.rows.at[i] = from->rows.at[i];
        ok = copy_service(&memo.rows.at[i].service, arena);
    }
    if (!ok) {
        return hm_fail(err, HM_ENOMEM, "no memory for what services do");
    }
    *out_memo = memo;
    return HM_OK;
}

static void save(struct hm_agent_runs *runs)
{
    struct hm_err why;
    struct hm_buf json;
    enum hm_status st;

    hm_buf_init(&json, FILE_BYTES);
    st = hm_record_encode(&record_memo, &runs->memo, &json, &why);
    if (st == HM_OK) {
        st = hm_os_replace_file(runs->path, json.data, json.len, true, &why);
    }
    hm_buf_fini(&json);
    if (st == HM_OK) {
        runs->failed[0] = '\0';
    } else if (strcmp(runs->failed, why.text) != 0) {
        (void)hm_str_copy(runs->failed, sizeof(runs->failed), why.text);
        hm_log_failure(HM_LOG_WARNING, "run_memory_not_saved", &why);
    }
}

enum hm_status hm_agent_runs_note(struct hm_agent_runs *runs, struct hm_arena *arena,
                                  struct hm_observation *observation, struct hm_err *err)
{
    struct hm_arena *other = &runs->arenas[1 - runs->now];
    const struct hm_run_look look = {
        .boot_id = observation->boot_id == NULL ? "" : observation->boot_id,
        .uptime_s = observation->uptime_s,
        .instances = &observation->instances,
    };
    struct hm_run_memo memo;
    bool changed = false;
    enum hm_status st;

    if (!observation->has_uptime) {
        return HM_OK;
    }
    st = hm_run_memo_note(&runs->memo, &look, arena, &observation->inventory, &memo, &changed, err);
    if (st == HM_OK) {
        hm_arena_reset(other);
        st = copy_memo(&memo, other, &memo, err);
    }
    if (st != HM_OK) {
        return st;
    }
    runs->memo = memo;
    runs->now = 1 - runs->now;
    if (changed || runs->failed[0] != '\0') {
        save(runs);
    }
    return HM_OK;
}

enum hm_status hm_agent_runs_check(struct hm_arena *arena, struct hm_observation *observation,
                                   struct hm_err *err)
{
    struct hm_notes notes = {.arena = arena};
    enum hm_status st;

    if (!observation->has_uptime || observation->uptime_s >= HM_RUN_KNOWN_S ||
        !observation->inventory.has_service_details) {
        return HM_OK;
    }
    hm_run_forget(&observation->inventory.service_details);
    hm_notes_init(&notes, arena);
    st = hm_notes_add(&notes, err,
                      "which services run: this host started less than %d minutes ago, and its "
                      "services may still be starting",
                      HM_RUN_KNOWN_S / 60);
    for (size_t i = 0; st == HM_OK && i < observation->unknown.count; i++) {
        st = hm_notes_add(&notes, err, "%s", observation->unknown.at[i]);
    }
    if (st == HM_OK) {
        observation->unknown = notes.list;
    }
    return st;
}
