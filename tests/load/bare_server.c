/* tests/load/bare_server.c — what libmicrohttpd, jansson and SQLite cost by themselves.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The yardstick of deploy/docs/performance.md. Mode "204": takes the body, answers 204. Mode
 * "store": takes the body, parses each of its lines with jansson, stores it as one SQLite row
 * (WAL, full synchronous, one transaction a request), answers 204. Same TLS, same threads as the
 * collector. Usage: bare_server MODE PORT CERTIFICATE KEY [DATABASE] */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <unistd.h>

#define BODY_MAX (1024u * 1024u)

struct bare {
    bool store;
    sqlite3 *db;
    sqlite3_stmt *insert;
    pthread_mutex_t lock;
};

struct body {
    char *at;
    size_t len;
};

static bool keep(struct bare *bare, const struct body *body)
{
    const char *line = body->at;
    size_t left = body->len;
    bool ok;

    while (left > 0) {
        const char *end = memchr(line, '\n', left);
        size_t len = end != NULL ? (size_t)(end - line) : left;
        json_t *json = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);

        if (json == NULL) {
            return false;
        }
        json_decref(json);
        line += len + (end != NULL ? 1 : 0);
        left -= len + (end != NULL ? 1 : 0);
    }
    (void)pthread_mutex_lock(&bare->lock);
    ok = sqlite3_bind_blob(bare->insert, 1, body->at, (int)body->len, SQLITE_STATIC) == SQLITE_OK &&
         sqlite3_step(bare->insert) == SQLITE_DONE;
    ok = sqlite3_reset(bare->insert) == SQLITE_OK && ok;
    (void)pthread_mutex_unlock(&bare->lock);
    return ok;
}

static enum MHD_Result answer(void *app, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *data,
                              size_t *data_len, void **state)
{
    struct bare *bare = app;
    struct body *body = *state;
    struct MHD_Response *response;
    enum MHD_Result queued;

    (void)url;
    (void)method;
    (void)version;
    if (body == NULL) {
        *state = calloc(1, sizeof(*body));
        return *state != NULL ? MHD_YES : MHD_NO;
    }
    if (*data_len > 0) {
        char *larger =
            body->len + *data_len > BODY_MAX ? NULL : realloc(body->at, body->len + *data_len);

        if (larger == NULL) {
            return MHD_NO;
        }
        memcpy(larger + body->len, data, *data_len);
        body->at = larger;
        body->len += *data_len;
        *data_len = 0;
        return MHD_YES;
    }
    response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    queued = MHD_queue_response(
        connection, !bare->store || keep(bare, body) ? MHD_HTTP_NO_CONTENT : MHD_HTTP_BAD_REQUEST,
        response);
    MHD_destroy_response(response);
    return queued;
}

static void completed(void *app, struct MHD_Connection *connection, void **state,
                      enum MHD_RequestTerminationCode why)
{
    struct body *body = *state;

    (void)app;
    (void)connection;
    (void)why;
    if (body != NULL) {
        free(body->at);
        free(body);
    }
}

static char *read_text(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text = calloc(1, 65536);

    if (file == NULL || text == NULL || fread(text, 1, 65535, file) == 0) {
        (void)fprintf(stderr, "bare_server: cannot read %s\n", path);
        exit(2);
    }
    (void)fclose(file);
    return text;
}

static void open_store(struct bare *bare, const char *path)
{
    if (sqlite3_open(path, &bare->db) != SQLITE_OK ||
        sqlite3_exec(bare->db,
                     "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                     "CREATE TABLE t (id INTEGER PRIMARY KEY, body BLOB);",
                     NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(bare->db, "INSERT INTO t (body) VALUES (?)", -1, &bare->insert, NULL) !=
            SQLITE_OK) {
        (void)fprintf(stderr, "bare_server: cannot make %s: %s\n", path, sqlite3_errmsg(bare->db));
        exit(2);
    }
}

int main(int argc, char **argv)
{
    struct bare bare = {.store = false};
    struct MHD_Daemon *daemon;
    sigset_t stop;
    int got;

    if (argc < 5 || (strcmp(argv[1], "store") == 0 && argc < 6)) {
        (void)fprintf(stderr, "usage: bare_server 204|store PORT CERTIFICATE KEY [DATABASE]\n");
        return 2;
    }
    (void)pthread_mutex_init(&bare.lock, NULL);
    bare.store = strcmp(argv[1], "store") == 0;
    if (bare.store) {
        open_store(&bare, argv[5]);
    }
    (void)sigemptyset(&stop);
    (void)sigaddset(&stop, SIGTERM);
    (void)sigaddset(&stop, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &stop, NULL);
    daemon =
        MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TLS, (uint16_t)atoi(argv[2]), NULL,
                         NULL, answer, &bare, MHD_OPTION_HTTPS_MEM_CERT, read_text(argv[3]),
                         MHD_OPTION_HTTPS_MEM_KEY, read_text(argv[4]), MHD_OPTION_HTTPS_PRIORITIES,
                         "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2", MHD_OPTION_THREAD_POOL_SIZE,
                         (unsigned)sysconf(_SC_NPROCESSORS_ONLN), MHD_OPTION_NOTIFY_COMPLETED,
                         completed, NULL, MHD_OPTION_END);
    if (daemon == NULL) {
        (void)fprintf(stderr, "bare_server: cannot listen on port %s\n", argv[2]);
        return 1;
    }
    (void)printf("ready\n");
    (void)fflush(stdout);
    (void)sigwait(&stop, &got);
    MHD_stop_daemon(daemon);
    return 0;
}
