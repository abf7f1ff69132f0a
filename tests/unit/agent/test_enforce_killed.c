/* tests/unit/agent/test_enforce_killed.c — an agent that is killed between any two steps: ledger
 * and system agree afterwards, and what it added goes again, byte for byte.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A child makes the pass and leaves at its n-th step, for every n until it survives; the parent
 * then goes on as the next start of the agent would. On recorded hosts of each kind, and as root on
 * the real kernel in namespaces of its own. */
#include "agent/enforce/enforce.h"

#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "common/os/os.h"
#include "common/wire/records.h"
#include "tests/support/temp_folder.h"

#define KILLED 9
#define STEPS_MOST 400
#define RESERVED "/proc/sys/net/ipv4/ip_local_reserved_ports"
#define RANGE "/proc/sys/net/ipv4/ip_local_port_range"
#define SYSCTL_FILE "/etc/sysctl.d/zzzzzzzzz-havenmaster.conf"
#define BOOT_FILE "/etc/sysctl.d/havenmaster-reserve.ports"
#define UNITS "/run/systemd/system"
#define UNIT "havenmaster-reserve.service"
#define NOW_MS 1795608000000

struct host {
    const char *fixture; /* NULL = this kernel */
    const char *ports;   /* that the policy wants */
    const char *range;
    const char *more;     /* further members of the policy */
    const char *foreign;  /* rows of others on a modern Windows, or a line of sysctl.txt */
    const char *verified; /* outcome when all is done */
    bool unit;            /* a unit of systemd reserves the ports at each boot */
};

static const struct host hosts[] = {
    {"i2-exchange-2013-exposed", "8131-8132",   "10000-65534", "",                               "6500-6559",        "verified", false},
    {"i1-payroll-2003",          "1500,1600",   "1025-60000",  ",\"tcp_timed_wait_delay_s\":60", NULL,
     "waiting",                                                                                                                  false},
    {"i4-mail-2003",             "1500,1600",   "1025-60000",  ",\"tcp_timed_wait_delay_s\":60", NULL,               "waiting",
     false                                                                                                                            },
    {"linux-web",                "40000,40010", "30000-60999", "",                               "8080,50000-50059", "verified", false},
    {NULL,                       "40000,40010", "30000-60999", "",                               "8080,50000-50059", "verified", false},
    {NULL,                       "40000,40010", "30000-60999", "",                               "8080,50000-50059", "verified", true },
};

struct scene {
    const struct host *host;
    char folder[64]; /* of the recorded host */
    char state_dir[64];
    struct hm_arena arena;
    struct hm_policy policy;
    const struct hm_policy *policies[1];
    unsigned steps_left;
    char *before; /* what the host shows without us */
};

static int64_t now_ms(void)
{
    return NOW_MS;
}

/* ---- the host ------------------------------------------------------------------------------ */

