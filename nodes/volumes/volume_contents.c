/* What is in the files of a volume: config maps, secrets, the pod itself (the
 * downward API), tokens, and all of them in one (projected).
 *
 * Source of the rules: kubernetes pkg/volume/{configmap,secret,downwardapi,projected},
 * pkg/fieldpath, pkg/volume/util/atomic_writer.go (which paths are good). */
#include <limits.h>
#include <string.h>

#include "nodes/pod_env_private.h"
#include "nodes/volumes/volume_private.h"

enum { MODE_DEFAULT = 0644, TOKEN_MODE_OF_USER = 0600, TOKEN_SECONDS = 3600 };

static const char *text_of(struct arena *a, struct span s)
{
	return arena_ndup(a, s.data, s.len);
}

/* ---- several errors in one text, as Kubernetes tells them */

struct gathered {
	struct arena *a;
	const char *all; /* NULL: none */
	size_t count;
	int code;
};

static void gather(struct gathered *g, int code, const char *text)
{
	if (code == ERR_AGAIN) {
		g->code = ERR_AGAIN; /* nothing is said before all is known */
		return;
	}
	if (g->all && strstr(g->all, text))
		return;
	g->all = g->all ? arena_printf(g->a, "%s, %s", g->all, text) : arena_dup(g->a, text);
	g->count++;
	if (!g->code)
		g->code = code;
}

static int gathered_end(const struct gathered *g, struct err *e)
{
	if (!g->code || g->code == ERR_AGAIN)
		return g->code;
	return err_set(e, g->code, g->count > 1 ? "[%s]" : "%s", g->all);
}

/* ---- one file */

/* The path without "." and empty parts; NULL: it is not good, `e` says why. */
static const char *clean_path(struct arena *a, struct span path, struct err *e)
{
	struct buf b = {0};
	struct span rest = path, part;
	const char *bad = NULL;
	if (!path.len)
		bad = "invalid path: must not be empty: \"\"";
	else if (path.data[0] == '/')
		bad = "invalid path: must be relative path: %.*s";
	else if (path.len >= PATH_MAX)
		bad = "invalid path: must be less than or equal to 4096 characters";
	else if (memchr(path.data, 0, path.len))
		bad = "invalid path: must not contain a zero byte";
	else if (path.len > 2 && memcmp(path.data, "..", 2) == 0 && path.data[2] != '/')
		bad = "invalid path: must not start with '..': %.*s";
	while (!bad && rest.len) {
		const uint8_t *slash = memchr(rest.data, '/', rest.len);
		part = (struct span){rest.data, slash ? (size_t)(slash - rest.data) : rest.len};
		rest = (struct span){rest.data + part.len + (slash != NULL),
				     rest.len - part.len - (slash != NULL)};
		if (span_is(part, ".."))
			bad = "invalid path: must not contain '..': %.*s";
		else if (part.len > NAME_MAX)
			bad = "invalid path: filenames must be less than or equal to 255 characters";
		else if (part.len && !span_is(part, ".")) {
			if (b.len)
				buf_putc(&b, '/');
			buf_append(&b, part.data, part.len);
		}
	}
	if (!bad && !b.len)
		bad = "invalid path: it names no file: %.*s";
	const char *out = bad ? NULL : arena_ndup(a, b.data, b.len);
	buf_fini(&b);
	if (bad)
		err_set(e, ERR_INVALID, bad, (int)(path.len < 300 ? path.len : 300),
			(const char *)path.data);
	return out;
}

static int put_file(struct volume_contents *c, struct span path, struct span data, int64_t mode,
		    int64_t uid, struct err *e)
{
	const char *clean = clean_path(c->asker->a, path, e);
	if (!clean)
		return ERR_INVALID;
	struct volume_file *f = arena_alloc(c->asker->a, sizeof *f);
	*f = (struct volume_file){data, mode & 0777, uid};
	omap_put(&c->files, span_of(clean), f);
	return 0;
}

