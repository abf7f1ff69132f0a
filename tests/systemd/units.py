"""Units of people: sockets whose port is taken, SAP's sapinit, containers of compose; a server that
its file moved; settings files of people beside the one of a remedy.

SPDX-License-Identifier: Apache-2.0
"""
from contextlib import contextmanager

from checks import Judgement, check
from faults import RANGE, RANGE_FILE, one, squatter, stopped
import healthy
from setup import OTHERS

UNITS = "/etc/systemd/system"
LIST = "net.ipv4.ip_local_reserved_ports"
REMEDY = "/etc/sysctl.d/zzzzzzzz-reserved-ports.conf"
MORE = "/etc/sysctl.d/80-more.conf"
CONTAINER = "/var/lib/docker/containers/4f3c99d7a1b2"


@contextmanager
def unit(machine, name, text, *files):
    """A unit that is enabled and not started, and what it needs; all is gone afterwards."""
    for path, content in files:
        machine.run("mkdir", "-p", path.rpartition("/")[0])
        machine.put(path, content)
        if path.startswith("/usr/local/bin/"):
            machine.run("chmod", "755", path)
    machine.put(f"{UNITS}/{name}", text)
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "enable", "--quiet", name)
    try:
        yield
    finally:
        machine.ask("systemctl", "disable", "--now", "--quiet", name)
        machine.ask("systemctl", "reset-failed", name)
        machine.run("rm", "-f", f"{UNITS}/{name}", *(path for path, _ in files))
        machine.run("systemctl", "daemon-reload")


def socket_text(listen):
    return f"[Socket]\nListenStream={listen}\nAccept=yes\n[Install]\nWantedBy=sockets.target\n"


def titled(judgement, part):
    return [v for v in judgement.verdicts if part in v["title"]]


def failed_socket(machine):
    """Its port is taken when it starts."""
    with unit(machine, "contoso.socket", socket_text("7410"),
              (f"{UNITS}/contoso@.service", "[Service]\nExecStart=/bin/cat\nStandardInput=socket\n")):
        with squatter(machine, "listen", "0.0.0.0", "7410"):
            check("the socket unit fails", machine.ask("systemctl", "start", "contoso.socket")[0] != 0)
            rows = titled(Judgement(machine), "contoso.socket")
            check("its port is blocked", [v["state"] for v in rows] == ["blocked"], rows)
            check("by the stranger", rows and rows[0].get("holder", {}).get("service") == "squatter",
                  rows)
        machine.ask("systemctl", "reset-failed", "contoso.socket")
        machine.run("systemctl", "start", "contoso.socket")
        healthy.nothing_at_risk(machine, "the socket unit has its port")


def socket_of_one_family(machine):
    """A stranger with the same port in the other family is in nobody's way."""
    for listen, stranger in (("[::1]:7411", "127.0.0.1"), ("127.0.0.1:7411", "::1")):
        with unit(machine, "contoso.socket", socket_text(listen),
                  (f"{UNITS}/contoso@.service", "[Service]\nExecStart=/bin/cat\n")), \
                squatter(machine, "listen", stranger, "7411"):
            rows = titled(Judgement(machine), "contoso.socket")
            check(f"{listen}, down, and a stranger on {stranger}: not blocked",
                  not [v for v in rows if v["state"] != "safe"], rows)
            check(f"it is true: {listen} starts",
                  machine.ask("systemctl", "start", "contoso.socket")[0] == 0)
            healthy.nothing_at_risk(machine, f"{listen} beside {stranger}")


def compose(machine):
    """A unit that starts containers with compose: Docker's records say their ports, and its file
    those of services without a container."""
    docker = ("/usr/local/bin/docker", "#!/bin/sh\nexit 0\n")
    text = ("[Service]\nType=oneshot\nRemainAfterExit=yes\nWorkingDirectory=/srv/web\n"
            "ExecStart=/usr/local/bin/docker compose up --detach\n"
            "[Install]\nWantedBy=multi-user.target\n")
    file = ("services:\n  nginx:\n    image: nginx\n    ports:\n      - \"${PORT}:80\"\n")
    more = file + "  api:\n    image: api\n    ports:\n      - \"40002:80\"\n"
    labels = ('{"Config":{"Labels":{"com.docker.compose.project":"web",'
              '"com.docker.compose.service":"nginx",'
              '"com.docker.compose.project.working_dir":"/srv/web"}},"Name":"/web-nginx-1"}')

    def ports(port):
        return ('{"PortBindings":{"80/tcp":[{"HostIp":"","HostPort":"' + port + '"}]},'
                '"RestartPolicy":{"Name":"no"}}')

    with unit(machine, "web.service", text, docker, ("/srv/web/compose.yaml", file)):
        machine.run("systemctl", "start", "web")
        code, told, _ = machine.ask("hm-agent", "check")
        check("compose without containers: nobody knows their ports",
              code == 1 and "Docker has no record" in told, (code, told[-800:]))
        machine.put("/srv/web/compose.yaml", more)
        rows = [v for v in Judgement(machine).verdicts if v["ports"] == "40002"]
        check("a port of compose's file in the dynamic range is at risk",
              [v["state"] for v in rows] in (["exposed"], ["unknown"]), rows)
        machine.put("/srv/web/compose.yaml", file)
        for port, healthy_host in (("8090", True), ("40001", False)):
            machine.run("mkdir", "-p", CONTAINER)
            machine.put(f"{CONTAINER}/config.v2.json", labels)
            machine.put(f"{CONTAINER}/hostconfig.json", ports(port))
            if healthy_host:
                healthy.nothing_at_risk(machine, "compose with containers that Docker has")
                continue
            rows = [v for v in Judgement(machine).verdicts if v["ports"] == port]
            check("a port of compose in the dynamic range is at risk",
                  [v["state"] for v in rows] in (["exposed"], ["unknown"]), rows)
    machine.run("rm", "-rf", "/var/lib/docker")


