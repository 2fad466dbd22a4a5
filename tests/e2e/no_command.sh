#!/usr/bin/env bash
# Commands that cannot be started: of containers, beside them, of probes and hooks. The
# same words and codes by crun and by runc; and those that can run as their container does.
source "$(dirname "$0")/../lib/e2e.sh"
need_containers "commands that cannot be started"

"$top/tools/demo/busybox-image" "$tmp/busybox.tar"
of() { kc get pod "$1" -o "jsonpath={.status.containerStatuses[0]$2}"; }
pod() { # NAME CONTAINER [SPEC]
	kc create -f - >/dev/null <<Y
apiVersion: v1
kind: Pod
metadata: {name: $1}
spec: {automountServiceAccountToken: false, terminationGracePeriodSeconds: 1, ${3:-restartPolicy: Always}, containers: [{name: c, image: "troupe.io/busybox:1", $2}]}
Y
}
stays='trap exit TERM; while :; do sleep 0.1; done'
told() { # POD TEXT: one of its events
	local all
	all=$(kc get events --field-selector "involvedObject.name=$1" -o 'jsonpath={range .items[*]}{.reason} {.message}{"\n"}{end}')
	grep -qF -- "$2" <<<"$all" || { echo "no '$2' in: $all"; return 1; }
}
ready() { [[ $(of "$1" .ready) == true ]]; }
code_of() { kc exec stays -- "$@" >/dev/null 2>"$tmp/err"; echo $?; }
ws() { timeout 30 python3 "$top/tests/e2e/websocket.py" "$data/kubeconfig" "$@"; }
said_over() { # POD QUERY TEXT: the status that ends a session
	local all
	all=$(ws "/api/v1/namespaces/default/pods/$1/exec?stdout=1&$2" v4.channel.k8s.io | sed 's/\\\\"/"/g')
	grep -qF -- "$3" <<<"$all" || { echo "no '$3' in: $all"; return 1; }
}
run_in_terminal='/api/v1/namespaces/default/pods/stays/exec?stdin=1&stdout=1&tty=1&command=sh&command=-c&command'
typed() { script -qec "kubectl --kubeconfig '$data/kubeconfig' exec -it stays -- $1" /dev/null </dev/null | tr -d '\r'; }
words_of() { for ((i = 0; i < $1; i++)); do ws "$run_in_terminal=echo+last" v4.channel.k8s.io | shown; done; }
last_and_count() { typed 'seq 1 20000' >"$tmp/seq"; echo "$(tail -n 1 "$tmp/seq") $(wc -l <"$tmp/seq")"; }
ends_with() { typed "${2:-sh -c 'exit $1'}" >/dev/null; echo "${PIPESTATUS[0]}"; }
shown() { sed -n "s/^binary '.x01\(.*\)'$/\1/p" | sed 's/\\r\\n/\n/g' | grep .; }
leaves_nothing() {
	ws "$run_in_terminal=echo+up;exec+sleep+54321" v4.channel.k8s.io --until up >/dev/null
	eventually 10 eval '! pgrep -f "^sleep 54321$" >/dev/null' &&
		eventually 10 is "" find "$data" -name 'exec.*.sock' -o -name 'exec.*.pid'
}
who='echo $(id -u) $(id -G) $(pwd) $(grep -hE "^(CapEff|NoNewPrivs)" /proc/self/status)'
as_it_is='1000 1000 2000 /tmp CapEff: 0000000000000000 NoNewPrivs: 1'
start='unable to start container process: '

# By runc, which has become the container by then, its log says it.
never_ran() { # POD WORDS-OF-CRUN WORDS-OF-RUNC
	if [[ $program == *crun ]]; then
		is "StartError OCI runtime create failed: $start$2: unknown" of "$1" '.state.terminated.reason} {.status.containerStatuses[0].state.terminated.message' &&
			is "" kc logs "$1"
	else
		is Error of "$1" .state.terminated.reason && grep -q "$3" <(kc logs "$1")
	fi
}

