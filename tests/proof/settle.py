"""What recorded facts leave open is decided: whose socket is whose, what is fixed and what was
given, which component holds a block, and what each service binds when it starts.

SPDX-License-Identifier: Apache-2.0
"""
import model
import ports
import truth

BLOCK = 50  # runtime rows as wide as this are blocks of WinNAT (100) or HNS (64)
POOL = 10  # more random UDP sockets of the DNS Server than this are its pool
FIXED_BOOTS = 2
SHARED_PORTS = {1900, 3702, 5353, 5355}


def settle(host, catalogue):
    book = {(row["protocol"], row["port"]) for row in host.host_file.get("port_book", [])
            if row["boots"] >= FIXED_BOOTS}
    if host.legacy:
        host.read_in_force()
    settle_dependencies(host)
    settle_rows(host)
    if not host.linux and not host.facts.get("pids", True):
        settle_without_pids(host, catalogue)
    for one in host.sockets:
        settle_kind(host, catalogue, one)
        settle_owner(host, catalogue, one)
        one.random = one.random or is_random(host, catalogue, one, book)
    settle_drivers(host)
    for service in host.services.values():
        remember(host, service)
        if not service.runs and not service.driver:
            service.binds = down_binds(host, catalogue, service)
    remember_load(host)
    if host.legacy:
        host.facts["time_wait_s"] = host.time_wait_s()
    elif not host.linux:
        settle_stored(host)
    if host.linux:
        settle_files(host)


def settle_dependencies(host):
    for service in host.services.values():
        if service.depends_on is None or not service.detailed:
            known = truth.DEPENDS_ON.get(service.name.lower(), []) if not host.linux else []
            service.depends_on = service.depends_on or known
        if not service.detailed and service.name.lower() == "umrdpservice":
            service.start = "manual"


def settle_rows(host):
    for stack in host.stacks.values():
        for row in stack.rows:
            width = row.last - row.first + 1
            if row.owner != "other":
                continue
            if width >= BLOCK:
                row.owner = "hns" if width == 64 else "winnat"
            elif any(one.pid == model.SYSTEM_PID and not one.remote and
                     row.first <= one.port <= row.last for one in host.sockets):
                row.owner = "httpsys"
    seen = {}
    for key, stack in host.stacks.items():
        for row in stack.rows:
            if row.owner in ("winnat", "hns"):
                seen.setdefault((key[0], row.first, row.last, row.owner), []).append(key)
    host.blocks = [(keys, last - first + 1, owner)
                   for (_, first, last, owner), keys in sorted(seen.items())]


def settle_without_pids(host, catalogue):
    """netstat of Windows 2000 names nobody, and it has no tasklist: services that start by
    themselves run when their ports are there."""
    open_ports = {(one.protocol, one.port) for one in host.sockets if not one.remote}
    for service in host.services.values():
        required = {(protocol, port) for protocol, _, port, _ in catalogue.binds(host, service)}
        service.runs = service.runs or (not service.detailed and required <= open_ports)
        if service.runs and not service.pid:
            service.program = service.program or service.name.lower() + ".exe"
            service.pid = host.add_process(service.program, [service.name])
    dns = host.service("DNS")
    for one in host.sockets:
        found = catalogue.service_of(host, one.protocol, one.port, "") if not one.remote else None
        if found is None and dns is not None and dns.runs and one.protocol == "udp" and \
                one.port >= model.LEGACY_FIRST:
            found = dns
        if found is not None:
            one.pid, one.service = found.pid, found.name


def settle_stored(host):
    """A range that MaxUserPort made goes when the value goes (1.3)."""
    value = host.value(model.TCPIP, "MaxUserPort")
    for stack in host.stacks.values():
        if value is not None and stack.dynamic == (model.LEGACY_FIRST, value):
            stack.stored = (49152, ports.LAST)


def settle_kind(host, catalogue, one):
    if one.kind != "socket" or one.remote:
        return
    if one.protocol == "udp" and one.port in SHARED_PORTS:
        one.kind = "shared"
    elif one.pid == model.SYSTEM_PID and one.protocol == "tcp":
        stack = host.stacks.get((one.protocol, one.family))
        row = any(r.owner == "httpsys" and r.meets(one.port, one.port)
                  for r in (stack.rows if stack else []))
        one.kind = "httpsys" if row or "httpsys" in catalogue.kind_of(host, "tcp", one.port) \
            else "kernel"
    elif one.pid == model.SYSTEM_PID and not host.linux:
        one.kind = "kernel"


