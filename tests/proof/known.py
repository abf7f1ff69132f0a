"""What the proofs expect: kinds of findings that no command can cure, and failures that are known.

SPDX-License-Identifier: Apache-2.0
"""

# Kinds whose remedy is carried out and must close, but for the rows of DECIDED.
CLOSES = (
    "dns_pool_overlap", "dynamic_range_moved", "exclusions_shifted", "family_gap", "lost_at_boot",
    "low_headroom", "max_user_port_set", "max_user_port_undocumented", "own_port_at_risk",
    "protocol_gap", "range_sources_differ", "required_in_dynamic", "required_in_runtime_exclusion",
    "required_port_held", "reserved_ports_ignored", "reserved_ports_neighbours",
    "reserver_excluded", "service_not_running",
)

# Kinds for which no command exists, and why.
ADVICE = {
    "exclusions_unsupported": "a hotfix has to be installed",
    "exhaustion_events": "a person finds the program that leaks ports",
    "few_free_blocks": "a person finds the program that scatters ports",
    "reservation_excluded": "a person says whether anything uses the reservation",
    "required_port_not_served": "a person reads in the log what had the port",
    "listing_refused": "the listing is repeated, and its bytes are sent to the authors",
    "range_contradicted": "a person finds out why, or the next boot tells",
    "value_type_wrong": "a person says what the value was meant to be",
    "unknown_listener_on_required_port": "a person says whether the program belongs to the product",
}

# Kinds that no host here can show, and why.
UNSEEN = {
    "range_sources_differ": "it takes what WMI says, and no recorded folder has that",
}

EXCHANGE = ("exchange-seoul-01", "i2-exchange-2013-cured", "i2-exchange-2013-exposed",
            "i2-exchange-2013-held", "i2-exchange-2013-stopped", "i2-exchange-2013-v4-only",
            "made-exchange-down-ipv6", "made-exchange-down-lsass", "made-exchange-down-transport",
            "made-holder-parent", "made-no-hotfix", "made-with-hotfix", "netstat-b",
            "made-worker-holds", "exchange-pop3-down", "exchange-pop3-down-no-services",
            "during-exchange-2008r2", "during-exchange-2008r2-no-hotfix", "during-exchange-2012",
            "during-exchange-2012r2")
SBS = ("i3-sbs-2003", "i3-sbs-2003-cured", "i3-sbs-2003-written", "during-sbs-2003")
TUNED = ("i1-payroll-2003", "i1-payroll-2003-cured", "i1-payroll-2003-written",
         "i4-mail-2003-cured")
RANGE = ("dynamic_range_moved", "dynamic range")
TWO = "two programs are set up for one port: a person gives one of them another"
UNKNOWN = "which port the service needs is not known: a person finds out"

# (host, kind, subject) of the other kinds that leave it to a person, and why.
DECIDED = {
    **{(host, *RANGE): "Exchange set-up sets this range" for host in EXCHANGE},
    **{(host, *RANGE): "it is the cure of a range that was used up" for host in TUNED},
    **{(host, *RANGE): "Small Business Server sets MaxUserPort to 60000" for host in SBS},
    ("i1-payroll-2003-isa", *RANGE): "the set-up of ISA Server writes this value",
    ("made-isa-2003", *RANGE): "the set-up of ISA Server writes this value",
    ("made-65535-2003", *RANGE): "the set-up of ISA Server writes this value",
    ("made-hotfix-session", *RANGE): "Exchange sets this range",
    ("made-hotfix-session", "required_in_dynamic", "tcp 47001"):
        "HTTP.sys must not be excluded, and Exchange sets the range: another port",
    ("made-hotfix-session", "required_in_dynamic", "tcp 5985"):
        "HTTP.sys must not be excluded, and Exchange sets the range: another port",
    ("oracle-listener-down", *RANGE): "the range is the one that Exchange sets",
    ("mysql-extra-port-held", "required_port_held", "tcp 33060"): TWO,
    ("sql-address-shared", "required_in_dynamic", "tcp 50433"):
        "a person stops the other program, which may have the port, while it is excluded",
    ("made-linux-held", "required_port_held", "tcp 27017"): TWO,
    ("unknown-service-down", "service_not_running", "service ContosoLicensing"): UNKNOWN,
    ("unknown-service-down", "service_not_running", "service ContosoSync"): UNKNOWN,
    ("log-contradicts-state", "service_not_running", "service ContosoGw"): UNKNOWN,
    ("made-two-want-one", "required_port_held", "tcp 8081"): TWO,
    ("port-book-services", "required_port_held", "tcp 8445"): TWO,
    ("port-book-services", "service_not_running", "service ContosoLicensing"): TWO,
    ("iis-ftp-down", "required_port_held", "tcp 21"): TWO,
    ("http-sys-refused", "required_port_held", "tcp 9999"): TWO,
    ("published-taken", "required_in_runtime_exclusion", "tcp 1433"): TWO,
    ("published-taken", "required_in_runtime_exclusion", "udp 1812"): TWO,
    ("published-taken", "service_not_running", "service IAS"): TWO,
    ("published-taken", "service_not_running", "service MSSQLSERVER"): TWO,
    ("iis-ftp-down", "required_port_held", "tcp 808"): TWO,
    ("iis-ftp-down", "service_not_running", "service NetTcpPortSharing"): TWO,
    ("iis-ftp-down", "service_not_running", "service ftpsvc"): TWO,
    ("http-taken", "required_port_held", "tcp 5985"): TWO,
    ("http-taken", "required_port_held", "tcp 8530"): TWO,
    ("url-reservation-held", "required_port_held", "tcp 8099"): TWO,
    ("url-reservation-held", "service_not_running", "service OrderGateway"): TWO,
    ("made-linux-held", "service_not_running", "service mongod"): TWO,
    ("made-two-want-one", "service_not_running", "service macmnsvc"): TWO,
    ("made-lost-rows", "exclusions_shifted", "tcp runtime exclusions"):
        "blocks land elsewhere at each boot; required ports have findings of their own",
    **{(host, "required_in_dynamic", "tcp 47001"):
        "HTTP.sys must not be excluded, and Exchange sets the range again: another port"
       for host in ("made-no-hotfix", "during-exchange-2008r2-no-hotfix")},
}

# (host, kind, subject): reason. A row whose remedy passes is a failure of the test, too.
FAILURES = {
}

# The same for plans: (host, "plan", policies).
PLAN_FAILURES = {
}
