#!/usr/bin/python3
"""Memory private to hm-agent.exe, and its handles, over many cycles against a real collector.

  soak.py [CYCLES]     1,000 by default, one a second; prints a line a minute
Private memory is what Linux calls RssAnon, which Wine hands out as PagefileUsage: all that no other
process shares, Wine's own share of it too. How much that is tells a program which only loads the
same system libraries. What Windows itself says is in deploy/docs/windows-verified.md.
SPDX-License-Identifier: Apache-2.0
"""
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import wine as w  # noqa: E402
from wine import h  # noqa: E402

PRIVATE_MOST_KB = 6 * 1024
WARM_UP = 20  # cycles until every buffer has its size
IDLE_TOOL = os.path.join(w.WINDOWS, "tests/windows/idle.exe")
HANDLE_TOOL = os.path.join(w.WINDOWS, "tests/windows/handle_count.exe")


def private_kb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        for line in file:
            if line.startswith("RssAnon:"):
                return int(line.split()[1])
    raise RuntimeError("no RssAnon")


def idle_kb():
    child = subprocess.Popen(["wine", IDLE_TOOL], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             env=w.environment())
    try:
        if child.stdout.readline().strip() != b"idle":
            raise RuntimeError("idle.exe did not start")
        return private_kb(child.pid)
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


def handles(prefix):
    code, out, err = prefix.run(HANDLE_TOOL, "hm-agent.exe")
    if code != 0:
        raise RuntimeError(f"handle_count: {code} {err}")
    return int(out)


def cycles_of(agent):
    """Each acknowledged check-in is a line of the debug log."""
    return agent.output().count(" reported seq=")


def soak(prefix, collector, folder, cycles):
    """Handles constant between two moments of rest, private memory under the bar."""
    prefix.reset_double()
    booted = w.uptime_s()
    agent = w.Agent(collector, folder, "soak", token=collector.join_token(), interval="1",
                    log_level="debug")
    h.wait_until("soak: warm", 30 + 4 * WARM_UP,
                 lambda: cycles_of(agent) >= WARM_UP, pause=0.5)
    begin_handles, begin_kb = handles(prefix), private_kb(agent.child.pid)
    h.check("soak: the handles can be counted", begin_handles > 0)
    most_kb, told = begin_kb, time.monotonic()
    while (done := cycles_of(agent)) < WARM_UP + cycles:
        most_kb = max(most_kb, private_kb(agent.child.pid))
        if time.monotonic() - told > 60:
            told = time.monotonic()
            print(f"cycle {done}: {most_kb} KB private at most, {handles(prefix)} handles",
                  flush=True)
        time.sleep(0.5)
    end_handles = handles(prefix)
    wine_kb = idle_kb()
    print(f"soak: {cycles} cycles, private {begin_kb} KB at first, {most_kb} KB at most, of which "
          f"{wine_kb} KB are Wine's; handles {begin_handles} and {end_handles}", flush=True)
    h.check("soak: private memory", most_kb < PRIVATE_MOST_KB, f"{most_kb} KB")
    h.check("soak: no growth to speak of", most_kb - begin_kb < 512, f"{begin_kb}, {most_kb} KB")
    h.check("soak: handles are constant", abs(end_handles - begin_handles) <= 2,
            f"{begin_handles} and {end_handles}")
    due = w.LISTINGS + w.blocks_due(booted)
    h.check("soak: each list was read once, and again only where the boot is young",
            prefix.calls() == due, f"{prefix.calls()} of {due} runs of netsh")
    h.check("soak: stops when asked", agent.stop() == 0)


def suite(prefix, folder):
    prefix.version("2019")
    collector = h.Collector(folder, settings=["interval=1"]).start()
    soak(prefix, collector, folder, int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
    collector.program.stop()


if __name__ == "__main__":
    w.main(suite)
