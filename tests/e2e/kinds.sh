#!/usr/bin/env bash
# Every kind with kubectl: what its generators create, the columns of `get`,
# what `set`, `scale`, `rollout`, `autoscale`, `apply` and `patch` make of it;
# with kubectl of today and of 1.20, which asks for beta versions. Nobody runs
# these objects here: no controller of them is needed.
source "$(dirname "$0")/../lib/e2e.sh"
source "$top/tests/lib/old_kubectl.sh"
check "the cluster starts" start_without_workloads

# columns WANT COMMAND...: the cells of a table, a line each, without ages
columns() {
	local want=$1 got
	shift
	got=$("$@" --no-headers | sed -E 's/ +/ /g; s/ $//; s/ [0-9]+(s|m[0-9]*s?)( |$)/ ~\2/')
	[[ $got == "$want" ]] || { echo "want '$want', got '$got'"; return 1; }
}
says() { # TEXT COMMAND...: it prints that, on whatever stream
	local want=$1
	shift
	grep -qF -- "$want" <("$@" 2>&1) || { echo "no '$want' in"; "$@" 2>&1 | head -n 5; return 1; }
}
kinds() { # WHO KUBECTL NAMESPACE CRONJOBS
	local who=$1 kubectl=$2 ns=$3 cronjobs=$4
	k() { "$kubectl" --kubeconfig "$data/kubeconfig" --cache-dir "$tmp/cache-$ns" -n "$ns" "$@"; }
	field() { k get "$1" "$2" -o "jsonpath={$3}"; }
	check "$who: a namespace" k create namespace "$ns"

	check "$who: create deployment" k create deployment web --image=nginx --replicas=2
	check "$who: get deployment -o wide" columns "web 0/2 0 0 ~ nginx nginx app=web" k get deployment web -o wide
	check "$who: expose deployment" k expose deployment web --port=80
	check "$who: its selector is the service's" is '{"app":"web"}' field service web .spec.selector
	check "$who: scale" k scale deployment web --current-replicas=2 --replicas=3
	check "$who: scaled" is 3 field deployment web .spec.replicas
	[[ $who == kubectl ]] && check "$who: what scale shows" grep -qE '^web +3 +[0-9]+ +' <(k get deployment web --subresource=scale)
	check "$who: scale from another number" says 'Expected replicas to be 2, was 3' \
		k scale deployment web --current-replicas=2 --replicas=4
	check "$who: set image" k set image deployment/web nginx=nginx:2
	check "$who: set resources" k set resources deployment/web --limits=cpu=0.5
	check "$who: amounts are canonical" is 500m field deployment web '.spec.template.spec.containers[0].resources.limits.cpu'
	check "$who: set env" k set env deployment/web A=b
	check "$who: rollout pause" k rollout pause deployment/web
	check "$who: paused" is true field deployment web .spec.paused
	check "$who: rollout resume" k rollout resume deployment/web
	check "$who: each change of the spec is a generation" is 7 field deployment web .metadata.generation
	check "$who: rollout restart" k rollout restart deployment/web
	check "$who: autoscale" k autoscale deployment web --min=1 --max=5 --cpu-percent=60
	check "$who: get hpa" columns "web Deployment/web cpu: <unknown>/60% 1 5 0 ~" k get hpa
	check "$who: the autoscaler in v1" is 60 field horizontalpodautoscalers.v1.autoscaling web .spec.targetCPUUtilizationPercentage
	check "$who: and in v2" is 60 field horizontalpodautoscalers.v2.autoscaling web \
		'.spec.metrics[0].resource.target.averageUtilization'

	check "$who: create job" k create job one --image=busybox -- true
	check "$who: its pods are found by its uid" is "$(field job one .metadata.uid)" \
		field job one '.spec.template.metadata.labels.controller-uid'
	check "$who: a job's template is immutable" says 'field is immutable' k set image job/one one=other
	check "$who: create cronjob" k create cronjob often --image=busybox --schedule='*/5 * * * *' -- date
	check "$who: get cronjob" columns "often */5 * * * * <none> False 0 <none> ~" k get cronjob
	check "$who: a schedule that is none" says 'spec.schedule: Invalid value: "often": expected exactly 5 fields, found 1: [often]' \
		k create cronjob wrong --image=busybox --schedule=often -- date
	check "$who: create job --from" k create job two --from="$cronjobs/often"
	check "$who: get job" columns $'one Running 0/1 ~\ntwo Running 0/1 ~' k get job

	check "$who: create quota" k create quota some --hard=pods=10,requests.cpu=4000m
	check "$who: its amounts" is '{"pods":"10","requests.cpu":"4"}' field quota some .spec.hard
	check "$who: a quota of nothing known" says 'must be a standard resource' k create quota wrong --hard=nothing=1
	check "$who: create pdb" k create pdb most --selector=app=web --min-available=50%
	check "$who: get pdb" columns "most 50% N/A 0 ~" k get pdb
	check "$who: create ingress" k create ingress in --class=nginx --rule='a.b/x*=web:80,tls=door'
	check "$who: get ingress" columns "in nginx a.b 80, 443 ~" k get ingress
	check "$who: create priorityclass" k create priorityclass "$ns-high" --value=1000 --description=high
	check "$who: get priorityclass" columns "$ns-high 1000 false ~ PreemptLowerPriority" k get priorityclass "$ns-high"

	check "$who: create role" k create role reader --verb=get,list --resource=pods,deployments.apps
	check "$who: its rules" is '[{"apiGroups":[""],"resources":["pods"],"verbs":["get","list"]},{"apiGroups":["apps"],"resources":["deployments"],"verbs":["get","list"]}]' \
		field role reader .rules
	check "$who: create rolebinding" k create rolebinding readers --role=reader --user=u --group=g --serviceaccount=a:b
	check "$who: get rolebinding -o wide" columns "readers Role/reader ~ u g a/b" k get rolebinding readers -o wide
	check "$who: a binding keeps its role" says 'cannot change roleRef' \
		k patch rolebinding readers --type merge -p '{"roleRef":{"name":"other"}}'
	check "$who: create clusterrole" k create clusterrole "$ns-metrics" --verb=get --non-resource-url=/metrics
	check "$who: create clusterrolebinding" k create clusterrolebinding "$ns-metrics" --clusterrole="$ns-metrics" --user=u
	check "$who: auth can-i" is yes k auth can-i create deployments.apps
	check "$who: create secret tls" k create secret tls door --cert="$data/pki/api.crt" --key="$data/pki/api.key"
	check "$who: its type" is kubernetes.io/tls field secret door .type
	check "$who: create secret docker-registry" k create secret docker-registry reg --docker-username=u --docker-password=p
	check "$who: create serviceaccount" k create serviceaccount robot
	check "$who: create service loadbalancer" k create service loadbalancer lb --tcp=80
	check "$who: create service externalname" k create service externalname en --external-name=a.b

	manifests >"$tmp/more.yaml"
	check "$who: apply of the kinds without a generator" k apply -f "$tmp/more.yaml"
	check "$who: apply again" says 'daemonset.apps/agent unchanged' k apply -f "$tmp/more.yaml"
	check "$who: get statefulset" columns "db 0/2 ~" k get statefulset
	check "$who: get daemonset" columns "agent 0 0 0 0 0 disk=ssd ~" k get daemonset
	check "$who: get networkpolicy" columns "closed app=web ~" k get networkpolicy
	check "$who: get pvc" columns "disk Pending slow <unset> ~" k get pvc
	check "$who: get limitrange has what was left out" is '{"cpu":"2"}' field limitrange bounds '.spec.limits[0].defaultRequest'
	check "$who: get replicaset" columns "rs 3 0 0 ~" k get replicaset
	check "$who: patch of a container by its name" k patch statefulset db \
		-p '{"spec":{"template":{"spec":{"containers":[{"name":"c","image":"db:2"}]}}}}'
	check "$who: the image is another" is db:2 field statefulset db '.spec.template.spec.containers[0].image'
	check "$who: what of a statefulset is fixed" says 'updates to statefulset spec for fields other than' \
		k patch statefulset db -p '{"spec":{"serviceName":"other"}}'
	check "$who: label and select" k label deployment web tier=front
	check "$who: get all -l" is deployment.apps/web k get all -l tier=front -o name
	check "$who: edit of a status goes by its own way" is "" field deployment web .status.replicas
	check "$who: create --dry-run=server" says 'deployment.apps/dry created (server dry run)' \
		k create deployment dry --image=nginx --dry-run=server
	check "$who: made nothing" says NotFound k get deployment dry
	check "$who: delete deployments" k delete deployment --all
	check "$who: delete of the manifests" k delete -f "$tmp/more.yaml" --wait=false
	check "$who: nothing is left of them" is "" k get sts,ds,netpol,pvc,limits,rs,deploy -o name
}
manifests() {
	cat <<'Y'
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  replicas: 2
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: c, image: db}]}
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {nodeSelector: {disk: ssd}, containers: [{name: c, image: agent}]}
---
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: rs}
spec:
  replicas: 3
  selector: {matchExpressions: [{key: app, operator: In, values: [rs]}]}
  template:
    metadata: {labels: {app: rs}}
    spec: {containers: [{name: c, image: rs}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed}
spec: {podSelector: {matchLabels: {app: web}}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: disk}
spec: {storageClassName: slow, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1024Mi}}}
---
apiVersion: v1
kind: LimitRange
metadata: {name: bounds}
spec: {limits: [{type: Container, max: {cpu: "2"}}]}
Y
}
kinds kubectl "$(command -v kubectl)" kinds-now cronjobs
if [[ $old_kubectl ]]; then
	kinds kubectl-1.20 "$old_kubectl" kinds-old cronjobs.v1beta1.batch # it knows no other
