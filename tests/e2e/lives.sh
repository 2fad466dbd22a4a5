#!/usr/bin/env bash
# Pods of every kind live and die at random, while pauses, containers and the agent
# are killed: in the end the machine has what it had before. LIVES: how many (60);
# SEED: another history.
source "$(dirname "$0")/../lib/e2e.sh"
need_containers "random lives"

lives=${LIVES:-60}
RANDOM=${SEED:-1}
"$top/tools/demo/busybox-image" "$tmp/busybox.tar"
mkdir -p "$data"
"$troupe" image load --data-dir "$data" "$tmp/busybox.tar" >/dev/null

groups_of() { [[ -s $tmp/uids ]] || { echo 0; return; }; find /sys/fs/cgroup -path "*/troupe/*" -type d 2>/dev/null | grep -cFf "$tmp/uids"; }
of_ours() { echo "links $(ip -o link | grep -c veth) mounts $(cat /proc/[0-9]*/mountinfo 2>/dev/null | grep -c "$data") cgroups $(groups_of) processes $(ls -l /proc/[0-9]*/cwd 2>/dev/null | grep -c "$data/pods") pods $(ls "$data/pods/n1" | wc -l) addresses $(ls "$data/ips" 2>/dev/null | wc -l)"; }
: >"$tmp/uids"
start --nodes 1 --runtime oci || { not_ok "cluster starts"; exit 1; }
up_before=$(of_ours)

box=troupe.io/busybox:1
run() { printf '{"name":"%s","image":"%s","command":["sh","-c","%s"]%s}' "$1" "${4:-$box}" "$2" "${3:+,$3}"; }
kinds=(
	"$(run c 'sleep 1000')" "$(run c 'exit 0')" "$(run c 'exit 1')" "$(run c 'sleep 0.2; exit 3')"
	"$(run c 'trap : TERM; sleep 1000 & wait; sleep 1000')" "$(run c 'while true; do echo x; done')"
	"$(run c 'x=x; while true; do x=$x$x; done' '"resources":{"limits":{"memory":"16Mi"}}')"
	"$(run c 'sleep 1000' '' nowhere.example/none:1)" "$(run c 'sleep 1000' '"imagePullPolicy":"Never"' none:1)"
	"$(run c 'sleep 1000' '"securityContext":{"runAsNonRoot":true}')" "$(run c 'sleep 1000' '"workingDir":"/no/where"')"
	"$(run c 'sleep 1000' '"livenessProbe":{"exec":{"command":["false"]},"periodSeconds":1,"failureThreshold":1}')"
	"$(run c 'sleep 1000' '"readinessProbe":{"tcpSocket":{"port":9},"periodSeconds":1}'),$(run d 'exit 2')"
	"$(run c 'for i in 1 2 3 4 5 6 7 8 9; do sleep 1000 & done; exit 0')"
	"$(run c 'sleep 1000' '"volumeMounts":[{"name":"v","mountPath":"/v"},{"name":"m","mountPath":"/m"}]')"
	"$(run c 'sleep 1000' '"lifecycle":{"preStop":{"exec":{"command":["sleep","1"]}},"postStart":{"exec":{"command":["true"]}}}')"
	"$(run c 'sleep 1000' '"lifecycle":{"preStop":{"exec":{"command":["sleep","1000"]}}}')"
	"$(run c 'sleep 1000' '"lifecycle":{"postStart":{"exec":{"command":["sleep","1000"]}}}'),$(run d 'sleep 1000')"
	"$(run c 'sleep 1000' '"lifecycle":{"postStart":{"exec":{"command":["nosuch"]}}}')"
	"$(run c 'mkfifo /v/f; sleep 1000' '"tty":true,"stdin":true,"volumeMounts":[{"name":"m","mountPath":"/v/m/n","subPath":"a/b"},{"name":"v","mountPath":"/v"}]')"
	"$(run c 'sleep 1000' '"readinessProbe":{"exec":{"command":["sh","-c","sleep 1000 & sleep 1000"]},"periodSeconds":1}')"
	"$(run c 'sleep 1000' '"securityContext":{"runAsUser":1000},"resources":{"limits":{"memory":"1"}}')"
)
inits=("$(run i 'exit 0')" "$(run i 'sleep 0.1; exit 1')" "$(run i 'sleep 1000')" "$(run i 'sleep 1000' '"restartPolicy":"Always"')"
	"$(run i 'sleep 0.1; exit 1' '"restartPolicy":"Always"')" "$(run i 'sleep 1000' '"restartPolicy":"Always","startupProbe":{"exec":{"command":["false"]},"periodSeconds":1,"failureThreshold":1}')")
policies=(Always OnFailure Never)
create() { # NUMBER
	local policy=${policies[RANDOM % 3]} more=
	((RANDOM % 6)) || more='"hostNetwork":true,'
	((RANDOM % 3)) || more+="\"initContainers\":[${inits[RANDOM % ${#inits[@]}]}],"
	((RANDOM % 6)) || more+='"shareProcessNamespace":true,'
	((RANDOM % 6)) || more+='"activeDeadlineSeconds":1,'
	printf '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p%s"},"spec":{"automountServiceAccountToken":false,"terminationGracePeriodSeconds":1,"restartPolicy":"%s",%s
		"volumes":[{"name":"v","emptyDir":{}},{"name":"m","emptyDir":{"medium":"Memory"}}],"containers":[%s]}}' \
		"$1" "$policy" "$more" "${kinds[RANDOM % ${#kinds[@]}]}" | kc create -f - >/dev/null
}
a_pod() { ls "$data/pods/n1" | shuf -n 1 --random-source=<(yes $RANDOM); }
hurt() {
	local pod pid=
	pod=$data/pods/n1/$(a_pod)
	case $((RANDOM % 8)) in
	0) pid=$(cut -d' ' -f1 "$pod/pause.pid" 2>/dev/null) ;;
	1 | 2) pid=$(cat "$pod"/bundles/*/pid 2>/dev/null | head -n 1) ;;
	3) ((RANDOM % 4)) || pid=$(pids_of nodes) ;;
	esac
	[[ $pid ]] && kill -9 "$pid" 2>/dev/null
}
for ((i = 1; i <= lives; i++)); do
	create "$i" || not_ok "pod p$i is made"
	hurt
	if ((i > 6)); then
		case $((RANDOM % 3)) in
		0) kc delete pod "p$((i - RANDOM % 6))" --wait=false --ignore-not-found >/dev/null ;;
		1) kc delete pod "p$((i - RANDOM % 6))" --grace-period=0 --force --wait=false --ignore-not-found >/dev/null 2>&1 ;;
		esac
	fi
	ls "$data/pods/n1" >>"$tmp/uids"
done
ok "$lives pods were made"
check "all of them go" timeout 60 kubectl --kubeconfig "$data/kubeconfig" delete pods --all --grace-period=1
back() { [[ $(of_ours) == "$up_before" ]] || { of_ours; return 1; }; }
check "the machine has what it had: $up_before" eventually 30 back
check "the agent is well" eventually 10 is True kc get node n1 -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'
stop
