/* tests/boots/main.c — boot_proof: no boot of a recorded host shows the agent doing harm, or saying
 * what is not true. SPDX-License-Identifier: Apache-2.0
 *
 *   boot_proof SOURCE [--boots N] [--host NAME] [--seed N] [--jobs N] [--verbose]
 *
 * Boots every host of tests/fixtures/hosts and fleet and of tests/fixtures/boots, and those of
 * tests/fixtures/cases that show what is set up, N times, in sequences of SEQUENCE_BOOTS that keep
 * their state folder; a sequence is known by its seed. First it shows that the checks bite: without
 * waiting until the host has settled, a web site that comes late must lose its port. Exit status: 0
 * all holds, 1 something does not, 2 wrong input. */
#include "tests/boots/boots.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/catalogue.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/str.h"
#include "common/crypto/digest.h"
#include "common/os/os.h"

#define SEQUENCE_BOOTS 10u
#define HOSTS_MAX 128u
#define CASES 3u /* of kinds */
#define A1_HOST "iis-london-01"
#define A1_SEQUENCES 5u
#define LATE_HOST "iis-london-01"
#define LATE_FIRST 1u
#define LATE_SEQUENCES 20u
#define BOOK_HOST "quic-of-a-program"
#define BOOK_FIRST 1u
#define BOOK_SEQUENCES 8u

struct arguments {
    const char *source;
    const char *host;
    unsigned boots;
    bool has_seed;
    uint64_t seed;
    unsigned jobs;
    bool is_verbose;
};

struct found_host {
    char folder[BOOTS_PATH];
    char name[64];
};

static struct found_host hosts[HOSTS_MAX];
static size_t hosts_count;

static _Noreturn void die(const char *what, const char *why)
{
    (void)fprintf(stderr, "boot_proof: %s: %s\n", what, why);
    exit(2);
}

static int compare_hosts(const void *a, const void *b)
{
    return strcmp(((const struct found_host *)a)->name, ((const struct found_host *)b)->name);
}

/* Of the cases: those that show what is set up. */
static bool has_settings(const char *folder)
{
    static const char *const files[] = {"http-urlacl.txt", "http-sslcert.txt", "iis-bindings.txt",
                                        "hns-endpoints.json", "port-values.txt"};
    char path[BOOTS_PATH + 32];
    bool found = false;

    for (size_t i = 0; !found && i < HM_COUNT(files); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
        found = hm_os_exists(path);
    }
    return found;
}

static void find_hosts(const struct arguments *arguments)
{
    static const char *const kinds[] = {"fixtures/hosts", "fixtures/fleet", "fixtures/boots",
                                        "fixtures/cases"};
    struct hm_arena arena;
    struct hm_err err;

    hm_arena_init(&arena, 1u << 20);
    for (size_t i = 0; i < HM_COUNT(kinds); i++) {
        const char *root = hm_arena_printf(&arena, "%s/tests/%s", arguments->source, kinds[i]);
        struct hm_strings names;

        if (hm_os_list_folder(root, &arena, &names, &err) != HM_OK) {
            die(root, err.text);
        }
        for (size_t k = 0; k < names.count && hosts_count < HOSTS_MAX; k++) {
            struct found_host *host = &hosts[hosts_count];

            (void)snprintf(host->folder, sizeof(host->folder), "%s/%s", root, names.at[k]);
            if (arguments->host == NULL ? i < CASES || has_settings(host->folder)
                                        : strcmp(arguments->host, names.at[k]) == 0) {
                (void)snprintf(host->name, sizeof(host->name), "%s", names.at[k]);
                hosts_count++;
            }
        }
    }
    hm_arena_fini(&arena);
    qsort(hosts, hosts_count, sizeof(hosts[0]), compare_hosts);
    if (hosts_count == 0) {
        die("no host", arguments->host == NULL ? arguments->source : arguments->host);
    }
}

/* ---- one host -------------------------------------------------------------------------------- */

static void print_counts(const char *name, const struct boots_counts *counts)
{
    printf("%s: %" PRIu64 " boots, %" PRIu64 " looks, %" PRIu64 " ports excluded (in %" PRIu64
           " boots before they had settled); policies at the end: %" PRIu64 " verified, %" PRIu64
           " waiting, %" PRIu64 " refused of %" PRIu64 "; %" PRIu64
           " services lost a port, none of them called safe but %" PRIu64 "; %" PRIu64
           " excluded that nothing had shown; %" PRIu64 " off by suspicion; %" PRIu64 " breaches\n",
           name, counts->boots, counts->looks, counts->changes, counts->early, counts->verified,
           counts->waiting, counts->refused, counts->ends, counts->failed,
           counts->failed - counts->claims, counts->limits, counts->suspected, counts->breaches);
    (void)fflush(stdout);
}

