#!/usr/bin/env bash
# The proxy of pods, services and nodes: what passes in both directions and
# what does not, how much is held meanwhile, who is refused and in which words.
source "$(dirname "$0")/../lib/e2e.sh"
command -v python3 >/dev/null || { echo "skip proxy.sh: python3 is missing"; exit 0; }

start --nodes 1 || { not_ok "cluster starts"; exit 1; }
ok "cluster starts"
token=$(cat "$data/pki/token")
api=https://127.0.0.1:$port/api/v1
ns=$api/namespaces/default
c() { curl -sk --max-time 60 -H "Authorization: Bearer ${as:-$token}" "$@"; }
cb() { exec curl -sk --max-time 60 -H "Authorization: Bearer $token" "$@"; } # as a process to be killed
raw() { kc get --raw "/api/v1/$1"; }

pod() { # NAME LABEL [YAML-OF-SPEC]
	kc create -f - >/dev/null <<Y
apiVersion: v1
kind: Pod
metadata: {name: $1, labels: {app: $2}}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: main
    image: none
    command: ["python3", "$top/tests/e2e/proxy_server.py", "$data/pki/api.crt", "$data/pki/api.key"]
    ports: [{name: http, containerPort: 8080}, {name: tls, containerPort: 8443}]
  ${3:-}
Y
}
service() { # NAME YAML-OF-SPEC
	kc create -f - >/dev/null <<Y
apiVersion: v1
kind: Service
metadata: {name: $1}
spec: $2
Y
}
pod web web
pod two web
pod sick sick "readinessGates: [{conditionType: never}]"
service web '{selector: {app: web}, ports: [{name: http, port: 80, targetPort: http}, {name: tls, port: 443, targetPort: 8443}]}'
service single '{selector: {app: web}, ports: [{port: 8000, targetPort: 8080}]}'
service sick '{selector: {app: sick}, ports: [{port: 80, targetPort: 8080}]}'
service bare '{ports: [{port: 80}]}'
for p in web two sick; do
	check "pod $p answers through the API server" eventually 20 is "hello from $p" raw namespaces/default/pods/$p/proxy/
done

# ---- whom a name means
p=namespaces/default/pods s=namespaces/default/services
check "its first port" is "web 8080" raw $p/web/proxy/who
check "a port by number" is "web 8443" raw $p/https:web:8443/proxy/who
check "http said in full" is "web 8080" raw $p/http:web:8080/proxy/who
check "https and its first port, which speaks no TLS" grep -q 'error trying to reach service: tls: handshake' <(raw $p/https:web:/proxy/who 2>&1)
of_web() { raw "$s/$1/proxy/who" | grep -qxE "(web|two) $2"; }
check "a service's port by name" eventually 10 of_web web:http 8080
check "by number" of_web web:80 8080
check "over TLS" of_web https:web:tls 8443
check "a port without a name" eventually 10 of_web single 8080
check "and by its number" of_web single:8000 8080
both() { for ((i = 0; i < 12; i++)); do raw $s/web:http/proxy/who; done | sort -u | xargs; }
check "any of its pods" eventually 10 is "two 8080 web 8080" both
ip=$(kc get pod web -o 'jsonpath={.status.podIP}')

# ---- what passes
says() { # PATTERN CURL-OPTIONS...: of the answer with its head
	local want=$1
	shift
	c -i "$@" | tr -d '\r' >"$tmp/says"
	grep -qE -- "$want" "$tmp/says" || { cat "$tmp/says"; return 1; }
}
echo_=$ns/pods/web/proxy/echo
for m in GET POST PUT PATCH DELETE OPTIONS; do
	check "$m" says "\"method\": \"$m\"" -X $m $echo_
done
check "HEAD" says '^X-Served-By: web$' -I $echo_
check "no other method" says '^HTTP/1.1 405 ' -X TRACE $echo_
check "the path, and the query as it came" says '"path": "/echo/a%20b/c/\?x=1&y=%20z%E9&watch=true&dryRun=x"' \
	--path-as-is "$echo_/a%20b//./d/../c/?x=1&y=%20z%E9&watch=true&dryRun=x"
