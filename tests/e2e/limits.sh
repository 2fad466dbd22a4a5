#!/usr/bin/env bash
# What the API takes and what is too much: requests at a time, sizes,
# connections that do nothing; each limit with its own answer. And what
# /metrics tells of all that.
source "$(dirname "$0")/../lib/e2e.sh"
command -v python3 >/dev/null || { echo "skip limits: python3 is missing"; exit 0; }
echo 'tester,tester,u1,"testers"' >"$tmp/tokens"
cluster_of head="services: {range: 10.96.0.0/16}" core="{kind: gate}, {kind: controllers}" \
	api="tokens: $tmp/tokens, user-requests-in-flight: 1, idle-seconds: 2" >"$tmp/cluster.yaml" </dev/null
TROUPE_LOG=warn "$troupe" up --data-dir "$data" -f "$tmp/cluster.yaml" >"$tmp/up.out" 2>>"$tmp/up.log" &
up_pid=$!
check "a cluster with small limits" eventually 15 grep -q '^ready: ' "$tmp/up.out"
api=https://127.0.0.1:$port
maps=$api/api/v1/namespaces/default/configmaps
admin=$(cat "$data/pki/token")
check "a user who may do anything" kc create clusterrolebinding testers --clusterrole=cluster-admin --group=testers
ask() { # CODE TEXT CURL-OPTIONS...
	local want=$1 text=$2 got
	shift 2
	got=$(curl -sk --max-time 10 -D "$tmp/head" -o "$tmp/answer" -w '%{http_code}' "$@")
	[[ $got == "$want" ]] && grep -qF -- "$text" "$tmp/answer" || { echo "want $want '$text', got $got"; head -c 400 "$tmp/answer"; return 1; }
}
tester=(-H "Authorization: Bearer tester") json=(-H "Authorization: Bearer $admin" -H 'Content-Type: application/json')

# ---- requests at a time
curl -skN --max-time 60 "${tester[@]}" "$maps?watch=1" >/dev/null & watcher=$!
metric() { curl -sk -H "Authorization: Bearer $admin" "$api/metrics" | grep -E "$1"; }
check "a watch is open" eventually 5 metric '^apiserver_longrunning_requests\{.*resource="configmaps",verb="WATCH"\} 1'
check "and counts for nothing" ask 200 ConfigMapList "${tester[@]}" "$maps"
crowd() { # TOKEN: the codes of 60 creates at once
	for i in $(seq 60); do
		((i > 1)) && echo next
		printf 'url = "%s"\ninsecure\nsilent\noutput = "%s"\ndump-header = "%s"\nwrite-out = "%%{http_code}\\n"\nheader = "Content-Type: application/json"\nheader = "Authorization: Bearer %s"\ndata = "%s"\n' \
			"$maps" "$tmp/a$i" "$tmp/h$i" "$1" '{\"metadata\":{\"generateName\":\"m-\"}}'
	done >"$tmp/crowd"
	curl --parallel --parallel-immediate --parallel-max 60 --config "$tmp/crowd" 2>/dev/null | sort | uniq -c
}
crowd tester >"$tmp/codes"
check "60 at once: some are taken" grep -q ' 201$' "$tmp/codes"
check "others shall come later" grep -q ' 429$' "$tmp/codes"
check "and nothing else" test "$(grep -vc ' 201$\| 429$' "$tmp/codes")" = 0
refused=$(grep -l '"code":429' "$tmp"/a* | head -n 1)
check "in Kubernetes' words" grep -q '"reason":"TooManyRequests"' "$refused"
check "with a Retry-After" grep -qi '^Retry-After: 1' "$tmp/h${refused##*/a}"
crowd "$admin" >"$tmp/codes"
check "administrators are not refused" is "60 201" xargs echo <"$tmp/codes"
check "nor are probes" ask 200 ok "$api/readyz"
kill $watcher

