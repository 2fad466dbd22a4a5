#!/usr/bin/env bash
# An actor in another language: greeter.py is written from `troupe manual
# messages` and works as a controller, through restarts of what it talks to.
source "$(dirname "$0")/../lib/e2e.sh"

py=/usr/bin/python3
has_modules() { $py -c 'import zmq, msgpack' 2>/dev/null; }
has_modules || "$top/tools/deps" python3-zmq python3-msgpack >/dev/null 2>&1
has_modules || { echo "skip python: needs python3-zmq and python3-msgpack for $py"; exit 0; }

start --nodes 1 --runtime sim || { not_ok "cluster starts"; exit 1; }
greeter=
greet() {
	$py "$top/tests/e2e/greeter.py" "$data" >>"$tmp/greeter.out" 2>"$tmp/greeter.err" &
	greeter=$!
}
trap 'kill $greeter 2>/dev/null; finish' EXIT
config_map() { # NAME WHO
	kc create -f - <<Y
apiVersion: v1
kind: ConfigMap
metadata: {name: $1, labels: {greet: $2}}
Y
}
text() { kc get configmap "$1" -o 'jsonpath={.data.text}'; }

config_map before moon >/dev/null
greet
check "what was there before it is listed" eventually 10 is "hello moon" text before-greeting
config_map after world >/dev/null
check "what comes later is followed" eventually 10 is "hello world" text after-greeting
check "it is in the broker's list" grep -q '"cell":"greeter"' <("$troupe" inspect broker --data-dir "$data")
trace_goes_through() {
	"$troupe" trace --data-dir "$data" configmaps/default/after-greeting >"$tmp/trace"
	grep -q 'greeter -> gate  object.create' "$tmp/trace" && grep -q 'added configmaps/default/after ' "$tmp/trace"
}
check "a trace goes through it" trace_goes_through

kill -9 $(pids_of main)
check "the cluster is back" eventually 15 config_map third again
check "it goes on after the broker and the store were killed" eventually 20 is "hello again" text third-greeting

kill -9 "$greeter"
wait "$greeter" 2>/dev/null
config_map meanwhile gap >/dev/null
greet
check "what happened while it was away is caught up" eventually 10 is "hello gap" text meanwhile-greeting
check "what it had made is not made twice" eventually 5 grep -q 'after: 409' "$tmp/greeter.out"
check "it said nothing on standard error" is "" cat "$tmp/greeter.err"
lines=$(grep -c . "$top/tests/e2e/greeter.py")
check "it is short ($lines lines)" test "$lines" -lt 100

# The manual's example is what the broker takes: its bytes, sent as they are.
"$troupe" manual messages >"$tmp/manual"
example() {
	$py - "$tmp/manual" "$data/run/broker.ipc" <<'P'
import re, sys, msgpack, zmq
page = open(sys.argv[1]).read()
raw = re.search(r"Hello:\n.*\n((?:    (?:[0-9a-f]{2} ?)+\n)+)", page).group(1)
s = zmq.Context().socket(zmq.DEALER)
s.connect("ipc://" + sys.argv[2])
s.send(bytes.fromhex("".join(raw.split())))
assert s.poll(5000), "no answer"
assert msgpack.unpackb(s.recv())[7] == 2, "not welcome"
P
}
check "the manual's hello is welcome" example
