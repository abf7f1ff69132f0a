#!/usr/bin/python3
"""Are the odds true? Recorded hosts are started many times on a model that places every block, every
socket of the DNS Server's pool and every client one by one (boots.c). How often each requirement
lost a port is compared with the odds of its verdict: 10 % or three standard errors, whichever is
wider. A requirement that is safe counts as odds of 0, and nothing may ever take it.

The model knows only what is in the host's folder: its netstat and tasklist, and the ranges,
exclusions, services and registry values that "hm-agent check --json" lists as the inventory. It
shares no code with the odds. Odds that are a lower bound must only not be over what the boots show.

  odds.py AGENT BOOTS_PROGRAM SOURCE [--boots N] [--seed N] [--host NAME] [--verbose]
  odds.py ... --pool N      the model's DNS Server opens N sockets in each family: must not agree
  odds.py ... --blocks N    WinNAT and HNS take N blocks in the model: must not agree
  odds.py ... --prove       compares, and that both of these changes are found

Exit status: 0 all agree, 1 some do not, 2 an input that the model cannot read.
SPDX-License-Identifier: Apache-2.0
"""
import argparse
import csv
import json
import math
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile
import zlib

WITHIN = 0.10  # of the forecast
ERRORS = 3  # standard errors; of 100 true odds a few are further off in every other run ...
AGAIN = 10  # ... so what does not agree is tried once more, with so many times as many boots
NEEDS = 64  # that boots.c counts at once
FIRST = 1024  # no system gives a lower port
POOL = 2500  # KB956188
HNS = (50000, 50059)
ROW = re.compile(r"^\s*(TCP|UDP)\s+(\[[^\]]*\]|[\d.]+):(\d+)\s+(\S+)(.*)$")
NOBODY = ("0.0.0.0:0", "[::]:0", "*:*")


def text_of(path):
    with open(path, "rb") as file:
        data = file.read()
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16")
    return data.decode("latin-1")  # numbers and program names are the same in every code page


def ranges_of(text):
    """[(first, last)] of "1-2,5"."""
    pairs = [piece.split("-") for piece in (text or "").split(",") if piece]
    return [(int(pair[0]), int(pair[-1])) for pair in pairs]


def ports_of(text):
    return {port for first, last in ranges_of(text) for port in range(first, last + 1)}


def as_text(ports):
    """The shortest list of ranges of a set of ports."""
    out, first, last = [], None, None
    for port in sorted(ports):
        if last is not None and port == last + 1:
            last = port
            continue
        if first is not None:
            out.append(f"{first}-{last}")
        first = last = port
    if first is not None:
        out.append(f"{first}-{last}")
    return ",".join(out) or "-"


class Socket:
    def __init__(self, protocol, family, port, listens, pid):
        self.protocol, self.family, self.port = protocol, family, port
        self.listens, self.pid = listens, pid


def read_sockets(folder):
    """None: the folder has none."""
    names = [name for name in os.listdir(folder) if name.lower() == "netstat.txt"]
    if not names:
        return None
    sockets = []
    for line in text_of(os.path.join(folder, names[0])).splitlines():
        row = ROW.match(line)
        if row:
            protocol, address, port, remote, rest = row.groups()
            words = rest.split()
            pid = words[-1] if words and words[-1].isdigit() else ""
            bound = protocol == "TCP" and "BOUND" in words
            sockets.append(Socket(protocol.lower(), "6" if address[0] == "[" else "4", int(port),
                                  remote in NOBODY and not bound, pid))
    return sockets


def read_tasks(folder):
    """{pid: (program, services)}"""
    names = [name for name in os.listdir(folder) if name.lower() == "tasklist.csv"]
    if not names:
        return {}
    rows = csv.reader(text_of(os.path.join(folder, names[0])).splitlines())
    return {row[1]: (row[0].lower(), row[2].lower().split(",") if len(row) > 2 else [])
            for row in rows if len(row) > 1 and row[1].isdigit()}


