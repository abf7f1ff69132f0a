"""Windows hosts on which the way to a free port is longer than one service.

SPDX-License-Identifier: Apache-2.0
"""
from hosts.build import Build, WIDE


def two_holders(name, catalogue):
    """Two services have two ports of one that is down."""
    b = Build(name, "2019", catalogue, tcp=WIDE)
    b.terminal()
    b.service("MSSQLSERVER", "sqlservr.exe", runs=False)
    b.service("BITS", "svchost.exe", start="delayed", needs=["RpcSs", "EventSystem"])
    b.service("Spooler", "spoolsv.exe", needs=["RpcSs"])
    b.held("BITS", "tcp", 1433)
    b.held("Spooler", "tcp", 1434)
    return b.done()


def holder_with_chain(name, catalogue):
    """Others depend on the holder."""
    b = Build(name, "2016", catalogue, tcp=WIDE)
    b.terminal()
    b.service("MSSQLSERVER", "sqlservr.exe", runs=False)
    b.service("BITS", "svchost.exe", start="delayed", needs=["RpcSs", "EventSystem"])
    b.service("COMReports", "reports.exe", needs=["BITS"])
    b.held("EventSystem", "tcp", 1433)
    return b.done()


def holder_is_parent(name, catalogue):
    """The service that is down depends on the one that has its port."""
    b = Build(name, "2016", catalogue, tcp=(6005, 65534))
    b.terminal()
    b.service("MSExchangeADTopology", "Microsoft.Exchange.Directory.TopologyService.exe",
              needs=["RpcSs"])
    b.service("MSExchangePOP3BE", "Microsoft.Exchange.Pop3Service.exe", runs=False,
              needs=["MSExchangeADTopology"])
    b.service("MSExchangeTransport", "MSExchangeTransport.exe", tcp=[2525],
              needs=["MSExchangeADTopology"])
    b.held("MSExchangeADTopology", "tcp", 9955)
    return b.done()


def holder_is_terminal(name, catalogue):
    """Remedy means to stop what the person is connected through."""
    b = Build(name, "2019", catalogue, tcp=WIDE)
    b.terminal()
    b.service("VeeamDeploySvc", "VeeamDeploymentSvc.exe", runs=False)
    b.held("TermService", "tcp", 6160)
    return b.done()


def dns_with_dependent(name, catalogue):
    """Something depends on the DNS Server."""
    b = Build(name, "2019", catalogue, udp=WIDE)
    b.terminal()
    b.dns()
    b.service("DNSReports", "reports.exe", needs=["DNS"])
    b.service("WDSServer", "svchost.exe", runs=False, needs=["RpcSs"])
    b.held("DNS", "udp", 4011, family="ipv6")
    return b.done()


def disabled_but_running(name, catalogue):
    """Who stops it cannot start it again."""
    b = Build(name, "2022", catalogue, tcp=WIDE)
    b.terminal()
    b.service("VeeamTransportSvc", "VeeamTransportSvc.exe", tcp=[6162], start="disabled")
    return b.done()


def manual_and_running(name, catalogue):
    """Started by a person; a boot does not start it."""
    b = Build(name, "2022", catalogue, tcp=WIDE)
    b.terminal()
    b.service("VeeamTransportSvc", "VeeamTransportSvc.exe", tcp=[6162], start="manual")
    return b.done()


def odd_names(name, catalogue):
    """A name that cmd.exe would take for two commands."""
    b = Build(name, "2019", catalogue, tcp=WIDE)
    b.terminal()
    b.service("R&D Sync", "sync.exe", tcp=[8055])
    b.service("Zabbix Agent", "zabbix_agentd.exe", tcp=[10050], needs=["R&D Sync"])
    return b.done()


def odd_holder(name, catalogue):
    """Such a service has the port."""
    b = Build(name, "2019", catalogue, tcp=WIDE)
    b.terminal()
    b.service("MSSQLSERVER", "sqlservr.exe", runs=False)
    b.service("R&D Sync", "sync.exe")
    b.held("R&D Sync", "tcp", 1433)
    return b.done()


def refused_listing(name, catalogue):
    """One of the listings was refused."""
    b = Build(name, "2019", catalogue)
    b.terminal()
    b.host.stacks[("tcp", "ipv6")].listed = False
    return b.done()


def unknown_listener(name, catalogue):
    """A program that nobody knows listens on a port of a product that runs."""
    b = Build(name, "2019", catalogue)
    b.terminal()
    b.service("RabbitMQ", "erlsrv.exe")
    pid = b.host.add_process("erl.exe", (), "RabbitMQ")
    for port in (5672, 25672):
        for family in b.families():
            b.socket("tcp", family, port, pid, service="RabbitMQ")
    other = b.host.add_process("mapper.exe")
    for family in b.families():
        b.socket("tcp", family, 4369, other)
    return b.done()


def cluster_node(name, catalogue):
    """The cluster's own port in the range, on the node that is active."""
    b = Build(name, "2022", catalogue, tcp=WIDE, udp=WIDE)
    b.terminal()
    b.service("ClusSvc", "clussvc.exe", tcp=[3343], udp=[3343])
    b.service("MSSQLSERVER", "sqlservr.exe", tcp=[1433], start="cluster", needs=["ClusSvc"])
    b.service("SQLSERVERAGENT", "SQLAGENT.EXE", start="cluster", needs=["MSSQLSERVER"])
    return b.done()


def block_of_both(name, catalogue):
    """Blocks over two ports of two products, one of them down."""
    b = Build(name, "2022", catalogue, tcp=WIDE)
    b.terminal()
    b.service("MSSQLSERVER", "sqlservr.exe", runs=False)
    b.service("elasticsearch-service-x64", "elasticsearch-service-x64.exe", tcp=[9200, 9300])
    b.rows("tcp", (1400, 1499), (30000, 30099), owner="other")
    return b.done()


MADE = {
    "made-two-holders": two_holders, "made-holder-chain": holder_with_chain,
    "made-holder-parent": holder_is_parent, "made-holder-terminal": holder_is_terminal,
    "made-dns-dependent": dns_with_dependent, "made-disabled-running": disabled_but_running,
    "made-manual-running": manual_and_running, "made-odd-names": odd_names,
    "made-odd-holder": odd_holder, "made-refused-listing": refused_listing,
    "made-unknown-listener": unknown_listener, "made-cluster-node": cluster_node,
    "made-block-of-both": block_of_both,
}
