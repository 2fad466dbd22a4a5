#!/usr/bin/env bash
# Creates, gets and lists over TLS, and creates at a steady rate, beside kube-apiserver with etcd in the same
# run; with the time of the processor that each request took of the server's
# processes, which other work on the machine changes less than the rates.
# Usage: peer.sh BUILD-FOLDER [SECONDS]
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
rate() { awk '/Requests\/sec/{r=$2} /requests in/{q=$1} /50%/{a=$2} /99%/{b=$2} /Non-2xx/{n=$NF} END{printf "%d %s %s %d %d", r, a, b, n+0, q}'; }
# Microseconds of the processor that the processes have had.
cpu_us() { for p; do sed 's/.*) //' "/proc/$p/stat"; done | awk -v hz="$(getconf CLK_TCK)" '{n += $12 + $13} END{printf "%d", n * 1e6 / hz}'; }
pods=/api/v1/namespaces/default/pods
# URL PID...: of creates, gets, lists each "per_s p50 p99 non-2xx cpu_us"
load() {
	RUN=bench one create 32 "$@"
	REQPATH=$pods/bench-0-2 one get 32 "$@"
	REQPATH="$pods?limit=500" one get 8 "$@"
	"$build/bench/paced" "${1##*:}" 500 "$secs" paced
}
one() { # SCRIPT CONNECTIONS URL PID...
	local before after said
	before=$(cpu_us "${@:4}")
	said=$(wrk -t1 -c"$2" -d"${secs}s" --latency -s "$here/$1.lua" "$3" | rate)
	after=$(cpu_us "${@:4}")
	echo "${said% *} $(((after - before) / (${said##* } + 1)))"
}

ratio() { awk -v a="$1" -v b="$2" 'BEGIN{printf "%.1f", b ? a / b : 0}'; }
export TOKEN
# The same parts as the peer's: API and store, and what makes the namespaces there are at first.
cat >"$tmp/parts.yaml" <<Y
cells:
  - name: core
    actors: [{kind: namespaces}, {kind: bootstrap}, {kind: tokens}, {kind: kubernetes-service}, {kind: gate}]
  - name: api
    actors: [{kind: api, listen: "127.0.0.1:$port"}]
Y
"$build/troupe" up --data-dir "$tmp/d" -f "$tmp/parts.yaml" >"$tmp/out" 2>"$tmp/log" & up=$!
peer_pids=($up)
until grep -qs '^ready' "$tmp/out"; do kill -0 $up || { cat "$tmp/log"; exit 1; }; sleep 0.01; done
account() { "$@" -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $(cat "$tmp/d/pki/token")" "https://127.0.0.1:$port/api/v1/namespaces/default/serviceaccounts/default"; }
until [[ $(account curl -sk) == 200 ]]; do sleep 0.05; done
TOKEN=$(cat "$tmp/d/pki/token")
load "https://127.0.0.1:$port" $(pgrep -f -- "$tmp/d") >"$tmp/ours"
kill $up; wait $up 2>/dev/null; peer_pids=()

peer_start "$tmp/peer" $((port + 3)) || exit 1
load "https://127.0.0.1:$((port + 3))" "${peer_pids[@]}" >"$tmp/theirs"

read -r p50 p99 most failed < <(tail -n 1 "$tmp/ours")
read -r b50 b99 bmost bfailed < <(tail -n 1 "$tmp/theirs")
echo "{\"bench\":\"peer_creates_500_per_s\",\"p50_ms\":$p50,\"p99_ms\":$p99,\"max_ms\":$most,\"failed\":$failed,\"peer_p50_ms\":$b50,\"peer_p99_ms\":$b99,\"peer_max_ms\":$bmost,\"peer_failed\":$bfailed}"
paste -d' ' <(printf '%s\n' creates gets lists_of_500) <(head -n 3 "$tmp/ours") <(head -n 3 "$tmp/theirs") | while read -r what a a50 a99 an ac b b50 b99 bn bc; do
	echo "{\"bench\":\"peer_$what\",\"per_s\":$a,\"p50\":\"$a50\",\"p99\":\"$a99\",\"non_2xx\":$an,\"peer_per_s\":$b,\"peer_p50\":\"$b50\",\"peer_p99\":\"$b99\",\"peer_non_2xx\":$bn,\"ratio\":$(ratio "$a" "$b"),\"cpu_us\":$ac,\"peer_cpu_us\":$bc,\"cpu_ratio\":$(ratio "$bc" "$ac")}"
done
