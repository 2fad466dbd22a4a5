/* What a container may do: capabilities, hidden paths, system calls. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nodes/oci/oci_config.h"

/* By number, from 0: linux/capability.h. */
static const char *const all_caps[] = {
	"CHOWN",	"DAC_OVERRIDE",	    "DAC_READ_SEARCH", "FOWNER",	"FSETID",
	"KILL",		"SETGID",	    "SETUID",	       "SETPCAP",	"LINUX_IMMUTABLE",
	"NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN",      "NET_RAW",	"IPC_LOCK",
	"IPC_OWNER",	"SYS_MODULE",	    "SYS_RAWIO",       "SYS_CHROOT",	"SYS_PTRACE",
	"SYS_PACCT",	"SYS_ADMIN",	    "SYS_BOOT",	       "SYS_NICE",	"SYS_RESOURCE",
	"SYS_TIME",	"SYS_TTY_CONFIG",   "MKNOD",	       "LEASE",		"AUDIT_WRITE",
	"AUDIT_CONTROL", "SETFCAP",	    "MAC_OVERRIDE",    "MAC_ADMIN",	"SYSLOG",
	"WAKE_ALARM",	"BLOCK_SUSPEND",    "AUDIT_READ",      "PERFMON",	"BPF",
	"CHECKPOINT_RESTORE",
};
enum { CAPS = sizeof all_caps / sizeof *all_caps };

/* What containerd and Docker give to everybody. */
static const char *const default_caps[] = {
	"CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID", "SETUID",
	"SETFCAP", "SETPCAP", "NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE",
};

static int cap_index(struct span name)
{
	if (name.len > 4 && strncasecmp((const char *)name.data, "CAP_", 4) == 0)
		name = (struct span){name.data + 4, name.len - 4};
	for (int i = 0; i < CAPS; i++)
		if (strlen(all_caps[i]) == name.len &&
		    strncasecmp((const char *)name.data, all_caps[i], name.len) == 0)
			return i;
	return -1;
}

static bool is_all(struct span name)
{
	return name.len == 3 && strncasecmp((const char *)name.data, "ALL", 3) == 0;
}

static void change(uint64_t *set, struct mp container, const char *what, bool add)
{
	struct mp context, caps, list;
	size_t n = 0;
	if (!mp_find(container, "securityContext", &context) ||
	    !mp_find(context, "capabilities", &caps) || !mp_find(caps, what, &list) ||
	    mp_array(&list, &n))
		return;
	for (size_t i = 0; i < n; i++) {
		struct span name = {0};
		mp_str(&list, &name);
		int at = cap_index(name);
		uint64_t bits = is_all(name) ? (1ull << CAPS) - 1 : at >= 0 ? 1ull << at : 0;
		*set = add ? *set | bits : *set & ~bits;
	}
}

static bool lists_all(struct mp container, const char *what)
{
	uint64_t set = 0;
	change(&set, container, what, true);
	return set == (1ull << CAPS) - 1;
}

/* ALL comes first on either side, single names count more. */
static uint64_t caps_of(struct mp container)
{
	uint64_t set = 0;
	if (oci_privileged(container))
		return (1ull << CAPS) - 1;
	for (size_t i = 0; i < sizeof default_caps / sizeof *default_caps; i++)
		set |= 1ull << cap_index(span_of(default_caps[i]));
	if (lists_all(container, "add")) {
		set = (1ull << CAPS) - 1;
		change(&set, container, "drop", false);
		return set;
	}
	change(&set, container, "drop", false);
	change(&set, container, "add", true);
	return set;
}

void oci_put_capabilities(struct arena *a, struct doc *process, struct mp container,
			  uint64_t powers)
{
	static const char *const sets[] = {"bounding", "effective", "permitted"};
	struct doc *d = doc_new(a, DOC_MAP);
	uint64_t have = caps_of(container) & (powers ? powers : UINT64_MAX);
	for (size_t s = 0; s < 3; s++) {
		struct doc *list = doc_new(a, DOC_ARRAY);
		for (int i = 0; i < CAPS; i++)
			if (have >> i & 1)
				doc_add(list, doc_printf(a, "CAP_%s", all_caps[i]));
		doc_set(a, d, sets[s], list);
	}
	doc_set(a, process, "capabilities", d);
}

/* ---- paths */

static void put_list(struct arena *a, struct doc *to, const char *key, const char *const *list,
		     size_t n)
{
	struct doc *d = doc_new(a, DOC_ARRAY);
	for (size_t i = 0; i < n; i++)
		doc_add(d, doc_str(a, list[i]));
	doc_set(a, to, key, d);
}

