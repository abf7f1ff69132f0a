#!/usr/bin/python3
"""The served OpenAPI document against routes, roles, records and filter fields, both ways.

SPDX-License-Identifier: Apache-2.0

openapi_parity.py OPENAPI_JSON ROUTE_TOOL RECORD_TOOL
"""
import json
import pathlib
import re
import subprocess
import sys

import jsonschema

METHODS = {"get", "put", "post", "delete", "patch", "head", "options"}
LOCAL = "#/components/"
TYPES = {"bool": "boolean", "u16": "integer", "u32": "integer", "u64": "integer", "real": "number",
         "string": "string", "enum": "string", "time": "string", "records": "array",
         "strings": "array"}
ZERO = {"bool": False, "u16": 0, "u32": 0, "u64": 0, "string": "", "strings": []}

found = []


def say(where, text):
    found.append(f"{where}: {text}")


def expect(where, what, is_now, wanted):
    if is_now != wanted:
        say(where, f"{what} is {is_now!r} in the document, {wanted!r} in the code")


def refs_in(value):
    if isinstance(value, list):
        for item in value:
            yield from refs_in(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key == "$ref":
                yield item
            else:
                yield from refs_in(item)


def resolve(document, value, where):
    ref = value.get("$ref")
    if ref is None:
        return value
    at = document
    for step in ref.removeprefix("#/").split("/"):
        at = at.get(step) if isinstance(at, dict) else None
    if at is None:
        say(where, f"{ref} leads nowhere")
    return at or {}


def check_routes(document, routes):
    operations = {(method.upper(), path): operation
                  for path, item in document["paths"].items()
                  for method, operation in item.items() if method in METHODS}
    table = {(route["method"], route["path"]): route for route in routes}
    if len(table) != len(routes):
        say("routes", "a route is there twice")
    for key in sorted(table.keys() - operations.keys()):
        say(" ".join(key), "is a route, but not in the document")
    for key in sorted(operations.keys() - table.keys()):
        say(" ".join(key), "is in the document, but no route")
    names = [operation.get("operationId") for operation in operations.values()]
    if len(set(names)) != len(names):
        say("paths", "an operationId is there twice, or missing")
    for key in sorted(table.keys() & operations.keys()):
        check_operation(document, " ".join(key), operations[key], table[key])


def check_operation(document, where, operation, route):
    expect(where, "x-role", operation.get("x-role"), route["role"])
    expect(where, "security", operation.get("security"),
           [] if route["role"] == "anyone" else None)
    body = operation.get("requestBody", {}).get("content", {})
    expect(where, "requestBody", list(body), [route["body"]] if route["body"] else [])
    if not operation.get("summary"):
        say(where, "no summary")
    if not any(code.startswith("2") for code in operation["responses"]):
        say(where, "no success is described")
    if "default" not in operation["responses"]:
        say(where, "no problem is described")
    given = [resolve(document, parameter, where) for parameter in operation.get("parameters", [])]
    in_path = {parameter["name"] for parameter in given if parameter.get("in") == "path"}
    expect(where, "path parameters", in_path, set(re.findall(r"\{(\w+)\}", route["path"])))


def check_filters(document, filters):
    parameters = document["components"]["parameters"]
    described = {name.removeprefix("filter_") for name in parameters if name.startswith("filter_")}
    expect("filters", "lists", described, set(filters))
    for name in sorted(described & filters.keys()):
        expect(f"filter_{name}", "x-fields", parameters[f"filter_{name}"].get("x-fields"),
               filters[name])


def check_records(document, tables):
    schemas = document["components"]["schemas"]
    for name, record in sorted(tables["api"].items()):
        if name not in schemas:
            say(name, "is a record, but not in the document")
        else:
            check_record(document, name, schemas[name], record)


def check_record(document, where, schema, record):
    rows = {row["name"]: row for row in record["fields"]}
    members = schema.get("properties", {})
    expect(where, "members", sorted(members), sorted(rows))
    expect(where, "required", sorted(schema.get("required", [])),
           sorted(name for name in rows if rows[name]["flag"] == "required"))
    for name in sorted(rows.keys() & members.keys()):
        check_row(document, f"{where}.{name}", members[name], rows[name])


def check_row(document, where, schema, row):
    kind = row["type"]
    if kind == "record":
        check_nested(document, where, schema, row["record"])
        return
    expect(where, "type", schema.get("type"), TYPES[kind])
    if kind == "string":
        expect(where, "maxLength", schema.get("maxLength"), row["max"])
        expect(where, "minLength", schema.get("minLength", 0), row["min"])
    elif kind in ("u16", "u32", "u64"):
        expect(where, "maximum", schema.get("maximum"), row["max"])
        expect(where, "minimum", schema.get("minimum"), row["min"])
    elif kind == "time":
        expect(where, "format", schema.get("format"), "date-time")
    elif kind in ("records", "strings"):
        expect(where, "maxItems", schema.get("maxItems"), row["max"])
    if kind == "records":
        check_nested(document, where + "[]", schema.get("items", {}), row["record"])
    if row["flag"] in ("default", "written") and kind in ZERO:
        expect(where, "default", schema.get("default"), ZERO[kind])


def check_nested(document, where, schema, record):
    """Records of schema/wire are bundled in whole; their own test compares them."""
    name = schema.get("$ref", "").removeprefix(LOCAL + "schemas/").rpartition(".")[2]
    words = re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()
    expect(where, "record", words, record["name"])
    target = resolve(document, schema, where)
    expect(where, "members of the record", sorted(target.get("properties", {})),
           sorted(row["name"] for row in record["fields"]))


def check_form(document):
    expect("document", "openapi", document.get("openapi"), "3.1.0")
    for ref in sorted(set(refs_in(document))):
        if not ref.startswith(LOCAL):
            say(ref, "is not inside the document")
        else:
            resolve(document, {"$ref": ref}, "document")
    used = set(refs_in(document))
    for kind in ("parameters", "responses", "schemas"):
        for name in document["components"][kind]:
            own = f"{LOCAL}{kind}/{name}"
            if own not in used and not any(ref.startswith(own + ".") for ref in used):
                say(f"{kind}/{name}", "nothing uses it")
    for name, schema in document["components"]["schemas"].items():
        try:
            jsonschema.Draft202012Validator.check_schema(schema)
        except jsonschema.SchemaError as wrong:
            say(name, f"not a schema: {wrong.message}")


def output(*command):
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def main():
    document = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    code = output(sys.argv[2])
    check_form(document)
    check_routes(document, code["routes"])
    check_filters(document, code["filters"])
    check_records(document, output(sys.argv[3], "dump"))
    for line in found:
        print(line)
    print(f"{len(code['routes'])} routes, {len(found)} differences")
    return 1 if found or not code["routes"] else 0


sys.exit(main())
