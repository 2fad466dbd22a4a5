#!/usr/bin/env bash
# Where pods go: near others, away from them, evenly over zones, and where they would rather
# be; what is said of those that find no place, and that they go when there is one.
source "$(dirname "$0")/../lib/e2e.sh"

check "a cluster starts" start --nodes 4 --runtime sim
for z in n1=a n2=a n3=b; do kc label node "${z%=*}" "topology.kubernetes.io/zone=${z#*=}" >/dev/null; done
kc label node n3 disk=ssd >/dev/null

deployment() { # NAME REPLICAS SPEC-OF-POD
	kc apply -f - >/dev/null <<-Y
	apiVersion: apps/v1
	kind: Deployment
	metadata: {name: $1}
	spec:
	  replicas: $2
	  selector: {matchLabels: {app: $1}}
	  template:
	    metadata: {labels: {app: $1}}
	    spec: {terminationGracePeriodSeconds: 1, containers: [{name: c, image: app}], $3}
	Y
}
pod() { # NAME SPEC
	kc create -f - >/dev/null <<-Y
	apiVersion: v1
	kind: Pod
	metadata: {name: $1, labels: {app: $1}}
	spec: {terminationGracePeriodSeconds: 1, containers: [{name: c, image: app}], $2}
	Y
}
nodes_of() { kc get pods -l "app=$1" -o 'jsonpath={range .items[*]}{.spec.nodeName}{"\n"}{end}' | grep . | sort | tr '\n' ' '; }
pending() { kc get pods -l "app=$1" --field-selector status.phase=Pending -o name; }
why() { kc get "$1" -o 'jsonpath={.status.conditions[?(@.type=="PodScheduled")].message}'; }
on() { kc get pod "$1" -o 'jsonpath={.spec.nodeName}'; }
phase() { kc get pod "$1" -o 'jsonpath={.status.phase}'; }
# What is said of pods that may leave for it, of 4 nodes: from how many nobody may, and where that is no help.
others() { # NOBODY NO-HELP
	local all=""
	(($1)) && all="$1 No preemption victims found for incoming pod"
	((${2-0})) && all+="${all:+, }$2 Preemption is not helpful for scheduling"
	echo "preemption: 0/4 nodes are available: $all."
}
required="requiredDuringSchedulingIgnoredDuringExecution"
preferred="preferredDuringSchedulingIgnoredDuringExecution"
term() { echo "{topologyKey: $2, labelSelector: {matchLabels: {app: $1}}}"; }

# ---- away from each other
deployment apart 5 "affinity: {podAntiAffinity: {$required: [$(term apart kubernetes.io/hostname)]}}"
check "one on each node" eventually 10 is "n1 n2 n3 n4 " nodes_of apart
waits=$(pending apart)
check "... and the fifth is told why there is none for it" eventually 10 is "0/4 nodes are available: 4 node(s) didn't match pod anti-affinity rules. $(others 4)" why "$waits"
check "... by an event too" eventually 5 eval 'kc get events | grep -q "FailedScheduling.*anti-affinity"'
kc scale deployment apart --replicas=4 >/dev/null
check "... until it is not wanted" eventually 10 is "" pending apart
kc scale deployment apart --replicas=5 >/dev/null
eventually 10 test -n "$(pending apart)" >/dev/null
one=$(kc get pods -l app=apart --field-selector spec.nodeName=n2 -o name)
kc delete "$one" >/dev/null
check "... or another one leaves" eventually 10 is "n1 n2 n3 n4 " nodes_of apart
kc delete deployment apart --cascade=foreground >/dev/null

# ---- those that are there decide too
pod guard "nodeSelector: {topology.kubernetes.io/zone: b}, affinity: {podAntiAffinity: {$required: [$(term loud topology.kubernetes.io/zone)]}}"
check "one that wants quiet" eventually 5 is n3 on guard
pod loud "nodeSelector: {disk: ssd}"
check "what it wants none of finds no place" eventually 5 is "0/4 nodes are available: 1 node(s) didn't satisfy existing pods anti-affinity rules, 3 node(s) didn't match Pod's node affinity/selector. $(others 1 3)" why pod/loud
kc delete pod guard >/dev/null
check "... until it has gone" eventually 5 is n3 on loud

