"""Controllers of Troupe in Python, after `troupe manual messages`. Needs python3-zmq
and python3-msgpack, and the right to open the cluster's data directory.

    controller = Controller("team-py", DATA_DIR, fence="team")
    namespaces = controller.follow("namespaces")  # a dict: key -> object, always as of one moment
    controller.run(changed, plan)

changed(stream, key, was, now) yields the keys that a change is about; plan(key) yields the
writes that are missing, made by create(), merge(), apply() and delete(). Level-triggered: a plan
looks at what is there, never at what happened. Done here, so that a plan can be that simple:
  - each stream is listed, then followed by requests that wait (a session watch): every change
    once, in order, also through restarts of broker and store, and never more than one page ahead;
  - a key is planned when all streams are complete and show what its last plan wrote, and again
    later, each time twice as long, when a write was refused or its answer was lost;
  - a write names what it rests on (`basis`): has that moved on, it is refused and planned anew;
  - with `fence`, one of several programs (also one in C with a fence of that name) is active; the
    others wait for its end. What a former one still has on its way is refused by the store.
Single-threaded; run() returns never, SIGTERM and Ctrl-C end it in order."""
import collections, itertools, os, random, signal, sys, time
import msgpack, zmq

SYSTEM, REQUEST, REPLY, ERROR = 1, 3, 4, 5
HELLO, WELCOME, BYE, PING, RELEASE, WATCH, DOWN, FAILED = 1, 2, 3, 4, 7, 8, 9, 10
TXN, RANGE, EVENTS, CHECK, WRITE = 32, 34, 36, 38, 86
PING_S, SILENCE_S, ANSWER_S, AGAIN_S, LOOK_S, WAIT_MS, PAGE = 1, 5, 5, 0.2, 10, 3000, 500
PAUSE_MIN_S, PAUSE_MAX_S = 0.05, 60

def write(verb, stream, namespace, name, object=None, version="v1", uid=None, basis=()):
    """A write for plan() to yield. `stream` as in follow(): "configmaps", "deployments.apps".
    `basis`: keys of followed streams that it rests on, as they are now."""
    resource, _, group = stream.partition(".")
    body = {"verb": verb, "group": group, "version": version, "resource": resource, "namespace": namespace,
            "name": name, "object": object, "uid": uid, "basis": list(basis)}
    return {k: v for k, v in body.items() if v is not None}

def create(stream, namespace, object, **more):
    return write("create", stream, namespace, object["metadata"]["name"], object, **more)

def merge(stream, namespace, name, patch, **more):
    return write("merge", stream, namespace, name, patch, **more)

def apply(stream, namespace, object, **more):
    return write("apply", stream, namespace, object["metadata"]["name"], object, **more)

def delete(stream, namespace, name, uid, **more):
    return write("delete", stream, namespace, name, uid=uid, **more)

def labels(object):
    return object["metadata"].get("labels") or {}

class Stream(dict):
    """What is known of a stream: key -> object. To be read only."""
    def __init__(self, controller, name):
        self.controller, self.name, self.versions = controller, name, {}
        self.head, self.floor, self.life, self.complete, self.asked, self.not_before = 0, 0, None, False, False, 0

    def step(self):
        """Has one request on its way, unless there is one."""
        if self.asked or time.monotonic() < self.not_before:
            return
        self.asked = True
        if self.life is None:
            self.rows, self.top = {}, 0
            self.list(self.name + "/")
        else:
            self.controller.ask("store", EVENTS, {"stream": self.name, "after": self.head, "limit": PAGE,
                                                  "wait_ms": WAIT_MS}, self.on_events)

    def list(self, start):
        self.controller.ask("store", RANGE, {"from": start, "end": self.name + "0", "limit": PAGE,
                                             "stream": self.name}, self.on_rows)

    def on_rows(self, page, error):
        self.asked = False
        if error:
            self.not_before = time.monotonic() + AGAIN_S
            return
        self.top = self.top or page["head"]  # of the first page: what came later is asked for again
        for key, value, _, version, *_ in page["rows"]:
            self.rows[key] = version, value
        if page["more"]:
            self.asked = True
            self.list(page["next"])
            return
        for key in [k for k in self if k not in self.rows]:
            self.change(key, max(self.top, self.versions[key] + 1), None)
        for key, (version, value) in self.rows.items():
            self.change(key, version, value)
        if not self.complete and not self:  # there may come some; or it is a slip, like "node"
            self.controller.say(f"the stream '{self.name}' is empty so far")
        self.head, self.life, self.complete = max(self.head, self.top), page["epoch"], True

    def on_events(self, page, error):
        self.asked = False
        if error == "compacted" or page and page["epoch"] != self.life:
            self.life = None  # our place is gone, or it is another store: list again
            if error != "compacted":
                self.head, self.versions = 0, {}
        elif error:
            self.not_before = time.monotonic() + AGAIN_S
        else:
            for event in page["events"]:
                high, low, span, _ = event.get("trace") or [0, 0, 0, 0]
                self.controller.trace = high and [high, low, random.getrandbits(63), span, event["version"]]
                self.change(event["key"], event["version"], event["value"])
                self.controller.trace = None
                self.head = max(self.head, event["version"])

    def change(self, key, version, now):
        if version <= self.versions.get(key, 0) or key not in self and now is None:
            return  # known already
        was = self.pop(key, None)
        self.versions.pop(key, None)
        if now is not None:
            self[key], self.versions[key] = now, version
        for wanted in self.controller.changed(self, key, was, now) or ():
            self.controller.want(wanted)

