/* agent/cli/check_text.c — what "hm-agent check" prints for people.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/check_text.h"

#include <stdio.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"

#define CELL_BYTES 512
#define GAP 2

/* One column of the verdict table. */
struct cell {
    const char *text;
    size_t width;
};

#define STATE_WIDTH 7
#define PORTS_WIDTH 16

static const char *const state_colours[] = {"\033[32m", "\033[36m", "\033[33m", "\033[1;31m"};
static const char *const severity_colours[] = {"\033[36m", "\033[36m", "\033[33m", "\033[1;31m"};
static const char bold[] = "\033[1m";
static const char plain[] = "\033[0m";

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
};

static const char *const observed_texts[HM_OBSERVED_WHY_COUNT] = {
    "seen in one boot only; the same port after another boot makes it required",
    "an installed agent can tell once it has seen two boots",
    "RPC endpoints, which take any free port: ",
    "client sockets, which take any free port: ",
};

/* Bytes of text that fill at most width columns, broken after a space or comma where there is
 * one. A column is a code point: wider scripts are not lined up. */
static size_t fit(const char *text, size_t width)
{
    size_t columns = 0;
    size_t good = 0;
    size_t i = 0;

    for (; text[i] != '\0'; i++) {
        bool starts = ((unsigned char)text[i] & 0xc0) != 0x80;

        if (starts && columns == width) {
            return text[i] == ' ' || good == 0 ? i : good;
        }
        columns += starts;
        if (text[i] == ' ' || text[i] == ',') {
            good = i + 1;
        }
    }
    return i;
}

static size_t columns_of(const char *text, size_t len)
{
    size_t columns = 0;

    for (size_t i = 0; i < len; i++) {
        columns += ((unsigned char)text[i] & 0xc0) != 0x80;
    }
    return columns;
}

static void put_spaces(struct hm_buf *out, size_t count)
{
    (void)hm_buf_printf(out, "%*s", (int)count, "");
}

/* Names come from files of other hosts: a terminal must not obey them. */
static void put_text(struct hm_buf *out, const char *text, size_t len)
{
    size_t done = 0;

    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        bool c1 = c == 0xc2 && i + 1 < len && (unsigned char)text[i + 1] < 0xa0;

        if (c < 0x20 || c == 0x7f || c1) {
            (void)hm_buf_put(out, text + done, i - done);
            (void)hm_buf_putc(out, '?');
            i += c1;
            done = i + 1;
        }
    }
    (void)hm_buf_put(out, text + done, len - done);
}

static void put_line(struct hm_buf *out, const char *text)
{
    put_text(out, text, strlen(text));
    (void)hm_buf_putc(out, '\n');
}

/* escape may be NULL: as it is. */
static void put_coloured(struct hm_buf *out, const struct hm_check_look *look, const char *escape,
                         const char *text, size_t len)
{
    if (look->colour && escape != NULL) {
        (void)hm_buf_puts(out, escape);
    }
    put_text(out, text, len);
    if (look->colour && escape != NULL) {
        (void)hm_buf_puts(out, plain);
    }
}

static void put_heading(struct hm_buf *out, const struct hm_check_look *look, const char *text)
{
    put_coloured(out, look, bold, text, strlen(text));
    (void)hm_buf_putc(out, '\n');
}

/* Paragraph, indented, broken at the last column. */
static void put_wrapped(struct hm_buf *out, const struct hm_check_look *look, size_t indent,
                        const char *text)
{
    do {
        size_t len = fit(text, look->columns - indent);
        size_t shown = hm_str_trim(text, len).len;

        put_spaces(out, indent);
        put_text(out, text, shown);
        (void)hm_buf_putc(out, '\n');
        text += len;
        text += strspn(text, " ");
    } while (*text != '\0');
}

/* One row of cells, each wrapped in its column; the first is coloured. */
static void put_row(struct hm_buf *out, struct cell *cells, size_t count,
                    const struct hm_check_look *look, const char *escape)
{
    bool more = true;
    bool first_line = true;

    while (more) {
        size_t pending = 0; /* spaces that are only due when something follows */

        more = false;
        for (size_t i = 0; i < count; i++) {
            size_t len = fit(cells[i].text, cells[i].width);
            size_t shown = hm_str_trim(cells[i].text, len).len;

            if (shown > 0) {
                put_spaces(out, pending);
                put_coloured(out, look, i == 0 && first_line ? escape : NULL, cells[i].text, shown);
                pending = 0;
            }
            pending += cells[i].width + GAP - columns_of(cells[i].text, shown);
            cells[i].text += len;
            cells[i].text += strspn(cells[i].text, " ");
            more = more || *cells[i].text != '\0';
        }
        (void)hm_buf_putc(out, '\n');
        first_line = false;
    }
}

