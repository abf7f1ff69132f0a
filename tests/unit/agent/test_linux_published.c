/* tests/unit/agent/test_linux_published.c — ports that files alone show: containers that units
 * start, those of Podman, tunnels of systemd-networkd. SPDX-License-Identifier: Apache-2.0 */
#include "agent/platform/linux/linux.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/platform/platform.h"
#include "tests/support/linux_files.h"

#define ROOT HM_BINARY_DIR "/linux_published"
#define STORAGE "/var/lib/containers/storage/"

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

static void put_service(const char *name, const char *settings, const char *exec_start)
{
    char path[128];
    char link[128];
    char text[1024];

    (void)snprintf(path, sizeof(path), LIB "%s.service", name);
    (void)snprintf(link, sizeof(link), MULTI "%s.service", name);
    (void)snprintf(text, sizeof(text), "[Service]\n%sExecStart=%s\n", settings, exec_start);
    put_file(path, text);
    (void)snprintf(text, sizeof(text), "-> %s", path);
    put_file(link, text);
}

static bool has_port(const struct hm_observation *seen, uint16_t port)
{
    for (size_t i = 0; i < seen->inventory.configured.count; i++) {
        if (seen->inventory.configured.at[i].port == port) {
            return true;
        }
    }
    return false;
}

/* Commands of podman and docker in a unit whose container does not run: what they publish, and
 * whether something may be hidden. */
