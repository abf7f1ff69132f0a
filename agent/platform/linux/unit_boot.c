/* agent/platform/linux/unit_boot.c — what a boot starts.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/linux/units.h"

#include <stdio.h>
#include <string.h>

#include "agent/platform/linux/linux.h"
#include "common/base/str.h"
#include "common/os/os.h"

#define CMDLINE_BYTES 65536u

/* kernel-command-line(7) */
static const struct {
    const char *word;
    const char *unit;
} modes[] = {
    {"-b",        "emergency.target"},
    {"emergency", "emergency.target"},
    {"rescue",    "rescue.target"   },
    {"single",    "rescue.target"   },
};

struct boot {
    struct hm_linux_units *units;
    struct hm_linux_unit **queue;
    size_t count;
    size_t room;
    bool failed;
};

static void reach(struct boot *boot, const char *name, enum hm_linux_maker maker)
{
    struct hm_linux_unit *unit = hm_linux_unit(boot->units, name);
    void *items = (void *)boot->queue;
    bool more;

    if (unit == NULL) {
        return; /* more units than anybody has: what is left out is not told */
    }
    more = (maker == HM_LINUX_BY_PERSON && !unit->chosen) ||
           (maker == HM_LINUX_BY_GENERATOR && !unit->generated);
    unit->chosen = unit->chosen || maker == HM_LINUX_BY_PERSON;
    unit->generated = unit->generated || maker == HM_LINUX_BY_GENERATOR;
    if ((unit->reached && !more) || unit->masked) {
        return; /* it is followed again when what it pulls is chosen now, too */
    }
    unit->reached = true;
    if (hm_arena_grow(hm_linux_units_scratch(boot->units), &items, boot->count, &boot->room,
                      sizeof(*boot->queue)) != 0) {
        boot->failed = true;
        return;
    }
    boot->queue = (struct hm_linux_unit **)items;
    boot->queue[boot->count++] = unit;
}

/* What the links of "NAME.wants" and "NAME.requires" name. */
static void reach_linked(struct boot *boot, const char *name, const char *suffix)
{
    char folder[HM_LINUX_UNIT_NAME_BYTES + 16];

    (void)snprintf(folder, sizeof(folder), "%s%s", name, suffix);
    for (size_t i = 0; i < HM_LINUX_UNIT_FOLDERS; i++) {
        enum hm_linux_maker maker;
        struct hm_strings names;

        if (!hm_linux_units_links(boot->units, folder, i, &names, &maker)) {
            continue;
        }
        for (size_t k = 0; k < names.count; k++) {
            reach(boot, names.at[k], maker);
        }
    }
}

/* Which unit a socket, path or timer starts; "" none. */
static void activated_by(const struct hm_linux_unit *unit, char out[HM_LINUX_UNIT_NAME_BYTES])
{
    static const char *const suffixes[] = {".socket", ".path", ".timer"};

    out[0] = '\0';
    for (size_t i = 0; i < HM_COUNT(suffixes); i++) {
        const size_t stem = hm_linux_unit_stem(unit->name, suffixes[i]);

        if (stem > 0 && unit->activates[0] != '\0') {
            (void)snprintf(out, HM_LINUX_UNIT_NAME_BYTES, "%s", unit->activates);
        } else if (stem > 0 && !unit->accepts) {
            (void)snprintf(out, HM_LINUX_UNIT_NAME_BYTES, "%.*s.service", (int)stem, unit->name);
        }
    }
}

static void trigger(struct boot *boot, const struct hm_linux_unit *unit)
{
    const bool timer = hm_linux_unit_stem(unit->name, ".timer") > 0;
    struct hm_linux_unit *started;
    char name[HM_LINUX_UNIT_NAME_BYTES];

    activated_by(unit, name);
    if (name[0] == '\0') {
        return;
    }
    started = hm_linux_unit(boot->units, name);
    if (started == NULL) {
        return;
    }
    started->timed = started->timed || timer;
    started->scheduled = started->scheduled || (timer && unit->reached && unit->chosen);
    if (!timer) {
        started->triggered = true;
        started->chosen = started->chosen || unit->chosen;
        started->generated = started->generated || unit->generated;
    }
}

