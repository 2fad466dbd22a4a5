#!/usr/bin/env bash
# Images of many layers; what pulls that were killed have left.
source "$(dirname "$0")/../lib/e2e.sh"
need_containers "images of many layers"

"$top/tools/demo/busybox-image" "$tmp/busybox.tar"
mkdir -p "$data"
image() { "$troupe" image "$@" --data-dir "$data"; }
# An archive whose layers are busybox and, above it, one file each; all of them write /last.
layered() { # FILE NAME COUNT
	python3 - "$tmp/busybox.tar" "$@" <<'P'
import hashlib, io, json, sys, tarfile
box, out, name, count = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
layers = [tarfile.open(box).extractfile("./layer.tar").read()]
for i in range(1, count):
    b = io.BytesIO()
    with tarfile.open(fileobj=b, mode="w") as t:
        for path in (f"files/{i}", "last"):
            data = str(i).encode()
            info = tarfile.TarInfo(path)
            info.size = len(data)
            t.addfile(info, io.BytesIO(data))
    layers.append(b.getvalue())
config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Env": ["PATH=/bin"]}, "rootfs": {"type": "layers",
    "diff_ids": ["sha256:" + hashlib.sha256(l).hexdigest() for l in layers]}})
manifest = json.dumps([{"Config": "config.json", "RepoTags": [name], "Layers": [f"{i}.tar" for i in range(count)]}])
with tarfile.open(out, "w") as t:
    for path, data in [("config.json", config.encode()), ("manifest.json", manifest.encode())] + [(f"{i}.tar", l) for i, l in enumerate(layers)]:
        info = tarfile.TarInfo(path)
        info.size = len(data)
        t.addfile(info, io.BytesIO(data))
P
}
# As a killed pull leaves it; `lent`: one that is at work.
mkdir -p "$data/images/work"/{pull-1,pull-2,layer-xyz,new-3}
echo x >"$data/images/work/pull-1/file"
exec 9<"$data/images/work/pull-2"
flock 9
layered "$tmp/127.tar" many.io/layers:127 127
layered "$tmp/500.tar" many.io/layers:500 500
layered "$tmp/501.tar" many.io/layers:501 501
for n in 127 500; do check "$n layers are loaded" image load "$tmp/$n.tar"; done
check "more are refused: overlayfs takes no more" grep -q "more than 500 layers" <<<"$(image load "$tmp/501.tar" 2>&1)"
start --nodes 1 --runtime oci || { not_ok "the cluster starts"; exit 1; }
ok "the cluster starts"
check "what killed pulls have left is gone, not what lives" eventually 10 is "new-3 pull-2" eval 'ls "$data/images/work" | xargs'
pod() { # LAYERS
	printf '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p%s"},"spec":{"restartPolicy":"Never","terminationGracePeriodSeconds":1,"containers":[{"name":"c","image":"many.io/layers:%s",
		"command":["sh","-c","cat /last /files/1; echo; ls /files | wc -l; echo w > /files/1 && cat /files/1"]}]}}' "$1" "$1" | kc create -f - >/dev/null
}
phase() { kc get pod "p$1" -o 'jsonpath={.status.phase}'; }
kc create -f - >/dev/null <<<'{"apiVersion":"v1","kind":"Pod","metadata":{"name":"bare"},"spec":{"restartPolicy":"Never","containers":[{"name":"c","image":"many.io/layers:127"}]}}'
waiting() { kc get pod bare -o 'jsonpath={.status.containerStatuses[0].state.waiting.reason}: {.status.containerStatuses[0].state.waiting.message}'; }
check "an image without a command" eventually 10 is 'CreateContainerError: failed to generate container "c" spec: failed to generate spec: no command specified' waiting
for n in 127 500; do
	pod $n
	check "a container of $n layers" eventually 20 is Succeeded phase $n
	check "... sees all of them, and writes above them" is "$((n - 1))1 $((n - 1)) w" eval "kc logs p$n | xargs"
done
