/* tests/unit/agent/test_linux_starts.c — services of systemd that start in less usual ways: tunnels
 * of WireGuard, what others need, timers, clusters, instances of SAP.
 * SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/linux/linux.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/platform/platform.h"
#include "tests/support/inventory_builder.h"
#include "tests/support/linux_files.h"

#define ROOT HM_BINARY_DIR "/linux_starts"
#define KEY "PrivateKey = yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=\n"

static void put_file(const char *path, const char *text)
{
    linux_files_put(ROOT, path, text);
}

static int set_up(void **state)
{
    return linux_files_start_booted(ROOT, state);
}

static void observe(struct hm_arena *arena, struct hm_observation *out)
{
    linux_files_observe(ROOT, arena, out);
}

/* ---- WireGuard ----------------------------------------------------------------------------- */

/* The catalogue's row. */
static void put_tunnel(struct hm_build *build)
{
    struct hm_product *product = hm_build_product(build, "wireguard", "wg-quick@*", NULL);
    struct hm_requirement *row =
        hm_build_require(build, product, "tunnel", HM_UDP, "51820", HM_KIND_KERNEL);

    row->optional = true;
    row->when_down = true;
    row->has_port_from = true;
    row->port_from = HM_BY_WIREGUARD_PORT;
}

/* A tunnel that is down needs the port of its file, or the usual one where there is no file; what
 * another program has blocks it. One without ListenPort is given a port. */
static void test_tunnels(void **state)
{
    static const struct {
        const char *file; /* NULL none */
        bool up;
        uint16_t taken;    /* by dnsmasq, UDP; 0 nothing */
        const char *ports; /* NULL: no verdict */
        enum hm_verdict_state verdict;
    } rows[] = {
        {NULL,                                                   false, 0,     "51820", HM_EXPOSED},
        {NULL,                                                   false, 51820, "51820", HM_BLOCKED},
        {NULL,                                                   true,  51820, NULL,    HM_SAFE   },
        {"[Interface]\n" KEY "ListenPort = 40001\n",             false, 40001, "40001", HM_BLOCKED},
        {"[interface]\n" KEY "listenport=40001 # own\n[Peer]\n", true,  0,     "40001", HM_EXPOSED},
        {"[Interface]\n#ListenPort = 1\nListenPort=443\n",       false, 0,     "443",   HM_SAFE   },
        {"[Interface]\n" KEY "[Peer]\nListenPort = 40001\n",     false, 51820, NULL,    HM_SAFE   },
    };

    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        struct hm_observation seen;
        struct hm_build *build = calloc(1, sizeof(*build));

        print_message("row %zu\n", i);
        assert_non_null(build);
        (void)linux_files_stop(state);
        (void)set_up(state);
        put_file(
            LIB "wg-quick@.service",
            "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/usr/bin/wg-quick up %i\n");
        put_file(MULTI "wg-quick@wg0.service", "-> /usr/lib/systemd/system/wg-quick@.service");
        if (rows[i].file != NULL) {
            put_file("/etc/wireguard/wg0.conf", rows[i].file);
        }
        if (rows[i].up) {
            put_file("/sys/class/net/wg0/uevent", "DEVTYPE=wireguard\n");
        }
        observe(*state, &seen);
        hm_build_init(build, NULL);
        put_tunnel(build);
        build->inventory.services = seen.inventory.services;
        build->inventory.service_details = seen.inventory.service_details;
        build->inventory.has_service_details = true;
        build->inventory.has_configured = seen.inventory.has_configured;
        build->inventory.configured = seen.inventory.configured;
        if (rows[i].taken != 0) {
            hm_build_listener(build, HM_UDP, HM_IPV4, rows[i].taken, "dnsmasq", "dnsmasq",
                              HM_KIND_SOCKET);
        }
        if (rows[i].up) { /* the kernel's, of no process */
            hm_build_listener(build, HM_UDP, HM_IPV4, 40002, "", "", HM_KIND_SOCKET);
        }
        (void)hm_build_judge(build);
        assert_int_equal(build->judgement.verdicts.count, rows[i].ports == NULL ? 0 : 1);
        if (rows[i].ports != NULL) {
            const struct hm_verdict *verdict = &build->judgement.verdicts.at[0];

            assert_true(hm_ports_equal(verdict->ports, hm_build_ports(build, rows[i].ports)));
            assert_int_equal(verdict->state, rows[i].verdict);
        }
        hm_build_fini(build);
        free(build);
    }
}

