#!/usr/bin/env bash
# The disk of a node: what its pods use of it, what they may, and what happens when it is
# nearly full. On a small disk of its own (a tmpfs), which only this script sees.
source "$(dirname "$0")/../lib/e2e.sh"
need_containers "disks that are nearly full"
if [[ ! ${E2E_MOUNTS-} ]]; then
	rm -rf "$tmp"
	trap - EXIT
	E2E_MOUNTS=1 exec unshare --mount -- bash "$0"
fi
mkdir -p "$data"
mount -t tmpfs -o size=256M,nr_inodes=40k small "$data" || { skip "disks that are nearly full" "no tmpfs can be mounted"; exit 0; }

end() {
	stop
	for p in $(pauses); do kill -9 "$p" 2>/dev/null; done
	umount -l "$data" # what was killed may hold it for a moment
	finish
}
trap end EXIT
"$top/tools/demo/busybox-image" "$tmp/busybox.tar"
"$troupe" image load --data-dir "$data" "$tmp/busybox.tar" >/dev/null
config() { # MORE-OF-THE-AGENT
	cat >"$tmp/cluster.yaml" <<C
store: {quota: 32MiB}
cells:
  - name: core
    actors: [{kind: gate}, {kind: controllers}, {kind: scheduler}]
  - name: api
    actors: [{kind: api, listen: "127.0.0.1:$port"}]
  - name: nodes
    process: own
    actors: [{kind: node-agent, node: n1, runtime: oci, figures-period: 300ms, image-gc-period: 100ms, image-gc-high: 100$1}]
C
}
pod() { # NAME SCRIPT MORE-OF-CONTAINER MORE-OF-SPEC
	printf '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"%s"},"spec":{"nodeName":"n1","automountServiceAccountToken":false,"terminationGracePeriodSeconds":1%s,
		"containers":[{"name":"c","image":"troupe.io/busybox:1","command":["sh","-c","%s"]%s}]}}' \
		"$1" "${4:+,$4}" "$2" "${3:+,$3}" | kc create -f - >/dev/null
}
phase() { kc get pod "$1" -o 'jsonpath={.status.phase}'; }
why() { kc get pod "$1" -o 'jsonpath={.status.reason}: {.status.message}'; }
evicted() { [[ $(kc get pod "$1" -o 'jsonpath={.status.phase} {.status.reason}') == "Failed Evicted" ]]; }
uid_of() { kc get pod "$1" -o 'jsonpath={.metadata.uid}'; }
told() { kc get events --field-selector "involvedObject.name=$1,reason=$2" -o 'jsonpath={range .items[*]}{.message}{"\n"}{end}'; }
limit() { echo '"resources":{"limits":{"ephemeral-storage":"'"$1"'"}}'; }
gone() { ! kc get pod "$1" >/dev/null 2>&1; }

config ", eviction-disk: 0, eviction-inodes: 0"
check "the cluster starts" start --keep-pods -f "$tmp/cluster.yaml"
check "the node has storage" is "256Mi 256Mi" eval 'for of in capacity allocatable; do kc get node n1 -o "jsonpath={.status.$of.ephemeral-storage}"; echo; done | sed "s/^262144Ki$/256Mi/" | xargs'

# ---- figures
pod writer 'echo hello; head -c 3000000 /dev/zero > /big; head -c 2000000 /dev/zero > /v/f; head -c 1000000 /dev/zero > /m/f; sleep 1000' \
	'"volumeMounts":[{"name":"v","mountPath":"/v"},{"name":"m","mountPath":"/m"}]' \
	'"volumes":[{"name":"v","emptyDir":{}},{"name":"m","emptyDir":{"medium":"Memory","sizeLimit":"4Mi"}}]'
