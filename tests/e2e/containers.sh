#!/usr/bin/env bash
# Real containers: made of images by crun or runc, under the pods' pauses. What
# they are given, how they end, who outlives whom, and that nothing is left.
source "$(dirname "$0")/../lib/e2e.sh"
need_containers "containers"

# A path that is longer than a unix socket's, with all that means something to somebody.
data=$tmp/$(printf 'long-%.0s' {1..20})/$(printf 'a,b:c=d %.0s' {1..8})/data
"$top/tools/demo/busybox-image" "$tmp/busybox.tar"
mkdir -p "$data"
check "an image is loaded" "$troupe" image load --data-dir "$data" "$tmp/busybox.tar"
box=troupe.io/busybox:1

# What the machine has of ours.
of_machine() {
	local uid groups=0
	for uid in $uids; do groups=$((groups + $(find /sys/fs/cgroup -name "$uid" -type d 2>/dev/null | wc -l))); done
	echo "links $(ip -o link | grep -c 'veth') mounts $(grep -c "$data" /proc/mounts) cgroups $groups processes $(ls -l /proc/[0-9]*/cwd 2>/dev/null | grep -c "$data/pods")"
}
uids=
note_uids() { uids+=" $(kc get pods -o 'jsonpath={.items[*].metadata.uid}')"; }
check "the cluster starts" start --nodes 1 --runtime oci
check "the node says by what it runs them" grep -qE '^(crun|runc)://[0-9]' <<<"$(kc get node n1 -o 'jsonpath={.status.nodeInfo.containerRuntimeVersion}')"
check "... and how large its disk is" grep -qE "^[1-9][0-9]*Ki$" <<<"$(kc get node n1 -o "jsonpath={.status.capacity.ephemeral-storage}")"
check "... and what it is, in words old and new" is "amd64 linux amd64 linux n1" kc get node n1 -o "jsonpath={.metadata.labels.beta\.kubernetes\.io/arch} {.metadata.labels.beta\.kubernetes\.io/os} {.metadata.labels.kubernetes\.io/arch} {.metadata.labels.kubernetes\.io/os} {.metadata.labels.kubernetes\.io/hostname}"

# pod NAME SPEC CONTAINER: JSON without the names
pod() {
	cat >"$tmp/$1.json" <<P
{"apiVersion":"v1","kind":"Pod","metadata":{"name":"$1","labels":{"app":"$1"}},"spec":{"automountServiceAccountToken":false,"terminationGracePeriodSeconds":2${2:+,$2},
"containers":[{"name":"c","image":"$box"${3:+,$3}}]}}
P
	kc create -f "$tmp/$1.json" >/dev/null
}
sh_pod() { pod "$1" "$2" "\"command\":[\"sh\",\"-c\",\"$3\"]${4:+,$4}"; }
phase() { kc get pod "$1" -o 'jsonpath={.status.phase}'; }
of() { kc get pod "$1" -o "jsonpath={.status.containerStatuses[0]$2}"; }
running() { [[ $(of "$1" .state.running.startedAt) ]]; }
ended() { [[ $(phase "$1") == Succeeded || $(phase "$1") == Failed ]]; }
logs_of() { eventually 10 ended "$1" && kc logs "$1"; }
says() { # POD LINE: one of its log
	local log
	log=$(kc logs "$1")
	grep -qxF -- "$2" <<<"$log" || { echo "no '$2' in: $log"; return 1; }
}

# ---- what it is given
sh_pod given '"restartPolicy":"Never","hostname":"stage"' \
	'echo host $(hostname); echo image $IMAGE; echo home $HOME; echo name $HOSTNAME; echo pid $$$$; id -u; pwd; ls /proc | grep -cE ^[0-9]+$; cat /etc/hostname; touch /written && echo wrote' \
	'"workingDir":"/tmp","env":[{"name":"A","value":"1"}]'
logs_of given >/dev/null
check "it ran to its end" is Succeeded phase given
check "its own host name" says given "host stage"
check "its image's environment" says given "image busybox"
check "HOSTNAME" says given "name stage"
check "it is the first process of its own namespace" says given "pid 1"
check "its working directory" says given "/tmp"
check "its own root, to write to" says given "wrote"
check "the image's name and digest as its id" grep -qE "^troupe.io/busybox@sha256:[0-9a-f]{64}$" <<<"$(of given .imageID)"
check "an address of the node's range" grep -qE '^10\.244\.1\.[0-9]+$' <<<"$(kc get pod given -o 'jsonpath={.status.podIP}')"