static void test_commands(void **state)
{
    static const struct {
        const char *command;
        bool has_port; /* 40001 */
        bool partial;
    } rows[] = {
  /* short options in one word */
        {"/usr/bin/docker run --rm -itp 40001:80 image",                                             true,  false},
        {"/usr/bin/docker run --rm -dp40001:80 image",                                               true,  false},
        {"/usr/bin/docker run --rm -dp=40001:80 image",                                              true,  false},
        {"/usr/bin/podman run -it -e PORT=$P image",                                                 false, false},
        {"/usr/bin/podman run --publish=\"40001:80\" image",                                         true,  false},
        {"/usr/bin/podman run --publish-all image",                                                  false, false},
 /* words that are known at the start alone */
        {"/usr/bin/podman run $OPTS image",                                                          false, true },
        {"/usr/bin/podman run -p 40001:80 ${MORE} image",                                            true,  true },
        {"/usr/bin/podman run -p $PORT:80 image",                                                    false, true },
        {"/usr/bin/podman run -itp $PORT:80 image",                                                  false, true },
        {"/usr/bin/podman $LOGGING run -p 40001:80 image",                                           true,  false},
        {"/usr/bin/podman --log-level debug run -p 40001:80 image",                                  true,  false},
        {"/usr/bin/podman --log-level=debug container run -p 40001:80 image",                        true,  false},
 /* what they do not show */
        {"/usr/bin/podman $LOGGING start web",                                                       false, true },
        {"/usr/bin/podman container start web",                                                      false, true },
        {"/usr/bin/podman pod start web",                                                            false, true },
        {"/usr/bin/podman kube play web.yaml",                                                       false, true },
        {"/usr/bin/docker compose up",                                                               false, true },
        {"/usr/bin/podman-compose up",                                                               false, true },
        {"/usr/bin/docker-compose up -d",                                                            false, true },
        {"/usr/bin/docker compose --file \"a b.yaml\" up",                                           false, true },
        {"/usr/bin/docker compose $OPTS up",                                                         false, true },
        {"/usr/bin/docker start web",                                                                false, true },
 /* other engines */
        {"/usr/local/bin/nerdctl run -d --name a -p 40001:80 image",                                 true,  false},
        {"/usr/local/bin/nerdctl --namespace k8s.io start web",                                      false, true },
        {"/usr/bin/docker stack deploy -c compose.yaml s",                                           false, true },
        {"/usr/bin/docker --debug service create -p 40001:80 x",                                     false, true },
        {"/usr/bin/docker stack rm s",                                                               false, false},
        {"/usr/local/bin/nerdctl compose up",                                                        false, true },
        {"/usr/local/bin/nerdctl ps",                                                                false, false},
        {"/usr/bin/systemd-nspawn -D /srv/a --port=tcp:40001:80 --boot",                             true,  false},
        {"/usr/bin/systemd-nspawn --directory /srv/a -b -p 40001",                                   true,  false},
        {"/usr/bin/systemd-nspawn -D /srv/a -p40001:80 /usr/bin/x",                                  true,  false},
        {"/usr/bin/systemd-nspawn -D /srv/a --port=udp:40002:80",                                    false, false},
        {"/usr/bin/systemd-nspawn -D /srv/a --port=$PORT",                                           false, true },
        {"/usr/bin/systemd-nspawn -bD /srv/a /usr/bin/x --port=40001",                               false, false},
 /* no container is started */
        {"/usr/bin/podman $LOGGING system service",                                                  false, false},
        {"/usr/bin/podman auto-update",                                                              false, false},
        {"/usr/bin/docker compose pull",                                                             false, false},
        {"/usr/bin/podman image prune -f",                                                           false, false},
        {"/usr/bin/podman pull image\nExecStart=/usr/bin/podman start web",                          false, true },
        {"/usr/bin/podman pull image\nExecStart=/usr/bin/podman run -p 40001:80 image",              true,
         false                                                                                                   },
 /* behind the image's name: arguments of its program */
        {"/usr/bin/docker run --name a image program -p 40001:80",                                   false, false},
        {"/usr/bin/docker run --rm -it -e A=1 -eB=2 --memory 1g image -p 40001:80",                  false, false},
        {"/usr/bin/docker run -- image -p 40001:80",                                                 false, false},
        {"/usr/bin/docker run -e \"A=b c\" --env='D=e f' -v \"/a b:/c\" -p 40001:80 image",          true,
         false                                                                                                   },
        {"/usr/bin/podman run --rootfs -p 40001:80 /srv/root",                                       true,  false},
        {"/usr/bin/docker run --memory-swap -1 -p 40001:80 image",                                   true,  false},
        {"/usr/bin/docker run --unknown value --privileged -itv /a:/b -p 40001:80 image",            true,
         false                                                                                                   },
        {"/usr/bin/docker run \"--env=A=it's\" -p 40001:80 image",                                   true,  false},
        {"/usr/bin/docker run -l \"a={\\\"b\\\": 1}\" -p 40001:80 image",                            true,  false},
        {"/usr/bin/docker create --name a -p 40001:80 image",                                        true,  false},
 /* commands before and after the program's */
        {"/opt/x\nExecStartPre=/usr/bin/docker run -d -p 40001:80 image",                            true,  false},
        {"/opt/x\nExecStartPost=-/usr/bin/docker run -d -p 40001:80 image",                          true,  false},
        {"/opt/x\nExecStartPre=/usr/bin/podman start web",                                           false, true },
        {"/opt/x\nExecStartPre=-/usr/bin/docker rm -f web\nExecStartPre=/usr/bin/docker pull image",
         false,                                                                                             false},
        {"/opt/x\nExecStartPre=/usr/bin/docker run -p 40001:80 image\nExecStart=\nExecStart=/opt/y",
         true,                                                                                              false},
        {"/opt/x\nExecStartPre=/usr/bin/podman start web\nExecStart=\nExecStart=/opt/y",             false,
         true                                                                                                    },
        {"/opt/x\nExecStartPre=/usr/bin/docker run -p 40001:80 image\nExecStartPre=",                false, false},
        {"/usr/bin/docker run -p 40001:80 image\nExecStartPre=/usr/bin/podman start "
         "a\nExecStartPre=",                                                                true,  false},
 /* by another program */
        {"/bin/sh -c \"/usr/bin/podman run -p 40001:80 image\"",                                     false, true },
        {"/bin/sh -c 'cd /srv; podman-compose up'",                                                  false, true },
        {"/usr/bin/env podman run -p 40001:80 image",                                                false, true },
        {"/bin/bash -c \"/etc/docker/run.sh; docker network prune\"",                                false, false},
        {"/bin/sh /opt/podman/start",                                                                false, false},
        {"/bin/sh -c \"podman ps\"",                                                                 false, false},
    };

    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        struct hm_observation seen;

        print_message("%s\n", rows[i].command);
        (void)linux_files_stop(state);
        (void)set_up(state);
        put_service("web", "", rows[i].command);
        observe(*state, &seen);
        assert_int_equal(has_port(&seen, 40001), rows[i].has_port);
        assert_int_equal(seen.inventory.configured_partial, rows[i].partial);
    }
}

