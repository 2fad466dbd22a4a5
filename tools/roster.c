#include "tools/roster.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/runtime/messages.h"
#include "broker/messages.h"
#include "tools/host.h"
#include "tools/rings.h"

enum { ANSWER_MS = 1000, BROKER_MS = 5000, BUSY_US = 100000 };

/* Where each figure of a message goes. */
struct figure {
	const char *key;
	size_t at;
};

static const struct figure actor_figures[] = {
	{"turns", offsetof(struct roster_actor, turns)},
	{"queue", offsetof(struct roster_actor, queue)},
	{"restarts", offsetof(struct roster_actor, restarts)},
	{"rejected", offsetof(struct roster_actor, rejected)},
	{"wait_us", offsetof(struct roster_actor, wait_us)},
	{"wait_p50_us", offsetof(struct roster_actor, wait_p50_us)},
	{"wait_p99_us", offsetof(struct roster_actor, wait_p99_us)},
	{"turn_us", offsetof(struct roster_actor, turn_us)},
	{"turn_p50_us", offsetof(struct roster_actor, turn_p50_us)},
	{"turn_p99_us", offsetof(struct roster_actor, turn_p99_us)},
	{NULL, 0},
};

static const struct figure session_figures[] = {
	{"names", offsetof(struct roster_cell, names)},
	{"silent_us", offsetof(struct roster_cell, silent_us)},
	{NULL, 0},
};

static const struct figure cell_figures[] = {
	{"turns", offsetof(struct roster_cell, turns)},
	{"pending", offsetof(struct roster_cell, pending)},
	{"parked", offsetof(struct roster_cell, parked)},
	{"outbox", offsetof(struct roster_cell, outbox)},
	{"dead", offsetof(struct roster_cell, dead)},
	{NULL, 0},
};

static void read_figures(const struct figure *f, struct mp map, void *to)
{
	for (; f->key; f++) {
		struct mp v;
		uint64_t n = 0;
		if (mp_find(map, f->key, &v) && mp_u64(&v, &n) == 0)
			memcpy((uint8_t *)to + f->at, &n, sizeof n);
	}
}

static const char *text(struct roster *r, struct mp map, const char *key)
{
	struct span s = mp_path_str(map, key);
	return arena_ndup(&r->arena, s.data, s.len);
}

/* What was said stays: the broker's words are page 0, and not in `pages`. */
static struct metrics_page *keep(struct roster *r, struct bytes *owner)
{
	size_t n = r->owner_count++;
	r->owners = mem_realloc(r->owners, (n + 1) * sizeof *r->owners);
	r->owners[n] = owner;
	if (n == 0)
		return NULL;
	r->pages = mem_realloc(r->pages, n * sizeof *r->pages);
	r->page_count = n;
	return &r->pages[n - 1];
}

/* ---- a cell */

static void add_actor(struct roster *r, const struct roster_cell *cell, struct mp map)
{
	if ((r->actor_count & (r->actor_count + 1)) == 0) /* it doubles at 1, 3, 7, ... */
		r->actors = mem_realloc(r->actors, 2 * (r->actor_count + 1) * sizeof *r->actors);
	struct roster_actor *a = &r->actors[r->actor_count++];
	memset(a, 0, sizeof *a);
	a->cell = cell->name;
	a->name = text(r, map, "name");
	a->kind = text(r, map, "kind");
	a->role = text(r, map, "role");
	a->up = mp_path_bool(map, "up", true);
	read_figures(actor_figures, map, a);
}