pod cmd '"restartPolicy":"Never"' '"args":["echo","from","args"]'
logs_of cmd >/dev/null
check "arguments take the place of the image's command" says cmd "from args"

# ---- how it ends
sh_pod code '"restartPolicy":"Never"' 'echo bye; exit 7'
check "it ends" eventually 10 ended code
check "an exit code" is 7 of code .state.terminated.exitCode
check "a reason" is Error of code .state.terminated.reason
sh_pod word '"restartPolicy":"Never"' 'printf %s the-last-word > /dev/termination-log'
check "it ends" eventually 10 ended word
check "a termination message" is the-last-word of word .state.terminated.message
sh_pod fallback '"restartPolicy":"Never"' 'echo said at last; exit 1' '"terminationMessagePolicy":"FallbackToLogsOnError"'
check "it ends" eventually 10 ended fallback
check "or the end of its log" is "said at last" of fallback .state.terminated.message
sh_pod hungry '"restartPolicy":"Never"' 'x=x; while true; do x=$x$x; done' '"resources":{"limits":{"memory":"32Mi"}}'
check "one that takes too much memory ends" eventually 20 ended hungry
check "... as OOMKilled" is OOMKilled of hungry .state.terminated.reason
check "... with 137" is 137 of hungry .state.terminated.exitCode
sh_pod words '"restartPolicy":"Never"' 'seq 9999 > /dev/termination-log; exit 1'
check "one that says too much ends" eventually 10 ended words
check "... and its last words are kept" is "4096 9999" eval 'of words .state.terminated.message >"$tmp/words"; echo $(wc -c <"$tmp/words") $(tail -n 1 "$tmp/words")'
sh_pod within '"restartPolicy":"Never","volumes":[{"name":"v","emptyDir":{}},{"name":"w","emptyDir":{}}]' 'echo of w >/v/w/x; ls /v/w; printf within >/v/said; exit 1' \
	'"terminationMessagePath":"/v/said","volumeMounts":[{"name":"w","mountPath":"/v/w"},{"name":"v","mountPath":"/v"}]'
check "mounts in mounts, the inner one first" eventually 10 is within of within .state.terminated.message
check "... are each where it was asked for" says within x
pod nothing '"restartPolicy":"Never"' '"command":["/no/such"]'
check "no such program ends" eventually 10 ended nothing
check "... as StartError" is StartError of nothing .state.terminated.reason
check "... which says why" grep -q '/no/such' <<<"$(of nothing .state.terminated.message)"
sh_pod again '' 'echo attempt; exit 1'
restarted() { (($(of again .restartCount) >= 1)); }
check "one that fails is restarted" eventually 10 restarted
check "its log of before" grep -qx attempt <<<"$(kc logs again --previous)"
in_backoff() { [[ $(of again .state.waiting.reason) == CrashLoopBackOff ]]; }
check "... and then waits" eventually 10 in_backoff

# ---- init containers, side by side
cat >"$tmp/init.json" <<P
{"apiVersion":"v1","kind":"Pod","metadata":{"name":"init"},"spec":{"restartPolicy":"Never","terminationGracePeriodSeconds":2,
"initContainers":[{"name":"one","image":"$box","command":["sh","-c","echo one > /dev/shm/said"]},{"name":"two","image":"$box","command":["sh","-c","echo two >> /dev/shm/said"]}],
"containers":[{"name":"c","image":"$box","command":["sh","-c","cat /dev/shm/said"]},{"name":"d","image":"$box","command":["sh","-c","hostname; ip -o -4 addr show eth0 | wc -l"]}]}}
P
kc create -f "$tmp/init.json" >/dev/null
check "a pod with init containers ends" eventually 10 ended init
check "they ran in order, and share memory with the others" is "one two" eval 'kc logs init -c c | xargs'
check "containers share the host's name and network" is "init 1" eval 'kc logs init -c d | xargs'

