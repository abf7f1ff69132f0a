"""Tools of Windows from 2000 to 2025, as far as a remedy may use them: what they do and how they
refuse. Each refusal has a row with its source in self_test.py.

SPDX-License-Identifier: Apache-2.0
"""
import re

import events
import model
import netsh
import texts
from model import Already, Refused

NOT_RECOGNIZED = 9009
VARIABLES = {"temp": "C:\\Temp", "systemroot": "C:\\Windows", "windir": "C:\\Windows",
             "tmp": "C:\\Temp"}
ROOTS = {"hklm": "HKEY_LOCAL_MACHINE", "hkey_local_machine": "HKEY_LOCAL_MACHINE"}
NO_VALUE = "the system was unable to find the specified registry key or value"


def run(paste, command):
    command = re.sub(r"%(\w+)%", lambda m: VARIABLES.get(m.group(1).lower(), m.group(0)), command)
    command, target, append = take_redirection(command)
    name, _, rest = command.partition(" ")
    dot = re.match(r"(?i)echo[.:]", command)
    if dot:
        name, rest = "echo", command[dot.end():]
    name = name.strip('"').rpartition("\\")[2].lower()
    name = name[:-4] if name.endswith((".exe", ".cmd", ".com")) else name
    tool = TOOLS.get(name)
    if tool is None or not tool[1](paste.host):
        raise Refused(NOT_RECOGNIZED, f"'{name}' is not recognized as a command on this system")
    if name == "echo":
        output = "" if dot and not rest else rest
    else:
        output = tool[0](paste, arguments(rest)) or ""
    if target and target.lower() != "nul":
        files = paste.host.files
        files[target.lower()] = (files.get(target.lower(), "") if append else "") + output + "\r\n"
        paste.reads_only = paste.reads_only and name not in ("echo", "type")


def take_redirection(command):
    """The command without > and >>; a digit that stands alone before them is a handle."""
    quoted = False
    target, append, kept, at = "", False, "", 0
    while at < len(command):
        char = command[at]
        quoted = quoted != (char == '"')
        if char == ">" and not quoted:
            append = command.startswith(">>", at)
            if re.search(r"(^|[\s=,;])\d$", kept):
                handle, kept = kept[-1], kept[:-1]
            else:
                handle = "1"
            match = re.match(r'>>?\s*("([^"]*)"|\S+)', command[at:])
            if match is None:
                raise Refused(1, "the syntax of the command is incorrect")
            if handle == "1":
                target = match.group(2) if match.group(2) is not None else match.group(1)
            at += match.end()
            continue
        if char == "|" and not quoted:
            raise Refused(1, "this model has no pipes")
        kept += char
        at += 1
    return kept if not target else kept.rstrip("\r\n"), target, append


def arguments(text):
    """As the C run-time library splits them, near enough: quotes group, \\" is a quote."""
    found, word, quoted, any_word = [], "", False, False
    at = 0
    while at < len(text):
        if text.startswith('\\"', at):
            word, any_word, at = word + '"', True, at + 2
            continue
        if text[at] == '"':
            quoted, any_word = not quoted, True
        elif text[at].isspace() and not quoted:
            if any_word:
                found.append(word)
            word, any_word = "", False
        else:
            word, any_word = word + text[at], True
        at += 1
    return found + [word] if any_word else found


# ---- services ------------------------------------------------------------------------------------

def net(paste, args):
    words = [word for word in args if not word.startswith("/")]
    yes = any(word.lower() in ("/y", "/yes") for word in args)
    verb = words[0].lower() if words else ""
    if verb in ("start", "stop") and len(words) == 2:
        return (net_start if verb == "start" else net_stop)(paste, words[1], yes)
    if verb == "start" and len(words) == 1:
        return "\r\n".join(sorted(paste.host.running()))
    if verb in ("stop", "start"):
        raise Refused(1, "the syntax of this command is NET [START | STOP] service: a name with "
                         "spaces needs quotes")
    raise Refused(1, f"net {verb} is not what this model knows")


