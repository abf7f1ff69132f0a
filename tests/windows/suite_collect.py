#!/usr/bin/python3
"""collect.cmd: when the host started is gathered on 2000 to 2003 only, by the script host, and
"hm-agent check" reads it; and with each tool absent, as old systems lack some and policies forbid
others: what is missing is said, and nothing is made up.

Events: wevtutil absent, refusing, and a double that prints logs; the script of 2003 over events that
are made up.

Wine's reg.exe cannot save a key, so tcpip-parameters.hiv is not made here, and its WMI has no class
of events.
SPDX-License-Identifier: Apache-2.0
"""
import os
import re
import shutil
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "proof"))
import event_texts  # noqa: E402
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
ONLY_BY = {"reg.exe": ({"tcpip-parameters.hiv", "port-values.txt"},
                       {"services.txt", "port-values.txt"}),
           "sc.exe": ({"services-state.txt"}, {"services-state.txt"}),
           "tasklist.exe": ({"tasklist.csv"}, {"tasklist.csv"}),
           "netstat.exe": ({"netstat.txt"}, {"netstat.txt"}),
           "netsh.exe": (set(), set()),
           "net.exe": ({"services-running.txt"}, {"services-running.txt"}),
           "findstr.exe": ({"port-values.txt"}, {"iis-bindings.txt", "port-values.txt"}),
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


OVERRIDES = r"HKEY_CURRENT_USER\Software\Wine\DllOverrides"


class Instead:
    """A program of our own in place of Wine's, which prints nothing."""

    def __init__(self, prefix, tool):
        self.prefix, self.tool = prefix, tool
        self.path = os.path.join(SYSTEM, tool)

    def __enter__(self):
        os.rename(self.path, self.path + ".wine")
        shutil.copy(os.path.join(w.WINDOWS, "tests/windows", self.tool), self.path)
        self.prefix.reg_write((OVERRIDES, {self.tool: "native"}))

    def __exit__(self, *_):
        os.rename(self.path + ".wine", self.path)
        self.prefix.reg_write((OVERRIDES, {self.tool: None}))


SITES = (b'<configuration>\r\n<userName="svc" password="secret" />\r\n'
         b'<site name="Intranet" id="2">\r\n'
         b'<binding protocol="https" bindingInformation="*:50443:" />\r\n'
         b'<ftpServer serverAutoStart="false">\r\n</configuration>\r\n')


class Sites:
    """A web server: what collect.cmd reads of it."""

    def __enter__(self):
        self.folder = os.path.join(SYSTEM, "inetsrv")
        # the unit tests make it, too, in a prefix that all suites share
        os.makedirs(os.path.join(self.folder, "config"), exist_ok=True)
        with open(os.path.join(self.folder, "config/applicationHost.config"), "wb") as file:
            file.write(SITES)
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder)


def web_server(prefix):
    """Sites and bindings are gathered, and no secret; on 2003 and without findstr nothing is."""
    with Sites(), Instead(prefix, "findstr.exe"):
        prefix.version("2008r2")
        folder, files = collect(prefix)
        gathered = files.get("iis-bindings.txt", b"")
        h.check("IIS: the binding is gathered", b"*:50443:" in gathered and b"Intranet" in gathered,
                gathered)
        h.check("IIS: so is whether its FTP part starts", b"<ftpServer " in gathered, gathered)
        h.check("IIS: no secret is gathered", b"secret" not in b"".join(files.values()), gathered)
        h.check("IIS: the lists of HTTP.sys, or that netsh refuses them",
                {"http-urlacl.txt", "http-sslcert.txt"} <= set(files), sorted(files))
        h.check("no containers: no file", "hns-endpoints.json" not in files, sorted(files))
        judged(folder)  # puts rows into netstat.txt
        code, out, err = h.run("hm-agent", "check", "--json", "--from", folder, "--product-dir",
                               h.PRODUCTS)
        h.check("IIS: the binding is read", code in (0, 1) and '"iis_binding"' in out, err)
        with Without("findstr.exe"):
            folder, files = collect(prefix)
            h.check("without findstr: no bindings, and it is said", files.get("iis-bindings.txt") ==
                    b"iis failed: applicationHost.config cannot be read\r\n", sorted(files))
            h.check("which is not known", "iis failed: applicationHost.config cannot be read: what "
                    "HTTP.sys" in judged(folder)[1], judged(folder))
        prefix.version("2003")
        _, files = collect(prefix)
        h.check("2003: none of these files", not SETTINGS_FILES & set(files), sorted(files))


