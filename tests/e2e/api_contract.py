#!/usr/bin/python3
"""Every GET of the API, and the writes, against the OpenAPI document that the collector serves:
status described, media type described, body as its schema says.

SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import sys
import time

import jsonschema

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness as h  # noqa: E402

HOSTS = ["i2-exchange-2013-exposed", "i1-payroll-2003", "linux-web"]
POLICY = {"name": "exchange-back-end", "owner": "anna", "reason": "POP3 back end lost its port",
          "review": "2030-01-01T00:00:00Z", "mode": "enforce", "match": {"hosts": ["*"]},
          "reservations": [{"protocol": "tcp", "families": "both", "ports": "9933,9955"}]}
PAST = "2001-01-01T00:00:00Z"


def check_reply(document, method, template, path, reply):
    status, headers, data = reply
    operation = document["paths"][template][method.lower()]
    responses = operation["responses"]
    described = responses.get(str(status), responses["default"] if status >= 400 else None)
    where = f"{method} {path}: {status}"
    if not h.check(f"{where} is described", described is not None):
        return None
    while "$ref" in described:
        described = document["components"]["responses"][described["$ref"].split("/")[-1]]
    content = described.get("content", {})
    media = (headers.get("Content-Type") or "").split(";")[0]
    if not content:
        h.check(f"{where} has no body", data == b"", data[:80])
        return None
    h.check(f"{where}: media type", media in content, f"{media} is not among {list(content)}")
    if not media.endswith("json"):
        return None
    body = json.loads(data)
    schema = {"$ref": content[media]["schema"]["$ref"], "components": document["components"]} \
        if "$ref" in content[media]["schema"] else content[media]["schema"]
    for error in jsonschema.Draft202012Validator(schema).iter_errors(body):
        h.check(f"{where}: body as described", False, f"{error.json_path}: {error.message[:200]}")
    return body


def paths_of(template, operation, ids):
    """The path as it is, with each list parameter, and with something that is not there."""
    base = template
    for name, value in ids.items():
        base = base.replace(name, value)
    yield base
    names = {parameter.get("$ref", parameter.get("name")).split("/")[-1]
             for parameter in operation.get("parameters", [])}
    if "limit" in names:
        yield base + "?limit=1"
        yield base + "?limit=0"
    if "at" in names:
        yield base + "?at=" + PAST
    for name in names:
        if name.startswith("filter_"):
            yield base + "?filter=no_such_field%3D1"
    for name in ids:
        if name in template and name != "{revision}":
            yield base.replace(ids[name], "no-such-thing")
    if "policy_name" in names:
        yield base + "?policy=" + POLICY["name"]
        yield base + "?policy=no-such-policy"
    if "label_name" in names:
        yield base + "?label=site"
    yield base + "?no_such_parameter=1"


def make_things(collector, document, host):
    """What can be asked for only once somebody has made it: their ids."""
    answers = {}
    for kind, method, path, body in (
            ("policies", "PUT", "/v1/policies/" + POLICY["name"], POLICY),
            ("plans", "POST", "/v1/plans", {"document": POLICY}),
            ("exceptions", "POST", "/v1/exceptions",
             {"policy": POLICY["name"], "host": host, "reason": "vendor",
              "expires": time.strftime("%Y-%m-%dT00:00:00Z", time.gmtime(time.time() + 864000))})):
        template = path.replace(POLICY["name"], "{name}")
        for content in (body, {"no_such_member": 1}):
            answer = check_reply(document, method, template, path, collector.call(
                method, path, json.dumps(content), collector.admin))
            answers.setdefault(kind, answer)
    return {kind: answers[kind].get("id", "") for kind in ("plans", "exceptions")}


def main():
    with h.Folder() as folder:
        collector = h.Collector(folder).start()
        token = collector.join_token()
        for name in HOSTS:
            options = h.agent_options(collector, folder, name, token=token,
                                      host=os.path.join(h.HOSTS, name))
            for verb in ("enroll", "once"):
                code, out, err = h.run("hm-agent", verb, *options)
                h.check(f"{name}: {verb}", code == 0, out + err)
        document = collector.api("/v1/openapi.json")
        host = collector.items("/v1/hosts")[0]["id"]
        things = {"hosts": host, "catalogue": "exchange-2013-back-end", "policies": "",
                  **make_things(collector, document, host)}
        for template, item in sorted(document["paths"].items()):
            if "get" not in item or template == "/v1/desired":
                continue
            ids = {"{id}": things[template.split("/")[2]], "{name}": POLICY["name"],
                   "{revision}": "1"} if "{" in template else {}
            for path in paths_of(template, item["get"], ids):
                check_reply(document, "GET", template, path,
                            collector.call("GET", path, token=collector.admin))
            path = template
            for name, value in ids.items():
                path = path.replace(name, value)
            status = collector.call("GET", path)[0]
            open_to_all = item["get"]["x-role"] == "anyone"
            h.check(f"GET {template} without a token", (status != 401) == open_to_all, status)
        made = check_reply(document, "POST", "/v1/tokens", "/v1/tokens", collector.call(
            "POST", "/v1/tokens", json.dumps({"kind": "join", "name": "x"}), collector.admin))
        check_reply(document, "POST", "/v1/tokens", "/v1/tokens", collector.call(
            "POST", "/v1/tokens", json.dumps({"kind": "join"}), collector.admin))
        check_reply(document, "POST", "/v1/enroll", "/v1/enroll", collector.call(
            "POST", "/v1/enroll", json.dumps({"token": made["secret"], "name": "by-hand",
                                              "labels": [], "version": "1"})))
        for template, thing in (("/v1/tokens/{id}", made["token"]["id"]),
                                ("/v1/exceptions/{id}", things["exceptions"]),
                                ("/v1/exceptions/{id}", "none"),
                                ("/v1/hosts/{id}", "by-hand"), ("/v1/hosts/{id}", "nobody")):
            path = template.replace("{id}", thing)
            check_reply(document, "DELETE", template, path,
                        collector.call("DELETE", path, token=collector.admin))
        h.check("the collector ends well", collector.program.stop() == 0)
    h.finish()


if __name__ == "__main__":
    main()
