/* What a script means, before it runs: names resolved, every fault with its
 * end, nothing beyond its limits, nothing that its world cannot do. Times are
 * ranges, so the worst case counts: the earliest begin, the latest end. */
#include <stdio.h>
#include <string.h>

#include "tools/chaos/loads.h"
#include "tools/chaos/invariants.h"
#include "tools/chaos/node_labels.h"
#include "tools/chaos/plan.h"
#include "tools/chaos/world.h"

struct check {
	struct script *s;
	struct err *e;
};

/* ---- ids */

static struct line *line_of_id(struct script *s, const char *id)
{
	for (size_t i = 0; i < s->line_count; i++)
		if (s->lines[i].act.id && strcmp(s->lines[i].act.id, id) == 0)
			return &s->lines[i];
	return NULL;
}

static int unknown_id(struct check *c, struct place at, const char *id)
{
	struct script *s = c->s;
	const char **names = arena_alloc(&s->arena, (s->line_count + 1) * sizeof *names);
	size_t n = 0;
	for (size_t i = 0; i < s->line_count; i++)
		if (s->lines[i].act.id)
			names[n++] = s->lines[i].act.id;
	return script_refuse(s, at, c->e, "no line has the id '%s'%s", id,
			     near_text(&s->arena, span_of(id), names, n));
}

static int check_ids(struct check *c)
{
	for (size_t i = 0; i < c->s->line_count; i++) {
		struct line *l = &c->s->lines[i];
		const struct line *first = l->act.id ? line_of_id(c->s, l->act.id) : l;
		if (first != l)
			return script_refuse(c->s, l->place, c->e, "the id '%s' is that of line %u already",
					     l->act.id, first->place.line);
	}
	return 0;
}

/* A line may follow those above it only: so there is no circle. */
static int check_after(struct check *c, struct line *l)
{
	if (l->when.type != WHEN_AFTER)
		return 0;
	struct line *other = line_of_id(c->s, l->when.after);
	if (!other)
		return unknown_id(c, l->when.after_place, l->when.after);
	if (other >= l)
		return script_refuse(c->s, l->when.after_place, c->e, "'after %s' must stand below that line",
				     l->when.after);
	if (other->when.type == WHEN_EVERY)
		return script_refuse(c->s, l->when.after_place, c->e,
				     "line %u happens again and again: 'after' needs one time",
				     other->place.line);
	l->follows = other;
	return 0;
}

static int check_end(struct check *c, struct line *l)
{
	if (l->act.verb != VERB_END)
		return 0;
	struct place at = l->act.subject_place;
	struct line *other = line_of_id(c->s, l->act.subject);
	if (!other)
		return unknown_id(c, at, l->act.subject);
	if (!verb_lasts(other->act.verb))
		return script_refuse(c->s, at, c->e, "line %u is over at once: there is nothing to end",
				     other->place.line);
	if (other->act.for_us >= 0)
		return script_refuse(c->s, at, c->e, "line %u ends by itself ('for')", other->place.line);
	if (other->when.type == WHEN_EVERY || l->when.type == WHEN_EVERY)
		return script_refuse(c->s, at, c->e, "what happens again and again ends by 'for' only");
	if (line_awaits(other) || line_awaits(l))
		return script_refuse(c->s, at, c->e, "what waits for something ends by 'for' only");
	if (other->ended_by)
		return script_refuse(c->s, at, c->e, "line %u ends it already",
				     other->ended_by->place.line);
	l->ends = other;
	other->ended_by = l;
	return 0;
}

static int check_order(struct check *c, const struct line *l)
{
	if (l->ends && line_begin(l).min < line_begin(l->ends).max)
		return script_refuse(c->s, l->place, c->e, "it may come before line %u, which it ends",
				     l->ends->place.line);
	return 0;
}

static int check_healed(struct check *c, const struct line *l)
{
	const char *v = verb_name(l->act.verb);
	if (!verb_lasts(l->act.verb) || l->act.for_us >= 0 || l->ended_by)
		return 0;
	if (l->act.id)
		return script_refuse(c->s, l->place, c->e, "this %s would never end: add 'for TIME' to it, or a "
				     "line 'at TIME heal %s'", v, l->act.id);
	return script_refuse(c->s, l->place, c->e, "this %s would never end: add 'for TIME' to it, or an id "
			     "and a line 'at TIME heal ID'", v);
}

