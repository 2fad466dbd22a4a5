#!/usr/bin/env bash
# Who asks, and what they may: certificates, tokens, nobody; roles and bindings;
# impersonation; nobody hands out more than he holds.
source "$(dirname "$0")/../lib/e2e.sh"

cat >"$tmp/tokens.csv" <<Y
# token,user,uid,"groups"
alices-token,alice,1001,"devs,$(printf ops)"
bobs-token,bob,1002
Y
cluster_of api="tokens: $tmp/tokens.csv" >"$tmp/cluster.yaml" <<<"nodes {kind: node-agent, node: n1, runtime: sim}"
start -f "$tmp/cluster.yaml" || { not_ok "cluster starts"; exit 1; }
ok "cluster starts"
root=https://127.0.0.1:$port
as() { kubectl --server "$root" --certificate-authority "$data/pki/ca.crt" --token "$1" --kubeconfig /dev/null "${@:2}" 2>&1; }
anyone() { curl -sk "$@"; }
says() { grep -qF -- "$1" <("${@:2}"); }
admin() { kc "$@" 2>&1; }
there() { kc get "$@" >/dev/null 2>&1; }

# ---- what is there from the start
check "the roles that people know" eventually 10 there clusterrole/cluster-admin clusterrole/admin clusterrole/edit clusterrole/view
check "their bindings" eventually 10 there clusterrolebinding/cluster-admin clusterrolebinding/system:discovery
check "the system's priorities" eventually 10 there pc/system-node-critical pc/system-cluster-critical

# ---- nobody, and nobody we know
check "nobody sees the version" says '"gitVersion"' anyone "$root/version"
check "and that we are well" says ok anyone "$root/healthz"
check "and nothing else" says 'forbidden: User \"system:anonymous\" cannot get path \"/api\"' anyone "$root/api"
check "of pods neither" says 'pods is forbidden: User \"system:anonymous\" cannot list resource \"pods\" in API group \"\" at the cluster scope' \
	anyone "$root/api/v1/pods"
check "a wrong token is 401" says '"code":401' anyone -H 'Authorization: Bearer guess' "$root/api"
check "so is a forged one" says '"code":401' anyone -H 'Authorization: Bearer eyJhbGciOiJub25lIn0.e30.' "$root/api"

# ---- tokens of a file
check "alice is known" says 'alice' as alices-token auth whoami
check "with her groups" says '[devs ops system:authenticated]' as alices-token auth whoami
check "she may do nothing yet" says 'pods is forbidden: User "alice" cannot list resource "pods" in API group "" in the namespace "default"' \
	as alices-token get pods
check "but look around" says 'v1' as alices-token api-versions
kc create namespace shop >/dev/null
check "a binding to her group" kc create rolebinding devs --clusterrole=edit --group=devs -n shop
check "lets her" says 'created' as alices-token create configmap hers -n shop
check "there" says 'hers' as alices-token get configmaps -n shop
check "and only there" says 'in the namespace "default"' as alices-token get configmaps
check "not bob" says 'User "bob" cannot list' as bobs-token get configmaps -n shop
check "can-i says so" is yes as alices-token auth can-i create pods -n shop
check "and no" says no as bobs-token auth can-i create pods -n shop
check "who may ask about others" says yes kc auth can-i create pods -n shop --as alice --as-group devs
check "a part of an object" is no kc auth can-i get pods --subresource=binding -n shop --as alice --as-group devs
check "a list of rights" says 'configmaps' as alices-token auth can-i --list -n shop
kc create role one --verb=get --resource=secrets --resource-name=mine -n shop >/dev/null
kc create rolebinding one --role=one --user=bob -n shop >/dev/null
kc create secret generic mine --from-literal=a=b -n shop >/dev/null
kc create secret generic other --from-literal=a=b -n shop >/dev/null
check "one object by its name" says mine as bobs-token get secret mine -n shop
check "and no other" says 'secrets "other" is forbidden' as bobs-token get secret other -n shop
check "nor all" says 'secrets is forbidden' as bobs-token get secrets -n shop
kc create role nodes --verb='*' --resource=nodes,nodes/proxy,clusterroles.rbac.authorization.k8s.io -n shop >/dev/null
kc create rolebinding nodes --role=nodes --user=bob -n shop >/dev/null
check "a right in a namespace" says yes as bobs-token auth can-i get nodes -n shop
for path in api/v1/namespaces/shop/nodes api/v1/namespaces/shop/nodes/n1 api/v1/namespaces/shop/nodes/n1/proxy/healthz \
	apis/rbac.authorization.k8s.io/v1/namespaces/shop/clusterroles/cluster-admin; do
	check "is none to what is in no namespace: /$path" says '"reason":"NotFound","details":{},"code":404' \
		anyone -H 'Authorization: Bearer bobs-token' "$root/$path"
