/* tests/unit/readers/test_netsh_text.c — netsh listings in many languages, code pages and states of
 * damage: the right ranges, or a refusal with the right line.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/readers/netsh_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "tests/support/fixture.h"

#define ARENA_BYTES (16u * 1024u * 1024u)
#define NAME_BYTES 128

/* What the files of other languages and transports hold. */
#define SHARED_STARRED "9933,9955,50000-50059"
#define SHARED_PLAIN "80,1434-1533,5357,49152-49251,49252-49351,65535"

struct excluded_file {
    const char *name;
    size_t rows;
    size_t starred_rows;
    const char *starred;
    const char *plain;
};

/* clang-format off */
static const struct excluded_file excluded_files[] = {
    {"excluded-de-01.txt", 8, 0, "",
     "28380,28385,49711-49810,49811-49910,49911-50010,50111-50210,50211-50310," "51099-51198"},
    {"excluded-de-02.txt", 2, 0, "", "28380,28385"},
    {"excluded-de-03.txt", 15, 1, "50000-50059",
     "5357,5985,47001,49152,49153,49154,49851-49950,50060-50159,50705-50804,"
     "50805-50904,50905-51004,51005-51104,60706-60805,60806-60905"},
    {"excluded-fr-01.txt", 14, 1, "50000-50059",
     "80,1587-1686,1787-1886,1887-1986,2180-2279,2280-2379,2380-2479,2480-2579,"
     "2580-2679,2699-2798,5357,11870-11969,15855-15954"},
    {"excluded-fr-02.txt", 67, 1, "50000-50059",
     "80,1487,5673,5674,7058,7452-7551,7552-7651,7652-7751,7852-7951,8052-8151,"
     "8152-8251,8252-8351,8352-8451,8452-8551,8670-8769,8770-8869,8870-8969,"
     "9070-9169,9281-9380,9381-9480,9481-9580,9581-9680,9681-9780,10090-10189,"
     "10190-10289,10290-10389,10490-10589,10690-10789,10790-10889,10890-10989,"
     "10990-11089,11090-11189,11238-11337,11338-11437,11495-11594,11595-11694,"
     "11695-11794,11795-11894,11895-11994,11995-12094,12095-12194,12195-12294,"
     "12295-12394,12395-12494,12495-12594,12595-12694,22000,42137-42236,"
     "42237-42336,42337-42436,42537-42636,42737-42836,42837-42936,42937-43036,"
     "43037-43136,43137-43236,43256-43355,43356-43455,43456-43555,43556-43655,"
     "43656-43755,44260-44359,44360-44459,44460-44559,44560-44659,44660-44759"},
    {"excluded-ko-01.txt", 9, 1, "50000-50059",
     "7654-7753,7754-7853,7939-8038,8039-8138,10226-10325,10326-10425,10426-10525," "10526-10625"},
    {"excluded-ko-02.txt", 1, 1, "50000-50059", ""},
    {"excluded-ko-03.txt", 8, 1, "50000-50059",
     "1461-1560,1661-1760,1861-1960,4513-4612,4717-4816,4838-4937,27339"},
    {"excluded-zhcn-01.txt", 14, 3, "1433,10362-10363,50000-50059",
     "1203-1302,1434-1533,1534-1633,1789-1888,1889-1988,5357,5426,5796-5895,"
     "6260-6359,54235,54236"},
    {"excluded-zhcn-02.txt", 19, 1, "50000-50059",
     "4549-4648,4649-4748,4749-4848,4863-4962,5041-5140,5141-5240,5241-5340,"
     "5341-5440,5531-5630,5704-5803,11581-11680,11681-11780,11781-11880,"
     "11881-11980,11981-12080,12081-12180,12181-12280,12281-12380"},
    {"excluded-zhcn-03.txt", 14, 1, "50000-50059",
     "1026-1125,1126-1225,1226-1325,1326-1425,1461-1560,1652-1751,5357,"
     "13342-13441,13442-13541,13542-13641,13642-13741,13763-13862,13863-13962"},
    {"excluded-zhcn-04.txt", 6, 0, "",
     "1026-1125,1226-1325,1326-1425,1426-1525,1526-1625,2180-2279"},
    {"excluded-zhcn-05.txt", 11, 1, "50051",
     "5357,49702-49801,49802-49901,49902-50001,50052-50151,50152-50251,"
     "50252-50351,50352-50451,50465-50564,50911-51010"},
    {"excluded-zhcn-06.txt", 3, 1, "50000-50059", "5357,8884"},
    {"excluded-zhcn-07.txt", 8, 1, "50000-50059",
     "2126-2225,4217-4316,5354-5453,8915-9014,9081-9180,9498-9597,11751-11850"},
    {"excluded-en-01.txt", 9, 1, "50000-50059",
     "1078-1177,1378-1477,4482-4581,7952-8051,11959-12058,13613-13712,35966-36065," "50131"},
    {"excluded-en-02.txt", 10, 1, "50000-50059",
     "5357,5985,27339,47001,50101-50200,54913-55012,55390-55489,58598-58697," "59263-59362"},
    {"excluded-en-03.txt", 4, 1, "50000-50059", "2869,10004-10103,11105-11204"},
    {"excluded-en-04.txt", 21, 1, "50000-50059",
     "1369-1468,1858-1957,1958-2057,2058-2157,2880-2979,5357,5673,15007-15106,"
     "15161-15260,16921-17020,17021-17120,17601-17700,18351-18450,18564-18663,"
     "19298-19397,22221,22223,49152,49153,49154"},
    {"excluded-en-05.txt", 13, 1, "50000-50059",
     "1045-1144,1145-1244,4523-4622,4823-4922,4923-5022,7098-7197,7198-7297,"
     "14365-14464,14765-14864,14865-14964,16826-16925,16993-17092"},
    {"excluded-en-06.txt", 12, 1, "50000-50059",
     "80,81,88,443,2869,4041-5040,5041-5140,5141-5240,5241-5340,5357,8000"},
    {"excluded-en-07.txt", 0, 0, "", ""},
    {"excluded-en-08.txt", 3, 1, "50000-50059", "1024-1123,1124-1223"},
    {"excluded-zhcn-08.txt", 21, 1, "50000-50059",
     "2869,3202-3301,3307-3406,3407-3506,3507-3606,3607-3706,3707-3806,3807-3906,"
     "3907-4006,4108-4207,4598-4697,4698-4797,4798-4897,4898-4997,5041-5140,"
     "5141-5240,5241-5340,5426,5427-5526,5527-5626"},
    {"excluded-zhcn-09.txt", 4, 2, "5050,50000-50059", "2869,5426"},
    {"excluded-zhcn-10.txt", 15, 2, "50000-50059,50070",
     "1026-1125,1126-1225,1226-1325,1326-1425,1426-1525,1538-1637,2327-2426,"
     "2427-2526,2527-2626,2627-2726,2727-2826,2827-2926,6344-6567"},
    {"excluded-en-09.txt", 18, 1, "50000-50059",
     "1074-1173,1174-1273,1374-1473,1474-1573,1574-1673,1678-1777,2224-2323,"
     "9598-9697,9698-9797,9798-9897,9898-9997,9998-10097,10098-10197,10198-10297,"
     "10298-10397,13510-13609,27339"},
    {"excluded-en-10.txt", 7, 0, "",
     "49692-49791,49792-49891,49892-49991,49992-50091,50092-50191,50214-50313," "50498-50597"},
    {"excluded-en-11.txt", 8, 1, "50000-50059",
     "1235-1334,1435-1534,2096-2195,5357,12278-12377,14512-14611,19455"},
    {"excluded-en-12.txt", 14, 1, "50000-50059",
     "5357,49800-49899,49900-49999,50060-50159,50160-50259,50260-50359,"
     "50683-50782,50783-50882,50883-50982,50983-51082,51083-51182,51777-51876," "51877-51976"},
    {"excluded-en-13.txt", 11, 1, "50000-50059",
     "80,443,2323,5357,49286-49385,49737-49836,50160-50259,50260-50359,"
     "51466-51565,56760-56859"},
    {"excluded-en-14.txt", 4, 1, "50000-50059", "5001,5002,5357"},
    {"excluded-ko-04.txt", 10, 1, "50000-50059",
     "20238-20337,20338-20437,25239-25338,25339-25438,39091,39721,47166-47265,"
     "47678-47777,50195-50294"},
    {"excluded-ko-05.txt", 8, 1, "50000-50059",
     "5564-5663,8698-8797,8798-8897,8898-8997,9037-9136,9137-9236,27339"},
    {"excluded-ru-cp866.txt", 9, 3, SHARED_STARRED, SHARED_PLAIN},
    {"excluded-ru-utf8.txt", 9, 3, SHARED_STARRED, SHARED_PLAIN},
    {"excluded-ru-cp1251.txt", 9, 3, SHARED_STARRED, SHARED_PLAIN},
    {"excluded-ja-cp932.txt", 9, 3, SHARED_STARRED, SHARED_PLAIN},
    {"excluded-zhtw-cp950.txt", 9, 3, SHARED_STARRED, SHARED_PLAIN},
    {"excluded-zhcn-cp936.txt", 9, 3, SHARED_STARRED, SHARED_PLAIN},
    {"excluded-ko-cp949.txt", 9, 3, SHARED_STARRED, SHARED_PLAIN},
    {"excluded-pl-cp852.txt", 9, 3, SHARED_STARRED, SHARED_PLAIN},
    {"excluded-tr-cp857.txt", 9, 3, SHARED_STARRED, SHARED_PLAIN},
    {"excluded-es-cp850.txt", 9, 3, SHARED_STARRED, SHARED_PLAIN},
    {"excluded-de-cp850.txt", 9, 3, SHARED_STARRED, SHARED_PLAIN},
    {"excluded-fr-cp850.txt", 9, 3, SHARED_STARRED, SHARED_PLAIN},
    {"excluded-ar-utf8.txt", 9, 3, SHARED_STARRED, SHARED_PLAIN},
    {"excluded-he-utf8.txt", 9, 3, SHARED_STARRED, SHARED_PLAIN},
    {"excluded-ar-cp1256.txt", 9, 3, SHARED_STARRED, SHARED_PLAIN},
    {"excluded-he-cp862.txt", 9, 3, SHARED_STARRED, SHARED_PLAIN},
    {"excluded-en-utf16le.txt", 9, 3, SHARED_STARRED, SHARED_PLAIN},
    {"excluded-ru-utf16le.txt", 9, 3, SHARED_STARRED, SHARED_PLAIN},
    {"excluded-ja-utf16be.txt", 9, 3, SHARED_STARRED, SHARED_PLAIN},
    {"excluded-ko-utf8bom.txt", 9, 3, SHARED_STARRED, SHARED_PLAIN},
    {"excluded-en-mixed-ends.txt", 9, 3, SHARED_STARRED, SHARED_PLAIN},
    {"excluded-en-old-mac.txt", 9, 3, SHARED_STARRED, SHARED_PLAIN},
    {"excluded-en-quoted.txt", 9, 3, SHARED_STARRED, SHARED_PLAIN},
    {"excluded-en-commented.txt", 9, 3, SHARED_STARRED, SHARED_PLAIN},
    {"excluded-en-hash.txt", 9, 3, SHARED_STARRED, SHARED_PLAIN},
    {"excluded-en-tabs.txt", 9, 3, SHARED_STARRED, SHARED_PLAIN},
    {"excluded-en-fenced.txt", 9, 3, SHARED_STARRED, SHARED_PLAIN},
    {"excluded-en-rows-only.txt", 9, 3, SHARED_STARRED, SHARED_PLAIN},
    {"excluded-en-nbsp.txt", 9, 3, SHARED_STARRED, SHARED_PLAIN},
    {"excluded-en-star-before.txt", 2, 1, "50000-50059", "5357"},
    {"excluded-en-command.txt", 9, 3, SHARED_STARRED, SHARED_PLAIN},
    {"excluded-en-no-dashes.txt", 9, 3, SHARED_STARRED, SHARED_PLAIN},
    {"excluded-en-empty-list.txt", 0, 0, "", ""},
    {"excluded-en-whole.txt", 1, 1, "1-65535", ""},
};
/* clang-format on */

