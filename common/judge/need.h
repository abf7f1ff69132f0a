/* common/judge/need.h — a requirement that counts on one host, and how each of its stacks fares.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Private to judging: verdicts are its outcome, finding kinds look at the parts. */
#pragma once

#include "common/base/limits.h"
#include "common/judge/facts.h"

/* One family of a need. */
struct hm_need_stack {
    bool judged; /* the product binds in this family and the host has it */
    enum hm_verdict_state state;
    enum hm_verdict_reason reason;
    struct hm_ports at_risk; /* what makes the state, and what is unknown beside it */
    struct hm_ports unsure;  /* of at_risk: in a runtime exclusion that may be the product's own */
    bool unprotected; /* safe while its component has the ports: they lie in the dynamic range */
    struct hm_ports exposed; /* of at_risk: anybody may be given them */
    bool has_holder;
    struct hm_holder holder;
    struct hm_ports unclear; /* ports on which an unknown program listens beside the product */
    struct hm_holder unclear_holder; /* of the first of them */
};

/* Why nothing shows the port of a server that administrators may have moved. */
enum hm_unset_why {
    HM_UNSET_DOWN,   /* it is down, and was never seen with a port */
    HM_UNSET_SILENT, /* it is said to run, and the complete list of sockets has none of it */
    HM_UNSET_STATE,  /* nobody knows whether it runs */
    HM_UNSET_STRAY,  /* it runs, and may have been moved to a port inside the dynamic range */
    HM_UNSET_BESIDE, /* it was stopped, and HTTP.sys has the usual port */
};

struct hm_unset {
    const char *service; /* NULL: nothing is in doubt */
    enum hm_unset_why why;
    bool beside;   /* another instance is there beside it */
    uint16_t port; /* of HM_UNSET_STRAY: where it listens */
};

/* Rows of the inventory, which owns them. */
struct hm_need_settings {
    const struct hm_configured **at;
    size_t count;
};

struct hm_need {
    const struct hm_product *product;         /* NULL for an observed one */
    const struct hm_requirement *requirement; /* made up for an observed one */
    enum hm_families families;                /* where it binds */
    struct hm_need_settings settings;         /* its own: on which addresses it binds a port; a
                                                 port that none of them names: on any */
    bool quiet;                               /* nobody has any of its ports now */
    bool unread_owner;                        /* something has a port and does not say who it is */
    bool remembered;                          /* of the port book only: it does not listen now */
    bool only_blocked;                        /* counts while it is blocked: its service is down */
    bool only_at_risk;                        /* likewise, and while anything may take its ports */
    bool nameless_owner;                      /* and nothing at all speaks for the product */
    bool lingers;                             /* a closed connection has a port: it blocks a server
                                                 that does not set SO_REUSEADDR */
    bool may_linger;                          /* likewise, and it may be a client's, which blocks
                                                 every server */
    struct hm_holder lingering;               /* with may_linger: the first such connection */
    bool unread_unit;                         /* a socket unit has a port; not known which */
    const struct hm_service *rival_of;        /* down; a part of its product may have its port */
    bool may_have_moved;                      /* its product runs on another port, and another
                                                 program has this one */
    bool published;                           /* by a container whose endpoint is listed */
    bool configured;                          /* a binding of IIS on the host names its port */
    bool permission;                          /* a URL reservation or an SSL binding names it */
    bool unsure;                              /* and nobody knows that its services are the ones */
    bool awaits_boot;                         /* what is written for the next boot changes it */
    bool unread_port;                         /* nobody knows its port (port_unread) */
    struct hm_unset unset;                    /* nothing says which port it is set to */
    const char *clash;                        /* another instance that is set up for the same port,
                                                 so that this one may not get it; NULL none */
    const struct hm_service *unexplained;     /* down by the error of a bind; nothing shows why */
    const struct hm_event_count *lost;        /* its product runs, did not get a port, and another
                                                 program has it */
    const struct hm_event_count *unserved;    /* its product did not get a port, and is not there */
    const char *missed_on;                    /* of unserved: the address of the event, "" none */
    const char *served_on;                    /* of unserved: where the product is, "" nowhere */
    struct hm_need_stack stacks[2];           /* by enum hm_family */
    struct hm_need_stack next[2];             /* after the next boot; judged where that differs */
    struct hm_verdict verdict;
    const char *text; /* as verdict.text, without what changes from minute to minute */
};