# ---- figures
check "requests by verb and code" metric '^apiserver_request_total\{code="201",.*resource="configmaps",scope="namespace",subresource="",verb="POST",version="v1"\} [1-9]'
check "refused ones too" metric '^apiserver_request_total\{code="429",.*resource="configmaps".*verb="POST"'
check "watches" metric '^apiserver_request_total\{code="200",.*resource="configmaps".*verb="WATCH"'
check "how long they took" metric '^apiserver_request_duration_seconds_bucket\{.*resource="configmaps".*verb="POST".*le="0.005"\}'
check "what is in flight" metric '^apiserver_current_inflight_requests\{request_kind="readOnly"\} 1$'
count=$(kc get configmaps -A --no-headers | wc -l)
check "how many there are" metric "^apiserver_storage_objects\{resource=\"configmaps\"\} $count\$"
check "an unknown path makes no series of its own" ask 404 '' "${json[@]}" "$api/nonsense"
check "so it is not told" test -z "$(metric nonsense)"

# ---- patience
check "a timeout that is none" ask 400 'invalid timeout specified in the request URL - time: invalid duration \"x\"' "${json[@]}" "$maps?timeout=x"
check "or has no unit" ask 400 'time: missing unit in duration \"5\"' "${json[@]}" -d '{"metadata":{"name":"late"}}' "$maps?timeout=5"
check "writes nothing" ask 404 'not found' "${json[@]}" "$maps/late"
check "one of nothing means nothing" ask 200 ConfigMapList "${json[@]}" "$maps?timeout=0"
check "nor does a watch have one" ask 200 '' "${json[@]}" "$maps?watch=1&timeoutSeconds=1&timeout=x"

# ---- memory: what an idle watch holds of the server
held() { python3 "$top/tests/e2e/held_watches.py" "$port" "$admin" 300 "$1" $(pgrep -f -- "$data"); }
most=24
grep -q __asan_init "$troupe" && most=200 # whose allocations are wider, and freed late
check "an idle watch costs under $most KB" held $most

# ---- sizes
body() { python3 -c "print('{\"metadata\":{\"name\":\"big\"},\"data\":{\"k\":\"' + 'x' * $1 + '\"}}', end='')" >"$tmp/body"; }
body 3200000
check "a body" ask 413 '"message":"Request entity too large: limit is 3145728","reason":"RequestEntityTooLarge","code":413' "${json[@]}" --data-binary "@$tmp/body" "$maps"
check "of a patch" ask 413 'limit is 3145728' -X PATCH -H "Authorization: Bearer $admin" -H 'Content-Type: application/merge-patch+json' --data-binary "@$tmp/body" "$maps/kube-root-ca.crt"
check "of a deletion" ask 413 'limit is 3145728' -X DELETE "${json[@]}" --data-binary "@$tmp/body" "$maps/kube-root-ca.crt"
check "which nobody reads of whom we do not know" ask 401 'Unauthorized' -H 'Authorization: Bearer nobody' -H 'Content-Type: application/json' --data-binary "@$tmp/body" "$maps"
check "nor of who may not" ask 403 'cannot create resource' "${json[@]}" -H 'Impersonate-User: nobody' --data-binary "@$tmp/body" "$maps"
check "nor where none is read" ask 200 ConfigMapList -X GET "${json[@]}" --data-binary "@$tmp/body" "$maps?limit=1"
check "they count" metric '^apiserver_request_total\{code="413",.*resource="configmaps".*verb="POST"'
check "an address that is no text" ask 400 '"message":"the request'"'"'s address is not UTF-8 text","reason":"BadRequest","code":400' "${json[@]}" "$maps/a%ffb"
check "or has a zero" ask 400 'not UTF-8 text' "${json[@]}" "$maps/kube-root-ca.crt%00b"
check "or in its query" ask 400 'not UTF-8 text' "${json[@]}" "$maps?labelSelector=%ff"
check "is told to who may" ask 403 'cannot list resource' "${json[@]}" -H 'Impersonate-User: nobody' "$maps?labelSelector=%ff"
check "it counts too" metric '^apiserver_request_total\{code="400",.*resource="configmaps".*verb="GET"'
python3 -c "print('{\"metadata\":{\"name\":\"big\"},\"revision\":1,\"data\":{\"k\":\"' + 'x' * 2000000 + '\"}}', end='')" >"$tmp/body"
check "an object" ask 413 'limit is' "${json[@]}" --data-binary "@$tmp/body" "$api/apis/apps/v1/namespaces/default/controllerrevisions"
python3 -c "print('header = \"X-Long: ' + 'x' * 40000 + '\"')" >"$tmp/long"
check "a header" ask 431 '' "${json[@]}" -K "$tmp/long" "$maps"
python3 -c "print('url = \"$maps?labelSelector=a%20in%20(' + ','.join('v%d' % i for i in range(8000)) + ')\"')" >"$tmp/long"
check "a selector" ask 414 '' "${json[@]}" -K "$tmp/long"
python3 -c "print('[' + ','.join('{\"op\":\"test\",\"path\":\"/kind\",\"value\":\"ConfigMap\"}' for i in range(10001)) + ']')" >"$tmp/patch"
check "a patch" ask 413 'maximum operations in a JSON patch is 10000, got 10001' -X PATCH -H "Authorization: Bearer $admin" -H 'Content-Type: application/json-patch+json' \
	--data-binary "@$tmp/patch" "$maps/kube-root-ca.crt"

