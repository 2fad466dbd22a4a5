/* `troupe tail --run DIR`: a run that is over (troupe chaos run --record), with
 * the filters and the lines of a living cluster. The changes come from its
 * file; with --messages they stand between the records of its rings, as in
 * tail_merge.c. Marks say what was broken when. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "actors/schema/json.h"
#include "broker/base/mem.h"
#include "broker/envelope.h"
#include "broker/messages.h"
#include "store/store.h"
#include "tools/tail.h"

struct recorded {
	const struct tail_options *o;
	struct mp next; /* of the file */
	long printed;
};

static bool enough(const struct recorded *r)
{
	return r->o->count && r->printed >= r->o->count;
}

static void print_mark(struct recorded *r, struct mp m)
{
	struct span text = mp_path_str(m, "mark");
	struct buf b = {0};
	if (r->o->json) {
		buf_printf(&b, "{\"revision\":%lld,\"mark\":", (long long)mp_path_int(m, "revision", 0));
		json_string(&b, text);
		buf_puts(&b, "}\n");
	} else {
		buf_printf(&b, "-- chaos: %.*s --\n", (int)text.len, (const char *)text.data);
	}
	fwrite(b.data, 1, b.len, stdout);
	buf_fini(&b);
	r->printed++;
}

/* All that stands before the first change behind `version`. */
static void print_up_to(struct recorded *r, uint64_t version)
{
	while (r->next.p < r->next.end && !enough(r)) {
		struct mp m = r->next;
		struct change c;
		struct mp mark;
		if (mp_skip(&r->next))
			return;
		if (mp_find(m, "mark", &mark)) {
			if ((uint64_t)mp_path_int(m, "revision", 0) >= r->o->from)
				print_mark(r, m);
		} else if (tail_read_change(m, &c)) {
			if (c.version > version) {
				r->next = m;
				return;
			}
			if (c.version >> STORE_POSITION_BITS >= r->o->from && tail_wants_change(r->o, &c)) {
				tail_print_change(r->o, &c);
				r->printed++;
			}
		}
	}
}

static void take_record(struct recorded *r, const struct rings_item *i)
{
	const struct ring_record *x = &i->record;
	bool publication = !i->gap && x->event == RING_SENT && x->detail == ENV_EVENT && x->kind == MSG_BUS_EVENT;
	if (i->gap) {
		tail_print_gap(r->o, i);
		r->printed++;
		return;
	}
	if (publication)
		print_up_to(r, x->correlation);
	if (enough(r) || !tail_wants_record(r->o, i) || (publication && !r->o->kind))
		return;
	tail_print_record(r->o, i);
	r->printed++;
}

static int print_messages(struct recorded *r, struct err *e)
{
	struct rings *rings;
	struct rings_item i;
	int rc = rings_open(&rings, r->o->run, RINGS_ALL, true, e);
	if (rc)
		return rc;
	while (!enough(r) && rings_next(rings, &i, true))
		take_record(r, &i);
	rings_close(rings);
	return 0;
}

static int read_file(const char *dir, struct buf *out, struct err *e)
{
	char path[700], part[65536];
	size_t n;
	snprintf(path, sizeof path, "%s/changes", dir);
	FILE *f = fopen(path, "re");
	if (!f)
		return err_set(e, ERR_IO, "%s: %s", path, strerror(errno));
	while ((n = fread(part, 1, sizeof part, f)) > 0)
		buf_append(out, part, n);
	int rc = ferror(f) ? err_set(e, ERR_IO, "%s: %s", path, strerror(errno)) : 0;
	fclose(f);
	return rc;
}

int tail_recorded(struct tail_options *o, struct err *e)
{
	struct buf b = {0};
	struct recorded r = {.o = o};
	int rc = read_file(o->run, &b, e);
	r.next = mp_of(span_buf(&b));
	o->epoch_us = mp_path_int(r.next, "epoch_us", -1);
	if (rc == 0 && (o->epoch_us < 0 || mp_skip(&r.next)))
		rc = err_set(e, ERR_INVALID, "%s: this is no recorded run", o->run);
	if (rc == 0 && o->messages)
		rc = print_messages(&r, e);
	if (rc == 0)
		print_up_to(&r, UINT64_MAX);
	buf_fini(&b);
	return rc;
}
