/* tests/load/load_client.c — many agents in one process: check-ins on kept TLS connections.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Prints one JSON line: requests, failures, the server's CPU time a request (from its threads'
 * schedstat), wall time. Every connection is an agent of its own on a thread of its own.
 * Usage: load_client --url URL --ca FILE --pid SERVER [--token JOIN] --connections N --requests M
 *                    --mode unchanged|changed [--acked FILE]
 * With --token the agents enrol first (the collector); without it the server is a bare one.
 * --acked appends "host_id digest" for each acknowledged changed inventory, flushed before the
 * next request: what must survive kill -9. */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <dirent.h>
#include <pthread.h>

#include "common/base/limits.h"
#include "common/crypto/digest.h"
#include "common/net/http_client.h"
#include "common/wire/records.h"

#define LISTENERS 75
#define MOST_CONNECTIONS 512

struct options {
    const char *url;
    const char *ca;
    const char *token;
    const char *acked;
    long pid;
    unsigned connections;
    unsigned requests; /* of each connection */
    bool changed;
};

struct agent {
    const struct options *options;
    struct hm_http_client *client;
    char id[HM_LIMIT_NAME_BYTES];
    char secret[256];
    unsigned number;
    uint64_t seq;
    char inventory_digest[HM_DIGEST_TEXT_BYTES];
    unsigned failed;
};

static FILE *acked;
static pthread_mutex_t acked_lock = PTHREAD_MUTEX_INITIALIZER;

/* CPU nanoseconds of all threads of a process so far. */
static double process_cpu_ns(long pid)
{
    char path[300];
    double total = 0;
    DIR *folder;
    struct dirent *entry;

    (void)snprintf(path, sizeof(path), "/proc/%ld/task", pid);
    folder = opendir(path);
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        double ns = 0;
        FILE *file;

        (void)snprintf(path, sizeof(path), "/proc/%ld/task/%.20s/schedstat", pid, entry->d_name);
        file = entry->d_name[0] == '.' ? NULL : fopen(path, "r");
        if (file != NULL) {
            if (fscanf(file, "%lf", &ns) == 1) {
                total += ns;
            }
            (void)fclose(file);
        }
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
    return total;
}

/* An inventory of about 10 KB in the form of a Windows mail server; turn makes it unique. */
static bool make_inventory(struct hm_arena *arena, unsigned host, uint64_t turn, struct hm_buf *out,
                           struct hm_err *err)
{
    static const struct hm_range admin[] = {
        {50000, 50059}
    };
    static const struct hm_range runtime[] = {
        {5357,  5357 },
        {5985,  5985 },
        {47001, 47001}
    };
    static const char *services[] = {"DNS",   "IISADMIN", "MSExchangeIMAP4BE", "MSExchangePOP3BE",
                                     "W3SVC", "WinRM"};
    struct hm_stack stacks[HM_STACK_COUNT];
    struct hm_listener listeners[LISTENERS];
    struct hm_inventory inventory = {
        .os = {HM_OS_WINDOWS, "Windows Server 2019 Standard", "10.0.17763", 5329, "x86_64",
               "fr-FR"},
        .stacks = {stacks,         HM_STACK_COUNT                              },
        .has_listeners = true,
        .listeners = {listeners,             LISTENERS                                     },
        .has_services = true,
        .services = {services,             HM_COUNT(services)    }
    };

    for (unsigned i = 0; i < HM_STACK_COUNT; i++) {
        stacks[i] = (struct hm_stack){
            .protocol = i < 2 ? HM_TCP : HM_UDP,
            .family = i % 2 == 0 ? HM_IPV4 : HM_IPV6,
            .has_dynamic = true,
            .dynamic = {6005,    65534            },
            .has_administered = true,
            .administered = {admin,   HM_COUNT(admin)  },
            .has_runtime = true,
            .runtime = {runtime, HM_COUNT(runtime)}
        };
    }
    for (unsigned i = 0; i < LISTENERS; i++) {
        uint64_t port = i == LISTENERS - 1 ? 2000 + (turn * 31 + host) % 3000 : 100 + i * 7;

        listeners[i] = (struct hm_listener){
            .protocol = HM_TCP,
            .family = HM_IPV4,
            .address = "0.0.0.0",
            .port = (uint16_t)port,
            .program = hm_arena_printf(arena, "Microsoft.Exchange.Worker%02u.exe", i),
            .service = i == LISTENERS - 1
                           ? hm_arena_printf(arena, "Turn%llu-%u", (unsigned long long)turn, host)
                           : hm_arena_printf(arena, "MSExchangeService%02u", i),
            .kind = HM_KIND_SOCKET};
    }
    hm_inventory_settle(&inventory);
    return hm_record_encode(&hm_record_inventory, &inventory, out, err) == HM_OK;
}

