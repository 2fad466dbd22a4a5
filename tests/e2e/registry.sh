#!/usr/bin/env bash
# Images from registries: pulled by skopeo as their policies say, with the pod's
# secrets; those that nobody uses go when the disk is full.
source "$(dirname "$0")/../lib/e2e.sh"
need_containers "images from registries"
command -v docker-registry >/dev/null || { skip "images from registries" "docker-registry is not installed"; exit 0; }
command -v skopeo >/dev/null || { skip "images from registries" "skopeo is not installed"; exit 0; }

"$top/tools/demo/busybox-image" "$tmp/busybox.tar"
"$top/tools/demo/busybox-image" "$tmp/other.tar" other:1
registries=()
registry() { # PORT MORE-CONFIG
	printf 'version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: "%s"}, delete: {enabled: true}}\nhttp: {addr: "127.0.0.1:%s"}\n%s\n' \
		"$tmp/registry-$1" "$1" "${2-}" >"$tmp/registry-$1.yml"
	docker-registry serve "$tmp/registry-$1.yml" >"$tmp/registry-$1.log" 2>&1 & registries+=($!)
	eventually 10 curl -s -o /dev/null "http://127.0.0.1:$1/v2/"
}
end_registries() { kill "${registries[@]}" 2>/dev/null; finish; }
trap end_registries EXIT
check "a registry" registry 5001
printf 'keeper:%s\n' "$(/usr/bin/python3 -W ignore -c 'import crypt; print(crypt.crypt("secret", crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16)))')" >"$tmp/users"
check "one that asks who one is" registry 5002 "auth: {htpasswd: {realm: test, path: \"$tmp/users\"}}"
push() { skopeo copy -q --dest-tls-verify=false "${@:3}" "docker-archive:$1" "docker://$2"; }
check "an image in it" push "$tmp/busybox.tar" 127.0.0.1:5001/test/box:1
check "one in the other" push "$tmp/busybox.tar" 127.0.0.1:5002/own/box:1 --dest-creds keeper:secret

