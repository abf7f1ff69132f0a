#!/usr/bin/python3
"""Boots under Wine, with a clock of their own and a netsh for which HTTP.sys, WinNAT, HNS and rights
appear over time, in an order and with delays that a seed decides (HM_SEED runs it again).

An approved policy for each kind: a port of HTTP.sys that nothing tells of before it is served; one
that is only set up, where the settings cannot be read at first; a port that a moving block of WinNAT
or HNS takes; one that a client holds at boot; one whose row was made with store=active; a new one.
Nothing that HTTP.sys, WinNAT or HNS needs is ever excluded, what had been verified or waited for a
client is there within the first minute, and the lists are read when the boot asks for it.

SPDX-License-Identifier: Apache-2.0
"""
import os
import random
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import wine as w  # noqa: E402
from policy_world import TOOLS, Holder, World  # noqa: E402
from timelines import Log, Timeline  # noqa: E402
from wine import h  # noqa: E402

NAME = "boot-host"
HOST = {"hosts": [NAME]}
DRIVE = os.path.join(w.PREFIX, "drive_c")
LOG = Log(os.path.join(DRIVE, "netsh-log.txt"))
TIMELINE = os.path.join(DRIVE, "timeline.txt")
EXCLUDED = [f"excluded {protocol} {family}" for family, protocol in w.STACKS]
HTTP = ["http servicestate", "http urlacl", "http sslcert"]
BLOCKS = set(EXCLUDED + HTTP)
# Policies that come to the host with the boot: what they want must never be excluded in it.
NEW = {"web": ("tcp", "50443"), "set-up": ("tcp", "50444"), "nat": ("tcp", "50906"),
       "hns": ("udp", "51820")}
NEVER = [ports for _, ports in NEW.values()]
CLIENTS = [61955, 61957]  # the second one is there in the next boot, too, for a while
told = []  # of each boot: what it was made of, for whoever has to understand a failure


class Wmi:
    """Sees each child of the agent that asks WMI, and lets it hang for a while."""

    def __init__(self, seconds):
        self.seconds = seconds
        self.seen = []  # (process id, wall clock)
        self.ends = threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ends.set()
        self.thread.join()

    @staticmethod
    def find():
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    words = file.read().rstrip(b"\0").split(b"\0")
                if words[-1] != b"ranges" or not words[0].endswith(b"hm-agent.exe"):
                    continue
                with open(f"/proc/{pid}/environ", "rb") as file:
                    if f"WINEPREFIX={w.PREFIX}".encode() in file.read().split(b"\0"):
                        yield int(pid)
            except OSError:
                continue  # it ended meanwhile

    def watch(self):
        while not self.ends.wait(0.02):
            for pid in self.find():
                if pid in [known for known, _ in self.seen]:
                    continue
                self.seen.append((pid, time.time()))
                try:
                    os.kill(pid, signal.SIGSTOP)
                    self.ends.wait(self.seconds)
                    os.kill(pid, signal.SIGCONT)
                except OSError:
                    pass


def begin(world, boot, line):
    """The store of netsh as the boot left it; from now on it follows the time line."""
    if os.path.exists(LOG.path):
        os.remove(LOG.path)
    with open(TIMELINE, "w", encoding="ascii") as file:
        file.write(line.text())
    told.append(f"-- booted {boot.seconds} s ago --\n{line.text()}")
    world.prefix.double(booted=str(boot.started_ms), timeline=r"C:\timeline.txt",
                        log=r"C:\netsh-log.txt", delay="0", http_fails="0")


def start(world):
    return w.Agent(world.collector, world.folder, NAME, token=world.token, interval="1")


def tell_log():
    told.append("".join(f"{ms} {words}\n" for ms, words in LOG.lines()))


