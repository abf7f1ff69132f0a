/* common/judge/remedy_known.c — services of the systems themselves: may they stop, and what a stop
 * interrupts.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/remedy_known.h"

#include "common/base/str.h"

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
static const struct hm_service_known windows_services[] = {
    {"AppIDSvc",                 HM_RULE_SYSTEM,  ""},
    {"Appinfo",                  HM_RULE_SYSTEM,  ""},
    {"AudioEndpointBuilder",     HM_RULE_SYSTEM,  ""},
    {"AudioSrv",                 HM_RULE_SYSTEM,  ""},
    {"BFE",                      HM_RULE_NEVER,   ""},
    {"BITS",                     HM_RULE_LEAF,    "Downloads in the background pause until BITS runs again."},
    {"BrokerInfrastructure",     HM_RULE_NEVER,   ""},
    {"Browser",                  HM_RULE_SYSTEM,  ""},
    {"CDPSvc",                   HM_RULE_SYSTEM,  ""},
    {"CDPUserSvc*",              HM_RULE_SYSTEM,  ""},
    {"CertPropSvc",              HM_RULE_SYSTEM,  ""},
    {"ClipSVC",                  HM_RULE_SYSTEM,  ""},
    {"ClusSvc",                  HM_RULE_NEVER,   WARN_CLUSTER},
    {"CoreMessagingRegistrar",   HM_RULE_NEVER,   ""},
    {"CryptSvc",                 HM_RULE_SYSTEM,  ""},
    {"DcomLaunch",               HM_RULE_NEVER,   ""},
    {"DeviceInstall",            HM_RULE_SYSTEM,  ""},
    {"Dhcp",                     HM_RULE_NEVER,   ""},
    {"DiagTrack",                HM_RULE_LEAF,    ""},
    {"DNS",                      HM_RULE_LEAF,    WARN_DNS},
    {"Dnscache",                 HM_RULE_NEVER,   ""},
    {"DoSvc",                    HM_RULE_LEAF,    ""},
    {"DPS",                      HM_RULE_SYSTEM,  ""},
    {"DsmSvc",                   HM_RULE_SYSTEM,  ""},
    {"Eventlog",                 HM_RULE_NEVER,   ""},
    {"EventSystem",              HM_RULE_NEVER,   ""},
    {"fdPHost",                  HM_RULE_SYSTEM,  ""},
    {"FDResPub",                 HM_RULE_SYSTEM,  ""},
    {"FontCache",                HM_RULE_SYSTEM,  ""},
    {"gpsvc",                    HM_RULE_NEVER,   ""},
    {"hns",                      HM_RULE_NEVER,   WARN_CONTAINERS},
    {"HTTP",                     HM_RULE_NEVER,   ""},
    {"IAS",                      HM_RULE_LEAF,    "Logons by RADIUS (VPN, wireless) wait until IAS runs again."},
    {"IKEEXT",                   HM_RULE_SYSTEM,  ""},
    {"iphlpsvc",                 HM_RULE_SYSTEM,  ""},
    {"6to4",                     HM_RULE_SYSTEM,  ""},
    {"IsmServ",                  HM_RULE_SYSTEM,  ""},
    {"Kdc",                      HM_RULE_NEVER,   WARN_DOMAIN},
    {"KeyIso",                   HM_RULE_NEVER,   ""},
    {"lanmanserver",             HM_RULE_NEVER,   ""},
    {"lanmanworkstation",        HM_RULE_NEVER,   ""},
    {"LicenseManager",           HM_RULE_SYSTEM,  ""},
    {"lmhosts",                  HM_RULE_SYSTEM,  ""},
    {"LSM",                      HM_RULE_NEVER,   ""},
    {"mpssvc",                   HM_RULE_NEVER,   ""},
    {"MSDTC",                    HM_RULE_SYSTEM,  ""},
    {"Netlogon",                 HM_RULE_NEVER,   WARN_DOMAIN},
    {"Netman",                   HM_RULE_SYSTEM,  ""},
    {"netprofm",                 HM_RULE_NEVER,   ""},
    {"NlaSvc",                   HM_RULE_NEVER,   ""},
    {"nsi",                      HM_RULE_NEVER,   ""},
    {"NTDS",                     HM_RULE_NEVER,   WARN_DOMAIN},
    {"PcaSvc",                   HM_RULE_SYSTEM,  ""},
    {"PlugPlay",                 HM_RULE_NEVER,   ""},
    {"PolicyAgent",              HM_RULE_SYSTEM,  "IPsec ends until PolicyAgent runs again."},
    {"Power",                    HM_RULE_NEVER,   ""},
    {"ProfSvc",                  HM_RULE_NEVER,   ""},
    {"ProtectedStorage",         HM_RULE_NEVER,   ""},
    {"RemoteRegistry",           HM_RULE_SYSTEM,  ""},
    {"RpcEptMapper",             HM_RULE_NEVER,   ""},
    {"RpcSs",                    HM_RULE_NEVER,   ""},
    {"SamSs",                    HM_RULE_NEVER,   ""},
    {"Schedule",                 HM_RULE_NEVER,   ""},
    {"seclogon",                 HM_RULE_SYSTEM,  ""},
    {"SecurityHealthService",    HM_RULE_NEVER,   ""},
    {"SENS",                     HM_RULE_SYSTEM,  ""},
    {"SessionEnv",               HM_RULE_SYSTEM,  ""},
    {"SgrmBroker",               HM_RULE_NEVER,   ""},
    {"ShellHWDetection",         HM_RULE_SYSTEM,  ""},
    {"Spooler",                  HM_RULE_SYSTEM,  ""},
    {"sppsvc",                   HM_RULE_SYSTEM,  ""},
    {"SSDPSRV",                  HM_RULE_SYSTEM,  ""},
    {"sshd",                     HM_RULE_NEVER,   ""},
    {"StateRepository",          HM_RULE_NEVER,   ""},
    {"SysMain",                  HM_RULE_SYSTEM,  ""},
    {"SystemEventsBroker",       HM_RULE_NEVER,   ""},
    {"TermService",              HM_RULE_SESSION, WARN_TERMINAL},
    {"Themes",                   HM_RULE_SYSTEM,  ""},
    {"TimeBrokerSvc",            HM_RULE_NEVER,   ""},
    {"TokenBroker",              HM_RULE_SYSTEM,  ""},
    {"TrkWks",                   HM_RULE_SYSTEM,  ""},
    {"TrustedInstaller",         HM_RULE_NEVER,   ""},
    {"UALSVC",                   HM_RULE_SYSTEM,  ""},
    {"UmRdpService",             HM_RULE_SYSTEM,  ""},
    {"UserManager",              HM_RULE_NEVER,   ""},
    {"UsoSvc",                   HM_RULE_LEAF,    ""},
    {"VaultSvc",                 HM_RULE_NEVER,   ""},
    {"vmcompute",                HM_RULE_NEVER,   WARN_CONTAINERS},
    {"vmms",                     HM_RULE_NEVER,   WARN_VMMS},
    {"W32Time",                  HM_RULE_LEAF,    ""},
    {"Wcmsvc",                   HM_RULE_NEVER,   ""},
    {"WdiServiceHost",           HM_RULE_SYSTEM,  ""},
    {"WdiSystemHost",            HM_RULE_SYSTEM,  ""},
    {"WDSServer",                HM_RULE_LEAF,    "Computers cannot start from the network until WDSServer runs again."},
    {"WinDefend",                HM_RULE_NEVER,   ""},
    {"WinHttpAutoProxySvc",      HM_RULE_NEVER,   ""},
    {"Winmgmt",                  HM_RULE_NEVER,   ""},
    {"winnat",                   HM_RULE_LEAF,    WARN_WINNAT},
    {"WinRM",                    HM_RULE_REMOTE,  WARN_WINRM},
    {"WpnService",               HM_RULE_SYSTEM,  ""},
    {"WpnUserService*",          HM_RULE_SYSTEM,  ""},
    {"wuauserv",                 HM_RULE_LEAF,    ""},
};

static const struct hm_service_known linux_services[] = {
    {"acpid",                    HM_RULE_SYSTEM,  ""},
    {"auditd",                   HM_RULE_NEVER,   ""},
    {"chrony",                   HM_RULE_SYSTEM,  ""},
    {"chronyd",                  HM_RULE_SYSTEM,  ""},
    {"cloud-*",                  HM_RULE_NEVER,   ""},
    {"containerd",               HM_RULE_NEVER,   ""},
    {"corosync",                 HM_RULE_NEVER,   ""},
    {"crio",                     HM_RULE_NEVER,   ""},
    {"cron",                     HM_RULE_SYSTEM,  ""},
    {"crond",                    HM_RULE_SYSTEM,  ""},
    {"dbus",                     HM_RULE_NEVER,   ""},
    {"dbus-broker",              HM_RULE_NEVER,   ""},
    {"docker",                   HM_RULE_NEVER,   ""},
    {"firewalld",                HM_RULE_NEVER,   ""},
    {"getty@*",                  HM_RULE_SYSTEM,  ""},
    {"ifup@*",                   HM_RULE_NEVER,   ""},
    {"init",                     HM_RULE_NEVER,   ""},
    {"irqbalance",               HM_RULE_SYSTEM,  ""},
    {"iscsid",                   HM_RULE_NEVER,   ""},
    {"multipathd",               HM_RULE_NEVER,   ""},
    {"networking",               HM_RULE_NEVER,   ""},
    {"NetworkManager*",          HM_RULE_NEVER,   ""},
    {"pacemaker",                HM_RULE_NEVER,   ""},
    {"polkit",                   HM_RULE_SYSTEM,  ""},
    {"rpcbind",                  HM_RULE_NEVER,   ""},
    {"rsyslog",                  HM_RULE_SYSTEM,  ""},
    {"serial-getty@*",           HM_RULE_SYSTEM,  ""},
    {"ssh",                      HM_RULE_NEVER,   ""},
    {"sshd",                     HM_RULE_NEVER,   ""},
    {"systemd*",                 HM_RULE_NEVER,   ""},
    {"unattended-upgrades",      HM_RULE_SYSTEM,  ""},
    {"user@*",                   HM_RULE_NEVER,   ""},
    {"wpa_supplicant",           HM_RULE_NEVER,   ""},
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

/* Of which a stop of the service is not a stop of the product. */
static const struct {
    const char *name; /* "?" as in file names */
    const char *how;
} own_tools[] = {
  /* SAP Start Service: its program starts the instance by its profile, and sapcontrol asks it. */
    {"SAP???_??",
     "first the instance, with SAP's own tool (\"sapcontrol -nr NN -function Stop\", then "
     "GetProcessList until all are grey), then its service. After the service has started again, "
     "\"sapcontrol -nr NN -function Start\" starts the instance: the service alone may not."},
};

const char *hm_service_own_tool(const struct hm_facts *facts, const char *name)
{
    for (size_t i = 0; !facts->linux_host && i < HM_COUNT(own_tools); i++) {
        if (hm_str_glob_nocase(own_tools[i].name, name)) {
            return own_tools[i].how;
        }
    }
    return NULL;
}

const struct hm_service_known *hm_service_known(const struct hm_facts *facts, const char *name)
{
    const struct hm_service_known *rows = facts->linux_host ? linux_services : windows_services;
    size_t count = facts->linux_host ? HM_COUNT(linux_services) : HM_COUNT(windows_services);

    for (size_t i = 0; i < count; i++) {
        if (hm_str_glob_nocase(rows[i].name, name)) {
            return &rows[i];
        }
    }
    return NULL;
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
