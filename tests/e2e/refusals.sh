#!/usr/bin/env bash
# Bad input: one clear line that names file, line or field, and a non-zero exit.
source "$(dirname "$0")/../lib/e2e.sh"

refused() { # WANT COMMAND...: it fails, and says WANT
	local want=$1
	shift
	if timeout 20 "$@" >"$tmp/refused" 2>&1; then echo "it succeeded"; return 1; fi
	grep -qF -- "$want" "$tmp/refused" || { cat "$tmp/refused"; return 1; }
}
cat >"$tmp/typo.yaml" <<'Y'
cluster: demo
cells:
  - name: core
    actors: [{kind: gate}, {kind: shceduler}]
Y
check "unknown actor kind" refused "typo.yaml:4:29: unknown actor kind 'shceduler', did you mean 'scheduler'?" \
	"$troupe" up --data-dir "$data" -f "$tmp/typo.yaml"
printf 'cluster: demo\nstore: {drvier: lmdb}\ncells: [{name: core}]\n' >"$tmp/key.yaml"
check "unknown key" refused "key.yaml:2:9: unknown key 'drvier', did you mean 'driver'?" \
	"$troupe" up --data-dir "$data" -f "$tmp/key.yaml"
printf 'cluster: [\n' >"$tmp/broken.yaml"
check "broken YAML" refused "broken.yaml: yaml: line" "$troupe" up --data-dir "$data" -f "$tmp/broken.yaml"
check "no such file" refused "nothing.yaml: No such file" "$troupe" up --data-dir "$data" -f "$tmp/nothing.yaml"
check "bad option" refused "--nodes takes" "$troupe" up --nodes many
check "bad address" refused "--api takes IPV4:PORT, like 127.0.0.1:6443, not 'nonsense'" "$troupe" up --data-dir "$data" --api nonsense
check "none of them leaves anything" is "" eval 'ls -A "$data" 2>/dev/null'

config() { cluster_of "$@" <<<"nodes {kind: node-agent, runtime: sim}" >"$tmp/c.yaml"; }
with_file=("$troupe" up --data-dir "$data" -f "$tmp/c.yaml")
config
for beside in "--nodes 3" "--runtime sim" "--api 127.0.0.1:7777" "--own-api"; do
	# shellcheck disable=SC2086
	check "a file and ${beside%% *}" refused "${beside%% *} goes into the file" "${with_file[@]}" $beside
done
config api="tokens: $tmp/people"
check "no file of tokens" refused "c.yaml:6:14: tokens: $tmp/people: No such file" "${with_file[@]}"
printf '# who may come\nsecret,jane,7\n\nsecret2,joe\n' >"$tmp/people"
check "a line of tokens without a uid" refused "tokens: $tmp/people:4: a line is token,user,uid" "${with_file[@]}"
grep -v 'kind: api' "$tmp/c.yaml" >"$tmp/none.yaml"
check "no API" refused "none.yaml: there is no actor of kind api" "$troupe" up --data-dir "$data" -f "$tmp/none.yaml"
check "nor do these leave anything" is "" eval 'ls -A "$data" 2>/dev/null'
config head="store: {path: /proc/store}"
check "a store that cannot be made" refused "store: /proc/store: No such file" "${with_file[@]}"
check "no cluster to tail" refused "no cluster answers" "$troupe" tail --data-dir "$tmp"
deep=$tmp/$(printf 'deep-%.0s' {1..30})/$(printf 'deep-%.0s' {1..30})
mkdir -p "$deep"
check "a data directory's path beyond the limit" refused "bytes, more than 300: " "$troupe" up --data-dir "$deep/data"
check "a version's other form" refused "--output takes text or json, not 'yaml'" "$troupe" version -o yaml
check "its forms" is $'{"version":"0.1.0"}\ntroupe 0.1.0\ntroupe 0.1.0' eval '"$troupe" version -o json; "$troupe" version; "$troupe" --version'
check "help on one command" grep -q '^Usage: troupe tail' <("$troupe" help tail)
check "a kind that is none" refused "--kind: no kind is called 'podz', did you mean 'pods'?" "$troupe" tail --data-dir "$data" --kind podz
check "a revision below nothing" refused "--from-rev takes a revision, not '-5'" "$troupe" tail --data-dir "$data" --from-rev -5
check "a trace of no key" refused "pods are in a namespace: pods/NAMESPACE/web" "$troupe" trace --data-dir "$data" pod/web
check "a history of no kind" refused "no kind is called 'podz', did you mean 'pods'?" "$troupe" store history --data-dir "$data" podz/default/web
check "unknown command" refused "there is no command 'fly'" "$troupe" fly

mkdir "$tmp/full"
if mount -t tmpfs -o size=64k tmpfs "$tmp/full" 2>/dev/null; then
	head -c 60000 /dev/zero >"$tmp/full/fill" 2>/dev/null
	check "a full disk says so" refused "No space left on device" \
		"$troupe" up --data-dir "$tmp/full/data" --api "127.0.0.1:$((port + 2))"
	umount "$tmp/full"
else
	echo "skip a full disk says so: mounting needs root"
fi

start --nodes 1 || { not_ok "cluster starts"; exit 1; }
# Who was killed may be ending still, or what he started.
before_release() {
	local fd pid
	mkdir -p "$tmp/late"
	exec {fd}<>"$tmp/late/up.lock"
	flock "$fd"
	"$troupe" up --data-dir "$tmp/late" --api "127.0.0.1:$((port + 3))" --runtime sim >"$tmp/late.out" 2>&1 {fd}>&- & pid=$!
	eventually 5 eval "readlink /proc/$pid/fd/* | grep -q late/up.lock"
	exec {fd}>&-
	eventually 10 grep -q '^ready: ' "$tmp/late.out" || cat "$tmp/late.out"
	kill "$pid"
	wait "$pid"
}
check "a directory that somebody is about to leave" before_release
check "data directory in use" refused "is in use by process $up_pid" \
	"$troupe" up --data-dir "$data" --api "127.0.0.1:$((port + 1))"
check "port in use" refused "cannot listen on 127.0.0.1:$port" \
	"$troupe" up --data-dir "$tmp/other" --api "127.0.0.1:$port"
check "wrong token" grep -q '"code":401' <(curl -sk -H 'Authorization: Bearer nonsense' "https://127.0.0.1:$port/api/v1/pods")
check "what is no protobuf is refused" grep -q 'does not appear to be a protobuf message' <(curl -sk -H "Authorization: Bearer $(cat "$data/pki/token")" \
	-H 'Content-Type: application/vnd.kubernetes.protobuf' -d x "https://127.0.0.1:$port/api/v1/namespaces")
check "broken JSON is refused with its place" grep -q '"code":400' <(curl -sk -H "Authorization: Bearer $(cat "$data/pki/token")" \
	-H 'Content-Type: application/json' -d '{"kind":' "https://127.0.0.1:$port/api/v1/namespaces")
printf 'garbage that is no ZMTP' | timeout 2 curl -s --unix-socket "$data/run/broker.ipc" http://x/ >/dev/null 2>&1
check "a stranger's frames do no harm" kc get nodes
