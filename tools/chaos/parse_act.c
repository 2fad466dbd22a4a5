/* What is done, and to whom. A verb's row in words.c says what follows it. */
#include <string.h>

#include "actors/schema/names.h"
#include "tools/chaos/parser.h"

static const struct target_row *target_row_at(const struct parser *p)
{
	for (size_t i = 0; i < target_row_count; i++)
		if (parser_next_is(p, target_rows[i].name))
			return &target_rows[i];
	return NULL;
}

static int read_mode(struct parser *p, struct target *t)
{
	int v = 0;
	if (!parser_take_if(p, "mode"))
		return 0;
	int rc = parser_choose_row(p, "mode", mode_rows, mode_row_count, &v);
	t->mode = (enum target_mode)v;
	if (rc || t->mode == MODE_ONE || t->mode == MODE_ALL)
		return rc;
	int64_t max = t->mode == MODE_PERCENT ? 100 : SCRIPT_PODS_MAX;
	return parser_number(p, "how many", 1, max, &t->amount);
}

/* "with zone=a,disk=ssd" */
static int read_labels(struct parser *p, struct target *t)
{
	struct node_label *labels = NULL;
	size_t cap = 0;
	int rc = 0;
	if (!parser_take_if(p, "with"))
		return 0;
	do {
		if (t->with_count == SCRIPT_LABELS_MAX)
			return script_refuse(p->s, p->lex.now.place, p->e, "at most %d labels", SCRIPT_LABELS_MAX);
		labels = parser_grow(p, labels, t->with_count, &cap, sizeof *labels);
		rc = parser_label(p, &labels[t->with_count++]);
	} while (rc == 0 && parser_take_sign(p, ","));
	t->with = labels;
	return rc;
}

static int read_who(struct parser *p, const struct target_row *row, struct target *t)
{
	const uint8_t *from = p->lex.now.text.data;
	int rc = 0;
	t->place = p->lex.now.place;
	if (row->labelled && parser_next_is(p, "with"))
		t->name = "*";
	else
		rc = parser_name(p, row->labelled ? "its name, a pattern with *, or 'with LABEL=VALUE'"
						  : "its name, or a pattern with *", &t->name);
	if (rc == 0 && row->labelled)
		rc = read_labels(p, t);
	t->who = (struct span){from, (size_t)(p->end - from)};
	return rc;
}

/* Without its mode. */
static int read_whom(struct parser *p, const struct verb_row *v, struct target *t, const struct target_row **is)
{
	const struct target_row *row = *is = target_row_at(p);
	t->place = p->lex.now.place;
	if (!row) {
		const char *names[CHOICES_MAX];
		size_t n = 0, i;
		for (i = 0; i < target_row_count; i++)
			if (v->targets & 1u << target_rows[i].type)
				names[n++] = target_rows[i].name;
		return parser_choose(p, "target", names, n, &i);
	}
	if (!(v->targets & 1u << row->type))
		return script_refuse(p->s, t->place, p->e, "'%s' does not take '%s'", v->name,
				     row->name);
	parser_take(p);
	t->type = row->type;
	t->name = "";
	t->mode = row->named && !row->some ? MODE_ALL : MODE_ONE;
	return row->named ? read_who(p, row, t) : 0;
}

static int read_target(struct parser *p, const struct verb_row *v, struct target *t)
{
	const struct target_row *row;
	int rc = read_whom(p, v, t, &row);
	return rc || !row->some ? rc : read_mode(p, t);
}

static int read_subject(struct parser *p, struct act *a, const char *what)
{
	a->subject_place = p->lex.now.place;
	return parser_name(p, what, &a->subject);
}

static int read_end(struct parser *p, struct act *a)
{
	a->verb = VERB_END;
	return read_subject(p, a, "the id of the line that it ends");
}

static int read_from(struct parser *p, struct act *a)
{
	int v = WAY_BOTH;
	int rc = parser_need(p, "from");
	if (rc == 0)
		rc = parser_need(p, "broker");
	if (rc == 0 && parser_take_if(p, "direction"))
		rc = parser_choose_row(p, "direction", way_rows, way_row_count, &v);
	a->ways = (unsigned)v;
	return rc;
}

/* "on node n1", "on node with zone=a", "on zone a": any that is meant. */
static int read_place(struct parser *p, const struct verb_row *v, struct act *a)
{
	if (!parser_take_if(p, "on"))
		return 0;
	const struct target_row *row;
	int rc = read_whom(p, v, &a->target, &row);
	a->target.mode = MODE_ALL;
	return rc;
}

