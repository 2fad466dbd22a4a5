/* From words to the tree. A statement is a row of the table at the end; what
 * follows a verb is said by its row in words.c. The first slip ends it: one
 * clear line is worth more than the ten that follow from it. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tools/chaos/words.h"
#include "tools/chaos/world.h"

enum { CHOICES_MAX = 32 };

struct parser {
	struct script *s;
	struct lexer lex;
	struct err *e;
	struct token first; /* of the statement */
	const uint8_t *end; /* of its last word */
	size_t lines_cap, judgements_cap, loads_cap;
	unsigned seen_at[CHOICES_MAX]; /* by row of `statements`: line, 0 not yet */
};

/* ---- refusals */

int script_refuse(const struct script *s, struct place p, struct err *e, const char *fmt, ...)
{
	char text[400];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return err_set(e, ERR_INVALID, "%s:%u:%u: %s", s->file, p.line, p.column, text);
}

static const char *found(struct parser *p)
{
	const struct token *t = &p->lex.now;
	if (t->type == TOKEN_EOF)
		return "the end of the file";
	if (t->type == TOKEN_END)
		return "the end of the line";
	if (t->type == TOKEN_BAD && t->text.len && t->text.data[0] < 0x20)
		return "a control character";
	return arena_printf(&p->s->arena, "'%.*s'", (int)(t->text.len < 60 ? t->text.len : 60),
			    (const char *)t->text.data);
}

static int expected(struct parser *p, const char *what)
{
	return script_refuse(p->s, p->lex.now.place, p->e, "expected %s, not %s", what, found(p));
}

/* ---- words */

static bool at_end(const struct parser *p)
{
	return p->lex.now.type == TOKEN_END || p->lex.now.type == TOKEN_EOF;
}

static struct token take(struct parser *p)
{
	struct token t = lex_next(&p->lex);
	p->end = t.text.data + t.text.len + (t.type == TOKEN_STRING);
	return t;
}

static bool next_is(const struct parser *p, const char *word)
{
	return p->lex.now.type == TOKEN_WORD && span_is(p->lex.now.text, word);
}

static bool take_if(struct parser *p, const char *word)
{
	if (!next_is(p, word))
		return false;
	take(p);
	return true;
}

static int need(struct parser *p, const char *word)
{
	if (take_if(p, word))
		return 0;
	const char *names[] = {word};
	const char *near = p->lex.now.type == TOKEN_WORD
				   ? near_text(&p->s->arena, p->lex.now.text, names, 1) : "";
	return script_refuse(p->s, p->lex.now.place, p->e, "expected '%s', not %s%s", word,
			     found(p), near);
}

static int need_type(struct parser *p, enum token_type type, const char *what)
{
	if (p->lex.now.type != type)
		return expected(p, what);
	take(p);
	return 0;
}

static int read_name(struct parser *p, const char *what, const char **out)
{
	if (p->lex.now.type != TOKEN_WORD)
		return expected(p, what);
	struct token t = take(p);
	if (t.text.len > 253)
		return script_refuse(p->s, t.place, p->e, "a name has at most 253 letters");
	*out = arena_ndup(&p->s->arena, t.text.data, t.text.len);
	return 0;
}

static int read_string(struct parser *p, const char *what, const char **out)
{
	if (p->lex.now.type == TOKEN_BAD && p->lex.now.text.len)
		return script_refuse(p->s, p->lex.now.place, p->e, "a string without its end");
	if (p->lex.now.type != TOKEN_STRING)
		return expected(p, what);
	struct token t = take(p);
	*out = arena_ndup(&p->s->arena, t.text.data, t.text.len);
	return 0;
}

/* One of `names`; the error lists them, or the one that is near. */
static int choose(struct parser *p, const char *what, const char *const *names, size_t count,
		  size_t *out)
{
	const struct token *t = &p->lex.now;
	struct buf b = {0};
	for (size_t i = 0; i < count; i++) {
		if (t->type == TOKEN_WORD && span_is(t->text, names[i])) {
			take(p);
			*out = i;
			buf_fini(&b);
			return 0;
		}
		buf_printf(&b, "%s%s", i ? ", " : "", names[i]);
	}
	const char *near = t->type == TOKEN_WORD ? near_text(&p->s->arena, t->text, names, count) : "";
	if (*near)
		script_refuse(p->s, t->place, p->e, "unknown %s %s%s", what, found(p), near);
	else
		script_refuse(p->s, t->place, p->e, "expected a %s (%s), not %s", what,
			      buf_text(&b), found(p));
	buf_fini(&b);
	return ERR_INVALID;
}

