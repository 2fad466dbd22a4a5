/* The cell's middle: actors, their mailboxes, who is next.
 *
 * An actor is *down* (state NULL) from its failure to its restart; what
 * arrives meanwhile waits in its mailbox. What a turn is stands in turn.c. */
#include "actors/runtime/cell_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/runtime/messages.h"
#include "broker/base/log.h"
#include "broker/messages.h"

struct key8 key8_of(uint64_t n)
{
	struct key8 k;
	for (int i = 0; i < 8; i++)
		k.b[i] = (uint8_t)(n >> (56 - 8 * i));
	return k;
}

struct item *item_new(enum item_type type, struct span from)
{
	struct item *i = mem_alloc(sizeof *i + from.len + 1);
	char *name = (char *)(i + 1);
	span_text(name, from.len + 1, from);
	i->type = type;
	i->from = name;
	return i;
}

void item_free(struct item *i)
{
	if (!i)
		return;
	bytes_unref(i->owner);
	bytes_unref(i->port.payload);
	view_object_unref(i->was);
	view_object_unref(i->now);
	free(i->key);
	free(i);
}

struct actor *actor_by_name(const struct cell *c, struct span name)
{
	return omap_get(&c->actors, name);
}

struct actor *actor_by_uid(const struct cell *c, uint64_t uid)
{
	struct key8 k = key8_of(uid);
	return omap_get(&c->uids, SPAN8(k));
}

uint64_t cell_clock(struct cell *c)
{
	c->clock_us = c->ops.now_us(c->ops.arg);
	return c->clock_us;
}

void cell_tap(struct cell *c, struct tap_record *r)
{
	if (!c->ops.tap)
		return;
	r->now_us = c->clock_us;
	c->ops.tap(c->ops.arg, r);
}

void cell_tap_actor(struct cell *c, unsigned event, const struct actor *a, int error)
{
	struct tap_record r = {.event = event, .to = span_of(a->name), .error = error};
	cell_tap(c, &r);
}

/* ---- mailboxes */

static void make_runnable(struct cell *c, struct actor *a)
{
	if (a->runnable || a->held || !a->state || !a->first)
		return;
	a->runnable = true;
	a->run_next = NULL;
	if (c->run_last)
		c->run_last->run_next = a;
	else
		c->run_first = a;
	c->run_last = a;
}

static size_t bytes_of(const struct item *i)
{
	return i->type == ITEM_PORT ? bytes_span(i->port.payload).len : i->body.len;
}

int actor_queue(struct cell *c, struct actor *a, struct item *i)
{
	bool bounded = i->type == ITEM_MSG || i->type == ITEM_PORT;
	size_t bytes = bytes_of(i);
	if (bounded && (a->queued >= CELL_MAILBOX_ITEMS_MAX ||
			a->queued_bytes + bytes > CELL_MAILBOX_BYTES_MAX)) {
		a->stats.rejected++;
		item_free(i);
		return ERR_OVERLOADED;
	}
	i->next = NULL;
	i->queued_us = c->clock_us;
	if (a->last)
		a->last->next = i;
	else
		a->first = i;
	a->last = i;
	a->queued++;
	a->queued_bytes += bytes;
	make_runnable(c, a);
	return 0;
}

static struct item *mailbox_pop(struct actor *a)
{
	struct item *i = a->first;
	if (!i)
		return NULL;
	a->first = i->next;
	if (!a->first)
		a->last = NULL;
	a->queued--;
	a->queued_bytes -= bytes_of(i);
	i->next = NULL;
	return i;
}

/* After a failure only requests and sends of others are still worth a turn:
 * replies, timers and views belong to the state that is gone. */
static void mailbox_keep_messages(struct actor *a)
{
	struct item *i = a->first;
	a->first = a->last = NULL;
	a->queued = a->queued_bytes = 0;
	while (i) {
		struct item *next = i->next;
		i->next = NULL;
		if (i->type != ITEM_MSG && i->type != ITEM_STOP) {
			item_free(i);
		} else {
			if (a->last)
				a->last->next = i;
			else
				a->first = i;
			a->last = i;
			a->queued++;
			a->queued_bytes += bytes_of(i);
		}
		i = next;
	}
}

