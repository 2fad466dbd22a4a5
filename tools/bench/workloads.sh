#!/usr/bin/env bash
# What the controllers of workloads do with many: a deployment of N pods made and
# rolled, N deployments made at once until all are complete, the garbage of one
# owner with 10 N dependants. JSON lines.
# Usage: tools/bench/workloads.sh BUILD-FOLDER [N [NODES]]
set -uo pipefail
build=$1 n=${2:-1000} nodes=${3:-10}
tmp=$(mktemp -d) port=$((20000 + RANDOM % 20000))
"$build/troupe" up --data-dir "$tmp/d" --api "127.0.0.1:$port" --nodes "$nodes" --runtime sim >"$tmp/out" 2>"$tmp/log" & up=$!
finish() { kill $up 2>/dev/null; wait $up 2>/dev/null; rm -rf "$tmp"; }
trap finish EXIT
until grep -q '^ready' "$tmp/out" 2>/dev/null; do kill -0 $up || { cat "$tmp/log"; exit 1; }; sleep 0.01; done
apps=https://127.0.0.1:$port/apis/apps/v1/namespaces/default
core=https://127.0.0.1:$port/api/v1/namespaces/default
api_as() { curl -sk -H "Authorization: Bearer $(cat "$tmp/d/pki/token")" -H "Content-Type: application/$1" "${@:2}"; }
api() { api_as json "$@"; }
# As many as the shell's {i} says, many at a time over few connections.
many() { # URL BODY COUNT: {i} is the number
	seq "$3" | awk -v url="$1" -v body="$2" 'BEGIN{gsub(/"/, "\\\"", body)} {b = body; gsub(/{i}/, $1, b); printf "%surl = \"%s\"\ndata = \"%s\"\noutput = /dev/null\n", (NR > 1 ? "next\n" : ""), url, b; print "header = \"Authorization: Bearer " ENVIRON["TOKEN"] "\"\nheader = \"Content-Type: application/json\"\ninsecure"}' >"$tmp/many"
	curl -sZ --parallel-max 32 -K "$tmp/many" 2>/dev/null
}
export TOKEN; TOKEN=$(cat "$tmp/d/pki/token")
until api "$core/serviceaccounts/default" | grep -q uid; do sleep 0.01; done
cpu() { for p in $(pgrep -f -- "$tmp/d"); do awk '{print $14+$15}' "/proc/$p/stat" 2>/dev/null; done | awk '{s+=$1} END{print s*10}'; }
body() { # NAME REPLICAS IMAGE
	echo '{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"'"$1"'"},"spec":{"replicas":'"$2"',"selector":{"matchLabels":{"app":"'"$1"'"}},"template":{"metadata":{"labels":{"app":"'"$1"'"}},"spec":{"terminationGracePeriodSeconds":1,"containers":[{"name":"c","image":"'"$3"'"}]}}}}'
}
begin() { t0=$(date +%s%N) c0=$(cpu); }
until_true() { # WHAT COMMAND...
	local what=$1
	shift
	until "$@"; do
		(($(date +%s%N) - t0 < 120000000000)) || { echo "bench: never: $what" >&2; exit 1; }
		sleep 0.01
	done
}
tell() { # NAME COUNT
	local ms=$((($(date +%s%N) - t0) / 1000000))
	echo "{\"bench\":\"$1\",\"objects\":$2,\"nodes\":$nodes,\"ms\":$ms,\"cpu_ms\":$(($(cpu) - c0)),\"objects_per_s\":$(($2 * 1000 / (ms ? ms : 1)))}"
}
rolled() { # GENERATION
	api "$apps/deployments/web" >"$tmp/web"
	grep -q "\"observedGeneration\":$1[,}]" "$tmp/web" && grep -q "\"updatedReplicas\":$n[,}]" "$tmp/web" &&
		grep -q "\"availableReplicas\":$n[,}]" "$tmp/web" && grep -q "\"status\":.*\"replicas\":$n[,}]" "$tmp/web" &&
		! grep -q '"unavailableReplicas"' "$tmp/web"
}
generation() { api "$apps/deployments/web" | grep -o '"generation":[0-9]*' | cut -d: -f2; }

begin
api -o /dev/null "$apps/deployments" -d "$(body web "$n" a)"
until_true "the deployment is there" eval 'rolled "$(generation)"'
tell deployment "$n"
begin
api_as strategic-merge-patch+json -o /dev/null -X PATCH "$apps/deployments/web" \
	-d '{"spec":{"template":{"spec":{"containers":[{"name":"c","image":"b"}]}}}}'
api "$apps/deployments/web" | grep -q '"image":"b"' || { echo "bench: the patch was refused" >&2; exit 1; }
until_true "it is rolled" eval 'rolled "$(generation)"'
tell deployment-rolled "$n"
api -o /dev/null -X DELETE "$apps/deployments/web"
pods_are() { [[ $(api "$core/pods?limit=1" | grep -o '"items":\[{' | wc -l) == "$1" ]]; }
t0=$(date +%s%N)
until_true "its pods are gone" pods_are 0

begin
many "$apps/deployments" "$(body 'd{i}' 1 a)" "$n"
complete() { [[ $(api "$apps/deployments" | grep -o '"availableReplicas":1' | wc -l) == "$n" ]]; }
until_true "all deployments are complete" complete
tell deployments-at-once "$n"

api -o /dev/null "$core/configmaps" -d '{"metadata":{"name":"owner"}}'
uid=$(api "$core/configmaps/owner" | grep -o '"uid":"[^"]*' | cut -d'"' -f4)
many "$core/configmaps" '{"metadata":{"name":"c{i}","ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap","name":"owner","uid":"'"$uid"'"}]}}' $((10 * n))
begin
api -o /dev/null -X DELETE "$core/configmaps/owner"
collected() { ! api "$core/configmaps?limit=500" | grep -q '"name":"c[0-9]'; }
until_true "the garbage is gone" collected
tell garbage $((10 * n))