/* A container's port is published in the families of its addresses, and on those alone. */
static void test_families_of_addresses(void **state)
{
    static const struct {
        const char *options;
        enum hm_families families;
        const char *address; /* of the last row */
    } rows[] = {
        {"-p 40001:80",                             HM_FAMILIES_BOTH, ""         },
        {"-p 127.0.0.1:40001:80",                   HM_FAMILIES_IPV4, "127.0.0.1"},
        {"--publish=0.0.0.0:40001:80/tcp",          HM_FAMILIES_IPV4, ""         },
        {"-p [::1]:40001:80",                       HM_FAMILIES_IPV6, "::1"      },
        {"-p [::]:40001:80",                        HM_FAMILIES_BOTH, ""         },
        {"-p [::ffff:127.0.0.1]:40001:80",          HM_FAMILIES_IPV4, ""         },
        {"-p 127.0.0.1:40001:80 -p [::1]:40001:80", HM_FAMILIES_BOTH, "::1"      },
        {"-p 127.0.0.1:40001:80 -p 40001:80/udp",   HM_FAMILIES_IPV4, "127.0.0.1"},
        {"-p localhost:40001:80",                   HM_FAMILIES_BOTH, ""         },
        {"-p :40001:80",                            HM_FAMILIES_BOTH, ""         },
    };

    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        const struct hm_configured *row = NULL;
        enum hm_families families = HM_FAMILIES_BOTH;
        struct hm_observation seen;
        char command[256];

        print_message("%s\n", rows[i].options);
        (void)linux_files_stop(state);
        (void)set_up(state);
        (void)snprintf(command, sizeof(command), "/usr/bin/podman run %s image", rows[i].options);
        put_service("web", "", command);
        observe(*state, &seen);
        for (size_t k = 0; k < seen.inventory.configured.count; k++) {
            if (seen.inventory.configured.at[k].protocol == HM_TCP) {
                families = row == NULL || row->families == seen.inventory.configured.at[k].families
                               ? seen.inventory.configured.at[k].families
                               : HM_FAMILIES_BOTH;
                row = &seen.inventory.configured.at[k];
            }
        }
        assert_non_null(row);
        assert_int_equal(row->port, 40001);
        assert_int_equal(families, rows[i].families);
        assert_string_equal(row->address, rows[i].address);
    }
}

/* A unit that has done its work: nobody knows whether its container runs. */
static void test_oneshot(void **state)
{
    struct hm_observation seen;

    put_service("web", "Type=oneshot\nRemainAfterExit=yes\n", "/usr/bin/podman pod start web");
    observe(*state, &seen);
    assert_true(seen.inventory.configured_partial);
}

static bool notes_say(const struct hm_observation *seen, const char *text)
{
    for (size_t i = 0; i < seen->unknown.count; i++) {
        if (strstr(seen->unknown.at[i], text) != NULL) {
            return true;
        }
    }
    return false;
}

