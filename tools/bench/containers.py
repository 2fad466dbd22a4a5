"""Times of real pods through the API: one after another, then many at once.
Usage: containers.py HOST:PORT TOKEN CA IMAGE one|many COUNT; prints JSON fields."""
import http.client
import json
import ssl
import sys
import time

address, token, ca, image, mode, count = sys.argv[1:7]
count = int(count)
context = ssl.create_default_context(cafile=ca)
auth = {"Authorization": "Bearer " + token}
PODS = "/api/v1/namespaces/default/pods"


def connect():
    return http.client.HTTPSConnection(address, context=context)


def pod(name):
    return json.dumps({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
        "spec": {"automountServiceAccountToken": False, "terminationGracePeriodSeconds": 1,
                 "containers": [{"name": "c", "image": image, "command": ["sleep", "1000"]}]}})


def post(name):
    poster.request("POST", PODS, pod(name), {"Content-Type": "application/json", **auth})
    answer = poster.getresponse()
    answer.read()
    assert answer.status == 201, answer.status


def running(names):
    """When each of them was seen to run."""
    seen = {}
    while len(seen) < len(names):
        event = json.loads(events.readline())["object"]
        name = event["metadata"]["name"]
        if name in names and event["status"].get("phase") == "Running":
            seen.setdefault(name, time.monotonic())
    return seen


poster, watcher = connect(), connect()
watcher.request("GET", PODS + "?watch=1", headers=auth)
events = watcher.getresponse()
names = ["%s-%d" % (mode, i) for i in range(count)]
if mode == "one":
    times = []
    for name in names:
        begun = time.monotonic()
        post(name)
        times.append((running({name})[name] - begun) * 1e3)
    times.sort()
    print('"p50_ms":%.1f,"p99_ms":%.1f' % (times[count // 2], times[min(count - 1, count * 99 // 100)]))
else:
    begun = time.monotonic()
    for name in names:
        post(name)
    running(set(names))
    print('"pods":%d,"per_s":%.1f' % (count, count / (time.monotonic() - begun)))
