#!/usr/bin/env bash
# HTTP as it is on the wire: requests in pieces, in a row, with bodies of every
# framing, and those that are refused; who breaks off.
source "$(dirname "$0")/../lib/e2e.sh"
command -v python3 >/dev/null || { echo "skip http.sh: python3 is missing"; exit 0; }

start --nodes 0 || { not_ok "cluster starts"; exit 1; }
ok "cluster starts"
token=$(cat "$data/pki/token")
api=https://127.0.0.1:$port
cat >"$tmp/wire.py" <<'P'
import json, socket, ssl, sys, time
port, token, what = int(sys.argv[1]), sys.argv[2], sys.argv[3]
MAPS = "/api/v1/namespaces/default/configmaps"

class Client:
    def __init__(self):
        raw = socket.create_connection(("127.0.0.1", port), timeout=20)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.s = ssl._create_unverified_context().wrap_socket(raw)
        self.f = self.s.makefile("rb")
    def send(self, data):
        self.s.sendall(data if isinstance(data, bytes) else data.encode())
    def line(self):
        return self.f.readline().decode().rstrip("\r\n")
    def head(self):
        status = self.line()
        fields = {}
        while True:
            line = self.line()
            if not line:
                return (int(status.split()[1]) if status else 0), fields
            name, value = line.split(": ", 1)
            fields[name.lower()] = value
    def chunk(self):
        n = int(self.line(), 16)
        data = self.f.read(n)
        self.line()
        return data
    def answer(self, method="GET"):
        code, fields = self.head()
        if method == "HEAD":
            return code, fields, b""
        if "content-length" in fields:
            return code, fields, self.f.read(int(fields["content-length"]))
        body = b""
        if fields.get("transfer-encoding") == "chunked":
            while True:
                piece = self.chunk()
                if not piece:
                    return code, fields, body
                body += piece
        return code, fields, self.f.read()
    def ended(self):
        try:
            return self.f.read(1) == b""
        except (ConnectionError, ssl.SSLError):
            return True

def head(method, path, *fields, version="1.1"):
    return "\r\n".join((f"{method} {path} HTTP/{version}", "Host: x", f"Authorization: Bearer {token}") + fields) + "\r\n\r\n"
def post(name, *fields):
    body = json.dumps({"metadata": {"name": name}, "data": {"k": "v" * 3000}})
    return head("POST", MAPS + "?dryRun=All", "Content-Type: application/json", *(fields or (f"Content-Length: {len(body)}",))), body
def name_of(answer):
    return answer[0], json.loads(answer[2])["metadata"].get("name")

c = Client()
if what == "pieces":
    h, body = post("slow")
    for i in range(0, len(h), 7):
        c.send(h[i:i + 7])
    for i in range(0, len(body), 500):
        c.send(body[i:i + 500])
    print(*name_of(c.answer()))
elif what == "row":
    all = ""
    for i in range(50):
        h, body = post(f"n{i}")
        all += h + body + head("GET", "/version")
    c.send(all)
    names = []
    for i in range(50):
        names.append(name_of(c.answer())[1] == f"n{i}")
        names.append(json.loads(c.answer()[2])["major"] == "1")
    print(len(names), all and set(names))
elif what == "chunks":
    h, body = post("chunked", "Transfer-Encoding: chunked")
    c.send(h)
    for i in range(0, len(body), 777):
        piece = body[i:i + 777]
        c.send("%x;ext=1\r\n%s\r\n" % (len(piece), piece))
    c.send("0\r\nTrailer: x\r\n\r\n" + head("GET", "/version"))
    print(*name_of(c.answer()), c.answer()[0])
elif what == "expect":
    h, body = post("expected")
    c.send(h.replace("\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n"))
    print(c.head()[0], end=" ")
    c.send(body)
    print(*name_of(c.answer()))
elif what == "too-large":
    c.send(head("POST", MAPS, "Content-Type: application/json", "Transfer-Encoding: chunked"))
    piece = "100000\r\n" + "x" * 0x100000 + "\r\n"
    for _ in range(40):
        c.send(piece)
    c.send("0\r\n\r\n")
    print(c.answer()[0])
