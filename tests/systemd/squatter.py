#!/usr/bin/python3
"""Takes ports in the machine, as programs do that nobody expects.

  squatter.py listen ADDRESS PORT [COUNT]   listens on COUNT ports from PORT on
  squatter.py closed PORT SERVER            a client's connection from PORT to SERVER, just closed
  squatter.py ask ADDRESS COUNT             COUNT open questions to the DNS server there
SPDX-License-Identifier: Apache-2.0
"""
import resource
import signal
import socket
import sys


def listen(address, first, count):
    resource.setrlimit(resource.RLIMIT_NOFILE, (count + 100, count + 100))
    held = []
    for port in range(first, first + count):
        made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        if ":" in address:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind((address, port))
        made.listen()
        held.append(made)
    return held


def closed(port, server):
    client = socket.socket()
    client.bind(("127.0.0.1", port))
    client.connect(("127.0.0.1", server))
    client.shutdown(socket.SHUT_WR)
    client.recv(1)
    client.close()


def ask(address, count):
    held = []
    for number in range(count):
        question = bytes([0, number]) + b"\1\0\0\1\0\0\0\0\0\0\4name" + bytes([1, 97 + number]) + \
            b"\4test\0\0\1\0\1"
        held.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        held[-1].sendto(question, (address, 53))
    return held


def main():
    verb, *rest = sys.argv[1:]
    if verb == "closed":
        closed(int(rest[0]), int(rest[1]))
        return
    held = listen(rest[0], int(rest[1]), int(rest[2]) if len(rest) > 2 else 1) \
        if verb == "listen" else ask(rest[0], int(rest[1]))
    with open("/run/squatter.ready", "w", encoding="ascii") as ready:
        ready.write(f"{len(held)} sockets")
    signal.pause()


main()