struct dynamic_file {
    const char *name;
    struct hm_range range;
};

static const struct dynamic_file dynamic_files[] = {
    {"dynamic-zhcn-01.txt",    {1024, 15000} },
    {"dynamic-zhcn-02.txt",    {49152, 65534}},
    {"dynamic-en-01.txt",      {1024, 15000} },
    {"dynamic-en-02.txt",      {49152, 65535}},
    {"dynamic-en-03.txt",      {49152, 65535}},
    {"dynamic-fr-01.txt",      {49152, 65535}},
    {"dynamic-ru-cp866.txt",   {6005, 65534} },
    {"dynamic-ru-utf8.txt",    {6005, 65534} },
    {"dynamic-ja-cp932.txt",   {6005, 65534} },
    {"dynamic-zhtw-cp950.txt", {6005, 65534} },
    {"dynamic-zhtw-utf8.txt",  {6005, 65534} },
    {"dynamic-zhcn-cp936.txt", {6005, 65534} },
    {"dynamic-ko-cp949.txt",   {6005, 65534} },
    {"dynamic-pl-cp852.txt",   {6005, 65534} },
    {"dynamic-tr-cp857.txt",   {6005, 65534} },
    {"dynamic-es-cp850.txt",   {6005, 65534} },
    {"dynamic-de-cp850.txt",   {6005, 65534} },
    {"dynamic-ar-utf8.txt",    {6005, 65534} },
    {"dynamic-he-utf8.txt",    {6005, 65534} },
    {"dynamic-he-cp862.txt",   {6005, 65534} },
    {"dynamic-en-utf16le.txt", {49152, 65535}},
    {"dynamic-en-whole.txt",   {1, 65535}    },
};