def sapinit(machine):
    """An instance that sapinit starts, and that is down: its numbered ports are in the range."""
    start = "/usr/sap/PRD/D00/exe/sapstartsrv pf=/usr/sap/PRD/SYS/profile/PRD_D00_testbed -D"
    with unit(machine, "sapinit.service",
              "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n"
              "[Install]\nWantedBy=multi-user.target\n", ("/usr/sap/sapservices", start + "\n")):
        machine.run("systemctl", "start", "sapinit")
        rows = [v for v in Judgement(machine).verdicts if v["ports"].startswith("50013")]
        check("the instance of sapinit is judged", rows and rows[0]["state"] in ("exposed", "unknown"),
              rows)
    machine.run("rm", "-rf", "/usr/sap")


def moved(machine):
    """Redis has another port in its file: while it is down, that one is judged."""
    file = "/etc/redis/redis.conf"
    with stopped(machine, "redis-server"):
        machine.run("sed", "-i", "s/^port 6379$/port 6400/", file)
        row = one(Judgement(machine), "redis")
        check("a moved server that is down is judged on the port of its file",
              row["state"] == "safe" and row["ports"] == "6400", row)
        with squatter(machine, "listen", "127.0.0.1", "6400"):
            found = Judgement(machine)
            row = one(found, "redis")
            check("who has that port blocks it", row["state"] == "blocked", row)
            check("and the exit status is 1", found.code == 1, found.code)
        machine.run("sed", "-i", "s/^port 6400$/port 6400 x\\nport y/", file)
        found = Judgement(machine)
        row = one(found, "redis")
        check("a port that is no number is unknown", row["state"] == "unknown", row)
        check("the sentence names the file", "redis.conf" in row["text"], row)
        machine.run("sed", "-i", "-e", "s/^port 6400 x$/port 6400/", "-e", "/^port y$/d", file)
    healthy.nothing_at_risk(machine, "redis runs on the port of its file")
    with stopped(machine, "redis-server"):
        machine.run("sed", "-i", "s/^port 6400$/port 6379/", file)


def paste(machine, commands):
    """As a person pastes them into a shell of root."""
    for command in commands:
        machine.run("sh", "-c", command)


def settings_files(machine):
    """A remedy keeps what is in its file; what it hides of others is found."""
    machine.put(RANGE_FILE, f"{RANGE} = 1024 65535\n")
    machine.run("sysctl", "-q", "-p", RANGE_FILE)
    machine.put(REMEDY, f"# of billing\n{LIST} = 7777\nnet.ipv4.tcp_fin_timeout = 60")
    try:
        found = Judgement(machine)
        remedy = [f["commands"] for f in found.findings
                  if f["kind"] == "required_in_dynamic" and "6379" in f["subject"]]
        check("redis has a remedy", len(remedy) == 1, found.kinds())
        paste(machine, remedy[0] if remedy else ())
        text = machine.read(REMEDY)
        check("other lines of the remedy's file stay",
              "# of billing\n" in text and "\nnet.ipv4.tcp_fin_timeout = 60\n" in text and
              text.count(LIST) == 1, text)
        found = Judgement(machine)
        check("the remedy cures redis", one(found, "redis")["state"] == "safe", one(found, "redis"))
        machine.put(MORE, f"{LIST} = 6666\n")
        machine.ask("sysctl", "--system")
        hidden = [f for f in Judgement(machine).findings if f["kind"] == "reserved_ports_ignored"]
        check("a list behind the remedy's is a finding, with its file",
              [f["subject"] for f in hidden] == [MORE], hidden)
        paste(machine, hidden[0]["commands"] if hidden else ())
        check("its remedy reserves the port",
              "6666" in machine.read("/proc/sys/net/ipv4/ip_local_reserved_ports").split(","))
        check("and then it is no finding any more",
              not [f for f in Judgement(machine).findings if f["kind"] == "reserved_ports_ignored"])
    finally:
        machine.run("rm", "-f", RANGE_FILE, REMEDY, MORE)
        machine.run("sysctl", "-q", "-w", f"{RANGE}=32768 60999", f"{LIST}={OTHERS}")


def run(machine):
    failed_socket(machine)
    socket_of_one_family(machine)
    compose(machine)
    sapinit(machine)
    moved(machine)
    settings_files(machine)
    healthy.nothing_at_risk(machine, "after the units of people")
