#!/usr/bin/env bash
# Containers whose resources change while they run: the control groups, the status, who waits
# for room, who restarts, and an agent that is killed meanwhile.
source "$(dirname "$0")/../lib/e2e.sh"
need_containers "resizes"
kubectl version --client -o json | grep -qE '"minor": "(3[2-9]|[4-9])' || { skip "resizes" "this kubectl knows no --subresource resize"; exit 0; }

"$top/tools/demo/busybox-image" "$tmp/busybox.tar"
mkdir -p "$data"
"$troupe" image load --data-dir "$data" "$tmp/busybox.tar" >/dev/null
cluster_of >"$tmp/c.yaml" <<<"n1 own {kind: node-agent, node: n1, runtime: oci, cpu: \"4\", memory: 2Gi}"
check "a cluster starts" start -f "$tmp/c.yaml"

pod() { # NAME RESOURCES [POLICY [COMMAND]]
	kc create -f - >/dev/null <<P
{"apiVersion":"v1","kind":"Pod","metadata":{"name":"$1"},"spec":{"automountServiceAccountToken":false,"terminationGracePeriodSeconds":1,
"containers":[{"name":"c","image":"troupe.io/busybox:1","command":["sh","-c","${4:-trap 'exit 0' TERM; while true; do sleep 0.1; done}"],"resizePolicy":[${3-}],"resources":$2}]}}
P
	check "pod $1 runs" eventually 20 running "$1"
}
running() { is true kc get pod "$1" -o 'jsonpath={.status.containerStatuses[0].ready}'; }
of() { kc get pod "$1" -o "jsonpath={$2}"; }
resize() { # NAME RESOURCES
	kc patch pod "$1" --subresource resize -p "{\"spec\":{\"containers\":[{\"name\":\"c\",\"resources\":$2}]}}" 2>&1
}
condition() { of "$1" ".status.conditions[?(@.type==\"PodResize$2\")].$3"; }
settled() { [[ -z $(condition "$1" Pending status)$(condition "$1" InProgress status) ]]; }
told() { kc get events --field-selector "involvedObject.name=$1,reason=$2" -o 'jsonpath={.items[*].message}'; }
group() { # POD: shares or weight, quota, memory of its container's group
	local at
	at=/troupe/$(of "$1" .metadata.uid)/c.$(of "$1" '.status.containerStatuses[0].restartCount')
	if [[ -f /sys/fs/cgroup/cgroup.controllers ]]; then
		at=/sys/fs/cgroup$at
		echo "$(awk '{print int(($1 - 1) * 262142 / 9999) + 2}' "$at/cpu.weight") $(cut -d' ' -f1 "$at/cpu.max" | sed s/max/-1/) $(cat "$at/memory.max")"
	else
		echo "$(cat "/sys/fs/cgroup/cpu$at/cpu.shares" "/sys/fs/cgroup/cpu$at/cpu.cfs_quota_us" "/sys/fs/cgroup/memory$at/memory.limit_in_bytes" | tr '\n' ' ' | sed 's/ $//')"
	fi
}
about() { # WANTED GOT: shares of version 2 are rounded
	local want got
	read -ra want <<<"$1"
	read -ra got <<<"$2"
	((got[0] <= want[0] && got[0] >= want[0] - 30)) && [[ ${want[*]:1} == "${got[*]:1}" ]] || { echo "want $1, got $2"; return 1; }
}

