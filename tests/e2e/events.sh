#!/usr/bin/env bash
# Events by kubectl: the same fact is counted, many of a kind are combined, and
# none stays for ever.
source "$(dirname "$0")/../lib/e2e.sh"

cluster_of controllers="events-kept: 60, event-seconds: 6" >"$tmp/cluster.yaml" <<<"nodes {kind: node-agent, node: n1, runtime: sim}"
start -f "$tmp/cluster.yaml" || { not_ok "cluster starts"; exit 1; }
eventually 5 kc get serviceaccount default

event() { # NAME [METADATA]
	kc apply -f - <<Y
apiVersion: v1
kind: Event
metadata: {name: $1, namespace: default${2:+, $2}}
involvedObject: {kind: Pod, name: p, namespace: default}
reason: Test
type: Normal
message: "$1"
Y
}
gone() { ! kc get event "$1" >/dev/null 2>&1; }
events_of() { kc get events --field-selector "involvedObject.name=$1" --no-headers 2>/dev/null | wc -l; }

# ---- they go when nobody tells them any more
check "an event" event mine
check "is there" kc get event mine
check "another that somebody holds" event held 'finalizers: [example.com/held]'
check "the first one goes after its time" eventually 15 gone mine
check "while the one that is held stays" kc get event held
kc patch event held --type=merge -p '{"metadata":{"finalizers":null}}' >/dev/null
check "until it is let go" eventually 15 gone held

# ---- many of a kind are one
kc create deployment web --image=app >/dev/null
set_of() { kc get rs -l app=web -o 'jsonpath={.items[0].metadata.name}'; }
kc scale deployment web --replicas=20 >/dev/null
check "twenty pods" kc rollout status deployment web --timeout=20s
combined() { kc get events --field-selector "involvedObject.name=$(set_of)" -o 'jsonpath={.items[*].message}' | grep -qF '(combined from similar events): Created pod: web-'; }
check "are told as one event after the first nine" eventually 5 combined
few() { local n; n=$(events_of "$(set_of)"); ((n >= 1 && n <= 10)); }
check "there are few of them" few

# ---- there is a most
kc scale deployment web --replicas=80 >/dev/null
kc rollout status deployment web --timeout=30s >/dev/null
at_most_60() { (($(kc get events -A --no-headers 2>/dev/null | wc -l) <= 60)); }
check "a cluster keeps no more than it may" eventually 2 at_most_60
check "one actor deletes them" bash -c "$troupe inspect event-expiry --data-dir $data -o json | grep -q '\"events\"'"
