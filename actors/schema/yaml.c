/* YAML in: libyaml's events build the tree.
 *
 * Aliases copy the anchored tree; the number of nodes is bounded over the
 * whole document, so that a few anchors cannot make a gigabyte. Recursion is
 * bounded by YAML_DEPTH_MAX, scalars are resolved in yaml_scalar.c. */
#include "actors/schema/yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

#include "actors/schema/yaml_scalar.h"

struct anchor {
	struct anchor *next;
	const char *name;
	struct doc *value;
};

struct yaml_stream {
	yaml_parser_t parser;
	struct arena *arena; /* of the call that is under way */
	struct anchor *anchors;
	struct notes *dups;
	struct err *e;
	size_t nodes;
	bool broken;
};

static int refuse(struct yaml_stream *s, const yaml_mark_t *at, const char *why)
{
	s->broken = true;
	return err_set(s->e, ERR_INVALID, "yaml: line %zu: %s", at->line + 1, why);
}

/* libyaml's own message. It counts lines from 0, and its problem_mark is
 * where it noticed; that is the line that users can find. */
static int syntax(struct yaml_stream *s)
{
	const yaml_parser_t *p = &s->parser;
	yaml_mark_t at = p->problem_mark;
	if (p->error == YAML_READER_ERROR)
		at = (yaml_mark_t){.line = p->mark.line};
	return refuse(s, &at, p->problem ? p->problem : "cannot be read");
}

static int next_event(struct yaml_stream *s, yaml_event_t *ev)
{
	return yaml_parser_parse(&s->parser, ev) ? 0 : syntax(s);
}

static int node(struct yaml_stream *s, const yaml_event_t *ev, struct doc **out)
{
	if (s->nodes++ >= YAML_NODES_MAX)
		return err_set(s->e, ERR_LIMIT, "yaml: more than %d nodes", YAML_NODES_MAX);
	*out = doc_new(s->arena, DOC_NULL);
	(*out)->line = (uint32_t)ev->start_mark.line + 1;
	(*out)->column = (uint16_t)(ev->start_mark.column < 65535 ? ev->start_mark.column + 1 : 0);
	return 0;
}

static void remember(struct yaml_stream *s, const yaml_char_t *anchor, struct doc *d)
{
	if (!anchor)
		return;
	struct anchor *n = arena_alloc(s->arena, sizeof *n);
	n->name = arena_dup(s->arena, (const char *)anchor);
	n->value = d;
	n->next = s->anchors;
	s->anchors = n;
}

static size_t tree_size(const struct doc *d)
{
	size_t n = 1;
	if (d->type == DOC_ARRAY || d->type == DOC_MAP)
		DOC_EACH(child, d)
			n += tree_size(child);
	return n;
}

static int alias(struct yaml_stream *s, const yaml_event_t *ev, struct doc **out)
{
	const struct anchor *n = s->anchors;
	while (n && strcmp(n->name, (const char *)ev->data.alias.anchor) != 0)
		n = n->next;
	if (!n)
		return refuse(s, &ev->start_mark, "unknown anchor referenced");
	s->nodes += tree_size(n->value);
	if (s->nodes > YAML_NODES_MAX)
		return err_set(s->e, ERR_LIMIT, "yaml: more than %d nodes", YAML_NODES_MAX);
	*out = doc_copy(s->arena, n->value);
	return 0;
}

static int scalar(struct yaml_stream *s, const yaml_event_t *ev, struct doc **out)
{
	int rc = node(s, ev, out);
	if (rc)
		return rc;
	struct span text = {ev->data.scalar.value, ev->data.scalar.length};
	text.data = (const uint8_t *)arena_ndup(s->arena, text.data, text.len);
	const char *tag = (const char *)ev->data.scalar.tag;
	bool plain = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	if (yaml_scalar(*out, text, plain, tag))
		return refuse(s, &ev->start_mark, "a value that JSON cannot hold");
	remember(s, ev->data.scalar.anchor, *out);
	return 0;
}

static int value(struct yaml_stream *s, yaml_event_t *ev, int depth, struct doc **out);

static int sequence(struct yaml_stream *s, const yaml_event_t *start, int depth, struct doc **out)
{
	int rc = node(s, start, out);
	if (rc)
		return rc;
	(*out)->type = DOC_ARRAY;
	for (;;) {
		yaml_event_t ev;
		struct doc *child;
		rc = next_event(s, &ev);
		if (rc)
			return rc;
		bool end = ev.type == YAML_SEQUENCE_END_EVENT;
		rc = end ? 0 : value(s, &ev, depth + 1, &child);
		yaml_event_delete(&ev);
		if (end || rc)
			break;
		doc_add(*out, child);
	}
	remember(s, start->data.sequence_start.anchor, *out);
	return rc;
}

/* "<<: *base" and "<<: [*a, *b]": keys that the map does not have itself. */
static bool merge(struct yaml_stream *s, struct doc *map, struct doc *from)
{
	if (from->type == DOC_ARRAY) {
		DOC_EACH(one, from)
			if (one->type != DOC_MAP || !merge(s, map, one))
				return false;
		return true;
	}
	if (from->type != DOC_MAP)
		return false;
	DOC_EACH(d, from)
		if (!doc_get_span(map, d->key))
			doc_set_span(s->arena, map, d->key, doc_copy(s->arena, d));
	return true;
}

