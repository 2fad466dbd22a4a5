#!/usr/bin/env bash
# A replication controller from 0 to N pods on simulated nodes: until all are
# made, bound, running, and its status says so. One JSON line.
# Usage: tools/bench/replication.sh BUILD-FOLDER [PODS [NODES]]
set -uo pipefail
build=$1 pods=${2:-1000} nodes=${3:-10}
tmp=$(mktemp -d) port=$((20000 + RANDOM % 20000))
"$build/troupe" up --data-dir "$tmp/d" --api "127.0.0.1:$port" --nodes "$nodes" --runtime sim >"$tmp/out" 2>"$tmp/log" & up=$! watch=
finish() { kill $watch $up 2>/dev/null; wait $up 2>/dev/null; rm -rf "$tmp"; }
trap finish EXIT
until grep -q '^ready' "$tmp/out" 2>/dev/null; do kill -0 $up || { cat "$tmp/log"; exit 1; }; sleep 0.01; done
url=https://127.0.0.1:$port/api/v1/namespaces/default/replicationcontrollers
api() { curl -sk -H "Authorization: Bearer $(cat "$tmp/d/pki/token")" -H 'Content-Type: application/json' "$@"; }
until api "${url%/*}/serviceaccounts/default" | grep -q uid; do sleep 0.01; done
cpu() { for p in $(pgrep -f -- "$tmp/d"); do awk '{print $14+$15}' "/proc/$p/stat" 2>/dev/null; done | awk '{s+=$1} END{print s*10}'; }
# Every change of the controller, as it comes.
api -N "$url?watch=true&fieldSelector=metadata.name%3Dweb" >"$tmp/watch" & watch=$!
c0=$(cpu) t0=$(date +%s%N)
api -o /dev/null "$url" -d '{"apiVersion":"v1","kind":"ReplicationController","metadata":{"name":"web"},"spec":{"replicas":'"$pods"',"template":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"c","image":"none"}]}}}}'
until grep -qs "\"readyReplicas\":$pods[,}]" "$tmp/watch"; do
	(($(date +%s%N) - t0 < 120000000000)) || { echo "bench: the pods did not become ready" >&2; exit 1; }
	sleep 0.005
done
ms=$((($(date +%s%N) - t0) / 1000000)) c1=$(cpu)
echo "{\"bench\":\"replication\",\"pods\":$pods,\"nodes\":$nodes,\"ms\":$ms,\"cpu_ms\":$((c1 - c0)),\"pods_per_s\":$((pods * 1000 / ms))}"
