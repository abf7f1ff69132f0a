/* tests/boots/host.c — a recorded host, what it serves beside its files, and policies that tempt
 * an agent there. SPDX-License-Identifier: Apache-2.0 */
#include "tests/boots/boots.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/judge.h"
#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/crypto/digest.h"
#include "common/judge/judge.h"
#include "common/ports/configured.h"
#include "common/wire/records.h"

#define ARENA_BYTES (64u * 1024u * 1024u)
#define FIRST_TEMPTING 1024u
#define WRITTEN "boots.txt"
#define PRODUCTS_MAX 4u

static _Noreturn void die(const char *what, const struct hm_err *err)
{
    (void)fprintf(stderr, "boot_proof: %s: %s\n", what, err->text);
    exit(2);
}

bool boots_has(const struct boots_set *set, unsigned row, uint32_t port)
{
    return (set->at[row][port / 64] >> port % 64 & 1u) != 0;
}

void boots_put(struct boots_set *set, unsigned row, struct hm_ports ports)
{
    for (size_t i = 0; i < ports.count; i++) {
        for (uint32_t port = ports.at[i].first; port <= ports.at[i].last; port++) {
            set->at[row][port / 64] |= (uint64_t)1 << port % 64;
        }
    }
}

static struct hm_ports join(struct boots_host *host, struct hm_ports a, struct hm_ports b)
{
    struct hm_ports both = {NULL, 0};
    struct hm_err err;

    if (hm_ports_union(a, b, &host->arena, &both, &err) != HM_OK) {
        die(host->name, &err);
    }
    return both;
}

static struct hm_ports one(struct boots_host *host, uint16_t port)
{
    struct hm_range *range = hm_arena_alloc(&host->arena, 1, sizeof(*range));

    *range = (struct hm_range){port, port};
    return (struct hm_ports){range, 1};
}

/* ---- what the files show --------------------------------------------------------------------- */

/* What the settled host requires, as a person reads it from "hm-agent check". */
static void take_verdicts(struct boots_host *host, struct hm_verdicts *out)
{
    struct hm_judgement judgement = {.incomplete = false};
    const struct hm_policy_marks none = {NULL, 0};
    struct hm_err err;

    if (hm_judge_observation(host->settled, host->catalogue, NULL, &none, NULL, &host->arena,
                             &judgement, &err) != HM_OK) {
        die(host->name, &err);
    }
    *out = judgement.verdicts;
    for (size_t i = 0; i < out->count; i++) {
        const struct hm_verdict *verdict = &out->at[i];

        host->asked[verdict->protocol] = join(host, host->asked[verdict->protocol], verdict->ports);
    }
}

/* "12,14-15" of one protocol for each product with required ports, those of many first. */
static void take_products(struct boots_host *host, const struct hm_verdicts *verdicts)
{
    for (size_t i = 0; i < verdicts->count; i++) {
        const struct hm_verdict *verdict = &verdicts->at[i];
        struct boots_policy *policy = NULL;

        for (size_t k = 0; k < host->policies_count; k++) {
            if (hm_str_equal(host->policies[k].product, verdict->product)) {
                policy = &host->policies[k];
            }
        }
        if (policy == NULL && host->policies_count < PRODUCTS_MAX &&
            verdict->origin == HM_ORIGIN_CATALOGUE) {
            policy = &host->policies[host->policies_count++];
            *policy = (struct boots_policy){
                .name = hm_arena_printf(&host->arena, "product-%s", verdict->product),
                .product = verdict->product,
            };
        }
        if (policy != NULL) {
            policy->ports[verdict->protocol] =
                join(host, policy->ports[verdict->protocol], verdict->ports);
        }
    }
}

/* Is it a port of which the catalogue warns, whatever the host? */
static void take_listed(struct boots_host *host)
{
    for (size_t i = 0; i < host->catalogue->count; i++) {
        const struct hm_requirements *rows = &host->catalogue->at[i].requirements;

        for (size_t k = 0; k < rows->count; k++) {
            const struct hm_requirement *row = &rows->at[k];

            if (row->safe_to_exclude != HM_EXCLUDE_YES || row->kind != HM_KIND_SOCKET) {
                boots_put(&host->listed, row->protocol, row->ports);
            }
        }
    }
}