static int entry(struct yaml_stream *s, yaml_event_t *ev, int depth, struct doc *map,
		 struct doc **merged)
{
	struct doc *key, *val;
	yaml_event_t next;
	struct span text;
	int rc = value(s, ev, depth + 1, &key);
	if (rc)
		return rc;
	bool is_merge = ev->type == YAML_SCALAR_EVENT && doc_str_is(key, "<<") &&
			ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	if (yaml_key(key, s->arena, &text))
		return refuse(s, &ev->start_mark, "a map key that is no text");
	rc = next_event(s, &next);
	if (rc)
		return rc;
	rc = value(s, &next, depth + 1, &val);
	yaml_event_delete(&next);
	if (rc)
		return rc;
	if (is_merge) {
		*merged = val;
		return 0;
	}
	/* Messages about an entry point at its key. */
	val->line = key->line;
	val->column = key->column;
	if (s->dups && doc_get_span(map, text))
		notes_add(s->dups, s->arena, "line %u: key \"%.*s\" already set in map", key->line,
			  (int)text.len, (const char *)text.data);
	doc_set_span(s->arena, map, text, val);
	return 0;
}

static int mapping(struct yaml_stream *s, const yaml_event_t *start, int depth, struct doc **out)
{
	struct doc *merged = NULL;
	int rc = node(s, start, out);
	if (rc)
		return rc;
	(*out)->type = DOC_MAP;
	for (;;) {
		yaml_event_t ev;
		rc = next_event(s, &ev);
		if (rc)
			return rc;
		bool end = ev.type == YAML_MAPPING_END_EVENT;
		rc = end ? 0 : entry(s, &ev, depth, *out, &merged);
		yaml_event_delete(&ev);
		if (end || rc)
			break;
	}
	if (rc == 0 && merged && !merge(s, *out, merged))
		return refuse(s, &start->start_mark,
			      "map merge requires map or sequence of maps as the value");
	remember(s, start->data.mapping_start.anchor, *out);
	return rc;
}

static int value(struct yaml_stream *s, yaml_event_t *ev, int depth, struct doc **out)
{
	if (depth > YAML_DEPTH_MAX) {
		s->broken = true;
		return err_set(s->e, ERR_LIMIT, "yaml: exceeded max depth of %d", YAML_DEPTH_MAX);
	}
	switch (ev->type) {
	case YAML_ALIAS_EVENT:
		return alias(s, ev, out);
	case YAML_SCALAR_EVENT:
		return scalar(s, ev, out);
	case YAML_SEQUENCE_START_EVENT:
		return sequence(s, ev, depth, out);
	case YAML_MAPPING_START_EVENT:
		return mapping(s, ev, depth, out);
	default:
		return refuse(s, &ev->start_mark, "did not find expected node content");
	}
}

struct yaml_stream *yaml_stream_new(struct span text)
{
	struct yaml_stream *s = mem_alloc(sizeof *s);
	if (!yaml_parser_initialize(&s->parser))
		abort();
	yaml_parser_set_encoding(&s->parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&s->parser, text.data ? text.data : (const uint8_t *)"",
				     text.len);
	return s;
}

void yaml_stream_destroy(struct yaml_stream *s)
{
	if (!s)
		return;
	yaml_parser_delete(&s->parser);
	free(s);
}

/* Reads events up to and with the document's content. */
static int document(struct yaml_stream *s, struct doc **out)
{
	for (;;) {
		yaml_event_t ev;
		int rc = next_event(s, &ev);
		if (rc)
			return rc;
		yaml_event_type_t type = ev.type;
		bool content = type == YAML_SCALAR_EVENT || type == YAML_ALIAS_EVENT ||
			       type == YAML_SEQUENCE_START_EVENT ||
			       type == YAML_MAPPING_START_EVENT;
		rc = content ? value(s, &ev, 1, out) : 0;
		yaml_event_delete(&ev);
		if (content)
			return rc;
		if (type == YAML_STREAM_END_EVENT)
			return err_set(s->e, ERR_NOT_FOUND, "yaml: no document");
	}
}

int yaml_stream_next(struct yaml_stream *s, struct arena *a, struct doc **out,
		     struct notes *dups, struct err *e)
{
	*out = NULL;
	if (s->broken)
		return err_set(e, ERR_INVALID, "yaml: a document before was broken");
	s->arena = a;
	s->dups = dups;
	s->e = e;
	s->anchors = NULL;
	s->nodes = 0;
	struct doc *d = NULL;
	int rc = document(s, &d);
	if (rc == 0)
		*out = d;
	else if (rc != ERR_NOT_FOUND)
		s->broken = true;
	return rc;
}

int yaml_parse(struct arena *a, struct span text, struct doc **out, struct notes *dups,
	       struct err *e)
{
	struct yaml_stream *s = yaml_stream_new(text);
	struct doc *more;
	int rc = yaml_stream_next(s, a, out, dups, e);
	if (rc == ERR_NOT_FOUND) {
		*out = doc_new(a, DOC_NULL);
		rc = 0;
	} else if (rc == 0) {
		rc = yaml_stream_next(s, a, &more, NULL, e);
		if (rc == ERR_NOT_FOUND)
			rc = 0;
		else if (rc == 0)
			rc = err_set(e, ERR_INVALID, "yaml: line %u: a second document",
				     more->line);
	}
	if (rc)
		*out = NULL;
	yaml_stream_destroy(s);
	return rc;
}
