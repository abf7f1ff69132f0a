"""What the proofs expect: kinds of findings that no command can cure, and failures that are known.

SPDX-License-Identifier: Apache-2.0
"""

# Every kind of finding. "" = its remedy closes; otherwise why there may be no command that does.
KINDS = {
    "dns_pool_overlap": "",
    "dynamic_range_moved": "",
    "exclusions_shifted": "blocks of WinNAT and HNS land elsewhere at each boot; required ports "
                          "have findings of their own",
    "exclusions_unsupported": "a hotfix has to be installed",
    "exhaustion_events": "a person finds the program that leaks ports",
    "family_gap": "",
    "few_free_blocks": "a person finds the program that scatters ports",
    "listing_refused": "the listing is repeated and sent to the authors",
    "low_headroom": "a person finds the program that holds the ports; 2000 to 2003 have values",
    "max_user_port_set": "",
    "own_port_at_risk": "",
    "protocol_gap": "",
    "range_sources_differ": "",
    "required_in_dynamic": "",
    "required_in_runtime_exclusion": "a registration of HTTP.sys belongs to a person",
    "required_port_held": "two programs that want one port: a person gives one of them another",
    "reserved_ports_ignored": "",
    "reserved_ports_neighbours": "",
    "reserver_excluded": "",
}

# (host, kind, subject): reason. A row whose remedy passes is a failure of the test, too.
FAILURES = {
}

# The same for plans: (host, "plan", policies).
PLAN_FAILURES = {
}
