/* tests/unit/agent/test_linux_next.c — what the settings files make of a Linux host at the next
 * boot. SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/linux/linux.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "common/os/os.h"

#define KEY "net.ipv4.ip_local_reserved_ports = "
#define RANGE "net.ipv4.ip_local_port_range = "
#define FILES 3

struct row {
    const char *name;
    const char *reserved; /* as it runs */
    const char *range;
    const char *path[FILES];
    const char *text[FILES];
    const char *next_reserved; /* NULL: no change */
    const char *next_range;    /* likewise */
    bool unknown;              /* what the boot brings */
};

#define DEFAULT "32768\t60999\n"

/* clang-format off */
static const struct row rows[] = {
    {"nothing is set anywhere", "\n", DEFAULT, {NULL}, {NULL}, NULL, NULL, false},
    {"reserved at run time only", "8080\n", DEFAULT, {NULL}, {NULL}, "", NULL, false},
    {"written and not loaded", "\n", DEFAULT, {"/etc/sysctl.d/50-x.conf"}, {KEY "8080\n"}, "8080",
     NULL, false},
    {"written and loaded", "8080\n", DEFAULT, {"/etc/sysctl.d/50-x.conf"}, {KEY "8080\n"}, NULL,
     NULL, false},
    {"neighbours are one set", "8080,8081\n", DEFAULT, {"/usr/lib/sysctl.d/50-x.conf"},
     {KEY "8080-8081\n"}, NULL, NULL, false},
    {"the last file wins", "8080\n", DEFAULT,
     {"/etc/sysctl.d/50-x.conf", "/run/sysctl.d/60-x.conf"}, {KEY "8080\n", KEY "9000\n"}, "9000",
     NULL, false},
    {"our own file counts", "8080\n", DEFAULT,
     {"/etc/sysctl.d/50-x.conf", HM_LINUX_SYSCTL_FILE}, {KEY "9000\n", KEY "8080\n"}, NULL, NULL,
     false},
    {"a name that sorts late is before ours", "8080\n", DEFAULT,
     {"/etc/sysctl.d/zzzzzz-site.conf", HM_LINUX_SYSCTL_FILE}, {KEY "9000\n", KEY "8080\n"}, NULL,
     NULL, false},
    {"and before the file of a remedy, which is before ours", "8080\n", DEFAULT,
     {"/etc/sysctl.d/zzzzzzz-site.conf", "/etc/sysctl.d/zzzzzzzz-reserved-ports.conf",
      HM_LINUX_SYSCTL_FILE}, {KEY "9000\n", KEY "9001\n", KEY "8080\n"}, NULL, NULL, false},
    {"one behind ours is seen", "8080\n", DEFAULT,
     {HM_LINUX_SYSCTL_FILE, "/etc/sysctl.d/~last.conf"}, {KEY "8080\n", KEY "9000\n"}, "9000",
     NULL, false},
    {"a pattern sets it", "8080\n", DEFAULT, {"/etc/sysctl.d/50-x.conf"},
     {"net.ipv4.ip_local_reserved_* = 8080\n"}, NULL, NULL, false},
    {"a name outranks a pattern, wherever it stands", "8080\n", DEFAULT,
     {"/etc/sysctl.d/50-x.conf", "/etc/sysctl.d/60-x.conf"},
     {KEY "8080\n", "net/ipv4/ip_local_reserved_p* = 9000\n"}, NULL, NULL, false},
    {"the last pattern counts", "8080\n", DEFAULT, {"/etc/sysctl.d/50-x.conf"},
     {"net.*.ip_local_reserved_ports = 9000\n-net.ipv4.ip_local_reserved_port? = 8080\n"}, NULL,
     NULL, false},
    {"a name without a value is no part of patterns", "8080\n", DEFAULT,
     {"/etc/sysctl.d/50-x.conf"},
     {"net.ipv4.ip_local_reserved_* = 8080\n-net.ipv4.ip_local_reserved_ports\n"}, "", NULL, false},
    {"a star is one part of a name", "8080\n", DEFAULT, {"/etc/sysctl.d/50-x.conf"},
     {"net.* = 8080\nnet.ipv4.*.ip_local_reserved_ports = 8080\n"}, "", NULL, false},
    {"a pattern over both: the range has one number, its first", "8080\n", DEFAULT,
     {"/etc/sysctl.d/50-x.conf"}, {"net.ipv4.ip_local_* = 8080\n"}, NULL, "8080-60999", false},
    {"a pattern over both sets what takes the value", "8080,9000\n", DEFAULT,
     {"/etc/sysctl.d/50-x.conf"}, {"net.ipv4.ip_local_* = 8080,9000\n"}, NULL, NULL, false},
    {"a hidden file is not read", "\n", DEFAULT, {"/etc/sysctl.d/.50-x.conf"}, {KEY "8080\n"},
     NULL, NULL, false},
    {"systemd does not read sysctl.conf", "8080\n", DEFAULT,
     {"/run/systemd/system/x", "/etc/sysctl.conf"}, {"", KEY "8080\n"}, "", NULL, false},
    {"others read it last", "8080\n", DEFAULT, {"/etc/sysctl.d/50-x.conf", "/etc/sysctl.conf"},
     {KEY "9000\n", KEY "8080\n"}, NULL, NULL, false},
    {"range at run time only", "\n", "1024\t65000\n", {NULL}, {NULL}, NULL, "32768-60999", false},
    {"range of an older kernel", "\n", "32768\t61000\n", {NULL}, {NULL}, NULL, NULL, false},
    {"range written", "\n", DEFAULT, {"/etc/sysctl.d/50-x.conf"}, {RANGE "1024 65000\n"}, NULL,
     "1024-65000", false},
    {"of a container", "8080\n", DEFAULT, {"/.dockerenv"}, {""}, NULL, NULL, true},
    {"of a container, as the kernel sets it", "\n", DEFAULT, {"/.dockerenv"}, {""}, NULL, NULL,
     false},
    {"of a container with a range", "\n", "1024\t65000\n", {"/.dockerenv"}, {""}, NULL, NULL, true},
    {"on the kernel's command line", "8080\n", DEFAULT, {"/proc/cmdline"},
     {"quiet sysctl.net.ipv4.ip_local_reserved_ports=8080\n"}, NULL, NULL, true},
    {"by a tuned profile", "8080\n", DEFAULT,
     {"/etc/tuned/active_profile", "/usr/lib/tuned/db/tuned.conf"},
     {"db\n", "[sysctl]\nnet.ipv4.ip_local_port_range = 9000 65499\n"}, NULL, NULL, true},
    {"tuned with another purpose", "8080\n", DEFAULT,
     {"/etc/tuned/active_profile", "/usr/lib/tuned/db/tuned.conf"},
     {"db\n", "[vm]\ntransparent_hugepages=never\n"}, "", NULL, false},
};
/* clang-format on */

