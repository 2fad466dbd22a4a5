#include "actors/api/encodings.h"

#include <stdlib.h>

#include "actors/api/api_private.h"

struct encoding {
	const struct schema_resource *resource;
	uint64_t version;
	struct bytes *text;
	size_t item; /* where in it the text of an item begins, behind the type; 0: nowhere */
	struct encoding *next;	/* of the bucket */
	struct encoding *newer; /* than this one */
};

/* ---- finding them */

static size_t bucket_of(const struct encodings *e, uint64_t version)
{
	return (size_t)((version * UINT64_C(0x9e3779b97f4a7c15)) >> 20) & (e->bucket_count - 1);
}

static struct encoding *find(const struct encodings *e, const struct schema_resource *r,
			     uint64_t version)
{
	if (!e->bucket_count)
		return NULL;
	struct encoding *one = e->buckets[bucket_of(e, version)];
	while (one && (one->version != version || one->resource != r))
		one = one->next;
	return one;
}

static void put_into_bucket(struct encodings *e, struct encoding *one)
{
	struct encoding **bucket = &e->buckets[bucket_of(e, one->version)];
	one->next = *bucket;
	*bucket = one;
}

static void grow(struct encodings *e)
{
	if (e->count < e->bucket_count)
		return;
	e->bucket_count = e->bucket_count ? 2 * e->bucket_count : 64;
	free(e->buckets);
	e->buckets = mem_alloc(e->bucket_count * sizeof *e->buckets);
	for (struct encoding *one = e->oldest; one; one = one->newer)
		put_into_bucket(e, one);
}

/* ---- keeping them */

static size_t size_of(const struct encoding *one)
{
	return sizeof *one + bytes_span(one->text).len;
}

static void drop_oldest(struct encodings *e)
{
	struct encoding *one = e->oldest, **at = &e->buckets[bucket_of(e, one->version)];
	while (*at != one)
		at = &(*at)->next;
	*at = one->next;
	e->oldest = one->newer;
	if (!e->oldest)
		e->newest = NULL;
	e->count--;
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
	*one = (struct encoding){.resource = r, .version = o->version};
	one->item = find_item(span_buf(&out));
	/* Copied: the buffer is larger, and it will stay for long. */
	one->text = bytes_copy(out.data, out.len);
	buf_fini(&out);
	while (e->oldest && e->bytes + size_of(one) > ENCODINGS_BYTES_MAX)
		drop_oldest(e);
	grow(e);
	put_into_bucket(e, one);
	*(e->newest ? &e->newest->newer : &e->oldest) = one;
	e->newest = one;
	e->count++;
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
	free(e->buckets);
	*e = (struct encodings){0};
}