static int choose_row(struct parser *p, const char *what, const struct name_row *rows,
		      size_t count, int *out)
{
	const char *names[CHOICES_MAX];
	size_t i = 0;
	for (; i < count; i++)
		names[i] = rows[i].name;
	int rc = choose(p, what, names, count, &i);
	if (rc == 0)
		*out = rows[i].value;
	return rc;
}

/* ---- numbers, times, percents */

static bool digits(struct span t, int64_t *out, size_t *used)
{
	char text[32];
	char *end;
	size_t n = t.len < sizeof text - 1 ? t.len : sizeof text - 1;
	memcpy(text, t.data, n);
	text[n] = 0;
	if (!n || text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	*out = strtoll(text, &end, 10);
	*used = (size_t)(end - text);
	return errno == 0;
}

static int read_number(struct parser *p, const char *what, int64_t min, int64_t max, int64_t *out)
{
	size_t used;
	struct token t = p->lex.now;
	if (t.type != TOKEN_WORD || !digits(t.text, out, &used) || used != t.text.len)
		return expected(p, what);
	if (*out < min || *out > max)
		return script_refuse(p->s, t.place, p->e, "%s is from %lld to %lld", what,
				     (long long)min, (long long)max);
	take(p);
	return 0;
}

static int read_time(struct parser *p, const char *what, int64_t *out)
{
	int64_t n;
	size_t used;
	struct token t = p->lex.now;
	if (t.type != TOKEN_WORD || !digits(t.text, &n, &used))
		return expected(p, what);
	struct span unit = {t.text.data + used, t.text.len - used};
	for (size_t i = 0; i < unit_row_count; i++) {
		if (!span_is(unit, unit_rows[i].name))
			continue;
		if (n > SCRIPT_TIME_MAX_US / unit_rows[i].us)
			return script_refuse(p->s, t.place, p->e, "a time is at most a day");
		*out = n * unit_rows[i].us;
		take(p);
		return 0;
	}
	return script_refuse(p->s, t.place, p->e, "%s is a time like 500ms, 5s or 2m, not '%.*s'",
			     what, (int)(t.text.len < 60 ? t.text.len : 60), t.text.data);
}

static int read_time_range(struct parser *p, const char *what, struct range *out)
{
	struct place at = p->lex.now.place;
	int rc = read_time(p, what, &out->min);
	out->max = out->min;
	if (rc || p->lex.now.type != TOKEN_RANGE)
		return rc;
	take(p);
	rc = read_time(p, what, &out->max);
	if (rc == 0 && out->max < out->min)
		return script_refuse(p->s, at, p->e, "a range goes up: %s", what);
	return rc;
}

/* "2%", "0.5%" */
static int read_permille(struct parser *p, int64_t *out)
{
	struct token t = p->lex.now;
	struct span left = t.text;
	size_t used = 0;
	int64_t tenth = 0;
	if (t.type != TOKEN_WORD || !digits(left, out, &used))
		return expected(p, "a share like 2% or 0.5%");
	left = (struct span){left.data + used, left.len - used};
	if (left.len > 2 && left.data[0] == '.' && left.data[1] >= '0' && left.data[1] <= '9') {
		tenth = left.data[1] - '0';
		left = (struct span){left.data + 2, left.len - 2};
	}
	if (!span_is(left, "%") || *out > 50)
		return script_refuse(p->s, t.place, p->e, "a share is from 0%% to 50%%, like 0.5%%");
	*out = *out * 10 + tenth;
	take(p);
	return 0;
}

/* ---- header lines */

static int read_version(struct parser *p)
{
	int64_t n;
	int rc = read_number(p, "the language's version", 1, 1, &n);
	p->s->version = 1;
	return rc;
}

static int read_title(struct parser *p)
{
	return read_string(p, "a title in quotes", &p->s->title);
}

static int read_world(struct parser *p)
{
	const char *names[CHOICES_MAX];
	size_t n = 0, i = 0;
	for (const struct world_type *const *w = world_types; *w; w++)
		names[n++] = (*w)->name;
	int rc = choose(p, "world", names, n, &i);
	if (rc == 0)
		p->s->world = world_types[i];
	return rc;
}

static int read_seed(struct parser *p)
{
	char text[32] = {0};
	char *end = text;
	struct token t = p->lex.now;
	if (t.type == TOKEN_WORD && t.text.len < sizeof text)
		memcpy(text, t.text.data, t.text.len);
	errno = 0;
	p->s->seed = strtoull(text, &end, 0);
	if (end == text || *end || errno)
		return expected(p, "a seed like 7 or 0x5eed");
	take(p);
	return 0;
}

static int read_nodes(struct parser *p)
{
	p->s->nodes_place = p->lex.now.place;
	int rc = read_number(p, "the number of nodes", 1, SCRIPT_NODES_MAX, &p->s->nodes);
	while (rc == 0 && !at_end(p)) {
		if (take_if(p, "cpu"))
			rc = read_name(p, "what each has, like 4 or 500m", &p->s->node_cpu);
		else if (take_if(p, "pods"))
			rc = read_number(p, "the pods that each takes", 1, 100000, &p->s->node_pods);
		else
			return expected(p, "'cpu', 'pods' or the end of the line");
	}
	return rc;
}

static int read_layout(struct parser *p)
{
	int v = 0;
	int rc = choose_row(p, "layout", layout_rows, layout_row_count, &v);
	p->s->layout = (enum layout)v;
	return rc;
}

static int read_network(struct parser *p)
{
	int rc = 0;
	while (rc == 0 && !at_end(p)) {
		if (take_if(p, "latency"))
			rc = read_time_range(p, "the latency of a frame", &p->s->latency_us);
		else if (take_if(p, "loss"))
			rc = read_permille(p, &p->s->loss_permille);
		else if (take_if(p, "bus-loss"))
			rc = read_permille(p, &p->s->bus_loss_permille);
		else
			return expected(p, "'latency', 'loss' or 'bus-loss'");
	}
	return rc;
}

static int read_disk(struct parser *p)
{
	int rc = need(p, "sync");
	return rc ? rc : read_time_range(p, "how long a sync takes", &p->s->sync_us);
}

static int read_warm_up(struct parser *p)
{
	return read_time(p, "the longest warm-up", &p->s->warm_up_us);
}

static struct workload *add_load(struct parser *p)
{
	struct script *s = p->s;
	if (s->load_count == p->loads_cap) {
		p->loads_cap = p->loads_cap ? 2 * p->loads_cap : 4;
		struct workload *more = arena_alloc(&s->arena, p->loads_cap * sizeof *more);
		if (s->load_count)
			memcpy(more, s->loads, s->load_count * sizeof *more);
		s->loads = more;
	}
	struct workload *w = &s->loads[s->load_count++];
	*w = (struct workload){.place = p->lex.now.place, .replicas = -1, .cpu = "100m", .does = "run"};
	return w;
}

static int read_load_options(struct parser *p, struct workload *w)
{
	int rc = 0;
	while (rc == 0 && !at_end(p)) {
		if (take_if(p, "cpu"))
			rc = read_name(p, "what a pod asks for, like 100m", &w->cpu);
		else if (take_if(p, "does"))
			rc = read_string(p, "what its container does, like \"exit 1 after 2s; run\"",
					 &w->does);
		else
			return expected(p, "'cpu', 'does' or the end of the line");
	}
	return rc;
}

static int read_replicaset(struct parser *p)
{
	struct workload *w = add_load(p);
	int rc = read_name(p, "the replica set's name", &w->name);
	if (rc == 0)
		rc = read_number(p, "the number of its pods", 0, SCRIPT_PODS_MAX, &w->replicas);
	return rc ? rc : read_load_options(p, w);
}

static int read_pod(struct parser *p)
{
	struct workload *w = add_load(p);
	int rc = read_name(p, "the pod's name", &w->name);
	return rc ? rc : read_load_options(p, w);
}

static int read_most(struct parser *p)
{
	return need_type(p, TOKEN_MOST, "'<='");
}

static int read_limit(struct parser *p)
{
	static const char *const names[] = {"nodes-down", "faults", "time"};
	struct script *s = p->s;
	struct place at = p->lex.now.place;
	size_t which = 0;
	int rc = choose(p, "limit", names, 3, &which);
	if (rc || (rc = read_most(p)))
		return rc;
	if (which == 0) {
		s->nodes_down_place = at;
		return read_number(p, "the nodes that are down at once", 0, SCRIPT_NODES_MAX,
				   &s->nodes_down_max);
	}
	if (which == 1) {
		s->faults_place = at;
		return read_number(p, "the number of faults", 0, SCRIPT_FAULTS_MAX, &s->faults_max);
	}
	s->time_place = at;
	return read_time(p, "the longest run", &s->time_max_us);
}

/* ---- judgements */

static int add_judgement(struct parser *p, enum judge_word word)
{
	struct script *s = p->s;
	if (s->judgement_count == p->judgements_cap) {
		p->judgements_cap = p->judgements_cap ? 2 * p->judgements_cap : 8;
		struct judgement *more = arena_alloc(&s->arena, p->judgements_cap * sizeof *more);
		if (s->judgement_count)
			memcpy(more, s->judgements, s->judgement_count * sizeof *more);
		s->judgements = more;
	}
	struct judgement *j = &s->judgements[s->judgement_count++];
	*j = (struct judgement){.place = p->lex.now.place, .word = word, .within_us = -1};
	int rc = read_name(p, "an invariant (`troupe chaos invariants` lists them)", &j->name);
	if (rc == 0 && word == JUDGE_EVENTUALLY)
		rc = need(p, "within");
	else if (rc || !take_if(p, "within"))
		return rc;
	else if (word == JUDGE_ALWAYS)
		return script_refuse(s, j->place, p->e, "'always' knows no 'within'");
	return rc ? rc : read_time(p, "within", &j->within_us);
}

static int read_steady(struct parser *p)
{
	return add_judgement(p, JUDGE_STEADY);
}

static int read_always(struct parser *p)
{
	return add_judgement(p, JUDGE_ALWAYS);
}

static int read_eventually(struct parser *p)
{
	return add_judgement(p, JUDGE_EVENTUALLY);
}

static int read_settle(struct parser *p)
{
	p->s->settle_place = p->lex.now.place;
	return read_time(p, "how long it may settle", &p->s->settle_us);
}

/* ---- acts */

static const struct target_row *target_row_at(const struct parser *p)
{
	for (size_t i = 0; i < target_row_count; i++)
		if (next_is(p, target_rows[i].name))
			return &target_rows[i];
	return NULL;
}

static int read_mode(struct parser *p, struct target *t)
{
	int v = 0;
	if (!take_if(p, "mode"))
		return 0;
	int rc = choose_row(p, "mode", mode_rows, mode_row_count, &v);
	t->mode = (enum target_mode)v;
	if (rc || t->mode == MODE_ONE || t->mode == MODE_ALL)
		return rc;
	int64_t max = t->mode == MODE_PERCENT ? 100 : SCRIPT_PODS_MAX;
	return read_number(p, "how many", 1, max, &t->amount);
}

static int read_target(struct parser *p, const struct verb_row *v, struct target *t)
{
	const struct target_row *row = target_row_at(p);
	t->place = p->lex.now.place;
	if (!row) {
		const char *names[CHOICES_MAX];
		size_t n = 0, i;
		for (; n < target_row_count; n++)
			names[n] = target_rows[n].name;
		return choose(p, "target", names, n, &i);
	}
	if (!(v->targets & 1u << row->type))
		return script_refuse(p->s, t->place, p->e, "'%s' does not take '%s'", v->name,
				     row->name);
	take(p);
	t->type = row->type;
	t->name = "";
	if (row->named)
		t->place = p->lex.now.place;
	int rc = row->named ? read_name(p, "its name, or a pattern with *", &t->name) : 0;
	return rc ? rc : read_mode(p, t);
}

static int read_subject(struct parser *p, struct act *a, const char *what)
{
	a->subject_place = p->lex.now.place;
	return read_name(p, what, &a->subject);
}

static int read_end(struct parser *p, struct act *a)
{
	a->verb = VERB_END;
	return read_subject(p, a, "the id of the line that it ends");
}

static int read_from(struct parser *p, struct act *a)
{
	int v = WAY_BOTH;
	int rc = need(p, "from");
	if (rc == 0)
		rc = need(p, "broker");
	if (rc == 0 && take_if(p, "direction"))
		rc = choose_row(p, "direction", way_rows, way_row_count, &v);
	a->ways = (unsigned)v;
	return rc;
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
		rc = read_subject(p, a, "the replica set's name");
		return rc ? rc : read_number(p, "the number of its pods", 0, SCRIPT_PODS_MAX, &a->number);
	case OBJECT_DELETE:
		rc = need(p, "pod");
		a->of = rc == 0 && take_if(p, "of");
		return rc ? rc : read_subject(p, a, a->of ? "the replica set's name" : "'of' or the pod's name");
	}
	return ERR_INVALID;
}

