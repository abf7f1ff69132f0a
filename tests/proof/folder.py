"""A recorded host as "hm-agent check --from" reads it: a folder becomes a model, a model a folder.

What a folder does not tell stays untold when the model is written: a file that was not gathered is
not written, process ids that Windows 2000 does not show are not shown. A file whose facts have not
changed is written as it was, byte for byte.
SPDX-License-Identifier: Apache-2.0
"""
import copy
import datetime
import json
import os
import re

import model
import ports
import service_texts
import settle
import texts

REGISTRY = {"tcpip-parameters.reg": model.TCPIP, "dns-parameters.reg": model.DNS,
            "hns-state.reg": model.HNS}
DYNAMIC = {f"{f}-{p}-dynamicport.txt": (p, f) for p, f in ports.STACKS}
EXCLUDED = {f"{f}-{p}-excludedportrange.txt": (p, f) for p, f in ports.STACKS}
SERVICE_FILES = {"services.txt", "services.reg", "services-config.txt", "services-state.txt",
                 "services-running.txt", "cluster-resources.reg", "events.xml"}
# What HTTP.sys, IIS, containers and services are set up to serve: nothing that a remedy says changes
# it.
SETTINGS_FILES = {"http-urlacl.txt", "http-sslcert.txt", "iis-bindings.txt", "hns-endpoints.json",
                  "port-values.txt", "port-values.reg", "published-ports.json", "server-settings.txt"}
AS_THEY_ARE = {"services.txt", "services.reg", "services-config.txt", "cluster-resources.reg",
               "events.xml"} | SETTINGS_FILES
IGNORED = {"model.json", "EXPECT.md"}
LISTENING, CONNECTED, CLOSING = "LISTENING", "ESTABLISHED", "TIME_WAIT"
SETTINGS = "sysctl-files.txt"  # all settings files, in the order in which a boot loads them
LINUX_FILE = "/etc/sysctl.d/99-sysctl.conf"  # /etc/sysctl.conf of Debian, read late
LINUX_DEFAULTS = {model.RANGE_NAME: "32768\t60999", model.RESERVED_NAME: ""}


class Unknown(Exception):
    """The folder has what this model does not know: it has to be taught."""


# ---- reading -------------------------------------------------------------------------------------

def read(folder, catalogue):
    raw = {}
    names = {name.lower(): name for name in sorted(os.listdir(folder))}
    for label, name in names.items():
        with open(os.path.join(folder, name), "rb") as file:
            raw[label if label not in map(str.lower, IGNORED) else name] = file.read()
    text = {name: texts.decode(data) for name, data in raw.items()}
    file = json.loads(text["host.json"][0]) if "host.json" in raw else {}
    os_facts = file.get("os") or {"family": "linux" if "sysctl.txt" in raw else "windows"}
    host = model.Host(file.get("name") or os.path.basename(folder.rstrip("/")), os_facts)
    host.host_file = file
    host.facts = {"raw": raw, "names": names, "image": {}, "pids": True, "none": "N/A",
                  "encoding": {name: encoding for name, (_, encoding) in text.items()}}
    unknown = set(raw) - set(REGISTRY) - set(DYNAMIC) - set(EXCLUDED) - IGNORED - {
        "host.json", "netstat.txt", "tasklist.csv", "sysctl.txt", SETTINGS, *SERVICE_FILES, *SETTINGS_FILES}
    if unknown:
        raise Unknown(f"{folder}: the model does not know {', '.join(sorted(unknown))}")
    if "model.json" in raw:
        host.families_shared = json.loads(text["model.json"][0]).get("families_shared", False)
    read_tasks(host, text)
    read_sockets(host, text)
    read_listeners(host)
    read_stacks(host, text)
    read_registry(host, text)
    read_sysctl(host, text)
    read_services(host, text)
    settle.settle(host, catalogue)
    host.facts["starts"] = {one.name: one.start for one in host.services.values()}
    host.facts["image"] = {name: generate(host, name) for name in raw if name not in IGNORED}
    return host


def read_tasks(host, text):
    if "tasklist.csv" not in text:
        return
    rows, host.facts["none"] = texts.read_tasklist(text["tasklist.csv"][0])
    for program, pid, services in rows:
        host.processes[pid] = model.Process(pid, program, services)


