#!/usr/bin/env python3
"""Writes bootstrap.json as a C table of objects. Usage: bootstrap.py bootstrap.json"""
import json
import sys

PLURALS = {"ClusterRole": "clusterroles", "ClusterRoleBinding": "clusterrolebindings",
           "PriorityClass": "priorityclasses", "StorageClass": "storageclasses"}

with open(sys.argv[1]) as f:
    objects = json.load(f)
print("/* Generated from bootstrap.json. */")
print('#include "actors/controllers/bootstrap.h"\n')
print("const struct bootstrap_object bootstrap_objects[] = {")
for o in objects:
    stream = PLURALS[o["kind"]] + "." + o["apiVersion"].split("/")[0]
    print("\t{%s, %s,\n\t %s}," % (json.dumps(stream), json.dumps(o["metadata"]["name"]),
                                   json.dumps(json.dumps(o, separators=(",", ":")))))
print("};\nconst size_t bootstrap_count = %d;" % len(objects))
