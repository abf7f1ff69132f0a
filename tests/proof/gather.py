"""What two observers tell of one host: collect.cmd, which writes files and interprets nothing, and
an agent, which has been on the host for some boots.

SPDX-License-Identifier: Apache-2.0
"""
import copy
import json
import os

import event_texts
import folder
import ports
import texts

SERVICES = "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services"
STARTS = {"automatic": 2, "delayed": 2, "triggered": 3, "manual": 3, "disabled": 4, "cluster": 3}
OWN, SHARED = 0x10, 0x20
STOPPED, RUNNING = 1, 4
NEVER_STARTED = 1077  # ERROR_SERVICE_NEVER_STARTED
ADDRESS_IN_USE = 10048
BOOK_BOOTS = 3  # boots that the agent remembers

# What people call a service, where it is not its name.
DISPLAY = {
    "dns": "DNS Server", "ias": "Internet Authentication Service", "policyagent": "IPSEC Services",
    "remoteaccess": "Routing and Remote Access", "termservice": "Terminal Services",
    "rpcss": "Remote Procedure Call (RPC)", "eventlog": "Event Log",
    "eventsystem": "COM+ Event System", "samss": "Security Accounts Manager",
    "lanmanserver": "Server", "dnscache": "DNS Client", "w32time": "Windows Time",
    "resvc": "Microsoft Exchange Routing Engine", "iisadmin": "IIS Admin Service",
    "netlogon": "Net Logon", "kdc": "Kerberos Key Distribution Center",
    "msexchangepop3be": "Microsoft Exchange POP3 Backend",
    "msexchangeimap4be": "Microsoft Exchange IMAP4 Backend",
    "msexchangeadtopology": "Microsoft Exchange Active Directory Topology",
    "evdrclient": "Evolution ADR Client", "evdeploymgr": "Evolution Deployment Manager",
}


def display(service):
    return DISPLAY.get(service.name.lower(), service.name)


def win32(host):
    return sorted((one for one in host.services.values() if not one.driver),
                  key=lambda one: one.name.lower())


def put(folder_path, files):
    for name in os.listdir(folder_path):
        os.remove(os.path.join(folder_path, name))
    for name, data in files.items():
        with open(os.path.join(folder_path, name), "wb") as file:
            file.write(data)


# ---- collect.cmd ---------------------------------------------------------------------------------

def collect(host, path):
    """The files that collect.cmd writes on this system, and nothing else."""
    two_thousand = host.version == (5, 0)
    names = ["netstat.txt", "tcpip-parameters.reg"]
    names += [name for name, key in folder.REGISTRY.items()
              if name not in names and key in host.registry]
    if not host.legacy:
        names += [*folder.DYNAMIC, *folder.EXCLUDED]
    if not two_thousand:
        names.append("tasklist.csv")
    files = {name: folder.generate(host, name) for name in names}
    files["host.json"] = json.dumps({"os": collected_os(host)}, indent=2).encode()
    if host.legacy:
        files["services.reg"] = texts.write_reg(services_key(host))
    else:
        files["services.txt"] = listing(host).encode()
    if two_thousand:
        files["services-running.txt"] = net_start(host).encode()
    else:
        files["services-state.txt"] = sc_queryex(host).encode()
    files["events.xml"] = event_texts.write(host.facts.get("events", []), host.legacy)
    put(path, files)


def collected_os(host):
    """collect.cmd cannot tell the language; of 2000 it knows the system by what is missing."""
    known = {name: host.os[name] for name in ("family", "name", "version", "revision", "arch")}
    if host.version == (5, 0):
        known["name"] = "Windows 2000"
    return known


def image(service):
    return "%SystemRoot%\\System32\\" + (service.home or service.program)


def services_key(host):
    """The key Services, as an export has it."""
    keys = {SERVICES: {}}
    for one in win32(host):
        values = {"Type": ("REG_DWORD", SHARED if one.home else OWN),
                  "Start": ("REG_DWORD", STARTS[one.start]), "ErrorControl": ("REG_DWORD", 1),
                  "ImagePath": ("REG_EXPAND_SZ", image(one)),
                  "DisplayName": ("REG_SZ", display(one))}
        if one.depends_on:
            values["DependOnService"] = ("REG_MULTI_SZ", list(one.depends_on))
        values["ObjectName"] = ("REG_SZ", "LocalSystem")
        keys[f"{SERVICES}\\{one.name}"] = values
    return keys


