#include "tools/chaos/recording.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "actors/runtime/sim.h"
#include "actors/runtime/tap.h"

struct recording {
	FILE *changes;
	char dir[600];
	const struct catalogue *catalogue;
	struct omap taps; /* cell -> struct tap */
	struct err failed;
};

/* ---- the file of changes */

static void put(struct recording *r, struct buf *b)
{
	fwrite(b->data, 1, b->len, r->changes);
	buf_fini(b);
}

int recording_open(struct recording **out, const char *dir, const struct catalogue *c, struct err *e)
{
	char path[700];
	snprintf(path, sizeof path, "%s/run", dir);
	if ((mkdir(dir, 0700) && errno != EEXIST) || (mkdir(path, 0700) && errno != EEXIST))
		return err_set(e, ERR_IO, "%s: %s", dir, strerror(errno));
	snprintf(path, sizeof path, "%s/changes", dir);
	FILE *f = fopen(path, "wxe");
	if (!f)
		return err_set(e, errno == EEXIST ? ERR_EXISTS : ERR_IO, "%s: %s", path, strerror(errno));
	struct recording *r = mem_alloc(sizeof *r);
	r->changes = f;
	r->catalogue = c;
	snprintf(r->dir, sizeof r->dir, "%s/run/rings", dir);
	struct buf b = {0};
	mpw_map(&b, 1);
	mpw_kv_i64(&b, "epoch_us", SIM_EPOCH_US);
	put(r, &b);
	*out = r;
	return 0;
}

void recording_change(struct recording *r, const struct ledger *l, const struct led_change *c)
{
	const struct store_origin *o = &l->record.origin;
	const struct record_change *raw = c->raw;
	unsigned index = (unsigned)(c - l->changes);
	struct buf b = {0};
	mpw_map(&b, raw->secret ? 9 : 10);
	mpw_kv_u64(&b, "version", store_version(l->revision, index));
	mpw_kv_u64(&b, "revision", l->revision);
	mpw_kv_u64(&b, "index", index);
	mpw_kv_u64(&b, "count", l->record.count);
	mpw_kv_u64(&b, "was", raw->was_mod);
	mpw_kv_span(&b, "key", raw->key);
	mpw_kv_span(&b, "who", o->principal);
	/* Of the disk, which is one for all: the writer's may be off. */
	mpw_kv_i64(&b, "wall_us", SIM_EPOCH_US + (int64_t)l->now_us);
	mpw_str(&b, "trace");
	mpw_array(&b, 4);
	mpw_u64(&b, o->trace_hi);
	mpw_u64(&b, o->trace_lo);
	mpw_u64(&b, o->span);
	mpw_u64(&b, o->cause);
	if (!raw->secret) {
		mpw_str(&b, "value");
		if (raw->deleted)
			mpw_nil(&b);
		else
			mpw_raw(&b, raw->value);
	}
	put(r, &b);
}

void recording_mark(struct recording *r, uint64_t at_us, uint64_t revision, const char *text)
{
	struct buf b = {0};
	mpw_map(&b, 3);
	mpw_kv_str(&b, "mark", text);
	mpw_kv_i64(&b, "wall_us", SIM_EPOCH_US + (int64_t)at_us);
	mpw_kv_u64(&b, "revision", revision);
	put(r, &b);
}

/* ---- the rings */

static struct tap *tap_of(struct recording *r, const char *cell)
{
	struct tap *t = omap_get(&r->taps, span_of(cell));
	struct tap_config cfg = {.dir = r->dir, .cell = cell, .catalogue = r->catalogue};
	if (t || r->failed.code)
		return t;
	if (tap_open(&t, &cfg, &r->failed) == 0)
		omap_put(&r->taps, span_of(cell), t);
	return t;
}

void recording_message(struct recording *r, const char *cell, const struct tap_record *m)
{
	struct tap *t = tap_of(r, cell);
	if (t)
		tap_write(t, m);
}

static void close_tap(void *t)
{
	tap_close(t);
}

int recording_close(struct recording *r, struct err *e)
{
	if (!r)
		return 0;
	int rc = r->failed.code;
	if (rc)
		err_set(e, rc, "%s", r->failed.text);
	bool bad = ferror(r->changes);
	if ((fclose(r->changes) || bad) && !rc)
		rc = err_set(e, ERR_IO, "%s: the changes could not be written", r->dir);
	omap_fini(&r->taps, close_tap);
	free(r);
	return rc;
}
