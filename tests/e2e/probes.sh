#!/usr/bin/env bash
# Probes and hooks by kubectl: what each kind asks, what its results do to the
# container, to the pod's readiness and to the services that have it.
source "$(dirname "$0")/../lib/e2e.sh"
command -v python3 >/dev/null || { echo "skip probes.sh: python3 is missing"; exit 0; }

start --nodes 1 || { not_ok "cluster starts"; exit 1; }
ok "cluster starts"

dir=$tmp/files
mkdir -p "$dir"
server="python3, $top/tests/e2e/probe_server.py, $dir"
tls="$server, $data/pki/api.crt, $data/pki/api.key"

# NAME COMMAND-WORDS MORE-OF-THE-CONTAINER [MORE-OF-THE-SPEC]
pod() {
	kc create -f - >/dev/null <<Y
apiVersion: v1
kind: Pod
metadata: {name: $1, labels: {app: $1}}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - {name: c, image: none, command: [$2], ports: [{name: web, containerPort: 8080}], $3}
  ${4:-}
Y
}
idle="sleep, '$nap'"
status() { kc get pod "$1" -o "jsonpath={.status.containerStatuses[0].$2}"; }
ready() { status "$1" ready; }
restarts() { status "$1" restartCount; }
events() { kc get events --field-selector "involvedObject.name=$1" -o 'jsonpath={range .items[*]}{.type} {.reason} {.message}{"\n"}{end}'; }
says() { events "$1" | grep -qF -- "$2"; } # POD TEXT
told() { eventually 15 says "$1" "$2" || { events "$1"; return 1; }; }

# ---- all that can be asked, at once
pod exec "$idle" "readinessProbe: {periodSeconds: 1, failureThreshold: 1, exec: {command: [cat, $dir/good]}}"
pod http "$server" "livenessProbe: {periodSeconds: 1, failureThreshold: 2, httpGet: {path: /alive, port: web}},
    readinessProbe: {periodSeconds: 1, failureThreshold: 1, httpGet: {path: '/ready?a=b', port: 8080, httpHeaders: [{name: X-Who, value: me}]}}"
pod tls "$tls" "readinessProbe: {periodSeconds: 1, httpGet: {path: /, port: 8443, scheme: HTTPS}}"
pod notls "$server" "readinessProbe: {periodSeconds: 1, httpGet: {path: /, port: 8080, scheme: HTTPS}}"
pod tcp "$server" "readinessProbe: {periodSeconds: 1, tcpSocket: {port: web}}"
pod closed "$idle" "readinessProbe: {periodSeconds: 1, tcpSocket: {port: 9}}"
pod near "$server" "readinessProbe: {periodSeconds: 1, httpGet: {path: /near, port: web}}"
pod far "$server" "readinessProbe: {periodSeconds: 1, httpGet: {path: /far, port: web}}"
pod noport "$idle" "readinessProbe: {periodSeconds: 1, httpGet: {port: nope}}"
pod nocmd "$idle" "livenessProbe: {periodSeconds: 1, failureThreshold: 1, exec: {command: [nosuch]}}"
pod lame "$idle" "readinessProbe: {periodSeconds: 2, exec: {command: [sleep, '7$nap']}}"
pod slow "$server" "readinessProbe: {periodSeconds: 2, httpGet: {path: /slow, port: web}}"

check "a container whose probe fails is not ready" eventually 10 is false ready exec
check "why is told in Kubernetes' words" told exec "Warning Unhealthy Readiness probe failed: cat: $dir/good: No such file or directory"
touch "$dir/good"
check "exec: it is ready when its command succeeds" eventually 10 is true ready exec
rm "$dir/good"
check "and is not any more when it fails" eventually 10 is false ready exec
check "http" eventually 15 is true ready http
check "https, with any certificate" eventually 15 is true ready tls
check "tcp, by the name of a port" eventually 15 is true ready tcp
check "a redirect on the same host is followed" eventually 15 is true ready near
check "one to another host is a success with a warning" eventually 15 is true ready far
check "that is told" told far "Warning ProbeWarning Readiness probe warning: Probe terminated redirects, Response body: "
check "nobody listens" told closed "Readiness probe failed: dial tcp $(kc get pod closed -o 'jsonpath={.status.podIP}'):9: connect: connection refused"
check "no such port" told noport 'Warning Unhealthy Readiness probe errored and resulted in unknown state: strconv.Atoi: parsing "nope": invalid syntax'
check "no such command" told nocmd 'Liveness probe errored and resulted in unknown state: '
check "plain http where https was asked for" told notls 'tls: first record does not look like a TLS handshake'
check "a command that takes too long" told lame "Readiness probe failed: command timed out: \"sleep 7$nap\" timed out after 1s"
check "so does an answer" told slow "/slow\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
kc delete pod lame --now >/dev/null
check "no command is left behind" eventually 5 is "" pgrep -f "sleep 7$nap"
check "what could not be asked restarts nothing" is "0 false" bash -c "echo $(restarts nocmd) $(ready noport)"
for line in 'GET /ready?a=b HTTP/1.1' "Host: $(kc get pod http -o 'jsonpath={.status.podIP}'):8080" 'X-Who: me' \
	'User-Agent: kube-probe/1.34' 'Accept: */*' 'Connection: close'; do
	check "the request says $line" grep -qF -- "$line" <(tr -d '\r' <"$dir/seen-ready")
