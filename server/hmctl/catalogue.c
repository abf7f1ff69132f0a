/* server/hmctl/catalogue.c — hmctl catalogue: products, or one product's requirements.
 * SPDX-License-Identifier: Apache-2.0 */
#include "server/hmctl/verbs.h"

#include "server/hmctl/client.h"
#include "server/hmctl/show.h"

static const struct hm_cli_option options[] = {HM_CTL_LIMIT};

static const struct hm_table_column columns[] = {
    {"PRODUCT",      0,  false, false, 0, false},
    {"TITLE",        24, false, false, 0, false},
    {"VENDOR",       12, false, false, 1, false},
    {"REQUIREMENTS", 0,  true,  false, 0, false},
    {"VERSION",      0,  true,  false, 2, false},
    {"DATE",         0,  false, false, 2, false},
};

static const struct hm_table_column requirement_columns[] = {
    {"REQUIREMENT", 24, false, false, 0, true },
    {"PROTOCOL",    0,  false, false, 0, false},
    {"PORTS",       14, false, false, 0, false},
    {"KIND",        0,  false, false, 0, false},
    {"EXCLUDE",     0,  false, false, 0, false},
    {"CONFIDENCE",  0,  false, false, 0, false},
    {"SOURCE",      20, false, false, 1, false},
};

static const struct hm_table_column effect_columns[] = {
    {"EFFECT",     24, false, false, 0, true },
    {"WHEN",       0,  false, false, 0, false},
    {"WHAT",       0,  false, false, 0, false},
    {"PROTOCOL",   0,  false, false, 0, false},
    {"PORTS",      14, false, false, 0, false},
    {"CONFIDENCE", 0,  false, false, 0, false},
    {"SOURCE",     20, false, false, 1, false},
};

static enum hm_status put_row(struct hm_ctl *ctl, const void *item, struct hm_table *table,
                              struct hm_err *err)
{
    const struct hm_product *row = item;
    const char *cells[] = {row->id,
                           row->title,
                           row->vendor,
                           hm_show_number(&ctl->page, row->requirements.count),
                           row->version > 0 ? hm_show_number(&ctl->page, row->version) : "",
                           row->date};

    return hm_table_put(table, cells, err);
}

static void print_release(struct hm_ctl *ctl, const void *page)
{
    const struct hm_catalogue_release *release = &((const struct hm_api_products *)page)->release;

    if (release->version > 0) {
        (void)fprintf(ctl->output.out, "catalogue: version %u of %s\n\n", release->version,
                      release->date);
    }
}

static int list_all(const struct hm_cli *cli)
{
    const struct hm_ctl_list list = {
        .path = "/v1/catalogue",
        .record = &hm_record_api_products,
        .columns = columns,
        .column_count = HM_COUNT(columns),
        .put_row = put_row,
        .print_head = print_release,
        .nothing = "the catalogue is empty",
    };

    return hm_ctl_list(cli, &list);
}

/* What its set-up does to ranges and ports; nothing where that is not known of it. */
static enum hm_status print_effects(struct hm_ctl *ctl, const struct hm_effects *effects,
                                    struct hm_err *err)
{
    struct hm_table table;
    enum hm_status st = HM_OK;

    hm_table_init(&table, effect_columns, HM_COUNT(effect_columns), &ctl->page);
    for (size_t i = 0; st == HM_OK && i < effects->count; i++) {
        const struct hm_effect *row = &effects->at[i];
        const char *count = hm_show_number(&ctl->page, row->count);
        const char *cells[] = {
            row->title,
            hm_effect_when_names[row->when],
            hm_effect_what_names[row->what],
            hm_protocol_names[row->protocol],
            row->ports.count > 0 ? hm_ports_text(row->ports, &ctl->page)
            : row->count > 0     ? count
                                 : "",
            hm_confidence_names[row->confidence],
            row->source,
        };

        st = hm_table_put(&table, cells, err);
    }
    if (st == HM_OK && effects->count > 0) {
        (void)fputc('\n', ctl->output.out);
        hm_table_print(&table, &ctl->output);
    }
    return st;
}

static enum hm_status print_product(struct hm_ctl *ctl, const struct hm_product *product,
                                    struct hm_err *err)
{
    struct hm_table table;
    enum hm_status st = HM_OK;
    size_t i;

    hm_output_plain(&ctl->output, product->title);
    if (product->version > 0) {
        (void)fprintf(ctl->output.out, "  version %u of %s\n", product->version, product->date);
    }
    if (product->note[0] != '\0') {
        hm_output_wrap(&ctl->output, 2, product->note);
    }
    hm_table_init(&table, requirement_columns, HM_COUNT(requirement_columns), &ctl->page);
    for (i = 0; st == HM_OK && i < product->requirements.count; i++) {
        const struct hm_requirement *row = &product->requirements.at[i];
        const char *cells[] = {
            row->title,
            hm_protocol_names[row->protocol],
            hm_ports_text(row->ports, &ctl->page),
            hm_listener_kind_names[row->kind],
            hm_safe_to_exclude_names[row->safe_to_exclude],
            hm_confidence_names[row->confidence],
            row->source,
        };

        st = hm_table_put(&table, cells, err);
    }
    if (st == HM_OK && product->requirements.count > 0) {
        (void)fputc('\n', ctl->output.out);
        hm_table_print(&table, &ctl->output);
    }
    return st == HM_OK ? print_effects(ctl, &product->effects, err) : st;
}

static enum hm_status show(struct hm_ctl *ctl, struct hm_err *err)
{
    const char *path = hm_ctl_path(&ctl->arena, "/v1/catalogue/", ctl->cli->arguments[0], "");
    struct hm_http_reply reply;
    struct hm_product product;
    enum hm_status st = hm_ctl_call(ctl, "GET", path, NULL, &reply, err);

    if (st == HM_OK && ctl->json) {
        hm_output_body(reply.body, reply.body_len);
        return st;
    }
    if (st == HM_OK) {
        st = hm_record_decode(&hm_record_product, reply.body, reply.body_len, false, &ctl->page,
                              &product, NULL, err);
    }
    return st == HM_OK ? print_product(ctl, &product, err) : st;
}

static int run(const struct hm_cli *cli)
{
    struct hm_ctl ctl;
    struct hm_err err;
    enum hm_status st;

    if (cli->argument_count == 0) {
        return list_all(cli);
    }
    st = hm_ctl_open(cli, &ctl, &err);
    if (st != HM_OK) {
        return hm_ctl_fail(cli, &err);
    }
    st = show(&ctl, &err);
    hm_ctl_close(&ctl);
    return st == HM_OK ? HM_CTL_OK : hm_ctl_fail(cli, &err);
}

const struct hm_cli_verb hm_ctl_verb_catalogue = {
    .name = "catalogue",
    .arguments = "[PRODUCT]",
    .max_arguments = 1,
    .options = options,
    .option_count = HM_COUNT(options),
    .help = "lists known products, or shows one and the ports that it must get",
    .run = run,
};
