#!/usr/bin/env bash
# Each request as a notice: what it says, of whom, and what it does not say.
source "$(dirname "$0")/../lib/e2e.sh"
command -v python3 >/dev/null || { echo "skip audit.sh: python3 is missing"; exit 0; }

start --nodes 1 || { not_ok "cluster starts"; exit 1; }
ok "cluster starts"
token=$(cat "$data/pki/token")
api=https://127.0.0.1:$port ns=/api/v1/namespaces/default
c() { curl -sk --max-time 20 -H "Authorization: Bearer $token" "$@"; }
listen() { # until something that was said is heard
	"$troupe" tail --data-dir "$data" --notices -o json >"$tmp/heard" 2>/dev/null & tail=$!
	heard_one() { c -o /dev/null "$api/version?knock"; grep -q knock "$tmp/heard"; }
	eventually 10 heard_one
}
cat >"$tmp/find.py" <<'P'
# find.py FILE PATTERN [PATH...]: the events whose address has PATTERN, a line
# each of what they say at these paths.
import json, sys
for line in open(sys.argv[1]):
    record = json.loads(line)
    event = record.get("body", {}).get("detail", {})
    if record["kind"] != "bus.audit" or sys.argv[2] not in event["requestURI"]:
        continue
    said = []
    for path in sys.argv[3:]:
        value = event
        for key in path.split(">"):
            value = value.get(key, "-") if isinstance(value, dict) else "-"
        said.append(value if isinstance(value, str) else json.dumps(value, separators=(",", ":")))
    print(*said)
P
find() { python3 "$tmp/find.py" "$tmp/heard" "$@"; }
says() { # TEXT PATTERN PATH...
	local want=$1
	shift
	eventually 5 is "$want" find "$@"
}
check "a listener hears" listen

