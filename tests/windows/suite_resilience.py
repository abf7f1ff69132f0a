#!/usr/bin/python3
"""hm-agent.exe killed at any moment, and a collector that is away: state is never half-written, the
agent carries on by itself, and netsh is run when a list can have changed: after a registry change,
and at 1, 3 and 10 minutes after the boot. (Other services and listeners of the system, which make it
run, too, Wine does not have: test_windows_platform, test_windows_lists.)

SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import random
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import soak  # noqa: E402
import wine as w  # noqa: E402
from wine import h  # noqa: E402

TCPIP = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\Tcpip\Parameters"
KILLS = 30
SOAK_CYCLES = 100


def host_row(collector, name):
    rows = collector.items(f"/v1/hosts?filter=name%3D{name}")
    return rows[0] if rows else {}


def inventory(collector, name):
    row = host_row(collector, name)
    return collector.api(f"/v1/hosts/{row['id']}").get("inventory", {}) if row else {}


def whole(state):
    """Every file of the state folder is a whole document; what a killed write left is no file of
    ours. Returns the sequence number that the next agent begins after."""
    for name in sorted(os.listdir(state)):
        if not name.endswith(".json"):
            continue
        with open(os.path.join(state, name), "rb") as file:
            data = file.read()
        try:
            json.loads(data)
        except ValueError as error:
            h.check(f"{name} is whole", False, f"{error}: {data[:200]!r}")
            return
    h.check("state is whole", True)


def killed(prefix, collector, folder, seed):
    chance = random.Random(seed)
    token = collector.join_token()
    value = 5000
    for _ in range(KILLS):
        agent = w.Agent(collector, folder, "killed", token=token, interval="1")
        time.sleep(chance.uniform(0.05, 0.5))
        value += 1
        prefix.reg_write((TCPIP, {"MaxUserPort": value}))  # something to write down
        time.sleep(chance.uniform(0.0, 1.5))
        agent.kill()
        if os.path.isdir(agent.state):
            whole(agent.state)
    agent = w.Agent(collector, folder, "killed", token=token, interval="1")
    h.wait_until("the last value is reported after 30 kills", 60, lambda: inventory(
        collector, "killed").get("registry", {}).get("max_user_port") == value)
    h.check("stops when asked", agent.stop() == 0)
    left = [name for name in os.listdir(agent.state) if not name.endswith((".json", ".pem"))]
    h.check("30 kills leave no heap of temporary files", len(left) <= 8, left)
    names = [row["name"] for row in collector.items("/v1/hosts")]
    h.check("it is one host", names.count("killed") == 1, names)
    h.check("and no clone of itself", not host_row(collector, "killed").get("cloned"))
    prefix.reg_write((TCPIP, {"MaxUserPort": None}))


def cpu_ticks(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def contact(collector, name):
    return host_row(collector, name).get("last_seen", "")


def away(prefix, collector, folder):
    prefix.reset_double()
    agent = w.Agent(collector, folder, "away", token=collector.join_token(), interval="1")
    h.wait_until("first report", 60, lambda: contact(collector, "away"))
    booted = w.uptime_s()
    h.wait_until("the listings were read", 30, lambda: prefix.calls() >= w.LISTINGS)
    began = cpu_ticks(agent.child.pid)
    collector.program.child.send_signal(signal.SIGSTOP)  # a collector that answers nothing
    time.sleep(8)
    h.check("the agent is alive while the collector is mute", agent.child.poll() is None)
    collector.program.child.send_signal(signal.SIGCONT)
    before = contact(collector, "away")
    h.wait_until("reports go on", 90, lambda: contact(collector, "away") > before)
    collector.program.kill()  # one that is not there
    time.sleep(8)
    h.check("the agent is alive while there is no collector", agent.child.poll() is None)
    used = cpu_ticks(agent.child.pid) - began
    h.check("waiting costs next to nothing (CPU ticks)", used < 2 * os.sysconf("SC_CLK_TCK"), used)
    collector.start()
    before = contact(collector, "away")
    h.wait_until("reports go on after a restart", 90, lambda: contact(collector, "away") > before)
    due = w.LISTINGS + w.blocks_due(booted)
    h.check("netsh was run again only where the boot is young", prefix.calls() == due,
            f"{prefix.calls()} of {due} runs, {w.uptime_s():.0f} s after the boot")
    prefix.reg_write((TCPIP, {"MaxUserPort": 60000}))
    h.wait_until("a changed TCP/IP key makes it read again, once", 60,
                 lambda: prefix.calls() == 2 * w.LISTINGS + w.blocks_due(booted))
    h.wait_until("and report", 60, lambda: inventory(collector, "away").get(
        "registry", {}).get("max_user_port") == 60000)
    h.check("stops when asked", agent.stop() == 0)
    prefix.reg_write((TCPIP, {"MaxUserPort": None}))


def suite(prefix, folder):
    prefix.version("2019")
    seed = int(os.environ.get("HM_SEED", "0")) or random.randrange(1, 1 << 30)
    print(f"HM_SEED={seed}")
    collector = h.Collector(folder, settings=["interval=1"]).start()
    killed(prefix, collector, folder, seed)
    away(prefix, collector, folder)
    soak.soak(prefix, collector, folder, SOAK_CYCLES)
    collector.program.stop()


w.main(suite)
