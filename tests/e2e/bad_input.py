#!/usr/bin/python3
"""Bad input over the wire: each case gets its status and code, changes nothing, and the server
goes on.

One table row a case; the picture of the whole store is taken before and after each one.
SPDX-License-Identifier: Apache-2.0
"""
import gzip
import json
import os
import socket
import sqlite3
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness as h  # noqa: E402

OS = {"family": "linux", "name": "Debian", "version": "6.1", "revision": 0, "arch": "x86_64",
      "locale": ""}
GOOD = json.dumps({"os": OS, "stacks": []}).encode()


def envelope(seq=100, **changes):
    base = {"boot_id": "boot-1", "seq": seq, "version": "test", "name": "victim", "documents": {}}
    base.update(changes)
    return base


def with_inventory(body, said=None, size=None, seq=100):
    return h.ndjson(envelope(seq, documents={"inventory": {
        "digest": said or h.digest(body), "bytes": len(body) if size is None else size}}), body)


def cases(victim, other, expired, used_up):
    """(what, method, path, body, token, headers, status, code)"""
    checkin = ("POST", "/v1/checkin")
    enroll = ("POST", "/v1/enroll")
    deep = b'{"boot_id":' + b"[" * 200 + b"]" * 200 + b"}"
    deep_document = b'{"os":' + b'{"a":' * 100 + b"1" + b"}" * 100 + b"}"
    wrong_port = json.dumps({"os": OS, "stacks": [], "listeners": [
        {"protocol": "tcp", "family": "ipv4", "address": "0.0.0.0", "port": 70000,
         "program": "x", "service": "", "kind": "socket"}]}).encode()
    wrong_list = json.dumps({"os": OS, "stacks": [
        {"protocol": "tcp", "family": "ipv4", "dynamic": "65534-6005"}]}).encode()
    join = lambda token: json.dumps({"token": token, "name": "x", "labels": [],  # noqa: E731
                                     "version": "1"}).encode()
    gz = {"Content-Encoding": "gzip"}
    plain = {"Content-Type": "text/plain"}
    return [
        ("no body", *checkin, b"", victim, {}, 400, "bad_json"),
        ("broken JSON", *checkin, b'{"boot_id": ', victim, {}, 400, "bad_json"),
        ("not JSON at all", *checkin, b"\x00\xff\xfe", victim, {}, 400, "bad_json"),
        ("over-deep envelope", *checkin, deep, victim, {}, 400, "bad_json"),
        ("over-deep document", *checkin, with_inventory(deep_document), victim, {}, 400,
         "bad_document"),
        ("a list where a number belongs", *checkin, json.dumps(envelope(seq=[1])).encode(), victim,
         {}, 400, "bad_json"),
        ("member twice", *checkin, b'{"seq":1,"seq":2}', victim, {}, 400, "bad_json"),
        ("negative number", *checkin, json.dumps(envelope(seq=-1)).encode(), victim, {}, 400,
         "bad_json"),
        ("not UTF-8 in a name", *checkin, json.dumps(envelope()).encode().replace(
            b"victim", b"vic\xfftim"), victim, {}, 400, "bad_json"),
        ("document not JSON", *checkin, with_inventory(b"hello"), victim, {}, 400, "bad_document"),
        ("document of the wrong kind", *checkin, with_inventory(b'{"verdicts":[]}'), victim, {},
         400, "bad_document"),
        ("port over 65535", *checkin, with_inventory(wrong_port), victim, {}, 400, "bad_document"),
        ("range back to front", *checkin, with_inventory(wrong_list), victim, {}, 400,
         "bad_document"),
        ("wrong digest", *checkin, with_inventory(GOOD, h.digest(b"other")), victim, {}, 400,
         "digest_mismatch"),
        ("digest that is none", *checkin, with_inventory(GOOD, "md5:abc"), victim, {}, 400,
         "bad_json"),
        ("fewer bytes than said", *checkin, with_inventory(GOOD, size=len(GOOD) + 5), victim, {},
         400, "bad_length"),
        ("more bytes than said", *checkin, with_inventory(GOOD) + b"\n{}", victim, {}, 400,
         "bad_length"),
        ("a document larger than any may be", *checkin, with_inventory(GOOD, size=600 * 1024),
         victim, {}, 400, "bad_json"),
        ("body over the cap", *checkin, b"x" * (1024 * 1024 + 1), victim, {}, 413, "too_big"),
        ("gzip bomb", *checkin, gzip.compress(b" " * (64 * 1024 * 1024)), victim, gz, 413,
         "too_big"),
        ("gzip that is none", *checkin, b"not gzip", victim, gz, 400, "bad_encoding"),
        ("gzip cut off", *checkin, gzip.compress(with_inventory(GOOD))[:-9], victim, gz, 400,
         "bad_encoding"),
        ("unknown encoding", *checkin, b"x", victim, {"Content-Encoding": "br"}, 415,
         "unsupported_encoding"),
        ("wrong media type", *checkin, with_inventory(GOOD), victim, plain, 415,
         "unsupported_media_type"),
        ("no token", *checkin, with_inventory(GOOD), None, {}, 401, "unauthenticated"),
        ("a token without form", *checkin, with_inventory(GOOD), "secret", {}, 401,
         "unauthenticated"),
        ("unknown agent", *checkin, with_inventory(GOOD),
         "hma_01arz3ndektsv4rrffq69g5fav_" + "A" * 43, {}, 401, "unauthenticated"),
        ("another agent's id with one's own secret", *checkin, with_inventory(GOOD),
         "_".join([*other.split("_")[:2], victim.split("_", 2)[2]]), {}, 401, "unauthenticated"),
        ("an operator's token on an agent's route", *checkin, with_inventory(GOOD), "ADMIN", {},
         403, "forbidden"),
        ("an agent's token on an operator's route", "GET", "/v1/hosts", None, victim, {}, 403,
         "forbidden"),
        ("an agent makes a token", "POST", "/v1/tokens", b'{"kind":"join","name":"x"}', victim, {},
         403, "forbidden"),
        ("expired join token", *enroll, join(expired), None, {}, 403, "expired_token"),
        ("join token without uses left", *enroll, join(used_up), None, {}, 403, "used_token"),
        ("unknown join token", *enroll, join("hmj_01arz3ndektsv4rrffq69g5fav_" + "A" * 43 + "_" +
                                             "0" * 64), None, {}, 403, "unknown_token"),
        ("join token without form", *enroll, join("hello"), None, {}, 403, "unknown_token"),
        ("unknown member in an enrolment", *enroll, b'{"token":"x","name":"y","root":true}', None,
         {}, 400, "bad_json"),
        ("oversized enrolment", *enroll, b" " * 20000, None, {}, 413, "too_big"),
        ("wrong method", "GET", "/v1/checkin", None, victim, {}, 405, "method_not_allowed"),
        ("unknown method", "BREW", "/v1/checkin", None, victim, {}, 405, "method_not_allowed"),
        ("no such path", "GET", "/v1/nothing", None, "ADMIN", {}, 404, "no_such_route"),
        ("climbing path", "GET", "/v1/../../etc/passwd", None, "ADMIN", {}, 404, "no_such_route"),
        ("unknown query parameter", "GET", "/v1/hosts?colour=red", None, "ADMIN", {}, 400,
         "unknown_parameter"),
        ("broken filter", "GET", "/v1/hosts?filter=verdict%3D", None, "ADMIN", {}, 400,
         "bad_filter"),
        ("SQL in a filter", "GET", "/v1/hosts?filter=name%3D'x'%3Bdrop%20table%20hosts", None,
         "ADMIN", {}, 400, "bad_filter"),
        ("forged cursor", "GET", "/v1/hosts?cursor=%21%21", None, "ADMIN", {}, 400, "bad_cursor"),
        ("limit out of range", "GET", "/v1/hosts?limit=100000", None, "ADMIN", {}, 400, None),
        ("time that is none", "GET", "/v1/hosts?at=yesterday", None, "ADMIN", {}, 400, None),
        ("no such host", "GET", "/v1/hosts/nobody", None, "ADMIN", {}, 404, None),
        ("a URL longer than any", "GET", "/v1/hosts?filter=" + "a" * 9000, None, "ADMIN", {}, 414,
         "ANY"),
    ]