cluster_of >"$tmp/cluster.yaml" <<C
nodes own {kind: node-agent, node: n1, runtime: oci, image-gc-high: ${GC_HIGH:-100}, image-gc-low: 0, image-gc-period: 500ms}
C
check "the cluster starts" start -f "$tmp/cluster.yaml"
pod() { # NAME IMAGE MORE-OF-CONTAINER MORE-OF-SPEC
	printf '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"%s"},"spec":{"automountServiceAccountToken":false,"terminationGracePeriodSeconds":1%s,
		"containers":[{"name":"c","image":"%s","command":["sleep","1000"]%s}]}}' "$1" "${4:+,$4}" "$2" "${3:+,$3}" | kc create -f - >/dev/null
}
of() { kc get pod "$1" -o "jsonpath={.status.containerStatuses[0]$2}"; }
running() { [[ $(of "$1" .state.running.startedAt) ]]; }
waits_for() { [[ $(of "$1" .state.waiting.reason) == "$2" ]]; }
event() { # POD REASON WORDS
	local all
	all=$(kc get events --field-selector "involvedObject.name=$1,reason=$2" -o 'jsonpath={range .items[*]}{.message}{"\n"}{end}')
	grep -qE -- "$3" <<<"$all" || { echo "events: $all"; return 1; }
}
pod first 127.0.0.1:5001/test/box:1
check "an image that is not here is pulled" eventually 20 running first
check "... which is told" eventually 5 event first Pulling 'Pulling image "127.0.0.1:5001/test/box:1"'
check "... with its time and size" eventually 5 event first Pulled 'Successfully pulled image "127.0.0.1:5001/test/box:1" in .*s \(.*s including waiting\). Image size: [0-9]+ bytes.'
check "its id is that of the registry" grep -qE '^127.0.0.1:5001/test/box@sha256:[0-9a-f]{64}$' <<<"$(of first .imageID)"
shown() { grep -q '127.0.0.1:5001/test/box:1' <<<"$(kc get node n1 -o 'jsonpath={.status.images[*].names[*]}')"; }
check "the node shows it" eventually 10 shown
pod second 127.0.0.1:5001/test/box:1
check "the next one takes what is here" eventually 10 running second
check "... which is told" eventually 5 event second Pulled 'already present on machine'
pod never 127.0.0.1:5001/test/other:1 '"imagePullPolicy":"Never"'
check "Never means never" eventually 10 waits_for never ErrImageNeverPull
pod missing 127.0.0.1:5001/test/none:1
check "what is nowhere" eventually 10 waits_for missing ErrImagePull
check "... waits then" eventually 10 waits_for missing ImagePullBackOff
check "... in the registry's words" eventually 5 event missing Failed 'Failed to pull image "127.0.0.1:5001/test/none:1": .*manifest unknown'
push "$tmp/other.tar" 127.0.0.1:5001/test/none:1
check "... and starts when it is there after all" eventually 30 running missing
# One that takes connections and says nothing.
python3 -c '
import socket
s = socket.create_server(("127.0.0.1", 5003))
kept = []
while True: kept.append(s.accept())' & registries+=($!)
eventually 10 bash -c ': </dev/tcp/127.0.0.1/5003'
pull_slow() { "$troupe" image pull --data-dir "$data" --patience 1 127.0.0.1:5003/slow/box:1 2>&1; }
check "a registry that says nothing is given up" is "troupe image: nothing came from the registry for 1 s" pull_slow
check "... and leaves nothing" is "" eval 'ls "$data/images/work" | grep -v ^gone'
pod slow 127.0.0.1:5003/slow/box:1
check "a pod that waits for it" eventually 10 event slow Pulling slow/box
pulls() { pgrep -f -- "image pull --data-dir $data .*$1" || true; }
pull=$(pulls slow/box) agent=$(pids_of nodes)
check "... by a process of its own" test -n "$pull"
kill -9 "$agent"
check "which ends when its agent is killed" eventually 5 eval '[[ ! -d /proc/$pull ]]'
again() { [[ $(pulls slow/box) ]]; }
check "another agent pulls anew" eventually 15 again
pod behind 127.0.0.1:5001/test/behind:1
push "$tmp/other.tar" 127.0.0.1:5001/test/behind:1
check "keeps those behind it" eventually 5 event behind Pulling test/behind
kc delete pod slow --wait >/dev/null
check "... until it is deleted" eventually 10 running behind
check "... and leaves nothing" eventually 5 is "" eval 'ls "$data/images/work" | grep -v ^gone'
kill "${registries[0]}"
pod always 127.0.0.1:5001/test/box:1 '"imagePullPolicy":"Always"'
check "Always asks the registry, here or not" eventually 10 waits_for always ErrImagePull

pod stranger 127.0.0.1:5002/own/box:1
check "a stranger is given nothing" eventually 10 waits_for stranger ErrImagePull
kc create secret docker-registry keeper --docker-server=127.0.0.1:5002 --docker-username=keeper --docker-password=secret >/dev/null
pod friend 127.0.0.1:5002/own/box:1 '' '"imagePullSecrets":[{"name":"keeper"}]'
check "who has a secret is" eventually 20 running friend
pod lost 127.0.0.1:5002/own/box:1 '"imagePullPolicy":"Always"' '"imagePullSecrets":[{"name":"nowhere"}]'
check "a secret that is missing is named" eventually 10 event lost FailedToRetrieveImagePullSecret 'Unable to retrieve some image pull secrets \(nowhere\)'
check "the password is in no file that is left" eventually 10 eval '! ls "$data"/run/pull-auth-* 2>/dev/null'

# ---- room
has() { [[ $("$troupe" image list --data-dir "$data" -o json | grep -c "\"name\":\"$1\"") == "$2" ]]; }
check "what was pulled is there" has 127.0.0.1:5001/test/none:1 1
kc delete pod missing behind never always stranger lost --grace-period=0 --force >/dev/null 2>&1
stop
sed -i 's/image-gc-high: 100/image-gc-high: 1/' "$tmp/cluster.yaml"
check "with a disk that counts as full" start -f "$tmp/cluster.yaml"
kc delete pod missing --ignore-not-found --grace-period=0 --force >/dev/null 2>&1
check "the image that no pod uses goes" eventually 20 has 127.0.0.1:5001/test/none:1 0
pod third 127.0.0.1:5002/own/box:1
check "those in use stay" has 127.0.0.1:5002/own/box:1 1
