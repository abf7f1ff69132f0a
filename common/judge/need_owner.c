/* common/judge/need_owner.c — is the process on a required port the product's own?
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/need.h"

#include <string.h>

#include "common/base/str.h"

/* Components that take a port on behalf of the product. */
struct stand_in {
    enum hm_listener_kind kind;
    const char *program;
};

static const struct stand_in stand_ins[] = {
    {HM_KIND_HTTPSYS,   "System"                },
    {HM_KIND_KERNEL,    "System"                },
    {HM_KIND_CONTAINER, "System"                },
    {HM_KIND_CONTAINER, "com.docker.backend.exe"},
    {HM_KIND_CONTAINER, "conmon"                },
    {HM_KIND_CONTAINER, "containerd"            },
    {HM_KIND_CONTAINER, "docker-proxy"          },
    {HM_KIND_CONTAINER, "dockerd"               },
    {HM_KIND_CONTAINER, "dockerd.exe"           },
    {HM_KIND_CONTAINER, "pasta"                 },
    {HM_KIND_CONTAINER, "pasta.avx2"            },
    {HM_KIND_CONTAINER, "rootlessport"          },
    {HM_KIND_CONTAINER, "wslrelay.exe"          },
};

/* Linux: who listens for a service until the first client comes. Of process 1 a socket unit may be
 * known; the others are services of their own, whose name says nothing. */
static const char *const process_1[] = {"systemd", "init"};
static const char *const super_servers[] = {"inetd", "xinetd"};

/* Processes that host several services: without the service's name they could be anybody's. */
static const char *const shared_hosts[] = {
    "System", "inetinfo.exe", "lsass.exe", "services.exe", "svchost.exe",
};

/* Windows' own RPC servers: their TCP port in the dynamic range is given, not required. */
static const char *const rpc_programs[] = {
    "certsrv.exe", "dfsrs.exe",    "dns.exe",     "ismserv.exe", "lsass.exe",   "msdtc.exe",
    "ntfrs.exe",   "services.exe", "spoolsv.exe", "svchost.exe", "wininit.exe",
};

static bool has_names(const struct hm_detect *detect)
{
    return detect->services.count > 0 || detect->programs.count > 0;
}

bool hm_need_stands_in(enum hm_listener_kind kind, const char *program)
{
    for (size_t i = 0; i < HM_COUNT(stand_ins); i++) {
        if (stand_ins[i].kind == kind && hm_str_equal_nocase(stand_ins[i].program, program)) {
            return true;
        }
    }
    return false;
}

static bool is_one_of(const char *const *names, size_t count, const char *program)
{
    for (size_t i = 0; i < count; i++) {
        if (hm_str_equal_nocase(names[i], program)) {
            return true;
        }
    }
    return false;
}

const struct hm_detect *hm_need_names(const struct hm_need *need)
{
    const struct hm_detect *own = &need->requirement->detect;

    return has_names(own) || need->product == NULL ? own : &need->product->detect;
}

bool hm_need_is_shared_host(const char *program)
{
    return is_one_of(shared_hosts, HM_COUNT(shared_hosts), program);
}

bool hm_need_is_rpc_program(const char *program)
{
    return is_one_of(rpc_programs, HM_COUNT(rpc_programs), program);
}

bool hm_need_is_activator(const struct hm_facts *facts, const char *program)
{
    return facts->linux_host && (is_one_of(process_1, HM_COUNT(process_1), program) ||
                                 is_one_of(super_servers, HM_COUNT(super_servers), program));
}

const char *hm_need_unit(const char *program, const char *service, char out[HM_NEED_UNIT_BYTES])
{
    static const char suffix[] = ".socket";
    const size_t suffix_len = sizeof(suffix) - 1;
    size_t len = strlen(service);

    if (is_one_of(super_servers, HM_COUNT(super_servers), program) || len >= HM_NEED_UNIT_BYTES) {
        return "";
    }
    if (len > suffix_len && hm_str_equal(service + len - suffix_len, suffix)) {
        len -= suffix_len;
    }
    memcpy(out, service, len);
    out[len] = '\0';
    return out;
}