/* "3.9 %", or "1 in 480" where a percentage says nothing. */
static void odds_text(const struct hm_verdict *verdict, char *out, size_t size)
{
    const char *least = verdict->odds_at_least ? "at least " : "";

    if (!verdict->has_odds) {
        (void)hm_str_copy(out, size, "in the dynamic range, odds unknown");
    } else if (verdict->odds >= 0.01) {
        (void)snprintf(out, size, "taken in %s%.*f %% of starts", least,
                       verdict->odds >= 0.0995 ? 0 : 1, verdict->odds * 100);
    } else if (verdict->odds > 0) {
        (void)snprintf(out, size, "taken in %s1 of %.0f starts", least, 1 / verdict->odds);
    } else {
        (void)hm_str_copy(out, size, "in the dynamic range; nothing has taken it yet");
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
                      holder->program[0] != '\0' ? holder->program : "an unknown process");
    if (holder->pid != 0) {
        (void)snprintf(pid, sizeof(pid), " (pid %u)", (unsigned)holder->pid);
    }
    if (holder->remote[0] != '\0') {
        (void)snprintf(remote, sizeof(remote), ", connected to %.96s", holder->remote);
    }
    if (hm_ports_count(verdict->ports) > 1) {
        (void)snprintf(port, sizeof(port), "%u ", holder->port);
    }
    (void)snprintf(out, size, "%sheld by %s%s%s%s", port, who, pid, remote,
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
        (void)hm_str_copy(text, sizeof(text), reason_texts[verdict->reason]);
    }
    (void)snprintf(out, size, "%.400s%s%s%s%s%s", text, only != NULL ? " (" : "",
                   only != NULL ? only : "", only != NULL ? " only)" : "",
                   later[0] != '\0' ? "; " : "", later);
}

static enum hm_status ports_text(enum hm_protocol protocol, struct hm_ports list, char *out,
                                 size_t size, struct hm_err *err)
{
    struct hm_buf ports;
    enum hm_status st;

    hm_buf_init(&ports, 1024u * 1024u);
    (void)hm_ports_format(list, &ports);
    st = hm_buf_status(&ports, err);
    if (st == HM_OK) {
        (void)snprintf(out, size, "%s %s", hm_protocol_names[protocol], hm_buf_text(&ports));
    }
    hm_buf_fini(&ports);
    return st;
}

/* Above the table: who reads no further must not take it for the whole host. */
static void put_incomplete(const struct hm_judgement *judgement,
                           const struct hm_inventory *inventory, const struct hm_check_look *look,
                           struct hm_buf *out)
{
    const char *texts[HM_INCOMPLETE_MAX];
    size_t count = hm_judge_incomplete(inventory, texts);

    if (!judgement->incomplete) {
        return;
    }
    put_coloured(out, look, state_colours[HM_UNKNOWN], "INCOMPLETE", 10);
    (void)hm_buf_putc(out, '\n');
    for (size_t i = 0; i < count; i++) {
        put_wrapped(out, look, 2, texts[i]);
    }
    (void)hm_buf_putc(out, '\n');
}

static enum hm_status put_verdicts(const struct hm_judgement *judgement,
                                   const struct hm_inventory *inventory,
                                   const struct hm_check_look *look, struct hm_buf *out,
                                   struct hm_err *err)
{
    const struct hm_verdicts *verdicts = &judgement->verdicts;
    const size_t rest = look->columns - STATE_WIDTH - PORTS_WIDTH - 3 * GAP;
    const size_t why_width = rest * 2 / 5;
    const size_t title_width = rest - why_width;
    struct cell heads[] = {
        {"STATE",   STATE_WIDTH},
        {"PRODUCT", title_width},
        {"PORTS",   PORTS_WIDTH},
        {"WHY",     why_width  },
    };