/* A listing that must be refused at the line. */
struct refusal {
    const char *what;
    const char *text;
    unsigned line;
};

#define HEAD "Title\n\nStart    End\n----------    --------\n"

/* clang-format off */
static const struct refusal excluded_refusals[] = {
    {"nothing", "", 0},
    {"white space", " \n\t\n", 2},
    {"garbage", "\x01\x02\xff\xfe garbage \x80\n", 1},
    {"success text", "Ok.\n\n", 2},
    {"failure text", "The following command was not found: int ipv4 show excluded.\n", 1},
    {"labels only", "Title\n\nStart Port    End Port\n", 3},
    {"single group of dashes", "Title\n---------------------------------\n", 2},
    {"a dynamic listing", "Title\n-----\nStart Port : 49152\nNumber : 16384\n", 3},
    {"end below start", HEAD "  200  100\n", 5},
    {"end over 65535", HEAD "  200  65536\n", 5},
    {"start over 65535", HEAD "  70000  70001\n", 5},
    {"a very long number", HEAD "  1  99999999999999999999999999\n", 5},
    {"port 0", HEAD "  0  10\n", 5},
    {"leading zero", HEAD "  080  090\n", 5},
    {"descending", HEAD "  300 400\n  100 200\n", 6},
    {"overlap", HEAD "  100 200\n  200 300\n", 6},
    {"twice", HEAD "  100 200\n  100 200\n", 6},
    {"three numbers", HEAD "  100 200 300\n", 5},
    {"one number", HEAD "  100\n", 5},
    {"one number and star", HEAD "  100 *\n", 5},
    {"star between", HEAD "  100 * 200\n", 5},
    {"two stars", HEAD "  100 200 * *\n", 5},
    {"text behind", HEAD "  100 200 * WinNAT\n", 5},
    {"text behind, no star", HEAD "  100 200 <- WSL\n", 5},
    {"text before", HEAD "row 100 200\n", 5},
    {"letter in a number", HEAD "  l00 200\n", 5},
    {"letter in the end", HEAD "  100 2OO\n", 5},
    {"minus", HEAD "  -100 200\n", 5},
    {"range notation", HEAD "  100-200\n", 5},
    {"decimal point", HEAD "  1.000 1.099\n", 5},
    {"thousands", HEAD "  1,000 1,099\n", 5},
    {"table", HEAD "| 100 | 200 |\n", 5},
    {"cut with dots", HEAD "  100 200\n  ...\n  300 400\n", 6},
    {"cut at the end", HEAD "  100 200\n...\n", 6},
    {"cut in brackets", HEAD "  100 200\n[...]\n", 6},
    {"cut, ellipsis", HEAD "  100 200\n  \xe2\x80\xa6\n", 6},
    {"cut, ellipsis of 936", HEAD "  100 200\n  \xa1\xad\xa1\xad\n", 6},
    {"cut, ellipsis of 1252", HEAD "  100 200\n\x85\n", 6},
    {"cut, one dot", HEAD "  100 200\n.\n", 6},
    {"words between rows", HEAD "  100 200\nand many more\n  300 400\n", 6},
    {"two lists", HEAD "  100 200\n" HEAD "  300 400\n", 9},
    {"two empty lists", HEAD "\n* footer\n" HEAD, 10},
    {"full-width digits", HEAD "\xef\xbc\x91\xef\xbc\x92 \xef\xbc\x93\xef\xbc\x94\n", 5},
    {"arabic digits", HEAD "\xd9\xa1\xd9\xa2 \xd9\xa3\xd9\xa4\n", 5},
    {"no-break space of 1252", HEAD "  100\xa0" "200\n", 5},
    {"cut row at the end", HEAD "  9998 10097\n 10098 101", 6},
    {"half a row at the end", HEAD "  9998 10097\n 10098", 6},
    {"CR only lines count", "a\rb\r7\r", 3},
};
/* clang-format on */

