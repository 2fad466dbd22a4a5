# What controllers of workloads do with many objects, for any cluster; sourced.
# Wants: build, tmp, port, TOKEN (exported), and cpu(), which prints the
# milliseconds that the cluster has used. Each scenario sets `ms` and `cpu_ms`,
# and `done` to 1, or to 0 when it took longer than LIMIT_S.
LIMIT_S=${LIMIT_S:-170}

core() { echo "https://127.0.0.1:$port/api/v1/namespaces/default"; }
apps() { echo "https://127.0.0.1:$port/apis/apps/v1/namespaces/default"; }
# Not as "curl", for which kube-apiserver writes its answers over many lines.
api_as() { curl -sk -A bench -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/$1" "${@:2}"; }
api() { api_as json "$@"; }
# As many as the shell's {i} says, many at a time over few connections.
many() { # URL BODY COUNT: {i} is the number
	seq "$3" | awk -v url="$1" -v body="$2" 'BEGIN{gsub(/"/, "\\\"", body)} {b = body; gsub(/{i}/, $1, b); printf "%surl = \"%s\"\ndata = \"%s\"\noutput = /dev/null\n", (NR > 1 ? "next\n" : ""), url, b; print "header = \"Authorization: Bearer " ENVIRON["TOKEN"] "\"\nheader = \"Content-Type: application/json\"\ninsecure"}' >"$tmp/many"
	curl -sZ --parallel-max 32 -K "$tmp/many" 2>/dev/null
}
# Follows a path until so many objects are as the patterns say: follow, act, reached.
follow() { # PATH? COUNT PATTERN...
	: >"$tmp/until"
	timeout "$LIMIT_S" "$build/bench/until" "$port" "$@" >"$tmp/until" & follower=$!
	until grep -q watching "$tmp/until"; do kill -0 $follower 2>/dev/null || return 1; sleep 0.005; done
	t0=$(date +%s%N) c0=$(cpu)
}
reached() {
	wait $follower
	done=$(($? == 0)) ms=$((($(date +%s%N) - t0) / 1000000)) cpu_ms=$(($(cpu) - c0))
}
pod='"spec":{"terminationGracePeriodSeconds":1,"containers":[{"name":"c","image":"a"}]}'
watch_apps=/apis/apps/v1/namespaces/default watch_core=/api/v1/namespaces/default
gone() { until [[ $(api "$(core)/pods?limit=1" | grep -o '"items":\[{' | wc -l) == 0 ]]; do sleep 0.05; done; }

replication() { # PODS: a replication controller from 0 to so many
	follow "$watch_core/replicationcontrollers?" 1 "\"readyReplicas\":$1,"
	api -o /dev/null "$(core)/replicationcontrollers" -d '{"metadata":{"name":"rc"},"spec":{"replicas":'"$1"',"selector":{"app":"rc"},"template":{"metadata":{"labels":{"app":"rc"}},'"$pod"'}}}'
	reached
}
replication_ends() {
	api -o /dev/null -X DELETE "$(core)/replicationcontrollers/rc" -d '{"propagationPolicy":"Background"}'
	gone
}
deployment() { # NAME REPLICAS
	echo '{"metadata":{"name":"'"$1"'"},"spec":{"replicas":'"$2"',"selector":{"matchLabels":{"app":"'"$1"'"}},"template":{"metadata":{"labels":{"app":"'"$1"'"}},'"$pod"'}}}'
}
complete() { echo "\"replicas\":$1,\"updatedReplicas\":$1,\"readyReplicas\":$1,\"availableReplicas\":$1"; }
deployment_made() { # PODS
	follow "$watch_apps/deployments?" 1 "$(complete "$1")" '!"unavailableReplicas":'
	api -o /dev/null "$(apps)/deployments" -d "$(deployment web "$1")"
	reached
}
deployment_rolled() { # PODS, after deployment_made
	until [[ $(generation) == "$(observed)" ]]; do sleep 0.05; done
	follow "$watch_apps/deployments?" 1 "$(complete "$1")" '!"unavailableReplicas":' '"image":"b"' '!"observedGeneration":'"$(generation)",
	api_as strategic-merge-patch+json -o /dev/null -X PATCH "$(apps)/deployments/web" \
		-d '{"spec":{"template":{"spec":{"containers":[{"name":"c","image":"b"}]}}}}'
	reached
}
generation() { number generation; }
observed() { number observedGeneration; }
number() { api "$(apps)/deployments/web" | grep -o "\"$1\": *[0-9]*" | head -n 1 | grep -o '[0-9]*$'; }
deployment_ends() {
	api -o /dev/null -X DELETE "$(apps)/deployments/web" -d '{"propagationPolicy":"Background"}'
	gone
}
deployments_at_once() { # COUNT
	follow "$watch_apps/deployments?" "$1" "$(complete 1)" '!"unavailableReplicas":'
	many "$(apps)/deployments" "$(deployment 'd{i}' 1)" "$1"
	reached
}
deployments_end() {
	api -o /dev/null -X DELETE "$(apps)/deployments" -d '{"propagationPolicy":"Background"}'
	gone
}
garbage() { # DEPENDANTS of one owner that is deleted
	api -o /dev/null "$(core)/configmaps" -d '{"metadata":{"name":"owner"}}'
	local uid
	uid=$(api "$(core)/configmaps/owner" | grep -o '"uid": *"[^"]*' | head -n 1 | cut -d'"' -f4)
	many "$(core)/configmaps" '{"metadata":{"name":"c{i}","ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap","name":"owner","uid":"'"$uid"'"}]}}' "$1"
	sleep 2 # until the graph of who owns whom has them all, wherever that is
	follow "$watch_core/configmaps?" $(($1 + 1)) '"type":"DELETED"'
	api -o /dev/null -X DELETE "$(core)/configmaps/owner" -d '{"propagationPolicy":"Background"}'
	reached
}