/* Of the file nothing is known but the port and its path. */
static void test_tunnel_secrets(void **state)
{
    const struct hm_configured *row;
    struct hm_observation seen;

    put_file("/etc/wireguard/wg0.conf", "[Interface]\n" KEY "ListenPort = 40001\n");
    observe(*state, &seen);
    assert_true(seen.inventory.has_configured && seen.inventory.configured.count == 1);
    row = &seen.inventory.configured.at[0];
    assert_int_equal(row->port, 40001);
    assert_string_equal(row->service, "wg-quick@wg0");
    assert_string_equal(row->subject, "/etc/wireguard/wg0.conf");
}

/* ---- started by others --------------------------------------------------------------------- */

static const struct hm_service *find(const struct hm_observation *seen, const char *name)
{
    const struct hm_services *list = &seen->inventory.service_details;

    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->at[i].name, name) == 0) {
            return &list->at[i];
        }
    }
    return NULL;
}

/* A service that is not enabled itself, and that a boot starts all the same; or does not. */
static void test_pulled(void **state)
{
    static const struct {
        const char *path;
        const char *text;
        const char *other_path; /* "" none */
        const char *other_text;
        int start; /* -1: it is not listed */
        bool has_runs;
    } rows[] = {
        {LIB "x.conf",                      "",                                                               "",                                   "",                                                                     -1,                 false},
 /* an enabled service needs it; a service that is not enabled does */
        {LIB "all.service",                 "[Unit]\nWants=etcd.service\n[Service]\nExecStart=/bin/all\n",
         MULTI "all.service",                                                                                                                       "-> /usr/lib/systemd/system/all.service",                               HM_START_AUTOMATIC, true },
        {LIB "all.service",                 "[Unit]\nRequires=etcd.service\n[Service]\nExecStart=/bin/all\n",
         MULTI "all.service",                                                                                                                       "-> /usr/lib/systemd/system/all.service",                               HM_START_AUTOMATIC, true },
        {LIB "all.service",                 "[Unit]\nWants=etcd.service\n[Service]\nExecStart=/bin/all\n",
         LIB "multi-user.target.wants/all.service",                                                                                                 "-> ../all.service",                                                    -1,                 false},
 /* a person's drop-in, and a package's */
        {ETC "multi-user.target.d/10.conf", "[Unit]\nWants=etcd.service\n",                                   "",                                   "",
         HM_START_AUTOMATIC,                                                                                                                                                                                                                    true },
        {LIB "multi-user.target.d/10.conf", "[Unit]\nWants=etcd.service\n",                                   "",                                   "",                                                                     -1,                 false},
 /* timers and paths, enabled and not */
        {LIB "etcd.timer",                  "[Timer]\nOnBootSec=10min\n",                                     ETC "timers.target.wants/etcd.timer",
         "-> /usr/lib/systemd/system/etcd.timer",                                                                                                                                                                           HM_START_TRIGGERED, false},
        {LIB "late.timer",                  "[Timer]\nOnBootSec=10min\nUnit=etcd.service\n",
         ETC "timers.target.wants/late.timer",                                                                                                      "-> /usr/lib/systemd/system/late.timer",
         HM_START_TRIGGERED,                                                                                                                                                                                                                    false},
        {LIB "etcd.timer",                  "[Timer]\nOnBootSec=10min\n",                                     "",                                   "",                                                                     -1,                 false},
        {LIB "etcd.path",                   "[Path]\nPathExists=/etc/etcd\n",                                 ETC "paths.target.wants/etcd.path",
         "-> /usr/lib/systemd/system/etcd.path",                                                                                                                                                                            HM_START_TRIGGERED, true },
 /* a cluster's resource, and another one */
        {MULTI "pacemaker.service",         "-> /usr/lib/systemd/system/pacemaker.service",
         "/var/lib/pacemaker/cib/cib.xml",                                                                                                          "<cib><primitive id=\"type\" class=\"systemd\" type=\"etcd\"/></cib>",  HM_START_CLUSTER,
         true                                                                                                                                                                                                                                        },
        {MULTI "pacemaker.service",         "-> /usr/lib/systemd/system/pacemaker.service",
         "/var/lib/pacemaker/cib/cib.xml",                                                                                                          "<cib><primitive id=\"etcd\" class=\"systemd\" type=\"nginx\"/></cib>", -1,                 false},
        {LIB "x.conf",                      "",                                                               "/var/lib/pacemaker/cib/cib.xml",
         "<cib><primitive id=\"ip\" class=\"systemd\" type='etcd'></cib>",                                                                                                                                                  -1,                 false},
    };

    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        const struct hm_service *service;
        struct hm_observation seen;

        print_message("row %zu\n", i);
        (void)linux_files_stop(state);
        (void)set_up(state);
        put_file(LIB "etcd.service", "[Service]\nType=notify\nExecStart=/usr/bin/etcd\n");
        put_file(LIB "pacemaker.service", "[Service]\nExecStart=/usr/sbin/pacemakerd\n");
        put_file(rows[i].path, rows[i].text);
        if (rows[i].other_path[0] != '\0') {
            put_file(rows[i].other_path, rows[i].other_text);
        }
        observe(*state, &seen);
        service = find(&seen, "etcd");
        assert_int_equal(service == NULL ? -1 : (int)service->start, rows[i].start);
        assert_true(service == NULL || service->has_runs == rows[i].has_runs);
        assert_false(seen.inventory.services_partial);
    }
}