static const struct refusal dynamic_refusals[] = {
    {"nothing",               "",                                                  0},
    {"success text",          "Ok.\n\n",                                           2},
    {"one value",             "T\n---\nStart : 49152\n",                           3},
    {"three values",          "T\nStart : 49152\nNumber : 16384\nMore : 5\n",      4},
    {"value without label",   "T\n49152\n16384\n",                                 2},
    {"label without letters", "T\n: 49152\n: 16384\n",                             2},
    {"text behind the value", "T\nStart : 49152 ports\nNumber : 16384\n",          2},
    {"two numbers",           "T\nStart : 49 152\nNumber : 16384\n",               2},
    {"thousands",             "T\nStart : 49,152\nNumber : 16384\n",               2},
    {"range",                 "T\nStart : 1-5\nNumber : 16384\n",                  2},
    {"minus",                 "T\nStart : -5\nNumber : 16384\n",                   2},
    {"start 0",               "T\nStart : 0\nNumber : 16384\n",                    3},
    {"count 0",               "T\nStart : 49152\nNumber : 0\n",                    3},
    {"count below 255",       "T\nStart : 49152\nNumber : 163\n",                  3},
    {"cut behind a digit",    "T\nStart : 1024\nNumber : 6451",                    3},
    {"beyond the end",        "T\nStart : 49152\nNumber : 16385\n",                3},
    {"huge",                  "T\nStart : 49152\nNumber : 99999999999999999999\n", 3},
    {"an exclusion list",     HEAD "  100 200\n",                                  5},
    {"cut",                   "T\nStart : 49152\n...\nNumber : 16384\n",           3},
};

