"""Cases of suite_guard.py: what others do to the guard and to what it depends on.

SPDX-License-Identifier: Apache-2.0
"""
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import suite_service as service  # noqa: E402
import wine as w  # noqa: E402
from guard_world import (ABOVE, AGENT_KEY, AT_ONCE_MS, FOLDER, GUARD, GUARDED, GUARD_KEY, NAME,  # noqa: E402
                         OTHERS, PROGRAM, RECORD, SAFE_BOOT, TOOL)
from wine import h  # noqa: E402

SERVICES = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services"
GUARDED_KEY = rf"{SERVICES}\{GUARDED}"


# ---- the program --------------------------------------------------------------------------------

def refuses(host, what, data):
    """A bad program beside the agent while a good one runs: nothing of it reaches the good one."""
    source = os.path.join(service.PROGRAM_FOLDER, "hm-guard.exe")
    with open(source, "wb") as file:
        file.write(data)
    for name in (ABOVE, GUARDED):
        host.must(f"{what}: {name} is refused", "guard", "add", name, code=1,
                  says="hm-guard.exe cannot be the guard's program")
    with open(PROGRAM, "rb") as file, open(GUARD, "rb") as good:
        h.check(f"{what}: the good one stays", file.read() == good.read())
    h.check(f"{what}: nothing of it stays", "hm-guard-new.exe" not in os.listdir(FOLDER),
            os.listdir(FOLDER))
    host.must(f"{what}: the guard works", "guard", "list", says=f"{GUARDED}: guarded")


def bad_program(host):
    """What "guard add" would put in the place of a program that runs must be the guard."""
    with open(GUARD, "rb") as file:
        good = file.read()
    with open(TOOL, "rb") as file:
        other = file.read()
    with open(w.AGENT, "rb") as file:
        agent = file.read()
    refuses(host, "empty", b"")
    refuses(host, "cut short", good[:9000])
    refuses(host, "the last byte of it is missing", good[:-1])
    refuses(host, "another program", other)
    refuses(host, "one that speaks of the guard", agent)
    host.boot(agent=False)
    host.starts("bad programs beside the agent")
    host.starts("and the guard runs", most_ms=AT_ONCE_MS)


def bad_program_in_place(host):
    """Put there by an agent that did not look: the record calls it the right one."""
    data = b"no program"
    host.boot()
    host.tool("kill", NAME, expect=None)
    host.end_agent()
    with open(PROGRAM, "wb") as file:
        file.write(data)
    host.prefix.reg_write((RECORD.replace("HKLM", "HKEY_LOCAL_MACHINE"),
                           {"Digest": "blake2b-256:" +
                                     hashlib.blake2b(data, digest_size=32).hexdigest()}))
    host.must("the list sees it", "guard", "list", code=1, says="it is no program")
    host.prefix.run("sc", "start", "HavenmasterAgent")
    host.released("a bad program in place")
    host.starts("a bad program in place", most_ms=AT_ONCE_MS)


# ---- removed while a service waits ---------------------------------------------------------------

def removed_while_it_waits(host):
    """The start that waits for the guard succeeds, whatever removes the guard in these seconds."""
    for verb in (["guard", "remove", GUARDED], ["guard", "remove", "--all"], ["service", "remove"],
                 ["erase", "--yes"]):
        what = " ".join(verb)
        host.fresh()
        host.boot(agent=False)
        child = subprocess.Popen(["wine", TOOL, "start", GUARDED], stdout=subprocess.PIPE,
                                 stdin=subprocess.DEVNULL, env=w.environment())
        h.started.append(child)
        h.wait_until(f"{what}: the guard is starting", 30, lambda: host.state() == "START_PENDING")
        time.sleep(1)
        host.must(f"{what} while a service waits", *verb)
        said = child.communicate(timeout=90)[0].decode()
        h.check(f"{what}: the service starts", said.startswith("RUNNING"), said)
        h.check(f"{what}: nothing is left", host.depends() == OTHERS and host.state() is None and
                not os.path.exists(FOLDER) and not service.has_key(host.prefix, RECORD),
                f"{host.depends()} {host.state()}")
        host.tool("stop", GUARDED, expect=None)