RDP = "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Terminal Server\\WinStations\\RDP-Tcp"
PROXY = "HKLM\\SYSTEM\\CurrentControlSet\\Services\\PortProxy\\v4tov4\\tcp"


NTDS = "HKLM\\SYSTEM\\CurrentControlSet\\Services\\NTDS\\Parameters"
SQL = "HKLM\\SOFTWARE\\Microsoft\\Microsoft SQL Server"
SQL_NAMES = SQL + "\\Instance Names\\SQL"
SQL_ALL = SQL + "\\MSSQL15.PAY ROLL\\MSSQLServer\\SuperSocketNetLib\\Tcp\\IPAll"


def port_values(prefix):
    """The port of Remote Desktop and the entries of port proxies, and no other value of their keys;
    ports of SQL Server and of RPC servers."""
    prefix.reg_write((RDP, {"PortNumber": 50389, "Password": "secret"}),
                     (PROXY, {"*/50022": "10.0.0.1/22"}),
                     (NTDS, {"TCP/IP Port": 50243, "Secret": "secret"}),
                     (SQL_NAMES, {"PAYROLL": "MSSQL15.PAY ROLL"}), (SQL_ALL, {"TcpPort": "50433"}))
    try:
        for version in ("2003", "2008r2"):
            prefix.version(version)
            folder, files = collect(prefix)
            gathered = files.get("port-values.txt", b"")
            h.check(f"{version}: the ports of services are gathered",
                    b"0xc4d5" in gathered and b"*/50022" in gathered, gathered)
            h.check(f"{version}: no secret is gathered", b"secret" not in gathered, gathered)
            h.check(f"{version}: the last line says that the file is whole",
                    gathered.rstrip().endswith(b"\nend of port values"), gathered)
            judged(folder)  # puts rows into netstat.txt
            code, out, err = h.run("hm-agent", "check", "--json", "--from", folder, "--product-dir",
                                   h.PRODUCTS)
            h.check(f"{version}: they are read", code in (0, 1) and '"rdp_port"' in out and
                    '"port_proxy"' in out and '"ntds_port"' in out and '"sql_port"' in out and
                    '"MSSQL$PAYROLL"' in out, f"{code} {err}")
    finally:
        prefix.reg_write((RDP, None), (PROXY, None), (NTDS, None), (SQL_NAMES, None),
                         (SQL_ALL, None))


REDIRECTION = (b'<?xml version="1.0" encoding="UTF-8"?>\r\n<configuration>\r\n<configSections>'
               b'<section name="configurationRedirection" /></configSections>\r\n'
               b'    <configurationRedirection %s/>\r\n</configuration>\r\n')
FARM = b'enableUncPolling="false" path="%s" userName="" password="secret" '
LOCAL, SHARED, UNREAD = b"*:50443:", b"*:50555:", b"iis failed: the shared configuration cannot be read"
REDIRECTIONS = [
    (REDIRECTION % b"", LOCAL),
    (REDIRECTION % (b'enabled="false" ' + FARM % b"C:\\iis farm"), LOCAL),
    (REDIRECTION % (b'enabled="true" ' + FARM % b"C:\\iis farm"), SHARED),
    (REDIRECTION % (b'enabled="True" ' + FARM % b"%SystemDrive%\\iis farm"), SHARED),
    (REDIRECTION % (FARM % b"C:\\iis farm" + b'enabled="true" '), SHARED),
    (REDIRECTION % (b'enabled="true" ' + FARM % b"C:\\absent"), UNREAD),
    (REDIRECTION % (b'enabled="true" ' + FARM % b""), UNREAD),
    (REDIRECTION % b'enabled="true" ', UNREAD),
    (b'<configuration>\r\n<configurationRedirection\r\nenabled="true"\r\n/></configuration>\r\n',
     b"iis failed: redirection.config is not on one line"),
    (b"\xff\xfe" + (REDIRECTION % b"").decode().encode("utf-16-le"),
     b"iis failed: redirection.config cannot be read"),
]


