#!/usr/bin/env bash
# Processes: the end in order, with pods and without; what is killed starts
# again and goes on; a data directory whose path no socket could have.
source "$(dirname "$0")/../lib/e2e.sh"

# Longer than the 108 bytes of a unix socket's path.
data=$tmp/$(printf 'long-%.0s' {1..20})/$(printf 'path-%.0s' {1..12})/data
mkdir -p "${data%/*}"

cells="cells:
  - name: core
    actors: [{kind: gate}, {kind: scheduler}, {kind: namespaces}]
  - name: api
    process: own
    actors: [{kind: api, listen: \"127.0.0.1:$port\"}]
  - name: n1
    process: own
    actors: [{kind: node-agent, node: n1, runtime: process}]
  - name: n2
    actors: [{kind: node-agent, node: n2, runtime: process}]"
printf 'cluster: ends\n%s\n' "$cells" >"$tmp/cluster.yaml"
pod() { # NAME NODE GRACE SCRIPT
	printf '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"%s"},"spec":{"nodeName":"%s","terminationGracePeriodSeconds":%s,
		"containers":[{"name":"main","image":"none","command":["sh","-c","%s"]}]}}' "$1" "$2" "$3" "$4" >"$tmp/$1.json"
	kc create -f "$tmp/$1.json"
}
phases() { kc get pods -o 'jsonpath={range .items[*]}{.metadata.name}={.status.phase} {end}'; }
restarts() { kc get pods -o 'jsonpath={range .items[*]}{.metadata.name}={.status.containerStatuses[0].restartCount} {end}'; }
begin() { start -f "$tmp/cluster.yaml" "$@"; }
# Everything that this cluster has running, by the data directory in its
# command line or as its working directory.
running() {
	local p
	for p in /proc/[0-9]*; do
		if tr '\0' ' ' <"$p/cmdline" 2>/dev/null | grep -qF -- "$data" ||
			[[ $(readlink "$p/cwd" 2>/dev/null) == "$data"* ]]; then
			tr '\0' ' ' <"$p/cmdline"
			echo
		fi
	done 2>/dev/null
}
sockets() { find "$data" -type s; }
# ended CODE: the parent is gone with that exit code
ended() {
	local code=0
	wait "$up_pid" || code=$?
	up_pid=
	[[ $code == "$1" ]] || { echo "exit code $code"; return 1; }
}

begin || { not_ok "a cluster in a directory of ${#data} bytes"; exit 1; }
ok "a cluster in a directory of ${#data} bytes"
check "tail finds it" grep -q '"kind":"nodes"' <("$troupe" tail --data-dir "$data" --from-rev 1 --no-follow -o json)
gentle="trap 'echo bye >>$tmp/gentle; exit 0' TERM; echo x >>$tmp/up.gentle; while :; do sleep 0.1; done"
stubborn="trap 'echo no >>$tmp/stubborn' TERM; echo x >>$tmp/up.stubborn; while :; do sleep 0.1; done"
check "a pod that ends at TERM, on a node with a process of its own" pod gentle n1 30 "$gentle"
check "a pod that does not, on the main process's node" pod stubborn n2 3 "$stubborn"
check "they run" eventually 10 is "gentle=Running stubborn=Running " phases
check "and say so" eventually 10 test -s "$tmp/up.gentle" -a -s "$tmp/up.stubborn"

# ---- kill -9 of one cell's process, and of the main one
for role in n1 api main; do
	old=$(pids_of $role)
	kill -9 "$old"
	check "$role: killed with -9, it is started again" eventually 10 bash -c "p=\$(pgrep -f -- '--data-dir $data --name $role'); [[ \$p && \$p != $old ]]"
	check "$role: things go on" eventually 15 is "gentle=Running stubborn=Running " phases
	check "$role: writes too" eventually 10 kc annotate --overwrite pod gentle after="$role"
done
pod later n1 1 "sleep 1000" >/dev/null
check "a pod created afterwards runs" eventually 15 is "gentle=Running later=Running stubborn=Running " phases
check "no pod was started twice" is "1 1" echo "$(wc -l <"$tmp/up.gentle")" "$(wc -l <"$tmp/up.stubborn")"

# ---- SIGTERM: the pods, each with its grace, then the control plane
begun=$(date +%s%N)
kill -TERM "$up_pid"
check "while a pod has its grace the API is still there" eventually 2 kc get nodes
check "SIGTERM: exit code 0" ended 0
took=$((($(date +%s%N) - begun) / 1000000))
check "the stubborn pod had its 3 seconds (the end took $took ms)" test "$took" -ge 2900 -a "$took" -lt 15000
check "each was told once" is $'bye\nno' cat "$tmp/gentle" "$tmp/stubborn"
check "no process is left" is "" running
check "no socket is left" is "" sockets

# ---- and up again: the store remembers
check "up again" begin
check "the pods run again" eventually 15 is "gentle=Running later=Running stubborn=Running " phases
check "started anew" eventually 15 is "gentle=1 later=1 stubborn=1 " restarts
check "the stubborn one is deaf again" eventually 10 is 2 grep -c x "$tmp/up.stubborn"

# ---- a second signal does not wait for the grace
pod deaf n2 600 "trap 'echo no >>$tmp/deaf' TERM; echo x >>$tmp/up.deaf; while :; do sleep 0.1; done" >/dev/null
check "a pod with ten minutes of grace" eventually 10 test -s "$tmp/up.deaf"
kill -INT "$up_pid"
check "it was told" eventually 10 test -s "$tmp/deaf"
kill -TERM "$up_pid"
check "SIGINT, then SIGTERM: it ends at once" timeout 10 tail --pid="$up_pid" -f /dev/null
check "with exit code 0" ended 0
check "no process is left" is "" running
check "no socket is left at all" is "" sockets

# ---- --keep-pods
check "up with --keep-pods" begin --keep-pods
check "what was killed has its exit code" eventually 10 is 137 \
	kc get pod deaf -o 'jsonpath={.status.containerStatuses[0].lastState.terminated.exitCode}'
kc delete pod deaf stubborn --grace-period=1 --wait=false >/dev/null
check "two pods run" eventually 30 is "gentle=Running later=Running " phases
check "the gentle one is up" eventually 10 is 3 grep -c x "$tmp/up.gentle"
sorted_pauses() { pauses | sort; }
before=$(sorted_pauses)
kill -TERM "$up_pid"
check "--keep-pods: exit code 0" ended 0
check "the pauses live" is "$before" bash -c "for p in $(echo $before); do kill -0 \$p && echo \$p; done"
check "nothing else does" is "" pgrep -f -- "--data-dir $data"
check "up adopts them" begin
check "they run" eventually 10 is "gentle=Running later=Running " phases
check "the same pauses" is "$before" sorted_pauses
check "not started again" is 3 grep -c x "$tmp/up.gentle"

# ---- Ctrl-C reaches the whole process group, but pods only in order
stop
check "stop" is "" running
rm -f "$tmp/gentle"
set -m
begin
set +m
check "in a process group of its own" is "$up_pid" bash -c "ps -o pgid= -p $up_pid | tr -d ' '"
check "the gentle pod is up" eventually 10 is 4 grep -c x "$tmp/up.gentle"
kill -INT -- "-$up_pid"
check "Ctrl-C: exit code 0" ended 0
check "told once, by its agent" is "bye" cat "$tmp/gentle"
check "and nothing is left" is "" running