def read_sockets(host, text):
    if "netstat.txt" not in text:
        return
    rows = texts.read_netstat_b(text["netstat.txt"][0])
    host.facts["pids"] = any(row[6] is not None for row in rows)
    host.facts["owners"] = any(row[8] for row in rows)
    for protocol, family, address, port, remote, word, pid, service, program in rows:
        if pid is None and host.facts["owners"]:
            pid = find_owner(host, service, program, word)
        state = "listen" if not remote else "time_wait" if pid == 0 or word == CLOSING \
            else "connection"
        if not remote and word == "BOUND":
            state = "bound"
        host.sockets.append(model.Socket(protocol, family, address, port, pid or 0, remote, state,
                                         service=service, word=word))
        if pid and pid not in host.processes:
            host.processes[pid] = model.Process(pid, "")


def find_owner(host, service, program, word):
    """netstat -b names the owner in place of its number."""
    if not program:
        return 0 if word == CLOSING else model.SYSTEM_PID
    for process in host.processes.values():
        if process.program.lower() == program.lower() and (
                not service or service in process.services):
            return process.pid
    return host.add_process(program, [service] if service else [])


def read_listeners(host):
    """host.json tells listeners in place of netstat, or more of them (kinds)."""
    pids = {}
    for row in host.host_file.get("listeners", []):
        key = (row["protocol"], row["family"], row["address"], row["port"])
        found = [one for one in host.sockets if not one.remote and
                 (one.protocol, one.family, one.address, one.port) == key]
        if not found:
            name = (row.get("program", ""), row.get("service", ""))
            if name not in pids:
                pids[name] = host.add_process(name[0], [name[1]] if name[1] else [])
            found = [model.Socket(*key[:2], key[2], key[3], pids[name])]
            host.sockets += found
        if not row.get("service"):
            host.facts.setdefault("untold", set()).add((*key[:2], key[3], row.get("program", "")))
        for one in found:
            one.kind = row.get("kind", "socket")
            one.service = row.get("service", "")


def read_stacks(host, text):
    for files, take in ((DYNAMIC, take_dynamic), (EXCLUDED, take_excluded)):
        for name, key in files.items():
            if name in text:
                stack = host.stacks.setdefault(key, model.Stack(listed=False))
                other = "udp" if key[0] == "tcp" else "tcp"
                if re.search(rf"\b{other}\b", text[name][0], re.I):
                    host.facts.setdefault("wrong", set()).add(name)
                else:
                    take(stack, text[name][0])


def take_dynamic(stack, text):
    if not text.strip().startswith(texts.REFUSED):
        stack.dynamic = stack.stored = texts.read_dynamic(text)


def take_excluded(stack, text):
    if text.strip().startswith(texts.REFUSED):
        return
    stack.listed = True
    stack.rows = [model.Row(first, last, "administrator" if star else "other")
                  for first, last, star in texts.read_excluded(text)]


def read_registry(host, text):
    for name in REGISTRY:
        if name in text:
            host.registry.update(texts.read_reg(text[name][0]))


def read_sysctl(host, text):
    if not host.linux:
        return
    host.sysctl = dict(LINUX_DEFAULTS)
    for line in text.get("sysctl.txt", ("", ""))[0].splitlines():
        name, equals, value = line.partition("=")
        if equals:
            host.sysctl[name.strip()] = value.strip()
    if SETTINGS in text:
        host.files[LINUX_FILE] = text[SETTINGS][0]


def read_service_files(host, text):
    """How services start and what they depend on, and which of them run."""
    rows = {}
    if "services.txt" in text:
        rows = service_texts.rows_from_keys(service_texts.read_query(text["services.txt"][0]))
    elif "services.reg" in text:
        rows = service_texts.read_rows(text["services.reg"][0])
    elif "services-config.txt" in text:
        rows = service_texts.read_config(text["services-config.txt"][0])
    states = service_texts.read_states(text.get("services-state.txt", ("", ""))[0])
    cluster = service_texts.clustered(texts.read_reg(text["cluster-resources.reg"][0])) \
        if "cluster-resources.reg" in text else set()
    host.facts["display"] = {name: row["display"] or name for name, row in rows.items()}
    for name, row in rows.items():
        one = host.service(name) or host.put_service(model.Service(name))
        one.detailed, one.depends_on = True, row["depends_on"]
        one.program = one.program or row["program"]
        one.start = "cluster" if name.lower() in cluster else row["start"]
        one.listed = one.start not in ("manual", "disabled")
    for name, (state, pid) in states.items():
        one = host.service(name) or host.put_service(model.Service(name))
        one.runs, one.pid = state != 1, pid
    running = text.get("services-running.txt", ("", ""))[0]
    for line in running.splitlines():
        for name, shown in host.facts["display"].items():
            if shown.lower() == line.strip().lower():
                host.service(name).runs = True