/* Does it listen for a unit that nobody names? */
static bool hides_unit(const struct hm_facts *facts, const char *program, const char *service)
{
    char unit[HM_NEED_UNIT_BYTES];

    return hm_need_is_activator(facts, program) &&
           hm_str_equal(hm_need_unit(program, service, unit), "");
}

bool hm_need_has_service(const struct hm_need *need, const char *service)
{
    const struct hm_companions *both[] = {
        &need->requirement->companions, need->product == NULL ? NULL : &need->product->companions};

    for (size_t i = 0; i < HM_COUNT(both); i++) {
        if (both[i] != NULL && hm_companions_own(both[i], "", service)) {
            return true;
        }
    }
    return hm_detect_owns(hm_need_names(need), "", service) ||
           (need->product != NULL && hm_detect_owns(&need->product->detect, "", service));
}

const char *hm_need_speaker(const struct hm_need *need, const char *service,
                            const struct hm_strings *hosted)
{
    if (!hm_str_equal(service, "") || hosted->count == 0) {
        return service;
    }
    for (size_t i = 0; i < hosted->count; i++) {
        if (hm_detect_owns(hm_need_names(need), "", hosted->at[i])) {
            return hosted->at[i];
        }
    }
    for (size_t i = 0; i < hosted->count; i++) {
        if (hm_need_has_service(need, hosted->at[i])) {
            return hosted->at[i];
        }
    }
    return hosted->at[0];
}

enum hm_owner hm_need_owner_of(const struct hm_facts *facts, const struct hm_need *need,
                               const struct hm_holder *holder)
{
    return hm_need_owner(facts, need, holder->program,
                         hm_need_speaker(need, holder->service, &holder->hosted), holder->state);
}

enum hm_owner hm_need_owner_of_listener(const struct hm_facts *facts, const struct hm_need *need,
                                        const struct hm_listener *listener)
{
    return hm_need_owner(facts, need, listener->program,
                         hm_need_speaker(need, listener->service, &listener->hosted),
                         HM_SOCKET_LISTEN);
}

/* Does the image name of a shared host say nothing? Not beside the name of a service, nor when none
 * of the services that it could host for the product runs. A connection where nothing listens is
 * an outgoing one: of System that of a share. */
static bool is_mute(const struct hm_facts *facts, const struct hm_detect *names,
                    const char *program, const char *service, enum hm_socket_state state)
{
    return hm_need_is_shared_host(program) &&
           (!hm_str_equal(service, "") || state == HM_SOCKET_ESTABLISHED ||
            (hm_names_match(&facts->stopped, &names->services) &&
             !hm_names_match(&facts->running, &names->services)));
}

/* Of these there is one process, which stays when a service in it ends: on 2003 lsass.exe keeps UDP
 * 500 when the IPsec service has failed. A port that is handed out may be any other socket of it.
 */
static bool is_left_behind(const struct hm_facts *facts, const struct hm_need *need,
                           const char *program)
{
    static const char *const lasting[] = {"lsass.exe", "services.exe"};
    const struct hm_requirement *requirement = need->requirement;
    const struct hm_service *service;
    size_t at = 0;

    if (!is_one_of(lasting, HM_COUNT(lasting), program)) {
        return false;
    }
    for (unsigned i = 0; i < 2; i++) {
        const struct hm_stack_facts *stack =
            hm_facts_stack(facts, requirement->protocol, i == 0 ? HM_IPV4 : HM_IPV6);

        if (hm_ports_overlap(requirement->ports, hm_stack_facts_may_give(stack))) {
            return false;
        }
    }
    while ((service = hm_need_next_down(facts, need, false, &at)) != NULL) {
        if (hm_str_equal_nocase(service->program, program)) {
            return true;
        }
    }
    return false;
}

static bool owns(const struct hm_facts *facts, const struct hm_detect *names, const char *program,
                 const char *service, enum hm_socket_state state)
{
    return hm_detect_owns(names, is_mute(facts, names, program, service, state) ? "" : program,
                          service);
}

