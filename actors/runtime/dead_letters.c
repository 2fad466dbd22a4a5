#include "actors/runtime/dead_letters.h"

#include <stdlib.h>

#include "broker/base/mem.h"

const char *dead_reason_name(enum dead_reason r)
{
	static const char *const names[DEAD_REASONS] = {
		[DEAD_NO_RECEIVER] = "no-receiver", [DEAD_FULL] = "full",
		[DEAD_POISON] = "poison",	    [DEAD_CRASHED] = "crashed",
		[DEAD_CLOSED] = "closed",	    [DEAD_EXPIRED] = "expired",
		[DEAD_UNKNOWN] = "unknown",
	};
	return names[r];
}

static size_t size_of(const struct dead_letter *l)
{
	return sizeof *l + bytes_span(l->body).len;
}

void dead_letter_free(struct dead_letter *l)
{
	if (!l)
		return;
	bytes_unref(l->body);
	free(l->from);
	free(l->to);
	free(l);
}

struct dead_letter *dead_letters_find(const struct dead_letters *d, uint64_t number)
{
	struct dead_letter *l = d->first;
	while (l && l->number != number)
		l = l->next;
	return l;
}

struct dead_letter *dead_letters_take(struct dead_letters *d, uint64_t number)
{
	struct dead_letter **at = &d->first, *before = NULL;
	while (*at && (*at)->number != number) {
		before = *at;
		at = &(*at)->next;
	}
	struct dead_letter *l = *at;
	if (!l)
		return NULL;
	*at = l->next;
	if (d->last == l)
		d->last = before;
	d->count--;
	d->bytes -= size_of(l);
	return l;
}

void dead_letters_add(struct dead_letters *d, const struct dead_letter *from)
{
	struct dead_letter *l = mem_alloc(sizeof *l);
	*l = *from;
	l->number = ++d->total;
	l->from = mem_dup(from->from);
	l->to = mem_dup(from->to);
	/* A copy: a slice of a batch would keep the whole frame. */
	struct span body = bytes_span(from->body);
	l->body = bytes_copy(body.data, body.len);
	l->next = NULL;
	d->by_reason[l->reason]++;
	if (d->last)
		d->last->next = l;
	else
		d->first = l;
	d->last = l;
	d->count++;
	d->bytes += size_of(l);
	while (d->first != l && (d->count > DEAD_LETTERS_MAX || d->bytes > DEAD_LETTERS_BYTES_MAX))
		dead_letter_free(dead_letters_take(d, d->first->number));
}

void dead_letters_fini(struct dead_letters *d)
{
	while (d->first)
		dead_letter_free(dead_letters_take(d, d->first->number));
}
