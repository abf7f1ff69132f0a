/* tests/unit/agent/test_tcpip_memory.c — what the agent remembers of registry values: kept,
 * damaged, not writable. SPDX-License-Identifier: Apache-2.0 */
#include "agent/tcpip_memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/os/os.h"
#include "tests/support/temp_folder.h"

struct fixture {
    char folder[64];
    char path[128];
    struct hm_arena arena;
    struct hm_agent_tcpip *tcpip;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    temp_folder_make(fixture->folder, sizeof(fixture->folder));
    (void)snprintf(fixture->path, sizeof(fixture->path), "%s/tcpip.json", fixture->folder);
    hm_arena_init(&fixture->arena, 16u << 20);
    *state = fixture;
    return hm_agent_tcpip_open(fixture->folder, &fixture->tcpip, NULL) == HM_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    hm_agent_tcpip_close(fixture->tcpip);
    temp_folder_remove(fixture->folder);
    hm_arena_fini(&fixture->arena);
    free(fixture);
    return 0;
}

static void reopen(struct fixture *fixture)
{
    hm_agent_tcpip_close(fixture->tcpip);
    fixture->tcpip = NULL;
    assert_int_equal(hm_agent_tcpip_open(fixture->folder, &fixture->tcpip, NULL), HM_OK);
}

/* One observation of a host of 2003 whose ReservedPorts is this line. */
static enum hm_in_force look(struct fixture *fixture, const char *boot_id, const char *line)
{
    static const struct hm_tcpip_times no_times;
    char text[32]; /* gone after the look, as the memory of a cycle is */
    const char *lines[] = {text};
    struct hm_inventory inventory = {
        .os = {.family = HM_OS_WINDOWS, .version = "5.2.3790"},
        .has_registry = true,
    };
    enum hm_in_force in_force;

    (void)snprintf(text, sizeof(text), "%s", line);
    inventory.registry.has_reserved_ports = true;
    inventory.registry.reserved_ports = (struct hm_strings){lines, 1};
    hm_tcpip_decide(&inventory.registry, &no_times, boot_id, hm_agent_tcpip_get(fixture->tcpip));
    in_force = inventory.registry.in_force;
    if (in_force == HM_IN_FORCE_EARLIER) {
        assert_string_equal(inventory.registry.earlier.reserved_ports.at[0], "1812-1812");
    }
    assert_int_equal(hm_agent_tcpip_note(fixture->tcpip, boot_id, &inventory, 0, NULL), HM_OK);
    memset(text, 0, sizeof(text));
    return in_force;
}

static void test_kept(void **state)
{
    struct fixture *fixture = *state;
    struct hm_tcpip_memory read;

    assert_int_equal(hm_agent_tcpip_read(fixture->folder, &fixture->arena, &read, NULL), HM_ENOENT);
    assert_int_equal(look(fixture, "one", "1812-1812"), HM_IN_FORCE_ASSUMED);
    reopen(fixture);
    assert_int_equal(look(fixture, "one", "1812-1812"), HM_IN_FORCE_ASSUMED);
    assert_int_equal(look(fixture, "one", "1812-1813"), HM_IN_FORCE_EARLIER);
    reopen(fixture);
    assert_int_equal(look(fixture, "one", "1812-1813"), HM_IN_FORCE_EARLIER);
    assert_int_equal(look(fixture, "one", "1812-1814"), HM_IN_FORCE_EARLIER);
    assert_int_equal(hm_agent_tcpip_read(fixture->folder, &fixture->arena, &read, NULL), HM_OK);
    assert_string_equal(read.first.reserved_ports.at[0], "1812-1812");
    assert_string_equal(read.last.reserved_ports.at[0], "1812-1814");
    reopen(fixture);
    assert_int_equal(look(fixture, "two", "1812-1814"), HM_IN_FORCE_WRITTEN);
}

/* A damaged memory is none. */
static void test_damaged(void **state)
{
    struct fixture *fixture = *state;
    static const char *const texts[] = {
        "", "{", "[]", "{\"boot_id\":\"one\"}",
        "{\"boot_id\":\"one\",\"in_force\":\"earlier\",\"first\":{},\"last\":{}}"};
    struct hm_tcpip_memory read;

    for (size_t i = 0; i < HM_COUNT(texts); i++) {
        assert_int_equal(hm_os_replace_file(fixture->path, texts[i], strlen(texts[i]), true, NULL),
                         HM_OK);
        assert_int_equal(hm_agent_tcpip_read(fixture->folder, &fixture->arena, &read, NULL),
                         HM_EINVAL);
        reopen(fixture);
        assert_int_equal(look(fixture, "one", "1812-1812"), HM_IN_FORCE_ASSUMED);
        reopen(fixture);
        assert_int_equal(look(fixture, "one", "1812-1813"), HM_IN_FORCE_EARLIER);
    }
}

/* Systems that read the values when they like leave no file. */
static void test_other_systems(void **state)
{
    struct fixture *fixture = *state;
    const struct hm_inventory modern = {
        .os = {.family = HM_OS_WINDOWS, .version = "10.0.17763"},
        .has_registry = true,
    };
    const struct hm_inventory unread = {
        .os = {.family = HM_OS_WINDOWS, .version = "5.2.3790"},
    };

    assert_int_equal(hm_agent_tcpip_note(fixture->tcpip, "one", &modern, 0, NULL), HM_OK);
    assert_int_equal(hm_agent_tcpip_note(fixture->tcpip, "one", &unread, 0, NULL), HM_OK);
    assert_false(hm_os_exists(fixture->path));
}

/* What cannot be saved works until the agent ends, and is saved once it can be. */
static void test_not_saved(void **state)
{
    struct fixture *fixture = *state;
    struct hm_tcpip_memory read;

    temp_folder_remove(fixture->folder);
    assert_int_equal(look(fixture, "one", "1812-1812"), HM_IN_FORCE_ASSUMED);
    assert_int_equal(look(fixture, "one", "1812-1813"), HM_IN_FORCE_EARLIER);
    assert_int_equal(hm_os_make_folder(fixture->folder, 0755, NULL), HM_OK);
    assert_int_equal(look(fixture, "one", "1812-1813"), HM_IN_FORCE_EARLIER);
    assert_int_equal(hm_agent_tcpip_read(fixture->folder, &fixture->arena, &read, NULL), HM_OK);
    assert_string_equal(read.first.reserved_ports.at[0], "1812-1812");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_damaged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_other_systems, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_not_saved, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