def read_services(host, text):
    file = host.host_file
    for process in host.processes.values():
        for name in process.services:
            host.put_service(model.Service(name, process.program, runs=True, pid=process.pid))
    read_service_files(host, text)
    for one in host.sockets:
        if one.service and host.service(one.service) is None:
            host.put_service(model.Service(one.service, runs=True, pid=one.pid))
    for name in file.get("services", []):
        if host.service(name) is None:
            host.put_service(model.Service(name))
        host.service(name).listed = True
    for row in file.get("service_details", []):
        one = host.service(row["name"])
        if one is None:
            one = host.put_service(model.Service(row["name"], runs=row.get("runs", False)))
        one.detailed = True
        one.program = row.get("program") or one.program
        one.start = row.get("start", "automatic")
        one.runs = row.get("runs", one.runs)
        one.depends_on = row.get("depends_on")


# ---- writing -------------------------------------------------------------------------------------

def write(host, folder):
    """The folder must be empty or one that was written before."""
    names = set(host.facts["raw"]) - IGNORED if host.facts.get("raw") else set(gathered(host))
    if "dns-parameters.reg" not in names and not host.linux and host.service("DNS") and \
            model.DNS in host.registry:
        names.add("dns-parameters.reg")
    names -= {"events.xml"} if host.boots else set()
    shown = host.facts.get("names", {})
    for name in os.listdir(folder):
        if name not in {shown.get(label, label) for label in names}:
            os.remove(os.path.join(folder, name))
    for name in names:
        data = generate(host, name)
        if host.facts["image"].get(name) == data:
            data = host.facts["raw"][name]
        with open(os.path.join(folder, shown.get(name, name)), "wb") as file:
            file.write(data)


def gathered(host):
    """What collect.cmd, or an agent, writes for this system."""
    names = ["host.json"]
    if host.linux:
        names += ["sysctl.txt"] + ([SETTINGS] if host.facts.get("settings") else [])
        return names + (["netstat.txt", "tasklist.csv"]
                                         if host.facts.get("linux_sockets") else [])
    names += ["netstat.txt", "tcpip-parameters.reg"]
    names += [name for name, key in REGISTRY.items()
              if name != "tcpip-parameters.reg" and key in host.registry]
    if host.facts.get("tasks", True):
        names.append("tasklist.csv")
    if not host.legacy:
        names += [*DYNAMIC, *EXCLUDED]
    return names


def generate(host, name):
    if name == "host.json":
        return json.dumps(host_file(host), indent=2).encode()
    if name in AS_THEY_ARE:
        for service, start in host.facts["starts"].items():
            if host.service(service).start != start:
                raise Unknown(f"{name}: {service} starts otherwise now")
    if name in AS_THEY_ARE or name in host.facts.get("wrong", ()):
        return host.facts["raw"][name]
    if name in DYNAMIC or name in EXCLUDED:
        return generate_netsh(host, name)
    if name in REGISTRY:
        top = REGISTRY[name].lower()
        return texts.write_reg({key: values for key, values in host.registry.items()
                                if key.lower() == top or key.lower().startswith(top + "\\")})
    encoding = host.facts.get("encoding", {}).get(name, "utf-8")
    return WRITERS[name](host).encode(encoding, "replace")


def generate_netsh(host, name):
    key = DYNAMIC.get(name) or EXCLUDED[name]
    stack = host.stacks[key]
    if name in DYNAMIC:
        text = texts.REFUSED + "1\r\n" if stack.dynamic is None else \
            texts.write_dynamic(key[0], stack.dynamic)
    else:
        text = texts.write_excluded(key[0], [(row.first, row.last, row.administered)
                                             for row in stack.rows]) if stack.listed else \
            texts.REFUSED + "1\r\n"
    return text.encode()


def word_of(one, words):
    if one.protocol == "udp":
        return ""
    state = {"listen": LISTENING, "connection": CONNECTED, "time_wait": CLOSING,
             "bound": "BOUND"}[one.state]
    return one.word or words.get(one.state, state)


