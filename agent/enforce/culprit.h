/* agent/enforce/culprit.h — whose exclusion a failure is because of.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Private to enforcement, for the dead-man: an innocent policy must not be rolled back. */
#pragma once

#include "agent/enforce/enforce_run.h"
#include "common/judge/judge.h"

/* A port that something could not have. */
struct hm_culprit_port {
    bool has_protocol;
    enum hm_protocol protocol;
    uint16_t port;
    bool is_plain; /* the port book has it as that of a plain socket */
};

/* The port that an event of HTTP.sys names; before HTTP/3 (Server 2022) it has TCP alone. false: it
 * names none. */
bool hm_culprit_port_of(const struct hm_enforce_run *run, const struct hm_event_count *event,
                        struct hm_culprit_port *out_port);

/* Does the policy hold an exclusion of that port: one that it added, or one that another policy
 * added and that it requires, too? Not one that was begun and that the system does not
 * show. */
bool hm_culprit_of_port(const struct hm_enforce_run *run, const struct hm_enforce_row *row,
                        const struct hm_culprit_port *port);

/* Has it one of a port that nobody is known to serve by a plain socket, and that HTTP.sys can have
 * where it is of HTTP.sys? */
bool hm_culprit_of_unknown(struct hm_enforce_run *run, const struct hm_enforce_row *row,
                           bool of_httpsys);

/* May the service have ended with error 32 because of its exclusions? A port of HTTP.sys or QUIC
 * that the port book has of the service says so, or that it is another policy's. Otherwise it is a
 * port that nobody is known to serve; and only where no policy has one, a port of the service that
 * is known as a plain socket's, which no exclusion breaks. Where HTTP.sys names a port in this boot
 * (event 15005), that decides, and the port book keeps that port from being excluded from then on.
 * An address that it had named before the change, too, decides nothing, unless it is named again
 * while this agent excludes its port: others fail in every boot. A service that kept failing when
 * the policy made its change did not fail because of it. Until the event log could be read, in the
 * first ten minutes of a boot at most, only a port of HTTP.sys or QUIC decides. *out_named says
 * whether *out_port is that port. */
bool hm_culprit_of_service(struct hm_enforce_run *run, const struct hm_enforce_row *row,
                           const char *service, bool *out_named, struct hm_culprit_port *out_port);

/* Since the change of a policy that may be off by now: has HTTP.sys named an address that it could
 * not serve, and is it one whose port that very document wants? */
enum hm_named {
    HM_NAMED_NONE, /* or that is not known */
    HM_NAMED_ANOTHER,
    HM_NAMED_ITS_OWN
};
enum hm_named hm_culprit_named(struct hm_enforce_run *run, const struct hm_enforce_row *row);

/* Of this pass: services that failed are remembered until they are seen running. failed says which
 * do; the lists are those of the observation. Without memory nothing is remembered. Rows of an
 * older version get what they lack of the state before their change. */
void hm_culprit_note_failing(struct hm_enforce_run *run, const struct hm_services *const lists[2],
                             bool (*failed)(const struct hm_observation *seen,
                                            const struct hm_service *service));

/* HTTP.sys and the addresses that it could not serve so far in this boot, with their counts. */
enum hm_status hm_culprit_note_errors(struct hm_enforce_run *run,
                                      struct hm_watched_errors *out_errors,
                                      struct hm_err *err) HM_MUST_CHECK;
/* That of the same address; NULL when there is none. */
struct hm_watched_error *hm_culprit_find_error(const struct hm_watched_errors *errors,
                                               const struct hm_event_count *event);

/* With a change: which services kept failing before it, those of earlier boots too (in this one
 * they may not have been started yet), and what HTTP.sys could not serve. */
enum hm_status hm_culprit_note_before(struct hm_enforce_run *run, struct hm_enforce_row *row,
                                      struct hm_err *err) HM_MUST_CHECK;
