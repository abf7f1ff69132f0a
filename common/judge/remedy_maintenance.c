/* common/judge/remedy_maintenance.c — what no command may stop: why, and how a person stops it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/base/str.h"
#include "common/judge/remedy_known.h"
#include "common/judge/remedy_scope.h"

#define OFFLINE                                                                                    \
    "as a failover cluster runs it: in Failover Cluster Manager, by Stop-ClusterResource (since "  \
    "2008 R2) or \"cluster res NAME /offline\" (2003 to 2008). The cluster takes a stop by \"net " \
    "stop\" for a failure, and restarts the service or moves its group to another node"

static bool is_service(const struct hm_remedy_scope *scope, const char *name)
{
    const struct hm_inventory *inventory = scope->ctx->input->inventory;
    bool is = hm_inventory_service(inventory, name) != NULL;

    for (size_t i = 0; inventory->has_services && !is && i < inventory->services.count; i++) {
        is = hm_str_equal_nocase(inventory->services.at[i], name);
    }
    return is;
}

/* The words after the names of what a person has to stop: why no command does it. */
static const char *why_no_command(const struct hm_remedy_scope *scope,
                                  const struct hm_service_list *services)
{
    const struct hm_service_graph *graph = scope->ctx->services;
    struct hm_service_list all = *services;
    struct hm_service_list dependents = {.count = 0};
    const char *unknown = NULL;
    const char *tool = NULL;
    bool stops[HM_STOP_NONE + 1] = {false};

    for (size_t i = 0; i < services->count; i++) {
        enum hm_stop stop = hm_service_may_stop(graph, services->at[i]);

        stop = stop == HM_STOP_UNKNOWN && !is_service(scope, services->at[i]) ? HM_STOP_NONE : stop;
        stops[stop] = true;
        tool = tool == NULL ? hm_service_own_tool(scope->ctx->facts, services->at[i]) : tool;
        unknown = unknown == NULL && stop == HM_STOP_UNKNOWN ? services->at[i] : unknown;
    }
    if (tool != NULL) {
        return hm_finding_print(scope->list, ". No command that stops it is given: stop %s", tool);
    }
    if (stops[HM_STOP_TOOL]) {
        return ", and what depends on it. No command that stops it is given: an instance of SAP "
               "depends on it, which SAP's own tool stops first (sapcontrol).";
    }
    if (unknown != NULL) {
        const char *quote = hm_service_quote(unknown);

        return hm_finding_print(scope->list,
                                ", and what depends on it. Which services do is not recorded here, "
                                "so no command that stops it is given: \"sc.exe enumdepend "
                                "%s%s%s\" lists them.",
                                quote, unknown, quote);
    }
    if (stops[HM_STOP_DISABLED]) {
        return ", and what depends on it. No command that stops it is given: it, or a service that "
               "depends on it, is disabled, and would not start again.";
    }
    if (services->count == 0) {
        return ". No command that stops it is given: no service of it is recorded here.";
    }
    if (stops[HM_STOP_NONE]) {
        return ". No command that stops it is given: it is not a service that \"net stop\" could "
               "stop.";
    }
    if (!stops[HM_STOP_NEVER]) {
        return ", and what depends on it.";
    }
    if (!hm_service_add_dependents(graph, &all)) {
        return ", and what depends on it. No command that stops it is given: Windows refuses it, "
               "or "
               "the whole host suffers.";
    }
    for (size_t i = services->count; i < all.count; i++) {
        hm_service_list_put(&dependents, all.at[i]);
    }
    if (dependents.count == 0) {
        return ". No command that stops it is given: Windows refuses it, or the whole host "
               "suffers.";
    }
    return hm_finding_print(scope->list,
                            ", and what depends on it (%s). No command that stops it is given: "
                            "Windows refuses it, or the whole host suffers.",
                            hm_remedy_list_services(scope->list, &dependents));
}

const char *hm_remedy_how_to_stop(const struct hm_remedy_scope *scope,
                                  const struct hm_service_list *clustered,
                                  const struct hm_service_list *others)
{
    struct hm_finding_list *list = scope->list;
    const char *offline = hm_remedy_list_services(list, clustered);
    const char *plain = others->count == 0 ? "the product" : hm_remedy_list_services(list, others);

    if (clustered->count > 0 && others->count == 0) {
        return hm_finding_print(list, "take the resource of %s offline, " OFFLINE ".", offline);
    }
    return hm_finding_print(list, "stop %s%s%s%s%s", plain, why_no_command(scope, others),
                            clustered->count > 0 ? " Take the resource of " : "",
                            clustered->count > 0 ? offline : "",
                            clustered->count > 0 ? " offline, " OFFLINE "." : "");
}

const char *hm_remedy_maintenance_warning(const struct hm_remedy_scope *scope,
                                          const struct hm_service_list *clustered)
{
    struct hm_line line;
    bool session = false;

    hm_line_init(&line);
    for (size_t i = 0; i < scope->stuck.count; i++) {
        const char *warning = hm_service_warning(scope->stuck.at[i]);

        session = session || hm_service_is_session(scope->ctx->services, scope->stuck.at[i]);
        for (size_t k = 0; k < i; k++) { /* two services may have the same one */
            warning = hm_str_equal(hm_service_warning(scope->stuck.at[k]), warning) ? "" : warning;
        }
        if (warning[0] != '\0') {
            hm_line_put(&line, line.len > 0 ? " " : "");
            hm_line_put(&line, warning);
        }
    }
    if (session) { /* no single line of it is given */
        hm_line_put(&line, " Do this and the next steps at the console.");
    }
    if (clustered->count > 0) {
        hm_line_put(&line, line.len > 0 ? " " : "");
        hm_line_put(&line, "Whoever uses the clustered role of ");
        hm_line_put_names(&line, clustered->at, clustered->count);
        hm_line_put(&line, " waits until its resources are online again.");
    }
    return hm_finding_line(scope->list, &line);
}
