#!/usr/bin/env bash
# Stateful sets by kubectl, on simulated nodes: in order, in parallel, rolled from
# the top, held by a partition, undone, with claims of their own.
source "$(dirname "$0")/../lib/e2e.sh"

start --nodes 2 --runtime sim || { not_ok "cluster starts"; exit 1; }
eventually 5 kc get serviceaccount default

field() { kc get "$1" "$2" -o "jsonpath={$3}"; }
count() { kc get "$@" --no-headers 2>/dev/null | wc -l; }
names() { kc get "$1" -l "app=$2" -o 'jsonpath={range .items[*]}{.metadata.name} {end}' | xargs -n1 | sort -V | xargs; }
images() { kc get pods -l "app=$1" -o 'jsonpath={range .items[*]}{.metadata.name}={.spec.containers[0].image} {end}' | xargs -n1 | sort -V | xargs; }
set() { # NAME REPLICAS IMAGE [SPEC]
	cat <<Y
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: $1}
spec:
  serviceName: $1
  replicas: $2
  selector: {matchLabels: {app: $1}}
  ${4:-}
  template:
    metadata: {labels: {app: $1}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: c, image: "$3", volumeMounts: [{name: data, mountPath: /data}]}]
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}
Y
}
# In what order the pods of an app came and went, from its watch.
watch_order() {
	kc get pods -l "app=$1" -w --output-watch-events -o 'jsonpath={.type} {.object.metadata.name} {.object.status.conditions[?(@.type=="Ready")].status} {.object.metadata.deletionTimestamp}{"\n"}' >"$tmp/$1.order" 2>/dev/null &
	watchers+=($!)
}
watchers=()
trap 'kill "${watchers[@]}" 2>/dev/null; finish' EXIT
watch_order web

# ---- in order
check "a stateful set" kc apply -f <(set web 3 app:1)
check "is rolled out" kc rollout status sts web --timeout=10s
check "with pods that are numbered" is "web-0 web-1 web-2" names pods web
check "each with its claim" is "data-web-0 data-web-1 data-web-2" names pvc web
check "mounted" is data-web-1 field pod web-1 '.spec.volumes[?(@.name=="data")].persistentVolumeClaim.claimName'
check "and a name that stays" is "web-1 web web-1 1" field pod web-1 '.spec.hostname} {.spec.subdomain} {.metadata.labels.statefulset\.kubernetes\.io/pod-name} {.metadata.labels.apps\.kubernetes\.io/pod-index'
check "no revision's name was taken" is 0 field sts web .status.collisionCount
check "of one revision" is "$(field sts web .status.updateRevision)" field pod web-2 '.metadata.labels.controller-revision-hash'
in_turn() { # each was ready before the next one was made
	awk '$1 == "ADDED" {if ($2 != "web-" (n + 0) || (n && !ready[n - 1])) exit 1; n++}
		$3 == "True" {split($2, a, "-"); ready[a[2]] = 1} END {exit n < 3}' "$tmp/web.order"
}
check "made in turn" eventually 5 in_turn
kc delete pod web-1 --wait=false >/dev/null # it may be back before kubectl looks
check "one that is deleted is made again under its name" eventually 10 is "web-0 web-1 web-2" names pods web
check "with the claim that it had" is 3 count pvc -l app=web
check "all that are deleted at once are waited for" kc delete pod -l app=web --timeout=20s
check "and made again" kc rollout status sts web --timeout=20s
check "scale up" kc scale sts web --replicas=5
check "five" eventually 10 is "5 5" field sts web '.status.replicas} {.status.readyReplicas'
: >"$tmp/web.order"
check "scale down" kc scale sts web --replicas=2
check "two" eventually 10 is "web-0 web-1" names pods web
from_the_top() { is "web-4 web-3 web-2" bash -c "grep -a ^DELETED $tmp/web.order | cut -d' ' -f2 | xargs"; }
check "the highest went first" eventually 5 from_the_top
check "claims stay" is 5 count pvc -l app=web

