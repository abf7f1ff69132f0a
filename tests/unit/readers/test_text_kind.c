/* tests/unit/readers/test_text_kind.c — every recorded output is known for what it is, and every
 * listing of netsh, in every language, names its protocol.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/readers/text_kind.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/encoding.h"
#include "common/base/limits.h"
#include "common/os/os.h"
#include "common/readers/netsh_title.h"
#include "tests/support/fixture.h"

#define ARENA_BYTES (64u * 1024u * 1024u)
#define SPAN(literal)                                                                              \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }

/* What the names of files say that they hold. */
struct prefix_row {
    const char *folder;
    const char *prefix;
    enum hm_text_kind kind;
};

static const struct prefix_row prefixes[] = {
    {"netsh",   "dynamic-",  HM_TEXT_DYNAMIC },
    {"netsh",   "excluded-", HM_TEXT_EXCLUDED},
    {"netstat", "tasklist-", HM_TEXT_TASKLIST},
    {"netstat", "",          HM_TEXT_NETSTAT },
};

/* Their title was lost. */
static const char *const untitled[] = {"excluded-en-14.txt", "excluded-en-rows-only.txt"};

static enum hm_text_kind kind_of_name(const char *folder, const char *name)
{
    for (size_t i = 0; i < HM_COUNT(prefixes); i++) {
        if (strcmp(prefixes[i].folder, folder) == 0 &&
            strncmp(name, prefixes[i].prefix, strlen(prefixes[i].prefix)) == 0) {
            return prefixes[i].kind;
        }
    }
    return HM_TEXT_UNKNOWN;
}

