#!/usr/bin/python3
"""What the sockets of a real Linux kernel do to a service that starts, and what the agent says.

Each case asks the kernel first, with a bind, and then hm-agent check. All of it in a network
namespace of its own.
SPDX-License-Identifier: Apache-2.0
"""
import ctypes
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness as h  # noqa: E402

CLONE_NEWNET = 0x40000000
RANGE = "/proc/sys/net/ipv4/ip_local_port_range"
# Ports of the product, by case; all but the last inside the dynamic range.
PORTS = {"client time_wait": 41001, "given time_wait": 41002, "last_ack": 41003,
         "fin_wait": 41004, "accepted": 41005, "owner": 41006, "ipv6 only": 41007,
         "dual stack": 41008, "to any port": 41009, "server here": 41010,
         "accepted outside": 2005}
FAR = 443  # a port that no system hands out
ANY = 2000  # one that another system's client may have
HERE = 8443  # a server of this host, which goes on


def unshare(flags):
    if ctypes.CDLL(None, use_errno=True).unshare(flags) != 0:
        raise OSError(ctypes.get_errno(), "unshare")


def link(state):
    subprocess.run(["ip", "link", "set", "lo", state], check=True)


def write_product(folder):
    os.makedirs(folder, exist_ok=True)
    rows = [{"id": name.replace(" ", "-").replace("_", "-"), "title": name, "protocol": "tcp",
             "ports": str(port), "kind": "socket", "safe_to_exclude": "yes",
             "source": "our own manual", "confidence": "documented"}
            for name, port in PORTS.items()]
    with open(os.path.join(folder, "payroll.json"), "w", encoding="utf-8") as file:
        json.dump({"id": "payroll", "title": "Payroll", "vendor": "us", "os": ["linux"],
                   "detect": {"always": True, "programs": ["payroll-svc"]},
                   "requirements": rows}, file)


def agent_check(catalogue, program=os.path.join(h.BIN, "hm-agent"), prefix=()):
    done = subprocess.run([*prefix, program, "check", "--json", "--catalogue", catalogue,
                           "--product-dir", h.PRODUCTS], capture_output=True, text=True)
    if done.returncode > 1:
        raise RuntimeError(f"check: {done.returncode} {done.stderr}")
    return json.loads(done.stdout)


def verdict(said, port):
    return [v for v in said["verdicts"] if v["ports"] == str(port)][0]


def binds(port, reuse, family=socket.AF_INET):
    """Can a server take the port now?"""
    one = socket.socket(family)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, reuse)
    try:
        one.bind(("0.0.0.0" if family == socket.AF_INET else "::", port))
        one.listen(1)
        return True
    except OSError:
        return False
    finally:
        one.close()


def server(port, reuse=1):
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, reuse)
    one.bind(("127.0.0.1", port))
    one.listen(8)
    return one


def connect(listener, port):
    """A connection from this very port, as the system hands it out (0 = any) or as asked for."""
    client = socket.socket()
    client.bind(("127.0.0.1", port))
    client.connect(listener.getsockname())
    return client, listener.accept()[0]


def leave_connections():
    """Closed connections, which the kernel alone still has."""
    listener = server(FAR)
    client, accepted = connect(listener, PORTS["client time_wait"])
    client.close()
    accepted.close()

    with open(RANGE, "w", encoding="ascii") as file:  # the one port that connect() can be given
        file.write(f"{PORTS['given time_wait']} {PORTS['given time_wait']}")
    client = socket.create_connection(("127.0.0.1", FAR))
    with open(RANGE, "w", encoding="ascii") as file:
        file.write("32768 60999")
    h.check("the system gave the port", client.getsockname()[1] == PORTS["given time_wait"])
    accepted = listener.accept()[0]
    client.close()
    accepted.close()

    for name in ("accepted", "accepted outside", "owner"):  # the server closes first
        own = server(PORTS[name])
        client = socket.create_connection(own.getsockname())
        own.accept()[0].close()
        client.close()
        own.close()

    here = server(HERE)
    for far, name in ((server(ANY), "to any port"), (here, "server here")):
        client, accepted = connect(far, PORTS[name])
        client.close()
        accepted.close()
        if far is not here:
            far.close()

    last, last_far = connect(listener, PORTS["last_ack"])
    first, first_far = connect(listener, PORTS["fin_wait"])
    last_far.close()
    link("down")  # from here on nobody answers
    last.close()
    first.close()
    listener.close()
    return [first_far, here]


# What a bind without and with SO_REUSEADDR found on Linux 6.18 (and 6.1): a client's socket blocks
# both, one that a server with SO_REUSEADDR accepted blocks the first alone. From outside the two
# look alike, but for the port of the other end.
LEFT = (("client time_wait", False, False, "blocked", "time_wait"),
        ("given time_wait", False, False, "blocked", "time_wait"),
        ("last_ack", False, False, "blocked", "closing"),
        ("fin_wait", False, False, "blocked", "closing"),
        ("to any port", False, False, "exposed", None),
        ("server here", False, False, "blocked", "time_wait"),
        ("accepted", False, True, "exposed", None),
        ("accepted outside", False, True, "safe", None))


