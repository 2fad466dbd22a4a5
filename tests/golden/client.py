"""Sends requests of corpus.py to an API server and makes answers comparable."""
import http.client
import json
import re
import ssl

from corpus import put

# What no two servers can agree on.
MASKED = {"uid", "resourceVersion", "creationTimestamp", "selfLink", "deletionTimestamp", "continue"}
DROPPED = {"managedFields", "remainingItemCount"}
PROTOBUF = "application/vnd.kubernetes.protobuf"


class Server:
    def __init__(self, host, port, token):
        context = ssl._create_unverified_context()
        self.connection = http.client.HTTPSConnection(host, port, context=context, timeout=30)
        self.token = token

    def send(self, method, path, body=None, kind=None, accept=None):
        headers = {"Authorization": "Bearer " + self.token, "Accept": accept or "application/json"}
        if body is not None:
            headers["Content-Type"] = kind or "application/json"
            if not isinstance(body, str):
                body = json.dumps(body)
        self.connection.request(method, path, body, headers)
        r = self.connection.getresponse()
        data = r.read()
        if accept == PROTOBUF:
            return r.status, data
        text = data.decode()
        try:
            return r.status, json.loads(text)
        except ValueError:
            return r.status, {"text": text.strip()}

    def ask(self, r):
        """The answer to a request of the corpus: code and value."""
        path = r["path"] + ("?" + r["query"] if "query" in r else "")
        body = r.get("body")
        if "edit" in r:
            _, body = self.send("GET", r["path"])
            for at, value in r["edit"].items():
                body = put(body, at, value)
            if not r.get("keep", True):
                body["metadata"].pop("resourceVersion", None)
        return self.send(r["method"], path, body, r.get("type"), r.get("accept"))


def mask(value, names):
    """Without what differs from run to run; texts without what came from `names`."""
    if isinstance(value, dict):
        return {k: "~" if k in MASKED and v else mask(v, names)
                for k, v in value.items() if k not in DROPPED and v is not None}
    if isinstance(value, list):
        return [mask(v, names) for v in value]
    if isinstance(value, str):
        for n in names:
            value = value.replace(n, "~")
        value = re.sub(r"\b10\.96\.\d+\.\d+\b", "10.96.~", value)
        value = re.sub(r"in record \(\d+\)", "in record (~)", value)
        return re.sub(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\b",
                      lambda m: m[0] if m[0] < "2022" else "~", value)
    return value


def collect(value, names):
    """Uids and generated names in an answer."""
    if isinstance(value, dict):
        for k, v in value.items():
            if k == "uid" and isinstance(v, str) and len(v) == 36:
                names.add(v)
            elif k == "name" and isinstance(v, str) and v.startswith("made-"):
                names.add(v)
            collect(v, names)
    elif isinstance(value, list):
        for v in value:
            collect(v, names)


def run(server, requests):
    """Yields (request, code, masked answer)."""
    names = set()
    for r in requests:
        code, answer = server.ask(r)
        collect(answer, names)
        # Ages of rows.
        if isinstance(answer, dict) and answer.get("kind") == "Table":
            ages = [i for i, c in enumerate(answer.get("columnDefinitions") or [])
                    if c["name"] in ("Age", "Last Seen", "First Seen", "Last Schedule", "Duration")]
            for row in answer["rows"] or []:
                for i in ages:
                    row["cells"][i] = re.sub(r"^\d.*", "~", str(row["cells"][i]))
            for c in answer.get("columnDefinitions") or []:
                c.pop("description", None)
        if isinstance(answer, dict) and answer.get("kind") == "APIResourceList":
            # By name; the hash of the stored version means nothing outside.
            answer["resources"] = {x.pop("name"): {**x, "storageVersionHash": None,
                                                   "verbs": sorted(x["verbs"])}
                                   for x in answer["resources"]}
        yield r, code, mask(answer, sorted(names, key=len, reverse=True))