void boots_host_open(struct boots_host *host, const char *folder, const char *name,
                     const struct hm_catalogue *catalogue)
{
    const struct hm_os *os;
    struct hm_err err;

    memset(host, 0, sizeof(*host));
    hm_arena_init(&host->arena, ARENA_BYTES);
    host->name = name;
    (void)snprintf(host->folder, sizeof(host->folder), "%s", folder);
    host->catalogue = catalogue;
    if (hm_boot_host_open(folder, &host->files, &err) != HM_OK) {
        die(folder, &err);
    }
    host->settled = hm_boot_host_settled(host->files);
    os = &host->settled->inventory.os;
    host->is_modern = os->family == HM_OS_WINDOWS && !hm_os_is_legacy(os);
    take_listed(host);
}

void boots_host_close(struct boots_host *host)
{
    hm_boot_host_close(host->files);
    hm_arena_fini(&host->arena);
}

/* ---- what they do not show ------------------------------------------------------------------- */

static void put_extra(struct boots_host *host, const struct hm_boot_extra *extra)
{
    host->extras[host->extras_count++] = *extra;
}

/* The service that has it there, or one that the files do not know. */
static const char *service_or(const struct boots_host *host, const char *name, const char *other)
{
    const struct hm_service *service = hm_inventory_service(&host->settled->inventory, name);

    return service != NULL && service->has_runs && service->runs ? name : other;
}

static void take_extras(struct boots_host *host, const struct boots_variant *variant)
{
    const bool configured = variant->is_configured && !variant->hides_settings;
    const char *site = service_or(host, "W3SVC", "Portal");

    host->extras_count = 0;
    if (!host->is_modern) {
        return;
    }
    put_extra(host,
              &(struct hm_boot_extra){HM_TCP, 50443, HM_KIND_HTTPSYS, site, "", configured, 0});
    if (variant->only_a1) {
        return;
    }
    put_extra(host, &(struct hm_boot_extra){HM_TCP, 51088, HM_KIND_HTTPSYS, "Console", "",
                                            configured, 0});
    put_extra(host, &(struct hm_boot_extra){HM_TCP, 53306, HM_KIND_SOCKET, "Ledger", "ledger.exe",
                                            false, 0});
    if (variant->hides_settings && hm_os_has_http3(&host->settled->inventory.os)) {
        put_extra(host, &(struct hm_boot_extra){HM_UDP, 50444, HM_KIND_QUIC, site, "", false, 0});
    }
    if (!variant->hides_settings) { /* nothing else shows what these are */
        put_extra(host, &(struct hm_boot_extra){HM_UDP, 50444, HM_KIND_QUIC, site, "", true, 0});
        put_extra(host,
                  &(struct hm_boot_extra){HM_TCP, 52080, HM_KIND_CONTAINER,
                                          service_or(host, "hns", "containers"), "", true, 0});
    }
}

static void put_policy(struct boots_host *host, const char *name, struct hm_ports tcp,
                       struct hm_ports udp)
{
    host->policies[host->policies_count++] = (struct boots_policy){
        .name = name, .ports = {tcp, udp}
    };
}

/* Said here once more: the product's own table is what is to be checked. */
static bool breaks(enum hm_listener_kind kind)
{
    return kind == HM_KIND_HTTPSYS || kind == HM_KIND_QUIC || kind == HM_KIND_CONTAINER ||
           kind == HM_KIND_SHARED;
}

