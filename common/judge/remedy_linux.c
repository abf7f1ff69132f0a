/* common/judge/remedy_linux.c — ports kept free on Linux: net.ipv4.ip_local_reserved_ports.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A write replaces the whole list, so every remedy writes the same one: what is reserved now and
 * all that is at risk on the host. The file comes after all others in sysctl.d (windows-ports 7:
 * the last one wins; names of some z are in use) but the agent's own, which takes it over, and
 * "sysctl -p FILE" puts just that file in force. A port that is in use can be reserved, too:
 * nothing has to stop for it. */
#include "common/judge/remedy_scope.h"

#include <string.h>

#include "common/base/str.h"

#define SHORT_NAME "ip_local_reserved_ports"
#define NAME "net.ipv4." SHORT_NAME
#define PROC_FILE "/proc/sys/net/ipv4/ip_local_reserved_ports"
#define FOLDER "/etc/sysctl.d/"
#define FILE_NAME FOLDER "zzzzzzzz-reserved-ports.conf"
#define BEHIND_SUFFIX "_reserved-ports.conf" /* '_' sorts behind the '.' of ".conf" */
#define RANGE_NAME "ip_local_port_range"
#define RANGE_FILE FOLDER "zzzzzzzz-port-range.conf"
#define RANGE_SUFFIX "_port-range.conf"
#define SUFFIX ".conf"
#define AGENT_FILE_NAME "zzzzzzzzz-havenmaster.conf" /* as agent/platform/linux writes it */
#define PIECE_BYTES 1600u                            /* of the list in one command */
#define LIST_BYTES 4000u /* the kernel takes no more than a page (4096) at once */

/* Writes what comes in, one port or range a write: the first one replaces the list, the others are
 * added, as the file stays open. */
#define WRITE_EACH "tr , '\\n' | while read -r p; do echo \"$p\"; done > " PROC_FILE
#define EACH_TEXT                                                                                  \
    "The list is longer than what the kernel takes at once: \"sysctl\" would cut it off without "  \
    "an error, so a loop writes one port after another."

/* A file of others, if a command can name it; otherwise NULL. */
static const char *nameable(const char *path)
{
    const size_t len = path == NULL ? 0 : strlen(path);

    for (size_t i = 0; i < len; i++) {
        if (path[i] < ' ' || path[i] > '~') {
            return NULL;
        }
    }
    return len >= sizeof(SUFFIX) && path[0] == '/' &&
                   strcmp(path + len - (sizeof(SUFFIX) - 1), SUFFIX) == 0
               ? path
               : NULL;
}

/* The file as one word of a shell: in quotes where its name needs them. */
static const char *quoted(struct hm_finding_list *list, const char *file)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "/._-+@";
    const char *word = "'";

    if (file == NULL || file[strspn(file, letters)] == '\0') {
        return file;
    }
    while (file[0] != '\0') {
        const size_t len = strcspn(file, "'");

        word = hm_finding_print(list, "%s%.*s%s", word, (int)len, file,
                                file[len] == '\0' ? "'" : "'\\''");
        file += len + (file[len] != '\0');
    }
    return word;
}

/* That is read after FILE_NAME; NULL none. */
static const char *behind_of(const struct hm_finding_ctx *ctx)
{
    return nameable(ctx->input->reserved_behind);
}

static bool is_in_folder(const char *path)
{
    return strncmp(path, FOLDER, sizeof(FOLDER) - 1) == 0;
}

/* Where a setting is written so that the next boot takes it: usual, or what is read behind it. */
static const char *last_file(struct hm_finding_list *list, const char *behind, const char *usual,
                             const char *suffix)
{
    const char *name = behind == NULL ? NULL : strrchr(behind, '/') + 1;

    if (behind == NULL || is_in_folder(behind)) {
        return behind == NULL ? usual : behind;
    }
    return hm_finding_print(list, FOLDER "%.*s%s", (int)(strlen(name) - (sizeof(SUFFIX) - 1)), name,
                            suffix);
}

static const char *file_of(const struct hm_finding_ctx *ctx, struct hm_finding_list *list)
{
    return quoted(list, last_file(list, behind_of(ctx), FILE_NAME, BEHIND_SUFFIX));
}

