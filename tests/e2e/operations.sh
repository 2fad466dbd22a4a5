#!/usr/bin/env bash
# Watching a cluster from the command line: tail with the messages, inspect,
# top, trace. Two processes, so that their rings are merged.
source "$(dirname "$0")/../lib/e2e.sh"

tails=()
tail_into() { # FILE OPTIONS...
	local file=$1
	shift
	"$troupe" tail --data-dir "$data" --messages "$@" >"$file" 2>"$file.err" &
	tails+=($!)
}
trap 'kill -CONT "${tails[@]}" 2>/dev/null; kill "${tails[@]}" 2>/dev/null; finish' EXIT
post() { # METADATA [QUERY]: config maps, many with a query that counts
	curl -skZ --parallel-max 32 -o /dev/null -H "Authorization: Bearer $(cat "$data/pki/token")" \
		-H 'Content-Type: application/json' -d "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":$1}" \
		"https://127.0.0.1:$port/api/v1/namespaces/default/configmaps${2:-}" 2>/dev/null
}
# Written last, so that all before it is in the tail too.
mark() { post "{\"name\":\"mark-$1\"}" && eventually 10 grep -q "mark-$1" "$2"; }

cat >"$tmp/cluster.yaml" <<Y
turn-limit: 10m
cells:
  - name: core
    actors: [{kind: gate}, {kind: controllers}, {kind: scheduler}]
  - name: api
    process: own
    actors: [{kind: api, listen: "127.0.0.1:$port"}]
  - name: nodes
    actors: [{kind: node-agent, node: n1, runtime: sim}]
  - name: stuck
    process: own
    actors: [{kind: faulty, name: stuck}]
Y
start -f "$tmp/cluster.yaml" || { not_ok "cluster starts"; exit 1; }
plain=correct-horse-battery coded=$(printf correct-horse-battery | base64)
tail_into "$tmp/table"
tail_into "$tmp/json" -o json --body --phase all
eventually 5 test -s "$tmp/json" # it is there before what it is to see

# ---- tail
cat >"$tmp/objects.yaml" <<Y
apiVersion: v1
kind: Secret
metadata: {name: hidden}
stringData: {password: $plain}
---
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
    - {name: main, image: x, env: [{name: P, valueFrom: {secretKeyRef: {name: hidden, key: password}}}]}
Y
check "objects are created while it is watched" kc create -f "$tmp/objects.yaml"
running() { [[ $(kc get pod web -o 'jsonpath={.status.phase}') == Running ]]; }
check "the pod runs" eventually 10 running
kc get secret hidden -o yaml >"$tmp/read"
check "the secret can be read" grep -q "$coded" "$tmp/read"
kc patch secret hidden -p '{"stringData":{"more":"correct-horse-battery"}}' >/dev/null
mark one "$tmp/table" && mark two "$tmp/json"

in_order() { # FILE PATTERN...: lines with these, in this order
	local file=$1 line=0 next
	shift
	for p in "$@"; do
		next=$(tail -n +$((line + 1)) "$file" | grep -nE -- "$p" | head -n 1 | cut -d: -f1)
		[[ $next ]] || { echo "no '$p' after line $line"; return 1; }
		line=$((line + next))
	done
}
check "messages and changes stand in the order of their causes" in_order "$tmp/table" 'sent +api -> store +store.txn' \
	'added +pods +default/web' 'sent +scheduler -> store +store.txn' 'modified pods +default/web .* n1' \
	'sent +node-agent/n1 -> gate +pod.status' 'default/web .*Running'