class Host:
    def __init__(self, folder, report):
        self.name = os.path.basename(folder)
        self.inventory = report["inventory"]
        self.verdicts = report["verdicts"]
        self.windows = self.inventory["os"]["family"] == "windows"
        self.sockets = read_sockets(folder)
        self.tasks = read_tasks(folder)
        self.registry = self.inventory.get("registry", {})

    def stack(self, protocol, family):
        for stack in self.inventory.get("stacks", []):
            if stack["protocol"] == protocol and stack["family"] == "ipv" + family:
                return stack
        return {}

    def reserved(self):
        """ReservedPorts in force: of neighbours on two lines only the first is (KB812873)."""
        values = self.registry
        if values.get("in_force") == "unknown":
            return set()
        if values.get("in_force") == "earlier":
            values = values.get("earlier", {})
        ports, last = set(), None
        for first, end in sorted(ranges_of(",".join(values.get("reserved_ports", [])))):
            if last is None or first != last + 1:
                ports |= set(range(first, end + 1))
            last = end
        return ports

    def moves(self, protocol, row):
        """Does this row without "*" come down elsewhere at each boot?"""
        hns = self.registry.get("hns", {})
        first = hns.get("start") or HNS[0]
        kept = (first, first + (hns.get("count") or HNS[1] - HNS[0] + 1) - 1)
        served = {listener["port"] for listener in self.inventory.get("listeners", [])
                  if listener["protocol"] == protocol}
        return row[1] > row[0] >= FIRST and row != kept and not set(
            range(row[0], row[1] + 1)) <= served

    def space(self, protocol, family):
        """Ports that the stack may hand out after a boot; None: not known, or no such stack. A row
        of HTTP.sys itself, whose port is at risk, ends with the boot."""
        stack = self.stack(protocol, family)
        if "dynamic" not in stack:
            return None
        kept = ports_of(stack.get("administered")) | self.reserved()
        for row in ranges_of(stack.get("runtime")):
            if not self.moves(protocol, row):
                kept |= set(range(row[0], row[1] + 1)) - self.at_risk(protocol, family)
        return ports_of(stack["dynamic"]) - kept

    def at_risk(self, protocol, family):
        ports = set()
        for verdict in self.verdicts:
            if (verdict["protocol"] == protocol and verdict["state"] == "exposed"
                    and "ipv" + family in verdict["families"]):
                ports |= ports_of(verdict["at_risk"])
        return ports

    def blocks(self, protocol):
        """{row: families}"""
        rows = {}
        for family in "46":
            for row in ranges_of(self.stack(protocol, family).get("runtime")):
                if self.moves(protocol, row):
                    rows[row] = rows.get(row, "") + family
        return rows

    def has_dns(self):
        names = {name.lower() for name in self.inventory.get("services", [])}
        for service in self.inventory.get("service_details", []):
            if service.get("runs") or service.get("start", "manual") not in ("manual", "disabled"):
                names.add(service["name"].lower())
        return self.windows and "dns" in names

    def is_pool(self, socket):
        if socket.protocol != "udp" or socket.port < FIRST or not self.has_dns():
            return False
        if socket.pid not in self.tasks:  # of Windows 2000, where nobody can tell
            return True
        program, services = self.tasks[socket.pid]
        return program == "dns.exe" or "dns" in services

    def pools(self, spaces, size):
        """{family: sockets}"""
        if not self.has_dns():
            return {}
        configured = self.registry.get("dns_socket_pool", {}).get("size", POOL)
        seen = {family: len({s.port for s in self.sockets or [] if s.family == family
                             and self.is_pool(s) and s.port in spaces[family]})
                for family in spaces}
        pools = {family: max(configured, 1, seen[family]) for family in spaces}
        if "6" in pools and not seen["6"] and 2 * seen.get("4", 0) > max(configured, 1):
            del pools["6"]  # it is open, and has IPv4 alone
        return {family: size if size is not None else pools[family] for family in pools}

    def clients(self, protocol, spaces):
        """How many ports programs were given; None: not known."""
        if self.sockets is None:
            return None
        required = set()
        for verdict in self.verdicts:
            if verdict["protocol"] == protocol:
                required |= ports_of(verdict["ports"])
        sockets = [s for s in self.sockets if s.protocol == protocol]
        servers = {s.port for s in sockets if s.listens} & required
        given = {s.port for s in sockets if not self.is_pool(s)} - servers
        return len(given & set().union(*spaces.values()))


