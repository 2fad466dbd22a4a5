/* /healthz, /livez and /readyz: what is looked at, one by one if that is asked
 * (verbose, or the path of one), without those that are not wanted (exclude). */
#include "actors/api/api_private.h"

static bool ping(const struct api *a)
{
	(void)a;
	return true;
}

/* What was listened for is there: without the store nothing would be. */
static bool in_touch(const struct api *a)
{
	return a->listening;
}

static bool synced(const struct api *a)
{
	for (struct onode *n = omap_first(&a->streams); n; n = omap_next(n))
		if (!view_synced(((struct stream *)n->value)->view))
			return false;
	return true;
}

/* By Kubernetes' names, which monitoring asks for. */
static const struct check {
	const char *name;
	bool only_ready; /* of /readyz alone */
	bool (*holds)(const struct api *a);
} checks[] = {
	{"ping", false, ping},
	{"log", false, ping},
	{"etcd", false, in_touch},
	{"poststarthook/rbac/bootstrap-roles", false, in_touch},
	{"informer-sync", true, synced},
};

static bool take_prefix(struct span *path, const char *prefix)
{
	size_t n = strlen(prefix);
	if (path->len < n || memcmp(path->data, prefix, n) != 0 ||
	    (path->len > n && path->data[n] != '/'))
		return false;
	path->data += n;
	path->len -= n;
	if (path->len)
		path->data++, path->len--;
	return true;
}

/* The name without its slash, and what is behind it. */
static const char *endpoint_of(struct span *path)
{
	static const char *const names[] = {"/healthz", "/livez", "/readyz"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (take_prefix(path, names[i]))
			return names[i] + 1;
	return NULL;
}

/* `value` NULL: any. */
static bool has_arg(const struct call *k, const char *name, const char *value)
{
	struct mp args = k->args;
	size_t n, two;
	struct span key, given;
	if (mp_array(&args, &n))
		return false;
	while (n--) {
		if (mp_array(&args, &two) || mp_str(&args, &key) || mp_str(&args, &given))
			break;
		if (span_is(key, name) && (!value || span_is(given, value)))
			return true;
	}
	return false;
}

/* A line of one; whether it counts as well. */
static bool look(const struct api *a, const struct call *k, const struct check *c, struct buf *out)
{
	if (has_arg(k, "exclude", c->name)) {
		buf_printf(out, "[+]%s excluded: ok\n", c->name);
		return true;
	}
	bool ok = c->holds(a);
	buf_printf(out, ok ? "[+]%s ok\n" : "[-]%s failed: reason withheld\n", c->name);
	return ok;
}

bool health(struct ctx *c, struct api *a, struct call *k)
{
	struct span one = k->path;
	struct buf all = {0};
	const char *endpoint = endpoint_of(&one);
	bool ok = true, found = !one.len, ready;
	if (!endpoint)
		return false;
	ready = strcmp(endpoint, "readyz") == 0;
	for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
		bool meant = one.len ? span_is(one, checks[i].name) : true;
		if (!meant || (checks[i].only_ready && !ready))
			continue;
		found = true;
		ok &= look(a, k, &checks[i], &all);
	}
	if (!found) {
		buf_fini(&all);
		return false;
	}
	bool told = !ok || (!one.len && has_arg(k, "verbose", NULL));
	if (told) {
		buf_printf(&all, "%s check %s\n", endpoint, ok ? "passed" : "failed");
	} else {
		all.len = 0;
		buf_puts(&all, "ok");
	}
	answer_text(c, a, k, ok ? 200 : 500, HTTP_TEXT, &all);
	return true;
}
