#!/usr/bin/python3
"""hm-agent.exe as a Windows service under Wine: configured, installed, started, stopped, started at
boot, settings from registry policy, removed; it reports to a real collector.

SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import wine as w  # noqa: E402
from wine import h  # noqa: E402

SERVICE = "HavenmasterAgent"
KEY = rf"HKLM\SYSTEM\CurrentControlSet\Services\{SERVICE}"
SOURCE_KEY = r"HKLM\SYSTEM\CurrentControlSet\Services\EventLog\Application\Havenmaster"
POLICY = r"HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Havenmaster"
PROGRAM = r"C:\Program Files\Havenmaster\hm-agent.exe"
DRIVE = os.path.join(w.PREFIX, "drive_c")
PROGRAM_FOLDER = os.path.join(DRIVE, "Program Files/Havenmaster")
DATA = os.path.join(DRIVE, "ProgramData/Havenmaster")


def state(prefix):
    """RUNNING, STOPPED … or None when there is no such service."""
    code, out, _ = prefix.run("sc", "query", SERVICE)
    words = [line.split() for line in out.splitlines() if "STATE" in line]
    return words[0][-1] if code == 0 and words else None


def has_key(prefix, key):
    return prefix.run("reg", "query", key)[0] == 0


def value(prefix, key, name):
    code, out, _ = prefix.run("reg", "query", key, "/v", name)
    return out.split("REG_", 1)[1].split(None, 1)[1].strip() if code == 0 else None


def last_seen(collector, name=None):
    rows = collector.items("/v1/hosts")
    rows = [row for row in rows if name is None or row["name"] == name]
    return rows[0].get("last_seen", "") if rows else ""


def clear(prefix):
    """What an earlier run left."""
    if state(prefix) is not None:
        prefix.run("sc", "stop", SERVICE)
        prefix.run("sc", "delete", SERVICE)
    prefix.reg_write((POLICY, None))
    for folder in (PROGRAM_FOLDER, DATA):
        shutil.rmtree(folder, ignore_errors=True)


def must(prefix, what, *command):
    code, out, err = prefix.run(*command)
    h.check(what, code == 0, f"{code} {out}{err}")
    return out


def started(prefix, collector, what, name=None):
    before = last_seen(collector, name)
    if state(prefix) != "RUNNING":
        must(prefix, f"{what}: sc start", "sc", "start", SERVICE)
    h.wait_until(f"{what}: runs", 60, lambda: state(prefix) == "RUNNING")
    h.wait_until(f"{what}: reports", 60, lambda: last_seen(collector, name) > before)


def stopped(prefix, what):
    must(prefix, f"{what}: sc stop", "sc", "stop", SERVICE)
    h.wait_until(f"{what}: stops", 60, lambda: state(prefix) == "STOPPED")
    for name in os.listdir(os.path.join(DATA, "state")):
        if name.endswith(".json"):
            with open(os.path.join(DATA, "state", name), "rb") as file:
                h.check(f"{what}: {name} is whole", json.load(file) is not None)


def suite(prefix, folder):
    prefix.version("2019")
    clear(prefix)
    collector = h.Collector(folder, settings=["interval=1"]).start()
    os.makedirs(PROGRAM_FOLDER)
    shutil.copy(w.AGENT, PROGRAM_FOLDER)

    must(prefix, "configure", PROGRAM, "configure", "--collector", collector.url, "--token",
         collector.join_token(), "--labels", "site=wine")
    must(prefix, "service install", PROGRAM, "service", "install")
    must(prefix, "installing it twice does no harm", PROGRAM, "service", "install")
    h.check("it waits to be started", state(prefix) == "STOPPED", state(prefix))
    h.check("automatic", value(prefix, KEY, "Start") == "0x2", value(prefix, KEY, "Start"))
    h.check("not delayed", value(prefix, KEY, "DelayedAutostart") in (None, "0x0"))
    h.check("early in the load order", value(prefix, KEY, "Group") == "TDI")
    h.check("event source", "hm-agent.exe" in (value(prefix, SOURCE_KEY, "EventMessageFile") or ""))

    started(prefix, collector, "first start")
    rows = collector.items("/v1/hosts")
    h.check("one host, with its label", len(rows) == 1 and "site=wine" in rows[0]["labels"], rows)
    stopped(prefix, "stop")

    prefix.reg_write((POLICY, {"name": "by-policy", "interval": "1s"}))
    started(prefix, collector, "with a policy", "by-policy")
    h.check("still one host", len(collector.items("/v1/hosts")) == 1)
    prefix.script("stop")  # the machine goes down, and comes up
    before = last_seen(collector)
    prefix.script("start")
    h.wait_until("it starts at boot", 60, lambda: state(prefix) == "RUNNING")
    h.wait_until("and reports", 60, lambda: last_seen(collector) > before)

    must(prefix, "service remove, while it runs", PROGRAM, "service", "remove")
    h.wait_until("it is gone", 60, lambda: state(prefix) is None)
    h.check("its event source, too", not has_key(prefix, SOURCE_KEY))
    h.check("its configuration stays", os.path.exists(os.path.join(DATA, "agent.conf")))
    must(prefix, "erase", PROGRAM, "erase", "--yes")
    h.check("erase leaves no identity", not os.path.exists(os.path.join(DATA, "state")) or
            os.listdir(os.path.join(DATA, "state")) == [], DATA)
    clear(prefix)
    collector.program.stop()


if __name__ == "__main__":
    w.main(suite)
