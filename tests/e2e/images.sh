#!/usr/bin/env bash
# Images: archives of both forms are loaded, listed and removed; what does not fit
# is refused, and nothing is half loaded.
source "$(dirname "$0")/../lib/e2e.sh"

mkdir -p "$data"
image() { "$troupe" image "$@" --data-dir "$data"; }
refused() { # WORDS ARGUMENTS...
	local words=$1
	shift
	if image "$@" >"$tmp/out" 2>&1; then echo "it was taken"; return 1; fi
	grep -qF -- "$words" "$tmp/out" || { cat "$tmp/out"; return 1; }
}
digest() { sha256sum "$1" | cut -d' ' -f1; }
names() { image list -o json | sed -E 's/^\{"name":"([^"]*)".*/\1/' | xargs; }
field() { image list -o json | grep -F "\"$1\"" | sed -E "s/.*\"$2\":\"?([^\",}]*).*/\1/"; }

# ---- layers: a base, and one that takes from it and hides a directory
mkdir -p "$tmp"/{base/{bin,etc,lib},top/{etc,lib},docker,oci/blobs/sha256}
printf 'tool' >"$tmp/base/bin/tool"; printf 'old' >"$tmp/base/etc/old"; printf 'x' >"$tmp/base/lib/hidden"
ln -s tool "$tmp/base/bin/alias"; chmod 4755 "$tmp/base/bin/tool"
: >"$tmp/top/etc/.wh.old"; : >"$tmp/top/lib/.wh..wh..opq"; printf 'new' >"$tmp/top/lib/new"
tar -C "$tmp/base" --owner=7 --group=8 -cf "$tmp/base.tar" .
tar -C "$tmp/top" -cf "$tmp/top.tar" .
base=$(digest "$tmp/base.tar") top=$(digest "$tmp/top.tar")
config() { # DIFF_IDS...
	printf '{"architecture":"amd64","os":"linux","config":{"Entrypoint":["/bin/tool"],"Env":["A=b"]},"rootfs":{"type":"layers","diff_ids":[%s]}}' \
		"$(printf '"sha256:%s",' "$@" | sed 's/,$//')"
}