#define DOCKER "/var/lib/docker/containers/"
#define WEB_ID "4f3c99d7a1b2"
#define PORTS(port, policy)                                                                        \
    "{\"PortBindings\":{\"80/tcp\":[{\"HostIp\":\"\",\"HostPort\":\"" port                         \
    "\"}]},\"RestartPolicy\":{\"Name\":\"" policy "\"}}"

/* A container that compose made of /srv/web/compose.yaml, and one that a person made. */
static void put_containers(void)
{
    put_file(
        DOCKER WEB_ID "/config.v2.json",
        "{\"State\":{\"Running\":false},\"ID\":\"" WEB_ID "\",\"Config\":{\"Env\":[\"A={\\\"Name"
        "\\\":\\\"/no\\\"}\"],\"Labels\":{\"com.docker.compose.project\":\"site\","
        "\"com.docker.compose.service\":\"nginx\","
        "\"com.docker.compose.project.config_files\":\"/srv/web/compose.yaml,/srv/web/b.yaml\","
        "\"com.docker.compose.project.working_dir\":\"/srv/web\"}},\"Name\":\"/site-nginx-1\","
        "\"MountPoints\":{\"/data\":{\"Name\":\"data\"}}}");
    put_file(DOCKER WEB_ID "/hostconfig.json", PORTS("40001", "no"));
    put_file(DOCKER "5a5a5a5a5a5a/config.v2.json", "{\"Name\":\"/db\",\"Config\":{\"Labels\":{}}}");
    put_file(DOCKER "5a5a5a5a5a5a/hostconfig.json", PORTS("40002", "no"));
}

static const struct hm_configured *automatic_row(const struct hm_observation *seen, uint16_t port)
{
    for (size_t i = 0; i < seen->inventory.configured.count; i++) {
        const struct hm_configured *row = &seen->inventory.configured.at[i];

        if (row->port == port && !row->manual) {
            return row;
        }
    }
    return NULL;
}

/* Units whose containers Docker has records of: their ports are known, and start with the unit. Of
 * those that it does not have nobody knows the ports. */