/* Ports of the listeners that an exclusion breaks, as somebody who does not know it writes them. */
static void take_hazards(struct boots_host *host)
{
    const struct hm_listeners *listeners = &host->settled->inventory.listeners;
    const struct hm_configured_list *configured = &host->settled->inventory.configured;
    struct hm_ports ports[2] = {
        {NULL, 0},
        {NULL, 0}
    };

    memset(&host->hazards, 0, sizeof(host->hazards));
    for (size_t i = 0; host->is_modern && i < listeners->count; i++) {
        if (breaks(listeners->at[i].kind)) {
            ports[listeners->at[i].protocol] =
                join(host, ports[listeners->at[i].protocol], one(host, listeners->at[i].port));
        }
    }
    for (size_t i = 0; host->is_modern && i < configured->count; i++) {
        if (configured->at[i].port == 0 || !breaks(configured->at[i].kind)) {
            continue; /* a value that is no port; a socket */
        }
        ports[configured->at[i].protocol] =
            join(host, ports[configured->at[i].protocol], one(host, configured->at[i].port));
    }
    for (size_t i = 0; i < host->extras_count; i++) {
        if (host->extras[i].kind != HM_KIND_SOCKET) {
            ports[host->extras[i].protocol] =
                join(host, ports[host->extras[i].protocol], one(host, host->extras[i].port));
        }
    }
    for (unsigned i = 0; i < 2; i++) {
        boots_put(&host->hazards, i, ports[i]);
    }
    put_policy(host, "hazards", ports[HM_TCP], ports[HM_UDP]);
}

static struct hm_ports listeners_of(struct boots_host *host, enum hm_protocol protocol)
{
    const struct hm_listeners *listeners = &host->settled->inventory.listeners;
    struct hm_ports ports = {NULL, 0};

    for (size_t i = 0; i < listeners->count; i++) {
        const struct hm_listener *row = &listeners->at[i];

        if (row->protocol == protocol && row->port >= FIRST_TEMPTING &&
            row->kind == HM_KIND_SOCKET) {
            ports = join(host, ports, one(host, row->port));
        }
    }
    return ports;
}

/* ---- what is written down of it -------------------------------------------------------------- */

/* "51001,51003-51006"; "-" is none. */
static struct hm_ports parse_ports(struct boots_host *host, const char *text)
{
    struct hm_ports ports = {NULL, 0};
    struct hm_err err;

    if (strcmp(text, "-") != 0 &&
        hm_ports_parse(text, strlen(text), &host->arena, &ports, &err) != HM_OK) {
        die(host->name, &err);
    }
    return ports;
}

/* Of a host's folder: by people, and no reader of the product sees it. "hazard tcp PORTS" must
 * never be excluded; "policy NAME TCP UDP" tempts an agent. */