# ---- one each, and what it says
c -X POST -H 'Content-Type: application/json' -A tester/1.0 -o /dev/null "$api$ns/configmaps?dryRun=All" -d '{"metadata":{"name":"one"}}'
check "what was asked" says "create Metadata ResponseComplete tester/1.0" dryRun=All verb level stage userAgent
check "of what" says '{"resource":"configmaps","namespace":"default","name":"one","apiVersion":"v1"}' dryRun=All objectRef
check "by whom" says '{"username":"kubernetes-admin","groups":["system:masters","system:authenticated"]} ["127.0.0.1"] -' dryRun=All user sourceIPs impersonatedUser
check "and what became of it" says '{"metadata":{},"code":201} allow' dryRun=All responseStatus 'annotations>authorization.k8s.io/decision'
times() { find dryRun=All requestReceivedTimestamp stageTimestamp | python3 -c '
import datetime, sys
a, b = (datetime.datetime.strptime(t, "%Y-%m-%dT%H:%M:%S.%fZ") for t in sys.stdin.read().split())
now = datetime.datetime.utcnow()
sys.exit(not (a <= b <= now and (now - a).seconds < 60))'; }
check "and when" times
head -c 3200000 /dev/zero | tr '\0' ' ' >"$tmp/large"
c -X POST -H 'Content-Type: application/json' -o /dev/null "$api$ns/configmaps?large" --data-binary "@$tmp/large"
check "a body that is too large" says 'create {"metadata":{},"status":"Failure","reason":"RequestEntityTooLarge","message":"Request entity too large: limit is 3145728","code":413}' large verb responseStatus
c -o /dev/null "$api$ns/configmaps/a%ffb?strange"
check "an address that is no text, as it came" says "get $ns/configmaps/a%ffb?strange 400" strange verb requestURI 'responseStatus>code'
for i in $(seq 20); do c -o /dev/null "$api$ns/pods?n=$i"; done
check "twenty requests, twenty notices" eventually 5 is 20 bash -c "python3 '$tmp/find.py' '$tmp/heard' '/pods?n=' auditID | sort -u | wc -l"
check "no more" is 20 bash -c "python3 '$tmp/find.py' '$tmp/heard' '/pods?n=' | wc -l"
head_of() { c -o /dev/null -D - "$@" | tr -d '\r' | sed -n 's/^Audit-Id: //p'; }
id=$(head_of "$api$ns/pods?by-id")
check "the answer has its id" grep -qxE '[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}' <<<"$id"
check "the same" says "$id" by-id auditID
check "the client's own word is taken" is my-id_1 head_of -H 'Audit-ID: my-id_1' "$api$ns/pods?mine"
check "there too" says my-id_1 mine auditID
check "nonsense is not" test "$(head_of -H 'Audit-ID: a b"c' "$api/version")" != 'a b"c'
kc get pods >/dev/null
check "a list is one" says list '/pods?limit=500' verb
c -o /dev/null "$api/healthz?probe"
check "what is no resource" says "get - 200" healthz?probe verb objectRef 'responseStatus>code'
c -o /dev/null -H 'X-Forwarded-For: 192.0.2.1, nonsense, 2001:db8::1' "$api/version?via"
check "over whom it came" says '["192.0.2.1","2001:db8::1","127.0.0.1"]' via sourceIPs

# ---- who may not, who is somebody else
kc create role looker --verb=get --resource=pods >/dev/null
kc create rolebinding looker --role=looker --user=eve >/dev/null
c -o /dev/null -H 'Impersonate-User: eve' "$api$ns/pods/none?eve"
check "somebody as somebody else" says 'kubernetes-admin {"username":"eve","groups":["system:authenticated"]}' none?eve 'user>username' impersonatedUser
check "who may, and why" says 'allow RBAC: allowed by RoleBinding "looker" of Role "looker"' none?eve 'annotations>authorization.k8s.io/decision' 'annotations>authorization.k8s.io/reason'
check "a failure in words" says '404 Failure NotFound pods "none" not found' none?eve 'responseStatus>code' 'responseStatus>status' 'responseStatus>reason' 'responseStatus>message'
c -o /dev/null -H 'Impersonate-User: eve' -X DELETE "$api$ns/pods/none?eve-deletes"
check "who may not" says 'delete forbid 403' eve-deletes verb 'annotations>authorization.k8s.io/decision' 'responseStatus>code'
curl -sk -o /dev/null -H 'Authorization: Bearer stranger-token' "$api$ns/pods?stranger"
check "who is nobody" says '401 Unauthorized {} -' stranger 'responseStatus>code' 'responseStatus>reason' user annotations
curl -sk -o /dev/null "$api$ns/pods?anonymous"
check "who says nothing" says '403 system:anonymous' anonymous 'responseStatus>code' 'user>username'

# ---- what lasts is told at its end
curl -skN --max-time 60 -H "Authorization: Bearer $token" "$api$ns/configmaps?watch=1&lasting" >"$tmp/watch" & watcher=$!
check "a watch runs" eventually 10 grep -q ADDED "$tmp/watch"
check "and nothing is said" is "" find lasting verb
kill $watcher
ended() { kc create configmap "end-$RANDOM" >/dev/null; is "watch 200" find lasting verb 'responseStatus>code'; }
check "until a change finds its client gone" eventually 10 ended
c -N "$api$ns/configmaps?watch=1&timeoutSeconds=1&short" >/dev/null
check "by itself too" says "watch 200" short verb 'responseStatus>code'
kc create -f - >/dev/null <<Y
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {terminationGracePeriodSeconds: 1, containers: [{name: c, image: none, command: [sleep, "$nap"]}]}
Y
running() { is Running kc get pod web -o 'jsonpath={.status.phase}'; }
check "a pod" eventually 10 running
kc exec web -- true
check "a command" says "get exec 101" pods/web/exec verb 'objectRef>subresource' 'responseStatus>code'
c -o /dev/null "$api$ns/pods/web:9/proxy/x?proxied"
check "the proxy" says 'get web:9 proxy 503' proxied verb 'objectRef>name' 'objectRef>subresource' 'responseStatus>code'

# ---- what is not said
c -o /dev/null "$api$ns/pods?access_token=hush-1&x=1&password=hush-2"
c -o /dev/null "$api$ns/pods/web:9/proxy/?token=hush-3"
kc create secret generic secret --from-literal=key=hush-4 >/dev/null
kc get secret secret -o yaml >/dev/null
c -o /dev/null -X POST -H 'Content-Type: application/json' "$api$ns/secrets?bad" -d '{"metadata":{"name":"bad"},"data":{"hush-5/key":"aHVzaA=="}}'
made=$(kc create token default)
check "the last of them" says "422 Invalid -" secrets?bad 'responseStatus>code' 'responseStatus>reason' 'responseStatus>message'
check "values of parameters that let in" says "$ns/pods?access_token=...&x=1&password=..." access_token requestURI
check "a token that was asked for" says 201 serviceaccounts/default/token 'responseStatus>code'
check "no secret is in it" test -z "$(grep -E 'hush-|aHVzaC|stranger-token' "$tmp/heard")"
check "no token is" test -z "$(grep -F -e "$token" -e "$made" "$tmp/heard")"

# ---- listeners come and go
kill $tail
wait $tail 2>/dev/null
"$troupe" tail --data-dir "$data" --notices >"$tmp/lines" 2>/dev/null & tail=$!
as_eve() { c -o /dev/null -H 'Impersonate-User: eve' "$api$ns/pods?people"; grep -qF "audit list $ns/pods?people 403 kubernetes-admin as eve" "$tmp/lines"; }
check "a line for people" eventually 10 as_eve
kill $tail
wait $tail 2>/dev/null
cat >"$tmp/bus.py" <<'P'
# Follows the topic `notices` of the bus as a program in another language does.
import sys, msgpack, zmq
sub = zmq.Context().socket(zmq.SUB)
sub.connect(f"ipc://{sys.argv[1]}/run/bus.ipc")
sub.subscribe(b"notices\0")
print("following", flush=True)
while True:
    frame = sub.recv()
    body = msgpack.unpackb(frame[frame.index(b"\0") + 1:])[-1]
    if "what" in body: # not the topic's head
        print(body["what"], body["detail"]["requestURI"], flush=True)
P
/usr/bin/python3 "$tmp/bus.py" "$data" >"$tmp/bus" & follower=$!
check "who follows the bus" eventually 10 grep -q following "$tmp/bus"
bus_hears() { c -o /dev/null "$api/version?bus"; grep -q 'audit /version?bus' "$tmp/bus"; }
check "hears it too" eventually 10 bus_hears
kill $follower
wait $follower 2>/dev/null
said() { kc get --raw /metrics | sed -n 's/^apiserver_audit_event_total //p'; }
is_quiet() { local a; a=$(said); [[ $a -gt 0 && $a == "$(said)" ]]; }
check "when nobody listens nothing is said" eventually 10 is_quiet
stop

# ---- by the config
again() { # OPTIONS of the api
	rm -f "$tmp/up.out"
	cluster_of head="services: {range: 10.96.0.0/16}" api="$1" \
		core="{kind: gate}, {kind: controllers}, {kind: faulty, name: sick}" >"$tmp/cluster.yaml" </dev/null
	TROUPE_LOG=warn "$troupe" up --data-dir "$data" -f "$tmp/cluster.yaml" >"$tmp/up.out" 2>>"$tmp/up.log" & up_pid=$!
	eventually 15 grep -q '^ready: ' "$tmp/up.out"
}
left() { "$troupe" tail --data-dir "$data" --notices --no-follow -o json >"$tmp/heard"; }
check "kept" again "audit-kept: true"
c -o /dev/null "$api$ns/pods?before"
check "what nobody heard is there later" left
check "as it was" is "list" find /pods?before verb
for i in $(seq 3000); do printf 'url = "%s/version?%d"\noutput = /dev/null\n' "$api" "$i"; done >"$tmp/many"
c -K "$tmp/many"
left
check "the last ones" is 200 find /version?3000 'responseStatus>code'
check "not all" is "" find /pods?before verb
stop
for off in off '"off"'; do
	check "audit: $off" again "audit: $off"
	"$troupe" tail --data-dir "$data" --notices >"$tmp/lines" 2>/dev/null & tail=$!
	crashed() { # one crash for each that was not heard because nobody listened yet
		c -o /dev/null "$api/version"
		"$troupe" send --data-dir "$data" sick faulty.do '{"what":"crash-once"}'
		eventually 2 grep -q 'actor.crashed' "$tmp/lines"
	}
	check "who listens hears of crashes" eventually 10 crashed
	check "and of nothing else" bash -c "! grep -q audit '$tmp/lines'"
	kill $tail
	wait $tail 2>/dev/null
	check "but answers have their ids" test -n "$(head_of "$api/version")"
	stop
done
sed -i 's/audit: "off"/audit: everything/' "$tmp/cluster.yaml"
check "another word is refused" grep -q 'audit is one of off|metadata' <("$troupe" up --data-dir "$tmp/none" -f "$tmp/cluster.yaml" 2>&1)
