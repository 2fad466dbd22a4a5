/* A transaction on its way in.
 *
 *   known request id? ──yes──► the first outcome again
 *   fence? ──another token──► FENCED
 *   compares ──fail, no else branch──► CONFLICT, with the rows as they are
 *   branch: anything against the rules? ──► INVALID or FULL
 *   changes? ──none──► rows only; ──some──► revision, commit, record
 *
 * It is decided at once, against the state plus all writes in flight, and all
 * of it before anything is changed: what got a revision can only fail
 * together with the journal. An answer that rests on a write in flight waits
 * until that one is shown, a refusal as much as a success. */
#include <stdio.h>
#include <stdlib.h>

#include "broker/base/mem.h"
#include "broker/base/planted.h"
#include "store/local/local.h"
#include "store/local/record.h"

/* ---- queues of pending transactions */

void queue_init(struct queue *q)
{
	*q = (struct queue){.last = &q->first};
}

static size_t pending_bytes(const struct pending *p)
{
	return sizeof *p + (p->commit ? p->commit->bytes : 0);
}

void queue_push(struct queue *q, struct pending *p)
{
	p->next = NULL;
	*q->last = p;
	q->last = &p->next;
	q->count++;
	q->bytes += pending_bytes(p);
}

void queue_move(struct queue *to, struct queue *from)
{
	if (!from->first)
		return;
	*to->last = from->first;
	to->last = from->last;
	to->count += from->count;
	to->bytes += from->bytes;
	queue_init(from);
}

struct pending *queue_pop(struct queue *q)
{
	struct pending *p = q->first;
	if (!p)
		return NULL;
	q->first = p->next;
	if (!q->first)
		q->last = &q->first;
	q->count--;
	q->bytes -= pending_bytes(p);
	return p;
}

static struct pending *pending_new(uint64_t ticket, const struct store_txn *t)
{
	size_t rows = t->compare_count;
	rows = t->then_count > rows ? t->then_count : rows;
	rows = t->else_count > rows ? t->else_count : rows;
	struct pending *p = mem_alloc(sizeof *p + rows * sizeof p->rows[0]);
	p->ticket = ticket;
	return p;
}

void pending_destroy(struct pending *p)
{
	for (size_t i = 0; i < p->row_count; i++)
		row_unref(p->rows[i]);
	commit_destroy(p->commit);
	bytes_unref(p->record);
	free(p);
}

void pending_report(struct local *l, struct pending *p)
{
	struct store_row rows[STORE_OPS_MAX];
	struct store_outcome o = {
		.ticket = p->ticket,
		.status = p->status,
		.compared = p->compared,
		.revision = p->revision,
		.row_count = p->row_count,
		.rows = rows,
	};
	for (size_t i = 0; i < p->row_count; i++)
		rows[i] = row_view(p->rows[i]);
	memcpy(o.text, p->text, sizeof o.text);
	if (!p->own)
		l->client.on_outcome(l->client.arg, &o);
	pending_destroy(p);
}

/* ---- is it a request at all */

static int check_key(struct span key, struct err *e)
{
	struct span stream = store_stream_of(key);
	if (key.len > STORE_KEY_BYTES_MAX)
		return err_set(e, ERR_LIMIT, "key of %zu bytes, at most %d are taken", key.len,
			       STORE_KEY_BYTES_MAX);
	if (stream.len == 0 || stream.len == key.len || key.data[0] == 0 ||
	    memchr(stream.data, '@', stream.len))
		return err_set(e, ERR_INVALID, "key %.*s is not stream/rest", (int)key.len,
			       (const char *)key.data);
	return 0;
}

