/* common/judge/remedy_legacy.c — ports kept free on 2000, XP and 2003: the registry value
 * ReservedPorts, read when the system starts (KB812873, KB956189).
 * SPDX-License-Identifier: Apache-2.0
 *
 * One value holds the whole list, so every remedy writes the same one: what is there, and all that
 * is at risk on the host. None undoes another, in whatever order they are carried out. */
#include "common/judge/remedy_scope.h"

#include <string.h>

#include "common/base/str.h"
#include "common/ports/reserved_ports.h"

#define REG_KEY "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters"
#define REG_FILE "tcpip-parameters.reg"
#define WRITE_TEXT                                                                                 \
    "Write the ports into the registry value ReservedPorts: the lines that are there, and every "  \
    "port at risk of this host's products, also of parts that are not started now; neighbours as " \
    "one range, as on separate lines only the first is reserved."
#define NO_REG_TEXT                                                                                \
    " This system has no reg.exe: the lines make a file for regedit, in the folder in which they " \
    "are typed."
#define REG_LINE_BYTES 40u /* of a value on one line of the file */

struct hm_ports hm_remedy_listed(const struct hm_finding_ctx *ctx, struct hm_finding_list *list)
{
    const struct hm_registry *registry = &ctx->input->inventory->registry;
    struct hm_ports all = {NULL, 0};

    if (!ctx->input->inventory->has_registry || !registry->has_reserved_ports) {
        return all;
    }
    for (size_t i = 0; i < registry->reserved_ports.count; i++) {
        const char *line = registry->reserved_ports.at[i];
        struct hm_span text = hm_str_trim(line, strlen(line));
        struct hm_ports one;

        if (text.len > 0 && hm_ports_parse(text.at, text.len, list->arena, &one, NULL) == HM_OK) {
            all = hm_finding_union(list, all, one);
        }
    }
    return all;
}

/* ---- Windows 2000 has no reg.exe ----------------------------------------------------------- */

/* regedit reads a file of this form in the code page of the console as well as in UTF-16 (KB310516,
 * which is for 2000 to 2003), and hex(7) is the only way in which its editor takes REG_MULTI_SZ. */
static void begin_file(struct hm_finding_list *list, struct hm_remedy_step *step)
{
    hm_remedy_command(list, step, "echo Windows Registry Editor Version 5.00>%s", REG_FILE);
    hm_remedy_command(list, step, "echo.>>%s", REG_FILE);
    hm_remedy_command(list, step, "echo [%s]>>%s", REG_KEY, REG_FILE);
}

static void end_file(struct hm_finding_list *list, struct hm_remedy_step *step)
{
    /* cmd.exe does not wait for a program with windows, and the next remedy writes the file again
     */
    hm_remedy_command(list, step, "start \"\" /wait regedit /s \"%s\"", REG_FILE);
}

/* Lines as UTF-16, each ended by a NUL, and one more at the end. */
static void put_hex(struct hm_finding_list *list, struct hm_remedy_step *step,
                    const struct hm_strings *lines)
{
    static const char digits[] = "0123456789abcdef";
    char text[6 * REG_LINE_BYTES + 32];
    size_t len = 0;
    size_t bytes = 0;
    bool first = true;

    for (size_t i = 0; i <= lines->count; i++) {
        const char *line = i < lines->count ? lines->at[i] : "";
        size_t units = strlen(line) + 1;

        for (size_t k = 0; k < units; k++) {
            unsigned char byte = (unsigned char)line[k];
            bool last = i == lines->count && k + 1 == units;

            text[len++] = digits[byte >> 4];
            text[len++] = digits[byte & 15];
            memcpy(text + len, ",00", 3);
            len += 3;
            bytes += 2;
            if (!last) {
                text[len++] = ',';
            }
            if (last || bytes >= REG_LINE_BYTES) {
                text[len] = '\0';
                hm_remedy_command(list, step, "echo %s%s%s>>%s",
                                  first ? "\"ReservedPorts\"=hex(7):" : "  ", text,
                                  last ? "" : "\\", REG_FILE);
                first = false;
                len = 0;
                bytes = 0;
            }
        }
    }
}

void hm_remedy_set_value(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                         struct hm_remedy_step *step, const char *name, const uint32_t *value)
{
    if (ctx->facts->windows >= HM_REMEDY_REG_SINCE || ctx->facts->windows == 0) {
        if (value == NULL) {
            hm_remedy_command(list, step, "reg delete %s /v %s /f", HM_REMEDY_TCPIP_KEY, name);
        } else {
            hm_remedy_command(list, step, "reg add %s /v %s /t REG_DWORD /d %u /f",
                              HM_REMEDY_TCPIP_KEY, name, (unsigned)*value);
        }
        return;
    }
    begin_file(list, step);
    if (value == NULL) {
        hm_remedy_command(list, step, "echo \"%s\"=->>%s", name, REG_FILE);
    } else {
        hm_remedy_command(list, step, "echo \"%s\"=dword:%08x>>%s", name, (unsigned)*value,
                          REG_FILE);
    }
    end_file(list, step);
}

/* ---- ReservedPorts ------------------------------------------------------------------------- */