/* Two posts left out the last line of netsh, and one file has rows alone. */
static bool lacks_footer(const char *name)
{
    static const char *const names[] = {"excluded-ko-03.txt", "excluded-zhcn-04.txt",
                                        "excluded-en-rows-only.txt"};

    for (size_t i = 0; i < HM_COUNT(names); i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static void test_excluded_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(excluded_files); i++) {
        const struct excluded_file *row = &excluded_files[i];
        char name[NAME_BYTES] = "netsh/";
        struct hm_ports starred;
        struct hm_ports plain;
        struct hm_arena arena;
        struct hm_err err;
        bool ends = false;
        size_t len;
        char *text = hm_fixture_read(strcat(name, row->name), &len);

        hm_arena_init(&arena, ARENA_BYTES);
        if (hm_netsh_parse_excluded(text, len, &arena, &starred, &plain, &err) != HM_OK) {
            fail_msg("%s: %s", row->name, err.text);
        }
        print_message("%s\n", row->name);
        assert_int_equal(hm_netsh_ends_with_row((struct hm_span){text, len}, &ends, &err), HM_OK);
        assert_int_equal(ends, lacks_footer(row->name));
        assert_int_equal(starred.count, row->starred_rows);
        assert_int_equal(starred.count + plain.count, row->rows);
        assert_string_equal(hm_ports_text(starred, &arena), row->starred);
        assert_string_equal(hm_ports_text(plain, &arena), row->plain);
        hm_arena_fini(&arena);
        free(text);
    }
}