struct hm_needs {
    struct hm_need *at;
    size_t count;
    size_t unjudged; /* observed listeners over HM_NEEDS_OBSERVED_MAX */
    size_t cut;      /* instances over HM_LIMIT_INSTANCES */
    struct hm_observed_list observed;
};

#define HM_NEEDS_OBSERVED_MAX                                                                      \
    HM_LIMIT_OBSERVED /* an inventory may name 8192 listeners: a cut that is told */

/* Needs in the making: what hm_needs_list and hm_needs_observe share. */
struct hm_need_list {
    struct hm_needs needs;
    size_t cap;
    size_t observed; /* of them, at the end */
    struct hm_arena *arena;
    struct hm_err *err;
};

/* A zeroed need at the end of the list; NULL = no memory. */
struct hm_need *hm_need_put(struct hm_need_list *list);

/* Adds the observed needs: listeners inside the dynamic range, and ports of the port book, that no
 * requirement of the catalogue covers and that their programs had in several boots. The other
 * listeners there become list->needs.observed. */
enum hm_status hm_needs_observe(struct hm_facts *facts, struct hm_need_list *list) HM_MUST_CHECK;

/* Adds the needs of what HTTP.sys and containers are set up to serve, and of what reserves a port
 * inside an administered exclusion, as far as the catalogue does not cover them. Before
 * hm_needs_observe. */
enum hm_status hm_needs_configure(struct hm_facts *facts, struct hm_need_list *list) HM_MUST_CHECK;

/* Linux: is the port of this listener, inside the dynamic range, surely one that somebody chose? */
bool hm_need_is_fixed(const struct hm_facts *facts, const struct hm_listener *listener);

/* In how many boots must the port book have seen a port of the dynamic range with one program to
 * know that it was chosen? Of a small range a program may be given the same port several times. */
uint32_t hm_need_boots_of_fixed(const struct hm_facts *facts, enum hm_protocol protocol,
                                enum hm_family family);

/* Is it known that something starts which serves this port? */
bool hm_configured_starts(const struct hm_facts *facts, const struct hm_configured *row);

/* Does a socket unit that a boot starts listen for one of these ports? */
bool hm_configured_has_socket_unit(const struct hm_facts *facts, enum hm_protocol protocol,
                                   struct hm_ports ports);

/* Does an administrator choose the ports that the product has through HTTP.sys? Then the catalogue
 * knows the default alone. The bindings of IIS say all of its ports. */
bool hm_product_has_chosen_urls(const struct hm_product *product);

/* The first port of these that a container publishes; NULL none. */
const struct hm_configured *hm_configured_container(const struct hm_facts *facts,
                                                    enum hm_protocol protocol,
                                                    struct hm_ports ports);

/* Is it a binding of IIS? */
bool hm_configured_is_binding(const struct hm_configured *row);

/* Does an administered exclusion cover the port, in any family? */
bool hm_facts_is_excluded(const struct hm_facts *facts, enum hm_protocol protocol, uint16_t port);

/* Adds the ports of an optional requirement that is not judged to needs->observed. */
enum hm_status hm_needs_put_optional(struct hm_needs *needs, const struct hm_need *need,
                                     struct hm_arena *arena, struct hm_err *err) HM_MUST_CHECK;

/* Fills facts->present: products whose service, or a program of theirs that is no companion of
 * another product, shows on the host. */
enum hm_status hm_needs_find_products(struct hm_facts *facts, struct hm_arena *arena,
                                      struct hm_err *err) HM_MUST_CHECK;

/* Replaces products of facts->present by copies with the requirements of this host, where its
 * version of the system has not all of them (version_min, version_max), or their ports are those of
 * a host, by its settings or by the number of a service (port_from, numbered): a requirement for
 * each instance. *out_cut: instances over HM_LIMIT_INSTANCES. */
enum hm_status hm_needs_find_instances(struct hm_facts *facts, struct hm_arena *arena,
                                       size_t *out_cut, struct hm_err *err) HM_MUST_CHECK;

/* Likewise where a server runs that must have a port, does not have its usual one, and listens
 * inside the dynamic range: port_unread of its requirement says so. After hm_needs_find_instances.
 */
enum hm_status hm_needs_find_strays(struct hm_facts *facts, struct hm_arena *arena,
                                    struct hm_err *err) HM_MUST_CHECK;

/* Gives the requirement the ports that the host's settings say: those of the service, ""
 * those that name none. */