def processes(program):
    """Of this prefix, by the name of their program."""
    found = []
    for entry in os.listdir("/proc"):
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as line, \
                    open(f"/proc/{entry}/environ", "rb") as variables:
                if entry.isdigit() and program.encode() in line.read() and \
                        f"WINEPREFIX={w.PREFIX}".encode() in variables.read().split(b"\0"):
                    found.append(int(entry))
        except OSError:
            pass  # it has ended, or is no process
    return found


def frozen(host):
    """A guard that does not end: the command does not say that it is gone."""
    guards = processes("Havenmaster Guard")
    h.check("the guard's process is found", len(guards) == 1, guards)
    for pid in guards:
        os.kill(pid, signal.SIGSTOP)
    host.must("frozen", "guard", "remove", "--all", code=1, says="marked for deletion")
    h.check("frozen: nothing depends on it", host.depends() == OTHERS, host.depends())
    for pid in guards:
        os.kill(pid, signal.SIGCONT)
    h.wait_until("it ends", 30, lambda: host.state() is None)
    host.must("the next call completes", "guard", "remove", "--all")
    h.check("nothing is left", not os.path.exists(FOLDER) and not
            service.has_key(host.prefix, RECORD), FOLDER)


SESSION_KEY = r"HKLM\SYSTEM\CurrentControlSet\Control\Session Manager"
WINDOWS_PROGRAM = r"C:\Program Files\Havenmaster Guard\hm-guard.exe"


def pending(host):
    """What Windows is to delete or rename with the next boot."""
    return host.prefix.reg_query(SESSION_KEY, "PendingFileRenameOperations")[1]


def in_use(host):
    """A program in use goes with the next boot; not the one that was put there before that boot."""
    guards = processes("Havenmaster Guard")
    for pid in guards:
        os.kill(pid, signal.SIGSTOP)
    host.must("in use", "guard", "remove", "--all", code=1, says="marked for deletion")
    h.check("its own path is not what Windows deletes", ".old" in pending(host) and
            "hm-guard.exe" not in pending(host), pending(host))
    for pid in guards:
        os.kill(pid, signal.SIGCONT)
    h.wait_until("it ends", 30, lambda: host.state() is None)
    host.must("added before the boot", "guard", "add", GUARDED)
    host.boot(agent=False)
    h.check("the program is there after the boot", os.path.exists(PROGRAM), os.listdir(FOLDER))
    h.check("and no other", not [name for name in os.listdir(FOLDER) if name.endswith(".old")],
            os.listdir(FOLDER))
    host.starts("the boot after")


def held(host):
    """A program that nobody can rename stays; the command says so, and the next one completes."""
    holder = subprocess.Popen(["wine", TOOL, "hold", WINDOWS_PROGRAM], stdout=subprocess.PIPE,
                              stdin=subprocess.DEVNULL, env=w.environment())
    h.started.append(holder)
    h.check("it is held", holder.stdout.readline().strip() == b"held")
    text = host.must("held", "guard", "remove", "--all", says="stays: ")
    h.check("it is named", r"stays: C:\Program Files\Havenmaster Guard\hm-guard.exe" in text, text)
    h.check("Windows is not asked to delete it", "hm-guard" not in pending(host), pending(host))
    holder.kill()
    holder.wait()
    host.must("the next call completes", "guard", "remove", "--all")
    h.check("nothing is left", not os.path.exists(FOLDER))


def goes_with_the_boot(host):
    """Another program asked Windows to delete the guard's program: nothing may depend on it."""
    host.tool("later", WINDOWS_PROGRAM)
    h.check("Windows was asked", "hm-guard.exe" in pending(host), pending(host))
    host.released("asked to delete the program")
    no_guard_until_the_boot(host)


