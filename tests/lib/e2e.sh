# What the end-to-end scripts share; sourced. A cluster of its own per script,
# in a temporary directory, ended at exit with every process it started.
set -uo pipefail
for need in kubectl curl pgrep; do
	command -v $need >/dev/null || { echo "skip ${0##*/}: $need is missing"; exit 0; }
done
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
troupe=${TROUPE:-$top/build/troupe}
tmp=$(mktemp -d)
data=$tmp/data
up_pid=
port=$((20000 + RANDOM % 20000))
nap=1000.$$ # `sleep $nap` is a process of this script and of no other

ok() { echo "ok $*"; }
skip() { echo "skip $1: $2"; }
not_ok() { echo "not ok $*"; [[ -s $tmp/up.log ]] && tail -n 3 "$tmp/up.log"; }
# check WHAT COMMAND...: ok when the command succeeds
check() {
	local what=$1
	shift
	if "$@" >"$tmp/check.out" 2>&1; then ok "$what"; else not_ok "$what"; cat "$tmp/check.out"; fi
}
kc() { kubectl --kubeconfig "$data/kubeconfig" --cache-dir "$tmp/cache" "$@"; }
# eventually SECONDS COMMAND...: until it succeeds
eventually() {
	local until=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		((SECONDS >= until)) && { echo "never: $*"; "$@"; return 1; }
		sleep 0.05
	done
}
# Is `want` what this prints?
is() {
	local want=$1 got
	shift
	got=$("$@")
	[[ $got == "$want" ]] || { echo "want '$want', got '$got'"; return 1; }
}
start() { # options of troupe up
	rm -f "$tmp/up.out"
	# Most scripts are about processes of this machine, which every machine has.
	[[ " $* " == *" --runtime "* || " $* " == *" -f "* ]] || set -- "$@" --runtime process
	[[ " $* " == *" -f "* ]] || set -- --api "127.0.0.1:$port" "$@"
	TROUPE_LOG=warn "$troupe" up --data-dir "$data" "$@" >"$tmp/up.out" 2>>"$tmp/up.log" &
	up_pid=$!
	eventually 15 grep -q '^ready: ' "$tmp/up.out"
}
# The script ends here, and says so, where no container can be made.
need_containers() { # WHAT
	local why=
	((EUID == 0)) || why="needs root"
	[[ $why ]] || command -v crun >/dev/null || command -v runc >/dev/null || why="neither crun nor runc is installed"
	[[ $why ]] || command -v busybox >/dev/null || why="busybox-static is not installed"
	if [[ $why ]]; then
		skip "$1" "$why"
		exit 0
	fi
	# In a network namespace of its own, without a way out: so that scripts run
	# beside each other, and beside the machine's own cluster.
	[[ ${E2E_NAMESPACE-} ]] || E2E_NAMESPACE=1 exec unshare --net -- bash "$0"
	ip link set lo up
}
# The config of a cluster: its control plane, and a cell for each line that is
# read: NAME [own] ACTORS; own: in a process of its own. May be given: more keys
# of the API's and the controllers' actors, all actors of `core`, and what stands
# before the cells.
cluster_of() { # [api=KEYS] [controllers=KEYS] [core=ACTORS] [head=LINES]
	local api= controllers= core= head= cell actors
	(($#)) && local "$@"
	: "${core:="{kind: gate}, {kind: controllers${controllers:+, $controllers}}, {kind: scheduler}"}"
	cat <<-Y
	${head:-# nothing else}
	cells:
	  - name: core
	    actors: [$core]
	  - name: api
	    actors: [{kind: api, listen: "127.0.0.1:$port"${api:+, $api}}]
	Y
	while read -r cell actors; do
		[[ $cell ]] || continue
		printf '  - name: %s\n' "$cell"
		[[ $actors == own\ * ]] && printf '    process: own\n'
		printf '    actors: [%s]\n' "${actors#own }"
	done
}
# One simulated node, and no controller of workloads: objects stay as they are.
start_without_workloads() {
	cluster_of core="{kind: gate}, {kind: scheduler}, {kind: namespaces}, {kind: bootstrap}, {kind: tokens}, {kind: namespace-deletion},
	  {kind: kubernetes-service}, {kind: replication}, {kind: endpoints}, {kind: garbage-collector}, {kind: resource-quota}" \
		>"$tmp/still.yaml" <<<"nodes {kind: node-agent, node: n1, runtime: sim}"
	start -f "$tmp/still.yaml"
}
stop() {
	[[ -n $up_pid ]] && kill "$up_pid" 2>/dev/null && wait "$up_pid" 2>/dev/null
	up_pid=
}
# The processes of this cluster, by role.
pids_of() { pgrep -f -- "--data-dir $data --name $1" || true; }
pauses() { for f in "$data"/pods/*/*/pause.pid; do [[ -f $f ]] && cut -d' ' -f1 "$f"; done; }
finish() {
	stop
	for p in $(pauses); do kill -9 "$p" 2>/dev/null; done
	rm -rf "$tmp"
}
trap finish EXIT