static int read_clauses(struct parser *p, const struct verb_row *v, struct act *a)
{
	int rc = 0;
	while (rc == 0 && !at_end(p)) {
		if (v->clauses & CLAUSE_FOR && a->verb != VERB_END && take_if(p, "for"))
			rc = read_time(p, "how long", &a->for_us);
		else if (v->clauses & CLAUSE_ID && a->verb != VERB_END && take_if(p, "id"))
			rc = read_name(p, "an id", &a->id);
		else
			return expected(p, v->clauses & CLAUSE_FOR  ? "'for', 'id' or the end of the line"
					   : v->clauses & CLAUSE_ID ? "'id' or the end of the line"
								    : "the end of the line");
	}
	return rc;
}

static int read_act(struct parser *p, struct act *a)
{
	const char *names[CHOICES_MAX];
	size_t i = 0;
	for (; i < verb_row_count; i++)
		names[i] = verb_rows[i].name;
	int rc = choose(p, "verb", names, verb_row_count, &i);
	if (rc)
		return rc;
	a->verb = verb_rows[i].verb;
	a->for_us = -1;
	rc = read_object(p, &verb_rows[i], a);
	return rc ? rc : read_clauses(p, &verb_rows[i], a);
}

/* ---- the timeline */

static uint64_t hash(uint64_t h, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		h = (h ^ (uint8_t)text[i]) * 0x100000001b3u;
	return h;
}