static void test_containers_of_docker(void **state)
{
#define ONCE "Type=oneshot\nRemainAfterExit=yes\n"
#define IN_WEB ONCE "WorkingDirectory=/srv/web\n"
    static const struct {
        const char *settings;
        const char *command;
        uint16_t port; /* that the unit starts; 0 none */
        bool partial;
    } rows[] = {
        {IN_WEB,                                "/usr/bin/docker compose up -d",                                         40001, false},
        {ONCE "WorkingDirectory=-/srv/./%N/\n", "/usr/bin/docker-compose up -d",                                         40001, false},
        {IN_WEB,                                "/usr/bin/docker compose pull\nExecStart=/usr/bin/docker compose up",    40001,
         false                                                                                                                       },
        {IN_WEB,                                "/usr/bin/docker compose --profile up start",                            40001, false},
        {"WorkingDirectory=/srv/web\n",         "/usr/bin/docker compose up",                                            40001, false}, /* and down */
        {ONCE,                                  "/usr/bin/docker compose -f /srv/web/b.yaml up -d",                      40001, false},
        {ONCE "WorkingDirectory=/srv/other\n",
         "/usr/bin/docker compose --file=../web/compose.yaml up",                                                        40001, false},
        {ONCE,                                  "/usr/bin/docker compose --project-directory /srv/web up -d",            40001, false},
        {ONCE,                                  "/usr/bin/docker compose -p site up -d",                                 40001, false},
        {ONCE,                                  "/usr/bin/docker --debug compose --project-name=\"site\" up -d",         40001, false},
        {ONCE,                                  "/bin/sh -c 'cd /srv/web && docker compose up -d'",                      40001, false},
        {ONCE,                                  "/bin/sh -c \"/usr/bin/docker-compose -f /srv/web/compose.yaml up -d\"", 40001,
         false                                                                                                                       },
        {ONCE,                                  "/usr/bin/docker start -a --detach-keys x db",                           40002, false},
        {ONCE,                                  "/usr/bin/docker container restart -t 5 4f3c99",                         40001, false},
        {ONCE,                                  "/bin/sh -c 'docker start db'",                                          40002, false},
 /* no record */
        {ONCE "WorkingDirectory=/srv/other\n",  "/usr/bin/docker compose up -d",                                         0,     true },
        {ONCE,                                  "/usr/bin/docker compose up -d",                                         0,     true },
        {ONCE "WorkingDirectory=/srv/%t\n",     "/usr/bin/docker compose up -d",                                         0,     true },
        {IN_WEB,                                "/usr/bin/docker compose -p other up -d",                                0,     true },
        {IN_WEB,                                "/usr/bin/docker compose -f other.yaml up -d",                           0,     true },
        {IN_WEB,                                "/usr/bin/docker compose -p $PROJECT up -d",                             0,     true },
        {IN_WEB,                                "/usr/bin/docker compose $ARGS",                                         0,     true },
        {ONCE,                                  "/bin/sh -c 'cd $DIR && docker compose up -d'",                          0,     true },
        {ONCE,                                  "/usr/bin/docker start db cache",                                        40002, true },
        {ONCE,                                  "/usr/bin/docker start no",                                              0,     true },
        {ONCE,                                  "/usr/bin/docker start 4f3",                                             0,     true },
        {ONCE,                                  "/bin/sh -c 'docker start db \"cache\"'",                                40002, true },
 /* of Podman there is none */
        {IN_WEB,                                "/usr/bin/podman start db",                                              0,     true },
        {IN_WEB,                                "/usr/bin/podman compose up",                                            0,     true },
 /* nothing starts */
        {IN_WEB,                                "/usr/bin/docker compose down",                                          0,     false},
    };

    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        const struct hm_configured *row;
        struct hm_observation seen;

        print_message("%s%s\n", rows[i].settings, rows[i].command);
        (void)linux_files_stop(state);
        (void)set_up(state);
        put_containers();
        put_service("web", rows[i].settings, rows[i].command);
        observe(*state, &seen);
        assert_int_equal(seen.inventory.configured_partial, rows[i].partial);
        for (uint16_t port = 40001; port <= 40002; port++) {
            row = automatic_row(&seen, port);
            assert_int_equal(row != NULL, port == rows[i].port);
            assert_true(row == NULL || strcmp(row->service, "web") == 0);
        }
        assert_int_equal(notes_say(&seen, "Docker has no record"), rows[i].partial);
        assert_int_equal(notes_say(&seen, ": web.service starts one"), rows[i].partial);
    }
}

/* The files of compose have what Docker's records lack: a service without a container, a port that
 * was added since, and a project that was never started. */
