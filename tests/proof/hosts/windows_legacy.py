"""Windows 2000, XP and 2003: ReservedPorts and MaxUserPort, which count after a boot.

SPDX-License-Identifier: Apache-2.0
"""
from hosts.build import Build

BOOTED = {"boot_time": "2008-07-09T04:00:00Z", "tcpip_written": "2008-06-01T10:00:00Z"}


def radius_dns(name, catalogue, times=None):
    """The pool has 1645; the VPN is down since RADIUS is."""
    b = Build(name, "2003", catalogue)
    b.terminal()
    b.dns()
    b.service("IAS", "svchost.exe", runs=False, needs=["RpcSs"])
    b.service("PolicyAgent", "lsass.exe", udp=[500, 4500])
    b.held("DNS", "udp", 1645)
    b.host.host_file.update(times or {})
    return b.done()


def radius_dns_timed(name, catalogue):
    """The same where the boot time is known: what is written is not in force."""
    return radius_dns(name, catalogue, BOOTED)


def radius_dns_wide(name, catalogue):
    """MaxUserPort 60000, rows of others in ReservedPorts, many products."""
    b = Build(name, "2003", catalogue)
    b.terminal()
    b.dns()
    b.tcpip(MaxUserPort=60000, ReservedPorts=["3343-3343", "6200-6210"])
    b.service("IAS", "svchost.exe", udp=[1645, 1646, 1812, 1813], needs=["RpcSs"])
    b.service("EvDRClient", "EvDRClient.exe", udp=[9469])
    b.service("EvDeployMgr", "EvDeployMgr.exe", udp=[9506])
    b.service("MSSQLSERVER", "sqlservr.exe", tcp=[1433])
    b.service("SQLSERVERAGENT", "sqlagent.exe", needs=["MSSQLSERVER"])
    b.host.host_file.update(BOOTED)
    return b.done()


def radius_text(name, catalogue):
    """ReservedPorts and MaxUserPort were written as text: Windows does not read them."""
    b = Build(name, "2003", catalogue)
    b.tcpip(MaxUserPort="60000", ReservedPorts="1645-1646 1812-1813")
    b.service("IAS", "svchost.exe", udp=[1645, 1646, 1812, 1813], needs=["RpcSs"])
    b.host.host_file.update(BOOTED)
    return b.done()


def radius_down_accounting(name, catalogue):
    """The pool has 1813 of the second requirement, and 1701 of another product."""
    b = Build(name, "2003", catalogue)
    b.dns()
    b.tcpip(MaxUserPort=60000)
    b.service("IAS", "svchost.exe", runs=False, needs=["RpcSs"])
    b.service("RemoteAccess", "svchost.exe", runs=False, needs=["RpcSs"])
    b.held("DNS", "udp", 1813)
    b.held("DNS", "udp", 1701)
    return b.done()


def sql_down_2003(name, catalogue):
    """An outgoing connection of the print spooler has 1433."""
    b = Build(name, "2003", catalogue)
    b.terminal()
    b.service("MSSQLSERVER", "sqlservr.exe", runs=False)
    b.service("Spooler", "spoolsv.exe", needs=["RpcSs"])
    b.held("Spooler", "tcp", 1433)
    b.host.host_file.update(BOOTED)
    return b.done()


def ipsec_2000(name, catalogue):
    """No reg.exe, no sc, no tasklist, no process ids."""
    b = Build(name, "2000", catalogue, details=False)
    b.dns()
    b.service("PolicyAgent", "lsass.exe", udp=[500, 4500])
    return b.done()


def ipsec_2000_rows(name, catalogue):
    """The same with rows of others, and a value that is only written."""
    b = Build(name, "2000", catalogue, details=False)
    b.dns()
    b.tcpip(ReservedPorts=["1433-1434"])
    b.service("PolicyAgent", "lsass.exe", udp=[500, 4500])
    b.service("MSSQLSERVER", "sqlservr.exe", tcp=[1433])
    return b.done()


def neighbours(name, catalogue):
    """Adjacent ports on separate lines: only the first is reserved."""
    b = Build(name, "2003", catalogue)
    b.terminal()
    b.tcpip(ReservedPorts=["1645-1645", "1646-1646", "1812-1812", "1813-1813"])
    b.service("IAS", "svchost.exe", udp=[1645, 1646, 1812, 1813], needs=["RpcSs"])
    return b.done()


def exhausted_2003(name, catalogue):
    """Nine of ten ports are used, most of them in TIME_WAIT."""
    b = Build(name, "2003", catalogue)
    b.terminal()
    b.service("MDaemon", "MDaemon.exe", tcp=[25, 110, 143])
    b.clients(300, 3300)
    b.host.host_file.update(BOOTED)
    return b.done()


def beyond_the_documented(name, catalogue):
    """MaxUserPort 65535, as ISA Server writes it."""
    b = Build(name, "2003", catalogue)
    b.terminal()
    b.dns()
    b.tcpip(MaxUserPort=65535)
    b.service("EvDRClient", "EvDRClient.exe", udp=[9469])
    b.service("EvDeployMgr", "EvDeployMgr.exe", udp=[9506])
    return b.done()


def range_taken_back(name, catalogue):
    """MaxUserPort was deleted since the host started: a connection still has a high port."""
    b = Build(name, "2003", catalogue)
    b.terminal()
    b.dns()
    b.service("EvDRClient", "EvDRClient.exe", udp=[9469])
    b.service("Spooler", "spoolsv.exe", needs=["RpcSs"])
    b.held("Spooler", "tcp", 33012)
    return b.done()


def xp_station(name, catalogue):
    b = Build(name, "xp", catalogue)
    b.terminal()
    b.service("MSSQLSERVER", "sqlservr.exe", tcp=[1433])
    return b.done()


MADE = {
    "made-radius-2003-text": radius_text,
    "made-radius-2003": radius_dns, "made-radius-2003-timed": radius_dns_timed,
    "made-radius-2003-wide": radius_dns_wide, "made-radius-2003-two": radius_down_accounting,
    "made-sql-2003": sql_down_2003, "made-ipsec-2000": ipsec_2000,
    "made-ipsec-2000-rows": ipsec_2000_rows, "made-neighbours-2003": neighbours,
    "made-exhausted-2003": exhausted_2003, "made-65535-2003": beyond_the_documented,
    "made-range-taken-back-2003": range_taken_back,
    "made-xp": xp_station,
}