# ---- in place
pod p '{"requests":{"cpu":"500m","memory":"32Mi"},"limits":{"cpu":"1","memory":"64Mi"}}'
pid=$(cat "$data/pods/n1/$(of p .metadata.uid)/bundles/c.0/pid")
check "its control group is as it was asked for" about "512 100000 67108864" "$(group p)"
resize p '{"requests":{"cpu":"1"},"limits":{"cpu":"1500m","memory":"128Mi"}}' >/dev/null
check "a resize reaches it" eventually 10 is 128Mi of p '.status.containerStatuses[0].resources.limits.memory'
check "... and its control group" about "1024 150000 134217728" "$(group p)"
check "... its requests are told too" is "1 1" of p '.status.containerStatuses[0].allocatedResources.cpu} {.status.containerStatuses[0].resources.requests.cpu'
check "... nothing was restarted" is "0 $pid" eval 'echo $(of p ".status.containerStatuses[0].restartCount") $(cat "$data/pods/n1/$(of p .metadata.uid)/bundles/c.0/pid")'
check "... and it is over" eventually 5 settled p
check "... as events say" eval '[[ $(told p ResizeStarted) == "Pod resize started: {"* && $(told p ResizeCompleted) == "Pod resize completed: {"* ]]'
check "the spec's resources cannot be changed otherwise" eval '! kc patch pod p -p "{\"spec\":{\"containers\":[{\"name\":\"c\",\"resources\":{\"requests\":{\"cpu\":\"2\"}}}]}}"'
check "a limit cannot be taken away" grep -q 'resource limits cannot be removed' <<<"$(resize p '{"limits":{"memory":null}}')"

# ---- less than it uses
pod full '{"requests":{"memory":"32Mi"},"limits":{"memory":"256Mi"}}' '' "x=\$(head -c 60000000 /dev/zero | tr '\\\\0' x); echo full; while true; do sleep 0.1; done"
check "... and has taken its memory" eventually 20 eval 'kc logs full | grep -q full'
resize full '{"limits":{"memory":"33Mi"}}' >/dev/null
check "less memory than it uses is an error" eventually 10 is Error condition full InProgress reason
check "... in words" grep -q 'cannot decrease memory limits: attempting to set container "c" memory limit (34603008) below current usage' <<<"$(condition full InProgress message)"
check "... it is as it was, and lives" is "256Mi 0" of full '.status.containerStatuses[0].resources.limits.memory} {.status.containerStatuses[0].restartCount'
resize full '{"limits":{"memory":"300Mi"}}' >/dev/null
check "... until it is asked for something else" eventually 10 settled full
kc delete pod full --now >/dev/null

# ---- by a restart
pod again '{"requests":{"memory":"32Mi"},"limits":{"memory":"64Mi"}}' '{"resourceName":"memory","restartPolicy":"RestartContainer"}'
resize again '{"limits":{"memory":"96Mi"}}' >/dev/null
check "by its policy it is restarted" eventually 20 is "1 96Mi" of again '.status.containerStatuses[0].restartCount} {.status.containerStatuses[0].resources.limits.memory'
check "... in a group with the new limit" eventually 10 eval '[[ $(group again) == *" 100663296" ]]'
check "... as an event says" grep -q "Container c resize requires restart" <<<"$(told again Killing)"
kc delete pod again --now >/dev/null

# ---- room
pod other '{"requests":{"cpu":"2500m"}}'
resize p '{"requests":{"cpu":"9"},"limits":{"cpu":"9"}}' >/dev/null
check "what the node never has is infeasible" eventually 10 is "Infeasible" condition p Pending reason
check "... in words" is "Node didn't have enough capacity: cpu, requested: 9000, capacity: 4000" condition p Pending message
check "... it has what it had" about "1024 150000 134217728" "$(group p)"
resize p '{"requests":{"cpu":"2"},"limits":{"cpu":"2"}}' >/dev/null
check "what others have is deferred" eventually 10 is "Deferred" condition p Pending reason
check "... in words" is "Node didn't have enough resource: cpu, requested: 2000, used: 2500, capacity: 4000" condition p Pending message
agent=$(pids_of n1)
kill -9 "$agent"
check "an agent that is killed meanwhile comes back" eventually 20 eval '[[ $(pids_of n1) && $(pids_of n1) != "$agent" ]]'
check "... the resize is still deferred, and the container as it was" eventually 10 eval '[[ $(condition p Pending reason) == Deferred ]] && about "1024 150000 134217728" "$(group p)"'
kc delete pod other --now >/dev/null
check "when there is room it is given" eventually 10 is "2 2" of p '.status.containerStatuses[0].resources.limits.cpu} {.status.containerStatuses[0].allocatedResources.cpu'
check "... in its control group" about "2048 200000 134217728" "$(group p)"
check "... and it is over" eventually 5 settled p
