#!/usr/bin/env bash
# Volumes of real pods, as their containers see them, and as a kubelet tells of them.
source "$(dirname "$0")/../lib/e2e.sh"
need_containers "volumes of pods"

"$top/tools/demo/busybox-image" "$tmp/busybox.tar"
mkdir -p "$data"
check "an image is loaded" "$troupe" image load --data-dir "$data" "$tmp/busybox.tar"
start --nodes 1 --runtime oci || { not_ok "the cluster starts"; exit 1; }
ok "the cluster starts"
host=$tmp/host
mkdir -p "$host"

# pod NAME VOLUMES MOUNTS [MORE-OF-SPEC] [SCRIPT] [MORE-OF-CONTAINER]: YAML in flow form
pod() {
	kc create -f - >/dev/null <<Y
apiVersion: v1
kind: Pod
metadata: {name: $1, labels: {app: $1}, annotations: {note: "one\ntwo"}}
spec:
  terminationGracePeriodSeconds: 1
  volumes: [$2]
  containers:
  - {name: c, image: "troupe.io/busybox:1", command: [sh, -c, "${5:-sleep $nap}"], volumeMounts: [$3]${6:+, $6}}
${4:+  $4}
Y
}
phase() { kc get pod "$1" -o 'jsonpath={.status.phase}'; }
runs() { eventually 10 is Running phase "$1"; }
in_pod() { local p=$1; shift; kc exec "$p" -- sh -c "$*"; }
waiting() { kc get pod "$1" -o 'jsonpath={.status.containerStatuses[0].state.waiting.reason}'; }
events() { kc get events --field-selector "involvedObject.name=$1,reason=${2:-FailedMount}" -o 'jsonpath={range .items[*]}{.message}{"\n"}{end}'; }
told() { eventually 10 bash -c "kubectl --kubeconfig '$data/kubeconfig' get events --field-selector 'involvedObject.name=$1' \
	-o 'jsonpath={range .items[*]}{.reason}: {.message}{\"\\n\"}{end}' | grep -qF -- '$2'" || { kc get events; return 1; }; }
no_pod() { ! kc get pod "$1" >/dev/null 2>&1; }
uid_of() { kc get pod "$1" -o 'jsonpath={.metadata.uid}'; }

# ---- empty directories
kc create -f - >/dev/null <<Y
apiVersion: v1
kind: Pod
metadata: {name: both}
spec:
  terminationGracePeriodSeconds: 1
  volumes: [{name: v, emptyDir: {}}, {name: m, emptyDir: {medium: Memory, sizeLimit: 1Mi}}]
  containers:
  - {name: a, image: "troupe.io/busybox:1", command: [sh, -c, "sleep $nap"], volumeMounts: [{name: v, mountPath: /a}, {name: m, mountPath: /m}]}
  - {name: b, image: "troupe.io/busybox:1", command: [sh, -c, "until [ -f /b/end ]; do sleep 0.1; done; echo was >>/b/lives; mv /b/end /b/ended; exit 1"],
     volumeMounts: [{name: v, mountPath: /b}, {name: m, mountPath: /m}]}
Y
check "two containers share an empty directory" runs both
check "anybody may write to it" is "777" kc exec both -c a -- stat -c %a /a
kc exec both -c a -- sh -c 'echo hello >/a/file; echo fast >/m/file' >/dev/null
check "what one writes the other reads" is "hello" kc exec both -c b -- cat /b/file
check "in memory too" is "fast" kc exec both -c b -- cat /m/file
check "which is a tmpfs" is "tmpfs 1777" kc exec both -c a -- sh -c 'echo $(stat -f -c %T /m) $(stat -c %a /m)'
check "with a limit" is "full" kc exec both -c a -- sh -c 'head -c 3000000 /dev/zero >/m/big 2>/dev/null || echo full'
kc exec both -c a -- touch /a/end
restarts() { kc get pod both -o 'jsonpath={.status.containerStatuses[?(@.name=="b")].restartCount} {.status.containerStatuses[?(@.name=="b")].state.running.startedAt}'; }
check "a container starts again" eventually 15 bash -c "kubectl --kubeconfig '$data/kubeconfig' get pod both -o 'jsonpath={.status.containerStatuses[?(@.name==\"b\")].restartCount} {.status.containerStatuses[?(@.name==\"b\")].state.running.startedAt}' | grep -q '^1 2'"
check "and finds what it left" is "was" kc exec both -c b -- cat /b/lives
check "also in memory" is "fast" kc exec both -c b -- cat /m/file

