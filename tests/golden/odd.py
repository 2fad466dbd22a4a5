"""Requests that are rare: forms of answers, paths, finalizers, scales, patches of odd content, field
selectors, applies of every kind of list."""
import kinds
from corpus import MERGE, NS, STRATEGIC, put

V1 = kinds.V1
APPS = "/apis/apps/v1/namespaces/%s" % NS
APPLY, JSONPATCH = "application/apply-patch+yaml", "application/json-patch+json"
TEMPLATE = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
DEPLOYMENT = {"metadata": {"name": "odd"}, "spec": {
    "replicas": 2, "selector": {"matchLabels": {"a": "b"}}, "template": TEMPLATE}}


class Requests(list):
    def add(self, what, method, path, **more):
        self.append({"id": what, "method": method, "path": path, **more})


def finalizers():
    out = Requests()
    for k in kinds.KINDS:
        body = put(k.body(k.least, "finalizers"), "metadata.finalizers", ["unqualified", "example.com/a"])
        out.add("an unqualified finalizer of " + k.group, "POST", k.path, query="dryRun=All", body=body)
    return out


def forms():
    out, one = Requests(), V1 + "/configmaps/forms"
    all_maps = V1 + "/configmaps"
    out.add("a map", "POST", all_maps, body={"metadata": {"name": "forms", "labels": {"app": "forms"}}})
    for kind in ("Table", "PartialObjectMetadata", "PartialObjectMetadataList", "Other"):
        for version in ("v1", "v1beta1", "v1alpha1"):
            accept = "application/json;as=%s;v=%s;g=meta.k8s.io" % (kind, version)
            out.add("%s %s of one" % (kind, version), "GET", one, accept=accept)
            out.add("%s %s of a list" % (kind, version), "GET", all_maps, accept=accept, query="labelSelector=app%3Dforms")
    for accept in ("application/json;as=Table;g=meta.k8s.io", "application/json;as=Table;v=v1",
                   "application/json;as=Table;v=v1;g=other", "application/json;as=Other;v=v1;g=meta.k8s.io,application/json"):
        out.add("accepting " + accept, "GET", one, accept=accept)
    out.add("a watch as YAML", "GET", all_maps, query="watch=1&timeoutSeconds=1", accept="application/yaml")
    out.add("no map", "DELETE", one)
    return out


def paths():
    out = Requests()
    for path in ("/api//v1/pods", "/api/v1//pods", "/api/v1/namespaces//pods", "/api/v1/namespaces/%s//pods" % NS,
                 "/api/v1/namespaces/%s/pods//none" % NS, "/api/v1/namespaces/%s/pods/none//log" % NS,
                 "/apis//apps/v1/deployments", "/apis/apps//v1/deployments", "/apis/apps/v1//deployments",
                 "/api//v1", "/apis/apps//v1", "/api/v1/namespaces/%s/pods//" % NS, "/api/v1/nodes//status"):
        out.add("at " + path, "GET", path)
    return out


