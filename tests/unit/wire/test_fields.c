/* tests/unit/wire/test_fields.c — records to JSON and back: every type, every refusal.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/wire/fields.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "common/ports/inventory.h"

#define ARENA_BYTES (1024u * 1024u)

/* Of the parser, whose header only common/wire may include. */
extern void json_set_alloc_funcs(void *(*alloc)(size_t bytes), void (*release)(void *at));

struct leaf {
    uint16_t port;
    const char *label;
};

struct leaves {
    struct leaf *at;
    size_t count;
};

/* One member of every type and every flag. */
struct tree {
    bool on;
    uint16_t small;
    uint32_t middle;
    uint64_t large;
    double real;
    const char *text;
    enum hm_protocol protocol;
    int64_t since;
    struct hm_range range;
    struct hm_ports ports;
    struct leaf leaf;
    struct leaves leaves;
    struct hm_strings strings;
    bool has_limit;
    uint32_t limit;
    bool has_extra;
    struct leaf extra;
    bool has_list;
    struct leaves list;
    const char *note;
    enum hm_family family;
};

static const struct hm_enum protocols = {hm_protocol_names, 2};
static const struct hm_enum families = {hm_family_names, 2};

static const struct hm_field leaf_fields[] = {
    HM_F(leaf, port, HM_TYPE_U16, HM_FIELD_REQUIRED, 1, 0, ""),
    HM_F(leaf, label, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, 8, ""),
};
static const struct hm_record record_leaf = {"leaf", sizeof(struct leaf), leaf_fields, 2};

static const struct hm_field tree_fields[] = {
    HM_F(tree, on, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0, ""),
    HM_F(tree, small, HM_TYPE_U16, HM_FIELD_DEFAULT, 0, 0, ""),
    HM_F(tree, middle, HM_TYPE_U32, HM_FIELD_DEFAULT, 5, 1000, ""),
    HM_F(tree, large, HM_TYPE_U64, HM_FIELD_DEFAULT, 0, 0, ""),
    HM_F(tree, real, HM_TYPE_REAL, HM_FIELD_DEFAULT, 0, 1, ""),
    HM_F(tree, text, HM_TYPE_STRING, HM_FIELD_DEFAULT, 2, 10, ""),
    HM_F_ENUM(tree, protocol, HM_FIELD_DEFAULT, &protocols, ""),
    HM_F(tree, since, HM_TYPE_TIME, HM_FIELD_DEFAULT, 0, 0, ""),
    HM_F(tree, range, HM_TYPE_RANGE, HM_FIELD_DEFAULT, 0, 0, ""),
    HM_F(tree, ports, HM_TYPE_PORTS, HM_FIELD_DEFAULT, 0, 0, ""),
    HM_F_RECORD(tree, leaf, HM_FIELD_DEFAULT, &record_leaf, ""),
    HM_F_RECORDS(tree, leaves, HM_FIELD_DEFAULT, 3, &record_leaf, ""),
    HM_F(tree, strings, HM_TYPE_STRINGS, HM_FIELD_DEFAULT, 0, 2, ""),
    HM_F_OPT(tree, limit, HM_TYPE_U32, 0, 0, ""),
    HM_F_RECORD_OPT(tree, extra, &record_leaf, ""),
    HM_F_RECORDS_OPT(tree, list, 2, &record_leaf, ""),
    HM_F(tree, note, HM_TYPE_STRING, HM_FIELD_WRITTEN, 0, 0, ""),
    HM_F_ENUM(tree, family, HM_FIELD_WRITTEN, &families, ""),
};
static const struct hm_record record_tree = {"tree", sizeof(struct tree), tree_fields,
                                             HM_COUNT(tree_fields)};

#define PAD_BYTES (64u * 1024u) /* documents from this size on are read value by value */