/* Equal lines are told apart by their order among themselves. */
static void identify(struct script *s, struct line *l)
{
	uint64_t same = 0;
	const char *text = l->act.id ? l->act.id : (const char *)l->text.data;
	size_t n = l->act.id ? strlen(l->act.id) : l->text.len;
	for (struct line *other = s->lines; other < l; other++)
		same += !l->act.id && span_eq(other->text, l->text);
	l->identity = hash(hash(0xcbf29ce484222325u, text, n) + same, "line", 4);
}

static struct line *add_line(struct parser *p)
{
	struct script *s = p->s;
	if (s->line_count == p->lines_cap) {
		p->lines_cap = p->lines_cap ? 2 * p->lines_cap : 16;
		struct line *more = arena_alloc(&s->arena, p->lines_cap * sizeof *more);
		if (s->line_count)
			memcpy(more, s->lines, s->line_count * sizeof *more);
		s->lines = more;
	}
	struct line *l = &s->lines[s->line_count++];
	*l = (struct line){.place = p->first.place};
	return l;
}

static int read_line(struct parser *p, int (*when)(struct parser *, struct when *))
{
	struct script *s = p->s;
	if (s->line_count == SCRIPT_LINES_MAX)
		return script_refuse(s, p->first.place, p->e, "more than %d lines", SCRIPT_LINES_MAX);
	struct line *l = add_line(p);
	int rc = when(p, &l->when);
	if (rc == 0)
		rc = read_act(p, &l->act);
	l->text = (struct span){p->first.text.data, (size_t)(p->end - p->first.text.data)};
	if (rc == 0)
		identify(s, l);
	return rc;
}

