/* common/judge/remedy_services.c — may a remedy stop this service, what stops with it, and in which
 * order everything starts again.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/remedy_services.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/str.h"

#define SERVICE_NAME_BYTES 128u
#define QUOTED "&:(),;+=#'[]{}~" /* between quotes they mean nothing to cmd.exe */

enum rule {
    RULE_SYSTEM,  /* of the system itself: no product's service is among what it depends on */
    RULE_NEVER,   /* likewise; it cannot be stopped, or not without harm to the whole host */
    RULE_LEAF,    /* likewise; nothing of a plain system depends on it, so it may be stopped */
    RULE_SESSION, /* likewise; it carries the connection of an administrator */
    RULE_REMOTE,  /* likewise; but nothing starts it when an administrator connects */
};

struct known {
    const char *name; /* "*" as in file names */
    enum rule rule;
    const char *warning;
};

#define WARN_DNS                                                                                   \
    "Until DNS runs again this server resolves no names: on a domain controller logons and "       \
    "replication wait for it."
#define WARN_WINNAT "Containers and WSL lose the network until winnat runs again."
#define WARN_TERMINAL                                                                              \
    "Every Remote Desktop session loses its connection, that of the person who types this, too."
#define WARN_WINRM                                                                                 \
    "Every session over WinRM ends, that of the person who types this perhaps before WinRM runs "  \
    "again: type it at the console or in Remote Desktop."
#define WARN_CLUSTER                                                                               \
    "The roles of this node fail over, and those that only it can run end: drain the node first "  \
    "(Suspend-ClusterNode -Drain since 2012; before, move its groups to another node)."
#define WARN_VMMS                                                                                  \
    "On a cluster the virtual machines of this node fail over, and nobody can manage them until "  \
    "vmms runs again: move them to another host first."
#define WARN_DOMAIN                                                                                \
    "Whoever logs on or looks up names at this domain controller fails meanwhile: see that "       \
    "another one answers."
#define WARN_CONTAINERS                                                                            \
    "Containers of this host end or lose the network: move them to another host first (kubectl "   \
    "drain on a node of Kubernetes)."

/* Windows' own services. Stop not valid (NET HELPMSG 2191), or the host is crippled by it: NEVER.
 */