/* With white space behind it: the same outcome to the letter, read in the other way. */
static void decode_padded(const char *text, size_t len, bool strict, enum hm_status status,
                          const struct tree *out, const struct hm_err *err)
{
    static char padded[PAD_BYTES * 8];
    struct hm_buf first;
    struct hm_buf second;
    struct hm_arena arena;
    struct tree tree;
    struct hm_err why = {.text = ""};

    if (len > sizeof(padded) - PAD_BYTES) {
        return;
    }
    hm_arena_init(&arena, ARENA_BYTES);
    hm_buf_init(&first, ARENA_BYTES);
    hm_buf_init(&second, ARENA_BYTES);
    memcpy(padded, text, len);
    memset(padded + len, ' ', PAD_BYTES);
    assert_int_equal(
        hm_record_decode(&record_tree, padded, len + PAD_BYTES, strict, &arena, &tree, NULL, &why),
        status);
    if (status == HM_OK) {
        assert_int_equal(hm_record_encode(&record_tree, out, &first, &why), HM_OK);
        assert_int_equal(hm_record_encode(&record_tree, &tree, &second, &why), HM_OK);
        assert_string_equal(hm_buf_text(&first), hm_buf_text(&second));
    } else if (len > 0 && strchr("}]", text[len - 1]) != NULL) {
        assert_string_equal(why.text, err->text);
    }
    hm_buf_fini(&second);
    hm_buf_fini(&first);
    hm_arena_fini(&arena);
}

static enum hm_status decode(const char *text, bool strict, struct hm_arena *arena,
                             struct tree *out, struct hm_decode_notes *notes, struct hm_err *err)
{
    enum hm_status st =
        hm_record_decode(&record_tree, text, strlen(text), strict, arena, out, notes, err);

    if (st != HM_ENOMEM) {
        decode_padded(text, strlen(text), strict, st, out, err);
    }
    return st;
}

/* A large document whose last value is invalid: that is said, and what was read is made once. */
static void test_large_and_invalid(void **state)
{
    static char text[PAD_BYTES * 2];
    struct hm_arena arena;
    struct tree tree;
    (void)state;
    (void)snprintf(text, sizeof(text), "{\"note\":\"%0999d\",\"family\":\"x\"}%65536s", 0, "");
    hm_arena_init(&arena, sizeof(tree) + 1500);
    assert_int_equal(
        hm_record_decode(&record_tree, text, strlen(text), true, &arena, &tree, NULL, NULL),
        HM_EINVAL);
    hm_arena_fini(&arena);
}

