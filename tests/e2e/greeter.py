#!/usr/bin/python3
"""A controller in another language, after `troupe manual messages`: whoever makes
a ConfigMap with the label `greet` gets a second one with the greeting.
Usage: greeter.py DATA-DIR"""
import itertools, os, random, sys, time
import msgpack, zmq

NAME, STREAM, SYSTEM, REQUEST, REPLY, ERROR = "greeter", "configmaps", 1, 3, 4, 5
HELLO, WELCOME, BYE, PING, FAILED, RANGE, EVENTS, CREATE = 1, 2, 3, 4, 10, 34, 36, 80
context, numbers, epoch, pinged = zmq.Context(), itertools.count(1), 0, 0
dealer = context.socket(zmq.DEALER)
dealer.connect(f"ipc://{sys.argv[1]}/run/broker.ipc")

def send(type, to, kind, body, correlation=0, trace=None):
    sender = "" if type == SYSTEM else NAME
    dealer.send(msgpack.packb([1, type, 1, to, sender, [os.getpid(), next(numbers)], correlation, kind, 0, 5000, 8,
                               trace, epoch, 0, body]))

def receive(timeout_ms):
    """Keeps the session alive; the next envelope as (type, correlation, body), or None."""
    global epoch, pinged
    if time.monotonic() - pinged > 1:
        pinged = time.monotonic()
        send(SYSTEM, "broker", *((PING, {}) if epoch else
             (HELLO, {"cell": NAME, "incarnation": os.getpid(), "version": [1, 1], "names": [NAME]})))
    if not dealer.poll(timeout_ms):
        return None
    _, type, _, _, sender, _, correlation, kind, _, _, _, trace, _, _, body = msgpack.unpackb(dealer.recv())
    if type == SYSTEM and kind in (WELCOME, BYE):
        epoch = body.get("epoch", 0)  # after a bye: 0, and the next word is a hello
    elif type == REQUEST:  # every request is answered, also what we do not understand
        send(ERROR, sender, FAILED, {"code": "unsupported", "text": "greeter only listens"}, correlation, trace)
    return type, correlation, body

def ask(to, kind, body, trace=None):
    """The reply, or an exception with the error's code; asked again while somebody is away."""
    while True:
        while not epoch:
            receive(200)
        number, until = next(numbers), time.monotonic() + 5
        send(REQUEST, to, kind, body, number, trace)
        while epoch and time.monotonic() < until:
            type, correlation, answer = receive(200) or (0, 0, 0)
            if correlation == number and type == REPLY:
                return answer
            if correlation == number and type == ERROR:
                if answer["code"] not in ("unreachable", "overloaded", "crashed", "timeout", "again"):
                    raise RuntimeError(answer["code"])
                time.sleep(0.1)
                break

def greet(key, value, trace=None):
    who = value and value["metadata"].get("labels", {}).get("greet")
    if who:  # a name that follows from the cause: made twice, it is refused with 409, and that is fine
        _, namespace, name = key.split("/")
        greeting = {"metadata": {"name": name + "-greeting"}, "data": {"text": f"hello {who}"}}
        done = ask("gate", CREATE, {"group": "", "version": "v1", "resource": STREAM, "namespace": namespace,
                                    "object": greeting}, trace)
        print(f"{key}: {done['code']}", flush=True)

def list_all():
    start, head = STREAM + "/", None
    while True:
        page = ask("store", RANGE, {"from": start, "end": STREAM + "0", "limit": 500, "stream": STREAM})
        head = head or page["head"]  # of the first page: what came later is asked for again
        for key, value, *_ in page["rows"]:
            greet(key, value)
        if not page["more"]:
            return head, page["epoch"]
        start = page["next"]

def events_after(last, life):
    page = ask("store", EVENTS, {"stream": STREAM, "after": last, "limit": 500, "wait_ms": 3000})
    if page["epoch"] != life:
        raise RuntimeError("compacted")
    for event in page["events"]:
        last = event["version"]
        high, low, span, _ = event.get("trace", [0, 0, 0, 0])
        greet(event["key"], event["value"], [high, low, random.getrandbits(63), span, last])
    return last

last, life = list_all()
print("following", flush=True)
while True:  # one page on its way at a time, answered when there is something
    try:
        last = events_after(last, life)
    except RuntimeError as e:
        if str(e) != "compacted":
            raise
        last, life = list_all()
