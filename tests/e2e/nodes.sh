#!/usr/bin/env bash
# Nodes that live, are cut off, come back, and go for good: leases, conditions,
# taints, and what becomes of their pods.
source "$(dirname "$0")/../lib/e2e.sh"

for n in n1 n2 n3; do echo "$n own {kind: node-agent, node: $n, runtime: sim, heartbeat: 300ms, labels: {disk: ssd-$n, example.com/rack: \"7\"}}"; done |
	cluster_of controllers="node-grace: 2s, node-eviction-rate: 10/1s, terminated-pods: 5" >"$tmp/cluster.yaml"
start -f "$tmp/cluster.yaml" || { not_ok "cluster starts"; exit 1; }
eventually 5 kc get serviceaccount default

field() { kc get "$1" "$2" -o "jsonpath={$3}"; }
ready() { field node "$1" '.status.conditions[?(@.type=="Ready")].status'; }
taints() { field node "$1" 'range .spec.taints[*]}{.key}:{.effect} {end'; }
lease() { kc -n kube-node-lease get lease "$1" -o "jsonpath={$2}"; }
all_ready() { is "True True True" echo "$(ready n1) $(ready n2) $(ready n3)"; }
cut_off() { kill -STOP "$(pids_of "$1\$")"; }
bring_back() { kill -CONT "$(pids_of "$1\$")"; }
pod() { # NAME NODE [TOLERATIONS]
	kc apply -f - <<Y >/dev/null
---
{apiVersion: v1, kind: Pod, metadata: {name: $1, labels: {app: $1}}, spec: {nodeName: $2, tolerations: [${3:-}], containers: [{name: c, image: x}]}}
Y
}
pod_ready() { field pod "$1" '.status.conditions[?(@.type=="Ready")].status'; }
events() { kc get events --field-selector "involvedObject.name=$1,reason=$2" -o 'jsonpath={range .items[*]}{.message}{"\n"}{end}'; }
gone() { ! kc get "$@"; }
something() { [[ -n $("$@") ]]; }
UNREACHABLE=node.kubernetes.io/unreachable

# ---- labels that its config gives it
check "a node has the labels of its config" eventually 5 is "ssd-n2 7 n2" field node n2 '.metadata.labels.disk} {.metadata.labels.example\.com/rack} {.metadata.labels.kubernetes\.io/hostname'

# ---- leases
check "a lease for each node" eventually 5 is "n1 n2 n3" kc -n kube-node-lease get leases -o 'jsonpath={.items[*].metadata.name}'
check "its node holds it" is "n1 40" lease n1 '.spec.holderIdentity} {.spec.leaseDurationSeconds'
check "and owns it" is "Node n1 $(field node n1 .metadata.uid)" lease n1 '.metadata.ownerReferences[0].kind} {.metadata.ownerReferences[0].name} {.metadata.ownerReferences[0].uid'
before=$(lease n1 .spec.renewTime)
renewed() { [[ $(lease n1 .spec.renewTime) > "$before" ]]; }
check "it is renewed" eventually 3 renewed
kc -n kube-node-lease get lease n1 -w -o 'jsonpath={.spec.renewTime}{"\n"}' >"$tmp/renewals" 2>/dev/null &
watcher=$!
check "which a watch shows" eventually 3 bash -c "(( \$(sort -u $tmp/renewals | wc -l) > 2 ))"
kill $watcher
kc -n kube-node-lease annotate lease n1 mine=yes >/dev/null
before=$(lease n1 .spec.renewTime)
check "it is renewed after others wrote into it" eventually 3 renewed
check "and keeps what they wrote" is yes lease n1 .metadata.annotations.mine
kc -n kube-node-lease delete lease n1 >/dev/null
check "one that is deleted comes again" eventually 3 lease n1 .spec.renewTime

