"""Windows hosts since 2008 whose ranges, exclusions, pools or registry values are wrong.

SPDX-License-Identifier: Apache-2.0
"""
from hosts.build import Build, USUAL, WIDE
from model import HNS


def wds_down_dns(name, catalogue):
    """The DNS Server's pool has 4011; PXE is down."""
    b = Build(name, "2016", catalogue, udp=WIDE)
    b.terminal()
    b.dns()
    b.service("WDSServer", "svchost.exe", runs=False, needs=["RpcSs"])
    b.held("DNS", "udp", 4011)
    return b.done()


def wds_down_dns_2012(name, catalogue):
    """The same in both families, with ports that the pool leaves out already."""
    b = Build(name, "2012", catalogue, udp=(1025, 65534))
    b.terminal()
    b.dns(own=["5000-5010", "7000-7000"])
    b.service("WDSServer", "svchost.exe", runs=False, needs=["RpcSs"])
    b.held("DNS", "udp", 4011)
    b.held("DNS", "udp", 4011, family="ipv6")
    return b.done()


def nps_dns(name, catalogue):
    """RADIUS runs beside the pool: a race at the next boot."""
    b = Build(name, "2019", catalogue, udp=WIDE)
    b.terminal()
    b.dns()
    b.service("IAS", "svchost.exe", udp=[1645, 1646, 1812, 1813], needs=["RpcSs"])
    return b.done()


def nps_dns_2008(name, catalogue):
    """2008 has the pool, no list of its own, and no exclusions without KB2665809."""
    b = Build(name, "2008", catalogue, udp=WIDE)
    b.terminal()
    b.dns()
    b.service("IAS", "svchost.exe", udp=[1645, 1646, 1812, 1813], needs=["RpcSs"])
    for stack in b.host.stacks.values():
        stack.listed = False
    return b.done()


def wireguard_dns(name, catalogue):
    """A tunnel of the kernel at UDP 51820 beside the pool."""
    b = Build(name, "2022", catalogue)
    b.terminal()
    b.dns()
    b.service("WireGuardTunnel$wg0", "wireguard.exe")
    for family in b.families():
        b.socket("udp", family, 51820, 4, kind="kernel", service="WireGuardTunnel$wg0")
    return b.done()


def winrm_excluded(name, catalogue):
    """Somebody "protected" WinRM: it fails at its next start."""
    b = Build(name, "2019", catalogue)
    b.terminal()
    for family in b.families():
        stack = b.host.stacks[("tcp", family)]
        stack.rows = [row for row in stack.rows if row.first != 5985]
    b.rows("tcp", (5985, 5986))
    return b.done()


def iis_excluded(name, catalogue):
    """The same with a web site outside of the dynamic range."""
    b = Build(name, "2019", catalogue)
    b.terminal()
    b.service("WAS", "svchost.exe", needs=["RpcSs"])
    b.service("W3SVC", "svchost.exe", needs=["WAS"])
    b.httpsys("W3SVC", 80)
    b.rows("tcp", (8443, 8443))
    b.httpsys("W3SVC", 8443)
    return b.done()


def wsus_in_range(name, catalogue):
    """Ports of HTTP.sys inside a moved range must not be excluded."""
    b = Build(name, "2016", catalogue, tcp=WIDE)
    b.terminal()
    b.service("WAS", "svchost.exe", needs=["RpcSs"])
    b.service("W3SVC", "svchost.exe", needs=["WAS"])
    b.service("WsusService", "WsusService.exe", needs=["W3SVC"])
    b.httpsys("W3SVC", 80, 8530, 8531)
    return b.done()


def wsus_stopped_in_range(name, catalogue):
    """The same while the site is stopped: no row of HTTP.sys is there."""
    b = Build(name, "2016", catalogue, tcp=WIDE)
    b.terminal()
    b.service("WAS", "svchost.exe", needs=["RpcSs"])
    b.service("W3SVC", "svchost.exe", needs=["WAS"], runs=False)
    b.service("WsusService", "WsusService.exe", needs=["W3SVC"], runs=False)
    return b.done()


def rabbit_in_block(name, catalogue):
    """WinNAT has a block over 5672, others elsewhere; RabbitMQ is down."""
    b = Build(name, "w10", catalogue, tcp=WIDE)
    b.terminal()
    b.service("RabbitMQ", "erlsrv.exe", runs=False)
    b.rows("tcp", (5614, 5713), (20100, 20199), (20200, 20299), (31000, 31099), owner="other")
    return b.done()