static int check_put(const struct store_op *op, size_t *total, struct err *e)
{
	if (!op->value)
		return err_set(e, ERR_INVALID, "put of %.*s without a value", (int)op->key.len,
			       (const char *)op->key.data);
	size_t len = bytes_span(op->value).len;
	*total += len;
	if (len > STORE_VALUE_BYTES_MAX)
		return err_set(e, ERR_LIMIT, "%.*s: value of %zu bytes, at most %d are taken",
			       (int)op->key.len, (const char *)op->key.data, len,
			       STORE_VALUE_BYTES_MAX);
	if (op->part.len > STORE_PART_BYTES_MAX)
		return err_set(e, ERR_LIMIT, "%.*s: part of %zu bytes, at most %d are taken",
			       (int)op->key.len, (const char *)op->key.data, op->part.len,
			       STORE_PART_BYTES_MAX);
	if (op->lease.len && op->ttl_ms)
		return err_set(e, ERR_INVALID, "%.*s: a lease with a lease", (int)op->key.len,
			       (const char *)op->key.data);
	return op->lease.len ? check_key(op->lease, e) : 0;
}

/* etcd's rule too: one transaction changes a key once. */
static bool changes_twice(const struct store_op *ops, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (ops[k].verb != STORE_GET && span_eq(ops[k].key, ops[i].key))
			return true;
	return false;
}

static int check_ops(const struct store_op *ops, size_t count, struct err *e)
{
	size_t total = 0;
	if (count > STORE_OPS_MAX)
		return err_set(e, ERR_LIMIT, "%zu operations, at most %d are taken", count,
			       STORE_OPS_MAX);
	for (size_t i = 0; i < count; i++) {
		int rc = ops[i].verb > STORE_GET ? err_set(e, ERR_INVALID, "unknown verb")
						 : check_key(ops[i].key, e);
		if (!rc && ops[i].verb == STORE_PUT)
			rc = check_put(&ops[i], &total, e);
		if (!rc && ops[i].verb != STORE_GET && changes_twice(ops, i))
			rc = err_set(e, ERR_INVALID, "%.*s is changed twice",
				     (int)ops[i].key.len, (const char *)ops[i].key.data);
		if (rc)
			return rc;
	}
	if (total > STORE_TXN_BYTES_MAX)
		return err_set(e, ERR_LIMIT, "values of %zu bytes, at most %d are taken", total,
			       STORE_TXN_BYTES_MAX);
	return 0;
}

static int check_txn(const struct store_txn *t, struct err *e)
{
	if (t->compare_count > STORE_OPS_MAX)
		return err_set(e, ERR_LIMIT, "%zu compares, at most %d are taken",
			       t->compare_count, STORE_OPS_MAX);
	if (t->origin.principal.len > STORE_PRINCIPAL_BYTES_MAX)
		return err_set(e, ERR_LIMIT, "principal of %zu bytes", t->origin.principal.len);
	for (size_t i = 0; i < t->compare_count; i++) {
		if (t->compares[i].field > STORE_VALUE)
			return err_set(e, ERR_INVALID, "unknown field to compare");
		int rc = check_key(t->compares[i].key, e);
		if (rc)
			return rc;
	}
	int rc = t->fence_key.len ? check_key(t->fence_key, e) : 0;
	if (!rc)
		rc = check_ops(t->then_ops, t->then_count, e);
	return rc ? rc : check_ops(t->else_ops, t->else_count, e);
}

/* ---- deciding */

static void add_row(struct pending *p, struct row *r, struct span key)
{
	p->rows[p->row_count++] = r ? row_ref(r) : row_absent(key);
}

/* Another holder has the lease, or nobody has. */
static bool is_fenced(struct local *l, const struct store_txn *t, struct pending *p)
{
	if (t->fence_key.len == 0 || PLANTED(FENCE_IGNORED))
		return false;
	const struct row *r = state_next(&l->state, t->fence_key, &p->rests_on);
	uint64_t token = r ? r->mod : 0;
	if (token == t->fence_token && token)
		return false;
	p->status = ERR_FENCED;
	snprintf(p->text, sizeof p->text, "%.*s is held under %llu, not %llu",
		 (int)(t->fence_key.len < 80 ? t->fence_key.len : 80),
		 (const char *)t->fence_key.data, (unsigned long long)token,
		 (unsigned long long)t->fence_token);
	return true;
}