static bool is_untitled(const char *name)
{
    for (size_t i = 0; i < HM_COUNT(untitled); i++) {
        if (strcmp(untitled[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static void check_file(const char *folder, const char *name, struct hm_arena *arena)
{
    size_t len;
    char *bytes = hm_fixture_read(hm_arena_printf(arena, "%s/%s", folder, name), &len);
    struct hm_netsh_title title;
    struct hm_span text;

    assert_int_equal(hm_text_decode(bytes, len, arena, &text, NULL), HM_OK);
    if (hm_text_kind(text) != kind_of_name(folder, name)) {
        fail_msg("%s/%s is %s", folder, name, hm_text_kind_names[hm_text_kind(text)]);
    }
    title = hm_netsh_read_title(text);
    if (strcmp(folder, "netsh") == 0 &&
        (title.has_protocol == is_untitled(name) || title.protocol != HM_TCP)) {
        fail_msg("%s/%s does not say that it is of tcp", folder, name);
    }
    free(bytes);
}

static void test_recorded_outputs(void **state)
{
    static const char *const folders[] = {"netsh", "netstat"};

    (void)state;
    for (size_t i = 0; i < HM_COUNT(folders); i++) {
        struct hm_strings names;
        struct hm_arena arena;
        struct hm_err err;

        hm_arena_init(&arena, ARENA_BYTES);
        if (hm_os_list_folder(
                hm_arena_printf(&arena, HM_SOURCE_DIR "/tests/fixtures/%s", folders[i]), &arena,
                &names, &err) != HM_OK) {
            fail_msg("%s", err.text);
        }
        for (size_t k = 0; k < names.count; k++) {
            check_file(folders[i], names.at[k], &arena);
        }
        hm_arena_fini(&arena);
    }
}

struct kind_case {
    struct hm_span text;
    enum hm_text_kind kind;
};

/* clang-format off */
static const struct kind_case kind_cases[] = {
    {SPAN(""), HM_TEXT_UNKNOWN},
    {SPAN("hello\r\n"), HM_TEXT_UNKNOWN},
    {SPAN("The following command was not found: int ipv4 show excludedportrange.\r\n"),
     HM_TEXT_UNKNOWN},
    {SPAN("{\"os\": {}}\n"), HM_TEXT_JSON},
    {SPAN("[\n]\n"), HM_TEXT_UNKNOWN},
    {SPAN(" [svchost.exe]\n"), HM_TEXT_UNKNOWN},
    {SPAN("Windows Registry Editor Version 5.00\r\n\r\n[HKEY_LOCAL_MACHINE\\A]\r\n"),
     HM_TEXT_REGISTRY},
    {SPAN("net.ipv4.ip_local_reserved_ports = 8080\n"), HM_TEXT_SYSCTL},
    {SPAN("32768\t60999\n"), HM_TEXT_SYSCTL_VALUE},
    {SPAN("# nothing\n"), HM_TEXT_UNKNOWN},
    /* tasklist: table, table of a German system, /v, without /svc, /m, /fo list */
    {SPAN("\r\nImage Name                     PID Services\r\n"
          "========================= ======== ============================================\r\n"
          "System Idle Process              0 N/A\r\n"), HM_TEXT_TASKLIST_OTHER},
    {SPAN("\r\nAbbildname                     PID Sitzungsname       Sitz.-Nr. Speichernutzung\r\n"
          "========================= ======== ================ =========== ===============\r\n"),
     HM_TEXT_TASKLIST_OTHER},
    {SPAN("\"Image Name\",\"PID\",\"Session Name\",\"Session#\",\"Mem Usage\"\r\n"
          "\"System\",\"4\",\"Services\",\"0\",\"2,048 K\"\r\n"), HM_TEXT_TASKLIST_OTHER},
    {SPAN("\"Image Name\",\"PID\",\"Modules\"\r\n\"smss.exe\",\"300\",\"ntdll.dll\"\r\n"),
     HM_TEXT_TASKLIST_OTHER},
    {SPAN("\r\nImage Name:   System\r\nPID:          4\r\nSession Name: Services\r\n"),
     HM_TEXT_TASKLIST_OTHER},
    /* Get-NetTCPSetting; what tools say to a user who may not; not within a listing */
    {SPAN("\r\nSettingName                   : Internet\r\nDynamicPortRangeStartPort     : 1024\r\n"
          "DynamicPortRangeNumberOfPorts : 64511\r\nAutoReusePortRangeStartPort   : 0\r\n"),
     HM_TEXT_POWERSHELL},
    {SPAN("LocalAddress : ::\r\nLocalPort    : 135\r\n\r\n"), HM_TEXT_POWERSHELL},
    {SPAN("ERROR: Access is denied.\r\n"), HM_TEXT_DENIED},
    {SPAN("[SC] OpenSCManager ECHEC 5:\r\n\r\nAcc\xc3\xa8s refus\xc3\xa9.\r\n"), HM_TEXT_DENIED},
    {SPAN("\"a\",\"b\",\"c\",\"d\"\r\n"), HM_TEXT_UNKNOWN},
};
/* clang-format on */

static void test_kinds(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(kind_cases); i++) {
        enum hm_text_kind kind = hm_text_kind(kind_cases[i].text);

        if (kind != kind_cases[i].kind) {
            fail_msg("%s\nis %s", kind_cases[i].text.at, hm_text_kind_names[kind]);
        }
    }
}

struct title_case {
    struct hm_span text;
    const char *says; /* "udp", "ipv6", "udp ipv6" */
};

/* clang-format off */
static const struct title_case title_cases[] = {
    {SPAN("Protocol udp Port Exclusion Ranges\r\n----\r\n"), "udp"},
    {SPAN("\xd0\x9f\xd1\x80\xd0\xbe\xd1\x82\xd0\xbe\xd0\xba\xd0\xbe\xd0\xbb udp: \xd0\xb4\r\n---\r\n"),
     "udp"},
    {SPAN("C:\\tcp>netsh int ipv6 show excludedportrange protocol=tcp\r\nProtocol udp\r\n"),
     "udp ipv6"},
    {SPAN("PS C:\\> netsh int IPv4 show dynamicport UDP\r\n"), "udp ipv4"},
    {SPAN("tcp and udp\r\n"), ""},
    {SPAN("wtcp tcpx udp4\r\n"), ""},
    {SPAN("Start Port    End Port\r\n  80   80\r\nProtocol udp\r\n"), ""}, /* below the numbers */
    {SPAN("> Protocol udp\r\n"), "udp"},
    {SPAN(""), ""},
};
/* clang-format on */

static void test_titles(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(title_cases); i++) {
        struct hm_netsh_title title = hm_netsh_read_title(title_cases[i].text);
        char got[16] = "";

        if (title.has_protocol) {
            (void)strcat(got, hm_protocol_names[title.protocol]);
        }
        if (title.has_family) {
            (void)strcat(got, got[0] == '\0' ? "" : " ");
            (void)strcat(got, hm_family_names[title.family]);
        }
        assert_string_equal(got, title_cases[i].says);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recorded_outputs),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_titles),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
