"""What the agent says of a host, and whether one judgement is worse than another.

SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import re
import subprocess
import tempfile

import catalogue
import folder
import ports

RANK = {"safe": 0, "unknown": 1, "exposed": 2, "blocked": 3}
SERIOUS = ("medium", "high")
SUBJECT = re.compile(r"\b(tcp|udp) ([0-9][0-9,-]*)")
TAIL = re.compile(r": ([0-9][0-9,-]*)$")


class Agent:
    """hm-agent check on folders; one scratch folder a process, below the caller's."""

    def __init__(self, program, products, root):
        self.program = program
        self.products = products
        self.optional = {(product["id"], row["id"])
                         for product in catalogue.Catalogue(products).products
                         for row in product["requirements"]
                         if row.get("optional") or product.get("in_every_windows")}
        self.scratch = tempfile.mkdtemp(dir=root)
        self.none = tempfile.mkdtemp(dir=root)

    def judge_folder(self, path):
        done = subprocess.run([self.program, "check", "--json", "--product-dir", self.products,
                               "--catalogue", self.none, "--from", path],
                              capture_output=True, text=True)
        if done.returncode not in (0, 1):
            raise RuntimeError(f"{path}: exit {done.returncode}: {done.stderr}")
        return Judgement(json.loads(done.stdout), self.optional)

    def judge(self, host):
        folder.write(host, self.scratch)
        return self.judge_folder(self.scratch)


class Judgement:
    def __init__(self, document, optional):
        self.document = document
        self.optional = optional  # (product, requirement): judged only while something shows them
        self.findings = document["findings"]
        self.verdicts = {verdict_key(v): v for v in document["verdicts"]}
        self.fingerprints = {f["fingerprint"] for f in self.findings}

    def state(self, key):
        return self.verdicts[key]["state"] if key in self.verdicts else None


def verdict_key(verdict):
    if verdict.get("origin") == "observed":
        return "observed", verdict["title"], verdict["protocol"], verdict["ports"]
    return verdict.get("product", ""), verdict.get("requirement", ""), verdict["protocol"], ""


def describe(key):
    return " ".join(part for part in key if part)


def named(finding, judgement):
    """Keys of the verdicts that a finding is about."""
    titles = [row["value"] for row in finding.get("evidence", []) if row["name"] == "requirement"]
    titles = [TAIL.sub("", title) for title in titles] + titles
    found = {key for key, verdict in judgement.verdicts.items() if verdict["title"] in titles}
    if not found and finding["kind"] not in ("dynamic_range_moved",):
        match = SUBJECT.match(finding["subject"])
        if match:
            wanted = ports.numbers(match.group(2))
            found = {key for key, verdict in judgement.verdicts.items()
                     if verdict["protocol"] == match.group(1) and
                     wanted & ports.numbers(verdict["ports"])}
    return found


def of_products(judgement, keys):
    """Every requirement that is not safe, of the same products."""
    products = {key[0] for key in keys if key[0] not in ("", "observed")}
    return {key for key in judgement.verdicts if key[0] in products and
            judgement.state(key) in ("exposed", "blocked")}


def protected(judgement):
    """Verdicts that are safe whatever takes ports, and stay so when a component has not yet
    reserved its own port."""
    return {key for key, verdict in judgement.verdicts.items()
            if verdict["state"] == "safe" and verdict["reason"] != "own_reservation"}


def pairs(judgement, keys):
    return {(judgement.verdicts[key]["protocol"], port) for key in keys
            for port in ports.numbers(judgement.verdicts[key]["ports"])}


def worse(before, after, spared=()):
    """What is worse in the later judgement, as sentences; of verdicts that are spared, nothing."""
    found = []
    for key, verdict in after.verdicts.items():
        was = before.state(key)
        if was is None and verdict["state"] != "safe" and key[0] != "observed":
            found.append(f"new verdict {verdict['state']}: {describe(key)}: {verdict['text']}")
        elif was is not None and key not in spared and RANK[verdict["state"]] > RANK[was]:
            found.append(f"{describe(key)} was {was}, is {verdict['state']}: {verdict['text']}")
    for key, verdict in before.verdicts.items():
        if key not in after.verdicts and key[0] != "observed" and \
                key[:2] not in before.optional:
            found.append(f"{describe(key)} was {verdict['state']} and is not judged any more")
    for finding in after.findings:
        about = named(finding, after)
        if finding["fingerprint"] not in before.fingerprints and \
                finding["severity"] in SERIOUS and not was_at_risk(before, after, finding) and \
                not (about and about <= set(spared)):
            found.append(f"new finding {finding['severity']} {finding['kind']} "
                         f"({finding['subject']}): {finding['text']}")
    return found


def was_at_risk(before, after, finding):
    """Its verdicts were no better: what is new is how the same risk shows."""
    keys = named(finding, after)
    return bool(keys) and all(before.state(key) not in (None, "safe") and
                              RANK[after.state(key)] <= RANK[before.state(key)] for key in keys)


def unsafe(after, keys):
    """Requirements that a remedy was for and that are not safe."""
    return [f"{describe(key)} is still {after.state(key)}: {after.verdicts[key]['text']}"
            for key in sorted(keys) if after.state(key) in ("exposed", "blocked")]


def kinds_of(source):
    """Every kind of finding that the program knows."""
    with open(source + "/common/judge/finding_kinds.h", encoding="utf-8") as file:
        return sorted(re.findall(r"hm_finding_kind hm_finding_(\w+);", file.read()))