pod greedy '{name: v, emptyDir: {sizeLimit: 1Mi}}' '{name: v, mountPath: /v}'
check "a directory with a limit" runs greedy
in_pod greedy 'head -c 3000000 /dev/zero >/v/big' >/dev/null
check "that grows beyond it" eventually 40 is Failed phase greedy
check "is its pod's end" is 'Evicted: Usage of EmptyDir volume "v" exceeds the limit "1Mi". ' kc get pod greedy -o 'jsonpath={.status.reason}: {.status.message}'

# ---- config maps and secrets
kc create configmap cm --from-literal=a=one --from-literal=b=two >/dev/null
kc create secret generic sec --from-literal=pw=hunter2 >/dev/null
pod files '{name: cm, configMap: {name: cm}}, {name: item, configMap: {name: cm, items: [{key: a, path: d/e, mode: 0750}]}}, {name: sec, secret: {secretName: sec, defaultMode: 0400}},
  {name: opt, secret: {secretName: none, optional: true}}' \
	'{name: cm, mountPath: /cm}, {name: item, mountPath: /item}, {name: sec, mountPath: /sec}, {name: opt, mountPath: /opt}, {name: cm, mountPath: /single/a, subPath: a}'
check "a pod with files" runs files
check "a config map's keys are files" is "one two" in_pod files 'echo $(cat /cm/a) $(cat /cm/b)'
check "by links to what can be moved" is "..data/a" in_pod files readlink /cm/a
check "an item has its path and mode" is "one 750" in_pod files 'echo $(cat /item/d/e) $(stat -Lc %a /item/d/e)'
check "a secret and its mode" is "hunter2 400" in_pod files 'echo $(cat /sec/pw) $(stat -Lc %a /sec/pw)'
check "they are not to be written" grep -q 'Read-only file system' <(in_pod files 'touch /cm/x' 2>&1)
check "what is optional may be missing" is "" in_pod files ls /opt
kc patch configmap cm -p '{"data":{"a":"eins","c":"three"}}' >/dev/null
kc patch configmap cm --type=json -p '[{"op":"remove","path":"/data/b"}]' >/dev/null
kc create secret generic none --from-literal=late=here >/dev/null
check "changes reach the files" eventually 60 is "eins three" in_pod files 'echo $(cat /cm/a) $(cat /cm/c)'
check "what is gone is gone" is "a c" in_pod files 'echo $(ls /cm)'
check "an item too" eventually 10 is "eins" in_pod files cat /item/d/e
check "not a sub-path, as with a kubelet" is "one" in_pod files cat /single/a
check "what was missing is there now" eventually 60 is "here" in_pod files cat /opt/late

# ---- whose they are
pod owned '{name: e, emptyDir: {}}, {name: m, emptyDir: {medium: Memory}}, {name: sec, secret: {secretName: sec, defaultMode: 0400}}, {name: t, projected: {sources: [{serviceAccountToken: {path: token}}]}}' \
	'{name: e, mountPath: /e}, {name: m, mountPath: /m}, {name: sec, mountPath: /sec}, {name: t, mountPath: /t}' \
	'securityContext: {runAsUser: 1000, runAsGroup: 1000, fsGroup: 2000}'
check "a pod with a group" runs owned
check "an empty directory is its group's" is "2777 2000" in_pod owned stat -c '%a\ %g' /e
check "and what is made in it" is "2000" in_pod owned 'touch /e/f; stat -c %g /e/f'
check "one in memory too" is "3777 2000" in_pod owned stat -c '%a\ %g' /m
check "a secret that only root could read" is "hunter2 440 2000" in_pod owned 'echo $(cat /sec/pw) $(stat -Lc "%a %g" /sec/pw)'
check "a token is its user's" is "640 1000" in_pod owned stat -Lc '%a\ %u' /t/token

# ---- the downward API
pod down '{name: d, downwardAPI: {items: [{path: labels, fieldRef: {fieldPath: metadata.labels}}, {path: notes, fieldRef: {fieldPath: metadata.annotations}},
  {path: cpu, resourceFieldRef: {containerName: c, resource: limits.cpu, divisor: 1m}}]}}' '{name: d, mountPath: /d}' "" "" 'resources: {limits: {cpu: 1500m}}'
