/* common/readers/events_text.c — events of a Windows event log, as text.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/readers/events_text.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/encoding.h"
#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/readers/boot_text.h"
#include "common/readers/input_text.h"

#define INPUT_ARENA_BYTES (4u * HM_LIMIT_INPUT_FILE_BYTES)
#define REPLACEMENT 0xfffdu
#define REFERENCE_CHARS 10u /* "#x0010ffff": the longest that matters */

/* ---- texts ----------------------------------------------------------------------------------- */

/* A control character becomes a space. */
static size_t put_character(uint32_t code, char out[HM_UTF8_MAX])
{
    return hm_utf8_put(code < 0x20 || code == 0x7f ? ' ' : code, out);
}

/* "#38", "#x26": the number; false when it is none. */
static bool parse_number(struct hm_span name, uint32_t *out_code)
{
    const bool hex = name.len > 2 && (name.at[1] == 'x' || name.at[1] == 'X');
    uint32_t code = 0;

    if (name.len < 2 || name.at[0] != '#') {
        return false;
    }
    for (size_t i = hex ? 2 : 1; i < name.len; i++) {
        const char c = name.at[i];
        const bool is_digit = c >= '0' && c <= '9';
        const char folded = (char)(c | 0x20);

        if (!is_digit && !(hex && folded >= 'a' && folded <= 'f')) {
            return false;
        }
        code = code * (hex ? 16 : 10) + (uint32_t)(is_digit ? c - '0' : folded - 'a' + 10);
        code = code > 0x10ffff ? 0x110000 : code;
    }
    *out_code = code;
    return true;
}

/* The reference at the beginning of rest, behind its '&'; 0 bytes when it is none. */
static size_t parse_reference(struct hm_span rest, uint32_t *out_code)
{
    static const struct {
        const char *name;
        char c;
    } known[] = {
        {"amp",  '&' },
        {"lt",   '<' },
        {"gt",   '>' },
        {"quot", '"' },
        {"apos", '\''},
    };
    const size_t most = rest.len < REFERENCE_CHARS + 1 ? rest.len : REFERENCE_CHARS + 1;
    const char *end = most == 0 ? NULL : memchr(rest.at, ';', most);
    struct hm_span name;

    if (end == NULL) {
        return 0;
    }
    name = (struct hm_span){rest.at, (size_t)(end - rest.at)};
    for (size_t i = 0; i < HM_COUNT(known); i++) {
        if (strlen(known[i].name) == name.len && memcmp(known[i].name, name.at, name.len) == 0) {
            *out_code = (uint32_t)known[i].c;
            return name.len + 1;
        }
    }
    return parse_number(name, out_code) ? name.len + 1 : 0;
}

/* A character beyond 16 bits may be written as its two halves. */
static size_t take_reference(struct hm_span rest, uint32_t *out_code)
{
    const size_t taken = parse_reference(rest, out_code);
    uint32_t second;

    if (taken > 0 && *out_code >= 0xd800 && *out_code < 0xdc00 && rest.len > taken + 1 &&
        rest.at[taken] == '&') {
        const struct hm_span behind = {rest.at + taken + 1, rest.len - taken - 1};
        const size_t more = parse_reference(behind, &second);

        if (more > 0 && second >= 0xdc00 && second < 0xe000) {
            *out_code = 0x10000 + ((*out_code - 0xd800) << 10) + (second - 0xdc00);
            return taken + 1 + more;
        }
    }
    if (taken > 0 &&
        (*out_code == 0 || *out_code > 0x10ffff || (*out_code >= 0xd800 && *out_code < 0xe000))) {
        *out_code = REPLACEMENT;
    }
    return taken;
}