TABLES = ("agents", "hosts", "documents", "host_documents", "verdicts", "findings", "events")


def picture(collector):
    """Everything that bad input must not change; uses of a join token, too."""
    database = sqlite3.connect(f"file:{collector.data}/collector.db?mode=ro", uri=True)
    rows = {table: database.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()
            for table in TABLES}
    rows["tokens"] = database.execute("SELECT id, uses_left FROM tokens ORDER BY 1").fetchall()
    database.close()
    return rows


def through_the_table(collector):
    _, victim = collector.enroll("victim")
    _, other = collector.enroll("other")
    for agent, name in ((victim, "victim"), (other, "other")):
        status, _, data = collector.call("POST", "/v1/checkin", h.ndjson(
            envelope(1, name=name, documents={"inventory": {"digest": h.digest(GOOD),
                                                            "bytes": len(GOOD)}}), GOOD), agent)
        h.check("the good report is taken", status == 200, data[:300])
    expired = collector.api("/v1/tokens", "POST", {"kind": "join", "name": "gone", "uses": 5,
                                                   "valid_s": 60})["secret"]
    with sqlite3.connect(f"{collector.data}/collector.db") as database:
        database.execute("UPDATE tokens SET expires_ms = 1 WHERE name = 'gone'")
    used_up = collector.join_token(uses=1)
    collector.enroll("once", used_up)
    before = picture(collector)
    table = cases(victim, other, expired, used_up)
    for what, method, path, body, token, headers, status, code in table:
        token = collector.admin if token == "ADMIN" else token
        try:
            got, fields, data = collector.call(method, path, body, token, headers)
        except OSError as error:  # a body over the cap may end the connection instead
            got, fields, data = 0, {}, str(error).encode()
            if status == 413:
                got, data = 413, b'{"code":"too_big"}'
        h.check(f"{what}: status", got == status, f"{got}, wanted {status}: {data[:300]}")
        if code != "ANY":
            try:
                said = json.loads(data).get("code")
            except ValueError:
                said = f"no problem document: {data[:200]}"
            h.check(f"{what}: code", said == code or (code is None and said), said)
        after = picture(collector)
        h.check(f"{what}: nothing changed", after == before,
                [t for t in after if after[t] != before[t]])
        before = after
    print(f"  {len(table)} cases")
    return victim