/* ---- what a line is about */

/* What a label that is asked for may be: the values of a key, or without one the keys. */
static const char **label_words(struct check *c, const char *key, size_t *n)
{
	struct script *s = c->s;
	struct target every = {.type = TARGET_NODE, .name = "*"};
	struct spots nodes;
	size_t most = 1;
	s->world->match(s, &every, &s->arena, &nodes);
	for (size_t i = 0; i < s->labels_count; i++)
		most += s->labels[i].count;
	const char **out = arena_alloc(&s->arena, (most + nodes.count) * sizeof *out);
	*n = 0;
	for (size_t i = 0; key && i < nodes.count; i++) {
		const char *value = node_label(s, nodes.names[i], key);
		if (value)
			out[(*n)++] = value;
	}
	if (!key && s->zone_count)
		out[(*n)++] = "zone";
	for (size_t i = 0; !key && i < s->labels_count; i++)
		for (size_t k = 0; k < s->labels[i].count; k++)
			out[(*n)++] = s->labels[i].labels[k].key;
	return out;
}

/* Each of the labels by itself is of some node. */
static int check_labels(struct check *c, const struct target *t)
{
	struct script *s = c->s;
	for (size_t i = 0; i < t->with_count; i++) {
		const struct node_label *l = &t->with[i];
		struct target alone = {.type = TARGET_NODE, .name = "*", .with = l, .with_count = 1};
		struct spots nodes;
		size_t n;
		s->world->match(s, &alone, &s->arena, &nodes);
		if (nodes.count)
			continue;
		const char **words = label_words(c, l->key, &n);
		if (n)
			return script_refuse(s, l->value_place, c->e, "no node has %s=%s%s", l->key, l->value,
					     near_text(&s->arena, span_of(l->value), words, n));
		words = label_words(c, NULL, &n);
		return script_refuse(s, l->key_place, c->e, "no node has a label '%s'%s", l->key,
				     n ? near_text(&s->arena, span_of(l->key), words, n)
				       : " ('nodes N zones a b' and 'label NODE KEY=VALUE' give them)");
	}
	return 0;
}

static int check_names(struct check *c, const struct target *t)
{
	struct spots spots;
	struct arena *a = &c->s->arena;
	if (t->type == TARGET_NONE)
		return 0;
	c->s->world->match(c->s, t, a, &spots);
	if (spots.count)
		return 0;
	int rc = check_labels(c, t);
	if (rc)
		return rc;
	struct target any = *t;
	any.with_count = 0;
	c->s->world->match(c->s, &any, a, &spots);
	if (spots.count)
		return script_refuse(c->s, t->place, c->e, "no such %s has all these labels", target_name(t->type));
	any.name = "*";
	c->s->world->match(c->s, &any, a, &spots);
	const char *near = near_text(a, span_of(t->name), spots.names, spots.count);
	if (!spots.count && t->type == TARGET_ZONE)
		return script_refuse(c->s, t->place, c->e, "there are no zones: say 'nodes N zones a b'");
	if (*near || !spots.count)
		return script_refuse(c->s, t->place, c->e, "no %s is named '%s'%s", target_name(t->type),
				     t->name, near);
	return script_refuse(c->s, t->place, c->e, "no %s is named '%s' (there are %s%s%s%s)",
			     target_name(t->type), t->name, spots.names[0],
			     spots.count > 1 ? ", " : "", spots.count > 1 ? spots.names[1] : "",
			     spots.count > 2 ? ", ..." : "");
}

/* Whom a message may come from or go to: an actor, a cell or the broker. */
static int check_end_of_link(struct check *c, const char *pattern, struct place at)
{
	static const enum target_type types[] = {TARGET_ACTOR, TARGET_CELL, TARGET_BROKER};
	struct arena *a = &c->s->arena;
	struct spots all[3];
	size_t n = 0;
	if (!pattern)
		return 0;
	for (size_t i = 0; i < 3; i++) {
		struct target every = {.type = types[i], .name = "*"};
		c->s->world->match(c->s, &every, a, &all[i]);
		for (size_t k = 0; k < all[i].count; k++, n++)
			if (glob_matches(pattern, all[i].names[k]))
				return 0;
	}
	const char **names = arena_alloc(a, (n + 1) * sizeof *names);
	n = 0;
	for (size_t i = 0; i < 3; i++)
		for (size_t k = 0; k < all[i].count; k++)
			names[n++] = all[i].names[k];
	return script_refuse(c->s, at, c->e, "no actor and no cell is named '%s'%s", pattern,
			     near_text(a, span_of(pattern), names, n));
}