class Item:
    """A key that is looked at."""
    def __init__(self):
        self.on_way, self.again, self.refusals, self.not_before, self.expects, self.trace = 0, False, 0, 0, {}, None

class Controller:
    def __init__(self, name, data_dir, fence=None):
        self.name, self.path, self.fence = name, f"{data_dir}/run/broker.ipc", fence and "fences/" + fence
        self.context, self.dealer, self.numbers = zmq.Context(), None, itertools.count(1)
        self.incarnation = random.getrandbits(60)
        self.streams, self.items, self.queue, self.asked = {}, {}, collections.deque(), {}
        self.epoch, self.heard, self.said, self.trace = 0, 0, 0, None
        self.token, self.seen, self.holder, self.looked, self.taking, self.checked = 0, 0, None, 0, False, False
        self.take_at, self.reason = 0, None

    def say(self, text):
        print(f"{self.name}: {text}", file=sys.stderr, flush=True)

    def follow(self, stream):
        self.streams[stream] = Stream(self, stream)
        return self.streams[stream]

    def run(self, changed, plan):
        self.changed, self.plan = changed, plan
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        try:
            while True:
                self.turn()
        except KeyboardInterrupt:
            pass
        finally:  # whoever waits for our end hears of it at once
            if self.epoch:
                self.send(SYSTEM, "broker", RELEASE, {"name": self.name})
            if self.dealer:
                self.dealer.close(linger=500)

    # ---- the session

    def send(self, type, to, kind, body, correlation=0, trace=None, sender=""):
        frame = [1, type, 1, to, sender, [self.incarnation, next(self.numbers)], correlation, kind, 0,
                 ANSWER_S * 1000, 8, trace, self.epoch, 0, body]
        try:
            self.dealer.send(msgpack.packb(frame), zmq.DONTWAIT)
        except zmq.Again:
            pass  # lost, as if on the way: who asked hears of it when the time is over

    def keep_session(self, now):
        if now - self.heard > SILENCE_S or not self.dealer:
            if self.dealer:
                self.dealer.close(linger=0)
                self.say(f"no cluster answers at {self.path}")
            self.dealer = self.context.socket(zmq.DEALER)
            self.dealer.connect("ipc://" + self.path)
            self.heard, self.said = now, 0
            self.lose_session()
        if now - self.said >= PING_S:
            self.said = now
            if self.epoch:
                self.send(SYSTEM, "broker", PING, {})
                if self.holder:  # again: a word may have been lost
                    self.send(SYSTEM, "broker", WATCH, {"name": self.holder}, sender=self.name)
            else:
                self.send(SYSTEM, "broker", HELLO, {"cell": self.name, "incarnation": self.incarnation,
                                                    "version": [1, 1], "names": [self.name]})

    def lose_session(self):
        self.epoch, self.taking, self.checked = 0, False, False
        self.seen, self.token = self.token or self.seen, 0  # is the fence still ours? It is taken again
        waiting, self.asked = self.asked, {}
        self.reason = None
        for on_answer, _ in waiting.values():
            on_answer(None, "unreachable")

    def ask(self, to, kind, body, on_answer, trace=None):
        """on_answer(body, None) or on_answer(None, the error's name) follows, once."""
        if not self.epoch:
            on_answer(None, "unreachable")
            return
        number = next(self.numbers)
        self.asked[number] = on_answer, time.monotonic() + ANSWER_S
        self.send(REQUEST, to, kind, body, number, trace, self.name)

    def receive(self, timeout_s):
        if not self.dealer.poll(timeout_s * 1000):
            return
        _, type, _, _, sender, _, correlation, kind, _, _, _, trace, _, _, body = msgpack.unpackb(self.dealer.recv())[:15]
        self.heard = time.monotonic()
        if type == SYSTEM and kind == WELCOME:
            self.epoch, self.said = body["epoch"], 0
        elif type == SYSTEM and kind == BYE:
            self.lose_session()
            self.said = 0
        elif type == SYSTEM and kind == DOWN and body["name"] == self.holder:
            self.holder = None  # the fence is ours if it is as we have seen it
        elif type == REQUEST:  # every request is answered, also what we do not understand
            self.send(ERROR, sender, FAILED, {"code": "unsupported", "text": "a controller only listens"},
                      correlation, trace, self.name)
        elif type in (REPLY, ERROR) and correlation in self.asked:
            on_answer, _ = self.asked.pop(correlation)
            self.reason = type == ERROR and body.get("text")
            on_answer(*((body, None) if type == REPLY else (None, body["code"])))

    # ---- the fence: whose turn it is (actors/runtime/fence.h says how and why)

    def keep_fence(self, now):
        if self.holder and now - self.looked > LOOK_S:
            self.holder, self.seen = None, 0  # who has it now?
        if (not self.fence or self.token or self.holder or self.taking or not self.epoch
                or now < self.take_at):
            return
        self.taking, self.looked = True, now
        put = [0, self.fence, {"holder": self.name}, "", 0]
        self.ask("store", TXN, {"request": os.urandom(16), "who": self.name, "if": [[self.fence, 0, self.seen, None]],
                                "then": [put], "else": [[2, self.fence, None, "", 0]]}, self.on_taken)

    def on_taken(self, outcome, error):
        self.taking = False
        if error or outcome["status"] != "ok" or not outcome["rows"]:
            self.take_at = time.monotonic() + AGAIN_S
            return
        _, value, _, version, *_ = outcome["rows"][0]
        if outcome["compared"]:
            self.token = version
            self.ask("store", CHECK, {"streams": {s.name: s.head for s in self.streams.values()}}, self.on_behind)
        else:
            self.seen = version
            holder = (value or {}).get("holder")
            if holder and holder != self.name:
                self.holder, self.said = holder, 0

    def on_behind(self, behind, error):
        """What a former one did is there; our streams have to show it before we plan."""
        if error:
            self.take_at = time.monotonic() + AGAIN_S
            self.seen, self.token = self.token, 0  # take it again, and ask again
            return
        for name, head in behind["streams"].items():
            self.streams[name].floor = head
        self.checked = True

    def may_plan(self):
        return (not self.fence or self.token and self.checked) and all(
            s.complete and s.head >= s.floor for s in self.streams.values())

    # ---- keys, plans, writes

    def want(self, key):
        item = self.items.setdefault(key, Item())
        item.trace = self.trace or item.trace
        if key not in self.queue:
            self.queue.append(key)

    def look(self, key, now):
        """Plans, or comes back later."""
        item = self.items[key]
        if item.on_way:
            item.again = True
        elif now < item.not_before or any(self.streams[s].head < v for s, v in item.expects.items()):
            self.queue.append(key)
        else:
            item.expects = {}
            writes = list(self.plan(key) or ())
            item.on_way, item.again = len(writes), False
            for body in writes:
                self.start(key, item, body)
            if not writes:
                del self.items[key]

    def start(self, key, item, body):
        stream = body["resource"] + (body["group"] and "." + body["group"])
        versions = {k: v for s in self.streams.values() for k, v in s.versions.items()} if body["basis"] else {}
        body["basis"] = [[k, versions.get(k, 0)] for k in body["basis"]]
        if self.fence:
            body["fence"] = [self.fence, self.token]
        self.ask("gate", WRITE, body, lambda answer, error: self.on_written(key, item, stream, body, answer, error),
                 item.trace)

    def on_written(self, key, item, stream, body, answer, error):
        item.on_way -= 1
        code = answer["code"] if answer else 0
        if 200 <= code < 300 or code == 404 and body["verb"] == "delete":
            item.refusals = 0
            if stream in self.streams:
                item.expects[stream] = max(item.expects.get(stream, 0), answer["version"])
        else:
            item.refusals += 1
            pause = min(PAUSE_MIN_S * 2 ** min(item.refusals, 20), PAUSE_MAX_S)
            item.not_before = time.monotonic() + pause
            if error == "fenced":
                self.token, self.seen, self.checked = 0, 0, False  # another one is active
        why = answer.get("message") if answer else self.reason
        print(f"{key}: {body['verb']} {body['resource']} {body['name']}: {code or error}{' ' + why if why else ''}",
              flush=True)
        self.want(key)

    def turn(self):
        now = time.monotonic()
        self.keep_session(now)
        self.keep_fence(now)
        self.reason = None
        for number in [n for n, (_, until) in self.asked.items() if now > until]:
            self.asked.pop(number)[0](None, "timeout")
        if self.epoch:
            for stream in self.streams.values():
                stream.step()
        if self.epoch and self.may_plan():
            for _ in range(len(self.queue)):
                self.look(self.queue.popleft(), now)
        self.receive(0.05 if self.queue else PING_S / 2)