static int64_t mode_of(const struct volume_contents *c, struct mp item)
{
	return mp_path_int(item, "mode", c->mode);
}

/* ---- config maps and secrets */

static const struct keyed {
	const char *source;
	enum volume_object kind;
	const char *title;     /* of the resource, where it is not found */
	const char *no_key;    /* what is said of a key that is not there */
	struct {
		const char *map;
		bool base64;
	} data[2];
} keyed[] = {
	{"configMap", VOLUME_CONFIG_MAP, "configmap",
	 "configmap references non-existent config key: %s", {{"data", false}, {"binaryData", true}}},
	{"secret", VOLUME_SECRET, "secret", "references non-existent secret key: %s",
	 {{"data", true}, {NULL, false}}},
};

static bool value_at(struct volume_contents *c, const struct keyed *k, struct mp object,
		     struct span key, struct span *out)
{
	for (size_t i = 0; i < 2 && k->data[i].map; i++) {
		struct mp map, value;
		if (!mp_find(object, k->data[i].map, &map) || !mp_find_span(map, key, &value) ||
		    mp_str(&value, out))
			continue;
		if (k->data[i].base64)
			*out = env_base64(c->asker->a, *out);
		return true;
	}
	return false;
}

static int take_all(struct volume_contents *c, const struct keyed *k, struct mp object,
		    struct err *e)
{
	int rc = 0;
	for (size_t i = 0; i < 2 && k->data[i].map; i++) {
		struct mp map;
		struct span key, value;
		size_t n = 0;
		if (!mp_find(object, k->data[i].map, &map) || mp_map(&map, &n))
			continue;
		for (; n > 0 && rc == 0 && mp_str(&map, &key) == 0 && mp_str(&map, &value) == 0; n--)
			rc = put_file(c, key, k->data[i].base64 ? env_base64(c->asker->a, value) : value,
				      c->mode, -1, e);
	}
	return rc;
}

static int take_items(struct volume_contents *c, const struct keyed *k, struct mp object,
		      struct mp items, size_t n, bool optional, struct err *e)
{
	int rc = 0;
	for (; n > 0 && rc == 0; n--) {
		struct span key = mp_path_str(items, "key"), value;
		if (value_at(c, k, object, key, &value))
			rc = put_file(c, mp_path_str(items, "path"), value, mode_of(c, items), -1, e);
		else if (!optional)
			rc = err_set(e, ERR_NOT_FOUND, k->no_key, text_of(c->asker->a, key));
		mp_skip(&items);
	}
	return rc;
}

static int take_keyed(struct volume_contents *c, const struct keyed *k, struct mp body,
		      struct err *e)
{
	const struct volume_source *s = c->asker->source;
	struct span name = mp_path_str(body, "name"), object = {0};
	bool optional = mp_path_bool(body, "optional", false);
	struct mp items;
	size_t n = 0;
	if (!name.len)
		name = mp_path_str(body, "secretName");
	int rc = s->object ? s->object(s->arg, k->kind, c->asker->namespace, name, &object)
			   : ERR_NOT_FOUND;
	if (rc == ERR_NOT_FOUND && !optional)
		return err_set(e, rc, "%s \"%s\" not found", k->title, text_of(c->asker->a, name));
	if (rc && rc != ERR_NOT_FOUND)
		return rc;
	if (mp_find(body, "items", &items) && mp_array(&items, &n) == 0 && n)
		return take_items(c, k, mp_of(object), items, n, optional, e);
	return take_all(c, k, mp_of(object), e);
}

/* ---- the downward API */