# ---- a node is cut off
kc create deployment web --image=x --replicas=1 >/dev/null
kc patch deployment web --type=merge -p '{"spec":{"template":{"spec":{"nodeSelector":{"kubernetes.io/hostname":"n2"}}}}}' >/dev/null
kc expose deployment web --port=80 >/dev/null
pod stays n2
pod short n2 "{key: $UNREACHABLE, operator: Exists, effect: NoExecute, tolerationSeconds: 1}"
pod long n2 "{key: $UNREACHABLE, operator: Exists, effect: NoExecute}"
kc rollout status deployment web --timeout=10s >/dev/null
for p in stays short long; do eventually 5 is True pod_ready $p; done
endpoints() { kc get endpoints web -o 'jsonpath={.subsets[*].addresses[*].ip}'; }
eventually 5 something endpoints
web=$(kc get pods -l app=web -o 'jsonpath={.items[0].metadata.name}')
uid=$(field pod long .metadata.uid)
cut_off n2
check "a silent node is Unknown" eventually 6 is Unknown ready n2
check "and says why" is "NodeStatusUnknown Kubelet stopped posting node status." field node n2 '.status.conditions[?(@.type=="Ready")].reason} {.status.conditions[?(@.type=="Ready")].message'
check "so are its other conditions" is "Unknown Unknown Unknown" field node n2 '.status.conditions[?(@.type=="MemoryPressure")].status} {.status.conditions[?(@.type=="DiskPressure")].status} {.status.conditions[?(@.type=="PIDPressure")].status'
check "it is tainted" eventually 5 is "$UNREACHABLE:NoSchedule $UNREACHABLE:NoExecute " taints n2
check "its pods are not ready" eventually 5 is False pod_ready "$web"
check "and serve no more" eventually 5 is "" endpoints
check "an event of the node" eventually 5 is "Node n2 status is now: NodeNotReady" events n2 NodeNotReady
check "and of the pod" eventually 5 is "Node is not ready" events "$web" NodeNotReady
check "the others live" is "True True" echo "$(ready n1) $(ready n3)"
check "one that tolerates it a second is deleted" eventually 5 something field pod short .metadata.deletionTimestamp
check "and says for what" is "True DeletionByTaintManager" field pod short '.status.conditions[?(@.type=="DisruptionTarget")].status} {.status.conditions[?(@.type=="DisruptionTarget")].reason'
check "with an event" eventually 5 is "Marking for deletion Pod default/short" events short TaintManagerEviction
check "one that tolerates it for five minutes waits" is "" field pod stays .metadata.deletionTimestamp
check "one that tolerates it for ever stays" is "" field pod long .metadata.deletionTimestamp
check "what is deleted is there until its node says so" kc get pod short

# ---- it comes back
bring_back n2
check "the node is back" eventually 8 is True ready n2
check "without taints" eventually 5 is "" taints n2
check "its pods are ready again" eventually 5 is True pod_ready long
check "they are those of before" is "$uid" field pod long .metadata.uid
check "the service has its endpoint again" eventually 5 something endpoints
check "what was deleted is gone" eventually 8 gone pod short
check "who waited is told" eventually 5 is "Cancelling deletion of Pod default/stays" events stays TaintManagerEviction

# ---- taints by hand, pressure and cordon
pod moved n1
eventually 5 is True pod_ready moved
kc taint node n1 maintenance=yes:NoExecute >/dev/null
check "a taint by hand drives pods out" eventually 8 gone pod moved
kc taint node n1 maintenance- >/dev/null
kc cordon n1 >/dev/null
check "a cordon is a taint" eventually 5 is "node.kubernetes.io/unschedulable:NoSchedule " taints n1
kc uncordon n1 >/dev/null
check "as long as it lasts" eventually 5 is "" taints n1
kc patch node n1 --subresource=status --type=strategic -p '{"status":{"conditions":[{"type":"NetworkUnavailable","status":"True","reason":"NoRoute"}]}}' >/dev/null
check "a condition is one" eventually 5 is "node.kubernetes.io/network-unavailable:NoSchedule " taints n1
kc patch node n1 --subresource=status --type=strategic -p '{"status":{"conditions":[{"type":"NetworkUnavailable","status":"False"}]}}' >/dev/null
eventually 5 is "" taints n1
kc patch node n1 --subresource=status --type=strategic -p '{"status":{"conditions":[{"type":"Ready","status":"False","reason":"ByHand"}]}}' >/dev/null
check "a node that lives says so again" eventually 5 is True ready n1
check "others' conditions stay" is "False" field node n1 '.status.conditions[?(@.type=="NetworkUnavailable")].status'