# ---- near others
pod web "affinity: {podAffinity: {$required: [$(term db topology.kubernetes.io/zone)]}}"
check "near to what is not there yet" eventually 5 is "0/4 nodes are available: 4 node(s) didn't match pod affinity rules. $(others 0 4)" why pod/web
pod db "nodeName: n1"
check "... it goes where that comes" eventually 5 eval '[[ $(on web) =~ ^n[12]$ ]]'
check "... and is not Pending any more" eventually 5 is Running phase web
pod self "affinity: {podAffinity: {$required: [$(term self topology.kubernetes.io/zone)]}}"
check "the first of those that want to be together" eventually 5 is Running phase self

# ---- replicas that ask for nothing are spread all the same
kc label node n4 topology.kubernetes.io/zone=c >/dev/null
pod heavy "nodeName: n2, initContainers: [{name: big, image: app, resources: {requests: {cpu: 8}}}]"
deployment plain 4 "hostNetwork: false"
check "replicas are spread over the nodes, also where there is less room" eventually 10 is "n1 n2 n3 n4 " nodes_of plain
kc delete deployment plain --cascade=foreground >/dev/null
kc delete pod heavy >/dev/null
kc cordon n4 >/dev/null
deployment plain 4 "hostNetwork: false"
check "... and over the zones" eventually 10 is "n1 n2 n3 n3 " nodes_of plain
kc delete deployment plain --cascade=foreground >/dev/null
kc label node n4 topology.kubernetes.io/zone- >/dev/null
kc uncordon n4 >/dev/null

# ---- evenly
spread() { echo "topologySpreadConstraints: [{maxSkew: 1, topologyKey: topology.kubernetes.io/zone, whenUnsatisfiable: $2, labelSelector: {matchLabels: {app: $1}}}]"; }
zones_of() { nodes_of "$1" | tr ' ' '\n' | sed -E 's/n[12]/a/; s/n3/b/' | grep . | sort | uniq -c | awk '{printf "%s%s ", $1, $2}'; }
deployment even 6 "$(spread even DoNotSchedule)"
check "evenly over zones, and nowhere else" eventually 10 is "3a 3b " zones_of even
kc cordon n3 >/dev/null
kc scale deployment even --replicas=8 >/dev/null
check "no more on one side than the other may follow" eventually 10 is "4a 3b " zones_of even
check "... what is left over is told" eventually 10 is "0/4 nodes are available: 1 node(s) didn't match pod topology spread constraints (missing required label), 1 node(s) were unschedulable, 2 node(s) didn't match pod topology spread constraints. $(others 2 2)" why "$(pending even)"
kc uncordon n3 >/dev/null
check "... and goes when it may" eventually 10 is "4a 4b " zones_of even

# ---- what they would rather
pod likes "affinity: {nodeAffinity: {$preferred: [{weight: 50, preference: {matchExpressions: [{key: disk, operator: Exists}]}}]}}"
check "the node that it likes" eventually 5 is n3 on likes
pod dislikes "affinity: {podAntiAffinity: {$preferred: [{weight: 100, podAffinityTerm: $(term even topology.kubernetes.io/zone)}]}}"
check "rather not near others" eventually 5 is n4 on dislikes
kc taint node n4 slow=yes:PreferNoSchedule >/dev/null
for i in 1 2 3; do pod "rather-$i" "nodeSelector: {kubernetes.io/os: linux}"; done
check "rather not on a node with that taint" eventually 5 eval 'for i in 1 2 3; do [[ $(on rather-$i) =~ ^n[123]$ ]] || exit 1; done'