def find_service(paste, name, code):
    service = paste.host.service(name)
    if service is None:
        raise Refused(code, f"the service name {name} is invalid")
    return service


def refuse_clustered(host, service):
    """A cluster takes a stop behind its back for a failure."""
    for one in (service, *host.dependents(service)):
        if one.start == "cluster":
            raise Refused(1, f"the cluster restarts {one.name}, or fails its group over")


def net_stop(paste, name, yes):
    """With services that depend on it and run, net asks Y/N: in a paste the next line answers."""
    paste.reads_only = False
    service = find_service(paste, name, 2185)
    if not service.runs:
        raise Already(3521, f"the {name} service is not started")
    if not model.stoppable(paste.host, service):
        raise Refused(2191, f"the requested stop is not valid for {name}")
    refuse_clustered(paste.host, service)
    others = [one.name for one in paste.host.dependents(service)]
    if others and not yes:
        raise Refused(2, f"asks Y/N, since {', '.join(others)} depend on {name}: nothing stops")
    for other in others:
        if not model.stoppable(paste.host, paste.host.service(other)):
            raise Refused(2191, f"{other} depends on {name} and cannot be stopped")
    events.stop(paste.host, service)
    paste.changes("stop", service.name, *others)
    paste.stopped([service.name, *others])


def net_start(paste, name, _yes):
    paste.reads_only = False
    service = find_service(paste, name, 2185)
    events.start(paste.host, service, paste.dice)
    paste.changes("start", service.name)


def sc(paste, args):
    """sc returns before the service has stopped or started."""
    args = args[1:] if args and args[0].startswith("\\\\") else args
    verb = args[0].lower() if args else ""
    if verb in ("query", "queryex", "qc", "enumdepend", "qtriggerinfo"):
        if len(args) > 1 and verb != "query":
            find_service(paste, args[1], 1060)
        return ""
    if len(args) < 2:
        raise Refused(1, "sc needs a command and a service")
    paste.reads_only = False
    service = find_service(paste, args[1], 1060)
    if verb == "stop":
        if not service.runs:
            raise Already(1062, f"{service.name} has not been started")
        if not model.stoppable(paste.host, service):
            raise Refused(1052, f"the requested control is not valid for {service.name}")
        if paste.host.dependents(service):
            raise Refused(1051, f"other running services depend on {service.name}")
        paste.begin(lambda: events.stop(paste.host, service))
        paste.stopped([service.name])
    elif verb == "start":
        if service.runs:
            raise Already(1056, f"an instance of {service.name} is already running")
        paste.begin(lambda: events.start(paste.host, service, paste.dice))
    elif verb == "config":
        sc_config(service, args[2:])
    else:
        raise Refused(1, f"sc {verb} is not what this model knows")
    paste.changes("sc " + verb, service.name)


def sc_config(service, args):
    """"start= auto": the blank after the equals sign is needed."""
    starts = {"auto": "automatic", "demand": "manual", "disabled": "disabled",
              "delayed-auto": "delayed"}
    if len(args) != 2 or args[0].lower() != "start=" or args[1].lower() not in starts:
        raise Refused(1639, "invalid command line argument")
    service.start = starts[args[1].lower()]


def taskkill(paste, args):
    paste.reads_only = False
    words = {args[i].lower(): args[i + 1] for i in range(len(args) - 1)}
    pid = words.get("/pid")
    program = words.get("/im", "").lower()
    found = [p for p in paste.host.processes.values()
             if str(p.pid) == pid or (program and p.program.lower() == program)]
    if not found:
        raise Refused(128, "the process was not found")
    for process in found:
        if process.pid == model.SYSTEM_PID or process.program.lower() in (
                "lsass.exe", "csrss.exe", "wininit.exe", "services.exe", "smss.exe"):
            raise Refused(1, f"{process.program} is a critical system process")
        for name in process.services:
            if paste.host.service(name):
                paste.host.service(name).runs = False
        paste.host.sockets = [one for one in paste.host.sockets if one.pid != process.pid]
        del paste.host.processes[process.pid]
    paste.changes("kill", program or pid)