/* Nobody knows who it is; but while the product is down, it is somebody else. On Linux an interface
 * of the kernel outlives the service that made it, and its socket has no name; and process 1, which
 * listens for a service that is down, is hidden from users without rights. */
static enum hm_owner unread(const struct hm_facts *facts, const struct hm_need *need)
{
    const struct hm_requirement *row = need->requirement;

    if (facts->linux_host && (row->kind == HM_KIND_KERNEL ||
                              hm_configured_has_socket_unit(facts, row->protocol, row->ports))) {
        return HM_OWNER_UNREAD;
    }
    return hm_need_runs(facts, need) == HM_RUNS_NO ? HM_OWNER_FOREIGN : HM_OWNER_UNREAD;
}

/* A socket unit that nobody names listens. While a service of the need is down that starts at boot,
 * there is no socket unit for it, so the port is another one's. */
static enum hm_owner unnamed_unit(const struct hm_facts *facts, const struct hm_need *need)
{
    size_t at = 0;

    return hm_need_next_down(facts, need, true, &at) == NULL ? HM_OWNER_UNREAD : HM_OWNER_FOREIGN;
}

/* By the names alone. *out_named: they are those of the product itself, or of a program that it
 * shares or that another service runs, so that another part of it may be meant. */
static enum hm_owner kin_of(const struct hm_facts *facts, const struct hm_need *need,
                            const char *program, const char *service, enum hm_socket_state state,
                            bool *out_named)
{
    const struct hm_detect *names = hm_need_names(need);
    const bool activator = hm_need_is_activator(facts, program);
    char unit[HM_NEED_UNIT_BYTES];
    enum hm_owner companion;

    *out_named = false;
    if (activator) {
        service = hm_need_unit(program, service, unit);
    }
    if (hm_str_equal(program, "") && hm_str_equal(service, "")) {
        return unread(facts, need);
    }
    if (need->product == NULL && names->services.count > 0 && !hm_str_equal(service, "")) {
        program = ""; /* two services often have one program: java.exe, node.exe */
    }
    if (is_left_behind(facts, need, program)) {
        return HM_OWNER_SELF;
    }
    *out_named = true;
    if (owns(facts, names, program, service, state)) {
        return HM_OWNER_SELF;
    }
    companion = hm_need_companion(facts, need, program, service, state);
    if (companion != HM_OWNER_FOREIGN) {
        *out_named = hm_need_has_copy(need, program, service) ||
                     hm_need_is_run_by_other(facts, need, program, service);
        return companion;
    }
    if (state != HM_SOCKET_LISTEN) {
        return HM_OWNER_FOREIGN; /* a sister's outgoing connection blocks like anybody's */
    }
    if (need->product != NULL && owns(facts, &need->product->detect, program, service, state)) {
        return HM_OWNER_SELF;
    }
    *out_named = false;
    if (hm_need_stands_in(need->requirement->kind, program)) {
        return HM_OWNER_SELF;
    }
    if (activator && hm_str_equal(service, "")) {
        return unnamed_unit(facts, need);
    }
    if (!facts->linux_host && hm_str_equal(service, "") && names->services.count > 0 &&
        hm_need_is_shared_host(program)) {
        return unread(facts, need);
    }
    return HM_OWNER_FOREIGN;
}

bool hm_need_is_kin(const struct hm_facts *facts, const struct hm_need *need, const char *program,
                    const char *service, enum hm_socket_state state)
{
    bool named;

    return kin_of(facts, need, program, service, state, &named) == HM_OWNER_SELF && named;
}

enum hm_owner hm_need_owner(const struct hm_facts *facts, const struct hm_need *need,
                            const char *program, const char *service, enum hm_socket_state state)
{
    const struct hm_service *down;
    bool named;
    enum hm_owner owner = kin_of(facts, need, program, service, state, &named);

    return owner == HM_OWNER_SELF && named &&
                   hm_need_rival(facts, need, program, service, &down) != HM_RIVAL_NO
               ? HM_OWNER_FOREIGN
               : owner;
}

