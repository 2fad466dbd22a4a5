#!/usr/bin/env bash
# Daemon sets by kubectl, on simulated nodes: a pod on each node that is meant,
# rolled out node by node, undone, on nodes that come, go and are tainted.
source "$(dirname "$0")/../lib/e2e.sh"

start --nodes 3 --runtime sim || { not_ok "cluster starts"; exit 1; }
eventually 5 kc get serviceaccount default

field() { kc get "$1" "$2" -o "jsonpath={$3}"; }
count() { kc get "$@" --no-headers 2>/dev/null | wc -l; }
where() { kc get pods -l "app=$1" -o 'jsonpath={range .items[*]}{.spec.nodeName} {end}' | xargs -n1 | sort | xargs; }
images() { kc get pods -l "app=$1" -o 'jsonpath={range .items[*]}{.spec.containers[0].image} {end}' | xargs -n1 | sort | uniq -c | xargs; }
set() { # NAME IMAGE [SPEC]
	cat <<Y
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: $1}
spec:
  selector: {matchLabels: {app: $1}}
  ${3:-}
  template:
    metadata: {labels: {app: $1}}
    spec: {terminationGracePeriodSeconds: 1, containers: [{name: c, image: "$2"}]}
Y
}

# ---- one on each node
check "a daemon set" kc apply -f <(set agent app:1)
check "is rolled out" kc rollout status ds agent --timeout=10s
check "with a pod on each node" is "n1 n2 n3" where agent
check "as its status says" is "3 3 3 3 0" field ds agent '.status.desiredNumberScheduled} {.status.currentNumberScheduled} {.status.numberReady} {.status.numberAvailable} {.status.numberMisscheduled'
pod=$(kc get pods -l app=agent -o 'jsonpath={.items[0].metadata.name}')
check "whose affinity names the node" is "$(field pod "$pod" .spec.nodeName)" field pod "$pod" '.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchFields[0].values[0]'
check "and which bears what daemons bear" is NoSchedule field pod "$pod" '.spec.tolerations[?(@.key=="node.kubernetes.io/unschedulable")].effect'
check "labelled by its revision" is "agent-$(field pod "$pod" '.metadata.labels.controller-revision-hash')" kc get controllerrevisions -l app=agent -o 'jsonpath={.items[0].metadata.name}'
kc delete pod "$pod" >/dev/null
check "one that is deleted is made again" eventually 10 is "n1 n2 n3" where agent

kept() { kc get controllerrevisions -l app=agent -o jsonpath='{.items[0].data}'; }
own() { # as client-go makes it of the daemon set: keys in order, compact
	kc get ds agent -o json | python3 -c 'import json, sys
t = json.load(sys.stdin)["spec"]["template"]
t["$patch"] = "replace"
t["metadata"].setdefault("creationTimestamp", None)
print(json.dumps({"spec": {"template": t}}, sort_keys=True, separators=(",", ":")))'
}
check "which keeps the very bytes that clients compare" is "$(own)" kept

# ---- nodes
kc cordon n2 >/dev/null
kc delete pods -l app=agent >/dev/null
check "also on a node that is cordoned" eventually 10 is "n1 n2 n3" where agent
kc uncordon n2 >/dev/null
kc taint node n3 gpu=yes:NoSchedule >/dev/null
check "a taint lets it stay" eventually 5 is "2 1" field ds agent '.status.desiredNumberScheduled} {.status.numberMisscheduled'
check "where it is" is "n1 n2 n3" where agent
kc taint node n3 gpu=yes:NoExecute >/dev/null
check "or not" eventually 10 is "n1 n2" where agent
kc taint node n3 gpu- >/dev/null
check "and it comes back" eventually 10 is "n1 n2 n3" where agent
kc label node n1 disk=ssd >/dev/null
kc patch ds agent -p '{"spec":{"template":{"spec":{"nodeSelector":{"disk":"ssd"}}}}}' >/dev/null
check "a selector takes those away that are not meant" eventually 10 is "n1" where agent
kc label node n2 disk=ssd >/dev/null
check "a label brings one" eventually 10 is "n1 n2" where agent
kc patch ds agent --type=json -p '[{"op":"remove","path":"/spec/template/spec/nodeSelector"}]' >/dev/null
check "no selector, all nodes" eventually 10 is "n1 n2 n3" where agent