static int check_messages(struct check *c, const struct line *l)
{
	const struct act *a = &l->act;
	int rc = check_end_of_link(c, a->from, a->from_place);
	return rc ? rc : check_end_of_link(c, a->to, a->to_place);
}

static int check_awaited_message(struct check *c, const struct line *l)
{
	const struct when *w = &l->when;
	struct target kind = {.type = TARGET_MESSAGES, .name = w->key, .place = w->key_place};
	if (w->type != WHEN_SEEN || w->event != SEEN_SENT)
		return 0;
	int rc = check_names(c, &kind);
	if (rc == 0)
		rc = check_end_of_link(c, w->from, w->from_place);
	return rc ? rc : check_end_of_link(c, w->to, w->to_place);
}

static int check_forbidden(struct check *c, const struct line *l)
{
	for (size_t i = 0; i < c->s->forbid_count; i++) {
		const struct forbid *f = &c->s->forbids[i];
		if (f->verb == l->act.verb && (f->target == TARGET_NONE || f->target == l->act.target.type))
			return script_refuse(c->s, l->place, c->e, "line %u forbids it", f->place.line);
	}
	return 0;
}

/* Whether the act may be done to a load of that kind. */
static bool fits(const struct line *l, enum load_kind kind)
{
	const struct load_row *row = &load_rows[kind];
	if (l->act.verb == VERB_DELETE)
		return l->act.of ? row->own_pods : kind == LOAD_POD;
	return l->act.verb == VERB_ROLL ? row->rolls : row->scales;
}

static int check_subject(struct check *c, const struct line *l)
{
	struct script *s = c->s;
	enum verb verb = l->act.verb;
	if ((verb != VERB_SCALE && verb != VERB_ROLL && verb != VERB_DELETE) || l->act.label || !l->act.subject[0])
		return 0; /* which labels there will be, nobody knows yet; or a pod of anybody */
	const char **names = arena_alloc(&s->arena, (s->load_count + 1) * sizeof *names);
	size_t n = 0;
	for (size_t i = 0; i < s->load_count; i++) {
		const struct workload *w = &s->loads[i];
		if (!fits(l, w->kind))
			continue;
		if (strcmp(w->name, l->act.subject) == 0)
			return 0;
		names[n++] = w->name;
	}
	return script_refuse(s, l->act.subject_place, c->e, "no %s is named '%s'%s",
			     verb == VERB_ROLL ? "deployment, stateful or daemon set"
			     : verb == VERB_SCALE ? "replica set, deployment or stateful set"
			     : l->act.of ? "load with pods" : "pod", l->act.subject,
			     near_text(&s->arena, span_of(l->act.subject), names, n));
}

/* What a user may annotate. */
static int check_key(struct check *c, const struct line *l)
{
	static const char *const streams[] = {"pods", "replicationcontrollers", "services", "nodes",
					      "deployments.apps", "statefulsets.apps", "daemonsets.apps",
					      "jobs.batch"};
	struct span key = span_of(l->act.subject ? l->act.subject : "");
	size_t n = sizeof streams / sizeof *streams;
	if (l->act.verb != VERB_TOUCH)
		return 0;
	bool known = false;
	for (size_t i = 0; i < n && !known; i++)
		known = span_is(store_stream_of(key), streams[i]);
	if (known && key.len > store_stream_of(key).len + 1)
		return 0;
	return script_refuse(c->s, l->act.subject_place, c->e,
			     "expected a key like pods/default/web-*, of pods, replicationcontrollers, services "
			     "or nodes, not '%s'%s", l->act.subject,
			     known ? "" : near_text(&c->s->arena, store_stream_of(key), streams, n));
}

/* A line of labels is of some node. */
static int check_labelled(struct check *c)
{
	int rc = 0;
	for (size_t i = 0; i < c->s->labels_count && rc == 0; i++) {
		const struct node_labels *l = &c->s->labels[i];
		struct target t = {.type = TARGET_NODE, .name = l->node, .place = l->place};
		rc = check_names(c, &t);
	}
	return rc;
}

