#!/usr/bin/env bash
# What makes no sense is told, by an answer, a condition or an Event, and hurts nobody.
source "$(dirname "$0")/../lib/e2e.sh"
check "start" start --runtime sim --nodes 2

workload() { # KIND NAME APP [REPLICAS]
	local version=apps/v1 selector="{matchLabels: {app: $3}}" replicas=${4:+"replicas: $4, "}
	[[ $1 == ReplicationController ]] && version=v1 selector="{app: $3}"
	kc create -f - <<-Y
	apiVersion: $version
	kind: $1
	metadata: {name: $2}
	spec: {${replicas}selector: $selector, template: {metadata: {labels: {app: $3}}, spec: {containers: [{name: c, image: x}]}}}
	Y
}
event() { # REASON KIND NAME: its message
	kc get events --field-selector "reason=$1,involvedObject.kind=$2,involvedObject.name=$3" -o jsonpath='{.items[0].message}'
}
says() { # REASON KIND NAME TEXT
	[[ $(event "$1" "$2" "$3") == *"$4"* ]] || { event "$@"; return 1; }
}
refused() { # TEXT COMMAND...
	local want=$1 got
	shift
	got=$("$@" 2>&1) && { echo "it was taken: $got"; return 1; }
	[[ $got == *"$want"* ]] || { echo "$got"; return 1; }
}

check "one replica set" workload ReplicaSet one web 2
check "another one with the same labels" workload ReplicaSet two web 3
check "and a deployment" workload Deployment three web 1
check "has as many as it wants" eventually 10 kc wait rs/one --for=jsonpath='{.status.readyReplicas}'=2 --timeout=5s
check "and so has the other" eventually 10 kc wait rs/two --for=jsonpath='{.status.readyReplicas}'=3 --timeout=5s
check "the first is told" eventually 10 says SelectorOverlap ReplicaSet one "ReplicaSet two"
check "and the second" eventually 10 says SelectorOverlap ReplicaSet two "ReplicaSet one"
check "and the deployment" eventually 10 says SelectorOverlap Deployment three "ReplicaSet one, ReplicaSet two"
check "not the deployment's own set" is "" event SelectorOverlap ReplicaSet "$(kc get rs -o name | grep -o 'three-.*')"
check "a replication controller too" workload ReplicationController four web 0
check "is told" eventually 10 says SelectorOverlap ReplicationController four "Deployment three"
check "one of its own labels" workload Deployment alone alone 1
check "is told nothing" is "" event SelectorOverlap Deployment alone
check "they go with their own pods alone" kc delete rs one --cascade=foreground --timeout=10s
check "the others' stay" is 3 kc get rs two -o jsonpath='{.status.readyReplicas}'

check "a budget of no pods" kc create pdb nobody --selector=app=nobody --min-available=1
check "is told so" eventually 10 says NoPods PodDisruptionBudget nobody "No matching pods found"
map() { kc create configmap "$1"; }
uid() { kc get configmap "$1" -o jsonpath='{.metadata.uid}'; }
owned_by() { # NAME OWNER
	kc patch configmap "$1" -p "{\"metadata\":{\"ownerReferences\":[{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"name\":\"$2\",\"uid\":\"$(uid "$2")\",\"blockOwnerDeletion\":true}]}}"
}
gone() { ! kc get configmap "$1"; }
check "another namespace" kc create namespace other
check "with an owner" kc -n other create configmap stranger
check "a child here" map child
stranger=$(kc -n other get configmap stranger -o jsonpath='{.metadata.uid}')
check "of that owner" kc patch configmap child -p "{\"metadata\":{\"ownerReferences\":[{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"name\":\"stranger\",\"uid\":\"$stranger\"}]}}"
check "goes" eventually 10 gone child
check "and is told why" eventually 10 says OwnerRefInvalidNamespace ConfigMap child \
	"ownerRef [v1/ConfigMap, namespace: default, name: stranger, uid: $stranger] does not exist in namespace \"default\""

check "negative counts" refused 'spec.replicas: Invalid value: -1: must be greater than or equal to 0' workload ReplicaSet minus minus -1
check "counts beyond 32 bits" refused 'cannot unmarshal number 99999999999' workload ReplicaSet beyond beyond 99999999999
check "huge counts are taken" workload ReplicaSet huge huge 2147483647
limited() { [[ $(kc get rs huge -o jsonpath='{.status.conditions[0].message}') == *"the limit is 100000"* ]]; }
check "up to a limit that a condition names" eventually 20 limited
check "and go again" kc delete rs huge --wait=false
check "a huge stateful set" workload StatefulSet many many 2147483647
check "is told its limit" eventually 20 says FailedCreate StatefulSet many "one stateful set has: the limit is 100000"
check "and goes again" kc delete sts many --wait=false
huge_job() {
	kc create -f - <<-Y
	apiVersion: batch/v1
	kind: Job
	metadata: {name: wide}
	spec: {parallelism: 2147483647, completions: 2147483647, template: {spec: {restartPolicy: Never, containers: [{name: c, image: x}]}}}
	Y
}
check "a huge job" huge_job
check "is told its limit too" eventually 20 says FailedCreate Job wide "one job has: the limit is 100000"
check "and goes as well" kc delete job wide --wait=false

for cascade in background foreground; do
	for n in a b c; do map "$n" >/dev/null; done
	check "a owns b" owned_by b a
	check "b owns c" owned_by c b
	check "and c owns a" owned_by a c
	check "they are there" kc get configmap a b c
	check "the circle goes, $cascade" kc delete configmap a "--cascade=$cascade" --timeout=60s
	for n in b c; do check "and $n" eventually 60 gone $n; done
done
check "an own owner" map self
check "is one" owned_by self self
check "goes in the foreground" kc delete configmap self --cascade=foreground --timeout=60s
