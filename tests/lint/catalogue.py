#!/usr/bin/python3
"""The catalogue: every file fits the schema and the rules that a schema cannot say.

SPDX-License-Identifier: Apache-2.0
"""
import copy
import datetime
import fnmatch
import glob
import json
import os
import re
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

# A product that changed on this day or later says for each requirement which source was opened and
# where a listener or an incident was seen. A requirement that is inferred may leave out either.
SEEN_SINCE = "2026-11-30"
SEEN = re.compile(r"https://[^ ]+\.[^ ]+: .{8,}")


def is_date(text):
    try:
        return datetime.date.fromisoformat(text).isoformat() == text
    except (TypeError, ValueError):
        return False


def numbered(product, catalogue):
    """Version and date, of the product and of the catalogue."""
    if not product.get("version"):
        yield "no version"
    if not is_date(product.get("date")):
        yield f'date is {product.get("date")!r}, not YYYY-MM-DD'
        return
    if product["date"] > catalogue["date"]:
        yield (f'date {product["date"]} is later than {catalogue["date"]} of '
               "schema/catalogue/catalogue.json")
    if product["date"] < SEEN_SINCE or product.get("id", "").startswith("havenmaster-"):
        return  # the source of our own is in this repository
    for row in product["requirements"]:
        inferred = row.get("confidence") == "inferred"
        if not (inferred and not row.get("url")) and not row.get("url", "").startswith("https://"):
            yield f'{row["id"]}: no url of the source that was opened'
        if not (inferred and not row.get("seen")) and not SEEN.fullmatch(row.get("seen", "")):
            yield f'{row["id"]}: seen must be "https://ADDRESS: what is seen there"'


def named(part):
    """Names that a part of the catalogue takes for one product's alone."""
    for key in ("detect", "companions"):
        yield from part.get(key, {}).get("programs", [])


def effect_rules(product):
    """Effects: what a set-up does to ranges and ports."""
    seen = set()
    for row in product.get("effects", []):
        if row["id"] in seen:
            yield f'effect "{row["id"]}" stands twice'
        seen.add(row["id"])
        if row["title"].endswith("."):
            yield f'{row["id"]}: the title is put into sentences: no full stop'
        is_range = re.fullmatch("[0-9]+-[0-9]+", row.get("ports", ""))
        if row["what"] == "range_moved" and not is_range:
            yield f'{row["id"]}: range_moved must have one range'
        if row["what"] == "pool_taken" and not row.get("count"):
            yield f'{row["id"]}: pool_taken must have a count'
        if row["what"] == "ports_taken" and not row.get("ports"):
            yield f'{row["id"]}: ports_taken must have ports'
        if (row.get("keep") or row.get("distinctive")) and row["what"] != "range_moved":
            yield f'{row["id"]}: keep and distinctive are of range_moved'
        if row.get("distinctive") and not row.get("keep"):
            yield f'{row["id"]}: distinctive says whose range is kept: keep is missing'
        if product.get("os") != ["windows"]:
            yield f'{row["id"]}: effects are explained on Windows: os must be ["windows"]'
        if not row.get("url", "").startswith("https://"):
            yield f'{row["id"]}: no url of the source that was opened'
        # A single report is its own sighting.
        if row["confidence"] in ("documented", "reported") and not SEEN.fullmatch(row.get("seen", "")):
            yield f'{row["id"]}: seen must be "https://ADDRESS: what is seen there"'


def rules(name, product):
    detect = product.get("detect", {})
    for part in [product] + product["requirements"]:
        for program in named(part):
            if any(fnmatch.fnmatch(shared, program.lower()) for shared in SHARED):
                yield f'"{program}" belongs to companions.shared_programs'
    if product["id"] != name:
        yield f'id is "{product["id"]}", the file is {name}.json'
    always = detect.get("always") and not product["requirements"]
    if not (detect.get("services") or detect.get("programs") or always):
        yield "nothing to detect it by"
    if not product["requirements"] and not product.get("effects"):
        yield "neither requirements nor effects"
    yield from effect_rules(product)
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
        if (row.get("version_min") or row.get("version_max")) and product.get("os") != ["windows"]:
            yield f'{row["id"]}: a version is one of Windows alone: os must be ["windows"]'
        if not row.get("source"):
            yield f'{row["id"]}: no source'


