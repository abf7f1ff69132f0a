"""One host: port stacks, sockets, processes, services, registry, settings files.

The truth of a host, also where its recorded files do not tell it. Numbers in brackets are sections
of deploy/docs/windows-ports.md.
SPDX-License-Identifier: Apache-2.0
"""
import dataclasses
import pickle

import ports
import truth

TCPIP = "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters"
DNS = "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\DNS\\Parameters"
HNS = "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\hns\\State"
RANGE_NAME = "net.ipv4.ip_local_port_range"
RESERVED_NAME = "net.ipv4.ip_local_reserved_ports"
SYSTEM_PID = 4
WILDCARDS = {"0.0.0.0", "::"}
LEGACY_FIRST = 1024
LEGACY_LAST = 5000


TYPES = {"reservedports": "REG_MULTI_SZ", "maxuserport": "REG_DWORD",
         "tcptimedwaitdelay": "REG_DWORD"}  # another type is not read


class Refused(Exception):
    """A tool or the system says no; code is what the tool prints or exits with."""

    def __init__(self, code, text):
        super().__init__(f"{text} ({code})")
        self.code = code
        self.text = text


class Already(Refused):
    """Refused, since it is so already."""


@dataclasses.dataclass(slots=True, eq=False)
class Socket:
    protocol: str
    family: str
    address: str
    port: int
    pid: int
    remote: str = ""  # "10.0.0.9:443"; "" for a listener and for UDP
    state: str = "listen"  # "listen", "connection", "time_wait", "bound"
    kind: str = "socket"
    service: str = ""  # that closes it when it stops
    random: bool = False  # the port was given, not chosen
    word: str = ""  # the state as netstat prints it

    @property
    def holds(self):
        return self.state != "time_wait"


@dataclasses.dataclass(slots=True, eq=False)
class Bind:
    """A listener that a service makes whenever it starts."""
    protocol: str
    family: str
    address: str
    port: int
    kind: str
    program: str = ""  # "" the service's own process


@dataclasses.dataclass(slots=True, eq=False)
class Client:
    """A socket with a port that the system gives: a connection, an RPC listener."""
    protocol: str
    family: str
    address: str
    remote: str
    state: str
    program: str = ""


@dataclasses.dataclass(slots=True, eq=False)
class Service:
    name: str
    program: str = ""
    start: str = "automatic"
    runs: bool = False
    depends_on: list = dataclasses.field(default_factory=list)
    detailed: bool = False  # its details are recorded
    listed: bool = False  # in "services" of host.json
    driver: bool = False  # no process, in no list of tasks
    pid: int = 0
    home: str = ""  # program of a process shared with others
    binds: list = dataclasses.field(default_factory=list)
    clients: list = dataclasses.field(default_factory=list)
    pool: dict = dataclasses.field(default_factory=dict)  # DNS Server: sockets by family


@dataclasses.dataclass(slots=True, eq=False)
class Process:
    pid: int
    program: str
    services: list = dataclasses.field(default_factory=list)
    service: str = ""  # a worker ends with this service


@dataclasses.dataclass(slots=True, eq=False)
class Row:
    first: int
    last: int
    owner: str  # "administrator", "httpsys", "winnat", "hns", "other"
    persistent: bool = True

    @property
    def administered(self):
        return self.owner == "administrator"

    def meets(self, first, last):
        return self.first <= last and first <= self.last


@dataclasses.dataclass(slots=True, eq=False)
class Stack:
    dynamic: tuple = None  # None: its listing was not given
    stored: tuple = None  # the persistent range
    rows: list = dataclasses.field(default_factory=list)
    listed: bool = True  # its exclusions were listed

    def ports(self, administered):
        return {p for row in self.rows if row.administered == administered
                for p in range(row.first, row.last + 1)}


