#!/usr/bin/env bash
# A container's own streams: kubectl attach and kubectl run -i, with containers that
# are processes and, where they can be made, with those of an image.
source "$(dirname "$0")/../lib/e2e.sh"
ws() { timeout 30 python3 "$top/tests/e2e/websocket.py" "$data/kubeconfig" "$@"; }
path=/api/v1/namespaces/default/pods

# The agent has a process of its own, to be killed.
cluster() { # RUNTIME
	cluster_of >"$tmp/cluster.yaml" <<<"n1 own {kind: node-agent, node: n1, runtime: $1}"
	start -f "$tmp/cluster.yaml"
}
pod() { # NAME SCRIPT MORE-OF-CONTAINER
	kc create -f - >/dev/null <<Y
apiVersion: v1
kind: Pod
metadata: {name: $1}
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 1
  automountServiceAccountToken: false
  containers: [{name: main, image: "$image", command: [sh, -c, '$2']${3:+, $3}}]
Y
}
phase() { kc get pod "$1" -o 'jsonpath={.status.phase}'; }
runs() { check "$1 runs" eventually 20 is Running phase "$1"; }
run() { timeout 40 kubectl --kubeconfig "$data/kubeconfig" run "$1" --rm -i --restart=Never --image="$image" --command "${@:2}" 2>"$tmp/run.err"; }
piped() { echo hello | run "$@" | grep -vx 'pod ".*" deleted'; return "${PIPESTATUS[1]}"; }
code() { piped "$@" >"$tmp/run.out"; echo "rc $?"; }
typed() { # KEYS COMMAND...: at a terminal of 101 columns, 30 rows
	timeout 40 script -qec "stty rows 30 cols 101; kubectl --kubeconfig '$data/kubeconfig' ${*:2}" /dev/null <<<"$1" 2>&1 | tr -d '\r'
}
# asker N POD: one whose words come from descriptor N
asker() {
	rm -f "$tmp/in$1"
	mkfifo "$tmp/in$1"
	kubectl --kubeconfig "$data/kubeconfig" attach -i "$2" <"$tmp/in$1" >"$tmp/out$1" 2>"$tmp/err$1" &
	client=$!
	eval "exec $1>'$tmp/in$1'"
}
hears() { eventually 20 grep -qx -- "$2" "$tmp/out$1"; }
# What keeps its place, so that it is seen whether it is the same.
counts='n=0; while read x; do n=$((n + 1)); echo "$n $x"; done'

