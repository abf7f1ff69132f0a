/* agent/cli/check_text.c — what "hm-agent check" prints for people.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/check_text.h"

#include <stdio.h>
#include <string.h>

#include "agent/cli/check_findings.h"
#include "agent/cli/check_rows.h"
#include "common/base/limits.h"
#include "common/base/str.h"

#define CELL_BYTES 512
#define STATE_WIDTH 7
#define PORTS_WIDTH 16
#define NAMES_WIDTH_MAX 32u

static const char *const state_colours[] = {"\033[32m", "\033[36m", "\033[33m", "\033[1;31m"};
static const char bold[] = "\033[1m";

static const char *const reason_texts[HM_REASON_COUNT] = {
    "excluded",
    "outside the dynamic range",
    "held by its own component",
    "in the dynamic range",
    "held by another process",
    "in a runtime exclusion",
    "an exclusion breaks it",
    "an exclusion breaks it",
    "facts are missing",
    "an unknown program listens",
    "its port is not known",
};

static const char *const observed_texts[HM_OBSERVED_WHY_COUNT] = {
    "seen in too few boots; the same port after another boot, or several, makes it required",
    "an installed agent can tell once it has seen two boots",
    "RPC endpoints, which take any free port: ",
    "client sockets, which take any free port: ",
    "its service is disabled and needs no port: nothing is judged",
    "its service is not installed any more: nothing is judged",
    "optional ports of a product that is down; nobody knows whether it uses them: not judged",
    "given once; its service takes any other port in its place (TcpDynamicPorts)",
};

/* "3.9 %", or "1 in 480" where a percentage says nothing. */
static void odds_text(const struct hm_verdict *verdict, char *out, size_t size)
{
    const char *least = verdict->odds_at_least ? "at least " : "";
    const char *which = verdict->odds_of_each ? "each port " : "";

    if (!verdict->has_odds) {
        (void)hm_str_copy(out, size, "in the dynamic range, odds unknown");
    } else if (verdict->odds >= 0.01) {
        (void)snprintf(out, size, "%staken in %s%.*f %% of starts", which, least,
                       verdict->odds >= 0.0995 ? 0 : 1, verdict->odds * 100);
    } else if (verdict->odds > 0) {
        (void)snprintf(out, size, "%staken in %s1 of %.0f starts", which, least, 1 / verdict->odds);
    } else {
        (void)hm_str_copy(out, size, "in the dynamic range");
    }
}

/* The port is only said where the requirement has several. */
static void holder_text(const struct hm_verdict *verdict, char *out, size_t size)
{
    const struct hm_holder *holder = &verdict->holder;
    char port[8] = "";
    char who[CELL_BYTES / 4] = "";
    char pid[32] = "";
    char remote[CELL_BYTES / 4] = "";

    (void)hm_str_copy(who, sizeof(who),
                      holder->program[0] != '\0'               ? holder->program
                      : hm_socket_state_lingers(holder->state) ? "a closed connection"
                                                               : "an unknown process");
    if (holder->pid != 0) {
        (void)snprintf(pid, sizeof(pid), " (pid %u)", (unsigned)holder->pid);
    }
    if (holder->remote[0] != '\0') {
        (void)snprintf(remote, sizeof(remote), ", %s %.96s",
                       holder->connecting                       ? "connecting to"
                       : hm_socket_state_lingers(holder->state) ? "once to"
                                                                : "connected to",
                       holder->remote);
    }
    if (hm_ports_count(verdict->ports) > 1) {
        (void)snprintf(port, sizeof(port), "%u ", holder->port);
    }
    (void)snprintf(
        out, size, "%s%sheld by %s%s%s%s", port,
        verdict->state == HM_UNKNOWN && hm_socket_state_lingers(holder->state) ? "may be " : "",
        who, pid, remote,
        verdict->reason == HM_REASON_UNKNOWN_LISTENER ? ", perhaps a part of it" : "");
}

/* A state of one family only is worth saying where the host has both: the other was taken care
 * of, or is not affected. */