static void test_dynamic_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(dynamic_files); i++) {
        const struct dynamic_file *row = &dynamic_files[i];
        char name[NAME_BYTES] = "netsh/";
        struct hm_range range;
        struct hm_err err;
        size_t len;
        char *text = hm_fixture_read(strcat(name, row->name), &len);

        if (hm_netsh_parse_dynamic(text, len, &range, &err) != HM_OK) {
            fail_msg("%s: %s", row->name, err.text);
        }
        print_message("%s\n", row->name);
        assert_int_equal(range.first, row->range.first);
        assert_int_equal(range.last, row->range.last);
        free(text);
    }
}

static void test_excluded_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(excluded_refusals); i++) {
        const struct refusal *row = &excluded_refusals[i];
        struct hm_ports starred = {NULL, 77};
        struct hm_ports plain = {NULL, 77};
        struct hm_arena arena;
        struct hm_err err = {0};

        hm_arena_init(&arena, ARENA_BYTES);
        print_message("%s\n", row->what);
        assert_int_equal(
            hm_netsh_parse_excluded(row->text, strlen(row->text), &arena, &starred, &plain, &err),
            HM_EINVAL);
        assert_int_equal(err.line, row->line);
        assert_true(strlen(err.text) > 0);
        assert_int_equal(starred.count, 77); /* outputs are written only on success */
        assert_int_equal(plain.count, 77);
        hm_arena_fini(&arena);
    }
}

static void test_dynamic_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < HM_COUNT(dynamic_refusals); i++) {
        const struct refusal *row = &dynamic_refusals[i];
        struct hm_range range = {7, 8};
        struct hm_err err = {0};

        print_message("%s\n", row->what);
        assert_int_equal(hm_netsh_parse_dynamic(row->text, strlen(row->text), &range, &err),
                         HM_EINVAL);
        assert_int_equal(err.line, row->line);
        assert_int_equal(range.first, 7);
    }
}

/* No fixture may be shortened unnoticed: every file cut in the middle of a row is refused or
 * holds only rows that stood there. */
static void test_excluded_cut_anywhere(void **state)
{
    size_t len;
    char *text = hm_fixture_read("netsh/excluded-en-13.txt", &len);
    struct hm_arena arena;
    struct hm_ports whole_starred;
    struct hm_ports whole_plain;

    (void)state;
    hm_arena_init(&arena, ARENA_BYTES);
    assert_int_equal(hm_netsh_parse_excluded(text, len, &arena, &whole_starred, &whole_plain, NULL),
                     HM_OK);
    for (size_t cut = 0; cut < len; cut++) {
        struct hm_ports starred;
        struct hm_ports plain;

        if (hm_netsh_parse_excluded(text, cut, &arena, &starred, &plain, NULL) == HM_OK) {
            struct hm_ports both[2] = {starred, plain};

            for (size_t k = 0; k < 2; k++) {
                for (size_t i = 0; i < both[k].count; i++) {
                    struct hm_range row = both[k].at[i];
                    const struct hm_range *in_plain = hm_ports_find(whole_plain, row.first);
                    const struct hm_range *in_starred = hm_ports_find(whole_starred, row.first);
                    const struct hm_range *real = in_plain != NULL ? in_plain : in_starred;

                    assert_non_null(real);
                    assert_int_equal(real->first, row.first);
                    assert_int_equal(real->last, row.last);
                }
            }
        }
    }
    hm_arena_fini(&arena);
    free(text);
}

