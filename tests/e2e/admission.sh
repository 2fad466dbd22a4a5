#!/usr/bin/env bash
# What a namespace says about what comes into it, with real kubectl: limit
# ranges, accounts of pods and their tokens, default classes, and quotas that
# many writers at once do not get past.
source "$(dirname "$0")/../lib/e2e.sh"
check "the cluster starts" start --nodes 2 --runtime sim
k() { kc -n "$ns" "$@"; }
field() { k get "$1" "$2" -o "jsonpath={$3}"; }
says() { # TEXT COMMAND...: it prints that, on whatever stream
	local want=$1
	shift
	grep -qF -- "$want" <("$@" 2>&1) || { echo "no '$want' in"; "$@" 2>&1 | head -n 5; return 1; }
}
used() { field quota "$1" ".status.used.$2"; }
pod() { # NAME RESOURCES [IMAGE]
	cat <<-E
		{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "$1"},
		 "spec": {"containers": [{"name": "c", "image": "${3:-nginx}", "resources": $2}]}}
	E
}
make_pod() { pod "$@" | k create -f -; }

ns=accounts
check "a namespace" kc create namespace $ns
check "a pod at once: its account is there" k run one --image=nginx
check "it is default's" is default field pod one .spec.serviceAccountName
check "the account exists" k get serviceaccount default
check "its token is mounted" is /var/run/secrets/kubernetes.io/serviceaccount \
	field pod one '.spec.containers[0].volumeMounts[0].mountPath'
check "from a projected volume" is 3607 \
	field pod one '.spec.volumes[0].projected.sources[0].serviceAccountToken.expirationSeconds'
check "an account that is not there" says \
	'pods "two" is forbidden: error looking up service account accounts/bot: serviceaccount "bot" not found' \
	k run two --image=nginx --overrides='{"spec":{"serviceAccountName":"bot"}}'
check "nothing came of it" says 'not found' k get pod two
check "an account" k create serviceaccount bot
check "that mounts nothing" k patch serviceaccount bot -p \
	'{"automountServiceAccountToken":false,"imagePullSecrets":[{"name":"pull"}]}'
check "a pod of it" k run two --image=nginx --overrides='{"spec":{"serviceAccountName":"bot"}}'
check "has no volume" is '' field pod two .spec.volumes
check "and its pull secrets" is pull field pod two '.spec.imagePullSecrets[0].name'
check "tolerations of each pod" is '300 300' field pod two '.spec.tolerations[*].tolerationSeconds'

ns=limits
check "a namespace" kc create namespace $ns
k create -f - >/dev/null <<-E
	{"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "range"}, "spec": {"limits": [
	 {"type": "Container", "default": {"cpu": "500m", "memory": "256Mi"}, "defaultRequest": {"cpu": "250m"},
	  "min": {"memory": "64Mi"}, "max": {"memory": "1Gi"}, "maxLimitRequestRatio": {"cpu": "4"}},
	 {"type": "Pod", "max": {"cpu": "2"}},
	 {"type": "PersistentVolumeClaim", "min": {"storage": "1Gi"}, "max": {"storage": "10Gi"}}]}}
E
check "describe shows it" says '256Mi' k describe limitrange range
check "a pod that says nothing" k run plain --image=nginx
check "has the default limit" is 500m field pod plain '.spec.containers[0].resources.limits.cpu'
check "and request" is 250m field pod plain '.spec.containers[0].resources.requests.cpu'
check "its class of service follows" is Burstable field pod plain .status.qosClass
check "it is told what was set" is \
	'LimitRanger plugin set: cpu, memory request for container plain; cpu, memory limit for container plain' \
	field pod plain '.metadata.annotations.kubernetes\.io/limit-ranger'
check "too much" says \
	'pods "big" is forbidden: maximum memory usage per Container is 1Gi, but limit is 2Gi' \
	make_pod big '{"limits": {"memory": "2Gi"}, "requests": {"memory": "128Mi"}}'
check "too little" says \
	'pods "small" is forbidden: minimum memory usage per Container is 64Mi, but request is 1Mi' \
	make_pod small '{"requests": {"memory": "1Mi"}}'
check "too far apart" says \
	'cpu max limit to request ratio per Container is 4, but provided ratio is 5.000000' \
	make_pod far '{"limits": {"cpu": "1"}, "requests": {"cpu": "200m"}}'
check "a pod as a whole, all faults in one" says \
	'[maximum memory usage per Container is 1Gi, but limit is 2Gi, maximum cpu usage per Pod is 2, but limit is 3]' \
	make_pod whole '{"limits": {"cpu": "3", "memory": "2Gi"}}'