/* By its name, "of NAME", "with LABEL=VALUE", or any that is on some nodes. */
static int read_pod(struct parser *p, const struct verb_row *v, struct act *a)
{
	int rc = parser_need(p, "pod");
	if (rc)
		return rc;
	if (parser_next_is(p, "on")) {
		a->of = true;
		a->subject = "";
		return read_place(p, v, a);
	}
	if (parser_take_if(p, "with")) {
		rc = parser_name(p, "a label, like app=web", &a->label);
		if (rc == 0)
			rc = parser_need_sign(p, "=");
		if (rc == 0)
			rc = read_subject(p, a, "the label's value");
	} else {
		a->of = parser_take_if(p, "of");
		rc = read_subject(p, a, a->of ? "the name of what has pods" : "'of', 'with', 'on' or the pod's name");
	}
	return rc || !(a->of || a->label) ? rc : read_place(p, v, a);
}

static int read_object(struct parser *p, const struct verb_row *v, struct act *a)
{
	int rc;
	switch (v->object) {
	case OBJECT_TARGET:
		return read_target(p, v, &a->target);
	case OBJECT_TARGET_OR_ID:
		return target_row_at(p) ? read_target(p, v, &a->target) : read_end(p, a);
	case OBJECT_ID:
		return read_end(p, a);
	case OBJECT_TARGET_FROM:
		rc = read_target(p, v, &a->target);
		return rc ? rc : read_from(p, a);
	case OBJECT_SCALE:
		rc = read_subject(p, a, "the name of what has pods");
		return rc ? rc : parser_number(p, "the number of its pods", 0, SCRIPT_PODS_MAX, &a->number);
	case OBJECT_ROLL:
		return read_subject(p, a, "the name of what has a template");
	case OBJECT_KEY:
		return read_subject(p, a, "the key of an object, such as pods/default/web-*");
	case OBJECT_STORE:
		return parser_need(p, "store");
	case OBJECT_DELETE:
		return read_pod(p, v, a);
	}
	return ERR_INVALID;
}

/* ---- clauses, in any order */

static int read_for(struct parser *p, struct act *a)
{
	return parser_time(p, "how long", &a->for_us);
}

static int read_id(struct parser *p, struct act *a)
{
	return parser_name(p, "an id", &a->id);
}

static int read_by(struct parser *p, struct act *a)
{
	if (a->verb == VERB_SKEW)
		return parser_shift_range(p, "how far it is off", &a->by_us);
	return parser_time_range(p, "how much later", &a->by_us);
}

static int read_percent(struct parser *p, struct act *a)
{
	return parser_number(p, "how many of a hundred", 1, 100, &a->percent);
}

static int read_sender(struct parser *p, struct act *a)
{
	a->from_place = p->lex.now.place;
	return parser_name(p, "an actor or a cell, or a pattern with *", &a->from);
}

static int read_receiver(struct parser *p, struct act *a)
{
	a->to_place = p->lex.now.place;
	return parser_name(p, "an actor or a cell, or a pattern with *", &a->to);
}

static int read_code(struct parser *p, struct act *a)
{
	int64_t code = CRASH_OOM;
	int rc = parser_take_if(p, "oom") ? 0 : parser_number(p, "an exit code or 'oom'", 0, 255, &code);
	a->with = (int)code;
	return rc;
}

static int read_with(struct parser *p, struct act *a)
{
	if (a->verb == VERB_IO_ERROR)
		return parser_choose_row(p, "error", errno_rows, errno_row_count, &a->with);
	return parser_choose_row(p, "error", refusal_rows, refusal_row_count, &a->with);
}

