#!/usr/bin/python3
"""netsh in seven languages and their code pages, and netsh that fails, prints garbage, prints
nothing or hangs: the right ranges, or a refusal that the collector gets with the raw bytes; never
a wrong range.

SPDX-License-Identifier: Apache-2.0
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import wine as w  # noqa: E402
from wine import h  # noqa: E402

LANGUAGES = ["en", "de", "fr", "ru", "zh", "ja", "ko"]

# What the double is told, and what the inventory must say. Neighbours are not merged.
STATE = {
    "dynamic_tcp_ipv4": "6005 59530", "dynamic_tcp_ipv6": "49152 16384",
    "dynamic_udp_ipv4": "1024 64511", "dynamic_udp_ipv6": "49152 255",
    "excluded_tcp_ipv4": "80-80,5357-5357,5985-5985,9933-9933*,9955-9955*,50000-50059*,"
                         "50060-50159,65535-65535*",
    "excluded_tcp_ipv6": "", "excluded_udp_ipv4": "1645-1646*,1647-1647*",
    "excluded_udp_ipv6": "50000-50059*",
}
STACKS = {
    ("ipv4", "tcp"): ("6005-65534", "9933,9955,50000-50059,65535", "80,5357,5985,50060-50159"),
    ("ipv6", "tcp"): ("49152-65535", "", ""),
    ("ipv4", "udp"): ("1024-65534", "1645-1646,1647", ""),
    ("ipv6", "udp"): ("49152-49406", "50000-50059", ""),
}
# mode of the double -> does netsh print anything?
TROUBLE = {"garbage": True, "empty": False, "fail:1": False, "hang": False}


def stacks_of(inventory):
    return {(s["family"], s["protocol"]): (s.get("dynamic"), s.get("administered"),
                                           s.get("runtime")) for s in inventory["stacks"]}


def refusals(findings):
    return [f for f in findings if f["kind"] == "listing_refused"]


def evidence(finding):
    facts = finding["evidence"]
    return facts if isinstance(facts, dict) else {e["name"]: e["value"] for e in facts}


def every_language(prefix):
    for language in LANGUAGES:
        prefix.reset_double(language=language, **STATE)
        seen = prefix.check()
        h.check(f"{language}: the ranges", stacks_of(seen["inventory"]) == STACKS,
                stacks_of(seen["inventory"]))
        h.check(f"{language}: nothing is refused", refusals(seen["findings"]) == [])
        h.check(f"{language}: netsh ran for eight listings and the three of HTTP.sys", prefix.calls() == 11,
                prefix.calls())


def unknown_to(seen, what):
    """No stack may carry a range that netsh did not give."""
    stacks = stacks_of(seen["inventory"])
    h.check(f"{what}: no range is made up", all(s == (None, None, None) for s in stacks.values()),
            stacks)


def trouble(prefix, collector, folder):
    name = "troubled"
    prefix.reset_double(**STATE)
    code, out, err = w.once(prefix, collector, folder, name, token=collector.join_token())
    h.check("well before", code == 0, f"{code} {out}{err}")
    for mode, prints in TROUBLE.items():
        prefix.reset_double(mode=mode, **STATE)
        if mode != "hang":  # it takes its whole time limit: once, below
            seen = prefix.check()
            unknown_to(seen, mode)
            h.check(f"{mode}: eight refusals", len(refusals(seen["findings"])) == 8,
                    seen["findings"])
        code, out, err = w.once(prefix, collector, folder, name)
        h.check(f"{mode}: the agent reports all the same", code == 0, f"{code} {out}{err}")
        told = [row["finding"] for row in collector.items(
            f"/v1/findings?filter=host%3D{name}")]
        told = refusals(told)
        h.check(f"{mode}: the collector has eight refusals", len(told) == 8, told)
        for finding in told:
            facts = evidence(finding)
            h.check(f"{mode}: a reason", facts.get("reason"), facts)
            raw = bytes.fromhex(facts.get("output_hex", ""))
            h.check(f"{mode}: the raw bytes", (b"49152 what\x80\xff 70000" in raw) == prints, raw)
        hosts = collector.items(f"/v1/hosts?filter=name%3D{name}")
        h.check(f"{mode}: the collector shows no verdict that rests on nothing",
                len(hosts) == 1 and hosts[0].get("safe", 0) == 0, hosts)


def one_bad_listing(prefix, folder):
    """A refused listing costs its own facts and no others; bytes that only look like a listing."""
    recorded = os.path.join(h.SOURCE, "tests/fixtures/fleet/wsus-riga-01")
    good = {name: open(os.path.join(recorded, name), "rb").read()
            for name in os.listdir(recorded) if name.endswith("range.txt") or "dynamic" in name}
    cases = {
        "end before start": b"\r\nx\r\n\r\n----------    --------\r\n      5985        5984\r\n",
        "past 65535": b"\r\nx\r\n\r\n----------    --------\r\n     65000       65536\r\n",
        "three numbers": b"\r\nx\r\n\r\n----------    --------\r\n  80   81   82\r\n",
        "cut in a row": b"\r\nx\r\n\r\n----------    --------\r\n      5985   ",
        "UTF-16 cut in half a character": "\r\nx\r\n\r\n---\r\n 80 80\r\n".encode("utf-16")[:-1],
        "NUL bytes": b"\r\nx\r\n\r\n----------    --------\r\n 80 \0 80\r\n",
    }
    replay = os.path.join(folder, "listings")
    os.makedirs(replay)
    for name, data in good.items():
        with open(os.path.join(replay, name), "wb") as file:
            file.write(data)
    prefix.reset_double(listings=replay)
    sound = stacks_of(prefix.check()["inventory"])
    for what, data in cases.items():
        with open(os.path.join(replay, "ipv4-udp-excludedportrange.txt"), "wb") as file:
            file.write(data)
        seen = prefix.check()
        stacks = stacks_of(seen["inventory"])
        bad = stacks.pop(("ipv4", "udp"))
        h.check(f"{what}: no exclusions", bad[1:] == (None, None), bad)
        h.check(f"{what}: the other listings stand", bad[0] == sound[("ipv4", "udp")][0] and
                all(sound[key] == value for key, value in stacks.items()), stacks)
        found = refusals(seen["findings"])
        h.check(f"{what}: is one refusal", len(found) == 1 and "protocol=udp" in
                evidence(found[0])["command"], found)
        if found:
            raw = bytes.fromhex(evidence(found[0])["output_hex"])
            h.check(f"{what}: with its bytes", raw == data[:len(raw)] and raw, raw)


def suite(prefix, folder):
    prefix.version("2019")
    every_language(prefix)
    one_bad_listing(prefix, folder)
    collector = h.Collector(folder).start()
    trouble(prefix, collector, folder)
    collector.program.stop()


w.main(suite)