def stop(agent):
    h.check("stops when asked", agent.stop() == 0, agent.output())
    tell_log()
    h.check("HTTP.sys got each port that it asked for",
            not any("failed" in words for _, words in LOG.events()), LOG.events())
    changes = [run for _, run in LOG.runs() if run.split()[0] in ("add", "delete", "set")]
    h.check("what components need was never tried",
            not any(run.endswith(" " + port) for run in changes for port in NEVER), changes)


def services(world, verb, *names):
    code, out, err = world.prefix.run(os.path.join(TOOLS, "make_services.exe"), verb, *names)
    h.check(f"services: {verb} {names}", code == 0, f"{out}{err}")


def service(world, verb, *more):
    """W3SVC: blocks and URLs may come with it."""
    code, out, err = world.prefix.run(os.path.join(TOOLS, "service_tool.exe"), verb, "W3SVC", *more)
    h.check(f"W3SVC: {verb}", code == 0, f"{out}{err}")


def by_hand(world, *words):
    code, out, err = world.prefix.run("netsh", "interface", *words)
    h.check(f"netsh {' '.join(words)}", code == 0, f"{out}{err}")


def have(world, port, protocol="tcp"):
    """By family: is the port excluded?"""
    return [f"{port}-{port}*" in rows for rows in world.rows(protocol)]


# ---- the boots -----------------------------------------------------------------------------------


def an_hour_after(world):
    """The host has settled: what is refused, what is verified, and what waits for a client only."""
    prefix = world.prefix
    prefix.version("2019")
    prefix.reset_double(dynamic_tcp_ipv4="6005 59530", dynamic_tcp_ipv6="6005 59530")
    services(world, "delete", "HoldsBoot", "W3SVC")  # of a run that was cut off
    with w.Boot(prefix, 3600) as boot:
        line = Timeline(0)
        later(line, 0, 3600)
        begin(world, boot, line)
        agent = start(world)
        holders = [Holder(world.folder, f"client{port}.exe", port) for port in CLIENTS]
        world.activate(world.document("kept", HOST, [{"protocol": "tcp", "ports": "61933"}]))
        world.activate(world.document("waits", HOST, [
            {"protocol": "tcp", "ports": ",".join(map(str, CLIENTS))}]))
        for name, (protocol, ports) in NEW.items():
            world.activate(world.document(name, HOST, [{"protocol": protocol, "ports": ports}]))
        world.wait(NAME, "kept", "verified")
        world.wait(NAME, "waits", "waiting", "busy")
        for name in NEW:
            reason(h.wait_until(f"{name} is judged", 60, lambda: (
                lambda row: row if row and row.get("text") else None)(world.row(NAME, name))))
        stop(agent)
        not_elevated(world)
        for holder in holders:
            holder.stop()
        for family in ("ipv4", "ipv6"):  # somebody makes the same row again, for this boot only
            row = ["excludedportrange", "tcp", "startport=61933", "numberofports=1"]
            by_hand(world, family, "delete", *row)
            by_hand(world, family, "add", *row, "store=active")
        world.activate(world.document("late", HOST, [{"protocol": "tcp", "ports": "50950"}]))


def reason(row):
    """Refused or waiting, for a reason that is true of this host."""
    told.append(f"{row['policy']}: {row}\n")
    h.check(f"{row['policy']} is not claimed", row["state"] in ("waiting", "refused"), row)


def not_elevated(world):
    """A clear reason, and nothing is claimed; once it may, it does."""
    world.activate(world.document("denied", HOST, [{"protocol": "tcp", "ports": "7072"}]))
    options = h.agent_options(world.collector, world.folder, NAME, token=world.token, interval="1")
    for _ in range(2):  # the first one gets the policy
        code, out, err = world.prefix.run(os.path.join(TOOLS, "not_elevated.exe"), w.AGENT, "once",
                                          *options)
        told.append(f"not elevated: {code} {out}{err}\n")
    row = world.row(NAME, "denied")
    told.append(f"not elevated: {row}\n")
    h.check("not elevated: it is no success", row["state"] in ("waiting", "failed"), row)
    h.check("not elevated: it is said", "only members of Administrators" in row["text"], row)
    h.check("not elevated: nothing is there", have(world, 7072) == [False, False], world.rows())