/* An agent of OCF whose server has a unit of another name. */
static void test_cluster_agents(void **state)
{
    struct hm_observation seen;

    put_file(LIB "pacemaker.service", "[Service]\nExecStart=/usr/sbin/pacemakerd\n");
    put_file(MULTI "pacemaker.service", "-> /usr/lib/systemd/system/pacemaker.service");
    put_file(LIB "postgresql.service", "[Service]\nExecStart=/usr/bin/postgres\n");
    put_file("/var/lib/pacemaker/cib/cib.xml",
             "<cib><primitive id=\"db\" class=\"ocf\" provider=\"heartbeat\" "
             "type=\"pgsql\"/></cib>");
    observe(*state, &seen);
    assert_non_null(find(&seen, "postgresql"));
    assert_int_equal(find(&seen, "postgresql")->start, HM_START_CLUSTER);
    assert_null(find(&seen, "mariadb"));
}

/* A cluster whose configuration cannot be read: the list of services is not complete. */
static void test_unknown_cluster(void **state)
{
    struct hm_observation seen;

    put_file(LIB "pacemaker.service", "[Service]\nExecStart=/usr/sbin/pacemakerd\n");
    put_file(MULTI "pacemaker.service", "-> /usr/lib/systemd/system/pacemaker.service");
    observe(*state, &seen);
    assert_true(seen.inventory.services_partial);
}

/* ---- ports of files ------------------------------------------------------------------------- */