check "a pod that reads of itself" runs down
check "its labels" is 'app="down"' in_pod down cat /d/labels
check "its annotations, quoted" is 'note="one\ntwo"' in_pod down cat /d/notes
check "its limits" is "1500" in_pod down cat /d/cpu
kc label pod down app=other more=yes --overwrite >/dev/null
check "a new label comes at once" eventually 10 is $'app="other"\nmore="yes"' in_pod down cat /d/labels

# ---- tokens
dir=/var/run/secrets/kubernetes.io/serviceaccount
check "the namespace" is "default" in_pod down cat $dir/namespace
check "the authority's certificate" diff <(in_pod down cat $dir/ca.crt) "$data/pki/ca.crt"
token=$(in_pod down cat $dir/token)
as_pod() { curl -s --cacert "$data/pki/ca.crt" -H "Authorization: Bearer $1" "https://127.0.0.1:$port/api/v1/namespaces/default/secrets"; }
check "the API knows the token's account" grep -q 'User \\"system:serviceaccount:default:default\\" cannot list' <(as_pod "$token")
claims() { local part; part=$(cut -d. -f2 <<<"$1" | tr '_-' '/+'); while ((${#part} % 4)); do part+='='; done; base64 -d <<<"$part"; }
check "it is bound to the pod" grep -q "\"pod\":{\"name\":\"down\",\"uid\":\"$(uid_of down)\"}" <(claims "$token")
pod vault '{name: t, projected: {defaultMode: 0440, sources: [{serviceAccountToken: {path: t, audience: vault, expirationSeconds: 600}}, {configMap: {name: cm}}]}}' '{name: t, mountPath: /t}'
check "a pod with a token for somebody else" runs vault
check "which says so" grep -q '"aud":\["vault"\]' <(claims "$(in_pod vault cat /t/t)")
check "and has its mode" is "440" in_pod vault stat -Lc %a /t/t
check "beside a config map" is "eins" in_pod vault cat /t/a
check "and is none of the API's" grep -q '"code":401' <(as_pod "$(in_pod vault cat /t/t)" | tr -d ' \n')
kc delete pod down --wait >/dev/null
check "a token ends with its pod" eventually 10 grep -q '"code":401' <(as_pod "$token" | tr -d ' \n')

# ---- what is missing
pod late '{name: v, configMap: {name: later}}' '{name: v, mountPath: /v}'
check "a pod waits for its volumes" told late 'FailedMount: MountVolume.SetUp failed for volume "v" : configmap "later" not found'
check "and says what it does" is "ContainerCreating Pending" eval 'echo $(waiting late) $(phase late)'
kc create configmap later --from-literal=k=v >/dev/null
check "until it is there" runs late
pod never '{name: v, secret: {secretName: nothing}}' '{name: v, mountPath: /v}'
check "a secret that never comes" told never 'secret "nothing" not found'
kc delete pod never --wait=false >/dev/null
check "keeps nobody from deleting its pod" eventually 10 no_pod never
pod key '{name: v, configMap: {name: cm, items: [{key: nope, path: x}]}}' '{name: v, mountPath: /v}'
check "nor has every key" told key 'configmap references non-existent config key: nope'

# ---- paths of the machine
echo on-host >"$host/file"
pod path "{name: d, hostPath: {path: $host/new, type: DirectoryOrCreate}}, {name: f, hostPath: {path: $host/file, type: File}}" \
	'{name: d, mountPath: /d}, {name: f, mountPath: /f, readOnly: true}'
check "paths of the machine" runs path
in_pod path 'echo from-pod >/d/x' >/dev/null
check "are written to" is "from-pod" cat "$host/new/x"
check "and read" is "on-host" in_pod path cat /f
check "only read" grep -q 'Read-only' <(in_pod path 'echo x >/f' 2>&1)
pod wrong "{name: d, hostPath: {path: $host/file, type: Directory}}" '{name: d, mountPath: /d}'
mkdir -p "$host/tree/inner" && mount -t tmpfs none "$host/tree/inner"
pod below "{name: t, hostPath: {path: $host/tree}}" '{name: t, mountPath: /plain, readOnly: true}, {name: t, mountPath: /deep, readOnly: true, recursiveReadOnly: Enabled}'
check "read only, down to what is mounted below" eval 'runs below && in_pod below "touch /plain/inner/x" && grep -q "Read-only" <(in_pod below "touch /deep/inner/y" 2>&1)'
check "as its status says" is "Disabled Enabled" kc get pod below -o 'jsonpath={.status.containerStatuses[0].volumeMounts[?(@.mountPath=="/plain")].recursiveReadOnly} {.status.containerStatuses[0].volumeMounts[?(@.mountPath=="/deep")].recursiveReadOnly}'
check "of the type that is asked" told wrong "MountVolume.SetUp failed for volume \"d\" : hostPath type check failed: $host/file is not a directory"

# ---- claims
kc create -f - >/dev/null <<Y
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: unbound}
spec: {storageClassName: none, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: local-1}
spec:
  {storageClassName: local, capacity: {storage: 1Mi}, accessModes: [ReadWriteOnce], persistentVolumeReclaimPolicy: Retain, local: {path: $host/local},
   nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [n1]}]}]}}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: local}