def replaced_with_the_boot(host):
    """As an installer does that wants to put a file of its own there."""
    theirs = os.path.join(FOLDER, "theirs.exe")
    shutil.copy(TOOL, theirs)
    host.tool("later", WINDOWS_PROGRAM.replace("hm-guard.exe", "theirs.exe"), WINDOWS_PROGRAM.upper())
    h.check("Windows was asked", "HM-GUARD.EXE" in pending(host), pending(host))
    host.released("asked to replace the program")
    no_guard_until_the_boot(host)


def goes_by_another_name(host):
    """By its short names, and with the folder that it is in."""
    host.tool("later-short", WINDOWS_PROGRAM)
    h.check("Windows was asked", "~" in pending(host), pending(host))
    host.must("the list says so", "guard", "list", code=1)
    host.released("asked to delete it by its short name")
    no_guard_until_the_boot(host)
    folder = WINDOWS_PROGRAM.rsplit("\\", 1)[0]
    host.tool("later", folder, folder + " gone")
    host.must("the list says so of the folder", "guard", "list", code=1)
    host.released("asked to rename the folder")
    no_guard_until_the_boot(host)


def no_guard_until_the_boot(host):
    host.must("the list says so", "guard", "list", code=1, says="NOT guarded")
    host.must("no guard until the boot", "guard", "add", GUARDED, code=1, says="restart this host")
    h.check("nothing was added", host.depends() == OTHERS, host.depends())
    host.boot()
    host.must("after it", "guard", "add", GUARDED)
    host.must("it works", "guard", "list", says=f"{GUARDED}: guarded")


def cut_short(host):
    """Killed between the two names: the agent completes it, and the service stays guarded."""
    host.end_agent()
    host.tool("kill", NAME, expect=None)
    os.rename(PROGRAM, os.path.join(FOLDER, "hm-guard-new.exe"))
    host.must("the list says so", "guard", "list", code=1, says="is gone")
    host.prefix.run("sc", "start", "HavenmasterAgent")
    h.wait_until("the agent completes it", 60, lambda: os.path.exists(PROGRAM))
    host.must("it works", "guard", "list", says=f"{GUARDED}: guarded")
    h.check("it is still guarded", NAME in host.depends(), host.depends())
    host.starts("a replacement that was cut short")


def left_over(host):
    """What is not ours in the guard's folder is named, and stays."""
    theirs = os.path.join(FOLDER, "theirs.txt")
    with open(theirs, "w", encoding="utf-8") as file:
        file.write("theirs")
    host.must("what stays is named", "guard", "remove", GUARDED, says="theirs.txt")
    h.check("it stays", os.path.exists(theirs))
    os.remove(theirs)
    host.must("the next call completes", "guard", "remove", "--all")
    h.check("nothing is left", not os.path.exists(FOLDER))


# ---- the configuration --------------------------------------------------------------------------

def changed(host):
    """Nobody but the guard is there: whatever keeps it from starting again makes it let go."""
    for what, values in (("type", {"Type": 1}), ("account", {"ObjectName": r".\nobody"}),
                         ("start", {"Start": 1})):
        host.must(f"{what}: guarded", "guard", "add", GUARDED)
        host.end_agent()
        host.prefix.reg_write((GUARD_KEY, values))
        host.must(f"{what} changed: the list says so", "guard", "list", code=1)
        host.released(f"{what} changed, without an agent")
        host.prefix.run("sc", "start", "HavenmasterAgent")
        host.tool("kill", NAME, expect=None)


def changed_with_agent(host):
    host.must("guarded", "guard", "add", GUARDED)
    host.tool("kill", NAME, expect=None)
    host.prefix.reg_write((GUARD_KEY, {"Type": 1}))
    host.released("type changed, the guard does not run")
    host.starts("type changed", most_ms=AT_ONCE_MS)


