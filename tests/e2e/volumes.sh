#!/usr/bin/env bash
# Persistent volumes by kubectl, on simulated nodes: bound, provisioned at once and
# when a pod comes, kept and deleted, protected while in use, and those of a
# stateful set.
source "$(dirname "$0")/../lib/e2e.sh"

start --nodes 2 --runtime sim || { not_ok "cluster starts"; exit 1; }
eventually 5 kc get serviceaccount default

field() { kc get "$1" "$2" -o "jsonpath={$3}"; }
phase() { field "$1" "$2" .status.phase; }
gone() { ! kc get "$1" "$2" >/dev/null 2>&1; }
told() { # KIND NAME REASON TEXT: an event about it
	kc get events --field-selector "involvedObject.kind=$1,involvedObject.name=$2,reason=$3" -o 'jsonpath={.items[*].message}' | grep -qF -- "$4"
}
claim() { # NAME CLASS|- SIZE [MORE SPEC]
	local class=
	[[ $2 != - ]] && class="storageClassName: \"$2\", "
	kc apply -f - <<Y
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: $1}
spec: {${class}accessModes: [ReadWriteOnce], resources: {requests: {storage: $3}}${4:+, $4}}
Y
}
volume() { # NAME SIZE [MORE SPEC]
	kc apply -f - <<Y
apiVersion: v1
kind: PersistentVolume
metadata: {name: $1, labels: {disk: $1}}
spec: {capacity: {storage: $2}, accessModes: [ReadWriteOnce], hostPath: {path: /nowhere/$1}${3:+, $3}}
Y
}
class() { # NAME MODE PROVISIONER [MORE]
	kc apply -f - <<Y
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: $1}
volumeBindingMode: $2
provisioner: $3
${4:-}
Y
}
pod() { # NAME CLAIM...
	local name=$1 volumes=
	shift
	for c in "$@"; do volumes+="{name: $c, persistentVolumeClaim: {claimName: $c}}, "; done
	kc apply -f - <<Y
apiVersion: v1
kind: Pod
metadata: {name: $name}
spec: {terminationGracePeriodSeconds: 1, containers: [{name: c, image: app}], volumes: [$volumes]}
Y
}

# ---- the default class
check "there is a default class" eventually 5 is "troupe.io/host-path WaitForFirstConsumer true" field sc standard '.provisioner} {.volumeBindingMode} {.metadata.annotations.storageclass\.kubernetes\.io/is-default-class'
check "kubectl says so" eventually 5 bash -c "kubectl --kubeconfig $data/kubeconfig get sc | grep -q '^standard (default)'"

# ---- bound to what is there
volume small 1Gi >/dev/null; volume large 5Gi >/dev/null; volume middle 2Gi >/dev/null
check "a volume is to be had" eventually 5 is Available phase pv large
check "a claim" claim one "" 1500Mi
check "is bound" eventually 5 is Bound phase pvc one
check "to the smallest that is large enough" is "middle 2Gi RWO" bash -c "kubectl --kubeconfig $data/kubeconfig get pvc one --no-headers | awk '{print \$3, \$4, \$5}'"
check "which says whose it is" eventually 5 is "Bound default/one" field pv middle '.status.phase} {.spec.claimRef.namespace}/{.spec.claimRef.name'
check "noted as Kubernetes does" is "yes yes yes" bash -c "kubectl --kubeconfig $data/kubeconfig get pvc one -o 'jsonpath={.metadata.annotations.pv\.kubernetes\.io/bind-completed} {.metadata.annotations.pv\.kubernetes\.io/bound-by-controller} '; kubectl --kubeconfig $data/kubeconfig get pv middle -o 'jsonpath={.metadata.annotations.pv\.kubernetes\.io/bound-by-controller}'"
claim huge "" 9Gi >/dev/null
check "one that nothing fits waits" eventually 5 told PersistentVolumeClaim huge FailedBinding 'no persistent volumes available for this claim and no storage class is set'
check "and is bound when something comes" volume giant 10Gi
check "at once" eventually 5 is "Bound giant" field pvc huge '.status.phase} {.spec.volumeName'
claim picky "" 100Mi 'selector: {matchLabels: {disk: large}}' >/dev/null
check "by labels" eventually 5 is large field pvc picky .spec.volumeName
claim named "" 100Mi 'volumeName: small' >/dev/null
check "by its name" eventually 5 is "Bound small" field pvc named '.status.phase} {.spec.volumeName'
volume kept 1Gi 'claimRef: {namespace: default, name: expected}' >/dev/null
check "one that is kept by name waits for its claim" eventually 5 is Available phase pv kept
claim other "" 1Gi >/dev/null
claim expected "" 1Gi >/dev/null
check "which gets it" eventually 5 is "Bound kept" field pvc expected '.status.phase} {.spec.volumeName'
check "and no other does" is Pending phase pvc other
claim taken "" 1Gi 'volumeName: kept' >/dev/null
check "who asks for one that is taken is told" eventually 5 told PersistentVolumeClaim taken FailedBinding 'volume "kept" already bound to a different claim.'
kc delete pvc other taken --wait=false >/dev/null