/* How a command writes a setting into the file, " > " or " >> ": where it may have other lines, a
 * command before it takes the old lines of the setting alone out of it. The last line may have no
 * end; "$a\\" of sed gives it one. Of a link it is the file behind it that changes. */
static const char *write_sign(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                              struct hm_remedy_step *step, bool others, const char *name,
                              const char *file)
{
    if (!ctx->input->settings_mixed && !others) {
        return ">";
    }
    step->text = hm_finding_print(list, "%s Other lines of the file stay.", step->text);
    hm_remedy_command(list, step,
                      "touch %s && sed -i --follow-symlinks -e "
                      "'/^[-[:space:]]*net.ipv4.%s[[:space:]]*=/d' -e '$a\\' %s",
                      file, name, file);
    return ">>";
}

/* A list that no command line and no single write takes: the shell adds the new ports to the list
 * that is there. */
static void add_to_list(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                        struct hm_remedy_step *step, struct hm_ports now, struct hm_ports ports)
{
    const char *file = file_of(ctx, list);
    const char *sign;
    const char *text = hm_ports_text(hm_finding_without(list, ports, now), list->arena);

    if (text == NULL) {
        list->status = list->status == HM_OK ? HM_ENOMEM : list->status;
        return;
    }
    if (strlen(text) > PIECE_BYTES || now.count == 0) {
        list->cut = true;
        return;
    }
    step->text = hm_finding_print(list, "%s " EACH_TEXT, step->text);
    sign = write_sign(ctx, list, step, behind_of(ctx) != NULL, SHORT_NAME, file);
    hm_remedy_command(list, step, "echo \"" NAME " = $(cat " PROC_FILE ")%s%s\" %s %s",
                      text[0] == '\0' ? "" : ",", text, sign, file);
    hm_remedy_command(list, step, "sed -n 's/^" NAME " = //p' %s | " WRITE_EACH, file);
}

static void write_list(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                       struct hm_remedy_step *step, struct hm_ports now, struct hm_ports ports)
{
    const char *file = file_of(ctx, list);
    const char *sign;
    const char *text = hm_ports_text(ports, list->arena);
    const char *whole = text;
    const char *name = NAME " = ";
    bool first = true;

    if (text == NULL) {
        list->status = list->status == HM_OK ? HM_ENOMEM : list->status;
        return;
    }
    if (strlen(text) > LIST_BYTES) {
        add_to_list(ctx, list, step, now, ports);
        return;
    }
    sign = write_sign(ctx, list, step, behind_of(ctx) != NULL, SHORT_NAME, file);
    while (strlen(text) > PIECE_BYTES) {
        size_t len = PIECE_BYTES;

        while (text[len - 1] != ',') { /* ranges are shorter than a piece */
            len--;
        }
        hm_remedy_command(list, step, "printf '%s%.*s' %s %s", first ? name : "", (int)len, text,
                          first ? sign : ">>", file);
        text += len;
        first = false;
    }
    hm_remedy_command(list, step, "echo '%s%s' %s %s", first ? name : "", text, first ? sign : ">>",
                      file);
    if (behind_of(ctx) != NULL && first) { /* its other lines need not be in force now */
        hm_remedy_command(list, step, "sysctl -w " NAME "=%s", whole);
    } else {
        hm_remedy_command(list, step, "sysctl -p %s", file);
    }
}

/* What policies have reserved here: the ledger has them, and the agent keeps them over a boot. In a
 * file of another they would stay reserved when their policy is retired. */
static struct hm_ports of_policies(const struct hm_finding_ctx *ctx, struct hm_finding_list *list)
{
    const struct hm_policy_marks *marks = ctx->input->marks;
    struct hm_ports ports = {NULL, 0};

    for (size_t i = 0; marks != NULL && i < marks->count; i++) {
        if (marks->at[i].kind == HM_MARK_PORTS && !marks->at[i].waits) {
            ports = hm_finding_union(list, ports, marks->at[i].ports);
        }
    }
    return ports;
}

