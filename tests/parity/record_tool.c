/* tests/parity/record_tool.c — shows the field tables to compare.py, and tries examples on them.
 * SPDX-License-Identifier: Apache-2.0
 *
 * record_tool dump                          all tables as one JSON document: "records" of
 *                                           schema/wire, "api" of schema/api/openapi.yaml
 * record_tool decode (NAME open|strict FILE)…   a line each: "ok <pretty JSON as a JSON string>"
 *                                           or "refused <text as a JSON string>" */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/wire/records_api.h"

static const char *const type_names[] = {
    [HM_TYPE_BOOL] = "bool",       [HM_TYPE_U16] = "u16",       [HM_TYPE_U32] = "u32",
    [HM_TYPE_U64] = "u64",         [HM_TYPE_REAL] = "real",     [HM_TYPE_STRING] = "string",
    [HM_TYPE_ENUM] = "enum",       [HM_TYPE_TIME] = "time",     [HM_TYPE_RANGE] = "range",
    [HM_TYPE_PORTS] = "ports",     [HM_TYPE_RECORD] = "record", [HM_TYPE_RECORDS] = "records",
    [HM_TYPE_STRINGS] = "strings",
};

static const char *flag_name(unsigned flags)
{
    switch (flags) {
    case HM_FIELD_REQUIRED:
        return "required";
    case HM_FIELD_OPTIONAL:
        return "optional";
    case HM_FIELD_DEFAULT:
        return "default";
    case HM_FIELD_WRITTEN:
        return "written";
    default:
        return "none of the flags";
    }
}

static void dump_record(const struct hm_record *record, struct hm_buf *out);

static void dump_field(const struct hm_field *field, struct hm_buf *out)
{
    (void)hm_buf_printf(out, "{\"name\":\"%s\",\"type\":\"%s\",\"flag\":\"%s\",\"min\":%.17g,",
                        field->name, type_names[field->type], flag_name(field->flags), field->min);
    (void)hm_buf_printf(out, "\"max\":%.17g,\"help\":", hm_field_max(field));
    (void)hm_json_put_string(out, field->help);
    if (field->names != NULL) {
        (void)hm_buf_puts(out, ",\"enum\":[");
        for (unsigned i = 0; i < field->names->count; i++) {
            (void)hm_buf_printf(out, "%s\"%s\"", i > 0 ? "," : "", field->names->names[i]);
        }
        (void)hm_buf_putc(out, ']');
    }
    if (field->record != NULL) {
        (void)hm_buf_puts(out, ",\"record\":");
        dump_record(field->record, out);
    }
    (void)hm_buf_putc(out, '}');
}

static void dump_record(const struct hm_record *record, struct hm_buf *out)
{
    (void)hm_buf_printf(out, "{\"name\":\"%s\",\"fields\":[", record->name);
    for (size_t i = 0; i < record->count; i++) {
        (void)hm_buf_puts(out, i > 0 ? ",\n" : "");
        dump_field(&record->fields[i], out);
    }
    (void)hm_buf_puts(out, "]}");
}

static void dump_list(const char *name, const struct hm_record_row *rows, size_t count,
                      struct hm_buf *out)
{
    (void)hm_buf_printf(out, ",\"%s\":{", name);
    for (size_t i = 0; i < count; i++) {
        (void)hm_buf_printf(out, "%s\"%s\":", i > 0 ? "," : "", rows[i].name);
        dump_record(rows[i].record, out);
    }
    (void)hm_buf_putc(out, '}');
}

static int dump(void)
{
    struct hm_buf out;
    int status;

    hm_buf_init(&out, HM_LIMIT_REPLY_BYTES);
    (void)hm_buf_printf(&out, "{\"text_bytes\":%u", HM_LIMIT_TEXT_BYTES);
    dump_list("records", hm_records, hm_records_count, &out);
    dump_list("api", hm_records_api, hm_records_api_count, &out);
    (void)hm_buf_puts(&out, "}\n");
    status = hm_buf_status(&out, NULL) == HM_OK ? EXIT_SUCCESS : EXIT_FAILURE;
    (void)fputs(hm_buf_text(&out), stdout);
    hm_buf_fini(&out);
    return status;
}

static const struct hm_record *find_record(const char *name)
{
    for (size_t i = 0; i < hm_records_count; i++) {
        if (strcmp(hm_records[i].name, name) == 0) {
            return hm_records[i].record;
        }
    }
    return NULL;
}

static void print_line(const char *word, const char *text)
{
    struct hm_buf line;

    hm_buf_init(&line, HM_LIMIT_REPLY_BYTES);
    (void)hm_json_put_string(&line, text);
    (void)printf("%s %s\n", word, hm_buf_text(&line));
    hm_buf_fini(&line);
}

static void decode(const struct hm_record *record, bool strict, const char *text, size_t len)
{
    struct hm_arena arena;
    struct hm_buf out;
    struct hm_err err;
    void *made;

    hm_arena_init(&arena, HM_LIMIT_REQUEST_ARENA_BYTES);
    hm_buf_init(&out, HM_LIMIT_REPLY_BYTES);
    made = hm_arena_alloc(&arena, 1, record->size);
    if (made != NULL &&
        hm_record_decode(record, text, len, strict, &arena, made, NULL, &err) == HM_OK &&
        hm_record_encode_pretty(record, made, &out, &err) == HM_OK) {
        print_line("ok", hm_buf_text(&out));
    } else {
        print_line("refused", made != NULL ? err.text : "no memory");
    }
    hm_buf_fini(&out);
    hm_arena_fini(&arena);
}

static int decode_file(const char *name, const char *mode, const char *path)
{
    const struct hm_record *record = find_record(name);
    char *text = malloc(HM_LIMIT_INPUT_FILE_BYTES);
    FILE *file = fopen(path, "rb");
    int status = EXIT_FAILURE;

    if (record != NULL && text != NULL && file != NULL) {
        size_t len = fread(text, 1, HM_LIMIT_INPUT_FILE_BYTES, file);

        decode(record, strcmp(mode, "strict") == 0, text, len);
        status = EXIT_SUCCESS;
    } else {
        (void)fprintf(stderr, "record_tool: cannot try %s as a \"%s\"\n", path, name);
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    free(text);
    return status;
}

int main(int argc, char **argv)
{
    int status = EXIT_SUCCESS;

    if (argc == 2 && strcmp(argv[1], "dump") == 0) {
        return dump();
    }
    if (argc < 5 || (argc - 2) % 3 != 0 || strcmp(argv[1], "decode") != 0) {
        (void)fprintf(stderr, "usage: record_tool dump | decode (NAME open|strict FILE)...\n");
        return 2;
    }
    for (int i = 2; i < argc && status == EXIT_SUCCESS; i += 3) {
        status = decode_file(argv[i], argv[i + 1], argv[i + 2]);
    }
    return status;
}