def shared_configuration(prefix):
    """The bindings in use are gathered, or that they are not known; and no secret."""
    prefix.version("2008r2")
    farm = os.path.join(w.PREFIX, "drive_c/iis farm")
    os.makedirs(farm, exist_ok=True)
    with open(os.path.join(farm, "applicationHost.config"), "wb") as file:
        file.write(SITES.replace(LOCAL, SHARED))
    with Sites() as sites, Instead(prefix, "findstr.exe"):
        for redirection, expected in REDIRECTIONS:
            with open(os.path.join(sites.folder, "config/redirection.config"), "wb") as file:
                file.write(redirection)
            folder, files = collect(prefix)
            gathered = files.get("iis-bindings.txt", b"")
            others = [text for text in (LOCAL, SHARED, b"failed") if text not in expected]
            h.check(f"{redirection}: {expected}", expected in gathered and
                    not any(text in gathered for text in others), gathered)
            h.check("no secret is gathered", b"secret" not in b"".join(files.values()), gathered)
            if b"failed" in expected:
                h.check("it is said", expected.decode() in judged(folder)[1], judged(folder))
        os.remove(os.path.join(sites.folder, "config/redirection.config"))
        shutil.rmtree(farm)
        # an account that may not look into the folder config
        os.remove(os.path.join(sites.folder, "config/applicationHost.config"))
        with open(os.path.join(sites.folder, "w3wp.exe"), "wb"):
            pass
        _, files = collect(prefix)
        h.check("IIS without settings that can be read", files.get("iis-bindings.txt") ==
                b"iis failed: applicationHost.config cannot be read\r\n", files.get("iis-bindings.txt"))


# ---- events.xml ----------------------------------------------------------------------------------

FOLDER = os.path.join(w.PREFIX, "drive_c/wevtutil")
SCM = event_texts.SCM
LOGS = {"System": [{"provider": SCM, "id": 7024, "about": "SQL Server (ERP)"}],
        "Application": [{"provider": "MSSQL$ERP", "id": 17182}], "DNS Server": []}


class Double(Instead):
    """wevtutil.exe that prints what these logs hold; None: it refuses."""

    def __init__(self, prefix, logs):
        super().__init__(prefix, "wevtutil.exe")
        self.logs = logs

    def __enter__(self):
        super().__enter__()
        shutil.rmtree(FOLDER, ignore_errors=True)
        os.mkdir(FOLDER)
        if self.logs is None:
            self.put("refuse", b"")
        for log, rows in (self.logs or {}).items():
            self.put(log + ".xml", event_texts.log(log, rows))
        return self

    @staticmethod
    def put(name, data):
        with open(os.path.join(FOLDER, name), "wb") as file:
            file.write(data)

    @staticmethod
    def calls():
        with open(os.path.join(FOLDER, "calls.txt"), encoding="utf-8") as file:
            return file.read().splitlines()