static const char *only_family(const struct hm_verdict *verdict,
                               const struct hm_inventory *inventory)
{
    if (verdict->state == HM_SAFE || verdict->families.count != 1 ||
        hm_inventory_stack(inventory, verdict->protocol, HM_IPV4) == NULL ||
        hm_inventory_stack(inventory, verdict->protocol, HM_IPV6) == NULL) {
        return NULL;
    }
    return verdict->families.at[0];
}

static void why_text(const struct hm_verdict *verdict, const struct hm_inventory *inventory,
                     char *out, size_t size)
{
    const char *only = only_family(verdict, inventory);
    const char *later = hm_verdict_after_boot_text(verdict);
    char text[CELL_BYTES];

    if (verdict->state == HM_EXPOSED) {
        odds_text(verdict, text, sizeof(text));
    } else if (verdict->has_holder) {
        holder_text(verdict, text, sizeof(text));
    } else {
        (void)hm_str_copy(text, sizeof(text),
                          verdict->reason == HM_REASON_EXCLUDED &&
                                  inventory->os.family == HM_OS_LINUX
                              ? "reserved"
                              : reason_texts[verdict->reason]);
    }
    (void)snprintf(out, size, "%.400s%s%s%s%s%s", text, only != NULL ? " (" : "",
                   only != NULL ? only : "", only != NULL ? " only)" : "",
                   later[0] != '\0' ? "; " : "", later);
}

/* 2000 to 2003: are the values that are written in force? "" when that is known. */
static const char *in_force_text(const struct hm_inventory *inventory)
{
    if (hm_judge_is_assumed(inventory)) {
        return "NOT KNOWN: whether the host was restarted since ReservedPorts, MaxUserPort and "
               "TcpTimedWaitDelay were written. They count as in force.";
    }
    if (!hm_judge_is_doubted(inventory)) {
        return "";
    }
    return inventory->registry.contradicted
               ? "NOT KNOWN: whether ReservedPorts helps on this host, as the DNS Server was given "
                 "a port of it. It counts as not in force, also after the next boot."
               : "NOT KNOWN: which values of ReservedPorts, MaxUserPort and TcpTimedWaitDelay are "
                 "in force. ReservedPorts counts as not in force until the next boot.";
}

/* Above the table: who reads no further must not take it for the whole host. */
static void put_incomplete(const struct hm_judgement *judgement,
                           const struct hm_inventory *inventory, const struct hm_check_look *look,
                           struct hm_buf *out)
{
    const char *texts[HM_INCOMPLETE_MAX];
    size_t count = hm_judge_incomplete(inventory, judgement->lacks_rows, texts);

    if (in_force_text(inventory)[0] != '\0') {
        hm_check_put_wrapped(out, look, 0, in_force_text(inventory));
        (void)hm_buf_putc(out, '\n');
    }
    if (!judgement->incomplete || count == 0) {
        return; /* NOT KNOWN says that there are too many */
    }
    hm_check_put_coloured(out, look, state_colours[HM_UNKNOWN], "INCOMPLETE", 10);
    (void)hm_buf_putc(out, '\n');
    for (size_t i = 0; i < count; i++) {
        hm_check_put_wrapped(out, look, 2, texts[i]);
    }
    (void)hm_buf_putc(out, '\n');
}

static enum hm_status put_verdicts(const struct hm_judgement *judgement,
                                   const struct hm_inventory *inventory,
                                   const struct hm_check_look *look, struct hm_buf *out,
                                   struct hm_err *err)
{
    const struct hm_verdicts *verdicts = &judgement->verdicts;
    const size_t rest = look->columns - STATE_WIDTH - PORTS_WIDTH - 3 * HM_CHECK_GAP;
    const size_t why_width = rest * 2 / 5;
    const size_t title_width = rest - why_width;
    struct hm_check_cell heads[] = {
        {"STATE",   STATE_WIDTH},
        {"PRODUCT", title_width},
        {"PORTS",   PORTS_WIDTH},
        {"WHY",     why_width  },
    };