static void take_written(struct boots_host *host)
{
    char path[BOOTS_PATH + 16];
    char line[1024];
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/" WRITTEN, host->folder);
    file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        char first[512];
        char second[512];
        char name[64];

        if (sscanf(line, "hazard %63s %511s", name, first) == 2) {
            boots_put(&host->hazards, strcmp(name, "udp") == 0 ? HM_UDP : HM_TCP,
                      parse_ports(host, first));
        } else if (sscanf(line, "policy %63s %511s %511s", name, first, second) == 3) {
            put_policy(host, hm_arena_printf(&host->arena, "%s", name), parse_ports(host, first),
                       parse_ports(host, second));
        } else if (line[0] != '#' && line[0] != '\n') {
            die(path, &(struct hm_err){.text = "a line is neither a hazard nor a policy"});
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
}

void boots_host_vary(struct boots_host *host, const struct boots_variant *variant)
{
    const struct hm_ports none = {NULL, 0};
    struct hm_verdicts verdicts;

    hm_arena_reset(&host->arena);
    host->policies_count = 0;
    host->asked[HM_TCP] = host->asked[HM_UDP] = none;
    take_extras(host, variant);
    take_verdicts(host, &verdicts);
    if (variant->only_a1) {
        take_hazards(host);
        host->policies[0].ports[HM_TCP] = one(host, 50443);
        host->policies[0].ports[HM_UDP] = none;
        return;
    }
    take_products(host, &verdicts);
    take_hazards(host);
    put_policy(host, "listeners", listeners_of(host, HM_TCP), listeners_of(host, HM_UDP));
    put_policy(host, "custom", join(host, one(host, 53306), one(host, 54000)), one(host, 54000));
    take_written(host);
}

bool boots_is_set_up(const struct boots_host *host, enum hm_protocol protocol, uint16_t port)
{
    const struct hm_configured_list *list = &host->settled->inventory.configured;
    bool found = false;

    for (size_t i = 0; host->settled->inventory.has_configured && i < list->count; i++) {
        found = found || (list->at[i].protocol == protocol && list->at[i].port == port);
    }
    for (size_t i = 0; i < host->extras_count; i++) {
        const struct hm_boot_extra *extra = &host->extras[i];

        found =
            found || (extra->is_configured && extra->protocol == protocol && extra->port == port);
    }
    return found;
}

/* ---- signed ---------------------------------------------------------------------------------- */

static const char *reservations(struct boots_host *host, const struct boots_policy *policy)
{
    static const char *const names[2] = {"tcp", "udp"};
    const char *text = "";

    for (unsigned i = 0; i < 2; i++) {
        struct hm_buf ports;

        if (policy->ports[i].count == 0) {
            continue;
        }
        hm_buf_init(&ports, 1u << 20);
        for (size_t k = 0; k < policy->ports[i].count; k++) {
            const struct hm_range range = policy->ports[i].at[k];
            char row[32];
            int len = range.first == range.last
                          ? snprintf(row, sizeof(row), "%s%u", k == 0 ? "" : ",", range.first)
                          : snprintf(row, sizeof(row), "%s%u-%u", k == 0 ? "" : ",", range.first,
                                     range.last);

            (void)hm_buf_put(&ports, row, (size_t)len);
        }
        text = hm_arena_printf(&host->arena, "%s%s{\"protocol\":\"%s\",\"ports\":\"%s\"}", text,
                               text[0] == '\0' ? "" : ",", names[i], hm_buf_text(&ports));
        hm_buf_fini(&ports);
    }
    return text;
}

static struct hm_envelope sign(struct boots_host *host, struct hm_signers *people,
                               const struct boots_policy *policy)
{
    const char *content = hm_arena_printf(
        &host->arena,
        "{\"name\":\"%s\",\"revision\":1,\"owner\":\"o\",\"reason\":\"r\",\"watch_s\":60,"
        "\"review\":\"2040-01-01T00:00:00Z\",\"match\":{\"hosts\":[\"*\"]},\"mode\":\"enforce\","
        "\"reservations\":[%s]}",
        policy->name, reservations(host, policy));
    struct hm_statement statement = {
        .fleet = HM_SIGNERS_FLEET,
        .policy = policy->name,
        .revision = 1,
        .content = content,
        .match = "{\"hosts\":[\"*\"]}",
        .author = "david",
        .author_key_id = "",
        .expires = HM_SIGNERS_NOW_MS + INT64_C(300000000000),
    };
    char digest[HM_DIGEST_TEXT_BYTES];
    struct hm_envelope envelope;
    struct hm_buf json;
    struct hm_err err;

    hm_digest_text(content, strlen(content), digest);
    statement.digest = digest;
    hm_buf_init(&json, HM_LIMIT_SIGNED_BODY_BYTES);
    if (hm_record_encode(&hm_record_statement, &statement, &json, &err) != HM_OK ||
        hm_envelope_new(HM_SIGNED_STATEMENT, json.data, json.len, &people->arena, &envelope,
                        &err) != HM_OK) {
        die(policy->name, &err);
    }
    hm_buf_fini(&json);
    if (!hm_signers_sign(people, HM_ANNA, &envelope)) {
        die("a signature", &(struct hm_err){.text = "failed"});
    }
    return envelope;
}

struct hm_envelope *boots_statements(struct boots_host *host, struct hm_signers *people)
{
    struct hm_envelope *all = hm_arena_alloc(&people->arena, BOOTS_POLICIES, sizeof(*all));
    size_t count = 0;

    for (size_t i = 0; i < host->policies_count; i++) {
        if (host->policies[i].ports[HM_TCP].count + host->policies[i].ports[HM_UDP].count > 0) {
            host->policies[count] = host->policies[i];
            all[count] = sign(host, people, &host->policies[count]);
            count++;
        }
    }
    host->policies_count = count;
    return all;
}
