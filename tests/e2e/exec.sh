#!/usr/bin/env bash
# Commands beside containers: kubectl exec and cp, and each WebSocket protocol.
source "$(dirname "$0")/../lib/e2e.sh"

start --nodes 1 || { not_ok "cluster starts"; exit 1; }
ok "cluster starts"

phase() { kc get pod "$1" -o 'jsonpath={.status.phase}'; }
pod() { # NAME YAML-OF-MORE
	kc create -f - >/dev/null <<Y
apiVersion: v1
kind: Pod
metadata: {name: $1}
spec:
  restartPolicy: Never
  containers:
  - {name: main, image: none, workingDir: /usr, command: [sleep, "$nap"], env: [{name: COLOUR, value: blue}]}
$2
Y
}
pod web ""
pod two "  - {name: side, image: none, command: [sleep, '$nap'], env: [{name: COLOUR, value: red}]}"
check "pods run" eventually 10 is "Running Running" kc get pods -o 'jsonpath={.items[*].status.phase}'

# ---- kubectl
check "exec prints what the command does" is hello kc exec web -- echo hello
check "in the container's environment and directory" is "blue /usr web" \
	kc exec web -- sh -c 'echo $COLOUR $(pwd) $HOSTNAME'
check "of the container that is named" is "red /" kc exec two -c side -- sh -c 'echo $COLOUR $(pwd)'
check "with stdin, to its end" is "5 bytes" bash -c "printf 12345 | kubectl --kubeconfig '$data/kubeconfig' \
	exec -i web -- sh -c 'echo \$(wc -c) bytes'"
streams() { kc exec web -- sh -c 'echo out; echo err >&2; exit 7' 2>"$tmp/err"; echo "rc $?"; }
check "stdout and the exit code" is $'out\nrc 7' streams
check "stderr apart" grep -qx err "$tmp/err"
check "and the code as kubectl tells it" grep -q 'command terminated with exit code 7' "$tmp/err"
check "a signal is 128 more" is "rc 137" bash -c \
	"kubectl --kubeconfig '$data/kubeconfig' exec web -- sh -c 'kill -9 \$\$' 2>/dev/null; echo rc \$?"
check "what cannot be started says why" grep -q 'exec: "nosuch": executable file not found in $PATH' \
	<(kc exec web -- nosuch 2>&1)
check "20 MB come whole" is 20000000 bash -c \
	"kubectl --kubeconfig '$data/kubeconfig' exec web -- head -c 20000000 /dev/zero | wc -c"
check "20 MB go whole" is 20000000 bash -c \
	"head -c 20000000 /dev/zero | kubectl --kubeconfig '$data/kubeconfig' exec -i web -- wc -c"
check "-it has a terminal of its own" grep -q '/dev/pts/[0-9]*.*xterm' <(script -qec \
	"kubectl --kubeconfig '$data/kubeconfig' exec -it web -- sh -c 'echo \$(tty) \$TERM'" /dev/null </dev/null)

mkdir -p "$tmp/cp/in" && seq 100000 >"$tmp/cp/in/numbers" && head -c 300000 /dev/urandom >"$tmp/cp/in/noise"
check "cp into a pod" kc cp "$tmp/cp/in" "web:$tmp/cp/there"
check "cp out of it" kc cp "web:$tmp/cp/there" "$tmp/cp/back"
check "is the same" diff -r "$tmp/cp/in" "$tmp/cp/back"

# ---- refusals
refused() { kc exec "$@" 2>&1; }
check "no such pod" grep -q 'pods "nobody" not found' <(refused nobody -- true)
check "no such container" grep -q 'container nope is not valid for pod web' <(refused web -c nope -- true)
path=/api/v1/namespaces/default/pods
raw() { kc get --raw "$1" 2>&1; }
check "without an upgrade" grep -q 'Upgrade request required' <(raw "$path/web/exec?command=true&stdout=1")
check "which container?" grep -q 'for pod two, choose one of: \[main side\]' <(raw "$path/two/exec?command=true&stdout=1")
ws() { timeout 30 python3 "$top/tests/e2e/websocket.py" "$data/kubeconfig" "$@"; }
check "no stream at all" grep -q '400 .*you must specify at least 1 of stdin, stdout, stderr' \
	<(ws "$path/web/exec?command=true" channel.k8s.io)
