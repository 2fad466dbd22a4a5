#!/usr/bin/env bash
# Deployments and replica sets by kubectl, on simulated nodes: rolled, paused,
# undone, recreated, scaled amid a rollout, adopted, orphaned, and what cannot
# be done said as Kubernetes says it.
source "$(dirname "$0")/../lib/e2e.sh"

start --nodes 2 --runtime sim || { not_ok "cluster starts"; exit 1; }
eventually 5 kc get serviceaccount default

field() { kc get "$1" "$2" -o "jsonpath={$3}"; }
sets() { kc get rs -l "app=$1" -o 'jsonpath={range .items[*]}{.spec.replicas} {end}' | xargs -n1 | sort -n | xargs; }
condition() { field deploy "$1" ".status.conditions[?(@.type==\"$2\")].$3"; }
gone() { ! kc get "$@" >/dev/null 2>&1; }
count() { kc get "$@" --no-headers 2>/dev/null | wc -l; }
event() { kc get events --field-selector "reason=$1" -o 'jsonpath={.items[*].message}' | grep -qE -- "$2"; }
deployment() { # NAME REPLICAS IMAGE [SPEC...]
	cat <<Y
apiVersion: apps/v1
kind: Deployment
metadata: {name: $1, labels: {app: $1}}
spec:
  replicas: $2
  selector: {matchLabels: {app: $1}}
  ${4:-}
  template:
    metadata: {labels: {app: $1}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: c, image: "$3"}]
Y
}

# ---- made, rolled, undone
check "create deployment" kc create deployment web --image=app:1 --replicas=3
check "it is rolled out" kc rollout status deployment web --timeout=10s
check "by one replica set" is 3 sets web
hash_of() { field rs "$1" '.metadata.labels.pod-template-hash'; }
first=$(kc get rs -l app=web -o 'jsonpath={.items[0].metadata.name}')
check "which is named by its template" is "web-$(hash_of "$first")" echo "$first"
check "selects by that too" is "$(hash_of "$first")" field rs "$first" '.spec.selector.matchLabels.pod-template-hash'
check "and is the deployment's" is "Deployment web true" field rs "$first" '.metadata.ownerReferences[0].kind} {.metadata.ownerReferences[0].name} {.metadata.ownerReferences[0].controller'
check "wait for available" kc wait deployment web --for=condition=Available --timeout=5s
check "it progressed" is NewReplicaSetAvailable condition web Progressing reason
check "as revision 1" is 1 field deploy web '.metadata.annotations.deployment\.kubernetes\.io/revision'
check "a new image" kc set image deployment web app=app:2
check "is rolled out" kc rollout status deployment web --timeout=10s
check "the old set stays, empty" eventually 5 is "0 3" sets web
check "all pods are new" eventually 5 is "app:2 app:2 app:2" bash -c "kubectl --kubeconfig $data/kubeconfig get pods -l app=web -o 'jsonpath={.items[*].spec.containers[0].image}'"
check "revision 2" is 2 field deploy web '.metadata.annotations.deployment\.kubernetes\.io/revision'
check "events tell each step" eventually 5 event ScalingReplicaSet "Scaled down replica set $first from 1 to 0"
check "history has both" is "1 2" bash -c "kubectl --kubeconfig $data/kubeconfig rollout history deployment web | grep -oE '^[0-9]+' | xargs"
check "undo" kc rollout undo deployment web
check "is rolled out" kc rollout status deployment web --timeout=10s
check "with the first set again" eventually 5 is 3 field rs "$first" .spec.replicas
check "which is revision 3 now" eventually 5 is 3 field rs "$first" '.metadata.annotations.deployment\.kubernetes\.io/revision'
check "and knows what it was" is 1 field rs "$first" '.metadata.annotations.deployment\.kubernetes\.io/revision-history'
check "restart" kc rollout restart deployment web
check "is rolled out" kc rollout status deployment web --timeout=10s
check "by a third set" eventually 5 is 3 count rs -l app=web