def settle_owner(host, catalogue, one):
    process = host.processes.get(one.pid)
    if one.service or process is None or not one.holds:
        return
    running = [name for name in process.services if host.service(name) and host.service(name).runs]
    if len(running) == 1:
        one.service = host.service(running[0]).name
        return
    if one.pid == model.SYSTEM_PID and (one.protocol, one.port) in truth.SYSTEM_PORTS:
        known = host.service(truth.SYSTEM_PORTS[(one.protocol, one.port)])
        one.service = known.name if known and known.runs else ""
        return
    found = catalogue.service_of(host, one.protocol, one.port, process.program)
    if found is None and not running:
        for name in truth.WORKERS.get(process.program.lower(), []):
            if host.service(name) and host.service(name).runs:
                found = host.service(name)
                break
    if found is None and one.pid == model.SYSTEM_PID and one.kind == "httpsys" and \
            host.service("W3SVC") and host.service("W3SVC").runs:
        found = host.service("W3SVC")
    if found is not None and (not running or found.name in running or
                              one.pid == model.SYSTEM_PID):
        one.service = found.name
        if not running and one.pid != model.SYSTEM_PID:
            process.service = process.service or found.name


def is_random(host, catalogue, one, book):
    if one.state == "bound" or one.remote:
        return True
    dynamic = host.dynamic(one.protocol, one.family)
    if dynamic is None or not dynamic[0] <= one.port <= dynamic[1] or \
            (one.protocol, one.port) in book or one.pid == model.SYSTEM_PID:
        return False
    process = host.processes.get(one.pid)
    program = process.program if process else ""
    if catalogue.is_required(host, one.protocol, one.port, program) or \
            catalogue.is_chosen(host, one.protocol, one.service):
        return False
    return one.protocol == "udp" or program.lower() in truth.RPC_PROGRAMS


def settle_drivers(host):
    if host.linux:
        return
    if host.version >= (5, 2):
        host.put_service(model.Service("HTTP", runs=True, driver=True, start="manual"))
    if any(owner == "winnat" for _, _, owner in host.blocks):
        host.put_service(model.Service("winnat", runs=True, driver=True, start="manual"))


def remember(host, service):
    """What it has now it has again after a restart."""
    if not service.runs or service.driver:
        return
    process = host.processes.get(service.pid)
    service.home = process.program if process and len(process.services) > 1 else ""
    service.program = service.program or (process.program if process else "")
    service.binds, service.clients = [], []
    given = [one for one in host.sockets if one.service == service.name]
    pool = [one for one in given if one.protocol == "udp" and one.random]
    is_dns = service.name.lower() == "dns" and len(pool) > POOL
    service.pool = {family: sum(one.family == family for one in pool)
                    for family in ports.FAMILIES} if is_dns else {}
    for one in given:
        worker = "" if one.pid in (service.pid, model.SYSTEM_PID) or one.pid not in host.processes \
            else host.processes[one.pid].program
        if not one.random:
            service.binds.append(model.Bind(one.protocol, one.family, one.address, one.port,
                                            one.kind, worker))
        elif not (is_dns and one.protocol == "udp"):
            service.clients.append(model.Client(one.protocol, one.family, one.address, one.remote,
                                                one.state, worker))


def down_binds(host, catalogue, service):
    """A service that does not run will bind what the catalogue and the port book say."""
    wanted = {(protocol, family, port): kind
              for protocol, family, port, kind in catalogue.binds(host, service)}
    for row in host.host_file.get("port_book", []):
        if row.get("service", "").lower() == service.name.lower() and row["boots"] >= FIXED_BOOTS:
            for family in host.families():
                if row.get("families", "both") in ("both", family):
                    wanted.setdefault((row["protocol"], family, row["port"]),
                                      row.get("kind", "socket"))
    binds = []
    for (protocol, family, port), kind in sorted(wanted.items()):
        others = [one for one in host.sockets if not one.remote and not one.random and
                  (one.protocol, one.port) == (protocol, port) and one.service and
                  host.service(one.service) is not service]
        if not others:
            binds.append(model.Bind(protocol, family, "::" if family == "ipv6" else "0.0.0.0",
                                    port, kind))
    return binds


def remember_load(host):
    """Connections that belong to no service, and those that were closed, are the load of the host;
    listeners that belong to no service come back, too."""
    for one in host.sockets:
        program = host.processes[one.pid].program if one.pid in host.processes else ""
        client = model.Client(one.protocol, one.family, one.address, one.remote, one.state, program)
        if one.service:
            continue
        if one.random and one.state in ("connection", "time_wait"):
            host.load.append(client)
        elif one.random:
            host.orphans.append((client, program))
        else:
            host.orphans.append((model.Bind(one.protocol, one.family, one.address, one.port,
                                            one.kind), program))


def settle_files(host):
    import folder
    lines = [f"{name} = {host.sysctl[name]}\n" for name, usual in folder.LINUX_DEFAULTS.items()
             if host.sysctl[name].split() != usual.split()]
    host.sysctl_defaults = dict(folder.LINUX_DEFAULTS)
    if lines and folder.LINUX_FILE not in host.files:
        host.files[folder.LINUX_FILE] = "".join(lines)