static bool has_it(const struct hm_facts *facts, const struct hm_need *need, const char *program,
                   const char *service, const struct hm_strings *hosted, bool anyone)
{
    service = hm_need_speaker(need, service, hosted);
    return hm_need_owner(facts, need, program, service, HM_SOCKET_LISTEN) == HM_OWNER_SELF ||
           (anyone && hm_need_is_kin(facts, need, program, service, HM_SOCKET_LISTEN));
}

/* Does the owner, or another program of its product, listen on this port? In any family, or in the
 * given one. */
static bool owner_has(const struct hm_facts *facts, const struct hm_need *need, uint16_t port,
                      const enum hm_family *family, bool anyone)
{
    const struct hm_range range = {port, port};
    const struct hm_ports ports = {&range, 1};
    enum hm_protocol protocol = need->requirement->protocol;
    struct hm_port_cursor cursor = {0, 0, 0};
    const struct hm_listener *listener;
    const struct hm_socket *socket;

    while ((listener = hm_facts_next_listener(facts, protocol, ports, &cursor)) != NULL) {
        if ((family == NULL || listener->family == *family) &&
            has_it(facts, need, listener->program, listener->service, &listener->hosted, anyone)) {
            return true;
        }
    }
    cursor = (struct hm_port_cursor){0, 0, 0};
    while ((socket = hm_facts_next_socket(facts, protocol, ports, &cursor)) != NULL) {
        if (socket->state == HM_SOCKET_LISTEN && (family == NULL || socket->family == *family) &&
            has_it(facts, need, socket->program, socket->service, &socket->hosted, anyone)) {
            return true;
        }
    }
    return false;
}

static bool is_of_one_address(const char *address)
{
    return address != NULL && !hm_str_equal(address, "") && !hm_str_equal(address, "0.0.0.0") &&
           !hm_str_equal(address, "::");
}

/* Linux: two programs may have one port, each on addresses of its own ("127.0.0.1" and "::1", as
 * DNS servers beside each other have it). Where the owner runs on addresses of the other family,
 * it was not set up for the one in this family, or it starts without it. */
static bool is_apart(const struct hm_facts *facts, const struct hm_need *need,
                     enum hm_family family, const struct hm_holder *holder)
{
    const struct hm_range range = {holder->port, holder->port};
    const struct hm_ports ports = {&range, 1};
    struct hm_port_cursor cursor = {0, 0, 0};
    const struct hm_listener *listener;

    if (!facts->linux_host || !is_of_one_address(holder->address)) {
        return false;
    }
    while ((listener = hm_facts_next_listener(facts, need->requirement->protocol, ports,
                                              &cursor)) != NULL) {
        if (listener->family != family && is_of_one_address(listener->address) &&
            has_it(facts, need, listener->program, listener->service, &listener->hosted, false)) {
            return true;
        }
    }
    return false;
}

/* A shared process may well be the owner, and sockets of the kernel never have a name. A product
 * that runs has its ports, as far as anybody can tell. */
static bool is_nameless(const struct hm_facts *facts, const struct hm_need *need,
                        const struct hm_holder *holder)
{
    return (hm_str_equal(holder->program, "") ||
            hides_unit(facts, holder->program, holder->service)) &&
           need->requirement->kind != HM_KIND_KERNEL && hm_need_runs(facts, need) != HM_RUNS_YES;
}

/* What a process on a required port does to the need. */
enum effect { EFFECT_NONE, EFFECT_UNCLEAR, EFFECT_LINGERS, EFFECT_BLOCKS };
#define EFFECTS 4

