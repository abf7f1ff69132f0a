#!/usr/bin/python3
"""A service that waits for the agent's first pass, and everything that can go wrong with what it
waits for: it starts in every case, or Windows says why not and the printed command heals it.

Wine's service manager does not know dependencies: service_tool.exe starts services as Windows does
(see there). What it cannot show is in deploy/docs/windows-verified.md.

SPDX-License-Identifier: Apache-2.0
"""
import os
import random
import re
import shlex
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import suite_service as service  # noqa: E402
import wine as w  # noqa: E402
import guard_faults  # noqa: E402
import guard_files  # noqa: E402
from guard_world import (ABOVE, AGENT, AGENT_KEY, AT_ONCE_MS, BOOT_KEY, FOLDER, GUARD, GUARDED,  # noqa: E402
                         HOST_NAME, Host, NAME, OTHERS, PROGRAM, RECORD, SAFE_BOOT, SLACK_MS, TOOL, WAIT_MS)
from policy_world import World  # noqa: E402
from wine import h  # noqa: E402

KILLS = 12


# ---- waiting ------------------------------------------------------------------------------------

def waits(host):
    """It waits for the pass and not for the clock; and 20 seconds when there is none."""
    host.boot(agent=False)
    child = subprocess.Popen(["wine", TOOL, "start", GUARDED], stdout=subprocess.PIPE,
                             stdin=subprocess.DEVNULL, env=w.environment())
    h.started.append(child)
    time.sleep(4)
    h.check("it waits: the guard is starting", host.state() == "START_PENDING", host.state())
    host.prefix.run("sc", "start", "HavenmasterAgent")
    said = child.communicate(timeout=60)[0].decode()
    took = int((re.match(r"RUNNING after (\d+)", said) or [0, "0"])[1])
    h.check("it starts when the pass is done", 3500 <= took < WAIT_MS - SLACK_MS, said)
    host.tool("stop", GUARDED)
    host.starts("the guard runs already", most_ms=AT_ONCE_MS)
    host.boot(agent=False)
    host.starts("no pass at all: 20 seconds", least_ms=WAIT_MS - 1000)


def boot(host):
    host.boot()
    host.starts("an agent without policies lets nobody wait", most_ms=AT_ONCE_MS)
    host.prefix.reg_write((service.POLICY, {"enforce": "off"}))
    host.boot()
    host.starts("enforce = off: nobody waits", most_ms=AT_ONCE_MS)


def policies(host, folder):
    """The race that it is all about: a reservation that somebody removed is back before the service
    starts, on a host whose netsh is slow."""
    world = World(host.prefix, folder)
    host.end_agent()
    host.must("the agent has a collector", "configure", "--collector", world.collector.url, "--token",
              world.collector.join_token())
    host.prefix.reg_write((service.POLICY, {"name": HOST_NAME}))
    host.prefix.reset_double(dynamic_tcp_ipv4="49152 16384", dynamic_tcp_ipv6="49152 16384")
    host.prefix.run("sc", "start", "HavenmasterAgent")
    h.wait_until("the host is known", 60, lambda: world.collector.items(
        f"/v1/hosts?filter=name%3D{HOST_NAME}"))
    name = world.activate(world.document("guarded-port", {"hosts": [HOST_NAME]}, [
        {"protocol": "tcp", "ports": "50901"}]))
    world.wait(HOST_NAME, name, "verified")
    host.end_agent()
    host.prefix.double(excluded_tcp_ipv4="", excluded_tcp_ipv6="", delay="300")
    host.boot()
    h.check("the reservation is not there when the boot begins", "50901" not in str(world.rows()),
            world.rows())
    took, said = host.start()
    rows = world.rows()
    is_there = took is not None and all("50901-50901*" in row for row in rows)
    h.check("it is there when the service has started", is_there, f"{said} {rows}")
    host.tool("stop", GUARDED)
    world.collector.program.stop()
    host.end_agent()
    host.must("the agent has none", "erase", "--yes", "--keep-reservations")
    host.prefix.reset_double()