static void put(const char *root, const char *path, const char *text)
{
    char full[512];
    char folder[512];

    (void)snprintf(full, sizeof(full), "%s%s", root, path);
    (void)snprintf(folder, sizeof(folder), "%s", full);
    *strrchr(folder, '/') = '\0';
    assert_int_equal(hm_os_make_folder(folder, 0755, NULL), HM_OK);
    assert_int_equal(hm_os_replace_file(full, text, strlen(text), false, NULL), HM_OK);
}

static void remove_tree(const char *path)
{
    struct hm_strings names = {NULL, 0};
    struct hm_arena arena;

    hm_arena_init(&arena, HM_LIMIT_CYCLE_ARENA_BYTES);
    if (hm_os_list_folder(path, &arena, &names, NULL) == HM_OK) {
        for (size_t i = 0; i < names.count; i++) {
            remove_tree(hm_arena_printf(&arena, "%s/%s", path, names.at[i]));
        }
        (void)rmdir(path);
    } else {
        (void)unlink(path);
    }
    hm_arena_fini(&arena);
}

static const char *range_text(const struct hm_stack *stack, char out[32])
{
    (void)snprintf(out, 32, "%u-%u", (unsigned)stack->next_dynamic.first,
                   (unsigned)stack->next_dynamic.last);
    return out;
}

