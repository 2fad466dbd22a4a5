#!/usr/bin/env bash
# Creates, gets and lists over TLS, beside kube-apiserver with etcd in the same
# run. Usage: peer.sh BUILD-FOLDER [SECONDS]
# PEER_DIR: a folder with bin/kube-apiserver; etcd, openssl and wrk in the PATH.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd) build=$1 secs=${2:-5}
peer=${PEER_DIR:-}/bin/kube-apiserver
[[ -x $peer ]] || { echo '{"bench":"peer","skipped":"PEER_DIR names no folder with bin/kube-apiserver"}'; exit 0; }
for need in etcd openssl wrk; do
	command -v $need >/dev/null || { echo "{\"bench\":\"peer\",\"skipped\":\"$need is missing\"}"; exit 0; }
done
tmp=$(mktemp -d) port=$((20000 + RANDOM % 20000)) pids=()
finish() {
	for p in "${pids[@]}"; do kill "$p" 2>/dev/null && wait "$p" 2>/dev/null; done
	rm -rf "$tmp"
}
trap finish EXIT
ready() { until curl -sk -H "Authorization: Bearer $TOKEN" "$1/api/v1/namespaces/default" | grep -q Active; do kill -0 "$2" || { tail -n 3 "$tmp/log"; exit 1; }; sleep 0.1; done; }
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
"$build/troupe" up --data-dir "$tmp/d" --api "127.0.0.1:$port" --nodes 0 >"$tmp/out" 2>"$tmp/log" & pids=($!)
until grep -q '^ready' "$tmp/out"; do kill -0 ${pids[0]} || { cat "$tmp/log"; exit 1; }; sleep 0.01; done
TOKEN=$(cat "$tmp/d/pki/token")
load "https://127.0.0.1:$port" >"$tmp/ours"
kill ${pids[0]}; wait ${pids[0]} 2>/dev/null; pids=()

TOKEN=admintoken store=$((port + 1)) api=$((port + 3))
echo "$TOKEN,admin,admin,\"system:masters\"" >"$tmp/tokens.csv"
openssl genrsa -out "$tmp/sa.key" 2048 2>/dev/null
openssl rsa -in "$tmp/sa.key" -pubout -out "$tmp/sa.pub" 2>/dev/null
etcd --data-dir "$tmp/etcd" --listen-client-urls http://127.0.0.1:$store --advertise-client-urls http://127.0.0.1:$store \
	--listen-peer-urls http://127.0.0.1:$((store + 1)) >"$tmp/etcd.log" 2>&1 & pids+=($!)
# No service accounts are asked for: what makes them is another program.
"$peer" --etcd-servers http://127.0.0.1:$store --cert-dir "$tmp/certs" --secure-port $api --bind-address 127.0.0.1 \
	--token-auth-file "$tmp/tokens.csv" --authorization-mode RBAC --disable-admission-plugins ServiceAccount \
	--service-account-issuer https://k.local --service-account-key-file "$tmp/sa.pub" --service-account-signing-key-file "$tmp/sa.key" \
	--service-cluster-ip-range 10.96.0.0/16 --max-requests-inflight 4000 --max-mutating-requests-inflight 2000 >"$tmp/log" 2>&1 & pids+=($!)
ready "https://127.0.0.1:$api" ${pids[1]}
load "https://127.0.0.1:$api" >"$tmp/theirs"

paste -d' ' <(printf '%s\n' creates gets lists_of_500) "$tmp/ours" "$tmp/theirs" | while read -r what a a50 a99 an b b50 b99 bn; do
	echo "{\"bench\":\"peer_$what\",\"per_s\":$a,\"p50\":\"$a50\",\"p99\":\"$a99\",\"non_2xx\":$an,\"peer_per_s\":$b,\"peer_p50\":\"$b50\",\"peer_p99\":\"$b99\",\"peer_non_2xx\":$bn,\"ratio\":$(awk -v a="$a" -v b="$b" 'BEGIN{printf "%.1f", b ? a / b : 0}')}"
done
