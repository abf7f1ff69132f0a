"""What the packages' own defaults need so that all services run beside each other.

SPDX-License-Identifier: Apache-2.0
"""

# Two of one port: the second moves, as an administrator would do it. DNS servers share port 53, each
# on addresses of its own.
REPLACED = (
    ("/etc/apache2/ports.conf", "Listen 80\n", "Listen 8000\n"),
    ("/etc/ejabberd/ejabberd.yml", "port: 1883", "port: 1884"),
    ("/etc/default/chrony", 'DAEMON_OPTS="-F 1"', 'DAEMON_OPTS="-F 1 -x"'),
    ("/etc/bind/named.conf.options", "listen-on-v6 { any; };",
     "listen-on { 127.0.0.1; };\n\tlisten-on-v6 { ::1; };"),
)

WRITTEN = {
    "/etc/hostname": "testbed\n",
    "/etc/hosts": "127.0.0.1 localhost\n::1 localhost\n10.20.30.1 testbed\n",
    "/etc/resolv.conf": "nameserver 127.0.0.53\n",
    "/etc/unbound/unbound.conf.d/testbed.conf": "server:\n  interface: 127.0.0.2\n",
    "/etc/dnsmasq.d/testbed.conf": "listen-address=127.0.0.3\nbind-interfaces\n"
                                   "no-resolv\nserver=10.20.30.99\n",  # which never answers
    "/etc/rsyncd.conf": "[all]\npath = /srv\n",
    "/etc/krb5.conf": "[libdefaults]\n default_realm = TESTBED\n"
                      "[realms]\n TESTBED = {\n  kdc = testbed\n }\n",
    "/etc/chrony/conf.d/testbed.conf": "allow 10.20.30.0/24\n",
    "/etc/openvpn/server/testbed.conf": "dev tun\nproto udp\nport 1194\n"
                                        "ifconfig 10.99.0.1 10.99.0.2\n"
                                        "secret testbed.key\ncipher AES-256-CBC\n",
    "/etc/collectd/collectd.conf":
        'LoadPlugin network\n<Plugin network>\n  Listen "0.0.0.0" "25826"\n</Plugin>\n',
    "/etc/default/graphite-carbon": "CARBON_CACHE_ENABLED=true\n",
    # The clock belongs to this machine: nobody may set it.
    "/etc/systemd/system/chrony.service.d/testbed.conf": "[Unit]\nConditionCapability=\n",
    "/etc/systemd/system/cockpit.socket.d/testbed.conf":
        "[Socket]\nListenStream=\nListenStream=9091\n",
    # A second after the settings and before every ordinary service: what is reserved then.
    "/etc/systemd/system/reserved-early.service":
        "[Unit]\nDescription=Records the reserved ports before ordinary services start\n"
        "DefaultDependencies=no\nAfter=sysinit.target\nBefore=basic.target sockets.target\n"
        "[Service]\nType=oneshot\nRemainAfterExit=yes\n"
        "ExecStart=/bin/cp /proc/sys/net/ipv4/ip_local_reserved_ports /run/reserved-early\n"
        "[Install]\nWantedBy=basic.target\n",
}

APPENDED = {
    "/etc/haproxy/haproxy.cfg": "\nfrontend status\n\tbind 127.0.0.1:8404\n\tmode http\n"
                                "\tstats enable\n",
}

# What another package reserves.
OTHERS = "8080,9000-9010"
WRITTEN["/etc/sysctl.d/50-other.conf"] = f"net.ipv4.ip_local_reserved_ports = {OTHERS}\n"

# Units that a package leaves off, or that something else would start.
ENABLED = ("glusterd", "openvpn-server@testbed", "syncthing@root", "carbon-cache",
           "reserved-early", "rsync", "etcd", "nats-server", "mosquitto", "systemd-resolved")
MASKED = ("samba-ad-dc", "winbind", "nfs-server", "nfs-mountd", "nfs-blkmap", "rpc-gssd",
          "rpc-svcgssd", "strongswan-starter", "icinga2", "apt-daily.timer",
          "apt-daily-upgrade.timer", "console-getty", "systemd-udevd", "keyboard-setup",
          "console-setup", "e2scrub_reap", "proc-fs-nfsd.mount", "unbound-resolvconf")

# Once, inside, before the first boot: files with keys, and switches.
PREPARE = """
openvpn --genkey secret /etc/openvpn/server/testbed.key
[ -e /var/lib/krb5kdc/principal ] || kdb5_util create -s -r TESTBED -P secret
mkdir -p /etc/activemq/instances-enabled
ln -sfn ../instances-available/main /etc/activemq/instances-enabled/main
[ -e /etc/postfix/main.cf ] || cp /usr/share/postfix/main.cf.debian /etc/postfix/main.cf
ln -s /lib/systemd/system/rpc-statd.service /etc/systemd/system/multi-user.target.wants/
a2enmod -q ssl
a2ensite -q default-ssl
systemd-sysusers
"""


def set_up(machine):
    """Everything that the first boot needs."""
    for path, old, new in REPLACED:
        text = machine.original(path)
        if old not in text:
            raise ValueError(f"{path} has no {old!r}")
        machine.write(path, text.replace(old, new))
    for path, text in WRITTEN.items():
        machine.write(path, text)
    for path, text in APPENDED.items():
        machine.write(path, machine.original(path) + text)
    machine.chroot(PREPARE)
    machine.chroot("systemctl enable " + " ".join(ENABLED))
    machine.chroot("systemctl mask " + " ".join(MASKED))