elif what == "head":
    c.send(head("HEAD", "/apis") + head("GET", "/apis"))
    a, b = c.answer("HEAD"), c.answer()
    print(a[0], a[1]["content-length"] == str(len(b[2])), b[0])
elif what == "old":
    c.send(head("GET", "/version", version="1.0"))
    a = c.answer()
    print(a[0], a[1].get("connection"), c.ended())
elif what == "old-kept":
    c.send(head("GET", "/version", "Connection: keep-alive", version="1.0") * 2)
    a, b = c.answer(), c.answer()
    print(a[0], a[1].get("connection").lower(), b[0])
elif what == "old-watch":
    c.send(head("GET", MAPS + "?watch=1&timeoutSeconds=1", version="1.0"))
    code, fields, body = c.answer()
    print(code, fields.get("transfer-encoding"), fields.get("connection"), body.count(b'"ADDED"') > 0)
elif what == "close":
    c.send(head("GET", "/version", "Connection: close"))
    a = c.answer()
    print(a[0], a[1].get("connection"), c.ended())
elif what == "half":
    c.send(head("GET", MAPS, "Connection: close"))
    try:
        c.s.unwrap()
    except (OSError, ssl.SSLError):
        pass
    c.s.close()
    print("gone")
elif what == "leave":
    c.send(head("GET", MAPS + "?watch=1"))
    print(c.head()[0])
    sys.stdout.flush()
    time.sleep(600)
else: # a request as it is
    c.send(sys.stdin.buffer.read())
    print(c.answer()[0], c.ended())
P
wire() { timeout 60 python3 "$tmp/wire.py" "$port" "$token" "$@"; }
check "a request in pieces" is "201 slow" wire pieces
check "a hundred in a row, unasked" is "100 {True}" wire row
check "a body in chunks, and the next request behind it" is "201 chunked 200" wire chunks
check "who asks whether to send the body" is "100 201 expected" wire expect
check "who sends too much is answered all the same" is 413 wire too-large
check "HEAD" is "200 True 200" wire head
check "HTTP/1.0" is "200 close True" wire old
check "and kept" is "200 keep-alive 200" wire old-kept
check "a watch without chunks" is "200 None close True" wire old-watch
check "a connection that is not kept" is "200 close True" wire close
harmless() { printf "$1" | wire raw >"$tmp/answer" 2>&1; ! grep -q ^20 "$tmp/answer"; }
as_is() { printf "$1" | wire raw; }
check "no HTTP" harmless 'nonsense\r\n\r\n'
check "a later HTTP" is "505 True" as_is 'GET / HTTP/3.0\r\nHost: x\r\n\r\n'
check "fields that are too long" is "431 True" as_is "GET /api/v1/pods HTTP/1.1\\r\\nHost: x\\r\\nX: $(printf '%040000d' 1)\\r\\n\\r\\n"
check "an address that is too long" is "414 True" as_is "GET /api/v1/pods?$(printf '%040000d' 1) HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n"
check "two lengths, of which neither can be believed" harmless 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1'
alive() { ! grep -q 'process main ended' "$tmp/up.log" && is "201 slow" wire pieces; }
check "and all of that harms nobody" alive

# ---- how it is
raw() { kc get --raw "$1" 2>&1; }
check "it is ready" is ok raw /readyz
check "one by one" is "[+]ping ok
[+]log ok
[+]etcd ok
[+]poststarthook/rbac/bootstrap-roles ok
[+]informer-sync ok
readyz check passed" raw '/readyz?verbose'
check "without some" is "[+]ping ok
[+]log ok
[+]etcd excluded: ok
[+]poststarthook/rbac/bootstrap-roles ok
livez check passed" raw '/livez?verbose&exclude=etcd'
check "one of them" is ok raw /healthz/ping
check "no such one" grep -q 'could not find the requested resource' <(raw /livez/informer-sync)
check "which is for who may see it" is 403 curl -sk -o /dev/null -w '%{http_code}' "$api/livez/ping"

