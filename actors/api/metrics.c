/* GET /metrics: the figures of every actor as Prometheus text, and what was
 * asked of this server by Kubernetes' names. One request
 * after the other: the broker, which cells there are; each cell, page by page.
 * A cell that does not answer in time (a foreign program need not) is left
 * out: what it had to say is missing, not zero. */
#include <stdio.h>
#include <stdlib.h>

#include "actors/api/api_private.h"
#include "actors/runtime/metrics.h"

enum { BROKER_MS = 2000, CELL_MS = 1000, PAGES_MAX = 32 }; /* of 1000 actors each */

struct scrape {
	struct bytes *broker; /* broker.state */
	struct mp state, sessions;
	size_t left; /* sessions that were not asked yet */
	char cell[ENV_NAME_BYTES_MAX + 1], after[ENV_NAME_BYTES_MAX + 1];
	struct metrics_page *pages;
	struct bytes **owners;
	size_t count;
};

void metrics_free(struct scrape *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->count; i++)
		bytes_unref(s->owners[i]);
	bytes_unref(s->broker);
	free(s->owners);
	free(s->pages);
	free(s);
}

static void answer(struct ctx *c, struct api *a, struct call *k)
{
	struct scrape *s = k->scrape;
	struct buf b = {0};
	metrics_text(&b, s->pages, s->count, s->state);
	accounting_text(&b, a);
	if (s->count == PAGES_MAX)
		buf_puts(&b, "# there are more actors: `troupe top -o prometheus` has all\n");
	answer_text(c, a, k, 200, HTTP_TEXT, &b);
}

static void ask_cell(struct ctx *c, struct call *k)
{
	struct scrape *s = k->scrape;
	struct buf b = {0};
	mpw_map(&b, 1);
	mpw_kv_str(&b, "after", s->after);
	ctx_request(c, arena_printf(&k->arena, "cell/%s", s->cell), "cell.actors", &b, CELL_MS,
		    k->id);
}

static void copy(char to[ENV_NAME_BYTES_MAX + 1], struct span s)
{
	snprintf(to, ENV_NAME_BYTES_MAX + 1, "%.*s", (int)s.len, (const char *)s.data);
}

/* Sessions of commands say nothing about the cluster. */
static bool is_tool(const char *cell)
{
	return strncmp(cell, "tool-", 5) == 0;
}

static void next_cell(struct ctx *c, struct api *a, struct call *k)
{
	struct scrape *s = k->scrape;
	while (s->left > 0 && s->count < PAGES_MAX) {
		s->left--;
		copy(s->cell, mp_path_str(s->sessions, "cell"));
		mp_skip(&s->sessions);
		s->after[0] = 0;
		if (is_tool(s->cell))
			continue;
		ask_cell(c, k);
		return;
	}
	answer(c, a, k);
}

static void take_sessions(struct ctx *c, struct api *a, struct call *k, const struct reply *r)
{
	struct scrape *s = k->scrape;
	if (r->status) {
		answer_status(c, a, k, status_unavailable(&k->arena, "the broker does not answer"));
		return;
	}
	s->broker = bytes_ref(r->owner);
	s->state = r->body;
	if (!mp_find(s->state, "sessions", &s->sessions) || mp_array(&s->sessions, &s->left))
		s->left = 0;
	next_cell(c, a, k);
}

/* The last name of the page; empty: there is no further one. */
static struct span page_end(struct mp listing)
{
	struct mp list;
	struct span name = {0};
	size_t n = 0;
	if (!mp_path_bool(listing, "more", false) || !mp_find(listing, "actors", &list) ||
	    mp_array(&list, &n))
		return name;
	for (size_t i = 0; i < n; i++) {
		name = mp_path_str(list, "name");
		mp_skip(&list);
	}
	return name;
}

static void take_page(struct ctx *c, struct api *a, struct call *k, const struct reply *r)
{
	struct scrape *s = k->scrape;
	if (r->status) {
		next_cell(c, a, k);
		return;
	}
	s->pages = mem_realloc(s->pages, (s->count + 1) * sizeof *s->pages);
	s->owners = mem_realloc(s->owners, (s->count + 1) * sizeof *s->owners);
	s->pages[s->count] = (struct metrics_page){arena_dup(&k->arena, s->cell), r->body};
	s->owners[s->count++] = bytes_ref(r->owner);
	copy(s->after, page_end(r->body));
	if (s->after[0] && s->count < PAGES_MAX)
		ask_cell(c, k);
	else
		next_cell(c, a, k);
}

void metrics_reply(struct ctx *c, struct api *a, struct call *k, const struct reply *r)
{
	(k->scrape->broker ? take_page : take_sessions)(c, a, k, r);
}

void metrics_start(struct ctx *c, struct api *a, struct call *k)
{
	struct buf b = {0};
	(void)a;
	k->scrape = mem_alloc(sizeof *k->scrape);
	mpw_map(&b, 0);
	ctx_request(c, "broker", "broker.sessions", &b, BROKER_MS, k->id);
}