# ---- scaled, paused
check "scale" kc scale deployment web --replicas=5
check "it has five" eventually 10 is 5 field deploy web .status.availableReplicas
check "in the set that is new" eventually 5 is "0 0 5" sets web
check "autoscale makes its object" kc autoscale deployment web --max=9 --cpu-percent=50
check "pause" kc rollout pause deployment web
kc set image deployment web app=app:4 >/dev/null
check "is said" eventually 5 is DeploymentPaused condition web Progressing reason
check "no set is made meanwhile" is "0 0 5" sets web
kc scale deployment web --replicas=4 >/dev/null
check "but it scales" eventually 10 is "0 0 4" sets web
check "resume" kc rollout resume deployment web
check "is rolled out" kc rollout status deployment web --timeout=10s
check "to the image of then" eventually 5 is 4 bash -c "kubectl --kubeconfig $data/kubeconfig get pods -l app=web -o 'jsonpath={.items[*].spec.containers[0].image}' | tr ' ' '\n' | grep -c app:4"

# ---- history
kc patch deployment web -p '{"spec":{"revisionHistoryLimit":1}}' >/dev/null
check "old sets beyond the limit go" eventually 5 is "0 4" sets web

# ---- a set that was there is adopted, and its revision, however high, is the one before
cat >"$tmp/former.yaml" <<Y
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: former, labels: {app: heir, of: old}, annotations: {deployment.kubernetes.io/revision: "3546343826724305832"}}
spec:
  selector: {matchLabels: {app: heir, of: old}}
  template: {metadata: {labels: {app: heir, of: old}}, spec: {containers: [{name: c, image: app:0}]}}
Y
check "a set with a high revision" kc create -f "$tmp/former.yaml"
check "and a deployment that selects it" kc create deployment heir --image=app:1
check "is rolled out" kc rollout status deployment heir --timeout=10s
check "the set is the deployment's" eventually 5 is heir field rs former '.metadata.ownerReferences[0].name'
check "the new one has the next revision" eventually 5 is 3546343826724305833 field deploy heir '.metadata.annotations.deployment\.kubernetes\.io/revision'
check "delete both" kc delete deployment heir

# ---- a rollout that hangs: the pods that serve stay
check "a deployment that cannot go on" kc apply -f <(deployment stuck 4 app:1 'progressDeadlineSeconds: 2')
check "is there" kc rollout status deployment stuck --timeout=10s
kc patch deployment stuck -p '{"spec":{"template":{"spec":{"nodeSelector":{"no":"where"}}}}}' >/dev/null
check "one may miss, one may be too many" eventually 10 is "2 3" sets stuck
check "three serve on" is 3 field deploy stuck .status.availableReplicas
check "the deadline is told" eventually 10 is "False ProgressDeadlineExceeded" condition stuck Progressing 'status} {.status.conditions[?(@.type=="Progressing")].reason'
failed() { ! kc rollout status deployment stuck --timeout=5s 2>&1 | grep -q 'successfully'; }
check "rollout status fails by it" failed
kc scale deployment stuck --replicas=8 >/dev/null
check "scaled amid a rollout: in proportion" eventually 10 is "4 6" sets stuck
check "undone" kc rollout undo deployment stuck
check "it is well again" kc rollout status deployment stuck --timeout=10s
check "and has eight" eventually 10 is "0 8" sets stuck
check "it is told" eventually 5 is True condition stuck Progressing status

# ---- recreate: never two versions at a time
check "recreate" kc apply -f <(deployment anew 2 app:1 'strategy: {type: Recreate}')
check "is there" kc rollout status deployment anew --timeout=10s
kc get pods -l app=anew -w -o 'jsonpath={.metadata.name} {.spec.containers[0].image} {.metadata.deletionTimestamp}{"\n"}' >"$tmp/anew" 2>/dev/null &
watcher=$!
eventually 5 test -s "$tmp/anew"
kc set image deployment anew c=app:2 >/dev/null
check "is rolled out" kc rollout status deployment anew --timeout=20s
kill $watcher
apart() { # once a new one is there, no old one is told of without its end
	awk '/app:2/ {new = 1} new && /app:1/ && NF < 3 {exit 1} END {exit !new}' "$tmp/anew"
}
check "no old pod runs beside a new one" apart