static void test_files_of_compose(void **state)
{
#define UP "/usr/bin/docker compose up -d"
    static const struct {
        const char *settings;
        const char *command;
        const char *path;
        const char *text;
        uint16_t ports[3];
        bool partial;
    } rows[] = {
        {IN_WEB,
         UP,                                                                            "/srv/web/compose.yaml",
         "services:\n  nginx:\n    ports:\n      - 40001:80\n  api:\n    ports:\n      - "
         "40003:80\n",                                                                                                                                 {40001, 40003, 0},
         false                                                                                                                                                                },
        {IN_WEB,
         UP,                                                                            "/srv/web/b.yaml",
         "services:\n  nginx:\n    ports: [\"40003:80\"]\n",                                                                                           {40001, 40003, 0},
         false                                                                                                                                                                },
        {IN_WEB,
         UP,                                                                            "/srv/web/compose.yaml",
         "services:\n  nginx:\n    ports:\n      - $PORT:80\n",                                                                                        {40001, 0, 0},
         false                                                                                                                                                                },
        {IN_WEB,
         UP,                                                                            "/srv/web/compose.yaml",
         "services:\n  api:\n    ports:\n      - $PORT:80\n",                                                                                          {40001, 0, 0},
         true                                                                                                                                                                 },
        {IN_WEB,
         UP,                                                                            "/srv/web/compose.yaml",
         "services:\n  api:\n    profiles: [x]\n    ports:\n      - 40003:80\n",                                                                       {40001, 0, 0},
         false                                                                                                                                                                },
        {IN_WEB,                                                                    UP, "/srv/web/compose.yaml/x",              "",                    {40001, 0, 0},     true},
        {IN_WEB,                                                                    UP, "/srv/web/compose.yaml",                "include: [c.yaml]\n", {40001, 0, 0},     true},
 /* of a profile, without a container */
        {IN_WEB,
         "/usr/bin/docker compose --profile x up -d",                                   "/srv/web/compose.yaml",
         "services:\n  api:\n    profiles: [x]\n    ports:\n      - 40003:80\n",                                                                       {40001, 0, 0},
         true                                                                                                                                                                 },
        {IN_WEB,
         "/usr/bin/docker compose up -d api",                                           "/srv/web/compose.yaml",
         "services:\n  api:\n    profiles: [x]\n    ports:\n      - 40003:80\n",                                                                       {40001, 0, 0},
         true                                                                                                                                                                 },
        {IN_WEB "Environment=COMPOSE_PROFILES=x\n",
         UP,                                                                            "/srv/web/compose.yaml",
         "services:\n  api:\n    profiles: [x]\n    ports:\n      - 40003:80\n",                                                                       {40001, 0, 0},
         true                                                                                                                                                                 },
 /* other files by a variable; Docker's record has them */
        {IN_WEB "Environment=COMPOSE_FILE=z.yaml\n",
         UP,                                                                            "/srv/web/compose.yaml",
         "services:\n  nginx:\n    ports:\n      - 40003:80\n",                                                                                        {40001, 40003, 0},
         false                                                                                                                                                                },
        {ONCE "WorkingDirectory=/srv/new\nEnvironment=A=b COMPOSE_FILE=z.yaml\n",
         UP,                                                                            "/srv/new/compose.yaml",
         "services:\n  a:\n    image: x\n",                                                                                                            {0, 0, 0},
         true                                                                                                                                                                 },
        {ONCE "WorkingDirectory=/srv/new\nEnvironmentFile=/srv/new/compose.yaml\n",
         UP,                                                                            "/srv/new/compose.yaml",
         "services:\n  a:\n    image: x\nCOMPOSE_FILE=z\n",                                                                                            {0, 0, 0},
         true                                                                                                                                                                 },
        {ONCE "WorkingDirectory=/srv/new\n",
         UP,                                                                            "/srv/new/.env",
         "COMPOSE_FILE=z.yaml\n",                                                                                                                      {0, 0, 0},
         true                                                                                                                                                                 },
 /* the second of two files */
        {ONCE,
         "/usr/bin/docker compose --project-directory /srv/new -f /srv/web/compose.yaml -f "
         "/srv/new/b.yml up -d",                                                        "/srv/new/b.yml",
         "services:\n  a:\n    ports:\n      - 40003:80\n",                                                                                            {40001, 40003, 0},
         false                                                                                                                                                                },
 /* without a record */
        {ONCE "WorkingDirectory=/srv/new\n",
         UP,                                                                            "/srv/new/docker-compose.yml",
         "services:\n  a:\n    ports:\n      - 40003:80\n",                                                                                            {40003, 0, 0},
         false                                                                                                                                                                },
        {ONCE "WorkingDirectory=/srv/new\n",
         UP,                                                                            "/srv/new/docker-compose.override.yml",
         "services:\n  a:\n    ports:\n      - 40003:80\n",                                                                                            {0, 0, 0},
         true                                                                                                                                                                 },
        {ONCE,
         "/usr/bin/docker compose -f /srv/new/x.yaml up -d",                            "/srv/new/x.yaml",
         "services:\n  a:\n    ports:\n      - 127.0.0.1:40003:80/tcp\n",                                                                              {40003, 0, 0},
         false                                                                                                                                                                },
        {ONCE,
         "/usr/bin/docker compose -p new up -d",                                        "/srv/new/x.yaml",
         "services:\n",                                                                                                                                {0, 0, 0},
         true                                                                                                                                                                 },
    };

    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        struct hm_observation seen;

        print_message("row %zu\n", i);
        (void)linux_files_stop(state);
        (void)set_up(state);
        put_containers();
        put_file(rows[i].path, rows[i].text);
        put_service("web", rows[i].settings, rows[i].command);
        observe(*state, &seen);
        assert_int_equal(seen.inventory.configured_partial, rows[i].partial);
        for (uint16_t port = 40001; port <= 40004; port++) {
            const struct hm_configured *row = automatic_row(&seen, port);
            bool expected = false;

            for (size_t k = 0; k < HM_COUNT(rows[i].ports); k++) {
                expected = expected || rows[i].ports[k] == port;
            }
            assert_int_equal(row != NULL, expected);
            assert_true(row == NULL || strcmp(row->service, "web") == 0);
        }
    }
}

