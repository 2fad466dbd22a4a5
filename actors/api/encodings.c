#include "actors/api/encodings.h"

#include <stdlib.h>

#include "actors/api/api_private.h"

/* What it is the text of: a version is of one object only. No byte of it is unused. */
struct of {
	const struct schema_resource *resource;
	uint64_t version;
};

struct encoding {
	struct of of;
	struct bytes *text;
	size_t item; /* where in it the text of an item begins, behind the type; 0: nowhere */
	struct encoding *newer; /* than this one */
};

static struct span key_of(const void *encoding)
{
	return (struct span){(const uint8_t *)&((const struct encoding *)encoding)->of, sizeof(struct of)};
}

static struct encoding *find(const struct encodings *e, const struct schema_resource *r,
			     uint64_t version)
{
	struct of of = {r, version};
	return hmap_get(&e->all, (struct span){(const uint8_t *)&of, sizeof of});
}

/* ---- keeping them */

static size_t size_of(const struct encoding *one)
{
	return sizeof *one + bytes_span(one->text).len;
}

static void drop_oldest(struct encodings *e)
{
	struct encoding *one = e->oldest;
	hmap_remove(&e->all, one);
	e->oldest = one->newer;
	if (!e->oldest)
		e->newest = NULL;
	e->bytes -= size_of(one);
	bytes_unref(one->text);
	free(one);
}

/* Takes `word` off the text. */
static bool skip(struct span *text, const char *word)
{
	size_t n = strlen(word);
	if (text->len < n || memcmp(text->data, word, n) != 0)
		return false;
	text->data += n;
	text->len -= n;
	return true;
}

/* Kind and apiVersion stand first, and have nothing to escape. */
static size_t find_item(struct span text)
{
	struct span rest = text;
	const uint8_t *quote;
	if (!skip(&rest, "{\"kind\":\"") || !(quote = memchr(rest.data, '"', rest.len)))
		return 0;
	rest.len -= (size_t)(quote - rest.data);
	rest.data = quote;
	if (!skip(&rest, "\",\"apiVersion\":\"") || !(quote = memchr(rest.data, '"', rest.len)))
		return 0;
	rest.len -= (size_t)(quote - rest.data);
	rest.data = quote;
	return skip(&rest, "\",") ? (size_t)(rest.data - text.data) : 0;
}

static struct encoding *need(struct encodings *e, const struct schema_resource *r,
			     const struct view_object *o)
{
	struct encoding *one = find(e, r, o->version);
	if (one)
		return one;
	struct buf out = {0};
	buf_reserve(&out, 2 * bytes_span(o->value).len);
	visible_object(&out, r, mp_of_bytes(o->value), o->version);
	buf_putc(&out, '\n');
	one = mem_alloc(sizeof *one);
	*one = (struct encoding){.of = {r, o->version}};
	one->item = find_item(span_buf(&out));
	/* Copied: the buffer is larger, and it will stay for long. */
	one->text = bytes_copy(out.data, out.len);
	buf_fini(&out);
	while (e->oldest && e->bytes + size_of(one) > ENCODINGS_BYTES_MAX)
		drop_oldest(e);
	e->all.key = key_of;
	hmap_add(&e->all, one);
	*(e->newest ? &e->newest->newer : &e->oldest) = one;
	e->newest = one;
	e->bytes += size_of(one);
	return one;
}

struct bytes *encodings_object(struct encodings *e, const struct schema_resource *r,
			       const struct view_object *o)
{
	return need(e, r, o)->text;
}

void encodings_item(struct encodings *e, const struct schema_resource *r,
		    const struct view_object *o, struct buf *out)
{
	const struct encoding *one = need(e, r, o);
	struct span text = bytes_span(one->text);
	if (!one->item) {
		visible_item(out, r, mp_of_bytes(o->value), o->version);
		return;
	}
	buf_putc(out, '{');
	buf_append(out, text.data + one->item, text.len - one->item - 1);
}

size_t encodings_length(const struct encodings *e, const struct schema_resource *r,
			const struct view_object *o)
{
	const struct encoding *one = find(e, r, o->version);
	return one ? bytes_span(one->text).len : 0;
}

void encodings_fini(struct encodings *e)
{
	while (e->oldest)
		drop_oldest(e);
	hmap_fini(&e->all);
	*e = (struct encodings){0};
}