def first_minute(world, chance):
    line = Timeline(chance.randrange(1 << 30))
    line.at(0, "set urlacl http://+:5985/wsman/ https://+:50444/")
    line.boot(27, 40)
    line.between(31, 44, "http 50443")
    line.moving_block(29, 40, "tcp", "51000-51009", "50900-50909")
    line.between(27, 40, "block udp 51800-51899")
    with w.Boot(world.prefix, 25) as boot, Wmi(3) as wmi:
        begin(world, boot, line)
        services(world, "create", "HoldsBoot")
        world.prefix.run("sc", "start", "Winmgmt")
        holder = Holder(world.folder, "client61957.exe", 61957)
        agent = start(world)
        h.wait_until("61955 is excluded", 30, lambda: have(world, 61955) == [True, True])
        boot.wait(33 + chance.uniform(0, 4))
        h.check("61957 is held", have(world, 61957)[0] is False, world.rows())
        holder.stop()
        h.wait_until("61957 is excluded, too", 20, lambda: have(world, 61957) == [True, True])
        h.wait_until("61933 is there again", 20, lambda: have(world, 61933) == [True, True])
        world.wait(NAME, "late", "waiting", "settling")
        boot.wait(45)
        before = quiet()
        service(world, "create", "3")  # by hand
        service(world, "start")
        h.wait_until("a service that makes blocks started: they are read again", 10,
                     lambda: BLOCKS <= {run for _, run in LOG.runs()[before:]})
        h.check("and nothing else", {run for _, run in LOG.runs()[before:]} == BLOCKS,
                LOG.runs()[before:])
        mark(boot, 60)
        for name in (*NEW, "late", "denied"):
            reason(world.row(NAME, name))
        first_runs(LOG.runs(), wmi, boot)
        code, out, err = world.prefix.run(w.AGENT, "status", "--set", f"state_dir={agent.state}")
        told.append(f"status: {code} {out}{err}\n")
        h.check("status tells of the first change", "after the boot" in out, out)
        stop(agent)
        service(world, "stop")
        service(world, "delete")
        services(world, "delete", "HoldsBoot")


def quiet():
    """How many runs of netsh there are once the agent, which looks each second, has asked for
    nothing in 2.5 s: what the double notes of a change is then read. After 9 s in any case."""
    until = time.monotonic() + 9
    seen, since = -1, 0.0
    while time.monotonic() < until:
        count = len(LOG.runs())
        if count != seen:
            seen, since = count, time.monotonic()
        elif time.monotonic() - since > 2.5:
            break
        time.sleep(0.2)
    return len(LOG.runs())


def first_runs(runs, wmi, boot):
    """What had been verified and what waited for a client comes first, with the lists of its
    protocol and those of HTTP.sys, and no other."""
    last = max(i for i, (_, run) in enumerate(runs) if run == "add tcp ipv4 61955")
    adds = [run for _, run in runs[:last + 1] if run.startswith("add ")]
    h.check("the first changes are those that may be made early",
            set(adds) <= {"add tcp ipv4 61933", "add tcp ipv4 61955"}, adds)
    asked = {run for _, run in runs[:last]} - set(adds)
    h.check("they asked for the lists that they need",
            asked == {"excluded tcp ipv4", "excluded tcp ipv6", *HTTP}, runs[:last + 1])
    for i, (_, run) in enumerate(runs):
        if run.startswith("add "):
            h.check("afterwards the lists concerned are read", {run for _, run in runs[i + 1:i + 3]}
                    == {"excluded tcp ipv4", "excluded tcp ipv6"}, runs[i:i + 3])
    first = next(ms for ms, run in runs if run.startswith("add "))
    h.check("WMI was asked", wmi.seen)
    h.check("the first change did not wait for WMI", all(
        1000 * seen - boot.started_ms > first for _, seen in wmi.seen), wmi.seen)


