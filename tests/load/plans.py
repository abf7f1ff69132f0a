#!/usr/bin/python3
"""How long a plan over the whole fleet takes: hosts stored, each with an inventory of its own.

The store is filled by hand, since enrolling a hundred thousand agents is another benchmark. What is
told: wall seconds until the counts are there, CPU seconds of the collector, microseconds a host.
    tests/load/plans.py [--bin build/release/bin] [--hosts 100000] [--rounds 3]
SPDX-License-Identifier: Apache-2.0
"""
import argparse
import hashlib
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests/e2e"))

SOURCES = ("i2-exchange-2013-exposed", "i1-payroll-2003", "linux-web", "i4-mail-2003")
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
DOCUMENT = {"name": "bench", "owner": "bench", "reason": "bench", "review": "2036-01-31T00:00:00Z",
            "mode": "enforce"}
ALL = {"hosts": ["*"]}
ONE_PERCENT = {"labels": ["ring=7"]}


def identifier(number):
    text = ""
    for _ in range(26):
        text = ALPHABET[number % 32] + text
        number //= 32
    return text


def inventories(check):
    """Inventory texts, one a host, none like another; about as long as real ones."""
    bases = []
    for name in SOURCES:
        done = subprocess.run([check, "check", "--json", "--from",
                               os.path.join(TOP, "tests/fixtures/hosts", name), "--product-dir",
                               os.path.join(TOP, "schema/catalogue/products")],
                              capture_output=True, text=True, check=False)
        bases.append(json.loads(done.stdout)["inventory"])
    number = 0
    while True:
        base = bases[number % len(bases)]
        base["services"] = sorted(set(base.get("services", [])) | {f"Svc{i:03}" for i in range(80)})
        base["services"][-1] = f"Unlike{number}"
        listeners = list(base.get("listeners", []))
        for port in range(60):
            listeners.append({"protocol": "tcp", "family": "ipv4", "address": "0.0.0.0",
                              "port": 20000 + port, "program": f"program{port}.exe",
                              "service": "", "kind": "socket"})
        yield json.dumps({**base, "listeners": listeners}, separators=(",", ":"))
        number += 1


def columns(db, table, **given):
    """A row with what is given, and nothing ("", 0) elsewhere."""
    row = {}
    for _, name, kind, not_null, default, _ in db.execute(f"PRAGMA table_info({table})"):
        if name in given:
            row[name] = given[name]
        elif not_null and default is None:
            row[name] = 0 if kind == "INTEGER" else b"" if kind == "BLOB" else ""
    return row


def insert(db, table, rows):
    names = list(rows[0])
    db.executemany(f"INSERT INTO {table} ({','.join(names)}) VALUES "
                   f"({','.join('?' * len(names))})", [tuple(r[n] for n in names) for r in rows])


def fill(path, hosts, check):
    db = sqlite3.connect(path)
    now = int(time.time() * 1000)
    made = inventories(check)
    size = 0
    db.execute("PRAGMA synchronous=OFF")
    for start in range(0, hosts, 1000):
        tables = {"agents": [], "documents": [], "host_documents": [], "hosts": []}
        for number in range(start, min(start + 1000, hosts)):
            body = next(made)
            size += len(body)
            name = identifier(number + 1)
            digest = "blake2b-256:" + hashlib.blake2b(body.encode(), digest_size=32).hexdigest()
            facts = json.loads(body)["os"]
            tables["agents"].append(columns(
                db, "agents", id=name, secret_hash=os.urandom(32), created_ms=now))
            tables["documents"].append(columns(db, "documents", digest=digest, kind="inventory",
                                               body=body, created_ms=now))
            tables["host_documents"].append(columns(
                db, "host_documents", host_id=name, kind="inventory", valid_from_ms=now,
                digest=digest))
            tables["hosts"].append(columns(
                db, "hosts", id=name, name=f"host{number:06}", labels=f'["ring={number % 100}"]',
                os_family=facts["family"], os_name=facts["name"], os_version=facts["version"],
                first_seen_ms=now, last_seen_ms=now, boot_id="boot", inventory_digest=digest,
                verdict="unknown"))
        for table, rows in tables.items():
            insert(db, table, rows)
        db.commit()
        print(f"\r{min(start + 1000, hosts)} hosts stored", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    db.close()
    return size / hosts


def cpu_seconds(pid):
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total / 1e9


def measure(collector, path, body):
    pid = collector.program.child.pid
    cpu = cpu_seconds(pid)
    began = time.monotonic()
    plan = collector.api(path, "POST", body)
    while plan["state"] == "running":
        time.sleep(0.05)
        plan = collector.api(f"/v1/plans/{plan['id']}")
    if plan["state"] != "done":
        raise SystemExit(f"plan failed: {plan}")
    return time.monotonic() - began, cpu_seconds(pid) - cpu, plan["counts"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--bin", default="build/release/bin")
    parser.add_argument("--hosts", type=int, default=100000)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    os.environ["HM_BIN_DIR"] = args.bin
    import harness as h  # pylint: disable=import-outside-toplevel

    reserve = [{"protocol": "tcp", "ports": "9933,9955,47001"}]
    questions = (
        ("plan, every host meant", "/v1/plans",
         {"document": {**DOCUMENT, "match": ALL, "reservations": reserve}}),
        ("plan, one in a hundred meant", "/v1/plans",
         {"document": {**DOCUMENT, "match": ONE_PERCENT, "reservations": reserve}}),
        ("what if", "/v1/whatif", {"reserve": reserve}),
    )
    with tempfile.TemporaryDirectory(prefix="hm-plans-") as folder:
        collector = h.Collector(folder)
        size = fill(os.path.join(collector.data, "collector.db"), args.hosts,
                    os.path.join(args.bin, "hm-agent"))
        collector.start()
        print(f"{args.hosts} hosts, {size / 1024:.1f} KB of inventory each, {os.cpu_count()} cores")
        for text, path, body in questions:
            rows = [measure(collector, path, body) for _ in range(args.rounds)]
            wall = statistics.median(r[0] for r in rows)
            cpu = statistics.median(r[1] for r in rows)
            print(f"{text}: {wall:.1f} s, {cpu:.1f} s of CPU, {cpu / args.hosts * 1e6:.0f} µs a "
                  f"host; {rows[0][2]['matched']} meant, {rows[0][2].get('changed', 0)} changed")
        collector.program.stop()


main()
