#!/usr/bin/env bash
# What the controllers of workloads do with many: a replication controller from
# 0 to N and to 10 N pods, a deployment of N pods made and rolled, N deployments
# at once until all are complete, the garbage of one owner with 10 N dependants;
# memory for each pod and what is used when nothing happens. JSON lines, each
# beside kube-controller-manager (with kube-apiserver, kube-scheduler, etcd) in
# the same run; its nodes are hollow.c, ours are our simulated ones. The peer
# runs twice: with its limits of requests raised, and, N / 10 of each, as it is.
# Usage: controllers.sh BUILD-FOLDER [N]     PEER_DIR: see peer_lib.sh
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd) build=$1 n=${2:-1000}
source "$here/scenarios.sh"
source "$here/peer_lib.sh"
source "$here/processes.sh"
tmp=$(mktemp -d) port=$((20000 + RANDOM % 20000)) nodes=$((n / 40 + 1)) peer_pids=() driver=
finish() {
	for p in $driver "${peer_pids[@]}"; do kill "$p" 2>/dev/null; done
	for p in $driver "${peer_pids[@]}"; do wait "$p" 2>/dev/null; done
	peer_pids=() driver=
}
trap 'finish; rm -rf "$tmp"' EXIT
export TOKEN
declare -A ours raised asis

members() { ((${#peer_pids[@]} > 1)) && echo "${peer_pids[@]}" || pgrep -f -- "$tmp/d"; }
cpu() { ticks $(members); }

# ---- what is done
# Into the array RESULTS: each scenario's milliseconds, or "" when it was not done in time.
keep() { # RESULTS NAME COUNT
	local -n r=$1
	r[$2]=$ms r[$2.cpu]=$cpu_ms r[$2.n]=$3 r[$2.done]=$done
}
small() { # RESULTS N
	replication "$2"; keep "$1" replication "$2"; replication_ends
	deployment_made "$2"; keep "$1" deployment "$2"
	deployment_rolled "$2"; keep "$1" deployment_rolled "$2"; deployment_ends
	deployments_at_once "$2"; keep "$1" deployments_at_once "$2"; deployments_end
	garbage $((10 * $2)); keep "$1" garbage $((10 * $2))
}
large() { # RESULTS PODS [MANAGER-PID]
	local -n r=$1
	local m0 k0
	m0=$(memory_kb $(members)) k0=$(memory_kb ${3:-})
	replication "$2"; keep "$1" replication_large "$2"
	sleep 15 # until it is idle
	r[bytes]=$((($(memory_kb $(members)) - m0) * 1024 / $2))
	[[ ${3:-} ]] && r[manager_bytes]=$((($(memory_kb "$3") - k0) * 1024 / $2))
	r[idle]=$(idle 20 $(members)) r[pss]=$(memory_kb $(members))
}
start_ours() {
	rm -rf "$tmp/d" "$tmp/out"
	"$build/troupe" up --data-dir "$tmp/d" --api "127.0.0.1:$port" --nodes "$nodes" --runtime sim >"$tmp/out" 2>"$tmp/log" & driver=$!
	until grep -q '^ready' "$tmp/out" 2>/dev/null; do kill -0 $driver || { cat "$tmp/log"; exit 1; }; sleep 0.01; done
	TOKEN=$(cat "$tmp/d/pki/token")
	until api "$(core)/serviceaccounts/default" | grep -q uid; do sleep 0.01; done
}
start_peer() { # QPS
	finish
	port=$((port + 10))
	rm -rf "$tmp/peer"
	peer_start "$tmp/peer" "$port" || exit 1
	peer_control "$tmp/peer" "$port" "$1" "$nodes" 1000 || exit 1
	"$build/bench/hollow" "$port" >"$tmp/hollow" 2>>"$tmp/log" & driver=$!
	until grep -q watching "$tmp/hollow"; do kill -0 $driver || exit 1; sleep 0.01; done
}

start_ours
small ours "$n"
finish
start_ours
large ours $((10 * n))
finish
declare -A few
start_ours
small few $((n / 10))
finish
missing=$(peer_missing kube-apiserver kube-controller-manager kube-scheduler)
if [[ ! $missing ]]; then
	start_peer 5000
	small raised "$n"
	start_peer 5000
	large raised $((10 * n)) "$peer_manager"
	raised[driver.cpu]=$(ticks $driver)
	start_peer ''
	small asis $((n / 10))
fi
finish

# ---- what is said
compared() { # NAME OURS PEER LABEL
	local -n o=$2 p=$3
	local line="{\"bench\":\"$1\",\"objects\":${o[$1.n]},\"nodes\":$nodes,\"ms\":${o[$1]},\"cpu_ms\":${o[$1.cpu]},\"objects_per_s\":$((${o[$1.n]} * 1000 / ${o[$1]}))"
	((${o[$1.done]})) || line+=",\"unfinished\":true"
	if [[ ${p[$1]:-} ]]; then
		line+=",\"peer\":\"$4\",\"peer_ms\":${p[$1]},\"peer_cpu_ms\":${p[$1.cpu]}"
		((${p[$1.done]})) || line+=",\"peer_unfinished\":true"
		line+=",\"ratio\":$(awk -v a="${o[$1]}" -v b="${p[$1]}" 'BEGIN{printf "%.1f", b / a}'),\"cpu_ratio\":$(awk -v a="${o[$1.cpu]}" -v b="${p[$1.cpu]}" 'BEGIN{printf "%.1f", b / (a ? a : 1)}')"
	fi
	echo "$line}"
}
[[ $missing ]] && echo "{\"bench\":\"controllers\",\"peer_skipped\":\"$missing\"}"
for name in replication deployment deployment_rolled deployments_at_once garbage replication_large; do compared $name ours raised 'limits raised'; done
for name in replication deployment deployment_rolled deployments_at_once garbage; do compared $name few asis 'limits as they are'; done
read -r percent wakeups <<<"${ours[idle]}"
line="{\"bench\":\"pods_idle\",\"pods\":$((10 * n)),\"bytes_each\":${ours[bytes]},\"pss_kb\":${ours[pss]},\"cpu_percent\":$percent,\"wakeups_per_s\":$wakeups"
if [[ ${raised[idle]:-} ]]; then
	read -r p_percent p_wakeups <<<"${raised[idle]}"
	line+=",\"peer_bytes_each\":${raised[bytes]},\"peer_manager_bytes_each\":${raised[manager_bytes]},\"peer_pss_kb\":${raised[pss]},\"peer_cpu_percent\":$p_percent,\"peer_wakeups_per_s\":$p_wakeups"
fi
echo "$line}"
