#!/usr/bin/env bash
# Creates, gets and lists over TLS, beside kube-apiserver with etcd in the same
# run. Usage: peer.sh BUILD-FOLDER [SECONDS]
# PEER_DIR: see peer_lib.sh.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd) build=$1 secs=${2:-5}
source "$here/peer_lib.sh"
missing=$(peer_missing kube-apiserver)
[[ $missing ]] && { echo "{\"bench\":\"peer\",\"skipped\":\"$missing\"}"; exit 0; }
tmp=$(mktemp -d) port=$((20000 + RANDOM % 20000)) peer_pids=()
finish() {
	for p in "${peer_pids[@]}"; do kill "$p" 2>/dev/null && wait "$p" 2>/dev/null; done
	rm -rf "$tmp"
}
trap finish EXIT
rate() { awk '/Requests\/sec/{r=$2} /50%/{a=$2} /99%/{b=$2} /Non-2xx/{n=$NF} END{printf "%d %s %s %d", r, a, b, n+0}'; }
pods=/api/v1/namespaces/default/pods
# URL: rates of creates, gets, lists; each "per_s p50 p99 non-2xx"
load() {
	RUN=bench wrk -t1 -c32 -d"${secs}s" --latency -s "$here/create.lua" "$1" | rate
	echo
	REQPATH=$pods/bench-0-2 wrk -t1 -c32 -d"${secs}s" --latency -s "$here/get.lua" "$1" | rate
	echo
	REQPATH="$pods?limit=500" wrk -t1 -c8 -d"${secs}s" --latency -s "$here/get.lua" "$1" | rate
	echo
}

export TOKEN
"$build/troupe" up --data-dir "$tmp/d" --api "127.0.0.1:$port" --nodes 0 >"$tmp/out" 2>"$tmp/log" & up=$!
peer_pids=($up)
until grep -q '^ready' "$tmp/out"; do kill -0 $up || { cat "$tmp/log"; exit 1; }; sleep 0.01; done
TOKEN=$(cat "$tmp/d/pki/token")
load "https://127.0.0.1:$port" >"$tmp/ours"
kill $up; wait $up 2>/dev/null; peer_pids=()

peer_start "$tmp/peer" $((port + 3)) || exit 1
load "https://127.0.0.1:$((port + 3))" >"$tmp/theirs"

paste -d' ' <(printf '%s\n' creates gets lists_of_500) "$tmp/ours" "$tmp/theirs" | while read -r what a a50 a99 an b b50 b99 bn; do
	echo "{\"bench\":\"peer_$what\",\"per_s\":$a,\"p50\":\"$a50\",\"p99\":\"$a99\",\"non_2xx\":$an,\"peer_per_s\":$b,\"peer_p50\":\"$b50\",\"peer_p99\":\"$b99\",\"peer_non_2xx\":$bn,\"ratio\":$(awk -v a="$a" -v b="$b" 'BEGIN{printf "%.1f", b ? a / b : 0}')}"
done
