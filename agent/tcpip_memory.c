/* agent/tcpip_memory.c — the values of Tcpip\Parameters, as the agent remembers them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/tcpip_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/str.h"
#include "common/os/os.h"
#include "common/wire/records.h"

#define PATH_BYTES 4096
#define FILE_BYTES (4u * 1024u * 1024u)
#define ARENA_BYTES (16u * 1024u * 1024u)

static const struct hm_enum in_force = {hm_in_force_names, HM_IN_FORCE_COUNT};

static const struct hm_field memory_fields[] = {
    HM_F(hm_tcpip_memory, boot_id, HM_TYPE_STRING, HM_FIELD_REQUIRED, 0, HM_LIMIT_ID_BYTES,
         "the newest boot that was observed"),
    HM_F_ENUM(hm_tcpip_memory, in_force, HM_FIELD_REQUIRED, &in_force,
              "whether the first values are in force in it"),
    HM_F_RECORD(hm_tcpip_memory, first, HM_FIELD_REQUIRED, &hm_record_tcpip_values,
                "as they stood at its first observation"),
    HM_F_RECORD(hm_tcpip_memory, last, HM_FIELD_REQUIRED, &hm_record_tcpip_values,
                "as they stood at the last one"),
    HM_F(hm_tcpip_memory, highest, HM_TYPE_U32, HM_FIELD_DEFAULT, 0, 0,
         "highest port that a socket was given in it; 0 none"),
    HM_F(hm_tcpip_memory, contradicted, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0,
         "a socket was given a port in it that the values reserve"),
};
static const struct hm_record record_memory = {"tcpip_memory", sizeof(struct hm_tcpip_memory),
                                               memory_fields, HM_COUNT(memory_fields)};

struct hm_agent_tcpip {
    char path[PATH_BYTES];
    /* A new memory is made beside the old one: the two arenas take turns. */
    struct hm_arena arenas[2];
    unsigned now;
    struct hm_tcpip_memory memory; /* in arenas[now] */
    char failed[HM_ERR_TEXT_MAX];  /* why the last save failed; "" it did not */
};

static enum hm_status path_of(const char *state_dir, char out[PATH_BYTES], struct hm_err *err)
{
    int put = snprintf(out, PATH_BYTES, "%s/tcpip.json", state_dir);

    if (put < 0 || put >= PATH_BYTES) {
        return hm_fail(err, HM_EINVAL, "%.200s: the path is too long", state_dir);
    }
    return HM_OK;
}

static enum hm_status decode(const char *text, size_t len, struct hm_arena *arena,
                             struct hm_tcpip_memory *out_memory, struct hm_err *err)
{
    struct hm_tcpip_memory memory = {.boot_id = ""};
    enum hm_status st =
        hm_record_decode(&record_memory, text, len, false, arena, &memory, NULL, err);

    if (st == HM_OK && memory.in_force == HM_IN_FORCE_EARLIER) {
        st = hm_fail(err, HM_EINVAL, "in_force cannot be \"earlier\" here");
    }
    if (st == HM_OK) {
        *out_memory = memory;
    }
    return st;
}

static enum hm_status read_memory(const char *path, struct hm_arena *arena,
                                  struct hm_tcpip_memory *out_memory, struct hm_err *err)
{
    char *text;
    size_t len;
    enum hm_status st = hm_os_read_file(path, FILE_BYTES, arena, &text, &len, err);

    if (st == HM_OK) {
        st = decode(text, len, arena, out_memory, err);
        if (st != HM_OK) {
            hm_err_prefix(err, "%s", path);
        }
    }
    return st;
}

enum hm_status hm_agent_tcpip_open(const char *state_dir, struct hm_agent_tcpip **out_tcpip,
                                   struct hm_err *err)
{
    struct hm_agent_tcpip *tcpip = calloc(1, sizeof(*tcpip));
    struct hm_err why;
    enum hm_status st;

    if (tcpip == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for what the agent remembers");
    }
    st = path_of(state_dir, tcpip->path, err);
    if (st != HM_OK) {
        free(tcpip);
        return st;
    }
    for (unsigned i = 0; i < HM_COUNT(tcpip->arenas); i++) {
        hm_arena_init(&tcpip->arenas[i], ARENA_BYTES);
    }
    st = read_memory(tcpip->path, &tcpip->arenas[0], &tcpip->memory, &why);
    if (st != HM_OK) {
        tcpip->memory = (struct hm_tcpip_memory){.boot_id = ""};
        if (st != HM_ENOENT) {
            hm_log_failure(HM_LOG_WARNING, "tcpip_memory_lost", &why);
        }
    }
    *out_tcpip = tcpip;
    return HM_OK;
}

void hm_agent_tcpip_close(struct hm_agent_tcpip *tcpip)
{
    if (tcpip == NULL) {
        return;
    }
    for (unsigned i = 0; i < HM_COUNT(tcpip->arenas); i++) {
        hm_arena_fini(&tcpip->arenas[i]);
    }
    free(tcpip);
}

const struct hm_tcpip_memory *hm_agent_tcpip_get(const struct hm_agent_tcpip *tcpip)
{
    return &tcpip->memory;
}

static void save(struct hm_agent_tcpip *tcpip, const struct hm_buf *json)
{
    struct hm_err why;

    if (hm_os_replace_file(tcpip->path, json->data, json->len, true, &why) == HM_OK) {
        tcpip->failed[0] = '\0';
    } else if (strcmp(tcpip->failed, why.text) != 0) {
        (void)hm_str_copy(tcpip->failed, sizeof(tcpip->failed), why.text);
        hm_log_failure(HM_LOG_WARNING, "tcpip_memory_not_saved", &why);
    }
}

/* The new memory borrows from the observation: what is kept is read back from its own text. */
static enum hm_status keep(struct hm_agent_tcpip *tcpip, const struct hm_tcpip_memory *memory,
                           struct hm_err *err)
{
    struct hm_arena *other = &tcpip->arenas[1 - tcpip->now];
    struct hm_tcpip_memory own;
    struct hm_buf json;
    enum hm_status st;

    hm_arena_reset(other);
    hm_buf_init(&json, FILE_BYTES);
    st = hm_record_encode(&record_memory, memory, &json, err);
    if (st == HM_OK) {
        st = decode(hm_buf_text(&json), json.len, other, &own, err);
    }
    if (st == HM_OK) {
        tcpip->memory = own;
        tcpip->now = 1 - tcpip->now;
        save(tcpip, &json);
    }
    hm_buf_fini(&json);
    return st;
}

enum hm_status hm_agent_tcpip_note(struct hm_agent_tcpip *tcpip, const char *boot_id,
                                   const struct hm_inventory *inventory, uint32_t highest,
                                   struct hm_err *err)
{
    struct hm_tcpip_memory memory;
    bool changed;

    if (!hm_os_is_legacy(&inventory->os) || !inventory->has_registry || boot_id == NULL ||
        boot_id[0] == '\0') {
        return HM_OK;
    }
    changed = hm_tcpip_remember(&inventory->registry, boot_id, highest, &tcpip->memory, &memory);
    return changed || tcpip->failed[0] != '\0' ? keep(tcpip, &memory, err) : HM_OK;
}

enum hm_status hm_agent_tcpip_read(const char *state_dir, struct hm_arena *arena,
                                   struct hm_tcpip_memory *out_memory, struct hm_err *err)
{
    char path[PATH_BYTES];
    enum hm_status st = path_of(state_dir, path, err);

    return st == HM_OK ? read_memory(path, arena, out_memory, err) : st;
}