check "no command" grep -q '400 .*you must specify a command' <(ws "$path/web/exec?stdout=1" channel.k8s.io)
check "a protocol that is none" grep -q '403 .*none of the protocols' <(ws "$path/web/exec?command=true&stdout=1" chat)
pod late "  nodeSelector: {nowhere: at-all}"
check "a pod without a node" grep -q '400 .*pod late does not have a host assigned' \
	<(ws "$path/late/exec?command=true&stdout=1" channel.k8s.io)

# ---- the protocols
echo_=("$path/web/exec?command=sh&command=-c&command=echo+out;exit+3&stdout=1&stderr=1")
check "channel.k8s.io: text says the failure" is "protocol channel.k8s.io
binary '\x01'
binary '\x01out\n'
binary '\x03command terminated with non-zero exit code: exit status 3'
close 1000" ws "${echo_[@]}" channel.k8s.io
check "no protocol named: the same" is "protocol -
binary '\x01'
binary '\x01out\n'
close 1000" ws "$path/web/exec?command=echo&command=out&stdout=1" -
check "base64.channel.k8s.io" is "protocol base64.channel.k8s.io
text '1'
text '1b3V0Cg=='
close 1000" ws "$path/web/exec?command=echo&command=out&stdout=1" base64.channel.k8s.io
status='{"metadata":{},"status":"Success"}'
check "v4: a Status says the success" is "protocol v4.channel.k8s.io
binary '\x01'
binary '\x01out\n'
binary '\x03$status'
close 1000" ws "$path/web/exec?command=echo&command=out&stdout=1" nothing,v4.channel.k8s.io,channel.k8s.io
check "False as Python writes it is no terminal" is "protocol v4.channel.k8s.io
binary '\x01'
binary '\x01out\n'
binary '\x03$status'
close 1000" ws "$path/web/exec?command=echo&command=out&stdout=True&stdin=False&stderr=False&tty=False" v4.channel.k8s.io
check "v4.base64: the exit code among the causes" grep -q '"ExitCode","message":"3"\|"reason":"ExitCode"' \
	<(ws "${echo_[@]}" v4.base64.channel.k8s.io | sed -n "s/^text '3\(.*\)'$/\1/p" | base64 -d)
check "v5: a channel is closed" is "protocol v5.channel.k8s.io
binary '\x01'
binary '\x01abc'
binary '\x03$status'
close 1000" ws "$path/web/exec?command=cat&stdin=1&stdout=1" v5.channel.k8s.io --send 00616263 --send ff00
check "a terminal is resized" grep -q '24 80' <(ws \
	"$path/web/exec?command=sh&command=-c&command=read+x;stty+size&stdin=1&stdout=1&tty=1" v4.channel.k8s.io \
	--send "04$(printf '{"Width":80,"Height":24}' | od -An -tx1 | tr -d ' \n')" --send 000a)
check "logs over a WebSocket" is "protocol binary.k8s.io
close 1000" ws "$path/web/log" binary.k8s.io

# In many pieces, each asked for when the one before is on its way.
kc create -f - >/dev/null <<Y
apiVersion: v1
kind: Pod
metadata: {name: loud}
spec:
  restartPolicy: Never
  containers: [{name: c, image: none, command: [sh, -c, "seq 300000"]}]
