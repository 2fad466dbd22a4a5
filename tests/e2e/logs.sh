#!/usr/bin/env bash
# A log that is followed, while its node's agent is killed: it goes on where it
# was, and ends when the agent stays away.
source "$(dirname "$0")/../lib/e2e.sh"
cat >"$tmp/cluster.yaml" <<Y
services: {range: 127.96.0.0/16}
cells:
  - name: core
    actors: [{kind: gate}, {kind: controllers}, {kind: scheduler}]
  - name: api
    actors: [{kind: api, listen: "127.0.0.1:$port"}]
  - name: n1
    process: own
    actors: [{kind: node-agent, runtime: process}]
Y
start -f "$tmp/cluster.yaml" || { not_ok "cluster starts"; exit 1; }
ok "cluster starts"
kc apply -f - >/dev/null <<Y
apiVersion: v1
kind: Pod
metadata: {name: counter}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - {name: main, image: none, command: [sh, -c, 'i=0; while true; do echo line \$i; i=\$((i+1)); sleep 0.1; done']}
---
apiVersion: v1
kind: Pod
metadata: {name: waits}
spec:
  containers: [{name: main, image: none, command: [sleep, "1000"], envFrom: [{configMapRef: {name: none}}]}]
---
apiVersion: v1
kind: Pod
metadata: {name: begins}
spec:
  initContainers: [{name: first, image: none, command: [sleep, "1000"]}]
  containers: [{name: main, image: none, command: [sleep, "1000"]}]
Y
waits() { grep -F "is waiting to start: $1" <(kc logs "$2" -c main 2>&1); }
check "who asks for the log of what waits hears for what" eventually 20 waits CreateContainerConfigError waits
check "and that others come first" eventually 20 waits PodInitializing begins
check "a pod that counts" eventually 20 kc logs counter
follower() { exec kubectl --kubeconfig "$data/kubeconfig" --cache-dir "$tmp/cache" logs -f counter; } # as a process
follower >"$tmp/followed" 2>&1 & follower=$!
heard() { (($(wc -l <"$tmp/followed") > $1)); }
check "it is followed" eventually 10 heard 5
agent() { pgrep -f -- "process --data-dir $data --name n1"; }
first=$(agent)
for i in 1 2; do
	before=$(wc -l <"$tmp/followed")
	kill -9 $(agent)
	check "killed $i: it is followed on soon" eventually 8 heard $((before + 10))
done
check "the agent is another one" test "$(agent)" != "$first"
in_row() { awk '$2 != NR - 1 {print NR ": " $0; bad = 1} END{exit bad}' "$tmp/followed"; }
check "nothing is missing, and nothing came twice" in_row
kill $follower

# ---- an agent that does not come back
kill -STOP $(agent)
away() { grep -F "the agent of node n1 is away" <("$@" 2>&1); }
check "who asks for a log hears that it is away" away kc logs counter
check "who wants a command run too" away kc exec counter -- true
check "with a code that says that it may be back" is 503 curl -sk -o /dev/null -w '%{http_code}' \
	-H "Authorization: Bearer $(cat "$data/pki/token")" "https://127.0.0.1:$port/api/v1/namespaces/default/pods/counter/log"
kill -CONT $(agent)