    if (verdicts->count == 0) {
        (void)hm_buf_puts(out,
                          judgement->incomplete
                              ? "Nothing that could be read on this host needs a port.\n"
                              : "No known product and no listener of this host needs a port.\n");
        return HM_OK;
    }
    put_row(out, heads, HM_COUNT(heads), look, bold);
    for (size_t i = 0; i < verdicts->count; i++) {
        const struct hm_verdict *verdict = &verdicts->at[i];
        char ports[CELL_BYTES];
        char why[CELL_BYTES];
        struct cell cells[] = {
            {hm_verdict_state_names[verdict->state], STATE_WIDTH},
            {verdict->title,                         title_width},
            {ports,                                  PORTS_WIDTH},
            {why,                                    why_width  },
        };
        enum hm_status st =
            ports_text(verdict->protocol, verdict->ports, ports, sizeof(ports), err);

        if (st != HM_OK) {
            return st;
        }
        why_text(verdict, inventory, why, sizeof(why));
        put_row(out, cells, HM_COUNT(cells), look, state_colours[verdict->state]);
    }
    return HM_OK;
}

/* "2. free: Stop DNS, …": what must be so before it and what it costs come before the commands. */
static void put_step(struct hm_buf *out, const struct hm_check_look *look, size_t number,
                     const struct hm_remedy_step *step)
{
    char text[3 * HM_LIMIT_TEXT_BYTES];

    (void)snprintf(text, sizeof(text), "%zu. %s: %s", number, hm_step_kind_names[step->kind],
                   step->text);
    put_wrapped(out, look, 8, text);
    if (step->precondition[0] != '\0') {
        (void)snprintf(text, sizeof(text), "Only when: %s", step->precondition);
        put_wrapped(out, look, 11, text);
    }
    if (step->warning[0] != '\0') {
        (void)snprintf(text, sizeof(text), "Warning: %s", step->warning);
        put_wrapped(out, look, 11, text);
    }
    for (size_t i = 0; i < step->commands.count; i++) {
        (void)hm_buf_printf(out, "%8s> ", "");
        put_line(out, step->commands.at[i]);
    }
}

/* A single step that only says the remedy again. */
static bool is_whole_remedy(const struct hm_finding *finding)
{
    return finding->steps.count == 1 && strcmp(finding->steps.at[0].text, finding->remedy) == 0;
}

static void put_finding(const struct hm_findings *findings, size_t at,
                        const struct hm_check_look *look, struct hm_buf *out)
{
    const struct hm_finding *finding = &findings->at[at];
    const struct hm_finding *same = hm_findings_same_remedy(findings, at);
    const char *severity = hm_severity_names[finding->severity];

    put_coloured(out, look, severity_colours[finding->severity], severity, strlen(severity));
    put_spaces(out, 8 - strlen(severity));
    put_text(out, finding->subject, strlen(finding->subject));
    (void)hm_buf_printf(out, ": %s\n", finding->kind);
    put_wrapped(out, look, 8, finding->text);
    for (size_t i = 0; i < finding->evidence.count; i++) {
        const struct hm_evidence *evidence = &finding->evidence.at[i];

        (void)hm_buf_printf(out, "%8s- %s:", "", evidence->name);
        if (strlen(evidence->name) + 12 + columns_of(evidence->value, strlen(evidence->value)) <=
            look->columns) {
            (void)hm_buf_putc(out, ' ');
            put_line(out, evidence->value);
        } else {
            (void)hm_buf_putc(out, '\n');
            put_wrapped(out, look, 12, evidence->value);
        }
    }
    if (same != NULL) {
        (void)hm_buf_printf(out, "%8sIts remedy is the one of ", "");
        put_text(out, same->subject, strlen(same->subject));
        (void)hm_buf_puts(out, " above.\n");
        return;
    }
    if (finding->remedy[0] != '\0' && !is_whole_remedy(finding)) {
        put_wrapped(out, look, 8, finding->remedy);
    }
    for (size_t i = 0; i < finding->steps.count; i++) {
        put_step(out, look, i + 1, &finding->steps.at[i]);
    }
    for (size_t i = 0; finding->steps.count == 0 && i < finding->commands.count; i++) {
        (void)hm_buf_printf(out, "%8s> ", "");
        put_line(out, finding->commands.at[i]);
    }
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
            st = ports_text(row->protocol, row->ports, ports, sizeof(ports), err);
            (void)hm_buf_printf(&text, "%s%s %s", gap, row->name, ports);
            gap = ", ";
        }
    }
    if (st == HM_OK && text.len > 0) {
        put_wrapped(out, look, 2, hm_buf_text(&text));
        st = hm_buf_status(&text, err);
    }
    hm_buf_fini(&text);
    return st;
}

