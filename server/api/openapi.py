#!/usr/bin/python3
"""The OpenAPI document as one JSON text: schema/api/openapi.yaml with schema/wire bundled in.

SPDX-License-Identifier: Apache-2.0

openapi.py YAML WIRE_FOLDER OUT_JSON OUT_C OUT_DEPENDENCIES
"""
import json
import pathlib
import sys

import yaml

URN = "urn:havenmaster:schema:"
LOCAL = "#/components/schemas/"


def component(urn):
    """urn:havenmaster:schema:checked_in#/$defs/x is the component CheckedIn.x."""
    name, _, inside = urn.removeprefix(URN).partition("#")
    steps = [step for step in inside.split("/") if step not in ("", "$defs")]
    return ".".join(["".join(word.capitalize() for word in name.split("_"))] + steps)


def localise(value, wanted):
    """Rewrites references to the wire schemas; adds the schemas' names to wanted."""
    if isinstance(value, list):
        return [localise(item, wanted) for item in value]
    if not isinstance(value, dict):
        return value
    out = {}
    for key, item in value.items():
        if key == "$ref" and item.startswith(URN):
            wanted.add(item.removeprefix(URN).partition("#")[0])
            item = LOCAL + component(item)
        out[key] = localise(item, wanted)
    return out


def bundle(document, wire, read):
    """Adds the files that were needed to read."""
    wanted, done = set(), set()
    document = localise(document, wanted)
    schemas = document["components"]["schemas"]
    while wanted - done:
        name = min(wanted - done)
        done.add(name)
        read.append(wire / f"{name}.schema.json")
        schema = json.loads(read[-1].read_text(encoding="utf-8"))
        inner = schema.pop("$defs", {})
        for key in ("$schema", "$id"):
            schema.pop(key, None)
        for part, value in [("", schema), *((f"#/$defs/{key}", inner[key]) for key in inner)]:
            full = component(URN + name + part)
            if full in schemas:
                raise SystemExit(f"openapi.py: two schemas want the name {full}")
            schemas[full] = localise(value, wanted)
    document["components"]["schemas"] = dict(sorted(schemas.items()))
    return document


def main():
    source, wire, out_json, out_c, out_d = (pathlib.Path(arg) for arg in sys.argv[1:])
    read = [source]
    document = bundle(yaml.safe_load(source.read_text(encoding="utf-8")), wire, read)
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"
    data = text.encode("utf-8")
    out_json.write_bytes(data)
    rows = [",".join(str(byte) for byte in data[at:at + 24]) for at in range(0, len(data), 24)]
    out_c.write_text('#include "server/api/openapi.h"\n\n'
                     "const unsigned char hm_openapi_json[] = {\n" + ",\n".join(rows) + "};\n"
                     "const size_t hm_openapi_json_len = sizeof(hm_openapi_json);\n",
                     encoding="ascii")
    out_d.write_text(f"{out_c}: {' '.join(str(path) for path in read)}\n", encoding="utf-8")


main()
