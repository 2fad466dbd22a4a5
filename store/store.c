/* The store's calls go to the implementation that was opened. */
#include "store/store.h"

int store_txn(struct store *s, const struct store_txn *t, uint64_t ticket, struct err *e)
{
	return s->ops->txn(s, t, ticket, e);
}

int store_range(struct store *s, struct span from, struct span end, size_t limit,
		int (*each)(void *arg, const struct store_row *), void *arg, bool *more)
{
	return s->ops->range(s, from, end, limit, each, arg, more);
}

int store_events(struct store *s, struct span stream, uint64_t after, size_t limit,
		 int (*each)(void *arg, const struct store_event *), void *arg, bool *more)
{
	return s->ops->events(s, stream, after, limit, each, arg, more);
}

void store_head(struct store *s, struct store_head *out)
{
	s->ops->head(s, out);
}

uint64_t store_stream_head(struct store *s, struct span stream)
{
	return s->ops->stream_head(s, stream);
}

int store_poll(struct store *s)
{
	return s->ops->poll(s);
}

int store_fd(struct store *s)
{
	return s->ops->fd(s);
}

void store_close(struct store *s)
{
	if (s)
		s->ops->close(s);
}

struct span store_stream_of(struct span key)
{
	const uint8_t *slash = key.len ? memchr(key.data, '/', key.len) : NULL;
	return (struct span){key.data, slash ? (size_t)(slash - key.data) : key.len};
}