def closed_connections(folder, catalogue):
    kept = leave_connections()
    said = agent_check(catalogue)
    for name, without, with_reuse, state, holder in LEFT:
        port = PORTS[name]
        one = verdict(said, port)
        h.check(f"{name}: a bind without SO_REUSEADDR", binds(port, 0) == without)
        h.check(f"{name}: a bind with SO_REUSEADDR", binds(port, 1) == with_reuse)
        h.check(f"{name}: {state}", one["state"] == state, one)
        h.check(f"{name}: the holder", one.get("holder", {}).get("state") == holder, one)
        if holder is None:
            h.check(f"{name}: whom it blocks all the same", "SO_REUSEADDR" in one["text"], one)
        else:
            h.check(f"{name}: blocked in IPv4, and with it for both families",
                    one["families"] == ["ipv4"] and not binds(port, 1, socket.AF_INET6), one)
            h.check(f"{name}: it ends by itself", "which its program has closed" in one["text"],
                    one)
    link("up")
    del kept
    own = Holder(folder, "payroll-svc", PORTS["owner"])
    one = verdict(agent_check(catalogue), PORTS["owner"])
    h.check("its server runs: those that it accepted are no matter",
            one["state"] == "exposed" and "SO_REUSEADDR" not in one["text"], one)
    own.stop()


class Holder:
    """A port, held by a program of the given name."""

    def __init__(self, folder, name, port, protocol="tcp", address="0.0.0.0"):
        path = os.path.join(folder, name)
        if not os.path.exists(path):
            shutil.copy(os.path.join(h.BIN, "port_holder"), path)
        self.child = subprocess.Popen([path, protocol, address, str(port)],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.child.stdout.readline() != "ready\n":
            raise RuntimeError(f"{name} could not take port {port}")

    def stop(self):
        self.child.stdin.close()
        self.child.wait(10)


def families(catalogue):
    """A stranger on the wildcard of IPv6, alone and with IPv4."""
    for name, only in (("ipv6 only", 1), ("dual stack", 0)):
        port = PORTS[name]
        stranger = socket.socket(socket.AF_INET6)
        stranger.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only)
        stranger.bind(("::", port))
        stranger.listen(1)
        one = verdict(agent_check(catalogue), port)
        h.check(f"{name}: a server of IPv4 binds beside it", binds(port, 1) == bool(only))
        h.check(f"{name}: blocked just where it is",
                one["state"] == "blocked" and
                one["families"] == (["ipv6"] if only else ["ipv4", "ipv6"]), one)
        stranger.close()


def companions(folder, catalogue):
    """A program in Erlang alone is no RabbitMQ."""
    other = Holder(folder, "beam.smp", 5222)
    said = agent_check(catalogue)
    h.check("ejabberd is no RabbitMQ",
            [v for v in said["verdicts"] if v["product"] == "rabbitmq"] == [], said["verdicts"])
    other.stop()


def given_ports(folder, catalogue):
    """Ports that the kernel gave: listed, not judged, no finding, no remedy."""
    given = [socket.socket(socket.AF_INET, kind)
             for kind in (socket.SOCK_DGRAM, socket.SOCK_DGRAM, socket.SOCK_STREAM)]
    for one in given:
        one.bind(("0.0.0.0", 0))
    given[2].listen(1)
    ports = [one.getsockname()[1] for one in given]
    said = agent_check(catalogue)
    judged = [v for v in said["verdicts"] if v["ports"] in map(str, ports)]
    listed = ",".join(o["ports"] for o in said["observed"])
    h.check("no verdict of them", judged == [], judged)
    h.check("no finding speaks of them",
            not any(str(port) in json.dumps(said["findings"]) for port in ports), said["findings"])
    h.check("they are listed", all(str(port) in listed for port in ports), said["observed"])
    for one in given:
        one.close()


def hidden_processes(catalogue):
    """An ordinary user before a /proc that hides the processes of others (hidepid=2)."""
    stranger = server(PORTS["owner"])
    with tempfile.TemporaryDirectory(prefix="hm-e2e-agent-") as folder:
        os.chmod(folder, 0o755)
        program = shutil.copy(os.path.join(h.BIN, "hm-agent"), folder)
        products = shutil.copytree(h.PRODUCTS, os.path.join(folder, "products"))
        own = shutil.copytree(catalogue, os.path.join(folder, "own"))
        script = ("mount -t proc -o hidepid=2 proc /proc && "
                  "exec setpriv --reuid=65534 --regid=65534 --clear-groups "
                  f"{program} check --json --catalogue {own} --product-dir {products}")
        done = subprocess.run(["unshare", "--mount", "sh", "-c", script], capture_output=True,
                              text=True)
    if not h.check("hidepid: check runs", done.returncode in (0, 1), done.stderr):
        return
    said = json.loads(done.stdout)
    one = verdict(said, PORTS["owner"])
    h.check("hidepid: whose the port is, is not known", one["state"] != "safe", one)
    h.check("hidepid: the reason and the cure are told",
            "run it as root" in json.dumps(said["unknown"]), said["unknown"])
    stranger.close()


def main():
    unshare(CLONE_NEWNET)
    link("up")
    with h.Folder() as folder:
        catalogue = os.path.join(folder, "catalogue.d")
        write_product(catalogue)
        companions(folder, catalogue)
        families(catalogue)
        given_ports(folder, catalogue)
        hidden_processes(catalogue)
        closed_connections(folder, catalogue)
    h.finish()


main()