/* "KEY=VALUE:EFFECT" or "KEY:EFFECT": the colon is no sign, but part of a word. */
static int read_taint(struct parser *p, struct act *a)
{
	static const char *const effects[] = {"NoSchedule", "PreferNoSchedule", "NoExecute"};
	struct taint *t = &a->taint;
	struct place at = p->lex.now.place, last = at;
	const char *why, *word;
	int rc = parser_name(p, "a taint, like gone=soon:NoExecute", &t->key);
	word = t->key;
	if (rc == 0 && parser_take_sign(p, "=")) {
		last = p->lex.now.place;
		rc = parser_name(p, "its value and effect, like soon:NoExecute", &word);
	}
	if (rc)
		return rc;
	const char *colon = strchr(word, ':');
	const char *before = arena_ndup(&p->s->arena, word, colon ? (size_t)(colon - word) : strlen(word));
	if (word == t->key)
		t->key = before;
	else
		t->value = before;
	for (size_t i = 0; i < sizeof effects / sizeof *effects && colon; i++)
		if (strcmp(colon + 1, effects[i]) == 0)
			t->effect = effects[i];
	if (!t->effect)
		return script_refuse(p->s, last, p->e, "a taint ends with ':NoSchedule', ':PreferNoSchedule' or ':NoExecute'%s",
				     colon ? near_text(&p->s->arena, span_of(colon + 1), effects, 3) : "");
	why = name_qualified(span_of(t->key));
	if (why)
		return script_refuse(p->s, at, p->e, "'%s' is no key of a taint: %s", t->key, why);
	why = t->value ? name_label_value(span_of(t->value)) : NULL;
	return why ? script_refuse(p->s, last, p->e, "'%s' is no value of a taint: %s", t->value, why) : 0;
}

static int read_bytes(struct parser *p, struct act *a)
{
	return parser_number(p, "how many bytes a second", 100, 1000000000, &a->bytes);
}

static int read_rate(struct parser *p, struct act *a)
{
	return parser_number(p, "how fast, in percent", 10, 1000, &a->rate);
}

static int read_draws(struct parser *p, struct act *a)
{
	return parser_u64(p, "the number that its chance comes from, like 0x5eed", &a->draws);
}

static const struct clause_row {
	const char *name;
	enum clause clause;
	int (*read)(struct parser *p, struct act *a);
} clause_rows[] = {
	{"from", CLAUSE_FROM, read_sender},	{"to", CLAUSE_TO, read_receiver},
	{"percent", CLAUSE_PERCENT, read_percent}, {"by", CLAUSE_BY, read_by},
	{"with", CLAUSE_WITH, read_with},	{"rate", CLAUSE_RATE, read_rate},
	{"for", CLAUSE_FOR, read_for},		{"id", CLAUSE_ID, read_id},
	{"as", CLAUSE_AS, read_taint},		{"of", CLAUSE_OF, read_bytes},
	{"code", CLAUSE_CODE, read_code},
	{"draws", CLAUSE_DRAWS, read_draws},
};
enum { CLAUSES = sizeof clause_rows / sizeof *clause_rows };

/* "'for', 'id' or the end of the line"; `draws` is for programs. */
static int no_clause(struct parser *p, unsigned may, unsigned missing)
{
	struct buf b = {0};
	for (size_t i = 0; i < CLAUSES; i++)
		if (may & ~CLAUSE_DRAWS & clause_rows[i].clause && (!missing || missing & clause_rows[i].clause))
			buf_printf(&b, "%s'%s'", b.len ? ", " : "", clause_rows[i].name);
	if (!missing)
		buf_printf(&b, "%sthe end of the line", b.len ? " or " : "");
	int rc = parser_expected(p, buf_text(&b));
	buf_fini(&b);
	return rc;
}

static int read_clauses(struct parser *p, const struct verb_row *v, struct act *a)
{
	unsigned may = a->verb == VERB_END ? 0 : v->clauses | CLAUSE_DRAWS, seen = 0;
	int rc = 0;
	a->percent = 100;
	while (rc == 0 && !parser_at_end(p)) {
		size_t i = 0;
		while (i < CLAUSES &&
		       !(may & clause_rows[i].clause && parser_next_is(p, clause_rows[i].name)))
			i++;
		if (i == CLAUSES)
			return no_clause(p, may, 0);
		if (seen & clause_rows[i].clause)
			return script_refuse(p->s, p->lex.now.place, p->e, "a second '%s'", clause_rows[i].name);
		seen |= clause_rows[i].clause;
		parser_take(p);
		rc = clause_rows[i].read(p, a);
	}
	if (rc == 0 && may & v->needs & ~seen)
		return no_clause(p, may, v->needs & ~seen);
	return rc;
}

int parse_act(struct parser *p, struct act *a)
{
	const char *names[CHOICES_MAX];
	size_t i = 0;
	for (; i < verb_row_count; i++)
		names[i] = verb_rows[i].name;
	int rc = parser_choose(p, "verb", names, verb_row_count, &i);
	if (rc)
		return rc;
	a->verb = verb_rows[i].verb;
	a->for_us = -1;
	rc = read_object(p, &verb_rows[i], a);
	return rc ? rc : read_clauses(p, &verb_rows[i], a);
}
