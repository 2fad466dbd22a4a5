#!/usr/bin/env bash
# kill -9 of the whole control plane under load: eight writers, and everything
# that was acknowledged is there afterwards; pods are adopted, not started twice.
source "$(dirname "$0")/../lib/e2e.sh"

start --nodes 1 || { not_ok "cluster starts"; exit 1; }
ok "cluster starts"
token=$(cat "$data/pki/token")
api() { curl -sk --max-time 10 -H "Authorization: Bearer $token" -H 'Content-Type: application/json' "$@"; }
url=https://127.0.0.1:$port/api/v1/namespaces/default

sed "s/NAP/$nap/" >"$tmp/pod.yaml" <<'Y'
apiVersion: v1
kind: Pod
metadata: {name: long}
spec: {containers: [{name: main, image: none, command: ["sleep", "NAP"]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: short}
spec: {restartPolicy: Never, containers: [{name: main, image: none, command: ["sh", "-c", "sleep 2; exit 9"]}]}
Y
check "pods are created" kc create -f "$tmp/pod.yaml"
phase() { kc get pod "$1" -o 'jsonpath={.status.phase}'; }
check "and run" eventually 10 is "Running Running" bash -c "echo \$(kubectl --kubeconfig $data/kubeconfig get pods -o 'jsonpath={.items[*].status.phase}')"
before=$(pgrep -x -f "sleep $nap")

writer() { # NUMBER: one configmap after the other; notes what was acknowledged
	for ((n = 0; n < 100000; n++)); do
		[[ -f $tmp/enough ]] && return
		code=$(api -o /dev/null -w '%{http_code}' "$url/configmaps" \
			-d "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"w$1-$n\"},\"data\":{\"n\":\"$n\"}}")
		[[ $code == 201 ]] && echo "w$1-$n" >>"$tmp/acked.$1"
	done
}
version=$(api "$url/configmaps?limit=1" | grep -o '"resourceVersion":"[0-9]*"' | head -n 1 | cut -d'"' -f4)
writers=()
for w in 1 2 3 4 5 6 7 8; do writer $w & writers+=($!); done
acked() { cat "$tmp"/acked.* 2>/dev/null | wc -l; }
for round in 1 2 3; do
	enough=$(($(acked) + 40))
	eventually 30 bash -c "[[ \$(cat $tmp/acked.* | wc -l) -ge $enough ]]" || not_ok "writers go on"
	kill -9 $(pids_of main)
done
check "writers go on after three kills" eventually 30 bash -c "[[ \$(cat $tmp/acked.* | wc -l) -ge $(($(acked) + 40)) ]]"

# And now everything but the pauses, at once.
kill -9 "$up_pid" $(pids_of main) 2>/dev/null
wait "$up_pid" 2>/dev/null
touch "$tmp/enough"
wait "${writers[@]}" 2>/dev/null
start --nodes 1 || not_ok "starts again"
ok "starts again"
api "$url/configmaps" | grep -o '"name":"w[0-9]*-[0-9]*"' | cut -d'"' -f4 | sort >"$tmp/there"
sort "$tmp"/acked.* >"$tmp/acked"
check "nothing acknowledged is lost ($(wc -l <"$tmp/acked") writes)" is "" comm -23 "$tmp/acked" "$tmp/there"
# Whoever watched before goes on behind the last version that it saw.
events() { api "$url/configmaps?watch=true&timeoutSeconds=2&resourceVersion=$version" | grep -o '"type":"[A-Z]*".*"name":"[^"]*"' | sed 's/"type":"\([A-Z]*\)".*"name":"\([^"]*\)"/\1 \2/'; }
check "a watch from before goes on without a gap" is "$(sed 's/^/ADDED /' "$tmp/there")" sort <(events)
as_of_then() { api "$url/configmaps?resourceVersion=$version&resourceVersionMatch=Exact" | grep -o '"name":"[^"]*"'; }
check "a list of then shows what was there" is '"name":"kube-root-ca.crt"' as_of_then
check "the pod was adopted" eventually 10 is Running phase long
check "its process is the same" is "$before" pgrep -x -f "sleep $nap"
check "restart count 0" is 0 kc get pod long -o 'jsonpath={.status.containerStatuses[0].restartCount}'
check "what ended meanwhile shows its true exit code" eventually 10 is 9 \
	kc get pod short -o 'jsonpath={.status.containerStatuses[0].state.terminated.exitCode}'
