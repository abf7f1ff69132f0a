#!/usr/bin/python3
"""hmctl as people and scripts start it: login, exit statuses, pages put together, tokens.

SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import stat
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness as h  # noqa: E402

EVENTS = 520  # more than one page of hmctl


def check_login(collector, hmctl, home):
    """A wrong fingerprint, no token, a wrong token: nothing is remembered. Then the right ones."""
    digest = collector.facts["ca_sha256"]
    kept = os.path.join(home, "havenmaster", "hmctl.json")
    cases = [
        (2, ["login"], "", "which collector"),
        (2, ["login", "http://localhost:1"], "x\n", "which collector"),
        (2, ["login", collector.url, "--ca", collector.ca, "--ca-sha256", digest], "", "not both"),
        (2, ["login", collector.url, "--ca", collector.ca], "", "no token"),
        (1, ["login", collector.url, "--ca", "/nonexistent"], "x\n", "/nonexistent"),
        (3, ["login", collector.url, "--ca-sha256", "0" * 64], "x\n", ""),
        (3, ["login", collector.url, "--ca", collector.ca], "hmo_wrong\n", "hmctl login"),
        (3, ["hosts"], "", "not logged in"),
    ]
    for status, words, stdin, says in cases:
        code, out, err = hmctl(*words, stdin=stdin)
        h.check(f"{words[:2]}: exit {status}", code == status and says in err, f"{code} {out}{err}")
        h.check(f"{words[:2]}: nothing is kept", not os.path.exists(kept))
    code, out, err = hmctl("login", collector.url, "--ca-sha256", digest,
                           stdin=collector.admin + "\n")
    h.check("login", code == 0 and "role admin" in out, f"{code} {out}{err}")
    h.check("the token is not shown", collector.admin not in out + err)
    h.check("only the owner may read it", stat.S_IMODE(os.stat(kept).st_mode) == 0o600)


def check_usage(hmctl):
    for status, words in [(2, []), (2, ["nosuch"]), (2, ["hosts", "--nosuch"]), (2, ["host"]),
                          (2, ["hosts", "--limit", "0"]), (2, ["hosts", "--filter", "a=b"]),
                          (2, ["hosts", "--at", "noon"]), (1, ["host", "nobody"]),
                          (1, ["host", "../../v1/tokens"]), (1, ["catalogue", "nothing"]),
                          (2, ["token", "new"]), (2, ["token", "new", "x", "--ttl", "1y"]),
                          (2, ["token", "new", "x", "--role", "king"]),
                          (2, ["token", "new", "x", "--label", "site"]),
                          (1, ["token", "revoke", "01zz"]), (0, ["hosts"]), (0, ["version"]),
                          (0, ["--help"]), (0, ["token", "new", "--help"])]:
        code, out, err = hmctl(*words)
        h.check(f"hmctl {' '.join(words)}: exit {status}", code == status, f"{code} {err}")
        h.check(f"hmctl {' '.join(words)}: says why", status == 0 or err.strip() != "")
    code, out, err = hmctl("token")
    h.check("hmctl token: says what may follow", code == 2 and '"token revoke"' in err, err)


def check_tokens(hmctl):
    code, secret, _ = hmctl("token", "new", "anna", "--role", "viewer", "--ttl", "90d")
    secret = secret.strip()
    h.check("an operator token", code == 0 and secret.startswith("hmo_"))
    viewer = {"HMCTL_TOKEN": secret}
    h.check("a viewer reads", hmctl("hosts", env=viewer)[0] == 0)
    h.check("a viewer makes no tokens", hmctl("token", "new", "x", env=viewer)[0] == 3)
    code, out, _ = hmctl("token", "list", "--json", "--filter", "name=anna")
    token = json.loads(out)["items"][0]
    h.check("it ends", "expires" in token and secret not in out, token)
    h.check("revoke", hmctl("token", "revoke", token["id"], "--why", "left")[0] == 0)
    h.check("a revoked token is worth nothing", hmctl("hosts", env=viewer)[0] == 3)
    code, out, _ = hmctl("events", "--json", "--filter", "kind=token_revoked")
    h.check("who and why is told", json.loads(out)["items"][0]["why"] == "left", out)


def check_pages(collector, hmctl):
    """Several pages are one JSON document and one table."""
    for at in range(EVENTS):
        collector.api("/v1/tokens", "POST", {"kind": "join", "name": f"t{at}"})
    code, out, err = hmctl("events", "--json")
    items = json.loads(out)["items"]
    h.check("all pages, once each", code == 0 and len(items) >= EVENTS and
            [item["id"] for item in items] == list(range(1, len(items) + 1)), f"{len(items)} {err}")
    code, out, _ = hmctl("events", "--newest", "--limit", "3", "--json")
    h.check("--limit is for all pages", [item["id"] for item in json.loads(out)["items"]] ==
            [len(items), len(items) - 1, len(items) - 2])
    lines = hmctl("events")[1].splitlines()
    h.check("one head", sum(line.startswith("EVENT") for line in lines) == 1 and
            len(lines) == len(items) + 1, len(lines))
    h.check("no colours in a pipe", "\033" not in "".join(lines))
    lines = hmctl("events", "--limit", "5", env={"COLUMNS": "80"})[1].splitlines()
    h.check("80 columns", all(len(line) <= 80 for line in lines), lines)


def check_catalogue(collector, hmctl):
    """The catalogue as a whole has a version; a product shows what its set-up does."""
    with open(os.path.join(h.SOURCE, "schema/catalogue/catalogue.json"), encoding="utf-8") as file:
        release = json.load(file)
    page = collector.api("/v1/catalogue?limit=1")
    h.check("version of the catalogue", page["release"]["version"] == release["version"] and
            page["release"]["date"] == release["date"], page)
    first = hmctl("catalogue")[1].splitlines()[0]
    h.check("it is shown", first == f"catalogue: version {release['version']} of {release['date']}",
            first)
    items = json.loads(hmctl("catalogue", "--json")[1])["items"]
    h.check("products of all pages", len(items) == len(os.listdir(h.PRODUCTS)), len(items))
    h.check("each has a version", all(item["version"] >= 1 and item["date"] for item in items))
    out = hmctl("catalogue", "exchange-set-up")[1]
    h.check("effects of a set-up", "range_moved" in out and "6005-65534" in out, out)


def main():
    with h.Folder() as folder:
        collector = h.Collector(folder).start()
        home = os.path.join(folder, "home")

        def hmctl(*arguments, env=None, stdin=""):
            return h.run("hmctl", *arguments, stdin=stdin,
                         env={"XDG_CONFIG_HOME": home, **(env or {})})

        check_login(collector, hmctl, home)
        check_usage(hmctl)
        check_tokens(hmctl)
        check_pages(collector, hmctl)
        check_catalogue(collector, hmctl)
        h.check("the collector ends well", collector.program.stop() == 0)
    h.finish()


if __name__ == "__main__":
    main()
