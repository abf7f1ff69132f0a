#!/usr/bin/python3
"""Policies on Windows, from hmctl to netsh and back, against a real collector over TLS: the Exchange
host with a taken port, a port of HTTP.sys, the second address family that fails, one store for both
families, harm that is taken back, and ReservedPorts on 2003 with the boot that they wait for. What
others made is there afterwards as it was, and was never tried.

SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import wine as w  # noqa: E402
from policy_world import TOOLS, Holder, World  # noqa: E402
from wine import h  # noqa: E402

TCPIP = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\Tcpip\Parameters"
SERVICES = ["MSExchangePOP3BE", "MSExchangeIMAP4BE"]
HNS = "50000-50059*"  # HNS made it: a foreign row
RUNTIME = "47001-47001"
RANGE = "/proc/sys/net/ipv4/ip_local_port_range"
OUR_WEB = {"id": "our-web", "title": "Our web service", "vendor": "us", "os": ["windows"],
           "detect": {"services": ["MSExchangePOP3BE"]},
           "requirements": [{"id": "web", "title": "site", "protocol": "tcp", "ports": "8099",
                             "kind": "httpsys", "safe_to_exclude": "no", "source": "test",
                             "confidence": "reported"}]}


def exchange(world, agent_name):
    """Taken, then freed, verified, undone by somebody, repaired, retired."""
    holder = Holder(world.folder, "dns.exe", 9955)
    path = world.document("exchange-back-end", {"services": [SERVICES[0]]},
                          [{"protocol": "tcp", "ports": "9933,9955"}])
    h.wait_until("the collector knows who has the port", 60, lambda: "dns.exe" in json.dumps(
        world.collector.items(f"/v1/verdicts?filter=host%3D{agent_name}")))
    plan = world.hmctl("policy", "plan", path, "--host", agent_name)
    h.check("the plan names the port and who has it", "9933" in plan and "dns.exe" in plan, plan)
    name = world.activate(path)
    row = world.wait(agent_name, name, "waiting", "taken")
    holders = [note["holder"]["program"] for note in row["notes"] if "holder" in note]
    h.check("the holder is named", "dns.exe" in holders, row)
    h.check("its neighbour does not wait", world.rows() == [
        f"9933-9933*,{RUNTIME},{HNS}", f"9933-9933*,9955-9955*,{RUNTIME},{HNS}"], world.rows())
    holder.stop()
    row = world.wait(agent_name, name, "verified")
    both = f"9933-9933*,9955-9955*,{RUNTIME},{HNS}"
    h.check("both ports, both families", world.rows() == [both, both], world.rows())
    h.check("nothing of UDP", world.rows("udp") == ["", ""], world.rows("udp"))

    code, out, _ = world.prefix.run("netsh", "interface", "ipv4", "delete", "excludedportrange",
                                    "tcp", "start=9955", "num=1")
    h.check("somebody takes one away", code == 0, out)
    row = h.wait_until("repaired", 60, lambda: (
        lambda r: r if r and r.get("repairs", 0) == 1 else None)(world.row(agent_name, name)))
    h.check("repaired, and counted", row["state"] in ("repaired", "verified"), row)
    h.check("it is back", world.rows() == [both, both], world.rows())
    return name


def http_sys(world, agent_name):
    """Refused where it is written, and where only the host knows what it is."""
    said = world.hmctl("policy", "submit", world.document(
        "winrm", {"hosts": [agent_name]}, [{"protocol": "tcp", "ports": "5985"}]), code=1)
    h.check("WinRM's port is refused when it is submitted", "5985" in said, said)
    name = world.activate(world.document("our-web", {"hosts": [agent_name]}, [
        {"protocol": "tcp", "ports": "8099"}]))
    row = world.wait(agent_name, name, "refused", "httpsys")
    h.check("it says why", any(note.get("code") == "httpsys" for note in row["notes"]), row)
    h.check("8099 was never tried", "8099" not in world.prefix.double_value("changes"),
            world.prefix.double_value("changes"))


def stopped_site(world, agent_name):
    """Nothing listens on the port of a site that is stopped; its settings say whose it is."""
    world.prefix.double(urlacl="https://+:50443/ http://+:5985/wsman/", sslcert="0.0.0.0:50444")
    # netsh's lists are read again; a value of an earlier run would be no change
    world.prefix.reg_write((TCPIP, {"HavenmasterTest": int(time.time())}))
    name = world.activate(world.document("stopped-site", {"hosts": [agent_name]}, [
        {"protocol": "tcp", "ports": "50443-50444"}]))
    row = world.wait(agent_name, name, "refused", "httpsys")
    h.check("the settings are named", any("URL reservation https://+:50443/" in
                                          note.get("text", "") for note in row["notes"]), row)
    h.check("neither was ever tried", "5044" not in world.prefix.double_value("changes"),
            world.prefix.double_value("changes"))
    world.retire(name)


def second_family(world, agent_name):
    before = world.rows()
    world.prefix.double(change_mode_ipv6="fail:1")
    name = world.activate(world.document("second-family", {"hosts": [agent_name]}, [
        {"protocol": "tcp", "ports": "7070"}]))
    world.wait(agent_name, name, "waiting", "busy")
    h.check("only the first family has it", ["7070" in row for row in world.rows()] == [
        True, False], world.rows())
    world.prefix.double(change_mode_ipv6="")
    world.wait(agent_name, name, "verified")
    h.check("both have it", ["7070-7070*" in row for row in world.rows()] == [True, True],
            world.rows())
    world.retire(name)
    world.wait(agent_name, name, "retired")
    h.check("nothing of it is left", world.rows() == before, world.rows())


def one_store(world, agent_name):
    world.prefix.double(mirror="1")
    name = world.activate(world.document("one-store", {"hosts": [agent_name]}, [
        {"protocol": "udp", "ports": "7071"}]))
    world.wait(agent_name, name, "verified")
    h.check("one command was enough", world.rows("udp") == ["7071-7071*", "7071-7071*"] and
            "ipv6 add udp 7071" not in world.prefix.double_value("changes"),
            world.prefix.double_value("changes"))
    world.retire(name)
    world.wait(agent_name, name, "retired")
    h.check("one was enough to take it back", world.rows("udp") == ["", ""], world.rows("udp"))
    world.prefix.double(mirror="")


def take_all_ports():
    """Two ports to choose from, and both are taken: no program of this network gets one."""
    with open(RANGE, encoding="ascii") as file:
        before = file.read()
    with open(RANGE, "w", encoding="ascii") as file:
        file.write("50200 50201")
    taken = []
    for port in (50200, 50201):
        made = socket.socket(socket.AF_INET6)  # both families
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        made.bind(("::", port))
        taken.append(made)
    return before, taken


def give_back(before, taken):
    with open(RANGE, "w", encoding="ascii") as file:
        file.write(before)
    for made in taken:
        made.close()


def harm(world, agent_name):
    """A host that gets no ports any more takes the change back, whatever the collector says."""
    name = world.activate(world.document("harmful", {"hosts": [agent_name]}, [
        {"protocol": "tcp", "ports": "7072"}]))
    world.wait(agent_name, name, "verified")
    before, taken = take_all_ports()
    try:
        h.wait_until("the change is taken back", 150,
                     lambda: not any("7072" in row for row in world.rows()), pause=1)
    finally:
        give_back(before, taken)
    row = world.wait(agent_name, name, "failed")
    h.check("it says why", "port" in row["text"], row)
    h.check("the others' are there", all(HNS in row for row in world.rows()), world.rows())


def modern(world):
    name = "win-2019"
    world.prefix.version("2019")
    world.prefix.reset_double(
        dynamic_tcp_ipv4="6005 59530", dynamic_tcp_ipv6="6005 59530",
        excluded_tcp_ipv4=f"{RUNTIME},{HNS}", excluded_tcp_ipv6=f"{RUNTIME},{HNS}")
    world.prefix.reg_write((w.NSI, None))
    world.prefix.run(os.path.join(TOOLS, "make_services.exe"), "create", *SERVICES)
    catalogue = os.path.join(world.folder, "catalogue.d")
    os.makedirs(catalogue)
    with open(os.path.join(catalogue, "our-web.json"), "w", encoding="utf-8") as file:
        json.dump(OUR_WEB, file)
    agent = w.Agent(world.collector, world.folder, name, token=world.collector.join_token(),
                    interval="1", catalogue_dir=catalogue)
    h.wait_until("the host is known", 60, lambda: world.collector.items(
        f"/v1/hosts?filter=name%3D{name}"))
    kept = exchange(world, name)
    http_sys(world, name)
    stopped_site(world, name)
    second_family(world, name)
    one_store(world, name)
    harm(world, name)
    world.retire(kept)
    world.wait(name, kept, "retired")
    h.check("all is as it was", world.rows() == [f"{RUNTIME},{HNS}"] * 2, world.rows())
    tried = world.prefix.double_value("changes")
    h.check("what others made was never tried",
            not any(f" {port} " in tried for port in ("50000", "47001", "5985")), tried)
    h.check("stops when asked", agent.stop() == 0, agent.output())
    world.prefix.run(os.path.join(TOOLS, "make_services.exe"), "delete", *SERVICES)


def legacy(world):
    name = "win-2003"
    before = ["3343-3343", "9506-9506"]
    world.prefix.version("2003")
    world.prefix.reg_write((TCPIP, {"ReservedPorts": before, "MaxUserPort": 60000}))
    settings = {"token": world.collector.join_token(), "interval": "1", "labels": "version=2003",
                "program": w.AGENT_2003}
    agent = w.Agent(world.collector, world.folder, name, **settings)
    policy = world.activate(world.document("payroll", {"labels": ["version=2003"]}, [
        {"protocol": "udp", "ports": "9469,9507"}]))
    world.wait(name, policy, "waiting", "reboot")
    lines = world.prefix.reg_lines(TCPIP, "ReservedPorts")
    h.check("merged, neighbours on one line", lines == ["3343-3343", "9506-9507", "9469-9469"],
            lines)
    h.check("stops before the boot", agent.stop() == 0, agent.output())
    reports = agent.output().count(" reported ")
    agent = w.Agent(world.collector, world.folder, name, **settings)
    h.wait_until("the agent is back", 60, lambda: agent.output().count(" reported ") > reports)
    row = world.wait(name, policy, "waiting", "reboot")
    h.check("a new start is no boot", row["state"] == "waiting", row)
    h.check("stops for the boot", agent.stop() == 0, agent.output())
    world.prefix.script("stop")
    world.prefix.script("start")  # the system's volatile keys are gone: a boot
    agent = w.Agent(world.collector, world.folder, name, **settings)
    world.wait(name, policy, "verified")
    world.retire(policy)
    world.wait(name, policy, "waiting", "reboot") # removed, and in force until the boot
    lines = world.prefix.reg_lines(TCPIP, "ReservedPorts")
    h.check("the lines are as they were", lines == before, lines)
    h.check("stops for the second boot", agent.stop() == 0, agent.output())
    world.prefix.script("stop")
    world.prefix.script("start")
    agent = w.Agent(world.collector, world.folder, name, **settings)
    world.wait(name, policy, "retired")
    h.check("stops when asked", agent.stop() == 0, agent.output())
    world.prefix.reg_write((TCPIP, {"ReservedPorts": None, "MaxUserPort": None}))


def suite(prefix, folder):
    world = World(prefix, folder)
    modern(world)
    legacy(world)
    world.collector.program.stop()


w.main(suite)
