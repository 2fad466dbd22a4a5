#!/usr/bin/env bash
# Replicas, services' objects and deletions by kubectl, on simulated nodes:
# apply, the patches, scale, label, annotate, describe, delete in all forms.
source "$(dirname "$0")/../lib/e2e.sh"

start --nodes 2 --runtime sim || { not_ok "cluster starts"; exit 1; }
ok "cluster starts"

rc() { # NAME REPLICAS APP: a replication controller and nothing else
	cat <<Y
apiVersion: v1
kind: ReplicationController
metadata: {name: $1}
spec:
  replicas: $2
  selector: {app: $3}
  template:
    metadata: {labels: {app: $3}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - {name: c, image: none, command: [sleep, "1000"], ports: [{name: http, containerPort: 80}]}
Y
}
service() { # NAME APP
	cat <<Y
apiVersion: v1
kind: Service
metadata: {name: $1}
spec: {selector: {app: $2}, ports: [{port: 80, targetPort: http}]}
Y
}
field() { kc get "$1" "$2" -o "jsonpath={$3}"; }
pods() { kc get pods -l "app=$1" -o 'jsonpath={.items[*].metadata.name}'; }
count() { kc get "$@" --no-headers 2>/dev/null | wc -l; }
refused() { # WANT COMMAND...: it fails, and says WANT
	local want=$1 out
	shift
	if out=$("$@" 2>&1); then echo "it succeeded: $out"; return 1; fi
	grep -qF -- "$want" <<<"$out" || { echo "$out"; return 1; }
}
has() { # PATTERN COMMAND...: its output has it
	local want=$1
	shift
	"$@" 2>&1 | grep -qE -- "$want"
}
words() { "$@" | wc -w; }
replaced() { # GONE: four pods of web, and this one is none of them
	local now
	now=$(pods web)
	[[ $(wc -w <<<"$now") == 4 && $now != *$1* ]]
}
owned_by() { kc get pods -o 'jsonpath={.items[*].metadata.ownerReferences[0].name}' | tr ' ' '\n' | grep -cx "$1"; }
owners() { kc get pods -l "app=$1" -o 'jsonpath={.items[*].metadata.ownerReferences}'; }
eventually 5 kc get serviceaccount default

# ---- apply, and what follows from it
check "apply creates" kc apply -f <(rc web 2 web; echo ---; service web web)
check "as many pods as asked for are ready" eventually 10 is 2 field rc web .status.readyReplicas
check "each is owned by its controller" is "web web" \
	kc get pods -l app=web -o 'jsonpath={.items[*].metadata.ownerReferences[0].name}'
check "what they were named by stays when their nodes write" is "web- web-" kc get pods -l app=web -o 'jsonpath={.items[*].metadata.generateName}'
pod=$(kc get pods -l app=web -o 'jsonpath={.items[0].metadata.name}')
written_by() { "$troupe" store history "pods/default/$pod" --data-dir "$data" | awk '{print $NF}' | sed 's/:n[12]$//' | xargs; }
check "a pod is made, bound and told as running, no more" is "replication-controller system:kube-scheduler system:node" written_by
check "apply changes" kc apply -f <(rc web 3 web; echo ---; service web web | sed 's/port: 80,/port: 81,/')
check "one more pod" eventually 10 is 3 field rc web .status.readyReplicas
check "the other port, the same address" is 81 field svc web '.spec.ports[0].port'
check "apply --server-side goes on from there" kc apply --server-side -f <(rc web 3 web | sed 's/NAP/30/')
check "a table with Kubernetes' columns" grep -qE '^web +3 +3 +3 +[0-9]+s$' <(kc get rc --no-headers)
check "-o wide" grep -qE '^web +3 +3 +3 +[0-9]+s +c +none +app=web$' <(kc get rc --no-headers -o wide)
check "describe rc" grep -q 'Replicas: *3 current / 3 desired' <(kc describe rc web)
check "events tell of the pods" grep -q 'SuccessfulCreate' <(kc describe rc web)

# ---- endpoints
check "endpoints name the pods" eventually 5 is 3 words field ep web '.subsets[*].addresses[*].ip'
check "so does a slice" eventually 5 is 3 words kc get endpointslices -l kubernetes.io/service-name=web \
	-o 'jsonpath={.items[*].endpoints[*].addresses[0]}'
check "the named port is resolved" is 80 field ep web '.subsets[0].ports[0].port'
check "describe service" grep -qE '^Endpoints: +[0-9.]+:80,' <(kc describe svc web)
check "describe endpoints" grep -q 'Addresses:' <(kc describe ep web)
slice_of() { kc get endpointslices -l "kubernetes.io/service-name=$1" -o "jsonpath={.items[0]$2}"; }
trigger='.metadata.annotations.endpoints\.kubernetes\.io/last-change-trigger-time'
kc create -f - >/dev/null <<<'{"apiVersion":"v1","kind":"Pod","metadata":{"name":"lone","labels":{"app":"lone"}},"spec":{"containers":[{"name":"c","image":"x"}]}}'
kc wait pod lone --for=condition=Ready --timeout=10s >/dev/null
kc create -f <(service lone lone | sed 's/, targetPort: http//') >/dev/null
check "a new service's endpoints are there" eventually 5 grep -q . <(field ep lone '.subsets[*].addresses[*].ip')
made=$(field svc lone .metadata.creationTimestamp)
check "they say since when they were to be" is "$made" field ep lone "$trigger"
check "so does the slice" eventually 5 is "$made" slice_of lone "$trigger"
check "a pod that leaves has no such time" kc delete pod lone
check "and the endpoints have none any more" eventually 5 is "lone " field ep lone ".metadata.name} {$trigger"
check "nodes have a zone" kc label nodes n1 n2 topology.kubernetes.io/zone=east
check "and so have endpoints" eventually 5 is "east east east" slice_of web '.endpoints[*].zone'
check "a service that would have its traffic near" kc patch svc web -p '{"spec":{"trafficDistribution":"PreferSameZone"}}'
check "has hints" eventually 5 is "east east east" slice_of web '.endpoints[*].hints.forZones[*].name'
kc create -f - >/dev/null <<<'{"apiVersion":"v1","kind":"Service","metadata":{"name":"many"},"spec":{"ports":[{"port":80}]}}'
too_many() {
	printf '{"apiVersion":"v1","kind":"Endpoints","metadata":{"name":"many"},"subsets":[{"ports":[{"port":80}],"addresses":['
	for i in {1..1003}; do printf '%s{"ip":"10.9.%d.%d"}' "$([[ $i == 1 ]] || echo ,)" $((i / 250)) $((i % 250)); done
	echo ']}]}'
}
check "of more addresses of hand than are mirrored" kc create -f <(too_many)
check "a thousand are" eventually 5 is 1000 words slice_of many '.endpoints[*].addresses[0]'
check "an event counts the rest" eventually 5 has '3 addresses were skipped' kc get events \
	--field-selector reason=TooManyAddressesToMirror -o 'jsonpath={.items[*].message}'

# ---- patches, labels, scale
check "strategic merge patch finds the container by its name" kc patch rc web \
	-p '{"spec":{"template":{"spec":{"containers":[{"name":"c","image":"other"}]}}}}'
check "and leaves the rest of it" is "other sleep" field rc web \
	'.spec.template.spec.containers[0].image} {.spec.template.spec.containers[0].command[0]'
check "JSON patch" kc patch rc web --type json -p '[{"op":"replace","path":"/spec/replicas","value":2}]'
check "pods follow" eventually 10 is 2 field rc web .status.replicas
check "a JSON patch that does not apply" refused "path '/spec/nope' does not exist" \
	kc patch rc web --type json -p '[{"op":"remove","path":"/spec/nope"}]'
check "merge patch" kc patch rc web --type merge -p '{"metadata":{"annotations":{"a":"b"}}}'
check "a patch of a wrong type names the field" refused "spec.replicas of type int32" \
	kc patch rc web --type merge -p '{"spec":{"replicas":"many"}}'
check "label" kc label rc web tier=front
check "label twice is refused by kubectl" refused "already has a value" kc label rc web tier=back
check "annotate" kc annotate svc web note=x
check "scale" kc scale rc web --replicas 4
check "scaled" eventually 10 is 4 field rc web .status.readyReplicas
check "scale with a wrong expectation" refused "Expected replicas to be 9" kc scale rc web --current-replicas 9 --replicas 1
check "the scale subresource" is "4 4 app=web" kc get rc web --subresource scale \
	-o 'jsonpath={.spec.replicas} {.status.replicas} {.status.selector}'
check "the status subresource" kc patch rc web --subresource status --type merge -p '{"status":{"conditions":[{"type":"Odd","status":"True"}]}}'
check "status does not change spec" is 4 field rc web .spec.replicas

# ---- pods that go are replaced, strangers are adopted, others let go
gone=$(pods web | cut -d' ' -f1)
check "a pod is deleted" kc delete pod "$gone"
check "and replaced by another one" eventually 10 replaced "$gone"
moved=$(pods web | cut -d' ' -f1)
check "a pod that is not selected any more is let go" kc label pod "$moved" app=other --overwrite
check "and has no owner then" eventually 5 is "" field pod "$moved" '.metadata.ownerReferences'
check "another takes its place" eventually 10 is 4 field rc web .status.readyReplicas
check "back again, it is adopted, and one is too many" kc label pod "$moved" app=web --overwrite
check "four are left" eventually 10 is 4 count pods -l app=web

# ---- bad input
check "negative replicas" refused "spec.replicas: Invalid value: -1: must be greater than or equal to 0" kc create -f <(rc neg -1 neg)
check "a selector that does not match the template" refused '`selector` does not match template `labels`' \
	kc create -f <(rc odd 1 odd | sed 's/selector: {app: odd}/selector: {app: even}/')
check "a service without ports" refused "spec.ports: Required value" kc create -f - <<<'{"apiVersion":"v1","kind":"Service","metadata":{"name":"x"},"spec":{}}'
ip=$(field svc web .spec.clusterIP)
check "an address that is taken" refused "provided IP is already allocated" \
	kc create -f - <<<'{"apiVersion":"v1","kind":"Service","metadata":{"name":"x"},"spec":{"clusterIP":"'"$ip"'","ports":[{"port":1}]}}'
check "another's pods stay another's" kc create -f <(rc thief 1 web)
check "the thief makes its own" eventually 10 is 1 field rc thief .status.readyReplicas
check "and owns no other" is 1 owned_by thief
check "delete it" kc delete rc thief
check "a template that is refused" kc create -f <(rc bad 1 bad | sed 's/terminationGracePeriodSeconds: 1/priorityClassName: nobody/')
check "says so in a condition" eventually 10 is "True FailedCreate" field rc bad \
	'.status.conditions[?(@.type=="ReplicaFailure")].status} {.status.conditions[?(@.type=="ReplicaFailure")].reason'
check "and in an event" eventually 5 has 'Error creating' kc get events --field-selector reason=FailedCreate
check "told once, not at full speed" is 1 kc get events --field-selector reason=FailedCreate -o 'jsonpath={.items[*].count}'
check "delete the bad one" kc delete rc bad

# ---- deletions
check "delete in the background takes the pods along" kc delete rc web
check "they go" eventually 10 is 0 count pods -l app=web
check "another one" kc create -f <(rc o 2 o)
check "its pods run" eventually 10 is 2 field rc o .status.readyReplicas
check "orphaned" kc delete rc o --cascade=orphan
check "its pods stay" is 2 count pods -l app=o
check "without an owner" is "" owners o
check "a new controller adopts them" kc create -f <(rc p 2 o)
check "and needs no others" eventually 10 is "2 2" field rc p '.status.readyReplicas} {.status.replicas'
check "delete in the foreground waits for the pods" kc delete rc p --cascade=foreground
check "none is left when it returns" is 0 count pods -l app=o
check "a finalizer holds what is deleted" kc create -f - <<<'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"held","finalizers":["a.b/c"]}}'
check "deleted, and still there" kc delete cm held --wait=false
check "with a deletion timestamp" grep -q . <(field cm held .metadata.deletionTimestamp)
check "the finalizer goes" kc patch cm held --type json -p '[{"op":"remove","path":"/metadata/finalizers"}]'
check "and so does it" refused "not found" kc get cm held

# ---- owners in a circle, owners that are not there
circle() { # NAME OWNER UID
	printf '{"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap","name":"%s","uid":"%s","blockOwnerDeletion":true}]}}' "$1" "$2"
}
kc create cm a >/dev/null 2>&1 || kc create -f - >/dev/null <<<'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}'
kc create -f - >/dev/null <<<'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"b"}}'
kc patch cm a --type merge -p "$(circle b "$(field cm b .metadata.uid)")" >/dev/null
kc patch cm b --type merge -p "$(circle a "$(field cm a .metadata.uid)")" >/dev/null
check "two that own each other stay" is 2 count cm a b
check "and go when one is deleted in the foreground" kc delete cm a --cascade=foreground --timeout=20s
check "both" eventually 5 refused "not found" kc get cm b
check "what names an owner that is not there goes" kc create -f - <<<'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"lost","ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap","name":"nobody","uid":"1"}]}}'
check "at once" eventually 5 refused "not found" kc get cm lost
check "who names a kind that is not served stays" kc create -f - <<<'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"kept","ownerReferences":[{"apiVersion":"example.com/v1","kind":"Thing","name":"nobody","uid":"1"}]}}'

# ---- a namespace and all that is in it
check "a namespace" kc create -f - <<<'{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"shop"}}'
eventually 5 kc -n shop get serviceaccount default
check "with a service and its pods" kc -n shop create -f <(rc web 3 web; echo ---; service web web)
check "that run" eventually 10 is 3 kc -n shop get rc web -o 'jsonpath={.status.readyReplicas}'
held=$(kc -n shop get svc web -o 'jsonpath={.spec.clusterIP}')
check "deleted with all its content" kc delete namespace shop --timeout=30s
check "nothing of it is left" is "" kc get pods,rc,svc,ep,endpointslices -n shop -o name
check "its service's address is free again" kc create -f - <<<'{"apiVersion":"v1","kind":"Service","metadata":{"name":"again"},"spec":{"clusterIP":"'"$held"'","ports":[{"port":1}]}}'
# kubectl deletes what a file names one by one, and waits afterwards.
goods() {
	printf '%s\n' 'apiVersion: v1' 'kind: Namespace' 'metadata: {name: goods}'
	for i in {1..20}; do
		printf '%s\n' '---' 'apiVersion: v1' 'kind: ConfigMap' "metadata: {name: g$i, namespace: goods}"
	done
	echo '---'
	rc web 2 web | sed 's/^metadata: {/&namespace: goods, /'
}
check "a file with a namespace and what is in it" kc apply -f <(goods)
check "is deleted, and all of it was still there" kc delete -f <(goods) --timeout=30s
check "with nothing left" refused "not found" kc get ns goods
# Pods of a controller need not wait for that: they are in nobody's file.
kc create namespace yard >/dev/null
eventually 5 kc -n yard get serviceaccount default
alone='{"apiVersion":"v1","kind":"Pod","metadata":{"name":"alone"},"spec":{"containers":[{"name":"c","image":"x"}]}}'
check "a namespace with pods of a controller and one of nobody" kc -n yard create -f <(rc web 3 web; echo ---; echo "$alone")
check "all of them run" eventually 10 is "Running Running Running Running" kc -n yard get pods -o 'jsonpath={.items[*].status.phase}'
vain() { "$troupe" inspect replication --data-dir "$data" -o json | grep -o '"refused":[0-9]*'; }
refusals=$(vain)
begun=$(($(kc get namespace yard -o 'jsonpath={.metadata.resourceVersion}') >> 10))
check "is deleted" kc delete namespace yard --timeout=30s
ended() { # in the order in which the namespace's end came to them
	"$troupe" tail --data-dir "$data" --from-rev "$begun" --no-follow --ns yard --kind pods --actor namespace-controller -o json |
		sed -n 's/.*"name":"\(web\|alone\)[^"]*".*/\1/p' | uniq | paste -sd ' '
}
check "the controller's pods went first" is "web alone" ended
check "and it did not try to make others" is "$refusals" vain
check "a namespace that cannot be emptied says why" kc create -f - <<<'{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"stuck"}}'
kc -n stuck create -f - >/dev/null <<<'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"held","finalizers":["a.b/c"]}}'
kc delete namespace stuck --wait=false >/dev/null
check "in a condition" eventually 10 has 'configmaps. has 1 resource instances' \
	kc get ns stuck -o 'jsonpath={.status.conditions[?(@.type=="NamespaceContentRemaining")].message}'
check "and goes when it can" kc -n stuck patch cm held --type merge -p '{"metadata":{"finalizers":null}}'
check "gone" eventually 10 refused "not found" kc get ns stuck

# ---- the service kubernetes comes back
check "the service kubernetes is there" is 443 field svc kubernetes '.spec.ports[0].port'
check "deleted" kc delete svc kubernetes
check "it comes back" eventually 5 is 443 field svc kubernetes '.spec.ports[0].port'
