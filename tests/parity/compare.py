#!/usr/bin/python3
"""Schemas against field tables, both ways, and the examples against both.

SPDX-License-Identifier: Apache-2.0
"""
import json
import pathlib
import subprocess
import sys

import jsonschema

URN = "urn:havenmaster:schema:"
# Additional members are refused in these.
STRICT = {"enroll", "host_file", "policy", "product", "signing_key", "statement", "trust_root"}
ZERO = {"bool": False, "u16": 0, "u32": 0, "u64": 0, "real": 0, "string": "", "ports": "",
        "records": [], "strings": [], "record": {}}
KINDS = {"bool": "boolean", "u16": "integer", "u32": "integer", "u64": "integer", "real": "number",
         "string": "string", "enum": "string", "time": "string", "records": "array",
         "strings": "array"}

found = []


def say(where, text):
    found.append(f"{where}: {text}")


def load_schemas(folder):
    schemas = {}
    for path in sorted(folder.glob("*.schema.json")):
        name = path.name.removesuffix(".schema.json")
        schemas[name] = json.loads(path.read_text(encoding="utf-8"))
        if schemas[name].get("$id") != URN + name:
            say(path.name, f"$id must be {URN}{name}")
        try:
            jsonschema.Draft202012Validator.check_schema(schemas[name])
        except jsonschema.SchemaError as wrong:
            say(path.name, f"not a schema: {wrong.message}")
    return schemas


def follow(schemas, ref, where):
    """The schema behind a whole URN, None when there is none."""
    name, _, inside = ref.removeprefix(URN).partition("#")
    at = schemas.get(name) if ref.startswith(URN) else None
    for step in [s for s in inside.split("/") if s]:
        at = at.get(step) if at is not None else None
    if at is None:
        say(where, f"$ref {ref} leads nowhere")
    return at


class Comparison:
    """One document's table and schema, with everything nested in them."""

    def __init__(self, schemas, text_bytes):
        self.schemas = schemas
        self.text_bytes = text_bytes
        self.seen = set()

    def expect(self, where, schema, key, wanted):
        if schema.get(key) != wanted:
            say(where, f"{key} is {schema.get(key)!r} in the schema, {wanted!r} in the table")

    def records_match(self, where, schema, record, strict):
        rows = {row["name"]: row for row in record["fields"]}
        members = schema.get("properties", {})
        if schema.get("type") != "object":
            say(where, "must be an object")
        for name in sorted(rows.keys() - members.keys()):
            say(f"{where}.{name}", "in the table, not in the schema")
        for name in sorted(members.keys() - rows.keys()):
            say(f"{where}.{name}", "in the schema, not in the table")
        self.expect(where, schema, "required", [r["name"] for r in record["fields"]
                                                if r["flag"] == "required"] or None)
        self.expect(where, schema, "additionalProperties", False if strict else None)
        for name in [n for n in rows if n in members]:
            self.row_matches(f"{where}.{name}", members[name], rows[name], strict)

    def row_matches(self, where, schema, row, strict):
        kind = row["type"]
        if not schema.get("description"):
            say(where, "no description")
        if row["flag"] not in ("required", "optional", "default", "written"):
            say(where, f"flag is {row['flag']}")
        if kind in ("record", "range", "ports"):
            self.expect(where, schema, "type", None)
            self.follow_ref(where, schema, row, strict)
        else:
            self.expect(where, schema, "type", KINDS[kind])
        self.default_matches(where, schema, row)
        self.caps_match(where, schema, row, strict)

    def default_matches(self, where, schema, row):
        if row["flag"] not in ("default", "written"):
            self.expect(where, schema, "default", None)
            return
        zero = row["enum"][0] if row["type"] == "enum" else ZERO[row["type"]]
        if schema.get("default", zero if row["type"] == "range" else None) != zero:
            say(where, f"default is {schema.get('default')!r}, the table gives {zero!r}")

    def caps_match(self, where, schema, row, strict):
        kind = row["type"]
        if kind in ("u16", "u32", "u64", "real"):
            self.expect(where, schema, "minimum", row["min"])
            self.expect(where, schema, "maximum", row["max"])
        elif kind == "string":
            self.expect(where, schema, "minLength", row["min"] or None)
            self.expect(where, schema, "maxLength", row["max"])
        elif kind == "enum":
            self.expect(where, schema, "enum", row["enum"])
        elif kind == "time":
            self.expect(where, schema, "format", "date-time")
        elif kind in ("records", "strings"):
            self.expect(where, schema, "maxItems", row["max"])
            self.expect(where, schema, "minItems", row["min"] or None)
            self.items_match(where + "[]", schema.get("items", {}), row, strict)

    def items_match(self, where, items, row, strict):
        if row["type"] == "records":
            self.follow_ref(where, items, row, strict)
        elif items.get("type") != "string":
            say(where, "must be strings")
        elif "enum" not in items:  # a schema may be closer than a table can be
            self.expect(where, items, "maxLength", self.text_bytes)

    def follow_ref(self, where, schema, row, strict):
        ref = schema.get("$ref", "")
        target = follow(self.schemas, ref, where)
        if target is None:
            return
        if row["type"] in ("range", "ports"):
            wanted = "port_range" if row["type"] == "range" else "port_list"
            if not ref.endswith("#/$defs/" + wanted):
                say(where, f"must refer to {wanted}, refers to {ref}")
            return
        last = ref.removeprefix(URN).split("/")[-1]
        if last.rstrip("#") != row["record"]["name"]:
            say(where, f"refers to {ref}, the table to {row['record']['name']}")
        open_elsewhere = strict and target.get("additionalProperties") is None
        self.expect(where, schema, "unevaluatedProperties", False if open_elsewhere else None)
        if ref not in self.seen:
            self.seen.add(ref)
            owner = ref.removeprefix(URN).partition("#")[0]
            self.records_match(ref.removeprefix(URN), target, row["record"], owner in STRICT)


