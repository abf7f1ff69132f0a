/* common/ports/given.c — sockets whose port the system picked: the evidence of its dynamic range.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/ports/given.h"

#include <stddef.h>
#include <stdlib.h>

#include "common/base/str.h"
#include "common/ports/portbits.h"

#define SURE 1e-6      /* a chance that counts as none */
#define STRAYS_MAX 32u /* services of one host that choose their ports, between two gaps */

static bool is_named(const char *text)
{
    return text != NULL && text[0] != '\0';
}

bool hm_socket_is_pool(const struct hm_socket *socket)
{
    return socket->protocol == HM_UDP && socket->port >= HM_GIVEN_FIRST &&
           (hm_str_equal_nocase(socket->program, "dns.exe") ||
            hm_str_equal_nocase(socket->service, "DNS"));
}

/* What has to be known of all sockets before one can be judged. */
struct crowd {
    struct hm_portbits *listening; /* TCP */
    bool names;                    /* some socket has a program */
    bool pool;                     /* without names: the UDP sockets are a pool */
};

static enum hm_status look(const struct hm_sockets *sockets, bool has_dns, struct hm_arena *arena,
                           struct crowd *out, struct hm_err *err)
{
    size_t udp = 0;

    *out = (struct crowd){.listening = hm_portbits_new(arena)};
    if (out->listening == NULL) {
        return hm_fail(err, HM_ENOMEM, "no memory to look at %zu sockets", sockets->count);
    }
    for (size_t i = 0; i < sockets->count; i++) {
        const struct hm_socket *socket = &sockets->at[i];

        out->names = out->names || is_named(socket->program);
        if (socket->protocol == HM_UDP) {
            udp += socket->port >= HM_GIVEN_FIRST;
        } else if (socket->state == HM_SOCKET_LISTEN) {
            hm_portbits_put(out->listening, socket->port);
        }
    }
    out->pool = has_dns && !out->names && udp >= HM_GIVEN_POOL_MIN;
    return HM_OK;
}

static bool is_connection(const struct crowd *crowd, const struct hm_socket *socket)
{
    return socket->protocol == HM_TCP && socket->state == HM_SOCKET_ESTABLISHED &&
           socket->port >= HM_GIVEN_FIRST && is_named(socket->remote) &&
           !hm_portbits_has(crowd->listening, socket->port) &&
           (is_named(socket->program) || !crowd->names);
}

static bool is_of_pool(const struct crowd *crowd, const struct hm_socket *socket, bool has_dns)
{
    return (has_dns && hm_socket_is_pool(socket)) ||
           (crowd->pool && socket->protocol == HM_UDP && socket->port >= HM_GIVEN_FIRST);
}

static int compare(const void *a, const void *b)
{
    const struct hm_socket *x = *(const struct hm_socket *const *)a;
    const struct hm_socket *y = *(const struct hm_socket *const *)b;

    if (x->protocol != y->protocol) {
        return x->protocol < y->protocol ? -1 : 1;
    }
    if (x->port != y->port) {
        return x->port < y->port ? -1 : 1;
    }
    return (x > y) - (x < y);
}

/* Of count ports at random up to last, would at most strays lie past end by chance? A bound of it:
 * the ways to choose them, times the chance that all others lie below. */
static bool is_by_chance(size_t count, size_t strays, uint16_t end, uint16_t last)
{
    const double share = (double)(end - HM_GIVEN_FIRST + 1) / (last - HM_GIVEN_FIRST + 1);
    double chance = 1;

    for (size_t i = 1; i <= strays; i++) {
        chance *= (double)(count - strays + i) / (double)i;
    }
    for (size_t i = strays; i < count && chance > SURE; i++) {
        chance *= share;
    }
    return chance > SURE;
}

/* Where no program is told, the sockets of services that chose their ports look like those of the
 * pool. A few of them far past all others were chosen: a pool at random would fill the gap. They
 * are the last ones of the sorted list. */
static size_t find_strays(const struct hm_given *given)
{
    size_t strays = 0;

    for (size_t more = 1; more <= STRAYS_MAX && strays + more + HM_GIVEN_POOL_MIN <= given->pool;
         more++) {
        const struct hm_socket *const *end = &given->at[given->count - strays - 1];

        if (!is_by_chance(given->pool - strays, more, end[-(ptrdiff_t)more]->port, end[0]->port)) {
            strays += more;
            more = 0;
        }
    }
    return strays;
}

enum hm_status hm_given_find(const struct hm_sockets *sockets, bool has_dns, struct hm_arena *arena,
                             struct hm_given *out_given, struct hm_err *err)
{
    struct hm_given given = {NULL, 0, 0};
    struct crowd crowd;
    size_t cap = 0;
    enum hm_status st = look(sockets, has_dns, arena, &crowd, err);

    for (size_t i = 0; st == HM_OK && i < sockets->count; i++) {
        const struct hm_socket *socket = &sockets->at[i];
        bool pool = is_of_pool(&crowd, socket, has_dns);

        if (!pool && !is_connection(&crowd, socket)) {
            continue;
        }
        if (hm_arena_grow(arena, (void **)&given.at, given.count, &cap, sizeof(*given.at)) != 0) {
            return hm_fail(err, HM_ENOMEM, "no memory to look at %zu sockets", sockets->count);
        }
        given.at[given.count++] = socket;
        given.pool += pool;
    }
    if (given.count > 1) {
        qsort((void *)given.at, given.count, sizeof(*given.at), compare);
    }
    if (st == HM_OK && crowd.pool) {
        size_t strays = find_strays(&given);

        given.count -= strays;
        given.pool -= strays;
    }
    if (st == HM_OK) {
        *out_given = given;
    }
    return st;
}

const struct hm_socket *hm_given_highest(const struct hm_given *given)
{
    const struct hm_socket *highest = NULL;

    for (size_t i = 0; i < given->count; i++) {
        if (highest == NULL || given->at[i]->port > highest->port) {
            highest = given->at[i];
        }
    }
    return highest;
}

struct hm_given_outside hm_given_outside(const struct hm_given *given, enum hm_protocol protocol,
                                         struct hm_range range)
{
    const char *programs[HM_GIVEN_PROGRAMS];
    struct hm_given_outside out = {.contradict = false};
    size_t program_count = 0;
    size_t inside = 0;

    for (size_t i = 0; i < given->count; i++) {
        const struct hm_socket *socket = given->at[i];
        size_t known = 0;

        if (socket->protocol != protocol) {
            continue;
        }
        if (hm_range_contains(range, socket->port)) {
            inside++;
            continue;
        }
        out.lowest = out.count == 0 ? socket->port : out.lowest;
        out.highest = socket->port;
        out.count++;
        while (known < program_count && !hm_str_equal_nocase(programs[known], socket->program)) {
            known++;
        }
        if (known == program_count && known < HM_GIVEN_PROGRAMS && is_named(socket->program)) {
            programs[program_count++] = socket->program;
        }
    }
    out.contradict = out.count >= HM_GIVEN_MANY && out.count > HM_GIVEN_TIMES * inside &&
                     (protocol == HM_UDP ? given->pool >= HM_GIVEN_POOL_MIN
                                         : program_count == HM_GIVEN_PROGRAMS);
    return out;
}