all_of_it() { # PROGRAM
	local by=", by ${1##*/}" missing="${start}exec: \"nosuch\": executable file not found in \$PATH: unknown"
	local gone='chdir to cwd ("/gone") set in config.json failed: no such file or directory'
	pod stays "workingDir: /tmp, securityContext: {runAsUser: 1000, allowPrivilegeEscalation: false}, command: [sh, -c, '$stays']"
	pod moved "workingDir: /gone, command: [sh, -c, 'rmdir /gone; $stays']"
	pod never 'command: [nosuch]' 'restartPolicy: Never'
	pod loops 'command: [/etc/passwd]'
	pod file 'command: [sh], workingDir: /etc/passwd' 'restartPolicy: Never'
	pod large "command: [sh, -c, '$stays'], env: [{name: LARGE, value: $(printf 'x%.0s' {1..140000})}]" 'restartPolicy: Never'
	pod format 'command: [/v/none], volumeMounts: [{name: v, mountPath: /v}]' "restartPolicy: Never, volumes: [{name: v, emptyDir: {}}],
		initContainers: [{name: i, image: 'troupe.io/busybox:1', command: [sh, -c, 'echo none >/v/none; chmod +x /v/none'], volumeMounts: [{name: v, mountPath: /v}]}]"
	pod claims "command: [sh, -c, 'echo {\\\"msg\\\":\\\"exec container process of mine >&2; exit 2']" 'restartPolicy: Never'
	pod probed "command: [sh, -c, '$stays'], readinessProbe: {periodSeconds: 1, exec: {command: [nosuch]}}"
	pod hooked "command: [sh, -c, '$stays'], lifecycle: {postStart: {exec: {command: [nosuch, a b]}}}"
	pod failed "command: [sh, -c, '$stays'], lifecycle: {postStart: {exec: {command: [sh, -c, 'echo \"why\"; exit 3']}}}"
	pod leaves "command: [sh, -c, '$stays'], lifecycle: {preStop: {exec: {command: [nosuch]}}}"
	check "a pod to run commands in$by" eventually 20 ready stays

	check "exec is as its container$by" is "$as_it_is" kc exec stays -- sh -c "$who"
	check "... with a terminal too$by" grep -qF "$as_it_is xterm" <(typed "sh -c '$who \$TERM'")
	check "... of which no word is lost$by" is "$(printf 'last\n%.0s' {1..20})" words_of 20
	check "... nor of many$by" is "20000 20000" last_and_count
	check "... and which ends with its code$by" is 7 ends_with 7
	check "... is told its size$by" grep -qx '24 80' <(ws "$run_in_terminal=read+x;stty+size" v4.channel.k8s.io \
		--send "04$(printf '{"Width":80,"Height":24}' | od -An -tx1 | tr -d ' \n')" --send 000a | shown)
	check "... and interrupted$by" grep -q 'stopped$' <(ws "$run_in_terminal=trap+%22echo+stopped;exit%22+INT;echo+up;while+:;do+sleep+0.1;done" \
		v4.channel.k8s.io --until up --answer 0003 | shown)
	check "... is killed with its client$by" leaves_nothing
	check "in a terminal it is 127 as well$by" is 127 ends_with "" nosuch
	check "exec of what is not there is 127$by" is 127 code_of nosuch
	check "... as kubectl says$by" grep -q 'command terminated with exit code 127' "$tmp/err"
	check "... and why$by" grep -q 'nosuch.*not found in \$PATH' "$tmp/err"
	check "of a file that is not there too$by" is 127 code_of /no/such
	check "of what cannot be run it is 126$by" is 126 code_of /etc/passwd
	check "and of a directory$by" is 126 code_of /etc
	check "a command's own 127 is its own$by" is 127 code_of sh -c 'exit 127'
	check "the session's status has all words$by" said_over stays command=nosuch "OCI runtime exec failed: exec failed: $missing"
	check "... and the code$by" said_over stays command=nosuch '"reason":"ExitCode","message":"127"'
	check "of what must not be run$by" said_over stays command=/etc/passwd "${start}exec: \"/etc/passwd\": permission denied: unknown"
	check "where the working directory is gone$by" eventually 10 said_over moved command=true "$gone"

	check "a container with no such command ends$by" eventually 20 is 'StartError 128' of never '.state.terminated.reason} {.status.containerStatuses[0].state.terminated.exitCode'
	check "... in those words$by" is "OCI runtime create failed: $missing" of never .state.terminated.message
	check "... and has an image$by" eval '[[ $(of never .imageID) == *@sha256:* ]]'
	check "... as its event says$by" told never "Failed Error: OCI runtime create failed: $missing"
	check "a directory that is none$by" eventually 10 grep -q "^OCI runtime create failed: $start.*/etc/passwd.*: not a directory: unknown$" <(of file .state.terminated.message)
	check "what the kernel does not take$by" eventually 20 never_ran large "exec: \"/bin/sh\": argument list too long" "argument list too long"
	check "... and what it does not know$by" eventually 20 never_ran format "exec: \"/v/none\": exec format error" "exec format error"
	check "a container may say the same of itself$by" eventually 20 is 2 of claims .state.terminated.exitCode
	check "... and is heard$by" is '{"msg":"exec container process of mine' kc logs claims
	check "one that is tried again waits$by" eventually 20 is CrashLoopBackOff of loops .state.waiting.reason
	check "... and knows why$by" is "OCI runtime create failed: ${start}exec: \"/etc/passwd\": permission denied: unknown" of loops .lastState.terminated.message

	check "a probe's event has the words$by" eventually 10 told probed "Unhealthy Readiness probe errored and resulted in unknown state: OCI runtime exec failed: exec failed: $missing"
	check "a hook's has none, as they might tell secrets$by" eventually 10 told hooked "FailedPostStartHook PostStartHook failed"
	check "nor what failed by itself$by" eventually 10 told failed "FailedPostStartHook PostStartHook failed"
	kc delete pod leaves >/dev/null
	check "nor a preStop's$by" told leaves "FailedPreStopHook PreStopHook failed"
	check "a status has them: what could not be started$by" eventually 15 grep -qF "PostStartHookError: Exec lifecycle hook ([nosuch a b]) for Container \"c\" in Pod \"hooked_default(" "$tmp/states"
	check "... with the error$by" eventually 15 grep -qF "error: OCI runtime exec failed: exec failed: $missing, message: \"\"" "$tmp/states"
	check "and what failed$by" eventually 15 grep -qF 'error: command '"'sh -c echo \"why\"; exit 3'"' exited with 3, message: "why\n"' "$tmp/states"
	check "a start that fails is a RunContainerError first$by" eventually 15 grep -qF "RunContainerError: OCI runtime create failed: ${start}exec: \"/etc/passwd\"" "$tmp/states"
}
# What containers wait for, as the API tells it.
waits='import json, sys
for line in sys.stdin:
    for c in json.loads(line)["object"].get("status", {}).get("containerStatuses", []):
        w = c["state"].get("waiting", {})
        print(w.get("reason", ""), w.get("message", ""), sep=": ", flush=True)'
for program in crun runc; do
	program=$(command -v $program) || { skip "by $program" "it is not installed"; continue; }
	rm -rf "$data"
	mkdir -p "$data"
	"$troupe" image load --data-dir "$data" "$tmp/busybox.tar" >/dev/null
	cluster_of >"$tmp/cluster.yaml" <<<"nodes own {kind: node-agent, node: n1, runtime: oci, program: $program}"
	check "a cluster with ${program##*/}" start -f "$tmp/cluster.yaml"
	kc get --raw '/api/v1/namespaces/default/pods?watch=1' > >(python3 -c "$waits" >"$tmp/states") & watch=$!
	all_of_it "$program"
	kill "$watch"
	kc delete pods --all --now >/dev/null
	stop
done
