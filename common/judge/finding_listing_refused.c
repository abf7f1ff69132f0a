/* common/judge/finding_listing_refused.c — the system would not list its ports, or not readably.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/finding_kinds.h"

#include "common/judge/remedy.h"

static const char *hexadecimal(const struct hm_refusal *refusal, struct hm_finding_list *out)
{
    static const char digits[] = "0123456789abcdef";
    char text[HM_REFUSAL_BYTES * 2 + 1];
    size_t len = refusal->len < HM_REFUSAL_BYTES ? refusal->len : HM_REFUSAL_BYTES;

    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)refusal->bytes[i];

        text[2 * i] = digits[byte >> 4];
        text[2 * i + 1] = digits[byte & 15];
    }
    text[2 * len] = '\0';
    return hm_finding_print(out, "%s", text);
}

static void look(const struct hm_finding_ctx *ctx, struct hm_finding_list *out)
{
    const struct hm_refusals *refusals = ctx->input->refusals;

    for (size_t i = 0; refusals != NULL && i < refusals->count; i++) {
        const struct hm_refusal *refusal = &refusals->at[i];
        struct hm_finding *finding = hm_finding_put(out, refusal->command);

        finding->text = "The system did not give this listing, or gave one that cannot be read "
                        "for certain. What it would tell is unknown; nothing was guessed.";
        hm_finding_evidence(out, finding, "command", refusal->command);
        hm_finding_evidence(out, finding, "reason", refusal->reason);
        hm_finding_evidence(out, finding, "output_bytes",
                            hm_finding_print(out, "%zu", refusal->len));
        hm_finding_evidence(out, finding, "output_hex", hexadecimal(refusal, out));
        hm_remedy_decide(
            out, finding,
            hm_finding_print(
                out,
                "Run \"%s\" on the host as an administrator. Where it prints a sound "
                "list, send its output to the authors of Havenmaster: the bytes are in "
                "the evidence, in hexadecimal.",
                refusal->command));
    }
}

const struct hm_finding_kind hm_finding_listing_refused = {
    .name = "listing_refused",
    .severity = HM_SEVERITY_MEDIUM,
    .look = look,
    .help = "the system refused to list ports, or printed what cannot be read for certain",
};