/* What is read is written in the table's order, with what is absent filled in or left out. */
static void test_round_trips(void **state)
{
    static const struct {
        const char *text;
        const char *written;
    } rows[] = {
        {"{}",                                                                                "{\"note\":\"\",\"family\":\"ipv4\"}"                      },
        {" \t\r\n{ } \n",                                                                     "{\"note\":\"\",\"family\":\"ipv4\"}"                      },
        {"{\"family\":\"ipv6\",\"note\":\"x\"}",                                              "{\"note\":\"x\",\"family\":\"ipv6\"}"                     },
        {"{\"on\":true,\"small\":65535,\"middle\":5,\"large\":9007199254740992}",
         "{\"on\":true,\"small\":65535,\"middle\":5,\"large\":9007199254740992,\"note\":\"\","
         "\"family\":\"ipv4\"}"                                                                                                                          },
        {"{\"real\":1}",                                                                      "{\"real\":1,\"note\":\"\",\"family\":\"ipv4\"}"           },
        {"{\"real\":0.123456789}",                                                            "{\"real\":0.123457,\"note\":\"\",\"family\":\"ipv4\"}"    },
        {"{\"real\":1e-7}",                                                                   "{\"real\":1e-07,\"note\":\"\",\"family\":\"ipv4\"}"       },
        {"{\"real\":-0.0}",                                                                   "{\"note\":\"\",\"family\":\"ipv4\"}"                      },
        {"{\"protocol\":\"udp\"}",                                                            "{\"protocol\":\"udp\",\"note\":\"\",\"family\":\"ipv4\"}" },
        {"{\"protocol\":\"tcp\"}",                                                            "{\"note\":\"\",\"family\":\"ipv4\"}"                      },
        {"{\"since\":\"2026-11-22T12:05:00.75+01:00\"}",
         "{\"since\":\"2026-11-22T11:05:00Z\",\"note\":\"\",\"family\":\"ipv4\"}"                                                                        },
        {"{\"range\":\"6005-65535\",\"ports\":\"1,2-3,5\"}",
         "{\"range\":\"6005-65535\",\"ports\":\"1,2-3,5\",\"note\":\"\",\"family\":\"ipv4\"}"                                                            },
        {"{\"ports\":\"0-65535\"}",                                                           "{\"ports\":\"0-65535\",\"note\":\"\",\"family\":\"ipv4\"}"},
        {"{\"leaf\":{\"port\":7}}",                                                           "{\"leaf\":{\"port\":7},\"note\":\"\",\"family\":\"ipv4\"}"},
        {"{\"leaves\":[{\"label\":\"a\",\"port\":1},{\"port\":2}],\"strings\":[\"b\",\"\"]}",
         "{\"leaves\":[{\"port\":1,\"label\":\"a\"},{\"port\":2}],\"strings\":[\"b\",\"\"],"
         "\"note\":\"\",\"family\":\"ipv4\"}"                                                                                                            },
        {"{\"limit\":0,\"extra\":{\"port\":1},\"list\":[]}",
         "{\"limit\":0,\"extra\":{\"port\":1},\"list\":[],\"note\":\"\",\"family\":\"ipv4\"}"                                                            },
        {"{\"note\":\"\\u00e9\\u0001\\n\\\"\\\\\\/\\ud83d\\ude00\x7f\"}",
         "{\"note\":\"\xc3\xa9\\u0001\\n\\\"\\\\/\xf0\x9f\x98\x80\x7f\",\"family\":\"ipv4\"}"                                                            },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        struct hm_arena arena;
        struct tree tree;
        struct hm_err err = {.text = ""};
        struct hm_buf out;

        hm_arena_init(&arena, ARENA_BYTES);
        hm_buf_init(&out, ARENA_BYTES);
        assert_int_equal(decode(rows[i].text, true, &arena, &tree, NULL, &err), HM_OK);
        assert_int_equal(hm_record_encode(&record_tree, &tree, &out, &err), HM_OK);
        assert_string_equal(hm_buf_text(&out), rows[i].written);
        hm_buf_fini(&out);
        hm_arena_fini(&arena);
    }
}

