#!/usr/bin/env bash
# Watches of the API over TLS, beside the bare HTTP library in the same run:
# memory of an idle one, and one change told to a thousand.
# Usage: watches.sh BUILD-FOLDER [IDLE] [FOLLOWERS] [CHANGES]
set -uo pipefail
build=$1 idle=${2:-10000} followers=${3:-1000} changes=${4:-200}
tmp=$(mktemp -d) port=$((20000 + RANDOM % 20000)) up=
finish() {
	[[ $up ]] && kill "$up" 2>/dev/null && wait "$up" 2>/dev/null
	rm -rf "$tmp"
}
trap finish EXIT
"$build/troupe" up --data-dir "$tmp/d" --api "127.0.0.1:$port" --nodes 0 >"$tmp/out" 2>"$tmp/log" & up=$!
until grep -q '^ready' "$tmp/out"; do kill -0 $up || { cat "$tmp/log"; exit 1; }; sleep 0.01; done
export TOKEN; TOKEN=$(cat "$tmp/d/pki/token")
maps=/api/v1/namespaces/default/configmaps
printf '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m"},"data":{"count":"@@@@@@","text":"%s"}}' \
	"$(head -c 600 /dev/zero | tr '\0' x)" >"$tmp/map"
api() { curl -sk -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' "$@"; }
api -o "$tmp/made" -d @"$tmp/map" "https://127.0.0.1:$port$maps"
from=$(grep -o '"resourceVersion":"[0-9]*"' "$tmp/made" | grep -o '[0-9]*')
watch="$maps?watch=1&resourceVersion=$from&timeoutSeconds=3600"
# One change as a watcher sees it: the bare library sends the same.
sed 's/@@@@@@/000000/' "$tmp/map" | api -o /dev/null -X PUT -d @- "https://127.0.0.1:$port$maps/m"
api -N --max-time 1 "https://127.0.0.1:$port$watch" 2>/dev/null | head -n 1 >"$tmp/event"
from=$(grep -o '"resourceVersion":"[0-9]*"' "$tmp/event" | grep -o '[0-9]*')
watch="$maps?watch=1&resourceVersion=$from&timeoutSeconds=3600"
pids=$(pgrep -f -- "$tmp/d")
measure() { "$build/bench/watches" "$1" "$2" "$3" "$4" "$5" "$tmp/map" $6; } # PORT PATH N CHANGES CHANGE-PATH PIDS
field() { grep -o "\"$2\":[0-9.]*" <<<"$1" | cut -d: -f2; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN{printf "%.2f", b ? a / b : 0}'; }

bare_port=$((port + 1))
"$build/bench/bare_http" $bare_port "$tmp/d/pki/api.crt" "$tmp/d/pki/api.key" "$tmp/event" loop & bare=$!
until curl -sk -o /dev/null "https://127.0.0.1:$bare_port/"; do kill -0 $bare || exit 1; sleep 0.02; done
ours=$(measure $port "$watch" "$idle" 0 "$maps/m" "$pids") || exit 1
raw=$(measure $bare_port /watch "$idle" 0 /m $bare) || exit 1
echo "{\"bench\":\"idle_watches\",\"watches\":$idle,\"kb_each\":$(field "$ours" kb_each),\"opened_per_s\":$(field "$ours" opened_per_s),\"bare_kb_each\":$(field "$raw" kb_each),\"bare_opened_per_s\":$(field "$raw" opened_per_s)}"
ours=$(measure $port "$watch" "$followers" "$changes" "$maps/m" "$pids") || exit 1
raw=$(measure $bare_port /watch "$followers" "$changes" /m $bare) || exit 1
kill $bare; wait $bare 2>/dev/null
a=$(field "$ours" deliveries_per_s) b=$(field "$raw" deliveries_per_s)
echo "{\"bench\":\"watch_fan_out\",\"watches\":$followers,\"changes\":$changes,\"deliveries_per_s\":$a,\"bare_deliveries_per_s\":$b,\"ratio\":$(ratio "$a" "$b")}"
