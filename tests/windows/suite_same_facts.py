#!/usr/bin/python3
"""The same facts give the same inventory, byte for byte, from the Windows platform under Wine and
from a recorded host.

Each recorded Windows host is built in Wine: version and names of the system, locale, the bytes of
its netsh listings, its registry exports, its services, and a socket for each listener. What then
cannot be the same is listed in DIFFERS. The inventory that hm-agent.exe observes is compared with
the ones that the native agent and hm-agent.exe make of files holding those facts.
SPDX-License-Identifier: Apache-2.0
"""
import glob
import json
import os
import shutil
import socket
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import wine as w  # noqa: E402
from wine import h  # noqa: E402

SERVICES = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services"
PORT_KEYS = [SERVICES + r"\Tcpip\Parameters", SERVICES + r"\DNS\Parameters",
             SERVICES + r"\hns\State"]
SERVICES_TOOL = os.path.join(w.WINDOWS, "tests/windows/make_services.exe")
PORT_VALUES = ["MaxUserPort", "TcpTimedWaitDelay", "ReservedPorts"]
VERSION_NAMES = {number: name for name, number in w.VERSIONS.items()}

# Wine is a 64-bit system; a socket's owner is only told for programs of Wine's own, so a
# listener's program, service and kind stay those of the socket that stands for it; some services
# are Wine's own. Its service manager knows neither dependencies, delays nor triggers, and no
# service of the host runs.
DIFFERS = ("os.arch, listeners' program, service and kind, Wine's own services, "
           "what services depend on, whether they run, all but their automatic start")


class Host:
    def __init__(self, folder):
        self.folder = folder
        self.name = os.path.basename(folder)
        with open(os.path.join(folder, "host.json"), encoding="utf-8") as file:
            self.file = json.load(file)
        self.os = self.file["os"]

    def has_netsh(self):
        return bool(glob.glob(os.path.join(self.folder, "*-dynamicport.txt")))

    def registry_files(self):
        """Exports that Wine takes; those of its services and of a cluster it must not."""
        return [path for path in sorted(glob.glob(os.path.join(self.folder, "*.reg")))
                if os.path.basename(path) in ("tcpip-parameters.reg", "dns-parameters.reg",
                                              "hns-state.reg")]

    def reads_registry_at_boot(self):
        return self.os["version"].startswith("5.")


def windows_hosts():
    folders = sorted(glob.glob(os.path.join(h.SOURCE, "tests/fixtures/hosts/*/")) +
                     glob.glob(os.path.join(h.SOURCE, "tests/fixtures/fleet/*/")))
    hosts = [Host(folder.rstrip("/")) for folder in folders]
    return [host for host in hosts if host.os["family"] == "windows"]


def make_locales(folder, hosts):
    """Wine takes the system's locale from the C library's."""
    target = os.path.join(folder, "locales")
    os.makedirs(target)
    for name in sorted({host.os["locale"].replace("-", "_") for host in hosts}):
        subprocess.run(["localedef", "-i", name, "-f", "UTF-8", os.path.join(
            target, name + ".UTF-8")], check=True, capture_output=True)
    return target


def recorded_check(program, folder):
    """The native agent's or hm-agent.exe's view of recorded files."""
    code, out, err = program("check", "--json", "--product-dir", h.PRODUCTS, "--from", folder)
    if code not in (0, 1):
        raise RuntimeError(f"check --from {folder}: {code} {err}")
    return json.loads(out)


def native(*arguments):
    return h.run("hm-agent", *arguments)


class Sockets:
    """A listening socket for each listener of a host, on its very address."""

    def __init__(self, listeners):
        self.open = []
        for listener in listeners:
            six = listener["family"] == "ipv6"
            address = listener["address"]
            if address not in ("0.0.0.0", "::", "127.0.0.1", "::1"):
                subprocess.run(["ip", "address", "add", f"{address}/{128 if six else 32}", "dev",
                                "lo", *(["nodad"] if six else [])], capture_output=True)
            made = socket.socket(socket.AF_INET6 if six else socket.AF_INET,
                                 socket.SOCK_STREAM if listener["protocol"] == "tcp"
                                 else socket.SOCK_DGRAM)
            if six:
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.open.append(made)
            made.bind((address, listener["port"]))
            if listener["protocol"] == "tcp":
                made.listen()

    def close(self):
        for made in self.open:
            made.close()


def endpoints(inventory):
    return sorted((entry["protocol"], entry["family"], entry["address"], entry["port"])
                  for entry in inventory["listeners"])


