#!/usr/bin/python3
"""The collector's disk is full for a while: everything says so, nothing acknowledged is lost, and
it goes on by itself once there is room. In a mount namespace of its own, on a small tmpfs.

SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness as h  # noqa: E402

SIZE = "24m"


def report(collector, secret, seq):
    body = json.dumps({"os": {"family": "linux", "name": "Debian", "version": "6.1",
                              "revision": 0, "arch": "x86_64", "locale": ""},
                       "stacks": [], "services": [f"turn-{seq}", "x" * 200]}).encode()
    envelope = {"boot_id": "b", "seq": seq, "version": "t", "name": "host", "documents": {
        "inventory": {"digest": h.digest(body), "bytes": len(body)}}}
    status, _, data = collector.call("POST", "/v1/checkin", h.ndjson(envelope, body), secret)
    return status, data, h.digest(body)


def fill(path):
    try:
        with open(path, "wb", buffering=0) as file:
            while file.write(b"\0" * 4096):
                pass
    except OSError:
        pass  # "No space left on device", as wanted


def main():
    if "HM_OWN_MOUNTS" not in os.environ:
        os.execvpe("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable,
                               os.path.abspath(__file__)], {**os.environ, "HM_OWN_MOUNTS": "1"})
    with h.Folder() as folder:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", folder], check=True)
        try:
            collector = h.Collector(folder).start()
            agent, secret = collector.enroll("host")
            acknowledged = []
            for seq in range(1, 20):
                status, data, digest = report(collector, secret, seq)
                h.check("taken while there is room", status == 200, data[:200])
                acknowledged.append(digest)
            ballast = os.path.join(folder, "ballast")
            fill(ballast)
            seq, codes = 20, []
            for _ in range(40):  # the write-ahead log may have some room of its own
                status, data, digest = report(collector, secret, seq)
                if status == 200:
                    acknowledged.append(digest)
                    seq += 1
                else:
                    codes.append((status, json.loads(data)["code"]))
            h.check("full: 503 with a code", codes and set(codes) == {(503, "store_failed")},
                    set(codes))
            # The probe is made again every few seconds only.
            h.wait_until("not ready while full", 30, lambda: collector.call(
                "GET", "/readyz")[0] == 503, 0.5)
            data = collector.call("GET", "/readyz")[2]
            h.check("without a path for strangers", folder.encode() not in data, data)
            h.check("alive all the same", collector.call("GET", "/healthz")[0] == 200)
            h.check("and answers questions", len(collector.items("/v1/hosts")) == 1)
            h.check("the log tells where", "disk is full" in collector.program.output())
            os.unlink(ballast)
            h.wait_until("ready again by itself", 30, lambda: collector.call(
                "GET", "/readyz")[0] == 200, 0.5)
            status, data, digest = report(collector, secret, seq)
            h.check("and takes reports again", status == 200, data[:200])
            acknowledged.append(digest)
            collector.program.kill()
            collector.start()
            kept = {row["digest"] for row in collector.items(f"/v1/hosts/{agent}/history")}
            h.check(f"all {len(acknowledged)} acknowledged reports are kept",
                    set(acknowledged) <= kept, len(set(acknowledged) - kept))
            h.check("stops cleanly", collector.program.stop() == 0)
        finally:
            subprocess.run(["umount", "-l", folder], check=True)
    h.finish()


main()
