#!/usr/bin/env bash
# A pod's life by kubectl: create, watch, logs, restart in place, delete.
source "$(dirname "$0")/../lib/e2e.sh"

start --nodes 2 || { not_ok "cluster starts"; exit 1; }
ok "cluster starts"

check "four namespaces are there" eventually 5 is "default kube-node-lease kube-public kube-system" \
	kc get namespaces -o 'jsonpath={.items[*].metadata.name}'
check "both nodes are Ready" is "True True" \
	kc get nodes -o 'jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}'

sed "s/NAP/$nap/" >"$tmp/web.yaml" <<'Y'
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  containers:
  - name: main
    image: none
    command: ["sh", "-c", "echo hello from $POD_NAME; echo oops >&2; exec sleep NAP"]
    env:
    - {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
Y
phase() { kc get pod "$1" -o 'jsonpath={.status.phase}'; }
restarts() { kc get pod "$1" -o 'jsonpath={.status.containerStatuses[0].restartCount}'; }

kc get pods -w --no-headers >"$tmp/watch" 2>/dev/null & watcher=$!
check "create -f" kc create -f "$tmp/web.yaml"
check "the pod runs" eventually 10 is Running phase web
check "a watch saw it from Pending to Running" eventually 5 grep -q 'web *1/1 *Running' "$tmp/watch"
kill $watcher 2>/dev/null
check "the scheduler bound it" grep -qx 'n[12]' <(kc get pod web -o 'jsonpath={.spec.nodeName}'; echo)
check "its output is in kubectl logs" eventually 5 is $'hello from web\noops' kc logs web
check "logs --timestamps" grep -qE '^20[0-9-]+T[0-9:.]+Z hello from web$' <(kc logs web --timestamps)
check "a table with Kubernetes' columns" grep -qE '^web +1/1 +Running +0 +[0-9]+s' <(kc get pods --no-headers)
check "describe" grep -q 'Node: *n[12]' <(kc describe pod web)
check "create again is AlreadyExists" grep -q 'pods "web" already exists' <(kc create -f "$tmp/web.yaml" 2>&1)

pid=$(pgrep -x -f "sleep $nap" | head -n 1)
kill -9 "$pid"
check "a killed process is restarted in place" eventually 15 is 1 restarts web
check "the former instance's true end is shown" eventually 5 is 137 \
	kc get pod web -o 'jsonpath={.status.containerStatuses[0].lastState.terminated.exitCode}'
check "logs --previous" eventually 5 is $'hello from web\noops' kc logs web --previous

cat >"$tmp/job.yaml" <<'Y'
apiVersion: v1
kind: Pod
metadata: {name: once}
spec:
  restartPolicy: Never
  containers:
  - {name: main, image: none, command: ["sh", "-c", "exit 7"]}
Y
check "a pod that fails" kc create -f "$tmp/job.yaml"
check "ends as Failed" eventually 10 is Failed phase once
check "with its true exit code" is 7 kc get pod once -o 'jsonpath={.status.containerStatuses[0].state.terminated.exitCode}'

kc run wordy --image=none --restart=Never --overrides='{"spec":{"containers":[{"name":"wordy","image":"none","terminationMessagePolicy":"FallbackToLogsOnError",
	"command":["sh","-c","echo so it ended; exit 1"]}]}}' >/dev/null
check "one that fails with its log's end as last words" eventually 10 is Failed phase wordy
check "... has them" is "so it ended" kc get pod wordy -o 'jsonpath={.status.containerStatuses[0].state.terminated.message}'
kc delete pod wordy >/dev/null

# ---- who they are
if ((EUID == 0)); then
	other() { # NAME CONTEXT-OF-POD CONTEXT-OF-CONTAINER
		kc run "$1" --image=none --overrides='{"spec":{"terminationGracePeriodSeconds":1,"securityContext":{'"$2"'},"containers":[{"name":"c","image":"none","securityContext":{'"$3"'},
			"command":["sh","-c","echo $(id -u) $(id -g) $HOME; echo again >/dev/stdout; exec sleep 1000"]}]}}' >/dev/null
	}
	other somebody '"runAsUser":1234,"runAsGroup":55,"fsGroup":66,"supplementalGroups":[77,88]' '"runAsUser":4321'
	other member '"supplementalGroups":[77]' ''
	other daemon '"runAsNonRoot":true' '"runAsUser":1'
	other nobody '"runAsNonRoot":true' ''
	check "a container is whom its security context names" eventually 10 is $'4321 55 /\nagain' kc logs somebody
	check "... and so are commands beside it" is "4321 55" kc exec somebody -- sh -c 'echo $(id -u) $(id -g)'
	check "... and of the groups that its pod names" is "55 66 77 88" kc exec somebody -- sh -c 'id -G'
	check "... also where it is nobody else" eventually 10 is "0 77" kc exec member -- sh -c 'id -G'
	check "... in the group that the machine knows" eventually 10 is $'1 1 /\nagain' kc logs daemon
	waits() { kc get pod "$1" -o 'jsonpath={.status.containerStatuses[0].state.waiting.reason}: {.status.containerStatuses[0].state.waiting.message}'; }
	check "none is root that is not to be" eventually 10 is "CreateContainerConfigError: container has runAsNonRoot and image will run as root (pod: \"nobody_default($(kc get pod nobody -o 'jsonpath={.metadata.uid}'))\", container: c)" waits nobody
	kc delete pod somebody member daemon nobody >/dev/null