/* Text of an element or attribute as UTF-8, cut at HM_LIMIT_NAME_BYTES; NULL on no memory. */
static const char *take_text(struct hm_span text, struct hm_arena *arena)
{
    const struct hm_span shown = hm_str_trim(text.at, text.len);
    const bool utf8 = hm_str_is_utf8(shown.at, shown.len);
    char out[HM_LIMIT_NAME_BYTES];
    size_t len = 0;

    for (size_t i = 0; i < shown.len;) {
        const struct hm_span behind = {shown.at + i + 1, shown.len - i - 1};
        const unsigned char c = (unsigned char)shown.at[i];
        char bytes[HM_UTF8_MAX] = {(char)c};
        size_t count = 1;
        uint32_t code;
        size_t taken;

        i++;
        if (c == '&' && (taken = take_reference(behind, &code)) > 0) {
            count = put_character(code, bytes);
            i += taken;
        } else if (c < 0x80) {
            count = put_character(c, bytes);
        } else if (!utf8) {
            bytes[0] = '?';
        }
        if (len + count > sizeof(out)) {
            break;
        }
        memcpy(out + len, bytes, count);
        len += count;
    }
    return hm_arena_strndup(arena, out, hm_str_utf8_prefix(out, len));
}

/* ---- elements -------------------------------------------------------------------------------- */

struct tag {
    struct hm_span name;
    struct hm_span rest; /* attributes */
    bool ends;           /* </name> */
    bool empty;          /* <name/> */
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Takes the next tag off *rest; out_before is the text in front of it. A tag without an end is
 * none. */
static bool next_tag(struct hm_span *rest, struct hm_span *out_before, struct tag *out_tag)
{
    const char *start = rest->len == 0 ? NULL : memchr(rest->at, '<', rest->len);
    const char *end = rest->at + rest->len;
    const char *at;
    char quote = '\0';
    struct tag tag = {.ends = false};
    struct hm_span inner;

    if (start == NULL) {
        return false;
    }
    for (at = start + 1; at < end && (quote != '\0' || *at != '>'); at++) {
        if (*at == '<') { /* never inside a tag: the one before was cut */
            start = at;
            quote = '\0';
        } else if (quote == '\0' && (*at == '"' || *at == '\'')) {
            quote = *at;
        } else if (*at == quote) {
            quote = '\0';
        }
    }
    if (at == end) {
        return false;
    }
    inner = (struct hm_span){start + 1, (size_t)(at - start) - 1};
    if (inner.len > 0 && inner.at[0] == '/') {
        tag.ends = true;
        inner = (struct hm_span){inner.at + 1, inner.len - 1};
    }
    if (inner.len > 0 && inner.at[inner.len - 1] == '/') {
        tag.empty = true;
        inner.len--;
    }
    while (tag.name.len < inner.len && !is_blank(inner.at[tag.name.len])) {
        tag.name.len++;
    }
    tag.name.at = inner.at;
    tag.rest = (struct hm_span){inner.at + tag.name.len, inner.len - tag.name.len};
    *out_before = (struct hm_span){rest->at, (size_t)(start - rest->at)};
    *rest = (struct hm_span){at + 1, (size_t)(end - at) - 1};
    *out_tag = tag;
    return true;
}

static bool is_named(struct hm_span name, const char *wanted)
{
    return name.len == strlen(wanted) && memcmp(name.at, wanted, name.len) == 0;
}

/* Takes the next attribute off *rest. */
static bool next_attribute(struct hm_span *rest, struct hm_span *out_name,
                           struct hm_span *out_value)
{
    const char *equals = rest->len == 0 ? NULL : memchr(rest->at, '=', rest->len);
    const char *end = rest->at + rest->len;
    const char *value;
    const char *close;

