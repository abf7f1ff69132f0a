/* tests/contract/test_platform.c — one suite for every platform that has a list for the whole
 * system: what is changed is shown, what is refused changes nothing, what is taken back is gone.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/platform.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "common/os/os.h"
#include "tests/support/temp_folder.h"

#define FILES_MAX 3

struct file {
    const char *folder;
    const char *name;
    const char *text;
};

/* How a Linux host with 8080 reserved by others is made for each platform. */
struct maker {
    const struct hm_platform_ops *ops;
    struct file files[FILES_MAX];
    const char *changed_folder; /* where a change leaves a file of its own … */
    const char *changed_file;   /* … of this name */
};

static const struct maker makers[] = {
    {&hm_platform_native,
     {{"/proc/sys/net/ipv4", "ip_local_port_range", "32768\t60999\n"},
      {"/proc/sys/net/ipv4", "ip_local_reserved_ports", "8080\n"}},
     "/etc/sysctl.d", "zzzzzzzzz-havenmaster.conf"},
    {&hm_platform_recorded,
     {{"", "host.json", "{\"os\":{\"family\":\"linux\",\"version\":\"6.1.0\"}}"},
      {"", "sysctl.txt",
       "net.ipv4.ip_local_port_range = 32768 60999\n"
       "net.ipv4.ip_local_reserved_ports = 8080\n"}},
     "",              "changes.json"              },
};

struct host {
    const struct maker *maker;
    char root[512];
    struct hm_arena arena;
    struct hm_platform *platform;
    struct hm_err err;
};

static void remove_tree(struct host *host, const char *path)
{
    struct hm_strings names = {NULL, 0};

    if (hm_os_list_folder(path, &host->arena, &names, NULL) != HM_OK) {
        assert_int_equal(hm_os_remove_file(path, &host->err), HM_OK);
        return;
    }
    for (size_t i = 0; i < names.count; i++) {
        remove_tree(host, hm_arena_printf(&host->arena, "%s/%s", path, names.at[i]));
    }
    assert_int_equal(hm_os_remove_folder(path, &host->err), HM_OK);
}

static void start(struct host *host, const struct maker *maker)
{
    memset(host, 0, sizeof(*host));
    host->maker = maker;
    temp_folder_make(host->root, sizeof(host->root));
    hm_arena_init(&host->arena, HM_LIMIT_CYCLE_ARENA_BYTES);
    for (size_t i = 0; i < FILES_MAX && maker->files[i].name != NULL; i++) {
        const struct file *file = &maker->files[i];
        const char *folder = hm_arena_printf(&host->arena, "%s%s", host->root, file->folder);
        const char *path = hm_arena_printf(&host->arena, "%s/%s", folder, file->name);

        assert_int_equal(hm_os_make_folder(folder, 0755, &host->err), HM_OK);
        assert_int_equal(
            hm_os_replace_file(path, file->text, strlen(file->text), false, &host->err), HM_OK);
    }
    assert_int_equal(maker->ops->open(host->root, &host->platform, &host->err), HM_OK);
}

static void stop(struct host *host)
{
    host->maker->ops->close(host->platform);
    remove_tree(host, host->root);
    hm_arena_fini(&host->arena);
}

static bool left_a_file(struct host *host)
{
    return hm_os_exists(hm_arena_printf(&host->arena, "%s%s/%s", host->root,
                                        host->maker->changed_folder, host->maker->changed_file));
}

static struct hm_ports ports(struct host *host, const char *text)
{
    struct hm_ports list;

    assert_int_equal(hm_ports_parse(text, strlen(text), &host->arena, &list, &host->err), HM_OK);
    return list;
}

static enum hm_status act(struct host *host, const struct hm_action *action)
{
    return host->maker->ops->change(host->platform, action, &host->arena, &host->err);
}

static enum hm_status reserve(struct host *host, const char *all, const char *ours)
{
    struct hm_owned row = {"payroll", 1, ports(host, ours), ""};
    const struct hm_action action = {
        .kind = HM_ACTION_SET_SYSCTL_RESERVED,
        .ports = ports(host, all),
        .owned = {&row, row.ports.count > 0 ? 1 : 0},
        .restores = row.ports.count == 0
    };

    return act(host, &action);
}

/* "32768-60999: 8080", the same in all four stacks. */
static const char *shown(struct host *host)
{
    struct hm_inventory inventory = {.os = {.family = HM_OS_LINUX}, .has_services = true};
    const char *text = NULL;

    assert_int_equal(
        host->maker->ops->reread(host->platform, NULL, &host->arena, &inventory, &host->err),
        HM_OK);
    assert_true(inventory.has_services); /* other facts stay */
    assert_int_equal(inventory.stacks.count, HM_STACK_COUNT);
    for (size_t i = 0; i < HM_STACK_COUNT; i++) {
        const struct hm_stack *stack = &inventory.stacks.at[i];
        const char *one = hm_arena_printf(&host->arena, "%u-%u: %s", (unsigned)stack->dynamic.first,
                                          (unsigned)stack->dynamic.last,
                                          hm_ports_text(stack->administered, &host->arena));

        assert_true(stack->has_dynamic && stack->has_administered && stack->has_runtime);
        assert_true(text == NULL || strcmp(one, text) == 0);
        text = one;
    }
    return text;
}