/* Without the policies' ports in the file, "sysctl -p" would drop them from the running list. */
static void write_beside(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                         struct hm_remedy_step *step, struct hm_ports own, struct hm_ports all)
{
    const char *file = file_of(ctx, list);
    const char *sign;
    const char *text = hm_ports_text(own, list->arena);
    const char *running = hm_ports_text(all, list->arena);

    if (text == NULL || running == NULL) {
        list->status = list->status == HM_OK ? HM_ENOMEM : list->status;
        return;
    }
    if (strlen(running) > PIECE_BYTES) {
        list->cut = true;
        return;
    }
    sign = write_sign(ctx, list, step, behind_of(ctx) != NULL, SHORT_NAME, file);
    hm_remedy_command(list, step, "echo '" NAME " = %s' %s %s", text, sign, file);
    hm_remedy_command(list, step, "sysctl -w " NAME "=%s", running);
}

#define WRITE_TEXT                                                                                 \
    "As root, write what is reserved now and every port of this host that is at risk into a file " \
    "that is read after all others at boot, and put it in force. "
#define WHOLE_TEXT "A write replaces the whole list."
#define INTO_TEXT                                                                                  \
    "As root, write what is reserved now and every port of this host that is at risk into "

/* Of several files the one that is read last sets the list. */
static const char *text_of_file(const struct hm_finding_ctx *ctx, struct hm_finding_list *list)
{
    const char *behind = ctx->input->reserved_behind;

    if (behind_of(ctx) != NULL) {
        return hm_finding_print(list,
                                is_in_folder(behind)
                                    ? INTO_TEXT "%s, which is read after other files at boot and "
                                                "sets the list, and put it in force. " WHOLE_TEXT
                                    : INTO_TEXT "a file that is read at boot after %s, which sets "
                                                "the list now, and put it in force. " WHOLE_TEXT,
                                behind);
    }
    if (behind == NULL) {
        return WRITE_TEXT "Where the name of another file in sysctl.d sorts behind it, write into "
                          "that one instead, but never into " AGENT_FILE_NAME
                          ": that file is the agent's, which repeats there what other files "
                          "reserve. " WHOLE_TEXT;
    }
    if (behind[0] == '\0') {
        return WRITE_TEXT WHOLE_TEXT;
    }
    return hm_finding_print(list,
                            WRITE_TEXT "%s is read after it and reserves ports, too: remove that "
                                       "line from %s, otherwise the next boot sets its list "
                                       "instead. " WHOLE_TEXT,
                            behind, behind);
}

void hm_remedy_write_sysctl(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                            struct hm_finding *finding, struct hm_ports ports)
{
    const struct hm_ports all = hm_finding_union(list, ctx->reserve, ports);
    const struct hm_ports own = hm_finding_without(list, all, of_policies(ctx, list));
    const bool beside = hm_ports_count(own) < hm_ports_count(all);
    const struct hm_stack_ports stacks = {
        {all, all, all, all}
    };
    struct hm_remedy_step *step;
    uint32_t left = 0;
    const bool small = !hm_remedy_leaves_room(ctx, list, &stacks, &left);

    if (small && !hm_remedy_make_room(ctx, list, finding, &stacks, left)) {
        return;
    }
    step = hm_remedy_step(list, finding, HM_STEP_RESERVE, text_of_file(ctx, list));
    step->precondition = small ? "The dynamic range is larger, by the step before." : "";
    if (beside) {
        step->text = hm_finding_print(list,
                                      "%s The ports of policies are left out of the file, as "
                                      "the agent keeps them, and stay in the running list.",
                                      step->text);
        write_beside(ctx, list, step, own, all);
        return;
    }
    write_list(ctx, list, step, hm_facts_stack(ctx->facts, HM_TCP, HM_IPV4)->administered, all);
}

#define RANGE_TEXT "As root, set the dynamic range back to the kernel's %u-%u, now and in "

static const char *range_text(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                              struct hm_range range)
{
    const char *behind = ctx->input->range_behind;
    const char *text =
        hm_finding_print(list, RANGE_TEXT, (unsigned)range.first, (unsigned)range.last);

    if (nameable(behind) != NULL) {
        return hm_finding_print(list,
                                is_in_folder(behind)
                                    ? "%s%s, which is read after other files at boot and sets it."
                                    : "%sa file that is read at boot after %s, which sets it now.",
                                text, behind);
    }
    if (behind == NULL) {
        return hm_finding_print(list,
                                "%sa file that is read after all others. Where another file in "
                                "sysctl.d that is read later sets it, too, write into that one "
                                "instead, but never into " AGENT_FILE_NAME ".",
                                text);
    }
    if (behind[0] == '\0') {
        return hm_finding_print(list, "%sa file that is read after all others.", text);
    }
    return hm_finding_print(list,
                            "%sa file. %s is read after it and sets the range, too: remove that "
                            "line from %s, otherwise the next boot sets that range.",
                            text, behind, behind);
}