    if (equals == NULL) {
        return false;
    }
    *out_name = hm_str_trim(rest->at, (size_t)(equals - rest->at));
    value = equals + 1;
    while (value < end && is_blank(*value)) {
        value++;
    }
    if (value == end || (*value != '"' && *value != '\'')) {
        return false;
    }
    close = memchr(value + 1, *value, (size_t)(end - value) - 1);
    if (close == NULL) {
        return false;
    }
    *out_value = (struct hm_span){value + 1, (size_t)(close - value) - 1};
    *rest = (struct hm_span){close + 1, (size_t)(end - close) - 1};
    return true;
}

static bool find_attribute(const struct tag *tag, const char *wanted, struct hm_span *out_value)
{
    struct hm_span rest = tag->rest;
    struct hm_span name;

    while (next_attribute(&rest, &name, out_value)) {
        if (is_named(name, wanted)) {
            return true;
        }
    }
    return false;
}

/* ---- events ---------------------------------------------------------------------------------- */

struct reading {
    struct hm_arena *arena;
    struct hm_logged_events events;
    size_t room;
    struct hm_logged_event event; /* in the making */
    bool in_event;
    bool has_id;
    bool in_data; /* <EventData>: its <Data> are the insertion strings */
    unsigned roots;
    bool has_root;
    bool no_memory;
};

static const char *text_of(struct reading *reading, struct hm_span text)
{
    const char *copy = take_text(text, reading->arena);

    reading->no_memory = reading->no_memory || copy == NULL;
    return copy == NULL ? "" : copy;
}

static void put_event(struct reading *reading)
{
    struct hm_logged_events *events = &reading->events;
    void *grown = events->at;

    if (!reading->has_id || reading->event.provider[0] == '\0') {
        return; /* nothing can be said of it */
    }
    if (events->count == HM_LIMIT_LOGGED_EVENTS) {
        events->cut = true;
        return;
    }
    if (hm_arena_grow(reading->arena, &grown, events->count, &reading->room, sizeof(*events->at)) !=
        0) {
        reading->no_memory = true;
        return;
    }
    events->at = grown;
    events->at[events->count++] = reading->event;
}

static void put_text(struct reading *reading, struct hm_span text)
{
    struct hm_logged_event *event = &reading->event;

    if (reading->in_data && event->text_count < HM_EVENT_TEXTS) {
        event->texts[event->text_count++] = text_of(reading, text);
    }
}

static int hex_digit(char c)
{
    const char folded = (char)(c | 0x20);

    return c >= '0' && c <= '9' ? c - '0' : folded >= 'a' && folded <= 'f' ? folded - 'a' + 10 : -1;
}

/* The UTF-16 unit at this place of hexadecimal bytes; 0 behind the end, -1 for anything else. */
static int unit_at(struct hm_span text, size_t at)
{
    int unit = 0;

    if (at + 4 > text.len) {
        return 0;
    }
    for (size_t k = 0; k < 4; k++) {
        const int digit = hex_digit(text.at[at + (k ^ 2)]);

        if (digit < 0) {
            return -1;
        }
        unit = unit * 16 + digit;
    }
    return unit;
}

/* "5700440053002F0034000000": the name of a service in UTF-16, up to its NUL or a '/' with a state
 * behind it (4: SERVICE_RUNNING). Other bytes are no name. */
static void take_binary(struct reading *reading, struct hm_span text)
{
    char name[HM_LIMIT_NAME_BYTES];
    bool runs = false;
    size_t len = 0;

    for (size_t i = 0; i + 4 <= text.len && len < sizeof(name); i += 4) {
        const int unit = unit_at(text, i);

        if (unit == 0 || unit == '/') {
            runs = unit == '/' && unit_at(text, i + 4) == '4' && unit_at(text, i + 8) == 0;
            break;
        }
        if (unit < 0x20 || unit > 0x7e) {
            return;
        }
        name[len++] = (char)unit;
    }
    if (len > 0) {
        reading->event.service = text_of(reading, (struct hm_span){name, len});
        reading->event.runs = runs;
    }
}

/* wevtutil writes the time as RFC 3339, WMI as a CIM time. */
static void take_time(struct reading *reading, struct hm_span text)
{
    struct hm_logged_event *event = &reading->event;

    event->has_time = hm_clock_parse(text.at, text.len, &event->time_ms) ||
                      hm_cim_time_parse(text.at, text.len, &event->time_ms);
}

static void open_event(struct reading *reading)
{
    reading->events.cut = reading->events.cut || reading->in_event;
    reading->event = (struct hm_logged_event){.log = "", .provider = ""};
    reading->in_event = true;
    reading->has_id = false;
    reading->in_data = false;
}

static void take_start(struct reading *reading, const struct tag *tag)
{
    struct hm_span value;

    if (is_named(tag->name, "Events")) {
        reading->has_root = true;
        reading->roots += tag->empty ? 0 : 1;
    } else if (is_named(tag->name, "Event") && !tag->empty) {
        open_event(reading);
    } else if (!reading->in_event) {
        return;
    } else if (is_named(tag->name, "EventData")) {
        reading->in_data = !tag->empty;
    } else if (is_named(tag->name, "Data") && tag->empty) {
        put_text(reading, (struct hm_span){"", 0});
    } else if (is_named(tag->name, "Provider") && find_attribute(tag, "Name", &value)) {
        reading->event.provider = text_of(reading, value);
    } else if (is_named(tag->name, "TimeCreated") && find_attribute(tag, "SystemTime", &value)) {
        take_time(reading, hm_str_trim(value.at, value.len));
    }
}

static void take_end(struct reading *reading, const struct tag *tag, struct hm_span text)
{
    const struct hm_span shown = hm_str_trim(text.at, text.len);
    struct hm_logged_event *event = &reading->event;

    if (is_named(tag->name, "Events")) {
        reading->roots -= reading->roots > 0 ? 1 : 0;
    } else if (!reading->in_event) {
        return;
    } else if (is_named(tag->name, "Event")) {
        put_event(reading);
        reading->in_event = false;
    } else if (is_named(tag->name, "EventData")) {
        reading->in_data = false;
    } else if (is_named(tag->name, "Data")) {
        put_text(reading, shown);
    } else if (is_named(tag->name, "Binary")) {
        take_binary(reading, shown);
    } else if (is_named(tag->name, "EventID")) {
        reading->has_id = hm_str_parse_u32(shown.at, shown.len, UINT16_MAX, &event->id);
    } else if (is_named(tag->name, "EventRecordID")) {
        (void)hm_str_parse_u64(shown.at, shown.len, UINT64_MAX, &event->record);
    } else if (is_named(tag->name, "Channel")) {
        event->log = text_of(reading, shown);
    }
}

static enum hm_status take_all(struct reading *reading, struct hm_span rest, struct hm_err *err)
{
    struct hm_span before;
    struct tag tag;

