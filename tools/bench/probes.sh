#!/usr/bin/env bash
# What probes cost: CONTAINERS in pods of five, each probed once in PERIOD seconds,
# by TCP, HTTP and a command in turn; beside the same containers without probes.
# The share of a core of Troupe's own processes (all of it: agents, control plane)
# and that of the pods' pauses and of their commands; JSON lines. What answers is one server
# of a few lines for all, which is not counted. With RUNTIME=oci a command is a `crun exec`, and
# the last line is what it costs alone: the floor. KINDS: which of "none tcp http exec".
# Usage: probes.sh BUILD-FOLDER [CONTAINERS] [PERIOD]     (needs kubectl, python3)
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd) build=$1 n=${2:-1000} period=${3:-10}
source "$here/processes.sh"
runtime=${RUNTIME:-process}
tmp=$(mktemp -d) port=$((20000 + RANDOM % 10000)) pids=() nap=1000.$$
finish() {
	for p in "${pids[@]}"; do kill "$p" 2>/dev/null && wait "$p" 2>/dev/null; done
	rm -rf "$tmp"
}
trap finish EXIT
python3 - $((port + 1)) <<'P' & pids+=($!)
import socket, sys
s = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=4096)
while True:
    c, _ = s.accept()
    c.settimeout(0.2)
    try:
        if c.recv(4096):
            c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    except OSError:
        pass
    c.close()
P
pods=$((n / 5))
if [[ $runtime == oci ]]; then
	"$here/../demo/busybox-image" "$tmp/busybox.tar" && mkdir "$tmp/d"
	"$build/troupe" image load --data-dir "$tmp/d" "$tmp/busybox.tar" >/dev/null
fi
"$build/troupe" up --data-dir "$tmp/d" --api "127.0.0.1:$port" --nodes $(((pods + 99) / 100)) --runtime $runtime \
	>"$tmp/out" 2>"$tmp/log" & pids=($! "${pids[@]}")
until grep -q '^ready' "$tmp/out" 2>/dev/null; do kill -0 "${pids[0]}" || { cat "$tmp/log"; exit 1; }; sleep 0.05; done
kc() { kubectl --kubeconfig "$tmp/d/kubeconfig" --cache-dir "$tmp/cache" "$@"; }
at="port: $((port + 1)), host: 127.0.0.1"
make_pods() { # PROBE
	for ((i = 0; i < pods; i++)); do
		printf '%s\n' 'apiVersion: v1' 'kind: Pod' "metadata: {name: p$i}" 'spec:' '  terminationGracePeriodSeconds: 1' '  containers:'
		for c in a b c d e; do
			echo "  - {name: $c, image: "troupe.io/busybox:1", command: [sleep, '$nap']${1:+, readinessProbe: {periodSeconds: $period, timeoutSeconds: 5, $1\}}}"
		done
		echo ---
	done >"$tmp/pods.yaml"
	kc create -f "$tmp/pods.yaml" >/dev/null
	until [[ $(kc get pods -o 'jsonpath={range .items[*]}{.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}' | grep -c True) == "$pods" ]]; do sleep 1; done
}
own() { pgrep -f -- "--data-dir $tmp/d"; }
theirs() { cut -d' ' -f1 "$tmp"/d/pods/*/*/pause.pid; }
# Of the children of pauses that ended: milliseconds.
commands() { for p in $(theirs); do awk '{print $16 + $17}' "/proc/$p/stat" 2>/dev/null; done | awk '{s += $1} END{print s * 10}'; }
base=
for kind in ${KINDS:-none tcp http exec}; do
	case $kind in
	none) make_pods "" ;;
	tcp) make_pods "tcpSocket: {$at}" ;;
	http) make_pods "httpGet: {$at}" ;;
	exec) make_pods "exec: {command: ['true']}" ;;
	esac
	sleep $((period + 2)) # what making them left to do is done
	pauses=($(theirs))
	t0=$(commands) p0=$(running "${pauses[@]}")
	read -r percent wakeups <<<"$(idle $((3 * period)) $(own))"
	of_pauses=$(awk -v a="$p0" -v b="$(running "${pauses[@]}")" -v s=$((3 * period)) 'BEGIN{printf "%.2f", (b - a) / s / 1e7}')
	of_commands=$(awk -v a="$t0" -v b="$(commands)" -v s=$((3 * period)) 'BEGIN{printf "%.2f", (b - a) / s / 10}')
	: "${base:=$percent}"
	awk -v k=$kind -v n="$n" -v s="$period" -v p="$percent" -v b="$base" -v w="$wakeups" -v q="$of_pauses" -v r="$of_commands" 'BEGIN{
		printf "{\"bench\":\"probes\",\"kind\":\"%s\",\"containers\":%d,\"per_s\":%.0f,\"cpu_percent\":%.2f,\"of_probes\":%.2f,\"us_each\":%.0f,\"wakeups_per_s\":%.0f,\"pauses_percent\":%.2f,\"commands_percent\":%.2f,\"pause_us_each\":%.0f,\"command_us_each\":%.0f}\n",
			k, n, k == "none" ? 0 : n / s, p, p - b, k == "none" ? 0 : (p - b) * 1e4 / (n / s), w, q, r, q * 1e4 / (n / s), r * 1e4 / (n / s)}'
	if [[ $runtime == oci && $kind == exec ]]; then
		pause=${pauses[0]} dir=$(dirname "$(grep -l "^$pause " "$tmp"/d/pods/*/*/pause.pid)")
		id=$(ls "$dir/oci" | head -n 1)
		nsenter -t "$pause" -m -u -i -n python3 - "$dir/oci" "$id" <<'P'
import resource, subprocess, sys
def spent(): return sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])
def each(*argv, times=200):
    before = spent()
    for _ in range(times): subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
    return (spent() - before) * 1e6 / times
print('{"bench":"probes","kind":"floor","crun_exec_us":%.0f,"crun_version_us":%.0f,"true_us":%.0f}' % (
    each("crun", "--root", sys.argv[1], "exec", sys.argv[2], "true"), each("crun", "--version"), each("true")))
P
	fi
	kc delete pods --all --now >/dev/null
done