def mark(boot, seconds):
    """The lists of blocks are read again when the boot is so old."""
    def since():
        return {run for ms, run in LOG.runs() if ms >= 1000 * seconds}
    boot.wait(seconds)
    h.wait_until(f"lists are read at {seconds} s", 20, lambda: BLOCKS <= since())


def third_minute(world, chance):
    line = Timeline(chance.randrange(1 << 30))
    later(line, 174, 178)
    with w.Boot(world.prefix, 173) as boot:
        begin(world, boot, line)
        services(world, "create", "HoldsBoot")
        agent = start(world)
        h.wait_until("everything was read", 20, lambda: len(LOG.runs()) >= w.LISTINGS)
        mark(boot, 180)
        stop(agent)
        services(world, "delete", "HoldsBoot")


def later(line, first, last):
    """The components of this host, which appear some time between the two."""
    line.at(0, "set urlacl http://+:5985/wsman/ https://+:50444/")
    line.between(first, last, "http 50443")
    line.between(first, last, "block tcp 50900-50909")
    line.between(first, last, "block udp 51800-51899")


def tenth_minute(world, chance):
    """The host has settled: a new kind of change is made, after the lists were read."""
    line = Timeline(chance.randrange(1 << 30))
    later(line, 590, 599)
    with w.Boot(world.prefix, 588) as boot:
        begin(world, boot, line)
        services(world, "create", "HoldsBoot")
        agent = start(world)
        lines = len(agent.output())  # of the boots before
        h.wait_until("everything was read", 20, lambda: len(LOG.runs()) >= w.LISTINGS)
        boot.wait(598.5)
        early = have(world, 50950)
        h.check("nothing new yet", early == [False, False] or boot.uptime_s() >= 600, early)
        mark(boot, 600)
        world.wait(NAME, "late", "verified")
        world.wait(NAME, "denied", "verified")  # by an agent that may
        runs = [run for ms, run in LOG.runs() if ms >= 600000]
        add = runs.index("add tcp ipv4 50950")
        h.check("the lists were read before", BLOCKS <= set(runs[:add]), runs[:add + 1])
        said = h.wait_until("enforcement is complete", 30, lambda: complete(agent, lines))
        told.append(f"enforcement_complete {said}\n")
        numbers = dict(word.split("=") for word in said.split())
        times = [int(numbers[name]) for name in ("first_change_s_after_boot",
                                                 "complete_s_after_boot")]
        h.check("how long after the boot", 600 <= times[0] <= times[1] < 660, said)
        for name in NEW:
            row = world.row(NAME, name)
            reason(row)
            h.check(f"{name} waits for nothing that is over", row.get("why") != "settling", row)
        stop(agent)
        would_be_seen(world)
        services(world, "delete", "HoldsBoot")


def would_be_seen(world):
    """HTTP.sys on a port that is excluded: had the agent done that above, it would have failed."""
    with open(TIMELINE, "a", encoding="ascii") as file:
        file.write("600000 http 50950\n")
    world.prefix.run("netsh", "http", "show", "servicestate")
    h.check("HTTP.sys does not get a port that is excluded",
            LOG.events()[-1] == (600000, "http 50950 failed: excluded"), LOG.events()[-3:])


def complete(agent, after):
    """What event 500 tells; "" before it."""
    _, _, behind = agent.output()[after:].partition(" enforcement_complete ")
    return behind.partition("\n")[0]


def suite(prefix, folder):
    seed = int(os.environ.get("HM_SEED", "0")) or random.randrange(1, 1 << 30)
    print(f"HM_SEED={seed}")
    chance = random.Random(seed)
    try:
        world = World(prefix, folder)
        world.token = world.collector.join_token()
        an_hour_after(world)
        first_minute(world, chance)
        third_minute(world, chance)
        tenth_minute(world, chance)
        world.collector.program.stop()
    finally:
        if h.failed or sys.exc_info()[0]:
            tell_log()
            print("".join(told))


w.main(suite)