else
	skip "who processes are" "needs root"
fi

cat >"$tmp/big.yaml" <<'Y'
apiVersion: v1
kind: Pod
metadata: {name: big}
spec:
  containers:
  - {name: main, image: none, command: ["sleep", "5"], resources: {requests: {cpu: "1000"}}}
Y
check "a pod too big for every node" kc create -f "$tmp/big.yaml"
check "has the condition PodScheduled=False" eventually 5 is "False Unschedulable" \
	kc get pod big -o 'jsonpath={.status.conditions[?(@.type=="PodScheduled")].status} {.status.conditions[?(@.type=="PodScheduled")].reason}'
check "and the event FailedScheduling" eventually 5 grep -q '0/2 nodes are available: 2 Insufficient cpu.' \
	<(kc get events --field-selector reason=FailedScheduling -o 'jsonpath={.items[*].message}')

check "apply changes a label" kc apply -f <(sed 's/app: web/app: web, tier: front/' "$tmp/web.yaml")
check "selectors find it" is web kc get pods -l tier=front -o 'jsonpath={.items[*].metadata.name}'
check "field selectors find it" is web kc get pods --field-selector metadata.name=web -o 'jsonpath={.items[*].metadata.name}'
check "an invalid pod is refused with its field" grep -q 'spec.containers\[0\].name: Required value' \
	<(kc create -f - 2>&1 <<<'{"apiVersion":"v1","kind":"Pod","metadata":{"name":"x"},"spec":{"containers":[{"image":"i"}]}}')

# ---- pods that are given to a node by name, whatever it can take
given() { # NAME SPEC
	printf '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"%s"},"spec":{"nodeName":"n1","terminationGracePeriodSeconds":1,%s}}' "$1" "$2" | kc create -f - >/dev/null
}
why() { kc get pod "$1" -o 'jsonpath={.status.phase} {.status.reason}: {.status.message}'; }
container='"name":"c","image":"x","command":["sleep","1000"]'
given greedy '"containers":[{'"$container"',"resources":{"requests":{"cpu":"1000"}}}]'
check "a node refuses what it does not have" eventually 10 eval 'grep -qE "^Failed OutOfcpu: Pod was rejected: Node didn.t have enough resource: cpu, requested: 1000000, used: [0-9]+, capacity: [0-9]+$" <<<"$(why greedy)"'
check "... in an event" eventually 10 eval '[[ $(kc get events --field-selector involvedObject.name=greedy,reason=OutOfcpu -o name) ]]'
given elsewhere '"nodeSelector":{"disk":"ssd"},"containers":[{'"$container"'}]'
check "... whom it does not suit" eventually 10 is "Failed NodeAffinity: Pod was rejected: Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector" why elsewhere
kc label node n1 disk=ssd >/dev/null
port='"ports":[{"containerPort":80,"hostPort":18080}]'
given first '"containers":[{'"$container,$port"'}]'
check "one takes a port" eventually 10 eval '[[ $(why first) == Running* ]]'
given second '"containers":[{'"$container,$port"'}]'
check "... and no other can have it" eventually 10 is "Failed NodePorts: Pod was rejected: Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports" why second
check "... which kubectl shows" is NodePorts eval 'kc get pod second --no-headers | awk "{print \$3}"'
kc delete pod first >/dev/null
given third '"containers":[{'"$container,$port"'}]'
check "... until it is gone" eventually 10 eval '[[ $(why third) == Running* ]]'
kc delete pod greedy elsewhere second third >/dev/null