/* A service that somebody enabled chooses the services that it needs; a target is everybody's. */
static enum hm_linux_maker maker_of_pulls(const struct hm_linux_unit *unit)
{
    return hm_linux_unit_stem(unit->name, ".service") == 0 ? HM_LINUX_BY_PACKAGE
           : unit->chosen                                  ? HM_LINUX_BY_PERSON
           : unit->generated                               ? HM_LINUX_BY_GENERATOR
                                                           : HM_LINUX_BY_PACKAGE;
}

static void follow(struct boot *boot, struct hm_linux_unit *unit)
{
    char template[HM_LINUX_UNIT_NAME_BYTES];

    reach_linked(boot, unit->name, ".wants");
    reach_linked(boot, unit->name, ".requires");
    if (hm_linux_unit_template(unit->name, template)) {
        reach_linked(boot, template, ".wants");
        reach_linked(boot, template, ".requires");
    }
    for (size_t i = 0; i < unit->pulls.count; i++) {
        reach(boot, unit->pulls.at[i], maker_of_pulls(unit));
    }
    for (size_t i = 0; i < unit->chosen_pulls.count; i++) {
        reach(boot, unit->chosen_pulls.at[i], HM_LINUX_BY_PERSON);
    }
    trigger(boot, unit);
}

/* Timers in any folder, also ones that nothing starts at boot: their services come and go. */
static void mark_timers(struct boot *boot)
{
    for (size_t i = 0; i < HM_LINUX_UNIT_FOLDERS; i++) {
        const struct hm_strings *names = hm_linux_units_names(boot->units, i);

        for (size_t k = 0; k < names->count; k++) {
            const struct hm_linux_unit *unit = hm_linux_unit_stem(names->at[k], ".timer") > 0
                                                   ? hm_linux_unit(boot->units, names->at[k])
                                                   : NULL;

            if (unit != NULL) {
                trigger(boot, unit);
            }
        }
    }
}

/* The unit that the kernel's command line names, the last one wins; "default.target" else. */
static void first_unit(const struct hm_linux_units *units, char out[HM_LINUX_UNIT_NAME_BYTES])
{
    static const char option[] = "systemd.unit=";
    char path[HM_LINUX_PATH_BYTES];
    const char *word;
    char *text;
    size_t len;

    (void)snprintf(out, HM_LINUX_UNIT_NAME_BYTES, "default.target");
    (void)snprintf(path, sizeof(path), "%s/proc/cmdline", hm_linux_units_root(units));
    if (hm_os_read_file(path, CMDLINE_BYTES, hm_linux_units_scratch(units), &text, &len, NULL) !=
        HM_OK) {
        return;
    }
    for (word = text; *word != '\0'; word += strspn(word, " \n")) {
        const size_t word_len = strcspn(word, " \n");

        if (word_len >= sizeof(option) && word_len < HM_LINUX_UNIT_NAME_BYTES &&
            strncmp(word, option, sizeof(option) - 1) == 0) {
            (void)snprintf(out, HM_LINUX_UNIT_NAME_BYTES, "%.*s",
                           (int)(word_len - (sizeof(option) - 1)), word + sizeof(option) - 1);
        }
        for (size_t i = 0; i < HM_COUNT(modes); i++) {
            if (word_len == strlen(modes[i].word) && strncmp(word, modes[i].word, word_len) == 0) {
                (void)snprintf(out, HM_LINUX_UNIT_NAME_BYTES, "%s", modes[i].unit);
            }
        }
        word += word_len;
    }
}

enum hm_status hm_linux_units_boot(struct hm_linux_units *units, struct hm_err *err)
{
    struct boot boot = {.units = units};
    char first[HM_LINUX_UNIT_NAME_BYTES];

    first_unit(units, first);
    reach(&boot, first, HM_LINUX_BY_PACKAGE);
    for (size_t i = 0; !boot.failed && i < boot.count; i++) {
        follow(&boot, boot.queue[i]);
    }
    mark_timers(&boot);
    return boot.failed ? hm_fail(err, HM_ENOMEM, "no memory for the units of this host") : HM_OK;
}