# ---- as people write it
code() { curl -sk -o "$tmp/answer" -w '%{http_code}' --max-time 10 -H "Authorization: Bearer $token" "$@"; }
maps=$api/api/v1/namespaces/default/configmaps
kc create configmap here >/dev/null
for path in / /api/ /apis/ /api/v1/ /apis/apps/ /apis/apps/v1/ /version/; do check "GET $path" is 200 code "$api$path"; done
check "what there is" grep -q '"/apis/apps/v1",' <(curl -sk -H "Authorization: Bearer $token" "$api/")
# Resources, versions and what is in them are routed by the method; all else takes any.
for path in /api /version /api/v1 /apis/apps/v1 /api/v1/nodes "/api/v1/namespaces/default/configmaps/here" /api/v1/pods /api/v1/watch/pods; do
	check "HEAD $path" is 405 code -I "$api$path"
	for method in OPTIONS TRACE FOO get; do check "$method $path" is 405 code -X "$method" "$api$path"; done
	check "says so" grep -q '"message":"the server does not allow this method on the requested resource","reason":"MethodNotAllowed","details":{},"code":405' "$tmp/answer"
done
for path in / /apis /apis/apps /healthz /livez/ping /metrics /openapi/v2; do
	check "HEAD $path" is 200 code -I "$api$path"
	for method in OPTIONS TRACE FOO get POST PUT PATCH DELETE; do check "$method $path" is 200 code -X "$method" "$api$path"; done
done
for method in OPTIONS FOO POST; do check "$method of what is not there" is 404 code -X "$method" "$api/nothing"; done
check "HEAD of what is not there" is 404 code -I "$api/apis/nothing"
check "other methods are other rights" is no kc auth can-i foo /healthz --as=somebody
check "of another path too" is 404 code "$api/nothing"
check "as a list of what there is" grep -q '"/openapi/v3",' "$tmp/answer"
seen() { curl -sk --max-time 10 -H "Authorization: Bearer $token" "$api$1" | grep -oE '"type":"[A-Z]+"' | sort -u; }
added='"type":"ADDED"'
for query in watch=true watch=TRUE watch=yes watch; do check "?$query is a watch" is "$added" seen "/api/v1/namespaces/default/configmaps?$query&timeoutSeconds=1"; done
for query in watch=false watch=False watch=0; do check "?$query is none" is '' seen "/api/v1/namespaces/default/configmaps?$query"; done
check "/watch/ of old" is "$added" seen '/api/v1/watch/namespaces/default/configmaps?timeoutSeconds=1'
check "of everywhere" is "$added" seen '/api/v1/watch/configmaps?timeoutSeconds=1'
check "of one" is "$added" seen '/api/v1/watch/namespaces/default/configmaps/here?timeoutSeconds=1'
check "which is another right than to read" is no kc auth can-i watch configmaps --as=somebody
check "one object is read, whatever the query says" is 200 code "$maps/here?watch=1"
check "less than none is no limit" is 200 code "$maps?limit=-1"
check "a table of no version that is known" is 406 code -H 'Accept: application/json;as=Table;g=meta.k8s.io;v=v9' "$maps"
check "a manager's name that is too long" is 422 code -X POST -H 'Content-Type: application/json' -d '{"metadata":{"name":"x"}}' "$maps?fieldManager=$(printf '%0200d' 1)"
check "or cannot be read" is 422 code -X POST -H 'Content-Type: application/json' -d '{"metadata":{"name":"x"}}' "$maps?fieldManager=a%01"
check "says which" grep -q 'fieldManager: Invalid value: .*invalid character U+0001 (at position 1)' "$tmp/answer"
check "a deletion's options are no other object" is 400 code -X DELETE -H 'Content-Type: application/json' -d '{"kind":"ConfigMap","apiVersion":"v1"}' "$maps/here"
check "nor try what there is not to try" is 422 code -X DELETE -H 'Content-Type: application/json' -d '{"dryRun":["Some"]}' "$maps/here"
check "so it is still there" is 200 code "$maps/here"

