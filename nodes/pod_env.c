/* The environment of a container: envFrom, env, services, expansion.
 *
 * Source of the rules: kubernetes pkg/kubelet/kubelet_pods.go,
 * makeEnvironmentVariables, and third_party/forked/golang/expansion. */
#include "nodes/pod_env.h"

#include <string.h>

#include "nodes/pod_env_private.h"

/* ---- expansion */

const char *pod_env_expand(struct arena *a, struct span text,
			   const char *(*value)(void *arg, struct span name), void *arg)
{
	struct buf out = {0};
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i], next = i + 1 < text.len ? text.data[i + 1] : 0;
		const uint8_t *close = NULL;
		if (c == '$' && next == '(')
			close = memchr(text.data + i + 2, ')', text.len - i - 2);
		if (close) {
			struct span name = {text.data + i + 2,
					    (size_t)(close - text.data) - i - 2};
			const char *v = value(arg, name);
			if (v)
				buf_puts(&out, v);
			else
				buf_append(&out, text.data + i, name.len + 3);
			i += name.len + 2;
		} else {
			buf_putc(&out, (char)c);
			if (c == '$' && next == '$') /* $$ is one $, and what follows stays */
				i++;
			else if (c == '$' && next && i + 1 < text.len)
				buf_putc(&out, (char)text.data[++i]);
		}
	}
	const char *result = arena_ndup(a, out.data, out.len);
	buf_fini(&out);
	return result;
}

static const char *value_before(void *arg, struct span name)
{
	struct env_build *b = arg;
	const char *v = omap_get(&b->set, name);
	return v ? v : omap_get(&b->services, name);
}

/* ---- config maps and secrets */

struct keyed {
	enum pod_env_kind kind;
	const char *ref, *object, *title; /* "configMapKeyRef", "configmap", "ConfigMap" */
	const char *from;                 /* "configMapRef" */
};

static const struct keyed keyed[] = {
	{POD_ENV_CONFIG_MAP, "configMapKeyRef", "configmap", "ConfigMap", "configMapRef"},
	{POD_ENV_SECRET, "secretKeyRef", "secret", "Secret", "secretRef"},
};

static int base64_digit(uint8_t c)
{
	return c >= 'A' && c <= 'Z'   ? c - 'A'
	       : c >= 'a' && c <= 'z' ? c - 'a' + 26
	       : c >= '0' && c <= '9' ? c - '0' + 52
	       : c == '+'	      ? 62
	       : c == '/'	      ? 63
				      : -1;
}

/* Base64 (RFC 4648), as strict as a value that was stored needs. */
struct span env_base64(struct arena *a, struct span text)
{
	char *out = arena_alloc(a, text.len / 4 * 3 + 4);
	size_t n = 0;
	uint32_t bits = 0, have = 0;
	for (size_t i = 0; i < text.len; i++) {
		int digit = base64_digit(text.data[i]);
		if (digit < 0)
			break;
		bits = bits << 6 | (uint32_t)digit;
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[n++] = (char)(bits >> have & 0xff);
		}
	}
	return (struct span){(uint8_t *)out, n};
}

/* No process can be given what has a zero byte: less than was asked for would be wrong. */
static void note_zero(struct env_build *b, const char *where, struct span name, struct span text)
{
	if (!b->zero && text.len && memchr(text.data, 0, text.len))
		b->zero = arena_printf(b->a, "%s%.*s", where, (int)name.len, (const char *)name.data);
}

static const char *value_of(struct env_build *b, enum pod_env_kind kind, struct span name,
			    struct span raw)
{
	struct span value = kind == POD_ENV_SECRET ? env_base64(b->a, raw) : raw;
	note_zero(b, "environment variable ", name, value);
	return arena_ndup(b->a, value.data, value.len);
}

