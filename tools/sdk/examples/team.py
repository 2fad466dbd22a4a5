#!/usr/bin/python3
"""The controller of team.c in another language, as a program of its own: each namespace
with a label `team` has a ConfigMap `team` that says whose it is and how to reach them.
Usage: team.py DATA-DIR [DOMAIN [NAME]]"""
import sys
from troupe import Controller, create, delete, labels, merge

domain, name = sys.argv[2:3] or ["example.org"], sys.argv[3:4] or ["team-py"]
controller = Controller(name[0], sys.argv[1], fence="team")
namespaces, maps = controller.follow("namespaces"), controller.follow("configmaps")

def changed(stream, key, was, now):
    """Which keys a change is about: always the namespace's."""
    _, namespace, *rest = key.split("/")
    if stream is namespaces or rest == ["team"]:
        yield "namespaces/" + namespace

def plan(key):
    """What is to be done about one namespace, from what is there."""
    namespace = namespaces.get(key)
    if not namespace or "deletionTimestamp" in namespace["metadata"]:
        return  # it goes, and all in it
    ns, team = namespace["metadata"]["name"], labels(namespace).get("team")
    there = maps.get(f"configmaps/{ns}/team")
    if there and labels(there).get("made-by") != "team-controller":
        return  # somebody else's
    data = {"team": team, "contact": f"{team}@{domain[0]}"}
    if team and not there:
        yield create("configmaps", ns, {"data": data, "metadata": {"name": "team", "labels": {
            "made-by": "team-controller"}}}, basis=[key])
    elif team and there.get("data") != data:
        yield merge("configmaps", ns, "team", {"data": data}, basis=[key])
    elif there and not team:
        yield delete("configmaps", ns, "team", uid=there["metadata"]["uid"], basis=[key])

controller.run(changed, plan)