def lying_and_slow(collector, victim):
    """Below HTTP libraries: what a broken or hostile client sends."""
    head = (f"POST /v1/checkin HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {victim}\r\n"
            "Content-Type: application/x-ndjson\r\n").encode()

    def talk(*pieces, close=True):
        with collector.connect(timeout=40) as tls:
            try:
                for piece in pieces:
                    tls.sendall(piece)
                if close:
                    tls.unwrap()
                return tls.recv(4096)
            except (OSError, ValueError):
                return b""

    before = picture(collector)
    h.check("says 4 GB: 413 at once", b" 413 " in talk(
        head + b"Content-Length: 4294967296\r\n\r\n", close=False).split(b"\r\n")[0])
    reply = talk(head + b"Content-Length: ten\r\n\r\n", close=False)
    h.check("a length that is none: 400", b" 400 " in reply.split(b"\r\n")[0], reply[:100])
    talk(head + b"Content-Length: 500\r\n\r\n" + b"only this")
    talk(b"\x16\x03\x01 garbage \r\n\r\n" * 10)
    talk(b"GET / HTTP/9.9\r\n\r\n", close=False)
    talk(head + b"Transfer-Encoding: chunked\r\n\r\nZZZ\r\n", close=False)
    with socket.create_connection(("127.0.0.1", collector.port)) as raw:
        raw.sendall(b"POST /v1/checkin HTTP/1.1\r\n\r\n" * 20)  # no TLS at all
    slow = [collector.connect(timeout=60) for _ in range(20)]  # heads that never end
    for tls in slow:
        tls.sendall(head)
    h.check("the server goes on meanwhile", collector.call("GET", "/healthz")[0] == 200)
    ended = 0
    for tls in slow:
        try:
            while tls.recv(4096):
                pass
            ended += 1
        except socket.timeout:
            pass
        except OSError:
            ended += 1
        tls.close()
    h.check("slow senders are ended by the server", ended == len(slow), ended)
    h.check("nothing changed", picture(collector) == before)


def main():
    with h.Folder() as folder:
        collector = h.Collector(folder, settings=["request_timeout=5"]).start()
        victim = through_the_table(collector)
        lying_and_slow(collector, victim)
        status, _, data = collector.call("POST", "/v1/checkin", h.ndjson(
            envelope(2, documents={"inventory": {"digest": h.digest(GOOD)}})), victim)
        h.check("and a good report is still taken", status == 200, data[:300])
        h.check("the server never restarted and stops cleanly", collector.program.stop() == 0)
    h.finish()


main()
