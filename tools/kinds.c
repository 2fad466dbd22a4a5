#include "tools/kinds.h"

#include <string.h>
#include <strings.h>

#include "actors/schema/schema.h"
#include "actors/schema/yaml.h"

enum { NAMES_MAX = 512 };

/* Streams of no resource. */
static const char *const others[] = {"fences", NULL};

static const struct schema_resource *find(const struct schema *s, struct span word)
{
	const struct schema_resource *r = schema_find_stream(s, word);
	if (!r)
		r = schema_find_name(s, word);
	for (size_t i = 0; !r && i < schema_count(s); i++) {
		const char *kind = schema_row(s, i)->kind;
		if (strlen(kind) == word.len && strncasecmp(kind, (const char *)word.data, word.len) == 0)
			r = schema_row(s, i);
	}
	return r && r->stream ? r : NULL;
}

static bool is_other(struct span word)
{
	for (size_t i = 0; others[i]; i++)
		if (span_is(word, others[i]))
			return true;
	return memchr(word.data, '.', word.len) != NULL;
}

static int unknown(const struct schema *s, struct span word, struct err *e)
{
	const char *names[NAMES_MAX];
	size_t n = 0;
	for (size_t i = 0; i < schema_count(s) && n < NAMES_MAX; i++)
		if (schema_row(s, i)->stream)
			names[n++] = schema_row(s, i)->resource;
	const char *near = yaml_near(word, names, n);
	return err_set(e, ERR_INVALID, "no kind is called '%.*s'%s%s%s", (int)word.len,
		       (const char *)word.data, near ? ", did you mean '" : "", near ? near : "",
		       near ? "'?" : "");
}

int kinds_stream(const char *word, struct arena *a, const char **stream, struct err *e)
{
	struct schema *s = schema_new();
	const struct schema_resource *r = find(s, span_of(word));
	int rc = 0;
	if (r)
		*stream = arena_ndup(a, r->stream, strlen(r->stream));
	else if (is_other(span_of(word)))
		*stream = word;
	else
		rc = unknown(s, span_of(word), e);
	schema_free(s);
	return rc;
}

int kinds_key(const char *word, struct arena *a, const char **key, struct err *e)
{
	const char *slash = strchr(word, '/');
	struct span first = {(const uint8_t *)word, slash ? (size_t)(slash - word) : strlen(word)};
	if (!slash || !slash[1])
		return err_set(e, ERR_INVALID, "%s is not a key: pods/default/web is one, nodes/n1 another", word);
	struct schema *s = schema_new();
	const struct schema_resource *r = find(s, first);
	int rc = 0;
	if (r && r->namespaced && !strchr(slash + 1, '/'))
		rc = err_set(e, ERR_INVALID, "%s are in a namespace: %s/NAMESPACE%s", r->resource, r->resource, slash);
	else if (r)
		*key = arena_printf(a, "%s%s", r->stream, slash);
	else if (is_other(first))
		*key = word;
	else
		rc = unknown(s, first, e);
	schema_free(s);
	return rc;
}