# ---- docker save
docker() { # FILE TAG LAYERS...: an archive of these layers
	local out=$1 tag=$2 sums=() list=()
	shift 2
	rm -rf "$tmp/docker"/*
	for layer in "$@"; do
		sums+=("$(digest "$layer")")
		mkdir -p "$tmp/docker/${sums[-1]}"
		cp "$layer" "$tmp/docker/${sums[-1]}/layer.tar"
		list+=("\"${sums[-1]}/layer.tar\"")
	done
	config "${sums[@]}" >"$tmp/docker/config.json"
	printf '[{"Config":"config.json","RepoTags":["%s"],"Layers":[%s]}]' "$tag" "$(IFS=,; echo "${list[*]}")" >"$tmp/docker/manifest.json"
	tar -C "$tmp/docker" -cf "$out" .
}
docker "$tmp/app.tar" app:v1 "$tmp/base.tar" "$tmp/top.tar"
check "an archive of docker save" image load "$tmp/app.tar"
check "by its whole name" is docker.io/library/app:v1 names
check "its id is its config's digest" is "sha256:$(digest "$tmp/docker/config.json")" field docker.io/library/app:v1 id
check "the same again is one" eval 'image load "$tmp/app.tar" && is docker.io/library/app:v1 names'
gzip -k "$tmp/app.tar"
check "a packed one from standard input" eval 'image remove app:v1 && gzip -dc "$tmp/app.tar.gz" | image load - && is docker.io/library/app:v1 names'
check "skopeo reads the store" eval '! command -v skopeo || skopeo inspect "oci:$data/images:docker.io/library/app:v1" | grep -q "sha256:'"$base"'"'
if ((EUID == 0)); then
	layers=$data/images/layers
	check "layers are unpacked" is "$(printf '%s\n' "$base" "$top" | sort | xargs)" eval 'ls "$layers" | sort | xargs'
	check "with owners and modes" is "7 8 4755 tool" eval 'stat -c "%u %g %a" "$layers/$base/bin/tool" | tr "\n" " "; cat "$layers/$base/bin/tool"'
	check "what is deleted is a device" is "character special file 0 0" stat -c '%F %t %T' "$layers/$top/etc/old"
	check "no mark is left" eval '! ls -A "$layers/$top/etc" "$layers/$top/lib" | grep -q "^\.wh"'
	mkdir -p "$tmp/root"
	over() { unshare -m sh -c "mount -t overlay overlay -o lowerdir=$layers/$top:$layers/$base $tmp/root && cd $tmp/root && find . -type f | sort | xargs"; }
	check "one above the other they are the image" is "./bin/tool ./lib/new" over
else
	echo "skip layers are unpacked: not root"
fi

# ---- an OCI layout
oci() { # FILE TAG: of both layers, the upper one packed
	rm -rf "$tmp/oci"; mkdir -p "$tmp/oci/blobs/sha256"
	add() { local d; d=$(digest "$1"); cp "$1" "$tmp/oci/blobs/sha256/$d"; echo "$d"; }
	gzip -nc "$tmp/top.tar" >"$tmp/top.tar.gz"
	config "$base" "$top" >"$tmp/config"
	local c b t
	c=$(add "$tmp/config") b=$(add "$tmp/base.tar") t=$(add "$tmp/top.tar.gz")
	printf '{"schemaVersion":2,"config":{"digest":"sha256:%s","size":1},"layers":[{"digest":"sha256:%s","size":10},{"digest":"sha256:%s","size":5}]}' "$c" "$b" "$t" >"$tmp/manifest"
	m=$(add "$tmp/manifest")
	printf '{"imageLayoutVersion":"1.0.0"}' >"$tmp/oci/oci-layout"
	printf '{"schemaVersion":2,"manifests":[{"digest":"sha256:%s","size":1,"annotations":{"org.opencontainers.image.ref.name":"%s"}}]}' "$m" "$2" >"$tmp/oci/index.json"
	tar -C "$tmp/oci" -cf "$1" .
}
oci "$tmp/oci.tar" registry.example/team/app:v2
check "an archive of an OCI layout" image load "$tmp/oci.tar"
check "both are there" is "docker.io/library/app:v1 registry.example/team/app:v2" names
check "in a table" grep -qE '^registry.example/team/app:v2 +[0-9a-f]{12} ' <(image list)
((EUID)) || check "layers that both have are there once" is 2 eval 'ls "$data/images/layers" | wc -l'

# ---- removing
check "a name is removed" image remove app:v1
check "the other one is whole" image load "$tmp/oci.tar"
check "what only the first needed is gone" eval '! test -e "$data/images/blobs/sha256/$top"'
check "what the other needs is not" test -e "$data/images/blobs/sha256/$base"
check "by its id" eval 'image remove "$(field registry.example/team/app:v2 id | cut -c8-19)" && is "" names'
check "nothing is left" is "0 0" eval 'echo "$(ls "$data/images/blobs/sha256" | wc -l) $(ls "$data/images/layers" | wc -l)"'
check "what is not there" refused "there is no image docker.io/library/app:v1" remove app:v1
check "what is no name" refused "repository name must be lowercase" remove App

# ---- what does not fit
check "no archive" refused "tar: " load /dev/null
printf 'text' >"$tmp/text"; tar -C "$tmp" -cf "$tmp/text.tar" text
check "an archive of something else" refused "neither manifest.json nor index.json" load "$tmp/text.tar"
docker "$tmp/broken.tar" broken:v1 "$tmp/base.tar"
printf 'x' >>"$tmp/docker/$base/layer.tar"; tar -C "$tmp/docker" -cf "$tmp/broken.tar" .
((EUID)) || check "a layer that is another" refused "and was to be sha256:$base" load "$tmp/broken.tar"
rm "$tmp/docker/$base/layer.tar"; ln -s /etc/hostname "$tmp/docker/$base/layer.tar"; tar -C "$tmp/docker" -cf "$tmp/broken.tar" .
check "a link out of the archive" refused "layer $base/layer.tar is missing" load "$tmp/broken.tar"
oci "$tmp/oci.tar" app:v3
printf 'x' >>"$tmp/oci/blobs/sha256/$base"; tar -C "$tmp/oci" -cf "$tmp/oci.tar" .
check "a blob that is another" refused "blob sha256:$base is sha256:" load "$tmp/oci.tar"
docker "$tmp/app.tar" 'App:v1' "$tmp/base.tar"
check "a name that is none" refused "repository name must be lowercase" load "$tmp/app.tar"
check "of all these nothing is listed" is "" names
check "and nothing lies about" is "" eval 'ls "$data/images/work"'
check "what is no verb" refused "load, pull, list or remove, not 'carry'" carry
