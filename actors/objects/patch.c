/* Merge patches (RFC 7386) and JSON patches (RFC 6902). */
#include "actors/objects/patch.h"

#include "broker/base/mem.h"

/* ---- RFC 7386 */

struct doc *patch_merge(struct arena *a, struct doc *target, const struct doc *patch)
{
	if (patch->type != DOC_MAP)
		return doc_copy(a, patch);
	if (!doc_is(target, DOC_MAP))
		target = doc_new(a, DOC_MAP);
	DOC_EACH(p, patch) {
		struct doc *was = doc_get_span(target, p->key);
		if (p->type == DOC_NULL) {
			if (was)
				doc_detach(target, was);
			continue;
		}
		struct doc *now = patch_merge(a, was, p);
		if (now != was)
			doc_set_span(a, target, p->key, now);
	}
	return target;
}

/* ---- RFC 6902 */

struct pointer {
	struct doc *parent; /* NULL: the root itself */
	struct doc *child;  /* NULL: there is none */
	struct span token;
	size_t index;
	bool append; /* "-", or the place behind the last one */
};

static struct span unescaped(struct arena *a, struct span t)
{
	uint8_t *out = arena_alloc(a, t.len + 1);
	size_t n = 0;
	for (size_t i = 0; i < t.len; i++) {
		bool escape = t.data[i] == '~' && i + 1 < t.len;
		out[n++] = !escape ? t.data[i] : t.data[++i] == '1' ? '/' : '~';
	}
	return (struct span){out, n};
}

static bool array_place(struct pointer *p)
{
	const struct doc *list = p->parent;
	if (span_is(p->token, "-")) {
		p->append = true;
		p->index = list->count;
		return true;
	}
	size_t n = 0;
	if (p->token.len == 0 || p->token.len > 6 || (p->token.len > 1 && p->token.data[0] == '0'))
		return false;
	for (size_t i = 0; i < p->token.len; i++) {
		if (p->token.data[i] < '0' || p->token.data[i] > '9')
			return false;
		n = 10 * n + p->token.data[i] - '0';
	}
	p->index = n;
	p->child = doc_at(list, n);
	p->append = n == list->count;
	return n <= list->count;
}

static int find(struct arena *a, struct doc *root, struct span path, struct pointer *p,
		struct err *e)
{
	*p = (struct pointer){.child = root};
	struct span rest = path;
	if (path.len && path.data[0] != '/')
		return err_set(e, ERR_CONFLICT, "invalid path: '%.*s'", (int)path.len, path.data);
	while (rest.len) {
		size_t n = 1;
		while (n < rest.len && rest.data[n] != '/')
			n++;
		struct doc *in = p->child;
		*p = (struct pointer){.parent = in,
				      .token = unescaped(a, (struct span){rest.data + 1, n - 1})};
		rest.data += n;
		rest.len -= n;
		bool there = false;
		if (doc_is(in, DOC_MAP)) {
			p->child = doc_get_span(in, p->token);
			there = true;
		} else if (doc_is(in, DOC_ARRAY)) {
			there = array_place(p);
		}
		if (!there || (rest.len && !p->child))
			return err_set(e, ERR_CONFLICT, "path '%.*s' does not exist", (int)path.len,
				       path.data);
	}
	return 0;
}

/* Puts a node before place `index` of an array. */
static void insert(struct arena *a, struct doc *array, size_t index, struct doc *value)
{
	struct doc **all = arena_alloc(a, (array->count + 1) * sizeof *all);
	size_t n = 0;
	DOC_EACH(d, array) {
		if (n == index)
			all[n++] = value;
		all[n++] = d;
	}
	if (n == index)
		all[n++] = value;
	doc_refill(array, all, n);
}

static int add(struct arena *a, struct doc **root, struct span path, struct doc *value,
	       struct err *e)
{
	struct pointer p;
	int rc = find(a, *root, path, &p, e);
	if (rc)
		return rc;
	if (!p.parent)
		*root = value;
	else if (p.parent->type == DOC_MAP)
		doc_set_span(a, p.parent, p.token, value);
	else
		insert(a, p.parent, p.index, value);
	return 0;
}

static int missing(struct span path, struct err *e)
{
	return err_set(e, ERR_CONFLICT, "path '%.*s' does not exist", (int)path.len, path.data);
}

static int take(struct arena *a, struct doc **root, struct span path, bool keep, struct doc **out,
		struct err *e)
{
	struct pointer p;
	int rc = find(a, *root, path, &p, e);
	if (rc)
		return rc;
	if (!p.child)
		return missing(path, e);
	*out = p.child;
	if (!keep && p.parent)
		doc_detach(p.parent, p.child);
	return 0;
}

static int replace(struct arena *a, struct doc **root, struct span path, struct doc *value,
		   struct err *e)
{
	struct pointer p;
	int rc = find(a, *root, path, &p, e);
	if (rc)
		return rc;
	if (!p.child)
		return missing(path, e);
	if (p.parent)
		doc_replace(p.parent, p.child, value);
	else
		*root = value;
	return 0;
}

static int apply(struct arena *a, struct doc **root, const struct doc *op, struct err *e)
{
	struct span name = doc_get_str(op, "op"), path = doc_get_str(op, "path");
	const struct doc *value = doc_get(op, "value");
	struct doc *got;
	int rc;
	if (!doc_is(op, DOC_MAP))
		return err_set(e, ERR_INVALID, "an operation that is no object");
	if (!doc_is(doc_get(op, "path"), DOC_STR))
		return err_set(e, ERR_CONFLICT, "an operation without a path");
	bool needs_value =
		span_is(name, "add") || span_is(name, "replace") || span_is(name, "test");
	if (needs_value && !value)
		return err_set(e, ERR_CONFLICT, "an operation without a value");
	if (span_is(name, "add"))
		return add(a, root, path, doc_copy(a, value), e);
	if (span_is(name, "replace"))
		return replace(a, root, path, doc_copy(a, value), e);
	if (span_is(name, "remove"))
		return take(a, root, path, false, &got, e);
	if (span_is(name, "test")) {
		rc = take(a, root, path, true, &got, e);
		if (rc && value->type == DOC_NULL)
			return 0; /* absent is as good as null */
		if (rc == 0 && !doc_equal(got, value))
			rc = err_set(e, ERR_CONFLICT, "testing value %.*s failed", (int)path.len,
				     path.data);
		return rc;
	}
	bool move = span_is(name, "move");
	if (!move && !span_is(name, "copy"))
		return err_set(e, ERR_CONFLICT, "unexpected kind: %.*s", (int)name.len, name.data);
	struct span from = doc_get_str(op, "from");
	if (!doc_is(doc_get(op, "from"), DOC_STR))
		return err_set(e, ERR_CONFLICT, "an operation without a from");
	if (move && path.len > from.len && memcmp(path.data, from.data, from.len) == 0 &&
	    path.data[from.len] == '/')
		return err_set(e, ERR_CONFLICT, "a value cannot move into itself");
	rc = take(a, root, from, !move, &got, e);
	return rc ? rc : add(a, root, path, doc_copy(a, got), e);
}

int patch_json(struct arena *a, struct doc **target, const struct doc *patch, struct err *e)
{
	if (!doc_is(patch, DOC_ARRAY))
		return err_set(e, ERR_INVALID, "a JSON patch is an array of operations");
	if (patch->count > PATCH_OPS_MAX)
		return err_set(e, ERR_LIMIT, "a JSON patch has at most %d operations",
			       PATCH_OPS_MAX);
	DOC_EACH(op, patch) {
		int rc = apply(a, target, op, e);
		if (rc)
			return rc;
	}
	return 0;
}