def scales():
    out, one = Requests(), APPS + "/deployments/odd"
    out.add("a deployment", "POST", APPS + "/deployments", body=DEPLOYMENT)

    def scale(what, body, query="fieldManager=m&force=true"):
        out.add("apply a scale " + what, "PATCH", one + "/scale", type=APPLY, body=body, query=query)

    typed = {"apiVersion": "autoscaling/v1", "kind": "Scale"}
    scale("without a type", {"spec": {"replicas": 3}})
    scale("without a version", {"kind": "Scale", "spec": {"replicas": 3}})
    scale("of another version", {"apiVersion": "autoscaling/v2", "kind": "Scale", "spec": {"replicas": 3}})
    scale("of another kind", {"apiVersion": "apps/v1", "kind": "Deployment"})
    scale("of nothing", {})
    scale("without a manager", {**typed, "spec": {"replicas": 3}}, "force=true")
    scale("that others own", {**typed, "spec": {"replicas": 3}}, "fieldManager=m")
    scale("by force", {**typed, "spec": {"replicas": 3}})
    scale("once more", {**typed, "spec": {"replicas": 3}}, "fieldManager=m")
    scale("that is negative", {**typed, "spec": {"replicas": -1}})
    scale("that is text", {**typed, "spec": {"replicas": "x"}})
    scale("with managed fields", {**typed, "metadata": {"managedFields": [{}]}, "spec": {"replicas": 3}})
    scale("of another name", {**typed, "metadata": {"name": "other"}, "spec": {"replicas": 3}})
    scale("of another namespace", {**typed, "metadata": {"namespace": "other"}, "spec": {"replicas": 3}})
    out.add("apply a scale of nobody", "PATCH", APPS + "/deployments/none/scale", type=APPLY,
            body={**typed, "spec": {"replicas": 3}}, query="fieldManager=m")
    out.add("the deployment then", "GET", one)
    for method in ("POST", "DELETE"):
        out.add("%s a scale" % method, method, one + "/scale", body={**typed})
        out.add("%s a status" % method, method, one + "/status", body={})
    out.add("a status of another kind", "PUT", one + "/status", body={"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "odd"}})
    out.add("a status of another name", "PUT", one + "/status", body={"metadata": {"name": "other"}})
    out.add("a binding of a deployment", "POST", one + "/binding", body={})
    out.add("an eviction of another kind", "POST", V1 + "/pods/none/eviction", body={"apiVersion": "v1", "kind": "Pod"})
    out.add("no deployment", "DELETE", one)
    return out


def patches():
    out, one = Requests(), APPS + "/deployments/odd"
    out.add("a deployment", "POST", APPS + "/deployments", body=DEPLOYMENT)

    def patch(what, kind, body, path=one):
        out.add(what, "PATCH", path, type=kind, body=body, query="dryRun=All")

    for name, body in (("null", "null"), ("true", "true"), ("a number", "1"), ("text", '"x"'), ("a list", "[]"),
                       ("a list of null", "[null]"), ("nothing", "{}"), ("two objects", "{}{}"), ("a comma", '{"a":1,}')):
        for kind, word in ((MERGE, "merge"), (STRATEGIC, "strategic"), (JSONPATCH, "json")):
            patch("%s patch of %s" % (word, name), kind, body)
    for name, body in (
            ("spec of null", {"spec": None}), ("metadata of null", {"metadata": None}),
            ("labels of null", {"metadata": {"labels": None}}), ("a label of null", {"metadata": {"labels": {"a": None}}}),
            ("a name", {"metadata": {"name": "other"}}), ("a name of null", {"metadata": {"name": None}}),
            ("a namespace", {"metadata": {"namespace": "other"}}), ("a uid", {"metadata": {"uid": "other"}}),
            ("a generation", {"metadata": {"generation": 9}}), ("a time", {"metadata": {"creationTimestamp": "2020-01-01T00:00:00Z"}}),
            ("no time", {"metadata": {"creationTimestamp": "yesterday"}}), ("a kind", {"kind": "Pod"}),
            ("a version of the API", {"apiVersion": "apps/v2"}), ("a status", {"status": {"replicas": 9}}),
            ("replicas of text", {"spec": {"replicas": "3"}}), ("replicas of a fraction", {"spec": {"replicas": 1.5}}),
            ("replicas of 2^31", {"spec": {"replicas": 2147483648}}), ("replicas of null", {"spec": {"replicas": None}}),
            ("containers of null", {"spec": {"template": {"spec": {"containers": None}}}}),
            ("containers of an object", {"spec": {"template": {"spec": {"containers": {}}}}}),
            ("a selector", {"spec": {"selector": {"matchLabels": {"a": "c"}}}}),
            ("an unknown field", {"spec": {"unknown": 1}}), ("another case", {"spec": {"Replicas": 3}}),
            ("an owner of null", {"metadata": {"ownerReferences": None}}),
            ("managed fields of nothing", {"metadata": {"managedFields": []}}),
            ("a version", {"metadata": {"resourceVersion": "1"}}), ("a version of nothing", {"metadata": {"resourceVersion": ""}}),
            ("a version of text", {"metadata": {"resourceVersion": "x"}})):
        patch("merge patch of " + name, MERGE, body)
        patch("strategic patch of " + name, STRATEGIC, body)
    for name, body in (
            ("no operation", []), ("an unknown operation", [{"op": "touch", "path": "/a"}]), ("no path", [{"op": "remove"}]),
            ("no value", [{"op": "add", "path": "/metadata/labels"}]), ("the root", [{"op": "replace", "path": "", "value": {}}]),
            ("an index behind the end", [{"op": "add", "path": "/spec/template/spec/containers/5", "value": {}}]),
            ("an index below zero", [{"op": "remove", "path": "/spec/template/spec/containers/-1"}]),
            ("an end", [{"op": "add", "path": "/spec/template/spec/containers/-", "value": {"name": "d", "image": "j"}}]),
            ("a copy", [{"op": "copy", "from": "/spec/replicas", "path": "/spec/revisionHistoryLimit"}]),
            ("a move", [{"op": "move", "from": "/spec/revisionHistoryLimit", "path": "/spec/minReadySeconds"}]),
            ("a move of nothing", [{"op": "move", "from": "/spec/none", "path": "/spec/minReadySeconds"}]),
            ("a test", [{"op": "test", "path": "/spec/replicas", "value": 2}]),
            ("a test of another", [{"op": "test", "path": "/spec/replicas", "value": 3}]),
            ("an escaped path", [{"op": "add", "path": "/metadata/annotations", "value": {}},
                                 {"op": "add", "path": "/metadata/annotations/a~1b~0c", "value": "x"}])):
        patch("json patch of " + name, JSONPATCH, body)
    out.add("no deployment", "DELETE", one)
    return out


def selectors():
    out = Requests()
    for k in kinds.KINDS:
        for query in ("metadata.name%3Dnone", "metadata.namespace%3Dnone", "metadata.name!%3Dx,metadata.name%3Dnone",
                      "status.phase%3Dnone", "spec.unknown%3D1", "metadata.name", "metadata.name%3D%3Dnone", "type%3Dnone"):
            out.add("%s where %s" % (k.group, query), "GET", k.path, query="fieldSelector=" + query)
    for query in ("a", "!a", "a%3Db", "a%20in%20()", "a%20in%20(b", "a%20in%20(b,)", "a%20notin%20(b)", "a%3E1", "a%3Ex", "a%3D%3D%3Db",
                  "-a", "a%3D-", "a,,b", "a%20b", "%20", "a%3D", "a!%3D", "in%20in%20(in)", "x%2Fy%2Fz", "A.b%2Fc%3Dd"):
        out.add("maps labelled %s" % query, "GET", V1 + "/configmaps", query="labelSelector=%s,golden-none" % query)
    return out


def applies():
    """Lists of every kind: sets, maps with one key and with two, atomic ones."""
    out, pod, service = Requests(), V1 + "/pods/odd", V1 + "/services/odd"

    def apply(what, path, body, manager, force=False):
        kind, name = ("Pod", "odd") if "pods" in path else ("Service", "odd")
        whole = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, **body}
        if "metadata" in body:
            whole["metadata"] = {"name": name, **body["metadata"]}
        out.add(what, "PATCH", path, type=APPLY, body=whole, query="fieldManager=" + manager + ("&force=true" if force else ""))

    def ports(*of):
        return {"spec": {"selector": {"a": "b"}, "ports": [{"port": p, "protocol": q} for p, q in of]}}

    apply("a service", service, ports((80, "TCP"), (80, "UDP")), "one")
    apply("the same of another", service, ports((80, "TCP"), (80, "UDP")), "two")
    apply("a port more", service, ports((80, "TCP"), (81, "TCP")), "two")
    apply("a port twice", service, ports((80, "TCP"), (80, "TCP")), "two")
    apply("a selector of another", service, {"spec": {"selector": {"a": "c"}}}, "three")
    apply("by force", service, {"spec": {"selector": {"a": "c"}}}, "three", True)
    apply("finalizers", service, {"metadata": {"finalizers": ["a.b/c", "a.b/d"]}}, "four")
    apply("finalizers of another", service, {"metadata": {"finalizers": ["a.b/d", "a.b/e"]}}, "five")
    apply("a finalizer less", service, {"metadata": {"finalizers": ["a.b/c"]}}, "four")
    apply("a finalizer twice", service, {"metadata": {"finalizers": ["a.b/c", "a.b/c"]}}, "four")
    apply("no finalizers", service, {"metadata": {"finalizers": []}}, "four")
    apply("and none", service, {}, "five")
    apply("labels of null", service, {"metadata": {"labels": None}}, "five")
    apply("labels of text", service, {"metadata": {"labels": "x"}}, "five")
    apply("labels of numbers", service, {"metadata": {"labels": {"a": 1}}}, "five")
    apply("owners without a uid", service, {"metadata": {"ownerReferences": [{"name": "x"}]}}, "five")
    out.add("no service", "DELETE", service)
    two = [{"name": "a", "image": "i", "env": [{"name": "X", "value": "1"}, {"name": "Y", "value": "2"}], "args": ["1", "2"]},
           {"name": "b", "image": "i"}]
    apply("a pod", pod, {"spec": {"containers": two}}, "one")
    apply("an image of another", pod, {"spec": {"containers": [{"name": "b", "image": "j"}]}}, "two")
    apply("an image by force", pod, {"spec": {"containers": [{"name": "b", "image": "j"}]}}, "two", True)
    apply("a container less", pod, {"spec": {"containers": two[:1]}}, "one")
    apply("a container without a name", pod, {"spec": {"containers": [{"image": "j"}]}}, "two")
    apply("a container twice", pod, {"spec": {"containers": [{"name": "b", "image": "j"}, {"name": "b", "image": "k"}]}}, "two")
    apply("containers of an object", pod, {"spec": {"containers": {"name": "b"}}}, "two")
    apply("a container of null", pod, {"spec": {"containers": [None]}}, "two")
    apply("tolerations, an atomic list", pod, {"spec": {"tolerations": [{"key": "x", "operator": "Exists"}]}}, "two")
    out.add("no pod", "DELETE", pod, query="gracePeriodSeconds=0")
    return out


GROUPS = {"finalizers": finalizers(), "forms": forms(), "paths": paths(), "scales": scales(), "patches": patches(),
          "selectors": selectors(), "applies": applies()}
