"""The same creates through the API server of one cluster and through `gate` of
another one: equal objects, and equal refusals. Usage:
one_path.py PORT TOKEN DATA-DIR PORT TOKEN DATA-DIR"""
import itertools
import os
import re
import sys

import msgpack
import zmq

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../golden"))
import kinds  # noqa: E402
from client import Server  # noqa: E402
from corpus import NS  # noqa: E402

SYSTEM, REQUEST, REPLY, ERROR = 1, 3, 4, 5
HELLO, WELCOME, CREATE = 1, 2, 80
# Drawn by the server, or of who writes and when. Names of made volumes too.
DRAWN = {"uid", "resourceVersion", "creationTimestamp", "clusterIP", "clusterIPs", "nodePort",
         "healthCheckNodePort", "manager", "time", "controller-uid", "batch.kubernetes.io/controller-uid"}


class Gate:
    def __init__(self, data):
        self.numbers, self.epoch = itertools.count(1), 0
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.connect("ipc://%s/run/broker.ipc" % data)
        self.send(SYSTEM, "", "broker", HELLO, {"cell": "path", "incarnation": os.getpid(), "version": [1, 1],
                                               "names": ["path"]})
        while not self.epoch:
            self.receive()

    def send(self, type, sender, to, kind, body, correlation=0):
        self.socket.send(msgpack.packb([1, type, 1, to, sender, [os.getpid(), next(self.numbers)], correlation,
                                        kind, 0, 5000, 8, None, self.epoch, 0, body]))

    def receive(self):
        if not self.socket.poll(10000):
            raise RuntimeError("the gate says nothing")
        m = msgpack.unpackb(self.socket.recv())
        if m[1] == SYSTEM and m[7] == WELCOME:
            self.epoch = m[14]["epoch"]
        return m[1], m[6], m[14]

    def create(self, kind, body):
        group, version = kind.api.split("/") if "/" in kind.api else ("", kind.api)
        number = next(self.numbers)
        ask = {"group": group, "version": version, "resource": kind.plural, "object": body}
        if kind.namespaced:
            ask["namespace"] = NS
        self.send(REQUEST, "path", "gate", CREATE, ask, number)
        while True:
            type, correlation, answer = self.receive()
            if correlation == number and type in (REPLY, ERROR):
                return answer["code"], answer.get("message", answer.get("text", ""))


def masked(value):
    if isinstance(value, dict):
        return {masked(k): "~" if k in DRAWN else masked(v) for k, v in value.items()}
    if isinstance(value, list):
        return [masked(v) for v in value]
    if isinstance(value, str):
        value = re.sub(r"kube-api-access-[a-z0-9]{5}", "kube-api-access-~", value)
        value = re.sub(r"f:(batch.kubernetes.io/)?controller-uid", "f:~", value)
        return re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "~", value)
    return value


def bodies(kind):
    """Of creates of one object by name, right and wrong."""
    for r in kind.requests():
        body = r.get("body")
        if r["method"] == "POST" and r["path"] == kind.path and "query" not in r and "type" not in r and \
                isinstance(body, dict) and body.get("metadata", {}).get("name"):
            yield r["id"][4:], body


def compare(kind, one, two, gate):
    count, wrong = 0, []
    for what, body in bodies(kind):
        count += 1
        code, answer = one.send("POST", kind.path, body)
        other, message = gate.create(kind, body)
        if code != other or (code >= 300 and masked(answer.get("message", "")) != masked(message)):
            wrong.append((what, code, answer.get("message", ""), other, message))
            continue
        if code >= 300:
            continue
        path = kind.path + "/" + body["metadata"]["name"]
        (_, a), (_, b) = one.send("GET", path), two.send("GET", path)
        if masked(a) != masked(b):
            wrong.append((what, code, masked(a), other, masked(b)))
    return count, wrong


def main(port, token, data, other_port, other_token, other_data):
    one, two, gate, total = Server("127.0.0.1", int(port), token), \
        Server("127.0.0.1", int(other_port), other_token), Gate(other_data), 0
    for server in (one, two):
        server.send("POST", "/api/v1/namespaces", {"metadata": {"name": NS}})
    for kind in kinds.KINDS:
        count, wrong = compare(kind, one, two, gate)
        total += count
        print("%s one path %s: %d creates" % ("not ok" if wrong else "ok", kind.group, count))
        for what, *rest in wrong[:5]:
            print("    %s: %s" % (what, " | ".join(str(r)[:1500] for r in rest)))
    print("%s one path: %d creates in all" % ("ok" if total >= 500 else "not ok", total))


main(*sys.argv[1:])