done
kc delete pod tls notls tcp closed near far noport nocmd slow exec --wait=false >/dev/null

# ---- services
kc create -f - >/dev/null <<Y
apiVersion: v1
kind: Service
metadata: {name: http}
spec: {selector: {app: http}, ports: [{port: 80, targetPort: 8080}]}
Y
endpoints() { kc get endpoints http -o 'jsonpath={.subsets[*].addresses[*].ip}'; }
ip=$(kc get pod http -o 'jsonpath={.status.podIP}')
check "a service has the pod while it is ready" eventually 10 is "$ip" endpoints
echo 503 >"$dir/ready"
check "not while it is not" eventually 10 is "" endpoints
check "why" told http "Warning Unhealthy Readiness probe failed: HTTP probe failed with statuscode: 503"
rm "$dir/ready"
check "and again when it is" eventually 10 is "$ip" endpoints

# ---- liveness
echo 500 >"$dir/alive"
check "a container that is not alive is restarted" eventually 20 is 1 restarts http
rm "$dir/alive"
check "after its probe failed" told http "Warning Unhealthy Liveness probe failed: HTTP probe failed with statuscode: 500"
check "which is told" told http "Normal Killing Container c failed liveness probe, will be restarted"
check "and is ready in the end" eventually 20 is true ready http

# ---- startup
pod boot "$idle" "startupProbe: {periodSeconds: 1, failureThreshold: 100, exec: {command: [cat, $dir/up]}},
    livenessProbe: {periodSeconds: 1, failureThreshold: 1, exec: {command: [sh, -c, 'echo x >>$dir/asked']}},
    readinessProbe: {periodSeconds: 1, exec: {command: ['true']}}"
pod late "$idle" "startupProbe: {periodSeconds: 1, failureThreshold: 1, exec: {command: ['false']}}" "restartPolicy: Never"
check "what has not started is neither ready" told boot "Startup probe failed: cat: $dir/up: No such file or directory"
check "nor started" is "false false" bash -c "echo $(status boot started) $(ready boot)"
check "nor asked anything else" test ! -e "$dir/asked"
touch "$dir/up"
check "then it has" eventually 10 is true status boot started
check "and is ready" eventually 10 is true ready boot
check "and is asked whether it lives" eventually 10 test -s "$dir/asked"
check "what never starts is ended" eventually 15 is Failed kc get pod late -o 'jsonpath={.status.phase}'
check "for good, by its policy" told late "Normal Killing Container c failed startup probe"

# ---- hooks
kc create -f - >/dev/null <<Y
apiVersion: v1
kind: Pod
metadata: {name: hooked}
spec:
  terminationGracePeriodSeconds: 20
  containers:
  - name: c
    image: none
    command: [sh, -c, 'trap "echo term >>$dir/order; exit 0" TERM; while :; do sleep 0.1; done']
    lifecycle:
      postStart: {exec: {command: [sh, -c, 'until test -e $dir/go; do sleep 0.05; done; echo \$HOSTNAME >$dir/post']}}
      preStop: {exec: {command: [sh, -c, 'echo pre >>$dir/order; sleep 1; echo pre-over >>$dir/order']}}
  - {name: after, image: none, command: [$idle]}
Y
check "a container waits for its postStart" told hooked "Started container c"
check "it is not running before, for all to see" is "Pending ContainerCreating ContainerCreating" \
	kc get pod hooked -o 'jsonpath={.status.phase} {.status.containerStatuses[*].state.waiting.reason}'
touch "$dir/go"
check "then it is, and so are those after it" eventually 10 is "Running true true" \
	kc get pod hooked -o 'jsonpath={.status.phase} {.status.containerStatuses[*].ready}'
check "the hook had its container's environment" is hooked cat "$dir/post"
check "a pod with a preStop is deleted" kc delete pod hooked --timeout=15s
check "preStop is over before TERM comes" is "pre pre-over term " bash -c "tr '\n' ' ' <$dir/order"