static void put(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static const struct hm_platform_ops *ops_of(const struct scene *scene)
{
    return scene->host->fixture == NULL ? &hm_platform_native : &hm_platform_recorded;
}

static void observe(const struct scene *scene, struct hm_platform *platform, struct hm_arena *arena,
                    struct hm_observation *out)
{
    struct hm_err err;

    memset(out, 0, sizeof(*out));
    if (scene->host->fixture != NULL) {
        if (hm_platform_recorded.observe(platform, arena, out, &err) != HM_OK) {
            fail_msg("%s", err.text);
        }
        return;
    }
    out->boot_id = "boot-1"; /* who else runs on this machine does not matter here */
    out->inventory.os = (struct hm_os){HM_OS_LINUX, "Linux", "6.1", 0, "x86_64", "C"};
    out->inventory.has_listeners = true;
    out->inventory.has_services = true;
    assert_int_equal(hm_platform_native.reread(platform, NULL, arena, &out->inventory, &err),
                     HM_OK);
}

static void copy_host(struct scene *scene)
{
    struct hm_strings names;
    const char *from = hm_arena_printf(&scene->arena, "%s/tests/fixtures/hosts/%s", HM_SOURCE_DIR,
                                       scene->host->fixture);

    assert_int_equal(hm_os_list_folder(from, &scene->arena, &names, NULL), HM_OK);
    for (size_t i = 0; i < names.count; i++) {
        const char *path = hm_arena_printf(&scene->arena, "%s/%s", from, names.at[i]);
        const char *to = hm_arena_printf(&scene->arena, "%s/%s", scene->folder, names.at[i]);
        char *text;
        size_t len;

        if (strncmp(names.at[i], "services", strlen("services")) == 0) {
            continue; /* of a thousand kills none depends on how services start */
        }
        assert_int_equal(hm_os_read_file(path, 1u << 20, &scene->arena, &text, &len, NULL), HM_OK);
        assert_int_equal(hm_os_replace_file(to, text, len, false, NULL), HM_OK);
    }
}

/* Somebody else's exclusions, made as they make them. */
static void add_foreign(struct scene *scene)
{
    struct hm_platform *platform;
    struct hm_action action = {
        .kind = HM_ACTION_ADD_EXCLUSION, .has_protocol = true, .has_family = true, .policy = ""};
    struct hm_err err;

    assert_int_equal(hm_ports_parse(scene->host->foreign, strlen(scene->host->foreign),
                                    &scene->arena, &action.ports, NULL),
                     HM_OK);
    assert_int_equal(hm_platform_recorded.open(scene->folder, &platform, &err), HM_OK);
    for (unsigned family = 0; family < 2; family++) {
        struct hm_observation seen;

        observe(scene, platform, &scene->arena, &seen);
        action.family = (enum hm_family)family;
        if (hm_platform_recorded.change(platform, &action, &scene->arena, &err) != HM_OK) {
            fail_msg("%s", err.text);
        }
    }
    hm_platform_recorded.close(platform);
}

static void reset_host(struct scene *scene)
{
    const struct host *host = scene->host;

    temp_folder_remove(scene->state_dir);
    assert_int_equal(hm_os_make_folder(scene->state_dir, 0700, NULL), HM_OK);
    if (host->fixture == NULL) {
        put(RESERVED, host->foreign);
        put(RANGE, "32768 60999");
        put("/etc/sysctl.d/50-foreign.conf",
            "net.ipv4.ip_local_reserved_ports = 8080,50000-50059\n");
        (void)unlink(SYSCTL_FILE);
        (void)unlink(BOOT_FILE);
        return;
    }
    temp_folder_remove(scene->folder);
    assert_int_equal(hm_os_make_folder(scene->folder, 0700, NULL), HM_OK);
    copy_host(scene);
    if (strcmp(host->fixture, "linux-web") == 0) {
        put(hm_arena_printf(&scene->arena, "%s/sysctl.txt", scene->folder),
            "net.ipv4.ip_local_port_range = 32768\t60999\n"
            "net.ipv4.ip_local_reserved_ports = 8080,50000-50059\n");
    } else if (host->foreign != NULL) {
        add_foreign(scene);
    }
}

/* Facts, and the bytes of every file that keeps a change. */
static char *show(struct scene *scene)
{
    static const char *const files[] = {SYSCTL_FILE, BOOT_FILE, RESERVED, RANGE};
    struct hm_platform *platform;
    struct hm_observation seen;
    struct hm_arena arena;
    struct hm_buf out;
    struct hm_err err;
    char *copy;

    hm_arena_init(&arena, HM_LIMIT_CYCLE_ARENA_BYTES);
    hm_buf_init(&out, HM_LIMIT_REPLY_BYTES);
    assert_int_equal(ops_of(scene)->open(scene->folder, &platform, &err), HM_OK);
    observe(scene, platform, &arena, &seen);
    assert_int_equal(hm_record_encode_pretty(&hm_record_inventory, &seen.inventory, &out, &err),
                     HM_OK);
    ops_of(scene)->close(platform);
    for (size_t i = 0; i < HM_COUNT(files); i++) {
        const char *path = scene->host->fixture == NULL
                               ? files[i]
                               : hm_arena_printf(&arena, "%s/changes.json", scene->folder);
        char *text;
        size_t len;

        if (hm_os_read_file(path, 1u << 20, &arena, &text, &len, NULL) == HM_OK) {
            (void)hm_buf_puts(&out, text);
        }
    }
    copy = hm_arena_strdup(&scene->arena, hm_buf_text(&out));
    hm_buf_fini(&out);
    hm_arena_fini(&arena);
    assert_non_null(copy);
    return copy;
}

/* ---- passes -------------------------------------------------------------------------------- */

static void step(const char *name, void *arg)
{
    struct scene *scene = arg;

    (void)name;
    if (scene->steps_left-- == 0) {
        _exit(KILLED);
    }
}

enum what { APPLY, RETIRE, RESTORE };

/* One start of the agent and one pass of it; the state of the policy, "" none. */
static const char *run(struct scene *scene, enum what what, unsigned steps)
{
    struct hm_enforcer_options options = {.state_dir = scene->state_dir,
                                          .ops = ops_of(scene),
                                          .now_ms = now_ms,
                                          .step = step,
                                          .step_arg = scene};
    struct hm_enforce_pass pass = {
        .policies = {scene->policies, 1},
          .desired_error = ""
    };
    struct hm_catalogue catalogue = {NULL, 0};
    struct hm_observation seen;
    struct hm_enforcer *enforcer;
    struct hm_arena arena;
    const char *state = "";
    struct hm_err err;
    enum hm_status st;

    scene->steps_left = steps;
    scene->policy.mode = what == RETIRE ? HM_POLICY_RETIRE : HM_POLICY_ENFORCE;
    scene->policy.revision = what == RETIRE ? 2 : 1;
    hm_arena_init(&arena, HM_LIMIT_CYCLE_ARENA_BYTES);
    assert_int_equal(ops_of(scene)->open(scene->folder, &options.platform, &err), HM_OK);
    assert_int_equal(hm_enforcer_open(&options, &enforcer, &err), HM_OK);
    observe(scene, options.platform, &arena, &seen);
    pass.host = "host";
    pass.catalogue = &catalogue;
    pass.observation = &seen;
    pass.arena = &arena;
    st = what == RESTORE ? hm_enforcer_restore(enforcer, &pass, &err)
                         : hm_enforce(enforcer, &pass, &err);
    if (st != HM_OK) {
        fail_msg("%s", err.text);
    }
    if (pass.report.policies.count > 0) {
        const struct hm_outcome *row = &pass.report.policies.at[0];

        state = hm_outcome_state_names[row->state];
        if (row->state == HM_OUTCOME_FAILED || row->state == HM_OUTCOME_REFUSED) {
            print_message("%s\n", row->text);
        }
    }
    if (what != APPLY && !hm_ledger_is_empty(&pass.report.ledger)) {
        fail_msg("%s", "something is left in the ledger");
    }
    hm_enforcer_close(enforcer);
    ops_of(scene)->close(options.platform);
    hm_arena_fini(&arena);
    return state;
}

/* True when the child was killed before its end. */
static bool run_killed(struct scene *scene, enum what what, unsigned steps)
{
    int status = 0;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        (void)run(scene, what, steps);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_true(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == KILLED);
    return WEXITSTATUS(status) == KILLED;
}

/* What a host that was never killed shows after this. */
static void go_on(struct scene *scene, enum what then, const char *applied)
{
    if (then == APPLY) {
        assert_string_equal(run(scene, APPLY, STEPS_MOST), scene->host->verified);
        assert_string_equal(show(scene), applied);
        then = RETIRE;
    }
    if (then == RETIRE) {
        assert_string_equal(run(scene, RETIRE, STEPS_MOST), "retired");
    } else {
        (void)run(scene, RESTORE, STEPS_MOST);
    }
    assert_string_equal(show(scene), scene->before);
}

static void test_killed_anywhere(struct scene *scene)
{
    static const enum what cases[][2] = {
        {APPLY,   APPLY  },
        {APPLY,   RESTORE},
        {RETIRE,  RETIRE },
        {RESTORE, RESTORE},
    };
    unsigned kills = 0;
    char *applied;

    reset_host(scene);
    scene->before = show(scene);
    assert_string_equal(run(scene, APPLY, STEPS_MOST), scene->host->verified);
    applied = show(scene);
    assert_string_not_equal(applied, scene->before);
    for (size_t i = 0; i < HM_COUNT(cases); i++) {
        bool killed = true;

        for (unsigned steps = 0; killed; steps++) {
            assert_true(steps < STEPS_MOST);
            reset_host(scene);
            if (cases[i][0] != APPLY) {
                assert_string_equal(run(scene, APPLY, STEPS_MOST), scene->host->verified);
            }
            killed = run_killed(scene, cases[i][0], steps);
            kills += killed ? 1 : 0;
            go_on(scene, cases[i][1], applied);
        }
    }
    print_message("%s: %u kills\n",
                  scene->host->fixture != NULL ? scene->host->fixture : "this kernel", kills);
    assert_true(kills > 40);
}

/* ---- scenes -------------------------------------------------------------------------------- */

static void begin(struct scene *scene, const struct host *host)
{
    const char *json;

    memset(scene, 0, sizeof(*scene));
    scene->host = host;
    hm_arena_init(&scene->arena, 1u << 30);
    if (host->fixture != NULL) {
        temp_folder_make(scene->folder, sizeof(scene->folder));
    }
    temp_folder_make(scene->state_dir, sizeof(scene->state_dir));
    json = hm_arena_printf(
        &scene->arena,
        "{\"name\":\"one\",\"revision\":1,\"owner\":\"o\",\"reason\":\"r\",\"review\":"
        "\"2030-01-01T00:00:00Z\",\"match\":{\"hosts\":[\"*\"]},\"mode\":\"enforce\","
        "\"reservations\":[{\"protocol\":\"tcp\",\"ports\":\"%s\"}],"
        "\"ranges\":[{\"protocol\":\"tcp\",\"range\":\"%s\"}]%s}",
        host->ports, host->range, host->more);
    assert_non_null(json);
    assert_int_equal(hm_record_decode(&hm_record_policy, json, strlen(json), true, &scene->arena,
                                      &scene->policy, NULL, NULL),
                     HM_OK);
    scene->policies[0] = &scene->policy;
}

static void end(struct scene *scene)
{
    if (scene->folder[0] != '\0') {
        temp_folder_remove(scene->folder);
    }
    temp_folder_remove(scene->state_dir);
    hm_arena_fini(&scene->arena);
}

static void test_recorded(void **state)
{
    const struct host *host = *state;
    struct scene scene;

    begin(&scene, host);
    test_killed_anywhere(&scene);
    end(&scene);
}

/* Nothing of this machine is changed. */
static bool step_aside(void)
{
    return unshare(CLONE_NEWNET | CLONE_NEWNS) == 0 &&
           mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("tmpfs", "/etc/sysctl.d", "tmpfs", 0, NULL) == 0 && access(RESERVED, W_OK) == 0;
}

static void install_unit(void)
{
    assert_int_equal(mount("tmpfs", "/run", "tmpfs", 0, NULL), 0);
    assert_int_equal(hm_os_make_folder(UNITS "/sysinit.target.wants", 0755, NULL), HM_OK);
    put(UNITS "/" UNIT, "[Service]\n");
    assert_int_equal(symlink("../" UNIT, UNITS "/sysinit.target.wants/" UNIT), 0);
}

static void test_real_kernel(void **state)
{
    const struct host *host = *state;
    struct scene scene;

    if (!step_aside()) {
        skip(); /* needs root */
    }
    if (host->unit) {
        install_unit();
    }
    begin(&scene, host);
    test_killed_anywhere(&scene);
    reset_host(&scene);
    (void)run(&scene, APPLY, STEPS_MOST);
    assert_int_equal(access(BOOT_FILE, F_OK) == 0, host->unit);
    end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_recorded, (void *)&hosts[0]),
        cmocka_unit_test_prestate(test_recorded, (void *)&hosts[1]),
        cmocka_unit_test_prestate(test_recorded, (void *)&hosts[2]),
        cmocka_unit_test_prestate(test_recorded, (void *)&hosts[3]),
        cmocka_unit_test_prestate(test_real_kernel, (void *)&hosts[4]),
        cmocka_unit_test_prestate(test_real_kernel, (void *)&hosts[5]),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