/* The text says what, where, and what would be right. */
static void test_refusals(void **state)
{
    static const struct {
        const char *text;
        enum hm_status status;
        const char *says;
    } rows[] = {
        {"{\"on\":1}",                                        HM_EINVAL,  "on: must be true or false, is a whole number"            },
        {"{\"small\":65536}",                                 HM_EINVAL,  "small: 65536 is over 65535"                              },
        {"{\"small\":-1}",                                    HM_EINVAL,  "small: -1 is under 0"                                    },
        {"{\"small\":1.0}",                                   HM_EINVAL,  "small: must be a whole number, is a number with a"       },
        {"{\"small\":\"1\"}",                                 HM_EINVAL,  "small: must be a whole number, is a string"              },
        {"{\"small\":null}",                                  HM_EINVAL,  "small: must be a whole number, is null (leave the member"},
        {"{\"middle\":4}",                                    HM_EINVAL,  "middle: 4 is under 5"                                    },
        {"{\"middle\":1001}",                                 HM_EINVAL,  "middle: 1001 is over 1000"                               },
        {"{\"limit\":4294967296}",                            HM_EINVAL,  "limit: 4294967296 is over 4294967295"                    },
        {"{\"large\":9007199254740993}",                      HM_EINVAL,  "large: 9007199254740993 is over"                         },
        {"{\"large\":99999999999999999999}",                  HM_EINVAL,  "line 1"                                                  },
        {"{\"real\":1.5}",                                    HM_EINVAL,  "real: 1.5 is not between 0 and 1"                        },
        {"{\"real\":\"1\"}",                                  HM_EINVAL,  "real: must be a number, is a string"                     },
        {"{\"real\":1e999}",                                  HM_EINVAL,  "line 1"                                                  },
        {"{\"text\":\"a\"}",                                  HM_EINVAL,  "text: 1 bytes, at least 2 are needed"                    },
        {"{\"text\":\"01234567890\"}",                        HM_ETOOBIG, "text: 11 bytes, at most 10 are taken"                    },
        {"{\"text\":[\"a\"]}",                                HM_EINVAL,  "text: must be a string, is a list"                       },
        {"{\"protocol\":\"TCP\"}",                            HM_EINVAL,  "protocol: \"TCP\" is none of: tcp, udp"                  },
        {"{\"protocol\":0}",                                  HM_EINVAL,  "protocol: must be a string"                              },
        {"{\"since\":\"yesterday\"}",                         HM_EINVAL,  "since: \"yesterday\" is no RFC 3339 time"                },
        {"{\"since\":1700000000}",                            HM_EINVAL,  "since: must be a string"                                 },
        {"{\"range\":\"9-8\"}",                               HM_EINVAL,  "range: "                                                 },
        {"{\"range\":5}",                                     HM_EINVAL,  "range: must be a string such as"                         },
        {"{\"ports\":\"5,4\"}",                               HM_EINVAL,  "ports: "                                                 },
        {"{\"ports\":\"70000\"}",                             HM_EINVAL,  "ports: "                                                 },
        {"{\"ports\":[4]}",                                   HM_EINVAL,  "ports: must be a string such as"                         },
        {"{\"leaf\":[]}",                                     HM_EINVAL,  "leaf: must be an object, is a list"                      },
        {"{\"leaf\":{}}",                                     HM_EINVAL,  "leaf: member \"port\" is missing"                        },
        {"{\"leaf\":{\"port\":0}}",                           HM_EINVAL,  "leaf.port: 0 is under 1"                                 },
        {"{\"leaves\":{}}",                                   HM_EINVAL,  "leaves: must be a list, is an object"                    },
        {"{\"leaves\":[{\"port\":1},{\"port\":70000}]}",      HM_EINVAL,
         "leaves[1].port: 70000 is over 65535"                                                                                      },
        {"{\"leaves\":[7]}",                                  HM_EINVAL,  "leaves[0]: must be an object, is a whole number"         },
        {"{\"leaves\":[{},{},{},{}]}",                        HM_ETOOBIG, "leaves: 4 rows, at most 3 are taken"                     },
        {"{\"strings\":[\"a\",1]}",                           HM_EINVAL,  "strings[1]: must be a string"                            },
        {"{\"strings\":[\"a\",\"b\",\"c\"]}",                 HM_ETOOBIG, "strings: 3 rows, at most 2"                              },
        {"{\"list\":[{\"port\":1,\"label\":\"123456789\"}]}", HM_ETOOBIG, "list[0].label: 9 bytes"                                  },
        {"[]",                                                HM_EINVAL,  "must be an object, is a list"                            },
        {"\"x\"",                                             HM_EINVAL,  "line 1"                                                  },
        {"",                                                  HM_EINVAL,  "line 1"                                                  },
        {"{\"small\":1,\"small\":1}",                         HM_EINVAL,  "duplicate"                                               },
        {"{\"zzz\":1,\"zzz\":1}",                             HM_EINVAL,  "duplicate"                                               },
        {"{\"small\":1,}",                                    HM_EINVAL,  "line 1"                                                  },
        {"{\"small\":01}",                                    HM_EINVAL,  "line 1"                                                  },
        {"{'small':1}",                                       HM_EINVAL,  "line 1"                                                  },
        {"{} {}",                                             HM_EINVAL,  "line 1"                                                  },
        {"{\n\"small\":1,\n\"on\":tru\n}",                    HM_EINVAL,  "line 3"                                                  },
        {"{\"note\":\"\\u0000\"}",                            HM_EINVAL,  "line 1"                                                  },
        {"{\"note\":\"\\ud800\"}",                            HM_EINVAL,  "line 1"                                                  },
        {"{\"note\":\"\xff\"}",                               HM_EINVAL,  "line 1"                                                  },
        {"{\"note\":\"\xc0\x80\"}",                           HM_EINVAL,  "line 1"                                                  },
        {"{\"note\":\"\xed\xa0\x80\"}",                       HM_EINVAL,  "line 1"                                                  },
        {"{\"note\":\"a\nb\"}",                               HM_EINVAL,  "line 1"                                                  },
        {"{\"note\":\"open",                                  HM_EINVAL,  "line 1"                                                  },
        {"{\"note\":\"\\",                                    HM_EINVAL,  "line 1"                                                  },
        {"\xef\xbb\xbf{}",                                    HM_EINVAL,  "line 1"                                                  },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        struct hm_arena arena;
        struct tree tree = {.small = 4711};
        struct hm_err err = {.text = ""};

        hm_arena_init(&arena, ARENA_BYTES);
        assert_int_equal(decode(rows[i].text, false, &arena, &tree, NULL, &err), rows[i].status);
        assert_int_equal(err.status, rows[i].status);
        if (strstr(err.text, rows[i].says) == NULL) {
            fail_msg("%s gives \"%s\", not \"%s\"", rows[i].text, err.text, rows[i].says);
        }
        assert_int_equal(tree.small, 4711); /* outputs only on HM_OK */
        hm_arena_fini(&arena);
    }
}

