# A second cluster beside a script's own, with real containers; sourced behind need_containers.
# `kb` is its kubectl.
"$top/tools/demo/busybox-image" "$tmp/busybox.tar"
mkdir -p "$data" "$tmp/b"
for d in "$data" "$tmp/b"; do "$troupe" image load --data-dir "$d" "$tmp/busybox.tar" >/dev/null; done
kb() { kubectl --kubeconfig "$tmp/b/kubeconfig" --cache-dir "$tmp/cache-b" "$@"; }
b_pid=
start_b() { # options of troupe up
	rm -f "$tmp/b.out"
	TROUPE_LOG=warn "$troupe" up --data-dir "$tmp/b" --api "127.0.0.1:$((port + 1))" "$@" >"$tmp/b.out" 2>"$tmp/b.err" &
	b_pid=$!
	eventually 15 grep -q '^ready: ' "$tmp/b.out"
}
stop_b() {
	[[ $b_pid ]] && kill "$b_pid" 2>/dev/null && wait "$b_pid" 2>/dev/null
	b_pid=
}
trap 'stop_b; for f in "$tmp"/b/{pods,spaces}/{*,*/*}/pause.pid; do [[ -f $f ]] && kill -9 $(cut -d" " -f1 "$f"); done; finish' EXIT
pod() { # KUBECTL NAME [NODE]
	local where=${3:+"\"nodeName\":\"$3\","}
	"$1" create -f - >/dev/null <<-P
	{"apiVersion":"v1","kind":"Pod","metadata":{"name":"$2","labels":{"app":"$2"}},"spec":{$where"automountServiceAccountToken":false,"terminationGracePeriodSeconds":1,
	"containers":[{"name":"c","image":"troupe.io/busybox:1","command":["sh","-c","mkdir /w; echo $2 >/w/index.html; exec httpd -f -p 80 -h /w"],"ports":[{"containerPort":80}],
	"readinessProbe":{"httpGet":{"port":80},"periodSeconds":1}}]}}
	P
	"$1" expose pod "$2" --port 80 --name "$2" >/dev/null
}
ready() { is true "$1" get pod "$2" -o 'jsonpath={.status.containerStatuses[0].ready}'; }
at() { "$1" get "$2" "$3" -o "jsonpath={$4}"; }
# What clusters have made on this machine; without one there is nothing.
of_machine() { echo "bridges $(ip -o link show type bridge | grep -c troupe) routes $(ip route show table all | grep -cE '10\.(24[4-9]|9[6-9])\.0\.0/16')"; }
# A third one is not started, and these words say why.
refused() { # HEAD WORDS; the cells are read
	cluster_of head="$1" >"$tmp/c.yaml"
	sed -i "s/:$port\"/:$((port + 2))\"/" "$tmp/c.yaml"
	timeout 20 "$troupe" up --data-dir "$tmp/c" -f "$tmp/c.yaml" >"$tmp/refused" 2>&1
	grep -qF -- "$2" "$tmp/refused" || { cat "$tmp/refused"; return 1; }
}
