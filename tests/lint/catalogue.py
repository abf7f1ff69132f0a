#!/usr/bin/python3
"""The catalogue: every file fits the schema and the rules that a schema cannot say.

SPDX-License-Identifier: Apache-2.0
"""
import fnmatch
import glob
import json
import os
import sys

import jsonschema

NEVER = ("httpsys", "quic", "shared", "container")

# Many products bring a copy of these: they are no sign of one product, and the port of a copy is
# the product's own only under the conditions of companions.shared_programs.
SHARED = (
    "apache.exe", "apache2", "httpd", "httpd.exe", "java", "java.exe", "javaw.exe", "nginx",
    "nginx.exe", "node", "node.exe", "nssm.exe", "prunsrv.exe", "python", "python.exe", "python3",
    "w3wp.exe", "wrapper.exe",
)  # fmt: skip


def named(part):
    """Names that a part of the catalogue takes for one product's alone."""
    for key in ("detect", "companions"):
        yield from part.get(key, {}).get("programs", [])


def rules(name, product):
    detect = product.get("detect", {})
    for part in [product] + product["requirements"]:
        for program in named(part):
            if any(fnmatch.fnmatch(shared, program.lower()) for shared in SHARED):
                yield f'"{program}" belongs to companions.shared_programs'
    if product["id"] != name:
        yield f'id is "{product["id"]}", the file is {name}.json'
    if not (detect.get("services") or detect.get("programs")):
        yield "nothing to detect it by"
    seen = set()
    for row in product["requirements"]:
        if row["id"] in seen:
            yield f'requirement "{row["id"]}" stands twice'
        seen.add(row["id"])
        kind = row.get("kind", "socket")
        if kind in NEVER and row["safe_to_exclude"] != "no":
            yield f'{row["id"]}: a port of kind {kind} must not be excluded'
        if kind == "quic" and row["protocol"] != "udp":
            yield f'{row["id"]}: QUIC is UDP'
        if not row.get("source"):
            yield f'{row["id"]}: no source'


def main():
    top = sys.argv[1]
    with open(os.path.join(top, "schema/wire/product.schema.json"), encoding="utf-8") as file:
        schema = json.load(file)
    validator = jsonschema.Draft202012Validator(schema)
    paths = sorted(glob.glob(os.path.join(top, "schema/catalogue/products/*.json")))
    found = requirements = 0
    for path in paths:
        name = os.path.basename(path)[:-5]
        with open(path, encoding="utf-8") as file:
            product = json.load(file)
        problems = [f"{'/'.join(map(str, e.path))}: {e.message}" for e in validator.iter_errors(product)]
        problems += rules(name, product) if not problems else []
        for problem in problems:
            print(f"{name}.json: {problem}")
            found += 1
        requirements += len(product.get("requirements", []))
    print(f"{len(paths)} products, {requirements} requirements, {found} problems")
    return 1 if found or len(paths) < 40 else 0


sys.exit(main())
