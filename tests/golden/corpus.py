"""The requests whose answers are compared with a real Kubernetes: for every kind
the least and the most that it takes, each fault by itself, every verb and kind
of patch, Tables. Deterministic; `groups()` yields (name, requests) in order.

A request is a dict: id, method, path, and as needed `body` (JSON value, or a
str that is sent as it is), `type` (of the body), `accept`, `query`. With `edit`
it is first read (GET path), changed by these {path: value} and sent back; with
`keep` False the resourceVersion is left out of what is sent back."""
import copy

NS = "golden"
MERGE = "application/merge-patch+json"
JSON = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
META = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
METAS = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
DROP = object()  # in place of a value: the field is left out


def put(obj, path, value):
    """A copy of `obj` with the value at a path ("spec.ports.0.name") replaced."""
    obj = copy.deepcopy(obj)
    at, keys = obj, path if isinstance(path, list) else path.split(".")
    for k in keys[:-1]:
        if isinstance(at, list):
            at = at[int(k)]
        else:
            at = at.setdefault(k, {})
    last = int(keys[-1]) if isinstance(at, list) else keys[-1]
    if value is DROP:
        del at[last]
    elif isinstance(at, list) and last == len(at):
        at.append(value)
    else:
        at[last] = value
    return obj


class Kind:
    """Where a kind lives, and what it is made of: `least` and `most` are bodies
    without apiVersion, kind and metadata; `faults` are [(path, value)] applied
    to `most`; `changes` are merge patches of the object `most`; `status` is a
    merge patch of the subresource."""

    def __init__(self, api, plural, kind, least, most=None, faults=(), changes=(), status=None,
                 bad_status=(), namespaced=True, scale=False, cluster_name=None, names=True,
                 verbs=True):
        self.api, self.plural, self.kind = api, plural, kind
        self.least, self.most = least, most or least
        self.faults, self.changes = faults, changes
        self.status, self.bad_status = status, bad_status
        self.namespaced, self.scale, self.names = namespaced, scale, names
        root = "/api/v1" if api == "v1" else "/apis/" + api
        self.path = root + ("/namespaces/%s/" % NS if namespaced else "/") + plural
        self.all = root + "/" + plural
        self.group = "%s.%s" % (plural, api.replace("/", "-"))

    def body(self, spec, name, **meta):
        m = {"name": name, "labels": {"app": "golden"}, **meta}
        return {"apiVersion": self.api, "kind": self.kind, "metadata": m, **copy.deepcopy(spec)}

    def requests(self):
        out = []

        def add(what, method, path, **more):
            out.append({"id": "%03d %s" % (len(out), what), "method": method, "path": path, **more})

        self.creates(add)
        self.reads(add)
        self.updates(add)
        self.patches(add)
        if self.status is not None:
            self.statuses(add)
        if self.scale:
            self.scales(add)
        self.refusals(add)
        for i, (path, value) in enumerate(self.faults):
            shown = ".".join(path) if isinstance(path, list) else path
            add("fault %s=%s" % (shown, "-" if value is DROP else str(value)[:40]), "POST", self.path,
                body=self.body(put(self.most, path, value), "f%d" % i))
        self.deletes(add)
        return out

    def creates(self, add):
        add("create the least", "POST", self.path, body=self.body(self.least, "least"))
        add("create the most", "POST", self.path, body=self.body(
            self.most, "most", annotations={"note": "a b"}))
        add("create again", "POST", self.path, body=self.body(self.least, "least"))
        add("create with a generated name", "POST", self.path,
            body=put(put(self.body(self.least, "x"), "metadata.name", DROP),
                     "metadata.generateName", "made-"))
        add("create without apiVersion and kind", "POST", self.path,
            body={k: v for k, v in self.body(self.least, "bare").items()
                  if k not in ("apiVersion", "kind")})
        add("create, a dry run", "POST", self.path, query="dryRun=All",
            body=self.body(self.least, "dry"))
        add("what a dry run made", "GET", self.path + "/dry")
        add("create what sets what the server sets", "POST", self.path, body=self.body(
            self.least, "server", uid="4f1a4b4e-0000-4000-8000-000000000000", selfLink="/x",
            creationTimestamp="2001-01-01T00:00:00Z", generation=7,
            deletionTimestamp="2001-01-01T00:00:00Z"))

    def reads(self, add):
        add("get", "GET", self.path + "/most")
        add("get what is not there", "GET", self.path + "/none")
        add("list", "GET", self.path, query="labelSelector=app%3Dgolden")
        add("list of nothing", "GET", self.path, query="labelSelector=app%3Dnothing")
        add("list by name", "GET", self.path, query="fieldSelector=metadata.name%3Dleast")
        add("list by a field that is none", "GET", self.path, query="fieldSelector=spec.none%3Dx")
        add("list by a broken selector", "GET", self.path, query="labelSelector=a+in+(")
        if self.namespaced:
            add("list of all namespaces", "GET", self.all, query="labelSelector=app%3Dgolden")
        add("table", "GET", self.path + "/most", accept=TABLE)
        add("table of a list", "GET", self.path, query="labelSelector=app%3Dgolden", accept=TABLE)
        add("table without objects", "GET", self.path + "/least", accept=TABLE,
            query="includeObject=None")
        add("table with objects", "GET", self.path + "/least", accept=TABLE,
            query="includeObject=Object")
        add("table of nothing", "GET", self.path, query="labelSelector=app%3Dnothing", accept=TABLE)
        add("metadata", "GET", self.path + "/most", accept=META)
        add("metadata of a list", "GET", self.path, query="labelSelector=app%3Dgolden", accept=METAS)

    def updates(self, add):
        most = self.path + "/most"
        add("update nothing", "PUT", most, edit={})
        add("update a label", "PUT", most, edit={"metadata.labels.more": "yes"})
        add("update by no version", "PUT", most, edit={"metadata.labels.more": "no"}, keep=False)
        add("update an old version", "PUT", most, edit={"metadata.resourceVersion": "1"})
        add("update another name", "PUT", most, edit={"metadata.name": "least"})
        add("update another namespace" if self.namespaced else "update with a namespace", "PUT", most,
            edit={"metadata.namespace": "default"})
        add("update another uid", "PUT", most,
            edit={"metadata.uid": "4f1a4b4e-0000-4000-8000-000000000000"})
        add("update, a dry run", "PUT", most, query="dryRun=All", edit={"metadata.labels.dry": "yes"})
        add("update a wrong label", "PUT", most, edit={"metadata.labels.more": "not so!"})
        add("update what is not there", "PUT", self.path + "/none", body=self.body(self.least, "none"))
        for i, patch in enumerate(self.changes):
            add("change %s" % str(patch)[:60], "PATCH", most, type=MERGE, body=patch)
        add("get after the updates", "GET", most)

    def patches(self, add):
        most = self.path + "/most"
        add("merge patch", "PATCH", most, type=MERGE, body={"metadata": {"annotations": {"a": "1"}}})
        add("merge patch takes away", "PATCH", most, type=MERGE,
            body={"metadata": {"annotations": {"a": None}}})
        add("merge patch of nothing", "PATCH", most, type=MERGE, body={})
        add("merge patch with an old version", "PATCH", most, type=MERGE,
            body={"metadata": {"resourceVersion": "1"}})
        add("merge patch of a wrong type", "PATCH", most, type=MERGE,
            body={"metadata": {"labels": {"a": {"b": "c"}}}})
        add("merge patch of the name", "PATCH", most, type=MERGE, body={"metadata": {"name": "x"}})
        add("json patch", "PATCH", most, type=JSON,
            body=[{"op": "add", "path": "/metadata/labels/json", "value": "1"}])
        add("json patch that tests", "PATCH", most, type=JSON,
            body=[{"op": "test", "path": "/metadata/labels/json", "value": "2"}])
        add("json patch of what is not there", "PATCH", most, type=JSON,
            body=[{"op": "remove", "path": "/metadata/labels/none"}])
        add("json patch that is none", "PATCH", most, type=JSON, body={"op": "add"})
        add("strategic patch", "PATCH", most, type=STRATEGIC,
            body={"metadata": {"labels": {"strategic": "1"}}})
        add("strategic patch of finalizers", "PATCH", most, type=STRATEGIC,
            body={"metadata": {"finalizers": ["example.com/a"]}})
        add("strategic patch of one more", "PATCH", most, type=STRATEGIC,
            body={"metadata": {"finalizers": ["example.com/b"]}})
        add("strategic patch takes one away", "PATCH", most, type=STRATEGIC,
            body={"metadata": {"$deleteFromPrimitiveList/finalizers": ["example.com/a"]}})
        add("strategic patch of all finalizers", "PATCH", most, type=MERGE,
            body={"metadata": {"finalizers": None}})
        add("patch of another kind", "PATCH", most, type="text/plain", body="x")
        add("patch that is no JSON", "PATCH", most, type=MERGE, body="{")
        add("patch of what is not there", "PATCH", self.path + "/none", type=MERGE, body={})
        add("patch, a dry run", "PATCH", most, type=MERGE, query="dryRun=All",
            body={"metadata": {"labels": {"dry": "1"}}})

    def statuses(self, add):
        at = self.path + "/most/status"
        add("get status", "GET", at)
        add("patch status", "PATCH", at, type=MERGE, body={"status": self.status})
        add("patch status and spec", "PATCH", at, type=MERGE,
            body={"status": self.status, "metadata": {"annotations": {"by": "status"}}})
        add("update status", "PUT", at, edit={})
        add("status by the object does nothing", "PATCH", self.path + "/most", type=MERGE,
            body={"status": None})
        for patch in self.bad_status:
            add("status %s" % str(patch)[:50], "PATCH", at, type=MERGE, body={"status": patch})
        add("get after the status", "GET", self.path + "/most")
        add("table after the status", "GET", self.path + "/most", accept=TABLE)
        add("create status", "POST", at, body={})
        add("delete status", "DELETE", at)

    def scales(self, add):
        at = self.path + "/most/scale"
        add("get scale", "GET", at)
        add("update scale", "PUT", at, edit={"spec.replicas": 4})
        add("patch scale", "PATCH", at, type=MERGE, body={"spec": {"replicas": 2}})
        add("scale below nothing", "PATCH", at, type=MERGE, body={"spec": {"replicas": -1}})
        add("scale of an old version", "PUT", at, edit={"metadata.resourceVersion": "1"})
        add("scale of what is not there", "GET", self.path + "/none/scale")
        add("get after the scale", "GET", self.path + "/most")

    def refusals(self, add):
        body = self.body(self.least, "refused")
        add("create with a version", "POST", self.path,
            body=put(body, "metadata.resourceVersion", "1"))
        add("create another kind", "POST", self.path, body={**body, "kind": "Nothing"})
        add("create another version", "POST", self.path, body={**body, "apiVersion": "none/v1"})
        add("create without a name", "POST", self.path, body=put(body, "metadata.name", DROP))
        if self.names:
            add("create with a wrong name", "POST", self.path,
                body=put(body, "metadata.name", "Not_a.Name-"))
        add("create with a wrong label", "POST", self.path,
            body=put(body, "metadata.labels", {"a b": "c", "d": "e f"}))
        add("create with a wrong annotation", "POST", self.path,
            body=put(body, "metadata.annotations", {"a b": "c"}))
        add("create with a wrong finalizer", "POST", self.path,
            body=put(body, "metadata.finalizers", ["no/t/so"]))
        add("create with an owner without a name", "POST", self.path,
            body=put(body, "metadata.ownerReferences", [{"kind": "Pod", "apiVersion": "v1"}]))
        add("create with two controllers", "POST", self.path, body=put(
            body, "metadata.ownerReferences",
            [{"kind": "Pod", "apiVersion": "v1", "name": n, "uid": n, "controller": True}
             for n in "ab"]))
        add("create in another namespace" if self.namespaced else "create with a namespace", "POST",
            self.path, body=put(body, "metadata.namespace", "elsewhere"))
        add("create with labels of a wrong type", "POST", self.path,
            body=put(body, "metadata.labels", "x"))
        add("create with labels that are numbers", "POST", self.path,
            body=put(body, "metadata.labels", {"a": 1}))
        add("create of no JSON", "POST", self.path, body="{\"a\":")
        add("create of an array", "POST", self.path, body="[]")
        add("create with an unknown field", "POST", self.path, query="dryRun=All",
            body={**body, "unknown": {"a": 1}})
        add("create with a bad option", "POST", self.path, query="dryRun=Some", body=body)
        add("post to an object", "POST", self.path + "/least", body=body)
        add("put to the collection", "PUT", self.path, body=body)
        add("patch the collection", "PATCH", self.path, type=MERGE, body={})
        add("a subresource that is none", "GET", self.path + "/least/nothing")
        if self.namespaced:
            add("create without a namespace", "POST", self.all, body=body)
            add("create in no namespace", "POST", self.path.replace("/%s/" % NS, "/missing/"),
                body=body)

    def deletes(self, add):
        most, least = self.path + "/most", self.path + "/least"
        add("delete what is not there", "DELETE", self.path + "/none")
        add("delete, a dry run", "DELETE", most, query="dryRun=All")
        add("delete by another uid", "DELETE", most,
            body={"kind": "DeleteOptions", "apiVersion": "v1",
                  "preconditions": {"uid": "4f1a4b4e-0000-4000-8000-000000000000"}})
        add("delete by another version", "DELETE", most, body={"preconditions": {"resourceVersion": "1"}})
        add("delete with an unknown policy", "DELETE", most, body={"propagationPolicy": "Whatever"})
        add("delete with two policies", "DELETE", most,
            body={"propagationPolicy": "Orphan", "orphanDependents": True})
        add("delete with a bad grace period", "DELETE", most, query="gracePeriodSeconds=soon")
        add("delete in the background", "DELETE", most, query="propagationPolicy=Background")
        add("get what was deleted", "GET", most)
        add("delete in the foreground", "DELETE", least, body={"propagationPolicy": "Foreground"})
        add("get what is being deleted", "GET", least)
        add("no new finalizer for what is being deleted", "PATCH", least, type=MERGE,
            body={"metadata": {"finalizers": ["foregroundDeletion", "example.com/new"]}})
        add("the last finalizer ends it", "PATCH", least, type=MERGE,
            body={"metadata": {"finalizers": None}})
        add("get what has ended", "GET", least)
        add("delete the others", "DELETE", self.path, query="labelSelector=app%3Dgolden")
        add("list after all", "GET", self.path, query="labelSelector=app%3Dgolden")


def groups():
    import kinds
    import odd
    yield "namespace", [{"id": "000 create the namespace", "method": "POST", "path": "/api/v1/namespaces",
                         "body": {"metadata": {"name": NS}}}]
    for k in kinds.KINDS:
        yield k.group, k.requests()
    for name, requests in {**kinds.OTHERS, **odd.GROUPS}.items():
        yield name, [{**r, "id": "%03d %s" % (i, r["id"])} for i, r in enumerate(requests)]
