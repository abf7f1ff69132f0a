#!/usr/bin/python3
"""collect.cmd: when the host started is gathered on 2000 to 2003 only, by the script host, and
"hm-agent check" reads it; and with each tool absent, as old systems lack some and policies forbid
others: what is missing is said, and nothing is made up.

Wine's reg.exe cannot save a key, so tcpip-parameters.hiv is not made here.
SPDX-License-Identifier: Apache-2.0
"""
import os
import re
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import wine as w  # noqa: E402
from wine import h  # noqa: E402

SCRIPT = os.path.join(h.SOURCE, "deploy/windows/collect.cmd")
NETSTAT = (b"\r\nActive Connections\r\n\r\n"
           b"  Proto  Local Address          Foreign Address        State           PID\r\n"
           b"  TCP    0.0.0.0:135            0.0.0.0:0              LISTENING       712\r\n")
TCPIP = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\Tcpip\Parameters"
CIM_TIME = re.compile(rb"^\d{14}\.\d{6}[+-]\d{3}\r\n$")


def collect(prefix):
    """The files that collect.cmd makes: name -> bytes."""
    drive = os.path.join(w.PREFIX, "drive_c")
    shutil.copy(SCRIPT, drive)
    shutil.rmtree(os.path.join(drive, "gathered"), ignore_errors=True)
    code, out, err = prefix.run("cmd", "/c", r"C:\collect.cmd C:\gathered")
    h.check("collect.cmd ends well", code == 0, f"{code} {out}{err}")
    top = os.path.join(drive, "gathered")
    folder = os.path.join(top, os.listdir(top)[0])
    files = {}
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), "rb") as file:
            files[name] = file.read()
    return folder, files


def judged(folder):
    """What hm-agent says of the folder; Wine's netstat shows no rows: a real one stands in."""
    if os.path.exists(os.path.join(folder, "netstat.txt")):
        with open(os.path.join(folder, "netstat.txt"), "wb") as file:
            file.write(NETSTAT)
    code, out, err = h.run("hm-agent", "check", "--from", folder, "--product-dir", h.PRODUCTS)
    return code, " ".join(out.split()), err


def legacy(prefix):
    prefix.version("2003")
    prefix.reg_write((TCPIP, {"ReservedPorts": ["1812-1813"]}))
    folder, files = collect(prefix)
    h.check("2003: a time in no language", CIM_TIME.match(files.get("boot-time.txt", b"")),
            files.get("boot-time.txt"))
    h.check("2003: the script is gone", "boot-time.vbs" not in files, sorted(files))
    code, out, err = judged(folder)
    h.check("2003: the time is read", code in (0, 1) and "boot-time.txt is no time" not in out,
            f"{code} {out}{err}")
    h.check("2003: without the key's time the values are assumed to be in force",
            "they count as in force" in " ".join(out.split()), out)


SYSTEM = os.path.join(w.PREFIX, "drive_c/windows/system32")
SERVICE_FILES = {"services.txt", "services.reg", "services-config.txt", "services-state.txt",
                 "services-running.txt"}
# tool -> files that no other tool can make: (2003, 2008 R2)
ONLY_BY = {"reg.exe": ({"tcpip-parameters.hiv"}, {"services.txt"}),
           "sc.exe": ({"services-state.txt"}, {"services-state.txt"}),
           "tasklist.exe": ({"tasklist.csv"}, {"tasklist.csv"}),
           "netstat.exe": ({"netstat.txt"}, {"netstat.txt"}),
           "netsh.exe": (set(), set()),
           "net.exe": ({"services-running.txt"}, {"services-running.txt"}),
           "findstr.exe": (set(), {"iis-bindings.txt"}),
           "cscript.exe": ({"boot-time.txt"}, {"boot-time.txt"})}
SETTINGS_FILES = {"http-urlacl.txt", "http-sslcert.txt", "iis-bindings.txt", "hns-endpoints.json"}
UNKNOWN = {"netstat.exe": "netstat.txt is missing", "netsh.exe": "netsh"}


class Without:
    """Tools out of the way."""

    def __init__(self, *tools):
        self.paths = [os.path.join(SYSTEM, tool) for tool in tools]

    def __enter__(self):
        for path in self.paths:
            os.rename(path, path + ".away")

    def __exit__(self, *_):
        for path in self.paths:
            os.rename(path + ".away", path)