class Host:
    def __init__(self, name, os):
        self.name = name
        self.os = os
        self.stacks = {}
        self.families_shared = False  # 2.7: nobody knows for certain
        self.sockets = []
        self.processes = {}
        self.services = {}
        self.registry = {}  # key -> {name: (type, value)}
        self.in_force = {}  # 2000 to 2003: what the stack read when it started
        self.sysctl = {}
        self.sysctl_defaults = {}
        self.files = {}  # Linux settings files; on Windows what a script wrote
        self.boots = 0
        self.written = False  # Tcpip\Parameters since the boot
        self.load = []  # clients that belong to no service: they come back at each boot
        self.orphans = []  # listeners that belong to no service: (Bind, program)
        self.blocks = []  # (stack keys, width, owner)
        self.host_file = {}
        self.frozen = None
        self.facts = {}  # what is recorded: see folder.py

    # ---- the system ------------------------------------------------------------------------

    @property
    def linux(self):
        return self.os.get("family") == "linux"

    @property
    def version(self):
        pieces = (self.os.get("version", "") + ".0.0").split(".")
        try:
            return int(pieces[0]), int(pieces[1])
        except ValueError:
            return 0, 0

    @property
    def legacy(self):
        """2000, XP, 2003 (2.6)."""
        return not self.linux and self.version[0] == 5

    def copy(self):
        return pickle.loads(self.frozen or pickle.dumps(self, pickle.HIGHEST_PROTOCOL))

    def freeze(self):
        """From now on only its copies change."""
        self.frozen = None
        self.frozen = pickle.dumps(self, pickle.HIGHEST_PROTOCOL)
        return self

    # ---- services --------------------------------------------------------------------------

    def service(self, name):
        name = name[:-8] if self.linux and name.endswith(".service") else name
        return self.services.get(name.lower())

    def put_service(self, service):
        self.services[service.name.lower()] = service
        return service

    def needs(self, service):
        """Services of this host that it depends on."""
        found = [self.service(name) for name in service.depends_on]
        return [one for one in found if one is not None]

    def dependents(self, service):
        """Services that run and depend on it, those that depend on others first."""
        found = []
        for other in self.services.values():
            if other.runs and service in self.needs(other):
                for one in self.dependents(other) + [other]:
                    if one not in found:
                        found.append(one)
        return found

    def running(self):
        return {service.name for service in self.services.values() if service.runs}

    def add_process(self, program, services=(), service=""):
        pid = max([1000, *self.processes]) + 4
        self.processes[pid] = Process(pid, program, list(services), service)
        return pid

    # ---- ports -----------------------------------------------------------------------------

    def families(self):
        """Families that this host has."""
        if self.linux:
            return ports.FAMILIES
        if self.legacy:
            return tuple(f for f in ports.FAMILIES
                         if f == "ipv4" or any(s.family == f for s in self.sockets))
        return tuple(f for f in ports.FAMILIES
                     if any(key[1] == f for key in self.stacks))

    def dynamic(self, protocol, family):
        if self.linux:
            first, last = self.sysctl[RANGE_NAME].split()
            return int(first), int(last)
        if self.legacy:
            return LEGACY_FIRST, legacy_last(self.in_force.get("MaxUserPort"))
        stack = self.stacks.get((protocol, family))
        return stack.dynamic if stack is not None else None

    def reserved(self, protocol, family):
        """Ports that are not given to anybody who asks for any."""
        if self.linux:
            return ports.numbers(self.sysctl.get(RESERVED_NAME, ""))
        if self.legacy:
            return ports.reserved_by_lines(self.in_force.get("ReservedPorts") or [])
        stack = self.stacks.get((protocol, family))
        return set() if stack is None else stack.ports(True) | stack.ports(False)

    def holder(self, bind):
        """A socket that stops an explicit bind: TIME_WAIT does not, nor does one of another
        address."""
        for one in self.sockets:
            if one.port == bind.port and one.protocol == bind.protocol and \
                    one.family == bind.family and one.holds and \
                    (one.address == bind.address or {one.address, bind.address} & WILDCARDS):
                return one
        return None

    def why_no_bind(self, bind):
        """None, or the Refused of a service that binds this port (2.1, 5)."""
        where = f"{bind.protocol} {bind.port} on {bind.family}"
        stack = self.stacks.get((bind.protocol, bind.family))
        rows = [row for row in stack.rows if row.meets(bind.port, bind.port)] if stack else []
        reserver = bind.kind in ("httpsys", "quic", "container")
        for row in rows:
            if reserver and row.owner != "httpsys":
                return Refused(32, f"{where} lies in the {row.owner} row {row.first}-{row.last}")
            if not reserver and not row.administered and bind.kind != "shared":
                return Refused(10013, f"{where} lies in the runtime row {row.first}-{row.last}")
        holder = self.holder(bind)
        if holder is not None and bind.kind != "shared":
            program = self.processes[holder.pid].program if holder.pid in self.processes else "?"
            if not (reserver and holder.kind == bind.kind and holder.pid == SYSTEM_PID):
                return Refused(32 if reserver else 10048, f"{where} is held by {program}")
        return None

    # ---- registry --------------------------------------------------------------------------

    def value(self, key, name):
        for known, values in self.registry.items():
            if known.lower() == key.lower():
                for label, value in values.items():
                    if label.lower() == name.lower():
                        wanted = TYPES.get(label.lower(), value[0])
                        return value[1] if value[0] == wanted else None
        return None

    def set_value(self, key, name, kind, value):
        """kind None deletes."""
        values = next((v for k, v in self.registry.items() if k.lower() == key.lower()), None)
        if values is None:
            values = self.registry.setdefault(key, {})
        label = next((n for n in values if n.lower() == name.lower()), name)
        if kind is None:
            del values[label]
        else:
            values[label] = (kind, value)
        if key.lower() == TCPIP.lower():
            self.written = True

    def read_in_force(self):
        """The stack of 2000 to 2003 reads its values when it starts (3.1, 1.1)."""
        self.in_force = {name: self.value(TCPIP, name)
                         for name in ("ReservedPorts", "MaxUserPort", "TcpTimedWaitDelay")}

    def time_wait_s(self):
        """TcpTimedWaitDelay in force (3.4)."""
        value = self.in_force.get("TcpTimedWaitDelay")
        return value if value is not None and 30 <= value <= 300 else 240

    # ---- rows (2.1 to 2.3) -----------------------------------------------------------------

    def excludes(self, stack):
        """Has netsh the command? Since 2012, and on 2008 and 2008 R2 with KB2665809 (2.6)."""
        return self.version >= (6, 2) or stack.listed

    def meant(self, protocol, family):
        return [key for key in self.stacks
                if key[0] == protocol and (self.families_shared or key[1] == family)]

    def add_row(self, protocol, family, first, last, persistent=True):
        for key in self.meant(protocol, family):
            rows = self.stacks[key].rows
            if any(row.administered and (row.first, row.last) == (first, last) for row in rows):
                raise Already(32, f"{first}-{last} is excluded already")
            for row in rows:
                if row.meets(first, last):
                    raise Refused(32, f"{first}-{last} meets the row {row.first}-{row.last}")
            for one in self.sockets:
                if (one.protocol, one.family) == key and one.holds and first <= one.port <= last:
                    raise Refused(32, f"a socket holds {one.protocol} {one.port} on {one.family}")
        for key in self.meant(protocol, family):
            self.stacks[key].rows.append(Row(first, last, "administrator", persistent))
            self.stacks[key].rows.sort(key=lambda row: row.first)

    def delete_row(self, protocol, family, first, last):
        for key in self.meant(protocol, family):
            rows = self.stacks[key].rows
            found = [row for row in rows if (row.first, row.last) == (first, last)]
            if not found:
                raise (Already if self.families_shared else Refused)(
                    1168, f"no row is exactly {first}-{last}")
            if not found[0].administered:
                raise Refused(5, f"{first}-{last} is held by a component")
        for key in self.meant(protocol, family):
            stack = self.stacks[key]
            stack.rows = [row for row in stack.rows
                          if not (row.administered and (row.first, row.last) == (first, last))]

    def set_dynamic(self, protocol, family, first, count, persistent=True):
        last = first + count - 1
        if first < 1024 or count < 255 or last > ports.LAST:
            raise Refused(87, f"a range starts at 1024 or later, has 255 ports or more and ends at "
                              f"{ports.LAST} or before")
        for key in self.meant(protocol, family):
            self.stacks[key].dynamic = (first, last)
            if persistent:
                self.stacks[key].stored = (first, last)


def legacy_last(max_user_port):
    """Documented are 5000 to 65534. ISA and SBS write 65535 (KB956189), and there the sockets of
    the DNS Server are seen over the whole range."""
    if max_user_port is None or max_user_port < 5000:
        return LEGACY_LAST
    return min(max_user_port, 65534)


def stoppable(host, service):
    return host.linux or service.name.lower() not in truth.NOT_STOPPABLE or \
        (host.legacy and service.name.lower() == "dnscache")
