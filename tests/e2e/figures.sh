#!/usr/bin/env bash
# What nodes and containers use: kubectl top, the kubelet's summary, and what happens
# when a node has too little memory left.
source "$(dirname "$0")/../lib/e2e.sh"
need_containers "figures of real containers"

"$top/tools/demo/busybox-image" "$tmp/busybox.tar"
mkdir -p "$data"
"$troupe" image load --data-dir "$data" "$tmp/busybox.tar" >/dev/null
config() { # MORE-OF-THE-AGENT
	cluster_of >"$tmp/cluster.yaml" <<-C
	nodes own {kind: node-agent, node: n1, runtime: oci, figures-period: 500ms$1}
	hollow {kind: node-agent, node: s1, runtime: sim}
	C
}
pod() { # NAME SCRIPT MORE-OF-SPEC REQUEST
	printf '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"%s","labels":{"app":"%s"}},"spec":{"nodeName":"n1","automountServiceAccountToken":false,"terminationGracePeriodSeconds":1%s,
		"containers":[{"name":"c","image":"troupe.io/busybox:1","command":["sh","-c","%s"],"resources":{"requests":{"memory":"%s"}}}]}}' \
		"$1" "$1" "${3:+,$3}" "$2" "${4:-1Mi}" | kc create -f - >/dev/null
}
running() { [[ $(kc get pod "$1" -o 'jsonpath={.status.phase}') == Running ]]; }

config ""
check "the cluster starts" start -f "$tmp/cluster.yaml"
pod busy 'while true; do :; done'
pod large 'head -c 40000000 /dev/zero > /dev/shm/x; sleep 1000'
pod idle 'sleep 1000'
for p in busy large idle; do check "$p runs" eventually 10 running $p; done
cores() { kc top pod "$1" --no-headers 2>/dev/null | awk '{print $2}' | tr -d m; }
bytes() { kc top pod "$1" --no-headers 2>/dev/null | awk '{print $3}' | tr -d Mi; }
is_busy() { (($(cores busy) > 100)); }
is_large() { (($(bytes large) >= 38 && $(bytes large) < 60)); }
check "kubectl top: who computes uses a core" eventually 15 is_busy
check "... who keeps memory has it" eventually 15 is_large
check "... who sleeps uses nothing" eventually 15 is 0 cores idle
check "by labels" is "idle" eval 'kc top pods -l app=idle --no-headers | awk "{print \$1}"'
check "by containers" is "busy c" eval 'kc top pods -l app=busy --containers --no-headers | awk "{print \$1, \$2}"'
check "of nodes, but for those that are simulated" is n1 eval 'kc top nodes --no-headers | grep -v unknown | awk "{print \$1}"'
summary() { kc get --raw /api/v1/nodes/n1/proxy/stats/summary | python3 -c "
import json, sys
s = json.load(sys.stdin)
$1"; }
check "the summary of a kubelet: the node" is "n1 True" summary 'print(s["node"]["nodeName"], s["node"]["memory"]["availableBytes"] > 0 and s["node"]["fs"]["capacityBytes"] > 0)'
check "... and its pods" is "busy idle large" summary 'print(*sorted(p["podRef"]["name"] for p in s["pods"]))'
check "... with their containers" is "c True" summary 'p = [p for p in s["pods"] if p["podRef"]["name"] == "busy"][0]["containers"][0]; print(p["name"], p["cpu"]["usageCoreNanoSeconds"] > 0)'
no_summary() { ! kc get --raw /api/v1/nodes/s1/proxy/stats/summary 2>/dev/null; }
check "a simulated node has none" no_summary
check "a pod that is nowhere has no figures" eval '! kc get --raw /apis/metrics.k8s.io/v1beta1/namespaces/default/pods/none 2>/dev/null'

# ---- too little memory
kc create -f - >/dev/null <<P
{"apiVersion":"scheduling.k8s.io/v1","kind":"PriorityClass","metadata":{"name":"high"},"value":1000}
P
kc delete pod busy --grace-period=0 --force >/dev/null 2>&1
pod dear 'sleep 1000' '"priorityClassName":"high"'
pod modest 'sleep 1000' '' 64Mi
check "two more" eventually 10 running modest
stop
config ", eviction-memory: 1000GiB"
check "with less than it needs" start -f "$tmp/cluster.yaml"
evicted() { [[ $(kc get pod "$1" -o 'jsonpath={.status.phase} {.status.reason}') == "Failed Evicted" ]]; }
check "who takes more than it asked for goes first" eventually 20 evicted large
check "... and is told why" grep -qE '^The node was low on resource: memory. Threshold quantity: 1000Gi, available: .*\. Container c was using [0-9]+Ki, request is 1Mi, has larger consumption of memory. $' <<<"$(kc get pod large -o 'jsonpath={.status.message}')"
check "... for the node's sake" is "True TerminationByKubelet" kc get pod large -o 'jsonpath={.status.conditions[?(@.type=="DisruptionTarget")].status} {.status.conditions[?(@.type=="DisruptionTarget")].reason}'
check "... in an event, too" eventually 10 eval '[[ $(kc get events --field-selector involvedObject.name=large,reason=Evicted -o name) ]]'
condition() { kc get node n1 -o 'jsonpath={.status.conditions[?(@.type=="MemoryPressure")].status}'; }
check "the node says so" eventually 10 is True condition
tainted() { grep -q memory-pressure <<<"$(kc get node n1 -o 'jsonpath={.spec.taints[*].key}')"; }
check "... and is tainted" eventually 10 tainted

# ---- too few processes
stop
config ""
check "with all that it has" start -f "$tmp/cluster.yaml"
pod crowd 'for i in 1 2 3 4 5 6 7 8 9; do sleep 1000 & done; wait' '"priorityClassName":"high"'
pod band 'for i in 1 2 3 4 5; do sleep 1000 & done; wait'
pod lone 'sleep 1000'
for p in crowd band lone; do check "$p runs" eventually 20 running $p; done
processes() { summary 'print([p["process_stats"]["process_count"] for p in s["pods"] if p["podRef"]["name"] == "'"$1"'"][0])'; }
check "the summary counts processes" eventually 10 is 10 processes crowd
stop
config ", eviction-pids: 100"
check "with less processes than it needs" start -f "$tmp/cluster.yaml"
check "who has most of the least priority goes first" eventually 20 evicted band
check "... and is told why" grep -qE '^The node was low on resource: pids. Threshold quantity: [0-9]+, available: [0-9]+\. $' <<<"$(kc get pod band -o 'jsonpath={.status.message}')"
pid_pressure() { kc get node n1 -o 'jsonpath={.status.conditions[?(@.type=="PIDPressure")].status} {.status.conditions[?(@.type=="PIDPressure")].reason}'; }
check "the node says so" eventually 10 is "True KubeletHasInsufficientPID" pid_pressure
crowded() { grep -q pid-pressure <<<"$(kc get node n1 -o 'jsonpath={.spec.taints[*].key}')"; }
check "... and is tainted" eventually 10 crowded
pod refused 'sleep 1000' '"priorityClassName":"high","tolerations":[{"operator":"Exists"}]'
check "... and takes no pod" eventually 10 evicted refused
