#!/usr/bin/env bash
# Probes and hooks of real containers: what is asked from outside of their network,
# and what runs inside of them. Kinds, words and rules are in probes.sh.
source "$(dirname "$0")/../lib/e2e.sh"
need_containers "probes of containers"

"$top/tools/demo/busybox-image" "$tmp/busybox.tar"
mkdir -p "$data"
check "an image is loaded" "$troupe" image load --data-dir "$data" "$tmp/busybox.tar"
check "two nodes" start --nodes 2 --runtime oci

# NAME COMMAND MORE-OF-THE-CONTAINER [NODE]
pod() {
	kc create -f - >/dev/null <<Y
apiVersion: v1
kind: Pod
metadata: {name: $1}
spec:
  nodeName: ${4:-n1}
  automountServiceAccountToken: false
  terminationGracePeriodSeconds: 5
  containers:
  - {name: c, image: "troupe.io/busybox:1", command: [sh, -c, '$2'], $3}
Y
}
# TERM ends it; the first process of a container ignores it otherwise.
idle='trap exit TERM; while :; do sleep 0.1; done'
web="mkdir /www; echo hi >/www/ok; echo hi >/www/index.html; httpd -p 8080 -h /www; $idle"
status() { kc get pod "$1" -o "jsonpath={.status.containerStatuses[0].$2}"; }
ready() { status "$1" ready; }
restarts() { status "$1" restartCount; }
says() { kc get events --field-selector "involvedObject.name=$1" -o 'jsonpath={range .items[*]}{.type} {.reason} {.message}{"\n"}{end}' | grep -qF -- "$2"; }
restarted() { (($(restarts "$1") > 0)); }
told() { eventually 15 says "$1" "$2"; }

for n in 1 2; do
	pod "http$n" "$web" "ports: [{name: web, containerPort: 8080}], readinessProbe: {periodSeconds: 1, failureThreshold: 1, httpGet: {path: /ok, port: web}},
    livenessProbe: {periodSeconds: 1, initialDelaySeconds: 2, failureThreshold: 1, httpGet: {path: /, port: web}}" "n$n"
	pod "tcp$n" "$web" "readinessProbe: {periodSeconds: 1, tcpSocket: {port: 8080}}" "n$n"
	pod "exec$n" "$idle" "readinessProbe: {periodSeconds: 1, failureThreshold: 1, exec: {command: [cat, /tmp/good]}}" "n$n"
done
pod lame "$idle" "readinessProbe: {periodSeconds: 2, exec: {command: [sh, -c, 'sleep 77; true']}}"
pod nocmd "$idle" "livenessProbe: {periodSeconds: 1, failureThreshold: 1, exec: {command: [nosuch]}}"
pod dead "$idle" "livenessProbe: {periodSeconds: 1, failureThreshold: 1, exec: {command: [cat, /nope]}}"
pod hooked "$idle" "lifecycle: {postStart: {exec: {command: [sh, -c, 'echo hook of \$HOSTNAME >/proc/1/fd/1']}},
    preStop: {exec: {command: [sh, -c, 'touch /tmp/bye; sleep 1; echo pre-stop is over >/proc/1/fd/1']}}}"

for n in 1 2; do
	check "http, on node n$n" eventually 20 is true ready "http$n"
	check "tcp, on node n$n" eventually 20 is true ready "tcp$n"
	check "a command in the container fails" told "exec$n" "Warning Unhealthy Readiness probe failed: cat: "
	kc exec "exec$n" -- touch /tmp/good
	check "then it succeeds" eventually 10 is true ready "exec$n"
done
kc exec http2 -- rm /www/ok
check "not ready any more" eventually 10 is false ready http2
check "in its server's words" told http2 "Readiness probe failed: HTTP probe failed with statuscode: 404"
check "what is not alive is started again" eventually 20 restarted dead
check "which is told" told dead "Container c failed liveness probe, will be restarted"
kc exec http1 -- killall httpd
check "nor what does not answer" eventually 20 restarted http1
check "in the words of the network" told http1 ": connect: connection refused"

check "a command that is not there is no answer" told nocmd "Liveness probe errored and resulted in unknown state: OCI runtime exec failed: "
check "and restarts nothing" is 0 restarts nocmd
check "a command that takes too long" told lame 'Readiness probe failed: command timed out: "sh -c sleep 77; true" timed out after 1s'
left() { kc exec lame -- ps | grep -c 'sleep 7[7]$'; }
at_most_one() { (($(left) <= 1)); }
sleep 5 # some are killed meanwhile
check "is killed with all that it began" at_most_one

check "hooks run in their container" eventually 10 grep -qxF 'hook of hooked' <(kc logs hooked)
kc logs -f hooked >"$tmp/hooked.log" & logs=$!
check "a pod with a preStop ends" kc delete pod hooked --timeout=10s
wait $logs
check "after its preStop" grep -qxF 'pre-stop is over' "$tmp/hooked.log"

# ---- an agent that dies
check "it is ready again" eventually 30 is true ready http1
state() { kc get pod tcp2 -o 'jsonpath={.status.conditions[?(@.type=="Ready")].lastTransitionTime} {.status.containerStatuses[0].restartCount}'; }
before=$(state)
old=$(pids_of nodes)
kill -9 $old
another() { local new; new=$(pids_of nodes); [[ -n $new && $new != "$old" ]]; }
check "another agent begins" eventually 10 another
check "that finds the containers" eventually 10 kc exec exec2 -- rm /tmp/good
check "and goes on asking" eventually 20 is false ready exec2
check "what was ready stayed so, and was not restarted" is "$before" state