# ---- gates
pod gated "schedulingGates: [{name: example.com/wait}]"
check "a gate is waited at" eventually 5 is SchedulingGated kc get pod gated -o 'jsonpath={.status.conditions[?(@.type=="PodScheduled")].reason}'
pod after "nodeSelector: {disk: ssd}"
check "... while others pass" eventually 5 is Running phase after
check "... in no hurry" is "" on gated
kc patch pod gated --type=json -p '[{"op":"remove","path":"/spec/schedulingGates"}]' >/dev/null
check "... until it is open" eventually 5 is Running phase gated

# ---- devices
kc patch node n2 --subresource=status --type=merge -p '{"status":{"capacity":{"example.com/gpu":"2"}}}' >/dev/null
gpu() { # NAME
	kc create -f - >/dev/null <<-Y
	apiVersion: v1
	kind: Pod
	metadata: {name: $1}
	spec: {terminationGracePeriodSeconds: 1, containers: [{name: c, image: app, resources: {limits: {example.com/gpu: 1}}}]}
	Y
}
for i in 1 2; do gpu "gpu-$i"; done
check "where the device is" eventually 5 is "n2 n2" eval 'echo "$(on gpu-1) $(on gpu-2)"'
gpu gpu-3
check "... as many as there are" eventually 5 is "0/4 nodes are available: 4 Insufficient example.com/gpu. $(others 1 3)" why pod/gpu-3
kc delete pod gpu-1 >/dev/null
check "... and the next when one is free" eventually 5 is n2 on gpu-3
kc patch node n2 --subresource=status --type=merge -p '{"status":{"capacity":{"example.com/gpu":"3"}}}' >/dev/null
gpu gpu-4
check "... and when there are more" eventually 5 is n2 on gpu-4
given() { kc get node n2 -o 'jsonpath={.status.allocatable.example\.com/gpu}'; }
kc patch node n2 --subresource=status --type=merge -p '{"status":{"allocatable":{"example.com/gpu":"1"}}}' >/dev/null
check "who says what can be given is heard" is 1 given
kc patch node n2 --subresource=status --type=merge -p '{"status":{"capacity":{"example.com/gpu":null}}}' >/dev/null
check "what is no more there is not given" is "" given

# ---- those of higher priority take the place of others
kc delete pods,deployments --all --grace-period=0 --force >/dev/null 2>&1
for p in low=-10 middle=100 high=1000; do kc create priorityclass "${p%=*}" --value="${p#*=}" >/dev/null; done
kc create priorityclass polite --value=1000 --preemption-policy=Never >/dev/null
sized() { # NAME CPU CLASS [MORE SPEC]
	kc create -f - >/dev/null <<-Y
	apiVersion: v1
	kind: Pod
	metadata: {name: $1, labels: {app: $1}}
	spec:
	  terminationGracePeriodSeconds: 1
	  priorityClassName: $3
	  nodeSelector: {place: here}
	  containers: [{name: c, image: app, resources: {requests: {cpu: "$2"}}}]
	  ${4-}
	Y
}
there() { kc get pods -l '!gone' -o 'jsonpath={range .items[*]}{.metadata.name} {end}'; }
nominated() { kc get pod "$1" -o 'jsonpath={.status.nominatedNodeName}'; }
kc label node n1 n2 place=here >/dev/null # each with 32 CPU
sized low-1 20 low; sized middle-2 20 middle
check "two nodes are taken" eventually 5 eval '[[ $(on low-1) && $(on middle-2) && $(on low-1) != $(on middle-2) ]]'
lows=$(on low-1) middles=$(on middle-2)
sized asks-politely 20 polite
check "one that may not ask others to leave waits" eventually 5 is "0/4 nodes are available: 2 Insufficient cpu, 2 node(s) didn't match Pod's node affinity/selector. preemption: not eligible due to preemptionPolicy=Never." why pod/asks-politely
sized also-low 20 low
check "so does one of no higher priority" eventually 5 is "0/4 nodes are available: 2 Insufficient cpu, 2 node(s) didn't match Pod's node affinity/selector. $(others 2 2)" why pod/also-low
kc delete pod asks-politely also-low >/dev/null
kc get pods --watch --output-watch-events -o 'jsonpath={.type} {.object.metadata.name} {.object.status.nominatedNodeName} {.object.status.conditions[?(@.type=="DisruptionTarget")].reason}{"\n"}' >"$tmp/seen" 2>/dev/null & seen=$!
sized high-1 20 high
check "one of high priority goes where the least one was" eventually 10 is "$lows" on high-1
check "... which has gone" eventually 5 is "high-1 middle-2 " there
check "... after it was told why" eventually 5 grep -q "low-1  PreemptionByScheduler" "$tmp/seen"
check "... and the other was nominated for its node" eventually 5 grep -q "high-1 $lows" "$tmp/seen"
check "an event says for whom" eventually 5 eval 'kc get events --field-selector reason=Preempted -o jsonpath="{.items[*].message}" | grep -qF "Preempted by pod $(kc get pod high-1 -o "jsonpath={.metadata.uid}") on node $lows"'
kill $seen
wait $seen 2>/dev/null
sized high-2 20 high
check "the next takes the other place" eventually 10 is "$middles" on high-2
sized high-3 20 high
check "and the third finds nobody below it" eventually 5 is "0/4 nodes are available: 2 Insufficient cpu, 2 node(s) didn't match Pod's node affinity/selector. $(others 2 2)" why pod/high-3
kc delete pod high-1 high-2 high-3 >/dev/null