def blocks_elsewhere(name, catalogue):
    """Blocks that miss today."""
    b = Build(name, "2019", catalogue, tcp=WIDE)
    b.terminal()
    b.service("elasticsearch-service-x64", "elasticsearch-service-x64.exe", tcp=[9200, 9300])
    b.rows("tcp", (20100, 20199), (20200, 20299), (31000, 31099), owner="other")
    return b.done()


def site_in_hns(name, catalogue, enabled=1):
    """A web site on a port that HNS excludes for itself; nobody may delete that row."""
    b = Build(name, "2022", catalogue)
    b.terminal()
    b.service("hns", "svchost.exe", start="manual", needs=["RpcSs"])
    b.service("W3SVC", "svchost.exe", needs=["RpcSs"])
    b.rows("tcp", (50000, 50059))
    b.httpsys("W3SVC", 80, 50010)
    b.host.registry[HNS] = {"EnableExcludedPortRange": ("REG_DWORD", enabled)}
    return b.done()


def site_in_hns_off(name, catalogue):
    """HNS is told not to exclude it any more, and nobody has booted since."""
    return site_in_hns(name, catalogue, enabled=0)


def site_in_row_like_hns(name, catalogue):
    """2012 R2 has no HNS: the row with its numbers is a person's, and is deleted."""
    b = Build(name, "2012r2", catalogue)
    b.terminal()
    b.service("W3SVC", "svchost.exe", needs=["RpcSs"])
    b.rows("tcp", (50000, 50059))
    b.httpsys("W3SVC", 80, 50010)
    return b.done()


def hns_block(name, catalogue):
    """HNS, which must not be stopped, has a block over a required port."""
    b = Build(name, "2022", catalogue, tcp=WIDE)
    b.terminal()
    b.service("Tomcat", "tomcat9.exe", tcp=[8080])
    b.service("BackupExecAgentAccelerator", "beremote.exe", runs=False)
    b.rows("tcp", (9984, 10047), owner="other")
    return b.done()


def rdp_in_range(name, catalogue, details=True):
    """Remote Desktop is the one thing at risk, and the way in."""
    b = Build(name, "2016", catalogue, tcp=WIDE, udp=WIDE, details=details)
    b.terminal()
    return b.done()


def rdp_in_range_undetailed(name, catalogue):
    return rdp_in_range(name, catalogue, details=False)


def rdp_alone(name, catalogue):
    """Nobody uses the port redirector: nothing depends on Remote Desktop."""
    b = Build(name, "2022", catalogue, tcp=WIDE)
    b.terminal(dependents=False)
    return b.done()


def rdp_moved(name, catalogue):
    """An administrator gave Remote Desktop another port, in the range; 3389 is another program's."""
    b = Build(name, "2019", catalogue)
    b.terminal(port=50389)
    b.service("RdpGuard", "rdpguard.exe", tcp=[3389])
    return b.done()


def port_proxy(name, catalogue):
    """A port proxy in the range: the IP Helper service listens there."""
    b = Build(name, "2022", catalogue)
    b.terminal()
    b.service("iphlpsvc", "svchost.exe", tcp=[50022], needs=["RpcSs"], families=("ipv4",))
    return b.done()


def no_hotfix(name, catalogue):
    """2008 R2 cannot exclude ports."""
    b = Build(name, "2008r2", catalogue, tcp=(6005, 65534))
    b.terminal()
    b.service("VeeamDeploySvc", "VeeamDeploymentSvc.exe", tcp=[6160])
    for stack in b.host.stacks.values():
        stack.listed = False
    return b.done()


def with_hotfix(name, catalogue):
    b = Build(name, "2008r2", catalogue, tcp=(6005, 65534))
    b.terminal()
    b.service("VeeamDeploySvc", "VeeamDeploymentSvc.exe", tcp=[6160])
    return b.done()


def one_family(name, catalogue):
    """Excluded in IPv4 alone while the service runs."""
    b = Build(name, "2019", catalogue, tcp=WIDE)
    b.terminal()
    b.service("VeeamTransportSvc", "VeeamTransportSvc.exe", tcp=[6162])
    b.rows("tcp", (6162, 6162), families=("ipv4",))
    return b.done()


