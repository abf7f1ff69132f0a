"""Tools of a Linux server, as far as a remedy may use them.

SPDX-License-Identifier: Apache-2.0
"""
import shlex

import events
from model import Refused

READS = {"ss", "netstat", "cat", "grep", "ls", "journalctl", "true", "sleep", "lsof"}


def run(paste, command):
    lexer = shlex.shlex(command, posix=True, punctuation_chars="|<>")
    lexer.whitespace_split = True
    try:
        words = list(lexer)
    except ValueError as error:
        raise Refused(2, f"syntax error: {error}")
    if "|" in words:
        at = words.index("|")
        output = call(paste, words[:at])
        pipe(paste, words[at + 1:], output)
        return
    target, append = "", False
    for sign in (">>", ">"):
        if sign in words:
            at = words.index(sign)
            if at + 2 != len(words):
                raise Refused(2, "syntax error near the redirection")
            target, append = words[at + 1], sign == ">>"
            words = words[:at]
            break
    output = call(paste, words)
    if target and target != "/dev/null":
        put_file(paste, target, output, append)


def call(paste, words):
    name = words[0].rpartition("/")[2] if words else ""
    if name in ("sudo", "env"):
        return call(paste, words[1:])
    if name in READS:
        return paste.host.files.get(words[-1], "") if name == "cat" else ""
    tool = {"sysctl": sysctl, "systemctl": systemctl, "echo": echo, "printf": printf,
            "mkdir": mkdir, "rm": remove, "reboot": reboot}.get(name)
    if tool is None:
        raise Refused(127, f"{name}: command not found")
    return tool(paste, words[1:]) or ""


def pipe(paste, words, text):
    if words[:1] != ["tee"] or len(words) not in (2, 3):
        raise Refused(127, "this model knows a pipe to tee only")
    put_file(paste, words[-1], text, "-a" in words)


def put_file(paste, path, text, append):
    """A folder that is not there is an error; /proc/sys is the kernel."""
    paste.reads_only = False
    if path.startswith("/proc/sys/"):
        events.set_sysctl(paste.host, path[len("/proc/sys/"):].replace("/", "."), text.strip())
        return
    folder = path.rpartition("/")[0]
    known = {"/etc/sysctl.d", "/etc", "/run/sysctl.d", "/tmp", "/run"}
    if folder not in known and folder not in paste.host.facts.setdefault("folders", set()):
        raise Refused(1, f"{path}: No such file or directory")
    path = "/etc/sysctl.d/99-sysctl.conf" if path == "/etc/sysctl.conf" else path
    paste.host.files[path] = (paste.host.files.get(path, "") if append else "") + text
    paste.changes("file", path)


def echo(_paste, words):
    return " ".join(words[1:] if words[:1] == ["-n"] else words) + ("" if words[:1] == ["-n"]
                                                                    else "\n")


def printf(_paste, words):
    text = words[0].replace("\\n", "\n").replace("\\t", "\t")
    for word in words[1:]:
        text = text.replace("%s", word, 1)
    return text


def mkdir(paste, words):
    paste.host.facts.setdefault("folders", set()).update(w for w in words if w.startswith("/"))


def remove(paste, words):
    paste.reads_only = False
    for path in words:
        if not path.startswith("-") and paste.host.files.pop(path, None) is None and \
                "-f" not in words:
            raise Refused(1, f"{path}: No such file or directory")


def reboot(paste, _words):
    paste.reads_only = False
    paste.restart = True


def sysctl(paste, words):
    """-w name=value, -p FILE, --system; a write of the reserved ports replaces the list (7)."""
    host = paste.host
    if "--system" in words:
        paste.reads_only = False
        paths = [p for p in host.files if p.endswith(".conf") and "/sysctl.d/" in p]
        refused = [name for path in sorted(paths, key=lambda p: p.rpartition("/")[2])
                   for name in events.read_settings(host, host.files[path])]
    elif words[:1] == ["-p"]:
        paste.reads_only = False
        path = words[1] if len(words) > 1 else "/etc/sysctl.d/99-sysctl.conf"
        path = "/etc/sysctl.d/99-sysctl.conf" if path == "/etc/sysctl.conf" else path
        if path not in host.files:
            raise Refused(255, f"cannot open {path}: No such file or directory")
        refused = events.read_settings(host, host.files[path])
    elif words[:1] == ["-w"] or any("=" in word for word in words):
        paste.reads_only = False
        for word in words[1:] if words[0] == "-w" else words:
            name, equals, value = word.partition("=")
            if not equals:
                raise Refused(255, f"{word} must be of the form name=value")
            events.set_sysctl(host, name.strip().replace("/", "."), value.strip())
            paste.changes("sysctl", name)
        refused = []
    else:
        refused = [word for word in words if not word.startswith("-") and word not in host.sysctl]
    if refused:
        raise Refused(255, f"{', '.join(refused)}: Invalid argument")


def systemctl(paste, words):
    """A stop takes with it what requires the unit; a start does not bring that back, a restart
    does (Requires= of systemd.unit)."""
    host = paste.host
    words = [word for word in words if not word.startswith("-")]
    verb = words[0] if words else ""
    if verb in ("status", "is-active", "list-units", "show", "cat", "list-dependencies"):
        return
    paste.reads_only = False
    if verb == "daemon-reload":
        return
    if verb not in ("start", "stop", "restart", "try-restart", "enable", "disable"):
        raise Refused(1, f"unknown command verb {verb}")
    for name in words[1:]:
        if name in ("systemd-sysctl", "systemd-sysctl.service") and verb in ("start", "restart"):
            events.read_files(host, False)
            continue
        service = host.service(name)
        if service is None:
            raise Refused(5, f"unit {name}.service not found")
        change(paste, verb, service)


def change(paste, verb, service):
    host = paste.host
    if verb == "start":
        if not service.runs:
            events.start(host, service, paste.dice)
    elif verb == "stop":
        if not service.runs:
            return
        others = host.dependents(service)
        events.stop(host, service)
        paste.stopped([service.name])
        paste.changes("stop", service.name, *[one.name for one in others])
        return
    elif verb in ("restart", "try-restart"):
        again = host.dependents(service) if service.runs else []
        if service.runs:
            events.stop(host, service)
        elif verb == "try-restart":
            return
        events.start(host, service, paste.dice)
        for other in reversed(again):
            if not other.runs:
                events.start(host, other, paste.dice)
    elif verb == "enable":
        service.start = "automatic"
    elif verb == "disable":
        service.start = "manual"
    paste.changes(verb, service.name)