# ---- all are lost: it is probably we who are cut off
for n in n1 n2 n3; do cut_off $n; done
unknown() { is "Unknown Unknown Unknown" echo "$(ready n1) $(ready n2) $(ready n3)"; }
check "all are silent" eventually 8 unknown
check "then none is emptied" eventually 5 is "$UNREACHABLE:NoSchedule " taints n3
for n in n1 n2 n3; do bring_back $n; done
check "all are back" eventually 8 all_ready
check "and clean" eventually 5 is "" taints n3
check "no pod was lost" is "$uid" field pod long .metadata.uid

# ---- a node goes for good
pod left n3
eventually 5 is True pod_ready left
cut_off n3
eventually 8 is Unknown ready n3
kc delete pod left --wait=false >/dev/null
kc taint node n3 node.kubernetes.io/out-of-service=yes:NoExecute >/dev/null
check "out of service: what is deleted goes without its node" eventually 8 gone pod left
kc delete node n3 >/dev/null
check "its lease goes with it" eventually 8 gone -n kube-node-lease lease n3
check "an event says so" eventually 5 is "Node n3 event: Removing Node n3 from Controller" events n3 RemovingNode
bring_back n3
before=$(lease n1 .spec.renewTime)
eventually 3 renewed
check "it does not come by itself" gone node n3
kill -9 "$(pids_of 'n3$')"
check "its agent begins anew and registers" eventually 10 is True ready n3

# ---- pods that have ended, and more than are kept
for i in 1 2 3 4 5 6 7 8; do
	kc run "done$i" --image=x --restart=Never --command -- true >/dev/null
done
ended() { kc get pods --field-selector status.phase=Succeeded -o name | wc -l; }
check "of those that have ended the last five are kept" eventually 10 is 5 ended
check "the last is there" kc get pod done8
check "the first is not" gone pod done1

# ---- everything begins anew
uid=$(lease n1 .metadata.uid)
kill -9 "$(pids_of 'main$')"
check "leases are there after a restart" eventually 15 is "n1 n2 n3" kc -n kube-node-lease get leases -o 'jsonpath={.items[*].metadata.name}'
check "all are ready" eventually 10 all_ready
other_lease() { local now; now=$(lease n1 .metadata.uid) && [[ -n $now && $now != "$uid" ]]; }
check "and are others: no journal had them" eventually 10 other_lease

# ---- real processes: what runs on a node that nobody hears goes on
stop
cluster_of controllers="node-grace: 2s, node-eviction-rate: 10/1s" >"$tmp/processes.yaml" <<Y
p1 own {kind: node-agent, node: p1, runtime: process, heartbeat: 300ms}
p2 own {kind: node-agent, node: p2, runtime: sim, heartbeat: 300ms}
Y
rm -rf "$data"
start -f "$tmp/processes.yaml" || not_ok "a cluster with processes starts"
eventually 5 kc get serviceaccount default
runs() { # NAME: a pod of a process that can be found by its argument
	kc apply -f - <<Y >/dev/null
---
{apiVersion: v1, kind: Pod, metadata: {name: $1}, spec: {nodeName: p1, terminationGracePeriodSeconds: 1,
  tolerations: [{key: $UNREACHABLE, operator: Exists, effect: NoExecute${2:-}}], containers: [{name: c, image: x, command: [sleep, "$nap$3"]}]}}
Y
}
process() { pgrep -f "^sleep $nap$1\$"; }
runs keeps "" 1
runs leaves ", tolerationSeconds: 1" 2
for p in keeps leaves; do eventually 10 is True pod_ready $p; done
kept=$(process 1)
cut_off p1
check "its pod is to leave" eventually 8 something field pod leaves .metadata.deletionTimestamp
check "its processes run on" process 1
check "also the one that is to leave" process 2
bring_back p1
check "back: the node is Ready" eventually 8 is True ready p1
check "what was to leave is gone" eventually 10 gone pod leaves
check "its process too" eventually 5 bash -c "! pgrep -f '^sleep ${nap}2\$'"
check "the other one is the same as before" is "$kept" process 1
check "and ready" eventually 5 is True pod_ready keeps