/* clang-format off */
static const struct known windows_services[] = {
    {"AppIDSvc",                 RULE_SYSTEM,  ""},
    {"Appinfo",                  RULE_SYSTEM,  ""},
    {"AudioEndpointBuilder",     RULE_SYSTEM,  ""},
    {"AudioSrv",                 RULE_SYSTEM,  ""},
    {"BFE",                      RULE_NEVER,   ""},
    {"BITS",                     RULE_LEAF,    "Downloads in the background pause until BITS runs again."},
    {"BrokerInfrastructure",     RULE_NEVER,   ""},
    {"Browser",                  RULE_SYSTEM,  ""},
    {"CDPSvc",                   RULE_SYSTEM,  ""},
    {"CDPUserSvc*",              RULE_SYSTEM,  ""},
    {"CertPropSvc",              RULE_SYSTEM,  ""},
    {"ClipSVC",                  RULE_SYSTEM,  ""},
    {"ClusSvc",                  RULE_NEVER,   WARN_CLUSTER},
    {"CoreMessagingRegistrar",   RULE_NEVER,   ""},
    {"CryptSvc",                 RULE_SYSTEM,  ""},
    {"DcomLaunch",               RULE_NEVER,   ""},
    {"DeviceInstall",            RULE_SYSTEM,  ""},
    {"Dhcp",                     RULE_NEVER,   ""},
    {"DiagTrack",                RULE_LEAF,    ""},
    {"DNS",                      RULE_LEAF,    WARN_DNS},
    {"Dnscache",                 RULE_NEVER,   ""},
    {"DoSvc",                    RULE_LEAF,    ""},
    {"DPS",                      RULE_SYSTEM,  ""},
    {"DsmSvc",                   RULE_SYSTEM,  ""},
    {"Eventlog",                 RULE_NEVER,   ""},
    {"EventSystem",              RULE_NEVER,   ""},
    {"fdPHost",                  RULE_SYSTEM,  ""},
    {"FDResPub",                 RULE_SYSTEM,  ""},
    {"FontCache",                RULE_SYSTEM,  ""},
    {"gpsvc",                    RULE_NEVER,   ""},
    {"hns",                      RULE_NEVER,   WARN_CONTAINERS},
    {"HTTP",                     RULE_NEVER,   ""},
    {"IAS",                      RULE_LEAF,    "Logons by RADIUS (VPN, wireless) wait until IAS runs again."},
    {"IKEEXT",                   RULE_SYSTEM,  ""},
    {"iphlpsvc",                 RULE_SYSTEM,  ""},
    {"6to4",                     RULE_SYSTEM,  ""},
    {"IsmServ",                  RULE_SYSTEM,  ""},
    {"Kdc",                      RULE_NEVER,   WARN_DOMAIN},
    {"KeyIso",                   RULE_NEVER,   ""},
    {"lanmanserver",             RULE_NEVER,   ""},
    {"lanmanworkstation",        RULE_NEVER,   ""},
    {"LicenseManager",           RULE_SYSTEM,  ""},
    {"lmhosts",                  RULE_SYSTEM,  ""},
    {"LSM",                      RULE_NEVER,   ""},
    {"mpssvc",                   RULE_NEVER,   ""},
    {"MSDTC",                    RULE_SYSTEM,  ""},
    {"Netlogon",                 RULE_NEVER,   WARN_DOMAIN},
    {"Netman",                   RULE_SYSTEM,  ""},
    {"netprofm",                 RULE_NEVER,   ""},
    {"NlaSvc",                   RULE_NEVER,   ""},
    {"nsi",                      RULE_NEVER,   ""},
    {"NTDS",                     RULE_NEVER,   WARN_DOMAIN},
    {"PcaSvc",                   RULE_SYSTEM,  ""},
    {"PlugPlay",                 RULE_NEVER,   ""},
    {"PolicyAgent",              RULE_SYSTEM,  "IPsec ends until PolicyAgent runs again."},
    {"Power",                    RULE_NEVER,   ""},
    {"ProfSvc",                  RULE_NEVER,   ""},
    {"ProtectedStorage",         RULE_NEVER,   ""},
    {"RemoteRegistry",           RULE_SYSTEM,  ""},
    {"RpcEptMapper",             RULE_NEVER,   ""},
    {"RpcSs",                    RULE_NEVER,   ""},
    {"SamSs",                    RULE_NEVER,   ""},
    {"Schedule",                 RULE_NEVER,   ""},
    {"seclogon",                 RULE_SYSTEM,  ""},
    {"SecurityHealthService",    RULE_NEVER,   ""},
    {"SENS",                     RULE_SYSTEM,  ""},
    {"SessionEnv",               RULE_SYSTEM,  ""},
    {"SgrmBroker",               RULE_NEVER,   ""},
    {"ShellHWDetection",         RULE_SYSTEM,  ""},
    {"Spooler",                  RULE_SYSTEM,  ""},
    {"sppsvc",                   RULE_SYSTEM,  ""},
    {"SSDPSRV",                  RULE_SYSTEM,  ""},
    {"sshd",                     RULE_NEVER,   ""},
    {"StateRepository",          RULE_NEVER,   ""},
    {"SysMain",                  RULE_SYSTEM,  ""},
    {"SystemEventsBroker",       RULE_NEVER,   ""},
    {"TermService",              RULE_SESSION, WARN_TERMINAL},
    {"Themes",                   RULE_SYSTEM,  ""},
    {"TimeBrokerSvc",            RULE_NEVER,   ""},
    {"TokenBroker",              RULE_SYSTEM,  ""},
    {"TrkWks",                   RULE_SYSTEM,  ""},
    {"TrustedInstaller",         RULE_NEVER,   ""},
    {"UALSVC",                   RULE_SYSTEM,  ""},
    {"UmRdpService",             RULE_SYSTEM,  ""},
    {"UserManager",              RULE_NEVER,   ""},
    {"UsoSvc",                   RULE_LEAF,    ""},
    {"VaultSvc",                 RULE_NEVER,   ""},
    {"vmcompute",                RULE_NEVER,   WARN_CONTAINERS},
    {"vmms",                     RULE_NEVER,   WARN_VMMS},
    {"W32Time",                  RULE_LEAF,    ""},
    {"Wcmsvc",                   RULE_NEVER,   ""},
    {"WdiServiceHost",           RULE_SYSTEM,  ""},
    {"WdiSystemHost",            RULE_SYSTEM,  ""},
    {"WDSServer",                RULE_LEAF,    "Computers cannot start from the network until WDSServer runs again."},
    {"WinDefend",                RULE_NEVER,   ""},
    {"WinHttpAutoProxySvc",      RULE_NEVER,   ""},
    {"Winmgmt",                  RULE_NEVER,   ""},
    {"winnat",                   RULE_LEAF,    WARN_WINNAT},
    {"WinRM",                    RULE_REMOTE,  WARN_WINRM},
    {"WpnService",               RULE_SYSTEM,  ""},
    {"WpnUserService*",          RULE_SYSTEM,  ""},
    {"wuauserv",                 RULE_LEAF,    ""},
};