static void test_nul_bytes_are_refused(void **state)
{
    static const struct {
        const char *text;
        size_t len;
    } rows[] = {
        {"{}\0",                3 },
        {"\0{}",                3 },
        {"{\"note\":\"a\0b\"}", 14},
        {"{\0}",                3 }
    };
    struct hm_arena arena;
    struct tree tree;
    struct hm_err err;

    (void)state;
    hm_arena_init(&arena, ARENA_BYTES);
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        assert_int_equal(hm_record_decode(&record_tree, rows[i].text, rows[i].len, false, &arena,
                                          &tree, NULL, &err),
                         HM_EINVAL);
    }
    hm_arena_fini(&arena);
}

static void test_unknown_members(void **state)
{
    const char *text = "{\"x\":1,\"leaf\":{\"port\":1,\"y\":{\"port\":[]}},\"on\":true}";
    struct hm_arena arena;
    struct tree tree;
    struct hm_err err;
    struct hm_decode_notes notes = {99};

    (void)state;
    hm_arena_init(&arena, ARENA_BYTES);
    assert_int_equal(decode(text, false, &arena, &tree, &notes, &err), HM_OK);
    assert_int_equal(notes.unknown_members, 2);
    assert_int_equal(tree.on, true);
    assert_int_equal(decode(text, true, &arena, &tree, &notes, &err), HM_EINVAL);
    assert_string_equal(err.text,
                        "x: no such member is known here; remove it or look at its spelling");
    assert_int_equal(decode("{\"leaf\":{\"port\":1,\"y\":2}}", true, &arena, &tree, &notes, &err),
                     HM_EINVAL);
    assert_int_equal(strncmp(err.text, "leaf.y: ", 8), 0);
    hm_arena_fini(&arena);
}

/* {"x":[[[…]]]} of so many levels; the object is one of them. */
static enum hm_status decode_nested(unsigned levels, const char *open, const char *close,
                                    struct hm_err *err)
{
    struct hm_arena arena;
    struct hm_buf text;
    struct tree tree;
    enum hm_status st;

    hm_arena_init(&arena, ARENA_BYTES);
    hm_buf_init(&text, ARENA_BYTES);
    (void)hm_buf_puts(&text, "{\"]\\\"\":\n");
    for (unsigned i = 1; i < levels; i++) {
        (void)hm_buf_puts(&text, open);
    }
    for (unsigned i = 1; i < levels; i++) {
        (void)hm_buf_puts(&text, close);
    }
    (void)hm_buf_puts(&text, "}");
    st = decode(hm_buf_text(&text), false, &arena, &tree, NULL, err);
    hm_buf_fini(&text);
    hm_arena_fini(&arena);
    return st;
}

static void test_depth(void **state)
{
    struct hm_err err = {.text = ""};

    (void)state;
    assert_int_equal(decode_nested(HM_LIMIT_JSON_DEPTH, "[", "]", &err), HM_OK);
    assert_int_equal(decode_nested(HM_LIMIT_JSON_DEPTH + 1, "[", "]", &err), HM_EINVAL);
    assert_int_equal(err.line, 2);
    assert_int_equal(strncmp(err.text, "line 2: JSON nested deeper than 32", 34), 0);
    assert_int_equal(decode_nested(100000, "[", "]", &err), HM_EINVAL);
    assert_int_equal(decode_nested(100000, "{\"a\":", "", &err), HM_EINVAL);
}

