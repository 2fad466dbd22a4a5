#!/usr/bin/env bash
# The service proxy beside HAProxy in TCP mode, in the same run: requests and
# connections a second to three endpoints, CPU of each, and how long a change
# of the endpoints takes to the first connection there.
# Usage: tools/bench/proxy.sh BUILD-FOLDER   (needs wrk, haproxy; SECONDS_EACH=3)
set -uo pipefail
build=$1 secs=${SECONDS_EACH:-3} rounds=3
tmp=$(mktemp -d) pids=() net=127.97.$((RANDOM % 250 + 1)) port=$((20000 + RANDOM % 20000))
finish() {
	for p in "${pids[@]}"; do kill "$p" 2>/dev/null && wait "$p" 2>/dev/null; done
	rm -rf "$tmp"
}
trap finish EXIT
until_answers() { until curl -so /dev/null -m 1 "http://$1/"; do kill -0 "$2" || return 1; sleep 0.02; done; }
ticks() { awk '{print $14 + $15}' "/proc/$1/stat"; }
middle() { sort -n | awk '{a[NR] = $1} END {print a[int((NR + 1) / 2)]}'; }

"$build/bench/proxy" backend "$net.1" 8080 3 & pids+=($!)
until_answers "$net.1:8080" ${pids[-1]} || exit 1
"$build/bench/proxy" plane "$net.9" 80 "$net.1" 8080 3 & ours=$!
pids+=($ours)
until_answers "$net.9" $ours || exit 1
declare -A at=([direct]=$net.1:8080 [ours]=$net.9:80) pid=([ours]=$ours)
if command -v haproxy >/dev/null; then
	for threads in 1 2; do
		cat >"$tmp/haproxy$threads.cfg" <<-H
			global
			    nbthread $threads
			    maxconn 4000
			defaults
			    mode tcp
			    timeout connect 2s
			    timeout client 1h
			    timeout server 1h
			listen web
			    bind $net.1$threads:80
			    balance roundrobin
			    server a $net.1:8080
			    server b $net.2:8080
			    server c $net.3:8080
		H
		haproxy -f "$tmp/haproxy$threads.cfg" -db >/dev/null 2>"$tmp/haproxy.log" & pids+=($!)
		until_answers "$net.1$threads" ${pids[-1]} || { cat "$tmp/haproxy.log" >&2; exit 1; }
		pid[haproxy$threads]=${pids[-1]}
		at[haproxy$threads]=$net.1$threads:80
	done
else
	echo "bench: haproxy is missing: apt-get install haproxy" >&2
fi

# Interleaved, so that a noisy moment hits all.
for what in requests connections; do
	head=(-H 'Connection: keep-alive')
	[[ $what == connections ]] && head=(-H 'Connection: close')
	for ((r = 0; r < rounds; r++)); do
		for who in "${!at[@]}"; do
			t0=0 t1=0
			[[ -n ${pid[$who]:-} ]] && t0=$(ticks "${pid[$who]}")
			n=$(wrk -t1 -c32 -d"${secs}s" "${head[@]}" "http://${at[$who]}/" | awk '/Requests\/sec/{print int($2)}')
			[[ -n ${pid[$who]:-} ]] && t1=$(ticks "${pid[$who]}")
			echo "$n" >>"$tmp/$what.$who"
			awk -v t=$((t1 - t0)) -v n="$n" -v s="$secs" 'BEGIN {printf "%.1f\n", t * 10000 / (n * s + 1)}' >>"$tmp/cpu.$what.$who"
		done
	done
	mine=$(middle <"$tmp/$what.ours")
	for who in "${!at[@]}"; do
		[[ $who == ours ]] && continue
		other=$(middle <"$tmp/$what.$who")
		printf '{"bench":"proxy","what":"%s","per_s":%d,"cpu_us":%s,"beside":"%s","beside_per_s":%d,"beside_cpu_us":%s,"ratio":%s}\n' \
			$what "$mine" "$(middle <"$tmp/cpu.$what.ours")" "$who" "$other" "$(middle <"$tmp/cpu.$what.$who")" \
			"$(awk -v a="$mine" -v b="$other" 'BEGIN {printf "%.2f", b ? a / b : 0}')"
	done
done
# A whole cluster: from the moment that an EndpointSlice is sent to the API
# until the service's address answers from there. Twenty times, to and fro.
"$build/troupe" up --data-dir "$tmp/d" --api "127.0.0.1:$port" --nodes 1 >"$tmp/out" 2>"$tmp/log" & pids+=($!)
until grep -q '^ready' "$tmp/out" 2>/dev/null; do kill -0 ${pids[-1]} || exit 1; sleep 0.01; done
TOKEN=$(cat "$tmp/d/pki/token") python3 - $port "$net" "127.96.$((RANDOM % 200 + 10)).1" <<'P'
import http.client, json, os, socket, ssl, sys, threading, time
port, net, address = int(sys.argv[1]), sys.argv[2], sys.argv[3]
tls = ssl._create_unverified_context()
api = http.client.HTTPSConnection("127.0.0.1", port, context=tls)
def send(method, path, body):
    api.request(method, path, json.dumps(body), {"Authorization": "Bearer " + os.environ["TOKEN"], "Content-Type": "application/json"})
    r = api.getresponse()
    text = r.read()
    assert r.status < 300, (r.status, text)
    return json.loads(text)
def server(ip, name):
    s = socket.create_server((ip, 8081))
    def run():
        while True:
            c, _ = s.accept()
            c.sendall(name)
            c.close()
    threading.Thread(target=run, daemon=True).start()
server(net + ".1", b"a"), server(net + ".2", b"b")
def who():
    try:
        with socket.create_connection((address, 80), 1) as s:
            return s.recv(1)
    except OSError:
        return b""
slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
def slice(ip):
    return {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": "bench", "labels": {"kubernetes.io/service-name": "bench"}},
        "ports": [{"port": 8081, "protocol": "TCP"}], "endpoints": [{"addresses": [ip], "conditions": {"ready": True}}]}
send("POST", "/api/v1/namespaces/default/services", {"apiVersion": "v1", "kind": "Service",
    "metadata": {"name": "bench"}, "spec": {"clusterIP": address, "ports": [{"port": 80}]}})
send("POST", slices, slice(net + ".1"))
while who() != b"a":
    time.sleep(0.01)
times = []
for i in range(20):
    n = i % 2 == 0
    t = time.perf_counter()
    send("PUT", slices + "/bench", slice(net + (".2" if n else ".1")))
    while who() != (b"b" if n else b"a"):
        pass
    times.append((time.perf_counter() - t) * 1000)
times.sort()
print(json.dumps({"bench": "proxy", "what": "endpoint change to connection", "ms_p50": round(times[10], 2), "ms_max": round(times[-1], 2), "target_ms": 20}))
P