# ---- what is most wanted
form() { curl -sk -D "$tmp/head" -o /dev/null -H "Authorization: Bearer $token" -H "Accept: $1" "$maps/here"; tr -d '\r' <"$tmp/head" | sed -n 's/^Content-Type: //p'; }
check "by quality" is application/yaml form 'application/json;q=0.5, application/yaml;q=0.9'
check "not by order" is application/json form 'application/vnd.kubernetes.protobuf;q=0.1,application/json'
check "but of equals the first" is application/yaml form 'application/yaml, application/json'
check "and of what can be had" is application/json form 'text/html, application/xhtml+xml, image/png;q=0.9, */*;q=0.8'
check "a table's rows without what is not known" is 400 code -H 'Accept: application/json;as=Table;g=meta.k8s.io;v=v1' "$maps?includeObject=nope"
check "which means nothing elsewhere" is 200 code "$maps?includeObject=nope"
check "text is what it says" grep -qi '^X-Content-Type-Options: nosniff' <(curl -sk -D - -o /dev/null "$api/healthz")
check "a version that is to come" is 504 code -D "$tmp/head" "$maps?resourceVersion=99999999999999999"
check "with a Retry-After" grep -qi '^Retry-After: 1' "$tmp/head"

# ---- pages of a deletion
for i in 1 2 3 4 5; do kc create configmap "page-$i" >/dev/null && kc label configmap "page-$i" page=yes >/dev/null; done
names() { kc get configmaps -l page=yes -o 'jsonpath={.items[*].metadata.name}'; }
check "an unknown dry run deletes nothing" is 422 code -X DELETE "$maps?labelSelector=page%3Dyes&dryRun="
check "nor does a second one" is 422 code -X DELETE "$maps/page-1?dryRun=All&dryRun=no"
check "all are there" is "page-1 page-2 page-3 page-4 page-5" names
check "two are deleted" is 200 code -X DELETE "$maps?labelSelector=page%3Dyes&limit=2"
next=$(grep -oE '"continue":"[^"]*"' "$tmp/answer" | cut -d'"' -f4)
check "the others are there" is "page-3 page-4 page-5" names
check "the next one" is 200 code -X DELETE "$maps?labelSelector=page%3Dyes&limit=1&continue=$next"
check "two are left" is "page-4 page-5" names
check "a place that is none" is 400 code -X DELETE "$maps?continue=x"
check "leaves them" is "page-4 page-5" names

# ---- compressed
for i in $(seq 20); do kc create configmap "large-$i" --from-literal=k="$(head -c 20000 /dev/urandom | base64 -w0)" --dry-run=client -o json; done | kc create -f - >/dev/null
sums() { curl -sk -D "$tmp/head" -H "Authorization: Bearer $token" "$@" | md5sum; }
encoded() { sums -H 'Accept-Encoding: gzip' "$@" >/dev/null; tr -d '\r' <"$tmp/head" | sed -n 's/^Content-Encoding: //p'; }
check "a large list for who accepts it" is gzip encoded "$maps"
check "is the same" is "$(sums "$maps")" sums --compressed "$maps"
check "a small one goes as it is" is '' encoded "$maps/here"
check "as one does that is not asked for so" is '' eval 'sums "$maps" >/dev/null; grep -i ^content-encoding "$tmp/head"'

# ---- who leaves
watches() { curl -sk -H "Authorization: Bearer $token" "$api/metrics" | sed -n 's/^apiserver_longrunning_requests{.*resource="configmaps",verb="WATCH"} //p'; }
watching() { is "$1" watches; }
no_watch() { [[ $(watches) =~ ^0?$ ]] || watches; }
leaving() { exec python3 "$tmp/wire.py" "$port" "$token" leave; } # as a process to be killed
leaving >/dev/null & client=$!
check "a watch is open" eventually 10 watching 1
kill $client
check "and over when its client is gone, though nothing changes" eventually 5 no_watch
check "who leaves before the answer" is gone wire half
check "harms nobody" is "201 slow" wire pieces