def services(prefix, verb, names):
    """Set-up, which Wine's service manager refuses now and then without a word; what is compared
    afterwards shows whether it worked."""
    for attempt in range(3):
        code, out, err = prefix.run(SERVICES_TOOL, verb, *names) if names else (0, "", "")
        if code == 0:
            return
        print(f"make_services {verb}, attempt {attempt + 1}: {code} {out}{err}")
    raise RuntimeError(f"make_services {verb}: {code} {out}{err}")


def registered(prefix):
    """Every service that Wine has: one that does not run now may by the next look."""
    code, out, err = prefix.run("reg", "query", SERVICES)
    names = {line.strip().rsplit("\\", 1)[-1].casefold() for line in out.splitlines()
             if line.strip().startswith(SERVICES + "\\")}
    h.check("Wine's own services are known", code == 0 and "rpcss" in names, f"{code} {out}{err}")
    return names


def others(names, base):
    """Without Wine's own, whatever the case: services have none. It makes a "winedevice" with a
    number for each group of drivers it starts."""
    return sorted(name.casefold() for name in names
                  if name.casefold() not in base and not name.casefold().startswith("winedevice"))


def details(inventory, base):
    """Program of each service, and whether it starts by itself at boot."""
    return sorted((entry["name"].casefold(), entry["program"].casefold(),
                   entry.get("start", "automatic"))
                  for entry in inventory["service_details"]
                  if others([entry["name"]], base))


def made_automatic(entries):
    """As the details are once make_services has made each service of them."""
    return [(name, program, "automatic") for name, program, _ in entries]


def load(prefix, host, inventory, locales):
    """Makes Wine that host; the environment that its locale needs."""
    prefix.version(VERSION_NAMES[host.os["version"]], host.os["name"], host.os["revision"])
    prefix.reset_double(**({"listings": host.folder} if host.has_netsh() else {"mode": "fail:1"}))
    prefix.reg_write((PORT_KEYS[0], {value: None for value in PORT_VALUES}),
                     *((key, None) for key in PORT_KEYS[1:]))
    for path in host.registry_files():
        prefix.reg_import(path)
    services(prefix, "create", [f"{entry['name']}={entry['program']}"
                                for entry in inventory["service_details"]])
    return {"LC_ALL": host.os["locale"].replace("-", "_") + ".UTF-8", "LOCPATH": locales}


def write_services(prefix, seen, folder):
    """services.txt as Wine's registry has it, but for what its service manager does not know; and
    the states that were seen."""
    code, out, err = prefix.run("reg", "query", SERVICES, "/s")
    key = ""
    names = []
    with open(os.path.join(folder, "services.txt"), "w", encoding="utf-8") as file:
        for line in out.splitlines():
            value = line.split("    ")
            if line.startswith("HKEY_"):
                key = line[len(SERVICES) + 1:]
                file.write("\n" + line + "\n")
            elif len(value) == 4 and value[1] in ("Type", "Start", "ImagePath"):
                file.write(line + "\n")
                if value[1] == "Type" and "\\" not in key and int(value[3], 16) & 0x30:
                    names.append(key)
        for entry in seen["service_details"]: # Wine's own groups of drivers are not in the registry
            if entry["name"].startswith("Winedevice") and entry["name"] not in names:
                file.write(f"\n{SERVICES}\\{entry['name']}\n    Type    REG_DWORD    0x10\n"
                           "    Start    REG_DWORD    0x3\n"
                           f"    ImagePath    REG_SZ    {entry['program']}\n")
                names.append(entry["name"])
        # Wine records no dependencies, and a Windows without any would be a listing that was cut.
        file.write(f"\n{SERVICES}\\Afd\n    Type    REG_DWORD    0x1\n    Start    REG_DWORD    0x1\n"
                   "    DependOnService    REG_MULTI_SZ    Tdx\n")
    h.check("Wine's registry has its services", code == 0 and names, f"{code} {err}")
    states = {entry["name"].casefold(): entry for entry in seen["service_details"]}
    with open(os.path.join(folder, "services-state.txt"), "w", encoding="utf-8") as file:
        for name in names:
            entry = states.get(name.casefold(), {"runs": False, "exit_code": 1077})
            state = {True: "4  RUNNING", False: "1  STOPPED", None: "2  START_PENDING"}
            file.write(f"\nSERVICE_NAME: {name}\nDISPLAY_NAME: {name}\n        TYPE : 10\n"
                       f"        STATE : {state[entry.get('runs')]}\n"
                       f"        WIN32_EXIT_CODE : {entry.get('exit_code', 0)}\n")