# Budgets, and that nobody leaves in vain.
sized guarded 12 low; sized free-1 12 low; sized free-2 12 low "hostname: x"
kc create pdb guarded --selector=app=guarded --min-available=1 >/dev/null
check "three small ones on two nodes" eventually 5 eval '[[ $(on guarded) && $(on free-1) && $(on free-2) ]]'
eventually 5 is 1 kc get pdb guarded -o 'jsonpath={.status.currentHealthy}' >/dev/null
sized high-4 20 high
check "the one that a budget guards stays" eventually 10 eval '[[ $(on high-4) && $(on high-4) != $(on guarded) ]]'
check "... and runs" is Running phase guarded
sized huge 100 high
check "for one that fits nowhere nobody leaves" eventually 5 is "0/4 nodes are available: 2 Insufficient cpu, 2 node(s) didn't match Pod's node affinity/selector. $(others 0 4)" why pod/huge
check "... still" is Running phase guarded

# While they leave, their place is kept: who is of lower priority does not slip in.
kc delete pods --all --grace-period=0 --force >/dev/null 2>&1
kc label node n2 place- >/dev/null
kc create -f - >/dev/null <<'Y'
apiVersion: v1
kind: Pod
metadata: {name: lingers, annotations: {sim.troupe: term ignore}}
spec: {terminationGracePeriodSeconds: 3600, priorityClassName: low, nodeSelector: {place: here}, containers: [{name: c, image: app, resources: {requests: {cpu: "20"}}}]}
Y
eventually 5 is Running phase lingers >/dev/null
sized waits 30 high
check "one is nominated for the node of another that takes its time" eventually 10 is n1 nominated waits
check "... which kubectl shows" eval 'kc get pod waits -o wide | grep -qE " n1 +<none>$"'
kc label node n4 news=yes >/dev/null # it looks again
check "... and says that it waits for that" eventually 5 is "0/4 nodes are available: 1 Insufficient cpu, 3 node(s) didn't match Pod's node affinity/selector. preemption: not eligible due to a terminating pod on the nominated node." why pod/waits
sized sneaks 10 middle
check "one that would fit beside what is there would not beside what comes" eventually 5 is "0/4 nodes are available: 1 Insufficient cpu, 3 node(s) didn't match Pod's node affinity/selector. preemption: 0/4 nodes are available: 1 Insufficient cpu, 3 Preemption is not helpful for scheduling." why pod/sneaks
kc delete pod lingers --grace-period=0 --force >/dev/null 2>&1
check "its place is its own" eventually 10 is n1 on waits
check "... and not the other's" is "" on sneaks
