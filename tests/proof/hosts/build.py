"""Makes a host from a few facts: what every server of that system has, and what makes this one
special. The model has the whole truth; what is recorded of it can be less.

SPDX-License-Identifier: Apache-2.0
"""
import events
import folder
import model
import settle

SYSTEMS = {
    "2000": ("Windows 2000 Server", "5.0.2195"), "xp": ("Windows XP Professional", "5.1.2600"),
    "2003": ("Windows Server 2003 Standard", "5.2.3790"),
    "2008": ("Windows Server 2008 Standard", "6.0.6003"),
    "2008r2": ("Windows Server 2008 R2 Standard", "6.1.7601"),
    "2012": ("Windows Server 2012 Standard", "6.2.9200"),
    "2012r2": ("Windows Server 2012 R2 Standard", "6.3.9600"),
    "2016": ("Windows Server 2016 Standard", "10.0.14393"),
    "2019": ("Windows Server 2019 Standard", "10.0.17763"),
    "2022": ("Windows Server 2022 Standard", "10.0.20348"),
    "2025": ("Windows Server 2025 Standard", "10.0.26100"),
    "w10": ("Windows 10 Pro", "10.0.19041"),
}
USUAL = (49152, 65535)
WIDE = (1024, 65534)
REMOTE = {"ipv4": "10.0.0.9:443", "ipv6": "[2001:db8::9]:443"}


