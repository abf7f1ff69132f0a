"""Cases of suite_guard.py: the guard's files are in use, protected or elsewhere, commands meet or are
cut short, and what is said of it is true.

SPDX-License-Identifier: Apache-2.0
"""
import os
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import suite_service as service  # noqa: E402
import wine as w  # noqa: E402
from guard_world import (ABOVE, BOOT_KEY, FOLDER, GUARDED, NAME, OTHERS, RECORD, SAFE_BOOT,  # noqa: E402
                         TOOL)
from wine import h  # noqa: E402

WINDOWS_PROGRAM = r"C:\Program Files\Havenmaster Guard\hm-guard.exe"
WINDOWS_SOURCE = r"C:\Program Files\Havenmaster\hm-guard.exe"
SOURCE = os.path.join(service.PROGRAM_FOLDER, "hm-guard.exe")


def keep_open(verb, path):
    """A scanner that does not let go until it is ended."""
    holder = subprocess.Popen(["wine", TOOL, verb, path], stdout=subprocess.PIPE,
                              stdin=subprocess.DEVNULL, env=w.environment())
    h.started.append(holder)
    h.check(f"{verb} {path}", holder.stdout.readline().strip() == b"held")
    return holder


def end(holder):
    holder.kill()
    holder.wait()


def make_newer():
    with open(SOURCE, "ab") as file:
        file.write(b"\0")


def digest(host):
    return host.prefix.reg_query(RECORD, "Digest")[1]


# ---- a failed "guard add" changes nothing --------------------------------------------------------

def newer_in_use(host):
    """The program that services depend on cannot be replaced: it stays the right one."""
    for verb in ("seize", "hold"):
        make_newer()
        before = digest(host)
        holder = keep_open(verb, WINDOWS_PROGRAM)
        text = host.must(f"{verb}: refused", "guard", "add", ABOVE, code=1,
                         says="nothing was changed")
        h.check(f"{verb}: with advice", "open" in text and "end" in text, text)
        h.check(f"{verb}: the record is as it was", digest(host) == before, digest(host))
        end(holder)
        time.sleep(4)  # the agent looks each second
        host.must(f"{verb}: the guard works", "guard", "list", says=f"{GUARDED}: guarded")
        h.check(f"{verb}: and the agent leaves it alone", NAME in host.depends(), host.depends())
        h.check(f"{verb}: nothing of the new one is there", not os.path.exists(
            os.path.join(FOLDER, "hm-guard-new.exe")))
        host.must(f"{verb}: once it can be replaced", "guard", "add", ABOVE)
        host.must(f"{verb}: removed again", "guard", "remove", ABOVE)
    host.boot(agent=False)
    host.starts("a program that could not be replaced")


def source_in_use(host):
    """The program beside the agent: what is wrong with it is what is said."""
    holder = keep_open("seize", WINDOWS_SOURCE)
    text = host.must("in use", "guard", "add", ABOVE, code=1, says="nothing was changed")
    h.check("it is there", "must be beside" not in text, text)
    end(holder)
    os.remove(SOURCE)
    host.must("gone", "guard", "add", ABOVE, code=1, says="must be beside")
    host.must("the guard works", "guard", "list", says=f"{GUARDED}: guarded")


# ---- protected, elsewhere -----------------------------------------------------------------------

def read_only(host):
    """Read-only files are replaced and removed as others are."""
    for name in os.listdir(FOLDER):
        os.chmod(os.path.join(FOLDER, name), 0o444)
    make_newer()
    host.must("a newer program", "guard", "add", ABOVE)
    with open(SOURCE, "rb") as source, open(os.path.join(FOLDER, "hm-guard.exe"), "rb") as program:
        h.check("is put there", source.read() == program.read())
    for name in os.listdir(FOLDER):
        os.chmod(os.path.join(FOLDER, name), 0o444)
    host.must("removed", "guard", "remove", "--all")
    h.check("nothing is left", not os.path.exists(FOLDER),
            os.path.exists(FOLDER) and os.listdir(FOLDER))


def linked_folder(host):
    """What is behind a link in the place of the guard's folder stays as it is."""
    theirs = os.path.join(service.DRIVE, "theirs")

    def stands():
        return {name: open(os.path.join(theirs, name), encoding="utf-8").read()
                for name in os.listdir(theirs)}

    host.must("removed", "guard", "remove", "--all")
    shutil.rmtree(theirs, ignore_errors=True)
    os.mkdir(theirs)
    for name in ("theirs.txt", "hm-guard.exe", "hm-guard.old"):
        with open(os.path.join(theirs, name), "w", encoding="utf-8") as file:
            file.write("theirs")
    before = stands()
    os.symlink(theirs, FOLDER)
    host.must("no guard there", "guard", "add", GUARDED, code=1, says="is a link")
    h.check("nothing was added", host.depends() == OTHERS and host.state() is None, host.depends())
    host.must("nothing of ours is there", "guard", "remove", "--all", says="no service has a guard")
    h.check("theirs is as it was", stands() == before, os.listdir(theirs))
    os.remove(FOLDER)
    host.must("without the link", "guard", "add", GUARDED)
    os.rename(FOLDER, FOLDER + " moved")
    os.symlink(theirs, FOLDER)
    host.must("the link came later: removed", "guard", "remove", "--all")
    h.check("nothing depends on the guard", host.depends() == OTHERS and host.state() is None and
            not service.has_key(host.prefix, RECORD), host.depends())
    h.check("theirs is as it was, again", stands() == before, os.listdir(theirs))
    os.remove(FOLDER)
    shutil.rmtree(FOLDER + " moved")
    shutil.rmtree(theirs)