# ---- rolled
kc scale sts web --replicas=3 >/dev/null
eventually 10 is 3 field sts web .status.readyReplicas >/dev/null
: >"$tmp/web.order"
check "a new image" kc set image sts web c=app:2
check "is rolled out" kc rollout status sts web --timeout=20s
check "everywhere" eventually 10 is "web-0=app:2 web-1=app:2 web-2=app:2" images web
rolled_down() { is "web-2 web-1 web-0" bash -c "grep -a ^DELETED $tmp/web.order | cut -d' ' -f2 | xargs"; }
check "from the highest down" eventually 5 rolled_down
same() { is "$(field sts web .status.updateRevision)" field sts web .status.currentRevision; }
check "the new revision is the current one" eventually 5 same
check "undo" kc rollout undo sts web
check "is rolled out" kc rollout status sts web --timeout=20s
check "to what was before" eventually 10 is "web-0=app:1 web-1=app:1 web-2=app:1" images web
check "history has two" is 2 bash -c "kubectl --kubeconfig $data/kubeconfig rollout history sts web | grep -cE '^[0-9]'"

# ---- a partition holds those below it
kc patch sts web -p '{"spec":{"updateStrategy":{"rollingUpdate":{"partition":2}}}}' >/dev/null
kc set image sts web c=app:3 >/dev/null
check "above the partition it rolls" kc rollout status sts web --timeout=20s
check "below it stays" eventually 10 is "web-0=app:1 web-1=app:1 web-2=app:3" images web
kc delete pod web-0 --wait=false >/dev/null
check "also what is made again" eventually 10 is "web-0=app:1 web-1=app:1 web-2=app:3" images web
kc patch sts web -p '{"spec":{"updateStrategy":{"rollingUpdate":{"partition":0}}}}' >/dev/null
check "without it all roll" eventually 20 is "web-0=app:3 web-1=app:3 web-2=app:3" images web

# ---- one that does not become ready holds all behind it
check "a set whose pods find no node" kc apply -f <(set stuck 3 app 'podManagementPolicy: OrderedReady')
kc rollout status sts stuck --timeout=10s >/dev/null
kc patch sts stuck -p '{"spec":{"template":{"spec":{"nodeSelector":{"no":"where"}}}}}' >/dev/null
waits() { is "stuck-0 stuck-1 stuck-2" names pods stuck && is Pending field pod stuck-2 .status.phase; }
check "loses the highest alone" eventually 10 waits
check "the others serve" is "Running Running" bash -c "kubectl --kubeconfig $data/kubeconfig get pods stuck-0 stuck-1 -o 'jsonpath={.items[*].status.phase}'"

owner_of_claim() { field pvc data-stuck-0 '.metadata.ownerReferences[0].kind'; }
check "its claims are nobody's" is "" owner_of_claim
kc patch sts stuck -p '{"spec":{"persistentVolumeClaimRetentionPolicy":{"whenDeleted":"Delete"}}}' >/dev/null
check "a policy that comes later holds for those that are there" eventually 10 is StatefulSet owner_of_claim
kc patch sts stuck -p '{"spec":{"persistentVolumeClaimRetentionPolicy":{"whenDeleted":"Retain"}}}' >/dev/null
check "and its end too" eventually 10 is "" owner_of_claim

# ---- in parallel, from a number on, claims that go
check "parallel, from 7" kc apply -f <(set all 3 app "podManagementPolicy: Parallel
  ordinals: {start: 7}
  persistentVolumeClaimRetentionPolicy: {whenScaled: Delete, whenDeleted: Delete}")
check "is there" kc rollout status sts all --timeout=10s
check "with its numbers" is "all-7 all-8 all-9" names pods all
kc scale sts all --replicas=1 >/dev/null
check "scaled down" eventually 10 is "all-7" names pods all
check "claims went along" eventually 10 is "data-all-7" names pvc all
kc delete sts all >/dev/null
check "and the last one with the set" eventually 10 is "" names pvc all

# ---- deletion
check "orphans" kc delete sts web --cascade=orphan
check "stay" is "web-0 web-1 web-2" names pods web
check "are adopted" kc apply -f <(set web 3 app:3)
owner() { is StatefulSet field pod web-0 '.metadata.ownerReferences[0].kind'; }
check "by their names" eventually 5 owner
check "delete" kc delete sts web
check "takes the pods" eventually 20 is "" names pods web
check "but no claim" is 5 count pvc -l app=web