done
kc delete rolebinding nodes -n shop >/dev/null
check "a list of that one" says mine as bobs-token get secrets -n shop --field-selector metadata.name=mine
check "a role of his own gathers others" kc create -f - <<Y
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: gathers}
aggregationRule: {clusterRoleSelectors: [{matchLabels: {for: bob}}]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: gathered, labels: {for: bob}}
rules: [{apiGroups: [""], resources: [nodes], verbs: [list]}]
Y
kc create clusterrolebinding gathers --clusterrole=gathers --user=bob >/dev/null
check "which count" eventually 5 says n1 as bobs-token get nodes
check "and are told" says nodes kc describe clusterrole gathers
kc patch clusterrole gathers --type merge -p '{"rules":[{"apiGroups":[""],"resources":["secrets"],"verbs":["list"]}]}' >/dev/null
check "none are written into it" eventually 5 is '[["nodes"]]' kc get clusterrole gathers -o 'jsonpath=[{.rules[*].resources}]'
kc label clusterrole gathered for- >/dev/null
check "while they are for it" eventually 5 says 'nodes is forbidden' as bobs-token get nodes
kc label clusterrole gathered rbac.authorization.k8s.io/aggregate-to-view=true >/dev/null
in_rules() { says '"nodes"' kc get clusterrole "$1" -o 'jsonpath={.rules[*].resources}'; }
check "a right for all who view" eventually 5 in_rules view
check "is for all who edit too" eventually 5 in_rules edit
check "and administer" eventually 5 in_rules admin
kc delete clusterrole gathered >/dev/null
check "and goes with it" eventually 5 eval '! in_rules admin'
check "controllers of Kubernetes have their roles" says yes kc auth can-i update replicasets.apps/status \
	--as system:serviceaccount:kube-system:replicaset-controller
check "of which none has another's" says no kc auth can-i update replicasets.apps/status \
	--as system:serviceaccount:kube-system:pvc-protection-controller
check "as their manager has, which locks by a lease" says yes kc auth can-i update leases.coordination.k8s.io/kube-controller-manager \
	-n kube-system --as system:kube-controller-manager
check "roles of a namespace too" says yes kc auth can-i get configmaps/extension-apiserver-authentication \
	-n kube-system --as system:kube-scheduler

# ---- nobody hands out more than he holds
kc create rolebinding boss --clusterrole=admin --user=bob -n shop >/dev/null
check "a role of what he has" says created as bobs-token create role r --verb=get --resource=pods -n shop
check "none of what he has not" says 'is attempting to grant RBAC permissions not currently held' \
	as bobs-token create role s --verb=get --resource=nodes -n shop
check "with the rule" says '{APIGroups:[""], Resources:["nodes"], Verbs:["get"]}' \
	as bobs-token create role s --verb=get --resource=nodes -n shop
check "nor by a patch" says 'not currently held' as bobs-token patch role r -n shop --type=json \
	-p '[{"op":"add","path":"/rules/0/resources/-","value":"nodes"}]'
check "a binding of it" says created as bobs-token create rolebinding v --clusterrole=view --user=eve -n shop
check "none of more" says 'not currently held' as bobs-token create rolebinding w --clusterrole=cluster-admin --user=eve -n shop
check "nothing of that is there" is "" kc get role/s rolebinding/w -n shop --ignore-not-found -o name

# ---- in somebody else's name
check "who may impersonate" says 'pods is forbidden: User "eve" cannot list' admin get pods --as eve
check "with groups" says 'No resources' admin get pods -n shop --as eve --as-group devs
check "who may not" says 'users "alice" is forbidden: User "bob" cannot impersonate resource "users"' \
	as bobs-token get pods --as alice
check "an account by the right to it" says 'User "system:serviceaccount:shop:default" cannot list' \
	as bobs-token get pods -n shop --as system:serviceaccount:shop:default
check "in that namespace" says 'User "bob" cannot impersonate resource "serviceaccounts" in API group "" in the namespace "default"' \
	as bobs-token get pods -n shop --as system:serviceaccount:default:default
check "but no group" says 'groups "devs" is forbidden' as bobs-token get pods -n shop --as system:serviceaccount:shop:default --as-group devs

# ---- certificates of our authority
openssl_key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1" 2>/dev/null; }
certificate() { # FILE CA SUBJECT
	openssl_key "$1.key"
	openssl req -new -key "$1.key" -subj "$3" 2>/dev/null |
		openssl x509 -req -days 1 -CA "$2.crt" -CAkey "$2.key" -CAcreateserial -out "$1.crt" 2>/dev/null
}
if command -v openssl >/dev/null; then
	cp "$data/pki/ca.crt" "$tmp/ca.crt"; cp "$data/pki/ca.key" "$tmp/ca.key"
	certificate "$tmp/carol" "$tmp/ca" '/O=devs/O=more/CN=carol'
	by_cert() { curl -sk --cert "$1.crt" --key "$1.key" "$root$2"; }
	check "a certificate's groups count" says '"items"' by_cert "$tmp/carol" /api/v1/namespaces/shop/pods
	check "its name is who it is" says 'User \"carol\" cannot list' by_cert "$tmp/carol" /api/v1/pods
	openssl_key "$tmp/false.key"
	openssl req -x509 -new -key "$tmp/false.key" -days 1 -subj /CN=false -out "$tmp/false.crt" 2>/dev/null
	certificate "$tmp/mallory" "$tmp/false" '/O=system:masters/CN=mallory'
	check "of another authority they do not" says 'system:anonymous' by_cert "$tmp/mallory" /api/v1/pods