# ---- released
kc delete pvc one >/dev/null
check "Retain: the volume stays, released" eventually 5 is Released phase pv middle
check "and is nobody else's" claim next "" 2Gi
check "though it would fit" is Pending phase pvc next
kc patch pv middle --type=merge -p '{"spec":{"claimRef":null}}' >/dev/null
check "until somebody gives it back" eventually 5 is "Bound middle" field pvc next '.status.phase} {.spec.volumeName'
volume old 7Gi 'persistentVolumeReclaimPolicy: Recycle' >/dev/null
claim recycled "" 7Gi >/dev/null
eventually 5 is Bound phase pvc recycled >/dev/null
kc delete pvc recycled >/dev/null
check "Recycle is not done here" eventually 5 is Failed phase pv old
check "and says so" eventually 5 told PersistentVolume old VolumeFailedRecycle 'No recycler plugin found for the volume!'

# ---- provisioned at once
class now Immediate troupe.io/host-path >/dev/null
check "a claim of a class that is provisioned" claim fast now 3Gi
check "is bound" eventually 5 is Bound phase pvc fast
pv=$(field pvc fast .spec.volumeName)
check "to a volume of its own" is "pvc-$(field pvc fast .metadata.uid)" echo "$pv"
check "a directory of the cluster's" is "$data/volumes/$pv DirectoryOrCreate Delete now" field pv "$pv" '.spec.hostPath.path} {.spec.hostPath.type} {.spec.persistentVolumeReclaimPolicy} {.spec.storageClassName'
check "noted as its provisioner's" is troupe.io/host-path field pv "$pv" '.metadata.annotations.pv\.kubernetes\.io/provisioned-by'
check "told" eventually 5 told PersistentVolumeClaim fast ProvisioningSucceeded "Successfully provisioned volume $pv"
mkdir -p "$data/volumes/$pv/sub/deep" "$data/volumes/else"
touch "$data/volumes/$pv/sub/deep/file" "$data/volumes/else/file"
kc delete pvc fast >/dev/null
check "Delete: the volume goes with its claim" eventually 5 gone pv "$pv"
check "and its directory" eventually 5 test ! -e "$data/volumes/$pv"
check "and nothing else" test -e "$data/volumes/else/file"
class keep Immediate troupe.io/host-path 'reclaimPolicy: Retain' >/dev/null
claim kept-on keep 1Gi >/dev/null
eventually 5 is Bound phase pvc kept-on >/dev/null
pv=$(field pvc kept-on .spec.volumeName)
mkdir -p "$data/volumes/$pv"
kc delete pvc kept-on >/dev/null
check "Retain: a provisioned volume stays" eventually 5 is Released phase pv "$pv"
kc delete pv "$pv" --timeout=10s >/dev/null
check "until it is deleted" gone pv "$pv"
check "and leaves its directory" test -d "$data/volumes/$pv"
claim foreign nowhere 1Gi >/dev/null
check "a class that is not there" eventually 5 told PersistentVolumeClaim foreign ProvisioningFailed 'storageclass.storage.k8s.io "nowhere" not found'
class nowhere Immediate example.com/disk >/dev/null
check "a provisioner that is not there" eventually 5 told PersistentVolumeClaim foreign ExternalProvisioning "Waiting for a volume to be created either by the external provisioner 'example.com/disk'"
claim choosy now 1Gi 'selector: {matchLabels: {a: b}}' >/dev/null
check "what this one cannot make it says" eventually 5 told PersistentVolumeClaim choosy ProvisioningFailed 'failed to provision volume with StorageClass "now": claim.Spec.Selector is not supported'