static bool post(struct agent *agent, struct hm_arena *arena, const char *path, const char *type,
                 const struct hm_buf *body, struct hm_http_reply *out_reply)
{
    struct hm_err err;
    struct hm_http_request request = {.method = "POST",
                                      .path = path,
                                      .bearer = agent->secret[0] != '\0' ? agent->secret : NULL,
                                      .content_type = type,
                                      .body = body->data,
                                      .body_len = body->len,
                                      .timeout_ms = 20000};

    if (hm_http_call(agent->client, &request, arena, out_reply, &err) != HM_OK) {
        return false;
    }
    return out_reply->status >= 200 && out_reply->status < 300;
}

static bool enroll(struct agent *agent, struct hm_arena *arena)
{
    struct hm_enroll enroll = {.token = agent->options->token, .version = "load"};
    struct hm_enrolled enrolled;
    struct hm_http_reply reply = {.status = 0};
    struct hm_buf body;
    struct hm_err err;
    bool ok;

    enroll.name = hm_arena_printf(arena, "load-%04u", agent->number);
    hm_buf_init(&body, HM_LIMIT_ENROLL_BYTES);
    ok = hm_record_encode(&hm_record_enroll, &enroll, &body, &err) == HM_OK;
    for (unsigned tries = 0; ok; tries++) { /* enrolments are paced: 503 means later */
        bool done = post(agent, arena, "/v1/enroll", "application/json", &body, &reply);

        if (done) {
            break;
        }
        ok = tries < 100 && (reply.status == 503 || reply.status == 429);
        (void)nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
    }
    ok = ok && hm_record_decode(&hm_record_enrolled, reply.body, reply.body_len, false, arena,
                                &enrolled, NULL, &err) == HM_OK;
    if (ok) {
        (void)snprintf(agent->id, sizeof(agent->id), "%s", enrolled.agent_id);
        (void)snprintf(agent->secret, sizeof(agent->secret), "%s", enrolled.secret);
    }
    hm_buf_fini(&body);
    return ok;
}

/* One check-in; with_body sends a new inventory, else only its digest. */
static bool check_in(struct agent *agent, struct hm_arena *arena, bool with_body)
{
    struct hm_checkin checkin = {.boot_id = "load-boot", .version = "load"};
    struct hm_http_reply reply = {.status = 0};
    struct hm_buf document;
    struct hm_buf body;
    struct hm_err err;
    bool ok = true;

    hm_buf_init(&document, HM_LIMIT_DOCUMENT_BYTES);
    hm_buf_init(&body, HM_LIMIT_CHECKIN_BYTES);
    agent->seq++;
    checkin.seq = agent->seq;
    checkin.name = hm_arena_printf(arena, "load-%04u", agent->number);
    checkin.documents.has_inventory = true;
    if (with_body) {
        ok = make_inventory(arena, agent->number, agent->seq, &document, &err);
        hm_digest_text(document.data, document.len, agent->inventory_digest);
        checkin.documents.inventory.has_bytes = true;
        checkin.documents.inventory.bytes = (uint32_t)document.len;
    }
    checkin.documents.inventory.digest = agent->inventory_digest;
    ok = ok && hm_record_encode(&hm_record_checkin, &checkin, &body, &err) == HM_OK;
    if (ok && with_body) {
        ok = hm_buf_putc(&body, '\n') && hm_buf_put(&body, document.data, document.len);
    }
    ok = ok && post(agent, arena, "/v1/checkin", "application/x-ndjson", &body, &reply);
    if (ok && with_body && acked != NULL) {
        (void)pthread_mutex_lock(&acked_lock);
        (void)fprintf(acked, "%s %s\n", agent->id, agent->inventory_digest);
        (void)fflush(acked);
        (void)pthread_mutex_unlock(&acked_lock);
    }
    hm_buf_fini(&document);
    hm_buf_fini(&body);
    return ok;
}

