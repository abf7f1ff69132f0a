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

#define NAME "net.ipv4.ip_local_reserved_ports"
#define FILE_NAME "/etc/sysctl.d/zzzzzzzz-reserved-ports.conf"
#define AGENT_FILE_NAME "zzzzzzzzz-havenmaster.conf" /* as agent/platform/linux writes it */
#define PIECE_BYTES 1600u                            /* of the list in one command */
#define LIST_BYTES 4000u /* the kernel takes no more than a page (4096) at once */

static void write_list(struct hm_finding_list *list, struct hm_remedy_step *step,
                       struct hm_ports ports)
{
    const char *text = hm_ports_text(ports, list->arena);
    const char *name = NAME " = ";
    bool first = true;

    if (text == NULL) {
        list->status = list->status == HM_OK ? HM_ENOMEM : list->status;
        return;
    }
    if (strlen(text) > LIST_BYTES) {
        list->cut = true;
        return;
    }
    while (strlen(text) > PIECE_BYTES) {
        size_t len = PIECE_BYTES;

        while (text[len - 1] != ',') { /* ranges are shorter than a piece */
            len--;
        }
        hm_remedy_command(list, step, "printf '%s%.*s' %s %s", first ? name : "", (int)len, text,
                          first ? ">" : ">>", FILE_NAME);
        text += len;
        first = false;
    }
    hm_remedy_command(list, step, "echo '%s%s' %s %s", first ? name : "", text, first ? ">" : ">>",
                      FILE_NAME);
    hm_remedy_command(list, step, "sysctl -p %s", FILE_NAME);
}

void hm_remedy_write_sysctl(const struct hm_finding_ctx *ctx, struct hm_finding_list *list,
                            struct hm_finding *finding, struct hm_ports ports)
{
    struct hm_remedy_step *step =
        hm_remedy_step(list, finding, HM_STEP_RESERVE,
                       "As root, write what is reserved now and every port of this host that is at "
                       "risk into a file that is read after all others at boot, and put it in "
                       "force. Where the name of another file in sysctl.d sorts behind it, write "
                       "into that one instead, but never into " AGENT_FILE_NAME ": that file is "
                       "the agent's, which repeats there what other files reserve. A write "
                       "replaces the whole list.");

    write_list(list, step, hm_finding_union(list, ctx->reserve, ports));
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
    if (wanted) { /* first: what gives the port up is not given it again */
        hm_remedy_write_sysctl(scope->ctx, list, finding, (struct hm_ports){NULL, 0});
    }
    hm_remedy_wait(scope, finding);
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