check "a pod that writes" eventually 10 is Running phase writer
figures() { kc get --raw /api/v1/nodes/n1/proxy/stats/summary | python3 -c "
import json, sys
p = [p for p in json.load(sys.stdin)['pods'] if p['podRef']['name'] == 'writer'][0]
c = p['containers'][0]
v = {v['name']: v for v in p['volume']}
def mega(x): return round(x['usedBytes'] / 1000000)
$1"; }
check "what its container wrote" eventually 15 is "3" figures 'print(mega(c["rootfs"]))'
check "... what it said" is "True" figures 'print(0 < c["logs"]["usedBytes"] < 100000)'
check "... what is in its volumes, those in memory too" is "2 1" figures 'print(mega(v["v"]), mega(v["m"]))'
check "... which have a size of their own" is "4194304" figures 'print(v["m"]["capacityBytes"])'
check "... and of all of it what lies on the disk" is "5" figures 'print(mega(p["ephemeral-storage"]))'

# ---- limits
pod greedy 'head -c 3000000 /dev/zero > /big; sleep 1000' "$(limit 1Mi)"
check "a container that writes more than it may" eventually 15 evicted greedy
check "... with its pod's limit" is 'Evicted: Pod ephemeral local storage usage exceeds the total limit of containers 1Mi. ' why greedy
check "... in an event" eventually 10 is 'Pod ephemeral local storage usage exceeds the total limit of containers 1Mi. ' told greedy Evicted
kc create -f - >/dev/null <<P
{"apiVersion":"v1","kind":"Pod","metadata":{"name":"two"},"spec":{"terminationGracePeriodSeconds":1,"containers":[
 {"name":"c","image":"troupe.io/busybox:1","command":["sh","-c","head -c 3000000 /dev/zero > /big; sleep 1000"],"resources":{"limits":{"ephemeral-storage":"2Mi"}}},
 {"name":"d","image":"troupe.io/busybox:1","command":["sleep","1000"],"resources":{"limits":{"ephemeral-storage":"20Mi"}}}]}}
P
check "one of two that does" eventually 15 evicted two
check "... is named" is 'Evicted: Container c exceeded its local ephemeral storage limit "2Mi". ' why two
pod talker 'while true; do echo 0123456789012345678901234567890123456789; done' "$(limit 512Ki)"
check "what is said counts" eventually 20 evicted talker
pod volume 'head -c 3000000 /dev/zero > /v/f; sleep 1000' '"volumeMounts":[{"name":"v","mountPath":"/v"}]' '"volumes":[{"name":"v","emptyDir":{"sizeLimit":"1Mi"}}]'
check "a volume that grows too large" eventually 15 evicted volume
check "... is named" is 'Evicted: Usage of EmptyDir volume "v" exceeds the limit "1Mi". ' why volume
left() { ls "$data/pods/n1/$(uid_of "$1")" | grep -E '^(volumes|bundles)$'; }
check "what it wrote is gone, while it can still be asked about" eventually 10 is "" left volume
check "... and its logs stay" test -d "$data/pods/n1/$(uid_of volume)/logs"
check "... and it has no address any more" eventually 10 eval '! grep -rl "$(uid_of volume)" "$data/ips" 2>/dev/null'
kc delete pod greedy two talker volume >/dev/null 2>&1
big='{"nodeSelector":{"kubernetes.io/hostname":"n1"},"containers":[{"name":"c","image":"troupe.io/busybox:1","resources":{"requests":{"ephemeral-storage":"1Gi"}}}]}'
kc create -f - >/dev/null <<<'{"apiVersion":"v1","kind":"Pod","metadata":{"name":"toobig"},"spec":'"$big"'}'
check "who asks for more than there is is not scheduled" eventually 10 eval '[[ $(told toobig FailedScheduling) == *"Insufficient ephemeral-storage"* ]]'
kc delete pod toobig >/dev/null

# ---- a disk that is nearly full
# An image of 40 MB that nobody uses, and its layer.
root=$tmp/root
mkdir -p "$root"
head -c 40000000 /dev/zero >"$root/zero"
tar -C "$root" -cf "$tmp/layer.tar" zero
printf '{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' "$(sha256sum "$tmp/layer.tar" | cut -d' ' -f1)" >"$tmp/config.json"
echo '[{"Config":"config.json","RepoTags":["spare.io/zero:1"],"Layers":["layer.tar"]}]' >"$tmp/manifest.json"
tar -C "$tmp" -cf "$tmp/spare.tar" config.json manifest.json layer.tar
"$troupe" image load --data-dir "$data" "$tmp/spare.tar" >/dev/null
has_spare() { "$troupe" image list --data-dir "$data" | grep -q spare.io/zero; }
check "an image that nobody uses" has_spare
pod modest 'sleep 1000' '"resources":{"requests":{"ephemeral-storage":"40Mi"}}'
check "one more pod" eventually 10 is Running phase modest
# So much is to be left that it will do without the image, and not with it; a start takes
# some 20 MB.
used=$(df --output=used -B1 "$data" | tail -n 1) all=$(df --output=size -B1 "$data" | tail -n 1)
percent=$(((all - used + 30000000) * 100 / all))
stop
config ", eviction-disk: $percent, eviction-inodes: 0"
check "with less than is wanted" start -f "$tmp/cluster.yaml"
condition() { kc get node n1 -o 'jsonpath={.status.conditions[?(@.type=="DiskPressure")].status} {.status.conditions[?(@.type=="DiskPressure")].reason}'; }
check "the image goes first" eventually 20 eval '! has_spare'
check "... and the node says why" eventually 10 is "True KubeletHasDiskPressure" condition
tainted() { grep -q disk-pressure <<<"$(kc get node n1 -o 'jsonpath={.spec.taints[*].key}')"; }
check "... is tainted" eventually 10 tainted
check "... and told of" eventually 10 eval 'told n1 EvictionThresholdMet | grep -q "Attempting to reclaim ephemeral-storage"'
sampled() { [[ $(kc get --raw /api/v1/nodes/n1/proxy/stats/summary | python3 -c "import json, sys; print(json.load(sys.stdin)['node']['fs']['time'])") > $1 ]]; }
check "... and what is left is looked at again" eventually 10 sampled "$(date -u -d '+2 seconds' +%FT%TZ)"
check "... no pod does" is "Running Running" eval 'echo $(phase writer) $(phase modest)'
kc exec modest -- sh -c 'head -c 35000000 /dev/zero >/big' >/dev/null 2>&1
kc exec writer -- sh -c 'head -c 30000000 /dev/zero >/big' >/dev/null 2>&1
check "who fills the disk goes, if it did not ask for it" eventually 30 evicted writer
check "... and is told why" grep -qE '^Evicted: The node was low on resource: ephemeral-storage. Threshold quantity: [0-9]+(Ki)?, available: [0-9]+Ki. Container c was using [0-9]+Ki, request is 0, has larger consumption of ephemeral-storage. $' <<<"$(why writer)"
kc exec modest -- rm /big
check "... alone" eventually 10 eval 'sampled "$(date -u -d "-1 second" +%FT%TZ)" && [[ $(phase modest) == Running ]]'
pod late 'sleep 1000'
check "new pods are refused" eventually 10 evicted late
check "... in a kubelet's words" is "Evicted: Pod was rejected: The node had condition: [DiskPressure]. " why late