void oci_put_paths(struct arena *a, struct doc *linux_, struct mp container)
{
	static const char *const masked[] = {
		"/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
		"/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi",
		"/sys/firmware", "/sys/devices/virtual/powercap",
	};
	static const char *const readonly[] = {
		"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
	};
	struct span mount = mp_path_str(container, "securityContext.procMount");
	if (oci_privileged(container) || span_is(mount, "Unmasked"))
		return;
	put_list(a, linux_, "maskedPaths", masked, sizeof masked / sizeof *masked);
	put_list(a, linux_, "readonlyPaths", readonly, sizeof readonly / sizeof *readonly);
}

/* ---- system calls */

static bool has_any_cap(const struct doc *list, uint64_t have)
{
	DOC_EACH(it, list)
	{
		int at = doc_is(it, DOC_STR) ? cap_index(it->text) : -1;
		if (at >= 0 && have >> at & 1)
			return true;
	}
	return false;
}

static bool has_arch(const struct doc *list)
{
	DOC_EACH(it, list)
	{
		if (doc_str_is(it, "amd64") || doc_str_is(it, "x86") || doc_str_is(it, "x32"))
			return true;
	}
	return false;
}

static size_t count(const struct doc *list)
{
	return list && (list->type == DOC_ARRAY || list->type == DOC_MAP) ? list->count : 0;
}

/* Whether a rule is for this machine and a container that has these. */
static bool applies(const struct doc *rule, uint64_t have)
{
	const struct doc *in = doc_get(rule, "includes"), *out = doc_get(rule, "excludes");
	if (count(doc_get(in, "caps")) && !has_any_cap(doc_get(in, "caps"), have))
		return false;
	if (count(doc_get(in, "arches")) && !has_arch(doc_get(in, "arches")))
		return false;
	return !has_any_cap(doc_get(out, "caps"), have) && !has_arch(doc_get(out, "arches"));
}

struct doc *oci_seccomp(struct arena *a, const struct doc *profile, struct mp container)
{
	static const char *const kept[] = {"names", "action", "args", "errnoRet"};
	const struct doc *syscalls = doc_get(profile, "syscalls");
	uint64_t have = caps_of(container);
	struct span action = doc_get_str(profile, "defaultAction");
	if (!action.len)
		return NULL;
	struct doc *d = doc_new(a, DOC_MAP), *arches = doc_new(a, DOC_ARRAY),
		   *list = doc_new(a, DOC_ARRAY);
	doc_set(a, d, "defaultAction", doc_span(a, action));
	if (doc_get(profile, "defaultErrnoRet"))
		doc_set_int(a, d, "defaultErrnoRet", doc_get_int(profile, "defaultErrnoRet", 1));
	doc_add(arches, doc_str(a, "SCMP_ARCH_X86_64"));
	doc_add(arches, doc_str(a, "SCMP_ARCH_X86"));
	doc_add(arches, doc_str(a, "SCMP_ARCH_X32"));
	doc_set(a, d, "architectures", arches);
	DOC_EACH(rule, syscalls)
	{
		struct doc *r = doc_new(a, DOC_MAP);
		if (!applies(rule, have))
			continue;
		for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
			const struct doc *v = doc_get(rule, kept[i]);
			if (v && v->type != DOC_NULL && !(i == 2 && count(v) == 0))
				doc_set(a, r, kept[i], doc_copy(a, v));
		}
		doc_add(list, r);
	}
	doc_set(a, d, "syscalls", list);
	return d;
}

/* ---- of ourselves */

static bool read_text(const char *path, char *out, size_t size)
{
	FILE *f = fopen(path, "re");
	size_t n = f ? fread(out, 1, size - 1, f) : 0;
	if (f)
		fclose(f);
	out[n] = 0;
	return n > 0;
}

struct oci_powers oci_powers_here(void)
{
	enum { SYS_RESOURCE = 24 };
	struct oci_powers p = {.oom_score_min = -1000};
	char text[8192];
	const char *at = read_text("/proc/self/status", text, sizeof text)
				 ? strstr(text, "CapBnd:")
				 : NULL;
	p.caps = at ? strtoull(at + 7, NULL, 16) : 0;
	if (!(p.caps >> SYS_RESOURCE & 1) && read_text("/proc/self/oom_score_adj", text, sizeof text))
		p.oom_score_min = strtoll(text, NULL, 10);
	return p;
}