def write_recorded(prefix, host, seen, folder):
    """The host as files: its own listings and exports, and what only Wine could tell."""
    os.makedirs(folder)
    for path in glob.glob(os.path.join(host.folder, "*")):
        if (os.path.basename(path) not in ("host.json", "netstat.txt", "tasklist.csv") and
                not os.path.basename(path).startswith(("services", "cluster", "net-start"))):
            shutil.copy(path, folder)
    write_services(prefix, seen, folder)
    if host.has_netsh(): # what the double says
        for name, line in (("http-urlacl.txt", "Reserved URL            : http://+:5985/wsman/"),
                           ("http-sslcert.txt", "SSL Certificate bindings:")):
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(f"\n    {line} \n")
    said = {"os": {**host.os, "arch": "x86_64"}, "listeners": seen["listeners"]}
    if host.reads_registry_at_boot(): # this suite wrote the values, and no boot came after that:
        # within the first two minutes of Wine the boot may have done it
        late = seen["registry"].get("in_force") == "unknown"
        said.update(boot_time="2026-01-01T00:00:00Z",
                    tcpip_written=f"2026-01-0{2 if late else 1}T00:01:00Z")
    with open(os.path.join(folder, "host.json"), "w", encoding="utf-8") as file:
        json.dump(said, file)


def text(inventory):
    return json.dumps(inventory, indent=1, ensure_ascii=False)


def compare(what, left, right):
    if not h.check(what, text(left) == text(right)):
        import difflib
        print("\n".join(list(difflib.unified_diff(
            text(left).splitlines(), text(right).splitlines(), lineterm="", n=2))[:60]))


def written(inventory):
    """The registry's values, without what is in force of them: that depends on the boot."""
    return {key: value for key, value in inventory.get("registry", {}).items()
            if key not in ("in_force", "earlier")}


def one_host(prefix, host, folder, locales, base_services):
    original = recorded_check(native, host.folder)["inventory"]
    env = load(prefix, host, original, locales)
    sockets = Sockets(original["listeners"])
    try:
        told = prefix.check(**env)
        if any("gave no answer within" in text for text in told["unknown"]):
            print(f"{host.name}: this machine was too busy for netsh's time limit; once more")
            told = prefix.check(**env)
    finally:
        sockets.close()
    seen = told["inventory"]
    # On 2000 to 2003 what this suite wrote since the boot is not in force, and that is said.
    unknown = [text for text in told["unknown"]
               if not (host.reads_registry_at_boot() and
                       ("ReservedPorts" in text or "dynamic range" in text))]
    h.check(f"{host.name}: only what is no file here is unknown", unknown == [], unknown)
    files = os.path.join(folder, host.name)
    write_recorded(prefix, host, seen, files)
    compare(f"{host.name}: as the native agent reads the files", seen,
            recorded_check(native, files)["inventory"])
    compare(f"{host.name}: as hm-agent.exe reads the files", seen,
            recorded_check(lambda *a: prefix.run(w.AGENT, *a, **env), files)["inventory"])
    # And against the fixture itself, whose files no one has touched.
    compare(f"{host.name}: system", seen["os"], {**original["os"], "arch": "x86_64"})
    if not host.reads_registry_at_boot():
        compare(f"{host.name}: stacks", seen.get("stacks"), original.get("stacks"))
    compare(f"{host.name}: registry", written(seen), written(original))
    h.check(f"{host.name}: services", others(seen["services"], base_services) ==
            others(original["services"], base_services), [seen["services"], original["services"]])
    h.check(f"{host.name}: programs of services, and that they start by themselves",
            details(seen, base_services) == made_automatic(details(original, base_services)),
            [details(seen, base_services), details(original, base_services)])
    if "dynamic" in (seen["stacks"] or [{}])[0]: # which UDP sockets listen depends on the range
        h.check(f"{host.name}: listeners", endpoints(seen) == endpoints(original),
                set(endpoints(seen)) ^ set(endpoints(original)))
    services(prefix, "delete", others(original["services"], base_services))


def suite(prefix, folder):
    hosts = windows_hosts()
    h.check("there are recorded Windows hosts", len(hosts) >= 15, len(hosts))
    locales = make_locales(folder, hosts)
    base_services = registered(prefix)
    for host in hosts:
        one_host(prefix, host, folder, locales, base_services)


w.main(suite)
