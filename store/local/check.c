#include "store/local/check.h"

#include "store/local/journal.h"
#include "store/local/record.h"
#include "store/local/row.h"
#include "store/store.h"

struct checking {
	struct store_checked *out;
	uint64_t last; /* revision of the record before */
	struct err why;
	struct record record;
};

/* Keys of the store's own begin with a zero byte; their rows are looked at
 * when the store is built. */
static int look_at_object(void *arg, struct span key, struct span data)
{
	struct checking *at = arg;
	struct row *row;
	at->out->objects++;
	if (key.len && key.data[0] == 0)
		return 0;
	int rc = record_row_decode(key, data, &row);
	if (!rc)
		row_unref(row);
	return rc;
}

static int nothing(void *arg, uint64_t revision, struct span data)
{
	(void)arg, (void)revision, (void)data;
	return 0;
}

static int look_at_record(void *arg, uint64_t revision, struct span data)
{
	struct checking *at = arg;
	int rc = record_decode(data, &at->record);
	if (rc)
		return err_set(&at->why, rc, "record %llu: %s", (unsigned long long)revision,
			       err_text(rc));
	if (at->last && at->record.before != at->last)
		return err_set(&at->why, ERR_CORRUPT, "the record that follows %llu is missing",
			       (unsigned long long)at->last);
	at->last = revision;
	at->out->records++;
	return 0;
}

static int check_rows(const char *path, struct checking *at, struct err *e)
{
	struct journal *j;
	struct journal_meta meta;
	int rc = journal_lmdb_open(&j, &(struct journal_lmdb_options){.dir = path, .read_only = true},
				   e);
	if (rc)
		return rc;
	rc = journal_load(j, &meta, look_at_object, nothing, at, e);
	if (!rc) {
		rc = journal_read(j, 0, SIZE_MAX, look_at_record, at);
		if (rc && !at->why.code)
			err_set(&at->why, rc, "the record that follows %llu: %s",
				(unsigned long long)at->last, err_text(rc));
		if (rc)
			err_set(e, rc, "%s: %s", path, at->why.text);
	}
	journal_close(j);
	return rc;
}

static int look_at_event(void *arg, const struct store_event *ev)
{
	struct checking *at = arg;
	at->out->events++;
	at->last = ev->row.mod_version;
	return 0;
}

static int check_history(struct store *s, struct checking *at, const char *path, struct err *e)
{
	struct store_head head;
	bool more = true;
	int rc = 0;
	store_head(s, &head);
	at->out->revision = head.revision;
	at->out->compacted = head.compacted;
	at->out->epoch = head.epoch;
	at->out->rows = store_count(s, (struct span){0}, (struct span){0});
	at->last = head.compacted ? store_version(head.compacted + 1, 0) - 1 : 0;
	while (!rc && more)
		rc = store_events(s, (struct span){0}, at->last, 0, look_at_event, at, &more);
	/* a full journal keeps no old values (record.h): nothing is wrong */
	if (rc == ERR_COMPACTED)
		return 0;
	return rc ? err_set(e, rc, "%s: the change after version %llu cannot be told: %s", path,
			    (unsigned long long)at->last, err_text(rc))
		  : 0;
}

int store_check(const char *path, struct store_checked *out, struct err *e)
{
	struct checking at = {.out = out};
	struct journal *j;
	struct store *s;
	struct store_client nobody = {0};
	*out = (struct store_checked){0};
	int rc = check_rows(path, &at, e);
	if (!rc)
		rc = journal_lmdb_open(
			&j, &(struct journal_lmdb_options){.dir = path, .read_only = true}, e);
	if (!rc)
		rc = store_local_open(&s, &j, &nobody, e);
	if (rc)
		return rc;
	rc = check_history(s, &at, path, e);
	store_close(s);
	return rc;
}
