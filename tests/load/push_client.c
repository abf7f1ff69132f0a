/* tests/load/push_client.c — thousands of agents that hold GET /v1/desired, and when each is
 * answered.
 * SPDX-License-Identifier: Apache-2.0
 *
 * One thread, one TLS connection an agent. Bearer tokens come from a file, the first word of each
 * line. Prints "held N" when every request has been sent and, once all are answered or standard
 * input is closed, "SECONDS BYTES" (of CLOCK_MONOTONIC, of the body) for each answer 200, then
 * "end".
 * Usage: push_client PORT TOKENS FROM COUNT ETAG TAG SOURCE_ADDRESS */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define AT_ONCE 16 /* handshakes under way */
#define HEAD_BYTES 2048
#define WAIT_S 600

enum phase { PHASE_HANDSHAKE, PHASE_HELD, PHASE_BODY, PHASE_DONE };

struct agent {
    int fd;
    gnutls_session_t session;
    enum phase phase;
    size_t head_len;
    size_t left; /* of the body */
    size_t size;
    struct timespec answered;
    char *head;
    const char *token;
};

struct load {
    int poll;
    uint16_t port;
    const char *etag;
    const char *tag;
    struct in_addr source;
    gnutls_certificate_credentials_t credentials;
    struct agent *agents;
    size_t count;
    size_t started;
    size_t held;
    size_t done;
    bool told;
};

static void must(bool ok, const char *what)
{
    if (!ok) {
        (void)fprintf(stderr, "push_client: %s\n", what);
        exit(1);
    }
}

