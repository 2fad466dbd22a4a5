/* What happens to the cluster: faults begin and end, users act. */
#include <stdio.h>
#include <string.h>

#include "tools/chaos/loads.h"
#include "tools/chaos/run_private.h"

enum { SPOTS_SHOWN = 6 };

/* ---- faults */

static void list_spots(const struct happening *h, struct buf *b)
{
	for (size_t i = 0; i < h->spots.count && i < SPOTS_SHOWN; i++)
		buf_printf(b, "%s%s", i ? ", " : "", h->spots.names[i]);
	if (h->spots.count > SPOTS_SHOWN)
		buf_printf(b, " and %zu more", h->spots.count - SPOTS_SHOWN);
}

/* Each spot has a stream of its own, which begins where the line's is. */
static struct strike strike_of(const struct happening *h, size_t spot)
{
	return (struct strike){&h->line->act, h->spots.names[spot], h->by_us,
			       h->chance.state + spot * 0x9e3779b97f4a7c15u};
}

static void set_fault(struct run *r, struct happening *h, struct progress *p, bool on)
{
	if (on)
		p->touched_before = arena_alloc(&r->arena, (h->spots.count + 1) * sizeof(uint64_t));
	for (size_t i = 0; i < h->spots.count; i++) {
		struct strike k = strike_of(h, i);
		if (on)
			p->touched_before[i] = r->type->touched(r->world, &k);
		r->type->set(r->world, &k, on);
	}
}

static uint64_t touched_by(struct run *r, struct happening *h, struct progress *p)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < h->spots.count; i++) {
		struct strike k = strike_of(h, i);
		sum += r->type->touched(r->world, &k) - p->touched_before[i];
	}
	return sum;
}

static void fault_begins(struct run *r, struct happening *h, struct progress *p)
{
	struct buf b = {0};
	list_spots(h, &b);
	set_fault(r, h, p, true);
	r->out->faults++;
	if (!verb_lasts(h->line->act.verb)) {
		p->done = true;
		p->touched = touched_by(r, h, p) > 0;
	}
	run_tell(r, h, false, buf_text(&b));
	buf_fini(&b);
}

static void fault_ends(struct run *r, struct happening *h, struct progress *p)
{
	char text[64];
	set_fault(r, h, p, false);
	uint64_t n = touched_by(r, h, p);
	p->done = true;
	p->touched = n > 0;
	snprintf(text, sizeof text, n ? "healed; it touched %llu" : "healed; it touched nothing",
		 (unsigned long long)n);
	run_tell(r, h, true, text);
}

/* ---- the user's acts */

/* Somebody has asked for that already, and the journal does not show it yet. */
static bool is_being_deleted(const struct run *r, const struct led_object *pod)
{
	return omap_get(&r->deleted, pod->uid) != NULL;
}

static void note_deleted(struct run *r, const char *name, const struct wish *w)
{
	const struct led_object *pod =
		ledger_get(&r->judge.ledger, arena_printf(&r->arena, "pods/default/%s", name));
	if (pod)
		omap_put(&r->deleted, pod->uid, (void *)(uintptr_t)w);
}

static bool is_there(const struct happening *h, const struct led_object *pod)
{
	for (size_t i = 0; i < h->spots.count; i++)
		if (pod->pod.node && strcmp(pod->pod.node->name, h->spots.names[i]) == 0)
			return true;
	return h->line->act.target.type == TARGET_NONE; /* anywhere */
}

/* Whether the line means that pod. */
static bool is_meant(struct run *r, const struct happening *h, const struct led_object *pod)
{
	const struct act *a = &h->line->act;
	if (!is_there(h, pod))
		return false;
	if (!a->label && !a->subject[0])
		return true;
	if (!a->label)
		return load_has_pod(load_named(r->s, a->subject), pod);
	struct mp labels, value;
	struct span text;
	return mp_path(mp_of_bytes(pod->value), "metadata.labels", &labels) && mp_find(labels, a->label, &value) &&
	       mp_str(&value, &text) == 0 && span_is(text, a->subject);
}

static const char *draw_pod(struct run *r, struct happening *h)
{
	const struct ledger *l = &r->judge.ledger;
	const char *chosen = NULL;
	uint64_t n = 0;
	for (struct onode *it = ledger_first(l, "pods/default/"); it;
	     it = ledger_next(it, "pods/default/")) {
		const struct led_object *o = it->value;
		if (!led_pod_lives(o) || !is_meant(r, h, o) || is_being_deleted(r, o))
			continue;
		if (chance_next(&h->chance) % ++n == 0) /* each is as likely */
			chosen = arena_ndup(&r->arena, o->name.data, o->name.len);
	}
	return chosen;
}

/* Each object that the pattern means is as likely. */
static const char *draw_key(struct run *r, struct happening *h)
{
	const char *pattern = h->line->act.subject, *chosen = NULL;
	uint64_t n = 0;
	char prefix[64];
	snprintf(prefix, sizeof prefix, "%.*s", (int)strcspn(pattern, "/*?"), pattern);
	for (struct onode *it = ledger_first(&r->judge.ledger, prefix); it; it = ledger_next(it, prefix)) {
		const struct led_object *o = it->value;
		const char *key = arena_ndup(&r->arena, o->key.data, o->key.len);
		if (glob_matches(pattern, key) && chance_next(&h->chance) % ++n == 0)
			chosen = key;
	}
	return chosen;
}

static const enum wish_type wish_types[] = {
	[VERB_SCALE] = WISH_SCALE,
	[VERB_ROLL] = WISH_ROLL,
	[VERB_DELETE] = WISH_DELETE,
	[VERB_TOUCH] = WISH_TOUCH,
	[VERB_COMPACT] = WISH_COMPACT,
};

static void user_acts(struct run *r, struct happening *h, struct progress *p)
{
	const struct act *a = &h->line->act;
	struct wish *w = arena_alloc(&r->arena, sizeof *w);
	char text[400];
	w->type = wish_types[a->verb];
	w->number = a->number;
	w->load = a->subject && !a->label ? load_named(r->s, a->subject) : NULL;
	w->name = a->verb == VERB_TOUCH ? draw_key(r, h) : a->of || a->label ? draw_pod(r, h) : a->subject;
	if (!w->name && w->type != WISH_COMPACT) {
		p->done = true; /* and it touched nothing */
		run_tell(r, h, false, "there is none");
		return;
	}
	p->wish = w;
	if (w->type == WISH_DELETE)
		note_deleted(r, w->name, w);
	r->type->wish(r->world, w);
	snprintf(text, sizeof text, "%s", w->name ? w->name : "store");
	run_tell(r, h, false, text);
}

/* ---- steps */

void run_take_step(struct run *r, const struct step *step)
{
	struct happening *h = step->what;
	struct progress *p = &r->progress[h - r->plan.happenings];
	if (step->type == STEP_DEADLINE) {
		p->done = true;
		run_tell(r, h, false, "what it waits for was not seen");
	} else if (!verb_is_fault(h->line->act.verb))
		user_acts(r, h, p);
	else if (step->type == STEP_END)
		fault_ends(r, h, p);
	else
		fault_begins(r, h, p);
}
