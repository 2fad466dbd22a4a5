#!/usr/bin/env bash
# Static pods: files in a directory of a node are pods of its own, whatever the API
# says; kubectl sees their mirrors.
source "$(dirname "$0")/../lib/e2e.sh"

files=$tmp/manifests
mkdir -p "$files"
manifest() { # NAME COMMAND [MORE]
	cat >"$files/.new" <<Y
apiVersion: v1
kind: Pod
metadata: {name: $1, labels: {app: $1}}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - {name: c, image: none, command: [$2]}
${3:-}
Y
	mv "$files/.new" "$files/$1.yaml"
}
cluster_of >"$tmp/cluster.yaml" <<<"nodes own {kind: node-agent, node: n1, runtime: process, static-pods: $files}"
pod_of() { kc get pod "$1" -o "jsonpath={$2}"; }
phase() { pod_of "$1" .status.phase; }
seen() { pgrep -x -f "sleep $1"; }

manifest web "sleep, '1$nap'"
check "a cluster with a directory of manifests" start -f "$tmp/cluster.yaml"
check "the pod of a file runs" eventually 10 seen "1$nap"
check "its mirror has the node's name" eventually 10 is Running phase web-n1
check "on that node" is n1 pod_of web-n1 .spec.nodeName
hash=$(pod_of web-n1 '.metadata.annotations.kubernetes\.io/config\.hash')
check "it says whose mirror it is" is "$hash" pod_of web-n1 '.metadata.annotations.kubernetes\.io/config\.mirror'
check "and from where" is file pod_of web-n1 '.metadata.annotations.kubernetes\.io/config\.source'
check "it belongs to its node" is "Node n1 true" pod_of web-n1 '.metadata.ownerReferences[*].kind} {.metadata.ownerReferences[*].name} {.metadata.ownerReferences[*].controller'
check "it bears what drives pods out" is "Exists NoExecute" pod_of web-n1 '.spec.tolerations[0].operator} {.spec.tolerations[0].effect'
check "it is ready" eventually 10 is true pod_of web-n1 '.status.containerStatuses[0].ready'
check "kubectl exec reaches it" is web-n1 kc exec web-n1 -- sh -c 'echo $HOSTNAME'

# ---- what people do to the mirror
first=$(seen "1$nap")
uid=$(pod_of web-n1 .metadata.uid)
kc delete pod web-n1 --wait=false >/dev/null
another() { local now; now=$(pod_of web-n1 .metadata.uid) && [[ $now && $now != "$uid" ]]; }
check "a mirror that is deleted is made again" eventually 15 another
check "it says how its pod is" eventually 10 is "Running true" pod_of web-n1 '.status.phase} {.status.containerStatuses[0].ready'
check "what runs went on" is "$first" seen "1$nap"
kc delete pod web-n1 --grace-period=0 --force >/dev/null 2>&1
check "deleted by force too" eventually 15 is Running phase web-n1
check "still the same" is "$first" seen "1$nap"

# ---- files
manifest other "sleep, '2$nap'"
check "a file that comes is a pod" eventually 10 is Running phase other-n1
echo 'kind: [' >"$files/other.yaml"
manifest third "sleep, '3$nap'"
check "one more" eventually 10 is Running phase third-n1
check "a file that makes no sense changes nothing" is Running phase other-n1
check "and is told of" grep -q 'static pods: other.yaml: yaml: ' "$tmp/up.log"
manifest web "sleep, '4$nap'"
check "what a file says now runs" eventually 15 seen "4$nap"
check "and what it said does not" eventually 15 is "" seen "1$nap"
changed() { [[ $(phase web-n1) == Running && $(pod_of web-n1 '.metadata.annotations.kubernetes\.io/config\.hash') != "$hash" ]]; }
check "its mirror follows" eventually 15 changed
rm "$files/third.yaml"
gone() { ! kc get pod "$1" >/dev/null 2>&1; }
check "a file that goes ends its pod" eventually 15 is "" seen "3$nap"
check "and its mirror" eventually 15 gone third-n1

# ---- an agent that dies
first=$(seen "4$nap")
old=$(pids_of nodes)
kill -9 $old
renewed() { local now; now=$(pids_of nodes); [[ $now && $now != "$old" ]]; }
check "another agent begins" eventually 10 renewed
manifest late "sleep, '5$nap'"
check "it takes files" eventually 10 is Running phase late-n1
check "what ran goes on" is "$first" seen "4$nap"
check "without a restart" is "0" pod_of web-n1 '.status.containerStatuses[0].restartCount'

# ---- a node alone: neither API nor store
core=$(pids_of main)
kill -STOP $core
manifest alone "sleep, '6$nap'"
check "a pod runs though nobody else is there" eventually 10 seen "6$nap"
kill -CONT $core
check "and is shown when somebody is" eventually 20 is Running phase alone-n1
