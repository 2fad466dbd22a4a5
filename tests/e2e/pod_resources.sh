#!/usr/bin/env bash
# Resources that a pod has as a whole: its control group holds all its containers, who has no
# limit of his own has the pod's, and the pod cannot be resized.
source "$(dirname "$0")/../lib/e2e.sh"
need_containers "resources of pods"

"$top/tools/demo/busybox-image" "$tmp/busybox.tar"
mkdir -p "$data"
"$troupe" image load --data-dir "$data" "$tmp/busybox.tar" >/dev/null
cluster_of >"$tmp/c.yaml" <<<"n1 own {kind: node-agent, node: n1, runtime: oci, cpu: \"4\", memory: 2Gi}"
check "a cluster starts" start -f "$tmp/c.yaml"

kc create -f - >/dev/null <<'P'
{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":{"automountServiceAccountToken":false,"terminationGracePeriodSeconds":1,
"resources":{"limits":{"cpu":"1500m","memory":"96Mi"}},
"containers":[
{"name":"c","image":"troupe.io/busybox:1","command":["sh","-c","sleep 1000"],"resources":{"requests":{"cpu":"500m"},"limits":{"memory":"32Mi"}}},
{"name":"d","image":"troupe.io/busybox:1","command":["sh","-c","echo $CPU $MEMORY; sleep 1000"],"env":[
{"name":"CPU","valueFrom":{"resourceFieldRef":{"resource":"limits.cpu","divisor":"1m"}}},
{"name":"MEMORY","valueFrom":{"resourceFieldRef":{"resource":"limits.memory"}}}]}]}}
P
of() { kc get pod p -o "jsonpath={$1}"; }
check "the pod runs" eventually 20 is "true true" of '.status.containerStatuses[*].ready'
check "it asks for what its containers do" is "500m 32Mi" of '.spec.resources.requests.cpu} {.spec.resources.requests.memory'
check "its quality is what it asks for" is Burstable of .status.qosClass

group() { # "" or "/NAME.0": shares or weight, quota, memory of the pod's group or a container's
	local at
	at=/troupe/$(of .metadata.uid)$1
	if [[ -f /sys/fs/cgroup/cgroup.controllers ]]; then
		at=/sys/fs/cgroup$at
		echo "$(cut -d' ' -f1 "$at/cpu.max" | sed s/max/-1/) $(cat "$at/memory.max")"
	else
		echo "$(cat "/sys/fs/cgroup/cpu$at/cpu.cfs_quota_us") $(cat "/sys/fs/cgroup/memory$at/memory.limit_in_bytes")"
	fi
}
check "its control group has its limits" is "150000 100663296" group ""
check "who has a limit of memory keeps it, and has the pod's of processors" is "150000 33554432" group /c.0
check "who has none has the pod's" is "150000 100663296" group /d.0
check "... and reads them" eventually 10 is "1500 100663296" kc logs p -c d

check "the node counts the pod" grep -q 'cpu *500m' <<<"$(kc describe node n1)"
check "it cannot be resized" grep -q 'pods with pod-level resources cannot be resized' <<<"$(kc replace --raw /api/v1/namespaces/default/pods/p/resize -f <(kc get pod p -o json | sed 's/"500m"/"600m"/') 2>&1)"