def one_protocol(name, catalogue):
    """Excluded for TCP; the service needs UDP."""
    b = Build(name, "2019", catalogue, udp=WIDE)
    b.terminal()
    b.service("IAS", "svchost.exe", udp=[1645, 1646, 1812, 1813], needs=["RpcSs"])
    b.rows("tcp", (1645, 1646), (1812, 1813))
    return b.done()


def value_ignored(name, catalogue):
    """ReservedPorts on a system that does not read it, and the ports are needed."""
    b = Build(name, "2012r2", catalogue, tcp=WIDE)
    b.terminal()
    b.service("MSSQLSERVER", "sqlservr.exe", tcp=[1433])
    b.tcpip(ReservedPorts=["1433-1434", "4000-4000"])
    return b.done()


def tuned(name, catalogue):
    """A tuning script set MaxUserPort on a new system."""
    b = Build(name, "2019", catalogue, tcp=WIDE, udp=WIDE)
    b.terminal()
    b.tcpip(MaxUserPort=65534)
    b.service("Zabbix Agent", "zabbix_agentd.exe", tcp=[10050])
    return b.done()


def quickbooks(name, catalogue):
    """One service, many ports, both protocols, in the usual range."""
    b = Build(name, "2016", catalogue)
    b.terminal()
    numbers = [8019, *range(55378, 55383), 56728]
    b.service("QuickBooksDB28", "QBDBMgrN.exe", tcp=numbers, udp=numbers)
    return b.done()


def exhausted(name, catalogue):
    """Hardly any port is left."""
    b = Build(name, "2012r2", catalogue, tcp=(49152, 50151))
    b.terminal()
    b.clients(950)
    b.host.host_file.update(event_4227=3, event_4231=1, event_4266=0)
    return b.done()


def lost_rows(name, catalogue):
    """Exclusions of the last boot were not persistent; WinNAT's blocks have moved."""
    b = Build(name, "2019", catalogue, tcp=WIDE)
    b.terminal()
    b.service("OctopusDeploy Tentacle", "Tentacle.exe", tcp=[10933])
    b.rows("tcp", (20100, 20199), owner="other")
    b.host.host_file["previous_boot"] = {"os": b.host.os, "stacks": [
        {"protocol": p, "family": f, "dynamic": "1024-65534" if p == "tcp" else "49152-65535",
         "administered": "10933" if p == "tcp" else "", "runtime": "21100-21199" if p == "tcp"
         else ""} for p in ("tcp", "udp") for f in ("ipv4", "ipv6")]}
    return b.done()


def usual(name, catalogue):
    """A healthy host."""
    b = Build(name, "2025", catalogue, tcp=USUAL)
    b.terminal()
    b.service("MSSQLSERVER", "sqlservr.exe", tcp=[1433])
    return b.done()


MADE = {
    "made-wds-down-dns": wds_down_dns, "made-wds-down-dns-2012": wds_down_dns_2012,
    "made-nps-dns": nps_dns, "made-nps-dns-2008": nps_dns_2008,
    "made-wireguard-dns": wireguard_dns, "made-winrm-excluded": winrm_excluded,
    "made-iis-excluded": iis_excluded, "made-wsus-in-range": wsus_in_range,
    "made-wsus-stopped": wsus_stopped_in_range, "made-rabbit-in-block": rabbit_in_block,
    "made-blocks-elsewhere": blocks_elsewhere, "made-hns-block": hns_block,
    "made-site-in-row-like-hns": site_in_row_like_hns,
    "made-site-in-hns": site_in_hns, "made-site-in-hns-off": site_in_hns_off,
    "made-rdp-in-range": rdp_in_range, "made-rdp-in-range-undetailed": rdp_in_range_undetailed,
    "made-rdp-alone": rdp_alone, "made-rdp-moved": rdp_moved, "made-port-proxy": port_proxy,
    "made-no-hotfix": no_hotfix, "made-with-hotfix": with_hotfix,
    "made-one-family": one_family, "made-one-protocol": one_protocol,
    "made-value-ignored": value_ignored, "made-tuned": tuned, "made-quickbooks": quickbooks,
    "made-exhausted": exhausted, "made-lost-rows": lost_rows, "made-usual": usual,
}