cat >"$tmp/shared.json" <<P
{"apiVersion":"v1","kind":"Pod","metadata":{"name":"shared"},"spec":{"shareProcessNamespace":true,"terminationGracePeriodSeconds":2,
"containers":[{"name":"c","image":"$box","command":["sleep","1001"]},{"name":"d","image":"$box","command":["sh","-c","sleep 1002 & exec sleep 1003"]}]}}
P
kc create -f "$tmp/shared.json" >/dev/null
sees_all() { [[ $(kc exec shared -c c -- ps -o pid,args | grep -cE '^ +(1 .*pause|[0-9]+ sleep 100[123])') == 4 ]]; }
check "containers that share processes see each other's, and the first of all" eventually 10 sees_all
kc debug shared --image="$box" --target=c --container=look -- sleep 1004 >/dev/null 2>&1
looks() { grep -q '^sleep 1001' <<<"$(kc exec shared -c look -- ps -o args)"; }
check "an ephemeral container looks at one that runs" eventually 10 looks
cat >"$tmp/half.json" <<P
{"apiVersion":"v1","kind":"Pod","metadata":{"name":"half"},"spec":{"restartPolicy":"Never","terminationGracePeriodSeconds":1,
"containers":[{"name":"c","image":"$box","command":["sleep","1005"]},{"name":"over","image":"$box","command":["true"]}]}}
P
kc create -f "$tmp/half.json" >/dev/null
of_half() { kc get pod half -o "jsonpath={.status.$1}"; }
check "one of two has ended" eventually 10 is Completed of_half 'containerStatuses[1].state.terminated.reason'
kc debug half --image="$box" --target=over --container=look -- sleep 1006 >/dev/null 2>&1
check "who looks at one that does not run is told" eventually 10 is "CreateContainerConfigError: unable to find target container over" \
	of_half 'ephemeralContainerStatuses[0].state.waiting.reason}: {.status.ephemeralContainerStatuses[0].state.waiting.message'
kc debug half --image="$box" --target=c --container=sees -- sleep 1006 >/dev/null 2>&1
sees() { is "sleep 1005 sleep 1006" eval 'kc exec half -c sees -- ps -o args | grep ^sleep | xargs'; }
check "... and at one that does it sees it alone" eventually 10 sees

# ---- what it may
sh_pod user '"restartPolicy":"Never","securityContext":{"supplementalGroups":[4444],"fsGroup":5555}' 'id; grep CapEff /proc/self/status' '"securityContext":{"runAsUser":1000,"runAsGroup":1000}'
logs_of user >/dev/null
check "user and groups" says user "uid=1000(troupe) gid=1000(troupe) groups=1000(troupe),2000(extra),4444,5555"
check "who is not root has no capabilities" says user "$(printf 'CapEff:\t0000000000000000')"
sh_pod caps '"restartPolicy":"Never"' 'grep CapEff /proc/self/status' '"securityContext":{"capabilities":{"drop":["ALL"],"add":["NET_BIND_SERVICE"]}}'
logs_of caps >/dev/null
check "capabilities" says caps "$(printf 'CapEff:\t0000000000000400')"
sh_pod ro '"restartPolicy":"Never"' 'touch /x || echo refused' '"securityContext":{"readOnlyRootFilesystem":true}'
logs_of ro >/dev/null
check "a root that cannot be written" says ro "refused"
sh_pod nonroot '"restartPolicy":"Never"' 'id' '"securityContext":{"runAsNonRoot":true}'
waits_for() { [[ $(of "$1" .state.waiting.reason) == "$2" ]]; }
check "root where none may be" eventually 10 waits_for nonroot CreateContainerConfigError
check "... in a kubelet's words" grep -q 'container has runAsNonRoot and image will run as root' <<<"$(of nonroot .state.waiting.message)"
sh_pod seccomp '"restartPolicy":"Never","securityContext":{"seccompProfile":{"type":"RuntimeDefault"}}' 'grep Seccomp: /proc/self/status; unshare -U true || echo no unshare'
logs_of seccomp >/dev/null
check "the default profile of system calls" says seccomp "$(printf 'Seccomp:\t2')"
local_profile() { printf '"securityContext":{"seccompProfile":{"type":"Localhost","localhostProfile":"%s"}}' "$1"; }
check "a profile from elsewhere is none" grep -q "localhostProfile: Invalid value: .* must not contain '..'" <(sh_pod outside '' 'echo ran' "$(local_profile ../../../../etc/passwd)" 2>&1)
sh_pod absent '"restartPolicy":"Never"' 'echo ran' "$(local_profile nope.json)"
check "nor is one that is not there" eventually 10 waits_for absent CreateContainerError
kc delete pod absent --now >/dev/null
sh_pod boss '"restartPolicy":"Never"' 'ls /dev/null && mount -t tmpfs none /tmp && echo mounted' '"securityContext":{"privileged":true}'
logs_of boss >/dev/null
check "privileged" says boss mounted
sh_pod host '"restartPolicy":"Never","hostNetwork":true,"hostPID":true' 'hostname; ls /proc | grep -cE ^[0-9]+$; ip -o link show troupe0 | wc -l'
logs_of host >/dev/null
check "the node's network and name" says host "$(hostname)"
sh_pod kernel '"restartPolicy":"Never","securityContext":{"sysctls":[{"name":"kernel.shm_rmid_forced","value":"1"}]}' 'cat /proc/sys/kernel/shm_rmid_forced'
logs_of kernel >/dev/null
check "sysctls of its own" says kernel 1

