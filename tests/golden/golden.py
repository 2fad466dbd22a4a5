"""Usage: golden.py record HOST PORT TOKEN [NAME...]    writes answers/NAME.jsonl
          golden.py replay HOST PORT TOKEN [NAME...]    compares; a line for each kind
          golden.py show HOST PORT TOKEN NAME...        compares; a line for each difference"""
import collections
import json
import os
import re
import sys

sys.dont_write_bytecode = True
import corpus  # noqa: E402
from client import PROTOBUF, Server, run  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))


def answers(name):
    return os.path.join(HERE, "answers", name + ".jsonl")


def record(server, name, requests):
    """A row for each request: id, code, value. A value that an earlier row has is
    that row's number."""
    seen = {}
    with open(answers(name), "w") as f:
        for i, (r, code, value) in enumerate(run(server, requests)):
            text = json.dumps(value, separators=(",", ":"), sort_keys=True)
            shown = str(seen[text]) if text in seen else text
            seen.setdefault(text, i)
            f.write("[%s,%d,%s]\n" % (json.dumps(r["id"]), code, shown))


def record_wire(server):
    """One object of each kind as protobuf and as JSON, for unit/schema/wire."""
    import kinds
    with open(os.path.join(HERE, "wire.txt"), "w") as f:
        for k in kinds.KINDS:
            at = k.path + "/wire"
            code, answer = server.send("POST", k.path, k.body(k.most, "wire"))
            assert code == 201, (k.group, answer)
            if k.status is not None:
                server.send("PATCH", at + "/status", {"status": k.status}, corpus.MERGE)
            data, value = server.send("GET", at, accept=PROTOBUF)[1], server.send("GET", at)[1]
            f.write("%s %s\n" % (data.hex(), json.dumps(value, separators=(",", ":"))))
            server.send("DELETE", at, {"gracePeriodSeconds": 0})


def recorded(name):
    rows = {}
    with open(answers(name)) as f:
        all_rows = [json.loads(line) for line in f]
    for what, code, value in all_rows:
        rows[what] = (code, all_rows[value][2] if isinstance(value, int) else value)
    return rows


def differences(want, got, path=""):
    """(path, want, got) for each field that differs; None stands for absent."""
    if isinstance(want, dict) and isinstance(got, dict):
        for k in sorted(set(want) | set(got)):
            yield from differences(want.get(k), got.get(k), path + "." + k if path else k)
    elif isinstance(want, list) and isinstance(got, list) and len(want) == len(got):
        for i, (w, g) in enumerate(zip(want, got)):
            yield from differences(w, g, "%s[%d]" % (path, i))
    elif want != got and not same_fault(want, got):
        yield path, want, got


def same_fault(want, got):
    """Where one of them shows no scalar, only the reasons count."""
    if not isinstance(want, str) or not isinstance(got, str):
        return False
    pattern = r"(\w+ value: )(~|[^:]*)(: .*|$)"
    w, g = re.fullmatch(pattern, want, re.S), re.fullmatch(pattern, got, re.S)
    return bool(w and g and "~" in (w[2], g[2]) and w.group(1, 3) == g.group(1, 3))


def without_composite(text):
    """`Invalid value: v1.X{...}: why` and `Invalid value: {...}: why` alike."""
    m = re.match(r'(\w+ value: )(?=[^"\d-]|"null")', text)
    if not m:
        return text
    depth, quoted, at = 0, False, m.end()
    while at < len(text) and (depth or quoted or text[at] != ":"):
        c = text[at]
        if quoted:
            at += c == "\\"
            quoted = c != '"'
        else:
            quoted = c == '"'
            depth += (c in "{[(") - (c in "}])")
        at += 1
    return m[1] + "~" + text[at:]


def tidy(value):
    """Faults are found in no order that means something, and each counts once.
    Values that are no scalars are written as Go or as JSON writes them."""
    causes = value.get("details", {}).get("causes") if value.get("kind") == "Status" else None
    if causes and value.get("reason") == "Invalid":
        for c in causes:
            c["message"] = without_composite(c["message"])
        once = {json.dumps(c, sort_keys=True): c for c in causes}
        value["details"]["causes"] = [once[k] for k in sorted(once)]
        value["message"] = value["message"].split(" is invalid: ")[0] + " is invalid: ~"
    return value


class Accepted:
    """accepted.txt: `NAME-PATTERN | ID-PATTERN | FIELD-PATTERN | WHY`, patterns are
    regular expressions that match whole."""

    def __init__(self):
        self.rows, self.used = [], collections.Counter()
        with open(os.path.join(HERE, "accepted.txt")) as f:
            for line in f:
                if line.strip() and not line.startswith("#"):
                    row = [p.strip() for p in line.split(" | ", 3)]
                    self.rows.append([re.compile(p) for p in row[:3]] + [row[3]])

    def __call__(self, name, what, path):
        for i, (n, w, p, _) in enumerate(self.rows):
            if n.fullmatch(name) and w.fullmatch(what) and p.fullmatch(path):
                self.used[i] += 1
                return True
        return False


def compare(server, name, requests, accepted):
    """(request's id, field, want, got) for what differs and is not accepted."""
    rows = recorded(name)
    for r, code, value in run(server, requests):
        if r["id"] not in rows:
            yield r["id"], "", "an answer: record it", None
            continue
        want_code, want = rows[r["id"]]
        found = [("code", want_code, code)] if code != want_code else \
            differences(tidy(want), tidy(value))
        for path, w, g in found:
            if not accepted(name, r["id"][4:], path):
                yield r["id"], path, w, g


def mount_nothing(server):
    """The recorded server has no admission of accounts: ours shall mount no token."""
    path, body = "/api/v1/namespaces/%s/serviceaccounts" % corpus.NS, {"automountServiceAccountToken": False}
    server.send("POST", path, {"metadata": {"name": "default"}}) # or it is there already
    code, answer = server.send("PATCH", path + "/default", body, "application/merge-patch+json")
    assert code == 200, answer


def main(what, host, port, token, *names):
    server, accepted = Server(host, int(port), token), Accepted() if what != "record" else None
    os.makedirs(os.path.join(HERE, "answers"), exist_ok=True)
    total = 0
    for name, requests in corpus.groups():
        if names and name not in names and name != "namespace":
            continue
        if what == "record":
            record(server, name, requests)
            continue
        found = list(compare(server, name, requests, accepted))
        if name == "namespace":
            mount_nothing(server)
        total += len(requests)
        if what == "show":
            for i, path, w, g in found:
                print("%s: %s: %s: %s => %s" % (name, i, path, json.dumps(w)[:300], json.dumps(g)[:300]))
            continue
        print("%s golden %s: %d requests" % ("not ok" if found else "ok", name, len(requests)))
        for i, path, w, g in found[:10]:
            print("    %s: %s: want %s, got %s" % (i, path, json.dumps(w)[:200], json.dumps(g)[:200]))
    if what == "record" and (not names or "wire" in names):
        record_wire(server)
    if what == "replay" and not names:
        unused = [r[3] for i, r in enumerate(accepted.rows) if not accepted.used[i]]
        print("%s golden: every accepted difference is one" % ("not ok" if unused else "ok"))
        for why in unused:
            print("    never seen: " + why)
        print("ok golden: %d requests in all" % total if total >= 1500 else "not ok golden: too few")


main(*sys.argv[1:])
