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


MADE = {
    "made-adfs-wsus": adfs_and_wsus, "made-adfs-off": adfs_off,
}