/* Pods and what makes them share their names; of the others each kind has its own. */
static enum load_kind names_of(enum load_kind kind)
{
	return load_rows[kind].own_pods ? LOAD_POD : kind;
}

static int check_loads(struct check *c)
{
	for (size_t i = 0; i < c->s->load_count; i++)
		for (size_t k = 0; k < i; k++)
			if (names_of(c->s->loads[i].kind) == names_of(c->s->loads[k].kind) &&
			    strcmp(c->s->loads[i].name, c->s->loads[k].name) == 0)
				return script_refuse(c->s, c->s->loads[i].place, c->e,
						     "'%s' is in line %u already", c->s->loads[i].name,
						     c->s->loads[k].place.line);
	return 0;
}

/* ---- judgements */

static int check_invariant(struct check *c, struct judgement *j)
{
	struct script *s = c->s;
	const char *names[64];
	size_t n = 0;
	for (; n < invariant_count && n < 64; n++)
		names[n] = invariants[n].name;
	j->invariant = invariant_named(j->name);
	if (!j->invariant)
		return script_refuse(s, j->place, c->e, "no invariant is named '%s'%s", j->name,
				     near_text(&s->arena, span_of(j->name), names, n));
	if (j->word == JUDGE_ALWAYS && !j->invariant->at_revision)
		return script_refuse(s, j->place, c->e, "'%s' cannot hold always: say 'eventually %s within TIME'",
				     j->name, j->name);
	if (j->word != JUDGE_ALWAYS && !j->invariant->as_is)
		return script_refuse(s, j->place, c->e, "'%s' is judged at every revision: say 'always %s'",
				     j->name, j->name);
	return 0;
}

static int check_judgement(struct check *c, struct judgement *j)
{
	struct script *s = c->s;
	int rc = j->condition ? 0 : check_invariant(c, j);
	bool late = j->word == JUDGE_EVENTUALLY || j->word == JUDGE_LEADS_TO;
	if (rc || !late || j->within_us <= s->settle_us)
		return rc;
	return script_refuse(s, j->place, c->e, s->settle_us ? "it may settle for less than that"
				      : "'%s' needs a line 'settle TIME'",
			     j->word == JUDGE_EVENTUALLY ? "eventually" : "leads-to");
}

static int check_checkers(struct check *c)
{
	struct script *s = c->s;
	if (s->checkers && !s->clients)
		return script_refuse(s, s->checker_place, c->e, "there is nothing to check: add 'clients N'");
	if (s->checkers && !s->settle_us)
		return script_refuse(s, s->checker_place, c->e, "'checker' needs a line 'settle TIME'");
	return 0;
}

/* ---- limits */

static int check_faults(struct check *c)
{
	int64_t faults = 0, all = 0;
	for (size_t i = 0; i < c->s->line_count; i++) {
		const struct line *l = &c->s->lines[i];
		int64_t times = (int64_t)line_times(l);
		all += times;
		faults += verb_is_fault(l->act.verb) ? times : 0;
		if (faults > c->s->faults_max || all > SCRIPT_FAULTS_MAX)
			return script_refuse(c->s, l->place, c->e, "more than %lld faults",
					     (long long)(faults > c->s->faults_max ? c->s->faults_max
										   : SCRIPT_FAULTS_MAX));
	}
	return 0;
}

static bool takes_down(enum verb v)
{
	return v == VERB_KILL || v == VERB_PAUSE || v == VERB_PARTITION;
}

/* Of so many zones as it takes, the largest. */
static int64_t nodes_of_largest(struct check *c, const struct target *t)
{
	struct spots zones;
	struct arena a = {0};
	int64_t sizes[SCRIPT_NODES_MAX], n = 0;
	c->s->world->match(c->s, t, &a, &zones);
	for (size_t i = 0; i < zones.count; i++) {
		struct spots one = {&zones.names[i], 1};
		sizes[i] = (int64_t)nodes_of_zones(c->s, &one, &a).count;
	}
	for (int64_t take = target_amount(t, zones.count); take > 0; take--) {
		size_t largest = 0;
		for (size_t i = 1; i < zones.count; i++)
			largest = sizes[i] > sizes[largest] ? i : largest;
		n += sizes[largest];
		sizes[largest] = 0;
	}
	arena_fini(&a);
	return n;
}

/* How many nodes a line takes down at most. Both lists are in the world's
 * order, so one walk is enough. */