static int when_at(struct parser *p, struct when *w)
{
	w->type = WHEN_AT;
	return read_time_range(p, "when", &w->at);
}

static int when_after(struct parser *p, struct when *w)
{
	w->type = WHEN_AFTER;
	w->after_place = p->lex.now.place;
	int rc = read_name(p, "the id of another line", &w->after);
	return rc ? rc : read_time_range(p, "how long after it", &w->at);
}

static int when_every(struct parser *p, struct when *w)
{
	struct place at = p->lex.now.place;
	w->type = WHEN_EVERY;
	int rc = read_time(p, "how often", &w->period_us);
	if (rc == 0 && w->period_us < 1000)
		return script_refuse(p->s, at, p->e, "at most every 1ms");
	if (rc || (rc = need(p, "from")) || (rc = read_time(p, "from when", &w->from_us)) ||
	    (rc = need(p, "to")))
		return rc;
	at = p->lex.now.place;
	rc = read_time(p, "until when", &w->to_us);
	if (rc == 0 && w->to_us < w->from_us)
		return script_refuse(p->s, at, p->e, "it ends before it begins");
	return rc;
}

static int when_seen(struct parser *p, struct when *w)
{
	int event = 0;
	w->type = WHEN_SEEN;
	w->nth = 1;
	int rc = read_name(p, "the key of an object, such as pods/default/web-*", &w->key);
	if (rc == 0)
		rc = choose_row(p, "event", event_rows, event_row_count, &event);
	w->event = (enum seen_event)event;
	if (rc == 0 && take_if(p, "nth"))
		rc = read_number(p, "the how many-th time", 1, SCRIPT_FAULTS_MAX, &w->nth);
	if (rc == 0)
		rc = need(p, "within");
	return rc ? rc : read_time(p, "how long to wait for it", &w->within_us);
}