else
	echo "skip certificates: no openssl here"
fi

# ---- service accounts
kc create serviceaccount till -n shop >/dev/null
secret_of() { kc get serviceaccount "$1" -n shop -o 'jsonpath={.secrets[*].name}'; }
value_of() { kc get secret "$1" -n shop -o "jsonpath={.data.$2}" | base64 -d; }
check "the authority is told to servers beside the API" eventually 5 is "$(cat "$data/pki/ca.crt")" kc get configmap extension-apiserver-authentication -n kube-system -o 'jsonpath={.data.client-ca-file}'
check "the authority is in each namespace" is "$(cat "$data/pki/ca.crt")" kc get configmap kube-root-ca.crt -n shop -o 'jsonpath={.data.ca\.crt}'
has_secret() { [[ $(secret_of "$1") ]]; }
check "an account has a token" eventually 10 has_secret till
secret=$(secret_of till) token=$(value_of "$(secret_of till)" token)
check "in a secret, with its namespace" is shop value_of "$secret" namespace
check "and the authority" is "$(cat "$data/pki/ca.crt")" value_of "$secret" 'ca\.crt'
check "the token is the account's" says 'system:serviceaccount:shop:till' as "$token" auth whoami
check "it may do nothing" says 'cannot list resource "pods"' as "$token" get pods -n shop
kc create rolebinding till --clusterrole=view --serviceaccount=shop:till -n shop >/dev/null
check "until it is bound" says 'No resources' as "$token" get pods -n shop
check "a deleted token is made again" kc delete secret "$secret" -n shop
other() { local s; s=$(secret_of till); [[ $s && $s != "$secret" && $s != *" "* ]]; }
check "and named in the place of the old one" eventually 10 other
check "the old one is nobody's" eventually 5 says 'logged in' as "$token" auth whoami
short=$(kc create token till -n shop --duration=10m)
check "a token for a time" says 'system:serviceaccount:shop:till' as "$short" auth whoami
vault=$(kc create token till -n shop --audience=vault)
check "for somebody else it is none of ours" says 'logged in' as "$vault" auth whoami
review() { kc create --validate=false -o "jsonpath={.status$2}" -f - < <(printf 'apiVersion: authentication.k8s.io/v1\nkind: TokenReview\nspec: {token: %s, audiences: [vault]}\n' "$1"); }
check "who may ask whose it is" is system:serviceaccount:shop:till review "$vault" .user.username
check "and is told of one for others" is "" review "$short" .authenticated
kc run bound --image=x -n shop >/dev/null
bound() { kc create token default -n shop --bound-object-kind=Pod --bound-object-name=bound; }
check "a token that lives as long as its pod" eventually 5 bound
pods=$(bound)
check "is good while it is there" says 'system:serviceaccount:shop:default' as "$pods" auth whoami
extra() { review "$1" ".user.extra.authentication\\.kubernetes\\.io/$2[0]"; }
mine=$(kc create token default -n shop --bound-object-kind=Pod --bound-object-name=bound --audience=vault)
node=$(kc get pod bound -n shop -o 'jsonpath={.spec.nodeName}')
check "it tells the pod's node" is "$node $(kc get node "$node" -o 'jsonpath={.metadata.uid}')" eval 'echo "$(extra "$mine" node-name) $(extra "$mine" node-uid)"'
check "which is another account's" says 'cannot bind token for serviceaccount "till" to pod running with different serviceaccount name.' admin create token till -n shop --bound-object-kind=Pod --bound-object-name=bound
check "or another pod's of that name" says 'the UID in the bound object reference (u-1) does not match' admin create token default -n shop --bound-object-kind=Pod --bound-object-name=bound --bound-object-uid=u-1
kc create -f - >/dev/null <<<'{"apiVersion":"v1","kind":"Node","metadata":{"name":"passing"}}'
passing=$(kc create token till -n shop --bound-object-kind=Node --bound-object-name=passing)
check "one that lives as long as a node" says 'system:serviceaccount:shop:till' as "$passing" auth whoami
kc delete node passing >/dev/null
check "ends with it" eventually 5 says 'logged in' as "$passing" auth whoami
kc delete pod bound -n shop --force --grace-period=0 >/dev/null 2>&1
check "and no longer" eventually 5 says 'logged in' as "$pods" auth whoami
check "too short a time" says 'less than 10 minutes' admin create token till -n shop --duration=1m
check "nobody's token" says 'serviceaccounts "nobody" not found' admin create token nobody -n shop
check "an account goes" kc delete serviceaccount till -n shop
gone() { [[ -z $(kc get secrets -n shop -o name | grep till-token) ]]; }
check "and its secrets with it" eventually 10 gone
check "and its tokens" eventually 5 says 'logged in' as "$short" auth whoami
check "default comes again" kc delete serviceaccount default -n shop
check "with a token of its own" eventually 10 has_secret default