claim() { # NAME SIZE [CLASS]
	local class=
	[[ -n ${3:-} ]] && class=", \"storageClassName\": \"$3\""
	k create -f - <<-E
		{"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "$1"}, "spec": {
		 "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "$2"}}$class}}
	E
}
check "a claim that is too large" says 'maximum storage usage per PersistentVolumeClaim is 10Gi, but request is 11Gi' \
	claim big 11Gi
eventually 5 k get storageclass standard >/dev/null
k delete storageclass standard >/dev/null # the one that a cluster begins with
check "a claim without a class" claim none 1Gi
check "has none" is '' field pvc none .spec.storageClassName
kc create -f - >/dev/null <<-E
	{"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "fast",
	 "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}, "provisioner": "example.com/p"}
E
check "but gets the default one" claim some 1Gi
check "when there is one" is fast field pvc some .spec.storageClassName
check "no limits any more" k delete limitrange range
check "then all is well" make_pod big '{"limits": {"memory": "2Gi"}}'

ns=quotas
check "a namespace" kc create namespace $ns
check "a quota" k create quota all --hard=pods=3,services=2,services.nodeports=1,count/deployments.apps=1,requests.storage=2Gi,fast.storageclass.storage.k8s.io/persistentvolumeclaims=1
check "is counted" eventually 10 is 0 used all pods
for p in 1 2 3; do check "pod $p" k run p$p --image=nginx; done
check "the fourth" says \
	'pods "p4" is forbidden: exceeded quota: all, requested: pods=1, used: pods=3, limited: pods=3' \
	k run p4 --image=nginx
check "describe shows it" says 'pods' k describe quota all
check "used at once" is 3 used all pods
check "a pod less" k delete pod p1 --now
check "is given back" eventually 10 is 2 used all pods
check "and taken again" k run p4 --image=nginx
check "a dry run takes nothing" says 'exceeded quota' k run p5 --image=nginx --dry-run=server
check "a service" k create service clusterip a --tcp=80
check "of another type" k patch service a -p '{"spec":{"type":"NodePort"}}'
check "takes a node port" is 1 used all 'services\.nodeports'
check "two are too many" says 'exceeded quota: all, requested: services.nodeports=1, used: services.nodeports=1, limited: services.nodeports=1' \
	k create service nodeport b --tcp=80
check "given back by its type" k patch service a -p '{"spec":{"type":"ClusterIP"}}'
check "soon" eventually 10 is 0 used all 'services\.nodeports'
check "a deployment that wants no pods" k create deployment d --image=nginx --replicas=0
check "a second one" says \
	'deployments.apps "e" is forbidden: exceeded quota: all, requested: count/deployments.apps=1' \
	k create deployment e --image=nginx
check "a claim" claim a 1Gi
check "another of that class" says 'fast.storageclass.storage.k8s.io/persistentvolumeclaims=1' claim b 1Gi
check "of another class" claim b 1Gi slow
check "more storage" says 'requested: requests.storage=1Gi, used: requests.storage=2Gi, limited: requests.storage=2Gi' \
	claim c 1Gi slow
check "the quota grows" k patch quota all -p '{"spec":{"hard":{"pods":"4"}}}'
check "and lets in" eventually 10 k run p5 --image=nginx

ns=compute
check "a namespace" kc create namespace $ns
check "a quota of compute" k create quota c --hard=limits.cpu=2,requests.memory=1Gi
check "is counted" eventually 10 is 0 used c 'limits\.cpu'
check "who does not say" says \
	'pods "none" is forbidden: failed quota: c: must specify limits.cpu for: none; requests.memory for: none' \
	k run none --image=nginx
check "who says" make_pod said '{"limits": {"cpu": "1500m"}, "requests": {"memory": "512Mi"}}'
check "too much" says 'exceeded quota: c, requested: limits.cpu=1, used: limits.cpu=1500m, limited: limits.cpu=2' \
	make_pod more '{"limits": {"cpu": "1"}, "requests": {"memory": "1Mi"}}'
check "a quota of the best effort" k create quota best --hard=pods=1 --scopes=BestEffort
check "counts no others" eventually 10 is 0 used best pods
check "goes" k delete quota c
check "a pod of the best effort" k run one --image=nginx
check "the second one" says 'exceeded quota: best' k run two --image=nginx
check "one that asks for something" make_pod three '{"requests": {"cpu": "100m"}}'

# An ended pod counts no more.
ns=ended
check "a namespace" kc create namespace $ns
check "a quota of one pod" k create quota one --hard=pods=1
check "is counted" eventually 10 is 0 used one pods
check "a pod that ends" k run short --image=nginx --restart=Never --command -- true
check "gives back" eventually 20 is 0 used one pods

# Many at once, by HTTP and by a controller.
ns=crowd
check "a namespace" kc create namespace $ns
check "a quota of 20 pods" k create quota twenty --hard=pods=20
check "is counted" eventually 10 is 0 used twenty pods
k create -f - >/dev/null <<-E
	{"apiVersion": "v1", "kind": "ReplicationController", "metadata": {"name": "rc"}, "spec": {"replicas": 15,
	 "selector": {"a": "b"}, "template": {"metadata": {"labels": {"a": "b"}},
	 "spec": {"containers": [{"name": "c", "image": "nginx"}]}}}}
E
token=$(cat "$data/pki/token")
for i in $(seq 40); do
	pod "w$i" '{}' >"$tmp/w$i.json"
	printf 'next\nurl = "https://127.0.0.1:%s/api/v1/namespaces/crowd/pods"\ninsecure\nsilent\noutput = "%s"\nwrite-out = "%%{http_code}\\n"\nheader = "Content-Type: application/json"\nheader = "Authorization: Bearer %s"\ndata = "@%s"\n' \
		"$port" "$tmp/w$i.out" "$token" "$tmp/w$i.json"
done | sed 1d >"$tmp/crowd.curl"
curl --parallel --parallel-immediate --parallel-max 40 --config "$tmp/crowd.curl" >"$tmp/codes" 2>/dev/null
check "all were answered, created or refused" is 40 grep -c '^201\|^403' "$tmp/codes"
count_pods() { k get pods --no-headers | wc -l; }
check "there are 20 pods" eventually 20 is 20 count_pods
check "and no more are used" is 20 used twenty pods
