"""Windows hosts on which the remedies of several findings have to agree with each other.

SPDX-License-Identifier: Apache-2.0
"""
from hosts.build import Build, WIDE


def adfs_and_wsus(name, catalogue):
    """Two ports that must not be excluded, one of them inside the usual range: one new range is off
    both."""
    b = Build(name, "2016", catalogue, tcp=WIDE)
    b.terminal()
    b.service("adfssrv", "Microsoft.IdentityServer.ServiceHost.exe", runs=False)
    b.service("WAS", "svchost.exe", needs=["RpcSs"])
    b.service("W3SVC", "svchost.exe", needs=["WAS"], runs=False)
    b.service("WsusService", "WsusService.exe", needs=["W3SVC"], runs=False)
    return b.done()


def adfs_off(name, catalogue):
    """The range was moved off such a port: it must not be set back over it."""
    b = Build(name, "2019", catalogue, tcp=(49444, 65535))
    b.terminal()
    b.service("adfssrv", "Microsoft.IdentityServer.ServiceHost.exe", runs=False)
    return b.done()


def clustered(name, catalogue):
    """What a failover cluster runs is not stopped behind its back, nor what it depends on, nor when
    it has the port of somebody else."""
    b = Build(name, "2019", catalogue, tcp=WIDE)
    b.terminal()
    b.service("ClusSvc", "clussvc.exe", tcp=[3343], udp=[3343])
    b.service("MySQL80", "mysqld.exe", tcp=[3306], start="cluster")
    b.service("VeeamTransportSvc", "VeeamTransportSvc.exe", tcp=[6162])
    b.service("ContosoRole", "role.exe", start="cluster", needs=["VeeamTransportSvc"])
    b.held("ContosoRole", "tcp", 1433)
    b.service("MSSQLSERVER", "sqlservr.exe", runs=False)
    return b.done()


def odd_dependent(name, catalogue):
    """Quotes are enough for cmd.exe."""
    b = Build(name, "2019", catalogue, tcp=WIDE)
    b.terminal(dependents=False)
    b.service("MSSQLSERVER", "sqlservr.exe", tcp=[1433])
    b.service("ERP Batch & Print: test (2)", "erp.exe", needs=["MSSQLSERVER"])
    return b.done()


def resolver_holds_2003(name, catalogue):
    """The DNS Client has the port of IPsec; 2003 lets it stop."""
    b = Build(name, "2003", catalogue)
    b.terminal()
    b.service("PolicyAgent", "lsass.exe", runs=False, needs=["RpcSs"])
    b.held("Dnscache", "udp", 4500)
    return b.done()


def hotfix_and_pool(name, catalogue):
    """The pool has the port, and there are no exclusions: the service runs before the hotfix."""
    b = Build(name, "2008r2", catalogue)
    b.terminal()
    b.dns()
    b.service("BESClient", "BESClient.exe", runs=False, needs=["RpcSs"])
    b.held("DNS", "udp", 52311)
    for stack in b.host.stacks.values():
        stack.listed = False
    return b.done()


def hotfix_and_range(name, catalogue):
    """No exclusions on 2008, and the pool may get the port of a service that runs: the range moves
    off it, and nothing stops."""
    b = Build(name, "2008", catalogue)
    b.terminal()
    b.dns()
    b.service("BESClient", "BESClient.exe", udp=[52311], needs=["RpcSs"])
    for stack in b.host.stacks.values():
        stack.listed = False
    return b.done()


def hotfix_and_session(name, catalogue):
    """No exclusions, and Remote Desktop in the range of Exchange: one way, told once."""
    b = Build(name, "2008", catalogue, tcp=(1025, 60000))
    b.terminal()
    b.service("MSExchangeIS", "store.exe", tcp=[6001])
    for stack in b.host.stacks.values():
        stack.listed = False
    return b.done()


def worker_holds(name, catalogue):
    """A program without a service has the port: it ends, or its connection does."""
    b = Build(name, "2016", catalogue, tcp=(6005, 65534))
    b.terminal()
    b.service("MSExchangePOP3BE", "Microsoft.Exchange.Pop3Service.exe", runs=False,
              needs=["RpcSs"])
    b.held("w3wp.exe", "tcp", 9955)
    return b.done()


def isa_2003(name, catalogue):
    """The set-up of ISA Server wrote 65535."""
    b = Build(name, "2003", catalogue)
    b.terminal()
    b.tcpip(MaxUserPort=65535)
    b.service("MSSQLSERVER", "sqlservr.exe", tcp=[1433])
    return b.done()


def closed_connections(name, catalogue):
    """Most ports wait after connections that were closed: no program has them."""
    b = Build(name, "2012r2", catalogue, tcp=(49152, 50151))
    b.terminal()
    b.clients(100, 850)
    return b.done()


def not_served(name, catalogue):
    """SQL Server runs, its log says that it did not get its port, and nobody is seen there."""
    b = Build(name, "2019", catalogue)
    b.terminal()
    b.service("MSSQLSERVER", "sqlservr.exe")
    b.host.host_file.update(events=[{"provider": "MSSQLSERVER", "id": 17182, "count": 1}])
    return b.done()


MADE = {
    "made-not-served": not_served,
    "made-closed": closed_connections,
    "made-odd-dependent": odd_dependent, "made-resolver-2003": resolver_holds_2003,
    "made-hotfix-pool": hotfix_and_pool,
    "made-hotfix-range": hotfix_and_range, "made-hotfix-session": hotfix_and_session,
    "made-worker-holds": worker_holds, "made-isa-2003": isa_2003,
    "made-clustered": clustered,
    "made-adfs-wsus": adfs_and_wsus, "made-adfs-off": adfs_off,
}
