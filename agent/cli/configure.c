/* agent/cli/configure.c — hm-agent configure: what an installer or a script changes in agent.conf.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "agent/cli/verbs.h"
#include "agent/config.h"
#include "agent/platform/host.h"
#include "common/base/encoding.h"
#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/config/edit.h"
#include "common/os/os.h"

#define ARENA_BYTES (4u * 1024u * 1024u)
#define CHANGES_MOST 64
#define TOKEN_NAME "token"

/* Installers hand on what they were given: an empty value changes nothing. */
static const struct hm_cli_option options[] = {
    {"collector", "URL",   "address of the collector"                                  },
    {"token",     "TOKEN", "join token; goes into a file that only this agent may read"},
    {"labels",    "LIST",  "labels given at enrolment: site=paris,role=dns"            },
};

struct work {
    const struct hm_cli *cli;
    struct hm_arena arena;
    const char *path;   /* of agent.conf */
    const char *folder; /* of that */
    struct hm_config_change changes[CHANGES_MOST];
    size_t count;
};

static const char *given(const struct work *work, const char *option)
{
    const char *value = hm_cli_value(work->cli, option);

    return value != NULL && value[0] != '\0' ? value : NULL;
}

/* What the agent would refuse at its next start is refused here. */
static enum hm_status add_change(struct work *work, const char *key, const char *value,
                                 struct hm_err *err)
{
    struct hm_agent_config config = {.collector = ""};

    work->changes[work->count++] = (struct hm_config_change){key, value};
    return value == NULL ? HM_OK
                         : hm_config_set(hm_agent_config_rows, hm_agent_config_count, key, value,
                                         "configure", &work->arena, &config, err);
}

/* The "--set" of every verb goes into the file here. */
static enum hm_status add_set(struct work *work, struct hm_err *err)
{
    const char *settings = hm_cli_value(work->cli, "set");
    enum hm_status st = HM_OK;
    const char *value;
    const char *key;

    while (st == HM_OK && settings != NULL && *settings != '\0') {
        if (work->count == CHANGES_MOST - 4) { /* the options of this verb, and the token's two */
            return hm_fail(err, HM_ETOOBIG, "more than %d settings at once", CHANGES_MOST - 4);
        }
        st = hm_config_next_setting(hm_agent_config_rows, hm_agent_config_count, &settings, "--set",
                                    &work->arena, &key, &value, err);
        if (st == HM_OK) {
            st = add_change(work, key, value, err);
        }
    }
    return st;
}

static enum hm_status find_folder(struct work *work, struct hm_err *err)
{
    const char *named = hm_cli_value(work->cli, "config");
    enum hm_status st;

    work->path = named != NULL ? named : HM_AGENT_CONFIG_PATH;
    st = hm_agent_config_folder(work->path, &work->arena, &work->folder, err);
    if (st != HM_OK) {
        return st;
    }
    return named == NULL ? hm_host_own_folder(work->folder, err)
                         : hm_os_make_folder(work->folder, 0755, err);
}

/* In a file of its own: the configuration may be shown to others. */
static enum hm_status put_token(struct work *work, const char *token, struct hm_err *err)
{
    const bool backslash = strchr(work->folder, '\\') != NULL;
    const char *path =
        hm_arena_printf(&work->arena, "%s%s" TOKEN_NAME, work->folder, backslash ? "\\" : "/");
    const char *line = hm_arena_printf(&work->arena, "%s\n", token);
    enum hm_status st;

    if (path == NULL || line == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory to configure the agent");
    }
    st = hm_os_replace_file(path, line, strlen(line), true, err);
    if (st == HM_OK) {
        st = add_change(work, "token_file", path, err);
    }
    if (st == HM_OK) {
        st = add_change(work, "token", NULL, err); /* would outrank the file */
    }
    return st;
}

static void put_sample(struct hm_buf *out)
{
    struct hm_buf sample;
    struct hm_span rest;
    struct hm_span line;

    hm_buf_init(&sample, out->cap_bytes);
    hm_config_sample(hm_agent_config_rows, hm_agent_config_count, &sample);
    rest = (struct hm_span){hm_buf_text(&sample), sample.len};
    while (hm_str_next_line(&rest, &line)) {
        (void)hm_buf_put(out, line.at, line.len);
        (void)hm_buf_puts(out, hm_host_line_end);
    }
    hm_buf_fini(&sample);
}

static enum hm_status write_file(struct work *work, struct hm_err *err)
{
    enum hm_status st = HM_OK;
    struct hm_buf before;
    struct hm_buf after;

    hm_buf_init(&before, HM_LIMIT_CONFIG_BYTES);
    hm_buf_init(&after, HM_LIMIT_CONFIG_BYTES);
    if (hm_os_exists(work->path)) {
        struct hm_span text;
        char *bytes;
        size_t len;

        st = hm_os_read_file(work->path, HM_LIMIT_CONFIG_BYTES, &work->arena, &bytes, &len, err);
        if (st == HM_OK) {
            st = hm_text_decode(bytes, len, &work->arena, &text, err);
            hm_err_prefix(st == HM_OK ? NULL : err, "%s", work->path);
        }
        if (st == HM_OK) {
            (void)hm_buf_put(&before, text.at, text.len);
        }
    } else {
        put_sample(&before);
    }
    if (st == HM_OK) {
        st = hm_buf_status(&before, err);
    }
    if (st == HM_OK) {
        st = hm_config_edit(hm_buf_text(&before), before.len, work->changes, work->count, &after,
                            err);
    }
    if (st == HM_OK) {
        st = hm_os_replace_file(work->path, after.data, after.len, false, err);
    }
    hm_buf_fini(&before);
    hm_buf_fini(&after);
    return st;
}

static enum hm_status configure(struct work *work, struct hm_err *err)
{
    static const char *const plain[] = {"collector", "labels"};
    const char *token = given(work, "token");
    enum hm_status st = add_set(work, err);

    for (size_t i = 0; st == HM_OK && i < HM_COUNT(plain); i++) {
        const char *value = given(work, plain[i]);

        st = value != NULL ? add_change(work, plain[i], value, err) : HM_OK;
    }
    if (st == HM_OK) {
        st = find_folder(work, err);
    }
    if (st == HM_OK && token != NULL) {
        st = put_token(work, token, err);
    }
    return st == HM_OK ? write_file(work, err) : st;
}

static int run(const struct hm_cli *cli)
{
    struct work work = {.cli = cli};
    struct hm_err err;
    enum hm_status st;
    int status = HM_EXIT_OK;

    hm_arena_init(&work.arena, ARENA_BYTES);
    st = configure(&work, &err);
    if (st != HM_OK) {
        status = hm_cli_fail(cli, st == HM_EINVAL ? HM_EXIT_USAGE : HM_EXIT_FAILED, &err);
    } else {
        (void)printf("%s is written; restart the agent to use it\n", work.path);
    }
    hm_arena_fini(&work.arena);
    return status;
}

const struct hm_cli_verb hm_verb_configure = {
    .name = "configure",
    .arguments = "",
    .options = options,
    .option_count = HM_COUNT(options),
    .help = "make the configuration, or change these keys and leave the rest as it is",
    .run = run,
};