static const struct known linux_services[] = {
    {"acpid",                    RULE_SYSTEM,  ""},
    {"auditd",                   RULE_NEVER,   ""},
    {"chrony",                   RULE_SYSTEM,  ""},
    {"chronyd",                  RULE_SYSTEM,  ""},
    {"cloud-*",                  RULE_NEVER,   ""},
    {"containerd",               RULE_NEVER,   ""},
    {"corosync",                 RULE_NEVER,   ""},
    {"crio",                     RULE_NEVER,   ""},
    {"cron",                     RULE_SYSTEM,  ""},
    {"crond",                    RULE_SYSTEM,  ""},
    {"dbus",                     RULE_NEVER,   ""},
    {"dbus-broker",              RULE_NEVER,   ""},
    {"docker",                   RULE_NEVER,   ""},
    {"firewalld",                RULE_NEVER,   ""},
    {"getty@*",                  RULE_SYSTEM,  ""},
    {"ifup@*",                   RULE_NEVER,   ""},
    {"init",                     RULE_NEVER,   ""},
    {"irqbalance",               RULE_SYSTEM,  ""},
    {"iscsid",                   RULE_NEVER,   ""},
    {"multipathd",               RULE_NEVER,   ""},
    {"networking",               RULE_NEVER,   ""},
    {"NetworkManager*",          RULE_NEVER,   ""},
    {"pacemaker",                RULE_NEVER,   ""},
    {"polkit",                   RULE_SYSTEM,  ""},
    {"rpcbind",                  RULE_NEVER,   ""},
    {"rsyslog",                  RULE_SYSTEM,  ""},
    {"serial-getty@*",           RULE_SYSTEM,  ""},
    {"ssh",                      RULE_NEVER,   ""},
    {"sshd",                     RULE_NEVER,   ""},
    {"systemd*",                 RULE_NEVER,   ""},
    {"unattended-upgrades",      RULE_SYSTEM,  ""},
    {"user@*",                   RULE_NEVER,   ""},
    {"wpa_supplicant",           RULE_NEVER,   ""},
};
/* clang-format on */

/* Services of products whose stop ends more than themselves. */
static const struct {
    const char *name;
    const char *warning;
} product_warnings[] = {
    {"docker",     WARN_CONTAINERS},
    {"dockerd",    WARN_CONTAINERS},
    {"containerd", WARN_CONTAINERS},
    {"kubelet",    WARN_CONTAINERS},
    {"rke2",       WARN_CONTAINERS},
};

/* "dependent stops when dependency stops" */
struct edge {
    const char *dependency;
    const struct hm_service *dependent;
};

struct hm_service_graph {
    const struct hm_facts *facts;
    struct edge *edges; /* sorted by dependency */
    size_t count;
    bool products_recorded; /* the dependencies of every service but the system's own are known */
    bool all_recorded;
};