/* A record with spaces, and several units without one: the note names them. */
static void test_records_with_spaces(void **state)
{
    struct hm_observation seen;

    put_file(DOCKER WEB_ID "/config.v2.json",
             "{\"State\": {\"Running\": true}, \"Config\": {\"Labels\": {\n"
             "\"com.docker.compose.project\" : \"app\",\n"
             "\"com.docker.compose.project.working_dir\": \"/srv/app\"}}, \"Name\": \"/app-1\"}");
    put_file(DOCKER WEB_ID "/hostconfig.json", PORTS("40001", "unless-stopped"));
    put_service("app", ONCE "WorkingDirectory=/srv/app\n", "/usr/bin/docker compose up -d");
    put_service("named", ONCE, "/usr/bin/docker start app-1");
    observe(*state, &seen);
    assert_false(seen.inventory.configured_partial);
    assert_true(has_port(&seen, 40001));
    put_service("lost", ONCE, "/usr/bin/docker start lost");
    put_service("lost2", ONCE, "/usr/bin/docker start lost2");
    observe(*state, &seen);
    assert_true(notes_say(&seen, ": each of lost.service, lost2.service starts one") ||
                notes_say(&seen, ": each of lost2.service, lost.service starts one"));
}

/* Debian and Fedora enable podman-restart with the package: it hides ports where there is a
 * container. */
static void test_podman_restart(void **state)
{
    static const struct {
        const char *files[4];
        const char *note; /* NULL none */
    } rows[] = {
        {{NULL},                                                                 NULL             },
        {{STORAGE "overlay-containers/containers.json", "[]"},                   NULL             },
        {{STORAGE "overlay-containers/containers.json", "[{\"id\":\"4f\"}]\n"},  "podman ps -a"   },
        {{STORAGE "vfs-containers/containers.json", "[{\"id\":\"4f\"}]\n"},      "podman ps -a"   },
        {{STORAGE "overlay-containers/containers.json/x", ""},                   "containers.json"},
        {{"/etc/containers/storage.conf", "[storage]\ngraphroot = \"/srv/pods\" # ours\n",
          "/srv/pods/overlay-containers/containers.json", "[{}]"},
         "podman ps -a"                                                                           },
        {{"/etc/containers/storage.conf", "#graphroot = \"/srv/pods\"\n",
          STORAGE "overlay-containers/containers.json", "[{}]"},
         "podman ps -a"                                                                           },
        {{"/usr/share/containers/storage.conf", "graphroot = \"$HOME/pods\"\n"}, "containers.json"},
    };

    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        struct hm_observation seen;

        print_message("row %zu\n", i);
        (void)linux_files_stop(state);
        (void)set_up(state);
        put_service(
            "podman-restart",
            "Type=oneshot\nRemainAfterExit=true\nEnvironment=LOGGING=\"--log-level=info\"\n",
            "/usr/bin/podman $LOGGING start --all --filter restart-policy=always");
        for (size_t k = 0; k < 4 && rows[i].files[k] != NULL; k += 2) {
            put_file(rows[i].files[k], rows[i].files[k + 1]);
        }
        observe(*state, &seen);
        assert_int_equal(seen.inventory.configured_partial, rows[i].note != NULL);
        assert_true(rows[i].note == NULL || notes_say(&seen, rows[i].note));
        assert_false(notes_say(&seen, "starts one and"));
    }
}