/* 0: *object is it. ERR_NOT_FOUND: the text says so, unless it is optional. */
static int look_up(struct env_build *b, const struct keyed *k, struct span name,
		   struct span *object, struct err *e)
{
	const struct pod_env_source *s = &b->facts->source;
	struct span ns = mp_path_str(b->pod, "metadata.namespace");
	int rc = s->object ? s->object(s->arg, k->kind, ns, name, object) : ERR_NOT_FOUND;
	if (rc == ERR_NOT_FOUND)
		return err_set(e, rc, "%s \"%.*s\" not found", k->object, (int)name.len,
			       (const char *)name.data);
	return rc ? err_set(e, rc, "%s \"%.*s\" is not known yet", k->object, (int)name.len,
			    (const char *)name.data)
		  : 0;
}

/* One configMapKeyRef or secretKeyRef. *out NULL: optional and absent. */
static int key_ref(struct env_build *b, const struct keyed *k, struct span variable, struct mp ref,
		   const char **out, struct err *e)
{
	struct span name = mp_path_str(ref, "name"), key = mp_path_str(ref, "key"), object, raw;
	bool optional = mp_path_bool(ref, "optional", false);
	int rc = look_up(b, k, name, &object, e);
	*out = NULL;
	if (rc)
		return rc == ERR_NOT_FOUND && optional ? 0 : rc;
	struct mp data, value;
	char *wanted = arena_ndup(b->a, key.data, key.len);
	if (mp_find(mp_of(object), "data", &data) && mp_find(data, wanted, &value) &&
	    mp_str(&value, &raw) == 0) {
		*out = value_of(b, k->kind, variable, raw);
		return 0;
	}
	if (optional)
		return 0;
	struct span ns = mp_path_str(b->pod, "metadata.namespace");
	return err_set(e, ERR_NOT_FOUND, "couldn't find key %s in %s %.*s/%.*s", wanted, k->title,
		       (int)ns.len, (const char *)ns.data, (int)name.len, (const char *)name.data);
}

/* ---- envFrom */

/* Kubernetes skips other names (and says so in an event). */
static bool name_ok(struct span name)
{
	for (size_t i = 0; i < name.len; i++)
		if (name.data[i] < ' ' || name.data[i] > '~' || name.data[i] == '=')
			return false;
	return name.len > 0;
}

static void take_all(struct env_build *b, const struct keyed *k, struct span object,
		     struct span prefix)
{
	struct mp data;
	size_t n = 0;
	if (!mp_find(mp_of(object), "data", &data) || mp_map(&data, &n))
		return;
	for (size_t i = 0; i < n; i++) {
		struct span key, raw;
		if (mp_str(&data, &key) || mp_str(&data, &raw))
			return;
		const char *name = arena_printf(b->a, "%.*s%.*s", (int)prefix.len,
						(const char *)prefix.data, (int)key.len,
						(const char *)key.data);
		if (name_ok(span_of(name)))
			omap_put(&b->set, span_of(name), (void *)value_of(b, k->kind, span_of(name), raw));
	}
}

static int take_from(struct env_build *b, struct mp from, struct err *e)
{
	for (size_t i = 0; i < sizeof keyed / sizeof *keyed; i++) {
		struct mp ref;
		struct span object;
		if (!mp_find(from, keyed[i].from, &ref))
			continue;
		int rc = look_up(b, &keyed[i], mp_path_str(ref, "name"), &object, e);
		if (rc == ERR_NOT_FOUND && mp_path_bool(ref, "optional", false))
			continue;
		if (rc)
			return rc;
		take_all(b, &keyed[i], object, mp_path_str(from, "prefix"));
	}
	return 0;
}

/* ---- env */

/* *out NULL: the variable is not set at all. */
static int value_from(struct env_build *b, struct span name, struct mp from, const char **out,
		      struct err *e)
{
	struct mp ref;
	*out = "";
	for (size_t i = 0; i < sizeof keyed / sizeof *keyed; i++)
		if (mp_find(from, keyed[i].ref, &ref))
			return key_ref(b, &keyed[i], name, ref, out, e);
	if (mp_find(from, "fieldRef", &ref))
		return env_field(b, mp_path_str(ref, "fieldPath"), out, e);
	if (mp_find(from, "resourceFieldRef", &ref))
		return env_resource(b, ref, out, e);
	return 0;
}