/* Linux: what a connection that its program has closed does to a server that starts. */
static enum effect linger(const struct hm_facts *facts, struct hm_need *need, enum hm_family family,
                          const struct hm_holder *holder)
{
    const struct hm_stack_facts *stack = hm_facts_stack(facts, need->requirement->protocol, family);

    if (owner_has(facts, need, holder->port, NULL, true)) {
        return EFFECT_NONE;
    }
    if (!stack->has_dynamic) {
        return EFFECT_NONE; /* unknown by that alone */
    }
    if (hm_need_was_clients(facts, need, family, holder)) {
        return EFFECT_BLOCKS;
    }
    need->lingers = true;
    if (!hm_range_contains(stack->dynamic, holder->port) &&
        (hm_need_runs(facts, need) == HM_RUNS_YES ||
         (hm_need_runs(facts, need) == HM_RUNS_UNKNOWN &&
          !hm_need_may_be_clients(facts, need, family, holder)))) {
        return EFFECT_NONE;
    }
    if (!need->may_linger) {
        need->may_linger = true;
        need->lingering = *holder;
    }
    return EFFECT_LINGERS;
}

/* A connection on a port where the owner listens is one that it accepted (and may have handed
 * to a child of another name); a second listener beside it took another address. */
static enum effect effect_of(const struct hm_facts *facts, struct hm_need *need,
                             enum hm_family family, const struct hm_holder *holder)
{
    const bool listens = holder->state == HM_SOCKET_LISTEN;
    const bool lacks_it = listens && is_of_one_address(holder->address) &&
                          hm_need_names_addresses(need, family, holder->port);
    const char *service = hm_need_speaker(need, holder->service, &holder->hosted);
    enum hm_owner owner = hm_need_owner(facts, need, holder->program, service, holder->state);
    const struct hm_event_count *lost = owner == HM_OWNER_FOREIGN && !need->published
                                            ? hm_need_lost_to(facts, need, family, holder)
                                            : NULL;

    if (owner == HM_OWNER_SELF) {
        return EFFECT_NONE;
    }
    if (facts->linux_host && hm_socket_state_lingers(holder->state)) {
        return linger(facts, need, family, holder);
    }
    if (lost != NULL && hm_event_names_address(lost)) {
        need->lost = lost;
        return EFFECT_BLOCKS;
    }
    if (listens && owner == HM_OWNER_FOREIGN &&
        hm_need_shares_address(facts, need, family, holder)) {
        return EFFECT_UNCLEAR;
    }
    if (!lacks_it && (owner_has(facts, need, holder->port, listens ? &family : NULL, !listens) ||
                      (listens && is_apart(facts, need, family, holder)))) {
        return EFFECT_NONE;
    }
    if (owner == HM_OWNER_UNREAD) {
        need->unread_owner = true;
        need->nameless_owner = need->nameless_owner || is_nameless(facts, need, holder);
        need->unread_unit =
            need->unread_unit || hides_unit(facts, holder->program, holder->service);
        return EFFECT_NONE;
    }
    if (lost != NULL) {
        need->lost = lost;
    } else if (listens && owner == HM_OWNER_FOREIGN &&
               !hm_need_is_kin(facts, need, holder->program, service, holder->state)) {
        if (hm_need_moved(facts, need, family, holder) != HM_MOVED_NO) {
            need->may_have_moved = true; /* one that surely was has other ports (hm_needs_move) */
            return EFFECT_UNCLEAR;
        }
    }
    if (!hm_need_is_unclear(facts, need, family, holder)) {
        return EFFECT_BLOCKS;
    }
    if (hm_need_is_kin(facts, need, holder->program, service, holder->state)) {
        (void)hm_need_rival(facts, need, holder->program, service, &need->rival_of);
    }
    return EFFECT_UNCLEAR;
}

/* Ports of one effect. */
struct held {
    struct hm_range *ranges;
    size_t count;
    size_t cap;
    struct hm_holder holder;
};

static bool put_held(struct held *held, const struct hm_holder *holder, struct hm_arena *arena)
{
    if (held->count > 0 && held->ranges[held->count - 1].first == holder->port) {
        return true;
    }
    if (hm_arena_grow(arena, (void **)&held->ranges, held->count, &held->cap,
                      sizeof(*held->ranges)) != 0) {
        return false;
    }
    if (held->count == 0) {
        held->holder = *holder;
    }
    held->ranges[held->count++] = (struct hm_range){holder->port, holder->port};
    return true;
}

