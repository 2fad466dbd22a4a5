#!/usr/bin/env python3
"""Writes bootstrap.json as a C table of objects. Usage: bootstrap.py bootstrap.json

Roles and bindings are short there, and made whole here:

  a rule        "VERBS GROUPS RESOURCES [NAMES]" or "VERBS url PATHS", each a list
                with commas; the group without a name is "core"
  "aggregates"  the labels of the roles whose rules it has
  "controller"  a cluster role system:controller:NAME, bound to the service account
                of that name in kube-system
  "role"        whom a binding's "users", "groups" and "accounts" (NAMESPACE/NAME)
                have it

Everything else is an object as it is.
"""
import json
import sys

GROUP = "rbac.authorization.k8s.io"
PLURALS = {"ClusterRole": "clusterroles", "ClusterRoleBinding": "clusterrolebindings",
           "Role": "roles", "RoleBinding": "rolebindings",
           "PriorityClass": "priorityclasses", "StorageClass": "storageclasses"}


def rule_of(text):
    words = [word.split(",") for word in text.split()]
    if words[1] == ["url"]:
        return {"nonResourceURLs": words[2], "verbs": words[0]}
    rule = {"apiGroups": ["" if group == "core" else group for group in words[1]],
            "resources": words[2], "verbs": words[0]}
    if len(words) > 3:
        rule["resourceNames"] = words[3]
    return rule


def subjects_of(short):
    of = {"groups": "Group", "users": "User"}
    subjects = [{"apiGroup": GROUP, "kind": kind, "name": name}
                for key, kind in of.items() for name in short.get(key, [])]
    for account in short.get("accounts", []):
        namespace, name = account.split("/")
        subjects.append({"kind": "ServiceAccount", "name": name, "namespace": namespace})
    return subjects


def access_object(short):
    metadata = {key: short[key] for key in ("name", "namespace") if key in short}
    metadata["labels"] = {"kubernetes.io/bootstrapping": "rbac-defaults", **short.get("labels", {})}
    metadata["annotations"] = {"rbac.authorization.kubernetes.io/autoupdate": "true"}
    whole = {"apiVersion": GROUP + "/v1", "kind": short["kind"], "metadata": metadata}
    if short["kind"].endswith("Binding"):
        whole["roleRef"] = {"apiGroup": GROUP, "kind": short["kind"][:-len("Binding")],
                            "name": short["role"]}
        whole["subjects"] = subjects_of(short)
        return whole
    whole["rules"] = [rule_of(text) for text in short["rules"]]
    if "aggregates" in short:
        whole["aggregationRule"] = {"clusterRoleSelectors":
                                    [{"matchLabels": labels} for labels in short["aggregates"]]}
    return whole


def objects_of(entry):
    if "controller" in entry:
        name = "system:controller:" + entry["controller"]
        return [access_object({"kind": "ClusterRole", "name": name, "rules": entry["rules"]}),
                access_object({"kind": "ClusterRoleBinding", "name": name, "role": name,
                               "accounts": ["kube-system/" + entry["controller"]]})]
    return [entry if "apiVersion" in entry else access_object(entry)]


def quoted(text):
    return "NULL" if text is None else json.dumps(text)


with open(sys.argv[1]) as f:
    objects = [whole for entry in json.load(f) for whole in objects_of(entry)]
print("/* Generated from bootstrap.json. */")
print('#include "actors/controllers/bootstrap.h"\n')
print("const struct bootstrap_object bootstrap_objects[] = {")
for o in objects:
    stream = PLURALS[o["kind"]] + "." + o["apiVersion"].split("/")[0]
    print("\t{%s, %s, %s,\n\t %s}," % (quoted(stream), quoted(o["metadata"].get("namespace")),
                                       quoted(o["metadata"]["name"]),
                                       quoted(json.dumps(o, separators=(",", ":")))))
print("};\nconst size_t bootstrap_count = %d;" % len(objects))