    if (verdicts->count == 0) {
        (void)hm_buf_puts(
            out, judgement->incomplete ? "Nothing that could be read on this host needs a port.\n"
                 : judgement->observed.count > 0
                     ? "No known product of this host needs a port. Whether a listener in the "
                       "dynamic range does, nobody knows.\n"
                     : "No known product and no listener of this host needs a port.\n");
        return HM_OK;
    }
    hm_check_put_row(out, heads, HM_COUNT(heads), look, bold);
    for (size_t i = 0; i < verdicts->count; i++) {
        const struct hm_verdict *verdict = &verdicts->at[i];
        char ports[CELL_BYTES];
        char why[CELL_BYTES];
        struct hm_check_cell cells[] = {
            {hm_verdict_state_names[verdict->state], STATE_WIDTH},
            {verdict->title,                         title_width},
            {ports,                                  PORTS_WIDTH},
            {why,                                    why_width  },
        };
        enum hm_status st =
            hm_check_ports_text(verdict->protocol, verdict->ports, ports, sizeof(ports), err);

        if (st != HM_OK) {
            return st;
        }
        why_text(verdict, inventory, why, sizeof(why));
        hm_check_put_row(out, cells, HM_COUNT(cells), look, state_colours[verdict->state]);
    }
    return HM_OK;
}

/* Ports that are random by design: all of one reason in one paragraph. */
static enum hm_status put_given(const struct hm_observed_list *observed, enum hm_observed_why why,
                                const struct hm_check_look *look, struct hm_buf *out,
                                struct hm_err *err)
{
    const char *gap = observed_texts[why];
    struct hm_buf text;
    enum hm_status st = HM_OK;

    hm_buf_init(&text, 1024u * 1024u);
    for (size_t i = 0; i < observed->count && st == HM_OK; i++) {
        const struct hm_observed *row = &observed->at[i];
        char ports[CELL_BYTES];

        if (row->why == why) {
            st = hm_check_ports_text(row->protocol, row->ports, ports, sizeof(ports), err);
            (void)hm_buf_printf(&text, "%s%s %s", gap, row->name, ports);
            gap = ", ";
        }
    }
    if (st == HM_OK && text.len > 0) {
        hm_check_put_wrapped(out, look, 2, hm_buf_text(&text));
        st = hm_buf_status(&text, err);
    }
    hm_buf_fini(&text);
    return st;
}

enum look_of_row { ROW_RANDOM, ROW_GIVEN, ROW_NOT_JUDGED };

static const enum look_of_row observed_looks[HM_OBSERVED_WHY_COUNT] = {
    [HM_OBSERVED_ONE_BOOT] = ROW_RANDOM,     [HM_OBSERVED_NO_PORT_BOOK] = ROW_RANDOM,
    [HM_OBSERVED_RPC_ENDPOINT] = ROW_GIVEN,  [HM_OBSERVED_CLIENT_SOCKET] = ROW_GIVEN,
    [HM_OBSERVED_DISABLED] = ROW_NOT_JUDGED, [HM_OBSERVED_GONE] = ROW_NOT_JUDGED,
    [HM_OBSERVED_OPTIONAL] = ROW_NOT_JUDGED, [HM_OBSERVED_FALLS_BACK] = ROW_RANDOM,
};

static bool has_rows(const struct hm_observed_list *observed, bool judged)
{
    for (size_t i = 0; i < observed->count; i++) {
        if ((observed_looks[observed->at[i].why] != ROW_NOT_JUDGED) == judged) {
            return true;
        }
    }
    return false;
}

/* As wide as the longest name: one that is broken is no name of a program. */
static size_t names_width(const struct hm_observed_list *observed, enum look_of_row wanted)
{
    size_t width = PORTS_WIDTH;

    for (size_t i = 0; i < observed->count; i++) {
        const size_t len = strlen(observed->at[i].name);

        if (observed_looks[observed->at[i].why] == wanted &&
            strchr(observed->at[i].name, ' ') == NULL && len > width) {
            width = len < NAMES_WIDTH_MAX ? len : NAMES_WIDTH_MAX;
        }
    }
    return width;
}

static enum hm_status put_rows(const struct hm_observed_list *observed, enum look_of_row wanted,
                               const struct hm_check_look *look, struct hm_buf *out,
                               struct hm_err *err)
{
    const size_t names = names_width(observed, wanted);
    const size_t rest = look->columns - names - PORTS_WIDTH - 3 * HM_CHECK_GAP;
    enum hm_status st = HM_OK;