static int read_at(struct parser *p)
{
	return read_line(p, when_at);
}

static int read_after(struct parser *p)
{
	return read_line(p, when_after);
}

static int read_when(struct parser *p)
{
	return read_line(p, when_seen);
}

static int read_every(struct parser *p)
{
	return read_line(p, when_every);
}

/* ---- statements */

static const struct statement {
	const char *name;
	int (*read)(struct parser *p);
	bool many;
	const char *form, *help;
} statements[] = {
	{"chaos", read_version, false, "chaos 1", "the language's version; the first line"},
	{"title", read_title, false, "title \"TEXT\"", "what it is about"},
	{"world", read_world, false, "world sim", "where it runs"},
	{"seed", read_seed, false, "seed N", "of all chance; --seed wins (1)"},
	{"nodes", read_nodes, false, "nodes N [cpu 2] [pods 110]", "n1 ... nN (3)"},
	{"layout", read_layout, false, "layout together|apart",
	 "the control plane in one cell, or one for each actor (together)"},
	{"network", read_network, false, "network [latency 20us..3ms] [loss 0.5%] [bus-loss 5%]",
	 "of every link, until settle"},
	{"disk", read_disk, false, "disk sync 100us..4ms", "of the journal"},
	{"replicaset", read_replicaset, true, "replicaset NAME N [cpu 100m] [does \"SCRIPT\"]",
	 "a controller with N pods; SCRIPT as in annotation sim.troupe"},
	{"pod", read_pod, true, "pod NAME [cpu 100m] [does \"SCRIPT\"]", "a pod without a controller"},
	{"warm-up", read_warm_up, false, "warm-up TIME", "until all is steady, at most (60s)"},
	{"limit", read_limit, true, "limit nodes-down|faults|time <= N", "refuses a script beyond it"},
	{"steady", read_steady, true, "steady NAME", "must hold before the first fault"},
	{"at", read_at, true, "at TIME[..TIME] ACT", "counted from the end of the warm-up"},
	{"after", read_after, true, "after ID TIME[..TIME] ACT", "counted from another line's begin"},
	{"when", read_when, true, "when KEY EVENT [nth N] within TIME ACT",
	 "as soon as that is on the disk, before anybody hears of it"},
	{"every", read_every, true, "every TIME from TIME to TIME ACT", "again and again"},
	{"settle", read_settle, false, "settle TIME",
	 "all is healed; the clocks of `eventually` start"},
	{"always", read_always, true, "always NAME", "at every revision of the journal"},
	{"eventually", read_eventually, true, "eventually NAME within TIME",
	 "by then, and from then on to the end of settle"},
};
enum { STATEMENTS = sizeof statements / sizeof *statements };

