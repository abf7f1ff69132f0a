#!/usr/bin/python3
"""Measures the figures of deploy/docs/performance.md and writes it.

Every comparison is made side by side in one run: the yardstick and the collector take turns, the
figure is the median of the rounds and of the ratios pair by pair. CPU time is what the kernel
charged to the server's threads; wall time is not used.
    tests/load/bench.py [--bin build/release/bin] [--rounds 5] [--agent-minutes 10] [--write]
SPDX-License-Identifier: Apache-2.0
"""
import argparse
import datetime
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PAGE = os.path.join(TOP, "deploy/docs/performance.md")
sys.path.insert(0, os.path.join(TOP, "tests/e2e"))


def load(bin_dir, url, ca, pid, mode, connections, requests, token=None):
    command = [os.path.join(bin_dir, "load_client"), "--url", url, "--ca", ca, "--pid", str(pid),
               "--mode", mode, "--connections", str(connections), "--requests", str(requests)]
    if token:
        command += ["--token", token]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    if done.returncode != 0:
        raise SystemExit(f"load_client failed: {done.stdout}{done.stderr}")
    return json.loads(done.stdout)


class Bare:
    """bare_server with the collector's own certificate."""

    def __init__(self, harness, collector, folder, mode):
        self.port = harness.free_port()
        self.url = f"https://localhost:{self.port}"
        arguments = [mode, str(self.port), os.path.join(collector.data, "server.pem"),
                     os.path.join(collector.data, "server-key.pem")]
        if mode == "store":
            arguments.append(os.path.join(folder, "bare.db"))
        self.child = subprocess.Popen([os.path.join(harness.BIN, "bare_server"), *arguments],
                                      stdout=subprocess.PIPE, text=True)
        if self.child.stdout.readline() != "ready\n":
            raise SystemExit(f"bare_server {mode} did not start")

    def stop(self):
        self.child.terminate()
        self.child.wait(10)


def compare(args, collector, token, bare, mode, connections, requests):
    """Rounds of (bare, collector) in turn: medians of CPU µs a request, and of the ratio."""
    rows = []
    for turn in range(args.rounds):
        a = load(args.bin, bare.url, collector.ca, bare.child.pid, mode, connections, requests)
        b = load(args.bin, collector.url, collector.ca, collector.program.child.pid, mode,
                 connections, requests, token)
        rows.append((a["server_cpu_us"], b["server_cpu_us"]))
        print(f"  {mode} {turn + 1}/{args.rounds}: bare {rows[-1][0]:.1f} µs, collector "
              f"{rows[-1][1]:.1f} µs, ratio {rows[-1][1] / rows[-1][0]:.2f}", flush=True)
    return {"bare": statistics.median(r[0] for r in rows),
            "ours": statistics.median(r[1] for r in rows),
            "ratio": statistics.median(r[1] / r[0] for r in rows),
            "low": min(r[1] / r[0] for r in rows), "high": max(r[1] / r[0] for r in rows)}


def cpu_seconds(pid):
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total / 1e9


