#!/usr/bin/env bash
# The API as clients meet it: what curl asks, what kubectl of today and of
# Debian (1.20) do with objects, and how every wrong question is answered.
source "$(dirname "$0")/../lib/e2e.sh"
source "$top/tests/lib/old_kubectl.sh"

# No config map but our own: nobody who hands out the authority's certificate.
cluster_of core="{kind: gate}, {kind: scheduler}, {kind: namespaces}, {kind: bootstrap}, {kind: namespace-deletion},
	{kind: replication}, {kind: endpoints}, {kind: garbage-collector}, {kind: kubernetes-service}" \
	>"$tmp/cluster.yaml" <<<"nodes {kind: node-agent, node: n1, runtime: sim}"
start -f "$tmp/cluster.yaml" || { not_ok "cluster starts"; exit 1; }
ok "cluster starts"
token=$(cat "$data/pki/token")
root=https://127.0.0.1:$port
maps=$root/api/v1/namespaces/default/configmaps

# ask CODE TEXT CURL-ARGUMENT...: it answers so, with that in its body
ask() {
	local code=$1 text=$2 got
	shift 2
	got=$(curl -sk --max-time 10 -o "$tmp/answer" -w '%{http_code}' -H "Authorization: Bearer $token" "$@")
	[[ $got == "$code" ]] || { echo "want $code, got $got"; head -c 600 "$tmp/answer"; return 1; }
	grep -qF -- "$text" "$tmp/answer" || { echo "no '$text' in"; head -c 600 "$tmp/answer"; return 1; }
}
json=(-H 'Content-Type: application/json')
yaml=(-H 'Content-Type: application/yaml')
there() { kc get configmaps -o 'jsonpath={.items[*].metadata.name}' "$@"; }
map() { printf '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"%s","labels":{"app":"%s"}},"data":{"k":"v"}}' "$1" "$2"; }

# ---- bodies
for n in 1 2 3; do
	check "create by JSON, the $n." ask 201 "\"name\":\"red-$n\"" "${json[@]}" -d "$(map red-$n red)" "$maps"
done
check "create by YAML" ask 201 '"name":"blue"' "${yaml[@]}" --data-binary @- "$maps" <<'Y'
apiVersion: v1
kind: ConfigMap
metadata:
  name: blue   # YAML has comments
  labels: {app: blue}
data:
  port: "80"
  text: |
    two
    lines
Y
check "what YAML meant" is $'80 two\nlines' kc get configmap blue -o 'jsonpath={.data.port} {.data.text}'
check "broken YAML is refused with its line" ask 400 'yaml: line 2' "${yaml[@]}" --data-binary $'a: b\n  c: [' "$maps"
check "a YAML number is no string" ask 400 'data' "${yaml[@]}" --data-binary $'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: n}\ndata: {k: 1}' "$maps"
check "update by YAML" ask 200 '"tier":"sea"' -X PUT "${yaml[@]}" --data-binary \
	$'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: blue, labels: {app: blue, tier: sea}}' "$maps/blue"
check "an empty body" ask 400 'json parse error: unexpected end of JSON input (\u003cempty\u003e)' "${json[@]}" -X POST "$maps"
check "a kind that is no text" ask 400 'cannot unmarshal number into Go struct field .kind of type string' "${json[@]}" -d '{"kind":1,"metadata":{"name":"x"}}' "$maps"
check "the beginning of what is no JSON" ask 400 "looking for beginning of value (line 1, offset 0) (5820697320746f6f206c6f6e6720746f2062652073686f776e2077686f6c ...)" \
	"${json[@]}" -d 'X is too long to be shown whole, here at least' "$maps"
