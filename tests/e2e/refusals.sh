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
check "bad address" refused "is not IPV4:PORT" "$troupe" up --data-dir "$data" --api nonsense
check "no cluster to tail" refused "no cluster answers" "$troupe" tail --data-dir "$tmp"
deep=$tmp/$(printf 'deep-%.0s' {1..30})/$(printf 'deep-%.0s' {1..30})
mkdir -p "$deep"
check "a data directory's path beyond the limit" refused "bytes, more than 300: " "$troupe" up --data-dir "$deep/data"
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