static void check(const struct row *row)
{
    char root[] = "/tmp/hm-linux-next-XXXXXX";
    const struct hm_stack *stack;
    struct hm_stacks stacks;
    struct hm_notes notes;
    struct hm_arena arena;
    struct hm_err err;
    char text[32];

    print_message("%s\n", row->name);
    assert_non_null(mkdtemp(root));
    hm_arena_init(&arena, HM_LIMIT_CYCLE_ARENA_BYTES);
    hm_notes_init(&notes, &arena);
    put(root, "/proc/sys/net/ipv4/ip_local_reserved_ports", row->reserved);
    put(root, "/proc/sys/net/ipv4/ip_local_port_range", row->range);
    for (size_t i = 0; i < FILES && row->path[i] != NULL; i++) {
        put(root, row->path[i], row->text[i]);
    }
    assert_int_equal(hm_linux_stacks(root, &notes, &stacks, &err), HM_OK);
    assert_int_equal(stacks.count, HM_STACK_COUNT);
    for (size_t i = 0; i < stacks.count; i++) {
        stack = &stacks.at[i];
        assert_int_equal(stack->next_unknown, row->unknown);
        assert_int_equal(stack->has_next_administered, row->next_reserved != NULL);
        assert_int_equal(stack->has_next_dynamic, row->next_range != NULL);
        if (row->next_reserved != NULL) {
            assert_string_equal(hm_ports_text(stack->next_administered, &arena),
                                row->next_reserved);
        }
        if (row->next_range != NULL) {
            assert_string_equal(range_text(stack, text), row->next_range);
        }
    }
    hm_arena_fini(&arena);
    remove_tree(root);
}

static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        check(&rows[i]);
    }
}

#define MORE "/etc/sysctl.d/80-more.conf"
#define REMEDY "/etc/sysctl.d/zzzzzzzz-reserved-ports.conf"
#define RANGE_REMEDY "/etc/sysctl.d/zzzzzzzz-port-range.conf"