def netstat(host):
    words = {}
    for one in host.sockets:
        if one.word and one.protocol == "tcp":
            words.setdefault(one.state, one.word)
    rows = [(one.protocol, one.family, one.address, one.port, one.remote, word_of(one, words),
             one.pid, owner_lines(host, one)) for one in host.sockets]
    if not rows:  # early in a boot; the system itself always listens there
        rows = [("tcp", "ipv4", "0.0.0.0", 445, "", LISTENING, model.SYSTEM_PID,
                 [])]
    return texts.write_netstat(sorted(rows, key=lambda row: row[:4]), host.facts["pids"])


def owner_lines(host, one):
    """What netstat -b says below a row."""
    process = host.processes.get(one.pid)
    if not host.facts.get("owners") or one.pid == 0:
        return []
    if process is None or one.pid == model.SYSTEM_PID:
        return [" Can not obtain ownership information"]
    service = [f"  {one.service}"] if one.service in process.services and \
        process.program.lower() == "svchost.exe" else []
    return service + [f" [{process.program}]"]


def tasklist(host):
    rows = []
    for process in host.processes.values():
        running = [name for name in process.services
                   if host.service(name) is None or host.service(name).runs]
        rows.append((process.program, process.pid, running))
    return texts.write_tasklist(sorted(rows, key=lambda row: row[1]), host.facts["none"])


def states(host):
    text = texts.decode(host.facts["raw"]["services-state.txt"])[0]
    return service_texts.write_states(text, {
        name: (one.runs, one.pid if one.runs else 0) for name, one in host.services.items()})


def running(host):
    return service_texts.write_running(
        host.facts["display"].get(one.name, one.name) for one in host.services.values()
        if one.runs and not one.driver)


def sysctl(host):
    return "".join(f"{name} = {value}\n" for name, value in sorted(host.sysctl.items()))


def settings(host):
    """What "systemd-analyze cat-config sysctl.d" prints."""
    import events
    return "\n".join(f"# {path}\n{host.files[path]}" for path in events.settings_files(host))


def host_file(host):
    file = copy.deepcopy(host.host_file)
    for row in file.get("service_details", []):
        if "runs" in row and host.service(row["name"]) is not None:
            row["runs"] = host.service(row["name"]).runs
    if "listeners" in file:
        file["listeners"] = listeners(host)
    later = datetime.timedelta(days=host.boots)
    if "boot_time" in file:
        booted = datetime.datetime.fromisoformat(file["boot_time"].replace("Z", "+00:00")) + later
        file["boot_time"] = booted.strftime("%Y-%m-%dT%H:%M:%SZ")
        if host.written:
            file["tcpip_written"] = (booted + datetime.timedelta(hours=1)).strftime(
                "%Y-%m-%dT%H:%M:%SZ")
    if host.boots:
        if "boot_id" in file:
            file["boot_id"] = f"{file['boot_id']}-{host.boots}"
        file.pop("events", None)
        for name in ("event_4227", "event_4231", "event_4266"):
            if name in file:
                file[name] = 0
        if "previous_boot" in file and host.facts.get("before_boot"):
            file["previous_boot"]["stacks"] = host.facts["before_boot"]
    return file


WRITERS = {"netstat.txt": netstat, "tasklist.csv": tasklist, "sysctl.txt": sysctl,
           SETTINGS: settings, "services-state.txt": states, "services-running.txt": running}


def listeners(host):
    rows = []
    for one in host.sockets:
        if not one.remote and one.state == "listen":
            process = host.processes.get(one.pid)
            program = process.program if process else ""
            told = (one.protocol, one.family, one.port, program) not in host.facts.get("untold", ())
            rows.append({"protocol": one.protocol, "family": one.family, "address": one.address,
                         "port": one.port, "program": program,
                         "service": one.service if told else "", "kind": one.kind})
    rows.sort(key=lambda row: (row["protocol"], row["family"], row["port"], row["address"]))
    return rows


def stack_facts(host):
    """Stacks as an inventory has them."""
    facts = []
    for (protocol, family), stack in host.stacks.items():
        row = {"protocol": protocol, "family": family,
               "administered": ports.text(stack.ports(True)),
               "runtime": ports.text(stack.ports(False))}
        if stack.dynamic:
            row["dynamic"] = f"{stack.dynamic[0]}-{stack.dynamic[1]}"
        facts.append(row)
    return facts