# ---- registry ------------------------------------------------------------------------------------

def full_key(text):
    root, _, rest = text.partition("\\")
    if root.lower() not in ROOTS:
        raise Refused(1, f"invalid key name {text}")
    return ROOTS[root.lower()] + "\\" + rest


def reg(paste, args):
    verb = args[0].lower() if args else ""
    if len(args) < 2:
        raise Refused(1, "invalid syntax")
    key = full_key(args[1])
    options = {}
    at = 2
    while at < len(args):
        name = args[at].lower()
        if name in ("/f", "/ve", "/s", "/reg:64", "/reg:32", "/y"):
            options[name] = True
            at += 1
        elif name in ("/v", "/t", "/d") and at + 1 < len(args):
            options[name] = args[at + 1]
            at += 2
        else:
            raise Refused(1, f"invalid argument/option - '{args[at]}'")
    if verb in ("query", "export"):
        if "/v" in options and paste.host.value(key, options["/v"]) is None:
            raise Refused(1, NO_VALUE)
        return ""
    if verb not in ("add", "delete") or "/v" not in options:
        raise Refused(1, f"reg {verb} of a whole key is not what this model knows")
    paste.reads_only = False
    (reg_add if verb == "add" else reg_delete)(paste, key, options)


def reg_add(paste, key, options):
    name = options["/v"]
    if paste.host.value(key, name) is not None and "/f" not in options:
        raise Refused(1, f"value {name} exists: asks Yes/No, and nothing is written")
    kind = options.get("/t", "REG_SZ").upper()
    data = options.get("/d", "")
    try:
        value = {"REG_DWORD": lambda: int(data, 0), "REG_SZ": lambda: data,
                 "REG_MULTI_SZ": lambda: data.split("\\0") if data else []}[kind]()
    except (KeyError, ValueError):
        raise Refused(1, f"invalid data or type {kind}")
    if kind == "REG_MULTI_SZ":
        value = value[:-1] if value and value[-1] == "" else value
        if "" in value:
            raise Refused(1, "a list of lines has an empty line in the middle")
    paste.host.set_value(key, name, kind, value)
    paste.changes("reg add", key, name)


def reg_delete(paste, key, options):
    if "/f" not in options:
        raise Refused(1, "asks Yes/No, and nothing is deleted")
    if paste.host.value(key, options["/v"]) is None:
        raise Already(1, NO_VALUE)
    paste.host.set_value(key, options["/v"], None, None)
    paste.changes("reg delete", key, options["/v"])


def start(paste, args):
    """start "title" /wait program arguments; a quoted first word is the title."""
    words = args[1:] if args and args[0] == "" else args
    waits = bool(words) and words[0].lower() == "/wait"
    words = words[1:] if waits else words
    if not words or words[0].lower() != "regedit":
        raise Refused(1, "only regedit is known to be started like that")
    regedit(paste, words[1:])
    if waits:
        paste.settle()


def regedit(paste, args):
    """/s imports without a question; without it a box asks. /e exports. It has a window: cmd.exe
    does not wait for it at a prompt, so the file is read while the next command runs."""
    words = [word for word in args if not word.lower() in ("/s", "-s")]
    if any(word.lower() in ("/e", "-e") for word in args):
        return ""
    paste.reads_only = False
    if len(words) == len(args) or len(words) != 1:
        raise Refused(1, "regedit opens a window and asks; an import in a script needs /s")
    if words[0].lower() not in paste.host.files:
        raise Refused(1, f"there is no file {words[0]}")
    paste.begin(lambda: import_file(paste, words[0]))
    paste.changes("regedit", words[0])


