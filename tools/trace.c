/* `troupe trace`: who caused what, as a tree with times.
 *
 * A message is a *span*; its parent is the message in whose turn it was sent.
 * The rings have the messages (as far as they reach back), the journal has the
 * changes; a change hangs under the transaction that made it, and what its
 * followers did about it under that again.
 *   rings ──► spans by number ──► children of their parents ──► lines
 *   journal ─► changes ──────────┘
 * Asked for an object instead of a trace, it shows every trace that changed
 * that object, as far as the journal was looked through. */
#include <argp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/runtime/cell.h"
#include "actors/schema/json.h"
#include "broker/base/mem.h"
#include "broker/envelope.h"
#include "store/store.h"
#include "tools/commands.h"
#include "tools/kinds.h"
#include "tools/tail.h"

enum { TRACES_MAX = 32, SPANS_MAX = 100000, SCAN_REVISIONS = 20000, REACTIONS_MAX = 16 };

/* A change, copied out of its page. */
struct known_change {
	uint64_t version;
	const char *verb, *key, *who;
	int64_t wall_us;
	struct known_change *next;
};

struct span_node {
	uint32_t span, parent;
	bool known, shown; /* known: a record told who sent it */
	const char *kind, *from, *to;
	uint64_t sent_us, delivered_us, replied_us; /* of the rings' clock; 0: no record */
	uint64_t wait_us, turn_us;
	bool turned, failed;
	const char *dead; /* why it was not delivered */
	struct known_change *changes, *last_change;
	struct reaction {
		const char *actor, *about;
		uint32_t turn_us;
	} reactions[REACTIONS_MAX]; /* turns about its answer or its changes */
	size_t reaction_count;
};

struct tree {
	struct arena arena;
	uint64_t hi, lo;
	struct span_node *spans; /* in the order in which they were first seen */
	size_t count, cap;
	size_t messages, changes;
	int64_t first_wall_us;
	uint64_t first_us, last_us;
};

struct options {
	const char *data_dir, *what;
	uint64_t scan;
	bool json;
};

/* ---- gathering */

static struct span_node *node(struct tree *t, uint32_t span)
{
	for (size_t i = t->count; i-- > 0;) /* new ones come in bursts */
		if (t->spans[i].span == span)
			return &t->spans[i];
	if (t->count == SPANS_MAX)
		return &t->spans[t->count - 1];
	if (t->count == t->cap) {
		t->cap = t->cap ? 2 * t->cap : 64;
		t->spans = mem_realloc(t->spans, t->cap * sizeof *t->spans);
	}
	struct span_node *n = &t->spans[t->count++];
	memset(n, 0, sizeof *n);
	n->span = span;
	return n;
}

static const char *name(struct tree *t, const struct rings_item *i, uint32_t number)
{
	struct span s = ring_reader_name(i->reader, number);
	return arena_ndup(&t->arena, s.data, s.len);
}

static void note_time(struct tree *t, const struct ring_record *r)
{
	if (!t->first_us || r->time_us < t->first_us) {
		t->first_us = r->time_us;
		t->first_wall_us = tail_wall_us(r, 0);
	}
	if (r->time_us > t->last_us)
		t->last_us = r->time_us;
}

static void add_message(struct tree *t, struct span_node *n, const struct rings_item *i)
{
	const struct ring_record *r = &i->record;
	if (n->sent_us && n->delivered_us)
		return; /* a transaction that was asked again */
	n->known = true;
	n->parent = r->parent;
	n->kind = tail_kind_name(r);
	n->from = name(t, i, r->from);
	n->to = name(t, i, r->to);
	if (r->event == RING_SENT) {
		n->sent_us = r->time_us;
		t->messages++;
	} else if (r->event == RING_DELIVERED) {
		n->delivered_us = r->time_us;
	} else {
		n->dead = err_name(-r->detail);
	}
}

static void add_turn(struct tree *t, struct span_node *n, const struct rings_item *i)
{
	const struct ring_record *r = &i->record;
	if (r->kind) {
		n->turned = true;
		n->turn_us = r->size;
		n->wait_us = r->id;
	} else if (n->reaction_count < REACTIONS_MAX) {
		n->reactions[n->reaction_count++] = (struct reaction){
			name(t, i, r->to), cell_item_name(r->detail), r->size};
	}
}

