"""Windows hosts since 2008 on which a service is down, or would be after its next start.

SPDX-License-Identifier: Apache-2.0
"""
from hosts.build import Build, WIDE


def sql_down_bits(name, catalogue, details=True):
    """BITS has 1433 for a download; SQL Server is down."""
    b = Build(name, "2012r2", catalogue, tcp=(1025, 65534), details=details)
    b.terminal()
    b.service("MSSQLSERVER", "sqlservr.exe", runs=False)
    b.service("BITS", "svchost.exe", start="delayed", needs=["RpcSs", "EventSystem"])
    b.held("BITS", "tcp", 1433)
    return b.done()


def sql_down_bits_undetailed(name, catalogue):
    return sql_down_bits(name, catalogue, details=False)


def sql_with_agent(name, catalogue, details=True):
    """The range was moved over 1433 and 5022; the agent depends on the engine and runs."""
    b = Build(name, "2019", catalogue, tcp=WIDE, details=details)
    b.terminal()
    b.service("MSSQLSERVER", "sqlservr.exe", tcp=[1433, 5022])
    b.service("SQLSERVERAGENT", "SQLAGENT.EXE", needs=["MSSQLSERVER"])
    b.service("SQLBrowser", "sqlbrowser.exe", udp=[1434])
    return b.done()


def sql_with_agent_undetailed(name, catalogue):
    return sql_with_agent(name, catalogue, details=False)


def sql_chain(name, catalogue):
    """A service depends on one that depends on the engine."""
    b = Build(name, "2022", catalogue, tcp=(1433, 17816))
    b.terminal()
    b.service("MSSQLSERVER", "sqlservr.exe", tcp=[1433, 1434])
    b.service("SQLSERVERAGENT", "SQLAGENT.EXE", needs=["MSSQLSERVER"])
    b.service("NightlyJobs", "jobs.exe", needs=["SQLSERVERAGENT"])
    b.service("ReportsIdle", "reports.exe", start="manual", runs=False, needs=["MSSQLSERVER"])
    return b.done()


def sql_named_instance(name, catalogue):
    """Names with $ and with spaces; a mirroring end point in the range."""
    b = Build(name, "2016", catalogue, tcp=WIDE)
    b.terminal()
    b.service("MSSQL$PROD", "sqlservr.exe", tcp=[5022])
    b.service("SQLAgent$PROD", "SQLAGENT.EXE", needs=["MSSQL$PROD"])
    b.service("Zabbix Agent", "zabbix_agentd.exe", tcp=[10050])
    return b.done()


def sql_cluster_passive(name, catalogue):
    """The cluster starts SQL Server here when the other node fails; somebody has its port."""
    b = Build(name, "2019", catalogue, tcp=WIDE)
    b.terminal()
    b.service("ClusSvc", "clussvc.exe", tcp=[3343], udp=[3343])
    b.service("MSSQLSERVER", "sqlservr.exe", runs=False, start="cluster")
    b.service("BITS", "svchost.exe", start="delayed", needs=["RpcSs", "EventSystem"])
    b.held("BITS", "tcp", 1433)
    return b.done()


def exchange_down_lsass(name, catalogue):
    """lsass.exe talks to a global catalog from 9955, and nobody can stop lsass."""
    b = Build(name, "2012r2", catalogue, tcp=(6005, 65534))
    b.terminal()
    b.service("MSExchangeADTopology", "Microsoft.Exchange.Directory.TopologyService.exe",
              needs=["RpcSs"])
    b.service("MSExchangePOP3BE", "Microsoft.Exchange.Pop3Service.exe", runs=False,
              needs=["MSExchangeADTopology"])
    b.service("MSExchangeIMAP4BE", "Microsoft.Exchange.Imap4Service.exe", tcp=[9933],
              needs=["MSExchangeADTopology"], worker="Microsoft.Exchange.Imap4.exe")
    b.service("Netlogon", "lsass.exe")
    b.held("lsass.exe", "tcp", 9955)
    return b.done()