def import_file(paste, name):
    text = paste.host.files.get(name.lower(), "")
    try:
        keys = texts.read_reg(text)
    except ValueError as error:
        raise Refused(1, f"the file is not a registry script: {error}")
    for key, values in keys.items():
        if not key.upper().startswith("HKEY_LOCAL_MACHINE\\"):
            raise Refused(1, f"{key} is no long name of a root")
        for value_name, (kind, value) in values.items():
            if kind is not None or paste.host.value(key, value_name) is not None:
                paste.host.set_value(key, value_name, kind, value)


# ---- others --------------------------------------------------------------------------------------

def dnscmd(paste, args):
    """Part of the DNS role since 2008; talks to the running server (3.3)."""
    args = args[1:] if args and not args[0].startswith("/") else args
    host = paste.host
    if not args or args[0].lower() not in ("/config", "/info"):
        raise Refused(87, "dnscmd: unknown command")
    if not host.service("DNS").runs:
        raise Refused(1722, "the RPC server is unavailable: the DNS Server does not run")
    if args[0].lower() == "/info":
        return ""
    paste.reads_only = False
    name = args[1].lower() if len(args) > 1 else ""
    if name == "/socketpoolexcludedportranges" and host.version >= (6, 1):
        for row in args[2:]:
            if not re.fullmatch(r"\d+-\d+", row) or int(row.split("-")[0]) > int(
                    row.split("-")[1]) or int(row.split("-")[1]) > 65535:
                raise Refused(9553, f"{row} is no range of ports; it must be first-last")
        host.set_value(model.DNS, "SocketPoolExcludedPortRanges", "REG_MULTI_SZ", args[2:])
    elif name == "/socketpoolsize" and len(args) == 3 and args[2].isdigit() and \
            int(args[2]) <= 10000:
        host.set_value(model.DNS, "SocketPoolSize", "REG_DWORD", int(args[2]))
    else:
        raise Refused(9553, f"dnscmd: this DNS Server has no property {name}")
    paste.changes("dnscmd", name, *args[2:])


def shutdown(paste, args):
    if not any(word.lower() in ("/r", "-r") for word in args):
        raise Refused(1, "only a restart is known")
    paste.reads_only = False
    paste.restart = True


def powershell(paste, args):
    """Listings only: Get-Net… came with 2012."""
    text = " ".join(args).lower()
    match = re.search(r"\b(get-\w+)", text)
    if match is None or re.search(r"\b(set|new|remove|stop|start|restart)-\w+", text):
        raise Refused(1, "this model knows listings of PowerShell only")
    if match.group(1).startswith("get-net") and paste.host.version < (6, 2):
        raise Refused(1, f"{match.group(1)} is not recognized before Windows Server 2012")
    return ""


def netsh_tool(paste, args):
    return netsh.run(paste, args)


def read(_paste, _args):
    return ""


def delete(paste, args):
    for name in args:
        if not name.startswith("/"):
            paste.host.files.pop(name.lower(), None)


def since(*version):
    return lambda host: host.version >= version


def everywhere(_host):
    return True


def has_dns(host):
    return host.version >= (6, 0) and host.service("DNS") is not None


# name: (what it does, where it is)
TOOLS = {
    "net": (net, everywhere),
    "net1": (net, everywhere),
    "netsh": (netsh_tool, everywhere),
    "netstat": (read, everywhere),
    "regedit": (regedit, everywhere),
    "start": (start, everywhere),
    "echo": (None, everywhere),
    "rem": (read, everywhere),
    "type": (read, everywhere),
    "del": (delete, everywhere),
    "sc": (sc, since(5, 1)),
    "reg": (reg, since(5, 1)),
    "tasklist": (read, since(5, 1)),
    "taskkill": (taskkill, since(5, 1)),
    "shutdown": (shutdown, since(5, 1)),
    "timeout": (read, since(5, 2)),
    "dnscmd": (dnscmd, has_dns),
    "powershell": (powershell, since(6, 1)),
}