def with_wevtutil(prefix):
    prefix.version("2008r2")
    with Double(prefix, LOGS) as double:
        folder, files = collect(prefix)
        calls = double.calls()
    asked = [call for call in calls if " qe " in call]
    h.check("wevtutil is asked for three logs", [name for name in LOGS if any(
        f" qe {name} " in call.replace('"', "") for call in asked)] == list(LOGS), calls)
    h.check("each call is bounded in number and age, newest first",
            all(part in call for call in asked for part in (
                "/c:500", "/rd:true", "timediff(@SystemTime) <= 2592000000", "/uni:true")), calls)
    h.check("an expression has 20 terms at most",
            all(call.count("=") - call.count("<=") <= 19 for call in asked), calls)
    h.check("the outputs stand one behind the other", files.get("events.xml") == b"".join(
        event_texts.log(log, rows) for log, rows in LOGS.items()), files.get("events.xml"))
    _, out, err = judged(folder)
    said = " ".join(out.split())
    h.check("events are read, and one of a service that nobody knows is named",
            'events.xml says that "SQL Server (ERP)" failed' in said and
            said.count("events.xml") == 1, f"{out}{err}")


def one_log_refuses(prefix):
    """The others are there, and a line for each that is not."""
    prefix.version("2008r2")
    with Double(prefix, {"System": LOGS["System"]}):
        os.mkdir(os.path.join(FOLDER, "DNS Server.xml"))
        folder, files = collect(prefix)
    said = [f"{log} log: wevtutil exit 15007" for log in ("Application", "DNS Server")]
    lines = "".join(f"events failed: {line}\r\n" for line in said).encode("utf-16-le")
    h.check("each log that refuses: one line", files.get("events.xml") ==
            event_texts.log("System", LOGS["System"]) + lines, files.get("events.xml"))
    _, out, err = judged(folder)
    h.check("each of them is said", all(f"could not be read ({line})" in out for line in said),
            f"{out}{err}")


def large_log(prefix):
    prefix.version("2008r2")
    logs = os.path.join(SYSTEM, "winevt/Logs")
    os.makedirs(logs, exist_ok=True)
    large = os.path.join(logs, "System.evtx")
    with open(large, "wb") as file:
        file.truncate(200 * 1024 * 1024)
    try:
        with Double(prefix, {"System": [], "Application": []}) as double:
            collect(prefix)
            calls = [call for call in double.calls() if " qe " in call]
    finally:
        os.remove(large)
    h.check("a large log is not searched", "/q:*" in calls[0] and "EventID" not in calls[0] and
            "/c:1000" in calls[0], calls)
    h.check("another one is", "EventID" in calls[1] and "/c:500" in calls[1], calls)
    h.check("a log that is not there is not asked for", len(calls) == 2, calls)


def no_events(prefix):
    """The tool is absent, or refuses, or says nothing: one line, which hm-agent repeats."""
    def said(label, reason, files, folder):
        h.check(f"{label}: one line", files.get("events.xml") ==
                b"events failed: " + reason.encode() + b"\r\n", files.get("events.xml"))
        _, out, err = judged(folder)
        h.check(f"{label}: is said", f"could not be read ({reason})" in out, f"{out}{err}")

    prefix.version("2008r2")
    with Without("wevtutil.exe"):
        folder, files = collect(prefix)
    said("2008 R2 without wevtutil", "wevtutil.exe is missing", files, folder)
    with Double(prefix, None):
        folder, files = collect(prefix)
    said("wevtutil refuses", "wevtutil exit 5", files, folder)
    with Double(prefix, {"System": []}) as double:
        double.put("System.xml", b"")
        folder, files = collect(prefix)
    said("wevtutil says nothing", "wevtutil exit 0", files, folder)
    prefix.version("2003")
    with Without("cscript.exe"):
        folder, files = collect(prefix)
    said("2003 without the script host", "cscript.exe is missing", files, folder)