/* One page; *after becomes the last name on it. */
static int read_page(struct roster *r, struct client *cl, struct roster_cell *cell,
		     const char **after, bool *more)
{
	struct buf b = {0};
	struct mp reply, list, map;
	struct bytes *owner = NULL;
	size_t n = 0;
	mpw_map(&b, 1);
	mpw_kv_str(&b, "after", *after);
	int rc = client_request(cl, arena_printf(&r->arena, "cell/%s", cell->name),
				MSG_CELL_ACTORS, &b, ANSWER_MS, &reply, &owner, NULL);
	if (rc)
		return rc;
	if (mp_find(reply, "cell", &map))
		read_figures(cell_figures, map, cell);
	if (mp_find(reply, "actors", &list) && mp_array(&list, &n))
		n = 0;
	for (size_t i = 0; i < n; i++) {
		add_actor(r, cell, list);
		mp_skip(&list);
	}
	*more = n && mp_path_bool(reply, "more", false);
	if (n)
		*after = r->actors[r->actor_count - 1].name;
	keep(r, owner)->listing = reply;
	r->pages[r->page_count - 1].cell = cell->name;
	return 0;
}

static void read_cell(struct roster *r, struct client *cl, struct roster_cell *cell)
{
	const char *after = "";
	bool more = true;
	while (more && read_page(r, cl, cell, &after, &more) == 0)
		cell->answered = true;
}

/* ---- the broker */

static bool is_tool(const char *cell)
{
	return strncmp(cell, "tool-", 5) == 0;
}

static void read_sessions(struct roster *r, struct mp state)
{
	struct mp list;
	size_t n = 0;
	if (!mp_find(state, "sessions", &list) || mp_array(&list, &n))
		return;
	r->cells = arena_alloc(&r->arena, (n + 1) * sizeof *r->cells);
	for (size_t i = 0; i < n; i++, mp_skip(&list)) {
		struct roster_cell *c = &r->cells[r->cell_count];
		c->name = text(r, list, "cell");
		read_figures(session_figures, list, c);
		r->cell_count += !is_tool(c->name);
	}
}

static int by_name(const void *a, const void *b)
{
	const struct roster_cell *x = a, *y = b;
	return strcmp(x->name, y->name);
}

/* ---- what goes on */

static void add_busy(void *arg, struct ring_reader *reader)
{
	struct roster *r = arg;
	struct ring_doing doing;
	uint64_t now = rings_now_us();
	if (!ring_reader_now(reader, &doing) || now < doing.since_us + BUSY_US)
		return;
	const struct msg_row *row = catalogue_by_number(host_catalogue(), doing.kind);
	r->busy = mem_realloc(r->busy, (r->busy_count + 1) * sizeof *r->busy);
	r->busy[r->busy_count++] = (struct roster_busy){
		.cell = arena_dup(&r->arena, ring_reader_cell(reader)),
		.actor = arena_dup(&r->arena, doing.actor),
		.about = row ? row->name : "what is no message",
		.us = now - doing.since_us,
	};
}

static void read_rings(struct roster *r, const char *data_dir)
{
	struct rings *rings;
	if (rings_open(&rings, data_dir, RINGS_ALL, false, NULL))
		return;
	rings_each(rings, add_busy, r);
	rings_close(rings);
}

int roster_read(struct roster *out, struct client *cl, const char *data_dir, struct err *e)
{
	struct buf b = {0};
	struct mp state;
	struct bytes *owner = NULL;
	memset(out, 0, sizeof *out);
	mpw_map(&b, 0);
	int rc = client_request(cl, "broker", MSG_BROKER_SESSIONS, &b, BROKER_MS, &state, &owner, e);
	if (rc)
		return rc;
	read_sessions(out, state);
	out->broker = state;
	keep(out, owner);
	qsort(out->cells, out->cell_count, sizeof *out->cells, by_name);
	for (size_t i = 0; i < out->cell_count; i++)
		read_cell(out, cl, &out->cells[i]);
	read_rings(out, data_dir);
	return 0;
}

void roster_fini(struct roster *r)
{
	for (size_t i = 0; i < r->owner_count; i++)
		bytes_unref(r->owners[i]);
	free(r->owners);
	free(r->pages);
	free(r->busy);
	free(r->actors);
	arena_fini(&r->arena);
	memset(r, 0, sizeof *r);
}