# ---- when a pod comes
check "a claim of the default class" claim lazy - 1Gi
check "is of that class" is standard field pvc lazy .spec.storageClassName
check "waits for a pod" eventually 5 told PersistentVolumeClaim lazy WaitForFirstConsumer 'waiting for first consumer to be created before binding'
check "without a volume" is Pending phase pvc lazy
check "a pod" pod user lazy
check "runs" kc wait pod user --for=condition=Ready --timeout=10s
check "with the claim bound" is Bound phase pvc lazy
node=$(field pod user .spec.nodeName)
pv=$(field pvc lazy .spec.volumeName)
check "on the node that was selected for it" is "$node" field pvc lazy '.metadata.annotations.volume\.kubernetes\.io/selected-node'
check "where the volume is" is "$node" field pv "$pv" '.spec.nodeAffinity.required.nodeSelectorTerms[0].matchExpressions[0].values[0]'
kc cordon "$node" >/dev/null
pod second lazy >/dev/null
check "another pod goes nowhere else" eventually 5 told Pod second FailedScheduling "1 node(s) didn't match PersistentVolume's node affinity"
kc uncordon "$node" >/dev/null
check "but there" kc wait pod second --for=condition=Ready --timeout=10s
check "together" is "$node" field pod second .spec.nodeName
class found WaitForFirstConsumer kubernetes.io/no-provisioner >/dev/null
volume local 4Gi 'storageClassName: found, nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [n2]}]}]}}' >/dev/null
claim static found 4Gi >/dev/null
pod there static >/dev/null
check "a volume that is there decides where its pod runs" kc wait pod there --for=condition=Ready --timeout=10s
check "on its node" is "n2 local" bash -c "kubectl --kubeconfig $data/kubeconfig get pod there -o 'jsonpath={.spec.nodeName} '; kubectl --kubeconfig $data/kubeconfig get pvc static -o 'jsonpath={.spec.volumeName}'"
claim none-left found 4Gi >/dev/null
pod nowhere none-left >/dev/null
check "without one a pod waits" eventually 5 told Pod nowhere FailedScheduling "0/2 nodes are available: 2 node(s) didn't find available persistent volumes to bind."

# ---- pods that cannot run
pod early absent >/dev/null
check "a claim that is not there" eventually 5 told Pod early FailedScheduling '0/2 nodes are available: persistentvolumeclaim "absent" not found.'
claim absent "" 20Gi >/dev/null
check "one that is not bound" eventually 5 told Pod early FailedScheduling '0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims.'
volume twenty 20Gi >/dev/null
check "and then it runs" kc wait pod early --for=condition=Ready --timeout=10s

# ---- a claim for one pod alone
kc apply -f - >/dev/null <<'Y'
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: single}
spec: {accessModes: [ReadWriteOncePod], resources: {requests: {storage: 1Gi}}}
Y
pod first-user single >/dev/null
kc wait pod first-user --for=condition=Ready --timeout=10s >/dev/null
pod second-user single >/dev/null
check "ReadWriteOncePod: a second pod waits" eventually 5 told Pod second-user FailedScheduling 'pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode'
kc delete pod first-user >/dev/null
check "until the first one is gone" kc wait pod second-user --for=condition=Ready --timeout=10s

# ---- a claim of the pod's own
kc apply -f - >/dev/null <<'Y'
apiVersion: v1
kind: Pod
metadata: {name: own}
spec:
  terminationGracePeriodSeconds: 1
  containers: [{name: c, image: app}]
  volumes:
  - name: scratch
    ephemeral: {volumeClaimTemplate: {metadata: {labels: {for: scratch}}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}}