def without_tools(prefix, version, system, *tools):
    """What the script makes without these tools, and what is said of it."""
    label = f"{version} without {', '.join(tools)}"
    with Without(*tools):
        folder, files = collect(prefix)
    h.check(f"{label}: no empty file", all(files.values()),
            [name for name, data in files.items() if not data])
    h.check(f"{label}: no script is left", not [n for n in files if n.endswith(".vbs")])
    made = set().union(*(ONLY_BY[tool][version != "2003"] for tool in tools)) & set(files)
    h.check(f"{label}: no such file", not made, sorted(made))
    h.check(f"{label}: which Windows", system in files.get("host.json", b""),
            files.get("host.json"))
    code, out, err = judged(folder)
    h.check(f"{label}: is judged", code in (0, 1), f"{code} {out}{err}")
    if "INCOMPLETE" in out:
        h.check(f"{label}: incomplete is not safe", code == 1 and "All safe" not in out, out)
    for tool in tools:
        if tool in UNKNOWN and version != "2003":
            h.check(f"{label}: what is missing is said", UNKNOWN[tool] in out, out)
    return files, out


def each_tool_absent(prefix, version, system):
    prefix.version(version)
    for tool in ONLY_BY:
        without_tools(prefix, version, system, tool)
    _, out = without_tools(prefix, version, system, "reg.exe", "sc.exe")
    h.check(f"{version} without both: how services start is known by regedit on 2003 only",
            ("INCOMPLETE" in out) == (version != "2003"), out)
    if version != "2003":
        files, out = without_tools(prefix, version, system, "reg.exe", "sc.exe", "tasklist.exe",
                                   "net.exe", "netstat.exe", "netsh.exe")
        h.check("nothing tells of services", not SERVICE_FILES & set(files), sorted(files))
        h.check("nothing is known of services", "INCOMPLETE" in out, out)


def as_2000(prefix):
    """Neither reg.exe nor sc, tasklist and netstat -o; the version is what "ver" says."""
    prefix.version("2003")
    files, out = without_tools(prefix, "2003", b'"version": "5.', "reg.exe", "sc.exe",
                               "tasklist.exe")
    h.check("2000: the services by regedit and net start",
            {"services.reg", "services-running.txt"} <= set(files), sorted(files))
    h.check("2000: services are known", "INCOMPLETE" not in out, out)


def no_script_host(prefix):
    system = os.path.join(w.PREFIX, "drive_c/windows/system32/cscript.exe")
    os.rename(system, system + ".away")
    try:
        _, files = collect(prefix)
        h.check("no script host: no time", not [n for n in files if n.startswith("boot-time")],
                sorted(files))
    finally:
        os.rename(system + ".away", system)


def modern(prefix):
    prefix.version("2008r2")
    _, files = collect(prefix)
    h.check("2008 R2: no such file", "boot-time.txt" not in files, sorted(files))


SITES = (b'<configuration>\r\n<userName="svc" password="secret" />\r\n'
         b'<site name="Intranet" id="2">\r\n'
         b'<binding protocol="https" bindingInformation="*:50443:" />\r\n</configuration>\r\n')


class Sites:
    """A web server: what collect.cmd reads of it."""

    def __enter__(self):
        self.folder = os.path.join(SYSTEM, "inetsrv")
        os.makedirs(os.path.join(self.folder, "config"))
        with open(os.path.join(self.folder, "config/applicationHost.config"), "wb") as file:
            file.write(SITES)

    def __exit__(self, *_):
        shutil.rmtree(self.folder)


def web_server(prefix):
    """Sites and bindings are gathered, and no secret; on 2003 and without findstr nothing is."""
    with Sites():
        prefix.version("2008r2")
        folder, files = collect(prefix)
        gathered = files.get("iis-bindings.txt", b"")
        h.check("IIS: the binding is gathered", b"*:50443:" in gathered and b"Intranet" in gathered,
                gathered)
        h.check("IIS: no secret is gathered", b"secret" not in b"".join(files.values()), gathered)
        h.check("IIS: the lists of HTTP.sys, or that netsh refuses them",
                {"http-urlacl.txt", "http-sslcert.txt"} <= set(files), sorted(files))
        h.check("no containers: no file", "hns-endpoints.json" not in files, sorted(files))
        code, out, err = h.run("hm-agent", "check", "--json", "--from", folder, "--product-dir",
                               h.PRODUCTS)
        h.check("IIS: the binding is read", code in (0, 1) and '"iis_binding"' in out, err)
        with Without("findstr.exe"):
            _, files = collect(prefix)
            h.check("without findstr: no bindings", "iis-bindings.txt" not in files, sorted(files))
        prefix.version("2003")
        _, files = collect(prefix)
        h.check("2003: none of these files", not SETTINGS_FILES & set(files), sorted(files))


def suite(prefix, _):
    legacy(prefix)
    no_script_host(prefix)
    modern(prefix)
    web_server(prefix)
    each_tool_absent(prefix, "2003", b'"version": "5.2.3790"')
    each_tool_absent(prefix, "2008r2", b'"version": "6.1.7601"')
    as_2000(prefix)


w.main(suite)