static void *run_agent(void *arg)
{
    struct agent *agent = arg;
    struct hm_arena arena;

    hm_arena_init(&arena, HM_LIMIT_CYCLE_ARENA_BYTES);
    for (unsigned i = 0; i < agent->options->requests; i++) {
        if (!check_in(agent, &arena, agent->options->changed)) {
            agent->failed++;
        }
        hm_arena_reset(&arena);
    }
    hm_arena_fini(&arena);
    return NULL;
}

static bool start_agent(struct agent *agent, const struct options *options, unsigned number)
{
    struct hm_http_options http = {.base_url = options->url,
                                   .ca_path = options->ca,
                                   .user_agent = "load_client",
                                   .stop_fd = -1,
                                   .reply_cap_bytes = HM_LIMIT_DESIRED_BYTES,
                                   .connect_timeout_ms = 10000};
    struct hm_arena arena;
    struct hm_err err;
    bool ok;

    agent->options = options;
    agent->number = number;
    if (hm_http_open(&http, &agent->client, &err) != HM_OK) {
        (void)fprintf(stderr, "load_client: %s\n", err.text);
        return false;
    }
    hm_arena_init(&arena, HM_LIMIT_CYCLE_ARENA_BYTES);
    ok = options->token == NULL || enroll(agent, &arena);
    /* Warm-up: the connection is open and the server knows the inventory. */
    ok = ok && check_in(agent, &arena, true) && check_in(agent, &arena, false);
    hm_arena_fini(&arena);
    return ok;
}

static bool parse_options(int argc, char **argv, struct options *out)
{
    *out = (struct options){.connections = 8, .requests = 1000};
    for (int i = 1; i + 1 < argc; i += 2) {
        const char *name = argv[i];
        const char *value = argv[i + 1];

        if (strcmp(name, "--url") == 0) {
            out->url = value;
        } else if (strcmp(name, "--ca") == 0) {
            out->ca = value;
        } else if (strcmp(name, "--token") == 0) {
            out->token = value;
        } else if (strcmp(name, "--acked") == 0) {
            out->acked = value;
        } else if (strcmp(name, "--pid") == 0) {
            out->pid = atol(value);
        } else if (strcmp(name, "--connections") == 0) {
            out->connections = (unsigned)atoi(value);
        } else if (strcmp(name, "--requests") == 0) {
            out->requests = (unsigned)atoi(value);
        } else if (strcmp(name, "--mode") == 0) {
            out->changed = strcmp(value, "changed") == 0;
        } else {
            return false;
        }
    }
    return out->url != NULL && out->ca != NULL && out->connections > 0 &&
           out->connections <= MOST_CONNECTIONS;
}

static double now_s(void)
{
    struct timespec now;

    (void)timespec_get(&now, TIME_UTC);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    static struct agent agents[MOST_CONNECTIONS];
    static pthread_t threads[MOST_CONNECTIONS];
    struct options options;
    struct hm_err err;
    unsigned failed = 0;
    double began_s;
    double cpu_ns;

    if (!parse_options(argc, argv, &options)) {
        (void)fprintf(stderr, "load_client: see the first lines of load_client.c for usage\n");
        return 2;
    }
    if (hm_crypto_init(&err) != HM_OK || hm_http_init(&err) != HM_OK) {
        (void)fprintf(stderr, "load_client: %s\n", err.text);
        return 1;
    }
    acked = options.acked != NULL ? fopen(options.acked, "a") : NULL;
    for (unsigned i = 0; i < options.connections; i++) {
        if (!start_agent(&agents[i], &options, i)) {
            (void)fprintf(stderr, "load_client: agent %u could not start\n", i);
            return 1;
        }
    }
    began_s = now_s();
    cpu_ns = process_cpu_ns(options.pid);
    for (unsigned i = 0; i < options.connections; i++) {
        if (pthread_create(&threads[i], NULL, run_agent, &agents[i]) != 0) {
            return 1;
        }
    }
    for (unsigned i = 0; i < options.connections; i++) {
        (void)pthread_join(threads[i], NULL);
        failed += agents[i].failed;
        hm_http_close(agents[i].client);
    }
    cpu_ns = process_cpu_ns(options.pid) - cpu_ns;
    (void)printf("{\"requests\": %u, \"failed\": %u, \"server_cpu_us\": %.2f, \"wall_s\": %.3f}\n",
                 options.connections * options.requests, failed,
                 cpu_ns / 1000.0 / (options.connections * options.requests), now_s() - began_s);
    return failed == 0 ? 0 : 1;
}