/* Characters above ASCII that no printer shows, as far as labels may hold them. */
static bool is_unprintable(uint32_t c)
{
	static const struct {
		uint32_t from, to;
	} ranges[] = {
		{0x7f, 0xa0},	  {0xad, 0xad},	    {0x600, 0x605},   {0x61c, 0x61c},
		{0x6dd, 0x6dd},	  {0x70f, 0x70f},   {0x1680, 0x1680}, {0x180e, 0x180e},
		{0x2000, 0x200f}, {0x2028, 0x202f}, {0x205f, 0x206f}, {0x3000, 0x3000},
		{0xd800, 0xf8ff}, {0xfeff, 0xfeff}, {0xfff0, 0xfffb}, {0xfffe, 0xffff},
		{0xe0000, 0xe0fff}, {0xf0000, 0x10ffff},
	};
	for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
		if (c >= ranges[i].from && c <= ranges[i].to)
			return true;
	return false;
}

/* Bytes of the character at `s`, which is UTF-8, and its number. */
static size_t character(const uint8_t *s, size_t room, uint32_t *out)
{
	size_t n = s[0] < 0x80 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	*out = n == 1 ? s[0] : s[0] & (0x7fu >> n);
	if (n > room)
		return 0;
	for (size_t i = 1; i < n; i++)
		*out = *out << 6 | (s[i] & 0x3f);
	return n;
}

/* As Go quotes text (%q). */
static void put_quoted(struct buf *b, struct span text)
{
	static const char from[] = "\a\b\f\n\r\t\v\\\"", to[] = "abfnrtv\\\"";
	uint32_t c;
	buf_putc(b, '"');
	for (size_t i = 0, n; i < text.len; i += n) {
		n = character(text.data + i, text.len - i, &c);
		const char *at = n == 1 && c ? strchr(from, (int)c) : NULL;
		if (!n) {
			n = 1;
			buf_printf(b, "\\x%02x", text.data[i]);
		} else if (at) {
			buf_printf(b, "\\%c", to[at - from]);
		} else if (c < ' ' || c == 0x7f) {
			buf_printf(b, "\\x%02x", c);
		} else if (is_unprintable(c)) {
			buf_printf(b, c > 0xffff ? "\\U%08x" : "\\u%04x", c);
		} else {
			buf_append(b, text.data + i, n);
		}
	}
	buf_putc(b, '"');
}

/* Labels or annotations: a line each, in the order of their names. */
static const char *map_text(struct arena *a, struct mp pod, const char *path)
{
	struct omap sorted = {0};
	struct buf b = {0};
	struct mp map;
	size_t n = 0;
	if (!mp_path(pod, path, &map) || mp_map(&map, &n))
		n = 0;
	for (struct span key, value; n > 0 && !mp_str(&map, &key) && !mp_str(&map, &value); n--) {
		struct span *kept = arena_alloc(a, sizeof *kept);
		*kept = value;
		omap_put(&sorted, key, kept);
	}
	for (struct onode *o = omap_first(&sorted); o; o = omap_next(o)) {
		struct span key = onode_key(o);
		if (b.len)
			buf_putc(&b, '\n');
		buf_append(&b, key.data, key.len);
		buf_putc(&b, '=');
		put_quoted(&b, *(const struct span *)o->value);
	}
	omap_fini(&sorted, NULL);
	const char *out = arena_ndup(a, b.data, b.len);
	buf_fini(&b);
	return out;
}

static int downward_value(struct volume_contents *c, struct mp item, const char **out,
			  struct err *e)
{
	struct env_build b = {.a = c->asker->a, .facts = c->facts, .pod = c->asker->pod};
	struct mp ref;
	*out = "";
	if (mp_find(item, "fieldRef", &ref)) {
		struct span path = mp_path_str(ref, "fieldPath");
		if (!span_is(path, "metadata.labels") && !span_is(path, "metadata.annotations"))
			return env_field(&b, path, out, e);
		*out = map_text(b.a, b.pod, text_of(b.a, path));
		return 0;
	}
	return mp_find(item, "resourceFieldRef", &ref) ? env_resource(&b, ref, out, e) : 0;
}