check "both processes are in it" bash -c "grep -q '\"cell\":\"api\"' $tmp/json && grep -q '\"cell\":\"core\"' $tmp/json"
valid() { python3 -c 'import json, sys
n = 0
for line in open(sys.argv[1]):
    json.loads(line)
    n += 1
assert n > int(sys.argv[2]), n' "$1" "$2"; }
check "every line is JSON" valid "$tmp/json" 100
check "bodies are shown" grep -q '"kind":"pod.status",.*"body":{' "$tmp/json"
check "changes of secrets are shown" grep -q '"kind":"secrets".*"name":"hidden"' "$tmp/json"
no_secret() { ! grep -qaE "$plain|$coded" "$@"; }
check "no secret in what a tail shows" no_secret "$tmp/json" "$tmp/table"
check "no secret in any ring" no_secret "$data"/run/rings/*
check "but what is not secret is there (the search works)" grep -qa 'pod.status\|PodScheduled' "$data"/run/rings/*

once() { "$troupe" tail --data-dir "$data" --messages --no-follow "$@"; }
check "filters: kind" is "pod.status" bash -c "$troupe tail --data-dir $data --messages --no-follow --kind pod.status -o json --phase all |
	grep -o '\"kind\":\"[a-z.]*\"' | sort -u | cut -d'\"' -f4"
check "filters: actor" bash -c "! $troupe tail --data-dir $data -m -x --actor scheduler --phase sent,replied | grep -v scheduler"
trace=$(once -o json | grep '"name":"web"' | head -n 1 | grep -o '"trace":"[0-9a-f]*' | cut -d'"' -f4)
check "filters: trace" test "$(once --trace "$trace" | wc -l)" -gt 5
slow() {
	once --phase all -o json --max-rate 7 >"$tmp/seven"
	grep -qE '"gap":\{"lost":[1-9][0-9]*,"why":"rate"' "$tmp/seven" && (($(grep -c '"phase"' "$tmp/seven") < 50))
}
check "--max-rate shows few and counts the others" slow
check "bad options are refused" bash -c "! $troupe tail --phase loud 2>/dev/null && ! $troupe tail --trace xyz 2>/dev/null"

# ---- a tail that stands still: nobody waits for it, and it says what it lost
kill -STOP "${tails[1]}"
post '{"generateName":"many-"}' '?n=[1-4000]'
check "writers go on while a tail is stopped" test "$(kc get configmaps -o name | grep -c many-)" = 4000
kill -CONT "${tails[1]}"
mark three "$tmp/json"
check "what it was too slow for is declared" grep -q '"gap":{"cell":"core","lost":[1-9]' "$tmp/json"
strict() {
	"$troupe" tail --data-dir "$data" -m --strict -o json --phase all >"$tmp/strict" &
	local pid=$!
	tails+=($pid)
	eventually 10 test -s "$tmp/strict"
	kill -STOP $pid
	post '{"generateName":"more-"}' '?n=[1-4000]'
	kill -CONT $pid
	wait $pid
	[[ $? == 5 ]]
}
check "with --strict that is exit code 5" strict
changes() { grep -o '"kind":"configmaps".*"name":"many-[a-z0-9]*"' "$tmp/json" | sort -u | wc -l; }
check "no change is missing for all that" eventually 10 is 4000 changes

# ---- inspect, top, trace
inspect() { "$troupe" inspect --data-dir "$data" "$@"; }
check "inspect lists the actors of all cells" bash -c "$troupe inspect --data-dir $data | grep -qE '^core +scheduler' &&
	$troupe inspect --data-dir $data | grep -qE '^api +api' && $troupe inspect --data-dir $data | grep -qE '^nodes +node-agent/n1'"
check "inspect shows what an actor knows" grep -qE '^transactions +[1-9]' <(inspect store)
check "inspect knows the broker" grep -q '"routed":[1-9]' <(inspect broker -o json)
dead() { once --phase dead | grep -q 'cell/tool-.* -> nobody .*unreachable'; }
check "inspect of nobody fails and says so" bash -c "! $troupe inspect --data-dir $data nobody 2>$tmp/nobody && grep -q 'no actor nobody' $tmp/nobody"
check "and is a dead letter of the broker" dead
"$troupe" top --data-dir "$data" -o json >"$tmp/top"
check "top is JSON lines" valid "$tmp/top" 5
figures() { python3 -c 'import json, sys
a = {x.get("actor"): x for x in map(json.loads, open(sys.argv[1]))}["store"]
assert a["turns"] > 8000 and a["turn_us"] > 0 and 0 < a["turn_p50_us"] <= a["turn_p99_us"], a
assert a["wait_p50_us"] <= a["wait_p99_us"] and a["restarts"] == 0 and a["up"], a' "$tmp/top"; }
check "top has the figures of an actor" figures
"$troupe" top --data-dir "$data" -o prometheus >"$tmp/metrics"
families() { python3 -c 'import re, sys
family, seen = None, set()
for line in open(sys.argv[1]):
    if line.startswith("# HELP "):
        family = line.split()[2]
        assert family not in seen, family
        seen.add(family)
    elif not line.startswith("#"):
        m = re.fullmatch(r"([a-z_]+)(?:\{(?:[a-z_]+=\"[^\"\\]*\",?)+\})? [0-9.]+\n", line)
        assert m and m.group(1) in (family, family + "_sum", family + "_count", family + "_bucket"), line
assert len(seen) > 10, seen' "$1"; }
check "top's metrics are Prometheus text" families "$tmp/metrics"
scrape() { curl -sk -H "Authorization: Bearer $1" "https://127.0.0.1:$port/metrics"; }
scrape "$(cat "$data/pki/token")" >"$tmp/scraped"
check "so are those of the API's /metrics" families "$tmp/scraped"
check "which tell of the same actors" is "$(grep -o '^troupe_actor_queue.*}' "$tmp/metrics" | sort)" bash -c "grep -o '^troupe_actor_queue.*}' $tmp/scraped | sort"
check "to nobody without a token" grep -q '"code":401' <(scrape none)
check "with a figure for each actor" grep -qE '^troupe_actor_turns_total\{cell="core",actor="scheduler",kind="scheduler"\} [1-9]' "$tmp/metrics"
"$troupe" trace --data-dir "$data" --scan 100000 pods/default/web >"$tmp/trace"
check "trace of an object finds what made it" grep -q 'added pods/default/web' "$tmp/trace"
kinds_of() { "$troupe" tail --data-dir "$data" --from-rev 1 --no-follow --kind "$1" -o json | grep -o '"kind":"[^"]*"' | sort -u; }
for word in pods pod po Pod; do check "tail of $word" is '"kind":"pods"' kinds_of $word; done
check "tail of ClusterRole" is '"kind":"clusterroles.rbac.authorization.k8s.io"' kinds_of ClusterRole
check "an object's kind may be said as kubectl takes it" grep -q 'added pods/default/web' <("$troupe" trace --data-dir "$data" --scan 100000 po/default/web)
check "also for its history" grep -q created <("$troupe" store history --data-dir "$data" Pod/default/web)
check "trace by id of what is still in the rings" bash -c "id=\$($troupe tail --data-dir $data -m -x -k store.txn -o json | grep -o '\"trace\":\"[0-9a-f]*' | tail -n 1 | cut -d'\"' -f4)
	$troupe trace --data-dir $data \$id | grep -q 'store.txn  turn [0-9]*us'"
check "an unknown trace is said to be unknown" bash -c "! $troupe trace --data-dir $data deadbeef 2>$tmp/unknown && grep -q 'know trace' $tmp/unknown"

# ---- a loop that hangs: it answers nobody, and its ring tells in what it hangs.
# An actor of the hidden kind `faulty` (tools/faulty.h) hangs when it is told to.
"$troupe" send --data-dir "$data" stuck faulty.do '{"what":"hang"}'
hanging() { grep -q '^stuck .*stuck has been in a turn about faulty.do for' <("$troupe" top --data-dir "$data"); }
check "top tells in which turn a loop hangs" eventually 30 hanging
kill -9 $(pids_of stuck)

# ---- a process dies: its ring tells what it did, and a tail goes on
kill -9 $(pids_of main)
check "the cluster is back" eventually 15 post '{"name":"back"}'
check "a running tail goes on with the new process" mark four "$tmp/table"
check "the ring of the dead process is kept" grep -q '"name":"more-' <(once -o json)
check "tails said nothing on standard error" is "" cat "$tmp/table.err" "$tmp/json.err"
check "a cold pod's story is one tree" bash -c "
	kubectl --kubeconfig $data/kubeconfig run late --image=x >/dev/null
	until kubectl --kubeconfig $data/kubeconfig get pod late -o 'jsonpath={.status.phase}' | grep -q Running; do sleep 0.05; done
	$troupe trace --data-dir $data pods/default/late >$tmp/late
	[[ \$(grep -c '^trace ' $tmp/late) == 1 ]] && grep -q 'scheduler -> store  store.txn' $tmp/late && grep -q 'node-agent/n1 -> gate  pod.status' $tmp/late ||
		{ cat $tmp/late; false; }"
