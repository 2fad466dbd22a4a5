# Debian's kubectl 1.20, which is what a fresh machine has; sourced. Unpacked
# under the build folder, so that the machine's own stays as it is. Sets
# $old_kubectl, empty with the reason in $no_old_kubectl.
old_kubectl=
no_old_kubectl=
find_old_kubectl() {
	local dir=$top/build/kubectl-1.20 own
	own=$(command -v kubectl)
	if "$own" version --client --short 2>/dev/null | grep -q 'v1\.20\.'; then
		old_kubectl=$own
	elif [[ ! -x $dir/usr/bin/kubectl ]]; then
		command -v apt-get dpkg >/dev/null || { no_old_kubectl="this machine has no apt-get"; return; }
		local work
		work=$(mktemp -d)
		(cd "$work" && timeout 60 apt-get download kubernetes-client && dpkg -x kubernetes-client_1.20*.deb x) >"$work/log" 2>&1
		mkdir -p "$dir"
		[[ -x $work/x/usr/bin/kubectl ]] && cp -r "$work/x/." "$dir/"
		rm -rf "$work"
	fi
	[[ -x $dir/usr/bin/kubectl ]] && old_kubectl=$dir/usr/bin/kubectl
	[[ $old_kubectl ]] || no_old_kubectl="Debian's kubernetes-client cannot be downloaded"
}
find_old_kubectl
