/* agent/platform/recorded/configured.c — what HTTP.sys, IIS, containers and services of a
 * recorded host are set up to serve. SPDX-License-Identifier: Apache-2.0
 *
 * Folders that an older collect.cmd made have none of these files: then nothing is known, and no
 * sentence says so for each of them. */
#include "agent/platform/recorded/recorded.h"

#include <string.h>

#include "common/ports/configured.h"
#include "common/readers/hns_endpoints_text.h"
#include "common/readers/http_config_text.h"
#include "common/readers/iis_bindings_text.h"

#define IIS_FAILED "iis failed: " /* of collect.cmd; the reason follows */
#define UNKNOWN "what HTTP.sys and containers are set up to serve is not known whole"

struct source {
    const char *name;
    enum hm_text_kind kind; /* of its own text, as text_kind.h tells */
    enum hm_status (*parse)(const char *text, size_t len, struct hm_configured_make *make,
                            struct hm_err *err);
    bool always;   /* every Windows from Vista on can tell it */
    bool has_rows; /* a listing without any was cut */
};

static const struct source sources[] = {
    {"http-urlacl.txt",    HM_TEXT_UNKNOWN, hm_urlacl_parse,        true,  true },
    {"http-sslcert.txt",   HM_TEXT_UNKNOWN, hm_sslcert_parse,       true,  false},
    {"iis-bindings.txt",   HM_TEXT_UNKNOWN, hm_iis_bindings_parse,  false, false},
    {"hns-endpoints.json", HM_TEXT_JSON,    hm_hns_endpoints_parse, false, false},
};

/* Of Linux: the files that the platform reads on a live host, one behind the other. */
static const struct source published = {"published-ports.json", HM_TEXT_JSON,
                                        hm_hns_endpoints_parse, false, false};

/* "SERVICE PORT FILE" lines: what settings files of servers say (server_settings.h). PORT is "none"
 * where a server opens none, and "?" where it is not known; FILE is then the clause that says why.
 */
static enum hm_status parse_servers(const char *text, size_t len, struct hm_configured_make *make,
                                    struct hm_err *err)
{
    struct hm_span rest = {text, len};
    struct hm_span line;
    enum hm_status st = HM_OK;

    while (st == HM_OK && hm_str_next_line(&rest, &line)) {
        struct hm_configured row = {
            .protocol = HM_TCP, .kind = HM_KIND_SOCKET, .by = HM_BY_SETTINGS_PORT};
        struct hm_span words[2];
        uint32_t port = 0;

        line = hm_str_trim(line.at, line.len);
        if (line.len == 0 || line.at[0] == '#') {
            continue;
        }
        for (size_t i = 0; i < HM_COUNT(words); i++) {
            const char *space = memchr(line.at, ' ', line.len);
            const size_t end = space == NULL ? line.len : (size_t)(space - line.at);

            words[i] = (struct hm_span){line.at, end};
            line = hm_str_trim(line.at + end, line.len - end);
        }
        if (words[1].len == 4 && memcmp(words[1].at, "none", 4) == 0) {
            row.by = HM_BY_SETTINGS_NO_PORT;
        } else if (!(words[1].len == 1 && words[1].at[0] == '?') &&
                   (!hm_str_parse_u32(words[1].at, words[1].len, UINT16_MAX, &port) || port == 0)) {
            return hm_fail(err, HM_EINVAL, "a line that is not \"SERVICE PORT FILE\"");
        }
        row.port = (uint16_t)port;
        row.service = hm_arena_strndup(make->arena, words[0].at, words[0].len);
        st = row.service == NULL ? hm_fail(err, HM_ENOMEM, "no memory for the ports of servers")
                                 : hm_configured_put(make, &row, line, err);
    }
    return st;
}

static const struct source servers = {"server-settings.txt", HM_TEXT_UNKNOWN, parse_servers, false,
                                      false};

/* Could the settings of IIS not be read? Then the file holds the one line that collect.cmd writes.
 */