static int take_env(struct env_build *b, struct mp item, struct err *e)
{
	struct span name = mp_path_str(item, "name"), text = mp_path_str(item, "value");
	const char *value = "";
	struct mp from;
	int rc = 0;
	note_zero(b, "environment variable ", name, text);
	if (text.len)
		value = pod_env_expand(b->a, text, value_before, b);
	else if (mp_find(item, "valueFrom", &from))
		rc = value_from(b, name, from, &value, e);
	if (rc == 0 && value)
		omap_put(&b->set, name, (void *)value);
	return rc;
}

static int each_of(struct env_build *b, const char *list,
		   int (*take)(struct env_build *, struct mp, struct err *), struct err *e)
{
	struct mp items;
	size_t n = 0;
	int rc = 0;
	if (!mp_find(b->container, list, &items) || mp_array(&items, &n))
		return 0;
	for (size_t i = 0; i < n && rc == 0; i++) {
		rc = take(b, items, e);
		mp_skip(&items);
	}
	return rc;
}

/* ---- the result */

static void add_missing(struct omap *to, const struct omap *from)
{
	for (struct onode *n = omap_first(from); n; n = omap_next(n))
		if (!omap_get(to, onode_key(n)))
			omap_put(to, onode_key(n), n->value);
}

static void add_base(struct env_build *b)
{
	for (const char *const *at = b->facts->base; at && *at; at++) {
		const char *equals = strchr(*at, '=');
		struct span name = {(const uint8_t *)*at, equals ? (size_t)(equals - *at) : 0};
		if (equals && !omap_get(&b->set, name))
			omap_put(&b->set, name, (void *)(equals + 1));
	}
}

static const char *const *env_list(struct env_build *b)
{
	const char **list = arena_alloc(b->a, (b->set.count + 1) * sizeof *list);
	size_t i = 0;
	for (struct onode *n = omap_first(&b->set); n; n = omap_next(n)) {
		struct span name = onode_key(n);
		list[i++] = arena_printf(b->a, "%.*s=%s", (int)name.len, (const char *)name.data,
					 (const char *)n->value);
	}
	return list;
}

static const char *const *expanded(struct env_build *b, const char *field)
{
	struct mp items;
	size_t n = 0;
	if (!mp_find(b->container, field, &items) || mp_array(&items, &n))
		n = 0;
	const char **list = arena_alloc(b->a, (n + 1) * sizeof *list);
	for (size_t i = 0; i < n; i++) {
		struct span text = {0};
		if (mp_str(&items, &text))
			break;
		note_zero(b, "the container's ", span_of(field), text);
		list[i] = pod_env_expand(b->a, text, value_before, b);
	}
	return list;
}

int pod_command_make(struct arena *a, const struct pod_env_facts *f, struct mp pod,
		     struct mp container, struct pod_command *out, struct err *e)
{
	struct env_build b = {.a = a, .facts = f, .pod = pod, .container = container};
	struct span cwd = mp_path_str(container, "workingDir");
	int rc = env_services(&b, e);
	if (rc == 0)
		rc = each_of(&b, "envFrom", take_from, e);
	if (rc == 0)
		rc = each_of(&b, "env", take_env, e);
	if (rc == 0) {
		add_missing(&b.set, &b.services);
		out->command = expanded(&b, "command");
		out->args = expanded(&b, "args");
		add_base(&b);
		out->env = env_list(&b);
		out->cwd = arena_ndup(a, cwd.data, cwd.len);
		note_zero(&b, "the container's ", span_of("workingDir"), cwd);
	}
	if (rc == 0 && b.zero)
		rc = err_set(e, ERR_INVALID, "%s: invalid argument: it has a zero byte", b.zero);
	omap_fini(&b.set, NULL);
	omap_fini(&b.services, NULL);
	return rc;
}