def exchange_down_transport(name, catalogue):
    """The transport service, on which another depends, has 9933."""
    b = Build(name, "2016", catalogue, tcp=(6005, 65534))
    b.terminal()
    b.service("MSExchangeADTopology", "Microsoft.Exchange.Directory.TopologyService.exe",
              needs=["RpcSs"])
    b.service("MSExchangeIMAP4BE", "Microsoft.Exchange.Imap4Service.exe", runs=False,
              needs=["MSExchangeADTopology"])
    b.service("MSExchangePOP3BE", "Microsoft.Exchange.Pop3Service.exe", tcp=[9955],
              needs=["MSExchangeADTopology"], worker="Microsoft.Exchange.Pop3.exe")
    b.service("MSExchangeTransport", "MSExchangeTransport.exe", tcp=[2525],
              needs=["MSExchangeADTopology"])
    b.service("MSExchangeTransportLogSearch", "LogSearch.exe", needs=["MSExchangeTransport"])
    b.held("MSExchangeTransport", "tcp", 9933)
    return b.done()


def exchange_down_ipv6(name, catalogue):
    """Held in IPv6 alone, by a program that is no service."""
    b = Build(name, "2019", catalogue, tcp=(6005, 65534))
    b.terminal()
    b.service("MSExchangePOP3BE", "Microsoft.Exchange.Pop3Service.exe", runs=False)
    b.held("backup.exe", "tcp", 9955, family="ipv6")
    return b.done()


def autosync_down(name, catalogue):
    """An optional requirement of a service that is down, in the usual range."""
    b = Build(name, "2016", catalogue)
    b.terminal()
    b.service("autosync", "Lithnet.AutoSync.exe", runs=False)
    b.service("Spooler", "spoolsv.exe", needs=["RpcSs"])
    b.held("Spooler", "tcp", 54338)
    b.host.host_file["port_book"] = [{"protocol": "tcp", "families": "both", "port": 54338,
                                      "program": "Lithnet.AutoSync.exe", "service": "autosync",
                                      "kind": "socket", "boots": 5}]
    return b.done()


def two_want_one(name, catalogue):
    """Two products listen on one port: that is for a person."""
    b = Build(name, "2019", catalogue, tcp=WIDE)
    b.terminal()
    b.service("macmnsvc", "macmnsvc.exe", runs=False)
    b.service("WebConsole", "console.exe", tcp=[8081])
    return b.done()


def shared_svchost_holder(name, catalogue):
    """The holder's process hosts three services: which one has the port is unknown."""
    b = Build(name, "2012", catalogue, tcp=WIDE)
    b.terminal()
    b.service("VeeamDeploySvc", "VeeamDeploymentSvc.exe", runs=False)
    b.service("CryptSvc", "svchost.exe")
    b.service("LanmanWorkstation", "svchost.exe", shares="CryptSvc")
    b.service("NlaSvc", "svchost.exe", shares="CryptSvc")
    b.socket("tcp", "ipv4", 6160, b.host.service("CryptSvc").pid, remote="10.0.0.9:80")
    return b.done()


def jenkins_beside_hns(name, catalogue):
    """50000 in the administered row that HNS made: a plain bind works there."""
    b = Build(name, "2019", catalogue)
    b.terminal()
    b.service("Jenkins", "jenkins.exe", tcp=[50000], worker="java.exe")
    b.rows("tcp", (50000, 50059))
    b.host.registry["HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\hns\\State"] = {
        "EnableExcludedPortRange": ("REG_DWORD", 1)}
    return b.done()


MADE = {
    "made-sql-down-bits": sql_down_bits,
    "made-sql-down-bits-undetailed": sql_down_bits_undetailed,
    "made-sql-agent-moved": sql_with_agent,
    "made-sql-agent-moved-undetailed": sql_with_agent_undetailed,
    "made-sql-chain": sql_chain,
    "made-sql-named-instance": sql_named_instance,
    "made-sql-cluster-passive": sql_cluster_passive,
    "made-exchange-down-lsass": exchange_down_lsass,
    "made-exchange-down-transport": exchange_down_transport,
    "made-exchange-down-ipv6": exchange_down_ipv6,
    "made-autosync-down": autosync_down,
    "made-two-want-one": two_want_one,
    "made-shared-svchost-holder": shared_svchost_holder,
    "made-jenkins-hns": jenkins_beside_hns,
}
