/* common/ports/registry_ports.h — ports that the registry sets for SQL Server, RPC servers and
 * Windows Deployment Services.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The same in every language. Sources: Microsoft Learn, "Configure SQL Server to listen on a
 * specific TCP port" and "TCP/IP properties (IP addresses tab)" (SQL Server 2005 and later);
 * KB224196 (NTDS, Netlogon, NtFrs); Microsoft Learn, "Endpoints" of the AppID key (AD CS); Exchange
 * Server Analyzer, gg191713 (RPC Client Access, Address Book); "RPC connection updates for print in
 * Windows 11" (spooler); KB977512 and WDSTRANSPORT_UDP_PORT_POLICY (Windows Deployment Services).
 * Where both views of the registry have an instance of SQL Server with other ports, the path of its
 * service says which one it reads; where that does not show, the list has no row of it, and a note.
 * DFS Replication keeps its fixed port in an XML file, not in the registry. Pure: a view reads the
 * registry of a live or of a recorded host; memory from the arena of the list in the making. */
#pragma once

#include "common/ports/configured.h"

enum hm_setting_type {
    HM_SETTING_ABSENT,
    HM_SETTING_NUMBER, /* REG_DWORD */
    HM_SETTING_TEXT,   /* REG_SZ */
    HM_SETTING_LINES,  /* REG_MULTI_SZ */
    HM_SETTING_OTHER,  /* of any other type, or one that could not be read */
};

struct hm_setting {
    enum hm_setting_type type;
    uint32_t number;
    const char *text;
    struct hm_strings lines;
};

/* The registry, below HKEY_LOCAL_MACHINE. A key or value that is not there is HM_OK with nothing in
 * it; errors are lack of memory alone. Texts live as long as the arena. */
struct hm_registry_view {
    void *self;
    enum hm_status (*get)(void *self, const char *key, const char *name, struct hm_setting *out,
                          struct hm_err *err);
    enum hm_status (*list_values)(void *self, const char *key, struct hm_strings *out_names,
                                  struct hm_err *err);
    enum hm_status (*list_keys)(void *self, const char *key, struct hm_strings *out_names,
                                struct hm_err *err);
    /* ImagePath of a service, as written; "" unknown. May be NULL: all are unknown. */
    enum hm_status (*image)(void *self, const char *service, const char **out_path,
                            struct hm_err *err);
    /* A value that does not say the port; what: "text, which is no port". The sentence for people.
     */
    enum hm_status (*note)(void *self, const char *key, const char *name, const char *what,
                           struct hm_err *err);
};

/* The subject of a row of HM_BY_SQL_PORT that holds for all addresses. */
#define HM_SQL_PORT_ON_ALL "TcpPort"

/* A value with the fixed port of an RPC server. */
struct hm_rpc_port {
    const char *key;
    const char *name;
    enum hm_setting_type type; /* HM_SETTING_LINES: "ncacn_ip_tcp,0,PORT" */
    bool zero_is_given;        /* 0: it asks for any port, as without the value */
    enum hm_configured_by by;
};
#define HM_RPC_PORT_COUNT 7
extern const struct hm_rpc_port hm_rpc_ports[HM_RPC_PORT_COUNT];

/* Adds the ports of these values, of the instances of SQL Server and of Windows Deployment
 * Services; *out_any: one of the values is there. One that is no port becomes a row with port 0, as
 * hm_port_value_put_invalid. */
enum hm_status hm_registry_ports_put(struct hm_configured_make *make,
                                     const struct hm_registry_view *view, bool *out_any,
                                     struct hm_err *err) HM_MUST_CHECK;