# ---- connections that do nothing
silent() { # LINES: the server ends it; what comes before that is whole or nothing
	python3 - "$port" "$admin" "$1" <<-'P'
		import socket, ssl, sys, time
		def held_by_server(client): # its end of our connection is open: state 1 in the kernel's table
		    ends = ["%04X" % int(port), "%04X" % client.getsockname()[1]]
		    rows = [line.split()[1:4] for line in open("/proc/net/tcp").readlines()[1:]]
		    return any([a[-4:], b[-4:], state] == ends + ["01"] for a, b, state in rows)
		port, token, path = sys.argv[1:]
		raw = socket.create_connection(("127.0.0.1", int(port)), timeout=20)
		raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
		s = ssl._create_unverified_context().wrap_socket(raw)
		if path != "-":
		    s.sendall(("GET %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n" % (path, token)).encode())
		    until = time.time() + 20
		    while held_by_server(s) and time.time() < until:
		        time.sleep(0.02) # a reader that does not read
		got = 0
		try:
		    while True:
		        b = s.recv(65536)
		        if not b:
		            break
		        got += len(b)
		except (ConnectionError, ssl.SSLError):
		    pass
		print(got)
	P
}
check "who says nothing is left" is 0 silent -
for i in $(seq 12); do
	python3 -c "print('{\"metadata\":{\"name\":\"large-$i\"},\"data\":{\"k\":\"' + 'x' * 1000000 + '\"}}', end='')" >"$tmp/body"
	curl -sk "${json[@]}" --data-binary "@$tmp/body" "$maps" >/dev/null
done
whole=$(curl -sk -H "Authorization: Bearer $admin" "$maps" | wc -c)
got=$(silent /api/v1/namespaces/default/configmaps)
check "who does not read a list of $whole bytes is left" test "$got" -lt "$whole"
check "and the API goes on" ask 200 ConfigMapList "${json[@]}" "$maps?limit=1"

# ---- connections at a time
stop
sed -i 's/idle-seconds: 2/connections: 8, idle-seconds: 600/' "$tmp/cluster.yaml"
rm -f "$tmp/up.out"
TROUPE_LOG=warn "$troupe" up --data-dir "$data" -f "$tmp/cluster.yaml" >"$tmp/up.out" 2>>"$tmp/up.log" & up_pid=$!
check "a cluster with few connections" eventually 15 grep -q '^ready: ' "$tmp/up.out"
connections() { python3 - "$port" "$admin" <<-'P'
	import socket, ssl, sys
	port, token = int(sys.argv[1]), sys.argv[2]
	context = ssl._create_unverified_context()
	request = ("GET /version HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n" % token).encode()
	def connect():
	    return context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=20))
	def ask(s):
	    s.sendall(request)
	    got = b""
	    while not got.endswith(b"}\n"): # the body's last bytes
	        got += s.recv(65536) or exit("it ended")
	    return got.startswith(b"HTTP/1.1 200 ")
	held = [connect() for _ in range(8)]
	print("eight:", all([ask(s) for s in held]))
	late = context.wrap_socket(socket.create_connection(("127.0.0.1", port)), do_handshake_on_connect=False)
	late.setblocking(False)
	try:
	    late.do_handshake()
	except ssl.SSLWantReadError:
	    pass # it has said hello
	print("and go on:", all([ask(s) for s in held * 20]))
	try:
	    late.do_handshake()
	    print("the ninth was answered")
	except ssl.SSLWantReadError:
	    print("the ninth waits")
	held.pop().close()
	late.settimeout(20)
	late.do_handshake()
	print("until one ends:", ask(late))
	P
}
check "eight connections at a time" is "eight: True
and go on: True
the ninth waits
until one ends: True" connections