static bool iis_failed(const struct hm_recorded_file *file)
{
    const size_t len = strlen(IIS_FAILED);
    struct hm_span line = hm_str_trim(file->text, file->len);

    return line.len > len && memcmp(line.at, IIS_FAILED, len) == 0 &&
           memchr(line.at, '\n', line.len) == NULL;
}

/* *out_read: the file is there, and its rows are in the list. */
static enum hm_status read_source(struct hm_recorded *recorded, const struct source *source,
                                  struct hm_configured_make *make, bool *out_there, bool *out_read,
                                  struct hm_err *err)
{
    const char *unknown = source == &published
                              ? "what containers are set up to publish is not known whole"
                          : source == &servers ? "which ports servers are set to is not known whole"
                                               : UNKNOWN;
    const size_t before = make->list.count;
    struct hm_recorded_file file;
    enum hm_text_kind kind;
    enum hm_status st = hm_recorded_read(recorded, source->name, &file, err);

    *out_there = st == HM_OK && file.there;
    *out_read = false;
    if (st != HM_OK || !file.there) {
        return st;
    }
    if (hm_recorded_netsh_failed(&file) || iis_failed(&file)) {
        struct hm_span line = hm_str_trim(file.text, file.len);

        return hm_notes_add(&recorded->notes, err, "%s: %.*s: %s", file.name, (int)line.len,
                            line.at, unknown);
    }
    kind = hm_text_kind((struct hm_span){file.text, file.len});
    if (kind != HM_TEXT_UNKNOWN && kind != source->kind) {
        return hm_recorded_note(recorded, &file, hm_text_kind_names[kind], unknown, err);
    }
    st = source->parse(file.text, file.len, make, err);
    if (st == HM_EINVAL) {
        return hm_recorded_refused(recorded, &file, source->kind, unknown, err);
    }
    if (st == HM_OK && make->doubt != NULL) {
        const char *doubt = make->doubt;

        make->doubt = NULL;
        return hm_notes_add(&recorded->notes, err, "%s: %s: %s", file.name, doubt, unknown);
    }
    if (st == HM_OK && source->has_rows && make->list.count == before) {
        return hm_notes_add(&recorded->notes, err, "%s has no URL: %s", file.name, unknown);
    }
    *out_read = st == HM_OK;
    return st;
}

enum hm_status hm_recorded_configured(struct hm_recorded *recorded, struct hm_err *err)
{
    struct hm_inventory *inventory = &recorded->seen.inventory;
    struct hm_configured_make make;
    const bool legacy = hm_os_is_legacy(&inventory->os);
    bool partial = false;
    bool files = false;
    bool any = false;
    enum hm_status st;

    hm_configured_begin(&make, &inventory->os, recorded->arena);
    st = hm_recorded_port_values(recorded, &make, &any, err);
    for (size_t i = 0; !legacy && i < HM_COUNT(sources) && st == HM_OK; i++) {
        bool there;
        bool read;

        st = read_source(recorded, &sources[i], &make, &there, &read, err);
        any = any || there;
        files = files || there;
        make.bindings = make.bindings || (read && sources[i].parse == hm_iis_bindings_parse);
        partial = partial || (!read && (there || sources[i].always));
    }
    recorded->seen.settings_unread = files && partial;
    if (st == HM_OK && any) {
        hm_configured_finish(&make, partial, inventory);
    }
    return st;
}

enum hm_status hm_recorded_published(struct hm_recorded *recorded, struct hm_err *err)
{
    struct hm_inventory *inventory = &recorded->seen.inventory;
    struct hm_configured_make make;
    bool partial;
    bool there;
    bool read;
    bool any;
    enum hm_status st;

    hm_configured_begin(&make, &inventory->os, recorded->arena);
    st = read_source(recorded, &published, &make, &there, &read, err);
    any = there;
    partial = there && !read;
    if (st == HM_OK) {
        st = read_source(recorded, &servers, &make, &there, &read, err);
    }
    if (st == HM_OK && (any || there)) {
        hm_configured_finish(&make, partial || (there && !read), inventory);
    }
    return st;
}