/* Of a seed: the same sequence again, alone. */
static struct boots_variant variant_of(uint64_t seed)
{
    return (struct boots_variant){.hides_settings = seed % 3 == 0,
                                  .hides_some = seed % 7 == 4,
                                  .is_configured = seed % 2 == 0,
                                  .only_judges = seed % 5 == 2,
                                  .comes_late = seed % 13 == 6,
                                  .loses_book = seed % 11 == 5};
}

static void run_host(const struct arguments *arguments, const struct found_host *found,
                     const struct hm_catalogue *catalogue, struct boots_counts *counts)
{
    static struct boots_host host;
    const struct boots_options options = {.boots = SEQUENCE_BOOTS,
                                          .is_verbose = arguments->is_verbose};
    const uint64_t first = arguments->has_seed ? arguments->seed : 1;
    const uint64_t last =
        arguments->has_seed ? first : (arguments->boots + SEQUENCE_BOOTS - 1) / SEQUENCE_BOOTS;

    boots_host_open(&host, found->folder, found->name, catalogue);
    for (uint64_t seed = first; seed <= last; seed++) {
        const struct boots_variant variant = variant_of(seed);

        boots_run(&host, seed, &variant, &options, counts);
    }
    boots_host_close(&host);
    print_counts(found->name, counts);
}

/* ---- the checks bite ------------------------------------------------------------------------- */

/* An IIS binding on 50443 that nobody can read, and that listens late. Only waiting until the host
 * has settled protects it.
 */
static bool show_a1(const struct arguments *arguments, const struct hm_catalogue *catalogue)
{
    static struct boots_host host;
    const struct boots_variant variant = {.hides_settings = true, .only_a1 = true};
    struct boots_counts counts[2];
    char folder[BOOTS_PATH];

    memset(counts, 0, sizeof(counts));
    (void)snprintf(folder, sizeof(folder), "%s/tests/fixtures/fleet/" A1_HOST, arguments->source);
    boots_host_open(&host, folder, A1_HOST, catalogue);
    for (unsigned off = 0; off < 2; off++) {
        const struct boots_options options = {/* the first loss is remembered: no second one */
                                              .boots = 2,
                                              .rule_off = off == 1,
                                              .is_quiet = off == 1};

        for (uint64_t seed = 1; seed <= A1_SEQUENCES; seed++) {
            boots_run(&host, seed, &variant, &options, &counts[off]);
        }
    }
    boots_host_close(&host);
    printf("a web site on 50443 that comes late, %u boots: %" PRIu64
           " breaches; without waiting for the host to settle it did not start in %" PRIu64 "\n",
           2 * A1_SEQUENCES, counts[0].breaches, counts[1].broken);
    (void)fflush(stdout);
    return counts[0].breaches == 0 && 2 * counts[1].broken >= A1_SEQUENCES;
}

/* A program that serves HTTP/3: only the port book knows its ports while it is down. */
static bool show_lost_book(const struct arguments *arguments, const struct hm_catalogue *catalogue)
{
    static struct boots_host host;
    const struct boots_variant variant = {.loses_book = true};
    const struct boots_options options = {.boots = SEQUENCE_BOOTS};
    struct boots_counts counts;
    char folder[BOOTS_PATH];

    memset(&counts, 0, sizeof(counts));
    (void)snprintf(folder, sizeof(folder), "%s/tests/fixtures/boots/" BOOK_HOST, arguments->source);
    boots_host_open(&host, folder, BOOK_HOST, catalogue);
    for (uint64_t seed = BOOK_FIRST; seed < BOOK_FIRST + BOOK_SEQUENCES; seed++) {
        boots_run(&host, seed, &variant, &options, &counts);
    }
    boots_host_close(&host);
    printf("a port book that is lost, %" PRIu64 " boots: %" PRIu64 " ports excluded, %" PRIu64
           " breaches\n",
           counts.boots, counts.changes, counts.breaches);
    (void)fflush(stdout);
    return counts.breaches == 0 && counts.changes > 0;
}

/* A port that no setting and no boot has shown is excluded before its service is started for the
 * first time: the policy that wants it goes, and no other one. */
static bool show_late(const struct arguments *arguments, const struct hm_catalogue *catalogue)
{
    static struct boots_host host;
    const struct boots_variant variant = {.comes_late = true};
    const struct boots_options options = {.boots = SEQUENCE_BOOTS};
    struct boots_counts counts;
    char folder[BOOTS_PATH];

    memset(&counts, 0, sizeof(counts));
    (void)snprintf(folder, sizeof(folder), "%s/tests/fixtures/fleet/" LATE_HOST, arguments->source);
    boots_host_open(&host, folder, LATE_HOST, catalogue);
    for (uint64_t seed = LATE_FIRST; seed < LATE_FIRST + LATE_SEQUENCES; seed++) {
        boots_run(&host, seed, &variant, &options, &counts);
    }
    boots_host_close(&host);
    printf("a service that is started for the first time, %" PRIu64 " boots: %" PRIu64
           " ports excluded that nothing had shown, %" PRIu64 " breaches\n",
           counts.boots, counts.limits, counts.breaches);
    (void)fflush(stdout);
    return counts.breaches == 0 && counts.limits > 0;
}

