/* tests/load/boots.c — starts a model of a host many times and counts how often a port is lost.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Of odds.py, which writes what it reads from standard input, one word after the other:
 *   boots N  seed N
 *   space 4|6 RANGES          ports that the stack may hand out
 *   blocks 4|6|46 WIDTH COUNT
 *   pool 4|6 COUNT RANGES     sockets in one family, on ports of the ranges alone
 *   clients COUNT             sockets in both families
 *   watch 4|6 NUMBER RANGES   ports of the requirement of this number, below 64
 *   go
 * RANGES is 1-2,5-9, or "-" for none. It prints how often each requirement lost a port in some
 * family, then how many blocks found no place. Every block and every socket of every start is
 * placed alone: it draws ports until it finds one that nobody has. This file knows no formula, and
 * shares nothing with the product. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PORTS 65536u
#define BLOCKS_MAX 1024u
#define NEEDS_MAX 64u
#define RANGES_TEXT 65536
#define TRIES 256u /* then the free places are listed, and one of them is drawn */

struct block {
    bool in[2];
    uint32_t width;
};

static bool space[2][PORTS];
static uint64_t watched[2][PORTS]; /* bit: number of the requirement */
static uint32_t taken[2][PORTS];   /* the start in which it was last taken */
static struct block blocks[BLOCKS_MAX];
static uint32_t blocks_count;
static uint16_t pool[2][PORTS]; /* where the pool's sockets may be */
static uint32_t pool_ports[2];
static uint32_t pool_sockets[2];
static uint16_t all[PORTS]; /* the space of either family */
static uint32_t all_ports;
static uint32_t clients;
static uint32_t boot;
static uint64_t lost; /* bits of the requirements that lost a port in this start */
static uint64_t homeless;

static uint64_t state[4]; /* xoshiro256** */

static uint64_t rotate(uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}

static uint64_t draw(void)
{
    uint64_t result = rotate(state[1] * 5, 7) * 9;
    uint64_t shifted = state[1] << 17;

    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = rotate(state[3], 45);
    return result;
}

static void sow(uint64_t seed)
{
    for (unsigned i = 0; i < 4; i++) { /* splitmix64 */
        uint64_t z = seed += 0x9e3779b97f4a7c15u;

        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        state[i] = z ^ z >> 31;
    }
}

/* 0 to n - 1; n is at most 65,536, so that the bias is below 1e-9. */
static uint32_t below(uint32_t n)
{
    return (uint32_t)((draw() >> 16) * (uint64_t)n >> 48);
}

static void take(unsigned family, uint32_t port)
{
    taken[family][port] = boot;
    lost |= watched[family][port];
}

static bool is_free(const bool in[2], uint32_t port)
{
    return (space[0][port] && in[0]) || (space[1][port] && in[1]);
}

static bool is_taken(const bool in[2], uint32_t port)
{
    return (in[0] && taken[0][port] == boot) || (in[1] && taken[1][port] == boot);
}

static bool fits(const struct block *block, uint32_t first)
{
    for (uint32_t i = 0; i < block->width; i++) {
        if (!is_free(block->in, first + i) || is_taken(block->in, first + i)) {
            return false;
        }
    }
    return true;
}

static void put_at(const bool in[2], uint32_t first, uint32_t count)
{
    for (unsigned family = 0; family < 2; family++) {
        for (uint32_t i = 0; in[family] && i < count; i++) {
            take(family, first + i);
        }
    }
}

static void put_block(const struct block *block)
{
    static uint16_t places[PORTS];
    const uint32_t starts = PORTS - block->width + 1;
    uint32_t count = 0;

    for (uint32_t i = 0; i < TRIES; i++) {
        uint32_t first = below(starts);

        if (fits(block, first)) {
            put_at(block->in, first, block->width);
            return;
        }
    }
    for (uint32_t first = 0; first < starts; first++) {
        if (fits(block, first)) {
            places[count++] = (uint16_t)first;
        }
    }
    if (count == 0) {
        homeless++;
        return;
    }
    put_at(block->in, places[below(count)], block->width);
}

/* False: all are taken. */
static bool put_socket(const bool in[2], const uint16_t *ports, uint32_t ports_count)
{
    static uint16_t places[PORTS];
    uint32_t count = 0;

    for (uint32_t i = 0; i < TRIES && ports_count > 0; i++) {
        uint16_t port = ports[below(ports_count)];

        if (!is_taken(in, port)) {
            put_at(in, port, 1);
            return true;
        }
    }
    for (uint32_t i = 0; i < ports_count; i++) {
        if (!is_taken(in, ports[i])) {
            places[count++] = ports[i];
        }
    }
    if (count > 0) {
        put_at(in, places[below(count)], 1);
    }
    return count > 0;
}