check "nothing is an object without a name" ask 422 'name or generateName is required' "${json[@]}" -d null "$maps"
check "an apply of nothing" ask 400 'Specified patch version: , expected: v1' -X PATCH -H 'Content-Type: application/apply-patch+yaml' "$maps/blue?fieldManager=m"
check "a binding without a name" ask 400 'name in URL does not match name in Binding object' "${json[@]}" -d '{"target":{"name":"n1"}}' "$root/api/v1/namespaces/default/pods/none/binding"
check "an unknown content type" ask 415 'UnsupportedMediaType' -H 'Content-Type: text/plain' -d x "$maps"
check "an unknown patch type" ask 415 'application/merge-patch+json' -X PATCH -H 'Content-Type: application/json' -d '{}' "$maps/blue"
check "another kind in the body" ask 400 'BadRequest' "${json[@]}" -d '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"x"}}' "$maps"
printf '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"bytes"},"data":{"k":"\xed\xa0\x80"}}' >"$tmp/bytes"
manager() { ask 201 '' "${json[@]}" -A "$1" -d '{"metadata":{"name":"managed"},"data":{"a":"b"}}' "$maps?dryRun=All" && grep -oE '"manager":"[^"]*"' "$tmp/answer"; }
check "who writes is called by his program" is '"manager":"tester"' manager 'tester/1.0 (linux)'
check "by as much of it as can be read" is "\"manager\":\"$(printf '%0128d' 0)\"" manager "$(printf '%0200d' 0)"
check "or unknown" is '"manager":"unknown"' manager ''
check "text that is no UTF-8" ask 201 $'"k":"\xef\xbf\xbd' "${json[@]}" --data-binary @"$tmp/bytes" "$maps"
check "can be read again" kc delete configmap bytes
check "too large a body" ask 413 'limit is 3145728' "${json[@]}" --data-binary @<(head -c 3200000 /dev/zero | tr '\0' ' ') "$maps"

# ---- what is accepted
while read -r code accept; do
	check "Accept: $accept is $code" ask "$code" '' -H "Accept: $accept" "$maps/blue"