class Need:
    """One verdict that forecasts something."""

    def __init__(self, verdict, spaces):
        self.name = f"{verdict['product']} {verdict['requirement']}" if "product" in verdict \
            else verdict["requirement"]
        self.state = verdict["state"]
        self.odds = verdict.get("odds", 0.0)
        self.at_least = verdict.get("odds_at_least", False)  # a lower bound
        self.ports = ports_of(verdict.get("at_risk") if self.state == "exposed"
                              else verdict["ports"])
        self.watch = {family: self.ports & spaces.get(family, set())
                      for family in "46" if "ipv" + family in verdict["families"]}
        self.lost = 0

    def tolerance(self, options):
        return max(WITHIN * self.odds,
                   ERRORS * math.sqrt(self.odds * (1 - self.odds) / options.boots))

    def deviation(self, options):
        more = self.lost / options.boots - self.odds
        return max(0.0, -more) if self.at_least else abs(more)

    def line(self, host, options):
        return (f"{host}: {self.name}: forecast {self.odds:.6g}, "
                f"simulated {self.lost / options.boots:.6g}, "
                f"tolerance {self.tolerance(options):.2g}")


def is_forecast(verdict):
    if verdict["state"] == "exposed":
        return "odds" in verdict
    return verdict["state"] == "safe" and "after_boot" not in verdict


def run_boots(program, lines):
    run = subprocess.run([program], input="\n".join(lines) + "\ngo\n", text=True,
                         capture_output=True, check=False)
    if run.returncode != 0:
        raise ValueError(run.stderr.strip())
    return [int(line) for line in run.stdout.split()]


def model_of(host, protocol, spaces, options):
    """What boots.c is told of the takers. Clients that are not known are half of the range."""
    lines = [f"space {family} {as_text(ports)}" for family, ports in sorted(spaces.items())]
    rows = sorted(host.blocks(protocol).items())
    if options.blocks is not None and rows:
        rows = [rows[i % len(rows)] for i in range(options.blocks)]
    lines += [f"blocks {families} {last - first + 1} 1" for (first, last), families in rows]
    if protocol == "udp":
        excluded = ports_of(host.registry.get("dns_socket_pool", {}).get("excluded"))
        lines += [f"pool {family} {count} {as_text(spaces[family] - excluded)}"
                  for family, count in sorted(host.pools(spaces, options.pool).items())]
    clients = host.clients(protocol, spaces)
    if clients is None:
        clients = len(set().union(*spaces.values())) // 2
    return lines + [f"clients {clients}"]


def is_changed(host, protocol, options):
    """With --pool and --blocks: is the model of this host another one then?"""
    return ((options.pool is None or (protocol == "udp" and host.has_dns()))
            and (options.blocks is None or len(host.blocks(protocol)) > 0))


def simulate(host, options):
    """The host's needs, with how often each was lost."""
    needs = []
    for protocol in ("tcp", "udp"):
        spaces = {family: ports for family in "46"
                  for ports in [host.space(protocol, family)] if ports is not None}
        mine = [Need(verdict, spaces) for verdict in host.verdicts
                if verdict["protocol"] == protocol and is_forecast(verdict)]
        if not spaces or not mine or not is_changed(host, protocol, options):
            continue
        for at in range(0, len(mine), NEEDS):
            part = mine[at:at + NEEDS]
            seed = zlib.crc32(f"{options.seed} {host.name} {protocol} {at}".encode())
            lines = [f"boots {options.boots}", f"seed {seed}"]
            lines += model_of(host, protocol, spaces, options)
            lines += [f"watch {family} {i} {as_text(ports)}" for i, need in enumerate(part)
                      for family, ports in need.watch.items()]
            for need, lost in zip(part, run_boots(options.boots_program, lines)):
                need.lost = lost
        needs += mine
    return needs


def report_of(folder, options):
    with tempfile.TemporaryDirectory() as none:
        run = subprocess.run(
            [options.agent, "check", "--from", folder, "--json", "--catalogue", none,
             "--product-dir", os.path.join(options.source, "schema/catalogue/products")],
            capture_output=True, text=True, check=False)
    if run.returncode > 1:
        raise ValueError(f"{folder}: {run.stderr.strip()}")
    return json.loads(run.stdout)


def read_host(job):
    folder, options = job
    return Host(folder, report_of(folder, options))