kc create -f - >/dev/null <<Y
apiVersion: v1
kind: Pod
metadata: {name: stuck}
spec:
  terminationGracePeriodSeconds: 2
  containers:
  - {name: c, image: none, command: [$idle], lifecycle: {preStop: {exec: {command: [sleep, '8$nap']}}}}
---
apiVersion: v1
kind: Pod
metadata: {name: restful}
spec:
  terminationGracePeriodSeconds: 20
  containers:
  - {name: c, image: none, command: [$idle], lifecycle: {preStop: {sleep: {seconds: 2}}}}
---
apiVersion: v1
kind: Pod
metadata: {name: asking}
spec:
  terminationGracePeriodSeconds: 20
  containers:
  - {name: c, image: none, command: [$server], lifecycle: {preStop: {httpGet: {path: /bye, port: 8080}}},
     readinessProbe: {periodSeconds: 1, tcpSocket: {port: 8080}}}
---
apiVersion: v1
kind: Pod
metadata: {name: unlucky}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - {name: c, image: none, command: [$idle], lifecycle: {postStart: {exec: {command: ['false']}}, preStop: {exec: {command: ['false']}}}}
Y
phases() { kc get pods stuck restful asking -o 'jsonpath={.items[*].status.phase}'; }
check "pods run" eventually 10 is "Running Running Running" phases
check "a failed postStart is told" told unlucky "Warning FailedPostStartHook PostStartHook failed"
check "so is what follows" told unlucky "Normal Killing FailedPostStartHook"
check "a failed preStop too" told unlucky "Warning FailedPreStopHook PreStopHook failed"
check "its container is started again" eventually 15 bash -c "(( $(restarts unlucky) >= 0 )) && kubectl --kubeconfig $data/kubeconfig get pod unlucky -o 'jsonpath={.status.containerStatuses[0].lastState.terminated.exitCode}' | grep -q ."
took() { local t0=$EPOCHREALTIME; kc delete pod "$1" --timeout=20s >/dev/null || return 1; awk -v a="$t0" -v b="$EPOCHREALTIME" 'BEGIN{printf "%.1f", b - a}'; }
between() { local s; s=$(took "$1") || return 1; awk -v s="$s" -v a="$2" -v b="$3" 'BEGIN{exit !(s >= a && s <= b)}' || { echo "$1 took $s s"; return 1; }; }
check "a preStop may take no longer than the grace" between stuck 1.9 5
check "nothing of it is left" eventually 5 is "" pgrep -f "sleep 8$nap"
check "one may sleep" between restful 1.9 4
eventually 10 is true ready asking
kc delete pod asking --timeout=20s >/dev/null
check "or ask" grep -qF 'GET /bye HTTP/1.1' "$dir/seen-bye"
check "as who it is" grep -qF 'kube-lifecycle/1.34' "$dir/seen-bye"

# ---- a preStop before a restart
kc create -f - >/dev/null <<Y
apiVersion: v1
kind: Pod
metadata: {name: again}
spec:
  terminationGracePeriodSeconds: 10
  containers:
  - name: c
    image: none
    command: [$idle]
    lifecycle: {preStop: {exec: {command: [touch, $dir/stopped]}}}
    livenessProbe: {periodSeconds: 1, failureThreshold: 1, exec: {command: [test, '!', -e, $dir/ill]}}
Y
eventually 10 is true ready again
touch "$dir/ill"
check "a container that is given up has its preStop" eventually 15 test -e "$dir/stopped"
rm -f "$dir/ill"
check "and is started again" eventually 15 is 1 restarts again

# ---- an agent that dies
check "pods are ready" eventually 20 is "true true" kc get pods http boot -o 'jsonpath={.items[*].status.containerStatuses[0].ready}'
# When it became ready, and how often it was restarted.
state() { kc get pod boot -o 'jsonpath={.status.conditions[?(@.type=="Ready")].lastTransitionTime} {.status.containerStatuses[0].restartCount}'; }
before=$(state)
times=$(restarts http)
old=$(pids_of main)
kill -9 $old
another() { local new; new=$(pids_of main); [[ -n $new && $new != "$old" ]]; }
check "another agent begins" eventually 10 another
asked=$(wc -l <"$dir/asked")
goes_on() { (($(wc -l <"$dir/asked") > asked + 1)); }
check "it asks what the last one asked" eventually 20 goes_on
echo 503 >"$dir/ready"
check "and hears the answers" eventually 20 is false ready http
rm "$dir/ready"
check "which is in its services again when it is ready" eventually 10 is "$ip" endpoints
check "what was ready has been so all the time, and was not restarted" is "$before" state
check "nor was anything else" is "$times" restarts http
