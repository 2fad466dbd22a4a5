#!/usr/bin/env bash
# Services by kubectl and curl: in turn, refused, moved, drained, told apart; the
# variables that containers get. Most endpoint slices are made by hand, so
# that what is ready is the script's to say.
source "$(dirname "$0")/../lib/e2e.sh"
command -v python3 >/dev/null || { echo "skip services.sh: python3 is missing"; exit 0; }

start --nodes 2 || { not_ok "cluster starts"; exit 1; }
ok "cluster starts"

# Addresses of this cluster's own: another cluster may run beside it.
net=127.96.$((RANDOM % 200 + 10))
web=$net.10

cat >"$tmp/server.py" <<'P'
import os, socketserver, threading
name = os.environ["HOSTNAME"].encode()
class Web(socketserver.StreamRequestHandler):
    def handle(self):
        line = self.rfile.readline()
        if line.startswith(b"HOLD"):      # answers line by line until its end
            self.wfile.write(name + b" holds\n")
            for line in self.rfile:
                self.wfile.write(name + b" " + line)
            return
        while self.rfile.readline().strip():
            pass
        self.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n" + name + b"\n")
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
class Datagram(socketserver.BaseRequestHandler):
    def handle(self):
        self.request[1].sendto(name + b"\n", self.client_address)
ip = os.environ["POD_IP"]
threading.Thread(target=socketserver.UDPServer((ip, 5353), Datagram).serve_forever, daemon=True).start()
Server((ip, 8080), Web).serve_forever()
P