sh_pod machine '"restartPolicy":"Never","securityContext":{"sysctls":[{"name":"kernel.core_pattern","value":"|/x"}]}' 'echo ran'
check "sysctls of the machine are nobody's" eventually 10 is "Failed SysctlForbidden" kc get pod machine -o 'jsonpath={.status.phase} {.status.reason}'
check "... and are as they were" eval '[[ $(cat /proc/sys/kernel/core_pattern) != "|/x" ]]'

# ---- what is not to be had is not left out
kc create secret generic zero --from-file=k=<(printf 'a\0b') >/dev/null
pod zero '' '"command":["sleep","1000"],"env":[{"name":"Z","valueFrom":{"secretKeyRef":{"name":"zero","key":"k"}}}]'
pod cut '' '"command":["sleep","1\u00000"]'
check "a zero byte in a variable" eventually 10 is "CreateContainerConfigError environment variable Z: invalid argument: it has a zero byte" \
	eval 'echo $(of zero .state.waiting.reason) $(of zero .state.waiting.message)'
check "... or in a command" eventually 10 is "CreateContainerConfigError the container's command: invalid argument: it has a zero byte" \
	eval 'echo $(of cut .state.waiting.reason) $(of cut .state.waiting.message)'
kc delete pod zero cut --now >/dev/null
"$troupe" image load --data-dir "$data" <(python3 - "$tmp/busybox.tar" <<'P'
import hashlib, io, json, sys, tarfile
layer = tarfile.open(sys.argv[1]).extractfile("./layer.tar").read()
config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Env": ["PATH=/bin"], "StopSignal": "SIGUSR1"}, "rootfs": {"type": "layers",
    "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]}}).encode()
manifest = json.dumps([{"Config": "config.json", "RepoTags": ["own.io/signal:1"], "Layers": ["layer.tar"]}]).encode()
with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as t:
    for path, data in (("config.json", config), ("manifest.json", manifest), ("layer.tar", layer)):
        info = tarfile.TarInfo(path)
        info.size = len(data)
        t.addfile(info, io.BytesIO(data))
P
) >/dev/null
printf '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"usr1","finalizers":["test/stay"]},"spec":{"terminationGracePeriodSeconds":20,"containers":[{"name":"c","image":"own.io/signal:1","command":["sh","-c",
	"trap \\"exit 41\\" USR1; trap \\"exit 42\\" TERM; echo up; while true; do sleep 0.1; done"]}]}}' | kc create -f - >/dev/null
