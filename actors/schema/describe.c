#include <stdio.h>
#include <string.h>

#include "actors/schema/descriptions.h"
#include "actors/schema/openapi.h"

static const char *text_of(const char *name)
{
	size_t low = 0, high = description_count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = strcmp(descriptions[mid].name, name);
		if (order == 0)
			return descriptions[mid].text;
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

const char *schema_describe(const struct schema_type *t, const struct schema_field *f)
{
	char name[256];
	if (!f)
		return text_of(t->name);
	snprintf(name, sizeof name, "%s.%s", t->name, f->json);
	const char *own = text_of(name);
	return own ? own : text_of(name + strlen(t->name));
}