def no_agent(host):
    host.prefix.reg_write((AGENT_KEY, {"Start": 4}))
    host.boot()
    host.starts("the agent is disabled: nobody waits", most_ms=AT_ONCE_MS)
    host.boot(agent=False)
    host.prefix.reg_write((AGENT_KEY, {"Start": 2, "DelayedAutostart": 1}))
    host.starts("the agent starts minutes later: nobody waits", most_ms=AT_ONCE_MS)
    host.must("no guard for such an agent", "guard", "add", ABOVE, code=1, says="minutes later")
    host.prefix.reg_write((AGENT_KEY, None))
    host.boot()
    host.starts("the agent is not installed: nobody waits", most_ms=AT_ONCE_MS)


def agent_crashes(host):
    host.prefix.script("stop")
    with open(AGENT, "wb") as file:
        file.write(b"not a program")
    host.boot()
    host.starts("the agent's program is damaged")


def agent_gone(host):
    host.prefix.script("stop")
    os.remove(AGENT)
    host.boot()
    host.starts("the agent's program is in quarantine")


def agent_hangs(host):
    windows_tool = "Z:" + TOOL.replace("/", "\\")
    host.prefix.reg_write((AGENT_KEY, {"ImagePath": f'"{windows_tool}" serve HavenmasterAgent'}))
    host.boot()
    host.starts("the agent hangs", least_ms=WAIT_MS // 2)
    host.tool("kill", "HavenmasterAgent", expect=None)
    host.must("the agent's service is put right", "service", "install")


def state_unreadable(host):
    host.prefix.script("stop")
    state = os.path.join(service.DATA, "state")
    shutil.rmtree(state, ignore_errors=True)
    with open(state, "w", encoding="utf-8") as file:
        file.write("a file where a folder must be")
    host.boot()
    host.starts("the state cannot be read")


def upgrade(host):
    host.boot(agent=False)
    child = subprocess.Popen(["wine", TOOL, "start", GUARDED], stdout=subprocess.PIPE,
                             stdin=subprocess.DEVNULL, env=w.environment())
    h.started.append(child)
    host.end_agent()
    shutil.copy(w.AGENT, AGENT)
    shutil.copy(GUARD, service.PROGRAM_FOLDER)
    host.must("upgrade: the service is brought up to date", "service", "install")
    host.prefix.run("sc", "start", "HavenmasterAgent")
    said = child.communicate(timeout=60)[0].decode()
    h.check("upgraded meanwhile: the service starts", said.startswith("RUNNING"), said)
    h.check("upgraded meanwhile: the guard was not stopped", host.state() == "RUNNING")
    host.must("still guarded", "guard", "list", says=f"{GUARDED}: guarded")


def forged(host):
    """A key that outlived a restart, and values that no agent writes, say nothing of this boot."""
    for what, value in (("of an earlier boot", 1), ("of another type", "yes")):
        host.boot(agent=False)
        host.prefix.reg_write((BOOT_KEY, {"FirstPass": value, "BootId": "000001a22a620a53"}))
        host.starts(f"the signal is {what}", least_ms=WAIT_MS - 1000, most_ms=WAIT_MS + SLACK_MS)
        host.prefix.run("sc", "start", "HavenmasterAgent")
        h.wait_until(f"{what}: the agent takes a new name for this boot", 60, lambda:
                     host.prefix.reg_query(BOOT_KEY, "FirstPass")[1] == "0x1" and
                     host.prefix.reg_query(BOOT_KEY, "BootId")[1] not in ("", "000001a22a620a53"))


# ---- the guard is broken ------------------------------------------------------------------------

def program_deleted(host):
    host.prefix.script("stop")
    os.remove(PROGRAM)
    host.boot()
    host.fails_until_healed("program deleted", 1068)
    host.released("program deleted")
    host.starts("program deleted, healed by the agent", most_ms=AT_ONCE_MS)
    host.must("the list says so", "guard", "list", code=1, says="NOT guarded")
    host.must("added again", "guard", "add", GUARDED)
    host.must("and works again", "guard", "list", says=f"{GUARDED}: guarded")


def program_deleted_started_by_agent(host):
    """The boot without Wine's head start: the service fails, the agent comes, it runs."""
    host.boot(agent=False)
    host.tool("kill", NAME, expect=None)
    os.remove(PROGRAM)
    host.fails("program deleted", 1068)
    host.prefix.run("sc", "start", "HavenmasterAgent")
    host.runs_by_itself("program deleted")


def program_replaced(host):
    host.prefix.script("stop")
    with open(PROGRAM, "ab") as file:
        file.write(b"\0")
    host.boot()
    host.released("another program in its place")
    host.starts("another program in its place")


def replacement_fails(host):
    """"guard add" after an upgrade cannot write the new program: the old one is still the right one."""
    blocker = os.path.join(FOLDER, "hm-guard-new.exe")
    os.mkdir(blocker)
    with open(os.path.join(service.PROGRAM_FOLDER, "hm-guard.exe"), "ab") as file:
        file.write(b"\0")
    host.must("the new program cannot be put there", "guard", "add", ABOVE, code=1)
    host.must("the old one still works", "guard", "list", says=f"{GUARDED}: guarded")
    time.sleep(3)  # the agent looks each second
    h.check("and the agent leaves it alone", NAME in host.depends(), host.depends())
    os.rmdir(blocker)
    host.must("the new program is put there", "guard", "add", ABOVE)
    host.must("and is the right one", "guard", "list", says=f"{GUARDED}: guarded")
    host.must("removed again", "guard", "remove", ABOVE)


def safe_mode(host):
    """Windows starts the guard there as it may start what is guarded; the agent it does not start."""
    modes = [rf"{SAFE_BOOT}\{mode}" for mode in ("Minimal", "Network")]
    host.prefix.reg_write(*((mode, {"test": 1}) for mode in modes))
    host.must("removed", "guard", "remove", "--all")
    host.must("guarded", "guard", "add", GUARDED)
    for mode in modes:
        h.check(f"{mode}: the guard is listed", service.has_key(host.prefix, rf"{mode}\{NAME}"))
    host.boot(agent=False)
    host.prefix.reg_write((rf"{SAFE_BOOT}\Option", {"OptionValue": 2}))
    host.starts("safe mode: nobody waits", most_ms=AT_ONCE_MS)
    host.must("removed", "guard", "remove", "--all")
    for mode in modes:
        h.check(f"{mode}: the guard is not listed", not service.has_key(host.prefix, rf"{mode}\{NAME}"))
    host.prefix.reg_write((SAFE_BOOT, None))


def cure_by_hand(host):
    """Neither agent nor guard: what Windows says, and the very command that was printed."""
    text = host.must("what it prints", "guard", "add", GUARDED)
    for part in ("1068", "1075", "guard remove", "20 seconds"):
        h.check(f"guard add speaks of {part}", part in text, text)
    cure = [line.strip() for line in text.splitlines() if line.strip().startswith("sc config")][0]
    host.prefix.script("stop")
    os.remove(PROGRAM)
    os.remove(AGENT)
    host.boot()
    host.fails("both programs deleted", 1068)
    words = shlex.split(cure)  # sc config NAME depend= A/B
    h.check("the command is sc's", words[:2] == ["sc", "config"] and words[3] == "depend=", cure)
    host.tool("depend", words[2], *[part for part in words[4].split("/") if part])
    host.starts("healed by the printed command", most_ms=AT_ONCE_MS)
    h.check("the other dependencies are there", host.depends() == OTHERS, host.depends())


def disabled_while_it_runs(host):
    """Nobody but the guard itself is there to notice."""
    host.end_agent()
    host.tool("config", NAME, "4")
    host.released("disabled, without an agent")
    host.boot(agent=False)
    host.starts("disabled, without an agent", most_ms=AT_ONCE_MS)


def disabled(host):
    host.boot(agent=False)
    host.tool("kill", NAME, expect=None)
    host.tool("config", NAME, "4")
    host.fails("disabled", 1068)
    host.prefix.run("sc", "start", "HavenmasterAgent")
    host.runs_by_itself("disabled")


def deleted(host):
    host.boot(agent=False)
    host.tool("kill", NAME, expect=None)
    host.tool("delete", NAME)
    host.boot(agent=False)
    host.fails("service deleted", 1075)
    host.prefix.run("sc", "start", "HavenmasterAgent")
    host.runs_by_itself("service deleted")


def circle(host):
    host.tool("depend", NAME, GUARDED)
    host.released("the guard was made to depend on what it guards")
    host.starts("a circle")


def killed_while_starting(host):
    host.boot(agent=False)
    child = subprocess.Popen(["wine", TOOL, "start", GUARDED], stdout=subprocess.PIPE,
                             stdin=subprocess.DEVNULL, env=w.environment())
    h.started.append(child)
    h.wait_until("the guard is starting", 30, lambda: host.state() == "START_PENDING")
    host.tool("kill", NAME)
    said = child.communicate(timeout=90)[0].decode()
    h.check("killed while it starts: Windows says 1068", said.startswith("error 1068"), said)
    host.prefix.run("sc", "start", "HavenmasterAgent")
    h.wait_until("the agent starts the service", 60, lambda: host.state(GUARDED) == "RUNNING")
    h.check("it is still guarded", NAME in host.depends(), host.depends())
    host.tool("stop", GUARDED)
    host.starts("killed while it starts, the next time")


def started_twice(host):
    code, out, err = host.prefix.run("sc", "start", NAME)
    h.check("a second start is refused", code != 0, f"{out}{err}")
    code, out, err = host.prefix.run(PROGRAM)
    h.check("a person cannot start it", code == 1, f"{code} {out}{err}")
    code, _, _ = host.prefix.run("sc", "stop", NAME)
    h.check("nobody stops it by mistake", code != 0 and host.state() == "RUNNING", host.state())
    host.starts("started twice", most_ms=AT_ONCE_MS)


# ---- others, meanwhile --------------------------------------------------------------------------

def edited(host):
    host.tool("depend", GUARDED, "Spooler", NAME, *OTHERS[:1])
    host.must("removed among what others wrote", "guard", "remove", GUARDED)
    h.check("theirs stays, in their order", host.depends() == ["Spooler", OTHERS[0]], host.depends())
    h.check("with the last one the guard goes", host.state() is None and not os.path.exists(FOLDER),
            f"{host.state()} {os.path.exists(FOLDER)}")
    h.check("and its record", not service.has_key(host.prefix, RECORD))
    host.must("remove without add", "guard", "remove", GUARDED, code=1, says="has no guard")
    host.starts("never guarded", most_ms=AT_ONCE_MS)


def removed_by_somebody(host):
    host.tool("depend", GUARDED, *OTHERS)
    host.must("the list says so", "guard", "list", code=1, says="NOT guarded")
    host.starts("the dependency is gone", most_ms=AT_ONCE_MS)
    host.must("removed all the same", "guard", "remove", GUARDED)
    h.check("as it was", host.depends() == OTHERS, host.depends())


def there_before(host):
    host.must("removed", "guard", "remove", "--all")
    host.end_agent()
    host.tool("depend", GUARDED, NAME, *OTHERS)  # by hand, of a guard that is not there
    took, said = host.start()
    h.check("by hand, no guard: Windows says 1075", took is None and said.startswith("error 1075"), said)
    host.must("listed as what it is", "guard", "list", code=1, says="cannot work")
    host.must("by hand", "guard", "list", code=1, says="by hand")
    host.prefix.run("sc", "start", "HavenmasterAgent")
    host.released("by hand, no guard")
    host.end_agent()
    host.tool("depend", GUARDED, NAME, *OTHERS)
    host.must("added to what is there", "guard", "add", GUARDED)
    h.check("not twice", host.depends() == [NAME, *OTHERS], host.depends())
    text = host.must("guarded", "guard", "list", says=f"{GUARDED}: guarded")
    h.check("no longer by hand", "by hand" not in text, text)
    host.starts("there before")
    host.must("all removed", "guard", "remove", "--all", says=GUARDED)
    h.check("without the guard", host.depends() == OTHERS, host.depends())
    host.starts("there before, removed", most_ms=AT_ONCE_MS)


def service_deleted(host):
    host.tool("depend", ABOVE)
    host.tool("delete", GUARDED)
    host.boot()
    host.must("a service that is gone", "guard", "list", code=1, says="is gone")
    host.must("is forgotten", "guard", "remove", GUARDED)
    h.check("the guard goes with it", host.state() is None, host.state())


def refusals(host):
    for name, says in (("RpcSs", "must not wait"), ("HavenmasterAgent", "must not wait"),
                       ("Eventlog", "must not wait"), (NAME, "must not wait"), ("NDIS", "driver"),
                       ("No Such", "no such service")):
        host.must(f"{name} is refused", "guard", "add", name, code=1, says=says)
    host.must("no name, no --all", "guard", "remove", code=2)


# ---- killed -------------------------------------------------------------------------------------

def killed(host, seed):
    """guard add and remove killed at any moment: the service starts, and the next call completes."""
    chance = random.Random(seed)
    for i in range(KILLS):
        verb = "add" if i % 2 == 0 else "remove"
        child = subprocess.Popen(["wine", service.PROGRAM, "guard", verb, GUARDED],
                                 stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL, env=w.environment())
        h.started.append(child)
        time.sleep(chance.uniform(0.0, 0.6))
        child.kill()
        child.wait()
        took, said = host.start()
        if not h.check(f"kill {i} of guard {verb}: the service starts", took is not None, said):
            return
        host.tool("stop", GUARDED)
        if chance.random() < 0.5:
            host.must("add completes", "guard", "add", GUARDED)
        else:
            host.must("remove completes", "guard", "remove", "--all")
            h.check("nothing is left", host.depends() == OTHERS and not os.path.exists(FOLDER) and
                    not service.has_key(host.prefix, RECORD), host.depends())


# ---- removal ------------------------------------------------------------------------------------

def uninstall(host):
    host.must("uninstalled", "service", "remove", says=GUARDED)
    h.check("no dependency", host.depends() == OTHERS, host.depends())
    h.check("no guard", host.state() is None and not os.path.exists(FOLDER))
    host.starts("uninstalled", most_ms=AT_ONCE_MS)


def erase(host):
    host.end_agent()
    host.must("erased", "erase", "--yes", says=GUARDED)
    h.check("no dependency", host.depends() == OTHERS, host.depends())
    h.check("no guard, no record", host.state() is None and not os.path.exists(FOLDER) and
            not service.has_key(host.prefix, RECORD))
    host.starts("erased", most_ms=AT_ONCE_MS)


FAULTS = [waits, boot, no_agent, agent_crashes, agent_gone, agent_hangs, state_unreadable, upgrade,
          forged, program_deleted, program_deleted_started_by_agent, program_replaced,
          replacement_fails, safe_mode, cure_by_hand, disabled_while_it_runs, disabled, deleted, circle,
          killed_while_starting, started_twice, edited, removed_by_somebody, there_before,
          service_deleted, refusals, *guard_faults.FAULTS, *guard_files.FAULTS, uninstall, erase]


def suite(prefix, folder):
    only = os.environ.get("HM_FAULTS", "").split()
    unknown = set(only) - {fault.__name__ for fault in FAULTS} - {"policies", "killed"}
    h.check("every name in HM_FAULTS is known", not unknown, sorted(unknown))
    seed = int(os.environ.get("HM_SEED", "0")) or random.randrange(1, 1 << 30)
    print(f"HM_SEED={seed}")
    prefix.version("2019")
    service.clear(prefix)
    host = Host(prefix)
    for fault in FAULTS:
        if not only or fault.__name__ in only:
            began = time.monotonic()
            host.fresh()
            fault(host)
            print(f"-- {fault.__name__}: {time.monotonic() - began:.0f} s")
    if not only or "policies" in only:
        host.fresh()
        policies(host, folder)
    if not only or "killed" in only:
        host.fresh()
        killed(host, seed)
    host.fresh()
    host.must("all removed at the end", "guard", "remove", "--all")
    for name in (ABOVE, GUARDED):
        host.tool("stop", name, expect=None)
        host.tool("delete", name)
    service.clear(prefix)


if __name__ == "__main__":
    w.main(suite)