Y
check "a pod that says much" eventually 20 is Succeeded phase loud
bytes_of() { python3 -c '
import ast, hashlib, sys
whole = b"".join(ast.literal_eval("b" + l.split(" ", 1)[1]) for l in sys.stdin if l.startswith("binary"))
print(len(whole), hashlib.md5(whole).hexdigest())'; }
said=$(seq 300000 | wc -c | tr -d ' ') sum=$(seq 300000 | md5sum | cut -d' ' -f1)
log_of_loud() { ws "$path/loud/log" binary.k8s.io | bytes_of; }
check "all of it over a WebSocket, in order" is "$said $sum" log_of_loud

# ---- the end of it
sleeper=2000.$$
left() { pgrep -x -f "sleep $sleeper" | wc -l; }
sessions() { python3 "$top/tests/e2e/websocket.py" "$data/kubeconfig" "$path/web/exec?command=sh&command=-c&command=echo+up;sleep+$sleeper&stdin=1&stdout=1" \
	v4.channel.k8s.io --until up --stay >"$tmp/$1" 2>&1 & client=$!; eventually 10 grep -q seen "$tmp/$1"; }
sessions gone
check "a command runs" eventually 10 is 1 left
kill -9 "$client"
check "and is killed when its client goes away" eventually 10 is 0 left
sessions api
kill -9 "$(pids_of main)"
wait "$client"
check "kill -9 of the process: the client sees the end" grep -q eof "$tmp/api"
check "and the command is killed" eventually 10 is 0 left
check "the pod lives on" eventually 15 is hello kc exec web -- echo hello
sessions pod
# ---- who may
kc create rolebinding viewer --clusterrole=view --user=eve >/dev/null
check "who may look may not run" grep -q 'cannot create resource "pods/exec"\|cannot get resource "pods/exec"' <(kc exec web --as eve -- true 2>&1)
kc create role runner --verb=get,create --resource=pods/exec >/dev/null
kc create rolebinding runner --role=runner --user=eve >/dev/null
check "who may run does" is fine kc exec web --as eve -- echo fine

counted() { kc get --raw /metrics | grep 'apiserver_request_total{code="101"' | grep -q 'subresource="exec"'; }
check "they are counted as what they are" counted
kc delete pod web --grace-period=1 >/dev/null
wait "$client"
check "the pod's end ends the session with an error" grep -q 'Failure' "$tmp/pod"
check "and its command" eventually 10 is 0 left
stop

# ---- an agent in a process of its own is killed amid a command
rm -rf "$data"
cluster_of >"$tmp/cluster.yaml" <<<"n1 own {kind: node-agent, node: n1}"
start -f "$tmp/cluster.yaml" || not_ok "a cluster whose agent has a process of its own"
pod web ""
check "a pod there" eventually 10 is Running phase web
same() { kc get pod web -o 'jsonpath={.metadata.uid} {.status.phase} {.status.podIP} {.status.containerStatuses[0].restartCount} {.status.containerStatuses[0].state.running.startedAt}'; }
before=$(same) paused=$(pauses)
sessions agent
check "a command runs there" eventually 10 is 1 left
agent=$(pids_of n1)
kill -9 "$agent"
began=$SECONDS
wait "$client"
check "kill -9 of the agent: the client is told" grep -q '"status":"Failure".*the session with node n1 ended' "$tmp/agent"
check "and its connection closed" grep -qx 'close 1000' "$tmp/agent"
check "soon" test $((SECONDS - began)) -le 10
check "the command is killed" eventually 10 is 0 left
check "another agent comes" eventually 10 is hello kc exec web -- echo hello
check "which is another" test "$(pids_of n1)" != "$agent"
check "and the pod is what it was" is "$before" same
check "to the process that holds it" is "$paused" pauses
sessions again
kc delete pod web --grace-period=1 >/dev/null
wait "$client"
check "whose sessions end as ever" grep -q 'Failure' "$tmp/again"
stop

# ---- simulated pods have no processes
rm -rf "$data"
start --nodes 1 --runtime sim || not_ok "a simulated cluster starts"
pod web ""
check "a simulated pod runs" eventually 10 is Running phase web
check "exec says that it cannot" grep -q 'simulated' <(kc exec web -- true 2>&1)