def private_kb(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return sum(int(line.split()[1]) for line in file
                   if line.startswith(("Private_Clean:", "Private_Dirty:")))


def wire_bytes(pid):
    """Bytes both ways on the agent's connection, as TCP counts them."""
    text = subprocess.run(["ss", "-tinpH"], capture_output=True, text=True, check=True).stdout
    for head, info in zip(*[iter(text.splitlines())] * 2):
        if f"pid={pid}," in head:
            return sum(int(n) for n in re.findall(r"bytes_(?:sent|received):(\d+)", info))
    return 0


def agent_figures(args, harness, collector, folder):
    """This machine's own agent at the normal interval of 300 s."""
    agent = harness.Program("hm-agent", ["run", *harness.agent_options(
        collector, folder, "bench", token=collector.join_token(), interval="300")],
        os.path.join(folder, "agent.log"))
    pid = agent.child.pid
    time.sleep(20)  # enrolled and reported once
    cpu, wire, began, most = cpu_seconds(pid), wire_bytes(pid), time.monotonic(), 0
    while time.monotonic() - began < args.agent_minutes * 60:
        time.sleep(5)
        most = max(most, private_kb(pid))
    hours = (time.monotonic() - began) / 3600
    figures = {"cpu_h": (cpu_seconds(pid) - cpu) / hours, "private_kb": most,
               "wire_day": (wire_bytes(pid) - wire) / hours * 24}
    agent.stop()
    return figures


def verdict(ok):
    return "yes" if ok else "**no**"


def others():
    """What push.py and plans.py measured, put there by hand: it stays."""
    with open(PAGE, encoding="utf-8") as file:
        parts = file.read().split("\n\n")
    return "".join(part + "\n\n" for part in parts if part.startswith(("Push, by", "Plans, by")))


def page(args, figures):
    version = subprocess.run([os.path.join(args.bin, "hm-collector"), "version"],
                             capture_output=True, text=True).stdout.strip()
    mem = re.search(r"MemTotal:\s+(\d+)", open("/proc/meminfo", encoding="ascii").read()).group(1)
    un, ch, ag = figures["unchanged"], figures["changed"], figures["agent"]
    return f"""# Performance

Made by `tests/load/bench.py --write` on {datetime.date.today()} (push and plans by scripts of their own): {version}, {os.cpu_count()} cores,
{int(mem) // 1048576} GiB, Linux {os.uname().release}, Debian's libmicrohttpd, GnuTLS, jansson and SQLite.

Yardstick and collector take turns in one run ({args.rounds} rounds) on the same machine, the same TLS and the same
certificate; a figure is the median. CPU is what the kernel charged to the server's threads. These machines are noisy:
the ratio says more than the microseconds.

| what | yardstick | collector | ratio (lowest to highest) | bar | met |
| --- | --- | --- | --- | --- | --- |
| unchanged check-in, kept TLS connections | {un['bare']:.1f} µs: libmicrohttpd answering 204 to the same request | {un['ours']:.1f} µs | {un['ratio']:.2f} ({un['low']:.2f} to {un['high']:.2f}) | 2 | {verdict(un['ratio'] <= 2)} |
| changed inventory of about 10 KB: judged, stored, durable | {ch['bare']:.0f} µs: receive, jansson, one SQLite row a transaction, synced | {ch['ours']:.0f} µs | {ch['ratio']:.2f} ({ch['low']:.2f} to {ch['high']:.2f}) | 1.5 and 500 µs | {verdict(ch['ratio'] <= 1.5 and ch['ours'] <= 500)} |

The yardstick of the second row commits each request by itself; the collector commits what has come in meanwhile together.

| the agent on this machine, {args.agent_minutes} minutes at an interval of 300 s | figure | bar | met |
| --- | --- | --- | --- |
| private memory, highest | {ag['private_kb'] / 1024:.1f} MB | 6 MB | {verdict(ag['private_kb'] < 6 * 1024)} |
| CPU seconds an hour | {ag['cpu_h']:.2f} | 0.3 | {verdict(ag['cpu_h'] < 0.3)} |
| bytes on the wire a day, nothing changing (TCP payload, both ways) | {ag['wire_day'] / 1024:.0f} KB | 20 KB | {verdict(ag['wire_day'] < 20 * 1024)} |

{others()}Not measured here: 100,000 agents, and the storm.
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", default=os.path.join(TOP, "build/release/bin"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--agent-minutes", type=float, default=10)
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    args.bin = os.path.abspath(args.bin)
    os.environ["HM_BIN_DIR"] = args.bin
    import harness
    figures = {}
    with tempfile.TemporaryDirectory(prefix="hm-bench-") as folder:
        collector = harness.Collector(folder, settings=["log_level=warning"]).start()
        token = collector.join_token(uses=100000)
        for name, mode, kind, connections, requests in (
                ("unchanged", "unchanged", "204", 8, 4000), ("changed", "changed", "store", 16, 250)):
            bare = Bare(harness, collector, folder, kind)
            figures[name] = compare(args, collector, token, bare, mode, connections, requests)
            bare.stop()
        print(f"  agent: {args.agent_minutes} minutes …", flush=True)
        figures["agent"] = agent_figures(args, harness, collector, folder)
        collector.program.stop()
    text = page(args, figures)
    print(text)
    if args.write:
        with open(PAGE, "w", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    main()
