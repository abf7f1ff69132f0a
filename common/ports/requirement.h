/* common/ports/requirement.h — the catalogue: products, and the ports that each must get.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Plain records, decoded from schema/catalogue/products, one JSON file a product. A host shows
 * what it runs; that outranks what the catalogue says. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/ports/inventory.h"

enum hm_confidence { HM_CONF_DOCUMENTED, HM_CONF_REPORTED, HM_CONF_SINGLE, HM_CONF_INFERRED };
extern const char *const hm_confidence_names[4]; /* "documented","reported","single","inferred" */

enum hm_safe_to_exclude { HM_EXCLUDE_YES, HM_EXCLUDE_NO, HM_EXCLUDE_WHEN_STOPPED };
extern const char *const hm_safe_to_exclude_names[3]; /* "yes", "no", "when_stopped" */

/* Linux keeps 15 characters of a process's name (proc(5), comm), and ss and the agent see no more:
 * "kube-controller" of kube-controller-manager. false: the program's name is not so long, or it is
 * a pattern. */
#define HM_COMM_BYTES 16u
bool hm_program_cut(const char *pattern, char out[HM_COMM_BYTES]);

/* A host has the thing when any one of these is true. Names fold ASCII case; '*' and '?' match
 * as in file names ("QuickBooksDB*"). always is for an administrator's own local products. */
struct hm_detect {
    struct hm_strings services; /* in inventory.services, or service of a listener */
    struct hm_strings programs; /* program of any listener; hm_judge: or socket */
    bool always;
};

/* Programs and services that are a part of a product and own its ports, but by which nobody can
 * recognise it: port mappers, web servers and databases that it brings, and the children of its
 * service wrapper. A program alone never makes a host one that has the product. */
struct hm_companions {
    struct hm_strings services;        /* "semwebsrv" */
    struct hm_strings programs;        /* whoever starts them, they serve the product: "epmd.exe" */
    struct hm_strings shared_programs; /* of which many products bring a copy: "java.exe". One with
                                          the service of another product is not the product's */
};

/* Programs that one service of a product starts and that end with it, so that a stop of the service
 * frees what they hold: "EdgeTransport.exe" of MSExchangeTransport. Only what is certain: not a
 * port mapper that stays (epmd.exe), not a program of which others bring a copy. */
struct hm_children {
    const char *service;
    struct hm_strings programs;
};

struct hm_children_list {
    struct hm_children *at;
    size_t count;
};

/* Ports that the number of an instance makes. At most 100 numbers and HM_LIMIT_NUMBERED_PORTS ports
 * for each, so that the ports of a rule are a bounded set. */
struct hm_numbered {
    const char *service; /* "SAP???_##": a pattern; the two digits at its end are the number */
    const char *ports;   /* "5##13": a port list; the number stands in place of each ## */
};

struct hm_requirement {
    const char *id;    /* unique in the product: "pop3-back-end" */
    const char *title; /* "POP3 back end" */
    enum hm_protocol protocol;
    enum hm_families families; /* where the product binds; default both */
    struct hm_ports ports;     /* with port_from: the default; empty: none */
    bool has_port_from;
    enum hm_configured_by port_from; /* an administrator may choose other ports: rows of
                                        inventory.configured with this source have them. While a
                                        host shows none, its own listeners speak */
    bool has_numbered;
    struct hm_numbered numbered; /* ports is empty then: each service of a host that fits is an
                                    instance with ports of its own */
    bool of_instance;            /* of one host, in no document: this is the part of one
                                    instance, which detect names */
    const char *ports_by;        /* of one host, in no document: how its ports are known, where
                                    they are not those of the catalogue; NULL: they are */
    const char *port_doubt;      /* likewise: the value of the host that is no port, so that
                                    nobody knows them; NULL: there is none */
    const char *port_unread;     /* likewise: the setting with them was not gathered, and nothing
                                    else shows them; NULL: no such doubt. A clause for people */
    bool port_idle;              /* likewise: with port_unread, its service runs without them and on
                                    other parts: they count unless somebody else has them */
    const char *version_min; /* only on systems of these versions: "6.3" as the highest includes */
    const char *version_max; /* all of 6.3 (hm_os_within); "" no bound */
    enum hm_listener_kind kind;
    struct hm_detect detect; /* empty = wherever the product is; and these names are its own: a
                                holder with one of them is the owner, not a foreign process */
    struct hm_companions companions; /* beside those of the product */
    enum hm_safe_to_exclude safe_to_exclude;
    bool optional;  /* used only in some set-ups: required once its service or listener shows */
    bool when_down; /* optional as it can be configured otherwise: the default of a product that
                       always takes a port. Required while its service is down and nothing shows
                       its ports */
    bool by_iis_bindings;    /* where all bindings of IIS are known, they say whether it counts */
    bool by_ssl_bindings;    /* where the SSL bindings of HTTP.sys are known, they say so */
    const char *alternative; /* id of a requirement that may be used instead; "" none */
    bool reserve_only;       /* nobody must be handed one of the ports, yet one that is taken stops
                                nothing: a pool of which any port will do, or a port of the network */
    bool falls_back;     /* of a port that is taken it uses another one: the service starts all the
                            same, yet firewall rules are for the usual port */
    bool starts_without; /* where it is taken the service starts all the same, and does not serve
                            this part */
    const char
        *set_in;     /* administrators move the port: where it is set, for people; "" they do not */
    bool may_be_off; /* with set_in: it is often switched off, so that a service that runs and does
                        not listen is nothing odd */
    const char *source;
    const char *url;  /* https address of the source that was opened; "" none given */
    const char *seen; /* a public place where a listener or an incident was seen: an address, then
                         what it shows; "" none given */
    enum hm_confidence confidence;
};