# ---- rolled, undone
check "rolled out again" kc rollout status ds agent --timeout=20s
check "a new image" kc set image ds agent c=app:2
check "is rolled out" kc rollout status ds agent --timeout=20s
check "everywhere" eventually 10 is "3 app:2" images agent
check "undo" kc rollout undo ds agent
check "is rolled out" kc rollout status ds agent --timeout=20s
check "to what was before" eventually 10 is "3 app:1" images agent
# one that gets stuck is undone without a restart of the others
pods_of() { kc get pods -l app=agent -o "jsonpath={range .items[?(@.spec.containers[0].image==\"$1\")]}{.metadata.name} {end}" | wc -w; }
uids() { kc get pods -l app=agent -o 'jsonpath={range .items[*]}{.metadata.uid} {end}' | xargs -n1 | sort | xargs; }
check "an image that is not there" kc set image ds agent c=app:non-existent
stuck() { kc get pods -l app=agent -o 'jsonpath={.items[*].status.containerStatuses[0].state.waiting.reason}'; }
check "is waited for" eventually 10 is ErrImagePull stuck
check "on one node" is "2 1" bash -c "echo $(pods_of app:1) $(pods_of app:non-existent)"
old=$(kc get pods -l app=agent -o 'jsonpath={range .items[?(@.spec.containers[0].image=="app:1")]}{.metadata.uid} {end}')
check "undone" kc rollout undo ds agent
check "is rolled out" kc rollout status ds agent --timeout=20s
same() { local u; for u in $old; do uids | grep -q "$u" || return 1; done; is "3 app:1" images agent; }
check "and the others are as they were" eventually 10 same
revisions() { kc rollout history ds agent | grep -cE '^[0-9]'; }
check "history knows each template once" is 4 revisions
kc patch ds agent -p '{"spec":{"updateStrategy":{"type":"RollingUpdate","rollingUpdate":{"maxUnavailable":1}},"template":{"spec":{"nodeSelector":{"no":"where"}}}}}' >/dev/null
check "a template for no node leaves none" eventually 10 is 0 count pods -l app=agent
check "rollout status says so" kc rollout status ds agent --timeout=10s

# ---- on delete, surge
check "on delete" kc apply -f <(set lazy app:1 'updateStrategy: {type: OnDelete}')
kc rollout status ds lazy --timeout=10s >/dev/null 2>&1
eventually 10 is "3 app:1" images lazy
kc set image ds lazy c=app:2 >/dev/null
updated() { field ds lazy '.status.observedGeneration} {.status.updatedNumberScheduled'; }
check "nothing is replaced" eventually 5 is "2 " updated
check "all are of the first template" is "3 app:1" images lazy
kc delete pod "$(kc get pods -l app=lazy -o 'jsonpath={.items[0].metadata.name}')" >/dev/null
check "but what is deleted" eventually 10 is "2 app:1 1 app:2" images lazy
check "surge" kc apply -f <(set twice app:1 'updateStrategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}')
check "is there" kc rollout status ds twice --timeout=10s
kc get ds twice -w -o 'jsonpath={.status.numberAvailable}{"\n"}' >"$tmp/twice" 2>/dev/null &
watcher=$!
eventually 5 test -s "$tmp/twice"
kc set image ds twice c=app:2 >/dev/null
check "is rolled out" kc rollout status ds twice --timeout=20s
check "everywhere" eventually 10 is "3 app:2" images twice
kill $watcher
check "no node was ever without" bash -c "! grep -qvx 3 $tmp/twice"

# ---- deletion
check "delete orphans" kc delete ds lazy --cascade=orphan
check "its pods stay" is 3 count pods -l app=lazy
check "and are adopted" kc apply -f <(set lazy app:2)
check "and replaced where they are old" eventually 20 is "3 app:2" images lazy
check "delete" kc delete ds twice
check "takes pods and revisions along" eventually 20 is "0" count pods,controllerrevisions -l app=twice