def simulate_host(job):
    return simulate(*job)


def read_hosts(options, pool):
    root = os.path.join(options.source, "tests/fixtures")
    folders = [os.path.join(root, kind, name) for kind in ("hosts", "fleet", "cases")
               for name in sorted(os.listdir(os.path.join(root, kind)))
               if options.host in (None, name)]
    return pool.map(read_host, [(folder, options) for folder in folders], chunksize=1)


def simulate_all(hosts, options, pool):
    """[(name of the host, need)]"""
    results = pool.map(simulate_host, [(host, options) for host in hosts], chunksize=1)
    return [(host.name, need) for host, needs in zip(hosts, results) for need in needs]


class Comparison:
    def __init__(self, hosts, options, pool):
        self.options, self.hosts = options, len(hosts)
        self.needs = simulate_all(hosts, options, pool)

    @property
    def positive(self):
        return [(name, need) for name, need in self.needs if need.odds > 0]

    @property
    def wrong(self):
        return [(name, need) for name, need in self.needs
                if need.deviation(self.options) > need.tolerance(self.options)]

    def lines(self, rows):
        return [need.line(name, self.options) for name, need in rows]

    def summary(self):
        exposed = sum(need.state == "exposed" for _, need in self.needs)
        zero, safe = exposed - len(self.positive), len(self.needs) - exposed
        text = (f"{len(self.positive)} odds above 0, {zero} of 0 and {safe} safe "
                f"requirements of {self.hosts} hosts, {self.options.boots} boots each: "
                f"{len(self.needs) - len(self.wrong)} agree at once")
        if not self.positive:
            return text
        name, need = max(self.positive, key=lambda row: row[1].deviation(self.options)
                         / row[1].tolerance(self.options))
        share = need.deviation(self.options) / need.tolerance(self.options)
        return f"{text}; worst, {100 * share:.0f} % of its tolerance: {need.line(name, self.options)}"


def agree_again(found, hosts, pool):
    """Is it chance? A difference that is none gets smaller with more boots, a real one stays."""
    more = argparse.Namespace(**vars(found.options))
    more.boots, more.seed = AGAIN * more.boots, more.seed + 1
    suspects = {(name, need.name) for name, need in found.wrong}
    again = Comparison([host for host in hosts if host.name in {name for name, _ in suspects}],
                       more, pool)
    again.needs = [(name, need) for name, need in again.needs if (name, need.name) in suspects]
    for line in found.lines(found.wrong):
        print("not at first: " + line)
    for name, need in again.needs:
        agrees = need.deviation(more) <= need.tolerance(more)
        print(f"{'agrees' if agrees else 'WRONG'} with {more.boots} boots: "
              f"{need.line(name, more)}")
    return not again.wrong


def compare(options):
    """False: it does not hold, or --prove, and it holds with a changed input, too."""
    with multiprocessing.Pool(options.jobs) as pool:
        hosts = read_hosts(options, pool)
        found = Comparison(hosts, options, pool)
        if options.verbose:
            for line in found.lines((name, need) for name, need in found.needs
                                    if need.state == "exposed"):
                print(line)
        holds = not found.wrong
        if not holds and options.pool is None and options.blocks is None:
            holds = agree_again(found, hosts, pool)
        elif not holds:
            for line in found.lines(found.wrong):
                print("WRONG " + line)
        for name, count in (("pool", 1000), ("blocks", 6)) if options.prove else ():
            changed = argparse.Namespace(**vars(options))
            setattr(changed, name, count)
            wrong = Comparison(hosts, changed, pool).wrong
            print(f"--{name} {count}: {len(wrong)} do not agree"
                  + ("" if wrong else ", and this change must show"))
            holds = holds and len(wrong) > 0
        print(found.summary())
        if not found.positive:
            raise ValueError("no host has odds above 0")
    return holds


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("agent")
    parser.add_argument("boots_program")
    parser.add_argument("source")
    parser.add_argument("--boots", type=int, default=100000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--host")
    parser.add_argument("--pool", type=int)
    parser.add_argument("--blocks", type=int)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--prove", action="store_true")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    try:
        return 0 if compare(options) else 1
    except (ValueError, KeyError, OSError) as problem:
        print(f"odds.py: {problem!r}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