/* by_effect: one struct held for each enum effect. */
static bool put_holder(const struct hm_facts *facts, struct hm_need *need, enum hm_family family,
                       const struct hm_holder *holder, struct held *by_effect,
                       struct hm_arena *arena)
{
    enum effect effect = hm_need_is_elsewhere(need, family, holder)
                             ? EFFECT_NONE
                             : effect_of(facts, need, family, holder);

    return effect == EFFECT_NONE || put_held(&by_effect[effect], holder, arena);
}

static bool held_by_sockets(const struct hm_facts *facts, struct hm_need *need,
                            enum hm_family family, bool after_boot, struct held *by_effect,
                            struct hm_arena *arena)
{
    const struct hm_requirement *requirement = need->requirement;
    struct hm_port_cursor cursor = {0, 0, 0};
    const struct hm_socket *socket;
    bool ok = true;

    while (ok && (socket = hm_facts_next_socket(facts, requirement->protocol, requirement->ports,
                                                &cursor)) != NULL) {
        const struct hm_holder holder = hm_holder_of_socket(socket);

        if (socket->family == family && !(after_boot && hm_facts_ends_with_boot(facts, socket))) {
            ok = put_holder(facts, need, family, &holder, by_effect, arena);
        }
    }
    return ok;
}

static bool held_by_listeners(const struct hm_facts *facts, struct hm_need *need,
                              enum hm_family family, struct held *by_effect, struct hm_arena *arena)
{
    const struct hm_requirement *requirement = need->requirement;
    struct hm_port_cursor cursor = {0, 0, 0};
    const struct hm_listener *listener;
    bool ok = true;

    while (ok && (listener = hm_facts_next_listener(facts, requirement->protocol,
                                                    requirement->ports, &cursor)) != NULL) {
        const struct hm_holder holder = hm_holder_of_listener(listener);

        if (listener->family == family) {
            ok = put_holder(facts, need, family, &holder, by_effect, arena);
        }
    }
    return ok;
}

/* What the inventory lists beside the sockets: the listeners of a host whose sockets are not
 * known. With sockets it knows no more, and not which of them a boot ends. */
static bool asks_listeners(const struct hm_facts *facts, bool after_boot)
{
    return !after_boot || facts->input->sockets == NULL;
}

enum hm_status hm_need_held(const struct hm_facts *facts, struct hm_need *need,
                            enum hm_family family, bool after_boot, struct hm_arena *arena,
                            struct hm_need_held *out_held, struct hm_err *err)
{
    struct held by_effect[EFFECTS] = {{0}};
    const struct held *blocks = &by_effect[EFFECT_BLOCKS];
    const struct held *unclear = &by_effect[EFFECT_UNCLEAR];
    const struct held *lingers = &by_effect[EFFECT_LINGERS];
    struct hm_need_held held = {.holder = {0}};
    enum hm_status st;

    *out_held = held;
    if (need->quiet ||
        (need->product == NULL && !need->remembered && !need->published && !need->configured) ||
        need->requirement->kind == HM_KIND_SHARED) {
        return HM_OK; /* what is observed is there; shared ports have many owners */
    }
    if (!held_by_sockets(facts, need, family, after_boot, by_effect, arena) ||
        (blocks->count + unclear->count == 0 && asks_listeners(facts, after_boot) &&
         !held_by_listeners(facts, need, family, by_effect, arena))) {
        return hm_fail(err, HM_ENOMEM, "no memory for the holders of required ports");
    }
    held.holder = blocks->holder;
    held.unclear_holder = unclear->holder;
    st = hm_ports_from_ranges(blocks->ranges, blocks->count, arena, &held.ports, err);
    if (st == HM_OK) {
        st = hm_ports_from_ranges(unclear->ranges, unclear->count, arena, &held.unclear, err);
    }
    if (st == HM_OK) {
        st = hm_ports_from_ranges(lingers->ranges, lingers->count, arena, &held.lingering, err);
    }
    if (st == HM_OK) {
        *out_held = held;
    }
    return st;
}