def script_2003(prefix):
    """Wine has no Win32_NTLogEvent, no option //T, and no AscW: the script as it is finds nothing,
    and over an event that is made up, with Asc, prints it."""
    prefix.version("2003")
    folder, files = collect(prefix)
    h.check("2003: no script is left", "events.vbs" not in files, sorted(files))
    _, out, err = judged(folder)
    h.check("2003: Wine's lack is said", "events.xml" in out, f"{files.get('events.xml')}{out}{err}")
    drive = os.path.join(w.PREFIX, "drive_c")
    with open(os.path.join(drive, "collect.cmd"), "rb") as file:
        script = file.read()
    kept = script.replace(b'del "%VBS%"', b"rem kept")
    with open(os.path.join(drive, "kept.cmd"), "wb") as file:
        file.write(kept)
    prefix.run("cmd", "/c", r"C:\kept.cmd C:\kept")
    top = os.path.join(drive, "kept")
    folder = os.path.join(top, os.listdir(top)[0])
    with open(os.path.join(folder, "events.vbs"), "rb") as file:
        vbs = file.read()
    h.check("the script asks for the boot's event and each log", all(part in vbs for part in (
        b'Ask "System", "EventCode=6005 or EventCode=7000 or ', b'Ask "Application", "EventCode=3015 ',
        b'Ask "DNS Server", "EventCode=404 or EventCode=407 or EventCode=408"')), vbs)
    head, _, tail = vbs.partition(b"For Each e In ")
    _, _, tail = tail.partition(b"\r\n")
    fake = b"".join(b"Public %s\r\n" % name for name in (
        b"SourceName", b"EventCode", b"TimeGenerated", b"RecordNumber", b"InsertionStrings"))
    made = (b"Set e = New Made\r\ne.SourceName = \"Service Control Manager\"\r\n"
            b"e.EventCode = 7023\r\ne.TimeGenerated = started\r\ne.RecordNumber = 4711\r\n"
            b"e.InsertionStrings = Array(\"A<\" & Chr(252) & \"&'\", \"%%10048\")\r\n"
            b"For j = 1 To 1\r\n")
    fake = b"Class Made\r\n" + fake + b"End Class\r\n"
    with open(os.path.join(drive, "fake.vbs"), "wb") as file:
        file.write(fake + head + made + tail.replace(b"AscW(", b"Asc("))
    _, out, err = prefix.run("cscript", "//nologo", r"C:\fake.vbs")
    code, plain, err = prefix.run("cscript", "//nologo", rf"C:\kept\{os.path.basename(folder)}\events.vbs")
    h.check("the script runs as it is", code == 0 and plain == "<Events>\n</Events>\n",
            f"{code} {plain}{err}")
    refused = head.replace(b"Sub Ask(", b"Sub Ask(name, terms)\r\nIf name = \"Application\" Then "
                           b"Err.Raise 5\r\nWScript.Echo name\r\nEnd Sub\r\nSub Unused(")
    with open(os.path.join(drive, "fake.vbs"), "wb") as file:
        file.write(refused + b"For Each e In Array()\r\n" + tail)
    _, said, err = prefix.run("cscript", "//nologo", r"C:\fake.vbs")
    h.check("a log that the script cannot read is a line, and the next one is asked",
            said == "<Events>\nSystem\nevents failed: Application log: script error 5\n"
            "DNS Server\n</Events>\n", f"{said}{err}")
    h.check("the script prints events", out.count("<EventID>7023</EventID>") == 3 and
            "<Data>A&#60;&#252;&#38;&#39;</Data><Data>%%10048</Data>" in out and
            out.endswith("</Events>\n"), f"{out}{err}")


def suite(prefix, _):
    netbios = socket.socket(socket.AF_INET, socket.SOCK_DGRAM) # every Windows has UDP; Wine at times
    netbios.bind(("0.0.0.0", 137))
    with Instead(prefix, "findstr.exe"):  # Wine's finds nothing, and reports that it did
        legacy(prefix)
    no_script_host(prefix)
    modern(prefix)
    port_values(prefix)
    web_server(prefix)
    shared_configuration(prefix)
    each_tool_absent(prefix, "2003", b'"version": "5.2.3790"')
    each_tool_absent(prefix, "2008r2", b'"version": "6.1.7601"')
    as_2000(prefix)
    with_wevtutil(prefix)
    one_log_refuses(prefix)
    large_log(prefix)
    no_events(prefix)
    script_2003(prefix)


w.main(suite)