static void test_line_of_broken_json(void **state)
{
    struct hm_arena arena;
    struct tree tree;
    struct hm_err err;

    (void)state;
    hm_arena_init(&arena, ARENA_BYTES);
    assert_int_equal(decode("{\n\n\"on\": tru}", false, &arena, &tree, NULL, &err), HM_EINVAL);
    assert_int_equal(err.line, 3);
    hm_arena_fini(&arena);
}

static void test_absent_texts_are_empty(void **state)
{
    struct hm_arena arena;
    struct tree tree;
    struct hm_err err;

    (void)state;
    hm_arena_init(&arena, ARENA_BYTES);
    assert_int_equal(decode("{}", true, &arena, &tree, NULL, &err), HM_OK);
    assert_string_equal(tree.text, "");
    assert_string_equal(tree.note, "");
    assert_string_equal(tree.leaf.label, "");
    assert_string_equal(tree.extra.label, "");
    assert_int_equal(tree.has_extra, false);
    assert_int_equal(tree.has_list, false);
    assert_int_equal(tree.leaves.count, 0);
    hm_arena_fini(&arena);
}

static void test_arena_too_small(void **state)
{
    const char *text = "{\"note\":\"0123456789012345678901234567890123456789\"}";
    struct tree tree;
    struct hm_err err;

    (void)state;
    for (size_t cap = 0; cap < sizeof(struct tree) + 32; cap += 16) {
        struct hm_arena arena;

        hm_arena_init(&arena, cap);
        assert_int_equal(decode(text, true, &arena, &tree, NULL, &err), HM_ENOMEM);
        hm_arena_fini(&arena);
    }
}

static void test_pretty(void **state)
{
    struct leaf rows[] = {
        {1, "a"},
        {2, "" }
    };
    const char *words[] = {"x"};
    struct tree tree = {
        .text = "", .note = NULL, .leaves = {rows,  2},
                .strings = {words, 1},
                .has_list = true
    };
    struct hm_buf out;
    struct hm_err err;

    (void)state;
    hm_buf_init(&out, 4096);
    assert_int_equal(hm_record_encode_pretty(&record_tree, &tree, &out, &err), HM_OK);
    assert_string_equal(hm_buf_text(&out), "{\n"
                                           "  \"leaves\": [\n"
                                           "    {\n"
                                           "      \"port\": 1,\n"
                                           "      \"label\": \"a\"\n"
                                           "    },\n"
                                           "    {\n"
                                           "      \"port\": 2\n"
                                           "    }\n"
                                           "  ],\n"
                                           "  \"strings\": [\n"
                                           "    \"x\"\n"
                                           "  ],\n"
                                           "  \"list\": [],\n"
                                           "  \"note\": \"\",\n"
                                           "  \"family\": \"ipv4\"\n"
                                           "}\n");
    hm_buf_fini(&out);
}

/* Names that a system gives may be any bytes: what is written is UTF-8 all the same. */
static void test_foreign_bytes(void **state)
{
    static const struct {
        const char *text;
        const char *written;
    } rows[] = {
        {"caf\xe9",          "\"caf\xef\xbf\xbd\""                      },
        {"\xe2\x82",         "\"\xef\xbf\xbd\xef\xbf\xbd\""             },
        {"\xed\xa0\x80!",    "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd!\""},
        {"\x80z",            "\"\xef\xbf\xbdz\""                        },
        {"\xe2\x82\xac",     "\"\xe2\x82\xac\""                         },
        {"\b\t\n\v\f\r\x1f", "\"\\b\\t\\n\\u000b\\f\\r\\u001f\""        },
        {"\"\\",             "\"\\\"\\\\\""                             },
        {"",                 "\"\""                                     },
    };

    (void)state;
    for (size_t i = 0; i < HM_COUNT(rows); i++) {
        struct hm_buf out;

        hm_buf_init(&out, 256);
        assert_int_equal(hm_json_put_string(&out, rows[i].text), true);
        assert_string_equal(hm_buf_text(&out), rows[i].written);
        hm_buf_fini(&out);
    }
}

