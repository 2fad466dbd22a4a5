/* The journal port: calls go to the implementation that was opened. */
#include "store/local/journal.h"

int journal_load(struct journal *j, struct journal_meta *meta,
		 int (*object)(void *, struct span key, struct span row),
		 int (*record)(void *, uint64_t revision, struct span data), void *arg,
		 struct err *e)
{
	return j->ops->load(j, meta, object, record, arg, e);
}

int journal_append(struct journal *j, const struct journal_batch *b)
{
	return j->ops->append(j, b);
}

int journal_reap(struct journal *j, struct err *e)
{
	return j->ops->reap(j, e);
}

int journal_fd(struct journal *j)
{
	return j->ops->fd(j);
}

int journal_read(struct journal *j, uint64_t from, size_t limit,
		 int (*record)(void *, uint64_t revision, struct span data), void *arg)
{
	return j->ops->read(j, from, limit, record, arg);
}

bool journal_full(struct journal *j)
{
	return j->ops->full(j);
}

int journal_backup(struct journal *j, const char *path, struct err *e)
{
	return j->ops->backup(j, path, e);
}

int journal_backup_reap(struct journal *j, struct err *e)
{
	return j->ops->backup_reap(j, e);
}

void journal_close(struct journal *j)
{
	if (j)
		j->ops->close(j);
}