def self_test():
    """Each rule of numbered() and effect_rules() was seen to find something."""
    effect = {"id": "e", "title": "X sets this range", "what": "range_moved", "ports": "1-2",
              "url": "https://example.org/a", "seen": "https://example.org/1: netsh shows it",
              "confidence": "reported", "keep": True, "distinctive": True}
    broken = (
        ("full stop", {"title": "X sets it."}),
        ("one range", {"ports": "1,2"}),
        ("a count", {"what": "pool_taken", "keep": False, "distinctive": False}),
        ("have ports", {"what": "ports_taken", "ports": "", "keep": False, "distinctive": False}),
        ("are of range_moved", {"what": "ports_reserved"}),
        ("keep is missing", {"keep": False}),
        ("no url", {"url": "http://example.org/a"}),
        ("seen must be", {"seen": ""}),
    )
    assert not list(effect_rules({"os": ["windows"], "effects": [effect]}))
    assert len(list(effect_rules({"os": ["windows"], "effects": [effect, effect]}))) == 1
    assert len(list(effect_rules({"effects": [effect]}))) == 1
    for expected, change in broken:
        problems = list(effect_rules({"os": ["windows"], "effects": [{**effect, **change}]}))
        assert len(problems) == 1 and expected in problems[0], (expected, problems)
    catalogue = {"version": 1, "date": "2026-12-01"}
    good = {"version": 2, "date": "2026-12-01",
            "requirements": [{"id": "r", "url": "https://example.org/a",
                              "seen": "https://example.org/issues/1: netstat shows it"}]}
    changes = (
        ("no version", lambda p: p.pop("version")),
        ("not YYYY-MM-DD", lambda p: p.update(date="1 December")),
        ("not YYYY-MM-DD", lambda p: p.pop("date")),
        ("is later than", lambda p: p.update(date="2026-12-02")),
        ("no url", lambda p: p["requirements"][0].pop("url")),
        ("no url", lambda p: p["requirements"][0].update(url="KB832017")),
        ("seen must be", lambda p: p["requirements"][0].pop("seen")),
        ("seen must be", lambda p: p["requirements"][0].update(seen="https://example.org/1")),
    )
    assert not list(numbered(good, catalogue)), list(numbered(good, catalogue))
    old = {"version": 1, "date": "2026-11-29", "requirements": [{"id": "r"}]}
    assert not list(numbered(old, catalogue))
    inferred = {"version": 2, "date": "2026-12-01",
                "requirements": [{"id": "r", "confidence": "inferred"}]}
    assert not list(numbered(inferred, catalogue))
    inferred["requirements"][0]["url"] = "https://example.org/a"
    assert not list(numbered(inferred, catalogue))
    inferred["requirements"][0]["url"] = "KB832017"
    assert len(list(numbered(inferred, catalogue))) == 1
    inferred["requirements"][0]["confidence"] = "reported"
    assert len(list(numbered(inferred, catalogue))) == 2
    for expected, change in changes:
        bad = copy.deepcopy(good)
        change(bad)
        problems = list(numbered(bad, catalogue))
        assert len(problems) == 1 and expected in problems[0], (expected, problems)


def read_catalogue(top):
    with open(os.path.join(top, "schema/catalogue/catalogue.json"), encoding="utf-8") as file:
        catalogue = json.load(file)
    assert catalogue["version"] >= 1 and is_date(catalogue["date"]), catalogue
    return catalogue


def main():
    top = sys.argv[1]
    self_test()
    catalogue = read_catalogue(top)
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
        if not problems:
            problems += rules(name, product)
            problems += numbered(product, catalogue)
        for problem in problems:
            print(f"{name}.json: {problem}")
            found += 1
        requirements += len(product.get("requirements", []))
    print(f"{len(paths)} products, {requirements} requirements, {found} problems")
    return 1 if found or len(paths) < 40 else 0


sys.exit(main())