/* One byte damaged anywhere: refused, or still as many rows; a row is never lost in silence. */
static void test_excluded_one_damaged_byte(void **state)
{
    static const char bytes[] = {'\0', '\n', '\r', '\t', ' ',    '*',    '-',    '.',   ',',
                                 ':',  '#',  '>',  'x',  '\x85', '\xa0', '\xe2', '\xff'};
    size_t len;
    char *text = hm_fixture_read("netsh/excluded-zhcn-01.txt", &len);
    struct hm_arena arena;
    struct hm_ports starred;
    struct hm_ports plain;
    size_t rows;

    (void)state;
    hm_arena_init(&arena, ARENA_BYTES);
    assert_int_equal(hm_netsh_parse_excluded(text, len, &arena, &starred, &plain, NULL), HM_OK);
    rows = starred.count + plain.count;
    for (size_t at = 0; at < len; at++) {
        char real = text[at];

        for (size_t i = 0; i < sizeof(bytes); i++) {
            hm_arena_reset(&arena);
            text[at] = bytes[i];
            if (hm_netsh_parse_excluded(text, len, &arena, &starred, &plain, NULL) == HM_OK) {
                assert_int_equal(starred.count + plain.count, rows);
            }
        }
        text[at] = real;
    }
    hm_arena_fini(&arena);
    free(text);
}

static void test_utf16_cut_or_unmarked(void **state)
{
    static const char half[] = {'\xff', '\xfe', 'a', 0, 'b'};
    static const char unmarked[] = {'1', 0, ' ', 0, '2', 0, '\n', 0};
    struct hm_ports starred;
    struct hm_ports plain;
    struct hm_range range;
    struct hm_arena arena;
    struct hm_err err;

    (void)state;
    hm_arena_init(&arena, ARENA_BYTES);
    assert_int_equal(hm_netsh_parse_excluded(half, sizeof(half), &arena, &starred, &plain, &err),
                     HM_EINVAL);
    assert_int_equal(
        hm_netsh_parse_excluded(unmarked, sizeof(unmarked), &arena, &starred, &plain, &err), HM_OK);
    assert_int_equal(plain.count, 1);
    assert_int_equal(plain.at[0].last, 2);
    assert_int_equal(hm_netsh_parse_dynamic(unmarked, sizeof(unmarked), &range, &err), HM_EINVAL);
    hm_arena_fini(&arena);
}

/* What cannot be read is not "not cut": neither a text that is damaged nor one that is too long. */
static void test_ends_unknown(void **state)
{
    static const char damaged[] = "\xff\xfe"
                                  "1\0 \0"
                                  "2";
    char *large = calloc(1, HM_LIMIT_INPUT_FILE_BYTES + 1);
    struct hm_err err = {0};
    bool ends = true;

    (void)state;
    assert_non_null(large);
    assert_int_equal(
        hm_netsh_ends_with_row((struct hm_span){damaged, sizeof(damaged) - 1}, &ends, &err),
        HM_EINVAL);
    assert_int_equal(
        hm_netsh_ends_with_row((struct hm_span){large, HM_LIMIT_INPUT_FILE_BYTES + 1}, &ends, &err),
        HM_ETOOBIG);
    assert_true(ends && err.text[0] != '\0');
    free(large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_excluded_files),
        cmocka_unit_test(test_ends_unknown),
        cmocka_unit_test(test_dynamic_files),
        cmocka_unit_test(test_excluded_refusals),
        cmocka_unit_test(test_dynamic_refusals),
        cmocka_unit_test(test_excluded_one_damaged_byte),
        cmocka_unit_test(test_excluded_cut_anywhere),
        cmocka_unit_test(test_utf16_cut_or_unmarked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