check "dot segments do not leave it" says '"path": "/echo"' --path-as-is "$ns/pods/web/proxy/../../../echo"
fields() { c -H 'X-Forwarded-For: 9.9.9.9' -H 'Connection: keep-alive, X-Drop' -H 'X-Drop: 1' -H 'Cookie: a=b' -H 'Impersonate-User: kubernetes-admin' \
	-H 'Impersonate-Group: system:masters' -H 'TE: gzip' -H 'X-Kept: yes' "$echo_/x?q" | python3 -c '
import json, sys
for name, value in sorted(json.load(sys.stdin)["headers"]):
    print(f"{name}: {value}")'; }
check "the fields: none for one hop, none that says who asks" is "Accept: */*
Connection: close
Cookie: a=b
Host: 127.0.0.1:$port
User-Agent: $(curl --version | sed -n '1s/ \([^ ]*\).*/\/\1/p')
X-Forwarded-For: 9.9.9.9, 127.0.0.1
X-Forwarded-Host: 127.0.0.1:$port
X-Forwarded-Proto: https
X-Forwarded-Uri: /api/v1/namespaces/default/pods/web/proxy/echo/x
X-Kept: yes" fields
check "back too" says '^X-Served-By: web$' $echo_
check "but none for one hop, and no leave for other sites' pages" test -z "$(c -i $echo_ | grep -iE '^(Keep-Alive|X-Hop|Access-Control|Connection)')"
for code in 204 304 404 418 500; do check "status $code" says "^HTTP/1.1 $code " "$ns/pods/web/proxy/status/$code"; done
check "an interim answer is passed over" is after c "$ns/pods/web/proxy/interim"
two_on_one() { c -w '%{num_connects}\n' -o /dev/null "$echo_" -o /dev/null "$echo_" | tail -n 1; }
check "the client's connection stays" is 0 two_on_one

# ---- redirects
leads() { c -o /dev/null -w '%{http_code} %{redirect_url}' "$@"; }
check "a path without its slash" is "301 $ns/pods/web/proxy/?a=b" leads "$ns/pods/web/proxy?a=b"
check "of a HEAD too" is "301 $ns/services/web:http/proxy/" leads -I "$ns/services/web:http/proxy"
check "a POST goes through without it" says '^HTTP/1.1 200 ' -X POST -d x "$ns/pods/web/proxy"
redirect=$ns/pods/web:8080/proxy/redirect?to=
check "a path of the server is one of the proxy" is "302 $ns/pods/web:8080/proxy/there?x=y" leads "${redirect}/there?x=y"
check "the server's own address too" is "302 $ns/pods/web:8080/proxy/there" leads "${redirect}http://$ip:8080/there"
check "another's is not" is "302 http://example.com/there" leads "${redirect}http://example.com/there"
check "a part of a path is not" is "302 $ns/pods/web:8080/proxy/beside" leads "${redirect}beside"

# ---- links inside of pages
check "links lead through the proxy too" is '<html><a href="/api/v1/namespaces/default/pods/web:8080/proxy/a?b=c">a</a><img src="b.png"><a href="http://example.com/c">c</a></html>' \
	c "$ns/pods/web:8080/proxy/page"
check "who asks for pages gets none that is compressed" says '^X-Encodings: none$' -H 'Accept: text/html,*/*' -H 'Accept-Encoding: gzip' "$ns/pods/web/proxy/page"
check "a HEAD of one" says '^Content-Length: [0-9]+$' -I "$ns/pods/web/proxy/page"

# ---- large bodies
sum() { python3 -c '
import hashlib, sys
b, n = bytes(range(256)) * 256, int(sys.argv[1])
print(hashlib.md5((b * (n // len(b) + 1))[:n]).hexdigest())' "$1"; }
size=30000001 want="$(sum 30000001)  -"
got() { c "$1/proxy/$2?n=$size" | md5sum; }
check "30 MB come with their length" is "$want" got "$ns/pods/web" big
check "in chunks" is "$want" got "$ns/services/web:http" chunked
check "until the end" is "$want" got "$ns/pods/web" until-close
check "over TLS" is "$want" got "$ns/pods/https:web:8443" chunked
python3 -c 'import sys
b, n = bytes(range(256)) * 256, int(sys.argv[1])
sys.stdout.buffer.write((b * (n // len(b) + 1))[:n])' $size >"$tmp/body"
arrived() { c "$@" | python3 -c 'import json, sys; a = json.load(sys.stdin); print(a["bytes"], a["md5"])'; }
check "and go with their length" is "$size ${want%  -}" arrived -T "$tmp/body" $echo_
check "in chunks" is "$size ${want%  -}" arrived -X POST -H 'Transfer-Encoding: chunked' -H 'Expect:' --data-binary "@$tmp/body" $echo_
check "over TLS" is "$size ${want%  -}" arrived -T "$tmp/body" "$ns/pods/https:web:8443/proxy/echo"
check "an answer that reads nothing of it comes all the same" says '^HTTP/1.1 413 ' -T "$tmp/body" -H 'Expect:' "$ns/pods/web/proxy/early"

# ---- who is slow
main=$(pids_of main)
memory() { awk '/^VmRSS/ {print $2}' "/proc/$main/status"; }
number() { raw "$p/web/proxy/$1"; }
cb -o /dev/null --limit-rate 20k "$ns/pods/web/proxy/counted?n=100000000" & reader=$!
grown() { local a; a=$(number "$1"); sleep 0.3; [[ $a != 0 && $a == "$(number "$1")" ]]; }
before=$(memory)
check "who reads slowly" eventually 20 grown sent
check "slows who writes" test "$(number sent)" -lt 20000000
check "and nothing is held for them" test $(($(memory) - before)) -lt 4000
kill $reader
head -c 100000000 /dev/zero | c -o "$tmp/count" -T - -H 'Expect:' "$ns/pods/web/proxy/count" & writer=$!
check "who takes slowly" eventually 20 grown taken
check "slows who sends" test "$(number taken)" -lt 20000000
check "and nothing is held for them" test $(($(memory) - before)) -lt 4000
check "until it goes on" is go raw $p/web/proxy/go
wait $writer
check "and all of it came" is 100000000 cat "$tmp/count"
hanging() { is "$1" number hanging; }
cb "$ns/pods/web/proxy/hang" & client=$!
check "a request that waits" eventually 10 hanging 1
kill $client
check "ends at the server when its client goes" eventually 10 hanging 0

# ---- another protocol
cat >"$tmp/upgrade.py" <<'P'
# upgrade.py PORT TOKEN PATH MODE: asks for "lines", and says what it hears.
import select, socket, ssl, sys
port, token, path, mode = sys.argv[1:]
s = ssl._create_unverified_context().wrap_socket(socket.create_connection(("127.0.0.1", int(port)), timeout=30))
s.sendall((f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nConnection: keep-alive, Upgrade\r\n"
           "Upgrade: lines\r\n\r\n").encode())
f = s.makefile("rb")
status = f.readline().split()[1].decode()
fields = {}
for line in f:
    if not line.strip():
        break
    name, value = line.decode().split(":", 1)
    fields[name] = value.strip()
print(status, fields.get("Upgrade"), fields.get("X-Served-By"))
if status != "101":
    sys.exit()
print(f.readline().decode().strip())
if mode == "talk":
    for word in b"one\n", b"two\n":
        s.sendall(word)
        print(f.readline().decode().strip())
    s.sendall(b"bye\n")
    print(f.read().decode().strip())
elif mode == "leave":
    s.close()
elif mode == "much":            # both ways at once, more than anybody holds
    line, n = b"x" * 99 + b"\n", 200000
    out, back, more = memoryview(line * n + b"bye\n"), bytearray(), True
    s.setblocking(False)        # one thread: a TLS connection is not for two
    while more:
        if not s.pending():
            select.select([s], [s] if len(out) else [], [], 30)
        try:
            out = out[s.send(out[:16384]):] if len(out) else out
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        try:
            got = s.recv(65536)
            back += got
            more = bool(got)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
    print(len(back), back == line.upper() * n + b"the end\n")
P
upgraded() { timeout 60 python3 "$tmp/upgrade.py" "$port" "$token" "/api/v1/$p/$1/proxy/$2" "$3"; }
check "an upgraded connection passes as it is" is "101 lines web
welcome
ONE
TWO
the end" upgraded web upgrade talk
check "over TLS" is "101 lines web
welcome
ONE
TWO
the end" upgraded https:web:8443 upgrade talk
check "20 MB each way at once" is "101 lines web
welcome
20000008 True" upgraded web upgrade much
ended=$(number upgraded)
check "who leaves" is "101 lines web
welcome" upgraded web upgrade leave
check "ends it at the server" eventually 10 is $((ended + 1)) number upgraded
check "a server that does not want to says so" is "404 None None" upgraded web none talk
check "counted as what they are" grep -q 'apiserver_request_total{code="101".*subresource="proxy"' <(kc get --raw /metrics)

# ---- what does not work
status() { # CODE REASON MESSAGE CURL-OPTIONS...
	local code=$1 reason=$2 message=$3
	shift 3
	[[ $(c -o "$tmp/status" -w '%{http_code}' "$@") == "$code" ]] && python3 - "$reason" "$message" "$tmp/status" <<-'P' || { cat "$tmp/status"; return 1; }
		import json, sys
		s = json.load(open(sys.argv[3]))
		sys.exit(not (s["kind"] == "Status" and s["reason"] == sys.argv[1] and sys.argv[2] in s["message"]))
	P
}
trying="error trying to reach service:"
check "nobody listens" status 503 ServiceUnavailable "$trying dial tcp $ip:9: connect: connection refused" "$ns/pods/web:9/proxy/"
check "which kubectl tells" grep -qF "$trying dial tcp $ip:9" <(raw $p/web:9/proxy/ 2>&1)
check "and who asks is not told to come again" test -z "$(c -i "$ns/pods/web:9/proxy/" | grep -i retry-after)"
check "with a body that nobody has asked for yet" status 503 ServiceUnavailable "$trying" -T "$tmp/body" "$ns/pods/web:9/proxy/"
check "with one that comes unasked" status 503 ServiceUnavailable "$trying" -T "$tmp/body" -H 'Expect:' "$ns/pods/web:9/proxy/"
check "no answer" status 503 ServiceUnavailable "$trying EOF" "$ns/pods/web/proxy/nothing"
check "no HTTP" status 503 ServiceUnavailable "$trying malformed HTTP response" "$ns/pods/web/proxy/nonsense"
check "a head without end" status 503 ServiceUnavailable "$trying the response's header is larger" "$ns/pods/web/proxy/long-head"
cut() { c "$ns/pods/web/proxy/cut" >"$tmp/cut"; echo "$? $(cat "$tmp/cut")"; }
check "an answer that breaks off is one that breaks off" is "18 only this" cut
check "no such pod" status 404 NotFound 'pods "none" not found' "$ns/pods/none/proxy/"
check "no such service" status 404 NotFound 'services "none" not found' "$ns/services/none/proxy/"
check "no such port of it" status 503 ServiceUnavailable 'no service port 81 found for service "web"' "$ns/services/web:81/proxy/"
check "no port of that name" status 503 ServiceUnavailable 'no endpoints available for service "web:other"' "$ns/services/web:other/proxy/"
check "no ready endpoint" status 503 ServiceUnavailable 'no endpoints available for service "sick"' "$ns/services/sick/proxy/"
check "no endpoints at all" status 503 ServiceUnavailable 'no endpoints available for service "bare"' "$ns/services/bare/proxy/"
for name in web:http web:0 web:65536 ftp:web:80 a:b:c:d :80; do
	check "no request for a pod: $name" status 400 BadRequest "invalid pod request \"$name\"" "$ns/pods/$name/proxy/"
done
check "a node's agent serves no HTTP" status 503 ServiceUnavailable 'node "n1" serves no HTTP' "$api/nodes/n1/proxy/pods"
check "of what is no container nobody keeps figures" status 503 ServiceUnavailable 'the node tells no figures' "$api/nodes/n1/proxy/stats/summary"
check "no such node" status 404 NotFound 'nodes "none" not found' "$api/nodes/none/proxy/"
check "the machine itself is no node's address" status 400 BadRequest 'address not allowed' "$api/nodes/n1:$port/proxy/"

# ---- addresses that are no pod's
endpoints() { # NAME IP TARGET-REF
	kc apply -f - >/dev/null <<Y
apiVersion: v1
kind: Endpoints
metadata: {name: $1}
subsets: [{addresses: [{ip: $2$3}], ports: [{port: 8080}]}]
Y
}
endpoints bare "$ip" ""
kc label endpoints bare tier=front >/dev/null
kc annotate endpoints bare note=mine >/dev/null
mirror() { kc get endpointslices -l kubernetes.io/service-name=bare -o "jsonpath={$1}"; }
check "its slice has its labels" eventually 5 is "front endpointslicemirroring-controller.k8s.io" mirror '.items[*].metadata.labels.tier} {.items[*].metadata.labels.endpointslice\.kubernetes\.io/managed-by'
check "and its annotations, but for kubectl's own" eventually 5 is '{"note":"mine"}' mirror '.items[*].metadata.annotations'
check "and says no more than is known" is '{"ready":true}' mirror '.items[*].endpoints[*].conditions'
check "an endpoint that is no pod's is not asked" status 503 ServiceUnavailable "no endpoints available" "$ns/services/bare/proxy/who"
endpoints bare 127.200.0.1 ", targetRef: {kind: Pod, namespace: default, name: web}"
check "nor one that its pod does not have" status 503 ServiceUnavailable "no endpoints available" "$ns/services/bare/proxy/who"
endpoints bare "$ip" ", targetRef: {kind: Pod, namespace: default, name: web}"
check "one that it has is" eventually 5 is "web 8080" raw $s/bare/proxy/who
for bad in 127.0.0.1 169.254.1.1 127.96.0.1 8.8.8.8.8 0.0.0.0 224.0.0.1; do
	kc create -f - >/dev/null <<Y
apiVersion: v1
kind: Pod
metadata: {name: liar}
spec: {nodeName: nowhere, containers: [{name: c, image: none}]}
Y
	kc patch pod liar --subresource=status --type=merge -p "{\"status\":{\"podIP\":\"$bad\",\"podIPs\":[{\"ip\":\"$bad\"}]}}" >/dev/null 2>&1
	check "a pod that says to be $bad" status 400 BadRequest "address not allowed" "$ns/pods/liar:$port/proxy/"
	kc delete pod liar --force --grace-period=0 >/dev/null 2>&1
done

# ---- who may
kc create role looker --verb=get --resource=pods/proxy --resource-name=web >/dev/null
kc create rolebinding looker --role=looker --user=eve >/dev/null
eve() { status 403 Forbidden "User \"eve\" cannot $1 resource \"$2\"" -H 'Impersonate-User: eve' "${@:3}"; }
check "who may get gets" says '^HTTP/1.1 200 ' -H 'Impersonate-User: eve' "$ns/pods/web/proxy/who"
check "of that name" eve get pods/proxy "$ns/pods/two/proxy/who"
check "which has the port in it" eve get pods/proxy "$ns/pods/web:8080/proxy/who"
for verb in POST:create PUT:update PATCH:patch DELETE:delete; do
	check "a ${verb%:*} is to ${verb#*:}" eve "${verb#*:}" pods/proxy -X "${verb%:*}" "$ns/pods/web/proxy/who"
done
check "a body of who may not is not waited for without end" eve create pods/proxy -X POST -H 'Expect:' --data-binary "@<(head -c 100000 /dev/zero)" "$ns/pods/web/proxy/echo"
check "services are others" eve get services/proxy "$ns/services/web:http/proxy/who"
check "and nodes" eve get nodes/proxy "$api/nodes/n1/proxy/"
as=none check "who is nobody" status 401 Unauthorized "" "$ns/pods/web/proxy/"

# ---- figures, discovery, and the end
check "they are counted as what they are" grep -q 'apiserver_request_total{code="200".*resource="pods".*subresource="proxy",verb="CONNECT"' <(kc get --raw /metrics)
check "it is among the resources" grep -q '"pods/proxy"' <(kc get --raw /api/v1)
cb --limit-rate 2M -o "$tmp/part" "$ns/pods/web/proxy/big?n=1000000000" & reader=$!
check "a transfer is on its way" eventually 10 test -s "$tmp/part"
kc delete pod web --grace-period=1 >/dev/null
wait $reader
check "the pod's end breaks it off" grep -qx '18\|56' <(echo $?)
check "nothing is left open" is 0 bash -c "ls -l /proc/$main/fd | grep -c 'socket:.*$ip' || true"

# ---- simulated pods have addresses that are nobody's
stop
rm -rf "$data"
start --nodes 1 --runtime sim || not_ok "a simulated cluster starts"
token=$(cat "$data/pki/token")
kc create -f - >/dev/null <<'Y'
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: c, image: none}]}
Y
has_ip() { [[ $(kc get pod web -o 'jsonpath={.status.podIP}') == 10.* ]]; }
check "a simulated pod has an address" eventually 10 has_ip
check "where nobody is asked" status 503 ServiceUnavailable 'pod "web" is simulated' "$ns/pods/web/proxy/"