enum hm_status hm_need_choose_ports(const struct hm_facts *facts, const struct hm_product *product,
                                    const char *service, struct hm_requirement *inout,
                                    struct hm_arena *arena, struct hm_err *err) HM_MUST_CHECK;

/* The number of a service made the ports; where the service runs and listens elsewhere, its
 * listeners give the requirement its ports, or inout->port_unread says what is not known. */
enum hm_status hm_need_observe_instance(const struct hm_facts *facts,
                                        const struct hm_product *product, const char *service,
                                        struct hm_requirement *inout, struct hm_arena *arena,
                                        struct hm_err *err) HM_MUST_CHECK;

/* Is it a service, whose state is known, with a setting that says its port and was not gathered? */
bool hm_need_is_unread(const struct hm_facts *facts, const struct hm_requirement *row,
                       const char *service);

/* Of such a service: its listeners give the requirement its ports where it surely chose them, or
 * leave those of the catalogue; otherwise inout->port_unread says what is not known. why: a clause,
 * which setting was not read; NULL: one of the registry. */
enum hm_status hm_need_guess_ports(const struct hm_facts *facts, const struct hm_product *product,
                                   const char *service, const char *why,
                                   struct hm_requirement *inout, struct hm_arena *arena,
                                   struct hm_err *err) HM_MUST_CHECK;

struct hm_line;

/* Of an instance with a fixed port on all addresses: another one of this host that its settings
 * give the same; other: only this one counts, NULL any. NULL when there is none. */
const char *hm_need_clash(const struct hm_facts *facts, const struct hm_need *need,
                          const char *other);

/* Fills need->settings with the settings for its ports that are its own. */
typedef bool hm_need_is_own_row(const struct hm_facts *facts, const void *of,
                                const struct hm_configured *row);
enum hm_status hm_need_take_addresses(const struct hm_facts *facts, struct hm_need *need,
                                      hm_need_is_own_row *is_own, const void *of,
                                      struct hm_arena *arena, struct hm_err *err) HM_MUST_CHECK;

/* Likewise of all instances of SQL Server. */
enum hm_status hm_needs_find_addresses(const struct hm_facts *facts, struct hm_needs *needs,
                                       struct hm_arena *arena, struct hm_err *err) HM_MUST_CHECK;

/* Do its settings for this port name single addresses of the family, so that others are free? */
bool hm_need_names_addresses(const struct hm_need *need, enum hm_family family, uint16_t port);

/* The ports that it binds in the family: not those whose settings name the other one alone. */
enum hm_status hm_need_ports_in(const struct hm_need *need, enum hm_family family,
                                struct hm_arena *arena, struct hm_ports *out_ports,
                                struct hm_err *err) HM_MUST_CHECK;

/* Does the need speak for all addresses of this setting? */
bool hm_need_covers(const struct hm_need *need, const struct hm_configured *row);

/* Is the holder of a port on another address than those on which the need binds, so that both have
 * it? */
bool hm_need_is_elsewhere(const struct hm_need *need, enum hm_family family,
                          const struct hm_holder *holder);

/* The service of a product whose port administrators move (set_in), where the usual port is safe,
 * and nobody has seen or read which one it is set to: one that starts by itself and does not run,
 * or may not run, one that runs and has no socket, or one that may have been moved into the dynamic
 * range. Also a web server that was stopped beside web sites of HTTP.sys on the usual port. */
struct hm_unset hm_need_unset(const struct hm_facts *facts, const struct hm_need *need);

/* Likewise an instance beside another one: it runs, has none of the need's ports and none that
 * somebody surely chose, and listens inside the dynamic range. Once hm_needs_find_strays has looked
 * at the product as a whole. */
bool hm_need_find_stray(const struct hm_facts *facts, const struct hm_need *need,
                        struct hm_unset *out);

/* Goes on after the port: says so. */
void hm_need_put_unset(const struct hm_need *need, struct hm_line *line);

/* Goes on after the ports, if there are any (has_ports): why nobody knows the port of the next
 * start, where a value is no port or was not gathered, or who gets it. */
void hm_need_put_unknown_port(const struct hm_need *need, bool has_ports, struct hm_line *line);

/* The catalogue's requirements of this host, in the catalogue's order, then the observed ones.
 * Fills facts->present and facts->required. */
enum hm_status hm_needs_list(struct hm_facts *facts, struct hm_arena *arena,
                             struct hm_needs *out_needs, struct hm_err *err) HM_MUST_CHECK;

/* Whose is a listener or socket with these names on one of the need's ports? A rival of a service
 * that is down is foreign. */