Y
check "a pod with an ephemeral volume runs" kc wait pod own --for=condition=Ready --timeout=10s
check "with a claim of its own" is "Bound scratch Pod own" field pvc own-scratch '.status.phase} {.metadata.labels.for} {.metadata.ownerReferences[0].kind} {.metadata.ownerReferences[0].name'
kc delete pod own >/dev/null
check "that goes with it" eventually 10 gone pvc own-scratch

# ---- protection
kc delete pvc lazy --wait=false >/dev/null
check "a claim in use stays" is "Terminating Bound" bash -c "kubectl --kubeconfig $data/kubeconfig get pvc lazy --no-headers | awk '{printf \$2}'; echo -n ' '; kubectl --kubeconfig $data/kubeconfig get pvc lazy -o 'jsonpath={.status.phase}'"
pod third lazy >/dev/null
check "and no other pod gets it" eventually 5 told Pod third FailedScheduling 'persistentvolumeclaim "lazy" is being deleted'
kc delete pod user third >/dev/null
check "while one pod is left" is Bound phase pvc lazy
kc delete pod second >/dev/null
check "and goes after the last one" eventually 10 gone pvc lazy
check "with its volume" eventually 10 gone pv "$pv"
kc delete pv giant --wait=false >/dev/null
check "a volume that is bound stays" is Bound phase pv giant
check "protected" is '["kubernetes.io/pv-protection"]' field pv giant .metadata.finalizers
kc delete pvc huge >/dev/null
check "until its claim is gone" eventually 5 gone pv giant

# ---- a stateful set
kc apply -f - >/dev/null <<'Y'
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  replicas: 3
  selector: {matchLabels: {app: db}}
  persistentVolumeClaimRetentionPolicy: {whenScaled: Delete, whenDeleted: Retain}
  template:
    metadata: {labels: {app: db}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: c, image: app, volumeMounts: [{name: data, mountPath: /data}]}]
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
Y
check "a stateful set with claims is rolled out" kc rollout status sts db --timeout=20s
check "all are bound" is "Bound Bound Bound" bash -c "kubectl --kubeconfig $data/kubeconfig get pvc -l app=db -o 'jsonpath={.items[*].status.phase}'"
before=$(field pvc data-db-1 .spec.volumeName)
kc delete pod db-1 >/dev/null
check "a pod that is made again" kc wait pod db-1 --for=condition=Ready --timeout=10s
check "has its volume again" is "$before" field pvc data-db-1 .spec.volumeName
kc scale sts db --replicas=1 >/dev/null
check "scaled down, the claims go" eventually 10 is "data-db-0" bash -c "kubectl --kubeconfig $data/kubeconfig get pvc -l app=db -o 'jsonpath={.items[*].metadata.name}'"
check "and their volumes" eventually 10 gone pv "$before"

# ---- a namespace
kc create namespace temp >/dev/null
eventually 5 kc -n temp get serviceaccount default >/dev/null
kc -n temp apply -f - >/dev/null <<'Y'
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: c}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: p}
spec: {terminationGracePeriodSeconds: 1, containers: [{name: c, image: app}], volumes: [{name: v, persistentVolumeClaim: {claimName: c}}]}
Y
kc -n temp wait pod p --for=condition=Ready --timeout=10s >/dev/null
pv=$(kc -n temp get pvc c -o 'jsonpath={.spec.volumeName}')
check "a namespace goes with its claims in use" kc delete namespace temp --timeout=20s
check "and their volumes" eventually 10 gone pv "$pv"

# ---- the default class is made once
kc delete sc standard >/dev/null
stop
check "starts again" start --nodes 2 --runtime sim
check "what was bound is" is Bound phase pvc data-db-0
claim classless - 1Gi >/dev/null
check "and a default class that was deleted is not made again" gone sc standard
kc apply -f - >/dev/null <<'Y'
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: mine, annotations: {storageclass.kubernetes.io/is-default-class: "true"}}
provisioner: troupe.io/host-path
Y
check "a claim without a class gets the default one that comes later" eventually 5 is "mine Bound" field pvc classless '.spec.storageClassName} {.status.phase'
