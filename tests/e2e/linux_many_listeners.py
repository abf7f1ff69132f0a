#!/usr/bin/python3
"""A server with 10,000 and more listeners: check judges it, the agent reports it, the collector
takes it. In a network namespace of its own.

Measured with it on two shared cores: 10,000 listeners take check 0.3 s and 17 MB.
SPDX-License-Identifier: Apache-2.0
"""
import ctypes
import json
import os
import resource
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness as h  # noqa: E402

CLONE_NEWNET = 0x40000000
CHILD = """
import resource, socket, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (20000, 20000))
kept = []
for port in range(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])):
    one = socket.socket()
    try:
        one.bind(("0.0.0.0", port))
        one.listen(1)
        kept.append(one)
    except OSError:  # the collector's, or a closed connection to it
        one.close()
print(len(kept), flush=True)
sys.stdin.read()
"""


class Listeners:
    def __init__(self, *ranges):
        self.children = [subprocess.Popen([sys.executable, "-c", CHILD, *map(str, one)],
                                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
                         for one in ranges]
        self.count = sum(int(child.stdout.readline()) for child in self.children)

    def stop(self):
        for child in self.children:
            child.stdin.close()
            child.wait(60)


def measure(what, command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{what}: {after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime:.2f} s "
          f"of CPU, at most {after.ru_maxrss // 1024} MB in any program so far")
    return done


def check(name, listeners):
    """What hm-agent check says of the listeners: the ports that it lists."""
    done = measure(f"check with {name}", [os.path.join(h.BIN, "hm-agent"), "check", "--json",
                                          "--product-dir", h.PRODUCTS, "--catalogue", EMPTY])
    h.check(f"{name}: check judges", done.returncode in (0, 1), done.stderr[-500:])
    return json.loads(done.stdout)


def report(collector, folder, name):
    options = h.agent_options(collector, folder, name, token=collector.join_token())
    done = measure(f"report of {name}", [os.path.join(h.BIN, "hm-agent"), "once", *options])
    h.check(f"{name}: it reports", done.returncode == 0, done.stdout[-300:] + done.stderr[-500:])
    hosts = [row for row in collector.items("/v1/hosts") if row["name"] == name]
    if not h.check(f"{name}: the collector has it", len(hosts) == 1, hosts):
        return {}
    host = collector.api(f"/v1/hosts/{hosts[0]['id']}")
    return host


def ports_of(rows):
    return sum(max(row.get("last", 0), row["port"]) - row["port"] + 1 for row in rows)


def neighbours(collector, folder):
    """A published range: one row."""
    for count, ranges in ((10000, [(10000, 20000, 1)]),
                          (55000, [(5000, 20000, 1), (20000, 35000, 1), (35000, 50000, 1),
                                   (50000, 60000, 1)])):
        name = f"neighbours-{count}"
        held = Listeners(*ranges)
        h.check(f"{name}: the listeners are there", count - 50 <= held.count <= count, held.count)
        said = check(name, count)
        h.check(f"{name}: one row of a program", len(said.get("observed", [])) <= 2, said.get("observed", []))
        host = report(collector, folder, name)
        rows = host.get("inventory", {}).get("listeners", [])
        h.check(f"{name}: each port is in the report", ports_of(rows) >= held.count and len(rows) < 120,
                (ports_of(rows), len(rows)))
        held.stop()


def apart(collector, folder):
    """No neighbours, so no row fits two: the report says what it leaves out."""
    held = Listeners((10000, 40000, 3))
    said = check("apart", 10000)
    h.check("apart: check lists those in the range",
            sum(o["ports"].count(",") + 1 for o in said.get("observed", [])) >= 1024, said.get("observed", []))
    host = report(collector, folder, "apart")
    rows = host.get("inventory", {}).get("listeners", [])
    h.check("apart: part of the listeners is in the report", 1000 < len(rows) <= 8192, len(rows))
    with open(os.path.join(folder, "agent-apart", "findings.json"), encoding="utf-8") as file:
        findings = file.read()
    h.check("apart: and it says so", host["inventory"].get("listeners_partial") is True and
            "rows of listeners" in findings, findings[-500:])
    h.check("apart: so does the collector", any("rows of listeners" in text for text in
                                                host.get("not_known", [])),
            host.get("not_known"))
    out = h.Operator(collector.url, collector.ca, collector.admin).ok("host", "apart")
    h.check("apart: and hmctl", "Not known" in out and "rows of listeners" in " ".join(out.split()),
            out[-800:])
    held.stop()


EMPTY = ""


def main():
    global EMPTY
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with h.Folder() as folder:
        EMPTY = os.path.join(folder, "none")
        os.mkdir(EMPTY)
        collector = h.Collector(folder).start()
        neighbours(collector, folder)
        apart(collector, folder)
        h.check("collector stops cleanly", collector.program.stop() == 0)
    h.finish()


main()