void actor_queue_first(struct cell *c, struct actor *a, struct item *i)
{
	i->next = a->first;
	a->first = i;
	if (!a->last)
		a->last = i;
	a->queued++;
	a->queued_bytes += bytes_of(i);
	make_runnable(c, a);
}

/* ---- an actor's life */

static void ports_close(struct actor *a)
{
	for (size_t i = 0; i < a->port_count; i++) {
		a->ports[i]->driver->close(a->ports[i]);
		free(a->ports[i]);
	}
	free(a->ports);
	a->ports = NULL;
	a->port_count = 0;
}

static void drop_parked(struct cell *c, uint64_t uid, int code)
{
	struct onode *n = omap_first(&c->parkeds);
	while (n) {
		struct parked *p = n->value;
		struct onode *next = omap_next(n);
		if (p->actor_uid == uid) {
			struct actor *a = actor_by_uid(c, uid);
			post_error(c, a ? a->name : "", p->from, p->correlation, code,
				   err_text(code), &p->trace);
			parked_free(omap_remove(&c->parkeds, onode_key(n)));
		}
		n = next;
	}
}

static void uid_set(struct cell *c, struct actor *a)
{
	struct key8 k = key8_of(a->uid);
	omap_remove(&c->uids, SPAN8(k));
	a->uid = ++c->next_id;
	k = key8_of(a->uid);
	omap_put(&c->uids, SPAN8(k), a);
}

/* Everything that belongs to the present incarnation goes. */
static void actor_drop_state(struct cell *c, struct actor *a, int code)
{
	ports_close(a);
	drop_parked(c, a->uid, code);
	pendings_of_actor_drop(c, a->uid);
	view_unfollow_all(c, a->uid);
	monitors_of_actor_drop(c, a->uid);
	commands_of_actor_drop(c, a->uid);
	free(a->role);
	a->role = NULL;
	a->session_tag = 0;
	if (a->state) {
		if (a->spec->fini)
			a->spec->fini(a->state);
		free(a->state);
		a->state = NULL;
	}
}

void actor_start(struct cell *c, struct actor *a)
{
	uid_set(c, a);
	a->begun = false;
	a->state = mem_alloc(a->spec->state_bytes);
	struct item *init = item_new(ITEM_INIT, (struct span){0});
	init->queued_us = cell_clock(c);
	cell_tap_actor(c, RING_STARTED, a, 0);
	actor_queue_first(c, a, init);
}

static void actor_free(void *p)
{
	struct actor *a = p;
	for (struct item *i; (i = mailbox_pop(a));)
		item_free(i);
	bytes_unref(a->cfg);
	failures_fini(&a->failures);
	free(a->name);
	free(a->role);
	free(a);
}

static void run_queue_remove(struct cell *c, struct actor *a)
{
	struct actor **at = &c->run_first, *before = NULL;
	while (*at && *at != a) {
		before = *at;
		at = &(*at)->run_next;
	}
	if (!*at)
		return;
	*at = a->run_next;
	if (c->run_last == a)
		c->run_last = before;
	a->runnable = false;
}

/* Nobody will take what is in the mailbox: who asked is told, the rest is dead
 * letters. */
static void mailbox_give_up(struct cell *c, struct actor *a, int reason)
{
	for (struct item *i; (i = mailbox_pop(a)); item_free(i)) {
		if (i->type == ITEM_MSG && i->request)
			post_error(c, a->name, i->from, i->correlation, ERR_CLOSED,
				   err_text(ERR_CLOSED), &i->trace);
		else if (i->type == ITEM_MSG)
			letter_of_item(c, a, i, reason == ERR_CRASHED ? DEAD_CRASHED : DEAD_CLOSED);
	}
}

static void order_add(struct cell *c, struct actor *a)
{
	a->older = c->newest;
	if (c->newest)
		c->newest->newer = a;
	else
		c->oldest = a;
	c->newest = a;
}

static void order_remove(struct cell *c, struct actor *a)
{
	*(a->older ? &a->older->newer : &c->oldest) = a->newer;
	*(a->newer ? &a->newer->older : &c->newest) = a->older;
}

void actor_end(struct cell *c, struct actor *a, int reason)
{
	actor_drop_state(c, a, reason);
	struct key8 k = key8_of(a->uid);
	omap_remove(&c->uids, SPAN8(k));
	run_queue_remove(c, a);
	mailbox_give_up(c, a, reason);
	omap_remove(&c->actors, span_of(a->name));
	order_remove(c, a);
	monitors_fire(c, span_of(a->name), reason);
	link_register(c, a->name, false);
	actor_free(a);
}