done <<'T'
200 application/json
200 */*
200 application/*
200 application/vnd.kubernetes.protobuf, application/json
200 application/vnd.kubernetes.protobuf
200 application/vnd.kubernetes.protobuf,application/json
200 text/html, application/yaml
200 application/yaml
200 application/json;as=Table;v=v1;g=meta.k8s.io
200 application/yaml;as=PartialObjectMetadata;v=v1;g=meta.k8s.io
406 text/html
406 application/json;as=Nothing
406 application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io
T
check "YAML is YAML" ask 200 'kind: ConfigMap' -H 'Accept: application/yaml' "$maps/blue"
check "a list of it too" ask 200 'kind: ConfigMapList' -H 'Accept: application/yaml' "$maps"
check "a refusal too" ask 404 'reason: NotFound' -H 'Accept: application/yaml' "$maps/nobody"
check "no watch of it" ask 406 NotAcceptable -H 'Accept: application/yaml' "$maps?watch=1"
table='application/json;as=Table;v=v1;g=meta.k8s.io'
review() { # GROUP KIND ACCEPT CODE TEXT
	ask "$4" "$5" "${json[@]}" -H "Accept: $3" -d "{\"apiVersion\":\"$1/v1\",\"kind\":\"$2\",\"spec\":{\"token\":\"t\",\"namespace\":\"default\",\"user\":\"u\",\"nonResourceAttributes\":{\"path\":\"/\",\"verb\":\"get\"}}}" \
		"$root/apis/$1/v1/${2,,}s?fieldValidation=Ignore"
}
while read -r group kind; do
	check "no table of a $kind" review "$group" "$kind" "$table" 406 NotAcceptable
	check "but what else is accepted" review "$group" "$kind" "$table, application/json" 201 "\"kind\":\"$kind\""
done <<'T'
authorization.k8s.io SelfSubjectAccessReview
authorization.k8s.io SubjectAccessReview
authorization.k8s.io SelfSubjectRulesReview
authentication.k8s.io TokenReview
authentication.k8s.io SelfSubjectReview
T
check "406 says what there is" ask 406 'NotAcceptable' -H 'Accept: text/html' "$maps"

# ---- wrong questions, which change nothing
future=4611686018427387904
while read -r code text query; do
	check "$query is $code" ask "$code" "$text" "$maps?$query"
done <<T
400 resourceVersion resourceVersion=x
400 resourceVersion resourceVersion=-1
400 resourceVersion resourceVersion=99999999999999999999
422 resourceVersionMatch resourceVersion=1&resourceVersionMatch=Nearly
422 resourceVersionMatch resourceVersionMatch=Exact
422 resourceVersionMatch resourceVersion=0&resourceVersionMatch=Exact
400 strconv.ParseInt limit=many
400 continue continue=zz
200 ConfigMapList includeObject=Everything
400 requirement labelSelector=a%3D%3D%3Db
400 requirement labelSelector=a+in+(
400 selector fieldSelector=spec.nothing%3Dx
400 UTF-8 labelSelector=%ff%3Dred
400 UTF-8 fieldSelector=metadata.name%3D%c3%28
400 UTF-8 labelSelector=app%00%3Dred
400 resourceVersion watch=1&resourceVersion=x
400 strconv.ParseInt watch=1&timeoutSeconds=soon
504 ResourceVersionTooLarge resourceVersion=$future
504 ResourceVersionTooLarge resourceVersion=$future&resourceVersionMatch=NotOlderThan
504 ResourceVersionTooLarge resourceVersion=$future&resourceVersionMatch=Exact
504 ResourceVersionTooLarge watch=1&resourceVersion=$future
T
check "a get of the future" ask 504 ResourceVersionTooLarge "$maps/blue?resourceVersion=$future"
check "a bad name in the path" ask 400 'UTF-8' "$maps/%ff"
check "no such resource" ask 404 NotFound "$root/api/v1/namespaces/default/nothings"
check "no such object" ask 404 '"name":"none"' "$maps/none"
check "no such method" ask 405 MethodNotAllowed -X PUT "${json[@]}" -d '{}' "$maps"
check "portforward is not served, and says so" ask 501 NotImplemented -X POST "$root/api/v1/namespaces/default/pods/x/portforward"
check "a bad option of a delete" ask 400 strconv.ParseInt -X DELETE "$maps/blue?gracePeriodSeconds=soon"
check "a delete with another uid" ask 409 precondition -X DELETE "${json[@]}" -d '{"preconditions":{"uid":"other"}}' "$maps/blue"
check "... as a query without a body has it too" ask 409 precondition -X DELETE "$maps/blue?uid=other"
check "a query beside a body is not read" ask 200 '' -X DELETE "${json[@]}" -d '{"dryRun":["All"]}' "$maps/blue?uid=other&gracePeriodSeconds=soon"
printf 'k8s\0\012\011\012\002v1\022\003Pod\022\000' >"$tmp/pod.pb"
check "an object in the place of the options, in protobuf" ask 400 'no kind' -X DELETE -H 'Content-Type: application/vnd.kubernetes.protobuf' --data-binary "@$tmp/pod.pb" "$maps/blue"
check "what is done about unknown fields is one of three words" ask 422 'fieldValidation: Unsupported value: \"strict\": supported values: \"\", \"Ignore\", \"Strict\", \"Warn\"' -X PATCH -H "Content-Type: application/merge-patch+json" -d "{}" "$maps/blue?fieldValidation=strict"
check "a dry run" ask 200 '' -X DELETE "$maps/blue?dryRun=All"
check "an update of an old version" ask 409 'object has been modified' -X PUT "${json[@]}" \
	-d '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"blue","resourceVersion":"1"}}' "$maps/blue"
check "all are still there" is "blue red-1 red-2 red-3" there

# ---- pages
first=$(curl -sk -H "Authorization: Bearer $token" "$maps?limit=3")
more=$(grep -o '"continue":"[^"]*"' <<<"$first" | cut -d'"' -f4)
check "a page of three" is 3 grep -o '"name":' -c <(sed 's/"name":/\n&/g' <<<"$first")
check "its other page" ask 200 '"name":"red-3"' "$maps?limit=3&continue=$more"
check "has only the rest" is "" grep -o 'red-[12]\|blue' "$tmp/answer"

# All pages show what was there when the first one was asked for.
page() { curl -sk -H "Authorization: Bearer $token" "$maps?$1"; }
field_of() { grep -o "\"$1\":\"\?[^,\"}]*" <<<"$2" | head -n 1 | sed 's/.*:"\?//'; }
names_of() { grep -o '"name":"[^"]*"' <<<"$1" | cut -d'"' -f4 | xargs; }
first=$(page "limit=1") version=$(field_of resourceVersion "$first")
check "how many follow" is 3 field_of remainingItemCount "$first"
check "that is not told where a selector hides some" is "" field_of remainingItemCount "$(page "limit=1&labelSelector=app%3Dred")"
check "a change between two pages" kc label configmap red-2 page=two
kc delete configmap red-1 >/dev/null
check "another one" kc create configmap ream
second=$(page "limit=2&continue=$(field_of continue "$first")")
check "the second page is of the same version" is "$version" field_of resourceVersion "$second"
check "the second page does not know of the changes" is "red-1 red-2" names_of "$second"
check "nor does an object in it" is "" grep -o '"page":"two"' <<<"$second"
check "one follows" is 1 field_of remainingItemCount "$second"
check "the last page" is "red-3" names_of "$(page "limit=2&continue=$(field_of continue "$second")")"
check "a list of exactly that version" is "blue red-1 red-2 red-3" names_of "$(page "resourceVersion=$version&resourceVersionMatch=Exact")"
check "a list of now" is "blue ream red-2 red-3" names_of "$(page "")"
check "a token and a version are too much" ask 400 'specifying resource version' "$maps?limit=1&resourceVersion=$version&continue=$(field_of continue "$first")"
kc delete configmap ream >/dev/null
kc create configmap red-1 >/dev/null
kc label configmap red-1 app=red >/dev/null

# ---- collections
check "deletecollection: a broken selector" ask 400 UTF-8 -X DELETE "$maps?labelSelector=%ff%3Dred"
check "deletecollection: another broken selector" ask 400 '' -X DELETE "$maps?labelSelector=app+in+("
check "deletecollection: a bad option, also where nothing matches" ask 400 strconv.ParseInt \
	-X DELETE "$maps?labelSelector=app%3Dnone&gracePeriodSeconds=soon"
check "deletecollection: a broken body" ask 400 BadRequest -X DELETE "${json[@]}" -d '{' "$maps?labelSelector=app%3Dnone"
check "deletecollection: a dry run" ask 200 '"name":"red-1"' -X DELETE "$maps?labelSelector=app%3Dred&dryRun=All"
check "deleted nothing" is "blue red-1 red-2 red-3" there
check "deletecollection by label" ask 200 '"kind":"ConfigMapList"' -X DELETE "$maps?labelSelector=app%3Dred"
check "answers what it deleted" is $'red-1\nred-2\nred-3' grep -oE 'red-[0-9]|blue' <(sed 's/"labels":{[^}]*}//g' "$tmp/answer")
check "and only that is gone" is blue there
check "deletecollection by field" ask 200 '"items":[]' -X DELETE "$maps?fieldSelector=metadata.name%3Dred-1"
check "deletecollection of what a namespace has" ask 200 '"name":"blue"' -X DELETE "$maps"
check "leaves other namespaces alone" is "" there
check "deletecollection of namespaces is not served" ask 405 MethodNotAllowed -X DELETE "$root/api/v1/namespaces"
check "four namespaces are there" is "default kube-node-lease kube-public kube-system" \
	kc get namespaces -o 'jsonpath={.items[*].metadata.name}'

# ---- watch
curl -skN --max-time 20 -H "Authorization: Bearer $token" "$maps?watch=1&labelSelector=app%3Dseen" >"$tmp/watch" & watcher=$!
events() { grep -oE '"type":"[A-Z]+"' "$tmp/watch" | cut -d'"' -f4 | tr '\n' ' '; }
check "create while watched" ask 201 '' "${json[@]}" -d "$(map w seen)" "$maps"
check "the watch sees it" eventually 5 is "ADDED " events
check "it leaves the selector" ask 200 '' -X PATCH -H 'Content-Type: application/merge-patch+json' -d '{"metadata":{"labels":{"app":"x"}}}' "$maps/w"
check "and is deleted for the watch" eventually 5 is "ADDED DELETED " events
kill $watcher 2>/dev/null
check "a watch ends when it said" ask 200 '' "$maps?watch=1&timeoutSeconds=1"

# ---- kubectl: the verbs of every day
things() { # NAMESPACE COLOUR-MAP
	cat <<Y
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: $1, labels: {app: shop}}
data: {$2}
---
apiVersion: v1
kind: Secret
metadata: {name: door, namespace: $1}
stringData: {key: open}
Y
}
pod() {
	cat <<Y
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: $1, labels: {app: shop}}
spec:
  containers:
  - {name: a, image: one}
  - {name: b, image: two}
Y
}
every_day() { # NAME KUBECTL NAMESPACE
	local who=$1 kubectl=$2 shop=$3
	k() { "$kubectl" --kubeconfig "$data/kubeconfig" --cache-dir "$tmp/cache-$shop" -n "$shop" "$@"; }
	value() { k get configmap settings -o "jsonpath=$1"; }
	fails() { ! "$@"; }
	{ things "$shop" 'colour: red, size: "1"'; pod "$shop"; } >"$tmp/things.yaml"
	check "$who: create -f of a namespace" k create -f - <<<'{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"'"$shop"'"}}'
	check "$who: create -f of several kinds" k create -f "$tmp/things.yaml"
	check "$who: create -f again" grep -q AlreadyExists <(k create -f "$tmp/things.yaml" 2>&1)
	check "$who: get of several kinds" is $'configmap/settings\nsecret/door\npod/web' k get configmaps,secrets,pods -o name
	check "$who: stringData became data" is b3Blbg== k get secret door -o 'jsonpath={.data.key}'
	check "$who: apply onto what create made" k apply -f "$tmp/things.yaml"
	check "$who: apply of no change" grep -q 'configmap/settings unchanged' <(k apply -f "$tmp/things.yaml")
	check "$who: apply of a change" grep -q 'configmap/settings configured' <(things "$shop" 'colour: green' | k apply -f -)
	check "$who: apply took a key out" is '{"colour":"green"}' value '{.data}'
	check "$who: patch, merge" k patch configmap settings --type merge -p '{"data":{"colour":null,"n":"1"}}'
	check "$who: patch, json" k patch configmap settings --type json \
		-p '[{"op":"test","path":"/data/n","value":"1"},{"op":"add","path":"/data/m","value":"2"}]'
	check "$who: a json patch whose test fails" fails k patch configmap settings --type json \
		-p '[{"op":"remove","path":"/data/m"},{"op":"test","path":"/data/n","value":"7"}]'
	check "$who: changes nothing" is '{"m":"2","n":"1"}' value '{.data}'
	check "$who: patch, strategic: a container by its name" k patch pod web \
		-p '{"spec":{"containers":[{"name":"b","image":"three"}]}}'
	check "$who: the other container stayed" is "one three" k get pod web -o 'jsonpath={.spec.containers[*].image}'
	check "$who: label" k label configmap settings tier=back
	check "$who: a label that is there needs --overwrite" fails k label configmap settings tier=front
	check "$who: label --overwrite" k label --overwrite configmap settings tier=front
	check "$who: label taken off" k label configmap settings app-
	check "$who: labels are so" is '{"tier":"front"}' value '{.metadata.labels}'
	check "$who: annotate" k annotate configmap settings note='some words'
	check "$who: the annotation is there" is 'some words' value '{.metadata.annotations.note}'
	check "$who: replace" k replace -f <(things "$shop" 'colour: blue')
	check "$who: replaced" is '{"colour":"blue"}' value '{.data}'
	check "$who: replace of a bound pod that forgets its node" grep -q 'pod updates may not change' \
		<(k replace -f <(pod "$shop") 2>&1)
	check "$who: get -l" is settings k get configmaps -l 'app in (shop)' -o 'jsonpath={.items[*].metadata.name}'
	check "$who: get -A" grep -qE "^$shop +settings +1 " <(k get configmaps -A --no-headers)
	check "$who: describe" grep -q '^Name: *settings' <(k describe configmap settings)
	check "$who: delete by label" is configmap/settings k delete configmaps -l app=shop -o name
	check "$who: delete --all" k delete secrets --all
	check "$who: delete -f" k delete --ignore-not-found -f "$tmp/things.yaml" --timeout=30s
	check "$who: nothing is left" is "" k get configmaps,secrets,pods -o name
}
every_day kubectl "$(command -v kubectl)" shop-now
if [[ $old_kubectl ]]; then
	every_day kubectl-1.20 "$old_kubectl" shop-old
else
	echo "skip kubectl 1.20: $no_old_kubectl"
fi

# ---- protobuf: what kubectl of today posts on typed creates, and reads back
check "create namespace" grep -q 'phase: Active' <(kc create namespace typed -o yaml)
check "create configmap" grep -q '^  a: b$' <(kc create configmap typed --from-literal=a=b --from-literal=c=d -o yaml)
check "create secret" grep -q 'pw: aHVudGVyMg==' <(kc create secret generic typed --from-literal=pw=hunter2 -o yaml)
check "create serviceaccount" kc create serviceaccount typed
check "create service" grep -q 'targetPort: 8080' <(kc create service clusterip typed --tcp=80:8080 -o yaml)
check "and once more is a conflict" grep -q 'namespaces "typed" already exists' <(kc create namespace typed 2>&1)
check "an invalid name is told from a protobuf Status" grep -q 'Invalid value: "Typed_"' <(kc create configmap Typed_ --from-literal=a=b 2>&1)
raw() { curl -sk --max-time 5 -H "Authorization: Bearer $(cat "$data/pki/token")" -H 'Accept: application/vnd.kubernetes.protobuf' "https://127.0.0.1:$port$1"; }
check "an object as protobuf" is 6b387300 bash -c "$(declare -f raw); data=$data port=$port; raw /api/v1/namespaces/default/configmaps/typed | head -c 4 | od -An -tx1 | tr -d ' \n'"
check "a list as protobuf" grep -qa ConfigMapList <(raw /api/v1/namespaces/default/configmaps)
check "a watch as protobuf" grep -qa ADDED <(raw '/api/v1/namespaces/default/configmaps?watch=1&timeoutSeconds=1')
check "drain reads lists of pods as protobuf" kc drain n1 --force --ignore-daemonsets --timeout 20s
check "and uncordon" kc uncordon n1
