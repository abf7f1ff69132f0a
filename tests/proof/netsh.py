"""netsh interface ipv4|ipv6: ranges and exclusions (windows-ports 1.2, 2.1 to 2.3, 2.6).

SPDX-License-Identifier: Apache-2.0
"""
from model import Refused

UNKNOWN = "the following command was not found"
OBJECTS = ("excludedportrange", "dynamicportrange")
VERBS = ("add", "delete", "set", "show")
TAGS = ("protocol", "startport", "numberofports", "store")


def pick(word, known, at_least=1):
    """netsh takes any prefix that is unique."""
    found = [name for name in known if name.startswith(word.lower())]
    if len(found) != 1 or len(word) < at_least:
        raise Refused(1, f"{UNKNOWN}: {word}")
    return found[0]


def run(paste, args):
    if args and "http".startswith(args[0].lower()) and len(args[0]) >= 3:
        return run_http(paste, args[1:])
    host = paste.host
    if len(args) < 4 or not "interface".startswith(args[0].lower()) or len(args[0]) < 3:
        raise Refused(1, UNKNOWN)
    family = args[1].lower()
    if family not in ("ipv4", "ipv6") or host.version < (6, 0):
        raise Refused(1, f"{UNKNOWN}: {args[1]}")
    verb = pick(args[2], VERBS, 2)
    what = pick(args[3], OBJECTS, 3)
    values = read_tags(args[4:])
    protocol = values.get("protocol", "").lower()
    if protocol not in ("tcp", "udp"):
        raise Refused(1, "the syntax supplied for this command is not valid: protocol")
    if (protocol, family) not in host.stacks:
        raise Refused(1, f"{family} is not installed")
    if what == "excludedportrange" and not host.excludes(host.stacks[(protocol, family)]):
        raise Refused(1, f"{UNKNOWN}: {what} (KB2665809 is not there)")
    if verb == "show":
        return ""
    paste.reads_only = False
    persistent = values.get("store", "persistent").lower() != "active"
    first, count = number(values, "startport"), number(values, "numberofports")
    act(host, verb, what, protocol, family, first, count, persistent)
    paste.changes("netsh " + verb, what, protocol, family, first, count)
    return ""


def act(host, verb, what, protocol, family, first, count, persistent):
    if what == "dynamicportrange":
        if verb != "set":
            raise Refused(1, f"{UNKNOWN}: {verb} {what}")
        host.set_dynamic(protocol, family, first, count, persistent)
        return
    if verb == "set":
        raise Refused(1, f"{UNKNOWN}: {verb} {what}")
    if first < 1 or count < 1 or first + count - 1 > 65535:
        raise Refused(87, "the parameter is incorrect")
    if verb == "add":
        host.add_row(protocol, family, first, first + count - 1, persistent)
    else:
        host.delete_row(protocol, family, first, first + count - 1)


def read_tags(words):
    values = {}
    free = [tag for tag in TAGS]
    for word in words:
        name, equals, value = word.partition("=")
        if equals:
            tag = pick(name, TAGS)
        else:
            if not free:
                raise Refused(1, f"{word} is not a valid argument")
            tag, value = free[0], word
        if tag in values or tag not in free:
            raise Refused(1, f"{tag} is given twice")
        free.remove(tag)
        values[tag] = value
    if values.get("store", "persistent").lower() not in ("active", "persistent"):
        raise Refused(1, "store is active or persistent")
    return values


def number(values, tag):
    text = values.get(tag, "")
    if not text.isdigit():
        raise Refused(1, f"the syntax supplied for this command is not valid: {tag}")
    return int(text)


def run_http(paste, args):
    """netsh http came with Vista; listings only."""
    if paste.host.version < (6, 0) or not args or args[0].lower() != "show":
        raise Refused(1, UNKNOWN)
    return ""