static uint64_t field_of(const struct row *r, enum store_field field)
{
	switch (field) {
	case STORE_MOD:
		return r ? r->mod : 0;
	case STORE_CREATE:
		return r ? r->create : 0;
	case STORE_CHANGES:
		return r ? r->changes : 0;
	default:
		return r != NULL;
	}
}

static bool holds(const struct store_compare *c, const struct row *r)
{
	if (PLANTED(COMPARE_IGNORED) && c->field == STORE_MOD && c->number && r)
		return true;
	if (c->field == STORE_VALUE)
		return r && span_eq(bytes_span(r->value), c->value);
	return field_of(r, c->field) == c->number;
}

static void tell_compare(struct pending *p, const struct store_compare *c, const struct row *r)
{
	static const char *const names[] = {"mod_version", "create_version", "changes",
					    "existence", "value"};
	int len = (int)(c->key.len < 80 ? c->key.len : 80);
	if (c->field == STORE_VALUE)
		snprintf(p->text, sizeof p->text, "%.*s has another value", len,
			 (const char *)c->key.data);
	else
		snprintf(p->text, sizeof p->text, "%.*s: %s is %llu, not %llu", len,
			 (const char *)c->key.data, names[c->field],
			 (unsigned long long)field_of(r, c->field),
			 (unsigned long long)c->number);
}

/* All compares are looked at, so that a refusal rests on all their rows. */
static bool compares_hold(struct local *l, const struct store_txn *t, struct pending *p)
{
	bool all = true;
	for (size_t i = 0; i < t->compare_count; i++) {
		const struct store_compare *c = &t->compares[i];
		const struct row *r = state_next(&l->state, c->key, &p->rests_on);
		if (holds(c, r))
			continue;
		if (all && t->else_count == 0)
			tell_compare(p, c, r);
		all = false;
	}
	return all;
}

static void refuse_conflict(struct local *l, const struct store_txn *t, struct pending *p)
{
	p->status = ERR_CONFLICT;
	for (size_t i = 0; i < t->compare_count; i++) {
		struct span key = t->compares[i].key;
		add_row(p, state_next(&l->state, key, &p->rests_on), key);
	}
}

static int refuse(struct pending *p, int status, const struct store_op *op, const char *why)
{
	p->status = status;
	snprintf(p->text, sizeof p->text, "%.*s: %s",
		 (int)(op->key.len < 80 ? op->key.len : 80), (const char *)op->key.data, why);
	return status;
}

/* What a branch will do. */
struct plan {
	const struct store_op *ops;
	size_t count;
	unsigned changes; /* the keys of ended leases too */
	bool soft;
};

/* The operation that changes the key, NULL if none does. */
static const struct store_op *plan_op(const struct plan *plan, struct span key)
{
	for (size_t i = 0; i < plan->count; i++)
		if (plan->ops[i].verb != STORE_GET && span_eq(plan->ops[i].key, key))
			return &plan->ops[i];
	return NULL;
}

/* A key is a lease or none from its creation to its deletion. */
static int plan_lease(struct local *l, const struct store_op *op, const struct row *now,
		      struct pending *p)
{
	if (now && !now->ttl_ms != !op->ttl_ms)
		return refuse(p, ERR_INVALID, op, now->ttl_ms ? "is a lease" : "is no lease");
	if (!op->lease.len)
		return 0;
	const struct row *lease = state_next(&l->state, op->lease, &p->rests_on);
	const struct lease *of = leases_find(&l->leases, op->lease);
	if (!lease || !of)
		return refuse(p, ERR_NOT_FOUND, op, "its lease does not exist");
	if (lease->soft != op->soft)
		return refuse(p, ERR_INVALID, op, "its lease is not as soft, or as durable, as it");
	return 0;
}