class Build:
    def __init__(self, name, system, catalogue, tcp=USUAL, udp=USUAL, details=True, base=True):
        self.catalogue = catalogue
        self.linux = system == "linux"
        label, version = ("Debian GNU/Linux 12 (bookworm)", "6.1.0-21-amd64") if self.linux \
            else SYSTEMS[system]
        self.host = model.Host(name, {
            "family": "linux" if self.linux else "windows", "name": label, "version": version,
            "revision": 0, "arch": "x86_64", "locale": "en-US"})
        self.details = details
        self.listed = []  # services that start by themselves and are known when they are down
        self.host.host_file = {"os": self.host.os, "boot_id": "2026-11-02"}
        self.host.facts = {"raw": {}, "image": {}, "pids": system != "2000",
                           "tasks": system != "2000", "none": "N/A"}
        self.spare = 49670
        if self.linux:
            self.host.sysctl = dict(folder.LINUX_DEFAULTS)
            self.host.sysctl["net.ipv4.ip_unprivileged_port_start"] = "1024"
            self.host.sysctl["net.core.somaxconn"] = "4096"
            self.host.processes = {1: model.Process(1, "systemd")}
            return
        self.host.processes = {0: model.Process(0, "System Idle Process"),
                               4: model.Process(4, "System"), 368: model.Process(368, "smss.exe"),
                               476: model.Process(476, "csrss.exe")}
        self.host.registry = {model.TCPIP: {"Hostname": ("REG_SZ", name)}}
        if not self.host.legacy:
            for protocol, dynamic in (("tcp", tcp), ("udp", udp)):
                for family in ("ipv4", "ipv6"):
                    self.host.stacks[(protocol, family)] = model.Stack(dynamic, dynamic)
        if base:
            self.base()

    def base(self):
        """What every Windows server runs."""
        self.service("RpcSs", "svchost.exe", tcp=[135])
        self.service("EventLog", "svchost.exe")
        self.service("EventSystem", "svchost.exe")
        self.service("SamSs", "lsass.exe")
        self.service("lanmanserver", "svchost.exe", needs=["SamSs"])
        for family in self.families():
            for port in (139, 445) if family == "ipv4" else (445,):
                self.socket("tcp", family, port, 4, kind="kernel", service="lanmanserver")
        self.service("Dnscache", "svchost.exe")
        if self.host.legacy:
            self.service("W32Time", "svchost.exe", udp=[123], families=("ipv4",))
            return
        self.service("WinRM", "svchost.exe", start="delayed", needs=["RpcSs"])
        self.httpsys("WinRM", 5985, 47001)

    # ---- services --------------------------------------------------------------------------

    def families(self):
        return ("ipv4",) if self.host.legacy else ("ipv4", "ipv6")

    def service(self, name, program, tcp=(), udp=(), runs=True, start="automatic", needs=(),
                families=None, listed=True, shares=None, worker=""):
        """shares: another service in whose process it lives. worker: the program that listens."""
        host = self.host
        one = host.put_service(model.Service(name, program, start=start, runs=runs,
                                             depends_on=list(needs), detailed=self.details,
                                             listed=listed and start not in ("manual", "disabled",
                                                                             "cluster")))
        if one.listed:
            self.listed.append(name)
        if runs:
            process = host.processes.get(host.service(shares).pid) if shares else None
            if program == "lsass.exe":
                process = next((p for p in host.processes.values() if p.program == program), None)
            if process is not None:
                process.services.append(name)
                one.pid = process.pid
            else:
                one.pid = host.add_process(program, [name])
            pid = host.add_process(worker, (), name) if worker else one.pid
            for protocol, numbers in (("tcp", tcp), ("udp", udp)):
                for port in numbers:
                    for family in families or self.families():
                        self.socket(protocol, family, port, pid, service=name)
        return one

    def terminal(self, dependents=True, port=3389):
        """Remote Desktop, and the service that depends on it while somebody is connected."""
        self.service("TermService", "svchost.exe", tcp=[port],
                     udp=[] if self.host.legacy else [port], needs=["RpcSs"])
        if dependents and not self.host.legacy:
            self.service("UmRdpService", "svchost.exe", start="manual", needs=["TermService"])

    def httpsys(self, service, *numbers):
        """Ports that the kernel's web server has for a service."""
        for port in numbers:
            for family in self.families():
                self.socket("tcp", family, port, 4, kind="httpsys", service=service)
                stack = self.host.stacks.get(("tcp", family))
                if stack is not None and not any(row.meets(port, port) for row in stack.rows):
                    stack.rows.append(model.Row(port, port, "httpsys"))

    def dns(self, pool=2500, own=()):
        """The DNS Server with its pool, which lies where the dice put it; later sockets first."""
        self.service("DNS", "dns.exe", tcp=[53], udp=[53], needs=["RpcSs"])
        values = {"IsSlave": ("REG_DWORD", 0)}
        if own:
            values["SocketPoolExcludedPortRanges"] = ("REG_MULTI_SZ", list(own))
        self.host.registry[model.DNS] = values
        self.pool = pool

    # ---- sockets and rows ------------------------------------------------------------------

    def socket(self, protocol, family, port, pid, kind="socket", service="", remote="",
               address=None, state=None, random=False):
        address = address or (("10.0.0.5" if family == "ipv4" else "2001:db8::5") if remote else
                              ("0.0.0.0" if family == "ipv4" else "::"))
        self.host.sockets.append(model.Socket(
            protocol, family, address, port, pid, remote, state or
            ("connection" if remote else "listen"), kind, service, random))

    def held(self, service, protocol, port, family="ipv4", listens=False):
        """A service, or a program, was given this port."""
        one = self.host.service(service)
        pid = one.pid if one is not None else next(
            (p.pid for p in self.host.processes.values() if p.program == service), None)
        pid = self.host.add_process(service) if pid is None else pid
        self.socket(protocol, family, port, pid, service=one.name if one else "",
                    remote="" if protocol == "udp" or listens else REMOTE[family], random=True)

    def rows(self, protocol, *rows, owner="administrator", families=("ipv4", "ipv6")):
        for first, last in rows:
            for family in families:
                self.host.stacks[(protocol, family)].rows.append(model.Row(first, last, owner))

    def tcpip(self, **values):
        kinds = {int: "REG_DWORD", list: "REG_MULTI_SZ", str: "REG_SZ"}
        for name, value in values.items():
            self.host.registry[model.TCPIP][name] = (kinds[type(value)], value)

    def clients(self, count, closed=0):
        """The load: connections of svchost.exe, and some that were closed."""
        self.load = (count, closed)

    # ---- the end ---------------------------------------------------------------------------

    def done(self):
        host = self.host
        for stack in host.stacks.values():
            stack.rows.sort(key=lambda row: row.first)
        if host.legacy:
            host.read_in_force()
        required = {(row["protocol"], port) for _, row, _, _ in self.catalogue.rows(host)
                    for port in folder.ports.numbers(row["ports"])}
        dice = events.Dice(1, (), required)
        if getattr(self, "pool", 0):
            dns = host.service("DNS")
            dns.pool = {family: self.pool for family in self.families()}
            taken = sum(one.service == "DNS" and one.random for one in host.sockets)
            dns.pool["ipv4"] -= taken
            events.open_pool(host, dns, dice)
        count, closed = getattr(self, "load", (0 if self.linux else 12, 0))
        if count:
            pid = host.add_process("svchost.exe")
            for port in dice.ports(host, "tcp", "ipv4", count):
                self.socket("tcp", "ipv4", port, pid, remote=REMOTE["ipv4"], random=True)
            for port in dice.ports(host, "tcp", "ipv4", closed):
                self.socket("tcp", "ipv4", port, 0, remote=REMOTE["ipv4"], state="time_wait",
                            random=True)
        self.write_host_file()
        settle.settle(host, self.catalogue)
        return host

    def write_host_file(self):
        host, file = self.host, self.host.host_file
        file["services"] = sorted(set(self.listed) | {
            one.name for one in host.services.values() if one.runs and not one.driver})
        if self.details:
            file["service_details"] = [
                {"name": one.name, "program": one.program, "start": one.start, "runs": one.runs,
                 "depends_on": sorted(one.depends_on)} for one in host.services.values()]
        if self.linux:
            file["listeners"] = folder.listeners(host)
