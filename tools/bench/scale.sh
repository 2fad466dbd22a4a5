#!/usr/bin/env bash
# What a node and a pod cost in each process, simulated ones: core (store, scheduler,
# controllers), API and node agents have a process each. Of Kubernetes Events few are
# kept, which are bounded whatever the number of pods. One JSON line.
# Usage: scale.sh BUILD-FOLDER [NODES [PODS]]     LIMIT_S: patience, in seconds
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd) build=$1 nodes=${2:-500} pods=${3:-20000} LIMIT_S=${LIMIT_S:-600}
source "$here/scenarios.sh"
source "$here/processes.sh"
tmp=$(mktemp -d) port=$((20000 + RANDOM % 20000)) up=
finish() { [[ $up ]] && { kill "$up" 2>/dev/null; wait "$up" 2>/dev/null; }; up=; }
trap 'finish; rm -rf "$tmp"' EXIT
export TOKEN
((pods <= 500 * nodes)) || { echo "scale: a simulated node takes 500 pods: $nodes nodes are too few for $pods" >&2; exit 64; }

# In the order of their start.
parts=(core api nodes)
start() { # NODES
	finish
	rm -rf "$tmp/d"
	cat >"$tmp/cluster.yaml" <<-YAML
		store: {quota: $((8 + pods / 50000))GiB}
		cells:
		  - {name: core, actors: [{kind: scheduler}, {kind: controllers, events-kept: 1000, node-grace: 1h}, {kind: gate}]}
		  - {name: api, process: own, actors: [{kind: api, listen: "127.0.0.1:$port"}]}
		  - {name: nodes, process: own, actors: [{kind: node-agent, runtime: sim, count: $1, heartbeat: 10m}]}
	YAML
	"$build/troupe" up -f "$tmp/cluster.yaml" --data-dir "$tmp/d" >"$tmp/out" 2>"$tmp/log" & up=$!
	until grep -q '^ready' "$tmp/out"; do kill -0 $up 2>/dev/null || { cat "$tmp/log" >&2; exit 1; }; sleep 0.05; done
	TOKEN=$(cat "$tmp/d/pki/token")
	until api "$(core)/serviceaccounts/default" | grep -q uid; do sleep 0.05; done
	mapfile -t pids < <(pgrep -P $up)
}
cpu() { ticks "${pids[@]}"; }
each() { for p in "${pids[@]}"; do "$1" "$p"; done; }
# Until one fiftieth of a core is used: what is left to write, Events mostly, is written.
quiet() { local a b; b=$(cpu); until a=$b; sleep 5; b=$(cpu); ((b - a < 100)); do :; done; }
settled() { quiet; mapfile -t "$1" < <(each memory_kb); }
ready_pods() { api "$(core)/replicationcontrollers/rc" | grep -o '"readyReplicas": *[0-9]*' | grep -o '[0-9]*$'; }

start 1
settled alone
t0=$(date +%s%N)
start "$nodes"
nodes_ms=$((($(date +%s%N) - t0) / 1000000))
settled before
mapfile -t cpu_before < <(each ticks)
replication "$pods"
settled after
mapfile -t cpu_after < <(each ticks)

line="{\"bench\":\"scale\",\"nodes\":$nodes,\"nodes_ms\":$nodes_ms,\"pods\":$pods,\"pods_ms\":$ms"
((done)) || line+=",\"unfinished\":true,\"ready\":$(ready_pods)"
for i in "${!parts[@]}"; do
	line+=",\"${parts[i]}\":{\"pss_kb\":${after[i]}"
	line+=",\"bytes_a_node\":$(((before[i] - alone[i]) * 1024 / nodes))"
	line+=",\"bytes_a_pod\":$(((after[i] - before[i]) * 1024 / pods))"
	line+=",\"cpu_us_a_pod\":$(((cpu_after[i] - cpu_before[i]) * 1000 / pods))}"
done
echo "$line,\"disk_bytes_a_pod\":$(($(du -sk "$tmp/d/store" | cut -f1) * 1024 / pods))}"