static const struct known *find_known(const struct hm_facts *facts, const char *name)
{
    const struct known *rows = facts->linux_host ? linux_services : windows_services;
    size_t count = facts->linux_host ? HM_COUNT(linux_services) : HM_COUNT(windows_services);

    for (size_t i = 0; i < count; i++) {
        if (hm_str_glob_nocase(rows[i].name, name)) {
            return &rows[i];
        }
    }
    return NULL;
}

static int compare_edges(const void *a, const void *b)
{
    const struct edge *x = a;
    const struct edge *y = b;
    int by = hm_str_compare_nocase(x->dependency, y->dependency);

    return by != 0 ? by : strcmp(x->dependent->name, y->dependent->name);
}

static enum hm_status put_edges(struct hm_service_graph *graph, struct hm_arena *arena,
                                struct hm_err *err)
{
    const struct hm_services *details = &graph->facts->inventory->service_details;
    size_t room = 0;

    for (size_t i = 0; i < details->count; i++) {
        room += details->at[i].has_depends_on ? details->at[i].depends_on.count : 0;
    }
    graph->edges = hm_arena_alloc(arena, room, sizeof(*graph->edges));
    if (graph->edges == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the dependencies of services");
    }
    for (size_t i = 0; i < details->count; i++) {
        const struct hm_service *service = &details->at[i];

        for (size_t k = 0; service->has_depends_on && k < service->depends_on.count; k++) {
            graph->edges[graph->count++] = (struct edge){service->depends_on.at[k], service};
        }
    }
    if (graph->count > 1) {
        qsort(graph->edges, graph->count, sizeof(*graph->edges), compare_edges);
    }
    return HM_OK;
}

static void note_unrecorded(struct hm_service_graph *graph, const char *name)
{
    graph->all_recorded = false;
    if (find_known(graph->facts, name) == NULL) {
        graph->products_recorded = false;
    }
}

static int compare_details(const void *name, const void *service)
{
    return hm_str_compare_nocase(name, ((const struct hm_service *)service)->name);
}

static int compare_by_name(const void *a, const void *b)
{
    return hm_str_compare_nocase(((const struct hm_service *)a)->name,
                                 ((const struct hm_service *)b)->name);
}

/* Is there a service that may run and that does not tell what it depends on? Then nobody knows
 * what it stops with. */
static enum hm_status look_for_gaps(struct hm_service_graph *graph, struct hm_arena *arena,
                                    struct hm_err *err)
{
    const struct hm_inventory *inventory = graph->facts->inventory;
    const struct hm_services *details = &inventory->service_details;
    struct hm_service *sorted = hm_arena_alloc(arena, details->count, sizeof(*sorted));

    if (sorted == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the dependencies of services");
    }
    graph->all_recorded = true;
    graph->products_recorded = true;
    for (size_t i = 0; i < details->count; i++) {
        const struct hm_service *service = &details->at[i];

        sorted[i] = *service;
        if (!service->has_depends_on && !(service->has_runs && !service->runs)) {
            note_unrecorded(graph, service->name);
        }
    }
    if (details->count > 1) {
        qsort(sorted, details->count, sizeof(*sorted), compare_by_name);
    }
    for (size_t i = 0; inventory->has_services && i < inventory->services.count; i++) {
        const char *name = inventory->services.at[i];

        if (details->count == 0 ||
            bsearch(name, sorted, details->count, sizeof(*sorted), compare_details) == NULL) {
            note_unrecorded(graph, name);
        }
    }
    return HM_OK;
}

enum hm_status hm_service_graph_init(const struct hm_facts *facts, struct hm_arena *arena,
                                     struct hm_service_graph **out_graph, struct hm_err *err)
{
    struct hm_service_graph *graph = hm_arena_alloc(arena, 1, sizeof(*graph));
    enum hm_status st = HM_OK;

    if (graph == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory for the dependencies of services");
    }
    graph->facts = facts;
    if (facts->inventory->has_service_details) {
        st = put_edges(graph, arena, err);
        if (st == HM_OK) {
            st = look_for_gaps(graph, arena, err);
        }
    }
    *out_graph = graph;
    return st;
}