spec: {storageClassName: local, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}
Y
pod first '{name: d, persistentVolumeClaim: {claimName: data}}' '{name: d, mountPath: /d}'
check "a claim's volume" runs first
check "is for whoever has the claim" is 777 in_pod first stat -c %a /d
in_pod first 'echo kept >/d/x' >/dev/null
kc delete pod first --wait >/dev/null
pod second '{name: d, persistentVolumeClaim: {claimName: data, readOnly: true}}' '{name: d, mountPath: /d}'
check "outlives its pod" eval 'runs second && is kept in_pod second cat /d/x'
check "and is read only when the pod says so" grep -q 'Read-only' <(in_pod second 'echo x >/d/y' 2>&1)
pod lacking '{name: d, persistentVolumeClaim: {claimName: unbound}}' '{name: d, mountPath: /d}' 'nodeName: n1'
check "a claim without a volume" told lacking 'FailedMount: Unable to attach or mount volumes: unmounted volumes=[d], unattached volumes=[], failed to process volumes=[d]: error processing PVC default/unbound: PVC is not bound'
pod local '{name: d, persistentVolumeClaim: {claimName: local}}' '{name: d, mountPath: /d}' 'securityContext: {fsGroup: 2000}'
check "a local volume must be there" told local "MountVolume.NewMounter initialization failed for volume \"local-1\" : path \"$host/local\" does not exist"
mkdir -p "$host/local/deep"
check "and then is" eventually 30 is Running phase local
check "for its group" is "2775 2000" in_pod local stat -c '%a\ %g' /d/deep

# ---- sub-paths
pod sub '{name: v, emptyDir: {}}' '{name: v, mountPath: /all}, {name: v, mountPath: /part, subPath: a/b}, {name: v, mountPath: /mine, subPathExpr: logs/$(POD)}' "" "" \
	'env: [{name: POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]'
check "parts of a volume" runs sub
check "are made" is "a logs sub" in_pod sub 'echo $(ls /all) $(ls /all/logs)'
in_pod sub 'echo deep >/part/x' >/dev/null
check "and lie in it" is "deep" in_pod sub cat /all/a/b/x
pod escape '{name: v, emptyDir: {}}' '{name: v, mountPath: /v, subPath: out}' \
	'initContainers: [{name: i, image: "troupe.io/busybox:1", command: [ln, -s, /etc, /v/out], volumeMounts: [{name: v, mountPath: /v}]}]'
check "a link leads nobody out" eventually 10 is CreateContainerConfigError waiting escape
check "and nobody is told what is there" is 'failed to prepare subPath for volumeMount "v" of container "c"' kc get pod escape -o 'jsonpath={.status.containerStatuses[0].state.waiting.message}'

# ---- the agent begins anew
kill -9 "$up_pid" && wait "$up_pid" 2>/dev/null
check "after a crash" start --nodes 1 --runtime oci
check "pods run on" is Running phase files
kc patch configmap cm -p '{"data":{"a":"uno"}}' >/dev/null
check "and their files still change" eventually 60 is "uno" in_pod files cat /cm/a

# ---- what is left
mounted=$(uid_of sub)
pause=$(cut -d' ' -f1 "$data/pods/n1/$mounted/pause.pid")
seen() { grep -c "$mounted/subpaths" "/proc/$pause/mounts"; }
check "sub-paths are the pause's mounts" is 2 seen
check "and nobody else's" is 0 grep -c "$data" /proc/mounts
kc delete pods --all --wait >/dev/null
umount "$host/tree/inner"
check "nothing is left of the pods" eventually 10 is "" ls "$data/pods/n1"
check "but what is not theirs" is "from-pod" cat "$host/new/x"
check "and no mount" is 0 grep -c "$data" /proc/mounts