static int64_t nodes_of(struct check *c, const struct line *l)
{
	const struct target *t = &l->act.target, every = {.type = TARGET_NODE, .name = "*"};
	struct spots spots, nodes;
	struct arena a = {0};
	int64_t n = 0;
	if (!takes_down(l->act.verb) || t->type == TARGET_NONE || t->type == TARGET_BROKER)
		return 0;
	if (t->type == TARGET_ZONE)
		return nodes_of_largest(c, t);
	c->s->world->match(c->s, t, &a, &spots);
	c->s->world->match(c->s, &every, &a, &nodes);
	for (size_t i = 0, k = 0; i < spots.count; i++) {
		const char *slash = strrchr(spots.names[i], '/'); /* of node-agent/n1 */
		const char *name = slash ? slash + 1 : spots.names[i];
		size_t at = k;
		while (at < nodes.count && strcmp(nodes.names[at], name) != 0)
			at++;
		n += at < nodes.count;
		k = at < nodes.count ? at : k;
	}
	int64_t taken = target_amount(t, spots.count);
	arena_fini(&a);
	return n < taken ? n : taken;
}

/* At each begin: what may be down then. */
static int check_nodes_down(struct check *c)
{
	struct script *s = c->s;
	if (s->nodes_down_max >= s->nodes)
		return 0;
	int64_t *takes = arena_alloc(&s->arena, (s->line_count + 1) * sizeof *takes);
	for (size_t i = 0; i < s->line_count; i++)
		takes[i] = nodes_of(c, &s->lines[i]);
	for (size_t i = 0; i < s->line_count; i++) {
		struct range mine = line_span(&s->lines[i]);
		int64_t down = 0;
		for (size_t k = 0; takes[i] && k < s->line_count; k++) {
			struct range other = takes[k] ? line_span(&s->lines[k]) : mine;
			if (other.min <= mine.max && mine.min < other.max)
				down += takes[k];
		}
		if (takes[i] && down > s->nodes_down_max)
			return script_refuse(s, s->lines[i].place, c->e, "%lld nodes may be down at once here, "
					     "the limit is %lld", (long long)down,
					     (long long)s->nodes_down_max);
	}
	return 0;
}

static int check_time(struct check *c)
{
	struct script *s = c->s;
	for (size_t i = 0; i < s->line_count; i++)
		if (line_span(&s->lines[i]).max + s->settle_us > s->time_max_us)
			return script_refuse(s, s->lines[i].place, c->e,
					     "with this line it may run longer than the limit");
	return 0;
}

/* ---- all of it */

static int check_line(struct check *c, struct line *l)
{
	int rc = check_after(c, l);
	if (rc == 0)
		rc = check_end(c, l);
	if (rc == 0)
		rc = check_forbidden(c, l);
	if (rc == 0)
		rc = check_names(c, &l->act.target);
	if (rc == 0)
		rc = check_messages(c, l);
	if (rc == 0)
		rc = check_awaited_message(c, l);
	if (rc == 0)
		rc = check_key(c, l);
	return rc ? rc : check_subject(c, l);
}

int script_check(struct script *s, struct err *e)
{
	struct check c = {s, e};
	int rc = s->world->cannot ? script_refuse(s, (struct place){1, 1}, e, "%s", s->world->cannot)
				  : check_ids(&c);
	if (rc == 0)
		rc = check_loads(&c);
	if (rc == 0)
		rc = check_labelled(&c);
	for (size_t i = 0; i < s->line_count && rc == 0; i++)
		rc = check_line(&c, &s->lines[i]);
	for (size_t i = 0; i < s->line_count && rc == 0; i++) {
		rc = check_order(&c, &s->lines[i]);
		if (rc == 0)
			rc = check_healed(&c, &s->lines[i]);
	}
	for (size_t i = 0; i < s->judgement_count && rc == 0; i++)
		rc = check_judgement(&c, &s->judgements[i]);
	if (rc == 0)
		rc = check_checkers(&c);
	if (rc == 0 && s->judgement_count == 0 && !s->checkers)
		rc = script_refuse(s, (struct place){1, 1}, e, "nothing is judged: add 'always NAME' or "
				   "'eventually NAME within TIME'");
	if (rc == 0)
		rc = check_faults(&c);
	if (rc == 0)
		rc = check_nodes_down(&c);
	return rc ? rc : check_time(&c);
}