static bool is_answer(const struct ring_record *r)
{
	return r->event == RING_DELIVERED && (r->detail == ENV_REPLY || r->detail == ENV_ERROR);
}

static void add_record(struct tree *t, const struct rings_item *i)
{
	const struct ring_record *r = &i->record;
	if (r->event == RING_SENT && r->detail == ENV_EVENT)
		return; /* the change tells it */
	note_time(t, r);
	struct span_node *n = node(t, r->span);
	if (r->event == RING_TURN) {
		add_turn(t, n, i);
	} else if (r->event == RING_REPLIED) {
		n->failed |= r->detail == ENV_ERROR;
	} else if (is_answer(r)) {
		n->replied_us = r->time_us;
	} else if (r->event == RING_SENT || r->event == RING_DELIVERED || r->event == RING_DEAD) {
		add_message(t, n, i);
	}
}

static void read_rings(struct tree *t, const struct options *o)
{
	struct rings *rings;
	struct rings_item i;
	if (rings_open(&rings, o->data_dir, RINGS_ALL, true, NULL))
		return; /* the journal alone, then */
	while (rings_next(rings, &i, true))
		if (!i.gap && i.record.trace == t->lo)
			add_record(t, &i);
	rings_close(rings);
}

static void add_change(struct tree *t, const struct change *c)
{
	struct known_change *n = arena_alloc(&t->arena, sizeof *n);
	struct span_node *s = node(t, (uint32_t)c->span);
	n->version = c->version;
	n->verb = c->verb;
	n->key = arena_ndup(&t->arena, c->key.data, c->key.len);
	n->who = arena_ndup(&t->arena, c->who.data, c->who.len);
	n->wall_us = c->wall_us;
	if (s->last_change)
		s->last_change->next = n;
	else
		s->changes = n;
	s->last_change = n;
	t->hi = c->trace_hi;
	t->changes++;
}

/* Calls `each` for what the last revisions (o->scan of them) changed. */
static int scan_journal(struct client *cl, const struct options *o,
			void (*each)(void *arg, const struct change *c), void *arg, struct err *e)
{
	uint64_t head = 0, oldest = 0, after;
	int rc = tail_bounds(cl, &head, &oldest, e);
	uint64_t back = store_version(o->scan, 0);
	after = head > back && head - back > oldest ? head - back : oldest;
	for (bool more = rc == 0; more;) {
		struct tail_page p;
		struct change c;
		rc = tail_fetch(cl, "", after, &p, e);
		if (rc)
			break;
		while (tail_next(&p, &c)) {
			after = c.version;
			each(arg, &c);
		}
		more = p.more;
		tail_page_fini(&p);
	}
	return rc;
}

static void take_change(void *arg, const struct change *c)
{
	struct tree *t = arg;
	if (c->trace_lo == t->lo)
		add_change(t, c);
}

/* ---- showing */

static void indent(int depth)
{
	printf("%*s", 12 + 2 * (depth < 30 ? depth : 30), "");
}

static void print_when(const struct tree *t, uint64_t us)
{
	if (us)
		printf("%+9.3fms ", (double)(us - t->first_us) / 1000);
	else
		printf("%11s ", "");
}

static void print_span(const struct tree *t, const struct span_node *n, int depth)
{
	print_when(t, n->sent_us ? n->sent_us : n->delivered_us);
	printf("%*s", 2 * (depth < 30 ? depth : 30), "");
	if (!n->known) {
		printf("(a message that no ring has any more)\n");
		return;
	}
	printf("%s -> %s  %s", n->from, n->to, n->kind);
	if (n->turned)
		printf("  turn %lluus", (unsigned long long)n->turn_us);
	if (n->wait_us)
		printf(", waited %lluus", (unsigned long long)n->wait_us);
	if (n->replied_us && n->sent_us)
		printf(", %s after %.3fms", n->failed ? "refused" : "answered",
		       (double)(n->replied_us - n->sent_us) / 1000);
	if (n->dead)
		printf("  NOT DELIVERED: %s", n->dead);
	printf("\n");
}