static int take_downward(struct volume_contents *c, struct mp body, struct err *e)
{
	struct gathered g = {.a = c->asker->a};
	struct mp items;
	size_t n = 0;
	if (!mp_find(body, "items", &items) || mp_array(&items, &n))
		return 0;
	for (; n > 0; n--) {
		const char *value;
		struct err why = {0};
		int rc = downward_value(c, items, &value, &why);
		if (!rc)
			rc = put_file(c, mp_path_str(items, "path"), span_of(value), mode_of(c, items),
				      -1, &why);
		if (rc)
			gather(&g, rc, why.text);
		mp_skip(&items);
	}
	return gathered_end(&g, e);
}

/* ---- tokens */

/* The user that all containers run as; -1: they differ, or nobody says. */
static int64_t user_of_all(struct mp pod)
{
	static const char *const lists[] = {"spec.initContainers", "spec.containers"};
	int64_t all = -1, of_pod = mp_path_int(pod, "spec.securityContext.runAsUser", -1);
	for (size_t l = 0; l < 2; l++) {
		struct mp items;
		size_t n = 0;
		if (!mp_path(pod, lists[l], &items) || mp_array(&items, &n))
			continue;
		for (; n > 0; n--) {
			int64_t user = mp_path_int(items, "securityContext.runAsUser", of_pod);
			if (user < 0 || (all >= 0 && user != all))
				return -1;
			all = user;
			mp_skip(&items);
		}
	}
	return all;
}

static int take_token(struct volume_contents *c, struct mp body, struct err *e)
{
	const struct volume_source *s = c->asker->source;
	int64_t user = user_of_all(c->asker->pod);
	bool owned = user >= 0 ||
		     mp_path_int(c->asker->pod, "spec.securityContext.fsGroup", -1) >= 0;
	struct span token;
	if (!s->token)
		return err_set(e, ERR_UNSUPPORTED, "failed to fetch token: this node has none");
	int rc = s->token(s->arg, c->asker->pod, mp_path_str(body, "audience"),
			  mp_path_int(body, "expirationSeconds", TOKEN_SECONDS), &token, e);
	if (rc == ERR_AGAIN)
		return rc;
	if (rc)
		return err_wrap(e, rc, "failed to fetch token");
	return put_file(c, mp_path_str(body, "path"), token, owned ? TOKEN_MODE_OF_USER : c->mode,
			user, e);
}

/* ---- sources, alone or several in one */

static int take_source(struct volume_contents *c, const char *source, struct mp body,
		       struct err *e)
{
	for (size_t i = 0; i < sizeof keyed / sizeof *keyed; i++)
		if (strcmp(source, keyed[i].source) == 0)
			return take_keyed(c, &keyed[i], body, e);
	if (strcmp(source, "downwardAPI") == 0)
		return take_downward(c, body, e);
	if (strcmp(source, "serviceAccountToken") == 0)
		return take_token(c, body, e);
	return err_set(e, ERR_UNSUPPORTED, "this node knows no source %s of projected volumes",
		       source);
}

static int take_projected(struct volume_contents *c, struct mp body, struct err *e)
{
	struct gathered g = {.a = c->asker->a};
	struct mp sources;
	size_t n = 0;
	if (!mp_find(body, "sources", &sources) || mp_array(&sources, &n))
		return 0;
	for (; n > 0; n--) {
		struct mp one = sources;
		size_t keys = 0;
		struct span key;
		for (mp_map(&one, &keys); keys > 0 && mp_str(&one, &key) == 0; keys--) {
			struct err why = {0};
			int rc = mp_peek(&one) == MP_MAP
					 ? take_source(c, text_of(g.a, key), one, &why)
					 : 0;
			if (rc)
				gather(&g, rc, why.text);
			mp_skip(&one);
		}
		mp_skip(&sources);
	}
	return gathered_end(&g, e);
}

int volume_contents_take(struct volume_contents *c, const struct volume_place *v, struct err *e)
{
	c->mode = mp_path_int(v->body, "defaultMode", MODE_DEFAULT);
	return strcmp(v->source, "projected") == 0 ? take_projected(c, v->body, e)
						   : take_source(c, v->source, v->body, e);
}
