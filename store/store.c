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

struct counting {
	uint64_t rows;
	uint8_t last[STORE_KEY_BYTES_MAX + 1]; /* the least key behind the last row */
	size_t last_len;
};

static int count_row(void *arg, const struct store_row *row)
{
	struct counting *c = arg;
	c->rows++;
	memcpy(c->last, row->key.data, row->key.len);
	c->last[row->key.len] = 0;
	c->last_len = row->key.len + 1;
	return 0;
}

uint64_t store_count(struct store *s, struct span from, struct span end)
{
	struct counting c = {0};
	bool more = true;
	while (more) {
		struct span at = c.last_len ? (struct span){c.last, c.last_len} : from;
		store_range(s, at, end, 0, count_row, &c, &more);
	}
	return c.rows;
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

int store_keep(struct store *s, struct span lease, int64_t now_us, struct err *e)
{
	return s->ops->keep(s, lease, now_us, e);
}

int64_t store_tick(struct store *s, int64_t now_us)
{
	return s->ops->tick(s, now_us);
}

int store_compact(struct store *s, uint64_t revision, struct err *e)
{
	return s->ops->compact(s, revision, e);
}

int store_backup(struct store *s, const char *path, struct err *e)
{
	return s->ops->backup(s, path, e);
}

int store_backup_reap(struct store *s, struct err *e)
{
	return s->ops->backup_reap(s, e);
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