# Nothing holds processes to what they ask for: they have it when the node has.
resize() { kc replace --raw /api/v1/namespaces/default/pods/sized/resize -f - >/dev/null <<<"$(kc get pod sized -o json | sed "s/\"cpu\": \"[0-9]*m\?\"/\"cpu\": \"$1\"/")"; }
given sized '"containers":[{'"$container"',"resources":{"requests":{"cpu":"10m"}}}]'
check "one that asks for little" eventually 10 eval '[[ $(why sized) == Running* ]]'
resize 20m
check "is given a little more" eventually 5 is "20m 0" kc get pod sized -o 'jsonpath={.status.containerStatuses[0].resources.requests.cpu} {.status.containerStatuses[0].restartCount}'
resize 9000
check "... and not all that there is" eventually 5 is Infeasible kc get pod sized -o 'jsonpath={.status.conditions[?(@.type=="PodResizePending")].reason}'
kc delete pod sized >/dev/null

# ---- what was changed just before is what a new pod has
word() { # NAME: says what the config map has
	kc create -f - >/dev/null <<-Y
	apiVersion: v1
	kind: Pod
	metadata: {name: $1}
	spec:
	  nodeName: n1
	  restartPolicy: Never
	  containers: [{name: main, image: none, command: [sh, -c, "echo \$WORD"], env: [{name: WORD, valueFrom: {configMapKeyRef: {name: words, key: word}}}]}]
	Y
}
kc create configmap words --from-literal=word=one >/dev/null
word first
check "a pod has a config map's word" eventually 10 is one kc logs first
kc patch configmap words -p '{"data":{"word":"two"}}' >/dev/null
word second
check "... and the next one the word that it has then" eventually 10 is two kc logs second
selects() { # NAME KIND
	kc run "$1" --image=none --restart=Never --overrides='{"spec":{"nodeSelector":{"kind":"'"$2"'"}}}' --command -- true >/dev/null
}
kc label node n1 kind=old >/dev/null
selects third old
check "a pod goes to a node by its label" eventually 10 is Succeeded phase third
kc label node n1 kind=new --overwrite >/dev/null
selects fourth new
check "... and the next one by the label that it has then" eventually 10 is Succeeded phase fourth
kc delete pod first second third fourth --wait=false >/dev/null

# ---- no process finds a volume anywhere, but what a pod says it needs has to be there
needs() { # NAME VOLUME
	given "$1" '"volumes":[{"name":"v",'"$2"'}],"containers":[{'"$container"',"volumeMounts":[{"name":"v","mountPath":"/v"}]}]'
}
state() { kc get pod "$1" -o 'jsonpath={.status.phase} {.status.containerStatuses[0].state.waiting.reason}'; }
mounts() { kc get events --field-selector "involvedObject.name=$1,reason=FailedMount" -o 'jsonpath={.items[0].message}'; }
needs unknown '"secret":{"secretName":"keys"}'
needs unsaid '"configMap":{"name":"said"}'
needs unbound '"persistentVolumeClaim":{"claimName":"none"}'
needs partial '"projected":{"sources":[{"serviceAccountToken":{"path":"t"}},{"configMap":{"name":"words","items":[{"key":"no","path":"no"}]}}]}'
check "a pod whose secret is missing" eventually 10 is 'MountVolume.SetUp failed for volume "v" : secret "keys" not found' mounts unknown
check "... waits" is "Pending ContainerCreating" state unknown
check "... or whose config map is" eventually 10 is 'MountVolume.SetUp failed for volume "v" : configmap "said" not found' mounts unsaid
check "... or its claim" eventually 10 grep -q 'error processing PVC default/none: failed to fetch PVC from API server: persistentvolumeclaims "none" not found$' <(mounts unbound)
check "... or a key" eventually 10 is 'MountVolume.SetUp failed for volume "v" : configmap references non-existent config key: no' mounts partial
kc create secret generic keys --from-literal=k=v >/dev/null
kc create configmap said --from-literal=k=v >/dev/null
kc patch configmap words -p '{"data":{"no":"yes"}}' >/dev/null
check "... until it comes" eventually 10 is "Running " state unknown
check "... the config map" eventually 10 is "Running " state unsaid
check "... the key" eventually 10 is "Running " state partial
needs optional '"secret":{"secretName":"nowhere","optional":true}'
check "what is optional may be missing" eventually 10 is "Running " state optional
kc delete pod unknown unsaid unbound partial optional >/dev/null

check "delete" kc delete pod web once big --timeout=60s
check "nothing is left" is "" kc get pods -o 'jsonpath={.items[*].metadata.name}'
check "its process is gone" eventually 5 bash -c "! pgrep -x -f 'sleep $nap'"

check "tail has it all from the first revision" grep -q '"verb":"deleted","kind":"pods","namespace":"default","name":"web"' \
	<("$troupe" tail --data-dir "$data" --from-rev 1 --no-follow -o json)