static void print_beneath(const struct span_node *n, int depth)
{
	for (const struct known_change *c = n->changes; c; c = c->next) {
		indent(depth + 1);
		printf("r%llu %s %s  (%s)\n",
		       (unsigned long long)(c->version >> STORE_POSITION_BITS), c->verb, c->key,
		       c->who);
	}
	for (size_t i = 0; i < n->reaction_count; i++) {
		const struct reaction *r = &n->reactions[i];
		if (i == 0)
			indent(depth + 1);
		printf("%s%s (%s %uus)%s", i ? ", " : "turns: ", r->actor, r->about, r->turn_us,
		       i + 1 == n->reaction_count ? "\n" : "");
	}
}

/* Span 0 is where it began: a turn that no message led to. */
static void print_beginning(const struct tree *t, const struct span_node *n)
{
	print_when(t, t->first_us);
	for (size_t i = 0; i < n->reaction_count; i++)
		printf("%s%s, about its %s (%uus)", i ? "; " : "", n->reactions[i].actor,
		       n->reactions[i].about, n->reactions[i].turn_us);
	printf("\n");
}

static void print_tree(struct tree *t, struct span_node *n, int depth)
{
	if (n->shown)
		return; /* a ring in the tree would be a bug of ours, not a reason to hang */
	n->shown = true;
	if (!n->span) {
		print_beginning(t, n);
	} else {
		print_span(t, n, depth);
		print_beneath(n, depth);
	}
	for (size_t i = 0; i < t->count; i++)
		if (t->spans[i].known && t->spans[i].parent == n->span)
			print_tree(t, &t->spans[i], depth + 1);
}

static bool has_parent(const struct tree *t, const struct span_node *n)
{
	for (size_t i = 0; n->known && i < t->count; i++)
		if (t->spans[i].span == n->parent && &t->spans[i] != n)
			return true;
	return false;
}

static void show_table(struct tree *t)
{
	printf("trace %016llx%016llx: %zu messages, %zu changes", (unsigned long long)t->hi,
	       (unsigned long long)t->lo, t->messages, t->changes);
	printf(", %.3fms\n", (double)(t->last_us - t->first_us) / 1000);
	for (size_t i = 0; i < t->count; i++)
		if (!has_parent(t, &t->spans[i]))
			print_tree(t, &t->spans[i], 0);
}

static void put_text(struct buf *b, const char *key, const char *text)
{
	buf_printf(b, ",\"%s\":", key);
	json_string(b, span_of(text));
}

static void put_changes(struct buf *b, const struct span_node *n)
{
	buf_puts(b, ",\"changes\":[");
	for (const struct known_change *c = n->changes; c; c = c->next) {
		buf_printf(b, "%s{\"rev\":%llu", c == n->changes ? "" : ",",
			   (unsigned long long)(c->version >> STORE_POSITION_BITS));
		put_text(b, "verb", c->verb);
		put_text(b, "key", c->key);
		put_text(b, "who", c->who);
		buf_putc(b, '}');
	}
	buf_putc(b, ']');
}

/* One line a span; parents lead to the tree. */
static void show_json(struct tree *t)
{
	for (size_t i = 0; i < t->count; i++) {
		const struct span_node *n = &t->spans[i];
		struct buf b = {0};
		buf_printf(&b, "{\"trace\":\"%016llx\",\"span\":\"%08x\",\"parent\":\"%08x\"",
			   (unsigned long long)t->lo, n->span, n->parent);
		if (n->known) {
			put_text(&b, "kind", n->kind);
			put_text(&b, "from", n->from);
			put_text(&b, "to", n->to);
		}
		if (n->sent_us)
			buf_printf(&b, ",\"at_us\":%llu",
				   (unsigned long long)(n->sent_us - t->first_us));
		if (n->turned)
			buf_printf(&b, ",\"wait_us\":%llu,\"turn_us\":%llu",
				   (unsigned long long)n->wait_us, (unsigned long long)n->turn_us);
		if (n->replied_us && n->sent_us)
			buf_printf(&b, ",\"answered_us\":%llu,\"failed\":%s",
				   (unsigned long long)(n->replied_us - n->sent_us),
				   n->failed ? "true" : "false");
		if (n->dead)
			put_text(&b, "error", n->dead);
		put_changes(&b, n);
		printf("%.*s}\n", (int)b.len, (const char *)b.data);
		buf_fini(&b);
	}
}