def listing(host):
    """reg query, one search for each value."""
    found = {name: [] for name in ("Type", "Start", "ImagePath", "DelayedAutostart",
                                   "DependOnService", "Action")}
    for one in win32(host):
        rows = {"Type": ("REG_DWORD", hex(SHARED if one.home else OWN)),
                "Start": ("REG_DWORD", hex(STARTS[one.start])),
                "ImagePath": ("REG_EXPAND_SZ", image(one))}
        if one.start == "delayed":
            rows["DelayedAutostart"] = ("REG_DWORD", "0x1")
        if one.depends_on:
            rows["DependOnService"] = ("REG_MULTI_SZ", "\\0".join(one.depends_on))
        for name, (kind, value) in rows.items():
            found[name].append(f"{SERVICES}\\{one.name}\r\n    {name}    {kind}    {value}\r\n\r\n")
        if one.start == "triggered":
            found["Action"].append(f"{SERVICES}\\{one.name}\\TriggerInfo\\0\r\n"
                                   "    Action    REG_DWORD    0x1\r\n\r\n")
    return "".join("\r\n" + "".join(rows) + f"End of search: {len(rows)} match(es) found.\r\n"
                   for rows in found.values())


def exit_code(host, service):
    if service.runs:
        return 0
    return host.facts.get("exit_codes", {}).get(
        service.name, NEVER_STARTED if service.start in ("manual", "disabled") else 0)


def sc_queryex(host):
    """sc queryex type= service state= all"""
    lines = []
    for one in win32(host):
        code = exit_code(host, one)
        shared = ("20", "WIN32_SHARE_PROCESS  ") if one.home else ("10", "WIN32_OWN_PROCESS  ")
        state = (f"{RUNNING}  RUNNING " if one.runs else f"{STOPPED}  STOPPED ")
        lines += ["", f"SERVICE_NAME: {one.name}", f"DISPLAY_NAME: {display(one)}",
                  f"        TYPE               : {shared[0]}  {shared[1]}",
                  f"        STATE              : {state}"]
        if one.runs:
            lines.append(" " * 32 + "(STOPPABLE, NOT_PAUSABLE, ACCEPTS_SHUTDOWN)")
        lines += [f"        WIN32_EXIT_CODE    : {code}  ({code:#x})",
                  "        SERVICE_EXIT_CODE  : 0  (0x0)", "        CHECKPOINT         : 0x0",
                  "        WAIT_HINT          : 0x0",
                  f"        PID                : {one.pid if one.runs else 0}",
                  "        FLAGS              : "]
    return "\r\n".join(lines + [""])


def net_start(host):
    rows = [f"   {display(one)}" for one in win32(host) if one.runs]
    return "\r\n".join(["These Windows 2000 services are started:", "", *sorted(rows), "",
                        "The command completed successfully.", "", ""])


# ---- an agent ------------------------------------------------------------------------------------

def observe(host, path):
    """An agent's observation: start types and dependencies, a memory of ports, what the system's
    logs counted since the boot, and times."""
    names = [name for name in folder.gathered(host) if name != "host.json"]
    files = {name: folder.generate(host, name) for name in names}
    files["host.json"] = json.dumps(agent_file(host), indent=2).encode()
    put(path, files)


def agent_file(host):
    file = copy.deepcopy(folder.host_file(host))
    file["os"] = dict(host.os)
    file["services"] = sorted(one.name for one in win32(host)
                              if one.runs or one.start in ("automatic", "delayed", "triggered"))
    file["service_details"] = [
        {"name": one.name, "program": one.program, "start": one.start, "runs": one.runs,
         "depends_on": sorted(one.depends_on)} for one in win32(host)]
    file["port_book"] = book(host)
    names = {display(one): one.name for one in win32(host)}
    file["events"] = [{**row, "about": names.get(row["about"], row["about"])}
                      if "about" in row else row for row in host.facts.get("events", [])]
    for name, count in host.facts.get("exhaustion", {}).items():
        file[name] = count
    return file


def book(host):
    """Listeners that services and programs had in each of the last boots, running or not."""
    rows = {}
    for service in win32(host):
        for bind in service.binds:
            key = (bind.protocol, bind.port, bind.program or service.program, service.name)
            rows.setdefault(key, (bind.kind, set()))[1].add(bind.family)
    found = []
    for (protocol, port, program, service), (kind, families) in sorted(rows.items()):
        found.append({"protocol": protocol, "port": port, "program": program, "service": service,
                      "families": "both" if len(families) == len(ports.FAMILIES) else
                      next(iter(families)), "kind": kind, "boots": BOOK_BOOTS})
    return found