/* As the branch leaves them: what it adds and what it takes away. */
static int plan_attached(struct local *l, const struct plan *plan, struct pending *p)
{
	for (size_t i = 0; i < plan->count; i++) {
		const struct store_op *op = &plan->ops[i];
		if (op->verb != STORE_PUT || !op->lease.len)
			continue;
		const struct store_op *on_lease = plan_op(plan, op->lease);
		if (on_lease && on_lease->verb == STORE_DELETE)
			return refuse(p, ERR_NOT_FOUND, op, "its lease is deleted with it");
		const struct lease *of = leases_find(&l->leases, op->lease);
		long keys = (long)of->keys.count;
		for (size_t k = 0; k < plan->count; k++) {
			const struct store_op *o = &plan->ops[k];
			bool is = omap_get(&of->keys, o->key) != NULL;
			bool will = o->verb == STORE_PUT && span_eq(o->lease, op->lease);
			if (o->verb != STORE_GET && is != will)
				keys += will ? 1 : -1;
		}
		if (keys > STORE_LEASE_KEYS_MAX)
			return refuse(p, ERR_LIMIT, op, "its lease has too many keys");
	}
	return 0;
}

/* The keys of a lease that is deleted go too, but for those that the branch
 * itself changes. */
static int plan_end(struct local *l, struct plan *plan, const struct store_op *op,
		    struct pending *p)
{
	struct lease *lease = leases_find(&l->leases, op->key);
	if (!lease)
		return 0;
	for (struct onode *n = omap_first(&lease->keys); n; n = omap_next(n))
		if (!plan_op(plan, onode_key(n)))
			plan->changes++;
	if (plan->changes > STORE_CHANGES_MAX)
		return refuse(p, ERR_LIMIT, op, "more keys go with it than one transaction takes");
	return 0;
}

static int plan_op_at(struct local *l, struct plan *plan, const struct store_op *op,
		      struct pending *p)
{
	const struct row *now = state_next(&l->state, op->key, &p->rests_on);
	if (op->verb == STORE_GET || (op->verb == STORE_DELETE && !now))
		return 0;
	bool soft = op->verb == STORE_PUT ? op->soft : now->soft;
	if (now && now->soft != soft)
		return refuse(p, ERR_INVALID, op,
			      soft ? "is durable, not soft" : "is soft, not durable");
	if (plan->changes && plan->soft != soft)
		return refuse(p, ERR_INVALID, op, "soft and durable changes in one transaction");
	if (!soft && op->verb == STORE_PUT && journal_full(l->journal))
		return refuse(p, ERR_FULL, op, err_text(ERR_FULL));
	plan->soft = soft;
	plan->changes++;
	return op->verb == STORE_PUT ? plan_lease(l, op, now, p) : plan_end(l, plan, op, p);
}

/* Whether the branch may run; nothing is changed yet. */
static int plan_branch(struct local *l, struct plan *plan, struct pending *p)
{
	int rc = 0;
	for (size_t i = 0; !rc && i < plan->count; i++)
		rc = plan_op_at(l, plan, &plan->ops[i], p);
	return rc ? rc : plan_attached(l, plan, p);
}

static struct row *changed_row(const struct store_op *op, const struct row *was, uint64_t mod)
{
	struct store_row r;
	r = (struct store_row){
		.key = op->key,
		.value = op->value,
		.create_version = was ? was->create : mod,
		.mod_version = mod,
		.changes = was ? was->changes + 1 : 1,
		.part = op->part,
		.secret = op->secret,
		.lease = op->lease,
		.ttl_ms = op->ttl_ms,
	};
	return row_new(&r, op->soft);
}

static struct row *deleted_row(const struct row *was, uint64_t mod)
{
	struct store_row r = row_view(was);
	r.value = NULL;
	r.mod_version = mod;
	return row_new(&r, was->soft);
}

/* A commit that is being filled in. */
struct filling {
	struct commit *commit;
	unsigned count;
	uint64_t logged[STORE_CHANGES_MAX][STORE_LINKS_MAX];
};

