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


MADE = {
    "made-clustered": clustered,
    "made-adfs-wsus": adfs_and_wsus, "made-adfs-off": adfs_off,
}
