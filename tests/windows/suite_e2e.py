#!/usr/bin/python3
"""hm-agent.exe against a real collector over TLS, as Windows Server 2003 to 2022: enrolment, first
report, what hmctl shows, the remedy as the finding names it, and that the collector learns of it.
As 2003 it is the 64-bit build for that system, with mbedTLS: Schannel knows no TLS 1.2 there. The
32-bit one has the same sources and needs a 32-bit Wine.

SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import wine as w  # noqa: E402
from wine import h  # noqa: E402

TCPIP = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\Tcpip\Parameters"
MODERN_PORT = 9955  # in 6005-65534
LEGACY_PORT = 3306  # in 1024-5000
OTHER_NAME = "other.localhost"  # libcurl knows where that is; no certificate carries it


class World:
    def __init__(self, prefix, folder):
        self.prefix = prefix
        self.folder = folder
        self.collector = h.Collector(folder, settings=["interval=1"]).start()
        self.env = {"HMCTL_COLLECTOR": self.collector.url, "HMCTL_CA": self.collector.ca,
                    "HMCTL_TOKEN": self.collector.admin, "NO_COLOR": "1", "COLUMNS": "120"}

    def hmctl(self, *arguments):
        code, out, err = h.run("hmctl", *arguments, env=self.env)
        h.check(f"hmctl {' '.join(arguments)}", code == 0, f"{code} {err}")
        return out

    def state(self, name, port):
        """The verdict's state on this port: the host's worst where several requirements name it."""
        rows = self.collector.items(f"/v1/verdicts?filter=host%3D{name}")
        states = [row["verdict"]["state"] for row in rows if row["verdict"]["ports"] == str(port)]
        for state in ("blocked", "exposed", "unknown", "safe"):
            if state in states:
                return state
        return None

    def after_boot(self, name, port):
        """What the next boot makes of the verdicts on this port."""
        rows = self.collector.items(f"/v1/verdicts?filter=host%3D{name}")
        return {row["verdict"].get("after_boot") for row in rows
                if row["verdict"]["ports"] == str(port) and row["verdict"]["state"] != "safe"}


def write_product(folder):
    """A product that every host has: a port that nobody catalogued would need two boots."""
    os.makedirs(folder)
    ports = {"modern": MODERN_PORT, "legacy": LEGACY_PORT}
    with open(os.path.join(folder, "suite.json"), "w", encoding="utf-8") as file:
        json.dump({"id": "suite", "title": "Suite", "vendor": "us", "os": ["windows"],
                   "detect": {"always": True},
                   "requirements": [{"id": name, "title": name, "protocol": "tcp",
                                     "ports": str(port), "kind": "socket",
                                     "safe_to_exclude": "yes", "source": "this suite",
                                     "confidence": "documented"}
                                    for name, port in ports.items()]}, file)


def cure(world, name, version, port):
    """What a person would do: the commands of the verdict or finding, to the letter."""
    if version == "2003":
        world.prefix.reg_write((TCPIP, {"ReservedPorts": [f"{port}-{port}"]}))
        return
    rows = world.collector.items(f"/v1/findings?filter=host%3D{name}")
    commands = [command for row in rows for command in row["finding"].get("commands", [])
                if "excludedportrange" in command and f"startport={port}" in command and
                " add " in command]
    h.check(f"{name}: the finding names commands for both families",
            any("ipv4" in c for c in commands) and any("ipv6" in c for c in commands), rows)
    for command in dict.fromkeys(commands):
        code, out, err = world.prefix.run(*command.split())
        h.check(f"{name}: {command}", code == 0, f"{code} {out}{err}")


def failed_readings(world, name, port):
    """netsh fails for a while, as any program can on a busy machine: what is unknown meanwhile is known
    again soon after, not at the next whole reading."""
    world.prefix.double(mode="fail:1")
    world.prefix.reg_write((TCPIP, {"Suite": "a change: its lists are read again"}))
    h.wait_until(f"{name}: unknown while netsh fails", 90,
                 lambda: world.state(name, port) == "unknown")
    world.prefix.double(mode="")
    h.wait_until(f"{name}: safe when it works again", 90,
                 lambda: world.state(name, port) == "safe")


def one_version(world, version):
    name = "win-" + version
    port = LEGACY_PORT if version == "2003" else MODERN_PORT
    world.prefix.reset_double(dynamic_tcp_ipv4="6005 59530", dynamic_tcp_ipv6="6005 59530")
    world.prefix.reg_write((TCPIP, {"ReservedPorts": None, "Suite": None}), (w.NSI, None))
    world.prefix.version(version)
    agent = w.Agent(world.collector, world.folder, name, token=world.collector.join_token(),
                    interval="1", labels="version=" + version,
                    catalogue_dir=os.path.join(world.folder, "catalogue"),
                    program=w.AGENT_2003 if version == "2003" else w.AGENT)
    # What this suite writes into the registry is younger than the boot: on 2003 nobody knows what
    # was in force before, so that the range may be unknown, which is never safe.
    at_risk = ("exposed", "unknown") if version == "2003" else ("exposed",)
    h.wait_until(f"{name}: the port is known to be at risk", 90,
                 lambda: world.state(name, port) in at_risk)
    host = json.loads(world.hmctl("host", name, "--json"))
    system = json.dumps(host)
    h.check(f"{name}: version {w.VERSIONS[version]}", f'"version": "{w.VERSIONS[version]}"' in system,
            system[:600])
    h.check(f"{name}: hmctl shows the system", "Windows Server" in world.hmctl("host", name))
    h.check(f"{name}: hmctl verdicts names the port", str(port) in world.hmctl(
        "verdicts", "--filter", f"host={name} and state!=safe"))
    cure(world, name, version, port)
    if version == "2003": # what is written counts after the next boot, and not before
        h.wait_until(f"{name}: safe after the next boot", 90,
                     lambda: world.after_boot(name, port) == {"safe"})
        h.check(f"{name}: and not before", world.state(name, port) in at_risk)
    else:
        h.wait_until(f"{name}: safe after the cure", 90, lambda: world.state(name, port) == "safe")
        if version == "2022":
            failed_readings(world, name, port)
    h.check(f"{name}: stops when asked", agent.stop() == 0, agent.output())
    return name


def strangers(world):
    """Another CA, another name: no word is said to such a collector. An address for a name is
    refused in words that say so, and not later as a matter of trust."""
    other = os.path.join(world.folder, "other")
    os.makedirs(other)
    stranger = h.Collector(other)
    token = world.collector.join_token()
    code, out, err = w.once(world.prefix, world.collector, world.folder, "stranger-ca",
                            token=token, ca_file=stranger.ca)
    h.check("another CA is refused", code != 0 and "acknowledged" not in out, f"{code} {out}{err}")
    for what, host, words in (("stranger-name", OTHER_NAME, "certificate"),
                              ("stranger-address", "127.0.0.1", "by its name"),
                              ("stranger-address-6", "[::1]", "by its name")):
        for program in (w.AGENT, w.AGENT_2003):
            options = h.agent_options(world.collector, world.folder, what, token=token,
                                      ca_file=world.collector.ca)
            options = [o.replace("//localhost:", f"//{host}:") for o in options]
            code, out, err = world.prefix.run(program, "once", *options)
            h.check(f"{what}: refused, with the reason", code != 0 and "acknowledged" not in out and
                    words in err, f"{code} {out}{err}")
    names = [row["name"] for row in world.collector.items("/v1/hosts")]
    h.check("neither is a host now", not any(n.startswith("stranger") for n in names), names)


def suite(prefix, folder):
    world = World(prefix, folder)
    write_product(os.path.join(folder, "catalogue"))
    names = [one_version(world, version) for version in w.VERSIONS]
    rows = {row["name"]: row for row in world.collector.items("/v1/hosts")}
    h.check("one host a version", sorted(rows) == sorted(names), sorted(rows))
    strangers(world)
    prefix.reg_write((TCPIP, {"ReservedPorts": None, "Suite": None}), (w.NSI, None))
    world.collector.program.stop()


w.main(suite)
