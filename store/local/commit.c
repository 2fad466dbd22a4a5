/* A commit is one allocation: header, changes, principal. It is filled in by
 * validation (txn.c) or from a log record (history.c) and read-only then. */
#include "store/local/commit.h"

#include <stdlib.h>

#include "broker/base/mem.h"

struct stream stream_split(struct span name)
{
	const uint8_t *at = name.len ? memchr(name.data, '@', name.len) : NULL;
	if (!at)
		return (struct stream){.kind = name};
	size_t len = (size_t)(at - name.data);
	return (struct stream){{name.data, len}, {at + 1, name.len - len - 1}};
}

bool stream_eq(struct stream a, struct stream b)
{
	return span_eq(a.kind, b.kind) && span_eq(a.part, b.part);
}

struct span stream_name(struct stream s, uint8_t buf[STORE_STREAM_BYTES_MAX])
{
	memcpy(buf, s.kind.data, s.kind.len);
	if (s.part.len == 0)
		return (struct span){buf, s.kind.len};
	buf[s.kind.len] = '@';
	memcpy(buf + s.kind.len + 1, s.part.data, s.part.len);
	return (struct span){buf, s.kind.len + 1 + s.part.len};
}

unsigned stream_links(struct span key, struct span part, const struct span *was_part,
		      struct stream out[STORE_LINKS_MAX])
{
	unsigned n = 0;
	struct span kind = store_stream_of(key);
	out[n++] = (struct stream){.kind = kind};
	if (part.len)
		out[n++] = (struct stream){kind, part};
	if (was_part && was_part->len && !span_eq(*was_part, part))
		out[n++] = (struct stream){kind, *was_part};
	return n;
}

struct commit *commit_new(uint64_t revision, const struct store_origin *o, unsigned count)
{
	size_t changes = count * sizeof(struct change);
	struct commit *c = mem_alloc(sizeof *c + changes + o->principal.len);
	c->revision = revision;
	c->origin = *o;
	c->count = count;
	uint8_t *principal = (uint8_t *)c->changes + changes;
	if (o->principal.len)
		memcpy(principal, o->principal.data, o->principal.len);
	c->origin.principal.data = principal;
	return c;
}

void commit_destroy(struct commit *c)
{
	if (!c)
		return;
	for (unsigned i = 0; i < c->count; i++) {
		row_unref(c->changes[i].row);
		row_unref(c->changes[i].was);
	}
	free(c);
}

void commit_seal(struct commit *c)
{
	c->bytes = sizeof *c + c->count * sizeof(struct change) + c->origin.principal.len;
	for (unsigned i = 0; i < c->count; i++) {
		c->bytes += row_bytes(c->changes[i].row);
		if (c->changes[i].was)
			c->bytes += row_bytes(c->changes[i].was);
	}
}

unsigned commit_links(const struct change *ch, struct stream out[STORE_LINKS_MAX])
{
	struct span was_part = ch->was ? row_part(ch->was) : (struct span){0};
	return stream_links(row_key(ch->row), row_part(ch->row), ch->was ? &was_part : NULL, out);
}

void commit_event(const struct commit *c, unsigned index, struct store_event *out,
		  struct event_names *names)
{
	const struct change *ch = &c->changes[index];
	struct stream streams[STORE_LINKS_MAX];
	*out = (struct store_event){
		.revision = c->revision,
		.index = index,
		.count = c->count,
		.row = row_view(ch->row),
		.was = row_view(ch->was),
		.origin = &c->origin,
	};
	out->was.lease = (struct span){0}; /* a record does not tell it either */
	out->was.ttl_ms = 0;
	out->link_count = commit_links(ch, streams);
	for (size_t i = 0; i < out->link_count; i++) {
		out->links[i].stream = stream_name(streams[i], names->text[i]);
		out->links[i].prev = ch->prev[i];
	}
}