static int show(struct client *cl, const struct options *o, uint64_t lo, struct err *e)
{
	struct tree t = {.lo = lo};
	read_rings(&t, o);
	int rc = scan_journal(cl, o, take_change, &t, e);
	if (rc == 0 && !t.count)
		rc = err_set(e, ERR_NOT_FOUND,
			     "neither the rings nor the last %llu revisions know trace %016llx",
			     (unsigned long long)o->scan, (unsigned long long)lo);
	if (rc == 0)
		(o->json ? show_json : show_table)(&t);
	free(t.spans);
	arena_fini(&t.arena);
	return rc;
}

/* ---- by object */

struct touched {
	const char *key;
	uint64_t traces[TRACES_MAX];
	size_t count;
};

static void take_touch(void *arg, const struct change *c)
{
	struct touched *k = arg;
	if (!span_is(c->key, k->key) || !c->trace_lo)
		return;
	for (size_t i = 0; i < k->count; i++)
		if (k->traces[i] == c->trace_lo)
			return;
	if (k->count == TRACES_MAX) /* the newest are worth more */
		memmove(k->traces, k->traces + 1, --k->count * sizeof *k->traces);
	k->traces[k->count++] = c->trace_lo;
}

static int show_object(struct client *cl, const struct options *o, struct err *e)
{
	struct touched k = {.key = o->what};
	int rc = scan_journal(cl, o, take_touch, &k, e);
	if (rc == 0 && !k.count)
		return err_set(e, ERR_NOT_FOUND, "the last %llu revisions did not change %s",
			       (unsigned long long)o->scan, o->what);
	for (size_t i = 0; rc == 0 && i < k.count; i++)
		rc = show(cl, o, k.traces[i], e);
	return rc;
}

/* ---- the command */

static const struct argp_option rows[] = {
	{"data-dir", 'd', "DIR", 0, "the cluster's ($TROUPE_DATA_DIR, ./troupe.data)", 0},
	{"output", 'o', "FORM", 0, "table or json (lines, one a message)", 0},
	{"scan", 's', "N", 0, "look through the last N revisions of the journal (20000)", 0},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;
	char *end = NULL;
	switch (key) {
	case 'd':
		o->data_dir = arg;
		return 0;
	case 'o':
		if (strcmp(arg, "json") && strcmp(arg, "table"))
			argp_error(state, "--output takes table or json, not '%s'", arg);
		o->json = strcmp(arg, "json") == 0;
		return 0;
	case 's':
		o->scan = strtoull(arg, &end, 10);
		if (*end || !o->scan)
			argp_error(state, "--scan takes a number of revisions, not '%s'", arg);
		return 0;
	case ARGP_KEY_ARG:
		if (o->what)
			argp_error(state, "one trace at a time");
		o->what = arg;
		return 0;
	case ARGP_KEY_END:
		if (!o->what)
			argp_error(state, "which trace? an id that `troupe tail` shows, or an "
					  "object like pods/default/web");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = rows,
	.parser = parse,
	.args_doc = "ID|KIND/NAMESPACE/NAME",
	.doc = "Shows who caused what in one trace, or in all that changed an object: messages from the "
	       "rings of this machine, changes from the journal.",
};

int command_trace(int argc, char **argv)
{
	struct options o = {.data_dir = default_data_dir(), .scan = SCAN_REVISIONS};
	struct client *cl = NULL;
	struct err e = {0};
	struct arena arena = {0};
	uint64_t lo = 0;
	argv[0] = (char *)"troupe trace";
	argp_parse(&argp, argc, argv, 0, NULL, &o);
	signal(SIGPIPE, SIG_DFL);
	bool object = strchr(o.what, '/') != NULL;
	int rc = 0;
	if (!object && !tail_parse_trace(o.what, &lo))
		rc = err_set(&e, ERR_INVALID, "'%s' is neither a trace id nor an object like pods/default/web", o.what);
	else if (object)
		rc = kinds_key(o.what, &arena, &o.what, &e);
	if (rc == 0)
		rc = client_open(&cl, o.data_dir, TAIL_TIMEOUT_MS, &e);
	if (rc == 0)
		rc = object ? show_object(cl, &o, &e) : show(cl, &o, lo, &e);
	client_close(cl);
	arena_fini(&arena);
	if (rc)
		fprintf(stderr, "troupe trace: %s\n", e.text);
	return rc ? 1 : 0;
}