enum hm_owner { HM_OWNER_SELF, HM_OWNER_FOREIGN, HM_OWNER_UNREAD };
enum hm_owner hm_need_owner(const struct hm_facts *facts, const struct hm_need *need,
                            const char *program, const char *service, enum hm_socket_state state);

/* Is this a service of the need, of its product or of a companion, by the names of the catalogue?
 */
bool hm_need_has_service(const struct hm_need *need, const char *service);

/* The service whose name speaks for this process on the need's ports: the one that is told, ""
 * none. Of several that the process hosts the one that is the need's; where none is, any of them,
 * as none of them has to do with the need. Borrowed. */
const char *hm_need_speaker(const struct hm_need *need, const char *service,
                            const struct hm_strings *hosted);

/* Whose is this holder of one of the need's ports, and whose is this listener? */
enum hm_owner hm_need_owner_of(const struct hm_facts *facts, const struct hm_need *need,
                               const struct hm_holder *holder);
enum hm_owner hm_need_owner_of_listener(const struct hm_facts *facts, const struct hm_need *need,
                                        const struct hm_listener *listener);

/* One of Windows' own RPC servers: its port in the dynamic range is given, not required. */
bool hm_need_is_rpc_program(const char *program);

/* The names that are the need's own: those of its requirement, or else of its product. */
const struct hm_detect *hm_need_names(const struct hm_need *need);

/* Is it a URL reservation or an SSL binding, which is a service's as far as its path, its product
 * or its error says? Its detection names one service or several. */
bool hm_need_is_permission(const struct hm_need *need);

/* Does a process of this program host several services, so that its name alone says nothing? */
bool hm_need_is_shared_host(const char *program);

/* Windows: is it a program of the system itself, which is nobody's companion? */
bool hm_need_is_system_program(const char *program);

/* Linux: does this program listen for services until their first client comes (systemd.socket(5),
 * inetd)? */
bool hm_need_is_activator(const struct hm_facts *facts, const char *program);

/* The unit for which an activator with this service listens, without ".service" and ".socket"; ""
 * when that is not known. Valid as long as service and out. */
#define HM_NEED_UNIT_BYTES (HM_LIMIT_NAME_BYTES + 1)
const char *hm_need_unit(const char *program, const char *service, char out[HM_NEED_UNIT_BYTES]);

/* As hm_need_owner, by the companions of requirement and product alone. A shared program counts
 * while it carries no service and the need's own service is not known to be down; where another
 * product of the host brings a copy for the same port, HM_OWNER_UNREAD. */
enum hm_owner hm_need_companion(const struct hm_facts *facts, const struct hm_need *need,
                                const char *program, const char *service,
                                enum hm_socket_state state);

/* Of a companion (hm_need_companion): is it one that the need's own service does not run, as far as
 * its names say it? Another service runs it that the catalogue does not name as a companion, or
 * names for another product of the host, too; or it has the port of an instance and no service runs
 * it, so that it was left over. While the need's service is down, such a process is not its own. */
bool hm_need_is_run_by_other(const struct hm_facts *facts, const struct hm_need *need,
                             const char *program, const char *service);

/* Is this a shared program of the need that carries no service, as a child of its wrapper? */
bool hm_need_has_copy(const struct hm_need *need, const char *program, const char *service);

/* Does the need's own service or program run? Sockets show it, and the list of services. */
enum hm_runs { HM_RUNS_UNKNOWN, HM_RUNS_YES, HM_RUNS_NO };
enum hm_runs hm_need_runs(const struct hm_facts *facts, const struct hm_need *need);

/* The next of the need's own services that is known not to run, although it starts without a person
 * or a start of it has failed; *at begins with 0; NULL at the end. Not one that a failover cluster
 * starts: it may run on another node. must_run: nor one that an event starts, which may stop by
 * itself. */
const struct hm_service *hm_need_next_down(const struct hm_facts *facts, const struct hm_need *need,
                                           bool must_run, size_t *at);

/* Does the catalogue know the name of the service, as that of a product, of a part or of a
 * companion? */
bool hm_need_is_claimed(const struct hm_catalogue *catalogue, const char *service);

/* Is it a service of the need by its name, or has it a name that the catalogue does not know at
 * all, and a program of the need? Administrators give instances any name. */
bool hm_need_is_instance(const struct hm_facts *facts, const struct hm_need *need,
                         const char *program, const char *service);