/* Lists that a later file replaces, and files that a remedy must not write from the start. */
static void test_files_of_others(void **state)
{
    static const struct {
        const char *path[FILES];
        const char *text[FILES];
        const char *file; /* NULL: nothing is hidden */
        const char *by;
        const char *ports;
        bool mixed;
    } cases[] = {
        {{NULL},                                {NULL},                                                 NULL, NULL,   NULL,   false},
        {{MORE},                                {KEY "6666\n"},                                         NULL, NULL,   NULL,   false},
        {{MORE, REMEDY},                        {KEY "6666\n", KEY "5432\n"},                           MORE, REMEDY, "6666", false},
        {{MORE, REMEDY},                        {KEY "6666,7000\n", KEY "5432,6666-6999\n"},            MORE, REMEDY, "7000", false},
        {{MORE, REMEDY},                        {KEY "6666\n", KEY "5432,6666\n"},                      NULL, NULL,   NULL,   false},
        {{"/usr/lib/sysctl.d/50-a.conf", MORE},
         {KEY "1111\n", "net.ipv4.tcp_fin_timeout = 30\n" KEY "6666\n"},
         "/usr/lib/sysctl.d/50-a.conf",                                                                       MORE,
         "1111",                                                                                                              false},
        {{MORE, REMEDY, HM_LINUX_SYSCTL_FILE},
         {KEY "6666\n", KEY "5432\n", KEY "5432,40000\n"},
         NULL,                                                                                                NULL,
         NULL,                                                                                                                false}, /* the agent's file: it repeats them */
        {{MORE, REMEDY, "/.dockerenv"},         {KEY "6666\n", KEY "5432\n", ""},                       NULL, NULL,   NULL,   false},
        {{MORE},                                {"net.ipv4.tcp_fin_timeout = 30\n"},                    NULL, NULL,   NULL,   false},
        {{REMEDY},                              {"\n-net/ipv4/ip_local_reserved_ports=1\n"},            NULL, NULL,   NULL,   false},
        {{REMEDY},                              {KEY "1\nnet.ipv4.tcp_fin_timeout = 30"},               NULL, NULL,   NULL,   true },
        {{REMEDY},                              {"# for billing\n" KEY "1\n"},                          NULL, NULL,   NULL,   true },
        {{REMEDY},                              {KEY "1\nnet.ipv4.ip_local_reserved_ports_more = 2\n"}, NULL, NULL,   NULL,   true },
        {{RANGE_REMEDY},                        {RANGE "32768 60999\n"},                                NULL, NULL,   NULL,   false},
        {{RANGE_REMEDY "/x"},                   {""},                                                   NULL, NULL,   NULL,   true }, /* cannot be read */
        {{RANGE_REMEDY},                        {RANGE "32768 60999\nvm.swappiness = 1\n"},             NULL, NULL,   NULL,   true },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        char root[] = "/tmp/hm-linux-next-XXXXXX";
        struct hm_hidden_ports hidden = {NULL, 0, NULL};
        struct hm_arena arena;
        struct hm_err err;
        bool mixed = !cases[i].mixed;

        print_message("case %zu\n", i);
        assert_non_null(mkdtemp(root));
        hm_arena_init(&arena, HM_LIMIT_CYCLE_ARENA_BYTES);
        for (size_t k = 0; k < FILES && cases[i].path[k] != NULL; k++) {
            put(root, cases[i].path[k], cases[i].text[k]);
        }
        assert_int_equal(hm_linux_sysctl_hidden(root, &arena, &hidden, &err), HM_OK);
        assert_int_equal(hm_linux_sysctl_mixed(root, &arena, &mixed, &err), HM_OK);
        assert_int_equal(mixed, cases[i].mixed);
        assert_int_equal(hidden.by != NULL, cases[i].file != NULL);
        if (hidden.by != NULL) {
            const struct hm_hidden_file *last = &hidden.at[hidden.count - 1];

            assert_int_equal(hidden.count, 1);
            assert_string_equal(last->file, cases[i].file);
            assert_string_equal(hidden.by, cases[i].by);
            assert_string_equal(hm_ports_text(last->ports, &arena), cases[i].ports);
        }
        hm_arena_fini(&arena);
        remove_tree(root);
    }
}

/* Each file has its own ports. */
static void test_several_files(void **state)
{
    static const char *const files[] = {"/etc/sysctl.d/70-a.conf", MORE, REMEDY};
    static const char *const texts[] = {KEY "1111\n", KEY "5432,6666\n", KEY "5432\n"};
    static const char *const ports[] = {"1111", "6666"};
    char root[] = "/tmp/hm-linux-next-XXXXXX";
    struct hm_hidden_ports hidden = {NULL, 0, NULL};
    struct hm_arena arena;
    struct hm_err err;

    (void)state;
    assert_non_null(mkdtemp(root));
    hm_arena_init(&arena, HM_LIMIT_CYCLE_ARENA_BYTES);
    for (size_t i = 0; i < HM_COUNT(files); i++) {
        put(root, files[i], texts[i]);
    }
    assert_int_equal(hm_linux_sysctl_hidden(root, &arena, &hidden, &err), HM_OK);
    assert_int_equal(hidden.count, HM_COUNT(ports));
    for (size_t i = 0; i < HM_COUNT(ports); i++) {
        assert_string_equal(hidden.at[i].file, files[i]);
        assert_string_equal(hm_ports_text(hidden.at[i].ports, &arena), ports[i]);
    }
    hm_arena_fini(&arena);
    remove_tree(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_files_of_others),
        cmocka_unit_test(test_several_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