says_up() { grep -q up <<<"$(kc logs usr1)"; }
check "a container of an image with a signal of its own" eventually 10 says_up
kc delete pod usr1 --wait=false >/dev/null
check "is ended by that" eventually 10 is 41 kc get pod usr1 -o 'jsonpath={.status.containerStatuses[0].state.terminated.exitCode}'
kc patch pod usr1 --type=json -p '[{"op":"remove","path":"/metadata/finalizers"}]' >/dev/null
refused() { kc get pod "$1" -o 'jsonpath={.status.phase} {.status.reason}'; }
told() { kc get events --field-selector "involvedObject.name=$1,reason=$2" -o 'jsonpath={.items[0].message}'; }
sh_pod users '"hostUsers":false' 'sleep 1000'
check "users of its own" eventually 10 is 'Failed to create pod sandbox: can'"'"'t set `spec.hostUsers: false`, runtime does not support user namespaces' told users FailedCreatePodSandBox
kc create -f - >/dev/null <<<'{"apiVersion":"node.k8s.io/v1","kind":"RuntimeClass","metadata":{"name":"gvisor"},"handler":"runsc"}'
kc create -f - >/dev/null <<<'{"apiVersion":"node.k8s.io/v1","kind":"RuntimeClass","metadata":{"name":"plain"},"handler":"runc"}'
sh_pod guarded '"runtimeClassName":"gvisor"' 'sleep 1000'
check "another runtime" eventually 10 is 'Failed to create pod sandbox: failed to get sandbox runtime: no runtime for "runsc" is configured' told guarded FailedCreatePodSandBox
sh_pod plain '"runtimeClassName":"plain"' 'sleep 1000'
check "... but for the plain one" eventually 10 running plain
sh_pod windows '"os":{"name":"windows"}' 'sleep 1000'
check "another system" eventually 10 is "Failed PodOSNotSupported" refused windows
if [[ $(cat /sys/module/apparmor/parameters/enabled 2>/dev/null) != Y ]]; then
	sh_pod armored '"securityContext":{"appArmorProfile":{"type":"RuntimeDefault"}}' 'sleep 1000'
	check "AppArmor where there is none" eventually 10 is "Failed AppArmor" refused armored
fi
kc delete pod users guarded plain windows armored --ignore-not-found --now >/dev/null 2>&1

# ---- commands beside it
init_of() { # POD: the first process of its container
	local uid
	uid=$(kc get pod "$1" -o 'jsonpath={.metadata.uid}')
	cat "$data/pods/n1/$uid/bundles/c.${2:-0}/pid"
}
sh_pod long '' 'trap \"echo stopped; exit 0\" TERM; echo up; while true; do sleep 0.1; done' '"resources":{"limits":{"memory":"64Mi","cpu":"500m"}}'
check "one that stays" eventually 10 running long
check "exec" is "long 0" eval 'kc exec long -- sh -c "echo \$(hostname) \$(id -u)"'
check "... with its input" is hello eval 'echo hello | kc exec -i long -- cat'
exit_code() { kc exec long -- sh -c 'exit 9' 2>/dev/null; echo $?; }
check "... and its exit code" is 9 exit_code
check "... in the container's environment" is busybox eval 'kc exec long -- sh -c "echo \$IMAGE"'
sh_pod other '"securityContext":{"runAsUser":1000,"supplementalGroups":[4444]}' 'trap \"exit 0\" TERM; while true; do sleep 0.1; done' \
	'"workingDir":"/tmp","securityContext":{"allowPrivilegeEscalation":false},"readinessProbe":{"periodSeconds":1,"exec":{"command":["sh","-c","[ $(id -u) = 1000 ]"]}}'
check "one whose probe is its user's" eventually 10 is true of other .ready
check "exec is as its user, in its groups" is "1000 1000 2000 4444" kc exec other -- sh -c 'echo $(id -u) $(id -G)'
check "... with no more capabilities" grep -qx "$(printf 'CapEff:\t0000000000000000')" <(kc exec other -- cat /proc/self/status)
check "... nor ways to more" grep -qx "$(printf 'NoNewPrivs:\t1')" <(kc exec other -- cat /proc/self/status)
check "... and as easily ended" is "$(cat /proc/"$(init_of other)"/oom_score_adj)" kc exec other -- cat /proc/self/oom_score_adj
check "... in its directory" is /tmp kc exec other -- pwd
check "... with nothing of ours open" is "0 1 2 3" eval 'kc exec other -- ls /proc/self/fd | xargs'
# crun 1.8 may lose what is said right before the end, so it is not the last that is done.
check "a terminal has a kind" grep -q xterm <(script -qec "kubectl --kubeconfig '$data/kubeconfig' exec -it other -- sh -c 'echo \$TERM'" /dev/null </dev/null)
kc delete pod other --now >/dev/null
memory_limit() { cat /sys/fs/cgroup/memory/troupe/*/c.0/memory.limit_in_bytes /sys/fs/cgroup/troupe/*/c.0/memory.max 2>/dev/null; }
check "its limit is the kernel's" grep -qx $((64 * 1024 * 1024)) <<<"$(memory_limit)"

