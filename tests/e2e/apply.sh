#!/usr/bin/env bash
# Server-side apply with real kubectl: fields that several own, conflicts, and
# the way over from kubectl's own apply.
source "$(dirname "$0")/../lib/e2e.sh"

start_without_workloads || { not_ok "cluster starts"; exit 1; }
ok "cluster starts"
says() { grep -qF -- "$1" <("${@:2}" 2>&1); }
admin() { kc "$@" 2>&1; }
deployment() { # REPLICAS IMAGE
	cat <<-Y
	apiVersion: apps/v1
	kind: Deployment
	metadata: {name: web, labels: {app: web}}
	spec:
	  replicas: $1
	  selector: {matchLabels: {app: web}}
	  template:
	    metadata: {labels: {app: web}}
	    spec: {containers: [{name: main, image: "$2", ports: [{containerPort: 80}]}]}
	Y
}
apply() { deployment "$1" "$2" | kc apply --server-side "${@:3}" -f - 2>&1; }
owners() { kc get "$@" -o 'jsonpath={.metadata.managedFields[*].manager}' --show-managed-fields; }
value() { kc get deployment web -o "jsonpath={$1}"; }

check "apply makes it" says serverside-applied apply 2 nginx:1
check "its manager owns it" is kubectl owners deployment web
check "what was given by default is nobody's" is "" grep -o revisionHistoryLimit <(kc get deployment web -o 'jsonpath={.metadata.managedFields}' --show-managed-fields)
version=$(value .metadata.resourceVersion)
check "the same again" says serverside-applied apply 2 nginx:1
check "changes nothing" is "$version" value .metadata.resourceVersion
check "somebody scales it" kc scale deployment web --replicas 5
check "and owns that" says 'subresource' kc get deployment web -o yaml --show-managed-fields
check "so another number is a conflict" says 'conflict with "kubectl" with subresource "scale" using apps/v1' apply 3 nginx:1
check "nothing has changed" is 5 value .spec.replicas
check "by force" says serverside-applied apply 3 nginx:1 --force-conflicts
check "it has" is 3 value .spec.replicas
check "another manager adds a label" says serverside-applied admin apply --server-side --field-manager=labeller -f - <<<'{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","labels":{"tier":"front"}}}'
check "both are there" is 'web front' value '.metadata.labels.app} {.metadata.labels.tier'
check "it says no more of it" says serverside-applied admin apply --server-side --field-manager=labeller -f - <<<'{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web"}}'
check "and it is gone" is '{"app":"web"}' value .metadata.labels
check "a dry run" says 'serverside-applied (server dry run)' apply 9 nginx:1 --dry-run=server --force-conflicts
check "is none" is 3 value .spec.replicas
check "a diff of it" says '+  replicas: 7' kc diff --server-side --force-conflicts -f <(deployment 7 nginx:1)

# ---- from the client's apply to the server's
map() { printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: %s\n' "$1"; }
check "apply of the client" kc apply -f <(map '{a: "1", b: "2"}')
check "then of the server, with less" says serverside-applied admin apply --server-side -f <(map '{a: "1"}')
check "what is said no more is gone" is '{"a":"1"}' kc get configmap c -o 'jsonpath={.data}'
check "and back" says configured admin apply -f <(map '{a: "2"}')
check "with its value" is '{"a":"2"}' kc get configmap c -o 'jsonpath={.data}'
check "hidden where nobody asks" is "" grep managedFields <(kc get configmap c -o yaml)
curl -sk -o "$tmp/protobuf" -H "Authorization: Bearer $(cat "$data/pki/token")" -H 'Accept: application/vnd.kubernetes.protobuf' \
	"https://127.0.0.1:$port/api/v1/namespaces/default/configmaps/c"
check "in protobuf as text" grep -qaF '{"f:data":{' "$tmp/protobuf"