struct hm_requirements {
    struct hm_requirement *at;
    size_t count;
};

/* When a set-up has an effect. */
enum hm_effect_when { HM_ON_INSTALL, HM_ON_UPDATE, HM_ON_CONFIGURE, HM_ON_FEATURE };
extern const char *const hm_effect_when_names[4]; /* "install","update","configure","feature" */

enum hm_effect_what {
    HM_RANGE_MOVED,    /* the dynamic range is ports from then on */
    HM_RANGE_RESET,    /* the dynamic range is the system's default again */
    HM_PORTS_TAKEN,    /* sockets hold ports */
    HM_PORTS_RESERVED, /* ports are excluded: for the component alone, or from being handed out */
    HM_POOL_TAKEN      /* so many ports, picked at random out of the dynamic range, are held */
};
#define HM_EFFECT_WHAT_COUNT 5
extern const char *const hm_effect_what_names[HM_EFFECT_WHAT_COUNT]; /* "range_moved", ... */

/* What a set-up, an update or a feature does to ranges and ports of a host, beside the ports that
 * the product requires. It explains what a host shows; no verdict depends on it. */
struct hm_effect {
    const char *id;    /* unique in the product: "range-2010" */
    const char *title; /* who does it, and what: "Exchange set-up sets this range" */
    enum hm_effect_when when;
    enum hm_effect_what what;
    enum hm_protocol protocol;
    enum hm_families families;
    struct hm_ports ports;   /* the new range, the ports; empty: any of the dynamic range */
    uint32_t count;          /* how many ports; 0: not said */
    bool distinctive;        /* no other maker of this range is known: the range alone tells */
    bool keep;               /* the product expects this range: it is better left as it is */
    const char *version_min; /* only on systems of these versions, as in hm_requirement */
    const char *version_max;
    const char *source;
    const char *url;
    const char *seen;
    enum hm_confidence confidence;
    const char *note; /* limits of the source, a well-known way out; "" none */
};

struct hm_effects {
    struct hm_effect *at;
    size_t count;
};

struct hm_product {
    const char *id; /* file name without .json: "exchange-2013-back-end" */
    const char *title;
    const char *vendor;
    struct hm_strings os; /* "windows", "linux"; empty = any */
    struct hm_detect detect;
    struct hm_companions companions; /* own any of its ports */
    struct hm_children_list children;
    struct hm_requirements requirements; /* none: the product has effects only */
    struct hm_effects effects;
    bool in_every_windows; /* its service says nothing: required once a listener shows */
    const char *note;      /* for people: what usually goes wrong; "" none */
    uint32_t version;      /* raised with each change; 0: not numbered (an administrator's own) */
    const char *date;      /* of the last change, "2026-11-29"; "" none */
};

/* The shipped catalogue as a whole: catalogue.json beside the folder of its products. */
struct hm_catalogue_release {
    uint32_t version; /* raised with each day of changes; 0: not numbered */
    const char *date; /* "2026-11-30"; "" none */
    const char *note; /* for people; "" none */
};

struct hm_catalogue {
    struct hm_product *at; /* sorted by id */
    size_t count;
};

/* What a schema cannot say: rules of numbered are well-formed, make ports, and stand alone.
 * HM_EINVAL with the requirement and the reason. */
enum hm_status hm_product_check(const struct hm_product *product, struct hm_err *err) HM_MUST_CHECK;

/* Does the host have what detect names? Unknown services and listeners match nothing. */
bool hm_detect_matches(const struct hm_detect *detect, const struct hm_inventory *inventory);

/* Is this program or service one of detect's own names? */
bool hm_detect_owns(const struct hm_detect *detect, const char *program, const char *service);

/* Is this program or service a companion, whoever started it? Shared programs do not count. */
bool hm_companions_own(const struct hm_companions *companions, const char *program,
                       const char *service);

/* Is this program one of the shared ones? */
bool hm_companions_share(const struct hm_companions *companions, const char *program);