void hm_remedy_set_linux_range(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                               struct hm_remedy_step *step, struct hm_range range)
{
    const char *behind = nameable(ctx->input->range_behind);
    const char *file = quoted(list, last_file(list, behind, RANGE_FILE, RANGE_SUFFIX));
    const char *sign;

    step->text = range_text(ctx, list, range);
    sign = write_sign(ctx, list, step, behind != NULL, RANGE_NAME, file);
    hm_remedy_command(list, step, "echo 'net.ipv4." RANGE_NAME " = %u %u' %s %s",
                      (unsigned)range.first, (unsigned)range.last, sign, file);
    if (behind != NULL) { /* its other lines need not be in force now */
        hm_remedy_command(list, step, "sysctl -w net.ipv4." RANGE_NAME "=\"%u %u\"",
                          (unsigned)range.first, (unsigned)range.last);
    } else {
        hm_remedy_command(list, step, "sysctl -p %s", file);
    }
}

#define SET_TEXT                                                                                   \
    "Put in force now what the next boot sets (a settings file has it, or it is the kernel's "     \
    "default where no file has it). Nothing else has to be changed."
#define SET_STEP                                                                                   \
    "As root, set just these values, for now; the next boot sets them by itself. What is "         \
    "reserved now stays reserved until then. Not \"sysctl --system\": it would set again what "    \
    "all files say of all other settings."

/* Ports that are at risk now and not after the next boot, but for those of the list. */
static bool needs_range(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                        struct hm_ports reserved)
{
    for (size_t i = 0; i < ctx->count; i++) {
        const struct hm_need *need = &ctx->needs[i];

        if (hm_need_is_cured_by_boot(need) &&
            hm_ports_count(hm_finding_without(list, need->verdict.at_risk, reserved)) > 0) {
            return true;
        }
    }
    return false;
}

/* The running list alone. */
static void set_list(struct hm_finding_list *list, struct hm_remedy_step *step, struct hm_ports now,
                     struct hm_ports all)
{
    const char *text = hm_ports_text(all, list->arena);
    const char *more = hm_ports_text(hm_finding_without(list, all, now), list->arena);

    if (text == NULL || more == NULL) {
        list->status = list->status == HM_OK ? HM_ENOMEM : list->status;
    } else if (strlen(text) <= PIECE_BYTES) {
        hm_remedy_command(list, step, "sysctl -w " NAME "=%s", text);
    } else if (strlen(more) <= PIECE_BYTES && now.count > 0) {
        step->text = hm_finding_print(list, "%s " EACH_TEXT, step->text);
        hm_remedy_command(list, step, "p=$(cat " PROC_FILE "); echo \"$p,%s\" | " WRITE_EACH, more);
    } else {
        list->cut = true;
    }
}

void hm_remedy_set_next(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                        struct hm_finding *finding)
{
    const struct hm_stack_facts *now = hm_facts_stack(ctx->facts, HM_TCP, HM_IPV4);
    const struct hm_stack_facts *next = hm_facts_next_stack(ctx->facts, HM_TCP, HM_IPV4);
    const struct hm_ports all = hm_finding_union(list, now->administered, next->administered);
    const struct hm_stack_ports stacks = {
        {all, all, all, all}
    };
    struct hm_remedy_step *step;
    uint32_t left;

    finding->remedy = SET_TEXT;
    if (!hm_remedy_leaves_room(ctx, list, &stacks, &left)) {
        finding->remedy = HM_REMEDY_ROOM_TEXT;
        (void)hm_remedy_make_room(ctx, list, finding, &stacks, left);
        return;
    }
    step = hm_remedy_step(list, finding, HM_STEP_SET, SET_STEP);
    if (!hm_ports_equal(all, now->administered)) {
        set_list(list, step, now->administered, all);
    }
    if (next->has_dynamic && needs_range(ctx, list, all)) {
        hm_remedy_command(list, step, "sysctl -w net.ipv4.ip_local_port_range=\"%u %u\"",
                          (unsigned)next->dynamic.first, (unsigned)next->dynamic.last);
    }
}

