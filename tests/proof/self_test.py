#!/usr/bin/python3
"""The model and its tools refuse as the real ones do: one row a fact, with its source.

self_test.py SOURCE
Sections are those of the Windows port reference; KB and man pages are named.
SPDX-License-Identifier: Apache-2.0
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import catalogue  # noqa: E402
import events  # noqa: E402
import model  # noqa: E402
import ports  # noqa: E402
import service_texts  # noqa: E402
import shell  # noqa: E402
import texts  # noqa: E402
from hosts.build import Build, WIDE  # noqa: E402

ADD = "netsh int ipv4 add excludedportrange protocol=tcp startport={} numberofports={}"
ADD6 = ADD.replace("ipv4", "ipv6")
DELETE = ADD.replace("add", "delete")
SET = "netsh int ipv4 set dynamicportrange protocol=tcp startport={} numberofports={}"
KEY = "HKLM\\SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters"
REG = f"reg add {KEY} /v "
LONG = "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters"


# ---- hosts ---------------------------------------------------------------------------------------

def modern(b):
    b.terminal()
    b.service("MSSQLSERVER", "sqlservr.exe", tcp=[1433])
    b.service("SQLSERVERAGENT", "SQLAGENT.EXE", needs=["MSSQLSERVER"])
    b.service("Zabbix Agent", "zabbix_agentd.exe", tcp=[10050])
    b.service("Off", "off.exe", runs=False, start="disabled")
    b.service("VeeamDeploySvc", "VeeamDeploymentSvc.exe", runs=False)
    b.rows("tcp", (4000, 4009), (7000, 7000))
    b.rows("tcp", (20100, 20199), (30000, 30063), owner="other")


def shared(b):
    modern(b)
    b.host.families_shared = True


def no_hotfix(b):
    for stack in b.host.stacks.values():
        stack.listed = False


def with_dns(b):
    b.dns(pool=50)
    b.service("WDSServer", "svchost.exe", runs=False)
    b.service("IAS", "svchost.exe", runs=False)


def legacy(b):
    b.terminal()
    b.tcpip(ReservedPorts=["3343-3343"])


def two_thousand(b):
    b.service("PolicyAgent", "lsass.exe", udp=[500, 4500])


def nothing(_b):
    pass


def linux(b):
    b.service("ssh", "sshd", tcp=[22])
    b.service("db", "db", tcp=[5432])
    b.service("app", "app", needs=["db"])
    b.host.sysctl[model.RESERVED_NAME] = "8080"


# ---- what holds afterwards -----------------------------------------------------------------------

def runs(*names):
    return lambda host: all(host.service(name).runs for name in names)


def down(*names):
    return lambda host: not any(host.service(name).runs for name in names)


def has_row(*row, families=("ipv4",)):
    return lambda host: all(row in [(r.first, r.last) for r in host.stacks[("tcp", f)].rows
                                    if r.administered] for f in families)


def value(name, wanted):
    return lambda host: host.value(model.TCPIP, name) == wanted


def booted(check):
    def after(host):
        events.boot(host, events.Dice(3))
        return check(host)
    return after


def reserved(port, protocol="udp"):
    return lambda host: port in host.reserved(protocol, "ipv4")


def not_reserved(port, protocol="udp"):
    return lambda host: port not in host.reserved(protocol, "ipv4")


def always(_host):
    return True


REG_FILE = [f"echo Windows Registry Editor Version 5.00> %TEMP%\\p.reg",
            f"echo [{LONG}]>> %TEMP%\\p.reg",
            'echo "ReservedPorts"=hex(7):34,00,35,00,30,00,30,00,2d,00,34,00,35,00,30,00,30,00,00,'
            "00,00,00>> %TEMP%\\p.reg", "regedit /s %TEMP%\\p.reg"]
REG_WAITS = [*REG_FILE[:-1], 'start "" /wait regedit /s "%TEMP%\\p.reg"']
OVERWRITTEN = ["echo Windows Registry Editor Version 5.00> %TEMP%\\p.reg"]
REG_FILE_4 = ["echo REGEDIT4> %TEMP%\\p.reg", f"echo [{LONG}]>> %TEMP%\\p.reg",
              'echo "ReservedPorts"=hex(7):34,35,30,30,2d,34,35,30,30,00,00>> %TEMP%\\p.reg',
              "regedit /s %TEMP%\\p.reg"]
FILE = "/etc/sysctl.d/{}.conf"
SETTING = "net.ipv4.ip_local_reserved_ports"

# (system, host, commands, exit codes of those that fail, what holds afterwards, source)
ROWS = (
    # netsh: exclusions
    ("2019", modern, [ADD.format(5022, 1)], [], has_row(5022, 5022), "2.2"),
    ("2019", modern, [ADD.format(5022, 1)], [], booted(has_row(5022, 5022)), "2.10"),
    ("2019", modern, [ADD.format(5022, 1) + " store=active"], [],
     booted(lambda host: not has_row(5022, 5022)(host)), "2.2"),
    ("2019", modern, ["netsh interface ipv4 add excluded tcp 5022 1"], [], has_row(5022, 5022),
     "1.2: prefixes"),
    ("2019", modern, [ADD.format(1433, 1)], [32], always, "2.3 (a): its own product has it"),
    ("2019", modern, [ADD.format(1400, 100)], [32], always, "2.3: one busy port of a block"),
    ("2019", modern, [ADD.format(4005, 10)], [32], always, "2.3 (c): overlap"),
    ("2019", modern, [ADD.format(7000, 1)], [32], has_row(7000, 7000), "2.3 (c): the same row"),
    ("2019", modern, [ADD.format(20150, 1)], [32], always, "2.3 (b): a runtime row"),
    ("2019", modern, [ADD.format(0, 1)], [87], always, "2.3"),
    ("2019", modern, [ADD.format(65000, 1000)], [87], always, "2.3"),
    ("2019", modern, [ADD.format(5022, 1), ADD6.format(5022, 1)], [],
     has_row(5022, 5022, families=ports.FAMILIES), "2.7: unlike families"),
    ("2019", shared, [ADD.format(5022, 1), ADD6.format(5022, 1)], [32],
     has_row(5022, 5022, families=ports.FAMILIES), "2.7: shared families"),
    ("2019", modern, [DELETE.format(7000, 1)], [], lambda h: not has_row(7000, 7000)(h), "2.2"),
    ("2019", modern, [DELETE.format(4000, 5)], [1168], has_row(4000, 4009), "2.3, 2.4"),
    ("2019", modern, [DELETE.format(20100, 100)], [5], always, "2.1: access denied"),
    ("2008r2", no_hotfix, [ADD.format(5022, 1)], [1], always, "2.6: KB2665809"),
    ("2008", no_hotfix, ["netsh int ipv4 show excludedportrange protocol=tcp"], [1], always, "2.6"),
    ("2008r2", nothing, [ADD.format(5022, 1)], [], has_row(5022, 5022), "2.6"),
    ("2003", legacy, [ADD.format(5022, 1)], [1], always, "2.6"),
    ("2000", two_thousand, [ADD.format(5022, 1)], [1], always, "2.6"),
    # netsh: ranges
    ("2019", modern, [SET.format(49152, 16384)], [],
     lambda h: h.dynamic("tcp", "ipv4") == (49152, 65535), "1.2"),
    ("2019", modern, [SET.format(1023, 5000)], [87], always, "1.2"),
    ("2019", modern, [SET.format(5000, 254)], [87], always, "1.2"),
    ("2019", modern, [SET.format(60000, 6000)], [87], always, "1.2"),
    ("2003", legacy, [SET.format(49152, 16384)], [1], always, "1.1: Vista and later"),
    # net
    ("2019", modern, ["net stop MSSQLSERVER"], [2], runs("MSSQLSERVER", "SQLSERVERAGENT"),
     "net asks Y/N when dependents run"),
    ("2019", modern, ["net stop MSSQLSERVER /y"], [], down("MSSQLSERVER", "SQLSERVERAGENT"),
     "net help stop: /y"),
    ("2019", modern, ["net stop MSSQLSERVER /y", "net start MSSQLSERVER"], [],
     lambda h: runs("MSSQLSERVER")(h) and down("SQLSERVERAGENT")(h),
     "dependents do not come back (Windows 2000 Scripting Guide)"),
    ("2019", modern,
     ["net stop SQLSERVERAGENT", "net stop MSSQLSERVER", "net start SQLSERVERAGENT"], [],
     runs("MSSQLSERVER", "SQLSERVERAGENT"), "a start brings what it depends on"),
    ("2019", modern, ["net stop RpcSs /y"], [2191], runs("RpcSs"), "NET HELPMSG 2191"),
    ("2019", modern, ["net stop VeeamDeploySvc"], [3521], always, "NET HELPMSG 3521"),
    ("2019", modern, ["net start MSSQLSERVER"], [2182], always, "NET HELPMSG 2182"),
    ("2019", modern, ["net stop NoSuch"], [2185], always, "NET HELPMSG 2185"),
    ("2019", modern, ["net start Off"], [1058], always, "ERROR_SERVICE_DISABLED"),
    ("2019", modern, ["net stop Zabbix Agent"], [1], runs("Zabbix Agent"), "quotes"),
    ("2019", modern, ['net stop "Zabbix Agent"', ADD.format(10050, 1), 'net start "Zabbix Agent"'],
     [], lambda h: runs("Zabbix Agent")(h) and has_row(10050, 10050)(h), "2.1: a plain bind works"),
    # sc
    ("2019", modern, ["sc stop MSSQLSERVER"], [1051], runs("MSSQLSERVER"), "KB245230"),
    ("2019", modern, ['sc stop "Zabbix Agent"', ADD.format(10050, 1)], [32], down("Zabbix Agent"),
     "sc does not wait: the port is busy still"),
    ("2019", modern, ["sc start MSSQLSERVER"], [1056], always, "ERROR_SERVICE_ALREADY_RUNNING"),
    ("2019", modern, ["sc config Off start=auto"], [1639], always, "sc help: a blank after ="),
    ("2000", two_thousand, ["sc query"], [9009], always, "2000 has no sc"),
    # WinNAT, HNS, HTTP.sys
    ("2019", modern, ["net stop winnat", ADD.format(20150, 1), "net start winnat"], [],
     has_row(20150, 20150), "2.9"),
    ("2019", modern, ["net stop winnat", ADD.format(30010, 1)], [32], always,
     "2.9: rows of HNS stay"),
    ("2012r2", nothing, ["net stop winnat"], [2185], always, "2.3: winnat is absent"),
    ("2019", modern, ["net stop WinRM & " + ADD.format(5985, 1) + " & net start WinRM"], [32, -1],
     down("WinRM"), "2.1: HTTP.sys fails in an administered row"),
    # connections
    ("2019", modern, ["net stop TermService /y", "net start TermService"], [-1],
     down("TermService"), "the session is gone"),
    ("2019", modern, ["net stop TermService /y & net start TermService & net start UmRdpService"],
     [], runs("TermService", "UmRdpService"), "one line is carried out"),
    # reg, regedit
    ("2003", legacy, [REG + 'ReservedPorts /t REG_MULTI_SZ /d "3343-3343\\04500-4500"'], [1],
     value("ReservedPorts", ["3343-3343"]), "reg add without /f asks"),
    ("2003", legacy, [REG + 'ReservedPorts /t REG_MULTI_SZ /d "3343-3343\\04500-4500" /f'], [],
     not_reserved(4500), "3.1: counts after a boot"),
    ("2003", legacy, [REG + 'ReservedPorts /t REG_MULTI_SZ /d "3343-3343\\04500-4500" /f'], [],
     booted(reserved(4500)), "3.1"),
    ("2003", legacy, [REG + 'ReservedPorts /t REG_MULTI_SZ /d "1645-1645\\01646-1646" /f'], [],
     booted(not_reserved(1646)), "3.1: neighbours on separate lines"),
    ("2003", legacy, [REG + 'ReservedPorts /t REG_MULTI_SZ /d "4500" /f'], [],
     booted(not_reserved(4500)), "3.1: a single port is x-x"),
    ("2003", legacy, [REG + "MaxUserPort /t REG_DWORD /d 65534 /f"], [],
     booted(lambda h: h.dynamic("tcp", "ipv4") == (1024, 65534)), "1.1"),
    ("2003", legacy, [REG + "MaxUserPort /t REG_DWORD /d 4000 /f"], [],
     booted(lambda h: h.dynamic("tcp", "ipv4") == (1024, 5000)), "3.4: ignored below 5000"),
    ("2003", legacy, [f"reg delete {KEY} /v MaxUserPort /f"], [1], always, "reg delete"),
    ("2003", legacy, [f"reg delete {KEY} /v ReservedPorts"], [1], always, "reg delete asks"),
    ("2000", two_thousand, [REG + 'ReservedPorts /t REG_MULTI_SZ /d "4500-4500" /f'], [9009],
     value("ReservedPorts", None), "3.1: no reg.exe on 2000"),
    ("2000", two_thousand, REG_FILE, [], booted(reserved(4500)), "KB310516"),
    ("2000", two_thousand, REG_FILE_4, [], booted(reserved(4500)), "KB310516"),
    ("2000", two_thousand, REG_FILE + OVERWRITTEN, [], value("ReservedPorts", None),
     "cmd.exe does not wait for a program with windows"),
    ("2000", two_thousand, REG_WAITS + OVERWRITTEN, [], booted(reserved(4500)), "start /wait"),
    ("2000", two_thousand, [*REG_FILE[:2], REG_FILE[2].replace(",00,00,00,00>>", ",00,00>>"),
                            REG_FILE[3]], [1], value("ReservedPorts", None), "3.1: the last NUL"),
    ("2000", two_thousand, REG_FILE[1:], [1], value("ReservedPorts", None),
     "KB310516: the first line"),
    ("2000", two_thousand, ["regedit %TEMP%\\p.reg"], [1], always, "regedit asks without /s"),
    ("2019", modern, [REG + 'ReservedPorts /t REG_MULTI_SZ /d "5022-5022" /f'], [],
     booted(not_reserved(5022, "tcp")), "2.6: not read since Vista"),
    # DNS Server
    ("2016", with_dns, ["dnscmd /Config /SocketPoolExcludedPortRanges 1812-1813 4011-4011"], [],
     lambda h: h.value(model.DNS, "SocketPoolExcludedPortRanges") == ["1812-1813", "4011-4011"],
     "3.3"),
    ("2016", with_dns, ["dnscmd /Config /SocketPoolExcludedPortRanges 4011"], [9553], always,
     "3.3"),
    ("2016", with_dns, ["net stop DNS", "dnscmd /Config /SocketPoolExcludedPortRanges 4011-4011"],
     [1722], always, "dnscmd speaks to the running server"),
    ("2008", with_dns, ["dnscmd /Config /SocketPoolExcludedPortRanges 4011-4011"], [9553], always,
     "3.3: the list came with 2008 R2"),
    ("2003", with_dns, ["dnscmd /Config /SocketPoolExcludedPortRanges 4011-4011"], [9009], always,
     "Windows Server 2003: part of the Support Tools"),
    ("2016", modern, ["dnscmd /Info"], [9009], always, "part of the DNS role"),
    # cmd
    ("2019", modern, ["net stop NoSuch && net stop VeeamDeploySvc"], [2185], always, "cmd: &&"),
    ("2000", two_thousand, ["echo " + "x" * 2100], [-1], always, "KB830473"),
    ("2019", modern, ["ss -tuanp"], [9009], always, "not Windows"),
    # Linux
    ("linux", linux, [f"sysctl -w {SETTING}=5432"], [],
     lambda h: h.sysctl[SETTING] == "5432", "7: a write replaces the list"),
    ("linux", linux, [f"sysctl -w {SETTING}=8080,5432"], [], booted(
        lambda h: h.sysctl[SETTING] == "8080"), "7: the file that is read at boot wins"),
    ("linux", linux, [f"echo '{SETTING} = 5432' > " + FILE.format("99-reserved-ports")], [],
     booted(lambda h: h.sysctl[SETTING] == "8080"), "sysctl.d: the last name wins"),
    ("linux", linux, [f"echo '{SETTING} = 8080,5432' > " + FILE.format("zz-reserved")], [],
     booted(lambda h: h.sysctl[SETTING] == "5432,8080"), "sysctl.d"),
    ("linux", linux, [f"echo '{SETTING} = 5432' > /etc/nowhere/x.conf"], [1], always, "sh"),
    ("linux", linux, [f"sysctl -w {SETTING}=70000"], [255], always, "7"),
    ("linux", linux, ['sysctl -w net.ipv4.ip_local_port_range="60999 32768"'], [255], always, "7"),
    ("linux", linux, ['sysctl -w net.ipv4.ip_local_port_range="500 60999"'], [255], always,
     "7: not below ip_unprivileged_port_start"),
    ("linux", linux, ["systemctl stop db", "systemctl start db"], [],
     lambda h: runs("db")(h) and down("app")(h), "systemd.unit: Requires="),
    ("linux", linux, ["systemctl restart db"], [], runs("db", "app"), "systemd.unit: Requires="),
    ("linux", linux, ["systemctl stop nothere"], [5], always, "systemctl"),
    ("linux", linux, ["netsh int ipv4 show"], [127], always, "not Linux"),
)


def try_row(products, row):
    system, make, commands, codes, holds, source = row
    b = Build("self-test", system, products, tcp=WIDE, base=system != "linux")
    make(b)
    host = b.done()
    paste = shell.Paste(host, events.Dice(1)).run(commands)
    got = [failure.code for failure in paste.failures]
    problems = [] if got == codes else [
        f"exit codes {got}, not {codes}: {[str(f) for f in paste.failures]}"]
    if not problems and not holds(host):
        problems.append("what should hold afterwards does not")
    return [f"{system}: {' ; '.join(commands)[:150]} [{source}]: {problem}" for problem in problems]


def try_stack(products):
    """Facts of the stack that no command shows."""
    b = Build("self-test", "2019", products, tcp=WIDE)
    modern(b)
    b.service("BITS", "svchost.exe", needs=["RpcSs"])
    b.held("BITS", "tcp", 6160)
    host = b.done()
    veeam = host.service("VeeamDeploySvc")

    def refuses(code, bind=None):
        refusal = host.why_no_bind(bind or veeam.binds[0])
        return refusal is not None and refusal.code == code
    yield "10048: a connection has the port (5)", refuses(10048)
    yield "10013: a plain bind in a runtime row (2.1)", refuses(
        10013, model.Bind("tcp", "ipv4", "0.0.0.0", 20150, "socket"))
    yield "a plain bind works in an administered row (2.1)", host.why_no_bind(
        model.Bind("tcp", "ipv4", "0.0.0.0", 7000, "socket")) is None
    for kind in ("httpsys", "quic"):
        yield f"32: {kind} in an administered row (2.1)", refuses(
            32, model.Bind("tcp", "ipv4", "0.0.0.0", 7000, kind))
    events.stop(host, host.service("BITS"))
    yield "free once BITS has stopped", host.why_no_bind(veeam.binds[0]) is None
    dice = events.Dice(1, {("tcp", 7000), ("tcp", 20150), ("tcp", 1433), ("tcp", 6160)})
    yield "nobody is given a row or a busy port (2.1)", dice.ports(
        host, "tcp", "ipv4", 4)[0] == 6160
    later = host.copy()
    failed = events.boot(later, events.Dice(1, {("tcp", 6160)}))
    yield "the worst boot takes what nothing keeps", "VeeamDeploySvc" in failed
    host.add_row("tcp", "ipv4", 6160, 6160)
    host.add_row("tcp", "ipv6", 6160, 6160)
    failed = events.boot(host, events.Dice(1, {("tcp", 6160)}))
    yield f"what is excluded survives the worst boot (2.10): {failed}", \
        "VeeamDeploySvc" not in failed
    yield "blocks of WinNAT are elsewhere after a boot (2.1)", (20100, 20199) not in [
        (row.first, row.last) for row in host.stacks[("tcp", "ipv4")].rows]


def try_dns(products):
    b = Build("self-test", "2016", products, udp=WIDE)
    with_dns(b)
    host = b.done()
    host.set_value(model.DNS, "SocketPoolExcludedPortRanges", "REG_MULTI_SZ", ["1812-1813"])
    dice = events.Dice(1, {("udp", 1812), ("udp", 4011)})
    events.stop(host, host.service("DNS"))
    yield "its pool goes with the DNS Server", not [s for s in host.sockets if s.service == "DNS"]
    events.start(host, host.service("DNS"), dice)
    mine = {one.port for one in host.sockets if one.service == "DNS"}
    yield "the pool obeys its own list (3.3)", 1812 not in mine and 4011 in mine
    yield "the pool is as large as before (3.3)", len(mine) >= 50


STATES = """
NOMBRE_SERVICIO: DNS
NOMBRE_MOSTRAR : Servidor DNS
        TIPO               : 10  WIN32_OWN_PROCESS
        ESTADO             : {state}
                                (STOPPABLE, PAUSABLE, ACCEPTS_SHUTDOWN)
        CÓD_SALIDA_WIN32   : 0  (0x0)
        CÓD_SALIDA_SERV.   : 0  (0x0)
        PUNTO_COMPROB.     : 0x0
        INDICACIÓN_INICIO  : 0x0
        PID                : {pid}
        MARCAS             :