/* What systemd-networkd makes of several files of a tunnel. */
static void test_netdev(void **state)
{
#define NETDEV "/systemd/network/50-wg.netdev"
#define PORT(port) "[WireGuard]\nListenPort=" port "\n"
    static const struct {
        const char *files[6];
        uint16_t port; /* 1 none */
        uint16_t none; /* not this one */
    } rows[] = {
        {{"/usr/lib" NETDEV, PORT("40001")},                                                         40001, 40002},
        {{"/usr/lib" NETDEV, PORT("40001"), "/etc" NETDEV, PORT("40002")},                           40002, 40001},
        {{"/usr/lib" NETDEV, PORT("40001"), "/run" NETDEV, "-> /dev/null"},                          1,     40001},
        {{"/run" NETDEV, PORT("40001"), "/etc" NETDEV, "[NetDev]\nKind=vlan\n"},                     1,     40001},
        {{"/usr/lib" NETDEV, PORT("40001"), "/etc" NETDEV ".d/port.conf", PORT("40002")},
         40002,                                                                                             40001},
        {{"/etc" NETDEV, "[NetDev]\nKind=wireguard\n", "/run" NETDEV ".d/port.conf", PORT("40001")},
         40001,                                                                                             40002},
        {{"/etc" NETDEV, PORT("40002"), "/usr/lib" NETDEV ".d/20.conf", PORT("40001"),
          "/etc" NETDEV ".d/10.conf", PORT("40002")},
         40001,                                                                                             40002},
        {{"/etc" NETDEV, PORT("40001"), "/usr/lib" NETDEV ".d/20.conf", PORT("40002"),
          "/etc" NETDEV ".d/20.conf", "-> /dev/null"},
         40001,                                                                                             40002},
        {{"/etc" NETDEV ".d/20.conf", PORT("40001")},                                                1,     40001},
        {{"/etc" NETDEV, PORT("40001"), "/etc" NETDEV ".d/README", PORT("40002")},                   40001, 40002},
    };

    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        struct hm_observation seen;

        print_message("row %zu\n", i);
        (void)linux_files_stop(state);
        (void)set_up(state);
        for (size_t k = 0; k < 6 && rows[i].files[k] != NULL; k += 2) {
            put_file(rows[i].files[k], rows[i].files[k + 1]);
        }
        observe(*state, &seen);
        assert_true(rows[i].port == 1 || has_port(&seen, rows[i].port));
        assert_false(has_port(&seen, rows[i].none));
        assert_false(seen.inventory.configured_partial);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_commands, set_up, linux_files_stop),
        cmocka_unit_test_setup_teardown(test_families_of_addresses, set_up, linux_files_stop),
        cmocka_unit_test_setup_teardown(test_oneshot, set_up, linux_files_stop),
        cmocka_unit_test_setup_teardown(test_containers_of_docker, set_up, linux_files_stop),
        cmocka_unit_test_setup_teardown(test_records_with_spaces, set_up, linux_files_stop),
        cmocka_unit_test_setup_teardown(test_files_of_compose, set_up, linux_files_stop),
        cmocka_unit_test_setup_teardown(test_podman_restart, set_up, linux_files_stop),
        cmocka_unit_test_setup_teardown(test_netdev, set_up, linux_files_stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