def check_parity(schemas, tables):
    for name in sorted(tables["records"].keys() - schemas.keys()):
        say(name, "has a table, but no schema")
    for name in sorted(schemas.keys() - tables["records"].keys()):
        say(name, "has a schema, but no table")
    for name in sorted(tables["records"].keys() & schemas.keys()):
        comparison = Comparison(schemas, tables["text_bytes"])
        comparison.records_match(name, schemas[name], tables["records"][name], name in STRICT)
        for text in ("title", "description"):
            if not schemas[name].get(text):
                say(name, f"no {text}")
        used = {ref.split("/")[-1] for ref in refs_in(schemas[name]) if ref.startswith(URN + name)}
        shared = {ref.split("/")[-1] for other in schemas.values() for ref in refs_in(other)
                  if ref.startswith(f"{URN}{name}#")}
        for spare in sorted(schemas[name].get("$defs", {}).keys() - used - shared):
            say(name, f"nothing uses $defs/{spare}")


def refs_in(schema):
    if isinstance(schema, dict):
        for key, value in schema.items():
            if key == "$ref":
                yield value
            else:
                yield from refs_in(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from refs_in(value)


def validator_of(schemas, name):
    store = {schema["$id"]: schema for schema in schemas.values()}
    resolver = jsonschema.RefResolver(URN + name, schemas[name], store=store)
    return jsonschema.Draft202012Validator(schemas[name], resolver=resolver)


def decode_all(tool, paths):
    """What the C decoder says of each file: (accepted, text)."""
    words = []
    for path in paths:
        name = path.name.partition("-")[0]
        words += [name, "strict" if name in STRICT else "open", str(path)]
    lines = subprocess.run([tool, "decode", *words], check=True, capture_output=True,
                           text=True).stdout.splitlines()
    return [(word == "ok", json.loads(text)) for word, _, text in (x.partition(" ") for x in lines)]


def check_valid(schemas, path, accepted, text):
    name = path.name.partition("-")[0]
    document = json.loads(path.read_text(encoding="utf-8"))
    for error in validator_of(schemas, name).iter_errors(document):
        say(path.name, f"the schema refuses it: {error.json_path}: {error.message}")
    if not accepted:
        say(path.name, f"the decoder refuses it: {text}")
        return
    for error in validator_of(schemas, name).iter_errors(json.loads(text)):
        say(path.name, f"written again, the schema refuses it: {error.json_path}: {error.message}")
    if path.stem.endswith("-full") and text != path.read_text(encoding="utf-8"):
        say(path.name, "a full example must be, to the byte, what the encoder writes")


def check_invalid(schemas, path, accepted, text):
    name = path.name.partition("-")[0]
    document = json.loads(path.read_text(encoding="utf-8"))
    count = len(list(validator_of(schemas, name).iter_errors(document)))
    if count != 1:
        say(path.name, f"the schema finds {count} faults, each example has exactly one")
    if accepted:
        say(path.name, "the decoder takes it")
    elif not text:
        say(path.name, "the decoder refuses it without a reason")


def check_examples(schemas, tool, folder):
    for kind, check in (("valid", check_valid), ("invalid", check_invalid)):
        paths = sorted((folder / kind).glob("*.json"))
        covered = {path.name.partition("-")[0] for path in paths}
        for name in sorted(schemas.keys() - covered):
            say(f"examples/{kind}", f"none for {name}")
        for name in sorted(covered - schemas.keys()):
            say(f"examples/{kind}", f"{name} is no schema")
        paths = [path for path in paths if path.name.partition("-")[0] in schemas]
        for path, (accepted, text) in zip(paths, decode_all(tool, paths)):
            check(schemas, path, accepted, text)
        if kind == "valid":
            for name in sorted(schemas.keys() - {p.name.removesuffix("-full.json") for p in paths}):
                say("examples/valid", f"no {name}-full.json")


def main():
    tool, top = sys.argv[1], pathlib.Path(sys.argv[2])
    tables = json.loads(subprocess.run([tool, "dump"], check=True, capture_output=True).stdout)
    schemas = load_schemas(top / "schema/wire")
    check_parity(schemas, tables)
    if not found:
        check_examples(schemas, tool, top / "schema/examples")
    for line in found:
        print(line)
    print(f"{len(schemas)} schemas, {len(tables['records'])} tables, {len(found)} differences")
    return 1 if found or not schemas else 0


sys.exit(main())
