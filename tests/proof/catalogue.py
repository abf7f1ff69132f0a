"""The product catalogue: which service binds which ports when it starts.

SPDX-License-Identifier: Apache-2.0
"""
import fnmatch
import json
import os
import re

import ports
import set_up
import truth

MOST_PORTS = 64  # a larger requirement is a pool, of which a service takes some


def matches(pattern, name):
    return fnmatch.fnmatchcase(name.lower(), pattern.lower())


def is_of_version(host, row):
    """Has the host's version of Windows the requirement?"""
    def numbers(text):
        return [int(one) for one in text.split(".")]

    version = numbers(re.match(r"[0-9.]*", host.os.get("version", "")).group().strip(".") or "0")
    low, high = numbers(row.get("version_min") or "0"), numbers(row.get("version_max") or "99")
    return version == [0] or low[:len(version)] <= version[:len(low)] and \
        version[:len(high)] <= high


class Catalogue:
    def __init__(self, folder):
        self.products = []
        self.by_family = {}
        self.by_port = {}
        for name in sorted(os.listdir(folder)):
            if name.endswith(".json"):
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    self.products.append(json.load(file))

    def rows(self, host):
        """Requirements that this host can have: (product, requirement, services, programs)."""
        family = "linux" if host.linux else "windows"
        self.load(family)
        return [row for row in self.by_family[family] if is_of_version(host, row[1])] + \
            self.numbered(host) + self.chosen(host)

    def load(self, family):
        if family not in self.by_family:
            self.by_family[family] = list(self.list_rows(family))

    def numbered(self, host):
        """Those of instances: the number at the end of a service's name makes their ports."""
        family = "linux" if host.linux else "windows"
        made = []
        for product, row, _, programs in self.by_family[family]:
            rule = row.get("numbered")
            for service in host.services.values() if rule else ():
                if matches(rule["service"][:-2] + "[0-9][0-9]", service.name):
                    made.append((product, {**row, "ports": rule["ports"].replace(
                        "##", service.name[-2:])}, [service.name], programs))
        return made

    def list_rows(self, family):
        for product in self.products:
            if family not in (product.get("os") or [family]):
                continue
            for row in product["requirements"]:
                own = row.get("detect", {})
                all_of = product.get("detect", {})
                programs = own.get("programs", []) + all_of.get("programs", [])
                for one in (row.get("companions", {}), product.get("companions", {})):
                    programs = programs + one.get("programs", []) + one.get("shared_programs", [])
                yield (product, row, own.get("services") or all_of.get("services", []), programs)

    def chosen(self, host):
        """Those whose ports the registry of the host says (port-values.txt)."""
        family = "linux" if host.linux else "windows"
        made = []
        for by, service, port in set_up.read(host):
            for product, row, services, programs in self.by_family[family]:
                if row.get("port_from") == by and not row["ports"] and (
                        not service or any(matches(one, service) for one in services)):
                    made.append((product, {**row, "ports": str(port)},
                                 [service] if service else services, programs))
        return made

    def at(self, host, protocol, port):
        """Rows of one port."""
        family = "linux" if host.linux else "windows"
        if family not in self.by_port:
            index = self.by_port[family] = {}
            self.load(family)
            for row in self.by_family[family]:
                if "numbered" in row[1] or row[1].get("reserve_only"):  # nobody binds all of them
                    continue
                for number in ports.numbers(row[1]["ports"]):
                    index.setdefault((row[1]["protocol"], number), []).append(row)
        return [row for row in self.by_port[family].get((protocol, port), [])
                if is_of_version(host, row[1])] + [
            row for row in self.numbered(host) + self.chosen(host)
            if row[1]["protocol"] == protocol and port in ports.numbers(row[1]["ports"])]

    def binds(self, host, service):
        """(protocol, family, port, kind) that the service requires, by the catalogue, or by its
        own settings files."""
        said = set_up.files(host).get(service.name)
        found = [("tcp", family, port, "socket") for port in said or () for family in host.families()]
        for product, row, services, _ in self.rows(host):
            if said is not None and row.get("port_from") == "settings_port":
                continue
            first = next((one for pattern in services for one in host.services.values()
                          if matches(pattern, one.name)), None)
            if row.get("optional") or row.get("reserve_only") or first is not service or \
                    product.get("in_every_windows"):
                continue
            numbers = ports.numbers(row["ports"])
            for family in host.families() if len(numbers) <= MOST_PORTS else ():
                if row.get("families", "both") in ("both", family):
                    found += [(row["protocol"], family, port, row["kind"]) for port in numbers]
        return found

    def is_chosen(self, host, protocol, service):
        """Does an administrator choose the ports of this service? Then its listener has one. A row
        that only reserves names a service beside which it counts, not the one that binds."""
        return any("port_from" in row and not row.get("reserve_only") and
                   row["protocol"] == protocol and
                   any(matches(pattern, service) for pattern in services)
                   for _, row, services, _ in self.rows(host))

    def service_of(self, host, protocol, port, program):
        """The service of this host whose listener this is, None when nobody knows."""
        for _, _, services, programs in self.at(host, protocol, port):
            for pattern in services:
                for one in host.services.values():
                    if one.runs and matches(pattern, one.name) and (
                            program in ("", "System", one.program) or
                            program.lower() == one.program.lower() or
                            any(matches(p, program) for p in programs) or
                            one.name in truth.WORKERS.get(program.lower(), [])):
                        return one
        return None

    def is_required(self, host, protocol, port, program):
        """Is this a port that the program needs, rather than one that it was given?"""
        return self.service_of(host, protocol, port, program) is not None or any(
            matches(pattern, program) for _, _, _, programs in self.at(host, protocol, port)
            for pattern in programs)

    def kind_of(self, host, protocol, port):
        """How products hold this port."""
        return {row["kind"] for _, row, _, _ in self.at(host, protocol, port)}