bool hm_service_is_plain(const struct hm_facts *facts, const char *name)
{
    size_t len = name == NULL ? 0 : strlen(name);

    return len > 0 && len <= SERVICE_NAME_BYTES && name[0] != '-' && name[0] != '/' &&
           strspn(name,
                  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 ._@$-" QUOTED) ==
               len &&
           !(facts->linux_host && strpbrk(name, " $" QUOTED) != NULL);
}

const char *hm_service_quote(const char *name)
{
    return strpbrk(name, " " QUOTED) != NULL ? "\"" : "";
}

void hm_service_list_put(struct hm_service_list *list, const char *name)
{
    if (hm_service_list_has(list, name)) {
        return;
    }
    if (list->count == HM_REMEDY_SERVICES_MAX) {
        list->cut = true;
        return;
    }
    list->at[list->count++] = name;
}

void hm_service_list_join(struct hm_service_list *list, const struct hm_service_list *more)
{
    for (size_t i = 0; i < more->count; i++) {
        hm_service_list_put(list, more->at[i]);
    }
}

bool hm_service_list_has(const struct hm_service_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (hm_str_equal_nocase(list->at[i], name)) {
            return true;
        }
    }
    return false;
}

static size_t first_edge(const struct hm_service_graph *graph, const char *name)
{
    size_t low = 0;
    size_t high = graph->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (hm_str_compare_nocase(graph->edges[middle].dependency, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The n-th service that depends directly on name; NULL at the end. */
static const struct hm_service *dependent(const struct hm_service_graph *graph, const char *name,
                                          size_t n)
{
    size_t at = first_edge(graph, name) + n;

    return at < graph->count && hm_str_equal_nocase(graph->edges[at].dependency, name)
               ? graph->edges[at].dependent
               : NULL;
}

static bool starts_at_boot(const struct hm_service *service)
{
    return service->start != HM_START_CLUSTER && hm_service_starts_itself(service);
}

/* What runs and depends on the services of the list, behind them. */
static bool add_dependents(const struct hm_service_graph *graph, bool after_boot,
                           struct hm_service_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct hm_service *found;

        for (size_t n = 0; (found = dependent(graph, list->at[i], n)) != NULL; n++) {
            if (!found->has_runs) {
                return false; /* whether it would have to start again is unknown */
            }
            if (after_boot ? starts_at_boot(found) : found->runs) {
                hm_service_list_put(list, found->name);
            }
        }
    }
    return !list->cut;
}

bool hm_service_add_dependents(const struct hm_service_graph *graph, struct hm_service_list *list)
{
    return graph->all_recorded && add_dependents(graph, false, list);
}

enum hm_stop hm_service_may_stop(const struct hm_service_graph *graph, const char *name)
{
    const struct known *known = find_known(graph->facts, name);
    struct hm_service_list all = {.count = 0};
    enum rule rule = known == NULL ? RULE_SYSTEM : known->rule;

    if (!hm_service_is_plain(graph->facts, name)) {
        return HM_STOP_NONE;
    }
    if (graph->facts->legacy && hm_str_equal_nocase(name, "Dnscache")) {
        rule = RULE_LEAF; /* 2000 to 2003 let it stop */
    }
    if (rule == RULE_NEVER) {
        return HM_STOP_NEVER;
    }
    /* On Linux a job of a timer, of a user, of a moment: systemctl may not know how to start it. */
    if (graph->facts->linux_host && hm_inventory_service(graph->facts->inventory, name) == NULL) {
        return HM_STOP_UNKNOWN;
    }
    hm_service_list_put(&all, name);
    if (!add_dependents(graph, false, &all)) {
        return HM_STOP_UNKNOWN;
    }
    for (size_t i = 1; i < all.count; i++) {
        const struct known *other = find_known(graph->facts, all.at[i]);

        if (!hm_service_is_plain(graph->facts, all.at[i]) ||
            (other != NULL && (other->rule == RULE_NEVER || other->rule >= RULE_SESSION))) {
            return HM_STOP_NEVER;
        }
    }
    for (size_t i = 0; i < all.count; i++) {
        const struct hm_service *details = hm_inventory_service(graph->facts->inventory, all.at[i]);

        if (details != NULL && details->start == HM_START_CLUSTER) {
            return HM_STOP_CLUSTER;
        }
    }
    for (size_t i = 0; i < all.count; i++) {
        const struct hm_service *details = hm_inventory_service(graph->facts->inventory, all.at[i]);

        if (details != NULL && details->start == HM_START_DISABLED && details->has_runs &&
            details->runs) {
            return HM_STOP_DISABLED;
        }
    }
    if (!graph->all_recorded && !(graph->products_recorded && known == NULL) && rule != RULE_LEAF) {
        return HM_STOP_UNKNOWN;
    }
    return rule >= RULE_SESSION ? HM_STOP_LAST : HM_STOP_CAN;
}

bool hm_service_is_session(const struct hm_service_graph *graph, const char *name)
{
    const struct known *known = find_known(graph->facts, name);

    return known != NULL && known->rule == RULE_SESSION;
}

bool hm_service_may_run(const struct hm_service_graph *graph, const char *name)
{
    const struct hm_service *service = hm_inventory_service(graph->facts->inventory, name);

    return service == NULL || !service->has_runs || service->runs;
}

const char *hm_service_warning(const char *name)
{
    for (size_t i = 0; i < HM_COUNT(windows_services); i++) {
        if (hm_str_equal_nocase(windows_services[i].name, name)) {
            return windows_services[i].warning;
        }
    }
    for (size_t i = 0; i < HM_COUNT(product_warnings); i++) {
        if (hm_str_equal_nocase(product_warnings[i].name, name)) {
            return product_warnings[i].warning;
        }
    }
    return "";
}

bool hm_service_depends_on(const struct hm_service_graph *graph, const char *name,
                           const char *other)
{
    struct hm_service_list reached = {.count = 0};

    hm_service_list_put(&reached, other);
    for (size_t i = 0; i < reached.count; i++) {
        const struct hm_service *found;

        for (size_t n = 0; (found = dependent(graph, reached.at[i], n)) != NULL; n++) {
            hm_service_list_put(&reached, found->name);
        }
    }
    return !hm_str_equal_nocase(name, other) && hm_service_list_has(&reached, name);
}

/* Does a service of the list that is not in done depend on name? */
static bool has_dependent_left(const struct hm_service_graph *graph,
                               const struct hm_service_list *list,
                               const struct hm_service_list *done, const char *name)
{
    const struct hm_service *found;

    for (size_t n = 0; (found = dependent(graph, name, n)) != NULL; n++) {
        if (hm_service_list_has(list, found->name) && !hm_service_list_has(done, found->name)) {
            return true;
        }
    }
    return false;
}

void hm_service_order(const struct hm_service_graph *graph, const struct hm_service_list *targets,
                      bool after_boot, struct hm_service_list *out_order)
{
    struct hm_service_list all = {.count = 0};
    size_t before = HM_REMEDY_SERVICES_MAX + 1;

    for (size_t i = 0; i < targets->count; i++) {
        if (after_boot || hm_service_may_run(graph, targets->at[i])) {
            hm_service_list_put(&all, targets->at[i]);
        }
    }
    (void)add_dependents(graph, after_boot, &all);
    *out_order = (struct hm_service_list){.count = 0};
    while (out_order->count < all.count) {
        /* A circle of dependencies, which Windows itself does not start, is taken as it comes. */
        bool stuck = before == out_order->count;

        before = out_order->count;
        for (size_t i = 0; i < all.count; i++) {
            if (!hm_service_list_has(out_order, all.at[i]) &&
                (stuck || !has_dependent_left(graph, &all, out_order, all.at[i]))) {
                hm_service_list_put(out_order, all.at[i]);
                stuck = false;
            }
        }
    }
}

void hm_service_add_dependents_down(const struct hm_service_graph *graph,
                                    struct hm_service_list *down)
{
    for (size_t i = 0; i < down->count; i++) {
        const struct hm_service *found;

        for (size_t n = 0; (found = dependent(graph, down->at[i], n)) != NULL; n++) {
            if (found->has_runs && !found->runs && found->start != HM_START_CLUSTER &&
                hm_service_is_wanted(found) && hm_service_is_plain(graph->facts, found->name)) {
                hm_service_list_put(down, found->name);
            }
        }
    }
}
