#!/usr/bin/env bash
# Real containers: from POST to Running, many at once, what stays in memory; beside
# the OCI program alone, which makes and starts the same container, and beside the
# floor: a process with namespaces of its own.
# Usage: tools/bench/containers.sh BUILD-FOLDER   (root; crun or runc, busybox-static)
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd) build=$(cd "$1" && pwd)
say() { echo "{\"bench\":\"containers\",$1}"; }
((EUID == 0)) && { command -v crun || command -v runc; } >/dev/null && command -v busybox >/dev/null || {
	echo "bench: containers: needs root, crun or runc, and busybox-static" >&2
	exit 0
}
[[ ${BENCH_NAMESPACE-} ]] || BENCH_NAMESPACE=1 exec unshare --net -- "$here/containers.sh" "$build"
ip link set lo up
tmp=$(mktemp -d) up=
finish() { [[ $up ]] && kill "$up" && wait "$up" 2>/dev/null; rm -rf "$tmp"; }
trap finish EXIT
source "$here/processes.sh"
"$here/../demo/busybox-image" "$tmp/box.tar"
"$build/troupe" image load --data-dir "$tmp/d" "$tmp/box.tar" >/dev/null
begun=$(date +%s%N)
"$build/troupe" up --data-dir "$tmp/d" --api 127.0.0.1:7443 --runtime oci >"$tmp/out" 2>"$tmp/log" & up=$!
until grep -q '^ready' "$tmp/out" 2>/dev/null; do kill -0 $up || { cat "$tmp/log" >&2; exit 1; }; sleep 0.002; done
say "\"what\":\"ready, with a trial of the OCI program\",\"ms\":$((($(date +%s%N) - begun) / 1000000))"
program=$(sed -n 's/.*program: "\(.*\)"}.*/\1/p' "$tmp/d/cluster.yaml" | head -n 1)

# ---- the OCI program alone: the bundle that the agent made, in a mount namespace as the pause's
bare() { # prints the median and the 99th percentile of RUNS create-and-start, in ms
	cat >"$tmp/bare.sh" <<'B'
mount --make-rslave / && umount -l /sys/fs/cgroup/unified 2>/dev/null
mkdir -p "$1/rootfs" && mount -t overlay overlay -o "lowerdir=$3,upperdir=$1/upper,workdir=$1/work" "$1/rootfs"
for ((i = 0; i < 60; i++)); do
	a=$(date +%s%N)
	"$2" --root "$1/state" run --detach --bundle "$1" --pid-file "$1/pid" "bare-$$-$i" </dev/null >/dev/null 2>&1 || echo failed >&2
	echo $((($(date +%s%N) - a) / 1000))
	"$2" --root "$1/state" delete --force "bare-$$-$i"
done
B
	unshare -m -i -u -- bash "$tmp/bare.sh" "$@" | sort -n | awk '{t[NR] = $1} END{printf "%.1f %.1f\n", t[int(NR / 2) + 1] / 1e3, t[int(NR * 0.99)] / 1e3}'
}
mkdir -p "$tmp/bare/upper" "$tmp/bare/work"
api=(127.0.0.1:7443 "$(cat "$tmp/d/pki/token")" "$tmp/d/pki/ca.crt" troupe.io/busybox:1)
python3 "$here/containers.py" "${api[@]}" one 1 >/dev/null
cp "$(ls "$tmp"/d/pods/n1/*/bundles/c.0/config.json | head -n 1)" "$tmp/bare/"
sed -i 's#/troupe/[^"]*#/troupe-bench/c#; s#{"destination":"/\(etc\|dev/shm\|dev/term\)[^}]*},*##g; s#,\]#]#g' "$tmp/bare/config.json"
read -r bare_p50 bare_p99 <<<"$(bare "$tmp/bare" "$program" "$(echo "$tmp"/d/images/layers/*)")"
find /sys/fs/cgroup -depth -path '*/troupe-bench*' -type d -exec rmdir {} \; 2>/dev/null
floor=$(for ((i = 0; i < 60; i++)); do a=$(date +%s%N); unshare -m -p -i -u -n --fork busybox true; echo $((($(date +%s%N) - a) / 1000)); done | sort -n | awk '{t[NR] = $1} END{printf "%.1f", t[int(NR / 2) + 1] / 1e3}')
kube() { kubectl --kubeconfig "$tmp/d/kubeconfig" "$@" >/dev/null 2>&1; }
gone() { kube delete pods --all --grace-period=1; }

gone
one=$(python3 "$here/containers.py" "${api[@]}" one 60)
p50=$(sed 's/.*p50_ms":\([0-9.]*\).*/\1/' <<<"$one") p99=$(sed 's/.*p99_ms":\([0-9.]*\).*/\1/' <<<"$one")
say "\"what\":\"POST to Running\",$one,\"program\":\"$program\",\"bare_p50_ms\":$bare_p50,\"bare_p99_ms\":$bare_p99,\"floor_ms\":$floor,\"ratio\":$(awk -v a="$p50" -v b="$bare_p50" 'BEGIN{printf "%.2f", a / b}'),\"ratio_p99\":$(awk -v a="$p99" -v b="$bare_p99" 'BEGIN{printf "%.2f", a / b}')"
gone
say "\"what\":\"at once\",$(python3 "$here/containers.py" "${api[@]}" many 100)"
python3 "$here/containers.py" "${api[@]}" one 10 >/dev/null
agent=$(pgrep -f -- "--data-dir $tmp/d --name nodes")
pauses=$(for f in "$tmp"/d/pods/*/*/pause.pid; do cut -d' ' -f1 "$f"; done)
count=$(wc -w <<<"$pauses")
sleep 3
say "\"what\":\"memory\",\"pods\":$count,\"agent_pss_kb\":$(memory_kb $agent),\"pause_pss_kb\":$(awk -v a="$(memory_kb $pauses)" -v n="$count" 'BEGIN{printf "%.0f", a / n}'),\"control_plane_pss_kb\":$(memory_kb $up $(pgrep -P "$up" | grep -v "^$agent$"))"
read -r percent wakeups <<<"$(idle 5 $agent $pauses)"
say "\"what\":\"idle with them\",\"cpu_percent\":$percent,\"wakeups_per_s\":$wakeups"
gone