def useless(host):
    """The list says what "guard add" would refuse today."""
    cases = [("the agent needs the service", (AGENT_KEY, {"DependOnService": [GUARDED]}),
              (AGENT_KEY, {"DependOnService": []}), "HavenmasterAgent depends on it"),
             ("Windows needs the service", (rf"{SERVICES}\RpcSs", {"DependOnService": [GUARDED]}),
              (rf"{SERVICES}\RpcSs", {"DependOnService": []}), "must not wait"),
             ("it starts before the agent", (GUARDED_KEY, {"Group": "TDI"}),
              (GUARDED_KEY, {"Group": ""}), "before the agent"),
             ("the agent does not start at boot", (AGENT_KEY, {"Start": 3}),
              (AGENT_KEY, {"Start": 2}), "start= auto"),
             ("the agent is delayed", (AGENT_KEY, {"DelayedAutostart": 1}),
              (AGENT_KEY, {"DelayedAutostart": 0}), "minutes later")]
    for what, change, back, says in cases:
        host.prefix.reg_write(change)
        text = host.must(f"{what}: the list says so", "guard", "list", code=1, says=says)
        h.check(f"{what}: it is not called guarded", f"{GUARDED}: NOT guarded" in text, text)
        host.prefix.reg_write(back)
        host.must(f"{what} no longer", "guard", "list", says=f"{GUARDED}: guarded")


# ---- the record ---------------------------------------------------------------------------------

def lose_record(host):
    host.prefix.reg_write((RECORD.replace("HKLM", "HKEY_LOCAL_MACHINE"), None))


def record_gone(host):
    """A registry cleaner, or an older copy of SOFTWARE: only the dependency itself shows the guard."""
    lose_record(host)
    time.sleep(3)  # the agent looks each second
    h.check("a guard that works stays", NAME in host.depends(), host.depends())
    host.starts("record gone", most_ms=AT_ONCE_MS)
    host.must("added again", "guard", "add", GUARDED)
    text = host.must("the record knows it again", "guard", "list", says=f"{GUARDED}: guarded")
    h.check("it is not called somebody's", "by hand" not in text, text)
    before = host.prefix.reg_query(rf"{RECORD}\Services", GUARDED)[1]
    h.check("with the others of before", OTHERS[0] in before and NAME not in before, before)
    host.must("removed", "guard", "remove", GUARDED)
    h.check("nothing is left", host.depends() == OTHERS and host.state() is None and not
            service.has_key(host.prefix, RECORD), host.depends())


def without_record(host, what, error, harm):
    host.boot(agent=False)
    host.tool("kill", NAME, expect=None)
    lose_record(host)
    harm()
    if error == 1075:
        host.boot(agent=False)
    host.fails(what, error)
    host.prefix.run("sc", "start", "HavenmasterAgent")
    host.runs_by_itself(what)


def record_and_program_deleted(host):
    without_record(host, "record and program gone", 1068, lambda: os.remove(PROGRAM))


def record_gone_disabled(host):
    without_record(host, "record gone, disabled", 1068, lambda: host.tool("config", NAME, "4"))


def record_gone_deleted(host):
    without_record(host, "record gone, service deleted", 1075, lambda: host.tool("delete", NAME))


def record_gone_with_agent(host):
    """The agent runs all the time."""
    lose_record(host)
    host.tool("kill", NAME, expect=None)
    host.tool("config", NAME, "4")
    host.released("record gone, then disabled")
    host.starts("record gone, then disabled", most_ms=AT_ONCE_MS)


def key_deleted(host):
    """The guard's own key, with nobody but the guard there."""
    host.end_agent()
    host.prefix.reg_write((GUARD_KEY, None))
    host.released("the guard's key is deleted")


# ---- what is not ours ---------------------------------------------------------------------------

