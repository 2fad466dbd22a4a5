/* Remarks are few: a list, each text formatted once. */
#include "actors/schema/notes.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void notes_add(struct notes *n, struct arena *a, const char *fmt, ...)
{
	if (!n || n->count++ >= NOTES_MAX)
		return;
	char text[600];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	struct note *note = arena_alloc(a, sizeof *note);
	note->text = arena_dup(a, text);
	if (n->last)
		n->last->next = note;
	else
		n->first = note;
	n->last = note;
}

const char *notes_text(const struct notes *n, struct arena *a)
{
	size_t len = 1;
	for (const struct note *i = n->first; i; i = i->next)
		len += strlen(i->text) + 2;
	char *text = arena_alloc(a, len), *end = text;
	for (const struct note *i = n->first; i; i = i->next)
		end = stpcpy(end, i->text), end = i->next ? stpcpy(end, ", ") : end;
	return text;
}