void actor_down(struct cell *c, struct actor *a, int reason)
{
	if (reason == ERR_CRASHED)
		cell_tap_actor(c, RING_CRASHED, a, reason);
	actor_drop_state(c, a, reason);
	uid_set(c, a);
	run_queue_remove(c, a);
	mailbox_keep_messages(a);
	monitors_fire(c, span_of(a->name), reason);
	link_crashed(c, a->name);
}

static const struct actor_spec *spec_of(const struct cell *c, const char *kind)
{
	for (const struct actor_spec *const *s = c->cfg.kinds; *s; s++)
		if (strcmp((*s)->kind, kind) == 0)
			return *s;
	return NULL;
}

int actor_add(struct cell *c, const char *kind, const char *name, struct mp cfg,
	      enum restart_kind otherwise, struct err *e)
{
	const struct actor_spec *spec = spec_of(c, kind);
	if (!spec)
		return err_set(e, ERR_UNSUPPORTED, "there is no actor of kind %s", kind);
	if (strlen(name) > ENV_NAME_BYTES_MAX || !*name)
		return err_set(e, ERR_INVALID, "an actor's name has 1 to %d bytes",
			       ENV_NAME_BYTES_MAX);
	if (actor_by_name(c, span_of(name)))
		return err_set(e, ERR_EXISTS, "actor %s is there already", name);
	struct actor *a = mem_alloc(sizeof *a);
	a->spec = spec;
	a->name = mem_dup(name);
	a->cfg = bytes_copy(cfg.p, (size_t)(cfg.end - cfg.p));
	a->restart = otherwise;
	restart_kind_of(mp_path_str(cfg, "restart"), &a->restart);
	omap_put(&c->actors, span_of(name), a);
	order_add(c, a);
	link_register(c, name, true);
	actor_start(c, a);
	if (strcmp(name, "store") == 0)
		view_store_moved(c);
	return 0;
}

int cell_add_actor(struct cell *c, const char *kind, const char *name, struct mp cfg,
		   struct err *e)
{
	return actor_add(c, kind, name, cfg, RESTART_PERMANENT, e);
}

int cell_kill_actor(struct cell *c, const char *name)
{
	struct actor *a = actor_by_name(c, span_of(name));
	if (!a)
		return ERR_NOT_FOUND;
	if (a->state)
		actor_fail(c, a, &(struct crash){.why = "killed"});
	return 0;
}

int cell_hold_actor(struct cell *c, const char *name, bool held)
{
	struct actor *a = actor_by_name(c, span_of(name));
	if (!a)
		return ERR_NOT_FOUND;
	a->held = held;
	if (held)
		run_queue_remove(c, a);
	else
		make_runnable(c, a);
	return 0;
}

int cell_end_actor(struct cell *c, const char *name)
{
	struct actor *a = actor_by_name(c, span_of(name));
	if (!a)
		return ERR_NOT_FOUND;
	actor_end(c, a, ERR_CRASHED);
	return 0;
}

/* ---- the cell */

struct cell *cell_new(const struct cell_config *cfg, const struct cell_ops *ops)
{
	struct cell *c = mem_alloc(sizeof *c);
	c->cfg = *cfg;
	c->ops = *ops;
	c->name = mem_dup(cfg->name);
	c->self = mem_alloc(strlen(cfg->name) + 6);
	sprintf(c->self, "cell/%s", cfg->name);
	c->rows = catalogue_index_new(cfg->catalogue);
	c->incarnation = ops->random(ops->arg) >> 1;
	/* An answer to a request of a former incarnation may come late, to the
	 * same name: it must not be the answer to one of ours. */
	c->next_id = ops->random(ops->arg) >> 2;
	c->views_act_us = UINT64_MAX;
	c->command_at_us = UINT64_MAX;
	c->policy = cfg->restart.window_us ? cfg->restart : restart_policy_default;
	c->owns_record = !cfg->record;
	c->record = cfg->record ? cfg->record : turn_record_new();
	c->owns_letters = !cfg->letters;
	c->letters = cfg->letters ? cfg->letters : mem_alloc(sizeof *c->letters);
	link_start(c);
	struct turn_note unfinished;
	if (turn_record_interrupted(c->record, &unfinished))
		report_interrupted(c, &unfinished);
	return c;
}

