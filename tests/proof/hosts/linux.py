"""Linux hosts: one list of reserved ports, one range, settings files that the next boot reads.

SPDX-License-Identifier: Apache-2.0
"""
import model
from hosts.build import Build


def unit(b, name, program, tcp=(), udp=(), runs=True, needs=()):
    b.service(name, program, tcp=tcp, udp=udp, runs=runs, needs=needs)


def moved(name, catalogue):
    """Range 1024 to 65535, set by a file that is read at each boot."""
    b = Build(name, "linux", catalogue)
    b.host.sysctl[model.RANGE_NAME] = "1024\t65535"
    unit(b, "ssh", "sshd", tcp=[22])
    unit(b, "postgresql@15-main", "postgres", tcp=[5432])
    unit(b, "redis-server", "redis-server", tcp=[6379])
    return b.done()


def moved_and_reserved(name, catalogue):
    """The same, with reserved ports of others."""
    b = Build(name, "linux", catalogue)
    b.host.sysctl[model.RANGE_NAME] = "1024\t65535"
    b.host.sysctl[model.RESERVED_NAME] = "8080,9000-9010"
    unit(b, "ssh", "sshd", tcp=[22])
    unit(b, "prometheus", "prometheus", tcp=[9090])
    return b.done()


def reserved_until_the_boot(name, catalogue):
    """MySQL's X protocol is reserved by hand, and no settings file has it."""
    b = Build(name, "linux", catalogue)
    b.host.sysctl[model.RESERVED_NAME] = "33060"
    b.host.files["/etc/sysctl.d/99-sysctl.conf"] = "kernel.panic = 10\n"
    b.host.facts["settings"] = True
    unit(b, "ssh", "sshd", tcp=[22])
    unit(b, "mysql", "mysqld", tcp=[3306, 33060])
    return b.done()


def reserved_for_the_boot(name, catalogue):
    """The other way round: a file has it, and nobody has loaded the file."""
    b = Build(name, "linux", catalogue)
    b.host.files["/etc/sysctl.d/99-sysctl.conf"] = f"{model.RESERVED_NAME} = 33060\n"
    b.host.facts["settings"] = True
    unit(b, "ssh", "sshd", tcp=[22])
    unit(b, "mysql", "mysqld", tcp=[3306, 33060])
    return b.done()


def exposed(name, catalogue):
    """MySQL's X protocol in the usual range."""
    b = Build(name, "linux", catalogue)
    unit(b, "ssh", "sshd", tcp=[22])
    unit(b, "mysql", "mysqld", tcp=[3306, 33060])
    return b.done()


def held(name, catalogue):
    """A service has the port of another that is down; a third depends on the holder."""
    b = Build(name, "linux", catalogue)
    b.host.sysctl[model.RANGE_NAME] = "1024\t65535"
    unit(b, "ssh", "sshd", tcp=[22])
    unit(b, "mongod", "mongod", runs=False)
    unit(b, "collector", "telegraf", tcp=[27017])
    unit(b, "relay", "relay", needs=["collector"])
    return b.done()


def held_by_connection(name, catalogue):
    """An outgoing connection of a service has PostgreSQL's port."""
    b = Build(name, "linux", catalogue)
    b.host.sysctl[model.RANGE_NAME] = "1024\t65535"
    unit(b, "ssh", "sshd", tcp=[22])
    unit(b, "postgresql@15-main", "postgres", runs=False)
    unit(b, "telegraf", "telegraf")
    b.held("telegraf", "tcp", 5432)
    b.host.facts["linux_sockets"] = True
    return b.done()


def collector(name, catalogue):
    """Havenmaster's own port in a moved range."""
    b = Build(name, "linux", catalogue)
    b.host.sysctl[model.RANGE_NAME] = "1024\t65535"
    unit(b, "ssh", "sshd", tcp=[22])
    unit(b, "hm-collector", "hm-collector", tcp=[5830])
    return b.done()


def odd_file(name, catalogue):
    """The file that moves the range sorts after every usual name."""
    b = Build(name, "linux", catalogue)
    b.host.sysctl[model.RANGE_NAME] = "2000\t65000"
    b.host.files["/etc/sysctl.d/tuned.conf"] = f"{model.RANGE_NAME} = 2000 65000\n"
    b.host.files["/etc/sysctl.d/99-sysctl.conf"] = "# nothing here\n"
    unit(b, "ssh", "sshd", tcp=[22])
    unit(b, "memcached", "memcached", tcp=[11211])
    return b.done()


def held_with_requirer(name, catalogue):
    """The same where another unit requires the holder."""
    b = Build(name, "linux", catalogue)
    b.host.sysctl[model.RANGE_NAME] = "1024\t65535"
    unit(b, "ssh", "sshd", tcp=[22])
    unit(b, "mongod", "mongod", runs=False)
    unit(b, "telegraf", "telegraf")
    unit(b, "relay", "relay", needs=["telegraf"])
    b.held("telegraf", "tcp", 27017)
    b.host.facts["linux_sockets"] = True
    return b.done()


def kubernetes(name, catalogue):
    """A node with the range of 1024 to 65535; the kubelet is down."""
    b = Build(name, "linux", catalogue)
    b.host.sysctl[model.RANGE_NAME] = "1024\t65535"
    unit(b, "ssh", "sshd", tcp=[22])
    unit(b, "containerd", "containerd")
    unit(b, "etcd", "etcd", tcp=[2379, 2380])
    unit(b, "kubelet", "kubelet", runs=False)
    return b.done()


MADE = {
    "made-linux-held-requirer": held_with_requirer, "made-linux-kubernetes": kubernetes,
    "made-linux-moved": moved, "made-linux-moved-reserved": moved_and_reserved,
    "made-linux-exposed": exposed, "made-linux-held": held,
    "made-linux-held-connection": held_by_connection, "made-linux-collector": collector,
    "made-linux-odd-file": odd_file, "made-linux-for-the-boot": reserved_for_the_boot,
    "made-linux-until-the-boot": reserved_until_the_boot,
}