static int read_statement(struct parser *p)
{
	const char *names[STATEMENTS];
	size_t i = 0;
	for (; i < STATEMENTS; i++)
		names[i] = statements[i].name;
	p->first = p->lex.now;
	int rc = choose(p, "statement", names, STATEMENTS, &i);
	if (rc)
		return rc;
	if (p->s->version == 0 && i != 0)
		return script_refuse(p->s, p->first.place, p->e, "expected 'chaos 1' first");
	if (p->seen_at[i] && !statements[i].many)
		return script_refuse(p->s, p->first.place, p->e, "a second '%s'; the first is in line %u",
				     statements[i].name, p->seen_at[i]);
	p->seen_at[i] = p->first.place.line;
	rc = statements[i].read(p);
	if (rc == 0 && !at_end(p))
		rc = expected(p, "the end of the line");
	return rc;
}

static void defaults(struct script *s)
{
	s->title = "";
	s->world = world_types[0];
	s->seed = 1;
	s->nodes = 3;
	s->node_cpu = "2";
	s->node_pods = 110;
	s->latency_us = (struct range){20, 3000};
	s->sync_us = (struct range){100, 4000};
	s->warm_up_us = 60000000;
	s->nodes_down_max = SCRIPT_NODES_MAX;
	s->faults_max = SCRIPT_FAULTS_MAX;
	s->time_max_us = SCRIPT_TIME_MAX_US;
}

int script_parse(struct script *s, const char *file, struct span text, struct err *e)
{
	struct parser p = {.s = s, .e = e};
	memset(s, 0, sizeof *s);
	s->file = arena_dup(&s->arena, file);
	s->text = (struct span){(uint8_t *)arena_ndup(&s->arena, text.data, text.len), text.len};
	defaults(s);
	if (text.len > SCRIPT_BYTES_MAX)
		return script_refuse(s, (struct place){1, 1}, e, "longer than %d bytes", SCRIPT_BYTES_MAX);
	lex_start(&p.lex, s->text);
	while (p.lex.now.type != TOKEN_EOF) {
		int rc = 0;
		if (p.lex.now.type != TOKEN_END)
			rc = read_statement(&p);
		if (rc)
			return rc;
		lex_next(&p.lex);
	}
	return s->version ? 0 : script_refuse(s, (struct place){1, 1}, e, "expected 'chaos 1' first");
}

int script_load(struct script *s, const char *file, struct err *e)
{
	struct buf b = {0};
	char part[4096];
	size_t n;
	FILE *f = fopen(file, "re");
	memset(s, 0, sizeof *s);
	if (!f)
		return err_set(e, ERR_IO, "%s: %s", file, strerror(errno));
	errno = 0;
	while (b.len <= SCRIPT_BYTES_MAX && (n = fread(part, 1, sizeof part, f)) > 0)
		buf_append(&b, part, n);
	int rc = ferror(f) ? err_set(e, ERR_IO, "%s: %s", file, strerror(errno))
			   : script_parse(s, file, span_buf(&b), e);
	fclose(f);
	buf_fini(&b);
	return rc;
}

void script_fini(struct script *s)
{
	arena_fini(&s->arena);
}

void script_words(FILE *out)
{
	fprintf(out, "Lines (a ; parts a line, # begins a comment):\n");
	for (size_t i = 0; i < STATEMENTS; i++)
		fprintf(out, "  %-56s %s\n", statements[i].form, statements[i].help);
	fprintf(out, "\nACT:\n");
	for (size_t i = 0; i < verb_row_count; i++)
		fprintf(out, "  %-56s %s\n", verb_rows[i].form, verb_rows[i].help);
	fprintf(out, "\nTARGET, with [mode one|all|fixed N|percent N] (one):\n");
	for (size_t i = 0; i < target_row_count; i++) {
		char form[64];
		snprintf(form, sizeof form, "%s%s", target_rows[i].name,
			 target_rows[i].named ? " NAME" : "");
		fprintf(out, "  %-56s %s\n", form, target_rows[i].help);
	}
}