/* The next such service that starts by itself and is known not to run; as hm_need_next_down. */
const struct hm_service *hm_need_next_down_instance(const struct hm_facts *facts,
                                                    const struct hm_need *need, size_t *at);

/* Is it an optional port that the service, which is down, was never seen on, and did it not end
 * with the error of a port? Then nobody knows whether it uses it. */
bool hm_need_may_do_without(const struct hm_facts *facts, const struct hm_need *need);

/* As hm_need_owner says HM_OWNER_SELF, but by the names alone: of the need's service that is down,
 * or of another part of its product. */
bool hm_need_is_kin(const struct hm_facts *facts, const struct hm_need *need, const char *program,
                    const char *service, enum hm_socket_state state);

/* Does a process of the product keep the port from a service of the need that is down? *out_down:
 * that service, NULL with HM_RIVAL_NO. The names have to be the product's (hm_need_is_kin). */
enum hm_rival { HM_RIVAL_NO, HM_RIVAL_MAYBE, HM_RIVAL_YES };
enum hm_rival hm_need_rival(const struct hm_facts *facts, const struct hm_need *need,
                            const char *program, const char *service,
                            const struct hm_service **out_down);

/* Appends who a holder is and what it does with the port: "other.exe, which has bound it". */
struct hm_line;
void hm_need_put_holder(struct hm_line *line, const struct hm_holder *holder);

/* Linux: was a connection that its program has closed (hm_socket_state_lingers) surely one of a
 * client on this host? Then it blocks every server from its port. Of others nobody can tell. */
bool hm_need_was_clients(const struct hm_facts *facts, const struct hm_need *need,
                         enum hm_family family, const struct hm_holder *holder);
/* Outside the dynamic range: may it have been a client's all the same, as the other end has a port
 * that this range gives to no client (the range was another one then, or its program chose)? */
bool hm_need_may_be_clients(const struct hm_facts *facts, const struct hm_need *need,
                            enum hm_family family, const struct hm_holder *holder);

/* Goes on after the port: a closed connection may block a start, and how long (need->may_linger).
 */
void hm_need_put_lingering(const struct hm_need *need, struct hm_line *line);

/* The same as a sentence beside what the verdict is about. */
void hm_need_note_lingering(const struct hm_need *need, struct hm_line *line);

/* Does this program take ports on behalf of listeners of the kind (HTTP.sys, docker-proxy)? */
bool hm_need_stands_in(enum hm_listener_kind kind, const char *program);

/* Does an unknown program listen on a port while the need's own service or program runs? Then it
 * may be a part of the product. Or does another part of the product, while it is not known whether
 * the service that is down needs the same port? Programs of other products and of the system are
 * not unknown; nor is a UDP socket without a service in the dynamic range: that is a client's. */
bool hm_need_is_unclear(const struct hm_facts *facts, const struct hm_need *need,
                        enum hm_family family, const struct hm_holder *holder);

/* Linux: does the owner listen on an address of this listener, too? Only SO_REUSEPORT lets two do
 * that, and the kernel shares the clients out among them. */
bool hm_need_shares_address(const struct hm_facts *facts, const struct hm_need *need,
                            enum hm_family family, const struct hm_holder *holder);

/* Does the product serve another port instead of this one, so that the holder of this one hinders
 * nobody? Surely only where the product has none of its usual ports and serves another one outside
 * of loopback, and the holder is a proxy that is made for it, or the port book knows the product in
 * several boots on the other one alone. Maybe where it listens on others, and
 * something of that is missing, another service of it may need the port, or it had the port before.
 * Not while a service of it is down, nor for a port that anybody may be given or that the host's
 * settings say. */
enum hm_moved { HM_MOVED_NO, HM_MOVED_MAYBE, HM_MOVED_YES };
enum hm_moved hm_need_moved(const struct hm_facts *facts, const struct hm_need *need,
                            enum hm_family family, const struct hm_holder *holder);

/* Gives the needs of servers that surely were moved the ports where they listen. After
 * hm_needs_configure, before hm_needs_observe. */
enum hm_status hm_needs_move(struct hm_facts *facts, struct hm_need_list *list) HM_MUST_CHECK;

/* Does the product serve a requirement that may be used instead of this one? Then nobody knows
 * whether it is set up for this one, too. */
bool hm_need_may_be_replaced(const struct hm_facts *facts, const struct hm_need *need);

/* The event since the boot by which the need's product, which runs, did not get the port that this
 * listener has: then it is no part of the product. NULL when there is none, or the product is seen
 * where the event says. */
