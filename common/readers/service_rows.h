/* common/readers/service_rows.h — Win32 services as Windows keeps them: how each starts, from what
 * file, after which others, and whether it runs.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The rows come from the registry (the key Services), from sc, or from the service manager itself;
 * the same facts give the same rows. Everything lives in the caller's arena. Threads: pure. */
#pragma once

#include "common/ports/inventory.h"
#include "common/readers/reg_text.h"

/* SERVICE_… of winsvc.h; the numbers stand in the registry and in what sc prints. */
#define HM_SERVICE_WIN32 0x30u         /* type: own process 0x10, shared process 0x20 */
#define HM_SERVICE_USER_TEMPLATE 0x40u /* of which every log-on gets a service of its own ... */
#define HM_SERVICE_USER_INSTANCE 0x80u /* ... with a new name each time: "cbdhsvc_3f2a1" */
#define HM_SERVICE_AUTO_START 2u
#define HM_SERVICE_DEMAND_START 3u
#define HM_SERVICE_DISABLED 4u
#define HM_SERVICE_STOPPED 1u
#define HM_SERVICE_START_PENDING 2u
#define HM_SERVICE_STOP_PENDING 3u
#define HM_SERVICE_RUNNING 4u

struct hm_service_row {
    const char *name;
    const char *display; /* "" unknown: it may be kept in a library ("@%SystemRoot%\…,-100") */
    uint32_t type;
    uint32_t start; /* HM_SERVICE_AUTO_START … */
    bool delayed;
    bool triggered;    /* an event of the system starts it (TriggerInfo, action 1) */
    bool clustered;    /* a resource of the failover cluster that this host is in */
    bool needed;       /* one that starts by itself depends on it (hm_service_rows_mark_needed) */
    const char *image; /* ImagePath, as written */
    bool has_depends_on;
    struct hm_strings depends_on; /* services; groups are left out */
    bool has_runs;
    bool runs;
    bool pending;       /* it is being started or stopped: what comes of it is not known */
    uint32_t exit_code; /* as in struct hm_service */
};

struct hm_service_rows {
    struct hm_service_row *at; /* sorted by name without case, each once */
    size_t count;
};

/* NULL when there is none of this name; case folded. */
struct hm_service_row *hm_service_rows_find(const struct hm_service_rows *rows, const char *name);

/* What the service manager says of a service, SERVICE_STATUS by winsvc.h: a state of HM_SERVICE_…;
 * one that is paused runs. exit_code as in struct hm_service. */
void hm_service_row_set_state(struct hm_service_row *row, uint32_t state, uint32_t exit_code);

/* Sorts, and keeps the first of each name. */
void hm_service_rows_settle(struct hm_service_rows *rows);

/* Marks the manual services that the service manager starts at boot, as an automatic one depends on
 * them, also over others; not for one that an event starts, which may never come. Once depends_on
 * is known. */
void hm_service_rows_mark_needed(struct hm_service_rows *rows);

/* The Win32 services of an export, or of a listing, of the key Services: keys of which Type and
 * Start are known. Values of deeper keys are skipped, but for those of TriggerInfo. Run states stay
 * unknown. HM_ETOOBIG past HM_LIMIT_SERVICES. */
enum hm_status hm_service_rows_from_reg(const struct hm_reg *reg, struct hm_arena *arena,
                                        struct hm_service_rows *out_rows,
                                        struct hm_err *err) HM_MUST_CHECK;

/* Services that a failover cluster starts, by the export of HKLM\Cluster\Resources: of resources
 * of the types Generic Service (ServiceName), SQL Server and SQL Server Agent (InstanceName), and
 * those whose service is known by the type. Names as written; doubles may be there. */
enum hm_status hm_service_names_from_cluster(const struct hm_reg *reg, struct hm_arena *arena,
                                             struct hm_strings *out_names,
                                             struct hm_err *err) HM_MUST_CHECK;

/* The service behind one resource, in the arena; "" when its type is of no service that is known,
 * NULL on no memory. service_name and instance may be NULL. */
const char *hm_service_of_resource(const char *type, const char *service_name, const char *instance,
                                   struct hm_arena *arena);

/* File name of an ImagePath: "svchost.exe" of "%SystemRoot%\System32\svchost.exe -k netsvcs". In
 * the arena; "" of an empty one or one too long, NULL on no memory. */
const char *hm_service_program(const char *image, struct hm_arena *arena);

/* By the comment of enum hm_service_start. */
enum hm_service_start hm_service_start_of(const struct hm_service_row *row);