pod() { # NAME
	cat <<Y
apiVersion: v1
kind: Pod
metadata: {name: $1, labels: {app: web}}
spec:
  terminationGracePeriodSeconds: 1
  containers: [{name: main, image: none, command: ["python3", "$tmp/server.py"]}]
---
Y
}
service() { # NAME ADDRESS [MORE]
	cat <<Y
apiVersion: v1
kind: Service
metadata: {name: $1}
spec: {clusterIP: $2, ports: [{name: http, port: 80, targetPort: 8080}, {name: dns, port: 53, targetPort: 5353, protocol: UDP}]${3:+, $3}}
---
Y
}
slice() { # SERVICE POD...: these are ready, in this order
	cat <<Y
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: $1-hand, labels: {kubernetes.io/service-name: $1}}
addressType: IPv4
ports: [{name: http, port: 8080, protocol: TCP}, {name: dns, port: 5353, protocol: UDP}]
endpoints:
Y
	shift
	(($#)) || echo '  []'
	for p in "$@"; do echo "- {addresses: [\"${ip[$p]}\"], conditions: {ready: true}}"; done
}
get() { curl -s --max-time 5 "http://${1:-$web}/"; }
answers() { for ((n = 0; n < $1; n++)); do get "${2:-$web}"; done | tr '\n' ' '; }
# The names of these pods as the proxy orders them: by address.
by_address() { for p in "$@"; do echo "$p ${ip[$p]}"; done | sort -t' ' -k2,2V | cut -d' ' -f1; }
phases() { kc get pods -l app=web -o 'jsonpath={.items[*].status.phase}'; }
ready_slice() { kc apply -f <(slice "$@"); }
refused() { get "$1"; [[ $? == 7 ]]; }
event_says() { kc get events --field-selector "involvedObject.name=$1,reason=FailedToBind" -o 'jsonpath={.items[*].message}' | grep -q "$2"; }

check "three servers" kc create -f <(pod a; pod b; pod c)
check "run" eventually 15 is "Running Running Running" phases
declare -A ip
for p in a b c; do ip[$p]=$(kc get pod $p -o 'jsonpath={.status.podIP}'); done
for p in a b c; do check "server $p listens" eventually 10 curl -s "http://${ip[$p]}:8080/"; done

check "a service" kc create -f <(service web $web)
check "without endpoints it refuses at once" refused $web
check "a slice of three" ready_slice web a b c
mapfile -t order < <(by_address a b c)
check "its first connection" eventually 5 get
first=$(get) # whose turn comes next is known from here
turn=0
for i in 0 1 2; do [[ ${order[i]} == "$first" ]] && turn=$i; done
want=
for i in 1 2 3 4 5 6; do want+="${order[(turn + i) % 3]} "; done
check "six requests are answered by three in turn, twice" is "$want" answers 6

cat >"$tmp/udp.py" <<'P'
import socket, sys
seen = []
for _ in range(3):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(5)
    s.connect((sys.argv[1], 53))
    s.send(b"who")
    seen.append(s.recv(100).decode().strip())
print(*sorted(seen))
P
check "UDP too" is "a b c" python3 "$tmp/udp.py" $web

# One connection stays with the endpoint that goes.
exec 4<>"/dev/tcp/$web/80"
echo HOLD >&4
read -r -t 5 holder <&4
holder=${holder% holds}
check "somebody holds a connection" grep -qx '[abc]' <(echo "$holder")
others=()
for p in a b c; do [[ $p == "$holder" ]] || others+=("$p"); done
check "its endpoint is taken out" ready_slice web "${others[@]}"
only() { local got; got=$(answers 4); [[ $got != *"$holder"* && $got == *"${others[0]}"* && $got == *"${others[1]}"* ]]; }
check "new connections go to the others" eventually 5 only
echo still >&4
read -r -t 5 line <&4
check "and the old one goes on" is "$holder still" echo "$line"
exec 4>&-

check "no endpoint is left" ready_slice web
check "it refuses at once" eventually 5 refused $web
check "they come back" ready_slice web a b c
check "and it answers" eventually 5 get

ip[dead]=$net.99
check "an endpoint where nobody listens" ready_slice web a b dead
two() { [[ $(answers 6 | tr ' ' '\n' | sort | uniq -c | tr -s ' \n' ' ') == " 3 a 3 b " ]]; }
check "is passed over, and the others share alike" eventually 5 two

taken=$net.20
python3 -c 'import signal, socket, sys
s = socket.socket(); s.bind((sys.argv[1], 80)); s.listen(); print("taken", flush=True); signal.pause()' \
	$taken >"$tmp/taken" & taker=$!
eventually 5 grep -q taken "$tmp/taken"
check "a service whose port is in use" kc create -f <(service taken $taken)
check "and its slice" ready_slice taken a b
check "is told as an event" eventually 5 event_says taken "Address already in use"
check "the others are not affected" get
kill $taker
check "and it is opened when the port is free" eventually 10 get $taken

node_port=$((31000 + RANDOM % 1700))
check "a service with a node port, and an external address of elsewhere" kc create -f <(service open $net.40 \
	"type: NodePort, externalIPs: [192.0.2.10]" | sed "s/targetPort: 8080/targetPort: 8080, nodePort: $node_port/")
check "and an endpoint" ready_slice open a
check "answers at its address" eventually 5 get $net.40
check "and at the node's" is a get 127.0.0.1:$node_port
check "what is elsewhere is no failure" is "" kc get events --field-selector involvedObject.name=open -o 'jsonpath={.items[*].message}'

check "a service that selects its pods" kc create -f <(service chosen $net.50 'selector: {app: web}')
three() { [[ $(answers 6 $net.50 | tr ' ' '\n' | sort | uniq -c | tr -s ' \n' ' ') == " 2 a 2 b 2 c " ]]; }
check "has them in turn" eventually 5 three
check "one of them is deleted" kc delete pod c --timeout=30s
ab() { [[ $(answers 4 $net.50 | tr ' ' '\n' | sort | uniq -c | tr -s ' \n' ' ') == " 2 a 2 b " ]]; }
check "and the others go on" eventually 5 ab

check "with affinity" kc create -f <(service sticky $net.30 'sessionAffinity: ClientIP')
check "and two endpoints" ready_slice sticky a b
check "one answers" eventually 5 get $net.30
same() { [[ $(answers 5 $net.30 | tr ' ' '\n' | sort -u | wc -w) == 1 ]]; }
check "and it is always the same" same

check "a pod that starts now" kc create -f - <<Y
apiVersion: v1
kind: Pod
metadata: {name: env}
spec:
  restartPolicy: Never
  containers:
  - {name: main, image: none, command: ["sh", "-c", "env; echo to \$(WEB_SERVICE_HOST):\$(WEB_SERVICE_PORT)"]}
---
apiVersion: v1
kind: Pod
metadata: {name: no-env}
spec:
  restartPolicy: Never
  enableServiceLinks: false
  containers:
  - {name: main, image: none, command: ["env"]}
Y
ended() { is Succeeded kc get pod "$1" -o 'jsonpath={.status.phase}'; }
check "ends" eventually 10 ended env
kc logs env >"$tmp/env"
for line in "WEB_SERVICE_HOST=$web" WEB_SERVICE_PORT=80 WEB_SERVICE_PORT_HTTP=80 "WEB_PORT=tcp://$web:80" \
	"WEB_PORT_80_TCP=tcp://$web:80" WEB_PORT_80_TCP_PROTO=tcp WEB_PORT_80_TCP_PORT=80 "WEB_PORT_80_TCP_ADDR=$web" \
	WEB_SERVICE_PORT_DNS=53 "STICKY_SERVICE_HOST=$net.30" KUBERNETES_SERVICE_PORT=443 "to $web:80"; do
	check "it has seen $line" grep -qxF "$line" "$tmp/env"
done
check "without service links" eventually 10 ended no-env
check "there are none" is 0 grep -c '^WEB_' <(kc logs no-env)

check "a service deleted" kc delete service web
check "refuses" eventually 5 refused $web

check "the whole control plane is killed" bash -c "kill -9 $(pids_of main)"
check "and the others come back" eventually 15 get $net.30