# ---- replica sets by themselves
cat >"$tmp/set.yaml" <<Y
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: loose}
spec:
  replicas: 2
  selector: {matchExpressions: [{key: tier, operator: In, values: [a, b]}, {key: apart, operator: DoesNotExist}]}
  template:
    metadata: {labels: {tier: a}}
    spec: {terminationGracePeriodSeconds: 1, containers: [{name: c, image: app}]}
Y
kc run mine --image=app --labels=tier=b >/dev/null
check "a replica set that selects by expressions" kc apply -f "$tmp/set.yaml"
check "has as many as it wants" eventually 10 is 2 field rs loose .status.readyReplicas
check "one of which it adopted" is loose field pod mine '.metadata.ownerReferences[0].name'
kc label pod mine apart=1 >/dev/null
check "what it selects no more is let go" eventually 5 is "" field pod mine '.metadata.ownerReferences[0].name'
check "and replaced" eventually 10 is 2 bash -c "kubectl --kubeconfig $data/kubeconfig get pods -l 'tier,!apart' --no-headers | grep -c Running"
check "scale of a replica set" kc scale rs loose --replicas=0
check "it is empty" eventually 10 is 0 count pods -l 'tier,!apart'

# ---- a create that is refused
kc create quota few --hard=pods=1 -n kube-public >/dev/null
kc create deployment many --image=app --replicas=3 -n kube-public >/dev/null
told() { kc get deploy many -n kube-public -o 'jsonpath={.status.conditions[?(@.type=="ReplicaFailure")].message}' | grep -q 'exceeded quota: few'; }
check "what stops the set is told by the deployment" eventually 10 told
kc delete quota few -n kube-public >/dev/null
check "and once it is gone" kc rollout status deployment many -n kube-public --timeout=20s

# ---- the name that is taken
kc create deployment twin --image=app --replicas=1 --dry-run=client -o yaml >"$tmp/twin.yaml"
kc apply -f "$tmp/twin.yaml" >/dev/null
kc rollout status deployment twin --timeout=10s >/dev/null
set=$(kc get rs -l app=twin -o 'jsonpath={.items[0].metadata.name}')
kc delete deployment twin --cascade=orphan >/dev/null
check "orphans stay" eventually 5 is "1" sets twin
kc patch rs "$set" -p '{"metadata":{"labels":{"app":"other"}}}' >/dev/null
kc apply -f "$tmp/twin.yaml" >/dev/null
check "a name that is taken is another one then" eventually 10 is 1 field deploy twin .status.collisionCount
check "and it is rolled out" kc rollout status deployment twin --timeout=10s
kc patch rs "$set" -p '{"metadata":{"labels":{"app":"twin"}}}' >/dev/null
check "the orphan is adopted when it is selected again" eventually 5 is twin field rs "$set" '.metadata.ownerReferences[0].name'
check "and has the template: the older one of both is the new set" eventually 10 is "0 1" sets twin

# ---- deletion
check "foreground" kc delete deployment web --cascade=foreground --timeout=20s
check "takes sets and pods along" is "0 0" bash -c "echo \$(kubectl --kubeconfig $data/kubeconfig get rs -l app=web --no-headers 2>/dev/null | wc -l) \$(kubectl --kubeconfig $data/kubeconfig get pods -l app=web --no-headers 2>/dev/null | wc -l)"
check "background" kc delete deployment stuck
check "takes them too" eventually 20 gone rs -l app=stuck -o 'jsonpath={.items[0].metadata.name}'
check "and their pods" eventually 20 is 0 count pods -l app=stuck
