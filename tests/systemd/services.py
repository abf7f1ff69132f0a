"""The services of the machine: what runs, which product it is, where it listens.

SPDX-License-Identifier: Apache-2.0
"""
from typing import NamedTuple


class Service(NamedTuple):
    """product: the id in the catalogue, "" for one that needs no port. ports: what it listens on."""

    unit: str
    package: str
    product: str
    ports: str


SERVICES = (
    Service("epmd", "erlang-base", "rabbitmq", "tcp/4369"),
    Service("rabbitmq-server", "rabbitmq-server", "rabbitmq", "tcp/5672 tcp/25672"),
    Service("ejabberd", "ejabberd", "ejabberd", "tcp/5222 tcp/5269 tcp/5280"),
    Service("postgresql@15-main", "postgresql", "postgresql", "tcp/5432"),
    Service("mariadb", "mariadb-server", "mysql", "tcp/3306"),
    Service("redis-server", "redis-server", "redis", "tcp/6379"),
    Service("memcached", "memcached", "memcached", "tcp/11211"),
    Service("etcd", "etcd-server", "etcd", "tcp/2379 tcp/2380"),
    Service("mosquitto", "mosquitto", "mosquitto", "tcp/1883"),
    Service("nats-server", "nats-server", "nats", "tcp/4222"),
    Service("pgbouncer", "pgbouncer", "pgbouncer", "tcp/6432"),
    Service("influxdb", "influxdb", "influxdb", "tcp/8086 tcp/8088"),
    Service("zookeeper", "zookeeperd", "zookeeper", "tcp/2181"),
    Service("activemq", "activemq", "activemq", "tcp/61616"),
    Service("named", "bind9", "bind", "tcp/53 udp/53 tcp/953"),
    Service("unbound", "unbound", "unbound", "tcp/53 udp/53"),
    Service("dnsmasq", "dnsmasq", "dnsmasq", "tcp/53 udp/53"),
    Service("systemd-resolved", "systemd-resolved", "systemd-resolved", "udp/53 tcp/53"),
    Service("freeradius", "freeradius", "freeradius", "udp/1812 udp/1813 udp/18120"),
    Service("slapd", "slapd", "openldap", "tcp/389"),
    Service("krb5-kdc", "krb5-kdc", "kerberos-kdc", "tcp/88 udp/88"),
    Service("smbd", "samba", "samba", "tcp/139 tcp/445"),
    Service("nmbd", "samba", "samba", "udp/137 udp/138"),
    Service("rpcbind", "rpcbind", "rpcbind", "tcp/111 udp/111"),
    Service("rpc-statd", "nfs-common", "", ""),
    Service("rsync", "rsync", "", "tcp/873"),
    Service("avahi-daemon", "avahi-daemon", "avahi", "udp/5353"),
    Service("cups", "cups-daemon", "cups", "tcp/631"),
    Service("glusterd", "glusterfs-server", "glusterfs", "tcp/24007"),
    Service("tgt", "tgt", "", "tcp/3260"),
    Service("tftpd-hpa", "tftpd-hpa", "", "udp/69"),
    Service("vsftpd", "vsftpd", "", "tcp/21"),
    Service("nginx", "nginx-light", "nginx", "tcp/80"),
    Service("apache2", "apache2", "apache", "tcp/8000 tcp/443"),
    Service("haproxy", "haproxy", "haproxy", "tcp/8404"),
    Service("varnish", "varnish", "varnish", "tcp/6081"),
    Service("squid", "squid", "squid", "tcp/3128"),
    Service("tomcat10", "tomcat10", "tomcat", "tcp/8080"),
    Service("postfix@-", "postfix", "postfix", "tcp/25"),
    Service("dovecot", "dovecot-imapd", "dovecot", "tcp/110 tcp/143 tcp/993 tcp/995"),
    Service("openvpn-server@testbed", "openvpn", "openvpn", "udp/1194"),
    Service("ssh", "openssh-server", "", "tcp/22"),
    Service("cockpit.socket", "cockpit-ws", "", "tcp/9091"),
    Service("xrdp", "xrdp", "", "tcp/3389"),
    Service("prometheus", "prometheus", "prometheus", "tcp/9090"),
    Service("prometheus-node-exporter", "prometheus-node-exporter", "prometheus-node-exporter",
            "tcp/9100"),
    Service("zabbix-agent", "zabbix-agent", "zabbix-agent", "tcp/10050"),
    Service("snmpd", "snmpd", "net-snmp", "udp/161"),
    Service("nagios-nrpe-server", "nagios-nrpe-server", "", "tcp/5666"),
    Service("munin-node", "munin-node", "munin-node", "tcp/4949"),
    Service("collectd", "collectd-core", "collectd", "udp/25826"),
    Service("chrony", "chrony", "chrony", "udp/123 udp/323"),
    Service("containerd", "containerd", "", ""),
    Service("docker-registry", "docker-registry", "", "tcp/5000"),
    Service("bacula-fd", "bacula-fd", "bacula", "tcp/9102"),
    Service("carbon-cache", "graphite-carbon", "graphite-carbon", "tcp/2003 tcp/2004"),
    Service("syncthing@root", "syncthing", "syncthing", "tcp/22000 udp/22000 udp/21027"),
)

# Set up, and not asked for: unit -> why.
NOT_RUN = {
    "nfs-server": "the NFS server is in the kernel, and a name space cannot load its module",
    "strongswan-starter": "IPsec is in the kernel, and a name space cannot load its modules",
    "icinga2": "it has no listener before its API is set up with a certificate authority",
}