const struct hm_event_count *hm_need_lost_to(const struct hm_facts *facts,
                                             const struct hm_need *need, enum hm_family family,
                                             const struct hm_holder *holder);

/* Does it name the address? Then the product may serve the port on others. */
bool hm_event_names_address(const struct hm_event_count *event);

/* Adds the clause that says so, for people: what the event says, and where the product is not. */
struct hm_line;
void hm_need_put_lost(const struct hm_event_count *event, struct hm_line *line);

/* Is the port chosen on this host, and is its service a part of Windows? Then programs that are not
 * are no part of it. */
bool hm_need_has_no_parts(const struct hm_facts *facts, const struct hm_need *need);

/* Foreign processes that have the need's ports in one family now; after_boot: only those that will
 * have them again after a boot. */
struct hm_need_held {
    struct hm_ports ports;
    struct hm_holder holder; /* of the first of ports */
    struct hm_ports unclear; /* likewise, of those that may be a part of the product */
    struct hm_holder unclear_holder;
    struct hm_ports lingering; /* likewise, of closed connections that may block a start */
};
enum hm_status hm_need_held(const struct hm_facts *facts, struct hm_need *need,
                            enum hm_family family, bool after_boot, struct hm_arena *arena,
                            struct hm_need_held *out_held, struct hm_err *err) HM_MUST_CHECK;

/* Is the need at risk now and safe after the next boot, as what protects it is written already?
 * Then nothing is to be done but to let that boot happen. Not where the port is out of reach now,
 * and only a program that got it before has it still: to restart that one is enough. */
bool hm_need_is_cured_by_boot(const struct hm_need *need);

/* Decides the stacks and the verdict of the need, without its text. */
enum hm_status hm_need_weigh(const struct hm_facts *facts, struct hm_need *need,
                             struct hm_arena *arena, struct hm_err *err) HM_MUST_CHECK;

/* One stack after the other, now or after the next boot; out_stacks is all zero before. After
 * hm_need_weigh has found the kind of the listener. */
enum hm_status hm_need_weigh_stacks(const struct hm_facts *facts, struct hm_need *need,
                                    bool after_boot, struct hm_need_stack out_stacks[2],
                                    struct hm_arena *arena, struct hm_err *err) HM_MUST_CHECK;

/* Fills need->next and verdict.after_boot: what is written is in force then, and who was given a
 * port has it no more. A part of hm_need_weigh. */
enum hm_status hm_need_weigh_next(const struct hm_facts *facts, struct hm_need *need,
                                  struct hm_arena *arena, struct hm_err *err) HM_MUST_CHECK;

/* Fills the odds of an exposed verdict: that at least one of the ports that may be given to anybody
 * is taken at the next start, in at least one family. For reserve_only those of one port. They are
 * unknown without sockets and sample; odds_at_least where then blocks or the DNS Server's pool are
 * known, and where blocks fill more than half of the range. A part of hm_need_weigh. */
enum hm_status hm_need_weigh_odds(const struct hm_facts *facts, struct hm_need *need,
                                  struct hm_arena *arena, struct hm_err *err) HM_MUST_CHECK;

/* A service of weighed needs ended with the error of a bind, and none of its ports is at risk now:
 * what kept it from its port is not seen, or it needs another one. Then its requirements that were
 * safe are unknown. So are those whose product runs, says since the boot that it did not get the
 * port, and is not seen there. */
enum hm_status hm_needs_doubt(const struct hm_facts *facts, struct hm_needs *needs,
                              struct hm_arena *arena, struct hm_err *err) HM_MUST_CHECK;

/* The sentence for people. */
enum hm_status hm_need_write(const struct hm_facts *facts, struct hm_need *need,
                             struct hm_arena *arena, struct hm_err *err) HM_MUST_CHECK;

/* Is the service of the port book's entry known to be down, although it starts by itself? */
bool hm_entry_is_down(const struct hm_inventory *inventory, const struct hm_port_entry *entry);

/* Linux: a process of no unit that has the program's name (python3, java) and the port of a service
 * that is known to be down: it is not the service. */
bool hm_need_is_squatter(const struct hm_facts *facts, const struct hm_port_entry *entry,
                         const struct hm_listener *listener);
bool hm_need_is_squatted(const struct hm_facts *facts, const struct hm_listener *listener);

/* Has somebody a port of it who may be its owner or not? Then nobody says that nothing took it. */
bool hm_need_is_in_use(const struct hm_need *need);