static void start(void)
{
    static const bool both[2] = {true, true};

    lost = 0;
    for (uint32_t i = blocks_count; i > 1; i--) { /* nobody knows who comes first */
        uint32_t other = below(i);
        struct block swap = blocks[i - 1];

        blocks[i - 1] = blocks[other];
        blocks[other] = swap;
    }
    for (uint32_t i = 0; i < blocks_count; i++) {
        put_block(&blocks[i]);
    }
    for (unsigned family = 0; family < 2; family++) {
        const bool in[2] = {family == 0, family == 1};

        for (uint32_t i = 0; i < pool_sockets[family]; i++) {
            if (!put_socket(in, pool[family], pool_ports[family])) {
                break;
            }
        }
    }
    for (uint32_t i = 0; i < clients; i++) {
        if (!put_socket(both, all, all_ports)) {
            break;
        }
    }
}

static void fail(const char *what)
{
    fprintf(stderr, "boots: wrong input: %s\n", what);
    exit(2);
}

static uint32_t number(uint32_t most)
{
    uint32_t value;

    if (scanf("%" SCNu32, &value) != 1 || value > most) {
        fail("number");
    }
    return value;
}

/* Calls put for each port of the ranges that come next. */
static void ranges(void (*put)(unsigned family, uint32_t port, uint32_t value), unsigned family,
                   uint32_t value)
{
    static char text[RANGES_TEXT];
    char *at = text;

    if (scanf("%65535s", text) != 1) {
        fail("ranges");
    }
    while (strcmp(text, "-") != 0 && *at != '\0') {
        unsigned long first = strtoul(at, &at, 10);
        unsigned long last = *at == '-' ? strtoul(at + 1, &at, 10) : first;

        if (last >= PORTS || first > last || (*at != ',' && *at != '\0')) {
            fail(text);
        }
        for (unsigned long port = first; port <= last; port++) {
            put(family, (uint32_t)port, value);
        }
        at += *at == ',';
    }
}

static void put_space(unsigned family, uint32_t port, uint32_t value)
{
    (void)value;
    space[family][port] = true;
}

static void put_pool(unsigned family, uint32_t port, uint32_t value)
{
    (void)value;
    if (space[family][port]) {
        pool[family][pool_ports[family]++] = (uint16_t)port;
    }
}

static void put_watch(unsigned family, uint32_t port, uint32_t value)
{
    watched[family][port] |= (uint64_t)1 << value;
}

static unsigned family_of(const char *word)
{
    if (strcmp(word, "4") != 0 && strcmp(word, "6") != 0) {
        fail(word);
    }
    return word[0] == '6';
}

static void read_blocks(void)
{
    char word[8];
    struct block block;
    uint32_t count;

    if (scanf("%7s", word) != 1) {
        fail("family");
    }
    block.in[0] = strchr(word, '4') != NULL;
    block.in[1] = strchr(word, '6') != NULL;
    block.width = number(PORTS);
    count = number(BLOCKS_MAX - blocks_count);
    for (uint32_t i = 0; i < count; i++) {
        blocks[blocks_count++] = block;
    }
}

static uint32_t read_input(void)
{
    uint32_t boots = 0;
    char word[16];

    while (scanf("%15s", word) == 1 && strcmp(word, "go") != 0) {
        char family[8] = "";

        if (strcmp(word, "boots") == 0) {
            boots = number(UINT32_MAX - 1);
        } else if (strcmp(word, "seed") == 0) {
            sow(number(UINT32_MAX));
        } else if (strcmp(word, "clients") == 0) {
            clients = number(PORTS);
        } else if (strcmp(word, "blocks") == 0) {
            read_blocks();
        } else if (scanf("%7s", family) != 1) {
            fail(word);
        } else if (strcmp(word, "space") == 0) {
            ranges(put_space, family_of(family), 0);
        } else if (strcmp(word, "pool") == 0) {
            pool_sockets[family_of(family)] = number(PORTS);
            ranges(put_pool, family_of(family), 0);
        } else if (strcmp(word, "watch") == 0) {
            ranges(put_watch, family_of(family), number(NEEDS_MAX - 1));
        } else {
            fail(word);
        }
    }
    return boots;
}

int main(void)
{
    uint64_t counts[NEEDS_MAX] = {0};
    uint32_t boots = read_input();

    for (uint32_t port = 0; port < PORTS; port++) {
        if (space[0][port] || space[1][port]) {
            all[all_ports++] = (uint16_t)port;
        }
    }
    for (boot = 1; boot <= boots; boot++) {
        start();
        for (uint64_t left = lost, at = 0; left != 0; left >>= 1, at++) {
            counts[at] += left & 1;
        }
    }
    for (unsigned i = 0; i < NEEDS_MAX; i++) {
        printf("%" PRIu64 "\n", counts[i]);
    }
    printf("%" PRIu64 "\n", homeless);
    return 0;
}