static void test_values_without_a_form(void **state)
{
    struct tree nan_tree = {.real = NAN};
    struct tree enum_tree = {.real = 0};
    unsigned beyond = 2;
    struct hm_buf out;
    struct hm_err err;

    (void)state;
    memcpy(&enum_tree.family, &beyond, sizeof(beyond));
    hm_buf_init(&out, 4096);
    (void)hm_buf_puts(&out, "kept");
    assert_int_equal(hm_record_encode(&record_tree, &nan_tree, &out, &err), HM_EINVAL);
    assert_non_null(strstr(err.text, "\"real\""));
    assert_int_equal(hm_record_encode(&record_tree, &enum_tree, &out, &err), HM_EINVAL);
    assert_string_equal(hm_buf_text(&out), "kept");
    hm_buf_fini(&out);
}

static void test_full_buffer(void **state)
{
    struct tree tree = {.note = "0123456789"};
    struct hm_buf out;
    struct hm_err err;

    (void)state;
    hm_buf_init(&out, 20);
    assert_int_equal(hm_record_encode(&record_tree, &tree, &out, &err), HM_ETOOBIG);
    assert_int_equal(out.len, 0);
    hm_buf_fini(&out);
}

static size_t parser_bytes; /* what the parser of JSON holds */
static size_t parser_most_bytes;

static void *parser_alloc(size_t bytes)
{
    size_t *block = malloc(bytes + sizeof(max_align_t));

    assert_non_null(block);
    *block = bytes;
    parser_bytes += bytes;
    parser_most_bytes = parser_bytes > parser_most_bytes ? parser_bytes : parser_most_bytes;
    return (char *)block + sizeof(max_align_t);
}

static void parser_free(void *at)
{
    if (at != NULL) {
        size_t *block = (void *)((char *)at - sizeof(max_align_t));

        parser_bytes -= *block;
        free(block);
    }
}

/* An agent reads whole catalogues: their tree was most of its memory. */
static void test_rows_of_a_large_list_one_by_one(void **state)
{
    enum { ROWS = 4000 };
    static const struct hm_field fields[] = {
        HM_F_RECORDS(tree, leaves, HM_FIELD_DEFAULT, ROWS, &record_leaf, ""),
        HM_F(tree, note, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, 0, ""),
    };
    static const struct hm_record record = {"large", sizeof(struct tree), fields, 2};
    struct hm_arena arena;
    struct hm_buf text;
    struct tree tree;
    struct hm_err err = {.text = ""};

    (void)state;
    hm_arena_init(&arena, ARENA_BYTES);
    hm_buf_init(&text, ARENA_BYTES);
    for (unsigned i = 0; i < ROWS; i++) {
        (void)hm_buf_printf(&text, "%s{\"label\":\"],}\\\"%u\",\"port\":%u}",
                            i == 0 ? "{\"leaves\":[" : " , ", i % 10, i + 1);
    }
    (void)hm_buf_puts(&text, "],\"note\":\"after\"}");
    json_set_alloc_funcs(parser_alloc, parser_free);
    assert_int_equal(
        hm_record_decode(&record, hm_buf_text(&text), text.len, true, &arena, &tree, NULL, &err),
        HM_OK);
    json_set_alloc_funcs(malloc, free);
    assert_int_equal(parser_bytes, 0);
    assert_in_range(parser_most_bytes, 1, 4096);
    assert_int_equal(tree.leaves.count, ROWS);
    assert_string_equal(tree.leaves.at[ROWS - 1].label, "],}\"9");
    assert_int_equal(tree.leaves.at[ROWS - 1].port, ROWS);
    assert_string_equal(tree.note, "after");
    hm_buf_fini(&text);
    hm_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_large_and_invalid),
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_nul_bytes_are_refused),
        cmocka_unit_test(test_unknown_members),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_line_of_broken_json),
        cmocka_unit_test(test_absent_texts_are_empty),
        cmocka_unit_test(test_arena_too_small),
        cmocka_unit_test(test_pretty),
        cmocka_unit_test(test_foreign_bytes),
        cmocka_unit_test(test_values_without_a_form),
        cmocka_unit_test(test_full_buffer),
        cmocka_unit_test(test_rows_of_a_large_list_one_by_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