"""
QUERY = f"""
{service_texts.SERVICES}DNS
    Type    REG_DWORD    0x10

{service_texts.SERVICES}DNS
    Start    REG_DWORD    0x2

{service_texts.SERVICES}DNS
    ImagePath    REG_EXPAND_SZ    %systemroot%\\system32\\dns.exe

{service_texts.SERVICES}DNS
    DelayedAutostart    REG_DWORD    0x1

{service_texts.SERVICES}DNS
    DependOnService    REG_MULTI_SZ    Tcpip\\0Afd\\0+NetGroup
"""


def try_texts():
    keys = {LONG: {"ReservedPorts": ("REG_MULTI_SZ", ["1-1", "5-9"]), "N": ("REG_DWORD", 7),
                   "S": ("REG_SZ", 'a "b" \\c')}}
    yield "a registry export is read as it was written", \
        texts.read_reg(texts.write_reg(keys).decode("utf-16")) == keys
    rows = [(80, 80, False), (50000, 50059, True)]
    yield "a list of exclusions, too", texts.read_excluded(
        texts.write_excluded("tcp", rows)) == rows
    text = STATES.format(state="4  RUNNING", pid=1234)
    now = service_texts.read_states(service_texts.write_states(text, {"dns": (False, 0)}))
    yield "sc queryex is written with what has changed", now == {"DNS": (1, 0)}
    rows = service_texts.rows_from_keys(service_texts.read_query(QUERY))
    yield "reg query tells how a service starts", rows["DNS"]["start"] == "delayed" and \
        rows["DNS"]["depends_on"] == ["Tcpip", "Afd"] and rows["DNS"]["program"] == "dns.exe"
    yield "a range, too", texts.read_dynamic(texts.write_dynamic("tcp", (1024, 65534))) == \
        (1024, 65534)


def main():
    products = catalogue.Catalogue(os.path.join(sys.argv[1], "schema/catalogue/products"))
    problems = [problem for row in ROWS for problem in try_row(products, row)]
    facts = [*try_stack(products), *try_dns(products), *try_texts()]
    problems += [what for what, holds in facts if not holds]
    for problem in problems:
        print(problem)
    print(f"{len(ROWS)} refusals and effects of tools, {len(facts)} of the stack; "
          f"{len(problems)} wrong")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