cases() { # RUNTIME IMAGE
	local agent before image=$2
	rm -rf "$data/"*.yaml
	check "$1: a cluster" cluster "$1"

	# ---- kubectl run
	check "$1: run -i gives its input and prints what it says" is hello piped box -- cat
	check "$1: and returns its exit code" is "rc 3" code box -- sh -c 'read x; echo got $x; exit 3'
	check "$1: after all of its output" grep -qx 'got hello' "$tmp/run.out"
	check "$1: --rm: no pod is left" is "" kc get pods -o name
	# kubectl says the size beside what is typed, either may come first.
	check "$1: run -it has a terminal" grep -qx '30 101 xterm /dev/.*' <(typed input run box -it --rm --restart=Never \
		--image="$image" --command -- sh -c "'read x; until [ \"\$(stty size)\" = \"30 101\" ]; do sleep 0.05; done; echo \$(stty size) \$TERM \$(tty)'")
	check "$1: and its exit code is kubectl's" is "rc 4" eval 'typed input run box -it --rm --restart=Never --image="$image" --command -- \
		sh -c "\"read x; exit 4\"" >/dev/null; echo "rc ${PIPESTATUS[0]}"'

	# ---- kubectl attach
	pod talk "$counts" 'stdin: true'
	pod idle 'cat; exit 9' 'stdin: true'
	pod loud 'while sleep 0.1; do echo tick; done'
	pod once 'cat; echo over' 'stdin: true, stdinOnce: true'
	pod keyed "echo up >/dev/null; $counts" 'stdin: true, tty: true'
	for p in talk idle loud once keyed; do runs $p; done
	asker 7 talk
	echo one >&7
	check "$1: attach -i: what it is told, it answers" hears 7 '1 one'
	asker 8 talk
	local second=$client
	echo two >&8
	check "$1: two askers: both hear" hears 8 '2 two'
	check "$1: the other one too" hears 7 '2 two'
	kill "$second"
	exec 8>&-
	echo three >&7
	check "$1: one leaves, the other one goes on" hears 7 '3 three'
	timeout 3 kubectl --kubeconfig "$data/kubeconfig" attach loud >"$tmp/loud" 2>&1
	check "$1: attach without stdin only listens" grep -qx tick "$tmp/loud"
	check "$1: its words are in the log, too" grep -qx '2 two' <(kc logs talk)
	check "$1: a terminal is attached to" grep -qx '1 keys' <(typed $'keys\n' attach -it keyed & \
		eventually 10 grep -q '1 keys' <(kc logs keyed); kc delete pod keyed --now >/dev/null 2>&1; wait)

	# ---- refusals
	check "$1: without an upgrade" grep -q 'Upgrade request required' <(kc get --raw "$path/talk/attach?stdout=1" 2>&1)
	check "$1: no stream at all" grep -q '400 .*you must specify at least 1 of stdin, stdout, stderr' <(ws "$path/talk/attach" v4.channel.k8s.io)
	check "$1: no such container" grep -q 'container nope is not valid for pod talk' <(ws "$path/talk/attach?container=nope&stdout=1" v4.channel.k8s.io)
	pod term 'sleep 1000' 'tty: true'
	runs term
	check "$1: a terminal has no stderr" grep -q 'unable to upgrade connection: tty and stderr cannot both be true' \
		<(ws "$path/term/attach?stdout=1&stderr=1" v4.channel.k8s.io)
	pod done true
	eventually 20 is Succeeded phase done
	check "$1: what has ended" grep -q 'unable to upgrade connection: container not found (.*main' \
		<(ws "$path/done/attach?stdout=1" v4.channel.k8s.io)

	# ---- an agent is killed
	asker 9 once
	echo first >&9
	check "$1: stdinOnce: it is heard" hears 9 first
	before=$(kc get pod talk -o 'jsonpath={.metadata.uid} {.status.containerStatuses[0].restartCount} {.status.containerStatuses[0].containerID}')
	agent=$(pids_of n1)
	kill -9 "$agent"
	check "$1: kill -9 of the agent: its clients are told" eventually 20 grep -q 'ended' "$tmp/err9"
	exec 7>&- 9>&-
	check "$1: another one comes" eventually 20 test "$(pids_of n1)" != "$agent"
	eventually 20 kc exec talk -- true
	asker 7 talk
	echo four >&7
	check "$1: the container goes on, and so does its stdin" hears 7 '4 four'
	check "$1: it is the same" is "$before" kc get pod talk -o \
		'jsonpath={.metadata.uid} {.status.containerStatuses[0].restartCount} {.status.containerStatuses[0].containerID}'
	exec 7>&-
	check "$1: stdinOnce: whose asker vanished may still be spoken to" is $'last\nover' eval 'echo last | kc attach -i once 2>/dev/null'
	check "$1: and who has said all ends it" eventually 20 is Succeeded phase once
	check "$1: with stdin, and nobody there: it waits" is Running phase idle
	check "$1: it is counted as what it is" grep -q 'apiserver_request_total{code="101".*subresource="attach"' <(kc get --raw /metrics)
	kc delete pods --all --now >/dev/null
	stop
}

if [[ ! ${E2E_NAMESPACE-} ]]; then
	cases process none
	rm -rf "$data"
	# ---- simulated pods have no streams
	start --nodes 1 --runtime sim
	image=none
	pod still 'sleep 1000' 'stdin: true'
	eventually 10 is Running phase still
	check "a simulated pod says that it cannot" grep -q 'simulated.*nothing to attach to' <(kc attach still 2>&1)
	kc create rolebinding viewer --clusterrole=view --user=eve >/dev/null
	kc create rolebinding editor --clusterrole=edit --user=ed >/dev/null
	check "who may look may not attach" grep -q 'cannot \(create\|get\) resource "pods/attach"' <(kc attach still --as eve 2>&1)
	check "who may edit may" grep -q 'nothing to attach to' <(kc attach still --as ed 2>&1)
	stop
	finish
fi
need_containers "attaching to containers of images"
"$top/tools/demo/busybox-image" "$tmp/busybox.tar"
mkdir -p "$data"
check "an image is loaded" "$troupe" image load --data-dir "$data" "$tmp/busybox.tar"
cases oci troupe.io/busybox:1