static void write_lines(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                        struct hm_remedy_step *step, const struct hm_strings *lines)
{
    struct hm_line text;

    hm_line_init(&text);
    for (size_t i = 0; i < lines->count; i++) {
        hm_line_put(&text, i == 0 ? "" : "\\0");
        hm_line_put(&text, lines->at[i]);
    }
    if (ctx->facts->windows >= HM_REMEDY_REG_SINCE && !text.cut) {
        hm_remedy_command(list, step, "reg add %s /v ReservedPorts /t REG_MULTI_SZ /d \"%.*s\" /f",
                          HM_REMEDY_TCPIP_KEY, (int)text.len, text.text);
        return;
    }
    begin_file(list, step);
    put_hex(list, step, lines);
    end_file(list, step);
}

void hm_remedy_write_reserved(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                              struct hm_finding *finding, struct hm_ports ports)
{
    struct hm_ports all = hm_finding_union(list, ports, hm_remedy_listed(ctx, list));
    struct hm_remedy_step *step;
    struct hm_strings lines;

    if (hm_reserved_ports_format(all, list->arena, &lines, NULL) != HM_OK) {
        list->status = list->status == HM_OK ? HM_ENOMEM : list->status;
        return;
    }
    step = hm_remedy_step(list, finding, HM_STEP_RESERVE,
                          ctx->facts->windows < HM_REMEDY_REG_SINCE ? WRITE_TEXT NO_REG_TEXT
                                                                    : WRITE_TEXT);
    write_lines(ctx, list, step, &lines);
}

/* ---- the remedy ---------------------------------------------------------------------------- */

/* What is reserved was in force by all that is known, and did not help. */
static void legacy_contradicted(struct hm_remedy_scope *scope, struct hm_finding *finding,
                                const struct hm_service_list *targets)
{
    finding->remedy =
        "The ports are reserved already, and yet the DNS Server was given one when it started: "
        "another restart may bring the same. Find out why the reservation did not help.";
    hm_remedy_stop_services(scope, finding, targets, "so that the port is free for its service");
    hm_remedy_start_services(scope, finding, &scope->down, targets);
    (void)hm_remedy_step(
        scope->list, finding, HM_STEP_DECIDE,
        "Find out why: whether the clock was changed between the write and the start, so that the "
        "value is not in force yet; whether ReservedPorts is of type REG_MULTI_SZ, with first-last "
        "on each line; on ISA Server the updates for DNS need a script of their own, as "
        "ReservedPorts does not help there (KB956190). Until it is found, start the service before "
        "the DNS Server after each restart of the host.");
}

/* Are the ports, of all stacks, in the list that is written? */
static bool is_written(const struct hm_remedy_scope *scope)
{
    struct hm_ports listed = hm_remedy_listed(scope->ctx, scope->list);
    bool all = true;

    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        all = all && hm_ports_covers(listed, scope->wanted.of[i]);
    }
    return all;
}

void hm_remedy_legacy(struct hm_remedy_scope *scope, struct hm_finding *finding)
{
    struct hm_finding_list *list = scope->list;
    struct hm_service_list targets = {.count = 0};
    bool wanted = scope->wanted.of[0].count + scope->wanted.of[1].count +
                      scope->wanted.of[2].count + scope->wanted.of[3].count >
                  0;
    const struct hm_ports all = scope->ctx->reserve;
    const struct hm_stack_ports stacks = {
        {all, all, all, all}
    };
    uint32_t left;

    if (scope->down.count + scope->again.count > 0) {
        hm_service_list_join(&targets, &scope->holders);
        hm_service_list_join(&targets, &scope->again);
    }
    if (wanted && scope->ctx->input->inventory->registry.contradicted && is_written(scope)) {
        legacy_contradicted(scope, finding, &targets);
        return;
    }
    if (wanted && !hm_remedy_leaves_room(scope->ctx, list, &stacks, &left)) {
        finding->remedy = HM_REMEDY_ROOM_TEXT;
        (void)hm_remedy_make_room(scope->ctx, list, finding, &stacks, left);
        return;
    }
    finding->remedy =
        targets.count > 0 && wanted ? "Free the port for the moment, and reserve it in the "
                                      "registry: that is in force after "
                                      "the next boot, and lasts."
        : targets.count > 0         ? "Free the port; it is reserved already."
        : wanted ? "Reserve the ports in the registry; that is in force after the next boot."
                 : "The port is reserved already, or outside the dynamic range; what has it now "
                   "must give it up.";
    hm_remedy_wait(scope, finding);
    hm_remedy_stop_services(scope, finding, &targets, "so that the port is free for its service");
    if (wanted) {
        hm_remedy_write_reserved(scope->ctx, list, finding, scope->ctx->reserve);
    }
    hm_remedy_start_services(scope, finding, &scope->down, &targets);
    if (wanted) {
        hm_remedy_restart(list, finding,
                          "Restart the host: this system reads ReservedPorts when it "
                          "starts, and nothing else has the ports then.");
    } else if (targets.count == 0 && hm_remedy_names(scope, HM_BLOCK_BOOT)[0] != '\0') {
        hm_remedy_restart(
            list, finding,
            "Restart the host: that ends what has the port now. Where the port is reserved, "
            "its holder was given it before that counted, or binds this very port: "
            "if it has it again after the restart, give it another one.");
    }
    hm_remedy_decide_fixed(scope, finding);
}