/* Takes `row` over. */
static void add_change(struct local *l, struct filling *f, struct row *was, struct row *row)
{
	struct change *ch = &f->commit->changes[f->count];
	ch->was = row_ref(was);
	ch->row = row;
	chains_link(&l->chains, f->commit, f->count, f->logged[f->count]);
	f->count++;
	leases_change(&l->leases, was, row);
	state_stage(&l->state, row);
}

/* After all operations: what a deleted lease still has goes with it. */
static void end_lease(struct local *l, struct filling *f, struct span lease, struct pending *p)
{
	struct span key;
	while (leases_left(&l->leases, lease, &key)) {
		struct row *was = state_next(&l->state, key, &p->rests_on);
		add_change(l, f, was,
			   deleted_row(was, store_version(f->commit->revision, f->count)));
	}
}

/* Gives the transaction its revision and stages its rows; cannot fail. */
static void commit_branch(struct local *l, const struct store_txn *t, const struct plan *plan,
			  struct pending *p)
{
	struct commit *c = commit_new(++l->given, &t->origin, plan->changes);
	struct filling f = {.commit = c};
	c->soft = plan->soft;
	for (size_t i = 0; i < plan->count; i++) {
		const struct store_op *op = &plan->ops[i];
		struct row *now = state_next(&l->state, op->key, &p->rests_on);
		if (op->verb == STORE_GET || (op->verb == STORE_DELETE && !now)) {
			add_row(p, now, op->key);
			continue;
		}
		uint64_t mod = store_version(c->revision, f.count);
		struct row *row = op->verb == STORE_DELETE ? deleted_row(now, mod)
							   : changed_row(op, now, mod);
		add_change(l, &f, now, row);
		add_row(p, row, op->key);
	}
	for (size_t i = 0; i < plan->count; i++)
		if (plan->ops[i].verb == STORE_DELETE)
			end_lease(l, &f, plan->ops[i].key, p);
	commit_seal(c);
	p->commit = c;
	p->revision = c->revision;
	if (c->soft)
		return;
	p->floor = l->compacted;
	p->record = record_encode(c, &(struct record_head){
					     .before = l->last_logged,
					     .floor = p->floor,
					     .compared = p->compared,
					     .lean = journal_full(l->journal),
					     .fence_key = t->fence_key,
					     .fence_token = t->fence_token,
					     .prev = f.logged,
				     });
	l->last_logged = c->revision;
}

static void run_branch(struct local *l, const struct store_txn *t, struct pending *p)
{
	struct plan plan = {
		.ops = p->compared ? t->then_ops : t->else_ops,
		.count = p->compared ? t->then_count : t->else_count,
	};
	if (plan_branch(l, &plan, p))
		return;
	if (plan.changes) {
		commit_branch(l, t, &plan, p);
		return;
	}
	for (size_t i = 0; i < plan.count; i++) {
		struct span key = plan.ops[i].key;
		add_row(p, state_next(&l->state, key, &p->rests_on), key);
	}
}

/* ---- the same request again */

static const struct commit *queued_commit(const struct queue *q, uint64_t revision)
{
	for (const struct pending *p = q->first; p; p = p->next)
		if (p->commit && p->commit->revision == revision)
			return p->commit;
	return NULL;
}

/* Wherever it is by now; `*mine` must be destroyed by the caller. */
static const struct commit *find_commit(struct local *l, uint64_t revision, struct commit **mine)
{
	*mine = NULL;
	const struct commit *c = queued_commit(&l->collected, revision);
	if (!c)
		c = queued_commit(&l->flying, revision);
	if (!c)
		c = queued_commit(&l->landed, revision);
	if (!c)
		c = history_find(&l->history, revision);
	if (!c && history_load(l->journal, revision, mine) == 0)
		c = *mine;
	return c;
}

static struct row *row_in_commit(const struct commit *c, struct span key)
{
	for (unsigned i = 0; c && i < c->count; i++)
		if (span_eq(row_key(c->changes[i].row), key))
			return c->changes[i].row;
	return NULL;
}