/* A client ends sooner or later, and nobody restarts a host for it. Answers whether nothing else is
 * to be ended. */
static bool end_clients(struct hm_remedy_scope *scope, struct hm_finding *finding)
{
    struct hm_finding_list *list = scope->list;
    bool all = true;

    for (size_t i = 0; i < scope->blockers.count; i++) {
        const struct hm_blocker *one = &scope->blockers.at[i];

        if (one->block != HM_BLOCK_BOOT) {
            continue;
        }
        if (one->pid <= 1 || one->service[0] != '\0') {
            all = false;
            continue;
        }
        (void)hm_remedy_step(
            list, finding, HM_STEP_DECIDE,
            hm_finding_print(list,
                             "%s (pid %u) has %s %u%s%s. Wait until it gives the port up; or look "
                             "what the process does (\"ps -fp %u\") and, if nobody needs it, end "
                             "it with \"kill %u\".",
                             one->name, (unsigned)one->pid, hm_protocol_names[one->protocol],
                             (unsigned)one->range.first,
                             one->remote[0] != '\0' ? " for a connection to " : "", one->remote,
                             (unsigned)one->pid, (unsigned)one->pid));
    }
    return all;
}

static bool has_room(const struct hm_remedy_scope *scope)
{
    const struct hm_ports all = scope->ctx->reserve;
    uint32_t left;

    return hm_remedy_leaves_room(scope->ctx, scope->list,
                                 &(struct hm_stack_ports){
                                     {all, all, all, all}
    },
                                 &left);
}

void hm_remedy_linux(struct hm_remedy_scope *scope, struct hm_finding *finding)
{
    struct hm_finding_list *list = scope->list;
    struct hm_service_list targets = {.count = 0};
    const char *boot = hm_remedy_names(scope, HM_BLOCK_BOOT);
    bool wanted = scope->wanted.of[0].count + scope->wanted.of[1].count +
                      scope->wanted.of[2].count + scope->wanted.of[3].count >
                  0;

    if (scope->down.count + scope->again.count > 0) {
        hm_service_list_join(&targets, &scope->holders);
        hm_service_list_join(&targets, &scope->again);
    }
    finding->remedy = hm_finding_print(
        list, "%s%s",
        wanted ? "Reserve the ports: it works at once, lasts over boots, and hinders no service "
                 "that binds them."
               : "The system no longer hands the port out, or it is outside the dynamic range.",
        targets.count > 0 || boot[0] != '\0' ? " What has the port now must give it up." : "");
    if (wanted && !has_room(scope)) {
        finding->remedy = "The dynamic range is too small to reserve the ports as it is: hardly "
                          "any would be left for outgoing connections. A larger range comes first.";
    }
    if (wanted) { /* first: what gives the port up is not given it again */
        hm_remedy_write_sysctl(scope->ctx, list, finding, (struct hm_ports){NULL, 0});
    }
    hm_remedy_wait(scope, finding);
    if (end_clients(scope, finding)) {
        boot = "";
    }
    hm_remedy_stop_services(scope, finding, &targets, "so that the port is free for its service");
    hm_remedy_start_services(scope, finding, &scope->down, &targets);
    if (boot[0] != '\0') {
        hm_remedy_restart(
            list, finding,
            hm_finding_print(list,
                             "Restart the host: %s has the port and no command here "
                             "stops it. A restart ends that, and the service gets its "
                             "port.",
                             boot));
    }
    if (scope->restart) {
        const char *names = hm_remedy_list_services(list, &scope->stuck);

        (void)hm_remedy_step(
            list, finding, HM_STEP_FREE,
            hm_finding_print(list,
                             "In the next maintenance stop %s, and what depends on it: it runs "
                             "without its port. Which services do is not recorded here, so no "
                             "command that stops it is given.",
                             names));
        (void)hm_remedy_step(
            list, finding, HM_STEP_START,
            hm_finding_print(list, "Start %s again, and what stopped with it.", names));
    }
    hm_remedy_decide_fixed(scope, finding);
}