static void start(struct load *load, struct agent *agent)
{
    const struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr = load->source};
    const struct sockaddr_in to = {.sin_family = AF_INET,
                                   .sin_port = htons(load->port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = agent};
    const int on = 1;

    agent->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(agent->fd >= 0, "no socket");
    must(bind(agent->fd, (const struct sockaddr *)&from, sizeof(from)) == 0, "no source address");
    must(connect(agent->fd, (const struct sockaddr *)&to, sizeof(to)) == 0, "nobody listens");
    (void)setsockopt(agent->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    must(fcntl(agent->fd, F_SETFL, O_NONBLOCK) == 0, "no fcntl");
    must(gnutls_init(&agent->session, GNUTLS_CLIENT | GNUTLS_NO_SIGNAL | GNUTLS_NONBLOCK) == 0,
         "no memory");
    must(gnutls_set_default_priority(agent->session) == 0, "no priorities");
    must(gnutls_credentials_set(agent->session, GNUTLS_CRD_CERTIFICATE, load->credentials) == 0,
         "no credentials");
    gnutls_transport_set_int(agent->session, agent->fd);
    agent->phase = PHASE_HANDSHAKE;
    must(epoll_ctl(load->poll, EPOLL_CTL_ADD, agent->fd, &event) == 0, "no epoll");
    load->started++;
}

static void ask(const struct load *load, const struct agent *agent)
{
    char text[HEAD_BYTES];
    int len = snprintf(text, sizeof(text),
                       "GET /v1/desired?catalogue=%s HTTP/1.1\r\nHost: localhost\r\n"
                       "Authorization: Bearer %s\r\nIf-None-Match: %s\r\nPrefer: wait=%d\r\n\r\n",
                       load->tag, agent->token, load->etag, WAIT_S);

    must(gnutls_record_send(agent->session, text, (size_t)len) == len, "request not sent");
}

static void shake_hands(struct load *load, struct agent *agent)
{
    int result = gnutls_handshake(agent->session);

    if (result == 0) {
        ask(load, agent);
        agent->phase = PHASE_HELD;
        load->held++;
    } else {
        must(!gnutls_error_is_fatal(result), gnutls_strerror(result));
    }
}

static void finish(struct load *load, struct agent *agent)
{
    (void)clock_gettime(CLOCK_MONOTONIC, &agent->answered);
    agent->phase = PHASE_DONE;
    load->done++;
}

static void read_head(struct load *load, struct agent *agent, const char *data, size_t len)
{
    const char *end;
    const char *length;

    if (agent->head == NULL) {
        agent->head = calloc(1, HEAD_BYTES);
        must(agent->head != NULL, "no memory");
    }
    must(agent->head_len + len < HEAD_BYTES || agent->head_len == 0, "the answer's head is long");
    len = len < HEAD_BYTES - 1 - agent->head_len ? len : HEAD_BYTES - 1 - agent->head_len;
    memcpy(agent->head + agent->head_len, data, len);
    agent->head_len += len;
    end = strstr(agent->head, "\r\n\r\n");
    if (end == NULL) {
        return;
    }
    must(strncmp(agent->head, "HTTP/1.1 200", 12) == 0, agent->head);
    length = strcasestr(agent->head, "\r\nContent-Length:");
    must(length != NULL, "no Content-Length");
    agent->size = strtoul(length + strlen("\r\nContent-Length:"), NULL, 10);
    agent->left = agent->size;
    agent->head_len = (size_t)(end + 4 - agent->head);
    agent->phase = PHASE_BODY;
    (void)load;
}

static void take(struct load *load, struct agent *agent, const char *data, size_t len)
{
    if (agent->phase == PHASE_HELD) {
        size_t before = agent->head_len;

        read_head(load, agent, data, len);
        if (agent->phase != PHASE_BODY) {
            return;
        }
        len -= agent->head_len - before;
    }
    must(len <= agent->left, "more than was announced");
    agent->left -= len;
    if (agent->left == 0) {
        finish(load, agent);
    }
}

static void read_answer(struct load *load, struct agent *agent)
{
    static char data[65536];
    ssize_t got;

    while ((got = gnutls_record_recv(agent->session, data, sizeof(data))) > 0) {
        take(load, agent, data, (size_t)got);
    }
    /* Session tickets come as records of their own. */
    must(got < 0 && !gnutls_error_is_fatal((int)got), "the connection was closed");
}

/* Not before: whoever reads this is busy, and a full pipe would hold up the agents. */
static void tell(const struct load *load)
{
    for (size_t i = 0; i < load->count; i++) {
        const struct agent *agent = &load->agents[i];

        if (agent->phase == PHASE_DONE) {
            (void)printf("%lld.%06ld %zu\n", (long long)agent->answered.tv_sec,
                         agent->answered.tv_nsec / 1000, agent->size);
        }
    }
    (void)printf("end\n");
}

static void turn(struct load *load)
{
    struct epoll_event events[256];
    int count = epoll_wait(load->poll, events, 256, 1000);

    for (int i = 0; i < count; i++) {
        struct agent *agent = events[i].data.ptr;

        if (agent == NULL) {
            tell(load);
            exit(0);
        }
        if (agent->phase == PHASE_HANDSHAKE) {
            shake_hands(load, agent);
        } else {
            read_answer(load, agent);
        }
    }
}

static void read_tokens(struct load *load, const char *path, size_t from)
{
    FILE *file = fopen(path, "r");
    char line[512];

    must(file != NULL, path);
    load->agents = calloc(load->count, sizeof(*load->agents));
    must(load->agents != NULL, "no memory");
    for (size_t i = 0; i < from + load->count; i++) {
        must(fgets(line, sizeof(line), file) != NULL, "too few tokens");
        line[strcspn(line, " \n")] = '\0';
        if (i >= from) {
            load->agents[i - from].token = strdup(line);
        }
    }
    (void)fclose(file);
}

int main(int argc, char **argv)
{
    struct load load = {.poll = epoll_create1(EPOLL_CLOEXEC)};
    struct epoll_event input = {.events = EPOLLIN | EPOLLHUP, .data.ptr = NULL};

    must(argc == 8, "see the first lines of push_client.c for usage");
    load.port = (uint16_t)atoi(argv[1]);
    load.count = (size_t)atol(argv[4]);
    load.etag = argv[5];
    load.tag = argv[6];
    must(inet_pton(AF_INET, argv[7], &load.source) == 1, "SOURCE_ADDRESS is no address");
    read_tokens(&load, argv[2], (size_t)atol(argv[3]));
    must(gnutls_certificate_allocate_credentials(&load.credentials) == 0, "no memory");
    must(epoll_ctl(load.poll, EPOLL_CTL_ADD, STDIN_FILENO, &input) == 0, "no epoll");
    while (load.done < load.count) {
        while (load.started < load.count && load.started - load.held < AT_ONCE) {
            start(&load, &load.agents[load.started]);
            shake_hands(&load, &load.agents[load.started - 1]);
        }
        turn(&load);
        if (load.held == load.count && !load.told) {
            (void)printf("held %zu\n", load.held);
            (void)fflush(stdout);
            load.told = true;
        }
    }
    tell(&load);
    return 0;
}