else
	echo "skip kubectl 1.20: $no_old_kubectl"
fi

# ---- kinds that are no longer what people should use
old_endpoints="Warning: v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"
check "who reads an old kind is told of the new one" says "$old_endpoints" kc get endpoints
check "... who watches it too" says "$old_endpoints" kc get endpoints --watch --request-timeout 1s
check "... and who writes it" says "$old_endpoints" kc create -f - <<<'{"apiVersion":"v1","kind":"Endpoints","metadata":{"name":"old"}}'
check "... and deletes it" says "$old_endpoints" kc delete endpoints old
check "the new one is no such kind" eval '[[ $(kc get endpointslices 2>&1 >/dev/null) != *Warning* ]]'

# ---- fields that are none, as the client wants it
set_of() { printf '{"apiVersion":"apps/v1","kind":"DaemonSet","metadata":{"name":"%s"},"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i","imag":"x"}]}}}}' "$1"; }
check "an unknown field is refused" says 'strict decoding error: unknown field "spec.template.spec.containers[0].imag"' \
	kc create -f <(set_of strict)
check "or told" says 'Warning: unknown field "spec.template.spec.containers[0].imag"' kc create --validate=warn -f <(set_of warned)
check "or passed over" kc create --validate=ignore -f <(set_of ignored)
check "what is odd is told, as it was written" says "Warning: spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended" \
	kc create -f - <<<'{"apiVersion":"apps/v1","kind":"StatefulSet","metadata":{"name":"odd"},"spec":{"revisionHistoryLimit":-1,"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}}'

# ---- a watch in each version of a kind sees the object as of that version
token=$(cat "$data/pki/token")
scalers=https://127.0.0.1:$port/apis/autoscaling
for v in v1 v2; do
	for as in json vnd.kubernetes.protobuf; do
		curl -skN --max-time 30 -H "Authorization: Bearer $token" -H "Accept: application/$as" \
			"$scalers/$v/namespaces/default/horizontalpodautoscalers?watch=1" >"$tmp/$v.$as" & watchers+=($!)
	done
done
kc create deployment watched --image=nginx >/dev/null
check "autoscale" kc autoscale deployment watched --max=3 --cpu-percent=44
saw() { grep -qaF -- "$2" "$tmp/$1"; }
check "the watch in v1" eventually 5 saw v1.json '"targetCPUUtilizationPercentage":44'
check "the watch in v2" eventually 5 saw v2.json '"averageUtilization":44'
check "the watch in v1 as protobuf" eventually 5 saw v1.vnd.kubernetes.protobuf autoscaling/v1
check "the watch in v2 as protobuf" eventually 5 saw v2.vnd.kubernetes.protobuf Utilization
kill "${watchers[@]}" 2>/dev/null