# ---- who outlives whom
process=$(init_of long)
sh_pod away '"restartPolicy":"Never"' 'while [ ! -e /dev/shm/go ]; do sleep 0.05; done; exit 5'
check "another one" eventually 10 running away
uid=$(kc get pod away -o 'jsonpath={.metadata.uid}')
go=/proc/$(init_of away)/root/dev/shm/go
agent=$(pids_of nodes)
check "the agent has a process of its own" test -n "$agent"
kill -STOP "$up_pid"; kill -9 "$agent"
touch "$go"
gone() { [[ -s $data/pods/n1/$uid/exits/c.0 ]]; }
check "a container ends while no agent is there" eventually 10 gone
kill -CONT "$up_pid"
check "its exit code is told all the same" eventually 15 is 5 of away .state.terminated.exitCode
check "the other one runs on" test -d "/proc/$process"
check "... and is not another one" is "0 $process" eval 'echo $(of long .restartCount) $(init_of long)'
check "... and answers" eventually 10 kc exec long -- true
pause=$(cat "$data/pods/n1/$(kc get pod long -o 'jsonpath={.metadata.uid}')/pause.pid" | cut -d' ' -f1)
kill -9 "$pause"
replaced() { running long && [[ $(of long .restartCount) == 1 ]]; }
check "when its pause is killed the pod begins anew" eventually 15 replaced
dead() { [[ ! -d /proc/$1 || $(cut -d" " -f3 "/proc/$1/stat") == Z ]]; }
check "what it had run is gone" dead "$process"

# ---- the end
kc delete pod long >/dev/null
check "TERM is heard" true
note_uids
for p in again nonroot; do kc delete pod "$p" --now >/dev/null; done
kc delete pods --all --now >/dev/null
back() { [[ $(of_machine) == "links 0 mounts 0 cgroups 0 processes 0" ]] || { of_machine; return 1; }; }
check "nothing is left of any: links, mounts, cgroups, pauses" eventually 15 back
check "nor in the data directory" eventually 5 is "" eval 'ls "$data"/pods/n1 "$data"/ips 2>/dev/null | grep -v : | xargs'

# ---- the cluster ends
sh_pod last '' 'sleep 1000'
check "one more" eventually 10 running last
second() { # what a second cluster on the machine says, and whether it comes up
	rm -f "$tmp/second.out"
	timeout 10 "$troupe" up --data-dir "$tmp/second" --api "127.0.0.1:$((port + 1))" "$@" >"$tmp/second.out" 2>&1 & local pid=$!
	eventually 5 grep -q '^ready: \|^troupe up: ' "$tmp/second.out"
	kill $pid 2>/dev/null; wait $pid 2>/dev/null
	grep -o '^ready\|^runtime: [a-z]*\|^troupe up' "$tmp/second.out" | xargs
}
check "a second cluster here has containers too, beside it" is "runtime: oci ready" second --runtime auto
check "... and says where" grep -q "^network: 10.245.1.0/24, services 10.97.0.0/16 (the services' range 10.96.0.0/16 is of the cluster in " "$tmp/second.out"
check "it may be one of several nodes" is "runtime: oci ready" second --runtime oci --nodes 2
check "... which keeps its place" grep -qx "nodes: {range: 172.29.0.0/16, bridge: troupe-nodes1}" "$tmp/second/cluster.yaml"
note_uids
check "... has a link, control groups and processes" grep -qE "links 1 mounts 0 cgroups [1-9][0-9]* processes [1-9]" <<<"$(of_machine)"
stop
check "the end of the cluster takes it along" eventually 15 back
