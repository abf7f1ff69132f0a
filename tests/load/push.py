#!/usr/bin/python3
"""How long an activated policy takes to reach agents that hold their requests.

A collector with SQLite and TLS on loopback, N hosts in its store, N kept TLS connections that hold
GET /v1/desired. Then a policy, signed by an approver's key, is activated. Time runs from just
before "hmctl policy activate" is started until an agent has the whole new desired state.
    tests/load/push.py [--bin build/release/bin] [--agents 2000] [--processes 4]
A process may need more descriptors than it gets by default: the limit is raised as far as allowed.
SPDX-License-Identifier: Apache-2.0
"""
import argparse
import json
import os
import resource
import select
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests/e2e"))

POLICY = """{"name": "exchange-back-end", "owner": "anna", "reason": "POP3 back end lost its port",
 "review": "2030-01-01T00:00:00Z", "mode": "enforce",
 "match": {"all": [{"os_family": "windows"}, {"services": ["MSExchangePOP3BE"]}]},
 "reservations": [{"protocol": "tcp", "families": "both", "ports": "9933,9955"}]}
"""
PASSPHRASE = "push-benchmark"


def raise_limit():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def cpu_seconds(pid):
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total / 1e9


def resident_kb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))


def metric(collector, name):
    text = collector.call("GET", "/metrics", token=collector.admin)[2].decode()
    return next(float(line.split()[1]) for line in text.splitlines()
                if line.startswith(f"havenmaster_{name} "))


class Operator:
    """hmctl of an admin, with a key of its own and a fleet of one approver."""

    def __init__(self, harness, collector, folder):
        self.harness = harness
        self.folder = folder
        self.env = {"HMCTL_COLLECTOR": collector.url, "HMCTL_TOKEN": collector.admin,
                    "HMCTL_CA": collector.ca, "HM_PASSPHRASE": PASSPHRASE}
        self.key = os.path.join(folder, "anna.key")

    def do(self, *words):
        code, out, err = self.harness.run("hmctl", *words, env=self.env)
        if code != 0:
            raise SystemExit(f"hmctl {' '.join(words)}: {out}{err}")
        return out

    def prepare(self):
        root = os.path.join(self.folder, "root.json")
        document = os.path.join(self.folder, "policy.json")
        made = json.loads(self.do("key", "new", "anna", "--out", self.key, "--json"))
        self.do("trust", "new", "--add", f"anna={made['public_key']}", "--threshold", "1",
                "--single-operator", "--out", root)
        self.do("trust", "sign", root, "--key", self.key, "--yes")
        self.do("trust", "publish", root)
        with open(document, "w", encoding="ascii") as file:
            file.write(POLICY)
        self.do("policy", "submit", document)
        self.do("policy", "approve", "exchange-back-end", "--key", self.key, "--yes")


def desired(collector, token):
    """ETag and catalogue_tag that an agent has before the activation."""
    status, headers, body = collector.call("GET", "/v1/desired", token=token)
    if status != 200:
        raise SystemExit(f"GET /v1/desired: {status} {body[:200]}")
    return headers["ETag"], json.loads(body)["catalogue_tag"]


def start_clients(args, collector, tokens, etag, tag):
    clients = []
    share = -(-args.agents // args.processes)
    for number, first in enumerate(range(0, args.agents, share)):
        count = min(share, args.agents - first)
        clients.append(subprocess.Popen(
            [os.path.join(args.bin, "push_client"), str(collector.port), tokens, str(first),
             str(count), etag, tag, f"127.0.0.{number + 2}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
    for client in clients:
        line = client.stdout.readline()
        if not line.startswith("held "):
            raise SystemExit(f"push_client: {line!r}")
    return clients


def collect(clients, seconds):
    """Times of arrival, sorted, and the size of an answer."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not all(
            select.select([client.stdout], [], [], 0)[0] for client in clients):
        time.sleep(0.1)
    times, size = [], 0
    for client in clients:
        client.stdin.close()  # it tells what it has so far
        for line in client.stdout:
            words = line.split()
            if len(words) == 2:
                times.append(float(words[0]))
                size = max(size, int(words[1]))
        client.wait(10)
    return sorted(times), size


def measure(args, harness, folder):
    collector = harness.Collector(folder, [f"connections_max={args.agents + 500}"])
    tokens = os.path.join(folder, "tokens")
    with open(tokens, "wb") as file:
        subprocess.run([os.path.join(args.bin, "push_fill"),
                        "sqlite:" + os.path.join(collector.data, "collector.db"),
                        str(args.agents)], stdout=file, check=True)
    collector.start()
    pid = collector.program.child.pid
    operator = Operator(harness, collector, folder)
    operator.prepare()
    harness.wait_until("nothing to offer", 60,
                       lambda: metric(collector, "rollout_waiting_hosts") == 0)
    with open(tokens, encoding="ascii") as file:
        etag, tag = desired(collector, file.readline().split()[0])
    before_kb = resident_kb(pid)
    cpu = cpu_seconds(pid)
    began = time.monotonic()
    clients = start_clients(args, collector, tokens, etag, tag)
    harness.wait_until("all requests held", 120,
                       lambda: metric(collector, "held_requests") >= args.agents)
    print(f"{args.agents} held after {time.monotonic() - began:.1f} s, "
          f"{cpu_seconds(pid) - cpu:.1f} s of server CPU; "
          f"{(resident_kb(pid) - before_kb) / args.agents:.1f} KB resident a connection", flush=True)
    cpu = cpu_seconds(pid)
    began = time.monotonic()
    operator.do("policy", "activate", "exchange-back-end", "--yes")
    answered = time.monotonic() - began
    times, size = collect(clients, args.seconds)
    got = {share: times[max(0, int(args.agents * share / 100) - 1)] - began
           if len(times) >= int(args.agents * share / 100) else None
           for share in (50, 90, 99, 100)}
    print(f"activate answered after {answered:.2f} s; " + ", ".join(
        f"{share} % after {value:.2f} s" if value is not None else f"{share} % never"
        for share, value in got.items()) +
        f"; {cpu_seconds(pid) - cpu:.2f} s of server CPU; {size} bytes an answer; "
        f"{len(times)} of {args.agents} answered")
    collector.program.stop(60)
    return got[99] is not None and got[99] <= 10


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", default=os.path.join(TOP, "build/release/bin"))
    parser.add_argument("--agents", type=int, default=2000)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--seconds", type=int, default=60, help="wait for answers at most so long")
    args = parser.parse_args()
    os.environ["HM_BIN_DIR"] = args.bin
    if raise_limit() < args.agents + 500:
        raise SystemExit(f"{args.agents} connections need more descriptors than a process may have")
    import harness  # reads HM_BIN_DIR
    with harness.Folder() as folder:
        met = measure(args, harness, folder)
    sys.exit(0 if met else 1)


if __name__ == "__main__":
    main()