static void check_list(struct host *host)
{
    assert_string_equal(shown(host), "32768-60999: 8080");
    assert_false(left_a_file(host));
    assert_int_equal(reserve(host, "8080,9933,9955", "9933,9955"), HM_OK);
    assert_string_equal(shown(host), "32768-60999: 8080,9933,9955");
    assert_true(left_a_file(host));
    assert_int_equal(reserve(host, "8080,9933,9955", "9933,9955"), HM_OK); /* again: no harm */
    assert_string_equal(shown(host), "32768-60999: 8080,9933,9955");
    assert_int_equal(reserve(host, "8080", ""), HM_OK);
    assert_string_equal(shown(host), "32768-60999: 8080");
    assert_false(left_a_file(host));
    assert_int_equal(reserve(host, "", ""), HM_OK);
    assert_string_equal(shown(host), "32768-60999: ");
}

static void check_range(struct host *host)
{
    struct hm_action action = {
        .kind = HM_ACTION_SET_RANGE, .has_range = true, .range = {40000, 60999}
    };

    assert_int_equal(act(host, &action), HM_OK);
    assert_string_equal(shown(host), "40000-60999: 8080");
    action.range.first = 32768;
    action.restores = true;
    assert_int_equal(act(host, &action), HM_OK);
    assert_string_equal(shown(host), "32768-60999: 8080");
    assert_false(left_a_file(host));
}

static void check_refused(struct host *host)
{
    const struct hm_range range = {9955, 9955};
    struct hm_action actions[4] = {{.kind = HM_ACTION_ADD_EXCLUSION}};

    for (size_t i = 0; i < HM_COUNT(actions); i++) {
        actions[i].has_protocol = true;
        actions[i].has_family = true;
        actions[i].has_range = true;
        actions[i].range = (struct hm_range){40000, 60999};
        actions[i].ports = (struct hm_ports){&range, 1};
    }
    actions[1].kind = HM_ACTION_REMOVE_EXCLUSION;
    actions[2].kind = HM_ACTION_SET_RANGE; /* of one family: this system has one range for all */
    actions[3].kind = HM_ACTION_SET_RESERVED_PORTS;

    for (size_t i = 0; i < HM_COUNT(actions); i++) {
        host->err.text[0] = '\0';
        assert_int_equal(act(host, &actions[i]), HM_EUNSUPPORTED);
        assert_string_not_equal(host->err.text, "");
        assert_string_equal(shown(host), "32768-60999: 8080");
        assert_false(left_a_file(host));
    }
}

static void check_observed(struct host *host)
{
    struct hm_observation seen;
    const char *why = NULL;

    assert_int_equal(reserve(host, "8080,9955", "9955"), HM_OK);
    assert_int_equal(host->maker->ops->observe(host->platform, &host->arena, &seen, &host->err),
                     HM_OK);
    assert_string_equal(hm_ports_text(seen.inventory.stacks.at[2].administered, &host->arena),
                        "8080,9955");
    assert_int_equal(
        host->maker->ops->try_ephemeral(host->platform, &host->arena, &why, &host->err), HM_OK);
    assert_string_equal(why, "");
}

static void check_kept(struct host *host)
{
    const struct hm_ledger nothing = {.has_sysctl = false};
    struct hm_owned row = {"payroll", 1, ports(host, "9955"), ""};
    const struct hm_ledger ledger = {.has_sysctl = true, .sysctl = {.owned = {&row, 1}}};
    const struct hm_platform_ops *ops = host->maker->ops;
    struct hm_kept kept = {.lacked = true};

    if (ops->keep == NULL) {
        return;
    }
    assert_int_equal(reserve(host, "8080,9955", "9955"), HM_OK);
    assert_int_equal(ops->keep(host->platform, &ledger, &host->arena, &kept, &host->err), HM_OK);
    assert_false(kept.lacked);
    assert_int_equal(ops->keep(host->platform, &nothing, &host->arena, &kept, &host->err), HM_OK);
    assert_false(kept.lacked);                                  /* what is too much is no loss */
    assert_string_equal(shown(host), "32768-60999: 8080,9955"); /* not touched */
    assert_false(left_a_file(host));
}

static void with_each(void (*check)(struct host *host))
{
    for (size_t i = 0; i < HM_COUNT(makers); i++) {
        struct host host;

        print_message("%s\n", makers[i].ops->name);
        start(&host, &makers[i]);
        check(&host);
        stop(&host);
    }
}

#define PLATFORM_TEST(name)                                                                        \
    static void test_##name(void **state)                                                          \
    {                                                                                              \
        (void)state;                                                                               \
        with_each(check_##name);                                                                   \
    }
PLATFORM_TEST(list)
PLATFORM_TEST(range)
PLATFORM_TEST(refused)
PLATFORM_TEST(observed)
PLATFORM_TEST(kept)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list),    cmocka_unit_test(test_range),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_observed),
        cmocka_unit_test(test_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