/* The changed rows are those of then; rows that were only read, as of now.
 * A commit that has left the history gives its revision alone. */
static void repeat(struct local *l, const struct store_txn *t, const struct dedup_entry *known,
		   struct pending *p)
{
	p->compared = known->compared;
	p->revision = p->rests_on = known->revision;
	if (known->status == ERR_CONFLICT) {
		snprintf(p->text, sizeof p->text, "repeated; its compares did not hold");
		refuse_conflict(l, t, p);
		return;
	}
	struct commit *mine;
	const struct commit *c = known->revision ? find_commit(l, known->revision, &mine) : NULL;
	if (known->revision && !c)
		return;
	const struct store_op *ops = p->compared ? t->then_ops : t->else_ops;
	size_t count = p->compared ? t->then_count : t->else_count;
	for (size_t i = 0; i < count; i++) {
		struct row *r = ops[i].verb == STORE_GET ? NULL : row_in_commit(c, ops[i].key);
		add_row(p, r ? r : state_next(&l->state, ops[i].key, &p->rests_on), ops[i].key);
	}
	if (known->revision)
		commit_destroy(mine);
}

/* What dedup.h says is remembered. Refusals for another reason are not: the
 * same request may well succeed later. */
static void remember(struct local *l, const struct store_txn *t, const struct pending *p)
{
	bool journaled = p->commit && !p->commit->soft;
	bool lost = !p->commit && !p->compared && (p->status == 0 || p->status == ERR_CONFLICT);
	if (!dedup_has_id(t->origin.request) || !(journaled || lost))
		return;
	struct dedup_entry e = {
		.revision = p->commit ? p->commit->revision : 0,
		.wall_us = t->origin.wall_us,
		.status = p->status,
		.compared = p->compared,
	};
	memcpy(e.request, t->origin.request, sizeof e.request);
	dedup_add(&l->dedup, &e);
}

static void decide(struct local *l, const struct store_txn *t, struct pending *p)
{
	const struct dedup_entry *known =
		dedup_has_id(t->origin.request) ? dedup_find(&l->dedup, t->origin.request) : NULL;
	if (known && !PLANTED(REQUEST_FORGOTTEN)) {
		repeat(l, t, known, p);
		return;
	}
	if (is_fenced(l, t, p))
		return;
	p->compared = compares_hold(l, t, p);
	if (!p->compared && t->else_count == 0)
		refuse_conflict(l, t, p);
	else
		run_branch(l, t, p);
	remember(l, t, p);
}

static int take_txn(struct local *l, const struct store_txn *t, uint64_t ticket, bool own,
		    struct err *e)
{
	if (l->stopped)
		return err_set(e, ERR_IO, "%s", l->why);
	int rc = check_txn(t, e);
	if (rc)
		return rc;
	if (l->collected.count + l->answers.count >= l->limits.queue_txns ||
	    l->collected.bytes >= l->limits.queue_bytes)
		return err_set(e, ERR_OVERLOADED, "%zu transactions wait for the disk",
			       l->collected.count + l->answers.count);
	struct pending *p = pending_new(ticket, t);
	p->own = own;
	decide(l, t, p);
	/* its rows are as of then, however late it is told */
	if (!p->commit && !p->revision)
		p->revision = p->rests_on > l->shown ? p->rests_on : l->shown;
	l->answer_due |= !p->commit && p->rests_on <= l->shown;
	queue_push(p->commit ? &l->collected : &l->answers, p);
	batch_early(l);
	return 0;
}

int local_txn(struct local *l, const struct store_txn *t, uint64_t ticket, struct err *e)
{
	return take_txn(l, t, ticket, false, e);
}

int local_delete(struct local *l, struct span key)
{
	struct store_op op = {.verb = STORE_DELETE, .key = key};
	struct store_txn t = {.then_ops = &op, .then_count = 1};
	t.origin.principal = span_of("store");
	t.origin.wall_us = l->last_wall_us;
	return take_txn(l, &t, 0, true, NULL);
}
