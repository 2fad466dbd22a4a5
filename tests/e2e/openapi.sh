#!/usr/bin/env bash
# What clients learn of the API from its own documents: kubectl explain of every
# kind, checks on the client's side, and documents of v2 and v3.
source "$(dirname "$0")/../lib/e2e.sh"
source "$top/tests/lib/old_kubectl.sh"

start --nodes 1 --runtime sim || { not_ok "cluster starts"; exit 1; }
ok "cluster starts"

# ---- explain
kinds() { kc api-resources --verbs=list --no-headers | awk '{print $1, $(NF - 2)}'; }
unexplained() { # KUBECTL: kinds whose fields it does not show
	local r version
	kinds | while read -r r version; do
		# 1.20 takes "nodes" for the kind Node of whatever group it is told.
		[[ $1 == "$old_kubectl" && $version == metrics.k8s.io/* ]] && continue
		grep -q '^ *apiVersion.<string>' <("$1" --kubeconfig "$data/kubeconfig" explain "$r" --api-version="$version" 2>&1) || echo "$r $version"
	done
}
check "there are many kinds" test "$(kinds | wc -l)" -ge 30
check "kubectl explains every kind" is "" unexplained kubectl
check "it shows fields, their types and what they are" grep -q 'What it is given at least and at most' \
	<(kc explain deployments.spec.template.spec.containers.resources)
check "required ones are marked" grep -qE 'containers.<\[\]Container> -required-' <(kc explain pod.spec)
check "all the way down" grep -qE '^ +preStop.<LifecycleHandler>' <(kc explain pods --recursive)
check "known values are listed" grep -q 'OnFailure' <(kc explain pod.spec.restartPolicy)
check "another version of a kind" grep -q '^VERSION: *v1$' <(kc explain hpa --api-version=autoscaling/v1)
check "what is no field is told" grep -q 'field "nothing" does not exist' <(kc explain pod.spec.nothing 2>&1)

if [[ $old_kubectl ]]; then
	check "kubectl 1.20 explains every kind" is "" unexplained "$old_kubectl"
	old() { "$old_kubectl" --kubeconfig "$data/kubeconfig" "$@"; }
	wrong() { printf 'apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [{port: %s}], %s}\n' "$1" "${2:-type: ClusterIP}"; }
	check "kubectl 1.20 checks types itself" grep -q 'invalid type for io.k8s.api.core.v1.ServicePort.port' \
		<(old apply -f <(wrong many) 2>&1)
	check "and names of fields" grep -q 'unknown field "bogus" in io.k8s.api.core.v1.ServiceSpec' \
		<(old apply -f <(wrong 80 "bogus: 1") 2>&1)
	check "nothing was created" is "" kc get service s --ignore-not-found
	check "what is good passes" old apply -f <(wrong 80)
	check "apply merges lists by their keys" old apply -f <(wrong 81)
	check "which leaves one port" is 81 kc get service s -o 'jsonpath={.spec.ports[*].port}'
else
	echo "skip kubectl 1.20: $no_old_kubectl"
fi

# ---- the documents
raw() { kc get --raw "$1"; }
document() { # every path of the index is a document whose operations are all in place
	raw /openapi/v3 | python3 -c 'import json, subprocess, sys
index = json.load(sys.stdin)["paths"]
assert "api/v1" in index and "apis/apps/v1" in index, list(index)
ids = set()
for name, at in index.items():
    assert "?hash=" in at["serverRelativeURL"], at
    d = json.loads(subprocess.check_output(["kubectl", "--kubeconfig", sys.argv[1], "get", "--raw", at["serverRelativeURL"]]))
    assert d["openapi"].startswith("3.0") and d["paths"], name
    for path, p in d["paths"].items():
        assert path.startswith("/" + name), path
        for verb, o in p.items():
            if verb == "parameters": continue
            assert o["operationId"] not in ids, o["operationId"]
            ids.add(o["operationId"])
            assert set(o["x-kubernetes-group-version-kind"]) == {"group", "version", "kind"}, path
print(len(ids))' "$data/kubeconfig"
}
check "each group has a document, each operation one name" document
check "there are hundreds of operations" test "$(document)" -gt 400
check "v2 as JSON" grep -q '"swagger":"2.0"' <(raw /openapi/v2)
check "no document of what is not served" grep -q NotFound <(raw /openapi/v3/apis/nobody/v1 2>&1)