/* Listed, so that nothing is dropped without a line; it does not change the result. */
static enum hm_status put_observed(const struct hm_observed_list *observed,
                                   const struct hm_check_look *look, struct hm_buf *out,
                                   struct hm_err *err)
{
    const size_t rest = look->columns - 2 * PORTS_WIDTH - 3 * GAP;
    enum hm_status st = HM_OK;

    if (observed->count == 0) {
        return HM_OK;
    }
    (void)hm_buf_putc(out, '\n');
    put_heading(out, look, "OBSERVED, MAY BE RANDOM (does not change the result)");
    for (size_t i = 0; i < observed->count && st == HM_OK; i++) {
        const struct hm_observed *row = &observed->at[i];
        char ports[CELL_BYTES];
        struct cell cells[] = {
            {"",                       0          },
            {row->name,                PORTS_WIDTH},
            {ports,                    PORTS_WIDTH},
            {observed_texts[row->why], rest       },
        };

        if (row->why == HM_OBSERVED_ONE_BOOT || row->why == HM_OBSERVED_NO_PORT_BOOK) {
            st = ports_text(row->protocol, row->ports, ports, sizeof(ports), err);
            put_row(out, cells, HM_COUNT(cells), look, NULL);
        }
    }
    if (st == HM_OK) {
        st = put_given(observed, HM_OBSERVED_RPC_ENDPOINT, look, out, err);
    }
    if (st == HM_OK) {
        st = put_given(observed, HM_OBSERVED_CLIENT_SOCKET, look, out, err);
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

    put_coloured(out, look, bold, observation->name, strlen(observation->name));
    put_spaces(out, GAP);
    put_text(out, system, strlen(system));
    (void)hm_buf_puts(out, os->version[0] != '\0' ? ", " : "");
    put_line(out, os->version);
    put_ranges(&observation->inventory, out);
}

static bool has_high(const struct hm_judgement *judgement)
{
    return judgement->findings.count > 0 &&
           judgement->findings.at[0].severity == HM_SEVERITY_HIGH; /* severest first */
}

static void put_summary(const struct hm_judgement *judgement, const struct hm_inventory *inventory,
                        const struct hm_check_look *look, struct hm_buf *out)
{
    size_t counts[HM_COUNT(state_colours)] = {0};
    enum hm_verdict_state worst = hm_judgement_worst(judgement);
    const char *colour = state_colours[worst];
    const char *text = "Not all is safe.";

    if (hm_judgement_is_safe(judgement)) {
        text = hm_judge_is_assumed(inventory)
                   ? "All safe, if the host was restarted since the registry values were written."
                   : "All safe.";
    } else if (worst == HM_SAFE &&
               !has_high(judgement)) { /* what could be read is safe, but that was not all */
        text = "Not all is known.";
        colour = state_colours[HM_UNKNOWN];
    } else if (worst == HM_SAFE) {
        colour = severity_colours[HM_SEVERITY_HIGH];
    }
    for (size_t i = 0; i < judgement->verdicts.count; i++) {
        counts[judgement->verdicts.at[i].state]++;
    }
    put_coloured(out, look, colour, text, strlen(text));
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
    if (judgement->findings.count > 0) {
        (void)hm_buf_putc(out, '\n');
        put_heading(out, look, "FINDINGS");
    }
    for (size_t i = 0; i < judgement->findings.count; i++) {
        put_finding(&judgement->findings, i, look, out);
    }
    st = put_observed(&judgement->observed, look, out, err);
    if (st != HM_OK) {
        return st;
    }
    if (judgement->unknown.count > 0) {
        (void)hm_buf_putc(out, '\n');
        put_heading(out, look, "NOT KNOWN");
    }
    for (size_t i = 0; i < judgement->unknown.count; i++) {
        put_wrapped(out, look, 2, judgement->unknown.at[i]);
    }
    (void)hm_buf_putc(out, '\n');
    put_summary(judgement, &observation->inventory, look, out);
    return hm_buf_status(out, err);
}
