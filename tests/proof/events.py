"""What happens on a host: ports are given away, services stop and start, the host boots.

SPDX-License-Identifier: Apache-2.0
"""
import random

import folder
import model
import ports
import truth
from model import Already, Refused

HNS_RANGE = (50000, 50059)  # which it excludes when it starts, unless the registry says not to
MOST_TAKEN = 64  # ports that one hostile boot takes
CLIENT = "10.20.30.40:443"


class Dice:
    """Decides which port is given. wanted: (protocol, port) pairs that it gives first wherever the
    stack allows it, as on the worst day; spared: pairs that it never gives, so that one remedy is
    not blamed for what another one is for. taker: the service that gets the wanted ports of a boot,
    as it starts before the rest; "" a client of nobody does."""

    def __init__(self, seed, wanted=(), spared=(), taker=""):
        self.random = random.Random(seed)
        self.taker = taker
        self.wanted = set(wanted)
        self.spared = set(spared)

    def ports(self, host, protocol, family, count):
        """count free ports of one stack; fewer when it has no more."""
        dynamic = host.dynamic(protocol, family)
        if dynamic is None or count <= 0:
            return []
        closed = host.reserved(protocol, family)
        closed |= {one.port for one in host.sockets if one.protocol == protocol}
        closed |= {port for kind, port in self.spared if kind == protocol}
        first, last = dynamic
        given = sorted(port for kind, port in self.wanted
                       if kind == protocol and first <= port <= last and port not in closed)
        given = given[:count]
        closed.update(given)
        tries = 0
        while len(given) < count and tries < 20 * count + 1000:
            port = self.random.randint(first, last)
            tries += 1
            if port not in closed:
                closed.add(port)
                given.append(port)
        return given

    def shuffled(self, rows):
        rows = list(rows)
        self.random.shuffle(rows)
        return rows


# ---- services ------------------------------------------------------------------------------------

def stop(host, service):
    """Its sockets vanish; a process that hosts others too stays."""
    for other in host.dependents(service):
        end(host, other)
    end(host, service)


def end(host, service):
    service.runs = False
    if service.driver:
        end_driver(host, service)
        return
    if service.name.lower() == "dns":
        pool = [one for one in host.sockets if one.service == service.name and one.random and
                one.protocol == "udp"]
        if not service.pool and pool:
            service.pool = {f: sum(one.family == f for one in pool) for f in ports.FAMILIES}
    process = host.processes.get(service.pid)
    gone = {process.pid for process in host.processes.values()
            if process.service == service.name}
    if process is not None and process.pid != model.SYSTEM_PID:
        running = [name for name in process.services
                   if host.service(name) and host.service(name).runs]
        if not running and process.program.lower() not in ("lsass.exe", "services.exe"):
            gone.add(process.pid)
    taken = [one for one in host.sockets if one.service == service.name or one.pid in gone]
    host.sockets = [one for one in host.sockets
                    if one.service != service.name and one.pid not in gone]
    for one in taken:
        if one.kind == "httpsys":
            drop_reservation(host, one)
    for pid in gone:
        del host.processes[pid]


def end_driver(host, service):
    """net stop winnat frees WinNAT's rows, not those of HNS (2.9)."""
    if service.name == "winnat":
        for stack in host.stacks.values():
            stack.rows = [row for row in stack.rows if row.owner != "winnat"]


def drop_reservation(host, one):
    stack = host.stacks.get((one.protocol, one.family))
    left = any(o.kind == "httpsys" and o.port == one.port and o.protocol == one.protocol and
               o.family == one.family for o in host.sockets)
    if stack is not None and not left:
        stack.rows = [row for row in stack.rows if not (
            row.owner == "httpsys" and row.first == row.last == one.port)]


def start(host, service, dice, program_only=False):
    """Starts what it depends on, binds its ports, asks for its others. Refused: it stays down."""
    if service.runs:
        raise Already(2182, f"{service.name} has been started already")
    if service.start == "disabled":
        raise Refused(1058, f"{service.name} is disabled")
    for other in host.needs(service):
        if not other.runs:
            try:
                start(host, other, dice)
            except Refused as refusal:
                raise Refused(1068, f"{service.name} depends on {other.name}: {refusal.text}")
    if service.driver:
        start_driver(host, service, dice)
        return
    for bind in service.binds:
        refusal = host.why_no_bind(bind)
        if refusal is not None:
            raise Refused(refusal.code, f"{service.name} cannot start: {refusal.text}")
    service.runs = True
    service.pid = find_home(host, service)
    for bind in service.binds:
        make_listener(host, service, bind)
    open_pool(host, service, dice)
    for client in service.clients:
        open_client(host, client, dice, service)


def find_home(host, service):
    """The process that it lives in: one of its own, or the one it shares."""
    if service.home.lower() in ("lsass.exe", "services.exe"):
        for process in host.processes.values():
            if process.program.lower() == service.home.lower():
                if service.name not in process.services:
                    process.services.append(service.name)
                return process.pid
    return host.add_process(service.home or service.program or service.name + ".exe",
                            [service.name])


