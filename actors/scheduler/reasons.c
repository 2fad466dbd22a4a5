#include "actors/scheduler/reasons.h"

#include <string.h>

#include "broker/base/bytes.h"
#include "broker/base/sort.h"

void reasons_add(struct reasons *r, const char *text)
{
	size_t i = 0;
	while (i < r->count && r->all[i].text != text && strcmp(r->all[i].text, text) != 0)
		i++;
	if (i == REASONS_MAX)
		return;
	r->all[i].text = text;
	r->all[i].nodes++;
	r->count = i == r->count ? i + 1 : r->count;
}

static int by_text(const void *x, const void *y, void *arg)
{
	(void)arg;
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

const char *reasons_say(const struct reasons *r, struct arena *a, size_t nodes)
{
	const char *lines[REASONS_MAX];
	struct buf b = {0};
	for (size_t i = 0; i < r->count; i++)
		lines[i] = arena_printf(a, "%zu %s", r->all[i].nodes, r->all[i].text);
	sort_stable(lines, r->count, sizeof *lines, by_text, NULL);
	buf_printf(&b, "0/%zu nodes are available%s", nodes, r->count ? ": " : ".");
	for (size_t i = 0; i < r->count; i++)
		buf_printf(&b, "%s%s", lines[i], i + 1 < r->count ? ", " : ".");
	const char *text = arena_ndup(a, b.data, b.len);
	buf_fini(&b);
	return text;
}