    while (!reading->no_memory && next_tag(&rest, &before, &tag)) {
        if (tag.ends) {
            take_end(reading, &tag, before);
        } else {
            take_start(reading, &tag);
        }
    }
    if (reading->no_memory) {
        return hm_fail(err, HM_ENOMEM, "no memory for the events");
    }
    if (!reading->has_root && !reading->in_event && reading->events.count == 0) {
        return hm_fail_line(err, HM_EINVAL, 1,
                            "line 1: this is no list of events (wevtutil qe /f:xml)");
    }
    reading->events.cut = reading->events.cut || reading->in_event || reading->roots > 0 ||
                          (rest.len > 0 && memchr(rest.at, '<', rest.len) != NULL);
    return HM_OK;
}

enum hm_status hm_events_parse(const char *text, size_t len, struct hm_arena *arena,
                               struct hm_logged_events *out_events, struct hm_err *err)
{
    struct reading reading = {.arena = arena};
    struct hm_arena input;
    struct hm_span decoded;
    enum hm_status st;

    hm_arena_init(&input, INPUT_ARENA_BYTES);
    st = hm_input_text(text, len, &input, &decoded, err);
    if (st == HM_OK) {
        st = take_all(&reading, decoded, err);
    }
    hm_arena_fini(&input);
    if (st == HM_OK) {
        *out_events = reading.events;
    }
    return st;
}