def pid_of(host, service, program):
    if program == "":
        return service.pid
    for process in host.processes.values():
        if process.service == service.name and process.program == program:
            return process.pid
    return host.add_process(program, (), service.name)


def make_listener(host, service, bind):
    kernel = bind.kind in ("httpsys", "kernel") and not host.linux
    pid = model.SYSTEM_PID if kernel else pid_of(host, service, bind.program)
    host.sockets.append(model.Socket(bind.protocol, bind.family, bind.address, bind.port, pid,
                                     kind=bind.kind, service=service.name))
    stack = host.stacks.get((bind.protocol, bind.family))
    if bind.kind == "httpsys" and stack is not None and stack.listed and \
            not any(row.meets(bind.port, bind.port) for row in stack.rows):
        stack.rows.append(model.Row(bind.port, bind.port, "httpsys"))
        stack.rows.sort(key=lambda row: row.first)


def open_pool(host, service, dice):
    """The DNS Server takes its sockets when it starts, except what its own list says (3.3)."""
    own = {port for line in host.value(model.DNS, "SocketPoolExcludedPortRanges") or []
           for port in ports.numbers(line)} if host.version >= (6, 1) else set()
    spared = dice.spared
    dice.spared = spared | {("udp", port) for port in own}
    for family, count in service.pool.items():
        for port in dice.ports(host, "udp", family, count):
            host.sockets.append(model.Socket(
                "udp", family, "::" if family == "ipv6" else "0.0.0.0", port, service.pid,
                service=service.name, random=True))
    dice.spared = spared


def open_client(host, client, dice, service=None, program="svchost.exe"):
    if client.state == "time_wait":
        pid, name = 0, ""
    elif service is not None:
        pid, name = pid_of(host, service, client.program), service.name
    else:
        program = client.program or program
        pid = next((p.pid for p in host.processes.values() if p.program == program), None)
        pid, name = host.add_process(program) if pid is None else pid, ""
    for port in dice.ports(host, client.protocol, client.family, 1):
        host.sockets.append(model.Socket(client.protocol, client.family, client.address, port, pid,
                                         client.remote, client.state, service=name, random=True))


def start_driver(host, service, dice):
    service.runs = True
    if service.name == "winnat":
        for keys, width, owner in host.blocks:
            if owner == "winnat":
                place_block(host, keys, width, owner, dice)


def place_block(host, keys, width, owner, dice):
    """A block lies in the dynamic range and leaves out every row and every port in use (2.9)."""
    dynamic = host.dynamic(*keys[0])
    if dynamic is None:
        return
    protocol = keys[0][0]
    closed = {one.port for one in host.sockets if one.protocol == protocol}
    closed |= {port for kind, port in dice.spared if kind == protocol}
    for key in keys:
        closed |= host.reserved(*key)
    starts = [max(dynamic[0], port - dice.random.randrange(width))
              for kind, port in sorted(dice.wanted) if kind == protocol]
    starts += [dice.random.randint(dynamic[0], dynamic[1] - width + 1) for _ in range(200)]
    for first in starts:
        last = first + width - 1
        if last <= dynamic[1] and closed.isdisjoint(range(first, last + 1)):
            for key in keys:
                host.stacks[key].rows.append(model.Row(first, last, owner))
                host.stacks[key].rows.sort(key=lambda row: row.first)
            return


# ---- boot ----------------------------------------------------------------------------------------

def boot(host, dice, early=lambda _host: None):
    """Restarts the host; answers why services did not start: {name: reason}. early is called when
    hardly anything runs: that is when an agent looks first."""
    ran = [one for one in host.services.values() if one.runs]
    due = [one for one in host.services.values()
           if not one.driver and starts_itself(one, one in ran)]
    due += [one for one in ran if one.start == "manual" and not one.driver]  # as it was started now
    host.facts["before_boot"] = folder.stack_facts(host)
    go_down(host)
    if host.legacy:
        host.read_in_force()
    host.written = False
    host.boots += 1
    if host.facts.get("hotfix") and host.version in ((6, 0), (6, 1)):
        for stack in host.stacks.values():
            stack.listed = True
    for stack in host.stacks.values():
        stack.rows = [row for row in stack.rows if row.administered and row.persistent and
                      not (host.value(model.HNS, "EnableExcludedPortRange") == 0 and
                           (row.first, row.last) == HNS_RANGE)]
        stack.dynamic = stack.dynamic and next_dynamic(host, stack)
    if host.linux:
        read_files(host)
    for service in host.services.values():
        if service.driver and service.name != "winnat":
            service.runs = True
    for keys, width, owner in host.blocks:
        if owner == "hns":
            place_block(host, keys, width, owner, dice)
    if host.service("winnat") and host.service("winnat") in ran:
        start(host, host.service("winnat"), dice)
    return start_all(host, dice, due, early)


def starts_itself(service, ran):
    return service.start in ("automatic", "delayed", "triggered") or \
        (ran and (service.start == "cluster" or service.name.lower() in truth.STARTED_ANYWAY))


