#include "tools/rings.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "broker/base/mem.h"

enum { HOLD_US = 10000, BODIES_US = 2000000 };

struct source {
	struct source *next;
	struct ring_reader *reader;
	bool has, seen; /* has: `item` is the next one; seen: its file is there */
	bool notices;
	struct rings_item item;
};

struct rings {
	char dir[600];
	enum rings_which which;
	struct source *first;
};

uint64_t rings_now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static struct source *source_of(const struct rings *r, uint64_t incarnation)
{
	struct source *s = r->first;
	while (s && ring_reader_incarnation(s->reader) != incarnation)
		s = s->next;
	return s;
}

static bool is_of_notices(const char *name)
{
	return strstr(name, ".notices.") != NULL;
}

static void add_file(struct rings *r, const char *name, bool from_start)
{
	char path[900];
	struct ring_reader *reader;
	snprintf(path, sizeof path, "%s/%s", r->dir, name);
	if (ring_reader_open(&reader, path, NULL))
		return;
	struct source *s = source_of(r, ring_reader_incarnation(reader));
	if (s) {
		ring_reader_close(reader);
	} else {
		if (from_start)
			ring_reader_rewind(reader);
		s = mem_alloc(sizeof *s);
		s->reader = reader;
		s->notices = is_of_notices(name);
		s->next = r->first;
		r->first = s;
	}
	s->seen = true;
}

static bool is_ring(const struct rings *r, const char *name)
{
	const char *dot = strrchr(name, '.');
	if (!dot || (strcmp(dot, ".ring") && strcmp(dot, ".last")))
		return false;
	return r->which == RINGS_ALL || is_of_notices(name);
}

static int scan(struct rings *r, bool from_start)
{
	DIR *d = opendir(r->dir);
	int found = 0;
	for (struct dirent *f; d && (f = readdir(d));) {
		if (!is_ring(r, f->d_name))
			continue;
		add_file(r, f->d_name, from_start);
		found++;
	}
	if (d)
		closedir(d);
	return found;
}

int rings_open(struct rings **out, const char *data_dir, enum rings_which which, bool from_start,
	       struct err *e)
{
	struct rings *r = mem_alloc(sizeof *r);
	r->which = which;
	snprintf(r->dir, sizeof r->dir, "%s/run/rings", data_dir);
	if (scan(r, from_start) == 0) {
		int rc = err_set(e, ERR_NOT_FOUND, "%s has no rings: does a cluster run there?",
				 r->dir);
		rings_close(r);
		return rc;
	}
	*out = r;
	return 0;
}

void rings_close(struct rings *r)
{
	while (r && r->first) {
		struct source *s = r->first;
		r->first = s->next;
		ring_reader_close(s->reader);
		free(s);
	}
	free(r);
}

static void fill(struct source *s)
{
	struct rings_item *i = &s->item;
	if (s->has)
		return;
	enum ring_read what = ring_reader_next(s->reader, &i->record, &i->number, &i->from);
	s->has = what != RING_NOTHING;
	i->gap = what == RING_GAP;
	i->reader = s->reader;
	if (i->gap) /* before whatever comes next */
		i->record.time_us = 0;
}

bool rings_next(struct rings *r, struct rings_item *out, bool all)
{
	struct source *least = NULL;
	for (struct source *s = r->first; s; s = s->next) {
		fill(s);
		if (s->has && (!least || s->item.record.time_us < least->item.record.time_us))
			least = s;
	}
	if (!least || (!all && least->item.record.time_us + HOLD_US > rings_now_us()))
		return false;
	*out = least->item;
	least->has = false;
	return true;
}

void rings_look(struct rings *r)
{
	for (struct source *s = r->first; s; s = s->next)
		s->seen = false;
	scan(r, true);
	for (struct source **at = &r->first; *at;) {
		struct source *s = *at;
		fill(s);
		if (s->seen || s->has) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		ring_reader_close(s->reader);
		free(s);
	}
}

void rings_want_bodies(struct rings *r, bool of_notices_only)
{
	for (struct source *s = r->first; s; s = s->next)
		if (s->notices || !of_notices_only)
			ring_reader_want_bodies(s->reader, rings_now_us() + BODIES_US);
}

void rings_each(struct rings *r, void (*each)(void *arg, struct ring_reader *reader), void *arg)
{
	for (struct source *s = r->first; s; s = s->next)
		if (kill(ring_reader_pid(s->reader), 0) == 0)
			each(arg, s->reader);
}
