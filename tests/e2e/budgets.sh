#!/usr/bin/env bash
# Disruption budgets: what they count, evictions that they allow and refuse, one
# at a time however many ask, and a drain that waits for them.
source "$(dirname "$0")/../lib/e2e.sh"

start --nodes 2 --runtime sim || { not_ok "cluster starts"; exit 1; }
eventually 5 kc get serviceaccount default

field() { kc get "$1" "$2" -o "jsonpath={$3}"; }
counts() { field pdb "$1" '.status.expectedPods} {.status.desiredHealthy} {.status.currentHealthy} {.status.disruptionsAllowed'; }
evict() { # POD: the code of the answer
	curl -sk -o "$tmp/evicted" -w '%{http_code}' -H "Authorization: Bearer $(cat "$data/pki/token")" -H 'Content-Type: application/json' \
		-d "{\"apiVersion\":\"policy/v1\",\"kind\":\"Eviction\",\"metadata\":{\"name\":\"$1\"}}" \
		"https://127.0.0.1:$port/api/v1/namespaces/default/pods/$1/eviction"
}
pods() { kc get pods -l "app=$1" -o 'jsonpath={range .items[*]}{.metadata.name} {end}'; }

kc create deployment web --image=app --replicas=4 >/dev/null
kc rollout status deployment web --timeout=10s >/dev/null
check "a budget" kc create pdb web --selector=app=web --min-available=3
check "counts" eventually 5 is "4 3 4 1" counts web
check "and says so" is "True SufficientPods" field pdb web '.status.conditions[0].status} {.status.conditions[0].reason'
kc patch pdb web --type=merge -p '{"spec":{"minAvailable":"60%"}}' >/dev/null
check "a share is rounded up" eventually 5 is "4 3 4 1" counts web
kc patch pdb web --type=merge -p '{"spec":{"minAvailable":null,"maxUnavailable":"30%"}}' >/dev/null
check "also of what may be missing" eventually 5 is "4 2 4 2" counts web
kc scale deployment web --replicas=6 >/dev/null
check "of what its controllers want" eventually 10 is "6 4 6 2" counts web

# ---- evictions
kc patch pdb web --type=merge -p '{"spec":{"maxUnavailable":1}}' >/dev/null
eventually 5 is "6 5 6 1" counts web
read -r first second _ <<<"$(pods web)"
check "an eviction is allowed" is 201 evict "$first"
kc patch pdb web --type=merge -p '{"spec":{"maxUnavailable":0}}' >/dev/null
eventually 10 is "6 6 6 0" counts web
check "none is left" is 429 evict "$second"
check "as Kubernetes says it" grep -q '"reason":"DisruptionBudget","message":"The disruption budget web needs 6 healthy pods and has 6 currently"' \
	<(python3 -c 'import json, sys; print(json.dumps(json.load(open(sys.argv[1])), separators=(",", ":")))' "$tmp/evicted")
check "and the pod is there" kc get pod "$second"
# Pods that find no node do not come back: what is taken stays taken.
kc cordon n1 >/dev/null; kc cordon n2 >/dev/null
kc patch pdb web --type=merge -p '{"spec":{"maxUnavailable":2}}' >/dev/null
eventually 5 is "6 4 6 2" counts web
for pod in $(pods web); do evict "$pod" >"$tmp/code.$pod" & jobs_of+=($!); done
wait "${jobs_of[@]}"
check "of six at once two are" is "2 201 4 429" bash -c "for f in $tmp/code.*; do cat \$f; echo; done | sort | uniq -c | xargs"
check "the budget is used up" eventually 5 is "6 4 4 0" counts web
kc create pdb also --selector=app=web --min-available=0 >/dev/null
eventually 5 kc get pdb also
ready=$(kc get pods -l app=web --field-selector status.phase=Running -o 'jsonpath={.items[0].metadata.name}')
check "two budgets for one pod are refused" is 500 evict "$ready"
kc delete pdb also >/dev/null
pending=$(kc get pods -l app=web --field-selector status.phase=Pending -o 'jsonpath={.items[0].metadata.name}')
check "what does not run needs no budget" is 201 evict "$pending"

# ---- what has no controller has no scale
event_of() { kc get events --field-selector "involvedObject.kind=PodDisruptionBudget,involvedObject.name=$1" -o 'jsonpath={range .items[*]}{.type} {.reason} {end}'; }
kc run bare --image=app >/dev/null
kc create pdb bare --selector=run=bare --max-unavailable=1 >/dev/null
check "a share of pods without a controller is nothing" eventually 5 is "Warning UnmanagedPods " event_of bare
kc create pdb some --selector=run=bare --min-available=1 >/dev/null
check "a number of them is one" eventually 5 is "1 1" field pdb some '.status.expectedPods} {.status.desiredHealthy'
check "of which nobody is warned" is "" event_of some
kc create pdb none --selector=run=none --min-available=1 >/dev/null
check "a budget of no pods says so" eventually 5 is "Normal NoPods " event_of none
kc delete pdb bare some none >/dev/null
kc delete pod bare --grace-period=1 --wait=false >/dev/null

# ---- drain
kc uncordon n1 >/dev/null; kc uncordon n2 >/dev/null
kc patch pdb web --type=merge -p '{"spec":{"maxUnavailable":1}}' >/dev/null
eventually 10 is "6 5 6 1" counts web
kc get pdb web -w -o 'jsonpath={.status.currentHealthy}{"\n"}' >"$tmp/healthy" 2>/dev/null &
watcher=$!
eventually 5 test -s "$tmp/healthy"
check "drain" kc drain n1 --timeout=60s
check "leaves nobody on the node" is "" kc get pods --field-selector spec.nodeName=n1 -o name
check "all are elsewhere" eventually 10 is "6 5 6 1" counts web
kill $watcher
check "and never fewer than the budget served" bash -c "! grep -qE '^[0-4]\$' $tmp/healthy"
