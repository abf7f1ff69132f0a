"""What goes wrong on such a server, and what the agent must say.

SPDX-License-Identifier: Apache-2.0
"""
from contextlib import contextmanager

from checks import Judgement, check
import healthy

RANGE = "net.ipv4.ip_local_port_range"
READY = "/run/squatter.ready"
RANGE_FILE = "/etc/sysctl.d/60-range.conf"


@contextmanager
def squatter(machine, *words):
    """squatter.py as a service of its own."""
    machine.run("systemd-run", "--quiet", "--unit=squatter", "-p", "LimitNOFILE=20000",
                "/usr/bin/python3", "-u", "/opt/squatter.py", *words)
    machine.wait("the squatter", 60, lambda: machine.ask("test", "-e", READY)[0] == 0)
    try:
        yield
    finally:
        machine.ask("systemctl", "stop", "squatter")
        machine.ask("rm", "-f", READY)


def starts(machine, unit):
    machine.ask("systemctl", "reset-failed", unit)
    return machine.ask("systemctl", "start", unit)[0] == 0


@contextmanager
def stopped(machine, unit):
    machine.run("systemctl", "stop", unit)
    try:
        yield
    finally:
        machine.wait(f"the start of {unit}", 90, lambda: starts(machine, unit), 2)


def one(judgement, product):
    rows = judgement.of(product)
    return rows[0] if rows else {"state": "none"}


def closed_connection(machine):
    """L5: a client's connection that was closed a moment ago."""
    machine.run("python3", "/opt/squatter.py", "closed", "6379", "80")
    row = one(Judgement(machine), "redis")
    check("a connection that was closed has the port: blocked (L5)", row["state"] == "blocked", row)
    check("and that is said (L5)", "closed" in row.get("text", ""), row)
    check("it is true: redis cannot start (L5)", not starts(machine, "redis-server"))


def without_rights(machine):
    """L10: who may not see the owners says so, and of no port in the range that it is safe."""
    for options in ("hidepid=0", "hidepid=2"):
        machine.run("mount", "-o", f"remount,{options}", "/proc")
        found = Judgement(machine, user="nobody")
        safe = [v for v in found.verdicts if v["state"] == "safe" and int(v["ports"]) >= 1024]
        check(f"nobody, {options}: no port of the range is safe (L10)",
              found.verdicts and not safe, (len(found.verdicts), safe[:3]))
        told = machine.ask("hm-agent", "check", user="nobody")[1]
        check(f"nobody, {options}: the reason is there (L10)", "Run it as root" in told, told[:800])
        check(f"nobody, {options}: not exit 0", found.code == 1, found.code)
    machine.run("mount", "-o", "remount,hidepid=0", "/proc")


def wide_range(machine):
    """Linux' common wide range: what is stopped is exposed, and what a stranger holds is blocked."""
    machine.put(RANGE_FILE, f"{RANGE} = 1024 65535\n")
    machine.run("sysctl", "-q", "-p", RANGE_FILE)
    try:
        found = Judgement(machine)
        check("in a wide range nothing that runs is blocked",
              not [v for v in found.verdicts if v["state"] == "blocked"], found.at_risk())
        check("redis is exposed in it", one(found, "redis")["state"] == "exposed",
              one(found, "redis"))
        check("it has odds", 0 < one(found, "redis").get("odds", 0) < 1, one(found, "redis"))
        told = machine.ask("hm-agent", "check")[1]
        check("the remedy's command is told once (L11)",
              told.count("> echo 'net.ipv4.ip_local_reserved_ports") == 1, told[:3000])
        without_rights(machine)
        with stopped(machine, "redis-server"):
            found = Judgement(machine)
            check("redis, stopped: exposed", one(found, "redis")["state"] == "exposed",
                  one(found, "redis"))
            with squatter(machine, "listen", "0.0.0.0", "6379"):
                row = one(Judgement(machine), "redis")
                check("a stranger has its port: blocked", row["state"] == "blocked", row)
                holder = row.get("holder", {})
                check("the holder is named: program, unit, process",
                      holder.get("program", "").startswith("python3") and
                      holder.get("service") == "squatter" and holder.get("pid", 0) > 0, holder)
            closed_connection(machine)
        with stopped(machine, "memcached"), squatter(machine, "listen", "::", "11211"):
            row = one(Judgement(machine), "memcached")
            check("an IPv6-only stranger leaves IPv4 alone (L6)",
                  "ipv4" not in str(row.get("holder", {}).get("families", "")) and
                  row.get("families") != "ipv4" and
                  (row["state"] != "blocked" or "ipv4" not in row.get("blocked", ["ipv6"])), row)
    finally:
        machine.run("rm", RANGE_FILE)
        machine.run("sysctl", "-q", "-w", f"{RANGE}=32768 60999")


def open_questions(machine):
    """L4: the sockets of a resolver's open questions are nobody's requirement."""
    with squatter(machine, "ask", "127.0.0.3", "12"):
        found = healthy.nothing_at_risk(machine, "with 12 open questions of dnsmasq (L4)")
        check("they are not listed as dnsmasq's requirement",
              not [v for v in found.verdicts if "dnsmasq" in v["product"] and
                   v["state"] == "exposed"], found.of("dnsmasq"))


def many_listeners(machine):
    """L8: 10,000 listeners of one program."""
    with squatter(machine, "listen", "127.0.0.1", "11300", "10000"):
        found = Judgement(machine)
        check("10,000 more listeners: judged all the same (L8)",
              found.code in (0, 1) and len(found.verdicts) > 50, (found.code, found.errors))
        code, out, errors = machine.ask("hm-agent", "once")
        check("and reported (L8)", code == 0 or "runs" in out + errors, (code, out, errors))


def run(machine):
    wide_range(machine)
    open_questions(machine)
    many_listeners(machine)
    healthy.wait_for_services(machine)
    healthy.nothing_at_risk(machine, "after all faults")