static void outlasting_free(struct cell *c)
{
	if (c->owns_record)
		turn_record_close(c->record);
	if (!c->owns_letters)
		return;
	dead_letters_fini(c->letters);
	free(c->letters);
}

void cell_free(struct cell *c)
{
	if (!c)
		return;
	c->ops.tap = NULL;
	c->stopping = true; /* nothing is sent any more */
	while (c->newest)
		actor_end(c, c->newest, c->failed ? ERR_CRASHED : ERR_CLOSED);
	views_free(c);
	monitors_free(c);
	commands_free(c);
	notices_free(c);
	omap_fini(&c->actors, NULL);
	omap_fini(&c->uids, NULL);
	omap_fini(&c->pendings, pending_free);
	omap_fini(&c->parkeds, parked_free);
	outbox_free(c);
	outlasting_free(c);
	free(c->timers);
	arena_fini(&c->arena);
	effects_free(&c->spare);
	catalogue_index_free(c->rows);
	free(c->name);
	free(c->self);
	free(c);
}

/* A timer of an actor that is down is its restart. */
void timer_fire(struct cell *c, const struct timer *t)
{
	struct actor *a = actor_by_uid(c, t->actor_uid);
	if (!a)
		return;
	if (!a->state) {
		actor_start(c, a);
		return;
	}
	struct item *i = item_new(ITEM_TIMER, (struct span){0});
	i->tag = t->tag;
	actor_queue(c, a, i);
}

bool cell_run(struct cell *c, unsigned turns)
{
	uint64_t now = cell_clock(c);
	timers_run(c, now);
	pendings_sweep(c, now);
	link_tick(c, now);
	commands_tick(c, now);
	views_tick(c, now);
	while (turns-- > 0 && c->run_first && !c->failed) {
		struct actor *a = c->run_first;
		c->run_first = a->run_next;
		if (!c->run_first)
			c->run_last = NULL;
		a->runnable = false;
		struct item *i = a->state ? mailbox_pop(a) : NULL;
		if (!i)
			continue;
		make_runnable(c, a); /* the others come first: fair */
		turn_run(c, a, i);
	}
	outbox_flush(c);
	return c->run_first != NULL && !c->failed;
}

uint64_t cell_deadline(const struct cell *c)
{
	if (c->run_first)
		return 0;
	uint64_t due = c->timer_count ? c->timers[0].due_us : UINT64_MAX;
	uint64_t link = link_deadline(c);
	if (link < due)
		due = link;
	if (c->pendings.count && c->next_sweep_us < due)
		due = c->next_sweep_us;
	if (c->command_at_us < due)
		due = c->command_at_us;
	uint64_t views = views_deadline(c);
	if (views < due)
		due = views;
	return due;
}

const char *cell_name(const struct cell *c)
{
	return c->name;
}

void *cell_actor_state(struct cell *c, const char *name)
{
	struct actor *a = actor_by_name(c, span_of(name));
	return a ? a->state : NULL;
}

struct view *cell_view(struct cell *c, const char *stream)
{
	return omap_get(&c->views, span_of(stream));
}

void cell_each_view(struct cell *c, void (*each)(void *arg, struct view *v), void *arg)
{
	for (struct onode *n = omap_first(&c->views); n; n = omap_next(n))
		each(arg, n->value);
}

size_t cell_actor_queued(struct cell *c, const char *name)
{
	struct actor *a = actor_by_name(c, span_of(name));
	return a ? a->queued : 0;
}

bool cell_connected(const struct cell *c)
{
	return c->link == LINK_UP;
}

uint64_t cell_turns(const struct cell *c)
{
	return c->turns;
}

size_t cell_actor_count(const struct cell *c)
{
	return c->actors.count;
}

const char *cell_role(struct cell *c, const char *name)
{
	const struct actor *a = actor_by_name(c, span_of(name));
	return a ? a->role : NULL;
}

uint64_t cell_actor_restarts(struct cell *c, const char *name)
{
	struct actor *a = actor_by_name(c, span_of(name));
	return a ? a->restarts : 0;
}

const struct dead_letters *cell_dead_letters(const struct cell *c)
{
	return c->letters;
}