/* What a host is set up to open, and nothing shows while it is down. */
static void test_set_up_ports(void **state)
{
#define NETDEV "/etc/systemd/network/50-wg.netdev"
#define CONNECTION "/etc/NetworkManager/system-connections/wg.nmconnection"
#define WEB LIB "web.service"
#define WEB_LINK MULTI "web.service"
#define RUN "[Service]\nExecStart=/usr/bin/podman run --rm -d --name web "
#define HOST_CONFIG                                                                                \
    "{\"PortBindings\":{\"80/tcp\":[{\"HostPort\":\"40001\"}]},\"RestartPolicy\":{\"Name\":"       \
    "\"always\"}}"
    static const struct {
        const char *files[4];
        enum hm_configured_by by;
        uint16_t port; /* 40001: in the range; 0: a port that the kernel gives; 1: not listed */
        const char *service;
        bool manual;
        bool partial;
    } rows[] = {
        {{NETDEV, "[NetDev]\nKind=wireguard\n[WireGuard]\n" KEY "ListenPort=40001\n"},
         HM_BY_WIREGUARD_PORT,                                                                                        40001,
         "systemd-networkd",                                                                                                     false,
         false                                                                                                                               },
        {{NETDEV, "[NetDev]\nKind=wireguard\n[WireGuard]\nListenPort=auto\n"},
         HM_BY_WIREGUARD_GIVEN_PORT,                                                                                  0,
         "systemd-networkd",                                                                                                     false,
         false                                                                                                                               },
        {{NETDEV, "[NetDev]\nKind=vxlan\n[VXLAN]\nDestinationPort=4789\n"},
         HM_BY_WIREGUARD_PORT,                                                                                        1,
         "",                                                                                                                     false,
         false                                                                                                                               },
        {{CONNECTION, "[connection]\ntype=wireguard\n[wireguard]\nlisten-port=40001\n"},
         HM_BY_WIREGUARD_PORT,                                                                                        40001,
         "NetworkManager",                                                                                                       false,
         false                                                                                                                               },
        {{CONNECTION, "[connection]\nautoconnect=false\n[wireguard]\nlisten-port=40001\n"},
         HM_BY_WIREGUARD_PORT,                                                                                        40001,
         "NetworkManager",                                                                                                       true,
         false                                                                                                                               },
        {{CONNECTION, "[connection]\ntype=wifi\n[wifi-security]\npsk=secret\n"},
         HM_BY_WIREGUARD_PORT,                                                                                        1,
         "",                                                                                                                     false,
         false                                                                                                                               },
        {{LIB "app.socket", "[Socket]\nListenStream=40001\nAccept=yes\n", MULTI "app.socket",
          "-> /usr/lib/systemd/system/app.socket"},
         HM_BY_SOCKET_UNIT,                                                                                           40001,
         "app",                                                                                                                  false,
         false                                                                                                                               },
        {{LIB "app.socket", "[Socket]\nListenStream=40001\nService=other.service\n",
          MULTI "app.socket", "-> /usr/lib/systemd/system/app.socket"},
         HM_BY_SOCKET_UNIT,                                                                                           40001,
         "other",                                                                                                                false,
         false                                                                                                                               },
        {{LIB "app.socket", "[Socket]\nListenStream=40001\n"},                                  /* nobody starts it */
         HM_BY_SOCKET_UNIT,                             1,
         "",                                                                                                                     false,
         false                                                                                                                               },
        {{WEB, RUN "--publish 127.0.0.1:40001:80 image\n", WEB_LINK,
          "-> /usr/lib/systemd/system/web.service"},
         HM_BY_PUBLISHED_PORT,                                                                                        40001,
         "web",                                                                                                                  false,
         false                                                                                                                               },
        {{WEB, RUN "-p40001:80/tcp \\\n image\n", WEB_LINK,
          "-> /usr/lib/systemd/system/web.service"},
         HM_BY_PUBLISHED_PORT,                                                                                        40001,
         "web",                                                                                                                  false,
         false                                                                                                                               },
        {{WEB, RUN "--publish=[::1]:40000-40001:80-81 image\n", WEB_LINK,
          "-> /usr/lib/systemd/system/web.service"},
         HM_BY_PUBLISHED_PORT,                                                                                        40001,
         "web",                                                                                                                  false,
         false                                                                                                                               },
        {{WEB, RUN "-p 80 -P image\n", WEB_LINK, "-> /usr/lib/systemd/system/web.service"},
         HM_BY_PUBLISHED_PORT,                                                                                        1,
         "",                                                                                                                     false,
         false                                                                                                                               },
        {{WEB, RUN "-p 40001:80 image\n"},                                                      HM_BY_PUBLISHED_PORT, 1,     "", false, false},
        {{WEB, "[Service]\nExecStart=/usr/bin/podman start web\n", WEB_LINK,
          "-> /usr/lib/systemd/system/web.service"},
         HM_BY_PUBLISHED_PORT,                                                                                        1,
         "",                                                                                                                     false,
         true                                                                                                                                },
        {{"/etc/docker/daemon.json", "{\"data-root\": \"/srv/docker\"}",
          "/srv/docker/containers/1f/hostconfig.json", HOST_CONFIG},
         HM_BY_PUBLISHED_PORT,                                                                                        40001,
         "docker",                                                                                                               false,
         false                                                                                                                               },
        {{"/var/snap/docker/common/var-lib-docker/containers/1f/hostconfig.json", HOST_CONFIG},
         HM_BY_PUBLISHED_PORT,                                                                                        40001,
         "docker",                                                                                                               false,
         false                                                                                                                               },
        {{LIB "docker.service", "[Service]\nExecStart=/usr/bin/dockerd\n", MULTI "docker.service",
          "-> /usr/lib/systemd/system/docker.service"},
         HM_BY_PUBLISHED_PORT,                                                                                        1,
         "",                                                                                                                     false,
         true                                                                                                                                },
    };

    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        const struct hm_configured *row = NULL;
        struct hm_observation seen;

        print_message("row %zu\n", i);
        (void)linux_files_stop(state);
        (void)set_up(state);
        for (size_t k = 0; k < 4 && rows[i].files[k] != NULL; k += 2) {
            put_file(rows[i].files[k], rows[i].files[k + 1]);
        }
        observe(*state, &seen);
        for (size_t k = 0; k < seen.inventory.configured.count; k++) {
            if (seen.inventory.configured.at[k].by == rows[i].by) {
                row = &seen.inventory.configured.at[k];
            }
        }
        assert_int_equal(row == NULL ? 1 : row->port, rows[i].port);
        assert_int_equal(seen.inventory.configured_partial, rows[i].partial);
        if (row != NULL) {
            assert_string_equal(row->service, rows[i].service);
            assert_int_equal(row->manual, rows[i].manual);
        }
    }
}

