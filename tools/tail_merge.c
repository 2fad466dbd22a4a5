/* `troupe tail --messages`: the rings of all processes in the order of time,
 * and between them the journal's changes; with --notices alone, only the rings
 * of notices.
 *
 * A change has its place where the store published it: that record carries the
 * change's version, so all changes up to it are printed there, from the store.
 * The record itself is only that place. Changes whose record was overwritten,
 * or whose store is elsewhere, come a moment late but come all. */
#include <poll.h>
#include <stdio.h>

#include "actors/runtime/heads.h"
#include "broker/envelope.h"
#include "broker/messages.h"
#include "store/store.h"
#include "tools/tail.h"

enum { ROUND_MS = 20, LOOK_US = 500000, LATE_US = 200000, SECOND_US = 1000000 };

struct merge {
	struct client *cl;
	const struct tail_options *o;
	struct rings *rings;
	struct heads *heads;
	struct tail_page page;
	struct change next; /* of the page */
	bool has_next;
	bool placed; /* `last` is known */
	uint64_t last; /* version of the last change taken */
	uint64_t fetched_us, looked_us;
	long printed;
	/* --max-rate: what this second has shown and has not */
	uint64_t second_us;
	long shown, skipped;
	int code;
};

static bool enough(const struct merge *m)
{
	return m->code || (m->o->count && m->printed >= m->o->count);
}

/* ---- changes */

static void fetch(struct merge *m)
{
	struct err e = {0};
	tail_page_fini(&m->page);
	m->fetched_us = rings_now_us();
	int rc = tail_fetch(m->cl, "", m->last, &m->page, &e);
	if (rc == ERR_COMPACTED) {
		fprintf(stderr, "troupe tail: %s\n", e.text);
		m->code = TAIL_EXIT_COMPACTED;
	}
	m->has_next = rc == 0 && tail_next(&m->page, &m->next);
}

static void take_change(struct merge *m)
{
	m->last = m->next.version;
	if (tail_wants_change(m->o, &m->next)) {
		tail_print_change(m->o, &m->next);
		m->printed++;
	}
	m->has_next = tail_next(&m->page, &m->next);
}

static void changes_up_to(struct merge *m, uint64_t version)
{
	if (!m->placed) { /* the rings begin here: so do the changes */
		m->placed = true;
		m->last = version - 1;
	}
	while (!enough(m) && m->last < version) {
		if (!m->has_next)
			fetch(m);
		if (!m->has_next || m->next.version > version)
			return;
		take_change(m);
	}
}

/* Those that no record announced. */
static void late_changes(struct merge *m)
{
	uint64_t now = rings_now_us();
	if (!m->placed || now < m->fetched_us + LATE_US)
		return;
	while (m->has_next && !enough(m))
		take_change(m);
	if (!enough(m) && heads_global(m->heads) > m->last)
		fetch(m);
}

/* ---- records */

static bool is_publication(const struct ring_record *r)
{
	return r->event == RING_SENT && r->detail == ENV_EVENT && r->kind == MSG_BUS_EVENT;
}

static void say_skipped(struct merge *m)
{
	if (m->skipped)
		tail_print_skipped(m->o, m->skipped);
	m->skipped = 0;
}

/* Whether this second has had its share. */
static bool too_many(struct merge *m)
{
	uint64_t now = rings_now_us();
	if (!m->o->rate)
		return false;
	if (now >= m->second_us + SECOND_US) {
		m->second_us = now;
		m->shown = 0;
		say_skipped(m);
	}
	if (m->shown++ < m->o->rate)
		return false;
	m->skipped++;
	return true;
}

static void take_item(struct merge *m, const struct rings_item *i)
{
	if (i->gap) {
		tail_print_gap(m->o, i);
		m->printed++;
		m->code = m->o->strict ? TAIL_EXIT_GAP : 0;
		return;
	}
	if (is_publication(&i->record))
		changes_up_to(m, i->record.correlation);
	if (enough(m) || !tail_wants_record(m->o, i) || tail_is_of(i, client_self(m->cl)))
		return;
	if (is_publication(&i->record) && !m->o->kind && !m->o->body)
		return; /* the change stands there already */
	if (too_many(m))
		return;
	tail_print_record(m->o, i);
	m->printed++;
}

static void round_once(struct merge *m)
{
	struct rings_item i;
	uint64_t now = rings_now_us();
	if (now >= m->looked_us + LOOK_US) {
		m->looked_us = now;
		rings_look(m->rings);
		rings_want_bodies(m->rings, !m->o->body);
	}
	while (!enough(m) && rings_next(m->rings, &i, !m->o->follow))
		take_item(m, &i);
}

/* Where to begin: the revision asked for, the end, or (everything that is
 * left) the first place that a record names. */
static int place(struct merge *m, struct err *e)
{
	uint64_t oldest;
	if (m->o->from) {
		m->placed = true;
		m->last = store_version(m->o->from, 0) - 1;
		return 0;
	}
	if (!m->o->follow && m->o->messages)
		return 0;
	m->placed = true;
	return tail_bounds(m->cl, &m->last, &oldest, e);
}

static int run(struct merge *m, struct err *e)
{
	int rc = place(m, e);
	if (rc)
		return rc;
	while (!enough(m)) {
		round_once(m);
		if (!m->o->follow && !enough(m)) {
			if (m->placed)
				changes_up_to(m, heads_global(m->heads));
			break;
		}
		late_changes(m);
		if (rings_now_us() >= m->second_us + SECOND_US)
			say_skipped(m);
		fflush(stdout);
		client_keep(m->cl);
		poll(NULL, 0, ROUND_MS);
	}
	say_skipped(m);
	fflush(stdout);
	return m->code;
}

int tail_merged(struct client *cl, const struct tail_options *o, struct err *e)
{
	struct merge m = {.cl = cl, .o = o};
	char path[700];
	snprintf(path, sizeof path, "%s/run/heads", o->data_dir);
	int rc = heads_open(&m.heads, path, e);
	if (rc == 0)
		rc = rings_open(&m.rings, o->data_dir, o->messages ? RINGS_ALL : RINGS_NOTICES,
				!o->follow, e);
	if (rc == 0)
		rc = run(&m, e);
	tail_page_fini(&m.page);
	rings_close(m.rings);
	heads_close(m.heads);
	return rc;
}