/* ---- all ------------------------------------------------------------------------------------- */

/* By a process of its own: a host that cannot be read does not end the others. */
static bool run_one(const struct arguments *arguments, const struct hm_catalogue *catalogue,
                    const struct found_host *found)
{
    const pid_t child = fork();
    int status = 0;

    if (child < 0) {
        die("fork", "failed");
    }
    if (child == 0) {
        struct boots_counts counts;

        memset(&counts, 0, sizeof(counts));
        run_host(arguments, found, catalogue, &counts);
        exit(counts.breaches == 0 ? 0 : 1);
    }
    return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Every jobs-th host; true when all holds. */
static bool run_share(const struct arguments *arguments, const struct hm_catalogue *catalogue,
                      unsigned share)
{
    bool holds = true;

    for (size_t i = share; i < hosts_count; i += arguments->jobs) {
        holds = run_one(arguments, catalogue, &hosts[i]) && holds;
    }
    return holds;
}

static bool run_all(const struct arguments *arguments, const struct hm_catalogue *catalogue)
{
    bool holds = true;

    for (unsigned share = 0; share < arguments->jobs; share++) {
        const pid_t child = fork();

        if (child < 0) {
            die("fork", "failed");
        }
        if (child == 0) {
            exit(run_share(arguments, catalogue, share) ? 0 : 1);
        }
    }
    for (unsigned share = 0; share < arguments->jobs; share++) {
        int status = 0;

        holds = wait(&status) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0 && holds;
    }
    return holds;
}

static uint64_t number_of(const char *text)
{
    char *end;
    const unsigned long long number = strtoull(text, &end, 10);

    if (*text == '\0' || *end != '\0') {
        die(text, "is no number");
    }
    return number;
}

static void parse(int argc, char **argv, struct arguments *out)
{
    *out = (struct arguments){.boots = 100, .jobs = 2};
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";

        if (strcmp(argv[i], "--verbose") == 0) {
            out->is_verbose = true;
            continue;
        }
        if (argv[i][0] != '-') {
            out->source = argv[i];
            continue;
        }
        if (strcmp(argv[i], "--host") == 0) {
            out->host = value;
        } else if (strcmp(argv[i], "--boots") == 0) {
            out->boots = (unsigned)number_of(value);
        } else if (strcmp(argv[i], "--jobs") == 0) {
            out->jobs = (unsigned)number_of(value);
        } else if (strcmp(argv[i], "--seed") == 0) {
            out->seed = number_of(value);
            out->has_seed = true;
        } else {
            die(argv[i], "unknown");
        }
        i++;
    }
    if (out->source == NULL || out->jobs == 0) {
        die("usage",
            "boot_proof SOURCE [--boots N] [--host NAME] [--seed N] [--jobs N] [--verbose]");
    }
}

int main(int argc, char **argv)
{
    struct arguments arguments;
    struct hm_catalogue catalogue;
    struct hm_arena arena;
    struct hm_err err;
    char folder[BOOTS_PATH];
    bool holds;

    parse(argc, argv, &arguments);
    if (!arguments.is_verbose) {
        hm_log_set_level(HM_LOG_ERROR);
    }
    if (hm_crypto_init(&err) != HM_OK) {
        die("crypto", err.text);
    }
    hm_arena_init(&arena, HM_LIMIT_CYCLE_ARENA_BYTES);
    (void)snprintf(folder, sizeof(folder), "%s/schema/catalogue/products", arguments.source);
    if (hm_catalogue_load(folder, &arena, &catalogue, &err) != HM_OK) {
        die(folder, err.text);
    }
    find_hosts(&arguments);
    holds = arguments.has_seed || show_a1(&arguments, &catalogue);
    holds = (arguments.has_seed || show_lost_book(&arguments, &catalogue)) && holds;
    holds = (arguments.has_seed || show_late(&arguments, &catalogue)) && holds;
    holds = run_all(&arguments, &catalogue) && holds;
    hm_arena_fini(&arena);
    printf("%zu hosts, %u boots each: %s\n", hosts_count,
           arguments.has_seed ? SEQUENCE_BOOTS : arguments.boots,
           holds ? "no port of HTTP.sys, QUIC or a container was excluded, nothing foreign was "
                   "touched, every policy tells the truth, and nothing called safe was lost"
                 : "FAILED");
    return holds ? 0 : 1;
}
