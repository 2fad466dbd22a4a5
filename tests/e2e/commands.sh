#!/usr/bin/env bash
# kubectl's commands that other scripts do not need: what they do, and what they
# say when it goes wrong. Pods are simulated.
source "$(dirname "$0")/../lib/e2e.sh"

start --nodes 2 --runtime sim || { not_ok "cluster starts"; exit 1; }
ok "cluster starts"
says() { # TEXT COMMAND...: it succeeds, and this is in what it prints
	local text=$1
	shift
	"$@" >"$tmp/said" 2>&1 || { cat "$tmp/said"; return 1; }
	grep -qF -- "$text" "$tmp/said" || { echo "no '$text' in"; head -c 600 "$tmp/said"; return 1; }
}
refused() { # TEXT COMMAND...: it fails, and this is in what it prints
	local text=$1
	shift
	if "$@" >"$tmp/said" 2>&1; then echo "it succeeded"; return 1; fi
	grep -qF -- "$text" "$tmp/said" || { echo "no '$text' in"; head -c 600 "$tmp/said"; return 1; }
}
of() { kc get "$1" -o "jsonpath=$2"; }

# ---- a deployment, set piece by piece
check "create" says 'deployment.apps/web created' kc create deployment web --image=busybox --replicas=2 -- sleep 1000
check "is rolled out" says 'successfully rolled out' kc rollout status deploy/web --timeout=30s
check "wait for a condition" says 'condition met' kc wait --for=condition=available deploy/web --timeout=30s
check "wait for a value" says 'condition met' kc wait --for=jsonpath='{.status.readyReplicas}'=2 deploy/web --timeout=30s
kc wait --for=create configmap/late --timeout=30s >"$tmp/late" 2>&1 & waiter=$!
kc create configmap late >/dev/null
check "wait for what is to come" eval 'wait $waiter && grep -q "configmap/late condition met" "$tmp/late"'
check "wait for what is gone" kc wait --for=delete configmap/none --timeout=10s
check "wait for nothing" refused 'no matching resources found' kc wait --for=condition=ready pod -l no=such --timeout=1s
check "set env" says 'env updated' kc set env deploy/web A=b
check "set env --list" says 'A=b' kc set env deploy/web --list
check "set image" says 'image updated' kc set image deploy/web busybox=busybox:2
check "set serviceaccount" says 'serviceaccount updated' kc set serviceaccount deploy/web default
check "set resources" says 'resource requirements updated' kc set resources deploy/web --requests=cpu=10m
check "rollout history" says 'REVISION' kc rollout history deploy/web
check "of one revision" says 'busybox:2' kc rollout history deploy/web --revision=3
check "undo it" says 'rolled back' kc rollout undo deploy/web --to-revision=1
check "so it is as before" is busybox of deploy/web '{.spec.template.spec.containers[0].image}'
check "undo to what is not there" refused 'unable to find specified revision 99' kc rollout undo deploy/web --to-revision=99
check "restart" says 'restarted' kc rollout restart deploy/web
check "is rolled out again" says 'successfully rolled out' kc rollout status deploy/web --timeout=30s
check "scale from a number that is none" refused 'Expected replicas to be 7' kc scale deploy/web --replicas=1 --current-replicas=7
check "its scale, patched" says 'patched' kc patch deploy/web --subresource=scale --type=merge -p '{"spec":{"replicas":1}}'
check "its scale, shown" grep -qE '^web +1 ' <(kc get deploy/web --subresource=scale)
check "its status, patched" says 'patched' kc patch deploy/web --subresource=status --type=merge -p '{"status":{"collisionCount":1}}'
check "no such part" refused 'could not find the requested resource' kc get deploy/web --subresource=nope
check "autoscale" says 'autoscaled' kc autoscale deploy/web --min=1 --max=3 --cpu-percent=80
check "expose" says 'service/web exposed' kc expose deploy/web --port=80 --target-port=8080
check "set selector" says 'selector updated' kc set selector service/web app=other
check "is so" is '{"app":"other"}' of service/web '{.spec.selector}'
check "label --list" is app=web kc label --list deploy/web
check "annotate --list" grep -q '^deployment.kubernetes.io/revision=' <(kc annotate --list deploy/web)
check "events of it" says 'ScalingReplicaSet' kc events --for deployment/web --types=Normal
kc get deploy web -o yaml | grep -v "^  resourceVersion:" >"$tmp/web.yaml"
uid=$(of deploy/web '{.metadata.uid}')
check "replace --force" says 'deployment.apps/web replaced' kc replace --force -f "$tmp/web.yaml"
check "makes another one" test "$(of deploy/web '{.metadata.uid}')" != "$uid"
check "apply of the old one's uid says that it cannot change" refused 'metadata.uid: Invalid value: "'"$uid"'": field is immutable' kc apply -f "$tmp/web.yaml"

# ---- pages
for i in 1 2 3 4 5; do kc create configmap "map-$i" >/dev/null; done
check "page by page" is "$(kc get configmaps -o name)" kc get configmaps -o name --chunk-size=1

# ---- rights
rights() { # VERB
	printf 'apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: made, namespace: default}\nrules: [{apiGroups: [""], resources: [pods], verbs: [%s]}]\n' "$1"
}
rights get >"$tmp/role.yaml"
check "auth reconcile makes a role" says 'reconciliation required create' kc auth reconcile -f "$tmp/role.yaml"
rights list >"$tmp/role.yaml"
check "and adds to it" says 'reconciliation required update' kc auth reconcile -f "$tmp/role.yaml"
check "both are there" is '["get"] ["list"]' of role/made '{.rules[*].verbs}'
check "or takes away" says 'extra rules removed' kc auth reconcile --remove-extra-permissions -f "$tmp/role.yaml"
check "one is left" is '["list"]' of role/made '{.rules[*].verbs}'
kc create rolebinding made --role=made --user=a >/dev/null
check "set subject" says 'subjects updated' kc set subject rolebinding/made --user=b --group=c
check "who has it" is 'a b c' of rolebinding/made '{.subjects[*].name}'

# ---- what there is
check "by verb and group" is 'controllerrevisions daemonsets deployments replicasets statefulsets' \
	eval 'kc api-resources -o wide --verbs=list,create --api-group=apps --no-headers | cut -d" " -f1 | xargs'
check "explain, the old way" says 'How old ones are replaced' kc explain deploy.spec.strategy --output=plaintext-openapiv2
check "a type that is not served" refused "the server doesn't have a resource type" kc get certificatesigningrequests
check "what comes in as it is" refused 'json parse error' kc create --raw /api/v1/namespaces/default/configmaps -f "$tmp/role.yaml"

# ---- an object that is not one
broken() { printf '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"broken"},"nope":1}' >"$tmp/broken.json"; kc "$@" -f "$tmp/broken.json"; }
check "a field that is none" refused 'strict decoding error: unknown field "nope"' broken create
check "applied by the server it is no object" refused '(default/broken; /v1, Kind=ConfigMap): .nope: field not declared in schema' \
	broken apply --server-side --validate=false
check "created with a warning" says 'Warning: unknown field "nope"' broken create --validate=warn
