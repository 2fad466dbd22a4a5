/* Reading a stream's event: one pass over its fields, whatever their order. */
#include <string.h>

#include "actors/runtime/view_private.h"

bool view_nil(struct span raw)
{
	return raw.len == 1 && raw.data[0] == 0xc0;
}

static int prev_of(struct mp streams, const char *stream, uint64_t *prev)
{
	size_t n;
	if (mp_array(&streams, &n))
		return ERR_INVALID;
	for (size_t i = 0; i < n; i++) {
		size_t two;
		struct span name;
		uint64_t version;
		if (mp_array(&streams, &two) || two != 2 || mp_str(&streams, &name) ||
		    mp_u64(&streams, &version))
			return ERR_INVALID;
		if (span_is(name, stream)) {
			*prev = version;
			return 0;
		}
	}
	return ERR_NOT_FOUND;
}

/* ---- the fields of an event: each reads its value and passes it */

struct reading {
	const struct view *view;
	struct event *e;
	struct span marks; /* that came with the value */
	unsigned has; /* bits of the fields that must be there */
};

enum { HAS_VERSION = 1, HAS_CREATED = 2, HAS_PREV = 4, HAS_ALL = 7 };

static int read_version(struct reading *r, struct mp *m)
{
	r->has |= HAS_VERSION;
	return mp_u64(m, &r->e->version);
}

static int read_created(struct reading *r, struct mp *m)
{
	r->has |= HAS_CREATED;
	return mp_u64(m, &r->e->created);
}

static int read_streams(struct reading *r, struct mp *m)
{
	r->has |= HAS_PREV;
	int rc = prev_of(*m, r->view->stream, &r->e->prev);
	return rc ? rc : mp_skip(m);
}

static int read_key(struct reading *r, struct mp *m)
{
	return mp_str(m, &r->e->key);
}

static int read_part(struct reading *r, struct mp *m)
{
	return mp_str(m, &r->e->part);
}

static int read_secret(struct reading *r, struct mp *m)
{
	return mp_bool(m, &r->e->secret);
}

static int read_marks(struct reading *r, struct mp *m)
{
	return mp_bin(m, &r->marks);
}

static int read_value(struct reading *r, struct mp *m)
{
	r->e->has_value = true;
	int rc = mp_raw_sent(m, r->marks, &r->e->value, &r->e->marks);
	r->e->deleted = !rc && view_nil(r->e->value);
	return rc;
}

static int read_old(struct reading *r, struct mp *m)
{
	return mp_raw(m, &r->e->old);
}

static int read_trace(struct reading *r, struct mp *m)
{
	size_t n;
	uint64_t cause;
	struct trace *t = &r->e->trace;
	struct mp four = *m;
	if (mp_array(&four, &n) || n != 4 || mp_u64(&four, &t->hi) || mp_u64(&four, &t->lo) ||
	    mp_u64(&four, &t->span) || mp_u64(&four, &cause))
		*t = view_untraced;
	return mp_skip(m);
}

#define FIELD(name, read) {name, sizeof name - 1, read}
static const struct field {
	const char *name;
	size_t len;
	int (*read)(struct reading *r, struct mp *m);
} fields[] = {
	FIELD("streams", read_streams), FIELD("version", read_version), FIELD("key", read_key),
	FIELD("created", read_created), FIELD("part", read_part),	FIELD("trace", read_trace),
	FIELD("value", read_value),	FIELD("secret", read_secret),	FIELD("old", read_old),
	FIELD("marks", read_marks),
};

static const struct field *field_named(struct span key)
{
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		if (key.len == fields[i].len && bytes_same(key.data, fields[i].name, key.len))
			return &fields[i];
	return NULL;
}

int view_read_event(const struct view *v, struct mp body, struct event *e)
{
	struct reading r = {.view = v, .e = e};
	size_t n;
	memset(e, 0, offsetof(struct event, marks)); /* those come with the value */
	if (mp_map(&body, &n))
		return ERR_INVALID;
	for (size_t i = 0; i < n; i++) {
		struct span key;
		if (mp_str(&body, &key))
			return ERR_INVALID;
		const struct field *f = field_named(key);
		if (f ? f->read(&r, &body) : mp_skip(&body))
			return ERR_INVALID;
	}
	e->trace.cause = e->version;
	return r.has == HAS_ALL && e->key.len ? 0 : ERR_INVALID;
}
