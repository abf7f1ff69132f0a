"""What a remedy must say, where carrying it out cannot tell: texts and commands in their order.

SPDX-License-Identifier: Apache-2.0
"""

# host: rows of (kind of finding, texts in the order of its steps, texts that none of them has)
SAYS = {
    "made-odd-dependent": [
        ("required_in_dynamic", ['net stop "ERP Batch & Print: test (2)"', "net stop MSSQLSERVER",
                                 "net start MSSQLSERVER",
                                 'net start "ERP Batch & Print: test (2)"'], [])],
    "made-resolver-2003": [
        ("required_port_held", ["net stop Dnscache", "net start PolicyAgent",
                                "net start Dnscache"], [])],
    "made-hotfix-pool": [
        ("required_port_held", ["protocol=udp startport=52312", "net stop DNS",
                                "net start BESClient", "net start DNS"],
         ["add excludedportrange", "Restart"]),
        ("exclusions_unsupported", ["KB2665809", "move the dynamic range"], [])],
    "made-hotfix-range": [
        ("required_in_dynamic", ["Move the dynamic range of udp to 52312-65535",
                                 "netsh int ipv4 set dynamicportrange",
                                 "netsh int ipv6 set dynamicportrange"], ["net stop", "Restart"])],
    "made-no-hotfix": [("exclusions_unsupported", ["KB2665809"], ["move the dynamic range"])],
    "made-worker-holds": [
        ("required_port_held", ["End w3wp.exe (pid", "recycle the application pool", "Restart",
                                "Somebody has the port all the same."], [])],
    "made-exchange-down-lsass": [("required_port_held", ["no command may stop lsass.exe"],
                                  ["End lsass"])],
    "made-isa-2003": [("dynamic_range_moved", ["leave it"], ["reg delete"])],
    "made-clustered": [
        ("required_in_dynamic", ["MySQL80 offline", "Stop-ClusterResource"],
         ["net stop MySQL80"])],
    "made-cluster-node": [
        ("required_in_dynamic", ["In the next maintenance stop ClusSvc", "drain the node first"],
         ["net stop ClusSvc"])],
    "made-rdp-alone": [("required_in_dynamic", ["net stop TermService"], ["The steps above"])],
    "made-exhausted": [("low_headroom", ["Set the dynamic range back to the system's 49152-65535"], [])],
    "made-closed": [("low_headroom", ["Set the dynamic range back to the system's 49152-65535"], [])],
}


def parts_of(finding):
    for step in finding.get("steps") or []:
        yield from (step["text"], *step.get("commands", []), step.get("precondition", ""),
                    step.get("warning", ""))


def fits(finding, texts, absent):
    lines = "\n".join(parts_of(finding))
    at = 0
    for text in texts:
        at = lines.find(text, at)
        if at < 0:
            return False
        at += len(text)
    return not any(text in lines for text in absent)


def check(name, findings):
    """Rows of the host that no finding of their kind fits."""
    return [f"no finding {kind} says {texts} without {absent}"
            for kind, texts, absent in SAYS.get(name, ())
            if not any(fits(one, texts, absent) for one in findings if one["kind"] == kind)]