def go_down(host):
    for service in host.services.values():
        service.runs = False
        service.pid = 0
    host.sockets = []
    host.processes = {process.pid: model.Process(process.pid, process.program)
                      for process in host.processes.values()
                      if not process.services and not process.service}


def next_dynamic(host, stack):
    """MaxUserPort is still honoured by newer systems: then the range begins at 1024 (1.3)."""
    value = host.value(model.TCPIP, "MaxUserPort")
    if value is not None and 5000 <= value <= 65534:
        return 1024, value
    return stack.stored


def start_all(host, dice, due, early):
    """Clients are faster than services that start late: that is the whole trouble."""
    failed = {}
    orphans = sorted(host.orphans, key=lambda row: row[1] != "System")
    for bind, program in orphans:
        if program == "System":
            open_orphan(host, bind, program, dice, failed)
    start_some(host, dice, [one for one in due if one.name.lower() in truth.FIRST], failed)
    early(host)
    start_some(host, dice, [one for one in due if one.name == dice.taker], failed)
    early_clients(host, dice)
    for bind, program in orphans:
        if program != "System":
            open_orphan(host, bind, program, dice, failed)
    targets = {port for _, port in dice.wanted}
    order = sorted(dice.shuffled(due),
                   key=lambda one: any(bind.port in targets for bind in one.binds))
    start_some(host, dice, order, failed)
    return failed


def start_some(host, dice, services, failed):
    for service in services:
        try:
            if not service.runs:
                start(host, service, dice)
        except Refused as refusal:
            failed[service.name] = str(refusal)


def open_orphan(host, bind, program, dice, failed):
    if isinstance(bind, model.Client):
        open_client(host, bind, dice)
        return
    refusal = host.why_no_bind(bind)
    holder = host.holder(bind)
    same = holder is not None and host.processes[holder.pid].program == program
    if refusal is not None and not same:
        failed[f"{program}:{bind.port}"] = str(refusal)
        return
    pid = next((p.pid for p in host.processes.values() if p.program == program), None)
    pid = host.add_process(program) if pid is None else pid
    host.sockets.append(model.Socket(bind.protocol, bind.family, bind.address, bind.port, pid,
                                     kind=bind.kind))


def early_clients(host, dice):
    load = [client for client in host.load if client.state != "time_wait"]
    closed = [client for client in host.load if client.state == "time_wait"]
    keep = len(closed)
    if host.legacy and host.facts.get("time_wait_s"):
        keep = keep * host.time_wait_s() // host.facts["time_wait_s"]
    for protocol, family in ports.STACKS:
        taken = [port for kind, port in dice.wanted if kind == protocol]
        if family not in host.families() or not taken or dice.taker:
            continue
        pid = host.add_process("updater.exe")
        address = "10.20.30.5" if family == "ipv4" else "2001:db8::5"
        before = set(dice.wanted)
        for port in dice.ports(host, protocol, family, min(len(taken), MOST_TAKEN)):
            if (protocol, port) in before:
                host.sockets.append(model.Socket(
                    protocol, family, address, port, pid,
                    "" if protocol == "udp" else
                    (CLIENT if family == "ipv4" else "[2001:db8::9]:443"),
                    "listen" if protocol == "udp" else "connection", random=True))
    for client in load + closed[:keep]:
        open_client(host, client, dice)


def read_files(host, booted=True):
    """systemd-sysctl reads *.conf of these folders in the order of their names; the last one wins
    (sysctl.d of systemd)."""
    if booted:
        host.sysctl.update(host.sysctl_defaults)
    for path in settings_files(host):
        read_settings(host, host.files[path])


def settings_files(host):
    """In the order in which they are read."""
    folders = ("/etc/sysctl.d/", "/run/sysctl.d/", "/usr/lib/sysctl.d/")
    files = [path for path in host.files if path.startswith(folders) and path.endswith(".conf")]
    return sorted(files, key=lambda p: p.rpartition("/")[2])


def read_settings(host, text):
    """sysctl -p; answers the names that the kernel refused."""
    refused = []
    for line in text.splitlines():
        line = line.strip()
        name, equals, value = line.partition("=")
        if line and line[0] not in "#;" and equals:
            name = name.strip().lstrip("-").replace("/", ".")
            try:
                set_sysctl(host, name, value.strip())
            except Refused:
                refused.append(name)
    return refused


def set_sysctl(host, name, value):
    """The kernel takes a value, or says EINVAL (7)."""
    try:
        if name == model.RANGE_NAME:
            first, last = (int(word) for word in value.split())
            floor = int(host.sysctl.get("net.ipv4.ip_unprivileged_port_start", "1024"))
            if not floor <= first <= last <= ports.LAST:
                raise ValueError
            value = f"{first}\t{last}"
        elif name == model.RESERVED_NAME:
            rows = ports.ranges(value)
            if any(not 0 <= a <= b <= ports.LAST for a, b in rows):
                raise ValueError
            value = ports.text(ports.numbers(value))
        elif name not in host.sysctl:
            raise Refused(255, f"cannot stat /proc/sys/{name.replace('.', '/')}")
    except ValueError:
        raise Refused(255, f"setting key {name}: Invalid argument")
    host.sysctl[name] = value
