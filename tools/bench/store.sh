#!/usr/bin/env bash
# The store by itself, over ipc in a running cluster, and etcd on the same disk.
# Usage: tools/bench/store.sh BUILD-FOLDER   (OBJECTS=200000, SECONDS_EACH=2)
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd) build=$1 secs=${SECONDS_EACH:-2}
tmp=$(mktemp -d) pids=()
finish() {
	for p in "${pids[@]}"; do kill "$p" 2>/dev/null && wait "$p" 2>/dev/null; done
	rm -rf "$tmp"
}
trap finish EXIT
mkdir "$tmp/s"
SECONDS_EACH=$secs "$build/bench/store" "$tmp/s" "${OBJECTS:-200000}"

port=$((20000 + RANDOM % 20000))
"$build/troupe" up --data-dir "$tmp/d" --api "127.0.0.1:$port" --nodes 0 --runtime sim >"$tmp/out" 2>/dev/null & pids+=($!)
for ((i = 0; i < 500; i++)); do grep -q '^ready' "$tmp/out" && break; sleep 0.02; done
SECONDS_EACH=$secs "$build/bench/store" "$tmp/s" ipc "$tmp/d"

# etcd: its JSON gateway, which is what a client without gRPC has.
command -v etcd >/dev/null || apt-get install -y -qq etcd-server >/dev/null 2>&1
command -v wrk >/dev/null || apt-get install -y -qq wrk >/dev/null 2>&1
for need in etcd wrk; do
	command -v $need >/dev/null || { echo "{\"bench\":\"etcd-put\",\"skipped\":\"$need is missing\"}"; exit 0; }
done
port=$((port + 1))
etcd --data-dir "$tmp/etcd" --listen-client-urls "http://127.0.0.1:$port" --advertise-client-urls "http://127.0.0.1:$port" \
	--listen-peer-urls "http://127.0.0.1:$((port + 1))" --initial-advertise-peer-urls "http://127.0.0.1:$((port + 1))" \
	--initial-cluster "default=http://127.0.0.1:$((port + 1))" >/dev/null 2>&1 & pids+=($!)
for ((i = 0; i < 200; i++)); do curl -s "http://127.0.0.1:$port/health" | grep -q true && break; sleep 0.05; done
for n in 1 32 1000; do
	rate=$(wrk -t1 -c$n -d"${secs%.*}s" -s "$here/etcd.lua" "http://127.0.0.1:$port" | awk '/Requests\/sec/{printf "%d", $2} /Non-2xx/{exit 1}')
	echo "{\"bench\":\"etcd-put\",\"bytes\":1024,\"clients\":$n,\"per_s\":${rate:-0}}"
done
