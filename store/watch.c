#include "store/watch.h"

struct telling {
	struct store_watch *w;
	int (*each)(void *arg, enum store_seen, const struct store_event *);
	void *arg;
};

static bool is_wanted(const struct store_watch *w, const struct store_row *r)
{
	return r->value && (!w->matches || w->matches(w->arg, r));
}

static bool has_prefix(struct span key, struct span prefix)
{
	return key.len >= prefix.len &&
	       (prefix.len == 0 || memcmp(key.data, prefix.data, prefix.len) == 0);
}

static int tell(void *arg, const struct store_event *e)
{
	struct telling *t = arg;
	bool was, is;
	int rc = 0;
	if (has_prefix(e->row.key, t->w->prefix)) {
		was = is_wanted(t->w, &e->was);
		is = is_wanted(t->w, &e->row);
		if (was || is)
			rc = t->each(t->arg,
				     !was  ? STORE_SEEN_ENTERED
				     : is ? STORE_SEEN_CHANGED
					  : STORE_SEEN_LEFT,
				     e);
	}
	if (!rc)
		t->w->after = e->row.mod_version;
	return rc;
}

int store_watch_next(struct store *s, struct store_watch *w, size_t limit,
		     int (*each)(void *arg, enum store_seen, const struct store_event *), void *arg,
		     bool *more)
{
	struct telling t = {w, each, arg};
	int rc = store_events(s, w->stream, w->after, limit, tell, &t, more);
	if (rc || *more)
		return rc;
	uint64_t head = store_stream_head(s, w->stream);
	if (w->after < head)
		w->after = head;
	return 0;
}