/* Instances of SAP that sapinit starts from /usr/sap/sapservices. */
static void test_sap_instances(void **state)
{
#define SAP "LD_LIBRARY_PATH=/usr/sap/PRD/D00/exe; /usr/sap/PRD/D00/exe/sapstartsrv pf="
    static const struct {
        const char *unit; /* that is enabled */
        const char *text; /* NULL: there is no file */
        const char *name;
        bool listed;
        bool partial;
    } rows[] = {
        {"sapinit", SAP "/usr/sap/PRD/SYS/profile/PRD_D00_host1 -D -u prdadm\n", "SAPPRD_00", true,
         false                                                                                            },
        {"sapinit", SAP "\"/usr/sap/P1D/SYS/profile/START_DVEBMGS07_h\" -D\n",   "SAPP1D_07", true,
         false                                                                                            },
        {"sapinit",
         "#!/bin/sh\nsystemctl start SAPHDB_02 # sapstartsrv "
         "pf=/usr/sap/HDB/SYS/profile/HDB_HDB02_h\n",                            "SAPHDB_02", true,  false},
        {"sapinit", "# " SAP "/usr/sap/PRD/SYS/profile/PRD_D00_host1\n",         "SAPPRD_00", false, false},
        {"sapinit", SAP "/usr/sap/PRD/SYS/profile/profile.txt\n",                "SAPPRD_00", false, true },
        {"sapinit", SAP "/usr/sap/PRD/SYS/profile/PRD_D0\n",                     "SAPPRD_00", false, true },
        {"sapinit", NULL,                                                        "SAPPRD_00", false, false},
        {"other",   SAP "/usr/sap/PRD/SYS/profile/PRD_D00_host1\n",              "SAPPRD_00", false, false},
    };

    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        const struct hm_service *service;
        struct hm_observation seen;
        char unit[64];
        char path[128];
        char target[128];

        print_message("row %zu\n", i);
        (void)linux_files_stop(state);
        (void)set_up(state);
        (void)snprintf(unit, sizeof(unit), LIB "%s.service", rows[i].unit);
        (void)snprintf(path, sizeof(path), MULTI "%s.service", rows[i].unit);
        (void)snprintf(target, sizeof(target), "-> %s", unit);
        put_file(unit, "[Service]\nType=forking\nExecStart=/etc/init.d/sapinit start\n");
        put_file(path, target);
        if (rows[i].text != NULL) {
            put_file("/usr/sap/sapservices", rows[i].text);
        }
        observe(*state, &seen);
        service = find(&seen, rows[i].name);
        assert_int_equal(service != NULL, rows[i].listed);
        assert_true(service == NULL ||
                    (service->start == HM_START_AUTOMATIC && !service->has_runs));
        assert_int_equal(seen.inventory.services_partial, rows[i].partial);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_tunnels, set_up, linux_files_stop),
        cmocka_unit_test_setup_teardown(test_tunnel_secrets, set_up, linux_files_stop),
        cmocka_unit_test_setup_teardown(test_pulled, set_up, linux_files_stop),
        cmocka_unit_test_setup_teardown(test_unknown_cluster, set_up, linux_files_stop),
        cmocka_unit_test_setup_teardown(test_cluster_agents, set_up, linux_files_stop),
        cmocka_unit_test_setup_teardown(test_sap_instances, set_up, linux_files_stop),
        cmocka_unit_test_setup_teardown(test_set_up_ports, set_up, linux_files_stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