def foreign(host):
    """A service of the guard's name that another program made is not touched."""
    host.must("removed", "guard", "remove", "--all")
    host.make(NAME, [])
    host.tool("depend", ABOVE, NAME)
    path = service.value(host.prefix, GUARD_KEY.replace("HKEY_LOCAL_MACHINE", "HKLM"), "ImagePath")
    host.must("no guard can be added", "guard", "add", GUARDED, code=1, says="another program made")
    host.must("none is listed", "guard", "list", says="no service has a guard")
    host.must("removed all", "guard", "remove", "--all", says="no service has a guard")
    host.end_agent()
    host.must("erased", "erase", "--yes")
    h.check("the service stays as it is", host.state() == "STOPPED" and path == service.value(
        host.prefix, GUARD_KEY.replace("HKEY_LOCAL_MACHINE", "HKLM"), "ImagePath"), host.state())
    h.check("and what depends on it", host.depends(ABOVE) == [NAME], host.depends(ABOVE))
    h.check("nothing of ours is there", not os.path.exists(FOLDER) and host.depends() == OTHERS)
    host.tool("delete", NAME)
    host.tool("depend", ABOVE, GUARDED)


def foreign_safe_mode(host):
    """Likewise what others wrote for safe mode."""
    mode = rf"{SAFE_BOOT}\Minimal"
    key = rf"{mode}\{NAME}"
    host.must("removed", "guard", "remove", "--all")
    host.prefix.reg_write((mode, {}), (key, {"theirs": "x"}))
    host.must("a key of somebody's", "guard", "add", GUARDED, code=1, says="SafeBoot")
    h.check("nothing was added", host.depends() == OTHERS and host.state() is None, host.depends())
    host.prefix.reg_write((key, None))
    host.must("without it", "guard", "add", GUARDED)
    host.prefix.reg_write((key, {"theirs": "x"}))
    host.must("removed again", "guard", "remove", "--all")
    h.check("theirs stays", host.prefix.reg_query(key, "theirs")[1] == "x")
    host.prefix.reg_write((SAFE_BOOT, None))


def odd_lists(host):
    """A list that could not be kept as it is gets no guard; one that can is the same afterwards."""
    key = GUARDED_KEY.replace("HKEY_LOCAL_MACHINE", "HKLM")

    def stands():
        return [host.prefix.reg_query(key, name) for name in ("DependOnService", "DependOnGroup")]

    host.must("removed", "guard", "remove", "--all")
    for what, values in (("one text", {"DependOnService": "RpcSs"}),
                         ("an empty name inside", {"DependOnService": ["RpcSs", "", "PlugPlay"]}),
                         ("groups as one text", {"DependOnService": [], "DependOnGroup": "TDI"})):
        host.prefix.reg_write((GUARDED_KEY, values))
        before = stands()
        host.must(f"{what}: refused", "guard", "add", GUARDED, code=1, says="plain list")
        h.check(f"{what}: untouched", stands() == before, f"{before} {stands()}")
    host.prefix.reg_write((GUARDED_KEY, {"DependOnService": ["RpcSs", "PlugPlay"],
                                         "DependOnGroup": ["TDI", "Net", "TDI"]}))
    before = stands()
    host.must("a group twice: guarded", "guard", "add", GUARDED)
    host.must("a group twice: removed", "guard", "remove", GUARDED)
    h.check("a group twice: as it was", stands() == before, f"{before} {stands()}")
    host.tool("depend", GUARDED, *OTHERS)


def blocked(host):
    """A file where the folder must be: both commands say what to do."""
    host.must("removed", "guard", "remove", "--all")
    with open(FOLDER, "w", encoding="utf-8") as file:
        file.write("a file where a folder must be")
    host.must("add", "guard", "add", GUARDED, code=1, says="removed or renamed first")
    h.check("nothing was added", host.depends() == OTHERS, host.depends())
    os.remove(FOLDER)


FAULTS = [bad_program, bad_program_in_place, removed_while_it_waits, frozen, in_use, held,
          goes_with_the_boot, replaced_with_the_boot, goes_by_another_name, cut_short, left_over, changed,
          changed_with_agent, useless, record_gone,
          record_and_program_deleted, record_gone_disabled, record_gone_deleted, record_gone_with_agent,
          key_deleted, foreign, foreign_safe_mode, odd_lists, blocked]
