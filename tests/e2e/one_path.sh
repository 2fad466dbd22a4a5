#!/usr/bin/env bash
# One path for all who write: what is created through the API server and what
# is created through `gate`, byte for byte, and their refusals (one_path.py).
# Controllers write with the gate's code (actors/objects/writing.h).
source "$(dirname "$0")/../lib/e2e.sh"
py=/usr/bin/python3
has_modules() { $py -c 'import zmq, msgpack' 2>/dev/null; }
has_modules || "$top/tools/deps" python3-zmq python3-msgpack >/dev/null 2>&1
has_modules || { echo "skip one path: needs python3-zmq and python3-msgpack for $py"; exit 0; }

other=$((port + 1)) other_pid=
trap '[[ $other_pid ]] && kill "$other_pid" 2>/dev/null && wait "$other_pid" 2>/dev/null; finish' EXIT
config() { # PORT
	port=$1 cluster_of head=$'store: {driver: memory}\nservices: {range: 10.96.0.0/16}' core="{kind: gate}, {kind: namespaces}" </dev/null
}
config $port >"$tmp/one.yaml"
config $other >"$tmp/two.yaml"
TROUPE_LOG=warn "$troupe" up --data-dir "$tmp/other" -f "$tmp/two.yaml" >"$tmp/other.out" 2>>"$tmp/up.log" &
other_pid=$!
TROUPE_LOG=warn "$troupe" up --data-dir "$data" -f "$tmp/one.yaml" >"$tmp/up.out" 2>>"$tmp/up.log" &
up_pid=$!
check "two clusters" eventually 15 grep -q '^ready: ' "$tmp/up.out"
check "of the same actors" eventually 15 grep -q '^ready: ' "$tmp/other.out"
$py "$top/tests/e2e/one_path.py" $port "$(cat "$data/pki/token")" "$data" \
	$other "$(cat "$tmp/other/pki/token")" "$tmp/other" || not_ok "one path"