    for (size_t i = 0; i < observed->count && st == HM_OK; i++) {
        const struct hm_observed *row = &observed->at[i];
        char ports[CELL_BYTES];
        struct hm_check_cell cells[] = {
            {"",                       0          },
            {row->name,                names      },
            {ports,                    PORTS_WIDTH},
            {observed_texts[row->why], rest       },
        };

        if (observed_looks[row->why] == wanted) {
            st = hm_check_ports_text(row->protocol, row->ports, ports, sizeof(ports), err);
            hm_check_put_row(out, cells, HM_COUNT(cells), look, NULL);
        }
    }
    return st;
}

/* Listed, so that nothing is dropped without a line; it does not change the result. */
static enum hm_status put_observed(const struct hm_observed_list *observed,
                                   const struct hm_check_look *look, struct hm_buf *out,
                                   struct hm_err *err)
{
    enum hm_status st = HM_OK;

    if (has_rows(observed, true)) {
        (void)hm_buf_putc(out, '\n');
        hm_check_put_heading(out, look, "OBSERVED, MAY BE RANDOM (does not change the result)");
        st = put_rows(observed, ROW_RANDOM, look, out, err);
    }
    for (unsigned why = 0; why < HM_OBSERVED_WHY_COUNT && st == HM_OK; why++) {
        if (observed_looks[why] == ROW_GIVEN) {
            st = put_given(observed, (enum hm_observed_why)why, look, out, err);
        }
    }
    if (st == HM_OK && has_rows(observed, false)) {
        (void)hm_buf_putc(out, '\n');
        hm_check_put_heading(out, look, "NOT JUDGED (does not change the result)");
        st = put_rows(observed, ROW_NOT_JUDGED, look, out, err);
    }
    return st;
}

static bool same_dynamic(const struct hm_stack *a, const struct hm_stack *b)
{
    return a->has_dynamic == b->has_dynamic && a->dynamic.first == b->dynamic.first &&
           a->dynamic.last == b->dynamic.last && a->has_next_dynamic == b->has_next_dynamic &&
           a->next_dynamic.first == b->next_dynamic.first &&
           a->next_dynamic.last == b->next_dynamic.last;
}

static void put_range(struct hm_buf *out, const char *gap, const struct hm_stack *stack,
                      const char *family)
{
    (void)hm_buf_printf(out, "%s%s%s%s ", gap, hm_protocol_names[stack->protocol],
                        family[0] != '\0' ? "/" : "", family);
    if (stack->has_dynamic) {
        (void)hm_buf_printf(out, "%u-%u", stack->dynamic.first, stack->dynamic.last);
    } else {
        (void)hm_buf_puts(out, "unknown");
    }
    if (stack->has_next_dynamic) {
        (void)hm_buf_printf(out, " (%u-%u after the next boot)", stack->next_dynamic.first,
                            stack->next_dynamic.last);
    }
}

/* "tcp 6005-65534, udp/ipv4 49152-65535": the family is said where the two differ. */
static void put_ranges(const struct hm_inventory *inventory, struct hm_buf *out)
{
    const char *gap = "dynamic range: ";

    if (inventory->stacks.count == 0) {
        (void)hm_buf_puts(out, "dynamic range: unknown");
    }
    for (size_t i = 0; i < inventory->stacks.count; i++) {
        const struct hm_stack *stack = &inventory->stacks.at[i];
        const struct hm_stack *other = hm_inventory_stack(
            inventory, stack->protocol, stack->family == HM_IPV4 ? HM_IPV6 : HM_IPV4);
        bool same = other != NULL && same_dynamic(stack, other);

        if (same && stack->family == HM_IPV6) {
            continue;
        }
        put_range(out, gap, stack, same ? "" : hm_family_names[stack->family]);
        gap = ", ";
    }
    (void)hm_buf_putc(out, '\n');
}

static void put_host(const struct hm_observation *observation, const struct hm_check_look *look,
                     struct hm_buf *out)
{
    const struct hm_os *os = &observation->inventory.os;
    const char *system = os->name[0] != '\0' ? os->name : "system unknown";