def no_folder(host):
    """A file, a link to nowhere or a folder "lock" in its place: a removal names it, and succeeds."""
    def put_file():
        with open(FOLDER, "w", encoding="utf-8") as file:
            file.write("theirs")

    for what, put, stays, clear in (
            ("a file", put_file, True, lambda: os.remove(FOLDER)),
            ("a link to nowhere", lambda: os.symlink("/nonexistent/guard", FOLDER), False,
             lambda: os.remove(FOLDER)),
            ("its lock is a folder", lambda: os.makedirs(os.path.join(FOLDER, "lock")), True,
             lambda: shutil.rmtree(FOLDER))):
        for words in (["--all"], [GUARDED]):
            host.must(f"{what}: first", "guard", "add", GUARDED)
            shutil.rmtree(FOLDER)
            put()
            host.must(f"{what}: removed", "guard", "remove", *words, says="stays: " if stays else "")
            h.check(f"{what}: nothing is left", host.depends() == OTHERS and host.state() is None and
                    not service.has_key(host.prefix, RECORD), host.depends())
            host.must(f"{what}: again", "guard", "remove", "--all", says="no service has a guard")
            h.check(f"{what}: stays", os.path.lexists(FOLDER), FOLDER)
            clear()


# ---- commands that meet, or are cut short --------------------------------------------------------

def at_once(host):
    """Each ends as if it were alone, or says that another runs."""
    for i in range(4):
        for first, second in ((["add", ABOVE], ["remove", "--all"]),
                              (["remove", "--all"], ["remove", "--all"]),
                              (["add", GUARDED], ["remove", GUARDED])):
            children = [subprocess.Popen(["wine", service.PROGRAM, "guard", *words],
                                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                         stdin=subprocess.DEVNULL, env=w.environment())
                        for words in (first, second)]
            h.started.extend(children)
            for words, child in zip((first, second), children):
                said = child.communicate(timeout=120)[0].decode(errors="replace")
                h.check(f"{i}: {words} beside {first} and {second}", child.returncode == 0 or
                        "another command" in said or "has no guard" in said, said)
        host.starts(f"{i}: after all of them")
    host.must("guarded again", "guard", "add", GUARDED)


def cut_off_removal(host):
    """Killed once the last dependency and its record were gone: the list says what is left, and
    the same command completes."""
    for words in ([GUARDED], ["--all"]):
        host.must("guarded", "guard", "add", GUARDED)
        host.tool("depend", GUARDED, *OTHERS)
        host.prefix.reg_write((RECORD.replace("HKLM", "HKEY_LOCAL_MACHINE") + r"\Services", None))
        text = host.must("the list", "guard", "list", says="no service has a guard")
        h.check("says what is left", "stays: the service HavenmasterGuard" in text and
                "remove --all" in text, text)
        host.must("the same command again", "guard", "remove", *words)
        h.check("nothing is left", host.state() is None and not os.path.exists(FOLDER) and
                not service.has_key(host.prefix, RECORD), host.state())
        text = host.must("the list", "guard", "list", says="no service has a guard")
        h.check("says nothing else", "stays" not in text, text)
    host.must("a guard that nobody has", "guard", "remove", GUARDED, code=1, says="has no guard")


# ---- what is said --------------------------------------------------------------------------------

def not_listed_for_safe_mode(host):
    """A cleaner removed it there: the list says so, and the agent adds it again."""
    modes = [rf"{SAFE_BOOT}\{mode}" for mode in ("Minimal", "Network")]
    host.end_agent()
    host.prefix.reg_write(*((mode, {"test": 1}) for mode in modes))
    text = host.must("the list says so", "guard", "list", code=1, says=f"{GUARDED}: guarded")
    h.check("what is missing", "in safe mode" in text, text)
    host.prefix.run("sc", "start", "HavenmasterAgent")
    for mode in modes:
        h.wait_until(f"{mode}: the agent adds it again", 60,
                     lambda mode=mode: service.has_key(host.prefix, rf"{mode}\{NAME}"))
    host.must("as it was", "guard", "list", says=f"{GUARDED}: guarded")
    host.prefix.reg_write((rf"{modes[0]}\{NAME}", None), (rf"{modes[0]}\{NAME}", {"theirs": "x"}))
    time.sleep(4)  # the agent looks each second
    host.must("another's key in its place", "guard", "list", code=1, says="or another's")
    h.check("stays as it is", host.prefix.reg_query(rf"{modes[0]}\{NAME}", "theirs")[1] == "x" and
            host.prefix.reg_query(rf"{modes[0]}\{NAME}", "")[1] != "Service")
    host.prefix.reg_write((SAFE_BOOT, None))


def no_pass(host):
    """The agent cannot start: a guard that only delays is not called one that works."""
    host.prefix.script("stop")
    state = os.path.join(service.DATA, "state")
    shutil.rmtree(state, ignore_errors=True)
    with open(state, "w", encoding="utf-8") as file:
        file.write("a file where a folder must be")
    host.boot()
    host.starts("the state cannot be read")
    text = host.must("the list says so", "guard", "list", code=1, says="the agent does not run")
    h.check("not called guarded", f"{GUARDED}: guarded, but not in this boot" in text, text)
    host.must("and so does add", "guard", "add", GUARDED, says="not in this boot")
    os.remove(state)
    host.prefix.run("sc", "start", "HavenmasterAgent")
    h.wait_until("the pass is done", 60, lambda: host.prefix.reg_query(
        BOOT_KEY, "FirstPass")[1] == "0x1")
    host.must("the list no longer", "guard", "list", says=f"{GUARDED}: guarded\n")


FAULTS = [newer_in_use, source_in_use, read_only, linked_folder, no_folder, at_once, cut_off_removal,
          not_listed_for_safe_mode, no_pass]
