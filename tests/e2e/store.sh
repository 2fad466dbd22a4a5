#!/usr/bin/env bash
# The state as a whole: backup beside a running cluster, restore, check,
# history, compaction; and that a restore makes everybody list anew.
source "$(dirname "$0")/../lib/e2e.sh"
store() { local what=$1; shift; "$troupe" store "$what" --data-dir "$data" "$@"; }
refuses() { # TEXT COMMAND...: fails and says so
	local text=$1 got
	shift
	got=$("$@" 2>&1) && { echo "did not fail: $got"; return 1; }
	grep -qF -- "$text" <<<"$got" || { echo "want '$text', got '$got'"; return 1; }
}
watches=()
trap 'kill "${watches[@]}" 2>/dev/null; finish' EXIT

start --nodes 1 --runtime sim || { not_ok "cluster starts"; exit 1; }
ok "cluster starts"
api() { curl -sk --max-time 20 -H "Authorization: Bearer $(cat "$data/pki/token")" "https://127.0.0.1:$port$1"; }
configmap() { printf -- '---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {k: v}\n' "$1"; }
many() { for n in 1 2 3 4 5; do configmap "$1-$n"; done | kc create -f -; }
check "objects are made" many old
kc create -f - >/dev/null <<'Y'
apiVersion: v1
kind: Secret
metadata: {name: hidden}
stringData: {password: correct-horse}
Y
kc label configmap old-1 mark=one >/dev/null

# ---- beside a running cluster
check "history of a key" is "created changed" bash -c \
	"'$troupe' store history configmaps/default/old-1 --data-dir $data -o json | grep -o '\"verb\":\"[a-z]*\"' | cut -d'\"' -f4 | xargs"
check "it tells who" grep -q '"who":"' <(store history configmaps/default/old-1 -o json)
check "and what, but of no secret" bash -c \
	"'$troupe' store history configmaps/default/old-1 --data-dir $data --body | grep -q 'mark' &&
	 '$troupe' store history secrets/default/hidden --data-dir $data --body | grep -q created &&
	 ! '$troupe' store history secrets/default/hidden --data-dir $data --body | grep -q password"
check "of nothing it says so" refuses "nothing is known of" store history configmaps/default/none
check "what is no key is refused" refuses "is not a key" store history web
check "a running cluster is sound" grep -q "is sound" <(store check)
check "backup while it runs" store backup "$tmp/backup"
check "a backup is sound" grep -q "is sound" <(store check "$tmp/backup")
check "never over a file that is there" refuses "is there already" store backup "$tmp/backup"
check "restore waits until it is stopped" refuses "stop it first" store restore "$tmp/backup"

# ---- what happens after the backup, and then never did
many new >/dev/null
kc delete configmap old-2 >/dev/null
list_version() { api '/api/v1/namespaces/default/configmaps?limit=1' | grep -o '"resourceVersion":"[0-9]*"' | head -1 | cut -d'"' -f4; }
version=$(list_version)
token=$(api '/api/v1/namespaces/default/configmaps?limit=3' | grep -o '"continue":"[^"]*"' | cut -d'"' -f4)
page() { api "/api/v1/namespaces/default/configmaps?limit=3&continue=$1"; }
check "a list goes on by its token" grep -q new-4 <(page "$token")
kc get configmaps -w >"$tmp/watch.out" 2>"$tmp/watch.err" & watches+=($!)
eventually 10 grep -q new-5 "$tmp/watch.out" || not_ok "kubectl watches"
stop
check "a stopped one is sound too" grep -q "is sound" <(store check)
check "its history is read from the disk" grep -q created <(store history configmaps/default/new-1)
check "restore" grep -q "is restored" <(store restore "$tmp/backup")
check "the old state is kept" test -s "$data/store/data.mdb.replaced"
start --nodes 1 --runtime sim || not_ok "starts from the backup"
names() { kc get configmaps -o name | grep -c "$1"; }
check "what the backup had is there" is 5 names old-
check "and nothing else" is 0 names new-
watch_from() { api "/api/v1/namespaces/default/configmaps?watch=true&timeoutSeconds=2&resourceVersion=$1"; }
check "a watch from before is answered 410" grep -q '"code":410' <(watch_from "$version")
check "with the reason Expired" grep -q '"reason":"Expired"' <(watch_from "$version")
check "a watch from the backup's own time too" grep -q '"code":410' <(watch_from "$((version / 2))")
check "a list token from before is answered 410" grep -q '"code":410' <(page "$token")
check "with one that goes on in what is there now" grep -q '"name":"old-1"' <(page "$(page "$token" | grep -o '"continue":"[^"]*"' | cut -d'"' -f4)")
check "kubectl get -w from before ends with that error" refuses "too old resource version" \
	timeout 20 kubectl --kubeconfig "$data/kubeconfig" get --raw \
	"/api/v1/namespaces/default/configmaps?watch=true&resourceVersion=$version"
now=$(list_version)
check "versions go on above all that were given" test "$now" -gt "$version"
configmap again | kc create -f - >/dev/null
check "a watch from now goes on" grep -q '"name":"again"' <(watch_from "$now")

# ---- compaction
check "compaction while it runs" grep -q "is forgotten" <(store compact)
check "what is is still there" is 6 bash -c "kubectl --kubeconfig $data/kubeconfig get configmaps -o name | grep -cE 'old|again'"
check "what is forgotten is not told" refuses "nothing is known of" store history configmaps/default/old-1
check "what is to come cannot be forgotten" refuses "yet to come" store compact --to 999999999999999
stop
check "nor from a stopped one" refuses "is no store" "$troupe" store compact --data-dir "$tmp/nowhere"
cp "$data/store/data.mdb" "$tmp/damaged"
for at in $(grep -obaF 'old-4' "$tmp/damaged" | cut -d: -f1); do # pages that are free hold it too
	printf X | dd of="$tmp/damaged" bs=1 seek="$at" conv=notrunc status=none
done
cp "$data/store/data.mdb" "$tmp/sound" && cp "$tmp/damaged" "$data/store/data.mdb"
TROUPE_LOG=warn timeout 60 "$troupe" up --data-dir "$data" --api "127.0.0.1:$port" --nodes 1 --runtime sim >"$tmp/refused" 2>&1
check "a cluster does not start on a damaged one, and ends by itself" test $? = 1
check "it says what is damaged, and what helps" grep -q "store cannot begin.*checksum.*store restore" "$tmp/refused"
mv "$tmp/sound" "$data/store/data.mdb"
check "a damaged one is named" refuses "checksum" store check "$tmp/damaged"
check "and not restored" refuses "checksum" store restore "$tmp/damaged"
check "what is no backup is not restored" refuses "MDB_INVALID" bash -c \
	"head -c 65536 /dev/zero >$tmp/zero; '$troupe' store restore $tmp/zero --data-dir $data"
check "the store is as it was" grep -q "is sound" <(store check)
