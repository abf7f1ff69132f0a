/* common/wire/records_catalogue.c — products and the ports that they need.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/wire/records_shared.h"

#include <string.h>

static const struct hm_enum families = {hm_families_names, 3};
static const struct hm_enum safe_to_exclude = {hm_safe_to_exclude_names, 3};
static const struct hm_enum configured_by = {hm_configured_by_names, HM_CONFIGURED_BY_COUNT};
static const struct hm_enum effect_when = {hm_effect_when_names, 4};
static const struct hm_enum effect_what = {hm_effect_what_names, HM_EFFECT_WHAT_COUNT};
static const struct hm_enum confidence = {hm_confidence_names, 4};

static const struct hm_field detect_fields[] = {
    HM_F(hm_detect, services, HM_TYPE_STRINGS, HM_FIELD_DEFAULT, 0, HM_LIMIT_REQUIREMENTS,
         "service names; * and ? match as in file names"),
    HM_F(hm_detect, programs, HM_TYPE_STRINGS, HM_FIELD_DEFAULT, 0, HM_LIMIT_REQUIREMENTS,
         "program names; * and ? match as in file names"),
    HM_F(hm_detect, always, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0, "every host has it"),
};
static const struct hm_record record_detect = HM_RECORD("detect", hm_detect, detect_fields);

static const struct hm_field companions_fields[] = {
    HM_F(hm_companions, services, HM_TYPE_STRINGS, HM_FIELD_DEFAULT, 0, HM_LIMIT_REQUIREMENTS,
         "service names; * and ? match as in file names"),
    HM_F(hm_companions, programs, HM_TYPE_STRINGS, HM_FIELD_DEFAULT, 0, HM_LIMIT_REQUIREMENTS,
         "programs that serve the product, whoever starts them"),
    HM_F(hm_companions, shared_programs, HM_TYPE_STRINGS, HM_FIELD_DEFAULT, 0,
         HM_LIMIT_REQUIREMENTS, "programs of which many products bring a copy"),
};
static const struct hm_record record_companions =
    HM_RECORD("companions", hm_companions, companions_fields);

static const struct hm_field children_fields[] = {
    HM_F(hm_children, service, HM_TYPE_STRING, HM_FIELD_REQUIRED, 1, HM_LIMIT_NAME_BYTES,
         "the service that starts them"),
    HM_F(hm_children, programs, HM_TYPE_STRINGS, HM_FIELD_REQUIRED, 0, HM_LIMIT_REQUIREMENTS,
         "programs that end with it"),
};
static const struct hm_record record_children = HM_RECORD("children", hm_children, children_fields);

static const struct hm_field numbered_fields[] = {
    HM_F(hm_numbered, service, HM_TYPE_STRING, HM_FIELD_REQUIRED, 3, HM_LIMIT_NAME_BYTES,
         "pattern of service names; the two digits in place of ## at its end are the number"),
    HM_F(hm_numbered, ports, HM_TYPE_STRING, HM_FIELD_REQUIRED, 3, HM_LIMIT_NAME_BYTES,
         "port list; the number stands in place of each ##"),
};
static const struct hm_record record_numbered = HM_RECORD("numbered", hm_numbered, numbered_fields);

static const struct hm_field requirement_fields[] = {
    HM_F(hm_requirement, id, HM_TYPE_STRING, HM_FIELD_REQUIRED, 1, HM_LIMIT_NAME_BYTES,
         "unique in the product"),
    HM_F(hm_requirement, title, HM_TYPE_STRING, HM_FIELD_REQUIRED, 1, HM_LIMIT_NAME_BYTES,
         "what needs the ports"),
    HM_F_ENUM(hm_requirement, protocol, HM_FIELD_REQUIRED, &hm_enum_protocol, "tcp or udp"),
    HM_F_ENUM(hm_requirement, families, HM_FIELD_DEFAULT, &families,
              "where the product binds; absent is both"),
    HM_F(hm_requirement, ports, HM_TYPE_PORTS, HM_FIELD_REQUIRED, 0, 0, "the ports it must get"),
    HM_F_ENUM_OPT(hm_requirement, port_from, &configured_by,
                  "setting of a host that says other ports than these"),
    HM_F(hm_requirement, version_min, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_NAME_BYTES,
         "lowest version of the system that has this"),
    HM_F(hm_requirement, version_max, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_NAME_BYTES,
         "highest version of the system that has this"),
    HM_F_RECORD_OPT(hm_requirement, numbered, &record_numbered,
                    "ports that the number in the name of each of its services makes"),
    HM_F_ENUM(hm_requirement, kind, HM_FIELD_REQUIRED, &hm_enum_listener_kind,
              "how the port is held"),
    HM_F_RECORD(hm_requirement, detect, HM_FIELD_DEFAULT, &record_detect,
                "who has this part; absent: every host with the product"),
    HM_F_RECORD(hm_requirement, companions, HM_FIELD_DEFAULT, &record_companions,
                "what else owns these ports, beside the companions of the product"),
    HM_F_ENUM(hm_requirement, safe_to_exclude, HM_FIELD_REQUIRED, &safe_to_exclude,
              "does the product still start when its port is excluded?"),
    HM_F(hm_requirement, optional, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0,
         "required only once its service or listener shows"),
    HM_F(hm_requirement, when_down, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0,
         "optional, but required while its service is down and nothing shows its ports: a default"),
    HM_F(hm_requirement, by_iis_bindings, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0,
         "where the bindings of IIS are known, they say whether it is required"),
    HM_F(hm_requirement, by_ssl_bindings, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0,
         "where the SSL bindings of HTTP.sys are known, they say whether it is required"),
    HM_F(hm_requirement, alternative, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_NAME_BYTES,
         "id of a requirement of the product that may be used instead"),
    HM_F(hm_requirement, reserve_only, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0,
         "must not be handed out, yet a port that is taken stops nothing"),
    HM_F(hm_requirement, falls_back, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0,
         "uses another port when one is taken, and starts all the same"),
    HM_F(hm_requirement, starts_without, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0,
         "where it is taken the service starts all the same, without this part"),
    HM_F(hm_requirement, set_in, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_NAME_BYTES,
         "administrators move the port: where it is set, for people"),
    HM_F(hm_requirement, may_be_off, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0,
         "often switched off: a service that runs and does not listen is nothing odd"),
    HM_F(hm_requirement, source, HM_TYPE_STRING, HM_FIELD_REQUIRED, 1, HM_LIMIT_TEXT_BYTES,
         "where this is written"),
    HM_F(hm_requirement, url, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_TEXT_BYTES,
         "address of the source that was opened"),
    HM_F(hm_requirement, seen, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_TEXT_BYTES,
         "address where a listener or an incident was seen, and what it shows"),
    HM_F_ENUM(hm_requirement, confidence, HM_FIELD_REQUIRED, &confidence,
              "how sure the source makes it"),
};
static const struct hm_record record_requirement =
    HM_RECORD("requirement", hm_requirement, requirement_fields);

static const struct hm_field effect_fields[] = {
    HM_F(hm_effect, id, HM_TYPE_STRING, HM_FIELD_REQUIRED, 1, HM_LIMIT_NAME_BYTES,
         "unique in the product"),
    HM_F(hm_effect, title, HM_TYPE_STRING, HM_FIELD_REQUIRED, 1, HM_LIMIT_NAME_BYTES,
         "who does it, and what"),
    HM_F_ENUM(hm_effect, when, HM_FIELD_REQUIRED, &effect_when, "when it is done"),
    HM_F_ENUM(hm_effect, what, HM_FIELD_REQUIRED, &effect_what, "what is done"),
    HM_F_ENUM(hm_effect, protocol, HM_FIELD_REQUIRED, &hm_enum_protocol, "tcp or udp"),
    HM_F_ENUM(hm_effect, families, HM_FIELD_DEFAULT, &families, "absent is both"),
    HM_F(hm_effect, ports, HM_TYPE_PORTS, HM_FIELD_DEFAULT, 0, 0,
         "the new range, or the ports; absent: any of the dynamic range"),
    HM_F(hm_effect, count, HM_TYPE_U32, HM_FIELD_DEFAULT, 0, 65535, "how many ports"),
    HM_F(hm_effect, distinctive, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0,
         "no other maker of this range is known"),
    HM_F(hm_effect, keep, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0,
         "the product expects this range: better left as it is"),
    HM_F(hm_effect, version_min, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_NAME_BYTES,
         "lowest version of the system where it is so"),
    HM_F(hm_effect, version_max, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_NAME_BYTES,
         "highest version of the system where it is so"),
    HM_F(hm_effect, source, HM_TYPE_STRING, HM_FIELD_REQUIRED, 1, HM_LIMIT_TEXT_BYTES,
         "where this is written"),
    HM_F(hm_effect, url, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_TEXT_BYTES,
         "address of the source that was opened"),
    HM_F(hm_effect, seen, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_TEXT_BYTES,
         "address where it was seen, and what it shows"),
    HM_F_ENUM(hm_effect, confidence, HM_FIELD_REQUIRED, &confidence,
              "how sure the source makes it"),
    HM_F(hm_effect, note, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_TEXT_BYTES,
         "limits of the source, ways out"),
};
static const struct hm_record record_effect = HM_RECORD("effect", hm_effect, effect_fields);

static const struct hm_field release_fields[] = {
    HM_F(hm_catalogue_release, version, HM_TYPE_U32, HM_FIELD_REQUIRED, 0, HM_LIMIT_PRODUCT_VERSION,
         "raised with each day of changes"),
    HM_F(hm_catalogue_release, date, HM_TYPE_STRING, HM_FIELD_REQUIRED, 0, HM_LIMIT_DATE_BYTES,
         "of the last change"),
    HM_F(hm_catalogue_release, note, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_TEXT_BYTES,
         "for people"),
};
const struct hm_record hm_record_catalogue =
    HM_RECORD("catalogue", hm_catalogue_release, release_fields);

static const struct hm_field product_fields[] = {
    HM_F(hm_product, id, HM_TYPE_STRING, HM_FIELD_REQUIRED, 1, HM_LIMIT_NAME_BYTES,
         "file name without .json"),
    HM_F(hm_product, title, HM_TYPE_STRING, HM_FIELD_REQUIRED, 1, HM_LIMIT_NAME_BYTES,
         "name for people"),
    HM_F(hm_product, vendor, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_NAME_BYTES,
         "who makes it"),
    HM_F(hm_product, os, HM_TYPE_STRINGS, HM_FIELD_DEFAULT, 0, 2, "windows, linux; absent: both"),
    HM_F_RECORD(hm_product, detect, HM_FIELD_REQUIRED, &record_detect, "who has it"),
    HM_F_RECORD(hm_product, companions, HM_FIELD_DEFAULT, &record_companions,
                "what owns its ports without being a sign of it"),
    HM_F_RECORDS(hm_product, children, HM_FIELD_DEFAULT, HM_LIMIT_REQUIREMENTS, &record_children,
                 "programs that end with a service of it"),
    HM_F_RECORDS(hm_product, requirements, HM_FIELD_REQUIRED, HM_LIMIT_REQUIREMENTS,
                 &record_requirement, "the ports it must get"),
    HM_F_RECORDS(hm_product, effects, HM_FIELD_DEFAULT, HM_LIMIT_EFFECTS, &record_effect,
                 "what its set-up does to ranges and ports"),
    HM_F(hm_product, in_every_windows, HM_TYPE_BOOL, HM_FIELD_DEFAULT, 0, 0,
         "every Windows has its service, used or not: required only once a listener shows"),
    HM_F(hm_product, note, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_TEXT_BYTES,
         "what usually goes wrong"),
    HM_F(hm_product, version, HM_TYPE_U32, HM_FIELD_DEFAULT, 0, HM_LIMIT_PRODUCT_VERSION,
         "raised with each change; absent: not numbered"),
    HM_F(hm_product, date, HM_TYPE_STRING, HM_FIELD_DEFAULT, 0, HM_LIMIT_DATE_BYTES,
         "of the last change"),
};
const struct hm_record hm_record_product = HM_RECORD("product", hm_product, product_fields);

const char *hm_record_catalogue_path(const char *product_dir, struct hm_arena *arena)
{
    size_t len = strlen(product_dir);

    while (len > 0 && (product_dir[len - 1] == '/' || product_dir[len - 1] == '\\')) {
        len--; /* "products/" */
    }
    while (len > 0 && product_dir[len - 1] != '/' && product_dir[len - 1] != '\\') {
        len--;
    }
    return hm_arena_printf(arena, "%.*scatalogue.json", (int)len, product_dir);
}