    hm_check_put_coloured(out, look, bold, observation->name, strlen(observation->name));
    hm_check_put_spaces(out, HM_CHECK_GAP);
    hm_check_put_text(out, system, strlen(system));
    (void)hm_buf_puts(out, os->version[0] != '\0' ? ", " : "");
    hm_check_put_line(out, os->version);
    put_ranges(&observation->inventory, out);
    if (look->release.version > 0) {
        (void)hm_buf_printf(out, "catalogue: version %u of %s\n", look->release.version,
                            look->release.date);
    }
}

static size_t count_high(const struct hm_judgement *judgement)
{
    size_t count = 0;

    while (count < judgement->findings.count &&
           judgement->findings.at[count].severity == HM_SEVERITY_HIGH) { /* severest first */
        count++;
    }
    return count;
}

/* Is something safe only while its component runs (hm_need_weigh_next)? */
static bool is_lost_at_boot(const struct hm_verdicts *verdicts)
{
    bool lost = false;

    for (size_t i = 0; i < verdicts->count; i++) {
        const struct hm_verdict *verdict = &verdicts->at[i];

        lost = lost || (verdict->has_after_boot && verdict->after_boot >= HM_EXPOSED);
    }
    return lost;
}

static void put_summary(const struct hm_judgement *judgement, const struct hm_inventory *inventory,
                        const struct hm_check_look *look, struct hm_buf *out)
{
    size_t counts[HM_COUNT(state_colours)] = {0};
    enum hm_verdict_state worst = hm_judgement_worst(judgement);
    const char *colour = state_colours[worst];
    const size_t high = count_high(judgement);
    const char *text = "Not all is safe.";
    char because[64];

    if (hm_judgement_is_safe(judgement)) {
        text = hm_judge_is_assumed(inventory)
                   ? "All safe, if the host was restarted since the registry values were written."
               : hm_judgement_is_until_boot(judgement, inventory)
                   ? "All safe until the next boot; what it does to the reserved ports and the "
                     "range is not known."
               : is_lost_at_boot(&judgement->verdicts)
                   ? "All safe until the next boot; what is exposed then is marked above."
                   : "All safe.";
    } else if (worst == HM_SAFE &&
               high == 0) { /* what could be read is safe, but that was not all */
        text = "Not all is known.";
        colour = state_colours[HM_UNKNOWN];
    } else if (worst == HM_SAFE) { /* no row of the table says why */
        (void)snprintf(because, sizeof(because), "Not all is safe: %zu high finding%s.", high,
                       high == 1 ? "" : "s");
        text = because;
        colour = hm_check_severity_colours[HM_SEVERITY_HIGH];
    }
    for (size_t i = 0; i < judgement->verdicts.count; i++) {
        counts[judgement->verdicts.at[i].state]++;
    }
    hm_check_put_coloured(out, look, colour, text, strlen(text));
    (void)hm_buf_printf(out, " %zu blocked, %zu exposed, %zu unknown, %zu safe; %zu finding%s.\n",
                        counts[HM_BLOCKED], counts[HM_EXPOSED], counts[HM_UNKNOWN], counts[HM_SAFE],
                        judgement->findings.count, judgement->findings.count == 1 ? "" : "s");
}

enum hm_status hm_check_text(const struct hm_observation *observation,
                             const struct hm_judgement *judgement, const struct hm_check_look *look,
                             struct hm_buf *out, struct hm_err *err)
{
    enum hm_status st;

    put_host(observation, look, out);
    (void)hm_buf_putc(out, '\n');
    put_incomplete(judgement, &observation->inventory, look, out);
    st = put_verdicts(judgement, &observation->inventory, look, out, err);
    if (st != HM_OK) {
        return st;
    }
    st = hm_check_put_findings(&judgement->findings, look, out, err);
    if (st != HM_OK) {
        return st;
    }
    st = put_observed(&judgement->observed, look, out, err);
    if (st != HM_OK) {
        return st;
    }
    if (judgement->unknown.count > 0) {
        (void)hm_buf_putc(out, '\n');
        hm_check_put_heading(out, look, "NOT KNOWN");
    }
    for (size_t i = 0; i < judgement->unknown.count; i++) {
        hm_check_put_wrapped(out, look, 2, judgement->unknown.at[i]);
    }
    (void)hm_buf_putc(out, '\n');
    put_summary(judgement, &observation->inventory, look, out);
    return hm_buf_status(out, err);
}
